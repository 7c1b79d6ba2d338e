//! A project that is open for work: its folder, its files, its state, and who asks.

use std::sync::Arc;
use std::time::Duration;

use engine::Answer;
use engine::identity::{NewToken, TokenInfo, TokenOwner, TokenTerms};
use policy::{Config, Plan, PlanScope};
use rollout::{Actor, Product, RolloutId, Verb};

use crate::backend::{Backend, FilesNow};
use crate::caller::Caller;
use crate::delivery;
use crate::error::Error;
use crate::folder::Folder;
use crate::location::Location;
use crate::prepare::{Basis, Notes, Prepared, Preview, Source};
use crate::requester::Requester;
use crate::secrets;

/// A project, and somebody who works with it.
#[derive(Clone, Debug)]
pub struct Session {
    /// Where it is.
    pub(crate) location: Location,
    /// The project folder.
    pub folder: Folder,
    /// What its files say.
    pub config: Config,
    /// Who asks.
    pub requester: Requester,
    /// Who is told along the way.
    pub(crate) caller: Arc<dyn Caller>,
}

impl Session {
    /// Opens the project and finds out who asks.
    pub async fn open(location: &Location, caller: Arc<dyn Caller>) -> Result<Self, Error> {
        let folder = location.folder()?;
        let config = folder.load_running(&*caller)?;
        Self::of(location, folder, config, caller).await
    }

    /// The same for somebody who plans from the files: then a gate that nobody can fill is a mistake.
    pub async fn open_to_plan(location: &Location, caller: Arc<dyn Caller>) -> Result<Self, Error> {
        let folder = location.folder()?;
        let config = folder.load(&*caller)?;
        Self::of(location, folder, config, caller).await
    }

    /// The same for a process that drives for others: it asks for nothing itself, so nobody needs to be known.
    pub fn open_to_drive(location: &Location, caller: Arc<dyn Caller>) -> Result<Self, Error> {
        let folder = location.folder()?;
        let config = folder.load_running(&*caller)?;
        let backend = location.backend(&caller)?;
        let files = FilesNow::Valid(Box::new(config.clone()));
        let nobody = Actor::service(TokenOwner::Service("engine".to_owned()).name());
        Ok(Self {
            location: location.clone(),
            folder,
            config,
            requester: Requester::acting(backend, nobody, files, Arc::clone(&caller)),
            caller,
        })
    }

    /// The project for somebody whose identity is proved already, with its files as they read now.
    pub fn acting(
        location: &Location,
        folder: Folder,
        config: Config,
        requester: Requester,
        caller: Arc<dyn Caller>,
    ) -> Self {
        Self {
            location: location.clone(),
            folder,
            config,
            requester,
            caller,
        }
    }

    async fn of(
        location: &Location,
        folder: Folder,
        config: Config,
        caller: Arc<dyn Caller>,
    ) -> Result<Self, Error> {
        let backend = location.backend(&caller)?;
        let requester = Requester::of_files(backend, config.clone(), Arc::clone(&caller)).await?;
        Ok(Self {
            location: location.clone(),
            folder,
            config,
            requester,
            caller,
        })
    }

    /// What keeps the state.
    pub fn backend(&self) -> &dyn Backend {
        self.requester.backend()
    }

    /// Who is told along the way.
    pub fn caller(&self) -> &dyn Caller {
        &*self.caller
    }

    /// The plan of a version as a start would freeze it now.
    pub async fn prepare(&self, version: &str, scope: PlanScope) -> Result<Prepared, Error> {
        let product = self.backend().product().await?;
        self.basis(&product).prepare(version, scope).await
    }

    /// The same for a look ahead, with who said what runs.
    pub async fn preview(&self, asked: Preview) -> Result<(Plan, Notes, Source), Error> {
        let product = self.backend().product().await?;
        self.basis(&product).preview(asked).await
    }

    fn basis<'a>(&'a self, product: &'a Product) -> Basis<'a> {
        Basis {
            folder: &self.folder,
            config: &self.config,
            product,
            caller: &*self.caller,
        }
    }

    /// Refuses a plan for which a secret is missing.
    pub fn check_secrets(&self, plan: &Plan) -> Result<(), Error> {
        secrets::check(&self.folder.roots(Some(&self.config)), plan)
    }

    /// As [`Requester::ask`].
    pub async fn ask(&self, run: Option<RolloutId>, verb: Verb) -> Result<Option<Answer>, Error> {
        self.requester.ask(run, verb).await
    }

    /// Delivers notifications that are due before the process ends; what is not delivered by then waits for the next one.
    pub async fn deliver_due(&self, limit: Duration) {
        if let Ok(state) = self.location.state() {
            delivery::deliver_due(&state, &self.folder, &self.config, limit, &*self.caller).await;
        }
    }

    /// As [`Requester::create_token`].
    pub async fn create_token(
        &self,
        owner: &TokenOwner,
        terms: TokenTerms,
    ) -> Result<NewToken, Error> {
        let project = &self.config.project;
        self.requester.create_token(owner, terms, project).await
    }

    /// As [`Requester::tokens`].
    pub async fn tokens(&self) -> Result<Vec<TokenInfo>, Error> {
        self.requester.tokens(&self.config.project).await
    }

    /// As [`Requester::revoke_tokens`].
    pub async fn revoke_tokens(&self, id_or_owner: &str) -> Result<usize, Error> {
        self.requester.revoke_tokens(id_or_owner).await
    }
}
