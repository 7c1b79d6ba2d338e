//! Scenarios: fragments over files, gaps filled, edits applied.

use policy::parse::scenario::{Action, Inject, Scenario};
use policy::{CustomerId, PolicyId, Role, Span};

use crate::support::{file, sources};

const EXAMPLE: &str = "
version: v1.1.0
start: 2027-01-11T09:00:00Z
by: ann
world: { deploy: 5m, rollback: 2m, health_every: 1m, overlap: override }
fleet:
  a: { tier: startup, running: v1.0.0 }
  b: { tier: startup, services: {backend: {}, frontend: {}} }
policies: [ { policy: startup, batch: 50%, delay: 2h } ]
project: { groups: {approvers: [ann, bob]} }
inject:
  - { customer: b, service: backend, deploy: build_failed, after: 3m, times: 1 }
  - { customer: b, service: frontend, health: failing, from: live, times: 1 }
  - { customer: a, service: backend, reply: lost }
  - { customer: a, service: backend, foreign_deploy: { at: 2027-01-11T09:02:00Z, live_after: 5m } }
  - { customer: c, service: backend, suspended: { from: 2027-01-11T12:00:00Z } }
  - { render: unreachable, from: 2027-01-11T10:00:00Z, until: 2027-01-11T10:30:00Z }
script:
  - { at: 2027-01-11T10:00:00Z, do: approve, gate: x, by: bob }
  - { at: 2027-01-11T10:05:00Z, do: approve, gate: x, by: bob, refused: true }
  - { at: 2027-01-11T12:00:00Z, do: crash, until: 2027-01-11T20:00:00Z }
  - { at: 2027-01-11T12:00:00Z, do: edit, fleet: { e: {tier: startup}, c: null }, policies: [ {policy: startup, delay: 1h} ] }
expect:
  - { at: 2027-01-11T09:00:00Z, kind: deploy_intended, customer: a, service: backend }
  - { at: 2027-01-11T11:15:00Z, kind: rollout_succeeded }
none: [rollback_intended]
";

#[test]
fn the_example_of_the_guide_is_read_completely() {
    let scenario = Scenario::parse(&file("s.yaml", EXAMPLE)).unwrap();
    assert_eq!(scenario.by.as_str(), "ann");
    assert_eq!(
        (
            scenario.inject.len(),
            scenario.script.len(),
            scenario.expect.len()
        ),
        (6, 4, 2)
    );
    assert!(matches!(
        &scenario.inject[4],
        Inject::Suspended { until: None, .. }
    ));
    assert_eq!(scenario.running[&CustomerId::from("a")], "v1.0.0");
    let Action::Verb(verb) = &scenario.script[1].action else {
        panic!("{:?}", scenario.script[1])
    };
    assert!(verb.refused);
    assert_eq!(verb.args["gate"], "x");
}

#[test]
fn missing_services_ids_and_people_are_made_up() {
    let config = Scenario::parse(&file("s.yaml", EXAMPLE))
        .unwrap()
        .config(None)
        .unwrap();
    let a = &config.fleet.customers[&CustomerId::from("a")].services[&Role::from("backend")];
    assert_eq!(
        (a.id.as_str(), a.url.as_deref()),
        ("srv-a-backend", Some("https://a-backend.sim"))
    );
    assert_eq!(
        config.fleet.customers[&CustomerId::from("b")]
            .services
            .len(),
        2
    );
    assert_eq!(config.project.people.len(), 2);
    assert_eq!(config.project.roles.approver.len(), 2);
    assert_eq!(config.project.product, "product");
}

#[test]
fn edits_are_merged_by_name_and_null_removes() {
    let scenario = Scenario::parse(&file("s.yaml", EXAMPLE)).unwrap();
    let Action::Edit(edit) = &scenario.script[3].action else {
        panic!("{:?}", scenario.script[3])
    };
    let config = scenario.edited(None, &[edit]).unwrap();
    assert!(config.fleet.customers.contains_key(&CustomerId::from("e")));
    let startup = &config.policies[&PolicyId::from("startup")];
    assert_eq!(startup.delay, Span::from_secs(60 * 60));
    assert_eq!(startup.batch, policy::rules::BatchRule::Percent(50));
}

#[test]
fn a_scenario_stands_on_the_files_of_a_project() {
    let text = "version: v2\nstart: 2027-01-11T09:00:00Z\nproject: {timezone: Europe/Berlin}\n";
    let mut files = sources();
    files
        .project
        .text
        .push_str("variables: {backend: {KEY: '${secret:KEY}'}}\nroles: {approver: []}\n");
    files.customers.text = files
        .customers
        .text
        .replace("tier: demo,", "tier: demo, secrets: {KEY: {env: K}},");
    let scenario = Scenario::parse(&file("s.yaml", text)).unwrap();
    let config = scenario.config(Some(&files)).unwrap();
    assert_eq!(config.project.product, "securewatch");
    assert_eq!(config.project.timezone.name(), "Europe/Berlin");
    assert_eq!(config.project.roles.approver.len(), 1);
    // A fleet of the scenario's own gets the secrets that the variables name.
    let own = format!("{text}fleet: {{z: {{tier: demo}}}}\n");
    let config = Scenario::parse(&file("s.yaml", &own))
        .unwrap()
        .config(Some(&files))
        .unwrap();
    assert_eq!(
        config.fleet.customers[&CustomerId::from("z")].secrets.len(),
        1
    );
}

#[test]
fn mistakes_in_verbs_and_faults_are_named_with_a_way_out() {
    let text = "version: v2\nstart: 2027-01-11T09:00:00Z
script:
  - { at: 2027-01-11T10:00:00Z, do: approve, gaet: x }
  - { at: 2027-01-11T10:00:00Z, do: pause, gate: x }
  - { at: 2027-01-11T10:00:00Z, do: crash }
inject:
  - { customer: a, deploy: live, crash_until: 2027-01-11T10:00:00Z }
  - { render: unreachable, from: live, until: 2027-01-11T10:00:00Z }
";
    let problems = Scenario::parse(&file("s.yaml", text)).unwrap_err();
    let messages: Vec<&str> = problems
        .iter()
        .map(|problem| problem.message.as_str())
        .collect();
    for expected in [
        "`gaet` is not a key of a step of the script",
        "`approve` needs `gate`",
        "`pause` takes no `gate`",
        "`crash` needs `until`",
        "`crash_until` means nothing beside `deploy`",
        "`live` means nothing here",
    ] {
        assert!(messages.contains(&expected), "{expected}: {messages:#?}");
    }
}

#[test]
fn a_mistake_that_only_an_edit_makes_is_found_in_the_edit() {
    let text = "version: v2\nstart: 2027-01-11T09:00:00Z
fleet: {a: {tier: x}}
policies: [{policy: x}]
script:
  - { at: 2027-01-11T10:00:00Z, do: edit, policies: [{policy: x, after: y}] }
";
    let scenario = Scenario::parse(&file("s.yaml", text)).unwrap();
    scenario.config(None).unwrap();
    let Action::Edit(edit) = &scenario.script[0].action else {
        panic!("{:?}", scenario.script[0])
    };
    let problems = scenario.edited(None, &[edit]).unwrap_err();
    assert_eq!(
        (problems.len(), problems[0].line, problems[0].code.as_str()),
        (1, 6, "unknown-name")
    );
}
