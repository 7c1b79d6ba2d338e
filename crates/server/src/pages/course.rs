//! How do phases and batches lie in time: as they went, and at the earliest where they have not begun?

use std::collections::BTreeMap;

use policy::{CustomerId, Plan, Timestamp};
use project::view::{PhaseTimes, earliest};
use rollout::standing::{BatchStanding, CustomerStanding, PhaseStanding};
use rollout::view::{BatchView, CustomerView, PhaseView, RolloutView};

use super::lanes::{Axis, Bar, Drawing};
use super::reader::Reader;
use super::time::Shown;
use super::words::{Badge, Tone};

/// So many batches of a phase are listed; all of them are drawn.
const BATCHES_SHOWN: usize = 100;

/// A phase, on the whole axis and on its own.
pub(super) struct Lane {
    pub(super) name: String,
    pub(super) badge: Badge,
    pub(super) whole: Option<Drawing>,
    pub(super) own: Option<(Drawing, Drawing)>,
    pub(super) begins: Option<Shown>,
    pub(super) is_planned: bool,
    pub(super) settled: Option<Shown>,
    pub(super) soak: Option<Shown>,
    pub(super) healthy: usize,
    pub(super) planned: usize,
    pub(super) failures: u32,
    pub(super) batches: Vec<Batch>,
    pub(super) more: usize,
    pub(super) is_open: bool,
}

/// A batch in a line.
pub(super) struct Batch {
    pub(super) number: u32,
    pub(super) badge: Badge,
    pub(super) healthy: usize,
    pub(super) planned: usize,
    pub(super) began: Option<Shown>,
    pub(super) is_planned: bool,
    pub(super) settled: Option<Shown>,
}

/// All phases in time.
pub(super) struct Lanes {
    pub(super) axis: Option<Axis>,
    pub(super) lanes: Vec<Lane>,
}

/// When a phase and its batches begin and end: as they did, else at the earliest.
struct Times {
    from: Option<Timestamp>,
    until: Option<Timestamp>,
    /// Of batches that have not begun, by number.
    batches: BTreeMap<u32, Timestamp>,
}

impl Lanes {
    /// Of a rollout, with what is planned where it goes on.
    pub(super) fn of(reader: &Reader, run: &RolloutView) -> Self {
        let Some(plan) = reader.product.plan(run.id) else {
            return Self {
                axis: None,
                lanes: Vec::new(),
            };
        };
        let begun = run.started_at.unwrap_or(run.requested_at);
        let planned = match run.has_ended() {
            true => Vec::new(),
            false => earliest(plan, begun),
        };
        let times: Vec<Times> = (run.phases.iter().enumerate())
            .map(|(index, phase)| Times::of(phase, planned.get(index), reader.now()))
            .collect();
        let ends = times.iter().flat_map(|one| [one.from, one.until]).flatten();
        let now = (!run.has_ended()).then(|| reader.now());
        let axis = Axis::over(ends.chain([begun]).chain(run.ended_at), now);
        let standings: BTreeMap<&CustomerId, &CustomerView> = run
            .customers
            .iter()
            .map(|one| (&one.customer, one))
            .collect();
        let lanes = run.phases.iter().zip(times).enumerate();
        let lane = |(index, (phase, times)): (usize, (&PhaseView, Times))| {
            Lane::of(reader, plan, (index, phase), &times, axis, &standings)
        };
        Self {
            axis,
            lanes: lanes.map(lane).collect(),
        }
    }
}

impl Times {
    fn of(phase: &PhaseView, planned: Option<&PhaseTimes>, now: Timestamp) -> Self {
        let is_over = matches!(phase.state, PhaseStanding::Settled | PhaseStanding::Ended);
        let planned_from = planned.and_then(|planned| planned.starts_at);
        // What was to begin before now and has not begins at the earliest now.
        let late = match (phase.started_at, planned_from) {
            (None, Some(from)) if from < now => now - from,
            (Some(began), Some(from)) => began - from,
            (None, Some(_)) | (_, None) => chrono::TimeDelta::zero(),
        };
        let moved = |at: Timestamp| (at + late).max(now);
        let ended = phase.settled_at;
        let until = match is_over {
            true => ended,
            false => planned
                .and_then(|planned| planned.settles_at)
                .map(moved)
                .max(phase.soak_until),
        };
        let batches = planned.into_iter().flat_map(|planned| &planned.batches);
        let batches = batches.filter_map(|batch| {
            let number = u32::try_from(batch.number).ok()?;
            Some((number, moved(batch.starts_at?)))
        });
        Self {
            from: phase.started_at.or_else(|| planned_from.map(moved)),
            until,
            batches: match is_over {
                true => BTreeMap::new(),
                false => batches.collect(),
            },
        }
    }
}

impl Lane {
    fn of(
        reader: &Reader,
        plan: &Plan,
        (index, phase): (usize, &PhaseView),
        times: &Times,
        axis: Option<Axis>,
        standings: &BTreeMap<&CustomerId, &CustomerView>,
    ) -> Self {
        let customers = plan
            .phases
            .get(index)
            .map_or(&[][..], |phase| &phase.customers);
        let is_healthy = |id: &CustomerId| {
            standings
                .get(id)
                .is_some_and(|one| one.state == CustomerStanding::Healthy)
        };
        let bars = phase_bars(phase, times, reader.now());
        let batch_bars = batch_bars(phase, times, reader.now());
        let instants = batch_bars.iter().flat_map(|bar| [bar.from, bar.until]);
        let is_running = matches!(phase.state, PhaseStanding::Running | PhaseStanding::Soaking);
        let own = Axis::over(
            instants.chain(times.from).chain(times.until),
            is_running.then(|| reader.now()),
        );
        let shown = phase.batches.iter().take(BATCHES_SHOWN);
        let batches: Vec<Batch> = shown
            .map(|batch| Batch::of(reader, batch, times, &is_healthy))
            .collect();
        Self {
            name: phase.name.to_string(),
            badge: phase.state.into(),
            whole: axis.map(|axis| axis.lane(&bars)),
            own: own.map(|axis| (axis.lane(&batch_bars), axis.marks(reader.clock))),
            begins: times.from.map(|at| reader.clock.apart(at)),
            is_planned: phase.started_at.is_none(),
            settled: phase.settled_at.map(|at| reader.clock.apart(at)),
            soak: phase.soak_until.map(|at| reader.clock.apart(at)),
            healthy: customers.iter().filter(|id| is_healthy(id)).count(),
            planned: customers.len(),
            failures: phase.failures,
            more: phase.batches.len() - batches.len(),
            batches,
            is_open: is_running,
        }
    }
}

fn phase_bars(phase: &PhaseView, times: &Times, now: Timestamp) -> Vec<Bar> {
    let mut bars = Vec::new();
    let (Some(from), name) = (times.from, &phase.name) else {
        return bars;
    };
    let has_ended = matches!(phase.state, PhaseStanding::Settled | PhaseStanding::Ended);
    if let Some(until) = times.until.filter(|_| !has_ended) {
        bars.push(Bar {
            from,
            until,
            tone: None,
            title: format!("{name}: at the earliest"),
        });
    }
    if phase.started_at.is_some() {
        let tone = match (phase.state, phase.failures) {
            (_, 1..) => Tone::Bad,
            (PhaseStanding::Settled, 0) => Tone::Good,
            (PhaseStanding::Ended | PhaseStanding::Waiting, 0) => Tone::Idle,
            (PhaseStanding::Running, 0) if phase.waits_for.is_some() => Tone::Wait,
            (PhaseStanding::Running | PhaseStanding::Soaking, 0) => Tone::Busy,
        };
        bars.push(Bar {
            from,
            until: phase.settled_at.unwrap_or(now).max(from),
            tone: Some(tone),
            title: format!("{name}: {}", phase.state),
        });
    }
    bars
}

fn batch_bars(phase: &PhaseView, times: &Times, now: Timestamp) -> Vec<Bar> {
    let mut bars = Vec::new();
    for batch in &phase.batches {
        let planned = times.batches.get(&batch.number).copied();
        match (batch.started_at, planned) {
            (Some(from), _) => bars.push(Bar {
                from,
                until: batch.settled_at.unwrap_or(now).max(from),
                tone: Some(match batch.state {
                    BatchStanding::Settled => Tone::Good,
                    BatchStanding::Running => Tone::Busy,
                    BatchStanding::Waiting => Tone::Idle,
                }),
                title: format!("batch {}: {}", batch.number, batch.state),
            }),
            (None, Some(at)) => bars.push(Bar {
                from: at,
                until: at,
                tone: None,
                title: format!("batch {}: at the earliest", batch.number),
            }),
            (None, None) => {}
        }
    }
    // Where they are made as they go, those that have not begun are in the plan alone.
    let known = u32::try_from(phase.batches.len()).unwrap_or(u32::MAX);
    let ahead = times.batches.iter().filter(|(number, _)| **number > known);
    bars.extend(ahead.map(|(number, at)| Bar {
        from: *at,
        until: *at,
        tone: None,
        title: format!("batch {number}: at the earliest"),
    }));
    bars
}

impl Batch {
    fn of(
        reader: &Reader,
        batch: &BatchView,
        times: &Times,
        is_healthy: &impl Fn(&CustomerId) -> bool,
    ) -> Self {
        let planned = times.batches.get(&batch.number).copied();
        let planned = planned.filter(|_| batch.state == BatchStanding::Waiting);
        Self {
            number: batch.number,
            badge: batch.state.into(),
            healthy: batch.customers.iter().filter(|id| is_healthy(id)).count(),
            planned: batch.customers.len(),
            began: batch.started_at.or(planned).map(|at| reader.clock.at(at)),
            is_planned: batch.started_at.is_none(),
            settled: batch.settled_at.map(|at| reader.clock.at(at)),
        }
    }
}
