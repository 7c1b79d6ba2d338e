//! Figures over a time, put together from samples, hours and days; and the last that was seen of each service.

use std::collections::BTreeMap;

use chrono::DateTime;
use engine::Error;
use policy::{CustomerId, Timestamp};
use rusqlite::{OptionalExtension as _, Row, params};

use super::{MonitorStore, downsample, find_id, key_at, observed};
use crate::figures::{Figures, History, part_of};
use crate::probe::{Observed, Sample, ServiceKey};

/// So many of the last samples say how a service stands: more than a rate is asked of.
const RESUMED_FROM: u32 = 200;

impl MonitorStore {
    /// The figures of all services of one customer, or of all, over `[from, until)`, in so many parts of equal length.
    ///
    /// An hour or day that was downsampled belongs to the part in which it begins.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn history(
        &self,
        customer: Option<&CustomerId>,
        from: Timestamp,
        until: Timestamp,
        parts: usize,
    ) -> Result<Vec<History>, Error> {
        let mut histories = self.services(customer, parts)?;
        let mut add = |service: i64, at: i64, figures: &Figures| {
            let part = part_of(at, from, until, parts);
            if let (Some(history), Some(part)) = (histories.get_mut(&service), part) {
                history.total.merge(figures);
                history.parts[part].merge(figures);
            }
        };
        let within = params![from.timestamp_millis(), until.timestamp_millis()];
        let mut coarse = self.connection.prepare_cached(
            "SELECT service, start, up, down, no_data, latency FROM figures WHERE start >= ?1 AND start < ?2",
        )?;
        let mut rows = coarse.query(within)?;
        while let Some(row) = rows.next()? {
            add(row.get(0)?, row.get(1)?, &downsample::figures(row)?);
        }
        let mut samples = self.connection.prepare_cached(
            "SELECT service, at, seen, latency_ms FROM samples WHERE at >= ?1 AND at < ?2",
        )?;
        let mut rows = samples.query(within)?;
        while let Some(row) = rows.next()? {
            let mut one = Figures::default();
            one.add(&observed(row.get(2)?, row.get(3)?, None));
            add(row.get(0)?, row.get(1)?, &one);
        }
        let mut histories: Vec<History> = histories.into_values().collect();
        histories.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(histories)
    }

    /// The last sample of each service.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn latest(&self) -> Result<Vec<Sample>, Error> {
        let mut latest = Vec::new();
        for (id, history) in self.services(None, 0)? {
            let mut statement = self.connection.prepare_cached(
                "SELECT at, seen, latency_ms, reason FROM samples WHERE service = ?1 ORDER BY at DESC LIMIT 1",
            )?;
            let sample = |row: &Row<'_>| {
                Ok(Sample {
                    key: history.key.clone(),
                    at: DateTime::from_timestamp_millis(row.get(0)?).unwrap_or_default(),
                    observed: observed(row.get(1)?, row.get(2)?, row.get(3)?),
                })
            };
            latest.extend(statement.query_row([id], sample).optional()?);
        }
        latest.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(latest)
    }

    /// The last samples of a service, oldest first.
    pub(crate) fn last_samples(&self, key: &ServiceKey) -> Result<Vec<Observed>, Error> {
        let Some(service) = find_id(&self.connection, key)? else {
            return Ok(Vec::new());
        };
        let mut statement = self.connection.prepare_cached(
            "SELECT seen, latency_ms, reason FROM samples WHERE service = ?1 ORDER BY at DESC LIMIT ?2",
        )?;
        let rows = statement.query_map(params![service, RESUMED_FROM], |row| {
            Ok(observed(row.get(0)?, row.get(1)?, row.get(2)?))
        })?;
        let mut last = rows.collect::<Result<Vec<_>, _>>()?;
        last.reverse();
        Ok(last)
    }

    fn services(
        &self,
        customer: Option<&CustomerId>,
        parts: usize,
    ) -> Result<BTreeMap<i64, History>, Error> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, customer, service FROM services WHERE ?1 IS NULL OR customer = ?1",
        )?;
        let rows = statement.query_map([customer.map(CustomerId::as_str)], |row| {
            let history = History {
                key: key_at(row, 1)?,
                total: Figures::default(),
                parts: vec![Figures::default(); parts],
            };
            Ok((row.get(0)?, history))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
