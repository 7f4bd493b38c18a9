//! The front between two figures: every point that was tried, those that no other beats in both joined by steps, and the
//! chosen one marked.

use plotters::style::Color;

use super::axis::ValueScale;
use super::canvas::{Canvas, Label, draw, fit};
use super::palette::{BLUE, FADED, GRID, INK, VERMILION};
use super::plot::{Mark, Plot};
use super::sheet::{Head, Key, PLOT_RIGHT};

/// What a front shows. Both figures are better when smaller.
#[derive(Clone, Debug)]
pub struct Front<'a> {
    /// What is seen.
    pub title: &'a str,
    /// What was run.
    pub subtitle: &'a str,
    /// The figure from left to right.
    pub across: &'a str,
    /// The figure from bottom to top.
    pub up: &'a str,
    /// The points.
    pub points: Vec<FrontPoint>,
    /// A bound on the figure from left to right.
    pub bound: Option<f64>,
}

/// A point of a front.
#[derive(Clone, Debug, PartialEq)]
pub struct FrontPoint {
    /// Its place.
    pub at: (f64, f64),
    /// Its settings in short; shown for points of the front.
    pub name: String,
    /// Whether no other point beats it in both figures.
    pub on_front: bool,
    /// Whether it was chosen.
    pub is_chosen: bool,
}

const HEIGHT: i32 = 460;
const TEXT_SIZE: i32 = 12;
const AXIS_ROOM: i32 = 56;
/// More names than these can't be read beside each other.
const NAMED_MAX: usize = 12;

/// Draws it; `None` if there are no points.
pub fn chart(front: &Front) -> Option<String> {
    let largest = |of: fn(&FrontPoint) -> f64| front.points.iter().map(of).reduce(f64::max);
    let across = largest(|point| point.at.0)?.max(front.bound.unwrap_or(0.0));
    let up = largest(|point| point.at.1)?;
    let keys = vec![
        Key::marked(BLUE, Mark::Square, "on the front: no other point is as good in both"),
        Key::marked(VERMILION, Mark::Diamond, "chosen"),
        Key::marked(FADED, Mark::Cross, "beaten by another point"),
    ];
    let head = Head::of(front.title, front.subtitle, keys);
    let plot = Plot::below(&head, 8, HEIGHT, PLOT_RIGHT);
    let vertical = ValueScale::new(up, 6.0, plot.bottom, plot.top);
    let horizontal = ValueScale::new(across, 8.0, plot.left, plot.right);
    let (width, height) = plot.paper(AXIS_ROOM);
    let svg = draw(width, height, |canvas| {
        head.draw(canvas);
        vertical.draw_left(canvas, plot.left, plot.right, &fit(front.up, TEXT_SIZE, HEIGHT));
        bottom_axis(canvas, &horizontal, front.across, &plot);
        if let Some(bound) = front.bound {
            mark_bound(canvas, horizontal.at(bound), bound, &plot);
        }
        let place = |point: &FrontPoint| (horizontal.at(point.at.0), vertical.at(point.at.1));
        draw_steps(canvas, front, place);
        draw_points(canvas, front, place);
    });
    Some(svg)
}

fn bottom_axis(canvas: &Canvas, scale: &ValueScale, title: &str, plot: &Plot) {
    for (x, text) in scale.ticks() {
        canvas.line(&[(x, plot.top), (x, plot.bottom)], GRID.to_rgba(), 1);
        canvas.text((x, plot.bottom + 14), &Label::new(text, TEXT_SIZE - 1).centered());
    }
    plot.draw_bottom(canvas, title, 38);
}

fn mark_bound(canvas: &Canvas, x: i32, bound: f64, plot: &Plot) {
    canvas.dashed_upright(x, (plot.top, plot.bottom), INK.to_rgba(), (5, 4));
    let label = Label::new(format!("at most {bound}"), TEXT_SIZE).right();
    canvas.text_on_ground((x - 6, plot.top + 10), &label);
}

/// The border of what can be had: steps from one point of the front to the next.
fn draw_steps(canvas: &Canvas, front: &Front, place: impl Fn(&FrontPoint) -> (i32, i32)) {
    let mut corners: Vec<(i32, i32)> = front.points.iter().filter(|point| point.on_front).map(place).collect();
    corners.sort_unstable();
    for pair in corners.windows(2) {
        let [(x0, y0), (x1, y1)] = pair else { continue };
        canvas.line(&[(*x0, *y0), (*x1, *y0), (*x1, *y1)], BLUE.to_rgba(), 1);
    }
}

fn draw_points(canvas: &Canvas, front: &Front, place: impl Fn(&FrontPoint) -> (i32, i32)) {
    let mut ordered: Vec<&FrontPoint> = front.points.iter().collect();
    ordered.sort_by_key(|point| (point.is_chosen, point.on_front));
    let named = front.points.iter().filter(|point| point.on_front).count() <= NAMED_MAX;
    let mut taken: Vec<i32> = Vec::new();
    for point in ordered {
        let (x, y) = place(point);
        let (color, mark) = match (point.is_chosen, point.on_front) {
            (true, _) => (VERMILION, Mark::Diamond),
            (false, true) => (BLUE, Mark::Square),
            (false, false) => (FADED, Mark::Cross),
        };
        mark.draw(canvas, (x, y), color);
        if !(point.is_chosen || named && point.on_front) {
            continue;
        }
        let label = Label::new(fit(&point.name, TEXT_SIZE - 1, 460), TEXT_SIZE - 1);
        let (label, at) = beside(label, (x, y));
        if point.is_chosen || taken.iter().all(|other: &i32| (other - at.1).abs() >= TEXT_SIZE + 2) {
            canvas.text_on_ground(at, &label);
            taken.push(at.1);
        }
    }
}

/// Where a point of the front has its name: below it on the left, where no point lies, for that one would beat it; above
/// it on the right if the axis is too near.
fn beside(label: Label, (x, y): (i32, i32)) -> (Label, (i32, i32)) {
    match x - 10 - label.width() > Plot::LEFT {
        true => (label.right(), (x - 10, y + 12)),
        false => (label, (x + 10, y - 12)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::OutputFile;
    use crate::report::chart::tests::assert_legible;

    fn front(count: usize) -> Front<'static> {
        let point = |index: usize| {
            let x = (index + 1) as f64;
            let on_front = index.is_multiple_of(3);
            let at = (5.0 * x, 4_000.0 / x + if on_front { 0.0 } else { 700.0 });
            FrontPoint {
                at,
                name: format!("session.timeout.ms={}", 5_000 * (index + 1)),
                on_front,
                is_chosen: index == 3,
            }
        };
        Front {
            title: "What can be had",
            subtitle: "made up",
            across: "p95 of detection of a crash, s",
            up: "paused partition-seconds per day",
            points: (0..count).map(point).collect(),
            bound: Some(40.0),
        }
    }

    #[test]
    fn few_and_many_points_are_legible() {
        for count in [1, 4, 9, 60] {
            let svg = chart(&front(count)).expect("points");
            if let Some(folder) = std::env::var_os("CHARTS_TO") {
                std::fs::write(std::path::Path::new(&folder).join(format!("front-{count}.svg")), &svg)
                    .expect("written");
            }
            assert!(svg.contains("at most 40"));
            assert_legible(&OutputFile::new(format!("front-{count}.svg"), svg));
        }
    }

    #[test]
    fn nothing_tried_makes_no_chart() {
        assert_eq!(chart(&front(0)), None);
    }
}
