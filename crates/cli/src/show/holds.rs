//! Why a customer waits, as a person reads it.

use chrono_tz::Tz;
use policy::{CustomerId, Timestamp};
use rollout::Hold;

use super::time;

/// Each reason: what it is, for whom it waits and since when, until when, and what to type.
pub(crate) fn holds(
    customer: &CustomerId,
    holds: &[Hold],
    zone: Option<Tz>,
    now: Timestamp,
) -> String {
    if holds.is_empty() {
        return format!("{customer}: nothing holds it");
    }
    let mut lines = vec![format!("{customer} waits:")];
    for hold in holds {
        let until = hold.until.map_or_else(
            || "no end is known".to_owned(),
            |at| {
                format!(
                    "until {} ({})",
                    time::instant_there(at, zone),
                    time::away(at, now)
                )
            },
        );
        let since = hold
            .since
            .map_or_else(String::new, |at| format!(", {}", time::away(at, now)));
        lines.push(format!("  {}", hold.text));
        lines.push(format!("    for {}{since}; {until}", hold.owner));
        lines.extend(
            hold.way_out
                .as_ref()
                .map(|way_out| format!("    try: {way_out}")),
        );
    }
    lines.join("\n")
}
