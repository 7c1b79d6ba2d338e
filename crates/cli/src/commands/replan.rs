//! `replan`: applies edited files to what has not started.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use policy::plan::{Phase, RunningVersions, compile, describe};
use policy::{CustomerId, Plan, PlanInput, PlanScope, Release};
use rollout::{RunId, Verb};
use serde::Serialize;

use super::ask::Desk;
use crate::args::{Global, Replan};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::show::time;
use crate::{fleet, state};

/// Applies the files, or shows what that would change.
pub(crate) async fn replan(global: &Global, args: &Replan, out: Output) -> Result<Exit, Failure> {
    let desk = Desk::open_to_plan(global, out)?;
    if args.diff {
        let run = match args.run.rollout {
            Some(run) => run,
            None => desk.asker.only_unfinished()?,
        };
        return diff(&desk, run, out);
    }
    // The rollout knows its release and its scope; only the files are new.
    let release = Release {
        version: String::new(),
        commit: String::new(),
    };
    let input = PlanInput::of(&desk.config, release, PlanScope::default());
    desk.asker
        .file(
            args.run.rollout,
            Verb::Replan {
                input: Box::new(input),
            },
        )
        .await
}

/// What differs between the frozen plan and the files.
#[derive(Debug, Serialize)]
struct Difference {
    phase: String,
    was: Option<String>,
    now: Option<String>,
    joins: Vec<CustomerId>,
    leaves: Vec<CustomerId>,
    /// Customers of both that weigh something else.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    weighs: Vec<Weighed>,
}

/// A customer whose weight was edited.
#[derive(Debug, Serialize)]
struct Weighed {
    customer: CustomerId,
    was: u64,
    now: u64,
}

fn diff(desk: &Desk, run: RunId, out: Output) -> Result<Exit, Failure> {
    let product = state::product(desk.state())?;
    let Some(frozen) = product.plan(run) else {
        return Err(Failure::usage(format!("there is no rollout {run}")).or_type("tranche list"));
    };
    let scope = PlanScope {
        allow_downgrade: true,
        ..PlanScope::default()
    };
    let input = PlanInput::of(&desk.config, frozen.release.clone(), scope);
    let edited = compile(&input, &RunningVersions::new(), time::now())
        .map_err(|error| fleet::refusal(&error))?;
    let differences = differences(frozen, &edited);
    out.data(&differences, || text(&differences))?;
    Ok(Exit::Done)
}

fn differences(frozen: &Plan, edited: &Plan) -> Vec<Difference> {
    let names: BTreeSet<_> = frozen
        .phases
        .iter()
        .chain(&edited.phases)
        .map(|phase| &phase.policy.name)
        .collect();
    let phase =
        |plan: &'_ Plan, name: &_| plan.phases.iter().position(|one| one.policy.name == *name);
    let compared = names.into_iter().filter_map(|name| {
        let was = phase(frozen, name).map(|index| &frozen.phases[index]);
        let now = phase(edited, name).map(|index| &edited.phases[index]);
        let difference = Difference {
            phase: name.to_string(),
            was: was.map(|phase| sentence(frozen, phase)),
            now: now.map(|phase| sentence(edited, phase)),
            joins: missing(now, was),
            leaves: missing(was, now),
            weighs: reweighed(frozen, edited, now),
        };
        let same = difference.was == difference.now
            && difference.joins.is_empty()
            && difference.leaves.is_empty()
            && difference.weighs.is_empty()
            && was.map(|phase| &phase.policy) == now.map(|phase| &phase.policy);
        (!same).then_some(difference)
    });
    compared.collect()
}

fn sentence(plan: &Plan, phase: &Phase) -> String {
    describe(&phase.policy, &plan.weights(phase))
}

fn reweighed(frozen: &Plan, edited: &Plan, now: Option<&Phase>) -> Vec<Weighed> {
    let customers = now.into_iter().flat_map(|phase| &phase.customers);
    let planned = customers.filter(|customer| frozen.customers.contains_key(*customer));
    let weighed = planned.map(|customer| Weighed {
        customer: customer.clone(),
        was: frozen.weight_of(customer),
        now: edited.weight_of(customer),
    });
    weighed.filter(|one| one.was != one.now).collect()
}

/// Customers of one phase that another does not have.
fn missing(of: Option<&Phase>, from: Option<&Phase>) -> Vec<CustomerId> {
    let others: BTreeSet<&CustomerId> = from.iter().flat_map(|phase| &phase.customers).collect();
    let own = of.iter().flat_map(|phase| &phase.customers);
    own.filter(|customer| !others.contains(customer))
        .cloned()
        .collect()
}

fn text(differences: &[Difference]) -> String {
    if differences.is_empty() {
        return "the files plan the same as the rollout".to_owned();
    }
    let mut text = String::new();
    for one in differences {
        let _ = writeln!(text, "{}", one.phase);
        let gone = || "(no such phase)".to_owned();
        let _ = writeln!(text, "  - {}", one.was.clone().unwrap_or_else(gone));
        let _ = writeln!(text, "  + {}", one.now.clone().unwrap_or_else(gone));
        for customer in &one.joins {
            let _ = writeln!(text, "  + {customer}");
        }
        for customer in &one.leaves {
            let _ = writeln!(text, "  - {customer}");
        }
        for Weighed { customer, was, now } in &one.weighs {
            let _ = writeln!(text, "  + {customer} weighs {now}, not {was}");
        }
    }
    text
}
