//! What a command's answer means: the facts it names, and what is worth remembering until the next look.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a command has few answers of its own; any other is told to a person in one way"
)]

use policy::{Role, Timestamp};

use crate::customer::next::{self, Ctx, Scratch, recovery};
use crate::customer::protocol::DeployDirection;
use crate::customer::targets::Judged;
use crate::customer::trouble;
use crate::model::command::{CommandKind, DeployStatus, DeployView, Outcome, Sealed};
use crate::model::event::{Kind, Line};
use crate::model::health::{CycleResult, Verdict};
use crate::model::ids::{AttachmentId, DeployId};
use crate::model::state::{AutoDeployState, CustomerStatus, DeployState};

/// The facts that follow from an answer, and sealed bytes to store with them.
#[derive(Debug, Default)]
pub(crate) struct Recorded {
    pub(crate) facts: Vec<Line>,
    pub(crate) attachment: Option<(AttachmentId, Sealed)>,
}

impl From<Vec<Line>> for Recorded {
    fn from(facts: Vec<Line>) -> Self {
        Self {
            facts,
            attachment: None,
        }
    }
}

impl From<Line> for Recorded {
    fn from(fact: Line) -> Self {
        vec![fact].into()
    }
}

/// Takes the answer of the command in hand. `scratch` is what is remembered; `asked_at` is when it was asked.
pub(crate) fn record(
    ctx: &Ctx<'_>,
    scratch: &mut Scratch,
    asked_at: Timestamp,
    command: &CommandKind,
    outcome: Outcome,
) -> Recorded {
    if let Outcome::Trouble { reason } = &outcome {
        let alarm = trouble::met(ctx, scratch, command, reason);
        let mut recorded = trouble::undone(ctx, scratch, command, reason);
        recorded.facts.splice(0..0, alarm);
        return recorded;
    }
    scratch.answered(command);
    let outcome = match outcome {
        Outcome::Gone { role, reason } => match trouble::gone_at(ctx, command, &role, &reason) {
            Some(recorded) => return recorded,
            None => Outcome::Failed { reason },
        },
        other => other,
    };
    match command {
        CommandKind::Inspect { service } => inspected(scratch, &service.role, outcome),
        CommandKind::AwaitQuiet { deploy, .. } => awaited(ctx, scratch, deploy, &outcome),
        CommandKind::BackUp { service, .. } => {
            scratch.compared = matches!(outcome, Outcome::BackedUp { .. });
            backed_up(ctx, &service.role, outcome)
        }
        CommandKind::SetVariables {
            service,
            backup,
            keys,
        } => of_backup(
            ctx,
            &service.role,
            backup,
            set(ctx, &service.role, keys, outcome),
        ),
        CommandKind::RestoreVariables {
            service,
            backup,
            keys,
        } => {
            let restored = restored(ctx, &service.role, keys, outcome);
            of_backup(ctx, &service.role, backup, restored)
        }
        CommandKind::SetAutoDeploy { service, .. } => {
            switched(ctx, scratch, &service.role, &outcome)
        }
        CommandKind::CreateDeploy { service, .. } | CommandKind::CreateRollback { service, .. } => {
            requested(ctx, &service.role, outcome)
        }
        CommandKind::ListDeploys { service, .. } => {
            listed(ctx, scratch, &service.role, asked_at, outcome)
        }
        CommandKind::FollowDeploy { service, .. } => followed(ctx, scratch, &service.role, outcome),
        CommandKind::CancelDeploy { .. } => {
            scratch.fresh = false;
            scratch.cancel_sent = matches!(outcome, Outcome::CancelSent | Outcome::Refused { .. });
            Recorded::default()
        }
        CommandKind::Verify { probed, .. } => verified(ctx, &probed.target.role, outcome),
        CommandKind::BackUpConnections { service, to, .. } => {
            if let Outcome::Failed { reason } = &outcome {
                let role = &service.role;
                let reason = format!("{role} cannot be pointed at {to}: {reason}");
                return ctx.held(Some(role), reason).into();
            }
            let mut recorded = backed_up(ctx, &service.role, outcome);
            let facts = std::mem::take(&mut recorded.facts).into_iter();
            recorded.facts = facts.map(|fact| fact.with_value("database", to)).collect();
            recorded
        }
        CommandKind::Recover { .. } => recovery::requested(ctx, &outcome),
        CommandKind::FindDatabases { .. } => recovery::found(ctx, scratch, asked_at, outcome),
        CommandKind::AwaitDatabase { .. } => recovery::awaited(ctx, &outcome),
        CommandKind::RunHook { .. } => hooked(ctx, scratch, outcome),
        CommandKind::Preflight { .. }
        | CommandKind::Watch { .. }
        | CommandKind::Confirm { .. }
        | CommandKind::Stop { .. } => Recorded::default(),
    }
}

fn inspected(scratch: &mut Scratch, role: &Role, outcome: Outcome) -> Recorded {
    match outcome {
        Outcome::Inspected { views } => scratch.view = views.into_iter().next(),
        other => scratch.refused = Some(format!("{role} cannot be read: {}", say(&other))),
    }
    Recorded::default()
}

fn awaited(ctx: &Ctx<'_>, scratch: &mut Scratch, deploy: &DeployId, outcome: &Outcome) -> Recorded {
    if let Outcome::Unfinished { .. } = outcome {
        scratch.foreign_stuck = true;
        return Recorded::default();
    }
    let since = scratch.foreign.as_ref().map_or(ctx.at, |(since, _)| *since);
    scratch.foreign = Some((since, deploy.clone()));
    scratch.quiet_since = Some(ctx.at);
    scratch.view = None;
    scratch.listing = None;
    Recorded::default()
}

fn backed_up(ctx: &Ctx<'_>, role: &Role, outcome: Outcome) -> Recorded {
    match outcome {
        Outcome::BackedUp {
            digests,
            differing,
            sealed,
        } => {
            let id = AttachmentId(format!("variables/{}/{role}/{}", ctx.customer, ctx.seq + 1));
            let fact = ctx
                .service_fact(Kind::VariablesBackedUp, role)
                .with("backup", id.0.clone())
                .with_value("digests", &digests)
                .with_value("keys", &differing);
            Recorded {
                facts: vec![fact],
                attachment: Some((id, sealed)),
            }
        }
        Outcome::SecretMissing { name } => ctx
            .held(Some(role), format!("secret {name} does not resolve"))
            .into(),
        Outcome::NamesLeft { key } => {
            let left = ctx.left.map(ToString::to_string).unwrap_or_default();
            let reason = format!(
                "`{key}` of {role} would name {left} again, which its services do not read any more: its template or secret has to name the restored database"
            );
            ctx.held(Some(role), reason).into()
        }
        other => ctx
            .held(
                Some(role),
                format!("the variables of {role} cannot be read: {}", say(&other)),
            )
            .into(),
    }
}

/// Facts about the connections to a restored database name the one that is read from then on (T15).
pub(crate) fn of_backup(
    ctx: &Ctx<'_>,
    role: &Role,
    id: &AttachmentId,
    recorded: Recorded,
) -> Recorded {
    let service = ctx.service(role);
    let connections = service.connections.filter(|known| known.backup.id == *id);
    let (Some(_), Some(recovery)) = (connections, &ctx.unit.recovery) else {
        return recorded;
    };
    let named = recorded.facts.into_iter().map(|fact| match fact.kind {
        Kind::VariablesSet => fact.with_value("database", &recovery.new_database()),
        Kind::VariablesRestored => fact.with_value("database", &recovery.database),
        _ => fact,
    });
    Recorded {
        facts: named.collect(),
        attachment: recorded.attachment,
    }
}

fn set(ctx: &Ctx<'_>, role: &Role, keys: &[String], outcome: Outcome) -> Recorded {
    match outcome {
        Outcome::VariablesSet => ctx
            .service_fact(Kind::VariablesSet, role)
            .with_value("keys", &keys)
            .into(),
        other => ctx
            .held(
                Some(role),
                format!("the variables of {role} cannot be written: {}", say(&other)),
            )
            .into(),
    }
}

fn restored(ctx: &Ctx<'_>, role: &Role, keys: &[String], outcome: Outcome) -> Recorded {
    match outcome {
        Outcome::VariablesRestored { foreign } => ctx
            .service_fact(Kind::VariablesRestored, role)
            .with_value("keys", &keys)
            .with_value("foreign", &foreign)
            .into(),
        // A person has left the customer out: nothing is waited for any more, and the journal says what stays.
        Outcome::Failed { reason } if ctx.unit.state == CustomerStatus::Withdrawing => Line {
            reason: Some(format!("not put back: {reason}")),
            ..ctx.service_fact(Kind::VariablesRestored, role)
        }
        .into(),
        other => ctx
            .held(
                Some(role),
                format!(
                    "the variables of {role} cannot be put back: {}",
                    say(&other)
                ),
            )
            .into(),
    }
}

fn switched(ctx: &Ctx<'_>, scratch: &mut Scratch, role: &Role, outcome: &Outcome) -> Recorded {
    scratch.fresh = false;
    match (outcome, ctx.service(role).auto_deploy) {
        (Outcome::AutoDeploySet, AutoDeployState::OnIntended) => {
            ctx.service_fact(Kind::AutoDeployRestored, role).into()
        }
        (Outcome::AutoDeploySet, _) => {
            if let Some(view) = &mut scratch.view {
                view.auto_deploy = false;
            }
            ctx.service_fact(Kind::AutoDeployDisabled, role).into()
        }
        (Outcome::Refused { .. }, _) => {
            let reason = format!("auto-deploy of {role} cannot be switched: {}", say(outcome));
            ctx.held(Some(role), reason).into()
        }
        // Whether it took effect is read again before anything else happens.
        (_, _) => {
            scratch.view = None;
            Recorded::default()
        }
    }
}

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

fn listed(
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
            trouble::gone(ctx, role, &reason)
        }
        other => ctx
            .held(
                None,
                format!("the deploys cannot be listed: {}", say(&other)),
            )
            .into(),
    }
}

fn followed(ctx: &Ctx<'_>, scratch: &mut Scratch, role: &Role, outcome: Outcome) -> Recorded {
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
            trouble::gone(ctx, role, &reason)
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

fn verified(ctx: &Ctx<'_>, role: &Role, outcome: Outcome) -> Recorded {
    let going_back = ctx.unit.state == CustomerStatus::Backward;
    match outcome {
        Outcome::Judged { verdict, .. } if verdict.healthy => {
            let fact = judged(ctx, Kind::HealthPassed, role, &verdict);
            if going_back {
                fact.with("returned", true).into()
            } else {
                fact.into()
            }
        }
        Outcome::Judged { verdict, .. } if going_back => {
            let reason = format!("unhealthy after the rollback: {}", reason_of(&verdict));
            Line {
                reason: Some(reason),
                ..judged(ctx, Kind::RollbackFailed, role, &verdict)
            }
            .into()
        }
        Outcome::Judged { verdict, .. } => unhealthy(ctx, role, &verdict).into(),
        Outcome::Replaced { by, .. } => replaced(ctx, role, by.as_ref()).into(),
        other => ctx
            .held(
                Some(role),
                format!("{role} cannot be probed: {}", say(&other)),
            )
            .into(),
    }
}

/// A service failed its checks: what follows is one rollback (P31).
pub(crate) fn unhealthy(ctx: &Ctx<'_>, role: &Role, verdict: &Verdict) -> Vec<Line> {
    let fact = judged(ctx, Kind::HealthFailed, role, verdict);
    next::failed_live(
        ctx,
        Line {
            reason: Some(reason_of(verdict)),
            ..fact
        },
    )
}

/// What we put there is no longer live: somebody else replaced it (R18).
pub(crate) fn replaced(ctx: &Ctx<'_>, role: &Role, by: Option<&DeployView>) -> Vec<Line> {
    let mut facts: Vec<Line> = by
        .and_then(|other| next::duplicate(ctx, role, other))
        .into_iter()
        .collect();
    let fact = match by {
        Some(other) => ctx
            .held(
                Some(role),
                format!(
                    "our deploy was replaced by {} ({})",
                    other.id, other.trigger
                ),
            )
            .with("other", other.id.0.clone()),
        None => ctx.held(Some(role), "our deploy is no longer live".to_owned()),
    };
    facts.push(fact.with("replaced", true));
    facts
}

fn judged(ctx: &Ctx<'_>, kind: Kind, role: &Role, verdict: &Verdict) -> Line {
    let service = ctx.service(role);
    let (attempt, deploy) = match kind {
        Kind::RollbackFailed => (service.rollback_attempt, service.rollback.id().cloned()),
        _ if ctx.unit.state == CustomerStatus::Backward => {
            (service.rollback_attempt, service.rollback.id().cloned())
        }
        _ => (service.attempt, service.deploy.id().cloned()),
    };
    let fact = Line {
        attempt: Some(attempt),
        deploy,
        ..ctx.service_fact(kind, role)
    }
    .with_value("cycles", &verdict.cycles);
    let release = ctx.release();
    let judged = match kind {
        Kind::HealthFailed => Some(Judged {
            version: Some(release.version.clone()),
            commit: release.commit.clone(),
        }),
        Kind::RollbackFailed => service.baseline.and_then(|baseline| {
            Some(Judged {
                version: baseline.version,
                commit: baseline.commit?,
            })
        }),
        _ => None,
    };
    match judged {
        Some(judged) => fact.with_value("judged", &judged),
        None => fact,
    }
}

pub(crate) fn reason_of(verdict: &Verdict) -> String {
    let last = verdict
        .cycles
        .iter()
        .rev()
        .find_map(|cycle| match &cycle.result {
            CycleResult::Failed { reason } => Some(reason.clone()),
            CycleResult::Passed | CycleResult::NoData { .. } => None,
        });
    last.unwrap_or_else(|| "unhealthy".to_owned())
}

fn hooked(ctx: &Ctx<'_>, scratch: &mut Scratch, outcome: Outcome) -> Recorded {
    scratch.fresh = false;
    let when = next::hook_in_hand(ctx);
    match outcome {
        Outcome::HookFinished { ok, output } => {
            let fact = ctx
                .fact(Kind::HookFinished)
                .with("when", when)
                .with("ok", ok)
                .with("output", output);
            match (ok, when) {
                (false, "before") => Line {
                    reason: Some("its before hook failed".to_owned()),
                    ..fact
                }
                .with("failure", true)
                .into(),
                (false, _) => vec![fact, ctx.held(None, format!("its {when} hook failed"))].into(),
                (true, _) => fact.into(),
            }
        }
        Outcome::NotSent { .. } => {
            scratch.fresh = true;
            Recorded::default()
        }
        // Its outcome is open: `hooks` asks a person, unless it may run twice.
        _ => Recorded::default(),
    }
}

/// An unexpected answer as a few words for people.
pub(crate) fn say(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Unknown { reason }
        | Outcome::NotSent { reason }
        | Outcome::Gone { reason, .. }
        | Outcome::Trouble { reason }
        | Outcome::Failed { reason } => reason.clone(),
        Outcome::Refused { status, message } => format!("Render refused it ({status}): {message}"),
        other => format!("unexpected answer {other:?}"),
    }
}
