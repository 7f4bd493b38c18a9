//! The result of a sweep: the public JSON contract of `sweep.json`.

use serde::{Deserialize, Serialize};

use crate::experiment::comparison::WorstRun;
use crate::experiment::plan::LeftOut;
use crate::experiment::space::Sampling;
use crate::experiment::statistics::{Difference, Estimate, Told};

/// Version of [`Sweep`] as JSON.
pub const FORMAT_VERSION: u32 = 1;

/// What a sweep found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Sweep {
    /// [`FORMAT_VERSION`] of the writer.
    pub format_version: u32,
    /// Version of rebalab.
    pub version: String,
    /// Name of the scenario.
    pub scenario: String,
    /// Digest of the experiment (scenario, axes, seeds).
    pub experiment: String,
    /// The axes.
    pub axes: Vec<SweptAxis>,
    /// How points were chosen from them.
    pub sampling: Sampling,
    /// First seed.
    pub seed_from: u64,
    /// Number of seeds of each point.
    pub seeds: u64,
    /// The figure that was to be small (or large), and where it was.
    pub aim: Aimed,
    /// Two figures that are traded against each other.
    pub trade: [String; 2],
    /// Names of the figures, in the order in which points have their values.
    pub figures: Vec<String>,
    /// The points that were run.
    pub points: Vec<SweptPoint>,
    /// Points that were planned but not run to their end.
    pub points_missing: u64,
    /// Combinations that no consumer or broker would start with.
    pub left_out: Vec<LeftOut>,
    /// The run in which partitions stood still the longest.
    pub worst: Option<WorstOfAll>,
}

/// An axis of a sweep.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct SweptAxis {
    /// A Kafka property, or a path in the scenario.
    pub name: String,
    /// Its values, in its own words.
    pub values: Vec<String>,
}

/// What was aimed at and found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Aimed {
    /// The figure.
    pub figure: String,
    /// Index of the best point; `null` if no point has a value.
    pub best: Option<u64>,
    /// Points that are not the best one, but that the seeds can't tell from it.
    pub not_told_from_best: u64,
}

/// A point of a sweep.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct SweptPoint {
    /// Its number, counted from 0.
    pub point: u64,
    /// The value of each axis, in the words of the axis.
    pub levels: Vec<String>,
    /// The value of each axis as it was set.
    pub settings: Vec<String>,
    /// Number of runs.
    pub runs: u64,
    /// Simulated time of all of them, seconds.
    pub simulated_s: f64,
    /// The figures, in the order of [`Sweep::figures`].
    pub values: Vec<SweptValue>,
    /// Runs in which an expectation of the scenario did not hold.
    pub expectations_unmet_runs: u64,
    /// Its worst run.
    pub worst_run: Option<WorstRun>,
    /// The figure aimed at, less that of the best point, from paired seeds; `null` for the best point.
    pub from_best: Option<Difference>,
}

/// A figure of a point.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct SweptValue {
    /// Its value; `null` if there is none.
    pub value: Option<f64>,
    /// Lower end of its 95 % interval; `null` if none can be stated.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
}

impl From<Estimate> for SweptValue {
    fn from(estimate: Estimate) -> Self {
        let ends = estimate.interval;
        SweptValue { value: estimate.value, low: ends.map(|ends| ends.low), high: ends.map(|ends| ends.high) }
    }
}

/// The worst run of all.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct WorstOfAll {
    /// Its point.
    pub point: u64,
    /// The run.
    pub run: WorstRun,
}

/// Whether a point is as good as the best one, as far as the seeds tell.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Untold {
    /// It is the best.
    Best,
    /// The seeds don't tell it from the best.
    AsGood,
    /// It is worse.
    Worse,
    /// It was not compared, or has no value.
    Unknown,
}

impl Untold {
    /// The word that tables use.
    pub fn word(self) -> &'static str {
        match self {
            Untold::Best => "best",
            Untold::AsGood => "not told",
            Untold::Worse => "worse",
            Untold::Unknown => "",
        }
    }
}

impl Sweep {
    /// Where a point stands against the best.
    pub fn standing(&self, point: &SweptPoint) -> Untold {
        match &point.from_best {
            _ if Some(point.point) == self.aim.best => Untold::Best,
            Some(difference) if difference.told == Told::Worse => Untold::Worse,
            Some(difference) if difference.told != Told::NoValue => Untold::AsGood,
            _ => Untold::Unknown,
        }
    }

    /// The value of a figure at a point.
    pub fn value(&self, point: &SweptPoint, figure: &str) -> Option<SweptValue> {
        let index = self.figures.iter().position(|name| name == figure)?;
        point.values.get(index).copied()
    }

    /// The best point.
    pub fn best(&self) -> Option<&SweptPoint> {
        self.points.iter().find(|point| Some(point.point) == self.aim.best)
    }
}
