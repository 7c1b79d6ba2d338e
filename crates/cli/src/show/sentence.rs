//! Events as sentences: what happened, in the order of words in which people say it.

use policy::Timestamp;
use rollout::{Event, Fact, Kind};

use super::time;

/// One line for one event: its instant, its rollout, and the sentence.
pub(crate) fn line(event: &Event) -> String {
    let run = event
        .fact
        .rollout
        .map_or_else(String::new, |run| format!("{run}  "));
    format!("{}  {run}{}", time::stamp(event.at), sentence(&event.fact))
}

/// Whether people following a rollout want to see it; the rest is for the journal.
pub(crate) fn is_notable(kind: Kind) -> bool {
    !matches!(
        kind,
        Kind::GatePassed
            | Kind::VariablesBackedUp
            | Kind::VariablesSet
            | Kind::VariablesRestored
            | Kind::DeployIntended
            | Kind::DeployCreated
            | Kind::HealthPassed
            | Kind::RollbackCreated
            | Kind::RollbackAdopted
            | Kind::RollbackUnknown
            | Kind::RollbackAbsent
            | Kind::ClockTrusted
            | Kind::VariablesIntended
            | Kind::RestoreIntended
            | Kind::CancelIntended
            | Kind::AutoDeployIntended
            | Kind::AutoDeployDisabled
            | Kind::AutoDeployRestored
            | Kind::HookStarted
            | Kind::HookFinished
            | Kind::FilesRead
            | Kind::RecoveryAbsent
            | Kind::Denied
    )
}

/// What happened, as a sentence without a full stop.
pub(crate) fn sentence(fact: &Fact) -> String {
    let said = without_reason(fact);
    match &fact.reason {
        Some(reason) => format!("{said}: {reason}"),
        None => said,
    }
}

/// A table of words, one line a kind.
fn without_reason(fact: &Fact) -> String {
    let who = fact
        .actor
        .as_ref()
        .map_or("somebody", |actor| actor.as_str());
    let what = target(fact);
    let service = |said: &str| format!("{}: {said}{}", service(fact), deploy(fact));
    match fact.kind {
        Kind::RolloutStarted => format!("rollout of {} started", planned_version(fact)),
        Kind::RolloutQueued => format!("rollout of {} queued", planned_version(fact)),
        Kind::RolloutDraining => "nothing new starts; what is in flight finishes".to_owned(),
        Kind::RolloutSucceeded => format!("rollout {}", outcome(fact, "succeeded")),
        Kind::RolloutHalted => "rollout halted".to_owned(),
        Kind::RolloutAborted => "rollout aborted".to_owned(),
        Kind::RolloutSuperseded => "rollout superseded".to_owned(),
        Kind::RolloutResumed => "the halt is lifted".to_owned(),
        Kind::PhaseStarted => format!("phase {what} started"),
        Kind::PhaseSettled => format!("phase {what} settled"),
        Kind::PhaseOverdue => format!("phase {what} is overdue"),
        Kind::SoakStarted => format!("phase {what} is watched{}", until(fact)),
        Kind::BatchStarted => format!("batch {what} started"),
        Kind::BatchSettled => format!("batch {what} settled"),
        Kind::DelayStarted => format!("the delay after batch {what} runs{}", until(fact)),
        Kind::ApprovalRequested => format!("{what} waits for approval: tranche approve {what}"),
        Kind::Approved => match fact.until {
            Some(at) => format!(
                "{who} approved {what}; complete, valid until {}",
                time::instant(at)
            ),
            None => format!("{who} approved {what}"),
        },
        Kind::Rejected => format!("{who} rejected {what}"),
        Kind::Withdrawn => format!("{who} withdrew the vote for {what}"),
        Kind::ApprovalLapsed => format!("the approval of {what} lapsed"),
        Kind::ApprovalEscalated => format!("nobody has answered for {what}"),
        Kind::GatePassed => format!("the gate of {what} is passed"),
        Kind::CustomerStarted => format!("{what} started"),
        Kind::CustomerHealthy => format!("{what} is healthy"),
        Kind::CustomerUnchanged => {
            format!("{what} failed before it was live; its old version serves")
        }
        Kind::CustomerRolledBack => format!("{what} is rolled back"),
        Kind::CustomerRollbackFailed => {
            format!("the rollback of {what} failed; a person must look")
        }
        Kind::CustomerExcluded => format!("{what} is excluded"),
        Kind::CustomerSkipped => format!("{what} is skipped"),
        Kind::CustomerHeld => format!("{what} is held until a person decides"),
        Kind::CustomerReleased => format!("{what} is released"),
        Kind::CustomerWithdrawn => format!("{what} is taken out; what is not live is tidied up"),
        Kind::RollbackRequested => format!("{what} is to return to what ran before"),
        Kind::VariablesIntended => service("variables are about to be set"),
        Kind::VariablesBackedUp => service("variables backed up"),
        Kind::VariablesSet => service("variables set"),
        Kind::RestoreIntended => service("variables are about to be restored"),
        Kind::VariablesRestored => service("variables restored"),
        Kind::DeployIntended => service("deploy decided"),
        Kind::DeployCreated => service("deploy created"),
        Kind::DeployAdopted => service("deploy found and adopted"),
        Kind::DeployUnknown => service("no answer to the deploy request; looking for it"),
        Kind::DeployAbsent => service("the deploy request had no effect"),
        Kind::DeployLive => service("live"),
        Kind::DeployFailed => service("deploy failed"),
        Kind::DeployCancelled => service("deploy cancelled"),
        Kind::DeployDuplicate => service("one deploy too many"),
        Kind::HealthPassed => service("healthy"),
        Kind::HealthFailed => service("unhealthy"),
        Kind::RollbackIntended => service("rollback decided"),
        Kind::RollbackCreated => service("rollback created"),
        Kind::RollbackAdopted => service("rollback found and adopted"),
        Kind::RollbackUnknown => service("no answer to the rollback request; looking for it"),
        Kind::RollbackAbsent => service("the rollback request had no effect"),
        Kind::RollbackLive => service("the old version is live again"),
        Kind::RollbackFailed => service("rollback failed"),
        Kind::CancelIntended => service("deploy is about to be cancelled"),
        Kind::AutoDeployIntended => service("auto-deploy is about to be switched"),
        Kind::AutoDeployDisabled => service("auto-deploy switched off"),
        Kind::AutoDeployRestored => service("auto-deploy restored"),
        Kind::HookStarted => format!("{what}: hook started"),
        Kind::HookFinished => format!("{what}: hook ended"),
        Kind::Paused => format!("{who} paused the rollout"),
        Kind::Resumed => format!("{who} resumed the rollout"),
        Kind::Promoted => format!("{who} promoted {what}"),
        Kind::Retried => format!("{who} had {what} tried again"),
        Kind::Skipped => format!("{who} skipped {what}"),
        Kind::Frozen => format!("{who} froze starts ({}){}", name(fact), until(fact)),
        Kind::Unfrozen => format!("{who} ended the freeze {}", name(fact)),
        Kind::FreezeOverridden => match fact.read("complete") {
            Some(true) => format!("{who} lifted the freeze {} for this rollout", name(fact)),
            Some(false) | None => format!("{who} asked to lift the freeze {}", name(fact)),
        },
        Kind::Blocked => format!("{who} blocked {}", version(fact)),
        Kind::Unblocked => format!("{who} unblocked {}", version(fact)),
        Kind::Replanned => format!("{who} applied the edited files to what has not started"),
        Kind::EngineStarted => "engine started".to_owned(),
        Kind::ClockSuspected => {
            "the clock is suspected; no timer or window starts anything".to_owned()
        }
        Kind::ClockTrusted => "the clock is trusted".to_owned(),
        Kind::WorkspaceHeld => "the workspace is held; nothing starts".to_owned(),
        Kind::WorkspaceReleased => "the workspace is released".to_owned(),
        Kind::FilesRead => "the files were read again".to_owned(),
        Kind::OperationStarted => format!("operation on {what} started"),
        Kind::OperationEnded => format!("operation on {what} {}", outcome(fact, "ended")),
        Kind::VariablesApplied => format!(
            "the variables of {} stand at {what}; nothing was deployed",
            version(fact)
        ),
        Kind::VariablesRevealed => format!("{who} had variables of {} shown", self::service(fact)),
        Kind::Observed => format!(
            "{who} noted {} = {} for {what}",
            name(fact),
            fact.data.get("value").cloned().unwrap_or_default()
        ),
        Kind::RecoveryIntended => format!("{what}: its database is about to be restored"),
        Kind::RecoveryCreated => {
            format!("{what}: the restored database {} is made", database(fact))
        }
        Kind::RecoveryAdopted => {
            format!("{what}: the restored database {} was found", database(fact))
        }
        Kind::RecoveryUnknown => {
            format!("{what}: no answer to the restore request; looking for it")
        }
        Kind::RecoveryAbsent => format!("{what}: the restore request had no effect"),
        Kind::RecoveryAvailable => {
            format!(
                "{what}: the restored database {} is available",
                database(fact)
            )
        }
        Kind::RecoveryFailed => format!("{what}: the restore of its database failed"),
        Kind::Denied => format!("{who} was refused"),
    }
}

/// `CUSTOMER/ROLE`
fn service(fact: &Fact) -> String {
    let customer = fact
        .customer
        .as_ref()
        .map_or("", |customer| customer.as_str());
    let role = fact.service.as_ref().map_or("", |role| role.as_str());
    format!("{customer}/{role}")
}

fn deploy(fact: &Fact) -> String {
    fact.deploy
        .as_ref()
        .map_or_else(String::new, |deploy| format!(" ({deploy})"))
}

fn outcome(fact: &Fact, otherwise: &str) -> String {
    let outcome: Option<String> = fact.read("outcome");
    outcome.as_deref().unwrap_or(otherwise).replace('_', " ")
}

/// What the event is about, as people type it: a gate, a customer, PHASE/BATCH, or a phase.
fn target(fact: &Fact) -> String {
    if let Some(gate) = fact.read("gate") {
        return gate;
    }
    match (&fact.customer, &fact.phase, fact.batch) {
        (Some(customer), _, _) => customer.to_string(),
        (None, Some(phase), Some(batch)) => format!("{phase}/{batch}"),
        (None, Some(phase), None) => phase.to_string(),
        (None, None, _) => match fact.read::<Vec<String>>("customers") {
            Some(customers) if !customers.is_empty() => customers.join(", "),
            Some(_) | None => "everything".to_owned(),
        },
    }
}

fn name(fact: &Fact) -> String {
    fact.read("name").unwrap_or_default()
}

/// The database that a restore made.
fn database(fact: &Fact) -> String {
    fact.read("database").unwrap_or_default()
}

fn version(fact: &Fact) -> String {
    fact.read("version")
        .unwrap_or_else(|| "a version".to_owned())
}

fn planned_version(fact: &Fact) -> String {
    let plan = fact.data.get("plan").or_else(|| fact.data.get("input"));
    let release = plan.and_then(|plan| plan.get("release"));
    let version = release
        .and_then(|release| release.get("version"))
        .and_then(|v| v.as_str());
    version.map_or_else(|| version_or_nothing(fact), str::to_owned)
}

fn version_or_nothing(fact: &Fact) -> String {
    fact.read("version")
        .unwrap_or_else(|| "a release".to_owned())
}

fn until(fact: &Fact) -> String {
    fact.until.map_or_else(String::new, |until: Timestamp| {
        format!(" until {}", time::instant(until))
    })
}
