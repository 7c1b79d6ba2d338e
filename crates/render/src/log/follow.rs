//! Lines as they come in, over a websocket that may break at any time without losing or repeating one.
//!
//! After each connection the time since the last line is read once more, so nothing falls into the gap; lines are known by
//! their ids, so nothing is told twice.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures::{Stream, StreamExt as _, TryStreamExt as _, stream};
use tokio::net::TcpStream;
use tokio::time::sleep;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::{Direction, LogFilter, LogLine};
use crate::client::Client;
use crate::error::{Error, Result};
use crate::wire;

/// Lines that arrive late are still found within this time before the last one.
const OVERLAP: TimeDelta = TimeDelta::seconds(30);

/// As many ids are remembered; Render drops lines beyond 6,000 a minute itself.
const REMEMBERED: usize = 20_000;

/// Pause before the next connection; doubled each time nothing was heard.
const PAUSES: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(15)];

pub(crate) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Following logs.
///
/// ```no_run
/// # async fn example(client: render::Client) -> render::Result<()> {
/// use futures::TryStreamExt;
/// use render::LogFilter;
///
/// let filter = LogFilter::of("tea-cukouhrtq21c73e9scng".into(), "srv-cukouhrtq21c73e9scng".into(), chrono::Utc::now());
/// let mut lines = std::pin::pin!(client.follow_logs(&filter));
/// while let Some(line) = lines.try_next().await? {
///     println!("{} {}", line.timestamp, line.message);
/// }
/// # Ok(()) }
/// ```
impl Client {
    /// Lines from the filter's start on, and then as they come in; `end` and `direction` play no part.
    ///
    /// Broken connections are made anew. Ends only after an error that will not pass, such as a key that is not accepted.
    pub fn follow_logs(
        &self,
        filter: &LogFilter,
    ) -> impl Stream<Item = Result<LogLine>> + Send + use<> {
        let following = Following::new(self.clone(), filter.clone());
        stream::unfold(Some(following), |following| async {
            let mut following = following?;
            match following.next().await {
                Ok(line) => Some((Ok(line), Some(following))),
                Err(error) => Some((Err(error), None)),
            }
        })
    }
}

/// A connection, if there is one, and what was told so far.
struct Following {
    client: Client,
    filter: LogFilter,
    socket: Option<Socket>,
    waiting: VecDeque<LogLine>,
    told: Told,
    /// From where on lines are read again after a break.
    since: DateTime<Utc>,
    pause: Duration,
}

impl Following {
    fn new(client: Client, filter: LogFilter) -> Self {
        Self {
            since: filter.start,
            client,
            filter,
            socket: None,
            waiting: VecDeque::new(),
            told: Told::default(),
            pause: PAUSES[0],
        }
    }

    /// The next line that was not told yet.
    async fn next(&mut self) -> Result<LogLine> {
        loop {
            while let Some(line) = self.waiting.pop_front() {
                if self.told.is_new(&line) {
                    self.since = self.since.max(line.timestamp - OVERLAP);
                    return Ok(line);
                }
            }
            if self.socket.is_none() {
                self.connect().await?;
            } else {
                self.listen().await;
            }
        }
    }

    /// Connects first and reads what was missed second, so that no line falls between the two.
    async fn connect(&mut self) -> Result<()> {
        match self.try_connect().await {
            Ok(()) => Ok(()),
            Err(error) if error.is_transient() => {
                tracing::warn!(%error, pause = ?self.pause, "following the logs again");
                self.rest().await;
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    async fn try_connect(&mut self) -> Result<()> {
        let call = self.filter.call(&["logs", "subscribe"]);
        let socket = self.client.subscribe(call).await?;
        let missed = LogFilter {
            start: self.since,
            end: None,
            direction: Direction::Forward,
            ..self.filter.clone()
        };
        let missed: Vec<LogLine> = self.client.logs_stream(&missed).try_collect().await?;
        self.waiting.extend(missed);
        self.socket = Some(socket);
        Ok(())
    }

    /// Waits for one message. A connection that ends or talks nonsense is dropped.
    async fn listen(&mut self) {
        let Some(socket) = &mut self.socket else {
            return;
        };
        match socket.next().await {
            Some(Ok(Message::Text(text))) => match wire::parse::<LogLine>(text.as_bytes()) {
                Ok(line) => {
                    self.pause = PAUSES[0];
                    self.waiting.push_back(line);
                }
                Err(error) => tracing::warn!(%error, "a line of the log could not be read"),
            },
            // The library answers pings by itself.
            Some(Ok(
                Message::Ping(_) | Message::Pong(_) | Message::Binary(_) | Message::Frame(_),
            )) => {}
            Some(Ok(Message::Close(_)) | Err(_)) | None => {
                self.socket = None;
                self.rest().await;
            }
        }
    }

    /// Pauses before the next connection, so that one that keeps breaking does not use up the budget.
    async fn rest(&mut self) {
        sleep(self.pause).await;
        self.pause = (self.pause * 2).min(PAUSES[1]);
    }
}

/// The ids of the newest lines that were told.
#[derive(Default)]
struct Told {
    ids: BTreeSet<String>,
    order: VecDeque<String>,
}

impl Told {
    /// Remembers a line; whether it was not known. A line without an id is always new.
    fn is_new(&mut self, line: &LogLine) -> bool {
        if line.id.is_empty() {
            return true;
        }
        if !self.ids.insert(line.id.clone()) {
            return false;
        }
        self.order.push_back(line.id.clone());
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
        true
    }
}

/// What a connection that does not come about means.
pub(crate) fn not_connected(call: String, error: tokio_tungstenite::tungstenite::Error) -> Error {
    Error::Socket {
        call,
        source: Box::new(error),
    }
}
