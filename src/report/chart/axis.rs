//! Scales and their ticks: time as people say it, values in round steps.

use plotters::style::Color;

use crate::report::units;

use super::canvas::{Canvas, Label};
use super::palette::{FADED, GRID, INK};

/// Seconds onto pixels, left to right.
#[derive(Clone, Copy, Debug)]
pub(super) struct TimeScale {
    pub from_s: f64,
    pub to_s: f64,
    pub left: i32,
    pub right: i32,
}

impl TimeScale {
    /// The pixel of an instant; instants outside lie on the edge.
    pub fn x(&self, seconds: f64) -> i32 {
        self.left + (self.share(seconds) * f64::from(self.right - self.left)).round() as i32
    }

    /// Whether any of a span can be seen.
    pub fn shows(&self, from_s: f64, to_s: f64) -> bool {
        from_s < self.to_s && to_s > self.from_s || (self.from_s..self.to_s).contains(&from_s)
    }

    /// First and last pixel (not included) of a span; at least one pixel wide.
    pub fn span(&self, from_s: f64, to_s: f64) -> (i32, i32) {
        let from = self.x(from_s).min(self.right - 1);
        (from, self.x(to_s).max(from + 1))
    }

    fn share(&self, seconds: f64) -> f64 {
        let length = self.to_s - self.from_s;
        if length > 0.0 { ((seconds - self.from_s) / length).clamp(0.0, 1.0) } else { 0.0 }
    }

    /// Ticks at round instants with their labels, about one per 110 pixels.
    pub fn ticks(&self) -> Vec<(i32, String)> {
        let wanted = (f64::from(self.right - self.left) / 110.0).max(2.0);
        let step = round_time_step((self.to_s - self.from_s) / wanted);
        let first = (self.from_s / step - 1e-9).ceil() as i64;
        let last = (self.to_s / step + 1e-9).floor() as i64;
        (first..=last)
            .map(|number| number as f64 * step)
            .map(|at| (self.x(at), time_label(at, self.to_s, step)))
            .collect()
    }

    /// What the labels are, for the axis title.
    pub fn unit(&self) -> &'static str {
        match self.to_s {
            to if to <= SECONDS_UP_TO => "s",
            to if to <= MINUTES_UP_TO => "min:s",
            _ => "h:min",
        }
    }

    /// Lines behind the data and labels below it.
    pub fn draw(&self, canvas: &Canvas, top: i32, bottom: i32, title: &str) {
        for (x, label) in self.ticks() {
            canvas.line(&[(x, top), (x, bottom)], GRID.to_rgba(), 1);
            canvas.line(&[(x, bottom), (x, bottom + 4)], FADED.to_rgba(), 1);
            canvas.text((x, bottom + 13), &Label::new(label, 11).centered());
        }
        canvas.line(&[(self.left, bottom), (self.right, bottom)], FADED.to_rgba(), 1);
        let middle = (self.left + self.right) / 2;
        canvas.text((middle, bottom + 31), &Label::new(format!("{title} ({})", self.unit()), 12).centered());
    }
}

/// Pixels below a plot that [`TimeScale::draw`] needs.
pub(super) const AXIS_HEIGHT: i32 = 42;

const SECONDS_UP_TO: f64 = 180.0;
const MINUTES_UP_TO: f64 = 3.0 * 3_600.0;

/// Steps that people count time in, seconds.
const TIME_STEPS: [f64; 22] = [
    1.0,
    2.0,
    5.0,
    10.0,
    15.0,
    30.0,
    60.0,
    120.0,
    300.0,
    600.0,
    900.0,
    1_800.0,
    3_600.0,
    7_200.0,
    10_800.0,
    21_600.0,
    43_200.0,
    86_400.0,
    172_800.0,
    604_800.0,
    2_592_000.0,
    31_536_000.0,
];

fn round_time_step(least: f64) -> f64 {
    if least <= 1.0 {
        return round_step(least);
    }
    let fitting = TIME_STEPS.iter().find(|step| **step >= least);
    fitting.copied().unwrap_or_else(|| round_step(least))
}

/// The next of 1, 2, 5 times a power of ten.
fn round_step(least: f64) -> f64 {
    let mut power = 1e-9;
    while power * 10.0 <= least {
        power *= 10.0;
    }
    let steps = [power, 2.0 * power, 5.0 * power, 10.0 * power];
    steps.into_iter().find(|step| *step >= least * (1.0 - 1e-9)).unwrap_or(10.0 * power)
}

/// The last of 1, 2, 5 times a power of ten that is not above a number.
fn round_step_below(most: f64) -> f64 {
    round_numbers(round_step(most / 10.0)).take_while(|step| *step <= most * (1.0 + 1e-9)).last().unwrap_or(most)
}

/// 1, 2, 5 times powers of ten, from one of them on.
fn round_numbers(from: f64) -> impl Iterator<Item = f64> {
    std::iter::successors(Some(from), |step| Some(round_step(step * 1.5)))
}

fn time_label(seconds: f64, to_s: f64, step: f64) -> String {
    if to_s <= SECONDS_UP_TO {
        return number_label(seconds, step);
    }
    let whole = seconds.round() as i64;
    if to_s > MINUTES_UP_TO {
        return format!("{}:{:02}", whole / 3_600, whole / 60 % 60);
    }
    if step >= 1.0 {
        return format!("{}:{:02}", whole / 60, whole % 60);
    }
    // Part of a second, cut to as many decimals as the step has.
    let millis = (seconds * 1e3).round() as i64;
    let fraction = number_label((millis % 1_000) as f64 / 1e3, step);
    format!("{}:{:02}{}", millis / 60_000, millis / 1_000 % 60, fraction.trim_start_matches('0'))
}

/// A number with as many decimals as its step has.
fn number_label(value: f64, step: f64) -> String {
    let mut decimals = 0;
    let mut scaled = step;
    while decimals < 9 && (scaled - scaled.round()).abs() > 1e-6 {
        decimals += 1;
        scaled *= 10.0;
    }
    if decimals == 0 && value.abs() >= 1e3 { units::count(value.round() as u64) } else { format!("{value:.decimals$}") }
}

/// Values onto pixels, bottom to top (or left to right): from zero up, or by factors.
#[derive(Clone, Copy, Debug)]
pub(super) struct ValueScale {
    /// Where the scale ends: a round number not below the largest value.
    pub max: f64,
    step: f64,
    /// Where a logarithmic scale begins: a round number not above the least value.
    least: Option<f64>,
    /// Pixel where the scale begins: that of zero, unless it is logarithmic.
    pub zero: i32,
    /// Pixel of `max`.
    pub end: i32,
}

impl ValueScale {
    /// A scale for values up to `largest` with about `wanted` steps.
    pub fn new(largest: f64, wanted: f64, zero: i32, end: i32) -> Self {
        let largest = if largest.is_finite() && largest > 0.0 { largest } else { 1.0 };
        let step = round_step(largest / wanted);
        let max = (largest / step - 1e-9).ceil() * step;
        ValueScale { max, step, least: None, zero, end }
    }

    /// A logarithmic scale for values above zero.
    pub fn logarithmic(least: f64, largest: f64, zero: i32, end: i32) -> Self {
        let from = round_step_below(least);
        let max = round_step(largest.max(from * 2.0));
        ValueScale { max, step: 0.0, least: Some(from), zero, end }
    }

    /// Whether equal lengths are equal factors.
    pub fn is_logarithmic(&self) -> bool {
        self.least.is_some()
    }

    /// The pixel of a value.
    pub fn at(&self, value: f64) -> i32 {
        let share = match self.least {
            Some(least) => libm::log((value / least).max(1.0)) / libm::log(self.max / least),
            None => value / self.max,
        };
        let share = share.clamp(0.0, 1.0);
        self.zero + (share * f64::from(self.end - self.zero)).round() as i32
    }

    /// Ticks with their labels.
    pub fn ticks(&self) -> Vec<(i32, String)> {
        if let Some(least) = self.least {
            let numbers = round_numbers(least).take_while(|number| *number <= self.max * (1.0 + 1e-9));
            return numbers.map(|number| (self.at(number), number_label(number, number))).collect();
        }
        let count = (self.max / self.step).round() as i64;
        (0..=count)
            .map(|number| number as f64 * self.step)
            .map(|value| (self.at(value), number_label(value, self.step)))
            .collect()
    }

    /// Lines behind the data, labels left of it, and the title along the axis.
    pub fn draw_left(&self, canvas: &Canvas, left: i32, right: i32, title: &str) {
        let mut widest = 0;
        for (y, label) in self.ticks() {
            canvas.line(&[(left, y), (right, y)], GRID.to_rgba(), 1);
            let label = Label::new(label, 11).right();
            widest = widest.max(label.width());
            canvas.text((left - 6, y), &label);
        }
        let middle = (self.zero + self.end) / 2;
        let title = Label::new(title, 12).centered().upright().color(INK);
        canvas.text((left - 6 - widest - 14, middle), &title);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(from_s: f64, to_s: f64) -> Vec<String> {
        TimeScale { from_s, to_s, left: 0, right: 900 }.ticks().into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn time_is_labelled_as_people_say_it() {
        assert_eq!(labels(0.0, 60.0), ["0", "10", "20", "30", "40", "50", "60"]);
        assert_eq!(labels(0.0, 300.0), ["0:00", "1:00", "2:00", "3:00", "4:00", "5:00"]);
        assert_eq!(
            labels(0.0, 86_400.0),
            ["0:00", "3:00", "6:00", "9:00", "12:00", "15:00", "18:00", "21:00", "24:00"]
        );
        assert_eq!(labels(200.0, 202.0)[..3], ["3:20.0", "3:20.5", "3:21.0"]);
        assert_eq!(labels(-0.2, 1.0), ["-0.2", "0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(
            labels(0.0, 0.004),
            ["0.0000", "0.0005", "0.0010", "0.0015", "0.0020", "0.0025", "0.0030", "0.0035", "0.0040"]
        );
    }

    #[test]
    fn spans_are_never_narrower_than_a_pixel_and_never_outside() {
        let scale = TimeScale { from_s: 0.0, to_s: 3_600.0, left: 100, right: 1_000 };
        assert_eq!(scale.span(10.0, 10.001), (103, 104));
        assert_eq!(scale.span(3_600.0, 3_600.0), (999, 1_000));
        assert_eq!(scale.span(-5.0, 7_200.0), (100, 1_000));
    }

    #[test]
    fn what_lies_outside_is_not_shown() {
        let scale = TimeScale { from_s: 10.0, to_s: 20.0, left: 0, right: 100 };
        assert!(scale.shows(0.0, 30.0) && scale.shows(12.0, 12.0) && scale.shows(19.0, 25.0));
        assert!(!scale.shows(0.0, 10.0) && !scale.shows(20.0, 21.0) && !scale.shows(20.0, 20.0));
    }

    #[test]
    fn value_scales_end_at_a_round_number() {
        let scale = ValueScale::new(3_020.0, 5.0, 400, 0);
        let ticks: Vec<String> = scale.ticks().into_iter().map(|(_, label)| label).collect();
        assert_eq!(ticks, ["0", "1,000", "2,000", "3,000", "4,000"]);
        assert_eq!((scale.at(0.0), scale.at(4_000.0)), (400, 0));
        assert_eq!(ValueScale::new(0.0, 5.0, 400, 0).max, 1.0);
    }

    #[test]
    fn logarithmic_scales_begin_and_end_at_round_numbers() {
        let scale = ValueScale::logarithmic(370.0, 31_000.0, 400, 0);
        let ticks: Vec<String> = scale.ticks().into_iter().map(|(_, label)| label).collect();
        assert_eq!(ticks, ["200", "500", "1,000", "2,000", "5,000", "10,000", "20,000", "50,000"]);
        assert_eq!((scale.at(200.0), scale.at(0.0), scale.at(50_000.0)), (400, 400, 0));
        assert_eq!(ValueScale::logarithmic(1.0, 10.0, 400, 0).ticks().len(), 4, "1, 2, 5, 10");
    }
}
