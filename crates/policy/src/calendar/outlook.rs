//! Can somebody ever start? What never comes is found before anything begins.

use chrono::TimeDelta;
use chrono_tz::Tz;

use super::{Freeze, Interval, Windows};
use crate::span::{Span, Timestamp};

/// Freezes that repeat are laid out for so long at a time.
const PIECE: TimeDelta = TimeDelta::days(32);

/// What a calendar has ahead, within the time that was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outlook {
    /// Somebody can start, first at this instant.
    Opens(Timestamp),
    /// The windows never allow it, or never for as long as must be left.
    Shut {
        /// The longest that they allow.
        longest: Span,
    },
    /// The windows would allow it, and a freeze holds whenever they do.
    Frozen,
}

/// The first instant at which these windows let a customer start and none of these freezes holds it.
pub fn outlook(
    windows: &Windows,
    freezes: &[&Freeze],
    customer_zone: Tz,
    within: Interval,
) -> Outlook {
    let mut longest = Span::ZERO;
    let mut is_frozen = false;
    for (allowed, starts) in windows.starts(within) {
        longest = longest.max(allowed.length());
        if starts.is_empty() {
            continue;
        }
        match thawed(freezes, customer_zone, starts) {
            Some(at) => return Outlook::Opens(at),
            None => is_frozen = true,
        }
    }
    match is_frozen {
        true => Outlook::Frozen,
        false => Outlook::Shut { longest },
    }
}

/// The first instant of an interval at which none of these freezes holds.
fn thawed(freezes: &[&Freeze], zone: Tz, starts: Interval) -> Option<Timestamp> {
    let mut at = starts.from;
    while at < starts.until {
        let end = at.checked_add_signed(PIECE).unwrap_or(starts.until);
        let piece = Interval {
            from: at,
            until: end.min(starts.until),
        };
        let mut holds: Vec<Interval> = freezes
            .iter()
            .flat_map(|freeze| freeze.intervals(zone, piece))
            .collect();
        holds.sort_by_key(|hold| hold.from);
        for hold in holds {
            if at < hold.from {
                break;
            }
            at = at.max(hold.until);
        }
        if at < piece.until {
            return Some(at);
        }
    }
    None
}
