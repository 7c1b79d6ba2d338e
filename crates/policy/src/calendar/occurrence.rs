//! When does a freeze hold? Its occurrences on demand, in order, so that what lies far ahead costs nothing now (R8, R9).

use std::iter;

use chrono::{Days, NaiveDate, NaiveDateTime, TimeDelta};
use chrono_tz::Tz;

use super::freeze::{Boundary, Freeze, FreezeTimes, Period, Repetition};
use super::zone::local_time;
use super::{Interval, SEARCH_HORIZON, ZoneSpec, later};
use crate::span::Timestamp;

/// So many occurrences that touch are joined; the end of more than these is found when that of these has come.
const JOINED: usize = 400;

/// No zone is further from UTC, and no gap in local time longer.
const ZONES: TimeDelta = TimeDelta::hours(26);

/// One time at which a freeze holds. Its start as written says which: one for the customers of all zones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occurrence<'f> {
    /// Whose.
    pub freeze: &'f Freeze,
    /// When.
    pub period: Period,
}

/// An occurrence that holds a customer at an instant, and how long it does so together with those that touch it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held<'f> {
    /// The first that holds.
    pub occurrence: Occurrence<'f>,
    /// What it and those that touch it fill.
    pub interval: Interval,
}

impl Occurrence<'_> {
    /// When it holds a customer of that zone.
    pub fn interval(&self, customer_zone: Tz) -> Interval {
        self.period
            .interval(self.freeze.zone.resolve(customer_zone))
    }

    /// Whether it is over for everybody, wherever they live.
    pub fn is_over(&self, at: Timestamp) -> bool {
        self.period.until.everywhere(self.freeze.zone) <= at
    }
}

impl Freeze {
    /// The occurrences that end after an instant for a customer of that zone, by their beginning, without empty ones.
    /// Of one that repeats, those of the next [`SEARCH_HORIZON`].
    pub fn occurrences(
        &self,
        at: Timestamp,
        customer_zone: Tz,
    ) -> Box<dyn Iterator<Item = (Occurrence<'_>, Interval)> + '_> {
        let zone = self.zone.resolve(customer_zone);
        let periods: Box<dyn Iterator<Item = Period> + '_> = match &self.times {
            FreezeTimes::Once(period) => Box::new(iter::once(*period)),
            FreezeTimes::Repeats(repetition) => Box::new(repetition.periods(at, zone)),
            FreezeTimes::Dated { occurrences, .. } => Box::new(dated(occurrences, at, zone)),
        };
        let occurrences = periods.map(move |period| {
            let occurrence = Occurrence {
                freeze: self,
                period,
            };
            (occurrence, period.interval(zone))
        });
        Box::new(
            occurrences.filter(move |(_, interval)| !interval.is_empty() && interval.until > at),
        )
    }

    /// The occurrence that begins so, as written; or else at the instant that this local time is where the freeze is, since
    /// what a calendar has by the clock of a zone is known by its instant.
    pub fn occurrence(&self, from: Boundary) -> Option<Occurrence<'_>> {
        self.written(from)
            .or_else(|| self.written(self.instant(from)?))
    }

    /// The occurrence that begins so, as written.
    pub(super) fn written(&self, from: Boundary) -> Option<Occurrence<'_>> {
        let period = match (&self.times, from) {
            (FreezeTimes::Once(period), _) => Some(*period).filter(|period| period.from == from),
            (FreezeTimes::Repeats(repetition), Boundary::Local(start)) => {
                repetition.beginning(start)
            }
            (FreezeTimes::Repeats(_), Boundary::Instant(_)) => None,
            (FreezeTimes::Dated { occurrences, .. }, _) => {
                let found = occurrences.binary_search_by_key(&from, |period| period.from);
                found.ok().map(|index| occurrences[index])
            }
        }?;
        Some(Occurrence {
            freeze: self,
            period,
        })
    }

    /// The instant that a local time is where the freeze is; none where it is by the customers' clocks.
    fn instant(&self, from: Boundary) -> Option<Boundary> {
        match (from, self.zone) {
            (Boundary::Local(_), ZoneSpec::Zone(zone)) => {
                Some(Boundary::Instant(from.resolve(zone)))
            }
            (Boundary::Local(_), ZoneSpec::Customer) | (Boundary::Instant(_), _) => None,
        }
    }

    /// What holds a customer of that zone at an instant, lifted occurrences left out.
    pub fn held(
        &self,
        at: Timestamp,
        customer_zone: Tz,
        is_lifted: impl Fn(&Occurrence<'_>) -> bool,
    ) -> Option<Held<'_>> {
        let mut held: Option<Held<'_>> = None;
        for (occurrence, interval) in self.occurrences(at, customer_zone).take(JOINED) {
            match &mut held {
                None if interval.from > at => return None,
                Some(held) if interval.from > held.interval.until => break,
                None | Some(_) if is_lifted(&occurrence) => {}
                None => {
                    held = Some(Held {
                        occurrence,
                        interval,
                    });
                }
                Some(held) => held.interval.until = held.interval.until.max(interval.until),
            }
        }
        held
    }

    /// The intervals in which it holds a customer of that zone within some time, in order, joined and cut to it.
    pub fn intervals(&self, customer_zone: Tz, within: Interval) -> Vec<Interval> {
        let Interval { from, until } = within;
        let mut joined: Vec<Interval> = Vec::new();
        let occurrences = self.occurrences(from, customer_zone);
        let reaching = occurrences.take_while(|(_, interval)| interval.from < until);
        for (_, interval) in reaching {
            let cut = Interval {
                from: interval.from.max(from),
                until: interval.until.min(until),
            };
            match joined.last_mut() {
                Some(last) if cut.from <= last.until => last.until = last.until.max(cut.until),
                Some(_) | None => joined.push(cut),
            }
        }
        joined
    }
}

impl Repetition {
    /// The occurrences that can end after an instant in a zone, by their beginning.
    fn periods(&self, at: Timestamp, zone: Tz) -> impl Iterator<Item = Period> + '_ {
        // Later local times never resolve to earlier instants: what ends by the local time that it is now is over.
        let over = local_time(zone, at)
            .checked_sub_signed(self.duration.to_delta())
            .unwrap_or(NaiveDateTime::MIN);
        let last = later(at, SEARCH_HORIZON.to_delta()).date_naive();
        let days = iter::successors(Some(over.date()), |day| day.checked_add_days(Days::new(1)));
        let days = days.take_while(move |day| *day <= last);
        let starts = days.flat_map(move |day| self.starts_on(day));
        starts
            .skip_while(move |start| *start <= over)
            .filter_map(|start| self.period(start))
    }

    fn starts_on(&self, day: NaiveDate) -> impl Iterator<Item = NaiveDateTime> + '_ {
        let cron = self.cron.cron();
        let is_on = cron.is_on(day) && !self.except.contains(&day);
        let times = is_on.then(|| cron.times()).into_iter().flatten();
        times.map(move |time| day.and_time(time))
    }

    fn period(&self, start: NaiveDateTime) -> Option<Period> {
        Some(Period {
            from: Boundary::Local(start),
            until: Boundary::Local(start.checked_add_signed(self.duration.to_delta())?),
        })
    }

    fn beginning(&self, start: NaiveDateTime) -> Option<Period> {
        let mut starts = self.starts_on(start.date());
        starts
            .find(|one| *one == start)
            .and_then(|start| self.period(start))
    }
}

/// Of sorted times those that can end after an instant, by their beginning in a zone.
fn dated(all: &[Period], at: Timestamp, zone: Tz) -> impl Iterator<Item = Period> + '_ {
    let is_local = |period: &Period| matches!(period.from, Boundary::Local(_));
    let (local, instants) = all.split_at(all.partition_point(is_local));
    let ahead = move |period: &&Period| !is_long_over(period.until, at);
    let mut local = local.iter().filter(ahead).peekable();
    let mut instants = instants.iter().filter(ahead).peekable();
    iter::from_fn(move || {
        let local_first = match (local.peek(), instants.peek()) {
            (Some(one), Some(other)) => one.from.resolve(zone) <= other.from.resolve(zone),
            (one, _) => one.is_some(),
        };
        match local_first {
            true => local.next().copied(),
            false => instants.next().copied(),
        }
    })
}

/// Without asking a zone.
fn is_long_over(until: Boundary, at: Timestamp) -> bool {
    match until {
        Boundary::Local(local) => later(local.and_utc(), ZONES) <= at,
        Boundary::Instant(until) => until <= at,
    }
}
