//! Is this the same request once more? With an `Idempotency-Key` it is done once, however often it arrives.

use std::sync::LazyLock;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{FromRequestParts as _, Request, State};
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use policy::PersonId;

use super::extract::unreadable;
use crate::app::App;
use crate::layers::BODY_LIMIT;
use crate::problem::{Problem, Undecided};
use crate::store::{Before, Kept, hashed};
use crate::who::Who;

/// Names a request to whoever sends it again.
const KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Says that the answer was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// A key is no longer.
const LONGEST_KEY: usize = 255;

/// Tells this process from the ones before it.
static PROCESS: LazyLock<String> = LazyLock::new(|| {
    let started = project::now().timestamp_millis();
    format!("{}-{started}", std::process::id())
});

/// Lets a request through once, and answers it as before otherwise.
pub(super) async fn once(
    State(app): State<App>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let (mut parts, body) = request.into_parts();
    let Some(key) = parts.headers.get(&KEY) else {
        return Ok(next.run(Request::from_parts(parts, body)).await);
    };
    let key = read_key(key)?;
    let who = Who::from_request_parts(&mut parts, &app).await?.actor.name;
    let body = to_bytes(body, BODY_LIMIT).await;
    let body =
        body.map_err(|why| unreadable(StatusCode::PAYLOAD_TOO_LARGE, &format!("the body: {why}")))?;
    let what = format!("{} {}\n", parts.method, parts.uri);
    let digest = hashed(&[what.as_bytes(), &body].concat());
    let before = app.store().begin_answer(&who, &key, &digest, &PROCESS);
    match before.map_err(unusable)? {
        Before::New => {}
        Before::Answered(kept) => return Ok(again(kept)),
        Before::UnderWay => return Ok(under_way()),
        Before::Lost => return Err(lost()),
        Before::Another => return Err(another()),
        Before::TooMany => return Err(too_many()),
    }
    let request = Request::from_parts(parts, Body::from(body));
    // Whoever asked may have gone before the answer is there; it is kept all the same.
    let carried_out = tokio::spawn(async move {
        let response = next.run(request).await;
        keep(&app, &who, &key, response).await
    });
    match carried_out.await {
        Ok(response) => response,
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    }
}

fn read_key(key: &HeaderValue) -> Result<String, Problem> {
    let key = key.to_str().unwrap_or_default().trim();
    match (1..=LONGEST_KEY).contains(&key.len()) {
        true => Ok(key.to_owned()),
        false => Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "usage",
            "`Idempotency-Key` is empty, too long, or no plain text",
            format!("a text of up to {LONGEST_KEY} letters that no other request has"),
        )),
    }
}

/// Keeps the answer, unless nothing was done and the same may be tried again.
async fn keep(
    app: &App,
    who: &PersonId,
    key: &str,
    response: Response,
) -> Result<Response, Problem> {
    let (parts, body) = response.into_parts();
    // Answers of our own are whole already.
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let is_undecided = parts.extensions.get::<Undecided>().is_some();
    let kind = parts.headers.get(CONTENT_TYPE);
    let kept = (is_undecided || is_decided(parts.status)).then(|| Kept {
        status: parts.status.as_u16(),
        kind: kind
            .and_then(|kind| kind.to_str().ok())
            .unwrap_or_default()
            .to_owned(),
        body: body.to_vec(),
    });
    let noted = app.store().end_answer(who, key, kept.as_ref());
    noted.map_err(|error| unusable(error).undecided())?;
    Ok(Response::from_parts(parts, Body::from(body)))
}

/// Whether the core has said yes or no. Everything else had no effect, or says that it is undecided.
fn is_decided(status: StatusCode) -> bool {
    status.is_success()
        || [
            StatusCode::FORBIDDEN,
            StatusCode::NOT_FOUND,
            StatusCode::CONFLICT,
            StatusCode::UNPROCESSABLE_ENTITY,
        ]
        .contains(&status)
}

fn again(kept: Kept) -> Response {
    let status = StatusCode::from_u16(kept.status).unwrap_or(StatusCode::OK);
    let mut response = (status, Bytes::from(kept.body)).into_response();
    let headers = response.headers_mut();
    if let Ok(kind) = HeaderValue::from_str(&kept.kind) {
        headers.insert(CONTENT_TYPE, kind);
    }
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    response
}

fn under_way() -> Response {
    let problem = Problem::new(
        StatusCode::CONFLICT,
        "unfinished",
        "the same request is under way",
        "the same again in a moment: it will be answered as the first was".to_owned(),
    );
    let mut response = problem.into_response();
    response
        .headers_mut()
        .insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

fn lost() -> Problem {
    Problem::new(
        StatusCode::CONFLICT,
        "unfinished",
        "the server has ended while this request was under way, and does not know whether it was done",
        "see in GET /api/v1/events; if it was not done, ask with another key".to_owned(),
    )
}

fn another() -> Problem {
    Problem::usage(
        "this `Idempotency-Key` was used for another request",
        "a key of its own for each request".to_owned(),
    )
}

fn too_many() -> Problem {
    Problem::new(
        StatusCode::TOO_MANY_REQUESTS,
        "refused",
        "too many requests with a key in 24 hours",
        "the same without `Idempotency-Key`, or later".to_owned(),
    )
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "`map_err` hands it on as it comes"
)]
fn unusable(error: rusqlite::Error) -> Problem {
    tracing::error!(%error, "answers cannot be kept");
    Problem::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "failed",
        "the server cannot keep what it answers",
        "tell whoever runs the server: its log says why".to_owned(),
    )
}
