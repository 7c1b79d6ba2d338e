//! Drawings of a report: bars whose parts lie side by side. Only geometry; the page draws it.

use rollout::report::{PhaseReport, Report, Spent};
use serde::Serialize;

use super::figure::length;

/// The width of the longest bar, in units of the drawing.
const WIDTH: i64 = 600;

/// One drawing.
#[derive(Debug, Serialize)]
pub(crate) struct Chart {
    /// What it shows.
    title: &'static str,
    /// What the colours mean.
    legend: Vec<Part>,
    /// From top to bottom.
    bars: Vec<Bar>,
}

/// What one colour means.
#[derive(Clone, Copy, Debug, Serialize)]
struct Part {
    class: &'static str,
    name: &'static str,
}

/// One bar.
#[derive(Debug, Serialize)]
struct Bar {
    name: String,
    pieces: Vec<Piece>,
}

/// A part of a bar.
#[derive(Debug, Serialize)]
struct Piece {
    class: &'static str,
    x: i64,
    width: i64,
    label: String,
}

const CUSTOMERS: [Part; 4] = [
    Part {
        class: "good",
        name: "updated",
    },
    Part {
        class: "bad",
        name: "failed",
    },
    Part {
        class: "none",
        name: "left out",
    },
    Part {
        class: "open",
        name: "open",
    },
];

const TIME: [Part; 3] = [
    Part {
        class: "good",
        name: "work",
    },
    Part {
        class: "people",
        name: "waiting for people",
    },
    Part {
        class: "none",
        name: "waiting for the clock",
    },
];

/// How far each phase is, and where its time went.
pub(super) fn charts(report: &Report) -> Vec<Chart> {
    let bar = |parts: &'static [Part], amounts: fn(&PhaseReport) -> Vec<(i64, String)>| {
        let phases = report.phases.iter();
        let rows: Vec<_> = phases.map(|phase| (phase, amounts(phase))).collect();
        let sum = |row: &[(i64, String)]| row.iter().map(|(amount, _)| amount).sum();
        let longest = rows.iter().map(|(_, row)| sum(row)).max().unwrap_or(0);
        let bars = rows.into_iter().map(|(phase, row)| Bar {
            name: phase.name.to_string(),
            pieces: pieces(parts, row, longest),
        });
        (parts.to_vec(), bars.collect())
    };
    let (customers, progress) = bar(&CUSTOMERS, customers);
    let (time, spent) = bar(&TIME, |phase| spent(phase.spent));
    let charts = vec![
        Chart {
            title: "Customers",
            legend: customers,
            bars: progress,
        },
        Chart {
            title: "Time",
            legend: time,
            bars: spent,
        },
    ];
    let has_pieces = |chart: &Chart| chart.bars.iter().any(|bar| !bar.pieces.is_empty());
    charts.into_iter().filter(has_pieces).collect()
}

/// How a part of a time was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shade {
    /// Well.
    Good,
    /// Not all of it.
    Bad,
    /// Nobody knows.
    None,
}

impl Shade {
    fn part(self) -> Part {
        let (class, name) = match self {
            Self::Good => ("good", "answered well"),
            Self::Bad => ("bad", "with failures"),
            Self::None => ("unmeasured", "nothing measured"),
        };
        Part { class, name }
    }
}

/// A time in parts of equal length, a bar for each row.
pub(crate) fn strips(title: &'static str, rows: Vec<(String, Vec<(Shade, String)>)>) -> Chart {
    let bars = rows.into_iter().map(|(name, parts)| {
        let width = WIDTH / i64::try_from(parts.len()).unwrap_or(WIDTH).max(1);
        let placed = (0..)
            .step_by(usize::try_from(width).unwrap_or(1).max(1))
            .zip(parts);
        let pieces = placed.map(|(x, (shade, label))| Piece {
            class: shade.part().class,
            x,
            width,
            label,
        });
        Bar {
            name,
            pieces: pieces.collect(),
        }
    });
    Chart {
        title,
        legend: [Shade::Good, Shade::Bad, Shade::None]
            .map(Shade::part)
            .to_vec(),
        bars: bars.collect(),
    }
}

fn customers(phase: &PhaseReport) -> Vec<(i64, String)> {
    let counts = [phase.updated, phase.failed, phase.left_out, phase.open];
    counts
        .map(|count| (i64::from(count), count.to_string()))
        .to_vec()
}

fn spent(spent: Spent) -> Vec<(i64, String)> {
    let spans = [spent.working, spent.people, spent.clock];
    spans.map(|span| (span.as_millis(), length(span))).to_vec()
}

/// Side by side, to the scale of the longest bar; what is there at all can be seen.
fn pieces(parts: &[Part], amounts: Vec<(i64, String)>, longest: i64) -> Vec<Piece> {
    let mut x = 0;
    let mut pieces = Vec::new();
    for (part, (amount, label)) in parts.iter().zip(amounts) {
        if amount == 0 {
            continue;
        }
        let exact = i128::from(amount) * i128::from(WIDTH) / i128::from(longest.max(1));
        let width = i64::try_from(exact).unwrap_or(WIDTH).max(2);
        pieces.push(Piece {
            class: part.class,
            x,
            width,
            label: format!("{}: {label}", part.name),
        });
        x += width;
    }
    pieces
}
