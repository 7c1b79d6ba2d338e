//! `status`, `list`, `why` and `approvals`: what is stored, without changing it.

use policy::CustomerId;
use rollout::{Hold, Product, RunId};
use serde::Serialize;

use crate::args::{Approvals, Global, Status, Why};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::project::Folder;
use crate::show::{holds, status, time};
use crate::state;

/// Shows where one rollout stands.
pub(crate) fn status(global: &Global, args: &Status, out: Output) -> Result<Exit, Failure> {
    let product = state::product(&state::place(global)?)?;
    let run = state::choose(product.overview(), args.rollout)?;
    out.data(&run, || status::status(&run, time::now()))?;
    Ok(Exit::Done)
}

/// Lists all rollouts.
pub(crate) fn list(global: &Global, out: Output) -> Result<Exit, Failure> {
    let runs = state::product(&state::place(global)?)?.overview();
    if runs.is_empty() {
        out.say("nothing has been started yet; try: tranche start VERSION");
    }
    out.data(&runs, || status::list(&runs, time::now()))?;
    Ok(Exit::Done)
}

/// Lists the gates of unfinished rollouts.
pub(crate) fn approvals(global: &Global, args: &Approvals, out: Output) -> Result<Exit, Failure> {
    let runs = state::product(&state::place(global)?)?.overview();
    let unfinished = runs.iter().filter(|run| args.all || run.outcome.is_none());
    let gates: Vec<_> = unfinished
        .flat_map(|run| &run.gates)
        .filter(|gate| args.all || status::is_open(gate))
        .collect();
    if gates.is_empty() {
        out.say("no gate waits for people");
    }
    out.data(&gates, || status::gates(&gates))?;
    Ok(Exit::Done)
}

/// Why a customer waits in a rollout.
#[derive(Debug, Serialize)]
struct Reasons<'c> {
    rollout: RunId,
    customer: &'c CustomerId,
    holds: Vec<Hold>,
}

/// Says why a customer waits.
pub(crate) fn why(global: &Global, args: &Why, out: Output) -> Result<Exit, Failure> {
    let product = state::product(&state::place(global)?)?;
    let rollout = rollout_of(&product, args)?;
    let now = time::now();
    let reasons = Reasons {
        rollout,
        customer: &args.customer,
        holds: product.holds(rollout, &args.customer, now),
    };
    let folder = Folder::find(global).and_then(|folder| folder.load(out));
    let zone = folder.ok().and_then(|config| {
        config
            .fleet
            .customers
            .get(&args.customer)
            .and_then(|customer| customer.timezone)
    });
    out.data(&reasons, || {
        holds::holds(&args.customer, &reasons.holds, zone, now)
    })?;
    Ok(Exit::Done)
}

/// The named rollout, or the newest that has this customer.
fn rollout_of(product: &Product, args: &Why) -> Result<RunId, Failure> {
    let mut runs = product.overview();
    if args.rollout.is_some() {
        return Ok(state::choose(runs, args.rollout)?.id);
    }
    runs.retain(|run| {
        run.customers
            .iter()
            .any(|one| one.customer == args.customer)
    });
    runs.last().map(|run| run.id).ok_or_else(|| {
        Failure::usage(format!("no rollout has a customer `{}`", args.customer))
            .or_type("tranche customers")
    })
}
