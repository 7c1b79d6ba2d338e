//! Deploys and rollbacks: asked for, followed, listed, cancelled.

use policy::{ServiceId, Timestamp};
use rollout::{DeployId, Outcome};

use super::faults::Lost;
use super::view::deploy_view;
use super::{Progress, SimExecutor};
use crate::fault::DeployKind;
use crate::ids::CommitId;
use crate::network_faults::{Delivery, Reply};
use crate::platform::{ClearCache, Deploy, DeployFilter, TriggerBody};
use crate::requests::ApiError;

impl SimExecutor {
    pub(super) fn create_deploy(
        &mut self,
        service: &ServiceId,
        commit: &str,
        clear_cache: bool,
    ) -> Result<Outcome, Progress> {
        let body = TriggerBody {
            clear_cache: clear_cache.then_some(ClearCache::Clear),
            ..TriggerBody::commit(&CommitId::new(commit))
        };
        self.create(service, DeployKind::Deploy, |executor| {
            executor
                .platform
                .client(executor.now)
                .trigger_deploy(service, &body)
        })
    }

    pub(super) fn create_rollback(
        &mut self,
        service: &ServiceId,
        target: &DeployId,
    ) -> Result<Outcome, Progress> {
        let target = dep(target);
        self.create(service, DeployKind::Rollback, |executor| {
            executor
                .platform
                .client(executor.now)
                .rollback(service, &target)
        })
    }

    /// Sends a request that must not be sent twice, with whatever is injected for it.
    fn create(
        &mut self,
        service: &ServiceId,
        kind: DeployKind,
        send: impl FnOnce(&mut Self) -> Reply<Option<Deploy>>,
    ) -> Result<Outcome, Progress> {
        if self.unreachable_until(self.now).is_some() {
            return Ok(self.not_sent());
        }
        let fault = self.faults.take_reply(service);
        if fault
            .as_ref()
            .is_some_and(|fault| fault.lost == Lost::Request)
        {
            return self.unless_dead(
                fault.and_then(|fault| fault.crash_until),
                unknown("no answer"),
            );
        }
        if let Some(course) = self.faults.take_deploy_fault(service, kind) {
            let armed = self.platform.arm(self.now, course);
            armed.expect("the service was found when the fault was read");
        }
        let reply = send(self);
        let outcome = match fault.as_ref().map(|fault| fault.lost) {
            None => self.created(reply),
            Some(Lost::Request | Lost::Answer) => unknown("no answer"),
            Some(Lost::Body) => Outcome::Accepted,
        };
        self.unless_dead(fault.and_then(|fault| fault.crash_until), outcome)
    }

    fn unless_dead(
        &mut self,
        until: Option<Timestamp>,
        outcome: Outcome,
    ) -> Result<Outcome, Progress> {
        self.death = until;
        until.map_or(Ok(outcome), |_| Err(Progress::Dead))
    }

    pub(super) fn not_sent(&mut self) -> Outcome {
        self.outage_met = true;
        Outcome::NotSent {
            reason: "Render cannot be reached".to_owned(),
        }
    }

    fn created(&mut self, reply: Reply<Option<Deploy>>) -> Outcome {
        match reply {
            Delivery::Delivered(Ok(Some(deploy))) => Outcome::Created {
                deploy: deploy_view(&deploy),
            },
            Delivery::Delivered(Ok(None)) => Outcome::Accepted,
            Delivery::Delivered(Err(error)) => refusal(&error),
            Delivery::Lost | Delivery::NeverSent => unknown("no answer"),
            Delivery::Unreachable { .. } => self.not_sent(),
        }
    }

    pub(super) fn cancel(&mut self, service: &ServiceId, deploy: &DeployId) -> Outcome {
        let deploy = dep(deploy);
        match self.platform.client(self.now).cancel(service, &deploy) {
            Delivery::Delivered(Ok(_)) => Outcome::CancelSent,
            Delivery::Delivered(Err(error)) => refusal(&error),
            Delivery::Lost | Delivery::NeverSent => unknown("no answer"),
            Delivery::Unreachable { .. } => self.not_sent(),
        }
    }

    pub(super) fn set_auto_deploy(&mut self, service: &ServiceId, on: bool) -> Outcome {
        match self.platform.client(self.now).set_auto_deploy(service, on) {
            Delivery::Delivered(Ok(_)) => Outcome::AutoDeploySet,
            Delivery::Delivered(Err(error)) => refusal(&error),
            Delivery::Lost | Delivery::NeverSent => unknown("no answer"),
            Delivery::Unreachable { .. } => self.not_sent(),
        }
    }

    /// Waits until a deploy is over, and no longer than until the limit.
    pub(super) fn follow(
        &mut self,
        service: &ServiceId,
        deploy: &DeployId,
        until: Option<Timestamp>,
    ) -> Result<Outcome, Progress> {
        let id = dep(deploy);
        let reply = self.platform.client(self.now).get_deploy(service, &id);
        let deploy = deploy_view(&self.learn(reply)?);
        if deploy.status.is_over() {
            return Ok(Outcome::Ended { deploy });
        }
        if until.is_some_and(|until| until <= self.now) {
            return Ok(Outcome::Unfinished { deploy });
        }
        Err(Progress::LookOnChange { until })
    }

    /// The newest deploys, back to one that is known.
    pub(super) fn list(
        &mut self,
        service: &ServiceId,
        known: &[DeployId],
    ) -> Result<Outcome, Progress> {
        let reply = self
            .platform
            .client(self.now)
            .list_deploys(service, &DeployFilter::default());
        let mut deploys = Vec::new();
        for deploy in self.learn(reply)? {
            let view = deploy_view(&deploy);
            let is_known = known.contains(&view.id);
            deploys.push(view);
            if is_known {
                break;
            }
        }
        Ok(Outcome::Listed { deploys })
    }
}

/// The same id, as the platform calls it.
fn dep(id: &DeployId) -> crate::ids::DeployId {
    crate::ids::DeployId::new(&id.0)
}

pub(super) fn unknown(reason: &str) -> Outcome {
    Outcome::Unknown {
        reason: reason.to_owned(),
    }
}

/// A refusal that leaves no doubt, or one that does (P9).
pub(super) fn refusal(error: &ApiError) -> Outcome {
    match error.status {
        409 | 500.. => unknown(&error.to_string()),
        429 => Outcome::NotSent {
            reason: error.to_string(),
        },
        401..=403 => Outcome::Trouble {
            reason: error.to_string(),
        },
        status => Outcome::Refused {
            status,
            message: error.message.clone(),
        },
    }
}
