//! Projects made of the JSON of earlier scripts.

use crate::project::Project;

const DEPLOYMENT: &str = r#"{
  "project": "SecureWatch",
  "repository": "https://github.com/securewatch/securewatch",
  "customer_environment_mapping": {
    "acme-corp": {
      "backend_service_id": "srv-acmeb000000000000000",
      "backend_url": "https://acme-api.securewatch.example",
      "frontend": { "service_id": "srv-acmef000000000000000", "url": "https://acme.securewatch.example" },
      "database_id": "dpg-acme0000000000000000-a",
      "region": "oregon"
    },
    "demo": { "services": { "backend": "srv-demob000000000000000" } }
  },
  "environment_variables": {
    "backend": {
      "NODE_ENV": "production",
      "VERSION_TAG": "${VERSION_TAG}",
      "CUSTOMER_SLUG": "${CUSTOMER_SLUG}",
      "DATABASE_URL": "${CUSTOMER_DATABASE_URL}"
    }
  },
  "deployment_timeout": 600
}"#;

const CUSTOMERS: &str = r#"{ "customers": [
  { "slug": "acme-corp", "name": "ACME Corporation", "tier": "Standard", "timezone": "America/New_York",
    "contact_email": "ops@acme.example", "current_version": "v1.0.0", "seats": 250 },
  { "id": "demo", "name": "Demo", "tier": "demo", "weight": 0 },
  { "slug": "megabank", "name": "Mega Bank", "tier": "enterprise", "backend_service_id": "srv-megab000000000000000" }
] }"#;

const POLICIES: &str = r#"{ "policies": {
  "demo": { "batch_size": "all", "start_day": 0 },
  "standard": { "batch_percentage": 25, "delay_hours": 6, "schedule": { "start_day": 8, "end_day": 21 },
    "health_checks": "comprehensive", "auto_rollback": true },
  "enterprise": { "batch_size": 1, "days": "22-51", "approval_required": true, "required_approvals": 2,
    "approvers": ["ann@securewatch.example", "Release Manager"],
    "maintenance_window": { "day": "Sunday", "start": "02:00", "end": "04:00", "timezone": "UTC" },
    "notes": "call first" }
} }"#;

const FILES: [&str; 3] = [
    "render-deployment.json",
    "customers.json",
    "minor-release-policies.json",
];

fn scripts() -> Project {
    let project = Project::bare();
    for (name, text) in FILES.iter().zip([DEPLOYMENT, CUSTOMERS, POLICIES]) {
        project.write(name, text);
    }
    project
}

fn import(more: &[&'static str]) -> Vec<&'static str> {
    ["import"]
        .iter()
        .chain(&FILES)
        .chain(more)
        .copied()
        .collect()
}

fn text(project: &Project, name: &str) -> String {
    std::fs::read_to_string(project.path().join(name)).unwrap()
}

#[test]
fn three_files_of_the_scripts_become_a_project_that_validates() {
    let project = scripts();
    let said = project.tranche(&import(&[])).succeeds();
    let validated = project.tranche(&["validate"]).succeeds();
    assert!(
        validated
            .out
            .contains("securewatch: 3 policies, 3 customers"),
        "{}",
        validated.out
    );
    assert!(
        validated.out.contains("standard: 25 % of 1 customer"),
        "{}",
        validated.out
    );
    let shown = project
        .tranche(&["customers", "show", "acme-corp"])
        .succeeds();
    for part in [
        "ACME Corporation, tier standard, America/New_York",
        "srv-acmeb000000000000000",
        "srv-acmef000000000000000",
        "dpg-acme0000000000000000-a",
        "ACME_CORP_DATABASE_URL",
        "weight   250",
    ] {
        assert!(
            shown.out.contains(part),
            "{part} is missing in\n{}",
            shown.out
        );
    }
    assert!(
        said.err
            .contains("the customer demo is called demo-customer here"),
        "{}",
        said.err
    );
    for ignored in [
        "customer_environment_mapping.acme-corp.region",
        "deployment_timeout",
        "customers[0].current_version",
        "customers[1].weight",
        "policies.enterprise.notes",
    ] {
        let line = format!("not understood: {ignored}");
        assert!(
            said.out.contains(&line),
            "{line} is missing in\n{}",
            said.out
        );
    }
}

#[test]
fn files_of_the_scripts_become_policies_and_settings() {
    let project = scripts();
    project.tranche(&import(&[])).succeeds();
    let project_file = text(&project, "tranche.yaml");
    assert!(
        project_file.contains("${secret:CUSTOMER_DATABASE_URL}"),
        "{project_file}"
    );
    let enterprise = text(&project, "policies/enterprise.yaml");
    for part in [
        "after: standard",
        "not_before: 22d",
        "due: 51d",
        "quorum: 2",
        "0 2 * * SUN",
    ] {
        assert!(
            enterprise.contains(part),
            "{part} is missing in\n{enterprise}"
        );
    }
}

const OTHER_DEPLOYMENT: &str = r#"{
  "naming_convention": "securewatch-{customer}-backend",
  "customer_environment_mapping": {
    "acme-corp": {
      "backend_service": { "name": "securewatch-acme-corp-backend", "type": "web_service",
        "service_id": "srv-acmeb000000000000000", "plan": "starter" },
      "release_tier": "standard"
    },
    "techstart": { "services": { "backend": { "service_name": "securewatch-techstart-backend", "service_id": null },
      "frontend": { "service_id": "srv-techf000000000000000" } }, "tier": "startup" }
  },
  "environment_variables": { "backend": { "DEBUG": false, "PORT": 3000 } }
}"#;

const OTHER_CUSTOMERS: &str = r#"{ "customers": {
  "acme-corp": { "name": "ACME Corporation", "primary_contact": { "email": "it@acme.example", "phone": "1" },
    "maintenance_window": "Saturday 22:00-02:00" }
} }"#;

const OTHER_POLICIES: &str = r#"{ "minor_release_policies": {
  "demo": { "rollout_strategy": "immediate" },
  "startup": { "batch_size": "50%", "delay_between_batches": "2 hours", "monitoring": "automated", "timeline": "Days 1-7" },
  "standard": { "batch_size": "25%", "batch_interval_hours": 6, "timeline": "Days 8-21" },
  "enterprise": { "rollout_strategy": "one_by_one", "approval": { "required": true, "count": 2, "board": "yes" },
    "maintenance_window": { "required": true }, "timeline": "Days 22-51" }
} }"#;

#[test]
fn what_keeps_people_safe_is_understood_in_other_shapes_or_stands_in_the_file_as_a_comment() {
    let project = Project::bare();
    let texts = [OTHER_DEPLOYMENT, OTHER_CUSTOMERS, OTHER_POLICIES];
    for (name, text) in FILES.iter().zip(texts) {
        project.write(name, text);
    }
    let said = project.tranche(&import(&[])).succeeds();
    let enterprise = text(&project, "policies/enterprise.yaml");
    for part in [
        "after: standard",
        "batch: 1",
        "quorum: 2",
        "not_before: 22d",
        "# Not understood, so write it by hand: minor_release_policies.enterprise.maintenance_window\n",
        "# Not understood, so write it by hand: minor_release_policies.enterprise.approval.board\n",
    ] {
        assert!(
            enterprise.contains(part),
            "{part} is missing in\n{enterprise}"
        );
    }
    let warning = "warning: 2 settings of policies/enterprise.yaml not understood";
    assert!(said.err.contains(warning), "{}", said.err);
    let nobody =
        "nobody is named who approves; approver-1, approver-2 in tranche.yaml stand for them";
    assert!(said.err.contains(nobody), "{}", said.err);
    // One tier names no day, so the usual order tells.
    assert!(text(&project, "policies/startup.yaml").contains("after: demo"));
    let fleet = text(&project, "customers.yaml");
    for part in [
        "cron: 0 22 * * SAT",
        "duration: 240m",
        "email: it@acme.example",
    ] {
        assert!(fleet.contains(part), "{part} is missing in\n{fleet}");
    }
    assert!(text(&project, "tranche.yaml").contains("DEBUG: \"false\""));
    for ignored in [
        "naming_convention",
        "customer_environment_mapping.acme-corp.backend_service.plan",
        "customer_environment_mapping.techstart.services.backend, which has no id",
        "customers.acme-corp.primary_contact.phone",
    ] {
        let line = format!("not understood: {ignored}\n");
        assert!(
            said.out.contains(&line),
            "{line} is missing in\n{}",
            said.out
        );
    }
    project.tranche(&["validate"]).succeeds();
}

#[test]
fn files_that_exist_are_kept_unless_they_are_to_be_replaced() {
    let project = scripts();
    project.tranche(&import(&[])).succeeds();
    project.edit("policies/demo.yaml", |text| format!("# ours\n{text}"));
    let kept = project.tranche(&import(&[])).succeeds();
    assert!(kept.out.contains("kept as they are"), "{}", kept.out);
    assert!(text(&project, "policies/demo.yaml").starts_with("# ours"));
    let replaced = project
        .tranche(&import(&["--write", "-o", "json"]))
        .succeeds();
    let replaced: serde_json::Value = serde_json::from_str(&replaced.out).unwrap();
    assert_eq!(replaced["files"][0]["written"], true);
    assert!(!text(&project, "policies/demo.yaml").starts_with("# ours"));
}

#[test]
fn what_would_not_validate_is_not_written() {
    let project = scripts();
    project.write(
        "customers.json",
        &CUSTOMERS.replace("America/New_York", "Mars/Olympus"),
    );
    let refused = project.tranche(&import(&[])).exits(2);
    assert!(refused.err.contains("Mars/Olympus"), "{}", refused.err);
    assert!(!project.path().join("tranche.yaml").exists());
    assert!(!project.path().join("policies").exists());
}

#[test]
fn a_file_in_which_nothing_is_understood_is_said_to_be_one() {
    let project = Project::bare();
    project.write("x.json", r#"{ "weather": "fine" }"#);
    let refused = project.tranche(&["import", "x.json"]).exits(2);
    assert!(
        refused
            .err
            .contains("nothing in these files was understood"),
        "{}",
        refused.err
    );
    project.write("y.json", "customers: []");
    let no_json = project.tranche(&["import", "y.json"]).exits(2);
    assert!(no_json.err.contains("y.json"), "{}", no_json.err);
    project.tranche(&["import", "absent.json"]).exits(2);
    project.tranche(&["import"]).exits(2);
}
