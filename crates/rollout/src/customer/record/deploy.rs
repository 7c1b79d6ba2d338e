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
use crate::model::command::{DeployStatus, DeployView, Outcome};
use crate::model::event::{Kind, Line};
use crate::model::state::{CustomerStatus, DeployState};
use crate::product::scratch::Scratch;

/// The answer of a POST: created, refused, or in doubt (R16).
pub(crate) fn requested(ctx: &Ctx<'_>, role: &Role, outcome: Outcome) -> Recorded {
    let service = ctx.service(role);
    let back = matches!(ctx.unit.state, CustomerStatus::Backward)
        && matches!(service.rollback, DeployState::Intended { .. });
    let (way, attempt, state) = match back {
        true => (
            DeployDirection::back(&service),
            service.rollback_attempt,
            &service.rollback,
        ),
        false => (DeployDirection::Forward, service.attempt, &service.deploy),
    };
    let DeployState::Intended {
        at: intended_at, ..
    } = state
    else {
        return Recorded::default();
    };
    let about = |kind| Line {
        attempt: Some(attempt),
        ..ctx.service_fact(kind, role)
    };
    match outcome {
        Outcome::Created { deploy } => Line {
            commit: deploy.exact(),
            deploy: Some(deploy.id),
            until: Some(*intended_at + ctx.timeout()),
            ..about(way.created())
        }
        .into(),
        Outcome::Accepted => Line {
            until: Some(ctx.at + ctx.settle()),
            reason: Some("Render accepted it without naming a deploy".to_owned()),
            ..about(way.unknown()).with("queued", true)
        }
        .into(),
        Outcome::NotSent { reason } => absent(ctx, role, way, attempt, &reason),
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
) -> Line {
    Line {
        attempt: Some(attempt),
        until: Some(ctx.at + ctx.settle()),
        reason: Some(reason),
        ..ctx.service_fact(way.unknown(), role)
    }
}

fn absent(
    ctx: &Ctx<'_>,
    role: &Role,
    way: DeployDirection,
    attempt: u32,
    reason: &str,
) -> Recorded {
    let kind = if way == DeployDirection::Forward {
        Kind::DeployAbsent
    } else {
        Kind::RollbackAbsent
    };
    Line {
        attempt: Some(attempt),
        reason: Some(format!("not sent: {reason}")),
        ..ctx.service_fact(kind, role)
    }
    .into()
}

fn refused(
    ctx: &Ctx<'_>,
    role: &Role,
    way: DeployDirection,
    attempt: u32,
    status: u16,
    message: &str,
) -> Recorded {
    let about = |kind| Line {
        attempt: Some(attempt),
        reason: Some(format!("Render refused it ({status}): {message}")),
        ..ctx.service_fact(kind, role).with("status", status)
    };
    match way {
        DeployDirection::Forward => ctx.failure(about(Kind::DeployFailed)).into(),
        // The target is gone: its commit is deployed instead (R19).
        DeployDirection::Back
            if ctx
                .service(role)
                .baseline
                .is_some_and(|baseline| baseline.commit.is_some()) =>
        {
            about(Kind::RollbackAbsent).with("gone", true).into()
        }
        DeployDirection::Back | DeployDirection::BackByCommit => about(Kind::RollbackFailed).into(),
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
        Outcome::Failed { reason } if ctx.unit.state == CustomerStatus::Withdrawing => {
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
    let back = matches!(service.rollback, DeployState::Running { .. });
    match outcome {
        Outcome::Ended { deploy } if back => returned(ctx, role, &deploy),
        Outcome::Ended { deploy } => ended(ctx, role, &deploy),
        Outcome::Unfinished { deploy } if back => {
            let reason = Some("the rollback did not finish in time".to_owned());
            Line {
                deploy: Some(deploy.id),
                reason,
                ..ctx.service_fact(Kind::RollbackFailed, role)
            }
            .into()
        }
        Outcome::Unfinished { deploy } => {
            scratch.clear();
            Line {
                attempt: Some(service.attempt),
                deploy: Some(deploy.id),
                reason: Some("it did not finish in time".to_owned()),
                ..ctx.service_fact(Kind::CancelIntended, role)
            }
            .into()
        }
        Outcome::Failed { reason } if ctx.unit.state == CustomerStatus::Withdrawing => {
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
    let service = ctx.service(role);
    let about = |kind| Line {
        attempt: Some(service.attempt),
        deploy: Some(deploy.id.clone()),
        commit: deploy.exact(),
        ..ctx.service_fact(kind, role)
    };
    let version = ctx.expected().cloned();
    match deploy.status {
        DeployStatus::Live if is_something_else(ctx, deploy) => {
            // P13: every service gets exactly the release, and the deploy is checked against it.
            let what = if ctx.release().is_image() {
                "image"
            } else {
                "commit"
            };
            let reason = Some(format!("another {what} than the release's is live"));
            let mut facts = vec![about(Kind::DeployLive)];
            if ctx.unit.state == CustomerStatus::Forward {
                facts.extend(next::failed_live(
                    ctx,
                    Line {
                        reason,
                        ..about(Kind::HealthFailed)
                    },
                ));
            }
            facts.into()
        }
        DeployStatus::Live => about(Kind::DeployLive)
            .with_value("version", &version)
            .into(),
        DeployStatus::Deactivated => about(Kind::DeployLive)
            .with_value("version", &version)
            .with("replaced", true)
            .into(),
        DeployStatus::BuildFailed => failed(ctx, about(Kind::DeployFailed), "build_failed"),
        DeployStatus::PreDeployFailed => {
            failed(ctx, about(Kind::DeployFailed), "pre_deploy_failed")
        }
        DeployStatus::UpdateFailed => failed(ctx, about(Kind::DeployFailed), "update_failed"),
        DeployStatus::Canceled => match &service.deploy {
            DeployState::CancelIntended { .. } => {
                let reason = match ctx.unit.state {
                    CustomerStatus::Forward => "timed out",
                    CustomerStatus::Withdrawing => "cancelled because the customer is left out",
                    _ => "cancelled for the rollback",
                };
                let fact = about(Kind::DeployCancelled).with("ours", true);
                Line {
                    reason: Some(reason.to_owned()),
                    ..ctx.failure(fact)
                }
                .into()
            }
            _ => about(Kind::DeployCancelled).with("ours", false).into(),
        },
        DeployStatus::Unfinished => Recorded::default(),
    }
}

fn is_something_else(ctx: &Ctx<'_>, deploy: &DeployView) -> bool {
    deploy.commit.is_some() && !deploy.is_of(&ctx.release().commit)
}

fn failed(ctx: &Ctx<'_>, fact: Line, status: &str) -> Recorded {
    let reason = Some(status.replace('_', " "));
    let fact = ctx.failure(fact.with("status", status));
    Line { reason, ..fact }.into()
}

/// How our rollback ended.
fn returned(ctx: &Ctx<'_>, role: &Role, deploy: &DeployView) -> Recorded {
    let service = ctx.service(role);
    let about = |kind| Line {
        attempt: Some(service.rollback_attempt),
        deploy: Some(deploy.id.clone()),
        commit: deploy.exact(),
        ..ctx.service_fact(kind, role)
    };
    if deploy.status == DeployStatus::Live {
        let version = service.baseline.and_then(|baseline| baseline.version);
        return about(Kind::RollbackLive)
            .with_value("version", &version)
            .into();
    }
    let reason = Some(format!("the rollback ended {:?}", deploy.status));
    Line {
        reason,
        ..about(Kind::RollbackFailed)
    }
    .into()
}

/// Of a customer that is left out, the service can never be read again: what was requested there has gone with it.
pub(crate) fn gone(ctx: &Ctx<'_>, role: &Role, reason: &str) -> Recorded {
    let service = ctx.service(role);
    let (kind, attempt, state) = match service.deploy.is_open() {
        true => (Kind::DeployFailed, service.attempt, &service.deploy),
        false => (
            Kind::RollbackFailed,
            service.rollback_attempt,
            &service.rollback,
        ),
    };
    Line {
        attempt: Some(attempt),
        deploy: state.id().cloned(),
        reason: Some(format!("it can never be read again: {reason}")),
        ..ctx.service_fact(kind, role)
    }
    .into()
}
