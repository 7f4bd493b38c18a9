//! Rows of a chart: one per partition, thick with names when there are few, thin with some names when there are many.

use plotters::style::Color;

use super::canvas::{Canvas, Label, fit};
use super::palette::{FADED, INK};
use super::sheet::EDGE;

const TEXT_SIZE: i32 = 11;

/// Room that a name needs.
const NAME_HEIGHT: i32 = 13;
/// Room for one name of some.
const SPARSE_NAME_HEIGHT: i32 = 26;

/// Height that a chart's rows take together if they can, pixels.
const WANTED_HEIGHT: i32 = 900;
const ROW_HEIGHT_MAX: i32 = 26;
const ROW_HEIGHT_MIN: i32 = 2;

/// More rows are not drawn one by one.
const ROWS_MAX: usize = 1_000;

/// How rows are laid out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rows {
    /// Every so many entries get a row.
    pub every: usize,
    /// How many rows there are.
    pub count: usize,
    /// Pixels of one row.
    pub height: i32,
}

impl Rows {
    /// Rows for so many entries.
    pub fn new(entries: usize) -> Self {
        let every = entries.div_ceil(ROWS_MAX).max(1);
        let count = entries.div_ceil(every);
        let height = (WANTED_HEIGHT / count.max(1) as i32).clamp(ROW_HEIGHT_MIN, ROW_HEIGHT_MAX);
        Rows { every, count, height }
    }

    /// Pixels of all rows.
    pub fn total(&self) -> i32 {
        self.height * self.count as i32
    }

    /// The upper edge of a row, counted from the first one's.
    pub fn top(&self, row: usize) -> i32 {
        self.height * row as i32
    }

    /// Whether rows are thick enough for a line between them.
    pub fn has_gaps(&self) -> bool {
        self.height >= 6
    }

    /// A word for the subtitle when not every entry has a row; empty otherwise.
    pub fn remark(&self, what: &str) -> String {
        if self.every == 1 { String::new() } else { format!(" Every {}th {what} is drawn.", self.every) }
    }

    /// Names left of the rows: all of them, or every so many that they don't touch.
    pub fn names<'n>(&self, canvas: &Canvas, top: i32, right: i32, name: impl Fn(usize) -> &'n str) {
        let step = if self.height >= NAME_HEIGHT { 1 } else { round_up((SPARSE_NAME_HEIGHT / self.height) as usize) };
        for row in (0..self.count).step_by(step) {
            let middle = top + self.top(row) + self.height / 2;
            let text = fit(name(row * self.every), TEXT_SIZE, right - EDGE - 10);
            let color = if step == 1 { INK } else { FADED };
            canvas.text((right - 10, middle), &Label::new(text, TEXT_SIZE).right().color(color));
            if step > 1 {
                canvas.line(&[(right - 6, middle), (right - 1, middle)], FADED.to_rgba(), 1);
            }
        }
    }
}

/// The next of 1, 2, 5 times a power of ten.
fn round_up(least: usize) -> usize {
    let mut power = 1;
    loop {
        for factor in [1, 2, 5] {
            if factor * power >= least {
                return factor * power;
            }
        }
        power *= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_fit_the_sheet_whether_few_or_many() {
        assert_eq!(Rows::new(4).height, ROW_HEIGHT_MAX);
        assert_eq!(Rows::new(300).height, 3);
        let many = Rows::new(10_000);
        assert_eq!((many.every, many.count, many.height), (10, 1_000, 2));
        assert_eq!(many.remark("partition"), " Every 10th partition is drawn.");
    }
}
