//! The course of a whole rollout: pause, resume, abort, promote (R13).

use crate::fold::index::{Position, Rollout};
use crate::model::actor::Actor;
use crate::model::fact::{
    ClockTrusted, Paused, Promoted, Resumed, RolloutAborted, RolloutDraining,
};
use crate::model::ids::RolloutId;
use crate::model::offer::Offer;
use crate::model::request::{Rejected, Request};
use crate::model::state::{
    CustomerStatus, DrainTo, HeldFrom, Outcome, PhaseState, RolloutState, Sweep, SweepScope,
};
use crate::product::Product;
use crate::requests::verbs::already;

impl Product {
    pub(crate) fn pause(
        &mut self,
        request: &Request,
        reason: Option<String>,
    ) -> Result<(), Rejected> {
        let id = self.meant_rollout(request)?;
        if self.state.rollouts[&id].row.paused.is_some() {
            return Err(already(
                format!("{id} is paused already"),
                Offer::Resume.within(id),
            ));
        }
        self.goes_on(id)?;
        let actor = request.by.name.clone();
        self.emit_in(id, Paused { actor, reason });
        Ok(())
    }

    pub(crate) fn resume(&mut self, request: &Request) -> Result<(), Rejected> {
        let id = self.meant_rollout(request)?;
        self.not_elsewhere(id)?;
        let rollout = &self.state.rollouts[&id];
        if rollout.row.paused.is_none() {
            let way_out = match rollout.row.state {
                RolloutState::Halted { .. } => rollout.lifts_halt().within(id),
                RolloutState::Queued(_)
                | RolloutState::Running
                | RolloutState::Draining { .. }
                | RolloutState::Ended { .. } => Offer::Status(Some(id)).into(),
            };
            return Err(Rejected::state(format!("{id} is not paused"), way_out));
        }
        let fact = Resumed {
            actor: request.by.name.clone(),
            moved: false,
            rollouts: None,
        };
        self.emit_in(id, fact);
        self.wake_rollout(id);
        Ok(())
    }

    pub(crate) fn confirm_clock(&mut self, by: &Actor) -> Result<(), Rejected> {
        if self.state.product.clock_suspected.is_none() {
            return Err(Rejected::state(
                "the clock is trusted already",
                Offer::Status(None),
            ));
        }
        self.emit(ClockTrusted {
            actor: Some(by.name.clone()),
            from: None,
        });
        Ok(())
    }

    pub(crate) fn abort(
        &mut self,
        request: &Request,
        rollback: bool,
        reason: Option<&str>,
    ) -> Result<(), Rejected> {
        let meant = request.rollout.and_then(|id| self.state.find(id));
        if let Some(RolloutState::Ended { at, outcome, .. }) =
            meant.map(|rollout| &rollout.row.state)
        {
            let text = format!("it has ended: Ended {{ at: {at:?}, outcome: {outcome:?} }}");
            return Err(already(text, Offer::List));
        }
        let id = self.meant_rollout(request)?;
        let rollout = &self.state.rollouts[&id];
        let by = Some(request.by.name.clone());
        match &rollout.row.state {
            RolloutState::Queued(_) => {
                let fact = RolloutAborted {
                    actor: by,
                    reason: reason.map(str::to_owned),
                    outcome: Outcome::Aborted,
                };
                self.emit_in(id, fact);
                return Ok(());
            }
            RolloutState::Draining {
                to: DrainTo::Aborted | DrainTo::Superseded,
                ..
            } if !rollback || rollout.row.sweep.is_some() => {
                return Err(already(
                    format!("{id} is ending already"),
                    Offer::Status(Some(id)),
                ));
            }
            RolloutState::Draining { .. }
            | RolloutState::Running
            | RolloutState::Halted { .. }
            | RolloutState::Ended { .. } => {}
        }
        self.not_closing(id)?;
        let sweep = rollback.then(|| Sweep {
            scope: SweepScope::All,
            reason: reason.unwrap_or("the rollout was aborted").to_owned(),
            by: by.clone(),
        });
        let fact = RolloutDraining {
            actor: by,
            reason: reason.map(str::to_owned),
            to: DrainTo::Aborted,
            sweep: sweep.clone(),
        };
        self.emit_in(id, fact);
        let Some(sweep) = sweep else { return Ok(()) };
        // What is in flight goes back first, then the settled batches, latest first.
        let places = self.state.rollouts[&id].unfinished();
        self.roll_back(id, &places, &sweep);
        Ok(())
    }

    pub(crate) fn promote(
        &mut self,
        request: &Request,
        phase: Option<&policy::PolicyId>,
        full: bool,
    ) -> Result<(), Rejected> {
        let at = self.at;
        let id = self.meant_rollout(request)?;
        self.goes_on(id)?;
        let rollout = &self.state.rollouts[&id];
        let phases: Vec<usize> = match phase {
            Some(name) => vec![rollout.phase_index(name).ok_or_else(|| {
                Rejected::usage(format!("there is no phase {name}"), Offer::Status(Some(id)))
            })?],
            None => (0..rollout.phases.len()).collect(),
        };
        let waits = |phase: &usize| {
            let row = &rollout.phases[*phase];
            let delayed = row.delay.as_ref().is_some_and(|delay| delay.until > at);
            delayed || matches!(row.state, PhaseState::Soaking { until, .. } if until > at)
        };
        let can = |phase: &usize| match full {
            true => !rollout.is_settled(*phase) && !rollout.phases[*phase].promoted,
            false => waits(phase),
        };
        let promoted: Vec<usize> = phases.into_iter().filter(can).collect();
        if promoted.is_empty() {
            return Err(Rejected::state(
                "no delay and no soak is running",
                Offer::Status(Some(id)),
            ));
        }
        for phase in promoted {
            let fact = Promoted {
                place: self.state.rollouts[&id].phase_place(phase),
                actor: request.by.name.clone(),
                full,
            };
            self.emit_in(id, fact);
        }
        Ok(())
    }
}

impl Product {
    /// Refuses what would begin new work in a rollout of which nothing is left but to switch auto-deploy on again: that is
    /// done once and not taken back (P32).
    pub(crate) fn not_closing(&self, id: RolloutId) -> Result<(), Rejected> {
        let restoring = self.state.rollouts[&id].managed().next().is_some();
        if !restoring || !self.is_closing(id) {
            return Ok(());
        }
        let text = format!("{id} is over: only auto-deploy is being switched on again");
        Err(Rejected::state(
            text,
            Offer::Status(Some(id)).noted("and ask again when it has ended"),
        ))
    }
}

impl Rollout {
    /// Customers on their way, or held on it, in either direction.
    fn unfinished(&self) -> Vec<Position> {
        let moves = |state: &CustomerStatus| match state {
            CustomerStatus::Forward
            | CustomerStatus::Held {
                from: HeldFrom::Forward | HeldFrom::Healthy | HeldFrom::Backward,
            } => true,
            CustomerStatus::Waiting
            | CustomerStatus::Healthy(_)
            | CustomerStatus::Backward
            | CustomerStatus::Withdrawing
            | CustomerStatus::Held {
                from: HeldFrom::Waiting | HeldFrom::Withdrawing,
            }
            | CustomerStatus::Unchanged
            | CustomerStatus::RolledBack
            | CustomerStatus::RollbackFailed
            | CustomerStatus::Applied
            | CustomerStatus::Excluded
            | CustomerStatus::Skipped => false,
        };
        let customers = self.held().chain(self.working_customers());
        let mut moving: Vec<Position> = customers
            .filter(|customer| moves(&self.customer(customer).status))
            .filter_map(|customer| self.position(customer))
            .collect();
        moving.sort_unstable();
        moving
    }
}
