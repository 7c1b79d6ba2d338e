//! Facts that the engine finds out by itself: its start, the clock, copies of its database, Render, the project's files.

use policy::{CustomerId, PersonId, Timestamp};
use serde_json::json;

use crate::model::request::{self, Directory};

written!(json!({ "type": "object" }) => request::FilesRead, Directory);

payloads! {
    /// Facts that the engine finds out by itself.
    enum EngineFact in Fact::Engine;

    /// A process began to drive.
    EngineStarted {} data {
        /// since when engine time has gone by the journal alone
        maybe unsure_since: Option<Timestamp>,
    }

    /// No clock edge is judged until the clock is trusted (P25).
    ClockSuspected {
        /// why
        reason: String,
    } data {
        /// since when engine time has gone by the journal alone
        maybe unsure_since: Option<Timestamp>,
    }

    /// The clock is trusted (P25).
    ClockTrusted {
        /// who confirmed it, if a person had to
        actor: Option<PersonId>,
    } data {
        /// where engine time would be if it had not followed the wall clock just now
        maybe from: Option<Timestamp>,
    }

    /// A copy of the database was put in place, or it has moved: everything open is held (P40).
    Restored {
        /// how that was seen
        reason: Option<String>,
    } data {
        /// it is held until `resume --moved`
        unless_default moved: bool,
    }

    /// Deploys of the release that this journal did not ask for: everything open is held (R16).
    RolloutsHeld {
        /// what was met
        reason: Option<String>,
    } data {
        /// it is held until `resume --moved`
        unless_default moved: bool,
        /// where they were met
        maybe customers: Option<Vec<CustomerId>>,
    }

    /// Render cannot be used: nothing starts (P46).
    WorkspaceHeld {
        /// why
        reason: String,
    } data {}

    /// Render can be used again (P46).
    WorkspaceReleased {} data {}

    /// The project's files were read again (R6).
    FilesRead {
        /// what people must know of at once
        reason: Option<String>,
    } data {
        /// what of them takes effect at once
        always files: Box<request::FilesRead>,
        /// customers that joined after every unfinished rollout's start
        always joined_after_the_start: Vec<CustomerId>,
        /// while they do not validate, what they have left of who may do what
        maybe in_force: Option<Directory>,
        /// `tranche.yaml` cannot be parsed, and no gate opens
        unless_default gates_shut: bool,
    }
}
