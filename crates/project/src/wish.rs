//! What does a person ask for, before the project's files, its repository and Render make a request of it?
//!
//! Whoever asks knows a version, a customer, a service. What the core decides by is a plan, or what each service gets and how
//! it stands: that is made here, where the files, the secrets and the key are.

mod services;
mod variables;

use std::collections::BTreeMap;

use engine::Answer;
use policy::plan::Image;
use policy::rules::RollbackMode;
use policy::{CustomerId, PlanInput, PlanScope, Release, Span};
use rollout::request::{Conflict, Reviewed, Start};
use rollout::{Deploys, RolloutId, Verb};
use serde::{Deserialize, Serialize};

pub use self::variables::{ListedVariable, PlannedVariables, VariableChange};
use crate::connect;
use crate::error::Error;
use crate::prepare::Prepared;
use crate::release::Versions;
use crate::session::Session;

/// A request in a person's words.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "do")]
pub enum Wish {
    /// Begin a rollout.
    Start(Box<WantedStart>),
    /// Apply the files as they read now to what has not started (R6).
    Replan,
    /// Deploy single services outside any rollout (A8).
    Deploy(WantedDeploys),
    /// Set the variables of a version and deploy nothing (B12).
    Variables(WantedVariables),
}

/// Which rollout is to begin.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WantedStart {
    /// A tag, or `latest`.
    pub version: String,
    /// Who is meant.
    #[serde(default)]
    pub scope: PlanScope,
    /// What to do about an unfinished rollout with a customer in common.
    #[serde(default)]
    pub conflict: Conflict,
    /// Clear the build cache of every deploy.
    #[serde(default)]
    pub clear_cache: bool,
    /// Overrides the policies' `deploy_timeout`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deploy_timeout: Option<Span>,
    /// The digest of the plan that was looked at: another one is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// The plan that was reviewed, with what ran then: another one is refused, also when its turn comes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reviewed: Option<Reviewed>,
}

/// Which services are to be deployed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WantedDeploys {
    /// In the order in which they go.
    pub services: Vec<WantedDeploy>,
    /// So many go at once.
    pub max_parallel: u32,
    /// Why.
    #[serde(default)]
    pub reason: String,
}

/// What one service gets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WantedDeploy {
    /// CUSTOMER/ROLE, a name, or an id.
    pub service: String,
    /// A commit, a tag or an image.
    pub artifact: Artifact,
    /// Without the build cache.
    #[serde(default)]
    pub clear_cache: bool,
    /// Variables to write before, as templates.
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
    /// Whether the checks before the deploy count.
    pub validate: bool,
    /// What follows when it turns out unhealthy.
    pub rollback: RollbackMode,
    /// How long it is watched.
    pub watch: Span,
    /// The health profile.
    pub health: String,
    /// Time limit of the deploy.
    pub timeout: Span,
}

/// What is deployed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Artifact {
    /// A commit or tag.
    Commit(String),
    /// An image.
    Image(Image),
}

/// Whose variables are to be set.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WantedVariables {
    /// Whose.
    pub customer: CustomerId,
    /// Those of this version.
    pub version: String,
    /// Why.
    pub reason: String,
}

impl Wish {
    /// The request that follows from the files as this session has read them.
    ///
    /// # Errors
    /// What is named is not there, a secret is missing, the repository or Render cannot be asked, or the plan is not the one
    /// that was looked at.
    pub async fn into_verb(self, session: &Session) -> Result<Verb, Error> {
        match self {
            Self::Start(wanted) => {
                let prepared = session
                    .prepare(&wanted.version, wanted.scope.clone())
                    .await?;
                session.check_secrets(&prepared.plan)?;
                wanted.into_verb(prepared)
            }
            Self::Replan => Ok(replan(session)),
            Self::Deploy(wanted) => Ok(Verb::Deploy(Box::new(session.deploys(wanted).await?))),
            Self::Variables(WantedVariables {
                customer,
                version,
                reason,
            }) => {
                let planned = PlannedVariables::read(session, &customer, &version).await?;
                planned.into_verb(session, customer, reason)
            }
        }
    }
}

impl WantedStart {
    /// The request to begin what was prepared by these words.
    ///
    /// # Errors
    /// [`Error::OtherPlan`]: the plan that was looked at is another one.
    pub fn into_verb(self, prepared: Prepared) -> Result<Verb, Error> {
        let digest = prepared.plan.computed_digest();
        if let Some(seen) = self.digest.filter(|seen| *seen != digest) {
            return Err(Error::OtherPlan { seen, digest });
        }
        Ok(Verb::Start(Box::new(Start {
            reviewed: self.reviewed,
            conflict: self.conflict,
            input: prepared.input,
            observed: prepared.observed,
            clear_cache: self.clear_cache,
            deploy_timeout: self.deploy_timeout,
        })))
    }
}

/// The rollout knows its release and its scope; only the files are new.
fn replan(session: &Session) -> Verb {
    let release = Release {
        version: String::new(),
        commit: String::new(),
    };
    let input = PlanInput::of(&session.config, release, PlanScope::default());
    Verb::Replan {
        input: Box::new(input),
    }
}

impl Session {
    /// Files what a person asked for, once the files, the repository and Render have made a request of it. `None`: it is so
    /// already, which the caller is told.
    pub async fn wish(&self, run: Option<RolloutId>, wish: Wish) -> Result<Option<Answer>, Error> {
        let verb = wish.into_verb(self).await?;
        self.ask(run, verb).await
    }

    /// What single services would get, and how they stand.
    pub async fn deploys(&self, wanted: WantedDeploys) -> Result<Deploys, Error> {
        let config = &self.config;
        let client = connect::client(config, self.caller())?;
        let versions = Versions::read(&self.folder, config).await;
        Ok(Deploys {
            services: services::find(config, &client, &versions, wanted.services).await?,
            project: config.project.clone(),
            max_parallel: wanted.max_parallel,
            reason: wanted.reason,
        })
    }
}
