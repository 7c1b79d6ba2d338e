//! The earliest times of a plan as a calendar (RFC 5545), so that people can see what comes in their own.

use policy::calendar::Boundary;
use policy::{Plan, Timestamp};
use project::view::{BatchTimes, FrozenTime, earliest, frozen, span};

use crate::show::count::counted;

/// Lines are folded after this many bytes.
const FOLD_AT: usize = 75;

const LOCAL: &str = "%Y%m%dT%H%M%S";

/// One tentative event a batch that has a known instant, and one for each time at which a freeze holds somebody.
pub(crate) fn calendar(plan: &Plan, at: Timestamp) -> String {
    let mut lines = vec![
        "BEGIN:VCALENDAR".to_owned(),
        "VERSION:2.0".to_owned(),
        "PRODID:-//tranche//plan//EN".to_owned(),
    ];
    let times = earliest(plan, at);
    for (phase, times) in plan.phases.iter().zip(&times) {
        for batch in &times.batches {
            lines.extend(event(plan, phase.policy.name.as_str(), batch, at));
        }
    }
    for time in frozen(plan, &span(&times, at)) {
        lines.extend(freeze(plan, &time, at));
    }
    lines.push("END:VCALENDAR".to_owned());
    lines.iter().map(|line| fold(line)).collect()
}

fn event(plan: &Plan, phase: &str, batch: &BatchTimes, stamped: Timestamp) -> Vec<String> {
    let Some(at) = batch.starts_at else {
        return Vec::new();
    };
    let names: Vec<&str> = batch
        .customers
        .iter()
        .map(|one| one.customer.as_str())
        .collect();
    let version = &plan.release.version;
    let summary = format!(
        "{} {version}: {phase}, batch {}",
        plan.product, batch.number
    );
    vec![
        "BEGIN:VEVENT".to_owned(),
        // The same batch of the same product and version keeps its id when the plan is made anew.
        format!(
            "UID:{}",
            escaped(&format!(
                "{}-{version}-{phase}-{}@tranche",
                plan.product, batch.number
            ))
        ),
        format!("DTSTAMP:{}", utc(stamped)),
        format!("DTSTART:{}", utc(at)),
        "STATUS:TENTATIVE".to_owned(),
        "TRANSP:TRANSPARENT".to_owned(),
        format!("SUMMARY:{}", escaped(&summary)),
        format!("DESCRIPTION:{}", escaped(&names.join(", "))),
        "END:VEVENT".to_owned(),
    ]
}

/// A time in which nobody starts; by each customer's own clock it has no zone, so that a reader's own clock shows it.
fn freeze(plan: &Plan, time: &FrozenTime, stamped: Timestamp) -> Vec<String> {
    let (from, until) = match (time.own_clocks, time.from, time.until) {
        (true, Boundary::Local(from), Boundary::Local(until)) => (
            from.format(LOCAL).to_string(),
            until.format(LOCAL).to_string(),
        ),
        (_, _, _) => (utc(time.begins_at), utc(time.ends_at)),
    };
    let summary = format!("{}: frozen, {}", plan.product, time.name);
    let customers = counted(time.customers, "customer");
    vec![
        "BEGIN:VEVENT".to_owned(),
        format!(
            "UID:{}",
            escaped(&format!(
                "{}-freeze-{}-{from}@tranche",
                plan.product, time.name
            ))
        ),
        format!("DTSTAMP:{}", utc(stamped)),
        format!("DTSTART:{from}"),
        format!("DTEND:{until}"),
        "STATUS:CONFIRMED".to_owned(),
        "TRANSP:TRANSPARENT".to_owned(),
        format!("SUMMARY:{}", escaped(&summary)),
        format!("DESCRIPTION:{customers}"),
        "END:VEVENT".to_owned(),
    ]
}

fn utc(at: Timestamp) -> String {
    format!("{}Z", at.format(LOCAL))
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | ';' | ',' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => {}
            other => out.push(other),
        }
    }
    out
}

/// Breaks a long line between characters; each further line begins with a space.
fn fold(line: &str) -> String {
    let mut out = String::with_capacity(line.len() + 2);
    let mut width = 0;
    for c in line.chars() {
        if width + c.len_utf8() > FOLD_AT {
            out.push_str("\r\n ");
            width = 1;
        }
        out.push(c);
        width += c.len_utf8();
    }
    out.push_str("\r\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_folded_between_characters() {
        let folded = fold(&"ü".repeat(60));
        assert!(folded.lines().all(|line| line.len() <= FOLD_AT));
        assert_eq!(folded.replace("\r\n ", "").trim_end(), "ü".repeat(60));
    }

    #[test]
    fn separators_are_escaped() {
        assert_eq!(escaped("a, b; c\\d\ne"), "a\\, b\\; c\\\\d\\ne");
    }
}
