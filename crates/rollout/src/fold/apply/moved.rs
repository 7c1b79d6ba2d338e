//! Folds a jump of engine time: what began while it went by the journal alone keeps its length (P22).
//!
//! Such a time runs behind the true one. When it follows the wall clock, an origin that was stamped by it, left where it is,
//! would end its delay early by the length of the jump; so whatever began since then moves along.

use chrono::TimeDelta;
use policy::{CustomerId, Timestamp};

use crate::fold::index::Rollout;
use crate::fold::state::{RowKey, State};
use crate::model::ids::RolloutId;
use crate::model::recovery::RecoveryState;
use crate::model::state::{
    CustomerState, CustomerStatus, DeployState, GateRow, InDoubt, PhaseRow, PhaseState,
    RollbackState,
};

/// What moves: whatever began at or after an instant, and by how much.
#[derive(Clone, Copy)]
struct Jump {
    since: Timestamp,
    by: TimeDelta,
}

impl Jump {
    /// Moves the instant at which something began.
    fn origin(self, at: &mut Timestamp) -> bool {
        let moves = *at >= self.since;
        if moves {
            *at += self.by;
        }
        moves
    }

    /// Moves an end that lies so long after its origin.
    fn end(self, until: &mut Timestamp, length: TimeDelta) {
        if *until - length >= self.since {
            *until += self.by;
        }
    }

    fn in_doubt(self, doubt: &mut InDoubt, settle: TimeDelta) {
        self.end(&mut doubt.until, settle);
        self.origin(&mut doubt.at);
    }

    fn deploy(self, state: &mut DeployState, (settle, timeout): (TimeDelta, TimeDelta)) {
        match state {
            DeployState::Intended(intent) => {
                self.origin(&mut intent.at);
            }
            DeployState::Unknown(doubt) => self.in_doubt(doubt, settle),
            DeployState::Running { deadline, .. } => self.end(deadline, timeout),
            DeployState::None
            | DeployState::CancelIntended { .. }
            | DeployState::Live { .. }
            | DeployState::Passed { .. }
            | DeployState::Lost { .. }
            | DeployState::Ended => {}
        }
    }

    fn rollback(self, state: &mut RollbackState, (settle, timeout): (TimeDelta, TimeDelta)) {
        match state {
            RollbackState::Intended(intent) => {
                self.origin(&mut intent.at);
            }
            RollbackState::Unknown(doubt) => self.in_doubt(doubt, settle),
            RollbackState::Running { deadline, .. } => self.end(deadline, timeout),
            RollbackState::None | RollbackState::Live { .. } | RollbackState::Ended => {}
        }
    }
}

impl State {
    /// Moves everything that began since an instant and lasts for a length of time.
    pub(super) fn move_along(&mut self, since: Timestamp, by: TimeDelta) {
        let jump = Jump { since, by };
        let open = self
            .rollouts
            .iter_mut()
            .filter(|(_, rollout)| !rollout.is_ended());
        for (id, rollout) in open {
            let mut touched = Vec::new();
            rollout.move_along(*id, jump, &mut touched);
            self.touched.extend(touched);
        }
    }
}

impl Rollout {
    fn move_along(&mut self, id: RolloutId, jump: Jump, touched: &mut Vec<RowKey>) {
        if let Some(started_at) = &mut self.row.started_at
            && jump.origin(started_at)
        {
            touched.push(RowKey::rollout(id));
        }
        for (row, phase) in self.phases.iter_mut().zip(&self.plan.phases) {
            if move_phase(row, jump) {
                touched.push(RowKey::phase(id, &phase.policy.name));
            }
        }
        for (gate, row) in &mut self.gates {
            if move_gate(row, jump) {
                touched.push(RowKey::gate(id, gate));
            }
        }
        let customers: Vec<CustomerId> = self
            .customers()
            .map(|(customer, _)| customer.clone())
            .collect();
        for customer in customers {
            let mut moved = self.customer(&customer).clone();
            self.move_customer(&customer, &mut moved, jump);
            if moved != *self.customer(&customer) {
                self.set_customer(&customer, |state| *state = moved);
                touched.push(RowKey::customer(id, &customer));
            }
        }
    }

    fn move_customer(&self, customer: &CustomerId, state: &mut CustomerState, jump: Jump) {
        for at in [&mut state.since, &mut state.was_healthy_at] {
            at.as_mut().map(|at| jump.origin(at));
        }
        if let CustomerStatus::Healthy(at) = &mut state.status {
            jump.origin(at);
        }
        let settle = self.plan.project.render.settle.to_delta();
        let timeout = match (self.row.deploy_timeout_ms, self.phase_of(customer)) {
            (Some(ms), _) => TimeDelta::milliseconds(ms),
            (None, Some(phase)) => self.plan.phases[phase].policy.deploy_timeout.to_delta(),
            (None, None) => TimeDelta::zero(),
        };
        for service in state.services.values_mut() {
            jump.deploy(&mut service.deploy, (settle, timeout));
            jump.rollback(&mut service.rollback, (settle, timeout));
        }
        let recovery = state.recovery.as_mut().map(|recovery| &mut recovery.state);
        if let Some(RecoveryState::Unknown { until }) = recovery {
            jump.end(until, settle);
        }
    }
}

fn move_phase(row: &mut PhaseRow, jump: Jump) -> bool {
    let delayed = row.delay.as_mut().is_some_and(|delay| {
        let moves = jump.origin(&mut delay.since);
        if moves {
            delay.until += jump.by;
        }
        moves
    });
    let soaking = match &mut row.state {
        PhaseState::Soaking { since, until } => {
            let moves = jump.origin(since);
            if moves {
                *until += jump.by;
            }
            moves
        }
        PhaseState::Waiting | PhaseState::Running | PhaseState::Settled { .. } => false,
    };
    delayed || soaking
}

fn move_gate(row: &mut GateRow, jump: Jump) -> bool {
    let asked = row.state.request_mut().is_some_and(|request| {
        let moves = jump.origin(&mut request.since);
        if moves {
            request.expires_at += jump.by;
        }
        moves
    });
    let granted = row.granted.as_mut().is_some_and(|granted| {
        let moves = jump.origin(&mut granted.at);
        if moves {
            granted.until += jump.by;
        }
        moves
    });
    asked || granted
}
