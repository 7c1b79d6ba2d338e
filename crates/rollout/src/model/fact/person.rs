//! Facts that people make outside phases and gates: pauses, freezes, blocks, and what is only written down (R9, R13, P49).

use std::collections::{BTreeMap, BTreeSet};

use policy::settings::RoleName;
use policy::{CustomerId, GroupId, PersonId, Role, Timestamp};
use serde_json::json;

use crate::model::directory::Members;
use crate::model::fact::written::Millis;
use crate::model::freeze::FreezeId;
use crate::model::ids::RolloutId;
use crate::model::request::RejectedCode;

written!(json!({ "type": "object" }) => FreezeId, Members);
written!(json!({ "enum": ["state", "not_permitted", "usage", "already_so"] }) => RejectedCode);

payloads! {
    /// Facts that people make outside phases and gates.
    enum PersonFact in Fact::Person;

    /// No customer starts (R13).
    Paused {
        /// who asked
        actor: PersonId,
        /// why
        reason: Option<String>,
    } data {}

    /// A pause is over; outside any rollout, what was held because of a copy, a move or another engine goes on (`resume --moved`,
    /// P40).
    Resumed {
        /// who asked
        actor: PersonId,
    } data {
        /// outside any rollout
        unless_default moved: bool,
        /// then, which rollouts were held
        maybe rollouts: Option<Vec<RolloutId>>,
    }

    /// Nobody starts, or nobody of some customers (R9).
    Frozen {
        /// who asked
        actor: PersonId,
        /// why
        reason: String,
        /// its end
        until: Timestamp,
    } data {
        /// its name
        always name: String,
        /// whom it holds; empty: everybody
        always customers: BTreeSet<CustomerId>,
    }

    /// A freeze that a person made was ended (R9).
    Unfrozen {
        /// who asked
        actor: PersonId,
    } data {
        /// its name
        always name: String,
    }

    /// One of two voices for lifting a freeze in a rollout (R9).
    FreezeOverridden {
        /// whose voice
        actor: PersonId,
        /// why
        reason: String,
    } data {
        /// its name
        always name: String,
        /// it is the second one, and the freeze is lifted
        always complete: bool,
        /// of a freeze that comes again, the local start of the occurrence that is meant
        maybe occurrence: Option<String>,
        /// which freezes are meant; absent in old journals: those that bore the name at this instant
        maybe freezes: Option<Vec<FreezeId>>,
    }

    /// No further customer gets this version (R9).
    Blocked {
        /// who asked
        actor: PersonId,
        /// why
        reason: String,
    } data {
        /// the version
        always version: String,
    }

    /// The version may go to customers again (R9).
    Unblocked {
        /// who asked
        actor: PersonId,
    } data {
        /// the version
        always version: String,
    }

    /// A figure from outside, as somebody wrote it down.
    Observed {
        /// whose
        customer: CustomerId,
        /// who wrote it down
        actor: PersonId,
        /// where it comes from
        reason: Option<String>,
    } data {
        /// what it says
        always name: String,
        /// how much
        always value: f64,
        /// the instant it is of
        always at: Millis,
    }

    /// Somebody had values of variables shown in full.
    VariablesRevealed {
        /// whose
        customer: CustomerId,
        /// of which service
        service: Role,
        /// who
        actor: PersonId,
    } data {
        /// which variables
        always keys: Vec<String>,
    }

    /// A token was made (P49).
    TokenCreated {
        /// who made it
        actor: PersonId,
    } data {
        /// its name, which is not the token
        always token: String,
        /// whom it proves
        always owner: PersonId,
    }

    /// A token was revoked (P49).
    TokenRevoked {
        /// who revoked it
        actor: PersonId,
    } data {
        /// its name, which is not the token
        always token: String,
        /// whom it proved
        always owner: PersonId,
    }

    /// The files name others than before (R6).
    PeopleChanged {} data {
        /// who of `people` was `added` and `removed`
        always people: Members,
        /// the same by group
        always groups: BTreeMap<GroupId, Members>,
        /// the same by role
        always roles: BTreeMap<RoleName, Members>,
        /// what became of each person, in words that follow the name
        always whom: BTreeMap<PersonId, Vec<String>>,
    }

    /// A request was refused; it changes nothing (P49).
    Denied {
        /// who asked
        actor: PersonId,
        /// why not
        reason: String,
    } data {
        /// what was asked for
        always request: String,
        /// which kind of no
        always code: RejectedCode,
    }
}
