//! A project with a rollout under way, as a simulated world has left it, and a server over it that is asked without a socket.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use axum::http::{Method, StatusCode};
use engine::identity::Tokens;
use engine::store::Changes;
use engine::{EngineLock, LockFor, StateDir, Store};
use policy::parse::File;
use policy::parse::scenario::Scenario;
use policy::{CustomerId, Timestamp};
use project::{Location, NewToken, Silent, TokenOwner};
use rollout::request::Actor;
use rollout::{Event, Product, RowKey};
use secrecy::ExposeSecret as _;
use server::{App, Settings, router};
use sim::world::{World, scenario};
use tempfile::TempDir;

use crate::lab::{Answer, ask};

/// A name that would be markup, were it not escaped.
pub(crate) const HOSTILE: &str = "<script>alert('1')</script>\"><img src=x>";

/// A secret that must be on no page.
pub(crate) const CANARY: &str = "canary-hunter2";

/// What a world is made of.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    pub(crate) project: String,
    pub(crate) customers: String,
    pub(crate) policies: BTreeMap<String, String>,
    /// What goes wrong and what people do, as in a scenario.
    pub(crate) scenario: String,
    /// How far it goes.
    pub(crate) until: Timestamp,
}

/// The project, its server, and tokens of its people.
pub(crate) struct Site {
    pub(crate) app: App,
    pub(crate) folder: TempDir,
    router: axum::Router,
    tokens: BTreeMap<String, String>,
}

/// Everybody who can look.
pub(crate) const PEOPLE: [&str; 5] = ["ann", "bob", "carol", "dave", "vic"];

const PROJECT: &str = "
product: shop
repository: https://github.com/acme/shop.git
timezone: UTC
render: { url: http://127.0.0.1:1/v1 }
variables:
  backend: { VERSION_TAG: \"${version}\", KEY: \"${secret:KEY}\" }
people:
  ann: { os: ann }
  bob: { os: bob }
  carol: { os: carol }
  dave: { os: dave }
  vic: { os: vic }
groups:
  release-managers: [ann, bob]
  customer-success: [carol, dave]
roles:
  operator: [ann]
  approver: [ann, bob, carol, dave]
  admin: [ann]
";

impl Files {
    /// Four tiers; in the last one every customer waits for two people.
    pub(crate) fn tiers() -> Self {
        let policies = [
            ("demo", "policy: demo\nbatch: all\n"),
            (
                "startup",
                "policy: startup\nafter: demo\nnot_before: 1d\nbatch: 50%\ndelay: 2h\n",
            ),
            (
                "standard",
                "policy: standard\nafter: startup\nnot_before: 8d\ndue: 21d\nbatch: 25%\ndelay: 6h\nsoak: 24h\nmax_failures: 1\n",
            ),
            (
                "enterprise",
                "policy: enterprise\nafter: standard\nnot_before: 22d\ndue: 51d\nbatch: 1\napproval: { per: customer, quorum: 2, from: {release-managers: 1, customer-success: 1} }\nwindow: { cron: \"0 2 * * SUN\", duration: 2h, timezone: customer, reserve: 30m }\n",
            ),
        ];
        let mut customers = "customers:\n".to_owned();
        let tiers = [
            ("demo", 2),
            ("startup", 4),
            ("standard", 7),
            ("enterprise", 3),
        ];
        for (tier, many) in tiers {
            for number in 1..=many {
                let name = match (tier, number) {
                    ("enterprise", 1) => "ACME Corporation".to_owned(),
                    ("enterprise", 2) => HOSTILE.replace('\'', "''"),
                    _ => format!("{tier} {number}"),
                };
                let zone = match (tier, number) {
                    ("enterprise", 1) => "America/New_York",
                    ("enterprise", 2) => "Asia/Tokyo",
                    _ => "Europe/Berlin",
                };
                let key = format!("{tier}-{number}");
                let _ = writeln!(
                    customers,
                    "  {key}: {{ name: '{name}', tier: {tier}, timezone: {zone}, tags: [eu], secrets: {{ KEY: {{ env: {CANARY} }} }}, services: {{ backend: {{ id: srv-{key}-b, url: https://{key}.example }}, frontend: {{ id: srv-{key}-f, url: https://www-{key}.example }} }} }}"
                );
            }
        }
        Self {
            project: PROJECT.to_owned(),
            customers,
            policies: policies
                .map(|(name, text)| (name.to_owned(), text.to_owned()))
                .into(),
            scenario: "
version: v1.1.0
start: 2035-01-08T09:00:00Z
by: ann
world: { deploy: 5m, rollback: 2m }
inject:
  - { customer: standard-3, service: backend, health: failing, from: live, times: 1 }
script:
  - { at: 2035-01-30T11:00:00Z, do: approve, gate: enterprise-1, by: bob, reason: looks well }
"
            .to_owned(),
            until: instant("2035-01-30T12:00:00Z"),
        }
    }

    /// So many customers in batches of one percent, a day apart.
    pub(crate) fn many(customers: usize) -> Self {
        let mut text = "customers:\n".to_owned();
        for number in 1..=customers {
            let _ = writeln!(
                text,
                "  customer-{number:04}: {{ tier: standard, services: {{ backend: {{ id: srv-{number}, url: https://c{number}.example }} }} }}"
            );
        }
        let policy = "policy: standard\nbatch: 2%\ndelay: 20h\nmax_parallel: 10\n";
        Self {
            project: PROJECT.replace(", KEY: \"${secret:KEY}\"", ""),
            customers: text,
            policies: BTreeMap::from([("standard".to_owned(), policy.to_owned())]),
            scenario: "version: v1.1.0\nstart: 2035-01-08T09:00:00Z\nby: ann\nworld: { deploy: 5m, rollback: 2m }\n".to_owned(),
            until: instant("2035-01-20T09:02:00Z"),
        }
    }

    /// The same with more happening.
    pub(crate) fn with(mut self, script: &str, until: &str) -> Self {
        self.scenario.push_str(script);
        self.until = instant(until);
        self
    }
}

impl Site {
    /// The project as the world has left it.
    pub(crate) fn of(files: &Files) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        fs::write(dir.join("tranche.yaml"), &files.project).unwrap();
        fs::write(dir.join("customers.yaml"), &files.customers).unwrap();
        fs::create_dir(dir.join("policies")).unwrap();
        for (name, text) in &files.policies {
            fs::write(dir.join(format!("policies/{name}.yaml")), text).unwrap();
        }
        let location = Location {
            dir: Some(dir.to_owned()),
            db: None,
        };
        if !files.scenario.is_empty() {
            store(dir, &played(&location, files));
        }
        let tokens = PEOPLE.map(|person| (person.to_owned(), token(dir, person)));
        let settings = Settings::local("127.0.0.1:7080".parse().unwrap());
        let app = App::open(&location, settings, Arc::new(Silent)).unwrap();
        Self {
            router: router(&app),
            app,
            folder,
            tokens: tokens.into(),
        }
    }

    /// A page as somebody sees it.
    pub(crate) async fn get(&self, person: &str, path: &str) -> Answer {
        self.ask(Method::GET, person, path, "").await
    }

    /// The same, which must be there.
    pub(crate) async fn page(&self, person: &str, path: &str) -> String {
        let answer = self.get(person, path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text);
        answer.text
    }

    /// Presses a button.
    pub(crate) async fn post(&self, person: &str, path: &str, form: &[(&str, &str)]) -> Answer {
        let encode = |text: &str| {
            use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
            utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
        };
        let fields = form
            .iter()
            .map(|(name, value)| format!("{}={}", encode(name), encode(value)));
        let body: Vec<String> = fields.collect();
        self.ask(Method::POST, person, path, &body.join("&")).await
    }

    /// What proves a person.
    pub(crate) fn bearer(&self, person: &str) -> String {
        format!("Bearer {}", self.tokens[person])
    }

    /// The server's routes.
    pub(crate) fn router(&self) -> axum::Router {
        self.router.clone()
    }

    async fn ask(&self, method: Method, person: &str, path: &str, body: &str) -> Answer {
        let bearer = self.bearer(person);
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/x-www-form-urlencoded"),
            ("cookie", "tranche-zone=Europe/Berlin"),
        ];
        ask(&self.router, method, path, &headers, body).await
    }
}

/// What the world's journal holds at that instant.
fn played(location: &Location, files: &Files) -> Vec<Event> {
    let folder = location.folder().unwrap();
    let file = File {
        path: "scenario.yaml".to_owned(),
        text: files.scenario.clone(),
    };
    let story = Scenario::parse(&file).unwrap_or_else(|wrong| panic!("{wrong:?}"));
    let mut setup = scenario::setup(&story, Some(&folder.sources())).unwrap();
    setup.config = folder.load_running(&Silent).unwrap();
    for customer in setup.config.fleet.customers.keys() {
        setup
            .running
            .insert(CustomerId::clone(customer), "v1.0.0".to_owned());
    }
    let mut world = World::new(setup);
    while world.now() < files.until && world.proceed() {}
    let events = world.events().iter();
    events
        .filter(|event| event.at <= files.until)
        .cloned()
        .collect()
}

fn store(dir: &Path, events: &[Event]) {
    let mut product = Product::new();
    for event in events {
        product.apply(event);
    }
    let rows = product.row_keys().into_iter();
    let rows: Vec<(RowKey, Option<String>)> =
        rows.map(|key| (key.clone(), product.row(&key))).collect();
    let state = StateDir::of_project(dir);
    let lock = EngineLock::acquire(&state, LockFor::Engine).unwrap();
    let mut store = Store::open(&state, &lock).unwrap();
    store
        .commit(&Changes {
            events: events.to_vec(),
            rows,
            ..Changes::default()
        })
        .unwrap();
}

/// A token of a person, made by somebody who has no other hand in anything.
fn token(dir: &Path, person: &str) -> String {
    let token = NewToken::draw().unwrap();
    let tokens = Tokens::open(&StateDir::of_project(dir)).unwrap();
    let owner = TokenOwner::Person(person.into());
    tokens.keep(&token, &owner, &Actor::person("zoe")).unwrap();
    token.secret.expose_secret().to_owned()
}

pub(crate) fn instant(text: &str) -> Timestamp {
    text.parse().unwrap()
}
