//! One-off jobs: a command in the environment of a service's latest successful build.

use chrono::{DateTime, Utc};
use futures::Stream;
use policy::ServiceId;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::call::Call;
use crate::client::Client;
use crate::error::Result;
use crate::ids::JobId;
use crate::limit::Class;
use crate::open_enum::open_enum;
use crate::page::listed;

open_enum! {
    /// Where a job stands.
    JobStatus {
        /// Not started.
        Pending = "pending",
        /// Runs.
        Running = "running",
        /// Exit 0.
        Succeeded = "succeeded",
        /// Any other end of its own.
        Failed = "failed",
        /// Ended by somebody.
        Canceled = "canceled",
    }
}

impl JobStatus {
    /// Whether it can still change. An unknown status can.
    pub fn is_unfinished(&self) -> bool {
        match self {
            Self::Pending | Self::Running | Self::Other(_) => true,
            Self::Succeeded | Self::Failed | Self::Canceled => false,
        }
    }
}

/// A job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// Where it stands; a new one may not say.
    #[serde(default)]
    pub status: JobStatus,
    /// When it was asked for.
    #[serde(default)]
    pub created_at: Option<DateTime<Utc>>,
    /// When it began.
    #[serde(default)]
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    #[serde(default)]
    pub finished_at: Option<DateTime<Utc>>,
}

listed!(Job: id);

/// Jobs.
///
/// ```no_run
/// # async fn example(client: render::Client) -> render::Result<()> {
/// let backend = "srv-cukouhrtq21c73e9scng".into();
/// let mut job = client.start_job(&backend, "npm run migrate").await?;
/// while job.status.is_unfinished() {
///     tokio::time::sleep(std::time::Duration::from_secs(5)).await;
///     job = client.job(&backend, &job.id).await?;
/// }
/// # Ok(()) }
/// ```
impl Client {
    /// Starts a job, at most once.
    pub async fn start_job(&self, service: &ServiceId, command: &str) -> Result<Job> {
        let path = ["services", service.as_str(), "jobs"];
        let call =
            Call::change(Method::POST, &path, Class::Job).body(&json!({ "startCommand": command }));
        self.json(call).await
    }

    /// Lists jobs, newest first.
    pub async fn jobs(&self, service: &ServiceId, most: usize) -> Result<Vec<Job>> {
        self.first(Call::get(&["services", service.as_str(), "jobs"]), most)
            .await
    }

    /// All jobs, page by page as they are taken.
    pub fn jobs_stream(
        &self,
        service: &ServiceId,
    ) -> impl Stream<Item = Result<Job>> + Send + use<> {
        self.stream(Call::get(&["services", service.as_str(), "jobs"]))
    }

    /// Reads a job.
    pub async fn job(&self, service: &ServiceId, job: &JobId) -> Result<Job> {
        self.json(Call::get(&[
            "services",
            service.as_str(),
            "jobs",
            job.as_str(),
        ]))
        .await
    }

    /// Asks for the end of a job; it may still succeed.
    pub async fn cancel_job(&self, service: &ServiceId, job: &JobId) -> Result<Job> {
        let path = ["services", service.as_str(), "jobs", job.as_str(), "cancel"];
        self.json(Call::change(Method::POST, &path, Class::Write))
            .await
    }
}
