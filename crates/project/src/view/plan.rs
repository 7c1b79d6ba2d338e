//! A plan as people and programs look at it before it begins.

use std::collections::BTreeMap;

use policy::plan::{LeftOut, describe};
use policy::rules::Approval;
use policy::{CustomerId, Plan, PolicyId, Timestamp};
use serde::Serialize;

use super::earliest::{PhaseTimes, earliest};
use super::frozen::{FrozenTime, frozen, span};
use crate::prepare::{Notes, Source};

/// A plan with its earliest times.
#[derive(Debug, Serialize)]
pub struct PlanView<'p> {
    /// What is rolled out.
    pub product: &'p str,
    /// The release.
    pub version: &'p str,
    /// Its commit; absent: unknown.
    pub commit: Option<&'p str>,
    /// The digest of the plan.
    pub digest: &'p str,
    /// When it would begin.
    pub starts_at: Timestamp,
    /// Who said what runs.
    pub running: &'p Source,
    /// How many.
    pub customers: usize,
    /// In order.
    pub phases: Vec<PhaseView<'p>>,
    /// Whom it leaves out, and why.
    pub left_out: &'p BTreeMap<CustomerId, LeftOut>,
    /// The freezes that fall into its time.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub frozen: Vec<FrozenTime>,
    /// What a person should know of it.
    #[serde(flatten)]
    pub notes: &'p Notes,
    /// The plan itself.
    #[serde(skip)]
    pub plan: &'p Plan,
}

/// One phase of it.
#[derive(Debug, Serialize)]
pub struct PhaseView<'p> {
    /// Its policy.
    pub name: &'p PolicyId,
    /// The phases before it.
    pub after: Vec<&'p PolicyId>,
    /// The policy in words.
    pub summary: String,
    /// How many.
    pub customers: usize,
    /// Failures that are tolerated; absent where their weight decides.
    pub tolerated: Option<u32>,
    /// What its customers weigh together, where weights say something.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<u64>,
    /// What of it may fail, where the policy counts by weight.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tolerated_weight: Option<u64>,
    /// Who opens it.
    pub approval: Option<&'p Approval>,
    /// By when it is to be settled.
    pub due_at: Option<Timestamp>,
    /// Its earliest instants.
    #[serde(flatten)]
    pub times: PhaseTimes,
}

impl<'p> PlanView<'p> {
    /// Puts a plan and the earliest times of a start at `at` together; `running` said what runs.
    pub fn new(plan: &'p Plan, at: Timestamp, notes: &'p Notes, running: &'p Source) -> Self {
        let times = earliest(plan, at);
        let frozen = frozen(plan, &span(&times, at));
        let phases = plan
            .phases
            .iter()
            .zip(times)
            .map(|(phase, times)| PhaseView {
                name: &phase.policy.name,
                after: phase
                    .after
                    .iter()
                    .map(|index| &plan.phases[*index].policy.name)
                    .collect(),
                summary: describe(&phase.policy, &plan.weights(phase)),
                customers: phase.customers.len(),
                tolerated: phase.tolerated_number(),
                weight: plan
                    .weighs(phase)
                    .then(|| plan.weight_together(&phase.customers)),
                tolerated_weight: phase.tolerated_weight,
                approval: phase.policy.approval.as_ref(),
                due_at: phase
                    .policy
                    .due
                    .and_then(|due| at.checked_add_signed(due.to_delta())),
                times,
            });
        Self {
            product: &plan.product,
            version: &plan.release.version,
            commit: Some(plan.release.commit.as_str()).filter(|commit| !commit.is_empty()),
            digest: &plan.digest,
            starts_at: at,
            running,
            customers: plan.customers.len(),
            phases: phases.collect(),
            left_out: &plan.left_out,
            frozen,
            notes,
            plan,
        }
    }
}
