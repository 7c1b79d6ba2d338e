//! `status`, `list`, `why` and `approvals`: what is stored, without changing it.

use policy::Config;
use project::view::{Reasons, Standing, Tracked, gates};
use rollout::view::GateView;

use crate::args::{Approvals, Global, Status, Why};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::show::{escape, holds, plan, status, time, zones};
use crate::{open, request};

/// What is said where rollouts would be listed.
const NOTHING_STARTED: &str = "nothing has been started yet; try: tranche start VERSION";

/// Shows where one rollout stands.
pub(crate) async fn status(global: &Global, args: &Status, out: Output) -> Result<Exit, Failure> {
    let (backend, now) = (open::backend(global, out)?, time::now());
    let files = || open::config(global, Output::silent()).ok();
    let standing = Standing::read(&*backend, args.rollout, files, now).await?;
    out.data(&standing, || {
        let text = status::status(&standing.run, standing.way_out.as_deref(), now);
        let others = status::others(&standing.others);
        let moved = match zones::moved(&standing.moved, zones::SHOWN) {
            none if none.is_empty() => none,
            moved => format!("\n{moved}"),
        };
        format!(
            "{text}{others}{}{moved}",
            status::product(&standing.product)
        )
    })?;
    if !standing.run.has_ended() && !standing.is_driven {
        request::say_undriven(out);
    }
    Ok(Exit::Done)
}

/// Lists all rollouts.
pub(crate) async fn list(global: &Global, out: Output) -> Result<Exit, Failure> {
    let runs = open::product(global, out).await?.overview();
    out.list(&runs, runs.is_empty(), NOTHING_STARTED, || {
        status::list(&runs, time::now())
    })?;
    Ok(Exit::Done)
}

/// What every service runs, as far as rollouts and operations tell (release tracking), and where the monitor saw otherwise.
pub(crate) async fn versions(global: &Global, out: Output) -> Result<Exit, Failure> {
    let backend = open::backend(global, out)?;
    let files = || open::config(global, Output::silent()).ok();
    let tracked = Tracked::read(&*backend, files).await?;
    out.list(&tracked, tracked.is_empty(), NOTHING_STARTED, || {
        status::versions(&tracked, time::now())
    })?;
    Ok(Exit::Done)
}

/// Lists the gates of unfinished rollouts.
pub(crate) async fn approvals(
    global: &Global,
    args: &Approvals,
    out: Output,
) -> Result<Exit, Failure> {
    let (backend, now) = (open::backend(global, out)?, time::now());
    let gates = gates::read(&*backend, args.all, now).await?;
    let none = match args.all {
        true => "no rollout has a gate that people were asked for",
        false => "no gate waits for people",
    };
    out.list(&gates, gates.is_empty(), none, || {
        let gates: Vec<&GateView> = gates.iter().collect();
        status::gates(&gates, time::now())
    })?;
    Ok(Exit::Done)
}

/// Says why a customer waits.
pub(crate) async fn why(global: &Global, args: &Why, out: Output) -> Result<Exit, Failure> {
    let (backend, now) = (open::backend(global, out)?, time::now());
    let files = || open::config(global, out).ok();
    let read = Reasons::read(&*backend, args.rollout, &args.customer, files, now).await?;
    let (reasons, config) = read;
    out.data(&reasons, || in_words(&reasons, config.as_ref()))?;
    if !reasons.has_ended && !reasons.is_driven {
        request::say_undriven(out);
    }
    Ok(Exit::Done)
}

fn in_words(reasons: &Reasons, files: Option<&Config>) -> String {
    let id = &reasons.customer;
    let named = format!("{} ({})", reasons.rollout, reasons.version);
    let heading = match &reasons.left_out {
        Some(why) => format!("{id} is left out of {named}: {}", plan::reason(&why.why)),
        None => holds::heading(id, &named, reasons.state, &reasons.holds),
    };
    let customer = files.and_then(|config| config.fleet.customers.get(id));
    let zone = customer.and_then(|customer| customer.timezone);
    let holds = holds::holds(&reasons.holds, zone, time::now());
    let heading = escape::line(&heading);
    let targets = reasons.unhealthy_targets.iter();
    let targets = targets.fold(String::new(), |text, target| {
        text + "warning: " + &escape::line(&target.to_string()) + "\n"
    });
    let product = status::product(&reasons.product);
    let note = match &reasons.note {
        Some(note) if reasons.holds.is_empty() => format!("  {}\n", escape::line(note)),
        Some(_) | None => String::new(),
    };
    format!("{heading}\n{note}{holds}{targets}{product}")
}
