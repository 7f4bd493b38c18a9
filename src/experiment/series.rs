//! One scenario under many seeds: what each run came to, and what all of them say together.

use serde::Serialize;

use crate::analysis::outcome::{ExpectationOutcome, Livelock, RunIdentity, Spread, Totals};
use crate::analysis::{Distributions, Outcome};

/// Version of the contract of [`Series`]. Grows when a field is renamed, removed or changes its meaning.
pub const SERIES_FORMAT_VERSION: u32 = 1;

/// Everything that the runs of a scenario under many seeds showed. Serialised it is `report.json` of such a series:
/// instants and spans are seconds (`_s`), as in the report of one run.
#[derive(Clone, Debug, Serialize)]
pub struct Series {
    /// [`SERIES_FORMAT_VERSION`] of the writer.
    pub format_version: u32,
    /// Name of the scenario.
    pub scenario: String,
    /// Its description.
    pub description: String,
    /// Simulated time of each run, seconds.
    pub duration_s: f64,
    /// The runs, by seed.
    pub runs: Vec<SeriesRun>,
    /// The `expect` lines, each with the seeds under which it does not hold.
    pub expectations: Vec<SeriesExpectation>,
    /// Coordinator's view of each rebalance of all runs, seconds.
    pub rebalance_latency: Spread,
    /// Each pause of each partition of all runs, seconds.
    pub pause: Spread,
    /// Detection of each crash of all runs, seconds.
    pub detection: Spread,
    /// The values behind the spreads.
    #[serde(skip)]
    pub distributions: Distributions,
}

/// One run of a series.
#[derive(Clone, Debug, Serialize)]
pub struct SeriesRun {
    /// Seed of all its random draws.
    pub seed: u64,
    /// Digest of its trace.
    pub digest: String,
    /// Totals over all groups.
    pub totals: Totals,
    /// Livelocks found.
    pub livelocks: Vec<Livelock>,
    /// Invariants that were violated, by name.
    pub invariants_violated: Vec<String>,
    /// The `expect` lines, each judged.
    pub expectations: Vec<ExpectationOutcome>,
    #[serde(skip)]
    identity: RunIdentity,
}

/// One `expect` line over all runs.
#[derive(Clone, Debug, Serialize)]
pub struct SeriesExpectation {
    /// The figure's path.
    pub figure: String,
    /// The check as typed.
    pub check: String,
    /// Runs in which it holds.
    pub held: u64,
    /// Seeds under which it does not hold.
    pub unmet_seeds: Vec<u64>,
}

impl Series {
    /// A series without runs.
    pub fn new() -> Self {
        Series {
            format_version: SERIES_FORMAT_VERSION,
            scenario: String::new(),
            description: String::new(),
            duration_s: 0.0,
            runs: Vec::new(),
            expectations: Vec::new(),
            rebalance_latency: Spread::default(),
            pause: Spread::default(),
            detection: Spread::default(),
            distributions: Distributions::default(),
        }
    }

    /// Adds the next run. Its lists of rebalances, pauses and the like are not kept.
    pub fn add(&mut self, outcome: Outcome, distributions: &Distributions) {
        if self.runs.is_empty() {
            self.scenario.clone_from(&outcome.run.scenario);
            self.description.clone_from(&outcome.run.description);
            self.duration_s = outcome.run.duration_s;
            let expectation = |line: &ExpectationOutcome| SeriesExpectation {
                figure: line.figure.clone(),
                check: line.check.clone(),
                held: 0,
                unmet_seeds: Vec::new(),
            };
            self.expectations = outcome.expectations.iter().map(expectation).collect();
        }
        for (line, of_run) in self.expectations.iter_mut().zip(&outcome.expectations) {
            match of_run.holds {
                true => line.held += 1,
                false => line.unmet_seeds.push(outcome.run.seed),
            }
        }
        self.distributions.merge(distributions);
        self.rebalance_latency = Spread::from(&self.distributions.rebalance_latency);
        self.pause = Spread::from(&self.distributions.pause);
        self.detection = Spread::from(&self.distributions.detection);
        self.runs.push(SeriesRun::of(outcome));
    }

    /// True if every expectation holds in every run.
    pub fn expectations_hold(&self) -> bool {
        self.expectations.iter().all(|line| line.unmet_seeds.is_empty())
    }

    /// The run in which partitions stood still for the longest time; of several the first.
    pub fn worst(&self) -> Option<&SeriesRun> {
        let longer = |run: &&SeriesRun, best: &&SeriesRun| {
            run.totals.paused_partition_seconds > best.totals.paused_partition_seconds
        };
        self.runs.iter().reduce(|best, run| if longer(&run, &best) { run } else { best })
    }
}

impl Default for Series {
    fn default() -> Self {
        Series::new()
    }
}

impl SeriesRun {
    fn of(outcome: Outcome) -> Self {
        let violated = outcome.invariants.iter().filter(|invariant| invariant.violations_total > 0);
        SeriesRun {
            seed: outcome.run.seed,
            digest: outcome.run.digest.clone(),
            invariants_violated: violated.map(|invariant| invariant.name.clone()).collect(),
            totals: outcome.totals,
            livelocks: outcome.livelocks,
            expectations: outcome.expectations,
            identity: outcome.run,
        }
    }

    /// What was run.
    pub fn identity(&self) -> &RunIdentity {
        &self.identity
    }

    /// True if every expectation holds in this run.
    pub fn expectations_hold(&self) -> bool {
        self.expectations.iter().all(|line| line.holds)
    }
}
