//! The faults that are armed, and how they are used up.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    DeployFault, DeployKind, HealthFault, JobOutcome, Outage, OutageScope, Trouble, WebhookFault,
};
use crate::ids::{CommitId, ServiceId, Timestamp};
use crate::requests::Op;
use crate::terms::{Source, Trigger};

/// The faults that are armed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Faults {
    requests: Scoped<(Option<Op>, Trouble)>,
    deploys: Scoped<DeployFault>,
    health: Scoped<HealthFault>,
    outages: Scoped<Outage>,
    jobs: Scoped<JobOutcome>,
    /// Absent in states that older releases saved.
    #[serde(default)]
    webhooks: Scoped<WebhookFault>,
}

impl Faults {
    pub(crate) fn add_trouble(&mut self, fault: Felt, op: Option<Op>, trouble: Trouble) {
        self.requests.add(fault, (op, trouble));
    }

    pub(crate) fn add_deploy(&mut self, fault: Felt, course: DeployFault) {
        self.deploys.add(fault, course);
    }

    pub(crate) fn add_health(&mut self, fault: Felt, health: HealthFault) {
        self.health.add(fault, health);
    }

    pub(crate) fn add_outage(&mut self, fault: Felt, outage: Outage) {
        self.outages.add(fault, outage);
    }

    pub(crate) fn add_job(&mut self, fault: Felt, outcome: JobOutcome) {
        self.jobs.add(fault, outcome);
    }

    pub(crate) fn add_webhook(&mut self, fault: Felt, what: WebhookFault) {
        self.webhooks.add(fault, what);
    }

    /// What becomes of this message.
    pub(crate) fn take_webhook(&mut self, service: &ServiceId) -> Option<WebhookFault> {
        self.webhooks.take(Some(service), |_| true)
    }

    /// The trouble that this request meets.
    pub(crate) fn take_trouble(&mut self, op: Op, service: Option<&ServiceId>) -> Option<Trouble> {
        let meets =
            |(only, trouble): &(Option<Op>, Trouble)| only.map_or(trouble.fits(op), |o| o == op);
        self.requests.take(service, meets).map(|(_, t)| t)
    }

    /// The course that this deploy takes instead of the usual one.
    pub(crate) fn take_deploy_fault(
        &mut self,
        service: &ServiceId,
        on: DeployKind,
        source: &Source,
    ) -> Option<DeployFault> {
        self.deploys.take(Some(service), |fault| {
            fault.on == on && concerns(fault.commit.as_ref(), source)
        })
    }

    /// How this job ends instead of succeeding.
    pub(crate) fn take_job(&mut self, service: &ServiceId) -> Option<JobOutcome> {
        self.jobs.take(Some(service), |_| true)
    }

    /// The misbehaviours of a deploy that becomes live.
    pub(crate) fn take_health(
        &mut self,
        service: &ServiceId,
        trigger: Trigger,
        source: &Source,
    ) -> Vec<HealthFault> {
        self.health
            .take_all(service, |fault| fault.concerns(trigger, source))
    }

    /// The outage that keeps requests from arriving there; of several the one that lasts longest.
    pub(crate) fn outage(
        &self,
        service: Option<&ServiceId>,
        reach: OutageScope,
        at: Timestamp,
    ) -> Option<Outage> {
        self.outages
            .of(service)
            .filter(|outage| outage.covers(at) && outage.reaches(reach))
            .max_by_key(|outage| outage.until.unwrap_or(Timestamp::MAX_UTC))
            .copied()
    }

    /// The instants at which a service's site vanishes or comes back.
    pub(crate) fn site_outages(&self, service: &ServiceId) -> impl Iterator<Item = Timestamp> {
        self.outages
            .of(Some(service))
            .filter(|outage| outage.reaches(OutageScope::Sites))
            .flat_map(|outage| [Some(outage.from), outage.until])
            .flatten()
    }
}

fn concerns(commit: Option<&CommitId>, source: &Source) -> bool {
    commit.is_none_or(|commit| source.as_str() == commit.as_str())
}

/// By whom a fault is felt, and how often.
#[derive(Clone, Debug)]
pub(crate) struct Felt {
    pub(crate) service: Option<ServiceId>,
    pub(crate) times: Option<u32>,
}

/// Faults by the service that feels them, so that finding one does not depend on how many services there are.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Scoped<T> {
    everywhere: Vec<Armed<T>>,
    by_service: BTreeMap<ServiceId, Vec<Armed<T>>>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Armed<T> {
    what: T,
    left: Option<u32>,
}

impl<T> Default for Scoped<T> {
    fn default() -> Self {
        Self {
            everywhere: Vec::new(),
            by_service: BTreeMap::new(),
        }
    }
}

impl<T: Clone> Scoped<T> {
    fn add(&mut self, felt: Felt, what: T) {
        let armed = Armed {
            what,
            left: felt.times,
        };
        match felt.service {
            Some(service) => self.by_service.entry(service).or_default().push(armed),
            None => self.everywhere.push(armed),
        }
    }

    fn of(&self, service: Option<&ServiceId>) -> impl Iterator<Item = &T> {
        let own = service.and_then(|service| self.by_service.get(service));
        let own = own.into_iter().flatten();
        own.chain(&self.everywhere).map(|armed| &armed.what)
    }

    /// Uses the first that fits: the service's own before those of all.
    fn take(&mut self, service: Option<&ServiceId>, fits: impl Fn(&T) -> bool) -> Option<T> {
        let own = service.and_then(|service| self.by_service.get_mut(service));
        own.and_then(|own| take_from(own, &fits))
            .or_else(|| take_from(&mut self.everywhere, &fits))
    }

    /// Uses each that fits.
    fn take_all(&mut self, service: &ServiceId, fits: impl Fn(&T) -> bool) -> Vec<T> {
        let own = self.by_service.get_mut(service);
        own.into_iter()
            .chain([&mut self.everywhere])
            .flat_map(|list| take_all_from(list, &fits))
            .collect()
    }
}

fn take_from<T: Clone>(list: &mut Vec<Armed<T>>, fits: impl Fn(&T) -> bool) -> Option<T> {
    let place = list.iter().position(|armed| fits(&armed.what))?;
    let what = list[place].what.clone();
    if list[place].spend() {
        list.remove(place);
    }
    Some(what)
}

fn take_all_from<T: Clone>(list: &mut Vec<Armed<T>>, fits: impl Fn(&T) -> bool) -> Vec<T> {
    let mut taken = Vec::new();
    list.retain_mut(|armed| {
        if !fits(&armed.what) {
            return true;
        }
        taken.push(armed.what.clone());
        !armed.spend()
    });
    taken
}

impl<T> Armed<T> {
    /// Counts one use; says whether it was the last.
    fn spend(&mut self) -> bool {
        self.left = self.left.map(|left| left.saturating_sub(1));
        self.left == Some(0)
    }
}
