//! Running totals over the runs of one variant: as they were, and in every resample.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::interval::Interval;
use super::weights::{REPLICATES, Weights};
use crate::analysis::Histogram;
use crate::analysis::histogram::{middle_of, rank_of};
use crate::experiment::figures::{Figure, Measure, Pool, RunFigures, SUMS};

/// A figure of many runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Estimate {
    /// Its value; `null` if the runs brought none (no crash, no detection time).
    pub value: Option<f64>,
    /// 95 % confidence interval; `null` where none can be stated.
    pub interval: Option<Interval>,
    /// Number of runs behind it.
    pub runs: u64,
    /// For quantiles and largest values: number of pooled values behind it.
    pub values: Option<u64>,
}

/// The runs of one variant, folded. Its size depends on the spread of the values, not on the number of runs: some
/// hundred kilobytes, a few megabytes at most.
#[derive(Clone, Debug)]
pub struct Accumulator {
    runs: u64,
    sums: [f64; SUMS.len()],
    /// The same in every resample, for the sums that were ever other than zero.
    resampled_sums: [Option<Box<[f64; REPLICATES]>>; SUMS.len()],
    pools: [Pooled; Pool::ALL.len()],
}

/// The values of one pool.
#[derive(Clone, Debug, Default)]
struct Pooled {
    values: Histogram,
    /// Count of every bucket in every resample.
    resampled: BTreeMap<u16, Box<[u32; REPLICATES]>>,
}

impl Default for Accumulator {
    fn default() -> Self {
        Accumulator {
            runs: 0,
            sums: [0.0; SUMS.len()],
            resampled_sums: std::array::from_fn(|_| None),
            pools: Default::default(),
        }
    }
}

impl Accumulator {
    /// Takes in one run. Runs come in a fixed order, so that sums round alike on every machine.
    pub fn add(&mut self, run: &RunFigures, weights: &Weights) {
        self.runs += 1;
        let weights = weights.of_replicates();
        for (index, value) in run.sums.iter().enumerate().filter(|(_, value)| **value != 0.0) {
            self.sums[index] += value;
            let resampled = self.resampled_sums[index].get_or_insert_with(|| Box::new([0.0; REPLICATES]));
            for (total, weight) in resampled.iter_mut().zip(weights) {
                *total += value * f64::from(*weight);
            }
        }
        for (pooled, values) in self.pools.iter_mut().zip(&run.pools) {
            pooled.add(values, weights);
        }
    }

    /// Runs taken in.
    pub fn runs(&self) -> u64 {
        self.runs
    }

    /// Simulated time of all runs, seconds.
    pub fn simulated_s(&self) -> f64 {
        self.sums[0]
    }

    /// Total of a sum over all runs.
    pub fn total(&self, sum: usize) -> f64 {
        self.sums[sum]
    }

    /// All values of a pool.
    pub fn values(&self, pool: Pool) -> &Histogram {
        &self.pools[pool as usize].values
    }

    /// A figure of these runs, without interval.
    pub fn value(&self, figure: &Figure) -> Option<f64> {
        match figure.measure {
            Measure::Rate { sum, seconds } => (self.sums[0] > 0.0).then(|| self.sums[sum] / self.sums[0] * seconds),
            Measure::Quantile { pool, quantile } => {
                self.values(pool).quantile(quantile).map(|value| value as f64 * pool.scale())
            }
            Measure::Largest { pool } => self.values(pool).max().map(|value| value as f64 * pool.scale()),
        }
    }

    /// A figure of these runs, with its interval.
    pub fn estimate(&self, figure: &Figure) -> Estimate {
        let values = match figure.measure {
            Measure::Rate { .. } => None,
            Measure::Quantile { pool, .. } | Measure::Largest { pool } => Some(self.values(pool).count()),
        };
        let replicates = self.has_interval(figure).then(|| self.replicates(figure));
        let interval = replicates.and_then(|replicates| Interval::of_replicates(replicates, self.runs));
        Estimate { value: self.value(figure), interval, runs: self.runs, values }
    }

    /// Whether the values reach far enough for an interval: the largest of n values exceeds the quantile q with
    /// probability 1 − qⁿ, which an upper end with 97.5 % confidence needs (the same below). None for a largest value.
    pub fn has_interval(&self, figure: &Figure) -> bool {
        match figure.measure {
            Measure::Rate { .. } => true,
            Measure::Largest { .. } => false,
            Measure::Quantile { pool, quantile } => {
                let count = self.values(pool).count() as f64;
                let reached = |share: f64| libm::pow(share, count) <= 0.025;
                reached(quantile) && reached(1.0 - quantile)
            }
        }
    }

    /// A figure in every resample; NaN where a resample has no value.
    pub fn replicates(&self, figure: &Figure) -> Vec<f64> {
        match figure.measure {
            Measure::Rate { sum, seconds } => {
                let zeros = || vec![0.0; REPLICATES];
                let of = |index: usize| self.resampled_sums[index].as_ref().map_or_else(zeros, |sums| sums.to_vec());
                // A resample without runs is 0 / 0: NaN.
                of(sum).iter().zip(of(0)).map(|(total, duration)| total / duration * seconds).collect()
            }
            Measure::Quantile { pool, quantile } => self.pools[pool as usize].quantiles(quantile, pool.scale()),
            Measure::Largest { .. } => vec![f64::NAN; REPLICATES],
        }
    }
}

impl Pooled {
    fn add(&mut self, values: &Histogram, weights: &[u8; REPLICATES]) {
        self.values.merge(values);
        for (bucket, count) in values.buckets() {
            let resampled = self.resampled.entry(bucket).or_insert_with(|| Box::new([0; REPLICATES]));
            let count = count.min(u64::from(u32::MAX)) as u32;
            for (total, weight) in resampled.iter_mut().zip(weights) {
                *total = total.saturating_add(count.saturating_mul(u32::from(*weight)));
            }
        }
    }

    /// The quantile in every resample. Walks the buckets once for all resamples together.
    fn quantiles(&self, quantile: f64, scale: f64) -> Vec<f64> {
        let mut counts = vec![0u64; REPLICATES];
        for resampled in self.resampled.values() {
            counts.iter_mut().zip(resampled.iter()).for_each(|(count, more)| *count += u64::from(*more));
        }
        // Beyond every count: a resample without values never gets there.
        let ranks: Vec<u64> = counts.iter().map(|count| rank_of(quantile, *count).unwrap_or(u64::MAX)).collect();
        let mut found = vec![f64::NAN; REPLICATES];
        let mut seen = vec![0u64; REPLICATES];
        for (bucket, resampled) in &self.resampled {
            let value = self.within(middle_of(*bucket)) as f64 * scale;
            for index in 0..REPLICATES {
                let before = seen[index];
                seen[index] += u64::from(resampled[index]);
                if before < ranks[index] && seen[index] >= ranks[index] {
                    found[index] = value;
                }
            }
        }
        found
    }

    fn within(&self, value: u64) -> u64 {
        value.clamp(self.values.min().unwrap_or(0), self.values.max().unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::RandomStream;

    fn figure(name: &str) -> Figure {
        Figure::named(name).unwrap()
    }

    fn run_with(rebalances: f64) -> RunFigures {
        let mut run = RunFigures::quiet(3_600.0);
        run.set_sum("rebalances", rebalances);
        run
    }

    #[test]
    fn a_rate_is_the_total_over_the_total_time_not_a_mean_of_rates() {
        let mut all = Accumulator::default();
        let mut long = RunFigures::quiet(7_200.0);
        long.set_sum("rebalances", 2.0);
        all.add(&long, &Weights::of_seed(1));
        all.add(&run_with(10.0), &Weights::of_seed(2));
        assert_eq!(all.value(&figure("rebalances_per_hour")), Some(4.0));
        assert_eq!(all.value(&figure("rebalances_per_day")), Some(96.0));
    }

    #[test]
    fn every_estimate_carries_its_number_of_runs() {
        let mut all = Accumulator::default();
        (0..40).for_each(|seed| all.add(&run_with(seed as f64), &Weights::of_seed(seed)));
        let estimate = all.estimate(&figure("rebalances_per_hour"));
        assert_eq!((estimate.value, estimate.runs, estimate.values), (Some(19.5), 40, None));
        let interval = estimate.interval.unwrap();
        assert!(interval.low < 19.5 && interval.high > 19.5);
    }

    #[test]
    fn what_never_happened_has_no_quantile_and_a_rate_of_zero() {
        let mut all = Accumulator::default();
        (0..40).for_each(|seed| all.add(&run_with(1.0), &Weights::of_seed(seed)));
        assert_eq!(all.estimate(&figure("detection_s.p50")).value, None);
        assert_eq!(all.estimate(&figure("detection_s.p50")).interval, None);
        assert_eq!(all.estimate(&figure("duplicates_per_hour")).value, Some(0.0));
    }

    #[test]
    fn a_tail_that_the_values_do_not_reach_has_no_interval_and_a_largest_value_never() {
        let mut all = Accumulator::default();
        for seed in 0..60 {
            let mut run = run_with(0.0);
            run.pool_mut(Pool::Pause).record(seed * 1_000_000);
            all.add(&run, &Weights::of_seed(seed));
        }
        assert!(all.estimate(&figure("pause_s.p50")).interval.is_some());
        assert!(all.estimate(&figure("pause_s.p99")).interval.is_none());
        assert_eq!(all.estimate(&figure("pause_s.p99")).values, Some(60));
        assert!(all.estimate(&figure("pause_s.max")).interval.is_none());
    }

    /// Standard exponential draws.
    fn exponential(stream: &mut RandomStream) -> f64 {
        -libm::log(stream.next_open_f64())
    }

    #[test]
    fn intervals_of_a_rate_cover_the_truth_in_about_95_of_100_experiments() {
        // Exponential figures: skewed, as times are. The truth is 1 an hour.
        for (runs, at_least) in [(10, 0.90), (40, 0.925), (160, 0.93)] {
            let covered = covered(400, |experiment, stream| {
                let mut all = Accumulator::default();
                for run in 0..runs {
                    all.add(&run_with(exponential(stream)), &Weights::of_seed(experiment * 1_000 + run));
                }
                let interval = all.estimate(&figure("rebalances_per_hour")).interval.unwrap();
                (interval.low..=interval.high).contains(&1.0)
            });
            assert!((at_least..=0.985).contains(&covered), "{covered} of experiments with {runs} runs");
        }
    }

    #[test]
    fn intervals_of_pooled_quantiles_cover_the_truth_although_the_values_of_a_run_hang_together() {
        // Each run has a mood that half of its eight values share; values are uniform on 0..1 s all the same.
        let second = 1_000_000_000.0;
        for (name, truth) in [("pause_s.p50", 0.5), ("pause_s.p95", 0.95)] {
            let covered = covered(300, |experiment, stream| {
                let mut all = Accumulator::default();
                for run in 0..60 {
                    let mut figures = run_with(0.0);
                    let mood = stream.next_f64();
                    for index in 0..8 {
                        let value = if index < 4 { mood } else { stream.next_f64() };
                        figures.pool_mut(Pool::Pause).record((value * second) as u64);
                    }
                    all.add(&figures, &Weights::of_seed(experiment * 1_000 + run));
                }
                let interval = all.estimate(&figure(name)).interval.unwrap();
                (interval.low..=interval.high).contains(&truth)
            });
            assert!((0.92..=0.985).contains(&covered), "{covered} of experiments for {name}");
        }
    }

    /// Share of experiments in which the interval covered the truth.
    fn covered(experiments: u64, mut covers: impl FnMut(u64, &mut RandomStream) -> bool) -> f64 {
        let mut stream = RandomStream::new(1, "test", "coverage");
        let hits = (0..experiments).filter(|experiment| covers(*experiment, &mut stream)).count();
        hits as f64 / experiments as f64
    }

    #[test]
    fn a_resample_weighs_whole_runs() {
        let (mut all, weights) = (Accumulator::default(), [Weights::of_seed(1), Weights::of_seed(2)]);
        all.add(&run_with(1.0), &weights[0]);
        all.add(&run_with(4.0), &weights[1]);
        let replicates = all.replicates(&figure("rebalances_per_hour"));
        for (index, replicate) in replicates.iter().enumerate() {
            let [a, b] = [0, 1].map(|run: usize| f64::from(weights[run].of_replicates()[index]));
            let expected = (a + 4.0 * b) / (a + b);
            assert!(*replicate == expected || (replicate.is_nan() && a + b == 0.0), "{index}: {replicate} {expected}");
        }
    }
}
