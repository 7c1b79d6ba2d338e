//! One health cycle: everything a profile asks of one service, once.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::future::join_all;
use policy::health::{CheckKind, Profile};
use rollout::health::CycleResult;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, timeout_at};

use super::applicable::{applicable, path, paths};
use super::figures::{self, FigureSource, Figures, Latency, Traffic};
use super::history::History;
use super::judge::{self, CheckResult, MIN_REQUESTS, Probe};
use super::prober::{Answer, NoAnswer, Prober};
use super::subject::Subject;
use crate::client::Client;
use crate::service::ServiceKind;

/// How long probes are added until there are enough of them for a rate or a percentile.
const TOP_UP: Duration = Duration::from_secs(10);

/// What is expected of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expectation {
    /// The version that must answer, with or without `v`; `None`: not asked.
    pub version: Option<String>,
    /// Since when the deploy is live; metrics from before say nothing about it.
    pub live_at: Option<DateTime<Utc>>,
    /// How fast it was before the deploy.
    pub before: Option<Latency>,
}

/// What one cycle showed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CycleSample {
    /// When it began.
    pub at: DateTime<Utc>,
    /// One for each check that makes sense for the service.
    pub checks: Vec<CheckSample>,
}

/// What one check showed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckSample {
    /// Which: `http /api/health`, `latency`, ...
    pub check: String,
    /// What it says.
    pub result: CheckResult,
    /// How long its answer took, if it asked for one and got it.
    pub latency_ms: Option<u32>,
}

impl CycleSample {
    /// The cycle as a whole. A failed one counts only once a control has answered; that is for the caller to ask (R20).
    pub fn result(&self) -> CycleResult {
        let of = |wanted: fn(&CheckResult) -> Option<&String>| {
            let reason = |sample: &CheckSample| {
                Some(format!("{}: {}", sample.check, wanted(&sample.result)?))
            };
            self.checks.iter().filter_map(reason).collect::<Vec<_>>()
        };
        let failures = of(|result| {
            if let CheckResult::Fail(reason) = result {
                Some(reason)
            } else {
                None
            }
        });
        let doubts = of(|result| {
            if let CheckResult::Abstain(reason) = result {
                Some(reason)
            } else {
                None
            }
        });
        if !failures.is_empty() {
            CycleResult::Failed {
                reason: failures.join("; "),
            }
        } else if self.checks.len() > doubts.len() {
            CycleResult::Passed
        } else if doubts.is_empty() {
            CycleResult::NoData {
                reason: "no check of the profile makes sense for this service".to_owned(),
            }
        } else {
            CycleResult::NoData {
                reason: doubts.join("; "),
            }
        }
    }
}

/// Makes health cycles.
///
/// ```no_run
/// # async fn example(profile: policy::health::Profile) -> Result<(), Box<dyn std::error::Error>> {
/// use render::ServiceKind;
/// use render::probe::{Checkup, Expectation, History, ProbeSettings, Prober, Subject};
///
/// let checkup = Checkup::new(Prober::new(&ProbeSettings::default())?, None);
/// let backend = Subject {
///     service: "srv-cukouhrtq21c73e9scng".into(),
///     role: "backend".into(),
///     kind: ServiceKind::WebService,
///     url: Some("https://acme-api.securewatch.app".to_owned()),
/// };
/// let expected = Expectation { version: Some("v1.1.0".to_owned()), ..Expectation::default() };
/// let sample = checkup.cycle(&backend, &profile, &expected, &mut History::default()).await;
/// println!("{:?}", sample.result());
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Checkup {
    prober: Prober,
    metrics: Option<Client>,
}

/// Everything that was seen in one cycle, before it is judged.
struct Seen<'a> {
    probes: BTreeMap<String, Probe>,
    traffic: Traffic,
    latency: Option<Latency>,
    expected: &'a Expectation,
}

impl Checkup {
    /// With a client, rates and percentiles come from Render's metrics where there are any.
    pub fn new(prober: Prober, metrics: Option<Client>) -> Self {
        Self { prober, metrics }
    }

    /// Asks everything once.
    pub async fn cycle(
        &self,
        subject: &Subject,
        profile: &Profile,
        expected: &Expectation,
        history: &mut History,
    ) -> CycleSample {
        let at = Utc::now();
        let checks = applicable(profile, subject);
        let seen = self.look(subject, &checks, expected, history).await;
        let checks = checks.iter().map(|check| seen.judge(check)).collect();
        CycleSample { at, checks }
    }

    /// How fast a service is before its deploy: by metrics, or by twenty probes. `None`: too little could be measured, or
    /// what is asked does not answer well.
    pub async fn latency_before(&self, subject: &Subject, profile: &Profile) -> Option<Latency> {
        let reference = paths(&applicable(profile, subject)).into_iter().next()?;
        let first = self.prober.get(&address(subject, &reference)?).await;
        first.ok().filter(Answer::is_success)?;
        let mut history = History::default();
        let figures = self.figures(subject, None, &mut history).await;
        if let Some(latency) = figures
            .latency
            .filter(|latency| latency.requests >= MIN_REQUESTS)
        {
            return Some(latency);
        }
        self.top_up(subject, &reference, &mut history).await;
        history
            .latency()
            .filter(|latency| latency.requests >= MIN_REQUESTS)
    }

    async fn look<'a>(
        &self,
        subject: &Subject,
        checks: &[CheckKind],
        expected: &'a Expectation,
        history: &mut History,
    ) -> Seen<'a> {
        let paths = paths(checks);
        let probes = self.probe(subject, &paths).await;
        let mut figures = Figures::default();
        if let Some(reference) = paths.first() {
            probes
                .get(reference)
                .into_iter()
                .for_each(|probe| history.record(probe));
            if checks.iter().any(needs_many_requests) {
                figures = self.figures(subject, expected.live_at, history).await;
            }
            if probes.values().all(is_up) && needs_many_probes(checks, expected, figures) {
                self.top_up(subject, reference, history).await;
            }
        }
        let latency = if compares_metrics(expected) {
            figures.latency
        } else {
            history.latency()
        };
        Seen {
            probes,
            traffic: enough(figures.traffic).unwrap_or(history.traffic()),
            latency,
            expected,
        }
    }

    async fn probe(&self, subject: &Subject, paths: &[String]) -> BTreeMap<String, Probe> {
        let asked = paths
            .iter()
            .filter_map(|path| Some((path.clone(), address(subject, path)?)));
        let probes = asked.map(async |(path, url)| (path, self.prober.get(&url).await));
        join_all(probes).await.into_iter().collect()
    }

    /// Reads metrics while they are a small part of the budget; otherwise the last ones stand.
    async fn figures(
        &self,
        subject: &Subject,
        since: Option<DateTime<Utc>>,
        history: &mut History,
    ) -> Figures {
        let now = Instant::now();
        let (known, is_stale) = history.figures(now);
        let has_metrics = subject.kind == ServiceKind::WebService;
        match &self.metrics {
            Some(client) if is_stale && has_metrics && client.has_spare_reads() => {
                let figures = figures::read(client, &subject.service, since).await;
                history.keep_figures(now, figures);
                figures
            }
            Some(_) | None => known,
        }
    }

    /// Adds probes, one after the other, until there are enough or it takes too long.
    async fn top_up(&self, subject: &Subject, reference: &str, history: &mut History) {
        let Some(url) = address(subject, reference) else {
            return;
        };
        let deadline = Instant::now() + TOP_UP;
        while history.len() < MIN_REQUESTS {
            match timeout_at(deadline, self.prober.get(&url)).await {
                Ok(probe) if was_asked(&probe) => history.record(&probe),
                Ok(_) | Err(_) => return,
            }
        }
    }
}

impl Seen<'_> {
    fn judge(&self, check: &CheckKind) -> CheckSample {
        let probe = path(check).and_then(|path| self.probes.get(path));
        let answer = probe.and_then(|probe| probe.as_ref().ok());
        let latency_ms =
            answer.map(|answer| u32::try_from(answer.latency.as_millis()).unwrap_or(u32::MAX));
        CheckSample {
            check: name(check),
            result: self.result(check, probe),
            latency_ms,
        }
    }

    fn result(&self, check: &CheckKind, probe: Option<&Probe>) -> CheckResult {
        let asked = |judge: &dyn Fn(&Probe) -> CheckResult| {
            probe.map_or_else(
                || CheckResult::Abstain("it has no address".to_owned()),
                judge,
            )
        };
        match check {
            CheckKind::Http(_) => asked(&judge::http),
            CheckKind::Version(path) => {
                asked(&|probe| judge::version(path, probe, self.expected.version.as_deref()))
            }
            CheckKind::Database {
                path,
                field,
                equals,
            } => asked(&|probe| judge::database(path, probe, field, equals)),
            CheckKind::Latency { max } => judge::latency(self.slowest(), *max),
            CheckKind::ErrorRate { max } => judge::error_rate(self.traffic, *max),
            CheckKind::Baseline { p95_ratio } => {
                judge::baseline(self.expected.before, self.latency, *p95_ratio)
            }
        }
    }

    fn slowest(&self) -> Option<Duration> {
        self.probes
            .values()
            .flatten()
            .map(|answer| answer.latency)
            .max()
    }
}

fn address(subject: &Subject, path: &str) -> Option<String> {
    let base = subject.url.as_deref()?.trim_end_matches('/');
    Some(format!("{base}/{}", path.trim_start_matches('/')))
}

fn is_up(probe: &Probe) -> bool {
    probe.as_ref().is_ok_and(|answer| answer.status < 500)
}

fn was_asked(probe: &Probe) -> bool {
    probe.as_ref().map_or_else(NoAnswer::was_asked, |_| true)
}

fn enough(traffic: Option<Traffic>) -> Option<Traffic> {
    traffic.filter(|traffic| traffic.requests >= MIN_REQUESTS)
}

fn compares_metrics(expected: &Expectation) -> bool {
    expected
        .before
        .is_some_and(|before| before.source == FigureSource::Metrics)
}

fn needs_many_requests(check: &CheckKind) -> bool {
    match check {
        CheckKind::ErrorRate { .. } | CheckKind::Baseline { .. } => true,
        CheckKind::Http(_)
        | CheckKind::Version(_)
        | CheckKind::Database { .. }
        | CheckKind::Latency { .. } => false,
    }
}

/// Whether a check asks for many requests that the metrics do not have.
fn needs_many_probes(checks: &[CheckKind], expected: &Expectation, figures: Figures) -> bool {
    checks.iter().any(|check| match check {
        CheckKind::ErrorRate { .. } => enough(figures.traffic).is_none(),
        CheckKind::Baseline { .. } => expected.before.is_some() && !compares_metrics(expected),
        CheckKind::Http(_)
        | CheckKind::Version(_)
        | CheckKind::Database { .. }
        | CheckKind::Latency { .. } => false,
    })
}

fn name(check: &CheckKind) -> String {
    match check {
        CheckKind::Http(path) => format!("http {path}"),
        CheckKind::Version(path) => format!("version {path}"),
        CheckKind::Database { path, .. } => format!("database {path}"),
        CheckKind::Latency { .. } => "latency".to_owned(),
        CheckKind::ErrorRate { .. } => "error_rate".to_owned(),
        CheckKind::Baseline { .. } => "baseline".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(results: &[CheckResult]) -> CycleSample {
        let check = |result: &CheckResult| CheckSample {
            check: "x".to_owned(),
            result: result.clone(),
            latency_ms: None,
        };
        CycleSample {
            at: DateTime::UNIX_EPOCH,
            checks: results.iter().map(check).collect(),
        }
    }

    #[test]
    fn one_failure_fails_a_cycle_and_abstentions_alone_say_nothing() {
        let fail = CheckResult::Fail("bad".to_owned());
        let doubt = CheckResult::Abstain("why".to_owned());
        let result = |results: &[CheckResult]| sample(results).result();
        assert_eq!(
            result(&[CheckResult::Pass, doubt.clone()]),
            CycleResult::Passed
        );
        let failed = CycleResult::Failed {
            reason: "x: bad".to_owned(),
        };
        assert_eq!(result(&[CheckResult::Pass, fail, doubt.clone()]), failed);
        assert_eq!(
            result(&[doubt]),
            CycleResult::NoData {
                reason: "x: why".to_owned()
            }
        );
        assert!(matches!(result(&[]), CycleResult::NoData { .. }));
    }
}
