//! What people ask for, and what the outside reports by itself.

use std::collections::{BTreeMap, BTreeSet};

use policy::calendar::Freeze;
use policy::settings::Pin;
use policy::{CustomerId, Timestamp};
use serde::{Deserialize, Serialize};

pub use crate::model::actor::{Actor, Directory, Hand, Proof, ProofKind, Scope, UnknownScope};
use crate::model::command::{Command, Report};
use crate::model::ids::RolloutId;
use crate::model::offer::Offers;
pub use crate::model::verb::{Conflict, Defer, Reviewed, Start, TokenChange, Verb};

/// One thing that happened outside the core.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Input {
    /// A command ended. Never rejected; a late or repeated one changes nothing.
    Report(Report),
    /// The outside noticed something by itself. Never rejected.
    Notice(Notice),
    /// A person asks for something.
    Request(Request),
    /// Time has passed; look again. Only this starts anything.
    Tick,
}

/// What the shell notices by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notice {
    /// A process drives the core: a new one, or one that has read the state anew after it could not store something. Until
    /// `ClockTrusted` nothing starts (P25); changing commands in flight become look-ups (R16).
    EngineStarted {
        /// Changing commands of this very process that are still out: their answers will come, so they are in no doubt.
        out: Vec<Command>,
        /// The first instant that it may stamp, if nobody has confirmed its clock yet: it goes by the journal's last instant
        /// and by what has passed since it began. What is recorded until `ClockFollowed` keeps its length from there (P22).
        unsure_since: Option<Timestamp>,
    },
    /// The process drives no more: what is reported is still recorded, but nothing is intended or issued, since nobody would
    /// send it (P7). What follows is left to the next `EngineStarted`. No event.
    EngineStopping {
        /// Changing commands that are out, where the core does not know of them.
        out: Vec<Command>,
    },
    /// The database is a copy that was put in place, or has moved: what has happened since is not known (P40). Repeated at
    /// every start for as long as it is so, it is recorded once.
    Restored {
        /// What was found, as a sentence that says it of the database.
        reason: String,
    },
    /// The wall clock and engine time diverge.
    ClockSuspected {
        /// What was measured.
        reason: String,
        /// The first instant that may have been stamped wrongly, if any.
        since: Option<Timestamp>,
    },
    /// The wall clock agrees with two Render replies.
    ClockTrusted,
    /// Engine time goes by the wall clock again, which is trusted.
    ClockFollowed {
        /// Where it would be now if it had not.
        from: Timestamp,
    },
    /// Nothing may start in the workspace: the key was refused (P46), or Render cannot be reached.
    WorkspaceHeld {
        /// Why.
        reason: String,
    },
    /// The reason is gone.
    WorkspaceReleased,
    /// The project's files were read again (R6).
    FilesRead(Box<FilesRead>),
    /// An invariant broke while something was done for this customer: it is held, and everything else goes on.
    Quarantined {
        /// In which rollout or operation.
        rollout: RolloutId,
        /// Whose.
        customer: CustomerId,
        /// What broke, as it was caught.
        what: String,
    },
}

impl Notice {
    /// A new process begins, of which nothing is out and whose clock is taken for right.
    pub fn engine_started() -> Self {
        Self::EngineStarted {
            out: Vec::new(),
            unsure_since: None,
        }
    }
}

/// What of the project's files takes effect at once, and what waits for `replan` (R6).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FilesRead {
    /// Who may do what.
    pub directory: Directory,
    /// Freezes as now written.
    pub freezes: Vec<Freeze>,
    /// Pins as now written.
    pub pins: BTreeMap<CustomerId, Pin>,
    /// All customers as now written.
    pub customers: BTreeSet<CustomerId>,
    /// Names of the files' other differences from the frozen plans, for `status` and `why`.
    pub unapplied: Vec<String>,
    /// Paths that lead out of the project folder without leave (P53): an alarm while a rollout goes on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outside: Vec<String>,
    /// Set when the files could not be read: everything else counts as unchanged.
    pub unreadable: Option<String>,
    /// Then, what `tranche.yaml` by itself says of people, groups and roles, which can only be taken away so. Absent: it
    /// cannot be parsed, and who may open a gate is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_itself: Option<Directory>,
}

impl FilesRead {
    /// Files that cannot be read or do not validate.
    pub fn unreadable(reason: impl Into<String>, by_itself: Option<Directory>) -> Self {
        Self {
            unreadable: Some(reason.into()),
            by_itself,
            ..Self::default()
        }
    }
}

impl FilesRead {
    /// What people must know of at once.
    pub(crate) fn alarm(&self) -> Option<String> {
        let outside = || (!self.outside.is_empty()).then(|| self.outside.join("; "));
        self.unreadable.clone().or_else(outside)
    }
}

/// A person asks for something.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// Who.
    pub by: Actor,
    /// In which rollout; absent: the only unfinished one it can mean.
    #[serde(rename = "run", default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<RolloutId>,
    /// What.
    pub verb: Verb,
}

/// A request that is not allowed now. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Rejected {
    /// Which kind of no.
    pub code: RejectedCode,
    /// What is in the way, as a sentence fragment.
    pub message: String,
    /// What to type instead.
    pub way_out: Option<String>,
    /// What that was chosen from, or is.
    #[serde(skip)]
    pub offers: Offers,
}

/// Which kind of no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RejectedCode {
    /// Not in the present state: exit code 3.
    State,
    /// Not by this person: exit code 4.
    NotPermitted,
    /// No such thing, or it makes no sense: exit code 2.
    Usage,
    /// It is so already: said, exit code 0.
    AlreadySo,
}

impl Rejected {
    /// Not in the present state.
    pub(crate) fn state(message: impl Into<String>, way_out: impl Into<Offers>) -> Self {
        Self::new(RejectedCode::State, message, way_out)
    }

    /// It makes no sense as asked.
    pub(crate) fn usage(message: impl Into<String>, way_out: impl Into<Offers>) -> Self {
        Self::new(RejectedCode::Usage, message, way_out)
    }

    pub(crate) fn new(
        code: RejectedCode,
        message: impl Into<String>,
        way_out: impl Into<Offers>,
    ) -> Self {
        let offers = way_out.into();
        Self {
            code,
            message: message.into(),
            way_out: offers.first(),
            offers,
        }
    }
}
