//! P7, P36, P40: the state as one file, put back on another machine, killed on the way; and nobody is deployed twice.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use sim::api::Op;
use tempfile::TempDir;

use crate::lab::{Files, Lab, RELEASE, SERVICES, said, wait_for};

/// Where a restore can be killed, in order.
const STEPS: [&str; 5] = ["locked", "copied", "checked", "key", "monitor"];

/// A lab, and a folder that stands for another machine.
struct Machines {
    lab: Lab,
    other: TempDir,
}

impl Machines {
    fn new() -> Self {
        Self::of(Lab::new())
    }

    /// With the project's files on the other machine, as a clone of its repository has them.
    fn of(lab: Lab) -> Self {
        let other = tempfile::tempdir().unwrap();
        let copied = Command::new("cp")
            .arg("-r")
            .args(
                ["tranche.yaml", "customers.yaml", "policies", "repository"]
                    .map(|name| lab.path().join(name)),
            )
            .arg(other.path())
            .status();
        assert!(copied.unwrap().success());
        Self { lab, other }
    }

    fn there(&self, args: &[&str]) -> Output {
        self.lab.tranche_in(self.other.path(), args)
    }

    fn there_dying(&self, args: &[&str], crash_at: &str) -> Output {
        let mut command = self.lab.command_in(self.other.path(), args);
        command.env("TRANCHE_CRASH_AT", crash_at).output().unwrap()
    }

    /// A file on neither of them.
    fn file(&self, name: &str) -> PathBuf {
        self.other.path().join(name)
    }

    fn back_up(&self, more: &[&str]) -> PathBuf {
        let file = self.file("one.backup");
        let mut args = vec!["backup", file.to_str().unwrap()];
        args.extend(more);
        ends(&self.lab.tranche(&args), 0);
        file
    }

    /// How many deploys were asked for.
    fn deploys(&self) -> usize {
        let platform = self.lab.platform();
        let changes = platform.requests().changes().iter();
        changes
            .filter(|request| request.op == Op::TriggerDeploy)
            .count()
    }
}

#[track_caller]
fn ends(output: &Output, exit: i32) -> String {
    assert_eq!(output.status.code(), Some(exit), "{}", said(output));
    said(output)
}

fn restore(file: &Path) -> [&str; 2] {
    ["restore", file.to_str().unwrap()]
}

fn journal(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// The machine is lost after the backup was made, and what it did since is not in it.
#[test]
fn a_rollout_goes_on_from_a_backup_on_another_machine_and_deploys_nobody_twice() {
    let mut files = Files::small();
    files.policies[0].1 = files.policies[0].1.replace("100ms", "1s");
    let machines = Machines::of(Lab::of(&files));
    let mut engine = machines.lab.spawn(&["start", RELEASE, "--yes"]);
    wait_for("the first deploy is asked for", || machines.deploys() > 0);
    let file = machines.back_up(&["--with-key"]);
    wait_for("more is deployed than the backup knows", || {
        machines.deploys() > 1
    });
    engine.kill().unwrap();
    engine.wait().unwrap();

    let put_back = ends(&machines.there(&restore(&file)), 0);
    assert!(put_back.contains("unfinished: r1"), "{put_back}");
    assert!(put_back.contains("tranche resume --moved"), "{put_back}");
    let before = machines.deploys();
    let held = ends(&machines.there(&["run", "--until-idle"]), 6);
    assert!(held.contains("resume --moved"), "{held}");
    assert_eq!(machines.deploys(), before, "nothing has left");

    ends(&machines.there(&["resume", "--moved"]), 0);
    ends(&machines.there(&["run", "--until-idle"]), 0);
    assert_eq!(machines.deploys(), SERVICES.len(), "each of them once");
    ends(&machines.there(&["verify"]), 0);
}

#[test]
fn a_restore_that_is_killed_anywhere_is_done_by_the_same_command_again() {
    let machines = Machines::new();
    ends(&machines.lab.tranche(&["start", RELEASE, "--yes"]), 0);
    machines.lab.tranche(&["monitor", "--once"]);
    let file = machines.back_up(&["--with-key"]);
    let expected = journal(&machines.lab.tranche(&["events"]));
    let state = machines.other.path().join(".tranche");
    for step in STEPS {
        let died = machines.there_dying(&restore(&file), &format!("restore:{step}"));
        assert_eq!(died.status.code(), None, "{step}: {}", said(&died));
        assert!(!state.join("tranche.db").exists(), "{step}");
        if step != "locked" {
            let refused = machines.there(&["token", "create", "--service", "ci"]);
            let refused = ends(&refused, 3);
            assert!(
                refused.contains("tranche restore FILE"),
                "{step}: {refused}"
            );
        }
        // As somebody does it at once, or after another kill.
        if step == "monitor" || step == "copied" {
            ends(&machines.there(&restore(&file)), 0);
            assert_eq!(journal(&machines.there(&["events"])), expected, "{step}");
            ends(&machines.there(&["verify"]), 0);
            let names = names(&state);
            assert_eq!(
                names,
                ["backup.key", "engine.lock", "monitor.db", "tranche.db"],
                "{step}: nothing of the way is left"
            );
            fs::remove_dir_all(&state).unwrap();
        }
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    // Looking leaves `SQLite`'s own files.
    let mut names: Vec<String> = names
        .filter(|name| !name.ends_with("-shm") && !name.ends_with("-wal"))
        .collect();
    names.sort();
    names
}

#[test]
fn what_is_there_stays_and_the_way_out_is_named() {
    let machines = Machines::new();
    let nothing = machines.lab.tranche(&["backup", "x.backup"]);
    assert!(ends(&nothing, 3).contains("tranche start"));
    ends(
        &machines
            .lab
            .tranche(&["start", RELEASE, "--yes", "--detach"]),
        0,
    );
    let file = machines.back_up(&[]);
    let again = machines.lab.tranche(&["backup", file.to_str().unwrap()]);
    assert!(ends(&again, 3).contains("another file"));
    let inside = machines.lab.path().join(".tranche/one.backup");
    let inside = machines.lab.tranche(&["backup", inside.to_str().unwrap()]);
    assert!(ends(&inside, 3).contains("the state is there"));

    let occupied = ends(&machines.lab.tranche(&restore(&file)), 3);
    assert!(occupied.contains("try: mv "), "{occupied}");
    let absent = ends(&machines.there(&restore(&machines.file("none"))), 2);
    assert!(absent.contains("a file that can be read"), "{absent}");
    let other = machines.file("tranche.yaml");
    let other = ends(&machines.there(&restore(&other)), 1);
    assert!(other.contains("no SQLite database"), "{other}");

    let mut engine = machines.lab.spawn(&["run"]);
    wait_for("the engine drives", || machines.deploys() > 0);
    let driven = ends(&machines.lab.tranche(&restore(&file)), 3);
    assert!(driven.contains("stop it"), "{driven}");
    engine.kill().unwrap();
    engine.wait().unwrap();
}

#[test]
fn a_backup_says_what_is_in_it_and_can_be_looked_into() {
    let machines = Machines::new();
    ends(&machines.lab.tranche(&["start", RELEASE, "--yes"]), 0);
    let file = machines.file("two.backup");
    let name = file.to_str().unwrap();
    let made = machines.lab.tranche(&["backup", name, "-o", "json"]);
    let remark = ends(&made, 0);
    assert!(remark.contains("keep `backup.key`"), "{remark}");
    let made: Value = serde_json::from_slice(&made.stdout).unwrap();
    assert_eq!(made["with_key"], false);
    assert_eq!(made["unfinished"], serde_json::json!([]));
    let head = machines.lab.tranche(&["events", "--head"]);
    assert_eq!(made["head"], journal(&head).trim());

    ends(&machines.there(&["--db", name, "verify"]), 0);
    ends(&machines.there(&["--db", name, "status"]), 0);
    let without = ends(&machines.there(&restore(&file)), 3);
    assert!(without.contains("--without-key"), "{without}");
    let mut args = restore(&file).to_vec();
    args.push("--without-key");
    let put_back = ends(&machines.there(&args), 0);
    assert!(put_back.contains("stay sealed"), "{put_back}");
}
