//! `minor-release-policies.json`: how each tier is rolled out.

use policy::Span;
use serde_json::{Map, Value, json};

use super::Account;
use super::draft::{Draft, Policy, slug};
use super::fields::Fields;

/// Where the tiers stand, if not at the top.
const PLACES: [&str; 6] = [
    "policies",
    "tiers",
    "rollout_policies",
    "tier_policies",
    "minor_release_policies",
    "release_policies",
];

/// The tiers, by which a file is known that has them at the top.
const TIERS: [&str; 4] = ["demo", "startup", "standard", "enterprise"];

/// Weekdays as windows write them.
const DAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// Reads the policies of a file.
pub(super) fn read(fields: &mut Fields, draft: &mut Draft, account: &mut Account) {
    if let Some(tiers) = fields.object(&PLACES) {
        for (name, place, entry) in tiers.drain() {
            one(&name, place, entry, draft, account);
        }
        return;
    }
    for tier in TIERS {
        if fields.names().any(|name| name == tier)
            && let Some(entry) = fields.take(&[tier])
        {
            one(tier, tier.to_owned(), entry, draft, account);
        }
    }
}

fn one(name: &str, place: String, entry: Value, draft: &mut Draft, account: &mut Account) {
    let Value::Object(entry) = entry else {
        account.ignored(place);
        return;
    };
    let mut fields = Fields::new(place, entry);
    let mut policy = Policy::default();
    days(&mut fields, &mut policy);
    batches(&mut fields, &mut policy.keys);
    checks(&mut fields, &mut policy.keys, account);
    if let Some(window) = window(&mut fields) {
        policy.keys.insert("window".to_owned(), window);
    }
    approval(&mut fields, &mut policy.keys, draft);
    let keys: Vec<&str> = policy.keys.keys().map(String::as_str).collect();
    account.understood(format!("policy {name}: {}", keys.join(", ")));
    fields.rest(account);
    draft.policies.insert(slug(name), policy);
}

/// `start_day` and `end_day`, also under `schedule`, or `days: "8-21"`.
fn days(fields: &mut Fields, policy: &mut Policy) {
    let mut schedule = fields.object(&["schedule", "timeline"]);
    let mut day = |names: &[&str]| {
        let own = fields.text(names);
        own.or_else(|| schedule.as_mut()?.text(names))
    };
    let range = day(&["days", "day_range"]);
    let range = range.as_deref().and_then(|range| range.split_once('-'));
    let first = day(&["start_day", "from_day"]);
    let last = day(&["end_day", "to_day"]);
    let number = |text: &str| text.trim().parse::<u32>().ok();
    let first = first
        .as_deref()
        .or(range.map(|(first, _)| first))
        .and_then(number);
    let last = last
        .as_deref()
        .or(range.map(|(_, last)| last))
        .and_then(number);
    policy.start_day = first.unwrap_or(0);
    if policy.start_day > 0 {
        let day = format!("{}d", policy.start_day);
        policy.keys.insert("not_before".to_owned(), day.into());
    }
    if let Some(last) = last.filter(|last| *last > policy.start_day) {
        policy
            .keys
            .insert("due".to_owned(), format!("{last}d").into());
    }
}

fn batches(fields: &mut Fields, keys: &mut Map<String, Value>) {
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            keys.insert(key.to_owned(), value);
        }
    };
    let share = fields.text(&["batch_percentage", "batch_percent"]);
    let share = share.map(|share| Value::from(format!("{}%", share.trim_end_matches('%'))));
    let size = fields.take(&["batch_size", "batch"]).and_then(batch);
    put("batch", share.or(size));
    let delays = [
        "delay_between_batches",
        "batch_delay",
        "batch_interval",
        "delay",
    ];
    put(
        "delay",
        delays.iter().find_map(|stem| lasting(fields, stem)),
    );
    let soaks = ["soak", "soak_time", "monitoring", "monitoring_period"];
    put("soak", soaks.iter().find_map(|stem| lasting(fields, stem)));
    let parallel = fields.text(&["max_parallel", "max_concurrent", "concurrency"]);
    put("max_parallel", parallel.as_deref().and_then(number));
    let failures = fields.text(&["max_failures", "failure_threshold"]);
    put(
        "max_failures",
        failures.and_then(|text| number(&text).or(Some(text.into()))),
    );
}

/// `all`, a number, a share such as `50%` or `0.5`.
fn batch(value: Value) -> Option<Value> {
    match value {
        Value::Number(number) => match number.as_f64() {
            Some(share) if share > 0.0 && share < 1.0 => {
                Some(format!("{}%", (share * 100.0).round()).into())
            }
            Some(_) | None => Some(Value::Number(number)),
        },
        Value::String(text) => Some(number(&text).unwrap_or_else(|| text.into())),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn number(text: &str) -> Option<Value> {
    text.parse::<u32>().ok().map(Value::from)
}

/// A length of time: `2h`, `2 hours`, or a number under a name such as `delay_hours`.
fn lasting(fields: &mut Fields, stem: &str) -> Option<Value> {
    for (unit, letter) in [
        ("days", 'd'),
        ("hours", 'h'),
        ("minutes", 'm'),
        ("seconds", 's'),
    ] {
        if let Some(text) = fields.text(&[&format!("{stem}_{unit}")]) {
            return span(&format!("{text}{letter}"));
        }
    }
    let text = fields.text(&[stem])?;
    let (count, unit) = text.split_once(' ').unwrap_or((&text, ""));
    let letter = unit
        .chars()
        .next()
        .filter(|_| "days hours minutes seconds weeks".contains(unit));
    span(&text).or_else(|| span(&format!("{count}{}", letter?)))
}

fn span(text: &str) -> Option<Value> {
    text.parse::<Span>().ok().map(|_| text.into())
}

fn checks(fields: &mut Fields, keys: &mut Map<String, Value>, account: &mut Account) {
    let names = [
        "health_checks",
        "health_check",
        "health",
        "monitoring_level",
    ];
    match fields.text(&names).map(|text| text.to_lowercase()) {
        None => {}
        Some(text) if text.contains("comprehensive") => {
            keys.insert("health".to_owned(), "comprehensive".into());
        }
        Some(text)
            if ["basic", "automated", "automatic"]
                .iter()
                .any(|word| text.contains(word)) =>
        {
            keys.insert("health".to_owned(), "basic".into());
        }
        Some(text) => account.ignored(format!("the health checks `{text}`")),
    }
    if let Some(automatic) = fields.truth(&["auto_rollback", "automatic_rollback"]) {
        let mode = if automatic { "automatic" } else { "manual" };
        keys.insert("rollback".to_owned(), mode.into());
    }
}

/// Cron, duration and zone as they are here, or a day with its first and last hour.
fn window(fields: &mut Fields) -> Option<Value> {
    let mut window = fields.object(&["maintenance_window", "window"])?;
    let zone = window.text(&["timezone", "time_zone"]);
    let (cron, duration) = match window.text(&["cron", "schedule"]) {
        Some(cron) => (cron, lasting(&mut window, "duration")?),
        None => weekly(&mut window)?,
    };
    let mut shown = json!({ "cron": cron, "duration": duration });
    if let Some(zone) = zone {
        shown["timezone"] = zone.into();
    }
    Some(shown)
}

fn weekly(window: &mut Fields) -> Option<(String, Value)> {
    let day = window
        .text(&["day", "day_of_week", "weekday"])?
        .to_uppercase();
    let day = DAYS.iter().find(|known| day.starts_with(**known))?;
    let start = minutes(&window.text(&["start", "start_time"])?)?;
    let end = window.text(&["end", "end_time"]);
    let duration = match end {
        Some(end) => {
            let length = (minutes(&end)? + 24 * 60 - start) % (24 * 60);
            span(&format!("{length}m"))?
        }
        None => lasting(window, "duration")?,
    };
    Some((format!("{} {} * * {day}", start % 60, start / 60), duration))
}

/// `02:30` in minutes since midnight.
fn minutes(text: &str) -> Option<u32> {
    let (hour, minute) = text.split_once(':')?;
    let (hour, minute): (u32, u32) = (hour.parse().ok()?, minute.get(..2)?.parse().ok()?);
    (hour < 24 && minute < 60).then_some(hour * 60 + minute)
}

fn approval(fields: &mut Fields, keys: &mut Map<String, Value>, draft: &mut Draft) {
    let names = ["approval_required", "requires_approval", "manual_approval"];
    let required = fields.truth(&names) == Some(true);
    let quorum = fields.text(&["required_approvals", "min_approvals", "approval_count"]);
    let approvers = match fields.take(&["approvers"]) {
        Some(Value::Array(names)) => names,
        _ => Vec::new(),
    };
    if !required && quorum.is_none() && approvers.is_empty() {
        return;
    }
    let one_by_one = keys.get("batch") == Some(&json!(1));
    let mut approval = json!({ "per": if one_by_one { "customer" } else { "phase" } });
    if let Some(quorum) = quorum.as_deref().and_then(number) {
        approval["quorum"] = quorum;
    }
    let people: Vec<String> = approvers
        .iter()
        .filter_map(Value::as_str)
        .map(|name| person(name, draft))
        .collect();
    if !people.is_empty() {
        approval["from"] = json!(people);
    }
    keys.insert("approval".to_owned(), approval);
}

/// The key of a person, who is known by a name or an address.
fn person(name: &str, draft: &mut Draft) -> String {
    let (account, email) = match name.split_once('@') {
        Some((account, _)) => (account, Some(name.to_owned())),
        None => (name, None),
    };
    let key = slug(account);
    let known = draft.people.entry(key.clone()).or_default();
    *known = known.take().or(email);
    key
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    /// The keys that a policy of the scripts becomes, and what was left out.
    fn keys(policy: &Value) -> (Value, Vec<String>) {
        let (mut draft, mut account) = (Draft::default(), Account::default());
        one(
            "x",
            "x".to_owned(),
            policy.clone(),
            &mut draft,
            &mut account,
        );
        let keys = draft.policies.remove("x").unwrap().keys;
        (keys.into(), account.ignored)
    }

    #[test]
    fn shares_and_lengths_of_time_are_read_in_many_spellings() {
        let half = json!({ "batch": "50%", "delay": "2h" });
        for policy in [
            json!({ "batch_size": "50%", "delay_between_batches": "2h" }),
            json!({ "batchPercentage": 50, "delayHours": 2 }),
            json!({ "batch": 0.5, "batch_delay": "2 hours" }),
        ] {
            let (mut keys, ignored) = keys(&policy);
            assert_eq!(keys["batch"].take(), half["batch"], "{policy}");
            assert_eq!(keys["delay"].take(), half["delay"], "{policy}");
            assert_eq!(ignored, [""; 0], "{policy}");
        }
    }

    #[test]
    fn a_window_over_midnight_has_its_length() {
        let window = json!({ "day": "sat", "start_time": "22:30", "end_time": "02:00" });
        let (keys, _) = keys(&json!({ "maintenance_window": window }));
        assert_eq!(
            keys["window"],
            json!({ "cron": "30 22 * * SAT", "duration": "210m" })
        );
    }

    #[test]
    fn what_makes_no_sense_is_left_out_and_named() {
        let policy = json!({ "health_checks": "psychic", "delay": [1], "colour": "red" });
        let (keys, ignored) = keys(&policy);
        assert_eq!(keys, json!({}));
        assert_eq!(
            ignored,
            ["the health checks `psychic`", "x.colour", "x.delay"]
        );
    }
}
