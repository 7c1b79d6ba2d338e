//! The JSON Schemas agree with the parser on keys and types.

use std::fs;

use policy::parse::scenario::Scenario;
use policy::schema::{Kind, schema};
use serde_json::Value;

use crate::support::{compare, file, here, sources};

#[test]
fn the_stored_schema_of_policies_is_current() {
    let text = format!("{:#}\n", schema(Kind::Policy));
    compare(&here().join("../../policies/schema.json"), &text);
}

#[test]
fn every_shipped_policy_is_valid() {
    let mut seen = 0;
    for entry in fs::read_dir(here().join("../../policies")).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "yaml")
        {
            let text = fs::read_to_string(&path).unwrap();
            assert!(is_valid(Kind::Policy, &text), "{}", path.display());
            seen += 1;
        }
    }
    assert_eq!(seen, 4);
}

#[test]
fn the_shipped_policies_make_one_line_of_phases() {
    let mut files = sources();
    files.project = file(
        "tranche.yaml",
        "product: p\npeople: {a: {}, b: {}, c: {}}\ngroups: {release-managers: [a, b], customer-success: [c]}",
    );
    files.policies = ["demo", "startup", "standard", "enterprise"]
        .map(|name| {
            file(
                name,
                &fs::read_to_string(here().join(format!("../../policies/{name}.yaml"))).unwrap(),
            )
        })
        .to_vec();
    let config = policy::parse::load(&files).unwrap();
    let ordered = policy::plan::order(config.policies.values()).unwrap();
    let names: Vec<&str> = ordered
        .iter()
        .map(|(policy, _)| policy.name.as_str())
        .collect();
    assert_eq!(names, ["demo", "startup", "standard", "enterprise"]);
    let standard = policy::plan::describe(&config.policies[&"standard".into()], &[1; 7]);
    let begins = "25 % of 7 customers at a time (1, 2, 2, 2), 6 h apart, from day 8, stop at the first failure";
    assert!(standard.starts_with(begins), "{standard}");
}

#[test]
fn schema_and_parser_agree_about_policies() {
    let good = [
        "policy: a",
        "policy: a\nbatch: 5\nnot_before: 0\nmax_failures: 0",
        "policy: a\nbatch: [1, 10%, 50%, 100%]",
        "policy: a\nbatch: {weight: 10%}\nmax_failures: {weight: 0%}",
        "policy: a\nwindow: [{cron: 0 2 * * SUN, duration: 2h}]",
        "x-window: &w {cron: 0 2 * * SUN, duration: 2h}\npolicy: a\nwindow: *w",
        "policy: a\nbatch: 1\ndeferral: {times: 1, within: 14d}",
        "policy: a\nhooks: {before: [{run: ./check, repeatable: true}, {job: {service: backend, command: x}}]}",
    ];
    let bad = [
        "batch: all",
        "policy: 5",
        "policy: a\ndelya: 2h",
        "policy: a\ndelay: 5",
        "policy: a\ndelay: 1M",
        "policy: a\nbatch: 0",
        "policy: a\nbatch: {weight: 0%}",
        "policy: a\nbatch: {weight: 101%}",
        "policy: a\nbatch: {weight: 2.5%}",
        "policy: a\nbatch: {weight: 10}",
        "policy: a\nbatch: {}",
        "policy: a\nmax_failures: {weight: 2%, number: 1}",
        "policy: a\nbatch: 0%",
        "policy: a\nbatch: 101%",
        "policy: a\nbatch: []",
        "policy: a\norder: fast",
        "policy: a\napproval:",
        "policy: a\napproval: {quorum: two}",
        "policy: a\napproval: {per: customer, form: [x]}",
        "policy: a\nwindow: {cron: 0 2 * *, duration: 2h}",
        "policy: a\nwindow: {duration: 2h}",
        "policy: a\nhooks: {before: [{timeout: 5m}]}",
        "policy: a\nmax_parallel: 0",
        "policy: a\nbatch: 1\ndeferral: {times: 0, within: 14d}",
        "policy: a\nbatch: 1\ndeferral: {times: 1}",
        "policy: a\napproval: {auth_time: 5}",
        "policy: a\nwindow: {x-a: 1, cron: 0 2 * * SUN, duration: 2h}",
    ];
    agree(Kind::Policy, &good, &bad, |text| {
        let mut files = sources();
        files.policies.push(file("a.yaml", text));
        policy::parse::load(&files).is_ok()
    });
}

#[test]
fn schema_and_parser_agree_about_customers() {
    let good = [
        "customers: {}",
        "customers: {a: {tier: demo, tags: [x], pin: {version: 1.0, until: 2027-01-31}}}",
        "customers: {a: {tier: demo, weight: 1}, b: {tier: demo, weight: 1000000000}}",
        "customers: {a: {tier: demo, secrets: {K: {env: E}}, window: {cron: 0 22 * * SAT#3, duration: 8h}}}",
    ];
    let bad = [
        "{}",
        "customers: []",
        "customers: {a: {}}",
        "customers: {a: {tier: demo, order: first}}",
        "customers: {a: {tier: demo, weight: 0}}",
        "customers: {a: {tier: demo, weight: -5}}",
        "customers: {a: {tier: demo, weight: 1.5}}",
        "customers: {a: {tier: demo, weight: 1000000001}}",
        "customers: {a: {tier: demo, weight: 99999999999999999999}}",
        "customers: {a: {tier: demo, services: {backend: {url: https://a.example}}}}",
        "customers: {a: {tier: demo, services: {backend: {id: srv-1, url: a.example}}}}",
        "customers: {a: {tier: demo, secrets: {K: {env: E, file: F}}}}",
        "customers: {a b: {tier: demo}}",
        "customers: {a: {tier: demo, x-a: 1}}",
        "customers: {a: {tier: demo, running: v1}}",
    ];
    agree(Kind::Customers, &good, &bad, |text| {
        let mut files = sources();
        files.customers = file("customers.yaml", text);
        policy::parse::load(&files).is_ok()
    });
}

#[test]
fn schema_and_parser_agree_about_projects() {
    let good = [
        "product: p",
        "x-: 1\nx-b: {c: [d]}\nproduct: p",
        "product: p\nvariables: {backend: {PORT: 8080, DEBUG: true, V: '${version}'}}",
        "product: p\nhealth: {quick: {checks: [{http: /}, {error_rate: {max: 5%}}, {baseline: {p95_ratio: 2}}]}}",
        "product: p\nfreezes: [{name: x, from: 2026-12-24, until: 2027-01-02T12:00, customers: all}]",
        "product: p\nfreezes: [{name: x, cron: 0 9 * * 1-5, duration: 8h, timezone: customer, except: 2027-01-12}]",
        "product: p\nfreezes: [{name: x, cron: 0 9 * * 1-5, duration: 8h, except: [2027-01-12, 2027-01-13]}]",
        "product: p\nnotify: [{when: [rollout_halted], to: {slack: '${env:HOOK}'}}, {when: approved, to: customer}, {when: alert_raised, to: {webhook: https://a.example}, secret: '${file:key}', text: hm}]",
        "product: p\nmonitor: {every: 30s, down: {after: 2}, latency: {max: 2s, severity: none}, error_rate: {max: 1%}, drift: {severity: info}, keep: {samples: 1d}}",
        "product: p\nmail: {host: mail.example, from: a@b.example, tls: none, password: '${env:P}'}",
        "product: p\nserver: {url: 'https://p.example', proxies: [10.0.0.0/8], tls: {cert: a.pem, key: b.pem}, sessions: {idle: 1h, absolute: 1d}}",
        "product: p\nserver: {sign_in: {issuer: 'https://id.example', client_id: p, client_secret: '${env:S}', scopes: []}}",
        "product: p\nserver: {ci: {bot: {issuer: 'https://ci.example', audience: p, repository: a/p, environment: production, scopes: [read, start, request, push]}}}",
        "product: p\nrender: {webhooks: true}\nclaims_valid_for: 2h",
        "product: p\nserver: {sign_in: {issuer: 'https://id.example', client_id: p}}\npeople: {a: {oidc: 'https://id.example#1'}}\ngroups: {g: [a], h: {claim: groups, equals: h, of: [a]}}",
    ];
    let bad = [
        "{}",
        "product: [p]",
        "product: p\nrender: {max_retries: -1}",
        "product: p\nrender: {auto_deploy: ignore}",
        "product: p\nhealth: {quick: {checks: []}}",
        "product: p\nhealth: {quick: {checks: [{http: health}]}}",
        "product: p\nhealth: {quick: {checks: [{error_rate: {max: 5}}]}}",
        "product: p\nfreezes: [{name: x, from: christmas, until: 2027-01-02}]",
        "product: p\nfreezes: [{name: x}]",
        "product: p\nfreezes: [{name: x, from: 2026-12-24}]",
        "product: p\nfreezes: [{name: x, until: 2026-12-24}]",
        "product: p\nfreezes: [{name: x, cron: 0 9 * * 1-5}]",
        "product: p\nfreezes: [{name: x, cron: 0 9 * * 1-5, duration: 0}]",
        "product: p\nfreezes: [{name: x, cron: 0 9 * * 1-5, duration: 8h, until: 2027-01-02}]",
        "product: p\nfreezes: [{name: x, cron: 0 9 * * 1-5, duration: 8h, except: [monday]}]",
        "product: p\nfreezes: [{name: x, from: 2026-12-24, until: 2027-01-02, except: [2026-12-25]}]",
        "product: p\nfreezes: [{name: x, cron: 0 9 * * 1-5, ics: x.ics, duration: 8h}]",
        "product: p\nnotify: [{when: [halted], to: {slack: x}}]",
        "product: p\npeople: [ann]",
        "product: p\nnotify: [{when: rollout_halted, to: {slack: 'https://hooks.slack.com/x'}}]",
        "product: p\nmonitor: {every: fast}",
        "product: p\nmonitor: {down: {severity: grave}}",
        "product: p\nmail: {host: mail.example}",
        "product: p\nmail: {host: mail.example, from: a@b.example, password: hunter2}",
        "product: p\nserver: {url: p.example}",
        "product: p\nserver: {tls: {cert: a.pem}}",
        "product: p\nserver: {sessions: {idle: 5}}",
        "product: p\nserver: {sign_in: {issuer: 'https://id.example'}}",
        "product: p\nserver: {sign_in: {issuer: 'https://id.example', client_id: p, client_secret: hunter2}}",
        "product: p\nserver: {ci: {bot: {issuer: 'https://ci.example', audience: p, repository: a/p, ref: refs/heads/main, scopes: []}}}",
        "product: p\nserver: {ci: {bot: {issuer: 'https://ci.example', audience: p, repository: a/p, ref: refs/heads/main, scopes: [vote]}}}",
        "product: p\nrender: {webhooks: 'yes'}",
        "product: p\ngroups: {g: {claim: groups, equals: h}}",
        "product: p\nclaims_valid_for: 5",
    ];
    agree(Kind::Project, &good, &bad, |text| {
        let mut files = sources();
        files.project = file("tranche.yaml", text);
        policy::parse::load(&files).is_ok()
    });
}

#[test]
fn schema_and_parser_agree_about_scenarios() {
    let begin = |rest: &str| format!("version: v1.1.0\nstart: 2027-01-11T09:00:00Z\n{rest}");
    let good = [
        begin(""),
        begin("project: {groups: {approvers: [ann, bob]}}"),
        begin("x-ours: [anything, {}]"),
        begin(
            "script: [{at: 2027-01-11T12:00:00Z, do: edit, fleet: {a: null}, policies: [{policy: x, delay: null}]}]",
        ),
        begin("inject: [{customer: a, health: failing, from: live, times: 1}]"),
        begin(
            "expect: [{at: 2027-01-11T12:00:00Z, kind: approved, data: {until: null}}]\nnone: [rollback_intended]",
        ),
    ];
    let bad = [
        "version: v1".to_owned(),
        begin("fleet: {a: null}"),
        begin("inject: [{customer: a}]"),
        begin("inject: [{customer: a, deploy: exploded}]"),
        begin("script: [{at: 2027-01-11T12:00:00Z, do: aprove, gate: x}]"),
        begin("none: [rollback]"),
        begin("expect: [{kind: approved}]"),
    ];
    let texts = |all: &[String]| {
        all.iter()
            .map(|text| text.clone().leak() as &str)
            .collect::<Vec<&str>>()
    };
    agree(Kind::Scenario, &texts(&good), &texts(&bad), |text| {
        Scenario::parse(&file("s.yaml", text)).is_ok()
    });
}

fn agree(kind: Kind, good: &[&str], bad: &[&str], parses: impl Fn(&str) -> bool) {
    for (texts, valid) in [(good, true), (bad, false)] {
        for text in texts {
            assert_eq!(parses(text), valid, "the parser on\n{text}");
            assert_eq!(is_valid(kind, text), valid, "the schema on\n{text}");
        }
    }
}

fn is_valid(kind: Kind, yaml: &str) -> bool {
    let instance: Value = serde_yaml::from_str(yaml).unwrap();
    jsonschema::validator_for(&schema(kind))
        .unwrap()
        .is_valid(&instance)
}
