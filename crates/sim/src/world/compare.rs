//! Do the events that happened agree with the expectations of a scenario?
//!
//! For every kind that occurs in the expectations, the full list of events of that kind counts: same number, same
//! instants, every written field equal (`data` key by key). Events of one kind at one instant may come in any order.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use policy::Timestamp;
use policy::parse::scenario::Expected;
use rollout::{Event, show_instant};
use serde::Serialize;
use serde_json::{Map, Value};

/// Fields that say nothing about what happened.
const ENVELOPE: [&str; 5] = ["seq", "at", "kind", "prev", "hash"];

/// Everything that was expected otherwise. Its `Display` is a small diff for people.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Differences {
    /// Kinds whose events are not those expected.
    pub kinds: Vec<KindDifference>,
    /// Events of kinds that must not occur at all.
    pub forbidden: Vec<Seen>,
}

/// What is different about the events of one kind.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct KindDifference {
    /// The kind.
    pub kind: String,
    /// How many were expected.
    pub expected: usize,
    /// How many there were.
    pub happened: usize,
    /// Expected, and did not happen.
    pub missing: Vec<Seen>,
    /// Happened, and was not expected.
    pub unexpected: Vec<Seen>,
}

/// One event, or one expected: its instant and what is said of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Seen {
    /// When.
    pub at: Timestamp,
    /// Its kind.
    pub kind: String,
    /// Its other fields.
    pub fields: Map<String, Value>,
}

impl Differences {
    /// Whether everything was as expected.
    pub fn is_empty(&self) -> bool {
        self.kinds.is_empty() && self.forbidden.is_empty()
    }
}

/// Compares what happened with what was expected, and with the kinds that must not occur.
pub fn compare(expect: &[Expected], none: &[String], events: &[Event]) -> Differences {
    let mut happened: BTreeMap<&str, Vec<Seen>> = BTreeMap::new();
    let kinds: BTreeSet<&str> = expect.iter().map(|row| row.kind.as_str()).collect();
    let banned: BTreeSet<&str> = none.iter().map(String::as_str).collect();
    for event in events {
        let kind = event.line.kind.as_str();
        if kinds.contains(kind) || banned.contains(kind) {
            happened.entry(kind).or_default().push(Seen::from(event));
        }
    }
    let forbidden = banned
        .iter()
        .flat_map(|kind| happened.get(kind).cloned().unwrap_or_default());
    Differences {
        forbidden: forbidden.collect(),
        kinds: kinds
            .iter()
            .filter_map(|kind| {
                compare_kind(kind, expect, happened.get(kind).map_or(&[], Vec::as_slice))
            })
            .collect(),
    }
}

fn compare_kind(kind: &str, expect: &[Expected], happened: &[Seen]) -> Option<KindDifference> {
    let expected: Vec<&Expected> = expect.iter().filter(|row| row.kind == kind).collect();
    let mut missing = Vec::new();
    let mut unexpected = Vec::new();
    for (wanted, seen) in by_instant(&expected, happened).into_values() {
        let pairs = pair(&wanted, &seen);
        let met: BTreeSet<usize> = pairs.iter().copied().flatten().collect();
        let unmet = wanted
            .iter()
            .zip(&pairs)
            .filter(|(_, partner)| partner.is_none());
        missing.extend(unmet.map(|(row, _)| Seen::from(*row)));
        let extra = seen
            .iter()
            .enumerate()
            .filter(|(place, _)| !met.contains(place));
        unexpected.extend(extra.map(|(_, event)| (*event).clone()));
    }
    (!missing.is_empty() || !unexpected.is_empty()).then(|| KindDifference {
        kind: kind.to_owned(),
        expected: expected.len(),
        happened: happened.len(),
        missing,
        unexpected,
    })
}

/// What was expected and what happened at one instant.
type Instant<'a> = (Vec<&'a Expected>, Vec<&'a Seen>);

fn by_instant<'a>(
    expected: &[&'a Expected],
    happened: &'a [Seen],
) -> BTreeMap<Timestamp, Instant<'a>> {
    let mut instants: BTreeMap<Timestamp, Instant<'a>> = BTreeMap::new();
    for row in expected {
        instants.entry(row.at).or_default().0.push(row);
    }
    for event in happened {
        instants.entry(event.at).or_default().1.push(event);
    }
    instants
}

/// Gives each row an event of its own, as many rows as possible; rows say little, so the first fit may be another's only one.
fn pair(rows: &[&Expected], events: &[&Seen]) -> Vec<Option<usize>> {
    let mut taken_by: Vec<Option<usize>> = vec![None; events.len()];
    for row in 0..rows.len() {
        let mut asked = vec![false; events.len()];
        find_partner(row, rows, events, &mut taken_by, &mut asked);
    }
    let mut pairs = vec![None; rows.len()];
    for (event, row) in taken_by.into_iter().enumerate() {
        if let Some(row) = row {
            pairs[row] = Some(event);
        }
    }
    pairs
}

fn find_partner(
    row: usize,
    rows: &[&Expected],
    events: &[&Seen],
    taken_by: &mut [Option<usize>],
    asked: &mut [bool],
) -> bool {
    for event in 0..events.len() {
        if asked[event] || !fits(rows[row], events[event]) {
            continue;
        }
        asked[event] = true;
        let free = match taken_by[event] {
            None => true,
            Some(other) => find_partner(other, rows, events, taken_by, asked),
        };
        if free {
            taken_by[event] = Some(row);
            return true;
        }
    }
    false
}

fn fits(row: &Expected, event: &Seen) -> bool {
    row.fields.iter().all(|(key, wanted)| {
        let got = event.fields.get(key);
        match (key.as_str(), wanted) {
            ("data", Value::Object(wanted)) => data_fits(wanted, got),
            _ => same(wanted, got),
        }
    })
}

fn data_fits(wanted: &Map<String, Value>, got: Option<&Value>) -> bool {
    let field = |key: &str| got.and_then(|data| data.get(key));
    wanted.iter().all(|(key, wanted)| same(wanted, field(key)))
}

/// Absent is null, and instants are compared as instants, not as text.
fn same(wanted: &Value, got: Option<&Value>) -> bool {
    let got = got.unwrap_or(&Value::Null);
    wanted == got
        || match (instant(wanted), instant(got)) {
            (Some(wanted), Some(got)) => wanted == got,
            (Some(_) | None, Some(_) | None) => false,
        }
}

fn instant(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

impl From<&Event> for Seen {
    fn from(event: &Event) -> Self {
        let Ok(Value::Object(mut fields)) = serde_json::to_value(event) else {
            unreachable!("an event serialises to an object");
        };
        for key in ENVELOPE {
            fields.remove(key);
        }
        Self {
            at: event.at,
            kind: event.line.kind.as_str().to_owned(),
            fields,
        }
    }
}

impl From<&Expected> for Seen {
    fn from(row: &Expected) -> Self {
        Self {
            at: row.at,
            kind: row.kind.clone(),
            fields: row.fields.clone(),
        }
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", show_instant(self.at), self.kind)?;
        for (key, value) in &self.fields {
            match value {
                Value::String(text) => write!(f, " {key}={text}")?,
                Value::Object(data) if key == "data" => show_data(data, f)?,
                Value::Null
                | Value::Bool(_)
                | Value::Number(_)
                | Value::Array(_)
                | Value::Object(_) => {
                    write!(f, " {key}={value}")?;
                }
            }
        }
        Ok(())
    }
}

/// Values of `data` that would fill the screen (a plan) are left out.
fn show_data(data: &Map<String, Value>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    const LONGEST: usize = 60;
    for (key, value) in data {
        let text = value.to_string();
        if text.len() <= LONGEST {
            write!(f, " data.{key}={text}")?;
        } else {
            write!(f, " data.{key}=...")?;
        }
    }
    Ok(())
}

impl fmt::Display for Differences {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for kind in &self.kinds {
            kind.fmt(f)?;
        }
        if !self.forbidden.is_empty() {
            writeln!(f, "must not happen at all:")?;
        }
        for seen in &self.forbidden {
            writeln!(f, "  + {seen}")?;
        }
        Ok(())
    }
}

/// Lines in order of time: `-` was expected, `+` happened.
impl fmt::Display for KindDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            kind,
            expected,
            happened,
            missing,
            unexpected,
        } = self;
        writeln!(f, "{kind}: {expected} expected, {happened} happened")?;
        let missing = missing.iter().map(|seen| ('-', seen));
        let mut lines: Vec<_> = missing
            .chain(unexpected.iter().map(|seen| ('+', seen)))
            .collect();
        lines.sort_by_key(|(_, seen)| seen.at);
        for (sign, seen) in lines {
            writeln!(f, "  {sign} {seen}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail where it stands")]
mod tests {
    use rollout::Line;
    use rollout::event::GENESIS;
    use serde_json::json;

    use super::*;

    const NOON: &str = "2027-01-11T12:00:00Z";

    fn happened(at: &str, fact: Line) -> Event {
        Event::link(1, at.parse().unwrap(), fact, GENESIS.to_owned())
    }

    fn line(line: Value) -> Line {
        serde_json::from_value(line).unwrap()
    }

    fn paused() -> Line {
        line(json!({ "kind": "paused" }))
    }

    fn healthy(customer: &str, data: &Value) -> Event {
        let fact =
            json!({ "kind": "customer_healthy", "customer": customer, "data": { "note": data } });
        happened(NOON, line(fact))
    }

    fn expected(at: &str, kind: &str, fields: &Value) -> Expected {
        Expected {
            at: at.parse().unwrap(),
            kind: kind.to_owned(),
            fields: fields.as_object().unwrap().clone(),
        }
    }

    fn wanted(fields: &Value) -> Expected {
        expected(NOON, "customer_healthy", fields)
    }

    #[test]
    fn only_written_fields_and_written_kinds_are_compared() {
        let events = [healthy("a", &json!(1)), happened(NOON, paused())];
        assert!(compare(&[wanted(&json!({}))], &[], &events).is_empty());
        assert!(compare(&[wanted(&json!({"customer": "a"}))], &[], &events).is_empty());
        assert!(compare(&[wanted(&json!({"data": {"note": 1}}))], &[], &events).is_empty());
        assert!(!compare(&[wanted(&json!({"data": {"note": 2}}))], &[], &events).is_empty());
        assert!(!compare(&[wanted(&json!({"customer": "b"}))], &[], &events).is_empty());
    }

    #[test]
    fn each_event_of_an_expected_kind_must_be_expected() {
        let events = [healthy("a", &json!(1)), healthy("b", &json!(1))];
        let differences = compare(&[wanted(&json!({"customer": "b"}))], &[], &events);
        assert_eq!(differences.kinds[0].missing, []);
        assert_eq!(differences.kinds[0].unexpected, [Seen::from(&events[0])]);
    }

    #[test]
    fn a_vague_row_leaves_the_only_fit_to_a_precise_one() {
        let events = [healthy("a", &json!(1)), healthy("b", &json!(1))];
        let rows = [wanted(&json!({})), wanted(&json!({"customer": "a"}))];
        assert!(compare(&rows, &[], &events).is_empty());
    }

    #[test]
    fn instants_are_compared_as_instants() {
        let fact = line(json!({
            "kind": "soak_started",
            "until": "2027-01-12T12:00:00Z",
            "data": { "other": "2027-01-12T12:00:00.000Z" },
        }));
        let fields = json!({"until": "2027-01-12T13:00:00+01:00", "data": {"other": "2027-01-12T12:00:00Z"}});
        let row = expected("2027-01-11T07:00:00-05:00", "soak_started", &fields);
        assert!(compare(&[row], &[], &[happened(NOON, fact)]).is_empty());
    }

    #[test]
    fn null_means_absent() {
        let row = wanted(&json!({"batch": null, "data": {"begins": null}}));
        assert!(compare(&[row], &[], &[healthy("a", &json!(1))]).is_empty());
    }

    #[test]
    fn a_forbidden_kind_is_a_difference() {
        let none = ["paused".to_owned()];
        let differences = compare(&[], &none, &[happened(NOON, paused())]);
        assert_eq!(
            differences.to_string(),
            "must not happen at all:\n  + 2027-01-11T12:00:00.000Z paused\n"
        );
    }

    #[test]
    fn differences_read_like_a_diff_in_order_of_time() {
        let late = expected(
            "2027-01-11T13:00:00Z",
            "customer_healthy",
            &json!({"customer": "a"}),
        );
        let differences = compare(&[late], &[], &[healthy("a", &json!(1))]);
        assert_eq!(
            differences.to_string(),
            "customer_healthy: 1 expected, 1 happened\n  \
             + 2027-01-11T12:00:00.000Z customer_healthy customer=a data.note=1\n  \
             - 2027-01-11T13:00:00.000Z customer_healthy customer=a\n"
        );
    }
}
