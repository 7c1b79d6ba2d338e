//! How long does it take to plan a large fleet, from the files on disk to the frozen plan?
#![expect(clippy::print_stdout, reason = "a bench prints its figures")]
#![expect(clippy::cast_precision_loss, reason = "figures are rounded for show")]

mod figure;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Duration;

use figure::{Figure, cpu};
use policy::parse::{self, File, Sources};
use policy::{Plan, PlanInput, PlanScope, Release, Timestamp};
use serde_yaml::granit_parser::Parser;

const CUSTOMERS: usize = 100_000;

/// The best of so many runs: whatever else the machine does only makes a run longer.
const RUNS: usize = 3;

const PROJECT: &str = "\
product: securewatch
people: { ann: { os: ann }, bob: { os: bob }, carol: { os: carol } }
groups: { release-managers: [ann, bob], customer-success: [carol] }
";
const POLICIES: [(&str, &str); 4] = [
    ("demo.yaml", include_str!("../../../policies/demo.yaml")),
    (
        "startup.yaml",
        include_str!("../../../policies/startup.yaml"),
    ),
    (
        "standard.yaml",
        include_str!("../../../policies/standard.yaml"),
    ),
    (
        "enterprise.yaml",
        include_str!("../../../policies/enterprise.yaml"),
    ),
];

fn main() {
    let folder = tempfile::tempdir().expect("a folder for the files");
    let customers = fleet();
    write(folder.path(), "tranche.yaml", PROJECT);
    write(folder.path(), "customers.yaml", &customers);
    for (name, text) in POLICIES {
        write(folder.path(), name, text);
    }

    let (loaded, planned) = (0..RUNS)
        .map(|_| run(folder.path()))
        .min_by_key(|(_, planned)| *planned)
        .expect("it runs");
    let name = "planning 100,000 customers, files included";
    println!("{}", Figure::seconds(name, planned, Duration::from_secs(1)));
    println!(
        "  {:.3} s to read and check {:.1} MB of YAML, {:.3} s to compile the plan; the YAML library alone takes {:.3} s",
        loaded.as_secs_f64(),
        customers.len() as f64 / 1e6,
        planned.saturating_sub(loaded).as_secs_f64(),
        library(&customers).as_secs_f64(),
    );
}

/// What reading, and reading and planning, take.
fn run(folder: &Path) -> (Duration, Duration) {
    let begun = cpu();
    let sources = read(folder);
    let config = parse::load(&sources).expect("the files have no mistake");
    let loaded = cpu().saturating_sub(begun);
    let plan = compile(config);
    assert_eq!(plan.customers.len(), CUSTOMERS);
    (loaded, cpu().saturating_sub(begun))
}

/// What the library takes to walk through the text: the floor of reading.
fn library(text: &str) -> Duration {
    let begun = cpu();
    let events = Parser::new_from_str(text).flatten().count();
    assert!(events > CUSTOMERS);
    cpu().saturating_sub(begun)
}

fn compile(config: policy::Config) -> Plan {
    let input = PlanInput {
        project: config.project,
        fleet: config.fleet,
        policies: config.policies,
        release: Release {
            version: "v1.1.0".to_owned(),
            commit: "1".repeat(40),
        },
        scope: PlanScope::default(),
        history: policy::plan::History::new(),
    };
    let at = "2027-01-11T08:00:00Z";
    let at: Timestamp = at.parse().expect("an instant");
    policy::plan::compile(&input, &BTreeMap::new(), at).expect("the plan can be made")
}

/// Customers of all tiers, each with two services.
fn fleet() -> String {
    const TIERS: [&str; 10] = [
        "demo",
        "startup",
        "startup",
        "startup",
        "startup",
        "startup",
        "standard",
        "standard",
        "standard",
        "enterprise",
    ];
    const ZONES: [&str; 4] = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Tokyo"];
    let mut text = "customers:\n".to_owned();
    for n in 0..CUSTOMERS {
        let (tier, zone) = (TIERS[n % TIERS.len()], ZONES[n % ZONES.len()]);
        let _ = write!(
            text,
            "  customer-{n:06}:\n    tier: {tier}\n    timezone: {zone}\n    services:\n      \
             backend: {{ id: srv-b{n:019}, url: \"https://c{n}-api.example\" }}\n      \
             frontend: {{ id: srv-f{n:019}, url: \"https://c{n}.example\" }}\n"
        );
    }
    text
}

fn write(folder: &Path, name: &str, text: &str) {
    fs::write(folder.join(name), text).expect("the file is written");
}

fn read(folder: &Path) -> Sources {
    let file = |name: &str| File {
        path: name.to_owned(),
        text: fs::read_to_string(folder.join(name)).expect("the file is there"),
    };
    Sources {
        project: file("tranche.yaml"),
        customers: file("customers.yaml"),
        policies: POLICIES.iter().map(|(name, _)| file(name)).collect(),
        unread: Vec::new(),
        calendars: Vec::new(),
    }
}
