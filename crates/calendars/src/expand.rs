//! When is somebody busy? Recurrences followed over a bounded time, single occurrences replaced.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::panic::{self, AssertUnwindSafe};

use chrono::{NaiveDate, NaiveDateTime, TimeDelta, TimeZone as _};
use policy::calendar::Period;
use rrule::{Frequency, RRule, RRuleSet, Tz, Unvalidated};

use crate::event::{Event, Except, Rule};
use crate::time::{Clock, Moment, boundary, later};
use crate::{BUSY, Horizon, Mistake};

/// So many occurrences of all rules are counted, those that are long over among them.
const FOLLOWED: usize = 200_000;
/// So many days are gone through by all rules, whether or not anything comes on them: rules of thirty years by the thousand.
const DAYS: usize = 25_000_000;
/// A rule that was followed to the end of the calendar counts like so many occurrences.
const IN_VAIN: usize = 10_000;
/// So many rules are followed that may still say something.
const RULES: usize = 2_000;

/// The busy times of all events of a calendar.
pub(crate) fn busy(
    events: &[Event],
    horizon: Horizon,
    budget: &mut Budget,
) -> Result<Vec<Period>, Mistake> {
    let mut replaced = Replaced::by(events);
    let mut busy = Vec::new();
    for event in events.iter().filter(|event| event.is_busy) {
        let recurs = !event.rules.is_empty() || !event.more.is_empty();
        if !recurs {
            let start = event.start.local;
            let until = later(start, event.length);
            if !replaced.has(event, start) && within(start, until, horizon) {
                busy.push(event.period);
            }
            continue;
        }
        let except: BTreeSet<Except> = event.except.iter().copied().collect();
        for (start, length) in occurrences(event, horizon, budget)? {
            let is_excepted = except.contains(&Except::Start(start))
                || except.contains(&Except::Day(start.date()));
            let is_left_out = is_excepted || replaced.has(event, start);
            if is_left_out || length.is_zero() || !within(start, later(start, length), horizon) {
                continue;
            }
            busy.push(Period {
                from: boundary(event.start.clock, start),
                until: boundary(event.start.clock, later(start, length)),
            });
            if busy.len() > BUSY {
                // The caller says so.
                return Ok(busy);
            }
        }
    }
    busy.retain(|period| !period.is_empty());
    Ok(busy)
}

/// How much more is followed, over all events of a file.
pub(crate) struct Budget {
    followed: usize,
    days: usize,
    rules: usize,
}

impl Budget {
    pub(crate) fn all() -> Self {
        Self {
            followed: FOLLOWED,
            days: DAYS,
            rules: RULES,
        }
    }
}

fn within(from: NaiveDateTime, until: NaiveDateTime, horizon: Horizon) -> bool {
    horizon.from < until && from < horizon.until
}

/// Which occurrences others take the place of, by the `uid` of their event.
struct Replaced<'e> {
    of: BTreeMap<&'e str, Vec<Moment>>,
    /// The same by the clock of an event, as they are asked for.
    by_clock: BTreeMap<(&'e str, Option<&'static str>), Without>,
}

/// By one clock.
#[derive(Default)]
struct Without {
    starts: BTreeSet<NaiveDateTime>,
    days: BTreeSet<NaiveDate>,
}

impl<'e> Replaced<'e> {
    fn by(events: &'e [Event]) -> Self {
        let mut of: BTreeMap<&str, Vec<Moment>> = BTreeMap::new();
        for event in events {
            if let (Some(uid), Some(instead_of)) = (&event.uid, event.instead_of) {
                of.entry(uid).or_default().push(instead_of);
            }
        }
        Self {
            of,
            by_clock: BTreeMap::new(),
        }
    }

    /// Whether another event takes the place of what begins then.
    fn has(&mut self, event: &'e Event, start: NaiveDateTime) -> bool {
        let (Some(uid), None) = (event.uid.as_deref(), event.instead_of) else {
            return false;
        };
        let Some(others) = self.of.get(uid) else {
            return false;
        };
        let clock = event.start.clock;
        let zone = match clock {
            Clock::Floating => None,
            Clock::Zone(zone) => Some(zone.name()),
        };
        let without = self.by_clock.entry((uid, zone));
        let without = without.or_insert_with(|| Without::of(others, clock));
        without.starts.contains(&start) || without.days.contains(&start.date())
    }
}

impl Without {
    fn of(others: &[Moment], clock: Clock) -> Self {
        let mut without = Self::default();
        for other in others {
            if other.is_date {
                without.days.insert(other.local.date());
            } else {
                without.starts.extend(other.by(clock));
            }
        }
        without
    }
}

/// The starts of an event up to the horizon, each with its length; the first start is always one.
fn occurrences(
    event: &Event,
    horizon: Horizon,
    budget: &mut Budget,
) -> Result<Vec<(NaiveDateTime, TimeDelta)>, Mistake> {
    let mut starts = BTreeSet::from([event.start.local]);
    for rule in &event.rules {
        starts.extend(follow(event, rule, horizon, budget)?);
    }
    let usual = starts.into_iter().map(|start| (start, event.length));
    Ok(usual.chain(event.more.iter().copied()).collect())
}

/// The starts of one rule that can matter.
fn follow(
    event: &Event,
    rule: &Rule,
    horizon: Horizon,
    budget: &mut Budget,
) -> Result<Vec<NaiveDateTime>, Mistake> {
    if !rule.text.is_ascii() {
        return Err(unread(rule, &"it has letters that no rule has"));
    }
    // Whatever stands in a file, it stops nobody who reads it.
    let followed = AssertUnwindSafe(|| counted(event, rule, horizon, budget));
    let followed = panic::catch_unwind(followed);
    followed.unwrap_or_else(|_| Err(unread(rule, &"it cannot be followed")))
}

fn unread(rule: &Rule, reason: &dyn fmt::Display) -> Mistake {
    let message = format!("the rule `{}` is not supported: {reason}", rule.text);
    let help =
        "write it as RFC 5545 has it, such as FREQ=WEEKLY;BYDAY=MO,TU, or the dates as RDATE";
    Mistake::new(rule.line, message, help)
}

fn counted(
    event: &Event,
    rule: &Rule,
    horizon: Horizon,
    budget: &mut Budget,
) -> Result<Vec<NaiveDateTime>, Mistake> {
    let unread = |reason: &dyn fmt::Display| unread(rule, reason);
    let parsed: RRule<Unvalidated> = rule.text.parse().map_err(|error| unread(&error))?;
    // Local times stand for themselves, so that no zone moves them: each is resolved when its instant is wanted.
    let start = Tz::UTC.from_utc_datetime(&event.start.local);
    let parsed = parsed.validate(start).map_err(|error| unread(&error))?;
    let is_over = |until| later(until, event.length) <= horizon.from;
    if rule.until.is_some_and(is_over) || event.start.local >= horizon.until {
        return Ok(Vec::new());
    }
    let too_much = || {
        let message = format!("the rule `{}` comes too often", rule.text);
        let help = "keep a calendar that has the freezes alone, or begin its series later";
        Mistake::new(rule.line, message, help)
    };
    budget.rules = budget.rules.checked_sub(1).ok_or_else(too_much)?;
    let (count, is_yearly) = (parsed.get_count(), parsed.get_freq() == Frequency::Yearly);
    if !is_yearly {
        let days = horizon.until.signed_duration_since(event.start.local);
        let days = usize::try_from(days.num_days()).unwrap_or_default();
        budget.days = budget.days.checked_sub(days).ok_or_else(too_much)?;
    }
    let all = RRuleSet::new(start).rrule(parsed).limit();
    let mut starts = Vec::new();
    let mut counted: u32 = 0;
    for at in &all {
        let local = at.naive_utc();
        if local >= horizon.until || rule.until.is_some_and(|until| local > until) {
            return Ok(starts);
        }
        counted = counted.saturating_add(1);
        budget.followed = budget.followed.checked_sub(1).ok_or_else(too_much)?;
        if later(local, event.length) > horizon.from {
            starts.push(local);
        }
        if starts.len() > BUSY {
            return Err(too_much());
        }
    }
    if count.is_some_and(|count| counted >= count) {
        return Ok(starts);
    }
    // Nothing but `COUNT` ends a rule: it was followed to the last year there is, or given up before. Only of years it is
    // sure that all of them were looked at.
    budget.followed = budget.followed.checked_sub(IN_VAIN).ok_or_else(too_much)?;
    match is_yearly {
        true => Ok(starts),
        false => Err(unread(&"it comes too rarely, or never")),
    }
}
