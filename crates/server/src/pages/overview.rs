//! Where does one rollout stand, what waits in it, and what can be done about it?

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Html;
use policy::{CustomerId, Plan, Timestamp};
use project::links;
use project::view::{PhaseTimes, Standing, earliest};
use rollout::standing::{BatchStanding, CustomerStanding, GateStanding, PhaseStanding};
use rollout::view::{BatchView, CustomerView, PhaseView, ProductView, RolloutView};
use rollout::{Event, HoldKind, RolloutId};

use super::controls::{Control, Wanted, controls};
use super::evidence::Evidence;
use super::lanes::{Axis, Bar, Drawing};
use super::news::{sentence, tone};
use super::reader::{Frame, Reader, Section};
use super::time::{Clock, Shown};
use super::words::{Badge, Tone};
use super::{PageProblem, html, named};
use crate::app::App;

/// So many of the newest events are shown.
const EVENTS_SHOWN: u32 = 12;

/// So many batches of a phase are listed; all of them are drawn.
const BATCHES_SHOWN: usize = 100;

/// So many gates are named.
const GATES_SHOWN: usize = 8;

/// So much of a digest and of a commit is shown.
const SHORT: usize = 12;

#[derive(Template)]
#[template(path = "overview.html")]
struct OverviewPage {
    frame: Frame,
    id: String,
    version: String,
    badge: Badge,
    reason: Option<String>,
    starter: String,
    began: Shown,
    has_begun: bool,
    ended: Option<Shown>,
    commit: String,
    digest: String,
    notices: Vec<String>,
    way_out: Option<String>,
    evidence: Evidence,
    controls: Vec<Control>,
    not_yours: Vec<String>,
    waits: Vec<Wait>,
    axis: Option<Drawing>,
    lanes: Vec<Lane>,
    events: Vec<Line>,
    customers: usize,
}

/// Something that waits.
struct Wait {
    what: String,
    link: Option<String>,
    text: String,
    whom: String,
    since: Option<Shown>,
    until: Option<Shown>,
}

/// A phase, on the whole axis and on its own.
struct Lane {
    name: String,
    badge: Badge,
    whole: Option<Drawing>,
    own: Option<(Drawing, Drawing)>,
    begins: Option<Shown>,
    is_planned: bool,
    settled: Option<Shown>,
    soak: Option<Shown>,
    healthy: usize,
    planned: usize,
    failures: u32,
    batches: Vec<Batch>,
    more: usize,
    is_open: bool,
}

/// A batch in a line.
struct Batch {
    number: u32,
    badge: Badge,
    healthy: usize,
    planned: usize,
    began: Option<Shown>,
    is_planned: bool,
    settled: Option<Shown>,
}

/// An event in a line.
struct Line {
    at: Shown,
    tone: Tone,
    text: String,
    seq: u64,
}

pub(super) async fn overview(
    State(app): State<App>,
    mut reader: Reader,
    Path(run): Path<String>,
) -> Result<Html<String>, PageProblem> {
    let id = named(&run)?;
    let files = app.files();
    let standing = Standing::read(
        &**app.backend(),
        Some(id),
        || files.config().cloned(),
        reader.now(),
    );
    let standing = standing
        .await
        .map_err(|error| PageProblem::from(error).back_to("/"))?;
    let run = &standing.run;
    let (controls, not_yours) = controls(&mut reader, run);
    let lanes = Lanes::of(&reader, run);
    let newest = newest(&app, &reader, id).await?;
    let short = |text: &str| text.chars().take(SHORT).collect();
    html(&OverviewPage {
        frame: reader.frame(Section::Rollouts),
        id: id.to_string(),
        version: run.version.clone(),
        badge: run.state.into(),
        reason: run.reason.clone(),
        starter: run.starter.to_string(),
        began: reader
            .clock
            .apart(run.started_at.unwrap_or(run.requested_at)),
        has_begun: run.started_at.is_some(),
        ended: run.ended_at.map(|at| reader.clock.apart(at)),
        commit: short(&run.commit),
        digest: short(&run.digest),
        notices: notices(&standing, reader.clock),
        way_out: standing.way_out.clone(),
        evidence: Evidence::of(run, reader.now()),
        controls,
        not_yours,
        waits: waits(&reader, run),
        axis: lanes.axis.map(|axis| axis.marks(reader.clock)),
        lanes: lanes.lanes,
        events: newest,
        customers: run.customers.len(),
    })
}

async fn newest(app: &App, reader: &Reader, id: RolloutId) -> Result<Vec<Line>, PageProblem> {
    let mut events = super::events::before(app, Some(id), u64::MAX, EVENTS_SHOWN, |_| true)
        .await?
        .0;
    events.truncate(usize::try_from(EVENTS_SHOWN).unwrap_or(usize::MAX));
    let line = |event: &Event| Line {
        at: reader.clock.at(event.at),
        tone: tone(event.line.kind),
        text: sentence(event, reader.clock),
        seq: event.seq,
    };
    Ok(events.iter().map(line).collect())
}

/// What concerns more than this rollout.
fn notices(standing: &Standing, clock: Clock) -> Vec<String> {
    let ProductView {
        clock_suspected,
        workspace_held,
        moved,
        unapplied,
        outside,
        unreadable,
        gates_shut,
        freezes,
        blocks,
        hidden,
    } = &standing.product;
    let mut told = Vec::new();
    if !standing.is_driven && !standing.run.has_ended() {
        told.push("Nobody drives the rollouts: what is asked for is recorded, and nothing starts until an engine runs.".to_owned());
    }
    let said = |what: &str, reason: &Option<String>| {
        reason.as_ref().map(|reason| format!("{what}: {reason}."))
    };
    told.extend(said("Everything open is held", moved));
    told.extend(said("The workspace is held", workspace_held));
    told.extend(said("The clock is not trusted", clock_suspected));
    told.extend(said(
        "The files cannot be read and count as unchanged",
        unreadable,
    ));
    if *gates_shut {
        told.push(
            "tranche.yaml cannot be parsed: votes are recorded, and no gate opens until it can."
                .to_owned(),
        );
    }
    told.extend(
        freezes
            .iter()
            .map(|(name, until)| format!("The freeze {name} is on until {}.", clock.text(*until))),
    );
    told.extend(
        blocks
            .iter()
            .map(|(version, reason)| format!("{version} is blocked: {reason}.")),
    );
    told.extend(outside.iter().map(|outside| format!("{outside}.")));
    told.extend(hidden.iter().map(|one| {
        format!(
            "{} has set {} of {} / {}, and the next deploy ships it.",
            one.by,
            one.keys.join(", "),
            one.customer,
            one.service
        )
    }));
    if !unapplied.is_empty() {
        told.push(format!(
            "Edited, but not applied: {}.",
            unapplied.join(", ")
        ));
    }
    told
}

/// What waits now: phases, and gates that people are asked for.
fn waits(reader: &Reader, run: &RolloutView) -> Vec<Wait> {
    let mut waits = Vec::new();
    for phase in &run.phases {
        let Some(hold) = &phase.waits_for else {
            continue;
        };
        if hold.kind == HoldKind::Approval {
            continue;
        }
        waits.push(Wait {
            what: format!("phase {}", phase.name),
            link: None,
            text: hold.text.clone(),
            whom: hold.owner.to_string(),
            since: hold.since.map(|at| reader.clock.apart(at)),
            until: hold.until.map(|at| reader.clock.apart(at)),
        });
    }
    let asked = run
        .gates
        .iter()
        .filter(|gate| gate.state == GateStanding::Asked);
    let more = asked.clone().count().saturating_sub(GATES_SHOWN);
    for gate in asked.take(GATES_SHOWN) {
        let whom: Vec<String> = gate.approvers.iter().map(ToString::to_string).collect();
        waits.push(Wait {
            what: gate.gate.clone(),
            link: Some(links::gate(run.id, &gate.gate)),
            text: gate
                .cannot_be_filled
                .clone()
                .unwrap_or_else(|| gate.missing.clone()),
            whom: match whom.is_empty() {
                true => "approvers".to_owned(),
                false => whom.join(", "),
            },
            since: gate.requested_at.map(|at| reader.clock.apart(at)),
            until: None,
        });
    }
    if more > 0 {
        waits.push(Wait {
            what: format!("{more} more gates"),
            link: Some("/approvals".to_owned()),
            text: "they wait for approval too".to_owned(),
            whom: "approvers".to_owned(),
            since: None,
            until: None,
        });
    }
    waits
}

/// All phases in time.
struct Lanes {
    axis: Option<Axis>,
    lanes: Vec<Lane>,
}

/// When a phase and its batches begin and end: as they did, else at the earliest.
struct Times {
    from: Option<Timestamp>,
    until: Option<Timestamp>,
    /// Of batches that have not begun, by number.
    batches: BTreeMap<u32, Timestamp>,
}

impl Lanes {
    fn of(reader: &Reader, run: &RolloutView) -> Self {
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
