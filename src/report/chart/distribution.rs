//! Distributions of many values as cumulative curves: which share of the rebalances (or pauses) took no longer than so
//! long. With 50, 90 and 99 % marked on each curve.

use plotters::style::{Color, RGBColor};

use crate::analysis::Histogram;
use crate::analysis::histogram::low_of;
use crate::report::units;

use super::axis::AXIS_HEIGHT;
use super::canvas::{Canvas, Label, draw};
use super::palette::{BLUE, FADED, GREEN, GRID, ORANGE, PURPLE, SKY_BLUE, VERMILION};
use super::sheet::{EDGE, Head, Key, PLOT_RIGHT, WIDTH};

/// Values under a name.
#[derive(Clone, Copy, Debug)]
pub struct Series<'a> {
    /// What the curve is called in the legend, for example the setting that was tried.
    pub name: &'a str,
    /// Spans of time, nanoseconds.
    pub values: &'a Histogram,
}

/// Colours of curves, in order; more curves than that are hard to tell apart in any colours.
const COLORS: [RGBColor; 6] = [BLUE, ORANGE, GREEN, PURPLE, SKY_BLUE, VERMILION];

const LEFT: i32 = 90;
const PLOT_HEIGHT: i32 = 420;
const TEXT_SIZE: i32 = 11;
const MARKS: [f64; 3] = [0.5, 0.9, 0.99];

/// The chart of some series; `axis` names what is measured, for example `rebalance latency`. Series without values are
/// left out; `None` if nothing is left.
pub fn chart(title: &str, subtitle: &str, axis: &str, series: &[Series]) -> Option<String> {
    let curves: Vec<Curve> =
        series.iter().zip(COLORS.into_iter().cycle()).filter_map(|(series, color)| Curve::of(series, color)).collect();
    let first = curves.first()?;
    let (least, largest) = curves.iter().fold((first.least, first.largest), |(least, largest), curve| {
        (least.min(curve.least), largest.max(curve.largest))
    });
    let scale = Scale::new(least, largest);
    let head = Head::of(title, subtitle, curves.iter().map(Curve::key).collect());
    let top = head.height() + 10;
    let bottom = top + PLOT_HEIGHT;
    let y = |share: f64| bottom - (share * f64::from(PLOT_HEIGHT)).round() as i32;
    let svg = draw(WIDTH, bottom + AXIS_HEIGHT + EDGE / 2, |canvas| {
        head.draw(canvas);
        axes(canvas, &scale, axis, (top, bottom), y);
        for curve in &curves {
            curve.draw(canvas, &scale, y);
        }
        for curve in &curves {
            curve.mark(canvas, &scale, y, curves.len() == 1);
        }
    });
    Some(svg)
}

fn axes(canvas: &Canvas, scale: &Scale, title: &str, (top, bottom): (i32, i32), y: impl Fn(f64) -> i32) {
    for (x, label) in scale.ticks() {
        canvas.line(&[(x, top), (x, bottom)], GRID.to_rgba(), 1);
        canvas.text((x, bottom + 13), &Label::new(label, TEXT_SIZE).centered());
    }
    for percent in [0, 25, 50, 75, 90, 99] {
        let at = y(f64::from(percent) / 100.0);
        canvas.line(&[(LEFT, at), (PLOT_RIGHT, at)], GRID.to_rgba(), 1);
        canvas.text((LEFT - 8, at), &Label::new(format!("{percent} %"), TEXT_SIZE).right());
    }
    canvas.line(&[(LEFT, bottom), (PLOT_RIGHT, bottom)], FADED.to_rgba(), 1);
    let middle = (LEFT + PLOT_RIGHT) / 2;
    let remark = if scale.is_logarithmic { " (logarithmic scale)" } else { "" };
    canvas.text((middle, bottom + 31), &Label::new(format!("{title}{remark}"), TEXT_SIZE + 1).centered());
    let share = Label::new("share that took no longer", TEXT_SIZE + 1).centered().upright();
    canvas.text((LEFT - 60, (top + bottom) / 2), &share);
}

/// A cumulative curve: values in seconds with the share of values up to them.
struct Curve<'a> {
    name: &'a str,
    color: RGBColor,
    count: u64,
    least: f64,
    largest: f64,
    steps: Vec<(f64, f64)>,
    marks: Vec<(f64, f64)>,
}

impl<'a> Curve<'a> {
    fn of(series: &Series<'a>, color: RGBColor) -> Option<Self> {
        const NANOS: f64 = 1e-9;
        let values = series.values;
        let (least, largest) = (values.min()?, values.max()?);
        let mut seen = 0;
        let steps = values.buckets().map(|(bucket, count)| {
            seen += count;
            let value = low_of(bucket).clamp(least, largest);
            (value as f64 * NANOS, seen as f64 / values.count() as f64)
        });
        let steps = steps.collect();
        let mark = |share: f64| Some((share, values.quantile(share)? as f64 * NANOS));
        Some(Curve {
            name: series.name,
            color,
            count: values.count(),
            least: least as f64 * NANOS,
            largest: largest as f64 * NANOS,
            steps,
            marks: MARKS.into_iter().filter_map(mark).collect(),
        })
    }

    fn draw(&self, canvas: &Canvas, scale: &Scale, y: impl Fn(f64) -> i32) {
        let mut points = vec![(scale.x(self.least), y(0.0))];
        let mut before = 0.0;
        for (value, share) in &self.steps {
            let x = scale.x(*value);
            points.extend([(x, y(before)), (x, y(*share))]);
            before = *share;
        }
        points.push((scale.right, y(1.0)));
        points.dedup();
        canvas.line(&points, self.color.to_rgba(), 2);
    }

    /// Points at 50, 90 and 99 %; a curve that is alone has room for their values, right below them.
    fn mark(&self, canvas: &Canvas, scale: &Scale, y: impl Fn(f64) -> i32, is_alone: bool) {
        for (share, value) in &self.marks {
            let (x, at) = (scale.x(*value), y(*share));
            canvas.fill((x - 3, at - 3), (x + 4, at + 4), self.color.to_rgba());
            let text = format!("{} within {}", units::percent(*share), units::span(*value));
            let label = Label::new(text, TEXT_SIZE).bold();
            if is_alone && x + 8 + label.width() <= PLOT_RIGHT {
                canvas.text_on_ground((x + 8, at + 14), &label);
            }
        }
    }

    /// What the legend says: name, number of values, and the values at the marks.
    fn key(&self) -> Key {
        let quantile =
            |(share, value): &(f64, f64)| format!("{} within {}", units::percent(*share), units::span(*value));
        let quantiles = self.marks.iter().map(quantile).collect::<Vec<_>>().join(", ");
        Key::new(self.color, format!("{}: {}, {quantiles}", self.name, units::counted(self.count, "value", "values")))
    }
}

/// Seconds onto pixels, logarithmic where values differ by orders of magnitude.
struct Scale {
    is_logarithmic: bool,
    from: f64,
    to: f64,
    right: i32,
}

impl Scale {
    fn new(least: f64, largest: f64) -> Self {
        // Below a microsecond there is nothing to tell apart.
        let least = least.max(1e-6);
        let largest = largest.max(least * 1.001);
        let is_logarithmic = largest / least > 30.0;
        let (from, to) = if is_logarithmic { (least / 1.2, largest * 1.2) } else { (0.0, largest * 1.05) };
        Scale { is_logarithmic, from, to, right: PLOT_RIGHT }
    }

    fn x(&self, seconds: f64) -> i32 {
        let share = match self.is_logarithmic {
            true => libm::log(seconds.max(self.from) / self.from) / libm::log(self.to / self.from),
            false => seconds / self.to,
        };
        LEFT + (share.clamp(0.0, 1.0) * f64::from(self.right - LEFT)).round() as i32
    }

    fn ticks(&self) -> Vec<(i32, String)> {
        let values = if self.is_logarithmic { self.round_values() } else { self.even_values() };
        let inside = values.into_iter().filter(|value| (self.from..=self.to).contains(value));
        inside.map(|value| (self.x(value), units::span(value))).collect()
    }

    /// Values that people read on a clock, so few that their labels have room.
    fn round_values(&self) -> Vec<f64> {
        const ALL: [f64; 27] = [
            1e-6, 1e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0,
            60.0, 120.0, 300.0, 600.0, 1_800.0, 3_600.0, 36_000.0, 360_000.0,
        ];
        let mut chosen: Vec<f64> = Vec::new();
        for value in ALL {
            if chosen.last().is_none_or(|last| self.x(value) - self.x(*last) >= 60) {
                chosen.push(value);
            }
        }
        chosen
    }

    fn even_values(&self) -> Vec<f64> {
        const STEPS: [f64; 16] =
            [1e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0];
        let least = self.to / 12.0;
        let step = STEPS.into_iter().chain([10.0, 30.0, 60.0, 300.0, 600.0, 3_600.0]).find(|step| *step >= least);
        let step = step.unwrap_or(least);
        (0..=(self.to / step).floor() as u32).map(|number| f64::from(number) * step).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::RandomStream;

    fn histogram(median: u64, purpose: &str) -> Histogram {
        let mut stream = RandomStream::new(1, "fixture", purpose);
        let mut histogram = Histogram::default();
        for _ in 0..2_000 {
            histogram.record(median / 4 + (median as f64 * 1.5 * stream.next_f64() * stream.next_f64()) as u64);
        }
        histogram
    }

    #[test]
    fn a_curve_rises_from_zero_to_one() {
        let values = histogram(3_000_000_000, "one");
        let curve = Curve::of(&Series { name: "one", values: &values }, BLUE).expect("values");
        assert!(curve.steps.windows(2).all(|pair| pair[0].0 <= pair[1].0 && pair[0].1 < pair[1].1));
        assert_eq!(curve.steps.last().expect("steps").1, 1.0);
    }

    #[test]
    fn nothing_is_drawn_without_values() {
        let none = Histogram::default();
        assert_eq!(chart("title", "", "latency", &[Series { name: "none", values: &none }]), None);
    }

    #[test]
    fn one_and_many_series_can_be_looked_at() {
        let (quick, slow) = (histogram(40_000_000, "quick"), histogram(9_000_000_000, "slow"));
        let [quick, slow] =
            [("session 6 s", &quick), ("session 45 s", &slow)].map(|(name, values)| Series { name, values });
        for (name, series) in [("one", vec![slow]), ("two", vec![quick, slow])] {
            let svg =
                chart("Rebalance latency", "made up, seeds 1 to 100", "rebalance latency", &series).expect("values");
            assert!(svg.ends_with("</svg>\n"));
            if let Some(folder) = std::env::var_os("CHARTS_TO") {
                std::fs::write(std::path::Path::new(&folder).join(format!("cdf-{name}.svg")), svg).expect("written");
            }
        }
    }
}
