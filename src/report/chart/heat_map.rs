//! Heat maps: one figure over two settings, a cell for each combination. The best cell and those that the seeds can't tell
//! from it are marked, and combinations that were left out are seen as such.

use plotters::style::{Color, RGBColor};

use crate::report::comparison::significant;

use super::canvas::{Canvas, Label, draw, fit};
use super::palette::{BLACK, BLUE, FADED, INK, WHITE, mix, text_on};
use super::sheet::{EDGE, Head, PLOT_RIGHT, WIDTH};

/// What a heat map shows.
#[derive(Clone, Debug)]
pub struct HeatMap<'a> {
    /// What is seen.
    pub title: &'a str,
    /// What was run, and what other settings are held at.
    pub subtitle: &'a str,
    /// Name of the setting from left to right.
    pub across: &'a str,
    /// Its values.
    pub columns: Vec<&'a str>,
    /// Name of the setting from bottom to top.
    pub up: &'a str,
    /// Its values.
    pub rows: Vec<&'a str>,
    /// Cells row by row from the bottom; `None` for a combination that was left out or not run.
    pub cells: Vec<Vec<Option<Cell>>>,
}

/// A cell of a heat map.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cell {
    /// The figure; `None` if the runs brought no value.
    pub value: Option<f64>,
    /// How it stands against the best.
    pub mark: Mark,
}

/// How a cell stands against the best.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mark {
    /// Nothing to say.
    None,
    /// It is the best.
    Best,
    /// The seeds don't tell it from the best.
    AsGood,
}

const LEFT: i32 = 150;
const TEXT_SIZE: i32 = 12;
const SCALE_HEIGHT: i32 = 16;
const CELL_MAX: i32 = 64;
const AXIS_ROOM: i32 = 56;
/// The lightest colour: a cell can be told from the paper.
const LIGHTEST: RGBColor = RGBColor(240, 247, 252);

/// Draws it; `None` if no cell has a value.
pub fn chart(map: &HeatMap) -> Option<String> {
    let scale = Scale::of(map)?;
    let head = Head::of(map.title, map.subtitle, Vec::new());
    let top = head.height();
    let columns = map.columns.len().max(1) as i32;
    let width = (PLOT_RIGHT - LEFT) / columns;
    let height = (640 / map.rows.len().max(1) as i32).clamp(8, CELL_MAX);
    let plot = Plot { top, width, height, rows: map.rows.len() as i32, columns };
    let svg = draw(WIDTH, plot.bottom() + AXIS_ROOM + SCALE_HEIGHT + 52 + EDGE, |canvas| {
        head.draw(canvas);
        cells(canvas, map, &scale, &plot);
        axes(canvas, map, &plot);
        scale.draw(canvas, plot.bottom() + AXIS_ROOM);
        if map.cells.iter().flatten().flatten().any(|cell| cell.mark != Mark::None) {
            legend(canvas, plot.bottom() + AXIS_ROOM + SCALE_HEIGHT + 40);
        }
    });
    Some(svg)
}

/// Where cells lie.
struct Plot {
    top: i32,
    width: i32,
    height: i32,
    rows: i32,
    columns: i32,
}

impl Plot {
    fn bottom(&self) -> i32 {
        self.top + self.rows * self.height
    }

    /// Upper left and lower right corner of a cell; rows count from the bottom.
    fn corners(&self, column: usize, row: usize) -> ((i32, i32), (i32, i32)) {
        let (x, y) = (LEFT + column as i32 * self.width, self.bottom() - (row as i32 + 1) * self.height);
        ((x, y), (x + self.width, y + self.height))
    }
}

fn cells(canvas: &Canvas, map: &HeatMap, scale: &Scale, plot: &Plot) {
    for (row, cells) in map.cells.iter().enumerate() {
        for (column, cell) in cells.iter().enumerate() {
            let (from, to) = plot.corners(column, row);
            match cell {
                Some(Cell { value: Some(value), mark }) => draw_cell(canvas, (from, to), *value, *mark, scale),
                Some(Cell { value: None, .. }) => note(canvas, (from, to), "no value"),
                None => note(canvas, (from, to), "left out"),
            }
        }
    }
}

fn draw_cell(canvas: &Canvas, (from, to): ((i32, i32), (i32, i32)), value: f64, mark: Mark, scale: &Scale) {
    let color = scale.color(value);
    canvas.fill((from.0 + 1, from.1 + 1), (to.0, to.1), color.to_rgba());
    let (room, middle) = (to.0 - from.0 - 6, ((from.0 + to.0) / 2, (from.1 + to.1) / 2));
    let sign = match mark {
        Mark::AsGood => "≈ ",
        Mark::Best | Mark::None => "",
    };
    let text = format!("{sign}{}", significant(value));
    let label = Label::new(text.as_str(), TEXT_SIZE).centered().color(text_on(color));
    let label = if mark == Mark::Best { label.bold() } else { label };
    if label.width() <= room && to.1 - from.1 > TEXT_SIZE + 2 {
        canvas.text(middle, &label);
    } else if mark == Mark::AsGood {
        canvas.fill((middle.0 - 2, middle.1 - 2), (middle.0 + 2, middle.1 + 2), text_on(color).to_rgba());
    }
    if mark == Mark::Best {
        for inset in 1..4 {
            canvas.outline((from.0 + inset, from.1 + inset), (to.0 - inset, to.1 - inset), BLACK);
        }
    }
}

/// A cell without a value: a cross, and why, where there is room.
fn note(canvas: &Canvas, (from, to): ((i32, i32), (i32, i32)), why: &str) {
    let label = Label::new(why, TEXT_SIZE - 1).centered().color(FADED);
    let (x, y) = ((from.0 + to.0) / 2, (from.1 + to.1) / 2);
    if label.width() <= to.0 - from.0 - 6 && to.1 - from.1 > TEXT_SIZE + 2 {
        canvas.text((x, y), &label);
    } else {
        canvas.line(&[(x - 3, y - 3), (x + 3, y + 3)], FADED.to_rgba(), 1);
        canvas.line(&[(x - 3, y + 3), (x + 3, y - 3)], FADED.to_rgba(), 1);
    }
}

fn axes(canvas: &Canvas, map: &HeatMap, plot: &Plot) {
    let bottom = plot.bottom();
    let widest = map.columns.iter().map(|text| Label::new(*text, TEXT_SIZE).width()).max().unwrap_or(0) + 8;
    // So many columns that their names would touch: name every second, third, … one.
    let every = if plot.width >= 40 { 1 } else { (widest.min(80) / plot.width.max(1) + 1) as usize };
    for (column, value) in map.columns.iter().enumerate().step_by(every) {
        let ((x0, _), (x1, _)) = plot.corners(column, 0);
        let text = fit(value, TEXT_SIZE, (x1 - x0) * every as i32 - 4);
        canvas.text(((x0 + x1) / 2, bottom + 14), &Label::new(text, TEXT_SIZE).centered());
    }
    let every = (TEXT_SIZE / plot.height + 1) as usize;
    for (row, value) in map.rows.iter().enumerate().step_by(every) {
        let ((_, y0), (_, y1)) = plot.corners(0, row);
        let text = fit(value, TEXT_SIZE, LEFT - EDGE - 30);
        canvas.text((LEFT - 8, (y0 + y1) / 2), &Label::new(text, TEXT_SIZE).right());
    }
    let middle = LEFT + plot.columns * plot.width / 2;
    canvas.text((middle, bottom + 36), &Label::new(fit(map.across, TEXT_SIZE + 1, 900), TEXT_SIZE + 1).centered());
    let up = Label::new(fit(map.up, TEXT_SIZE + 1, (plot.bottom() - plot.top).max(120)), TEXT_SIZE + 1);
    canvas.text((EDGE, (plot.top + bottom) / 2), &up.centered().upright().color(INK));
}

fn legend(canvas: &Canvas, y: i32) {
    let text = "bold with a frame: the best cell   ·   ≈ : the seeds don't tell it from the best";
    canvas.text((LEFT, y), &Label::new(text, TEXT_SIZE).color(FADED));
}

/// Values onto colours: white paper to blue, logarithmic where values differ by orders of magnitude.
struct Scale {
    least: f64,
    largest: f64,
    is_logarithmic: bool,
}

impl Scale {
    fn of(map: &HeatMap) -> Option<Self> {
        let values = || map.cells.iter().flatten().flatten().filter_map(|cell| cell.value);
        let (least, largest) = (values().reduce(f64::min)?, values().reduce(f64::max)?);
        Some(Scale { least, largest, is_logarithmic: least > 0.0 && largest / least > 30.0 })
    }

    fn color(&self, value: f64) -> RGBColor {
        let share = match (self.largest > self.least, self.is_logarithmic) {
            (false, _) => 0.0,
            (true, true) => libm::log(value / self.least) / libm::log(self.largest / self.least),
            (true, false) => (value - self.least) / (self.largest - self.least),
        };
        let middle = mix(WHITE, BLUE, 0.55);
        match share * 2.0 {
            share if share <= 1.0 => mix(LIGHTEST, middle, share),
            share => mix(middle, mix(BLUE, BLACK, 0.45), share - 1.0),
        }
    }

    fn draw(&self, canvas: &Canvas, y: i32) {
        const STEPS: i32 = 60;
        const STEP: i32 = 5;
        for step in 0..STEPS {
            let share = f64::from(step) / f64::from(STEPS - 1);
            let value = match self.is_logarithmic {
                true => self.least * libm::pow(self.largest / self.least, share),
                false => self.least + (self.largest - self.least) * share,
            };
            let x = LEFT + step * STEP;
            canvas.fill((x, y), (x + STEP, y + SCALE_HEIGHT), self.color(value).to_rgba());
        }
        let (left, right) = (LEFT, LEFT + STEPS * STEP);
        canvas.text((left, y + SCALE_HEIGHT + 10), &Label::new(significant(self.least), TEXT_SIZE - 1));
        canvas.text((right, y + SCALE_HEIGHT + 10), &Label::new(significant(self.largest), TEXT_SIZE - 1).right());
        let remark = if self.is_logarithmic { "colours on a logarithmic scale" } else { "" };
        canvas.text((right + 12, y + SCALE_HEIGHT / 2), &Label::new(remark, TEXT_SIZE - 1).color(FADED));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::OutputFile;
    use crate::report::chart::tests::assert_legible;

    const NAMES: [&str; 12] =
        ["3000", "6000", "9000", "12000", "15000", "20000", "30000", "45000", "60000", "90000", "120000", "300000"];

    fn map(columns: usize, rows: usize) -> HeatMap<'static> {
        let cell = |column: usize, row: usize| {
            let value = (column > 0).then(|| (column * column + 3 * row) as f64 * 1.37);
            let mark = match (column, row) {
                (1, 0) => Mark::Best,
                (1, 1) | (2, 0) => Mark::AsGood,
                _ => Mark::None,
            };
            (row < columns - column + 2).then_some(Cell { value, mark })
        };
        let names = |count: usize| (0..count).map(|index| NAMES[index % NAMES.len()]).collect::<Vec<_>>();
        HeatMap {
            title: "Paused partition-seconds per hour",
            subtitle: "made up, 30 runs per cell, held: max.poll.records = 500",
            across: "session.timeout.ms",
            columns: names(columns),
            up: "heartbeat.interval.ms",
            rows: names(rows),
            cells: (0..rows).map(|row| (0..columns).map(|column| cell(column, row)).collect()).collect(),
        }
    }

    #[test]
    fn small_and_large_maps_are_legible() {
        for (name, columns, rows) in [("small", 4, 3), ("usual", 9, 7), ("large", 60, 40)] {
            let svg = chart(&map(columns, rows)).expect("values");
            if let Some(folder) = std::env::var_os("CHARTS_TO") {
                std::fs::write(std::path::Path::new(&folder).join(format!("heat-{name}.svg")), &svg).expect("written");
            }
            assert_legible(&OutputFile::new(format!("heat-{name}.svg"), svg));
        }
    }

    #[test]
    fn the_best_cell_is_marked_and_left_out_cells_say_so() {
        let svg = chart(&map(4, 7)).expect("values");
        assert!(svg.contains("left out") && svg.contains("no value") && svg.contains('≈'));
    }

    #[test]
    fn a_map_without_values_is_not_drawn() {
        let mut empty = map(2, 2);
        empty.cells.iter_mut().flatten().for_each(|cell| *cell = None);
        assert_eq!(chart(&empty), None);
    }

    #[test]
    fn larger_values_are_darker() {
        for least in [0.0, 1.0, 900.0] {
            let scale = Scale { least, largest: 1_000.0, is_logarithmic: least == 1.0 };
            let brightness = |value| {
                let RGBColor(r, g, b) = scale.color(value);
                u32::from(r) + u32::from(g) + u32::from(b)
            };
            let values = [900.0, 920.0, 960.0, 1_000.0].map(brightness);
            assert!(values.windows(2).all(|pair| pair[0] >= pair[1]), "{values:?}");
        }
    }
}
