//! Logs as they come in: one websocket message a line.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Response};

use super::wire::Wire;
use super::{App, authorization, deliver};
use crate::ids::Timestamp;
use crate::requests::{ApiRequest, Query};

/// So often the platform is asked for new lines.
const PERIOD: Duration = Duration::from_millis(20);

/// Answers the request for a websocket: with one, or with Render's refusal.
pub(super) async fn subscribe(
    State(app): State<App>,
    ConnectInfo(wire): ConnectInfo<Wire>,
    uri: Uri,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(rejection) => return rejection.into_response(),
    };
    let request = ApiRequest {
        method: "GET".to_owned(),
        path: "/logs/subscribe".to_owned(),
        query: uri.query().unwrap_or_default().to_owned(),
        authorization: authorization(&headers),
        body: Vec::new(),
    };
    match app.with(|platform, now| (platform.open_logs(now, &request), now)) {
        (Ok(query), since) => upgrade.on_upgrade(move |socket| follow(app, socket, query, since)),
        (Err(answer), _) => deliver(&app, &wire, answer).await,
    }
}

/// Sends lines until the client, the server or a test ends it.
async fn follow(app: App, mut socket: WebSocket, query: Query, since: Timestamp) {
    let mut cuts = app.cuts.subscribe();
    let mut told = Told {
        since,
        ids: BTreeSet::new(),
    };
    loop {
        for line in told.fresh(&app, &query) {
            if socket.send(Message::text(line)).await.is_err() {
                return;
            }
        }
        tokio::select! {
            () = app.stop.cancelled() => return,
            _ = cuts.changed() => return,
            heard = socket.recv() => if !matches!(heard, Some(Ok(_))) {
                return;
            },
            () = tokio::time::sleep(PERIOD) => {}
        }
    }
}

/// What was sent: everything before an instant, and these lines of that instant.
struct Told {
    since: Timestamp,
    ids: BTreeSet<String>,
}

impl Told {
    fn fresh(&mut self, app: &App, query: &Query) -> Vec<String> {
        let lines = app.with(|platform, now| {
            let now = platform.advance(now);
            platform.fresh_logs(query, self.since, now)
        });
        let mut texts = Vec::new();
        for (id, at, line) in lines {
            if at > self.since {
                self.since = at;
                self.ids.clear();
            }
            if self.ids.insert(id) {
                texts.push(line.to_string());
            }
        }
        texts
    }
}
