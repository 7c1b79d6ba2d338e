//! What became of a rollout and of each customer, in plain words.

use policy::PolicyId;
use rollout::report::{Answer, ApprovalReport, CustomerReport, Override, Report, Standing};
use rollout::view::EndState;
use rollout::{ApplyVariables, Kind, RolloutId};

use super::figure::members;
use crate::show::count::counted;
use crate::show::time;

/// How the whole rollout went, as one sentence.
pub(super) fn lead(report: &Report) -> String {
    let updated = report.customers.iter().filter(|one| runs_it(one, report));
    let updated = updated.count();
    let all: u32 = report.phases.iter().map(members).sum();
    let run = if all == 1 { "runs" } else { "run" };
    let outcome = match (report.outcome, report.started_at) {
        (Some(outcome), _) => words_of(outcome),
        (None, Some(_)) => "is not over",
        (None, None) => "has not begun",
    };
    let what = match report.rollout {
        RolloutId::Rollout(_) => "rollout",
        RolloutId::Operation(_) => "operation",
    };
    let after = match (report.started_at, report.ended_at) {
        (Some(from), Some(to)) => format!(" after {}", time::length(to - from)),
        (Some(from), None) => format!(", {} on", time::length(report.until - from)),
        (None, _) => String::new(),
    };
    format!(
        "The {what} {outcome}{after}: {updated} of {} {run} {}.",
        counted(all as usize, "customer"),
        report.version
    )
}

/// Whether the rollout brought the release to the customer, or found it there, and nobody has changed that since.
fn runs_it(one: &CustomerReport, report: &Report) -> bool {
    one.standing.is_updated() && now(one, report).is_empty()
}

fn words_of(outcome: EndState) -> &'static str {
    match outcome {
        EndState::Succeeded => "succeeded",
        EndState::SucceededWithFailures => "succeeded with failures",
        EndState::SucceededWithExclusions => "succeeded with exclusions",
        EndState::Aborted => "was aborted",
        EndState::Superseded => "was superseded",
        EndState::Halted => "has halted",
        EndState::Done => "is done",
        EndState::Failed => "failed",
    }
}

/// What became of one customer.
pub(super) fn customer(one: &CustomerReport, report: &Report) -> String {
    let since = one
        .since
        .map_or_else(String::new, |at| format!(" on {}", time::instant(at)));
    let why = one
        .reason
        .as_ref()
        .map_or_else(String::new, |reason| format!(": {reason}"));
    let by = one
        .actor
        .as_ref()
        .map_or_else(String::new, |by| format!(" by {by}"));
    let before = one.before.as_deref().unwrap_or("what ran before");
    match &one.standing {
        Standing::Updated => format!("updated from {before}{since}{}", now(one, report)),
        Standing::OnRelease => format!("ran {} already", report.version),
        Standing::Waiting => waiting(one),
        Standing::UnderWay => format!("under way{}", since.replace(" on ", " since ")),
        Standing::Unchanged if is_of_variables(one, report) => {
            format!("nothing was deployed, the variables are as before{since}{by}{why}")
        }
        Standing::Unchanged => format!("kept {before}: failed before it was live{since}{why}"),
        Standing::RolledBack => format!("rolled back to {before}{since}{by}{why}"),
        Standing::RollbackFailed => {
            format!("its rollback failed{since}, a person must look{why}")
        }
        Standing::Held => format!("held{}{why}", since.replace(" on ", " since ")),
        Standing::Rejected => format!("left out{since}{why}"),
        Standing::Skipped if one.rollbacks > 0 => {
            format!("rolled back to {before}, then skipped{by}{since}{why}")
        }
        Standing::Skipped if one.deploys > 0 => {
            format!("kept {before}: failed before it was live, then skipped{by}{since}{why}")
        }
        Standing::Skipped => format!("skipped{by}{since}{why}"),
        Standing::Pinned { version, until } => match until {
            Some(until) => format!("pinned to {version} until {}", time::instant(*until)),
            None => format!("pinned to {version}"),
        },
        Standing::Excluded => "excluded".to_owned(),
        Standing::Newer { version } => format!("runs {version}, which is newer"),
        Standing::JoinedLate => "joined after the start; the next rollout takes it in".to_owned(),
        Standing::NotReached => "not reached: the rollout ended first".to_owned(),
    }
}

/// Whether only the variables were the matter, and no deploy (B12).
fn is_of_variables(one: &CustomerReport, report: &Report) -> bool {
    let phase = one.phase.as_ref().map(PolicyId::as_str);
    matches!(report.rollout, RolloutId::Operation(_)) && phase == Some(ApplyVariables::PHASE)
}

/// Another rollout, or a person, has been there since.
fn now(one: &CustomerReport, report: &Report) -> String {
    match (one.version(), one.version_since()) {
        (Some(version), Some(since)) if version != report.version => {
            format!("; runs {version} since {}", time::instant(since))
        }
        (Some(_) | None, _) => String::new(),
    }
}

fn waiting(one: &CustomerReport) -> String {
    match one.waits_for.as_slice() {
        [] => "waits for its turn".to_owned(),
        holds => format!("waits: {}", holds.join("; ")),
    }
}

/// What came of a request for approval.
pub(super) fn answer(one: &ApprovalReport) -> &'static str {
    match one.answer {
        Answer::Open => "open",
        Answer::Approved => "approved",
        Answer::Passed => "approved, used",
        Answer::Rejected => "rejected",
        Answer::Lapsed => "approved, lapsed",
        Answer::Moot => "not needed any more",
    }
}

/// Who voted, and when.
pub(super) fn votes(one: &ApprovalReport) -> String {
    let votes = one.votes.iter().map(|vote| {
        let withdrawn = if vote.withdrawn { ", withdrawn" } else { "" };
        let reason = vote.reason.as_ref();
        let reason = reason.map_or_else(String::new, |reason| format!(": {reason}"));
        let changed = match vote.entry_changed {
            Some(_) => ", whose entry changed after the start",
            None => "",
        };
        let maker = vote.proof.as_ref().and_then(|proof| proof.maker.as_ref());
        let maker = maker.map_or_else(String::new, |maker| {
            format!(", by a token of {maker}'s making")
        });
        format!(
            "{} ({}{maker}{changed}{withdrawn}{reason})",
            vote.person,
            time::instant(vote.at)
        )
    });
    let votes: Vec<String> = votes.collect();
    match votes.is_empty() {
        true => "nobody".to_owned(),
        false => votes.join(", "),
    }
}

/// What went wrong.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "a kind without words of its own is named as the journal names it"
)]
pub(super) fn incident(kind: Kind) -> String {
    let words = match kind {
        Kind::WorkspaceHeld => "Render could not be used",
        Kind::ClockSuspected => "the clock was not trusted",
        Kind::RolloutHalted => "the rollout halted",
        Kind::CustomerHeld => "held until a person decided",
        Kind::CustomerStalled => "waited long for an answer of Render",
        Kind::CustomerRollbackFailed => "the rollback failed",
        Kind::DeployFailed => "a deploy failed",
        Kind::DeployCancelled => "a deploy ran out of time",
        Kind::DeployUnknown => "a deploy request without an answer",
        Kind::DeployDuplicate => "one deploy too many",
        Kind::HealthFailed => "unhealthy",
        Kind::RollbackUnknown => "a rollback request without an answer",
        Kind::RollbackFailed => "a rollback failed",
        Kind::PhaseOverdue => "overdue",
        Kind::ApprovalLapsed => "an approval lapsed",
        Kind::ApprovalEscalated => "nobody answered a request for approval",
        other => return other.as_str().replace('_', " "),
    };
    words.to_owned()
}

/// What a person set aside.
pub(super) fn set_aside(one: &Override) -> String {
    let (verb, missing) = match one.complete {
        true => ("set aside", ""),
        false => ("asked to set aside", ", which takes a second person"),
    };
    let why = one
        .reason
        .as_ref()
        .map_or_else(String::new, |reason| format!(": {reason}"));
    format!(
        "{} {verb} {}{missing}{why}, {}",
        one.person,
        one.what,
        time::instant(one.at)
    )
}
