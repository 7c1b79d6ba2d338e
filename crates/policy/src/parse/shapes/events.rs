//! The kinds of events that scenarios and notifications may name.

use crate::parse::shape::{Shape, Word, word};

/// All kinds of events, and some more. A macro, because slices of statics cannot be put together.
macro_rules! kinds {
    ($($more:expr),* $(,)?) => {
        &[
            word!("rollout_started", "Rollout started."),
            word!("phase_started", "Phase started."),
            word!("phase_settled", "Phase settled."),
            word!("soak_started", "Soak started."),
            word!("batch_started", "Batch started."),
            word!("batch_settled", "Batch settled."),
            word!("delay_started", "Delay started."),
            word!("approval_requested", "Approval requested."),
            word!("approved", "Approved."),
            word!("rejected", "Rejected."),
            word!("withdrawn", "Withdrawn."),
            word!("approval_lapsed", "Approval lapsed."),
            word!("approval_escalated", "Approval escalated."),
            word!("gate_passed", "Gate passed."),
            word!("customer_started", "Customer started."),
            word!("customer_healthy", "Customer healthy."),
            word!("customer_unchanged", "Customer unchanged."),
            word!("customer_rolled_back", "Customer rolled back."),
            word!("customer_rollback_failed", "Customer rollback failed."),
            word!("customer_excluded", "Customer excluded."),
            word!("customer_skipped", "Customer skipped."),
            word!("customer_held", "Customer held."),
            word!("customer_released", "Customer released."),
            word!("variables_backed_up", "Variables backed up."),
            word!("variables_set", "Variables set."),
            word!("variables_restored", "Variables restored."),
            word!("deploy_intended", "Deploy intended."),
            word!("deploy_created", "Deploy created."),
            word!("deploy_adopted", "Deploy adopted."),
            word!("deploy_unknown", "Deploy unknown."),
            word!("deploy_absent", "Deploy absent."),
            word!("deploy_live", "Deploy live."),
            word!("deploy_failed", "Deploy failed."),
            word!("deploy_cancelled", "Deploy cancelled."),
            word!("health_passed", "Health passed."),
            word!("health_failed", "Health failed."),
            word!("rollback_intended", "Rollback intended."),
            word!("rollback_created", "Rollback created."),
            word!("rollback_adopted", "Rollback adopted."),
            word!("rollback_live", "Rollback live."),
            word!("rollback_failed", "Rollback failed."),
            word!("paused", "Paused."),
            word!("resumed", "Resumed."),
            word!("promoted", "Promoted."),
            word!("retried", "Retried."),
            word!("skipped", "Skipped."),
            word!("frozen", "Frozen."),
            word!("unfrozen", "Unfrozen."),
            word!("freeze_overridden", "Freeze overridden."),
            word!("blocked", "Blocked."),
            word!("unblocked", "Unblocked."),
            word!("replanned", "Replanned."),
            word!("engine_started", "Engine started."),
            word!("clock_suspected", "Clock suspected."),
            word!("clock_trusted", "Clock trusted."),
            word!("workspace_held", "Workspace held."),
            word!("workspace_released", "Workspace released."),
            word!("phase_overdue", "Phase overdue."),
            word!("variables_intended", "Variables intended."),
            word!("restore_intended", "Restore intended."),
            word!("cancel_intended", "Cancel intended."),
            word!("auto_deploy_intended", "Auto deploy intended."),
            word!("auto_deploy_disabled", "Auto deploy disabled."),
            word!("auto_deploy_restored", "Auto deploy restored."),
            word!("deploy_duplicate", "Deploy duplicate."),
            word!("hook_started", "Hook started."),
            word!("hook_finished", "Hook finished."),
            word!("rollback_unknown", "Rollback unknown."),
            word!("rollback_absent", "Rollback absent."),
            word!("rollout_draining", "Rollout draining."),
            word!("rollout_succeeded", "Rollout succeeded."),
            word!("rollout_halted", "Rollout halted."),
            word!("rollout_aborted", "Rollout aborted."),
            word!("rollout_superseded", "Rollout superseded."),
            word!("variables_applied", "Variables applied."),
            word!("variables_revealed", "Variables revealed."),
            word!("restored", "Restored."),
            word!("token_created", "Token created."),
            word!("token_revoked", "Token revoked."),
            word!("observed", "Observed."),
            word!("operation_started", "Operation started."),
            word!("operation_ended", "Operation ended."),
            word!("rollback_requested", "Rollback requested."),
            word!("denied", "Denied."),
            $($more,)*
        ]
    };
}

/// A kind of event.
pub(crate) static EVENT: Shape = Shape::Words(EVENTS);

/// What can be told: events of rollouts, and alerts of the monitor.
pub(crate) static TOLD: Shape = Shape::Words(kinds![
    word!("alert_raised", "The monitor raised an alert."),
    word!("alert_recovered", "What the alert was about is over."),
]);

/// All kinds of events.
pub(crate) const EVENTS: &[Word] = kinds![];
