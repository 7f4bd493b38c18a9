//! Trade-off curves: what a setting buys and what it costs. One setting from left to right, two figures on two axes, each
//! with its 95 % intervals, and the knee, from where on a little of the one costs much of the other.

use plotters::style::{Color, RGBColor};

use super::axis::ValueScale;
use super::canvas::{Canvas, Label, draw, fit};
use super::palette::{BLUE, FADED, INK, VERMILION};
use super::plot::{Mark, Plot, Point};
use super::sheet::{Head, Key, PLOT_RIGHT};

/// What a trade-off shows.
#[derive(Clone, Debug)]
pub struct Tradeoff<'a> {
    /// What is seen.
    pub title: &'a str,
    /// What was run, and what other settings are held at.
    pub subtitle: &'a str,
    /// Name of the setting.
    pub setting: &'a str,
    /// Its values, from left to right, evenly spaced.
    pub values: Vec<&'a str>,
    /// The figure on the left axis.
    pub left: Curve<'a>,
    /// The figure on the right axis.
    pub right: Curve<'a>,
    /// Index of the knee.
    pub knee: Option<usize>,
}

/// One figure over the setting.
#[derive(Clone, Debug)]
pub struct Curve<'a> {
    /// What it is, with its unit.
    pub title: &'a str,
    /// Its value at each value of the setting; `None` where there is none.
    pub points: Vec<Option<Point>>,
}

const RIGHT: i32 = PLOT_RIGHT - 96;
const HEIGHT: i32 = 420;
const TEXT_SIZE: i32 = 12;
const AXIS_ROOM: i32 = 56;

/// Draws it; `None` if one of the figures has no values.
pub fn chart(tradeoff: &Tradeoff) -> Option<String> {
    let (largest_left, largest_right) = (tradeoff.left.largest()?, tradeoff.right.largest()?);
    let keys = vec![
        Key::marked(BLUE, Mark::Square, format!("{} (left axis)", tradeoff.left.title)),
        Key::marked(VERMILION, Mark::Diamond, format!("{} (right axis)", tradeoff.right.title)),
    ];
    let head = Head::of(tradeoff.title, tradeoff.subtitle, keys);
    let plot = Plot::below(&head, 22, HEIGHT, RIGHT);
    let [left, right] =
        [largest_left, largest_right].map(|largest| ValueScale::new(largest, 6.0, plot.bottom, plot.top));
    let x = |index: usize| {
        let gaps = tradeoff.values.len().saturating_sub(1).max(1) as i32;
        plot.left + 36 + (plot.width() - 72) * index as i32 / gaps
    };
    let (width, height) = plot.paper(AXIS_ROOM);
    let svg = draw(width, height, |canvas| {
        head.draw(canvas);
        left.draw_left(canvas, plot.left, plot.right, &fit(tradeoff.left.title, TEXT_SIZE, HEIGHT));
        right_axis(canvas, &right, tradeoff.right.title);
        bottom_axis(canvas, tradeoff, &plot, x);
        if let Some(knee) = tradeoff.knee {
            mark_knee(canvas, tradeoff.values[knee], x(knee), &plot);
        }
        draw_curve(canvas, &tradeoff.left, &left, (BLUE, Mark::Square), |index| x(index) - 2);
        draw_curve(canvas, &tradeoff.right, &right, (VERMILION, Mark::Diamond), |index| x(index) + 2);
    });
    Some(svg)
}

impl Curve<'_> {
    /// The largest value or end of an interval.
    fn largest(&self) -> Option<f64> {
        self.points.iter().flatten().map(Point::highest).reduce(f64::max)
    }
}

fn right_axis(canvas: &Canvas, scale: &ValueScale, title: &str) {
    let mut widest = 0;
    for (y, text) in scale.ticks() {
        let label = Label::new(text, TEXT_SIZE - 1);
        widest = widest.max(label.width());
        canvas.text((RIGHT + 6, y), &label);
    }
    let middle = (scale.zero + scale.end) / 2;
    let title = Label::new(fit(title, TEXT_SIZE, HEIGHT), TEXT_SIZE).centered().upright().color(INK);
    canvas.text((RIGHT + 6 + widest + 14, middle), &title);
}

fn bottom_axis(canvas: &Canvas, tradeoff: &Tradeoff, plot: &Plot, x: impl Fn(usize) -> i32) {
    let gap = if tradeoff.values.len() > 1 { x(1) - x(0) } else { plot.width() };
    let every = (44 / gap.max(1) + 1) as usize;
    for (index, value) in tradeoff.values.iter().enumerate().step_by(every) {
        canvas.line(&[(x(index), plot.bottom), (x(index), plot.bottom + 4)], FADED.to_rgba(), 1);
        let text = fit(value, TEXT_SIZE - 1, gap * every as i32 - 4);
        canvas.text((x(index), plot.bottom + 14), &Label::new(text, TEXT_SIZE - 1).centered());
    }
    plot.draw_bottom(canvas, tradeoff.setting, 38);
}

fn mark_knee(canvas: &Canvas, value: &str, x: i32, plot: &Plot) {
    canvas.dashed_upright(x, (plot.top, plot.bottom), INK.to_rgba(), (5, 4));
    let label = Label::new(format!("knee: {value}"), TEXT_SIZE).bold();
    let at = x.clamp(plot.left + label.width() / 2, plot.right - label.width() / 2);
    canvas.text((at, plot.top - 11), &label.centered());
}

/// Points with their intervals, joined where neighbours have values. The two curves stand a little beside each other, so
/// that one interval does not hide the other.
fn draw_curve(
    canvas: &Canvas,
    curve: &Curve,
    scale: &ValueScale,
    (color, mark): (RGBColor, Mark),
    x: impl Fn(usize) -> i32,
) {
    let points: Vec<(usize, Point)> =
        curve.points.iter().enumerate().filter_map(|(index, point)| Some((index, (*point)?))).collect();
    for pair in points.windows(2) {
        let [(a, from), (b, to)] = pair else { continue };
        if b - a == 1 {
            let place = |index: usize, value: f64| (x(index), scale.at(value));
            canvas.line(&[place(*a, from.value), place(*b, to.value)], color.to_rgba(), 2);
        }
    }
    for (index, point) in &points {
        point.draw(canvas, x(*index), |value| scale.at(value), color, mark);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::OutputFile;
    use crate::report::chart::tests::assert_legible;

    fn curve(title: &'static str, values: impl Iterator<Item = f64>) -> Curve<'static> {
        let point = |value: f64| Some(Point { value, interval: Some((value * 0.8, value * 1.3)) });
        Curve { title, points: values.map(point).collect() }
    }

    fn tradeoff(count: usize, names: &[String]) -> Tradeoff<'_> {
        let x = move |index: usize| (index + 1) as f64;
        Tradeoff {
            title: "What session.timeout.ms buys and costs",
            subtitle: "made up, 30 runs per point, held: heartbeat.interval.ms = 3000",
            setting: "session.timeout.ms",
            values: names.iter().map(String::as_str).collect(),
            left: curve("false expulsions per day", (0..count).map(move |index| 900.0 / x(index) / x(index))),
            right: curve("p95 of detection of a crash, s", (0..count).map(move |index| 6.0 * x(index))),
            knee: (count > 2).then_some(count / 3),
        }
    }

    #[test]
    fn few_and_many_points_are_legible() {
        for count in [1, 2, 6, 40] {
            let names: Vec<String> = (1..=count).map(|number| (number * 6_000).to_string()).collect();
            let svg = chart(&tradeoff(count, &names)).expect("values");
            if let Some(folder) = std::env::var_os("CHARTS_TO") {
                std::fs::write(std::path::Path::new(&folder).join(format!("trade-{count}.svg")), &svg)
                    .expect("written");
            }
            assert_eq!(svg.contains("knee:"), count > 2);
            assert_legible(&OutputFile::new(format!("trade-{count}.svg"), svg));
        }
    }

    #[test]
    fn a_figure_without_values_leaves_nothing_to_trade() {
        let names = ["6000".to_string(), "9000".to_string()];
        let mut nothing = tradeoff(2, &names);
        nothing.right.points = vec![None, None];
        assert_eq!(chart(&nothing), None);
    }
}
