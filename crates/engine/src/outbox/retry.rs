//! When is a letter that was not delivered tried again? Twice as late each time, spread out, and not for ever.

use chrono::TimeDelta;
use policy::Timestamp;
use sha2::{Digest as _, Sha256};

use super::letter::LetterId;
use crate::limits::{DELIVERIES, DELIVERY_PAUSE};

/// The next attempt after so many failed ones; `None`: there is none.
pub(super) fn next_attempt(id: &LetterId, attempts: u32, now: Timestamp) -> Option<Timestamp> {
    if attempts >= DELIVERIES {
        return None;
    }
    let (first, longest) = DELIVERY_PAUSE;
    let doublings = attempts.saturating_sub(1).min(20);
    let pause = first.saturating_mul(1 << doublings).min(longest);
    let millis = i64::try_from(pause.as_millis()).unwrap_or(i64::MAX);
    let spread = millis * i64::from(lot(id, attempts)) / 512;
    Some(now + TimeDelta::milliseconds(millis / 2 + millis / 4 + spread))
}

/// Spreads letters that fail together; the same letter meets the same lot.
fn lot(id: &LetterId, attempts: u32) -> u8 {
    Sha256::digest(format!("{id} {attempts}"))[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_an_hour_and_then_end() {
        let now = Timestamp::UNIX_EPOCH;
        let id = LetterId("e1-00".to_owned());
        let pauses: Vec<i64> = (1..)
            .map_while(|attempts| next_attempt(&id, attempts, now))
            .map(|at| (at - now).num_seconds())
            .collect();
        assert_eq!(pauses.len() + 1, usize::try_from(DELIVERIES).unwrap_or(0));
        assert!((3..=7).contains(&pauses[0]), "{pauses:?}");
        assert!(pauses.iter().all(|pause| *pause <= 4_500), "{pauses:?}");
        assert!(pauses[12] >= 2_700, "{pauses:?}");
    }
}
