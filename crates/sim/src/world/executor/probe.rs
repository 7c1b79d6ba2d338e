//! Health: which cycles take place, and what they show.
//!
//! Cycles follow each other by the profile's `every` from the instant at which a service went live, or at which the
//! process began (R20). As long as nothing can change what a cycle shows, the cycles in between are passed over.

use policy::health::{CheckKind, Profile};
use policy::{Role, Span, Timestamp};
use rollout::command::{DeployView, Probed, Target};
use rollout::health::{Cycle, CycleResult, Fold, Verdict};
use rollout::{DeployId, Outcome};
use serde_json::Value;

use super::view::deploy_view;
use super::{Progress, SimExecutor};
use crate::platform::ServiceKind;
use crate::site::SiteReply;

/// What is asked of the cycles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// A verdict.
    Verify,
    /// A verdict, if it is bad.
    Watch,
    /// One passing cycle of each service.
    Confirm,
}

/// How far the probing of a customer has come.
#[derive(Debug)]
pub(super) struct Probing {
    purpose: Purpose,
    services: Vec<Probe>,
}

/// How far the probing of a service has come.
#[derive(Debug)]
struct Probe {
    /// A cycle; all others are whole multiples of `every` away.
    base: Timestamp,
    /// The next cycle that can matter.
    next: Option<Timestamp>,
    /// What was live at the last look.
    live: Option<DeployId>,
    fold: Fold,
    passed: bool,
}

/// What a look at one service says.
enum Look {
    Verdict(Verdict),
    Replaced(Option<DeployView>),
    Nothing,
}

impl SimExecutor {
    pub(super) fn verify(
        &mut self,
        probing: &mut Option<Probing>,
        probed: &Probed,
        profile: &Profile,
    ) -> Result<Outcome, Progress> {
        let probed = std::slice::from_ref(probed);
        self.probe(probing, Purpose::Verify, probed, profile)
    }

    pub(super) fn probe(
        &mut self,
        probing: &mut Option<Probing>,
        purpose: Purpose,
        probed: &[Probed],
        profile: &Profile,
    ) -> Result<Outcome, Progress> {
        let probing = probing.get_or_insert_with(|| self.begin_probing(purpose, probed, profile));
        for (service, probe) in probed.iter().zip(&mut probing.services) {
            let role = service.target.role.clone();
            match self.probe_service(purpose, service, profile, probe) {
                Look::Verdict(verdict) => return Ok(Outcome::Judged { role, verdict }),
                Look::Replaced(by) => return Ok(Outcome::Replaced { role, by }),
                Look::Nothing => {}
            }
        }
        if let Some(outcome) = probing.confirmed(self.now, probed) {
            return Ok(outcome);
        }
        Err(self.next_look(probing, probed))
    }

    fn begin_probing(&self, purpose: Purpose, probed: &[Probed], profile: &Profile) -> Probing {
        let services = probed.iter().map(|service| {
            let since = service.live_at.max(self.began_at);
            let (base, next) = match purpose {
                Purpose::Watch => (since, cycle_from(since, profile.every, self.now)),
                Purpose::Verify | Purpose::Confirm => (self.now, self.now),
            };
            Probe {
                base,
                next: Some(next),
                live: service.deploy.clone(),
                fold: Fold::new(),
                passed: false,
            }
        });
        Probing {
            purpose,
            services: services.collect(),
        }
    }

    fn probe_service(
        &mut self,
        purpose: Purpose,
        service: &Probed,
        profile: &Profile,
        probe: &mut Probe,
    ) -> Look {
        if !self.is_still_live(service) {
            return Look::Replaced(self.live(service));
        }
        let live = self.live(service).map(|live| live.id);
        if std::mem::replace(&mut probe.live, live.clone()) != live {
            // Another deploy answers from now on: the next cycle matters.
            let next = cycle_from(probe.base, profile.every, self.now);
            probe.next = Some(probe.next.map_or(next, |known| known.min(next)));
        }
        if probe.next.is_none_or(|next| next > self.now) {
            return Look::Nothing;
        }
        let result = self.cycle(service, profile);
        probe.passed |= result == CycleResult::Passed;
        let changes_at = self.faults.next_stir(&service.target.id, self.now);
        probe.next = if matters(&result, purpose) {
            Some(self.now + profile.every.to_delta())
        } else {
            changes_at.map(|at| cycle_from(probe.base, profile.every, at))
        };
        let cycle = Cycle {
            at: self.now,
            result,
        };
        match probe.fold.add(profile, cycle) {
            Some(verdict) if decides(purpose, &verdict) => Look::Verdict(verdict),
            Some(_) | None => Look::Nothing,
        }
    }

    /// Whether what is probed is live, as far as Render can be asked.
    fn is_still_live(&mut self, service: &Probed) -> bool {
        let Some(wanted) = &service.deploy else {
            return true;
        };
        self.unreachable_until(self.now).is_some()
            || self.live(service).is_some_and(|live| live.id == *wanted)
    }

    fn live(&mut self, service: &Probed) -> Option<DeployView> {
        self.platform.advance(self.now);
        let found = self.platform.service(&service.target.id).ok()?;
        found.live_deploy().map(deploy_view)
    }

    fn next_look(&self, probing: &Probing, probed: &[Probed]) -> Progress {
        let cycles = probing.services.iter().filter_map(|probe| probe.next);
        let stirs = probed
            .iter()
            .filter_map(|service| self.faults.next_stir(&service.target.id, self.now));
        let at = cycles.chain(stirs).min();
        if probed
            .iter()
            .any(|service| self.is_being_deployed(&service.target))
        {
            return Progress::LookOnChange { until: at };
        }
        at.map_or(Progress::Rest, Progress::LookAt)
    }

    fn is_being_deployed(&self, target: &Target) -> bool {
        let service = self.platform.service(&target.id);
        service.is_ok_and(|service| service.running.is_some() || service.waiting.is_some())
    }

    /// All checks of the profile; a failure counts only while Render itself answers (R20).
    fn cycle(&mut self, service: &Probed, profile: &Profile) -> CycleResult {
        match self.checks(service, profile) {
            Ok(true) => CycleResult::Passed,
            Ok(false) => no_data("every check abstained"),
            Err(_) if self.unreachable_until(self.now).is_some() => no_data("no control answered"),
            Err(reason) => CycleResult::Failed { reason },
        }
    }

    /// Whether any check passed, or what the first that failed saw.
    fn checks(&mut self, service: &Probed, profile: &Profile) -> Result<bool, String> {
        let target = &service.target;
        let is_static = self.is_static(target);
        if is_static {
            self.answers(target, "/")?;
        }
        let mut any_passed = is_static;
        for check in &profile.checks {
            let asked = match &check.on {
                Some(role) => *role == target.role,
                None => !is_static || suits_files(&check.kind),
            };
            if asked && let Some(result) = self.check(&check.kind, service) {
                result?;
                any_passed = true;
            }
        }
        Ok(any_passed)
    }

    fn is_static(&self, target: &Target) -> bool {
        let service = self.platform.service(&target.id);
        service.is_ok_and(|service| service.kind == ServiceKind::StaticSite)
    }

    /// What one check says; `None`: it abstains.
    fn check(&mut self, kind: &CheckKind, service: &Probed) -> Option<Result<(), String>> {
        let target = &service.target;
        match kind {
            CheckKind::Http(path) => Some(self.answers(target, path).map(drop)),
            CheckKind::Version(path) => {
                let wanted = service.version.as_ref()?;
                Some(
                    self.answers(target, path)
                        .and_then(|reply| reports_version(&reply, wanted)),
                )
            }
            CheckKind::Database {
                path,
                field,
                equals,
            } => Some(
                self.answers(target, path)
                    .and_then(|reply| reports_field(&reply, field, equals)),
            ),
            CheckKind::Latency { max } => Some(
                self.answers(target, "/")
                    .and_then(|reply| answers_within(&reply, *max)),
            ),
            // Too few requests are made here for these to say anything.
            CheckKind::ErrorRate { .. } | CheckKind::Baseline { .. } => None,
        }
    }

    fn answers(&mut self, target: &Target, path: &str) -> Result<SiteReply, String> {
        let reply = self.platform.visit(self.now, &target.id, path);
        let reply = reply.ok_or_else(|| format!("{path}: nothing answers"))?;
        if (200..300).contains(&reply.status) {
            return Ok(reply);
        }
        Err(format!("{path}: {}", reply.status))
    }
}

/// Reports of version and database and paths below `/api` are asked of servers only.
fn suits_files(kind: &CheckKind) -> bool {
    match kind {
        CheckKind::Http(path) => !path.starts_with("/api"),
        CheckKind::Version(_) | CheckKind::Database { .. } => false,
        CheckKind::Latency { .. } | CheckKind::ErrorRate { .. } | CheckKind::Baseline { .. } => {
            true
        }
    }
}

fn no_data(reason: &str) -> CycleResult {
    CycleResult::NoData {
        reason: reason.to_owned(),
    }
}

impl Probing {
    fn confirmed(&self, now: Timestamp, probed: &[Probed]) -> Option<Outcome> {
        let all =
            self.purpose == Purpose::Confirm && self.services.iter().all(|probe| probe.passed);
        let role: Role = probed.last().filter(|_| all)?.target.role.clone();
        let cycle = Cycle {
            at: now,
            result: CycleResult::Passed,
        };
        let verdict = Verdict {
            healthy: true,
            cycles: vec![cycle],
        };
        Some(Outcome::Judged { role, verdict })
    }
}

fn decides(purpose: Purpose, verdict: &Verdict) -> bool {
    match purpose {
        Purpose::Verify => true,
        Purpose::Watch | Purpose::Confirm => !verdict.healthy,
    }
}

/// Whether another cycle that shows the same would make a difference.
fn matters(result: &CycleResult, purpose: Purpose) -> bool {
    match result {
        CycleResult::Passed => purpose == Purpose::Verify,
        CycleResult::Failed { .. } => true,
        CycleResult::NoData { .. } => false,
    }
}

/// The first cycle at or after an instant.
fn cycle_from(base: Timestamp, every: Span, at: Timestamp) -> Timestamp {
    let every_ms = every.as_millis().max(1);
    let passed_ms = (at - base).num_milliseconds().max(0);
    let cycles = (passed_ms + every_ms - 1) / every_ms;
    base + Span::from_millis(cycles * every_ms).to_delta()
}

fn reports_version(reply: &SiteReply, wanted: &str) -> Result<(), String> {
    let said = json_field(reply, "version").unwrap_or_else(|| reply.body.trim().to_owned());
    if said.trim_start_matches('v') == wanted.trim_start_matches('v') {
        return Ok(());
    }
    Err(format!("it reports {said}, not {wanted}"))
}

fn reports_field(reply: &SiteReply, field: &str, wanted: &str) -> Result<(), String> {
    match json_field(reply, field) {
        Some(said) if said == wanted => Ok(()),
        Some(said) => Err(format!("`{field}` is {said}, not {wanted}")),
        None => Err(format!("it reports no `{field}`")),
    }
}

fn answers_within(reply: &SiteReply, max: Span) -> Result<(), String> {
    let took = Span::from_millis(i64::from(reply.latency_ms));
    if took <= max {
        return Ok(());
    }
    Err(format!("it answered after {took}"))
}

fn json_field(reply: &SiteReply, field: &str) -> Option<String> {
    let report: Value = serde_json::from_str(&reply.body).ok()?;
    let said = report.get(field)?;
    let text = said.as_str().map(str::to_owned);
    Some(text.unwrap_or_else(|| said.to_string()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail where it stands")]
mod tests {
    use super::*;

    #[test]
    fn cycles_keep_their_distance_from_the_first() {
        let at = |text: &str| -> Timestamp { text.parse().unwrap() };
        let base = at("2027-01-11T09:05:00Z");
        let every = Span::from_secs(60);
        assert_eq!(cycle_from(base, every, base), base);
        assert_eq!(
            cycle_from(base, every, at("2027-01-11T09:29:30Z")),
            at("2027-01-11T09:30:00Z")
        );
        assert_eq!(
            cycle_from(base, every, at("2027-01-11T09:30:00Z")),
            at("2027-01-11T09:30:00Z")
        );
        assert_eq!(cycle_from(base, every, at("2027-01-11T08:00:00Z")), base);
    }
}
