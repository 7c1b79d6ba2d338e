//! Durable steps a second with many customers in flight, and what they cost.

use std::time::{Duration, Instant};

use engine::{EngineOptions, StateDir, WatchedFiles};
use policy::Config;

use crate::figure::{Figure, Wanted, cpu};
use crate::floor::Floor;
use crate::outside::Outside;
use crate::project::{self, NOWHERE, Project};
use crate::shell::Shell;

const IN_FLIGHT: usize = 2_000;
const CUSTOMERS: usize = 2 * IN_FLIGHT;

/// Answers that are measured; everybody in flight gets several.
const STEPS: usize = 32_000;

/// The best of so many runs: whatever else the machine does only makes a run longer.
const RUNS: usize = 3;

/// Plenty for filing one request.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long all steps took.
#[derive(Clone, Copy)]
struct Measured {
    elapsed: Duration,
    cpu: Duration,
}

pub(crate) fn measure() {
    let names = [
        "durable steps, 32 answers a commit, of the floor",
        "CPU of a durable step, 32 answers a commit",
    ];
    compare(32, names);
    let names = [
        "durable steps, 2,000 answers a commit, of the floor",
        "CPU of a durable step, 2,000 answers a commit",
    ];
    compare(IN_FLIGHT, names);
}

/// The engine beside the floor; always with as many in flight, of whom so many are answered at once.
fn compare(at_once: usize, names: [&'static str; 2]) {
    let config = project().config();
    let backlog = IN_FLIGHT - at_once;
    let engine = best(|| engine(&config, backlog));
    let floor = best(|| floor(&config, backlog));

    let ratio = floor.elapsed.as_secs_f64() / engine.elapsed.as_secs_f64();
    println!("{}", Figure::new(names[0], ratio, "", Wanted::AtLeast(0.5)));
    let wanted = Wanted::AtMost(25.0);
    println!("{}", Figure::new(names[1], each(engine.cpu), "µs", wanted));
    println!(
        "  {:.1} µs a step, {:.1} µs at the floor, of which {:.1} µs are CPU",
        each(engine.elapsed),
        each(floor.elapsed),
        each(floor.cpu),
    );
}

fn each(all: Duration) -> f64 {
    all.as_secs_f64() * 1e6 / STEPS as f64
}

fn best(run: impl Fn() -> Measured) -> Measured {
    let runs = (0..RUNS).map(|_| run());
    let best = runs.reduce(|best, next| Measured {
        elapsed: best.elapsed.min(next.elapsed),
        cpu: best.cpu.min(next.cpu),
    });
    best.expect("it runs")
}

/// Through the engine, to a real disk.
fn engine(config: &Config, backlog: usize) -> Measured {
    let folder = folder();
    let state = StateDir::of_project(folder.path());
    let start = project::start(config.clone());
    let answer = engine::ask(&state, &start, PATIENCE, project::reader(config))
        .expect("the request is filed");
    assert_eq!(answer.rejected, None);

    let read = project::read(config);
    let options = EngineOptions {
        files: Some(WatchedFiles::new(
            Vec::new(),
            Box::new(move |_| read.clone()),
        )),
        ..EngineOptions::default()
    };
    let (outside, over) = Outside::new(backlog, STEPS);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let (begun, computed) = (Instant::now(), cpu());
        let engine = engine::start(&state, options, |_| Box::new(outside));
        let mut engine = engine.expect("the engine starts");
        over.await.expect("every answer is asked for");
        let measured = Measured {
            elapsed: begun.elapsed(),
            cpu: cpu().saturating_sub(computed),
        };
        engine.kill();
        engine.ended().await.expect("it ran well");
        measured
    })
}

/// The same groups of the same bytes, appended and nothing else.
fn floor(config: &Config, backlog: usize) -> Measured {
    let folder = folder();
    let mut floor = Floor::open(folder.path()).expect("a database");
    let start = project::start(config.clone());
    let mut shell = Shell::begin(start, project::read(config), backlog);
    let (mut elapsed, mut computed, mut steps) = (Duration::ZERO, Duration::ZERO, 0);
    while steps < STEPS {
        let group = shell.turn().expect("there is more to do");
        let texts = group.texts();
        let (begun, before) = (Instant::now(), cpu());
        floor.append(&texts).expect("it is appended");
        elapsed += begun.elapsed();
        computed += cpu().saturating_sub(before);
        steps += group.steps;
    }
    Measured {
        elapsed,
        cpu: computed,
    }
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
