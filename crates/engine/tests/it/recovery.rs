//! Without a disk nothing happens; with it again the engine goes on by itself (P42).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use engine::{EngineOptions, EngineState, Error, verify};
use rollout::{Command, CommandKind};

use crate::lab::{Lab, block, by, eventually, start};
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

fn is_stop(command: &Command) -> bool {
    matches!(command.kind, CommandKind::Stop { .. })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_invariant_is_said_and_tried_again() {
    let lab = Lab::new();
    let is_broken = Arc::new(AtomicBool::new(true));
    let broken = is_broken.clone();
    let world = World::new().before(move |command| {
        let breaks = broken.load(Ordering::SeqCst) && !is_stop(command);
        assert!(!breaks, "broken on purpose");
    });
    let engine = world.engine(&lab, EngineOptions::default());
    engine.ask(by("ann", start())).await.unwrap();
    let said = |state: &EngineState| matches!(state, EngineState::Degraded { reason } if reason.contains("on purpose"));
    engine.state().wait_for(said).await.unwrap();
    is_broken.store(false, Ordering::SeqCst);
    eventually("it goes on", || {
        world.seen().iter().any(|command| !is_stop(command))
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invariant_that_stays_broken_ends_the_engine_with_an_error() {
    let lab = Lab::new();
    let world = World::new().before(|_| panic!("broken on purpose"));
    lab.ask(start());
    let ended = world
        .engine(&lab, EngineOptions::default())
        .ended()
        .await
        .unwrap_err();
    assert!(matches!(ended, Error::Bug { message } if message == "broken on purpose"));
}
