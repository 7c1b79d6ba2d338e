//! What does the event of a start say?

use policy::plan::{History, RunningVersions};
use policy::{CustomerId, Release, Timestamp};

use crate::model::fact::{Newest, Nullable, RolloutQueued, RolloutStarted, Seen};
use crate::model::ids::RolloutId;
use crate::model::request::Request;
use crate::model::state::RunningService;
use crate::model::verb::{Conflict, Start};

/// A rollout that begins at once says also how it was asked for.
pub(crate) fn asked(
    started: RolloutStarted,
    start: &Start,
    (running, newest): (Seen, Option<Newest>),
) -> RolloutStarted {
    RolloutStarted {
        history: start.history(),
        scope: Some(start.input.scope.clone()),
        clear_cache: Some(start.clear_cache),
        deploy_timeout_ms: Some(Nullable(start.deploy_timeout_ms())),
        running: Some(running),
        newest,
        ..started
    }
}

/// The fact of one that waits for others.
pub(crate) fn queued(
    request: &Request,
    start: &Start,
    (running, newest): (Seen, Option<Newest>),
    replaced: Vec<Release>,
    others: &[(RolloutId, CustomerId)],
) -> RolloutQueued {
    RolloutQueued {
        actor: request.by.name.clone(),
        commit: start.input.release.commit.clone(),
        version: start.input.release.version.clone(),
        conflict: start.conflict,
        behind: Some(others.iter().map(|(other, _)| *other).collect()),
        replaces: match start.conflict {
            Conflict::Supersede | Conflict::Hotfix => Some(replaced),
            Conflict::Refuse | Conflict::Queue => None,
        },
        input: Box::new(start.input.clone()),
        history: start.history(),
        scope: start.input.scope.clone(),
        clear_cache: start.clear_cache,
        deploy_timeout_ms: start.deploy_timeout_ms(),
        running,
        newest,
    }
}

/// Who goes first, in a hotfix.
pub(crate) fn exposed_in(conflict: Conflict, exposed: Vec<CustomerId>) -> Option<Vec<CustomerId>> {
    match conflict {
        Conflict::Hotfix => Some(exposed),
        Conflict::Refuse | Conflict::Queue | Conflict::Supersede => None,
    }
}

/// What Render said of the services; beside that, what is there now and came not after the start (R16).
pub(crate) fn observed(start: &Start, running: &RunningVersions) -> (Seen, Option<Newest>) {
    let (mut seen, mut newest) = (Seen::new(), Newest::new());
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
                let newest = newest.entry(customer.clone()).or_default();
                newest.insert(role.clone(), first.clone());
            }
            let seen = seen.entry(customer.clone()).or_default();
            seen.insert(role.clone(), service);
        }
    }
    let newest = (!seen.is_empty()).then_some(newest);
    (seen, newest)
}

impl Start {
    fn history(&self) -> Option<History> {
        let history = &self.input.history;
        (!history.is_empty()).then(|| history.clone())
    }

    fn deploy_timeout_ms(&self) -> Option<i64> {
        self.deploy_timeout.map(policy::Span::as_millis)
    }
}
