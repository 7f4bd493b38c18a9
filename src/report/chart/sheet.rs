//! What stands around every chart: title, what was run, legend; and the file that it goes into.

use plotters::style::{Color, RGBColor};

use crate::report::{OutputFile, Report, units};

use super::canvas::{Canvas, Label, fit, fold};
use super::palette::{FADED, INK};
use super::plot::Mark;

/// Width of every chart, pixels.
pub(super) const WIDTH: i32 = 1_200;
/// Empty edge.
pub(super) const EDGE: i32 = 24;
/// Where plots with named rows begin.
pub(super) const PLOT_LEFT: i32 = 200;
/// Where plots end.
pub(super) const PLOT_RIGHT: i32 = WIDTH - EDGE;

const TITLE_SIZE: i32 = 20;
const TEXT_SIZE: i32 = 12;
const LINE_HEIGHT: i32 = 18;

/// A colour and what it stands for.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub color: RGBColor,
    pub meaning: String,
    /// The shape of points; `None` for areas and lines.
    mark: Option<Mark>,
}

impl Key {
    pub fn new(color: RGBColor, meaning: impl Into<String>) -> Self {
        Key { color, meaning: meaning.into(), mark: None }
    }

    /// Of points with a shape.
    pub fn marked(color: RGBColor, mark: Mark, meaning: impl Into<String>) -> Self {
        Key { color, meaning: meaning.into(), mark: Some(mark) }
    }

    fn width(&self) -> i32 {
        SWATCH + 5 + Label::new(self.meaning.as_str(), TEXT_SIZE).width() + 18
    }
}

const SWATCH: i32 = 14;

/// Title, subtitle and legend of a chart.
#[derive(Clone, Debug)]
pub(super) struct Head {
    title: String,
    subtitle: Vec<String>,
    legend: Vec<Vec<Key>>,
}

impl Head {
    /// Lays the head out; `says` follows scenario and seed in the subtitle.
    pub fn new(report: &Report, title: &str, says: &str, legend: Vec<Key>) -> Self {
        let run = &report.outcome.run;
        let subtitle =
            format!("{}, seed {}, {} simulated. {says}", run.scenario, run.seed, units::span(run.duration_s));
        Head::of(title, &subtitle, legend)
    }

    /// Lays a head out that belongs to no single run.
    pub fn of(title: &str, subtitle: &str, legend: Vec<Key>) -> Self {
        let room = WIDTH - 2 * EDGE;
        let mut rows: Vec<Vec<Key>> = Vec::new();
        let mut used = room + 1;
        for key in legend {
            if used + key.width() > room {
                rows.push(Vec::new());
                used = 0;
            }
            used += key.width();
            rows.last_mut().expect("a row was begun").push(key);
        }
        // Bold text is wider than the plain text that is measured.
        Head { title: fit(title, TITLE_SIZE, room * 7 / 8), subtitle: fold(subtitle, TEXT_SIZE, room), legend: rows }
    }

    /// Pixels from the upper edge to where the chart begins.
    pub fn height(&self) -> i32 {
        let lines = self.subtitle.len() + self.legend.len();
        EDGE + TITLE_SIZE + 8 + lines as i32 * LINE_HEIGHT + 18
    }

    /// Draws it.
    pub fn draw(&self, canvas: &Canvas) {
        let mut y = EDGE + TITLE_SIZE / 2;
        canvas.text((EDGE, y), &Label::new(self.title.as_str(), TITLE_SIZE).bold().color(INK));
        y += TITLE_SIZE / 2 + 8 + LINE_HEIGHT / 2;
        for line in &self.subtitle {
            canvas.text((EDGE, y), &Label::new(line.as_str(), TEXT_SIZE).color(FADED));
            y += LINE_HEIGHT;
        }
        y += 4;
        for row in &self.legend {
            let mut x = EDGE;
            for key in row {
                match key.mark {
                    Some(mark) => mark.draw(canvas, (x + SWATCH / 2, y), key.color),
                    None => {
                        canvas.fill((x, y - SWATCH / 2), (x + SWATCH, y + SWATCH / 2), key.color.to_rgba());
                    }
                }
                canvas.text((x + SWATCH + 5, y), &Label::new(key.meaning.as_str(), TEXT_SIZE));
                x += key.width();
            }
            y += LINE_HEIGHT;
        }
    }
}

/// The file of a chart about one group: `charts/<chart>.svg`, or `charts/<chart>-<group>.svg` among several groups.
pub(super) fn file(report: &Report, chart: &str, group: &str, svg: String) -> OutputFile {
    let name = match report.outcome.groups.len() {
        1 => format!("charts/{chart}.svg"),
        _ => format!("charts/{chart}-{}.svg", file_name_part(group)),
    };
    OutputFile::new(name, svg)
}

/// A group id as part of a file name: what a file system could take amiss becomes `_`.
fn file_name_part(text: &str) -> String {
    let is_safe = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '-' | '_' | '.');
    text.chars().map(|sign| if is_safe(sign) { sign } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_legend_takes_several_rows_and_none_is_too_wide() {
        let keys = (0..40).map(|number| Key::new(INK, format!("worker-{number}"))).collect();
        let head = Head::of("title", "subtitle", keys);
        assert!(head.legend.len() > 1);
        assert!(head.legend.iter().all(|row| row.iter().map(Key::width).sum::<i32>() <= WIDTH - 2 * EDGE));
    }

    #[test]
    fn a_group_id_cannot_lead_out_of_the_directory() {
        assert_eq!(file_name_part("../a b/ü"), ".._a_b__");
    }
}
