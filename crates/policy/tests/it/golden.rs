//! Cases as text files: `data/NAME.case` holds files after lines `== PATH`, `data/NAME.out` the plan or the problems.
//!
//! Files that a case leaves out are those of `support::sources`. A file `release` may hold the version; `scope` the
//! customers a person narrowed the rollout to; `running` lines of `CUSTOMER VERSION`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use policy::plan::{self, PlanInput, PlanScope, Release, Running, RunningVersions};
use policy::{Config, CustomerId, Plan, Sources};

use crate::support::{compare, file, here, sources};

#[test]
fn every_case_gives_its_plan_or_its_problems() {
    let mut seen = 0;
    let mut paths: Vec<_> = fs::read_dir(here().join("tests/data"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    for path in paths.iter().filter(|path| {
        path.extension()
            .is_some_and(|extension| extension == "case")
    }) {
        let case = Case::read(&fs::read_to_string(path).unwrap());
        compare(&path.with_extension("out"), &case.outcome());
        seen += 1;
    }
    assert!(seen > 10, "only {seen} cases were found");
}

struct Case {
    sources: Sources,
    extra: BTreeMap<String, String>,
}

impl Case {
    fn read(text: &str) -> Self {
        let mut case = Self {
            sources: sources(),
            extra: BTreeMap::new(),
        };
        let mut policies = Vec::new();
        for part in text
            .split("\n== ")
            .map(|part| part.strip_prefix("== ").unwrap_or(part))
        {
            let (path, text) = part.split_once('\n').unwrap_or((part, ""));
            let text = format!("{}\n", text.trim_end_matches('\n'));
            match path {
                "tranche.yaml" => case.sources.project = file(path, &text),
                "customers.yaml" => case.sources.customers = file(path, &text),
                _ if path.starts_with("policies/") => policies.push(file(path, &text)),
                _ => drop(case.extra.insert(path.to_owned(), text.trim().to_owned())),
            }
        }
        if !policies.is_empty() || case.extra.contains_key("no policies") {
            case.sources.policies = policies;
        }
        case
    }

    fn outcome(&self) -> String {
        let config = match policy::parse::load(&self.sources) {
            Ok(config) => config,
            Err(problems) => {
                return problems
                    .iter()
                    .fold(String::new(), |out, problem| format!("{out}{problem}\n\n"));
            }
        };
        let mut out = config
            .warnings
            .iter()
            .fold(String::new(), |out, warning| format!("{out}{warning}\n\n"));
        match self.plan(config) {
            Ok(plan) => out.push_str(&show(&plan)),
            Err(error) => writeln!(out, "refused: {error}").unwrap(),
        }
        out
    }

    fn plan(&self, config: Config) -> Result<Plan, plan::PlanError> {
        let extra = |key: &str| self.extra.get(key).map(String::as_str).unwrap_or_default();
        let mut running = RunningVersions::new();
        for line in extra("running").lines() {
            let (customer, version) = line.split_once(' ').unwrap();
            let roles = config.fleet.customers[&CustomerId::from(customer)]
                .services
                .keys();
            let what = Running {
                version: Some(version.to_owned()),
                commit: None,
            };
            running.insert(
                customer.into(),
                roles.map(|role| (role.clone(), what.clone())).collect(),
            );
        }
        let scope = PlanScope {
            customers: extra("scope")
                .split_whitespace()
                .map(CustomerId::from)
                .collect(),
            policies: extra("policies")
                .split_whitespace()
                .map(policy::PolicyId::from)
                .collect(),
            hotfix: self
                .extra
                .get("hotfix")
                .map(|names| names.split_whitespace().map(CustomerId::from).collect()),
            ..PlanScope::default()
        };
        let release = Release {
            version: "v1.1.0".to_owned(),
            commit: "c".repeat(40),
        };
        let Config {
            project,
            fleet,
            policies,
            ..
        } = config;
        let input = PlanInput {
            project,
            fleet,
            policies,
            release,
            scope,
            history: policy::plan::History::new(),
        };
        plan::compile(&input, &running, "2027-01-11T09:00:00Z".parse().unwrap())
    }
}

fn show(plan: &Plan) -> String {
    let mut out = format!("{} {}\n", plan.product, plan.release.version);
    for phase in &plan.phases {
        let after: Vec<&str> = phase
            .after
            .iter()
            .map(|index| plan.phases[*index].policy.name.as_str())
            .collect();
        writeln!(out, "\n{} after [{}]", phase.policy.name, after.join(", ")).unwrap();
        writeln!(
            out,
            "  {}",
            plan::describe(&phase.policy, &plan.weights(phase))
        )
        .unwrap();
        let mut customers = phase.customers.iter();
        for (index, size) in phase.sizes.iter().enumerate() {
            let batch: Vec<&str> = customers.by_ref().take(*size).map(AsRef::as_ref).collect();
            writeln!(out, "  batch {}: {}", index + 1, batch.join(" ")).unwrap();
        }
    }
    for (customer, left_out) in &plan.left_out {
        writeln!(
            out,
            "\n{customer} left out of {}: {:?}",
            left_out.phase, left_out.why
        )
        .unwrap();
    }
    out
}
