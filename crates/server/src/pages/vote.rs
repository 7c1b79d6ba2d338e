//! How does a vote get from a page to the core?
//!
//! The form says which plan was seen, and up to which event. If anything has happened since that a voter should know, nothing
//! is asked: the page says what, and asks once more. Everything else the core decides.

use axum::Form;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use rollout::fact::{Approved, GateFact, Millis, Nullable};
use rollout::{Event, Fact, RolloutId, Verb};
use serde::Deserialize;

use super::PageProblem;
use super::approval::{Gate, confirm, find, news};
use super::flash::Flash;
use super::reader::Reader;
use super::time::Clock;
use crate::app::App;
use crate::problem::Problem;
use crate::who::Scope;

/// What the form says.
#[derive(Debug, Deserialize)]
pub(super) struct Cast {
    vote: String,
    #[serde(default)]
    digest: String,
    #[serde(default)]
    seen: u64,
    #[serde(default)]
    reason: String,
}

/// How somebody votes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Approve,
    Reject,
    Withdraw,
}

impl Way {
    fn of(text: &str) -> Result<Self, Problem> {
        match text {
            "approve" => Ok(Self::Approve),
            "reject" => Ok(Self::Reject),
            "withdraw" => Ok(Self::Withdraw),
            other => {
                let message = format!("`{other}` is no vote");
                Err(Problem::usage(
                    message,
                    "approve, reject or withdraw".to_owned(),
                ))
            }
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Reject => "reject",
            Self::Withdraw => "withdraw",
        }
    }
}

pub(super) async fn vote(
    State(app): State<App>,
    mut reader: Reader,
    Path((run, gate)): Path<(String, String)>,
    Form(cast): Form<Cast>,
) -> Result<Response, PageProblem> {
    reader.who.require(Scope::Vote)?;
    let way = Way::of(&cast.vote)?;
    let (_, gate) = find(&mut reader, &run, &gate)?;
    let path = gate.path.clone();
    let result = take(&app, &mut reader, gate, way, cast).await;
    result.map_err(|problem| problem.back_to(path))
}

async fn take(
    app: &App,
    reader: &mut Reader,
    gate: Gate,
    way: Way,
    cast: Cast,
) -> Result<Response, PageProblem> {
    let reason = Some(cast.reason.trim().to_owned()).filter(|reason| !reason.is_empty());
    // Taking a vote back is right whatever has happened.
    if way != Way::Withdraw {
        let mut news = news(app, reader, &gate, cast.seen).await?;
        // Who may not vote at all is told that by the core.
        news.retain(|_| {
            reader
                .product
                .may_vote(gate.run, &gate.name, &reader.who.actor, reader.now())
                .is_ok()
        });
        if !news.is_empty() {
            let page = confirm(reader, gate, way.name(), news, true)?;
            return Ok((StatusCode::CONFLICT, page).into_response());
        }
    }
    let (run, name) = (gate.run, gate.name.clone());
    let verb = match way {
        Way::Approve => Verb::Approve {
            gate: name.clone(),
            reason,
            digest: Some(cast.digest),
        },
        Way::Reject => Verb::Reject {
            gate: name.clone(),
            reason: reason.ok_or_else(no_reason)?,
        },
        Way::Withdraw => Verb::Withdraw { gate: name.clone() },
    };
    // Whether it is taken, the core decides: the plan may be another one by now, and whoever asks may not be asked.
    let answer = reader.who.requester(app).ask(Some(run), verb).await?;
    let events = answer.map(|answer| answer.events).unwrap_or_default();
    told(way, run, &name, &events, reader.clock)
        .keep(&reader.session)
        .await?;
    Ok(Redirect::to(&gate.path).into_response())
}

fn no_reason() -> Problem {
    Problem::usage(
        "a rejection needs a reason, which everybody reads",
        "go back and say why".to_owned(),
    )
}

/// What came of a vote, in sentences.
fn told(way: Way, run: RolloutId, gate: &str, events: &[Event], clock: Clock) -> Flash {
    match way {
        Way::Approve => {
            let facts = events
                .iter()
                .filter_map(|event| Fact::read(&event.line).ok());
            let mut approved = facts.filter_map(|fact| {
                if let Fact::Gate(GateFact::Approved(fact)) = fact {
                    return Some(fact);
                }
                None
            });
            let more = approved.next().map(|fact| after_approval(&fact, clock));
            Flash::done(format!("You have approved {gate}.")).and(more.into_iter().flatten())
        }
        Way::Reject => Flash::done(format!(
            "You have rejected {gate}: nothing is deployed there."
        ))
        .and([format!(
            "An operator can have it asked again: tranche retry {gate} --rollout {run}"
        )]),
        Way::Withdraw => Flash::done(format!("You have withdrawn your approval of {gate}.")),
    }
}

/// When the deploy begins, as far as is known, or that the approval lapses before it can.
fn after_approval(fact: &Approved, clock: Clock) -> Vec<String> {
    let mut more = Vec::new();
    match (&fact.begins, fact.until) {
        (Some(Nullable(Some(Millis(begins)))), Some(_)) => {
            more.push(format!(
                "It is complete. The deploy begins {}, if nothing changes.",
                clock.text(*begins)
            ));
        }
        (Some(Nullable(Some(Millis(begins)))), None) => {
            more.push(format!(
                "Others are still needed. With them, the deploy begins {}, if nothing changes.",
                clock.text(*begins)
            ));
        }
        (Some(Nullable(None)), Some(until)) => {
            more.push(format!(
                "It lapses {}, before the deploy can begin: it will be asked for again.",
                clock.text(until)
            ));
        }
        (Some(Nullable(None)), None) | (None, _) => {}
    }
    if let Some(after) = fact.after.as_ref().filter(|after| !after.is_empty()) {
        more.push(format!(
            "It also waits, with no known end: {}.",
            after.join("; ")
        ));
    }
    if fact.gates_shut {
        more.push(
            "tranche.yaml cannot be parsed: the vote is recorded, and no gate opens until it can."
                .to_owned(),
        );
    }
    more
}
