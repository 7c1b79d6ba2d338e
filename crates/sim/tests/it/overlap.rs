use sim::settings::{Assumptions, Overlap, Settings, Skipped};

use crate::lab::{Lab, NEW, OLD, service, settings};

fn of(statuses: &[(String, String)]) -> Vec<&str> {
    statuses.iter().map(|(status, _)| status.as_str()).collect()
}

#[test]
fn by_override_a_newer_deploy_cancels_the_running_one() {
    let mut lab = Lab::new();
    lab.deploy(NEW);
    lab.pass(10);
    lab.deploy("third");
    assert_eq!(of(&lab.listed()), ["build_in_progress", "canceled", "live"]);
    lab.pass(99);
    assert_eq!(
        of(&lab.listed()),
        ["update_in_progress", "canceled", "live"]
    );
    lab.pass(1);
    assert_eq!(of(&lab.listed()), ["live", "canceled", "deactivated"]);
}

#[test]
fn by_wait_a_newer_deploy_is_accepted_without_an_id_and_runs_afterwards() {
    let mut lab = Lab::waiting();
    lab.deploy(NEW);
    let reply = lab.trigger("third");
    assert_eq!((reply.status, reply.body.as_ref()), (202, None));
    assert_eq!(reply.header("content-type"), None);
    assert_eq!(of(&lab.listed()), ["queued", "build_in_progress", "live"]);
    lab.pass(100);
    assert_eq!(
        of(&lab.listed()),
        ["build_in_progress", "live", "deactivated"]
    );
    lab.pass(100);
    assert_eq!(of(&lab.listed()), ["live", "deactivated", "deactivated"]);
}

#[test]
fn by_wait_only_the_newest_waiting_deploy_runs() {
    let mut lab = Lab::waiting();
    lab.deploy(NEW);
    lab.trigger("third");
    lab.trigger("fourth");
    assert_eq!(
        of(&lab.listed())[..3],
        ["queued", "canceled", "build_in_progress"]
    );
    lab.pass(200);
    assert_eq!(lab.listed()[0], ("live".into(), "fourth".into()));
}

#[test]
fn skipped_deploys_can_be_absent() {
    let mut lab = Lab::with(Settings {
        overlap: Overlap::Wait,
        assumptions: Assumptions {
            skipped: Skipped::Absent,
            ..Assumptions::default()
        },
        ..settings()
    });
    lab.deploy(NEW);
    lab.trigger("third");
    lab.trigger("fourth");
    assert_eq!(of(&lab.listed()), ["queued", "build_in_progress", "live"]);
}

#[test]
fn canceling_the_running_deploy_begins_the_waiting_one() {
    let mut lab = Lab::waiting();
    let running = lab.deploy(NEW);
    lab.trigger("third");
    lab.ask(
        "POST",
        &format!("/services/srv-a/deploys/{running}/cancel"),
        None,
    );
    assert_eq!(of(&lab.listed()), ["build_in_progress", "canceled", "live"]);
}

#[test]
fn a_queued_deploy_can_be_canceled_unless_it_is_assumed_otherwise() {
    for allowed in [true, false] {
        let mut lab = Lab::waiting();
        lab.platform.settings_mut().assumptions.cancel_queued = allowed;
        lab.deploy(NEW);
        lab.trigger("third");
        let queued = lab.platform.service(&service()).unwrap().waiting.clone();
        let path = format!("/services/srv-a/deploys/{}/cancel", queued.unwrap());
        let reply = lab.ask("POST", &path, None);
        assert_eq!(reply.status, if allowed { 200 } else { 400 });
        lab.pass(200);
        let live = if allowed { NEW } else { "third" };
        let live = ("live".to_owned(), live.to_owned());
        assert!(lab.listed().contains(&live));
    }
}

#[test]
fn the_end_of_a_deploy_names_the_one_that_pushed_it_out() {
    let mut lab = Lab::new();
    let first = lab.deploy(NEW);
    lab.pass(10);
    let second = lab.deploy("third");
    let ended = lab.get("/services/srv-a/events?type=deploy_ended");
    let details = &ended[0]["event"]["details"];
    assert_eq!(details["deployId"], first.as_str());
    assert_eq!(details["deployStatus"], "canceled");
    assert_eq!(details["reason"]["newDeploy"]["id"], second.as_str());
    assert_ne!(lab.version(), OLD);
}
