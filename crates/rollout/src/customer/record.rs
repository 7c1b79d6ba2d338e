//! What a command's answer means: the facts it names, and what is worth remembering until the next look.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a command has few answers of its own; any other is told to a person in one way"
)]

pub(crate) mod deploy;
pub(crate) mod health;
pub(crate) mod unanswered;
pub(crate) mod variables;

use policy::{Role, Timestamp};

use crate::customer::answer::{Recorded, say};
use crate::customer::ctx::Ctx;
use crate::customer::record::deploy::{followed, listed, requested};
use crate::customer::record::health::verified;
use crate::customer::record::variables::{backed_up, put_back, set};
use crate::customer::{hooks, recovery, trouble};
use crate::fold::scratch::Scratch;
use crate::model::command::{CommandKind, Outcome};
use crate::model::fact::{AutoDeployDisabled, AutoDeployRestored, HookFinished};
use crate::model::ids::{DatabaseId, DeployId};
use crate::model::state::{AutoDeployState, HookList};

/// Takes the answer of the command in hand. `scratch` is what is remembered; `asked_at` is when it was asked.
pub(crate) fn record(
    ctx: &Ctx<'_>,
    scratch: &mut Scratch,
    asked_at: Timestamp,
    command: &CommandKind,
    outcome: Outcome,
) -> Recorded {
    let outcome = match answered(ctx, scratch, command, outcome) {
        Ok(outcome) => outcome,
        Err(recorded) => return recorded,
    };
    match command {
        CommandKind::Inspect { service } => inspected(scratch, &service.role, outcome),
        CommandKind::AwaitQuiet { deploy, .. } => awaited(ctx, scratch, deploy, &outcome),
        CommandKind::BackUp { service, .. } => {
            scratch.compared = matches!(outcome, Outcome::BackedUp { .. });
            backed_up(ctx, &service.role, outcome, None)
        }
        CommandKind::SetVariables {
            service,
            backup,
            keys,
        } => set(ctx, &service.role, backup, keys, outcome),
        CommandKind::RestoreVariables {
            service,
            backup,
            keys,
        } => put_back(ctx, &service.role, backup, keys, outcome),
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
            connections_backed_up(ctx, &service.role, to, outcome)
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

/// What is to be read as an answer; `Err`: there was none of use, and this follows from that.
fn answered(
    ctx: &Ctx<'_>,
    scratch: &mut Scratch,
    command: &CommandKind,
    outcome: Outcome,
) -> Result<Outcome, Recorded> {
    if let Outcome::Trouble { reason } = &outcome {
        let alarm = trouble::met(ctx, scratch, command, reason);
        let mut recorded = unanswered::undone(ctx, scratch, command, reason);
        recorded.facts.splice(0..0, alarm);
        return Err(recorded);
    }
    scratch.answered(command);
    Ok(match outcome {
        Outcome::Gone { role, reason } => match unanswered::gone_at(ctx, command, &role, &reason) {
            Some(recorded) => return Err(recorded),
            None => Outcome::Failed { reason },
        },
        other => other,
    })
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

fn switched(ctx: &Ctx<'_>, scratch: &mut Scratch, role: &Role, outcome: &Outcome) -> Recorded {
    scratch.fresh = false;
    match (outcome, ctx.service(role).auto_deploy) {
        (Outcome::AutoDeploySet, AutoDeployState::OnIntended) => {
            let restored = AutoDeployRestored {
                place: ctx.service_place(role),
                reason: None,
                refused: false,
            };
            restored.into()
        }
        (Outcome::AutoDeploySet, _) => {
            if let Some(view) = &mut scratch.view {
                view.auto_deploy = false;
            }
            let place = ctx.service_place(role);
            AutoDeployDisabled { place }.into()
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

fn connections_backed_up(
    ctx: &Ctx<'_>,
    role: &Role,
    to: &DatabaseId,
    outcome: Outcome,
) -> Recorded {
    if let Outcome::Failed { reason } = &outcome {
        let reason = format!("{role} cannot be pointed at {to}: {reason}");
        return ctx.held(Some(role), reason).into();
    }
    backed_up(ctx, role, outcome, Some(to))
}

fn hooked(ctx: &Ctx<'_>, scratch: &mut Scratch, outcome: Outcome) -> Recorded {
    scratch.fresh = false;
    let when = hooks::hook_in_hand(ctx);
    match outcome {
        Outcome::HookFinished { ok, output } => {
            let stops = !ok && when == HookList::Before;
            let finished = HookFinished {
                place: ctx.place(),
                reason: stops.then(|| "its before hook failed".to_owned()),
                when,
                ok,
                output,
                failure: stops,
            };
            if ok || stops {
                return finished.into();
            }
            let held = ctx.held(None, format!("its {when} hook failed"));
            vec![finished.into(), held.into()].into()
        }
        Outcome::NotSent { .. } => {
            scratch.fresh = true;
            Recorded::default()
        }
        // Its outcome is open: `hooks` asks a person, unless it may run twice.
        _ => Recorded::default(),
    }
}
