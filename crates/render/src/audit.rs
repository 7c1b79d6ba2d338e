//! What people did in a workspace, as Render records it. Deploys are not among it.

use chrono::{DateTime, SecondsFormat, Utc};
use futures::Stream;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::call::Call;
use crate::client::Client;
use crate::error::Result;
use crate::ids::{AuditLogId, OwnerId};
use crate::log::Direction;
use crate::open_enum::open_enum;
use crate::page::listed;
use crate::wire::nullable;

open_enum! {
    /// What kind of actor it was.
    ActorKind {
        /// A person in the dashboard.
        User = "user",
        /// A person's key.
        RestApi = "rest_api",
        /// Render itself.
        System = "system",
    }
}

/// Who did it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AuditActor {
    /// What kind.
    #[serde(rename = "type")]
    pub kind: ActorKind,
    /// A person's address.
    pub email: Option<String>,
    /// A person's id.
    pub id: Option<String>,
}

/// One thing that was done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuditLog {
    /// Its id.
    pub id: AuditLogId,
    /// When.
    pub timestamp: DateTime<Utc>,
    /// What: `UpdateEnvVarsEvent`, `SuspendServiceEvent`, ...
    #[serde(default, deserialize_with = "nullable")]
    pub event: String,
    /// Whether it came to anything.
    #[serde(default, deserialize_with = "nullable")]
    pub status: String,
    /// Who.
    #[serde(default, deserialize_with = "nullable")]
    pub actor: AuditActor,
    /// Everything else, as Render writes it.
    #[serde(default)]
    pub metadata: Value,
}

listed!(AuditLog: id);

/// Which entries are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// From when.
    pub since: Option<DateTime<Utc>>,
    /// Until when.
    pub until: Option<DateTime<Utc>>,
    /// Which end first.
    pub direction: Direction,
}

/// The audit log.
///
/// ```no_run
/// # async fn example(client: render::Client) -> render::Result<()> {
/// use futures::TryStreamExt;
/// use render::AuditFilter;
///
/// let owner = "tea-cukouhrtq21c73e9scng".into();
/// let mut entries = std::pin::pin!(client.audit_logs(&owner, &AuditFilter::default()));
/// while let Some(entry) = entries.try_next().await? {
///     println!("{} {} by {:?}", entry.timestamp, entry.event, entry.actor.email);
/// }
/// # Ok(()) }
/// ```
impl Client {
    /// What was done in a workspace, page by page as it is taken.
    pub fn audit_logs(
        &self,
        owner: &OwnerId,
        filter: &AuditFilter,
    ) -> impl Stream<Item = Result<AuditLog>> + Send + use<> {
        let at = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Millis, true);
        let call = Call::get(&["owners", owner.as_str(), "audit-logs"])
            .maybe("startTime", filter.since.map(at))
            .maybe("endTime", filter.until.map(at))
            .query("direction", filter.direction.as_str());
        self.stream(call)
    }
}
