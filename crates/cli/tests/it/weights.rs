//! What customers weigh, wherever that is shown: and nowhere where nobody weighs anything in particular.

use serde_json::{Value, json};

use crate::project::Project;
use crate::rollouts::{KEY, Story};

const GRAPH: [&str; 5] = ["plan", "v1.1.0", "--offline", "--graph", "dot"];
const FORMS: [&str; 5] = ["text", "markdown", "html", "csv", "json"];

/// `acme` weighs 250 of 251 and fails once; half of that is tolerated.
fn story() -> Story {
    let story = Story::new(&["acme/backend=build_failed*1"]);
    story.project.write(
        "policies/fast.yaml",
        "policy: fast\nbatch: { weight: 10% }\nmax_failures: { weight: 50% }\ndelay: 200ms\n",
    );
    story.project.edit("customers.yaml", |text| {
        text.replacen("tier: fast", "tier: fast\n    weight: 250", 1)
    });
    story
}

fn read(project: &Project, args: &[&str]) -> Value {
    let said = project.tranche(args).succeeds();
    serde_json::from_str(&said.out).unwrap()
}

#[track_caller]
fn says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part}\n{text}");
    }
}

#[test]
fn a_plan_shows_what_phases_and_batches_weigh() {
    let story = story();
    let project = &story.project;
    let validated = project.tranche(&["validate"]).succeeds();
    says(
        &format!("{}{}", validated.out, validated.err),
        &[
            "10 % of the weight of 2 customers at a time (1, 1)",
            "stop after failures of more than 50 % of the weight",
        ],
    );
    let plan = project.tranche(&["plan", "v1.1.0", "--offline"]).succeeds();
    says(
        &plan.out,
        &[
            "weight: 251, of which 125 may fail",
            "weight 250 of 251",
            "weight 1 of 251",
        ],
    );
    let plan = read(project, &["plan", "v1.1.0", "--offline", "-o", "json"]);
    let phase = &plan["phases"][0];
    assert_eq!(phase["weight"], 251);
    assert_eq!(phase["tolerated_weight"], 125);
    assert_eq!(phase["tolerated"], Value::Null, "the weight decides");
    assert_eq!(phase["batches"][0]["weight"], 250);
    let graph = project.tranche(&GRAPH).succeeds();
    says(
        &graph.out,
        &["fast (2 customers, weight 251)", "weight 250"],
    );
    let shown = project.tranche(&["customers", "show", "acme"]).succeeds();
    says(&shown.out, &["weight", "250"]);
    let listed = project.tranche(&["customers"]).succeeds();
    says(&listed.out, &["WEIGHT", "250"]);
}

#[test]
fn a_heavy_failure_halts_and_status_and_report_say_how_heavy() {
    let story = story();
    let project = &story.project;
    let said = project.tranche_with(&["start", "v1.1.0"], &[KEY]).exits(1);
    says(
        &said.out,
        &["a weight of 250 failed in fast, 125 tolerated"],
    );
    let status = project.tranche(&["status"]).succeeds();
    says(
        &status.out,
        &[
            "1/2 (weight 250/251), 1 failure of weight 250, 125 tolerated",
            "fast/2",
            "1 of 251",
        ],
    );
    let status = read(project, &["status", "-o", "json"]);
    let phase = status
        .pointer("/rollout/phases/0")
        .or_else(|| status.pointer("/phases/0"));
    let phase = phase.unwrap_or_else(|| panic!("{status}"));
    assert_eq!(
        [
            &phase["weight"],
            &phase["failed_weight"],
            &phase["tolerated_weight"]
        ],
        [&json!(251), &json!(250), &json!(125)]
    );
    assert_eq!(phase["batches"][0]["weight"], 250);
    says(
        &project.tranche(&["report"]).succeeds().out,
        &["Weights", "250 of 125 tolerated", "fast/1"],
    );
    for form in FORMS {
        let said = project.tranche(&["report", "--format", form]).succeeds();
        let word = match form {
            "csv" => "weight,batch_weight,phase_weight,phase_failed_weight,phase_tolerated_weight",
            "json" => "\"weights\"",
            _ => "Weights",
        };
        says(&said.out, &[word]);
    }
    let csv = project
        .tranche(&["report", "--format", "csv"])
        .succeeds()
        .out;
    says(&csv, &[",250,250,251,250,125\r\n"]);
    let report = read(project, &["report", "-o", "json"]);
    let weights = &report["phases"][0]["weights"];
    assert_eq!(weights["failed"], 250);
    assert_eq!(
        weights["batches"][1],
        json!({
            "batch": 2, "customers": 1, "planned": 1, "updated": 0, "failed": 0, "open": 1,
        })
    );

    // A retry takes the failure back.
    project.tranche(&["retry", "acme"]).succeeds();
    project
        .tranche_with(&["run", "--until-idle"], &[KEY])
        .succeeds();
    let report = read(project, &["report", "-o", "json"]);
    assert_eq!(report["outcome"], "succeeded");
    assert_eq!(report["phases"][0]["weights"]["failed"], 0);
    assert_eq!(report["phases"][0]["weights"]["updated"], 251);
    project.tranche(&["verify"]).succeeds();
}

#[test]
fn a_replan_says_whose_weight_was_edited() {
    let story = story();
    let project = &story.project;
    project
        .tranche_with(&["start", "v1.1.0", "--detach"], &[KEY])
        .succeeds();
    project.edit("customers.yaml", |text| {
        text.replace("weight: 250", "weight: 300")
    });
    let diff = project.tranche(&["replan", "--diff"]).succeeds();
    says(&diff.out, &["+ acme weighs 300, not 250"]);
}

#[test]
fn nothing_is_said_of_weights_where_there_are_none() {
    let project = Project::new();
    let journal = project
        .tranche(&["simulate", "v1.1.0", "-o", "json"])
        .succeeds();
    project.write("journal.jsonl", &journal.out);
    let mut said = vec![
        project.tranche(&["validate"]).succeeds().out,
        project
            .tranche(&["plan", "v1.1.0", "--offline"])
            .succeeds()
            .out,
        project.tranche(&GRAPH).succeeds().out,
        project.tranche(&["customers"]).succeeds().out,
        journal.out,
    ];
    for form in FORMS {
        let report = ["report", "--journal", "journal.jsonl", "--format", form];
        said.push(project.tranche(&report).succeeds().out);
    }
    for text in said {
        // The page has weights of its own: those of its letters.
        let text = text.replace("font-weight", "");
        assert!(!text.to_lowercase().contains("weight"), "{text}");
    }
}

/// Only `batch: 1` lets customers overtake over batches (R2); that a percentage makes batches of one is no reason.
#[test]
fn batches_that_happen_to_be_of_one_are_planned_in_their_order() {
    let project = Project::bare();
    project.write("tranche.yaml", "product: shop\n");
    project.write(
        "customers.yaml",
        "customers:\n\
         \x20 a: { tier: t, window: { cron: \"0 12 * * *\", duration: 2h }, services: { backend: { id: srv-a, url: \"https://a.example\" } } }\n\
         \x20 b: { tier: t, services: { backend: { id: srv-b, url: \"https://b.example\" } } }\n",
    );
    std::fs::create_dir(project.path().join("policies")).unwrap();
    for (batch, first) in [("25%", "a"), ("{ weight: 10% }", "a"), ("1", "b")] {
        project.write("policies/t.yaml", &format!("policy: t\nbatch: {batch}\n"));
        let plan = [
            "plan",
            "v1.1.0",
            "--offline",
            "--start",
            "2027-01-11T09:00:00Z",
            "-o",
            "json",
        ];
        let plan = read(&project, &plan);
        assert_eq!(
            plan["phases"][0]["batches"][0]["customers"][0]["customer"], first,
            "{batch}"
        );
    }
}
