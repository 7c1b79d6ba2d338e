//! Single figures of a report.

use policy::Span;
use rollout::report::PhaseReport;

use crate::show::time;

/// Everybody the phase concerns, left out or not.
pub(super) fn members(phase: &PhaseReport) -> u32 {
    phase.updated + phase.failed + phase.left_out + phase.open
}

/// A length of time in words.
pub(super) fn length(span: Span) -> String {
    time::length(span.to_delta())
}
