//! What happened? The journal, newest first, in pages.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Html;
use rollout::{Event, RolloutId};
use serde::Deserialize;

use super::news::{sentence, tone};
use super::reader::{Frame, Reader, Section};
use super::time::Shown;
use super::words::Tone;
use super::{PageProblem, html, named};
use crate::app::App;
use project::links;

/// So many stand on one page.
const ON_A_PAGE: u32 = 100;

/// So far back a page looks for what is asked for; older ones are one page further.
const LOOKED_THROUGH: u64 = 20_000;

#[derive(Template)]
#[template(path = "events.html")]
struct EventsPage {
    frame: Frame,
    rows: Vec<Row>,
    asked: Asked,
    runs: Vec<String>,
    older: Option<String>,
    newest: Option<String>,
}

/// An event in a line.
struct Row {
    seq: u64,
    at: Shown,
    tone: Tone,
    text: String,
    run: Option<String>,
    customer: Option<(String, String)>,
}

/// What is asked for.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    rollout: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    customer: String,
    #[serde(default)]
    before: Option<u64>,
}

impl Asked {
    fn path(&self) -> String {
        let questions = [
            ("rollout", self.rollout.as_str()),
            ("kind", self.kind.as_str()),
            ("customer", self.customer.as_str()),
        ];
        links::asking("/events", &questions)
    }

    fn wants(&self, event: &Event) -> bool {
        let line = &event.line;
        let kind = self.kind.trim().replace(' ', "_");
        let customer = self.customer.trim();
        (kind.is_empty() || line.kind.as_str().contains(&kind))
            && (customer.is_empty()
                || line
                    .customer
                    .as_ref()
                    .is_some_and(|one| one.as_str() == customer))
    }
}

pub(super) async fn events(
    State(app): State<App>,
    reader: Reader,
    Query(asked): Query<Asked>,
) -> Result<Html<String>, PageProblem> {
    let run = match asked.rollout.as_str() {
        "" => None,
        text => Some(named(text)?),
    };
    let before_seq = asked.before.unwrap_or(u64::MAX);
    let (found, older) =
        before(&app, run, before_seq, ON_A_PAGE, |event| asked.wants(event)).await?;
    let row = |event: Event| Row {
        seq: event.seq,
        at: reader.clock.at(event.at),
        tone: tone(event.line.kind),
        text: sentence(&event, reader.clock),
        run: event.line.rollout.map(|run| run.to_string()),
        customer: event
            .line
            .customer
            .map(|one| (links::customer(one.as_str()), one.to_string())),
    };
    let runs = reader.product.overview();
    html(&EventsPage {
        frame: reader.frame(Section::Events),
        rows: found.into_iter().map(row).collect(),
        runs: runs.iter().rev().map(|run| run.id.to_string()).collect(),
        older: older.map(|seq| format!("{}before={seq}", asked.path())),
        newest: asked.before.map(|_| asked.path()),
        asked,
    })
}

/// Events before this number, newest first, and before which number there may be more.
pub(super) async fn before(
    app: &App,
    run: Option<RolloutId>,
    before: u64,
    wanted: u32,
    is_wanted: impl Fn(&Event) -> bool,
) -> Result<(Vec<Event>, Option<u64>), PageProblem> {
    let head = match app.backend().head().await {
        Ok(head) => head.seq,
        Err(error) if error.kind() == project::ErrorKind::Absent => return Ok((Vec::new(), None)),
        Err(error) => return Err(error.into()),
    };
    let top = before.min(head.saturating_add(1));
    let lowest = top.saturating_sub(LOOKED_THROUGH);
    let (mut end, mut length) = (top, u64::from(wanted));
    let mut found: Vec<Event> = Vec::new();
    while end > 1 && end > lowest && found.len() < wanted as usize {
        let begin = end.saturating_sub(length).max(1);
        // At most so many lie between, however many of them are of this rollout.
        let limit = u32::try_from(end - begin).unwrap_or(u32::MAX);
        let between = app.backend().events(run, begin - 1, limit).await?;
        let between = between.into_iter().filter(|event| event.seq < end);
        found.extend(between.rev().filter(|event| is_wanted(event)));
        (end, length) = (begin, (length * 2).min(2_000));
    }
    found.truncate(wanted as usize);
    let full = found.len() >= wanted as usize;
    let older = match found.last() {
        Some(last) if full => Some(last.seq),
        Some(_) | None => Some(end),
    };
    Ok((found, older.filter(|seq| *seq > 1)))
}
