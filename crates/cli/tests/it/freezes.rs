//! Freezes that repeat and calendars, in real processes: read, refused, read again (R6, R9).

use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::project::Project;
use crate::rollouts::{KEY, Story, spawn};

const CALENDAR: &str = "calendars/closing.ics";

/// A calendar with these events.
fn calendar(events: &[&str]) -> String {
    let events = events.iter();
    let events = events.map(|lines| format!("BEGIN:VEVENT\r\n{lines}\r\nEND:VEVENT\r\n"));
    let events: String = events.collect();
    format!("BEGIN:VCALENDAR\r\n{events}END:VCALENDAR\r\n")
}

/// Every day, so that it holds whenever the test runs.
const ALWAYS: &str = "UID:a\r\nDTSTART;VALUE=DATE:20200101\r\nRRULE:FREQ=DAILY";
const FREE: &str = "UID:b\r\nDTSTART;VALUE=DATE:20200101\r\nRRULE:FREQ=DAILY\r\nTRANSP:TRANSPARENT";

fn frozen(story: &Story, freeze: &str) {
    story.project.edit("tranche.yaml", |text| {
        format!("{text}freezes: [ {freeze} ]\n")
    });
}

fn follow(story: &Story, events: &[&str]) {
    fs::create_dir_all(story.project.path().join("calendars")).unwrap();
    story.project.write(CALENDAR, &calendar(events));
    frozen(
        story,
        "{ name: closing, ics: calendars/closing.ics, timezone: customer }",
    );
}

/// Asks until the answer has a text.
fn eventually(project: &Project, args: &[&str], text: &str) -> String {
    let begun = Instant::now();
    loop {
        let said = project.tranche(args).succeeds().out;
        if said.contains(text) {
            return said;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(30),
            "no `{text}` in:\n{said}"
        );
        sleep(Duration::from_millis(100));
    }
}

#[test]
fn an_occurrence_is_named_where_it_holds_and_lifted_as_the_command_says() {
    let story = Story::new(&[]);
    let project = &story.project;
    // Five past midnight each day, until midnight and ten minutes: it holds at any time.
    frozen(&story, "{ name: days, cron: \"5 0 * * *\", duration: 24h }");
    project
        .tranche_with(&["start", "v1.1.0", "--detach"], &[KEY])
        .succeeds();
    let said = project.tranche(&["why", "acme"]).succeeds().out;
    assert!(said.contains("the freeze days of 20"), "{said}");
    let command = said.split("tranche override days --at ").nth(1).unwrap();
    let start = command.split_whitespace().next().unwrap();
    let asked = ["override", "days", "--at", start, "--reason", "x"];
    let said = project.tranche(&asked).succeeds().out;
    assert!(
        said.contains(&format!("asked to lift the freeze days of {start}")),
        "{said}"
    );
    let never = [
        "override",
        "days",
        "--at",
        "2020-01-01T09:00",
        "--reason",
        "x",
    ];
    let refused = project.tranche(&never).exits(3).err;
    assert!(
        refused.contains("tranche override days --at 20"),
        "{refused}"
    );
}

#[test]
fn the_calendar_of_a_plan_has_the_freezes_that_fall_into_it() {
    let project = Project::bare();
    let finance = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/finance");
    let plan = [
        "-C",
        finance,
        "plan",
        "v2.4.0",
        "--start",
        "2027-02-01T08:00:00Z",
        "-q",
        "--ics",
    ];
    let said = project.tranche(&plan).succeeds().out;
    // One by the clock of the finance department, one by each customer's own, which has no zone.
    for lines in [
        "DTSTART:20270201T070000Z\r\nDTEND:20270201T170000Z\r\n",
        "DTSTART:20270201T070000\r\nDTEND:20270201T100000\r\n",
        "SUMMARY:ledger: frozen\\, closing\r\nDESCRIPTION:2 customers\r\n",
    ] {
        assert!(said.contains(lines), "{said}");
    }
}

#[test]
fn a_calendar_that_is_not_understood_is_a_mistake_with_its_line() {
    let story = Story::new(&[]);
    let project = &story.project;
    follow(
        &story,
        &["DTSTART;TZID=Customized Time Zone:20270111T090000\r\nDURATION:PT1H"],
    );
    for command in [vec!["validate"], vec!["start", "v1.1.0", "--detach"]] {
        let said = project.tranche_with(&command, &[KEY]).exits(2);
        let text = said.out + &said.err;
        assert!(text.contains("calendars/closing.ics:3:1"), "{text}");
        assert!(
            text.contains("the time zone `Customized Time Zone` is not known"),
            "{text}"
        );
    }
    fs::remove_file(project.path().join(CALENDAR)).unwrap();
    let said = project.tranche(&["validate"]).exits(2);
    let text = said.out + &said.err;
    assert!(
        text.contains("the calendar `calendars/closing.ics` cannot be read"),
        "{text}"
    );
    assert!(text.contains("tranche.yaml:"), "{text}");
    project.edit("tranche.yaml", |text| text.replace(CALENDAR, "/etc/passwd"));
    let said = project.tranche(&["validate"]).exits(2);
    let text = said.out + &said.err;
    assert!(text.contains("outside the project folder"), "{text}");
}

#[test]
fn an_event_that_is_added_holds_at_once_and_one_that_is_removed_waits_for_a_replan() {
    let story = Story::new(&[]);
    let project = &story.project;
    project.write("policies/fast.yaml", "policy: fast\nbatch: 1\ndelay: 30d\n");
    follow(&story, &[FREE]);
    project
        .tranche_with(&["start", "v1.1.0", "--detach"], &[KEY])
        .succeeds();
    let mut engine = spawn(project, &["run"]);
    eventually(project, &["why", "bolt"], "the delay between batches");
    project.write(CALENDAR, &calendar(&[FREE, ALWAYS]));
    eventually(project, &["why", "bolt"], "the freeze closing of 20");
    project.tranche_with(&["replan"], &[KEY]).succeeds();
    project.write(CALENDAR, &calendar(&[FREE]));
    let said = eventually(project, &["why", "bolt"], "freeze closing");
    let said = eventually(project, &["status"], "edited, but not applied") + &said;
    assert!(said.contains("freeze closing"), "{said}");
    eventually(project, &["why", "bolt"], "the freeze closing of 20");
    // Cut off in the middle: it counts as unchanged, and raises an alarm.
    project.write(CALENDAR, "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n");
    let said = eventually(
        project,
        &["status"],
        "the files cannot be read and count as unchanged",
    );
    assert!(said.contains("the file is cut off"), "{said}");
    eventually(project, &["why", "bolt"], "the freeze closing of 20");
    let _ = engine.kill();
    let _ = engine.wait();
}
