//! The checked content of one policy file.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::calendar::WindowSpec;
use crate::ids::{CustomerId, GroupId, PersonId, PolicyId, Role};
use crate::settings::Customer;
use crate::span::Span;

/// One policy, which makes one phase of every plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// Its name.
    pub name: PolicyId,
    /// The phases it comes after.
    pub after: Vec<PolicyId>,
    /// Which customers it covers.
    pub customers: Selection,
    /// Not before this long after the rollout's start (R4).
    pub not_before: Span,
    /// Alarm when not settled by then, since the rollout's start.
    pub due: Option<Span>,
    /// How the phase is cut into batches (R1).
    pub batch: BatchRule,
    /// Between batches (R3).
    pub delay: Span,
    /// Who goes first.
    pub order: Order,
    /// The health profile's name.
    pub health: String,
    /// Watched wait after the last batch.
    pub soak: Span,
    /// How long a healthy customer is watched before its batch settles.
    pub watch: Span,
    /// Failures that are tolerated (R12).
    pub max_failures: Tolerance,
    /// What happens beyond them.
    pub on_failure: OnFailure,
    /// The gate, if any (R10).
    pub approval: Option<Approval>,
    /// Windows in which a customer may start; empty: always (R7).
    pub window: Vec<WindowSpec>,
    /// Customers of a batch at once.
    pub max_parallel: u32,
    /// Order of roles.
    pub services: Vec<Role>,
    /// Time limit of one deploy.
    pub deploy_timeout: Span,
    /// Who decides about a rollback.
    pub rollback: RollbackMode,
    /// Commands around a customer.
    pub hooks: Hooks,
    /// Whether a customer's date may be put off, and how far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deferral: Option<Deferral>,
}

/// How often and how far the date of a customer may be put off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deferral {
    /// How often in one rollout.
    pub times: u32,
    /// How far from the first date on which the customer could have gone.
    pub within: Span,
}

impl Policy {
    /// Whether batches are made in the order of starts: one at a time, whoever can go (R2).
    pub fn goes_one_by_one(&self) -> bool {
        self.batch == BatchRule::Count(1) && self.order == Order::Ready
    }

    /// Whether it asks how much the customers weigh.
    pub fn weighs(&self) -> bool {
        matches!(self.batch, BatchRule::Weight(_))
            || matches!(self.max_failures, Tolerance::Weight(_))
    }
}

/// Which customers a policy covers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// A tier; `None` with `only` written.
    pub tier: Option<String>,
    /// Must carry all of these.
    pub tags: BTreeSet<String>,
    /// Exactly these, if written.
    pub only: Option<BTreeSet<CustomerId>>,
    /// Never these.
    pub except: BTreeSet<CustomerId>,
}

impl Selection {
    /// Whether a customer is covered.
    pub fn covers(&self, id: &CustomerId, customer: &Customer) -> bool {
        self.selects(id, customer) && !self.except.contains(id)
    }

    /// Whether a customer would be covered, were it not for `except`.
    pub fn excepts(&self, id: &CustomerId, customer: &Customer) -> bool {
        self.except.contains(id) && self.selects(id, customer)
    }

    /// Whether nothing but `except` restricts it.
    pub fn is_open(&self) -> bool {
        self.tier.is_none() && self.tags.is_empty() && self.only.is_none()
    }

    fn selects(&self, id: &CustomerId, customer: &Customer) -> bool {
        self.tier.as_ref().is_none_or(|tier| *tier == customer.tier)
            && self.tags.is_subset(&customer.tags)
            && self.only.as_ref().is_none_or(|only| only.contains(id))
    }
}

/// How a phase is cut into batches (R1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BatchRule {
    /// Everybody at once.
    All,
    /// So many at a time.
    Count(u32),
    /// So many percent of the phase at a time, 1..=100.
    Percent(u32),
    /// Cumulative shares, ascending, ending with everybody.
    Shares(Vec<Share>),
    /// As many as stay within so many percent of the phase's weight, 1..=100.
    Weight(u32),
}

/// One cumulative share of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Share {
    /// Up to this many customers.
    Count(u32),
    /// Up to this many percent, rounded down.
    Percent(u32),
    /// The rest.
    All,
}

/// Who goes first within a batch (with `batch: 1`, within the phase).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// The first that can go.
    Ready,
    /// Nobody overtakes.
    Strict,
}

/// How many failures a phase tolerates (R12).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tolerance {
    /// A number of customers.
    Count(u32),
    /// A share of the phase, rounded down.
    Percent(u32),
    /// A share of the phase's weight, rounded down.
    Weight(u32),
}

/// What happens when a phase has more failures than it tolerates (R12).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// Nothing new starts.
    Halt,
    /// Go on regardless.
    Continue,
    /// Halt, and the batch's healthy customers are rolled back.
    RollbackBatch,
    /// Halt, and the phase's healthy customers are rolled back.
    RollbackPhase,
    /// Halt, and all healthy customers are rolled back.
    RollbackAll,
}

/// A gate that people open (R10).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Approval {
    /// What one request covers.
    pub per: Scope,
    /// How many distinct people.
    pub quorum: u32,
    /// Who may approve.
    pub from: Approvers,
    /// Who may not.
    pub not: BTreeSet<Excluded>,
    /// A complete approval lapses if the deploy has not begun by then.
    pub valid_for: Span,
    /// An unanswered request escalates.
    pub expires: Span,
    /// A vote counts only of somebody who proved to the identity provider at most so long before who they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<Span>,
}

/// What one approval covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// The whole phase.
    Phase,
    /// One batch.
    Batch,
    /// One customer.
    Customer,
}

/// Who may approve.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Approvers {
    /// Everybody who holds the role of approver.
    Anybody,
    /// Members of any of these groups, or these people.
    Any(Vec<GroupOrPerson>),
    /// Each group its own number; one person fills one place.
    Each(BTreeMap<GroupId, u32>),
}

/// A name under `from`: a group, or one person.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupOrPerson {
    /// A group of `groups`.
    Group(GroupId),
    /// A person of `people`.
    Person(PersonId),
}

/// Who may not approve.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Excluded {
    /// Whoever started the rollout.
    Starter,
    /// A named person.
    Person(PersonId),
}

/// Who decides about the rollback of an unhealthy customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RollbackMode {
    /// At once.
    Automatic,
    /// The customer is held until a person says.
    Manual,
}

/// Commands around a customer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Hooks {
    /// Before anything is changed.
    pub before: Vec<Hook>,
    /// After the customer is healthy.
    pub after: Vec<Hook>,
    /// After a rollback.
    pub on_rollback: Vec<Hook>,
    /// Instead of Render's recovery, when a person wants the data of an earlier instant (T15).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub restore_database: Vec<Hook>,
}

/// One command around a customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hook {
    /// What runs.
    pub run: HookCommand,
    /// Time limit.
    pub timeout: Span,
    /// Whether it may run twice, so that an unknown outcome is not asked of a person.
    pub repeatable: bool,
}

/// What a hook runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HookCommand {
    /// A shell command on the engine's machine.
    Run(String),
    /// A one-off job at Render (`POST /services/{id}/jobs`).
    Job {
        /// Whose build it runs on.
        service: Role,
        /// Its start command.
        command: String,
    },
}
