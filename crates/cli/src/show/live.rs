//! Rollouts while they go on: bars on a terminal, one line a change elsewhere.

use std::collections::BTreeMap;

use dialoguer::console::Term;
use indicatif::{ProgressBar, ProgressStyle};
use policy::{PolicyId, Timestamp};
use rollout::view::{PhaseView, RunView};
use rollout::{Event, RunId};

use super::limits::Told;
use super::{foreign, sentence, status, time};
use crate::exit::Failure;
use crate::output::Output;
use crate::screen;

/// A terminal of fewer columns shows no bars, only numbers and words.
const NARROW: u16 = 70;

/// What is shown while rollouts go on.
#[derive(Debug)]
pub(crate) struct Live {
    out: Output,
    /// One bar a phase, if a person watches.
    bars: Option<BTreeMap<(RunId, PolicyId), ProgressBar>>,
    /// What was said of waits, if nobody watches.
    told: Told,
}

impl Live {
    /// Bars if a person watches, otherwise lines.
    pub(crate) fn new(out: Output) -> Self {
        let bars = out.is_terminal().then(BTreeMap::new);
        let told = Told::default();
        Self { out, bars, told }
    }

    /// Whether somebody sees the time go by.
    pub(crate) fn is_watched(&self) -> bool {
        self.bars.is_some()
    }

    /// Shows what happened: for people if it is notable, for programs in any case.
    pub(crate) fn event(&self, event: &Event) -> Result<(), Failure> {
        let is_notable = sentence::is_notable(&event.fact);
        match &self.bars {
            Some(_) if is_notable => {
                // A terminal that is gone is noticed by the next write of data.
                let _ = screen::bars().println(sentence::line(event));
                Ok(())
            }
            Some(_) => Ok(()),
            None if self.out.is_text() && !is_notable => Ok(()),
            None => self.out.item(event, || sentence::line(event)),
        }
    }

    /// Shows where these rollouts stand now, and no others. Where there are no bars, waits for Render's limits are remarks.
    pub(crate) fn stand(&mut self, runs: &[&RunView]) {
        let Some(bars) = &mut self.bars else {
            let remarks = self.told.remarks(runs, time::now());
            remarks.iter().for_each(|remark| self.out.say(remark));
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
        let width = |text: fn(&Row) -> &String| {
            let widths = rows.iter().map(|row| text(row).chars().count());
            widths.max().unwrap_or_default()
        };
        let (titles, counts) = (width(|row| &row.title), width(|row| &row.count));
        for row in &rows {
            let bar = bars
                .entry(row.key.clone())
                .or_insert_with(|| screen::bars().add(ProgressBar::new(0)));
            bar.set_style(style());
            bar.set_length(row.customers);
            bar.set_position(row.settled);
            bar.set_prefix(format!("{:titles$}", row.title));
            bar.set_message(foreign::line(&format!(
                "{:counts$}  {}",
                row.count, row.now
            )));
        }
    }

    /// Leaves the last state on the screen.
    pub(crate) fn end(self) {
        for bar in self.bars.iter().flat_map(BTreeMap::values) {
            bar.abandon();
        }
    }
}

/// What one bar shows.
struct Row {
    key: (RunId, PolicyId),
    title: String,
    settled: u64,
    customers: u64,
    count: String,
    now: String,
}

fn rows(runs: &[&RunView], now: Timestamp) -> Vec<Row> {
    let several = runs.len() > 1;
    let phases = runs
        .iter()
        .flat_map(|run| run.phases.iter().map(move |phase| (*run, phase)));
    phases
        .map(|(run, phase)| row(run, phase, several, now))
        .collect()
}

fn row(run: &RunView, phase: &PhaseView, several: bool, now: Timestamp) -> Row {
    let customers = || run.customers.iter().filter(|one| one.phase == phase.name);
    let settled = customers().filter(|one| status::is_settled(one)).count();
    Row {
        key: (run.id, phase.name.clone()),
        title: match several {
            true => format!("{} {}", run.id, phase.name),
            false => phase.name.to_string(),
        },
        settled: settled as u64,
        customers: customers().count() as u64,
        count: format!("{settled}/{}", customers().count()),
        now: status::phase_now(phase, run, now),
    }
}

fn style() -> ProgressStyle {
    let (_, columns) = Term::stderr().size();
    let template = match columns < NARROW {
        true => "{prefix} {wide_msg}",
        false => "{prefix} {bar:20} {wide_msg}",
    };
    ProgressStyle::with_template(template).expect("the template is well-formed")
}
