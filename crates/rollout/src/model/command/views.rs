//! A service and its deploys, as Render described them.

use std::collections::BTreeMap;

use policy::plan::{Image, is_image};
use policy::{CustomerId, Role};
use serde::{Deserialize, Serialize};

use crate::model::ids::DeployId;

/// What Render says of one service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceView {
    /// Which.
    pub role: Role,
    /// Whether it is suspended.
    pub suspended: bool,
    /// Whether Render deploys new commits by itself.
    pub auto_deploy: bool,
    /// Upon what it does so, as Render writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auto_deploy_trigger: Option<String>,
    /// The image it is set to run; absent: it is built from a repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The newest deploys, newest first, back to the live one.
    pub deploys: Vec<DeployView>,
    /// The version the service reports or its live commit is known by.
    pub version: Option<String>,
    /// p95 latency before the deploy, milliseconds, if it could be measured.
    pub p95_ms: Option<u32>,
    /// What would mean downtime, and other things a person should know.
    pub warnings: Vec<String>,
    /// Reasons why it must not be started (another workspace, a foreign url, ...).
    pub refusals: Vec<String>,
}

impl ServiceView {
    /// The deploy that serves traffic.
    pub fn live(&self) -> Option<&DeployView> {
        self.deploys
            .iter()
            .find(|deploy| deploy.status == DeployStatus::Live)
    }

    /// Why Render would refuse to deploy this commit or image: it builds what the service is set to build, or runs the image
    /// it is set to run, with another tag or digest at most.
    pub fn unsuited(&self, artifact: &str) -> Option<String> {
        let Some(set) = &self.image else {
            let is_built = || "it is built from a repository, so it takes a commit and no image";
            return is_image(artifact).then(is_built).map(str::to_owned);
        };
        if !is_image(artifact) {
            return Some(format!(
                "it runs the image {set}, so it takes an image and no commit"
            ));
        }
        let (ours, wanted): (Image, Image) = (set.parse().ok()?, artifact.parse().ok()?);
        let text =
            || format!("it runs the image {set}, of which only the tag or digest can be another");
        (!ours.is_of_name(&wanted)).then(text)
    }

    /// The newest deploy that is not over.
    pub fn unfinished(&self) -> Option<&DeployView> {
        self.deploys.iter().find(|deploy| !deploy.status.is_over())
    }
}

/// What Render says of one deploy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeployView {
    /// Render's id.
    pub id: DeployId,
    /// Where it stands.
    pub status: DeployStatus,
    /// `api`, `rollback`, `new_commit`, ... as Render writes it.
    pub trigger: String,
    /// The full commit id; of an image deploy, the image as it was asked for, in full.
    pub commit: Option<String>,
    /// Of an image deploy: what its tag named at the time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Box<str>>,
}

impl DeployView {
    /// What exactly runs: the commit, or the image by its digest where that is known (P13).
    pub fn exact(&self) -> Option<String> {
        let commit = self.commit.as_ref()?;
        let digest = self.digest.as_deref();
        let image = digest.and_then(|digest| Some(commit.parse::<Image>().ok()?.pinned(digest)));
        Some(image.map_or_else(|| commit.clone(), |image| image.to_string()))
    }

    /// Whether it runs exactly this commit or image: a tag may name something else by now (P13).
    pub fn is_exactly(&self, artifact: &str) -> bool {
        let is_fixed = !is_image(artifact) || artifact.contains('@');
        is_fixed && self.exact().as_deref() == Some(artifact)
    }

    /// Whether it is a deploy of this commit or image, by tag or by digest.
    pub fn is_of(&self, artifact: &str) -> bool {
        self.commit.as_deref() == Some(artifact) || self.exact().as_deref() == Some(artifact)
    }
}

/// Where a deploy stands. An unknown status is unfinished, never success (P33).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeployStatus {
    /// Created, queued, building, updating, or a status we do not know.
    Unfinished,
    /// Serves traffic.
    Live,
    /// Was live; a later deploy took over.
    Deactivated,
    /// The build failed; the old version serves.
    BuildFailed,
    /// The pre-deploy command failed; the old version serves.
    PreDeployFailed,
    /// Start or health check failed; the old version serves.
    UpdateFailed,
    /// Cancelled by a person, the API, or a newer deploy.
    Canceled,
}

impl DeployStatus {
    /// Whether it cannot change any more, except from live to deactivated.
    pub fn is_over(self) -> bool {
        self != Self::Unfinished
    }
}

/// The services of customers, as Render described them.
pub type Observed = BTreeMap<CustomerId, BTreeMap<Role, ServiceView>>;
