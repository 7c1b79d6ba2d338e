//! The engine in this process: what it is made of, which is Render, the project's files, the secrets, the vault and the clock.

mod backups;
mod controls;
mod files;
mod follow;
mod sources;
mod waits;

use std::sync::Arc;
use std::time::Duration;

use engine::outbox::{Audience, SharedAudience};
use engine::{CrashAt, EngineOptions, EngineSender, ServerTime, StateDir};
pub use engine::{EngineHandle, EngineState};
use machine::files::Roots;
use notify::Notifier;
use policy::settings::RenderSettings;
use render::Client;
use render::executor::{ExecutorSettings, RenderExecutor, Sources};
use render::probe::Prober;
use rollout::Executor;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use self::backups::ProjectBackups;
use self::controls::Controls;
use self::files::Renewed;
use self::sources::ProjectSources;
use crate::caller::Silent;
use crate::environment::{CRASH_AT, variable};
use crate::error::Error;
use crate::hints::{self, Receiver};
use crate::monitor_host::{Watch, WatchSlot};
use crate::release::Versions;
use crate::session::Session;
use crate::{connect, delivery, stored};

/// The clock is trusted once two replies agree with it (P25).
const REPLIES: usize = 2;

/// Becomes the engine of a project.
///
/// # Errors
/// [`ErrorKind::Held`](crate::ErrorKind::Held) if another process is the engine.
pub async fn start(session: &Session, until_idle: bool) -> Result<EngineHandle, Error> {
    begin(session, until_idle, None).await
}

/// The same for a process that also takes in what Render says by itself: the webhook is kept at Render for as long as the engine
/// runs, and stays there when it ends, for the next one.
///
/// # Errors
/// As [`start`]; that the webhook is not to be had is said to the caller, and deploys are followed without it.
pub async fn start_with_hints(
    session: &Session,
    until_idle: bool,
    receiver: &Receiver,
) -> Result<EngineHandle, Error> {
    begin(session, until_idle, Some(receiver.clone())).await
}

async fn begin(
    session: &Session,
    until_idle: bool,
    receiver: Option<Receiver>,
) -> Result<EngineHandle, Error> {
    let host = Host::prepare(session, receiver).await?;
    let options = EngineOptions {
        files: Some(files::files(&session.folder, host.renewed(session))),
        audience: host.audience.clone(),
        server_time: server_time(&host.client),
        until_idle,
        crash_at: crash_at()?,
        ..EngineOptions::default()
    };
    let executor = host.executor(session)?;
    let engine = engine::start(&host.state, options, executor)?;
    host.begin_beside(session, &engine);
    Ok(engine)
}

/// Everything that an engine is composed of, and what goes on beside it.
struct Host {
    state: StateDir,
    client: Client,
    prober: Prober,
    controls: Arc<Controls>,
    sources: Arc<ProjectSources>,
    roots: Roots,
    audience: SharedAudience,
    post: Notifier,
    watch: WatchSlot,
    receiver: Option<Receiver>,
}

impl Host {
    async fn prepare(session: &Session, receiver: Option<Receiver>) -> Result<Self, Error> {
        let config = &session.config;
        // Whoever looks is told what it waits for by a note, and by what is shown while it drives.
        let client = connect::client(config, &Silent)?;
        let prober = connect::prober(config)?;
        let mut versions = Versions::read(&session.folder, config).await;
        let state = session.location.state()?;
        let product = stored::product(&state, session.caller())?;
        let runs = product.overview().into_iter();
        for plan in runs.filter_map(|run| product.plan(run.id)) {
            versions.add(&plan.release);
        }
        let controls = Arc::new(Controls::new(&product));
        let roots = delivery::roots(&session.folder, config, &product);
        let folder = &session.folder;
        let sources = ProjectSources::new(folder, &roots, config, versions, Arc::clone(&controls));
        Ok(Self {
            post: delivery::post(&roots, config)?,
            sources: Arc::new(sources),
            audience: SharedAudience::new(Audience::of(config)),
            watch: WatchSlot::default(),
            state,
            client,
            prober,
            controls,
            roots,
            receiver,
        })
    }

    /// What goes by the files as they read later.
    fn renewed(&self, session: &Session) -> Renewed {
        Renewed {
            sources: Arc::clone(&self.sources),
            audience: self.audience.clone(),
            post: self.post.clone(),
            roots: self.roots.clone(),
            watch: Arc::clone(&self.watch),
            caller: Arc::clone(&session.caller),
        }
    }

    /// Makes what carries commands out at Render, once the engine has given it its inlet.
    fn executor(
        &self,
        session: &Session,
    ) -> Result<impl FnOnce(&EngineSender) -> Box<dyn Executor + Send> + use<>, Error> {
        let backups = Arc::new(ProjectBackups::open(&self.state)?);
        let project = &session.config.project;
        let settings = ExecutorSettings {
            hold_after: patience(&project.render),
            ..ExecutorSettings::of(project, session.folder.dir())
        };
        let (state, client, prober) =
            (self.state.clone(), self.client.clone(), self.prober.clone());
        let sources = Arc::clone(&self.sources);
        let receiver = self.receiver.clone();
        Ok(move |inlet: &EngineSender| {
            let told = inlet.clone();
            sources.keep_time(inlet.time());
            waits::tell(&state, &client);
            let notices = move |notice| told.notice(notice);
            let executor =
                RenderExecutor::new(&client, prober, settings, sources, backups, notices);
            if let Some(receiver) = receiver {
                receiver.wake(executor.hints());
            }
            Box::new(executor) as Box<dyn Executor + Send>
        })
    }

    /// Notifications, the monitor, and what follows the journal, for as long as the engine runs.
    fn begin_beside(self, session: &Session, engine: &EngineHandle) {
        let postman = delivery::postman(&self.state, &self.post, &session.config);
        let caller = Arc::clone(&session.caller);
        if let Some(begun) = Watch::begin(&self.state, &session.config, &self.audience, caller) {
            // The slot is new, so nobody has filled it.
            let _ = self.watch.set(begun);
        }
        let mut keeping = JoinSet::new();
        if let Some(receiver) = self.receiver {
            let (config, caller) = (session.config.clone(), Arc::clone(&session.caller));
            keeping.spawn(hints::keep(receiver, self.client, config, caller));
        }
        let company = (postman, self.watch, keeping);
        let controlled = controls::follow(self.controls, engine.subscribe());
        tokio::spawn(async move {
            controlled.await;
            drop(company);
        });
        tokio::spawn(follow::follow(session.clone(), engine.subscribe()));
        tokio::spawn(
            self.sources
                .learn(session.config.clone(), engine.subscribe()),
        );
    }
}

/// How long trouble with Render is taken for a passing one: as long as one call may take.
pub fn patience(render: &RenderSettings) -> Duration {
    let millis = u64::try_from(render.timeout.as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(millis)
}

/// What templates are filled in with, for a process that is not the engine.
pub fn sources(session: &Session, versions: Versions) -> Result<Arc<dyn Sources>, Error> {
    let state = session.location.state()?;
    let product = stored::product(&state, session.caller())?;
    let controls = Arc::new(Controls::new(&product));
    Ok(Arc::new(ProjectSources::new(
        &session.folder,
        &delivery::roots(&session.folder, &session.config, &product),
        &session.config,
        versions,
        controls,
    )))
}

/// Asks Render for its time whenever the engine wants to know; one question at a time.
fn server_time(client: &Client) -> ServerTime {
    let (client, runtime) = (client.clone(), Handle::current());
    let asking = Arc::new(Semaphore::new(1));
    ServerTime::Ask(Box::new(move |inlet| {
        let Ok(turn) = Arc::clone(&asking).try_acquire_owned() else {
            return;
        };
        let (client, inlet) = (client.clone(), inlet.clone());
        runtime.spawn(async move {
            for _ in 0..REPLIES {
                let before = client.last_server_time();
                // Whatever is wrong with the key or the network is the executor's to tell. A reply without a `Date` leaves
                // the time of an earlier one, which must not count twice (P25).
                if client.user().await.is_ok()
                    && let Some(time) = client.last_server_time()
                    && before != Some(time)
                {
                    inlet.server_time(time.at);
                }
            }
            drop(turn);
        });
    }))
}

fn crash_at() -> Result<Option<CrashAt>, Error> {
    let Some(text) = variable(CRASH_AT) else {
        return Ok(None);
    };
    let at = text
        .parse()
        .map_err(|source: engine::crash::BadCrashAt| Error::Variable {
            name: CRASH_AT.to_owned(),
            source: Box::new(source),
        })?;
    Ok(Some(at))
}
