//! Facts about gates (R10).

use policy::{CustomerId, PersonId, Timestamp};
use serde_json::json;

use crate::model::fact::place::GatePlace;
use crate::model::fact::written::{Millis, Nullable};
use crate::model::state::Vote;

written!(json!({ "type": "object" }) => Vote);

payloads! {
    /// Facts about gates (R10).
    enum GateFact in Fact::Gate at GatePlace;

    /// People are asked to open a gate.
    ApprovalRequested(GatePlace) {
        /// when the request expires
        until: Timestamp,
    } data {
        /// the digest of the plan that is approved
        always digest: String,
        /// who is still needed, in words
        always missing: String,
        /// the customers that wait for it
        always covers: Vec<CustomerId>,
    }

    /// One vote.
    Approved(GatePlace) {
        /// who voted
        actor: PersonId,
        /// why
        reason: Option<String>,
        /// when the approval lapses, of the vote that completes the quorum
        until: Option<Timestamp>,
    } data {
        /// the digest of the plan that is approved
        always digest: String,
        /// the vote is recorded only, since `tranche.yaml` cannot be parsed
        unless_default gates_shut: bool,
        /// the latest known end of what the customer waits for, null if the approval lapses before
        told begins: Option<Nullable<Millis>>,
        /// what has no known end
        maybe after: Option<Vec<String>>,
    }

    /// One is enough.
    Rejected(GatePlace) {
        /// who voted
        actor: PersonId,
        /// why
        reason: String,
    } data {}

    /// A vote was taken back.
    Withdrawn(GatePlace) {
        /// whose vote
        actor: PersonId,
    } data {
        /// the former name, if the vote was cast under one
        maybe voter: Option<PersonId>,
    }

    /// A complete approval was not used in time, or was bound to another digest; asked again.
    ApprovalLapsed(GatePlace) {} data {}

    /// Nobody has answered for as long as `expires`.
    ApprovalEscalated(GatePlace) {} data {
        /// when it was asked for
        always asked_at: Timestamp,
    }

    /// What the gate covers may begin.
    GatePassed(GatePlace) {} data {
        /// the votes that opened it
        always votes: Vec<Vote>,
    }
}
