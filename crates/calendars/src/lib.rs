//! What does a calendar file say (RFC 5545)? From its text to the times at which somebody is busy, over a bounded time.
//!
//! Content lines are read by the `icalendar` crate and recurrences by `rrule`, which is asked in local time without a zone,
//! as windows are: daylight saving is [`resolve_local`](policy::calendar::resolve_local)'s question alone (R8). What is not
//! understood is a mistake and never passed over, since a busy time that is missed is a start during a freeze.
//!
//! Nothing here touches a disk; start reading at [`read`].

mod encoding;
mod event;
mod expand;
mod lines;
mod time;
mod windows_zones;
mod zone;

use chrono::{Datelike as _, Months, NaiveDate, NaiveDateTime};
use policy::Timestamp;
use policy::parse::{Calendar, Diagnostic, Severity};

use self::expand::Budget;
use self::lines::Component;

/// Bytes of one file.
const FILE_BYTES: usize = 16 << 20;
/// Events of one file.
const EVENTS: usize = 50_000;
/// Busy times that one file yields.
const BUSY: usize = 2_000;
/// Mistakes of one file that are told.
const MISTAKES: usize = 20;

/// The busy times begin with the month before.
const MONTHS_BACK: Months = Months::new(1);
/// They end with the month in which it is so many later.
const MONTHS_AHEAD: Months = Months::new(25);

/// Something that is not understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mistake {
    /// From 1.
    line: usize,
    message: String,
    help: String,
}

impl Mistake {
    fn new(line: usize, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            line,
            message: message.into(),
            help: help.into(),
        }
    }
}

/// The time over which recurrences are followed, as local times: whole months, so that a file says the same all month.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Horizon {
    from: NaiveDateTime,
    until: NaiveDateTime,
}

impl Horizon {
    fn around(at: Timestamp) -> Self {
        let date = at.date_naive();
        let month = date.with_day(1).unwrap_or(date);
        let midnight = |date: NaiveDate| NaiveDateTime::from(date);
        let from = month.checked_sub_months(MONTHS_BACK);
        let until = month.checked_add_months(MONTHS_AHEAD);
        Self {
            from: midnight(from.unwrap_or(NaiveDate::MIN)),
            until: midnight(until.unwrap_or(NaiveDate::MAX)),
        }
    }
}

/// Reads a calendar file; `path` is how the project names it. What recurs is followed from the month before `at` until
/// two years after it.
pub fn read(path: &str, bytes: &[u8], at: Timestamp) -> Calendar {
    let within = Horizon::around(at);
    let read = encoding::text(path, bytes).map_err(|mistake| vec![mistake]);
    match read.and_then(|text| busy(&text, within)) {
        Ok(busy) => Calendar::new(path, busy),
        Err(mistakes) => {
            let text = &String::from_utf8_lossy(bytes);
            let mistakes = mistakes.iter().take(MISTAKES);
            Calendar {
                path: path.to_owned(),
                mistakes: mistakes.map(|one| diagnostic(path, text, one)).collect(),
                ..Calendar::default()
            }
        }
    }
}

fn busy(text: &str, horizon: Horizon) -> Result<Vec<policy::calendar::Period>, Vec<Mistake>> {
    if text.len() > FILE_BYTES {
        let message = format!("the calendar is larger than {} MiB", FILE_BYTES >> 20);
        return Err(vec![Mistake::new(1, message, TOO_MUCH)]);
    }
    let root = lines::read(text).map_err(|mistake| vec![mistake])?;
    let calendars: Vec<&Component> = root.iter().filter(|one| one.is("VCALENDAR")).collect();
    if calendars.is_empty() {
        let help = "name a file that a calendar exports, which begins with BEGIN:VCALENDAR";
        return Err(vec![Mistake::new(1, "this is no iCalendar file", help)]);
    }
    let mut busy = Vec::new();
    let mut mistakes = Vec::new();
    // All calendars of a file together cost no more than one.
    let mut budget = Budget::all();
    for calendar in calendars {
        match of_calendar(calendar, horizon, &mut budget) {
            Ok(times) => busy.extend(times),
            Err(more) => mistakes.extend(more),
        }
        if busy.len() > BUSY || mistakes.len() >= MISTAKES {
            break;
        }
    }
    if mistakes.is_empty() && busy.len() > BUSY {
        let message = format!(
            "the calendar has more than {BUSY} busy times from {} to {}",
            horizon.from.date(),
            horizon.until.date()
        );
        mistakes.push(Mistake::new(1, message, TOO_MUCH));
    }
    match mistakes.is_empty() {
        true => Ok(busy),
        false => Err(mistakes),
    }
}

const TOO_MUCH: &str = "keep a calendar that has the freezes alone";

fn of_calendar(
    calendar: &Component,
    horizon: Horizon,
    budget: &mut Budget,
) -> Result<Vec<policy::calendar::Period>, Vec<Mistake>> {
    let zones = zone::Zones::of(calendar);
    let components = calendar.components.iter();
    let events: Vec<&Component> = components.filter(|one| one.is("VEVENT")).collect();
    if events.len() > EVENTS {
        let message = format!("the calendar has more than {EVENTS} events");
        return Err(vec![Mistake::new(calendar.line, message, TOO_MUCH)]);
    }
    let (mut read, mut mistakes) = (Vec::new(), Vec::new());
    for component in events {
        match event::read(component, &zones) {
            Ok(event) => read.push(event),
            Err(mistake) => mistakes.push(mistake),
        }
    }
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    expand::busy(&read, horizon, budget).map_err(|mistake| vec![mistake])
}

fn diagnostic(path: &str, text: &str, mistake: &Mistake) -> Diagnostic {
    let source = text.lines().nth(mistake.line.saturating_sub(1));
    let source: String = source.unwrap_or_default().chars().take(200).collect();
    let length = source.chars().count().max(1);
    Diagnostic {
        severity: Severity::Error,
        code: "calendar".to_owned(),
        file: path.to_owned(),
        line: u32::try_from(mistake.line).unwrap_or(u32::MAX),
        column: 1,
        length: u32::try_from(length).unwrap_or(u32::MAX),
        source_line: source,
        message: mistake.message.clone(),
        help: Some(mistake.help.clone()),
    }
}
