use proptest::prelude::*;

use super::*;

const MS: u64 = 1_000_000;

fn ms(millis: u64) -> SimDuration {
    SimDuration::from_millis(millis)
}

fn uniform() -> Distribution {
    Distribution::Uniform { from: ms(2), to: ms(6) }
}

fn exponential() -> Distribution {
    Distribution::Exponential { mean: ms(5), min: SimDuration::ZERO, max: None }
}

fn lognormal() -> Distribution {
    Distribution::Lognormal { median: ms(2), p99: ms(20), min: SimDuration::ZERO, max: None }
}

fn mixture() -> Distribution {
    Distribution::Mixture(vec![(9.0, Distribution::Constant(ms(1))), (1.0, uniform())])
}

fn table() -> Distribution {
    Distribution::Table(vec![(0.0, ms(1)), (0.5, ms(2)), (0.99, ms(10)), (1.0, ms(100))])
}

fn draw(distribution: &Distribution, count: usize) -> Vec<u64> {
    let sampler = distribution.sampler();
    let mut stream = RandomStream::new(42, "test", "spans");
    (0..count).map(|_| sampler.sample(&mut stream).0).collect()
}

#[test]
fn the_bits_of_every_distribution_are_fixed_for_good() {
    assert_eq!(draw(&uniform(), 3), [5_312_669, 3_175_079, 5_366_291]);
    assert_eq!(draw(&exponential(), 3), [8_806_168, 1_739_069, 9_212_294]);
    assert_eq!(draw(&lognormal(), 3), [5_106_029, 1_169_156, 5_386_334]);
    assert_eq!(draw(&mixture(), 3), [1_000_000, 1_000_000, 1_000_000]);
    assert_eq!(draw(&table(), 3), [7_357_832, 1_587_539, 7_576_695]);
    // Many draws reach the tails too, where other branches compute.
    assert_eq!(digest(&draw(&exponential(), 100_000)), 15_065_214_071_739_144_818);
    assert_eq!(digest(&draw(&mixture(), 100_000)), 2_917_133_691_571_415_876);
    assert_eq!(digest(&draw(&lognormal(), 100_000)), 11_488_772_314_602_030_755);
}

fn digest(values: &[u64]) -> u64 {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    xxhash_rust::xxh3::xxh3_64(&bytes)
}

/// Mean of 200,000 draws, in milliseconds.
fn mean_ms(distribution: &Distribution) -> f64 {
    let drawn = draw(distribution, 200_000);
    drawn.iter().map(|&nanos| nanos as f64).sum::<f64>() / drawn.len() as f64 / MS as f64
}

fn assert_near(measured: f64, expected: f64, tolerance: f64, what: &str) {
    assert!((measured - expected).abs() <= tolerance, "{what}: {measured}, expected {expected} ± {tolerance}");
}

#[test]
fn the_means_are_those_of_the_distributions() {
    // Tolerances are five standard errors of a mean of 200,000 draws.
    assert_near(mean_ms(&uniform()), 4.0, 0.013, "uniform");
    assert_near(mean_ms(&exponential()), 5.0, 0.056, "exponential");
    // median · exp(σ²/2) with σ = ln(10) / 2.326 = 0.98979
    assert_near(mean_ms(&lognormal()), 3.2641, 0.047, "lognormal");
    assert_near(mean_ms(&mixture()), 0.9 + 0.4, 0.011, "mixture");
    assert_near(mean_ms(&table()), 0.5 * 1.5 + 0.49 * 6.0 + 0.01 * 55.0, 0.065, "table");
}

/// Share of draws below a span.
fn share_below(distribution: &Distribution, span: SimDuration) -> f64 {
    let drawn = draw(distribution, 200_000);
    drawn.iter().filter(|&&nanos| nanos < span.0).count() as f64 / drawn.len() as f64
}

#[test]
fn the_quantiles_are_those_of_the_distributions() {
    assert_near(share_below(&uniform(), ms(3)), 0.25, 0.005, "uniform at 3 ms");
    assert_near(share_below(&exponential(), ms(5)), 0.632, 0.006, "exponential at its mean");
    assert_near(share_below(&lognormal(), ms(2)), 0.5, 0.006, "lognormal at its median");
    assert_near(share_below(&lognormal(), ms(20)), 0.99, 0.0012, "lognormal at its 99th percentile");
    assert_near(share_below(&mixture(), SimDuration(MS + 1)), 0.9, 0.004, "mixture at its first part");
    assert_near(share_below(&table(), ms(2)), 0.5, 0.006, "table at its median");
    assert_near(share_below(&table(), ms(6)), 0.745, 0.005, "table half way between two quantiles");
}

#[test]
fn draws_beyond_the_bounds_count_as_the_bounds() {
    let drawn = draw(&Distribution::Exponential { mean: ms(5), min: ms(1), max: Some(ms(10)) }, 10_000);
    assert_eq!(drawn.iter().min(), Some(&MS));
    assert_eq!(drawn.iter().max(), Some(&(10 * MS)));
    let drawn = draw(&Distribution::Lognormal { median: ms(2), p99: ms(20), min: ms(1), max: Some(ms(10)) }, 10_000);
    assert_eq!(drawn.iter().min(), Some(&MS));
    assert_eq!(drawn.iter().max(), Some(&(10 * MS)));
}

#[test]
fn a_sum_of_draws_is_what_the_draws_add_up_to() {
    for distribution in [Distribution::Constant(ms(3)), lognormal(), mixture()] {
        let sampler = distribution.sampler();
        let sum: u64 = draw(&distribution, 500).iter().sum();
        assert_eq!(sampler.sample_sum(500, &mut RandomStream::new(42, "test", "spans")), SimDuration(sum));
    }
}

#[test]
fn under_one_seed_the_slower_setting_is_slower_in_every_draw() {
    let slower = Distribution::Lognormal { median: ms(3), p99: ms(30), min: SimDuration::ZERO, max: None };
    for (fast, slow) in draw(&lognormal(), 10_000).into_iter().zip(draw(&slower, 10_000)) {
        assert!(fast < slow);
    }
}

#[test]
fn what_cannot_be_drawn_from_is_told() {
    use DistributionError::*;
    let check = |distribution: Distribution| distribution.check().unwrap_err();
    let lognormal = |median, p99, max| Distribution::Lognormal { median: ms(median), p99: ms(p99), min: ms(1), max };
    assert_eq!(check(Distribution::Uniform { from: ms(2), to: ms(1) }), UniformBackwards);
    assert_eq!(check(Distribution::Exponential { mean: ms(2), min: ms(3), max: Some(ms(2)) }), MinAboveMax);
    assert_eq!(check(lognormal(0, 1, None)), ZeroMedian);
    assert_eq!(check(lognormal(2, 1, None)), P99BelowMedian);
    assert_eq!(check(lognormal(2, 3, Some(SimDuration::ZERO))), MinAboveMax);
    assert_eq!(check(Distribution::Mixture(vec![])), EmptyMixture);
    assert_eq!(check(Distribution::Mixture(vec![(-1.0, uniform())])), Weight(-1.0));
    assert_eq!(check(Distribution::Mixture(vec![(1.0, lognormal(0, 1, None))])), ZeroMedian);
    assert_eq!(check(Distribution::Table(vec![])), TableEnds);
    assert_eq!(check(Distribution::Table(vec![(0.0, ms(1)), (0.9, ms(2))])), TableEnds);
    assert_eq!(check(Distribution::Table(vec![(0.0, ms(2)), (1.0, ms(1))])), TableOrder(1));
}

proptest! {
    #[test]
    fn uniform_draws_stay_within_their_bounds(from in 0..10_000u64, width in 0..10_000u64, seed: u64) {
        let (from, to) = (SimDuration(from), SimDuration(from + width));
        let span = Distribution::Uniform { from, to }.sample(&mut RandomStream::new(seed, "test", "uniform"));
        prop_assert!((from..=to).contains(&span));
    }

    #[test]
    fn table_draws_stay_within_their_entries(spans in prop::collection::vec(0..u64::MAX, 2..8), seed: u64) {
        let mut spans = spans;
        spans.sort_unstable();
        let last = spans.len() - 1;
        let quantile = |index: usize| if index == last { 1.0 } else { index as f64 / last as f64 };
        let entries = spans.iter().enumerate().map(|(index, &span)| (quantile(index), SimDuration(span))).collect();
        let span = Distribution::Table(entries).sample(&mut RandomStream::new(seed, "test", "table"));
        prop_assert!(spans[0] <= span.0 && span.0 <= spans[last]);
    }
}
