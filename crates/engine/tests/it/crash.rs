//! A process that dies around a commit.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use engine::crash::{BadCrashAt, CrashPoint};
use engine::{CrashAt, EngineOptions, Reader, StateDir, verify};
use rollout::{Kind, Verb};

use crate::lab::{Lab, by, eventually, kinds, start};
use crate::world::World;

const FOLDER: &str = "ENGINE_TEST_FOLDER";
const CRASH: &str = "ENGINE_TEST_CRASH";
const ABORTED: i32 = 6;

/// What the other tests run in a process of its own.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by the other tests, in a process of its own"]
async fn child() {
    let folder = std::env::var(FOLDER).unwrap();
    let crash_at = Some(std::env::var(CRASH).unwrap().parse().unwrap());
    let state = StateDir::of_project(Path::new(&folder));
    let options = EngineOptions {
        crash_at,
        ..EngineOptions::default()
    };
    let mut engine = engine::start(&state, options, |_| Box::new(World::new())).unwrap();
    engine.ended().await.unwrap();
}

fn die(lab: &Lab, crash_at: &str) {
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::child", "--ignored"])
        .env(FOLDER, lab.folder.path())
        .env(CRASH, crash_at)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert_eq!(status.signal(), Some(ABORTED), "{status}");
}

fn last_kinds(lab: &Lab, after: u64) -> Vec<Kind> {
    kinds(
        &Reader::open(&lab.state)
            .unwrap()
            .events(None, after, 1000)
            .unwrap(),
    )
}

#[test]
fn before_the_commit_nothing_is_stored() {
    let lab = Lab::new();
    let started = lab.ask(start()).events.last().unwrap().seq;
    die(&lab, "commit:1:before");
    assert_eq!(last_kinds(&lab, started), []);
    assert_eq!(verify(&lab.state, None).unwrap().problems, []);
}

#[test]
fn after_the_commit_everything_is() {
    let lab = Lab::new();
    let started = lab.ask(start()).events.last().unwrap().seq;
    die(&lab, "commit:1:after");
    assert!(last_kinds(&lab, started).contains(&Kind::EngineStarted));
    assert_eq!(verify(&lab.state, None).unwrap().problems, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_ahead_log_that_was_cut_off_lets_nothing_leave_until_a_person_has_seen_to_it() {
    let lab = Lab::new();
    lab.ask(start());
    die(&lab, "commit:1:sent");
    let log = lab.state.database().with_extension("db-wal");
    assert!(fs::metadata(&log).unwrap().len() > 0);
    fs::write(&log, []).unwrap();
    assert_ne!(verify(&lab.state, None).unwrap().problems, []);

    let world = World::new();
    let engine = world.engine(&lab, world.options());
    let why = engine.look(rollout::Product::elsewhere).await.unwrap();
    assert!(why.is_some_and(|why| why.contains("has lost its end")));
    assert_eq!(world.seen(), [], "not even a look");

    engine.ask(by("ann", Verb::ResumeMoved)).await.unwrap();
    eventually("it goes on", || !world.seen().is_empty());
    drop(engine);
    assert_eq!(verify(&lab.state, None).unwrap().problems, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_is_resumed_after_any_number_of_deaths() {
    let (lab, world) = (Lab::new(), World::new());
    lab.ask(start());
    for crash_at in [
        "commit:1:sent",
        "commit:2:before",
        "commit:1:after",
        "commit:2:after",
        "commit:2:sent",
    ] {
        die(&lab, crash_at);
        assert_eq!(verify(&lab.state, None).unwrap().problems, [], "{crash_at}");
    }
    world.run_to_the_end(&lab).await;
    assert!(last_kinds(&lab, 0).contains(&Kind::RolloutSucceeded));
}

#[test]
fn where_to_crash_is_read_from_a_text() {
    assert_eq!(
        "commit:17:after".parse(),
        Ok(CrashAt {
            commit: 17,
            point: CrashPoint::After
        })
    );
    for bad in [
        "",
        "commit",
        "commit:17",
        "commit:x:after",
        "commit:1:later",
        "commit:1:after:2",
    ] {
        assert_eq!(bad.parse::<CrashAt>(), Err(BadCrashAt), "{bad}");
    }
}
