//! What goes on for a long time outlives what it looks at: Render, or the engine, dies and comes back.

use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use sim::settings::DEFAULT_API_KEY;

use crate::at_render::Shop;
use crate::project::Project;
use crate::rollouts::{KEY, Story, spawn};

const PATIENCE: Duration = Duration::from_secs(30);

/// A command that runs until it is dropped, and what it says line by line.
struct Running {
    child: Child,
    out: Receiver<String>,
    err: Receiver<String>,
}

impl Running {
    fn new(project: &Project, args: &[&str], url: Option<&str>) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tranche"));
        command.args(args).current_dir(project.path());
        command.env("RENDER_API_KEY", DEFAULT_API_KEY);
        command.env("XDG_STATE_HOME", project.path().join(".state"));
        if let Some(url) = url {
            command.env("RENDER_API_URL", url);
        }
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            out: lines(child.stdout.take().unwrap()),
            err: lines(child.stderr.take().unwrap()),
            child,
        }
    }

    /// The next line of the data.
    fn line(&self) -> String {
        self.out.recv_timeout(PATIENCE).unwrap()
    }

    /// Waits for a remark.
    fn says(&self, words: &str) {
        let until = Instant::now() + PATIENCE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let said = self.err.recv_timeout(left);
            let said = said.unwrap_or_else(|_| panic!("nobody said `{words}`"));
            if said.contains(words) {
                return;
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines(from: impl Read + Send + 'static) -> Receiver<String> {
    let (lines, read) = channel();
    thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            if lines.send(line).is_err() {
                return;
            }
        }
    });
    read
}

#[test]
fn followed_logs_go_on_when_render_comes_back_and_lose_nothing() {
    let mut shop = Shop::new();
    let url = shop.server.api_url();
    let args = ["render", "logs", "acme/backend", "--follow", "-o", "json"];
    let follow = Running::new(&shop.project, &args, Some(&url));
    let service = "srv-acme0000000000000000";
    let mut ids = Vec::new();
    let mut line = || {
        let line: Value = serde_json::from_str(&follow.line()).unwrap();
        assert_eq!(line["message"], "==> Restarted");
        ids.push(line["id"].as_str().unwrap().to_owned());
    };
    shop.restart(service);
    line();
    shop.stop();
    follow.says("the connection is lost");
    shop.restart(service);
    shop.go_on();
    follow.says("connected again");
    line();
    shop.restart(service);
    line();
    let all = shop.tranche(&["render", "logs", "acme/backend", "-o", "json"]);
    let all = all.succeeds().out;
    let all: Vec<Value> = all
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let all: Vec<&str> = all.iter().filter_map(|line| line["id"].as_str()).collect();
    assert_eq!(ids, all, "in order, each once");
}

#[test]
fn a_followed_journal_goes_on_when_the_engine_is_killed_and_loses_nothing() {
    let story = Story::new(&[]);
    let project = &story.project;
    let start = ["start", "v1.1.0", "--detach"];
    project.tranche_with(&start, &[KEY]).succeeds();
    let follow = Running::new(project, &["events", "--follow"], None);
    let mut followed = vec![follow.line()];
    let mut engine = spawn(project, &["run", "-o", "json"]);
    while !followed.last().unwrap().contains("deploy_intended") {
        followed.push(follow.line());
    }
    engine.kill().unwrap();
    engine.wait().unwrap();
    let run = ["run", "--until-idle"];
    project.tranche_with(&run, &[KEY]).succeeds();
    let all = project.tranche(&["events"]).succeeds().out;
    let all: Vec<&str> = all.lines().collect();
    while followed.len() < all.len() {
        followed.push(follow.line());
    }
    assert_eq!(followed, all);
    let engines = all.iter().filter(|line| line.contains("engine_started"));
    assert_eq!(engines.count(), 2);
}

#[test]
fn a_monitor_says_when_nothing_answers_and_goes_on_when_it_does() {
    let mut story = Story::new(&[]);
    let args = ["monitor", "--every", "100ms", "-o", "json"];
    let monitor = Running::new(&story.project, &args, None);
    monitor.says("watching 2 services");
    story.render.kill().unwrap();
    story.render.wait().unwrap();
    monitor.says("nothing answers, so nothing is judged: ");
    let listen = story.address.clone();
    let again = ["render", "simulate", "--listen", listen.as_str()];
    story.render = spawn(&story.project, &again);
    monitor.says("answers come in again");
    let said = story
        .project
        .tranche(&["alerts", "list", "--all", "-o", "json"]);
    assert_eq!(
        said.succeeds().out.trim(),
        "[]",
        "our own network raises nothing"
    );
    assert!(monitor.out.try_recv().is_err());
}

fn journal(project: &Project) -> Vec<Value> {
    let events = project.tranche(&["events"]).succeeds().out;
    let events = events.lines();
    events
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn wait_for(project: &Project, what: &str, is_there: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let begun = Instant::now();
    loop {
        let events = journal(project);
        if is_there(&events) {
            return events;
        }
        assert!(begun.elapsed() < PATIENCE, "{what}: {events:#?}");
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_customer_that_cannot_be_read_waits_and_goes_on_by_itself() {
    for status in [403, 402] {
        let story = Story::new(&[]);
        let project = &story.project;
        let start = ["start", "v1.1.0", "--detach"];
        project.tranche_with(&start, &[KEY]).succeeds();
        let fault = format!(
            r#"{{"service":"srv-acme","fault":"request","op":"list_deploys","trouble":"status","status":{status},"effect":false}}"#
        );
        story.send("POST", "/_sim/faults", &fault);
        let mut engine = spawn(project, &["run"]);
        let is = |kind: &'static str, customer: &'static str| {
            move |event: &Value| event["kind"] == kind && event["customer"] == customer
        };
        // Its place is free: the next one goes.
        wait_for(project, "the other customer", |events| {
            events.iter().any(is("customer_healthy", "bolt"))
        });
        let said = project.tranche(&["why", "acme"]).succeeds().out;
        assert!(said.contains("Render gives no usable answer"), "{said}");
        story.send("DELETE", "/_sim/faults", "");
        let events = wait_for(project, "the end", |events| {
            events
                .iter()
                .any(|event| event["kind"] == "rollout_succeeded")
        });
        engine.kill().unwrap();
        engine.wait().unwrap();
        assert!(events.iter().any(is("customer_healthy", "acme")));
        for kind in ["customer_skipped", "customer_held", "deploy_failed"] {
            assert!(!events.iter().any(|event| event["kind"] == kind), "{kind}");
        }
    }
}
