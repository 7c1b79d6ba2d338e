//! What an answer says about a check. Pure: from what was seen to a result.

use std::time::Duration;

use policy::Span;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::figures::{Latency, Traffic};
use super::prober::{Answer, NoAnswer};

/// Fewer requests than this say nothing about a rate or a percentile.
pub(super) const MIN_REQUESTS: u64 = 20;

/// A p95 up to this is fast, whatever it was before.
const FAST_MS: u32 = 250;

/// Foreign text in a reason is cut after this.
const MAX_QUOTED: usize = 40;

/// What one check says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckResult {
    /// All is well.
    Pass,
    /// It is not.
    Fail(String),
    /// Too little is known to say.
    Abstain(String),
}

/// What came of one probe.
pub(super) type Probe = Result<Answer, NoAnswer>;

/// 2xx in time.
pub(super) fn http(probe: &Probe) -> CheckResult {
    match success(probe) {
        Ok(_) => CheckResult::Pass,
        Err(result) => result,
    }
}

/// The release reports itself; a leading `v` is ignored on both sides.
pub(super) fn version(path: &str, probe: &Probe, expected: Option<&str>) -> CheckResult {
    let Some(expected) = expected else {
        return CheckResult::Abstain("no version is expected".to_owned());
    };
    match success(probe).map(|answer| reported_version(&answer.body)) {
        Err(result) => result,
        Ok(None) => CheckResult::Fail(format!("`{path}` reports no version")),
        Ok(Some(found)) if bare(&found) == bare(expected) => CheckResult::Pass,
        Ok(Some(found)) => CheckResult::Fail(format!(
            "`{path}` reports {}, not {expected}",
            quoted(&found)
        )),
    }
}

/// A field of a JSON answer has the value it should have.
pub(super) fn database(path: &str, probe: &Probe, field: &str, equals: &str) -> CheckResult {
    let found = match success(probe) {
        Ok(answer) => json_field(&answer.body, field),
        Err(result) => return result,
    };
    match found {
        None => CheckResult::Fail(format!("`{path}` has no field `{field}`")),
        Some(found) if found == equals => CheckResult::Pass,
        Some(found) => CheckResult::Fail(format!(
            "`{field}` at `{path}` is {}, not `{equals}`",
            quoted(&found)
        )),
    }
}

/// The slowest answer is fast enough.
pub(super) fn latency(slowest: Option<Duration>, max: Span) -> CheckResult {
    let Some(slowest) = slowest else {
        return CheckResult::Abstain("nothing answered".to_owned());
    };
    let slowest = Span::from_millis(i64::try_from(slowest.as_millis()).unwrap_or(i64::MAX));
    if slowest <= max {
        CheckResult::Pass
    } else {
        CheckResult::Fail(format!(
            "the slowest answer took {slowest}, more than {max}"
        ))
    }
}

/// The share of failed requests is small enough.
pub(super) fn error_rate(traffic: Traffic, max_percent: f64) -> CheckResult {
    if traffic.requests < MIN_REQUESTS {
        return CheckResult::Abstain(format!("fewer than {MIN_REQUESTS} requests"));
    }
    let percent = traffic.failed_percent();
    if percent <= max_percent {
        return CheckResult::Pass;
    }
    let Traffic { requests, failed } = traffic;
    CheckResult::Fail(format!(
        "{failed} of {requests} requests failed ({percent:.1} %), more than {max_percent} %"
    ))
}

/// The p95 has not grown beyond a multiple of what it was.
pub(super) fn baseline(
    before: Option<Latency>,
    now: Option<Latency>,
    max_ratio: f64,
) -> CheckResult {
    let enough = |latency: &Latency| latency.requests >= MIN_REQUESTS;
    let (Some(before), Some(now)) = (before.filter(enough), now.filter(enough)) else {
        return CheckResult::Abstain(format!(
            "fewer than {MIN_REQUESTS} requests before or after"
        ));
    };
    let limit = f64::from(before.p95_ms) * max_ratio;
    if now.p95_ms <= FAST_MS || f64::from(now.p95_ms) <= limit {
        return CheckResult::Pass;
    }
    CheckResult::Fail(format!(
        "p95 is {} ms, more than {max_ratio} times the {} ms before",
        now.p95_ms, before.p95_ms
    ))
}

fn success(probe: &Probe) -> Result<&Answer, CheckResult> {
    match probe {
        Ok(answer) if answer.is_success() => Ok(answer),
        Ok(answer) => Err(CheckResult::Fail(format!("it answered {}", answer.status))),
        Err(error) if error.was_asked() => Err(CheckResult::Fail(error.to_string())),
        Err(error) => Err(CheckResult::Abstain(error.to_string())),
    }
}

/// The JSON field `version`, a JSON string, or plain text.
fn reported_version(body: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?.trim();
    match serde_json::from_str(text) {
        Ok(Value::Object(fields)) => fields.get("version").and_then(as_text),
        Ok(Value::String(version)) => Some(version),
        Ok(_) | Err(_) if text.is_empty() => None,
        // `1.1` is a number to JSON and a version to us.
        Ok(_) | Err(_) => Some(text.to_owned()),
    }
}

fn bare(version: &str) -> &str {
    let version = version.trim();
    version.strip_prefix(['v', 'V']).unwrap_or(version)
}

/// A field by its name, or by a path of names with dots between.
fn json_field(body: &[u8], field: &str) -> Option<String> {
    let json: Value = serde_json::from_slice(body).ok()?;
    let nested = || {
        field
            .split('.')
            .try_fold(&json, |value, name| value.get(name))
    };
    json.get(field).or_else(nested).and_then(as_text)
}

fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn quoted(text: &str) -> String {
    let clean: String = text
        .chars()
        .filter(|c| !c.is_control())
        .take(MAX_QUOTED)
        .collect();
    format!("`{clean}`")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::FigureSource;

    #[expect(clippy::unnecessary_wraps, reason = "a probe is a result")]
    fn answer(status: u16, body: &str) -> Probe {
        Ok(Answer {
            status,
            body: body.as_bytes().to_vec(),
            latency: Duration::from_millis(20),
        })
    }

    fn passes(result: &CheckResult) -> bool {
        *result == CheckResult::Pass
    }

    fn fails(result: &CheckResult) -> bool {
        matches!(result, CheckResult::Fail(_))
    }

    fn abstains(result: &CheckResult) -> bool {
        matches!(result, CheckResult::Abstain(_))
    }

    #[test]
    fn only_2xx_is_an_answer() {
        for (status, good) in [
            (200, true),
            (204, true),
            (301, false),
            (404, false),
            (500, false),
            (503, false),
        ] {
            assert_eq!(passes(&http(&answer(status, ""))), good, "{status}");
        }
        assert!(fails(&http(&Err(NoAnswer::TimedOut(Duration::from_secs(
            10
        ))))));
    }

    #[test]
    fn a_probe_that_was_never_made_says_nothing() {
        let forbidden = Err(NoAnswer::Forbidden {
            host: "a".to_owned(),
            address: [127, 0, 0, 1].into(),
        });
        assert!(abstains(&http(&forbidden)));
        assert!(abstains(&version("/", &forbidden, Some("1.0.0"))));
    }

    #[test]
    fn a_version_is_found_in_json_or_text_with_or_without_v() {
        let rows = [
            (r#"{"version":"v1.1.0"}"#, true),
            (r#"{"version":"1.1.0","commit":"abc"}"#, true),
            (r#""v1.1.0""#, true),
            ("v1.1.0\n", true),
            ("1.1.0", true),
            (r#"{"version":"1.0.0"}"#, false),
            (r#"{"version":null}"#, false),
            (r#"{"release":"1.1.0"}"#, false),
            ("1.1.0-rc.1", false),
            ("vv1.1.0", false),
            ("", false),
            ("<html>1.1.0</html>", false),
        ];
        for (body, good) in rows {
            let result = version("/v", &answer(200, body), Some("v1.1.0"));
            assert_eq!(passes(&result), good, "{body}: {result:?}");
            assert_eq!(fails(&result), !good, "{body}");
        }
        assert!(fails(&version("/v", &answer(500, "1.1.0"), Some("v1.1.0"))));
        assert!(passes(&version("/v", &answer(200, "1.1"), Some("v1.1"))));
        assert!(abstains(&version("/v", &answer(200, "1.1"), None)));
    }

    #[test]
    fn a_database_field_may_be_nested_and_of_any_plain_type() {
        let rows = [
            (r#"{"database":"connected"}"#, "database", "connected", true),
            (r#"{"database":"down"}"#, "database", "connected", false),
            (r#"{"checks":{"db":true}}"#, "checks.db", "true", true),
            (r#"{"checks.db":"ok"}"#, "checks.db", "ok", true),
            (
                r#"{"database":{"state":"connected"}}"#,
                "database",
                "connected",
                false,
            ),
            ("connected", "database", "connected", false),
        ];
        for (body, field, equals, good) in rows {
            let result = database("/h", &answer(200, body), field, equals);
            assert_eq!(passes(&result), good, "{body}: {result:?}");
        }
    }

    #[test]
    fn foreign_text_in_a_reason_is_cut_and_clean() {
        let body = format!(r#"{{"version":"\u001b[31m{}"}}"#, "x".repeat(1_000));
        let CheckResult::Fail(reason) = version("/v", &answer(200, &body), Some("1.0.0")) else {
            panic!("a wrong version fails")
        };
        assert!(reason.len() < 100 && !reason.contains('\u{1b}'), "{reason}");
    }

    #[test]
    fn exactly_the_limit_is_still_fast_enough() {
        let max = Span::from_secs(5);
        assert!(passes(&latency(Some(Duration::from_secs(5)), max)));
        assert!(fails(&latency(Some(Duration::from_millis(5_001)), max)));
        assert!(abstains(&latency(None, max)));
    }

    #[test]
    fn an_error_rate_needs_enough_requests_and_may_reach_its_limit() {
        let traffic = |requests, failed| Traffic { requests, failed };
        assert!(passes(&error_rate(traffic(100, 5), 5.0)));
        assert!(fails(&error_rate(traffic(100, 6), 5.0)));
        assert!(abstains(&error_rate(traffic(19, 19), 5.0)));
        assert!(fails(&error_rate(traffic(20, 2), 5.0)));
    }

    #[test]
    fn a_baseline_compares_only_enough_slow_requests() {
        let seen = |p95_ms, requests| {
            Some(Latency {
                p95_ms,
                requests,
                source: FigureSource::Probes,
            })
        };
        assert!(fails(&baseline(seen(200, 20), seen(401, 20), 2.0)));
        assert!(passes(&baseline(seen(200, 20), seen(400, 20), 2.0)));
        assert!(passes(&baseline(seen(10, 20), seen(250, 20), 2.0)));
        assert!(fails(&baseline(seen(10, 20), seen(251, 20), 2.0)));
        assert!(abstains(&baseline(seen(10, 19), seen(900, 20), 2.0)));
        assert!(abstains(&baseline(seen(10, 20), seen(900, 19), 2.0)));
        assert!(abstains(&baseline(None, seen(900, 20), 2.0)));
    }
}
