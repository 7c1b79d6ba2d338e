//! What must be known of a service before it is touched: `Preflight` and `Inspect`.

use std::collections::BTreeMap;
use std::sync::Arc;

use policy::Role;
use policy::health::Profile;
use policy::settings::ZeroDowntime;
use rollout::Outcome;
use rollout::command::{ServiceView, Target};

use super::command_task::CommandTask;
use super::template::{Filling, Unfilled};
use super::view::back_to_live;
use super::worker::blocking;
use crate::error::Result;
use crate::inspect::{self, inspect};
use crate::probe::{Checkup, Subject};

/// Templates by role and key.
type Variables = BTreeMap<Role, BTreeMap<String, String>>;

impl CommandTask {
    /// Reads every service, and whether all of its variables could be written.
    pub(super) async fn preflight(
        &self,
        services: &[Target],
        variables: &Variables,
        urls: &BTreeMap<Role, String>,
        baseline: Option<&Profile>,
    ) -> Result<Outcome> {
        if let Err(unfilled) = self.try_to_fill(services, variables, urls).await {
            return Ok(unfilled.into());
        }
        let mut views = Vec::with_capacity(services.len());
        for service in services {
            let found = self.look(service).await?;
            let mut view = self.view(service, &found);
            if let Some(profile) = baseline {
                view.p95_ms = self.p95_ms(service, &found, profile).await;
            }
            views.push(view);
        }
        Ok(Outcome::Inspected { views })
    }

    /// Reads one service.
    pub(super) async fn inspect(&self, service: &Target) -> Result<Outcome> {
        let found = self.look(service).await?;
        let views = vec![self.view(service, &found)];
        Ok(Outcome::Inspected { views })
    }

    async fn look(&self, service: &Target) -> Result<inspect::ServiceView> {
        let retry = self.retry_policy();
        let found = retry.ask(|| inspect(&retry.client, &service.id)).await?;
        self.worker.kinds.learn(&found.id, &found.kind).await;
        self.worker.last_seen.note(&found.owner);
        Ok(found)
    }

    fn view(&self, service: &Target, found: &inspect::ServiceView) -> ServiceView {
        let commit = found.live().and_then(|live| live.commit_id());
        ServiceView {
            role: service.role.clone(),
            suspended: found.suspended_by.is_some(),
            auto_deploy: found.auto_deploy.is_on(),
            auto_deploy_trigger: found.auto_deploy.trigger.as_ref().map(ToString::to_string),
            image: found.image.clone(),
            deploys: back_to_live(&found.deploys),
            version: commit.and_then(|commit| self.worker.sources.version(commit)),
            p95_ms: None,
            warnings: found.warnings.iter().map(ToString::to_string).collect(),
            refusals: self.refusals(service, found),
        }
    }

    fn refusals(&self, service: &Target, found: &inspect::ServiceView) -> Vec<String> {
        let settings = &self.worker.settings;
        let mut refusals = Vec::new();
        if let Some(owner) = settings
            .owner
            .as_ref()
            .filter(|owner| **owner != found.owner)
        {
            refusals.push(format!(
                "it belongs to the workspace {}, not to {owner}",
                found.owner
            ));
        }
        // The sites of a simulated Render all answer at its own address.
        let elsewhere = |url: &&String| !found.answers_at(url) && !self.is_simulated();
        if let Some(url) = service.url.as_ref().filter(elsewhere) {
            refusals.push(format!("{url} is none of its own addresses"));
        }
        if found.in_maintenance {
            refusals.push("it is in maintenance mode, so its health cannot be seen".to_owned());
        }
        if settings.zero_downtime == ZeroDowntime::Require {
            refusals.extend(found.warnings.iter().map(ToString::to_string));
        }
        refusals
    }

    fn is_simulated(&self) -> bool {
        self.retry_policy().client.is_local()
    }

    /// How fast the service is. By probes alone: later ones are compared with nothing else.
    async fn p95_ms(
        &self,
        service: &Target,
        found: &inspect::ServiceView,
        profile: &Profile,
    ) -> Option<u32> {
        let subject = Subject {
            service: service.id.clone(),
            role: service.role.clone(),
            kind: found.kind.clone(),
            url: service.url.clone(),
        };
        let checkup = Checkup::new(self.worker.prober.clone(), None);
        let latency = checkup.latency_before(&subject, profile).await;
        latency.map(|latency| latency.p95_ms)
    }

    /// The values are thrown away; the release is not known yet, and always resolves.
    async fn try_to_fill(
        &self,
        services: &[Target],
        variables: &Variables,
        urls: &BTreeMap<Role, String>,
    ) -> Result<(), Unfilled> {
        for service in services {
            let Some(templates) = variables.get(&service.role).cloned() else {
                continue;
            };
            let filling = self.filling(service, "", "", urls);
            blocking(move || filling.fill_all(&templates)).await?;
        }
        Ok(())
    }

    /// What the placeholders of a service's variables stand for.
    pub(super) fn filling(
        &self,
        service: &Target,
        version: &str,
        commit: &str,
        urls: &BTreeMap<Role, String>,
    ) -> Filling {
        Filling {
            sources: Arc::clone(&self.worker.sources),
            customer: self.command.customer.clone(),
            service: service.id.clone(),
            version: version.to_owned(),
            commit: commit.to_owned(),
            urls: urls.clone(),
        }
    }
}
