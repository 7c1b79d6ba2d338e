//! How a person's request reaches whoever drives the rollouts, and how its answer reads.

use std::time::Duration;

use engine::StateDir;
use policy::Config;
use rollout::{Actor, Event, RejectedCode, Request, RunId, Verb};
use tokio::task::spawn_blocking;

use crate::args::Global;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::project::Folder;
use crate::show::{next, sentence};
use crate::{state, who};

/// So long a busy engine is waited for.
const PATIENCE: Duration = Duration::from_secs(15);

/// The place where requests are filed: a project, its state, and the person who asks.
#[derive(Debug)]
pub(crate) struct Desk {
    /// The project folder.
    pub(crate) folder: Folder,
    /// Its files.
    pub(crate) config: Config,
    state: StateDir,
    actor: Actor,
    out: Output,
}

impl Desk {
    /// Opens the project and finds out who asks.
    pub(crate) fn open(global: &Global, out: Output) -> Result<Self, Failure> {
        let folder = Folder::find(global)?;
        let config = folder.load(out)?;
        let state = state::place(global)?;
        let actor = who::prove(&state, &config)?;
        Ok(Self {
            folder,
            config,
            state,
            actor,
            out,
        })
    }

    /// Where the state lies.
    pub(crate) fn state(&self) -> &StateDir {
        &self.state
    }

    /// Files a request, and says what changed and what comes next.
    pub(crate) async fn file(&self, run: Option<RunId>, verb: Verb) -> Result<Exit, Failure> {
        let Some(events) = self.ask(run, verb).await? else {
            return Ok(Exit::Done);
        };
        self.out.data(&events, || answer(&events))?;
        Ok(Exit::Done)
    }

    /// Files a request. `None`: it is so already, which is said.
    pub(crate) async fn ask(
        &self,
        run: Option<RunId>,
        verb: Verb,
    ) -> Result<Option<Vec<Event>>, Failure> {
        let request = Request {
            by: self.actor.clone(),
            run,
            verb,
        };
        let state = self.state.clone();
        let answer = spawn_blocking(move || engine::ask(&state, &request, PATIENCE))
            .await
            .map_err(|source| Failure::failed("failed to file the request").caused_by(source))?
            .map_err(state::failure)?;
        match answer.rejected {
            None => Ok(Some(answer.events)),
            Some(rejected) if rejected.code == RejectedCode::AlreadySo => {
                self.out.say(rejected.message);
                Ok(None)
            }
            Some(rejected) => Err(rejected.into()),
        }
    }

    /// The rollout that is meant when none is named.
    pub(crate) fn only_unfinished(&self) -> Result<RunId, Failure> {
        let product = state::product(&self.state)?;
        let runs = product.overview();
        let mut unfinished = runs
            .iter()
            .filter(|run| run.outcome.is_none())
            .map(|run| run.id);
        match (unfinished.next(), unfinished.next()) {
            (Some(run), None) => Ok(run),
            (Some(_), Some(_)) => Err(Failure::usage("several rollouts are unfinished")
                .or_type("the same command with --rollout ROLLOUT; `tranche list` shows them")),
            (None, _) => {
                Err(Failure::new(Exit::Refused, "no rollout is unfinished").or_type("tranche list"))
            }
        }
    }
}

/// The first event says what changed; the last one that knows says what comes next.
pub(crate) fn answer(events: &[Event]) -> String {
    let changes = events
        .iter()
        .filter(|event| sentence::is_notable(event.fact.kind));
    let mut text: Vec<String> = changes
        .map(|event| sentence::sentence(&event.fact))
        .collect();
    if text.is_empty() {
        text.push("nothing changed".to_owned());
    }
    text.extend(events.iter().rev().find_map(next::after));
    text.join("; ")
}
