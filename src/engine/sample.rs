//! Distributions of time spans.

use super::time::SimDuration;

/// A distribution of time spans.
#[derive(Clone, Debug, PartialEq)]
pub enum Distribution {
    /// Always the same.
    Constant(SimDuration),
    /// Even between the bounds.
    Uniform { from: SimDuration, to: SimDuration },
    /// Exponential with this mean; shorter draws count as `min`, longer ones as `max` if given.
    Exponential { mean: SimDuration, min: SimDuration, max: Option<SimDuration> },
    /// Lognormal by median and 99th percentile; shorter draws count as `min`, longer ones as `max` if given.
    Lognormal { median: SimDuration, p99: SimDuration, min: SimDuration, max: Option<SimDuration> },
    /// One of several, by weight.
    Mixture(Vec<(f64, Distribution)>),
    /// A measured table: quantiles from 0 to 1 in order, linear between them.
    Table(Vec<(f64, SimDuration)>),
}
