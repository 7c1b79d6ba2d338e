//! R16, P40: another engine or an older state of the project is noticed at Render, whatever the files beside it say.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use policy::ServiceId;
use serde_json::Value;

use crate::lab::{Files, Lab, RELEASE, wait_for};

const FLEET: [&str; 3] = ["acme", "beta", "coco"];

fn lab(delay: &str) -> Lab {
    let mut files = Files::small();
    files.policies = vec![("all", format!("policy: all\nbatch: 1\ndelay: {delay}\n"))];
    files.fleet = FLEET.map(|key| (key, "all", vec!["backend"])).to_vec();
    Lab::of(&files)
}

/// Every file of a folder with what it holds, the repository apart.
fn snapshot(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true if path.ends_with("repository") => {}
            true => files.extend(snapshot(&path)),
            false if path.symlink_metadata().unwrap().is_file() => {
                files.insert(path.clone(), fs::read(&path).unwrap());
            }
            false => {}
        }
    }
    files
}

/// Puts a snapshot back as that of a machine is: the same files with what they held.
fn put_back(folder: &Path, files: &BTreeMap<PathBuf, Vec<u8>>) {
    for path in snapshot(folder).into_keys() {
        match files.get(&path) {
            Some(held) => fs::write(&path, held).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
    }
    for (path, held) in files.iter().filter(|(path, _)| !path.exists()) {
        fs::write(path, held).unwrap();
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else if path.symlink_metadata().unwrap().is_file() {
            fs::copy(&path, &target).unwrap();
        }
    }
}

fn events(journal: &Output, kind: &str) -> Vec<Value> {
    let text = String::from_utf8_lossy(&journal.stdout);
    let events = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    events.filter(|event| event["kind"] == kind).collect()
}

/// How many deploys were asked for at each customer.
fn deploys(lab: &Lab) -> [usize; 3] {
    FLEET.map(|key| {
        let service = ServiceId::new(format!("srv-{key}-backend"));
        lab.platform().requests().deploys_of(&service).count()
    })
}

fn exits(output: &Output, code: i32) {
    assert_eq!(output.status.code(), Some(code), "{output:?}");
}

#[test]
fn a_whole_machine_put_back_deploys_nobody_again() {
    let lab = lab("100ms");
    exits(&lab.tranche(&["start", RELEASE, "--yes", "--detach"]), 0);
    let older = snapshot(lab.path());
    exits(&lab.tranche(&["run", "--until-idle"]), 0);
    assert_eq!(deploys(&lab), [1; 3]);

    put_back(lab.path(), &older);
    exits(&lab.tranche(&["run", "--until-idle"]), 6);
    assert_eq!(deploys(&lab), [1; 3], "nothing has left");
    let held = events(&lab.tranche(&["events"]), "rollouts_held");
    assert_eq!(held.len(), 1, "{held:?}");
    let why = lab.tranche(&["why", "beta"]);
    let why = String::from_utf8_lossy(&why.stdout).into_owned();
    for said in ["brought to acme by somebody else", "tranche resume --moved"] {
        assert!(why.contains(said), "{why}");
    }
    exits(&lab.tranche(&["resume"]), 3);
    exits(&lab.tranche(&["resume", "--moved"]), 0);
    exits(&lab.tranche(&["resume", "--moved"]), 3);

    exits(&lab.tranche(&["run", "--until-idle"]), 0);
    assert_eq!(deploys(&lab), [1; 3]);
    let journal = lab.tranche(&["events"]);
    assert_eq!(events(&journal, "deploy_adopted").len(), 3);
    assert_eq!(events(&journal, "customer_healthy").len(), 3);
    exits(&lab.tranche(&["verify"]), 0);
}

#[test]
fn an_engine_on_a_copy_leaves_alone_what_the_first_has_deployed() {
    let lab = lab("1s");
    exits(&lab.tranche(&["start", RELEASE, "--yes", "--detach"]), 0);
    let elsewhere = tempfile::tempdir().unwrap();
    copy(lab.path(), elsewhere.path());
    let mut engine = lab.spawn(&["run"]);
    wait_for("acme is healthy", || {
        !events(&lab.tranche(&["events"]), "customer_healthy").is_empty()
    });
    exits(
        &lab.tranche_in(elsewhere.path(), &["run", "--until-idle"]),
        6,
    );
    let journal = lab.tranche_in(elsewhere.path(), &["events"]);
    let noticed = ["restored", "rollouts_held"].map(|kind| events(&journal, kind).len());
    assert_ne!(noticed, [0, 0], "{journal:?}");
    wait_for("the first engine is done", || {
        !events(&lab.tranche(&["events"]), "rollout_succeeded").is_empty()
    });
    engine.kill().unwrap();
    engine.wait().unwrap();
    assert_eq!(deploys(&lab), [1; 3]);
}
