//! `run`, and the foreground of `start`: this process is the engine.

use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use engine::signals::{StopSignal, stop_signal};
use engine::{EngineHandle, EngineState, StateDir};
use rollout::view::RunView;
use rollout::{Event, Product, RunId};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{MissedTickBehavior, interval};

use super::ask::Desk;
use crate::args::{Drive, Global};
use crate::engine_room::{self, NotStarted};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::show::live::Live;
use crate::show::status;
use crate::state;

/// How often a terminal is brought up to date.
const REDRAW_EVERY: Duration = Duration::from_secs(1);

/// So long answers to what was sent are waited for when somebody stops the engine.
const GRACE: Duration = Duration::from_secs(10);

/// Drives all unfinished rollouts.
pub(crate) async fn run(global: &Global, args: &Drive, out: Output) -> Result<Exit, Failure> {
    let desk = Desk::open(global, out)?;
    let ended = ended(desk.state())?;
    let engine = engine_room::start(&desk, args.until_idle).await?;
    if let Some(signal) = Foreground::new(engine, None, out).follow().await? {
        return Ok(exit_of_signal(signal));
    }
    let mut runs = state::product(desk.state())?.overview();
    runs.retain(|run| !ended.contains(&run.id));
    Ok(exit(&runs))
}

/// Drives a rollout that was just begun; if another process is the engine, it does.
pub(crate) async fn drive(desk: &Desk, run: RunId, out: Output) -> Result<Exit, Failure> {
    let engine = match engine_room::start(desk, false).await {
        Ok(engine) => engine,
        Err(NotStarted::Held(_)) => {
            out.say("another process drives it; `tranche watch` follows it");
            return Ok(Exit::Done);
        }
        Err(NotStarted::Failed(failure)) => return Err(failure),
    };
    if let Some(signal) = Foreground::new(engine, Some(run), out).follow().await? {
        return Ok(exit_of_signal(signal));
    }
    let mut runs = state::product(desk.state())?.overview();
    runs.retain(|one| one.id == run);
    Ok(exit(&runs))
}

/// The rollouts that have ended already: how they went is not this command's result.
fn ended(place: &StateDir) -> Result<BTreeSet<RunId>, Failure> {
    let runs = state::product(place)?.overview();
    let ended = runs.iter().filter(|run| run.outcome.is_some());
    Ok(ended.map(|run| run.id).collect())
}

/// An engine with a person, or a log, in front of it.
struct Foreground {
    engine: EngineHandle,
    events: Receiver<Arc<Event>>,
    /// The one rollout that matters; without it, all that are unfinished.
    focus: Option<RunId>,
    live: Live,
    out: Output,
}

impl Foreground {
    fn new(engine: EngineHandle, focus: Option<RunId>, out: Output) -> Self {
        Self {
            events: engine.subscribe(),
            engine,
            focus,
            live: Live::new(out),
            out,
        }
    }

    /// Shows what happens until all that matters rests, the engine ends, or somebody stops it, and says who did.
    async fn follow(mut self) -> Result<Option<StopSignal>, Failure> {
        let mut redraw = interval(REDRAW_EVERY);
        redraw.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut stopped = None;
        let mut state = self.engine.state();
        let mut signal = pin!(stop_signal());
        let ended = loop {
            tokio::select! {
                event = self.events.recv() => self.event(event)?,
                ended = self.engine.ended() => break ended,
                _ = redraw.tick() => self.stand().await,
                Ok(()) = state.changed() => self.engine_state(&state.borrow_and_update()),
                signal = &mut signal, if stopped.is_none() => {
                    stopped = Some(signal.unwrap_or(StopSignal::Terminated));
                    self.out.say("stopping: nothing new starts; `tranche run` goes on");
                    self.engine.stop(GRACE);
                }
            }
        };
        while let Ok(event) = self.events.try_recv() {
            self.live.event(&event)?;
        }
        self.live.end();
        ended.map_err(state::failure)?;
        Ok(stopped)
    }

    fn event(&self, event: Result<Arc<Event>, RecvError>) -> Result<(), Failure> {
        match event {
            Ok(event) => self.live.event(&event),
            Err(RecvError::Lagged(missed)) => {
                self.out.say(format_args!(
                    "{missed} events were too fast to show; see `tranche events`"
                ));
                Ok(())
            }
            // The engine has ended, which is noticed by itself.
            Err(RecvError::Closed) => Ok(()),
        }
    }

    /// Tells people when nothing can be stored, and when it can be again.
    fn engine_state(&self, state: &EngineState) {
        match state {
            EngineState::Degraded { reason } => {
                self.out.say(format_args!(
                    "warning: nothing can be stored, so nothing is done: {reason}"
                ));
            }
            EngineState::Driving => self.out.say("the engine drives again"),
            EngineState::Stopping => {}
        }
    }

    /// Brings the screen up to date; ends the engine once the rollout that matters rests.
    async fn stand(&mut self) {
        let unfinished = |run: &RunView| status::exit(run).is_none();
        let views = self.views().await;
        let shown = match self.focus {
            Some(focus) => views.iter().find(|run| run.id == focus),
            None => views.iter().rfind(|run| unfinished(run)),
        };
        let Some(run) = shown else { return };
        self.live.stand(run);
        if self.focus.is_some() && !unfinished(run) {
            self.engine.stop(GRACE);
        }
    }

    /// All rollouts as they stand; none if the engine has none at present.
    async fn views(&self) -> Vec<RunView> {
        self.engine
            .look(Product::overview)
            .await
            .unwrap_or_default()
    }
}

fn exit_of_signal(signal: StopSignal) -> Exit {
    match signal {
        StopSignal::Interrupted => Exit::Interrupted,
        StopSignal::Terminated => Exit::Done,
    }
}

/// The worst of how they ended; unfinished ones outweigh a success, a failure outweighs both.
fn exit(runs: &[RunView]) -> Exit {
    let ends: Vec<Option<Exit>> = runs.iter().map(status::exit).collect();
    if ends.contains(&Some(Exit::Failed)) {
        Exit::Failed
    } else if ends.contains(&None) {
        Exit::Unfinished
    } else {
        Exit::Done
    }
}
