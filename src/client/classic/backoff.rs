//! `ExponentialBackoff`: doubling with a jitter of a fifth either way (consumer-client.md 1.6).

use crate::client::Jitter;

/// `min(max, base · 2^attempts · U(0.8, 1.2))` in milliseconds; constant if the maximum is not above the base.
pub(super) fn exponential_ms(base_ms: i32, max_ms: i32, attempts: u32, random: &mut dyn Jitter) -> i64 {
    if max_ms <= base_ms {
        return i64::from(base_ms.max(0));
    }
    let doubled = i64::from(base_ms).saturating_mul(1 << attempts.min(30)).min(i64::from(max_ms));
    let factor = 0.8 + 0.4 * random.unit();
    ((doubled as f64 * factor) as i64).min(i64::from(max_ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_backoff_doubles_up_to_its_maximum_with_a_fifth_of_jitter() {
        let mut middle = || 0.5;
        assert_eq!(exponential_ms(100, 1_000, 0, &mut middle), 100);
        assert_eq!(exponential_ms(100, 1_000, 2, &mut middle), 400);
        assert_eq!(exponential_ms(100, 1_000, 9, &mut middle), 1_000);
        let mut low = || 0.0;
        assert_eq!(exponential_ms(100, 1_000, 0, &mut low), 80);
    }

    #[test]
    fn a_maximum_that_is_not_above_the_base_makes_it_constant() {
        let mut low = || 0.0;
        assert_eq!(exponential_ms(100, 100, 5, &mut low), 100);
    }
}
