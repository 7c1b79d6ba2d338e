//! What the last probes of one live deploy saw, for figures that need more than one cycle.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::figures::{FigureSource, Figures, LAST_REQUESTS, Latency, Traffic};
use super::judge::Probe;

/// Metrics are read again after this; reads are a budget of the whole fleet (T21).
const FIGURES_LAST: Duration = Duration::from_mins(1);

/// The last hundred probes of one service's reference path, and the metrics last read. Begin a new one for each deploy.
#[derive(Clone, Debug, Default)]
pub struct History {
    probes: VecDeque<Option<Duration>>,
    figures: Option<(Instant, Figures)>,
}

impl History {
    /// Keeps what a probe saw: how long a good answer took. One that was never made is not kept.
    pub(super) fn record(&mut self, probe: &Probe) {
        let seen = match probe {
            Ok(answer) => (answer.status < 500).then_some(answer.latency),
            Err(error) if error.was_asked() => None,
            Err(_) => return,
        };
        self.probes.push_back(seen);
        if self.len() > LAST_REQUESTS {
            self.probes.pop_front();
        }
    }

    /// How many probes are kept.
    pub(super) fn len(&self) -> u64 {
        u64::try_from(self.probes.len()).unwrap_or(u64::MAX)
    }

    /// How many there were, and how many failed.
    pub(super) fn traffic(&self) -> Traffic {
        let failed = self.probes.iter().filter(|probe| probe.is_none()).count();
        Traffic {
            requests: self.len(),
            failed: u64::try_from(failed).unwrap_or(u64::MAX),
        }
    }

    /// How fast the good answers were.
    pub(super) fn latency(&self) -> Option<Latency> {
        let mut latencies: Vec<Duration> = self.probes.iter().flatten().copied().collect();
        latencies.sort_unstable();
        let p95 = latencies.get((latencies.len() * 95).div_ceil(100).checked_sub(1)?)?;
        let p95_ms = u32::try_from(p95.as_millis()).unwrap_or(u32::MAX);
        let requests = u64::try_from(latencies.len()).unwrap_or(u64::MAX);
        Some(Latency {
            p95_ms,
            requests,
            source: FigureSource::Probes,
        })
    }

    /// The metrics last read, and whether it is time to read them again.
    pub(super) fn figures(&self, now: Instant) -> (Figures, bool) {
        match self.figures {
            Some((read_at, figures)) => (figures, now >= read_at + FIGURES_LAST),
            None => (Figures::default(), true),
        }
    }

    pub(super) fn keep_figures(&mut self, now: Instant, figures: Figures) {
        self.figures = Some((now, figures));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::{Answer, NoAnswer};

    #[expect(clippy::unnecessary_wraps, reason = "a probe is a result")]
    fn answer(status: u16, millis: u64) -> Probe {
        Ok(Answer {
            status,
            body: Vec::new(),
            latency: Duration::from_millis(millis),
        })
    }

    #[test]
    fn the_95th_of_a_hundred_decides() {
        let mut history = History::default();
        (1..=100).for_each(|millis| history.record(&answer(200, millis)));
        let expected = Latency {
            p95_ms: 95,
            requests: 100,
            source: FigureSource::Probes,
        };
        assert_eq!(history.latency(), Some(expected));
        assert_eq!(History::default().latency(), None);
    }

    #[test]
    fn only_the_last_hundred_are_kept() {
        let mut history = History::default();
        (0..100).for_each(|_| history.record(&answer(500, 1)));
        (0..60).for_each(|_| history.record(&answer(200, 1)));
        assert_eq!(
            history.traffic(),
            Traffic {
                requests: 100,
                failed: 40
            }
        );
    }

    #[test]
    fn a_probe_that_was_never_made_is_not_kept() {
        let mut history = History::default();
        history.record(&Err(NoAnswer::NoAddress("x".to_owned())));
        history.record(&Err(NoAnswer::Failed("reset".to_owned())));
        history.record(&answer(404, 1));
        assert_eq!(
            history.traffic(),
            Traffic {
                requests: 2,
                failed: 1
            }
        );
    }
}
