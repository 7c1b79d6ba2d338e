//! Whatever happens in whatever order: `lab` checks each step, and this checks what only a whole history shows.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use proptest::prelude::*;
use rollout::command::DeployStatus;
use rollout::standing::{CustomerStanding, RolloutStanding};
use rollout::{Command, Event, Fact, Input, Kind, Notice, RolloutId};

use crate::script::{Story, read_request};
use crate::transcripts::stories;
use crate::world::{commit_of, good_word, words};

const PROJECTS: &[&str] = &[
    // Two phases, batches, a delay, a soak, a gate for each customer, databases.
    "fleet:
  a: { tier: first, services: { backend: {}, frontend: {}, database: {} } }
  b: { tier: first }
  c: { tier: second, services: { backend: {}, frontend: {}, database: {} } }
  d: { tier: second }
policies:
  - { policy: first, batch: 50%, delay: 1h, max_failures: 50% }
  - { policy: second, after: first, batch: 1, soak: 2h, on_failure: rollback_phase, approval: { per: customer } }
project:
  people: { ann: {}, bob: {}, carol: {} }
  variables: { backend: { VERSION_TAG: \"${version}\" } }",
    // Auto-deploy managed, hooks, two phases beside each other, few places.
    "fleet: { a: { tier: left }, b: { tier: left }, c: { tier: right }, d: { tier: right } }
policies:
  - policy: left
    batch: [1, all]
    watch: 10m
    on_failure: continue
    hooks: { before: [ { run: ./check } ], after: [ { run: ./tell, repeatable: true } ] }
  - { policy: right, batch: 1, order: strict, delay: 30m, on_failure: rollback_all, max_failures: 1 }
project: { render: { auto_deploy: manage, max_parallel: 2 } }",
    // A gate for the phase with a quorum, windows, a person's rollback.
    "fleet: { a: { tier: only }, b: { tier: only }, c: { tier: only }, d: { tier: other } }
policies:
  - policy: only
    batch: [2, all]
    rollback: manual
    approval: { per: phase, quorum: 2, valid_for: 6h, expires: 3h }
    window: { cron: \"0 8 * * *\", duration: 10h }
  - { policy: other, after: only, not_before: 12h, health: comprehensive }
project: { people: { ann: {}, bob: {}, carol: {} } }",
    // By weight: one customer alone, two together, and a tolerance that one of them exceeds.
    "fleet: { a: { tier: heavy, weight: 60 }, b: { tier: heavy, weight: 20 }, c: { tier: heavy, weight: 20 }, d: { tier: light } }
policies:
  - { policy: heavy, batch: { weight: 40% }, delay: 1h, max_failures: { weight: 30% }, on_failure: rollback_batch }
  - { policy: light, after: heavy, batch: { weight: 50% } }
project: { people: { ann: {}, bob: {}, carol: {} } }",
];

/// Lines a person may say at any time; a refusal is fine.
const VERBS: &[&str] = &[
    "pause",
    "resume",
    "approve a by bob",
    "approve only by bob",
    "approve only by carol",
    "approve c by bob",
    "approve d by carol",
    "reject c by bob",
    "withdraw only by bob",
    "retry failed",
    "retry a",
    "retry b",
    "retry c",
    "skip a",
    "skip b",
    "skip d",
    "promote",
    "promote full",
    "rollback a",
    "rollback c",
    "rollback a database",
    "rollback c database",
    "block v2",
    "unblock v2",
    "freeze fire +2h",
    "freeze ice +1h b c",
    "unfreeze fire",
    "confirm_clock",
    "override fire",
    "override fire by bob",
    "replan",
    "start v3 queue",
];

/// Lines that end a rollout, said seldom.
const LAST_WORDS: &[&str] = &["start v3 supersede", "abort", "abort rollback"];

/// What a helpful person says when everything rests.
const HELP: &[&str] = &[
    "resume",
    "unblock v2",
    "unfreeze fire",
    "approve a by bob",
    "approve c by bob",
    "approve d by carol",
    "approve only by bob",
    "approve only by carol",
    "retry failed",
    "retry a",
    "retry b",
    "retry c",
    "retry d",
];

/// One thing that happens.
#[derive(Clone, Debug)]
enum Move {
    /// A command is answered well: most of what happens.
    Good(usize),
    /// A command is answered in one of its other ways.
    Bad(usize, usize),
    /// The last answer comes again.
    Again,
    /// Somebody says something.
    Say(usize),
    /// Somebody ends a rollout.
    End(usize),
    /// Minutes pass.
    Pass(i64),
    Restart,
    Clock(bool),
    Workspace(bool),
    /// Somebody else deploys: it is live, or has failed, or runs; or the release itself, by hand or as another engine would.
    Foreign(usize, usize),
    /// Somebody switches auto-deploy on.
    AutoDeploy(usize),
    Tick,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        90 => (0..8_usize).prop_map(Move::Good),
        8 => (0..8_usize, 1..8_usize).prop_map(|(which, how)| Move::Bad(which, how)),
        2 => Just(Move::Again),
        5 => (0..VERBS.len()).prop_map(Move::Say),
        1 => (0..LAST_WORDS.len()).prop_map(Move::End),
        8 => (0..90_i64).prop_map(Move::Pass),
        2 => Just(Move::Restart),
        1 => any::<bool>().prop_map(Move::Clock),
        1 => any::<bool>().prop_map(Move::Workspace),
        1 => (0..6_usize, 0..8_usize).prop_map(|(which, how)| Move::Foreign(which, how)),
        1 => (0..6_usize).prop_map(Move::AutoDeploy),
        3 => Just(Move::Tick),
    ];
    prop::collection::vec(one, 0..200)
}

/// The command that a number means among those that are out.
fn nth(story: &Story, number: usize) -> Option<Command> {
    let out = &story.lab.out;
    let number = number.checked_rem(out.len())?;
    out.values().nth(number).cloned()
}

fn take(story: &mut Story, step: &Move) {
    match step {
        Move::Good(number) => {
            if let Some(command) = nth(story, *number)
                && let Some(word) = good_word(&command.kind)
            {
                story.answer(&command, word, None);
            }
        }
        Move::Bad(number, how) => {
            if let Some(command) = nth(story, *number) {
                let words = words(&command.kind);
                story.answer(&command, words[how % words.len()], None);
            }
        }
        Move::Again => {
            if let Some(report) = story.lab.last_report.clone() {
                let step = story.lab.step(Input::Report(report)).unwrap();
                assert!(step.events.is_empty() && step.commands.is_empty());
            }
        }
        Move::Say(number) => say(story, VERBS[*number]),
        Move::End(number) => say(story, LAST_WORDS[*number]),
        Move::Pass(minutes) => {
            story.lab.pass(chrono::TimeDelta::minutes(*minutes));
        }
        Move::Restart => {
            story.lab.restart();
            story.lab.notice(Notice::ClockTrusted);
        }
        Move::Clock(good) => story_notice(story, if *good { "clock good" } else { "clock bad" }),
        Move::Workspace(good) => {
            story_notice(
                story,
                if *good {
                    "workspace good"
                } else {
                    "workspace bad"
                },
            );
        }
        Move::Foreign(number, how) => foreign(story, *number, *how),
        Move::AutoDeploy(number) => {
            let services = &mut story.lab.world.services;
            let number = number % services.len();
            services.values_mut().nth(number).unwrap().auto_deploy = true;
        }
        Move::Tick => {}
    }
    story.lab.settle();
}

fn say(story: &mut Story, line: &str) {
    let words: Vec<&str> = line.split_whitespace().collect();
    let request = read_request(&story.lab, &words);
    drop(story.lab.step(Input::Request(request)));
}

fn story_notice(story: &mut Story, line: &str) {
    story.tell(&format!("~ {line}"));
}

fn foreign(story: &mut Story, number: usize, how: usize) {
    let world = &mut story.lab.world;
    let keys: Vec<_> = world.services.keys().cloned().collect();
    let (customer, role) = &keys[number % keys.len()];
    let live = Some(DeployStatus::Live);
    let (version, trigger, status) = match how {
        0 => ("foreign", "manual", live),
        1 => ("foreign", "manual", Some(DeployStatus::BuildFailed)),
        2 => ("foreign", "manual", None),
        3 => ("v2", "manual", live),
        4 => ("v3", "manual", live),
        5 => ("v2", "api", live),
        6 => ("v3", "api", live),
        _ => ("v2", "api", None),
    };
    let deploy = world.create(customer, role, trigger, Some(commit_of(version)));
    if let Some(status) = status {
        world.end(customer, role, &deploy.id, status);
    }
}

/// Once nothing goes wrong any more, everything ends or names whom it waits for (P39).
fn calm(story: &mut Story) {
    for line in ["clock good", "workspace good"] {
        story_notice(story, line);
    }
    story.lab.settle();
    for _ in 0..400 {
        let next = story
            .lab
            .out
            .values()
            .find(|command| good_word(&command.kind).is_some());
        if let Some(command) = next.cloned() {
            let word = good_word(&command.kind).unwrap();
            assert!(story.answer(&command, word, None), "{command:?}");
            story.lab.settle();
        } else if story.lab.product.is_idle() {
            return;
        } else {
            story.lab.pass(chrono::TimeDelta::hours(1));
        }
    }
    let waits = story.lab.product.wake_at();
    let end = story
        .transcript
        .iter()
        .rev()
        .take(30)
        .rev()
        .cloned()
        .collect::<Vec<_>>();
    panic!(
        "it never comes to rest; it wakes at {waits:?}\n{}",
        end.join("\n")
    );
}

/// Every customer that waits in an unfinished rollout says why, unless a tick or an answer is on its way.
fn check_reasons(story: &Story) {
    let lab = &story.lab;
    for run in lab.product.overview() {
        let RolloutId::Rollout(_) = run.id else {
            continue;
        };
        if run.has_ended() || run.state == RolloutStanding::Queued {
            continue;
        }
        for customer in run.customers {
            if customer.state == CustomerStanding::Held {
                let holds = lab.product.holds(run.id, &customer.customer, lab.now);
                assert!(!holds.is_empty(), "{} says nothing", customer.customer);
            }
        }
    }
}

/// No customer starts while something stands that stops all starts (P18-P20, P25, P46).
fn check_starts(story: &Story) {
    let mut product = BTreeSet::new();
    let mut runs: BTreeSet<(Option<RolloutId>, Kind)> = BTreeSet::new();
    for event in &story.lab.journal {
        let run = event.line.rollout;
        match event.line.kind {
            Kind::EngineStarted | Kind::ClockSuspected => {
                product.insert(Kind::ClockSuspected);
            }
            Kind::ClockTrusted => {
                product.remove(&Kind::ClockSuspected);
            }
            Kind::WorkspaceHeld => {
                product.insert(Kind::WorkspaceHeld);
            }
            Kind::WorkspaceReleased => {
                product.remove(&Kind::WorkspaceHeld);
            }
            Kind::Paused => {
                runs.insert((run, Kind::Paused));
            }
            Kind::Resumed => {
                runs.remove(&(run, Kind::Paused));
            }
            Kind::RolloutDraining => {
                runs.insert((run, Kind::RolloutDraining));
            }
            Kind::RolloutResumed => {
                runs.remove(&(run, Kind::RolloutDraining));
            }
            Kind::CustomerStarted => {
                assert!(product.is_empty(), "{product:?}: {event:?}");
                for stop in [Kind::Paused, Kind::RolloutDraining] {
                    assert!(!runs.contains(&(run, stop)), "{stop}: {event:?}");
                }
            }
            _ => {}
        }
    }
}

/// Every deploy that a rollout caused belongs to one attempt (P10), and each attempt intends once (P8).
fn check_attempts(story: &Story) {
    let mut caused = BTreeSet::new();
    let mut intents = BTreeSet::new();
    for event in &story.lab.journal {
        let fact = &event.line;
        let whose = (fact.rollout, fact.customer.clone(), fact.service.clone());
        if let Kind::DeployIntended | Kind::RollbackIntended = fact.kind {
            let attempt = (whose, fact.kind, fact.attempt);
            assert!(intents.insert(attempt), "twice: {event:?}");
        }
        if fact.deploy.is_some()
            && let Some(deploy) = Fact::read(fact).unwrap().caused()
        {
            assert!(caused.insert(deploy.clone()), "twice: {event:?}");
        }
    }
}

/// A database of before that a person wants, and what is there of it.
#[derive(Debug, Default)]
struct Wanted {
    /// A request for it has left, and nothing is known of what became of it.
    open: bool,
    /// Whose variables name it.
    redirected: BTreeSet<String>,
    /// All that are to.
    switched: bool,
}

/// Where a database of before is wanted, no code goes back until every service names it, and then only by commit. A person
/// may want the code alone after all, but not while a request is out or a service names the new one. What a name brought is
/// adopted, and every attempt has a name of its own (P8, T15).
fn check_databases(story: &Story) {
    let mut wanted: BTreeMap<_, Wanted> = BTreeMap::new();
    let mut names = BTreeSet::new();
    for event in &story.lab.journal {
        let fact = &event.line;
        let whose = (fact.rollout, fact.customer.clone());
        let service = fact.service.as_ref().map(ToString::to_string);
        let of_data = fact
            .data
            .get("database")
            .is_some_and(|database| !database.is_null());
        match fact.kind {
            Kind::RollbackRequested if of_data => {
                wanted.insert(whose, Wanted::default());
            }
            // No halt gives up what a person wants: it reaches nobody who waits for data.
            Kind::RollbackRequested if fact.actor.is_some() => {
                let nothing = |one: &Wanted| !one.open && one.redirected.is_empty();
                if wanted.get(&whose).is_some_and(nothing) {
                    wanted.remove(&whose);
                }
            }
            Kind::RecoveryIntended => {
                let name = fact.data["name"].to_string();
                assert!(names.insert(name), "twice: {event:?}");
                wanted.entry(whose).or_default().open = true;
            }
            Kind::RecoveryCreated | Kind::RecoveryAbsent | Kind::RecoveryFailed => {
                wanted.entry(whose).or_default().open = false;
            }
            Kind::VariablesIntended if of_data => {
                let one = wanted.entry(whose).or_default();
                one.redirected.extend(service);
            }
            // With a reason they stay as they are.
            Kind::VariablesRestored if of_data && fact.reason.is_none() => {
                let one = wanted.entry(whose).or_default();
                one.redirected.retain(|role| Some(role) != service.as_ref());
            }
            Kind::DatabaseSwitched => {
                wanted.entry(whose).or_default().switched = true;
            }
            Kind::RollbackIntended => {
                let by_commit = fact.data["target"].is_null();
                let fine = wanted
                    .get(&whose)
                    .is_none_or(|one| one.switched && by_commit);
                assert!(fine, "{event:?}");
            }
            // Another attempt has a target of its own.
            Kind::CustomerStarted => {
                wanted.remove(&whose);
            }
            _ => {}
        }
    }
    assert!(
        names.len() >= story.lab.world.databases(),
        "one without an intent"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_stored_rows_are_the_folded_journal_whatever_happens(project in 0..PROJECTS.len(), moves in moves()) {
        let mut story = Story::new(PROJECTS[project]);
        story.tell("start");
        for step in &moves {
            take(&mut story, step);
            story.lab.check_early_tick();
        }
        story.lab.check_rows();
        check_reasons(&story);
        calm(&mut story);
        for line in HELP {
            say(&mut story, line);
        }
        calm(&mut story);
        story.lab.check_rows();
        check_reasons(&story);
        check_starts(&story);
        check_attempts(&story);
        check_databases(&story);
    }
}

/// `PROPTEST_CASES` asks for more than the few that every run of the tests has time for.
fn cases() -> u32 {
    let asked = std::env::var("PROPTEST_CASES").ok();
    asked.and_then(|text| text.parse().ok()).unwrap_or(96)
}

#[test]
fn no_story_returns_code_ahead_of_data_that_is_wanted() {
    for path in stories() {
        let text = fs::read_to_string(&path).unwrap();
        let (project, lines) = text.split_once("\n---\n").unwrap();
        let mut story = Story::new(project);
        story.tell(lines);
        check_databases(&story);
    }
}

#[test]
fn a_person_may_want_the_code_alone_after_a_refused_recovery() {
    let mut story = Story::new(PROJECTS[0]);
    story.tell("start\ngood a\n+10m\nrollback a database\nreport refused a\nrollback a\ngood a");
    let returned = |event: &Event| event.line.kind == Kind::CustomerRolledBack;
    assert!(story.lab.journal.iter().any(returned));
    check_databases(&story);
}

#[test]
fn a_deploy_that_the_next_rollout_finds_is_caused_by_the_first_alone() {
    let project = "fleet: { acme: { tier: demo, services: { backend: {}, frontend: {} } } }
policies: [ { policy: demo } ]";
    let mut story = Story::new(project);
    story.tell("start\ngood acme\nworld acme:frontend foreign_live\nstart v2 supersede\ngood acme");
    let found = |event: &&Event| event.line.kind == Kind::DeployAdopted;
    let found = story.lab.journal.iter().find(found).unwrap();
    assert_eq!(found.line.rollout, Some(RolloutId::Rollout(2)));
    check_attempts(&story);
}
