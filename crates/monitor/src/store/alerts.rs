//! Alerts: raised once, acknowledged by people, ended once, and told of in between.

use std::collections::BTreeSet;

use chrono::DateTime;
use engine::Error;
use policy::monitoring::Severity;
use policy::{PersonId, Timestamp};
use rusqlite::{OptionalExtension as _, Row, Transaction, params};

use super::{MonitorStore, find_id, key_at};
use crate::alert::{Alert, AlertEvent, AlertId, Condition};
use crate::judge::Change;
use crate::probe::ServiceKey;

/// How an acknowledgement ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acknowledged {
    /// It stands now.
    Done(Box<Alert>),
    /// Somebody has acknowledged it before.
    Before(Box<Alert>),
    /// What it was about is over.
    Over(Box<Alert>),
    /// There is no such alert.
    Unknown,
}

const SELECT: &str = "SELECT alerts.id, customer, role, condition, severity, reason, raised_at, recovered_at, acked_by, acked_at, acked_why, told FROM alerts JOIN (SELECT id AS number, customer, service AS role FROM services) ON number = alerts.service";

pub(super) fn write(
    transaction: &Transaction<'_>,
    service: i64,
    at: Timestamp,
    change: &Change,
) -> Result<(), Error> {
    let at = at.timestamp_millis();
    match change {
        Change::Raised {
            condition,
            severity,
            reason,
        } => transaction
            .prepare_cached("INSERT OR IGNORE INTO alerts (service, condition, severity, reason, raised_at) VALUES (?1, ?2, ?3, ?4, ?5)")?
            .execute(params![service, condition.as_str(), severity.as_str(), reason, at])?,
        Change::Recovered { condition } => transaction
            .prepare_cached("UPDATE alerts SET recovered_at = ?3 WHERE service = ?1 AND condition = ?2 AND recovered_at IS NULL")?
            .execute(params![service, condition.as_str(), at])?,
    };
    Ok(())
}

impl MonitorStore {
    /// Open alerts, or all that are kept, in the order in which they were raised.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn alerts(&self, also_over: bool) -> Result<Vec<Alert>, Error> {
        let sql = format!("{SELECT} WHERE ?1 OR recovered_at IS NULL ORDER BY alerts.id");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let alerts = statement.query_map([also_over], alert)?;
        Ok(alerts.collect::<Result<_, _>>()?)
    }

    /// One alert.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn alert(&self, id: AlertId) -> Result<Option<Alert>, Error> {
        let sql = format!("{SELECT} WHERE alerts.id = ?1");
        let mut statement = self.connection.prepare_cached(&sql)?;
        Ok(statement.query_row([id.0], alert).optional()?)
    }

    /// Notes that somebody has taken notice of an alert.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn acknowledge(
        &mut self,
        id: AlertId,
        by: &PersonId,
        why: &str,
        at: Timestamp,
    ) -> Result<Acknowledged, Error> {
        let sql = "UPDATE alerts SET acked_by = ?2, acked_at = ?3, acked_why = ?4 WHERE id = ?1 AND acked_by IS NULL AND recovered_at IS NULL";
        let changed = self
            .connection
            .execute(sql, params![id.0, by.as_str(), at.timestamp_millis(), why])?;
        let Some(alert) = self.alert(id)?.map(Box::new) else {
            return Ok(Acknowledged::Unknown);
        };
        Ok(match (changed, alert.acknowledged_by.is_some()) {
            (1, _) => Acknowledged::Done(alert),
            (_, true) => Acknowledged::Before(alert),
            (_, false) => Acknowledged::Over(alert),
        })
    }

    /// Whether an alert is neither over nor acknowledged.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn is_open(&self, id: AlertId) -> Result<bool, Error> {
        let alert = self.alert(id)?;
        Ok(alert
            .is_some_and(|alert| alert.recovered_at.is_none() && alert.acknowledged_by.is_none()))
    }

    /// What nobody has been told of yet, in order.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn untold(&self) -> Result<Vec<(Alert, AlertEvent)>, Error> {
        let sql = format!(
            "{SELECT} WHERE told = 0 OR (told = 1 AND recovered_at IS NOT NULL) ORDER BY alerts.id"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let rows = statement.query_map([], |row| Ok((alert(row)?, row.get::<_, i64>(11)?)))?;
        let mut untold = Vec::new();
        for row in rows {
            let (alert, told) = row?;
            if told == 0 {
                untold.push((alert.clone(), AlertEvent::Raised));
            }
            if alert.recovered_at.is_some() {
                untold.push((alert, AlertEvent::Recovered));
            }
        }
        Ok(untold)
    }

    /// Notes what has been told.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn told(&mut self, told: &[(Alert, AlertEvent)]) -> Result<(), Error> {
        let transaction = self.connection.transaction()?;
        for (alert, told) in told {
            let stage = match told {
                AlertEvent::Raised => 1,
                AlertEvent::Recovered => 2,
            };
            transaction
                .prepare_cached("UPDATE alerts SET told = max(told, ?2) WHERE id = ?1")?
                .execute([alert.id.0, stage])?;
        }
        Ok(transaction.commit()?)
    }

    /// What is open of a service.
    pub(crate) fn open_conditions(&self, key: &ServiceKey) -> Result<BTreeSet<Condition>, Error> {
        let Some(service) = find_id(&self.connection, key)? else {
            return Ok(BTreeSet::new());
        };
        let mut statement = self.connection.prepare_cached(
            "SELECT condition FROM alerts WHERE service = ?1 AND recovered_at IS NULL",
        )?;
        let names = statement.query_map([service], |row| row.get::<_, String>(0))?;
        let names: Vec<String> = names.collect::<Result<_, _>>()?;
        Ok(names.iter().map(|name| condition(name)).collect())
    }
}

fn alert(row: &Row<'_>) -> rusqlite::Result<Alert> {
    let instant = |column| -> rusqlite::Result<Option<Timestamp>> {
        let millis: Option<i64> = row.get(column)?;
        Ok(millis.and_then(DateTime::from_timestamp_millis))
    };
    Ok(Alert {
        id: AlertId(row.get(0)?),
        key: key_at(row, 1)?,
        condition: condition(&row.get::<_, String>(3)?),
        severity: severity(&row.get::<_, String>(4)?),
        reason: row.get(5)?,
        raised_at: instant(6)?.unwrap_or_default(),
        recovered_at: instant(7)?,
        acknowledged_by: row.get::<_, Option<String>>(8)?.map(PersonId::new),
        acknowledged_at: instant(9)?,
        acknowledged_because: row.get(10)?,
    })
}

/// What a newer release has written under a name of its own counts as an outage.
fn condition(name: &str) -> Condition {
    let known = Condition::ALL.into_iter().find(|one| one.as_str() == name);
    known.unwrap_or(Condition::Down)
}

fn severity(name: &str) -> Severity {
    let all = [Severity::Info, Severity::Warning, Severity::Critical];
    let known = all.into_iter().find(|one| one.as_str() == name);
    known.unwrap_or(Severity::Critical)
}
