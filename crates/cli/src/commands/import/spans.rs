//! How are numbers and lengths of time written in what is imported?

use policy::Span;
use serde_json::Value;

use super::fields::Fields;

/// A whole number.
pub(super) fn number(text: &str) -> Option<Value> {
    text.parse::<u32>().ok().map(Value::from)
}

/// A length of time: `2h`, `2 hours`, or a number under a name such as `delay_hours`.
pub(super) fn lasting(fields: &mut Fields, stem: &str) -> Option<Value> {
    let units = [
        ("days", 'd'),
        ("hours", 'h'),
        ("minutes", 'm'),
        ("seconds", 's'),
    ];
    let mut named = units.iter();
    let named = named.find_map(|(unit, letter)| {
        let name = format!("{stem}_{unit}");
        fields.parsed(&[&name], |text| span(&format!("{text}{letter}")))
    });
    named.or_else(|| fields.parsed(&[stem], long))
}

/// `2h`, or `2 hours`.
fn long(text: &str) -> Option<Value> {
    let (count, unit) = text.split_once(' ').unwrap_or((text, ""));
    let letter = unit
        .chars()
        .next()
        .filter(|_| "days hours minutes seconds weeks".contains(unit));
    span(text).or_else(|| span(&format!("{count}{}", letter?)))
}

/// A length of time as the files write it.
pub(super) fn span(text: &str) -> Option<Value> {
    text.parse::<Span>().ok().map(|_| text.into())
}
