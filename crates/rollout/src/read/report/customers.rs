//! What became of each customer, and since when.

use std::collections::BTreeMap;

use policy::plan::{LeftOut, LeftOutReason};
use policy::{CustomerId, PersonId, Plan, PolicyId, Role, Span, Timestamp};
use serde::{Deserialize, Serialize};

use super::deploys::{DeployDirection, DeployRecord};
use crate::model::event::{Event, Kind};
use crate::model::fact::{
    CustomerFact, CustomerStarted, DeployFact, Fact, HealthFact, Nullable, RollbackFact,
    RolloutFact, Seen, ServicePlace,
};

/// One customer of a rollout.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CustomerReport {
    /// Its key.
    pub customer: CustomerId,
    /// Its phase; absent: it joined after the start.
    pub phase: Option<PolicyId>,
    /// Its batch, once it is known.
    pub batch: Option<u32>,
    /// What it weighs, where weights say something in its phase.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<u64>,
    /// Where it stands in this rollout.
    pub standing: Standing,
    /// Since when.
    pub since: Option<Timestamp>,
    /// Who decided so, where a person did.
    pub actor: Option<PersonId>,
    /// Why.
    pub reason: Option<String>,
    /// What it waits for now; filled by [`Report::explain`](super::Report::explain).
    pub waits_for: Vec<String>,
    /// The version it ran before.
    pub before: Option<String>,
    /// What its services run at the end of the journal, also by later rollouts.
    pub running: BTreeMap<Role, ServiceVersion>,
    /// When its first attempt started.
    pub started_at: Option<Timestamp>,
    /// From start to verdict, all attempts together.
    pub worked: Span,
    /// Deploys asked for.
    pub deploys: u32,
    /// Rollbacks asked for.
    pub rollbacks: u32,
}

impl CustomerReport {
    /// The version of all its services; `None`: unknown, or they differ.
    pub fn version(&self) -> Option<&str> {
        let mut versions = self.running.values().map(|one| one.version.as_deref());
        let first = versions.next().flatten()?;
        versions.all(|one| one == Some(first)).then_some(first)
    }

    /// Since when all its services run what they run.
    pub fn version_since(&self) -> Option<Timestamp> {
        self.running.values().map(|one| one.since).max().flatten()
    }
}

/// What one service runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceVersion {
    /// The version, if its commit has one.
    pub version: Option<String>,
    /// Since when; absent: since before the journal.
    pub since: Option<Timestamp>,
}

/// Where a customer stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum Standing {
    /// Its turn has not come.
    Waiting,
    /// It is being deployed, checked or rolled back.
    UnderWay,
    /// On the release, and healthy.
    Updated,
    /// Failed before anything was live: the old version serves.
    Unchanged,
    /// Back on what ran before.
    RolledBack,
    /// The rollback failed.
    RollbackFailed,
    /// A person must decide.
    Held,
    /// Left out by a rejection.
    Rejected,
    /// Left out by a person, or at its turn.
    Skipped,
    /// Ran the release already.
    OnRelease,
    /// Kept on another version.
    Pinned {
        /// The version or pattern.
        version: String,
        /// Until when.
        until: Option<Timestamp>,
    },
    /// Left out by the policy, or by `--customers`.
    Excluded,
    /// Runs something newer.
    Newer {
        /// What it runs.
        version: String,
    },
    /// Came into the files after the start.
    JoinedLate,
    /// The rollout ended before its turn, or in the middle of it.
    NotReached,
}

impl Standing {
    /// Whether it counts as updated.
    pub fn is_updated(&self) -> bool {
        matches!(self, Self::Updated | Self::OnRelease)
    }

    /// Whether the release was tried and did not stay.
    pub fn is_failed(&self) -> bool {
        matches!(
            self,
            Self::Unchanged | Self::RolledBack | Self::RollbackFailed
        )
    }

    /// Whether more is to come by itself or by a person.
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Waiting | Self::UnderWay | Self::Held)
    }
}

/// What runs where, folded over the whole journal.
#[derive(Clone, Debug, Default)]
pub(super) struct Versions(BTreeMap<CustomerId, BTreeMap<Role, ServiceVersion>>);

impl Versions {
    /// The kinds of events that this fold reads; the others need not be passed.
    pub(super) const KINDS: &[Kind] = &[
        Kind::RolloutQueued,
        Kind::RolloutStarted,
        Kind::CustomerStarted,
        Kind::DeployLive,
        Kind::RollbackLive,
    ];

    pub(super) fn take(&mut self, event: &Event, fact: &Fact) {
        match fact {
            Fact::Rollout(RolloutFact::RolloutQueued(queued)) => self.find(&queued.running),
            Fact::Rollout(RolloutFact::RolloutStarted(started)) => {
                if let Some(running) = &started.running {
                    self.find(running);
                }
            }
            Fact::Customer(CustomerFact::CustomerStarted(started)) => {
                let services = started.services.iter();
                let found = services.map(|(role, one)| (role, &one.version));
                self.know(&started.place.customer, found);
            }
            Fact::Deploy(DeployFact::DeployLive(live)) => {
                let version = live.version.as_ref();
                let version = version.and_then(|Nullable(version)| version.clone());
                self.went_live(&live.place, version, event.at);
            }
            Fact::Rollback(RollbackFact::RollbackLive(live)) => {
                self.went_live(&live.place, live.version.clone(), event.at);
            }
            Fact::Rollout(_)
            | Fact::Phase(_)
            | Fact::Gate(_)
            | Fact::Customer(_)
            | Fact::Hook(_)
            | Fact::Variables(_)
            | Fact::Deploy(_)
            | Fact::Health(_)
            | Fact::Rollback(_)
            | Fact::Recovery(_)
            | Fact::Person(_)
            | Fact::Engine(_) => {}
        }
    }

    fn find(&mut self, running: &Seen) {
        for (customer, services) in running {
            let services = services.iter();
            let found = services.map(|(role, one)| (role, &one.version));
            self.know(customer, found);
        }
    }

    /// What was found to run; where it is known already, so is since when.
    fn know<'f>(
        &mut self,
        customer: &CustomerId,
        found: impl Iterator<Item = (&'f Role, &'f Option<String>)>,
    ) {
        let services = self.0.entry(customer.clone()).or_default();
        for (role, version) in found {
            let is_known = services
                .get(role)
                .is_some_and(|known| known.version == *version);
            if !is_known {
                let (version, since) = (version.clone(), None);
                services.insert(role.clone(), ServiceVersion { version, since });
            }
        }
    }

    fn went_live(&mut self, place: &ServicePlace, version: Option<String>, at: Timestamp) {
        let since = Some(at);
        let services = self.0.entry(place.customer.clone()).or_default();
        services.insert(place.service.clone(), ServiceVersion { version, since });
    }

    fn of(&self, customer: &CustomerId) -> BTreeMap<Role, ServiceVersion> {
        self.0.get(customer).cloned().unwrap_or_default()
    }
}

/// The fold of one rollout's events into its customers.
#[derive(Clone, Debug, Default)]
pub(super) struct Customers {
    lives: BTreeMap<CustomerId, Life>,
}

/// What the events said of one customer so far.
#[derive(Clone, Debug, Default)]
struct Life {
    last: Option<Last>,
    batch: Option<u32>,
    before: Option<String>,
    began_at: Option<Timestamp>,
    started_at: Option<Timestamp>,
    worked: Span,
}

/// The last event that said where it stands.
#[derive(Clone, Debug)]
struct Last {
    standing: Standing,
    since: Timestamp,
    actor: Option<PersonId>,
    reason: Option<String>,
}

impl Customers {
    pub(super) fn take(&mut self, event: &Event, fact: &Fact) {
        let (Some(customer), Some(standing)) = (&event.line.customer, standing(fact)) else {
            return;
        };
        let life = self.lives.entry(customer.clone()).or_default();
        life.work(&standing, event.at);
        life.batch = event.line.batch.or(life.batch);
        if let Fact::Customer(CustomerFact::CustomerStarted(started)) = fact {
            life.started_at.get_or_insert(event.at);
            life.before = life.before.take().or_else(|| version_before(started));
        }
        life.last = Some(Last {
            standing,
            since: event.at,
            actor: event.line.actor.clone(),
            reason: event.line.reason.clone(),
        });
    }

    /// Every customer of the plan in its order, then those left out.
    pub(super) fn reports(
        &self,
        plan: &Plan,
        versions: &Versions,
        deploys: &[&DeployRecord],
        at: Timestamp,
    ) -> Vec<CustomerReport> {
        let count = |customer: &CustomerId, way: DeployDirection| {
            let of = deploys
                .iter()
                .filter(|one| one.customer == *customer && one.way == way);
            u32::try_from(of.count()).unwrap_or(u32::MAX)
        };
        let planned = plan.phases.iter().flat_map(|phase| {
            let weighs = plan.weighs(phase);
            let customers = phase.customers.iter();
            customers.map(move |id| (id, &phase.policy.name, weighs))
        });
        let mut reports: Vec<CustomerReport> = planned
            .map(|(id, phase, weighs)| {
                let running = versions.of(id);
                let mut report = self.planned(id, phase, running, at);
                report.weight = weighs.then(|| plan.weight_of(id));
                report.deploys = count(id, DeployDirection::Forward);
                report.rollbacks = count(id, DeployDirection::Back);
                let known = plan
                    .customers
                    .get(id)
                    .and_then(|planned| planned.running.clone());
                report.before = report.before.or(known);
                report
            })
            .collect();
        let left_out = plan.left_out.iter();
        reports.extend(left_out.map(|(id, one)| left_out_report(id, one, versions.of(id))));
        reports
    }

    fn planned(
        &self,
        id: &CustomerId,
        phase: &PolicyId,
        running: BTreeMap<Role, ServiceVersion>,
        at: Timestamp,
    ) -> CustomerReport {
        let life = self.lives.get(id).cloned().unwrap_or_default();
        let mut report = CustomerReport {
            phase: Some(phase.clone()),
            batch: life.batch,
            before: life.before.clone(),
            started_at: life.started_at,
            worked: life.worked_at(at),
            ..blank(id, Standing::Waiting, running)
        };
        if let Some(last) = life.last {
            report.standing = last.standing;
            report.since = Some(last.since);
            report.actor = last.actor;
            report.reason = last.reason;
        }
        report
    }
}

impl Life {
    fn work(&mut self, standing: &Standing, at: Timestamp) {
        self.worked = self.worked_at(at);
        self.began_at = (*standing == Standing::UnderWay).then_some(at);
    }

    fn worked_at(&self, at: Timestamp) -> Span {
        let since = self
            .began_at
            .map_or(0, |from| (at - from).num_milliseconds());
        Span::from_millis(self.worked.as_millis() + since)
    }
}

/// A customer that came into the files after the start.
pub(super) fn joined_late(id: &CustomerId, versions: &Versions) -> CustomerReport {
    blank(id, Standing::JoinedLate, versions.of(id))
}

fn left_out_report(
    id: &CustomerId,
    left_out: &LeftOut,
    running: BTreeMap<Role, ServiceVersion>,
) -> CustomerReport {
    let standing = match &left_out.why {
        LeftOutReason::OnRelease => Standing::OnRelease,
        LeftOutReason::Pinned { version, until } => Standing::Pinned {
            version: version.clone(),
            until: *until,
        },
        LeftOutReason::Excluded => Standing::Excluded,
        LeftOutReason::Newer { version } => Standing::Newer {
            version: version.clone(),
        },
    };
    CustomerReport {
        phase: Some(left_out.phase.clone()),
        ..blank(id, standing, running)
    }
}

fn blank(
    id: &CustomerId,
    standing: Standing,
    running: BTreeMap<Role, ServiceVersion>,
) -> CustomerReport {
    CustomerReport {
        customer: id.clone(),
        phase: None,
        batch: None,
        weight: None,
        standing,
        since: None,
        actor: None,
        reason: None,
        waits_for: Vec::new(),
        before: None,
        running,
        started_at: None,
        worked: Span::ZERO,
        deploys: 0,
        rollbacks: 0,
    }
}

/// The standing that an event begins; `None`: it leaves it as it was.
fn standing(fact: &Fact) -> Option<Standing> {
    match fact {
        Fact::Customer(fact) => standing_by(fact),
        Fact::Health(HealthFact::HealthFailed(_)) => Some(Standing::UnderWay),
        Fact::Health(HealthFact::HealthPassed(_))
        | Fact::Rollout(_)
        | Fact::Phase(_)
        | Fact::Gate(_)
        | Fact::Hook(_)
        | Fact::Variables(_)
        | Fact::Deploy(_)
        | Fact::Rollback(_)
        | Fact::Recovery(_)
        | Fact::Person(_)
        | Fact::Engine(_) => None,
    }
}

fn standing_by(fact: &CustomerFact) -> Option<Standing> {
    Some(match fact {
        CustomerFact::Retried(_) => Standing::Waiting,
        CustomerFact::CustomerStarted(_)
        | CustomerFact::CustomerReleased(_)
        | CustomerFact::CustomerWithdrawn(_)
        | CustomerFact::RollbackRequested(_) => Standing::UnderWay,
        CustomerFact::CustomerHealthy(_) => Standing::Updated,
        CustomerFact::CustomerUnchanged(_) => Standing::Unchanged,
        CustomerFact::CustomerRolledBack(_) => Standing::RolledBack,
        CustomerFact::CustomerRollbackFailed(_) => Standing::RollbackFailed,
        CustomerFact::CustomerHeld(_) => Standing::Held,
        CustomerFact::CustomerExcluded(_) => Standing::Rejected,
        CustomerFact::CustomerSkipped(_) => Standing::Skipped,
        CustomerFact::CustomerWaits(_)
        | CustomerFact::CustomerStalled(_)
        | CustomerFact::CustomerDeferred(_)
        | CustomerFact::VariablesApplied(_) => return None,
    })
}

/// The version that the start found; services of different versions have none.
fn version_before(started: &CustomerStarted) -> Option<String> {
    let mut versions = started.services.values().map(|one| one.version.as_deref());
    let first = versions.next()??;
    versions
        .all(|one| one == Some(first))
        .then(|| first.to_owned())
}
