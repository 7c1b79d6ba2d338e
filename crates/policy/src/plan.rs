//! The frozen plan: policies + fleet + release, compiled into a DAG of batches (R1, R2, R4, R6, R22).

mod age;
mod compile;
mod describe;
mod digest;
mod draw;
mod image;
mod scope;
mod version;
mod weight;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

pub use self::age::{
    Ancestry, Compared, Doubt, History, Numbers, SemVer, asks_history, compare, doubts, is_newer,
};
pub use self::compile::compile;
pub use self::describe::describe;
pub use self::digest::fingerprint;
pub use self::draw::{dot, mermaid};
pub use self::image::{Image, ImageError};
pub use self::version::{bare, matches_pin};
use crate::calendar::Freeze;
use crate::health::Profile;
use crate::ids::{CustomerId, PolicyId, Role};
use crate::parse::Config;
pub use crate::phases::{DATABASE, HOTFIX, batch_sizes, order, resize};
use crate::rules::Policy;
use crate::settings::{Customer, Fleet, Project};
use crate::span::Timestamp;

/// One version of the product: what every service gets exactly (P13).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// The tag as written, `v1.1.0`.
    pub version: String,
    /// The full commit id the tag named when it was resolved; of a deploy of an image, the image in full ([`Image`]).
    pub commit: String,
}

impl Release {
    /// Whether what is deployed is an image: a commit id has neither of the marks that every image reference has.
    pub fn is_image(&self) -> bool {
        is_image(&self.commit)
    }
}

/// Whether this names an image (`registry/name:tag`, `name@digest`) and not a commit.
pub fn is_image(artifact: &str) -> bool {
    artifact.contains(['/', ':', '@'])
}

/// What is known to run, by customer and role.
pub type RunningVersions = BTreeMap<CustomerId, BTreeMap<Role, Running>>;

/// What is known to run at a customer's service when the plan is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// The tag, if the commit has one that is known.
    pub version: Option<String>,
    /// The commit that is live.
    pub commit: Option<String>,
}

/// Everything a plan is made of. A queued rollout keeps it until it begins (R14).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanInput {
    /// The checked project.
    pub project: Project,
    /// The fleet.
    pub fleet: Fleet,
    /// The policies, in order of their names.
    pub policies: BTreeMap<PolicyId, Policy>,
    /// What is rolled out.
    pub release: Release,
    /// What the person narrowed it to.
    pub scope: PlanScope,
    /// How the release's commit stands to what runs, where that was looked up; a look costs a read of the repository.
    #[serde(default, skip_serializing_if = "History::is_empty")]
    pub history: History,
}

impl PlanInput {
    /// The files as they are written, for this release.
    pub fn of(config: &Config, release: Release, scope: PlanScope) -> Self {
        Self {
            project: config.project.clone(),
            fleet: config.fleet.clone(),
            policies: config.policies.clone(),
            release,
            scope,
            history: History::new(),
        }
    }
}

/// How a person narrowed a rollout: `--customers`, `--policy`, `--service`, `--hotfix`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanScope {
    /// Only these customers; empty: all.
    pub customers: Vec<CustomerId>,
    /// Only these phases; empty: all.
    pub policies: Vec<PolicyId>,
    /// Only this role of each customer.
    pub service: Option<Role>,
    /// By the `hotfix` policy, with these exposed customers first (R14). The `hotfix` policy is otherwise no part of the DAG.
    pub hotfix: Option<Vec<CustomerId>>,
    /// The version that a hotfix replaces; absent: that of the rollouts it supersedes, or the newest that one delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<String>,
    /// A release older than what runs is wanted.
    pub allow_downgrade: bool,
    /// Customers with suspended services are left out instead of refused.
    pub skip_suspended: bool,
}

impl PlanScope {
    /// Whether the phases' `not_before` and `soak` are set aside (R14).
    pub fn is_narrowed(&self) -> bool {
        !self.customers.is_empty() || !self.policies.is_empty()
    }
}

/// The frozen plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// SHA-256 (hex) over the canonical content: the same for the same content.
    pub digest: String,
    /// What is released.
    pub product: String,
    /// The version and its commit.
    pub release: Release,
    /// In topological order; ties by name.
    pub phases: Vec<Phase>,
    /// The planned customers.
    pub customers: BTreeMap<CustomerId, PlannedCustomer>,
    /// Customers that some phase covers but that are left out of it (R22).
    pub left_out: BTreeMap<CustomerId, LeftOut>,
    /// Freezes known when the plan was made.
    pub freezes: Vec<Freeze>,
    /// The project as frozen: Render settings, variables, zone.
    pub project: Project,
}

impl Plan {
    /// The digest that belongs to what the plan says; `digest` is the same unless somebody has changed one of them.
    pub fn computed_digest(&self) -> String {
        digest::digest(self)
    }
}

/// One phase of the plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Phase {
    /// The policy that made it; `not_before`, `soak` already set to 0 where the scope sets them aside.
    pub policy: Policy,
    /// The health profile it names.
    pub health: Profile,
    /// Indices (into `Plan::phases`) of the phases it comes after; always smaller than its own.
    pub after: Vec<usize>,
    /// Its customers in the order of R2.
    pub customers: Vec<CustomerId>,
    /// Sizes of its batches (R1), without empty ones. The batches are consecutive slices of `customers`.
    pub sizes: Vec<usize>,
    /// Failures tolerated, resolved to a number of customers (R12); 0 where the weight decides.
    pub tolerated: u32,
    /// The weight of failed customers that is tolerated, where the policy counts by weight.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tolerated_weight: Option<u64>,
}

/// A customer as frozen into the plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlannedCustomer {
    /// As in customers.yaml.
    pub customer: Customer,
    /// Index of its phase.
    pub phase: usize,
    /// The roles that are deployed, in the policy's order; those it lacks and those with no `url`-bearing kind (databases) passed over (R5).
    pub services: Vec<Role>,
    /// The version it ran when the plan was made.
    pub running: Option<String>,
    /// In an operation over single services: what this customer gets in place of the plan's release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own: Option<Box<Own>>,
}

/// What an operation deploys to one customer, where it is not what the plan says for everybody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Own {
    /// What is deployed, and the name people see.
    pub release: Release,
    /// The version that must answer; absent: it is not asked.
    pub version: Option<String>,
    /// Variables by service, written before the deploy.
    pub variables: BTreeMap<Role, BTreeMap<String, String>>,
    /// Without the build cache.
    pub clear_cache: bool,
    /// Whether the checks before a deploy count (A9).
    pub validate: bool,
}

/// Why a customer is not part of the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// The phase that would have had it.
    pub phase: PolicyId,
    /// Why.
    pub why: LeftOutReason,
}

/// Why a customer is not part of the plan (R22).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeftOutReason {
    /// All its planned services run the release already.
    OnRelease,
    /// Kept on another version.
    Pinned {
        /// The version or pattern.
        version: String,
        /// Until when.
        until: Option<Timestamp>,
    },
    /// `except`, or not among `--customers`.
    Excluded,
    /// It runs a newer version, and nobody allowed a downgrade.
    Newer {
        /// What it runs.
        version: String,
    },
}

/// What a name in a scope stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// A customer.
    Customer,
    /// A policy.
    Policy,
    /// A role of services.
    ServiceRole,
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Customer => "customer",
            Self::Policy => "policy",
            Self::ServiceRole => "service role",
        })
    }
}

/// Why a plan cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// A name in the scope does not exist.
    #[error("no {kind} is called `{name}`{}", .suggestion.as_ref().map(|s| format!(" (did you mean `{s}`?)")).unwrap_or_default())]
    Unknown {
        /// What it was to name.
        kind: Named,
        /// As given.
        name: String,
        /// The nearest, or the right flag.
        suggestion: Option<String>,
    },
    /// Phases come after each other in a circle, named in order.
    #[error("the phases form a cycle: {}", .0.join(" -> "))]
    Cycle(Vec<String>),
    /// Two policies would have the same customer.
    #[error("customer `{customer}` belongs to two phases, `{first}` and `{second}`")]
    TwoPhases {
        /// Who.
        customer: CustomerId,
        /// One.
        first: PolicyId,
        /// The other.
        second: PolicyId,
    },
    /// `--hotfix` without a policy file named `hotfix`.
    #[error("there is no policy named `hotfix`; write policies/hotfix.yaml")]
    NoHotfixPolicy,
    /// A customer runs something newer and nobody allowed a downgrade.
    #[error("{} {running}, which is newer than {wanted}", who_runs(.customers))]
    Downgrade {
        /// Who.
        customers: Vec<String>,
        /// What they run.
        running: String,
        /// What was asked for.
        wanted: String,
    },
}

/// So many customers are named before the others are only counted.
const NAMED: usize = 6;

fn who_runs(customers: &[String]) -> String {
    match customers {
        [one] => format!("{one} runs"),
        _ if customers.len() <= NAMED => format!("{} run", customers.join(", ")),
        _ => format!(
            "{} and {} more run",
            customers[..NAMED].join(", "),
            customers.len() - NAMED
        ),
    }
}
