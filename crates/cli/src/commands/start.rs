//! `start`: begins a rollout.

use std::io::{IsTerminal, stdin};

use dialoguer::Confirm;
use policy::plan::compile;
use policy::{Config, Plan, PlanInput, PlanScope};
use rollout::request::Conflict;
use rollout::{Event, Kind, RunId, Verb};
use serde::Serialize;

use super::ask::Desk;
use super::{drive, plan};
use crate::args::{Global, Start};
use crate::exit::{Exit, Failure};
use crate::observe::{self, Observed};
use crate::output::Output;
use crate::plan::requests::{CustomerRequests, requests};
use crate::project::Folder;
use crate::show::plan::{PlanView, counted};
use crate::show::{self, time};
use crate::{connect, fleet, release, secrets};

/// Begins a rollout, and drives it unless somebody else does or will.
pub(crate) async fn start(global: &Global, args: Start, out: Output) -> Result<Exit, Failure> {
    let desk = Desk::open(global, out)?;
    let scope = plan::scope(&args.scope);
    let prepared = prepare(&desk.folder, &desk.config, &args.version, scope).await?;
    if args.dry_run {
        return dry_run(&prepared, &args, out);
    }
    secrets::check(desk.folder.dir(), &prepared.plan)?;
    ask_first(global, &prepared.plan, out)?;
    let Some(run) = file(&desk, &args, prepared, out).await? else {
        return Ok(Exit::Done);
    };
    if args.detach {
        out.say("nobody drives it from here; `tranche run` does");
        return Ok(Exit::Done);
    }
    drive::drive(&desk, run, out).await
}

/// Everything that a start is made of.
pub(crate) struct Prepared {
    input: PlanInput,
    observed: Observed,
    plan: Plan,
}

impl Prepared {
    /// What the request carries.
    pub(crate) fn request(self) -> (PlanInput, Observed) {
        (self.input, self.observed)
    }
}

/// Resolves the version, and asks Render what runs.
pub(crate) async fn prepare(
    folder: &Folder,
    config: &Config,
    version: &str,
    scope: PlanScope,
) -> Result<Prepared, Failure> {
    let (release, versions) = release::resolve(folder, config, version).await?;
    let input = fleet::input(config, release, scope);
    let client = connect::client(config)?;
    let covered = planned(&input, &Observed::new(), true)?;
    let observed = observe::services(&client, &covered, &versions).await?;
    let plan = planned(&input, &observed, input.scope.allow_downgrade)?;
    Ok(Prepared {
        input,
        observed,
        plan,
    })
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
        plan: PlanView::new(&prepared.plan, time::now()),
        requests: requests(&prepared.plan, &prepared.observed, args.clear_cache),
    };
    out.data(&shown, || {
        format!(
            "{}\n{}",
            shown.plan.text(),
            show::requests::requests(&shown.requests)
        )
    })?;
    Ok(Exit::Done)
}

/// The plan by what runs; `downgrade`: also for customers that run something newer.
fn planned(input: &PlanInput, observed: &Observed, downgrade: bool) -> Result<Plan, Failure> {
    let mut input = input.clone();
    input.scope.allow_downgrade = downgrade;
    compile(&input, &observe::running(observed), time::now())
        .map_err(|error| fleet::refusal(&error))
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
    let (input, observed) = prepared.request();
    let start = rollout::Start {
        input,
        observed,
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
