//! What was deployed at Render, and which of it did a rollout make?

use std::collections::BTreeMap;

use futures::future::try_join_all;
use policy::plan::DATABASE;
use policy::{Config, CustomerId, Role, Timestamp};
use render::{Client, Deploy, DeployFilter, DeployId};
use rollout::{Fact, RolloutId};
use serde::Serialize;

use crate::backend::Backend;
use crate::error::{Error, ErrorKind};
use crate::fleet;

/// So many events are read at once.
const PAGE: u32 = 1_000;

/// One deploy at Render.
#[derive(Clone, Debug, Serialize)]
pub struct SeenDeploy {
    /// Its id.
    pub id: DeployId,
    /// In Render's word.
    pub status: String,
    /// What caused it, in Render's word.
    pub trigger: String,
    /// The commit, or the image.
    pub source: Option<String>,
    /// What the image's tag named at the time; absent: it was built from a commit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// When it was asked for.
    pub created_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// The rollout that made it; absent: somebody else did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollout: Option<RolloutId>,
}

impl SeenDeploy {
    /// As Render tells of it.
    pub fn of(deploy: Deploy, rollout: Option<RolloutId>) -> Self {
        Self {
            source: deploy.artifact(),
            digest: deploy.digest().map(str::to_owned),
            id: deploy.id,
            status: deploy.status.to_string(),
            trigger: deploy.trigger.to_string(),
            created_at: deploy.created_at,
            finished_at: deploy.finished_at,
            rollout,
        }
    }
}

/// The newest deploys of each of a customer's services.
pub async fn deploys_of(
    backend: &dyn Backend,
    client: &Client,
    config: &Config,
    customer: &CustomerId,
    limit: usize,
) -> Result<BTreeMap<Role, Vec<SeenDeploy>>, Error> {
    let services = &fleet::customer(config, customer)?.services;
    let ours = ours(backend).await?;
    let deployed = services
        .iter()
        .filter(|(role, _)| role.as_str() != DATABASE);
    let filter = DeployFilter::default();
    let reads = deployed.map(async |(role, service)| {
        let deploys = client.deploys(&service.id, &filter, limit).await?;
        let seen = deploys.into_iter().map(|deploy| {
            let rollout = ours.get(&deploy.id).copied();
            SeenDeploy::of(deploy, rollout)
        });
        Ok::<_, render::Error>((role.clone(), seen.collect()))
    });
    Ok(try_join_all(reads).await?.into_iter().collect())
}

/// The deploys that rollouts made, by the journal; it names deploys of other people too.
async fn ours(backend: &dyn Backend) -> Result<BTreeMap<DeployId, RolloutId>, Error> {
    let mut ours = BTreeMap::new();
    let mut after = 0;
    loop {
        let events = match backend.events(None, after, PAGE).await {
            Err(error) if error.kind() == ErrorKind::Absent => return Ok(ours),
            events => events?,
        };
        let Some(last) = events.last() else {
            return Ok(ours);
        };
        after = last.seq;
        for event in events {
            // Only what names a deploy is read.
            let line = event.line.deploy.is_some().then_some(&event.line);
            let Some(Ok(fact)) = line.map(Fact::read) else {
                continue;
            };
            if let (Some(deploy), Some(run)) = (fact.caused(), event.line.rollout) {
                ours.insert(deploy.clone(), run);
            }
        }
    }
}
