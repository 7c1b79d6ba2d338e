//! Who is told what: notifications beside events, and what the tests of the outbox share.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use chrono::Timelike as _;
use engine::outbox::{
    Alerts, Audience, Delivering, Notification, NotificationId, NotificationState, Outbox,
    Recipient, SharedAudience, Sink, Transport, Undelivered,
};
use engine::{EngineOptions, Reader};
use rollout::{Kind, Verb};

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
    window: { cron: '0 HOUR * * *', duration: 2h }
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

/// By the clock on the wall acme's window opens in half a day, whenever the tests run.
pub(crate) fn config() -> policy::Config {
    let hour = (engine::clock::wall().hour() + 12) % 24;
    let customers = CUSTOMERS.replace("HOUR", &hour.to_string());
    written(PROJECT, &customers, POLICY)
}

pub(crate) fn start_gated() -> Verb {
    start_of(config())
}

/// A rollout whose gates have been asked for, and the engine that drives it.
pub(crate) fn asked(lab: &Lab, world: &World) -> engine::EngineHandle {
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

pub(crate) fn notifications(lab: &Lab) -> Vec<Notification> {
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
pub(crate) fn notification(id: usize, sink: Sink, target: &str) -> Notification {
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

/// Fails as it is told, and notes what it was given.
pub(crate) struct Sometimes {
    fail: fn(&Notification) -> Option<bool>,
    pub(crate) given: Mutex<Vec<Notification>>,
}

impl Sometimes {
    pub(crate) fn new(fail: fn(&Notification) -> Option<bool>) -> Arc<Self> {
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

/// Alerts of which only these are raised and not acknowledged.
pub(crate) struct Raised(pub(crate) Vec<i64>);

impl Alerts for Raised {
    fn is_open(&self, id: i64) -> Result<bool, engine::Error> {
        Ok(self.0.contains(&id))
    }
}

pub(crate) fn no_alerts() -> Arc<dyn Alerts> {
    Arc::new(Raised(Vec::new()))
}

pub(crate) fn posted(lab: &Lab, notifications: &[Notification]) -> Outbox {
    let mut outbox = Outbox::open_or_make(&lab.state).unwrap();
    outbox.post(notifications).unwrap();
    outbox
}

pub(crate) fn states(outbox: &Outbox) -> Vec<(String, NotificationState)> {
    let stored = outbox.list(false, 1000).unwrap().into_iter();
    stored
        .map(|one| (one.notification.to.target, one.state))
        .collect()
}
