//! Old samples become hours, old hours become days, old days go: the file stays bounded, whatever the interval.

use std::collections::BTreeMap;

use engine::Error;
use policy::Timestamp;
use policy::monitoring::Keep;
use rusqlite::{Row, Transaction, params};

use super::{MonitorStore, observed};
use crate::figures::Figures;

pub(super) const HOUR: i64 = 3_600_000;
pub(super) const DAY: i64 = 24 * HOUR;

/// Figures by service and start.
type Starts = BTreeMap<(i64, i64), Figures>;

impl MonitorStore {
    /// Downsamples what is older than it is to be kept. Whole hours and days only, so that nothing is counted twice.
    ///
    /// # Errors
    /// The file cannot be written; then nothing is changed.
    pub fn downsample(&mut self, keep: &Keep, now: Timestamp) -> Result<(), Error> {
        let now = now.timestamp_millis();
        let oldest_sample = floor(now - keep.samples.as_millis(), HOUR);
        let oldest_hour = floor(now - keep.hours.as_millis(), DAY);
        let oldest_day = floor(now - keep.days.as_millis(), DAY);
        let transaction = self.connection.transaction()?;
        let hours = samples_before(&transaction, oldest_sample)?;
        write(&transaction, HOUR, hours)?;
        transaction.execute("DELETE FROM samples WHERE at < ?1", [oldest_sample])?;
        let days = hours_before(&transaction, oldest_hour)?;
        write(&transaction, DAY, days)?;
        transaction.execute(
            "DELETE FROM figures WHERE width = ?1 AND start < ?2",
            [HOUR, oldest_hour],
        )?;
        transaction.execute(
            "DELETE FROM figures WHERE width = ?1 AND start < ?2",
            [DAY, oldest_day],
        )?;
        transaction.execute(
            "DELETE FROM alerts WHERE recovered_at < ?1 AND told = 2",
            [oldest_day],
        )?;
        Ok(transaction.commit()?)
    }
}

fn floor(at: i64, width: i64) -> i64 {
    at.div_euclid(width) * width
}

fn samples_before(transaction: &Transaction<'_>, before: i64) -> Result<Starts, Error> {
    let mut starts = Starts::new();
    let mut statement = transaction
        .prepare_cached("SELECT service, at, seen, latency_ms FROM samples WHERE at < ?1")?;
    let mut rows = statement.query([before])?;
    while let Some(row) = rows.next()? {
        let start = floor(row.get(1)?, HOUR);
        let figures = starts.entry((row.get(0)?, start)).or_default();
        figures.add(&observed(row.get(2)?, row.get(3)?, None));
    }
    Ok(starts)
}

fn hours_before(transaction: &Transaction<'_>, before: i64) -> Result<Starts, Error> {
    let mut starts = Starts::new();
    let mut statement = transaction.prepare_cached(
        "SELECT service, start, up, down, no_data, latency FROM figures WHERE width = ?1 AND start < ?2",
    )?;
    let mut rows = statement.query([HOUR, before])?;
    while let Some(row) = rows.next()? {
        let start = floor(row.get(1)?, DAY);
        let day = starts.entry((row.get(0)?, start)).or_default();
        day.merge(&figures(row)?);
    }
    Ok(starts)
}

/// The figures of a row of `service, start, up, down, no_data, latency`.
pub(super) fn figures(row: &Row<'_>) -> Result<Figures, Error> {
    let latency: String = row.get(5)?;
    let latency = serde_json::from_str(&latency).map_err(|error| Error::Damaged {
        what: format!("latencies cannot be read: {error}"),
    })?;
    Ok(Figures {
        up: row.get(2)?,
        down: row.get(3)?,
        no_data: row.get(4)?,
        latency,
    })
}

/// A clock that was set back may bring samples of an hour that is downsampled already: they are added to it.
fn write(transaction: &Transaction<'_>, width: i64, starts: Starts) -> Result<(), Error> {
    let mut find = transaction.prepare_cached("SELECT service, start, up, down, no_data, latency FROM figures WHERE service = ?1 AND width = ?2 AND start = ?3")?;
    let mut put = transaction.prepare_cached("INSERT OR REPLACE INTO figures (service, width, start, up, down, no_data, latency) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?;
    for ((service, start), mut total) in starts {
        let mut rows = find.query([service, width, start])?;
        if let Some(row) = rows.next()? {
            total.merge(&figures(row)?);
        }
        let latency = serde_json::to_string(&total.latency).expect("counts serialise");
        put.execute(params![
            service,
            width,
            start,
            total.up,
            total.down,
            total.no_data,
            latency
        ])?;
    }
    Ok(())
}
