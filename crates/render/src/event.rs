//! Events of a service: who caused a deploy, and what pushed it out (T3, T14).

use chrono::{DateTime, SecondsFormat, Utc};
use policy::ServiceId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::call::Call;
use crate::client::Client;
use crate::error::Result;
use crate::ids::{DeployId, EventId};
use crate::words::words;

words! {
    /// What happened, as far as it matters to deploys.
    EventKind {
        /// A deploy began.
        DeployStarted = "deploy_started",
        /// A deploy ended.
        DeployEnded = "deploy_ended",
        /// No build minutes are left in the workspace (T19).
        PipelineMinutesExhausted = "pipeline_minutes_exhausted",
        /// An image could not be pulled.
        ImagePullFailed = "image_pull_failed",
        /// Suspended.
        ServiceSuspended = "service_suspended",
        /// No longer suspended.
        ServiceResumed = "service_resumed",
        /// An instance failed.
        ServerFailed = "server_failed",
    }
}

/// Something that happened to a service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// Its id.
    pub id: EventId,
    /// When.
    pub timestamp: DateTime<Utc>,
    /// What.
    #[serde(default, rename = "type")]
    pub kind: EventKind,
    /// Everything else, as Render writes it; the methods read the parts that matter.
    #[serde(default)]
    pub details: Value,
}

impl Event {
    /// The deploy that it is about.
    pub fn deploy(&self) -> Option<DeployId> {
        self.id_at("/deployId")
    }

    /// Of a rollback that began: the deploy it returns to.
    pub fn rollback_target(&self) -> Option<DeployId> {
        self.id_at("/trigger/rollbackTargetDeployId")
    }

    /// Of a deploy that ended: the one that pushed it out.
    pub fn replaced_by(&self) -> Option<DeployId> {
        self.id_at("/reason/newDeploy/id")
    }

    fn id_at(&self, place: &str) -> Option<DeployId> {
        self.details
            .pointer(place)?
            .as_str()
            .filter(|id| !id.is_empty())
            .map(DeployId::from)
    }
}

/// Events.
///
/// ```no_run
/// # async fn example(client: render::Client) -> render::Result<()> {
/// let backend = "srv-cukouhrtq21c73e9scng".into();
/// let since = chrono::Utc::now() - chrono::TimeDelta::hours(2);
/// for event in client.events(&backend, since, 100).await? {
///     println!("{} {} {:?}", event.timestamp, event.kind, event.replaced_by());
/// }
/// # Ok(()) }
/// ```
impl Client {
    /// Lists events since an instant. The instant is required, because Render's default is the last hour only (T22).
    pub async fn events(
        &self,
        service: &ServiceId,
        since: DateTime<Utc>,
        most: usize,
    ) -> Result<Vec<Event>> {
        let since = since.to_rfc3339_opts(SecondsFormat::Millis, true);
        let list = || {
            Call::get(&["services", service.as_str(), "events"]).query("startTime", since.as_str())
        };
        self.first(list, most).await
    }

    /// Reads one event.
    pub async fn event(&self, event: &EventId) -> Result<Event> {
        self.json(Call::get(&["events", &event.to_string()])).await
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::*;

    #[test]
    fn what_pushed_a_deploy_out_is_found() {
        let event: Event = serde_json::from_value(json!({
            "id": "evt-1", "timestamp": "2027-01-11T09:00:00Z", "type": "deploy_ended", "serviceId": "srv-1",
            "details": { "deployId": "dep-1", "deployStatus": "canceled", "reason": { "newDeploy": { "id": "dep-2" } } },
        }))
        .unwrap();
        assert_eq!(event.kind, EventKind::DeployEnded);
        assert_eq!(event.deploy(), Some("dep-1".into()));
        assert_eq!(event.replaced_by(), Some("dep-2".into()));
        assert_eq!(event.rollback_target(), None);
    }
}
