//! Who is told what: notifications beside events, deliveries that fail, and reminders.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use engine::outbox::{
    Alerts, Audience, Delivering, Notification, NotificationId, NotificationState, Outbox,
    OutboxWorker, Recipient, SharedAudience, Sink, Transport, Undelivered,
};
use engine::{EngineOptions, Reader};
use policy::Span;
use rollout::{Kind, Verb};
use tokio::sync::Semaphore;

use crate::lab::{LIMIT, Lab, by, eventually, files, start, start_of, written};
use crate::world::{World, end};

const PROJECT: &str = "\
product: securewatch
people:
  ann: { os: ann, email: ann@example.com }
  bob: { os: bob, email: bob@example.com }
  cyd: { os: cyd, email: cyd@example.com }
groups: { approvers: [ann, bob, cyd] }
mail: { host: localhost, from: a@b.example }
notify:
  - { when: approval_requested, to: { email: approvers }, remind: 1s }
  - { when: [approval_requested, rollout_started], to: { slack: '${env:HOOK}' } }
  - { when: customer_healthy, to: customer }
";
const CUSTOMERS: &str = "\
customers:
  acme:
    tier: main
    services: { backend: { id: srv-acme, url: 'https://acme.example' } }
    contacts: { email: ops@acme.example }
    window: { cron: '0 3 * * *', duration: 2h }
  beta:
    tier: main
    services: { backend: { id: srv-beta, url: 'https://beta.example' } }
    contacts: { email: ops@beta.example }
  late:
    tier: main
    services: { backend: { id: srv-late, url: 'https://late.example' } }
    window: { cron: '0 3 1 6 *', duration: 2h }
";
const POLICY: &str = "\
policy: main
approval: { per: customer, from: [approvers], not: [starter] }
";

fn config() -> policy::Config {
    written(PROJECT, CUSTOMERS, POLICY)
}

fn start_gated() -> Verb {
    start_of(config())
}

/// A rollout whose gates have been asked for, and the engine that drives it.
fn asked(lab: &Lab, world: &World) -> engine::EngineHandle {
    let audience = Audience::of(&config());
    let options = EngineOptions {
        audience: SharedAudience::new(audience.clone()),
        ..world.options()
    };
    let answer = engine::ask_and_notify(
        &lab.state,
        &by("ann", start_gated()),
        &LIMIT.into(),
        files(),
        &audience,
    );
    assert_eq!(answer.unwrap().rejected, None);
    let engine = world.engine(lab, options);
    eventually("requests for approval", || {
        notifications(lab)
            .iter()
            .any(|one| one.kind == "approval_requested")
    });
    engine
}

fn notifications(lab: &Lab) -> Vec<Notification> {
    let stored = Outbox::open(&lab.state).unwrap().list(false, 1000).unwrap();
    stored.into_iter().map(|one| one.notification).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_approver_gets_one_notification_sorted_by_turn() {
    let (lab, world) = (Lab::new(), World::new());
    let engine = asked(&lab, &world);
    let found: Vec<Notification> = notifications(&lab)
        .into_iter()
        .filter(|notification| notification.kind == "approval_requested")
        .collect();
    let told: Vec<String> = found
        .iter()
        .map(|notification| notification.to.to_string())
        .collect();
    // Ann has started the rollout and may not approve it.
    assert_eq!(told, ["email bob", "email cyd", "slack ${env:HOOK}"]);
    for notification in &found {
        let gates: Vec<&str> = notification
            .about
            .iter()
            .filter_map(|gate| gate["gate"].as_str())
            .collect();
        assert_eq!(gates, ["beta", "acme", "late"]);
        let lapses: Vec<Option<bool>> = notification
            .about
            .iter()
            .map(|gate| gate["lapses_before_turn"].as_bool())
            .collect();
        assert_eq!(lapses, [false, false, true].map(Some));
        assert_eq!(notification.version.as_deref(), Some("v1.1.0"));
    }
    end(engine).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notification_is_stored_with_its_event_and_holds_no_plan() {
    let (lab, world) = (Lab::new(), World::new());
    let engine = asked(&lab, &world);
    let events = Reader::open(&lab.state)
        .unwrap()
        .events(None, 0, 100)
        .unwrap();
    let started = events
        .iter()
        .find(|event| event.line.kind == Kind::RolloutStarted)
        .unwrap();
    let notification = notifications(&lab)
        .into_iter()
        .find(|notification| notification.kind == "rollout_started")
        .unwrap();
    assert!(notification.id.0.starts_with(&format!("e{}-", started.seq)));
    assert!(notification.about[0]["data"]["plan"].is_null());
    end(engine).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_is_told_of_itself_only() {
    let (lab, world) = (Lab::new(), World::new());
    let engine = asked(&lab, &world);
    let verb = Verb::Approve {
        gate: "beta".to_owned(),
        reason: None,
        digest: None,
    };
    assert_eq!(engine.ask(by("bob", verb)).await.unwrap().rejected, None);
    let healthy = |notification: &Notification| notification.kind == "customer_healthy";
    eventually("beta is healthy", || {
        notifications(&lab).iter().any(healthy)
    });
    let told: Vec<String> = notifications(&lab)
        .into_iter()
        .filter(healthy)
        .map(|notification| {
            format!(
                "{} {}",
                notification.to.target, notification.about[0]["customer"]
            )
        })
        .collect();
    assert_eq!(told, ["ops@beta.example \"beta\""]);
    end(engine).await.unwrap();
}

/// Fails as it is told, and notes what it was given.
struct Sometimes {
    fail: fn(&Notification) -> Option<bool>,
    given: Mutex<Vec<Notification>>,
}

impl Sometimes {
    fn new(fail: fn(&Notification) -> Option<bool>) -> Arc<Self> {
        let given = Mutex::new(Vec::new());
        Arc::new(Self { fail, given })
    }
}

impl Transport for Sometimes {
    fn deliver<'a>(&'a self, notification: &'a Notification) -> Delivering<'a> {
        self.given.lock().unwrap().push(notification.clone());
        let ended = (self.fail)(notification).map_or(Ok(()), |is_permanent| {
            let reason = "550 no such mailbox".to_owned();
            Err(Undelivered {
                reason,
                is_permanent,
                retry_after: None,
            })
        });
        Box::pin(async move { ended })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notification_that_fails_holds_nothing_up_and_is_not_lost() {
    let (lab, world) = (Lab::new(), World::new());
    end(asked(&lab, &world)).await.unwrap();
    let fails = Sometimes::new(|notification| match notification.to.to_string().as_str() {
        "email bob" => Some(true),
        "email cyd" => Some(false),
        _ => None,
    });
    let transport = Arc::clone(&fails) as Arc<dyn Transport>;
    OutboxWorker::once(&lab.state, transport, no_alerts())
        .await
        .unwrap();

    let outbox = Outbox::open(&lab.state).unwrap();
    let states: BTreeMap<String, NotificationState> = outbox
        .list(false, 100)
        .unwrap()
        .into_iter()
        .filter(|one| {
            one.notification.kind == "approval_requested" && one.notification.reminder == 0
        })
        .map(|one| (one.notification.to.to_string(), one.state))
        .collect();
    assert_eq!(states["email bob"], NotificationState::Failed);
    assert_eq!(states["email cyd"], NotificationState::Pending);
    assert_eq!(states["slack ${env:HOOK}"], NotificationState::Sent);
    let failed = outbox.list(true, 100).unwrap();
    assert_eq!(failed[0].error.as_deref(), Some("550 no such mailbox"));

    let mine = failed
        .iter()
        .find(|one| one.state == NotificationState::Failed)
        .unwrap();
    assert!(
        outbox
            .resend(&mine.notification.id, chrono::Utc::now())
            .unwrap()
    );
    let works = Sometimes::new(|_| None);
    let transport = Arc::clone(&works) as Arc<dyn Transport>;
    OutboxWorker::once(&lab.state, transport, no_alerts())
        .await
        .unwrap();
    let sent = outbox.find(&mine.notification.id).unwrap().unwrap();
    assert_eq!((sent.state, sent.error), (NotificationState::Sent, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_deliver_each_notification_once() {
    let (lab, world) = (Lab::new(), World::new());
    end(asked(&lab, &world)).await.unwrap();
    let works = Sometimes::new(|_| None);
    let transport = || Arc::clone(&works) as Arc<dyn Transport>;
    let (one, other) = tokio::join!(
        OutboxWorker::once(&lab.state, transport(), no_alerts()),
        OutboxWorker::once(&lab.state, transport(), no_alerts())
    );
    one.and(other).unwrap();
    let mut ids: Vec<_> = works
        .given
        .lock()
        .unwrap()
        .iter()
        .map(|one| one.id.clone())
        .collect();
    let given = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), given);
    assert_eq!(given, notifications(&lab).len());
}

/// Dies while it carries.
struct Dying(AtomicUsize);

impl Transport for Dying {
    fn deliver<'a>(&'a self, _: &'a Notification) -> Delivering<'a> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Box::pin(async { panic!("the process dies") })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notification_whose_process_died_is_tried_again() {
    let (lab, world) = (Lab::new(), World::new());
    end(asked(&lab, &world)).await.unwrap();
    let dying = Arc::new(Dying(AtomicUsize::new(0)));
    let transport = Arc::clone(&dying) as Arc<dyn Transport>;
    OutboxWorker::once(&lab.state, transport, no_alerts())
        .await
        .unwrap();
    assert!(dying.0.load(Ordering::SeqCst) > 0);
    let stored = Outbox::open(&lab.state).unwrap().list(false, 100).unwrap();
    let due = |one: &engine::outbox::StoredNotification| {
        one.due_at.is_some_and(|at| at > chrono::Utc::now())
    };
    assert!(stored.iter().all(due), "{stored:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unanswered_request_is_said_again_and_an_answered_one_is_not() {
    let (lab, world) = (Lab::new(), World::new());
    let engine = asked(&lab, &world);
    for gate in ["beta", "acme"] {
        let verb = Verb::Approve {
            gate: gate.to_owned(),
            reason: None,
            digest: None,
        };
        assert_eq!(engine.ask(by("bob", verb)).await.unwrap().rejected, None);
    }
    end(engine).await.unwrap();
    let stored = Outbox::open(&lab.state).unwrap();
    let asked: Vec<Notification> = notifications(&lab)
        .into_iter()
        .filter(|one| one.remind.is_some())
        .collect();
    assert!(!asked.is_empty());
    // As if an hour had gone by.
    let past = chrono::Utc::now() - chrono::TimeDelta::hours(1);
    let tampered = lab.tamper();
    tampered
        .execute(
            "UPDATE notifications SET due_at = ?1, remind_at = ?1 WHERE remind_at IS NOT NULL",
            [past.timestamp_millis()],
        )
        .unwrap();
    let works = Sometimes::new(|_| None);
    let transport = Arc::clone(&works) as Arc<dyn Transport>;
    OutboxWorker::once(&lab.state, transport, no_alerts())
        .await
        .unwrap();
    let again: Vec<Notification> = stored
        .list(false, 1000)
        .unwrap()
        .into_iter()
        .map(|one| one.notification)
        .filter(|notification| notification.reminder == 1)
        .collect();
    assert_eq!(again.len(), asked.len());
    for notification in again {
        let gates: Vec<&str> = notification
            .about
            .iter()
            .filter_map(|gate| gate["gate"].as_str())
            .collect();
        assert_eq!(gates, ["late"]);
        assert_eq!(notification.remind, Some(Span::from_secs(1)));
    }
}

#[test]
fn a_request_filed_without_an_engine_is_told_too() {
    let lab = Lab::new();
    lab.ask(start());
    let mut audience = Audience::of(&config());
    audience.notify[2].when = vec!["paused".to_owned()];
    audience.notify[2].to = BTreeMap::from([("command".to_owned(), "./tell".to_owned())]);
    let pause = Verb::Pause { reason: None };
    let (pause, patience) = (by("ann", pause), LIMIT.into());
    engine::ask_and_notify(&lab.state, &pause, &patience, files(), &audience).unwrap();
    let told: Vec<String> = notifications(&lab)
        .into_iter()
        .map(|notification| notification.kind)
        .collect();
    assert_eq!(told, ["paused"]);
}

/// A notification about nothing.
fn notification(id: usize, sink: Sink, target: &str) -> Notification {
    Notification {
        id: NotificationId(format!("e{id}-00")),
        at: chrono::Utc::now(),
        kind: "paused".to_owned(),
        product: "securewatch".to_owned(),
        rollout: None,
        version: None,
        to: Recipient {
            sink,
            target: target.to_owned(),
            person: None,
            customer: None,
            name: None,
        },
        about: Vec::new(),
        text: None,
        secret: None,
        remind: None,
        reminder: 0,
    }
}

/// Alerts of which only these are raised and not acknowledged.
struct Raised(Vec<i64>);

impl Alerts for Raised {
    fn is_open(&self, id: i64) -> Result<bool, engine::Error> {
        Ok(self.0.contains(&id))
    }
}

fn no_alerts() -> Arc<dyn Alerts> {
    Arc::new(Raised(Vec::new()))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_is_said_again_while_it_is_open() {
    let lab = Lab::new();
    let outbox = posted(
        &lab,
        &[Notification {
            at: chrono::Utc::now() - chrono::TimeDelta::hours(1),
            kind: "alert_raised".to_owned(),
            about: vec![
                serde_json::json!({ "id": 1 }),
                serde_json::json!({ "id": 2 }),
            ],
            remind: Some(Span::from_secs(1)),
            ..notification(1, Sink::Slack, "ops")
        }],
    );
    let works = Sometimes::new(|_| None);
    let transport = || Arc::clone(&works) as Arc<dyn Transport>;
    let reminded = || {
        let stored = outbox.list(false, 10).unwrap().into_iter();
        let again = stored.filter(|one| one.notification.reminder > 0);
        again.map(|one| one.notification.about).collect::<Vec<_>>()
    };
    let due = || {
        let past = chrono::Utc::now() - chrono::TimeDelta::hours(1);
        let sql =
            "UPDATE notifications SET due_at = ?1, remind_at = ?1 WHERE remind_at IS NOT NULL";
        lab.tamper()
            .execute(sql, [past.timestamp_millis()])
            .unwrap();
    };
    due();
    let open: Arc<dyn Alerts> = Arc::new(Raised(vec![2]));
    OutboxWorker::once(&lab.state, transport(), open)
        .await
        .unwrap();
    assert_eq!(reminded(), [vec![serde_json::json!({ "id": 2 })]]);
    due();
    OutboxWorker::once(&lab.state, transport(), no_alerts())
        .await
        .unwrap();
    assert_eq!(reminded().len(), 1, "once it is over nobody is reminded");
}

/// A monitor's file that is damaged.
struct Damaged;

impl Alerts for Damaged {
    fn is_open(&self, _: i64) -> Result<bool, engine::Error> {
        let what = "the file of the monitor".to_owned();
        Err(engine::Error::Damaged { what })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn alerts_that_cannot_be_read_keep_no_other_notification_waiting() {
    let lab = Lab::new();
    let alert = Notification {
        kind: "alert_raised".to_owned(),
        about: vec![serde_json::json!({ "id": 1 })],
        remind: Some(Span::from_secs(60)),
        ..notification(1, Sink::Slack, "ops")
    };
    let outbox = posted(&lab, &[alert, notification(2, Sink::Slack, "ann")]);
    lab.tamper()
        .execute(
            "UPDATE notifications SET remind_at = 1 WHERE remind_at IS NOT NULL",
            [],
        )
        .unwrap();
    let works = Sometimes::new(|_| None) as Arc<dyn Transport>;
    let round = OutboxWorker::once(&lab.state, works, Arc::new(Damaged)).await;
    round.unwrap();
    let told = states(&outbox);
    assert!(
        told.contains(&("ann".to_owned(), NotificationState::Sent)),
        "{told:?}"
    );
    assert!(told.len() >= 3, "the alert is said again: {told:?}");
}

fn posted(lab: &Lab, notifications: &[Notification]) -> Outbox {
    let mut outbox = Outbox::open_or_make(&lab.state).unwrap();
    outbox.post(notifications).unwrap();
    outbox
}

fn states(outbox: &Outbox) -> Vec<(String, NotificationState)> {
    let stored = outbox.list(false, 1000).unwrap().into_iter();
    stored
        .map(|one| (one.notification.to.target, one.state))
        .collect()
}

/// Answers nothing at `hangs` until it may.
struct Hanging {
    may_answer: Semaphore,
    given: Mutex<Vec<String>>,
}

impl Transport for Hanging {
    fn deliver<'a>(&'a self, notification: &'a Notification) -> Delivering<'a> {
        let told = format!("{} {}", notification.to.target, notification.id);
        self.given.lock().unwrap().push(told);
        Box::pin(async move {
            if notification.to.target == "hangs" {
                self.may_answer.acquire().await.unwrap().forget();
            }
            Ok(())
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_hangs_keeps_no_other_one_waiting() {
    let lab = Lab::new();
    // More than all that may be under way, were they not to wait for one another.
    let mut all: Vec<Notification> = (0..100)
        .map(|id| notification(id, Sink::Webhook, "hangs"))
        .collect();
    all.push(notification(100, Sink::Webhook, "quick"));
    all.push(notification(101, Sink::Command, "quick"));
    all.push(notification(102, Sink::Webhook, "quick"));
    let outbox = posted(&lab, &all);
    let hanging = Arc::new(Hanging {
        may_answer: Semaphore::new(0),
        given: Mutex::default(),
    });
    let worker = OutboxWorker::start(
        &lab.state,
        Arc::clone(&hanging) as Arc<dyn Transport>,
        no_alerts(),
    );
    let sent = |target: &str| {
        let states = states(&outbox).into_iter();
        states
            .filter(|(to, state)| to == target && *state == NotificationState::Sent)
            .count()
    };
    eventually("the quick ones stand as delivered", || sent("quick") == 3);
    assert_eq!(sent("hangs"), 0);
    hanging.may_answer.add_permits(3);
    eventually("what is answered stands as delivered", || {
        sent("hangs") == 3
    });
    drop(worker);
    let given = hanging.given.lock().unwrap();
    let to = |target: &str| -> Vec<String> {
        let given = given.iter().filter(|told| told.starts_with(target));
        given.cloned().collect()
    };
    assert_eq!(
        to("hangs")[..3],
        ["hangs e0-00", "hangs e1-00", "hangs e2-00"],
        "one after the other, in order"
    );
    assert!(to("hangs").len() <= 4);
}

/// Asks to be left alone at `busy`.
struct Busy(Mutex<Vec<String>>);

impl Transport for Busy {
    fn deliver<'a>(&'a self, notification: &'a Notification) -> Delivering<'a> {
        self.0.lock().unwrap().push(notification.to.target.clone());
        Box::pin(async move {
            match notification.to.target.as_str() {
                "busy" => Err(Undelivered {
                    reason: "it answered 429".to_owned(),
                    is_permanent: false,
                    retry_after: Some(std::time::Duration::from_mins(50)),
                }),
                _ => Ok(()),
            }
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_to_be_left_alone_is() {
    let lab = Lab::new();
    let targets = ["busy", "busy", "quick"].into_iter().enumerate();
    let all: Vec<Notification> = targets
        .map(|(id, target)| notification(id, Sink::Slack, target))
        .collect();
    let outbox = posted(&lab, &all);
    let busy = Arc::new(Busy(Mutex::default()));
    let begun = chrono::Utc::now();
    OutboxWorker::once(
        &lab.state,
        Arc::clone(&busy) as Arc<dyn Transport>,
        no_alerts(),
    )
    .await
    .unwrap();
    let mut given = busy.0.lock().unwrap().clone();
    given.sort();
    assert_eq!(given, ["busy", "quick"], "the second one is not even tried");
    let first = outbox.find(&all[0].id).unwrap().unwrap();
    assert!(first.due_at.unwrap() - begun >= chrono::TimeDelta::minutes(50));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notification_that_cannot_be_read_keeps_no_other_back() {
    let (lab, world) = (Lab::new(), World::new());
    end(asked(&lab, &world)).await.unwrap();
    let all = notifications(&lab).len();
    lab.tamper()
        .execute_batch("UPDATE notifications SET letter = '{}' WHERE rowid = (SELECT min(rowid) FROM notifications)")
        .unwrap();
    let given = Sometimes::new(|_| None);
    let transport = Arc::clone(&given) as Arc<dyn Transport>;
    OutboxWorker::once(&lab.state, transport, no_alerts())
        .await
        .unwrap();
    assert_eq!(given.given.lock().unwrap().len(), all - 1);
    let error: String = lab
        .tamper()
        .query_row(
            "SELECT error FROM notifications WHERE state = 'failed'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert!(error.contains("cannot be read"), "{error}");
}
