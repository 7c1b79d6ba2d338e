//! What one step of the core costs, in a small and in a large fleet.

use std::time::Duration;

use crate::figure::{Figure, Wanted, cpu};
use crate::project::{self, NOWHERE, Project};
use crate::shell::Shell;

const SMALL: usize = 100;
const LARGE: usize = 100_000;

/// Steps that are measured; a small rollout is run again until there are so many.
const STEPS: usize = 20_000;

pub(crate) fn measure() {
    let small = cost(SMALL);
    let large = cost(LARGE);
    let ratio = large.as_secs_f64() / small.as_secs_f64();
    let name = "one core step with 100,000 customers, of one with 100";
    println!("{}", Figure::new(name, ratio, "", Wanted::AtMost(3.0)));
    println!(
        "  {:.1} µs and {:.1} µs, rows of the state included",
        large.as_secs_f64() * 1e6,
        small.as_secs_f64() * 1e6,
    );
}

/// The mean over many steps. Making the plan and the first tick, at which everybody is looked at, are not steps.
fn cost(customers: usize) -> Duration {
    let project = Project {
        customers,
        max_parallel: 10,
        sites: NOWHERE.to_owned(),
        policy: "batch: 50\nmax_parallel: 10\n".to_owned(),
    };
    let config = project.config();
    let (mut steps, mut elapsed) = (0, Duration::ZERO);
    while steps < STEPS {
        let mut shell = Shell::begin(project::start(config.clone()), project::read(&config), 0);
        shell.turn();
        let computed = cpu();
        while steps < STEPS
            && let Some(group) = shell.turn()
        {
            steps += group.steps;
        }
        elapsed += cpu().saturating_sub(computed);
    }
    elapsed / u32::try_from(steps).expect("few steps")
}
