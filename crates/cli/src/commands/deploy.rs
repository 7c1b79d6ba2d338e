//! `deploy`: single services outside any rollout, as one operation.

mod config;

use std::fmt::Write as _;
use std::io::{IsTerminal, stdin};

use dialoguer::Confirm;
use project::view::requests::{PlannedRequest, requests};
use project::wish::WantedDeploys;
use project::{Answer, Session, observe};
use rollout::{Deploys, Event, Kind, Observed, RolloutId, ServiceDeploy, Verb};
use serde::Serialize;

use super::drive;
use crate::args::{Deploy, Global};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::show::count::counted;
use crate::show::table::table;
use crate::{open, request, show};

/// Deploys one service or those of a file, and drives that unless somebody else does or will.
pub(crate) async fn deploy(global: &Global, args: Deploy, out: Output) -> Result<Exit, Failure> {
    let session = open::session(global, out).await?;
    let wanted = config::wanted(session.folder.dir(), &args)?;
    let wanted = WantedDeploys {
        services: wanted,
        max_parallel: args.parallel,
        reason: args.reason.unwrap_or_default(),
    };
    let deploys = session.deploys(wanted).await?;
    if args.dry_run {
        return dry_run(&deploys, out);
    }
    ask_first(global, &deploys, out)?;
    let verb = Verb::Deploy(Box::new(deploys));
    drive_operation(&session, verb, args.detach, out).await
}

/// Files a request that begins an operation, and drives it.
pub(crate) async fn drive_operation(
    session: &Session,
    verb: Verb,
    detach: bool,
    out: Output,
) -> Result<Exit, Failure> {
    let Some(Answer { events, .. }) = session.ask(None, verb).await? else {
        return Ok(Exit::Done);
    };
    request::show(session.backend(), &events, out).await?;
    let Some(run) = begun(&events) else {
        return Ok(Exit::Done);
    };
    if detach {
        drive::leave(session.backend(), run, out).await?;
        return Ok(Exit::Done);
    }
    drive::drive(session, run, out).await
}

/// The operation that began with these events.
pub(super) fn begun(events: &[Event]) -> Option<RolloutId> {
    let started = events.iter().rev();
    let mut started = started.filter(|event| event.line.kind == Kind::OperationStarted);
    started.next()?.line.rollout
}

/// A person at a terminal is asked; a program has made up its mind.
fn ask_first(global: &Global, deploys: &Deploys, out: Output) -> Result<(), Failure> {
    if global.yes || !out.is_terminal() || !stdin().is_terminal() {
        return Ok(());
    }
    let question = format!("Deploy {}?", counted(deploys.services.len(), "service"));
    let yes = Confirm::new()
        .with_prompt(question)
        .interact()
        .map_err(|source| Failure::failed("failed to read the answer").caused_by(source))?;
    if yes {
        return Ok(());
    }
    let failure = Failure::new(Exit::Refused, "nothing was deployed");
    Err(failure.or_type("the same command with --dry-run"))
}

/// Shows what each service would get, and every request that would be sent.
fn dry_run(deploys: &Deploys, out: Output) -> Result<Exit, Failure> {
    let plan = deploys.plan()?;
    let mut observed = Observed::new();
    for deploy in &deploys.services {
        let views = observed.entry(deploy.customer.clone()).or_default();
        views.extend(
            deploy
                .observed
                .clone()
                .map(|view| (deploy.role.clone(), view)),
        );
    }
    let planned = requests(&plan, &observed, false);
    let shown: Vec<Shown<'_>> = deploys
        .services
        .iter()
        .zip(&planned)
        .map(|(deploy, planned)| Shown::new(deploy, &planned.requests))
        .collect();
    out.data(&shown, || {
        let preview = text(&shown, deploys.max_parallel);
        format!(
            "{preview}\n{}",
            show::requests::requests(&planned, |one| one.customer.to_string())
        )
    })?;
    Ok(Exit::Done)
}

/// One service of a preview.
#[derive(Debug, Serialize)]
struct Shown<'d> {
    service: String,
    id: String,
    runs: Option<&'d str>,
    gets: &'d str,
    commit: &'d str,
    variables: Vec<&'d str>,
    health: &'d str,
    watch: String,
    refusals: Vec<String>,
    requests: &'d [PlannedRequest],
}

impl<'d> Shown<'d> {
    fn new(deploy: &'d ServiceDeploy, requests: &'d [PlannedRequest]) -> Self {
        let view = deploy.observed.as_ref();
        let runs = view.and_then(|view| view.version.as_deref().or(observe::live_commit(view)));
        let service = deploy.services.services.get(&deploy.role);
        Self {
            service: format!("{}/{}", deploy.customer, deploy.role),
            id: service.map_or_else(String::new, |service| service.id.to_string()),
            runs,
            gets: &deploy.release.version,
            commit: &deploy.release.commit,
            variables: deploy.variables.keys().map(String::as_str).collect(),
            health: &deploy.health,
            watch: deploy.watch.to_string(),
            refusals: view.map_or_else(Vec::new, |view| view.refusals.clone()),
            requests,
        }
    }

    fn row(&self) -> Vec<String> {
        vec![
            self.service.clone(),
            self.id.clone(),
            self.runs.unwrap_or("-").to_owned(),
            self.gets.to_owned(),
            self.variables.join(", "),
            self.health.to_owned(),
            self.watch.clone(),
        ]
    }
}

fn text(shown: &[Shown<'_>], max_parallel: u32) -> String {
    let heading = [
        "SERVICE",
        "ID",
        "RUNS",
        "GETS",
        "VARIABLES",
        "HEALTH",
        "WATCH",
    ];
    let mut text = table(&heading, shown.iter().map(Shown::row));
    // Writing to a String cannot fail.
    let _ = writeln!(
        text,
        "\n{}, up to {max_parallel} at once",
        counted(shown.len(), "service")
    );
    for one in shown.iter().filter(|one| !one.refusals.is_empty()) {
        let refusals = one.refusals.join("; ");
        let _ = writeln!(text, "refused as it stands: {}: {refusals}", one.service);
    }
    text
}
