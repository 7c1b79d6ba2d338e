//! Is the journal whole, and does it fold to what is stored (P36, P37)? Over any connection.

use std::collections::BTreeMap;

use rollout::event::GENESIS;
use rollout::{Event, Product, RowKey};
use rusqlite::{Connection, Row};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::copy_guard::Marked;
use super::digest;
use super::journal::{self, Head};
use crate::error::{Error, plain};
use crate::limits::PROBLEMS_NAMED;

/// What [`verify`](super::verify) found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verification {
    /// How many events were read.
    pub events: u64,
    /// How many rows were compared.
    pub rows: u64,
    /// The end of the journal as `SEQ:HASH`.
    pub head: String,
    /// What does not hold; empty: all is well.
    pub problems: Vec<Problem>,
}

/// One thing that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error, Deserialize)]
#[serde(rename_all = "snake_case", tag = "problem")]
pub enum Problem {
    /// Pages, indices or the write-ahead log.
    #[error("the database itself: {text}")]
    Database {
        /// As `SQLite` says it.
        text: String,
    },
    /// Sequence numbers with a gap, or out of order.
    #[error("event {expected} is missing: event {found} follows event {}", expected.saturating_sub(1))]
    Missing {
        /// The number that was due.
        expected: u64,
        /// The number that was found.
        found: u64,
    },
    /// The stored text is not what was written.
    #[error("event {seq} was altered: {what}")]
    Altered {
        /// Which event.
        seq: u64,
        /// What does not fit.
        what: String,
    },
    /// A whole event whose contents make no sense: nothing was altered since it was written.
    #[error("event {seq} cannot be folded: {what}")]
    Unreadable {
        /// Which event.
        seq: u64,
        /// What is wrong with it.
        what: String,
    },
    /// A stored row is not what the journal folds to.
    #[error("row `{key}` {what}")]
    Row {
        /// Which row.
        key: String,
        /// What does not fit.
        what: String,
    },
    /// The sum of what is stored is not the one that was stored with it.
    #[error("{text}")]
    Digest {
        /// Of what.
        text: String,
    },
    /// The anchor names an event that is not in this journal.
    #[error("the anchor {anchor} is not in this journal")]
    Anchor {
        /// As given.
        anchor: String,
    },
}

/// The rows of an older database as this release writes them, if they follow from its journal. They may say less than those
/// of this release: what theirs did not write is not compared, and is taken from the journal.
///
/// # Errors
/// [`Error::Damaged`] names what does not follow.
pub(super) fn rows_as_now(connection: &Connection) -> Result<Vec<(RowKey, String)>, Error> {
    let mut check = Check::new(None);
    check.journal(connection);
    let mut rows = Vec::new();
    if check.is_clean() {
        rows = journal::rows(connection)?;
        let stored = Product::load(rows.clone())?;
        for (key, json) in &mut rows {
            if let Some(as_now) = stored.row(key) {
                *json = as_now;
            }
            if let Some(folded) = check.product.row(key)
                && says_no_more(json, &folded)
            {
                *json = folded;
            }
        }
        check.compare(rows.clone());
    }
    match check.problems.first() {
        None => Ok(rows),
        Some(problem) => Err(Error::Damaged {
            what: problem.to_string(),
        }),
    }
}

/// Whether every field that a stored row has says the same in the folded one.
fn says_no_more(stored: &str, folded: &str) -> bool {
    let read = serde_json::from_str::<Value>;
    matches!((read(stored), read(folded)), (Ok(stored), Ok(folded)) if is_within(&stored, &folded))
}

fn is_within(stored: &Value, folded: &Value) -> bool {
    match (stored, folded) {
        (Value::Object(stored), Value::Object(folded)) => stored.iter().all(|(name, value)| {
            folded
                .get(name)
                .is_some_and(|other| is_within(value, other))
        }),
        (stored, folded) => stored == folded,
    }
}

/// A pass over the whole journal.
pub(super) struct Check<'a> {
    anchor: Option<&'a Head>,
    anchored: bool,
    events: u64,
    rows: u64,
    /// The newest hash that could be read.
    hash: String,
    /// What the next event may name as the hash before it; `None`: that hash cannot be known.
    before: Option<Vec<String>>,
    product: Product,
    problems: Vec<Problem>,
}

impl<'a> Check<'a> {
    pub(super) fn new(anchor: Option<&'a Head>) -> Self {
        Self {
            anchor,
            anchored: anchor.is_none_or(|anchor| anchor.seq == 0 && anchor.hash == GENESIS),
            events: 0,
            rows: 0,
            hash: GENESIS.to_owned(),
            before: Some(vec![GENESIS.to_owned()]),
            product: Product::new(),
            problems: Vec::new(),
        }
    }

    pub(super) fn pages(&mut self, connection: &Connection) {
        let found = connection
            .prepare("PRAGMA integrity_check(20)")
            .and_then(|mut statement| {
                let lines = statement.query_map([], |row| row.get::<_, String>(0))?;
                lines.collect::<Result<Vec<_>, _>>()
            });
        match found {
            Ok(lines) => lines
                .into_iter()
                .filter(|line| line != "ok")
                .map(|text| plain(&text))
                .for_each(|text| self.note(Problem::Database { text })),
            Err(error) => self.note(Problem::Database {
                text: error.to_string(),
            }),
        }
    }

    pub(super) fn journal(&mut self, connection: &Connection) {
        let read = connection
            .prepare("SELECT seq, at, rollout, kind, json FROM events ORDER BY seq")
            .and_then(|mut statement| {
                let mut rows = statement.query([])?;
                while let Some(row) = rows.next()? {
                    self.event(&Stored::read(row)?);
                }
                Ok(())
            });
        if let Err(error) = read {
            self.note(Problem::Database {
                text: format!("behind event {}: {error}", self.events),
            });
        }
    }

    fn event(&mut self, stored: &Stored) {
        let expected = self.events + 1;
        if stored.seq != expected {
            self.note(Problem::Missing {
                expected,
                found: stored.seq,
            });
            self.before = None;
        }
        self.events = stored.seq;
        match stored.check(self.before.as_deref()) {
            Ok(event) => {
                self.anchored |= self
                    .anchor
                    .is_some_and(|anchor| anchor.seq == event.seq && anchor.hash == event.hash);
                if self.problems.is_empty() {
                    self.fold(&event);
                }
                self.hash.clone_from(&event.hash);
                self.before = Some(vec![event.hash]);
            }
            Err(altered) => {
                self.before = altered.hashes;
                self.note(Problem::Altered {
                    seq: stored.seq,
                    what: altered.what.to_owned(),
                });
            }
        }
    }

    pub(super) fn mark(&mut self, connection: &Connection, marked: &Marked) {
        match marked.lost_end(connection) {
            Ok(None) => {}
            Ok(Some(text)) => self.note(Problem::Database { text }),
            Err(error) => self.note(Problem::Database {
                text: error.to_string(),
            }),
        }
    }

    fn fold(&mut self, event: &Event) {
        self.product.apply(event);
        if let Some(damage) = self.product.damage().cloned() {
            self.note(Problem::Unreadable {
                seq: damage.seq,
                what: damage.what,
            });
        }
    }

    pub(super) fn rows(&mut self, connection: &Connection) {
        let rows = match journal::rows(connection) {
            Ok(rows) => rows,
            Err(error) => {
                return self.note(Problem::Database {
                    text: error.to_string(),
                });
            }
        };
        let summed = digest::check_rows(connection, &rows);
        let summed = summed.and_then(|()| digest::check_beside_rows(connection));
        self.compare(rows);
        // A row that was named already is no news.
        if let (true, Err(error)) = (self.problems.is_empty(), summed) {
            self.note(Problem::Digest {
                text: error.to_string(),
            });
        }
    }

    fn compare(&mut self, stored: Vec<(RowKey, String)>) {
        let mut stored: BTreeMap<RowKey, String> = stored.into_iter().collect();
        let keys = match self.events {
            // A database that only tokens have been kept in has no state yet.
            0 => Vec::new(),
            _ => self.product.row_keys(),
        };
        for key in keys {
            self.rows += 1;
            match (self.product.row(&key), stored.remove(&key)) {
                (folded, stored) if folded == stored => {}
                (_, None) => self.note(Problem::Row {
                    key: key.0,
                    what: "is missing".to_owned(),
                }),
                (_, Some(_)) => self.note(Problem::Row {
                    key: key.0,
                    what: "is not what the journal folds to".to_owned(),
                }),
            }
        }
        for key in stored.into_keys() {
            self.note(Problem::Row {
                key: key.0,
                what: "has no place in the journal".to_owned(),
            });
        }
    }

    fn note(&mut self, problem: Problem) {
        if self.problems.len() < PROBLEMS_NAMED {
            self.problems.push(problem);
        }
    }

    /// Whether no problem was found so far.
    pub(super) fn is_clean(&self) -> bool {
        self.problems.is_empty()
    }

    pub(super) fn finish(mut self) -> Verification {
        if let Some(anchor) = self.anchor.filter(|_| !self.anchored) {
            self.note(Problem::Anchor {
                anchor: anchor.to_string(),
            });
        }
        let head = Head {
            seq: self.events,
            hash: self.hash,
        }
        .to_string();
        Verification {
            events: self.events,
            rows: self.rows,
            head,
            problems: self.problems,
        }
    }
}

/// An event as it lies in its table.
struct Stored {
    seq: u64,
    at: String,
    rollout: Option<String>,
    kind: String,
    json: String,
}

/// What was altered, and which hashes the next event may rightly name: it must not be blamed for this one.
struct Altered {
    what: &'static str,
    /// `None`: no hash can be read.
    hashes: Option<Vec<String>>,
}

impl Stored {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let text = |column: usize| -> rusqlite::Result<Option<String>> {
            // A flipped bit may have left no UTF-8; the event is to be named all the same.
            let bytes = row.get_ref(column)?.as_bytes_or_null()?;
            Ok(bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned()))
        };
        Ok(Self {
            seq: row.get(0)?,
            at: text(1)?.unwrap_or_default(),
            rollout: text(2)?,
            kind: text(3)?.unwrap_or_default(),
            json: text(4)?.unwrap_or_default(),
        })
    }

    fn check(&self, before: Option<&[String]>) -> Result<Event, Altered> {
        let Ok(event) = serde_json::from_str::<Event>(&self.json) else {
            return Err(Altered {
                what: "it is no event",
                hashes: None,
            });
        };
        let digest = journal::raw_digest(&self.json);
        let what = if before.is_some_and(|hashes| !hashes.contains(&event.prev)) {
            "it does not follow the event before it"
        } else if digest.as_ref() != Some(&event.hash) {
            "its hash is another"
        } else if journal::line(&event) != self.json {
            "its text is written in another way"
        } else if !self.columns_agree(&event) {
            "its columns differ from its text"
        } else {
            return Ok(event);
        };
        // Either the text was altered or the hash in it: the other one is as it was.
        let hashes = digest.into_iter().chain([event.hash]).collect();
        Err(Altered {
            what,
            hashes: Some(hashes),
        })
    }

    fn columns_agree(&self, event: &Event) -> bool {
        self.seq == event.seq
            && self.at == rollout::show_instant(event.at)
            && self.rollout == event.line.rollout.map(|run| run.to_string())
            && self.kind == event.line.kind.as_str()
    }
}
