//! Folding the runs of a sweep, point by point.

use super::result::{Aimed, FORMAT_VERSION, Sweep, SweptAxis, SweptPoint, SweptValue, WorstOfAll};
use crate::experiment::axis::Axis;
use crate::experiment::comparison::WorstRun;
use crate::experiment::definition::Varied;
use crate::experiment::figures::{Figure, Wanted};
use crate::experiment::plan::Plan;
use crate::experiment::record::Row;
use crate::experiment::space::Sampling;
use crate::experiment::statistics::{Accumulator, Difference, Pairs, Told, Weights};

/// The runs of a sweep, folded point by point. Holds the running totals of one point only.
#[derive(Debug)]
pub struct Sweeping<'p> {
    plan: &'p Plan,
    figures: Vec<Figure>,
    aim: Figure,
    seeds: u64,
    current: Point,
    points: Vec<SweptPoint>,
}

/// The point under way.
#[derive(Debug, Default)]
struct Point {
    runs: Accumulator,
    unmet_runs: u64,
    worst: Option<WorstRun>,
}

impl<'p> Sweeping<'p> {
    /// The sweep of a plan. All points have the figures of every comparison, and those that the sweep names.
    ///
    /// # Panics
    /// If the plan is none of axes, or names figures that don't exist.
    pub fn new(plan: &'p Plan) -> Self {
        let Varied::Axes { aim, trade, .. } = &plan.definition().varied else { panic!("a sweep has axes") };
        let named = |name: &String| Figure::named(name).expect("the figure was checked");
        let aim = named(aim);
        let mut figures = Figure::told();
        for figure in std::iter::once(aim.clone()).chain(trade.iter().map(named)) {
            if !figures.contains(&figure) {
                figures.push(figure);
            }
        }
        let seeds = plan.definition().seeds.count();
        Sweeping { plan, figures, aim, seeds, current: Point::default(), points: Vec::new() }
    }

    /// Takes in the next run; runs come point by point. A point counts when it ran under all its seeds.
    ///
    /// # Panics
    /// If a run comes out of order.
    pub fn take(&mut self, row: &Row) {
        assert_eq!(row.point, self.points.len() as u64, "runs come point by point");
        let current = &mut self.current;
        current.runs.add(&row.figures, &Weights::of_seed(row.seed));
        current.unmet_runs += u64::from(row.figures.sum("expectations_unmet") > 0.0);
        current.worst = WorstRun::or_worse(current.worst, row.seed, &row.figures);
        if current.runs.runs() == self.seeds {
            let point = self.finished(row);
            self.points.push(point);
            self.current = Point::default();
        }
    }

    fn finished(&self, row: &Row) -> SweptPoint {
        let Point { runs, unmet_runs, worst } = &self.current;
        SweptPoint {
            point: row.point,
            levels: self.plan.levels(row.point),
            settings: row.settings.values().cloned().collect(),
            runs: runs.runs(),
            simulated_s: runs.simulated_s(),
            values: self.figures.iter().map(|figure| SweptValue::from(runs.estimate(figure))).collect(),
            expectations_unmet_runs: *unmet_runs,
            worst_run: *worst,
            from_best: None,
        }
    }

    /// What was found; differences from the best are still to come ([`AgainstBest`]).
    ///
    /// # Panics
    /// If the plan is none of axes.
    pub fn result(self) -> Sweep {
        let definition = self.plan.definition();
        let Varied::Axes { sampling, trade, .. } = &definition.varied else { panic!("a sweep has axes") };
        let best = best(&self.points, &self.figures, &self.aim);
        let worst = self.points.iter().filter_map(|p| Some(WorstOfAll { point: p.point, run: p.worst_run? }));
        let worst =
            worst.reduce(|a, b| if b.run.paused_partition_seconds > a.run.paused_partition_seconds { b } else { a });
        Sweep {
            format_version: FORMAT_VERSION,
            version: env!("CARGO_PKG_VERSION").to_string(),
            scenario: definition.scenario_name().to_string(),
            experiment: definition.digest(),
            axes: swept_axes(self.plan, *sampling),
            sampling: *sampling,
            seed_from: definition.seeds.from,
            seeds: self.seeds,
            trade: trade.clone(),
            aim: Aimed { figure: self.aim.name.clone(), best, not_told_from_best: 0 },
            figures: self.figures.iter().map(|figure| figure.name.clone()).collect(),
            points_missing: self.plan.points() - self.points.len() as u64,
            points: self.points,
            left_out: self.plan.left_out().to_vec(),
            worst,
        }
    }
}

fn swept_axes(plan: &Plan, sampling: Sampling) -> Vec<SweptAxis> {
    let Varied::Axes { axes, .. } = &plan.definition().varied else { return Vec::new() };
    let axes = axes.iter().map(|axis| Axis::parse(axis).expect("the plan was checked"));
    let values = |axis: &Axis| match sampling {
        Sampling::Grid => axis.levels().map(|levels| levels.map(|level| level.to_string()).collect()),
        Sampling::LatinHypercube { .. } => Ok(vec![axis.text.clone()]),
    };
    axes.map(|axis| SweptAxis { values: values(&axis).expect("the plan was checked"), name: axis.name }).collect()
}

/// The point with the best value; the first of several alike.
fn best(points: &[SweptPoint], figures: &[Figure], aim: &Figure) -> Option<u64> {
    let index = figures.iter().position(|figure| figure == aim)?;
    let sign = if aim.wanted() == Wanted::Low { 1.0 } else { -1.0 };
    let valued = points.iter().filter_map(|point| Some((point.point, point.values[index].value? * sign)));
    valued.reduce(|a, b| if b.1 < a.1 { b } else { a }).map(|(point, _)| point)
}

/// A second reading of the runs: how far every point lies from the best one, from paired seeds.
#[derive(Debug)]
pub struct AgainstBest {
    aim: Figure,
    best: u64,
    seeds: u64,
    /// The best point's runs, and what its figure is made of under each seed.
    base: Accumulator,
    made_of: Vec<u64>,
    current: Accumulator,
    differing: u64,
    differences: Vec<(u64, Difference)>,
}

impl AgainstBest {
    /// For a sweep whose best point is known.
    ///
    /// # Panics
    /// If the sweep's figure has no name that is known.
    pub fn new(sweep: &Sweep) -> Option<Self> {
        let best = sweep.aim.best?;
        let aim = Figure::named(&sweep.aim.figure).expect("the figure was checked");
        let (base, current) = (Accumulator::default(), Accumulator::default());
        let made_of = Vec::new();
        Some(AgainstBest {
            aim,
            best,
            seeds: sweep.seeds,
            base,
            made_of,
            current,
            differing: 0,
            differences: Vec::new(),
        })
    }

    /// First reading: the runs of the best point; others are passed over.
    pub fn take_best(&mut self, row: &Row) {
        if row.point == self.best {
            self.base.add(&row.figures, &Weights::of_seed(row.seed));
            self.made_of.push(self.aim.made_of(&row.figures));
        }
    }

    /// Second reading: all runs, point by point.
    pub fn take(&mut self, row: &Row) {
        if row.point == self.best {
            return;
        }
        let seed = self.current.runs() as usize;
        self.current.add(&row.figures, &Weights::of_seed(row.seed));
        self.differing += u64::from(self.made_of[seed] != self.aim.made_of(&row.figures));
        if self.current.runs() == self.seeds {
            let pairs = Pairs::of_figure(&self.aim, self.seeds, self.differing);
            let difference = Difference::of(&self.aim, &self.base, &self.current, &pairs);
            self.differences.push((row.point, difference));
            self.current = Accumulator::default();
            self.differing = 0;
        }
    }

    /// Puts the differences into the result.
    pub fn put_into(self, sweep: &mut Sweep) {
        let mut differences = self.differences.into_iter().peekable();
        for point in &mut sweep.points {
            if differences.peek().is_some_and(|(other, _)| *other == point.point) {
                point.from_best = differences.next().map(|(_, difference)| difference);
            }
        }
        let as_good = |point: &&SweptPoint| {
            point.from_best.as_ref().is_some_and(|difference| !matches!(difference.told, Told::Worse | Told::NoValue))
        };
        sweep.aim.not_told_from_best = sweep.points.iter().filter(as_good).count() as u64;
    }
}
