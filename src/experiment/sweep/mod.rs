//! Many settings under the same seeds: the figures of each point, the best one, and which others the seeds can't tell
//! from it.

mod curves;
mod folding;
mod knee;
mod lines;
mod result;

pub use curves::Curves;
pub use folding::{AgainstBest, Sweeping};
pub use knee::knee;
pub use lines::{Plane, Slice, line, plane};
pub use result::{Aimed, FORMAT_VERSION, Sweep, SweptAxis, SweptPoint, SweptValue, Untold, WorstOfAll};
