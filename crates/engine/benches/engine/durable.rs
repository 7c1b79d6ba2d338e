//! Durable steps a second with many customers in flight, and what they cost.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use engine::{Ended, EngineOptions, Files, Reader, StateDir};

use crate::figure::{Figure, Wanted, cpu};
use crate::floor::Floor;
use crate::outside::Outside;
use crate::project::{self, NOWHERE, Project};
use crate::shell::Shell;

const IN_FLIGHT: usize = 2_000;
const CUSTOMERS: usize = 2 * IN_FLIGHT;

/// The best of so many runs: whatever else the machine does only makes a run longer.
const RUNS: usize = 3;

/// Plenty for filing one request.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long all steps took, and what there was to store.
#[derive(Default)]
struct Measured {
    steps: usize,
    elapsed: Duration,
    cpu: Duration,
    events: u64,
    commits: usize,
}

pub(crate) fn measure() {
    let (engine, floor) = (best(engine), best(floor));
    assert_eq!(
        engine.steps, floor.steps,
        "the shell is driven as the engine is"
    );
    assert!(engine.events >= floor.events);

    let rate = |measured: &Measured| measured.steps as f64 / measured.elapsed.as_secs_f64();
    let (ours, least) = (rate(&engine), rate(&floor));
    let name = "durable steps, 2,000 customers in flight, of the floor";
    println!(
        "{}",
        Figure::new(name, ours / least, "", Wanted::AtLeast(0.5))
    );
    let each = engine.cpu.as_secs_f64() * 1e6 / engine.steps as f64;
    println!(
        "{}",
        Figure::new("CPU of a durable step", each, "µs", Wanted::AtMost(25.0))
    );
    let floor_each = floor.cpu.as_secs_f64() * 1e6 / floor.steps as f64;
    println!(
        "  {ours:.0} steps a second; floor {least:.0} with {floor_each:.1} µs of CPU each; {} steps with {} events in {} commits",
        floor.steps, floor.events, floor.commits
    );
}

fn best(run: fn() -> Measured) -> Measured {
    let runs = (0..RUNS).map(|_| run());
    let best = runs.reduce(|best, next| Measured {
        elapsed: best.elapsed.min(next.elapsed),
        cpu: best.cpu.min(next.cpu),
        ..next
    });
    best.expect("it runs")
}

/// A whole rollout through the engine, to a real disk.
fn engine() -> Measured {
    let folder = folder();
    let state = StateDir::of_project(folder.path());
    let config = project().config();
    let read = project::read(&config);
    let start = project::start(config);
    let answer = engine::ask(&state, &start, PATIENCE).expect("the request is filed");
    assert_eq!(answer.rejected, None);

    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let answers = Arc::new(AtomicUsize::new(0));
    let outside = Outside {
        answers: Arc::clone(&answers),
    };
    let (begun, computed) = (Instant::now(), cpu());
    let ended = runtime.block_on(async {
        let options = EngineOptions {
            files: Some(Files::new(Vec::new(), Box::new(move |_| read.clone()))),
            until_idle: true,
            ..EngineOptions::default()
        };
        let engine = engine::start(&state, options, |_| Box::new(outside));
        engine.expect("the engine starts").ended().await
    });
    let (elapsed, cpu) = (begun.elapsed(), cpu().saturating_sub(computed));
    assert_eq!(ended.expect("the engine runs"), Ended::Idle);
    let head = Reader::open(&state).and_then(|reader| reader.head());
    Measured {
        steps: answers.load(Ordering::Relaxed),
        elapsed,
        cpu,
        events: head.expect("the journal is there").seq,
        ..Measured::default()
    }
}

/// The same groups of the same bytes, appended and nothing else.
fn floor() -> Measured {
    let folder = folder();
    let mut floor = Floor::open(folder.path()).expect("a database");
    let config = project().config();
    let read = project::read(&config);
    let mut shell = Shell::begin(project::start(config), read);
    let mut measured = Measured::default();
    while let Some(group) = shell.turn() {
        let texts = group.texts();
        let (begun, computed) = (Instant::now(), cpu());
        floor.append(&texts).expect("it is appended");
        measured.elapsed += begun.elapsed();
        measured.cpu += cpu().saturating_sub(computed);
        measured.steps += group.steps;
        measured.events += group.events.len() as u64;
        measured.commits += 1;
    }
    measured
}

fn project() -> Project {
    Project {
        customers: CUSTOMERS,
        max_parallel: IN_FLIGHT,
        sites: NOWHERE.to_owned(),
        policy: format!("batch: all\nmax_parallel: {IN_FLIGHT}\n"),
    }
}

/// On the disk of the build, not in memory: flushing must cost what it costs.
pub(crate) fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder")
}
