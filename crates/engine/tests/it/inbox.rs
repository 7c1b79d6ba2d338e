//! Requests of other processes (P35).

use std::time::Duration;

use engine::{EngineLock, EngineOptions, Error, LockFor, Reader};
use rollout::{Kind, RejectedCode};

use crate::lab::{LIMIT, Lab, block, by, files, kinds, unblock};
use crate::world::World;

#[test]
fn without_an_engine_the_asking_process_files_the_request_itself() {
    let lab = Lab::new();
    let answer = lab.ask(block("v1"));
    assert_eq!(answer.rejected, None);
    assert_eq!(kinds(&answer.events), [Kind::Blocked]);
    assert_eq!(
        Reader::open(&lab.state)
            .unwrap()
            .events(None, 1, 10)
            .unwrap(),
        answer.events,
        "after the reading of the files"
    );
}

#[test]
fn a_refusal_is_answered_with_its_audit_event() {
    let lab = Lab::new();
    let answer = lab.ask(unblock("v1"));
    assert_ne!(answer.rejected.unwrap().code, RejectedCode::NotPermitted);
    assert_eq!(kinds(&answer.events), [Kind::Denied]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_engine_answers_requests_of_other_processes() {
    let lab = Lab::new();
    let engine = World::new().engine(&lab, EngineOptions::default());
    let state = lab.state.clone();
    let asked = tokio::task::spawn_blocking(move || {
        engine::ask(&state, &by("ann", block("v1")), LIMIT, files())
    });
    let answer = asked.await.unwrap().unwrap();
    assert_eq!(kinds(&answer.events), [Kind::Blocked]);
    let seen = engine.look(|product| product.head().0).await.unwrap();
    assert_eq!(
        seen, answer.events[0].seq,
        "it was the engine that filed it"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_socket_the_engine_sees_a_request_all_the_same() {
    let lab = Lab::new();
    let engine = World::new().engine(&lab, EngineOptions::default());
    std::fs::remove_file(lab.state.socket()).unwrap();
    let state = lab.state.clone();
    let asked = tokio::task::spawn_blocking(move || {
        engine::ask(&state, &by("ann", block("v1")), LIMIT, files())
    });
    assert_eq!(
        kinds(&asked.await.unwrap().unwrap().events),
        [Kind::Blocked]
    );
    drop(engine);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_processes_may_ask_at_once() {
    let lab = Lab::new();
    let engine = World::new().engine(&lab, EngineOptions::default());
    let asks = (0..8).map(|n| {
        let state = lab.state.clone();
        tokio::task::spawn_blocking(move || {
            engine::ask(&state, &by("ann", block(&format!("v{n}"))), LIMIT, files()).unwrap()
        })
    });
    for asked in asks.collect::<Vec<_>>() {
        assert_eq!(kinds(&asked.await.unwrap().events), [Kind::Blocked]);
    }
    drop(engine);
}

#[test]
fn a_request_that_nobody_answers_is_withdrawn_and_has_no_effect() {
    let lab = Lab::new();
    let busy = EngineLock::acquire(&lab.state, LockFor::Engine).unwrap();
    let refused = engine::ask(
        &lab.state,
        &by("ann", block("v1")),
        Duration::from_millis(50),
        files(),
    )
    .unwrap_err();
    assert!(matches!(refused, Error::NoAnswer), "{refused}");
    drop(busy);

    let answer = lab.ask(block("v2"));
    assert_eq!(answer.events[0].seq, 2, "v1 was not filed");
}

#[test]
fn requests_that_wait_are_filed_by_whoever_comes_next() {
    let lab = Lab::new();
    let busy = EngineLock::acquire(&lab.state, LockFor::Engine).unwrap();
    let state = lab.state.clone();
    let waiting =
        std::thread::spawn(move || engine::ask(&state, &by("ann", block("v1")), LIMIT, files()));
    drop(busy);
    assert_eq!(
        kinds(&waiting.join().unwrap().unwrap().events),
        [Kind::Blocked]
    );
}

#[test]
fn who_reads_neither_blocks_the_writer_nor_is_blocked() {
    let lab = Lab::new();
    lab.ask(block("v1"));
    let reading = lab.tamper();
    reading
        .execute_batch("BEGIN; SELECT * FROM events")
        .unwrap();
    assert_eq!(lab.ask(block("v2")).rejected, None);
    let count = "SELECT count(*) FROM events";
    assert_eq!(
        reading
            .query_row(count, [], |row| row.get::<_, i64>(0))
            .unwrap(),
        2,
        "a reader keeps its view"
    );

    let writing = lab.tamper();
    writing.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(Reader::open(&lab.state).unwrap().head().unwrap().seq, 3);
}
