//! What a fact sets in motion in memory: who and what is looked at again. Each family says it beside its fold.

use policy::{CustomerId, PolicyId};

use crate::fold::in_flight::InFlight;
use crate::fold::index::Position;
use crate::fold::scratch::Scratch;
use crate::fold::state::State;
use crate::model::fact::Fact;
use crate::model::fact::place::Whose;
use crate::model::ids::RolloutId;

/// What is looked at again after a fact: the state that it has led to, and what goes on in memory.
pub(crate) struct Notes<'p> {
    pub(crate) state: &'p State,
    pub(crate) in_flight: &'p mut InFlight,
}

impl Notes<'_> {
    /// What a fact may set in motion.
    pub(crate) fn note(&mut self, rollout: Option<RolloutId>, fact: &Fact) {
        match (fact, rollout) {
            (Fact::Engine(fact), _) => self.note_engine(fact),
            (Fact::Person(fact), id) => self.note_person(id, fact),
            (Fact::Rollout(fact), Some(id)) => self.note_rollout(id, fact),
            (Fact::Phase(fact), Some(id)) => self.note_phase(id, fact),
            (Fact::Gate(fact), Some(id)) => self.note_gate(id, fact),
            (Fact::Customer(fact), Some(id)) => self.note_customer_fact(id, fact),
            (Fact::Hook(fact), Some(id)) => self.note_hook(id, fact),
            (Fact::Variables(fact), Some(id)) => self.note_variables(id, fact),
            (Fact::Deploy(fact), Some(id)) => self.note_deploy(id, fact),
            (Fact::Health(fact), Some(id)) => self.note_health(id, fact),
            (Fact::Rollback(fact), Some(id)) => self.note_rollback(id, fact),
            (Fact::Recovery(fact), Some(id)) => self.note_recovery(id, fact),
            // Of no rollout, they would have been damage.
            (
                Fact::Rollout(_)
                | Fact::Phase(_)
                | Fact::Gate(_)
                | Fact::Customer(_)
                | Fact::Hook(_)
                | Fact::Variables(_)
                | Fact::Deploy(_)
                | Fact::Health(_)
                | Fact::Rollback(_)
                | Fact::Recovery(_),
                None,
            ) => {}
        }
    }

    /// A rollout is judged again.
    pub(super) fn judge_again(&mut self, id: RolloutId) {
        self.in_flight.tick_wanted = true;
        self.in_flight.dirty_rollouts.insert(id);
    }

    /// A phase is looked at again; which it is.
    pub(super) fn note_phase_of(&mut self, id: RolloutId, name: &PolicyId) -> Option<usize> {
        let phase = self.state.find(id)?.phase_index(name)?;
        self.in_flight.dirty_phases.insert((id, phase));
        Some(phase)
    }

    /// A customer is looked at again; where it stands.
    pub(super) fn note_customer(
        &mut self,
        id: RolloutId,
        customer: &CustomerId,
    ) -> Option<Position> {
        let position = self.state.find(id)?.position(customer)?;
        self.in_flight.dirty_customers.insert((id, position));
        self.in_flight.dirty_phases.insert((id, position.phase));
        self.in_flight.unblock(id, position);
        Some(position)
    }

    /// A customer, its phase and its rollout are looked at again; what was read for it.
    pub(super) fn note_whose(&mut self, id: RolloutId, whose: Whose<'_>) -> Option<&mut Scratch> {
        self.judge_again(id);
        self.note_phase_of(id, whose.phase);
        let position = self.note_customer(id, whose.customer)?;
        Some(self.in_flight.scratch_of(id, position))
    }

    /// Looks at every phase and every waiting customer of a rollout again: rare, by a person or at an end.
    pub(crate) fn wake_rollout(&mut self, id: RolloutId) {
        let Some(rollout) = self.state.rollouts.get(&id) else {
            return;
        };
        for phase in 0..rollout.phases.len() {
            self.in_flight.dirty_phases.insert((id, phase));
            self.in_flight.unblock_phase(id, phase);
            if rollout.is_settled(phase) || rollout.is_ended() {
                let watched = rollout
                    .healthy()
                    .range((phase, 0, 0)..=(phase, u32::MAX, usize::MAX));
                self.in_flight
                    .dirty_customers
                    .extend(watched.map(|&(phase, _, index)| (id, Position { phase, index })));
            }
        }
    }

    /// What would have lapsed while the clock was not trusted is judged now.
    pub(super) fn wake_gates(&mut self) {
        for (id, rollout) in self.state.open() {
            let gates = rollout.gates.keys().map(|gate| (*id, gate.clone()));
            self.in_flight.dirty_gates.extend(gates);
        }
    }

    pub(super) fn wake_everybody(&mut self) {
        self.in_flight.tick_wanted = true;
        let unfinished: Vec<RolloutId> = self.state.open().map(|(id, _)| *id).collect();
        for id in unfinished {
            self.in_flight.dirty_rollouts.insert(id);
            self.wake_rollout(id);
        }
    }
}
