//! What does the event of a start say?

use std::collections::BTreeMap;

use policy::plan::RunningVersions;
use policy::{CustomerId, Plan, Role, Timestamp};

use crate::model::event::{Kind, Line};
use crate::model::ids::DeployId;
use crate::model::state::RunningService;
use crate::model::verb::{Conflict, Start};

pub(crate) fn started_fact(starter: &policy::PersonId, plan: &Plan) -> Line {
    let fact = Line {
        actor: Some(starter.clone()),
        commit: Some(plan.release.commit.clone()),
        ..Line::new(Kind::RolloutStarted)
    };
    fact.with("version", plan.release.version.clone())
        .with("digest", plan.digest.clone())
        .with_value("plan", plan)
}

/// Who goes first, in a hotfix.
pub(crate) fn with_exposed(fact: Line, conflict: Conflict, exposed: &[CustomerId]) -> Line {
    match conflict {
        Conflict::Hotfix => fact.with_value("exposed", &exposed),
        Conflict::Refuse | Conflict::Queue | Conflict::Supersede => fact,
    }
}

/// What of the request counts beside the plan: options, and what Render said of the services.
pub(crate) fn with_request(fact: Line, start: &Start, running: &RunningVersions) -> Line {
    let mut seen: BTreeMap<&CustomerId, BTreeMap<&Role, RunningService>> = BTreeMap::new();
    let mut newest: BTreeMap<&CustomerId, BTreeMap<&Role, &DeployId>> = BTreeMap::new();
    for (customer, views) in &start.observed {
        for (role, view) in views {
            let known = running
                .get(customer)
                .and_then(|services| services.get(role));
            let service = RunningService {
                deploy: view.live().map(|live| live.id.clone()),
                version: known.and_then(|known| known.version.clone()),
                commit: known.and_then(|known| known.commit.clone()),
                since: Timestamp::default(),
            };
            let first = view.deploys.first().map(|deploy| &deploy.id);
            if let Some(first) = first.filter(|first| Some(*first) != service.deploy.as_ref()) {
                newest.entry(customer).or_default().insert(role, first);
            }
            seen.entry(customer).or_default().insert(role, service);
        }
    }
    let fact = match start.input.history.is_empty() {
        true => fact,
        false => fact.with_value("history", &start.input.history),
    };
    // What is there now and not named here came after the start (R16).
    let fact = match seen.is_empty() {
        true => fact,
        false => fact.with_value("newest", &newest),
    };
    fact.with_value("scope", &start.input.scope)
        .with("clear_cache", start.clear_cache)
        .with_value(
            "deploy_timeout_ms",
            &start.deploy_timeout.map(policy::Span::as_millis),
        )
        .with_value("running", &seen)
}
