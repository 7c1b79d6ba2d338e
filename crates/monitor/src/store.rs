//! The monitor's own file: samples, figures by hour and day, alerts. It may be lost without harm to any rollout.

mod alerts;
mod downsample;
mod history;

use std::collections::BTreeMap;

use engine::Error;
use engine::limits::BUSY;
use engine::state_dir::{self, StateDir};
use policy::{CustomerId, Role, Timestamp};
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Row, Transaction, params};

pub use self::alerts::Acknowledged;
use super::judge::Change;
use super::probe::{Observed, Sample, ServiceKey};

/// `trmo`.
const APPLICATION_ID: i64 = 0x7472_6d6f;
const VERSION: usize = 1;
/// What to do about a damaged file.
const LOST: &str = "move it away: a new one is made, and nothing of any rollout is in it; what was measured is lost";
const SCHEMA: &str = include_str!("../migrations/0001-initial.sql");

/// Samples, figures and alerts of a project.
#[derive(Debug)]
pub struct MonitorStore {
    connection: Connection,
    /// The numbers of services that were written already.
    ids: BTreeMap<ServiceKey, i64>,
}

/// What is stored at once.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// What was seen.
    pub samples: Vec<Sample>,
    /// Which alerts begin or end, and when.
    pub changes: Vec<(ServiceKey, Timestamp, Change)>,
}

impl Batch {
    /// Whether there is nothing to store.
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty() && self.changes.is_empty()
    }
}

impl MonitorStore {
    /// Opens it for writing, made if need be.
    ///
    /// # Errors
    /// A damaged, foreign or newer file, or one that cannot be written.
    pub fn open(state: &StateDir) -> Result<Self, Error> {
        Self::open_checked(state).map_err(|error| error.beside(&state.monitor(), LOST))
    }

    fn open_checked(state: &StateDir) -> Result<Self, Error> {
        state.prepare()?;
        let path = state.monitor();
        state_dir::make_private(&path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&path, flags)?;
        connection.busy_timeout(BUSY)?;
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
        // After a power cut the last samples may be gone. That is a gap, not an error.
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        prepare(&connection, state)?;
        Ok(Self {
            connection,
            ids: BTreeMap::new(),
        })
    }

    /// Opens it for looking on; `None`: nothing was ever measured.
    ///
    /// # Errors
    /// A damaged, foreign or newer file.
    pub fn look(state: &StateDir) -> Result<Option<Self>, Error> {
        if state.monitor().exists() {
            Self::open(state).map(Some)
        } else {
            Ok(None)
        }
    }

    /// Stores what was seen and which alerts begin or end, all of it or nothing.
    ///
    /// # Errors
    /// The file cannot be written; then nothing is stored.
    pub fn record(&mut self, batch: &Batch) -> Result<(), Error> {
        let transaction = self.connection.transaction()?;
        // Numbers are taken over once they are durable.
        let mut ids = self.ids.clone();
        for sample in &batch.samples {
            let service = id_of(&transaction, &mut ids, &sample.key)?;
            write_sample(&transaction, service, sample)?;
        }
        for (key, at, change) in &batch.changes {
            let service = id_of(&transaction, &mut ids, key)?;
            alerts::write(&transaction, service, *at, change)?;
        }
        transaction.commit()?;
        self.ids = ids;
        Ok(())
    }
}

/// Refuses what is not ours or newer (P41); makes the tables of a new file.
fn prepare(connection: &Connection, state: &StateDir) -> Result<(), Error> {
    let path = state.monitor();
    let number = |pragma: &str| connection.query_row(pragma, [], |row| row.get::<_, i64>(0));
    let found = usize::try_from(number("PRAGMA user_version")?).unwrap_or(usize::MAX);
    let application = number("PRAGMA application_id")?;
    if found > VERSION {
        let known = VERSION;
        return Err(Error::Newer { path, found, known });
    }
    if found == VERSION && application == APPLICATION_ID {
        return Ok(());
    }
    if application != 0 || number("SELECT count(*) FROM sqlite_schema")? > 0 {
        return Err(Error::Foreign { path });
    }
    connection.execute_batch(&format!(
        "BEGIN IMMEDIATE; {SCHEMA} PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION}; COMMIT"
    ))?;
    Ok(())
}

fn id_of(
    transaction: &Transaction<'_>,
    ids: &mut BTreeMap<ServiceKey, i64>,
    key: &ServiceKey,
) -> Result<i64, Error> {
    if let Some(id) = ids.get(key) {
        return Ok(*id);
    }
    let (customer, service) = (key.customer.as_str(), key.service.as_str());
    transaction
        .prepare_cached("INSERT OR IGNORE INTO services (customer, service) VALUES (?1, ?2)")?
        .execute([customer, service])?;
    let mut find = transaction
        .prepare_cached("SELECT id FROM services WHERE customer = ?1 AND service = ?2")?;
    let id = find.query_row([customer, service], |row| row.get(0))?;
    ids.insert(key.clone(), id);
    Ok(id)
}

/// A service is not asked twice in a millisecond; should it be, the first answer stands.
fn write_sample(transaction: &Transaction<'_>, service: i64, sample: &Sample) -> Result<(), Error> {
    let (seen, latency_ms, reason) = match &sample.observed {
        Observed::Down { reason } => (0, None, Some(reason)),
        Observed::Up { latency_ms } => (1, Some(*latency_ms), None),
        Observed::NoData { reason } => (2, None, Some(reason)),
    };
    transaction
        .prepare_cached("INSERT OR IGNORE INTO samples (service, at, seen, latency_ms, reason) VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute(params![service, sample.at.timestamp_millis(), seen, latency_ms, reason])?;
    Ok(())
}

fn observed(seen: i64, latency_ms: Option<u32>, reason: Option<String>) -> Observed {
    let reason = reason.unwrap_or_default();
    match (seen, latency_ms) {
        (1, Some(latency_ms)) => Observed::Up { latency_ms },
        (0, _) => Observed::Down { reason },
        (_, _) => Observed::NoData { reason },
    }
}

/// The service whose customer stands in this column, and its role in the next.
fn key_at(row: &Row<'_>, column: usize) -> rusqlite::Result<ServiceKey> {
    Ok(ServiceKey {
        customer: CustomerId::new(row.get::<_, String>(column)?),
        service: Role::new(row.get::<_, String>(column + 1)?),
    })
}

fn find_id(connection: &Connection, key: &ServiceKey) -> Result<Option<i64>, Error> {
    let mut find = connection
        .prepare_cached("SELECT id FROM services WHERE customer = ?1 AND service = ?2")?;
    let parts = [key.customer.as_str(), key.service.as_str()];
    Ok(find.query_row(parts, |row| row.get(0)).optional()?)
}
