//! How does an answer read? JSON with a tag, so that whoever has it already is told no more than that.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::sync::LazyLock;

use axum::extract::FromRequestParts;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH, LINK};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use crate::problem::Problem;
use crate::store::hashed;

/// How many there are in all, of a list of which a part is answered.
pub(crate) const TOTAL: HeaderName = HeaderName::from_static("x-total-count");

/// Another release may write the same state otherwise, and it is another process.
static PROCESS: LazyLock<i64> = LazyLock::new(|| project::now().timestamp_millis());

/// Names one state of an answer.
#[derive(Debug)]
pub(crate) struct Tag(String);

impl Tag {
    /// Of an answer that only the journal decides.
    pub(crate) fn of_head(seq: u64, hash: &str) -> Self {
        let hash = hash.get(..16).unwrap_or(hash);
        Self(format!("W/\"{seq}-{hash}-{:x}\"", *PROCESS))
    }

    /// Of an answer that depends on more: its own digest.
    fn of_body(body: &[u8]) -> Self {
        let hash = hashed(body);
        Self(format!("W/\"{}\"", hash.get(..32).unwrap_or(&hash)))
    }
}

/// What whoever asks has already, and what they asked for.
#[derive(Debug)]
pub(crate) struct Asked {
    known: Option<String>,
    path: String,
    query: Option<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for Asked {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let uri = axum::extract::OriginalUri::from_request_parts(parts, state).await?;
        let known = parts.headers.get(IF_NONE_MATCH);
        Ok(Self {
            known: known.and_then(|known| known.to_str().ok().map(str::to_owned)),
            path: uri.path().to_owned(),
            query: uri.query().map(str::to_owned),
        })
    }
}

impl Asked {
    /// Whether that is what would be answered.
    pub(crate) fn has(&self, tag: &Tag) -> bool {
        let mut known = self.known.iter().flat_map(|known| known.split(','));
        known.any(|one| one.trim() == tag.0 || one.trim() == "*")
    }

    /// The answer, which is made only for somebody who does not have it.
    pub(crate) fn tagged(
        &self,
        tag: &Tag,
        make: impl FnOnce() -> Result<Response, Problem>,
    ) -> Result<Response, Problem> {
        let mut response = match self.has(tag) {
            true => StatusCode::NOT_MODIFIED.into_response(),
            false => make()?,
        };
        let headers = response.headers_mut();
        if let Ok(tag) = HeaderValue::from_str(&tag.0) {
            headers.insert(ETAG, tag);
        }
        // Kept by whoever asked alone, and not used again without asking.
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
        Ok(response)
    }

    /// Anything as JSON.
    pub(crate) fn json<T: Serialize>(&self, value: &T) -> Result<Response, Problem> {
        let body = written(value)?;
        self.tagged(&Tag::of_body(&body), || Ok(json_of(body)))
    }

    /// A part of a list; `next` is behind what the next part begins.
    pub(crate) fn page<T: Serialize>(&self, page: &Page<T>) -> Result<Response, Problem> {
        let body = written(&page.items)?;
        let mut described = body.clone();
        // Whoever has the same part of a list that has grown is told of the rest.
        let _ = write!(Text(&mut described), "{:?} {:?}", page.next, page.total);
        self.tagged(&Tag::of_body(&described), || {
            let mut response = json_of(body);
            self.describe(&mut response, page.next.as_deref(), page.total);
            Ok(response)
        })
    }

    /// Says how many there are, and where it goes on.
    pub(crate) fn describe(
        &self,
        response: &mut Response,
        next: Option<&str>,
        total: Option<usize>,
    ) {
        let headers = response.headers_mut();
        if let Some(total) = total {
            headers.insert(TOTAL, total.into());
        }
        let link = next.map(|next| format!("<{}>; rel=\"next\"", self.behind(next)));
        if let Some(Ok(link)) = link.map(|link| HeaderValue::from_str(&link)) {
            headers.insert(LINK, link);
        }
    }

    /// The same question about what comes behind that.
    fn behind(&self, next: &str) -> String {
        let others = self.query.iter().flat_map(|query| query.split('&'));
        let others = others.filter(|pair| !pair.is_empty() && !pair.starts_with("after="));
        let query = others.fold(String::new(), |query, pair| format!("{query}{pair}&"));
        let next = utf8_percent_encode(next, NON_ALPHANUMERIC);
        format!("{}?{query}after={next}", self.path)
    }
}

/// A part of a list.
#[derive(Debug)]
pub(crate) struct Page<T> {
    /// What is in it.
    pub(crate) items: Vec<T>,
    /// What is passed as `after` to go on; absent: this was the last part.
    pub(crate) next: Option<String>,
    /// How many there are in all parts together.
    pub(crate) total: Option<usize>,
}

/// Lines as they are.
pub(crate) fn lines(body: String) -> Response {
    let kind = (CONTENT_TYPE, "application/x-ndjson");
    ([kind], body).into_response()
}

/// JSON that is written already.
pub(crate) fn json_of(body: impl Into<axum::body::Body>) -> Response {
    let headers =
        HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
    (headers, body.into()).into_response()
}

/// The text of it.
pub(crate) fn written<T: Serialize>(value: &T) -> Result<Vec<u8>, Problem> {
    serde_json::to_vec(value).map_err(|error| {
        tracing::error!(%error, "an answer cannot be written");
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "failed",
            "the answer cannot be written",
            "tell whoever runs the server: its log says why".to_owned(),
        )
    })
}

/// Bytes to which text is added.
struct Text<'t>(&'t mut Vec<u8>);

impl std::fmt::Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}
