//! Deploys of a service: list, follow, trigger, cancel, roll back (A5).
//!
//! Nothing here is ever sent twice on doubt: Render knows no idempotency keys, so the caller looks first (T1, R16).

use chrono::{DateTime, SecondsFormat, Utc};
use futures::Stream;
use policy::ServiceId;
use policy::plan::Image;
use reqwest::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::call::Call;
use crate::client::{Client, Reply};
use crate::error::Result;
use crate::ids::DeployId;
use crate::limit::Class;
use crate::open_enum::open_enum;
use crate::page::{Listing, MAX_ENTRIES, listed};

open_enum! {
    /// Where a deploy stands.
    DeployStatus {
        /// Accepted, not started.
        Created = "created",
        /// Waits behind another deploy.
        Queued = "queued",
        /// The build runs.
        BuildInProgress = "build_in_progress",
        /// The pre-deploy command runs.
        PreDeployInProgress = "pre_deploy_in_progress",
        /// New instances start.
        UpdateInProgress = "update_in_progress",
        /// Serves traffic.
        Live = "live",
        /// Was live; a later deploy took over.
        Deactivated = "deactivated",
        /// The build failed; the old version serves.
        BuildFailed = "build_failed",
        /// The pre-deploy command failed; the old version serves.
        PreDeployFailed = "pre_deploy_failed",
        /// Start or health check failed; the old version serves.
        UpdateFailed = "update_failed",
        /// Cancelled by a person, the API, or a newer deploy.
        Canceled = "canceled",
    }
}

impl DeployStatus {
    /// Whether it can still change, other than from live to deactivated. An unknown status can (P33).
    pub fn is_unfinished(&self) -> bool {
        match self {
            Self::Created
            | Self::Queued
            | Self::BuildInProgress
            | Self::PreDeployInProgress
            | Self::UpdateInProgress
            | Self::Other(_) => true,
            Self::Live
            | Self::Deactivated
            | Self::BuildFailed
            | Self::PreDeployFailed
            | Self::UpdateFailed
            | Self::Canceled => false,
        }
    }

    /// Whether it serves traffic, or once did (T5).
    pub fn went_live(&self) -> bool {
        matches!(self, Self::Live | Self::Deactivated)
    }
}

open_enum! {
    /// What caused a deploy.
    Trigger {
        /// This API.
        Api = "api",
        /// The dashboard.
        Manual = "manual",
        /// A deploy hook.
        DeployHook = "deploy_hook",
        /// Auto-deploy.
        NewCommit = "new_commit",
        /// A rollback, from anywhere.
        Rollback = "rollback",
        /// A changed setting.
        ServiceUpdated = "service_updated",
        /// The end of a suspension.
        ServiceResumed = "service_resumed",
        /// A blueprint.
        BlueprintSync = "blueprint_sync",
        /// Render itself.
        DeployedByRender = "deployed_by_render",
    }
}

/// One deploy of one service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Deploy {
    /// Its id.
    pub id: DeployId,
    /// Where it stands.
    #[serde(default)]
    pub status: DeployStatus,
    /// What caused it.
    #[serde(default)]
    pub trigger: Trigger,
    /// What was built; image deploys have none.
    #[serde(default)]
    pub commit: Option<DeployedCommit>,
    /// What was pulled; Git deploys have none.
    #[serde(default)]
    pub image: Option<DeployedImage>,
    /// When it was accepted.
    #[serde(default)]
    pub created_at: Option<DateTime<Utc>>,
    /// When it began.
    #[serde(default)]
    pub started_at: Option<DateTime<Utc>>,
    /// When it last changed.
    #[serde(default)]
    pub updated_at: Option<DateTime<Utc>>,
    /// When it ended.
    #[serde(default)]
    pub finished_at: Option<DateTime<Utc>>,
}

impl Deploy {
    /// What was deployed: the full commit id, or the image as it was asked for, in full.
    pub fn artifact(&self) -> Option<String> {
        let image = || self.image.as_ref()?.reference.as_deref();
        let in_full = |image: &str| {
            let known = image.parse().map(|image: Image| image.to_string());
            known.unwrap_or_else(|_| image.to_owned())
        };
        let commit = self.commit_id().map(str::to_owned);
        commit.or_else(|| image().map(in_full))
    }

    /// The digest that the image's tag named at the time; Git deploys have none.
    pub fn digest(&self) -> Option<&str> {
        let digest = self.image.as_ref()?.sha.as_deref();
        digest.filter(|digest| !digest.is_empty())
    }

    /// The full commit id, for a Git deploy.
    pub fn commit_id(&self) -> Option<&str> {
        self.commit.as_ref().map(|commit| commit.id.as_str())
    }
}

listed!(Deploy: id);

/// The commit of a deploy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeployedCommit {
    /// The full commit id.
    pub id: String,
    /// Its message.
    #[serde(default)]
    pub message: Option<String>,
}

/// The image of a deploy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeployedImage {
    /// As it was asked for.
    #[serde(default, rename = "ref")]
    pub reference: Option<String>,
    /// Its digest.
    #[serde(default)]
    pub sha: Option<String>,
}

/// What to deploy. Combinations that Render refuses cannot be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeploySpec {
    /// Build, then deploy.
    Build {
        /// From what.
        source: Source,
        /// Without the build cache.
        clear_cache: bool,
    },
    /// Deploy the last successful build again, with the variables of now.
    LastBuild,
}

/// What a deploy is built from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// This commit: a full id, since tags are not understood.
    Commit(String),
    /// This image; only its tag or digest may differ from the service's own.
    Image(String),
    /// Whatever the service's branch or image names now.
    Configured,
}

impl DeploySpec {
    /// Exactly this commit, with the build cache (P13).
    pub fn commit(id: impl Into<String>) -> Self {
        Self::Build {
            source: Source::Commit(id.into()),
            clear_cache: false,
        }
    }

    fn body(&self) -> Value {
        let Self::Build {
            source,
            clear_cache,
        } = self
        else {
            return json!({ "deployMode": "deploy_only" });
        };
        let mut body = Map::new();
        match source {
            Source::Commit(id) => drop(body.insert("commitId".to_owned(), id.as_str().into())),
            Source::Image(url) => drop(body.insert("imageUrl".to_owned(), url.as_str().into())),
            Source::Configured => {}
        }
        let cache = if *clear_cache {
            "clear"
        } else {
            "do_not_clear"
        };
        body.insert("clearCache".to_owned(), cache.into());
        Value::Object(body)
    }
}

/// How a request for a deploy was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Triggered {
    /// 201: this deploy.
    Created(Box<Deploy>),
    /// 202 without an id: queued behind another deploy. Look for it, and never take any other for it (T2).
    Accepted,
}

/// Which deploys are wanted. Bounds are asked of Render, which does not say whether they are inclusive: ask with a margin.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeployFilter {
    /// Only these statuses; none: all.
    pub statuses: Vec<DeployStatus>,
    /// Only those accepted after.
    pub created_after: Option<DateTime<Utc>>,
    /// Only those accepted before.
    pub created_before: Option<DateTime<Utc>>,
    /// Only those changed after.
    pub updated_after: Option<DateTime<Utc>>,
    /// Only those changed before.
    pub updated_before: Option<DateTime<Utc>>,
    /// Only those ended after.
    pub finished_after: Option<DateTime<Utc>>,
    /// Only those ended before.
    pub finished_before: Option<DateTime<Utc>>,
}

impl DeployFilter {
    fn call(&self, service: &ServiceId) -> Call {
        let bound = |at: Option<DateTime<Utc>>| {
            at.map(|at| at.to_rfc3339_opts(SecondsFormat::Millis, true))
        };
        Call::get(&["services", service.as_str(), "deploys"])
            .maybe("createdAfter", bound(self.created_after))
            .maybe("createdBefore", bound(self.created_before))
            .maybe("updatedAfter", bound(self.updated_after))
            .maybe("updatedBefore", bound(self.updated_before))
            .maybe("finishedAfter", bound(self.finished_after))
            .maybe("finishedBefore", bound(self.finished_before))
            .repeated("status", &self.statuses)
    }
}

/// Deploys.
///
/// ```no_run
/// # async fn example(client: render::Client) -> render::Result<()> {
/// use render::{DeploySpec, Sent, Triggered};
///
/// let backend = "srv-cukouhrtq21c73e9scng".into();
/// let known = client.deploys(&backend, &Default::default(), 20).await?;
/// match client.trigger(&backend, &DeploySpec::commit("3f2a...")).await {
///     Ok(Triggered::Created(deploy)) => println!("{} is {}", deploy.id, deploy.status),
///     Ok(Triggered::Accepted) => println!("look for a deploy that is not among {}", known.len()),
///     Err(error) if error.sent() == Sent::Ambiguous => println!("look before anything is sent again"),
///     Err(error) => return Err(error),
/// }
/// # Ok(()) }
/// ```
impl Client {
    /// Lists deploys, newest first.
    pub async fn deploys(
        &self,
        service: &ServiceId,
        filter: &DeployFilter,
        most: usize,
    ) -> Result<Vec<Deploy>> {
        let deploys = self.first(filter.call(service), most).await?;
        Ok(newest_first(deploys))
    }

    /// All deploys in Render's order, newest first as far as is known, page by page as they are taken.
    pub fn deploys_stream(
        &self,
        service: &ServiceId,
        filter: &DeployFilter,
    ) -> impl Stream<Item = Result<Deploy>> + Send + use<> {
        self.stream(filter.call(service))
    }

    /// Lists deploys, newest first, at least back to one that `stop` accepts. Incomplete if none of the newest 10,000 is.
    pub async fn deploys_back_to(
        &self,
        service: &ServiceId,
        stop: impl Fn(&Deploy) -> bool,
    ) -> Result<Listing<Deploy>> {
        let list = DeployFilter::default().call(service);
        let listing = self
            .pages(list, MAX_ENTRIES, |page: &[Deploy]| page.iter().any(&stop))
            .await?;
        Ok(Listing {
            entries: newest_first(listing.entries),
            ..listing
        })
    }

    /// Reads one deploy.
    pub async fn deploy(&self, service: &ServiceId, deploy: &DeployId) -> Result<Deploy> {
        self.json(Call::get(&[
            "services",
            service.as_str(),
            "deploys",
            &deploy.to_string(),
        ]))
        .await
    }

    /// Asks for a deploy, at most once: an error whose [`sent`](crate::Error::sent) is ambiguous must be looked into.
    pub async fn trigger(&self, service: &ServiceId, spec: &DeploySpec) -> Result<Triggered> {
        let path = ["services", service.as_str(), "deploys"];
        let call =
            Call::change(Method::POST, &path, Class::Service(service.clone())).body(&spec.body());
        triggered(&self.send(call).await?)
    }

    /// Asks for a return to an earlier deploy, at most once. The stored variables stay as they are (T12).
    pub async fn roll_back(&self, service: &ServiceId, target: &DeployId) -> Result<Triggered> {
        let path = ["services", service.as_str(), "rollback"];
        let call = Call::change(Method::POST, &path, Class::Doubtful(service.clone()))
            .body(&json!({ "deployId": target }));
        triggered(&self.send(call).await?)
    }

    /// Asks for the end of a running deploy. It may still go live: read it until it is over (T25).
    pub async fn cancel(&self, service: &ServiceId, deploy: &DeployId) -> Result<()> {
        let path = [
            "services",
            service.as_str(),
            "deploys",
            &deploy.to_string(),
            "cancel",
        ];
        self.done(Call::change(
            Method::POST,
            &path,
            Class::Doubtful(service.clone()),
        ))
        .await
    }
}

fn triggered(reply: &Reply) -> Result<Triggered> {
    if reply.status == StatusCode::ACCEPTED {
        return Ok(Triggered::Accepted);
    }
    reply
        .json()
        .map(|deploy| Triggered::Created(Box::new(deploy)))
}

/// Render's order is written nowhere.
fn newest_first(mut deploys: Vec<Deploy>) -> Vec<Deploy> {
    deploys.sort_by_key(|deploy| std::cmp::Reverse(deploy.created_at));
    deploys
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn deploy(id: &str, created_at: &str) -> Deploy {
        serde_json::from_value(json!({ "id": id, "createdAt": created_at })).unwrap()
    }

    #[test]
    fn nulls_unknown_fields_and_unknown_words_are_read() {
        let deploy: Deploy = serde_json::from_value(json!({
            "id": "dep-1", "status": "teleporting", "trigger": null, "commit": null, "finishedAt": null,
            "createdAt": "2027-01-11T09:00:00.123456789Z", "mood": {"new": [1]},
        }))
        .unwrap();
        assert_eq!(deploy.status, DeployStatus::Other("teleporting".to_owned()));
        assert!(deploy.status.is_unfinished());
        assert!(!deploy.status.went_live());
        assert_eq!(deploy.trigger, Trigger::Other(String::new()));
        assert_eq!(deploy.commit_id(), None);
    }

    #[test]
    fn a_spec_writes_what_render_understands() {
        let clear = DeploySpec::Build {
            source: Source::Configured,
            clear_cache: true,
        };
        assert_eq!(clear.body(), json!({ "clearCache": "clear" }));
        assert_eq!(
            DeploySpec::commit("c1").body(),
            json!({ "commitId": "c1", "clearCache": "do_not_clear" })
        );
        assert_eq!(
            DeploySpec::LastBuild.body(),
            json!({ "deployMode": "deploy_only" })
        );
    }

    #[test]
    fn deploys_are_sorted() {
        let old = deploy("dep-1", "2027-01-11T09:00:00Z");
        let new = deploy("dep-2", "2027-01-11T10:00:00Z");
        assert_eq!(newest_first(vec![old.clone(), new.clone()]), [new, old]);
    }
}
