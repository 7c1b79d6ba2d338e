//! What a verdict about a service's health means for its customer (R10, R18).

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a command has few answers of its own; any other is told to a person in one way"
)]

use policy::Role;

use crate::customer::answer::{Recorded, say};
use crate::customer::ctx::Ctx;
use crate::customer::next;
use crate::model::command::{DeployView, Outcome};
use crate::model::event::{Kind, Line};
use crate::model::health::{CycleResult, Verdict};
use crate::model::state::CustomerStatus;
use crate::model::unhealthy::Judged;

pub(crate) fn verified(ctx: &Ctx<'_>, role: &Role, outcome: Outcome) -> Recorded {
    let going_back = ctx.unit.state == CustomerStatus::Backward;
    match outcome {
        Outcome::Judged { verdict, .. } if verdict.healthy => {
            let fact = judged(ctx, Kind::HealthPassed, role, &verdict);
            if going_back {
                fact.with("returned", true).into()
            } else {
                fact.into()
            }
        }
        Outcome::Judged { verdict, .. } if going_back => {
            let reason = format!("unhealthy after the rollback: {}", reason_of(&verdict));
            Line {
                reason: Some(reason),
                ..judged(ctx, Kind::RollbackFailed, role, &verdict)
            }
            .into()
        }
        Outcome::Judged { verdict, .. } => unhealthy(ctx, role, &verdict).into(),
        Outcome::Replaced { by, .. } => replaced(ctx, role, by.as_ref()).into(),
        other => ctx
            .held(
                Some(role),
                format!("{role} cannot be probed: {}", say(&other)),
            )
            .into(),
    }
}

/// A service failed its checks: what follows is one rollback (P31).
pub(crate) fn unhealthy(ctx: &Ctx<'_>, role: &Role, verdict: &Verdict) -> Vec<Line> {
    let fact = judged(ctx, Kind::HealthFailed, role, verdict);
    next::failed_live(
        ctx,
        Line {
            reason: Some(reason_of(verdict)),
            ..fact
        },
    )
}

/// What we put there is no longer live: somebody else replaced it (R18).
pub(crate) fn replaced(ctx: &Ctx<'_>, role: &Role, by: Option<&DeployView>) -> Vec<Line> {
    let mut facts: Vec<Line> = by
        .and_then(|other| next::duplicate(ctx, role, other))
        .into_iter()
        .collect();
    let fact = match by {
        Some(other) => ctx
            .held(
                Some(role),
                format!(
                    "our deploy was replaced by {} ({})",
                    other.id, other.trigger
                ),
            )
            .with("other", other.id.0.clone()),
        None => ctx.held(Some(role), "our deploy is no longer live".to_owned()),
    };
    facts.push(fact.with("replaced", true));
    facts
}

fn judged(ctx: &Ctx<'_>, kind: Kind, role: &Role, verdict: &Verdict) -> Line {
    let service = ctx.service(role);
    let (attempt, deploy) = match kind {
        Kind::RollbackFailed => (service.rollback_attempt, service.rollback.id().cloned()),
        _ if ctx.unit.state == CustomerStatus::Backward => {
            (service.rollback_attempt, service.rollback.id().cloned())
        }
        _ => (service.attempt, service.deploy.id().cloned()),
    };
    let fact = Line {
        attempt: Some(attempt),
        deploy,
        ..ctx.service_fact(kind, role)
    }
    .with_value("cycles", &verdict.cycles);
    let release = ctx.release();
    let judged = match kind {
        Kind::HealthFailed => Some(Judged {
            version: Some(release.version.clone()),
            commit: release.commit.clone(),
        }),
        Kind::RollbackFailed => service.baseline.and_then(|baseline| {
            Some(Judged {
                version: baseline.version,
                commit: baseline.commit?,
            })
        }),
        _ => None,
    };
    match judged {
        Some(judged) => fact.with_value("judged", &judged),
        None => fact,
    }
}

pub(crate) fn reason_of(verdict: &Verdict) -> String {
    let last = verdict
        .cycles
        .iter()
        .rev()
        .find_map(|cycle| match &cycle.result {
            CycleResult::Failed { reason } => Some(reason.clone()),
            CycleResult::Passed | CycleResult::NoData { .. } => None,
        });
    last.unwrap_or_else(|| "unhealthy".to_owned())
}
