//! The words of every kind of event: one line a kind, with placeholders for what the event tells.

use policy::PolicyId;
use rollout::{ApplyVariables, Kind, Line, RolloutId};

/// The words for an event; a kind without any is named as the journal names it.
pub(super) fn template(fact: &Line) -> &'static str {
    let kind = fact.kind;
    course(kind)
        .or_else(|| vote(fact))
        .or_else(|| variables(fact))
        .or_else(|| customer(kind))
        .or_else(|| deploy(kind))
        .or_else(|| rollback(kind))
        .or_else(|| person(fact))
        .or_else(|| product(kind))
        .unwrap_or("{kind}")
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the other tables have them")]
fn course(kind: Kind) -> Option<&'static str> {
    Some(match kind {
        Kind::RolloutStarted => "rollout of {planned} started",
        Kind::RolloutQueued => "rollout of {planned} queued",
        Kind::RolloutDraining => "nothing new starts; what is in flight finishes",
        Kind::RolloutSucceeded => "rollout {outcome}",
        Kind::RolloutHalted => "rollout halted",
        Kind::RolloutAborted => "rollout aborted",
        Kind::RolloutSuperseded => "rollout superseded",
        Kind::RolloutResumed => "the halt is lifted",
        Kind::PhaseStarted => "phase {what} started",
        Kind::PhaseSettled => "phase {what} settled",
        Kind::PhaseOverdue => "phase {what} is overdue",
        Kind::SoakStarted => "phase {what} is watched{until}",
        Kind::BatchStarted => "batch {what} started",
        Kind::BatchSettled => "batch {what} settled",
        Kind::DelayStarted => "the delay after batch {what} runs{until}",
        Kind::OperationStarted => "operation on {what} started",
        Kind::OperationEnded => "operation {outcome}",
        _ => return None,
    })
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the other tables have them")]
fn vote(fact: &Line) -> Option<&'static str> {
    Some(match fact.kind {
        Kind::ApprovalRequested => "{what} waits for approval: tranche approve {what} -r {rollout}",
        Kind::Approved if fact.until.is_some() => "{who} approved {what}; complete, valid{until}",
        Kind::Approved => "{who} approved {what}",
        Kind::Rejected => "{who} rejected {what}",
        Kind::Withdrawn => "{who} withdrew the vote for {what}",
        Kind::ApprovalLapsed => "the approval of {what} lapsed",
        Kind::ApprovalEscalated => "nobody has answered for {what}",
        Kind::GatePassed => "the gate of {what} is passed",
        _ => return None,
    })
}

/// What is said otherwise where only variables are the matter, and no deploy.
fn variables(fact: &Line) -> Option<&'static str> {
    let phase = fact.phase.as_ref().map(PolicyId::as_str);
    let is_operation = matches!(fact.rollout, Some(RolloutId::Operation(_)));
    (is_operation && phase == Some(ApplyVariables::PHASE) && fact.kind == Kind::CustomerUnchanged)
        .then_some("nothing was deployed at {what}; its variables are as before")
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the other tables have them")]
fn customer(kind: Kind) -> Option<&'static str> {
    Some(match kind {
        Kind::CustomerStarted => "{what} started",
        Kind::CustomerHealthy => "{what} is healthy",
        Kind::CustomerUnchanged => "{what} failed before it was live; its old version serves",
        Kind::CustomerRolledBack => "{what} is rolled back",
        Kind::CustomerRollbackFailed => "the rollback of {what} failed; a person must look",
        Kind::CustomerExcluded => "{what} is excluded",
        Kind::CustomerSkipped => "{what} is skipped",
        Kind::CustomerHeld => "{what} is held until a person decides",
        Kind::CustomerWaits => "{what} waits: Render gives no usable answer",
        Kind::CustomerStalled => "{what} still waits: Render gives no usable answer",
        Kind::CustomerReleased => "{what} is released",
        Kind::CustomerWithdrawn => "{what} is taken out; what is not live is tidied up",
        Kind::RollbackRequested => "{what} is to return to what ran before",
        Kind::HookStarted => "{what}: hook started",
        Kind::HookFinished => "{what}: hook ended",
        _ => return None,
    })
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the other tables have them")]
fn deploy(kind: Kind) -> Option<&'static str> {
    Some(match kind {
        Kind::VariablesIntended => "{service}: variables are about to be set",
        Kind::VariablesBackedUp => "{service}: variables backed up",
        Kind::VariablesSet => "{service}: variables set",
        Kind::DeployIntended => "{service}: deploy decided",
        Kind::DeployCreated => "{service}: deploy created",
        Kind::DeployAdopted => "{service}: deploy found and adopted",
        Kind::DeployUnknown => "{service}: no answer to the deploy request; looking for it",
        Kind::DeployAbsent => "{service}: the deploy request had no effect",
        Kind::DeployLive => "{service}: live",
        Kind::DeployFailed => "{service}: deploy failed",
        Kind::DeployCancelled => "{service}: deploy cancelled",
        Kind::DeployDuplicate => "{service}: one deploy too many",
        Kind::HealthPassed => "{service}: healthy",
        Kind::HealthFailed => "{service}: unhealthy",
        Kind::CancelIntended => "{service}: deploy is about to be cancelled",
        Kind::AutoDeployIntended => "{service}: auto-deploy is about to be switched",
        Kind::AutoDeployDisabled => "{service}: auto-deploy switched off",
        Kind::AutoDeployRestored => "{service}: auto-deploy restored",
        _ => return None,
    })
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the other tables have them")]
fn rollback(kind: Kind) -> Option<&'static str> {
    Some(match kind {
        Kind::RestoreIntended => "{service}: variables are about to be restored",
        Kind::VariablesRestored => "{service}: variables restored",
        Kind::RollbackIntended => "{service}: rollback decided",
        Kind::RollbackCreated => "{service}: rollback created",
        Kind::RollbackAdopted => "{service}: rollback found and adopted",
        Kind::RollbackUnknown => "{service}: no answer to the rollback request; looking for it",
        Kind::RollbackAbsent => "{service}: the rollback request had no effect",
        Kind::RollbackLive => "{service}: the old version is live again",
        Kind::RollbackFailed => "{service}: rollback failed",
        Kind::RecoveryIntended => {
            "{what}: a database with the data of {to} is about to be asked for"
        }
        Kind::RecoveryCreated => "{what}: Render makes the new database {database}",
        Kind::RecoveryUnknown => "{what}: no answer to the request for a database; looking for it",
        Kind::RecoveryAbsent => "{what}: the request for a database had no effect",
        Kind::RecoveryLive => "{what}: the data of before is there",
        Kind::RecoveryFailed => "{what}: the database was not restored; nothing was switched",
        Kind::DatabaseSwitched => {
            "{what}: its services read {to} from their next deploy on, instead of {from}; write {to} into customers.yaml and the secrets"
        }
        _ => return None,
    })
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the other tables have them")]
fn person(fact: &Line) -> Option<&'static str> {
    let is_complete = fact.read("complete") == Some(true);
    Some(match fact.kind {
        Kind::Paused => "{who} paused the rollout",
        Kind::Resumed if fact.read("moved") == Some(true) => "{who} let go on what was held",
        Kind::Resumed => "{who} resumed the rollout",
        Kind::Promoted => "{who} promoted {what}",
        Kind::Retried => "{who} had {what} tried again",
        Kind::Skipped => "{who} skipped {what}",
        Kind::Frozen => "{who} froze starts ({name}){until}",
        Kind::Unfrozen => "{who} ended the freeze {name}",
        Kind::FreezeOverridden if is_complete => {
            "{who} lifted the freeze {name}{occurrence} for this rollout"
        }
        Kind::FreezeOverridden => "{who} asked to lift the freeze {name}{occurrence}",
        Kind::Blocked => "{who} blocked {version}",
        Kind::Unblocked => "{who} unblocked {version}",
        Kind::Replanned => "{who} applied the edited files to what has not started",
        Kind::Observed => "{who} noted {name} = {value} for {what}",
        Kind::VariablesApplied => {
            "the variables of {version} stand at {what}; nothing was deployed"
        }
        Kind::VariablesRevealed => "{who} had variables of {service} shown",
        Kind::TokenCreated => "{who} made a token for {owner}",
        Kind::TokenRevoked => "{who} revoked a token of {owner}",
        Kind::Denied => "{who} was refused",
        _ => return None,
    })
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the other tables have them")]
fn product(kind: Kind) -> Option<&'static str> {
    Some(match kind {
        Kind::EngineStarted => "engine started",
        Kind::Restored => {
            "another copy of the database may be in use; everything open waits for `tranche resume --moved`"
        }
        Kind::RolloutsHeld => "everything open is held until `tranche resume --moved`",
        Kind::ClockSuspected => "the clock is suspected; no timer or window starts anything",
        Kind::ClockTrusted => "the clock is trusted",
        Kind::WorkspaceHeld => "the workspace is held; nothing starts",
        Kind::WorkspaceReleased => "the workspace is released",
        Kind::FilesRead => "the files were read again",
        Kind::PeopleChanged => "in tranche.yaml {whom}",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_words() {
        let silent: Vec<Kind> = Kind::ALL
            .iter()
            .copied()
            .filter(|kind| template(&Line::new(*kind)) == "{kind}")
            .collect();
        assert_eq!(silent, []);
    }
}
