//! Lists: pages of at most 100 entries, joined by opaque cursors.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::call::Call;
use crate::client::Client;
use crate::error::{Error, Result, Unreadable};

/// Entries of one page; Render allows no more.
const PAGE: usize = 100;

/// No list of this client is longer; more is an error where all of it is needed.
pub(crate) const MAX_ENTRIES: usize = 10_000;

/// One entry of any list. The field is named after the thing.
#[derive(Deserialize)]
struct Entry<T> {
    #[serde(
        alias = "customDomain",
        alias = "deploy",
        alias = "envVar",
        alias = "event",
        alias = "job",
        alias = "owner",
        alias = "postgres",
        alias = "service"
    )]
    thing: T,
    #[serde(default)]
    cursor: Option<String>,
}

/// What was read of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing<T> {
    /// The entries, in Render's order unless said otherwise.
    pub entries: Vec<T>,
    /// Whether the reading went as far as it had to: to the end of the list, or to what was looked for.
    pub is_complete: bool,
}

impl Client {
    /// Reads all pages.
    pub(crate) async fn all<T: DeserializeOwned>(&self, list: impl Fn() -> Call) -> Result<Vec<T>> {
        let listing = self.pages(&list, MAX_ENTRIES, |_: &[T]| false).await?;
        if listing.is_complete {
            Ok(listing.entries)
        } else {
            Err(Error::TooMany {
                call: list().name(),
                limit: MAX_ENTRIES,
            })
        }
    }

    /// Reads the first entries.
    pub(crate) async fn first<T: DeserializeOwned>(
        &self,
        list: impl Fn() -> Call,
        most: usize,
    ) -> Result<Vec<T>> {
        let mut entries = self.pages(&list, most, |_: &[T]| false).await?.entries;
        entries.truncate(most);
        Ok(entries)
    }

    /// Reads page after page until `stop` likes one, the list ends, or there are at least `most` entries.
    pub(crate) async fn pages<T: DeserializeOwned>(
        &self,
        list: &impl Fn() -> Call,
        most: usize,
        stop: impl Fn(&[T]) -> bool,
    ) -> Result<Listing<T>> {
        let size = most.clamp(1, PAGE);
        let mut entries = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let call = list()
                .query("limit", size.to_string())
                .maybe("cursor", cursor.clone());
            let reply = self.send(call).await?;
            let page: Vec<Entry<T>> = reply.json()?;
            let is_last = page.len() < size;
            let next = page.last().and_then(|entry| entry.cursor.clone());
            let begin = entries.len();
            entries.extend(page.into_iter().map(|entry| entry.thing));
            if is_last || next.is_none() || stop(&entries[begin..]) {
                return Ok(Listing {
                    entries,
                    is_complete: true,
                });
            }
            if entries.len() >= most {
                return Ok(Listing {
                    entries,
                    is_complete: false,
                });
            }
            if next == cursor {
                return Err(reply.unreadable(Unreadable::Circle));
            }
            cursor = next;
        }
    }
}
