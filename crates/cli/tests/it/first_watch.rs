//! `watch` before there is anything to watch, and what `simulate` knows of what there was.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};

use crate::project::Project;
use crate::rollouts::{KEY, Story};

#[test]
fn watch_waits_for_the_first_rollout_and_shows_all_of_it() {
    let story = Story::new(&[]);
    let project = &story.project;
    let mut watch = Command::new(env!("CARGO_BIN_EXE_tranche"))
        .args(["watch", "--timeout", "60s"])
        .current_dir(project.path())
        .env("XDG_STATE_HOME", project.path().join(".state"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    let mut err = BufReader::new(watch.stderr.take().unwrap());
    err.read_line(&mut said).unwrap();
    assert_eq!(
        said,
        "nothing has been started yet; waiting for the first rollout\n"
    );
    project
        .tranche_with(&["start", "v1.1.0"], &[KEY])
        .succeeds();
    let mut lines = String::new();
    watch
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut lines)
        .unwrap();
    assert!(watch.wait().unwrap().success(), "{lines}");
    assert!(lines.contains("rollout of v1.1.0 started"), "{lines}");
    assert!(lines.contains("rollout succeeded"), "{lines}");
}

#[test]
fn watch_gives_up_waiting_in_time() {
    let project = Project::new();
    for more in [&[][..], &["-o", "json"]] {
        let said = project
            .tranche(&[&["watch", "--timeout", "300ms"], more].concat())
            .exits(6);
        assert_eq!(said.out, "");
        assert!(
            said.err.contains("waiting for the first rollout"),
            "{}",
            said.err
        );
    }
    // Something else has been written, and still there is no rollout.
    project
        .tranche(&["block", "v9", "--reason", "broken"])
        .succeeds();
    project.tranche(&["watch", "--timeout", "300ms"]).exits(6);
    let said = project
        .tranche(&["watch", "r1", "--timeout", "300ms"])
        .exits(2);
    assert!(said.err.contains("there is no rollout r1"), "{}", said.err);
}

#[test]
fn simulate_says_which_time_a_deploy_takes_and_learns_it_from_the_journal() {
    let story = Story::new(&[]);
    let project = &story.project;
    let simulate = ["simulate", "v1.1.0"];
    let said = project.tranche(&simulate).succeeds();
    assert!(
        said.err.contains("5m were assumed for each deploy"),
        "{}",
        said.err
    );
    assert!(said.out.contains("succeeded after 1"), "{}", said.out);
    let one = ["start", "v1.1.0", "--customers", "acme"];
    project.tranche_with(&one, &[KEY]).succeeds();
    let said = project.tranche(&simulate).succeeds();
    assert!(
        said.err.contains("deploys of 1 service were assumed to take the median of the last ones there; for 1 service without any, 5m were assumed"),
        "{}",
        said.err
    );
    project
        .tranche_with(&["start", "v1.1.0"], &[KEY])
        .succeeds();
    let said = project
        .tranche(&[&simulate[..], &["-o", "json"]].concat())
        .succeeds();
    assert!(
        said.err
            .contains("the median of the last ones of that service"),
        "{}",
        said.err
    );
    assert!(
        said.out.lines().all(|line| line.starts_with("{\"seq\"")),
        "{}",
        said.out
    );
    // Deploys of less than a second leave nothing of ten minutes.
    let said = project.tranche(&simulate).succeeds();
    let summary = said
        .out
        .lines()
        .find(|line| line.contains("succeeded after"));
    assert!(
        summary.is_some_and(|line| !line.contains('m')),
        "{summary:?}"
    );
}

#[test]
fn a_scenario_takes_the_time_that_it_says() {
    let project = Project::new();
    let scenario = std::fs::read_dir(project.path().join("scenarios"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    let path = scenario.path();
    let said = project
        .tranche(&["simulate", "--scenario", path.to_str().unwrap()])
        .succeeds();
    assert!(said.err.contains("as the scenario says"), "{}", said.err);
}
