//! Folds facts about the hooks of a customer.

use policy::Timestamp;

use super::Flaw;
use crate::fold::note::Notes;
use crate::fold::state::State;
use crate::model::fact::HookFact;
use crate::model::ids::RolloutId;

impl State {
    pub(super) fn apply_hook(
        &mut self,
        id: RolloutId,
        fact: &HookFact,
        at: Timestamp,
    ) -> Result<(), Flaw> {
        self.change_customer(id, fact.place().whose(), |state| match fact {
            HookFact::HookStarted(fact) => state.hooks.of_mut(fact.when).begun = true,
            HookFact::HookFinished(fact) => {
                let list = state.hooks.of_mut(fact.when);
                list.begun = false;
                // One that failed is begun anew when a person says so.
                list.done += usize::from(fact.ok);
                if fact.failure {
                    state.fails(fact.reason.as_ref(), at);
                }
            }
        })
    }
}

impl Notes<'_> {
    pub(in crate::fold) fn note_hook(&mut self, id: RolloutId, fact: &HookFact) {
        let Some(scratch) = self.note_whose(id, fact.place().whose()) else {
            return;
        };
        match fact {
            HookFact::HookStarted(_) => scratch.begins_change(),
            HookFact::HookFinished(fact) if fact.failure => scratch.reset(),
            HookFact::HookFinished(_) => {}
        }
    }
}
