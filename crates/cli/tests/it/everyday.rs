//! What people meet on ordinary and on bad days: a dry run, a followed tag, files that broke, a Render that is gone.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::project::Project;
use crate::rollouts::{KEY, Story, spawn};

/// No wait in these tests is expected to come near it.
const LIMIT: Duration = Duration::from_secs(30);

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// `(method, path)` of every changing request that arrived at the simulated Render.
fn arrived(story: &Story) -> Vec<(String, String)> {
    let log = story.ask("GET", "/_sim/requests", "");
    let changes = log["changes"].as_array().unwrap().iter();
    changes
        .map(|one| {
            let path = text(&one["path"]);
            let path = path.strip_prefix("/v1").unwrap_or(&path);
            (text(&one["method"]), path.to_owned())
        })
        .collect()
}

/// How often the simulated Render was read, by the kind of what was read.
fn reads(story: &Story) -> BTreeMap<String, u64> {
    let log = story.ask("GET", "/_sim/requests", "");
    serde_json::from_value(log["reads"].clone()).unwrap()
}

/// What the simulated Render calls a read of this path.
fn kind_of_read(path: &str) -> &'static str {
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    match parts[..] {
        ["users"] => "user",
        ["services", _] => "get_service",
        ["services", _, "custom-domains"] => "list_domains",
        ["services", _, "deploys"] => "list_deploys",
        ["services", _, "deploys", _] => "get_deploy",
        ["services", _, "env-vars"] => "list_env_vars",
        ["services", _, "jobs", _] => "get_job",
        _ => panic!("nobody reads {path}"),
    }
}

/// A story with a secret among the variables, jobs as hooks, and a service that deploys by itself.
fn with_everything() -> Story {
    let story = Story::new(&[]);
    let project = &story.project;
    project.edit("tranche.yaml", |text| {
        let text = text.replace("settle: 1s", "settle: 1s, auto_deploy: manage");
        format!(
            "{text}variables:\n  backend: {{ VERSION_TAG: \"${{version}}\", TOKEN: \"${{secret:TOKEN}}\" }}\n"
        )
    });
    project.edit("customers.yaml", |text| {
        let secrets = "tier: fast\n    secrets: { TOKEN: { env: SHOP_TOKEN } }\n";
        text.replace("tier: fast\n", secrets)
    });
    let job = |command| format!("[{{ job: {{ service: backend, command: {command} }} }}]");
    let (before, after) = (job("migrate"), job("warm-up"));
    project.edit("policies/fast.yaml", |text| {
        format!("{text}hooks: {{ before: {before}, after: {after} }}\n")
    });
    let on = story.ask("PATCH", "/v1/services/srv-acme", r#"{"autoDeploy":"yes"}"#);
    assert_eq!(on["autoDeploy"], "yes");
    story
}

#[test]
fn a_dry_run_names_every_change_in_order_and_sends_none() {
    let story = with_everything();
    let project = &story.project;
    let so_far = arrived(&story).len();
    let env = [KEY, ("SHOP_TOKEN", "hunter2")];
    let dry = ["start", "v1.1.0", "--dry-run", "-o", "json"];
    let said = project.tranche_with(&dry, &env).succeeds();
    assert!(!said.out.contains("hunter2"), "{}", said.out);
    assert!(said.out.contains("****"), "{}", said.out);
    assert_eq!(arrived(&story).len(), so_far, "nothing was changed");
    project.tranche(&["status"]).exits(3);

    let shown: Value = serde_json::from_str(&said.out).unwrap();
    let customers = shown["requests"].as_array().unwrap().iter();
    let announced: Vec<&Value> = customers
        .flat_map(|one| one["requests"].as_array().unwrap())
        .collect();
    let (read, change): (Vec<&Value>, Vec<&Value>) = announced
        .into_iter()
        .partition(|request| request["method"] == "GET");
    let at_the_end = |request: &&Value| request["purpose"] == "as it was, once everything is over";
    let (last, first): (Vec<&Value>, Vec<&Value>) = change.into_iter().partition(at_the_end);
    let sent: Vec<(String, String)> = first
        .into_iter()
        .chain(last)
        .map(|request| (text(&request["method"]), text(&request["path"])))
        .collect();
    assert_eq!(
        sent.len(),
        12,
        "two jobs, two variables and a deploy for each, and auto-deploy of one off and on"
    );

    let before = reads(&story);
    project.tranche_with(&["start", "v1.1.0"], &env).succeeds();
    assert_eq!(arrived(&story)[so_far..], sent);
    let kinds: BTreeSet<String> = reads(&story)
        .into_iter()
        .filter(|(kind, count)| before.get(kind) != Some(count))
        .map(|(kind, _)| kind)
        .collect();
    let announced = read
        .iter()
        .map(|one| kind_of_read(one["path"].as_str().unwrap()).to_owned());
    assert_eq!(kinds, announced.collect::<BTreeSet<_>>());
}

#[test]
fn a_project_to_practise_on_goes_as_the_readme_says() {
    let project = Project::bare();
    project.tranche(&["init", "--practice", "shop"]).succeeds();
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .to_string();
    // Another test may listen there; a person's first terminal does not.
    for name in ["shop/tranche.yaml", "shop/customers.yaml"] {
        project.edit(name, |text| text.replace("127.0.0.1:7373", &free));
    }
    project.tranche(&["-C", "shop", "validate"]).succeeds();
    let mut render = spawn(
        &project,
        &[
            "-C", "shop", "render", "simulate", "--listen", &free, "--deploy", "200ms",
        ],
    );
    let mut url = String::new();
    BufReader::new(render.stdout.as_mut().unwrap())
        .read_line(&mut url)
        .unwrap();
    let start = ["-C", "shop", "start", "v1.1.0", "--policy", "demo"];
    let said = project.tranche_with(&start, &[KEY]).succeeds();
    assert!(said.out.contains("rollout succeeded"), "{}", said.out);
    render.kill().unwrap();
    render.wait().unwrap();
}

#[test]
fn a_new_tag_starts_the_followed_phases_once() {
    let story = Story::new(&[]);
    let project = &story.project;
    project.edit("tranche.yaml", |text| {
        format!("{text}follow: {{ tags: \"v*\", policies: [fast], every: 100ms }}\n")
    });
    project
        .tranche_with(&["start", "v1.1.0"], &[KEY])
        .succeeds();
    let mut engine = spawn(project, &["run", "-o", "json"]);
    // Older than what runs: it must not start, and neither must a tag that the pattern leaves out.
    project.tag("v1.0.5");
    project.tag("nightly-9");
    project.tag("v1.2.0");
    let begun = Instant::now();
    let runs = loop {
        let said = project.tranche(&["list", "-o", "json"]).succeeds();
        let runs: Value = serde_json::from_str(&said.out).unwrap();
        if runs[1]["outcome"] == "succeeded" {
            break runs;
        }
        assert!(begun.elapsed() < LIMIT, "{runs:#}");
    };
    engine.kill().unwrap();
    engine.wait().unwrap();
    let runs = runs.as_array().unwrap();
    assert_eq!(runs.len(), 2, "{runs:#?}");
    assert_eq!(runs[1]["version"], "v1.2.0");
    assert_eq!(runs[1]["starter"], "service:follow");
}

#[test]
fn the_simulated_render_knows_versions_that_are_tagged_while_it_runs() {
    let story = Story::new(&[]);
    let project = &story.project;
    project.edit("tranche.yaml", |text| {
        text.replace(
            "every: 200ms, checks: [",
            "every: 200ms, fail_after: 50, checks: [ { version: /api/version },",
        )
    });
    project.tag("v1.2.0");
    project
        .tranche_with(&["start", "v1.2.0"], &[KEY])
        .succeeds();
}

#[test]
fn a_followed_tag_is_tried_again_once_render_can_be_asked() {
    let story = Story::new(&[]);
    let project = &story.project;
    project.edit("tranche.yaml", |text| {
        format!("{text}follow: {{ tags: \"v*\", policies: [fast], every: 100ms }}\n")
    });
    project
        .tranche_with(&["start", "v1.1.0"], &[KEY])
        .succeeds();
    let keys = |keys: &str| {
        let settings = format!("{{\"api_keys\": [\"{keys}\"]}}");
        let reply = story.send("PATCH", "/_sim/settings", &settings);
        assert!(reply.starts_with("HTTP/1.1 2"), "{reply}");
    };
    keys("another");
    project.tag("v1.2.0");
    let mut engine = Command::new(env!("CARGO_BIN_EXE_tranche"))
        .arg("run")
        .current_dir(project.path())
        .env(KEY.0, KEY.1)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let said = BufReader::new(engine.stderr.as_mut().unwrap()).lines();
    let told = said
        .map(Result::unwrap)
        .find(|line| line.starts_with("follow:"));
    assert!(told.is_some_and(|line| line.contains("401")));
    keys(KEY.1);
    let begun = Instant::now();
    while project.tranche(&["status", "r2"]).exit != 0 {
        assert!(begun.elapsed() < LIMIT);
    }
    engine.kill().unwrap();
    engine.wait().unwrap();
}

#[test]
fn an_emergency_verb_works_while_the_files_are_broken() {
    let story = Story::new(&[]);
    let project = &story.project;
    project
        .tranche_with(&["start", "v1.1.0", "--detach"], &[KEY])
        .succeeds();
    project.edit("tranche.yaml", |text| text.replace("product:", "produkt:"));
    project.tranche(&["validate"]).exits(2);
    let said = project
        .tranche(&["pause", "--reason", "something is odd"])
        .succeeds();
    assert!(said.out.contains("paused the rollout"), "{}", said.out);
    assert!(said.err.contains("tranche validate"), "{}", said.err);
    project.tranche(&["abort"]).succeeds();
}

#[test]
fn a_render_that_is_gone_ends_run_until_idle_with_5() {
    let mut story = Story::new(&[]);
    story
        .project
        .tranche_with(&["start", "v1.1.0", "--detach"], &[KEY])
        .succeeds();
    story.render.kill().unwrap();
    story.render.wait().unwrap();
    let quick = [KEY, ("RENDER_TIMEOUT", "1s"), ("RENDER_MAX_RETRIES", "0")];
    let begun = Instant::now();
    let said = story
        .project
        .tranche_with(&["run", "--until-idle"], &quick)
        .exits(5);
    assert!(begun.elapsed() < LIMIT);
    assert!(
        said.err.contains("Render cannot be reached"),
        "{}",
        said.err
    );
    assert!(said.err.contains("tranche run"), "{}", said.err);
}

#[test]
fn every_service_has_its_version_and_since_when() {
    let story = Story::new(&[]);
    let project = &story.project;
    let only_acme = ["start", "v1.1.0", "--customers", "acme"];
    project.tranche_with(&only_acme, &[KEY]).succeeds();
    let said = project.tranche(&["list", "--versions"]).succeeds();
    assert!(
        said.out.contains("bolt      backend  unknown"),
        "{}",
        said.out
    );
    project
        .tranche_with(&["start", "v1.1.0"], &[KEY])
        .succeeds();
    let said = project
        .tranche(&["list", "--versions", "-o", "json"])
        .succeeds();
    let running: Value = serde_json::from_str(&said.out).unwrap();
    let running = running.as_array().unwrap();
    assert_eq!(running.len(), 2);
    for one in running {
        assert_eq!(one["version"], "v1.1.0");
        assert!(one["since"].as_str().unwrap().starts_with("20"), "{one}");
    }
    let said = project.tranche(&["list", "--versions"]).succeeds();
    assert!(said.out.contains("ago)"), "{}", said.out);
}

/// What a shell would be offered behind these words.
fn offered(project: &Project, words: &[&str]) -> String {
    let index = words.len().to_string();
    let output = Command::new(env!("CARGO_BIN_EXE_tranche"))
        .arg("--")
        .arg("tranche")
        .args(words)
        .current_dir(project.path())
        .env("COMPLETE", "bash")
        .env("_CLAP_COMPLETE_INDEX", index)
        .env("_CLAP_IFS", "\n")
        .output()
        .unwrap();
    assert!(output.status.success());
    assert!(output.stderr.is_empty());
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_shell_is_offered_customers_and_rollouts_of_this_project() {
    let story = Story::new(&[]);
    let project = &story.project;
    assert!(offered(project, &["why", ""]).contains("bolt"));
    assert!(!offered(project, &["status", ""]).contains("r1"));
    project
        .tranche_with(&["start", "v1.1.0", "--detach"], &[KEY])
        .succeeds();
    assert!(offered(project, &["status", ""]).contains("r1"));
    assert!(offered(project, &["promote", ""]).contains("fast"));
    project.write("customers.yaml", "customers: [broken\n");
    assert!(!offered(project, &["why", ""]).contains("bolt"));
    let said = project.tranche(&["completions", "bash"]).succeeds();
    assert!(said.out.contains("COMPLETE"), "{}", said.out);
}

#[test]
fn what_a_program_reads_is_json_also_where_people_see_one_word() {
    let story = Story::new(&[]);
    let project = &story.project;
    project
        .tranche_with(&["start", "v1.1.0", "--detach"], &[KEY])
        .succeeds();
    let read = |args: &[&str]| -> Value {
        let args: Vec<&str> = args.iter().copied().chain(["-o", "json"]).collect();
        serde_json::from_str(&project.tranche(&args).succeeds().out).unwrap()
    };
    let anchor = read(&["events", "--head"])["anchor"].clone();
    project
        .tranche(&["verify", "--anchor", anchor.as_str().unwrap()])
        .succeeds();
    let made = read(&["token", "create", "--service", "ci"]);
    let listed = read(&["token", "list"]);
    assert_eq!(listed[0]["id"], made["id"]);
    let token = made["token"].as_str().unwrap();
    assert!(token.starts_with("tranche_"), "{token}");
}

#[test]
fn a_name_that_does_not_exist_is_a_mistake_and_not_an_empty_answer() {
    let story = Story::new(&[]);
    let project = &story.project;
    project
        .tranche_with(&["start", "v1.1.0", "--detach"], &[KEY])
        .succeeds();
    std::fs::remove_dir_all(project.path().join("scenarios")).unwrap();
    for (args, said) in [
        (&["events", "r9"][..], "there is no rollout r9"),
        (&["skip", "acmee", "--reason", "x"], "did you mean `acme`?"),
        (&["retry", "nobody"], "a customer, batch or phase `nobody`"),
        (
            &["rollback", "nobody", "--reason", "x"],
            "no rollout has a customer `nobody`",
        ),
        (&["plan", "v9"], "there is no tag `v9`"),
        (&["test"], "there is no scenario in"),
    ] {
        let err = project.tranche(args).exits(2).err;
        assert!(
            err.contains(said) && err.contains("try: "),
            "{args:?}: {err}"
        );
    }
}
