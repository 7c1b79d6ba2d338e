//! Which windows does a clock change swallow whole (R8)? Only the nights of clock changes are looked at.

use std::collections::BTreeMap;

use chrono::{NaiveDateTime, Offset as _, SubsecRound as _, TimeDelta, TimeZone as _};
use chrono_tz::Tz;

use super::{Cron, Finding, Interval, WindowSpec};
use crate::span::Timestamp;

/// Local times that do not exist, from the first until the first that does again.
type Gap = (NaiveDateTime, NaiveDateTime);

/// The clock changes of some time, zone by zone as they are asked for.
#[derive(Debug)]
pub struct Gaps {
    within: Interval,
    known: BTreeMap<&'static str, Vec<Gap>>,
}

impl Gaps {
    /// Those of that time.
    pub fn new(within: Interval) -> Self {
        Self {
            within,
            known: BTreeMap::new(),
        }
    }

    /// The first time at which a clock change leaves nothing of a window: [`Finding::Empty`].
    pub fn swallow(&mut self, spec: &WindowSpec, customer_zone: Tz) -> Option<Finding> {
        let zone = spec.zone.resolve(customer_zone);
        let within = self.within;
        let gaps = self
            .known
            .entry(zone.name())
            .or_insert_with(|| gaps(zone, within));
        let duration = spec.duration.to_delta();
        let mut wide = gaps
            .iter()
            .filter(|(from, until)| *until - *from >= duration)
            .peekable();
        wide.peek()?;
        let cron: Cron = spec.cron.parse().ok()?;
        let local_start = wide.find_map(|gap| swallowed(&cron, duration, *gap))?;
        Some(Finding::Empty {
            cron: spec.cron.clone(),
            local_start,
            zone,
        })
    }
}

/// The first start whose window lies in a gap from its beginning to its end.
fn swallowed(cron: &Cron, duration: TimeDelta, (from, until): Gap) -> Option<NaiveDateTime> {
    let days = from
        .date()
        .iter_days()
        .take_while(|day| *day <= until.date());
    let starts = days
        .filter(|day| cron.is_on(*day))
        .flat_map(|day| cron.times().map(move |time| day.and_time(time)));
    starts
        .filter(|start| from <= *start)
        .find(|start| until - *start >= duration)
}

fn gaps(zone: Tz, within: Interval) -> Vec<Gap> {
    let mut gaps = Vec::new();
    let mut at = within.from;
    while at < within.until {
        let Some(next) = at.checked_add_signed(TimeDelta::days(1)) else {
            break;
        };
        let (was, is) = (offset(zone, at), offset(zone, next));
        if was < is {
            let change = change(zone, at, next).naive_utc();
            gaps.push((change + was, change + is));
        }
        at = next;
    }
    gaps
}

/// The second at which the clock is changed, somewhere between two instants.
fn change(zone: Tz, mut before: Timestamp, mut after: Timestamp) -> Timestamp {
    let was = offset(zone, before);
    while after - before > TimeDelta::seconds(1) {
        let middle = before + (after - before) / 2;
        match offset(zone, middle) == was {
            true => before = middle,
            false => after = middle,
        }
    }
    after.trunc_subsecs(0)
}

fn offset(zone: Tz, at: Timestamp) -> TimeDelta {
    let offset = zone.offset_from_utc_datetime(&at.naive_utc()).fix();
    TimeDelta::seconds(offset.local_minus_utc().into())
}
