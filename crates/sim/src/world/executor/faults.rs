//! What a scenario injects, as the executor and the platform feel it.

use std::collections::{BTreeMap, BTreeSet};

use policy::parse::scenario::{self as written, Answer, DeployEnd, FaultFrom, Inject};
use policy::{CustomerId, Role, ServiceId, Timestamp};

use crate::fault::{
    DeployFault, DeployKind, Fault, FaultKind, ForeignDeploy, HealthFault, Onset, Outage,
    OutageScope, Outcome, Symptom,
};
use crate::ids::CommitId;
use crate::platform::Trigger;
use crate::world::files::commit_of;

/// What is injected and what is left of it. A fault of a customer is shared by all its services.
#[derive(Debug, Default)]
pub(super) struct Faults {
    injected: Vec<Injected>,
    outages: Vec<Outage>,
    /// When something happens to a service that nobody asked for.
    stirs: BTreeMap<ServiceId, BTreeSet<Timestamp>>,
    /// The releases that can be sick; what ran before never is.
    commits: BTreeSet<String>,
}

/// One row of `inject:`, and how often it can still be felt.
#[derive(Debug)]
struct Injected {
    what: Inject,
    services: BTreeSet<ServiceId>,
    left: Option<u32>,
}

/// What is lost of a changing request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lost {
    /// All of it.
    Request,
    /// The answer.
    Answer,
    /// The body of the answer.
    Body,
}

/// What becomes of the answer to one changing request.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReplyFault {
    pub(super) lost: Lost,
    /// The process dies in the call and is back then.
    pub(super) crash_until: Option<Timestamp>,
}

impl Faults {
    pub(super) fn new(injects: &[Inject], versions: &[String]) -> Self {
        let injected = injects.iter().map(|what| Injected {
            what: what.clone(),
            services: BTreeSet::new(),
            left: times(what),
        });
        Self {
            injected: injected.collect(),
            outages: injects.iter().filter_map(outage).collect(),
            stirs: BTreeMap::new(),
            commits: versions.iter().map(|version| commit_of(version)).collect(),
        }
    }

    /// What the platform is to be told once.
    pub(super) fn outages(&self) -> impl Iterator<Item = Fault> {
        let outages = self.outages.iter().copied();
        outages.map(|outage| Fault::everywhere(FaultKind::Unreachable(outage)))
    }

    pub(super) fn unreachable_until(&self, now: Timestamp) -> Option<Timestamp> {
        let holding = self.outages.iter().filter(|outage| outage.from <= now);
        holding
            .filter_map(|outage| outage.until)
            .filter(|until| now < *until)
            .max()
    }

    /// What Render answers about this service instead of what it is asked for.
    pub(super) fn answer(
        &self,
        whose: &CustomerId,
        which: &Role,
        now: Timestamp,
    ) -> Option<Answer> {
        self.injected.iter().find_map(|injected| {
            let Inject::Answer {
                customer,
                service,
                answer,
                from,
                until,
            } = &injected.what
            else {
                return None;
            };
            let holds = *from <= now
                && now < *until
                && customer.as_ref().is_none_or(|customer| customer == whose)
                && service.as_ref().is_none_or(|service| service == which);
            holds.then_some(*answer)
        })
    }

    /// A service exists from now on: returns the faults that the platform is to be told of.
    pub(super) fn add_service(
        &mut self,
        customer: &CustomerId,
        role: &Role,
        id: &ServiceId,
    ) -> Vec<Fault> {
        let mut armed = Vec::new();
        let commits = &self.commits;
        for injected in &mut self.injected {
            if !concerns(&injected.what, customer, role) {
                continue;
            }
            injected.services.insert(id.clone());
            let stirs = self.stirs.entry(id.clone()).or_default();
            stirs.extend(instants(&injected.what));
            armed.extend(platform_faults(&injected.what, id, commits));
        }
        armed
    }

    /// The next instant after this at which a service, or the way to Render, may change by itself.
    pub(super) fn next_stir(&self, service: &ServiceId, after: Timestamp) -> Option<Timestamp> {
        let own = self.stirs.get(service).into_iter().flatten().copied();
        let outages = self
            .outages
            .iter()
            .flat_map(|outage| [Some(outage.from), outage.until]);
        own.chain(outages.flatten()).filter(|at| *at > after).min()
    }

    /// Uses up the fault that meets the answer to a changing request.
    pub(super) fn take_reply(&mut self, service: &ServiceId) -> Option<ReplyFault> {
        self.take(service, |what| match what {
            Inject::Reply {
                reply, crash_until, ..
            } => Some(ReplyFault {
                lost: match reply {
                    written::Reply::Lost => Lost::Answer,
                    written::Reply::NeverSent => Lost::Request,
                    written::Reply::AcceptedWithoutBody => Lost::Body,
                },
                crash_until: *crash_until,
            }),
            Inject::Deploy(_)
            | Inject::Rollback(_)
            | Inject::Health { .. }
            | Inject::ForeignDeploy { .. }
            | Inject::Suspended { .. }
            | Inject::Unreachable { .. }
            | Inject::Answer { .. } => None,
        })
    }

    /// Uses up the fault that decides how the next deploy or rollback ends.
    pub(super) fn take_deploy_fault(
        &mut self,
        service: &ServiceId,
        kind: DeployKind,
    ) -> Option<Fault> {
        let course = self.take(service, |what| match what {
            Inject::Deploy(fault) => (kind == DeployKind::Deploy).then(|| course(fault, kind)),
            Inject::Rollback(fault) => (kind == DeployKind::Rollback).then(|| course(fault, kind)),
            Inject::Health { .. }
            | Inject::Reply { .. }
            | Inject::ForeignDeploy { .. }
            | Inject::Suspended { .. }
            | Inject::Unreachable { .. }
            | Inject::Answer { .. } => None,
        })?;
        Some(Fault::of(service, FaultKind::Deploy(course)).times(1))
    }

    fn take<T>(&mut self, service: &ServiceId, pick: impl Fn(&Inject) -> Option<T>) -> Option<T> {
        let mut felt = self.injected.iter_mut();
        felt.find_map(|injected| {
            if injected.left == Some(0) || !injected.services.contains(service) {
                return None;
            }
            let picked = pick(&injected.what)?;
            injected.left = injected.left.map(|left| left - 1);
            Some(picked)
        })
    }
}

fn course(fault: &written::DeployFault, on: DeployKind) -> DeployFault {
    DeployFault {
        on,
        outcome: match fault.outcome {
            DeployEnd::BuildFailed => Outcome::BuildFailed,
            DeployEnd::PreDeployFailed => Outcome::PreDeployFailed,
            DeployEnd::UpdateFailed => Outcome::UpdateFailed,
            DeployEnd::Stuck => Outcome::Stuck,
            DeployEnd::Live => Outcome::Live,
        },
        after: fault.after,
        commit: None,
    }
}

fn times(what: &Inject) -> Option<u32> {
    match what {
        Inject::Deploy(fault) | Inject::Rollback(fault) => fault.times,
        Inject::Health { times, .. } | Inject::Reply { times, .. } => *times,
        Inject::ForeignDeploy { .. }
        | Inject::Suspended { .. }
        | Inject::Unreachable { .. }
        | Inject::Answer { .. } => None,
    }
}

fn outage(what: &Inject) -> Option<Outage> {
    let Inject::Unreachable { from, until } = what else {
        return None;
    };
    Some(Outage {
        from: *from,
        until: Some(*until),
        reach: OutageScope::Api,
    })
}

fn concerns(what: &Inject, customer: &CustomerId, role: &Role) -> bool {
    let (whose, which) = match what {
        Inject::Deploy(fault) | Inject::Rollback(fault) => {
            (&fault.customer, fault.service.as_ref())
        }
        Inject::Health {
            customer, service, ..
        }
        | Inject::Reply {
            customer, service, ..
        }
        | Inject::Suspended {
            customer, service, ..
        } => (customer, service.as_ref()),
        Inject::ForeignDeploy {
            customer, service, ..
        } => (customer, Some(service)),
        Inject::Unreachable { .. } | Inject::Answer { .. } => return false,
    };
    whose == customer && which.is_none_or(|which| which == role)
}

/// When it may change what a visitor or a client sees.
fn instants(what: &Inject) -> Vec<Timestamp> {
    match what {
        Inject::Health { from, until, .. } => {
            let from = match from {
                FaultFrom::At(at) => Some(*at),
                FaultFrom::Live => None,
            };
            from.into_iter().chain(*until).collect()
        }
        Inject::ForeignDeploy { at, .. } => vec![*at],
        Inject::Suspended { from, until, .. } => [*from].into_iter().chain(*until).collect(),
        Inject::Deploy(_)
        | Inject::Rollback(_)
        | Inject::Reply { .. }
        | Inject::Unreachable { .. }
        | Inject::Answer { .. } => Vec::new(),
    }
}

/// What the platform itself has to know of a fault.
fn platform_faults(what: &Inject, id: &ServiceId, commits: &BTreeSet<String>) -> Vec<Fault> {
    match what {
        Inject::Health {
            from, until, times, ..
        } => commits
            .iter()
            .map(|commit| Fault {
                service: Some(id.clone()),
                times: *times,
                kind: FaultKind::Health(HealthFault {
                    symptom: Symptom::Failing,
                    commit: Some(CommitId::new(commit)),
                    from: match from {
                        FaultFrom::Live => Onset::Live,
                        FaultFrom::At(at) => Onset::At(*at),
                    },
                    until: *until,
                }),
            })
            .collect(),
        Inject::ForeignDeploy {
            at,
            live_after,
            version,
            by_api,
            ..
        } => {
            let theirs = || format!("somebody else's at {at}");
            let version = version.clone().unwrap_or_else(theirs);
            let foreign = ForeignDeploy {
                at: *at,
                commit: CommitId::new(commit_of(&version)),
                trigger: if *by_api {
                    Trigger::Api
                } else {
                    Trigger::Manual
                },
                live_after: Some(*live_after),
            };
            vec![Fault::of(id, FaultKind::ForeignDeploy(foreign))]
        }
        Inject::Suspended { from, until, .. } => {
            let (from, until) = (*from, *until);
            vec![Fault::of(id, FaultKind::Suspended { from, until })]
        }
        Inject::Deploy(_)
        | Inject::Rollback(_)
        | Inject::Reply { .. }
        | Inject::Unreachable { .. }
        | Inject::Answer { .. } => Vec::new(),
    }
}
