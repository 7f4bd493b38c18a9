//! Many runs: seeds, comparison, sweeps, statistics.

pub mod axis;
pub mod claims;
pub mod comparison;
pub mod definition;
pub mod figures;
mod one_run;
pub mod plan;
pub mod record;
#[cfg(feature = "cli")]
pub mod runner;
pub mod seeds;
pub mod series;
#[cfg(feature = "cli")]
pub mod session;
pub mod settings;
pub mod space;
pub mod statistics;
#[cfg(feature = "cli")]
pub mod store;
pub mod sweep;
pub mod tune;

pub use axis::Axis;
pub use definition::{Definition, ScenarioText, Variant, Varied};
pub use figures::{Figure, Measure, Pool, RunFigures, Wanted};
pub use one_run::run;
pub use plan::{LeftOut, Plan, PlanError, RunOf, Shard};
pub use seeds::Seeds;
pub use series::Series;
pub use settings::Settings;
pub use space::{Sampling, Space};
