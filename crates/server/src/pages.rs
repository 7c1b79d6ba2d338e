//! What do people see? Pages made by the server, which work without scripts.

mod home;

use askama::Template;
use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;

use crate::app::App;
use crate::problem::Problem;

/// The style of all pages.
const STYLE: &str = include_str!("../assets/style.css");

/// The routes for people.
pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/", get(home::home))
        .route("/assets/style.css", get(style))
        .fallback(nothing_here)
}

async fn style() -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/css; charset=utf-8")], STYLE)
}

async fn nothing_here() -> PageProblem {
    Problem::not_found("there is no such page", "/".to_owned()).into()
}

/// A page as the browser gets it.
pub(crate) fn html(page: &impl Template) -> Result<Html<String>, PageProblem> {
    page.render().map(Html).map_err(|error| {
        tracing::error!(%error, "a page cannot be written");
        PageProblem(Problem::new(
            axum::http::StatusCode::INTERNAL_SERVER_ERROR,
            "failed",
            "the page cannot be written",
            "tell whoever runs the server: its log says why".to_owned(),
        ))
    })
}

/// A failure that is shown as a page.
#[derive(Debug)]
pub(crate) struct PageProblem(Problem);

impl From<Problem> for PageProblem {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl From<project::Error> for PageProblem {
    fn from(error: project::Error) -> Self {
        Self(error.into())
    }
}

/// The page of a failure.
#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemPage<'a> {
    title: &'a str,
    message: &'a str,
    way_out: Option<&'a str>,
}

impl IntoResponse for PageProblem {
    fn into_response(self) -> Response {
        let Self(problem) = self;
        if problem.status() == axum::http::StatusCode::UNAUTHORIZED {
            return Redirect::to("/sign-in").into_response();
        }
        let page = ProblemPage {
            title: problem.status().canonical_reason().unwrap_or("Problem"),
            message: problem.message(),
            way_out: problem.way_out(),
        };
        match page.render() {
            Ok(text) => (problem.status(), Html(text)).into_response(),
            Err(_) => problem.into_response(),
        }
    }
}
