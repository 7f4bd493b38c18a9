//! Cuts through a sweep: along one axis, or across two, with the other axes held where the best point has them.

use super::result::{Sweep, SweptPoint};

/// The points along one axis.
#[derive(Clone, Debug)]
pub struct Slice<'s> {
    /// Which axis (index).
    pub axis: usize,
    /// What the other axes are held at: name and value.
    pub held: Vec<(&'s str, &'s str)>,
    /// The points in the order of the axis's values, each with its value.
    pub points: Vec<(&'s str, &'s SweptPoint)>,
}

/// The points across two axes.
#[derive(Clone, Debug)]
pub struct Plane<'s> {
    /// Axis from left to right (index).
    pub across: usize,
    /// Axis from bottom to top (index).
    pub up: usize,
    /// What the other axes are held at: name and value.
    pub held: Vec<(&'s str, &'s str)>,
    /// Rows from bottom to top; `None` where a combination was left out or not run.
    pub rows: Vec<Vec<Option<&'s SweptPoint>>>,
}

/// The line along an axis through the best point of a grid. `None` if there is no best point.
pub fn line(sweep: &Sweep, axis: usize) -> Option<Slice<'_>> {
    let best = sweep.best()?;
    let on_line = |point: &&SweptPoint| agree(point, best, &[axis]);
    let points: Vec<&SweptPoint> = sweep.points.iter().filter(on_line).collect();
    let values = sweep.axes[axis].values.iter();
    let placed = values.filter_map(|value| {
        let point = points.iter().find(|point| point.levels[axis] == *value)?;
        Some((value.as_str(), *point))
    });
    Some(Slice { axis, held: held(sweep, best, &[axis]), points: placed.collect() })
}

/// The plane of two axes through the best point of a grid. `None` if there is no best point.
pub fn plane(sweep: &Sweep, across: usize, up: usize) -> Option<Plane<'_>> {
    let best = sweep.best()?;
    let on_plane = |point: &&SweptPoint| agree(point, best, &[across, up]);
    let points: Vec<&SweptPoint> = sweep.points.iter().filter(on_plane).collect();
    let row = |y: &String| {
        let cell = |x: &String| points.iter().find(|p| p.levels[across] == *x && p.levels[up] == *y).copied();
        sweep.axes[across].values.iter().map(cell).collect()
    };
    let rows = sweep.axes[up].values.iter().map(row).collect();
    Some(Plane { across, up, held: held(sweep, best, &[across, up]), rows })
}

fn agree(point: &SweptPoint, best: &SweptPoint, but: &[usize]) -> bool {
    (0..best.levels.len()).all(|axis| but.contains(&axis) || point.levels[axis] == best.levels[axis])
}

fn held<'s>(sweep: &'s Sweep, best: &'s SweptPoint, but: &[usize]) -> Vec<(&'s str, &'s str)> {
    let others = sweep.axes.iter().zip(&best.levels).enumerate().filter(|(axis, _)| !but.contains(axis));
    others.map(|(_, (axis, level))| (axis.name.as_str(), level.as_str())).collect()
}
