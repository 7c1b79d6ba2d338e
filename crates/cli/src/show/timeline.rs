//! A simulated rollout as a person reads it: what happens on which day, and how it ends.

use std::fmt::Write as _;

use chrono_tz::Tz;
use policy::{CustomerId, Fleet};
use project::view::{FrozenTime, frozen as frozen_times};
use rollout::fact::{Payload as _, RolloutStarted};
use rollout::{Event, Kind, RolloutId};
use sim::world::{PhaseSummary, Summary, TimelineEntry};

use super::count::counted;
use super::table::columns;
use super::{frozen, time};

/// One line for each thing that happens.
pub(crate) fn timeline(lines: &[TimelineEntry], fleet: &Fleet) -> String {
    let rows = lines.iter().map(|line| {
        let place = match (&line.phase, line.batch) {
            (Some(phase), Some(batch)) => format!("{phase}/{batch}"),
            (Some(phase), None) => phase.to_string(),
            (None, _) => String::new(),
        };
        let who: Vec<&str> = line.customers.iter().map(CustomerId::as_str).collect();
        let what = if who.is_empty() {
            line.text.clone()
        } else {
            format!("{}: {}", who.join(", "), line.text)
        };
        let until = line.until.map_or_else(String::new, |until| {
            format!(
                ", until {}",
                time::instant_there(until, zone(&line.customers, fleet))
            )
        });
        vec![
            format!("day {}", line.day),
            time::instant(line.at),
            place,
            format!("{what}{until}"),
        ]
    });
    columns(rows)
}

/// The zone of one customer; several may live in different ones.
fn zone(customers: &[CustomerId], fleet: &Fleet) -> Option<Tz> {
    match customers {
        [one] => fleet.customers.get(one)?.timezone,
        _ => None,
    }
}

/// How one rollout went, in a few numbers.
pub(crate) fn summary(summary: &Summary) -> String {
    let ending = match &summary.ended {
        Some((at, outcome)) => {
            format!(
                "{} after {}",
                outcome.replace('_', " "),
                time::length(*at - summary.started_at)
            )
        }
        None => "unfinished".to_owned(),
    };
    let mut text = format!(
        "{} {ending}: {}, {}\n",
        summary.rollout,
        counted(summary.deploys, "deploy"),
        counted(summary.rollbacks, "rollback")
    );
    let rows: Vec<Vec<String>> = summary.phases.iter().map(phase).collect();
    for line in columns(rows).lines() {
        let _ = writeln!(text, "  {line}");
    }
    text
}

/// The freezes that fell into the time of what was simulated; nothing where none did.
pub(crate) fn frozen(events: &[Event]) -> String {
    let Some(last) = events.last() else {
        return String::new();
    };
    let starts = events.iter().filter(|event| {
        let is_rollout = matches!(event.line.rollout, Some(RolloutId::Rollout(_)));
        is_rollout && event.line.kind == Kind::RolloutStarted
    });
    let times = starts.flat_map(|event| {
        let started = RolloutStarted::read(&event.line);
        started.map_or_else(
            |_| Vec::new(),
            |started| frozen_times(&started.plan, &(event.at..last.at)),
        )
    });
    let mut times: Vec<FrozenTime> = times.collect();
    times.dedup();
    let mut text = String::new();
    for (n, line) in columns(frozen::rows(&times)).lines().enumerate() {
        if n == 0 {
            text.push_str("\nfrozen\n");
        }
        let _ = writeln!(text, "  {line}");
    }
    text
}

fn phase(phase: &PhaseSummary) -> Vec<String> {
    let until = match phase.settled_at {
        Some(at) => format!(
            "to {} ({})",
            time::instant(at),
            time::length(at - phase.started_at)
        ),
        None => "not settled".to_owned(),
    };
    let failed = if phase.failed > 0 {
        format!(", {} failed", phase.failed)
    } else {
        String::new()
    };
    vec![
        phase.phase.to_string(),
        time::instant(phase.started_at),
        until,
        format!("{} healthy{failed}", phase.healthy),
    ]
}
