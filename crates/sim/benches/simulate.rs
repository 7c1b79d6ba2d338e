//! How long does a simulation of the four tiers take, 51 days with 1,000 customers?
#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

#[path = "../../policy/benches/figure/mod.rs"]
mod figure;

use std::fmt::Write as _;
use std::time::Duration;

use figure::{Figure, cpu};
use policy::parse::{self, Config, File, Sources};
use policy::{PersonId, Timestamp};
use rollout::Kind;
use sim::world::{Approvals, Setup, World};

/// The best of so many runs: whatever else the machine does only makes a run longer.
const RUNS: usize = 3;

const PROJECT: &str = include_str!("../../../examples/securewatch/tranche.yaml");
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

/// Customers of each tier; those of `enterprise` go one by one within two hours a week.
const TIERS: [(&str, usize); 4] = [
    ("demo", 40),
    ("startup", 460),
    ("standard", 370),
    ("enterprise", 130),
];

fn main() {
    let mut best = Duration::MAX;
    let mut said = String::new();
    for _ in 0..RUNS {
        let mut setup = Setup::new(config(), "v1.1.0", start(), PersonId::new("ann"));
        setup.approvals = Approvals::AtOnce;
        let begun = cpu();
        let mut world = World::new(setup);
        world.run();
        best = best.min(cpu().saturating_sub(begun));
        said = tell(&world);
    }
    let name = "simulating four tiers, 1,000 customers, 51 days";
    println!("{}", Figure::seconds(name, best, Duration::from_secs(1)));
    println!("  {said}");
}

fn tell(world: &World) -> String {
    let events = world.events();
    let succeeded = |event: &&rollout::Event| event.line.kind == Kind::RolloutSucceeded;
    assert_eq!(events.iter().filter(succeeded).count(), 1, "it ends well");
    let days = (world.now() - start()).num_days();
    format!("{} events over {days} virtual days", events.len())
}

fn start() -> Timestamp {
    "2027-01-11T08:00:00Z".parse().expect("an instant")
}

fn config() -> Config {
    let file = |path: &str, text: &str| File {
        path: path.to_owned(),
        text: text.to_owned(),
    };
    let sources = Sources {
        project: file("tranche.yaml", PROJECT),
        customers: file("customers.yaml", &fleet()),
        policies: POLICIES.map(|(name, text)| file(name, text)).into(),
        unread: Vec::new(),
        calendars: Vec::new(),
    };
    parse::load(&sources).expect("the files have no mistake")
}

fn fleet() -> String {
    const ZONES: [&str; 4] = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Tokyo"];
    let mut text = "customers:\n".to_owned();
    for (tier, customers) in TIERS {
        for n in 0..customers {
            let (id, zone) = (format!("{tier}-{n:03}"), ZONES[n % ZONES.len()]);
            let _ = write!(
                text,
                "  {id}:\n    tier: {tier}\n    timezone: {zone}\n    services:\n      \
                 backend: {{ id: srv-b-{id}, url: \"https://{id}-api.example\" }}\n      \
                 frontend: {{ id: srv-f-{id}, url: \"https://{id}.example\" }}\n    secrets:\n      \
                 CUSTOMER_DATABASE_URL: {{ env: DATABASE_URL }}\n      CUSTOMER_JWT_SECRET: {{ env: JWT_SECRET }}\n"
            );
        }
    }
    text
}
