//! Facts about the hooks of a customer.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::model::fact::place::CustomerPlace;

/// Which of a policy's lists of hooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HookList {
    /// Before its first service.
    Before,
    /// After its last service.
    After,
    /// When it is back on what ran before.
    OnRollback,
    /// To bring the data of an earlier instant back.
    RestoreDatabase,
}

impl HookList {
    /// Its name, as in `tranche.yaml`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::After => "after",
            Self::OnRollback => "on_rollback",
            Self::RestoreDatabase => "restore_database",
        }
    }
}

impl std::fmt::Display for HookList {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

written!(json!({ "enum": ["before", "after", "on_rollback", "restore_database"] }) => HookList);

payloads! {
    /// Facts about the hooks of a customer.
    enum HookFact in Fact::Hook;

    /// A hook is about to run (P7).
    HookStarted(CustomerPlace) {} data {
        /// of which list
        always when: HookList,
        /// which of them, from 1
        always number: usize,
    }

    /// A hook ended.
    HookFinished(CustomerPlace) {
        /// why the customer goes back
        reason: Option<String>,
    } data {
        /// of which list
        always when: HookList,
        /// whether it succeeded
        always ok: bool,
        /// the end of what it printed
        always output: String,
        /// it counts as a failure of the customer
        unless_default failure: bool,
    }
}
