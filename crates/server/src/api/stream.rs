//! What happens, as it happens: server-sent events that go on where a reader has left off.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures::stream::{Stream, unfold};
use rollout::RolloutId;
use serde::Deserialize;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::Query;
use super::schema;
use crate::app::{App, STREAMS};
use crate::live::{LiveLine, News};
use crate::problem::Problem;
use crate::who::{Scope, Who};

/// Nothing may pass for so long, so that what stands between knows that somebody is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// A stream ends after so long, and its reader comes back by itself: whoever has lost the right to read is asked by then.
const LONGEST: Duration = Duration::from_mins(5);

/// So long a reader waits before it comes back.
const RETRY: Duration = Duration::from_secs(1);

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(stream))
}

/// What is followed.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Followed {
    /// Only events of this rollout.
    #[param(value_type = Option<schema::RolloutName>)]
    rollout: Option<RolloutId>,
    /// Events behind this one, the header `Last-Event-ID` before it; absent: from now on.
    after: Option<u64>,
}

/// Events as they happen, each as stored, its `seq` as `id`. `event: waits` (without an id) says that nothing has happened,
/// but it is waited for something else than before. A stream ends when the server stops, and after five minutes: whoever
/// follows comes back with `Last-Event-ID`, as browsers do by themselves, and misses nothing.
#[utoipa::path(
    get, path = "/events/stream", tag = "journal",
    params(Followed, ("last-event-id" = Option<u64>, Header, description = "the `id` that came last")),
    responses((status = 200, description = "server-sent events", body = String, content_type = "text/event-stream"))
)]
async fn stream(
    who: Who,
    State(app): State<App>,
    headers: HeaderMap,
    Query(Followed { rollout, after }): Query<Followed>,
) -> Result<Response, Problem> {
    who.require(Scope::Read)?;
    let permit = Arc::clone(app.streams()).try_acquire_owned();
    let permit = permit.map_err(|_| too_many())?;
    let last = headers.get("last-event-id").map(|id| {
        let id = id
            .to_str()
            .ok()
            .and_then(|id| id.trim().parse::<u64>().ok());
        id.ok_or_else(|| {
            Problem::usage(
                "`Last-Event-ID` is no number",
                "the `id` of an event".to_owned(),
            )
        })
    });
    if let Some(run) = rollout
        && app.backend().product().await?.plan(run).is_none()
    {
        return Err(project::Error::UnknownRollout(run).into());
    }
    // Before the end of the journal is read, so that nothing falls between.
    let news = app.live().follow();
    let after = match last.transpose()?.or(after) {
        Some(after) => after,
        None => app.live().end().await?,
    };
    let reader = Reader {
        app: app.clone(),
        rollout,
        after,
        read: Vec::new().into_iter(),
        is_behind: true,
        news,
        ends_at: Instant::now() + LONGEST,
        _permit: permit,
    };
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE);
    let headers = [("x-accel-buffering", "no"), ("cache-control", "no-store")];
    Ok((headers, Sse::new(reader.events()).keep_alive(keep_alive)).into_response())
}

fn too_many() -> Problem {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "refused",
        format!("{STREAMS} streams are open already"),
        "the same again later, or GET /api/v1/events?after=SEQ now and then".to_owned(),
    )
}

/// Somebody who follows. It is asked for the next event only when the one before has left, so a slow reader costs no more
/// than one part of the journal.
struct Reader {
    app: App,
    rollout: Option<RolloutId>,
    /// The last event that was told.
    after: u64,
    /// What was read of the journal and is still to be told.
    read: std::vec::IntoIter<LiveLine>,
    /// Whether the journal may have more than was told.
    is_behind: bool,
    news: Receiver<News>,
    ends_at: Instant,
    _permit: OwnedSemaphorePermit,
}

impl Reader {
    fn events(self) -> impl Stream<Item = Result<Event, Infallible>> {
        let begun = Event::default().retry(RETRY).comment("follows");
        let begun = futures::stream::iter([Ok(begun)]);
        let told = unfold(self, async |mut reader| {
            let event = reader.next().await?;
            Some((Ok(event), reader))
        });
        futures::StreamExt::chain(begun, told)
    }

    /// The next event; `None`: the stream is over.
    async fn next(&mut self) -> Option<Event> {
        let (stopped, ends_at) = (self.app.stopped(), self.ends_at);
        tokio::select! {
            next = self.told() => next,
            () = stopped.cancelled() => None,
            () = tokio::time::sleep_until(ends_at) => None,
        }
    }

    async fn told(&mut self) -> Option<Event> {
        loop {
            if let Some(line) = self.read.next() {
                return Some(self.tell(&line));
            }
            if self.is_behind {
                let read = self.app.live().behind(self.rollout, self.after).await;
                let read = read.inspect_err(|error| {
                    tracing::warn!(error = error.message(), "a stream cannot go on");
                });
                self.read = read.ok()?.into_iter();
                self.is_behind = self.read.len() > 0;
                continue;
            }
            match self.news.recv().await {
                Ok(News::Line(line)) if self.is_new(&line) => return Some(self.tell(&line)),
                Ok(News::Line(_)) => {}
                Ok(News::Otherwise) => {
                    // So it is said as well when the look-out has just begun, and may have missed something.
                    self.is_behind = true;
                    return Some(Event::default().event("waits").data("{}"));
                }
                Err(RecvError::Lagged(_)) => self.is_behind = true,
                Err(RecvError::Closed) => return None,
            }
        }
    }

    fn is_new(&self, line: &LiveLine) -> bool {
        line.seq > self.after && self.rollout.is_none_or(|only| line.rollout == Some(only))
    }

    fn tell(&mut self, line: &LiveLine) -> Event {
        self.after = line.seq;
        Event::default().id(line.seq.to_string()).data(&line.json)
    }
}
