//! What does a request bring along? As axum reads it, but whatever is wrong with it is a problem like any other.

use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::problem::Problem;

/// What is said to whoever sends what nobody understands.
const WAY_OUT: &str = "/api/v1/openapi.json says what can be sent";

/// What stands in the path.
#[derive(Debug)]
pub(crate) struct Path<T>(pub(crate) T);

/// What stands behind the `?`. Keys that nobody knows are refused.
#[derive(Debug)]
pub(crate) struct Query<T>(pub(crate) T);

/// Nothing may stand behind the `?`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

/// A body of JSON.
#[derive(Debug)]
pub(crate) struct Json<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let read = axum::extract::Path::from_request_parts(parts, state).await;
        let axum::extract::Path(value) = read.map_err(|why| of_path(&why))?;
        Ok(Self(value))
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let read = axum::extract::Query::from_request_parts(parts, state).await;
        let axum::extract::Query(value) = read.map_err(|why| of_query(&why))?;
        Ok(Self(value))
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let read = axum::Json::from_request(request, state).await;
        let axum::Json(value) = read.map_err(|why| of_json(&why))?;
        Ok(Self(value))
    }
}

fn of_path(why: &PathRejection) -> Problem {
    unreadable(why.status(), &why.body_text())
}

fn of_query(why: &QueryRejection) -> Problem {
    unreadable(why.status(), &why.body_text())
}

fn of_json(why: &JsonRejection) -> Problem {
    unreadable(why.status(), &why.body_text())
}

/// In the words of whoever could not read it, which name the place.
pub(crate) fn unreadable(status: StatusCode, why: &str) -> Problem {
    let mut letters = why.chars();
    let first = letters.next().map(|first| first.to_ascii_lowercase());
    let message: String = first.into_iter().chain(letters).collect();
    Problem::new(status, "usage", message, WAY_OUT.to_owned())
}
