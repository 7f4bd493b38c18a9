//! A claim under its conditions: one figure, a point with its 95 % interval for each variant under each condition, and the
//! claimed value where one is claimed.

use plotters::style::{Color, RGBColor};

use super::axis::ValueScale;
use super::canvas::{Canvas, Label, draw, fit, fold};
use super::palette::{BLUE, FADED, GRID, VERMILION};
use super::sheet::{EDGE, Head, Key, PLOT_RIGHT, WIDTH};
use super::tradeoff::Point;

/// What the chart of a claim shows.
#[derive(Clone, Debug)]
pub struct ClaimChart<'a> {
    /// What is seen.
    pub title: &'a str,
    /// What was run.
    pub subtitle: &'a str,
    /// The figure.
    pub figure: &'a str,
    /// What the conditions differ in.
    pub along: &'a str,
    /// Names of the conditions, from left to right.
    pub conditions: Vec<&'a str>,
    /// The variants.
    pub variants: Vec<ClaimSeries<'a>>,
    /// The claimed value under each condition, least and largest.
    pub claimed: Vec<Option<[f64; 2]>>,
}

/// One variant under all conditions.
#[derive(Clone, Debug)]
pub struct ClaimSeries<'a> {
    /// Its name.
    pub name: &'a str,
    /// Value and interval under each condition.
    pub points: Vec<Option<Point>>,
}

const LEFT: i32 = 120;
const HEIGHT: i32 = 400;
const TEXT_SIZE: i32 = 12;
const LINE_HEIGHT: i32 = 15;
/// Lines that the name of a condition may take.
const NAME_LINES: usize = 3;
const COLORS: [RGBColor; 2] = [VERMILION, BLUE];
/// From one variant to the next under the same condition.
const ASIDE: i32 = 18;

/// Draws it; `None` if no variant has a value.
pub fn chart(claim: &ClaimChart) -> Option<String> {
    let ends = |point: &Point| point.interval.map_or(point.value, |(_, high)| high.max(point.value));
    let measured = claim.variants.iter().flat_map(|series| series.points.iter().flatten().map(ends));
    let bounds = claim.claimed.iter().flatten().map(|claimed| claimed[1]);
    let largest = measured.reduce(f64::max)?;
    let largest = bounds.fold(largest, f64::max);
    let mut keys: Vec<Key> =
        claim.variants.iter().zip(COLORS).map(|(series, color)| Key::new(color, series.name)).collect();
    if claim.claimed.iter().any(Option::is_some) {
        keys.push(Key::new(GRID, "claimed"));
    }
    let head = Head::of(claim.title, claim.subtitle, keys);
    let top = head.height() + 8;
    let bottom = top + HEIGHT;
    let scale = ValueScale::new(largest, 6.0, bottom, top);
    let room = (PLOT_RIGHT - LEFT) / claim.conditions.len().max(1) as i32;
    let middle = |index: usize| LEFT + room * index as i32 + room / 2;
    let svg = draw(WIDTH, bottom + 34 + NAME_LINES as i32 * LINE_HEIGHT + EDGE, |canvas| {
        head.draw(canvas);
        for (index, claimed) in claim.claimed.iter().enumerate() {
            if let Some([least, most]) = claimed {
                band(canvas, &scale, middle(index), room, (*least, *most));
            }
        }
        scale.draw_left(canvas, LEFT, PLOT_RIGHT, &fit(claim.figure, TEXT_SIZE, HEIGHT));
        names(canvas, claim, bottom, room, middle);
        for (number, (series, color)) in claim.variants.iter().zip(COLORS).enumerate() {
            let aside = ASIDE * number as i32 - ASIDE * (claim.variants.len() as i32 - 1) / 2;
            for (index, point) in series.points.iter().enumerate() {
                if let Some(point) = point {
                    draw_point(canvas, &scale, middle(index) + aside, point, color);
                }
            }
        }
    });
    Some(svg)
}

/// Where the claimed value lies; a line at least.
fn band(canvas: &Canvas, scale: &ValueScale, middle: i32, room: i32, (least, most): (f64, f64)) {
    let (low, high) = (scale.at(least), scale.at(most));
    let (low, high) = if low - high < 4 { (low + 2, high - 2) } else { (low, high) };
    canvas.fill((middle - room * 2 / 5, high), (middle + room * 2 / 5, low), GRID.to_rgba());
}

fn names(canvas: &Canvas, claim: &ClaimChart, bottom: i32, room: i32, middle: impl Fn(usize) -> i32) {
    canvas.line(&[(LEFT, bottom), (PLOT_RIGHT, bottom)], FADED.to_rgba(), 1);
    for (index, name) in claim.conditions.iter().enumerate() {
        for (line, text) in fold(name, TEXT_SIZE, room - 8).iter().take(NAME_LINES).enumerate() {
            let y = bottom + 14 + line as i32 * LINE_HEIGHT;
            canvas.text((middle(index), y), &Label::new(text.as_str(), TEXT_SIZE).centered());
        }
    }
    let y = bottom + 22 + NAME_LINES as i32 * LINE_HEIGHT;
    let title = Label::new(fit(claim.along, TEXT_SIZE + 1, PLOT_RIGHT - LEFT), TEXT_SIZE + 1).centered();
    canvas.text(((LEFT + PLOT_RIGHT) / 2, y), &title.color(FADED));
}

fn draw_point(canvas: &Canvas, scale: &ValueScale, x: i32, point: &Point, color: RGBColor) {
    let y = scale.at(point.value);
    if let Some((low, high)) = point.interval {
        let (low, high) = (scale.at(low.max(0.0)), scale.at(high));
        canvas.line(&[(x, low), (x, high)], color.to_rgba(), 2);
        for end in [low, high] {
            canvas.line(&[(x - 5, end), (x + 5, end)], color.to_rgba(), 2);
        }
    }
    canvas.fill((x - 5, y - 5), (x + 5, y + 5), color.to_rgba());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::OutputFile;
    use crate::report::chart::tests::assert_legible;

    fn claim(count: usize, names: &[String]) -> ClaimChart<'_> {
        let point = |value: f64| Some(Point { value, interval: Some((value * 0.8, value * 1.2)) });
        let points = |times: f64| (0..count).map(|index| point(times * (index + 1) as f64)).collect();
        ClaimChart {
            title: "Static membership removes rebalances on deploys",
            subtitle: "made up",
            figure: "rebalances per hour",
            along: "restart of a process",
            conditions: names.iter().map(String::as_str).collect(),
            variants: vec![
                ClaimSeries { name: "dynamic", points: points(10.0) },
                ClaimSeries { name: "static", points: points(4.0) },
            ],
            claimed: vec![None; count],
        }
    }

    #[test]
    fn one_condition_and_many_are_legible() {
        for count in [1, 3, 8] {
            let names: Vec<String> =
                (1..=count).map(|number| format!("restart of {number}0 s, one at a time")).collect();
            let mut claim = claim(count, &names);
            claim.claimed[0] = Some([9.0, 11.0]);
            let svg = chart(&claim).expect("values");
            if let Some(folder) = std::env::var_os("CHARTS_TO") {
                std::fs::write(std::path::Path::new(&folder).join(format!("claim-{count}.svg")), &svg)
                    .expect("written");
            }
            assert_legible(&OutputFile::new(format!("claim-{count}.svg"), svg));
        }
    }
}
