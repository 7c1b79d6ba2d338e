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
use crate::model::fact::{CustomerHeld, Fact, HealthFailed, HealthPassed, RollbackFailed};
use crate::model::health::{CycleResult, Verdict};
use crate::model::ids::DeployId;
use crate::model::state::CustomerStatus;
use crate::model::unhealthy::Judged;

pub(crate) fn verified(ctx: &Ctx<'_>, role: &Role, outcome: Outcome) -> Recorded {
    let going_back = ctx.state.status == CustomerStatus::Backward;
    match outcome {
        Outcome::Judged { verdict, .. } if verdict.healthy => {
            let (attempt, deploy) = probed(ctx, role);
            let passed = HealthPassed {
                place: ctx.service_place(role),
                attempt,
                deploy,
                cycles: verdict.cycles,
                returned: going_back,
            };
            passed.into()
        }
        Outcome::Judged { verdict, .. } if going_back => ill_after_all(ctx, role, verdict).into(),
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

/// What went back is unhealthy too.
fn ill_after_all(ctx: &Ctx<'_>, role: &Role, verdict: Verdict) -> RollbackFailed {
    let service = ctx.service(role);
    let judged = service.baseline.and_then(|baseline| {
        Some(Judged {
            version: baseline.version,
            commit: baseline.commit?,
        })
    });
    RollbackFailed {
        place: ctx.service_place(role),
        attempt: Some(service.rollback_attempt),
        deploy: service.rollback.id().cloned(),
        commit: None,
        reason: format!("unhealthy after the rollback: {}", reason_of(&verdict)),
        status: None,
        cycles: Some(verdict.cycles),
        judged,
    }
}

/// A service failed its checks: what follows is one rollback (P31).
pub(crate) fn unhealthy(ctx: &Ctx<'_>, role: &Role, verdict: &Verdict) -> Vec<Fact> {
    let (attempt, deploy) = probed(ctx, role);
    let release = ctx.release();
    let failed = HealthFailed {
        place: ctx.service_place(role),
        attempt,
        deploy,
        commit: None,
        reason: reason_of(verdict),
        cycles: Some(verdict.cycles.clone()),
        judged: Some(Judged {
            version: Some(release.version.clone()),
            commit: release.commit.clone(),
        }),
        failure: true,
    };
    next::failed_live(ctx, failed)
}

/// What we put there is no longer live: somebody else replaced it (R18).
pub(crate) fn replaced(ctx: &Ctx<'_>, role: &Role, by: Option<&DeployView>) -> Vec<Fact> {
    let reason = match by {
        Some(other) => format!(
            "our deploy was replaced by {} ({})",
            other.id, other.trigger
        ),
        None => "our deploy is no longer live".to_owned(),
    };
    let held = CustomerHeld {
        other: by.map(|other| other.id.clone()),
        replaced: true,
        ..ctx.held(Some(role), reason)
    };
    let duplicate = by.and_then(|other| next::duplicate(ctx, role, other));
    let duplicate = duplicate.into_iter().map(Fact::from);
    duplicate.chain([held.into()]).collect()
}

/// Which attempt, and which deploy, a verdict is about.
fn probed(ctx: &Ctx<'_>, role: &Role) -> (u32, Option<DeployId>) {
    let service = ctx.service(role);
    match ctx.state.status == CustomerStatus::Backward {
        true => (service.rollback_attempt, service.rollback.id().cloned()),
        false => (service.attempt, service.deploy.id().cloned()),
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
