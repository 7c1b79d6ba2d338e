//! A running engine: what it does first, what it waits for, how it ends.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use engine::{Attachments, Ended, EngineOptions, Error, Reader, ServerTime, verify};
use rollout::command::Sealed;
use rollout::{CommandKind, Kind};

use crate::lab::{LIMIT, Lab, block, by, eventually, kinds, start, start_with_hooks};
use crate::world::{Death, World, end, outline};

/// A rollout of two customers takes far fewer.
const COMMANDS_AT_MOST: usize = 1000;

fn count(lab: &Lab, kind: Kind) -> usize {
    let events = Reader::open(&lab.state)
        .unwrap()
        .events(None, 0, 100_000)
        .unwrap();
    kinds(&events)
        .into_iter()
        .filter(|found| *found == kind)
        .count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_runs_to_its_end_and_its_journal_folds_to_the_rows() {
    let (lab, world) = (Lab::new(), World::new());
    assert_eq!(lab.ask(start()).rejected, None);
    world.run_to_the_end(&lab).await;

    assert_eq!(count(&lab, Kind::RolloutSucceeded), 1);
    assert_eq!(world.new_deploys(), [1, 1]);
    assert_eq!(verify(&lab.state, None).unwrap().problems, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn wherever_the_process_dies_each_service_gets_one_deploy() {
    let mut number = 0;
    let mut is_over = false;
    while !is_over {
        for death in [Death::Before(number), Death::After(number)] {
            let (lab, world) = (Lab::new(), World::dying(death));
            assert_eq!(lab.ask(start()).rejected, None);
            world.run_to_the_end(&lab).await;

            assert_eq!(count(&lab, Kind::RolloutSucceeded), 1, "{death:?}");
            assert_eq!(world.new_deploys(), [1, 1], "{death:?}");
            assert_eq!(verify(&lab.state, None).unwrap().problems, [], "{death:?}");
            is_over |= !world.has_died();
        }
        number += 1;
        assert!(number < COMMANDS_AT_MOST);
    }
    assert!(number > 5, "only {number} commands");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_begins_reads_in_flight_anew() {
    let (lab, world) = (Lab::new(), World::new().keeping(|_| true));
    lab.ask(start());
    let first = world.engine(&lab, world.options());
    eventually("the first command", || !world.seen().is_empty());
    end(first).await.unwrap();
    let before = world.seen();

    let second = world.engine(&lab, world.options());
    eventually("the same again", || world.seen().len() == 2 * before.len());
    assert_eq!(outline(&world.seen()[before.len()..]), outline(&before));
    drop(second);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changing_command_leaves_only_after_its_intent_is_durable() {
    let lab = Lab::new();
    let state = lab.state.clone();
    let checked = Arc::new(AtomicUsize::new(0));
    let counter = checked.clone();
    let world = World::new().before(move |command| {
        if let CommandKind::CreateDeploy { .. } = command.kind {
            let events = Reader::open(&state).unwrap().events(None, 0, 1000).unwrap();
            let is_intended = |event: &&rollout::Event| {
                event.line.kind == Kind::DeployIntended
                    && event.line.customer.as_ref() == Some(&command.customer)
            };
            assert_eq!(events.iter().filter(is_intended).count(), 1);
            counter.fetch_add(1, Ordering::SeqCst);
        }
    });
    lab.ask(start());
    world.run_to_the_end(&lab).await;
    assert_eq!(checked.load(Ordering::SeqCst), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_finds_the_attachment_it_names() {
    let lab = Lab::new();
    let state = lab.state.clone();
    let attachments = OnceLock::new();
    let found = Arc::new(AtomicUsize::new(0));
    let counter = found.clone();
    let world = World::new().before(move |command| {
        if let CommandKind::SetVariables { backup, .. } = &command.kind {
            let attachments = attachments.get_or_init(|| Attachments::open(&state).unwrap());
            assert_eq!(attachments.get(backup).unwrap(), Sealed(b"sealed".to_vec()));
            counter.fetch_add(1, Ordering::SeqCst);
        }
    });
    lab.ask(start());
    world.run_to_the_end(&lab).await;
    assert_eq!(found.load(Ordering::SeqCst), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_starts_until_two_replies_agree_with_the_clock() {
    let (lab, world) = (Lab::new(), World::new());
    lab.ask(start());
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = asked.clone();
    let ask = ServerTime::Ask(Box::new(move |_| {
        counter.fetch_add(1, Ordering::SeqCst);
    }));
    let engine = world.engine(
        &lab,
        EngineOptions {
            server_time: ask,
            ..world.options()
        },
    );
    let now = (world.readings())().wall;
    engine.sender().server_time(now + Duration::from_secs(61));
    engine.sender().server_time(now);
    engine.look(|_| ()).await.unwrap();
    assert_eq!(
        (
            asked.load(Ordering::SeqCst),
            count(&lab, Kind::ClockTrusted)
        ),
        (1, 0)
    );
    assert_eq!(world.seen(), []);

    engine.sender().server_time(now);
    eventually("a start", || !world.seen().is_empty());
    assert_eq!(count(&lab, Kind::ClockTrusted), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_holds_new_starts() {
    let (lab, world) = (Lab::new(), World::new());
    let jump = Arc::new(AtomicUsize::new(0));
    let ahead = jump.clone();
    let mut still = world.readings();
    let readings = Box::new(move || {
        let reading = still();
        engine::Reading {
            wall: reading.wall + Duration::from_secs(ahead.load(Ordering::SeqCst) as u64),
            ..reading
        }
    });
    let engine = world.engine(
        &lab,
        EngineOptions {
            readings,
            ..EngineOptions::default()
        },
    );
    engine.look(|_| ()).await.unwrap();
    jump.store(3600, Ordering::SeqCst);
    engine.sender().wake();
    eventually("a suspicion", || count(&lab, Kind::ClockSuspected) == 1);
    assert_eq!(engine.ask(by("ann", start())).await.unwrap().rejected, None);
    engine.look(|_| ()).await.unwrap();
    assert_eq!(world.seen(), []);

    engine
        .ask(by("ann", rollout::Verb::ConfirmClock))
        .await
        .unwrap();
    eventually("a start", || !world.seen().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_graceful_stop_records_what_was_sent_and_begins_nothing() {
    let lab = Lab::new();
    let world = World::new().keeping(|kind| matches!(kind, CommandKind::CreateDeploy { .. }));
    lab.ask(start());
    let mut engine = world.engine(&lab, world.options());
    eventually("the deploy is sent", || {
        world
            .seen()
            .iter()
            .any(|command| matches!(command.kind, CommandKind::CreateDeploy { .. }))
    });
    engine.stop(LIMIT);
    let sent = world.seen().len();
    let mut state = engine.state();
    state
        .wait_for(|state| *state == engine::EngineState::Stopping)
        .await
        .unwrap();
    world.answer_kept();

    assert_eq!(engine.ended().await.unwrap(), Ended::Stopped);
    assert_eq!(count(&lab, Kind::DeployCreated), 1);
    assert_eq!(world.seen().len(), sent, "nothing new was begun");
    assert!(matches!(
        engine.ask(by("ann", block("v1"))).await,
        Err(Error::Stopped)
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_graceful_stop_intends_nothing_that_it_does_not_send() {
    let lab = Lab::new();
    let world = World::new().keeping(|kind| matches!(kind, CommandKind::RunHook { .. }));
    lab.ask(start_with_hooks());
    let mut engine = world.engine(&lab, world.options());
    let is_hook = |kind: &CommandKind| matches!(kind, CommandKind::RunHook { .. });
    eventually("the first hook is sent", || {
        world.seen().iter().any(|command| is_hook(&command.kind))
    });
    // The second wish changes nothing: what has left is still waited for.
    engine.stop(LIMIT);
    engine.stop(Duration::ZERO);
    let stopping = engine::EngineState::Stopping;
    let mut state = engine.state();
    state.wait_for(|state| *state == stopping).await.unwrap();
    world.answer_kept();
    assert_eq!(engine.ended().await.unwrap(), Ended::Stopped);
    let begun = (
        count(&lab, Kind::HookStarted),
        count(&lab, Kind::HookFinished),
    );
    assert_eq!(begun, (1, 1), "the answer is recorded, and nothing else");

    let next = World::new();
    next.run_to_the_end(&lab).await;
    assert_eq!(count(&lab, Kind::CustomerHeld), 0);
    assert_eq!(count(&lab, Kind::RolloutSucceeded), 1);
    let hooks = next
        .seen()
        .into_iter()
        .filter(|command| is_hook(&command.kind));
    assert_eq!(hooks.count(), 3, "each hook once, over both engines");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_graceful_stop_does_not_wait_for_reads_nor_beyond_its_grace() {
    let lab = Lab::new();
    let world = World::new().keeping(|kind| matches!(kind, CommandKind::Preflight { .. }));
    lab.ask(start());
    let mut engine = world.engine(&lab, world.options());
    eventually("a read is sent", || !world.seen().is_empty());
    engine.stop(LIMIT);
    assert_eq!(engine.ended().await.unwrap(), Ended::Stopped);

    let world = World::new().keeping(|kind| matches!(kind, CommandKind::CreateDeploy { .. }));
    let mut engine = world.engine(&lab, world.options());
    eventually("the deploy is sent", || {
        world
            .seen()
            .iter()
            .any(|command| matches!(command.kind, CommandKind::CreateDeploy { .. }))
    });
    engine.stop(Duration::ZERO);
    assert_eq!(engine.ended().await.unwrap(), Ended::Stopped);
}

#[tokio::test(flavor = "multi_thread")]
async fn until_idle_ends_when_nothing_is_left_to_do() {
    let (lab, world) = (Lab::new(), World::new());
    let mut engine = world.engine(
        &lab,
        EngineOptions {
            until_idle: true,
            ..world.options()
        },
    );
    assert_eq!(engine.ended().await.unwrap(), Ended::Idle);
    assert!(matches!(engine.ended().await, Err(Error::Stopped)));
}

#[tokio::test(flavor = "multi_thread")]
async fn until_idle_waits_for_the_clock_and_ends_with_the_rollout() {
    let (lab, world) = (Lab::new(), World::new());
    lab.ask(start());
    let server_time = ServerTime::Ask(Box::new(|_| {}));
    let mut engine = world.engine(
        &lab,
        EngineOptions {
            server_time,
            until_idle: true,
            ..world.options()
        },
    );
    engine.look(|_| ()).await.unwrap();
    engine.look(|_| ()).await.unwrap();
    assert_eq!(world.seen(), []);

    for _ in 0..2 {
        engine.sender().server_time((world.readings())().wall);
    }
    while let Ok(wake_at) = engine.look(rollout::Product::wake_at).await {
        if let Some(at) = wake_at {
            world.advance(at);
        }
        engine.sender().wake();
    }
    assert_eq!(engine.ended().await.unwrap(), Ended::Idle);
    assert_eq!(count(&lab, Kind::RolloutSucceeded), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn subscribers_see_each_event_once_and_in_order() {
    let (lab, world) = (Lab::new(), World::new());
    let engine = world.engine(&lab, world.options());
    engine.look(|_| ()).await.unwrap();
    let mut events = engine.subscribe();
    for version in ["v1", "v2"] {
        let answer = engine.ask(by("ann", block(version))).await.unwrap();
        assert_eq!(*events.recv().await.unwrap(), answer.events[0]);
    }
}
