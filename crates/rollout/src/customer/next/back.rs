//! The way back: what was requested is found or cancelled, what went live is returned, variables are restored (R11, P29).

use policy::Role;

use super::{cancel, follow, out_of_service, probed};
use crate::customer::ctx::{Ctx, Next};
use crate::customer::hooks::hooks;
use crate::customer::{adoption, protocol, recovery, variables};
use crate::model::command::CommandKind;
use crate::model::fact::{
    CancelIntended, CustomerHeld, CustomerRollbackFailed, CustomerRolledBack, CustomerSkipped,
    CustomerUnchanged,
};
use crate::model::state::{DeployState, HookList, RollbackState, ServiceState};

/// Returns the whole customer, the last service first.
pub(super) fn backward(ctx: &Ctx<'_>) -> Next {
    if let Some(next) = end_requests(ctx) {
        return next;
    }
    if let Some(held) = adoption::stays(ctx) {
        return Next::fact(held);
    }
    if let Some(next) = recovery::next(ctx) {
        return next;
    }
    for role in ctx.planned.services.iter().rev() {
        let service = ctx.service(role);
        let next = take_back(ctx, role, &service).or_else(|| {
            // Where the rollback failed the release may still be live, and keeps its variables.
            let failed = service.rollback == RollbackState::Ended;
            (!failed).then(|| restore(ctx, role, &service)).flatten()
        });
        if let Some(next) = next {
            return next;
        }
    }
    if let Some(next) = verify_returned(ctx) {
        return next;
    }
    // For the reason for which its way back began.
    let (place, reason) = (ctx.place(), ctx.state.reason.clone());
    let services = || ctx.state.services.values();
    if services().any(|service| service.rollback == RollbackState::Ended) {
        return Next::fact(CustomerRollbackFailed { place, reason });
    }
    if let Some(next) = hooks(ctx, HookList::OnRollback) {
        return next;
    }
    if let Some(next) = look_for_the_other(ctx) {
        return next;
    }
    let returned = services().any(|service| service.rollback.is_live());
    match returned {
        true => Next::fact(CustomerRolledBack { place, reason }),
        false => Next::fact(CustomerUnchanged { place, reason }),
    }
}

/// What went back is verified like any release, by the version that was live before.
fn verify_returned(ctx: &Ctx<'_>) -> Option<Next> {
    ctx.planned.services.iter().rev().find_map(|role| {
        let service = ctx.service(role);
        let (RollbackState::Live { deploy, at }, false) = (&service.rollback, service.returned)
        else {
            return None;
        };
        let version = service
            .baseline
            .as_ref()
            .and_then(|baseline| baseline.version.clone());
        Some(Next::Command(CommandKind::Verify {
            probed: probed(ctx, role, &service, Some(deploy), version.as_ref(), *at),
            profile: ctx.profile().clone(),
        }))
    })
}

/// Where somebody took a deploy of ours away, is what ran before still there? If not, the customer is neither unchanged
/// nor rolled back, and a person must know (R18, P30).
fn look_for_the_other(ctx: &Ctx<'_>) -> Option<Next> {
    if ctx.state.forced {
        return None;
    }
    let lost = |role: &&Role| matches!(ctx.service(role).deploy, DeployState::Lost { .. });
    let role = ctx.planned.services.iter().find(lost)?;
    if let Some(reason) = ctx.scratch.refused.clone() {
        return Some(Next::fact(ctx.held(Some(role), reason)));
    }
    let view = ctx.scratch.view.as_ref().filter(|view| view.role == *role);
    let Some(view) = view else {
        return Some(Next::Command(CommandKind::Inspect {
            service: ctx.target(role),
        }));
    };
    let before = ctx.service(role).baseline.and_then(|live| live.deploy);
    let live = view
        .live()
        .filter(|live| Some(&live.id) != before.as_ref())?;
    let reason = format!(
        "a deploy of somebody else is live on {role} and stays: {} ({})",
        live.id, live.trigger
    );
    Some(Next::fact(CustomerHeld {
        other: Some(live.id.clone()),
        ..ctx.held(Some(role), reason)
    }))
}

/// Returns one service to what was live before; `None` when there is nothing to return.
fn take_back(ctx: &Ctx<'_>, role: &Role, service: &ServiceState) -> Option<Next> {
    match &service.deploy {
        DeployState::Lost { .. } if ctx.state.forced => return_service(ctx, role, service),
        // It runs what it is to run, and reads another database only after a deploy.
        DeployState::None | DeployState::Ended if service.redirected_keys().is_some() => {
            return_service(ctx, role, service)
        }
        // Somebody else's deploy took its place: it is not ours to take back (P30).
        DeployState::None | DeployState::Ended | DeployState::Lost { .. } => None,
        // The request has left: its answer decides what is there to take back.
        DeployState::Intended(_) => Some(Next::Command(CommandKind::CreateDeploy {
            service: ctx.target(role),
            commit: ctx.release().commit.clone(),
            clear_cache: ctx.clear_cache,
            attempt: service.attempt,
        })),
        DeployState::Unknown(doubt) => {
            let way = protocol::DeployDirection::Forward;
            Some(protocol::look_up(ctx, role, doubt, way))
        }
        // What ran before we asked for anything is none of ours to cancel (P14).
        DeployState::Running { deploy, .. } if service.found => {
            Some(follow(ctx, role, deploy, None))
        }
        DeployState::Running { deploy, .. } => Some(Next::fact(CancelIntended {
            place: ctx.service_place(role),
            attempt: None,
            deploy: deploy.clone(),
            reason: None,
        })),
        DeployState::CancelIntended { deploy } => Some(cancel(ctx, role, deploy)),
        DeployState::Live { .. } | DeployState::Passed { .. } => return_service(ctx, role, service),
    }
}

fn return_service(ctx: &Ctx<'_>, role: &Role, service: &ServiceState) -> Option<Next> {
    let target = ctx.target(role);
    match &service.rollback {
        RollbackState::None if !ctx.scratch.go => Some(Next::Tick),
        RollbackState::None => {
            // A deploy of the old commit reads the variables as they are then (R19).
            let first = service
                .target_gone
                .then(|| restore(ctx, role, service))
                .flatten();
            let next = first.or_else(|| before_another_try(ctx, role, service));
            Some(next.unwrap_or_else(|| {
                protocol::intend(ctx, role, service, protocol::DeployDirection::Back)
            }))
        }
        RollbackState::Intended(_) => {
            let baseline = service.baseline.clone().unwrap_or_default();
            let attempt = service.rollback_attempt;
            let deploy = baseline.deploy.filter(|_| !service.target_gone);
            Some(match (deploy, baseline.commit) {
                (Some(deploy), _) => Next::Command(CommandKind::CreateRollback {
                    service: target,
                    deploy,
                    attempt,
                }),
                (None, Some(commit)) => Next::Command(CommandKind::CreateDeploy {
                    service: target,
                    commit,
                    clear_cache: false,
                    attempt,
                }),
                // A held customer would come here again after each retry: its rollback stays intended.
                (None, None) => protocol::nothing_before(ctx, role),
            })
        }
        RollbackState::Unknown(doubt) => {
            let way = protocol::DeployDirection::back(service);
            Some(protocol::look_up(ctx, role, doubt, way))
        }
        RollbackState::Running { deploy, deadline } => {
            Some(follow(ctx, role, deploy, Some(*deadline)))
        }
        // One that failed is not tried again (P31); the other services go back all the same (R11).
        RollbackState::Live { .. } | RollbackState::Ended => None,
    }
}

/// A rollback that came to nothing is tried again only where the service can take it.
fn before_another_try(ctx: &Ctx<'_>, role: &Role, service: &ServiceState) -> Option<Next> {
    if service.rollback_attempt == 0 {
        return None;
    }
    match &ctx.scratch.view {
        Some(view) => out_of_service(ctx, role, view),
        None => Some(Next::Command(CommandKind::Inspect {
            service: ctx.target(role),
        })),
    }
}

/// Puts the old variables back (P29).
fn restore(ctx: &Ctx<'_>, role: &Role, service: &ServiceState) -> Option<Next> {
    let backup = service.backup.as_ref()?;
    variables::restore(ctx, role, (backup, &service.variables), None)
}

/// A held customer is left out: what was requested is found and ended, variables that nothing live uses go back, then it is
/// over (P10).
pub(super) fn withdraw(ctx: &Ctx<'_>) -> Next {
    let recovery = ctx.state.recovery.as_ref();
    let open = recovery.filter(|recovery| recovery.is_open());
    if let Some(next) = end_requests(ctx).or_else(|| open.and_then(|_| recovery::next(ctx))) {
        return next;
    }
    let returned = |service: &ServiceState| service.rollback.is_live();
    let any_returned = ctx.state.services.values().any(returned);
    for role in ctx.planned.services.iter().rev() {
        let service = ctx.service(role);
        let returned = returned(&service);
        // The services of a customer read one database: once one came back with the restored one, all keep naming it.
        let back = (!any_returned)
            .then(|| recovery::restore(ctx, role, &service))
            .flatten();
        let keeps = service.deploy.went_live() && !returned;
        let next = back.or_else(|| (!keeps).then(|| restore(ctx, role, &service)).flatten());
        if let Some(next) = next {
            return next;
        }
    }
    Next::fact(CustomerSkipped {
        place: ctx.place(),
        actor: None,
        reason: ctx.state.reason.clone(),
    })
}

/// Sees what was requested of any service to its end. It comes before everything else: a request that is out when the way
/// back begins must neither be dropped nor sent again (P8, P10).
fn end_requests(ctx: &Ctx<'_>) -> Option<Next> {
    ctx.planned.services.iter().rev().find_map(|role| {
        let service = ctx.service(role);
        if service.deploy.is_open() {
            return take_back(ctx, role, &service);
        }
        let open = service.rollback.is_open();
        open.then(|| return_service(ctx, role, &service)).flatten()
    })
}
