//! Recorded against simulated: how far each replayed time is off, and where recorded values lie among those of many runs.

use plotters::style::{Color, RGBColor};

use crate::conformance::live::{Figure, Quantity, Tolerance, Verdict};

use super::axis::{AXIS_HEIGHT, TimeScale};
use super::canvas::{Canvas, Label, draw, fit};
use super::palette::{BLUE, FADED, GREEN, GRID, INK, ORANGE, PURPLE, SKY_BLUE, VERMILION, YELLOW};
use super::sheet::{EDGE, Head, Key, PLOT_RIGHT, WIDTH};

/// Where plots begin: names of scenarios stand to the left.
const LEFT: i32 = 250;
const TEXT_SIZE: i32 = 11;

/// Height of the plot of differences.
const DIFFERENCES_HEIGHT: i32 = 300;
/// Differences beyond this lie on the edge of the plot, ms.
const DIFFERENCE_SHOWN_MAX: f64 = 400.0;

/// Height of a scenario's row.
const ROW_HEIGHT: i32 = 16;

/// The figure of the second plot: the end of the whole affair.
const FIGURE: &str = "settled";
/// What stands for it where nothing had to settle.
const FIGURE_ELSE: &str = "longest unavailable time";

/// Kinds of times by words in their names, with the colours of their dots.
const KINDS: [(&str, &str, RGBColor); 6] = [
    (" start", "start of a rebalance", PURPLE),
    (" phase", "join or sync phase", ORANGE),
    (" noticed by ", "a member's notice", GREEN),
    ("callback ", "callback", BLUE),
    ("unavailable ", "unavailable time of a partition", SKY_BLUE),
    ("", "detection, exception", YELLOW),
];

/// Draws the verdicts on one sheet.
pub fn chart(verdicts: &[Verdict]) -> String {
    let mut legend: Vec<Key> = KINDS.iter().map(|(_, meaning, color)| Key::new(*color, *meaning)).collect();
    legend.push(Key::new(VERMILION, "recorded value"));
    let repetitions: usize = verdicts.iter().map(|verdict| verdict.replay.len()).sum();
    let subtitle = format!(
        "{} scenarios, {repetitions} repetitions. Above: each time of a replay, by how much it is off; the band is the \
         tolerance of {} ms. Below: the time until the group had settled (or the longest unavailable time where there \
         is none), the range of many runs without the recordings' inputs as a bar, recorded values as dots.",
        verdicts.len(),
        Tolerance::QUIET.ms,
    );
    let head = Head::of("Recorded against simulated", &subtitle, legend);
    let top = head.height() + 10;
    let middle = top + DIFFERENCES_HEIGHT;
    let rows_top = middle + AXIS_HEIGHT + 30;
    let bottom = rows_top + ROW_HEIGHT * verdicts.len() as i32 + 6;
    draw(WIDTH, bottom + AXIS_HEIGHT + EDGE / 2, |canvas| {
        head.draw(canvas);
        differences(canvas, verdicts, (top, middle));
        distributions(canvas, verdicts, (rows_top, bottom));
    })
}

fn all_quantities(verdicts: &[Verdict]) -> impl Iterator<Item = &Quantity> {
    verdicts.iter().flat_map(|verdict| &verdict.replay).flat_map(|replayed| &replayed.quantities)
}

fn differences(canvas: &Canvas, verdicts: &[Verdict], (top, bottom): (i32, i32)) {
    let longest = all_quantities(verdicts).filter_map(|quantity| quantity.recorded).max().unwrap_or(0);
    let time = TimeScale { from_s: 0.0, to_s: (longest as f64 / 1e3).max(1.0), left: LEFT, right: PLOT_RIGHT };
    let half = f64::from(bottom - top) / 2.0;
    let y = |ms: f64| {
        let share = ms.clamp(-DIFFERENCE_SHOWN_MAX, DIFFERENCE_SHOWN_MAX) / DIFFERENCE_SHOWN_MAX;
        ((f64::from(top) + half) - share * (half - 4.0)).round() as i32
    };
    let tolerance = Tolerance::QUIET.ms as f64;
    canvas.fill((LEFT, y(tolerance)), (PLOT_RIGHT, y(-tolerance)), GREEN.mix(0.12));
    time.draw(canvas, top, bottom, "recorded, since what it follows");
    for ms in [-400.0, -300.0, -150.0, 0.0, 150.0, 300.0, 400.0] {
        canvas.line(&[(LEFT, y(ms)), (PLOT_RIGHT, y(ms))], GRID.to_rgba(), 1);
        canvas.text((LEFT - 8, y(ms)), &Label::new(format!("{ms:+.0} ms"), TEXT_SIZE).right());
    }
    let title = Label::new("simulated minus recorded", TEXT_SIZE + 1).centered().upright();
    canvas.text((EDGE + 8, (top + bottom) / 2), &title);
    for quantity in all_quantities(verdicts) {
        let (Some(recorded), Some(difference)) = (quantity.recorded, quantity.difference()) else { continue };
        let at = (time.x(recorded as f64 / 1e3), y(difference as f64));
        dot(canvas, at, 2, color_of(&quantity.name));
    }
}

fn color_of(name: &str) -> RGBColor {
    KINDS.iter().find(|(word, _, _)| name.contains(word)).map_or(INK, |(_, _, color)| *color)
}

fn dot(canvas: &Canvas, (x, y): (i32, i32), half: i32, color: RGBColor) {
    canvas.fill((x - half, y - half), (x + half, y + half), color.to_rgba());
}

fn distributions(canvas: &Canvas, verdicts: &[Verdict], (top, bottom): (i32, i32)) {
    let figures: Vec<Option<&Figure>> = verdicts.iter().map(figure).collect();
    let largest = figures
        .iter()
        .flatten()
        .flat_map(|figure| figure.recorded.iter().copied().chain(figure.range.map(|(_, to)| to)));
    let largest_s = largest.fold(1_000.0, f64::max) / 1e3;
    let time = TimeScale { from_s: 0.0, to_s: largest_s * 1.02, left: LEFT, right: PLOT_RIGHT };
    time.draw(canvas, top, bottom, "since the reference");
    for (row, (verdict, figure)) in verdicts.iter().zip(figures).enumerate() {
        let y = top + ROW_HEIGHT * row as i32 + ROW_HEIGHT / 2;
        let color = if verdict.passes() { INK } else { VERMILION };
        let name = fit(&verdict.scenario, TEXT_SIZE, LEFT - EDGE - 12);
        canvas.text((LEFT - 8, y), &Label::new(name, TEXT_SIZE).right().color(color));
        canvas.line(&[(LEFT, y + ROW_HEIGHT / 2), (PLOT_RIGHT, y + ROW_HEIGHT / 2)], GRID.to_rgba(), 1);
        let Some(figure) = figure else { continue };
        let x = |ms: f64| time.x(ms / 1e3);
        if let Some((from, to)) = figure.range {
            canvas.fill((x(from), y - 3), (x(to).max(x(from) + 2), y + 3), BLUE.mix(0.35));
        }
        if let Some((from, to)) = figure.medians {
            canvas.fill((x(from), y - 5), (x(to).max(x(from) + 2), y + 5), BLUE.mix(0.35));
        }
        for value in &figure.recorded {
            dot(canvas, (x(*value), y), 3, VERMILION);
        }
    }
    canvas.line(&[(LEFT, top), (LEFT, bottom)], FADED.to_rgba(), 1);
}

fn figure(verdict: &Verdict) -> Option<&Figure> {
    let named = |name: &str| verdict.distribution.figures.iter().find(|figure| figure.name == name);
    named(FIGURE).or_else(|| named(FIGURE_ELSE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::live::Distributed;

    #[test]
    fn every_kind_of_time_has_a_colour() {
        let quantities = ["rebalance 2 start", "rebalance 1 sync phase", "rebalance 1 noticed by c1", "detected"];
        let colors: Vec<RGBColor> = quantities.iter().map(|name| color_of(name)).collect();
        assert_eq!(colors, [PURPLE, ORANGE, GREEN, YELLOW]);
    }

    #[test]
    fn a_sheet_names_every_scenario() {
        let distribution = Distributed {
            runs: 200,
            figures: vec![Figure {
                name: FIGURE.into(),
                recorded: vec![1_200.0],
                range: Some((900.0, 3_000.0)),
                medians: Some((1_000.0, 2_900.0)),
            }],
            outside: Vec::new(),
        };
        let verdict =
            Verdict { client: "java-4.1".into(), scenario: "b-join/range".into(), replay: Vec::new(), distribution };
        let svg = chart(&[verdict]);
        assert!(svg.contains("b-join/range") && svg.contains("simulated minus recorded"));
    }
}
