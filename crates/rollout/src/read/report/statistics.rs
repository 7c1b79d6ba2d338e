//! Deploys in numbers: how many succeeded, how long they took, how often they went back.

use std::collections::BTreeMap;

use policy::{PolicyId, Span, Timestamp};
use serde::{Deserialize, Serialize};

use super::deploys::{DeployDirection, DeployRecord};
use crate::model::fact::HealthFact;

/// Numbers over a time, per phase and in total.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Statistics {
    /// From when.
    pub since: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// Over everything.
    pub total: Figures,
    /// Per phase, in the order of their first deploy.
    pub phases: Vec<PhaseFigures>,
}

/// The numbers of one phase.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PhaseFigures {
    /// Which; absent: outside any phase.
    pub phase: Option<PolicyId>,
    /// Its numbers.
    #[serde(flatten)]
    pub figures: Figures,
}

/// The numbers of some deploys.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Deploys asked for, rollbacks apart.
    pub deploys: u32,
    /// Deploys that are healthy, of those that have a verdict.
    pub success: Rate,
    /// Mean time from the intent until live.
    pub mean: Option<Span>,
    /// The middle one.
    pub median: Option<Span>,
    /// 95 of 100 took no longer.
    pub p95: Option<Span>,
    /// Rollbacks asked for.
    pub rollbacks: u32,
    /// Rollbacks by deploys that went live.
    pub rollback_frequency: Rate,
    /// Health verdicts that passed, of all.
    pub health: Rate,
}

/// So many of so many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Rate {
    /// So many.
    pub count: u32,
    /// Of so many.
    pub of: u32,
    /// The same in percent, to one digit; absent where there is nothing to count.
    pub percent: Option<f64>,
}

impl Rate {
    /// So many of so many.
    pub fn new(count: u32, of: u32) -> Self {
        let percent = (of > 0).then(|| (f64::from(count) * 1000.0 / f64::from(of)).round() / 10.0);
        Self { count, of, percent }
    }
}

/// One health verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// When.
    pub at: Timestamp,
    /// In which phase.
    pub phase: Option<PolicyId>,
    /// Whether it passed.
    pub passed: bool,
}

impl Verdict {
    /// The verdict that a fact is.
    pub fn of(at: Timestamp, fact: &HealthFact) -> Self {
        Self {
            at,
            phase: Some(fact.place().phase.clone()),
            passed: matches!(fact, HealthFact::HealthPassed(_)),
        }
    }
}

impl Statistics {
    /// Counts deploys that were decided, and verdicts that were found, from `since` on and before `until`.
    pub fn new(
        deploys: &[DeployRecord],
        verdicts: &[Verdict],
        since: Timestamp,
        until: Timestamp,
    ) -> Self {
        let within = |at: Timestamp| since <= at && at < until;
        let deploys: Vec<&DeployRecord> = deploys
            .iter()
            .filter(|one| within(one.intended_at))
            .collect();
        let verdicts: Vec<&Verdict> = verdicts.iter().filter(|one| within(one.at)).collect();
        let mut order: Vec<Option<PolicyId>> = Vec::new();
        let mut phases: BTreeMap<&Option<PolicyId>, (Vec<&DeployRecord>, Vec<&Verdict>)> =
            BTreeMap::new();
        for deploy in &deploys {
            if !order.contains(&deploy.phase) {
                order.push(deploy.phase.clone());
            }
            phases.entry(&deploy.phase).or_default().0.push(deploy);
        }
        for verdict in &verdicts {
            phases.entry(&verdict.phase).or_default().1.push(verdict);
        }
        let phases = order.iter().filter_map(|phase| {
            let (deploys, verdicts) = phases.get(phase)?;
            Some(PhaseFigures {
                phase: phase.clone(),
                figures: Figures::of(deploys, verdicts),
            })
        });
        Self {
            since,
            until,
            phases: phases.collect(),
            total: Figures::of(&deploys, &verdicts),
        }
    }
}

impl Figures {
    /// The numbers of these deploys and verdicts.
    pub fn of(deploys: &[&DeployRecord], verdicts: &[&Verdict]) -> Self {
        let forward = || {
            deploys
                .iter()
                .filter(|one| one.way == DeployDirection::Forward)
        };
        let judged = || forward().filter_map(|one| one.outcome.success());
        let rollbacks = counted(
            deploys
                .iter()
                .filter(|one| one.way == DeployDirection::Back),
        );
        let mut took: Vec<Span> = forward().filter_map(|one| one.took()).collect();
        took.sort_unstable();
        Self {
            deploys: counted(forward()),
            success: Rate::new(
                counted(judged().filter(|success| *success)),
                counted(judged()),
            ),
            mean: mean(&took),
            median: quantile(&took, 50),
            p95: quantile(&took, 95),
            rollbacks,
            rollback_frequency: Rate::new(rollbacks, counted(took.iter())),
            health: Rate::new(
                counted(verdicts.iter().filter(|one| one.passed)),
                counted(verdicts.iter()),
            ),
        }
    }
}

/// The smallest value that `percent` of 100 values do not exceed.
pub(super) fn quantile(sorted: &[Span], percent: usize) -> Option<Span> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied()
}

fn mean(took: &[Span]) -> Option<Span> {
    let sum: i64 = took.iter().map(|one| one.as_millis()).sum();
    let count = i64::try_from(took.len()).ok().filter(|count| *count > 0)?;
    Some(Span::from_millis(sum / count))
}

fn counted(items: impl Iterator) -> u32 {
    u32::try_from(items.count()).unwrap_or(u32::MAX)
}
