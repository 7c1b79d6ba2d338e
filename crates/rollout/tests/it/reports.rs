//! Reports of the sample journals: what stands in them for each rollout, line by line.

use std::fmt::Write as _;

use rollout::report::{Report, Reporter};
use rollout::{Event, RolloutId};

use crate::journal::{NEWEST, path, sample};
use crate::transcripts::compare;

fn report(events: &[Event], run: RolloutId) -> Option<Report> {
    let mut reporter = Reporter::new(run);
    for event in events {
        reporter.take(event);
    }
    reporter.report(events.last().unwrap().at)
}

fn text(report: &Report) -> String {
    let mut text = String::new();
    write_sums(&mut text, report);
    write_work(&mut text, report);
    write_people(&mut text, report);
    text
}

fn write_sums(text: &mut String, report: &Report) {
    let outcome = report.outcome.map(|outcome| format!("{outcome:?}"));
    let Report {
        rollout,
        version,
        spent,
        figures,
        ..
    } = report;
    writeln!(
        text,
        "{rollout} {version} {}: working {}, people {}, clock {}",
        outcome.as_deref().unwrap_or("unfinished"),
        spent.working,
        spent.people,
        spent.clock
    )
    .unwrap();
    writeln!(
        text,
        "  {} deploys, {} of {} succeeded, {} rollbacks, {} of {} verdicts passed",
        figures.deploys,
        figures.success.count,
        figures.success.of,
        figures.rollbacks,
        figures.health.count,
        figures.health.of
    )
    .unwrap();
}

/// Phases and customers.
fn write_work(text: &mut String, report: &Report) {
    for phase in &report.phases {
        writeln!(
            text,
            "  phase {}: {} planned, {} updated, {} failed, {} left out, {} open, people {}",
            phase.name,
            phase.planned,
            phase.updated,
            phase.failed,
            phase.left_out,
            phase.open,
            phase.spent.people
        )
        .unwrap();
    }
    for one in &report.customers {
        let by = one
            .actor
            .as_ref()
            .map_or_else(String::new, |by| format!(" by {by}"));
        writeln!(
            text,
            "  {}: {:?}{by}, from {} to {}{}",
            one.customer,
            one.standing,
            one.before.as_deref().unwrap_or("?"),
            one.version().unwrap_or("?"),
            one.reason
                .as_ref()
                .map_or_else(String::new, |why| format!(" ({why})"))
        )
        .unwrap();
    }
}

/// Gates, incidents and overrides.
fn write_people(text: &mut String, report: &Report) {
    for one in &report.approvals {
        let votes: Vec<&str> = one.votes.iter().map(|vote| vote.person.as_str()).collect();
        let waited = one.waited.map(|waited| waited.to_string());
        writeln!(
            text,
            "  gate {}: {:?} by [{}], waited {}{}",
            one.gate,
            one.answer,
            votes.join(", "),
            waited.as_deref().unwrap_or("-"),
            if one.escalated { ", escalated" } else { "" }
        )
        .unwrap();
    }
    for one in &report.incidents {
        let who = one.customer.as_ref().map(ToString::to_string);
        writeln!(text, "  incident {} {}", one.kind, who.unwrap_or_default()).unwrap();
    }
    for one in &report.overrides {
        let missing = if one.complete { "" } else { ", incomplete" };
        writeln!(text, "  override by {}: {}{missing}", one.person, one.what).unwrap();
    }
}

#[test]
fn the_report_of_every_sample_says_what_it_always_said() {
    for number in 1..=NEWEST {
        let events = sample(number);
        let mut runs: Vec<RolloutId> = events.iter().filter_map(|one| one.line.rollout).collect();
        runs.sort_unstable();
        runs.dedup();
        let reports = runs.iter().map(|run| text(&report(&events, *run).unwrap()));
        compare(&path(number, "reports"), &reports.collect::<String>()).unwrap();
    }
}

#[test]
fn every_instant_and_every_customer_counts_once() {
    let events = sample(1);
    for run in [
        RolloutId::Rollout(1),
        RolloutId::Rollout(2),
        RolloutId::Rollout(3),
    ] {
        let report = report(&events, run).unwrap();
        let lasted = report.ended_at.unwrap() - report.started_at.unwrap();
        assert_eq!(report.spent.total().to_delta(), lasted, "{run}");
        let counted: u32 = report
            .phases
            .iter()
            .map(|one| one.updated + one.failed + one.left_out + one.open)
            .sum();
        assert_eq!(counted as usize, report.customers.len(), "{run}");
    }
}

#[test]
fn a_report_tells_as_much_as_has_happened() {
    let events = sample(1);
    let upto = |kind: &str| {
        let end = events.iter().position(|one| one.line.kind.as_str() == kind);
        report(&events[..=end.unwrap()], RolloutId::Rollout(1))
    };
    let early = upto("customer_started").unwrap();
    assert_eq!((early.outcome, early.ended_at), (None, None));
    assert_eq!(early.phases[0].open, early.phases[0].planned);
    assert!(
        upto("engine_started").is_none(),
        "nothing was asked for yet"
    );
}
