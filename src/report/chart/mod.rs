//! SVG charts, for those who would rather look than read. One file per chart; below them the canvas, the palette, axes
//! and the parts that several charts share.
//!
//! All charts hold to the same rules: a title that says what is seen, units on every axis, names written beside what
//! they name where there is room, the Okabe–Ito palette that the colour-blind tell apart, and one font family that every
//! viewer has. They work for four consumers and for fifty: rows get thinner, labels fewer, and what is left out is said.

mod axis;
mod canvas;
pub mod claim;
pub mod distribution;
pub mod front;
pub mod heat_map;
mod lag;
pub mod live;
mod ownership;
mod palette;
mod pauses;
pub mod plot;
mod rows;
mod sheet;
mod strips;
pub mod tradeoff;
mod waterfall;

pub use lag::Lag;
pub use ownership::Ownership;
pub use pauses::Pauses;
pub use waterfall::Waterfall;

#[cfg(test)]
mod tests;
