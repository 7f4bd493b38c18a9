//! A plot with axes on paper: where it lies, the line and the title below it, and points with their intervals.

use plotters::style::{Color, RGBColor};

use super::canvas::{Canvas, Label, fit};
use super::palette::FADED;
use super::sheet::{EDGE, Head, WIDTH};

/// A value with its interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// The value.
    pub value: f64,
    /// Ends of its 95 % interval, if one can be stated.
    pub interval: Option<(f64, f64)>,
}

impl Point {
    /// The value or the upper end of the interval, whichever is larger.
    pub(super) fn highest(&self) -> f64 {
        self.interval.map_or(self.value, |(_, high)| high.max(self.value))
    }

    /// Draws it: whiskers for the interval, the mark over them. `y` is the pixel of a value.
    pub(super) fn draw(&self, canvas: &Canvas, x: i32, y: impl Fn(f64) -> i32, color: RGBColor, mark: Mark) {
        if let Some((low, high)) = self.interval {
            let (low, high) = (y(low.max(0.0)), y(high));
            canvas.line(&[(x, low), (x, high)], color.to_rgba(), 1);
            for end in [low, high] {
                canvas.line(&[(x - 4, end), (x + 4, end)], color.to_rgba(), 1);
            }
        }
        mark.draw(canvas, (x, y(self.value)), color);
    }
}

/// Shapes of points, so that series are told apart without their colours.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Mark {
    Square,
    Diamond,
    Up,
    Down,
    Cross,
}

impl Mark {
    /// The shape of the n-th series.
    pub fn of(series: usize) -> Mark {
        [Mark::Square, Mark::Diamond, Mark::Up, Mark::Down, Mark::Cross][series % 5]
    }

    pub fn draw(self, canvas: &Canvas, (x, y): (i32, i32), color: RGBColor) {
        let color = color.to_rgba();
        match self {
            Mark::Square => canvas.fill((x - 4, y - 4), (x + 4, y + 4), color),
            Mark::Diamond => canvas.polygon(&[(x, y - 6), (x + 6, y), (x, y + 6), (x - 6, y)], color),
            Mark::Up => canvas.polygon(&[(x, y - 6), (x + 6, y + 5), (x - 6, y + 5)], color),
            Mark::Down => canvas.polygon(&[(x, y + 6), (x + 6, y - 5), (x - 6, y - 5)], color),
            Mark::Cross => {
                canvas.line(&[(x - 5, y - 5), (x + 5, y + 5)], color, 3);
                canvas.line(&[(x - 5, y + 5), (x + 5, y - 5)], color, 3);
            }
        }
    }
}

const TITLE_SIZE: i32 = 13;

/// Where a plot lies, pixels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plot {
    pub left: i32,
    pub right: i32,
    pub top: i32,
    pub bottom: i32,
}

impl Plot {
    /// Where plots with a value axis begin: room for its labels and its title.
    pub const LEFT: i32 = 120;

    /// A plot below a head, `gap` pixels from it.
    pub fn below(head: &Head, gap: i32, height: i32, right: i32) -> Plot {
        let top = head.height() + gap;
        Plot { left: Plot::LEFT, right, top, bottom: top + height }
    }

    /// Height of paper that ends `room` pixels below the plot.
    pub fn paper(&self, room: i32) -> (i32, i32) {
        (WIDTH, self.bottom + room + EDGE / 2)
    }

    pub fn width(&self) -> i32 {
        self.right - self.left
    }

    /// The line below the plot, and what lies along it, `below` pixels from it.
    pub fn draw_bottom(&self, canvas: &Canvas, title: &str, below: i32) {
        canvas.line(&[(self.left, self.bottom), (self.right, self.bottom)], FADED.to_rgba(), 1);
        let title = Label::new(fit(title, TITLE_SIZE, self.width()), TITLE_SIZE).centered();
        canvas.text(((self.left + self.right) / 2, self.bottom + below), &title);
    }
}
