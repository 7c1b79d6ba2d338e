//! How does a request reach whoever drives the rollouts, in whose name, and what comes back?

use std::sync::Arc;
use std::time::Duration;

use engine::{Answer, AnswerTimeout};
use policy::{Project, Span};
use rollout::request::Directory;
use rollout::{Actor, Product, RejectedCode, Request, RolloutId, Verb};

use crate::backend::{Asking, Backend, FilesNow};
use crate::caller::Caller;
use crate::environment::variable;
use crate::error::Error;
use crate::folder::Folder;
use crate::location::Location;
use crate::{identity, runs};

/// So long a busy engine is waited for.
const PATIENCE: Duration = Duration::from_secs(15);

/// Another patience, such as `300ms`, for tests.
const PATIENCE_VARIABLE: &str = "TRANCHE_PATIENCE";

/// Somebody who asks for changes of what is stored. An emergency verb needs no valid files.
#[derive(Clone, Debug)]
pub struct Requester {
    backend: Arc<dyn Backend>,
    actor: Actor,
    files: FilesNow,
    caller: Arc<dyn Caller>,
}

impl Requester {
    /// Finds out who asks: by the files, or where those cannot be read by the people whom they named last.
    pub async fn open(location: &Location, caller: Arc<dyn Caller>) -> Result<Self, Error> {
        let backend = location.backend(&caller)?;
        let folder = location.folder();
        let alone = folder.as_ref().ok().and_then(Folder::alone);
        match folder.and_then(|folder| folder.load_running(&*caller)) {
            Ok(config) => Self::of_files(backend, config, caller).await,
            Err(error) => {
                let reason = error.in_short();
                let product = backend.product().await?;
                let project = last_known(&product, alone.as_ref()).ok_or(error)?;
                caller.remark(
                    "warning: the files cannot be used, so you are who they last knew you as; see: tranche validate",
                );
                let alone = alone.map(Box::new);
                Ok(Self {
                    actor: prove(&*backend, &project).await?,
                    files: FilesNow::Broken { reason, alone },
                    backend,
                    caller,
                })
            }
        }
    }

    /// Somebody whom these files name.
    pub(crate) async fn of_files(
        backend: Arc<dyn Backend>,
        config: policy::Config,
        caller: Arc<dyn Caller>,
    ) -> Result<Self, Error> {
        Ok(Self {
            actor: prove(&*backend, &config.project).await?,
            files: FilesNow::Valid(Box::new(config)),
            backend,
            caller,
        })
    }

    /// Somebody whose identity is proved already.
    pub fn acting(
        backend: Arc<dyn Backend>,
        actor: Actor,
        files: FilesNow,
        caller: Arc<dyn Caller>,
    ) -> Self {
        Self {
            backend,
            actor,
            files,
            caller,
        }
    }

    /// The same for somebody else than the person in front of it.
    pub(crate) fn named(&self, actor: Actor) -> Self {
        Self {
            actor,
            ..self.clone()
        }
    }

    /// Who asks.
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// Whom is asked.
    pub fn backend(&self) -> &dyn Backend {
        &*self.backend
    }

    /// Files a request, and waits for its answer. `None`: it is so already, which the caller is told.
    ///
    /// # Errors
    /// [`Error::Rejected`] if the core says no; otherwise the request has no effect, or the error says that this is uncertain.
    pub async fn ask(&self, run: Option<RolloutId>, verb: Verb) -> Result<Option<Answer>, Error> {
        let answer = self.answer(run, verb).await?;
        match answer.rejected {
            None => Ok(Some(answer)),
            Some(rejected) if rejected.code == RejectedCode::AlreadySo => {
                self.caller.remark(&rejected.message);
                Ok(None)
            }
            Some(rejected) => Err(Error::Rejected(Box::new(rejected))),
        }
    }

    /// The same, with whatever the core says.
    ///
    /// # Errors
    /// The request has no effect, or the error says that this is uncertain.
    pub async fn answer(&self, run: Option<RolloutId>, verb: Verb) -> Result<Answer, Error> {
        let patience = patience()?;
        let mut asking = self.backend.ask(Asking {
            request: Request {
                by: self.actor.clone(),
                rollout: run,
                verb,
            },
            files: self.files.clone(),
            patience: patience.clone(),
        });
        tokio::select! {
            answer = &mut asking => answer,
            // Nobody is told that it failed before it is certain that it will not happen.
            () = self.caller.gives_up() => {
                patience.cancel();
                asking.await
            }
        }
    }

    /// Whether what was just asked for waits for somebody who drives the rollouts, and nobody does.
    pub async fn waits_for_engine(&self, answer: &Answer) -> Result<bool, Error> {
        if !answer.without_engine {
            return Ok(false);
        }
        let runs = self.backend.product().await?.overview();
        let is_any_unfinished = runs.iter().any(|run| !run.has_ended());
        Ok(is_any_unfinished && !self.backend.is_driven().await?)
    }

    /// The rollout that is meant when none is named.
    pub async fn only_unfinished(&self) -> Result<RolloutId, Error> {
        runs::only_unfinished(&self.backend.product().await?)
    }
}

/// Proves who asks: by the token of the environment, otherwise by the operating-system account.
pub async fn prove(backend: &dyn Backend, project: &Project) -> Result<Actor, Error> {
    let token = identity::token()?;
    backend.prove(token.as_ref(), project).await
}

fn patience() -> Result<AnswerTimeout, Error> {
    let Some(text) = variable(PATIENCE_VARIABLE) else {
        return Ok(PATIENCE.into());
    };
    let span = text.parse::<Span>().map_err(|source| Error::Variable {
        name: PATIENCE_VARIABLE.to_owned(),
        source: Box::new(source),
    })?;
    let millis = u64::try_from(span.as_millis()).unwrap_or_default();
    Ok(Duration::from_millis(millis).into())
}

/// The people who prove who they are: by the files, or where those cannot be read as they were named last. `None`: nobody was
/// ever named.
pub fn people_of(files: &FilesNow, product: &Product) -> Option<Project> {
    match files {
        FilesNow::Valid(config) => Some(config.project.clone()),
        FilesNow::Broken { alone, .. } => last_known(product, alone.as_deref()),
    }
}

/// The project as the newest rollout froze it, with the people whom the files named when they were last whole, and who have
/// not been removed since; `None` without any rollout: there is nothing to ask about.
fn last_known(product: &Product, alone: Option<&Project>) -> Option<Project> {
    let newest = product.overview().into_iter().next_back();
    let plan = newest.and_then(|run| product.plan(run.id))?;
    let mut project = plan.project.clone();
    // A release before this one kept no people beside the plans.
    if let Some((valid, present)) = product
        .directories()
        .filter(|(valid, _)| !valid.people.is_empty())
    {
        let left = match alone {
            Some(alone) => valid.reduced_to(&Directory::of(alone)).people,
            None => present.people.clone(),
        };
        // Where nobody at all is left, the core still knows who may stop things.
        project.people = match left.is_empty() {
            true => valid.people.clone(),
            false => left,
        };
    }
    Some(project)
}
