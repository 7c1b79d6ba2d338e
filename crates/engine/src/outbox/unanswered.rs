//! Does a letter still wait for an answer? Only what can be answered is said again.

use rollout::{Product, RunId};
use serde_json::Value;

use super::letter::Letter;

/// What of a letter still waits for somebody; `is_open` says whether an alert is raised and not acknowledged.
pub(super) fn unanswered(
    letter: &Letter,
    product: &Product,
    is_open: impl Fn(i64) -> bool,
) -> Vec<Value> {
    let about = letter.about.iter();
    let open = about.filter(|item| match letter.kind.as_str() {
        "approval_requested" | "approval_escalated" => is_asked(letter, item, product),
        "rollout_halted" => is_halted(letter, product),
        "customer_held" => is_so(letter, item, product, "held"),
        "customer_rollback_failed" => is_so(letter, item, product, "rollback failed"),
        "alert_raised" => item["id"].as_i64().is_some_and(&is_open),
        _ => false,
    });
    open.cloned().collect()
}

fn is_asked(letter: &Letter, item: &Value, product: &Product) -> bool {
    let name = item["gate"].as_str().or(item["data"]["gate"].as_str());
    let run = letter.rollout.and_then(|run| product.run_view(run));
    run.is_some_and(|run| {
        run.outcome.is_none()
            && run
                .gates
                .iter()
                .any(|gate| Some(gate.gate.as_str()) == name && gate.state == "asked")
    })
}

fn is_halted(letter: &Letter, product: &Product) -> bool {
    let run = letter.rollout.and_then(|run| product.run_view(run));
    run.is_some_and(|run| run.state == "halted")
}

fn is_so(letter: &Letter, item: &Value, product: &Product, state: &str) -> bool {
    let stands = |run: RunId| product.run_view(run).filter(|run| run.outcome.is_none());
    letter.rollout.and_then(stands).is_some_and(|run| {
        run.customers
            .iter()
            .any(|one| item["customer"] == one.customer.as_str() && one.state == state)
    })
}
