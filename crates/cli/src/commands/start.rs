//! `start`: begins a rollout.

use std::io::{ErrorKind, IsTerminal, stdin};

use dialoguer::Confirm;
use policy::{Plan, PlanScope};
use project::prepare::{Prepared, Source};
use project::signals::stop_signal;
use project::view::PlanView;
use project::view::requests::{CustomerRequests, requests};
use project::wish::WantedStart;
use project::{Answer, Session, allowed_paths};
use rollout::request::{Conflict, Reviewed};
use rollout::{Event, Kind, Product, RolloutId};
use serde::Serialize;

use super::drive;
use crate::args::{Global, Start};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::plan::difference::{Difference, Made};
use crate::plan::file::PlanFile;
use crate::show::count::counted;
use crate::show::{self, summary, time, zones};
use crate::{open, request};

/// Begins a rollout, and drives it unless somebody else does or will.
pub(crate) async fn start(global: &Global, args: Start, out: Output) -> Result<Exit, Failure> {
    drive::listen()?;
    // Until the request is filed, whoever stops it is told that there is nothing to undo.
    let ready = tokio::select! {
        biased;
        ready = prepare(global, &args, out) => ready?,
        _ = stop_signal() => return Err(interrupted()),
    };
    let Some(ready) = ready else {
        return Ok(Exit::Done);
    };
    let Ready {
        session,
        prepared,
        reviewed,
    } = ready;
    let Some(run) = file(&session, &args, prepared, reviewed, out).await? else {
        return Ok(Exit::Done);
    };
    if args.detach {
        drive::leave(session.backend(), run, out).await?;
        return Ok(Exit::Done);
    }
    drive::drive(&session, run, out).await
}

fn interrupted() -> Failure {
    Failure::new(Exit::Interrupted, "interrupted: nothing was begun").or_type("the same command")
}

/// What is about to be asked for.
struct Ready {
    session: Session,
    prepared: Prepared,
    reviewed: Option<Reviewed>,
}

/// Plans, shows and asks; changes nothing. `None`: that was all that was wanted.
async fn prepare(global: &Global, args: &Start, out: Output) -> Result<Option<Ready>, Failure> {
    let session = open::session_to_plan(global, out).await?;
    allowed_paths::refuse(&session.config)?;
    let reviewed = args.plan.as_deref();
    let reviewed = reviewed.map(|path| PlanFile::read(path, &session.config.project.product));
    let reviewed = reviewed.transpose()?;
    let (version, scope) = match &reviewed {
        Some(file) => (file.version(), file.options().clone()),
        None => (
            args.version.as_deref().unwrap_or_default(),
            args.scope.of_plan(),
        ),
    };
    let product = session.backend().product().await?;
    let prepared = session.prepare(version, scope).await?;
    if let Some(file) = &reviewed {
        is_as_reviewed(file, &prepared, out)?;
    }
    if args.dry_run {
        dry_run(&prepared, args, out)?;
        return Ok(None);
    }
    session.check_secrets(&prepared.plan)?;
    for warning in prepared.notes.warnings() {
        out.say(format_args!("warning: {warning}"));
    }
    // Where nobody is left to start, there is nothing to show and to ask: the refusal says so.
    if !prepared.plan.customers.is_empty() {
        show_first(&prepared, args, &product, out);
        ask_first(global, &prepared.plan, out)?;
    }
    let reviewed = reviewed.as_ref().map(PlanFile::reviewed);
    Ok(Some(Ready {
        session,
        prepared,
        reviewed,
    }))
}

/// What a dry run shows.
#[derive(Serialize)]
struct DryRun<'p> {
    plan: PlanView<'p>,
    requests: Vec<CustomerRequests>,
}

/// Shows the plan, and every request that would be sent.
fn dry_run(prepared: &Prepared, args: &Start, out: Output) -> Result<(), Failure> {
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
            show::plan::text(&shown.plan),
            show::requests::requests(&shown.requests, |one| {
                format!("{} ({}/{})", one.customer, one.phase, one.batch)
            })
        )
    })
}

/// Refuses a plan that is no longer the one that was reviewed, and shows what differs.
fn is_as_reviewed(file: &PlanFile, prepared: &Prepared, out: Output) -> Result<(), Failure> {
    let now = Made {
        plan: &prepared.plan,
        running: &prepared.running,
    };
    let Some(difference) = Difference::between(file.made(), now) else {
        return Ok(());
    };
    out.data(&difference, || difference.text())?;
    let text = "what would be started is no longer what was reviewed: nothing was started";
    let version = file.version();
    Err(Failure::new(Exit::Refused, text).or_type(format!("tranche plan {version} --out FILE")))
}

/// What is about to begin.
fn show_first(prepared: &Prepared, args: &Start, product: &Product, out: Output) {
    let Prepared {
        plan,
        running,
        notes,
        ..
    } = prepared;
    let behind = match conflict(args, &prepared.input.scope) {
        Conflict::Refuse => Vec::new(),
        Conflict::Queue | Conflict::Supersede | Conflict::Hotfix => in_the_way(product, plan),
    };
    let reviewed = args.plan.as_deref();
    let summary = summary::before(plan, running, &behind, reviewed, time::now());
    out.say_laid_out(summary);
    let moved = zones::moved(&notes.moved, zones::SHOWN);
    if !moved.is_empty() {
        out.say_laid_out(moved);
    }
}

/// The unfinished rollouts that have a customer of the plan.
fn in_the_way(product: &Product, plan: &Plan) -> Vec<RolloutId> {
    let has_one_of_them = |run: &RolloutId| {
        let other = product.plan(*run);
        other.is_some_and(|other| {
            let mut customers = other.customers.keys();
            customers.any(|customer| plan.customers.contains_key(customer))
        })
    };
    let runs = product.overview().into_iter();
    let unfinished = runs.filter(|run| !run.has_ended()).map(|run| run.id);
    let rollouts = unfinished.filter(|run| matches!(run, RolloutId::Rollout(_)));
    rollouts.filter(has_one_of_them).collect()
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
        counted(summary::phases(plan), "phase"),
    );
    let yes = Confirm::new().with_prompt(question).interact().map_err(
        |dialoguer::Error::IO(source)| match source.kind() == ErrorKind::Interrupted {
            true => interrupted(),
            false => Failure::failed("failed to read the answer").caused_by(source),
        },
    )?;
    if yes {
        return Ok(());
    }
    Err(Failure::new(Exit::Refused, "nothing was started").or_type("tranche start --dry-run"))
}

/// Files the request; the answer names the rollout.
async fn file(
    session: &Session,
    args: &Start,
    prepared: Prepared,
    reviewed: Option<Reviewed>,
    out: Output,
) -> Result<Option<RolloutId>, Failure> {
    let wanted = WantedStart {
        conflict: conflict(args, &prepared.input.scope),
        clear_cache: args.clear_cache,
        deploy_timeout: args.deploy_timeout,
        reviewed,
        ..WantedStart::default()
    };
    let verb = wanted.into_verb(prepared)?;
    let Some(Answer { events, .. }) = session.ask(None, verb).await? else {
        return Ok(None);
    };
    request::show(session.backend(), &events, out).await?;
    Ok(events
        .iter()
        .rev()
        .find(|event| is_start(event))
        .and_then(|event| event.line.rollout))
}

fn is_start(event: &Event) -> bool {
    matches!(event.line.kind, Kind::RolloutStarted | Kind::RolloutQueued)
}

fn conflict(args: &Start, scope: &PlanScope) -> Conflict {
    match (args.queue, args.supersede, scope.hotfix.is_some()) {
        (true, _, _) => Conflict::Queue,
        (false, true, _) => Conflict::Supersede,
        (false, false, true) => Conflict::Hotfix,
        (false, false, false) => Conflict::Refuse,
    }
}
