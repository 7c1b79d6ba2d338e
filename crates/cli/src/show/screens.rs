//! The pages that people meet first, as they look at 80 and 120 columns, at three moments of the practice project.
//!
//! `UPDATE=1 cargo test -p cli screens` stores them anew in `tests/screens`; review them like code, in a terminal.

use std::fmt::Write as _;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::{env, fs};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, TermLike};
use policy::parse::scenario::Scenario;
use policy::plan::{Running, RunningVersions, compile};
use policy::{CustomerId, File, Plan, PlanInput, PlanScope, Release, Role, Sources, Timestamp};
use project::prepare::{Notes, Source};
use project::view::PlanView;
use rollout::{Event, Product, RolloutId};
use sim::world::{World, scenario};

use super::wrap::{self, tests::within};
use super::{holds, live, sentence, status, summary};

const WIDTHS: [usize; 2] = [80, 120];

/// A customer fails in the third phase of one rollout, and another waits for people.
const FAILS: &str = "\
version: v1.1.0
start: 2027-01-11T09:00:07Z
by: ann
world: { deploy: 90s, rollback: 40s, health_every: 5s }
inject:
  - { customer: bluewave, health: failing, from: live }
";

const WAITS: &str = "\
version: v1.1.0
start: 2027-01-11T09:00:07Z
by: ann
world: { deploy: 90s, rollback: 40s, health_every: 5s }
script:
  - { at: 2027-01-11T09:12:30Z, do: approve, gate: financefirst, by: bob }
";

fn at(text: &str) -> Timestamp {
    text.parse().expect("it is an instant")
}

fn file(path: &str, text: &str) -> File {
    File {
        path: path.to_owned(),
        text: text
            .replace("@ADDRESS@", "127.0.0.1:7373")
            .replace("@ACCOUNT@", "zoe"),
    }
}

/// The files of `init --practice`.
fn practice() -> Sources {
    macro_rules! template {
        ($name:literal) => {
            file($name, include_str!(concat!("../../templates/demo/", $name)))
        };
    }
    Sources {
        project: template!("tranche.yaml"),
        customers: template!("customers.yaml"),
        policies: vec![
            template!("policies/demo.yaml"),
            template!("policies/startup.yaml"),
            template!("policies/standard.yaml"),
            template!("policies/enterprise.yaml"),
        ],
        unread: Vec::new(),
        calendars: Vec::new(),
    }
}

/// A world up to an instant, and what had happened by then.
struct Moment {
    world: World,
    now: Timestamp,
}

impl Moment {
    fn of(text: &str, now: &str) -> Self {
        let scenario = Scenario::parse(&file("screens.yaml", text)).expect("it is a scenario");
        let setup = scenario::setup(&scenario, Some(&practice())).expect("the files are sound");
        let mut world = World::new(setup);
        let now = at(now);
        // What happens next may be later: then nothing happens until then.
        while world.events().last().is_none_or(|last| last.at < now) && world.proceed() {}
        Self { world, now }
    }

    fn events(&self) -> impl Iterator<Item = &Event> {
        let events = self.world.events().iter();
        events.filter(|event| event.at <= self.now)
    }

    fn product(&self) -> Product {
        let mut product = Product::new();
        self.events().for_each(|event| product.apply(event));
        product
    }

    fn status(&self) -> String {
        let mut product = self.product();
        let run = &product.overview_at(self.now)[0];
        let way_out = product.goes_on_by(run.id, self.now).map(|(text, _)| text);
        status::status(run, way_out.as_deref(), self.now)
    }

    fn why(&self, customer: &str) -> String {
        let mut product = self.product();
        let customer = CustomerId::new(customer);
        let run = &product.overview_at(self.now)[0];
        let one = run.customers.iter().find(|one| one.customer == customer);
        let state = one.map(|one| one.state);
        let why = product.why(RolloutId::Rollout(1), &customer, self.now);
        let heading = holds::heading(&customer, "r1 (v1.1.0)", state, &why);
        let zone = Some(chrono_tz::America::New_York);
        format!("{heading}\n{}", holds::holds(&why, zone, self.now))
    }

    /// What has scrolled by, and the bars below it.
    fn watch(&self, width: usize) -> String {
        let notable = self
            .events()
            .filter(|event| sentence::is_notable(&event.line));
        let lines = notable.map(|event| wrap::block(&sentence::line(event), Some(width)));
        let lines: Vec<String> = lines.collect();
        let newest = lines[lines.len().saturating_sub(8)..].join("\n");
        let product = self.product();
        let runs = product.overview_at(self.now);
        let screen = Screen::new(width);
        screen.bars(&live::rows(&[&runs[0]], self.now));
        format!("{newest}\n{}", screen.text())
    }
}

/// A terminal that keeps what is drawn.
#[derive(Clone, Debug)]
struct Screen {
    columns: u16,
    drawn: Arc<Mutex<String>>,
}

impl Screen {
    fn new(width: usize) -> Self {
        Self {
            columns: u16::try_from(width).expect("it is a width"),
            drawn: Arc::default(),
        }
    }

    fn bars(&self, rows: &[live::Row]) {
        let hidden = MultiProgress::with_draw_target(ProgressDrawTarget::hidden());
        let mut bars = Vec::new();
        live::draw(rows, self.columns, |_| {
            let bar = hidden.add(ProgressBar::new(0));
            bars.push(bar.clone());
            bar
        });
        for bar in bars {
            bar.set_draw_target(ProgressDrawTarget::term_like(Box::new(self.clone())));
            bar.tick();
            self.put("\n");
        }
    }

    fn put(&self, text: &str) {
        self.drawn.lock().expect("nobody panicked").push_str(text);
    }

    fn text(&self) -> String {
        let drawn = self.drawn.lock().expect("nobody panicked");
        let lines = drawn.lines().map(str::trim_end);
        lines
            .filter(|line| !line.is_empty())
            .fold(String::new(), |text, line| text + line + "\n")
    }
}

impl TermLike for Screen {
    fn width(&self) -> u16 {
        self.columns
    }

    fn move_cursor_up(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_down(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_right(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_left(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.put(text);
        self.put("\n");
        Ok(())
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.put(text);
        Ok(())
    }

    fn clear_line(&self) -> io::Result<()> {
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        Ok(())
    }
}

/// The plan, and what ran before it.
fn plan() -> (Plan, RunningVersions) {
    let config = policy::parse::load(&practice()).expect("the files are sound");
    let release = Release {
        version: "v1.1.0".to_owned(),
        commit: "7d1f0c9a4b2e".repeat(4)[..40].to_owned(),
    };
    let runs = Running {
        version: Some("v1.0.0".to_owned()),
        commit: Some("0".repeat(40)),
    };
    let running = config.fleet.customers.keys().map(|customer| {
        let services = [(Role::new("backend"), runs.clone())].into();
        (customer.clone(), services)
    });
    let running: RunningVersions = running.collect();
    let input = PlanInput::of(&config, release, PlanScope::default());
    let plan = compile(&input, &running, at("2027-01-11T09:00:07Z")).expect("it is a plan");
    (plan, running)
}

fn shown_plan() -> String {
    let (plan, running) = plan();
    let now = at("2027-01-11T09:00:07Z");
    let notes = Notes::default();
    let view = PlanView::new(&plan, now, &notes, &Source::Render);
    let before = summary::before(&plan, &running, &[], None, now);
    format!(
        "$ tranche plan v1.1.0\n{}\n$ tranche start v1.1.0\n{before}\n",
        super::plan::text(&view)
    )
}

/// Every page, each under the command that shows it.
fn pages(width: usize) -> Vec<(&'static str, String)> {
    let halted = Moment::of(FAILS, "2027-01-11T09:11:20Z");
    let at_work = Moment::of(WAITS, "2027-01-11T09:02:41Z");
    let waiting = Moment::of(WAITS, "2027-01-11T09:12:43Z");
    let each = |command: &str, page: &dyn Fn(&Moment) -> String| {
        let moments = [&at_work, &halted, &waiting];
        moments.iter().fold(String::new(), |mut text, moment| {
            let _ = writeln!(text, "$ {command}\n{}", page(moment));
            text
        })
    };
    let laid_out = |text: &str| wrap::block(text, Some(width));
    vec![
        ("plan", laid_out(&shown_plan())),
        ("status", laid_out(&each("tranche status", &Moment::status))),
        (
            "watch",
            each("tranche watch", &|moment| moment.watch(width)),
        ),
        (
            "why",
            laid_out(&each("tranche why financefirst", &|moment| {
                moment.why("financefirst")
            })),
        ),
    ]
}

#[test]
fn the_first_pages_fit_and_look_as_they_were_reviewed() {
    for width in WIDTHS {
        for (name, text) in within(width, || pages(width)) {
            let path = Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("tests/screens")
                .join(format!("{name}-{width}.txt"));
            if env::var_os("UPDATE").is_some() {
                fs::write(&path, &text).expect("it can be written");
            }
            let wide: Vec<&str> = text
                .lines()
                .filter(|line| wrap::columns_of(line) > width)
                .collect();
            assert!(wide.is_empty(), "{name} at {width}: {wide:?}");
            let stored = fs::read_to_string(&path).unwrap_or_default();
            assert_eq!(
                stored,
                text,
                "{} differs; see it with `UPDATE=1 cargo test -p cli screens` and git diff",
                path.display()
            );
        }
    }
}
