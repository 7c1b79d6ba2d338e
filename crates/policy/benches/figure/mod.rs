//! How a figure is shown: what was measured, what is wanted, how far apart the two are, and a word for it.

#![allow(dead_code, reason = "each bench uses a part of it")]

use std::fmt;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// One measured figure.
pub(crate) struct Figure {
    name: &'static str,
    measured: f64,
    unit: &'static str,
    wanted: Wanted,
}

/// What a figure should be.
#[derive(Clone, Copy)]
pub(crate) enum Wanted {
    AtMost(f64),
    AtLeast(f64),
}

impl Figure {
    pub(crate) fn new(
        name: &'static str,
        measured: f64,
        unit: &'static str,
        wanted: Wanted,
    ) -> Self {
        Self {
            name,
            measured,
            unit,
            wanted,
        }
    }

    /// A length of time that should be under another.
    pub(crate) fn seconds(name: &'static str, measured: Duration, at_most: Duration) -> Self {
        let wanted = Wanted::AtMost(at_most.as_secs_f64());
        Self::new(name, measured.as_secs_f64(), "s", wanted)
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (words, wanted, is_met) = match self.wanted {
            Wanted::AtMost(most) => ("at most", most, self.measured <= most),
            Wanted::AtLeast(least) => ("at least", least, self.measured >= least),
        };
        let Self {
            name,
            measured,
            unit,
            ..
        } = self;
        let verdict = if is_met { "met" } else { "MISSED" };
        let of_wanted = measured / wanted;
        write!(
            f,
            "{name:<52} {measured:>9.3} {unit:<3} {words:>8} {wanted:>7} {unit:<3} {of_wanted:>6.2} of it  {verdict}"
        )
    }
}

/// What this process has computed so far. What else the machine does hardly changes it, unlike elapsed time.
pub(crate) fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let seconds = u64::try_from(time.tv_sec).expect("not negative");
    Duration::new(
        seconds,
        u32::try_from(time.tv_nsec).expect("below a second"),
    )
}
