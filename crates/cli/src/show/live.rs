//! Rollouts while they go on: bars on a terminal, one line a change elsewhere.

use std::collections::BTreeMap;

use dialoguer::console::Term;
use indicatif::{ProgressBar, ProgressStyle};
use policy::{PolicyId, Timestamp};
use rollout::view::{PhaseView, RolloutView};
use rollout::{Event, RolloutId};

use super::limits::Told;
use super::{escape, sentence, status, time, wrap};
use crate::exit::Failure;
use crate::output::Output;
use crate::screen;

/// A terminal of fewer columns shows no bars, only numbers and words.
const NARROW: u16 = 70;

/// So many columns stand for all customers of a phase.
const BAR: u64 = 20;

/// A bar, and the space behind it.
const BAR_COLUMNS: usize = 21;

/// The name of a phase takes no more columns than this; what happens there matters more.
const TITLE: usize = 24;

/// What is shown while rollouts go on.
#[derive(Debug)]
pub(crate) struct Live {
    out: Output,
    /// One bar a phase, if a person watches.
    bars: Option<BTreeMap<(RolloutId, PolicyId), ProgressBar>>,
    /// What they showed last.
    rows: Vec<Row>,
    /// What was said of waits, if nobody watches.
    told: Told,
}

impl Live {
    /// Bars if a person watches, otherwise lines.
    pub(crate) fn new(out: Output) -> Self {
        let bars = out.is_terminal().then(BTreeMap::new);
        Self {
            out,
            bars,
            rows: Vec::new(),
            told: Told::default(),
        }
    }

    /// Whether somebody sees the time go by.
    pub(crate) fn is_watched(&self) -> bool {
        self.bars.is_some()
    }

    /// Shows what happened: for people if it is notable, for programs in any case.
    pub(crate) fn event(&self, event: &Event) -> Result<(), Failure> {
        let is_notable = sentence::is_notable(&event.line);
        match &self.bars {
            Some(_) if is_notable => {
                // A terminal that is gone is noticed by the next write of data.
                let line = wrap::block(&sentence::line(event), wrap::width());
                let _ = screen::bars().println(line);
                Ok(())
            }
            Some(_) => Ok(()),
            None if self.out.is_text() && !is_notable => Ok(()),
            None => self.out.item(event, || sentence::line(event)),
        }
    }

    /// Shows where these rollouts stand now, and no others. Where there are no bars, waits for Render's limits are remarks.
    pub(crate) fn stand(&mut self, runs: &[&RolloutView]) {
        let Some(bars) = &mut self.bars else {
            for remark in self.told.remarks(runs, time::now()) {
                self.out.say(remark);
            }
            return;
        };
        bars.retain(|(run, _), bar| {
            let stays = runs.iter().any(|one| one.id == *run);
            if !stays {
                bar.finish_and_clear();
                screen::bars().remove(bar);
            }
            stays
        });
        let rows = rows(runs, time::now());
        let (_, columns) = Term::stderr().size();
        draw(&rows, columns, |key| {
            let bar = bars.entry(key.clone());
            bar.or_insert_with(|| screen::bars().add(ProgressBar::new(0)))
                .clone()
        });
        self.rows = rows;
    }

    /// Leaves the last state on the screen as lines, so that whatever is said next stands below them.
    pub(crate) fn end(self) {
        let Some(bars) = self.bars else { return };
        for bar in bars.values() {
            bar.finish_and_clear();
            screen::bars().remove(bar);
        }
        let (_, columns) = Term::stderr().size();
        for line in lines(&self.rows, columns) {
            screen::print_to_stderr(line);
        }
    }
}

/// The bars as they stand, as text.
fn lines(rows: &[Row], columns: u16) -> impl Iterator<Item = String> {
    let (titles, counts) = widths(rows);
    rows.iter().map(move |row| {
        let bar = match columns < NARROW {
            true => String::new(),
            false => format!("{} ", row.bar()),
        };
        let (title, count, now) = (&row.title, &row.count, &row.now);
        let line = format!("{title:titles$} {bar}{count:counts$}  {now}");
        wrap::cut(escape::line(&line).trim_end(), usize::from(columns))
    })
}

/// How wide titles and counts are.
fn widths(rows: &[Row]) -> (usize, usize) {
    let width = |text: fn(&Row) -> &String| {
        let widths = rows.iter().map(|row| wrap::columns_of(text(row)));
        widths.max().unwrap_or_default()
    };
    (width(|row| &row.title), width(|row| &row.count))
}

/// Brings the bars up to date on a terminal of so many columns.
pub(super) fn draw(
    rows: &[Row],
    columns: u16,
    mut bar: impl FnMut(&(RolloutId, PolicyId)) -> ProgressBar,
) {
    let (titles, counts) = widths(rows);
    for row in rows {
        let bar = bar(&row.key);
        bar.set_style(style(columns));
        bar.set_length(row.customers);
        bar.set_position(row.settled);
        bar.set_prefix(format!("{:titles$}", row.title));
        let message = escape::line(&format!("{:counts$}  {}", row.count, row.now));
        let beside = titles + 1 + if columns < NARROW { 0 } else { BAR_COLUMNS };
        let room = usize::from(columns).saturating_sub(beside);
        bar.set_message(wrap::cut(&message, room));
    }
}

/// What one bar shows.
#[derive(Debug)]
pub(super) struct Row {
    key: (RolloutId, PolicyId),
    title: String,
    settled: u64,
    customers: u64,
    count: String,
    now: String,
}

impl Row {
    /// The share that has settled.
    fn bar(&self) -> String {
        let done = (self.settled * BAR).checked_div(self.customers);
        let done = usize::try_from(done.unwrap_or(BAR)).unwrap_or_default();
        let full = "█".repeat(done);
        let rest = usize::try_from(BAR)
            .unwrap_or_default()
            .saturating_sub(done);
        full + &"░".repeat(rest)
    }
}

/// The bars of these rollouts.
pub(super) fn rows(runs: &[&RolloutView], now: Timestamp) -> Vec<Row> {
    let several = runs.len() > 1;
    let phases = runs
        .iter()
        .flat_map(|run| run.phases.iter().map(move |phase| (*run, phase)));
    phases
        .map(|(run, phase)| row(run, phase, several, now))
        .collect()
}

fn row(run: &RolloutView, phase: &PhaseView, several: bool, now: Timestamp) -> Row {
    let customers = || run.customers.iter().filter(|one| one.phase == phase.name);
    let settled = customers().filter(|one| status::is_settled(one)).count();
    Row {
        key: (run.id, phase.name.clone()),
        title: match several {
            true => wrap::cut(&format!("{} {}", run.id, phase.name), TITLE),
            false => wrap::cut(phase.name.as_str(), TITLE),
        },
        settled: settled as u64,
        customers: customers().count() as u64,
        count: format!("{settled}/{}", customers().count()),
        now: status::phase_now(phase, run, now),
    }
}

fn style(columns: u16) -> ProgressStyle {
    let template = match columns < NARROW {
        true => "{prefix} {wide_msg}",
        false => "{prefix} {bar:20} {wide_msg}",
    };
    ProgressStyle::with_template(template).expect("the template is well-formed")
}
