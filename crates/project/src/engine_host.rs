//! What an engine in this process is made of: Render, the project's files, the secrets, the vault and the clock.

mod backups;
mod controls;
mod follow;
mod sources;
mod waits;
mod watched;

use std::sync::Arc;
use std::time::Duration;

use engine::outbox::{Audience, SharedAudience};
use engine::{CrashAt, EngineHandle, EngineOptions, Error, EngineSender, ServerTime};
use policy::settings::RenderSettings;
use render::Client;
use render::executor::{ExecutorSettings, RenderExecutor, Sources};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use self::backups::ProjectBackups;
use self::controls::Controls;
use self::sources::ProjectSources;
use self::watched::Renewed;
pub(crate) use self::watched::{told, unapplied, unreadable};
use crate::commands::ask::Desk;
use crate::exit::Failure;
use crate::output::Output;
use crate::project::variable;
use crate::release::Versions;
use crate::watching::{Watch, WatchSlot};
use crate::{connect, state, telling};

/// Makes the process die at a commit, for tests.
const CRASH_AT: &str = "TRANCHE_CRASH_AT";

/// The clock is trusted once two replies agree with it (P25).
const REPLIES: usize = 2;

/// Why this process did not become the engine.
pub(crate) enum NotStarted {
    /// Another process is the engine.
    Held(Failure),
    /// Anything else.
    Failed(Failure),
}

impl From<Failure> for NotStarted {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<NotStarted> for Failure {
    fn from(not: NotStarted) -> Self {
        match not {
            NotStarted::Held(failure) | NotStarted::Failed(failure) => failure,
        }
    }
}

/// Becomes the engine of a project.
pub(crate) async fn start(desk: &Desk, until_idle: bool) -> Result<EngineHandle, NotStarted> {
    // Whoever looks is told what it waits for by a note, and by what is shown while it drives.
    let client = connect::client(&desk.config, Output::silent())?;
    let prober = connect::prober(&desk.config)?;
    let mut versions = Versions::read(&desk.folder, &desk.config).await;
    let product = state::product(desk.state())?;
    let runs = product.overview().into_iter();
    for plan in runs.filter_map(|run| product.plan(run.id)) {
        versions.add(&plan.release);
    }
    let controls = Arc::new(Controls::new(&product));
    let roots = telling::roots(&desk.folder, &desk.config, &product);
    let sources = Arc::new(ProjectSources::new(
        &desk.folder,
        &roots,
        &desk.config,
        versions,
        Arc::clone(&controls),
    ));
    let audience = SharedAudience::new(Audience::of(&desk.config));
    let post = telling::post(&roots, &desk.config)?;
    let watch = WatchSlot::default();
    let renewed = Renewed {
        sources: Arc::clone(&sources),
        audience: audience.clone(),
        post: post.clone(),
        roots,
        watch: Arc::clone(&watch),
    };
    let backups = Arc::new(ProjectBackups::open(desk.state()).map_err(state::failure)?);
    let options = EngineOptions {
        files: Some(watched::files(&desk.folder, renewed)),
        audience: audience.clone(),
        server_time: server_time(&client),
        until_idle,
        crash_at: crash_at()?,
        ..EngineOptions::default()
    };
    let settings = ExecutorSettings {
        hold_after: patience(&desk.config.project.render),
        ..ExecutorSettings::of(&desk.config.project, desk.folder.dir())
    };
    let learning = Arc::clone(&sources);
    let engine = engine::start(desk.state(), options, |inlet: &EngineSender| {
        let told = inlet.clone();
        sources.keep_time(inlet.time());
        waits::tell(desk.state(), &client);
        let notices = move |notice| told.notice(notice);
        Box::new(RenderExecutor::new(
            &client, prober, settings, sources, backups, notices,
        ))
    });
    let engine = engine.map_err(|error| {
        let is_held = matches!(error, Error::Held { .. });
        let failure = state::failure(error);
        if is_held {
            NotStarted::Held(failure)
        } else {
            NotStarted::Failed(failure)
        }
    })?;
    let postman = telling::postman(desk.state(), &post);
    if let Some(begun) = Watch::begin(desk.state(), &desk.config, &audience) {
        // The slot is new, so nobody has filled it.
        let _ = watch.set(begun);
    }
    let company = (postman, watch);
    let controlled = controls::follow(controls, engine.subscribe());
    tokio::spawn(async move {
        controlled.await;
        drop(company);
    });
    tokio::spawn(follow::follow(desk.clone(), engine.subscribe()));
    tokio::spawn(learning.learn(desk.config.clone(), engine.subscribe()));
    Ok(engine)
}

/// How long trouble with Render is taken for a passing one: as long as one call may take.
pub(crate) fn patience(render: &RenderSettings) -> Duration {
    let millis = u64::try_from(render.timeout.as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(millis)
}

/// What templates are filled in with, for a process that is not the engine.
pub(crate) fn sources(desk: &Desk, versions: Versions) -> Result<Arc<dyn Sources>, Failure> {
    let product = state::product(desk.state())?;
    let controls = Arc::new(Controls::new(&product));
    Ok(Arc::new(ProjectSources::new(
        &desk.folder,
        &telling::roots(&desk.folder, &desk.config, &product),
        &desk.config,
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

fn crash_at() -> Result<Option<CrashAt>, Failure> {
    let Some(text) = variable(CRASH_AT) else {
        return Ok(None);
    };
    let at = text.parse().map_err(|source: engine::crash::BadCrashAt| {
        Failure::usage(format!("failed to read {CRASH_AT}")).caused_by(source)
    })?;
    Ok(Some(at))
}
