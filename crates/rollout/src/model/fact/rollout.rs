//! Facts about a whole rollout or operation: how it begins, goes on and ends (R6, R12, R14).

use std::collections::BTreeMap;

use policy::plan::{Doubt, History};
use policy::{CustomerId, PersonId, Plan, PlanInput, PlanScope, Release, Role};
use serde_json::json;

use crate::model::fact::Fact;
use crate::model::fact::written::Nullable;
use crate::model::ids::{DeployId, RolloutId};
use crate::model::request::Conflict;
use crate::model::state::{CustomerState, DrainTo, Operation, Outcome, RunningService, Sweep};
use crate::model::unhealthy::UnhealthyTarget;

/// What Render said of services.
pub type Seen = BTreeMap<CustomerId, BTreeMap<Role, RunningService>>;

/// The newest deploys of services, where these are not the live ones.
pub type Newest = BTreeMap<CustomerId, BTreeMap<Role, DeployId>>;

written!(json!({ "type": "object" }) => Plan, PlanInput, PlanScope, History, Release, Doubt, RunningService, Sweep,
    CustomerState);
written!(json!({ "enum": ["refuse", "queue", "supersede", "hotfix"] }) => Conflict);
written!(json!({ "enum": ["halted", "aborted", "superseded"] }) => DrainTo);
written!(json!({ "enum": ["rollback", "deploy", "variables"] }) => Operation);
written!(json!({ "enum": ["succeeded", "succeeded_with_failures", "succeeded_with_exclusions", "aborted", "superseded",
    "halted", "done", "failed"] }) => Outcome);

payloads! {
    /// Facts about a whole rollout or operation.
    enum RolloutFact in Fact::Rollout;

    /// A rollout was accepted; it begins when the rollouts in its way have ended (R14).
    RolloutQueued {
        /// who started it
        actor: PersonId,
        /// the commit of the release
        commit: String,
    } data {
        /// the version
        always version: String,
        /// what it does about the rollouts in its way
        always conflict: Conflict,
        /// the rollouts in its way
        maybe behind: Option<Vec<RolloutId>>,
        /// the releases of those whose place it takes
        maybe replaces: Option<Vec<Release>>,
        /// what its plan will be made from
        always input: Box<PlanInput>,
        /// how its commit stands to what ran
        maybe history: Option<History>,
        /// how the person narrowed it
        always scope: PlanScope,
        /// without the build cache
        always clear_cache: bool,
        /// how long a deploy may take, null for as long as the policies say
        nullable deploy_timeout_ms: Option<i64>,
        /// what Render said of the services
        always running: Seen,
        /// the newest deploys, where these are not the live ones
        maybe newest: Option<Newest>,
    }

    /// A rollout began: its plan is frozen. One that was queued has said before how it was asked for.
    RolloutStarted {
        /// who started it
        actor: PersonId,
        /// the commit of the release
        commit: String,
    } data {
        /// the version
        always version: String,
        /// the digest of the plan
        always digest: String,
        /// the plan
        always plan: Box<Plan>,
        /// customers of whom nothing surely says whether the release is older than what they run (R14)
        unless_default doubts: Vec<Doubt>,
        /// services whose rollback would lead to a version that was judged unhealthy there (R19)
        unless_default unhealthy_targets: Vec<UnhealthyTarget>,
        /// in a hotfix, who goes first
        maybe exposed: Option<Vec<CustomerId>>,
        /// how its commit stands to what ran
        maybe history: Option<History>,
        /// how the person narrowed it
        maybe scope: Option<PlanScope>,
        /// without the build cache
        maybe clear_cache: Option<bool>,
        /// how long a deploy may take, null for as long as the policies say
        told deploy_timeout_ms: Option<Nullable<i64>>,
        /// what Render said of the services
        maybe running: Option<Seen>,
        /// the newest deploys, where these are not the live ones
        maybe newest: Option<Newest>,
    }

    /// The edited files were applied to what has not started (R6).
    Replanned {
        /// who asked
        actor: PersonId,
    } data {
        /// the digest of the plan
        always digest: String,
        /// the plan
        always plan: Box<Plan>,
    }

    /// Nobody new starts from here on; at the request or the verdict.
    RolloutDraining {
        /// who asked, if somebody did
        actor: Option<PersonId>,
        /// why
        reason: Option<String>,
    } data {
        /// what follows: `halted`, `aborted` or `superseded`
        always to: DrainTo,
        /// which healthy customers are rolled back too
        maybe sweep: Option<Sweep>,
    }

    /// Nothing is in flight any more, rollbacks included; it rests until a person acts.
    RolloutHalted {
        /// why
        reason: String,
    } data {
        /// `halted`; absent in old journals
        maybe outcome: Option<Outcome>,
    }

    /// A halt was lifted by `retry` or `skip`.
    RolloutResumed {} data {}

    /// All phases have settled.
    RolloutSucceeded {} data {
        /// `succeeded`, `succeeded_with_exclusions` or `succeeded_with_failures`
        always outcome: Outcome,
    }

    /// Ended by a person, or before it began, since no plan could be made any more.
    RolloutAborted {
        /// who asked, if nothing had to be waited for
        actor: Option<PersonId>,
        /// why
        reason: Option<String>,
    } data {
        /// `aborted`
        always outcome: Outcome,
    }

    /// Another took its place.
    RolloutSuperseded {} data {
        /// `superseded`
        always outcome: Outcome,
    }

    /// A change outside any rollout began.
    OperationStarted {
        /// whose, if it is about one customer
        customer: Option<CustomerId>,
        /// which service, if it deploys a single one
        service: Option<Role>,
        /// who asked
        actor: PersonId,
        /// why
        reason: String,
        /// the commit
        commit: String,
    } data {
        /// the version
        always version: String,
        /// what it does: `rollback`, `deploy` or `variables`
        maybe verb: Option<Operation>,
        /// the plan
        always plan: Box<Plan>,
        /// though something stands in the way: a person has seen what
        unless_default force: bool,
        /// then, what is passed over
        maybe skipped: Option<Vec<String>>,
        /// the customer as the operation takes it over
        maybe unit: Option<Box<CustomerState>>,
        /// whose services are deployed, if they are several
        maybe customers: Option<Vec<CustomerId>>,
        /// what Render said of the services
        maybe running: Option<Seen>,
        /// services whose rollback would lead to a version that was judged unhealthy there (R19)
        unless_default unhealthy_targets: Vec<UnhealthyTarget>,
    }

    /// A change outside any rollout ended.
    OperationEnded {} data {
        /// how it ended
        always outcome: Outcome,
    }
}

impl Fact {
    /// The plan that it freezes.
    pub fn plan(&self) -> Option<&Plan> {
        let Self::Rollout(fact) = self else {
            return None;
        };
        match fact {
            RolloutFact::RolloutStarted(fact) => Some(&fact.plan),
            RolloutFact::Replanned(fact) => Some(&fact.plan),
            RolloutFact::OperationStarted(fact) => Some(&fact.plan),
            RolloutFact::RolloutQueued(_)
            | RolloutFact::RolloutDraining(_)
            | RolloutFact::RolloutHalted(_)
            | RolloutFact::RolloutResumed(_)
            | RolloutFact::RolloutSucceeded(_)
            | RolloutFact::RolloutAborted(_)
            | RolloutFact::RolloutSuperseded(_)
            | RolloutFact::OperationEnded(_) => None,
        }
    }
}
