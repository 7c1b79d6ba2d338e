//! What a call that did not succeed says: something about the service, or only about the way to it (R11).
//!
//! Only what Render says clearly counts: that the service is not there, to an account that does see the workspace.
//! Everything else is trouble, from which nothing follows.

use rollout::{CommandKind, Outcome};

use super::command_task::CommandTask;
use crate::error::{Error, Result, Sent, chain};
use crate::service::ServiceFilter;

/// What a 404 is about.
enum Absent {
    /// A service.
    Service(Outcome),
    /// Something else: the services are there.
    Else,
    /// It cannot be told.
    Unclear,
}

impl CommandTask {
    /// What follows from a read, or a write of a fixed value, that did not succeed.
    pub(super) async fn unread(&self, error: &Error) -> Outcome {
        let reason = chain(error);
        if !error.is_gone() {
            return Outcome::Trouble { reason };
        }
        match self.absent().await {
            Absent::Service(gone) => gone,
            // A deploy or database that is not there, where its service is: a person must know.
            Absent::Else if names_more(&self.command.kind) => Outcome::Failed { reason },
            Absent::Else | Absent::Unclear => Outcome::Trouble { reason },
        }
    }

    /// What follows from a change that did not succeed (P9).
    pub(super) async fn undone(&self, error: &Error) -> Outcome {
        let reason = chain(error);
        match error.status() {
            // The account may not, or the workspace cannot pay: that is no word about the service.
            Some(401..=403) => Outcome::Trouble { reason },
            Some(404 | 410) => match self.absent().await {
                Absent::Service(_) | Absent::Else => not_done(error),
                Absent::Unclear => Outcome::Trouble { reason },
            },
            Some(_) | None => not_done(error),
        }
    }

    /// Whether one of the command's services is not there.
    pub(super) async fn gone(&self) -> Option<Outcome> {
        match self.absent().await {
            Absent::Service(gone) => Some(gone),
            Absent::Else | Absent::Unclear => None,
        }
    }

    /// Whether the command's services are all there.
    pub(super) async fn is_all_there(&self) -> bool {
        matches!(self.absent().await, Absent::Else)
    }

    async fn absent(&self) -> Absent {
        let client = self.retry_policy().client;
        for service in self.command.kind.services() {
            match client.service(&service.id).await {
                Ok(_) => {}
                Err(error) if error.is_gone() => match self.sees_workspace().await {
                    Ok(true) => {
                        return Absent::Service(Outcome::Gone {
                            role: service.role.clone(),
                            reason: chain(&error),
                        });
                    }
                    Ok(false) | Err(_) => return Absent::Unclear,
                },
                Err(_) => return Absent::Unclear,
            }
        }
        Absent::Else
    }

    /// Whether the account sees the workspace: that named by the project, or else that in which services were seen, or else
    /// any with a service in it.
    async fn sees_workspace(&self) -> Result<bool> {
        let client = self.retry_policy().client;
        let named = self.worker.settings.owner.clone();
        let Some(owner) = named.or_else(|| self.worker.last_seen.get()) else {
            let any = ServiceFilter::default();
            return Ok(!client.services(&any, 1).await?.is_empty());
        };
        match client.owner(&owner).await {
            Ok(_) => Ok(true),
            Err(error) if error.is_gone() => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// What is known about a change that did not succeed (P9).
fn not_done(error: &Error) -> Outcome {
    let reason = chain(error);
    match (error.sent(), error.api()) {
        (Sent::NotSent, _) => Outcome::NotSent { reason },
        (Sent::Refused, Some(answer)) => Outcome::Refused {
            status: answer.status,
            message: answer.message.clone(),
        },
        (Sent::Refused | Sent::Ambiguous, _) => Outcome::Unknown { reason },
    }
}

/// Whether it names a thing of its own that may be missing: a deploy, a database.
fn names_more(kind: &CommandKind) -> bool {
    match kind {
        CommandKind::AwaitQuiet { .. }
        | CommandKind::FollowDeploy { .. }
        | CommandKind::AwaitDatabase { .. }
        | CommandKind::BackUpConnections { .. } => true,
        CommandKind::Preflight { .. }
        | CommandKind::Inspect { .. }
        | CommandKind::BackUp { .. }
        | CommandKind::SetVariables { .. }
        | CommandKind::RestoreVariables { .. }
        | CommandKind::SetAutoDeploy { .. }
        | CommandKind::CreateDeploy { .. }
        | CommandKind::CreateRollback { .. }
        | CommandKind::ListDeploys { .. }
        | CommandKind::CancelDeploy { .. }
        | CommandKind::Verify { .. }
        | CommandKind::Watch { .. }
        | CommandKind::Confirm { .. }
        | CommandKind::Recover { .. }
        | CommandKind::FindDatabases { .. }
        | CommandKind::RunHook { .. }
        | CommandKind::Stop { .. } => false,
    }
}
