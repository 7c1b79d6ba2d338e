//! `plan`: what a start would do.

use policy::plan::{compile, dot, mermaid};
use policy::{Plan, PlanScope, Timestamp};

use crate::args::{self, Global, Graph, Scope};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::plan::ics;
use crate::project::Folder;
use crate::show::plan::PlanView;
use crate::show::time;
use crate::{fleet, release, state};

/// Shows the plan of a version.
pub(crate) async fn plan(global: &Global, args: &args::Plan, out: Output) -> Result<Exit, Failure> {
    let folder = Folder::find(global)?;
    let config = folder.load(out)?;
    let release = release::resolve_for_preview(&folder, &config, &args.version, out).await?;
    let at = args.start.unwrap_or_else(time::now);
    let input = fleet::input(&config, release, scope(&args.scope));
    let running = state::running(&state::product(&state::place(global)?)?);
    let plan = compile(&input, &running, at).map_err(|error| fleet::refusal(&error))?;
    show(args, &plan, at, out)?;
    let to_do = args.detailed_exitcode && !plan.customers.is_empty();
    Ok(if to_do { Exit::ToDo } else { Exit::Done })
}

/// What a plan is narrowed to, as the core takes it.
pub(crate) fn scope(scope: &Scope) -> PlanScope {
    PlanScope {
        customers: scope.customers.clone(),
        policies: scope.policy.clone(),
        service: scope.service.clone(),
        hotfix: scope.hotfix.then(Vec::new),
        allow_downgrade: scope.allow_downgrade,
        skip_suspended: scope.skip_suspended,
    }
}

fn show(args: &args::Plan, plan: &Plan, at: Timestamp, out: Output) -> Result<(), Failure> {
    match args.graph {
        Some(Graph::Dot) => return out.text(dot(plan)),
        Some(Graph::Mermaid) => return out.text(mermaid(plan)),
        None => {}
    }
    if args.ics {
        return out.text(ics::calendar(plan, at));
    }
    let view = PlanView::new(plan, at);
    out.data(&view, || view.text())
}
