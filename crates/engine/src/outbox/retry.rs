//! When is a notification that was not delivered tried again? Twice as late each time, spread out, and not for ever.

use std::time::Duration;

use chrono::TimeDelta;
use policy::Timestamp;
use sha2::{Digest as _, Sha256};

use super::notification::NotificationId;
use crate::limits::{DELIVERIES, DELIVERY_PAUSE};
use crate::process::clock;

/// How long whoever was told asks to be left alone, as far as that is believed.
pub(super) fn believed(wait: Duration) -> Duration {
    wait.min(DELIVERY_PAUSE.1)
}

/// The next attempt after so many failed ones, and after as long as was asked for; `None`: there is none.
pub(super) fn next_attempt(
    id: &NotificationId,
    attempts: u32,
    wait: Option<Duration>,
    now: Timestamp,
) -> Option<Timestamp> {
    if attempts >= DELIVERIES {
        return None;
    }
    let (first, longest) = DELIVERY_PAUSE;
    let doublings = attempts.saturating_sub(1).min(20);
    let pause = first.saturating_mul(1 << doublings).min(longest);
    let spread = pause * u32::from(lot(id, attempts)) / 512;
    let pause = (pause * 3 / 4 + spread).max(wait.map_or(Duration::ZERO, believed));
    Some(now + TimeDelta::milliseconds(clock::millis(pause)))
}

/// Spreads notifications that fail together; the same notification meets the same lot.
fn lot(id: &NotificationId, attempts: u32) -> u8 {
    Sha256::digest(format!("{id} {attempts}"))[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_an_hour_and_then_end() {
        let now = Timestamp::UNIX_EPOCH;
        let id = NotificationId("e1-00".to_owned());
        let pauses: Vec<i64> = (1..)
            .map_while(|attempts| next_attempt(&id, attempts, None, now))
            .map(|at| (at - now).num_seconds())
            .collect();
        assert_eq!(pauses.len() + 1, usize::try_from(DELIVERIES).unwrap_or(0));
        assert!((3..=7).contains(&pauses[0]), "{pauses:?}");
        assert!(pauses.iter().all(|pause| *pause <= 4_500), "{pauses:?}");
        assert!(pauses[12] >= 2_700, "{pauses:?}");
    }
    #[test]
    fn a_wait_that_is_asked_for_counts_within_bounds() {
        let now = Timestamp::UNIX_EPOCH;
        let id = NotificationId("e1-00".to_owned());
        let pause = |seconds| {
            let wait = Some(Duration::from_secs(seconds));
            next_attempt(&id, 1, wait, now).map(|at| (at - now).num_seconds())
        };
        assert!(pause(0) < Some(8), "{:?}", pause(0));
        assert_eq!(pause(100), Some(100));
        assert_eq!(pause(u64::MAX), Some(3_600));
    }
}
