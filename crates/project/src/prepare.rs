//! The plan that a start would freeze: files, release, and what runs. `plan`, `start --dry-run` and `start` make it here,
//! so that they show the same digest.

use std::collections::BTreeMap;

use policy::plan::{Doubt, RunningVersions, compile, doubts};
use policy::zones::{TakenZone, taken};
use policy::{Config, Plan, PlanInput, PlanScope, PolicyId, Running, Timestamp};
use rollout::{Exposed, Observed, Product, UnhealthyTarget};
use serde::{Deserialize, Serialize};

use crate::caller::Caller;
use crate::error::Error;
use crate::folder::Folder;
use crate::moved_windows::{Moved, moved};
use crate::release::{self, Versions};
use crate::{connect, now, observe};

/// Who said what runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "source")]
pub enum Source {
    /// Render, just now.
    Render,
    /// The rollouts so far: a start asks Render, and may make another plan.
    Journal {
        /// Why Render was not asked.
        reason: String,
    },
}

/// Everything that a start is made of.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Prepared {
    /// Files, release and scope.
    pub input: PlanInput,
    /// What Render said.
    pub observed: Observed,
    /// The plan.
    pub plan: Plan,
    /// What runs, by Render and by the rollouts so far.
    pub running: RunningVersions,
    /// What a person should know of it.
    pub notes: Notes,
}

/// What a person should know of a plan before it begins.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Notes {
    /// Who goes first in a hotfix, and what it replaces.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exposed: Option<Exposed>,
    /// Where nothing surely says which version is older.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub doubts: Vec<Doubt>,
    /// Where a rollback would lead to what was judged unhealthy itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unhealthy_targets: Vec<UnhealthyTarget>,
    /// Where the windows of the plan are local that name no zone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub zones: Vec<TakenZone>,
    /// Windows that a rollout has frozen in another zone.
    #[serde(
        rename = "moved_windows",
        default,
        skip_serializing_if = "Vec::is_empty"
    )]
    pub moved: Vec<Moved>,
}

impl Notes {
    /// One line each.
    pub fn warnings(&self) -> Vec<String> {
        let doubts = self.doubts.iter().map(ToString::to_string);
        let targets = self.unhealthy_targets.iter().map(ToString::to_string);
        doubts.chain(targets).collect()
    }
}

/// What somebody wants to see the plan of.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preview {
    /// A tag, or `latest`.
    pub version: String,
    /// Who is meant.
    #[serde(default)]
    pub scope: PlanScope,
    /// Whether Render is left alone.
    #[serde(default)]
    pub offline: bool,
    /// When it would begin.
    pub at: Timestamp,
}

/// What plans are made from.
#[derive(Clone, Copy, Debug)]
pub struct Basis<'a> {
    /// The project folder.
    pub folder: &'a Folder,
    /// What its files say.
    pub config: &'a Config,
    /// What has happened so far.
    pub product: &'a Product,
    /// Who is told along the way.
    pub caller: &'a dyn Caller,
}

impl Basis<'_> {
    /// Resolves the version, and asks Render what runs.
    pub async fn prepare(self, version: &str, scope: PlanScope) -> Result<Prepared, Error> {
        let (release, versions) = release::resolve(self.folder, self.config, version).await?;
        let mut input = PlanInput::of(self.config, release, scope);
        let observed = observe(self, &input, &versions).await?;
        let (plan, notes) = planned(self, &mut input, &observed, now()).await?;
        Ok(Prepared {
            running: self.product.running(&observed),
            input,
            observed,
            plan,
            notes,
        })
    }

    /// The same for a look ahead: what cannot be read now is taken from the journal, and the view says so.
    pub async fn preview(self, asked: Preview) -> Result<(Plan, Notes, Source), Error> {
        let Self {
            folder,
            config,
            caller,
            ..
        } = self;
        let (release, versions) =
            release::resolve_for_preview(folder, config, &asked.version, caller).await?;
        let mut input = PlanInput::of(config, release, asked.scope);
        let (observed, source) = match look(self, &input, &versions, asked.offline).await {
            Ok(observed) => (observed, Source::Render),
            Err(reason) => (Observed::new(), Source::Journal { reason }),
        };
        let (plan, notes) = planned(self, &mut input, &observed, asked.at).await?;
        Ok((plan, notes, source))
    }
}

/// What Render says, or why it was not asked.
async fn look(
    basis: Basis<'_>,
    input: &PlanInput,
    versions: &Versions,
    offline: bool,
) -> Result<Observed, String> {
    if offline {
        return Err("--offline".to_owned());
    }
    let observed = observe(basis, input, versions).await;
    observed.map_err(|error| error.message())
}

/// What Render says of every service that the plan could deploy.
async fn observe(
    basis: Basis<'_>,
    input: &PlanInput,
    versions: &Versions,
) -> Result<Observed, Error> {
    let client = connect::client(basis.config, basis.caller)?;
    // Whoever runs something newer is to be read as well; the plan proper refuses them.
    let mut everybody = input.clone();
    everybody.scope.allow_downgrade = true;
    let covered = compile(&everybody, &RunningVersions::new(), now())?;
    observe::services(&client, &covered, versions).await
}

/// The plan, once the input knows who goes first and which version came before which.
async fn planned(
    basis: Basis<'_>,
    input: &mut PlanInput,
    observed: &Observed,
    at: Timestamp,
) -> Result<(Plan, Notes), Error> {
    let Basis {
        folder,
        config,
        product,
        caller,
    } = basis;
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
    let known = services.chain(&coming);
    input.history = release::history(folder, config, &input.release, known, caller).await;
    let exposed = input
        .scope
        .hotfix
        .is_some()
        .then(|| product.exposed(input, observed));
    if let Some(exposed) = &exposed {
        input.scope.hotfix = Some(exposed.customers.clone());
    }
    let plan = compile(input, &running, at)?;
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
