//! Where does one rollout stand, what waits in it, and what can be done about it?

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Html;
use project::links;
use project::view::Standing;
use rollout::standing::GateStanding;
use rollout::view::{ProductView, RolloutView};
use rollout::{Event, HoldKind, RolloutId};

use super::controls::{Control, Wanted, controls};
use super::course::{Lane, Lanes};
use super::evidence::Evidence;
use super::lanes::Drawing;
use super::news::{sentence, tone};
use super::reader::{Frame, Reader, Section};
use super::time::{Clock, Shown};
use super::words::{Badge, Tone};
use super::{PageProblem, html, named};
use crate::app::App;

/// So many of the newest events are shown.
const EVENTS_SHOWN: u32 = 12;

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
