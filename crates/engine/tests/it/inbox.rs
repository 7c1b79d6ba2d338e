//! Requests of other processes (P35).

use std::time::Duration;

use engine::{EngineLock, EngineOptions, EngineState, Error, LockFor, Reader};
use rollout::fact::PersonFact;
use rollout::{Fact, Kind, RejectedCode};
use rusqlite::params;

use crate::lab::{LIMIT, Lab, block, by, eventually, files, kinds, unblock};
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

/// Versions that are blocked, as the journal says.
fn blocked(lab: &Lab) -> Vec<String> {
    let events = Reader::open(&lab.state).unwrap().events(None, 0, 1000);
    let events = events.unwrap().into_iter();
    let told = events.map(|event| Fact::read(&event.line).unwrap());
    let blocked = told.filter_map(|fact| {
        let Fact::Person(PersonFact::Blocked(blocked)) = fact else {
            return None;
        };
        Some(blocked.version)
    });
    blocked.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_has_not_happened_and_costs_nobody_else_anything() {
    let lab = Lab::new();
    let engine = World::new().engine(&lab, EngineOptions::default());
    engine.look(|_| ()).await.unwrap();
    let asks = (0..60).map(|n| {
        let state = lab.state.clone();
        tokio::task::spawn_blocking(move || {
            let version = format!("v{n}");
            // Some give up while they are being answered.
            let patience = Duration::from_millis(n % 12);
            let asked = engine::ask(&state, &by("ann", block(&version)), patience, files());
            (version, asked)
        })
    });
    let mut happened = Vec::new();
    for asked in asks.collect::<Vec<_>>() {
        match asked.await.unwrap() {
            (version, Ok(_)) => happened.push(version),
            (_, Err(error)) => assert!(matches!(error, Error::NoAnswer), "{error}"),
        }
    }
    assert_eq!(*engine.state().borrow(), EngineState::Driving);
    assert!(!engine.state().has_changed().unwrap(), "it never stumbled");
    drop(engine);
    let mut found = blocked(&lab);
    found.sort();
    happened.sort();
    assert_eq!(found, happened);
}

/// What a process has left in the inbox that is gone by now.
fn leave_behind(lab: &Lab, version: &str, lapses_in_ms: i64) {
    let request = serde_json::to_string(&by("ann", block(version))).unwrap();
    let expires_at = chrono::Utc::now().timestamp_millis() + lapses_in_ms;
    let sql = "INSERT INTO inbox (at, actor, request, expires_at) VALUES ('', 'ann', ?1, ?2)";
    let filed = lab.tamper().execute(sql, params![request, expires_at]);
    assert_eq!(filed.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_whose_asker_has_died_counts_until_it_lapses() {
    let lab = Lab::new();
    lab.ask(block("v1"));
    leave_behind(&lab, "v2", 60_000);
    leave_behind(&lab, "v3", -1);
    let engine = World::new().engine(&lab, EngineOptions::default());
    eventually("it is filed", || blocked(&lab).len() > 1);
    engine.look(|_| ()).await.unwrap();
    assert_eq!(blocked(&lab), ["v1", "v2"]);
}

#[test]
fn what_can_neither_be_answered_nor_withdrawn_is_said_to_be_open() {
    let lab = Lab::new();
    lab.ask(block("v1"));
    let busy = EngineLock::acquire(&lab.state, LockFor::Engine).unwrap();
    let state = lab.state.clone();
    let patience = Duration::from_secs(1);
    let asking =
        std::thread::spawn(move || engine::ask(&state, &by("ann", block("v2")), patience, files()));
    let blocking = lab.tamper();
    let sql = "SELECT count(*) FROM inbox WHERE state = 'pending'";
    eventually("the request is there", || {
        blocking.query_row(sql, [], |row| row.get(0)) == Ok(1)
    });
    blocking.execute_batch("BEGIN IMMEDIATE").unwrap();
    let open = asking.join().unwrap().unwrap_err();
    assert!(matches!(open, Error::Undecided { .. }), "{open}");
    assert!(open.to_string().contains("may still be carried out until"));
    drop((blocking, busy));
}

#[test]
fn who_waits_no_longer_has_not_asked() {
    let lab = Lab::new();
    let busy = EngineLock::acquire(&lab.state, LockFor::Engine).unwrap();
    let patience = engine::AnswerTimeout::from(LIMIT);
    patience.cancel();
    let request = by("ann", block("v1"));
    let audience = engine::outbox::Audience::default();
    let ended = engine::ask_and_notify(&lab.state, &request, &patience, files(), &audience);
    assert!(matches!(ended, Err(Error::Interrupted)));
    drop(busy);
    lab.ask(block("v2"));
    assert_eq!(blocked(&lab), ["v2"]);
}
