//! Logs of services, by time and by filters (A5).

use chrono::{DateTime, SecondsFormat, Utc};
use policy::ServiceId;
use serde::{Deserialize, Serialize};

use crate::call::Call;
use crate::client::Client;
use crate::error::Result;
use crate::ids::OwnerId;
use crate::wire::nullable;

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

/// Which lines are wanted. Filters take `*` and `/regular expressions/`; of several in one list, any may match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFilter {
    /// The workspace of the services.
    pub owner: OwnerId,
    /// The services, all in one region.
    pub services: Vec<ServiceId>,
    /// From when.
    pub start: DateTime<Utc>,
    /// Until when.
    pub end: DateTime<Utc>,
    /// Which end first.
    pub direction: Direction,
    /// `app`, `request`, `build`.
    pub kinds: Vec<String>,
    /// `error`, `warning`, `info`, ...
    pub levels: Vec<String>,
    /// What the message holds.
    pub texts: Vec<String>,
}

impl LogFilter {
    fn call(&self, window: &Window, limit: usize) -> Call {
        let direction = match self.direction {
            Direction::Backward => "backward",
            Direction::Forward => "forward",
        };
        let call = Call::get(&["logs"])
            .query("ownerId", self.owner.to_string())
            .query("startTime", window.start.as_str())
            .query("endTime", window.end.as_str())
            .query("direction", direction)
            .query("limit", limit.to_string());
        let services = self
            .services
            .iter()
            .map(|service| ("resource", service.as_str()));
        let filters = [
            ("type", &self.kinds),
            ("level", &self.levels),
            ("text", &self.texts),
        ];
        let filters = filters
            .iter()
            .flat_map(|(name, values)| values.iter().map(|value| (*name, value.as_str())));
        services
            .chain(filters)
            .fold(call, |call, (name, value)| call.query(name, value))
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

/// A part of the time that is asked for, as Render writes it.
#[derive(Clone, PartialEq, Eq)]
struct Window {
    start: String,
    end: String,
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
            end: self.next_end_time.clone()?,
        };
        (self.has_more && next != *last).then_some(next)
    }
}

/// Logs.
///
/// ```no_run
/// # async fn example(client: render::Client) -> render::Result<()> {
/// use render::{Direction, LogFilter};
///
/// let end = chrono::Utc::now();
/// let filter = LogFilter {
///     owner: "tea-cukouhrtq21c73e9scng".into(),
///     services: vec!["srv-cukouhrtq21c73e9scng".into()],
///     start: end - chrono::TimeDelta::minutes(10),
///     end,
///     direction: Direction::Backward,
///     kinds: vec!["app".to_owned()],
///     levels: vec!["error".to_owned()],
///     texts: Vec::new(),
/// };
/// println!("{} errors", client.logs(&filter, 500).await?.len());
/// # Ok(()) }
/// ```
impl Client {
    /// Reads lines, window after window.
    pub async fn logs(&self, filter: &LogFilter, most: usize) -> Result<Vec<LogLine>> {
        let time = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::AutoSi, true);
        let mut window = Window {
            start: time(filter.start),
            end: time(filter.end),
        };
        let mut lines: Vec<LogLine> = Vec::new();
        while lines.len() < most {
            let page: Page = self
                .json(filter.call(&window, PAGE.min(most - lines.len())))
                .await?;
            let next = page.next(&window);
            lines.extend(page.logs);
            match next {
                Some(next) => window = next,
                None => break,
            }
        }
        lines.truncate(most);
        Ok(lines)
    }
}
