//! The data of an earlier instant (T15): how far its return has come, and what it leaves behind.

use policy::{CustomerId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::model::ids::{DatabaseId, RolloutId};

/// A customer that was pointed at a recovered database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Moved {
    pub(crate) by: RolloutId,
    pub(crate) from: DatabaseId,
    pub(crate) to: DatabaseId,
    pub(crate) since: Timestamp,
}

/// The return of a database to an earlier instant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Recovery {
    /// The old database, of which Render makes another; `None`: the policy's hooks restore it.
    pub(crate) database: Option<DatabaseId>,
    pub(crate) to: Timestamp,
    pub(crate) attempt: u32,
    /// The new one's name, by attempt.
    pub(crate) name: String,
    pub(crate) state: RecoveryState,
}

/// Where the request for a new database stands (R16).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RecoveryState {
    Wanted,
    Intended,
    Unknown {
        until: Timestamp,
    },
    Created {
        database: DatabaseId,
    },
    Live {
        database: DatabaseId,
    },
    /// Every service's variables name the new one.
    Switched {
        database: DatabaseId,
    },
    /// The hooks have brought the data back into the old one.
    #[serde(rename = "restored")]
    Recovered,
    Failed,
}

impl Recovery {
    pub(crate) fn wanted(database: Option<DatabaseId>, to: Timestamp) -> Self {
        Self {
            database,
            to,
            attempt: 0,
            name: String::new(),
            state: RecoveryState::Wanted,
        }
    }

    /// The new database's name, which is ours alone: what bears it came of this attempt, also where a lost state has begun to
    /// count anew. `when` is the instant of the intent, in digits.
    pub(crate) fn name_of(
        customer: &CustomerId,
        rollout: RolloutId,
        attempt: u32,
        when: &str,
    ) -> String {
        format!("{customer}-{rollout}-{attempt}-{when}")
    }

    /// The name of an attempt that is intended at `at`: to the millisecond, as instants are stored.
    pub(crate) fn name_at(
        customer: &CustomerId,
        rollout: RolloutId,
        attempt: u32,
        at: Timestamp,
    ) -> String {
        let when = at.format("%Y%m%d%H%M%S%3f").to_string();
        Self::name_of(customer, rollout, attempt, &when)
    }

    /// What is waited for until the new database can be used.
    pub(crate) fn doing(&self) -> Option<String> {
        let to = crate::show_instant(self.to);
        match &self.state {
            RecoveryState::Wanted if self.database.is_none() => {
                Some(format!("the hooks restore the data of {to}"))
            }
            RecoveryState::Wanted => Some(format!(
                "a database with the data of {to} is to be asked for"
            )),
            RecoveryState::Intended | RecoveryState::Unknown { .. } => {
                Some(format!("a database with the data of {to} is asked for"))
            }
            RecoveryState::Created { database } => {
                Some(format!("Render restores the data of {to} into {database}"))
            }
            RecoveryState::Live { database } => {
                Some(format!("its services are pointed at {database}"))
            }
            RecoveryState::Switched { .. } | RecoveryState::Recovered | RecoveryState::Failed => {
                None
            }
        }
    }

    /// The recovered database, once it can be used.
    pub(crate) fn new_database(&self) -> Option<&DatabaseId> {
        match &self.state {
            RecoveryState::Live { database } | RecoveryState::Switched { database } => {
                Some(database)
            }
            RecoveryState::Wanted
            | RecoveryState::Intended
            | RecoveryState::Unknown { .. }
            | RecoveryState::Created { .. }
            | RecoveryState::Recovered
            | RecoveryState::Failed => None,
        }
    }

    /// Whether nothing is left to do but to return the code.
    pub(crate) fn is_done(&self) -> bool {
        matches!(
            self.state,
            RecoveryState::Switched { .. } | RecoveryState::Recovered
        )
    }

    /// Whether a database may have been asked for whose fate is not known.
    pub(crate) fn is_open(&self) -> bool {
        matches!(
            self.state,
            RecoveryState::Intended | RecoveryState::Unknown { .. }
        )
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn what_a_lost_state_asks_for_anew_has_another_name() {
        let at: Timestamp = "2027-01-11T09:00:00.007Z".parse().expect("an instant");
        let name = |at| {
            let customer = CustomerId::from("acme");
            Recovery::name_at(&customer, RolloutId::Rollout(1), 1, at)
        };
        assert_eq!(name(at), "acme-r1-1-20270111090000007");
        assert_ne!(name(at), name(at + TimeDelta::milliseconds(1)));
    }
}
