//! What many runs say together, and how sure that is.
//!
//! - **Resampling is by run.** Runs under different seeds are independent of each other; pauses and rebalances within one
//!   run are not. So intervals come from a bootstrap that draws whole runs ([`Weights`]), from a random stream of its own.
//! - **Pairing.** A seed has the same weights in every variant. Differences are taken between variants within one
//!   resample, so whatever the common misfortunes of a seed do to both cancels out.
//! - **No mean of ratios.** A rate is the total over the simulated time of all runs, a quantile is taken over the pooled
//!   values of all runs.
//! - **Memory does not grow with the number of runs**: the resamples are kept as running totals ([`Accumulator`]).
//! - **What can't be known is not printed**: no interval from fewer than [`RUNS_MIN`] runs, none for a largest value, none
//!   for a tail that the values don't reach; no verdict on a difference that showed in a handful of runs.

mod accumulator;
mod difference;
mod interval;
mod weights;

pub use accumulator::{Accumulator, Estimate};
pub use difference::{Difference, Pairs, Told};
pub use interval::{Interval, RUNS_MIN};
pub use weights::{REPLICATES, Weights};
