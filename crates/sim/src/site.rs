//! Customers' own sites: what a visitor meets, depending on what is live.

use serde_json::json;

use crate::fault::{OutageScope, Symptom};
use crate::ids::{ServiceId, Timestamp};
use crate::platform::{Deploy, Platform, Service, ServiceKind};

/// What a site answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteReply {
    /// The status.
    pub status: u16,
    /// The type of the body.
    pub content_type: &'static str,
    /// The body.
    pub body: String,
    /// How long the answer takes.
    pub latency_ms: u32,
}

const JSON: &str = "application/json";
const HTML: &str = "text/html; charset=utf-8";

impl Platform {
    /// What a service's site answers to a GET; `None`: nothing arrives there.
    pub fn visit(&mut self, now: Timestamp, service: &ServiceId, path: &str) -> Option<SiteReply> {
        let now = self.advance(now);
        if self
            .faults
            .outage(Some(service), OutageScope::Sites, now)
            .is_some()
        {
            return None;
        }
        let usual = self.settings().latency_ms;
        let Ok(service) = self.service(service) else {
            return Some(page(404, "not found", usual));
        };
        let latency_ms = latency_ms(service, usual, now);
        let unavailable = service.is_suspended() || service.in_maintenance();
        let reply = match service.live_deploy() {
            Some(live) if !unavailable => self.answer(now, service, live, path),
            Some(_) | None => page(503, "service unavailable", latency_ms),
        };
        Some(SiteReply {
            latency_ms,
            ..reply
        })
    }

    fn answer(&self, now: Timestamp, service: &Service, live: &Deploy, path: &str) -> SiteReply {
        if fails(live, now) {
            return page(500, "internal server error", 0);
        }
        if service.kind == ServiceKind::StaticSite {
            return match path {
                "" | "/" => page(200, "<!doctype html><title>site</title>", 0),
                _ => page(404, "not found", 0),
            };
        }
        match path {
            "" | "/" => page(200, "<!doctype html><title>site</title>", 0),
            "/api/health" => health(live, now),
            "/api/version" => report(&json!({ "version": self.reported_version(live, now) })),
            _ => page(404, "not found", 0),
        }
    }

    fn reported_version(&self, live: &Deploy, now: Timestamp) -> String {
        for symptom in live.symptoms(now) {
            if let Symptom::Version { says } = symptom {
                return says.clone();
            }
        }
        let known = self.version_of(&live.source);
        known.unwrap_or(live.source.as_str()).to_owned()
    }

    /// The next instant at which a site's answers may change without anything being asked of Render.
    pub fn site_changes_at(&mut self, now: Timestamp, service: &ServiceId) -> Option<Timestamp> {
        let now = self.advance(now);
        let live = self.service(service).ok()?.live_deploy();
        let turns = live.into_iter().flat_map(Deploy::turns);
        let outages = self.faults.site_outages(service);
        let next = turns.chain(outages).filter(|at| *at > now).min();
        next.into_iter().chain(self.next_event_of(service)).min()
    }
}

/// The health report. A lost database alone does not make the service fail.
fn health(live: &Deploy, now: Timestamp) -> SiteReply {
    let lost = live
        .symptoms(now)
        .any(|symptom| *symptom == Symptom::Database);
    let database = if lost { "disconnected" } else { "connected" };
    report(&json!({ "status": "ok", "database": database }))
}

/// Whether a visitor of this instant is met by an error. The instant alone decides, so a repeated run meets the same.
fn fails(live: &Deploy, now: Timestamp) -> bool {
    let lot = now.timestamp_millis().wrapping_mul(2_654_435_761) >> 7;
    live.symptoms(now).any(|symptom| match symptom {
        Symptom::Failing => true,
        Symptom::Flaky { percent } => lot.rem_euclid(100) < i64::from(*percent),
        Symptom::Database | Symptom::Slow { .. } | Symptom::Version { .. } => false,
    })
}

/// The share of visitors of an instant that is met by an error.
pub(crate) fn error_share(service: &Service, at: Timestamp) -> f64 {
    let share = |symptom: &Symptom| match symptom {
        Symptom::Failing => 1.0,
        Symptom::Flaky { percent } => f64::from(*percent).min(100.0) / 100.0,
        Symptom::Database | Symptom::Slow { .. } | Symptom::Version { .. } => 0.0,
    };
    let live = service.live_at(at);
    let shares = live
        .into_iter()
        .flat_map(|live| live.symptoms(at).map(share));
    shares.fold(0.0, f64::max)
}

/// How long an answer of an instant takes.
pub(crate) fn latency_ms(service: &Service, usual_ms: u32, at: Timestamp) -> u32 {
    let slow = |symptom: &Symptom| match symptom {
        Symptom::Slow { latency_ms } => Some(*latency_ms),
        Symptom::Failing | Symptom::Flaky { .. } | Symptom::Database | Symptom::Version { .. } => {
            None
        }
    };
    let live = service.live_at(at);
    let slowness = live
        .into_iter()
        .flat_map(|live| live.symptoms(at).filter_map(slow));
    slowness.max().unwrap_or(usual_ms)
}

fn report(body: &serde_json::Value) -> SiteReply {
    SiteReply {
        status: 200,
        content_type: JSON,
        body: body.to_string(),
        latency_ms: 0,
    }
}

fn page(status: u16, body: &str, latency_ms: u32) -> SiteReply {
    SiteReply {
        status,
        content_type: HTML,
        body: body.to_owned(),
        latency_ms,
    }
}
