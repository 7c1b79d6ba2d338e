//! Whose windows has a rollout frozen in another zone than the files mean now, though nobody has edited them (R7)?

use std::collections::BTreeSet;

use policy::zones::{self, MovedWindow};
use policy::{Config, Timestamp};
use rollout::view::RolloutView;
use rollout::{Product, RolloutId};
use serde::{Deserialize, Serialize};

/// A window that moves with the next plan.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Moved {
    /// The rollout that has it frozen.
    pub rollout: RolloutId,
    /// Whether that goes on, and keeps to it until `replan`.
    pub goes_on: bool,
    /// What moves, from when to when.
    #[serde(flatten)]
    pub window: MovedWindow,
}

/// The windows that move, by the rollouts that go on; what the newest rollout has frozen counts as what was known last.
pub fn moved(config: &Config, product: &Product, at: Timestamp) -> Vec<Moved> {
    if config.unzoned.customers.is_empty() {
        return Vec::new();
    }
    let mut runs = product.overview();
    runs.retain(|run| matches!(run.id, RolloutId::Rollout(_)) && run.started_at.is_some());
    let newest = runs.iter().map(|run| run.id).max();
    // One that has halted rests, and keeps to what it has frozen.
    let goes_on = |run: &RolloutView| !run.has_ended();
    runs.retain(|run| goes_on(run) || Some(run.id) == newest);
    runs.sort_by_key(|run| (!goes_on(run), run.id));
    let mut said = BTreeSet::new();
    let mut moved = Vec::new();
    for run in &runs {
        let plan = product.plan(run.id).into_iter();
        for window in plan.flat_map(|plan| zones::moved(config, plan, at)) {
            let MovedWindow {
                customer,
                cron,
                duration,
                ..
            } = &window;
            if said.insert((customer.clone(), cron.clone(), *duration)) {
                moved.push(Moved {
                    rollout: run.id,
                    goes_on: goes_on(run),
                    window,
                });
            }
        }
    }
    moved
}
