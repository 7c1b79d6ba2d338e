//! Folds facts about the return of a customer's database to an earlier instant (R19, T15).

use policy::Timestamp;

use super::Flaw;
use crate::fold::note::Notes;
use crate::fold::state::State;
use crate::model::fact::RecoveryFact;
use crate::model::ids::RolloutId;
use crate::model::recovery::{Moved, RecoveryState};
use crate::model::state::CustomerState;

impl State {
    pub(super) fn apply_recovery(
        &mut self,
        id: RolloutId,
        fact: &RecoveryFact,
        at: Timestamp,
    ) -> Result<(), Flaw> {
        let place = fact.place();
        self.change_customer(id, place.whose(), |state| apply(state, fact))?;
        if let RecoveryFact::DatabaseSwitched(fact) = fact {
            let moved = Moved {
                by: id,
                from: fact.from.clone(),
                to: fact.to.clone(),
                since: at,
            };
            self.moves(&place.customer, moved);
        }
        Ok(())
    }
}

fn apply(state: &mut CustomerState, fact: &RecoveryFact) {
    let Some(recovery) = &mut state.recovery else {
        return;
    };
    let (attempt, state) = match (fact, &recovery.state) {
        (RecoveryFact::RecoveryIntended(fact), _) => {
            recovery.name.clone_from(&fact.name);
            (Some(fact.attempt), Some(RecoveryState::Intended))
        }
        (RecoveryFact::RecoveryUnknown(fact), _) => {
            let until = fact.until;
            (Some(fact.attempt), Some(RecoveryState::Unknown { until }))
        }
        (RecoveryFact::RecoveryCreated(fact), _) => {
            let database = fact.database.clone();
            (
                Some(fact.attempt),
                Some(RecoveryState::Created { database }),
            )
        }
        (RecoveryFact::RecoveryAbsent(fact), _) => {
            (Some(fact.attempt), Some(RecoveryState::Wanted))
        }
        (RecoveryFact::RecoveryFailed(fact), _) => {
            state.reason = Some(fact.reason.clone());
            (Some(fact.attempt), Some(RecoveryState::Failed))
        }
        (RecoveryFact::RecoveryLive(fact), before) => (fact.attempt, live(before)),
        (RecoveryFact::DatabaseSwitched(_), before) => (None, switched(before)),
    };
    recovery.attempt = attempt.unwrap_or(recovery.attempt);
    if let Some(state) = state {
        recovery.state = state;
    }
}

/// The new database can be used, or the hooks have restored the old one.
fn live(before: &RecoveryState) -> Option<RecoveryState> {
    match before {
        RecoveryState::Created { database } => Some(RecoveryState::Live {
            database: database.clone(),
        }),
        RecoveryState::Wanted => Some(RecoveryState::Recovered),
        RecoveryState::Intended
        | RecoveryState::Unknown { .. }
        | RecoveryState::Live { .. }
        | RecoveryState::Switched { .. }
        | RecoveryState::Recovered
        | RecoveryState::Failed => None,
    }
}

fn switched(before: &RecoveryState) -> Option<RecoveryState> {
    match before {
        RecoveryState::Live { database } => Some(RecoveryState::Switched {
            database: database.clone(),
        }),
        RecoveryState::Wanted
        | RecoveryState::Intended
        | RecoveryState::Unknown { .. }
        | RecoveryState::Created { .. }
        | RecoveryState::Switched { .. }
        | RecoveryState::Recovered
        | RecoveryState::Failed => None,
    }
}

impl Notes<'_> {
    pub(in crate::fold) fn note_recovery(&mut self, id: RolloutId, fact: &RecoveryFact) {
        let Some(scratch) = self.note_whose(id, fact.place().whose()) else {
            return;
        };
        match fact {
            // While Render makes a database, others may deploy (P16).
            RecoveryFact::RecoveryIntended(_) => scratch.go = false,
            RecoveryFact::RecoveryUnknown(_) => scratch.databases = None,
            RecoveryFact::RecoveryCreated(_)
            | RecoveryFact::RecoveryAbsent(_)
            | RecoveryFact::RecoveryLive(_)
            | RecoveryFact::RecoveryFailed(_)
            | RecoveryFact::DatabaseSwitched(_) => {}
        }
    }
}
