//! Who is told what: letters beside events, deliveries that fail, and reminders.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use engine::outbox::{
    Alerts, Audience, Carrier, Carrying, Letter, LetterId, LetterState, Outbox, Postman, Recipient,
    SharedAudience, Sink, Undelivered,
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
    let answer = engine::ask_telling(
        &lab.state,
        &by("ann", start_gated()),
        &LIMIT.into(),
        files(),
        &audience,
    );
    assert_eq!(answer.unwrap().rejected, None);
    let engine = world.engine(lab, options);
    eventually("requests for approval", || {
        letters(lab)
            .iter()
            .any(|one| one.kind == "approval_requested")
    });
    engine
}

fn letters(lab: &Lab) -> Vec<Letter> {
    let stored = Outbox::open(&lab.state).unwrap().list(false, 1000).unwrap();
    stored.into_iter().map(|one| one.letter).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_approver_gets_one_letter_sorted_by_turn() {
    let (lab, world) = (Lab::new(), World::new());
    let engine = asked(&lab, &world);
    let found: Vec<Letter> = letters(&lab)
        .into_iter()
        .filter(|letter| letter.kind == "approval_requested")
        .collect();
    let told: Vec<String> = found.iter().map(|letter| letter.to.to_string()).collect();
    // Ann has started the rollout and may not approve it.
    assert_eq!(told, ["email bob", "email cyd", "slack ${env:HOOK}"]);
    for letter in &found {
        let gates: Vec<&str> = letter
            .about
            .iter()
            .filter_map(|gate| gate["gate"].as_str())
            .collect();
        assert_eq!(gates, ["beta", "acme", "late"]);
        let lapses: Vec<Option<bool>> = letter
            .about
            .iter()
            .map(|gate| gate["lapses_before_turn"].as_bool())
            .collect();
        assert_eq!(lapses, [false, false, true].map(Some));
        assert_eq!(letter.version.as_deref(), Some("v1.1.0"));
    }
    end(engine).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_is_stored_with_its_event_and_holds_no_plan() {
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
    let letter = letters(&lab)
        .into_iter()
        .find(|letter| letter.kind == "rollout_started")
        .unwrap();
    assert!(letter.id.0.starts_with(&format!("e{}-", started.seq)));
    assert!(letter.about[0]["data"]["plan"].is_null());
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
    let healthy = |letter: &Letter| letter.kind == "customer_healthy";
    eventually("beta is healthy", || letters(&lab).iter().any(healthy));
    let told: Vec<String> = letters(&lab)
        .into_iter()
        .filter(healthy)
        .map(|letter| format!("{} {}", letter.to.target, letter.about[0]["customer"]))
        .collect();
    assert_eq!(told, ["ops@beta.example \"beta\""]);
    end(engine).await.unwrap();
}

/// Fails as it is told, and notes what it was given.
struct Sometimes {
    fail: fn(&Letter) -> Option<bool>,
    given: Mutex<Vec<Letter>>,
}

impl Sometimes {
    fn new(fail: fn(&Letter) -> Option<bool>) -> Arc<Self> {
        let given = Mutex::new(Vec::new());
        Arc::new(Self { fail, given })
    }
}

impl Carrier for Sometimes {
    fn carry<'a>(&'a self, letter: &'a Letter) -> Carrying<'a> {
        self.given.lock().unwrap().push(letter.clone());
        let ended = (self.fail)(letter).map_or(Ok(()), |is_hopeless| {
            let reason = "550 no such mailbox".to_owned();
            Err(Undelivered {
                reason,
                is_hopeless,
                retry_after: None,
            })
        });
        Box::pin(async move { ended })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_that_fails_holds_nothing_up_and_is_not_lost() {
    let (lab, world) = (Lab::new(), World::new());
    end(asked(&lab, &world)).await.unwrap();
    let fails = Sometimes::new(|letter| match letter.to.to_string().as_str() {
        "email bob" => Some(true),
        "email cyd" => Some(false),
        _ => None,
    });
    let carrier = Arc::clone(&fails) as Arc<dyn Carrier>;
    Postman::once(&lab.state, carrier, no_alerts())
        .await
        .unwrap();

    let outbox = Outbox::open(&lab.state).unwrap();
    let states: BTreeMap<String, LetterState> = outbox
        .list(false, 100)
        .unwrap()
        .into_iter()
        .filter(|one| one.letter.kind == "approval_requested" && one.letter.reminder == 0)
        .map(|one| (one.letter.to.to_string(), one.state))
        .collect();
    assert_eq!(states["email bob"], LetterState::Failed);
    assert_eq!(states["email cyd"], LetterState::Pending);
    assert_eq!(states["slack ${env:HOOK}"], LetterState::Sent);
    let failed = outbox.list(true, 100).unwrap();
    assert_eq!(failed[0].error.as_deref(), Some("550 no such mailbox"));

    let mine = failed
        .iter()
        .find(|one| one.state == LetterState::Failed)
        .unwrap();
    assert!(outbox.resend(&mine.letter.id, chrono::Utc::now()).unwrap());
    let works = Sometimes::new(|_| None);
    let carrier = Arc::clone(&works) as Arc<dyn Carrier>;
    Postman::once(&lab.state, carrier, no_alerts())
        .await
        .unwrap();
    let sent = outbox.find(&mine.letter.id).unwrap().unwrap();
    assert_eq!((sent.state, sent.error), (LetterState::Sent, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_deliver_each_letter_once() {
    let (lab, world) = (Lab::new(), World::new());
    end(asked(&lab, &world)).await.unwrap();
    let works = Sometimes::new(|_| None);
    let carrier = || Arc::clone(&works) as Arc<dyn Carrier>;
    let (one, other) = tokio::join!(
        Postman::once(&lab.state, carrier(), no_alerts()),
        Postman::once(&lab.state, carrier(), no_alerts())
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
    assert_eq!(given, letters(&lab).len());
}

/// Dies while it carries.
struct Dying(AtomicUsize);

impl Carrier for Dying {
    fn carry<'a>(&'a self, _: &'a Letter) -> Carrying<'a> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Box::pin(async { panic!("the process dies") })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_whose_process_died_is_tried_again() {
    let (lab, world) = (Lab::new(), World::new());
    end(asked(&lab, &world)).await.unwrap();
    let dying = Arc::new(Dying(AtomicUsize::new(0)));
    let carrier = Arc::clone(&dying) as Arc<dyn Carrier>;
    Postman::once(&lab.state, carrier, no_alerts())
        .await
        .unwrap();
    assert!(dying.0.load(Ordering::SeqCst) > 0);
    let stored = Outbox::open(&lab.state).unwrap().list(false, 100).unwrap();
    let due =
        |one: &engine::outbox::StoredLetter| one.due_at.is_some_and(|at| at > chrono::Utc::now());
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
    let asked: Vec<Letter> = letters(&lab)
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
    let carrier = Arc::clone(&works) as Arc<dyn Carrier>;
    Postman::once(&lab.state, carrier, no_alerts())
        .await
        .unwrap();
    let again: Vec<Letter> = stored
        .list(false, 1000)
        .unwrap()
        .into_iter()
        .map(|one| one.letter)
        .filter(|letter| letter.reminder == 1)
        .collect();
    assert_eq!(again.len(), asked.len());
    for letter in again {
        let gates: Vec<&str> = letter
            .about
            .iter()
            .filter_map(|gate| gate["gate"].as_str())
            .collect();
        assert_eq!(gates, ["late"]);
        assert_eq!(letter.remind, Some(Span::from_secs(1)));
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
    engine::ask_telling(&lab.state, &pause, &patience, files(), &audience).unwrap();
    let told: Vec<String> = letters(&lab)
        .into_iter()
        .map(|letter| letter.kind)
        .collect();
    assert_eq!(told, ["paused"]);
}

/// A letter about nothing.
fn letter(id: usize, sink: Sink, target: &str) -> Letter {
    Letter {
        id: LetterId(format!("e{id}-00")),
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
        &[Letter {
            at: chrono::Utc::now() - chrono::TimeDelta::hours(1),
            kind: "alert_raised".to_owned(),
            about: vec![
                serde_json::json!({ "id": 1 }),
                serde_json::json!({ "id": 2 }),
            ],
            remind: Some(Span::from_secs(1)),
            ..letter(1, Sink::Slack, "ops")
        }],
    );
    let works = Sometimes::new(|_| None);
    let carrier = || Arc::clone(&works) as Arc<dyn Carrier>;
    let reminded = || {
        let stored = outbox.list(false, 10).unwrap().into_iter();
        let again = stored.filter(|one| one.letter.reminder > 0);
        again.map(|one| one.letter.about).collect::<Vec<_>>()
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
    Postman::once(&lab.state, carrier(), open).await.unwrap();
    assert_eq!(reminded(), [vec![serde_json::json!({ "id": 2 })]]);
    due();
    Postman::once(&lab.state, carrier(), no_alerts())
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
async fn alerts_that_cannot_be_read_keep_no_other_letter_waiting() {
    let lab = Lab::new();
    let alert = Letter {
        kind: "alert_raised".to_owned(),
        about: vec![serde_json::json!({ "id": 1 })],
        remind: Some(Span::from_secs(60)),
        ..letter(1, Sink::Slack, "ops")
    };
    let outbox = posted(&lab, &[alert, letter(2, Sink::Slack, "ann")]);
    lab.tamper()
        .execute(
            "UPDATE notifications SET remind_at = 1 WHERE remind_at IS NOT NULL",
            [],
        )
        .unwrap();
    let works = Sometimes::new(|_| None) as Arc<dyn Carrier>;
    let round = Postman::once(&lab.state, works, Arc::new(Damaged)).await;
    round.unwrap();
    let told = states(&outbox);
    assert!(
        told.contains(&("ann".to_owned(), LetterState::Sent)),
        "{told:?}"
    );
    assert!(told.len() >= 3, "the alert is said again: {told:?}");
}

fn posted(lab: &Lab, letters: &[Letter]) -> Outbox {
    let mut outbox = Outbox::open_or_make(&lab.state).unwrap();
    outbox.post(letters).unwrap();
    outbox
}

fn states(outbox: &Outbox) -> Vec<(String, LetterState)> {
    let stored = outbox.list(false, 1000).unwrap().into_iter();
    stored
        .map(|one| (one.letter.to.target, one.state))
        .collect()
}

/// Answers nothing at `hangs` until it may.
struct Hanging {
    may_answer: Semaphore,
    given: Mutex<Vec<String>>,
}

impl Carrier for Hanging {
    fn carry<'a>(&'a self, letter: &'a Letter) -> Carrying<'a> {
        let told = format!("{} {}", letter.to.target, letter.id);
        self.given.lock().unwrap().push(told);
        Box::pin(async move {
            if letter.to.target == "hangs" {
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
    let mut all: Vec<Letter> = (0..100)
        .map(|id| letter(id, Sink::Webhook, "hangs"))
        .collect();
    all.push(letter(100, Sink::Webhook, "quick"));
    all.push(letter(101, Sink::Command, "quick"));
    all.push(letter(102, Sink::Webhook, "quick"));
    let outbox = posted(&lab, &all);
    let hanging = Arc::new(Hanging {
        may_answer: Semaphore::new(0),
        given: Mutex::default(),
    });
    let postman = Postman::start(
        &lab.state,
        Arc::clone(&hanging) as Arc<dyn Carrier>,
        no_alerts(),
    );
    let sent = |target: &str| {
        let states = states(&outbox).into_iter();
        states
            .filter(|(to, state)| to == target && *state == LetterState::Sent)
            .count()
    };
    eventually("the quick ones stand as delivered", || sent("quick") == 3);
    assert_eq!(sent("hangs"), 0);
    hanging.may_answer.add_permits(3);
    eventually("what is answered stands as delivered", || {
        sent("hangs") == 3
    });
    drop(postman);
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

impl Carrier for Busy {
    fn carry<'a>(&'a self, letter: &'a Letter) -> Carrying<'a> {
        self.0.lock().unwrap().push(letter.to.target.clone());
        Box::pin(async move {
            match letter.to.target.as_str() {
                "busy" => Err(Undelivered {
                    reason: "it answered 429".to_owned(),
                    is_hopeless: false,
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
    let all: Vec<Letter> = targets
        .map(|(id, target)| letter(id, Sink::Slack, target))
        .collect();
    let outbox = posted(&lab, &all);
    let busy = Arc::new(Busy(Mutex::default()));
    let begun = chrono::Utc::now();
    Postman::once(
        &lab.state,
        Arc::clone(&busy) as Arc<dyn Carrier>,
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
async fn a_letter_that_cannot_be_read_keeps_no_other_back() {
    let (lab, world) = (Lab::new(), World::new());
    end(asked(&lab, &world)).await.unwrap();
    let all = letters(&lab).len();
    lab.tamper()
        .execute_batch("UPDATE notifications SET letter = '{}' WHERE rowid = (SELECT min(rowid) FROM notifications)")
        .unwrap();
    let carrying = Sometimes::new(|_| None);
    let carrier = Arc::clone(&carrying) as Arc<dyn Carrier>;
    Postman::once(&lab.state, carrier, no_alerts())
        .await
        .unwrap();
    assert_eq!(carrying.given.lock().unwrap().len(), all - 1);
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
