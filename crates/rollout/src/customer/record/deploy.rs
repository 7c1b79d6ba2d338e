//! What the answers about deploys and rollbacks mean (R16): asked for, in doubt, found, ended.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a command has few answers of its own; any other is told to a person in one way"
)]

use policy::{Role, Timestamp};

use crate::customer::answer::{Recorded, say};
use crate::customer::ctx::Ctx;
use crate::customer::next;
use crate::customer::protocol::DeployDirection;
use crate::fold::scratch::Scratch;
use crate::model::command::{DeployStatus, DeployView, Outcome};
use crate::model::fact::{
    CancelIntended, DeployAbsent, DeployCancelled, DeployCreated, DeployFailed, DeployLive,
    DeployUnknown, Fact, FailedDeploy, FailedStatus, HealthFailed, Nullable, RollbackAbsent,
    RollbackFailed, RollbackLive,
};
use crate::model::state::{CustomerStatus, DeployState, RollbackState};

/// The answer of a POST: created, refused, or in doubt (R16).
pub(crate) fn requested(ctx: &Ctx<'_>, role: &Role, outcome: Outcome) -> Recorded {
    let service = ctx.service(role);
    let goes_back = ctx.state.status == CustomerStatus::Backward;
    let (way, attempt, intent) = match (&service.rollback, &service.deploy) {
        (RollbackState::Intended(intent), _) if goes_back => {
            let way = DeployDirection::back(&service);
            (way, service.rollback_attempt, intent)
        }
        (_, DeployState::Intended(intent)) => (DeployDirection::Forward, service.attempt, intent),
        (_, _) => return Recorded::default(),
    };
    let place = ctx.service_place(role);
    match outcome {
        Outcome::Created { deploy } => {
            let created = DeployCreated {
                place,
                attempt,
                commit: deploy.exact(),
                deploy: deploy.id,
                until: intent.at + ctx.timeout(),
            };
            way.fact(created).into()
        }
        Outcome::Accepted => {
            let accepted = DeployUnknown {
                place,
                attempt,
                reason: "Render accepted it without naming a deploy".to_owned(),
                until: ctx.at + ctx.settle(),
                queued: true,
            };
            way.fact(accepted).into()
        }
        Outcome::NotSent { reason } => {
            let absent = DeployAbsent {
                place,
                attempt: Some(attempt),
                reason: format!("not sent: {reason}"),
            };
            way.fact(absent).into()
        }
        Outcome::Refused { status, message } => refused(ctx, role, way, attempt, status, &message),
        Outcome::Unknown { reason } => in_doubt(ctx, role, way, attempt, reason).into(),
        other => in_doubt(ctx, role, way, attempt, say(&other)).into(),
    }
}

/// A request whose effect is unknown; `settle` counts from here (R16).
pub(crate) fn in_doubt(
    ctx: &Ctx<'_>,
    role: &Role,
    way: DeployDirection,
    attempt: u32,
    reason: String,
) -> Fact {
    way.fact(DeployUnknown {
        place: ctx.service_place(role),
        attempt,
        reason,
        until: ctx.at + ctx.settle(),
        queued: false,
    })
}

fn refused(
    ctx: &Ctx<'_>,
    role: &Role,
    way: DeployDirection,
    attempt: u32,
    status: u16,
    message: &str,
) -> Recorded {
    let (place, attempt) = (ctx.service_place(role), Some(attempt));
    let reason = format!("Render refused it ({status}): {message}");
    let baseline = ctx.service(role).baseline;
    match way {
        DeployDirection::Forward => {
            let failed = DeployFailed {
                place,
                attempt,
                deploy: None,
                commit: None,
                reason,
                status: Some(FailedStatus::Refused(status)),
                failure: ctx.fails(),
            };
            failed.into()
        }
        // The target is gone: its commit is deployed instead (R19).
        DeployDirection::Back if baseline.is_some_and(|baseline| baseline.commit.is_some()) => {
            let absent = RollbackAbsent {
                place,
                attempt,
                reason,
                status: Some(status),
                gone: true,
            };
            absent.into()
        }
        DeployDirection::Back | DeployDirection::BackByCommit => {
            let failed = RollbackFailed {
                place,
                attempt,
                deploy: None,
                commit: None,
                reason,
                status: Some(status),
                cycles: None,
                judged: None,
            };
            failed.into()
        }
    }
}

pub(crate) fn listed(
    ctx: &Ctx<'_>,
    scratch: &mut Scratch,
    role: &Role,
    asked_at: Timestamp,
    outcome: Outcome,
) -> Recorded {
    match outcome {
        Outcome::Listed { deploys } => {
            scratch.listing = Some((asked_at, deploys));
            Recorded::default()
        }
        Outcome::Failed { reason } if ctx.state.status == CustomerStatus::Withdrawing => {
            gone(ctx, role, &reason)
        }
        other => ctx
            .held(
                None,
                format!("the deploys cannot be listed: {}", say(&other)),
            )
            .into(),
    }
}

pub(crate) fn followed(
    ctx: &Ctx<'_>,
    scratch: &mut Scratch,
    role: &Role,
    outcome: Outcome,
) -> Recorded {
    let service = ctx.service(role);
    let back = matches!(service.rollback, RollbackState::Running { .. });
    match outcome {
        Outcome::Ended { deploy } if back => returned(ctx, role, &deploy),
        Outcome::Ended { deploy } => ended(ctx, role, &deploy),
        Outcome::Unfinished { deploy } if back => {
            let failed = RollbackFailed {
                place: ctx.service_place(role),
                attempt: None,
                deploy: Some(deploy.id),
                commit: None,
                reason: "the rollback did not finish in time".to_owned(),
                status: None,
                cycles: None,
                judged: None,
            };
            failed.into()
        }
        Outcome::Unfinished { deploy } if service.found => {
            let reason = format!(
                "{} on {role} ran the release already, and Render says now that it is not finished",
                deploy.id
            );
            ctx.held(Some(role), reason).into()
        }
        Outcome::Unfinished { deploy } => {
            scratch.clear();
            let cancel = CancelIntended {
                place: ctx.service_place(role),
                attempt: Some(service.attempt),
                deploy: deploy.id,
                reason: Some("it did not finish in time".to_owned()),
            };
            cancel.into()
        }
        Outcome::Failed { reason } if ctx.state.status == CustomerStatus::Withdrawing => {
            gone(ctx, role, &reason)
        }
        other => ctx
            .held(
                Some(role),
                format!("our deploy on {role} cannot be read: {}", say(&other)),
            )
            .into(),
    }
}

/// How our deploy ended.
fn ended(ctx: &Ctx<'_>, role: &Role, deploy: &DeployView) -> Recorded {
    match deploy.status {
        DeployStatus::Live if is_something_else(ctx, deploy) => something_else(ctx, role, deploy),
        DeployStatus::Live => live(ctx, role, deploy).into(),
        DeployStatus::Deactivated => {
            let replaced = DeployLive {
                replaced: true,
                ..live(ctx, role, deploy)
            };
            replaced.into()
        }
        DeployStatus::BuildFailed => failed(ctx, role, deploy, FailedDeploy::BuildFailed),
        DeployStatus::PreDeployFailed => failed(ctx, role, deploy, FailedDeploy::PreDeployFailed),
        DeployStatus::UpdateFailed => failed(ctx, role, deploy, FailedDeploy::UpdateFailed),
        DeployStatus::Canceled => cancelled(ctx, role, deploy).into(),
        DeployStatus::Unfinished => Recorded::default(),
    }
}

fn is_something_else(ctx: &Ctx<'_>, deploy: &DeployView) -> bool {
    deploy.commit.is_some() && !deploy.is_of(&ctx.release().commit)
}

fn failed(ctx: &Ctx<'_>, role: &Role, deploy: &DeployView, how: FailedDeploy) -> Recorded {
    let failed = DeployFailed {
        place: ctx.service_place(role),
        attempt: Some(ctx.service(role).attempt),
        deploy: Some(deploy.id.clone()),
        commit: deploy.exact(),
        reason: how.as_str().replace('_', " "),
        status: Some(FailedStatus::Ended(how)),
        failure: ctx.fails(),
    };
    failed.into()
}

/// How our rollback ended.
fn returned(ctx: &Ctx<'_>, role: &Role, deploy: &DeployView) -> Recorded {
    let service = ctx.service(role);
    let (place, attempt) = (ctx.service_place(role), service.rollback_attempt);
    let (id, commit) = (deploy.id.clone(), deploy.exact());
    if deploy.status == DeployStatus::Live {
        let live = RollbackLive {
            place,
            attempt,
            deploy: id,
            commit,
            version: service.baseline.and_then(|baseline| baseline.version),
        };
        return live.into();
    }
    let failed = RollbackFailed {
        place,
        attempt: Some(attempt),
        deploy: Some(id),
        commit,
        reason: format!("the rollback ended {:?}", deploy.status),
        status: None,
        cycles: None,
        judged: None,
    };
    failed.into()
}

/// Of a customer that is left out, the service can never be read again: what was requested there has gone with it.
pub(crate) fn gone(ctx: &Ctx<'_>, role: &Role, reason: &str) -> Recorded {
    let service = ctx.service(role);
    let place = ctx.service_place(role);
    let reason = format!("it can never be read again: {reason}");
    if service.deploy.is_open() {
        let failed = DeployFailed {
            place,
            attempt: Some(service.attempt),
            deploy: service.deploy.id().cloned(),
            commit: None,
            reason,
            status: None,
            failure: false,
        };
        return failed.into();
    }
    let failed = RollbackFailed {
        place,
        attempt: Some(service.rollback_attempt),
        deploy: service.rollback.id().cloned(),
        commit: None,
        reason,
        status: None,
        cycles: None,
        judged: None,
    };
    failed.into()
}

fn live(ctx: &Ctx<'_>, role: &Role, deploy: &DeployView) -> DeployLive {
    DeployLive {
        place: ctx.service_place(role),
        attempt: ctx.service(role).attempt,
        deploy: deploy.id.clone(),
        commit: deploy.exact(),
        version: Some(Nullable(ctx.expected().cloned())),
        replaced: false,
    }
}

/// P13: every service gets exactly the release, and the deploy is checked against it.
fn something_else(ctx: &Ctx<'_>, role: &Role, deploy: &DeployView) -> Recorded {
    let live = DeployLive {
        version: None,
        ..live(ctx, role, deploy)
    };
    let mut facts = vec![live.into()];
    if ctx.state.status == CustomerStatus::Forward {
        let what = match ctx.release().is_image() {
            true => "image",
            false => "commit",
        };
        let failed = HealthFailed {
            place: ctx.service_place(role),
            attempt: ctx.service(role).attempt,
            deploy: Some(deploy.id.clone()),
            commit: deploy.exact(),
            reason: format!("another {what} than the release's is live"),
            cycles: None,
            judged: None,
            failure: true,
        };
        facts.extend(next::failed_live(ctx, failed));
    }
    facts.into()
}

fn cancelled(ctx: &Ctx<'_>, role: &Role, deploy: &DeployView) -> DeployCancelled {
    let service = ctx.service(role);
    let ours = matches!(service.deploy, DeployState::CancelIntended { .. });
    let reason = match ctx.state.status {
        CustomerStatus::Forward => "timed out",
        CustomerStatus::Withdrawing => "cancelled because the customer is left out",
        _ => "cancelled for the rollback",
    };
    DeployCancelled {
        place: ctx.service_place(role),
        attempt: service.attempt,
        deploy: deploy.id.clone(),
        commit: deploy.exact(),
        reason: ours.then(|| reason.to_owned()),
        ours,
        failure: ours && ctx.fails(),
    }
}
