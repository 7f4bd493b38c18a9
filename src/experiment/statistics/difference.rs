//! How two variants differ under the same seeds, and whether that tells anything.

use serde::{Deserialize, Serialize};

use super::accumulator::Accumulator;
use super::interval::Interval;
use crate::experiment::figures::{Figure, Measure, Pool, RunFigures, SUMS, Wanted};

/// With fewer seeds under which two variants differ at all, chance alone could have put all differences on one side: six
/// coins fall alike in 1 of 32 throws, five in 1 of 16 (the sign test at 5 %).
const DIFFERING_MIN: u64 = 6;

/// Under how many seeds two variants differ, for every sum and every pool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pairs {
    seeds: u64,
    sums: [u64; SUMS.len()],
    pools: [u64; Pool::ALL.len()],
}

impl Pairs {
    /// Pairs of which only one figure is known: so many seeds, so many of which differ.
    pub fn of_figure(figure: &Figure, seeds: u64, differing: u64) -> Self {
        let mut pairs = Pairs { seeds, ..Pairs::default() };
        match figure.measure {
            Measure::Rate { sum, .. } => pairs.sums[sum] = differing,
            Measure::Quantile { pool, .. } | Measure::Largest { pool } => pairs.pools[pool as usize] = differing,
        }
        pairs
    }

    /// Takes in the runs of both variants under one seed.
    pub fn add(&mut self, base: &RunFigures, other: &RunFigures) {
        self.seeds += 1;
        for (count, (a, b)) in self.sums.iter_mut().zip(base.sums.iter().zip(&other.sums)) {
            *count += u64::from(a != b);
        }
        for (count, (a, b)) in self.pools.iter_mut().zip(base.pools.iter().zip(&other.pools)) {
            *count += u64::from(a != b);
        }
    }

    /// Number of seeds.
    pub fn seeds(&self) -> u64 {
        self.seeds
    }

    /// Under how many of them the runs differ in what the figure is made of.
    pub fn differing(&self, figure: &Figure) -> u64 {
        match figure.measure {
            Measure::Rate { sum, .. } => self.sums[sum],
            Measure::Quantile { pool, .. } | Measure::Largest { pool } => self.pools[pool as usize],
        }
    }
}

/// What the seeds tell of a difference.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// The second variant is better.
    Better,
    /// The second variant is worse.
    Worse,
    /// Both had the same under every seed.
    Equal,
    /// The seeds don't tell.
    NotYet {
        /// So many would, if the difference and its spread stay what they are; `null` where that can't be estimated.
        seeds_needed: Option<u64>,
    },
    /// One or both have no value.
    NoValue,
}

/// A figure of a second variant less that of the first, under the same seeds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Difference {
    /// Second less first; `null` if one has no value.
    pub value: Option<f64>,
    /// Its 95 % confidence interval, from paired resamples.
    pub interval: Option<Interval>,
    /// The difference as a share of the first variant's value; `null` if that is zero.
    pub share: Option<f64>,
    /// Interval of the share.
    pub share_interval: Option<Interval>,
    /// Number of seeds under which both ran.
    pub seeds: u64,
    /// Under how many of them they differ.
    pub differing: u64,
    /// What that tells.
    pub told: Told,
}

impl Difference {
    /// Compares two variants that ran under the same seeds.
    pub fn of(figure: &Figure, base: &Accumulator, other: &Accumulator, pairs: &Pairs) -> Self {
        let (first, second) = (base.value(figure), other.value(figure));
        let value = first.zip(second).map(|(first, second)| second - first);
        let (mut interval, mut share_interval) = (None, None);
        if base.has_interval(figure) && other.has_interval(figure) {
            let (first, second) = (base.replicates(figure), other.replicates(figure));
            let paired = |of: fn(f64, f64) -> f64| first.iter().zip(&second).map(|(a, b)| of(*a, *b)).collect();
            interval = Interval::of_replicates(paired(|a, b| b - a), pairs.seeds);
            // A resample whose first value is zero has no share.
            let share = |a: f64, b: f64| if a == 0.0 { f64::NAN } else { (b - a) / a };
            share_interval = Interval::of_replicates(paired(share), pairs.seeds);
        }
        let share = first.zip(value).and_then(|(first, value)| (first != 0.0).then(|| value / first));
        let differing = pairs.differing(figure);
        let told = told(figure, value, interval, pairs.seeds, differing);
        Difference { value, interval, share, share_interval, seeds: pairs.seeds, differing, told }
    }
}

fn told(figure: &Figure, value: Option<f64>, interval: Option<Interval>, seeds: u64, differing: u64) -> Told {
    let Some(value) = value else { return Told::NoValue };
    if differing == 0 {
        return Told::Equal;
    }
    let Some(interval) = interval else { return Told::NotYet { seeds_needed: None } };
    if interval.excludes_zero() && differing >= DIFFERING_MIN {
        let better = (value < 0.0) == (figure.wanted() == Wanted::Low);
        return if better { Told::Better } else { Told::Worse };
    }
    Told::NotYet { seeds_needed: seeds_needed(value, interval, seeds, differing) }
}

/// An interval shrinks with the root of the number of seeds, and seeds that differ come at the rate they came so far.
fn seeds_needed(value: f64, interval: Interval, seeds: u64, differing: u64) -> Option<u64> {
    const BEYOND_REACH: f64 = 1e7;
    let for_interval = libm::pow(interval.half() / value, 2.0) * seeds as f64;
    let for_pairs = seeds as f64 * DIFFERING_MIN as f64 / differing as f64;
    let needed = for_interval.max(for_pairs).max((seeds + 1) as f64);
    (needed < BEYOND_REACH).then(|| round_up(needed))
}

/// Up to two digits: more would claim a precision that is not there.
fn round_up(number: f64) -> u64 {
    let whole = number.ceil() as u64;
    let step = 10u64.pow(whole.max(1).ilog10().saturating_sub(1));
    whole.div_ceil(step) * step
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::RandomStream;
    use crate::experiment::statistics::Weights;

    /// Two variants under seeds 0..n, with `paused_partition_seconds` from the closure.
    fn compared(seeds: u64, mut values: impl FnMut(u64) -> [f64; 2]) -> Difference {
        let figure = Figure::named("paused_partition_seconds_per_hour").unwrap();
        let (mut base, mut other, mut pairs) = (Accumulator::default(), Accumulator::default(), Pairs::default());
        for seed in 0..seeds {
            let runs = values(seed).map(|value| {
                let mut run = RunFigures::quiet(3_600.0);
                run.set_sum("paused_partition_seconds", value);
                run
            });
            let weights = Weights::of_seed(seed);
            base.add(&runs[0], &weights);
            other.add(&runs[1], &weights);
            pairs.add(&runs[0], &runs[1]);
        }
        Difference::of(&figure, &base, &other, &pairs)
    }

    #[test]
    fn misfortunes_that_both_meet_do_not_hide_a_difference() {
        // Seeds differ by thousands, variants by one: only pairing can see it.
        let mut stream = RandomStream::new(1, "test", "pairs");
        let difference = compared(20, |_| {
            let misfortune = stream.next_f64() * 10_000.0;
            [misfortune, misfortune - 1.0 - 0.1 * stream.next_f64()]
        });
        assert_eq!(difference.told, Told::Better);
        let interval = difference.interval.unwrap();
        assert!(interval.low > -1.1 && interval.high < -1.0, "{interval:?}");
    }

    #[test]
    fn variants_without_a_difference_are_called_different_about_once_in_twenty() {
        let mut stream = RandomStream::new(1, "test", "nothing");
        let mut told = 0;
        for _ in 0..400 {
            let difference = compared(20, |_| [stream.next_f64(), stream.next_f64()]);
            told += u32::from(!matches!(difference.told, Told::NotYet { .. }));
        }
        assert!((6..=34).contains(&told), "{told} of 400");
    }

    #[test]
    fn intervals_of_a_paired_difference_cover_the_truth() {
        let mut stream = RandomStream::new(1, "test", "cover");
        let mut covered = 0;
        for _ in 0..400 {
            let difference = compared(20, |_| {
                let common = stream.next_f64();
                [common + stream.next_f64(), common + stream.next_f64() + 0.2]
            });
            let interval = difference.interval.unwrap();
            covered += u32::from(interval.low <= 0.2 && 0.2 <= interval.high);
        }
        assert!((364..=394).contains(&covered), "{covered} of 400");
    }

    #[test]
    fn a_handful_of_seeds_that_differ_tells_nothing() {
        // All five differences point one way, and the resamples alone would call it told.
        let five = compared(200, |seed| [0.0, if seed < 5 { 100.0 } else { 0.0 }]);
        assert!(five.interval.unwrap().excludes_zero());
        assert_eq!(five.told, Told::NotYet { seeds_needed: Some(240) });
        assert_eq!(compared(200, |seed| [0.0, if seed < 8 { 100.0 } else { 0.0 }]).told, Told::Worse);
    }

    #[test]
    fn the_number_of_seeds_that_would_tell_is_about_right() {
        // Unpaired noise of standard deviation 0.408 against a difference of 0.1: (1.96 × 0.408 / 0.1)² is 64.
        let run = |seeds| {
            let mut stream = RandomStream::new(3, "test", "needed");
            compared(seeds, |_| [stream.next_f64(), stream.next_f64() + 0.1])
        };
        let Told::NotYet { seeds_needed: Some(needed) } = run(12).told else { panic!("12 seeds tell nothing") };
        assert!((13..=2_000).contains(&needed), "{needed}");
        assert_eq!(run(400).told, Told::Worse);
    }

    #[test]
    fn equal_runs_are_called_equal_and_missing_values_missing() {
        let equal = compared(10, |seed| [seed as f64; 2]);
        assert_eq!((equal.told, equal.differing, equal.value), (Told::Equal, 0, Some(0.0)));
        let none = Difference::of(
            &Figure::named("detection_s.p50").unwrap(),
            &Accumulator::default(),
            &Accumulator::default(),
            &Pairs::default(),
        );
        assert_eq!(none.told, Told::NoValue);
    }

    #[test]
    fn a_share_is_that_of_the_totals() {
        // Runs of 1 and 99 that fall to 0 and 99: one hundredth less, not a mean of ratios of a half.
        let difference = compared(2, |seed| if seed == 0 { [1.0, 0.0] } else { [99.0, 99.0] });
        assert_eq!(difference.share, Some(-0.01));
    }

    #[test]
    fn figures_that_few_runs_give_are_rounded_up_to_two_digits() {
        assert_eq!([0.2, 7.0, 64.2, 123.0, 98_765.0].map(round_up), [1, 7, 65, 130, 99_000]);
    }
}
