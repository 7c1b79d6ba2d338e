//! The calendar of one customer: when it may start (R7).
//!
//! Intervals are made on demand, day by day, so that a window far ahead costs a walk over days and not over minutes.

use std::iter;

use chrono::{Days, NaiveDate, NaiveTime, TimeDelta};
use chrono_tz::Tz;

use super::cron::{Cron, CronError};
use super::zone::resolve_local;
use super::{Interval, WindowSpec, later};
use crate::span::{Span, Timestamp};

/// So far ahead an opening is looked for.
pub const SEARCH_HORIZON: Span = Span::from_secs(5 * 366 * 24 * 60 * 60);

const DAY_MILLIS: i64 = 24 * 60 * 60 * 1_000;

/// The effective calendar of one customer.
///
/// The windows of each list are united, touching ones joined; what both lists allow is what counts; and of that, the
/// largest `reserve` of all must be left when a customer starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Windows {
    /// The policy's list and the customer's, without those that always allow.
    lists: Vec<Vec<Recurrence>>,
    reserve: Span,
}

/// Whether a customer may start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// Now.
    Open {
        /// The first instant at which it may no more, if nothing else changes. With a `reserve` that is a
        /// millisecond after the window's end less the reserve, because at that very instant it still may.
        until: Timestamp,
    },
    /// Later.
    Opens {
        /// The first instant at which it may.
        at: Timestamp,
    },
    /// Not within [`SEARCH_HORIZON`].
    Never,
}

impl Windows {
    /// Puts together a policy's and a customer's windows; an empty list allows always.
    ///
    /// # Errors
    /// A `cron` that cannot be read. What `parse` has checked never fails here.
    pub fn new(
        policy: &[WindowSpec],
        customer: &[WindowSpec],
        customer_zone: Tz,
    ) -> Result<Self, CronError> {
        Self::parsed_by(policy, customer, customer_zone, str::parse)
    }

    /// The same for somebody who keeps expressions that were read: many customers have the same.
    pub(crate) fn parsed_by(
        policy: &[WindowSpec],
        customer: &[WindowSpec],
        customer_zone: Tz,
        parse: impl Fn(&str) -> Result<Cron, CronError>,
    ) -> Result<Self, CronError> {
        let mut lists = Vec::new();
        for specs in [policy, customer] {
            let list: Vec<Recurrence> = specs
                .iter()
                .map(|spec| Ok(Recurrence::new(spec, parse(&spec.cron)?, customer_zone)))
                .collect::<Result<_, _>>()?;
            if !list.is_empty() {
                lists.push(list);
            }
        }
        let reserve = policy
            .iter()
            .chain(customer)
            .map(|spec| spec.reserve)
            .max()
            .unwrap_or_default();
        Ok(Self { lists, reserve })
    }

    /// Whether nothing restricts the customer.
    pub fn is_always(&self) -> bool {
        self.lists
            .iter()
            .all(|list| list.iter().any(Recurrence::is_always))
    }

    /// What must be left of an interval for a customer to start.
    pub fn reserve(&self) -> Span {
        self.reserve
    }

    /// Whether the customer may start at an instant, or the next at which it may.
    pub fn opening(&self, at: Timestamp) -> Opening {
        let horizon = later(at, SEARCH_HORIZON.to_delta());
        if self.is_always() {
            return Opening::Open {
                until: Timestamp::MAX_UTC,
            };
        }
        for interval in self.from(at, horizon) {
            let Some(until) = self.last_start_exclusive(interval) else {
                continue;
            };
            if interval.from > at {
                return Opening::Opens { at: interval.from };
            }
            if at < until {
                return Opening::Open { until };
            }
        }
        Opening::Never
    }

    /// The intervals that touch `[from, until)`, cut to it; the reserve is not taken off.
    pub fn intervals(&self, from: Timestamp, until: Timestamp) -> Vec<Interval> {
        if self.is_always() {
            return vec![Interval { from, until }];
        }
        let within = self
            .from(from, until)
            .take_while(|interval| interval.from < until);
        within
            .map(|interval| Interval {
                from: interval.from.max(from),
                until: interval.until.min(until),
            })
            .filter(|interval| !interval.is_empty())
            .collect()
    }

    /// The intervals that touch some time, whole, each with the instants in it at which a customer may start, cut to that
    /// time: none, where the reserve is not left.
    pub(super) fn starts(
        &self,
        within: Interval,
    ) -> impl Iterator<Item = (Interval, Interval)> + '_ {
        let Interval { from, until } = within;
        let touching = self
            .from(from, until)
            .take_while(move |one| one.from < until);
        touching.map(move |allowed| {
            let last = self.last_start_exclusive(allowed);
            let starts = Interval {
                from: allowed.from.max(from),
                until: last.map_or(from, |last| last.min(until)),
            };
            (allowed, starts)
        })
    }

    /// Whether some window comes, but does not begin within [`SEARCH_HORIZON`] of an instant, such as a Monday that is
    /// 29 February.
    pub(crate) fn is_rare(&self, at: Timestamp) -> bool {
        let far = later(at, SEARCH_HORIZON.to_delta()).date_naive();
        let mut windows = self.lists.iter().flatten();
        windows.any(|one| {
            let mut days = one.cron.days_from(at.date_naive());
            days.next().is_some_and(|day| day > far)
        })
    }

    /// The first instant of an interval at which it is too late; `None` if it always is.
    fn last_start_exclusive(&self, interval: Interval) -> Option<Timestamp> {
        if self.reserve.is_zero() {
            return Some(interval.until);
        }
        let last = interval.until.checked_sub_signed(self.reserve.to_delta())?;
        let until = later(last, TimeDelta::milliseconds(1));
        (last >= interval.from).then_some(until)
    }

    /// All joined intervals that end after an instant, up to those that begin after the horizon.
    fn from(&self, at: Timestamp, horizon: Timestamp) -> Box<dyn Iterator<Item = Interval> + '_> {
        let mut restricting = self
            .lists
            .iter()
            .filter(|list| !list.iter().any(Recurrence::is_always));
        match (restricting.next(), restricting.next()) {
            (Some(one), Some(other)) => Box::new(intersection(
                union(one, at, horizon),
                union(other, at, horizon),
            )),
            (Some(one), None) => Box::new(union(one, at, horizon)),
            (None, _) => Box::new(iter::once(Interval {
                from: at,
                until: Timestamp::MAX_UTC,
            })),
        }
    }
}

/// Unites the intervals of a list and joins those that touch.
fn union(
    list: &[Recurrence],
    at: Timestamp,
    horizon: Timestamp,
) -> impl Iterator<Item = Interval> + '_ {
    let mut sources: Vec<_> = list
        .iter()
        .map(|one| one.intervals(at, horizon).peekable())
        .collect();
    iter::from_fn(move || {
        let mut joined: Option<Interval> = None;
        // Take the earliest of all sources as long as it touches what was taken.
        loop {
            let ahead = sources
                .iter_mut()
                .enumerate()
                .filter_map(|(n, source)| Some((source.peek()?.from, n)));
            let earliest = ahead.min().and_then(|(_, n)| sources.get_mut(n));
            let end = joined.map(|joined| joined.until);
            let next = earliest
                .and_then(|source| source.next_if(|next| end.is_none_or(|end| next.from <= end)));
            match (next, &mut joined) {
                (None, _) => return joined,
                (Some(next), None) => joined = Some(next),
                (Some(next), Some(joined)) => joined.until = joined.until.max(next.until),
            }
        }
    })
}

/// What two ordered, joined sequences have in common.
fn intersection(
    one: impl Iterator<Item = Interval>,
    other: impl Iterator<Item = Interval>,
) -> impl Iterator<Item = Interval> {
    let (mut one, mut other) = (one.peekable(), other.peekable());
    iter::from_fn(move || {
        loop {
            let (a, b) = (*one.peek()?, *other.peek()?);
            // The one that ends first has nothing in common with what comes later.
            if a.until <= b.until {
                one.next()
            } else {
                other.next()
            };
            let common = Interval {
                from: a.from.max(b.from),
                until: a.until.min(b.until),
            };
            if !common.is_empty() {
                return Some(common);
            }
        }
    })
}

/// One window, with its zone decided.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Recurrence {
    cron: Cron,
    zone: Tz,
    /// The windows of one day in milliseconds of local time since its midnight, joined.
    ///
    /// Joining local times is the same as joining instants, since later local times never resolve to earlier ones.
    daily: Vec<(i64, i64)>,
}

impl Recurrence {
    fn new(spec: &WindowSpec, cron: Cron, customer_zone: Tz) -> Self {
        let mut daily: Vec<(i64, i64)> = Vec::new();
        for time in cron.times() {
            let start = time
                .signed_duration_since(NaiveTime::MIN)
                .num_milliseconds();
            let end = start + spec.duration.as_millis();
            match daily.last_mut() {
                Some(last) if start <= last.1 => last.1 = end,
                Some(_) | None => daily.push((start, end)),
            }
        }
        Self {
            cron,
            zone: spec.zone.resolve(customer_zone),
            daily,
        }
    }

    /// Whether it covers every instant, because each day's last window reaches the next day's first.
    fn is_always(&self) -> bool {
        matches!(self.daily.as_slice(), [(start, end)] if end - start >= DAY_MILLIS)
            && self.cron.is_daily()
    }

    /// Its intervals that end after an instant and begin by the horizon, in order, without empty ones.
    fn intervals(&self, at: Timestamp, horizon: Timestamp) -> impl Iterator<Item = Interval> + '_ {
        let longest = self.daily.last().map_or(0, |(_, end)| *end);
        // Two more days than the longest window: zones differ from UTC by less than one, and so do gaps.
        let back = u64::try_from(longest / DAY_MILLIS).unwrap_or_default() + 2;
        let first = at
            .date_naive()
            .checked_sub_days(Days::new(back))
            .unwrap_or(NaiveDate::MIN);
        let last = horizon.date_naive();
        let days = self
            .cron
            .days_from(first)
            .take_while(move |day| day.pred_opt().is_none_or(|day| day <= last));
        days.flat_map(move |day| {
            self.daily
                .iter()
                .filter_map(move |bounds| self.resolve(day, *bounds))
        })
        .filter(move |interval| interval.until > at && interval.from <= horizon)
    }

    fn resolve(&self, day: NaiveDate, (start, end): (i64, i64)) -> Option<Interval> {
        let midnight = day.and_time(NaiveTime::MIN);
        let instant = |millis| {
            let local = midnight.checked_add_signed(TimeDelta::milliseconds(millis))?;
            Some(resolve_local(self.zone, local))
        };
        let interval = Interval {
            from: instant(start)?,
            until: instant(end)?,
        };
        (!interval.is_empty()).then_some(interval)
    }
}
