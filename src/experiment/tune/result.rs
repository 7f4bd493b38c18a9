//! The result of a search: the public JSON contract of `tune.json`.

use serde::{Deserialize, Serialize};

use super::objective::difference;
use super::search::{Found, Round, Search, SearchEnd};
use crate::experiment::comparison::{Comparison, WorstRun};
use crate::experiment::figures::{Figure, RunFigures, Wanted};
use crate::experiment::plan::{LeftOut, Plan};
use crate::experiment::settings::Settings;
use crate::experiment::statistics::{Accumulator, Difference, Estimate, Weights};

/// Version of [`Tuned`] as JSON.
pub const FORMAT_VERSION: u32 = 1;

/// What a search found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Tuned {
    /// [`FORMAT_VERSION`] of the writer.
    pub format_version: u32,
    /// Version of rebalab.
    pub version: String,
    /// Name of the scenario.
    pub scenario: String,
    /// Digest of the experiment (scenario, axes, seeds).
    pub experiment: String,
    /// The figure that was to be small.
    pub objective: String,
    /// What had to hold.
    pub constraints: Vec<String>,
    /// Those on figures that have no value at the best point (no crash, no detection): nothing of them was put to the test.
    pub untested: Vec<String>,
    /// The figure that the objective is traded against.
    pub against: String,
    /// Points that could have been run.
    pub grid_points: u64,
    /// Combinations that no consumer or broker would start with.
    pub left_out: Vec<LeftOut>,
    /// First seed.
    pub seed_from: u64,
    /// Seeds that the best point ran under.
    pub seeds: u64,
    /// Most runs that were allowed.
    pub budget: u64,
    /// Runs that the search took.
    pub runs: u64,
    /// How it came to its end.
    pub end: SearchEnd,
    /// Its steps.
    pub rounds: Vec<Round>,
    /// The best point.
    pub best: TriedPoint,
    /// Other points that were tried and have the very same value of the objective: the seeds tell none of them apart.
    pub alike: u64,
    /// For each axis, what its value was chosen on.
    pub evidence: Vec<Evidence>,
    /// Points that ran under at least a third of the seeds; those that no other beats in both figures make the front.
    pub tried: Vec<TriedPoint>,
    /// The scenario as it is against the best point, under seeds that the search did not see; `null` if it was stopped.
    pub check: Option<Comparison>,
    /// The run in which partitions stood still the longest with the best settings, of the search and of the check.
    pub worst: Option<WorstRun>,
}

/// A point that was tried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct TriedPoint {
    /// Its number in the grid.
    pub point: u64,
    /// Its settings.
    #[schemars(with = "std::collections::BTreeMap<String, String>")]
    pub settings: Settings,
    /// The objective.
    pub objective: Estimate,
    /// What it is traded against.
    pub against: Estimate,
    /// The constraint that it does not keep, with its value.
    pub breaks: Option<String>,
    /// Whether it lies on the front.
    pub on_front: bool,
}

/// What the value of an axis was chosen on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Evidence {
    /// The axis.
    pub axis: String,
    /// The value.
    pub chosen: String,
    /// The nearest values on either side that were tried with everything else alike.
    pub others: Vec<OtherValue>,
}

/// Another value of an axis, with everything else as chosen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct OtherValue {
    /// The value.
    pub value: String,
    /// Objective there less objective at the chosen point, under the seeds that both ran under.
    pub difference: Difference,
    /// The constraint that it does not keep, with its value.
    pub breaks: Option<String>,
}

impl Tuned {
    /// Draws the result up. `None` if no point was run under all seeds of a round.
    pub fn of(plan: &Plan, search: &Search<'_>, found: &Found, against: &Figure) -> Option<Tuned> {
        let best_runs = found.runs.get(&found.best)?;
        let definition = plan.definition();
        let least = search.seeds.div_ceil(3) as usize;
        let enough = |(point, runs): &(&u64, &Vec<RunFigures>)| runs.len() >= least || **point == found.best;
        let tried = found.runs.iter().filter(enough).map(|(point, runs)| tried(plan, search, *point, runs, against));
        let mut tried: Vec<TriedPoint> = tried.collect();
        mark_front(&mut tried, &search.objective.figure, against);
        let worst = (search.first_seed..).zip(best_runs).fold(None, |w, (seed, run)| WorstRun::or_worse(w, seed, run));
        Some(Tuned {
            format_version: FORMAT_VERSION,
            version: env!("CARGO_PKG_VERSION").to_string(),
            scenario: definition.scenario_name().to_string(),
            experiment: definition.digest(),
            objective: search.objective.figure.name.clone(),
            constraints: search.objective.constraints.iter().map(ToString::to_string).collect(),
            untested: search.objective.untested(best_runs).map(ToString::to_string).collect(),
            against: against.name.clone(),
            grid_points: search.grid.points(),
            left_out: plan.left_out().to_vec(),
            seed_from: search.first_seed,
            seeds: search.seeds,
            budget: search.budget,
            runs: found.spent(),
            end: found.end,
            rounds: found.rounds.clone(),
            alike: alike(&tried, found.best),
            best: tried.iter().find(|tried| tried.point == found.best)?.clone(),
            evidence: evidence(plan, search, found),
            tried,
            check: None,
            worst,
        })
    }

    /// Takes in the check under fresh seeds.
    pub fn checked(&mut self, check: Comparison) {
        let worst = check.variants.last().and_then(|variant| variant.worst_run);
        if let Some(worst) = worst
            && self.worst.is_none_or(|known| worst.paused_partition_seconds > known.paused_partition_seconds)
        {
            self.worst = Some(worst);
        }
        self.check = Some(check);
    }
}

fn tried(plan: &Plan, search: &Search<'_>, point: u64, runs: &[RunFigures], against: &Figure) -> TriedPoint {
    let mut all = Accumulator::default();
    (search.first_seed..).zip(runs).for_each(|(seed, run)| all.add(run, &Weights::of_seed(seed)));
    TriedPoint {
        point,
        settings: plan.settings(point),
        objective: all.estimate(&search.objective.figure),
        against: all.estimate(against),
        breaks: breaks(search, runs),
        on_front: false,
    }
}

/// Points that have the value of the best one and keep what it keeps.
fn alike(tried: &[TriedPoint], best: u64) -> u64 {
    let Some(best) = tried.iter().find(|tried| tried.point == best) else { return 0 };
    let is_alike = |tried: &&TriedPoint| {
        tried.point != best.point
            && tried.objective.value == best.objective.value
            && tried.breaks.is_some() == best.breaks.is_some()
    };
    tried.iter().filter(is_alike).count() as u64
}

fn breaks(search: &Search<'_>, runs: &[RunFigures]) -> Option<String> {
    let (constraint, value) = search.objective.broken(runs)?;
    Some(format!("{constraint} does not hold: {value:.3}"))
}

/// A point lies on the front if no other is as good in both figures and better in one.
fn mark_front(tried: &mut [TriedPoint], objective: &Figure, against: &Figure) {
    let turned = |figure: &Figure, estimate: &Estimate| {
        let sign = if figure.wanted() == Wanted::High { -1.0 } else { 1.0 };
        estimate.value.map(|value| value * sign)
    };
    let places: Vec<Option<(f64, f64)>> =
        tried.iter().map(|t| turned(objective, &t.objective).zip(turned(against, &t.against))).collect();
    for (index, tried) in tried.iter_mut().enumerate() {
        let Some((x, y)) = places[index] else { continue };
        let beats = |(a, b): &(f64, f64)| *a <= x && *b <= y && (*a < x || *b < y);
        tried.on_front = !places.iter().flatten().any(beats);
    }
}

fn evidence(plan: &Plan, search: &Search<'_>, found: &Found) -> Vec<Evidence> {
    let settings = plan.settings(found.best);
    let of_axis = |(axis, name): (usize, String)| {
        let line = search.grid.line(found.best, axis);
        let at = line.iter().position(|point| *point == found.best).unwrap_or(0);
        let is_known = |point: &&u64| found.runs.contains_key(point);
        let below = line[..at].iter().rev().find(is_known);
        let above = line[at + 1..].iter().find(is_known);
        let others = below.into_iter().chain(above).map(|point| other_value(plan, search, found, &name, *point));
        Evidence { chosen: settings[&name].clone(), others: others.collect(), axis: name }
    };
    plan.axes().into_iter().enumerate().map(of_axis).collect()
}

fn other_value(plan: &Plan, search: &Search<'_>, found: &Found, axis: &str, point: u64) -> OtherValue {
    let (base, other) = (&found.runs[&found.best], &found.runs[&point]);
    OtherValue {
        value: plan.settings(point)[axis].clone(),
        difference: difference(&search.objective.figure, base, other, search.first_seed),
        breaks: breaks(search, other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(point: u64, objective: f64, against: Option<f64>) -> TriedPoint {
        let estimate = |value| Estimate { value, interval: None, runs: 9, values: None };
        let (objective, against) = (estimate(Some(objective)), estimate(against));
        TriedPoint { point, settings: Settings::new(), objective, against, breaks: None, on_front: false }
    }

    #[test]
    fn the_front_is_made_of_points_that_none_beats_in_both_figures() {
        let mut tried = [
            point(0, 10.0, Some(5.0)),
            point(1, 8.0, Some(7.0)),
            point(2, 11.0, Some(6.0)),
            point(3, 8.0, Some(8.0)),
            point(4, 1.0, None),
        ];
        let figure = |name| Figure::named(name).unwrap();
        mark_front(&mut tried, &figure("paused_partition_seconds_per_hour"), &figure("detection_s.p95"));
        assert_eq!(tried.map(|tried| tried.on_front), [true, true, false, false, false]);
    }
}
