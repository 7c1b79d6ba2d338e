//! What do the answers of one service mean? A pure fold: samples in, raised and recovered alerts out.
//!
//! An outage is told once: its failures are not counted again for the rate of errors, and a failure or two that become no
//! outage are counted once the service answers again. What says nothing about the service changes nothing (R20).

use std::collections::{BTreeSet, VecDeque};

use policy::monitoring::{Limits, Severity};

use super::alert::Condition;
use super::probe::Observed;

/// A rate is that of so many probes at most, and asked from so many on.
const WINDOW: usize = 100;
const ENOUGH: usize = 20;

/// The state of one service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judge {
    failures: u32,
    good: u32,
    slow: u32,
    fast: u32,
    in_outage: bool,
    /// Whether each of the last probes was good.
    window: VecDeque<bool>,
    open: BTreeSet<Condition>,
}

/// An alert begins or ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is raised.
    Raised {
        /// About what.
        condition: Condition,
        /// How grave it is.
        severity: Severity,
        /// What was seen.
        reason: String,
    },
    /// What it was about is over.
    Recovered {
        /// About what.
        condition: Condition,
    },
}

impl Judge {
    /// Goes on from the last samples of a service and from the alerts that are open.
    pub fn resume<'o>(
        limits: &Limits,
        samples: impl IntoIterator<Item = &'o Observed>,
        open: BTreeSet<Condition>,
    ) -> Self {
        let mut judge = Self::default();
        for observed in samples {
            judge.observe(limits, observed);
        }
        judge.in_outage |= open.contains(&Condition::Down);
        judge.open = open;
        judge
    }

    /// Takes one answer in.
    pub fn observe(&mut self, limits: &Limits, observed: &Observed) -> Vec<Change> {
        match observed {
            Observed::Up { latency_ms } => self.up(limits, *latency_ms),
            Observed::Down { reason } => self.down(limits, reason).into_iter().collect(),
            Observed::NoData { .. } => Vec::new(),
        }
    }

    /// Takes in whether something else runs than was put there; `None`: it fits.
    pub fn compare(&mut self, limits: &Limits, drift: Option<&str>) -> Option<Change> {
        match drift {
            Some(reason) => self.raise(Condition::Drift, limits.drift, || reason.to_owned()),
            None => self.recover(Condition::Drift),
        }
    }

    /// Whether this alert is open.
    pub fn is_open(&self, condition: Condition) -> bool {
        self.open.contains(&condition)
    }

    /// How many answers are remembered, for a rate.
    pub fn remembered(&self) -> usize {
        self.window.len()
    }

    fn down(&mut self, limits: &Limits, reason: &str) -> Option<Change> {
        (self.good, self.slow, self.fast) = (0, 0, 0);
        self.failures = self.failures.saturating_add(1);
        if self.failures < limits.down_after && !self.in_outage {
            return None;
        }
        self.in_outage = true;
        let failures = self.failures;
        self.raise(Condition::Down, limits.down, || match failures {
            1 => reason.to_owned(),
            _ => format!("{failures} failures in a row: {reason}"),
        })
    }

    fn up(&mut self, limits: &Limits, latency_ms: u32) -> Vec<Change> {
        if !self.in_outage {
            (0..self.failures).for_each(|_| self.remember(false));
        }
        self.failures = 0;
        self.remember(true);
        self.good = self.good.saturating_add(1);
        let mut changes = Vec::new();
        if self.good >= limits.recover_after {
            self.in_outage = false;
            changes.extend(self.recover(Condition::Down));
        }
        changes.extend(self.pace(limits, latency_ms));
        changes.extend(self.rate(limits));
        changes
    }

    fn pace(&mut self, limits: &Limits, latency_ms: u32) -> Option<Change> {
        let max = limits.latency.as_millis();
        if i64::from(latency_ms) > max {
            (self.slow, self.fast) = (self.slow.saturating_add(1), 0);
            if self.slow < limits.latency_after {
                return None;
            }
            return self.raise(Condition::Slow, limits.slow, || {
                format!("an answer took {latency_ms} ms, more than {max} ms")
            });
        }
        (self.slow, self.fast) = (0, self.fast.saturating_add(1));
        if self.fast < limits.recover_after {
            return None;
        }
        self.recover(Condition::Slow)
    }

    #[expect(clippy::cast_precision_loss, reason = "there are at most a hundred")]
    fn rate(&mut self, limits: &Limits) -> Option<Change> {
        let (asked, failed) = (self.window.len(), self.failed());
        if asked < ENOUGH {
            return None;
        }
        if failed as f64 * 100.0 > limits.error_rate * asked as f64 {
            let text = || format!("{failed} of the last {asked} probes failed");
            return self.raise(Condition::Errors, limits.errors, text);
        }
        self.recover(Condition::Errors)
    }

    fn failed(&self) -> usize {
        self.window.iter().filter(|good| !**good).count()
    }

    fn remember(&mut self, good: bool) {
        self.window.push_back(good);
        if self.window.len() > WINDOW {
            self.window.pop_front();
        }
    }

    fn raise(
        &mut self,
        condition: Condition,
        severity: Option<Severity>,
        reason: impl FnOnce() -> String,
    ) -> Option<Change> {
        let severity = severity?;
        self.open.insert(condition).then(|| Change::Raised {
            condition,
            severity,
            reason: reason(),
        })
    }

    fn recover(&mut self, condition: Condition) -> Option<Change> {
        self.open
            .remove(&condition)
            .then_some(Change::Recovered { condition })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(judge: &mut Judge, answers: &str) -> Vec<String> {
        let limits = Limits::default();
        let observed = |letter| match letter {
            '.' => Observed::Up { latency_ms: 80 },
            's' => Observed::Up { latency_ms: 5001 },
            'x' => Observed::Down {
                reason: "503".to_owned(),
            },
            _ => Observed::NoData {
                reason: "no control answers".to_owned(),
            },
        };
        let changes = answers
            .chars()
            .flat_map(|letter| judge.observe(&limits, &observed(letter)));
        let words = changes.map(|change| match change {
            Change::Raised {
                condition,
                severity,
                ..
            } => format!("{severity} {condition}"),
            Change::Recovered { condition } => format!("no {condition}"),
        });
        words.collect()
    }

    #[test]
    fn the_third_failure_in_a_row_is_an_outage_that_is_told_once() {
        let mut judge = Judge::default();
        assert_eq!(run(&mut judge, ".xx.xx"), [""; 0]);
        assert_eq!(run(&mut judge, "x"), ["critical down"]);
        assert_eq!(run(&mut judge, "xxxxxxxx"), [""; 0]);
        assert_eq!(run(&mut judge, "...x."), ["no down"]);
    }

    #[test]
    fn what_says_nothing_neither_raises_nor_recovers() {
        let mut judge = Judge::default();
        assert_eq!(run(&mut judge, "xx??x"), ["critical down"]);
        assert_eq!(run(&mut judge, "????"), [""; 0]);
        assert_eq!(run(&mut judge, "."), ["no down"]);
    }

    #[test]
    fn an_outage_does_not_count_again_for_the_rate_of_errors() {
        let mut judge = Judge::default();
        let answers = format!("{}{}{}", ".".repeat(50), "x".repeat(40), ".".repeat(50));
        assert_eq!(run(&mut judge, &answers), ["critical down", "no down"]);
    }

    #[test]
    fn failures_that_are_no_outage_raise_the_rate() {
        let mut judge = Judge::default();
        run(&mut judge, &".".repeat(18));
        assert_eq!(run(&mut judge, "x."), ["warning errors"][..0]);
        assert_eq!(run(&mut judge, "x."), ["warning errors"]);
        assert_eq!(run(&mut judge, &".".repeat(18)), ["no errors"]);
    }

    #[test]
    fn an_answer_slower_than_the_limit_is_told() {
        let mut judge = Judge::default();
        assert_eq!(run(&mut judge, ".ss"), ["warning slow"]);
        assert_eq!(run(&mut judge, "."), ["no slow"]);
    }

    #[test]
    fn a_drift_is_told_once_and_ends_once() {
        let (mut judge, limits) = (Judge::default(), Limits::default());
        assert!(judge.compare(&limits, Some("another commit")).is_some());
        assert_eq!(judge.compare(&limits, Some("another commit")), None);
        assert!(judge.compare(&limits, None).is_some());
        assert_eq!(judge.compare(&limits, None), None);
    }

    #[test]
    fn a_restart_neither_forgets_nor_repeats() {
        let mut judge = Judge::default();
        let samples: Vec<Observed> = (0..5)
            .map(|_| Observed::Down {
                reason: "503".to_owned(),
            })
            .collect();
        run(&mut judge, "xxxxx");
        let open = BTreeSet::from([Condition::Down]);
        let mut resumed = Judge::resume(&Limits::default(), &samples, open);
        assert_eq!(resumed, judge);
        assert_eq!(run(&mut resumed, "x."), ["no down"]);
        // The process died before it could store the alert.
        let mut unsaid = Judge::resume(&Limits::default(), &samples, BTreeSet::new());
        assert_eq!(run(&mut unsaid, "x"), ["critical down"]);
    }
}
