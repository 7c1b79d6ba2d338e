//! How much a phase weighs, and a part of that.

/// The weight of a whole phase.
pub(crate) fn sum(weights: &[u64]) -> u64 {
    weights.iter().copied().fold(0, u64::saturating_add)
}

/// So many percent, fractions dropped.
pub(crate) fn share(whole: u64, percent: u32) -> u64 {
    let product = u128::from(whole) * u128::from(percent) / 100;
    u64::try_from(product).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Customer;

    #[test]
    fn a_share_of_the_heaviest_fleet_is_exact() {
        let heaviest = vec![Customer::MAX_WEIGHT; 8_000_000];
        let whole = sum(&heaviest);
        assert_eq!(whole, 8_000_000_000_000_000);
        assert!(whole < 1 << 53, "exact in floating point too");
        assert_eq!(share(whole, 33), 2_640_000_000_000_000);
        assert_eq!(share(u64::MAX, 100), u64::MAX);
        assert_eq!(share(49, 2), 0);
        assert_eq!(share(50, 2), 1);
    }
}
