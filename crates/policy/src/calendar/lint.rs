//! Says beforehand which windows will be empty, shortened or too short (R8).

use std::fmt;

use chrono::NaiveDateTime;
use chrono_tz::Tz;

use super::cron::{Cron, CronError};
use super::zone::local_time;
use super::{Interval, WindowSpec, Windows, resolve_local};
use crate::span::Span;

/// So many starts of one window are looked at; a window that opens every minute says nothing new after that.
const STARTS: usize = 10_000;

/// Something about a window that its author may not expect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The clock change leaves nothing of it, and it is skipped.
    Empty {
        /// Its fields.
        cron: String,
        /// Its start as written, in local time.
        local_start: NaiveDateTime,
        /// Where that is local.
        zone: Tz,
    },
    /// The clock change takes a part of it.
    Shortened {
        /// Its fields.
        cron: String,
        /// Its start as written, in local time.
        local_start: NaiveDateTime,
        /// Where that is local.
        zone: Tz,
        /// What is left.
        left: Span,
    },
    /// What all windows together allow is too short for anybody to start.
    TooShort {
        /// What they allow.
        interval: Interval,
        /// What must be left.
        reserve: Span,
    },
    /// Nobody can start within the whole time that was looked at.
    NeverOpen,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let local = |start: &NaiveDateTime| start.format("%Y-%m-%d %H:%M").to_string();
        match self {
            Self::Empty {
                cron,
                local_start,
                zone,
            } => {
                write!(
                    f,
                    "the window `{cron}` of {} {zone} is empty: the clock change skips it",
                    local(local_start)
                )
            }
            Self::Shortened {
                cron,
                local_start,
                zone,
                left,
            } => {
                write!(
                    f,
                    "the window `{cron}` of {} {zone} lasts only {left}: the clock change takes a part",
                    local(local_start)
                )
            }
            Self::TooShort { interval, reserve } => {
                let (from, length) = (interval.from.format("%Y-%m-%dT%H:%MZ"), interval.length());
                write!(
                    f,
                    "from {from} the windows allow {length}, but {reserve} must be left to start"
                )
            }
            Self::NeverOpen => f.write_str("the windows never allow a start"),
        }
    }
}

/// Looks through the windows of one customer over some time.
///
/// # Errors
/// A `cron` that cannot be read.
pub fn lint_windows(
    policy: &[WindowSpec],
    customer: &[WindowSpec],
    customer_zone: Tz,
    within: Interval,
) -> Result<Vec<Finding>, CronError> {
    let mut findings = Vec::new();
    for spec in policy.iter().chain(customer) {
        clock_changes(spec, customer_zone, within, &mut findings)?;
    }
    let windows = Windows::new(policy, customer, customer_zone)?;
    let reserve = windows.reserve();
    let intervals = windows.intervals(within.from, within.until);
    let mut opens = false;
    for interval in intervals {
        // Cut by the time that is looked at, so nothing can be said about it.
        let cut = interval.from == within.from || interval.until == within.until;
        if interval.length() >= reserve || cut {
            opens = true;
        } else {
            findings.push(Finding::TooShort { interval, reserve });
        }
    }
    if !opens {
        findings.push(Finding::NeverOpen);
    }
    Ok(findings)
}

/// Compares each window's length with what the clock leaves of it.
fn clock_changes(
    spec: &WindowSpec,
    customer_zone: Tz,
    within: Interval,
    findings: &mut Vec<Finding>,
) -> Result<(), CronError> {
    let cron: Cron = spec.cron.parse()?;
    let zone = spec.zone.resolve(customer_zone);
    let from = local_time(zone, within.from);
    let starts = cron.starts_from(from).take(STARTS);
    for local_start in starts.take_while(|start| resolve_local(zone, *start) < within.until) {
        let Some(local_end) = local_start.checked_add_signed(spec.duration.to_delta()) else {
            break;
        };
        let interval = Interval {
            from: resolve_local(zone, local_start),
            until: resolve_local(zone, local_end),
        };
        let cron = spec.cron.clone();
        if interval.is_empty() {
            findings.push(Finding::Empty {
                cron,
                local_start,
                zone,
            });
        } else if interval.length() < spec.duration {
            findings.push(Finding::Shortened {
                cron,
                local_start,
                zone,
                left: interval.length(),
            });
        }
    }
    Ok(())
}
