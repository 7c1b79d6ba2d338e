//! Five-field cron, asked in local time without a zone.
//!
//! The `cron` crate reads the minutes, hours, days of month and months. It wants seconds, counts Sunday as 1, knows no
//! `SAT#3` and mistakes both clock changes; so the weekday field and the walk over days are ours, and daylight saving
//! is [`resolve_local`](super::resolve_local)'s question.

use std::iter;
use std::str::FromStr;

use chrono::{Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Weekday};
use cron::{Schedule, TimeUnitSpec};

/// So far ahead a next start is looked for: 29 February falls on the same weekday at least that often.
const HORIZON_DAYS: u64 = 41 * 366;

const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// The days of each month, in the years in which it has the most.
const LONGEST_MONTHS: [u32; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/// The occurrences of a weekday in a month: the first to the fifth, and the last.
const EVERY: u8 = 0b01_1111;
const LAST: u8 = 0b10_0000;

/// A checked cron expression.
///
/// ```
/// use policy::calendar::Cron;
///
/// let third_saturday: Cron = "0 22 * * SAT#3".parse()?;
/// let from = "2027-01-01T00:00:00".parse().expect("a local time");
/// let first = third_saturday.starts_from(from).next();
/// assert_eq!(first, "2027-01-16T22:00:00".parse().ok());
/// # Ok::<(), policy::calendar::CronError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cron {
    /// One bit a minute.
    minutes: u64,
    /// One bit an hour.
    hours: u32,
    /// One bit a day, from bit 1.
    month_days: u32,
    /// One bit a month, from bit 1.
    months: u16,
    /// For each weekday from Sunday, which of the month's.
    weekdays: [u8; 7],
}

/// Why a text is no cron expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CronError {
    /// Not five fields.
    #[error(
        "{found} fields instead of five; write minute, hour, day of month, month and weekday, such as `0 2 * * SUN`"
    )]
    Fields {
        /// How many there are.
        found: usize,
    },
    /// One field cannot be read.
    #[error("the {field} `{text}` is not understood; {help}")]
    Field {
        /// Its name.
        field: &'static str,
        /// As written.
        text: String,
        /// What may be written.
        help: &'static str,
    },
    /// The day is restricted twice.
    #[error(
        "both the day of month `{month_day}` and the weekday `{weekday}` are restricted, which cron reads as either; write `*` for one of them, or two windows"
    )]
    BothDays {
        /// The third field.
        month_day: String,
        /// The fifth field.
        weekday: String,
    },
}

impl FromStr for Cron {
    type Err = CronError;

    fn from_str(text: &str) -> Result<Self, CronError> {
        let fields: Vec<&str> = text.split_ascii_whitespace().collect();
        let &[minute, hour, month_day, month, weekday] = fields.as_slice() else {
            return Err(CronError::Fields {
                found: fields.len(),
            });
        };
        if month_day != "*" && weekday != "*" {
            return Err(CronError::BothDays {
                month_day: month_day.to_owned(),
                weekday: weekday.to_owned(),
            });
        }
        Ok(Self {
            minutes: numbers(&MINUTE, minute)?,
            hours: narrow(numbers(&HOUR, hour)?),
            month_days: narrow(numbers(&MONTH_DAY, month_day)?),
            months: narrow(numbers(&MONTH, month)?),
            weekdays: weekdays(weekday)?,
        })
    }
}

impl Cron {
    /// The starts at or after a local time, in order. Ends where nothing starts for 41 years.
    pub fn starts_from(&self, from: NaiveDateTime) -> impl Iterator<Item = NaiveDateTime> + '_ {
        self.days_from(from.date())
            .flat_map(|day| self.times().map(move |time| day.and_time(time)))
            .skip_while(move |start| *start < from)
    }

    /// Whether nothing ever starts, in no year there is: none of the months has any of the days.
    ///
    /// ```
    /// use policy::calendar::Cron;
    ///
    /// assert!("0 2 31 2 *".parse::<Cron>()?.never_comes());
    /// assert!(!"0 2 29 2 *".parse::<Cron>()?.never_comes());
    /// # Ok::<(), policy::calendar::CronError>(())
    /// ```
    pub fn never_comes(&self) -> bool {
        // Only one of the two day fields is restricted, and every month has the first four and the last of each weekday;
        // a fifth comes in every month of 31 days, and in February whenever its 29th falls on it.
        let months = LONGEST_MONTHS.iter().zip(1_u32..);
        let days = months.filter(|(_, month)| self.months >> month & 1 == 1);
        let mut usable = days.map(|(days, _)| self.month_days & (u32::MAX >> (31 - days)) & !1);
        usable.all(|days| days == 0)
    }

    /// The days on which something starts, from that day on.
    pub(super) fn days_from(&self, day: NaiveDate) -> impl Iterator<Item = NaiveDate> + '_ {
        let mut next = Some(day);
        let mut idle = 0;
        iter::from_fn(move || {
            while let Some(day) = next {
                next = day.checked_add_days(Days::new(1));
                if self.is_on(day) {
                    idle = 0;
                    return Some(day);
                }
                idle += 1;
                if idle > HORIZON_DAYS {
                    next = None;
                }
            }
            None
        })
    }

    /// The times of day at which something starts.
    pub(super) fn times(&self) -> impl Iterator<Item = NaiveTime> + '_ {
        let hours = (0..24).filter(|hour| self.hours >> hour & 1 == 1);
        hours.flat_map(|hour| {
            let minutes = (0..60).filter(|minute| self.minutes >> minute & 1 == 1);
            minutes.filter_map(move |minute| NaiveTime::from_hms_opt(hour, minute, 0))
        })
    }

    /// Whether something starts on every day there is.
    pub(super) fn is_daily(&self) -> bool {
        self.month_days == !0 << 1
            && self.months == 0b1_1111_1111_1110
            && self.weekdays == [EVERY; 7]
    }

    /// Whether something starts on that day.
    pub fn is_on(&self, day: NaiveDate) -> bool {
        self.months >> day.month() & 1 == 1
            && self.month_days >> day.day() & 1 == 1
            && self.weekdays[day.weekday().num_days_from_sunday() as usize] & occurrence(day) != 0
    }
}

/// Which of its weekday in the month a day is, as bits.
fn occurrence(day: NaiveDate) -> u8 {
    let nth = 1 << (day.day0() / 7);
    let next = day.checked_add_signed(TimeDelta::days(7));
    if next.is_some_and(|next| next.month() == day.month()) {
        nth
    } else {
        nth | LAST
    }
}

/// One field that the `cron` crate reads.
struct Field {
    name: &'static str,
    help: &'static str,
    letters: bool,
    /// Its place among the crate's six fields.
    place: usize,
    ordinals: fn(&Schedule) -> Vec<u32>,
}

const MINUTE: Field = Field {
    name: "minute",
    help: "write `*`, numbers from 0 to 59, ranges `0-30`, steps `*/15` or lists `0,30`",
    letters: false,
    place: 1,
    ordinals: |schedule| schedule.minutes().iter().collect(),
};
const HOUR: Field = Field {
    name: "hour",
    help: "write `*`, numbers from 0 to 23, ranges `9-17`, steps `*/6` or lists `2,14`",
    letters: false,
    place: 2,
    ordinals: |schedule| schedule.hours().iter().collect(),
};
const MONTH_DAY: Field = Field {
    name: "day of month",
    help: "write `*`, numbers from 1 to 31, ranges `1-7`, steps `*/2` or lists `1,15`",
    letters: false,
    place: 3,
    ordinals: |schedule| schedule.days_of_month().iter().collect(),
};
const MONTH: Field = Field {
    name: "month",
    help: "write `*`, numbers from 1 to 12, names `JAN`, ranges `JAN-MAR`, steps `*/3` or lists `1,7`",
    letters: true,
    place: 4,
    ordinals: |schedule| schedule.months().iter().collect(),
};
const WEEKDAY_HELP: &str = "write `*`, numbers from 0 to 7 (Monday is 1, Sunday 0 or 7), names `SAT`, ranges `MON-FRI`, \
                            lists `SAT,SUN`, `SAT#3` for the third or `SATL` for the last of the month";

/// Reads one field with the `cron` crate, all others left open; one bit a number.
fn numbers(field: &Field, text: &str) -> Result<u64, CronError> {
    let wrong = || CronError::Field {
        field: field.name,
        text: text.to_owned(),
        help: field.help,
    };
    let allowed = |c: char| {
        c.is_ascii_digit() || "*,-/".contains(c) || field.letters && c.is_ascii_alphabetic()
    };
    let well_formed = |item: &str| item.chars().all(allowed) && !item.is_empty() && !stepless(item);
    if !text.split(',').all(well_formed) {
        return Err(wrong());
    }
    let mut fields = ["0", "*", "*", "*", "*", "*"];
    fields[field.place] = text;
    let schedule = Schedule::from_str(&fields.join(" ")).map_err(|_| wrong())?;
    Ok((field.ordinals)(&schedule)
        .into_iter()
        .fold(0, |bits, number| bits | 1 << number))
}

/// Whether the step is 0, which would never advance.
fn stepless(item: &str) -> bool {
    item.split_once('/')
        .is_some_and(|(_, step)| step.trim_start_matches('0').is_empty())
}

/// Cuts a bit field whose numbers are known to be small.
fn narrow<T: TryFrom<u64> + Default>(bits: u64) -> T {
    T::try_from(bits).unwrap_or_default()
}

/// Reads the weekday field: which of the month's each weekday is meant.
fn weekdays(text: &str) -> Result<[u8; 7], CronError> {
    let mut mask = [0; 7];
    for item in text.split(',') {
        let days = weekday_item(item).ok_or_else(|| CronError::Field {
            field: "weekday",
            text: text.to_owned(),
            help: WEEKDAY_HELP,
        })?;
        for (day, which) in days {
            mask[day] |= which;
        }
    }
    Ok(mask)
}

/// Reads `*`, `MON-FRI`, `*/2`, `SAT`, `SAT#3` or `SATL`.
fn weekday_item(item: &str) -> Option<Vec<(usize, u8)>> {
    if let Some((day, nth)) = item.split_once('#') {
        let nth = nth
            .parse::<u32>()
            .ok()
            .filter(|nth| (1..=5).contains(nth))?;
        return Some(vec![(weekday(day)? % 7, 1 << (nth - 1))]);
    }
    if let Some(day) = item.strip_suffix(['L', 'l']) {
        return Some(vec![(weekday(day)? % 7, LAST)]);
    }
    let (range, step) = match item.split_once('/') {
        Some((range, step)) => (
            range,
            step.parse::<usize>()
                .ok()
                .filter(|step| (1..=7).contains(step))?,
        ),
        None => (item, 1),
    };
    let (first, last) = match range.split_once('-') {
        Some((first, last)) => (weekday(first)?, last_weekday(last)?),
        None if range == "*" => (0, 6),
        // `2/3` counts on from its first day, as in the other fields.
        None if step > 1 => (weekday(range)?, 6),
        None => (weekday(range)?, weekday(range)?),
    };
    if first > last {
        return None;
    }
    Some(
        (first..=last)
            .step_by(step)
            .map(|day| (day % 7, EVERY))
            .collect(),
    )
}

/// A weekday's number, 0 to 7.
fn weekday(text: &str) -> Option<usize> {
    if let Some(day) = WEEKDAYS
        .iter()
        .position(|name| name.eq_ignore_ascii_case(text))
    {
        return Some(day);
    }
    let all_digits = text.len() == 1 && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|day| all_digits && *day <= 7)
}

/// The end of a range, where Sunday is the last day: `FRI-SUN`.
fn last_weekday(text: &str) -> Option<usize> {
    let sunday = WEEKDAYS[Weekday::Sun.num_days_from_sunday() as usize];
    if text.eq_ignore_ascii_case(sunday) {
        Some(7)
    } else {
        weekday(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn starts(text: &str, from: &str, count: usize) -> Vec<String> {
        let cron: Cron = text.parse().unwrap();
        let starts = cron.starts_from(from.parse().unwrap()).take(count);
        starts
            .map(|start| start.format("%a %m-%d %H:%M").to_string())
            .collect()
    }

    #[test]
    fn monday_is_one_and_sunday_zero_or_seven() {
        let from = "2027-01-01T00:00:00";
        assert_eq!(starts("0 2 * * 1", from, 1), ["Mon 01-04 02:00"]);
        for sunday in ["0", "7", "SUN", "sun"] {
            assert_eq!(
                starts(&format!("0 2 * * {sunday}"), from, 2),
                ["Sun 01-03 02:00", "Sun 01-10 02:00"]
            );
        }
        assert_eq!(
            starts("0 2 * * 5-7", from, 4),
            starts("0 2 * * FRI-SUN", from, 4)
        );
    }

    #[test]
    fn the_third_and_the_last_of_a_month_are_found() {
        let from = "2027-01-01T00:00:00";
        assert_eq!(
            starts("0 22 * * SAT#3", from, 2),
            ["Sat 01-16 22:00", "Sat 02-20 22:00"]
        );
        assert_eq!(
            starts("0 22 * * 6L", from, 2),
            ["Sat 01-30 22:00", "Sat 02-27 22:00"]
        );
        assert_eq!(
            starts("0 22 * * SUN#5", from, 2),
            ["Sun 01-31 22:00", "Sun 05-30 22:00"]
        );
        assert_eq!(
            starts("0 22 * * SAT#1,SATL", from, 3),
            ["Sat 01-02 22:00", "Sat 01-30 22:00", "Sat 02-06 22:00"]
        );
    }

    #[test]
    fn a_start_at_the_asked_time_counts() {
        assert_eq!(
            starts("*/30 9 * * *", "2027-01-01T09:30:00", 2),
            ["Fri 01-01 09:30", "Sat 01-02 09:00"]
        );
        assert_eq!(
            starts("*/30 9 * * *", "2027-01-01T09:30:00.001", 1),
            ["Sat 01-02 09:00"]
        );
        assert_eq!(
            starts("0 0 29 2 *", "2027-01-01T00:00:00", 1),
            ["Tue 02-29 00:00"]
        );
        assert!(starts("0 0 30 2 *", "2027-01-01T00:00:00", 1).is_empty());
    }

    #[test]
    fn what_is_not_understood_is_refused_by_field() {
        let cases = [
            ("0 2 * *", "4 fields"),
            ("0 0 2 * * SUN", "6 fields"),
            ("@daily", "1 fields"),
            ("60 2 * * *", "the minute `60`"),
            ("0 24 * * *", "the hour `24`"),
            ("*/0 2 * * *", "the minute `*/0`"),
            ("0 2 0 * *", "the day of month `0`"),
            ("0 2 L * *", "the day of month `L`"),
            ("0 2 * 13 *", "the month `13`"),
            ("0 2 * FOO *", "the month `FOO`"),
            ("0 2 * * 8", "the weekday `8`"),
            ("0 2 * * SAT#6", "the weekday `SAT#6`"),
            ("0 2 * * ?", "the weekday `?`"),
            ("0 2 * * ,", "the weekday `,`"),
            ("0 2 * * L", "the weekday `L`"),
            ("0 2 1 * MON", "both the day of month"),
        ];
        for (text, reason) in cases {
            let error = text.parse::<Cron>().unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
