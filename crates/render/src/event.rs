//! Events of a service: who caused a deploy, and what pushed it out (T3, T14).

use chrono::{DateTime, SecondsFormat, Utc};
use futures::Stream;
use policy::ServiceId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::call::Call;
use crate::client::Client;
use crate::error::Result;
use crate::ids::{DeployId, EventId};
use crate::open_enum::open_enum;
use crate::page::listed;

open_enum! {
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
        /// An instance answers again.
        ServerAvailable = "server_available",
        /// A build began.
        BuildStarted = "build_started",
        /// A build ended.
        BuildEnded = "build_ended",
        /// A pre-deploy command began.
        PreDeployStarted = "pre_deploy_started",
        /// A pre-deploy command ended.
        PreDeployEnded = "pre_deploy_ended",
        /// Somebody restarted it.
        ServerRestarted = "server_restarted",
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

listed!(Event: id);

/// Which events are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventFilter {
    /// From when.
    pub since: DateTime<Utc>,
    /// Until when; absent: now.
    pub until: Option<DateTime<Utc>>,
    /// Only of this kind: Render takes a single one.
    pub kind: Option<EventKind>,
}

impl EventFilter {
    /// Everything since an instant.
    pub fn since(since: DateTime<Utc>) -> Self {
        Self {
            since,
            until: None,
            kind: None,
        }
    }

    fn call(&self, service: &ServiceId) -> Call {
        let at = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Millis, true);
        Call::get(&["services", service.as_str(), "events"])
            .query("startTime", at(self.since))
            .maybe("endTime", self.until.map(at))
            .maybe("type", self.kind.as_ref().map(EventKind::as_str))
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
        let filter = EventFilter::since(since);
        self.first(filter.call(service), most).await
    }

    /// All events that fit, page by page as they are taken.
    pub fn events_stream(
        &self,
        service: &ServiceId,
        filter: &EventFilter,
    ) -> impl Stream<Item = Result<Event>> + Send + use<> {
        self.stream(filter.call(service))
    }

    /// Reads one event.
    pub async fn event(&self, event: &EventId) -> Result<Event> {
        self.json(Call::get(&["events", event.as_str()])).await
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
