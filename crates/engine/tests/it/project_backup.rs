//! All that a project needs to go on, in one file, and back (P36, P40, P41, P48).

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use engine::identity::Tokens;
use engine::project_backup::{
    BackedUp, BackupError, KeyOnRestore, RestoreStep, Restored, SealedValues, back_up, restore,
};
use engine::store::Changes;
use engine::{EngineLock, Error, LockFor, Reader, StateDir, Store, Vault, verify};
use policy::{CustomerId, Role, ServiceId};
use rollout::command::BackupOwner;
use rollout::{AttachmentId, Product, RolloutId, Verb};
use rusqlite::Connection;
use tempfile::TempDir;

use crate::lab::{Lab, block, start};
use crate::world::World;

/// A project with a rollout that was asked for, and a folder for backups.
struct Site {
    lab: Lab,
    backups: TempDir,
}

impl Site {
    fn new() -> Self {
        let site = Self {
            lab: Lab::new(),
            backups: TempDir::new().unwrap(),
        };
        site.lab.ask(start());
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.backups.path().join(name)
    }

    fn back_up(&self, name: &str) -> BackedUp {
        back_up(&self.lab.state, &self.path(name), false).unwrap()
    }

    fn back_up_with_key(&self, name: &str) -> BackedUp {
        back_up(&self.lab.state, &self.path(name), true).unwrap()
    }

    /// Seals something and keeps it.
    fn seal(&self, id: &str) {
        let owner = BackupOwner {
            rollout: RolloutId::Rollout(1),
            customer: CustomerId::from("acme"),
            role: Role::from("backend"),
            service: ServiceId::from("srv-acme"),
        };
        let vault = Vault::open(&self.lab.state).unwrap();
        let sealed = vault.seal(&owner, b"postgres://old-secret").unwrap();
        let lock = EngineLock::acquire(&self.lab.state, LockFor::Engine).unwrap();
        let mut store = Store::open(&self.lab.state, &lock).unwrap();
        let changes = Changes {
            attachments: vec![(AttachmentId(id.to_owned()), sealed)],
            ..Changes::default()
        };
        store.commit(&changes).unwrap();
    }

    fn names(&self) -> Vec<String> {
        names(self.backups.path())
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn put_back(lab: &Lab, from: &Path) -> Result<Restored, BackupError> {
    restore(&lab.state, from, &KeyOnRestore::Found, |_| ())
}

fn head(state: &StateDir) -> String {
    Reader::open(state).unwrap().head().unwrap().to_string()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// What a database holds, table by table.
fn rows(state: &StateDir) -> Vec<String> {
    let connection = Connection::open(state.database()).unwrap();
    let sql = "SELECT seq || json FROM events UNION ALL SELECT key || json FROM rows UNION ALL SELECT id || hex(bytes) FROM attachments";
    let mut statement = connection.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_put_back_is_what_was_and_rests_until_a_person_says_that_it_counts() {
    let site = Site::new();
    let made = site.back_up("one");
    assert_eq!(made.head, head(&site.lab.state));
    assert_eq!(made.unfinished, [RolloutId::Rollout(1)]);
    assert_eq!(site.names(), ["one"], "and nothing beside it");
    site.lab.ask(block("v9"));

    let other = Lab::new();
    let restored = put_back(&other, &site.path("one")).unwrap();
    assert_eq!(restored.head, made.head);
    assert_eq!(restored.unfinished, made.unfinished);
    assert_eq!(verify(&other.state, None).unwrap().problems, []);
    let reader = Reader::open(&other.state).unwrap();
    assert!(reader.objection(&other.state).unwrap().is_some());

    let world = World::new();
    let mut engine = world.engine(&other, world.options());
    assert!(engine.look(Product::elsewhere).await.unwrap().is_some());
    assert_eq!(world.seen(), [], "nothing has left");
    engine.kill();
    engine.ended().await.unwrap();
    assert_eq!(other.ask(Verb::ResumeMoved).rejected, None);
    world.run_to_the_end(&other).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_made_beside_a_running_engine() {
    let site = Site::new();
    let world = World::new();
    let engine = world.engine(&site.lab, world.options());
    engine.look(|_| ()).await.unwrap();
    for name in ["one", "two", "three"] {
        let asked = engine
            .ask(crate::lab::by("ann", block(name)))
            .await
            .unwrap();
        assert_eq!(asked.rejected, None);
        let made = site.back_up(name);
        let other = Lab::new();
        let restored = restore(
            &other.state,
            &site.path(name),
            &KeyOnRestore::MayBeMissing,
            |_| (),
        );
        assert_eq!(restored.unwrap().head, made.head, "{name}");
        assert_eq!(verify(&other.state, None).unwrap().problems, []);
    }
    assert!(matches!(
        put_back(&site.lab, &site.path("one")),
        Err(BackupError::Driven { .. })
    ));
}

#[test]
fn a_backup_can_be_looked_into_where_it_lies() {
    let site = Site::new();
    let made = site.back_up_with_key("one");
    let before = fs::read(site.path("one")).unwrap();
    let state = StateDir::of_database(&site.path("one"));
    assert_eq!(head(&state), made.head);
    assert_eq!(verify(&state, None).unwrap().problems, []);
    assert_eq!(site.names(), ["one"]);
    assert_eq!(fs::read(site.path("one")).unwrap(), before);
}

#[test]
fn backups_and_what_is_put_back_are_for_their_owner_only() {
    let site = Site::new();
    site.seal("a1");
    fs::copy(site.lab.state.database(), site.lab.state.monitor()).unwrap();
    site.back_up_with_key("one");
    assert_eq!(mode(&site.path("one")), 0o600);
    let other = Lab::new();
    put_back(&other, &site.path("one")).unwrap();
    let folder = other.state.database().parent().unwrap();
    assert_eq!(mode(folder), 0o700);
    assert_eq!(
        names(folder),
        ["backup.key", "engine.lock", "monitor.db", "tranche.db"]
    );
    for name in names(folder) {
        assert_eq!(mode(&folder.join(&name)), 0o600, "{name}");
    }
}

#[test]
fn the_key_is_only_where_it_was_asked_for_and_never_in_a_database() {
    let site = Site::new();
    site.seal("a1");
    let key = fs::read(site.lab.state.key()).unwrap();
    let holds = |path: &Path| {
        let bytes = fs::read(path).unwrap();
        bytes.windows(key.len()).any(|window| window == key)
    };
    assert!(!site.back_up("without").with_key);
    assert!(!holds(&site.path("without")));
    assert!(site.back_up_with_key("with").with_key);
    assert!(holds(&site.path("with")));

    let other = Lab::new();
    let restored = put_back(&other, &site.path("with")).unwrap();
    assert_eq!(restored.sealed, SealedValues { all: 1, lost: 0 });
    assert_eq!(fs::read(other.state.key()).unwrap(), key);
    assert!(!holds(other.state.database()));
}

#[test]
fn without_its_key_nothing_is_put_back_unless_that_is_meant() {
    let site = Site::new();
    site.seal("a1");
    site.back_up("one");
    let from = site.path("one");
    let other = Lab::new();
    let refused = put_back(&other, &from).unwrap_err();
    assert!(
        matches!(refused, BackupError::NoKey { sealed: 1, .. }),
        "{refused}"
    );
    assert!(refused.way_out().unwrap().contains("--key"));
    assert!(!other.state.database().exists());

    let with = KeyOnRestore::File(site.lab.state.key());
    let restored = restore(&other.state, &from, &with, |_| ()).unwrap();
    assert_eq!(restored.sealed, SealedValues { all: 1, lost: 0 });
    assert!(Vault::open(&other.state).is_ok());
    assert_eq!(
        fs::read(other.state.key()).unwrap(),
        fs::read(site.lab.state.key()).unwrap()
    );

    let third = Lab::new();
    let restored = restore(&third.state, &from, &KeyOnRestore::MayBeMissing, |_| ()).unwrap();
    assert_eq!(restored.sealed, SealedValues { all: 1, lost: 1 });

    let fourth = Lab::new();
    fourth.state.prepare().unwrap();
    fs::copy(site.lab.state.key(), fourth.state.key()).unwrap();
    let restored = put_back(&fourth, &from).unwrap();
    assert_eq!(
        restored.sealed.lost, 0,
        "it may lie where it belongs already"
    );
}

#[test]
fn the_key_of_something_else_is_refused_and_takes_no_place() {
    let site = Site::new();
    site.seal("a1");
    site.back_up_with_key("one");
    let other = Lab::new();
    Vault::open(&other.state).unwrap();
    let theirs = fs::read(other.state.key()).unwrap();
    let refused = put_back(&other, &site.path("one")).unwrap_err();
    assert!(matches!(refused, BackupError::OtherKey(_)), "{refused}");
    let wrong = KeyOnRestore::File(other.state.key());
    let refused = restore(&Lab::new().state, &site.path("one"), &wrong, |_| ()).unwrap_err();
    assert!(matches!(refused, BackupError::WrongKey { .. }), "{refused}");
    assert_eq!(fs::read(other.state.key()).unwrap(), theirs);
    assert!(!other.state.database().exists());
}

#[test]
fn no_file_is_replaced_and_nothing_is_left_behind() {
    let site = Site::new();
    fs::write(site.path("mine"), "mine").unwrap();
    let refused = back_up(&site.lab.state, &site.path("mine"), false).unwrap_err();
    assert!(matches!(refused, BackupError::Exists(_)), "{refused}");
    assert_eq!(fs::read(site.path("mine")).unwrap(), b"mine");
    let refused = back_up(&site.lab.state, &site.path("no/folder"), false).unwrap_err();
    assert!(
        matches!(refused, BackupError::Unwritten { .. }),
        "{refused}"
    );
    assert_eq!(site.names(), ["mine"]);
}

#[test]
fn what_is_damaged_is_not_backed_up() {
    let site = Site::new();
    let changed = site
        .lab
        .tamper()
        .execute("UPDATE rows SET json = json || ' '", []);
    assert!(changed.unwrap() > 0);
    let refused = back_up(&site.lab.state, &site.path("one"), false).unwrap_err();
    assert!(matches!(refused, BackupError::Damaged { .. }), "{refused}");
    assert!(refused.way_out().unwrap().contains("tranche verify"));
    assert_eq!(site.names(), [""; 0]);
}

#[test]
fn a_state_is_never_replaced() {
    let site = Site::new();
    site.back_up("one");
    site.lab.ask(block("v9"));
    let before = head(&site.lab.state);
    let refused = put_back(&site.lab, &site.path("one")).unwrap_err();
    assert!(matches!(refused, BackupError::Occupied { .. }), "{refused}");
    let way_out = refused.way_out().unwrap();
    assert!(way_out.starts_with("mv "), "{way_out}");
    assert_eq!(head(&site.lab.state), before);

    let folder = site.lab.state.database().parent().unwrap();
    for name in ["journal.mark", "monitor.db", "tranche.db-wal"] {
        let other = Lab::new();
        other.state.prepare().unwrap();
        let place = other.state.database().with_file_name(name);
        fs::write(&place, "").unwrap();
        let refused = put_back(&other, &site.path("one")).unwrap_err();
        assert!(
            matches!(refused, BackupError::Occupied { .. }),
            "{name}: {refused}"
        );
        assert!(!other.state.database().exists());
    }

    fs::rename(folder, folder.with_file_name("before")).unwrap();
    put_back(&site.lab, &site.path("one")).unwrap();
}

#[test]
fn a_database_beside_others_is_put_back_under_its_own_name() {
    let site = Site::new();
    site.seal("a1");
    site.back_up_with_key("one");
    let folder = TempDir::new().unwrap();
    let state = StateDir::of_database(&folder.path().join("look.db"));
    restore(&state, &site.path("one"), &KeyOnRestore::Found, |_| ()).unwrap();
    assert_eq!(
        names(folder.path()),
        ["look-backup.key", "look-engine.lock", "look.db"]
    );
    let refused = restore(&state, &site.path("one"), &KeyOnRestore::Found, |_| ()).unwrap_err();
    assert!(refused.way_out().unwrap().contains("`look-`"), "{refused}");
}

#[test]
fn what_is_no_backup_of_this_release_is_refused_by_name() {
    let site = Site::new();
    let refused = |path: &Path| {
        let other = Lab::new();
        let refused = put_back(&other, path).unwrap_err();
        assert!(!other.state.database().exists());
        refused
    };
    let (empty, text, copy) = (site.path("empty"), site.path("text"), site.path("copy"));
    fs::write(&empty, "").unwrap();
    fs::write(&text, "no database\n".repeat(100)).unwrap();
    fs::copy(site.lab.state.database(), &copy).unwrap();
    assert!(matches!(refused(&empty), BackupError::NoBackup(_)));
    assert!(matches!(refused(&copy), BackupError::NoBackup(_)));
    assert!(matches!(refused(&text), BackupError::Damaged { .. }));
    assert!(matches!(
        refused(site.backups.path()),
        BackupError::NoBackup(_)
    ));
    assert!(matches!(
        refused(&site.path("none")),
        BackupError::Unread { .. }
    ));

    for newer in [
        "PRAGMA user_version = 99",
        "UPDATE backup_parts SET bytes = CAST(replace(CAST(bytes AS TEXT), '\"format\":1', '\"format\":9') AS BLOB) WHERE name = 'about'",
    ] {
        let name = newer.split_whitespace().next().unwrap();
        site.back_up(name);
        let connection = Connection::open(site.path(name)).unwrap();
        connection.execute_batch(newer).unwrap();
        drop(connection);
        let found = refused(&site.path(name));
        assert!(
            matches!(found, BackupError::State(Error::Newer { .. })),
            "{found}"
        );
    }
}

#[test]
fn whatever_of_a_backup_is_altered_or_cut_off_it_is_refused_or_all_there() {
    let site = Site::new();
    site.seal("a1");
    site.back_up_with_key("one");
    let whole = fs::read(site.path("one")).unwrap();
    let expected = rows(&site.lab.state);
    let mut refused = 0;
    let altered = (0..whole.len()).step_by(1_499).map(|place| {
        let mut bytes = whole.clone();
        bytes[place] ^= 0x55;
        bytes
    });
    let cut = (1..whole.len())
        .step_by(9_973)
        .map(|length| whole[..length].to_vec());
    for (number, bytes) in altered.chain(cut).enumerate() {
        fs::write(site.path("altered"), bytes).unwrap();
        let other = Lab::new();
        if put_back(&other, &site.path("altered")).is_ok() {
            assert_eq!(rows(&other.state), expected, "{number}");
            assert_eq!(verify(&other.state, None).unwrap().problems, [], "{number}");
        } else {
            refused += 1;
            assert!(!other.state.database().exists(), "{number}");
        }
    }
    assert!(refused > 10, "{refused}");
}

#[test]
fn while_a_restore_is_unfinished_nobody_begins_without_a_past() {
    let site = Site::new();
    site.back_up("one");
    let other = Lab::new();
    let mut seen = Vec::new();
    restore(
        &other.state,
        &site.path("one"),
        &KeyOnRestore::Found,
        |step| {
            if step != RestoreStep::Locked {
                seen.push(Tokens::open(&other.state).unwrap_err());
            }
        },
    )
    .unwrap();
    assert_eq!(seen.len(), 4);
    for error in seen {
        assert!(matches!(error, Error::HalfRestored { .. }), "{error}");
    }
    assert!(Tokens::open(&other.state).is_ok());
}

#[test]
fn what_the_monitor_has_measured_goes_along_and_stops_nobody() {
    let site = Site::new();
    let measured = Connection::open(site.lab.state.monitor()).unwrap();
    measured
        .execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE samples (at INTEGER); INSERT INTO samples VALUES (7)")
        .unwrap();
    assert!(site.back_up("one").with_monitor);
    drop(measured);
    let other = Lab::new();
    assert!(put_back(&other, &site.path("one")).unwrap().with_monitor);
    let measured = Connection::open(other.state.monitor()).unwrap();
    let at: i64 = measured
        .query_row("SELECT at FROM samples", [], |row| row.get(0))
        .unwrap();
    assert_eq!(at, 7);

    fs::write(site.lab.state.monitor(), "no database\n".repeat(100)).unwrap();
    let made = site.back_up("two");
    assert!(!made.with_monitor);
    assert!(made.notes[0].contains("cannot be read"), "{:?}", made.notes);
    assert_eq!(site.names(), ["one", "two"]);
}

#[test]
fn a_file_that_has_no_room_says_how_to_get_some() {
    let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
    let error = BackupError::Unwritten {
        path: "one".into(),
        source: Error::file("written", Path::new("one"))(full),
    };
    assert!(error.way_out().unwrap().contains("free some space"));
}
