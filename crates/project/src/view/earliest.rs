//! When could each customer start at the earliest? Every deploy is taken to need no time and every gate to open at once,
//! so nothing can happen before these instants; `tranche simulate` gives the exact timeline.

use policy::calendar::{Freeze, Opening, SEARCH_HORIZON, Windows};
use policy::plan::Phase;
use policy::{CustomerId, Plan, PlannedCustomer, Timestamp};
use serde::Serialize;

/// So many freezes and windows are looked at for one customer before it counts as never able to start.
const STEPS: usize = 1_000;

/// The earliest instants of one phase. `None`: not within the years that are looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PhaseTimes {
    /// When the phase starts.
    pub starts_at: Option<Timestamp>,
    /// Its batches in order.
    pub batches: Vec<BatchTimes>,
    /// When its last customer has settled and its soak is over.
    pub settles_at: Option<Timestamp>,
}

/// The earliest instants of one batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BatchTimes {
    /// From 1.
    pub number: usize,
    /// What its customers weigh together, where weights say something.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<u64>,
    /// When its first customer can start.
    pub starts_at: Option<Timestamp>,
    /// Its customers, in the order in which they can start where the policy lets the first that is ready go.
    pub customers: Vec<CustomerTime>,
}

/// The earliest instant of one customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CustomerTime {
    /// Who.
    pub customer: CustomerId,
    /// When.
    pub starts_at: Option<Timestamp>,
}

/// Computes the earliest instants of all phases of a plan that starts at `at`.
pub fn earliest(plan: &Plan, at: Timestamp) -> Vec<PhaseTimes> {
    let mut phases: Vec<PhaseTimes> = Vec::with_capacity(plan.phases.len());
    for phase in &plan.phases {
        let before = phase.after.iter().filter_map(|index| phases.get(*index));
        let ready = before.map(|before| before.settles_at).try_fold(at, later);
        phases.push(phase_times(plan, phase, at, ready));
    }
    phases
}

fn phase_times(plan: &Plan, phase: &Phase, at: Timestamp, ready: Option<Timestamp>) -> PhaseTimes {
    if phase.customers.is_empty() {
        // A phase without customers counts as settled at once; its own times are ignored.
        return PhaseTimes {
            starts_at: ready,
            batches: Vec::new(),
            settles_at: ready,
        };
    }
    let own = add(at, phase.policy.not_before);
    let starts_at = ready.and_then(|ready| later(ready, own));
    let mut clock = starts_at;
    let mut batches = Vec::with_capacity(phase.sizes.len());
    for (index, customers) in slices(plan, phase, starts_at).iter().enumerate() {
        if index > 0 {
            clock = clock.and_then(|clock| add(clock, phase.policy.delay));
        }
        let batch = batch_times(plan, phase, index + 1, customers, clock);
        clock = batch
            .customers
            .iter()
            .map(|one| one.starts_at)
            .try_fold_latest();
        clock = clock.and_then(|clock| add(clock, phase.policy.watch));
        batches.push(batch);
    }
    let settles_at = clock.and_then(|clock| add(clock, phase.policy.soak));
    PhaseTimes {
        starts_at,
        batches,
        settles_at,
    }
}

/// The customers of each batch; with one at a time and `order: ready`, whoever can go first comes first.
fn slices(plan: &Plan, phase: &Phase, starts_at: Option<Timestamp>) -> Vec<Vec<CustomerId>> {
    let mut customers = phase.customers.clone();
    if phase.policy.goes_one_by_one() {
        customers.sort_by_cached_key(|id| {
            let at = starts_at.and_then(|at| customer_time(plan, phase, id, at));
            at.unwrap_or(Timestamp::MAX_UTC)
        });
    }
    let mut rest = customers.as_slice();
    let mut slices = Vec::with_capacity(phase.sizes.len());
    for size in &phase.sizes {
        let (batch, after) = rest.split_at(*size.min(&rest.len()));
        slices.push(batch.to_vec());
        rest = after;
    }
    slices
}

fn batch_times(
    plan: &Plan,
    phase: &Phase,
    number: usize,
    customers: &[CustomerId],
    from: Option<Timestamp>,
) -> BatchTimes {
    let time = |id: &CustomerId| CustomerTime {
        customer: id.clone(),
        starts_at: from.and_then(|from| customer_time(plan, phase, id, from)),
    };
    let weight = plan.weighs(phase).then(|| plan.weight_together(customers));
    let customers: Vec<CustomerTime> = customers.iter().map(time).collect();
    let starts_at = customers.iter().filter_map(|one| one.starts_at).min();
    BatchTimes {
        number,
        weight,
        starts_at,
        customers,
    }
}

/// The first instant from `from` on that lies in the customer's windows and in no freeze.
fn customer_time(
    plan: &Plan,
    phase: &Phase,
    id: &CustomerId,
    from: Timestamp,
) -> Option<Timestamp> {
    let PlannedCustomer { customer, .. } = plan.customers.get(id)?;
    let zone = customer.timezone.unwrap_or(plan.project.timezone);
    let windows = Windows::new(&phase.policy.window, &customer.window, zone).ok()?;
    let freezes = plan.freezes.iter();
    let covering: Vec<&Freeze> = freezes
        .filter(|freeze| freeze.covers(id, customer))
        .collect();
    let horizon = add(from, SEARCH_HORIZON)?;
    let mut at = from;
    for _ in 0..STEPS {
        match windows.opening(at) {
            Opening::Open { .. } => {}
            Opening::Opens { at: opens } => at = opens,
            Opening::Never => return None,
        }
        let mut held = covering
            .iter()
            .filter_map(|freeze| freeze.held(at, zone, |_| false));
        match held.next() {
            Some(held) if held.interval.until > horizon => return None,
            Some(held) => at = held.interval.until,
            None => return Some(at),
        }
    }
    None
}

fn add(at: Timestamp, span: policy::Span) -> Option<Timestamp> {
    at.checked_add_signed(span.to_delta())
}

fn later(one: Timestamp, other: Option<Timestamp>) -> Option<Timestamp> {
    other.map(|other| one.max(other))
}

/// The latest of instants, unknown as soon as one is.
trait Latest {
    fn try_fold_latest(self) -> Option<Timestamp>;
}

impl<I: Iterator<Item = Option<Timestamp>>> Latest for I {
    fn try_fold_latest(self) -> Option<Timestamp> {
        self.collect::<Option<Vec<_>>>()?.into_iter().max()
    }
}
