//! Does a service run the release already when its turn comes (R16)?
//!
//! Then nothing is deployed there: what serves is adopted, verified and counted. Equal variables alone do not prove that
//! it runs with them, since Render applies a variable with the next deploy: whatever may have been written since is
//! deployed. A deploy of the release that came after the start by the API, and that this journal did not ask for, is
//! somebody else's work, perhaps that of another engine: a person decides.

use std::collections::{BTreeMap, BTreeSet};

use policy::Role;

use crate::customer::ctx::{Ctx, Next};
use crate::customer::variables;
use crate::model::command::{DeployView, ServiceView};
use crate::model::fact::{CustomerHeld, DeployAdopted};
use crate::model::ids::DeployId;
use crate::model::state::{HeldFrom, ServiceState, VariablesState};

/// What follows where the service runs the release, or somebody else has deployed it; `None`: it is to be deployed.
pub(crate) fn next(
    ctx: &Ctx<'_>,
    role: &Role,
    service: &ServiceState,
    view: &ServiceView,
) -> Option<Next> {
    // What a person has just asked for is done; and where we asked for a deploy before, the protocol goes on.
    if ctx.operation.is_some() || service.attempt > 0 {
        return None;
    }
    let unknown = unknown(ctx, role, &view.deploys);
    let live = view.live().filter(|live| may_adopt(ctx, role, live));
    if unknown.is_empty() && live.is_none() {
        return None;
    }
    let keys = service.backup.as_ref().map(|backup| &backup.keys);
    let untouched = match service.variables {
        VariablesState::Untouched => true,
        VariablesState::Set => keys.is_some_and(Vec::is_empty),
        VariablesState::Intended | VariablesState::RestoreIntended | VariablesState::Restored => {
            false
        }
    };
    if !untouched {
        return None;
    }
    let Some(differing) = keys.filter(|_| ctx.scratch.compared) else {
        return Some(Next::Command(variables::back_up(ctx, role)));
    };
    if !unknown.is_empty() {
        let written = names_release(&ctx.variables(role), differing);
        return Some(Next::fact(held(ctx, &[(role, unknown)], written)));
    }
    let live = live.filter(|live| differing.is_empty() && is_history_known(ctx, role, live))?;
    Some(Next::fact(adopted(ctx, role, live)))
}

/// Whether it is the release's deploy, and nobody has asked for it to be deployed again.
fn may_adopt(ctx: &Ctx<'_>, role: &Role, live: &DeployView) -> bool {
    let hidden = || {
        let fleet = ctx.known.fleet.get(ctx.customer);
        fleet.is_some_and(|row| row.hidden.contains_key(role))
    };
    live.is_exactly(&ctx.release().commit)
        && ctx.state.past_failures == 0
        && !ctx.clear_cache
        && !hidden()
}

/// Whether the planned variables stood when this deploy was created: an engine writes them first. Of any other deploy that
/// this journal did not see, nobody knows.
fn is_history_known(ctx: &Ctx<'_>, role: &Role, live: &DeployView) -> bool {
    let by_an_engine = || {
        let mut newer = since_start(ctx, role, std::slice::from_ref(live));
        live.trigger == "api" && newer.next().is_some()
    };
    ctx.variables(role).is_empty() || is_known(ctx, &live.id) || by_an_engine()
}

/// Whether this journal names the deploy.
fn is_known(ctx: &Ctx<'_>, deploy: &DeployId) -> bool {
    ctx.known.rollouts.values().any(|rollout| {
        let mut services = rollout.customer(ctx.customer).services.values();
        services.any(|service| [service.deploy.id(), service.rollback.id()].contains(&Some(deploy)))
    })
}

/// Deploys, newest first, that came after those that were read at the start. Ids are compared, never times (P9).
fn since_start<'d>(
    ctx: &Ctx<'_>,
    role: &Role,
    deploys: &'d [DeployView],
) -> impl Iterator<Item = &'d DeployView> {
    let fleet = ctx.known.fleet.get(ctx.customer);
    let fleet = fleet.filter(|row| row.observed.is_some_and(|rollout| rollout >= ctx.rollout));
    let at_start = fleet.and_then(|row| {
        let live = row.running.get(role)?.deploy.clone();
        Some([live, row.newest.get(role).cloned()])
    });
    let is_new = move |deploy: &&DeployView| match &at_start {
        Some(known) => !known.iter().flatten().any(|known| *known == deploy.id),
        None => false,
    };
    deploys.iter().take_while(is_new)
}

/// Deploys of the release that came through the API after the start, and that this journal did not ask for.
pub(crate) fn unknown<'d>(
    ctx: &Ctx<'_>,
    role: &Role,
    deploys: &'d [DeployView],
) -> Vec<&'d DeployView> {
    let asked_for = ctx.service(role).attempt > 0;
    if ctx.operation.is_some() || ctx.takes_over || asked_for {
        return Vec::new();
    }
    let is_unknown = |deploy: &&DeployView| {
        deploy.trigger == "api"
            && deploy.is_of(&ctx.release().commit)
            && !ctx.state.accepted.contains(&deploy.id)
            && !is_known(ctx, &deploy.id)
    };
    since_start(ctx, role, deploys).filter(is_unknown).collect()
}

/// Whether variables that name the release have its values already, though we did not write them.
pub(crate) fn names_release(templates: &BTreeMap<String, String>, differing: &[String]) -> bool {
    let naming = templates
        .iter()
        .filter(|(_, template)| template.contains("${version}") || template.contains("${commit}"));
    let naming: Vec<&String> = naming.map(|(key, _)| key).collect();
    !naming.is_empty() && !naming.iter().any(|key| differing.contains(key))
}

/// The fact that a person must decide about deploys that this journal did not ask for.
pub(crate) fn held(
    ctx: &Ctx<'_>,
    unknown: &[(&Role, Vec<&DeployView>)],
    written: bool,
) -> CustomerHeld {
    let deploys = unknown.iter().flat_map(|(_, deploys)| deploys);
    let ids: BTreeSet<DeployId> = deploys.map(|deploy| deploy.id.clone()).collect();
    let shown: Vec<String> = unknown
        .iter()
        .flat_map(|(role, deploys)| {
            deploys
                .iter()
                .map(move |one| format!("{} of {role}", one.id))
        })
        .collect();
    let reason = format!(
        "{} came through the API with this release since the rollout began, and this journal did not ask for it: another engine or a colleague is at work; `retry` takes it over",
        shown.join(", ")
    );
    let role = unknown.first().map(|(role, _)| *role);
    CustomerHeld {
        unknown: ids,
        variables_written: Some(written),
        ..ctx.held(role, reason)
    }
}

fn adopted(ctx: &Ctx<'_>, role: &Role, live: &DeployView) -> DeployAdopted {
    let reason = "it runs the release already and is not deployed again; this rollout does not know what it ran before, nor its variables then: it could restore nothing";
    DeployAdopted {
        place: ctx.service_place(role),
        attempt: 1,
        deploy: live.id.clone(),
        commit: live.exact(),
        reason: Some(reason.to_owned()),
        until: ctx.at + ctx.timeout(),
        found: true,
    }
}

/// The fact that a customer does not go back by itself: what was found there has nothing to be returned to (P30).
pub(crate) fn stays(ctx: &Ctx<'_>) -> Option<CustomerHeld> {
    let role = ctx.state.stays()?;
    let customer = ctx.customer;
    let reason = format!(
        "{role} ran the release before this rollout deployed anything there: it does not know what ran before, nor the variables then, so nothing is taken back; `tranche rollback {customer} --to VERSION` brings an older version, after `tranche skip {customer}` while the rollout goes on"
    );
    // A retry looks at the release once more.
    Some(CustomerHeld {
        from: Some(HeldFrom::Forward),
        ..ctx.held(Some(role), reason)
    })
}
