//! How latencies are distributed, in little room: exact up to 255 ms, and within one percent beyond.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Each doubling of the latency is cut into so many parts.
const PARTS: u32 = 128;
const BITS: u32 = PARTS.ilog2();

/// Counts by latency.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Histogram(BTreeMap<u16, u64>);

impl Histogram {
    /// Counts one latency.
    pub fn record(&mut self, millis: u32) {
        *self.0.entry(bucket(millis)).or_default() += 1;
    }

    /// Adds what another has counted.
    pub fn merge(&mut self, other: &Self) {
        for (bucket, count) in &other.0 {
            *self.0.entry(*bucket).or_default() += count;
        }
    }

    /// How many were counted.
    pub fn count(&self) -> u64 {
        self.0.values().sum()
    }

    /// The latency that so many of a thousand do not exceed; `None` if nothing was counted.
    pub fn quantile(&self, per_mille: u64) -> Option<u32> {
        let rank = (self.count() * per_mille).div_ceil(1000).max(1);
        let mut passed = 0;
        let found = self.0.iter().find(|(_, count)| {
            passed += **count;
            passed >= rank
        });
        found.map(|(bucket, _)| longest(*bucket))
    }
}

/// Below `2 * PARTS` a bucket is a millisecond, then each is twice as wide as those of the doubling before.
fn bucket(millis: u32) -> u16 {
    let doublings = (millis / PARTS).checked_ilog2().unwrap_or(0);
    let part = millis >> doublings;
    u16::try_from((doublings << BITS) + part).unwrap_or(u16::MAX)
}

/// The longest latency of a bucket.
fn longest(bucket: u16) -> u32 {
    let bucket = u32::from(bucket);
    let doublings = (bucket >> BITS).saturating_sub(1);
    let part = u64::from(bucket - (doublings << BITS));
    let next = (part + 1) << doublings;
    u32::try_from(next - 1).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_holds_what_is_at_most_a_percent_shorter() {
        let mut last = 0;
        for millis in (0..70_000).chain([1 << 20, (1 << 31) + 17, u32::MAX]) {
            let bucket = bucket(millis);
            assert!(bucket >= last, "{millis}");
            last = bucket;
            let longest = longest(bucket);
            assert!(longest >= millis, "{millis} in {bucket} up to {longest}");
            assert!(longest - millis <= millis / 128, "{millis} up to {longest}");
        }
    }

    #[test]
    fn quantiles_are_those_of_the_sorted_latencies() {
        let mut histogram = Histogram::default();
        (1..=100).for_each(|millis| histogram.record(millis));
        let quantiles = [0, 500, 950, 990, 1000].map(|q| histogram.quantile(q));
        assert_eq!(quantiles, [1, 50, 95, 99, 100].map(Some));
        assert_eq!(Histogram::default().quantile(500), None);
    }
}
