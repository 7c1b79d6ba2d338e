//! What is stored was changed by hand: no engine drives on with it (P36, P41).

use engine::identity::{NewToken, TokenOwner, Tokens};
use engine::store::Changes;
use engine::{EngineLock, EngineOptions, Error, LockFor, Reader, Store, verify};
use policy::PersonId;
use rollout::command::Sealed;
use rollout::{Actor, AttachmentId, Product};

use crate::lab::{LIMIT, Lab, block, by, files, start};
use crate::world::World;

/// A rollout that was asked for, a token, and a backup.
fn lab() -> Lab {
    let lab = Lab::new();
    lab.ask(start());
    token(&lab, "bob");
    let lock = EngineLock::acquire(&lab.state, LockFor::Engine).unwrap();
    let mut store = Store::open(&lab.state, &lock).unwrap();
    let backup = (AttachmentId("a1".to_owned()), Sealed(vec![1, 2, 3]));
    store
        .commit(&Changes {
            attachments: vec![backup],
            ..Changes::default()
        })
        .unwrap();
    lab
}

fn token(lab: &Lab, person: &str) -> NewToken {
    let token = NewToken::draw().unwrap();
    let tokens = Tokens::open(&lab.state).unwrap();
    let owner = TokenOwner::Person(PersonId::new(person));
    tokens.keep(&token, &owner, &Actor::person("ann")).unwrap();
    token
}

/// Why an engine does not begin, if it does not.
fn refusal(lab: &Lab) -> Option<Error> {
    let lock = EngineLock::acquire(&lab.state, LockFor::Engine).unwrap();
    let opened = Store::open(&lab.state, &lock).and_then(|store| store.load());
    opened.map(|_: Product| ()).err()
}

#[test]
fn what_nobody_has_touched_is_driven() {
    let lab = lab();
    assert!(refusal(&lab).is_none());
    assert_eq!(verify(&lab.state, None).unwrap().problems, []);
}

#[test]
fn a_change_of_anything_an_engine_goes_by_is_named_and_not_driven_on() {
    for (sql, named) in [
        (
            "UPDATE rows SET json = replace(json, '\"acme\"', '\"beta\"') WHERE key = 'plan/r1'",
            "r1",
        ),
        (
            "UPDATE rows SET json = json || ' ' WHERE key = 'rollout/r1'",
            "r1",
        ),
        (
            "UPDATE rows SET key = 'batch/r1/main/2' WHERE key = 'phase/r1/main'",
            "r1",
        ),
        ("DELETE FROM rows WHERE key = 'phase/r1/main'", "r1"),
        (
            "DELETE FROM rows WHERE key LIKE '%/r1%'; DELETE FROM digests WHERE scope = 'r1'",
            "digests",
        ),
        (
            "INSERT INTO rows (key, json) VALUES ('fleet/acme', '{\"running\":{}}')",
            "product",
        ),
        ("DELETE FROM rows; DELETE FROM digests", "meta"),
        ("UPDATE digests SET sum = x'00' WHERE scope = ''", "digests"),
        (
            "DROP TABLE digests; CREATE TABLE digests (scope TEXT PRIMARY KEY, sum BLOB)",
            "meta",
        ),
        ("UPDATE meta SET epoch = epoch - 1", "meta"),
        ("UPDATE meta SET database = 'another'", "meta"),
        ("UPDATE tokens SET owner = 'ann'", "tokens"),
        (
            "INSERT INTO token_terms SELECT hash, 'read', NULL FROM tokens",
            "tokens",
        ),
        (
            "INSERT INTO tokens SELECT 'f' || hash, 'ann', service, created_at, created_by, NULL, NULL FROM tokens",
            "tokens",
        ),
        ("UPDATE attachments SET bytes = x'010204'", "attachments"),
        ("DELETE FROM attachments", "attachments"),
    ] {
        let lab = lab();
        lab.tamper().execute_batch(sql).unwrap();
        let refused = refusal(&lab);
        let is_named = matches!(&refused, Some(Error::Damaged { what }) if what.contains(named));
        assert!(is_named, "{sql}: {refused:?}");
        assert_ne!(verify(&lab.state, None).unwrap().problems, [], "{sql}");
        let reader = Reader::open(&lab.state).unwrap();
        assert!(!reader.lines(None, 0, 10).unwrap().is_empty(), "{sql}");
    }
}

#[test]
fn the_last_event_is_what_its_hash_says() {
    let lab = lab();
    let tamper = lab.tamper();
    let later = "UPDATE events SET json = replace(json, '\"at\":\"2', '\"at\":\"3') WHERE seq = (SELECT max(seq) FROM events)";
    tamper
        .execute_batch(&format!("DROP TRIGGER events_never_change; {later}"))
        .unwrap();
    let refused = refusal(&lab);
    assert!(
        matches!(refused, Some(Error::Damaged { .. })),
        "it would set the clock: {refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_changed_beneath_a_running_engine_is_not_driven_and_written_over() {
    let (lab, world) = (Lab::new(), World::new());
    lab.ask(block("v1"));
    let engine = world.engine(&lab, EngineOptions::default());
    engine.ask(by("ann", block("v2"))).await.unwrap();
    let forged = "UPDATE rows SET json = replace(json, 'v2', 'v9') WHERE key = 'product'";
    assert_eq!(lab.tamper().execute(forged, []).unwrap(), 1);
    assert!(refused_to_look(&lab));
    engine.ask(by("ann", block("v3"))).await.unwrap();
    drop(engine);
    assert_eq!(verify(&lab.state, None).unwrap().problems, []);
}

fn refused_to_look(lab: &Lab) -> bool {
    Reader::open(&lab.state)
        .unwrap()
        .examined()
        .unwrap()
        .1
        .is_some()
}

#[test]
fn nothing_is_filed_in_what_was_changed_by_hand() {
    let lab = lab();
    let forged = "UPDATE rows SET json = json || ' ' WHERE key = 'rollout/r1'";
    lab.tamper().execute(forged, []).unwrap();
    let before = Reader::open(&lab.state).unwrap().head().unwrap();
    let asked = engine::ask(&lab.state, &by("ann", block("v1")), LIMIT, files());
    let Err(Error::NotDone(cause)) = asked else {
        panic!("{asked:?}")
    };
    assert!(matches!(*cause, Error::Damaged { .. }), "{cause:?}");
    assert_eq!(Reader::open(&lab.state).unwrap().head().unwrap(), before);
}

#[test]
fn a_token_whose_owner_was_changed_by_hand_proves_nobody() {
    let lab = lab();
    let secret = token(&lab, "cyd").secret;
    let tokens = Tokens::open(&lab.state).unwrap();
    assert!(tokens.proved_by(&secret).unwrap().is_some());
    let forged = "UPDATE tokens SET owner = 'ann' WHERE owner = 'cyd'";
    lab.tamper().execute(forged, []).unwrap();
    let refused = tokens.proved_by(&secret);
    assert!(matches!(refused, Err(Error::Damaged { .. })), "{refused:?}");
    let ann = PersonId::new("ann");
    let refused = tokens.revoke("bob", &ann);
    assert!(
        matches!(refused, Err(Error::Damaged { .. })),
        "a change of ours does not make it good: {refused:?}"
    );
}
