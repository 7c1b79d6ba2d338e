//! What can be done about a rollout or a customer, and by whom? What is offered is what the core would take.

use axum::Form;
use axum::extract::{Path, State};
use axum::response::Redirect;
use policy::PersonId;
use rollout::standing::CustomerStanding;
use rollout::view::RolloutView;
use rollout::{RolloutId, Verb};
use serde::Deserialize;

use super::flash::Flash;
use super::news::sentence;
use super::reader::{Possible, Reader};
use super::{PageProblem, is_local, named};
use crate::app::App;
use crate::problem::Problem;
use crate::who::Scope;

/// So many events that follow are told of one by one.
const TOLD: usize = 8;

/// Something that the reader can do.
#[derive(Clone, Debug)]
pub(crate) struct Control {
    /// Where the form goes.
    pub(crate) path: String,
    /// The last word of that, which no other on a page has.
    pub(crate) word: &'static str,
    /// What its button says.
    pub(crate) name: &'static str,
    /// What follows, in a sentence.
    pub(crate) what: String,
    /// Whether a reason is asked for: not, may be, must be.
    pub(crate) reason: Wanted,
    /// What has to be typed, since it cannot be undone.
    pub(crate) typed: Option<String>,
    /// Of what, where the rollout has several.
    pub(crate) target: Option<String>,
    /// Whether it takes something away.
    pub(crate) is_severe: bool,
}

/// Whether a form has a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Not at all.
    No,
    /// It may be left empty.
    Maybe,
    /// It must be filled in.
    Yes,
}

/// What is offered on pages, by the words of the addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Pause,
    Resume,
    Promote,
    PromoteFull,
    RetryFailed,
    Retry,
    Skip,
    Abort,
    AbortRollback,
}

impl Act {
    const ALL: [Self; 9] = [
        Self::Pause,
        Self::Resume,
        Self::Promote,
        Self::PromoteFull,
        Self::RetryFailed,
        Self::Retry,
        Self::Skip,
        Self::Abort,
        Self::AbortRollback,
    ];

    /// Those that concern a whole rollout.
    const OF_ROLLOUTS: [Self; 7] = [
        Self::Pause,
        Self::Resume,
        Self::RetryFailed,
        Self::Promote,
        Self::PromoteFull,
        Self::Abort,
        Self::AbortRollback,
    ];

    fn word(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Promote => "promote",
            Self::PromoteFull => "promote-full",
            Self::RetryFailed => "retry-failed",
            Self::Retry => "retry",
            Self::Skip => "skip",
            Self::Abort => "abort",
            Self::AbortRollback => "abort-rollback",
        }
    }

    fn verb(self, target: &str, reason: Option<String>) -> Verb {
        match self {
            Self::Pause => Verb::Pause { reason },
            Self::Resume => Verb::Resume,
            Self::Promote | Self::PromoteFull => Verb::Promote {
                phase: None,
                full: self == Self::PromoteFull,
            },
            Self::RetryFailed => Verb::Retry {
                target: None,
                failed: true,
            },
            Self::Retry => Verb::Retry {
                target: Some(target.to_owned()),
                failed: false,
            },
            Self::Skip => Verb::Skip {
                target: target.to_owned(),
                reason: reason.unwrap_or_default(),
            },
            Self::Abort | Self::AbortRollback => Verb::Abort {
                rollback: self == Self::AbortRollback,
                reason,
            },
        }
    }

    fn reason(self) -> Wanted {
        match self {
            Self::Pause | Self::Abort | Self::AbortRollback => Wanted::Maybe,
            Self::Skip => Wanted::Yes,
            Self::Resume | Self::Promote | Self::PromoteFull | Self::RetryFailed | Self::Retry => {
                Wanted::No
            }
        }
    }

    fn control(self, run: RolloutId, target: Option<&str>) -> Control {
        let (name, what) = match self {
            Self::Pause => (
                "Pause",
                "Nobody new starts until it is resumed; who has started is finished.",
            ),
            Self::Resume => ("Resume", "Starts go on."),
            Self::Promote => (
                "Promote",
                "Ends the current delay or soak. Approvals, windows, freezes and health still count.",
            ),
            Self::PromoteFull => (
                "Promote in full",
                "Ends all delays, soaks and first days that remain. Approvals, windows, freezes and health still count.",
            ),
            Self::RetryFailed => (
                "Retry the failed",
                "Every failed customer is tried again with the same plan.",
            ),
            Self::Retry => (
                "Retry",
                "It is tried again with the same plan, at once where nothing else holds it.",
            ),
            Self::Skip => ("Skip", "It is left out of this rollout."),
            Self::Abort => (
                "Abort",
                "Ends the rollout: who has started is finished, nobody else starts. This cannot be undone.",
            ),
            Self::AbortRollback => (
                "Abort and roll back",
                "Ends the rollout, and returns every customer to what ran before. This cannot be undone.",
            ),
        };
        let is_severe = matches!(self, Self::Abort | Self::AbortRollback | Self::Skip);
        Control {
            path: format!("/rollouts/{run}/do/{}", self.word()),
            word: self.word(),
            name,
            what: what.to_owned(),
            reason: self.reason(),
            typed: (self == Self::AbortRollback).then(|| run.to_string()),
            target: target.map(str::to_owned),
            is_severe,
        }
    }
}

/// What the reader can do about a rollout now; and what others could, with why not the reader.
pub(super) fn controls(reader: &mut Reader, run: &RolloutView) -> (Vec<Control>, Vec<String>) {
    offered(reader, run.id, &Act::OF_ROLLOUTS, None)
}

/// The same about one customer of it.
pub(super) fn of_customer(
    reader: &mut Reader,
    run: RolloutId,
    customer: &str,
    state: CustomerStanding,
) -> (Vec<Control>, Vec<String>) {
    match state {
        CustomerStanding::Healthy => (Vec::new(), Vec::new()),
        CustomerStanding::Waiting
        | CustomerStanding::UnderWay
        | CustomerStanding::RollingBack
        | CustomerStanding::BeingWithdrawn
        | CustomerStanding::Held
        | CustomerStanding::Unchanged
        | CustomerStanding::RolledBack
        | CustomerStanding::RollbackFailed
        | CustomerStanding::Prepared
        | CustomerStanding::Excluded
        | CustomerStanding::Skipped => {
            offered(reader, run, &[Act::Retry, Act::Skip], Some(customer))
        }
    }
}

fn offered(
    reader: &mut Reader,
    run: RolloutId,
    acts: &[Act],
    target: Option<&str>,
) -> (Vec<Control>, Vec<String>) {
    let (mut controls, mut others) = (Vec::new(), Vec::new());
    for act in acts {
        let verb = act.verb(target.unwrap_or_default(), Some("?".to_owned()));
        match reader.can_be_done(Some(run), verb) {
            Possible::Here => controls.push(act.control(run, target)),
            Possible::ByOthers(why) => others.push(why),
            Possible::No => {}
        }
    }
    others.dedup();
    if !others.is_empty() {
        others.push(who_may(reader));
    }
    (controls, others)
}

/// Who may control rollouts, as far as the files name people.
fn who_may(reader: &Reader) -> String {
    let directory = reader.product.directories();
    let roles = directory.map_or(&reader.who.project.roles, |(_, present)| &present.roles);
    let names: Vec<&str> = roles.operator.iter().map(PersonId::as_str).collect();
    match names.is_empty() {
        true => "nobody holds the role of operator".to_owned(),
        false => format!("operators: {}", names.join(", ")),
    }
}

/// What the form says.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    target: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    typed: String,
    #[serde(default)]
    back: String,
}

pub(super) async fn act(
    State(app): State<App>,
    reader: Reader,
    Path((run, word)): Path<(String, String)>,
    Form(asked): Form<Asked>,
) -> Result<Redirect, PageProblem> {
    let run = named(&run)?;
    let back = match is_local(&asked.back) {
        true => asked.back.clone(),
        false => format!("/rollouts/{run}"),
    };
    let done = take(&app, reader, run, &word, asked).await;
    done.map_err(|problem| problem.back_to(back.clone()))?;
    Ok(Redirect::to(&back))
}

async fn take(
    app: &App,
    reader: Reader,
    run: RolloutId,
    word: &str,
    asked: Asked,
) -> Result<(), PageProblem> {
    reader.who.require(Scope::Request)?;
    let known = Act::ALL.into_iter().find(|act| act.word() == word);
    let act = known
        .ok_or_else(|| Problem::not_found(format!("`{word}` cannot be done to a rollout"), None))?;
    let reason = Some(asked.reason.trim().to_owned()).filter(|reason| !reason.is_empty());
    if act.reason() == Wanted::Yes && reason.is_none() {
        let message = "this needs a reason, which everybody reads";
        return Err(Problem::usage(message, "go back and say why".to_owned()).into());
    }
    if act
        .control(run, None)
        .typed
        .is_some_and(|typed| typed != asked.typed.trim())
    {
        let message = format!("nothing was done: `{run}` was not typed");
        return Err(Problem::usage(message, format!("go back and type {run}")).into());
    }
    let verb = act.verb(&asked.target, reason);
    let answer = reader.who.requester(app).ask(Some(run), verb).await?;
    let name = act.control(run, None).name;
    let flash = match answer {
        None => Flash::done(format!("{name}: it is so already.")),
        Some(answer) => {
            let told = answer.events.iter().take(TOLD);
            let told = told.map(|event| format!("{}.", sentence(event, reader.clock)));
            let waits = answer
                .without_engine
                .then(|| "No engine runs: what follows from it waits for one.".to_owned());
            Flash::done(format!("{name}: done.")).and(told.chain(waits))
        }
    };
    flash.keep(&reader.session).await?;
    Ok(())
}
