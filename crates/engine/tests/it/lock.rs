//! One engine per project (P40).

use std::time::{Duration, Instant};

use engine::lock::Holder;
use engine::{EngineLock, EngineOptions, Error, LockFor};

use crate::lab::Lab;
use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_second_engine_is_refused_at_once_and_told_who_drives() {
    let lab = Lab::new();
    let _engine = World::new().engine(&lab, EngineOptions::default());
    let begun = Instant::now();
    let refused = World::new()
        .try_engine(&lab, EngineOptions::default())
        .unwrap_err();
    assert!(
        begun.elapsed() < Duration::from_secs(2),
        "{:?}",
        begun.elapsed()
    );
    assert!(
        matches!(refused, Error::Held { pid: Some(pid), .. } if pid == std::process::id()),
        "{refused}"
    );
}

#[test]
fn an_engine_waits_for_a_request_that_is_just_being_filed() {
    let lab = Lab::new();
    let filing = EngineLock::acquire(&lab.state, LockFor::Request).unwrap();
    let state = lab.state.clone();
    let engine = std::thread::spawn(move || EngineLock::acquire(&state, LockFor::Engine).map(drop));
    drop(filing);
    engine.join().unwrap().unwrap();
}

#[test]
fn the_holder_is_known_while_it_holds() {
    let lab = Lab::new();
    assert_eq!(EngineLock::holder(&lab.state).unwrap(), None);
    let lock = EngineLock::acquire(&lab.state, LockFor::Engine).unwrap();
    let holder = Holder {
        pid: Some(std::process::id()),
        is_engine: true,
    };
    assert_eq!(EngineLock::holder(&lab.state).unwrap(), Some(holder));
    drop(lock);
    assert_eq!(EngineLock::holder(&lab.state).unwrap(), None);
}
