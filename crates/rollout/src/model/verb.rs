//! What can be asked for, with which role, and what it needs.

use std::collections::BTreeSet;

use policy::calendar::Boundary;
use policy::plan::RunningVersions;
use policy::settings::RoleName;
use policy::{CustomerId, PersonId, PlanInput, PolicyId, Role, Timestamp};
use serde::{Deserialize, Serialize};

use crate::model::actor::Scope;
use crate::model::command::views::Observed;
use crate::model::operation::{ApplyVariables, Deploys};

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
    /// Put a customer's date off, as far as its policy allows.
    Defer(Defer),
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

/// A customer's date that is put off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Defer {
    /// Who.
    pub customer: CustomerId,
    /// Until when it does not start.
    pub until: Timestamp,
    /// Why.
    pub reason: Option<String>,
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

impl Verb {
    /// The command-line name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Start(_) => "start",
            Self::Approve { .. } => "approve",
            Self::Reject { .. } => "reject",
            Self::Withdraw { .. } => "withdraw",
            Self::Pause { .. } => "pause",
            Self::Resume | Self::ConfirmClock => "resume",
            Self::ResumeMoved => "resume --moved",
            Self::Abort { .. } => "abort",
            Self::Retry { .. } => "retry",
            Self::Skip { .. } => "skip",
            Self::Defer(_) => "defer",
            Self::Promote { .. } => "promote",
            Self::Replan { .. } => "replan",
            Self::Block { .. } => "block",
            Self::Unblock { .. } => "unblock",
            Self::Freeze { .. } => "freeze",
            Self::Unfreeze { .. } => "unfreeze",
            Self::Override { .. } => "override",
            Self::Rollback { .. } => "rollback",
            Self::RollbackDatabase { .. } => "rollback --database",
            Self::Deploy(_) => "deploy",
            Self::Variables(_) => "env apply",
            Self::UndoVariables { .. } => "env apply --undo",
            Self::Observe { .. } => "observe",
            Self::Reveal { .. } => "env list --reveal",
            Self::Token { change, .. } => match change {
                TokenChange::Create => "token create",
                TokenChange::Revoke => "token revoke",
            },
        }
    }
}

impl Verb {
    /// The role it needs.
    pub(crate) fn role(&self) -> RoleName {
        match self {
            Self::Approve { .. } | Self::Reject { .. } | Self::Withdraw { .. } => {
                RoleName::Approver
            }
            Self::Token { .. } => RoleName::Admin,
            Self::Start(_)
            | Self::Pause { .. }
            | Self::Resume
            | Self::ResumeMoved
            | Self::ConfirmClock
            | Self::Abort { .. }
            | Self::Retry { .. }
            | Self::Skip { .. }
            | Self::Defer(_)
            | Self::Promote { .. }
            | Self::Replan { .. }
            | Self::Block { .. }
            | Self::Unblock { .. }
            | Self::Freeze { .. }
            | Self::Unfreeze { .. }
            | Self::Override { .. }
            | Self::Rollback { .. }
            | Self::RollbackDatabase { .. }
            | Self::Deploy(_)
            | Self::Variables(_)
            | Self::UndoVariables { .. }
            | Self::Observe { .. }
            | Self::Reveal { .. } => RoleName::Operator,
        }
    }

    /// The scope that a token needs for it. To lift a freeze takes two who say so, as a gate does.
    pub fn scope(&self) -> Scope {
        match self.role() {
            RoleName::Approver => Scope::Vote,
            RoleName::Admin => Scope::Admin,
            RoleName::Operator if matches!(self, Self::Override { .. }) => Scope::Vote,
            RoleName::Operator if matches!(self, Self::Start(_)) => Scope::Start,
            RoleName::Operator => Scope::Request,
        }
    }

    /// Whether it only ever keeps something from starting: that goes on working while the files are broken.
    pub(crate) fn stops(&self) -> bool {
        matches!(
            self,
            Self::Abort { .. } | Self::Pause { .. } | Self::Freeze { .. } | Self::Reject { .. }
        )
    }
}
