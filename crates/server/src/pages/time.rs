//! How is an instant shown? In the zone of whoever reads, and in the customer's where that differs; always with the zone.

use std::fmt;

use axum::http::HeaderMap;
use axum::http::header::COOKIE;
use chrono::{Offset as _, TimeDelta};
use chrono_tz::Tz;
use policy::Timestamp;

/// Where a browser keeps the reader's zone. It is no secret and proves nothing.
pub(crate) const COOKIE_NAME: &str = "tranche-zone";

/// The zone that a browser names; UTC until it names one.
pub(crate) fn zone_of(headers: &HeaderMap) -> Tz {
    cookie(headers, COOKIE_NAME)
        .and_then(|name| name.parse().ok())
        .unwrap_or(Tz::UTC)
}

/// A cookie of this name, if it is sent.
pub(crate) fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let sent = headers.get_all(COOKIE).into_iter();
    let pairs = sent
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'));
    let mut values = pairs.filter_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='));
    values.next()
}

/// For whom instants are shown, and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    /// The zone of whoever reads.
    pub(crate) zone: Tz,
    /// The instant at which the page is made.
    pub(crate) now: Timestamp,
}

/// An instant as it stands on a page.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    at: Timestamp,
    zone: Tz,
    /// Where the customer is, if it is another time there.
    also: Option<Tz>,
    /// How far from now, in words.
    apart: Option<String>,
}

impl Clock {
    /// The instant, in the reader's zone.
    pub(crate) fn at(&self, at: Timestamp) -> Shown {
        Shown {
            at,
            zone: self.zone,
            also: None,
            apart: None,
        }
    }

    /// The same with how far that is from now.
    pub(crate) fn apart(&self, at: Timestamp) -> Shown {
        Shown {
            apart: Some(from_now(at - self.now)),
            ..self.at(at)
        }
    }

    /// The same in the customer's zone too, where it is another time there.
    pub(crate) fn both(&self, at: Timestamp, customer: Tz) -> Shown {
        let offset = |zone: Tz| at.with_timezone(&zone).offset().fix();
        Shown {
            also: Some(customer).filter(|customer| offset(*customer) != offset(self.zone)),
            ..self.apart(at)
        }
    }

    /// As text, for a sentence.
    pub(crate) fn text(&self, at: Timestamp) -> String {
        in_zone(at, self.zone)
    }
}

fn in_zone(at: Timestamp, zone: Tz) -> String {
    let local = at.with_timezone(&zone);
    let name = local.format("%Z").to_string();
    // Zones without letters of their own have their offset for a name.
    let name = match name.starts_with(['+', '-']) {
        true => format!("UTC{name}"),
        false => name,
    };
    format!("{} {name}", local.format("%a %-d %b %Y, %H:%M"))
}

/// `in 3 h 20 min`, `2 d ago`.
pub(crate) fn from_now(apart: TimeDelta) -> String {
    match apart.num_seconds() {
        -59..=59 => "now".to_owned(),
        60.. => format!("in {}", lasting(apart)),
        ..=-60 => format!("{} ago", lasting(-apart)),
    }
}

/// A length of time, in two parts at most.
pub(crate) fn lasting(length: TimeDelta) -> String {
    let minutes = length.num_minutes().max(0);
    let (days, hours, minutes) = (minutes / 1440, minutes / 60 % 24, minutes % 60);
    let parts = match (days, hours) {
        (0, 0) => [(minutes, "min"), (0, "")],
        (0, _) => [(hours, "h"), (minutes, "min")],
        (_, _) => [(days, "d"), (hours, "h")],
    };
    let parts = parts.iter().enumerate();
    let said = parts.filter(|(index, (number, _))| *index == 0 || *number > 0);
    let said: Vec<String> = said
        .map(|(_, (number, unit))| format!("{number} {unit}"))
        .collect();
    said.join(" ")
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let utc = self.at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
        write!(
            f,
            "<time datetime=\"{utc}\">{}</time>",
            in_zone(self.at, self.zone)
        )?;
        if let Some(apart) = &self.apart {
            write!(f, " <span class=\"soft\">({apart})</span>")?;
        }
        if let Some(also) = self.also {
            let there = in_zone(self.at, also);
            write!(
                f,
                "<br><span class=\"soft\">for the customer <time datetime=\"{utc}\">{there}</time> ({})</span>",
                also.name()
            )?;
        }
        Ok(())
    }
}

/// Made of numbers and the names of zones alone.
impl askama::filters::HtmlSafe for Shown {}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("an instant")
    }

    #[test]
    fn an_instant_is_shown_in_both_zones_where_they_differ() {
        let clock = Clock {
            zone: Tz::Europe__Berlin,
            now: at("2027-02-13T06:00:00Z"),
        };
        let shown = clock.both(at("2027-02-14T07:00:00Z"), Tz::America__New_York);
        assert_eq!(
            shown.to_string(),
            "<time datetime=\"2027-02-14T07:00:00Z\">Sun 14 Feb 2027, 08:00 CET</time> <span class=\"soft\">(in 1 d 1 h)</span><br><span class=\"soft\">for the customer <time datetime=\"2027-02-14T07:00:00Z\">Sun 14 Feb 2027, 02:00 EST</time> (America/New_York)</span>"
        );
        let same = clock.both(at("2027-02-14T07:00:00Z"), Tz::Europe__Paris);
        assert!(!same.to_string().contains("for the customer"), "{same}");
        let numbered = Clock {
            zone: Tz::America__Sao_Paulo,
            ..clock
        };
        assert!(
            numbered
                .text(at("2027-02-14T07:00:00Z"))
                .ends_with("04:00 UTC-03")
        );
    }

    #[test]
    fn lengths_are_told_in_two_parts_at_most() {
        let told = |seconds| from_now(TimeDelta::seconds(seconds));
        assert_eq!(told(30), "now");
        assert_eq!(told(61), "in 1 min");
        assert_eq!(told(2 * 3600), "in 2 h");
        assert_eq!(told(-(2 * 86_400 + 4 * 3600 + 60)), "2 d 4 h ago");
    }
}
