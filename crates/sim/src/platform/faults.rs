//! How faults are armed.

use super::agenda::Due;
use super::{Platform, Service};
use crate::fault::{Fault, FaultKind, Faults, Felt, HealthFault, Onset};
use crate::ids::{ServiceId, Timestamp};
use crate::requests::ApiError;

impl Platform {
    /// Arms a fault. What needs a service and names none, or one that does not exist, is refused.
    pub fn arm(&mut self, now: Timestamp, fault: Fault) -> Result<(), ApiError> {
        let now = self.advance(now);
        if let Some(service) = &fault.service {
            self.service(service)?;
        }
        let felt = Felt {
            service: fault.service.clone(),
            times: fault.times,
        };
        match fault.kind {
            FaultKind::Request { op, trouble } => self.faults.add_trouble(felt, op, trouble),
            FaultKind::Deploy(course) => self.faults.add_deploy(felt, course),
            FaultKind::Job(outcome) => self.faults.add_job(felt, outcome),
            FaultKind::Webhook(fault) => self.faults.add_webhook(felt, fault),
            FaultKind::Unreachable(outage) => self.faults.add_outage(felt, outage),
            FaultKind::Health(health) => self.arm_health(felt, health),
            FaultKind::ForeignDeploy(deploy) => {
                let service = named(fault.service)?;
                self.agenda.add(deploy.at, Due::Foreign { service, deploy });
            }
            FaultKind::Suspended { from, until } => {
                let service = named(fault.service)?;
                let suspend = Due::Suspend {
                    service: service.clone(),
                };
                self.agenda.add(from, suspend);
                if let Some(until) = until {
                    self.agenda.add(until, Due::Resume { service });
                }
            }
        }
        self.advance(now);
        Ok(())
    }

    /// Disarms all faults that are not yet felt. What is scheduled for an instant stays.
    pub fn disarm(&mut self) {
        self.faults = Faults::default();
    }

    /// A misbehaviour from an instant on also befalls what is live already.
    fn arm_health(&mut self, felt: Felt, health: HealthFault) {
        if let Onset::At(_) = health.from {
            match &felt.service {
                Some(id) => {
                    if let Some(service) = self.services.get_mut(id) {
                        befall(service, &health);
                    }
                }
                None => {
                    for service in self.services.values_mut() {
                        befall(service, &health);
                    }
                }
            }
        }
        self.faults.add_health(felt, health);
    }
}

fn named(service: Option<ServiceId>) -> Result<ServiceId, ApiError> {
    service.ok_or_else(|| ApiError::bad_request("this fault needs a service"))
}

fn befall(service: &mut Service, health: &HealthFault) {
    let Some(id) = service.live.clone() else {
        return;
    };
    if let Some(deploy) = service.deploy_mut(&id)
        && health.concerns(deploy.trigger, &deploy.source)
    {
        deploy.sick.push(health.clone().fall_ill(deploy.updated_at));
    }
}
