//! The database file: whose it is, who may write it, what happens when it is full or broken.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use engine::identity::Tokens;
use engine::store::Changes;
use engine::{EngineLock, Error, LockFor, Reader, Store, Vault, verify};
use rollout::command::Sealed;
use rollout::event::GENESIS;
use rollout::{AttachmentId, Event, HoldKind, Product, RolloutId, RowKey, Verb};

use crate::lab::{LIMIT, Lab, by, chain, eventually, files, start};
use crate::world::{World, origin};

fn open(lab: &Lab) -> Result<(EngineLock, Store), Error> {
    let lock = EngineLock::acquire(&lab.state, LockFor::Engine)?;
    let store = Store::open(&lab.state, &lock)?;
    Ok((lock, store))
}

fn events(from: u64, prev: &str, count: u64) -> Changes {
    Changes {
        events: chain(from, prev, count),
        ..Changes::default()
    }
}

#[test]
fn files_are_for_their_owner_only() {
    let lab = Lab::new();
    fs::create_dir(lab.folder.path().join(".tranche")).unwrap();
    let (_lock, mut store) = open(&lab).unwrap();
    store.commit(&events(1, GENESIS, 1)).unwrap();
    Vault::open(&lab.state).unwrap();

    let folder = lab.state.database().parent().unwrap();
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(folder), 0o700);
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(mode(&entry.path()), 0o600, "{:?}", entry.file_name());
        names.push(entry.file_name().into_string().unwrap());
    }
    names.sort();
    assert_eq!(
        names,
        [
            "backup.key",
            "engine.lock",
            "journal.mark",
            "tranche.db",
            "tranche.db-shm",
            "tranche.db-wal"
        ]
    );
}

#[test]
fn a_commit_stores_events_rows_and_attachments() {
    let lab = Lab::new();
    let (_lock, mut store) = open(&lab).unwrap();
    let attachment = (AttachmentId("a1".to_owned()), Sealed(vec![1, 2, 3]));
    let row = (RowKey("product".to_owned()), Some("{}".to_owned()));
    store
        .commit(&Changes {
            attachments: vec![attachment],
            rows: vec![row],
            ..events(1, GENESIS, 2)
        })
        .unwrap();

    let reader = Reader::open(&lab.state).unwrap();
    assert_eq!(reader.head().unwrap().seq, 2);
    assert_eq!(reader.lines(None, 1, 10).unwrap().len(), 1);
    assert_eq!(
        reader.attachment(&AttachmentId("a1".to_owned())).unwrap(),
        Some(Sealed(vec![1, 2, 3]))
    );
    assert_eq!(
        reader.attachment(&AttachmentId("a2".to_owned())).unwrap(),
        None
    );
}

#[test]
fn a_stale_engine_cannot_write() {
    let lab = Lab::new();
    let (_lock, mut stale) = open(&lab).unwrap();
    fs::remove_file(lab.state.lock()).unwrap();
    let (_other_lock, mut current) = open(&lab).unwrap();

    let refused = stale.commit(&events(1, GENESIS, 1)).unwrap_err();
    assert!(
        matches!(refused, Error::Stale { ours: 1, found: 2 }),
        "{refused}"
    );
    current.commit(&events(1, GENESIS, 1)).unwrap();
    assert_eq!(Reader::open(&lab.state).unwrap().head().unwrap().seq, 1);
}

#[test]
fn a_full_disk_stores_nothing_of_an_instant() {
    let lab = Lab::new();
    let (_lock, mut store) = open(&lab).unwrap();
    store.limit_pages(1).unwrap();
    let attachment = (AttachmentId("a1".to_owned()), Sealed(vec![0; 1 << 20]));
    let changes = Changes {
        attachments: vec![attachment],
        ..events(1, GENESIS, 1)
    };
    let refused = store.commit(&changes).unwrap_err();
    assert!(matches!(refused, Error::Full(_)), "{refused}");
    assert_eq!(Reader::open(&lab.state).unwrap().head().unwrap().seq, 0);

    store.limit_pages(u32::MAX - 1).unwrap();
    store.commit(&changes).unwrap();
    assert_eq!(Reader::open(&lab.state).unwrap().head().unwrap().seq, 1);
}

#[test]
fn a_newer_schema_is_read_but_not_written() {
    let lab = Lab::new();
    let (lock, mut store) = open(&lab).unwrap();
    store.commit(&events(1, GENESIS, 1)).unwrap();
    drop((store, lock));
    lab.tamper()
        .pragma_update(None, "user_version", 99)
        .unwrap();

    let refused = open(&lab).unwrap_err();
    assert!(
        matches!(refused, Error::Newer { found: 99, .. }),
        "{refused}"
    );
    let reader = Reader::open(&lab.state).unwrap();
    assert_eq!(reader.lines(None, 0, 10).unwrap().len(), 1);
}

/// Takes away what later releases have added.
const FIRST_SCHEMA: &str = "\
DROP TABLE token_terms;
DROP TABLE token_uses;
DROP TABLE token_makers;
DROP TABLE digests;
ALTER TABLE rows DROP COLUMN hash;
ALTER TABLE meta DROP COLUMN database;
DROP TABLE notifications;
PRAGMA user_version = 1;
";

#[test]
fn a_database_of_the_first_schema_is_brought_up_to_date() {
    let lab = Lab::new();
    lab.ask(start());
    let before = Reader::open(&lab.state).unwrap().head().unwrap();
    lab.tamper().execute_batch(FIRST_SCHEMA).unwrap();
    let reader = Reader::open(&lab.state).unwrap();
    assert!(reader.examined().unwrap().1.is_none(), "read as it is");

    let (_lock, store) = open(&lab).unwrap();
    store.load().unwrap();
    let outbox = engine::outbox::Outbox::open(&lab.state).unwrap();
    assert_eq!(outbox.list(false, 10).unwrap(), []);
    let reader = Reader::open(&lab.state).unwrap();
    assert_eq!(reader.head().unwrap(), before);
    assert_eq!(verify(&lab.state, None).unwrap().problems, []);
}

#[test]
fn rows_that_do_not_follow_from_the_journal_are_not_brought_up_to_date() {
    let lab = Lab::new();
    lab.ask(start());
    let tamper = lab.tamper();
    tamper.execute_batch(FIRST_SCHEMA).unwrap();
    tamper
        .execute("DELETE FROM rows WHERE key = 'phase/r1/main'", [])
        .unwrap();

    let refused = open(&lab).unwrap_err();
    assert!(matches!(refused, Error::Damaged { .. }), "{refused}");
    assert!(refused.to_string().contains("phase/r1/main"), "{refused}");
    let version: u32 = tamper
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .unwrap();
    assert_eq!(version, 1, "nothing rests on them");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_say_less_than_those_of_this_release_are_brought_up_to_date() {
    let (lab, world) = (Lab::new(), World::new());
    lab.ask(start());
    world.run_to_the_end(&lab).await;
    let tamper = lab.tamper();
    tamper.execute_batch(FIRST_SCHEMA).unwrap();
    let field = "UPDATE rows SET json = json_remove(json, '$.first_started_at') WHERE key LIKE 'customer/%' AND json LIKE '%first_started_at%'";
    assert_eq!(tamper.execute(field, []).unwrap(), 2);
    let batch = |number: u32| {
        let sql =
            "UPDATE rows SET json = json_set(json, '$.batch', ?1) WHERE key = 'customer/r1/acme'";
        assert_eq!(tamper.execute(sql, [number]).unwrap(), 1);
    };
    batch(7);
    let refused = open(&lab).unwrap_err();
    assert!(matches!(refused, Error::Damaged { .. }), "{refused}");
    batch(1);

    open(&lab).unwrap().1.load().unwrap();
    assert_eq!(verify(&lab.state, None).unwrap().problems, []);
}

#[test]
fn beneath_an_engine_of_an_older_release_its_rows_stay_as_it_knows_them() {
    let lab = Lab::new();
    lab.ask(start());
    lab.tamper().execute_batch(FIRST_SCHEMA).unwrap();
    let older = EngineLock::acquire(&lab.state, LockFor::Engine).unwrap();

    Tokens::open(&lab.state).unwrap().check_room().unwrap();
    let outbox = engine::outbox::Outbox::open(&lab.state).unwrap();
    assert_eq!(outbox.list(false, 10).unwrap(), []);
    let as_it_writes = "UPDATE rows SET json = json WHERE key = 'product'";
    lab.tamper().execute(as_it_writes, []).unwrap();
    drop(older);
    open(&lab).unwrap().1.load().unwrap();
}

#[test]
fn a_foreign_database_is_left_alone() {
    let lab = Lab::new();
    fs::create_dir(lab.state.database().parent().unwrap()).unwrap();
    lab.tamper()
        .execute_batch("CREATE TABLE theirs (x)")
        .unwrap();
    let before = fs::read(lab.state.database()).unwrap();

    let refused = open(&lab).unwrap_err();
    assert!(matches!(refused, Error::Foreign { .. }), "{refused}");
    assert!(matches!(
        Reader::open(&lab.state).unwrap_err(),
        Error::Foreign { .. }
    ));
    assert_eq!(fs::read(lab.state.database()).unwrap(), before);
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    let lab = Lab::new();
    fs::create_dir(lab.state.database().parent().unwrap()).unwrap();
    fs::write(lab.state.database(), "product: securewatch\n".repeat(100)).unwrap();
    let refused = open(&lab).unwrap_err();
    assert!(matches!(refused, Error::Damaged { .. }), "{refused}");
}

#[test]
fn a_damaged_page_is_found_at_the_start() {
    let lab = Lab::new();
    let (lock, mut store) = open(&lab).unwrap();
    store.commit(&events(1, GENESIS, 200)).unwrap();
    drop((store, lock));
    let mut bytes = fs::read(lab.state.database()).unwrap();
    let last_page = bytes.len() - 4096;
    bytes[last_page..last_page + 64].fill(0xff);
    fs::write(lab.state.database(), bytes).unwrap();

    let refused = open(&lab).unwrap_err();
    assert!(matches!(refused, Error::Damaged { .. }), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_was_put_in_place_waits_with_its_open_rollouts_for_a_person() {
    let lab = Lab::new();
    lab.ask(start());
    fs::remove_file(lab.state.mark()).unwrap();

    let world = World::new();
    let engine = world.engine(&lab, world.options());
    let why =
        |product: &rollout::Product| product.holds(RolloutId::Rollout(1), &"acme".into(), origin());
    let holds = engine.look(why).await.unwrap();
    let way_out = holds.iter().find_map(|hold| hold.way_out.clone());
    let names_it = way_out.is_some_and(|way_out| way_out.starts_with("tranche resume --moved"));
    assert!(names_it, "{holds:?}");
    assert!(
        holds[0].text.contains("`journal.mark` is missing"),
        "{holds:?}"
    );
    assert_eq!(world.seen(), [], "nothing has left");

    engine.ask(by("ann", Verb::ResumeMoved)).await.unwrap();
    eventually("a customer is read", || !world.seen().is_empty());
}

/// The same story as a release wrote it that stored no more than a freeze's name with a voice.
fn as_of_old(lab: &Lab) -> Changes {
    let lines = Reader::open(&lab.state).unwrap();
    let lines = lines.lines(None, 0, 1_000).unwrap();
    let (mut product, mut events) = (Product::new(), Vec::<Event>::new());
    for line in lines {
        let mut event: Event = serde_json::from_str(&line.json).unwrap();
        event.line.data.remove("freezes");
        let prev = events.last().map_or(GENESIS, |last| last.hash.as_str());
        let event = Event::link(event.seq, event.at, event.line, prev.to_owned());
        product.apply(&event);
        events.push(event);
    }
    let keys = product.row_keys().into_iter();
    Changes {
        rows: keys.map(|key| (key.clone(), product.row(&key))).collect(),
        events,
        ..Changes::default()
    }
}

#[test]
fn a_start_takes_from_the_journal_which_freeze_an_old_override_was_for() {
    let freeze = || Verb::Freeze {
        name: "fire".to_owned(),
        until: "2090-01-01T00:00:00Z".parse().unwrap(),
        reason: "smoke".to_owned(),
        customers: BTreeSet::new(),
    };
    let lift = || Verb::Override {
        at: None,
        name: "fire".to_owned(),
        reason: "only steam".to_owned(),
    };
    let unfreeze = || Verb::Unfreeze {
        name: "fire".to_owned(),
    };
    let lifted = [
        ("ann", start()),
        ("ann", freeze()),
        ("ann", lift()),
        ("bob", lift()),
    ];
    let again = [("ann", unfreeze()), ("ann", freeze())];
    for (more, frozen) in [(0, false), (2, true)] {
        let told = Lab::new();
        for (who, verb) in lifted.iter().chain(&again[..more]) {
            let request = by(who, verb.clone());
            let answer = engine::ask(&told.state, &request, LIMIT, files()).unwrap();
            assert_eq!(answer.rejected, None);
        }
        let old = Lab::new();
        let (_lock, mut store) = open(&old).unwrap();
        store.commit(&as_of_old(&told)).unwrap();
        let product = store.load().unwrap();
        let at = "2089-12-31T00:00:00Z".parse().unwrap();
        let holds = product.holds(RolloutId::Rollout(1), &"acme".into(), at);
        let held = holds.iter().any(|hold| hold.kind == HoldKind::Freeze);
        assert_eq!(held, frozen, "{holds:?}");
        assert_eq!(engine::verify(&old.state, None).unwrap().problems, []);
    }
}

#[test]
fn the_journal_is_append_only() {
    let lab = Lab::new();
    let (_lock, mut store) = open(&lab).unwrap();
    store.commit(&events(1, GENESIS, 1)).unwrap();
    let tamper = lab.tamper();
    assert!(tamper.execute("UPDATE events SET json = '{}'", []).is_err());
    assert!(tamper.execute("DELETE FROM events", []).is_err());
}

#[test]
fn reading_what_was_never_stored_says_so() {
    let lab = Lab::new();
    let refused = Reader::open(&lab.state).unwrap_err();
    assert!(matches!(refused, Error::Absent { .. }), "{refused}");
    assert!(!lab.state.database().exists(), "looking on makes nothing");
}

#[test]
fn a_database_that_is_just_being_made_holds_nothing_yet() {
    let lab = Lab::new();
    std::fs::create_dir_all(lab.state.database().parent().unwrap()).unwrap();
    std::fs::write(lab.state.database(), "").unwrap();
    let refused = Reader::open(&lab.state).unwrap_err();
    assert!(matches!(refused, Error::Absent { .. }), "{refused}");
    open(&lab).unwrap();
    assert_eq!(Reader::open(&lab.state).unwrap().head().unwrap().seq, 0);
}
