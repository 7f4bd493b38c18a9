//! Distributions: their shapes hold, and those of faults have a stated minimum and maximum.

use super::Checker;
use crate::engine::{Distribution, SimDuration};
use crate::scenario::file::{Dist, Shape};
use crate::scenario::text::Place;

impl Checker<'_> {
    /// A distribution of time spans.
    pub(super) fn distribution(&mut self, place: &Place<'_>, dist: &Dist) -> Distribution {
        let distribution = convert(dist);
        if let Err(error) = distribution.check() {
            self.problem(place, error.to_string(), "see `rebalab schema` for the shapes of a distribution");
        }
        distribution
    }

    /// A distribution whose longest span must be known.
    pub(super) fn bounded_distribution(&mut self, place: &Place<'_>, dist: &Dist) -> Distribution {
        let distribution = self.distribution(place, dist);
        if longest(&distribution).is_none() {
            self.problem(place, "a fault needs a stated maximum here", "add \"max\" to the distribution");
        }
        distribution
    }

    /// A distribution of gaps: bounded, and never so short that a run could not come past it.
    pub(super) fn gap_distribution(&mut self, place: &Place<'_>, dist: &Dist) -> Distribution {
        let distribution = self.bounded_distribution(place, dist);
        if shortest(&distribution) < SimDuration::from_millis(1) {
            self.problem(place, "gaps may be as short as nothing here", "state a minimum of at least \"1ms\"");
        }
        distribution
    }
}

/// The engine's form of a distribution as typed.
pub(super) fn convert(dist: &Dist) -> Distribution {
    match &dist.0 {
        Shape::Constant(span) => Distribution::Constant(span.0),
        Shape::Uniform { from, to } => Distribution::Uniform { from: from.0, to: to.0 },
        Shape::Exponential { mean, min, max } => {
            Distribution::Exponential { mean: mean.0, min: min.0, max: max.map(|max| max.0) }
        }
        Shape::Lognormal { median, p99, min, max } => {
            Distribution::Lognormal { median: median.0, p99: p99.0, min: min.0, max: max.map(|max| max.0) }
        }
        Shape::Mixture(parts) => {
            Distribution::Mixture(parts.iter().map(|part| (part.weight, convert(&part.of))).collect())
        }
        Shape::Table(lines) => Distribution::Table(lines.iter().map(|line| (line.quantile, line.value.0)).collect()),
    }
}

/// The shortest span that can be drawn.
fn shortest(distribution: &Distribution) -> SimDuration {
    match distribution {
        Distribution::Constant(span) => *span,
        Distribution::Uniform { from, .. } => *from,
        Distribution::Exponential { min, .. } | Distribution::Lognormal { min, .. } => *min,
        Distribution::Mixture(parts) => parts.iter().map(|(_, part)| shortest(part)).min().unwrap_or_default(),
        Distribution::Table(lines) => lines.first().map_or(SimDuration::ZERO, |(_, value)| *value),
    }
}

/// The longest span that can be drawn; `None` if there is no bound.
fn longest(distribution: &Distribution) -> Option<SimDuration> {
    match distribution {
        Distribution::Constant(span) => Some(*span),
        Distribution::Uniform { to, .. } => Some(*to),
        Distribution::Exponential { max, .. } | Distribution::Lognormal { max, .. } => *max,
        Distribution::Mixture(parts) => {
            parts.iter().map(|(_, part)| longest(part)).try_fold(SimDuration::ZERO, |most, part| Some(most.max(part?)))
        }
        Distribution::Table(lines) => Some(lines.last().map_or(SimDuration::ZERO, |(_, value)| *value)),
    }
}
