//! The monitor: a week in virtual time against the simulator's truth, and the task that watches for real.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use chrono::TimeDelta;
use engine::outbox::{Audience, Outbox, SharedAudience};
use engine::{Error, StateDir};
use monitor::{
    Acknowledged, Alert, AlertEvent, Batch, Condition, Monitor, MonitorLock, MonitorOptions,
    MonitorStore, Observed, Sample, Schedule, ServiceKey, Watcher, WatcherFuture,
};
use policy::monitoring::{Keep, Monitoring};
use policy::settings::Notify;
use policy::{Span, Timestamp};
use sim::fault::{Fault, FaultKind, Outage, OutageScope};
use sim::ids::ServiceId;
use sim::platform::ServiceSeed;
use sim::{Platform, Settings};

use crate::lab::{Lab, eventually};

const SERVICES: i64 = 200;
const DAYS: i64 = 7;
/// Seven days and two hundred services are about 200,000 probes.
const EVERY: TimeDelta = TimeDelta::minutes(10);

fn origin() -> Timestamp {
    "2027-01-11T00:00:00Z".parse().unwrap()
}

fn key(number: i64) -> ServiceKey {
    ServiceKey::new(format!("c{number:03}").as_str(), "backend")
}

/// Customers' sites on the simulated platform, with outages, and what was seen of them.
struct Week {
    platform: Platform,
    outages: BTreeMap<i64, Vec<(Timestamp, Timestamp)>>,
    truth: BTreeMap<ServiceKey, Truth>,
}

/// What the simulator answered.
#[derive(Default)]
struct Truth {
    latencies: Vec<u32>,
    down: u64,
    no_data: u64,
}

impl Week {
    fn new() -> Self {
        let mut platform = Platform::new(origin(), Settings::default());
        let mut outages: BTreeMap<i64, Vec<_>> = BTreeMap::new();
        for number in 0..SERVICES {
            let seed = ServiceSeed::web(&id(number), &"a".repeat(40), "v1.0.0");
            platform.add_service(origin(), seed);
            // Every seventh service has an outage or two, each of them long enough for three failures in a row.
            for nth in 0..(number % 7 / 5) * (1 + number % 2) {
                let from = origin() + TimeDelta::hours(10 + 5 * (number % 20) + 30 * nth);
                let until = from + EVERY * 4 + TimeDelta::minutes(13 * (number % 9));
                outages.entry(number).or_default().push((from, until));
                arm(&mut platform, Some(number), from, until);
            }
        }
        let from = origin() + TimeDelta::hours(9);
        arm(&mut platform, None, from, from + TimeDelta::minutes(50));
        Self {
            platform,
            outages,
            truth: BTreeMap::new(),
        }
    }

    /// What a probe and, after a failure, a control see.
    fn probe(&mut self, at: Timestamp, key: &ServiceKey, control: i64) -> Sample {
        let number = key.customer.as_str()[1..].parse().unwrap();
        let answered = self.visit(at, number);
        let truth = self.truth.entry(key.clone()).or_default();
        let observed = if let Some(latency_ms) = answered {
            truth.latencies.push(latency_ms);
            Observed::Up { latency_ms }
        } else if self.visit(at, control).is_some() {
            self.truth.get_mut(key).unwrap().down += 1;
            let reason = "no answer".to_owned();
            Observed::Down { reason }
        } else {
            self.truth.get_mut(key).unwrap().no_data += 1;
            let reason = "no control".to_owned();
            Observed::NoData { reason }
        };
        let key = key.clone();
        Sample { key, at, observed }
    }

    fn visit(&mut self, at: Timestamp, number: i64) -> Option<u32> {
        let slowness = (at.timestamp() / 60 + 37 * number).rem_euclid(91);
        self.platform.settings_mut().latency_ms =
            u32::try_from(60 + slowness * slowness / 5 + number).unwrap();
        let service = ServiceId::from(id(number).as_str());
        let reply = self.platform.visit(at, &service, "/api/health")?;
        (reply.status == 200).then_some(reply.latency_ms)
    }
}

fn id(number: i64) -> String {
    format!("srv-{number:020}")
}

fn arm(platform: &mut Platform, number: Option<i64>, from: Timestamp, until: Timestamp) {
    let outage = FaultKind::Unreachable(Outage {
        from,
        until: Some(until),
        reach: OutageScope::Sites,
    });
    let fault = match number {
        Some(number) => Fault::of(&ServiceId::from(id(number).as_str()), outage),
        None => Fault::everywhere(outage),
    };
    platform.arm(origin(), fault).unwrap();
}

#[test]
fn a_week_of_two_hundred_services_is_what_the_simulator_did() {
    let (lab, mut week) = (Lab::new(), Week::new());
    let settings = Monitoring {
        every: Span::from_millis(EVERY.num_milliseconds()),
        keep: Keep {
            samples: Span::from_secs(86_400),
            hours: Span::from_secs(3 * 86_400),
            ..Keep::default()
        },
        ..Monitoring::default()
    };
    let mut schedule = Schedule::new(&settings);
    (0..SERVICES).for_each(|number| schedule.add(key(number), origin()));
    let mut store = MonitorStore::open(&lab.state).unwrap();
    let end = origin() + TimeDelta::days(DAYS);
    let mut downsample_at = origin();
    let mut batch = Batch::default();
    while let Some(at) = schedule.wake_at().filter(|at| *at < end) {
        for key in schedule.due(at) {
            // A service that never fails is a good control.
            let sample = week.probe(at, &key, 0);
            let changes = schedule.observed(&key, &sample.observed);
            batch
                .changes
                .extend(changes.into_iter().map(|change| (key.clone(), at, change)));
            batch.samples.push(sample);
        }
        if batch.samples.len() >= 2000 {
            store.record(&std::mem::take(&mut batch)).unwrap();
        }
        if at >= downsample_at {
            store.downsample(&settings.keep, at).unwrap();
            downsample_at = at + TimeDelta::hours(6);
        }
    }
    store.record(&batch).unwrap();

    check_figures(&store, &week, end);
    check_alerts(&store, &week);
    assert!(schedule.remembered() <= 200 * 100);
    let size = std::fs::metadata(lab.state.monitor()).unwrap().len();
    assert!(size < 24 << 20, "{size} bytes");
}

/// Uptime is exactly that of the answers, and that of the armed outages but for the coarseness of probing.
fn check_figures(store: &MonitorStore, week: &Week, end: Timestamp) {
    let histories = store.history(None, origin(), end, 7).unwrap();
    assert_eq!(histories.len(), week.truth.len());
    for history in histories {
        let (truth, total) = (&week.truth[&history.key], &history.total);
        let seen = (total.up, total.down, total.no_data);
        let answered = u64::try_from(truth.latencies.len()).unwrap();
        assert_eq!(
            seen,
            (answered, truth.down, truth.no_data),
            "{}",
            history.key
        );
        assert!(history.parts.iter().all(|part| part.asked() > 0));

        let mut sorted = truth.latencies.clone();
        sorted.sort_unstable();
        for per_mille in [500, 950, 990] {
            let rank = (sorted.len() * per_mille).div_ceil(1000);
            let exact = sorted[rank - 1];
            let shown = total.quantile(u64::try_from(per_mille).unwrap()).unwrap();
            assert!(
                exact <= shown && shown - exact <= exact / 128,
                "{exact} is shown as {shown}"
            );
        }
        let number = history.key.customer.as_str()[1..].parse::<i64>().unwrap();
        let outages = week.outages.get(&number).map_or(&[][..], Vec::as_slice);
        let lost: TimeDelta = outages.iter().map(|(from, until)| *until - *from).sum();
        let minutes = f64::from(u32::try_from(lost.num_minutes()).unwrap());
        let expected = 100.0 - minutes * 100.0 / 10_080.0;
        let coarse = 0.12 * f64::from(u32::try_from(outages.len()).unwrap()) + 0.01;
        let uptime = total.uptime().unwrap();
        assert!(
            (uptime - expected).abs() <= coarse,
            "{}: {uptime} is not {expected}",
            history.key
        );
    }
}

fn check_alerts(store: &MonitorStore, week: &Week) {
    let alerts = store.alerts(true).unwrap();
    let outages: usize = week.outages.values().map(Vec::len).sum();
    assert!(outages > 40, "{outages} outages");
    assert_eq!(alerts.len(), outages);
    for alert in alerts {
        assert_eq!(alert.condition, Condition::Down);
        let number = alert.key.customer.as_str()[1..].parse::<i64>().unwrap();
        let recovered_at = alert.recovered_at.unwrap();
        let is_of = |(from, until): &&(Timestamp, Timestamp)| {
            *from <= alert.raised_at
                && alert.raised_at < *until
                && *until <= recovered_at
                && recovered_at <= *until + EVERY * 2
        };
        assert_eq!(week.outages[&number].iter().filter(is_of).count(), 1);
    }
}

/// Answers as scripted; the last answer of a script is repeated.
#[derive(Default)]
struct Script {
    answers: Mutex<BTreeMap<ServiceKey, VecDeque<Observed>>>,
    control: Mutex<bool>,
    drift: Mutex<Option<String>>,
}

fn up() -> Observed {
    Observed::Up { latency_ms: 40 }
}

fn down() -> Observed {
    let reason = "503".to_owned();
    Observed::Down { reason }
}

impl Script {
    fn new(answers: &[Observed]) -> Arc<Self> {
        let script = Self::default();
        script
            .answers
            .lock()
            .unwrap()
            .insert(key(0), answers.iter().cloned().collect());
        *script.control.lock().unwrap() = true;
        Arc::new(script)
    }
}

impl Watcher for Script {
    fn probe<'a>(&'a self, key: &'a ServiceKey) -> WatcherFuture<'a, Observed> {
        let mut answers = self.answers.lock().unwrap();
        let answers = answers.entry(key.clone()).or_default();
        let next = match answers.len() {
            0 => up(),
            1 => answers[0].clone(),
            _ => answers.pop_front().unwrap(),
        };
        Box::pin(async move { next })
    }

    fn control<'a>(&'a self, _: &'a ServiceKey) -> WatcherFuture<'a, bool> {
        let answers = *self.control.lock().unwrap();
        Box::pin(async move { answers })
    }

    fn compare(
        &self,
        keys: Vec<ServiceKey>,
    ) -> WatcherFuture<'_, Vec<(ServiceKey, Option<String>)>> {
        let drift = self.drift.lock().unwrap().clone();
        Box::pin(async move { keys.into_iter().map(|key| (key, drift.clone())).collect() })
    }
}

fn options(every: Span) -> MonitorOptions {
    let entry = Notify {
        when: vec!["alert_raised".to_owned(), "alert_recovered".to_owned()],
        to: BTreeMap::from([("command".to_owned(), "./page-somebody".to_owned())]),
        remind: None,
        secret: None,
        text: None,
    };
    MonitorOptions {
        settings: Monitoring {
            every,
            ..Monitoring::default()
        },
        services: vec![key(0)],
        audience: SharedAudience::new(Audience {
            notify: vec![entry],
            ..Audience::default()
        }),
    }
}

fn alerts(state: &StateDir) -> Vec<Alert> {
    let store = MonitorStore::look(state).unwrap().unwrap();
    store.alerts(true).unwrap()
}

fn notifications(state: &StateDir) -> Vec<String> {
    let notifications = Outbox::open_or_make(state)
        .unwrap()
        .list(false, 100)
        .unwrap();
    notifications
        .into_iter()
        .map(|one| one.notification.kind)
        .collect()
}

#[tokio::test]
async fn an_outage_is_told_once_also_by_processes_that_ask_once_each() {
    let lab = Lab::new();
    let script = Script::new(&[up(), down(), down(), down(), down(), up()]);
    let hour = Span::from_secs(3600);
    for _ in 0..6 {
        Monitor::once(
            &lab.state,
            options(hour),
            Arc::clone(&script) as Arc<dyn Watcher>,
        )
        .await
        .unwrap();
    }
    let found = alerts(&lab.state);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].condition, Condition::Down);
    assert!(found[0].recovered_at.is_some());
    assert_eq!(
        notifications(&lab.state),
        ["alert_raised", "alert_recovered"]
    );
}

#[tokio::test]
async fn while_nothing_answers_at_all_nobody_is_blamed() {
    let lab = Lab::new();
    let script = Script::new(&[down()]);
    *script.control.lock().unwrap() = false;
    for _ in 0..5 {
        let watcher = Arc::clone(&script) as Arc<dyn Watcher>;
        let seen = Monitor::once(&lab.state, options(Span::from_secs(3600)), watcher).await;
        assert!(matches!(seen.unwrap()[0].observed, Observed::NoData { .. }));
    }
    assert_eq!(alerts(&lab.state), []);
}

#[tokio::test]
async fn a_drift_is_told_once_and_ends_when_it_is_gone() {
    let lab = Lab::new();
    let script = Script::new(&[up()]);
    for drift in [None, Some("v9 runs"), Some("v9 runs"), None] {
        *script.drift.lock().unwrap() = drift.map(str::to_owned);
        let watcher = Arc::clone(&script) as Arc<dyn Watcher>;
        Monitor::once(&lab.state, options(Span::from_secs(3600)), watcher)
            .await
            .unwrap();
    }
    let found = alerts(&lab.state);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].condition, Condition::Drift);
    assert!(found[0].recovered_at.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_monitor_calls_back_takes_orders_and_ends_cleanly() {
    let lab = Lab::new();
    let script = Script::new(&[down(), down(), down(), up()]);
    let watcher = Arc::clone(&script) as Arc<dyn Watcher>;
    let monitor = Monitor::start(&lab.state, options(Span::from_millis(20)), watcher).unwrap();
    let mut told = monitor.alerts();
    let (raised, stage) = told.recv().await.unwrap();
    assert_eq!(
        (raised.condition, stage),
        (Condition::Down, AlertEvent::Raised)
    );
    assert_eq!(told.recv().await.unwrap().1, AlertEvent::Recovered);

    let another = MonitorLock::acquire(&lab.state);
    assert!(matches!(another, Err(Error::Watched)), "{another:?}");

    monitor.remove(key(0));
    monitor.add(key(1));
    let sampled = |wanted: &ServiceKey| {
        let store = MonitorStore::look(&lab.state).unwrap().unwrap();
        let latest = store.latest().unwrap();
        latest.into_iter().find(|sample| sample.key == *wanted)
    };
    eventually("the added service is asked", || sampled(&key(1)).is_some());
    let last_of_removed = sampled(&key(0)).unwrap().at;
    monitor.set_interval(Span::from_millis(10));
    monitor.end().await;
    assert_eq!(sampled(&key(0)).unwrap().at, last_of_removed);
    MonitorLock::acquire(&lab.state).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_monitor_stores_what_it_has_seen_and_lets_go() {
    let lab = Lab::new();
    let script = Script::new(&[down(), down(), down()]);
    let watcher = Arc::clone(&script) as Arc<dyn Watcher>;
    let monitor = Monitor::start(&lab.state, options(Span::from_millis(5)), watcher).unwrap();
    // The alert is stored at once; what comes after it waits to be stored with others.
    monitor.alerts().recv().await.unwrap();
    drop(monitor);
    eventually("the lock is free", || {
        MonitorLock::acquire(&lab.state).is_ok()
    });
    let store = MonitorStore::look(&lab.state).unwrap().unwrap();
    let latest = store.latest().unwrap();
    assert_eq!(latest[0].observed, down());
}

#[tokio::test]
async fn an_alert_is_acknowledged_once_while_it_is_open() {
    let lab = Lab::new();
    let script = Script::new(&[down(), down(), down(), up()]);
    let once = || {
        let watcher = Arc::clone(&script) as Arc<dyn Watcher>;
        Monitor::once(&lab.state, options(Span::from_secs(3600)), watcher)
    };
    for _ in 0..3 {
        once().await.unwrap();
    }
    let id = alerts(&lab.state)[0].id;
    let acknowledge = |who: &str| {
        let mut store = MonitorStore::open(&lab.state).unwrap();
        store
            .acknowledge(id, &who.into(), "on it", origin())
            .unwrap()
    };
    assert!(MonitorStore::open(&lab.state).unwrap().is_open(id).unwrap());
    assert!(matches!(acknowledge("ann"), Acknowledged::Done(_)));
    assert!(!MonitorStore::open(&lab.state).unwrap().is_open(id).unwrap());
    let Acknowledged::Before(alert) = acknowledge("bob") else {
        panic!("a second person has nothing to acknowledge");
    };
    assert_eq!(alert.acknowledged_by, Some("ann".into()));
    once().await.unwrap();
    let mut store = MonitorStore::open(&lab.state).unwrap();
    let nobody = store.acknowledge(monitor::AlertId(99), &"ann".into(), "x", origin());
    assert_eq!(nobody.unwrap(), Acknowledged::Unknown);
}

#[test]
fn a_damaged_monitor_is_moved_away() {
    let lab = Lab::new();
    drop(MonitorStore::open(&lab.state).unwrap());
    std::fs::write(lab.state.monitor(), "no database at all\n".repeat(100)).unwrap();
    let refused = MonitorStore::open(&lab.state).unwrap_err();
    let file = format!("`{}`", lab.state.monitor().display());
    assert!(refused.to_string().contains(&file), "{refused}");
    assert!(refused.way_out().unwrap().contains("move it away"));
}
