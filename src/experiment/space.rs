//! The points of a sweep: every combination of the axes' values, or a Latin hypercube of samples.

use serde::{Deserialize, Serialize};

use super::axis::{Axis, AxisError, Level};
use super::settings::Settings;
use crate::engine::RandomStream;

/// More points than these are not started by accident.
pub const POINTS_UNASKED_MAX: u64 = 10_000;
/// More points than these are no sweep.
pub const POINTS_MAX: u64 = 10_000_000;

/// How points are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Sampling {
    /// Every combination; the last axis varies fastest.
    Grid,
    /// So many points, each axis cut into as many equal strips with one point in each (McKay, Beckman, Conover, "A
    /// Comparison of Three Methods for Selecting Values of Input Variables", Technometrics 21, 1979).
    LatinHypercube {
        /// Number of points.
        samples: u64,
    },
}

/// Axes and how points are chosen from them.
#[derive(Clone, Debug, PartialEq)]
pub struct Space {
    axes: Vec<Axis>,
    sampling: Sampling,
    /// Latin hypercube: for each axis the share along it, by point.
    shares: Vec<Vec<f64>>,
    count: u64,
}

/// Why axes make no space.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpaceError {
    /// An axis by itself.
    #[error(transparent)]
    Axis(#[from] AxisError),
    /// No axis at all.
    #[error("there is nothing to vary: name an axis, for example --session.timeout.ms=6000,10000,45000")]
    NoAxis,
    /// Two axes of one name.
    #[error("axis `{0}` is given twice")]
    Twice(String),
    /// An axis that follows one that is not there.
    #[error("axis `{axis}` follows `{follows}`, which is no axis of numbers before or after it")]
    FollowsNothing {
        /// Which axis.
        axis: String,
        /// What it follows.
        follows: String,
    },
    /// No samples.
    #[error("--samples must be at least 1")]
    NoSamples,
    /// Too many to start without being asked.
    #[error(
        "{points} points are more than {POINTS_UNASKED_MAX}: use larger steps, --samples, or --yes if they are meant"
    )]
    Many {
        /// How many.
        points: u64,
    },
    /// Too many at all.
    #[error("more than {POINTS_MAX} points are not possible: use larger steps or --samples")]
    TooMany,
}

impl Space {
    /// The space of these axes. `yes`: many points are meant.
    ///
    /// # Errors
    /// What is wrong with the axes, or that the points are too many.
    pub fn new(axes: Vec<Axis>, sampling: Sampling, yes: bool) -> Result<Space, SpaceError> {
        check_names(&axes)?;
        let (count, shares) = match sampling {
            Sampling::Grid => (grid_points(&axes)?, Vec::new()),
            Sampling::LatinHypercube { samples: 0 } => return Err(SpaceError::NoSamples),
            Sampling::LatinHypercube { samples } => (samples, Vec::new()),
        };
        match count {
            0..=POINTS_UNASKED_MAX => {}
            _ if count > POINTS_MAX => return Err(SpaceError::TooMany),
            points if !yes => return Err(SpaceError::Many { points }),
            _ => {}
        }
        let mut space = Space { axes, sampling, shares, count };
        if let Sampling::LatinHypercube { samples } = sampling {
            space.shares = space.axes.iter().map(|axis| strips(&axis.name, samples)).collect();
        }
        Ok(space)
    }

    /// Number of points.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The axes.
    pub fn axes(&self) -> &[Axis] {
        &self.axes
    }

    /// The value of each axis at a point, as typed: a value that follows another axis in its own words.
    ///
    /// # Panics
    /// If there is no such point.
    pub fn levels(&self, point: u64) -> Vec<Level> {
        assert!(point < self.count, "point {point} of {}", self.count);
        match self.sampling {
            Sampling::Grid => {
                let mut rest = point;
                let mut levels = Vec::with_capacity(self.axes.len());
                for axis in self.axes.iter().rev() {
                    let count = axis.count().expect("axes of a grid are counted");
                    levels.push(axis.level(rest % count));
                    rest /= count;
                }
                levels.reverse();
                levels
            }
            Sampling::LatinHypercube { .. } => {
                self.axes.iter().zip(&self.shares).map(|(axis, shares)| axis.at(shares[point as usize])).collect()
            }
        }
    }

    /// The settings of a point: every axis with its value.
    ///
    /// # Panics
    /// If there is no such point.
    pub fn settings(&self, point: u64) -> Settings {
        let levels = self.levels(point);
        let fixed = |name: &str| {
            let index = self.axes.iter().position(|axis| axis.name == name)?;
            match &levels[index] {
                Level::Fixed(value) => Some(value.as_str()),
                Level::Follows { .. } => None,
            }
        };
        let resolved = self.axes.iter().zip(&levels).map(|(axis, level)| {
            // Names were checked; a word that is followed as if it were a number stays as typed, and is refused as such.
            (axis.name.clone(), level.resolve(fixed).unwrap_or_else(|| level.to_string()))
        });
        resolved.collect()
    }
}

fn check_names(axes: &[Axis]) -> Result<(), SpaceError> {
    if axes.is_empty() {
        return Err(SpaceError::NoAxis);
    }
    for (index, axis) in axes.iter().enumerate() {
        if axes[..index].iter().any(|other| other.name == axis.name) {
            return Err(SpaceError::Twice(axis.name.clone()));
        }
        for follows in axis.follows() {
            let other = axes.iter().find(|other| other.name == follows && other.name != axis.name);
            if other.is_none_or(|other| other.follows().next().is_some()) {
                return Err(SpaceError::FollowsNothing { axis: axis.name.clone(), follows: follows.to_string() });
            }
        }
    }
    Ok(())
}

fn grid_points(axes: &[Axis]) -> Result<u64, SpaceError> {
    axes.iter().try_fold(1u64, |points, axis| {
        let count = axis.levels()?.size_hint().0 as u64;
        points.checked_mul(count).ok_or(SpaceError::TooMany)
    })
}

/// One share in each of `samples` equal strips, in an order of their own for each axis.
fn strips(axis: &str, samples: u64) -> Vec<f64> {
    let mut stream = RandomStream::new(1, axis, "latin hypercube");
    let mut order: Vec<u64> = (0..samples).collect();
    for index in (1..order.len()).rev() {
        order.swap(index, stream.below(index as u64 + 1) as usize);
    }
    order.into_iter().map(|strip| (strip as f64 + stream.next_f64()) / samples as f64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn space(axes: &[&str], sampling: Sampling, yes: bool) -> Result<Space, SpaceError> {
        Space::new(axes.iter().map(|axis| Axis::parse(axis).unwrap()).collect(), sampling, yes)
    }

    fn values(space: &Space, point: u64) -> Vec<String> {
        space.settings(point).into_values().collect()
    }

    #[test]
    fn a_grid_has_every_combination_once_and_its_last_axis_varies_fastest() {
        let space = space(&["a.a=1,2", "b.b=x,y,z"], Sampling::Grid, false).unwrap();
        assert_eq!(space.count(), 6);
        let all: Vec<_> = (0..6).map(|point| values(&space, point).concat()).collect();
        assert_eq!(all, ["1x", "1y", "1z", "2x", "2y", "2z"]);
    }

    #[test]
    fn a_value_follows_its_axis_wherever_that_stands() {
        let space = space(&["a.a=b.b/2,7", "b.b=10,20"], Sampling::Grid, false).unwrap();
        let all: Vec<_> = (0..4).map(|point| values(&space, point).join(" ")).collect();
        assert_eq!(all, ["5 10", "10 20", "7 10", "7 20"]);
    }

    #[test]
    fn samples_fall_once_into_each_strip_of_each_axis() {
        let sampling = Sampling::LatinHypercube { samples: 50 };
        let space = space(&["a.a=0..50000000", "b.b=1..1000000*", "c.c=x,y"], sampling, false).unwrap();
        let column = |axis: usize| (0..50).map(move |point| values(&space.clone(), point)[axis].clone());
        let mut strips: Vec<u64> = column.clone()(0).map(|value| value.parse::<u64>().unwrap() / 1_000_000).collect();
        let order = strips.clone();
        strips.sort_unstable();
        assert!(strips.iter().copied().eq(0..50), "{strips:?}");
        assert_ne!(order, strips, "the strips come in no order");
        assert_eq!(column(2).filter(|value| value == "x").count(), 25);
    }

    #[test]
    fn what_makes_no_space_is_refused() {
        let refused = |axes: &[&str]| space(axes, Sampling::Grid, false).unwrap_err().to_string();
        assert!(refused(&[]).contains("nothing to vary"));
        assert!(refused(&["a.a=1", "a.a=2"]).contains("given twice"));
        assert!(refused(&["a.a=1..5"]).contains("no step"));
        assert!(refused(&["a.a=b.b/3"]).contains("follows `b.b`"));
        assert!(refused(&["a.a=b.b/3", "b.b=a.a/3"]).contains("follows"));
        let samples = Sampling::LatinHypercube { samples: 0 };
        assert_eq!(space(&["a.a=1"], samples, false), Err(SpaceError::NoSamples));
    }

    #[test]
    fn an_axis_of_a_million_points_wants_to_be_confirmed() {
        let axis = "session.timeout.ms=1..1000000/1";
        let refused = space(&[axis], Sampling::Grid, false).unwrap_err();
        assert_eq!(refused, SpaceError::Many { points: 1_000_000 });
        assert!(refused.to_string().contains("--yes"));
        assert_eq!(space(&[axis], Sampling::Grid, true).unwrap().count(), 1_000_000);
        let beyond = ["a.a=1..10000000/1", "b.b=1..10000000000000/1"];
        assert_eq!(space(&beyond, Sampling::Grid, true), Err(SpaceError::TooMany));
    }
}
