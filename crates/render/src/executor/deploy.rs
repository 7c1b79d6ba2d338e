//! Deploys: asked for at most once, cancelled, listed; and the switch of auto-deploy.

use rollout::command::Target;
use rollout::{DeployId, Outcome};

use super::command_task::CommandTask;
use super::view::deploy_view;
use crate::deploy::{DeploySpec, Source, Triggered};
use crate::error::Result;
use crate::service::AutoDeploySetting;

impl CommandTask {
    /// Asks for a deploy of a commit, or of an image.
    pub(super) async fn create_deploy(
        &self,
        service: &Target,
        commit: &str,
        clear_cache: bool,
    ) -> Outcome {
        let source = match policy::plan::is_image(commit) {
            true => Source::Image(commit.to_owned()),
            false => Source::Commit(commit.to_owned()),
        };
        let spec = DeploySpec::Build {
            source,
            clear_cache,
        };
        let retry = self.retry_policy();
        let reply = retry.change(|| retry.client.trigger(&service.id, &spec));
        self.requested(reply.await).await
    }

    /// Asks for a return to an earlier deploy.
    pub(super) async fn create_rollback(&self, service: &Target, deploy: &DeployId) -> Outcome {
        let retry = self.retry_policy();
        let reply = retry.change(|| retry.client.roll_back(&service.id, deploy));
        self.requested(reply.await).await
    }

    /// Asks for the end of a deploy.
    pub(super) async fn cancel_deploy(&self, service: &Target, deploy: &DeployId) -> Outcome {
        let retry = self.retry_policy();
        let reply = retry.change(|| retry.client.cancel(&service.id, deploy));
        match reply.await {
            Ok(()) => Outcome::CancelSent,
            Err(error) => self.undone(&error).await,
        }
    }

    /// Switches auto-deploy: on, upon what it was on before (P32).
    pub(super) async fn set_auto_deploy(
        &self,
        service: &Target,
        on: bool,
        trigger: Option<&str>,
    ) -> Outcome {
        let setting = if on {
            AutoDeploySetting {
                trigger: trigger.map(Into::into),
                ..AutoDeploySetting::ON
            }
        } else {
            AutoDeploySetting::OFF
        };
        let retry = self.retry_policy();
        let reply = retry.change(|| retry.client.set_auto_deploy(&service.id, &setting));
        match reply.await {
            Ok(found) if found.auto_deploy.is_on() == on => Outcome::AutoDeploySet,
            Ok(_) => Outcome::Unknown {
                reason: "Render answered with the setting unchanged".to_owned(),
            },
            Err(error) => self.undone(&error).await,
        }
    }

    /// Reads the newest deploys back to a known one; without any, back to one that was live.
    pub(super) async fn list_deploys(
        &self,
        service: &Target,
        known: &[DeployId],
    ) -> Result<Outcome> {
        let retry = self.retry_policy();
        let read = || {
            retry.client.deploys_back_to(&service.id, |deploy| {
                known.contains(&deploy.id) || (known.is_empty() && deploy.status.went_live())
            })
        };
        let listing = retry.ask(read).await?;
        // Nothing can be proved by a list that was not read to its end (P9).
        if !listing.is_complete {
            let reason = "none of the newest deploys is a known one".to_owned();
            return Ok(Outcome::Failed { reason });
        }
        let deploys = listing.entries.iter().map(deploy_view).collect();
        Ok(Outcome::Listed { deploys })
    }

    async fn requested(&self, reply: Result<Triggered>) -> Outcome {
        match reply {
            Ok(Triggered::Created(deploy)) => Outcome::Created {
                deploy: deploy_view(&deploy),
            },
            Ok(Triggered::Accepted) => Outcome::Accepted,
            Err(error) => self.undone(&error).await,
        }
    }
}
