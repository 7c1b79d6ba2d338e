//! Folds facts about one customer: where it stands, its hooks, what a release or a retry keeps.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "each fold names the kinds it knows and passes over the others"
)]

use std::collections::BTreeMap;
use std::sync::Arc;

use policy::{CustomerId, Role, Timestamp};

use super::folded::Folded;
use super::service::apply_service;
use crate::fold::index::Rollout;
use crate::model::event::Kind;
use crate::model::recovery::{Recovery, RecoveryState};
use crate::model::state::{
    Baseline, CustomerState, CustomerStatus, DeployState, Failure, HeldFrom, HookList, Hooks,
    PhaseState, ServiceState, Unanswered, VariablesState,
};

impl Rollout {
    pub(super) fn apply_customer(
        &mut self,
        customer: &CustomerId,
        fact: &Folded<'_>,
        at: Timestamp,
    ) {
        let Some(phase) = self.phase_of(customer) else {
            return;
        };
        let counted = |run: &Self| run.customer(customer).failure == Failure::Counts;
        let was_counted = counted(self);
        let plan = Arc::clone(&self.plan);
        self.set_customer(customer, |unit| {
            if fact.kind == Kind::RollbackRequested {
                apply_data_wanted(unit, fact);
            }
            apply_unit(unit, fact, at);
            if let (Some(role), true) = (&fact.service, plan.customers.contains_key(customer)) {
                apply_service(unit.services.entry(role.clone()).or_default(), fact, at);
            }
        });
        let is_counted = counted(self);
        let failures = &mut self.phases[phase].failures;
        match (was_counted, is_counted) {
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

/// What Render gives no usable answer to stands until the next fact about the customer.
fn unanswered(fact: &Folded<'_>, at: Timestamp) -> Option<Unanswered> {
    let waits = matches!(fact.kind, Kind::CustomerWaits | Kind::CustomerStalled);
    waits.then(|| Unanswered {
        reason: fact.reason.clone().unwrap_or_default(),
        since: fact.read("since").unwrap_or(at),
        again_at: fact.until.unwrap_or(at),
    })
}

fn apply_unit(unit: &mut CustomerState, fact: &Folded<'_>, at: Timestamp) {
    unit.unanswered = unanswered(fact, at);
    if fact.read("failure").unwrap_or(false) {
        unit.failure = Failure::Counts;
        unit.reason.clone_from(&fact.reason);
        unit.enter(CustomerStatus::Backward);
        unit.since = Some(at);
    }
    let state = match fact.kind {
        Kind::CustomerStarted => {
            unit.batch = fact.batch;
            unit.started_at = Some(at);
            unit.first_started_at.get_or_insert(at);
            unit.forget_reached();
            unit.forced = false;
            apply_baselines(unit, fact);
            CustomerStatus::Forward
        }
        Kind::CustomerHealthy => CustomerStatus::Healthy(at),
        Kind::RollbackRequested => {
            // Taken back because others failed, it is retried with them; by a person's word it is no failure (R11).
            if fact.actor.is_none() && unit.failure == Failure::None {
                unit.failure = Failure::Past;
            }
            if fact.read("force").unwrap_or(false) {
                unit.force();
            }
            CustomerStatus::Backward
        }
        Kind::VariablesApplied => CustomerStatus::Applied,
        Kind::CustomerUnchanged => CustomerStatus::Unchanged,
        Kind::CustomerRolledBack => CustomerStatus::RolledBack,
        Kind::CustomerRollbackFailed => CustomerStatus::RollbackFailed,
        Kind::CustomerExcluded => CustomerStatus::Excluded,
        Kind::CustomerSkipped => {
            unit.failure.pass();
            CustomerStatus::Skipped
        }
        Kind::CustomerWithdrawn => {
            unit.failure.pass();
            CustomerStatus::Withdrawing
        }
        Kind::CustomerHeld => hold(unit, fact),
        Kind::CustomerReleased => {
            let state = release(unit);
            // On the way back it stays failed.
            if state != CustomerStatus::Backward {
                unit.failure.pass();
            }
            state
        }
        Kind::Retried => {
            begin_anew(unit);
            CustomerStatus::Waiting
        }
        Kind::HookStarted | Kind::HookFinished => {
            apply_hook(unit, fact);
            return;
        }
        Kind::RecoveryIntended
        | Kind::RecoveryUnknown
        | Kind::RecoveryCreated
        | Kind::RecoveryAbsent
        | Kind::RecoveryLive
        | Kind::RecoveryFailed
        | Kind::DatabaseSwitched => {
            apply_recovery(unit, fact, at);
            return;
        }
        Kind::RollbackFailed => {
            unit.reason.clone_from(&fact.reason);
            return;
        }
        _ => return,
    };
    unit.enter(state);
    unit.since = Some(at);
    match fact.kind {
        Kind::CustomerHealthy | Kind::CustomerStarted | Kind::CustomerReleased | Kind::Retried => {
            unit.reason = None;
        }
        _ if fact.reason.is_some() => unit.reason.clone_from(&fact.reason),
        _ => {}
    }
}

/// A person must decide about it, and perhaps about deploys that this journal did not ask for.
fn hold(unit: &mut CustomerState, fact: &Folded<'_>) -> CustomerStatus {
    unit.unknown = fact.read("unknown").unwrap_or_default();
    CustomerStatus::Held {
        from: fact.read("from").unwrap_or(match unit.state {
            CustomerStatus::Forward => HeldFrom::Forward,
            CustomerStatus::Healthy(_) => HeldFrom::Healthy,
            CustomerStatus::Backward => HeldFrom::Backward,
            _ => HeldFrom::Waiting,
        }),
    }
}

/// With its data, or without: then a recovery that has changed nothing yet is over.
fn apply_data_wanted(unit: &mut CustomerState, fact: &Folded<'_>) {
    if let Some(to) = fact.read("to") {
        // Only an operation goes forward to a version, and that is over when its data is wanted.
        unit.take_back_with(Recovery::wanted(fact.read("database"), to), None);
        return;
    }
    let redirected = unit.is_redirected();
    unit.recovery = (unit.recovery.take())
        .filter(|recovery| recovery.is_done() || recovery.is_open() || redirected);
}

fn apply_recovery(unit: &mut CustomerState, fact: &Folded<'_>, at: Timestamp) {
    let Some(recovery) = &mut unit.recovery else {
        return;
    };
    recovery.attempt = fact.attempt.unwrap_or(recovery.attempt);
    recovery.state = match (fact.kind, &recovery.state) {
        (Kind::RecoveryIntended, _) => {
            recovery.name = fact.read("name").unwrap_or_default();
            RecoveryState::Intended
        }
        (Kind::RecoveryUnknown, _) => RecoveryState::Unknown {
            until: fact.until.unwrap_or(at),
        },
        (Kind::RecoveryCreated, _) => match fact.need("database") {
            Some(database) => RecoveryState::Created { database },
            None => return,
        },
        (Kind::RecoveryAbsent, _) => RecoveryState::Wanted,
        (Kind::RecoveryLive, RecoveryState::Created { database }) => RecoveryState::Live {
            database: database.clone(),
        },
        (Kind::RecoveryLive, RecoveryState::Wanted) => RecoveryState::Recovered,
        (Kind::DatabaseSwitched, RecoveryState::Live { database }) => RecoveryState::Switched {
            database: database.clone(),
        },
        (Kind::RecoveryFailed, _) => {
            unit.reason.clone_from(&fact.reason);
            RecoveryState::Failed
        }
        (_, _) => return,
    };
}

fn apply_baselines(unit: &mut CustomerState, fact: &Folded<'_>) {
    let seen = fact
        .read::<BTreeMap<Role, Baseline>>("services")
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
fn release(unit: &mut CustomerState) -> CustomerStatus {
    let CustomerStatus::Held { from } = unit.state else {
        return unit.state.clone();
    };
    let decided = std::mem::take(&mut unit.unknown);
    unit.accepted.extend(decided);
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
    match unit.recovery.as_mut().map(|recovery| &mut recovery.state) {
        Some(state @ RecoveryState::Failed) => *state = RecoveryState::Wanted,
        // Where no variable named the old database, they are read once more.
        Some(RecoveryState::Live { .. }) => {
            for service in unit.services.values_mut() {
                let named = service.redirected_keys().is_some();
                service.connections = service.connections.take().filter(|_| named);
            }
        }
        _ => {}
    }
    for hooks in [
        &mut unit.hooks.before,
        &mut unit.hooks.after,
        &mut unit.hooks.on_rollback,
        &mut unit.hooks.restore_database,
    ] {
        hooks.begun = false;
    }
    match from {
        HeldFrom::Waiting => CustomerStatus::Waiting,
        HeldFrom::Forward | HeldFrom::Healthy => CustomerStatus::Forward,
        HeldFrom::Backward => CustomerStatus::Backward,
        HeldFrom::Withdrawing => CustomerStatus::Withdrawing,
    }
}

/// A retry begins with a new attempt; what is still ours at Render stays known.
fn begin_anew(unit: &mut CustomerState) {
    unit.past_failures += u32::from(unit.failure != Failure::None);
    unit.failure = Failure::None;
    unit.forget_reached();
    unit.started_at = None;
    unit.hooks = Hooks::default();
    for service in unit.services.values_mut() {
        let tidy = matches!(
            service.variables,
            VariablesState::Untouched | VariablesState::Restored
        );
        let returned = matches!(service.rollback, DeployState::Live { .. });
        let kept = (service.deploy.went_live() && !returned) || !tidy;
        *service = ServiceState {
            attempt: service.attempt,
            rollback_attempt: service.rollback_attempt,
            auto_deploy: service.auto_deploy,
            baseline: service.baseline.take().filter(|_| kept),
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

fn apply_hook(unit: &mut CustomerState, fact: &Folded<'_>) {
    let is_told = fact.data.get("when").is_some_and(|when| !when.is_null());
    let list = match (fact.read::<HookList>("when"), is_told) {
        (Some(list), _) => list,
        (None, false) => HookList::OnRollback,
        (None, true) => return,
    };
    let hooks = unit.hooks.of_mut(list);
    hooks.begun = fact.kind == Kind::HookStarted;
    if fact.kind == Kind::HookFinished {
        // One that failed is begun anew when a person says so.
        hooks.done += usize::from(fact.read("ok").unwrap_or(true));
    }
}
