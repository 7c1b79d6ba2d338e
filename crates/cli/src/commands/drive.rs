//! `run`, and the foreground of `start`: this process is the engine.

use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use project::engine_host::{self, EngineHandle, EngineState};
use project::signals::{StopSignal, catch_signals, stop_signal};
use project::{Backend, DELIVER_WHEN_STOPPED, DELIVER_WITHIN, Error, ErrorKind, Session};
use rollout::standing::CustomerStanding;
use rollout::view::RolloutView;
use rollout::{Event, RolloutId};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{MissedTickBehavior, interval};

use crate::args::{Drive, Global};
use crate::exit::{Exit, Failure};
use crate::open;
use crate::output::Output;
use crate::show::live::Live;
use crate::show::{status, time};

/// How often a terminal is brought up to date.
const REDRAW_EVERY: Duration = Duration::from_secs(1);

/// So long answers to what was sent are waited for when somebody stops the engine.
const GRACE: Duration = Duration::from_secs(10);

/// `run --until-idle` waits no longer for a workspace that is held.
const HELD_FOR: Duration = Duration::from_secs(10);

/// Drives all unfinished rollouts.
pub(crate) async fn run(global: &Global, args: &Drive, out: Output) -> Result<Exit, Failure> {
    listen()?;
    let session = open::session(global, out).await?;
    let ended = ended(session.backend()).await?;
    let engine = engine_host::start(&session, args.until_idle).await?;
    let mut foreground = Foreground::new(engine, &session, None, out);
    let patience = engine_host::patience(&session.config.project.render);
    foreground.held_for = args.until_idle.then_some(patience.min(HELD_FOR));
    let end = foreground.follow().await?;
    last_round(&session, &end).await;
    match end {
        End::Signal(signal) => return Ok(exit_of_signal(signal)),
        End::Held(reason) => return Err(unreachable(reason)),
        End::Gone => return Ok(Exit::Done),
        End::Rest => {}
    }
    let mut runs = session.backend().product().await?.overview();
    runs.retain(|run| !ended.contains(&run.id));
    Ok(exit(&runs, out))
}

/// Drives a rollout that was just begun; if another process is the engine, it does.
pub(crate) async fn drive(session: &Session, run: RolloutId, out: Output) -> Result<Exit, Failure> {
    listen()?;
    let engine = match engine_host::start(session, false).await {
        Ok(engine) => engine,
        Err(error) if error.kind() == ErrorKind::Held => {
            leave(session.backend(), run, out).await?;
            return Ok(Exit::Done);
        }
        Err(error) => return Err(error.into()),
    };
    let end = Foreground::new(engine, session, Some(run), out)
        .follow()
        .await?;
    last_round(session, &end).await;
    match end {
        End::Signal(signal) => return Ok(exit_of_signal(signal)),
        End::Gone => return Ok(Exit::Done),
        End::Rest | End::Held(_) => {}
    }
    let mut runs = session.backend().product().await?.overview();
    for other in runs.iter().filter(|one| one.id != run) {
        if status::exit(other).is_none() {
            out.say(format_args!(
                "{} {} is unfinished, and nobody drives it from now on; `tranche run` does",
                other.id, other.version
            ));
        }
    }
    runs.retain(|one| one.id == run);
    Ok(exit(&runs, out))
}

/// Delivers what is still to be told.
async fn last_round(session: &Session, end: &End) {
    let limit = match end {
        End::Signal(_) => DELIVER_WHEN_STOPPED,
        End::Rest | End::Held(_) | End::Gone => DELIVER_WITHIN,
    };
    session.deliver_due(limit).await;
}

/// From before the engine begins: a signal that ends the process by itself is a crash for whatever the engine has just sent.
pub(super) fn listen() -> Result<(), Failure> {
    catch_signals()
        .map_err(|source| Failure::failed("failed to listen for signals").caused_by(source))
}

/// Leaves a rollout to another process: the one that is the engine, or the one that will be.
pub(crate) async fn leave(
    backend: &dyn Backend,
    run: RolloutId,
    out: Output,
) -> Result<(), Failure> {
    match backend.is_driven().await? {
        true => out.say(format_args!(
            "another process drives it; `tranche watch {run}` follows it"
        )),
        false => out.say("nobody drives it from here; `tranche run` does"),
    }
    Ok(())
}

/// The rollouts that have ended already: how they went is not this command's result.
async fn ended(backend: &dyn Backend) -> Result<BTreeSet<RolloutId>, Failure> {
    let runs = backend.product().await?.overview();
    let ended = runs.iter().filter(|run| run.has_ended());
    Ok(ended.map(|run| run.id).collect())
}

/// An engine with a person, or a log, in front of it.
struct Foreground {
    engine: EngineHandle,
    session: Session,
    events: Receiver<Arc<Event>>,
    /// The one rollout that matters; without it, all that are unfinished.
    focus: Option<RolloutId>,
    live: Live,
    out: Output,
    /// A workspace that has been held for so long ends it.
    held_for: Option<Duration>,
    held_since: Option<Instant>,
    /// Why nothing can be stored, as people were told.
    degraded: Option<String>,
}

/// Why nobody watches any more.
enum End {
    /// The engine came to its end, or all that matters rests.
    Rest,
    /// Somebody stopped it.
    Signal(StopSignal),
    /// Render cannot be used, for this reason.
    Held(String),
    /// Nobody reads what it shows.
    Gone,
}

impl Foreground {
    fn new(engine: EngineHandle, session: &Session, focus: Option<RolloutId>, out: Output) -> Self {
        for note in engine.notes() {
            out.say(note);
        }
        Self {
            events: engine.subscribe(),
            engine,
            session: session.clone(),
            focus,
            live: Live::new(out.reporting_broken_pipe()),
            out,
            held_for: None,
            held_since: None,
            degraded: None,
        }
    }

    /// Shows what happens until all that matters rests, the engine ends, or somebody stops it, and says who did.
    async fn follow(mut self) -> Result<End, Failure> {
        let mut redraw = interval(REDRAW_EVERY);
        redraw.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut end = End::Rest;
        let mut gone = None;
        let mut state = self.engine.state();
        let mut signal = pin!(stop_signal());
        let ended = loop {
            tokio::select! {
                event = self.events.recv(), if gone.is_none() => {
                    // Nobody to show it to: the engine still ends in good order.
                    gone = self.event(event).err();
                    if gone.is_some() {
                        self.engine.stop(GRACE);
                    }
                }
                ended = self.engine.ended() => break ended,
                _ = redraw.tick() => {
                    if let (End::Rest, Some(reason)) = (&end, self.stand().await) {
                        end = End::Held(reason);
                        self.engine.stop(GRACE);
                    }
                }
                Ok(()) = state.changed() => self.engine_state(&state.borrow_and_update()),
                signal = &mut signal, if !matches!(end, End::Signal(_)) => {
                    end = End::Signal(signal.unwrap_or(StopSignal::Terminated));
                    self.out.say("stopping: nothing new starts; `tranche run` goes on");
                    self.engine.stop(GRACE);
                }
            }
        };
        while let (None, Ok(event)) = (&gone, self.events.try_recv()) {
            gone = self.live.event(&event).err();
        }
        self.live.end();
        ended.map_err(Error::from)?;
        if let Some(failure) = gone {
            return if failure.exit == Exit::Done {
                Ok(End::Gone)
            } else {
                Err(failure)
            };
        }
        Ok(end)
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

    /// Tells people when nothing can be stored, once for each reason, and when it can be again.
    fn engine_state(&mut self, state: &EngineState) {
        let reason = match state {
            EngineState::Degraded { reason } => Some(reason.clone()),
            EngineState::Driving | EngineState::Stopping => None,
        };
        let is_new = self.degraded != reason;
        self.degraded = reason;
        match state {
            EngineState::Degraded { reason } if is_new => {
                self.out.say(format_args!(
                    "warning: nothing can be stored, so nothing is done: {reason}"
                ));
            }
            EngineState::Driving if is_new => self.out.say("the engine drives again"),
            EngineState::Degraded { .. } | EngineState::Driving | EngineState::Stopping => {}
        }
    }

    /// Brings the screen up to date; ends the engine once the rollout that matters rests. Says why, if Render has been out of
    /// use for too long.
    async fn stand(&mut self) -> Option<String> {
        let unfinished = |run: &RolloutView| status::exit(run).is_none();
        let now = time::now();
        let (mut views, product) = self
            .engine
            .look(move |product| (product.overview_at(now), product.product_view()))
            .await
            .ok()?;
        let waits = self.session.backend().waits().await.ok()?;
        for run in &mut views {
            waits.mark(run, now);
        }
        let held = self.held_for_long(product.workspace_held);
        let is_shown = |run: &RolloutView| match self.focus {
            Some(focus) => run.id == focus,
            None => unfinished(run),
        };
        let shown: Vec<&RolloutView> = views.iter().filter(|run| is_shown(run)).collect();
        self.live.stand(&shown);
        let is_over = |run: &&RolloutView| !unfinished(run) || is_left_to_people(run);
        if self.focus.is_some() && shown.iter().all(is_over) {
            self.engine.stop(GRACE);
        }
        held
    }

    /// A process before this one may have left the workspace held: it takes a moment until Render has answered this one.
    fn held_for_long(&mut self, held: Option<String>) -> Option<String> {
        let Some(reason) = held else {
            self.held_since = None;
            return None;
        };
        let since = *self.held_since.get_or_insert_with(Instant::now);
        let is_long = self.held_for.is_some_and(|limit| since.elapsed() >= limit);
        is_long.then_some(reason)
    }
}

/// Whether an operation has come to where only people go on. A rollout waits for them; whoever types a single operation has
/// nothing else to see.
fn is_left_to_people(run: &RolloutView) -> bool {
    let mut open = run
        .customers
        .iter()
        .filter(|one| !status::is_settled(one))
        .peekable();
    matches!(run.id, RolloutId::Operation(_))
        && open.peek().is_some()
        && open.all(|one| one.state == CustomerStanding::Held)
}

fn unreachable(reason: String) -> Failure {
    Failure::new(Exit::Unreachable, reason)
        .or_type("tranche render check, then tranche run; nothing is lost")
}

fn exit_of_signal(signal: StopSignal) -> Exit {
    match signal {
        StopSignal::Interrupted => Exit::Interrupted,
        StopSignal::Terminated => Exit::Done,
    }
}

/// The worst of how they ended; unfinished ones, which are named, outweigh a success, a failure outweighs both.
fn exit(runs: &[RolloutView], out: Output) -> Exit {
    for run in runs.iter().filter(|run| status::exit(run).is_none()) {
        out.say(format_args!(
            "{} goes on only when a person does something; see: tranche status {0}",
            run.id
        ));
    }
    let ends: Vec<Option<Exit>> = runs.iter().map(status::exit).collect();
    if ends.contains(&Some(Exit::Failed)) {
        Exit::Failed
    } else if ends.contains(&None) {
        Exit::Unfinished
    } else {
        Exit::Done
    }
}
