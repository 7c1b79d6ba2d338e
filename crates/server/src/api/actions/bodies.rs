//! What does the body of each action say? What a person would type, and in which rollout.

use policy::calendar::Boundary;
use policy::{CustomerId, PolicyId, Timestamp};
use rollout::{RolloutId, Verb, request};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use crate::api::schema;

/// Declares a body, and the request that it makes. Without `in_rollout` it concerns the whole product.
macro_rules! bodies {
    ($(
        $(#[doc = $doc:literal])*
        $name:ident in_rollout { $($(#[$meta:meta])* $field:ident: $type:ty,)* } => $verb:expr;
    )*) => {$(
        $(#[doc = $doc])*
        #[derive(Debug, Deserialize, ToSchema)]
        #[serde(deny_unknown_fields)]
        pub(super) struct $name {
            $($(#[$meta])* $field: $type,)*
            /// In this rollout; absent: in the only one that is unfinished.
            #[schema(value_type = Option<schema::RolloutName>)]
            rollout: Option<RolloutId>,
        }

        impl $name {
            pub(super) fn asked(self) -> (Option<RolloutId>, Verb) {
                let Self { $($field,)* rollout } = self;
                (rollout, $verb)
            }
        }
    )*};
    (product: $(
        $(#[doc = $doc:literal])*
        $name:ident { $($(#[$meta:meta])* $field:ident: $type:ty,)* } => $verb:expr;
    )*) => {$(
        $(#[doc = $doc])*
        #[derive(Debug, Deserialize, ToSchema)]
        #[serde(deny_unknown_fields)]
        pub(super) struct $name {
            $($(#[$meta])* $field: $type,)*
        }

        impl $name {
            pub(super) fn asked(self) -> (Option<RolloutId>, Verb) {
                let Self { $($field,)* } = self;
                (None, $verb)
            }
        }
    )*};
}

bodies! {
    /// A vote for a gate.
    Approve in_rollout {
        /// `PHASE`, `PHASE/BATCH` or a customer's key.
        gate: String,
        /// Why.
        reason: Option<String>,
        /// The digest of the plan that was looked at.
        digest: Option<String>,
    } => Verb::Approve { gate, reason, digest };
    /// A vote against a gate.
    Reject in_rollout {
        /// `PHASE`, `PHASE/BATCH` or a customer's key.
        gate: String,
        /// Why.
        reason: String,
    } => Verb::Reject { gate, reason };
    /// The own vote.
    Withdraw in_rollout {
        /// `PHASE`, `PHASE/BATCH` or a customer's key.
        gate: String,
    } => Verb::Withdraw { gate };
    /// A pause.
    Pause in_rollout {
        /// Why.
        reason: Option<String>,
    } => Verb::Pause { reason };
    /// What goes on.
    Resume in_rollout {} => Verb::Resume;
    /// The wall clock is right.
    ConfirmClock in_rollout {} => Verb::ConfirmClock;
    /// The end of a rollout.
    Abort in_rollout {
        /// Roll everybody back.
        #[serde(default)]
        rollback: bool,
        /// Why.
        reason: Option<String>,
    } => Verb::Abort { rollback, reason };
    /// What is tried again.
    Retry in_rollout {
        /// A customer's key or a phase.
        target: Option<String>,
        /// All customers that failed, instead.
        #[serde(default)]
        failed: bool,
    } => Verb::Retry { target, failed };
    /// What is left out.
    Skip in_rollout {
        /// A customer, `PHASE/BATCH` or a phase.
        target: String,
        /// Why.
        reason: String,
    } => Verb::Skip { target, reason };
    /// A customer's date that is put off.
    Defer in_rollout {
        /// Who.
        #[schema(value_type = String)]
        customer: CustomerId,
        /// Until when it does not start.
        #[schema(value_type = schema::Instant)]
        until: Timestamp,
        /// Why.
        reason: Option<String>,
    } => Verb::Defer(request::Defer { customer, until, reason });
    /// What does not wait any longer.
    Promote in_rollout {
        /// Which phase; absent: the one that waits.
        #[schema(value_type = Option<String>)]
        phase: Option<PolicyId>,
        /// All that remain, and every `not_before`.
        #[serde(default)]
        full: bool,
    } => Verb::Promote { phase, full };
    /// A freeze that is lifted for one rollout.
    Override in_rollout {
        /// The freeze.
        name: String,
        /// Of one that comes again, which: that which begins so in local time, or which holds somebody at that instant.
        #[serde(default, deserialize_with = "boundary")]
        #[schema(value_type = Option<String>)]
        at: Option<Boundary>,
        /// Why.
        reason: String,
    } => Verb::Override { name, at, reason };
    /// A customer's way back.
    Rollback in_rollout {
        /// Who.
        #[schema(value_type = String)]
        customer: CustomerId,
        /// The version; absent: what was live when we began with that customer.
        to: Option<String>,
        /// Though something stands in the way.
        #[serde(default)]
        force: bool,
        /// Why.
        reason: String,
    } => Verb::Rollback { customer, to, force, reason };
    /// A customer's way back with its database.
    RollbackDatabase in_rollout {
        /// Who.
        #[schema(value_type = String)]
        customer: CustomerId,
        /// The instant whose data is wanted; absent: before our release changed anything.
        #[schema(value_type = Option<schema::Instant>)]
        at: Option<Timestamp>,
        /// Why.
        reason: String,
    } => Verb::RollbackDatabase { customer, at, reason };
}

bodies! { product:
    /// The database is the one that goes on.
    ResumeMoved {} => Verb::ResumeMoved;
    /// A version that nobody gets any more.
    Block {
        /// The version.
        version: String,
        /// Why.
        reason: String,
    } => Verb::Block { version, reason };
    /// A version that may be rolled out again.
    Unblock {
        /// The version.
        version: String,
    } => Verb::Unblock { version };
    /// A freeze from now on.
    Freeze {
        /// Its name.
        name: String,
        /// Its end.
        #[schema(value_type = schema::Instant)]
        until: Timestamp,
        /// Why.
        reason: String,
        /// Only these customers; empty: all.
        #[serde(default)]
        #[schema(value_type = Vec<String>)]
        customers: std::collections::BTreeSet<CustomerId>,
    } => Verb::Freeze { name, until, reason, customers };
    /// The end of a freeze.
    Unfreeze {
        /// Its name.
        name: String,
    } => Verb::Unfreeze { name };
    /// A figure from outside: tickets, satisfaction, adoption.
    Observe {
        /// Whose.
        #[schema(value_type = String)]
        customer: CustomerId,
        /// What it says.
        name: String,
        /// How much.
        value: f64,
        /// The instant it is of; absent: now.
        #[schema(value_type = Option<schema::Instant>)]
        at: Option<Timestamp>,
        /// Where it comes from.
        note: Option<String>,
    } => Verb::Observe { customer, name, value, at, note };
    /// What `variables` set.
    UndoVariables {
        /// Whose.
        #[schema(value_type = String)]
        customer: CustomerId,
        /// Why.
        reason: String,
    } => Verb::UndoVariables { customer, reason };
}

/// The rollout that the files are applied to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Replan {
    /// In this rollout; absent: in the only one that is unfinished.
    #[schema(value_type = Option<schema::RolloutName>)]
    pub(super) rollout: Option<RolloutId>,
}

/// As people write it; programs of ours write it as in a request.
fn boundary<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Boundary>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Text(String),
        Told(Boundary),
    }
    match Option::<Either>::deserialize(from)? {
        None => Ok(None),
        Some(Either::Told(at)) => Ok(Some(at)),
        Some(Either::Text(text)) => text.parse().map(Some).map_err(D::Error::custom),
    }
}
