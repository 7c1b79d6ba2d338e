//! How scalars are read: each format once, for the checks and for the typed values.

use chrono::{DateTime, NaiveDate, SubsecRound as _, Utc};
use chrono_tz::{TZ_VARIANTS, Tz};

use super::limits;
use super::node::{Kind, Scalar};
use super::shape::Format;
use crate::calendar::{Boundary, Cron};
use crate::rules::Share;
use crate::settings::SecretSource;
use crate::span::{Span, Timestamp};
use crate::suggest::nearest;

/// Why a scalar does not have its format.
pub(super) struct Wrong {
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) help: String,
}

impl Wrong {
    fn new(code: &'static str, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            help: help.into(),
        }
    }
}

/// What a format wants, for messages.
pub(super) fn wanted(format: Format) -> &'static str {
    match format {
        Format::Text | Format::Scalar => "a text",
        Format::Name => "a name",
        Format::Bool => "true or false",
        Format::Int(..) => "a whole number",
        Format::Positive => "a number",
        Format::Duration | Format::Lasting => "a duration such as `2h`",
        Format::Zone => "a time zone such as `Europe/Berlin`",
        Format::ZoneOrCustomer => "a time zone such as `Europe/Berlin`, or `customer`",
        Format::Instant => "an instant such as `2027-01-11T09:00:00Z`",
        Format::LiveOrInstant => "`live` or an instant such as `2027-01-11T09:00:00Z`",
        Format::Moment => "a date, a local date-time or an instant",
        Format::Date => "a date such as `2027-01-12`",
        Format::Cron => "five cron fields such as `0 2 * * SUN`",
        Format::Batch => "`all`, a number of customers or a percentage such as `25%`",
        Format::Tolerance => "a number of customers or a percentage such as `10%`",
        Format::Percent => "a percentage such as `5%`",
        Format::WholePercent(_) => "a whole percentage such as `10%`",
        Format::Url => "an address such as `https://acme.example`",
        Format::Path => "a path such as `/api/health`",
        Format::Secret => "a place such as `${env:NAME}`",
    }
}

/// Checks one scalar.
pub(super) fn check(format: Format, scalar: &Scalar<'_>) -> Result<(), Wrong> {
    let (text, kind) = (&*scalar.text, scalar.kind());
    if !fits(format, kind) {
        return Err(mistyped(format, text, kind));
    }
    match format {
        Format::Text | Format::Scalar | Format::Bool => Ok(()),
        Format::Name => name(text),
        Format::Int(min, max) => int(text, min, max),
        Format::Positive => positive(text),
        Format::Duration => span(text).map(|_| ()),
        Format::Lasting => lasting(text),
        Format::Zone => zone(text).map(|_| ()),
        Format::ZoneOrCustomer if text == "customer" => Ok(()),
        Format::ZoneOrCustomer => zone(text).map(|_| ()),
        Format::LiveOrInstant if text == "live" => Ok(()),
        Format::Instant | Format::LiveOrInstant => instant(text)
            .map(|_| ())
            .ok_or_else(|| not_an_instant(text)),
        Format::Moment => moment(text).map(|_| ()).ok_or_else(|| not_a_moment(text)),
        Format::Date => date(text).map(|_| ()).ok_or_else(|| not_a_date(text)),
        Format::Cron => cron(text),
        Format::Batch => share(text).map(|_| ()),
        Format::Tolerance => tolerance(text)
            .map(|_| ())
            .ok_or_else(|| wrong_share(text, 0)),
        Format::Percent => percent(text).map(|_| ()).ok_or_else(|| wrong_percent(text)),
        Format::WholePercent(min) => whole_percent(text)
            .filter(|percent| *percent >= min)
            .map(|_| ())
            .ok_or_else(|| wrong_whole_percent(text, min)),
        Format::Url => url(text),
        Format::Path => path(text),
        Format::Secret => secret(text),
    }
}

/// Whether YAML takes the scalar for a kind in which the format can be written.
fn fits(format: Format, kind: Kind) -> bool {
    match format {
        Format::Scalar => kind != Kind::Null,
        Format::Bool => kind == Kind::Bool,
        Format::Int(..) => kind == Kind::Int,
        Format::Positive => matches!(kind, Kind::Int | Kind::Float),
        Format::Duration | Format::Lasting | Format::Batch | Format::Tolerance => {
            matches!(kind, Kind::Int | Kind::Text)
        }
        Format::Text
        | Format::Name
        | Format::Zone
        | Format::ZoneOrCustomer
        | Format::Instant
        | Format::LiveOrInstant
        | Format::Moment
        | Format::Date
        | Format::Cron
        | Format::Percent
        | Format::WholePercent(_)
        | Format::Url
        | Format::Path
        | Format::Secret => kind == Kind::Text,
    }
}

fn mistyped(format: Format, text: &str, kind: Kind) -> Wrong {
    let (wanted, found) = (wanted(format), kind.name());
    let help = match (kind, format) {
        (Kind::Null, _) => "write a value, or remove the key".to_owned(),
        (_, Format::Text | Format::Name) => format!("put it in quotes: \"{text}\""),
        (Kind::Text, Format::Bool | Format::Int(..) | Format::Positive) => {
            "write it without quotes and units".to_owned()
        }
        (Kind::Int | Kind::Float, Format::Percent) | (Kind::Int, Format::WholePercent(_)) => {
            format!("add the percent sign: `{text}%`")
        }
        (_, _) => format!("write {wanted}"),
    };
    Wrong::new(
        "wrong-type",
        format!("expected {wanted}, found {found}"),
        help,
    )
}

fn name(text: &str) -> Result<(), Wrong> {
    let first = text.chars().next();
    let allowed = |c: char| c.is_alphanumeric() || "-_.@+".contains(c);
    let good = first.is_some_and(|c| c.is_alphanumeric() || c == '_') && text.chars().all(allowed);
    if good && text.len() <= limits::NAME_BYTES {
        return Ok(());
    }
    let help = format!(
        "use letters, digits, `-`, `_` and `.`, at most {}, such as `acme-corp`",
        limits::NAME_BYTES
    );
    Err(Wrong::new(
        "name",
        format!("`{text}` cannot be a name"),
        help,
    ))
}

/// Checks a name that is a key.
pub(super) fn check_name(text: &str) -> Result<(), Wrong> {
    name(text)
}

fn int(text: &str, min: i64, max: i64) -> Result<(), Wrong> {
    match text.parse::<i64>() {
        Ok(number) if (min..=max).contains(&number) => Ok(()),
        Ok(_) | Err(_) => {
            let range = if max >= i64::from(u32::MAX) {
                format!("{min} or more")
            } else {
                format!("{min} to {max}")
            };
            Err(Wrong::new(
                "range",
                format!("{text} is out of range"),
                format!("write a number of {range}"),
            ))
        }
    }
}

fn positive(text: &str) -> Result<(), Wrong> {
    match text.parse::<f64>() {
        Ok(number) if number > 0.0 && number.is_finite() => Ok(()),
        Ok(_) | Err(_) => Err(Wrong::new(
            "range",
            format!("{text} is out of range"),
            "write a number above 0",
        )),
    }
}

/// Reads a length of time.
pub(super) fn span(text: &str) -> Result<Span, Wrong> {
    text.parse().map_err(|error: crate::span::SpanError| {
        Wrong::new(
            "duration",
            error.to_string(),
            "the units are w, d, h, m and s, such as `1d 6h`",
        )
    })
}

fn lasting(text: &str) -> Result<(), Wrong> {
    if span(text)?.is_zero() {
        return Err(Wrong::new(
            "duration",
            "this must last longer than 0",
            "write a duration such as `30s`",
        ));
    }
    Ok(())
}

/// Reads a zone.
pub(super) fn zone(text: &str) -> Result<Tz, Wrong> {
    text.parse::<Tz>().map_err(|_| {
        let help = match nearest(text, TZ_VARIANTS.iter().map(|zone| zone.name())) {
            Some(zone) => format!("did you mean `{zone}`?"),
            None => "use a name of the IANA database such as `America/New_York`".to_owned(),
        };
        Wrong::new("zone", format!("there is no time zone `{text}`"), help)
    })
}

/// Reads an instant, cut to milliseconds.
pub(super) fn instant(text: &str) -> Option<Timestamp> {
    let at = DateTime::parse_from_rfc3339(text).ok()?;
    Some(at.with_timezone(&Utc).trunc_subsecs(3))
}

fn not_an_instant(text: &str) -> Wrong {
    let message = format!("`{text}` is not an instant");
    Wrong::new(
        "instant",
        message,
        "write RFC 3339 with a zone, such as `2027-01-11T09:00:00Z`",
    )
}

/// Reads a date (its 00:00), a local date-time or an instant.
pub(super) fn moment(text: &str) -> Option<Boundary> {
    text.parse().ok()
}

/// Reads a date.
pub(super) fn date(text: &str) -> Option<NaiveDate> {
    text.parse().ok()
}

fn not_a_date(text: &str) -> Wrong {
    Wrong::new(
        "instant",
        format!("`{text}` is no date"),
        "write year, month and day, such as `2027-01-12`",
    )
}

fn not_a_moment(text: &str) -> Wrong {
    let help = "write `2026-12-24` (its 00:00), `2026-12-24T18:00` or `2026-12-24T18:00:00Z`";
    Wrong::new(
        "instant",
        format!("`{text}` is no date, local date-time or instant"),
        help,
    )
}

fn cron(text: &str) -> Result<(), Wrong> {
    match text.parse::<Cron>() {
        Ok(_) => Ok(()),
        Err(error) => {
            let help = "the fields are minute, hour, day of month, month and weekday (Monday is 1), such as `0 2 * * SUN`";
            Err(Wrong::new("cron", error.to_string(), help))
        }
    }
}

/// Reads one share of a phase.
pub(super) fn share(text: &str) -> Result<Share, Wrong> {
    if text == "all" {
        return Ok(Share::All);
    }
    if text.ends_with('%') {
        let percent = whole_percent(text).filter(|percent| *percent > 0);
        return percent
            .map(Share::Percent)
            .ok_or_else(|| wrong_share(text, 1));
    }
    digits(text)
        .filter(|count| *count > 0)
        .map(Share::Count)
        .ok_or_else(|| wrong_share(text, 1))
}

fn wrong_share(text: &str, min: u32) -> Wrong {
    let help = format!("write a number of customers, or a percentage from {min}% to 100%");
    Wrong::new(
        "percent",
        format!("`{text}` is no share of the customers"),
        help,
    )
}

/// Reads a tolerance, which may be 0.
pub(super) fn tolerance(text: &str) -> Option<crate::rules::Tolerance> {
    use crate::rules::Tolerance;
    match text.ends_with('%') {
        true => whole_percent(text).map(Tolerance::Percent),
        false => digits(text).map(Tolerance::Count),
    }
}

/// Reads `5%` or `0.5%`.
pub(super) fn percent(text: &str) -> Option<f64> {
    let number: f64 = text.strip_suffix('%')?.trim_end().parse().ok()?;
    (0.0..=100.0).contains(&number).then_some(number)
}

fn wrong_percent(text: &str) -> Wrong {
    Wrong::new(
        "percent",
        format!("`{text}` is no percentage"),
        "write one from 0% to 100%, such as `5%`",
    )
}

/// Reads a percentage without a fraction, up to `100%`.
pub(super) fn whole_percent(text: &str) -> Option<u32> {
    digits(text.strip_suffix('%')?.trim_end()).filter(|percent| *percent <= 100)
}

fn wrong_whole_percent(text: &str, min: u32) -> Wrong {
    Wrong::new(
        "percent",
        format!("`{text}` is no whole percentage"),
        format!("write one from {min}% to 100%, such as `10%`"),
    )
}

/// A number without a sign.
fn digits(text: &str) -> Option<u32> {
    let all_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| all_digits)
}

/// The text itself is not repeated: it may be the secret.
fn secret(text: &str) -> Result<(), Wrong> {
    if SecretSource::reference(text).is_some() {
        return Ok(());
    }
    Err(Wrong::new(
        "secret",
        "a secret never stands in a file of the project",
        "write where it is: `${env:NAME}` or `${file:PATH}`",
    ))
}

fn url(text: &str) -> Result<(), Wrong> {
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    let host = rest.map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
    if host.is_some_and(|host| !host.is_empty() && !host.contains([' ', '@']))
        && !text.contains(char::is_whitespace)
    {
        return Ok(());
    }
    Err(Wrong::new(
        "url",
        format!("`{text}` is no address"),
        "write it with its scheme, such as `https://acme.example`",
    ))
}

fn path(text: &str) -> Result<(), Wrong> {
    if text.starts_with('/') && !text.contains(char::is_whitespace) {
        return Ok(());
    }
    Err(Wrong::new(
        "path",
        format!("`{text}` is no path"),
        "begin with a slash, such as `/api/health`",
    ))
}
