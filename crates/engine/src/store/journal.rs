//! Reading the journal and the rows, over any connection.

use std::fmt;
use std::str::FromStr;

use policy::Timestamp;
use rollout::event::GENESIS;
use rollout::{Event, Product, RowKey, canonical};
use rusqlite::{Connection, OptionalExtension as _};
use serde_json::Value;

use crate::error::Error;

/// The end of a journal. Printed as `SEQ:HASH` and kept elsewhere it is an anchor: it reveals a rewritten journal (P37).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The last sequence number; 0 if nothing has happened.
    pub seq: u64,
    /// Its hash.
    pub hash: String,
}

/// A text that is not `SEQ:HASH`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an anchor is written SEQ:HASH, as `tranche events --head` prints it")]
pub struct BadHead;

impl Head {
    /// Of a journal in which nothing has happened.
    pub(super) fn genesis() -> Self {
        Self {
            seq: 0,
            hash: GENESIS.to_owned(),
        }
    }

    pub(super) fn of(event: &Event) -> Self {
        Self {
            seq: event.seq,
            hash: event.hash.clone(),
        }
    }
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.seq, self.hash)
    }
}

impl FromStr for Head {
    type Err = BadHead;

    fn from_str(text: &str) -> Result<Self, BadHead> {
        let (seq, hash) = text.trim().split_once(':').ok_or(BadHead)?;
        let is_hash =
            hash.len() == GENESIS.len() && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_hash {
            return Err(BadHead);
        }
        Ok(Self {
            seq: seq.parse().map_err(|_| BadHead)?,
            hash: hash.to_ascii_lowercase(),
        })
    }
}

/// The exported form of an event: one line of JSON.
pub(super) fn line(event: &Event) -> String {
    serde_json::to_string(event).expect("events serialise")
}

/// The event in a stored line.
pub(super) fn parse(seq: u64, json: &str) -> Result<Event, Error> {
    serde_json::from_str(json).map_err(|error| Error::Damaged {
        what: format!("event {seq} cannot be read: {error}"),
    })
}

/// The stored line of one event.
pub(super) fn line_at(connection: &Connection, seq: u64) -> Result<Option<String>, Error> {
    let mut statement = connection.prepare_cached("SELECT json FROM events WHERE seq = ?1")?;
    Ok(statement.query_row([seq], |row| row.get(0)).optional()?)
}

/// The end of the journal.
pub(super) fn head(connection: &Connection) -> Result<Head, Error> {
    let last = last_event(connection)?;
    Ok(last.as_ref().map_or_else(Head::genesis, Head::of))
}

/// The instant of the last event.
pub(super) fn last_at(connection: &Connection) -> Result<Option<Timestamp>, Error> {
    Ok(last_event(connection)?.map(|event| event.at))
}

/// The state as its rows have it, checked against the end of the journal (P36).
pub(super) fn load(connection: &Connection, rows: Vec<(RowKey, String)>) -> Result<Product, Error> {
    let mut product = Product::load(rows)?;
    let last = last_line(connection)?;
    let head = last.as_ref().map(|(seq, json)| parse(*seq, json));
    let head = head.transpose()?;
    let head = head.as_ref().map_or_else(Head::genesis, Head::of);
    if last.is_some_and(|(_, json)| raw_digest(&json).as_ref() != Some(&head.hash)) {
        let what = format!("event {} was altered", head.seq);
        return Err(Error::Damaged { what });
    }
    let (seq, hash) = product.head();
    if (seq, hash) != (head.seq, head.hash.as_str()) {
        let what = format!(
            "the state belongs to event {seq}, but the journal ends with event {}",
            head.seq
        );
        return Err(Error::Damaged { what });
    }
    if product.has_old_overrides() {
        product.recall(&fold(connection)?);
    }
    Ok(product)
}

/// The state as the journal has it. A start has no need of it, but where rows of an older release say too little.
fn fold(connection: &Connection) -> Result<Product, Error> {
    let mut product = Product::new();
    let mut statement = connection.prepare_cached("SELECT seq, json FROM events ORDER BY seq")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let json: String = row.get(1)?;
        product.apply(&parse(row.get(0)?, &json)?);
    }
    Ok(product)
}

/// The digest of an event's text as stored, fields that this release does not know included.
pub(super) fn raw_digest(json: &str) -> Option<String> {
    let mut value: Value = serde_json::from_str(json).ok()?;
    value.as_object_mut()?.remove("hash")?;
    Some(canonical::digest(&value))
}

/// All rows.
pub(super) fn rows(connection: &Connection) -> Result<Vec<(RowKey, String)>, Error> {
    let mut statement = connection.prepare_cached("SELECT key, json FROM rows ORDER BY key")?;
    let rows = statement.query_map([], |row| Ok((RowKey(row.get(0)?), row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn last_event(connection: &Connection) -> Result<Option<Event>, Error> {
    let last = last_line(connection)?;
    last.map(|(seq, json)| parse(seq, &json)).transpose()
}

fn last_line(connection: &Connection) -> Result<Option<(u64, String)>, Error> {
    let mut statement =
        connection.prepare_cached("SELECT seq, json FROM events ORDER BY seq DESC LIMIT 1")?;
    Ok(statement
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?)
}
