//! What breaks for one customer, or over one request, stops nobody else.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use chrono::TimeDelta;
use engine::outbox::{Audience, Outbox, SharedAudience};
use engine::store::Changes;
use engine::{
    Ended, EngineHandle, EngineLock, EngineOptions, EngineSender, LockFor, Reader, Store,
    WatchedFiles, verify,
};
use rollout::fact::{DeployAbsent, DeployIntended, ServicePlace};
use rollout::{Command, CommandKind, Event, Executor, Fact, Kind, Reply, RolloutId, Verb};

use crate::lab::{Lab, by, eventually, files, start_of, written};
use crate::world::{World, end, origin};

const R1: RolloutId = RolloutId::Rollout(1);

const PROJECT: &str = "\
product: securewatch
people:
  ann: { os: ann, email: ann@example.com }
mail: { host: localhost, from: a@b.example }
notify: [ { when: customer_held, to: { email: ann } } ]
";
const CUSTOMERS: &str = "\
customers:
  acme:
    tier: main
    services: { backend: { id: srv-acme, url: 'https://acme.example' } }
  beta:
    tier: main
    services: { backend: { id: srv-beta, url: 'https://beta.example' } }
  late:
    tier: main
    services: { backend: { id: srv-late, url: 'https://late.example' } }
";

fn config() -> policy::Config {
    written(PROJECT, CUSTOMERS, "policy: main\n")
}

/// Three customers in one batch.
fn start() -> Verb {
    start_of(config())
}

fn options(world: &World) -> EngineOptions {
    EngineOptions {
        audience: SharedAudience::new(Audience::of(&config())),
        ..world.options()
    }
}

fn events(lab: &Lab) -> Vec<Event> {
    let reader = Reader::open(&lab.state).unwrap();
    reader.events(None, 0, u32::MAX).unwrap()
}

fn count(lab: &Lab, kind: Kind, customer: &str) -> usize {
    let events = events(lab).into_iter();
    events
        .filter(|event| event.line.kind == kind && event.line.customer == Some(customer.into()))
        .count()
}

/// Why a customer waits, as the running engine says it.
async fn why(engine: &EngineHandle, customer: &'static str) -> String {
    let asked = engine.look(move |product| {
        let at = events_at(product);
        let holds = product.holds(R1, &customer.into(), at).into_iter();
        holds.map(|hold| hold.text).collect::<Vec<_>>().join("; ")
    });
    asked.await.unwrap()
}

fn events_at(product: &rollout::Product) -> policy::Timestamp {
    product.overview()[0].requested_at
}

/// What may have been sent is looked up for a while before it counts as absent (R16): time passes.
fn pass(lab: &Lab, world: &World, engine: &EngineHandle) {
    let last = events(lab).last().unwrap().at;
    world.advance(last.max(origin()) + TimeDelta::hours(2));
    engine.sender().wake();
}

/// The others have finished, acme is held and told of, and the engine that saw it happen still answers.
async fn only_acme_is_held(lab: &Lab, world: &World, engine: &EngineHandle, what: &str) {
    eventually("the others finish", || {
        pass(lab, world, engine);
        count(lab, Kind::CustomerHealthy, "beta") == 1
            && count(lab, Kind::CustomerHealthy, "late") == 1
            && count(lab, Kind::CustomerHeld, "acme") == 1
    });
    let why = why(engine, "acme").await;
    assert!(why.contains("impossible") && why.contains(what), "{why}");
    let notifications = Outbox::open(&lab.state).unwrap().list(false, 100).unwrap();
    let told = |notification: &engine::outbox::Notification| notification.kind == "customer_held";
    assert!(
        notifications.iter().any(|one| told(&one.notification)),
        "{notifications:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_for_whom_the_executor_breaks_is_held_and_the_others_finish() {
    let lab = Lab::new();
    let is_broken = Arc::new(AtomicBool::new(true));
    let broken = is_broken.clone();
    let world = World::new().before(move |command| {
        let is_it = command.customer == "acme".into()
            && matches!(command.kind, CommandKind::CreateDeploy { .. });
        assert!(
            !(is_it && broken.load(Ordering::SeqCst)),
            "broken on purpose"
        );
    });
    lab.ask(start());
    let mut engine = world.engine(&lab, options(&world));
    only_acme_is_held(&lab, &world, &engine, "broken on purpose").await;

    // More often than an engine bears what it can lay to nobody.
    for held in 2..=5 {
        engine.ask(by("ann", retry("acme"))).await.unwrap();
        eventually("it is held again", || {
            pass(&lab, &world, &engine);
            count(&lab, Kind::CustomerHeld, "acme") == held
        });
    }
    is_broken.store(false, Ordering::SeqCst);
    engine.ask(by("ann", retry("acme"))).await.unwrap();
    eventually("it is healthy", || {
        pass(&lab, &world, &engine);
        count(&lab, Kind::CustomerHealthy, "acme") == 1
    });
    assert_eq!(world.new_deploys(), [1, 1, 1]);
    engine.stop(crate::lab::LIMIT);
    assert_eq!(engine.ended().await.unwrap(), Ended::Stopped);
    assert_eq!(verify(&lab.state, None).unwrap().problems, []);
}

fn retry(customer: &str) -> Verb {
    Verb::Retry {
        target: Some(customer.to_owned()),
        failed: false,
    }
}

/// An executor that loses one customer's request on a thread of its own, after it has taken effect.
struct Losing(World);

impl Executor for Losing {
    fn execute(&mut self, command: Command, reply: Reply) {
        let is_it = command.customer == "acme".into()
            && matches!(command.kind, CommandKind::CreateDeploy { .. });
        if !is_it {
            return self.0.execute(command, reply);
        }
        self.0.execute(command, Box::new(|_| {}));
        thread::spawn(move || {
            let _unanswered = reply;
            panic!("broken on purpose");
        });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_is_lost_holds_its_customer_and_its_deploy_is_found_again() {
    let (lab, world) = (Lab::new(), World::new());
    lab.ask(start());
    let mut options = options(&world);
    options.files = Some(WatchedFiles::new(Vec::new(), files()));
    let executor = Losing(world.clone());
    let engine = engine::start(&lab.state, options, |_: &EngineSender| Box::new(executor)).unwrap();
    only_acme_is_held(&lab, &world, &engine, "the command in hand").await;

    engine.ask(by("ann", retry("acme"))).await.unwrap();
    eventually("it is healthy", || {
        count(&lab, Kind::CustomerHealthy, "acme") == 1
    });
    assert_eq!(count(&lab, Kind::DeployAdopted, "acme"), 1);
    assert_eq!(world.new_deploys(), [1, 1, 1], "never sent again");
}

/// Facts that fold, and that nothing can follow: the number of the last attempt has no successor.
fn plant(lab: &Lab) {
    let lock = EngineLock::acquire(&lab.state, LockFor::Engine).unwrap();
    let mut store = Store::open(&lab.state, &lock).unwrap();
    let mut product = store.load().unwrap();
    let last = events(lab).pop().unwrap();
    let place = ServicePlace {
        phase: "main".into(),
        batch: Some(1),
        customer: "acme".into(),
        service: "backend".into(),
    };
    let intended = Fact::from(DeployIntended {
        place: place.clone(),
        attempt: u32::MAX,
        commit: "c0ffee".to_owned(),
        known: Vec::new(),
        baseline: None,
    });
    let absent = Fact::from(DeployAbsent {
        place,
        attempt: Some(u32::MAX),
        reason: "so it is told".to_owned(),
    });
    let mut changes = Changes::default();
    let mut before = last.hash;
    for (seq, fact) in (last.seq + 1..).zip([intended, absent]) {
        let mut line = fact.line();
        line.rollout = Some(R1);
        let event = Event::link(seq, last.at, line, before.clone());
        product.apply(&event);
        before.clone_from(&event.hash);
        changes.events.push(event);
    }
    changes.rows = product
        .row_keys()
        .into_iter()
        .map(|key| {
            let row = product.row(&key);
            (key, row)
        })
        .collect();
    store.commit(&changes).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_in_an_impossible_state_is_held_and_the_others_finish() {
    let lab = Lab::new();
    let world = World::new().keeping(|kind| matches!(kind, CommandKind::ListDeploys { .. }));
    lab.ask(start());
    let engine = world.engine(&lab, options(&world));
    eventually("all are under way", || {
        let listed = |command: &&Command| matches!(command.kind, CommandKind::ListDeploys { .. });
        world.seen().iter().filter(listed).count() == 3
    });
    end(engine).await.unwrap();
    plant(&lab);

    let world = world.keeping(|_| false);
    let mut engine = world.engine(&lab, options(&world));
    only_acme_is_held(&lab, &world, &engine, "overflow").await;
    for held in 2..=5 {
        engine.ask(by("ann", retry("acme"))).await.unwrap();
        eventually("it is held again", || {
            count(&lab, Kind::CustomerHeld, "acme") == held
        });
    }
    let skip = Verb::Skip {
        target: "acme".to_owned(),
        reason: "it cannot be helped".to_owned(),
    };
    assert_eq!(engine.ask(by("ann", skip)).await.unwrap().rejected, None);
    eventually("it is left out", || {
        count(&lab, Kind::CustomerSkipped, "acme") == 1
    });
    engine.stop(crate::lab::LIMIT);
    assert_eq!(engine.ended().await.unwrap(), Ended::Stopped);
    assert_eq!(verify(&lab.state, None).unwrap().problems, []);
}
