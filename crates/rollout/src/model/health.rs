//! The one fold from health cycles to a verdict (R20), used by the probing shell and by the simulator.

use policy::Timestamp;
use policy::health::Profile;
use serde::{Deserialize, Serialize};

/// What one cycle over all checks of the profile showed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cycle {
    /// When it began.
    pub at: Timestamp,
    /// What it showed.
    pub result: CycleResult,
}

/// What one cycle showed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CycleResult {
    /// Every check passed or abstained, and at least one passed.
    Passed,
    /// A check failed, and a control answered right after it.
    Failed {
        /// Which check, and what it saw.
        reason: String,
    },
    /// Nothing can be said: no control answered, or every check abstained.
    NoData {
        /// Why.
        reason: String,
    },
}

/// What the cycles say, with those that decided (P34).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// Which way.
    pub healthy: bool,
    /// The cycles in a row that decided.
    pub cycles: Vec<Cycle>,
}

/// Counts cycles in a row. It begins anew after a restart.
#[derive(Clone, Debug, Default)]
pub struct Fold {
    passed: Vec<Cycle>,
    failed: Vec<Cycle>,
}

impl Fold {
    /// A fold that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one cycle and says whether it decides. After a verdict the fold begins anew.
    pub fn add(&mut self, profile: &Profile, cycle: Cycle) -> Option<Verdict> {
        match &cycle.result {
            CycleResult::Passed => {
                self.failed.clear();
                self.passed.push(cycle);
                decide(&mut self.passed, profile.pass_after, true)
            }
            CycleResult::Failed { .. } => {
                self.passed.clear();
                self.failed.push(cycle);
                decide(&mut self.failed, profile.fail_after, false)
            }
            // No data breaks neither row: it is as if the cycle had not taken place.
            CycleResult::NoData { .. } => None,
        }
    }
}

fn decide(row: &mut Vec<Cycle>, needed: u32, healthy: bool) -> Option<Verdict> {
    let needed = usize::try_from(needed.max(1)).unwrap_or(usize::MAX);
    (row.len() >= needed).then(|| Verdict {
        healthy,
        cycles: std::mem::take(row),
    })
}
