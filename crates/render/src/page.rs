//! Lists: pages of at most 100 entries, joined by opaque cursors, read as far as they are wanted.

use std::collections::BTreeSet;
use std::fmt;

use futures::Stream;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::call::Call;
use crate::client::{Client, Reply};
use crate::error::{Error, Result, Unreadable};

/// Entries of one page; Render allows no more.
const PAGE: usize = 100;

/// No list of this client is longer; more is an error where all of it is needed.
pub(crate) const MAX_ENTRIES: usize = 10_000;

/// What lists hold. The name tells entries apart: a list that grows between two pages repeats some.
pub(crate) trait Listed: DeserializeOwned {
    /// What it is called within its list.
    fn name(&self) -> String;
}

/// Says which field names an entry.
macro_rules! listed {
    ($($thing:ty: $field:ident),+ $(,)?) => {
        $(impl crate::page::Listed for $thing {
            fn name(&self) -> String {
                self.$field.to_string()
            }
        })+
    };
}

pub(crate) use listed;

/// One entry of any list. The field is named after the thing.
#[derive(Deserialize)]
pub(crate) struct Entry<T> {
    #[serde(
        alias = "auditLog",
        alias = "customDomain",
        alias = "deploy",
        alias = "envGroup",
        alias = "envVar",
        alias = "event",
        alias = "job",
        alias = "maintenanceRun",
        alias = "owner",
        alias = "postgres",
        alias = "secretFile",
        alias = "service",
        alias = "webhook",
        alias = "webhookEvent"
    )]
    pub(crate) thing: T,
    #[serde(default)]
    pub(crate) cursor: Option<String>,
}

/// What was read of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing<T> {
    /// The entries, in Render's order unless said otherwise.
    pub entries: Vec<T>,
    /// Whether the reading went as far as it had to: to the end of the list, or to what was looked for.
    pub is_complete: bool,
}

/// How a page of a list is written.
pub(crate) type Parse<T> = fn(&Reply) -> Result<Vec<Entry<T>>>;

/// A list, and how far it has been read.
struct Pager<T> {
    list: Call,
    parse: Parse<T>,
    size: usize,
    cursor: Option<String>,
    is_over: bool,
    seen: BTreeSet<String>,
}

impl<T: Listed> Pager<T> {
    fn new(list: Call, size: usize, parse: Parse<T>) -> Self {
        Self {
            list,
            parse,
            size: size.clamp(1, PAGE),
            cursor: None,
            is_over: false,
            seen: BTreeSet::new(),
        }
    }

    /// The entries of the next page that were on none before; `None` after the last page.
    async fn next(&mut self, client: &Client) -> Result<Option<Vec<T>>> {
        if self.is_over {
            return Ok(None);
        }
        let call = self.list.clone();
        let call = call.query("limit", self.size.to_string());
        let reply = client
            .send(call.maybe("cursor", self.cursor.clone()))
            .await?;
        let page = (self.parse)(&reply)?;
        let next = page.last().and_then(|entry| entry.cursor.clone());
        self.is_over = page.len() < self.size || next.is_none();
        if !self.is_over && next == self.cursor {
            return Err(reply.unreadable(Unreadable::Circle));
        }
        self.cursor = next;
        let things = page.into_iter().map(|entry| entry.thing);
        let fresh = things.filter(|thing| self.seen.insert(thing.name()));
        Ok(Some(fresh.collect()))
    }
}

impl<T> fmt::Debug for Pager<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pager").finish_non_exhaustive()
    }
}

impl Client {
    /// Reads all pages.
    pub(crate) async fn all<T: Listed>(&self, list: Call) -> Result<Vec<T>> {
        let name = list.name();
        let listing = self.pages(list, MAX_ENTRIES, |_: &[T]| false).await?;
        if listing.is_complete {
            Ok(listing.entries)
        } else {
            Err(Error::TooMany {
                call: name,
                limit: MAX_ENTRIES,
            })
        }
    }

    /// Reads the first entries.
    pub(crate) async fn first<T: Listed>(&self, list: Call, most: usize) -> Result<Vec<T>> {
        let mut entries = self.pages(list, most, |_: &[T]| false).await?.entries;
        entries.truncate(most);
        Ok(entries)
    }

    /// Reads page after page until `stop` likes one, the list ends, or there are at least `most` entries.
    pub(crate) async fn pages<T: Listed>(
        &self,
        list: Call,
        most: usize,
        stop: impl Fn(&[T]) -> bool,
    ) -> Result<Listing<T>> {
        let mut pager = Pager::new(list, most, Reply::json);
        let mut entries = Vec::new();
        let mut is_complete = most > 0;
        while entries.len() < most
            && let Some(page) = pager.next(self).await?
        {
            is_complete = pager.is_over || stop(&page);
            entries.extend(page);
            if is_complete {
                break;
            }
        }
        Ok(Listing {
            entries,
            is_complete,
        })
    }

    /// The entries one by one; a page is read when the one before is used up. Ends after an error.
    pub(crate) fn stream<T: Listed + Send + 'static>(
        &self,
        list: Call,
    ) -> impl Stream<Item = Result<T>> + Send + use<T> {
        self.stream_of(list, Reply::json)
    }

    /// The same, for lists whose pages are written in a way of their own.
    pub(crate) fn stream_of<T: Listed + Send + 'static>(
        &self,
        list: Call,
        parse: Parse<T>,
    ) -> impl Stream<Item = Result<T>> + Send + use<T> {
        let begin = (self.clone(), Some(Pager::new(list, PAGE, parse)));
        let pages = futures::stream::unfold(begin, |(client, pager)| async move {
            let mut pager = pager?;
            match pager.next(&client).await {
                Ok(None) => None,
                Ok(Some(page)) => {
                    let entries: Vec<Result<T>> = page.into_iter().map(Ok).collect();
                    Some((entries, (client, Some(pager))))
                }
                Err(error) => Some((vec![Err(error)], (client, None))),
            }
        });
        futures::StreamExt::flat_map(pages, futures::stream::iter)
    }
}
