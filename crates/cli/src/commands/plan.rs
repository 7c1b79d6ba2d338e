//! `plan`: what a start would do.

use policy::plan::{dot, mermaid};
use policy::{Plan, Timestamp};
use project::allowed_paths;
use project::prepare::{Basis, Notes, Preview, Source};
use project::shell::word;
use project::view::PlanView;

use crate::args::{self, Global, Graph};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::plan::file::PlanFile;
use crate::plan::ics;
use crate::show::{plan as laid_out, time};
use crate::{open, output_file};

/// Shows the plan of a version.
pub(crate) async fn plan(global: &Global, args: &args::Plan, out: Output) -> Result<Exit, Failure> {
    let folder = open::folder(global)?;
    let at = args.start.unwrap_or_else(time::now);
    let config = folder.load_at(at, &out)?;
    allowed_paths::refuse(&config)?;
    let product = open::product(global, out).await?;
    let basis = Basis {
        folder: &folder,
        config: &config,
        product: &product,
        caller: &out,
    };
    let (plan, notes, source) = match &args.out {
        Some(path) if path.as_os_str() == "-" => {
            return Err(
                Failure::usage("`-` names no file, and a start reads the plan from one")
                    .or_type("tranche plan VERSION --out plan.json"),
            );
        }
        Some(path) => {
            output_file::refuse(global, path)?;
            let scope = args.scope.of_plan();
            let prepared = basis.prepare(&args.version, scope.clone()).await?;
            let file = PlanFile::new(prepared.plan.clone(), scope, &prepared.running, at);
            output_file::write(global, path, &file.text()?)?;
            (prepared.plan, prepared.notes, Source::Render)
        }
        None => {
            let asked = Preview {
                version: args.version.clone(),
                scope: args.scope.of_plan(),
                offline: args.offline,
                at,
            };
            basis.preview(asked).await?
        }
    };
    show(args, &plan, (&notes, &source), at, out)?;
    if let Some(path) = &args.out {
        out.say(format_args!(
            "wrote the plan to {}; next: tranche start --plan {}",
            path.display(),
            word(path)
        ));
    }
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
    out.data(&view, || laid_out::text(&view))
}
