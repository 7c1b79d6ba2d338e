//! P8, P43: the real process is killed everywhere, and the rollout ends as if nothing had happened.
//!
//! A slice of it runs with every test; `TRANCHE_SWEEP=all` falls at every commit and around every request.

use std::env;
use std::process::Output;
use std::sync::{Mutex, PoisonError};

use policy::ServiceId;
use sim::api::Op;
use sim::fault::{Fault, FaultKind, HealthFault, Onset, Symptom, Trouble};
use sim::http::Clock;

use crate::lab::{BEFORE, Lab, RELEASE, SERVICES, span, wait_for};

/// How many processes work at once: they wait for deploys far more than they compute.
const WORKERS: usize = 6;

/// No small rollout has more commits than this.
pub(crate) const MOST_COMMITS: u32 = 200;

/// Whether the whole sweep was asked for.
pub(crate) fn is_whole() -> bool {
    env::var("TRANCHE_SWEEP").is_ok_and(|value| value == "all")
}

/// What the rollout meets beside the crash.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Story {
    /// Nothing.
    Smooth,
    /// The second customer is unhealthy with the release, and goes back.
    Unhealthy,
}

#[test]
fn killed_at_any_commit_it_ends_as_if_nothing_had_happened() {
    if !is_whole() {
        at_commits([2, 9, 16], &|commit| fall_at(Story::Smooth, commit));
        fall(Story::Unhealthy, "commit:30:sent");
        return;
    }
    for story in [Story::Smooth, Story::Unhealthy] {
        at_commits(1..MOST_COMMITS, &|commit| fall_at(story, commit));
    }
}

/// Falls around one commit. Says whether it got there at all.
fn fall_at(story: Story, commit: u32) -> bool {
    let points = ["before", "after", "sent"];
    points.map(|point| fall(story, &format!("commit:{commit}:{point}"))) != [false; 3]
}

/// Falls at one commit after the other, several at a time; one that is never reached is the end of the sweep.
pub(crate) fn at_commits(
    commits: impl IntoIterator<Item = u32, IntoIter: Send>,
    fall: &(impl Fn(u32) -> bool + Sync),
) {
    let next = Mutex::new(commits.into_iter());
    std::thread::scope(|scope| {
        let worker = || {
            while let Some(commit) = take(&next) {
                if !fall(commit) {
                    while take(&next).is_some() {}
                }
            }
        };
        let workers: Vec<_> = (0..WORKERS).map(|_| scope.spawn(worker)).collect();
        for worker in workers {
            worker.join().unwrap();
        }
    });
}

fn take(commits: &Mutex<impl Iterator<Item = u32>>) -> Option<u32> {
    commits
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .next()
}

/// Kills the process at a place, goes on, and checks the end. Says whether it got there at all.
fn fall(story: Story, crash_at: &str) -> bool {
    let lab = lab(story);
    let died = !is_clean(&lab.tranche_dying(&["start", RELEASE, "--yes"], crash_at));
    if died {
        go_on(&lab, story, crash_at);
    }
    check(&lab, story, crash_at);
    died
}

#[test]
fn killed_between_request_and_reply_it_deploys_once() {
    let whole = is_whole();
    let services = if whole {
        &SERVICES[..]
    } else {
        &SERVICES[1..2]
    };
    for service in services {
        for op in [Op::TriggerDeploy, Op::PutEnvVar] {
            if op == Op::PutEnvVar && service.ends_with("frontend") {
                continue;
            }
            kill_in_request(service, op);
        }
    }
}

fn kill_in_request(service: &str, op: Op) {
    let lab = lab(Story::Smooth);
    let trouble = Trouble::ReplyLate { by: span("60s") };
    lab.arm(
        Fault::of(
            &ServiceId::new(service),
            FaultKind::Request {
                op: Some(op),
                trouble,
            },
        )
        .times(1),
    );
    let mut engine = lab.spawn(&["start", RELEASE, "--yes"]);
    wait_for("the request has arrived", || {
        let platform = lab.platform();
        let arrived = platform.requests().changes().iter();
        arrived
            .into_iter()
            .any(|request| request.op == op && request.service == Some(ServiceId::new(service)))
    });
    engine.kill().unwrap();
    engine.wait().unwrap();
    let place = format!("{op:?} of {service}");
    go_on(&lab, Story::Smooth, &place);
    check(&lab, Story::Smooth, &place);
}

fn lab(story: Story) -> Lab {
    let lab = Lab::new();
    if story == Story::Unhealthy {
        let fault = HealthFault {
            commit: Some(lab.commit(RELEASE).into()),
            ..failing()
        };
        lab.arm(Fault::of(
            &ServiceId::new(SERVICES[2]),
            FaultKind::Health(fault),
        ));
    }
    lab
}

fn failing() -> HealthFault {
    HealthFault {
        commit: None,
        symptom: Symptom::Failing,
        from: Onset::Live,
        until: None,
    }
}

/// One command, as whoever is on call types it; before it, the start again if it was never acknowledged.
fn go_on(lab: &Lab, story: Story, place: &str) {
    if lab.tranche(&["events"]).stdout.is_empty() {
        lab.tranche(&["start", RELEASE, "--yes", "--detach"]);
    }
    let output = lab.tranche(&["run", "--until-idle"]);
    // Where the crash fell behind the rollout's last event, nothing is left whose end could be told.
    let told: &[i32] = match story {
        Story::Smooth => &[0],
        Story::Unhealthy => &[0, 1],
    };
    let code = output.status.code().unwrap_or(-1);
    assert!(
        told.contains(&code),
        "{code} after a crash at {place}: {}",
        text(&output)
    );
}

fn is_clean(output: &Output) -> bool {
    output.status.code().is_some()
}

/// What Render holds, what arrived there, and what the journal says must agree.
fn check(lab: &Lab, story: Story, place: &str) {
    for service in SERVICES {
        let id = ServiceId::new(service);
        let goes_back = story == Story::Unhealthy && service == SERVICES[2];
        let mut platform = lab.platform();
        let created = platform.requests().deploys_of(&id).count();
        assert_eq!(
            created,
            if goes_back { 2 } else { 1 },
            "deploys of {service} after a crash at {place}"
        );
        let version = if goes_back { BEFORE } else { RELEASE };
        let now = Clock::real_time().now();
        let live = platform
            .visit(now, &id, "/api/version")
            .expect("the site answers");
        assert!(
            live.body.contains(version.trim_start_matches('v')),
            "{service} after a crash at {place}: {live:?}"
        );
        let variables = platform.env_vars(now, &id).unwrap();
        let tag = if service.ends_with("backend") {
            version
        } else {
            BEFORE
        };
        assert_eq!(
            variables.get("VERSION_TAG").map(String::as_str),
            Some(tag),
            "{service} after a crash at {place}"
        );
        assert_eq!(variables.get("KEPT").map(String::as_str), Some("as it was"));
    }
    let verified = lab.tranche(&["verify"]);
    assert!(
        verified.status.success(),
        "after a crash at {place}: {}",
        text(&verified)
    );
}

fn text(output: &Output) -> String {
    format!(
        "{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}
