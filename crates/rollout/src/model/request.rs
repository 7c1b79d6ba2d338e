//! What people ask for, and what the outside reports by itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use policy::calendar::{Boundary, Freeze};
use policy::plan::RunningVersions;
use policy::settings::{Person, Pin, Roles};
use policy::{CustomerId, GroupId, PersonId, PlanInput, PolicyId, Role, Timestamp};
use serde::{Deserialize, Serialize};

use crate::model::command::{Command, Report};
use crate::model::ids::RolloutId;
use crate::model::offer::Offers;
use crate::model::operation::{ApplyVariables, Deploys};
use crate::progress::running::Observed;

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
        run: RolloutId,
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

/// Who exists, who belongs to which group, who holds which role.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Directory {
    /// Members by group.
    pub groups: BTreeMap<GroupId, BTreeSet<PersonId>>,
    /// Holders by role.
    pub roles: Roles,
    /// What proves who somebody is, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub people: BTreeMap<PersonId, Person>,
}

/// Who asks, as proved by the shell.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Actor {
    /// The name in events: a key of `people`, or `service:NAME`.
    pub name: PersonId,
    /// A service token: never an approver (P3).
    pub service: bool,
    /// What proved it; absent where nothing has to, as in a simulation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<Proof>,
}

/// What proved who somebody is; never the secret itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Proof {
    /// Account or token.
    pub kind: ProofKind,
    /// The account's name, or the token's.
    pub id: String,
    /// The account of the process that asked. It is told, not compared: several people may share one and have tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Who made the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maker: Option<PersonId>,
    /// What the maker proved it with, and, where that was a token, who made that one, and so on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub made_by: Vec<Hand>,
}

/// What proves an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProofKind {
    /// An account of the operating system.
    Account,
    /// A token.
    Token,
}

/// Somebody who had a hand in a token.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Hand {
    /// Who, by the name of that time.
    pub person: PersonId,
    /// Proved by which kind.
    pub kind: ProofKind,
    /// The account's name, or the token's.
    pub id: String,
}

impl Proof {
    /// An account of the operating system.
    pub fn account(name: impl Into<String>) -> Self {
        let name = name.into();
        Self {
            kind: ProofKind::Account,
            account: Some(name.clone()),
            id: name,
            maker: None,
            made_by: Vec::new(),
        }
    }

    /// What tells it from others.
    pub fn key(&self) -> (ProofKind, &String) {
        (self.kind, &self.id)
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            ProofKind::Account => "account",
            ProofKind::Token => "token",
        };
        write!(f, "the {kind} {}", self.id)
    }
}

impl Actor {
    /// A person.
    pub fn person(name: impl Into<String>) -> Self {
        Self {
            name: PersonId::new(name),
            service: false,
            proof: None,
        }
    }

    /// The same, proved.
    #[must_use]
    pub fn proved_by(self, proof: Proof) -> Self {
        Self {
            proof: Some(proof),
            ..self
        }
    }
}

/// A person asks for something.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// Who.
    pub by: Actor,
    /// In which rollout; absent: the only unfinished one it can mean.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RolloutId>,
    /// What.
    pub verb: Verb,
}

/// What people can ask for (R10, R13, R14).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "do")]
pub enum Verb {
    /// Begin a rollout.
    Start(Box<Start>),
    /// Vote for a gate. `gate` is `PHASE`, `PHASE/BATCH` or a customer's key.
    Approve {
        /// Which gate.
        gate: String,
        /// Why.
        reason: Option<String>,
        /// The plan digest the person has seen; refused when it is another (P4).
        digest: Option<String>,
    },
    /// Vote against a gate: one is enough.
    Reject {
        /// Which gate.
        gate: String,
        /// Why.
        reason: String,
    },
    /// Take the own vote back.
    Withdraw {
        /// Which gate.
        gate: String,
    },
    /// No customer starts until `resume`.
    Pause {
        /// Why.
        reason: Option<String>,
    },
    /// Ends a pause.
    Resume,
    /// Lets go on what is held because the database is a copy or has moved, or another engine was seen (`resume --moved`).
    ResumeMoved,
    /// Confirms the wall clock after a suspicion (`resume --clock`).
    ConfirmClock,
    /// Ends the rollout: drain, or roll everything back.
    Abort {
        /// Roll settled batches back too.
        rollback: bool,
        /// Why.
        reason: Option<String>,
    },
    /// The same work again.
    Retry {
        /// A customer's key or a phase; absent with `failed`.
        target: Option<String>,
        /// All failed customers.
        failed: bool,
    },
    /// Leave out what has not started, or a held customer.
    Skip {
        /// A customer, `PHASE/BATCH` or a phase.
        target: String,
        /// Why.
        reason: String,
    },
    /// End the current delay or soak.
    Promote {
        /// Which phase; absent: the one that waits.
        phase: Option<PolicyId>,
        /// All that remain, and every `not_before`.
        full: bool,
    },
    /// Apply the edited files to what has not started (R6).
    Replan {
        /// The files as now written; the release is ignored.
        input: Box<PlanInput>,
    },
    /// No further customer gets this version, in any rollout.
    Block {
        /// The version.
        version: String,
        /// Why.
        reason: String,
    },
    /// Ends a block.
    Unblock {
        /// The version.
        version: String,
    },
    /// A freeze at once, until an instant.
    Freeze {
        /// Its name.
        name: String,
        /// Its end.
        until: Timestamp,
        /// Why.
        reason: String,
        /// Only these customers; empty: all.
        customers: BTreeSet<CustomerId>,
    },
    /// Ends a freeze that `freeze` made.
    Unfreeze {
        /// Its name.
        name: String,
    },
    /// Lift a freeze for one rollout; takes effect when a second person has said the same (P6).
    Override {
        /// The freeze.
        name: String,
        /// Of one that comes again, which occurrence: that which begins so in local time, or which holds somebody at that
        /// instant, or the next then. Absent: the same for now.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at: Option<Boundary>,
        /// Why.
        reason: String,
    },
    /// Return a customer to what ran before, or to a version.
    Rollback {
        /// Who.
        customer: CustomerId,
        /// The version; absent: what was live when we began with that customer.
        to: Option<String>,
        /// Though something stands in the way: a person has seen the list and typed the customer's name (P30).
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        force: bool,
        /// Why.
        reason: String,
    },
    /// Return a customer with its database: a person has typed the customer's name (T15).
    RollbackDatabase {
        /// Who.
        customer: CustomerId,
        /// The instant whose data is wanted; absent: before our release changed anything.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at: Option<Timestamp>,
        /// Why.
        reason: String,
    },
    /// Set the variables of a version and deploy nothing.
    Variables(Box<ApplyVariables>),
    /// Put back what `Variables` set.
    UndoVariables {
        /// Whose.
        customer: CustomerId,
        /// Why.
        reason: String,
    },
    /// Deploy single services outside any rollout.
    Deploy(Box<Deploys>),
    /// Write down a figure from outside: tickets, satisfaction, adoption.
    Observe {
        /// Whose.
        customer: CustomerId,
        /// What it says.
        name: String,
        /// How much.
        value: f64,
        /// The instant it is of; absent: now.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at: Option<Timestamp>,
        /// Where it comes from.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
    },
    /// Write down that a person had values of variables shown in full.
    Reveal {
        /// Whose.
        customer: CustomerId,
        /// Of which service.
        service: Role,
        /// Which.
        keys: Vec<String>,
    },
    /// Write down that a token is made or revoked: who may, the core decides; what it is, it never learns.
    Token {
        /// Which of the two.
        change: TokenChange,
        /// The name of the token, which is not the token.
        id: String,
        /// Whom it proves: a person, or `service:NAME`.
        owner: PersonId,
    },
}

/// What happens to a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenChange {
    /// It is made.
    Create,
    /// It proves nobody any more.
    Revoke,
}

/// Everything `start` brings along, frozen at the request (R6, R14).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Start {
    /// Files, release and scope.
    pub input: PlanInput,
    /// What Render says of the services, if it was asked.
    pub observed: Observed,
    /// What to do about an unfinished rollout with a customer in common.
    pub conflict: Conflict,
    /// Clear the build cache of every deploy.
    pub clear_cache: bool,
    /// Overrides the policies' `deploy_timeout`.
    pub deploy_timeout: Option<policy::Span>,
    /// The plan that was reviewed: another one is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reviewed: Option<Reviewed>,
}

/// What somebody has reviewed before a start, and what alone is to be started (R6).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reviewed {
    /// The digest of the plan.
    pub digest: String,
    /// What ran at the planned customers.
    pub running: RunningVersions,
}

/// What to do about an unfinished rollout with a customer in common (R14).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Conflict {
    /// Refuse.
    #[default]
    Refuse,
    /// Begin when the other has ended.
    Queue,
    /// The other drains and ends.
    Supersede,
    /// As supersede, by the `hotfix` policy, exposed customers first.
    Hotfix,
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
