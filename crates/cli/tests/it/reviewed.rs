//! A plan that was written into a file and reviewed: exactly that is started, or nothing.

use std::fs;

use serde_json::Value;

use crate::project::Said;
use crate::rollouts::{KEY, Story};

const WRITE: [&str; 4] = ["plan", "v1.1.0", "--out", "reviewed.json"];
const START: [&str; 4] = ["start", "--plan", "reviewed.json", "--detach"];

fn says(story: &Story, args: &[&str]) -> Said {
    story.project.tranche_with(args, &[KEY])
}

fn written(story: &Story) -> Value {
    says(story, &WRITE).succeeds();
    let text = fs::read_to_string(story.project.path().join("reviewed.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// The difference that a start shows when it refuses.
#[track_caller]
fn refused(story: &Story) -> String {
    let said = says(story, &START).exits(3);
    assert!(said.err.contains("nothing was started"), "{}", said.err);
    assert!(
        said.err.contains("try: tranche plan v1.1.0 --out FILE"),
        "{}",
        said.err
    );
    says(story, &["list"]).succeeds();
    said.out
}

#[test]
fn a_start_is_bound_to_the_plan_that_was_reviewed() {
    let story = Story::new(&[]);
    let file = written(&story);
    assert_eq!(file["format"], "tranche-plan");
    assert_eq!(file["version"], "v1.1.0");
    assert_eq!(file["running"]["acme"]["backend"]["version"], "v1.0.0");
    assert_eq!(
        file["phases"][0]["batches"],
        serde_json::json!([["acme"], ["bolt"]])
    );
    let said = says(&story, &START).succeeds();
    assert!(
        said.out.contains("r1: rollout of v1.1.0 started"),
        "{}",
        said.out
    );
    assert!(
        said.err.contains("exactly the plan of reviewed.json"),
        "{}",
        said.err
    );
    let events = says(&story, &["events"]).succeeds().out;
    let digest = file["digest"].as_str().unwrap();
    assert!(events.contains(digest), "{events}");
    // What is in the way is in the way of a reviewed plan too.
    let said = says(&story, &START).exits(3);
    assert!(said.err.contains("r1"), "{}", said.err);
}

#[test]
fn a_file_and_its_exit_code_come_beside_what_plan_shows() {
    let story = Story::new(&[]);
    let said = says(
        &story,
        &[
            "plan",
            "v1.1.0",
            "--out",
            "p.json",
            "--detailed-exitcode",
            "-o",
            "json",
        ],
    )
    .exits(7);
    let shown: Value = serde_json::from_str(&said.out).unwrap();
    let text = fs::read_to_string(story.project.path().join("p.json")).unwrap();
    let file: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(shown["digest"], file["digest"]);
    assert!(
        said.err.contains("tranche start --plan p.json"),
        "{}",
        said.err
    );
}

#[test]
fn the_command_that_comes_next_can_be_copied_whatever_the_file_is_called() {
    let story = Story::new(&[]);
    let said = says(&story, &["plan", "v1.1.0", "--out", "Ann's plan.json"]).succeeds();
    assert!(
        said.err
            .contains(r"next: tranche start --plan 'Ann'\''s plan.json'"),
        "{}",
        said.err
    );
    let said = story.project.tranche(&["init", "a shop"]).succeeds();
    assert!(
        said.err.contains("next: tranche -C 'a shop' validate"),
        "{}",
        said.err
    );
}

#[test]
fn a_world_that_has_changed_is_refused_with_the_difference() {
    let story = Story::new(&[]);
    let project = &story.project;
    written(&story);
    let customers = fs::read_to_string(project.path().join("customers.yaml")).unwrap();
    let policy = fs::read_to_string(project.path().join("policies/fast.yaml")).unwrap();

    // Another batch size, and who goes with whom.
    project.write("policies/fast.yaml", "policy: fast\nbatch: all\n");
    let difference = refused(&story);
    assert!(
        difference.contains("bolt: fast/2 -> fast/1"),
        "{difference}"
    );
    assert!(difference.contains("fast\n  - "), "{difference}");
    project.write("policies/fast.yaml", &policy);

    // What no sentence tells.
    project.write(
        "policies/fast.yaml",
        &format!("{policy}deploy_timeout: 7m\n"),
    );
    let difference = refused(&story);
    assert!(
        difference.contains("policy fast: deploy_timeout"),
        "{difference}"
    );
    project.write("policies/fast.yaml", &policy);

    // A customer less, and one that is pinned.
    project.edit("customers.yaml", |text| {
        let (acme, bolt) = text.split_once("  bolt:").unwrap();
        format!("{acme}  bolt:\n    pin: {{ version: v1.0.0 }}{bolt}")
    });
    let difference = refused(&story);
    assert!(
        difference.contains("bolt: fast/2 -> left out of fast: pinned to v1.0.0"),
        "{difference}"
    );
    project.write("customers.yaml", &customers);

    // The tag names another commit.
    project.git(&["commit", "--quiet", "--allow-empty", "--message", "moved"]);
    project.git(&["tag", "--force", "v1.1.0"]);
    let said = says(&story, &[&START[..], &["-o", "json"]].concat()).exits(3);
    let difference: Value = serde_json::from_str(&said.out).unwrap();
    assert!(difference["commit"]["was"].is_string(), "{difference}");
    assert_ne!(difference["commit"]["was"], difference["commit"]["now"]);
    assert!(difference.get("phases").is_none(), "{difference}");
}

#[test]
fn what_stands_in_the_file_is_foreign_text() {
    let story = Story::new(&[]);
    story.project.edit("customers.yaml", |text| {
        text.replace("  acme:", "  acme:\n    name: \"A\\u202Ecme\"")
    });
    let mut file = written(&story);
    let text = fs::read_to_string(story.project.path().join("reviewed.json")).unwrap();
    assert!(text.contains("A\\u202ecme"), "{text}");
    assert!(!text.contains('\u{202e}'), "{text}");
    file["running"]["acme"]["backend"]["version"] = "v0\nr9: all is well".into();
    forge(&story, file);
    let difference = refused(&story);
    let line = "acme/backend runs v0\\u{a}r9: all is well (";
    assert!(difference.contains(line), "{difference}");
}

/// Writes an edited plan as somebody would who wants to deceive.
fn forge(story: &Story, mut file: Value) {
    file["checksum"] = "".into();
    file["checksum"] = policy::plan::fingerprint(&file).into();
    story.project.write("reviewed.json", &file.to_string());
}

#[test]
fn whatever_is_edited_in_a_plan_is_noticed() {
    let story = Story::new(&[]);
    let file = written(&story);
    for (option, edited) in [("skip_suspended", true), ("allow_downgrade", true)] {
        let mut file = file.clone();
        file["options"][option] = edited.into();
        story.project.write("reviewed.json", &file.to_string());
        let said = says(&story, &START).exits(2).err;
        assert!(said.contains("was changed after it was written"), "{said}");
    }
}

#[test]
fn another_running_version_is_a_difference() {
    let story = Story::new(&[]);
    written(&story);
    let one = ["start", "v1.1.0", "--customers", "acme"];
    says(&story, &one).succeeds();
    let difference = refused(&story);
    assert!(
        difference.contains("acme/backend runs v1.0.0 ("),
        "{difference}"
    );
    assert!(
        difference.contains("acme: fast/1 -> left out of fast: runs this release already"),
        "{difference}"
    );
}

#[test]
fn what_narrowed_the_plan_stands_in_the_file() {
    let story = Story::new(&[]);
    says(&story, &[&WRITE[..], &["--customers", "bolt"]].concat()).succeeds();
    let said = says(&story, &[&START[..], &["-o", "json"]].concat()).succeeds();
    let events: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(events[0]["data"]["scope"]["customers"][0], "bolt");
    let plan = &events[0]["data"]["plan"]["customers"];
    assert_eq!(plan.as_object().unwrap().len(), 1, "{plan}");
}

#[test]
fn a_hotfix_that_would_take_the_place_of_another_cannot_be_bound() {
    let story = Story::new(&[]);
    story
        .project
        .write("policies/hotfix.yaml", "policy: hotfix\nbatch: all\n");
    says(
        &story,
        &["start", "v1.0.0", "--allow-downgrade", "--detach"],
    )
    .exits(3);
    story.project.tag("v1.2.0");
    says(&story, &["start", "v1.2.0", "--detach"]).succeeds();
    says(&story, &[&WRITE[..], &["--hotfix"]].concat()).succeeds();
    let said = says(&story, &START).exits(3);
    assert!(
        said.err.contains("no reviewed plan binds it"),
        "{}",
        said.err
    );
}

#[test]
fn a_file_that_is_no_such_plan_is_named() {
    let story = Story::new(&[]);
    let mut file = written(&story);
    let is = |text: &str, says_what: &str| {
        story.project.write("reviewed.json", text);
        let said = says(&story, &START).exits(2);
        assert!(said.err.contains(says_what), "{}", said.err);
        assert!(said.err.contains("try: "), "{}", said.err);
    };
    is(
        "{\"format\": \"tranche",
        "reviewed.json is damaged: EOF while parsing a string at line 1",
    );
    is(
        "{\"name\": \"x\"}",
        "is no plan that `tranche plan --out` wrote",
    );
    is("[]", "is no plan that `tranche plan --out` wrote");
    is(
        "{\"format\": \"tranche-plan\", \"format_version\": 2}",
        "was written by a newer release",
    );
    is(
        "{\"format\": \"tranche-plan\", \"format_version\": 1}",
        "is damaged: missing field",
    );
    // Whatever a reader sees has to be what is started.
    for (pointer, value) in [
        ("/phases/0/batches/0/0", Value::from("bolt")),
        ("/plan/phases/0/policy/delay", Value::from("1h")),
        ("/digest", Value::from("00")),
        ("/plan/digest", Value::from("00")),
        ("/commit", Value::from("00")),
        ("/version", Value::from("v2")),
    ] {
        let mut edited = file.clone();
        *edited.pointer_mut(pointer).unwrap() = value;
        is(&edited.to_string(), "was changed after it was written");
    }
    // Of a key that stands there twice, people read the first.
    let text = file.to_string();
    is(
        &text.replacen('{', "{\"version\": \"v1.0.1\", ", 1),
        "is damaged: `version` stands there twice",
    );
    is(
        &text.replacen("\"delay\":", "\"delay\":\"9h\",\"delay\":", 1),
        "is damaged: `delay` stands there twice",
    );
    file["note"] = Value::from("looks good");
    is(&file.to_string(), "was changed after it was written");
    let gone = says(&story, &["start", "--plan", "nothing.json"]).exits(2);
    assert!(
        gone.err.contains("failed to read nothing.json"),
        "{}",
        gone.err
    );
}

#[test]
fn a_plan_of_another_product_is_refused() {
    let story = Story::new(&[]);
    written(&story);
    story.project.edit("tranche.yaml", |text| {
        text.replace("product: shop", "product: store")
    });
    let said = says(&story, &START).exits(2);
    assert!(
        said.err
            .contains("a plan of the product shop, and this is store"),
        "{}",
        said.err
    );
}

#[test]
fn a_file_names_its_version_and_scope_itself() {
    let story = Story::new(&[]);
    written(&story);
    for more in [
        &["v1.1.0"][..],
        &["--customers", "acme"],
        &["--policy", "fast"],
        &["--hotfix"],
        &["--skip-suspended"],
        &["--queue"],
        &["--supersede"],
    ] {
        let said = says(&story, &[&START[..], more].concat()).exits(2);
        assert!(said.err.contains("cannot be used with"), "{}", said.err);
    }
    says(&story, &["start"]).exits(2);
    says(&story, &["plan", "v1.1.0", "--out", "x", "--offline"]).exits(2);
}

#[test]
fn the_file_is_written_where_nothing_of_the_project_lies() {
    let story = Story::new(&[]);
    for place in [".tranche/plan.json", "customers.yaml", "policies/fast.yaml"] {
        let said = says(&story, &["plan", "v1.1.0", "--out", place]).exits(3);
        assert!(said.err.contains("is not written"), "{}", said.err);
    }
    let said = says(&story, &["plan", "v1.1.0", "--out", "."]).exits(1);
    assert!(said.err.contains("no regular file"), "{}", said.err);
    // Without Render's word it would be a plan of something else.
    story.project.tranche(&WRITE).exits(2);
    assert!(!story.project.path().join("reviewed.json").exists());
}

#[test]
fn a_start_that_waits_says_for_which_rollouts() {
    let story = Story::new(&[]);
    says(&story, &["start", "v1.1.0", "--detach"]).succeeds();
    for how in ["--queue", "--supersede"] {
        let said = says(&story, &["start", "v1.1.0", how, "--detach"]).succeeds();
        let behind =
            "behind    r1; it is planned anew when it begins, and all times count from then";
        assert!(said.err.contains(behind), "{how}: {}", said.err);
    }
}

#[test]
fn a_start_that_nobody_is_left_for_shows_nothing_that_would_begin() {
    let story = Story::new(&[]);
    story.project.edit("customers.yaml", |text| {
        let pin = "    tier: fast\n    pin: { version: v1.0.0 }\n";
        text.replace("    tier: fast\n", pin)
    });
    let said = says(&story, &["start", "v1.1.0", "--detach"]).exits(3);
    assert!(
        said.err.contains("nobody is left to get v1.1.0"),
        "{}",
        said.err
    );
    for line in ["within five years", "0 customers", "deploys "] {
        assert!(!said.err.contains(line), "{line}: {}", said.err);
    }
}

#[test]
fn a_start_shows_what_it_begins() {
    let story = Story::new(&[]);
    story.project.edit("customers.yaml", |text| {
        text + "  cove:\n    tier: fast\n    pin: { version: v1.0.0 }\n    services:\n      backend: { id: srv-cove }\n"
    });
    let said = says(&story, &["start", "v1.1.0", "--detach"]).succeeds();
    for line in [
        "shop v1.1.0 (",
        "): 2 customers in 1 phase, plan ",
        "replaces  v1.0.0 at 2 customers",
        "deploys   2 services",
        "left out  cove: pinned to v1.0.0",
        "first     acme (fast/1), at once",
        "settles   ",
    ] {
        assert!(said.err.contains(line), "{line}: {}", said.err);
    }
    let said = says(&story, &["start", "v1.1.0", "--queue", "--detach", "-q"]).succeeds();
    assert_eq!(said.err, "");
}
