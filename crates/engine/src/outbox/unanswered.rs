//! Does a notification still wait for an answer? Only what can be answered is said again.

use rollout::{Product, RolloutId};
use serde_json::Value;

use super::notification::Notification;
use crate::error::{Error, with_causes};

/// Knows the alerts that notifications are about; whoever watches the services keeps them.
pub trait Alerts: Send + Sync + 'static {
    /// Whether an alert is raised, and neither over nor acknowledged.
    ///
    /// # Errors
    /// They cannot be read.
    fn is_open(&self, id: i64) -> Result<bool, Error>;
}

/// What of a notification still waits for somebody.
pub(super) fn unanswered(
    notification: &Notification,
    product: &Product,
    alerts: &dyn Alerts,
) -> Vec<Value> {
    let about = notification.about.iter();
    let open = about.filter(|item| match notification.kind.as_str() {
        "approval_requested" | "approval_escalated" => is_asked(notification, item, product),
        "rollout_halted" => is_halted(notification, product),
        "customer_held" => is_so(notification, item, product, "held"),
        "customer_rollback_failed" => is_so(notification, item, product, "rollback failed"),
        "alert_raised" => (item["id"].as_i64()).is_some_and(|id| is_raised(id, alerts)),
        _ => false,
    });
    open.cloned().collect()
}

/// An alert that cannot be read is said again: the monitor's file may be lost without any other notification waiting for it.
fn is_raised(id: i64, alerts: &dyn Alerts) -> bool {
    alerts.is_open(id).unwrap_or_else(|error| {
        let error = with_causes(&error);
        tracing::warn!(error, "an alert that cannot be read counts as open");
        true
    })
}

fn is_asked(notification: &Notification, item: &Value, product: &Product) -> bool {
    let name = item["gate"].as_str().or(item["data"]["gate"].as_str());
    let run = notification.rollout.and_then(|run| product.run_view(run));
    run.is_some_and(|run| {
        !run.has_ended()
            && run
                .gates
                .iter()
                .any(|gate| Some(gate.gate.as_str()) == name && gate.state == "asked")
    })
}

fn is_halted(notification: &Notification, product: &Product) -> bool {
    let run = notification.rollout.and_then(|run| product.run_view(run));
    run.is_some_and(|run| run.is_halted())
}

fn is_so(notification: &Notification, item: &Value, product: &Product, state: &str) -> bool {
    let stands = |run: RolloutId| product.run_view(run).filter(|run| !run.has_ended());
    notification.rollout.and_then(stands).is_some_and(|run| {
        run.customers
            .iter()
            .any(|one| item["customer"] == one.customer.as_str() && one.state == state)
    })
}
