//! A policy as one English sentence.

use super::batch_sizes;
use crate::rules::{
    Approval, Approvers, BatchRule, Deferral, OnFailure, Order, Policy, Scope, Share, Tolerance,
};
use crate::span::Span;

/// So many batch sizes are written out.
const SIZES_SHOWN: usize = 8;

const DAY_MILLIS: i64 = 24 * 60 * 60 * 1_000;

/// Says in one sentence what a policy does to customers of these weights, in their order.
///
/// The most important parts come first: `25 % of 7 customers at a time (1, 2, 2, 2), 6 h apart, from day 8, stop at the
/// first failure`.
pub fn describe(policy: &Policy, weights: &[u64]) -> String {
    let mut parts = vec![batches(policy, weights)];
    if !policy.delay.is_zero() {
        parts.push(format!("{} apart", spaced(policy.delay)));
    }
    parts.push(beginning(policy));
    parts.push(failures(policy));
    if policy.order == Order::Strict {
        parts.push("nobody overtakes".to_owned());
    }
    parts.extend(policy.approval.as_ref().map(approval));
    parts.extend(policy.deferral.map(deferral));
    match policy.window.len() {
        0 => {}
        1 => parts.push("within a window".to_owned()),
        many => parts.push(format!("within {many} windows")),
    }
    parts.push(format!("{} health checks", policy.health));
    if !policy.soak.is_zero() {
        parts.push(format!("watched for {} at the end", spaced(policy.soak)));
    }
    parts.extend(policy.due.map(|due| format!("due by {}", day(due))));
    parts.join(", ")
}

fn batches(policy: &Policy, weights: &[u64]) -> String {
    let n = weights.len();
    let customers = match n {
        0 => "the customers".to_owned(),
        1 => "1 customer".to_owned(),
        _ => format!("{n} customers"),
    };
    let sizes = sizes(&batch_sizes(weights, &policy.batch));
    let text = match &policy.batch {
        BatchRule::All if n == 1 => "the one customer".to_owned(),
        BatchRule::All => format!("all {customers} at once"),
        BatchRule::Count(1) => format!("one of {customers} at a time"),
        BatchRule::Count(count) => format!("{count} of {customers} at a time{sizes}"),
        BatchRule::Percent(percent) => format!("{percent} % of {customers} at a time{sizes}"),
        BatchRule::Shares(shares) => {
            let steps: Vec<String> = shares.iter().copied().map(share).collect();
            format!("{customers} in steps up to {}{sizes}", steps.join(", "))
        }
        BatchRule::Weight(percent) => {
            format!("{percent} % of the weight of {customers} at a time{sizes}")
        }
    };
    if n == 0 { text + " (nobody now)" } else { text }
}

fn share(share: Share) -> String {
    match share {
        Share::Count(count) => count.to_string(),
        Share::Percent(percent) => format!("{percent} %"),
        Share::All => "all".to_owned(),
    }
}

fn sizes(sizes: &[usize]) -> String {
    if sizes.is_empty() {
        return String::new();
    }
    let mut shown: Vec<String> = sizes
        .iter()
        .take(SIZES_SHOWN)
        .map(ToString::to_string)
        .collect();
    if sizes.len() > SIZES_SHOWN {
        shown.push(format!("... {} batches", sizes.len()));
    }
    format!(" ({})", shown.join(", "))
}

fn beginning(policy: &Policy) -> String {
    let after: Vec<&str> = policy.after.iter().map(AsRef::as_ref).collect();
    match (policy.not_before.is_zero(), after.is_empty()) {
        (true, true) => "from the start".to_owned(),
        (true, false) => format!("after {}", after.join(" and ")),
        (false, _) => format!("from {}", day(policy.not_before)),
    }
}

/// `day 8`, or the time since the start where that is no whole number of days.
fn day(since_start: Span) -> String {
    if since_start.as_millis() % DAY_MILLIS == 0 {
        format!("day {}", since_start.as_millis() / DAY_MILLIS)
    } else {
        format!("{} after the start", spaced(since_start))
    }
}

fn failures(policy: &Policy) -> String {
    let beyond = match policy.max_failures {
        Tolerance::Count(0) | Tolerance::Percent(0) | Tolerance::Weight(0) => {
            "at the first failure".to_owned()
        }
        Tolerance::Count(1) => "after more than 1 failure".to_owned(),
        Tolerance::Count(count) => format!("after more than {count} failures"),
        Tolerance::Percent(percent) => format!("after more than {percent} % failures"),
        Tolerance::Weight(percent) => {
            format!("after failures of more than {percent} % of the weight")
        }
    };
    match policy.on_failure {
        OnFailure::Halt => format!("stop {beyond}"),
        OnFailure::Continue => "go on after failures".to_owned(),
        OnFailure::RollbackBatch => format!("roll the batch back {beyond}"),
        OnFailure::RollbackPhase => format!("roll the phase back {beyond}"),
        OnFailure::RollbackAll => format!("roll everybody back {beyond}"),
    }
}

fn approval(approval: &Approval) -> String {
    let per = match approval.per {
        Scope::Phase => "the phase",
        Scope::Batch => "each batch",
        Scope::Customer => "each customer",
    };
    let quorum: u64 = match &approval.from {
        Approvers::Anybody | Approvers::Any(_) => u64::from(approval.quorum),
        Approvers::Each(groups) => groups.values().map(|count| u64::from(*count)).sum(),
    };
    let people = if quorum == 1 {
        "person approves"
    } else {
        "people approve"
    };
    let signed_in = match approval.auth_time {
        Some(limit) => format!(", signed in within {}", spaced(limit)),
        None => String::new(),
    };
    format!("once {quorum} {people} {per}{signed_in}")
}

fn deferral(deferral: Deferral) -> String {
    let times = match deferral.times {
        1 => "once".to_owned(),
        times => format!("up to {times} times"),
    };
    format!(
        "each date put off {times} within {}",
        spaced(deferral.within)
    )
}

/// `1 d 6 h` instead of `1d 6h`.
fn spaced(span: Span) -> String {
    let mut text = String::new();
    let mut digit = false;
    for c in span.to_string().chars() {
        if digit && c.is_ascii_alphabetic() {
            text.push(' ');
        }
        digit = c.is_ascii_digit();
        text.push(c);
    }
    text
}
