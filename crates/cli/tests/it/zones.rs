//! A window without a zone: what a rollout has frozen is no edit, and what moves is named.

use crate::project::Project;
use crate::rollouts::{KEY, Story};

/// A customer in New York with a window of its own.
fn night(project: &Project, zone: &str) {
    project.edit("customers.yaml", |text| {
        let plain = text
            .lines()
            .filter(|line| !line.contains("window:") && !line.contains("timezone:"))
            .fold(String::new(), |text, line| text + line + "\n");
        let own = format!(
            "  acme:\n    timezone: America/New_York\n    window: {{ cron: \"0 22 * * SAT#3\", duration: 8h{zone} }}\n"
        );
        assert!(plain.contains("  acme:\n"), "{plain}");
        plain.replacen("  acme:\n", &own, 1)
    });
}

#[test]
fn a_window_that_moves_is_named_and_is_no_edit() {
    let story = Story::new(&[]);
    let project = &story.project;
    // As an earlier release froze it: in the project's zone, which nobody had written.
    night(project, ", timezone: UTC");
    project
        .tranche_with(&["start", "v1.1.0", "--detach"], &[KEY])
        .succeeds();
    night(project, "");
    let moves = "the window `0 22 * * SAT#3` for 8h of acme moves: r1 keeps it, until `replan`, in UTC (next Sat";
    for command in [
        &["status"][..],
        &["validate"],
        &["plan", "v1.1.0", "--offline"],
    ] {
        let said = project.tranche(command).succeeds();
        assert!(said.out.contains(moves), "{command:?}: {}", said.out);
        assert!(
            said.out.contains("have it in America/New_York (next S"),
            "{}",
            said.out
        );
        assert!(!said.out.contains("not applied"), "{}", said.out);
    }
    let said = project.tranche(&["replan", "--diff"]).succeeds();
    let diff = "  acme: window 0 22 * * SAT#3 for 8h in UTC (next ";
    assert!(said.out.contains(diff), "{}", said.out);
    // Writing down what is frozen keeps it there.
    night(project, ", timezone: UTC");
    let said = project.tranche(&["status"]).succeeds();
    assert!(
        !said.out.contains("moves") && !said.out.contains("not applied"),
        "{}",
        said.out
    );
    // Any other edit of it still waits.
    night(project, ", reserve: 1h");
    let said = project.tranche(&["status"]).succeeds();
    assert!(
        said.out.contains("edited, but not applied: customer acme"),
        "{}",
        said.out
    );
}

#[test]
fn a_rollout_that_rests_halted_keeps_its_windows_too() {
    let story = Story::new(&["bolt/backend=build_failed*1"]);
    let project = &story.project;
    night(project, ", timezone: UTC");
    let said = project.tranche_with(&["start", "v1.1.0"], &[KEY]).exits(1);
    assert!(said.out.contains("rollout halted"), "{}", said.out);
    night(project, "");
    for command in [&["status"][..], &["validate"]] {
        let said = project.tranche(command).succeeds();
        let keeps = "of acme moves: r1 keeps it, until `replan`, in UTC";
        assert!(said.out.contains(keeps), "{command:?}: {}", said.out);
    }
}

#[test]
fn the_zone_that_is_taken_is_shown() {
    let story = Story::new(&[]);
    let project = &story.project;
    night(project, "");
    let taken = "windows that name no zone are in the customer's, America/New_York: acme\n";
    for command in [&["validate"][..], &["plan", "v1.1.0", "--offline"]] {
        let said = project.tranche(command).succeeds();
        assert!(said.out.contains(taken), "{command:?}: {}", said.out);
        assert!(!said.out.contains("moves"), "{}", said.out);
    }
    let said = project.tranche(&["customers", "show", "acme"]).succeeds();
    let shown =
        "0 22 * * SAT#3 for 8h in America/New_York, the customer's zone, since it names none";
    assert!(said.out.contains(shown), "{}", said.out);
}

#[test]
fn what_can_never_go_is_refused_before_it_begins_and_does_not_keep_from_looking() {
    let story = Story::new(&[]);
    let project = &story.project;
    night(project, ", reserve: 9h");
    for command in [
        &["validate"][..],
        &["plan", "v1.1.0", "--offline"],
        &["start", "v1.1.0", "--detach"],
    ] {
        let said = project.tranche_with(command, &[KEY]).exits(2);
        let refusal = "error[window]: `acme` can never start: 9h must be left of a window of 8h";
        assert!(said.err.contains(refusal), "{}", said.err);
        assert!(said.err.contains("--> customers.yaml:4:"), "{}", said.err);
    }
    night(project, ", timezone: Nowhere/Land");
    project.tranche(&["customers"]).exits(2);
    night(project, ", reserve: 9h");
    let said = project.tranche(&["customers"]).succeeds();
    assert!(
        said.err.contains("warning[window]: `acme` can never start"),
        "{}",
        said.err
    );
}
