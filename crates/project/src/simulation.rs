//! How would a rollout go, if Render did what it usually does? The same core on a virtual clock; nothing is sent anywhere.

use std::collections::BTreeMap;

use engine::DeploysOf;
use policy::plan::DATABASE;
use policy::{Config, PersonId, ServiceId, Timestamp};
use rollout::Event;
use rollout::report::{Usual, usual};
use sim::settings::Pace;
pub use sim::world::Approvals;
use sim::world::{Setup, World};

use crate::backend::Backend;
use crate::error::Error;

/// A rollout of a version, begun at an instant by the files as given; each deploy takes as long as the last ones did.
///
/// # Errors
/// The journal cannot be read.
pub async fn setup(
    backend: &dyn Backend,
    config: Config,
    version: &str,
    start: Timestamp,
    approvals: Approvals,
) -> Result<Setup, Error> {
    let paces = paces(backend, &config).await?;
    let by = config.project.roles.operator.first().cloned();
    let by = by.unwrap_or_else(|| PersonId::new("somebody"));
    let mut setup = Setup::new(config, version, start, by);
    (setup.approvals, setup.paces) = (approvals, paces);
    Ok(setup)
}

/// How long the services took so far, as the journal tells.
async fn paces(backend: &dyn Backend, config: &Config) -> Result<BTreeMap<ServiceId, Pace>, Error> {
    let mut deploys = backend.deploys(DeploysOf::default(), usize::MAX).await?;
    deploys.reverse();
    let mut usual = usual(&deploys);
    let services = config.fleet.services();
    let paces = services.filter_map(|(customer, role, service)| {
        let Usual { deploy, rollback } = usual.remove(&(customer.clone(), role.clone()))?;
        Some((service.id.clone(), Pace { deploy, rollback }))
    });
    Ok(paces.collect())
}

/// Which time deploys are assumed to take, in words.
pub fn deploys_take(setup: &Setup) -> String {
    let otherwise = setup.pace.deploy;
    let services = setup.config.fleet.services();
    let deployed = services.filter(|(_, role, _)| role.as_str() != DATABASE);
    let (known, unknown): (Vec<_>, Vec<_>) = deployed.partition(|(_, _, service)| {
        let pace = setup.paces.get(&service.id);
        pace.is_some_and(|pace| pace.deploy.is_some())
    });
    let services = |number: usize| match number {
        1 => "1 service".to_owned(),
        _ => format!("{number} services"),
    };
    match (known.len(), unknown.len()) {
        (0, _) => format!("{otherwise} were assumed for each deploy: none is in the journal yet"),
        (_, 0) => {
            "each deploy was assumed to take the median of the last ones of that service".to_owned()
        }
        (known, unknown) => format!(
            "deploys of {} were assumed to take the median of the last ones there; for {} without any, {otherwise} were assumed",
            services(known),
            services(unknown),
        ),
    }
}

/// What is assumed of people, in words.
pub fn people_approve(approvals: Approvals) -> String {
    match approvals {
        Approvals::AtOnce => "people were assumed to approve as soon as they are asked".to_owned(),
        Approvals::Never => "nobody was assumed to approve beyond what is written".to_owned(),
        Approvals::After(span) => {
            format!("people were assumed to approve {span} after they are asked")
        }
    }
}

/// How a rollout would go.
#[derive(Clone, Debug, PartialEq)]
pub struct Simulated {
    /// Everything that would happen, as the journal would have it.
    pub events: Vec<Event>,
    /// What Render's limits would move, a line each.
    pub moved: Vec<String>,
}

/// Lets it go to its end. That takes a while, and threads of its own where others wait.
pub fn run(setup: Setup) -> Simulated {
    let mut world = World::new(setup);
    world.run();
    Simulated {
        events: world.events().to_vec(),
        moved: world.moved().map(ToString::to_string).collect(),
    }
}
