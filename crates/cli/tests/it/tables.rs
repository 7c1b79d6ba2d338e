//! The fleet from a spreadsheet.

use std::fs;
use std::path::Path;

use crate::project::Project;

const TABLE: &str = "\
key;name;tier;services.backend.id;services.backend.url;tags
acme;Acme GmbH;demo;srv-acme;https://acme.example;eu|port
bolt;\"Bolt; Ltd\";startup;srv-bolt;https://bolt.example;
";

/// A project whose policies need nothing but a tier.
fn project() -> Project {
    let project = Project::bare();
    project.write("tranche.yaml", "product: p\n");
    fs::create_dir(project.path().join("policies")).unwrap();
    project.write("policies/demo.yaml", "policy: demo\n");
    project.write("policies/startup.yaml", "policy: startup\n");
    project.write("fleet.csv", TABLE);
    project
}

fn customers(project: &Project) -> String {
    fs::read_to_string(project.path().join("customers.yaml")).unwrap()
}

fn example() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples")
}

#[test]
fn a_table_becomes_the_file_of_customers_and_replaces_one_only_if_that_is_wanted() {
    let project = project();
    let said = project
        .tranche(&["import", "--csv", "fleet.csv"])
        .succeeds();
    assert!(
        said.out.contains("1 file written: customers.yaml"),
        "{}",
        said.out
    );
    assert!(
        said.err
            .contains("customers.yaml has 2 customers now; next: tranche validate"),
        "{}",
        said.err
    );
    let validated = project.tranche(&["validate"]).succeeds();
    assert!(
        validated.out.contains("2 customers with 2 services"),
        "{}",
        validated.out
    );
    assert!(customers(&project).contains("Bolt; Ltd"));
    project.edit("customers.yaml", |text| format!("# ours\n{text}"));
    project.edit("fleet.csv", |text| {
        text.replace("Acme GmbH", "Acme AG")
            .replace("bolt;", "corp;")
    });
    let kept = project.tranche(&["import", "--csv", "fleet.csv"]).exits(3);
    assert!(kept.err.contains("--write"), "{}", kept.err);
    assert!(customers(&project).starts_with("# ours"));
    let said = project
        .tranche(&["import", "--csv", "fleet.csv", "--write"])
        .succeeds();
    let sentence = "2 customers now: 1 new, 1 changed, 0 as before, and 1 no longer in it";
    assert!(said.err.contains(sentence), "{}", said.err);
    assert!(customers(&project).contains("Acme AG"));
}

#[test]
fn every_mistake_names_its_cell_and_nothing_is_written() {
    let project = project();
    project.write(
        "fleet.csv",
        &TABLE
            .replace("startup", "startap")
            .replace("https://acme", "acme")
            .replace("tags", "tagz"),
    );
    let said = project.tranche(&["import", "--csv", "fleet.csv"]).exits(2);
    for part in [
        "fleet.csv:1:56",
        "did you mean `tags`?",
        "fleet.csv:2:30",
        "fleet.csv:3:18",
        "did you mean `startup`?",
        "the files have 3 mistakes",
    ] {
        assert!(
            said.err.contains(part),
            "{part} is missing in\n{}",
            said.err
        );
    }
    assert!(!project.path().join("customers.yaml").exists());
    fs::write(
        project.path().join("fleet.csv"),
        b"key;name\nacme;M\xfcller\n",
    )
    .unwrap();
    let said = project.tranche(&["import", "--csv", "fleet.csv"]).exits(2);
    assert!(said.err.contains("fleet.csv:2:7"), "{}", said.err);
    project.tranche(&["import", "--csv", "absent.csv"]).exits(2);
    project
        .tranche(&["import", "--csv", "fleet.csv", "x.json"])
        .exits(2);
}

#[test]
fn secrets_of_a_table_stay_in_the_folder_too() {
    let project = project();
    let table = TABLE
        .replace("tags", "secrets.KEY.file")
        .replace("eu|port", "../key");
    project.write("fleet.csv", &table);
    let said = project.tranche(&["import", "--csv", "fleet.csv"]).exits(2);
    assert!(said.err.contains("fleet.csv:2:51"), "{}", said.err);
    assert!(said.err.contains("files: allow"), "{}", said.err);
}

#[test]
fn texts_that_yaml_takes_for_something_else_stay_texts() {
    let project = project();
    for name in [
        "1.0",
        "yes",
        "null",
        "~",
        "0x1F",
        "1e5",
        "+49 1",
        "+49",
        "=1+1",
        "- a",
        "# a",
        "a: b",
        "'",
        "012",
        "2027-06-30",
        "{a}",
        "@a",
        "*a",
        "&a",
        "!a",
        "%a",
        "?",
        ".5",
        "a #b",
        "ä\u{2028}b",
        "a\u{85}\u{9b}b",
        "a\\b",
        "N",
        "a:b:",
        "Ünal & Söhne",
    ] {
        let table = TABLE.replace("Acme GmbH", name);
        project.write("fleet.csv", &table);
        project
            .tranche(&["import", "--csv", "fleet.csv", "--write"])
            .succeeds();
        let shown = project
            .tranche(&["customers", "show", "acme", "-o", "json"])
            .succeeds()
            .out;
        let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
        assert_eq!(shown["name"], name);
    }
}

#[test]
fn a_folder_that_is_no_project_yet_becomes_one() {
    let project = Project::bare();
    fs::copy(
        example().join("csv/customers.csv"),
        project.path().join("customers.csv"),
    )
    .unwrap();
    let said = project
        .tranche(&["import", "--csv", "customers.csv"])
        .succeeds();
    assert!(
        said.err
            .contains("next: tranche init, then tranche validate"),
        "{}",
        said.err
    );
    let before = customers(&project);
    project.tranche(&["init"]).succeeds();
    assert_eq!(customers(&project), before);
    project.tranche(&["validate"]).succeeds();
    project.tranche(&["simulate", "v1.1.0"]).succeeds();
}
