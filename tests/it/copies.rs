//! P7, P40, P41: a folder that was copied, put back, moved or edited, as the binary meets it. Nobody is deployed twice.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use rusqlite::Connection;
use sim::api::Op;
use tempfile::TempDir;

use crate::lab::{Files, Lab, RELEASE, SERVICES, said};

/// A lab with a folder for second marks.
struct Site {
    lab: Lab,
    marks: TempDir,
}

impl Site {
    /// With a rollout that was asked for, and that nobody drives yet.
    fn started() -> Self {
        Self::of(&Files::small())
    }

    fn of(files: &Files) -> Self {
        let site = Self {
            lab: Lab::of(files),
            marks: tempfile::tempdir().unwrap(),
        };
        let started = site.tranche(site.lab.path(), &["start", RELEASE, "--yes", "--detach"]);
        assert_eq!(started.status.code(), Some(0), "{}", said(&started));
        site
    }

    fn tranche(&self, folder: &Path, args: &[&str]) -> Output {
        let mut command = self.lab.command_in(folder, args);
        command.env("TRANCHE_MARK", self.marks.path());
        command.output().unwrap()
    }

    fn drive(&self, folder: &Path) -> Output {
        self.tranche(folder, &["run", "--until-idle"])
    }

    #[track_caller]
    fn succeeds(&self, folder: &Path) {
        let output = self.drive(folder);
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    }

    /// It ends unfinished, and says why and what to do about it.
    #[track_caller]
    fn is_held(&self, folder: &Path) {
        let before = self.deploys();
        let output = self.drive(folder);
        assert_eq!(output.status.code(), Some(6), "{}", said(&output));
        for output in [output, self.tranche(folder, &["status"])] {
            assert!(
                said(&output).contains("resume --moved"),
                "{}",
                said(&output)
            );
        }
        assert_eq!(self.deploys(), before, "nothing has left");
    }

    /// How many deploys were asked for.
    fn deploys(&self) -> usize {
        let platform = self.lab.platform();
        let changes = platform.requests().changes().iter();
        changes
            .filter(|request| request.op == Op::TriggerDeploy)
            .count()
    }

    /// A copy of the project folder, as `cp -r` makes it.
    fn copy(&self) -> TempDir {
        let copy = tempfile::tempdir().unwrap();
        copy_files(self.lab.path(), copy.path());
        copy
    }

    fn second_mark(&self) -> PathBuf {
        let mut marks = fs::read_dir(self.marks.path()).unwrap();
        marks.next().unwrap().unwrap().path()
    }
}

/// A file that is there is written over, and keeps its number.
fn copy_files(from: &Path, to: &Path) {
    let mut copy = Command::new("cp");
    copy.arg("-r").arg(from.join(".")).arg(to);
    assert!(copy.status().unwrap().success());
}

#[test]
fn a_copy_is_held_at_once_and_later_and_keeps_nobody_from_going_on() {
    let site = Site::started();
    let copy = site.copy();
    site.is_held(copy.path());
    let why = site.tranche(copy.path(), &["why", "acme"]);
    assert!(said(&why).contains("resume --moved"), "{}", said(&why));
    site.succeeds(site.lab.path());
    assert_eq!(site.deploys(), SERVICES.len());

    let later = site.copy();
    site.is_held(copy.path());
    let looked = site.tranche(later.path(), &["verify"]);
    assert_eq!(looked.status.code(), Some(0), "{}", said(&looked));
    let status = site.tranche(later.path(), &["status"]);
    assert!(said(&status).contains("it is a copy"), "{}", said(&status));
    site.succeeds(site.lab.path());
    assert_eq!(site.deploys(), SERVICES.len(), "each of them once");
}

#[test]
fn a_copy_that_is_told_to_go_on_holds_the_original() {
    let site = Site::started();
    let copy = site.copy();
    let lifted = site.tranche(copy.path(), &["resume", "--moved"]);
    assert_eq!(lifted.status.code(), Some(0), "{}", said(&lifted));
    site.is_held(site.lab.path());
    site.succeeds(copy.path());
    assert_eq!(site.deploys(), SERVICES.len());
    site.is_held(site.lab.path());
}

#[test]
fn a_folder_that_is_put_back_over_itself_is_held() {
    let site = Site::started();
    let before = site.copy();
    site.succeeds(site.lab.path());
    let state = site.lab.path().join(".tranche");

    // A log that the last engine has left beside the database would bring back what the copy lacks: then nothing is lost.
    for log in ["tranche.db-wal", "tranche.db-shm"] {
        let _ = fs::remove_file(state.join(log));
    }
    copy_files(&before.path().join(".tranche"), &state);
    site.is_held(site.lab.path());

    // As `tar` does it: other files under the same names.
    fs::remove_dir_all(&state).unwrap();
    fs::create_dir(&state).unwrap();
    copy_files(&before.path().join(".tranche"), &state);
    site.is_held(site.lab.path());
    assert_eq!(site.deploys(), SERVICES.len());
}

#[test]
fn a_folder_that_was_moved_is_not_held() {
    let site = Site::started();
    let parent = site.lab.path().parent().unwrap();
    let place = tempfile::tempdir_in(parent).unwrap();
    let moved = place.path().join("moved");
    fs::rename(site.lab.path(), &moved).unwrap();
    site.succeeds(&moved);
    fs::rename(&moved, site.lab.path()).unwrap();
    assert_eq!(site.deploys(), SERVICES.len());
}

#[test]
fn a_second_mark_that_is_gone_or_has_no_place_is_said_and_stops_nobody() {
    let site = Site::started();
    fs::remove_file(site.second_mark()).unwrap();
    let output = site.drive(site.lab.path());
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(said(&output).contains("is made anew"), "{}", said(&output));
    assert!(site.second_mark().exists());

    let nowhere = site
        .lab
        .command_in(site.lab.path(), &["run", "--until-idle"])
        .env("TRANCHE_MARK", "/proc/marks")
        .output()
        .unwrap();
    assert_eq!(nowhere.status.code(), Some(0), "{}", said(&nowhere));
    assert!(
        said(&nowhere).contains("cannot be kept"),
        "{}",
        said(&nowhere)
    );
}

/// As under a system's service manager: there is nobody whose home it could be.
#[test]
fn without_a_home_an_engine_says_that_there_is_no_second_mark() {
    let site = Site::started();
    site.succeeds(site.lab.path());
    let run = |home: Option<&Path>| {
        let mut command = site
            .lab
            .command_in(site.lab.path(), &["run", "--until-idle"]);
        // Not a loopback address, and yet nobody is asked: all is done.
        command.env("RENDER_API_URL", "https://0.0.0.0:1/v1");
        command.env_remove("HOME").env_remove("XDG_STATE_HOME");
        if let Some(home) = home {
            command.env("HOME", home);
        }
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        said(&output)
    };
    assert!(run(None).contains("name one with TRANCHE_MARK"));
    let home = tempfile::tempdir().unwrap();
    assert!(run(Some(home.path())).contains(".local/state/tranche/marks"));
    assert!(!run(Some(home.path())).contains("mark"));
}

/// Both customers wait for two people.
fn gated() -> Files {
    let account = Command::new("id").arg("-un").output().unwrap();
    let account = String::from_utf8(account.stdout).unwrap();
    let mut files = Files::small();
    let people = format!(
        "people: {{ ann: {{ os: \"{}\" }}, bob: {{}}, carol: {{}} }}\n",
        account.trim()
    );
    files.project += &people;
    files.policies[0].1 += "approval: { per: phase, quorum: 2 }\n";
    files
}

#[test]
fn votes_that_were_written_into_the_database_open_no_gate() {
    let site = Site::of(&gated());
    let waits = site.drive(site.lab.path());
    assert_eq!(waits.status.code(), Some(6), "{}", said(&waits));

    let database = Connection::open(site.lab.path().join(".tranche/tranche.db")).unwrap();
    let digest: String = database
        .query_row(
            "SELECT json_extract(json, '$.data.digest') FROM events WHERE kind = 'rollout_started'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    let vote = |person: &str| {
        format!(
            "json_object('person', '{person}', 'at', '2027-01-11T09:00:00Z', 'digest', '{digest}', 'reason', NULL)"
        )
    };
    let forged = format!(
        "UPDATE rows SET json = json_set(json, '$.votes', json_array({}, {})) WHERE key = 'gate/r1/all'",
        vote("bob"),
        vote("carol")
    );
    assert_eq!(database.execute(&forged, []).unwrap(), 1);
    drop(database);

    let refused = site.drive(site.lab.path());
    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    assert!(
        said(&refused).contains("the rows of r1"),
        "{}",
        said(&refused)
    );
    assert_eq!(site.deploys(), 0);
    for (args, exit) in [
        (&["approve", "all"][..], 1),
        (&["verify"], 1),
        (&["events"], 0),
        (&["status"], 0),
    ] {
        let output = site.tranche(site.lab.path(), args);
        assert_eq!(
            output.status.code(),
            Some(exit),
            "{args:?} {}",
            said(&output)
        );
    }
    let status = site.tranche(site.lab.path(), &["status"]);
    assert!(said(&status).contains("may be wrong"), "{}", said(&status));
}
