//! Starts what can start: the next service of a customer under way, then the next customers (R24). Only a tick comes here.

use policy::CustomerId;

use crate::fold::in_flight::{Preparing, Slot};
use crate::fold::index::{Position, Rollout};
use crate::fold::timers::TimerKey;
use crate::model::command::ServiceView;
use crate::model::fact::GatePassed;
use crate::model::ids::{GateId, RolloutId};
use crate::model::state::{CustomerStatus, RolloutState};
use crate::product::Product;

/// A missing secret is asked for again after this long.
pub(crate) const SECRET_RETRY: chrono::TimeDelta = chrono::TimeDelta::seconds(60);

impl Product {
    /// Starts whatever nothing holds back.
    pub(crate) fn start_what_can(&mut self) {
        self.let_services_go();
        let running: Vec<RolloutId> = self
            .state
            .rollouts
            .iter()
            .filter(|(_, rollout)| rollout.row.state == RolloutState::Running)
            .map(|(id, _)| *id)
            .collect();
        for id in running {
            for phase in 0..self.state.rollouts[&id].phases.len() {
                if self.state.rollouts[&id].row.state == RolloutState::Running {
                    self.start_phase_customers(id, phase);
                }
            }
        }
        self.drop_stale_preparations();
    }

    /// What goes back goes first, and a started customer's next service before a new customer's first (P16).
    fn let_services_go(&mut self) {
        let (back, forward): (Vec<_>, Vec<_>) = self
            .in_flight
            .waiting_go
            .iter()
            .partition(|(id, position)| self.is_going_back(*id, *position));
        for (id, position) in back.into_iter().chain(forward) {
            let limit = self.max_parallel(id);
            if self.in_flight.deploying.len() >= limit {
                continue;
            }
            self.in_flight.waiting_go.remove(&(id, position));
            self.in_flight.scratch_of(id, position).go = true;
            self.in_flight.deploying.insert((id, position));
            self.in_flight.dirty_customers.insert((id, position));
            self.advance();
        }
    }

    fn is_going_back(&self, id: RolloutId, position: Position) -> bool {
        let rollout = &self.state.rollouts[&id];
        rollout.state_at(position).status == CustomerStatus::Backward
    }

    /// How many customers may have a deploy in hand at once, over all rollouts (P16).
    pub(crate) fn max_parallel(&self, id: RolloutId) -> usize {
        let limit = self.state.rollouts[&id].plan.project.render.max_parallel;
        usize::try_from(limit.max(1)).unwrap_or(usize::MAX)
    }

    fn start_phase_customers(&mut self, id: RolloutId, phase: usize) {
        loop {
            let rollout = &self.state.rollouts[&id];
            if rollout.row.state != RolloutState::Running
                || rollout.phases[phase].started_at.is_none()
                || rollout.waiting(phase).is_empty()
            {
                return;
            }
            if !self.state.phase_holds(rollout, phase, self.at).is_empty()
                || !self.confirm_before(id, phase)
            {
                return;
            }
            match self.pick(id, phase) {
                Some(Picked::Prepare(position)) => {
                    self.about(id, position, |product| product.prepare(id, position));
                }
                Some(Picked::Begin(position, views)) => {
                    self.about(id, position, |product| {
                        product.begin_customer(id, position, views);
                    });
                    self.advance();
                }
                Some(Picked::Skip(position, reason)) => {
                    self.skip_at_turn(id, position, reason);
                    self.advance();
                }
                None => return,
            }
        }
    }

    /// The first customer that can go (or, in strict order, the first at all).
    fn pick(&mut self, id: RolloutId, phase: usize) -> Option<Picked> {
        self.pick_prepared(id, phase)
            .or_else(|| self.pick_next(id, phase))
    }

    /// A customer that has been read and that still nothing holds.
    fn pick_prepared(&mut self, id: RolloutId, phase: usize) -> Option<Picked> {
        // While it was read, somebody on the way back may have taken its place.
        if self.in_flight.deploying.len() >= self.max_parallel(id) {
            return None;
        }
        let range = self.turn_places(id, phase);
        let strict = self.is_strict(id, phase);
        let first = self.state.rollouts[&id].waiting(phase).first().copied();
        let prepared = self.in_flight.preparing_in(id, phase);
        let prepared: Vec<Position> = prepared
            .filter(|(_, state)| matches!(state, Preparing::Ready(_)))
            .map(|(position, _)| position)
            .collect();
        for position in prepared
            .into_iter()
            .filter(|position| range.contains(&position.index))
        {
            if strict && first != Some(position.index) {
                return None;
            }
            if self.about(id, position, |product| product.block_if_held(id, position)) {
                continue;
            }
            if let Some(Preparing::Ready(views)) = self.in_flight.preparing.remove(&(id, position))
            {
                return Some(Picked::Begin(position, views));
            }
        }
        None
    }

    /// A customer that is to be read, if a place is free for it.
    fn pick_next(&mut self, id: RolloutId, phase: usize) -> Option<Picked> {
        if !self.has_slot(id, phase) {
            return None;
        }
        let range = self.turn_places(id, phase);
        let strict = self.is_strict(id, phase);
        loop {
            let rollout = &self.state.rollouts[&id];
            let next = *self
                .in_flight
                .ready(id, phase, rollout)
                .range(range.clone())
                .next()?;
            let position = Position { phase, index: next };
            if !rollout.waiting(phase).contains(&next)
                || self.in_flight.preparing.contains_key(&(id, position))
            {
                self.in_flight.ready(id, phase, rollout).remove(&next);
                continue;
            }
            // Nobody overtakes: everybody before must have begun, or be about to.
            if self.goes_before(id, position).is_some() {
                return None;
            }
            let gone = self.gone(id, position);
            let held = |product: &mut Self| product.block_if_held(id, position);
            if gone.is_none() && self.about(id, position, held) {
                if strict {
                    return None;
                }
                continue;
            }
            self.in_flight
                .ready(id, phase, &self.state.rollouts[&id])
                .remove(&next);
            return Some(match gone {
                Some(reason) => Picked::Skip(position, reason),
                None => Picked::Prepare(position),
            });
        }
    }

    fn is_strict(&self, id: RolloutId, phase: usize) -> bool {
        self.state.rollouts[&id].plan.phases[phase].policy.order == policy::rules::Order::Strict
    }

    /// The places of the batch whose turn it is.
    fn turn_places(&self, id: RolloutId, phase: usize) -> std::ops::Range<usize> {
        let rollout = &self.state.rollouts[&id];
        if rollout.is_dynamic(phase) {
            let retried = rollout.reopened(phase);
            return retried.map_or(0..usize::MAX, |(_, place)| place..place + 1);
        }
        rollout
            .turn(phase)
            .map_or(0..usize::MAX, |batch| rollout.batch_places(phase, batch))
    }

    /// Whether another customer may be on its way, by the batch and over all rollouts (P16).
    pub(crate) fn has_slot(&self, id: RolloutId, phase: usize) -> bool {
        let rollout = &self.state.rollouts[&id];
        let policy = &rollout.plan.phases[phase].policy;
        let limit = if rollout.is_dynamic(phase) {
            1
        } else {
            usize::try_from(policy.max_parallel.max(1)).unwrap_or(usize::MAX)
        };
        let (in_work, preparing) = match (id, rollout.turn(phase)) {
            // Each service of an operation is a phase of its own, and they share the limit (A11).
            (RolloutId::Operation(_), _) => (
                rollout.working().len(),
                self.in_flight.preparing_of(id).count(),
            ),
            (RolloutId::Rollout(_), Some(batch)) => (
                rollout.at_work(phase, batch),
                self.in_flight.preparing_in(id, phase).count(),
            ),
            (RolloutId::Rollout(_), None) => (
                rollout.working_in(phase).count(),
                self.in_flight.preparing_in(id, phase).count(),
            ),
        };
        let in_flight = self.in_flight.deploying.len() + self.in_flight.preparing.len();
        in_work + preparing < limit && in_flight < self.max_parallel(id)
    }

    /// Passes over a waiting customer until something in its way changes.
    fn block_if_held(&mut self, id: RolloutId, position: Position) -> bool {
        let rollout = &self.state.rollouts[&id];
        let customer = rollout.at(position);
        let mut holds = self.state.customer_holds(
            rollout,
            id,
            customer,
            &Self::windows_of(rollout, customer),
            self.at,
        );
        holds.extend(self.in_flight.reading_holds(id, rollout, customer, self.at));
        if holds.is_empty() {
            return false;
        }
        let until = holds.iter().filter_map(|hold| hold.until).min();
        self.in_flight
            .ready(id, position.phase, rollout)
            .remove(&position.index);
        self.in_flight.preparing.remove(&(id, position));
        self.unwant(id, position, Slot::Preflight);
        self.in_flight
            .set_timer(TimerKey::Position(id, position), until);
        true
    }

    /// The customer that must go before this one: in strict order nobody overtakes.
    pub(crate) fn goes_before(&self, id: RolloutId, position: Position) -> Option<Position> {
        if !self.is_strict(id, position.phase) {
            return None;
        }
        let phase = position.phase;
        let start = self.turn_places(id, phase).start.min(position.index);
        let before = self.state.rollouts[&id]
            .waiting(phase)
            .range(start..position.index);
        before
            .map(|before| Position {
                phase,
                index: *before,
            })
            .find(|before| !self.in_flight.preparing.contains_key(&(id, *before)))
    }
}

enum Picked {
    Prepare(Position),
    Begin(Position, Vec<ServiceView>),
    Skip(Position, String),
}

impl Rollout {
    pub(crate) fn unpassed_gate(
        &self,
        phase: usize,
        batch: u32,
        customer: &CustomerId,
    ) -> Option<GatePassed> {
        let gate = self.gate_for(phase, batch, customer)?;
        let row = self.gates.get(&gate);
        if row.is_some_and(|row| row.state.is_passed()) {
            return None;
        }
        let mut place = self.gate_place(&gate);
        place.batch = match gate {
            // It covers all batches, and must not look like one batch's.
            GateId::Phase(_) => None,
            GateId::Batch(_, _) | GateId::Customer(_) => Some(batch),
        };
        let votes = row.map(|row| row.votes.clone()).unwrap_or_default();
        Some(GatePassed { place, votes })
    }
}
