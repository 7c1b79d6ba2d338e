//! Where do the customers of a rollout stand? Filtered, sorted and cut into pages by the server.

use std::cmp::Reverse;

use askama::Template;
use axum::extract::{Path, Query};
use axum::response::Html;
use rollout::RolloutId;
use rollout::standing::CustomerStanding;
use rollout::view::{CustomerView, RolloutView};
use serde::Deserialize;

use super::reader::{Frame, Reader, Section};
use super::time::Shown;
use super::words::Badge;
use super::{PageProblem, html, named, no_rollout};
use project::links;

/// So many stand on one page.
pub(super) const ON_A_PAGE: usize = 50;

/// The standings that can be asked for, in the order in which customers go through them.
const STATES: [CustomerStanding; 12] = [
    CustomerStanding::Waiting,
    CustomerStanding::UnderWay,
    CustomerStanding::Healthy,
    CustomerStanding::Held,
    CustomerStanding::RollingBack,
    CustomerStanding::BeingWithdrawn,
    CustomerStanding::RolledBack,
    CustomerStanding::RollbackFailed,
    CustomerStanding::Unchanged,
    CustomerStanding::Prepared,
    CustomerStanding::Excluded,
    CustomerStanding::Skipped,
];

#[derive(Template)]
#[template(path = "customers.html")]
struct CustomersPage {
    frame: Frame,
    id: String,
    version: String,
    rows: Vec<Row>,
    found: usize,
    all: usize,
    asked: Asked,
    states: Vec<(&'static str, usize)>,
    phases: Vec<String>,
    sorts: [(&'static str, &'static str); 4],
    pages: Pages,
}

/// A customer in a line.
struct Row {
    name: String,
    path: String,
    phase: String,
    batch: Option<u32>,
    badge: Badge,
    note: Option<String>,
    since: Option<Shown>,
    waits: Option<String>,
    until: Option<Shown>,
}

/// What is asked for.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Asked {
    /// Part of a name.
    #[serde(default)]
    pub(super) q: String,
    #[serde(default)]
    pub(super) state: String,
    #[serde(default)]
    pub(super) phase: String,
    #[serde(default)]
    pub(super) sort: String,
    #[serde(default)]
    pub(super) page: usize,
}

/// Which page of several.
#[derive(Clone, Debug)]
pub(super) struct Pages {
    pub(super) number: usize,
    pub(super) of: usize,
    pub(super) before: Option<String>,
    pub(super) after: Option<String>,
}

impl Pages {
    /// The page that is asked for, of so many rows; `path` has the other questions, and ends so that one more can follow.
    pub(super) fn of(asked: usize, rows: usize, path: &str) -> (Self, std::ops::Range<usize>) {
        let of = rows.div_ceil(ON_A_PAGE).max(1);
        let number = asked.clamp(1, of);
        let link = |number: usize| format!("{path}page={number}");
        let pages = Self {
            number,
            of,
            before: (number > 1).then(|| link(number - 1)),
            after: (number < of).then(|| link(number + 1)),
        };
        let first = (number - 1) * ON_A_PAGE;
        (pages, first..(first + ON_A_PAGE).min(rows))
    }
}

impl Asked {
    /// The address with these questions, to which one more can be added.
    pub(super) fn path(&self, base: &str) -> String {
        let questions = [
            ("q", self.q.as_str()),
            ("state", self.state.as_str()),
            ("phase", self.phase.as_str()),
            ("sort", self.sort.as_str()),
        ];
        links::asking(base, &questions)
    }
}

pub(super) async fn customers(
    reader: Reader,
    Path(run): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Html<String>, PageProblem> {
    let id = named(&run)?;
    let view = reader.product.rollout_view_at(id, reader.now());
    let view = view.ok_or_else(|| no_rollout(&run))?;
    let mut found = found(&view, &asked);
    sort(&mut found, &asked.sort);
    let base = format!("/rollouts/{id}/customers");
    let (pages, range) = Pages::of(asked.page, found.len(), &asked.path(&base));
    let rows = found.get(range).unwrap_or_default().iter();
    let rows = rows.map(|one| Row::of(&reader, id, one)).collect();
    let count = |state: CustomerStanding| {
        view.customers
            .iter()
            .filter(|one| one.state == state)
            .count()
    };
    let states = STATES.map(|state| (state.as_str(), count(state)));
    html(&CustomersPage {
        frame: reader.frame(Section::Rollouts),
        id: id.to_string(),
        version: view.version.clone(),
        rows,
        found: found.len(),
        all: view.customers.len(),
        states: states.into_iter().filter(|(_, count)| *count > 0).collect(),
        phases: view
            .phases
            .iter()
            .map(|phase| phase.name.to_string())
            .collect(),
        sorts: [
            ("", "in the plan's order"),
            ("name", "by name"),
            ("state", "by state"),
            ("since", "newest first"),
        ],
        pages,
        asked,
    })
}

fn found<'v>(view: &'v RolloutView, asked: &Asked) -> Vec<&'v CustomerView> {
    let part = asked.q.trim().to_lowercase();
    let is_found = |one: &&CustomerView| {
        (part.is_empty() || one.customer.as_str().to_lowercase().contains(&part))
            && (asked.state.is_empty() || one.state.as_str() == asked.state)
            && (asked.phase.is_empty() || one.phase.as_str() == asked.phase)
    };
    view.customers.iter().filter(is_found).collect()
}

fn sort(found: &mut [&CustomerView], by: &str) {
    match by {
        "name" => found.sort_by(|one, other| one.customer.cmp(&other.customer)),
        "state" => found.sort_by_key(|one| STATES.iter().position(|state| *state == one.state)),
        "since" => found.sort_by_key(|one| Reverse(one.since)),
        _ => {}
    }
}

impl Row {
    fn of(reader: &Reader, run: RolloutId, one: &CustomerView) -> Self {
        let holds = match one.state == CustomerStanding::Waiting {
            true => reader.product.holds(run, &one.customer, reader.now()),
            false => Vec::new(),
        };
        let last = holds.iter().max_by_key(|hold| {
            hold.until
                .is_none()
                .then_some(i64::MAX)
                .or(hold.until.map(|at| at.timestamp()))
        });
        Self {
            name: one.customer.to_string(),
            path: links::customer(one.customer.as_str()),
            phase: one.phase.to_string(),
            batch: one.batch,
            badge: one.state.into(),
            note: one.note.clone(),
            since: one.since.map(|at| reader.clock.at(at)),
            until: last
                .and_then(|hold| hold.until)
                .map(|at| reader.clock.at(at)),
            waits: last.map(|hold| hold.text.clone()),
        }
    }
}
