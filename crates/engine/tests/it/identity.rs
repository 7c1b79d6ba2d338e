//! Who asks, proved by a token or by the account.

use chrono::TimeDelta;
use engine::identity::{
    NewToken, TokenOwner, TokenTerms, Tokens, account_name, check_admin, check_terms, of_account,
    of_sign_in, prove,
};
use engine::{EngineLock, Error, LockFor, Reader};
use policy::settings::Project;
use policy::{File, PersonId, Sources};
use rollout::Actor;
use rollout::request::{Proof, ProofKind, Scope};
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
    assert_eq!((bob.name.as_str(), bob.service), ("bob", false));
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
fn an_identity_proves_the_one_person_who_has_it_to_the_letter() {
    let project =
        project("people: { ann: { os: anna }, bob: { oidc: 'https://id.example#0815' } }\n");
    let signed_in = |issuer, subject| {
        let at = "2027-01-11T09:00:00Z".parse().unwrap();
        of_sign_in(&project, &Proof::oidc(issuer, subject, at))
    };
    let bob = signed_in("https://id.example", "0815").unwrap();
    assert_eq!((bob.name.as_str(), bob.service), ("bob", false));
    assert_eq!(bob.proof.unwrap().kind, ProofKind::Oidc);
    for (issuer, subject) in [
        ("https://id.example/", "0815"),
        ("https://id.example", "815"),
        ("https://other.example", "0815"),
        ("anna", ""),
    ] {
        let refused = signed_in(issuer, subject).unwrap_err();
        let Error::NotPermitted { way_out, .. } = &refused else {
            panic!("{refused}");
        };
        assert!(way_out.contains(&format!("oidc: \"{issuer}#{subject}\"")));
    }
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

fn scoped(tokens: &Tokens, owner: &TokenOwner, scopes: &[Scope]) -> SecretString {
    let terms = TokenTerms {
        scopes: Some(scopes.iter().copied().collect()),
        expires_at: None,
    };
    let token = NewToken::draw().unwrap().on(terms);
    tokens.keep(&token, owner, &Actor::person("ann")).unwrap();
    token.secret
}

#[test]
fn a_token_is_for_what_it_was_made_for() {
    let lab = Lab::new();
    let tokens = Tokens::open(&lab.state).unwrap();
    let bob = TokenOwner::Person(PersonId::new("bob"));
    let ci = TokenOwner::Service("ci".to_owned());
    let scopes = |token: &SecretString| {
        let actor = prove(&lab.state, Some(token), &project(PEOPLE)).unwrap();
        let names = actor.scopes.unwrap().into_iter().map(Scope::as_str);
        names.collect::<Vec<_>>().join(" ")
    };
    let narrow = scoped(&tokens, &bob, &[Scope::Vote, Scope::Read]);
    assert_eq!(scopes(&narrow), "read vote");
    assert_eq!(scopes(&scoped(&tokens, &ci, &[Scope::Push])), "push");
    let unless_told = made_beside(&tokens, &bob);
    assert_eq!(scopes(&unless_told), "read request vote admin push");
    let of_service = made_beside(&tokens, &ci);
    assert_eq!(scopes(&of_service), "read request vote admin");

    let by_narrow = prove(&lab.state, Some(&narrow), &project("")).unwrap();
    assert!(check_admin(&project(""), &by_narrow).is_err());
    let wider = TokenTerms::default();
    assert!(check_terms(&by_narrow, &bob, &wider).is_err());
    let as_narrow = TokenTerms {
        scopes: Some([Scope::Read].into()),
        expires_at: None,
    };
    check_terms(&by_narrow, &bob, &as_narrow).unwrap();
}

fn made_beside(tokens: &Tokens, owner: &TokenOwner) -> SecretString {
    let token = NewToken::draw().unwrap();
    tokens.keep(&token, owner, &Actor::person("ann")).unwrap();
    token.secret
}

#[test]
fn a_token_is_good_until_it_expires() {
    let lab = Lab::new();
    let tokens = Tokens::open(&lab.state).unwrap();
    let bob = TokenOwner::Person(PersonId::new("bob"));
    let until = |from_now| {
        let terms = TokenTerms {
            scopes: None,
            expires_at: Some(engine::clock::wall() + from_now),
        };
        let token = NewToken::draw().unwrap().on(terms);
        tokens.keep(&token, &bob, &Actor::person("ann")).unwrap();
        token.secret
    };
    let (over, good) = (until(TimeDelta::zero()), until(TimeDelta::hours(1)));
    assert!(prove(&lab.state, Some(&over), &project(PEOPLE)).is_err());
    assert!(prove(&lab.state, Some(&good), &project(PEOPLE)).is_ok());
    assert!(
        tokens
            .list()
            .unwrap()
            .iter()
            .all(|token| token.expires_at.is_some())
    );
    let long_ago = until(-TimeDelta::days(91));
    assert!(prove(&lab.state, Some(&long_ago), &project(PEOPLE)).is_err());
    assert_eq!(tokens.list().unwrap().len(), 3);
    until(TimeDelta::hours(1));
    assert_eq!(tokens.list().unwrap().len(), 3, "the oldest is forgotten");
}

#[test]
fn the_use_of_a_token_is_noted_once_a_minute() {
    let lab = Lab::new();
    let tokens = Tokens::open(&lab.state).unwrap();
    let token = made(&tokens, &TokenOwner::Person(ann()));
    let used_at = || tokens.list().unwrap()[0].used_at.clone();
    assert_eq!(used_at(), None);
    tokens.proved_by(&token).unwrap().unwrap();
    let first = used_at();
    assert!(first.is_some());
    let reader = Reader::open(&lab.state).unwrap();
    let version = reader.data_version().unwrap();
    tokens.proved_by(&token).unwrap().unwrap();
    assert_eq!(
        reader.data_version().unwrap(),
        version,
        "nothing is written"
    );
    let earlier = "UPDATE token_uses SET used_at = '2026-01-01T00:00:00.000Z'";
    lab.tamper().execute(earlier, []).unwrap();
    tokens.proved_by(&token).unwrap().unwrap();
    assert!(used_at() >= first);
    let almost = SecretString::from("tranche_0".to_owned());
    assert!(tokens.proved_by(&almost).unwrap().is_none());
}

#[test]
fn terms_are_not_given_beneath_an_engine_that_does_not_know_them() {
    let lab = Lab::new();
    drop(Tokens::open(&lab.state).unwrap());
    let before = "DROP TABLE token_terms; DROP TABLE token_uses; PRAGMA user_version = 4;";
    lab.tamper().execute_batch(before).unwrap();
    let older = EngineLock::acquire(&lab.state, LockFor::Engine).unwrap();
    let tokens = Tokens::open(&lab.state).unwrap();
    let terms = TokenTerms {
        scopes: Some([Scope::Read].into()),
        expires_at: None,
    };
    let bob = TokenOwner::Person(PersonId::new("bob"));
    let narrow = NewToken::draw().unwrap().on(terms);
    let refused = tokens.keep(&narrow, &bob, &Actor::person("ann"));
    assert!(matches!(refused, Err(Error::NotPermitted { .. })));
    let whole = made(&tokens, &bob);
    assert!(tokens.proved_by(&whole).unwrap().is_some());
    drop((older, tokens));

    let tokens = Tokens::open(&lab.state).unwrap();
    tokens.keep(&narrow, &bob, &Actor::person("ann")).unwrap();
    let proved = tokens.proved_by(&whole).unwrap().unwrap();
    assert!(proved.scopes.contains(&Scope::Vote), "as it was made");
}
