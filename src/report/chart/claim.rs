//! A claim under its conditions: one figure, a point with its 95 % interval for each variant under each condition, and the
//! claimed value where one is claimed. Conditions of a series stand together under its name.

use plotters::style::{Color, RGBColor};

use super::axis::ValueScale;
use super::canvas::{Canvas, Label, draw, fit, fold};
use super::palette::{BLUE, FADED, GREEN, GRID, INK, ORANGE, PURPLE, VERMILION};
use super::plot::{Mark, Plot, Point};
use super::sheet::{Head, Key, PLOT_RIGHT};

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
    /// The conditions, from left to right.
    pub conditions: Vec<Place<'a>>,
    /// The variants.
    pub variants: Vec<ClaimSeries<'a>>,
}

/// A condition.
#[derive(Clone, Debug)]
pub struct Place<'a> {
    /// Its name.
    pub name: &'a str,
    /// The series that it belongs to.
    pub series: Option<&'a str>,
    /// The claimed value, least and largest.
    pub claimed: Option<[f64; 2]>,
}

/// One variant under all conditions.
#[derive(Clone, Debug)]
pub struct ClaimSeries<'a> {
    /// Its name.
    pub name: &'a str,
    /// Whether it is the one that the claim is about.
    pub is_judged: bool,
    /// Value and interval under each condition.
    pub points: Vec<Option<Point>>,
}

const HEIGHT: i32 = 400;
const TEXT_SIZE: i32 = 12;
const LINE_HEIGHT: i32 = 15;
/// Lines that the name of a condition may take.
const NAME_LINES: usize = 3;
/// The judged variant has the first one; the others take theirs in turn.
const COLORS: [RGBColor; 5] = [BLUE, VERMILION, GREEN, ORANGE, PURPLE];
/// From one variant to the next under the same condition, at most.
const ASIDE: i32 = 18;
/// Values that differ by more than this factor stand on a logarithmic scale.
const LINEAR_UP_TO: f64 = 30.0;

/// Draws it; `None` if no variant has a value.
pub fn chart(claim: &ClaimChart) -> Option<String> {
    let styles = styles(claim);
    let mut keys: Vec<Key> = claim.variants.iter().zip(&styles).map(|(series, style)| style.key(series)).collect();
    if claim.conditions.iter().any(|place| place.claimed.is_some()) {
        keys.push(Key::new(GRID, "claimed"));
    }
    let head = Head::of(claim.title, claim.subtitle, keys);
    let has_series = claim.conditions.iter().any(|place| place.series.is_some());
    let plot = Plot::below(&head, if has_series { 30 } else { 8 }, HEIGHT, PLOT_RIGHT);
    let scale = scale(claim, &plot)?;
    let room = plot.width() / claim.conditions.len().max(1) as i32;
    let middle = |index: usize| plot.left + room * index as i32 + room / 2;
    let below = NAME_LINES as i32 * LINE_HEIGHT + 22;
    let (width, height) = plot.paper(below + 18);
    let svg = draw(width, height, |canvas| {
        head.draw(canvas);
        for (index, place) in claim.conditions.iter().enumerate() {
            if let Some([least, most]) = place.claimed {
                band(canvas, &scale, middle(index), room, (least, most));
            }
        }
        let unit = if scale.is_logarithmic() { " (logarithmic scale)" } else { "" };
        scale.draw_left(canvas, plot.left, plot.right, &fit(&format!("{}{unit}", claim.figure), TEXT_SIZE, HEIGHT));
        names(canvas, claim, &plot, room, middle);
        plot.draw_bottom(canvas, claim.along, below);
        for (number, (series, style)) in claim.variants.iter().zip(&styles).enumerate() {
            let aside = aside(number, claim.variants.len(), room);
            for (index, point) in series.points.iter().enumerate() {
                if let Some(point) = point {
                    point.draw(canvas, middle(index) + aside, |value| scale.at(value), style.color, style.mark);
                }
            }
        }
    });
    Some(svg)
}

/// How a variant is drawn.
struct Style {
    color: RGBColor,
    mark: Mark,
}

impl Style {
    fn key(&self, series: &ClaimSeries) -> Key {
        let claimed = if series.is_judged { " (the claim)" } else { "" };
        Key::marked(self.color, self.mark, format!("{}{claimed}", series.name))
    }
}

fn styles(claim: &ClaimChart) -> Vec<Style> {
    let mut others = 0;
    let style = |series: &ClaimSeries| {
        let number = if series.is_judged { 0 } else { others % (COLORS.len() - 1) + 1 };
        others += usize::from(!series.is_judged);
        Style { color: COLORS[number], mark: Mark::of(number) }
    };
    claim.variants.iter().map(style).collect()
}

fn scale(claim: &ClaimChart, plot: &Plot) -> Option<ValueScale> {
    let points = || claim.variants.iter().flat_map(|series| series.points.iter().flatten());
    let bounds = || claim.conditions.iter().filter_map(|place| place.claimed);
    let measured = points().map(Point::highest).reduce(f64::max)?;
    let largest = bounds().map(|claimed| claimed[1]).fold(measured, f64::max);
    let least = points().map(|point| point.value).chain(bounds().map(|claimed| claimed[0])).reduce(f64::min)?;
    Some(match least > 0.0 && largest / least > LINEAR_UP_TO {
        true => ValueScale::logarithmic(least, largest, plot.bottom, plot.top),
        false => ValueScale::new(largest, 6.0, plot.bottom, plot.top),
    })
}

/// Pixels from the middle of a condition to one of so many variants.
fn aside(number: usize, variants: usize, room: i32) -> i32 {
    let step = ASIDE.min((room - 12) / variants.max(1) as i32);
    step * number as i32 - step * (variants as i32 - 1) / 2
}

/// Where the claimed value lies; a line at least.
fn band(canvas: &Canvas, scale: &ValueScale, middle: i32, room: i32, (least, most): (f64, f64)) {
    let (low, high) = (scale.at(least), scale.at(most));
    let (low, high) = if low - high < 4 { (low + 2, high - 2) } else { (low, high) };
    canvas.fill((middle - room * 2 / 5, high), (middle + room * 2 / 5, low), GRID.to_rgba());
}

/// Names of the conditions below, of their series above, and lines between series.
fn names(canvas: &Canvas, claim: &ClaimChart, plot: &Plot, room: i32, middle: impl Fn(usize) -> i32) {
    for (index, place) in claim.conditions.iter().enumerate() {
        for (line, text) in fold(place.name, TEXT_SIZE, room - 8).iter().take(NAME_LINES).enumerate() {
            let y = plot.bottom + 14 + line as i32 * LINE_HEIGHT;
            canvas.text((middle(index), y), &Label::new(text.as_str(), TEXT_SIZE).centered());
        }
    }
    let mut first = 0;
    for series in claim.conditions.chunk_by(|a, b| a.series == b.series) {
        let (left, right) = (middle(first) - room / 2, middle(first + series.len() - 1) + room / 2);
        if first > 0 {
            canvas.line(&[(left, plot.top - 22), (left, plot.bottom)], FADED.to_rgba(), 1);
        }
        let name = fit(series[0].series.unwrap_or_default(), TEXT_SIZE, right - left - 8);
        canvas.text(((left + right) / 2, plot.top - 14), &Label::new(name, TEXT_SIZE).bold().centered().color(INK));
        first += series.len();
    }
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
            conditions: names.iter().map(|name| Place { name, series: None, claimed: None }).collect(),
            variants: vec![
                ClaimSeries { name: "dynamic", is_judged: false, points: points(10.0) },
                ClaimSeries { name: "static", is_judged: true, points: points(4.0) },
            ],
        }
    }

    fn assert_chart_legible(name: &str, svg: String) {
        if let Some(folder) = std::env::var_os("CHARTS_TO") {
            std::fs::write(std::path::Path::new(&folder).join(name), &svg).expect("written");
        }
        assert_legible(&OutputFile::new(name, svg));
    }

    #[test]
    fn one_condition_and_many_are_legible() {
        for count in [1, 3, 8] {
            let names: Vec<String> =
                (1..=count).map(|number| format!("restart of {number}0 s, one at a time")).collect();
            let mut claim = claim(count, &names);
            claim.conditions[0].claimed = Some([9.0, 11.0]);
            assert_chart_legible(&format!("claim-{count}.svg"), chart(&claim).expect("values"));
        }
    }

    #[test]
    fn five_variants_in_three_series_are_legible_and_told_apart_by_shape() {
        let names: Vec<String> =
            (0..15).map(|number| ["10", "30", "100", "300", "1000"][number % 5].to_string()).collect();
        let mut claim = claim(15, &names);
        let series = ["6 members, short batches", "50 members, short batches", "50 members, batches of 10 s"];
        for (index, place) in claim.conditions.iter_mut().enumerate() {
            place.series = Some(series[index / 5]);
        }
        let point = |value: f64| Some(Point { value, interval: Some((value * 0.8, value * 1.2)) });
        claim.variants = ["6 s", "10 s", "30 s", "45 s", "120 s"]
            .into_iter()
            .enumerate()
            .map(|(number, name)| ClaimSeries {
                name,
                is_judged: number == 3,
                points: (0..15).map(|index| point(10.0 * libm::pow(2.0, (index + number) as f64 / 2.0))).collect(),
            })
            .collect();
        let svg = chart(&claim).expect("values");
        assert!(svg.contains("logarithmic scale") && svg.contains("45 s (the claim)"), "{svg}");
        assert!(svg.matches("<polygon").count() >= 3 * 15, "diamonds and triangles");
        assert_chart_legible("claim-series.svg", svg);
    }
}
