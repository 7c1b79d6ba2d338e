//! Folds one fact into the state. There is no rule in here: a journal of an older release folds the same.
//!
//! What a fact is about decides where it is folded: the product, a rollout, a customer, a service.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "each fold names the kinds it knows and passes over the others"
)]

mod customer;
mod folded;
mod moved;
mod product;
mod rollout;
mod service;

use std::collections::BTreeMap;
use std::sync::Arc;

use policy::{PersonId, Plan, Release, Timestamp};

use self::folded::Folded;
use crate::fold::index::Rollout;
use crate::fold::state::{Damage, RowKey, State};
use crate::model::event::{Event, Kind};
use crate::model::freeze::fold_voice;
use crate::model::ids::RolloutId;
use crate::model::sound;
use crate::model::state::{CustomerState, PhaseState, Queued, RolloutRow, RolloutState};

impl State {
    /// Folds one event and notes the rows it touched.
    pub(crate) fn apply(&mut self, event: &Event) {
        self.product.seq = event.seq;
        self.product.hash.clone_from(&event.hash);
        self.product.at = event.at;
        self.touch(RowKey::product());
        let fact = Folded::new(&event.line);
        match fact.rollout {
            None => self.apply_product(&fact, event.at),
            Some(run) => self.apply_run(run, &fact, event.at),
        }
        if let Some(what) = fact.damage() {
            let seq = event.seq;
            self.damage.get_or_insert(Damage { seq, what });
        }
    }

    fn apply_run(&mut self, id: RolloutId, fact: &Folded<'_>, at: Timestamp) {
        match fact.kind {
            Kind::RolloutQueued => self.apply_queued(id, fact, at),
            Kind::RolloutStarted | Kind::OperationStarted => self.apply_started(id, fact, at),
            Kind::Replanned => self.apply_replanned(id, fact),
            Kind::FreezeOverridden => self.apply_override(id, fact),
            _ => {}
        }
        self.apply_fleet(id, fact, at);
        let Some(run) = self.runs.get_mut(&id) else {
            fact.note(format!("nothing says that {id} was ever asked for"));
            return;
        };
        let mut touched = vec![RowKey::run(id)];
        run.apply(id, fact, at, &mut touched);
        for key in touched {
            self.touch(key);
        }
    }

    fn apply_queued(&mut self, id: RolloutId, fact: &Folded<'_>, at: Timestamp) {
        let (Some(input), Some(starter)) = (
            fact.need::<policy::PlanInput>("input"),
            fact.take("actor", fact.actor.as_ref()),
        ) else {
            return;
        };
        self.count(id);
        self.apply_running(id, fact, at);
        let release = input.release.clone();
        let conflict = fact.read("conflict").unwrap_or_default();
        let state = RolloutState::Queued(Box::new(Queued { input, conflict }));
        let row = new_row(starter, at, fact, release, state);
        self.runs.insert(id, Rollout::queued(row));
    }

    fn apply_started(&mut self, id: RolloutId, fact: &Folded<'_>, at: Timestamp) {
        let Some(plan) = read_plan(fact) else {
            return;
        };
        self.count(id);
        self.apply_running(id, fact, at);
        let starter = fact
            .actor
            .clone()
            .or_else(|| self.runs.get(&id).map(|run| run.row.starter.clone()));
        let Some(starter) = fact.take("actor", starter.as_ref()) else {
            return;
        };
        let (mut row, recalled) = match self.runs.remove(&id) {
            Some(queued) => (queued.row, queued.recalled),
            None => {
                let release = plan.release.clone();
                let row = new_row(starter, at, fact, release, RolloutState::Running);
                (row, Vec::new())
            }
        };
        row.started_at = Some(at);
        row.version.clone_from(&plan.release.version);
        row.commit.clone_from(&plan.release.commit);
        row.state = RolloutState::Running;
        let mut run = Rollout::new(row, Arc::new(plan));
        run.recalled = recalled;
        if matches!(id, RolloutId::Operation(_)) {
            // An operation has one phase, which is under way at once.
            for phase in &mut run.phases {
                phase.state = PhaseState::Running;
                phase.started_at = Some(at);
            }
        }
        if let (Some(customer), Some(unit)) =
            (fact.customer.clone(), fact.read::<CustomerState>("unit"))
        {
            run.set_customer(&customer, |fresh| *fresh = unit);
            self.fleet.entry(customer.clone()).or_default().owner = Some(id);
            self.touch(RowKey::fleet(&customer));
            self.touch(RowKey::customer(id, &customer));
        }
        self.touch(RowKey::plan(id));
        for phase in &run.plan.phases {
            self.touched.insert(RowKey::phase(id, &phase.policy.name));
        }
        self.runs.insert(id, run);
    }

    fn apply_replanned(&mut self, id: RolloutId, fact: &Folded<'_>) {
        let Some(plan) = read_plan(fact) else {
            return;
        };
        let Some(run) = self.runs.get_mut(&id) else {
            return;
        };
        let mut rows = run.plan_rows(id);
        run.replan(Arc::new(plan));
        rows.extend(run.plan_rows(id));
        self.touched.extend(rows);
    }

    /// A voice for the freezes that the fact names; one that names none counts for those that bear the name now.
    fn apply_override(&mut self, id: RolloutId, fact: &Folded<'_>) {
        let name = fact.need::<String>("name");
        let (Some(name), Some(by)) = (name, fact.take("actor", fact.actor.as_ref())) else {
            return;
        };
        let bore = |run| self.named_freezes(run, &name);
        let recalled = match fact.data.contains_key("freezes") {
            true => None,
            false => self.runs.get(&id).map(bore),
        };
        let Some(run) = self.runs.get_mut(&id) else {
            return;
        };
        if let Some(freezes) = recalled {
            fold_voice(&mut run.recalled, freezes, &by);
            run.row.overrides.entry(name).or_default().insert(by);
        } else {
            let freezes = fact.read("freezes").unwrap_or_default();
            fold_voice(&mut run.row.lifts, freezes, &by);
        }
    }

    fn count(&mut self, id: RolloutId) {
        match id {
            RolloutId::Rollout(n) => self.product.rollouts = self.product.rollouts.max(n),
            RolloutId::Operation(n) => self.product.operations = self.product.operations.max(n),
        }
    }
}

impl Event {
    /// What nothing can be told without, should it be unreadable: the plan of a rollout, or what it is to be made from.
    pub fn damage(&self) -> Option<Damage> {
        let fact = Folded::new(&self.line);
        match fact.kind {
            Kind::RolloutQueued => drop(fact.need::<policy::PlanInput>("input")),
            Kind::RolloutStarted | Kind::OperationStarted | Kind::Replanned => {
                drop(read_plan(&fact));
            }
            _ => {}
        }
        let seq = self.seq;
        fact.damage().map(|what| Damage { seq, what })
    }
}

fn read_plan(fact: &Folded<'_>) -> Option<Plan> {
    let plan = fact.need::<Plan>("plan")?;
    if let Some(flaw) = sound::flaw(&plan) {
        fact.note(format!("its `plan` does not hold together: {flaw}"));
        return None;
    }
    Some(plan)
}

fn new_row(
    starter: PersonId,
    at: Timestamp,
    fact: &Folded<'_>,
    release: Release,
    state: RolloutState,
) -> RolloutRow {
    RolloutRow {
        starter,
        requested_at: at,
        started_at: None,
        version: release.version,
        commit: release.commit,
        state,
        paused: None,
        held_as_moved: false,
        takes_over: false,
        sweep: None,
        overrides: BTreeMap::new(),
        lifts: Vec::new(),
        hands: BTreeMap::new(),
        scope: fact.read("scope").unwrap_or_default(),
        clear_cache: fact.read("clear_cache").unwrap_or(false),
        deploy_timeout_ms: fact.read("deploy_timeout_ms"),
        operation: fact.read("verb"),
        replaces: fact.read("replaces").unwrap_or_default(),
        history: fact.read("history").unwrap_or_default(),
    }
}
