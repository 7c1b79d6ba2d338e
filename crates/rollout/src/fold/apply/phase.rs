//! Folds facts about phases and batches.

use policy::{PolicyId, Timestamp};

use super::Flaw;
use crate::fold::index::Rollout;
use crate::fold::note::Notes;
use crate::fold::state::{RowKey, State};
use crate::model::fact::PhaseFact;
use crate::model::ids::RolloutId;
use crate::model::state::{Delay, PhaseState};

impl State {
    pub(super) fn apply_phase(
        &mut self,
        id: RolloutId,
        fact: &PhaseFact,
        at: Timestamp,
    ) -> Result<(), Flaw> {
        let (name, batch) = whose(fact);
        let rollout = self.rollout(id)?;
        let Some(phase) = rollout.phase_index(name) else {
            return Ok(());
        };
        rollout.apply_phase(phase, fact, at);
        self.touch(RowKey::phase(id, name));
        if let Some(batch) = batch {
            self.touch(RowKey::batch(id, name, batch));
        }
        Ok(())
    }
}

/// The phase, and the batch, if it is not about the whole phase.
fn whose(fact: &PhaseFact) -> (&PolicyId, Option<u32>) {
    match fact {
        PhaseFact::PhaseStarted(fact) => (&fact.place.phase, None),
        PhaseFact::PhaseSettled(fact) => (&fact.place.phase, None),
        PhaseFact::SoakStarted(fact) => (&fact.place.phase, None),
        PhaseFact::PhaseOverdue(fact) => (&fact.place.phase, None),
        PhaseFact::Promoted(fact) => (&fact.place.phase, None),
        PhaseFact::BatchStarted(fact) => (&fact.place.phase, Some(fact.place.batch)),
        PhaseFact::BatchSettled(fact) => (&fact.place.phase, Some(fact.place.batch)),
        PhaseFact::DelayStarted(fact) => (&fact.place.phase, Some(fact.place.batch)),
        PhaseFact::Skipped(fact) => (&fact.place.phase, fact.batch),
    }
}

impl Rollout {
    fn apply_phase(&mut self, phase: usize, fact: &PhaseFact, at: Timestamp) {
        let row = &mut self.phases[phase];
        match fact {
            PhaseFact::PhaseStarted(_) => {
                row.state = PhaseState::Running;
                row.started_at = Some(at);
            }
            PhaseFact::PhaseSettled(_) => row.state = PhaseState::Settled { at },
            PhaseFact::SoakStarted(fact) => {
                row.state = PhaseState::Soaking {
                    since: at,
                    until: fact.until,
                };
            }
            PhaseFact::PhaseOverdue(_) => row.overdue = true,
            PhaseFact::BatchStarted(fact) => {
                let batch = fact.place.batch;
                row.batches_begun = row.batches_begun.max(batch);
                row.delay = None;
                self.set_batch(phase, batch, |row| row.started_at = Some(at));
            }
            PhaseFact::BatchSettled(fact) => {
                let batch = fact.place.batch;
                row.batches_begun = row.batches_begun.max(batch);
                self.set_batch(phase, batch, |row| row.settled_at = Some(at));
            }
            PhaseFact::DelayStarted(fact) => {
                row.delay = Some(Delay {
                    since: fact.since.unwrap_or(at),
                    until: fact.until,
                });
            }
            PhaseFact::Promoted(fact) => {
                row.delay = None;
                if let PhaseState::Soaking { since, .. } = row.state {
                    row.state = PhaseState::Soaking { since, until: at };
                }
                row.promoted |= fact.full;
            }
            // Its customers have facts of their own.
            PhaseFact::Skipped(_) => {}
        }
    }
}

impl Notes<'_> {
    pub(in crate::fold) fn note_phase(&mut self, id: RolloutId, fact: &PhaseFact) {
        self.judge_again(id);
        let phase = self.note_phase_of(id, whose(fact).0);
        match fact {
            PhaseFact::PhaseSettled(_) => {
                self.wake_rollout(id);
                self.in_flight.queued_dirty = true;
            }
            PhaseFact::Promoted(_) => {
                if let Some(phase) = phase {
                    self.in_flight.unblock_phase(id, phase);
                }
            }
            PhaseFact::PhaseStarted(_)
            | PhaseFact::SoakStarted(_)
            | PhaseFact::PhaseOverdue(_)
            | PhaseFact::BatchStarted(_)
            | PhaseFact::BatchSettled(_)
            | PhaseFact::DelayStarted(_)
            | PhaseFact::Skipped(_) => {}
        }
    }
}
