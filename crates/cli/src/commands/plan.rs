//! `plan`: what a start would do.

use policy::plan::{dot, mermaid};
use policy::{Plan, Timestamp};

use crate::args::{self, Global, Graph};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::plan::ics;
use crate::prepare::{Notes, Source, preview};
use crate::project::Folder;
use crate::show::plan::PlanView;
use crate::show::time;
use crate::{reach, state};

/// Shows the plan of a version.
pub(crate) async fn plan(global: &Global, args: &args::Plan, out: Output) -> Result<Exit, Failure> {
    let folder = Folder::find(global)?;
    let config = folder.load(out)?;
    reach::refuse(&config)?;
    let product = state::product(&state::place(global)?)?;
    let at = args.start.unwrap_or_else(time::now);
    let (plan, notes, source) = preview(&folder, &config, &product, args, at, out).await?;
    show(args, &plan, (&notes, &source), at, out)?;
    let to_do = args.detailed_exitcode && !plan.customers.is_empty();
    Ok(if to_do { Exit::ToDo } else { Exit::Done })
}

fn show(
    args: &args::Plan,
    plan: &Plan,
    (notes, source): (&Notes, &Source),
    at: Timestamp,
    out: Output,
) -> Result<(), Failure> {
    match args.graph {
        Some(Graph::Dot) => return out.exact(dot(plan)),
        Some(Graph::Mermaid) => return out.exact(mermaid(plan)),
        None => {}
    }
    if args.ics {
        return out.exact(ics::calendar(plan, at));
    }
    let view = PlanView::new(plan, at, notes, source);
    out.data(&view, || view.text())
}
