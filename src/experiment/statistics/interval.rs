//! Intervals from resamples.

use serde::{Deserialize, Serialize};

/// Fewer runs give no interval: their spread can't be told from luck.
pub const RUNS_MIN: u64 = 6;

/// Resamples without a value (no crash among the drawn runs) that are tolerated, as a share.
const UNDEFINED_MAX: f64 = 0.05;

/// A 95 % confidence interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Interval {
    /// Half of its length.
    pub fn half(&self) -> f64 {
        (self.high - self.low) / 2.0
    }

    /// Zero lies outside: the sign is told.
    pub fn excludes_zero(&self) -> bool {
        self.low > 0.0 || self.high < 0.0
    }

    /// Expanded percentile interval from the resampled values of a figure (NaN where a resample has none); `None` for
    /// fewer than [`RUNS_MIN`] runs or too many resamples without a value.
    ///
    /// A plain percentile interval is too short for few runs, by the factor between the normal and Student's
    /// distribution and between n and n − 1. Expanding puts that right (Hesterberg, "What Teachers Should Know About the
    /// Bootstrap", The American Statistician 69, 2015).
    pub fn of_replicates(mut replicates: Vec<f64>, runs: u64) -> Option<Interval> {
        let drawn = replicates.len();
        replicates.retain(|value| !value.is_nan());
        if runs < RUNS_MIN || (replicates.len() as f64) < drawn as f64 * (1.0 - UNDEFINED_MAX) {
            return None;
        }
        replicates.sort_unstable_by(f64::total_cmp);
        let n = runs as f64;
        let tail = normal_share(-(n / (n - 1.0)).sqrt() * student_975(n - 1.0));
        Some(Interval { low: at_share(&replicates, tail), high: at_share(&replicates, 1.0 - tail) })
    }
}

/// The value at a share of sorted values, linear between neighbours.
fn at_share(sorted: &[f64], share: f64) -> f64 {
    let place = (share * (sorted.len() + 1) as f64 - 1.0).clamp(0.0, (sorted.len() - 1) as f64);
    let (below, along) = (place as usize, place.fract());
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (sorted[above] - sorted[below]) * along
}

/// Share of a standard normal variable at or below `z`.
fn normal_share(z: f64) -> f64 {
    0.5 * libm::erfc(-z / std::f64::consts::SQRT_2)
}

/// The 97.5 % quantile of Student's distribution, by its expansion in powers of 1/ν around the normal quantile
/// (Abramowitz and Stegun 26.7.5): right to three digits from five degrees of freedom on.
fn student_975(freedom: f64) -> f64 {
    const Z: f64 = 1.959963984540054;
    let squared = Z * Z;
    let terms = [
        (squared + 1.0) / 4.0,
        ((5.0 * squared + 16.0) * squared + 3.0) / 96.0,
        (((3.0 * squared + 19.0) * squared + 17.0) * squared - 15.0) / 384.0,
        ((((79.0 * squared + 776.0) * squared + 1_482.0) * squared - 1_920.0) * squared - 945.0) / 92_160.0,
    ];
    Z * (1.0 + terms.iter().rev().fold(0.0, |sum, term| (sum + term) / freedom))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn students_quantile_is_that_of_the_tables() {
        for (freedom, expected) in [(5.0, 2.5706), (9.0, 2.2622), (29.0, 2.0452), (99.0, 1.9842), (1e6, 1.96)] {
            assert!((student_975(freedom) - expected).abs() < 5e-4, "{freedom}: {}", student_975(freedom));
        }
    }

    #[test]
    fn the_normal_share_is_that_of_the_tables() {
        for (z, expected) in [(0.0, 0.5), (-1.959964, 0.025), (-3.0, 0.00134990), (1.0, 0.8413447)] {
            assert!((normal_share(z) - expected).abs() < 1e-6, "{z}");
        }
    }

    #[test]
    fn with_many_runs_the_interval_spans_the_middle_95_of_100_resamples() {
        let interval = Interval::of_replicates((0..=1_000).rev().map(f64::from).collect(), 1_000_000).unwrap();
        assert!((interval.low - 25.0).abs() < 1.0 && (interval.high - 975.0).abs() < 1.0, "{interval:?}");
    }

    #[test]
    fn fewer_runs_make_it_longer() {
        let replicates: Vec<f64> = (0..1_000).map(f64::from).collect();
        let half = |runs| Interval::of_replicates(replicates.clone(), runs).unwrap().half();
        assert!(half(6) > half(10) && half(10) > half(100));
    }

    #[test]
    fn too_few_runs_or_values_give_no_interval() {
        assert_eq!(Interval::of_replicates(vec![1.0; 1_000], RUNS_MIN - 1), None);
        let mut gaps = vec![1.0; 1_000];
        gaps[..51].fill(f64::NAN);
        assert_eq!(Interval::of_replicates(gaps.clone(), 100), None);
        gaps[0] = 1.0;
        assert_eq!(Interval::of_replicates(gaps, 100), Some(Interval { low: 1.0, high: 1.0 }));
    }

    #[test]
    fn the_sign_is_told_when_zero_lies_outside() {
        let told = |low, high| Interval { low, high }.excludes_zero();
        assert!(told(0.1, 2.0) && told(-2.0, -0.1));
        assert!(!told(-0.1, 2.0) && !told(0.0, 2.0) && !told(0.0, 0.0));
    }
}
