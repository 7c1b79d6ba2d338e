//! What waits for people to approve it, and for whom?

use askama::Template;
use axum::response::Html;
use rollout::standing::GateStanding;
use rollout::view::{GateView, RolloutView};

use super::reader::{Frame, Reader, Section};
use super::time::Shown;
use super::words::Badge;
use super::{PageProblem, html};
use project::links;

/// So many are listed of each kind.
const SHOWN: usize = 200;

#[derive(Template)]
#[template(path = "approvals.html")]
struct ApprovalsPage {
    frame: Frame,
    /// Those that the reader may decide.
    yours: Vec<Row>,
    /// Those that wait for others.
    others: Vec<Row>,
    /// Those that can be approved early.
    early: Vec<Row>,
    /// Those that are approved, and whose turn has not come.
    approved: Vec<Row>,
    hidden: usize,
}

/// A gate in a line.
struct Row {
    gate: String,
    link: String,
    run: String,
    version: String,
    phase: String,
    badge: Badge,
    missing: String,
    covers: usize,
    requested: Option<Shown>,
    begins: Option<Shown>,
    lapses: bool,
    why_not: Option<String>,
}

impl Row {
    fn of(reader: &Reader, run: &RolloutView, gate: GateView, why_not: Option<String>) -> Self {
        let zone = gate.covers.first();
        let zone = zone.map_or(reader.clock.zone, |one| reader.zone_of(run.id, one));
        Self {
            link: links::gate(run.id, &gate.gate),
            run: run.id.to_string(),
            version: run.version.clone(),
            phase: gate.phase.to_string(),
            badge: gate.state.into(),
            covers: gate.covers.len(),
            requested: gate.requested_at.map(|at| reader.clock.apart(at)),
            begins: gate.begins.map(|at| reader.clock.both(at, zone)),
            lapses: gate.lapses_before_turn,
            missing: gate.missing,
            gate: gate.gate,
            why_not,
        }
    }
}

pub(super) async fn approvals(reader: Reader) -> Result<Html<String>, PageProblem> {
    let mut page = ApprovalsPage {
        frame: reader.frame(Section::Approvals),
        yours: Vec::new(),
        others: Vec::new(),
        early: Vec::new(),
        approved: Vec::new(),
        hidden: 0,
    };
    let mut gates = Vec::new();
    for mut run in reader.product.overview_at(reader.now()) {
        if run.has_ended() {
            continue;
        }
        let own = std::mem::take(&mut run.gates);
        gates.extend(own.into_iter().map(|gate| (run.clone(), gate)));
    }
    // By their turn: what can begin first is looked at first.
    gates.sort_by_key(|(run, gate)| (gate.begins, run.id, gate.gate.clone()));
    for (run, gate) in gates {
        let may = reader
            .product
            .may_vote(run.id, &gate.gate, &reader.who.actor, reader.now());
        let list = match (gate.state, &may) {
            (GateStanding::Asked, Ok(())) => &mut page.yours,
            (GateStanding::Asked, Err(_)) => &mut page.others,
            (GateStanding::NotAskedYet, _) => &mut page.early,
            (GateStanding::Approved, _) => &mut page.approved,
            (GateStanding::Passed | GateStanding::Rejected | GateStanding::Over, _) => continue,
        };
        if list.len() >= SHOWN {
            page.hidden += 1;
            continue;
        }
        let why_not = may.err().map(|rejected| rejected.message);
        list.push(Row::of(&reader, &run, gate, why_not));
    }
    html(&page)
}
