//! What many customers cost who wait: memory, the time until a new process is ready, and CPU while nothing happens.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use engine::{EngineHandle, EngineOptions, Reading, StateDir, WatchedFiles};
use policy::parse;
use rollout::Product;
use tokio::runtime::Runtime;

use crate::durable::folder;
use crate::figure::{Figure, Wanted, cpu};
use crate::outside::Outside;
use crate::project::{self, NOWHERE, Project};

/// The argument of the process that is measured.
pub(crate) const CHILD: &str = "--drive";

const CUSTOMERS: usize = 10_000;
const IDLE: Duration = Duration::from_secs(2);
const PATIENCE: Duration = Duration::from_mins(1);

/// Leaves behind what an engine leaves that was killed, then looks at the one that follows it.
pub(crate) fn measure() {
    let folder = folder();
    let state = StateDir::of_project(folder.path());
    let config = project().config();
    let read = project::reader(&config);
    let answer =
        engine::ask(&state, &project::start(config), PATIENCE, read).expect("the request is filed");
    assert_eq!(answer.rejected, None);
    let runtime = Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let mut engine = ready(&state).await;
        engine.kill();
        engine.ended().await.expect("it has ended");
    });

    let this = env::current_exe().expect("this program");
    let status = Command::new(this).arg(CHILD).arg(folder.path()).status();
    assert!(status.expect("it runs").success());
}

/// The process that is measured.
pub(crate) fn drive(folder: &Path) {
    let state = StateDir::of_project(folder);
    let runtime = Runtime::new().expect("a runtime");
    let begun = Instant::now();
    let engine = runtime.block_on(ready(&state));
    let ready = begun.elapsed();
    let resident = resident();
    let before = cpu();
    std::thread::sleep(IDLE);
    let idle = (cpu().saturating_sub(before)).as_secs_f64() / IDLE.as_secs_f64() * 100.0;
    drop(engine);

    let name = "10,000 waiting customers, ready after a restart";
    println!("{}", Figure::seconds(name, ready, Duration::from_secs(1)));
    let name = "10,000 waiting customers, resident memory";
    println!(
        "{}",
        Figure::new(name, resident, "MB", Wanted::AtMost(100.0))
    );
    let name = "10,000 waiting customers, CPU while idle";
    println!("{}", Figure::new(name, idle, "%", Wanted::AtMost(1.0)));
}

/// An engine that has done all there is to do at this instant.
async fn ready(state: &StateDir) -> EngineHandle {
    let options = EngineOptions {
        files: Some(files()),
        readings: Box::new(readings()),
        ..EngineOptions::default()
    };
    let engine = engine::start(state, options, |_| Box::new(Outside::new(0, 0).0));
    let engine = engine.expect("the engine starts");
    let wake_at = engine.look(Product::wake_at).await.expect("it runs");
    assert!(wake_at.is_some(), "the window opens some day");
    assert_eq!(
        engine
            .look(|product| product.in_flight().count())
            .await
            .expect("it runs"),
        0
    );
    engine
}

/// The files as an engine watches them: read and checked at the start.
fn files() -> WatchedFiles {
    let read = |_: &Product| {
        let config = parse::load(&project().sources()).expect("the files have no mistake");
        project::read(&config)
    };
    WatchedFiles::new(Vec::new(), Box::new(read))
}

/// Everybody waits for a window of their own.
fn project() -> Project {
    Project {
        customers: CUSTOMERS,
        max_parallel: 10,
        sites: NOWHERE.to_owned(),
        policy: "batch: all\nwindow: { cron: '0 2 * * SUN', duration: 2h, timezone: customer }\n"
            .to_owned(),
    }
}

/// A Monday, whenever it is: the window is closed.
fn readings() -> impl FnMut() -> Reading + Send {
    let begun = Instant::now();
    move || {
        let monday: policy::Timestamp = "2027-01-11T08:00:00Z".parse().expect("an instant");
        let boot = begun.elapsed();
        Reading {
            boot,
            wall: monday + boot,
        }
    }
}

/// Resident memory of this process, in megabytes.
fn resident() -> f64 {
    let text = fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages = text
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse::<f64>().ok());
    pages.expect("a number") * rustix::param::page_size() as f64 / 1e6
}
