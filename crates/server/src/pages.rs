//! What do people see? Pages made by the server, which work without scripts.
//!
//! Every page is a template over plain values (`templates/`), in one style (`assets/style.css`); how the pieces are meant to be
//! used is said in `templates/README.md`. Whoever reads is a [`Reader`], what stands around a page its `Frame`. A change is a
//! form that is posted and answered with a redirect; the page that follows tells what came of it (`flash`). With a script, a
//! page is told of news (`live`) and asks for itself again; nothing else depends on scripts.

mod approval;
mod approvals;
mod assets;
mod changes;
mod controls;
mod course;
mod customer;
mod customers;
mod events;
mod evidence;
mod flash;
mod fleet;
mod lanes;
mod live;
mod news;
mod overview;
mod reader;
mod rollouts;
mod time;
mod vote;
mod words;
mod zone;

use askama::Template;
use axum::Router;
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{AppendHeaders, Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use rollout::RolloutId;

pub(crate) use self::assets::{htmx as library, page as script, style};
use crate::app::App;
use crate::problem::Problem;

/// Where a browser keeps the page that somebody wanted to see before they signed in.
const NEXT: &str = "tranche-next";

/// The routes for people.
pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/", get(rollouts::rollouts))
        .route("/rollouts/{rollout}", get(overview::overview))
        .route("/rollouts/{rollout}/customers", get(customers::customers))
        .route("/rollouts/{rollout}/do/{verb}", post(controls::act))
        .route("/approvals", get(approvals::approvals))
        .route(
            "/approvals/{rollout}/{*gate}",
            get(approval::approval).post(vote::vote),
        )
        .route("/customers", get(fleet::fleet))
        .route("/customers/{customer}", get(customer::customer))
        .route("/events", get(events::events))
        .route("/zone", get(zone::ask).post(zone::take))
        .route("/live", get(live::live))
        .route("/assets/{name}", get(assets::asset))
        .fallback(nothing_here)
}

async fn nothing_here() -> PageProblem {
    Problem::not_found(
        "there is no such page",
        "the list of rollouts leads everywhere".to_owned(),
    )
    .into()
}

/// A page as the browser gets it.
pub(crate) fn html(page: &impl Template) -> Result<Html<String>, PageProblem> {
    page.render().map(Html).map_err(|error| {
        tracing::error!(%error, "a page cannot be written");
        PageProblem::from(Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "failed",
            "the page cannot be written",
            "tell whoever runs the server: its log says why".to_owned(),
        ))
    })
}

/// The rollout that an address names.
fn named(text: &str) -> Result<RolloutId, PageProblem> {
    text.parse().map_err(|_| no_rollout(text))
}

fn no_rollout(text: &str) -> PageProblem {
    let message = format!("there is no rollout {text}");
    Problem::not_found(message, "the list of rollouts names them all".to_owned()).into()
}

/// A failure that is shown as a page.
#[derive(Debug)]
pub(crate) struct PageProblem {
    problem: Box<Problem>,
    /// Where the reader comes from.
    back: Option<String>,
    /// What was to be seen, once somebody has signed in.
    next: Option<String>,
}

impl PageProblem {
    /// With a way back.
    fn back_to(self, back: impl Into<String>) -> Self {
        Self {
            back: Some(back.into()),
            ..self
        }
    }

    /// Remembers what was to be seen.
    fn on_the_way_to(self, path: &str) -> Self {
        let next = Some(path.to_owned()).filter(|path| path != "/" && is_local(path));
        Self { next, ..self }
    }
}

/// Whether an address leads to a page of this server and fits into a cookie as it is.
fn is_local(path: &str) -> bool {
    let mut bytes = path.bytes();
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"\";,\\".contains(&byte);
    path.starts_with('/') && !path.starts_with("//") && path.len() < 1_000 && bytes.all(is_plain)
}

impl From<Problem> for PageProblem {
    fn from(problem: Problem) -> Self {
        Self {
            problem: Box::new(problem),
            back: None,
            next: None,
        }
    }
}

impl From<project::Error> for PageProblem {
    fn from(error: project::Error) -> Self {
        Problem::from(error).into()
    }
}

/// The page of a failure.
#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemPage<'a> {
    title: &'a str,
    message: String,
    way_out: Option<&'a str>,
    back: &'a str,
}

/// What a status means, in words for people.
fn title(status: StatusCode) -> &'static str {
    match status {
        StatusCode::NOT_FOUND => "Not found",
        StatusCode::FORBIDDEN => "Not permitted",
        StatusCode::CONFLICT => "Not now",
        StatusCode::UNPROCESSABLE_ENTITY => "That was not understood",
        _ => "That did not work",
    }
}

impl IntoResponse for PageProblem {
    fn into_response(self) -> Response {
        let problem = self.problem;
        if problem.status() == StatusCode::UNAUTHORIZED {
            let redirect = Redirect::to("/sign-in");
            let cookie = self
                .next
                .map(|next| format!("{NEXT}={next}; Path=/; Max-Age=900; HttpOnly; SameSite=Lax"));
            let cookie = cookie.and_then(|cookie| HeaderValue::try_from(cookie).ok());
            let headers = cookie.into_iter().map(|cookie| (SET_COOKIE, cookie));
            return (AppendHeaders(headers.collect::<Vec<_>>()), redirect).into_response();
        }
        let page = ProblemPage {
            title: title(problem.status()),
            message: news::capital(problem.message()),
            way_out: problem.way_out(),
            back: self.back.as_deref().unwrap_or("/"),
        };
        match page.render() {
            Ok(text) => (problem.status(), Html(text)).into_response(),
            Err(_) => problem.into_response(),
        }
    }
}
