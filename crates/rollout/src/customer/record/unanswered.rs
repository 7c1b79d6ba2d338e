//! What follows where nothing was learned: a change that was not made, a service that does not exist any more.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "most commands go on alike when their service is gone"
)]

use policy::Role;

use crate::customer::answer::Recorded;
use crate::customer::ctx::Ctx;
use crate::customer::record::deploy::gone;
use crate::customer::record::{deploy, variables};
use crate::customer::recovery;
use crate::fold::scratch::Scratch;
use crate::model::command::{CommandKind, Outcome};
use crate::model::fact::{DeployFailed, FailedDeploy, FailedStatus};
use crate::model::state::CustomerStatus;

/// Nothing was learned, and a change was not made: what was intended is open again (P9).
pub(crate) fn undone(
    ctx: &Ctx<'_>,
    scratch: &mut Scratch,
    command: &CommandKind,
    reason: &str,
) -> Recorded {
    let not_sent = || Outcome::NotSent {
        reason: reason.to_owned(),
    };
    match command {
        CommandKind::CreateDeploy { service, .. } | CommandKind::CreateRollback { service, .. } => {
            deploy::requested(ctx, &service.role, not_sent())
        }
        CommandKind::Recover { .. } => recovery::requested(ctx, &not_sent()),
        CommandKind::RunHook { .. } => {
            scratch.fresh = true;
            Recorded::default()
        }
        // What it is like now is read before the next attempt.
        CommandKind::SetAutoDeploy { .. } | CommandKind::CancelDeploy { .. } => {
            scratch.fresh = false;
            scratch.view = None;
            Recorded::default()
        }
        CommandKind::Preflight { .. }
        | CommandKind::Inspect { .. }
        | CommandKind::AwaitQuiet { .. }
        | CommandKind::BackUp { .. }
        | CommandKind::SetVariables { .. }
        | CommandKind::RestoreVariables { .. }
        | CommandKind::ListDeploys { .. }
        | CommandKind::FollowDeploy { .. }
        | CommandKind::Verify { .. }
        | CommandKind::Watch { .. }
        | CommandKind::Confirm { .. }
        | CommandKind::FindDatabases { .. }
        | CommandKind::AwaitDatabase { .. }
        | CommandKind::BackUpConnections { .. }
        | CommandKind::Stop { .. } => Recorded::default(),
    }
}

/// A service was deleted in the middle of the work: its step fails, and the rest of the customer goes back (P18, P39).
/// `None`: what was asked for is a person's, who is told.
pub(crate) fn gone_at(
    ctx: &Ctx<'_>,
    command: &CommandKind,
    role: &Role,
    reason: &str,
) -> Option<Recorded> {
    match command {
        CommandKind::RestoreVariables { backup, .. } => {
            Some(variables::not_restored(ctx, role, backup, reason).into())
        }
        CommandKind::Recover { .. }
        | CommandKind::FindDatabases { .. }
        | CommandKind::AwaitDatabase { .. }
        | CommandKind::BackUpConnections { .. }
        | CommandKind::RunHook { .. } => None,
        _ if ctx.state.status == CustomerStatus::Forward => {
            Some(vanished(ctx, role, reason).into())
        }
        _ => Some(gone(ctx, role, reason)),
    }
}

/// A service that does not exist any more fails its customer. What it ran has gone with it.
pub(crate) fn vanished(ctx: &Ctx<'_>, role: &Role, reason: &str) -> DeployFailed {
    let service = ctx.service(role);
    DeployFailed {
        place: ctx.service_place(role),
        attempt: (service.attempt > 0).then_some(service.attempt),
        deploy: service.deploy.id().cloned(),
        commit: None,
        reason: format!("its service {role} does not exist any more: {reason}"),
        status: Some(FailedStatus::Ended(FailedDeploy::Gone)),
        failure: true,
    }
}
