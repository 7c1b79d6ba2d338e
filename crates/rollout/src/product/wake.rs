//! What may a fact set in motion?

use crate::fold::index::Position;
use crate::model::event::{Kind, Line};
use crate::model::ids::RolloutId;
use crate::product::Product;

impl Product {
    /// What a fact may set in motion.
    pub(crate) fn note(&mut self, fact: &Line) {
        if matches!(
            fact.kind,
            Kind::Observed | Kind::VariablesRevealed | Kind::TokenCreated | Kind::TokenRevoked
        ) {
            return;
        }
        self.work.tick_wanted = true;
        self.work.met_another |=
            fact.kind == Kind::CustomerHeld && fact.data.contains_key("unknown");
        let Some(id) = fact.rollout else {
            self.wake_everybody();
            if fact.kind == Kind::ClockTrusted {
                self.wake_gates();
            }
            return;
        };
        self.work.dirty_runs.insert(id);
        let Some(run) = self.state.runs.get(&id) else {
            return;
        };
        if let Some(phase) = fact.phase.as_ref().and_then(|name| run.phase_index(name)) {
            self.work.dirty_phases.insert((id, phase));
        }
        self.note_customer(id, fact);
        self.note_run(id, fact);
    }

    /// Whoever it names is looked at again, here and where others wait for them.
    fn note_customer(&mut self, id: RolloutId, fact: &Line) {
        let Some(run) = self.state.runs.get(&id) else {
            return;
        };
        if let Some(customer) = &fact.customer
            && let Some(place) = run.place(customer)
        {
            self.work.dirty_units.insert((id, place));
            self.work.dirty_phases.insert((id, place.phase));
            self.work.unblock(id, place);
            self.work
                .scratch
                .entry((id, place))
                .or_default()
                .forget(fact);
        }
        if let (Kind::CustomerHealthy, Some(place)) = (
            fact.kind,
            fact.customer
                .as_ref()
                .and_then(|customer| run.place(customer)),
        ) {
            // Found healthy by this very process, it need not be seen healthy again (R17).
            self.work.confirmed.insert((id, place));
        }
        if let Some(customer) = fact.customer.as_ref().filter(|_| fact.kind.lets_go()) {
            let others = self.state.runs.iter().filter(|(_, run)| !run.is_ended());
            for (other, place) in
                others.filter_map(|(other, run)| Some((*other, run.place(customer)?)))
            {
                self.work.unblock(other, place);
            }
        }
    }

    /// What of the rollout is looked at again, and who waits for its end.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "most facts concern only the customer or phase they name"
    )]
    fn note_run(&mut self, id: RolloutId, fact: &Line) {
        match fact.kind {
            Kind::RolloutStarted
            | Kind::OperationStarted
            | Kind::Replanned
            | Kind::FreezeOverridden => self.wake_run(id),
            // What it still watched is free for others.
            Kind::RolloutAborted if matches!(id, RolloutId::Operation(_)) => {
                self.work.queued_dirty = true;
                self.wake_everybody();
            }
            Kind::PhaseSettled
            | Kind::RolloutSucceeded
            | Kind::RolloutAborted
            | Kind::RolloutSuperseded => {
                self.wake_run(id);
                self.work.queued_dirty = true;
            }
            Kind::OperationEnded => {
                self.work.queued_dirty = true;
                self.wake_everybody();
            }
            kind if fact.data.contains_key("gate") || kind == Kind::Promoted => {
                let run = self.state.runs.get(&id);
                let phase = run.zip(fact.phase.as_ref());
                if let Some(phase) = phase.and_then(|(run, name)| run.phase_index(name)) {
                    self.work.unblock_phase(id, phase);
                }
                self.note_gate(id, fact);
            }
            _ => {}
        }
    }

    fn note_gate(&mut self, id: RolloutId, fact: &Line) {
        let Some(run) = self.state.runs.get(&id) else {
            return;
        };
        let Some((gate, _)) = fact
            .read::<String>("gate")
            .and_then(|gate| run.find_gate(&gate))
        else {
            return;
        };
        self.work.dirty_gates.insert((id, gate));
    }

    /// Looks at every phase and every waiting customer of a rollout again: rare, by a person or at an end.
    pub(crate) fn wake_run(&mut self, id: RolloutId) {
        if self.trial.is_some() {
            return;
        }
        let Some(run) = self.state.runs.get(&id) else {
            return;
        };
        for phase in 0..run.phases.len() {
            self.work.dirty_phases.insert((id, phase));
            self.work.unblock_phase(id, phase);
            if run.is_settled(phase) || run.is_ended() {
                let watched = run
                    .healthy()
                    .range((phase, 0, 0)..=(phase, u32::MAX, usize::MAX));
                self.work
                    .dirty_units
                    .extend(watched.map(|(phase, _, place)| {
                        (
                            id,
                            Position {
                                phase: *phase,
                                place: *place,
                            },
                        )
                    }));
            }
        }
    }

    /// What would have lapsed while the clock was not trusted is judged now.
    fn wake_gates(&mut self) {
        for (id, run) in self.state.runs.iter().filter(|(_, run)| !run.is_ended()) {
            let gates = run.gates.keys().map(|gate| (*id, gate.clone()));
            self.work.dirty_gates.extend(gates);
        }
    }

    fn wake_everybody(&mut self) {
        let unfinished: Vec<RolloutId> = self
            .state
            .runs
            .iter()
            .filter(|(_, run)| !run.is_ended())
            .map(|(id, _)| *id)
            .collect();
        for id in unfinished {
            self.work.dirty_runs.insert(id);
            self.wake_run(id);
        }
    }
}
