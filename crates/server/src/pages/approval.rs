//! What does somebody have to know who is asked for an approval, and may they give it?
//!
//! Looking changes nothing. `?vote=approve` asks once more, with what happened since the reader looked first; the button there
//! posts the vote (`vote.rs`).

use std::collections::BTreeSet;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::{Html, IntoResponse, Response};
use policy::{CustomerId, PersonId};
use rollout::request::Actor;
use rollout::standing::GateStanding;
use rollout::view::{GateView, RolloutView};
use rollout::{RejectedCode, RolloutId, Verb};
use serde::Deserialize;

use super::changes::{Between, between};
use super::evidence::Evidence;
use super::news::{News, capital, since_seen};
use super::reader::{Frame, Reader, Section};
use super::time::Shown;
use super::words::Badge;
use super::{PageProblem, html, named, no_rollout};
use crate::app::App;
use crate::problem::Problem;
use project::links;

/// So many customers of a gate are shown one by one.
const COVERED_SHOWN: usize = 30;

/// So many events are looked through for what happened since somebody looked.
const LOOKED_THROUGH: u32 = 2_000;

/// So much of a digest and of a commit is shown.
const SHORT: usize = 12;

#[derive(Template)]
#[template(path = "approval.html")]
struct ApprovalPage {
    frame: Frame,
    gate: Gate,
    evidence: Evidence,
    people: Vec<Voter>,
    commits: Vec<Between>,
}

#[derive(Template)]
#[template(path = "vote.html")]
struct VotePage {
    frame: Frame,
    gate: Gate,
    vote: &'static str,
    changed: Vec<(Shown, String)>,
    refused: bool,
    seen: u64,
}

/// A gate as it is shown.
pub(super) struct Gate {
    pub(super) run: RolloutId,
    pub(super) name: String,
    pub(super) path: String,
    phase: String,
    badge: Badge,
    /// What it is about, for a heading.
    whom: String,
    version: String,
    from: Vec<String>,
    commit: String,
    pub(super) digest: String,
    starter: String,
    requested: Option<Shown>,
    expires: Option<Shown>,
    when: When,
    missing: String,
    cannot_be_filled: Option<String>,
    votes: Vec<Vote>,
    covers: Vec<Covered>,
    more: usize,
    may_approve: Result<(), String>,
    may_reject: bool,
    may_withdraw: bool,
    is_open: bool,
    ids: Vec<CustomerId>,
}

/// When the deploy begins.
#[derive(Default)]
struct When {
    begins: Option<Shown>,
    lapses: Option<Shown>,
    lapses_before_turn: bool,
    /// When a complete approval lapses.
    until: Option<Shown>,
    after: Vec<String>,
}

/// A vote that was given.
struct Vote {
    person: String,
    at: Shown,
    counts: bool,
    note: Option<String>,
}

/// Somebody who was asked, or might be thought to be.
struct Voter {
    person: String,
    badge: Badge,
    why: Option<String>,
}

/// A customer that the gate covers.
struct Covered {
    id: String,
    path: String,
    name: String,
    services: Vec<(String, String)>,
}

/// What is asked of the page.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    vote: String,
    #[serde(default)]
    seen: Option<u64>,
}

pub(super) async fn approval(
    State(app): State<App>,
    mut reader: Reader,
    Path((run, gate)): Path<(String, String)>,
    Query(asked): Query<Asked>,
) -> Result<Response, PageProblem> {
    let (view, gate) = find(&mut reader, &run, &gate)?;
    let vote = match asked.vote.as_str() {
        "approve" if gate.may_approve.is_ok() => "approve",
        "reject" if gate.may_reject => "reject",
        "withdraw" if gate.may_withdraw => "withdraw",
        _ => {
            return look(&app, &reader, &view, gate)
                .await
                .map(IntoResponse::into_response);
        }
    };
    let news = match asked.seen {
        Some(seen) => news(&app, &reader, &gate, seen).await?,
        None => Vec::new(),
    };
    confirm(&reader, gate, vote, news, false).map(IntoResponse::into_response)
}

async fn look(
    app: &App,
    reader: &Reader,
    view: &RolloutView,
    gate: Gate,
) -> Result<Html<String>, PageProblem> {
    let page = ApprovalPage {
        frame: reader.frame(Section::Approvals),
        evidence: Evidence::of(view, reader.now()),
        people: voters(reader, view, &gate),
        commits: between(app, reader, gate.run, &gate.ids).await,
        gate,
    };
    html(&page)
}

/// The page that asks once more; `refused`: somebody has pressed, and what they had seen is not what is.
pub(super) fn confirm(
    reader: &Reader,
    gate: Gate,
    vote: &'static str,
    news: Vec<News>,
    refused: bool,
) -> Result<Html<String>, PageProblem> {
    let changed = news.into_iter();
    let changed = changed.map(|one| (reader.clock.apart(one.at), one.text));
    let frame = reader.frame(Section::Approvals);
    html(&VotePage {
        seen: frame.seq,
        frame,
        gate,
        vote,
        changed: changed.collect(),
        refused,
    })
}

/// What happened since somebody looked that they should know before they vote.
pub(super) async fn news(
    app: &App,
    reader: &Reader,
    gate: &Gate,
    seen: u64,
) -> Result<Vec<News>, PageProblem> {
    let events = app.backend().events(None, seen, LOOKED_THROUGH).await?;
    let about = (gate.name.as_str(), gate.ids.as_slice());
    let mut news = since_seen(&events, gate.run, about, reader.clock);
    let last = events
        .last()
        .filter(|_| events.len() >= LOOKED_THROUGH as usize);
    news.extend(last.map(|event| News {
        at: event.at,
        text:
            "so much happened since that it is not listed here; look at the page again".to_owned(),
    }));
    Ok(news)
}

/// The gate that an address names.
pub(super) fn find(
    reader: &mut Reader,
    run: &str,
    gate: &str,
) -> Result<(RolloutView, Gate), PageProblem> {
    let id = named(run)?;
    let view = reader.product.rollout_view_at(id, reader.now());
    let mut view = view.ok_or_else(|| no_rollout(run))?;
    let place = view.gates.iter().position(|one| one.gate == gate);
    let Some(place) = place else {
        let message = format!("{id} has no gate `{gate}`");
        let way_out = "the list of approvals names those that there are".to_owned();
        return Err(PageProblem::from(Problem::not_found(message, way_out)).back_to("/approvals"));
    };
    let gate = view.gates.swap_remove(place);
    let gate = Gate::of(reader, &view, gate);
    Ok((view, gate))
}

impl Gate {
    fn of(reader: &mut Reader, run: &RolloutView, gate: GateView) -> Self {
        let id = run.id;
        let may_approve = reader
            .product
            .may_vote(id, &gate.gate, &reader.who.actor, reader.now());
        let reject = Verb::Reject {
            gate: gate.gate.clone(),
            reason: "?".to_owned(),
        };
        let withdraw = Verb::Withdraw {
            gate: gate.gate.clone(),
        };
        let covered: Vec<Covered> = gate
            .covers
            .iter()
            .take(COVERED_SHOWN)
            .map(|one| Covered::of(reader, id, one))
            .collect();
        let whom = match covered.as_slice() {
            [only] if gate.covers.len() == 1 => only.name.clone(),
            _ => gate.gate.clone(),
        };
        Self {
            run: id,
            path: links::gate(id, &gate.gate),
            phase: gate.phase.to_string(),
            badge: gate.state.into(),
            whom,
            version: run.version.clone(),
            from: from_versions(reader, &gate.covers),
            commit: run.commit.chars().take(SHORT).collect(),
            digest: run.digest.clone(),
            starter: run.starter.to_string(),
            requested: gate.requested_at.map(|at| reader.clock.apart(at)),
            expires: gate.expires_at.map(|at| reader.clock.apart(at)),
            when: When::of(reader, id, &gate),
            votes: gate
                .votes
                .iter()
                .map(|vote| Vote::of(reader, vote))
                .collect(),
            more: gate.covers.len() - covered.len(),
            covers: covered,
            may_approve: may_approve.map_err(|rejected| capital(&rejected.message)),
            may_reject: reader.may(Some(id), reject).is_ok(),
            may_withdraw: reader.may(Some(id), withdraw).is_ok(),
            is_open: matches!(gate.state, GateStanding::Asked | GateStanding::NotAskedYet),
            missing: gate.missing,
            cannot_be_filled: gate.cannot_be_filled,
            ids: gate.covers,
            name: gate.gate,
        }
    }

    fn digest_short(&self) -> &str {
        self.digest.get(..SHORT).unwrap_or(&self.digest)
    }
}

impl When {
    fn of(reader: &Reader, run: RolloutId, gate: &GateView) -> Self {
        let Some(forecast) = reader.product.forecast_of(run, &gate.gate, reader.now()) else {
            return Self::default();
        };
        let zone = reader.zone_of(run, &forecast.customer);
        Self {
            begins: Some(reader.clock.both(forecast.begins, zone)),
            lapses: Some(reader.clock.both(forecast.lapses_at, zone)),
            lapses_before_turn: gate.until.is_none() && forecast.lapses_before_turn(),
            until: gate.until.map(|at| reader.clock.both(at, zone)),
            after: forecast.after.into_iter().map(|hold| hold.text).collect(),
        }
    }
}

impl Vote {
    fn of(reader: &Reader, vote: &rollout::view::VoteView) -> Self {
        let changed = vote.entry_changed.as_ref();
        let changed = changed.map(|entry| {
            let at = reader.clock.text(entry.at);
            format!(
                "the entry of {} changed after the start ({at}): {}",
                vote.person, entry.what
            )
        });
        let maker = vote.proof.as_ref().and_then(|proof| proof.maker.as_ref());
        let maker = maker.map(|maker| format!("with a token that {maker} made"));
        let notes: Vec<String> = [changed, maker].into_iter().flatten().collect();
        Self {
            person: vote.person.to_string(),
            at: reader.clock.apart(vote.at),
            counts: vote.counts,
            note: (!notes.is_empty()).then(|| notes.join("; ")),
        }
    }
}

impl Covered {
    fn of(reader: &Reader, run: RolloutId, id: &CustomerId) -> Self {
        let plan = reader.product.plan(run);
        let planned = plan.and_then(|plan| plan.customers.get(id));
        let running = reader.product.running_versions();
        let services = planned.into_iter().flat_map(|planned| &planned.services);
        let services = services.map(|role| {
            let mut known = running.iter();
            let known = known.find(|one| one.customer == *id && one.service == *role);
            let version = known.and_then(|one| one.version.clone().or(one.commit.clone()));
            let planned = planned.and_then(|planned| planned.running.clone());
            (
                role.to_string(),
                version.or(planned).unwrap_or_else(|| "unknown".to_owned()),
            )
        });
        Self {
            path: links::customer(id.as_str()),
            name: planned.map_or_else(|| id.to_string(), |planned| planned.customer.name.clone()),
            services: services.collect(),
            id: id.to_string(),
        }
    }
}

/// The versions that these customers run, each once.
fn from_versions(reader: &Reader, covers: &[CustomerId]) -> Vec<String> {
    let covers: BTreeSet<&CustomerId> = covers.iter().collect();
    let running = reader.product.running_versions();
    let known = running
        .into_iter()
        .filter(|one| covers.contains(&one.customer));
    let versions = known.filter_map(|one| one.version.or(one.commit));
    let versions: BTreeSet<String> = versions.collect();
    versions.into_iter().collect()
}

/// Everybody who may be thought to have a say, with whether they do.
fn voters(reader: &Reader, run: &RolloutView, gate: &Gate) -> Vec<Voter> {
    if !gate.is_open {
        return Vec::new();
    }
    let directory = reader
        .product
        .directories()
        .map(|(_, present)| present.clone());
    let directory =
        directory.unwrap_or_else(|| rollout::request::Directory::of(&reader.who.project));
    let mut people: BTreeSet<PersonId> = directory.roles.approver.clone();
    people.insert(run.starter.clone());
    people.insert(reader.who.actor.name.clone());
    let voter = |person: PersonId| {
        let is_self = person == reader.who.actor.name;
        let actor = match is_self {
            true => reader.who.actor.clone(),
            false => Actor::person(person.as_str()),
        };
        let may = reader
            .product
            .may_vote(run.id, &gate.name, &actor, reader.now());
        let voted = gate.votes.iter().any(|vote| vote.person == person.as_str());
        let (badge, why) = match may {
            _ if voted => (Badge::new(super::words::Tone::Good, "has approved"), None),
            Ok(()) => (Badge::new(super::words::Tone::Wait, "may approve"), None),
            Err(why) if why.code == RejectedCode::NotPermitted => (
                Badge::new(super::words::Tone::Idle, "may not"),
                Some(why.message),
            ),
            Err(why) => (
                Badge::new(super::words::Tone::Idle, "not now"),
                Some(why.message),
            ),
        };
        let person = match is_self {
            true => format!("{person} (you)"),
            false => person.to_string(),
        };
        Voter { person, badge, why }
    };
    people.into_iter().map(voter).collect()
}
