//! What most tests need: a folder, requests, and a way to tamper with the database behind the engine's back.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use engine::{Answer, ReadFiles, StateDir};
use policy::settings::Roles;
use policy::{CustomerId, File, PersonId, PlanInput, PlanScope, Release, Sources};
use rollout::fact::{EngineStarted, Payload as _};
use rollout::request::{Conflict, Directory, FilesRead};
use rollout::{Actor, Event, Kind, Request, Start, Verb};
use rusqlite::Connection;
use tempfile::TempDir;

/// No wait in these tests is expected to come near it.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

/// A project folder that goes away with the test.
pub(crate) struct Lab {
    pub(crate) folder: TempDir,
    pub(crate) state: StateDir,
}

impl Lab {
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let state = StateDir::of_project(folder.path());
        Self { folder, state }
    }

    /// A connection that plays by no rules.
    pub(crate) fn tamper(&self) -> Connection {
        let connection = Connection::open(self.state.database()).unwrap();
        connection.busy_timeout(LIMIT).unwrap();
        connection
    }

    /// Files a request in whatever way is open now.
    pub(crate) fn ask(&self, verb: Verb) -> Answer {
        engine::ask(&self.state, &by("ann", verb), LIMIT, files()).unwrap()
    }
}

/// The files of these tests' projects, read: everybody has all roles.
pub(crate) fn files() -> ReadFiles {
    let customers = ["acme", "beta", "late"].into_iter().map(CustomerId::from);
    let people: BTreeSet<PersonId> = ["ann", "bob", "cyd"]
        .into_iter()
        .map(PersonId::from)
        .collect();
    let directory = Directory {
        groups: BTreeMap::from([("approvers".into(), people.clone())]),
        roles: Roles {
            operator: people.clone(),
            approver: people.clone(),
            admin: people,
            ..Roles::default()
        },
        ..Directory::default()
    };
    let read = FilesRead {
        directory,
        customers: customers.collect(),
        ..FilesRead::default()
    };
    Box::new(move |_| read.clone())
}

pub(crate) fn by(person: &str, verb: Verb) -> Request {
    Request {
        by: Actor::person(person),
        rollout: None,
        verb,
    }
}

/// A request that concerns no rollout and is always allowed.
pub(crate) fn block(version: &str) -> Verb {
    Verb::Block {
        version: version.to_owned(),
        reason: "it breaks logins".to_owned(),
    }
}

/// A request that is refused: nothing is blocked.
pub(crate) fn unblock(version: &str) -> Verb {
    Verb::Unblock {
        version: version.to_owned(),
    }
}

/// The files of these tests.
pub(crate) fn config() -> policy::Config {
    config_of(POLICY)
}

fn config_of(policy: &str) -> policy::Config {
    written(PROJECT, CUSTOMERS, policy)
}

/// A project with one policy, `main`.
pub(crate) fn written(project: &str, customers: &str, policy: &str) -> policy::Config {
    let file = |path: &str, text: &str| File {
        path: path.to_owned(),
        text: text.to_owned(),
    };
    let sources = Sources {
        project: file("tranche.yaml", project),
        customers: file("customers.yaml", customers),
        policies: vec![file("policies/main.yaml", policy)],
        unread: Vec::new(),
        calendars: Vec::new(),
    };
    policy::parse::load(&sources).unwrap()
}

/// Starts v1.1.0 for two customers, one after the other, two hours apart.
pub(crate) fn start() -> Verb {
    start_of(config())
}

/// The same with two hooks before each customer, neither of which may run twice.
pub(crate) fn start_with_hooks() -> Verb {
    let hooks = "hooks: { before: [ { run: ./check }, { run: ./migrate } ] }";
    start_of(config_of(&format!("{POLICY}{hooks}\n")))
}

/// Starts v1.1.0 for everybody in these files.
pub(crate) fn start_of(config: policy::Config) -> Verb {
    let release = Release {
        version: "v1.1.0".to_owned(),
        commit: "1".repeat(40),
    };
    let input = PlanInput {
        project: config.project,
        fleet: config.fleet,
        policies: config.policies,
        release,
        scope: PlanScope::default(),
        history: policy::plan::History::new(),
    };
    Verb::Start(Box::new(Start {
        input,
        observed: std::collections::BTreeMap::new(),
        conflict: Conflict::Refuse,
        clear_cache: false,
        deploy_timeout: None,
        reviewed: None,
    }))
}

const PROJECT: &str = "\
product: securewatch
variables:
  backend: { VERSION_TAG: '${version}' }
people:
  ann: { os: ann }
  bob: { os: bob }
";
const CUSTOMERS: &str = "\
customers:
  acme:
    tier: main
    services: { backend: { id: srv-acme, url: 'https://acme.example' } }
  beta:
    tier: main
    services: { backend: { id: srv-beta, url: 'https://beta.example' } }
";
const POLICY: &str = "\
policy: main
batch: 1
delay: 2h
";

/// Events that the core did not make, for tests of the store alone.
pub(crate) fn chain(from: u64, prev: &str, count: u64) -> Vec<Event> {
    let mut prev = prev.to_owned();
    let at = "2027-01-11T09:00:00Z".parse().unwrap();
    let link = |seq| {
        let event = Event::link(
            seq,
            at,
            EngineStarted { unsure_since: None }.line(),
            prev.clone(),
        );
        prev.clone_from(&event.hash);
        event
    };
    (from..from + count).map(link).collect()
}

/// Waits until something is so.
pub(crate) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < LIMIT, "{what}: not within {LIMIT:?}");
        std::thread::yield_now();
    }
}

pub(crate) fn kinds(events: &[Event]) -> Vec<Kind> {
    events.iter().map(|event| event.line.kind).collect()
}
