//! Folds one fact into the state. There is no rule in here: a journal of an older release folds the same.
//!
//! What a fact is about decides where it is folded: the product, a rollout, a customer, a service.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "each fold names the kinds it knows and passes over the others"
)]

mod customer;
mod moved;
mod product;
mod rollout;
mod service;

use std::collections::BTreeMap;
use std::sync::Arc;

use policy::{PersonId, Plan, Timestamp};

use crate::event::{Event, Fact, Kind};
use crate::freezing::fold_voice;
use crate::ids::RunId;
use crate::index::Run;
use crate::product::{RowKey, State};
use crate::state::{PhaseState, Queued, RunRow, RunState, Unit};

impl State {
    /// Folds one event and notes the rows it touched.
    pub(crate) fn apply(&mut self, event: &Event) {
        self.product.seq = event.seq;
        self.product.hash.clone_from(&event.hash);
        self.product.at = event.at;
        self.touch(RowKey::product());
        let fact = &event.fact;
        match fact.rollout {
            None => self.apply_product(fact, event.at),
            Some(run) => self.apply_run(run, fact, event.at),
        }
    }

    fn apply_run(&mut self, id: RunId, fact: &Fact, at: Timestamp) {
        match fact.kind {
            Kind::RolloutQueued => self.apply_queued(id, fact, at),
            Kind::RolloutStarted | Kind::OperationStarted => self.apply_started(id, fact, at),
            Kind::Replanned => self.apply_replanned(id, fact),
            Kind::FreezeOverridden => self.apply_override(id, fact),
            _ => {}
        }
        self.apply_fleet(id, fact, at);
        let Some(run) = self.runs.get_mut(&id) else {
            return;
        };
        let mut touched = vec![RowKey::run(id)];
        run.apply(id, fact, at, &mut touched);
        for key in touched {
            self.touch(key);
        }
    }

    fn apply_queued(&mut self, id: RunId, fact: &Fact, at: Timestamp) {
        let (Some(input), Some(starter)) =
            (fact.read::<policy::PlanInput>("input"), fact.actor.clone())
        else {
            return;
        };
        self.count(id);
        self.apply_running(id, fact, at);
        let mut row = new_row(starter, at, fact);
        row.version.clone_from(&input.release.version);
        row.commit.clone_from(&input.release.commit);
        let conflict = fact.read("conflict").unwrap_or_default();
        row.queued = Some(Box::new(Queued { input, conflict }));
        self.runs.insert(id, Run::queued(row));
    }

    fn apply_started(&mut self, id: RunId, fact: &Fact, at: Timestamp) {
        let Some(plan) = fact.read::<Plan>("plan") else {
            return;
        };
        self.count(id);
        self.apply_running(id, fact, at);
        let starter = fact
            .actor
            .clone()
            .or_else(|| self.runs.get(&id).map(|run| run.row.starter.clone()));
        let Some(starter) = starter else { return };
        let (mut row, recalled) = match self.runs.remove(&id) {
            Some(queued) => (queued.row, queued.recalled),
            None => (new_row(starter, at, fact), Vec::new()),
        };
        row.started_at = Some(at);
        row.version.clone_from(&plan.release.version);
        row.commit.clone_from(&plan.release.commit);
        row.state = RunState::Running;
        row.queued = None;
        let mut run = Run::new(row, Arc::new(plan));
        run.recalled = recalled;
        if matches!(id, RunId::Operation(_)) {
            // An operation has one phase, which is under way at once.
            for phase in &mut run.phases {
                phase.state = PhaseState::Running;
                phase.started_at = Some(at);
            }
        }
        if let (Some(customer), Some(unit)) = (fact.customer.clone(), fact.read::<Unit>("unit")) {
            run.set_unit(&customer, |fresh| *fresh = unit);
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

    fn apply_replanned(&mut self, id: RunId, fact: &Fact) {
        let Some(plan) = fact.read::<Plan>("plan") else {
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
    fn apply_override(&mut self, id: RunId, fact: &Fact) {
        let (Some(name), Some(by)) = (fact.read::<String>("name"), fact.actor.clone()) else {
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

    fn count(&mut self, id: RunId) {
        match id {
            RunId::Rollout(n) => self.product.rollouts = self.product.rollouts.max(n),
            RunId::Operation(n) => self.product.operations = self.product.operations.max(n),
        }
    }
}

fn new_row(starter: PersonId, at: Timestamp, fact: &Fact) -> RunRow {
    RunRow {
        starter,
        requested_at: at,
        started_at: None,
        version: String::new(),
        commit: String::new(),
        state: RunState::Queued,
        paused: None,
        restored: false,
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
        queued: None,
    }
}
