//! How a deploy begins, moves forward and ends, and what that does to the others of its service.

use std::sync::Arc;

use super::agenda::Due;
use super::events::{EndReason, Ended, EventKind};
use super::model::{Deploy, Order, Service, Sickness};
use super::stages::StagePlan;
use super::{Platform, Triggered};
use crate::fault::{DeployFault, DeployKind, ForeignDeploy, HealthFault, Onset, Outcome};
use crate::ids::{DeployId, ServiceId, Timestamp};
use crate::settings::{Overlap, Skipped};
use crate::terms::{ServiceKind, Source, Status, Trigger};

impl Platform {
    /// Takes an order for a service that exists: begins it, or lets it wait behind the one that runs.
    pub(super) fn place(&mut self, now: Timestamp, service: &ServiceId, order: Order) -> Triggered {
        let running = self.services.get(service).and_then(|s| s.running.clone());
        let id = DeployId::new(self.ids.next("dep", now));
        self.enter(now, service, &id, order);
        match (running, self.settings.overlap) {
            (Some(_), Overlap::Wait) => {
                self.wait(now, service, &id);
                Triggered::Accepted(id)
            }
            (Some(running), Overlap::Override) => {
                self.cancel_running(now, service, &running, Some(&id));
                self.begin(now, service, &id);
                Triggered::Created(id)
            }
            (None, _) => {
                self.begin(now, service, &id);
                Triggered::Created(id)
            }
        }
    }

    /// Writes a new deploy into the list.
    fn enter(&mut self, now: Timestamp, service: &ServiceId, id: &DeployId, order: Order) {
        if let Source::Commit(commit) = &order.source {
            self.commits.entry(commit.clone()).or_insert(now);
        }
        let Some(service) = self.services.get_mut(service) else {
            return;
        };
        let deploy = Deploy::ordered(id.clone(), order, now);
        service.deploys.push(deploy);
    }

    /// Lets a deploy wait; the one that waited before it is skipped.
    fn wait(&mut self, now: Timestamp, service_id: &ServiceId, id: &DeployId) {
        let absent = self.settings.assumptions.skipped == Skipped::Absent;
        let Some(service) = self.services.get_mut(service_id) else {
            return;
        };
        let Some(skipped) = service.waiting.replace(id.clone()) else {
            return;
        };
        if let Some(deploy) = service.deploy_mut(&skipped) {
            deploy.hidden = absent;
        }
        self.end(now, service_id, &skipped, Status::Canceled, Some(id));
    }

    /// Begins a deploy: it takes the variables as they are now, and its course is decided.
    fn begin(&mut self, now: Timestamp, service_id: &ServiceId, id: &DeployId) {
        let Some(service) = self.services.get(service_id) else {
            return;
        };
        let Some(deploy) = service.deploy(id) else {
            return;
        };
        let variables = self.variables_for(service, &deploy.order);
        let first = service.deploys.len() == 1;
        let started = deploy.started(first);
        let mut course = self.usual_stages(service, deploy);
        let (trigger, source) = (deploy.trigger, deploy.source.clone());
        let digest = self.digest_now(&source);
        if let Some(fault) = self.take_deploy_fault(service_id, trigger, &source) {
            course.outcome = fault.outcome;
            course.total = fault.after.unwrap_or(course.total);
        }
        let mut stages = course.stages(now);
        stages.reverse();
        if let Some(service) = self.services.get_mut(service_id) {
            service.running = Some(id.clone());
            if let Some(deploy) = service.deploy_mut(id) {
                deploy.variables = variables;
                deploy.digest = digest;
                deploy.started_at = Some(now);
                deploy.stages = stages;
            }
        }
        self.tell(now, service_id, started);
        self.enter_stage(now, service_id, id);
    }

    /// What a deploy runs with: what is stored now, or what the deploy it returns to ran with.
    fn variables_for(&self, service: &Service, order: &Order) -> Arc<super::Variables> {
        let of = order.variables_of.as_ref();
        match of.and_then(|of| service.deploy(of)) {
            Some(deploy) => Arc::clone(&deploy.variables),
            None => self.effective_variables(service),
        }
    }

    fn usual_stages(&self, service: &Service, deploy: &Deploy) -> StagePlan {
        let rollback = deploy.trigger == Trigger::Rollback;
        let at_once = service.kind == ServiceKind::CronJob && service.image.is_some();
        let pace = self.settings.pace(&service.id, rollback);
        StagePlan {
            builds: deploy.order.builds,
            pre_deploy: service.pre_deploy.is_some() && !rollback,
            created_for: self.settings.created_for,
            total: if at_once {
                policy::Span::ZERO
            } else {
                deploy.order.pace.unwrap_or(pace)
            },
            outcome: Outcome::Live,
        }
    }

    /// Faults concern only what was asked for through the API.
    fn take_deploy_fault(
        &mut self,
        service: &ServiceId,
        trigger: Trigger,
        source: &Source,
    ) -> Option<DeployFault> {
        let kind = match trigger {
            Trigger::Api => DeployKind::Deploy,
            Trigger::Rollback => DeployKind::Rollback,
            Trigger::Manual
            | Trigger::DeployHook
            | Trigger::NewCommit
            | Trigger::ServiceUpdated
            | Trigger::ServiceResumed
            | Trigger::BlueprintSync
            | Trigger::DeployedByRender
            | Trigger::Other => return None,
        };
        self.faults.take_deploy_fault(service, kind, source)
    }

    /// Moves a running deploy to its next status.
    pub(super) fn enter_stage(&mut self, at: Timestamp, service_id: &ServiceId, id: &DeployId) {
        let Some(service) = self.services.get_mut(service_id) else {
            return;
        };
        let Some(deploy) = service.deploy_mut(id) else {
            return;
        };
        let Some(stage) = deploy.stages.pop() else {
            return;
        };
        deploy.slot = None;
        if stage.status == Status::Live {
            self.go_live(at, service_id, id);
        } else if stage.status.is_finished() {
            self.end(at, service_id, id, stage.status, None);
            self.begin_waiting(at, service_id);
        } else {
            let due = Due::Stage {
                service: service_id.clone(),
                deploy: id.clone(),
            };
            let next = deploy.stages.last();
            deploy.slot = next.map(|next| self.agenda.add(next.at, due));
            self.move_to(at, service_id, id, stage.status);
        }
    }

    /// Changes a status and tells which phases ended and began by that.
    fn move_to(&mut self, at: Timestamp, service: &ServiceId, id: &DeployId, status: Status) {
        let Some(deploy) = self
            .services
            .get_mut(service)
            .and_then(|service| service.deploy_mut(id))
        else {
            return;
        };
        let before = deploy.status;
        deploy.status = status;
        deploy.updated_at = at;
        let told = EventKind::of_move(id, before, status);
        for kind in told {
            self.tell(at, service, kind);
        }
    }

    fn go_live(&mut self, at: Timestamp, service_id: &ServiceId, id: &DeployId) {
        self.end(at, service_id, id, Status::Live, None);
        let Some(service) = self.services.get_mut(service_id) else {
            return;
        };
        if let Some(former) = service.live.replace(id.clone())
            && let Some(former) = service.deploy_mut(&former)
        {
            former.status = Status::Deactivated;
            former.updated_at = at;
            former.deactivated_at = Some(at);
        }
        if let Some(deploy) = service.deploy_mut(id) {
            let faults = self
                .faults
                .take_health(service_id, deploy.trigger, &deploy.source);
            deploy
                .sick
                .extend(faults.into_iter().map(|fault| fault.fall_ill(at)));
        }
        if let Some(kept) = self.settings.assumptions.kept_artefacts {
            purge(service, usize::try_from(kept).unwrap_or(usize::MAX));
        }
        self.begin_waiting(at, service_id);
    }

    /// Ends a deploy: with success, by a failure, or because `newer` pushed it out.
    fn end(
        &mut self,
        at: Timestamp,
        service_id: &ServiceId,
        id: &DeployId,
        status: Status,
        newer: Option<&DeployId>,
    ) {
        self.move_to(at, service_id, id, status);
        let Some(service) = self.services.get_mut(service_id) else {
            return;
        };
        if service.running.as_ref() == Some(id) {
            service.running = None;
        }
        let Some(deploy) = service.deploy_mut(id) else {
            return;
        };
        deploy.finished_at = Some(at);
        deploy.stages.clear();
        if let Some(slot) = deploy.slot.take() {
            self.agenda.remove(slot);
        }
        let ended = EventKind::DeployEnded {
            deploy: id.clone(),
            ended: Ended::of(status),
            reason: EndReason::of(status, newer),
        };
        self.tell(at, service_id, ended);
    }

    fn begin_waiting(&mut self, at: Timestamp, service_id: &ServiceId) {
        let service = self.services.get_mut(service_id);
        if let Some(next) = service.and_then(|service| service.waiting.take()) {
            self.begin(at, service_id, &next);
        }
    }

    /// Cancels the deploy that runs; what waits is not begun.
    pub(super) fn cancel_running(
        &mut self,
        now: Timestamp,
        service: &ServiceId,
        id: &DeployId,
        newer: Option<&DeployId>,
    ) {
        self.end(now, service, id, Status::Canceled, newer);
    }

    /// Cancels an unfinished deploy; if it ran, the waiting one begins at once.
    pub(super) fn cancel_one(&mut self, now: Timestamp, service_id: &ServiceId, id: &DeployId) {
        let Some(service) = self.services.get_mut(service_id) else {
            return;
        };
        let waited = service.waiting.as_ref() == Some(id);
        if waited {
            service.waiting = None;
        }
        self.end(now, service_id, id, Status::Canceled, None);
        if !waited {
            self.begin_waiting(now, service_id);
        }
    }

    /// Cancels all unfinished deploys of a service.
    pub(super) fn cancel_all(&mut self, now: Timestamp, service_id: &ServiceId) {
        let Some(service) = self.services.get_mut(service_id) else {
            return;
        };
        let unfinished = [service.waiting.take(), service.running.clone()];
        for id in unfinished.into_iter().flatten() {
            self.end(now, service_id, &id, Status::Canceled, None);
        }
    }

    /// Somebody else deploys.
    pub(super) fn deploy_by_another(
        &mut self,
        at: Timestamp,
        service: &ServiceId,
        foreign: &ForeignDeploy,
    ) {
        let source = Source::Commit(foreign.commit.clone());
        let Some(service) = self.services.get_mut(service) else {
            return;
        };
        if service.is_suspended() {
            return;
        }
        service.head = source.clone();
        let id = service.id.clone();
        let order = Order {
            trigger: foreign.trigger,
            source,
            target: None,
            builds: true,
            clear_cache: false,
            variables_of: None,
            pace: foreign.live_after,
        };
        self.place(at, &id, order);
    }
}

impl Deploy {
    /// A deploy that was asked for and has not begun.
    pub(super) fn ordered(id: DeployId, order: Order, now: Timestamp) -> Self {
        Self {
            id,
            status: Status::Queued,
            trigger: order.trigger,
            source: order.source.clone(),
            target: order.target.clone(),
            created_at: now,
            started_at: None,
            updated_at: now,
            finished_at: None,
            deactivated_at: None,
            variables: Arc::default(),
            digest: None,
            purged: false,
            order,
            stages: Vec::new(),
            slot: None,
            listed_from: now,
            hidden: false,
            sick: Vec::new(),
        }
    }
}

impl HealthFault {
    /// The misbehaviour of a deploy that became live at an instant.
    pub(super) fn fall_ill(self, live_at: Timestamp) -> Sickness {
        Sickness {
            symptom: self.symptom,
            from: match self.from {
                Onset::Live => live_at,
                Onset::At(at) => at,
            },
            until: self.until,
        }
    }
}

/// Throws away the artefacts of all but the newest deploys that were live.
fn purge(service: &mut Service, kept: usize) {
    let former = service.deploys.iter_mut().rev();
    let former = former.filter(|deploy| deploy.status == Status::Deactivated);
    for deploy in former.skip(kept) {
        deploy.purged = true;
    }
}
