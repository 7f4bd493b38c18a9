//! A few variants under the same seeds: what differs, and what the seeds tell of it.

use serde::{Deserialize, Serialize};

use super::definition::Until;
use super::figures::{Figure, Pool, RunFigures};
use super::plan::Plan;
use super::record::Row;
use super::settings::Settings;
use super::statistics::{Accumulator, Difference, Estimate, Pairs, Weights};
use crate::analysis::Histogram;

/// Version of [`Comparison`] as JSON.
pub const FORMAT_VERSION: u32 = 1;

/// Seeds between two looks at whether enough is known.
const SEEDS_PER_LOOK: u64 = 10;

/// The runs of a comparison, folded seed by seed.
#[derive(Debug)]
pub struct Comparing {
    variants: Vec<Folded>,
    /// Runs of the seed under way.
    current: Vec<RunFigures>,
    seeds: u64,
}

#[derive(Debug, Default)]
struct Folded {
    runs: Accumulator,
    /// Against the first variant.
    pairs: Pairs,
    unmet_runs: u64,
    worst: Option<WorstRun>,
}

/// The run of a variant in which partitions stood still the longest.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct WorstRun {
    /// Its seed.
    pub seed: u64,
    /// Time that partitions stood still in it, partition-seconds.
    pub paused_partition_seconds: f64,
}

impl WorstRun {
    /// The worse of an earlier run and this one; the earlier one of two alike.
    pub fn or_worse(earlier: Option<WorstRun>, seed: u64, figures: &RunFigures) -> Option<WorstRun> {
        let paused_partition_seconds = figures.sum("paused_partition_seconds");
        let worse = earlier.is_none_or(|earlier| paused_partition_seconds > earlier.paused_partition_seconds);
        if worse { Some(WorstRun { seed, paused_partition_seconds }) } else { earlier }
    }
}

impl Comparing {
    /// A comparison of so many variants.
    pub fn new(variants: u64) -> Self {
        let variants: Vec<Folded> = (0..variants).map(|_| Folded::default()).collect();
        Comparing { current: Vec::with_capacity(variants.len()), variants, seeds: 0 }
    }

    /// Takes in the next run; runs come seed by seed, in the order of the variants. A seed counts when all variants ran
    /// under it.
    ///
    /// # Panics
    /// If a run comes out of order.
    pub fn take(&mut self, row: Row) {
        assert_eq!(row.point, self.current.len() as u64, "runs come in the order of the variants");
        self.current.push(row.figures);
        if self.current.len() < self.variants.len() {
            return;
        }
        let weights = Weights::of_seed(row.seed);
        for (folded, figures) in self.variants.iter_mut().zip(&self.current) {
            folded.runs.add(figures, &weights);
            folded.pairs.add(&self.current[0], figures);
            folded.unmet_runs += u64::from(figures.sum("expectations_unmet") > 0.0);
            folded.worst = WorstRun::or_worse(folded.worst, row.seed, figures);
        }
        self.current.clear();
        self.seeds += 1;
    }

    /// Seeds under which all variants ran.
    pub fn seeds(&self) -> u64 {
        self.seeds
    }

    /// Whether enough is known. Asked after every run; looks now and then, at fixed numbers of seeds, so that the answer
    /// does not depend on threads. Looking at the length of the interval, never at where it lies, keeps its meaning.
    ///
    /// # Panics
    /// If there is no such figure.
    pub fn is_enough(&self, until: &Until) -> bool {
        if !self.current.is_empty() || self.seeds == 0 || !self.seeds.is_multiple_of(SEEDS_PER_LOOK) {
            return false;
        }
        let figure = Figure::named(&until.figure).expect("the figure was checked");
        let Some((base, others)) = self.variants.split_first() else { return false };
        let width = base.runs.value(&figure).unwrap_or(0.0).abs() * until.share;
        let known = |other: &Folded| {
            let difference = Difference::of(&figure, &base.runs, &other.runs, &other.pairs);
            difference.interval.is_some_and(|interval| interval.half() <= width)
        };
        others.iter().all(known)
    }

    /// Values of a pool of a variant, over all runs.
    pub fn values(&self, variant: usize, pool: Pool) -> &Histogram {
        self.variants[variant].runs.values(pool)
    }

    /// What the runs so far say.
    pub fn result(&self, plan: &Plan) -> Comparison {
        let definition = plan.definition();
        let variants = self.variants.iter().enumerate().map(|(index, folded)| ComparedVariant {
            name: plan.name(index as u64),
            settings: plan.settings(index as u64),
            runs: folded.runs.runs(),
            simulated_s: folded.runs.simulated_s(),
            expectations_unmet_runs: folded.unmet_runs,
            worst_run: folded.worst,
            notes: plan.notes(index as u64),
        });
        Comparison {
            format_version: FORMAT_VERSION,
            version: env!("CARGO_PKG_VERSION").to_string(),
            scenario: definition.scenario_name().to_string(),
            experiment: definition.digest(),
            seed_from: definition.seeds.from,
            seeds: self.seeds,
            seeds_planned: definition.seeds.count(),
            variants: variants.collect(),
            figures: Figure::told().iter().map(|figure| self.figure(figure)).collect(),
        }
    }

    fn figure(&self, figure: &Figure) -> ComparedFigure {
        let base = &self.variants[0];
        let differences = self.variants[1..].iter().map(|v| Difference::of(figure, &base.runs, &v.runs, &v.pairs));
        ComparedFigure {
            name: figure.name.clone(),
            title: figure.title(),
            values: self.variants.iter().map(|variant| variant.runs.estimate(figure)).collect(),
            differences: differences.collect(),
        }
    }
}

/// The result of a comparison: the public JSON contract of `comparison.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Comparison {
    /// [`FORMAT_VERSION`] of the writer.
    pub format_version: u32,
    /// Version of rebalab.
    pub version: String,
    /// Name of the scenario.
    pub scenario: String,
    /// Digest of the experiment (scenario, variants, seeds).
    pub experiment: String,
    /// First seed.
    pub seed_from: u64,
    /// Number of seeds under which every variant ran.
    pub seeds: u64,
    /// Number of seeds that were asked for.
    pub seeds_planned: u64,
    /// The variants; differences are taken against the first.
    pub variants: Vec<ComparedVariant>,
    /// The figures.
    pub figures: Vec<ComparedFigure>,
}

/// One variant of a comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ComparedVariant {
    /// Its name.
    pub name: String,
    /// Settings put over those of the scenario.
    #[schemars(with = "std::collections::BTreeMap<String, String>")]
    pub settings: Settings,
    /// Number of its runs.
    pub runs: u64,
    /// Simulated time of all its runs, seconds.
    pub simulated_s: f64,
    /// Runs in which an expectation of the scenario did not hold.
    pub expectations_unmet_runs: u64,
    /// Its worst run.
    pub worst_run: Option<WorstRun>,
    /// What a real client or broker would clamp or ignore, and what is used instead.
    pub notes: Vec<String>,
}

/// One figure of a comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ComparedFigure {
    /// Its name.
    pub name: String,
    /// What it is.
    pub title: String,
    /// Its value in each variant.
    pub values: Vec<Estimate>,
    /// Each variant but the first, less the first.
    pub differences: Vec<Difference>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::statistics::Told;

    fn row(point: u64, seed: u64, paused: f64) -> Row {
        let mut figures = RunFigures::quiet(3_600.0);
        figures.set_sum("paused_partition_seconds", paused);
        figures.set_sum("expectations_unmet", if paused > 50.0 { 1.0 } else { 0.0 });
        Row { run: 0, point, seed, settings: Settings::new(), figures }
    }

    fn until(share: f64) -> Until {
        Until { figure: "paused_partition_seconds_per_hour".into(), share }
    }

    #[test]
    fn a_seed_counts_when_all_variants_ran_under_it() {
        let mut comparing = Comparing::new(2);
        comparing.take(row(0, 1, 10.0));
        assert_eq!((comparing.seeds(), comparing.variants[0].runs.runs()), (0, 0));
        comparing.take(row(1, 1, 12.0));
        comparing.take(row(0, 2, 10.0));
        assert_eq!(
            (comparing.seeds(), comparing.variants[0].runs.runs(), comparing.variants[1].runs.runs()),
            (1, 1, 1)
        );
    }

    #[test]
    #[should_panic(expected = "order of the variants")]
    fn runs_out_of_order_are_noticed() {
        Comparing::new(2).take(row(1, 1, 10.0));
    }

    #[test]
    fn each_variant_is_compared_with_the_first() {
        let mut comparing = Comparing::new(3);
        for seed in 0..20 {
            let common = (seed % 7) as f64 * 10.0;
            [common, common + 1.0, common - 1.0].into_iter().enumerate().for_each(|(point, paused)| {
                comparing.take(row(point as u64, seed, paused));
            });
        }
        let figure = comparing.figure(&Figure::named("paused_partition_seconds_per_hour").unwrap());
        assert_eq!(figure.values.len(), 3);
        assert_eq!(figure.differences.iter().map(|d| d.told).collect::<Vec<_>>(), [Told::Worse, Told::Better]);
        assert_eq!(comparing.variants[0].worst, Some(WorstRun { seed: 6, paused_partition_seconds: 60.0 }));
        assert_eq!(comparing.variants[0].unmet_runs, 2);
    }

    #[test]
    fn enough_is_known_when_every_interval_is_narrow() {
        let mut comparing = Comparing::new(2);
        let mut enough_at = None;
        for seed in 0..200u64 {
            let noise = (seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as f64 / (1u64 << 24) as f64;
            comparing.take(row(0, seed, 10.0));
            assert!(!comparing.is_enough(&until(0.05)), "half a seed tells nothing");
            comparing.take(row(1, seed, 10.0 + 4.0 * noise));
            if comparing.is_enough(&until(0.05)) {
                enough_at.get_or_insert(seed + 1);
            }
        }
        // Half of the interval is 1.96 · 1.155 / √n: below 0.5 from n = 21 on.
        assert!((20..=40).contains(&enough_at.unwrap()), "{enough_at:?}");
        assert!(enough_at.unwrap().is_multiple_of(SEEDS_PER_LOOK));
    }
}
