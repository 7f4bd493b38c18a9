//! Which run comes next.
//!
//! Successive halving (Jamieson and Talwalkar, "Non-stochastic Best Arm Identification and Hyperparameter Optimization",
//! 2016): many points under few seeds, the better third of them under three times as many, and so on. All points run under
//! the same seeds, so that a point is not kept because it was lucky. Then the neighbours of the best point race against
//! it, seed by seed, until none is better. What is left of the budget then goes to whatever looks better still, and to
//! points not looked at yet.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};

use super::grid::Grid;
use super::objective::{Objective, Score};
use crate::experiment::figures::RunFigures;
use crate::experiment::statistics::Told;

/// Of so many points one goes on, under so many times as many seeds.
const KEPT_ONE_OF: usize = 3;

/// Share of the budget that halving may use; the rest is for the neighbours of the best point, and for what looks
/// promising after that.
const HALVING_SHARE: f64 = 0.4;

/// Makes runs: each point with the number of its seed, counted from 0. Breaks when somebody asked to stop.
pub type MakeRuns<'m> = &'m mut dyn FnMut(&[(u64, u64)]) -> ControlFlow<(), Vec<RunFigures>>;

/// How a search came to its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SearchEnd {
    /// No neighbour of the best point was better; what was left of the budget was spent on others.
    Settled,
    /// The budget was used up before that.
    OutOfRuns,
    /// Somebody asked to stop.
    Stopped,
}

/// A step of the search.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Round {
    /// Number of points that were looked at.
    pub points: u64,
    /// Number of seeds of each.
    pub seeds: u64,
    /// Runs that it took.
    pub runs: u64,
    /// Whether neighbours of the best point were looked at, and not points from everywhere.
    pub refines: bool,
}

/// What a search found.
#[derive(Clone, Debug)]
pub struct Found {
    /// The best point.
    pub best: u64,
    /// The runs of every point that was looked at, in the order of the seeds.
    pub runs: BTreeMap<u64, Vec<RunFigures>>,
    /// Steps, in order.
    pub rounds: Vec<Round>,
    /// How it came to its end.
    pub end: SearchEnd,
}

impl Found {
    /// Number of runs.
    pub fn spent(&self) -> u64 {
        self.runs.values().map(|runs| runs.len() as u64).sum()
    }
}

/// What is searched, and with how many runs.
#[derive(Clone, Debug)]
pub struct Search<'s> {
    /// The points.
    pub grid: &'s Grid,
    /// What they are judged by.
    pub objective: &'s Objective,
    /// The first seed.
    pub first_seed: u64,
    /// Seeds that the best point is run under.
    pub seeds: u64,
    /// Most runs.
    pub budget: u64,
}

impl Search<'_> {
    /// The least budget with which a search makes sense: a few points from everywhere, and the best one under all seeds.
    pub fn least_budget(&self) -> u64 {
        let few = (KEPT_ONE_OF as u64).min(self.grid.points());
        (self.halving_cost(few as usize) as f64 / HALVING_SHARE).ceil() as u64
    }

    /// Searches.
    pub fn run(&self, make_runs: MakeRuns<'_>) -> Found {
        let mut walk = Walk { search: self, make_runs, runs: BTreeMap::new(), rounds: Vec::new(), left: self.budget };
        let start = self.start();
        let mut best = start[0];
        let mut walked = walk.halve(start, &mut best).and_then(|()| walk.refine(&mut best));
        let is_settled = walked.is_ok();
        if is_settled {
            walked = walk.widen(&mut best);
        }
        let end = match walked {
            Err(SearchEnd::Stopped) => SearchEnd::Stopped,
            _ if is_settled => SearchEnd::Settled,
            Ok(()) | Err(_) => SearchEnd::OutOfRuns,
        };
        Found { best, runs: walk.runs, rounds: walk.rounds, end }
    }

    /// The points to begin with: as many as the budget allows.
    fn start(&self) -> Vec<u64> {
        let all = self.grid.points() as usize;
        let allowed = (self.budget as f64 * HALVING_SHARE) as u64;
        let count = (1..=all).rev().find(|count| self.halving_cost(*count) <= allowed).unwrap_or(1);
        self.grid.spread(count)
    }

    /// Seeds of the first round, and of each after it.
    fn stages(&self) -> Vec<u64> {
        let mut stages = vec![self.seeds];
        while stages.len() < 4 && stages[0] > 1 {
            stages.insert(0, stages[0].div_ceil(KEPT_ONE_OF as u64));
        }
        stages
    }

    fn halving_cost(&self, points: usize) -> u64 {
        let (mut points, mut before, mut cost) = (points as u64, 0, 0);
        for seeds in self.stages() {
            cost += points * (seeds - before);
            before = seeds;
            points = points.div_ceil(KEPT_ONE_OF as u64);
        }
        cost
    }
}

/// A search under way.
struct Walk<'w, 's> {
    search: &'s Search<'s>,
    make_runs: MakeRuns<'w>,
    runs: BTreeMap<u64, Vec<RunFigures>>,
    rounds: Vec<Round>,
    left: u64,
}

impl Walk<'_, '_> {
    /// Successive halving; `best` is the best point so far all the time.
    fn halve(&mut self, mut points: Vec<u64>, best: &mut u64) -> Result<(), SearchEnd> {
        for seeds in self.search.stages() {
            points = self.raise(points, seeds, false)?;
            // Points that are alike stay in the order in which they are spread over the grid: under few seeds a rare event
            // comes nowhere, and what is kept then must not lie in one corner.
            points.sort_by(|a, b| self.score(*a, seeds).order(&self.score(*b, seeds)));
            let Some(first) = points.first() else { return Err(SearchEnd::OutOfRuns) };
            *best = *first;
            points.truncate(points.len().div_ceil(KEPT_ONE_OF));
        }
        Ok(())
    }

    /// Neighbours of the best point race against it until none is better. One seed alone settles nothing: they start with
    /// those of the second stage.
    fn refine(&mut self, best: &mut u64) -> Result<(), SearchEnd> {
        let stages = self.search.stages();
        loop {
            let mut racing: Vec<u64> = self.search.grid.neighbours(*best).iter().map(|n| n.point).collect();
            let mut all_raced = true;
            for seeds in &stages[1.min(stages.len() - 1)..] {
                let wanted = racing.len();
                racing = self.raise(racing, *seeds, true)?;
                all_raced &= racing.len() == wanted;
                racing.retain(|other| !self.is_worse(*best, *other, *seeds));
                racing.sort_by(|a, b| self.score(*a, *seeds).order(&self.score(*b, *seeds)).then(a.cmp(b)));
            }
            match racing.first().filter(|other| self.is_better(**other, *best)) {
                Some(better) => *best = *better,
                None if all_raced => return Ok(()),
                None => return Err(SearchEnd::OutOfRuns),
            }
        }
    }

    /// Spends what is left: on the point that looks better than the best one under the seeds that both ran under, and
    /// while there is none, on points not looked at yet.
    fn widen(&mut self, best: &mut u64) -> Result<(), SearchEnd> {
        let (stages, order) = (self.search.stages(), self.search.grid.spread(self.search.grid.points() as usize));
        let mut fresh = order.into_iter();
        while self.left > 0 {
            let promising = self.promising(*best);
            let unknown = if promising.is_some() { None } else { fresh.find(|point| !self.runs.contains_key(point)) };
            let Some(point) = promising.or(unknown) else { return Ok(()) };
            let done = self.runs.get(&point).map_or(0, |runs| runs.len() as u64);
            let seeds = stages.iter().find(|seeds| **seeds > done).copied().unwrap_or(self.search.seeds);
            if self.raise(vec![point], seeds, false)?.is_empty() {
                return Err(SearchEnd::OutOfRuns);
            }
            if seeds == self.search.seeds && self.is_better(point, *best) {
                *best = point;
                self.refine(best)?;
            }
        }
        Ok(())
    }

    /// The point that is the furthest ahead of the best one under fewer than all seeds.
    fn promising(&self, best: u64) -> Option<u64> {
        let open = self.runs.iter().filter(|(_, runs)| (runs.len() as u64) < self.search.seeds);
        let ahead = open.filter_map(|(point, runs)| {
            let seeds = runs.len() as u64;
            let (own, other) = (self.score(*point, seeds), self.score(best, seeds));
            own.order(&other).is_lt().then_some((own.excess - other.excess, own.figure - other.figure, *point))
        });
        ahead
            .min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.cmp(&b.2)))
            .map(|(_, _, point)| point)
    }

    fn is_better(&self, point: u64, best: u64) -> bool {
        let seeds = self.search.seeds;
        self.score(point, seeds).order(&self.score(best, seeds)).is_lt()
    }

    /// Whether the seeds so far tell that a point is worse: what must hold does not while it does at the best point; with
    /// enough seeds the interval of the difference; with few, that it was worse under every one of them.
    fn is_worse(&self, best: u64, other: u64, seeds: u64) -> bool {
        let (a, b) = (self.score(best, seeds), self.score(other, seeds));
        if a.excess != b.excess {
            return b.excess > a.excess;
        }
        let objective = self.search.objective;
        let (base, runs) = (&self.runs[&best][..seeds as usize], &self.runs[&other][..seeds as usize]);
        match objective.difference(base, runs, self.search.first_seed).told {
            Told::Worse => true,
            Told::Better | Told::Equal => false,
            Told::NotYet { .. } | Told::NoValue => {
                let each = |run: &RunFigures| objective.score(std::slice::from_ref(run)).figure;
                base.iter().zip(runs).all(|(base, other)| each(other) > each(base))
            }
        }
    }

    fn score(&self, point: u64, seeds: u64) -> Score {
        self.search.objective.score(&self.runs[&point][..seeds as usize])
    }

    /// Runs these points under the first so many seeds, where they did not yet: as many of the points as there are runs
    /// left for. Returns those.
    fn raise(&mut self, points: Vec<u64>, seeds: u64, refines: bool) -> Result<Vec<u64>, SearchEnd> {
        let mut wanted: Vec<(u64, u64)> = Vec::new();
        let mut raised = Vec::new();
        for point in points {
            let done = self.runs.get(&point).map_or(0, |runs| runs.len() as u64);
            if wanted.len() as u64 + seeds.saturating_sub(done) <= self.left {
                wanted.extend((done..seeds).map(|seed| (point, seed)));
                raised.push(point);
            }
        }
        let made = match (self.make_runs)(&wanted) {
            ControlFlow::Continue(made) => made,
            ControlFlow::Break(()) => return Err(SearchEnd::Stopped),
        };
        self.left -= wanted.len() as u64;
        for ((point, _), run) in wanted.iter().zip(made) {
            self.runs.entry(*point).or_default().push(run);
        }
        if !wanted.is_empty() {
            self.rounds.push(Round { points: raised.len() as u64, seeds, runs: wanted.len() as u64, refines });
        }
        Ok(raised)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::RandomStream;
    use crate::experiment::figures::Figure;

    fn objective() -> Objective {
        Objective { figure: Figure::named("paused_partition_seconds_per_hour").unwrap(), constraints: Vec::new() }
    }

    fn grid(counts: [usize; 2]) -> Grid {
        Grid::new(counts.into(), (0..counts[0]).flat_map(|a| (0..counts[1]).map(move |b| vec![a, b])).collect())
    }

    /// A bowl with its lowest place at (x, y), under noise of which most is common to all points of a seed.
    fn bowl(counts: [usize; 2], lowest: [f64; 2]) -> impl FnMut(&[(u64, u64)]) -> ControlFlow<(), Vec<RunFigures>> {
        move |wanted| {
            let run = |(point, seed): &(u64, u64)| {
                let place = [point / counts[1] as u64, point % counts[1] as u64].map(|index| index as f64);
                let far: f64 = place.iter().zip(lowest).map(|(a, b)| (a - b) * (a - b)).sum();
                let common = RandomStream::new(*seed, "bowl", "common").next_f64() * 100.0;
                let own = RandomStream::new(*seed, "bowl", &format!("own {point}")).next_f64() * 4.0;
                let mut figures = RunFigures::quiet(3_600.0);
                figures.set_sum("paused_partition_seconds", 100.0 + 10.0 * far + common + own);
                figures
            };
            ControlFlow::Continue(wanted.iter().map(run).collect())
        }
    }

    fn search<'s>(grid: &'s Grid, objective: &'s Objective, budget: u64) -> Search<'s> {
        Search { grid, objective, first_seed: 0, seeds: 27, budget }
    }

    #[test]
    fn the_lowest_place_of_a_bowl_is_found_with_a_tenth_of_the_runs_of_its_grid() {
        let (grid, objective) = (grid([15, 12]), objective());
        for lowest in [[3.0, 9.0], [0.0, 0.0], [14.0, 5.0], [7.0, 11.0]] {
            let found = search(&grid, &objective, 15 * 12 * 27 / 10).run(&mut bowl([15, 12], lowest));
            let place = [found.best / 12, found.best % 12].map(|index| index as f64);
            assert_eq!(place, lowest);
            assert!(found.spent() <= 486, "{}", found.spent());
            assert_eq!(found.spent(), found.rounds.iter().map(|round| round.runs).sum::<u64>());
        }
    }

    #[test]
    fn an_event_that_never_comes_leaves_points_from_everywhere() {
        let (grid, objective) = (grid([15, 12]), objective());
        let quiet = |wanted: &[(u64, u64)]| {
            ControlFlow::Continue(wanted.iter().map(|_| RunFigures::quiet(3_600.0)).collect::<Vec<_>>())
        };
        let found = search(&grid, &objective, 15 * 12 * 27 / 10).run(&mut { quiet });
        let kept = found.runs.iter().filter(|(_, runs)| runs.len() >= 3).map(|(point, _)| (point / 12, point % 12));
        let (rows, columns): (Vec<u64>, Vec<u64>) = kept.unzip();
        let reach = |places: &[u64]| places.iter().max().unwrap() - places.iter().min().unwrap();
        assert!(reach(&rows) >= 8 && reach(&columns) >= 6, "{rows:?} {columns:?}");
    }

    #[test]
    fn without_runs_left_the_best_so_far_is_told() {
        let (grid, objective) = (grid([15, 12]), objective());
        let least = search(&grid, &objective, 1).least_budget();
        let found = search(&grid, &objective, least).run(&mut bowl([15, 12], [14.0, 11.0]));
        assert_eq!(found.end, SearchEnd::OutOfRuns);
        assert!(found.spent() <= least && found.runs[&found.best].len() == 27, "{found:?}");
    }

    #[test]
    fn a_search_that_is_stopped_tells_the_best_so_far() {
        let (grid, objective) = (grid([15, 12]), objective());
        let mut calls = 0;
        let mut bowl = bowl([15, 12], [7.0, 7.0]);
        let found = search(&grid, &objective, 2_000).run(&mut |wanted| {
            calls += 1;
            if calls > 2 { ControlFlow::Break(()) } else { bowl(wanted) }
        });
        assert_eq!((found.end, found.rounds.len()), (SearchEnd::Stopped, 2));
        assert!(found.runs.contains_key(&found.best));
    }

    #[test]
    fn a_grid_that_the_budget_covers_is_looked_at_whole() {
        let (grid, objective) = (grid([3, 2]), objective());
        let found = search(&grid, &objective, 6 * 27 * 2).run(&mut bowl([3, 2], [2.0, 1.0]));
        assert_eq!((found.best, found.rounds[0].points, found.rounds[0].seeds), (5, 6, 1));
        assert_eq!(found.end, SearchEnd::Settled);
    }
}
