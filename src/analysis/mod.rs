//! Observers that fold the events of a run into figures: rebalances, pauses and causes, barrier blame, lag, metrics,
//! invariants. What comes out is an [`Outcome`]: plain data, and the public JSON contract.
//!
//! [`Analysis`] hands each event to the facts of the moment (`facts`) and then to the topics that it concerns, each in
//! its own file. Every figure is defined once, in the doc comment of its field in [`outcome`], and has a name
//! ([`figures`]).

pub mod configuration;
pub mod expectations;
mod facts;
pub mod figures;
mod finish;
mod fold;
pub mod histogram;
mod invariants;
mod livelock;
mod metrics;
mod offsets;
pub mod outcome;
mod partitions;
mod rebalances;
mod removals;

#[cfg(test)]
mod tests;

pub use finish::{Distributions, KAFKA_VERSION};
pub use fold::Analysis;
pub use histogram::Histogram;
pub use outcome::Outcome;
