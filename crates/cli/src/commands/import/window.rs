//! When a tier or a customer may be worked on: cron, duration and zone as they are here, or a day with two hours.

use serde_json::{Value, json};

use super::Account;
use super::fields::Fields;
use super::spans::{lasting, span};

/// Weekdays as windows write them.
const DAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// Minutes of a day.
const DAY: u32 = 24 * 60;

/// What the scripts call it.
const NAMES: [&str; 2] = ["maintenance_window", "window"];

/// The window of a tier or customer. One that says less than when it opens and for how long is none, and is named.
pub(super) fn window(fields: &mut Fields, account: &mut Account) -> Option<Value> {
    if let Some(window) = fields.parsed(&NAMES, in_words) {
        return Some(window);
    }
    let mut window = fields.object(&NAMES)?;
    let Some(opens) = as_cron(&mut window).or_else(|| weekly(&mut window)) else {
        account.ignored(window.place());
        return None;
    };
    let (cron, duration) = opens;
    let mut shown = json!({ "cron": cron, "duration": duration });
    if let Some(zone) = window.text(&["timezone", "time_zone"]) {
        shown["timezone"] = zone.into();
    }
    window.rest(account);
    Some(shown)
}

/// `Saturday 22:00-02:00`
fn in_words(text: &str) -> Option<Value> {
    let (day, hours) = text.split_once(' ')?;
    let (start, end) = hours.split_once(['-', '\u{2013}'])?;
    let (cron, duration) = opening(day, start.trim(), end.trim())?;
    Some(json!({ "cron": cron, "duration": duration }))
}

fn as_cron(window: &mut Fields) -> Option<(String, Value)> {
    let cron = window.text(&["cron", "schedule"])?;
    Some((cron, lasting(window, "duration")?))
}

fn weekly(window: &mut Fields) -> Option<(String, Value)> {
    let day = window.text(&["day", "day_of_week", "weekday"])?;
    let start = window.text(&["start", "start_time"])?;
    match window.text(&["end", "end_time"]) {
        Some(end) => opening(&day, &start, &end),
        None => Some((cron(&day, minutes(&start)?)?, lasting(window, "duration")?)),
    }
}

/// From an hour of a day until another, which may be of the day after.
fn opening(day: &str, start: &str, end: &str) -> Option<(String, Value)> {
    let start = minutes(start)?;
    let length = (minutes(end)? + DAY - start) % DAY;
    let duration = span(&format!("{length}m")).filter(|_| length > 0)?;
    Some((cron(day, start)?, duration))
}

fn cron(day: &str, start: u32) -> Option<String> {
    let day = day.to_uppercase();
    let day = DAYS.iter().find(|known| day.starts_with(**known))?;
    Some(format!("{} {} * * {day}", start % 60, start / 60))
}

/// `02:30` in minutes since midnight.
fn minutes(text: &str) -> Option<u32> {
    let (hour, minute) = text.split_once(':')?;
    let (hour, minute): (u32, u32) = (hour.parse().ok()?, minute.get(..2)?.parse().ok()?);
    (hour < 24 && minute < 60).then_some(hour * 60 + minute)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn read(value: &Value) -> (Option<Value>, Vec<String>) {
        let fields = json!({ "maintenance_window": value });
        let mut fields = Fields::new("x".to_owned(), fields.as_object().unwrap().clone());
        let mut account = Account::default();
        let found = window(&mut fields, &mut account);
        fields.rest(&mut account);
        (found, account.ignored)
    }

    #[test]
    fn a_window_over_midnight_has_its_length() {
        let expected = json!({ "cron": "30 22 * * SAT", "duration": "210m" });
        for value in [
            json!({ "day": "sat", "start_time": "22:30", "end_time": "02:00" }),
            json!("Saturday 22:30-02:00"),
        ] {
            assert_eq!(
                read(&value),
                (Some(expected.clone()), Vec::new()),
                "{value}"
            );
        }
    }

    #[test]
    fn a_window_that_says_too_little_is_named() {
        for value in [
            json!({ "required": true }),
            json!({ "day": "sat", "start": "22:30", "end": "22:30" }),
            json!("by arrangement"),
        ] {
            let expected = (None, vec!["x.maintenance_window".to_owned()]);
            assert_eq!(read(&value), expected, "{value}");
        }
    }
}
