//! The plan that a start would freeze: files, release, and what runs. `plan`, `start --dry-run` and `start` make it here,
//! so that they show the same digest.

use policy::plan::{RunningVersions, compile};
use policy::{Config, Plan, PlanInput, PlanScope, Timestamp};
use rollout::{Observed, Product};
use serde::Serialize;

use crate::args;
use crate::exit::Failure;
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
}

/// Resolves the version, and asks Render what runs.
pub(crate) async fn prepare(
    folder: &Folder,
    config: &Config,
    product: &Product,
    version: &str,
    scope: PlanScope,
) -> Result<Prepared, Failure> {
    let (release, versions) = release::resolve(folder, config, version).await?;
    let input = PlanInput::of(config, release, scope);
    let observed = observe(config, &input, &versions).await?;
    let plan = planned(&input, product, &observed, time::now())?;
    Ok(Prepared {
        input,
        observed,
        plan,
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
) -> Result<(Plan, Source), Failure> {
    let (release, versions) =
        release::resolve_for_preview(folder, config, &args.version, out).await?;
    let input = PlanInput::of(config, release, args.scope.of_plan());
    let (observed, source) = match look(config, &input, &versions, args.offline).await {
        Ok(observed) => (observed, Source::Render),
        Err(reason) => (Observed::new(), Source::Journal { reason }),
    };
    let plan = planned(&input, product, &observed, at)?;
    Ok((plan, source))
}

/// What Render says, or why it was not asked.
async fn look(
    config: &Config,
    input: &PlanInput,
    versions: &Versions,
    offline: bool,
) -> Result<Observed, String> {
    if offline {
        return Err("--offline".to_owned());
    }
    let observed = observe(config, input, versions).await;
    observed.map_err(|failure| failure.message().to_owned())
}

/// What Render says of every service that the plan could deploy.
async fn observe(
    config: &Config,
    input: &PlanInput,
    versions: &Versions,
) -> Result<Observed, Failure> {
    let client = connect::client(config)?;
    // Whoever runs something newer is to be read as well; the plan proper refuses them.
    let mut everybody = input.clone();
    everybody.scope.allow_downgrade = true;
    let covered = compile(&everybody, &RunningVersions::new(), time::now())
        .map_err(|error| fleet::refusal(&error))?;
    observe::services(&client, &covered, versions).await
}

fn planned(
    input: &PlanInput,
    product: &Product,
    observed: &Observed,
    at: Timestamp,
) -> Result<Plan, Failure> {
    compile(input, &product.running(observed), at).map_err(|error| fleet::refusal(&error))
}
