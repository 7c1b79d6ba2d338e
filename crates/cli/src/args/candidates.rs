//! What a shell offers while somebody types: customers, gates, rollouts, phases and versions of this project.
//!
//! Quick and silent: without a project, or with files that cannot be read, nothing is offered.

use std::sync::Arc;

use clap_complete::CompletionCandidate;
use futures::executor::block_on;
use policy::{Config, parse};
use project::{Caller, Folder, Location, Silent};
use rollout::Product;
use rollout::standing::GateStanding;
use rollout::view::RolloutView;

/// All customers of the files.
pub(super) fn customers() -> Vec<CompletionCandidate> {
    let Some(config) = config() else {
        return Vec::new();
    };
    let customers = config.fleet.customers.into_iter();
    customers
        .map(|(id, customer)| {
            CompletionCandidate::new(id.as_str()).help(Some(customer.name.into()))
        })
        .collect()
}

/// Gates of unfinished rollouts that may still be voted for.
pub(super) fn gates() -> Vec<CompletionCandidate> {
    let gates = unfinished().into_iter().flat_map(|run| run.gates);
    let open = gates.filter(|gate| match gate.state {
        GateStanding::Asked | GateStanding::NotAskedYet | GateStanding::Approved => true,
        GateStanding::Passed | GateStanding::Rejected | GateStanding::Over => false,
    });
    open.map(|gate| CompletionCandidate::new(gate.gate).help(Some(gate.missing.into())))
        .collect()
}

/// All rollouts.
pub(super) fn rollouts() -> Vec<CompletionCandidate> {
    let runs = product().map(|product| product.overview());
    let runs = runs.unwrap_or_default().into_iter();
    runs.map(|run| {
        let help = format!("{} {}", run.version, run.state);
        CompletionCandidate::new(run.id.to_string()).help(Some(help.into()))
    })
    .collect()
}

/// Phases of unfinished rollouts.
pub(super) fn phases() -> Vec<CompletionCandidate> {
    let runs = unfinished().into_iter();
    let phases = runs.flat_map(|run| run.phases);
    phases
        .map(|phase| {
            CompletionCandidate::new(phase.name.as_str()).help(Some(phase.state.as_str().into()))
        })
        .collect()
}

/// Customers and phases: what can be tried again or left out.
pub(super) fn targets() -> Vec<CompletionCandidate> {
    let mut targets = phases();
    targets.extend(customers());
    targets
}

fn unfinished() -> Vec<RolloutView> {
    let runs = product().map(|product| product.overview());
    let runs = runs.unwrap_or_default().into_iter();
    runs.filter(|run| !run.has_ended()).collect()
}

fn folder() -> Option<Folder> {
    Folder::of_environment()
}

fn config() -> Option<Config> {
    parse::load_running(&folder()?.sources()).ok()
}

fn product() -> Option<Product> {
    let location = Location {
        dir: Some(folder()?.dir().to_owned()),
        db: None,
    };
    let caller: Arc<dyn Caller> = Arc::new(Silent);
    let backend = location.backend(&caller).ok()?;
    block_on(backend.product()).ok()
}
