//! The state as people look at it: plain values for `status`, `approvals`, `list` and `why`.

pub(crate) mod gate;
pub(crate) mod product;

use policy::{CustomerId, PersonId, Plan, PolicyId, Role, Timestamp};
use serde::Serialize;

use crate::fold::index::Rollout;
use crate::model::actor::Directory;
use crate::model::hold::Hold;
use crate::model::ids::{DeployId, RolloutId};
use crate::model::standing::{BatchStanding, CustomerStanding, PhaseStanding, RolloutStanding};
pub use crate::model::state::Outcome as EndState;
use crate::model::state::{CustomerStatus, DrainTo, Outcome, PhaseState, RolloutState};
use crate::product::Product;
pub use crate::read::view::gate::{EntryView, GateForecast, GateView, VoteView};
pub use crate::read::view::product::{HiddenView, MovedView, ProductView, RunningView};

/// So many of a phase's waiting customers are asked what holds them.
const LOOKED_AT: usize = 20;

/// A rollout or operation.
#[derive(Clone, Debug, Serialize)]
pub struct RolloutView {
    /// `r1`, `o1`.
    pub id: RolloutId,
    /// The release's version.
    pub version: String,
    /// The release's commit.
    pub commit: String,
    /// The plan's digest.
    pub digest: String,
    /// Who asked for it.
    pub starter: PersonId,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// What it does now, or its outcome.
    pub state: RolloutStanding,
    /// How it ended, or that it rests halted; `ended_at` says which.
    pub outcome: Option<Outcome>,
    /// Why it stands where it stands.
    pub reason: Option<String>,
    /// The rollouts that a queued one waits for.
    pub behind: Vec<RolloutId>,
    /// Who paused it.
    pub paused_by: Option<PersonId>,
    /// In order.
    pub phases: Vec<PhaseView>,
    /// Every planned customer, in the order of phases and R2.
    pub customers: Vec<CustomerView>,
    /// Every gate, in order.
    pub gates: Vec<GateView>,
}

impl RolloutView {
    /// Whether it is over for good. One that has halted is not: it rests.
    pub fn has_ended(&self) -> bool {
        self.ended_at.is_some()
    }

    /// Whether it has stopped itself and waits for a person.
    pub fn is_halted(&self) -> bool {
        self.outcome == Some(Outcome::Halted)
    }
}

/// A rollout or operation in short, without a look at its customers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShortView {
    /// `r1`, `o1`.
    pub id: RolloutId,
    /// What it does now, or its outcome.
    pub state: RolloutStanding,
    /// Whether it is over for good.
    pub has_ended: bool,
}

/// A phase.
#[derive(Clone, Debug, Serialize)]
pub struct PhaseView {
    /// Its policy's name.
    pub name: PolicyId,
    /// How it stands.
    pub state: PhaseStanding,
    /// Its own first instant.
    pub not_before: Option<Timestamp>,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it settled.
    pub settled_at: Option<Timestamp>,
    /// When its soak ends.
    pub soak_until: Option<Timestamp>,
    /// When the delay between batches ends.
    pub delay_until: Option<Timestamp>,
    /// Why nobody of a phase that runs starts at the instant of the view, where nobody is on the way: the hold that ends
    /// first.
    pub waits_for: Option<Hold>,
    /// Failures that count.
    pub failures: u32,
    /// Failures that are tolerated; absent where their weight decides.
    pub tolerated: Option<u32>,
    /// What it weighs, where weights say something.
    #[serde(flatten)]
    pub weights: Option<WeightView>,
    /// Its batches; of a phase that goes one by one only those that have begun.
    pub batches: Vec<BatchView>,
}

/// What a phase weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct WeightView {
    /// All its planned customers.
    pub weight: u64,
    /// Those who have settled.
    pub settled_weight: u64,
    /// Those whose failures count.
    pub failed_weight: u64,
    /// What may fail, where the policy counts by weight.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tolerated_weight: Option<u64>,
}

/// A batch.
#[derive(Clone, Debug, Serialize)]
pub struct BatchView {
    /// From 1.
    pub number: u32,
    /// Its customers.
    pub customers: Vec<CustomerId>,
    /// How it stands.
    pub state: BatchStanding,
    /// When its first customer started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When its last customer had settled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settled_at: Option<Timestamp>,
    /// What its customers weigh, where weights say something.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<u64>,
}

/// A customer in a rollout.
#[derive(Clone, Debug, Serialize)]
pub struct CustomerView {
    /// Its key.
    pub customer: CustomerId,
    /// Its phase.
    pub phase: PolicyId,
    /// Its batch, where it is known.
    pub batch: Option<u32>,
    /// How it stands.
    pub state: CustomerStanding,
    /// The service that is being worked on.
    pub service: Option<Role>,
    /// The deploy that is being worked on.
    pub deploy: Option<DeployId>,
    /// Its attempt.
    pub attempt: Option<u32>,
    /// Since when it stands so.
    pub since: Option<Timestamp>,
    /// Why, where there is a reason.
    pub note: Option<String>,
    /// For which of Render's limits its work waits; only known where whoever drives it has told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<Hold>,
}

impl Product {
    /// Every rollout and operation, in the order of their start.
    pub fn overview(&self) -> Vec<RolloutView> {
        self.state
            .rollouts
            .iter()
            .map(|(id, run)| self.view(*id, run, self.at))
            .collect()
    }

    /// The same at an instant, with what each phase waits for and when the turn of each gate comes from then on.
    pub fn overview_at(&self, at: Timestamp) -> Vec<RolloutView> {
        let runs = self.state.rollouts.iter();
        let views = runs.map(|(id, run)| self.view(*id, run, at.max(self.at)));
        let mut views: Vec<RolloutView> = views.collect();
        for view in &mut views {
            self.add_waits(view, at);
        }
        views
    }

    /// One of them at an instant.
    pub fn rollout_view_at(&self, id: RolloutId, at: Timestamp) -> Option<RolloutView> {
        let run = self.state.rollouts.get(&id)?;
        let mut view = self.view(id, run, at.max(self.at));
        self.add_waits(&mut view, at);
        Some(view)
    }

    /// The instant of the last thing that is known to have happened: no clock that this state goes by is behind it.
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// Adds what each phase waits for.
    fn add_waits(&self, view: &mut RolloutView, at: Timestamp) {
        let run = &self.state.rollouts[&view.id];
        for (phase, row) in view.phases.iter_mut().enumerate() {
            row.waits_for = self.phase_waits(view.id, run, phase, at);
        }
    }

    /// Which rollouts and operations there are, in the same order, and in short how each stands.
    pub fn in_short(&self) -> impl DoubleEndedIterator<Item = ShortView> {
        let runs = self.state.rollouts.iter();
        runs.map(|(id, run)| ShortView {
            id: *id,
            state: state_of(run).0,
            has_ended: run.is_ended(),
        })
    }

    /// One rollout or operation.
    pub fn rollout_view(&self, id: RolloutId) -> Option<RolloutView> {
        self.state
            .rollouts
            .get(&id)
            .map(|run| self.view(id, run, self.at))
    }

    /// The frozen plan of a rollout.
    pub fn plan(&self, id: RolloutId) -> Option<&Plan> {
        self.state.rollouts.get(&id).map(|run| &*run.plan)
    }

    /// The people whom the files named when they were last read, with what proves them: as last valid, and what broken ones
    /// have left of that. `None`: that is not known.
    pub fn directories(&self) -> Option<(&Directory, &Directory)> {
        let product = &self.state.product;
        let valid = &product.read_files()?.directory;
        Some((valid, product.directory().unwrap_or(valid)))
    }

    fn view(&self, id: RolloutId, run: &Rollout, at: Timestamp) -> RolloutView {
        let (state, reason) = state_of(run);
        let (outcome, ended_at) = match &run.row.state {
            RolloutState::Ended { at, outcome, .. } => (Some(*outcome), Some(*at)),
            RolloutState::Halted { .. } => (Some(Outcome::Halted), None),
            RolloutState::Queued(_) | RolloutState::Running | RolloutState::Draining { .. } => {
                (None, None)
            }
        };
        let phases = 0..run.phases.len();
        RolloutView {
            id,
            version: run.row.version.clone(),
            commit: run.row.commit.clone(),
            digest: run.plan.digest.clone(),
            starter: run.row.starter.clone(),
            requested_at: run.row.requested_at,
            started_at: run.row.started_at,
            ended_at,
            state,
            outcome,
            reason,
            behind: self.blockers(id),
            paused_by: run.row.paused.as_ref().and_then(|mark| mark.by.clone()),
            phases: phases.clone().map(|phase| run.phase_view(phase)).collect(),
            customers: run.customer_views(),
            gates: phases
                .flat_map(|phase| self.gate_views(id, run, phase, at))
                .collect(),
        }
    }

    /// Of the next customers of a phase, what holds the one that can go first.
    fn phase_waits(
        &self,
        id: RolloutId,
        run: &Rollout,
        phase: usize,
        at: Timestamp,
    ) -> Option<Hold> {
        let runs = matches!(run.phases[phase].state, PhaseState::Running);
        if !runs || run.is_ending() || run.working_in(phase).next().is_some() {
            return None;
        }
        let next = run.waiting(phase).iter().take(LOOKED_AT);
        let holds = next.map(|place| self.holds(id, run.at_place(phase, *place), at));
        let ends = |holds: &Vec<Hold>| {
            let untils = holds
                .iter()
                .map(|hold| hold.until.unwrap_or(Timestamp::MAX_UTC));
            untils.max()
        };
        holds
            .min_by_key(ends)?
            .into_iter()
            .max_by_key(|hold| hold.until.unwrap_or(Timestamp::MAX_UTC))
    }
}

fn state_of(run: &Rollout) -> (RolloutStanding, Option<String>) {
    let state = match &run.row.state {
        RolloutState::Queued(_) => RolloutStanding::Queued,
        RolloutState::Running if run.row.paused.is_some() => RolloutStanding::Paused,
        RolloutState::Running => RolloutStanding::Running,
        RolloutState::Draining {
            to: DrainTo::Halted,
            ..
        } => RolloutStanding::Halting,
        RolloutState::Draining {
            to: DrainTo::Aborted,
            ..
        } => RolloutStanding::Aborting,
        RolloutState::Draining {
            to: DrainTo::Superseded,
            ..
        } => RolloutStanding::BeingSuperseded,
        RolloutState::Halted { reason, .. } => {
            return (RolloutStanding::Halted, Some(reason.clone()));
        }
        RolloutState::Ended { outcome, .. } => return ((*outcome).into(), None),
    };
    let reason = run.row.paused.as_ref().and_then(|mark| mark.reason.clone());
    (state, reason)
}

impl Rollout {
    fn phase_view(&self, phase: usize) -> PhaseView {
        let row = &self.phases[phase];
        let planned = &self.plan.phases[phase];
        let (state, settled_at, soak_until) = match &row.state {
            PhaseState::Settled { at } => (PhaseStanding::Settled, Some(*at), None),
            PhaseState::Waiting | PhaseState::Running | PhaseState::Soaking { .. }
                if self.is_ended() =>
            {
                (PhaseStanding::Ended, None, None)
            }
            PhaseState::Waiting => (PhaseStanding::Waiting, None, None),
            PhaseState::Running => (PhaseStanding::Running, None, None),
            PhaseState::Soaking { until, .. } => (PhaseStanding::Soaking, None, Some(*until)),
        };
        let weighs = self.plan.weighs(planned);
        let batches = if self.is_dynamic(phase) {
            row.batches_begun
        } else {
            self.batch_count(phase)
        };
        PhaseView {
            name: planned.policy.name.clone(),
            state,
            not_before: self.not_before_at(phase),
            started_at: row.started_at,
            settled_at,
            soak_until,
            delay_until: row.delay.as_ref().map(|delay| delay.until),
            waits_for: None,
            failures: row.failures,
            tolerated: planned.tolerated_number(),
            weights: weighs.then(|| self.weight_view(phase)),
            batches: (1..=batches)
                .map(|batch| self.batch_view(phase, batch, weighs))
                .collect(),
        }
    }

    fn weight_view(&self, phase: usize) -> WeightView {
        let planned = &self.plan.phases[phase];
        let customers = planned.customers.iter();
        let settled = customers.filter(|customer| {
            let state = &self.customer(customer).status;
            state.is_healthy() || state.is_over()
        });
        WeightView {
            weight: self.plan.weight_together(&planned.customers),
            settled_weight: self.plan.weight_together(settled),
            failed_weight: self.failed_weight(phase),
            tolerated_weight: planned.tolerated_weight,
        }
    }

    fn batch_view(&self, phase: usize, batch: u32, weighs: bool) -> BatchView {
        let row = self.batches.get(&(phase, batch));
        let state = match row {
            None => BatchStanding::Waiting,
            Some(row) if row.settled_at.is_some() => BatchStanding::Settled,
            Some(_) => BatchStanding::Running,
        };
        let customers = self.batch_customers(phase, batch);
        BatchView {
            number: batch,
            weight: weighs.then(|| self.plan.weight_together(&customers)),
            customers,
            state,
            started_at: row.and_then(|row| row.started_at),
            settled_at: row.and_then(|row| row.settled_at),
        }
    }

    fn customer_views(&self) -> Vec<CustomerView> {
        let planned = self.plan.phases.iter().flat_map(|phase| {
            phase
                .customers
                .iter()
                .map(move |customer| (phase, customer))
        });
        planned
            .map(|(phase, customer)| {
                let state = self.customer(customer);
                let role = crate::customer::ctx::current(state, &self.plan.customers[customer]);
                let in_hand = role.filter(|_| {
                    state.status.is_working() || matches!(state.status, CustomerStatus::Held { .. })
                });
                let service = in_hand.as_ref().and_then(|role| state.services.get(role));
                CustomerView {
                    customer: customer.clone(),
                    phase: phase.policy.name.clone(),
                    batch: self.batch_of(customer),
                    state: CustomerStanding::from(&state.status),
                    deploy: service.and_then(|service| service.deploy.id().cloned()),
                    attempt: service.map(|service| service.attempt),
                    service: in_hand,
                    since: state.since,
                    note: state.reason.clone(),
                    waits_for: None,
                }
            })
            .collect()
    }
}
