//! How a phase is cut into batches (R1).

use std::iter;

use super::weights;
use crate::rules::{BatchRule, Share};

/// Cuts the customers of a phase, whose weights stand in its order, into batches: the sizes, none of them 0.
///
/// With a percentage of `n` customers, batch `k` ends at customer `floor(n * k * percent / 100)` and the last at `n`;
/// batches that this leaves empty vanish. By weight, a batch takes customers while its own weight stays within the share;
/// whoever does not fit begins the next one, and whoever is heavier than the share is a batch alone.
///
/// ```
/// use policy::phases::batch_sizes;
/// use policy::rules::BatchRule;
///
/// assert_eq!(batch_sizes(&[1; 7], &BatchRule::Percent(25)), [1, 2, 2, 2]);
/// assert_eq!(batch_sizes(&[1; 2], &BatchRule::Percent(25)), [1, 1]);
/// assert_eq!(batch_sizes(&[10, 20, 5, 60, 5], &BatchRule::Weight(30)), [2, 1, 1, 1]);
/// ```
pub fn batch_sizes(weights: &[u64], rule: &BatchRule) -> Vec<usize> {
    resize(weights, 0, rule)
}

/// Cuts anew what remains of a phase (R6): the first `started` of the customers have begun, and the batches of the rest end
/// where R1 over the whole phase would end them.
///
/// ```
/// use policy::phases::resize;
/// use policy::rules::BatchRule;
///
/// // Over all ten, batches end at 2, 5, 7 and 10. After three, the next still ends at 5.
/// assert_eq!(resize(&[1; 10], 3, &BatchRule::Percent(25)), [2, 2, 3]);
/// // By weight they end at 2, 3 and 5. After one, the next still ends at 2.
/// assert_eq!(resize(&[2, 2, 4, 1, 1], 1, &BatchRule::Weight(40)), [1, 1, 2]);
/// ```
pub fn resize(weights: &[u64], started: usize, rule: &BatchRule) -> Vec<usize> {
    let n = weights.len();
    let mut done = started.min(n);
    let ends = ends(weights, rule).into_iter().chain(iter::once(n));
    let sizes = ends.filter_map(|end| {
        let end = end.min(n);
        let size = end.checked_sub(done).filter(|size| *size > 0)?;
        done = end;
        Some(size)
    });
    sizes.collect()
}

/// Where batches end, the last perhaps missing.
fn ends(weights: &[u64], rule: &BatchRule) -> Vec<usize> {
    let n = weights.len();
    match rule {
        BatchRule::All => Vec::new(),
        BatchRule::Count(count) => multiples(n, |k| k.saturating_mul((*count).max(1) as usize)),
        BatchRule::Percent(percent) => multiples(n, |k| share(n, k, (*percent).max(1))),
        BatchRule::Shares(shares) => shares.iter().map(|one| share_end(n, *one)).collect(),
        BatchRule::Weight(percent) => weight_ends(weights, *percent),
    }
}

/// Where somebody begins the next batch: the one that is open has no room left for them.
fn weight_ends(weights: &[u64], percent: u32) -> Vec<usize> {
    let room = weights::share(weights::sum(weights), percent);
    let mut ends = Vec::new();
    let mut taken: u64 = 0;
    for (place, own) in weights.iter().enumerate() {
        let together = taken.saturating_add(*own);
        if taken > 0 && together > room {
            ends.push(place);
            taken = *own;
        } else {
            taken = together;
        }
    }
    ends
}

fn multiples(n: usize, end: impl Fn(usize) -> usize) -> Vec<usize> {
    // Every rule takes at least one customer or one percent at a time.
    (1..=n.max(100))
        .map(end)
        .take_while(|end| *end < n)
        .collect()
}

fn share_end(n: usize, share_of: Share) -> usize {
    match share_of {
        Share::Count(count) => count as usize,
        Share::Percent(percent) => share(n, 1, percent),
        Share::All => n,
    }
}

/// `floor(n * k * percent / 100)`, without overflow.
fn share(n: usize, k: usize, percent: u32) -> usize {
    let product = n as u128 * k as u128 * u128::from(percent) / 100;
    usize::try_from(product).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many customers that weigh nothing in particular.
    fn alike(n: usize) -> Vec<u64> {
        vec![1; n]
    }

    #[test]
    fn percentages_round_down_cumulatively() {
        let cases: [(usize, u32, &[usize]); 8] = [
            (1, 25, &[1]),
            (2, 25, &[1, 1]),
            (5, 25, &[1, 1, 1, 2]),
            (7, 25, &[1, 2, 2, 2]),
            (10, 25, &[2, 3, 2, 3]),
            (3, 50, &[1, 2]),
            (10, 30, &[3, 3, 3, 1]),
            (0, 25, &[]),
        ];
        for (n, percent, sizes) in cases {
            assert_eq!(
                batch_sizes(&alike(n), &BatchRule::Percent(percent)),
                sizes,
                "{n}@{percent}%"
            );
        }
    }

    #[test]
    fn lists_are_cumulative_and_end_with_everybody() {
        let shares = vec![
            Share::Count(1),
            Share::Percent(10),
            Share::Percent(50),
            Share::All,
        ];
        let rule = BatchRule::Shares(shares);
        assert_eq!(batch_sizes(&alike(40), &rule), [1, 3, 16, 20]);
        assert_eq!(batch_sizes(&alike(5), &rule), [1, 1, 3]);
        assert_eq!(batch_sizes(&alike(1), &rule), [1]);
    }

    #[test]
    fn numbers_leave_a_smaller_last_batch() {
        assert_eq!(batch_sizes(&alike(7), &BatchRule::Count(3)), [3, 3, 1]);
        assert_eq!(batch_sizes(&alike(3), &BatchRule::All), [3]);
        assert_eq!(batch_sizes(&alike(2), &BatchRule::Count(0)), [1, 1]);
    }

    #[test]
    fn a_new_cut_counts_those_that_started_first() {
        assert_eq!(resize(&alike(10), 5, &BatchRule::Percent(25)), [2, 3]);
        assert_eq!(resize(&alike(10), 3, &BatchRule::Count(4)), [1, 4, 2]);
        assert_eq!(resize(&alike(4), 9, &BatchRule::All), Vec::<usize>::new());
    }

    /// The table of R1.
    #[test]
    fn a_batch_by_weight_takes_who_fits() {
        let cases: [(&[u64], u32, &[usize]); 9] = [
            (&[10, 10, 10, 10], 50, &[2, 2]),
            (&[10, 10, 10, 10], 25, &[1, 1, 1, 1]),
            (&[5, 5, 80, 5, 5], 10, &[2, 1, 2]),
            (&[5, 80, 5, 5, 5], 10, &[1, 1, 2, 1]),
            (&[3, 3, 3, 1], 60, &[2, 2]),
            (&[1, 1, 1], 34, &[1, 1, 1]),
            (&[1, 1, 1], 67, &[2, 1]),
            (&[7], 1, &[1]),
            (&[4, 3, 2, 1], 100, &[4]),
        ];
        for (weights, percent, sizes) in cases {
            assert_eq!(
                batch_sizes(weights, &BatchRule::Weight(percent)),
                sizes,
                "{weights:?}@{percent}%"
            );
        }
    }

    #[test]
    fn weights_as_large_as_they_can_be_are_cut_too() {
        let rule = BatchRule::Weight(50);
        assert_eq!(batch_sizes(&[u64::MAX, u64::MAX], &rule), [1, 1]);
        assert_eq!(batch_sizes(&[], &rule), Vec::<usize>::new());
    }

    #[test]
    fn a_new_cut_by_weight_ends_where_the_first_did() {
        let weights = [2, 2, 4, 1, 1];
        let rule = BatchRule::Weight(40);
        assert_eq!(batch_sizes(&weights, &rule), [2, 1, 2]);
        assert_eq!(resize(&weights, 2, &rule), [1, 2]);
        assert_eq!(resize(&weights, 1, &rule), [1, 1, 2]);
        assert_eq!(resize(&weights, 5, &rule), Vec::<usize>::new());
    }
}
