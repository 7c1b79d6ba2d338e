//! Every wait can be explained: what `status` and `why` say of it (R21).

use crate::rollouts::{KEY, Story};

#[test]
fn a_frozen_fleet_says_so_where_it_stands() {
    let story = Story::new(&[]);
    let project = &story.project;
    project.edit("tranche.yaml", |text| {
        format!(
            "{text}freezes: [ {{ name: forever, from: 2020-01-01, until: 2099-01-01, customers: all }} ]\n"
        )
    });
    project
        .tranche_with(&["start", "v1.1.0", "--detach"], &[KEY])
        .succeeds();
    let said = project.tranche(&["status"]).succeeds();
    let wait = "the freeze forever is on, until Thu 1 Jan 2099";
    assert!(said.out.contains(wait), "{}", said.out);
    let said = project.tranche(&["pause", "--reason", "lunch"]).succeeds();
    assert!(said.out.starts_with("r1: "), "{}", said.out);
    let said = project.tranche(&["why", "acme"]).succeeds();
    assert!(
        said.out.contains("paused the rollout: lunch"),
        "{}",
        said.out
    );
}

#[test]
fn a_customer_that_the_plan_left_out_is_told_why_and_no_edit_is_named_that_was_applied() {
    let story = Story::new(&[]);
    let project = &story.project;
    project
        .tranche_with(&["start", "v1.1.0", "--detach"], &[KEY])
        .succeeds();
    project.edit("customers.yaml", |text| {
        text.replacen(
            "    tier: fast\n",
            "    tier: fast\n    pin: { version: v1.0.0, until: 2099-01-01, reason: audit }\n",
            1,
        )
    });
    project.write("policies/fast.yaml", "policy: fast\nbatch: all\n");
    let said = project.tranche(&["status"]).succeeds();
    assert!(said.out.contains("edited, but not applied"), "{}", said.out);
    project.tranche(&["replan"]).succeeds();
    let said = project.tranche(&["why", "acme"]).succeeds();
    let left_out = "acme is left out of r1 (v1.1.0): pinned to v1.0.0 until Thu 1 Jan 2099";
    assert!(said.out.starts_with(left_out), "{}", said.out);
    project.tranche(&["abort"]).succeeds();
    for shown in [vec!["why", "acme"], vec!["status", "r1"]] {
        let said = project.tranche(&shown).succeeds();
        assert!(!said.out.contains("edited"), "{}", said.out);
    }
}
