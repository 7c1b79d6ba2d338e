//! How does a command line get in whose person is signed in elsewhere? It shows a code, which is typed by hand into a page.
//!
//! A link that somebody sends never carries the code, so nobody lets a stranger in by opening one; the page says which machine
//! asks, from where, for what. What is given is for reading and asking. It is for votes too only if that was asked for and
//! the person has just proved anew who they are, and then for a few minutes.

use axum::extract::rejection::FormRejection;
use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::Html;
use chrono::TimeDelta;
use policy::Timestamp;
use rollout::request::Scope;
use serde::Deserialize;

use super::devices::{Stage, Waiting, not_given};
use super::product;
use crate::app::App;
use crate::pages::{PageProblem, html};
use crate::problem::Problem;
use crate::store::{Grant, SignedIn};
use crate::who::{ProvedBy, Who};

/// For votes only somebody lets in who has proved so lately who they are.
const FRESH: TimeDelta = TimeDelta::minutes(5);

/// So long what was given is for votes.
const VOTES_FOR: TimeDelta = TimeDelta::minutes(15);

/// The page on which a code is typed.
#[derive(askama::Template)]
#[template(path = "sign-in-device.html")]
struct TypePage {
    product: String,
    person: String,
}

/// The page that says who asks for what.
#[derive(askama::Template)]
#[template(path = "sign-in-device-ask.html")]
struct AskPage {
    product: String,
    person: String,
    code: String,
    host: String,
    address: String,
    for_votes: bool,
    /// For votes they have to prove anew who they are first.
    is_stale: bool,
}

/// The page that says what was done.
#[derive(askama::Template)]
#[template(path = "sign-in-device-done.html")]
struct DonePage {
    product: String,
    host: String,
    is_let_in: bool,
}

/// What is typed.
#[derive(Debug, Deserialize)]
pub(super) struct Typed {
    code: String,
}

/// What is answered.
#[derive(Debug, Deserialize)]
pub(super) struct Answer {
    code: String,
    answer: String,
}

/// Asks for the code.
pub(super) async fn page(
    State(app): State<App>,
    who: Result<Who, Problem>,
) -> Result<Html<String>, PageProblem> {
    let who = who?;
    signed_in(&who)?;
    html(&TypePage {
        product: product(&app).await?,
        person: who.actor.name.to_string(),
    })
}

/// Says who has shown that code.
pub(super) async fn ask(
    State(app): State<App>,
    who: Result<Who, Problem>,
    typed: Result<Form<Typed>, FormRejection>,
) -> Result<Html<String>, PageProblem> {
    let who = who?;
    let is_fresh = is_fresh(signed_in(&who)?, app.now());
    let Form(typed) = typed.map_err(|_| nothing_typed())?;
    let product = product(&app).await?;
    let page = app.devices().asked(&typed.code, app.now(), |one| {
        Ok(AskPage {
            product,
            person: who.actor.name.to_string(),
            code: one.code.clone(),
            host: one.host.clone(),
            address: one.peer.address.to_string(),
            for_votes: one.for_votes,
            is_stale: one.for_votes && !is_fresh,
        })
    })?;
    html(&page)
}

/// Lets it in, or not.
pub(super) async fn answer(
    State(app): State<App>,
    who: Result<Who, Problem>,
    answered: Result<Form<Answer>, FormRejection>,
) -> Result<Html<String>, PageProblem> {
    let who = who?;
    let signed_in = signed_in(&who)?;
    let Form(answered) = answered.map_err(|_| nothing_typed())?;
    let (now, product) = (app.now(), product(&app).await?);
    let is_let_in = answered.answer == "allow";
    let host = app.devices().asked(&answered.code, now, |one| {
        one.stage = match is_let_in {
            true => let_in(&app, &who, signed_in, one, now)?,
            false => Stage::Refused,
        };
        Ok(one.host.clone())
    })?;
    html(&DonePage {
        product,
        host,
        is_let_in,
    })
}

fn let_in(
    app: &App,
    who: &Who,
    signed_in: &SignedIn,
    one: &Waiting,
    now: Timestamp,
) -> Result<Stage, Problem> {
    if one.for_votes && !is_fresh(signed_in, now) {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "not_permitted",
            "to let a command line vote, prove once more who you are",
            "/sign-in?again=1&to=/device, then the code again".to_owned(),
        ));
    }
    let grant = Grant {
        owner: who.actor.name.clone(),
        is_service: false,
        proof: signed_in.proof.clone(),
        scopes: [Scope::Read, Scope::Request].into(),
        votes_until: one.for_votes.then(|| now + VOTES_FOR),
        from: format!("{} ({})", one.host, one.peer.address),
    };
    let secret = app.store().give(&grant, None).map_err(not_given)?;
    tracing::info!(person = %grant.owner, from = grant.from, "a command line was let in");
    Ok(Stage::Given(secret, grant.owner))
}

/// A program does not let others in.
fn signed_in(who: &Who) -> Result<&SignedIn, Problem> {
    match &who.by {
        ProvedBy::Session(signed_in) => Ok(signed_in),
        ProvedBy::Token => Err(Problem::new(
            StatusCode::FORBIDDEN,
            "not_permitted",
            "a command line is let in by somebody who is signed in with a browser",
            "/device, in a browser".to_owned(),
        )),
    }
}

fn is_fresh(signed_in: &SignedIn, now: Timestamp) -> bool {
    signed_in
        .proof
        .auth_time
        .is_some_and(|at| now - at <= FRESH)
}

fn nothing_typed() -> Problem {
    Problem::usage("no code was typed", "/device".to_owned())
}
