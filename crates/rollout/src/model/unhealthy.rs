//! Which versions were judged unhealthy where, and whether a rollback would lead back to one (R19).

use policy::{CustomerId, Role, Timestamp};
use serde::{Deserialize, Serialize};

use crate::model::ids::RolloutId;

/// So many verdicts are kept of one service, the latest ones.
const KEPT: usize = 8;

/// A version that failed its checks at a service, and has not passed them there since.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Unhealthy {
    pub(crate) version: Option<String>,
    pub(crate) commit: String,
    pub(crate) by: RolloutId,
    pub(crate) since: Timestamp,
}

/// Which version a failing verdict is about, as an event says it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judged {
    /// The version, if it has one.
    pub version: Option<String>,
    /// Its commit.
    pub commit: String,
}

/// A service whose rollback would lead to a version that was judged unhealthy there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnhealthyTarget {
    /// Whose.
    pub customer: CustomerId,
    /// Of which service.
    pub service: Role,
    /// The version, if it has one.
    pub version: Option<String>,
    /// Its commit.
    pub commit: String,
    /// The rollout or operation in which it failed.
    pub by: RolloutId,
    /// When.
    pub since: Timestamp,
}

impl std::fmt::Display for UnhealthyTarget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            customer,
            service,
            by,
            ..
        } = self;
        let version = self.version.as_ref().unwrap_or(&self.commit);
        write!(
            f,
            "a rollback of {customer}'s {service} would lead back to {version}, which was judged unhealthy there in {by}"
        )
    }
}

/// Folds a verdict; of one version the latest counts.
pub(crate) fn fold_unhealthy(known: &mut Vec<Unhealthy>, judged: Unhealthy) {
    known.retain(|one| one.commit != judged.commit);
    known.push(judged);
    let surplus = known.len().saturating_sub(KEPT);
    known.drain(..surplus);
}
