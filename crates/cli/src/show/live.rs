//! A rollout while it goes on: bars on a terminal, one line a change elsewhere.

use std::collections::BTreeMap;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use policy::PolicyId;
use rollout::Event;
use rollout::view::RunView;

use super::{sentence, status, time};
use crate::exit::Failure;
use crate::output::Output;

/// What is shown while a rollout goes on.
#[derive(Debug)]
pub(crate) struct Live {
    out: Output,
    bars: Option<Bars>,
}

#[derive(Debug)]
struct Bars {
    all: MultiProgress,
    phases: BTreeMap<PolicyId, ProgressBar>,
}

impl Live {
    /// Bars if a person watches, otherwise lines.
    pub(crate) fn new(out: Output) -> Self {
        let bars = out.is_terminal().then(|| Bars {
            all: MultiProgress::new(),
            phases: BTreeMap::new(),
        });
        Self { out, bars }
    }

    /// Shows what happened: for people if it is notable, for programs in any case.
    pub(crate) fn event(&self, event: &Event) -> Result<(), Failure> {
        match &self.bars {
            Some(bars) if sentence::is_notable(&event.fact) => {
                // A terminal that is gone is noticed by the next write of data.
                let _ = bars.all.println(sentence::line(event));
                Ok(())
            }
            Some(_) => Ok(()),
            None if self.out.is_text() && !sentence::is_notable(&event.fact) => Ok(()),
            None => self.out.item(event, || sentence::line(event)),
        }
    }

    /// Shows where the rollout stands now.
    pub(crate) fn stand(&mut self, run: &RunView) {
        let Some(bars) = &mut self.bars else { return };
        let now = time::now();
        for phase in &run.phases {
            let customers = || run.customers.iter().filter(|one| one.phase == phase.name);
            let settled = customers().filter(|one| status::is_settled(one)).count();
            let bar = bars.phases.entry(phase.name.clone()).or_insert_with(|| {
                bars.all.add(
                    ProgressBar::new(0)
                        .with_style(style())
                        .with_prefix(phase.name.to_string()),
                )
            });
            bar.set_length(customers().count() as u64);
            bar.set_position(settled as u64);
            bar.set_message(status::phase_now(phase, run, now));
        }
    }

    /// Leaves the last state on the screen.
    pub(crate) fn end(self) {
        for bar in self.bars.iter().flat_map(|bars| bars.phases.values()) {
            bar.abandon();
        }
    }
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{prefix:16} {bar:20} {pos}/{len}  {wide_msg}")
        .expect("the template is well-formed")
}
