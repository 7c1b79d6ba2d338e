//! When is somebody busy? Recurrences followed over a bounded time, single occurrences replaced.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::panic::{self, AssertUnwindSafe};

use chrono::{NaiveDateTime, TimeDelta, TimeZone as _};
use policy::calendar::Period;
use rrule::{RRule, RRuleSet, Tz, Unvalidated};

use crate::event::{Event, Except, Rule};
use crate::time::{boundary, later};
use crate::{BUSY, Horizon, Mistake};

/// So many occurrences of all rules are counted, those that are long over among them.
const FOLLOWED: usize = 200_000;
/// So many rules are followed that may still say something.
const RULES: usize = 2_000;

/// The busy times of all events.
pub(crate) fn busy(events: &[Event], horizon: Horizon) -> Result<Vec<Period>, Mistake> {
    let replaced = replaced(events);
    let mut busy = Vec::new();
    let mut left = Left {
        followed: FOLLOWED,
        rules: RULES,
    };
    for event in events.iter().filter(|event| event.is_busy) {
        let recurs = !event.rules.is_empty() || !event.more.is_empty();
        if !recurs {
            let is_left_out =
                event.instead_of.is_none() && is_replaced(event, event.start.local, &replaced);
            let until = later(event.start.local, event.length);
            if !is_left_out && within(event.start.local, until, horizon) {
                busy.push(event.period);
            }
            continue;
        }
        for (start, length) in occurrences(event, horizon, &mut left)? {
            let is_left_out = is_excepted(event, start) || is_replaced(event, start, &replaced);
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

/// How much more is followed, over all events of a calendar.
struct Left {
    followed: usize,
    rules: usize,
}

fn within(from: NaiveDateTime, until: NaiveDateTime, horizon: Horizon) -> bool {
    horizon.from < until && from < horizon.until
}

/// For each event that recurs, the occurrences that others take the place of, by its own clock.
fn replaced(events: &[Event]) -> BTreeMap<&str, Vec<&Event>> {
    let mut replaced: BTreeMap<&str, Vec<&Event>> = BTreeMap::new();
    for event in events.iter().filter(|event| event.instead_of.is_some()) {
        if let Some(uid) = &event.uid {
            replaced.entry(uid).or_default().push(event);
        }
    }
    replaced
}

fn is_replaced(
    event: &Event,
    start: NaiveDateTime,
    replaced: &BTreeMap<&str, Vec<&Event>>,
) -> bool {
    let Some(others) = event.uid.as_deref().and_then(|uid| replaced.get(uid)) else {
        return false;
    };
    if event.instead_of.is_some() {
        return false;
    }
    let mut of = others.iter().filter_map(|other| other.instead_of);
    of.any(|of| match of.is_date {
        true => of.local.date() == start.date(),
        false => of.by(event.start.clock) == Some(start),
    })
}

fn is_excepted(event: &Event, start: NaiveDateTime) -> bool {
    event.except.contains(&Except::Start(start))
        || event.except.contains(&Except::Day(start.date()))
}

/// The starts of an event up to the horizon, each with its length; the first start is always one.
fn occurrences(
    event: &Event,
    horizon: Horizon,
    left: &mut Left,
) -> Result<Vec<(NaiveDateTime, TimeDelta)>, Mistake> {
    let mut starts = BTreeSet::from([event.start.local]);
    for rule in &event.rules {
        starts.extend(follow(event, rule, horizon, left)?);
    }
    let usual = starts.into_iter().map(|start| (start, event.length));
    Ok(usual.chain(event.more.iter().copied()).collect())
}

/// The starts of one rule that can matter.
fn follow(
    event: &Event,
    rule: &Rule,
    horizon: Horizon,
    left: &mut Left,
) -> Result<Vec<NaiveDateTime>, Mistake> {
    if !rule.text.is_ascii() {
        return Err(unread(rule, &"it has letters that no rule has"));
    }
    // Whatever stands in a file, it stops nobody who reads it.
    let followed = AssertUnwindSafe(|| counted(event, rule, horizon, left));
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
    left: &mut Left,
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
        let help = "keep a calendar that has the freezes alone, or begin the series later";
        Mistake::new(rule.line, message, help)
    };
    left.rules = left.rules.checked_sub(1).ok_or_else(too_much)?;
    let all = RRuleSet::new(start).rrule(parsed).limit();
    let mut starts = Vec::new();
    for at in &all {
        let local = at.naive_utc();
        if local >= horizon.until || rule.until.is_some_and(|until| local > until) {
            break;
        }
        left.followed = left.followed.checked_sub(1).ok_or_else(too_much)?;
        if later(local, event.length) > horizon.from {
            starts.push(local);
        }
        if starts.len() > BUSY {
            return Err(too_much());
        }
    }
    Ok(starts)
}
