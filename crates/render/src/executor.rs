//! Carries out the core's commands at Render: the production [`rollout::Executor`].
//!
//! One task a command. A read goes on until it has an answer or is stopped; a change is never sent again on doubt; what
//! concerns the whole workspace (the key is refused, Render cannot be reached) is told once, as a notice. Nothing is
//! decided here about a rollout. Which command does what is in `command_task`; how a call meets trouble is in `retry_policy`.

mod backup;
mod command_task;
mod database;
mod deploy;
mod failure;
mod follow;
mod health;
mod health_cycles;
mod hints;
mod hook;
mod inspect;
mod last_seen;
mod polling;
mod retry_policy;
mod running;
mod service_kinds;
mod sources;
mod template;
mod variables;
mod view;
mod worker;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use policy::settings::ZeroDowntime;
use policy::{Project, Span};
use rollout::limit::POLLS_A_MINUTE;
use rollout::{Command, CommandKind, Notice, Reply, Report};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use self::command_task::CommandTask;
use self::running::Running;
use self::worker::Worker;
use crate::client::{Client, ServerTime};
use crate::ids::OwnerId;
use crate::probe::Prober;

pub use self::hints::Hints;
pub use self::sources::{BackupError, Backups, Plain, Sources};
pub use self::template::{Filling, Unfilled};

/// A hint may be lost: no deploy goes unread for longer.
const POLL_HINTED: Duration = Duration::from_mins(1);

/// How commands are carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecutorSettings {
    /// The workspace; a service of another one is refused. `None`: not checked.
    pub owner: Option<OwnerId>,
    /// What to do about services that a deploy would, or might, interrupt.
    pub zero_downtime: ZeroDowntime,
    /// The pause after the first read of a deploy, and the first pause after trouble.
    pub poll_from: Duration,
    /// The longest such pause, unless very many deploys are followed at once.
    pub poll_to: Duration,
    /// The pause while Render tells of the ends of deploys by itself, unless `poll_to` is longer.
    pub poll_hinted: Duration,
    /// So many reads a minute may go into following deploys, however many there are.
    pub polls_a_minute: u32,
    /// A read that has failed for this long holds the workspace.
    pub hold_after: Duration,
    /// Where hooks run.
    pub project_dir: PathBuf,
}

impl ExecutorSettings {
    /// As the project says.
    pub fn of(project: &Project, project_dir: impl Into<PathBuf>) -> Self {
        let render = &project.render;
        Self {
            owner: render.owner.as_deref().map(OwnerId::from),
            zero_downtime: render.zero_downtime,
            poll_from: duration(render.poll_from),
            poll_to: duration(render.poll_to),
            poll_hinted: POLL_HINTED,
            polls_a_minute: POLLS_A_MINUTE,
            hold_after: Duration::from_secs(30),
            project_dir: project_dir.into(),
        }
    }
}

/// Carries out commands, each as a task of its own. Dropping it stops them; changes that have left run to their end.
pub struct RenderExecutor {
    worker: Arc<Worker>,
    running: Running,
    stop: CancellationToken,
    runtime: Handle,
}

impl RenderExecutor {
    /// Makes an executor, and begins to ask whether Render answers. What concerns the whole workspace goes to `notices`.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn new(
        client: &Client,
        prober: Prober,
        settings: ExecutorSettings,
        sources: Arc<dyn Sources>,
        backups: Arc<dyn Backups>,
        notices: impl Fn(Notice) + Send + Sync + 'static,
    ) -> Self {
        let stop = CancellationToken::new();
        let client = client.with_stop(stop.clone());
        let worker = Worker::new(client, prober, settings, sources, backups, notices);
        Self {
            worker: Arc::new(worker),
            running: Running::default(),
            stop,
            runtime: Handle::current(),
        }
    }

    /// Tells of every `Date` that Render sends (P25).
    pub fn server_times(&self) -> watch::Receiver<Option<ServerTime>> {
        self.worker.server_times()
    }

    /// Where to tell what Render says by itself. What is told once the executor is gone is forgotten.
    pub fn hints(&self) -> Hints {
        self.worker.hints.clone()
    }
}

impl rollout::Executor for RenderExecutor {
    fn execute(&mut self, command: Command, reply: Reply) {
        if let CommandKind::Stop { command } = command.kind {
            self.running.stop(command);
            return;
        }
        let stop = self.stop.child_token();
        let entry = self.running.enter(command.id, stop.clone());
        let span =
            tracing::info_span!("command", run = %command.rollout, customer = %command.customer);
        let task = CommandTask::new(Arc::clone(&self.worker), command, stop);
        let task = async move {
            let id = task.id();
            if let Some(outcome) = task.run().await {
                reply(Report {
                    command: id,
                    outcome,
                });
            }
            drop(entry);
        };
        self.runtime.spawn(task.instrument(span));
    }
}

impl Drop for RenderExecutor {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl fmt::Debug for RenderExecutor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RenderExecutor")
            .field("running", &self.running)
            .finish_non_exhaustive()
    }
}

fn duration(span: Span) -> Duration {
    Duration::from_millis(u64::try_from(span.as_millis()).unwrap_or_default())
}
