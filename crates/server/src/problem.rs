//! How does a failure read? Programs get `application/problem+json` (RFC 9457), people a page; both are told the way out.

use axum::extract::Request;
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use policy::Diagnostic;
use problem_details::ProblemDetails;
use project::{Error, ErrorKind};
use rollout::Rejected;
use rollout::request::Scope;
use serde::Serialize;
use tower_sessions::session;

/// A request that is not answered as asked.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    kind: &'static str,
    message: String,
    way_out: Option<String>,
    mistakes: Vec<Diagnostic>,
    is_undecided: bool,
}

/// Goes with a failure after which what was asked for may have been done all the same.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Undecided;

/// What stands in a problem beside what RFC 9457 names.
#[derive(Debug, Serialize)]
struct More {
    /// What the failure means, one word; the command line makes its exit code of it.
    kind: &'static str,
    /// What to do about it, by itself; `detail` ends with it too.
    #[serde(skip_serializing_if = "Option::is_none")]
    way_out: Option<String>,
    /// What is wrong in the project's files, each with its place.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    mistakes: Vec<Diagnostic>,
}

impl Problem {
    /// One that has no error behind it.
    pub(crate) fn new(
        status: StatusCode,
        kind: &'static str,
        message: impl Into<String>,
        way_out: impl Into<Option<String>>,
    ) -> Self {
        Self {
            status,
            kind,
            message: message.into(),
            way_out: way_out.into(),
            mistakes: Vec::new(),
            is_undecided: false,
        }
    }

    /// The same after something that may have been done all the same.
    pub(crate) fn undecided(self) -> Self {
        Self {
            is_undecided: true,
            ..self
        }
    }

    /// There is nothing at this address, or nothing of that name.
    pub(crate) fn not_found(
        message: impl Into<String>,
        way_out: impl Into<Option<String>>,
    ) -> Self {
        Self::new(StatusCode::NOT_FOUND, "usage", message, way_out)
    }

    /// What was sent makes no sense.
    pub(crate) fn usage(message: impl Into<String>, way_out: impl Into<Option<String>>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "usage", message, way_out)
    }

    /// Nobody has proved who asks.
    pub(crate) fn not_signed_in() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "not_signed_in",
            "nobody is signed in",
            "sign in at /sign-in, or send `Authorization: Bearer TOKEN`; `tranche token create PERSON` makes one".to_owned(),
        )
    }

    pub(crate) fn not_a_token() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "not_signed_in",
            "the `Authorization` header holds no token",
            "send `Authorization: Bearer TOKEN`".to_owned(),
        )
    }

    /// The token was made for something else.
    pub(crate) fn not_in_scope(scope: Scope) -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "not_permitted",
            format!("this token was not made with the scope `{scope}`"),
            format!("a token made with --scope {scope}"),
        )
    }

    /// The files cannot be used, and what was asked for goes by them.
    pub(crate) fn files(reason: &str) -> Self {
        Self::new(
            StatusCode::CONFLICT,
            "usage",
            format!("the project's files cannot be used: {reason}"),
            "tranche validate, where they lie".to_owned(),
        )
    }

    /// No files that can be read name anybody.
    pub(crate) fn nobody_named() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "failed",
            "the project's files cannot be used, and nothing tells who its people are",
            "tranche validate, on the server".to_owned(),
        )
    }

    /// What a sign-in has given is over.
    pub(crate) fn not_granted() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "not_signed_in",
            "that sign-in has ended",
            "tranche login --server URL".to_owned(),
        )
    }

    #[expect(
        clippy::needless_pass_by_value,
        reason = "`map_err` hands it on as it comes"
    )]
    pub(crate) fn session(error: session::Error) -> Self {
        tracing::error!(%error, "sessions cannot be used");
        Self::of_store()
    }

    #[expect(
        clippy::needless_pass_by_value,
        reason = "`map_err` hands it on as it comes"
    )]
    pub(crate) fn store(error: rusqlite::Error) -> Self {
        tracing::error!(%error, "the server's own file cannot be used");
        Self::of_store()
    }

    fn of_store() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "failed",
            "the server cannot read who is signed in",
            "tell whoever runs the server: its log says why".to_owned(),
        )
    }

    /// The HTTP status.
    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// What happened, as a sentence.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// What to do about it.
    pub(crate) fn way_out(&self) -> Option<&str> {
        self.way_out.as_deref()
    }
}

/// Sent by a page of somebody else.
pub(crate) fn from_elsewhere() -> Problem {
    Problem::new(
        StatusCode::FORBIDDEN,
        "not_permitted",
        "this was sent by another site, so nothing was done",
        "open the page here and send it from there".to_owned(),
    )
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let (mut status, kind) = of_kind(error.kind());
        if names_nothing(&error) {
            status = StatusCode::NOT_FOUND;
        }
        if status == StatusCode::INTERNAL_SERVER_ERROR {
            tracing::error!(error = error.message(), "a request failed");
        }
        let way_out = error.way_out();
        let problem = Self::new(status, kind, error.in_short(), way_out);
        let Error::Files(mistakes) = error else {
            return problem;
        };
        Self {
            mistakes,
            ..problem
        }
    }
}

impl From<Rejected> for Problem {
    fn from(rejected: Rejected) -> Self {
        Error::Rejected(Box::new(rejected)).into()
    }
}

/// Whether what was asked about does not exist.
fn names_nothing(error: &Error) -> bool {
    matches!(
        error,
        Error::UnknownRollout(_) | Error::UnknownCustomer { .. } | Error::NeverPlanned(_)
    )
}

/// The status, and the word from which the command line knows the kind again.
fn of_kind(kind: ErrorKind) -> (StatusCode, &'static str) {
    match kind {
        ErrorKind::AlreadySo => (StatusCode::OK, "already_so"),
        ErrorKind::Usage => (StatusCode::UNPROCESSABLE_ENTITY, "usage"),
        ErrorKind::Absent => (StatusCode::NOT_FOUND, "absent"),
        ErrorKind::Held => (StatusCode::CONFLICT, "held"),
        ErrorKind::Watched => (StatusCode::CONFLICT, "watched"),
        ErrorKind::Refused => (StatusCode::CONFLICT, "refused"),
        ErrorKind::NotPermitted => (StatusCode::FORBIDDEN, "not_permitted"),
        ErrorKind::Unreachable => (StatusCode::BAD_GATEWAY, "unreachable"),
        ErrorKind::Unfinished => (StatusCode::GATEWAY_TIMEOUT, "unfinished"),
        ErrorKind::Interrupted => (StatusCode::SERVICE_UNAVAILABLE, "interrupted"),
        ErrorKind::Failed => (StatusCode::INTERNAL_SERVER_ERROR, "failed"),
    }
}

/// What a layer refuses by itself, and a crash, read like any other failure.
pub(crate) async fn dress(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let status = response.status();
    let is_failure = status.is_client_error() || status.is_server_error();
    let kind = response.headers().get(CONTENT_TYPE);
    let is_bare = kind.is_none_or(|kind| kind.as_bytes().starts_with(b"text/plain"));
    if !is_failure || !is_bare {
        return response;
    }
    let problem = of_status(status);
    let mut dressed = problem.into_response();
    for (name, value) in response.headers() {
        let is_about_body = [CONTENT_TYPE, CONTENT_LENGTH, CONTENT_ENCODING].contains(name);
        if !is_about_body {
            dressed.headers_mut().append(name, value.clone());
        }
    }
    dressed
}

fn of_status(status: StatusCode) -> Problem {
    let (kind, message, way_out) = match status {
        StatusCode::PAYLOAD_TOO_LARGE => ("usage", "the request is too large", "a smaller one"),
        StatusCode::REQUEST_TIMEOUT => {
            ("unfinished", "the request took too long", "the same again")
        }
        StatusCode::METHOD_NOT_ALLOWED => (
            "usage",
            "that cannot be done at this address",
            "/api/v1/openapi.json says with which method",
        ),
        status if status.is_client_error() => (
            "usage",
            "the request cannot be read",
            "/api/v1/openapi.json says what can be sent",
        ),
        _ => (
            "failed",
            "the server has failed",
            "tell whoever runs the server: its log says why",
        ),
    };
    Problem::new(status, kind, message, way_out.to_owned())
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let detail = match &self.way_out {
            Some(way_out) => format!("{}; try: {way_out}", self.message),
            None => self.message,
        };
        let problem = ProblemDetails::from_status_code(self.status)
            .with_detail(detail)
            .with_extensions(More {
                kind: self.kind,
                way_out: self.way_out,
                mistakes: self.mistakes,
            });
        let mut response = problem.into_response();
        if self.is_undecided {
            response.extensions_mut().insert(Undecided);
        }
        if self.status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(WWW_AUTHENTICATE, scheme);
        }
        response
    }
}
