//! Who has the faulty release, and goes first in a hotfix (R14): whoever runs what the hotfix replaces.

use std::collections::BTreeSet;

use policy::plan::{RunningVersions, bare};
use policy::{CustomerId, PlanInput, Release};
use serde::{Deserialize, Serialize};

use crate::fold::index::Rollout;
use crate::model::command::views::Observed;
use crate::model::ids::RolloutId;
use crate::model::offer::Offer;
use crate::model::request::Rejected;
use crate::model::verb::{Conflict, Start};
use crate::product::Product;

/// What a hotfix replaces, and who runs it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exposed {
    /// The versions that are replaced.
    pub replaces: Vec<String>,
    /// Who runs one of them.
    pub customers: Vec<CustomerId>,
}

impl Product {
    /// Who would go first, and why, if such a hotfix were started now; nobody in any other start.
    pub fn exposed(&self, input: &PlanInput, observed: &Observed) -> Exposed {
        if input.scope.hotfix.is_none() {
            return Exposed::default();
        }
        let running = self.running(observed);
        let customers = self.reached(input, Conflict::Hotfix, &running);
        let superseded = self.in_the_way(&customers, Conflict::Hotfix);
        let replaced = self.superseded_releases(&superseded);
        self.exposed_to(input, &replaced, &running)
    }

    /// The releases that such rollouts brought or were to replace themselves: whoever runs one of them waits for the new one.
    pub(crate) fn superseded_releases(
        &self,
        superseded: &[(RolloutId, CustomerId)],
    ) -> Vec<Release> {
        let mut releases: Vec<Release> = Vec::new();
        for (id, _) in superseded {
            let Some(rollout) = self.state.find(*id).filter(|_| self.is_superseded(*id)) else {
                continue;
            };
            let own = Release {
                version: rollout.row.version.clone(),
                commit: rollout.row.commit.clone(),
            };
            for release in std::iter::once(own).chain(rollout.row.replaces.iter().cloned()) {
                if !releases.contains(&release) {
                    releases.push(release);
                }
            }
        }
        releases
    }

    /// Who goes before all others when a rollout begins.
    pub(crate) fn first_in(
        &self,
        conflict: Conflict,
        input: &PlanInput,
        replaced: &[Release],
        running: &RunningVersions,
    ) -> Vec<CustomerId> {
        match conflict {
            Conflict::Hotfix => self.exposed_to(input, replaced, running).customers,
            Conflict::Refuse | Conflict::Queue | Conflict::Supersede => Vec::new(),
        }
    }

    /// Who runs what the person names; else one of these releases; else, if nobody does, the newest that a rollout delivered.
    pub(crate) fn exposed_to(
        &self,
        input: &PlanInput,
        replaced: &[Release],
        running: &RunningVersions,
    ) -> Exposed {
        let wanted = &input.release;
        if let Some(version) = &input.scope.replaces {
            let known = self.state.rollouts.values();
            let known = known.filter(|rollout| bare(&rollout.row.version) == bare(version));
            let releases: Vec<Release> = known.map(release).collect();
            return Exposed {
                replaces: vec![version.clone()],
                customers: who_runs(&releases, Some(version), running),
            };
        }
        let others = replaced.iter().filter(|one| one.commit != wanted.commit);
        let replaced: Vec<Release> = others.cloned().collect();
        let customers = who_runs(&replaced, None, running);
        if !customers.is_empty() {
            return exposed(&replaced, customers);
        }
        let rollouts = self.state.rollouts.iter().rev();
        let rollouts = rollouts.filter(|(id, _)| matches!(id, RolloutId::Rollout(_)));
        let releases = rollouts
            .map(|(_, rollout)| release(rollout))
            .filter(|one| one.commit != wanted.commit);
        let delivered = releases.map(|one| {
            let customers = who_runs(std::slice::from_ref(&one), None, running);
            (one, customers)
        });
        let newest = { delivered }.find(|(_, customers)| !customers.is_empty());
        newest.map_or_else(
            || exposed(&replaced, Vec::new()),
            |(one, customers)| exposed(&[one], customers),
        )
    }

    /// A version that a hotfix is to replace must be somebody's, or on its way.
    pub(crate) fn check_replaced(
        &self,
        start: &Start,
        running: &RunningVersions,
    ) -> Result<(), Rejected> {
        let Some(version) = &start.input.scope.replaces else {
            return Ok(());
        };
        if start.conflict != Conflict::Hotfix {
            let text = "only a hotfix replaces a version";
            return Err(Rejected::usage(text, "add --hotfix"));
        }
        let unfinished = self.state.open().map(|(_, rollout)| rollout);
        let under_way = { unfinished }.any(|rollout| bare(&rollout.row.version) == bare(version));
        let nobody = self
            .exposed_to(&start.input, &[], running)
            .customers
            .is_empty();
        if nobody && !under_way {
            let text = format!("nobody runs {version}, which the hotfix is to replace");
            return Err(Rejected::usage(text, Offer::Customers));
        }
        Ok(())
    }
}

fn exposed(replaced: &[Release], customers: Vec<CustomerId>) -> Exposed {
    let versions = replaced.iter().map(|release| release.version.clone());
    Exposed {
        replaces: versions.collect(),
        customers,
    }
}

fn release(rollout: &Rollout) -> Release {
    Release {
        version: rollout.row.version.clone(),
        commit: rollout.row.commit.clone(),
    }
}

/// Customers with a service that runs one of these, or the version that somebody has named.
fn who_runs(
    releases: &[Release],
    named: Option<&str>,
    running: &RunningVersions,
) -> Vec<CustomerId> {
    let commits: BTreeSet<&str> = releases
        .iter()
        .map(|release| release.commit.as_str())
        .filter(|commit| !commit.is_empty())
        .collect();
    let versions: BTreeSet<&str> = releases
        .iter()
        .map(|release| release.version.as_str())
        .chain(named)
        .map(bare)
        .collect();
    let is_one = |running: &policy::Running| {
        let commit = running.commit.as_deref();
        let version = running.version.as_deref().map(bare);
        commit.is_some_and(|commit| commits.contains(commit))
            || version.is_some_and(|version| versions.contains(version))
    };
    let customers = running.iter();
    let customers = customers.filter(|(_, services)| services.values().any(is_one));
    customers.map(|(customer, _)| customer.clone()).collect()
}
