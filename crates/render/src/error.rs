//! How a call can fail, and what that says about a request that changes something (A7, P9).

use std::fmt;
use std::time::Duration;

use reqwest::StatusCode;
use serde_json::Value;

/// What the client and the helpers built on it return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a call failed. No variant ever holds the API key or a variable's value.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The settings cannot be used.
    #[error("use the Render settings: {0}")]
    Settings(String),
    /// An argument cannot be put into a request.
    #[error("{call}: {problem}")]
    Argument {
        /// The request.
        call: String,
        /// What is wrong.
        problem: String,
    },
    /// Whoever asked no longer wants it. Nothing was sent.
    #[error("{call}: stopped before it was sent")]
    Stopped {
        /// The request.
        call: String,
    },
    /// No connection: name not found, refused, TLS failed. Nothing was sent.
    #[error("connect to Render for {call}")]
    Unreachable {
        /// The request.
        call: String,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// The connection broke or time ran out after the request may have left.
    #[error("get an answer from Render to {call}")]
    Lost {
        /// The request.
        call: String,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// The websocket did not come about or broke.
    #[error("keep a websocket for {call}")]
    Socket {
        /// The request.
        call: String,
        /// Why.
        #[source]
        source: Box<tokio_tungstenite::tungstenite::Error>,
    },
    /// Render answered with something other than success.
    #[error("{call}: {error}")]
    Api {
        /// The request.
        call: String,
        /// The answer.
        error: Box<ApiError>,
    },
    /// Render answered with success, but the answer makes no sense.
    #[error("read Render's answer to {call}")]
    Unreadable {
        /// The request.
        call: String,
        /// Why.
        #[source]
        source: Unreadable,
    },
    /// A list is longer than what this client is willing to read.
    #[error("{call}: more than {limit} entries")]
    TooMany {
        /// The request.
        call: String,
        /// The limit.
        limit: usize,
    },
}

/// Render's answer when it is not success.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiError {
    /// The HTTP status.
    pub status: u16,
    /// What Render says, redacted and cut; never empty.
    pub message: String,
    /// `Render-Request-Id`, for Render's support.
    pub request_id: Option<String>,
    /// The whole answer where it is JSON, redacted and bounded.
    pub data: Option<Value>,
    /// How long Render asks to stay away.
    pub retry_after: Option<Duration>,
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Render answered {}: {}", self.status, self.message)?;
        match &self.request_id {
            Some(id) => write!(f, " (request {id})"),
            None => Ok(()),
        }
    }
}

/// Why an answer makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It is not JSON.
    #[error("the answer is not JSON")]
    Syntax,
    /// It ends too early.
    #[error("the answer is cut off")]
    Truncated,
    /// It is JSON of another shape.
    #[error("`{place}` is missing or not of the expected type")]
    Shape {
        /// The path in the answer.
        place: String,
    },
    /// It is longer than any honest answer.
    #[error("the answer is longer than {limit} bytes")]
    TooLong {
        /// The limit.
        limit: usize,
    },
    /// The same cursor came twice.
    #[error("the listing runs in a circle")]
    Circle,
}

/// What is known about a request that changes something and did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// It never left this machine.
    NotSent,
    /// Render refused it; nothing was done.
    Refused,
    /// It may or may not have taken effect: look before anything else is sent (R16).
    Ambiguous,
}

/// Statuses that prove that nothing was done. All others leave doubt, also 422, which Render does not declare.
const REFUSALS: [u16; 8] = [400, 401, 402, 403, 404, 406, 410, 429];

impl Error {
    /// Says what is known about the request's effect.
    ///
    /// ```
    /// use render::{ApiError, Error, Sent};
    ///
    /// let answer = |status| Error::Api {
    ///     call: "POST /services/srv-1/deploys".into(),
    ///     error: Box::new(ApiError { status, message: "?".into(), request_id: None, data: None, retry_after: None }),
    /// };
    /// assert_eq!(answer(404).sent(), Sent::Refused);
    /// assert_eq!(answer(409).sent(), Sent::Ambiguous);
    /// ```
    pub fn sent(&self) -> Sent {
        match self {
            Self::Settings(_)
            | Self::Argument { .. }
            | Self::Stopped { .. }
            | Self::Unreachable { .. } => Sent::NotSent,
            Self::Api { error, .. } if REFUSALS.contains(&error.status) => Sent::Refused,
            Self::Api { .. }
            | Self::Lost { .. }
            | Self::Socket { .. }
            | Self::Unreadable { .. }
            | Self::TooMany { .. } => Sent::Ambiguous,
        }
    }

    /// The HTTP status, if Render answered with an error.
    pub fn status(&self) -> Option<u16> {
        self.api().map(|error| error.status)
    }

    /// Render's answer, if it is one.
    pub fn api(&self) -> Option<&ApiError> {
        match self {
            Self::Api { error, .. } => Some(error),
            Self::Settings(_)
            | Self::Argument { .. }
            | Self::Stopped { .. }
            | Self::Unreachable { .. }
            | Self::Lost { .. }
            | Self::Socket { .. }
            | Self::Unreadable { .. }
            | Self::TooMany { .. } => None,
        }
    }

    /// Whether the thing does not exist or no longer does (T27).
    pub fn is_gone(&self) -> bool {
        matches!(self.status(), Some(404 | 410))
    }

    /// Whether the key is not accepted: a fault of the whole workspace (P46).
    pub fn is_unauthorized(&self) -> bool {
        self.status() == Some(401)
    }

    /// Whether the same read may succeed a little later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Lost { .. } | Self::Socket { .. } => true,
            Self::Unreadable { source, .. } => *source == Unreadable::Truncated,
            Self::Api { error, .. } => matches!(error.status, 408 | 425 | 429 | 500..=599),
            Self::Settings(_)
            | Self::Argument { .. }
            | Self::Stopped { .. }
            | Self::TooMany { .. } => false,
        }
    }

    pub(crate) fn transport(call: String, source: reqwest::Error) -> Self {
        // Only the connector fails before the first byte; every other failure leaves doubt.
        let before_sending = source.is_connect() || source.is_builder();
        let source = source.without_url();
        if before_sending {
            Self::Unreachable { call, source }
        } else {
            Self::Lost { call, source }
        }
    }

    pub(crate) fn is_rate_limit(&self) -> bool {
        self.status() == Some(StatusCode::TOO_MANY_REQUESTS.as_u16())
    }

    pub(crate) fn retry_after(&self) -> Option<Duration> {
        self.api().and_then(|error| error.retry_after)
    }
}

/// The whole chain of causes as one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |&error| error.source());
    causes
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}
