//! Folds one fact into the state. There is no rule in here: a journal of an older release folds the same.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "each fold names the kinds it knows and passes over the others"
)]

use std::sync::Arc;

use policy::{CustomerId, Plan, Role, Timestamp};

use crate::event::{Event, Fact, Kind};
use crate::ids::{DeployId, GateId, RunId};
use crate::index::Run;
use crate::product::{RowKey, State};
use crate::request::FilesRead;
use crate::state::{
    AutoDeployState, Backup, Baseline, Block, Delay, DeployState, DrainTo, FilesRow, GateRequest,
    Granted, HeldFrom, HookState, ManualFreeze, Mark, Outcome, PhaseState, Queued, RunRow,
    RunState, RunningService, ServiceState, Sweep, Unit, UnitState, VariablesState, Vote,
};

impl State {
    /// Folds one event and notes the rows it touched.
    pub(crate) fn apply(&mut self, event: &Event) {
        self.product.seq = event.seq;
        self.product.hash.clone_from(&event.hash);
        self.product.at = event.at;
        self.touch(RowKey::product());
        let fact = &event.fact;
        match fact.rollout {
            None => self.apply_product(fact, event.at),
            Some(run) => self.apply_run(run, fact, event.at),
        }
    }

    fn apply_product(&mut self, fact: &Fact, at: Timestamp) {
        let name = || fact.read::<String>("name").unwrap_or_default();
        let product = &mut self.product;
        match fact.kind {
            Kind::EngineStarted => {
                product.clock_suspected = Some("the engine was started".to_owned());
            }
            Kind::ClockSuspected => {
                product.clock_suspected = Some(fact.reason.clone().unwrap_or_default());
            }
            Kind::ClockTrusted => product.clock_suspected = None,
            Kind::WorkspaceHeld => {
                product.workspace_held = Some(fact.reason.clone().unwrap_or_default());
            }
            Kind::WorkspaceReleased => product.workspace_held = None,
            Kind::Frozen => {
                if let (Some(until), Some(by)) = (fact.until, fact.actor.clone()) {
                    let reason = fact.reason.clone().unwrap_or_default();
                    let customers = fact.read("customers").unwrap_or_default();
                    product.freezes.insert(
                        name(),
                        ManualFreeze {
                            from: at,
                            until,
                            by,
                            reason,
                            customers,
                        },
                    );
                }
            }
            Kind::Unfrozen => {
                product.freezes.remove(&name());
            }
            Kind::Blocked => {
                if let Some(by) = fact.actor.clone() {
                    let reason = fact.reason.clone().unwrap_or_default();
                    product.blocks.insert(
                        fact.read("version").unwrap_or_default(),
                        Block {
                            by,
                            since: at,
                            reason,
                        },
                    );
                }
            }
            Kind::Unblocked => {
                product
                    .blocks
                    .remove(&fact.read::<String>("version").unwrap_or_default());
            }
            Kind::FilesRead => self.apply_files(fact),
            _ => {}
        }
    }

    fn apply_files(&mut self, fact: &Fact) {
        let Some(read) = fact.read::<FilesRead>("files") else {
            return;
        };
        self.touch(RowKey::files());
        let row = self.product.files.get_or_insert_with(FilesRow::default);
        row.unreadable.clone_from(&read.unreadable);
        if read.unreadable.is_none() {
            row.directory = read.directory;
            row.freezes = read.freezes;
            row.pins = read.pins;
            row.customers = read.customers;
            row.unapplied = read.unapplied;
        }
    }

    fn apply_run(&mut self, id: RunId, fact: &Fact, at: Timestamp) {
        match fact.kind {
            Kind::RolloutQueued => self.apply_queued(id, fact, at),
            Kind::RolloutStarted | Kind::OperationStarted => self.apply_started(id, fact, at),
            Kind::Replanned => self.apply_replanned(id, fact),
            _ => {}
        }
        self.apply_fleet(id, fact, at);
        let Some(run) = self.runs.get_mut(&id) else {
            return;
        };
        let mut touched = vec![RowKey::run(id)];
        run.apply(id, fact, at, &mut touched);
        for key in touched {
            self.touch(key);
        }
    }

    fn apply_queued(&mut self, id: RunId, fact: &Fact, at: Timestamp) {
        let (Some(input), Some(starter)) =
            (fact.read::<policy::PlanInput>("input"), fact.actor.clone())
        else {
            return;
        };
        self.count(id);
        self.apply_running(fact, at);
        let mut row = new_row(starter, at, fact);
        row.version.clone_from(&input.release.version);
        row.commit.clone_from(&input.release.commit);
        let conflict = fact.read("conflict").unwrap_or_default();
        row.queued = Some(Box::new(Queued { input, conflict }));
        self.runs.insert(id, Run::queued(row));
    }

    fn apply_started(&mut self, id: RunId, fact: &Fact, at: Timestamp) {
        let Some(plan) = fact.read::<Plan>("plan") else {
            return;
        };
        self.count(id);
        self.apply_running(fact, at);
        let starter = fact
            .actor
            .clone()
            .or_else(|| self.runs.get(&id).map(|run| run.row.starter.clone()));
        let Some(starter) = starter else { return };
        let mut row = match self.runs.remove(&id) {
            Some(queued) => queued.row,
            None => new_row(starter, at, fact),
        };
        row.started_at = Some(at);
        row.version.clone_from(&plan.release.version);
        row.commit.clone_from(&plan.release.commit);
        row.state = RunState::Running;
        row.queued = None;
        let mut run = Run::new(row, Arc::new(plan));
        if matches!(id, RunId::Operation(_)) {
            // An operation has one phase, which is under way at once.
            for phase in &mut run.phases {
                phase.state = PhaseState::Running;
                phase.started_at = Some(at);
            }
        }
        if let (Some(customer), Some(unit)) = (fact.customer.clone(), fact.read::<Unit>("unit")) {
            run.set_unit(&customer, |fresh| *fresh = unit);
            self.fleet.entry(customer.clone()).or_default().owner = Some(id);
            self.touch(RowKey::fleet(&customer));
            self.touch(RowKey::customer(id, &customer));
        }
        self.touch(RowKey::plan(id));
        for phase in &run.plan.phases {
            self.touched.insert(RowKey::phase(id, &phase.policy.name));
        }
        self.runs.insert(id, run);
    }

    fn apply_replanned(&mut self, id: RunId, fact: &Fact) {
        let Some(plan) = fact.read::<Plan>("plan") else {
            return;
        };
        let Some(run) = self.runs.get_mut(&id) else {
            return;
        };
        let mut rows = run.plan_rows(id);
        run.replan(Arc::new(plan));
        rows.extend(run.plan_rows(id));
        self.touched.extend(rows);
    }

    fn count(&mut self, id: RunId) {
        match id {
            RunId::Rollout(n) => self.product.rollouts = self.product.rollouts.max(n),
            RunId::Operation(n) => self.product.operations = self.product.operations.max(n),
        }
    }

    /// What Render said of the services when the rollout was asked for.
    fn apply_running(&mut self, fact: &Fact, at: Timestamp) {
        type Seen = std::collections::BTreeMap<
            CustomerId,
            std::collections::BTreeMap<Role, RunningService>,
        >;
        let Some(seen) = fact.read::<Seen>("running") else {
            return;
        };
        for (customer, services) in seen {
            let row = self.fleet.entry(customer.clone()).or_default();
            for (role, mut service) in services {
                let known = row.running.get(&role);
                if known.is_none_or(|known| known.deploy != service.deploy) {
                    service.since = at;
                    row.running.insert(role, service);
                }
            }
            self.touch(RowKey::fleet(&customer));
        }
    }

    /// Release tracking and ownership.
    fn apply_fleet(&mut self, id: RunId, fact: &Fact, at: Timestamp) {
        let Some(customer) = &fact.customer else {
            return;
        };
        match fact.kind {
            Kind::CustomerStarted | Kind::RollbackRequested | Kind::HealthFailed => {
                self.fleet.entry(customer.clone()).or_default().owner = Some(id);
            }
            Kind::DeployLive | Kind::RollbackLive => {
                let Some(role) = fact.service.clone() else {
                    return;
                };
                let service = RunningService {
                    deploy: fact.deploy.clone(),
                    version: fact.read("version"),
                    commit: fact.commit.clone(),
                    since: at,
                };
                self.fleet
                    .entry(customer.clone())
                    .or_default()
                    .running
                    .insert(role, service);
            }
            Kind::CustomerHealthy
            | Kind::CustomerUnchanged
            | Kind::CustomerRolledBack
            | Kind::CustomerRollbackFailed
            | Kind::CustomerSkipped
            | Kind::CustomerExcluded => {
                let Some(row) = self.fleet.get_mut(customer) else {
                    return;
                };
                if row.owner == Some(id) {
                    row.owner = None;
                }
            }
            _ => return,
        }
        self.touch(RowKey::fleet(customer));
    }
}

fn new_row(starter: policy::PersonId, at: Timestamp, fact: &Fact) -> RunRow {
    RunRow {
        starter,
        requested_at: at,
        started_at: None,
        version: String::new(),
        commit: String::new(),
        state: RunState::Queued,
        paused: None,
        sweep: None,
        overrides: std::collections::BTreeMap::new(),
        scope: fact.read("scope").unwrap_or_default(),
        clear_cache: fact.read("clear_cache").unwrap_or(false),
        deploy_timeout_ms: fact.read("deploy_timeout_ms"),
        queued: None,
    }
}

impl Run {
    fn apply(&mut self, id: RunId, fact: &Fact, at: Timestamp, touched: &mut Vec<RowKey>) {
        self.apply_rollout(fact, at);
        if let Some(phase) = fact.phase.as_ref().and_then(|name| self.phase_index(name)) {
            touched.push(RowKey::phase(id, &self.plan.phases[phase].policy.name));
            self.apply_phase(phase, fact, at);
            if let Some(batch) = fact.batch {
                touched.push(RowKey::batch(
                    id,
                    &self.plan.phases[phase].policy.name,
                    batch,
                ));
                self.apply_batch(phase, batch, fact, at);
            }
        }
        let gate = fact
            .read::<String>("gate")
            .and_then(|gate| self.find_gate(&gate));
        if let Some((gate, _)) = gate {
            touched.push(RowKey::gate(id, &gate));
            self.apply_gate(&gate, fact, at);
        }
        if let Some(customer) = fact.customer.clone() {
            touched.push(RowKey::customer(id, &customer));
            self.apply_customer(&customer, fact, at);
        }
    }

    fn apply_rollout(&mut self, fact: &Fact, at: Timestamp) {
        let row = &mut self.row;
        let mark = || Mark {
            by: fact.actor.clone(),
            at,
            reason: fact.reason.clone(),
        };
        let outcome = |otherwise| fact.read::<Outcome>("outcome").unwrap_or(otherwise);
        match fact.kind {
            Kind::Paused => row.paused = Some(mark()),
            Kind::Resumed => row.paused = None,
            Kind::FreezeOverridden => {
                if let (Some(name), Some(by)) = (fact.read::<String>("name"), fact.actor.clone()) {
                    row.overrides.entry(name).or_default().insert(by);
                }
            }
            Kind::RolloutDraining => {
                let to = fact.read("to").unwrap_or(DrainTo::Halted);
                row.state = RunState::Draining { to, since: at };
                row.sweep = fact.read::<Sweep>("sweep").or_else(|| row.sweep.take());
            }
            Kind::RolloutHalted => {
                row.state = RunState::Halted {
                    since: at,
                    reason: fact.reason.clone().unwrap_or_default(),
                };
                row.sweep = None;
            }
            Kind::RolloutResumed => {
                row.state = RunState::Running;
                row.sweep = None;
            }
            Kind::RolloutSucceeded => {
                row.state = RunState::Ended {
                    at,
                    outcome: outcome(Outcome::Succeeded),
                }
            }
            Kind::RolloutAborted => {
                row.state = RunState::Ended {
                    at,
                    outcome: outcome(Outcome::Aborted),
                }
            }
            Kind::RolloutSuperseded => {
                row.state = RunState::Ended {
                    at,
                    outcome: outcome(Outcome::Superseded),
                }
            }
            Kind::OperationEnded => {
                row.state = RunState::Ended {
                    at,
                    outcome: outcome(Outcome::Done),
                }
            }
            _ => {}
        }
    }

    fn apply_phase(&mut self, phase: usize, fact: &Fact, at: Timestamp) {
        let row = &mut self.phases[phase];
        match fact.kind {
            Kind::PhaseStarted => {
                row.state = PhaseState::Running;
                row.started_at = Some(at);
            }
            Kind::PhaseSettled => row.state = PhaseState::Settled { at },
            Kind::SoakStarted => {
                row.state = PhaseState::Soaking {
                    since: at,
                    until: fact.until.unwrap_or(at),
                };
            }
            Kind::DelayStarted => {
                let since = fact.read("since").unwrap_or(at);
                row.delay = Some(Delay {
                    since,
                    until: fact.until.unwrap_or(at),
                });
            }
            Kind::BatchStarted => {
                row.batches_begun = row.batches_begun.max(fact.batch.unwrap_or(0));
                row.delay = None;
            }
            Kind::BatchSettled => {
                row.batches_begun = row.batches_begun.max(fact.batch.unwrap_or(0));
            }
            Kind::PhaseOverdue => row.overdue = true,
            Kind::Promoted => {
                row.delay = None;
                if let PhaseState::Soaking { since, .. } = row.state {
                    row.state = PhaseState::Soaking { since, until: at };
                }
                row.promoted |= fact.read("full").unwrap_or(false);
            }
            _ => {}
        }
    }

    fn apply_batch(&mut self, phase: usize, batch: u32, fact: &Fact, at: Timestamp) {
        match fact.kind {
            Kind::BatchStarted => self.set_batch(phase, batch, |row| row.started_at = Some(at)),
            Kind::BatchSettled => self.set_batch(phase, batch, |row| row.settled_at = Some(at)),
            _ => {}
        }
    }

    fn apply_gate(&mut self, gate: &GateId, fact: &Fact, at: Timestamp) {
        let row = self.gates.entry(gate.clone()).or_default();
        match fact.kind {
            Kind::ApprovalRequested => {
                let expires_at = fact.until.unwrap_or(at);
                row.request = Some(GateRequest {
                    since: at,
                    expires_at,
                    escalated: false,
                });
                row.rejected = None;
                row.passed_at = None;
            }
            Kind::Approved => {
                if let Some(person) = fact.actor.clone() {
                    let digest = fact.read("digest").unwrap_or_default();
                    row.votes.push(Vote {
                        person,
                        at,
                        digest,
                        reason: fact.reason.clone(),
                    });
                }
                if let Some(until) = fact.until {
                    row.granted = Some(Granted { at, until });
                }
            }
            Kind::Withdrawn => {
                row.votes
                    .retain(|vote| Some(&vote.person) != fact.actor.as_ref());
                row.granted = None;
            }
            Kind::Rejected => {
                row.rejected = Some(Mark {
                    by: fact.actor.clone(),
                    at,
                    reason: fact.reason.clone(),
                });
                row.request = None;
                row.votes.clear();
                row.granted = None;
            }
            Kind::ApprovalLapsed => {
                row.request = None;
                row.votes.clear();
                row.granted = None;
            }
            Kind::ApprovalEscalated => {
                if let Some(request) = &mut row.request {
                    request.escalated = true;
                }
            }
            Kind::GatePassed => {
                row.passed_at = Some(at);
                row.request = None;
            }
            Kind::Retried => {
                row.rejected = None;
                row.passed_at = None;
            }
            _ => {}
        }
    }

    fn apply_customer(&mut self, customer: &CustomerId, fact: &Fact, at: Timestamp) {
        let Some(phase) = self.phase_of(customer) else {
            return;
        };
        let was_failed = self.unit(customer).failed;
        let plan = Arc::clone(&self.plan);
        self.set_unit(customer, |unit| {
            apply_unit(unit, fact, at);
            if let (Some(role), true) = (&fact.service, plan.customers.contains_key(customer)) {
                apply_service(unit.services.entry(role.clone()).or_default(), fact, at);
            }
        });
        let failed = self.unit(customer).failed;
        let failures = &mut self.phases[phase].failures;
        match (was_failed, failed) {
            (false, true) => *failures += 1,
            (true, false) => *failures = failures.saturating_sub(1),
            (true, true) | (false, false) => {}
        }
        self.reopen(customer, fact.kind);
    }

    /// A retried or held customer opens its batch and its phase anew (R13, R18).
    fn reopen(&mut self, customer: &CustomerId, kind: Kind) {
        if !matches!(
            kind,
            Kind::Retried | Kind::CustomerHeld | Kind::CustomerReleased
        ) {
            return;
        }
        let Some(phase) = self.phase_of(customer) else {
            return;
        };
        let row = &mut self.phases[phase];
        if row.state.is_through() {
            row.state = PhaseState::Running;
        }
        // A customer that was excluded before it started opens the batch it would have gone in.
        let Some(batch) = self.batch_of(customer) else {
            return;
        };
        if self
            .batches
            .get(&(phase, batch))
            .is_some_and(|row| row.settled_at.is_some())
        {
            self.set_batch(phase, batch, |row| row.settled_at = None);
            self.phases[phase].delay = None;
        }
    }
}

fn apply_unit(unit: &mut Unit, fact: &Fact, at: Timestamp) {
    if fact.read("failure").unwrap_or(false) {
        unit.failed = true;
        unit.failed_once = true;
        unit.reason.clone_from(&fact.reason);
        unit.state = UnitState::Backward;
        unit.since = Some(at);
    }
    let state = match fact.kind {
        Kind::CustomerStarted => {
            unit.batch = fact.batch;
            unit.started_at = Some(at);
            unit.healthy_at = None;
            apply_baselines(unit, fact);
            UnitState::Forward
        }
        Kind::CustomerHealthy => {
            unit.healthy_at = Some(at);
            UnitState::Healthy
        }
        Kind::RollbackRequested => {
            // Taken back because others failed, it is retried with them; by a person's word it is no failure (R11).
            unit.failed_once |= fact.actor.is_none();
            UnitState::Backward
        }
        Kind::CustomerUnchanged => UnitState::Unchanged,
        Kind::CustomerRolledBack => UnitState::RolledBack,
        Kind::CustomerRollbackFailed => UnitState::RollbackFailed,
        Kind::CustomerExcluded => UnitState::Excluded,
        Kind::CustomerSkipped => {
            unit.failed = false;
            UnitState::Skipped
        }
        Kind::CustomerWithdrawn => {
            unit.failed = false;
            UnitState::Withdrawing
        }
        Kind::CustomerHeld => UnitState::Held {
            from: fact.read("from").unwrap_or(match unit.state {
                UnitState::Forward => HeldFrom::Forward,
                UnitState::Healthy => HeldFrom::Healthy,
                UnitState::Backward => HeldFrom::Backward,
                _ => HeldFrom::Waiting,
            }),
        },
        Kind::CustomerReleased => {
            let state = release(unit);
            // On the way back it stays failed.
            unit.failed &= state == UnitState::Backward;
            state
        }
        Kind::Retried => {
            begin_anew(unit);
            UnitState::Waiting
        }
        Kind::HookStarted | Kind::HookFinished => {
            apply_hook(unit, fact);
            return;
        }
        _ => return,
    };
    unit.state = state;
    unit.since = Some(at);
    match fact.kind {
        Kind::CustomerHealthy | Kind::CustomerStarted | Kind::CustomerReleased | Kind::Retried => {
            unit.reason = None;
        }
        _ if fact.reason.is_some() => unit.reason.clone_from(&fact.reason),
        _ => {}
    }
}

fn apply_baselines(unit: &mut Unit, fact: &Fact) {
    let seen = fact
        .read::<std::collections::BTreeMap<Role, Baseline>>("services")
        .unwrap_or_default();
    for (role, baseline) in seen {
        unit.services
            .entry(role)
            .or_default()
            .baseline
            .get_or_insert(baseline);
    }
}

/// A held customer goes on with a new attempt at what was lost.
fn release(unit: &mut Unit) -> UnitState {
    let UnitState::Held { from } = unit.state else {
        return unit.state.clone();
    };
    for service in unit.services.values_mut() {
        if matches!(
            service.deploy,
            DeployState::Lost { .. } | DeployState::Ended
        ) {
            service.deploy = DeployState::None;
        }
        if matches!(
            service.rollback,
            DeployState::Lost { .. } | DeployState::Ended
        ) {
            service.rollback = DeployState::None;
        }
        if service.rollback == DeployState::None {
            service.target_gone = false;
        }
    }
    for hooks in [
        &mut unit.hooks.before,
        &mut unit.hooks.after,
        &mut unit.hooks.on_rollback,
    ] {
        hooks.begun = false;
    }
    match from {
        HeldFrom::Waiting => UnitState::Waiting,
        HeldFrom::Forward | HeldFrom::Healthy => UnitState::Forward,
        HeldFrom::Backward => UnitState::Backward,
    }
}

/// A retry begins with a new attempt; what is still ours at Render stays known.
fn begin_anew(unit: &mut Unit) {
    unit.failed = false;
    unit.failed_once = false;
    unit.healthy_at = None;
    unit.started_at = None;
    unit.hooks = crate::state::Hooks::default();
    for service in unit.services.values_mut() {
        let tidy = matches!(
            service.variables,
            VariablesState::Untouched | VariablesState::Restored
        );
        let returned = matches!(service.rollback, DeployState::Live { .. });
        let ours = service.deploy.went_live() && !returned;
        *service = ServiceState {
            attempt: service.attempt,
            rollback_attempt: service.rollback_attempt,
            auto_deploy: service.auto_deploy,
            baseline: service.baseline.take().filter(|_| ours || !tidy),
            backup: if tidy { None } else { service.backup.take() },
            variables: if tidy {
                VariablesState::Untouched
            } else {
                VariablesState::Intended
            },
            ..ServiceState::default()
        };
    }
}

fn apply_hook(unit: &mut Unit, fact: &Fact) {
    let hooks: &mut HookState = match fact.read::<String>("when").as_deref() {
        Some("before") => &mut unit.hooks.before,
        Some("after") => &mut unit.hooks.after,
        _ => &mut unit.hooks.on_rollback,
    };
    hooks.begun = fact.kind == Kind::HookStarted;
    if fact.kind == Kind::HookFinished {
        // One that failed is begun anew when a person says so.
        hooks.done += usize::from(fact.read("ok").unwrap_or(true));
    }
}

fn apply_service(service: &mut ServiceState, fact: &Fact, at: Timestamp) {
    apply_preparation(service, fact);
    apply_deploy(service, fact, at);
    apply_rollback(service, fact, at);
}

fn apply_preparation(service: &mut ServiceState, fact: &Fact) {
    match fact.kind {
        Kind::VariablesBackedUp => {
            service.backup = fact.read("backup").map(|id| Backup {
                id,
                keys: fact.read("keys").unwrap_or_default(),
            });
        }
        Kind::VariablesIntended => service.variables = VariablesState::Intended,
        Kind::VariablesSet => service.variables = VariablesState::Set,
        Kind::RestoreIntended => service.variables = VariablesState::RestoreIntended,
        Kind::VariablesRestored => service.variables = VariablesState::Restored,
        Kind::AutoDeployIntended => {
            service.auto_deploy = match fact.read("on").unwrap_or(false) {
                true => AutoDeployState::OnIntended,
                false => AutoDeployState::OffIntended,
            };
        }
        Kind::AutoDeployDisabled => service.auto_deploy = AutoDeployState::Off,
        Kind::AutoDeployRestored => service.auto_deploy = AutoDeployState::Restored,
        _ => {}
    }
}

fn apply_deploy(service: &mut ServiceState, fact: &Fact, at: Timestamp) {
    let id = fact.deploy.clone();
    match fact.kind {
        Kind::DeployIntended => {
            service.attempt = fact.attempt.unwrap_or(service.attempt);
            service.deploy = intended(fact, at);
            if let Some(live) = fact.read::<Baseline>("baseline") {
                service.baseline = Some(live);
            }
            service.rollback = DeployState::None;
            service.target_gone = false;
            service.returned = false;
        }
        Kind::DeployCreated | Kind::DeployAdopted => {
            if let Some(state) = running(fact, at) {
                service.deploy = state;
            }
        }
        Kind::DeployUnknown => service.deploy = unknown(&service.deploy, fact, at),
        Kind::DeployAbsent => service.deploy = DeployState::None,
        Kind::CancelIntended => {
            if let Some(deploy) = id {
                service.deploy = DeployState::CancelIntended { deploy };
            }
        }
        Kind::DeployLive => {
            if let Some(deploy) = id {
                service.deploy = match fact.read("replaced").unwrap_or(false) {
                    true => DeployState::Lost { deploy },
                    false => DeployState::Live { deploy, at },
                };
            }
        }
        Kind::HealthPassed => {
            if let DeployState::Live { deploy, at } = &service.deploy {
                service.deploy = DeployState::Passed {
                    deploy: deploy.clone(),
                    at: *at,
                };
            } else if matches!(service.rollback, DeployState::Live { .. }) {
                service.returned = true;
            }
            if fact.read("returned").unwrap_or(false) {
                service.returned = true;
            }
        }
        Kind::DeployFailed => service.deploy = DeployState::Ended,
        Kind::DeployCancelled => {
            service.deploy = match (fact.read("ours").unwrap_or(false), id) {
                (false, Some(deploy)) => DeployState::Lost { deploy },
                (true, _) | (false, None) => DeployState::Ended,
            };
        }
        Kind::CustomerHeld => {
            // Replaced while it was watched: the deploy we put there is no longer live.
            if let (DeployState::Passed { deploy, .. }, true) =
                (&service.deploy, fact.read("replaced").unwrap_or(false))
            {
                service.deploy = DeployState::Lost {
                    deploy: deploy.clone(),
                };
            }
        }
        _ => {}
    }
}

fn apply_rollback(service: &mut ServiceState, fact: &Fact, at: Timestamp) {
    match fact.kind {
        Kind::RollbackIntended => {
            service.rollback_attempt = fact.attempt.unwrap_or(service.rollback_attempt);
            service.rollback = intended(fact, at);
        }
        Kind::RollbackCreated | Kind::RollbackAdopted => {
            if let Some(state) = running(fact, at) {
                service.rollback = state;
            }
        }
        Kind::RollbackUnknown => service.rollback = unknown(&service.rollback, fact, at),
        Kind::RollbackAbsent => {
            service.rollback = DeployState::None;
            service.target_gone |= fact.read("gone").unwrap_or(false);
        }
        Kind::RollbackLive => {
            if let Some(deploy) = fact.deploy.clone() {
                service.rollback = DeployState::Live { deploy, at };
            }
        }
        Kind::RollbackFailed => service.rollback = DeployState::Ended,
        _ => {}
    }
}

fn intended(fact: &Fact, at: Timestamp) -> DeployState {
    DeployState::Intended {
        at,
        known: fact.read("known").unwrap_or_default(),
    }
}

fn running(fact: &Fact, at: Timestamp) -> Option<DeployState> {
    let deploy: DeployId = fact.deploy.clone()?;
    Some(DeployState::Running {
        deploy,
        deadline: fact.until.unwrap_or(at),
    })
}

fn unknown(before: &DeployState, fact: &Fact, at: Timestamp) -> DeployState {
    let (intended_at, known) = match before {
        DeployState::Intended { at, known } | DeployState::Unknown { at, known, .. } => {
            (*at, known.clone())
        }
        DeployState::None
        | DeployState::Running { .. }
        | DeployState::CancelIntended { .. }
        | DeployState::Live { .. }
        | DeployState::Passed { .. }
        | DeployState::Lost { .. }
        | DeployState::Ended => (at, Vec::new()),
    };
    DeployState::Unknown {
        at: intended_at,
        until: fact.until.unwrap_or(at),
        queued: fact.read("queued").unwrap_or(false),
        known,
    }
}
