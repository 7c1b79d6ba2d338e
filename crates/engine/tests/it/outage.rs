//! Without a disk nothing happens; with it again the engine goes on by itself (P42).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use engine::{Ended, EngineOptions, EngineState, Error, Reader, WatchedFiles, verify};
use rollout::{Command, CommandKind, Kind, Product};

use crate::lab::{LIMIT, Lab, block, by, eventually, files, kinds, start, start_with_hooks};
use crate::world::World;

const BREAK: &str = "CREATE TRIGGER broken BEFORE INSERT ON events BEGIN SELECT RAISE(ABORT, 'the disk is gone'); END";

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_stored_does_not_happen_and_is_tried_again() {
    let (lab, world) = (Lab::new(), World::new());
    let engine = world.engine(&lab, EngineOptions::default());
    engine.ask(by("ann", block("v1"))).await.unwrap();
    let mut state = engine.state();

    lab.tamper().execute_batch(BREAK).unwrap();
    let refused = engine.ask(by("ann", start())).await.unwrap_err();
    assert!(matches!(refused, Error::Degraded { .. }), "{refused}");
    state.wait_for(|state| matches!(state, EngineState::Degraded { reason } if reason.contains("the disk is gone"))).await.unwrap();
    let refused = engine.ask(by("ann", start())).await.unwrap_err();
    assert!(matches!(refused, Error::Degraded { .. }), "{refused}");
    assert_eq!(world.seen(), [], "no effect without disk");

    lab.tamper().execute_batch("DROP TRIGGER broken").unwrap();
    state
        .wait_for(|state| *state == EngineState::Driving)
        .await
        .unwrap();
    let answer = engine.ask(by("ann", start())).await.unwrap();
    assert_eq!(answer.rejected, None);
    eventually("the rollout begins", || !world.seen().is_empty());
    drop(engine);
    assert_eq!(verify(&lab.state, None).unwrap().problems, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_to_commands_of_a_discarded_state_are_not_heard() {
    let lab = Lab::new();
    let world = World::new().keeping(|_| true);
    let engine = world.engine(&lab, EngineOptions::default());
    engine.ask(by("ann", start())).await.unwrap();
    eventually("a command", || !world.seen().is_empty());
    let before = world.seen().len();

    lab.tamper().execute_batch(BREAK).unwrap();
    engine.ask(by("ann", block("v1"))).await.unwrap_err();
    lab.tamper().execute_batch("DROP TRIGGER broken").unwrap();
    let mut state = engine.state();
    state
        .wait_for(|state| *state == EngineState::Driving)
        .await
        .unwrap();
    eventually("it was stopped, and begun again", || {
        world.seen().len() == 3 * before
    });
    world.answer_kept();
    engine.look(|_| ()).await.unwrap();
    drop(engine);
    assert_eq!(verify(&lab.state, None).unwrap().problems, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_was_replaced_ends() {
    let lab = Lab::new();
    let mut engine = World::new().engine(&lab, EngineOptions::default());
    engine.look(|_| ()).await.unwrap();
    lab.tamper()
        .execute("UPDATE meta SET epoch = epoch + 1", [])
        .unwrap();
    engine.ask(by("ann", block("v1"))).await.unwrap_err();
    let ended = engine.ended().await.unwrap_err();
    assert!(matches!(ended, Error::Stale { .. }), "{ended}");
}

fn hooks_sent(world: &World) -> usize {
    let is_hook = |command: &Command| matches!(command.kind, CommandKind::RunHook { .. });
    world.seen().into_iter().filter(is_hook).count()
}

fn count(lab: &Lab, kind: Kind) -> usize {
    let events = Reader::open(&lab.state).unwrap().events(None, 0, 1000);
    let found = kinds(&events.unwrap()).into_iter();
    found.filter(|found| *found == kind).count()
}

fn keeping_hooks() -> World {
    World::new().keeping(|kind| matches!(kind, CommandKind::RunHook { .. }))
}

fn is_degraded(state: &EngineState) -> bool {
    matches!(state, EngineState::Degraded { .. })
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_left_is_in_no_doubt_after_a_commit_that_failed() {
    let (lab, world) = (Lab::new(), keeping_hooks());
    let engine = world.engine(&lab, EngineOptions::default());
    let mut state = engine.state();
    engine.ask(by("ann", start_with_hooks())).await.unwrap();
    eventually("the first hook", || hooks_sent(&world) == 1);

    // Its answer comes while nothing can be stored.
    lab.tamper().execute_batch(BREAK).unwrap();
    engine.ask(by("ann", block("v1"))).await.unwrap_err();
    world.answer_kept();
    lab.tamper().execute_batch("DROP TRIGGER broken").unwrap();
    eventually("the second hook", || hooks_sent(&world) == 2);

    // Its answer is what cannot be stored.
    lab.tamper().execute_batch(BREAK).unwrap();
    world.answer_kept();
    state.wait_for(is_degraded).await.unwrap();
    lab.tamper().execute_batch("DROP TRIGGER broken").unwrap();
    eventually("it is recorded", || count(&lab, Kind::HookFinished) == 2);
    assert_eq!(count(&lab, Kind::CustomerHeld), 0);
    drop(engine);
    assert_eq!(verify(&lab.state, None).unwrap().problems, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_records_what_could_not_be_stored_before() {
    let (lab, world) = (Lab::new(), keeping_hooks());
    let mut engine = world.engine(&lab, EngineOptions::default());
    let mut state = engine.state();
    engine.ask(by("ann", start_with_hooks())).await.unwrap();
    eventually("the first hook", || hooks_sent(&world) == 1);
    lab.tamper().execute_batch(BREAK).unwrap();
    world.answer_kept();
    state.wait_for(is_degraded).await.unwrap();

    engine.stop(LIMIT);
    lab.tamper().execute_batch("DROP TRIGGER broken").unwrap();
    assert_eq!(engine.ended().await.unwrap(), Ended::Stopped);
    assert_eq!(count(&lab, Kind::HookFinished), 1);
    assert_eq!(count(&lab, Kind::HookStarted), 1);
    assert_eq!(verify(&lab.state, None).unwrap().problems, []);
}

fn is_stop(command: &Command) -> bool {
    matches!(command.kind, CommandKind::Stop { .. })
}

/// Files whose reading breaks for as long as it is so: nobody's customer, nobody's request.
fn broken_files(is_broken: &Arc<AtomicBool>) -> EngineOptions {
    let (is_broken, mut read) = (is_broken.clone(), files());
    let read = move |product: &Product| {
        assert!(!is_broken.load(Ordering::SeqCst), "broken on purpose");
        read(product)
    };
    EngineOptions {
        files: Some(WatchedFiles::new(Vec::new(), Box::new(read))),
        ..EngineOptions::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_invariant_is_said_and_tried_again() {
    let (lab, world) = (Lab::new(), World::new());
    lab.ask(start());
    let is_broken = Arc::new(AtomicBool::new(true));
    let engine = world.engine(&lab, broken_files(&is_broken));
    let said = |state: &EngineState| matches!(state, EngineState::Degraded { reason } if reason.contains("on purpose"));
    engine.state().wait_for(said).await.unwrap();
    is_broken.store(false, Ordering::SeqCst);
    eventually("it goes on", || {
        world.seen().iter().any(|command| !is_stop(command))
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invariant_that_stays_broken_ends_the_engine_with_an_error() {
    let (lab, world) = (Lab::new(), World::new());
    lab.ask(start());
    let is_broken = Arc::new(AtomicBool::new(true));
    let mut engine = world.engine(&lab, broken_files(&is_broken));
    let ended = engine.ended().await.unwrap_err();
    assert!(matches!(ended, Error::Bug { message } if message == "broken on purpose"));
}
