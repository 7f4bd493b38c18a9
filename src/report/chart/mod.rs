//! SVG charts, for those who would rather look than read. One file per chart; below them the canvas, the palette, axes
//! and the parts that several charts share.
//!
//! All charts hold to the same rules: a title that says what is seen, units on every axis, names written beside what
//! they name where there is room, the Okabe–Ito palette that the colour-blind tell apart, and one font family that every
//! viewer has. They work for four consumers and for fifty: rows get thinner, labels fewer, and what is left out is said.

mod axis;
mod canvas;
pub mod distribution;
mod lag;
mod ownership;
mod palette;
mod pauses;
mod rows;
mod sheet;
mod strips;
mod waterfall;

pub use lag::Lag;
pub use ownership::Ownership;
pub use pauses::Pauses;
pub use waterfall::Waterfall;

#[cfg(test)]
mod tests {
    use crate::report::{Report, files, fixture};

    /// `CHARTS_TO=<folder> cargo test --lib charts_can_be_looked_at` writes the charts of made-up runs to look at.
    #[test]
    fn charts_can_be_looked_at() {
        let Some(folder) = std::env::var_os("CHARTS_TO") else { return };
        for (name, outcome) in [("small", fixture::gc_pause()), ("large", fixture::rollout(50, 300))] {
            let report = Report { outcome: &outcome, replay: "" };
            let directory = std::path::Path::new(&folder).join(name);
            crate::report::write::directory(&directory, &files(&report), false).expect("a folder to write to");
        }
    }
}
