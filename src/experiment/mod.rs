//! Many runs: seeds, comparison, sweeps, statistics.

pub mod figures;
pub mod statistics;

pub use figures::{Figure, Measure, Pool, RunFigures, Wanted};
