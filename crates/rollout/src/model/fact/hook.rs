//! Facts about the hooks of a customer.

use serde_json::json;

use crate::model::fact::place::CustomerPlace;
use crate::model::state::HookList;

written!(json!({ "enum": ["before", "after", "on_rollback", "restore_database"] }) => HookList);

payloads! {
    /// Facts about the hooks of a customer.
    enum HookFact in Fact::Hook at CustomerPlace;

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
