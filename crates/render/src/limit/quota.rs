//! What the headers of a reply say about budgets and time.

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

/// `Retry-After` is believed between these two (P44).
const SILENCE: [Duration; 2] = [Duration::from_secs(1), Duration::from_mins(15)];

/// No window of Render is longer.
const LONGEST_WINDOW: Duration = Duration::from_hours(1);

/// A reset above this is an instant, not a number of seconds.
const EPOCH_FROM: u64 = 1_000_000_000;

/// The three `Ratelimit-*` headers; each may be missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Quota {
    pub(super) limit: Option<u32>,
    pub(super) remaining: Option<u32>,
    pub(super) reset: Option<Duration>,
}

impl Quota {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let small = |name| number(headers, name).and_then(|number| u32::try_from(number).ok());
        Self {
            limit: small("ratelimit-limit"),
            remaining: small("ratelimit-remaining"),
            reset: number(headers, "ratelimit-reset").map(|reset| until_reset(reset, headers)),
        }
    }
}

/// The server's clock, from `Date`.
pub(crate) fn server_date(headers: &HeaderMap) -> Option<DateTime<Utc>> {
    http_date(headers.get(DATE)?.to_str().ok()?)
}

/// How long a reply asks to stay away: seconds or an instant, clamped.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let asked = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match asked.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => until(http_date(asked)?, headers),
    };
    Some(clamp_silence(wait))
}

/// Cuts a wait to what is believed.
pub(crate) fn clamp_silence(wait: Duration) -> Duration {
    wait.clamp(SILENCE[0], SILENCE[1])
}

fn until_reset(reset: u64, headers: &HeaderMap) -> Duration {
    let instant = || DateTime::from_timestamp(i64::try_from(reset).ok()?, 0);
    let wait = match reset {
        EPOCH_FROM.. => instant().map_or(Duration::ZERO, |instant| until(instant, headers)),
        seconds => Duration::from_secs(seconds),
    };
    wait.min(LONGEST_WINDOW)
}

/// From the reply's own clock, so that ours does not matter (T23).
fn until(instant: DateTime<Utc>, headers: &HeaderMap) -> Duration {
    let now = server_date(headers).unwrap_or_else(Utc::now);
    (instant - now).to_std().unwrap_or_default()
}

fn http_date(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc2822(text)
        .ok()
        .map(|date| date.to_utc())
}

/// The leading digits: newer drafts of the header append parameters.
fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    let text = headers.get(name)?.to_str().ok()?.trim();
    let digits = text.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    fn headers(rows: &[(&str, &str)]) -> HeaderMap {
        rows.iter()
            .map(|(name, value)| {
                (
                    name.parse::<HeaderName>().unwrap(),
                    HeaderValue::from_str(value).unwrap(),
                )
            })
            .collect()
    }

    #[test]
    fn the_names_are_read_in_any_case_and_each_may_be_missing() {
        let quota = Quota::of(&headers(&[
            ("RateLimit-Limit", "400"),
            ("Ratelimit-Reset", "45"),
        ]));
        assert_eq!(
            quota,
            Quota {
                limit: Some(400),
                remaining: None,
                reset: Some(Duration::from_secs(45))
            }
        );
    }

    #[test]
    fn a_large_reset_is_an_instant_on_the_servers_clock() {
        let date = ("date", "Mon, 11 Jan 2027 09:00:00 GMT");
        let quota = Quota::of(&headers(&[date, ("ratelimit-reset", "1799658030")]));
        assert_eq!(quota.reset, Some(Duration::from_secs(30)));
    }

    #[test]
    fn garbage_in_a_header_is_as_good_as_none() {
        let rows = [
            ("ratelimit-limit", "many"),
            ("ratelimit-remaining", "-1"),
            ("ratelimit-reset", ""),
        ];
        assert_eq!(Quota::of(&headers(&rows)), Quota::default());
        assert_eq!(retry_after(&headers(&[("retry-after", "soon")])), None);
    }

    #[test]
    fn retry_after_is_clamped_and_may_be_a_date() {
        let asked = |value| {
            retry_after(&headers(&[
                ("date", "Mon, 11 Jan 2027 09:00:00 GMT"),
                ("retry-after", value),
            ]))
        };
        assert_eq!(asked("0"), Some(Duration::from_secs(1)));
        assert_eq!(asked("30"), Some(Duration::from_secs(30)));
        assert_eq!(asked("86400"), Some(Duration::from_mins(15)));
        assert_eq!(
            asked("Mon, 11 Jan 2027 09:01:00 GMT"),
            Some(Duration::from_mins(1))
        );
    }
}
