//! What does every handler work with?

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use policy::settings::server::Server;
use policy::{Project, Timestamp};
use project::hints::Receiver;
use project::{Backend, Caller, CurrentFiles, FilesNow, Folder, Location, people_of};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::commits::Commits;
use crate::error::Error;
use crate::limits::Tries;
use crate::live::Live;
use crate::settings::Settings;
use crate::sign_in::{Ci, Devices, OnceLink, Provider, Web};
use crate::store::ServerStore;

/// So many streams of events at once; each costs a part of the journal in memory.
pub(crate) const STREAMS: usize = 512;

/// So many reads of the whole journal at once: others go on meanwhile.
const HEAVY: usize = 2;

/// The project behind the server, and what the server itself knows. Cheap to clone.
#[derive(Clone, Debug)]
pub struct App {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    location: Location,
    backend: Arc<dyn Backend>,
    files: CurrentFiles,
    store: ServerStore,
    settings: Settings,
    caller: Arc<dyn Caller>,
    server: Mutex<Arc<Server>>,
    once: OnceLink,
    commits: Commits,
    web: Web,
    provider: Provider,
    devices: Devices,
    ci: Ci,
    tries: Arc<Tries>,
    stop: CancellationToken,
    receiver: OnceLock<Receiver>,
    live: Live,
    streams: Arc<Semaphore>,
    heavy: Semaphore,
}

impl App {
    /// Opens the project and the server's own file.
    ///
    /// # Errors
    /// There is no project, or the file cannot be used.
    pub fn open(
        location: &Location,
        settings: Settings,
        caller: Arc<dyn Caller>,
    ) -> Result<Self, Error> {
        let (backend, stop) = (location.kept_backend(&caller)?, CancellationToken::new());
        let settings = settings.called();
        let shared = Shared {
            location: location.clone(),
            live: Live::new(Arc::clone(&backend), stop.clone()),
            streams: Arc::new(Semaphore::new(STREAMS)),
            heavy: Semaphore::new(HEAVY),
            backend,
            files: CurrentFiles::new(location.folder()?, Arc::clone(&caller)),
            store: ServerStore::open(&location.server_file()?)?,
            settings,
            caller,
            server: Mutex::default(),
            receiver: OnceLock::new(),
            once: OnceLink::default(),
            commits: Commits::default(),
            web: Web::new()?,
            provider: Provider::default(),
            devices: Devices::default(),
            ci: Ci::default(),
            tries: Arc::default(),
            stop,
        };
        let app = Self {
            shared: Arc::new(shared),
        };
        app.server();
        Ok(app)
    }

    /// Where the project is.
    pub(crate) fn location(&self) -> &Location {
        &self.shared.location
    }

    /// What keeps the state.
    pub(crate) fn backend(&self) -> &Arc<dyn Backend> {
        &self.shared.backend
    }

    /// The project folder.
    pub(crate) fn folder(&self) -> &Folder {
        self.shared.files.folder()
    }

    /// What the project's files say now.
    pub(crate) fn files(&self) -> Arc<FilesNow> {
        self.shared.files.now()
    }

    /// What lies between two commits, as far as it was looked up.
    pub(crate) fn commits(&self) -> &Commits {
        &self.shared.commits
    }

    /// The people whom the files name; while they cannot be read, whom they named last.
    pub(crate) async fn people(&self) -> Result<Option<Project>, project::Error> {
        let files = self.files();
        if let Some(config) = files.config() {
            return Ok(Some(config.project.clone()));
        }
        Ok(people_of(&files, &self.backend().product().await?))
    }

    /// Tells what is new.
    pub(crate) fn live(&self) -> &Live {
        &self.shared.live
    }

    /// Room for streams of events.
    pub(crate) fn streams(&self) -> &Arc<Semaphore> {
        &self.shared.streams
    }

    /// Room for reads that take as long as the journal is.
    pub(crate) fn heavy(&self) -> &Semaphore {
        &self.shared.heavy
    }

    /// What the files say of the server; while they cannot be read, what they said last. Whoever is signed in stays so.
    pub(crate) fn server(&self) -> Arc<Server> {
        let files = self.files();
        let mut kept = self
            .shared
            .server
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(config) = files.config()
            && **kept != config.server
        {
            self.store().limit_sessions(config.server.sessions);
            *kept = Arc::new(config.server.clone());
        }
        Arc::clone(&kept)
    }

    /// How the server asks others.
    pub(crate) fn web(&self) -> &Web {
        &self.shared.web
    }

    /// The identity provider.
    pub(crate) fn provider(&self) -> &Provider {
        &self.shared.provider
    }

    /// Command lines that wait to be let in.
    pub(crate) fn devices(&self) -> &Devices {
        &self.shared.devices
    }

    /// Whose signatures of CI systems are known.
    pub(crate) fn ci(&self) -> &Ci {
        &self.shared.ci
    }

    /// Who has tried how often.
    pub(crate) fn tries(&self) -> &Arc<Tries> {
        &self.shared.tries
    }

    /// What the server itself keeps.
    pub(crate) fn store(&self) -> &ServerStore {
        &self.shared.store
    }

    /// How the server is set up.
    pub fn settings(&self) -> &Settings {
        &self.shared.settings
    }

    /// Who is told along the way.
    pub(crate) fn caller(&self) -> &Arc<dyn Caller> {
        &self.shared.caller
    }

    /// Takes in what Render says by itself, from now on.
    pub fn take_in(&self, receiver: Receiver) {
        // There is one server, and it says so once.
        let _ = self.shared.receiver.set(receiver);
    }

    /// Who takes in what Render says by itself, if somebody does.
    pub(crate) fn receiver(&self) -> Option<&Receiver> {
        self.shared.receiver.get()
    }

    /// The link that signs in once.
    pub(crate) fn once(&self) -> &OnceLink {
        &self.shared.once
    }

    /// Makes the link that signs in once, for whoever may read what the server prints; an earlier one is void.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub fn draw_once_link(&self) -> Result<String, Error> {
        let secret = self.shared.once.draw()?;
        Ok(format!("{}/sign-in/once/{secret}", self.settings().url))
    }

    /// The instant.
    #[expect(
        clippy::unused_self,
        reason = "whoever has the app asks it for everything"
    )]
    pub(crate) fn now(&self) -> Timestamp {
        project::now()
    }

    /// Ends what would otherwise never end: streams of events.
    pub(crate) fn stop(&self) {
        self.shared.stop.cancel();
    }

    /// Ends when the server is told to stop.
    pub(crate) fn stopped(&self) -> CancellationToken {
        self.shared.stop.clone()
    }
}
