//! `why` names the true reason of every wait, who or what it is waited for, and the instant at which it may change (R21).

use policy::Span;
use rollout::standing::RolloutStanding;
use rollout::{Hold, HoldKind, HoldOwner, RolloutId};

use crate::script::Story;

const TWO: &str = "fleet: { acme: { tier: demo }, beta: { tier: demo } }
policies: [ { policy: demo } ]";

const IN_ORDER: &str = "fleet: { acme: { tier: demo }, beta: { tier: demo } }
policies: [ { policy: demo, batch: 1, order: strict, delay: 2h } ]";

/// What stands in the way of a customer of `r1` after those lines.
fn why(project: &str, lines: &str, customer: &str) -> Vec<Hold> {
    holds_in(project, lines, RolloutId::Rollout(1), customer)
}

fn holds_in(project: &str, lines: &str, run: RolloutId, customer: &str) -> Vec<Hold> {
    let mut story = Story::new(project);
    story.tell(lines);
    let lab = &mut story.lab;
    lab.product.why(run, &customer.into(), lab.now)
}

/// The one hold in the way, which is of this kind; its end is counted from the story's start.
fn only(holds: Vec<Hold>, kind: HoldKind, until: Option<&str>) -> Hold {
    assert_eq!(holds.len(), 1, "{holds:#?}");
    let hold = holds.into_iter().next().unwrap();
    assert_eq!(hold.kind, kind, "{hold:#?}");
    assert_eq!(hold.until, until.map(instant), "{hold:#?}");
    assert!(!hold.text.is_empty());
    hold
}

fn instant(after: &str) -> policy::Timestamp {
    let start = Story::new(TWO).lab.start;
    start + after.parse::<Span>().unwrap().to_delta()
}

#[test]
fn a_queued_rollout_waits_for_another() {
    // It has no plan yet, so it has no customers to ask about: its state says what it waits for.
    let mut story = Story::new(IN_ORDER);
    story.tell("start\nstart v3 queue");
    let run = story
        .lab
        .product
        .rollout_view(RolloutId::Rollout(2))
        .unwrap();
    assert_eq!(run.state, RolloutStanding::Queued);
}

#[test]
fn a_pause_names_who_paused_and_how_to_go_on() {
    let hold = only(
        why(TWO, "start\npause by bob", "acme"),
        HoldKind::Paused,
        None,
    );
    assert_eq!(hold.text, "bob paused the rollout");
    assert_eq!(hold.since, Some(instant("0s")));
    assert_eq!(hold.way_out.as_deref(), Some("tranche resume"));
}

#[test]
fn a_halt_names_the_failure() {
    let lines = "start\n~ good acme until create_deploy\nreport refused acme\n+1m";
    let project = "fleet: { acme: { tier: demo }, beta: { tier: demo } }
policies: [ { policy: demo, max_parallel: 1 } ]";
    let hold = only(why(project, lines, "beta"), HoldKind::Halted, None);
    assert_eq!(
        hold.text,
        "the rollout is halted: 1 failed in demo, 0 tolerated"
    );
    let way_out = "tranche retry --failed  (or: tranche skip acme --reason ...)";
    assert_eq!(hold.way_out.as_deref(), Some(way_out));
}

#[test]
fn a_suspected_clock_stops_starts() {
    let hold = only(why(TWO, "start\nclock bad", "acme"), HoldKind::Clock, None);
    assert_eq!(hold.way_out.as_deref(), Some("tranche resume --clock"));
}

#[test]
fn a_held_workspace_stops_starts() {
    let hold = only(
        why(TWO, "start\nworkspace bad", "acme"),
        HoldKind::Workspace,
        None,
    );
    assert_eq!(hold.owner, HoldOwner::Render);
}

#[test]
fn a_blocked_version_names_who_blocked_it() {
    let hold = only(
        why(TWO, "start\nblock v2 by bob", "acme"),
        HoldKind::Blocked,
        None,
    );
    assert_eq!(hold.text, "bob blocked v2: so the script says");
    assert_eq!(hold.way_out.as_deref(), Some("tranche unblock v2"));
}

#[test]
fn a_customer_in_other_hands_names_them() {
    // acme settled in r1, so r2 may have it; then a person takes it back in r1.
    let lines = "start customers=acme\ngood acme\nstart v3\nrollback acme";
    let hold = only(
        holds_in(TWO, lines, RolloutId::Rollout(2), "acme"),
        HoldKind::Owned,
        None,
    );
    assert_eq!(hold.text, "o1 is changing this customer");
}

const PHASES: &str = "fleet: { acme: { tier: demo }, beta: { tier: next } }
policies: [ { policy: demo, soak: 3h }, { policy: next, after: demo, not_before: 1d } ]";

#[test]
fn an_earlier_phase_and_the_first_day_are_two_reasons() {
    let holds = why(PHASES, "start", "beta");
    let kinds: Vec<HoldKind> = holds.iter().map(|hold| hold.kind).collect();
    assert_eq!(kinds, [HoldKind::Phase, HoldKind::NotBefore]);
    assert_eq!(holds[0].text, "demo has not settled");
    assert_eq!(holds[0].until, None);
    assert_eq!(holds[1].until, Some(instant("1d")));
}

#[test]
fn a_soak_of_the_phase_before_has_an_end() {
    let holds = why(PHASES, "start\ngood acme\n+1h", "beta");
    assert_eq!(holds[0].kind, HoldKind::Phase);
    assert_eq!(holds[0].until, Some(instant("3h")));
}

#[test]
fn the_first_day_of_a_phase_has_an_end() {
    let lines = "start\ngood acme\n+4h";
    only(why(PHASES, lines, "beta"), HoldKind::NotBefore, Some("1d"));
}

#[test]
fn an_open_batch_holds_the_next() {
    let lines = "start\ngood acme until follow_deploy";
    let hold = only(why(IN_ORDER, lines, "beta"), HoldKind::Batch, None);
    assert_eq!(hold.text, "batch 1 has not settled");
}

#[test]
fn a_later_batch_waits_for_the_one_whose_turn_it_is() {
    let hold = only(why(IN_ORDER, "start", "beta"), HoldKind::Batch, None);
    assert_eq!(
        hold.text,
        "batch 1 goes first, and this customer is in batch 2"
    );
}

#[test]
fn a_delay_counts_from_when_the_batch_settled() {
    let lines = "start\n+1h\ngood acme\n+30m";
    let hold = only(why(IN_ORDER, lines, "beta"), HoldKind::Delay, Some("3h"));
    assert_eq!(hold.since, Some(instant("1h")));
    assert_eq!(hold.way_out.as_deref(), Some("tranche promote"));
}

const GATED: &str = "fleet: { acme: { tier: demo }, beta: { tier: demo } }
policies: [ { policy: demo, batch: 1, order: strict, approval: { per: customer, quorum: 2 } } ]
project: { people: { ann: {}, bob: {}, carol: {} } }";

#[test]
fn a_gate_says_how_many_votes_it_has() {
    let hold = only(
        why(GATED, "start\napprove acme by bob", "acme"),
        HoldKind::Approval,
        None,
    );
    assert_eq!(hold.text, "acme has 1 of 2 approvals");
    assert_eq!(hold.owner, HoldOwner::Approvers);
    assert_eq!(hold.way_out.as_deref(), Some("tranche approve acme"));
}

#[test]
fn a_vote_of_somebody_who_lost_the_role_counts_no_more() {
    let project = "fleet: { acme: { tier: demo } }
policies: [ { policy: demo, approval: { per: customer, quorum: 2, from: [team] } } ]
project: { people: { ann: {}, bob: {}, carol: {}, dave: {} }, groups: { team: [bob, carol, dave] } }
script: [ { at: 2027-01-11T10:00:00Z, do: edit, project: { groups: { team: [carol, dave] } } } ]";
    let lines = "start\npause\napprove acme by bob\napprove acme by carol\nedit\nresume";
    let hold = only(why(project, lines, "acme"), HoldKind::Approval, None);
    assert_eq!(hold.text, "acme has 1 of 2 approvals from team");
}

#[test]
fn a_rejected_phase_names_who_said_no() {
    let project = "fleet: { acme: { tier: demo } }
policies: [ { policy: demo, approval: { per: phase } } ]";
    let holds = why(project, "start\nreject demo by bob", "acme");
    let gate = holds
        .iter()
        .find(|hold| hold.kind == HoldKind::Approval)
        .unwrap();
    assert_eq!(gate.text, "bob rejected demo: so the script says");
    assert_eq!(gate.way_out.as_deref(), Some("tranche retry demo"));
    assert!(holds.iter().any(|hold| hold.kind == HoldKind::Halted));
}

#[test]
fn a_freeze_made_by_a_person_can_be_lifted() {
    let hold = only(
        why(TWO, "start\nfreeze fire +3h", "acme"),
        HoldKind::Freeze,
        Some("3h"),
    );
    assert_eq!(hold.way_out.as_deref(), Some("tranche unfreeze fire"));
}

#[test]
fn a_freeze_says_who_made_it_and_who_asked_to_lift_it() {
    let hold = only(
        why(TWO, "start\nfreeze fire +3h by bob", "acme"),
        HoldKind::Freeze,
        Some("3h"),
    );
    assert!(
        hold.text.starts_with("the freeze fire is on (bob: "),
        "{}",
        hold.text
    );
    let project = "fleet: { acme: { tier: demo } }
policies: [ { policy: demo } ]
project: { freezes: [ { name: year-end, from: 2027-01-01, until: 2027-01-12 } ] }";
    let holds = why(project, "start\noverride year-end by bob", "acme");
    assert!(holds[0].text.contains("bob asked to lift it"), "{holds:#?}");
}

#[test]
fn a_phase_in_which_nobody_is_at_work_says_what_it_waits_for() {
    let mut story = Story::new(TWO);
    story.tell("start\nfreeze fire +3h");
    let waits_for = |story: &Story| {
        let views = story.lab.product.overview_at(story.lab.now);
        views[0].phases[0].waits_for.clone()
    };
    // The services of both are read, and the freeze holds them all the same.
    let hold = waits_for(&story).unwrap();
    assert_eq!(
        (hold.kind, hold.until),
        (HoldKind::Freeze, Some(instant("3h")))
    );
    story.tell("unfreeze fire\ngood acme until create_deploy");
    assert_eq!(waits_for(&story), None);
}

#[test]
fn a_freeze_of_the_project_takes_two_people() {
    let project = "fleet: { acme: { tier: demo } }
policies: [ { policy: demo } ]
project: { freezes: [ { name: year-end, from: 2027-01-01, until: 2027-01-12 } ] }";
    let hold = only(why(project, "start", "acme"), HoldKind::Freeze, Some("15h"));
    let way_out = hold.way_out.as_deref();
    assert_eq!(way_out, Some("tranche override year-end --reason ..."));
    only(
        why(project, "start\noverride year-end", "acme"),
        HoldKind::Freeze,
        Some("15h"),
    );
    let both = "start\noverride year-end\noverride year-end by bob";
    only(why(project, both, "acme"), HoldKind::Working, None);
}

/// 09:00 UTC of a Monday is 10:00 in Berlin and 04:00 in New York.
const HOURS: &str = "fleet: { acme: { tier: demo, timezone: Europe/Berlin }, beta: { tier: demo, timezone: America/New_York } }
policies: [ { policy: demo } ]
project: { freezes: [ { name: hours, cron: \"0 9 * * 1-5\", duration: 8h, timezone: customer } ] }";

#[test]
fn a_freeze_that_repeats_says_which_occurrence_holds_and_how_to_lift_it() {
    let holds = why(HOURS, "start", "acme");
    let hold = only(holds, HoldKind::Freeze, Some("7h"));
    assert_eq!(hold.text, "the freeze hours of 2027-01-11T09:00 is on");
    assert_eq!(
        hold.since,
        Some(instant("0s") - chrono::TimeDelta::hours(1))
    );
    let way_out = "tranche override hours --at 2027-01-11T09:00 --reason ...";
    assert_eq!(hold.way_out.as_deref(), Some(way_out));
    // As it is offered, it is accepted, and two such voices lift it: also for beta, whom it holds later.
    let lifted = "start\noverride hours 2027-01-11T09:00\noverride hours by bob";
    only(why(HOURS, lifted, "acme"), HoldKind::Working, None);
    let later = format!("{lifted}\n+6h");
    let holds = why(HOURS, &later, "beta");
    assert!(
        holds.iter().all(|hold| hold.kind != HoldKind::Freeze),
        "{holds:#?}"
    );
}

#[test]
fn the_tick_that_a_freeze_waits_for_is_the_end_of_its_occurrence() {
    let mut story = Story::new(HOURS);
    story.tell("start\npause\n+5h30m\nresume");
    // Both are held now: acme until 16:00 UTC, beta until 22:00.
    assert_eq!(story.lab.product.wake_at(), Some(instant("7h")));
    story.tell("+1h30m\ngood acme until create_deploy");
    assert_eq!(story.lab.now, instant("7h"));
    only(
        story
            .lab
            .product
            .holds(RolloutId::Rollout(1), &"beta".into(), story.lab.now),
        HoldKind::Freeze,
        Some("13h"),
    );
}

#[test]
fn two_people_mean_the_same_occurrence() {
    // On Tuesday, 09:30 in Berlin, a voice for Monday's occurrence is none for that of today.
    let lines = "start\npause\noverride hours by bob\n+23h30m\noverride hours\nresume";
    let hold = only(why(HOURS, lines, "acme"), HoldKind::Freeze, Some("1d 7h"));
    let text = "the freeze hours of 2027-01-12T09:00 is on; ann asked to lift it, and a second person must say the same";
    assert_eq!(hold.text, text);
}

#[test]
fn a_window_says_when_it_opens() {
    let project = "fleet: { acme: { tier: demo } }
policies: [ { policy: demo, window: { cron: \"0 22 * * *\", duration: 4h } } ]";
    let hold = only(why(project, "start", "acme"), HoldKind::Window, Some("13h"));
    assert_eq!(hold.owner, HoldOwner::Calendar);
    // Half an hour is in reserve: a minute after 01:30 it is too late for tonight.
    let paused = why(project, "start\npause\n+991m", "acme");
    only(paused[1..].to_vec(), HoldKind::Window, Some("1d 13h"));
}

#[test]
fn a_pin_that_was_added_says_until_when() {
    let project = "fleet: { acme: { tier: demo }, beta: { tier: demo } }
policies: [ { policy: demo } ]
script:
  - at: 2027-01-11T10:00:00Z
    do: edit
    fleet: { acme: { tier: demo, pin: { version: v1, until: 2027-01-12, reason: audit } } }";
    let hold = only(
        why(project, "start\nedit", "acme"),
        HoldKind::Pin,
        Some("15h"),
    );
    assert_eq!(hold.text, "it is pinned to v1");
}

#[test]
fn a_foreign_deploy_is_named() {
    let lines = "world acme:backend foreign\nstart\n+1m\nreport inspected acme";
    let hold = only(why(TWO, lines, "acme"), HoldKind::Foreign, None);
    assert_eq!(hold.text, "a deploy of somebody else is under way: dep-1");
    assert_eq!(hold.since, Some(instant("1m")));
}

#[test]
fn a_held_customer_waits_for_a_person() {
    let lines = "world acme:backend foreign\n~ start\nworld acme:backend auto_deploy\ntick\nreport inspected acme";
    let hold = only(why(TWO, lines, "acme"), HoldKind::Person, None);
    assert_eq!(hold.text, "backend: its auto-deploy is on");
    assert!(hold.way_out.unwrap().starts_with("tranche retry acme"));
}

#[test]
fn a_customer_under_way_says_since_when() {
    let lines = "start\n+1m\ngood acme until follow_deploy\n+1m";
    let hold = only(why(TWO, lines, "acme"), HoldKind::Working, None);
    assert_eq!(hold.since, Some(instant("1m")));
}

#[test]
fn a_customer_that_is_through_waits_for_nothing() {
    assert_eq!(why(IN_ORDER, "start\ngood acme", "acme"), []);
    assert_eq!(why(IN_ORDER, "start\nskip acme", "acme"), []);
}

#[test]
fn a_missing_secret_is_named_until_it_is_asked_for_again() {
    let project = "fleet: { acme: { tier: demo } }
policies: [ { policy: demo } ]
project: { variables: { backend: { DATABASE_URL: \"${secret:URL}\" } } }";
    let lines = "start\nreport secret_missing acme URL\n+30s";
    let hold = only(why(project, lines, "acme"), HoldKind::Secret, Some("1m"));
    assert_eq!(hold.text, "the secret URL does not resolve");
}

#[test]
fn a_customer_without_a_place_says_so() {
    let project = "fleet: { acme: { tier: demo }, beta: { tier: demo } }
policies: [ { policy: demo, max_parallel: 1 } ]";
    let lines = "start\ngood acme until follow_deploy";
    only(why(project, lines, "beta"), HoldKind::Slot, None);
}

#[test]
fn a_customer_behind_another_in_strict_order_says_so() {
    let project = "fleet: { acme: { tier: demo }, beta: { tier: demo } }
policies: [ { policy: demo, batch: all, order: strict } ]";
    let lines = "files\nfreeze fire +1h acme\nstart";
    only(why(project, lines, "beta"), HoldKind::Order, None);
}

#[test]
fn a_customer_says_that_the_batch_before_must_be_seen_healthy() {
    let project = "fleet: { acme: { tier: demo }, beta: { tier: demo } }
policies: [ { policy: demo, batch: 1, order: strict } ]";
    let lines = "start\ngood acme\nrestart";
    only(why(project, lines, "beta"), HoldKind::Confirm, None);
}
