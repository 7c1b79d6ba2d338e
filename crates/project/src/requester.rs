//! How a person's request reaches whoever drives the rollouts, and how its answer reads.

use std::time::Duration;

use engine::outbox::Audience;
use engine::signals::stop_signal;
use engine::{Answer, AnswerTimeout, StateDir};
use policy::{Config, Project, Span};
use rollout::request::Directory;
use rollout::{Actor, Event, Kind, Product, RejectedCode, Request, RolloutId, UnhealthyTarget, Verb};
use tokio::task::spawn_blocking;

use crate::args::Global;
use crate::engine_room::{told, unreadable};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::project::{Folder, variable};
use crate::show::{foreign, next, sentence, time};
use crate::{state, who};

/// So long a busy engine is waited for.
const PATIENCE: Duration = Duration::from_secs(15);

/// Another patience, such as `300ms`, for tests.
const PATIENCE_VARIABLE: &str = "TRANCHE_PATIENCE";

/// The place where requests are filed: a project, its state, and the person who asks.
#[derive(Clone, Debug)]
pub(crate) struct Desk {
    /// The project folder.
    pub(crate) folder: Folder,
    /// Its files.
    pub(crate) config: Config,
    /// Who asks.
    pub(crate) asker: Asker,
}

impl Desk {
    /// Opens the project and finds out who asks.
    pub(crate) fn open(global: &Global, out: Output) -> Result<Self, Failure> {
        let folder = Folder::find(global)?;
        let config = folder.load_running(out)?;
        Self::at(global, folder, config, out)
    }

    /// The same for somebody who plans from the files: then a gate that nobody can fill is a mistake.
    pub(crate) fn open_to_plan(global: &Global, out: Output) -> Result<Self, Failure> {
        let folder = Folder::find(global)?;
        let config = folder.load(out)?;
        Self::at(global, folder, config, out)
    }

    fn at(global: &Global, folder: Folder, config: Config, out: Output) -> Result<Self, Failure> {
        let state = state::place(global)?;
        let actor = who::prove(&state, &config.project)?;
        Ok(Self {
            asker: Asker {
                state,
                actor,
                files: Ok(config.clone()),
                out,
            },
            folder,
            config,
        })
    }

    /// Where the state lies.
    pub(crate) fn state(&self) -> &StateDir {
        &self.asker.state
    }

    /// Where remarks go.
    pub(crate) fn out(&self) -> Output {
        self.asker.out
    }

    /// As [`Asker::ask`].
    pub(crate) async fn ask(
        &self,
        run: Option<RolloutId>,
        verb: Verb,
    ) -> Result<Option<Vec<Event>>, Failure> {
        self.asker.ask(run, verb).await
    }

    /// Files a request of somebody else than the person in front of it.
    pub(crate) async fn ask_as(
        &self,
        by: Actor,
        run: Option<RolloutId>,
        verb: Verb,
    ) -> Result<Option<Vec<Event>>, Failure> {
        let asker = Asker {
            actor: by,
            ..self.asker.clone()
        };
        asker.ask(run, verb).await
    }
}

/// Somebody who asks for changes of what is stored. An emergency verb needs no valid files.
#[derive(Clone, Debug)]
pub(crate) struct Asker {
    state: StateDir,
    actor: Actor,
    /// The project's files, or what is wrong with them.
    files: Result<Config, Broken>,
    out: Output,
}

/// Files that cannot be used.
#[derive(Clone, Debug)]
struct Broken {
    reason: String,
    /// What `tranche.yaml` by itself says all the same.
    alone: Option<Project>,
}

impl Asker {
    /// Finds out who asks: by the files, or where those cannot be read by the people whom they named last.
    pub(crate) fn open(global: &Global, out: Output) -> Result<Self, Failure> {
        let state = state::place(global)?;
        let folder = Folder::find(global);
        let alone = folder.as_ref().ok().and_then(Folder::alone);
        let loaded = folder.and_then(|folder| folder.load_running(out));
        let (actor, files) = match loaded {
            Ok(config) => (who::prove(&state, &config.project)?, Ok(config)),
            Err(failure) => {
                let reason = failure.in_short();
                let project = last_known(&state, alone.as_ref(), failure, out)?;
                (who::prove(&state, &project)?, Err(Broken { reason, alone }))
            }
        };
        Ok(Self {
            state,
            actor,
            files,
            out,
        })
    }

    /// Who asks.
    pub(crate) fn actor(&self) -> &Actor {
        &self.actor
    }

    /// Files a request, and says what changed and what comes next.
    pub(crate) async fn file(&self, run: Option<RolloutId>, verb: Verb) -> Result<Exit, Failure> {
        if let Some(filed) = self.tell(run, verb).await? {
            self.say_who_drives(&filed)?;
        }
        Ok(Exit::Done)
    }

    /// Files a request, and says what changed. `None`: it is so already, which is said.
    pub(crate) async fn tell(
        &self,
        run: Option<RolloutId>,
        verb: Verb,
    ) -> Result<Option<Answer>, Failure> {
        let filed = self.answered(run, verb).await?;
        if let Some(filed) = &filed {
            self.out
                .data(&filed.events, || answer(&self.state, &filed.events))?;
        }
        Ok(filed)
    }

    /// Says so if what was asked for waits for an engine.
    pub(crate) fn say_who_drives(&self, filed: &Answer) -> Result<(), Failure> {
        if filed.without_engine && self.is_any_unfinished()? {
            state::say_if_undriven(&self.state, self.out);
        }
        Ok(())
    }

    /// Files a request. `None`: it is so already, which is said.
    pub(crate) async fn ask(
        &self,
        run: Option<RolloutId>,
        verb: Verb,
    ) -> Result<Option<Vec<Event>>, Failure> {
        let answer = self.answered(run, verb).await?;
        Ok(answer.map(|answer| answer.events))
    }

    async fn answered(&self, run: Option<RolloutId>, verb: Verb) -> Result<Option<Answer>, Failure> {
        let request = Request {
            by: self.actor.clone(),
            run,
            verb,
        };
        let state = self.state.clone();
        let files = self.files.clone();
        let read = Box::new(move |product: &Product| match &files {
            Ok(config) => told(config, product),
            Err(broken) => unreadable(broken.reason.clone(), broken.alone.as_ref()),
        });
        let audience = self.files.as_ref().map(Audience::of).unwrap_or_default();
        let patience = patience()?;
        let waiting = patience.clone();
        let file = move || engine::ask_and_notify(&state, &request, &waiting, read, &audience);
        let mut asking = spawn_blocking(file);
        let asked = tokio::select! {
            asked = &mut asking => asked,
            // Nobody is told that it failed before it is certain that it will not happen.
            Ok(_) = stop_signal() => {
                patience.cancel();
                asking.await
            }
        };
        let answer = asked
            .map_err(|source| Failure::failed("failed to file the request").caused_by(source))?
            .map_err(state::failure)?;
        match answer.rejected {
            None => Ok(Some(answer)),
            Some(rejected) if rejected.code == RejectedCode::AlreadySo => {
                self.out.say(rejected.message);
                Ok(None)
            }
            Some(rejected) => Err(rejected.into()),
        }
    }

    fn is_any_unfinished(&self) -> Result<bool, Failure> {
        let runs = state::product(&self.state)?.overview();
        Ok(runs.iter().any(|run| !run.has_ended()))
    }

    /// The rollout that is meant when none is named.
    pub(crate) fn only_unfinished(&self) -> Result<RolloutId, Failure> {
        let product = state::product(&self.state)?;
        let runs = product.overview();
        let mut unfinished = runs.iter().filter(|run| !run.has_ended()).map(|run| run.id);
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

fn patience() -> Result<AnswerTimeout, Failure> {
    let Some(text) = variable(PATIENCE_VARIABLE) else {
        return Ok(PATIENCE.into());
    };
    let span = text.parse::<Span>().map_err(|source| {
        Failure::usage(format!("failed to read {PATIENCE_VARIABLE}")).caused_by(source)
    })?;
    let millis = u64::try_from(span.as_millis()).unwrap_or_default();
    Ok(Duration::from_millis(millis).into())
}

/// The project as the newest rollout froze it, with the people whom the files named when they were last whole, and who have
/// not been removed since; without any rollout there is nothing to ask about.
fn last_known(
    state: &StateDir,
    alone: Option<&Project>,
    unreadable: Failure,
    out: Output,
) -> Result<Project, Failure> {
    let product = state::product(state)?;
    let newest = product.overview().into_iter().next_back();
    let Some(plan) = newest.and_then(|run| product.plan(run.id)) else {
        return Err(unreadable);
    };
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
    out.say(
        "warning: the files cannot be used, so you are who they last knew you as; see: tranche validate",
    );
    Ok(project)
}

/// What a person's rollback leads to, where that was judged unhealthy itself.
fn ways_back(event: &Event) -> Vec<String> {
    if !matches!(
        event.line.kind,
        Kind::OperationStarted | Kind::RollbackRequested
    ) {
        return Vec::new();
    }
    let targets: Option<Vec<UnhealthyTarget>> = event.line.read("unhealthy_targets");
    let targets = targets.into_iter().flatten();
    targets
        .map(|target| foreign::line(&format!("warning: {target}")))
        .collect()
}

/// What changed, rollout by rollout; the last event that knows says what comes next, as things stand now.
pub(crate) fn answer(place: &StateDir, events: &[Event]) -> String {
    let mut text: Vec<String> = Vec::new();
    let mut about = None;
    for event in events {
        let fact = &event.line;
        if !sentence::is_notable(fact) {
            continue;
        }
        let said = sentence::sentence(event);
        let named = fact.rollout.filter(|run| about != Some(*run));
        text.push(named.map_or_else(|| said.clone(), |run| format!("{run}: {said}")));
        about = fact.rollout.or(about);
    }
    if text.is_empty() {
        text.push("nothing changed".to_owned());
    }
    text.extend(events.iter().flat_map(ways_back));
    let mut product = None;
    let mut offer = |event: &Event| {
        let product = product.get_or_insert_with(|| state::product(place).unwrap_or_default());
        product.next(time::now(), event)
    };
    let mut latest = events.iter().rev();
    let next = latest.find_map(|event| next::after(event, &mut offer));
    text.extend(next.map(|next| foreign::line(&next)));
    text.join("; ")
}
