//! What the files say about the server, and whose sign-in counts.

use std::collections::BTreeSet;

use policy::parse::{Severity, load, load_running};
use policy::plan::{self, History, PlanInput, Release, RunningVersions};
use policy::settings::server::{CiScope, Server, Sessions, SignIn};
use policy::settings::{Claim, SecretSource};
use policy::{Config, PersonId, PlanScope, Sources, Span};

use crate::support::{file, sources};

fn with(project: &str) -> Sources {
    Sources {
        project: file("tranche.yaml", &format!("product: p\n{project}")),
        ..sources()
    }
}

fn config(project: &str) -> Config {
    load(&with(project)).unwrap()
}

/// The digest of the plan that these files make.
fn digest(project: &str) -> String {
    let config = config(project);
    let input = PlanInput {
        project: config.project,
        fleet: config.fleet,
        policies: config.policies,
        release: Release {
            version: "v1".to_owned(),
            commit: "c".repeat(40),
        },
        scope: PlanScope::default(),
        history: History::new(),
    };
    let at = "2027-01-11T09:00:00Z".parse().unwrap();
    let running = RunningVersions::new();
    plan::compile(&input, &running, at).unwrap().digest
}

const SIGN_IN: &str = "server: {sign_in: {issuer: 'https://id.example', client_id: p}}\n";

#[test]
fn what_is_not_written_has_its_default() {
    let nothing = config("");
    assert_eq!(nothing.server, Server::default());
    assert!(!nothing.webhooks);
    assert!(nothing.project.claims.is_none());
    let usual = Sessions::default();
    assert_eq!(usual.idle, "12h".parse::<Span>().unwrap());
    assert_eq!(usual.absolute, "7d".parse::<Span>().unwrap());
    let short = config("server: {sessions: {absolute: 1h}}\n")
        .server
        .sessions;
    assert_eq!((short.idle, short.absolute), (short.absolute, short.idle));
    let sign_in = config(SIGN_IN).server.sign_in.unwrap();
    assert_eq!(sign_in.scopes, SignIn::usual_scopes());
    assert_eq!(sign_in.client_secret, None);
}

#[test]
fn what_is_written_is_read() {
    let config = config(
        "
render: {webhooks: true}
server:
  url: https://p.example/
  proxies: [10.0.0.0/8]
  sign_in: {issuer: 'https://id.example/', client_id: p, client_secret: '${file:secrets/oidc}', scopes: [openid, groups]}
  ci:
    bot: {issuer: 'https://ci.example', audience: p, repository: a/p, ref: refs/heads/main, scopes: [push, read]}
",
    );
    let server = config.server;
    assert!(config.webhooks);
    assert_eq!(server.url.as_deref(), Some("https://p.example"));
    assert_eq!(server.proxies, ["10.0.0.0/8"]);
    let sign_in = server.sign_in.unwrap();
    // Tokens name it so, to the letter.
    assert_eq!(sign_in.issuer, "https://id.example/");
    let secret = SecretSource::File("secrets/oidc".to_owned());
    assert_eq!(sign_in.client_secret, Some(secret));
    assert_eq!(sign_in.scopes, ["groups"]);
    let bot = &server.ci["bot"];
    assert_eq!(bot.git_ref.as_deref(), Some("refs/heads/main"));
    assert_eq!(bot.environment, None);
    assert_eq!(bot.scopes, [CiScope::Push, CiScope::Read]);
}

#[test]
fn a_claim_narrows_a_group_and_adds_nobody_to_it() {
    let people = "people: {a: {oidc: 'https://id.example#1'}, b: {oidc: 'https://id.example#2'}}\n";
    let groups = "groups: {g: {claim: groups, equals: h, of: [a]}, open: [a, b]}\n";
    let project = config(&[SIGN_IN, people, groups].concat()).project;
    let a = BTreeSet::from([PersonId::new("a")]);
    assert_eq!(project.groups[&"g".into()], a);
    let claim = Claim {
        claim: "groups".to_owned(),
        equals: "h".to_owned(),
    };
    assert_eq!(project.claims.groups.len(), 1);
    assert_eq!(project.claims.groups[&"g".into()], claim);
    let day = "24h".parse::<Span>().unwrap();
    assert_eq!(project.claims.valid_for.0, day);
}

#[test]
fn how_the_server_is_reached_is_no_part_of_a_plan() {
    let plain = digest("");
    let server = "server: {url: 'https://p.example', proxies: [10.0.0.0/8]}\nrender: {webhooks: true}\nclaims_valid_for: 2h\n";
    assert_eq!(digest(server), plain);
    let people = "people: {a: {oidc: 'https://id.example#1'}}\n";
    let group = |group: &str| digest(&format!("{SIGN_IN}{people}groups: {{g: {group}}}\n"));
    assert_ne!(group("[a]"), group("{claim: groups, equals: h, of: [a]}"));
}

#[test]
fn what_has_begun_goes_on_when_nobody_can_sign_in_any_more() {
    let group = "people: {a: {}}\ngroups: {g: {claim: groups, equals: h, of: [a]}}\n";
    let mut files = with(group);
    files.policies = vec![file(
        "policies/demo.yaml",
        "policy: demo\napproval: {auth_time: 5m, not: []}\n",
    )];
    let found = |severity| {
        let found = match severity {
            Severity::Error => load(&files).unwrap_err(),
            Severity::Warning => load_running(&files).unwrap().warnings,
        };
        let mut codes: Vec<String> = found
            .into_iter()
            .filter(|one| one.severity == severity)
            .map(|one| one.code)
            .collect();
        codes.dedup();
        codes
    };
    assert_eq!(found(Severity::Error), ["claim", "sign-in"]);
    assert_eq!(found(Severity::Warning), ["claim", "sign-in"]);
}
