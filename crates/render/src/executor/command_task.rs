//! One command being carried out: which command does what, one arm each.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt as _;
use rollout::command::{BackupOwner, Target};
use rollout::{Command, CommandId, CommandKind, Outcome};
use tokio_util::sync::CancellationToken;

use super::retry_policy::RetryPolicy;
use super::worker::Worker;
use crate::error::Result;
use crate::limit::Priority;

/// One command being carried out.
pub(super) struct CommandTask {
    pub(super) worker: Arc<Worker>,
    pub(super) command: Command,
    stop: CancellationToken,
}

impl CommandTask {
    pub(super) fn new(worker: Arc<Worker>, command: Command, stop: CancellationToken) -> Self {
        Self {
            worker,
            command,
            stop,
        }
    }

    pub(super) fn id(&self) -> CommandId {
        self.command.id
    }

    /// Carries the command out; `None`: it was stopped. What may have left is waited for all the same.
    pub(super) async fn run(&self) -> Option<Outcome> {
        tracing::debug!(command = ?self.command.kind, "begins");
        // What a command may need is large, and most commands need little of it.
        let work = Box::pin(AssertUnwindSafe(self.outcome()).catch_unwind());
        let worked = if changes_something(&self.command.kind) {
            work.await
        } else {
            self.stop.run_until_cancelled(work).await?
        };
        let outcome = worked.unwrap_or_else(|_| self.broken());
        tracing::debug!(?outcome, "ends");
        Some(outcome)
    }

    /// The way to Render, at the priority that the core gave the command (P44).
    pub(super) fn retry_policy(&self) -> RetryPolicy {
        let priority = if self.command.urgent {
            Priority::Rollback
        } else {
            Priority::Normal
        };
        let client = self.worker.client.with_priority(priority);
        let whose = (self.command.rollout, self.command.customer.clone());
        // Nobody waits for a look at what is healthy.
        let client = match is_watch(&self.command.kind) {
            true => client,
            false => client.on_behalf_of(whose),
        };
        RetryPolicy::new(
            client.with_stop(self.stop.clone()),
            self.worker.workspace.clone(),
        )
    }

    /// Whose backup one of this customer's services has.
    pub(super) fn owned(&self, service: &Target) -> BackupOwner {
        BackupOwner {
            rollout: self.command.rollout,
            customer: self.command.customer.clone(),
            role: service.role.clone(),
            service: service.id.clone(),
        }
    }

    async fn outcome(&self) -> Outcome {
        match self.work().await {
            Ok(outcome) => outcome,
            Err(error) => self.unread(&error).await,
        }
    }

    async fn work(&self) -> Result<Outcome> {
        match &self.command.kind {
            CommandKind::Preflight {
                services,
                variables,
                urls,
                baseline,
            } => {
                let baseline = baseline.as_deref();
                self.preflight(services, variables, urls, baseline).await
            }
            CommandKind::Inspect { service } => self.inspect(service).await,
            CommandKind::AwaitQuiet {
                service,
                deploy,
                until,
            }
            | CommandKind::FollowDeploy {
                service,
                deploy,
                until,
            } => self.follow(service, deploy, *until).await,
            CommandKind::BackUp {
                service,
                variables,
                version,
                commit,
                urls,
                left,
            } => {
                let filling = self.filling(service, version, commit, urls);
                self.back_up(service, variables, filling, left.as_ref())
                    .await
            }
            CommandKind::SetVariables {
                service,
                backup,
                keys,
            } => self.set_variables(service, backup, keys).await,
            CommandKind::RestoreVariables {
                service,
                backup,
                keys,
            } => self.restore_variables(service, backup, keys).await,
            CommandKind::ListDeploys { service, known } => self.list_deploys(service, known).await,
            CommandKind::Verify { probed, profile } => self.verify(probed, profile).await,
            CommandKind::Watch { probed, profile } => Ok(self.watch(probed, profile).await),
            CommandKind::Confirm { probed, profile } => Ok(self.confirm(probed, profile).await),
            CommandKind::Recover { database, to, name } => {
                Ok(self.recover(database, *to, name).await)
            }
            CommandKind::FindDatabases { name } => self.find_databases(name).await,
            CommandKind::AwaitDatabase { database, until } => {
                self.await_database(database, *until).await
            }
            CommandKind::BackUpConnections { service, from, to } => {
                self.back_up_connections(service, from, to).await
            }
            CommandKind::SetAutoDeploy { .. }
            | CommandKind::CreateDeploy { .. }
            | CommandKind::CreateRollback { .. }
            | CommandKind::CancelDeploy { .. }
            | CommandKind::RunHook { .. } => Ok(self.send_once().await),
            CommandKind::Stop { .. } => unreachable!("stops are not carried out by a task"),
        }
    }

    /// What is sent at most once: however that ends, it is said here and not by `unread`.
    async fn send_once(&self) -> Outcome {
        match &self.command.kind {
            CommandKind::SetAutoDeploy {
                service,
                on,
                trigger,
            } => self.set_auto_deploy(service, *on, trigger.as_deref()).await,
            CommandKind::CreateDeploy {
                service,
                commit,
                clear_cache,
                ..
            } => self.create_deploy(service, commit, *clear_cache).await,
            CommandKind::CreateRollback {
                service, deploy, ..
            } => self.create_rollback(service, deploy).await,
            CommandKind::CancelDeploy { service, deploy } => {
                self.cancel_deploy(service, deploy).await
            }
            CommandKind::RunHook {
                hook,
                service,
                environment,
            } => self.run_hook(hook, service.as_ref(), environment).await,
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
            | CommandKind::Recover { .. }
            | CommandKind::FindDatabases { .. }
            | CommandKind::AwaitDatabase { .. }
            | CommandKind::BackUpConnections { .. }
            | CommandKind::Stop { .. } => unreachable!("`work` sends none of these here"),
        }
    }

    /// A bug must not leave the core waiting for ever. What a change has done by then is not known.
    fn broken(&self) -> Outcome {
        let reason = "the executor has a bug: see its log".to_owned();
        if self.command.kind.is_repeatable() {
            Outcome::Trouble { reason }
        } else {
            Outcome::Unknown { reason }
        }
    }
}

/// Whether it only looks on while its customer is healthy.
fn is_watch(kind: &CommandKind) -> bool {
    matches!(
        kind,
        CommandKind::Watch { .. } | CommandKind::Confirm { .. }
    )
}

/// Whether dropping it half-way could leave a request under way that nobody waits for.
fn changes_something(kind: &CommandKind) -> bool {
    match kind {
        CommandKind::SetVariables { .. }
        | CommandKind::RestoreVariables { .. }
        | CommandKind::SetAutoDeploy { .. }
        | CommandKind::CreateDeploy { .. }
        | CommandKind::CreateRollback { .. }
        | CommandKind::CancelDeploy { .. }
        | CommandKind::Recover { .. }
        | CommandKind::RunHook { .. } => true,
        CommandKind::Preflight { .. }
        | CommandKind::Inspect { .. }
        | CommandKind::AwaitQuiet { .. }
        | CommandKind::BackUp { .. }
        | CommandKind::ListDeploys { .. }
        | CommandKind::FollowDeploy { .. }
        | CommandKind::Verify { .. }
        | CommandKind::Watch { .. }
        | CommandKind::Confirm { .. }
        | CommandKind::FindDatabases { .. }
        | CommandKind::AwaitDatabase { .. }
        | CommandKind::BackUpConnections { .. }
        | CommandKind::Stop { .. } => false,
    }
}
