//! Makes scenarios by chance.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use fastrand::Rng;
use policy::{CustomerId, Timestamp};

/// A scenario made from a seed.
pub(super) struct Story {
    pub(super) seed: u64,
    pub(super) text: String,
    /// How long after a request its gate is approved.
    pub(super) approve_after_secs: i64,
    /// A fault in it never stops.
    pub(super) endless: bool,
}

const START: &str = "2027-01-11T09:00:00Z";

/// Anything may go wrong, and people meddle.
pub(super) fn anything(seed: u64) -> Story {
    let mut rng = Rng::with_seed(seed);
    let failures = [
        "halt",
        "continue",
        "rollback_batch",
        "rollback_phase",
        "rollback_all",
    ];
    let mut story = Writer::begin(&mut rng, &failures);
    let rows = story.rng.usize(0..5);
    story.section("inject", rows, Writer::fault);
    let rows = story.rng.usize(0..7);
    story.section("script", rows, Writer::deed);
    story.finish(seed)
}

/// Only what must not matter: lost requests, lost answers, crashes.
pub(super) fn steady(seed: u64) -> Story {
    let mut rng = Rng::with_seed(seed);
    let mut story = Writer::begin(&mut rng, &["continue"]);
    let rows = story.rng.usize(1..4);
    story.section("inject", rows, Writer::lost_reply_or_bad_release);
    let rows = story.rng.usize(1..4);
    story.section("script", rows, Writer::crash);
    story.finish(seed)
}

/// Many customers over weeks, and nothing goes wrong.
pub(super) fn large(fleet: &BTreeMap<CustomerId, i32>) -> Story {
    let mut text = head();
    text.push_str("fleet:\n");
    for (id, n) in fleet {
        let _ = writeln!(text, "  {id}: {{ tier: t{} }}", n % 4);
    }
    text.push_str(
        "policies:\n  - { policy: t0, batch: all, max_parallel: 50 }\n  \
         - { policy: t1, after: t0, not_before: 1d, batch: 50%, delay: 2h, max_parallel: 50 }\n  \
         - { policy: t2, after: t1, not_before: 8d, batch: 25%, delay: 6h, soak: 24h, max_parallel: 50 }\n  \
         - { policy: t3, after: t2, not_before: 22d, batch: 10%, delay: 1d, max_parallel: 50 }\n\
         project: { render: { max_parallel: 100 } }\n",
    );
    Story {
        seed: 0,
        text,
        approve_after_secs: 0,
        endless: false,
    }
}

fn head() -> String {
    head_with("override")
}

fn head_with(overlap: &str) -> String {
    format!(
        "version: v1.1.0\nstart: {START}\nby: ann\n\
         world: {{ deploy: 5m, rollback: 2m, health_every: 1m, overlap: {overlap} }}\n"
    )
}

struct Writer<'a> {
    rng: &'a mut Rng,
    text: String,
    customers: Vec<(String, bool)>,
    phases: usize,
    endless: bool,
}

impl<'a> Writer<'a> {
    fn begin(rng: &'a mut Rng, failures: &[&str]) -> Self {
        let mut writer = Self {
            rng,
            text: String::new(),
            customers: Vec::new(),
            phases: 0,
            endless: false,
        };
        let overlap = writer.pick(&["override", "wait"]);
        writer.text = head_with(overlap);
        writer.phases = writer.rng.usize(1..4);
        writer.fleet();
        writer.policies(failures);
        writer.project();
        writer
    }

    fn finish(self, seed: u64) -> Story {
        let approve_after_secs = self.rng.i64(0..7_200);
        Story {
            seed,
            text: self.text,
            approve_after_secs,
            endless: self.endless,
        }
    }

    fn pick<'t>(&mut self, texts: &[&'t str]) -> &'t str {
        texts[self.rng.usize(0..texts.len())]
    }

    /// Yes, once in so many times.
    fn once_in(&mut self, times: u32) -> bool {
        self.rng.u32(0..times) == 0
    }

    fn fleet(&mut self) {
        self.text.push_str("fleet:\n");
        for n in 0..self.rng.usize(1..8) {
            let both = self.once_in(3);
            let services = if both {
                ", services: { backend: {}, frontend: {} }"
            } else {
                ""
            };
            let tier = self.rng.usize(0..self.phases);
            let _ = writeln!(self.text, "  c{n}: {{ tier: t{tier}{services} }}");
            self.customers.push((format!("c{n}"), both));
        }
    }

    fn policies(&mut self, failures: &[&str]) {
        self.text.push_str("policies:\n");
        for n in 0..self.phases {
            let after = self.after(n);
            let batch = self.pick(&["all", "1", "2", "25%", "50%", "[1, 50%, 100%]"]);
            let delay = self.pick(&["0s", "10m", "1h"]);
            let soak = self.pick(&["0s", "0s", "30m"]);
            let not_before = self.pick(&["0s", "0s", "2h"]);
            let parallel = self.rng.u32(1..4);
            let tolerated = self.pick(&["0", "1", "50%"]);
            let failure = self.pick(failures);
            let order = self.pick(&["ready", "strict"]);
            let watch = self.pick(&["0s", "0s", "15m"]);
            let _ = write!(
                self.text,
                "  - {{ policy: t{n}{after}, batch: {batch}, delay: {delay}, soak: {soak}, not_before: {not_before}, \
                 max_parallel: {parallel}, max_failures: {tolerated}, on_failure: {failure}, order: {order}, watch: {watch}"
            );
            self.gate();
            self.window();
            self.text.push_str(" }\n");
        }
    }

    fn after(&mut self, n: usize) -> String {
        if n == 0 || self.once_in(4) {
            String::new()
        } else {
            format!(", after: t{}", n - 1)
        }
    }

    fn gate(&mut self) {
        if self.once_in(4) {
            let per = self.pick(&["phase", "batch", "customer"]);
            let quorum = self.rng.u32(1..3);
            let valid_for = self.pick(&["1h", "7d"]);
            let _ = write!(
                self.text,
                ", approval: {{ per: {per}, quorum: {quorum}, from: [approvers], valid_for: {valid_for} }}"
            );
        }
    }

    fn window(&mut self) {
        if self.once_in(5) {
            let _ = write!(
                self.text,
                ", window: {{ cron: \"0 */6 * * *\", duration: 2h }}"
            );
        }
    }

    fn project(&mut self) {
        let parallel = self.rng.u32(1..6);
        let _ = writeln!(
            self.text,
            "project:\n  groups: {{ approvers: [ann, bob, carol, dave] }}\n  render: {{ max_parallel: {parallel} }}\n  \
             variables: {{ backend: {{ VERSION: \"${{version}}\", WHO: \"${{customer}}\" }} }}"
        );
        if self.once_in(4) {
            self.text
                .push_str("  freezes: [ { name: hours, cron: \"0 */3 * * *\", duration: 45m } ]\n");
        }
    }

    fn section(&mut self, name: &str, rows: usize, row: fn(&mut Self)) {
        if rows > 0 {
            let _ = writeln!(self.text, "{name}:");
        }
        for _ in 0..rows {
            row(self);
        }
    }

    fn at(&mut self) -> Timestamp {
        let start: Timestamp = START.parse().unwrap();
        start + chrono::TimeDelta::seconds(self.rng.i64(0..480) * 30)
    }

    fn customer(&mut self) -> (String, &'static str) {
        let place = self.rng.usize(0..self.customers.len());
        let (customer, both) = self.customers[place].clone();
        let service = if both && self.rng.bool() {
            "frontend"
        } else {
            "backend"
        };
        (customer, service)
    }

    fn fault(&mut self) {
        let (customer, service) = self.customer();
        let from = self.at();
        let until = from + chrono::TimeDelta::seconds(self.rng.i64(1..240) * 30);
        let whose = format!("customer: {customer}, service: {service}");
        let times = self.pick(&["", ", times: 1"]);
        let row = match self.rng.u32(0..9) {
            0 => format!("{whose}, deploy: build_failed, after: 3m{times}"),
            1 => format!("{whose}, deploy: stuck{times}"),
            2 => format!("{whose}, deploy: live, after: 9m{times}"),
            3 => format!("{whose}, health: failing, from: live{times}"),
            4 => format!(
                "{whose}, health: failing, from: {}{}",
                show(from),
                self.until(until)
            ),
            5 => format!(
                "{whose}, foreign_deploy: {{ at: {}, live_after: 4m }}",
                show(from)
            ),
            6 => format!(
                "{whose}, suspended: {{ from: {}, until: {} }}",
                show(from),
                show(until)
            ),
            7 => {
                format!(
                    "render: unreachable, from: {}, until: {}",
                    show(from),
                    show(until)
                )
            }
            _ => return self.lost_reply(),
        };
        let _ = writeln!(self.text, "  - {{ {row} }}");
    }

    /// Some faults never stop.
    fn until(&mut self, until: Timestamp) -> String {
        if self.once_in(3) {
            self.endless = true;
            return String::new();
        }
        format!(", until: {}", show(until))
    }

    fn lost_reply(&mut self) {
        let (customer, service) = self.customer();
        let reply = self.pick(&["lost", "never_sent", "accepted_without_body"]);
        let crash = if self.rng.bool() {
            format!(", crash_until: {}", show(self.at()))
        } else {
            String::new()
        };
        let _ = writeln!(
            self.text,
            "  - {{ customer: {customer}, service: {service}, reply: {reply}, times: 1{crash} }}"
        );
    }

    fn lost_reply_or_bad_release(&mut self) {
        if self.once_in(3) {
            let (customer, service) = self.customer();
            let fault = self.pick(&[
                "deploy: build_failed, after: 3m",
                "health: failing, from: live",
            ]);
            let _ = writeln!(
                self.text,
                "  - {{ customer: {customer}, service: {service}, {fault} }}"
            );
        } else {
            self.lost_reply();
        }
    }

    fn deed(&mut self) {
        if self.once_in(3) {
            return self.crash();
        }
        let at = show(self.at());
        let (customer, _) = self.customer();
        let phase = self.rng.usize(0..self.phases);
        let until = show(self.at() + chrono::TimeDelta::hours(4));
        let deed = match self.rng.u32(0..18) {
            0 => "pause".to_owned(),
            1 => "resume".to_owned(),
            2 | 3 => "retry, failed: true".to_owned(),
            4 => format!("retry, customer: {customer}"),
            5 => format!("skip, target: {customer}, reason: chance"),
            6 => format!("skip, target: t{phase}, reason: chance"),
            7 => "promote".to_owned(),
            8 => "promote, full: true".to_owned(),
            9 => format!("freeze, name: f{phase}, until: {until}, reason: chance"),
            10 => format!("unfreeze, name: f{phase}"),
            11 => "start, version: v1.2.0, queue: true, by: bob".to_owned(),
            12 => "start, version: v1.2.0, supersede: true, by: bob".to_owned(),
            13 => format!("rollback, customer: {customer}, reason: chance"),
            14 => format!("reject, gate: {customer}, reason: chance, by: dave"),
            15 => "override, name: hours, reason: chance, by: bob".to_owned(),
            16 => "override, name: hours, reason: chance, by: carol".to_owned(),
            _ => format!("abort, rollback: {}", self.rng.bool()),
        };
        let _ = writeln!(self.text, "  - {{ at: {at}, do: {deed} }}");
    }

    fn crash(&mut self) {
        let (one, other) = (self.at(), self.at());
        let (at, until) = (
            one.min(other),
            one.max(other) + chrono::TimeDelta::seconds(30),
        );
        let _ = writeln!(
            self.text,
            "  - {{ at: {}, do: crash, until: {} }}",
            show(at),
            show(until)
        );
    }
}

fn show(at: Timestamp) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}
