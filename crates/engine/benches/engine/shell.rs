//! The core without a disk: driven as the engine drives it, in groups, with [`answer`] as the outside.

use std::collections::BTreeSet;

use policy::Timestamp;
use rollout::request::FilesRead;
use rollout::{Event, Input, Notice, Product, Report, Request, RowKey, Step};

use crate::outside::answer;

/// The core and the answers that it has not heard yet.
pub(crate) struct Shell {
    product: Product,
    at: Timestamp,
    /// Answers that are held back; see [`Outside`](crate::outside::Outside).
    backlog: usize,
    answers: Vec<Report>,
}

/// What one group of steps gave: what an engine stores in one transaction.
#[derive(Default)]
pub(crate) struct Group {
    /// Answers that were stepped.
    pub(crate) steps: usize,
    pub(crate) events: Vec<Event>,
    pub(crate) rows: Vec<String>,
    touched: BTreeSet<RowKey>,
}

impl Group {
    /// All that an engine stores.
    pub(crate) fn texts(&self) -> Vec<String> {
        let line = |event| serde_json::to_string(event).expect("events serialise");
        let rows = self.rows.iter().cloned();
        self.events.iter().map(line).chain(rows).collect()
    }
}

impl Shell {
    /// A core in which a rollout has been asked for and an engine has begun; nobody has started.
    pub(crate) fn begin(start: Request, read: FilesRead, backlog: usize) -> Self {
        let at = "2027-01-11T08:00:00Z".parse().expect("an instant");
        let mut shell = Self {
            product: Product::new(),
            at,
            backlog,
            answers: Vec::new(),
        };
        let first = [
            Input::Request(start),
            Input::Notice(Notice::engine_started()),
            Input::Notice(Notice::ClockTrusted),
            Input::Notice(Notice::FilesRead(Box::new(read))),
        ];
        for input in first {
            let step = shell.product.step(at, input);
            shell.take(step.expect("it is allowed"), &mut Group::default());
        }
        shell
    }

    /// Steps the answers that have come, then ticks; `None`: nothing is left to do.
    pub(crate) fn turn(&mut self) -> Option<Group> {
        let come = self.answers.len().saturating_sub(self.backlog);
        let answers: Vec<Report> = self.answers.drain(..come).collect();
        if answers.is_empty()
            && self
                .product
                .wake_at()
                .is_none_or(|wake_at| wake_at > self.at)
        {
            return None;
        }
        let mut group = Group {
            steps: answers.len(),
            ..Group::default()
        };
        for report in answers {
            self.step(Input::Report(report), &mut group);
        }
        self.step(Input::Tick, &mut group);
        let rows = group.touched.iter().filter_map(|key| self.product.row(key));
        group.rows = rows.collect();
        Some(group)
    }

    fn step(&mut self, input: Input, group: &mut Group) {
        let step = self.product.step(self.at, input);
        self.take(step.expect("only requests are rejected"), group);
    }

    fn take(&mut self, step: Step, group: &mut Group) {
        group.events.extend(step.events);
        group.touched.extend(step.touched);
        self.answers.extend(step.commands.iter().filter_map(answer));
    }
}
