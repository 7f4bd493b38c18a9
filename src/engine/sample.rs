//! Distributions of time spans, and how spans are drawn from them: whole nanoseconds, the same on every platform.
//!
//! A [`Distribution`] is what a person states; a [`Sampler`] is the same with the logarithms taken beforehand, for those
//! who draw often. Each draw takes one number from the stream (a mixture takes another one to choose; a constant takes
//! none), and the span grows with that number: under one seed a slower setting is slower in each single draw, which is
//! what makes two settings comparable.

use thiserror::Error;

use super::normal;
use super::random::RandomStream;
use super::time::SimDuration;

/// A distribution of time spans.
#[derive(Clone, Debug, PartialEq)]
pub enum Distribution {
    /// Always the same.
    Constant(SimDuration),
    /// Even between the bounds, both included.
    Uniform {
        /// Shortest span.
        from: SimDuration,
        /// Longest span.
        to: SimDuration,
    },
    /// Exponential with this mean.
    Exponential {
        /// Mean before the bounds below are applied.
        mean: SimDuration,
        /// Shorter draws count as this.
        min: SimDuration,
        /// Longer draws count as this, if given.
        max: Option<SimDuration>,
    },
    /// Lognormal: the logarithm of the span is normally distributed.
    Lognormal {
        /// Half of the draws are shorter.
        median: SimDuration,
        /// 99 of 100 draws are shorter.
        p99: SimDuration,
        /// Shorter draws count as this.
        min: SimDuration,
        /// Longer draws count as this, if given.
        max: Option<SimDuration>,
    },
    /// One of several, by weight. Weights need not add up to 1.
    Mixture(Vec<(f64, Distribution)>),
    /// A measured table: quantiles from 0 to 1 in order, linear between them.
    Table(Vec<(f64, SimDuration)>),
}

/// Why nothing can be drawn from a distribution.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum DistributionError {
    /// The end lies before the beginning.
    #[error("a uniform distribution must end (to) no earlier than it begins (from)")]
    UniformBackwards,
    /// A lower bound above an upper bound.
    #[error("the minimum must not be above the maximum")]
    MinAboveMax,
    /// A lognormal distribution has no zero.
    #[error("a lognormal distribution needs a median above zero")]
    ZeroMedian,
    /// The 99th percentile lies below the median.
    #[error("the 99th percentile (p99) must not be below the median")]
    P99BelowMedian,
    /// A mixture of nothing.
    #[error("a mixture needs at least one part")]
    EmptyMixture,
    /// A weight that is no proportion.
    #[error("a weight of a mixture must be a number above zero, not {0}")]
    Weight(f64),
    /// A table that does not reach over all probabilities.
    #[error("a table must begin with quantile 0 and end with quantile 1")]
    TableEnds,
    /// A table out of order.
    #[error("quantiles of a table must grow, and spans must not shrink (entry {0}, counted from 0)")]
    TableOrder(usize),
}

impl Distribution {
    /// Whether spans can be drawn.
    ///
    /// # Errors
    /// The first thing that is wrong.
    ///
    /// ```
    /// use rebalab::engine::{Distribution, DistributionError, SimDuration};
    /// let from = SimDuration::from_millis(2);
    /// let to = SimDuration::from_millis(1);
    /// assert_eq!(Distribution::Uniform { from, to }.check(), Err(DistributionError::UniformBackwards));
    /// assert_eq!(Distribution::Constant(from).check(), Ok(()));
    /// ```
    pub fn check(&self) -> Result<(), DistributionError> {
        let bounds = |min: &SimDuration, max: &Option<SimDuration>| match max {
            Some(max) if min > max => Err(DistributionError::MinAboveMax),
            _ => Ok(()),
        };
        match self {
            Distribution::Constant(_) => Ok(()),
            Distribution::Uniform { from, to } if from > to => Err(DistributionError::UniformBackwards),
            Distribution::Uniform { .. } => Ok(()),
            Distribution::Exponential { min, max, .. } => bounds(min, max),
            Distribution::Lognormal { median, .. } if median.0 == 0 => Err(DistributionError::ZeroMedian),
            Distribution::Lognormal { median, p99, .. } if p99 < median => Err(DistributionError::P99BelowMedian),
            Distribution::Lognormal { min, max, .. } => bounds(min, max),
            Distribution::Mixture(parts) => check_mixture(parts),
            Distribution::Table(entries) => check_table(entries),
        }
    }

    /// The distribution made ready to draw from often.
    ///
    /// # Panics
    /// If [`Distribution::check`] finds something wrong.
    ///
    /// ```
    /// use rebalab::engine::{Distribution, RandomStream, SimDuration};
    /// let (from, to) = (SimDuration::from_micros(300), SimDuration::from_micros(900));
    /// let latency = Distribution::Uniform { from, to }.sampler();
    /// let mut stream = RandomStream::new(1, "worker-0", "latency");
    /// for _ in 0..100 {
    ///     assert!((from..=to).contains(&latency.sample(&mut stream)));
    /// }
    /// ```
    pub fn sampler(&self) -> Sampler {
        if let Err(error) = self.check() {
            panic!("cannot draw from {self:?}: {error}");
        }
        Sampler { shape: Shape::of(self) }
    }

    /// Draws one span; the same as `self.sampler().sample(stream)`.
    ///
    /// ```
    /// use rebalab::engine::{Distribution, RandomStream, SimDuration};
    /// let second = SimDuration::from_secs(1);
    /// let pause = Distribution::Exponential { mean: second, min: SimDuration::ZERO, max: Some(second * 8) };
    /// assert!(pause.sample(&mut RandomStream::new(1, "worker-0", "pause")) <= second * 8);
    /// ```
    pub fn sample(&self, stream: &mut RandomStream) -> SimDuration {
        self.sampler().sample(stream)
    }
}

fn check_mixture(parts: &[(f64, Distribution)]) -> Result<(), DistributionError> {
    if parts.is_empty() {
        return Err(DistributionError::EmptyMixture);
    }
    for (weight, part) in parts {
        if !(weight.is_finite() && *weight > 0.0) {
            return Err(DistributionError::Weight(*weight));
        }
        part.check()?;
    }
    Ok(())
}

fn check_table(entries: &[(f64, SimDuration)]) -> Result<(), DistributionError> {
    let (Some((first, _)), Some((last, _))) = (entries.first(), entries.last()) else {
        return Err(DistributionError::TableEnds);
    };
    if *first != 0.0 || *last != 1.0 {
        return Err(DistributionError::TableEnds);
    }
    let in_order = |pair: &[(f64, SimDuration)]| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1;
    match entries.windows(2).position(|pair| !in_order(pair)) {
        Some(before) => Err(DistributionError::TableOrder(before + 1)),
        None => Ok(()),
    }
}

/// A [`Distribution`] made ready to draw from. From [`Distribution::sampler`].
#[derive(Clone, Debug, PartialEq)]
pub struct Sampler {
    shape: Shape,
}

#[derive(Clone, Debug, PartialEq)]
enum Shape {
    Constant(u64),
    Uniform {
        from: u64,
        to: u64,
    },
    Exponential {
        mean: f64,
        bounds: Bounds,
    },
    Lognormal {
        median: f64,
        sigma: f64,
        bounds: Bounds,
    },
    /// Cumulative weights, the last one 1.
    Mixture(Vec<(f64, Shape)>),
    Table(Vec<(f64, SimDuration)>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Bounds {
    min: u64,
    max: u64,
}

impl Bounds {
    fn new(min: SimDuration, max: Option<SimDuration>) -> Self {
        Bounds { min: min.0, max: max.unwrap_or(SimDuration::MAX).0 }
    }

    fn hold(self, nanos: f64) -> u64 {
        whole_nanos(nanos).clamp(self.min, self.max)
    }
}

/// Rounds to the nearest nanosecond; what is too large for the clock stays at its end.
fn whole_nanos(nanos: f64) -> u64 {
    nanos.round() as u64
}

/// `normal::quantile(0.99)`: how many standard deviations the 99th percentile lies above the median.
const P99_SIGMAS: f64 = 2.3263478740408408;

impl Shape {
    fn of(distribution: &Distribution) -> Shape {
        match distribution {
            Distribution::Constant(span) => Shape::Constant(span.0),
            Distribution::Uniform { from, to } => Shape::Uniform { from: from.0, to: to.0 },
            Distribution::Exponential { mean, min, max } => {
                Shape::Exponential { mean: mean.0 as f64, bounds: Bounds::new(*min, *max) }
            }
            Distribution::Lognormal { median, p99, min, max } => {
                let median = median.0 as f64;
                let sigma = libm::log(p99.0 as f64 / median) / P99_SIGMAS;
                Shape::Lognormal { median, sigma, bounds: Bounds::new(*min, *max) }
            }
            Distribution::Mixture(parts) => {
                let total: f64 = parts.iter().map(|(weight, _)| weight).sum();
                let cumulative = parts.iter().scan(0.0, |sum, (weight, part)| {
                    *sum += weight;
                    Some((*sum / total, Shape::of(part)))
                });
                Shape::Mixture(cumulative.collect())
            }
            Distribution::Table(entries) => Shape::Table(entries.clone()),
        }
    }

    fn quantile(&self, share: f64) -> Option<u64> {
        Some(match self {
            Shape::Constant(span) => *span,
            Shape::Uniform { from, to } => from + whole_nanos((to - from) as f64 * share).min(to - from),
            Shape::Exponential { mean, bounds } => exponential_quantile(*mean, *bounds, share),
            Shape::Lognormal { median, sigma, bounds } => lognormal_quantile(*median, *sigma, *bounds, share),
            Shape::Table(entries) => table_quantile(entries, share),
            Shape::Mixture(_) => return None,
        })
    }

    fn sample(&self, stream: &mut RandomStream) -> u64 {
        match self {
            Shape::Constant(span) => *span,
            Shape::Uniform { from, to } => stream.between(*from, *to),
            Shape::Exponential { mean, bounds } => exponential_quantile(*mean, *bounds, stream.next_open_f64()),
            Shape::Lognormal { median, sigma, bounds } => {
                lognormal_quantile(*median, *sigma, *bounds, stream.next_open_f64())
            }
            Shape::Mixture(parts) => {
                let share = stream.next_f64();
                let chosen = parts.partition_point(|(cumulative, _)| *cumulative <= share).min(parts.len() - 1);
                parts[chosen].1.sample(stream)
            }
            Shape::Table(entries) => table_quantile(entries, stream.next_f64()),
        }
    }
}

/// -mean · ln(1 - share), written without loss near 1.
fn exponential_quantile(mean: f64, bounds: Bounds, share: f64) -> u64 {
    bounds.hold(-mean * libm::log1p(-share))
}

fn lognormal_quantile(median: f64, sigma: f64, bounds: Bounds, share: f64) -> u64 {
    bounds.hold(median * libm::exp(sigma * normal::quantile(share)))
}

/// The span at a quantile below 1, linear between the entries of the table.
fn table_quantile(entries: &[(f64, SimDuration)], share: f64) -> u64 {
    let above = entries.partition_point(|(quantile, _)| *quantile <= share);
    let ((from, shorter), (to, longer)) = (entries[above - 1], entries[above]);
    let along = (share - from) / (to - from);
    let width = longer.0 - shorter.0;
    shorter.0 + whole_nanos(width as f64 * along).min(width)
}

impl Sampler {
    /// Draws one span.
    ///
    /// ```
    /// use rebalab::engine::{Distribution, RandomStream, SimDuration};
    /// let sampler = Distribution::Constant(SimDuration::from_secs(3)).sampler();
    /// assert_eq!(sampler.sample(&mut RandomStream::new(1, "any", "any")), SimDuration::from_secs(3));
    /// ```
    #[inline]
    pub fn sample(&self, stream: &mut RandomStream) -> SimDuration {
        match self.shape {
            Shape::Constant(span) => SimDuration(span),
            Shape::Uniform { from, to } => SimDuration(stream.between(from, to)),
            _ => SimDuration(self.shape.sample(stream)),
        }
    }

    /// True if every span is zero.
    ///
    /// ```
    /// use rebalab::engine::{Distribution, SimDuration};
    /// assert!(Distribution::Constant(SimDuration::ZERO).sampler().is_zero());
    /// ```
    #[inline]
    pub fn is_zero(&self) -> bool {
        matches!(self.shape, Shape::Constant(0))
    }

    /// The span below which a draw stays with this probability (between 0 and 1, neither included): for draws that go
    /// together with others. `None` for a mixture.
    ///
    /// ```
    /// use rebalab::engine::{Distribution, SimDuration};
    /// let spans = Distribution::Uniform { from: SimDuration::ZERO, to: SimDuration::from_secs(4) };
    /// assert_eq!(spans.sampler().quantile(0.25), Some(SimDuration::from_secs(1)));
    /// ```
    pub fn quantile(&self, share: f64) -> Option<SimDuration> {
        self.shape.quantile(share).map(SimDuration)
    }

    /// Draws `count` spans and adds them up: the work on a batch of records. Equal spans are multiplied, not drawn.
    ///
    /// ```
    /// use rebalab::engine::{Distribution, RandomStream, SimDuration};
    /// let per_record = Distribution::Constant(SimDuration::from_millis(2)).sampler();
    /// let batch = per_record.sample_sum(500, &mut RandomStream::new(1, "worker-0", "processing"));
    /// assert_eq!(batch, SimDuration::from_secs(1));
    /// ```
    pub fn sample_sum(&self, count: u64, stream: &mut RandomStream) -> SimDuration {
        match self.shape {
            Shape::Constant(span) => SimDuration(span.saturating_mul(count)),
            _ => SimDuration((0..count).fold(0, |sum: u64, _| sum.saturating_add(self.shape.sample(stream)))),
        }
    }
}

#[cfg(test)]
mod tests;
