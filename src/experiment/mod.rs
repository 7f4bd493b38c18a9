//! Many runs: seeds, comparison, sweeps, statistics.

pub mod figures;
#[cfg(feature = "cli")]
pub mod runner;
pub mod statistics;

pub use figures::{Figure, Measure, Pool, RunFigures, Wanted};
