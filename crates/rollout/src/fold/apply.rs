//! Folds one fact into the state. There is no rule in here: a journal of an older release folds the same.
//!
//! A file a family of facts: how each is folded, and what it sets in motion in memory.

mod customer;
mod deploy;
mod engine;
mod fleet;
mod gate;
mod health;
mod hook;
mod moved;
mod person;
mod phase;
mod recovery;
mod rollback;
mod rollout;
mod variables;

use policy::{Plan, Timestamp};

use crate::fold::index::Rollout;
use crate::fold::state::{Damage, RowKey, State};
use crate::model::event::{Event, Kind, Line};
use crate::model::fact::{Fact, Unreadable};
use crate::model::ids::RolloutId;
use crate::model::plan_flaw;
use crate::model::request::Proof;

/// Why a fact does not fold, as a sentence fragment about its event.
#[derive(Clone, Debug, thiserror::Error)]
enum Flaw {
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    #[error("its `plan` does not hold together: {0}")]
    Plan(String),
    #[error("nothing says that {0} was ever asked for")]
    Unknown(RolloutId),
}

impl State {
    /// Folds one event of a journal and notes the rows it touched.
    pub(crate) fn apply(&mut self, event: &Event) {
        let fact = Fact::read(&event.line);
        self.take(event, fact.as_ref().map_err(|why| why.clone().into()));
    }

    /// The same, of an event whose fact is at hand.
    pub(crate) fn apply_told(&mut self, event: &Event, fact: &Fact) {
        self.take(event, Ok(fact));
    }

    fn take(&mut self, event: &Event, fact: Result<&Fact, Flaw>) {
        self.product.seq = event.seq;
        self.product.hash.clone_from(&event.hash);
        self.product.at = event.at;
        self.touch(RowKey::product());
        let folded = fact.and_then(|fact| self.fold(&event.line, fact, event.at));
        if let Err(flaw) = folded {
            let (seq, what) = (event.seq, flaw.to_string());
            self.damage.get_or_insert(Damage { seq, what });
        }
    }

    fn fold(&mut self, line: &Line, fact: &Fact, at: Timestamp) -> Result<(), Flaw> {
        let proof = line.proof()?;
        let rollout = || {
            line.rollout
                .ok_or(Unreadable::Missing("rollout".to_owned()))
        };
        match fact {
            Fact::Engine(fact) => self.apply_engine(fact, at),
            Fact::Person(fact) => self.apply_person(line.rollout, fact, at)?,
            Fact::Rollout(fact) => self.apply_rollout(rollout()?, fact, at)?,
            Fact::Phase(fact) => self.apply_phase(rollout()?, fact, at)?,
            Fact::Gate(fact) => self.apply_gate(rollout()?, fact, proof.as_ref(), at)?,
            Fact::Customer(fact) => self.apply_customer(rollout()?, fact, at)?,
            Fact::Hook(fact) => self.apply_hook(rollout()?, fact, at)?,
            Fact::Variables(fact) => self.apply_variables(rollout()?, fact, at)?,
            Fact::Deploy(fact) => self.apply_deploy(rollout()?, fact, at)?,
            Fact::Health(fact) => self.apply_health(rollout()?, fact, at)?,
            Fact::Rollback(fact) => self.apply_rollback(rollout()?, fact, at)?,
            Fact::Recovery(fact) => self.apply_recovery(rollout()?, fact, at)?,
        }
        if fact.kind() != Kind::Denied {
            self.apply_hand(line, proof);
        }
        Ok(())
    }

    /// Who has acted in a rollout, and with what; a refusal is no act.
    fn apply_hand(&mut self, line: &Line, proof: Option<Proof>) {
        let rollout = line.rollout.and_then(|id| self.rollouts.get_mut(&id));
        if let (Some(rollout), Some(actor), Some(proof)) = (rollout, line.actor.clone(), proof) {
            let hands = rollout.row.hands.entry(actor).or_default();
            hands.insert(proof.hand());
        }
    }

    /// The rollout that a fact is about.
    fn rollout(&mut self, id: RolloutId) -> Result<&mut Rollout, Flaw> {
        let rollout = self.rollouts.get_mut(&id).ok_or(Flaw::Unknown(id))?;
        self.touched.insert(RowKey::rollout(id));
        Ok(rollout)
    }
}

impl Event {
    /// What nothing can be told without, should it be unreadable: the plan of a rollout, or what it is to be made from.
    pub fn damage(&self) -> Option<Damage> {
        let tells = matches!(
            self.line.kind,
            Kind::RolloutQueued | Kind::RolloutStarted | Kind::OperationStarted | Kind::Replanned
        );
        if !tells {
            return None;
        }
        let flaw = match Fact::read(&self.line) {
            Ok(fact) => sound(fact.plan()?).err()?,
            Err(unreadable) => unreadable.into(),
        };
        let (seq, what) = (self.seq, flaw.to_string());
        Some(Damage { seq, what })
    }
}

/// Refuses a plan that does not hold together.
fn sound(plan: &Plan) -> Result<(), Flaw> {
    match plan_flaw::flaw(plan) {
        None => Ok(()),
        Some(flaw) => Err(Flaw::Plan(flaw)),
    }
}
