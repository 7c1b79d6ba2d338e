//! Works of Render's own on a service or database: a reason to wait with a rollout. Not maintenance mode.

use chrono::{DateTime, SecondsFormat, Utc};
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::admin::Admin;
use crate::call::Call;
use crate::client::Client;
use crate::error::Result;
use crate::ids::{MaintenanceId, OwnerId};
use crate::open_enum::open_enum;
use crate::wire::nullable;

open_enum! {
    /// Where such works stand.
    MaintenanceState {
        /// Not begun.
        Scheduled = "scheduled",
        /// Under way.
        InProgress = "in_progress",
        /// A person must mend something first.
        UserFixRequired = "user_fix_required",
        /// Called off.
        Cancelled = "cancelled",
        /// Done.
        Succeeded = "succeeded",
        /// Not done.
        Failed = "failed",
    }
}

/// Works on one service or database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MaintenanceRun {
    /// Their id.
    pub id: MaintenanceId,
    /// What is done.
    #[serde(default, rename = "type", deserialize_with = "nullable")]
    pub kind: String,
    /// Where they stand.
    #[serde(default)]
    pub state: MaintenanceState,
    /// When they begin.
    #[serde(default)]
    pub scheduled_at: Option<DateTime<Utc>>,
    /// By when they begin at the latest.
    #[serde(default)]
    pub pending_maintenance_by: Option<DateTime<Utc>>,
    /// The service or database.
    #[serde(default, rename = "resourceId", deserialize_with = "nullable")]
    pub resource: String,
}

/// Which works are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MaintenanceFilter {
    /// Only on these services and databases; none: all.
    pub resources: Vec<String>,
    /// Only of this workspace.
    pub owner: Option<OwnerId>,
    /// Only those that stand so; none: all.
    pub states: Vec<MaintenanceState>,
}

/// Works of Render's own.
///
/// ```no_run
/// # async fn example(client: render::Client) -> render::Result<()> {
/// use render::{MaintenanceFilter, MaintenanceState};
///
/// let soon = MaintenanceFilter { states: vec![MaintenanceState::Scheduled], ..MaintenanceFilter::default() };
/// for run in client.maintenance_runs(&soon).await? {
///     println!("{} on {} at {:?}", run.kind, run.resource, run.scheduled_at);
/// }
/// # Ok(()) }
/// ```
impl Client {
    /// Lists works; the list has no pages.
    pub async fn maintenance_runs(
        &self,
        filter: &MaintenanceFilter,
    ) -> Result<Vec<MaintenanceRun>> {
        let call = Call::get(&["maintenance"])
            .joined("resourceId", filter.resources.iter())
            .maybe("ownerId", filter.owner.as_ref().map(OwnerId::to_string))
            .joined("state", filter.states.iter());
        self.json(call).await
    }

    /// Reads one.
    pub async fn maintenance_run(&self, run: &MaintenanceId) -> Result<MaintenanceRun> {
        self.json(Call::get(&["maintenance", run.as_str()])).await
    }
}

/// Moving works.
///
/// ```no_run
/// # async fn example(client: render::Client) -> render::Result<()> {
/// let tonight = chrono::Utc::now() + chrono::TimeDelta::hours(8);
/// client.admin().reschedule_maintenance(&"mrn-cukouhrtq21c73e9scng".into(), tonight).await?;
/// # Ok(()) }
/// ```
impl Admin<'_> {
    /// Moves works to another instant; read them back to see when it is so.
    pub async fn reschedule_maintenance(
        &self,
        run: &MaintenanceId,
        to: DateTime<Utc>,
    ) -> Result<()> {
        let path = ["maintenance", run.as_str()];
        let body = json!({ "scheduledAt": to.to_rfc3339_opts(SecondsFormat::Secs, true) });
        self.0.done(Self::change(Method::PATCH, &path, &body)).await
    }

    /// Lets works begin now; read them back to see when it is so.
    pub async fn trigger_maintenance(&self, run: &MaintenanceId) -> Result<()> {
        self.post(&["maintenance", run.as_str(), "trigger"]).await
    }
}
