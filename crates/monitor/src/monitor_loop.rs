//! The task that watches: asks whom the schedule names, and has stored and told what follows.

use std::mem;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;
use engine::error::with_causes;
use engine::{Error, StateDir, clock};
use policy::monitoring::Monitoring;
use policy::{Span, Timestamp};
use tokio::sync::{broadcast, mpsc};
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{Instant, sleep};

use super::alert::{Alert, AlertEvent};
use super::judge::Judge;
use super::lock::MonitorLock;
use super::probe::{Observed, Sample, ServiceKey};
use super::schedule::Schedule;
use super::store::{Batch, MonitorStore};
use super::store_and_notify::{Failed, Turn};
use super::visibility::VisibilityTracker;
use super::watcher::{MonitorOptions, Watcher};
use crate::limits::{DOWNSAMPLE_EVERY, SAMPLES_A_BATCH, SAMPLES_KEPT, SAMPLES_WAIT};

/// What was found to run, by service; `None`: what was put there.
type Compared = Vec<(ServiceKey, Option<String>)>;

/// What may be asked of a monitor while it runs.
#[derive(Debug)]
pub(super) enum Order {
    /// Watch one more.
    Add(ServiceKey),
    /// Watch one less.
    Remove(ServiceKey),
    /// Ask again.
    Start,
    /// Ask nobody.
    Stop,
    /// Ask so often.
    Every(Span),
    /// Store what was seen, and end.
    End,
}

/// What the task owns.
pub(super) struct MonitorLoop {
    state: StateDir,
    options: MonitorOptions,
    watcher: Arc<dyn Watcher>,
    pub(super) schedule: Schedule,
    /// Away while it is used on a thread for blocking work, and after a failure.
    store: Option<MonitorStore>,
    batch: Batch,
    asked: JoinSet<Sample>,
    comparing: JoinSet<Compared>,
    alerts: broadcast::Sender<(Alert, AlertEvent)>,
    pub(super) visibility: VisibilityTracker,
    answered: Arc<LastAnswer>,
    downsample_at: Timestamp,
    compare_at: Option<Timestamp>,
    _lock: MonitorLock,
}

impl MonitorLoop {
    pub(super) fn open(
        state: &StateDir,
        options: MonitorOptions,
        watcher: Arc<dyn Watcher>,
        alerts: broadcast::Sender<(Alert, AlertEvent)>,
    ) -> Result<Self, Error> {
        let lock = MonitorLock::acquire(state)?;
        let store = MonitorStore::open(state)?;
        let now = clock::wall();
        let mut schedule = Schedule::new(&options.settings);
        for key in &options.services {
            let judge = known(&store, &options.settings, key)?;
            schedule.resume(key.clone(), now, judge);
        }
        Ok(Self {
            state: state.clone(),
            compare_at: options.settings.drift_every.map(|_| now),
            options,
            watcher,
            schedule,
            store: Some(store),
            batch: Batch::default(),
            asked: JoinSet::new(),
            comparing: JoinSet::new(),
            alerts,
            visibility: VisibilityTracker::default(),
            answered: Arc::default(),
            downsample_at: now,
            _lock: lock,
        })
    }

    /// Until nobody can give orders any more.
    pub(super) async fn run(mut self, mut orders: mpsc::UnboundedReceiver<Order>) {
        loop {
            self.ask();
            self.begin_to_compare();
            let wait = self.patience();
            tokio::select! {
                order = orders.recv() => match order {
                    Some(Order::End) | None => return self.store_or_keep().await,
                    Some(order) => self.follow(order),
                },
                Some(Ok(sample)) = self.asked.join_next() => self.take(sample),
                Some(Ok(compared)) = self.comparing.join_next() => self.take_compared(compared),
                () = sleep(wait) => {}
            }
            if self.is_time_to_store() {
                self.store_or_keep().await;
            }
        }
    }

    /// The next answer of those who are to be asked; `None`: everybody has been.
    pub(super) async fn next(&mut self) -> Option<Sample> {
        self.ask();
        let sample = self.asked.join_next().await?.ok()?;
        self.take(sample.clone());
        Some(sample)
    }

    /// Compares what runs, and stores all there is.
    pub(super) async fn close(mut self) -> Result<(), Error> {
        self.begin_to_compare();
        while let Some(compared) = self.comparing.join_next().await {
            self.take_compared(compared.unwrap_or_default());
        }
        self.store().await
    }

    /// Asks those whose turn it is.
    fn ask(&mut self) {
        for key in self.schedule.due(clock::wall()) {
            let (watcher, answered) = (Arc::clone(&self.watcher), Arc::clone(&self.answered));
            self.asked
                .spawn(async move { probe(&*watcher, key, &answered).await });
        }
    }

    fn take(&mut self, sample: Sample) {
        self.visibility
            .take(&sample, self.schedule.services().count());
        let changes = self.schedule.observed(&sample.key, &sample.observed);
        for change in changes {
            let change = (sample.key.clone(), sample.at, change);
            self.batch.changes.push(change);
        }
        self.batch.samples.push(sample);
    }

    fn begin_to_compare(&mut self) {
        let now = clock::wall();
        let every = self.options.settings.drift_every;
        let (Some(every), Some(at)) = (every, self.compare_at) else {
            return;
        };
        if now < at || !self.comparing.is_empty() {
            return;
        }
        self.compare_at = Some(now + every.to_delta());
        let keys: Vec<ServiceKey> = self.schedule.services().cloned().collect();
        let watcher = Arc::clone(&self.watcher);
        self.comparing
            .spawn(async move { watcher.compare(keys).await });
    }

    fn take_compared(&mut self, compared: Compared) {
        let now = clock::wall();
        for (key, drift) in compared {
            if let Some(change) = self.schedule.compared(&key, drift.as_deref()) {
                self.batch.changes.push((key, now, change));
            }
        }
    }

    fn follow(&mut self, order: Order) {
        let now = clock::wall();
        match order {
            Order::Add(key) => {
                let settings = &self.options.settings;
                let store = self.store.as_ref();
                let judge = store.and_then(|store| known(store, settings, &key).ok());
                self.schedule.resume(key, now, judge.unwrap_or_default());
            }
            Order::Remove(key) => {
                self.visibility.forget(&key);
                self.schedule.remove(&key);
            }
            Order::Start => self.schedule.start(now),
            Order::Stop => self.schedule.stop(),
            Order::Every(every) => self.schedule.set_interval(every, now),
            Order::End => {}
        }
    }

    /// When the first of what was seen has waited long enough to be stored.
    fn store_at(&self) -> Option<Timestamp> {
        let first = self.batch.samples.first()?;
        Some(first.at + delta(SAMPLES_WAIT))
    }

    fn is_time_to_store(&self) -> bool {
        !self.batch.changes.is_empty()
            || self.batch.samples.len() >= SAMPLES_A_BATCH
            || self.store_at().is_some_and(|at| at <= clock::wall())
    }

    /// Until the next turn, or until what was seen is to be stored.
    fn patience(&self) -> Duration {
        let compare_at = self.compare_at.filter(|_| self.comparing.is_empty());
        let next = [self.schedule.wake_at(), self.store_at(), compare_at];
        let next = next.into_iter().flatten().min();
        let wait = next.map(|next| (next - clock::wall()).to_std().unwrap_or_default());
        wait.unwrap_or(DOWNSAMPLE_EVERY)
    }

    /// What cannot be stored now is kept, up to a limit, and stored later.
    async fn store_or_keep(&mut self) {
        if let Err(error) = self.store().await {
            tracing::warn!(
                error = with_causes(&error),
                "the monitor cannot store what it sees"
            );
            let surplus = self.batch.samples.len().saturating_sub(SAMPLES_KEPT);
            self.batch.samples.drain(..surplus);
            sleep(SAMPLES_WAIT).await;
        }
    }

    async fn store(&mut self) -> Result<(), Error> {
        let now = clock::wall();
        let turn = Turn {
            state: self.state.clone(),
            store: self.store.take(),
            batch: mem::take(&mut self.batch),
            audience: self.options.audience.clone(),
            downsample: (now >= self.downsample_at).then_some(self.options.settings.keep),
            now,
        };
        let has_downsampled = turn.downsample.is_some();
        match spawn_blocking(|| turn.take()).await {
            Ok(Ok((store, told))) => {
                self.store = Some(store);
                if has_downsampled {
                    self.downsample_at = now + delta(DOWNSAMPLE_EVERY);
                }
                for one in told {
                    // Nobody may be listening.
                    let _ = self.alerts.send(one);
                }
                Ok(())
            }
            Ok(Err(Failed { batch, error })) => {
                self.batch = batch;
                Err(error)
            }
            Err(panicked) => Err(Error::Bug {
                message: panicked.to_string(),
            }),
        }
    }
}

/// When any service has answered last: as good a control as any.
#[derive(Debug, Default)]
struct LastAnswer(Mutex<Option<Instant>>);

impl LastAnswer {
    fn note(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    fn is_after(&self, instant: Instant) -> bool {
        let last = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.is_some_and(|last| last > instant)
    }
}

/// Asks one service; a failure counts only if something else answers (R20).
async fn probe(watcher: &dyn Watcher, key: ServiceKey, answered: &LastAnswer) -> Sample {
    let (at, began_at) = (clock::wall(), Instant::now());
    let observed = match watcher.probe(&key).await {
        Observed::Up { latency_ms } => {
            answered.note();
            Observed::Up { latency_ms }
        }
        Observed::Down { reason } => {
            if answered.is_after(began_at) || watcher.control(&key).await {
                Observed::Down { reason }
            } else {
                Observed::NoData {
                    reason: format!("{reason}; and nothing else answers either"),
                }
            }
        }
        Observed::NoData { reason } => Observed::NoData { reason },
    };
    Sample { key, at, observed }
}

/// How a service stands, by its last samples and its open alerts.
fn known(store: &MonitorStore, settings: &Monitoring, key: &ServiceKey) -> Result<Judge, Error> {
    let samples = store.last_samples(key)?;
    let open = store.open_conditions(key)?;
    Ok(Judge::resume(&settings.limits, &samples, open))
}

fn delta(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX)
}
