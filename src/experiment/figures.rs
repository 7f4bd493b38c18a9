//! What an experiment keeps of a run, and the figures it tells of many.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use xxhash_rust::xxh3::xxh3_64;

use crate::analysis::outcome::{BarrierPhase, PauseCause, Totals};
use crate::analysis::{Distributions, Histogram, Outcome};

/// A number of one run that adds up over runs.
#[derive(Debug)]
pub struct Sum {
    /// Its name in files.
    pub name: &'static str,
    take: fn(&Outcome) -> f64,
}

/// Numbers that add up, in the order in which they are kept. The first is the simulated time.
pub static SUMS: [Sum; 28] = [
    Sum { name: "duration_s", take: |o| o.run.duration_s },
    Sum { name: "rebalances", take: |o| o.totals.rebalances as f64 },
    Sum {
        name: "rebalances_held_by_batch",
        take: |o| batch_holds(o).filter(|waited_s| *waited_s >= HELD_S).count() as f64,
    },
    Sum { name: "paused_partition_seconds", take: |o| o.totals.paused_partition_seconds },
    Sum {
        name: "paused_partition_seconds.undetected_failure",
        take: |o| paused(&o.totals, PauseCause::UndetectedFailure),
    },
    Sum { name: "paused_partition_seconds.barrier", take: |o| paused(&o.totals, PauseCause::Barrier) },
    Sum { name: "paused_partition_seconds.assignment", take: |o| paused(&o.totals, PauseCause::Assignment) },
    Sum { name: "paused_partition_seconds.callback", take: |o| paused(&o.totals, PauseCause::Callback) },
    Sum { name: "paused_partition_seconds.host_pause", take: |o| paused(&o.totals, PauseCause::HostPause) },
    Sum { name: "paused_partition_seconds.slow_batch", take: |o| paused(&o.totals, PauseCause::SlowBatch) },
    Sum { name: "paused_partition_seconds.network", take: |o| paused(&o.totals, PauseCause::Network) },
    Sum {
        name: "paused_partition_seconds.coordinator_unavailable",
        take: |o| paused(&o.totals, PauseCause::CoordinatorUnavailable),
    },
    Sum { name: "paused_partition_seconds.position", take: |o| paused(&o.totals, PauseCause::Position) },
    Sum { name: "paused_partition_seconds.initial_delay", take: |o| paused(&o.totals, PauseCause::InitialDelay) },
    Sum { name: "paused_partition_seconds.startup", take: |o| paused(&o.totals, PauseCause::Startup) },
    Sum { name: "paused_partition_seconds.process_down", take: |o| paused(&o.totals, PauseCause::ProcessDown) },
    Sum { name: "paused_partition_seconds.unassigned", take: |o| paused(&o.totals, PauseCause::Unassigned) },
    Sum { name: "unavailable_partition_seconds", take: |o| o.totals.unavailable_partition_seconds },
    Sum { name: "double_owned_partition_seconds", take: |o| o.totals.double_owned_partition_seconds },
    Sum { name: "false_expulsions", take: |o| o.totals.false_expulsions as f64 },
    Sum { name: "poll_interval_exceeded", take: |o| o.totals.poll_interval_exceeded as f64 },
    Sum { name: "processed_records", take: |o| o.totals.processed_records as f64 },
    Sum { name: "duplicates", take: |o| o.totals.duplicates as f64 },
    Sum { name: "commit_failures", take: |o| o.totals.commit_failures.values().sum::<u64>() as f64 },
    Sum { name: "exceptions", take: |o| o.totals.exceptions.values().sum::<u64>() as f64 },
    Sum { name: "livelocks", take: |o| o.livelocks.len() as f64 },
    Sum { name: "invariant_violations", take: |o| o.invariants.iter().map(|i| i.violations_total).sum::<u64>() as f64 },
    Sum { name: "expectations_unmet", take: |o| o.expectations.iter().filter(|e| !e.holds).count() as f64 },
];

/// A rebalance counts as held by a batch if the others waited at least this long for the last one's batch, seconds.
pub const HELD_S: f64 = 5.0;

/// How long the others waited, for each rebalance whose last member was still at its batch: seconds.
fn batch_holds(outcome: &Outcome) -> impl Iterator<Item = f64> {
    let barriers = outcome.groups.iter().flat_map(|group| &group.rebalances).filter_map(|r| r.barrier.as_ref());
    barriers.filter(|barrier| barrier.phase == BarrierPhase::FinishBatch).map(|barrier| barrier.waited_s)
}

fn paused(totals: &Totals, cause: PauseCause) -> f64 {
    totals.paused_partition_seconds_by_cause.get(&cause).copied().unwrap_or(0.0)
}

/// The sum of that name.
///
/// # Panics
/// If there is none.
fn sum_index(name: &str) -> usize {
    SUMS.iter().position(|sum| sum.name == name).unwrap_or_else(|| panic!("no sum is named {name}"))
}

/// A set of values that runs bring along; the values of all runs are pooled.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Pool {
    /// Coordinator's view of each rebalance, "Preparing to rebalance" to "Assignment received from leader": nanoseconds.
    RebalanceLatency,
    /// Length of each pause of a partition: nanoseconds.
    Pause,
    /// From the end of each crashed process to its removal: nanoseconds.
    Detection,
    /// Largest lag of each run: records; one value per run.
    LagPeak,
    /// How long the others waited for the last member's batch, of rebalances that a batch held: nanoseconds.
    BatchHold,
}

impl Pool {
    /// All of them, in the order in which they are kept.
    pub const ALL: [Pool; 5] = [Pool::RebalanceLatency, Pool::Pause, Pool::Detection, Pool::LagPeak, Pool::BatchHold];

    /// Name in files and of figures.
    pub const fn name(self) -> &'static str {
        match self {
            Pool::RebalanceLatency => "rebalance_latency_s",
            Pool::Pause => "pause_s",
            Pool::Detection => "detection_s",
            Pool::LagPeak => "lag_peak",
            Pool::BatchHold => "batch_hold_s",
        }
    }

    /// What one kept unit is in the unit that people read.
    pub const fn scale(self) -> f64 {
        match self {
            Pool::RebalanceLatency | Pool::Pause | Pool::Detection | Pool::BatchHold => 1e-9,
            Pool::LagPeak => 1.0,
        }
    }
}

/// What an experiment keeps of one run: a few numbers and the values to be pooled, a kilobyte or so.
#[derive(Clone, Debug, PartialEq)]
pub struct RunFigures {
    /// Numbers in the order of [`SUMS`].
    pub sums: [f64; SUMS.len()],
    /// Values in the order of [`Pool::ALL`].
    pub pools: [Histogram; Pool::ALL.len()],
}

impl RunFigures {
    /// Figures of a run in which nothing happened for so many seconds.
    pub fn quiet(duration_s: f64) -> Self {
        let mut sums = [0.0; SUMS.len()];
        sums[0] = duration_s;
        RunFigures { sums, pools: Default::default() }
    }

    /// The figures of a run.
    pub fn of(outcome: &Outcome, values: &Distributions) -> Self {
        let mut lag = Histogram::default();
        lag.record(outcome.totals.lag_peak);
        let mut holds = Histogram::default();
        batch_holds(outcome).for_each(|waited_s| holds.record((waited_s * 1e9) as u64));
        let pools = [values.rebalance_latency.clone(), values.pause.clone(), values.detection.clone(), lag, holds];
        RunFigures { sums: std::array::from_fn(|index| (SUMS[index].take)(outcome)), pools }
    }

    /// A number by its name.
    ///
    /// # Panics
    /// If there is no such number.
    pub fn sum(&self, name: &str) -> f64 {
        self.sums[sum_index(name)]
    }

    /// Sets a number by its name.
    ///
    /// # Panics
    /// If there is no such number.
    pub fn set_sum(&mut self, name: &str, value: f64) {
        self.sums[sum_index(name)] = value;
    }

    /// The values of a pool.
    pub fn pool(&self, pool: Pool) -> &Histogram {
        &self.pools[pool as usize]
    }

    /// The values of a pool, to add some.
    pub fn pool_mut(&mut self, pool: Pool) -> &mut Histogram {
        &mut self.pools[pool as usize]
    }

    /// This run's own value of a figure, for tables with a row per run. `None` where the run has no values.
    pub fn value(&self, figure: &Figure) -> Option<f64> {
        match figure.measure {
            Measure::Rate { sum, seconds } => Some(self.sums[sum] / self.sums[0] * seconds),
            Measure::Quantile { pool, quantile } => {
                self.pool(pool).quantile(quantile).map(|value| value as f64 * pool.scale())
            }
            Measure::Largest { pool } => self.pool(pool).max().map(|value| value as f64 * pool.scale()),
        }
    }
}

impl Serialize for RunFigures {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let sums = SUMS.iter().zip(&self.sums).map(|(sum, value)| (sum.name.to_string(), *value)).collect();
        let pools = Pool::ALL.iter().map(|pool| (pool.name().to_string(), self.pool(*pool).clone())).collect();
        Written { sums, pools }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for RunFigures {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut written = Written::deserialize(deserializer)?;
        let mut figures = RunFigures::quiet(0.0);
        for (sum, value) in SUMS.iter().zip(&mut figures.sums) {
            let read = written.sums.shift_remove(sum.name);
            *value = read.ok_or_else(|| serde::de::Error::custom(format!("`{}` is missing", sum.name)))?;
        }
        for pool in Pool::ALL {
            let read = written.pools.shift_remove(pool.name());
            let read = read.ok_or_else(|| serde::de::Error::custom(format!("`{}` is missing", pool.name())))?;
            if !read.is_sound() {
                return Err(serde::de::Error::custom(format!("the values of `{}` contradict each other", pool.name())));
            }
            *figures.pool_mut(pool) = read;
        }
        match written.sums.keys().chain(written.pools.keys()).next() {
            Some(unknown) => Err(serde::de::Error::custom(format!("`{unknown}` is no figure"))),
            None => Ok(figures),
        }
    }
}

/// [`RunFigures`] as files have it: everything under its name.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    sums: indexmap::IndexMap<String, f64>,
    pools: indexmap::IndexMap<String, Histogram>,
}

/// Which direction of a figure people want.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wanted {
    /// The smaller the better.
    Low,
    /// The larger the better.
    High,
}

/// How a figure of many runs comes about.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Measure {
    /// Total of a sum over the total of simulated time, per so many seconds.
    Rate {
        /// Index into [`SUMS`].
        sum: usize,
        /// Per how many seconds.
        seconds: f64,
    },
    /// A quantile of the pooled values of all runs.
    Quantile {
        /// Which values.
        pool: Pool,
        /// From 0 to 1.
        quantile: f64,
    },
    /// The largest value of all runs. It can only grow with more runs, so it has no interval.
    Largest {
        /// Of which values.
        pool: Pool,
    },
}

/// A figure that can be asked for by name: `paused_partition_seconds_per_hour`, `pause_s.p99`, `lag_peak.max`.
#[derive(Clone, PartialEq, Debug)]
pub struct Figure {
    /// Its name.
    pub name: String,
    /// How it comes about.
    pub measure: Measure,
}

/// Quantiles of pools that every comparison tells.
const TOLD_QUANTILES: [&str; 4] = ["p50", "p95", "p99", "max"];

const HOUR_S: f64 = 3_600.0;
const DAY_S: f64 = 86_400.0;

impl Figure {
    /// The figures of every comparison, in the order of its table. Records processed are not among them: they count those
    /// that were processed twice, so that more of them is neither better nor worse.
    pub fn told() -> Vec<Figure> {
        let told = SUMS[1..].iter().filter(|sum| sum.name != "processed_records");
        let rates = told.map(|sum| format!("{}_per_hour", sum.name));
        let of_pool = |pool: Pool| TOLD_QUANTILES.map(|quantile| format!("{}.{quantile}", pool.name()));
        let names = rates.chain(Pool::ALL.into_iter().flat_map(of_pool));
        names.map(|name| Figure::named(&name).expect("every told figure has a name of the right form")).collect()
    }

    /// The figure of that name: a sum `_per_hour` or `_per_day`, or a pool with a quantile (`.p50`, `.p99.9`) or `.max`.
    /// `None` if there is no such figure.
    ///
    /// ```
    /// use rebalab::experiment::Figure;
    /// assert!(Figure::named("paused_partition_seconds_per_day").is_some());
    /// assert!(Figure::named("pause_s.p99.9").is_some());
    /// assert!(Figure::named("pause_s.p101").is_none());
    /// ```
    pub fn named(name: &str) -> Option<Figure> {
        let rate = |unit, seconds| {
            let sum = SUMS[1..].iter().position(|sum| name.strip_suffix(unit) == Some(sum.name))? + 1;
            Some(Measure::Rate { sum, seconds })
        };
        let pooled = || {
            let pool = Pool::ALL.into_iter().find(|pool| name.starts_with(&format!("{}.", pool.name())))?;
            match &name[pool.name().len() + 1..] {
                "max" => Some(Measure::Largest { pool }),
                other => {
                    let percent: f64 = other.strip_prefix('p')?.parse().ok()?;
                    let quantile = percent / 100.0;
                    (0.0..=1.0).contains(&quantile).then_some(Measure::Quantile { pool, quantile })
                }
            }
        };
        let measure = rate("_per_hour", HOUR_S).or_else(|| rate("_per_day", DAY_S)).or_else(pooled)?;
        Some(Figure { name: name.to_string(), measure })
    }

    /// Whether an interval can be stated for it, given enough runs.
    pub fn can_have_interval(&self) -> bool {
        !matches!(self.measure, Measure::Largest { .. })
    }

    /// A fingerprint of what a run contributes to this figure: equal for runs that don't differ in it.
    pub fn made_of(&self, run: &RunFigures) -> u64 {
        match self.measure {
            Measure::Rate { sum, .. } => run.sums[sum].to_bits(),
            Measure::Quantile { pool, .. } | Measure::Largest { pool } => {
                let text = serde_json::to_vec(run.pool(pool)).expect("a histogram is plain data");
                xxh3_64(&text)
            }
        }
    }

    /// Which direction is better.
    pub fn wanted(&self) -> Wanted {
        match self.measure {
            Measure::Rate { sum, .. } if SUMS[sum].name == "processed_records" => Wanted::High,
            _ => Wanted::Low,
        }
    }

    /// What it is, for people: `partition-seconds paused per hour, barrier`.
    pub fn title(&self) -> String {
        match self.measure {
            Measure::Rate { sum, seconds } => {
                let per = if seconds == DAY_S { "per day" } else { "per hour" };
                let (what, cause) = SUMS[sum].name.split_once('.').unwrap_or((SUMS[sum].name, ""));
                let what = what.replace("_partition_seconds", " partition-seconds").replace('_', " ");
                let cause = cause.replace('_', " ");
                if cause.is_empty() { format!("{what} {per}") } else { format!("{what} {per}: {cause}") }
            }
            Measure::Quantile { pool, quantile } => {
                let percent = quantile * 100.0;
                if percent == 50.0 {
                    return format!("median {}", pool_title(pool));
                }
                format!("p{percent} of {}", pool_title(pool))
            }
            Measure::Largest { pool } => format!("largest {}", pool_title(pool)),
        }
    }
}

fn pool_title(pool: Pool) -> &'static str {
    match pool {
        Pool::RebalanceLatency => "rebalance latency, s",
        Pool::Pause => "pause of a partition, s",
        Pool::Detection => "detection of a crash, s",
        Pool::LagPeak => "lag peak of a run, records",
        Pool::BatchHold => "wait for the last one's batch, s",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some_run() -> RunFigures {
        let mut run = RunFigures::quiet(600.0);
        run.set_sum("rebalances", 3.0);
        run.set_sum("paused_partition_seconds", 12.1);
        run.pool_mut(Pool::Pause).record(7_000_000_000);
        run.pool_mut(Pool::LagPeak).record(40);
        run
    }

    #[test]
    fn every_cause_of_a_pause_is_a_sum() {
        // The match makes the compiler ask for a line here when a cause is added.
        let kept = |cause| match cause {
            PauseCause::UndetectedFailure
            | PauseCause::Barrier
            | PauseCause::Assignment
            | PauseCause::Callback
            | PauseCause::HostPause
            | PauseCause::SlowBatch
            | PauseCause::Network
            | PauseCause::CoordinatorUnavailable
            | PauseCause::Position
            | PauseCause::InitialDelay
            | PauseCause::Startup
            | PauseCause::ProcessDown
            | PauseCause::Unassigned => 13,
        };
        let causes = SUMS.iter().filter(|sum| sum.name.starts_with("paused_partition_seconds.")).count();
        assert_eq!(causes, kept(PauseCause::Barrier));
    }

    #[test]
    fn figures_of_a_run_survive_json_bit_by_bit() {
        let mut run = some_run();
        run.set_sum("unavailable_partition_seconds", 0.1 + 0.2);
        let text = serde_json::to_string(&run).unwrap();
        assert_eq!(serde_json::from_str::<RunFigures>(&text).unwrap(), run);
    }

    #[test]
    fn a_damaged_record_of_a_run_is_refused_by_name() {
        let text = serde_json::to_string(&some_run()).unwrap();
        let refused = |from: &str, to: &str| {
            assert!(text.contains(from), "{text}");
            serde_json::from_str::<RunFigures>(&text.replacen(from, to, 1)).unwrap_err().to_string()
        };
        assert!(refused("\"rebalances\"", "\"rebalance\"").contains("`rebalances` is missing"));
        assert!(refused("\"rebalances\":3.0", "\"rebalances\":3.0,\"more\":1").contains("`more` is no figure"));
        assert!(refused("\"max\":40", "\"max\":1").contains("`lag_peak` contradict each other"));
    }

    #[test]
    fn told_figures_have_names_and_titles_of_their_own() {
        let told = Figure::told();
        let names: std::collections::BTreeSet<_> = told.iter().map(|figure| &figure.name).collect();
        let titles: std::collections::BTreeSet<_> = told.iter().map(Figure::title).collect();
        assert_eq!((names.len(), titles.len()), (told.len(), told.len()));
        assert_eq!(
            Figure::named("paused_partition_seconds.barrier_per_hour").unwrap().title(),
            "paused partition-seconds per hour: barrier"
        );
        assert_eq!(Figure::named("pause_s.p99").unwrap().title(), "p99 of pause of a partition, s");
    }

    #[test]
    fn what_is_no_figure_has_no_name() {
        for name in
            ["", "rebalances", "duration_s_per_hour", "pause_s", "pause_s.", "pause_s.p", "pause_s.p-1", "lag.max"]
        {
            assert_eq!(Figure::named(name), None, "{name}");
        }
    }

    #[test]
    fn a_run_has_its_own_values() {
        let run = some_run();
        let value = |name: &str| run.value(&Figure::named(name).unwrap());
        assert_eq!(value("rebalances_per_hour"), Some(18.0));
        assert_eq!(value("rebalances_per_day"), Some(432.0));
        assert_eq!(value("pause_s.max"), Some(7.0));
        assert_eq!(value("lag_peak.p50"), Some(40.0));
        assert_eq!(value("detection_s.p99"), None);
    }
}
