//! Whose own windows open at other times by another plan?

use std::collections::BTreeSet;

use policy::calendar::WindowSpec;
use policy::plan::Phase;
use policy::zones::next_opening;
use policy::{CustomerId, Plan, Timestamp};
use serde::Serialize;

use crate::show::time;

/// A customer's own windows, and when they open next.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct WindowChange {
    customer: CustomerId,
    was: Opens,
    now: Opens,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Opens {
    windows: Vec<String>,
    next: Option<Timestamp>,
}

impl WindowChange {
    /// As people read it.
    pub(crate) fn text(&self) -> String {
        let (was, now) = (self.was.text(), self.now.text());
        format!("{}: window {was} -> {now}", self.customer)
    }
}

impl Opens {
    fn text(&self) -> String {
        let windows = match self.windows.as_slice() {
            [] => return "always".to_owned(),
            windows => windows.join(" or "),
        };
        match self.next {
            Some(at) => format!("{windows} (next {})", time::instant(at)),
            None => format!("{windows} (never)"),
        }
    }
}

/// Customers of a phase that wait, whose own windows are others in the edited plan.
pub(crate) fn changes(
    phase: &Phase,
    (frozen, edited): (&Plan, &Plan),
    waiting: &BTreeSet<CustomerId>,
    at: Timestamp,
) -> Vec<WindowChange> {
    let change = |id: &CustomerId| {
        let (was, now) = (opens(frozen, id, at)?, opens(edited, id, at)?);
        (was != now).then(|| WindowChange {
            customer: id.clone(),
            was,
            now,
        })
    };
    let waiting = phase.customers.iter().filter(|id| waiting.contains(*id));
    waiting.filter_map(change).collect()
}

fn opens(plan: &Plan, id: &CustomerId, at: Timestamp) -> Option<Opens> {
    let customer = &plan.customers.get(id)?.customer;
    let zone = customer.zone(&plan.project);
    let window = |window: &WindowSpec| {
        let zone = window.zone.resolve(zone).name();
        format!("{} for {} in {zone}", window.cron, window.duration)
    };
    Some(Opens {
        windows: customer.window.iter().map(window).collect(),
        next: next_opening(&customer.window, zone, at),
    })
}
