//! Does an edit of the freezes take anything away? What is added or lengthened takes effect at once, and what is removed or
//! shortened waits for `replan` (R6).

use super::freeze::{Boundary, Freeze, FreezeScope, FreezeTimes, Period, Repetition};
use crate::span::Timestamp;

/// Those of the freezes in a plan that the files, as now written, have no more, or less of than is still to come.
pub fn shortened<'f>(
    planned: &'f [Freeze],
    written: &'f [Freeze],
    at: Timestamp,
) -> impl Iterator<Item = &'f Freeze> {
    let has_all = move |freeze: &Freeze| {
        let mut same = written.iter().filter(|one| one.name == freeze.name);
        same.any(|one| one == freeze || one.has_all_of(freeze, at))
    };
    planned
        .iter()
        .filter(move |freeze| !freeze.is_over(at) && !has_all(freeze))
}

impl Freeze {
    /// Whether it will hold nobody any more, wherever they live.
    fn is_over(&self, at: Timestamp) -> bool {
        match &self.times {
            FreezeTimes::Once(period) => self.has_passed(*period, at),
            FreezeTimes::Repeats(_) => false,
            FreezeTimes::Dated { occurrences, .. } => occurrences
                .iter()
                .all(|period| self.has_passed(*period, at)),
        }
    }

    fn has_passed(&self, period: Period, at: Timestamp) -> bool {
        period.until.everywhere(self.zone) <= at
    }

    /// Whether it holds everybody whom another one holds from an instant on, whenever that does.
    fn has_all_of(&self, other: &Self, at: Timestamp) -> bool {
        let everybody = self.customers == FreezeScope::All || self.customers == other.customers;
        let whenever = match (&self.times, &other.times) {
            (FreezeTimes::Once(one), FreezeTimes::Once(other)) => one.encloses(*other),
            (FreezeTimes::Repeats(one), FreezeTimes::Repeats(other)) => one.encloses(other),
            (FreezeTimes::Dated { .. }, FreezeTimes::Dated { occurrences, .. }) => {
                let ahead = occurrences.iter();
                let mut ahead = ahead.filter(|period| !other.has_passed(**period, at));
                ahead.all(|period| {
                    let own = self.written(period.from);
                    own.is_some_and(|own| own.period.encloses(*period))
                })
            }
            (FreezeTimes::Once(_) | FreezeTimes::Repeats(_) | FreezeTimes::Dated { .. }, _) => {
                false
            }
        };
        everybody && whenever && self.zone == other.zone
    }
}

impl Period {
    fn encloses(self, other: Self) -> bool {
        is_by(self.from, other.from) && is_by(other.until, self.until)
    }
}

impl Repetition {
    fn encloses(&self, other: &Self) -> bool {
        self.cron == other.cron
            && self.duration >= other.duration
            && self.except.is_subset(&other.except)
    }
}

/// Whether one is not later than the other, wherever it is asked.
fn is_by(one: Boundary, other: Boundary) -> bool {
    match (one, other) {
        (Boundary::Local(one), Boundary::Local(other)) => one <= other,
        (Boundary::Instant(one), Boundary::Instant(other)) => one <= other,
        (Boundary::Local(_), Boundary::Instant(_)) | (Boundary::Instant(_), Boundary::Local(_)) => {
            false
        }
    }
}
