//! How much hangs on what was done: the weights of a phase and of its batches (R1, R12).

use std::collections::BTreeMap;

use policy::plan::Phase;
use policy::{CustomerId, Plan};
use serde::{Deserialize, Serialize};

use super::customers::CustomerReport;

/// What the planned customers of a phase weigh, as they stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhaseWeights {
    /// All of them together.
    pub planned: u64,
    /// Those on the release.
    pub updated: u64,
    /// Those for whom the release was tried and did not stay.
    pub failed: u64,
    /// Those that are not done yet.
    pub open: u64,
    /// What may fail, where the policy counts by weight.
    pub tolerated: Option<u64>,
    /// Its batches; of a phase that goes one by one only those that have begun.
    pub batches: Vec<BatchWeights>,
}

/// What the customers of a batch weigh, as they stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchWeights {
    /// From 1.
    pub batch: u32,
    /// How many they are.
    pub customers: u32,
    /// All of them together.
    pub planned: u64,
    /// Those on the release.
    pub updated: u64,
    /// Those for whom the release was tried and did not stay.
    pub failed: u64,
    /// Those that are not done yet.
    pub open: u64,
}

impl PhaseWeights {
    /// The weights of a phase and of its members; `None`: they say nothing that their number does not.
    pub(super) fn of(plan: &Plan, phase: &Phase, members: &[&CustomerReport]) -> Option<Self> {
        if !plan.weighs(phase) {
            return None;
        }
        let mut weights = Self {
            planned: 0,
            updated: 0,
            failed: 0,
            open: 0,
            tolerated: phase.tolerated_weight,
            batches: Vec::new(),
        };
        let mut batches: BTreeMap<u32, BatchWeights> = BTreeMap::new();
        let planned = members
            .iter()
            .filter(|one| plan.customers.contains_key(&one.customer));
        let numbers = numbers(phase);
        for one in planned {
            let weight = plan.weight_of(&one.customer);
            let (updated, failed) = (one.standing.is_updated(), one.standing.is_failed());
            let open = one.standing.is_open();
            weights.planned = weights.planned.saturating_add(weight);
            add(&mut weights.updated, weight, updated);
            add(&mut weights.failed, weight, failed);
            add(&mut weights.open, weight, open);
            let planned_in = numbers.get(&one.customer).copied();
            let Some(number) = one.batch.or(planned_in) else {
                continue;
            };
            let batch = batches
                .entry(number)
                .or_insert_with(|| BatchWeights::new(number));
            batch.customers += 1;
            batch.planned = batch.planned.saturating_add(weight);
            add(&mut batch.updated, weight, updated);
            add(&mut batch.failed, weight, failed);
            add(&mut batch.open, weight, open);
        }
        weights.batches = batches.into_values().collect();
        Some(weights)
    }
}

impl BatchWeights {
    fn new(batch: u32) -> Self {
        Self {
            batch,
            customers: 0,
            planned: 0,
            updated: 0,
            failed: 0,
            open: 0,
        }
    }
}

/// The batch that the plan has for each customer; none where batches are numbered as they start (R2).
fn numbers(phase: &Phase) -> BTreeMap<&CustomerId, u32> {
    if phase.policy.goes_one_by_one() {
        return BTreeMap::new();
    }
    let sizes = phase.sizes.iter().zip(1..);
    let numbers = sizes.flat_map(|(size, number)| std::iter::repeat_n(number, *size));
    phase.customers.iter().zip(numbers).collect()
}

fn add(sum: &mut u64, weight: u64, counts: bool) {
    if counts {
        *sum = sum.saturating_add(weight);
    }
}
