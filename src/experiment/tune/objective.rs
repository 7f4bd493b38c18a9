//! What is to be small, and what must hold.

use std::fmt;

use crate::experiment::figures::{Figure, RunFigures, Wanted};
use crate::experiment::statistics::{Accumulator, Difference, Pairs, Weights};

/// A figure that must not exceed a bound: `detection_s.p95<=45`.
#[derive(Clone, Debug, PartialEq)]
pub struct Constraint {
    /// The figure.
    pub figure: Figure,
    /// Its largest value that is accepted.
    pub most: f64,
}

impl Constraint {
    /// Reads `FIGURE<=NUMBER`.
    ///
    /// ```
    /// use rebalab::experiment::tune::Constraint;
    /// assert_eq!(Constraint::parse("detection_s.p95<=45").unwrap().most, 45.0);
    /// assert!(Constraint::parse("detection<=45").unwrap_err().contains("no figure `detection`"));
    /// ```
    ///
    /// # Errors
    /// What would be right.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no constraint: write a figure and its bound, detection_s.p95<=45");
        let (figure, most) = text.split_once("<=").ok_or_else(wrong)?;
        let figure = Figure::named(figure.trim()).ok_or_else(|| format!("there is no figure `{}`", figure.trim()))?;
        let most = most.trim().parse().ok().filter(|most: &f64| most.is_finite() && *most >= 0.0).ok_or_else(wrong)?;
        Ok(Constraint { figure, most })
    }

    /// By how much a value exceeds the bound, as a share of it; 0 if it does not, or there is no value.
    fn excess(&self, value: Option<f64>) -> f64 {
        let above = value.map_or(0.0, |value| (value - self.most).max(0.0));
        if self.most > 0.0 { above / self.most } else { above }
    }
}

impl fmt::Display for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} <= {}", self.figure.name, self.most)
    }
}

/// What settings are judged by.
#[derive(Clone, Debug, PartialEq)]
pub struct Objective {
    /// The figure that is to be small (or large, where that is better).
    pub figure: Figure,
    /// What must hold.
    pub constraints: Vec<Constraint>,
}

/// How good a point is: what must hold comes first, then the figure. Smaller is better.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Score {
    /// Sum of what the constraints are exceeded by, as shares of their bounds.
    pub excess: f64,
    /// The figure, turned so that smaller is better; infinite without a value.
    pub figure: f64,
}

impl Score {
    /// Total order of scores.
    pub fn order(&self, other: &Score) -> std::cmp::Ordering {
        self.excess.total_cmp(&other.excess).then(self.figure.total_cmp(&other.figure))
    }
}

impl Objective {
    /// The score of a point after these runs.
    pub fn score(&self, runs: &[RunFigures]) -> Score {
        let pooled = pooled(runs);
        let sign = if self.figure.wanted() == Wanted::High { -1.0 } else { 1.0 };
        let excess =
            self.constraints.iter().map(|constraint| constraint.excess(pooled.value(&constraint.figure))).sum();
        Score { excess, figure: pooled.value(&self.figure).map_or(f64::INFINITY, |value| value * sign) }
    }

    /// The first constraint that a point does not keep, with its value.
    pub fn broken(&self, runs: &[RunFigures]) -> Option<(&Constraint, f64)> {
        let pooled = pooled(runs);
        self.constraints.iter().find_map(|constraint| {
            let value = pooled.value(&constraint.figure)?;
            (value > constraint.most).then_some((constraint, value))
        })
    }

    /// The constraints on figures that have no value in any of the runs: nothing of them was put to the test.
    pub fn untested(&self, runs: &[RunFigures]) -> impl Iterator<Item = &Constraint> {
        let pooled = pooled(runs);
        self.constraints.iter().filter(move |constraint| pooled.value(&constraint.figure).is_none())
    }

    /// The figure at one point less that at another, over the seeds that both ran under.
    pub fn difference(&self, base: &[RunFigures], other: &[RunFigures], first_seed: u64) -> Difference {
        difference(&self.figure, base, other, first_seed)
    }
}

/// A figure at one point less that at another, over the seeds that both ran under, counted from `first_seed`.
pub fn difference(figure: &Figure, base: &[RunFigures], other: &[RunFigures], first_seed: u64) -> Difference {
    let (mut a, mut b, mut pairs) = (Accumulator::default(), Accumulator::default(), Pairs::default());
    for (seed, (base, other)) in (first_seed..).zip(base.iter().zip(other)) {
        let weights = Weights::of_seed(seed);
        a.add(base, &weights);
        b.add(other, &weights);
        pairs.add(base, other);
    }
    Difference::of(figure, &a, &b, &pairs)
}

/// Runs as if they were one long run.
pub fn pooled(runs: &[RunFigures]) -> RunFigures {
    let mut pooled = RunFigures::quiet(0.0);
    for run in runs {
        pooled.sums.iter_mut().zip(&run.sums).for_each(|(all, more)| *all += more);
        pooled.pools.iter_mut().zip(&run.pools).for_each(|(all, more)| all.merge(more));
    }
    pooled
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::figures::Pool;

    fn run(paused: f64, detection_s: Option<u64>) -> RunFigures {
        let mut run = RunFigures::quiet(3_600.0);
        run.set_sum("paused_partition_seconds", paused);
        detection_s.into_iter().for_each(|s| run.pool_mut(Pool::Detection).record(s * 1_000_000_000));
        run
    }

    fn objective() -> Objective {
        Objective {
            figure: Figure::named("paused_partition_seconds_per_hour").unwrap(),
            constraints: vec![Constraint::parse("detection_s.max <= 20").unwrap()],
        }
    }

    #[test]
    fn what_must_hold_comes_before_what_is_wanted() {
        let late = objective().score(&[run(1.0, Some(30))]);
        let soon = objective().score(&[run(500.0, Some(10))]);
        assert!(soon.order(&late).is_lt());
        assert!((late.excess - 0.5).abs() < 1e-9, "30 s are half as much again as 20 s");
        assert!(objective().broken(&[run(1.0, Some(30))]).is_some_and(|(_, value)| value >= 30.0));
    }

    #[test]
    fn a_run_without_a_crash_breaks_no_bound_on_detection() {
        assert_eq!(objective().score(&[run(7.0, None), run(9.0, None)]), Score { excess: 0.0, figure: 8.0 });
    }

    #[test]
    fn what_is_no_constraint_is_refused() {
        for text in ["", "detection_s.p95", "detection_s.p95<=", "detection_s.p95<=soon", "detection_s.p95<=-1"] {
            assert!(Constraint::parse(text).is_err(), "{text}");
        }
    }
}
