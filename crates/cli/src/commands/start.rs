//! `start`: begins a rollout.

use std::io::{IsTerminal, stdin};

use dialoguer::Confirm;
use policy::Plan;
use rollout::request::Conflict;
use rollout::{Event, Kind, RunId, Verb};
use serde::Serialize;

use super::ask::Desk;
use super::drive;
use crate::args::{Global, Start};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::plan::requests::{CustomerRequests, requests};
use crate::prepare::{Prepared, Source, prepare};
use crate::show::plan::{PlanView, counted};
use crate::show::{self, time};
use crate::{reach, secrets, state};

/// Begins a rollout, and drives it unless somebody else does or will.
pub(crate) async fn start(global: &Global, args: Start, out: Output) -> Result<Exit, Failure> {
    let desk = Desk::open_to_plan(global, out)?;
    reach::refuse(&desk.config)?;
    let scope = args.scope.of_plan();
    let product = state::product(desk.state())?;
    let prepared = prepare(
        &desk.folder,
        &desk.config,
        &product,
        &args.version,
        scope,
        out,
    )
    .await?;
    if args.dry_run {
        return dry_run(&prepared, &args, out);
    }
    secrets::check(&desk.folder.roots(Some(&desk.config)), &prepared.plan)?;
    for warning in prepared.notes.warnings() {
        out.say(format_args!("warning: {warning}"));
    }
    ask_first(global, &prepared.plan, out)?;
    let Some(run) = file(&desk, &args, prepared, out).await? else {
        return Ok(Exit::Done);
    };
    if args.detach {
        drive::leave(desk.state(), run, out);
        return Ok(Exit::Done);
    }
    drive::drive(&desk, run, out).await
}

/// What a dry run shows.
#[derive(Serialize)]
struct DryRun<'p> {
    plan: PlanView<'p>,
    requests: Vec<CustomerRequests>,
}

/// Shows the plan, and every request that would be sent.
fn dry_run(prepared: &Prepared, args: &Start, out: Output) -> Result<Exit, Failure> {
    let shown = DryRun {
        plan: PlanView::new(
            &prepared.plan,
            time::now(),
            &prepared.notes,
            &Source::Render,
        ),
        requests: requests(&prepared.plan, &prepared.observed, args.clear_cache),
    };
    out.data(&shown, || {
        format!(
            "{}\n{}",
            shown.plan.text(),
            show::requests::requests(&shown.requests, |one| {
                format!("{} ({}/{})", one.customer, one.phase, one.batch)
            })
        )
    })?;
    Ok(Exit::Done)
}

/// A person at a terminal is asked; a program has made up its mind.
fn ask_first(global: &Global, plan: &Plan, out: Output) -> Result<(), Failure> {
    if global.yes || !out.is_terminal() || !stdin().is_terminal() {
        return Ok(());
    }
    let question = format!(
        "Roll {} out to {} in {}?",
        plan.release.version,
        counted(plan.customers.len(), "customer"),
        counted(plan.phases.len(), "phase"),
    );
    let yes = Confirm::new()
        .with_prompt(question)
        .interact()
        .map_err(|source| Failure::failed("failed to read the answer").caused_by(source))?;
    if yes {
        return Ok(());
    }
    Err(Failure::new(Exit::Refused, "nothing was started").or_type("tranche start --dry-run"))
}

/// Files the request; the answer names the rollout.
async fn file(
    desk: &Desk,
    args: &Start,
    prepared: Prepared,
    out: Output,
) -> Result<Option<RunId>, Failure> {
    let start = rollout::Start {
        input: prepared.input,
        observed: prepared.observed,
        conflict: conflict(args),
        clear_cache: args.clear_cache,
        deploy_timeout: args.deploy_timeout,
    };
    let Some(events) = desk.ask(None, Verb::Start(Box::new(start))).await? else {
        return Ok(None);
    };
    out.data(&events, || super::ask::answer(&events))?;
    Ok(events
        .iter()
        .rev()
        .find(|event| is_start(event))
        .and_then(|event| event.fact.rollout))
}

fn is_start(event: &Event) -> bool {
    matches!(event.fact.kind, Kind::RolloutStarted | Kind::RolloutQueued)
}

fn conflict(args: &Start) -> Conflict {
    match (args.queue, args.supersede, args.scope.hotfix) {
        (true, _, _) => Conflict::Queue,
        (false, true, _) => Conflict::Supersede,
        (false, false, true) => Conflict::Hotfix,
        (false, false, false) => Conflict::Refuse,
    }
}
