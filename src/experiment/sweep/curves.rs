//! Values of a few points of a sweep, to be drawn as curves over each other: those on the lines through the best point.

use std::collections::BTreeMap;

use super::lines::line;
use super::result::Sweep;
use crate::analysis::Histogram;
use crate::experiment::figures::Pool;
use crate::experiment::record::Row;

/// More curves than that on one chart can't be told apart.
const CURVES_MAX: usize = 6;

/// Values of the points that are drawn.
#[derive(Clone, Debug, Default)]
pub struct Curves {
    values: BTreeMap<u64, [Histogram; Pool::ALL.len()]>,
    lines: Vec<Vec<u64>>,
}

impl Curves {
    /// The points on the lines through the best one; of longer lines the ends, the best point and evenly spaced others.
    pub fn of(sweep: &Sweep) -> Self {
        let lines: Vec<Vec<u64>> = (0..sweep.axes.len())
            .map(|axis| {
                let line = line(sweep, axis);
                let points: Vec<u64> = line.iter().flat_map(|line| &line.points).map(|(_, p)| p.point).collect();
                let best = points.iter().position(|point| Some(*point) == sweep.aim.best);
                chosen(points.len(), best.unwrap_or(0)).into_iter().map(|index| points[index]).collect()
            })
            .collect();
        let values = lines.iter().flatten().map(|point| (*point, Default::default())).collect();
        Curves { values, lines }
    }

    /// Takes in a run, if its point is drawn.
    pub fn take(&mut self, row: &Row) {
        if let Some(pools) = self.values.get_mut(&row.point) {
            pools.iter_mut().zip(&row.figures.pools).for_each(|(all, more)| all.merge(more));
        }
    }

    /// The points drawn for an axis, in the order of its values.
    pub fn line(&self, axis: usize) -> &[u64] {
        &self.lines[axis]
    }

    /// The values of a point.
    pub fn values(&self, point: u64, pool: Pool) -> Option<&Histogram> {
        Some(&self.values.get(&point)?[pool as usize])
    }
}

/// Indices of up to [`CURVES_MAX`] of so many, with both ends and `best` among them.
fn chosen(count: usize, best: usize) -> Vec<usize> {
    if count <= CURVES_MAX {
        return (0..count).collect();
    }
    let mut chosen: Vec<usize> =
        (0..CURVES_MAX - 1).map(|number| number * (count - 1) / (CURVES_MAX - 2)).chain([best]).collect();
    chosen.sort_unstable();
    chosen.dedup();
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_thinned_but_keep_their_ends_and_the_best_point() {
        assert_eq!(chosen(4, 2), [0, 1, 2, 3]);
        assert_eq!(chosen(21, 3), [0, 3, 5, 10, 15, 20]);
        assert_eq!(chosen(21, 20), [0, 5, 10, 15, 20]);
    }
}
