//! Finding good settings with few runs: successive halving over paired seeds, then local refinement.
//!
//! - [`objective`]: what is to be small, and what must hold
//! - [`grid`]: points, evenly spread samples of them, and their neighbours
//! - [`search`]: which run comes next
//! - [`result`]: what was found, and on which evidence
//! - `log`: the runs on disk

pub mod grid;
#[cfg(feature = "cli")]
pub mod log;
pub mod objective;
pub mod result;
pub mod search;

pub use grid::Grid;
pub use objective::{Constraint, Objective};
pub use result::Tuned;
pub use search::{Found, Search, SearchEnd};
