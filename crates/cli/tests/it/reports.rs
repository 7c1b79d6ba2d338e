//! `report` and `stats`, in every form.

use crate::project::{Project, Said};

/// The journal of a simulated rollout of a new project.
fn project() -> Project {
    let project = Project::new();
    let journal = project
        .tranche(&[
            "simulate",
            "v1.1.0",
            "--start",
            "2027-01-11T09:00:00Z",
            "-o",
            "json",
        ])
        .succeeds();
    project.write("journal.jsonl", &journal.out);
    project
}

fn report(project: &Project, args: &[&str]) -> Said {
    let all = [&["report", "--journal", "journal.jsonl"], args].concat();
    project.tranche(&all).succeeds()
}

#[test]
fn a_report_says_in_words_what_became_of_everybody() {
    let text = report(&project(), &[]).out;
    assert!(text.contains("The rollout succeeded after"), "{text}");
    for section in ["Phases", "Deploys", "Customers", "Approvals"] {
        assert!(
            text.contains(&format!("\n{section}\n")),
            "{section}: {text}"
        );
    }
    assert!(text.contains("updated from"), "{text}");
    assert!(text.contains("time waiting for people"), "{text}");
}

#[test]
fn the_form_follows_the_flag_or_the_name_of_the_file() {
    let project = project();
    assert!(
        report(&project, &["--format", "markdown"])
            .out
            .starts_with("# ")
    );
    let json: serde_json::Value =
        serde_json::from_str(&report(&project, &["--format", "json"]).out).unwrap();
    assert_eq!(json["rollout"], "r1");
    let same: serde_json::Value =
        serde_json::from_str(&report(&project, &["-o", "json"]).out).unwrap();
    assert_eq!(same, json);
    let said = report(&project, &["--to", "r1.csv"]);
    assert!(said.err.contains("r1.csv"), "{}", said.err);
    let csv = std::fs::read_to_string(project.path().join("r1.csv")).unwrap();
    let customers = json["customers"].as_array().unwrap().len();
    assert_eq!(csv.lines().count(), customers + 1);
    assert!(csv.starts_with("rollout,version,customer,"), "{csv}");
}

#[test]
fn a_page_needs_nothing_else_and_escapes_what_others_wrote() {
    let project = project();
    project.edit("journal.jsonl", |text| {
        text.replace(
            "\"kind\":\"customer_healthy\"",
            "\"kind\":\"customer_skipped\",\"reason\":\"<script>alert(1)</script>\"",
        )
    });
    let page = report(&project, &["--format", "html"]).out;
    assert!(page.starts_with("<!DOCTYPE html>"), "{page}");
    assert!(page.contains("&lt;script&gt;alert(1)&lt;"), "{page}");
    for loaded in ["<script", "<link", "<img", "@import", "url(", " src="] {
        assert!(!page.contains(loaded), "{loaded}");
    }
    assert!(page.contains("<svg"), "a drawing");
    assert!(page.contains("default-src 'none'"), "{page}");
}

#[test]
fn a_line_that_is_no_event_is_named() {
    let project = Project::new();
    project.write("journal.jsonl", "{}\n");
    let said = project
        .tranche(&["report", "--journal", "journal.jsonl"])
        .exits(2);
    assert!(said.err.contains("journal.jsonl:1"), "{}", said.err);
    assert!(said.err.contains("tranche events"), "{}", said.err);
}

#[test]
fn a_journal_is_read_however_long_it_is() {
    let project = project();
    let page = report(&project, &[]).out;
    let line = " ".repeat(1 << 20) + "\n";
    project.edit("journal.jsonl", |text| text + &line.repeat(65));
    assert_eq!(report(&project, &[]).out, page);
}

#[test]
fn without_any_rollout_there_is_nothing_to_report() {
    let project = Project::new();
    let said = project.tranche(&["report"]).exits(3);
    assert!(said.err.contains("tranche start"), "{}", said.err);
    project.tranche(&["stats"]).exits(3);
}
