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
        /// the first instant that may lag behind the true time: from there on engine time has gone by the journal alone
        maybe unsure_since: Option<Timestamp>,
    }

    /// No clock edge is judged until the clock is trusted (P25).
    ClockSuspected {
        /// what is wrong with the clock
        reason: String,
    } data {
        /// the first instant that may lag behind the true time: from there on engine time has gone by the journal alone
        maybe unsure_since: Option<Timestamp>,
    }

    /// The clock is trusted (P25).
    ClockTrusted {
        /// who confirmed it, if a person had to
        actor: Option<PersonId>,
    } data {
        /// where engine time would be if it had not followed the wall clock just now: what began since moves along
        maybe from: Option<Timestamp>,
    }

    /// The database is a copy that was put in place, or has moved: everything open waits for `tranche resume --moved` (P40).
    Restored {
        /// what was found
        reason: Option<String>,
    } data {
        /// it is held until `resume --moved`
        unless_default moved: bool,
    }

    /// Deploys of the release that this journal did not ask for: everything open waits for `tranche resume --moved` (R16).
    RolloutsHeld {
        /// what was met
        reason: Option<String>,
    } data {
        /// it is held until `resume --moved`
        unless_default moved: bool,
        /// where they were met
        maybe customers: Option<Vec<CustomerId>>,
    }

    /// Render refused the key, or is out of reach: nothing starts (P46).
    WorkspaceHeld {
        /// why
        reason: String,
    } data {}

    /// Render can be used again (P46).
    WorkspaceReleased {} data {}

    /// The project's files were read again: what of the edited ones counts at once (R6).
    FilesRead {
        /// that they cannot be read, or name paths that they may not
        reason: Option<String>,
    } data {
        /// what of them takes effect at once
        always files: Box<request::FilesRead>,
        /// customers that joined after every unfinished rollout's start
        always joined_after_the_start: Vec<CustomerId>,
        /// while they do not validate, what they leave of people, groups and roles
        maybe in_force: Option<Directory>,
        /// not even that is known, since `tranche.yaml` cannot be parsed: no gate opens
        unless_default gates_shut: bool,
    }
}
