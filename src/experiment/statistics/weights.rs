//! How often a run counts in each resample.

use crate::engine::RandomStream;

/// Number of resamples behind every interval.
pub const REPLICATES: usize = 1_000;

/// How often the runs under one seed count in each of the [`REPLICATES`] resamples: independent Poisson numbers with mean
/// 1, the limit of drawing runs with replacement (Chamandy et al., "Estimating Uncertainty for Massive Data Streams",
/// 2012). Unlike drawn indices they need not know how many runs there will be, and depend on the seed alone: every
/// variant, thread and shard gives a seed the same weights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weights(Box<[u8; REPLICATES]>);

/// `P(X <= k) · 2⁶⁴` of a Poisson variable with mean 1, for k = 0, 1, … 13 (beyond lies one in 10¹²).
const CUMULATIVE: [u64; 14] = [
    6_786_177_901_268_885_274,
    13_572_355_802_537_770_549,
    16_965_444_753_172_213_186,
    18_096_474_403_383_694_065,
    18_379_231_815_936_564_285,
    18_435_783_298_447_138_329,
    18_445_208_545_532_234_003,
    18_446_555_009_401_533_385,
    18_446_723_317_385_195_808,
    18_446_742_018_272_269_410,
    18_446_743_888_360_976_771,
    18_446_744_058_369_041_076,
    18_446_744_072_536_379_768,
    18_446_744_073_626_175_052,
];

impl Weights {
    /// The weights of a seed.
    ///
    /// ```
    /// use rebalab::experiment::statistics::Weights;
    /// assert_eq!(Weights::of_seed(7), Weights::of_seed(7));
    /// assert_ne!(Weights::of_seed(7), Weights::of_seed(8));
    /// ```
    pub fn of_seed(seed: u64) -> Self {
        let mut stream = RandomStream::new(seed, "bootstrap", "weights");
        let mut weights = Box::new([0; REPLICATES]);
        weights.fill_with(|| {
            let draw = stream.next_u64();
            CUMULATIVE.iter().position(|bound| draw < *bound).unwrap_or(CUMULATIVE.len()) as u8
        });
        Weights(weights)
    }

    /// One weight per resample.
    pub fn of_replicates(&self) -> &[u8; REPLICATES] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_poisson_with_mean_one() {
        let mut seen = [0u64; 6];
        for seed in 0..200 {
            for weight in Weights::of_seed(seed).of_replicates() {
                seen[usize::from(*weight).min(5)] += 1;
            }
        }
        let share = seen.map(|count| count as f64 / 200_000.0);
        let poisson = [0.36788, 0.36788, 0.18394, 0.06131, 0.01533, 0.00366];
        for (found, expected) in share.iter().zip(poisson) {
            // Four standard deviations of a share among 200,000.
            let noise = 4.0 * (expected * (1.0 - expected) / 200_000.0_f64).sqrt();
            assert!((found - expected).abs() < noise, "{share:?}");
        }
    }

    #[test]
    fn weights_of_neighbouring_seeds_are_independent() {
        let centred = |seed| Weights::of_seed(seed).of_replicates().map(|weight| f64::from(weight) - 1.0);
        let mut products = 0.0;
        for seed in 0..100 {
            products += centred(seed).iter().zip(centred(seed + 1)).map(|(a, b)| a * b).sum::<f64>();
        }
        // The sum of 100,000 products of variance 1.
        assert!(products.abs() < 4.0 * 100_000.0_f64.sqrt(), "{products}");
    }
}
