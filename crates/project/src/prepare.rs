//! The plan that a start would freeze: files, release, and what runs. `plan`, `start --dry-run` and `start` make it here,
//! so that they show the same digest.

use std::collections::BTreeMap;

use policy::plan::{Doubt, RunningVersions, compile, doubts};
use policy::zones::{TakenZone, taken};
use policy::{Config, Plan, PlanInput, PlanScope, PolicyId, Running, Timestamp};
use rollout::{Exposed, Observed, Product, UnhealthyTarget};
use serde::Serialize;

use crate::args;
use crate::exit::Failure;
use crate::moved::{Moved, moved};
use crate::output::Output;
use crate::project::Folder;
use crate::release::{self, Versions};
use crate::show::time;
use crate::{connect, fleet, observe};

/// Who said what runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "source")]
pub(crate) enum Source {
    /// Render, just now.
    Render,
    /// The rollouts so far: a start asks Render, and may make another plan.
    Journal {
        /// Why Render was not asked.
        reason: String,
    },
}

/// Everything that a start is made of.
pub(crate) struct Prepared {
    /// Files, release and scope.
    pub(crate) input: PlanInput,
    /// What Render said.
    pub(crate) observed: Observed,
    /// The plan.
    pub(crate) plan: Plan,
    /// What runs, by Render and by the rollouts so far.
    pub(crate) running: RunningVersions,
    /// What a person should know of it.
    pub(crate) notes: Notes,
}

/// What a person should know of a plan before it begins.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Notes {
    /// Who goes first in a hotfix, and what it replaces.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) exposed: Option<Exposed>,
    /// Where nothing surely says which version is older.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) doubts: Vec<Doubt>,
    /// Where a rollback would lead to what was judged unhealthy itself.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) unhealthy_targets: Vec<UnhealthyTarget>,
    /// Where the windows of the plan are local that name no zone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) zones: Vec<TakenZone>,
    /// Windows that a rollout has frozen in another zone.
    #[serde(rename = "moved_windows", skip_serializing_if = "Vec::is_empty")]
    pub(crate) moved: Vec<Moved>,
}

impl Notes {
    /// One line each.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let doubts = self.doubts.iter().map(ToString::to_string);
        let targets = self.unhealthy_targets.iter().map(ToString::to_string);
        doubts.chain(targets).collect()
    }
}

/// Resolves the version, and asks Render what runs.
pub(crate) async fn prepare(
    folder: &Folder,
    config: &Config,
    product: &Product,
    version: &str,
    scope: PlanScope,
    out: Output,
) -> Result<Prepared, Failure> {
    let (release, versions) = release::resolve(folder, config, version).await?;
    let mut input = PlanInput::of(config, release, scope);
    let observed = observe(config, &input, &versions, out).await?;
    let (plan, notes) =
        planned(folder, config, &mut input, product, &observed, time::now()).await?;
    Ok(Prepared {
        running: product.running(&observed),
        input,
        observed,
        plan,
        notes,
    })
}

/// The same for a look ahead: what cannot be read now is taken from the journal, and the view says so.
pub(crate) async fn preview(
    folder: &Folder,
    config: &Config,
    product: &Product,
    args: &args::Plan,
    at: Timestamp,
    out: Output,
) -> Result<(Plan, Notes, Source), Failure> {
    let (release, versions) =
        release::resolve_for_preview(folder, config, &args.version, out).await?;
    let mut input = PlanInput::of(config, release, args.scope.of_plan());
    let (observed, source) = match look(config, &input, &versions, args.offline, out).await {
        Ok(observed) => (observed, Source::Render),
        Err(reason) => (Observed::new(), Source::Journal { reason }),
    };
    let (plan, notes) = planned(folder, config, &mut input, product, &observed, at).await?;
    Ok((plan, notes, source))
}

/// What Render says, or why it was not asked.
async fn look(
    config: &Config,
    input: &PlanInput,
    versions: &Versions,
    offline: bool,
    out: Output,
) -> Result<Observed, String> {
    if offline {
        return Err("--offline".to_owned());
    }
    let observed = observe(config, input, versions, out).await;
    observed.map_err(|failure| failure.message().to_owned())
}

/// What Render says of every service that the plan could deploy.
async fn observe(
    config: &Config,
    input: &PlanInput,
    versions: &Versions,
    out: Output,
) -> Result<Observed, Failure> {
    let client = connect::client(config, out)?;
    // Whoever runs something newer is to be read as well; the plan proper refuses them.
    let mut everybody = input.clone();
    everybody.scope.allow_downgrade = true;
    let covered = compile(&everybody, &RunningVersions::new(), time::now())
        .map_err(|error| fleet::refusal(&error))?;
    observe::services(&client, &covered, versions).await
}

/// The plan, once the input knows who goes first and which version came before which.
async fn planned(
    folder: &Folder,
    config: &Config,
    input: &mut PlanInput,
    product: &Product,
    observed: &Observed,
    at: Timestamp,
) -> Result<(Plan, Notes), Failure> {
    let running = product.running(observed);
    // What is being rolled out may run by the time a queued one begins.
    let coming: Vec<Running> = product
        .overview()
        .into_iter()
        .filter(|run| !run.has_ended())
        .map(|run| Running {
            version: Some(run.version),
            commit: Some(run.commit),
        })
        .collect();
    let services = running.values().flat_map(BTreeMap::values);
    input.history = release::history(folder, config, &input.release, services.chain(&coming)).await;
    let exposed = input
        .scope
        .hotfix
        .is_some()
        .then(|| product.exposed(input, observed));
    if let Some(exposed) = &exposed {
        input.scope.hotfix = Some(exposed.customers.clone());
    }
    let plan = compile(input, &running, at).map_err(|error| fleet::refusal(&error))?;
    let notes = Notes {
        exposed,
        doubts: doubts(&plan, input, &running),
        unhealthy_targets: product.unhealthy_targets(&plan, observed),
        zones: taken_by(config, &plan),
        moved: moved(config, product, at),
    };
    Ok((plan, notes))
}

/// The zones of those windows that the plan has.
fn taken_by(config: &Config, plan: &Plan) -> Vec<TakenZone> {
    let is_planned = |one: &TakenZone| {
        let has = |name: &PolicyId| plan.phases.iter().any(|phase| phase.policy.name == *name);
        let customer = one.customer.as_ref();
        customer.is_some_and(|id| plan.customers.contains_key(id))
            || one.policy.as_ref().is_some_and(has)
    };
    let mut zones = taken(config);
    zones.retain(is_planned);
    zones
}
