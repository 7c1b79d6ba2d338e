//! One rollout: its stored rows, and what is derived from them so that a step costs the same in a large fleet.

pub(crate) mod settled;
pub(crate) mod who;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use chrono_tz::Tz;
use policy::{CustomerId, Plan, PolicyId, Release, Timestamp};

use crate::fold::index::who::has_managed;
use crate::model::freeze::Lift;
use crate::model::ids::GateId;
use crate::model::state::{
    BatchRow, CustomerState, CustomerStatus, Failure, GateRow, HeldFrom, PhaseRow, PhaseState,
    RolloutRow, RolloutState,
};

/// One rollout or operation in memory.
#[derive(Clone, Debug)]
pub(crate) struct Rollout {
    pub(crate) row: RolloutRow,
    pub(crate) plan: Arc<Plan>,
    pub(crate) phases: Vec<PhaseRow>,
    pub(crate) batches: BTreeMap<(usize, u32), BatchRow>,
    pub(crate) gates: BTreeMap<GateId, GateRow>,
    /// Which freezes the voices in `row.overrides` were for: those that bore the name at that instant. Never stored, since
    /// rows must stay as the release wrote them that took the voices; a load takes it from the journal.
    pub(crate) recalled: Vec<Lift>,
    customers: BTreeMap<CustomerId, CustomerState>,
    /// Where each customer stands in the order of its phase (R2).
    positions: BTreeMap<CustomerId, Position>,
    /// First place of each batch of each phase, and the end.
    bounds: Vec<Vec<usize>>,
    /// Waiting customers of each phase, by place.
    waiting: Vec<BTreeSet<usize>>,
    /// Customers of each begun batch that are retried, in work or held.
    open: BTreeMap<(usize, u32), BTreeSet<usize>>,
    /// Healthy customers of each batch whose `watch` ends at an instant of its own.
    settling: BTreeMap<(usize, u32), BTreeSet<(Timestamp, usize)>>,
    /// Customers whose commands may be in flight, by phase and place.
    working: BTreeSet<(usize, usize)>,
    /// The same customers by phase and batch.
    at_work: BTreeSet<(usize, u32, usize)>,
    /// Healthy customers by phase and batch.
    healthy: BTreeSet<(usize, u32, usize)>,
    /// Customers whose rollback failed.
    stuck: BTreeSet<(usize, usize)>,
    /// Customers a person must decide about.
    held: BTreeSet<(usize, usize)>,
    /// Batches that have begun and not settled.
    unsettled: BTreeSet<(usize, u32)>,
    /// Customers whose auto-deploy we switched off and have not restored (P32).
    managed: BTreeSet<(usize, usize)>,
    /// What the customers of each phase weigh whose failures count (R12).
    failed_weight: Vec<u64>,
}

/// Where a customer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub(crate) phase: usize,
    pub(crate) index: usize,
}

static WAITING: CustomerState = CustomerState {
    status: CustomerStatus::Waiting,
    batch: None,
    was_healthy_at: None,
    failure: Failure::None,
    past_failures: 0,
    reason: None,
    unanswered: None,
    since: None,
    started_at: None,
    first_started_at: None,
    services: BTreeMap::new(),
    forced: false,
    hooks: crate::model::state::Hooks {
        before: crate::model::state::HookState {
            done: 0,
            begun: false,
        },
        after: crate::model::state::HookState {
            done: 0,
            begun: false,
        },
        on_rollback: crate::model::state::HookState {
            done: 0,
            begun: false,
        },
        restore_database: crate::model::state::HookState {
            done: 0,
            begun: false,
        },
    },
    recovery: None,
    unknown: BTreeSet::new(),
    accepted: BTreeSet::new(),
    deferral: None,
};

impl Rollout {
    /// A rollout that waits to begin, or ended before it began: it has no plan.
    pub(crate) fn queued(row: RolloutRow) -> Self {
        let plan = row.state.asked().map(|asked| empty_plan(&asked.input));
        let plan = plan.expect("a rollout without a plan keeps its input");
        Self::new(row, Arc::new(plan))
    }

    /// A rollout in which nobody has started.
    pub(crate) fn new(row: RolloutRow, plan: Arc<Plan>) -> Self {
        let phases = vec![PhaseRow::default(); plan.phases.len()];
        let mut rollout = Self {
            row,
            plan,
            phases,
            batches: BTreeMap::new(),
            gates: BTreeMap::new(),
            recalled: Vec::new(),
            customers: BTreeMap::new(),
            positions: BTreeMap::new(),
            bounds: Vec::new(),
            waiting: Vec::new(),
            open: BTreeMap::new(),
            settling: BTreeMap::new(),
            working: BTreeSet::new(),
            at_work: BTreeSet::new(),
            healthy: BTreeSet::new(),
            stuck: BTreeSet::new(),
            held: BTreeSet::new(),
            unsettled: BTreeSet::new(),
            managed: BTreeSet::new(),
            failed_weight: Vec::new(),
        };
        rollout.derive();
        rollout
    }

    /// Puts stored units in place; `derive` must follow.
    pub(crate) fn load_customer(&mut self, customer: CustomerId, state: CustomerState) {
        self.customers.insert(customer, state);
    }

    /// Derives everything from the rows.
    pub(crate) fn derive(&mut self) {
        let plan = Arc::clone(&self.plan);
        self.positions.clear();
        self.bounds.clear();
        self.waiting.clear();
        self.open.clear();
        self.settling.clear();
        self.working.clear();
        self.at_work.clear();
        self.healthy.clear();
        self.stuck.clear();
        self.held.clear();
        self.managed.clear();
        self.failed_weight = vec![0; plan.phases.len()];
        self.unsettled = self
            .batches
            .iter()
            .filter(|(_, row)| row.settled_at.is_none())
            .map(|(key, _)| *key)
            .collect();
        for (phase, planned) in plan.phases.iter().enumerate() {
            let mut ends = vec![0];
            for size in &planned.sizes {
                ends.push(ends.last().copied().unwrap_or(0) + size);
            }
            self.bounds.push(ends);
            self.waiting.push((0..planned.customers.len()).collect());
            for (index, customer) in planned.customers.iter().enumerate() {
                self.positions
                    .insert(customer.clone(), Position { phase, index });
            }
        }
        let customers: Vec<CustomerId> = self.customers.keys().cloned().collect();
        for customer in customers {
            self.file(&customer);
        }
    }

    /// Takes a new plan for what has not started (R6); phases keep their rows by name.
    pub(crate) fn replan(&mut self, plan: Arc<Plan>) {
        let names: Vec<PolicyId> = self
            .plan
            .phases
            .iter()
            .map(|phase| phase.policy.name.clone())
            .collect();
        let mut rows: BTreeMap<PolicyId, PhaseRow> = names
            .iter()
            .cloned()
            .zip(std::mem::take(&mut self.phases))
            .collect();
        let batches = std::mem::take(&mut self.batches);
        self.plan = plan;
        self.phases = self
            .plan
            .phases
            .iter()
            .map(|phase| rows.remove(&phase.policy.name).unwrap_or_default())
            .collect();
        for ((phase, batch), row) in batches {
            if let Some(phase) = names.get(phase).and_then(|name| self.phase_index(name)) {
                self.batches.insert((phase, batch), row);
            }
        }
        let gates = std::mem::take(&mut self.gates);
        self.derive();
        // Of gates that are no more nothing stays.
        self.gates = gates
            .into_iter()
            .filter(|(gate, _)| self.has_gate(gate))
            .collect();
        self.reopen_phases();
    }

    /// Phases that were through go on with the customers that a replan has added.
    fn reopen_phases(&mut self) {
        for (row, waiting) in self.phases.iter_mut().zip(&self.waiting) {
            if row.state.is_through() && !waiting.is_empty() {
                row.state = match row.started_at {
                    Some(_) => PhaseState::Running,
                    None => PhaseState::Waiting,
                };
            }
        }
    }

    /// The customer's state; one without a row waits.
    pub(crate) fn customer(&self, customer: &CustomerId) -> &CustomerState {
        self.customers.get(customer).unwrap_or(&WAITING)
    }

    /// What a planned customer is to run.
    pub(crate) fn release_of(&self, customer: &CustomerId) -> &Release {
        let planned = self.plan.customers.get(customer);
        let own = planned.and_then(|planned| planned.own.as_ref());
        own.map_or(&self.plan.release, |own| &own.release)
    }

    /// The stored units.
    pub(crate) fn customers(&self) -> impl Iterator<Item = (&CustomerId, &CustomerState)> {
        self.customers.iter()
    }

    /// Whether the customer has a row.
    pub(crate) fn has_customer(&self, customer: &CustomerId) -> bool {
        self.customers.contains_key(customer)
    }

    /// Changes a customer and files it anew.
    pub(crate) fn set_customer(
        &mut self,
        customer: &CustomerId,
        change: impl FnOnce(&mut CustomerState),
    ) {
        self.unfile(customer);
        change(self.customers.entry(customer.clone()).or_default());
        self.file(customer);
    }

    fn unfile(&mut self, customer: &CustomerId) {
        let Some(&Position { phase, index }) = self.positions.get(customer) else {
            return;
        };
        self.waiting[phase].remove(&index);
        self.working.remove(&(phase, index));
        self.stuck.remove(&(phase, index));
        self.held.remove(&(phase, index));
        self.managed.remove(&(phase, index));
        if self.customer(customer).failure == Failure::Counts {
            let weight = self.plan.weight_of(customer);
            self.failed_weight[phase] = self.failed_weight[phase].saturating_sub(weight);
        }
        let (batch, watched_until) = (self.customer(customer).batch, self.settles_at(customer));
        let Some(batch) = batch else { return };
        self.at_work.remove(&(phase, batch, index));
        self.healthy.remove(&(phase, batch, index));
        if let (Some(open), Some(until)) = (self.settling.get_mut(&(phase, batch)), watched_until) {
            open.remove(&(until, index));
        }
    }

    fn file(&mut self, customer: &CustomerId) {
        let Some(&Position { phase, index }) = self.positions.get(customer) else {
            return;
        };
        let state = self.customers.get(customer).unwrap_or(&WAITING);
        let batch = state.batch;
        let status = state.status.clone();
        if state.failure == Failure::Counts {
            let weight = self.plan.weight_of(customer);
            self.failed_weight[phase] = self.failed_weight[phase].saturating_add(weight);
        }
        match status {
            CustomerStatus::Waiting => {
                self.waiting[phase].insert(index);
            }
            CustomerStatus::Forward | CustomerStatus::Backward | CustomerStatus::Withdrawing => {
                self.waiting[phase].remove(&index);
                self.working.insert((phase, index));
            }
            CustomerStatus::Healthy(_) => {
                self.waiting[phase].remove(&index);
                self.healthy.insert((phase, batch.unwrap_or(0), index));
            }
            CustomerStatus::Held { from } => {
                // One that was held at its turn has still to start: its batch stays open (R18).
                match from {
                    HeldFrom::Waiting => self.waiting[phase].insert(index),
                    HeldFrom::Forward
                    | HeldFrom::Healthy
                    | HeldFrom::Backward
                    | HeldFrom::Withdrawing => self.waiting[phase].remove(&index),
                };
                self.held.insert((phase, index));
            }
            CustomerStatus::RollbackFailed => {
                self.waiting[phase].remove(&index);
                self.stuck.insert((phase, index));
            }
            CustomerStatus::Unchanged
            | CustomerStatus::RolledBack
            | CustomerStatus::Applied
            | CustomerStatus::Excluded
            | CustomerStatus::Skipped => {
                self.waiting[phase].remove(&index);
            }
        }
        if has_managed(state) {
            self.managed.insert((phase, index));
        }
        let Some(batch) = batch else { return };
        if status.is_working() {
            self.at_work.insert((phase, batch, index));
        }
        let open = self.open.entry((phase, batch)).or_default();
        if status.is_healthy() || status.is_over() {
            open.remove(&index);
        } else {
            open.insert(index);
        }
        if let (true, Some(until)) = (status.is_healthy(), self.settles_at(customer))
            && !self.plan.phases[phase].policy.watch.is_zero()
        {
            self.settling
                .entry((phase, batch))
                .or_default()
                .insert((until, index));
        }
    }

    /// Where the customer stands.
    pub(crate) fn position(&self, customer: &CustomerId) -> Option<Position> {
        self.positions.get(customer).copied()
    }

    /// The customer's phase.
    pub(crate) fn phase_of(&self, customer: &CustomerId) -> Option<usize> {
        self.positions.get(customer).map(|index| index.phase)
    }

    /// The phase with this name.
    pub(crate) fn phase_index(&self, name: &PolicyId) -> Option<usize> {
        self.plan
            .phases
            .iter()
            .position(|phase| &phase.policy.name == name)
    }

    /// Who stands there.
    pub(crate) fn at(&self, position: Position) -> &CustomerId {
        self.at_place(position.phase, position.index)
    }

    /// The state of who stands there.
    pub(crate) fn state_at(&self, position: Position) -> &CustomerState {
        self.customer(self.at(position))
    }

    /// The customer at a place of a phase.
    pub(crate) fn at_place(&self, phase: usize, index: usize) -> &CustomerId {
        &self.plan.phases[phase].customers[index]
    }

    /// Where a planned customer's local time is local.
    pub(crate) fn zone_of(&self, customer: &CustomerId) -> Tz {
        let planned = &self.plan.customers[customer];
        let own = planned.customer.timezone;
        own.unwrap_or(self.plan.project.timezone)
    }

    /// Whether batches are made in the order of starts: one at a time, whoever can go.
    pub(crate) fn is_dynamic(&self, phase: usize) -> bool {
        self.plan.phases[phase].policy.goes_one_by_one()
    }

    /// What the customers of a phase weigh whose failures count (R12).
    pub(crate) fn failed_weight(&self, phase: usize) -> u64 {
        self.failed_weight[phase]
    }

    /// Number of batches of the phase.
    pub(crate) fn batch_count(&self, phase: usize) -> u32 {
        u32::try_from(self.plan.phases[phase].sizes.len()).unwrap_or(u32::MAX)
    }

    /// The batch a waiting customer would go in.
    pub(crate) fn batch_of(&self, customer: &CustomerId) -> Option<u32> {
        let state = self.customer(customer);
        if state.batch.is_some() {
            return state.batch;
        }
        let Position { phase, index } = self.position(customer)?;
        if self.is_dynamic(phase) {
            return None;
        }
        let after = self.bounds[phase].partition_point(|start| *start <= index);
        u32::try_from(after).ok()
    }

    /// The places of a batch (from 1).
    pub(crate) fn batch_places(&self, phase: usize, batch: u32) -> Range<usize> {
        let bounds = &self.bounds[phase];
        let batch = usize::try_from(batch).unwrap_or(usize::MAX);
        match (bounds.get(batch.saturating_sub(1)), bounds.get(batch)) {
            (Some(from), Some(until)) => *from..*until,
            (_, _) => 0..0,
        }
    }

    /// The customers of a batch: of a dynamic one those that have started in it.
    pub(crate) fn batch_customers(&self, phase: usize, batch: u32) -> Vec<CustomerId> {
        if self.is_dynamic(phase) {
            let members = self.plan.phases[phase].customers.iter();
            return members
                .filter(|customer| self.customer(customer).batch == Some(batch))
                .cloned()
                .collect();
        }
        self.plan.phases[phase].customers[self.batch_places(phase, batch)].to_vec()
    }

    /// Where starts make the batches: the first batch that a retry has opened anew, and whom it waits for.
    pub(crate) fn reopened(&self, phase: usize) -> Option<(u32, usize)> {
        self.unsettled(phase).find_map(|batch| {
            let open = self.open.get(&(phase, batch))?;
            let retried = open.intersection(&self.waiting[phase]).next()?;
            Some((batch, *retried))
        })
    }

    /// Whether the rollout is over.
    pub(crate) fn is_ended(&self) -> bool {
        matches!(self.row.state, RolloutState::Ended { .. })
    }
}

fn empty_plan(input: &policy::PlanInput) -> Plan {
    Plan {
        digest: String::new(),
        product: input.project.product.clone(),
        release: input.release.clone(),
        phases: Vec::new(),
        customers: BTreeMap::new(),
        left_out: BTreeMap::new(),
        freezes: Vec::new(),
        project: input.project.clone(),
    }
}
