//! How does a page learn that there is something new? A stream says so, and the page asks for itself again.
//!
//! The stream tells no more than the number of the last event. A browser that was away says which it has seen, and is told at
//! once if there were others: the page it then asks for shows everything it has missed.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::Stream;
use serde::Deserialize;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::PageProblem;
use crate::app::App;
use crate::live::News;
use crate::problem::Problem;
use crate::who::{Scope, Who};

/// A page is told no more often than this, however much happens.
const AT_MOST_EVERY: Duration = Duration::from_secs(1);

/// What a page has seen.
#[derive(Debug, Deserialize)]
pub(super) struct Seen {
    #[serde(default)]
    seen: u64,
}

/// What the stream goes on with.
struct Following {
    app: App,
    news: Receiver<News>,
    stop: CancellationToken,
    seen: Option<u64>,
}

pub(super) async fn live(
    State(app): State<App>,
    who: Result<Who, Problem>,
    Query(seen): Query<Seen>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, PageProblem> {
    who?.require(Scope::Read)?;
    let told = headers.get("last-event-id");
    let told = told.and_then(|value| value.to_str().ok()?.parse().ok());
    let following = Following {
        news: app.live().follow(),
        stop: app.stopped(),
        seen: Some(told.unwrap_or(seen.seen)),
        app,
    };
    let stream = futures::stream::unfold(following, Following::next);
    Ok(Sse::new(stream).keep_alive(KeepAlive::default()))
}

impl Following {
    /// Waits for something new; `None`: the server stops, or the state cannot be followed any more.
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        let is_behind = match self.seen.take() {
            Some(seen) => self.app.live().end().await.ok()? != seen,
            None => false,
        };
        if !is_behind {
            tokio::select! {
                told = self.news.recv() => if matches!(told, Err(RecvError::Closed)) { return None },
                () = self.stop.cancelled() => return None,
            }
            tokio::select! {
                () = sleep(AT_MOST_EVERY) => (),
                () = self.stop.cancelled() => return None,
            }
        }
        // What is told from here on is behind what is read next.
        self.news = self.news.resubscribe();
        let seq = self.app.live().end().await.ok()?;
        let event = Event::default()
            .event("changed")
            .id(seq.to_string())
            .data(seq.to_string());
        Some((Ok(event), self))
    }
}
