//! One `VEVENT`, checked.

use chrono::{NaiveDateTime, TimeDelta};
use policy::calendar::Period;

use crate::Mistake;
use crate::lines::{Component, Property};
use crate::time::{Clock, Moment, date, later, length, moment, moments};
use crate::zone::Zones;

/// An event: a time alone, one that recurs, or what became of one occurrence of another.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) uid: Option<String>,
    /// Which occurrence of the event of that `uid` this takes the place of.
    pub(crate) instead_of: Option<Moment>,
    pub(crate) start: Moment,
    /// As written.
    pub(crate) period: Period,
    /// By the clock of the start, for what recurs.
    pub(crate) length: TimeDelta,
    pub(crate) rules: Vec<Rule>,
    /// By the clock of the start.
    pub(crate) more: Vec<(NaiveDateTime, TimeDelta)>,
    pub(crate) except: Vec<Except>,
    pub(crate) is_busy: bool,
}

/// An `RRULE`, without its `UNTIL`.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) line: usize,
    pub(crate) text: String,
    /// Inclusive, by the clock of the start.
    pub(crate) until: Option<NaiveDateTime>,
}

/// An `EXDATE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Except {
    /// What begins then, by the clock of the start.
    Start(NaiveDateTime),
    /// What begins on that day.
    Day(chrono::NaiveDate),
}

/// Reads an event.
pub(crate) fn read(component: &Component, zones: &Zones<'_>) -> Result<Event, Mistake> {
    if let Some(rule) = component.first("EXRULE") {
        let help = "calendars no longer use it; write the exceptions as EXDATE";
        return Err(Mistake::new(rule.line, "EXRULE is not supported", help));
    }
    let instead_of = component.first("RECURRENCE-ID");
    if let Some(property) = instead_of.filter(|property| property.param("RANGE").is_some()) {
        let message = "RECURRENCE-ID with RANGE is not supported";
        let help = "end the series with UNTIL, and begin another one";
        return Err(Mistake::new(property.line, message, help));
    }
    let Some(property) = component.first("DTSTART") else {
        let help = "every event needs a DTSTART";
        return Err(Mistake::new(
            component.line,
            "the event has no beginning",
            help,
        ));
    };
    let start = moment(property, &property.value, zones)?;
    let (period, length) = extent(component, start, zones)?;
    let rules = component.all("RRULE");
    let more = component.all("RDATE");
    let except = component.all("EXDATE");
    Ok(Event {
        uid: component.first("UID").map(|uid| uid.value.clone()),
        instead_of: instead_of
            .map(|property| moment(property, &property.value, zones))
            .transpose()?,
        start,
        period,
        length,
        rules: rules
            .map(|rule| read_rule(rule, start))
            .collect::<Result<_, _>>()?,
        more: all(more, |property| dates(property, start, length, zones))?,
        except: all(except, |property| exceptions(property, start, zones))?,
        is_busy: is_busy(component),
    })
}

fn all<'p, T>(
    properties: impl Iterator<Item = &'p Property>,
    read: impl Fn(&Property) -> Result<Vec<T>, Mistake>,
) -> Result<Vec<T>, Mistake> {
    let mut found = Vec::new();
    for property in properties {
        found.extend(read(property)?);
    }
    Ok(found)
}

fn is_busy(component: &Component) -> bool {
    let says = |name: &str, value: &str| {
        let property = component.first(name);
        property.is_some_and(|property| property.value.eq_ignore_ascii_case(value))
    };
    !says("TRANSP", "TRANSPARENT") && !says("STATUS", "CANCELLED")
}

/// From when until when it is, and how long that is by the clock of its start.
fn extent(
    component: &Component,
    start: Moment,
    zones: &Zones<'_>,
) -> Result<(Period, TimeDelta), Mistake> {
    let from = start.boundary();
    let lasting = |length: TimeDelta| {
        let until = Moment {
            local: later(start.local, length),
            ..start
        };
        let until = until.boundary();
        (Period { from, until }, length)
    };
    let day = TimeDelta::days(1);
    if let Some(property) = component.first("DTEND") {
        let end = moment(property, &property.value, zones)?;
        let Some(local) = end.by(start.clock).filter(|_| end.is_date == start.is_date) else {
            return Err(other_kind(property));
        };
        let length = local.signed_duration_since(start.local);
        if length < TimeDelta::zero() {
            let help = "DTEND must be later than DTSTART";
            return Err(Mistake::new(
                property.line,
                "the event ends before it begins",
                help,
            ));
        }
        if start.is_date && length.is_zero() {
            return Ok(lasting(day));
        }
        let until = end.boundary();
        return Ok((Period { from, until }, length));
    }
    if let Some(property) = component.first("DURATION") {
        return read_length(property, &property.value).map(lasting);
    }
    Ok(lasting(if start.is_date {
        day
    } else {
        TimeDelta::zero()
    }))
}

fn read_length(property: &Property, text: &str) -> Result<TimeDelta, Mistake> {
    length(text).ok_or_else(|| {
        let help = "write a length such as PT8H or P1D";
        Mistake::new(
            property.line,
            format!("`{text}` is no length of time"),
            help,
        )
    })
}

fn other_kind(property: &Property) -> Mistake {
    let message = "this time is of another kind than DTSTART";
    let help = "write both as dates, both with a zone, or both without";
    Mistake::new(property.line, message, help)
}

fn read_rule(property: &Property, start: Moment) -> Result<Rule, Mistake> {
    let is_until = |part: &&str| {
        let name = part.get(..6);
        name.is_some_and(|name| name.eq_ignore_ascii_case("UNTIL="))
    };
    let (until, rest): (Vec<&str>, Vec<&str>) = property
        .value
        .split(';')
        .filter(|part| !part.is_empty())
        .partition(is_until);
    let until = match until.as_slice() {
        [] => None,
        [until] => Some(read_until(property, &until[6..], start)?),
        [_, _, ..] => {
            let help = "write UNTIL once";
            return Err(Mistake::new(property.line, "the rule ends twice", help));
        }
    };
    Ok(Rule {
        line: property.line,
        text: rest.join(";"),
        until,
    })
}

/// No clock is further ahead of UTC.
const FURTHEST: TimeDelta = TimeDelta::hours(14);

/// The last local time at which something may begin. A date is the whole of that day.
fn read_until(property: &Property, text: &str, start: Moment) -> Result<NaiveDateTime, Mistake> {
    if let Some(date) = date(text) {
        let next = date.succ_opt().unwrap_or(date);
        return Ok(NaiveDateTime::from(next) - TimeDelta::seconds(1));
    }
    // The parameters are those of the rule, which has none: a time without `Z` is by the clock of the start.
    let until = moment(property, text, &Zones::none())?;
    let is_floating = until.clock == Clock::Floating;
    let until = match is_floating {
        true => Some(until.local),
        // It lies in a zone that the start does not name: as far as it can be anywhere.
        false if start.clock == Clock::Floating => Some(later(until.local, FURTHEST)),
        false => until.by(start.clock),
    };
    until.ok_or_else(|| other_kind(property))
}

/// The times of an `RDATE`, and how long each is.
fn dates(
    property: &Property,
    start: Moment,
    usual: TimeDelta,
    zones: &Zones<'_>,
) -> Result<Vec<(NaiveDateTime, TimeDelta)>, Mistake> {
    let values = property.value.split(',').map(str::trim);
    let read = values.map(|text| {
        let (from, end) = match text.split_once('/') {
            Some((from, end)) => (from, Some(end)),
            None => (text, None),
        };
        let local = |text: &str| {
            let moment = moment(property, text, zones)?;
            let local = moment.by(start.clock);
            local.ok_or_else(|| other_kind(property))
        };
        let from = local(from)?;
        let length = match end {
            None => usual,
            Some(end) if end.starts_with(['P', '+']) => read_length(property, end)?,
            Some(end) => local(end)?
                .signed_duration_since(from)
                .max(TimeDelta::zero()),
        };
        Ok((from, length))
    });
    read.collect()
}

fn exceptions(
    property: &Property,
    start: Moment,
    zones: &Zones<'_>,
) -> Result<Vec<Except>, Mistake> {
    let moments = moments(property, zones)?.into_iter();
    let read = moments.map(|moment| {
        if moment.is_date {
            return Ok(Except::Day(moment.local.date()));
        }
        let local = moment.by(start.clock);
        local.map(Except::Start).ok_or_else(|| other_kind(property))
    });
    read.collect()
}
