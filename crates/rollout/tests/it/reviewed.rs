//! A start that is bound to a reviewed plan begins with exactly that plan, or changes nothing (R6).

use policy::PlanScope;
use policy::plan::compile;
use rollout::request::{Conflict, Reviewed};
use rollout::{Actor, Input, Kind, Rejected, RejectedCode, Request, Start, Step, Verb};

use crate::lab::Lab;

const TWO: &str = "fleet: { acme: { tier: demo }, beta: { tier: demo } }
policies: [ { policy: demo } ]";

fn lab() -> Lab {
    let mut lab = Lab::new(TWO);
    lab.boot();
    lab
}

fn start(lab: &Lab, conflict: Conflict) -> Start {
    match lab.start_verb("v2", PlanScope::default(), conflict) {
        Verb::Start(start) => *start,
        other => panic!("that is no start: {other:?}"),
    }
}

/// What somebody reviews who plans at this moment.
fn reviewed(lab: &Lab) -> Reviewed {
    let start = start(lab, Conflict::Refuse);
    let running = lab.product.running(&start.observed);
    let plan = compile(&start.input, &running, lab.now).unwrap();
    Reviewed {
        digest: plan.digest,
        running,
    }
}

fn file(lab: &mut Lab, start: Start) -> Result<Step, Rejected> {
    lab.step(Input::Request(Request {
        by: Actor::person("ann"),
        rollout: None,
        verb: Verb::Start(Box::new(start)),
    }))
}

#[test]
fn the_reviewed_plan_begins() {
    let mut lab = lab();
    let bound = Start {
        reviewed: Some(reviewed(&lab)),
        ..start(&lab, Conflict::Refuse)
    };
    let step = file(&mut lab, bound).unwrap();
    assert_eq!(step.events[0].line.kind, Kind::RolloutStarted);
}

#[test]
fn another_plan_does_not() {
    let mut lab = lab();
    let reviewed = reviewed(&lab);
    let mut other_digest = reviewed.clone();
    other_digest.digest.replace_range(..1, "x");
    let mut other_world = reviewed;
    other_world.running.remove(&"acme".into());
    for reviewed in [other_digest, other_world] {
        let bound = Start {
            reviewed: Some(reviewed),
            ..start(&lab, Conflict::Refuse)
        };
        let rejected = file(&mut lab, bound).unwrap_err();
        assert_eq!(rejected.code, RejectedCode::State);
        assert!(
            rejected
                .message
                .contains("another one than the one reviewed"),
            "{rejected}"
        );
        assert_eq!(
            rejected.way_out.as_deref(),
            Some("tranche plan v2 --out FILE")
        );
        assert!(lab.product.overview().is_empty());
    }
}

#[test]
fn what_begins_later_cannot_be_bound() {
    for conflict in [Conflict::Queue, Conflict::Supersede] {
        let mut lab = lab();
        let reviewed = reviewed(&lab);
        let first = start(&lab, Conflict::Refuse);
        file(&mut lab, first).unwrap();
        let bound = Start {
            reviewed: Some(reviewed),
            ..start(&lab, conflict)
        };
        let rejected = file(&mut lab, bound).unwrap_err();
        assert!(
            rejected.message.contains("no reviewed plan binds it"),
            "{rejected}"
        );
        assert_eq!(lab.product.overview().len(), 1);
    }
}
