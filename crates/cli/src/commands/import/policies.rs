//! `minor-release-policies.json`: how each tier is rolled out.

use serde_json::{Map, Value, json};

use super::draft::{Draft, Policy, slug};
use super::fields::Fields;
use super::spans::{lasting, number};
use super::{Account, approval, window};

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

/// What says that nobody waits for anybody.
const AT_ONCE: [&str; 5] = ["all", "all at once", "immediate", "automatic", "big bang"];

/// What says that one goes after the other.
const ONE_BY_ONE: [&str; 6] = [
    "one",
    "one by one",
    "one at a time",
    "individual",
    "sequential",
    "single",
];

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
    let before = account.ignored.len();
    days(&mut fields, &mut policy, account);
    batches(&mut fields, &mut policy.keys);
    checks(&mut fields, &mut policy.keys);
    if let Some(window) = window::window(&mut fields, account) {
        policy.keys.insert("window".to_owned(), window);
    }
    approval::approval(&mut fields, &mut policy.keys, draft, account);
    let keys: Vec<&str> = policy.keys.keys().map(String::as_str).collect();
    let keys = match keys.is_empty() {
        true => "everything as usual".to_owned(),
        false => keys.join(", "),
    };
    account.understood(format!("policy {name}: {keys}"));
    fields.rest(account);
    policy.left_out = account.ignored[before..].to_vec();
    draft.policies.insert(slug(name), policy);
}

/// On which days a tier goes.
#[derive(Debug, Default)]
struct Days {
    first: Option<u32>,
    last: Option<u32>,
}

impl Days {
    /// `start_day` and `end_day`, or words such as `days 8-21`.
    fn read(&mut self, fields: &mut Fields) {
        let day = |text: &str| text.parse::<u32>().ok();
        let range = fields.parsed(&["days", "day_range", "schedule", "timeline"], day_range);
        let first = fields.parsed(&["start_day", "from_day"], day);
        let last = fields.parsed(&["end_day", "to_day"], day);
        self.first = self.first.or(first).or(range.map(|(first, _)| first));
        self.last = self.last.or(last).or(range.and_then(|(_, last)| last));
    }
}

/// When a tier begins and is to be done, also said under `schedule`.
fn days(fields: &mut Fields, policy: &mut Policy, account: &mut Account) {
    let mut days = Days::default();
    days.read(fields);
    if let Some(mut schedule) = fields.object(&["schedule", "timeline"]) {
        days.read(&mut schedule);
        schedule.rest(account);
    }
    policy.start_day = days.first;
    let first = days.first.unwrap_or(0);
    let mut put =
        |key: &str, day: u32| policy.keys.insert(key.to_owned(), format!("{day}d").into());
    if first > 0 {
        put("not_before", first);
    }
    if let Some(last) = days.last.filter(|last| *last > first) {
        put("due", last);
    }
}

/// `8-21`, `Days 8-21`, `Day 0`: the first day, and the last one where it is said.
fn day_range(text: &str) -> Option<(u32, Option<u32>)> {
    let is_days = |word: &&str| !matches!(word.to_lowercase().as_str(), "day" | "days" | "to" | "");
    let words = text.split([' ', '-', '\u{2013}']).filter(is_days);
    let numbers: Option<Vec<u32>> = words.map(|word| word.parse().ok()).collect();
    match numbers?[..] {
        [first] => Some((first, None)),
        [first, last] => Some((first, Some(last))),
        _ => None,
    }
}

fn batches(fields: &mut Fields, keys: &mut Map<String, Value>) {
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            keys.insert(key.to_owned(), value);
        }
    };
    let percent = fields.parsed(&["batch_percentage", "batch_percent"], |text| {
        share(text.trim_end_matches('%'))
    });
    let sizes = [
        "batch_size",
        "batch",
        "rollout_strategy",
        "batch_strategy",
        "strategy",
    ];
    put("batch", percent.or_else(|| fields.parsed(&sizes, batch)));
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
    let parallel = ["max_parallel", "max_concurrent", "concurrency"];
    put("max_parallel", fields.parsed(&parallel, number));
    let failures = ["max_failures", "failure_threshold"];
    let tolerated = |text: &str| number(text).or_else(|| share(text.strip_suffix('%')?));
    put("max_failures", fields.parsed(&failures, tolerated));
}

/// `all`, a number, a share such as `50%` or `0.5`, or words such as `one by one`.
fn batch(text: &str) -> Option<Value> {
    let words = text.to_lowercase().replace(['_', '-'], " ");
    if AT_ONCE.contains(&words.as_str()) {
        return Some("all".into());
    }
    if ONE_BY_ONE.contains(&words.as_str()) {
        return Some(1.into());
    }
    let fraction = text
        .parse::<f64>()
        .ok()
        .filter(|of| (0.0..1.0).contains(of));
    match (fraction, text.strip_suffix('%')) {
        (Some(fraction), _) if fraction > 0.0 => {
            Some(format!("{}%", (fraction * 100.0).round()).into())
        }
        (_, Some(percent)) => share(percent.trim()),
        (_, None) => number(text).filter(|number| *number != json!(0)),
    }
}

/// `50` as `50%`.
fn share(percent: &str) -> Option<Value> {
    let percent: u8 = percent.parse().ok()?;
    (1..=100)
        .contains(&percent)
        .then(|| format!("{percent}%").into())
}

fn checks(fields: &mut Fields, keys: &mut Map<String, Value>) {
    let names = [
        "health_checks",
        "health_check",
        "health",
        "monitoring_level",
        "monitoring",
    ];
    if let Some(profile) = fields.parsed(&names, profile) {
        keys.insert("health".to_owned(), profile.into());
    }
    let names = ["auto_rollback", "automatic_rollback", "rollback_on_failure"];
    if let Some(automatic) = fields.truth(&names) {
        let mode = if automatic { "automatic" } else { "manual" };
        keys.insert("rollback".to_owned(), mode.into());
    }
}

fn profile(text: &str) -> Option<&'static str> {
    let text = text.to_lowercase();
    let is_basic = ["basic", "automated", "automatic"]
        .iter()
        .any(|word| text.contains(word));
    match text.contains("comprehensive") {
        true => Some("comprehensive"),
        false => is_basic.then_some("basic"),
    }
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
    fn days_and_batches_are_read_from_words() {
        let standard = json!({ "batch": 1, "not_before": "22d", "due": "51d" });
        for policy in [
            json!({ "rollout_strategy": "one_by_one", "timeline": "Days 22-51" }),
            json!({ "strategy": "individual", "schedule": { "start_day": 22, "end_day": 51 } }),
            json!({ "batch_size": "1", "days": "day 22 to day 51" }),
        ] {
            let (keys, ignored) = keys(&policy);
            assert_eq!(keys, standard, "{policy}");
            assert_eq!(ignored, [""; 0], "{policy}");
        }
        let (keys, ignored) = keys(&json!({ "strategy": "immediate", "timeline": "Day 0" }));
        assert_eq!((keys, ignored), (json!({ "batch": "all" }), Vec::new()));
    }

    #[test]
    fn what_makes_no_sense_is_left_out_and_named() {
        let policy = json!({ "health_checks": "psychic", "delay": [1], "colour": "red", "batch_size": "a few",
            "batch_interval_hours": "some", "timeline": "soon", "schedule": { "start_day": 3, "hour": 9 } });
        let (keys, ignored) = keys(&policy);
        // A first day says something by itself.
        assert_eq!(keys, json!({ "not_before": "3d" }));
        let nonsense = [
            "x.schedule.hour",
            "x.batch_interval_hours",
            "x.batch_size",
            "x.colour",
            "x.delay",
            "x.health_checks",
            "x.timeline",
        ];
        assert_eq!(ignored, nonsense);
    }
}
