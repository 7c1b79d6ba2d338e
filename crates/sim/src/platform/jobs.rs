//! One-off jobs of a service. Where a job stands follows from the instant alone.

use serde::{Deserialize, Serialize};

use super::Platform;
use crate::fault::JobOutcome;
use crate::ids::{JobId, ServiceId, Timestamp};
use crate::requests::ApiError;

/// One job.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// The command it runs.
    pub command: String,
    /// The plan it runs on.
    pub plan: String,
    /// When it was asked for; it starts at once.
    pub created_at: Timestamp,
    /// When it ends by itself; absent: never.
    pub ends_at: Option<Timestamp>,
    /// Whether it ends well.
    pub succeeds: bool,
    /// When somebody ended it.
    pub canceled_at: Option<Timestamp>,
}

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobStatus {
    /// It runs.
    Running,
    /// It ended well.
    Succeeded,
    /// It ended with an error.
    Failed,
    /// Somebody ended it.
    Canceled,
}

impl Job {
    /// Where it stands at an instant.
    pub fn status(&self, now: Timestamp) -> JobStatus {
        if self.canceled_at.is_some() {
            JobStatus::Canceled
        } else if self.ends_at.is_none_or(|ends_at| now < ends_at) {
            JobStatus::Running
        } else if self.succeeds {
            JobStatus::Succeeded
        } else {
            JobStatus::Failed
        }
    }

    /// When it ended, if it has by now.
    pub fn finished_at(&self, now: Timestamp) -> Option<Timestamp> {
        self.canceled_at
            .or(self.ends_at.filter(|ends_at| *ends_at <= now))
    }
}

impl Platform {
    /// Starts a job.
    pub fn create_job(
        &mut self,
        now: Timestamp,
        service: &ServiceId,
        command: &str,
        plan: Option<&str>,
    ) -> Result<&Job, ApiError> {
        let now = self.advance(now);
        if self.service(service)?.live.is_none() {
            return Err(ApiError::bad_request("there is no successful build"));
        }
        let outcome = self.faults.take_job(service);
        let job = Job {
            id: JobId::new(self.ids.next("job", now)),
            command: command.to_owned(),
            plan: plan.unwrap_or("plan-srv-004").to_owned(),
            created_at: now,
            ends_at: (outcome != Some(JobOutcome::Stuck))
                .then(|| now + self.settings.job.to_delta()),
            succeeds: outcome.is_none(),
            canceled_at: None,
        };
        let id = job.id.clone();
        self.service_mut(service)?.jobs.push(job);
        self.job(now, service, &id)
    }

    /// One job.
    pub fn job(
        &mut self,
        now: Timestamp,
        service: &ServiceId,
        id: &JobId,
    ) -> Result<&Job, ApiError> {
        let mut jobs = self.jobs(now, service)?;
        jobs.find(|job| job.id == *id)
            .ok_or_else(|| ApiError::not_found(id.as_str()))
    }

    /// All jobs, newest first.
    pub fn jobs(
        &mut self,
        now: Timestamp,
        service: &ServiceId,
    ) -> Result<impl Iterator<Item = &Job>, ApiError> {
        self.advance(now);
        Ok(self.service(service)?.jobs.iter().rev())
    }

    /// Ends a running job.
    pub fn cancel_job(
        &mut self,
        now: Timestamp,
        service: &ServiceId,
        id: &JobId,
    ) -> Result<&Job, ApiError> {
        let status = self.job(now, service, id)?.status(now);
        if status != JobStatus::Running {
            return Err(ApiError::bad_request("job is not running"));
        }
        let jobs = &mut self.service_mut(service)?.jobs;
        for job in jobs.iter_mut().filter(|job| job.id == *id) {
            job.canceled_at = Some(now);
        }
        self.job(now, service, id)
    }
}
