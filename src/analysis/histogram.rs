//! Values in buckets of at most 1/128 of their size, so that the values of many runs merge into one distribution
//! without being kept one by one.
//!
//! The layout is that of an HDR histogram: up to 255 each value has a bucket of its own; from there on each power of two
//! is cut into 128 equal buckets. Count, sum, least and largest value stay exact. Only buckets with values take memory.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::engine::SimDuration;

/// Each power of two is cut into this many buckets (as a power of two).
const BITS: u32 = 7;

/// How often which value was seen: nanoseconds, or counts. Merging is exact: it makes no difference in which order
/// values and histograms come together.
///
/// ```
/// use rebalab::analysis::Histogram;
/// let mut first = Histogram::default();
/// (1..=100).for_each(|value| first.record(value));
/// let mut both = Histogram::default();
/// both.record(1_000_000);
/// both.merge(&first);
/// assert_eq!((both.count(), both.quantile(0.5), both.max()), (101, Some(51), Some(1_000_000)));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Histogram {
    /// Values by bucket.
    buckets: BTreeMap<u16, u64>,
    /// Exact sum of the values.
    sum: u128,
    /// Least value; 0 without values.
    min: u64,
    /// Largest value; 0 without values.
    max: u64,
}

impl Histogram {
    /// One more value.
    pub fn record(&mut self, value: u64) {
        self.record_many(value, 1);
    }

    /// A span of time, in nanoseconds.
    pub fn record_span(&mut self, span: SimDuration) {
        self.record(span.0);
    }

    /// The same value `times` over.
    pub fn record_many(&mut self, value: u64, times: u64) {
        if times == 0 {
            return;
        }
        (self.min, self.max) = match self.is_empty() {
            true => (value, value),
            false => (self.min.min(value), self.max.max(value)),
        };
        *self.buckets.entry(bucket_of(value)).or_default() += times;
        self.sum += u128::from(value) * u128::from(times);
    }

    /// Takes in the values of another histogram.
    pub fn merge(&mut self, other: &Histogram) {
        if other.is_empty() {
            return;
        }
        (self.min, self.max) = match self.is_empty() {
            true => (other.min, other.max),
            false => (self.min.min(other.min), self.max.max(other.max)),
        };
        for (bucket, count) in &other.buckets {
            *self.buckets.entry(*bucket).or_default() += count;
        }
        self.sum += other.sum;
    }

    /// No value yet.
    pub fn is_empty(&self) -> bool {
        self.buckets.is_empty()
    }

    /// How many values.
    pub fn count(&self) -> u64 {
        self.buckets.values().sum()
    }

    /// Their exact sum.
    pub fn sum(&self) -> u128 {
        self.sum
    }

    /// The least value.
    pub fn min(&self) -> Option<u64> {
        (!self.is_empty()).then_some(self.min)
    }

    /// The largest value.
    pub fn max(&self) -> Option<u64> {
        (!self.is_empty()).then_some(self.max)
    }

    /// Mean of the values.
    pub fn mean(&self) -> Option<f64> {
        (!self.is_empty()).then(|| self.sum as f64 / self.count() as f64)
    }

    /// The value that a share `quantile` (0 to 1) of all values does not exceed, within 0.4 %: the middle of the bucket in
    /// which the value of that rank lies, never beyond the least and the largest value.
    ///
    /// # Panics
    /// If the quantile is not between 0 and 1.
    pub fn quantile(&self, quantile: f64) -> Option<u64> {
        let rank = rank_of(quantile, self.count())?;
        let bucket = bucket_of_rank(self.buckets.iter().map(|(bucket, count)| (*bucket, *count)), rank)?;
        Some(middle_of(bucket).clamp(self.min, self.max))
    }

    /// The buckets that hold values, in rising order, each with its count.
    pub fn buckets(&self) -> impl Iterator<Item = (u16, u64)> {
        self.buckets.iter().map(|(bucket, count)| (*bucket, *count))
    }

    /// Whether the parts agree with each other: a histogram that was read from a file may be damaged.
    pub fn is_sound(&self) -> bool {
        let (Some((first, _)), Some((last, _))) = (self.buckets.first_key_value(), self.buckets.last_key_value())
        else {
            return self.sum == 0 && self.min == 0 && self.max == 0;
        };
        let known = self.buckets.iter().all(|(bucket, count)| *bucket <= bucket_of(u64::MAX) && *count > 0);
        known && *first == bucket_of(self.min) && *last == bucket_of(self.max)
    }
}

/// The rank, counted from 1, of a quantile among `count` values: the least rank that covers the share.
///
/// # Panics
/// If the quantile is not between 0 and 1.
pub fn rank_of(quantile: f64, count: u64) -> Option<u64> {
    assert!((0.0..=1.0).contains(&quantile), "a quantile from 0 to 1, not {quantile}");
    // 0.95 × 20 is a hair above 19 in binary: that must not move it to the next rank.
    let rank = (quantile * count as f64 * (1.0 - f64::EPSILON)).ceil() as u64;
    (count > 0).then(|| rank.clamp(1, count))
}

/// The bucket that holds the value of this rank, where `buckets` come in rising order.
pub fn bucket_of_rank(buckets: impl Iterator<Item = (u16, u64)>, rank: u64) -> Option<u16> {
    let mut seen = 0;
    buckets.into_iter().find_map(|(bucket, count)| {
        seen += count;
        (seen >= rank).then_some(bucket)
    })
}

/// The bucket of a value.
pub fn bucket_of(value: u64) -> u16 {
    let shift = value.max(1).ilog2().saturating_sub(BITS);
    ((shift << BITS) + (value >> shift) as u32) as u16
}

/// The least value of a bucket.
pub fn low_of(bucket: u16) -> u64 {
    let bucket = u32::from(bucket);
    let shift = (bucket >> BITS).saturating_sub(1);
    u64::from(bucket - (shift << BITS)) << shift
}

/// The value in the middle of a bucket.
pub fn middle_of(bucket: u16) -> u64 {
    let shift = (u32::from(bucket) >> BITS).saturating_sub(1);
    low_of(bucket) + ((1u64 << shift) >> 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(values: &[u64]) -> Histogram {
        let mut histogram = Histogram::default();
        values.iter().for_each(|value| histogram.record(*value));
        histogram
    }

    #[test]
    fn small_values_have_a_bucket_of_their_own() {
        for value in 0..256 {
            assert_eq!((low_of(bucket_of(value)), middle_of(bucket_of(value))), (value, value));
        }
        assert_eq!(bucket_of(256), bucket_of(257));
        assert_ne!(bucket_of(257), bucket_of(258));
        assert_eq!(bucket_of(u64::MAX), 7_423);
    }

    #[test]
    fn quantiles_of_exactly_known_values_are_the_values_of_that_rank() {
        let histogram = of(&(1..=200).collect::<Vec<_>>());
        for (quantile, expected) in [(0.0, 1), (0.005, 1), (0.5, 100), (0.95, 190), (0.99, 198), (1.0, 200)] {
            assert_eq!(histogram.quantile(quantile), Some(expected), "{quantile}");
        }
        assert_eq!(Histogram::default().quantile(0.5), None);
    }

    #[test]
    fn a_histogram_survives_json() {
        let histogram = of(&[0, 3, 3, 77_000_000_000, u64::MAX]);
        let text = serde_json::to_string(&histogram).unwrap();
        let read: Histogram = serde_json::from_str(&text).unwrap();
        assert_eq!(read, histogram);
        assert!(read.is_sound());
    }

    #[test]
    fn a_histogram_whose_parts_disagree_is_noticed() {
        assert!(Histogram::default().is_sound());
        let sound = of(&[10, 2_000, 30_000]);
        let broken = [
            Histogram { max: 60_000, ..sound.clone() },
            Histogram { min: 11, ..sound.clone() },
            Histogram { buckets: BTreeMap::from([(10, 0)]), sum: 0, min: 10, max: 10 },
            Histogram { buckets: BTreeMap::from([(60_000, 1)]), sum: 0, min: 10, max: u64::MAX },
            Histogram { min: 1, ..Histogram::default() },
        ];
        assert!(sound.is_sound());
        assert!(broken.iter().all(|histogram| !histogram.is_sound()));
    }

    proptest! {
        #[test]
        fn a_bucket_holds_its_values_and_is_narrow(value: u64) {
            let bucket = bucket_of(value);
            let (low, middle) = (low_of(bucket), middle_of(bucket));
            prop_assert!(low <= value && bucket_of(low) == bucket && bucket_of(middle) == bucket);
            prop_assert!(value.abs_diff(middle) <= value / 256 + 1);
        }

        #[test]
        fn buckets_rise_with_values(a: u64, b: u64) {
            prop_assert!(bucket_of(a.min(b)) <= bucket_of(a.max(b)));
        }

        #[test]
        fn the_order_of_merging_makes_no_difference(parts: Vec<Vec<u32>>) {
            let wide = |values: &Vec<u32>| of(&values.iter().map(|v| u64::from(*v)).collect::<Vec<_>>());
            let (mut forwards, mut backwards) = (Histogram::default(), Histogram::default());
            parts.iter().for_each(|part| forwards.merge(&wide(part)));
            parts.iter().rev().for_each(|part| backwards.merge(&wide(part)));
            let together = wide(&parts.concat());
            prop_assert_eq!(&forwards, &backwards);
            prop_assert_eq!(&forwards, &together);
            prop_assert!(together.is_sound());
        }

        #[test]
        fn quantiles_lie_within_half_a_percent_of_the_exact_ones(
            mut values in prop::collection::vec(0u64..1_000_000_000_000, 1..200),
            quantile in 0.0..=1.0,
        ) {
            let found = of(&values).quantile(quantile).unwrap();
            values.sort_unstable();
            let exact = values[rank_of(quantile, values.len() as u64).unwrap() as usize - 1];
            prop_assert!(found.abs_diff(exact) <= exact / 200 + 1, "{} for {}", found, exact);
        }
    }
}
