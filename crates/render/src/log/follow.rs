//! Lines as they come in, over a websocket that may break at any time without losing or repeating one.
//!
//! After each connection the time since the last line is read once more, so nothing falls into the gap; lines are known by
//! their ids, so nothing is told twice.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures::{SinkExt as _, Stream, StreamExt as _, TryStreamExt as _, stream};
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::{Bytes, Message};

use super::{Direction, LogFilter, LogLine};
use crate::client::{Client, Socket};
use crate::error::{Result, chain};
use crate::wire;

/// Lines that arrive late are still found within this time before the last one.
const OVERLAP: TimeDelta = TimeDelta::seconds(30);

/// As many ids are remembered; Render drops lines beyond 6,000 a minute itself.
const REMEMBERED: usize = 20_000;

/// Pause before the next connection; doubled each time nothing was heard.
const PAUSES: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(15)];

/// What following brings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Followed {
    /// A line that was not told before.
    Line(LogLine),
    /// The connection is lost. It is made anew, as often as that takes.
    Lost {
        /// Why.
        reason: String,
    },
    /// It stands again, and what Render still has of the time between comes next.
    Found,
}

/// Following logs.
///
/// ```no_run
/// # async fn example(client: render::Client) -> render::Result<()> {
/// use futures::TryStreamExt;
/// use render::{Followed, LogFilter};
///
/// let filter = LogFilter::of("tea-cukouhrtq21c73e9scng".into(), "srv-cukouhrtq21c73e9scng".into(), chrono::Utc::now());
/// let mut lines = std::pin::pin!(client.follow_logs(&filter));
/// while let Some(news) = lines.try_next().await? {
///     match news {
///         Followed::Line(line) => println!("{} {}", line.timestamp, line.message),
///         Followed::Lost { reason } => eprintln!("no connection: {reason}"),
///         Followed::Found => eprintln!("connected again"),
///     }
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
    ) -> impl Stream<Item = Result<Followed>> + Send + use<> {
        let following = Following::new(self.clone(), filter.clone());
        stream::unfold(Some(following), |following| async {
            let mut following = following?;
            match following.next().await {
                Ok(news) => Some((Ok(news), Some(following))),
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
    /// How the connection is doing.
    line: Standing,
}

/// How the connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// Nobody was told of any trouble.
    Well,
    /// Nothing was heard for a while, and it was asked whether anybody is there.
    Asked,
    /// It is lost, which was told.
    Lost,
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
            line: Standing::Well,
        }
    }

    /// The next line that was not told yet, or news of the connection.
    async fn next(&mut self) -> Result<Followed> {
        loop {
            while let Some(line) = self.waiting.pop_front() {
                if self.told.is_new(&line) {
                    self.since = self.since.max(line.timestamp - OVERLAP);
                    return Ok(Followed::Line(line));
                }
            }
            let news = match self.socket.is_none() {
                true => self.connect().await?,
                false => self.listen().await,
            };
            if let Some(news) = news {
                return Ok(news);
            }
        }
    }

    /// Connects first and reads what was missed second, so that no line falls between the two.
    async fn connect(&mut self) -> Result<Option<Followed>> {
        let was_lost = self.line == Standing::Lost;
        if was_lost {
            self.rest().await;
        }
        match self.try_connect().await {
            Ok(()) => {
                self.line = Standing::Well;
                Ok(was_lost.then_some(Followed::Found))
            }
            Err(error) if error.is_transient() => Ok(self.lose(chain(&error))),
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

    /// Waits for one message. A connection that ends, or on which nobody is any more, is dropped.
    async fn listen(&mut self) -> Option<Followed> {
        let socket = self.socket.as_mut()?;
        let Ok(heard) = timeout(self.client.patience(), socket.next()).await else {
            return self.ask_whether_anybody_is_there().await;
        };
        self.line = Standing::Well;
        match heard {
            Some(Ok(Message::Text(text))) => {
                match wire::parse::<LogLine>(text.as_bytes()) {
                    Ok(line) => {
                        self.pause = PAUSES[0];
                        self.waiting.push_back(line);
                    }
                    Err(error) => tracing::warn!(%error, "a line of the log could not be read"),
                }
                None
            }
            // The library answers pings by itself.
            Some(Ok(
                Message::Ping(_) | Message::Pong(_) | Message::Binary(_) | Message::Frame(_),
            )) => None,
            Some(Ok(Message::Close(_))) | None => self.lose("Render ended it".to_owned()),
            Some(Err(error)) => self.lose(chain(&error)),
        }
    }

    /// A peer that vanished without a word looks like one that has nothing to say, until it is asked.
    async fn ask_whether_anybody_is_there(&mut self) -> Option<Followed> {
        let socket = self.socket.as_mut()?;
        if self.line == Standing::Asked {
            return self.lose("nobody answers any more".to_owned());
        }
        match socket.send(Message::Ping(Bytes::new())).await {
            Ok(()) => {
                self.line = Standing::Asked;
                None
            }
            Err(error) => self.lose(chain(&error)),
        }
    }

    /// Drops the connection; that is news once.
    fn lose(&mut self, reason: String) -> Option<Followed> {
        self.socket = None;
        tracing::warn!(reason, pause = ?self.pause, "following the logs again");
        let was_lost = std::mem::replace(&mut self.line, Standing::Lost) == Standing::Lost;
        (!was_lost).then_some(Followed::Lost { reason })
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
