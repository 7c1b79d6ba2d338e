//! Rollouts from start to end: real processes, a real database, and a simulated Render over HTTP.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::project::{Project, Said};

/// The key that a simulated Render accepts.
pub(crate) const KEY: (&str, &str) = ("RENDER_API_KEY", "rnd_simulated");

/// A project whose fleet runs at a simulated Render.
pub(crate) struct Story {
    pub(crate) project: Project,
    pub(crate) render: Child,
    pub(crate) address: String,
}

impl Story {
    /// `policies/fast.yaml` covers two customers, one after the other.
    pub(crate) fn new(faults: &[&str]) -> Self {
        let project = Project::new();
        let free = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        fs::remove_dir_all(project.path().join("policies")).unwrap();
        fs::create_dir(project.path().join("policies")).unwrap();
        project.write(
            "policies/fast.yaml",
            "policy: fast\nbatch: 1\ndelay: 200ms\n",
        );
        project.write("tranche.yaml", &project_file(&free.to_string()));
        project.write("customers.yaml", &customers(&free.to_string()));
        project.repository(&["v1.0.0", "v1.1.0"]);
        let mut args = vec![
            "render",
            "simulate",
            "--deploy",
            "400ms",
            "--rollback",
            "200ms",
        ];
        let listen = free.to_string();
        args.extend(["--listen", &listen]);
        for fault in faults {
            args.extend(["--fault", fault]);
        }
        let mut render = spawn(&project, &args);
        let mut url = String::new();
        BufReader::new(render.stdout.as_mut().unwrap())
            .read_line(&mut url)
            .unwrap();
        assert_eq!(url.trim(), format!("http://{free}/v1"));
        Self {
            project,
            render,
            address: listen,
        }
    }

    /// One request to the simulated Render, and its reply.
    pub(crate) fn send(&self, method: &str, path: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            self.address,
            KEY.1,
            body.len()
        )
        .unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        reply
    }

    /// The same, and the JSON of its answer.
    pub(crate) fn ask(&self, method: &str, path: &str, body: &str) -> Value {
        let reply = self.send(method, path, body);
        let body = &reply[reply.find('{').unwrap()..=reply.rfind('}').unwrap()];
        serde_json::from_str(body).unwrap()
    }
}

impl Drop for Story {
    fn drop(&mut self) {
        let _ = self.render.kill();
        let _ = self.render.wait();
    }
}

pub(crate) fn spawn(project: &Project, args: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_tranche"))
        .args(args)
        .current_dir(project.path())
        .env(KEY.0, KEY.1)
        .env("XDG_STATE_HOME", project.path().join(".state"))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn project_file(address: &str) -> String {
    format!(
        "product: shop\nrepository: repository\n\
         render: {{ url: \"http://{address}/v1\", settle: 1s, poll: {{ from: 50ms, to: 100ms }} }}\n\
         health: {{ basic: {{ every: 200ms, checks: [ {{ http: /api/health }} ] }} }}\n\
         network: {{ allow: [127.0.0.0/8] }}\n"
    )
}

fn customers(address: &str) -> String {
    let customer = |name: &str| {
        format!(
            "  {name}:\n    tier: fast\n    services:\n      \
             backend: {{ id: srv-{name}, url: \"http://{address}/sites/srv-{name}\" }}\n"
        )
    };
    format!("customers:\n{}{}", customer("acme"), customer("bolt"))
}

#[test]
fn a_started_rollout_is_driven_to_its_end() {
    let story = Story::new(&[]);
    let project = &story.project;
    project
        .tranche_with(&["render", "check"], &[KEY])
        .succeeds();
    let said = project
        .tranche_with(&["start", "latest"], &[KEY])
        .succeeds();
    assert!(said.out.contains("r1  rollout succeeded"), "{}", said.out);
    project.tranche(&["verify"]).succeeds();
    let said = project.tranche(&["customers"]).succeeds();
    assert!(said.out.contains("v1.1.0"), "{}", said.out);
    let said = project.tranche_with(&["deploys", "acme", "-o", "json"], &[KEY]);
    let deploys: serde_json::Value = serde_json::from_str(&said.succeeds().out).unwrap();
    assert_eq!(deploys["backend"][0]["rollout"], "r1");
    assert_eq!(
        deploys["backend"][1].get("rollout"),
        None,
        "it ran before us"
    );
    // Everybody runs it by now.
    project
        .tranche_with(&["plan", "v1.1.0", "--detailed-exitcode"], &[KEY])
        .succeeds();
    project.tranche_with(&["health"], &[KEY]).succeeds();
}

#[test]
fn a_deploy_that_was_found_is_no_rollouts_own() {
    let story = Story::new(&[]);
    let project = &story.project;
    let tranche = |args: &[&str]| project.tranche_with(args, &[KEY]);
    tranche(&["start", "v1.1.0", "--detach"]).succeeds();
    let commit = project.git(&["rev-parse", "v1.1.0"]);
    let body = serde_json::json!({ "commitId": commit }).to_string();
    story.ask("POST", "/v1/services/srv-acme/deploys", &body);
    tranche(&["run", "--until-idle"]).exits(6);
    tranche(&["retry", "acme"]).succeeds();
    tranche(&["run", "--until-idle"]).succeeds();
    let deploys = |customer: &str| -> Value {
        serde_json::from_str(&tranche(&["deploys", customer, "-o", "json"]).succeeds().out).unwrap()
    };
    assert_eq!(deploys("bolt")["backend"][0]["rollout"], "r1");
    assert_eq!(deploys("acme")["backend"][0].get("rollout"), None);
}

#[test]
fn a_plan_shows_the_digest_that_a_start_freezes_and_says_where_it_does_not_ask_render() {
    let story = Story::new(&[]);
    let project = &story.project;
    let said = project.tranche_with(&["plan", "v1.1.0", "-o", "json"], &[KEY]);
    let plan: serde_json::Value = serde_json::from_str(&said.succeeds().out).unwrap();
    assert_eq!(plan["running"]["source"], "render");
    for args in [vec!["plan", "v1.1.0"], vec!["plan", "v1.1.0", "--offline"]] {
        let said = project.tranche(&args).succeeds();
        assert!(said.out.contains("taken from the journal"), "{}", said.out);
    }
    let said = project.tranche_with(&["start", "v1.1.0", "--detach", "-o", "json"], &[KEY]);
    let events: serde_json::Value = serde_json::from_str(&said.succeeds().out).unwrap();
    assert_eq!(events[0]["data"]["digest"], plan["digest"]);
}

/// Whoever reads it from outside is told the state in which the rollout rests, and that it has not ended.
fn rests_halted(project: &Project) {
    let read = |args: &[&str]| -> serde_json::Value {
        let said = project.tranche(args).succeeds();
        serde_json::from_str(&said.out).unwrap()
    };
    let list = read(&["list", "-o", "json"]);
    for told in [
        &list[0],
        &read(&["status", "-o", "json"]),
        &read(&["report", "-o", "json"]),
    ] {
        assert_eq!(told["outcome"], "halted", "{told:#}");
        assert!(told["ended_at"].is_null(), "{told:#}");
    }
    let said = project.tranche(&["report"]).succeeds();
    assert!(said.out.contains("The rollout has halted"), "{}", said.out);
}

#[test]
fn a_failed_build_halts_the_rollout_and_a_retry_lifts_the_halt() {
    let story = Story::new(&["acme/backend=build_failed*1"]);
    let project = &story.project;
    let said = project.tranche_with(&["start", "v1.1.0"], &[KEY]).exits(1);
    assert!(said.out.contains("rollout halted"), "{}", said.out);
    let said = project.tranche(&["status"]).succeeds();
    assert!(said.out.contains("unchanged"), "{}", said.out);
    rests_halted(project);
    project.tranche(&["resume"]).exits(3);
    project.tranche(&["retry", "acme"]).succeeds();
    project
        .tranche_with(&["run", "--until-idle"], &[KEY])
        .succeeds();
    let said = project.tranche(&["list", "-o", "json"]).succeeds();
    assert!(
        said.out.contains("\"outcome\": \"succeeded\""),
        "{}",
        said.out
    );
    let said = project.tranche(&["stats", "--hours", "1"]).succeeds();
    let total = said.out.lines().find(|line| line.starts_with("total"));
    assert!(
        total.is_some_and(|total| total.contains("66.7 % (2 of 3)")),
        "one of three deploys failed: {}",
        said.out
    );
}

#[test]
fn an_unhealthy_release_is_rolled_back() {
    let story = Story::new(&["acme=unhealthy*1"]);
    let project = &story.project;
    let tickets = ["observe", "acme", "tickets", "3"];
    let said = project.tranche_with(&["start", "v1.1.0"], &[KEY]).exits(1);
    assert!(said.out.contains("acme is rolled back"), "{}", said.out);
    project.tranche(&tickets).succeeds();
    let stats = ["stats", "-o", "json"];
    let stats: Value = serde_json::from_str(&project.tranche(&stats).succeeds().out).unwrap();
    assert_eq!(stats["total"]["rollbacks"], 1);
    assert_eq!(stats["phases"][0]["phase"], "fast");
    assert_eq!(stats["phases"][0]["success"]["percent"], 0.0);
    let said = project.tranche(&["report", "r1"]).succeeds();
    assert!(
        said.out.contains("fast   tickets  3.00  acme 3"),
        "{}",
        said.out
    );
    project
        .tranche(&["skip", "acme", "--reason", "next time"])
        .succeeds();
    project
        .tranche_with(&["run", "--until-idle"], &[KEY])
        .exits(1);
    let said = project.tranche(&["status"]).succeeds();
    assert!(said.out.contains("succeeded with failures"), "{}", said.out);
}

#[test]
fn a_crash_between_request_and_record_deploys_nothing_twice() {
    let story = Story::new(&["acme=lost*1"]);
    let project = &story.project;
    project
        .tranche_with(&["start", "v1.1.0", "--detach"], &[KEY])
        .succeeds();
    for commit in ["commit:3:after", "commit:4:before", "commit:5:sent"] {
        let crash = [KEY, ("TRANCHE_CRASH_AT", commit)];
        let said = project.tranche_with(&["run", "--until-idle"], &crash);
        assert!(said.exit != 0, "{commit}: {}", said.out);
    }
    project
        .tranche_with(&["run", "--until-idle"], &[KEY])
        .succeeds();
    let said = project.tranche(&["events"]).succeeds();
    let live = said
        .out
        .lines()
        .filter(|line| line.contains("\"kind\":\"deploy_live\""));
    assert_eq!(live.count(), 2, "{}", said.out);
    assert!(!said.out.contains("deploy_duplicate"), "{}", said.out);
    project.tranche(&["verify"]).succeeds();
}

#[test]
fn a_second_engine_leaves_at_once_and_requests_reach_the_first() {
    let story = Story::new(&[]);
    let project = &story.project;
    let mut engine = spawn(project, &["run", "-o", "json"]);
    let mut first = String::new();
    let mut lines = BufReader::new(engine.stdout.take().unwrap());
    lines.read_line(&mut first).unwrap();
    assert!(first.contains("engine_started"), "{first}");

    let begun = Instant::now();
    let said = project.tranche_with(&["run"], &[KEY]).exits(3);
    assert!(begun.elapsed() < Duration::from_secs(2));
    assert!(said.err.contains("another process"), "{}", said.err);

    let said = project
        .tranche_with(&["start", "v1.1.0"], &[KEY])
        .succeeds();
    assert!(
        said.err.contains("another process drives it"),
        "{}",
        said.err
    );
    let said = project.tranche(&["watch", "--timeout", "20s"]).succeeds();
    assert!(said.err.contains("r1: succeeded"), "{}", said.err);
    engine.kill().unwrap();
    engine.wait().unwrap();
}

#[test]
fn severe_actions_have_to_be_confirmed_by_name() {
    let story = Story::new(&[]);
    let project = &story.project;
    project
        .tranche_with(&["start", "v1.1.0", "--detach"], &[KEY])
        .succeeds();
    let said = project.tranche(&["abort", "--rollback"]).exits(2);
    assert!(said.err.contains("--confirm r1"), "{}", said.err);
    project
        .tranche(&["abort", "--rollback", "--confirm", "r2"])
        .exits(2);
    project
        .tranche(&["abort", "--rollback", "--confirm", "r1"])
        .succeeds();
    project
        .tranche_with(&["run", "--until-idle"], &[KEY])
        .exits(0);
    let said = project.tranche(&["status"]).succeeds();
    assert!(said.out.contains("aborted"), "{}", said.out);
}

#[test]
fn an_approval_is_bound_to_the_plan_that_was_seen() {
    let story = Story::new(&[]);
    let project = &story.project;
    let account = project::account_name();
    project.edit("tranche.yaml", |text| {
        format!("{text}people: {{ me: {{ os: {account} }} }}\n")
    });
    project.write(
        "policies/fast.yaml",
        "policy: fast\napproval: { per: phase, not: [] }\n",
    );
    project
        .tranche_with(&["start", "v1.1.0", "--detach"], &[KEY])
        .succeeds();
    let said = project
        .tranche_with(&["run", "--until-idle"], &[KEY])
        .exits(6);
    assert!(said.err.contains("tranche status r1"), "{}", said.err);
    let said = project.tranche(&["approvals"]).succeeds();
    assert!(said.out.contains("fast"), "{}", said.out);
    let said = project.tranche(&["approve", "fats"]).exits(2);
    assert!(said.err.contains("did you mean `fast`?"), "{}", said.err);
    project
        .tranche(&["approve", "fast", "--digest", "0000"])
        .exits(2);
    project
        .tranche(&["approve", "fast", "--digest", &"0".repeat(12)])
        .exits(3);
    // The digest as people are shown it.
    let said = project.tranche(&["status"]).succeeds();
    let (_, shown) = said.out.split_once(", plan ").unwrap();
    let said = project
        .tranche(&["approve", "fast", "--digest", &shown[..12]])
        .succeeds();
    assert!(said.out.contains("the deploy begins"), "{}", said.out);
    assert!(said.err.contains("`tranche run` does"), "{}", said.err);
    project.tranche(&["approve", "fast"]).exits(3);
    project
        .tranche_with(&["run", "--until-idle"], &[KEY])
        .succeeds();
}

#[test]
fn an_edited_policy_waits_for_replan() {
    let story = Story::new(&[]);
    let project = &story.project;
    project
        .tranche_with(&["start", "v1.1.0", "--detach"], &[KEY])
        .succeeds();
    let said = project.tranche(&["replan", "--diff"]).succeeds();
    assert!(said.out.contains("the files plan the same"), "{}", said.out);
    project.write("policies/fast.yaml", "policy: fast\nbatch: all\n");
    let said = project.tranche(&["replan", "--diff"]).succeeds();
    assert!(
        said.out.contains("+ all 2 customers at once"),
        "{}",
        said.out
    );
    project.tranche(&["replan"]).succeeds();
    let said = project.tranche(&["replan", "--diff"]).succeeds();
    assert!(said.out.contains("the files plan the same"), "{}", said.out);
}

#[test]
fn the_demo_tells_its_whole_story() {
    let project = Project::new();
    let said = project.tranche(&["demo", "story"]).succeeds();
    assert!(said.out.contains("all is well"), "{}", said.out);
    project.tranche(&["demo", "story"]).exits(3);
}

#[test]
fn an_interrupted_engine_ends_with_130_and_a_terminated_one_with_0() {
    for (signal, code) in [("-INT", 130), ("-TERM", 0)] {
        let story = Story::new(&[]);
        let mut engine = spawn(&story.project, &["run", "-o", "json"]);
        let mut first = String::new();
        BufReader::new(engine.stdout.as_mut().unwrap())
            .read_line(&mut first)
            .unwrap();
        let pid = engine.id().to_string();
        let sent = Command::new("kill").args([signal, &pid]).status().unwrap();
        assert!(sent.success());
        assert_eq!(engine.wait().unwrap().code(), Some(code), "{signal}");
    }
}

#[test]
fn a_start_that_is_stopped_while_it_plans_says_that_nothing_was_begun() {
    let story = Story::new(&[]);
    let project = &story.project;
    for signal in ["-INT", "-TERM"] {
        // It takes the call, and never answers.
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_tranche"))
            .args(["start", "v1.1.0"])
            .current_dir(project.path())
            .env(KEY.0, KEY.1)
            .env(
                "RENDER_API_URL",
                format!("http://{}/v1", silent.local_addr().unwrap()),
            )
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let call = silent.accept().unwrap();
        let stopped = Command::new("kill")
            .args([signal, &child.id().to_string()])
            .status();
        assert!(stopped.unwrap().success());
        let said: Said = child.wait_with_output().unwrap().into();
        drop(call);
        let said = said.exits(130);
        assert!(said.err.contains("nothing was begun"), "{}", said.err);
        project.tranche(&["status"]).exits(3);
    }
}
