//! Who asks, proved by a token or by the account.

use engine::Error;
use engine::identity::{
    NewToken, TokenOwner, Tokens, account_name, check_admin, of_account, prove,
};
use policy::settings::Project;
use policy::{File, PersonId, Sources};
use rollout::Actor;
use rollout::request::{Proof, ProofKind};
use secrecy::{ExposeSecret as _, SecretString};

use crate::lab::Lab;

fn project(people: &str) -> Project {
    let file = |path: &str, text: String| File {
        path: path.to_owned(),
        text,
    };
    let sources = Sources {
        project: file("tranche.yaml", format!("product: securewatch\n{people}")),
        customers: file("customers.yaml", "customers: { a: { tier: main, services: { backend: { id: srv-a, url: 'https://a.example' } } } }".to_owned()),
        policies: vec![file("policies/main.yaml", "policy: main".to_owned())],
        unread: Vec::new(),
        calendars: Vec::new(),
    };
    policy::parse::load(&sources).unwrap().project
}

const PEOPLE: &str = "people: { ann: { os: anna }, bob: {} }\nroles: { admin: [ann] }\n";

fn ann() -> PersonId {
    PersonId::new("ann")
}

fn made(tokens: &Tokens, owner: &TokenOwner) -> SecretString {
    let token = NewToken::draw().unwrap();
    tokens.keep(&token, owner, &Actor::person("ann")).unwrap();
    assert_eq!(tokens.list().unwrap()[0].id, token.id());
    token.secret
}

#[test]
fn a_token_proves_its_person_until_it_is_revoked() {
    let lab = Lab::new();
    let tokens = Tokens::open(&lab.state).unwrap();
    let token = made(&tokens, &TokenOwner::Person(PersonId::new("bob")));
    let project = project(PEOPLE);
    let listed = tokens.list().unwrap();
    let bob = prove(&lab.state, Some(&token), &project).unwrap();
    let proof = bob.proof.clone().unwrap();
    assert_eq!(bob, Actor::person("bob").proved_by(proof.clone()));
    assert_eq!((proof.kind, &proof.id), (ProofKind::Token, &listed[0].id));
    assert_eq!(
        (proof.maker, proof.account),
        (Some(ann()), Some(account_name()))
    );

    assert_eq!(
        (listed.len(), &listed[0].created_by, &listed[0].revoked_at),
        (1, &ann(), &None)
    );
    assert_eq!(tokens.revoke(&listed[0].id, &ann()).unwrap(), 1);
    assert!(matches!(
        prove(&lab.state, Some(&token), &project),
        Err(Error::NotPermitted { .. })
    ));
    assert_eq!(
        tokens.revoke("bob", &ann()).unwrap(),
        0,
        "it was revoked before"
    );
    assert!(tokens.list().unwrap()[0].revoked_at.is_some());
}

#[test]
fn a_service_token_is_a_service() {
    let lab = Lab::new();
    let tokens = Tokens::open(&lab.state).unwrap();
    let token = made(&tokens, &TokenOwner::Service("ci".to_owned()));
    let actor = prove(&lab.state, Some(&token), &project(PEOPLE)).unwrap();
    assert_eq!((actor.name.as_str(), actor.service), ("service:ci", true));
    assert!(check_admin(&project(""), &actor).is_err(), "never an admin");
}

#[test]
fn a_token_of_somebody_who_has_left_proves_nothing() {
    let lab = Lab::new();
    let tokens = Tokens::open(&lab.state).unwrap();
    let token = made(&tokens, &TokenOwner::Person(PersonId::new("eve")));
    assert!(
        prove(&lab.state, Some(&token), &project("")).is_ok(),
        "a project without people asks for nothing"
    );
    assert!(matches!(
        prove(&lab.state, Some(&token), &project(PEOPLE)),
        Err(Error::NotPermitted { .. })
    ));
}

#[test]
fn no_token_is_stored_as_it_is() {
    let lab = Lab::new();
    let tokens = Tokens::open(&lab.state).unwrap();
    let token = made(&tokens, &TokenOwner::Person(ann()));
    let secret = token.expose_secret().strip_prefix("tranche_").unwrap();
    assert_eq!(secret.len(), 64);
    for entry in std::fs::read_dir(lab.state.database().parent().unwrap()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(
            !bytes
                .windows(secret.len())
                .any(|window| window == secret.as_bytes())
        );
    }
    let almost = SecretString::from(format!("{}0", token.expose_secret()));
    assert!(prove(&lab.state, Some(&almost), &project("")).is_err());
}

#[test]
fn an_account_proves_the_one_person_who_has_it() {
    let project = project(PEOPLE);
    let proved = Actor::person("ann").proved_by(Proof::account("anna"));
    assert_eq!(of_account(&project, "anna").unwrap(), proved);
    let refused = of_account(&project, "bob").unwrap_err();
    assert!(refused.way_out().unwrap().contains("os: bob"), "{refused}");
    assert!(check_admin(&project, &Actor::person("ann")).is_ok());
    assert!(check_admin(&project, &Actor::person("bob")).is_err());
}

#[test]
fn an_account_of_two_people_proves_neither() {
    let project = project("people: { ann: { os: shared }, bob: { os: shared } }\n");
    assert!(matches!(
        of_account(&project, "shared"),
        Err(Error::NotPermitted { .. })
    ));
}

#[test]
fn a_project_without_people_takes_the_account_as_it_is() {
    let lab = Lab::new();
    let actor = prove(&lab.state, None, &project("")).unwrap();
    assert_eq!(actor.name.as_str(), account_name());
    assert!(check_admin(&project(""), &actor).is_ok());
}

#[test]
fn the_makers_of_a_token_are_known_however_many_there_are() {
    let lab = Lab::new();
    let tokens = Tokens::open(&lab.state).unwrap();
    let first = NewToken::draw().unwrap();
    let eve = of_account(&project("people: { eve: { os: e } }\n"), "e").unwrap();
    let owner = TokenOwner::Person(ann());
    tokens.keep(&first, &owner, &eve).unwrap();
    let project = project(PEOPLE);
    let by_ann = prove(&lab.state, Some(&first.secret), &project).unwrap();
    let second = NewToken::draw().unwrap();
    let owner = TokenOwner::Person(PersonId::new("bob"));
    tokens.keep(&second, &owner, &by_ann).unwrap();
    let bob = prove(&lab.state, Some(&second.secret), &project).unwrap();
    let proof = bob.proof.unwrap();
    let hands: Vec<String> = proof
        .made_by
        .iter()
        .map(|hand| format!("{} {:?} {}", hand.person, hand.kind, hand.id))
        .collect();
    assert_eq!(
        hands,
        [
            format!("ann Token {}", first.id()),
            "eve Account e".to_owned()
        ]
    );
}

#[test]
fn a_token_proves_its_person_under_a_new_name() {
    let lab = Lab::new();
    let tokens = Tokens::open(&lab.state).unwrap();
    let token = made(&tokens, &TokenOwner::Person(PersonId::new("bob")));
    let renamed = project("people: { robert: { formerly: bob } }\n");
    let actor = prove(&lab.state, Some(&token), &renamed).unwrap();
    assert_eq!(actor.name.as_str(), "robert");
}
