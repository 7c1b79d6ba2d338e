//! Folds what people do outside phases and gates: pauses, freezes and their overrides, blocks, who they are.

use policy::Timestamp;

use super::Flaw;
use crate::fold::note::Notes;
use crate::fold::state::{RowKey, State};
use crate::model::directory::EntryChange;
use crate::model::fact::{FreezeOverridden, PeopleChanged, PersonFact, Unreadable};
use crate::model::freeze::{ManualFreeze, fold_voice};
use crate::model::ids::RolloutId;
use crate::model::state::{Block, Mark};

impl State {
    pub(super) fn apply_person(
        &mut self,
        id: Option<RolloutId>,
        fact: &PersonFact,
        at: Timestamp,
    ) -> Result<(), Flaw> {
        let rollout = || id.ok_or(Unreadable::Missing("rollout".to_owned()));
        match fact {
            PersonFact::Paused(fact) => {
                self.rollout(rollout()?)?.row.paused = Some(Mark {
                    by: Some(fact.actor.clone()),
                    at,
                    reason: fact.reason.clone(),
                });
            }
            PersonFact::Resumed(_) => match id {
                Some(id) => {
                    let row = &mut self.rollout(id)?.row;
                    row.paused = None;
                    row.held_as_moved = false;
                }
                None => self.let_all_go(),
            },
            PersonFact::FreezeOverridden(fact) => self.apply_override(rollout()?, fact)?,
            PersonFact::Frozen(fact) => {
                let freeze = ManualFreeze {
                    from: at,
                    until: fact.until,
                    by: fact.actor.clone(),
                    reason: fact.reason.clone(),
                    customers: fact.customers.clone(),
                };
                self.product.freezes.insert(fact.name.clone(), freeze);
            }
            PersonFact::Unfrozen(fact) => {
                self.product.freezes.remove(&fact.name);
            }
            PersonFact::Blocked(fact) => {
                let block = Block {
                    by: fact.actor.clone(),
                    since: at,
                    reason: fact.reason.clone(),
                };
                self.product.blocks.insert(fact.version.clone(), block);
            }
            PersonFact::Unblocked(fact) => {
                self.product.blocks.remove(&fact.version);
            }
            PersonFact::PeopleChanged(fact) => self.apply_people(fact, at),
            PersonFact::Denied(_) => {
                id.map(|id| self.rollout(id)).transpose()?;
            }
            PersonFact::Observed(_)
            | PersonFact::VariablesRevealed(_)
            | PersonFact::TokenCreated(_)
            | PersonFact::TokenRevoked(_) => {}
        }
        Ok(())
    }

    fn let_all_go(&mut self) {
        self.product.elsewhere = None;
        let held = self
            .rollouts
            .iter_mut()
            .filter(|(_, rollout)| rollout.row.held_as_moved);
        for (id, rollout) in held {
            rollout.row.held_as_moved = false;
            rollout.row.takes_over = true;
            self.touched.insert(RowKey::rollout(*id));
        }
    }

    /// A voice for the freezes that the fact names; one that names none counts for those that bear the name now.
    fn apply_override(&mut self, id: RolloutId, fact: &FreezeOverridden) -> Result<(), Flaw> {
        let by = &fact.actor;
        if let Some(freezes) = &fact.freezes {
            let row = &mut self.rollout(id)?.row;
            fold_voice(&mut row.lifts, freezes.clone(), by);
            return Ok(());
        }
        let known = self.find(id).ok_or(Flaw::Unknown(id))?;
        let freezes = self.named_freezes(known, &fact.name);
        let rollout = self.rollout(id)?;
        fold_voice(&mut rollout.recalled, freezes, by);
        let voices = rollout.row.overrides.entry(fact.name.clone()).or_default();
        voices.insert(by.clone());
        Ok(())
    }

    fn apply_people(&mut self, fact: &PeopleChanged, at: Timestamp) {
        let Some(row) = &mut self.product.files else {
            return;
        };
        for (person, what) in &fact.whom {
            let what = what.clone();
            row.changed.insert(person.clone(), EntryChange { at, what });
        }
        self.touch(RowKey::files());
    }
}

impl Notes<'_> {
    /// It is about one rollout, or about everybody; nothing follows from what is only written down.
    pub(in crate::fold) fn note_person(&mut self, id: Option<RolloutId>, fact: &PersonFact) {
        match fact {
            PersonFact::Observed(_)
            | PersonFact::VariablesRevealed(_)
            | PersonFact::TokenCreated(_)
            | PersonFact::TokenRevoked(_) => {}
            PersonFact::Frozen(_)
            | PersonFact::Unfrozen(_)
            | PersonFact::Blocked(_)
            | PersonFact::Unblocked(_)
            | PersonFact::PeopleChanged(_) => self.wake_everybody(),
            PersonFact::Paused(_) | PersonFact::Resumed(_) | PersonFact::Denied(_) => match id {
                Some(id) => self.judge_again(id),
                None => self.wake_everybody(),
            },
            PersonFact::FreezeOverridden(_) => {
                if let Some(id) = id {
                    self.judge_again(id);
                    self.wake_rollout(id);
                }
            }
        }
    }
}
