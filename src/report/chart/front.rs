//! The front between two figures: every point that was tried, those that no other beats in both joined by steps, and the
//! chosen one marked.

use plotters::style::Color;

use super::axis::ValueScale;
use super::canvas::{Canvas, Label, draw, fit};
use super::palette::{BLUE, FADED, GRID, INK, VERMILION};
use super::sheet::{EDGE, Head, Key, PLOT_RIGHT, WIDTH};

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

const LEFT: i32 = 120;
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
        Key::new(BLUE, "on the front: no other point is as good in both"),
        Key::new(VERMILION, "chosen"),
        Key::new(FADED, "beaten by another point"),
    ];
    let head = Head::of(front.title, front.subtitle, keys);
    let top = head.height() + 8;
    let bottom = top + HEIGHT;
    let vertical = ValueScale::new(up, 6.0, bottom, top);
    let horizontal = ValueScale::new(across, 8.0, LEFT, PLOT_RIGHT);
    let svg = draw(WIDTH, bottom + AXIS_ROOM + EDGE / 2, |canvas| {
        head.draw(canvas);
        vertical.draw_left(canvas, LEFT, PLOT_RIGHT, &fit(front.up, TEXT_SIZE, HEIGHT));
        bottom_axis(canvas, &horizontal, front.across, (top, bottom));
        if let Some(bound) = front.bound {
            mark_bound(canvas, horizontal.at(bound), bound, (top, bottom));
        }
        let place = |point: &FrontPoint| (horizontal.at(point.at.0), vertical.at(point.at.1));
        draw_steps(canvas, front, place);
        draw_points(canvas, front, place);
    });
    Some(svg)
}

fn bottom_axis(canvas: &Canvas, scale: &ValueScale, title: &str, (top, bottom): (i32, i32)) {
    for (x, text) in scale.ticks() {
        canvas.line(&[(x, top), (x, bottom)], GRID.to_rgba(), 1);
        canvas.text((x, bottom + 14), &Label::new(text, TEXT_SIZE - 1).centered());
    }
    canvas.line(&[(LEFT, bottom), (PLOT_RIGHT, bottom)], FADED.to_rgba(), 1);
    let title = Label::new(fit(title, TEXT_SIZE + 1, PLOT_RIGHT - LEFT), TEXT_SIZE + 1).centered();
    canvas.text(((LEFT + PLOT_RIGHT) / 2, bottom + 38), &title);
}

fn mark_bound(canvas: &Canvas, x: i32, bound: f64, (top, bottom): (i32, i32)) {
    canvas.dashed_upright(x, (top, bottom), INK.to_rgba(), (5, 4));
    let label = Label::new(format!("at most {bound}"), TEXT_SIZE).right();
    canvas.text_on_ground((x - 6, top + 10), &label);
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
        let (color, half) = match (point.is_chosen, point.on_front) {
            (true, _) => (VERMILION, 6),
            (false, true) => (BLUE, 4),
            (false, false) => (FADED, 3),
        };
        canvas.fill((x - half, y - half), (x + half, y + half), color.to_rgba());
        let is_free = taken.iter().all(|other| (other - (y - 12)).abs() >= TEXT_SIZE + 2);
        if point.is_chosen || (named && point.on_front && is_free) {
            let label = Label::new(fit(&point.name, TEXT_SIZE - 1, 460), TEXT_SIZE - 1);
            let label = if x + 10 + label.width() > PLOT_RIGHT { label.right() } else { label };
            let at = if x + 10 + label.width() > PLOT_RIGHT { x - 10 } else { x + 10 };
            canvas.text_on_ground((at, y - 12), &label);
            taken.push(y - 12);
        }
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
