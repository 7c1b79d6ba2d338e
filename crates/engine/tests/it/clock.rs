//! A machine with a wrong clock: whatever it shows, no delay ends early and nobody starts by it (P22-P25).

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::TimeDelta;
use engine::{EngineHandle, EngineOptions, Reader, ServerTime};
use policy::Timestamp;
use rollout::{CommandKind, Event, Kind};

use crate::lab::{Lab, by, eventually, start};
use crate::world::{World, end, origin};

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

/// A machine whose wall clock is wrong by so many seconds.
#[derive(Clone, Default)]
struct Machine(Arc<AtomicI64>);

impl Machine {
    fn set_wrong_by(&self, seconds: i64) {
        self.0.store(seconds, Ordering::SeqCst);
    }

    /// An engine whose clock has to earn its trust.
    fn engine(&self, lab: &Lab, world: &World) -> EngineHandle {
        let ask = ServerTime::Ask(Box::new(|_| {}));
        self.engine_of(lab, world, ask)
    }

    fn engine_of(&self, lab: &Lab, world: &World, server_time: ServerTime) -> EngineHandle {
        let (wrong_by, mut readings) = (self.0.clone(), world.readings());
        let readings = Box::new(move || {
            let reading = readings();
            let wrong_by = TimeDelta::seconds(wrong_by.load(Ordering::SeqCst));
            engine::Reading {
                wall: reading.wall + wrong_by,
                ..reading
            }
        });
        let options = EngineOptions {
            readings,
            server_time,
            ..EngineOptions::default()
        };
        world.engine(lab, options)
    }
}

/// So long after nine o'clock of the world's first day.
fn at(seconds: i64) -> Timestamp {
    origin() + TimeDelta::seconds(HOUR + seconds)
}

fn events(lab: &Lab) -> Vec<Event> {
    let reader = Reader::open(&lab.state).unwrap();
    reader.events(None, 0, 100_000).unwrap()
}

fn all(lab: &Lab, kind: Kind) -> Vec<Event> {
    let events = events(lab).into_iter();
    events.filter(|event| event.line.kind == kind).collect()
}

fn count(lab: &Lab, kind: Kind) -> usize {
    all(lab, kind).len()
}

/// Everything that was under way has been taken in.
async fn quiet(engine: &EngineHandle) {
    for _ in 0..3 {
        engine.sender().wake();
        engine.look(|_| ()).await.unwrap();
    }
}

/// Two replies of Render that say what time it is.
async fn hear(engine: &EngineHandle, time: Timestamp) {
    engine.sender().server_time(time);
    engine.sender().server_time(time);
    quiet(engine).await;
}

/// How many customers have been started.
fn started(lab: &Lab) -> usize {
    count(lab, Kind::CustomerStarted)
}

async fn starts_at(lab: &Lab, world: &World, engine: &EngineHandle, due: Timestamp) {
    world.advance(due - TimeDelta::seconds(1));
    quiet(engine).await;
    assert_eq!(started(lab), 1, "a second early");
    world.advance(due);
    engine.sender().wake();
    eventually("the second customer starts", || started(lab) == 2);
}

/// The first customer is done at nine; the delay runs until eleven.
fn first_batch(lab: &Lab, world: &World, engine: &EngineHandle) {
    lab.ask(start());
    engine.sender().wake();
    eventually("the first batch settles", || {
        count(lab, Kind::BatchSettled) == 1
    });
    assert_eq!(
        all(lab, Kind::DelayStarted)[0].line.until,
        Some(at(2 * HOUR))
    );
    assert!(world.seen().len() > 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_run_under_a_wrong_clock_voids_no_delay() {
    let (lab, world, machine) = (Lab::new(), World::new(), Machine::default());
    let first = machine.engine_of(&lab, &world, ServerTime::Local);
    first_batch(&lab, &world, &first);
    end(first).await.unwrap();

    for wrong_by in [DAY, -DAY] {
        world.advance(at(600));
        machine.set_wrong_by(wrong_by);
        let wrong = machine.engine(&lab, &world);
        hear(&wrong, at(600)).await;
        let suspected = all(&lab, Kind::ClockSuspected).pop().unwrap();
        let reason = suspected.line.reason.unwrap();
        assert!(
            reason.contains("86400 s") && reason.contains("Render's"),
            "{reason}"
        );
        assert_eq!(
            count(&lab, Kind::ClockTrusted),
            1,
            "that of the first engine"
        );
        end(wrong).await.unwrap();
        assert!(
            events(&lab).last().unwrap().at <= at(600),
            "nothing is stamped by it"
        );
    }

    machine.set_wrong_by(0);
    let right = machine.engine(&lab, &world);
    hear(&right, at(600)).await;
    assert_eq!(count(&lab, Kind::ClockTrusted), 2);
    starts_at(&lab, &world, &right, at(2 * HOUR)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delay_that_begins_before_the_clock_is_trusted_keeps_its_length() {
    let world = World::new().keeping(|kind| matches!(kind, CommandKind::Verify { .. }));
    let (lab, machine) = (Lab::new(), Machine::default());
    lab.ask(start());
    let first = machine.engine_of(&lab, &world, ServerTime::Local);
    let verifies = || {
        let seen = world.seen();
        let verify = |kind: &CommandKind| matches!(kind, CommandKind::Verify { .. });
        seen.iter().filter(|one| verify(&one.kind)).count()
    };
    eventually("a verdict is asked for", || verifies() == 1);
    end(first).await.unwrap();

    world.advance(at(8 * DAY));
    let second = machine.engine(&lab, &world);
    eventually("it is asked for again", || verifies() == 2);
    world.answer_kept();
    eventually("the batch settles", || count(&lab, Kind::BatchSettled) == 1);
    let delayed = all(&lab, Kind::DelayStarted).pop().unwrap();
    assert!(delayed.at < at(HOUR), "stamped by the journal's time");

    hear(&second, at(8 * DAY)).await;
    let trusted = all(&lab, Kind::ClockTrusted).pop().unwrap();
    assert_eq!(trusted.at, at(8 * DAY));
    assert!(trusted.line.data.contains_key("from"));
    starts_at(&lab, &world, &second, at(8 * DAY + 2 * HOUR)).await;
    end(second).await.unwrap();
    let problems = engine::verify(&lab.state, None).unwrap().problems;
    assert_eq!(problems, [], "the jump folds");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_doubt_when_the_clock_is_trusted_is_settled_in_its_full_time() {
    let world = World::new().keeping(|kind| matches!(kind, CommandKind::CreateDeploy { .. }));
    let (lab, machine) = (Lab::new(), Machine::default());
    lab.ask(start());
    let first = machine.engine_of(&lab, &world, ServerTime::Local);
    eventually("the request is out", || {
        count(&lab, Kind::DeployIntended) == 1
    });
    drop(first);

    world.advance(at(8 * DAY));
    let second = loop {
        let options = EngineOptions {
            readings: world.readings(),
            server_time: ServerTime::Ask(Box::new(|_| {})),
            ..EngineOptions::default()
        };
        if let Ok(second) = world.try_engine(&lab, options) {
            break second;
        }
    };
    eventually("the doubt", || count(&lab, Kind::DeployUnknown) == 1);
    hear(&second, at(8 * DAY)).await;
    world.advance(at(8 * DAY + 119));
    quiet(&second).await;
    assert_eq!(
        count(&lab, Kind::DeployAbsent),
        0,
        "it may still arrive (P9)"
    );
    world.advance(at(8 * DAY + 121));
    second.sender().wake();
    eventually("the proof", || count(&lab, Kind::DeployAbsent) == 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_in_a_running_process_ends_no_delay_early() {
    let (lab, world, machine) = (Lab::new(), World::new(), Machine::default());
    let engine = machine.engine(&lab, &world);
    hear(&engine, at(0)).await;
    first_batch(&lab, &world, &engine);

    world.advance(at(600));
    machine.set_wrong_by(HOUR);
    engine.sender().wake();
    eventually("a suspicion", || count(&lab, Kind::ClockSuspected) == 1);
    // Render says the same: the machine was stopped without knowing it, or the clock was wrong all the time.
    hear(&engine, at(600 + HOUR)).await;
    assert_eq!(
        all(&lab, Kind::ClockTrusted).pop().unwrap().at,
        at(600 + HOUR)
    );
    // Two hours by the clock that nobody sets.
    starts_at(&lab, &world, &engine, at(2 * HOUR)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_persons_word_ends_no_delay_early_either() {
    let (lab, world, machine) = (Lab::new(), World::new(), Machine::default());
    let engine = machine.engine(&lab, &world);
    hear(&engine, at(0)).await;
    first_batch(&lab, &world, &engine);
    machine.set_wrong_by(DAY);
    engine.sender().wake();
    eventually("a suspicion", || count(&lab, Kind::ClockSuspected) == 1);
    let confirm = by("ann", rollout::Verb::ConfirmClock);
    assert_eq!(engine.ask(confirm).await.unwrap().rejected, None);
    starts_at(&lab, &world, &engine, at(2 * HOUR)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_that_is_ahead_of_the_clock_is_waited_for() {
    let (lab, world, machine) = (Lab::new(), World::new(), Machine::default());
    machine.set_wrong_by(DAY);
    let wrong = machine.engine_of(&lab, &world, ServerTime::Local);
    lab.ask(start());
    wrong.sender().wake();
    eventually("the first batch settles", || {
        count(&lab, Kind::BatchSettled) == 1
    });
    end(wrong).await.unwrap();

    machine.set_wrong_by(0);
    let right = machine.engine(&lab, &world);
    for _ in 0..3 {
        hear(&right, at(0)).await;
    }
    let reason = all(&lab, Kind::ClockSuspected).pop().unwrap().line.reason;
    assert!(reason.unwrap().contains("the journal is 86400 s ahead"));
    assert_eq!(count(&lab, Kind::ClockTrusted), 1);
    // Its own time has come: the delay of two hours begins to count from there.
    world.advance(at(DAY));
    hear(&right, at(DAY)).await;
    assert_eq!(count(&lab, Kind::ClockTrusted), 2);
    starts_at(&lab, &world, &right, at(DAY + 2 * HOUR)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_asks_for_before_the_clock_is_trusted_lasts_as_long_as_ever() {
    let (lab, world, machine) = (Lab::new(), World::new(), Machine::default());
    let first = machine.engine_of(&lab, &world, ServerTime::Local);
    quiet(&first).await;
    end(first).await.unwrap();
    world.advance(at(8 * DAY));
    let second = machine.engine(&lab, &world);
    let asked = second.ask(by("ann", start())).await.unwrap();
    assert_eq!(asked.rejected, None);
    hear(&second, at(8 * DAY)).await;
    eventually("the first customer starts", || started(&lab) == 1);
    let started_at = second
        .look(|product| product.overview().first().and_then(|one| one.started_at))
        .await;
    assert_eq!(
        started_at.unwrap(),
        Some(at(8 * DAY)),
        "not_before counts from there"
    );
    tokio::time::timeout(Duration::from_secs(10), end(second))
        .await
        .unwrap()
        .unwrap();
}
