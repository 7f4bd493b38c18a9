//! Many runs: seeds, comparison, sweeps, statistics.

pub mod figures;
mod one_run;
#[cfg(feature = "cli")]
pub mod runner;
pub mod statistics;

pub use figures::{Figure, Measure, Pool, RunFigures, Wanted};
pub use one_run::run;
