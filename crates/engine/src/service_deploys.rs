//! Deploys of single services as a library (A8-A12, A17): one by a configuration, a batch with a limit, what is under way,
//! what was, and an orderly end.
//!
//! A [`ServiceDeployer`] stands on a running engine, whatever [`Executor`] that drives, so each deploy is an operation with
//! journal, backup, look-ups, verdict, watch and rollback. Nothing is decided here.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use policy::{CustomerId, Project, Role, Timestamp};
use rollout::report::{DeployRecord, Statistics};
use rollout::request::{Directory, FilesRead};
use rollout::standing::CustomerStanding;
use rollout::view::{CustomerView, EndState, RolloutView};
use rollout::{
    Actor, DeployId, Deploys, Event, Executor, Kind, Rejected, Request, RolloutId, ServiceDeploy,
    Verb,
};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::error::Error;
use crate::process::state_dir::StateDir;
use crate::read::history::{DeploysOf, History};
use crate::run::{Ended, EngineHandle, EngineOptions, EngineSender, start};
use crate::step::watched_files::WatchedFiles;

/// So many services of a batch go at once where nothing else is said.
pub const AT_ONCE: u32 = 3;

/// Deploys single services.
///
/// ```no_run
/// # async fn example(
/// #     state: engine::StateDir, project: policy::Project, service: rollout::ServiceDeploy,
/// #     executor: Box<dyn rollout::Executor + Send>,
/// # ) -> Result<(), engine::service_deploys::DeployError> {
/// use engine::service_deploys::ServiceDeployer;
/// use rollout::Actor;
///
/// let options = engine::EngineOptions::default();
/// let deployer = ServiceDeployer::start(&state, project, Actor::person("ann"), options, |_| executor)?;
/// let deployed = deployer.deploy(service, "hotfix").await?;
/// println!("{} ended {:?}", deployed.operation, deployed.outcome);
/// deployer.shut_down(std::time::Duration::from_secs(10)).await?;
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct ServiceDeployer {
    engine: EngineHandle,
    state: StateDir,
    project: Project,
    actor: Actor,
}

/// How a deploy or a batch went.
#[derive(Clone, Debug)]
pub struct Deployed {
    /// Its name in the journal.
    pub operation: RolloutId,
    /// How it ended; absent: it rests until a person decides about somebody who is held.
    pub outcome: Option<EndState>,
    /// Each service's customer, with the reason where one failed.
    pub customers: Vec<CustomerView>,
}

/// A service that is being worked on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Active {
    /// In which rollout or operation.
    pub run: RolloutId,
    /// Whose.
    pub customer: CustomerId,
    /// Which service.
    pub service: Role,
    /// Its deploy, once Render has named it.
    pub deploy: Option<DeployId>,
    /// `under way`, `rolling back`, `held`.
    pub state: CustomerStanding,
}

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// It is not allowed now; nothing has changed.
    #[error("it was refused")]
    Refused(#[source] Rejected),
    /// The engine could not do it.
    #[error(transparent)]
    Engine(#[from] Error),
}

impl ServiceDeployer {
    /// Becomes the engine of a state folder and goes on with whatever is unfinished there.
    ///
    /// # Errors
    /// As [`crate::start`].
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn start(
        state: &StateDir,
        project: Project,
        actor: Actor,
        mut options: EngineOptions,
        executor: impl FnOnce(&EngineSender) -> Box<dyn Executor + Send>,
    ) -> Result<Self, DeployError> {
        let read = FilesRead {
            directory: Directory::of(&project),
            freezes: project.freezes.clone(),
            ..FilesRead::default()
        };
        options
            .files
            .get_or_insert_with(|| WatchedFiles::new(Vec::new(), Box::new(move |_| read.clone())));
        Ok(Self {
            engine: start(state, options, executor)?,
            state: state.clone(),
            project,
            actor,
        })
    }

    /// The engine it stands on.
    pub fn engine(&self) -> &EngineHandle {
        &self.engine
    }

    /// Deploys one service and waits for its end, the watch and a rollback included.
    ///
    /// # Errors
    /// As [`ServiceDeployer::deploy_all`].
    pub async fn deploy(
        &self,
        service: ServiceDeploy,
        reason: &str,
    ) -> Result<Deployed, DeployError> {
        self.deploy_all(vec![service], 1, reason).await
    }

    /// Deploys several services, so many at once, and waits until all of them have ended. One that fails stops no other.
    ///
    /// # Errors
    /// Refused: somebody else is changing one of the customers, or a check before the deploy speaks against it.
    pub async fn deploy_all(
        &self,
        services: Vec<ServiceDeploy>,
        at_once: u32,
        reason: &str,
    ) -> Result<Deployed, DeployError> {
        let events = self.engine.subscribe();
        let deploys = Deploys {
            project: self.project.clone(),
            services,
            max_parallel: at_once,
            reason: reason.to_owned(),
        };
        let request = Request {
            by: self.actor.clone(),
            rollout: None,
            verb: Verb::Deploy(Box::new(deploys)),
        };
        let answer = self.engine.ask(request).await?;
        if let Some(rejected) = answer.rejected {
            return Err(DeployError::Refused(rejected));
        }
        let mut begun = answer.events.iter();
        let begun = begun.find(|event| event.line.kind == Kind::OperationStarted);
        let operation = begun.and_then(|event| event.line.rollout);
        let operation = operation.expect("an accepted deploy begins an operation");
        self.wait_for(operation, events).await
    }

    /// Services that are being worked on now, over all rollouts and operations.
    ///
    /// # Errors
    /// When the engine has ended.
    pub async fn active(&self) -> Result<Vec<Active>, DeployError> {
        let runs = self.engine.look(rollout::Product::overview).await?;
        let unfinished = runs.into_iter().filter(|run| !run.has_ended());
        Ok(unfinished.flat_map(active_in).collect())
    }

    /// Up to `limit` deploys and rollbacks of a service, a customer or all, newest first.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn history(&self, of: &DeploysOf, limit: usize) -> Result<Vec<DeployRecord>, DeployError> {
        Ok(History::open(&self.state)?.deploys(of, limit)?)
    }

    /// Numbers over the hours before an instant: deploys, their success rate and duration, rollbacks.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn statistics(&self, hours: u32, until: Timestamp) -> Result<Statistics, DeployError> {
        let since = until - TimeDelta::hours(i64::from(hours));
        Ok(History::open(&self.state)?.statistics(since, until)?)
    }

    /// Ends: nothing new is begun, and answers to what was sent are recorded if they come within `grace`. What is
    /// unfinished goes on with the next one that is started on this state.
    ///
    /// # Errors
    /// Why the engine could not go on.
    pub async fn shut_down(mut self, grace: Duration) -> Result<Ended, DeployError> {
        self.engine.stop(grace);
        Ok(self.engine.ended().await?)
    }

    async fn wait_for(
        &self,
        operation: RolloutId,
        mut events: Receiver<Arc<Event>>,
    ) -> Result<Deployed, DeployError> {
        loop {
            let view = self
                .engine
                .look(move |product| product.rollout_view(operation));
            let view = view.await?.expect("an operation is never forgotten");
            if view.has_ended() || rests(&view) {
                return Ok(Deployed {
                    operation,
                    outcome: view.outcome,
                    customers: view.customers,
                });
            }
            match events.recv().await {
                // Who lags behind looks again all the same.
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return Err(Error::Stopped.into()),
            }
        }
    }
}

/// Whether nothing moves but by a person's word.
fn rests(run: &RolloutView) -> bool {
    let held = |one: &CustomerView| one.state == CustomerStanding::Held;
    let moves = |one: &CustomerView| !one.state.is_settled() && one.state != CustomerStanding::Held;
    run.customers.iter().any(held) && !run.customers.iter().any(moves)
}

fn active_in(run: RolloutView) -> impl Iterator<Item = Active> {
    run.customers.into_iter().filter_map(move |one| {
        Some(Active {
            run: run.id,
            service: one.service?,
            customer: one.customer,
            deploy: one.deploy,
            state: one.state,
        })
    })
}
