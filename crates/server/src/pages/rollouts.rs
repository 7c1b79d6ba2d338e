//! Which rollouts are there?

use askama::Template;
use axum::extract::State;
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use rollout::standing::CustomerStanding;
use rollout::view::RolloutView;

use super::reader::{Frame, Reader, Section};
use super::time::{Shown, cookie};
use super::words::Badge;
use super::{NEXT, PageProblem, html, is_local};
use crate::app::App;

/// So many that have ended are listed.
const ENDED_SHOWN: usize = 100;

#[derive(Template)]
#[template(path = "rollouts.html")]
struct RolloutsPage {
    frame: Frame,
    is_driven: bool,
    going_on: Vec<Row>,
    ended: Vec<Row>,
    hidden: usize,
}

/// A rollout in a line.
struct Row {
    id: String,
    version: String,
    badge: Badge,
    reason: Option<String>,
    starter: String,
    began: Shown,
    ended: Option<Shown>,
    healthy: usize,
    planned: usize,
    waits: Option<String>,
}

impl Row {
    fn of(run: RolloutView, reader: &Reader) -> Self {
        let customers = run.customers.iter();
        let healthy = customers.filter(|one| one.state == CustomerStanding::Healthy);
        let mut waits = run.phases.iter().filter_map(|phase| {
            let hold = phase.waits_for.as_ref()?;
            Some(format!("{}: {}", phase.name, hold.text))
        });
        Self {
            id: run.id.to_string(),
            badge: run.state.into(),
            starter: run.starter.to_string(),
            began: reader.clock.at(run.started_at.unwrap_or(run.requested_at)),
            ended: run.ended_at.map(|at| reader.clock.at(at)),
            healthy: healthy.count(),
            planned: run.customers.len(),
            waits: waits.next().filter(|_| run.reason.is_none()),
            reason: run.reason,
            version: run.version,
        }
    }
}

pub(super) async fn rollouts(
    State(app): State<App>,
    reader: Reader,
    headers: HeaderMap,
) -> Result<Response, PageProblem> {
    if let Some(next) = cookie(&headers, NEXT).filter(|next| is_local(next)) {
        let gone =
            HeaderValue::from_static("tranche-next=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax");
        return Ok((AppendHeaders([(SET_COOKIE, gone)]), Redirect::to(next)).into_response());
    }
    let mut runs = reader.product.overview_at(reader.now());
    runs.reverse();
    let (ended, going_on): (Vec<_>, Vec<_>) = runs.into_iter().partition(RolloutView::has_ended);
    let hidden = ended.len().saturating_sub(ENDED_SHOWN);
    let rows = |runs: Vec<RolloutView>| runs.into_iter().map(|run| Row::of(run, &reader));
    let page = RolloutsPage {
        frame: reader.frame(Section::Rollouts),
        is_driven: app.backend().is_driven().await?,
        going_on: rows(going_on).collect(),
        ended: rows(ended).take(ENDED_SHOWN).collect(),
        hidden,
    };
    html(&page).map(IntoResponse::into_response)
}
