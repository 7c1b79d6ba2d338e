//! A whole rollout in virtual time: the real core, driven as the engine drives it, against the simulated Render.
//!
//! The clock jumps from one instant at which something can happen to the next, so weeks pass in milliseconds, and the same
//! [`Setup`] always gives the same events. The world takes no decision about a rollout; it owns time, storage and faults.
//! At one instant all reports come first, then what people ask for, then one tick, until nothing more follows (R24).
//!
//! Start reading at [`World::run`]; scenario files are run by [`scenario::run`], lines for people come from [`timeline()`].

mod approvals;
mod compare;
mod disk;
mod executor;
mod files;
mod people;
pub mod scenario;
mod script;
mod setup;
mod timeline;

use std::collections::{BTreeMap, VecDeque};
use std::sync::mpsc;

use policy::parse::scenario as written;
use policy::{Config, CustomerId, Timestamp};
use rollout::{Event, Input, Notice, Product, Report, Step};

pub use self::approvals::Approvals;
use self::approvals::Ballots;
pub use self::compare::{Differences, KindDifference, Seen, compare};
use self::disk::Disk;
pub use self::executor::{Moved, SimExecutor};
pub use self::files::{Broken, commit_of};
pub use self::people::{Surprise, SurpriseKind};
pub use self::script::BadRow;
pub use self::setup::{Act, Row, Setup};
pub use self::timeline::{PhaseSummary, Summary, TimelineEntry, summaries, timeline};
use crate::platform::Platform;

/// So many steps at one instant are allowed to the world as such, and more to each customer.
const STEPS_AT_ONE_INSTANT: usize = 10_000;

/// So many more for each customer.
const STEPS_PER_CUSTOMER: usize = 1_000;

/// After so many instants in a row at which only approvals came and went, a world that waits for people has ended.
const QUIET_INSTANTS: usize = 50;

/// After so many even one that waits for something else has: it will not come.
const VERY_QUIET_INSTANTS: usize = 1_000;

/// The engine's process: what a crash destroys.
#[derive(Debug)]
struct Process {
    product: Product,
    clock_trusted: bool,
    workspace_held: bool,
}

/// The core, its storage, Render and the people, at one instant.
#[derive(Debug)]
pub struct World {
    now: Timestamp,
    process: Option<Process>,
    back_at: Option<Timestamp>,
    disk: Disk,
    /// What the next process finds out about its database.
    found: Option<String>,
    executor: SimExecutor,
    answers: mpsc::Receiver<Report>,
    answer_to: mpsc::Sender<Report>,
    script: VecDeque<Row>,
    ballots: Ballots,
    /// The files as they read now.
    config: Config,
    /// The files as the last plan took them.
    applied: Config,
    pace: written::World,
    running: BTreeMap<CustomerId, String>,
    surprises: Vec<Surprise>,
    steps: usize,
    quiet: usize,
}

impl World {
    /// A world just before the start.
    pub fn new(mut setup: Setup) -> Self {
        if setup.approvals != Approvals::Never {
            files::people_for(&mut setup.config, &setup.by);
        }
        set_pace(&mut setup.config, &setup.pace);
        let mut executor = SimExecutor::new(setup.start, &setup.pace, &setup.paces);
        executor.inject(&setup.inject, &releases(&setup));
        executor.read_fleet(
            setup.start,
            &setup.config,
            &setup.running,
            files::older_than(&setup.version),
        );
        let (answer_to, answers) = mpsc::channel();
        let mut script = VecDeque::from(setup.script);
        script.push_front(people::first_row(&setup.version, setup.start, setup.by));
        Self {
            now: setup.start,
            process: None,
            back_at: Some(setup.start),
            disk: Disk::new(setup.paranoid),
            found: None,
            executor,
            answers,
            answer_to,
            script,
            ballots: Ballots::new(setup.approvals),
            applied: setup.config.clone(),
            config: setup.config,
            pace: setup.pace,
            running: setup.running,
            surprises: Vec::new(),
            steps: 0,
            quiet: 0,
        }
    }

    /// Lets everything happen until nothing can happen by itself any more.
    ///
    /// # Panics
    /// When the core never comes to rest at one instant, or its stored state cannot be read back: both are bugs.
    pub fn run(&mut self) {
        while self.proceed() {}
        self.disk.check_all(self.product());
    }

    /// Goes to the next instant at which something can happen; says whether there was one.
    pub fn proceed(&mut self) -> bool {
        let Some(at) = self.next_at() else {
            return false;
        };
        let known = self.disk.events().len();
        self.now = self.now.max(at);
        self.steps = 0;
        self.live_through();
        let new = self.disk.events().get(known..).unwrap_or_default();
        let moved = new.iter().any(approvals::moves_on);
        self.quiet = if moved { 0 } else { self.quiet + 1 };
        true
    }

    /// The instant it is.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The files as they read at the end.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The journal.
    pub fn events(&self) -> &[Event] {
        self.disk.events()
    }

    /// The core's state; none while the process is down.
    pub fn product(&self) -> Option<&Product> {
        self.process.as_ref().map(|process| &process.product)
    }

    /// The simulated Render.
    pub fn platform(&self) -> &Platform {
        self.executor.platform()
    }

    /// What Render's limits have moved by more than a minute, a limit each.
    pub fn moved(&self) -> impl Iterator<Item = &Moved> {
        self.executor.moved()
    }

    /// Rows of the script that went otherwise than they were written.
    pub fn surprises(&self) -> &[Surprise] {
        &self.surprises
    }

    /// When something can happen next; none: the run has ended.
    fn next_at(&self) -> Option<Timestamp> {
        let Some(process) = &self.process else {
            return self.back_at;
        };
        let product = &process.product;
        let scripted = self.script.front().map(|row| row.at);
        if scripted.is_none() && (product.is_finished() || self.only_waits_for_people(product)) {
            return None;
        }
        let waits_for_render = !process.clock_trusted || process.workspace_held;
        let reachable_at = self
            .executor
            .unreachable_until(self.now)
            .filter(|_| waits_for_render);
        earliest([
            scripted,
            self.ballots.next_at(),
            product.wake_at(),
            self.executor.next_at(),
            reachable_at,
        ])
    }

    fn only_waits_for_people(&self, product: &Product) -> bool {
        let limit = if product.is_idle() {
            QUIET_INSTANTS
        } else {
            VERY_QUIET_INSTANTS
        };
        self.quiet >= limit && self.executor.next_at().is_none()
    }

    /// Lets everything happen that happens at this instant.
    fn live_through(&mut self) {
        let (mut death, mut older) = (None, None);
        loop {
            self.start_process();
            let mut asked = |world: &mut Self| world.ask_due(&mut death, &mut older);
            if self.deliver_reports() || self.give_notices() || asked(self) {
                continue;
            }
            if !self.tick() && !self.is_back() {
                break;
            }
        }
        // A crash comes after everything else of its instant; one from a time when nothing ran may be over.
        if let Some(until) = death.filter(|until| *until > self.now) {
            self.crash(until);
            if let Some((as_of, noticed)) = older {
                self.disk.put_back(as_of);
                let reason = || "an older state of the project was put back".to_owned();
                self.found = noticed.then(reason);
            }
        }
    }

    fn is_back(&self) -> bool {
        self.process.is_none() && self.back_at.is_some_and(|at| at <= self.now)
    }

    /// Begins a new process if the old one is gone and the time for it has come.
    fn start_process(&mut self) {
        if !self.is_back() {
            return;
        }
        self.back_at = None;
        self.process = Some(Process {
            product: self.disk.load(),
            clock_trusted: false,
            workspace_held: false,
        });
        self.executor.begin(self.now);
        if let Some(reason) = self.found.take() {
            self.step(Input::Notice(Notice::Restored { reason }));
        }
        self.step(Input::Notice(Notice::engine_started()));
    }

    fn crash(&mut self, until: Timestamp) {
        self.process = None;
        self.back_at = Some(until.max(self.now));
        self.executor.forget();
        while self.answers.try_recv().is_ok() {}
    }

    /// Hands over the answers that have come; says whether there were any.
    fn deliver_reports(&mut self) -> bool {
        let mut any = false;
        loop {
            self.executor.look(self.now);
            self.notice_outage();
            let answers: Vec<Report> = self.answers.try_iter().collect();
            if answers.is_empty() || self.process.is_none() {
                return any;
            }
            any = true;
            for report in answers {
                self.step(Input::Report(report));
            }
        }
    }

    /// The executor's first failed request makes the workspace's trouble known.
    fn notice_outage(&mut self) {
        let met = self.executor.take_outage_met();
        let Some(process) = self
            .process
            .as_mut()
            .filter(|process| met && !process.workspace_held)
        else {
            return;
        };
        process.workspace_held = true;
        let reason = "Render cannot be reached".to_owned();
        self.step(Input::Notice(Notice::WorkspaceHeld { reason }));
    }

    /// Tells the core what the process notices by itself; says whether there was anything.
    fn give_notices(&mut self) -> bool {
        let Some(process) = self.process.as_mut() else {
            return false;
        };
        if self.executor.unreachable_until(self.now).is_some() {
            return false;
        }
        let trusts = !std::mem::replace(&mut process.clock_trusted, true);
        let releases = std::mem::take(&mut process.workspace_held);
        if releases {
            self.step(Input::Notice(Notice::WorkspaceReleased));
        }
        if trusts {
            self.step(Input::Notice(Notice::ClockTrusted));
        }
        trusts || releases
    }

    /// Lets people ask for what they ask at this instant, or asked while nothing ran; says whether they did.
    fn ask_due(
        &mut self,
        death: &mut Option<Timestamp>,
        older: &mut Option<(Timestamp, bool)>,
    ) -> bool {
        let mut any = false;
        while self.process.is_some()
            && let Some(row) = self.script.pop_front_if(|row| row.at <= self.now)
        {
            any = true;
            match row.act {
                Act::Say(verb) => self.say(&verb),
                Act::Crash { until } => *death = (*death).max(Some(until)),
                Act::PutBack {
                    as_of,
                    until,
                    noticed,
                } => {
                    *death = (*death).max(Some(until));
                    *older = Some((as_of, noticed));
                }
                Act::Edit(config) => self.edit(*config),
            }
        }
        for ballot in self.ballots.take_due(self.now) {
            any = true;
            self.vote(&ballot);
        }
        any
    }

    /// Lets time pass if the core wants that; says whether it did.
    fn tick(&mut self) -> bool {
        let wake_at = self.product().and_then(Product::wake_at);
        let due = wake_at.is_some_and(|at| at <= self.now);
        if due {
            self.step(Input::Tick);
        }
        due
    }

    /// Takes an input that is never rejected.
    fn step(&mut self, input: Input) {
        let Some(process) = self.process.as_mut() else {
            return;
        };
        let step = process.product.step(self.now, input);
        self.commit(step.expect("reports, notices and ticks are never rejected"));
    }

    /// Stores what happened, then lets the commands leave.
    fn commit(&mut self, mut step: Step) {
        self.count_step();
        let Some(process) = &self.process else {
            return;
        };
        self.executor.keep(std::mem::take(&mut step.attachments));
        for event in &step.events {
            self.ballots.notice(event, &self.config);
        }
        self.disk.commit(&process.product, &mut step);
        for command in step.commands {
            let answer_to = self.answer_to.clone();
            // The world outlives its answers, so somebody always listens.
            let reply = Box::new(move |report| drop(answer_to.send(report)));
            rollout::Executor::execute(&mut self.executor, command, reply);
            if let Some(until) = self.executor.take_death() {
                self.crash(until);
                return;
            }
        }
    }

    /// Guards against a core that never comes to rest at one instant.
    fn count_step(&mut self) {
        self.steps += 1;
        let limit = STEPS_AT_ONE_INSTANT + STEPS_PER_CUSTOMER * self.config.fleet.customers.len();
        if self.steps > limit {
            let last = self.events().iter().rev().take(10).map(Seen::from);
            let last: Vec<String> = last.map(|seen| seen.to_string()).collect();
            panic!(
                "the core does not come to rest at {}: {limit} steps, the last events were\n{}",
                rollout::show_instant(self.now),
                last.join("\n")
            );
        }
    }
}

fn earliest<const N: usize>(instants: [Option<Timestamp>; N]) -> Option<Timestamp> {
    instants.into_iter().flatten().min()
}

/// The versions that are rolled out at some time.
fn releases(setup: &Setup) -> Vec<String> {
    let started = setup.script.iter().filter_map(|row| match &row.act {
        Act::Say(verb) => verb.args.get("version")?.as_str().map(str::to_owned),
        Act::Crash { .. } | Act::PutBack { .. } | Act::Edit(_) => None,
    });
    started.chain([setup.version.clone()]).collect()
}

/// A world's own pace of health cycles beats the profiles.
fn set_pace(config: &mut Config, pace: &written::World) {
    let Some(every) = pace.health_every else {
        return;
    };
    for profile in config.project.health.values_mut() {
        profile.every = every;
    }
}
