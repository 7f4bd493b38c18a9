//! The points that a search walks on: evenly spread samples, and what lies beside a point.

use std::collections::{BTreeMap, BTreeSet};

use crate::experiment::axis::Axis;
use crate::experiment::definition::Varied;
use crate::experiment::plan::Plan;

/// The points of a plan of axes by their place on each axis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grid {
    counts: Vec<usize>,
    places: Vec<Vec<usize>>,
    points: BTreeMap<Vec<usize>, u64>,
}

/// A point beside another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// Along which axis.
    pub axis: usize,
    /// Which point.
    pub point: u64,
}

impl Grid {
    /// The grid of a plan.
    ///
    /// # Panics
    /// If the plan is none of axes that are counted.
    pub fn of(plan: &Plan) -> Grid {
        let Varied::Axes { axes, .. } = &plan.definition().varied else { panic!("a grid has axes") };
        let axes = axes.iter().map(|axis| Axis::parse(axis).expect("the plan was checked"));
        let values: Vec<Vec<String>> = axes
            .map(|axis| axis.levels().expect("axes of a grid are counted").map(|level| level.to_string()).collect())
            .collect();
        let place = |point: u64| -> Vec<usize> {
            let levels = plan.levels(point);
            let index = |(axis, level): (&Vec<String>, &String)| axis.iter().position(|value| value == level);
            values.iter().zip(&levels).map(|pair| index(pair).expect("a level stands on its axis")).collect()
        };
        Grid::new(values.iter().map(Vec::len).collect(), (0..plan.points()).map(place).collect())
    }

    /// A grid of axes with so many values each, with points at these places.
    pub fn new(counts: Vec<usize>, places: Vec<Vec<usize>>) -> Grid {
        let points = places.iter().cloned().zip(0..).collect();
        Grid { counts, places, points }
    }

    /// Number of points.
    pub fn points(&self) -> u64 {
        self.places.len() as u64
    }

    /// So many points, spread evenly: those at the places of an additive recurrence with irrational steps (the
    /// generalised golden ratio; Roberts, "The Unreasonable Effectiveness of Quasirandom Sequences", 2018). All points, if
    /// so many are asked for.
    pub fn spread(&self, count: usize) -> Vec<u64> {
        if count >= self.places.len() {
            return (0..self.points()).collect();
        }
        let (steps, mut chosen, mut order) = (irrational_steps(self.counts.len()), BTreeSet::new(), Vec::new());
        // Places that are left out or come twice cost a turn; the tail makes sure that it ends.
        for turn in 0..self.places.len() * 64 {
            let share = |step: &f64| (0.5 + turn as f64 * step).fract();
            let place: Vec<usize> =
                self.counts.iter().zip(&steps).map(|(count, step)| (share(step) * *count as f64) as usize).collect();
            if let Some(point) = self.points.get(&place)
                && chosen.insert(*point)
            {
                order.push(*point);
            }
            if order.len() == count {
                return order;
            }
        }
        let rest: Vec<u64> = (0..self.points()).filter(|point| !chosen.contains(point)).collect();
        order.extend(rest.into_iter().take(count - order.len()));
        order
    }

    /// The next points up and down each axis that can be run.
    ///
    /// # Panics
    /// If there is no such point.
    pub fn neighbours(&self, point: u64) -> Vec<Neighbour> {
        let place = &self.places[point as usize];
        let mut found = Vec::new();
        for axis in 0..self.counts.len() {
            let at = |index: usize| {
                let mut other = place.clone();
                other[axis] = index;
                self.points.get(&other).map(|point| Neighbour { axis, point: *point })
            };
            found.extend((0..place[axis]).rev().find_map(at));
            found.extend((place[axis] + 1..self.counts[axis]).find_map(at));
        }
        found
    }

    /// All points that differ from one in this axis alone, in the order of its values; the point itself among them.
    pub fn line(&self, point: u64, axis: usize) -> Vec<u64> {
        let place = &self.places[point as usize];
        let at = |index: usize| {
            let mut other = place.clone();
            other[axis] = index;
            self.points.get(&other).copied()
        };
        (0..self.counts[axis]).filter_map(at).collect()
    }
}

/// Powers of 1/φ_d, where φ_d is the positive root of x^(d+1) = x + 1.
fn irrational_steps(dimensions: usize) -> Vec<f64> {
    let mut root: f64 = 1.5;
    for _ in 0..64 {
        root = libm::pow(1.0 + root, 1.0 / (dimensions as f64 + 1.0));
    }
    (1..=dimensions).map(|power| libm::pow(1.0 / root, power as f64)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten by four, without the corner where the first is small and the second large.
    fn grid() -> Grid {
        let places = (0..10).flat_map(|a| (0..4).map(move |b| vec![a, b])).filter(|p| !(p[0] < 2 && p[1] > 1));
        Grid::new(vec![10, 4], places.collect())
    }

    #[test]
    fn samples_are_points_of_the_grid_and_lie_everywhere() {
        let grid = grid();
        let sample = grid.spread(12);
        assert_eq!(sample.iter().collect::<BTreeSet<_>>().len(), 12);
        let thirds: BTreeSet<usize> = sample.iter().map(|point| grid.places[*point as usize][0] / 4).collect();
        let rows: BTreeSet<usize> = sample.iter().map(|point| grid.places[*point as usize][1]).collect();
        assert_eq!((thirds.len(), rows.len()), (3, 4), "{sample:?}");
    }

    #[test]
    fn every_point_is_sampled_if_so_many_are_asked_for() {
        let grid = grid();
        assert_eq!(grid.points(), 36);
        for count in [35, 36, 99] {
            assert_eq!(grid.spread(count).len(), count.min(36));
        }
    }

    #[test]
    fn neighbours_step_over_what_is_left_out() {
        let grid = Grid::new(vec![4], vec![vec![0], vec![2], vec![3]]);
        assert_eq!(grid.neighbours(0), [Neighbour { axis: 0, point: 1 }]);
        assert_eq!(grid.neighbours(1), [Neighbour { axis: 0, point: 0 }, Neighbour { axis: 0, point: 2 }]);
        assert_eq!(grid.line(1, 0), [0, 1, 2]);
    }

    #[test]
    fn a_point_in_the_middle_has_two_neighbours_on_each_axis() {
        let grid = grid();
        let middle = grid.points[&vec![5, 1]];
        let axes: Vec<usize> = grid.neighbours(middle).iter().map(|neighbour| neighbour.axis).collect();
        assert_eq!(axes, [0, 0, 1, 1]);
    }
}
