//! How a phase is cut into batches (R1).

use std::iter;

use crate::rules::{BatchRule, Share};

/// Cuts `n` customers into batches: the sizes, none of them 0.
///
/// With a percentage, batch `k` ends at customer `floor(n * k * percent / 100)` and the last at `n`; batches that this
/// leaves empty vanish.
///
/// ```
/// use policy::plan::batch_sizes;
/// use policy::rules::BatchRule;
///
/// assert_eq!(batch_sizes(7, &BatchRule::Percent(25)), [1, 2, 2, 2]);
/// assert_eq!(batch_sizes(2, &BatchRule::Percent(25)), [1, 1]);
/// ```
pub fn batch_sizes(n: usize, rule: &BatchRule) -> Vec<usize> {
    resize(n, 0, rule)
}

/// Cuts anew what remains of a phase (R6): of `n` customers `started` have begun, and the batches of the rest end where
/// R1 over the whole phase would end them, as if those that have started had been its first customers.
///
/// ```
/// use policy::plan::resize;
/// use policy::rules::BatchRule;
///
/// // Over all ten, batches end at 2, 5, 7 and 10. After three, the next still ends at 5.
/// assert_eq!(resize(10, 3, &BatchRule::Percent(25)), [2, 2, 3]);
/// ```
pub fn resize(n: usize, started: usize, rule: &BatchRule) -> Vec<usize> {
    let mut done = started.min(n);
    let ends = ends(n, rule).into_iter().chain(iter::once(n));
    let sizes = ends.filter_map(|end| {
        let end = end.min(n);
        let size = end.checked_sub(done).filter(|size| *size > 0)?;
        done = end;
        Some(size)
    });
    sizes.collect()
}

/// Where batches end, the last perhaps missing.
fn ends(n: usize, rule: &BatchRule) -> Vec<usize> {
    match rule {
        BatchRule::All => Vec::new(),
        BatchRule::Count(count) => multiples(n, |k| k.saturating_mul((*count).max(1) as usize)),
        BatchRule::Percent(percent) => multiples(n, |k| share(n, k, (*percent).max(1))),
        BatchRule::Shares(shares) => shares.iter().map(|one| share_end(n, *one)).collect(),
    }
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
pub(super) fn share(n: usize, k: usize, percent: u32) -> usize {
    let product = n as u128 * k as u128 * u128::from(percent) / 100;
    usize::try_from(product).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

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
                batch_sizes(n, &BatchRule::Percent(percent)),
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
        assert_eq!(batch_sizes(40, &rule), [1, 3, 16, 20]);
        assert_eq!(batch_sizes(5, &rule), [1, 1, 3]);
        assert_eq!(batch_sizes(1, &rule), [1]);
    }

    #[test]
    fn numbers_leave_a_smaller_last_batch() {
        assert_eq!(batch_sizes(7, &BatchRule::Count(3)), [3, 3, 1]);
        assert_eq!(batch_sizes(3, &BatchRule::All), [3]);
        assert_eq!(batch_sizes(2, &BatchRule::Count(0)), [1, 1]);
    }

    #[test]
    fn a_new_cut_counts_those_that_started_first() {
        assert_eq!(resize(10, 5, &BatchRule::Percent(25)), [2, 3]);
        assert_eq!(resize(10, 3, &BatchRule::Count(4)), [1, 4, 2]);
        assert_eq!(resize(4, 9, &BatchRule::All), Vec::<usize>::new());
    }
}
