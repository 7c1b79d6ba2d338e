//! Does a notification still wait for an answer? Only what can be answered is said again.

use rollout::standing::{CustomerStanding, GateStanding};
use rollout::{Kind, Product, RolloutId};
use serde_json::Value;

use super::notification::{ALERT_RAISED, Notification};
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
    let Some(question) = Question::of(&notification.kind) else {
        return Vec::new();
    };
    let about = notification.about.iter();
    let open = about.filter(|item| match question {
        Question::Approval => is_asked(notification, item, product),
        Question::Halt => is_halted(notification, product),
        Question::Held => is_so(notification, item, product, CustomerStanding::Held),
        Question::RollbackFailed => is_so(
            notification,
            item,
            product,
            CustomerStanding::RollbackFailed,
        ),
        Question::Alert => (item["id"].as_i64()).is_some_and(|id| is_raised(id, alerts)),
    });
    open.cloned().collect()
}

/// What a notification asks of people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Question {
    Approval,
    Halt,
    Held,
    RollbackFailed,
    Alert,
}

impl Question {
    /// By the kind of a notification; most kinds ask nothing.
    fn of(kind: &str) -> Option<Self> {
        let asked = [
            (Kind::ApprovalRequested.as_str(), Self::Approval),
            (Kind::ApprovalEscalated.as_str(), Self::Approval),
            (Kind::RolloutHalted.as_str(), Self::Halt),
            (Kind::CustomerHeld.as_str(), Self::Held),
            (Kind::CustomerRollbackFailed.as_str(), Self::RollbackFailed),
            (ALERT_RAISED, Self::Alert),
        ];
        let found = asked.into_iter().find(|(name, _)| *name == kind);
        found.map(|(_, question)| question)
    }
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
    let run = notification
        .rollout
        .and_then(|run| product.rollout_view(run));
    run.is_some_and(|run| {
        !run.has_ended()
            && run
                .gates
                .iter()
                .any(|gate| Some(gate.gate.as_str()) == name && gate.state == GateStanding::Asked)
    })
}

fn is_halted(notification: &Notification, product: &Product) -> bool {
    let run = notification
        .rollout
        .and_then(|run| product.rollout_view(run));
    run.is_some_and(|run| run.is_halted())
}

fn is_so(
    notification: &Notification,
    item: &Value,
    product: &Product,
    state: CustomerStanding,
) -> bool {
    let stands = |run: RolloutId| product.rollout_view(run).filter(|run| !run.has_ended());
    notification.rollout.and_then(stands).is_some_and(|run| {
        run.customers
            .iter()
            .any(|one| item["customer"] == one.customer.as_str() && one.state == state)
    })
}
