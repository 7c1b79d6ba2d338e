//! Why a customer waits, as a person reads it.

use chrono_tz::Tz;
use policy::{CustomerId, Timestamp};
use project::view::stands;
use rollout::standing::CustomerStanding;
use rollout::{Hold, HoldKind, HoldOwner};

use super::{escape, time};

/// Who waits, and in which rollout; of somebody who waits for nothing, how it stands.
pub(crate) fn heading(
    customer: &CustomerId,
    rollout: &str,
    state: Option<CustomerStanding>,
    holds: &[Hold],
) -> String {
    let is = stands(state);
    match holds {
        [] => format!("{customer} is {is} in {rollout}; nothing holds it"),
        [hold] if hold.owner == HoldOwner::Nobody => {
            format!("{customer} does not start in {rollout}:")
        }
        [hold] if hold.kind == HoldKind::Working => format!("{customer} is {is} in {rollout}:"),
        _ if state == Some(CustomerStanding::Waiting) => format!("{customer} waits in {rollout}:"),
        _ => format!("{customer} is {is} in {rollout}, and waits:"),
    }
}

/// Each reason: what it is, for whom it waits and since when, until when, and what to type.
pub(crate) fn holds(holds: &[Hold], zone: Option<Tz>, now: Timestamp) -> String {
    let lines = holds.iter().flat_map(|hold| lines(hold, zone, now));
    lines.map(|line| escape::line(&line) + "\n").collect()
}

fn lines(hold: &Hold, zone: Option<Tz>, now: Timestamp) -> Vec<String> {
    if hold.owner == HoldOwner::Nobody {
        return vec![format!("  {}", hold.text)];
    }
    let until = hold.until.map_or_else(
        || "no end is known".to_owned(),
        |at| {
            format!(
                "until {} ({})",
                time::coming_there(at, zone, now),
                time::away(at, now)
            )
        },
    );
    let since = hold
        .since
        .map_or_else(String::new, |at| format!(", {}", time::away(at, now)));
    let mut lines = vec![
        format!("  {}", hold.text),
        format!("    for {}{since}; {until}", hold.owner),
    ];
    let way_out = hold.way_out.as_ref();
    lines.extend(way_out.map(|way_out| format!("    try: {way_out}")));
    lines
}
