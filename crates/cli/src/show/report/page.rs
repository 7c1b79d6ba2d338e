//! Everything that a report says, in words, before anybody lays it out.

use policy::Span;
use project::artifact::{artifact, noun, short};
use rollout::report::{Answer, ApprovalReport, BatchWeights, Figures, Incident, Rate, Report};
use serde::Serialize;

use super::chart::{self, Chart};
use super::figure::{length, members};
use super::words;
use crate::show::escape;
use crate::show::time;

/// The words of a report.
#[derive(Debug, Serialize)]
pub(crate) struct Page {
    /// What it is about.
    pub(super) title: String,
    /// One sentence: how it went.
    pub(super) lead: String,
    /// Names and values.
    pub(super) facts: Vec<(String, String)>,
    /// What people set aside; stands before everything else (P6).
    pub(super) overrides: Vec<String>,
    /// Tables, in order.
    pub(super) sections: Vec<Section>,
    /// Drawings, where the form can show them.
    pub(super) charts: Vec<Chart>,
}

/// One table with a heading.
#[derive(Debug, Serialize)]
pub(crate) struct Section {
    /// Its name.
    pub(super) title: &'static str,
    /// What must be known to read it.
    pub(super) note: &'static str,
    /// The names of the columns.
    pub(super) heading: Vec<&'static str>,
    /// The rows.
    pub(super) rows: Vec<Vec<String>>,
}

impl Page {
    /// Puts a report into words.
    pub(crate) fn new(report: &Report) -> Self {
        let sections = [
            phases(report),
            weights(report),
            figures(report),
            customers(report),
            approvals(report),
            people(report),
            incidents(report),
            observed(report),
        ];
        let page = Self {
            title: format!("{} {}: {}", report.product, report.version, report.rollout),
            lead: words::lead(report),
            facts: facts(report),
            overrides: report.overrides.iter().map(words::set_aside).collect(),
            sections: sections.into(),
            charts: chart::charts(report),
        };
        page.shown()
    }
}

impl Page {
    /// A page about something else than a rollout.
    pub(crate) fn of(
        title: String,
        lead: String,
        facts: Vec<(String, String)>,
        sections: Vec<Section>,
        charts: Vec<Chart>,
    ) -> Self {
        let page = Self {
            title,
            lead,
            facts,
            overrides: Vec::new(),
            sections,
            charts,
        };
        page.shown()
    }

    /// Without tables that have no rows, and every text on one line, whichever form the page takes (P53).
    fn shown(self) -> Self {
        let line = |text: &String| escape::line(text);
        let row = |row: Vec<String>| row.iter().map(line).collect();
        let section = |section: Section| Section {
            rows: section.rows.into_iter().map(row).collect(),
            ..section
        };
        let sections = self.sections.into_iter();
        Self {
            title: line(&self.title),
            lead: line(&self.lead),
            facts: self
                .facts
                .iter()
                .map(|(name, value)| (line(name), line(value)))
                .collect(),
            overrides: self.overrides.iter().map(line).collect(),
            sections: sections
                .filter(|one| !one.rows.is_empty())
                .map(section)
                .collect(),
            charts: self.charts,
        }
    }
}

impl Section {
    /// A table with a heading.
    pub(crate) fn new(
        title: &'static str,
        note: &'static str,
        heading: &[&'static str],
        rows: Vec<Vec<String>>,
    ) -> Self {
        Self {
            title,
            note,
            heading: heading.to_vec(),
            rows,
        }
    }
}

fn facts(report: &Report) -> Vec<(String, String)> {
    let spent = report.spent;
    let mut facts = vec![
        (noun(&report.commit), artifact(&report.commit)),
        ("plan", short(&report.digest)),
    ];
    if let Some(starter) = &report.starter {
        facts.push(("started by", starter.to_string()));
    }
    facts.push(("asked for", time::instant(report.requested_at)));
    facts.extend(report.started_at.map(|at| ("started", time::instant(at))));
    facts.push(match report.ended_at {
        Some(at) => ("ended", time::instant(at)),
        None => ("told up to", time::instant(report.until)),
    });
    facts.extend([
        ("time in work", length(spent.working)),
        ("time waiting for people", length(spent.people)),
        ("time waiting for the clock", length(spent.clock)),
    ]);
    let named = facts.into_iter();
    named
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

fn phases(report: &Report) -> Section {
    let rows = report.phases.iter().map(|phase| {
        vec![
            phase.name.to_string(),
            format!("{} of {}", phase.updated, members(phase)),
            nonzero(phase.failed),
            nonzero(phase.left_out),
            nonzero(phase.open),
            phase.started_at.map_or_else(dash, time::instant),
            phase.took.map_or_else(dash, length),
            length(phase.spent.working),
            length(phase.spent.people),
            length(phase.spent.clock),
        ]
    });
    Section {
        title: "Phases",
        note: "Every instant counts once: as work while somebody is being deployed, checked or rolled back; otherwise as \
               waiting for people while a gate is asked, the rollout is paused or halted, or a customer is held; otherwise \
               as waiting for the clock.",
        heading: vec![
            "phase", "updated", "failed", "left out", "open", "started", "took", "work", "people",
            "clock",
        ],
        rows: rows.collect(),
    }
}

/// What phases and their batches weigh, where that says something that the number of customers does not.
fn weights(report: &Report) -> Section {
    let weighed = report
        .phases
        .iter()
        .filter_map(|phase| Some((phase, phase.weights.as_ref()?)));
    let rows = weighed.flat_map(|(phase, weights)| {
        let whole = vec![
            phase.name.to_string(),
            phase.planned.to_string(),
            weights.planned.to_string(),
            weights.updated.to_string(),
            match weights.tolerated {
                Some(tolerated) => format!("{} of {tolerated} tolerated", weights.failed),
                None => weighing(weights.failed),
            },
            weighing(weights.open),
        ];
        let batch = |one: &BatchWeights| {
            vec![
                format!("{}/{}", phase.name, one.batch),
                one.customers.to_string(),
                one.planned.to_string(),
                one.updated.to_string(),
                weighing(one.failed),
                weighing(one.open),
            ]
        };
        let batches: Vec<_> = weights.batches.iter().map(batch).collect();
        std::iter::once(whole).chain(batches)
    });
    Section {
        title: "Weights",
        note: "How much hangs on the planned customers of a phase and of its batches: seats, revenue, or whatever \
               customers.yaml counts as their weight.",
        heading: vec!["phase", "customers", "weight", "updated", "failed", "open"],
        rows: rows.collect(),
    }
}

fn weighing(weight: u64) -> String {
    match weight {
        0 => dash(),
        weight => weight.to_string(),
    }
}

fn figures(report: &Report) -> Section {
    let phases = report.phases.iter();
    let mut rows: Vec<Vec<String>> = phases
        .filter(|phase| phase.figures.deploys > 0)
        .map(|phase| figure_row(phase.name.as_str(), &phase.figures))
        .collect();
    if rows.len() > 1 {
        rows.push(figure_row("total", &report.figures));
    }
    Section {
        title: "Deploys",
        note: "A deploy has succeeded when its health checks passed. Times run from the decision until it is live.",
        heading: FIGURES.to_vec(),
        rows,
    }
}

/// The columns of [`figure_row`].
pub(crate) const FIGURES: [&str; 8] = [
    "phase",
    "deploys",
    "success",
    "median",
    "p95",
    "mean",
    "rollbacks",
    "checks passed",
];

/// Numbers of deploys as a row.
pub(crate) fn figure_row(name: &str, figures: &Figures) -> Vec<String> {
    let long = |span: Option<Span>| span.map_or_else(dash, length);
    vec![
        name.to_owned(),
        figures.deploys.to_string(),
        rate(figures.success),
        long(figures.median),
        long(figures.p95),
        long(figures.mean),
        match figures.rollbacks {
            0 => "0".to_owned(),
            _ => rate(figures.rollback_frequency),
        },
        rate(figures.health),
    ]
}

fn customers(report: &Report) -> Section {
    let rows = report.customers.iter().map(|one| {
        vec![
            one.customer.to_string(),
            match (&one.phase, one.batch) {
                (Some(phase), Some(batch)) => format!("{phase}/{batch}"),
                (Some(phase), None) => phase.to_string(),
                (None, _) => dash(),
            },
            one.version().map_or_else(dash, ToOwned::to_owned),
            words::customer(one, report),
        ]
    });
    Section {
        title: "Customers",
        note: "",
        heading: vec!["customer", "phase", "runs", ""],
        rows: rows.collect(),
    }
}

/// Who may vote changed while people were asked: whoever reads of the votes must see it.
fn people(report: &Report) -> Section {
    let rows = report.people.iter().map(|change| {
        vec![
            change.person.to_string(),
            change.what.clone(),
            time::instant(change.at),
        ]
    });
    Section {
        title: "People, groups and roles that changed",
        note: "",
        heading: vec!["person", "", "when"],
        rows: rows.collect(),
    }
}

fn approvals(report: &Report) -> Section {
    let rows = report.approvals.iter().map(|one| {
        vec![
            one.gate.clone(),
            words::answer(one).to_owned(),
            words::votes(one),
            one.requested_at.map_or_else(dash, time::instant),
            waited(one, report),
        ]
    });
    Section {
        title: "Approvals",
        note: "",
        heading: vec!["gate", "answer", "by", "asked", "waited"],
        rows: rows.collect(),
    }
}

fn waited(one: &ApprovalReport, report: &Report) -> String {
    let escalated = if one.escalated { ", escalated" } else { "" };
    let open = one.requested_at.filter(|_| one.answer == Answer::Open);
    match (one.waited, open) {
        (Some(waited), _) => format!("{}{escalated}", length(waited)),
        (None, Some(asked)) => {
            format!("{} so far{escalated}", time::length(report.until - asked))
        }
        (None, None) => dash(),
    }
}

fn incidents(report: &Report) -> Section {
    let rows = report.incidents.iter().map(|one| {
        vec![
            time::instant(one.at),
            one.customer
                .as_ref()
                .map(ToString::to_string)
                .or_else(|| one.phase.as_ref().map(ToString::to_string))
                .unwrap_or_else(dash),
            incident(one),
            one.until
                .map_or_else(dash, |until| time::length(until - one.at)),
        ]
    });
    Section {
        title: "Incidents",
        note: "",
        heading: vec!["when", "where", "what", "lasted"],
        rows: rows.collect(),
    }
}

fn incident(one: &Incident) -> String {
    let what = words::incident(one.kind);
    match &one.reason {
        Some(reason) => format!("{what}: {reason}"),
        None => what,
    }
}

fn observed(report: &Report) -> Section {
    let rows = report.phases.iter().flat_map(|phase| {
        phase.observed.iter().map(|(name, observed)| {
            let notes = observed.figures.iter().map(|figure| {
                let note = figure.note.as_ref();
                let note = note.map_or_else(String::new, |note| format!(" ({note})"));
                format!("{} {}{note}", figure.customer, figure.value)
            });
            vec![
                phase.name.to_string(),
                name.clone(),
                format!("{:.2}", observed.mean),
                notes.collect::<Vec<_>>().join(", "),
            ]
        })
    });
    Section {
        title: "Observed",
        note: "Figures that people noted with `tranche observe`; the mean is over the newest of each customer.",
        heading: vec!["phase", "figure", "mean", "customers"],
        rows: rows.collect(),
    }
}

/// `93.3 % (14 of 15)`
fn rate(rate: Rate) -> String {
    match rate.percent {
        Some(percent) => format!("{percent} % ({} of {})", rate.count, rate.of),
        None => dash(),
    }
}

fn nonzero(count: u32) -> String {
    match count {
        0 => dash(),
        count => count.to_string(),
    }
}

pub(super) fn dash() -> String {
    "-".to_owned()
}
