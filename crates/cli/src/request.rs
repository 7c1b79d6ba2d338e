//! A person's request, and how its answer reads.

use project::{Answer, Backend, Requester, next};
use rollout::{Event, RolloutId, Verb};

use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::show::{escape, sentence, time};

/// Files a request, and says what changed and what comes next.
pub(crate) async fn file(
    requester: &Requester,
    run: Option<RolloutId>,
    verb: Verb,
    out: Output,
) -> Result<Exit, Failure> {
    if let Some(filed) = tell(requester, run, verb, out).await? {
        say_who_drives(requester, &filed, out).await?;
    }
    Ok(Exit::Done)
}

/// Files a request, and says what changed. `None`: it is so already, which is said.
pub(crate) async fn tell(
    requester: &Requester,
    run: Option<RolloutId>,
    verb: Verb,
    out: Output,
) -> Result<Option<Answer>, Failure> {
    let filed = requester.ask(run, verb).await?;
    if let Some(filed) = &filed {
        show(requester.backend(), &filed.events, out).await?;
    }
    Ok(filed)
}

/// Says so if what was asked for waits for an engine.
pub(crate) async fn say_who_drives(
    requester: &Requester,
    filed: &Answer,
    out: Output,
) -> Result<(), Failure> {
    if requester.waits_for_engine(filed).await? {
        say_undriven(out);
    }
    Ok(())
}

/// Says so if nobody drives the rollouts.
pub(crate) async fn say_if_undriven(backend: &dyn Backend, out: Output) -> Result<(), Failure> {
    if !backend.is_driven().await? {
        say_undriven(out);
    }
    Ok(())
}

/// Says that nobody drives the rollouts.
pub(crate) fn say_undriven(out: Output) {
    out.say("nobody drives the rollouts at present; `tranche run` does");
}

/// Writes what changed.
pub(crate) async fn show(
    backend: &dyn Backend,
    events: &[Event],
    out: Output,
) -> Result<(), Failure> {
    let text = match out.is_text() {
        true => answer(backend, events).await,
        false => String::new(),
    };
    out.data(&events, || text)
}

/// What changed, rollout by rollout; the last event that knows says what comes next, as things stand now.
async fn answer(backend: &dyn Backend, events: &[Event]) -> String {
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
    let warnings = next::warnings(events);
    let next = next::what_comes_next(backend, events, time::CLOCK, time::now()).await;
    let said = warnings.into_iter().chain(next);
    text.extend(said.map(|one| escape::line(&one)));
    text.join("; ")
}
