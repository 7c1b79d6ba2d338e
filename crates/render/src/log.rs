//! Logs of services, by time and by filters (A5), and as they come in.

mod follow;

use std::collections::BTreeSet;

use chrono::{DateTime, SecondsFormat, Utc};
use futures::{Stream, StreamExt as _, TryStreamExt as _, stream};
use policy::ServiceId;
use serde::{Deserialize, Serialize};

use crate::call::Call;
use crate::client::Client;
use crate::error::Result;
use crate::ids::OwnerId;
use crate::open_enum::open_enum;
use crate::wire::nullable;

pub use follow::Followed;

/// Lines of one page; Render allows no more.
const PAGE: usize = 100;

/// Which end of the time is read first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// Newest first.
    #[default]
    Backward,
    /// Oldest first.
    Forward,
}

impl Direction {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Backward => "backward",
            Self::Forward => "forward",
        }
    }
}

/// Which lines are wanted. Filters take `*` and `/regular expressions/`; of several in one list, any may match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFilter {
    /// The workspace of the services.
    pub owner: OwnerId,
    /// The services, all in one region.
    pub services: Vec<ServiceId>,
    /// From when; always written, since Render's default is the last hour (T22).
    pub start: DateTime<Utc>,
    /// Until when; absent: now.
    pub end: Option<DateTime<Utc>>,
    /// Which end first.
    pub direction: Direction,
    /// `app`, `request`, `build`.
    pub kinds: Vec<String>,
    /// `error`, `warning`, `info`, ...
    pub levels: Vec<String>,
    /// What the message holds.
    pub texts: Vec<String>,
    /// Instances.
    pub instances: Vec<String>,
    /// Of requests: hosts.
    pub hosts: Vec<String>,
    /// Of requests: methods.
    pub methods: Vec<String>,
    /// Of requests: paths.
    pub paths: Vec<String>,
    /// Of requests: statuses.
    pub status_codes: Vec<String>,
}

impl LogFilter {
    /// Every line of one service since an instant, newest first.
    pub fn of(owner: OwnerId, service: ServiceId, start: DateTime<Utc>) -> Self {
        Self {
            owner,
            services: vec![service],
            start,
            end: None,
            direction: Direction::default(),
            kinds: Vec::new(),
            levels: Vec::new(),
            texts: Vec::new(),
            instances: Vec::new(),
            hosts: Vec::new(),
            methods: Vec::new(),
            paths: Vec::new(),
            status_codes: Vec::new(),
        }
    }

    /// What is wanted, without when.
    fn call(&self, path: &[&str]) -> Call {
        Call::get(path)
            .query("ownerId", self.owner.to_string())
            .repeated("resource", &self.services)
            .repeated("type", &self.kinds)
            .repeated("level", &self.levels)
            .repeated("text", &self.texts)
            .repeated("instance", &self.instances)
            .repeated("host", &self.hosts)
            .repeated("method", &self.methods)
            .repeated("path", &self.paths)
            .repeated("statusCode", &self.status_codes)
    }

    fn page(&self, window: &Window, limit: usize) -> Call {
        self.call(&["logs"])
            .query("startTime", window.start.as_str())
            .maybe("endTime", window.end.as_deref())
            .query("direction", self.direction.as_str())
            .query("limit", limit.to_string())
    }
}

open_enum! {
    /// What of its lines can be listed.
    LogField {
        /// Instances.
        Instance = "instance",
        /// Hosts of requests.
        Host = "host",
        /// Statuses of requests.
        StatusCode = "statusCode",
        /// Methods of requests.
        Method = "method",
        /// Levels.
        Level = "level",
        /// `app`, `request`, `build`.
        Kind = "type",
    }
}

/// One line. What it says is foreign text: encode it before it is shown (P53).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// Its id.
    #[serde(default, deserialize_with = "nullable")]
    pub id: String,
    /// When.
    pub timestamp: DateTime<Utc>,
    /// What it says.
    #[serde(default, deserialize_with = "nullable")]
    pub message: String,
    /// Where it comes from.
    #[serde(default, deserialize_with = "nullable")]
    pub labels: Vec<LogLabel>,
}

/// `instance`, `level`, `type`, ... of a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLabel {
    /// Which.
    pub name: String,
    /// Its value.
    #[serde(default, deserialize_with = "nullable")]
    pub value: String,
}

impl LogLine {
    /// A label by its name.
    pub fn label(&self, name: &str) -> Option<&str> {
        let mut labels = self.labels.iter();
        labels
            .find(|label| label.name == name)
            .map(|label| label.value.as_str())
    }
}

/// A part of the time that is asked for, as Render writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Window {
    start: String,
    end: Option<String>,
}

impl Window {
    fn of(filter: &LogFilter) -> Self {
        let time = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::AutoSi, true);
        Self {
            start: time(filter.start),
            end: filter.end.map(time),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    #[serde(default, deserialize_with = "nullable")]
    has_more: bool,
    next_start_time: Option<String>,
    next_end_time: Option<String>,
    #[serde(default, deserialize_with = "nullable")]
    logs: Vec<LogLine>,
}

impl Page {
    /// The window of the next page, if there is one that differs from the last.
    fn next(&self, last: &Window) -> Option<Window> {
        let next = Window {
            start: self.next_start_time.clone()?,
            end: Some(self.next_end_time.clone()?),
        };
        (self.has_more && next != *last).then_some(next)
    }
}

/// Logs.
///
/// ```no_run
/// # async fn example(client: render::Client) -> render::Result<()> {
/// use render::LogFilter;
///
/// let since = chrono::Utc::now() - chrono::TimeDelta::minutes(10);
/// let filter = LogFilter {
///     levels: vec!["error".to_owned()],
///     ..LogFilter::of("tea-cukouhrtq21c73e9scng".into(), "srv-cukouhrtq21c73e9scng".into(), since)
/// };
/// println!("{} errors", client.logs(&filter, 500).await?.len());
/// # Ok(()) }
/// ```
impl Client {
    /// Reads lines, window after window. Lines at the edge of two windows are counted once.
    pub async fn logs(&self, filter: &LogFilter, most: usize) -> Result<Vec<LogLine>> {
        let lines: Vec<LogLine> = self.logs_of(filter, most).take(most).try_collect().await?;
        Ok(lines)
    }

    /// All lines, window by window as they are taken.
    pub fn logs_stream(
        &self,
        filter: &LogFilter,
    ) -> impl Stream<Item = Result<LogLine>> + Send + use<> {
        self.logs_of(filter, usize::MAX)
    }

    /// The values that a field has in the lines that fit.
    pub async fn log_values(&self, filter: &LogFilter, field: &LogField) -> Result<Vec<String>> {
        let window = Window::of(filter);
        let call = filter
            .call(&["logs", "values"])
            .query("label", field.as_str())
            .query("startTime", window.start)
            .maybe("endTime", window.end);
        self.json(call).await
    }

    fn logs_of(
        &self,
        filter: &LogFilter,
        most: usize,
    ) -> impl Stream<Item = Result<LogLine>> + Send + use<> {
        let reading = Reading {
            client: self.clone(),
            filter: filter.clone(),
            limit: most.clamp(1, PAGE),
            window: Some(Window::of(filter)),
            seen: BTreeSet::new(),
        };
        let pages = stream::unfold(reading, |mut reading| async {
            let page = reading.next().await?;
            Some((page, reading))
        });
        pages.flat_map(|page| match page {
            Ok(lines) => stream::iter(lines).map(Ok).left_stream(),
            Err(error) => stream::iter([Err(error)]).right_stream(),
        })
    }
}

/// How far the lines have been read.
struct Reading {
    client: Client,
    filter: LogFilter,
    limit: usize,
    /// What comes next; absent: nothing.
    window: Option<Window>,
    /// The ids of the last window: the next one may begin with some of them.
    seen: BTreeSet<String>,
}

impl Reading {
    /// The lines of the next window that were in none before.
    async fn next(&mut self) -> Option<Result<Vec<LogLine>>> {
        let window = self.window.take()?;
        let page: Page = match self
            .client
            .json(self.filter.page(&window, self.limit))
            .await
        {
            Ok(page) => page,
            Err(error) => return Some(Err(error)),
        };
        self.window = page.next(&window);
        let ids = page.logs.iter().map(|line| line.id.clone());
        let ids: BTreeSet<String> = ids.filter(|id| !id.is_empty()).collect();
        let known = std::mem::replace(&mut self.seen, ids);
        let fresh = page.logs.into_iter();
        Some(Ok(fresh.filter(|line| !known.contains(&line.id)).collect()))
    }
}
