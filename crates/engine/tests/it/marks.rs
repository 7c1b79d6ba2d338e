//! Which database is the one that counts: copies of it, older states, and what the marks outside of it say (P40).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use engine::state_dir::{Identity, Marks};
use engine::{EngineOptions, EngineState, Reader, StateDir};
use rollout::{Product, Verb};
use tempfile::TempDir;

use crate::lab::{LIMIT, Lab, block, by, eventually, files, start};
use crate::world::World;

/// A lab whose second mark lies in a folder of its own.
struct Marked {
    lab: Lab,
    outside: TempDir,
}

impl Marked {
    fn new() -> Self {
        let (mut lab, outside) = (Lab::new(), TempDir::new().unwrap());
        lab.state = lab
            .state
            .with_marks(Marks::In(outside.path().join("marks")));
        Self { lab, outside }
    }

    /// With a rollout that was asked for.
    fn started() -> Self {
        let marked = Self::new();
        marked.lab.ask(start());
        marked
    }

    fn second(&self) -> PathBuf {
        let folder = self.outside.path().join("marks");
        let mut files = fs::read_dir(folder).unwrap();
        files.next().unwrap().unwrap().path()
    }

    fn folder(&self) -> PathBuf {
        self.lab.state.database().parent().unwrap().to_owned()
    }

    /// The state of a copy of the whole folder.
    fn copy(&self) -> Marked {
        let (folder, outside) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        let state = StateDir::of_project(folder.path()).with_marks(self.lab.state.marks().clone());
        copy_files(&self.folder(), state.database().parent().unwrap());
        Marked {
            lab: Lab { folder, state },
            outside,
        }
    }

    fn objection(&self) -> Option<String> {
        let reader = Reader::open(&self.lab.state).unwrap();
        reader.objection(&self.lab.state).unwrap()
    }

    /// What an engine says and holds at its start.
    async fn driven(&self) -> Driven {
        let world = World::new();
        let mut engine = world.engine(&self.lab, world.options());
        let notes = engine.notes().to_vec();
        let held = engine.look(Product::elsewhere).await.unwrap();
        if held.is_none() {
            eventually("a customer is read", || !world.seen().is_empty());
        } else {
            assert_eq!(world.seen(), [], "nothing has left");
        }
        engine.kill();
        engine.ended().await.unwrap();
        Driven { notes, held }
    }
}

struct Driven {
    notes: Vec<String>,
    held: Option<String>,
}

/// By another process: to close a file that is open here would give up its locks. A file that is there keeps its number.
fn copy_files(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    let copied = Command::new("cp")
        .arg("-r")
        .arg(from.join("."))
        .arg(to)
        .stderr(Stdio::null())
        .status();
    // The socket of a running engine cannot be copied.
    copied.unwrap();
    assert!(to.join("tranche.db").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_the_folder_is_held_and_leaves_the_original_alone() {
    let original = Marked::started();
    let copy = original.copy();
    assert!(copy.objection().is_some(), "a look says so");
    let held = copy.driven().await.held.unwrap();
    assert!(
        held.contains("another one than that which wrote `journal.mark`"),
        "{held}"
    );
    assert!(copy.driven().await.held.is_some(), "at every start");
    copy.lab.ask(block("v9"));

    assert_eq!(original.objection(), None);
    assert_eq!(original.driven().await.held, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_told_to_go_on_holds_the_other_one() {
    let original = Marked::started();
    let copy = original.copy();
    assert!(copy.driven().await.held.is_some());
    let lifted = copy.lab.ask(Verb::ResumeMoved);
    assert_eq!(lifted.rejected, None);
    assert_eq!(copy.driven().await.held, None);

    let held = original.driven().await.held.unwrap();
    assert!(held.contains(".mark`"), "{held}");
    assert_eq!(copy.driven().await.held, None, "it has not taken it back");
    original.lab.ask(Verb::ResumeMoved);
    assert_eq!(original.driven().await.held, None);
    assert!(copy.driven().await.held.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_engine_is_held_when_a_copy_takes_its_place() {
    let original = Marked::started();
    let world = World::new();
    let engine = world.engine(&original.lab, EngineOptions::default());
    engine.look(|_| ()).await.unwrap();
    let copy = original.copy();
    copy.lab.ask(block("v8"));
    assert_eq!(copy.lab.ask(Verb::ResumeMoved).rejected, None);

    let mut state = engine.state();
    let asked = engine.ask(by("ann", block("v9"))).await;
    assert!(asked.is_err(), "{asked:?}");
    let is_out = |state: &EngineState| matches!(state, EngineState::Degraded { reason } if reason.contains("the one that counts"));
    state.wait_for(is_out).await.unwrap();
    let is_back = |state: &EngineState| *state == EngineState::Driving;
    state.wait_for(is_back).await.unwrap();
    let held = engine.look(Product::elsewhere).await.unwrap();
    assert!(held.is_some());
    assert_eq!(copy.driven().await.held, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_state_that_is_put_back_over_its_own_files_is_held() {
    let marked = Marked::started();
    let before = marked.copy();
    marked.lab.ask(block("v9"));
    copy_files(&before.folder(), &marked.folder());
    let held = marked.driven().await.held.unwrap();
    assert!(held.contains("it is an older copy"), "{held}");
    let again = marked.lab.ask(block("v10"));
    assert_eq!(again.rejected, None, "what starts nothing is taken");
    marked.lab.ask(Verb::ResumeMoved);
    assert_eq!(marked.driven().await.held, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_database_beneath_the_mark_of_a_newer_one_is_held() {
    let lab = Lab::new();
    lab.ask(start());
    let older = fs::read(lab.state.database()).unwrap();
    lab.ask(block("v2"));
    fs::write(lab.state.database(), older).unwrap();

    let world = World::new();
    let engine = world.engine(&lab, world.options());
    let held = engine.look(Product::elsewhere).await.unwrap().unwrap();
    assert!(
        held.contains("was committed as `journal.mark` says"),
        "{held}"
    );
    assert_eq!(world.seen(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_was_moved_goes_on() {
    let marked = Marked::started();
    let elsewhere = TempDir::new_in(marked.lab.folder.path().parent().unwrap()).unwrap();
    let to = elsewhere.path().join(".tranche");
    fs::rename(marked.folder(), &to).unwrap();
    let state = StateDir::of_project(elsewhere.path()).with_marks(marked.lab.state.marks().clone());
    let moved = Marked {
        lab: Lab {
            folder: elsewhere,
            state,
        },
        outside: TempDir::new().unwrap(),
    };
    assert_eq!(moved.driven().await.held, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_mark_that_is_gone_is_made_anew_and_said() {
    let marked = Marked::started();
    assert_eq!(
        marked.driven().await.notes,
        [""; 0],
        "made with the database"
    );
    fs::remove_file(marked.second()).unwrap();
    marked.lab.ask(block("v2"));
    let driven = marked.driven().await;
    assert_eq!(driven.held, None);
    assert!(
        driven.notes[0].contains("is made anew"),
        "{:?}",
        driven.notes
    );
    assert_eq!(marked.driven().await.notes, [""; 0]);
    assert!(marked.second().exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_place_for_the_second_mark_the_rest_remains_and_it_is_said() {
    let outside = TempDir::new().unwrap();
    let file = outside.path().join("a file");
    fs::write(&file, "").unwrap();
    for marks in [Marks::In(file), Marks::Nowhere] {
        let mut marked = Marked::started();
        marked.lab.state = marked.lab.state.clone().with_marks(marks);
        let driven = marked.driven().await;
        assert_eq!(driven.held, None);
        assert!(
            driven.notes[0].contains("TRANCHE_MARK"),
            "{:?}",
            driven.notes
        );
        assert!(marked.copy().driven().await.held.is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_files_have_other_numbers_at_each_mount_the_journal_tells_alone() {
    let marked = Marked::started();
    let mut copy = marked.copy();
    copy.lab.state = copy.lab.state.clone().with_identity(Identity::Journal);
    assert_eq!(copy.driven().await.held, None);
    let older = marked.driven().await.held;
    assert!(older.is_some(), "what the copy has done is not in it");
}

/// Takes away the owner of the first mark, and what the database has had since it can tell itself from a copy.
fn of_an_older_release(lab: &Lab) {
    let mark = fs::read_to_string(lab.state.mark()).unwrap();
    let first_line = mark.lines().next().unwrap();
    fs::write(lab.state.mark(), format!("{first_line}\n")).unwrap();
    let older = "DROP TABLE digests; ALTER TABLE rows DROP COLUMN hash; ALTER TABLE meta DROP COLUMN database; PRAGMA user_version = 2";
    lab.tamper().execute_batch(older).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_an_older_release_is_taken_as_it_is_once() {
    let marked = Marked::started();
    fs::remove_file(marked.second()).unwrap();
    of_an_older_release(&marked.lab);
    let (before, copy) = (marked.copy(), marked.copy());
    assert_eq!(marked.objection(), None);
    let driven = marked.driven().await;
    assert_eq!((driven.held, driven.notes), (None, Vec::new()));
    assert!(marked.second().exists());

    assert!(copy.driven().await.held.is_some(), "also a copy of before");
    copy_files(&before.folder(), &marked.folder());
    assert!(marked.driven().await.held.is_some(), "also over its files");
}

#[test]
fn looking_makes_no_mark() {
    let marked = Marked::started();
    let second = fs::read(marked.second()).unwrap();
    let copy = marked.copy();
    let first = fs::read(copy.lab.state.mark()).unwrap();
    let reader = Reader::open(&copy.lab.state).unwrap();
    reader.product().unwrap();
    engine::verify(&copy.lab.state, None).unwrap();
    assert!(copy.objection().is_some());
    let asked = engine::ask(&copy.lab.state, &by("ann", block("v7")), LIMIT, files()).unwrap();
    assert_eq!(asked.rejected, None);
    assert_eq!(fs::read(copy.lab.state.mark()).unwrap(), first);
    assert_eq!(fs::read(marked.second()).unwrap(), second);
}
