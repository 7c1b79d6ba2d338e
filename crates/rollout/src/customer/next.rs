//! What does this customer need next? A pure function of its state and of what was just read.
//!
//! Forward: inspect, back up, variables, list, deploy, follow, verify, service by service (R5). The other way
//! round stands in `back`. The deploy protocol itself (R16) is in `protocol`.

mod back;

use policy::rules::RollbackMode;
use policy::settings::AutoDeploy;
use policy::{Role, Timestamp};

use crate::customer::ctx::{Ctx, Next, current};
use crate::customer::hooks::hooks;
use crate::customer::{adoption, protocol, variables};
use crate::model::command::{CommandKind, DeployView, Probed, ServiceView};
use crate::model::fact::{
    AutoDeployDisabled, AutoDeployIntended, CustomerHealthy, CustomerHeld, DeployDuplicate, Fact,
    HealthFailed,
};
use crate::model::ids::DeployId;
use crate::model::state::{
    AutoDeployState, CustomerStatus, DeployState, HeldFrom, HookList, Operation, RollbackState,
    ServiceState,
};

/// What the customer needs next.
pub(crate) fn next(ctx: &Ctx<'_>) -> Next {
    match ctx.state.status {
        CustomerStatus::Forward if ctx.operation == Some(Operation::Variables) => {
            variables::apply(ctx)
        }
        CustomerStatus::Forward => forward(ctx),
        CustomerStatus::Backward => back::backward(ctx),
        CustomerStatus::Withdrawing => back::withdraw(ctx),
        CustomerStatus::Waiting
        | CustomerStatus::Healthy(_)
        | CustomerStatus::Held { .. }
        | CustomerStatus::Unchanged
        | CustomerStatus::RolledBack
        | CustomerStatus::RollbackFailed
        | CustomerStatus::Excluded
        | CustomerStatus::Applied
        | CustomerStatus::Skipped => Next::Rest,
    }
}

/// Whether the customer takes one of the places for deploys in flight: forward from when a tick lets a service go until it
/// is healthy, back from then until the rollback is over, and always while a request of ours has no known end (P16).
pub(crate) fn occupies_slot(ctx: &Ctx<'_>) -> bool {
    let state = ctx.state;
    let begun = || {
        let role = current(state, ctx.planned);
        role.is_some_and(|role| ctx.service(&role).deploy != DeployState::None)
    };
    match state.status {
        CustomerStatus::Forward => ctx.scratch.go || begun() || state.has_open_request(),
        CustomerStatus::Backward => ctx.scratch.go || state.has_open_request(),
        CustomerStatus::Withdrawing | CustomerStatus::Held { .. } => state.has_open_request(),
        CustomerStatus::Waiting
        | CustomerStatus::Healthy(_)
        | CustomerStatus::Unchanged
        | CustomerStatus::RolledBack
        | CustomerStatus::RollbackFailed
        | CustomerStatus::Applied
        | CustomerStatus::Excluded
        | CustomerStatus::Skipped => false,
    }
}

fn forward(ctx: &Ctx<'_>) -> Next {
    if let Some(next) = hooks(ctx, HookList::Before) {
        return next;
    }
    let Some(role) = current(ctx.state, ctx.planned) else {
        return match hooks(ctx, HookList::After) {
            Some(next) => next,
            None => Next::fact(CustomerHealthy { place: ctx.place() }),
        };
    };
    let service = ctx.service(&role);
    match &service.deploy {
        DeployState::None if !ctx.scratch.go => Next::Tick,
        DeployState::None => prepare(ctx, &role, &service),
        DeployState::Intended(_) => Next::Command(CommandKind::CreateDeploy {
            service: ctx.target(&role),
            commit: ctx.release().commit.clone(),
            clear_cache: ctx.clear_cache,
            attempt: service.attempt,
        }),
        DeployState::Unknown(doubt) => {
            protocol::look_up(ctx, &role, doubt, protocol::DeployDirection::Forward)
        }
        DeployState::Running { deploy, deadline } => follow(ctx, &role, deploy, Some(*deadline)),
        DeployState::CancelIntended { deploy } => cancel(ctx, &role, deploy),
        DeployState::Live { deploy, at } => Next::Command(CommandKind::Verify {
            probed: probed(ctx, &role, &service, Some(deploy), ctx.expected(), *at),
            profile: ctx.profile().clone(),
        }),
        DeployState::Lost { deploy } => name_the_other(ctx, &role, deploy),
        DeployState::Passed { .. } | DeployState::Ended => Next::Rest,
    }
}

/// Inspect, auto-deploy, backup, variables, list, intent.
fn prepare(ctx: &Ctx<'_>, role: &Role, service: &ServiceState) -> Next {
    let Some(view) = &ctx.scratch.view else {
        return Next::Command(CommandKind::Inspect {
            service: ctx.target(role),
        });
    };
    if let Some(next) = interference(ctx, role, service, view) {
        return next;
    }
    if let Some(next) = adoption::next(ctx, role, service, view) {
        return next;
    }
    if let Some(next) = variables::set(ctx, role, service) {
        return next;
    }
    protocol::intend(ctx, role, service, protocol::DeployDirection::Forward)
}

/// Somebody else's hand on the service (R18): suspended, auto-deploy, a deploy under way.
fn interference(
    ctx: &Ctx<'_>,
    role: &Role,
    service: &ServiceState,
    view: &ServiceView,
) -> Option<Next> {
    if let Some(next) = out_of_service(ctx, role, view) {
        return Some(next);
    }
    if let Some(next) = auto_deploy(ctx, role, service, view) {
        return Some(next);
    }
    view.unfinished()
        .map(|foreign| protocol::await_foreign(ctx, role, foreign))
}

/// A service that takes no deploy, whichever way it is to go: a person must see to it.
fn out_of_service(ctx: &Ctx<'_>, role: &Role, view: &ServiceView) -> Option<Next> {
    let suspended = || {
        view.suspended
            .then(|| format!("the service {role} was suspended"))
    };
    let reason = ctx.scratch.refused.clone().or_else(suspended)?;
    Some(Next::fact(ctx.held(Some(role), reason)))
}

fn auto_deploy(
    ctx: &Ctx<'_>,
    role: &Role,
    service: &ServiceState,
    view: &ServiceView,
) -> Option<Next> {
    let target = ctx.target(role);
    match (
        view.auto_deploy,
        ctx.plan.project.render.auto_deploy,
        service.auto_deploy,
    ) {
        (false, _, AutoDeployState::OffIntended) => Some(Next::fact(AutoDeployDisabled {
            place: ctx.service_place(role),
        })),
        (false, _, _) => None,
        (true, AutoDeploy::Refuse, _) => {
            let reason =
                format!("auto-deploy of {role} is on: Render would deploy new commits by itself");
            Some(Next::fact(ctx.held(Some(role), reason)))
        }
        (true, AutoDeploy::Manage, AutoDeployState::OffIntended) if ctx.scratch.fresh => {
            Some(Next::Command(CommandKind::SetAutoDeploy {
                service: target,
                on: false,
                trigger: None,
            }))
        }
        (true, AutoDeploy::Manage, _) => Some(Next::fact(AutoDeployIntended {
            place: ctx.service_place(role),
            on: false,
        })),
    }
}

pub(crate) fn follow(
    ctx: &Ctx<'_>,
    role: &Role,
    deploy: &DeployId,
    until: Option<Timestamp>,
) -> Next {
    Next::Command(CommandKind::FollowDeploy {
        service: ctx.target(role),
        deploy: deploy.clone(),
        until,
    })
}

/// Cancel, then see it end. After a restart the deploy is read before it is cancelled again (R16).
fn cancel(ctx: &Ctx<'_>, role: &Role, deploy: &DeployId) -> Next {
    if ctx.scratch.cancel_sent {
        return follow(ctx, role, deploy, None);
    }
    if ctx.scratch.fresh {
        return Next::Command(CommandKind::CancelDeploy {
            service: ctx.target(role),
            deploy: deploy.clone(),
        });
    }
    follow(ctx, role, deploy, Some(ctx.state.since.unwrap_or(ctx.at)))
}

/// A deploy of ours was cancelled or replaced: read who did it, then a person decides (R18).
fn name_the_other(ctx: &Ctx<'_>, role: &Role, ours: &DeployId) -> Next {
    let Some((_, listing)) = &ctx.scratch.listing else {
        return Next::Command(CommandKind::ListDeploys {
            service: ctx.target(role),
            known: vec![ours.clone()],
        });
    };
    let other = listing
        .iter()
        .take_while(|deploy| &deploy.id != ours)
        .last();
    let duplicate = other.and_then(|other| duplicate(ctx, role, other));
    let reason = match other {
        Some(other) => format!(
            "our deploy {ours} was cancelled or replaced by {} ({})",
            other.id, other.trigger
        ),
        None => format!("our deploy {ours} was cancelled by somebody else"),
    };
    let held = CustomerHeld {
        other: other.map(|other| other.id.clone()),
        ..ctx.held(Some(role), reason)
    };
    let duplicate = duplicate.into_iter().map(Fact::from);
    Next::Facts(duplicate.chain([held.into()]).collect())
}

/// What took the place of a deploy of ours is one of the same release by the API: a request of ours that took effect after
/// all, or another engine's. The journal names it (P10).
pub(crate) fn duplicate(ctx: &Ctx<'_>, role: &Role, other: &DeployView) -> Option<DeployDuplicate> {
    let is_forward = ctx.service(role).rollback == RollbackState::None;
    let is_one = other.trigger == "api" && other.is_of(&ctx.release().commit);
    (is_forward && is_one).then(|| DeployDuplicate {
        place: ctx.service_place(role),
        attempt: ctx.service(role).attempt,
        deploy: other.id.clone(),
        commit: other.exact(),
    })
}

/// What a verification or watch probes.
pub(crate) fn probed(
    ctx: &Ctx<'_>,
    role: &Role,
    service: &ServiceState,
    deploy: Option<&DeployId>,
    version: Option<&String>,
    live_at: Timestamp,
) -> Probed {
    Probed {
        target: ctx.target(role),
        deploy: deploy.cloned(),
        version: version.cloned(),
        live_at,
        baseline_p95_ms: service
            .baseline
            .as_ref()
            .and_then(|baseline| baseline.p95_ms),
    }
}

/// Every service of a healthy customer, for watching and confirming.
pub(crate) fn probed_all(ctx: &Ctx<'_>) -> Vec<Probed> {
    let version = ctx.expected();
    ctx.planned
        .services
        .iter()
        .filter_map(|role| {
            let service = ctx.state.services.get(role)?;
            let DeployState::Passed { deploy, at } = &service.deploy else {
                return None;
            };
            Some(probed(ctx, role, service, Some(deploy), version, *at))
        })
        .collect()
}

/// What follows a failure after live: at once the way back, or a person first.
pub(crate) fn failed_live(ctx: &Ctx<'_>, fact: HealthFailed) -> Vec<Fact> {
    let mut facts = vec![fact.into()];
    if let Some(held) = adoption::stays(ctx) {
        facts.push(held.into());
    } else if ctx.policy().rollback == RollbackMode::Manual {
        let reason =
            "the release is unhealthy here, and this policy leaves the rollback to a person";
        // A retry looks at the release once more; only `rollback` begins the way back.
        let held = CustomerHeld {
            from: Some(HeldFrom::Forward),
            ..ctx.held(None, reason)
        };
        facts.push(held.into());
    }
    facts
}
