//! The zones in which windows are that name none, and which windows have moved with that.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use policy::Timestamp;
use policy::zones::{TakenZone, ZoneOf};
use project::moved_windows::Moved;

use super::count::named;
use super::{escape, time};

/// So many windows that move are named where something else is the matter; `validate` names them all.
pub(crate) const SHOWN: usize = 20;

/// One line a zone: whose windows are in it, though they name none.
pub(crate) fn taken(zones: &[TakenZone]) -> String {
    let mut by_zone: BTreeMap<(ZoneOf, &str), Vec<String>> = BTreeMap::new();
    for one in zones {
        let customer = one.customer.as_ref().map(ToString::to_string);
        let policy = one.policy.as_ref().map(|policy| format!("policy {policy}"));
        let names = by_zone.entry((one.of, one.timezone.name())).or_default();
        names.extend(customer.or(policy).filter(|name| !names.contains(name)));
    }
    let mut text = String::new();
    for ((of, zone), names) in by_zone {
        let whose = match of {
            ZoneOf::Customer => "customer's",
            ZoneOf::Project => "project's",
        };
        let names = named(names.iter().map(String::as_str));
        let line = format!("windows that name no zone are in the {whose}, {zone}: {names}");
        let _ = writeln!(text, "{}", escape::line(&line));
    }
    text
}

/// One line a window that has moved, from when to when; `most` of them.
pub(crate) fn moved(moved: &[Moved], most: usize) -> String {
    let mut text = String::new();
    for one in moved.iter().take(most) {
        let window = &one.window;
        let holds = if one.goes_on {
            "keeps it, until `replan`,"
        } else {
            "had it"
        };
        let line = format!(
            "warning: the window `{}` for {} of {} moves: {} {holds} in {} ({}), the files have it in {} ({})",
            window.cron,
            window.duration,
            window.customer,
            one.rollout,
            window.frozen_in,
            next(window.frozen_next),
            window.now_in,
            next(window.now_next),
        );
        let _ = writeln!(text, "{}", escape::line(&line));
    }
    if let Some(more) = moved.len().checked_sub(most).filter(|more| *more > 0) {
        let _ = writeln!(
            text,
            "warning: {more} more windows move; `tranche validate` names them all"
        );
    }
    if !moved.is_empty() {
        text.push_str("  a customer's window that names no zone is in the customer's; name the former one to keep it where it was\n");
    }
    text
}

fn next(at: Option<Timestamp>) -> String {
    at.map_or_else(
        || "never".to_owned(),
        |at| format!("next {}", time::instant(at)),
    )
}
