//! Observers that fold the events of a run into figures: rebalances, pauses and causes, barrier blame, lag, metrics,
//! invariants. What comes out is an [`Outcome`]: plain data, and the public JSON contract.

pub mod histogram;
pub mod outcome;

pub use histogram::Histogram;
pub use outcome::Outcome;
