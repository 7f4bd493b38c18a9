//! Who owns which partition when: a row per partition, a colour per consumer, grey where it stands still, dark where
//! nobody owns it. Above it faults and generations.

use std::collections::BTreeMap;

use plotters::style::{Color, RGBColor};

use crate::analysis::outcome::{FaultOutcome, GroupOutcome, OwnershipSpan, PauseSpan, Rebalance};
use crate::report::{Exporter, OutputFile, Report, units};

use super::axis::{AXIS_HEIGHT, TimeScale};
use super::canvas::{Canvas, Label, draw, text_width};
use super::palette::{self, CONSUMER_COLORS, DOUBLE_OWNED, STANDING_STILL, UNOWNED, WHITE};
use super::rows::Rows;
use super::sheet::{EDGE, Head, Key, PLOT_LEFT, PLOT_RIGHT, WIDTH, file};
use super::strips::{Faults, Generations, rebalance_end};

/// Writes `charts/ownership.svg` for every group whose partitions had owners.
pub struct Ownership;

impl Exporter for Ownership {
    fn export(&self, report: &Report) -> Vec<OutputFile> {
        let groups = report.outcome.groups.iter().filter(|group| !group.ownership.is_empty());
        groups.map(|group| file(report, "ownership", &group.id, chart(report, group))).collect()
    }
}

/// Consumers that the legend names; of more, colours repeat and names stand in the rows only.
const LEGEND_CONSUMERS_MAX: usize = CONSUMER_COLORS;

const TEXT_SIZE: i32 = 11;

fn chart(report: &Report, group: &GroupOutcome) -> String {
    let consumers: Vec<&str> = report
        .outcome
        .consumers
        .iter()
        .filter(|consumer| consumer.group == group.id)
        .map(|c| c.name.as_str())
        .collect();
    let rows = Rows::new(group.partitions.len());
    let head = head(report, group, &consumers, &rows);
    let duration = report.outcome.run.duration_s;
    let closer = if group.rebalances.len() > 1 { CLOSER } else { CLOSER_FORMING };
    let panels = [(None, Some((0.0, duration))), (Some(closer), closer_look(group, &report.outcome.faults, duration))];
    let panels = panels.into_iter().filter_map(|(title, span)| {
        let (from_s, to_s) = span?;
        let scale = TimeScale { from_s, to_s, left: PLOT_LEFT, right: PLOT_RIGHT };
        let faults = Faults::new(&report.outcome.faults, &scale);
        let generations = Generations::new(&group.rebalances);
        Some(Panel { title, group, consumers: &consumers, rows, faults, generations, scale })
    });
    let panels: Vec<Panel> = panels.collect();
    draw(WIDTH, head.height() + panels.iter().map(Panel::height).sum::<i32>(), |canvas| {
        head.draw(canvas);
        let mut top = head.height();
        for panel in &panels {
            panel.draw(canvas, top);
            top += panel.height();
        }
    })
}

const CLOSER: &str = "A closer look at the rebalance with the most paused time once the group had formed";
const CLOSER_FORMING: &str = "A closer look at the rebalance that forms the group";

/// One view of the rows: the whole run, or a part of it.
struct Panel<'a> {
    title: Option<&'a str>,
    group: &'a GroupOutcome,
    consumers: &'a [&'a str],
    rows: Rows,
    faults: Faults<'a>,
    generations: Generations<'a>,
    scale: TimeScale,
}

impl Panel<'_> {
    fn title_height(&self) -> i32 {
        if self.title.is_some() { 34 } else { 0 }
    }

    fn strips_height(&self) -> i32 {
        self.faults.height() + self.generations.height() + 4
    }

    fn height(&self) -> i32 {
        self.title_height() + self.strips_height() + self.rows.total() + AXIS_HEIGHT + EDGE / 2
    }

    fn draw(&self, canvas: &Canvas, top: i32) {
        if let Some(title) = self.title {
            canvas.text((EDGE, top + 14), &Label::new(title, TEXT_SIZE + 3).bold());
        }
        let strips = top + self.title_height();
        let plot = strips + self.strips_height();
        let bottom = plot + self.rows.total();
        self.scale.draw(canvas, plot, bottom, "simulated time");
        let picture = Picture::of(self.group, self.consumers, &self.rows, &self.scale);
        picture.draw(canvas, &self.rows, plot);
        picture.names(canvas, self.consumers, &self.rows, plot);
        self.rows.names(canvas, plot, PLOT_LEFT, |entry| self.group.partitions[entry].partition.as_str());
        self.faults.draw(canvas, &self.scale, strips, bottom, false);
        self.generations.draw(canvas, &self.scale, strips + self.faults.height(), bottom);
        canvas.outline((PLOT_LEFT, plot), (PLOT_RIGHT, bottom), palette::FADED);
    }
}

/// The part of the run around the rebalance with the most paused time (not the first, which forms the group, unless it is
/// the only one), with the pauses that lead to it and out of it, the rebalances that follow at once and the faults meanwhile; none if that is much of the run anyway.
fn closer_look(group: &GroupOutcome, faults: &[FaultOutcome], duration_s: f64) -> Option<(f64, f64)> {
    let longest = duration_s / 4.0;
    let end = |rebalance: &Rebalance| rebalance_end(rebalance, None, duration_s);
    let later = &group.rebalances[usize::from(group.rebalances.len() > 1)..];
    let costliest = later.iter().max_by(|a, b| a.paused_partition_seconds.total_cmp(&b.paused_partition_seconds))?;
    let mut span = (costliest.preparing_s, end(costliest).max(costliest.preparing_s + 1e-3));
    if span.1 - span.0 > longest {
        return None;
    }
    loop {
        let near = (span.1 - span.0) / 2.0;
        let pauses = group.pauses.iter().map(|pause| (pause.from_s, pause.to_s));
        let rebalances = group.rebalances.iter().map(|rebalance| (rebalance.preparing_s, end(rebalance)));
        let touched = pauses.chain(rebalances).filter(|(from, to)| *from < span.1 + near && *to > span.0 - near);
        let wider = touched.fold(span, cover);
        if wider == span || wider.1 - wider.0 > longest {
            break;
        }
        span = wider;
    }
    for fault in faults {
        let wider = cover(span, (fault.from_s, fault.to_s.unwrap_or(duration_s)));
        let overlaps = fault.from_s < span.1 && fault.to_s.unwrap_or(duration_s) > span.0;
        if overlaps && wider.1 - wider.0 <= longest {
            span = wider;
        }
    }
    let (from, to) = span;
    let edge = (to - from) * 0.15;
    Some(((from - edge).max(0.0), (to + edge).min(duration_s)))
}

fn head(report: &Report, group: &GroupOutcome, consumers: &[&str], rows: &Rows) -> Head {
    let mut legend: Vec<Key> = Vec::new();
    if consumers.len() <= LEGEND_CONSUMERS_MAX {
        legend.extend(consumers.iter().enumerate().map(|(index, name)| Key::new(palette::consumer(index), *name)));
    }
    legend.push(Key::new(STANDING_STILL, "owned, but standing still"));
    legend.push(Key::new(UNOWNED, "nobody owns it"));
    legend.push(Key::new(palette::REBALANCE, "rebalance"));
    if group.totals.double_owned_partition_seconds > 0.0 {
        legend.push(Key::new(DOUBLE_OWNED, "two owners"));
    }
    let colors = if consumers.len() > LEGEND_CONSUMERS_MAX { " Colours of consumers repeat." } else { "" };
    let listed = group.ownership.len() as u64;
    let cut = match group.ownership_total > listed {
        true => format!(
            " The first {} of {} ownerships are drawn.",
            units::count(listed),
            units::count(group.ownership_total)
        ),
        false => String::new(),
    };
    let says = format!(
        "{} owned by {}; each colour is one consumer that can take records.{colors}{}{cut}",
        units::counted(group.partitions.len() as u64, "partition", "partitions"),
        units::counted(consumers.len() as u64, "consumer", "consumers"),
        rows.remark("partition"),
    );
    Head::new(report, &format!("Partition ownership in {}", group.id), &says, legend)
}

/// The span from the beginning of the first to the end of the last.
fn cover(a: (f64, f64), b: (f64, f64)) -> (f64, f64) {
    (a.0.min(b.0), a.1.max(b.1))
}

/// What one pixel of a row shows. What is rarer and worse wins where several fall on one pixel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Cell {
    /// Before the group's first process.
    Nothing,
    Unowned,
    Owned(u32),
    StandingStill,
    Double,
}

impl Cell {
    fn color(self) -> RGBColor {
        match self {
            Cell::Nothing => WHITE,
            Cell::Unowned => UNOWNED,
            Cell::Owned(consumer) => palette::consumer(consumer as usize),
            Cell::StandingStill => STANDING_STILL,
            Cell::Double => DOUBLE_OWNED,
        }
    }
}

/// The rows as pixels.
struct Picture {
    cells: Vec<Vec<Cell>>,
    left: i32,
}

impl Picture {
    fn of(group: &GroupOutcome, consumers: &[&str], rows: &Rows, scale: &TimeScale) -> Self {
        let entries = group.partitions.iter().step_by(rows.every).enumerate();
        let row_of: BTreeMap<&str, usize> =
            entries.map(|(row, partition)| (partition.partition.as_str(), row)).collect();
        let consumer_of: BTreeMap<&str, u32> = (0..).zip(consumers).map(|(index, name)| (*name, index)).collect();
        let mut owned: Vec<Vec<&OwnershipSpan>> = vec![Vec::new(); rows.count];
        for span in &group.ownership {
            if let Some(row) = row_of.get(&*span.partition) {
                owned[*row].push(span);
            }
        }
        let mut paused: Vec<Vec<&PauseSpan>> = vec![Vec::new(); rows.count];
        for span in &group.pauses {
            if let Some(row) = row_of.get(&*span.partition) {
                paused[*row].push(span);
            }
        }
        let begin = group.pauses.iter().map(|pause| pause.from_s).chain(group.ownership.iter().map(|span| span.from_s));
        let begin = begin.fold(f64::INFINITY, f64::min);
        let of_row = |(mut owned, paused): (Vec<&OwnershipSpan>, Vec<&PauseSpan>)| {
            owned.sort_by(|a, b| a.from_s.total_cmp(&b.from_s));
            row(&owned, &paused, &consumer_of, begin, scale)
        };
        Picture { cells: owned.into_iter().zip(paused).map(of_row).collect(), left: scale.left }
    }

    /// Draws runs of equal pixels, taken together over neighbouring rows.
    fn draw(&self, canvas: &Canvas, rows: &Rows, top: i32) {
        let mut open: BTreeMap<(i32, i32), (usize, Cell)> = BTreeMap::new();
        for row in 0..=self.cells.len() {
            let runs: BTreeMap<(i32, i32), Cell> = self.cells.get(row).map(|cells| runs(cells)).unwrap_or_default();
            let ends = open.iter().filter(|(at, (_, cell))| runs.get(at) != Some(cell)).map(|(at, _)| *at);
            for at in ends.collect::<Vec<_>>() {
                let (first, cell) = open.remove(&at).expect("it was open");
                self.block(canvas, at, (top + rows.top(first), top + rows.top(row)), cell);
            }
            for (at, cell) in runs {
                open.entry(at).or_insert((row, cell));
            }
        }
        if rows.has_gaps() {
            for row in 1..rows.count {
                let y = top + rows.top(row);
                canvas.line(&[(self.left, y), (PLOT_RIGHT, y)], WHITE.mix(0.7), 1);
            }
        }
    }

    fn block(&self, canvas: &Canvas, (from, to): (i32, i32), (y0, y1): (i32, i32), cell: Cell) {
        if cell == Cell::Nothing {
            return;
        }
        let (x0, x1) = (self.left + from, self.left + to);
        canvas.fill((x0, y0), (x1, y1), cell.color().to_rgba());
    }

    /// Writes the owner's name into every field of its colour that has room, once for neighbouring rows together.
    fn names(&self, canvas: &Canvas, consumers: &[&str], rows: &Rows, top: i32) {
        let needed = |consumer: u32| text_width(consumers[consumer as usize], TEXT_SIZE, false) + 10;
        let mut open: Vec<Field> = Vec::new();
        for row in 0..=self.cells.len() {
            let runs = self.cells.get(row).map(|cells| runs(cells)).unwrap_or_default();
            let mut still_open = Vec::new();
            for ((from, to), cell) in runs {
                let Cell::Owned(consumer) = cell else { continue };
                if to - from < needed(consumer) {
                    continue;
                }
                // Rows rarely end at the same pixel: what they have in common is the field.
                let fits = |field: &Field| {
                    field.consumer == consumer && to.min(field.to) - from.max(field.from) >= needed(consumer)
                };
                match open.iter().position(fits) {
                    Some(at) => {
                        let field = open.swap_remove(at);
                        still_open.push(Field { from: from.max(field.from), to: to.min(field.to), ..field });
                    }
                    None => still_open.push(Field { consumer, first: row, from, to }),
                }
            }
            for field in std::mem::replace(&mut open, still_open) {
                let (y0, y1) = (top + rows.top(field.first), top + rows.top(row));
                if y1 - y0 >= TEXT_SIZE + 3 {
                    // In thick rows the name keeps off the lines between them.
                    let middle_row = rows.top((field.first + row - 1) / 2) + rows.height / 2;
                    let y = if rows.has_gaps() { top + middle_row } else { (y0 + y1) / 2 };
                    let color = palette::text_on(palette::consumer(field.consumer as usize));
                    let label = Label::new(consumers[field.consumer as usize], TEXT_SIZE).color(color);
                    canvas.text((self.left + field.from + 5, y), &label);
                }
            }
        }
    }
}

/// Pixels that neighbouring rows have in common in the colour of one consumer.
struct Field {
    consumer: u32,
    first: usize,
    from: i32,
    to: i32,
}

/// The pixels of one partition; `owned` in order of the beginnings.
fn row(
    owned: &[&OwnershipSpan],
    paused: &[&PauseSpan],
    consumer_of: &BTreeMap<&str, u32>,
    begin: f64,
    scale: &TimeScale,
) -> Vec<Cell> {
    let mut cells = vec![Cell::Nothing; (scale.right - scale.left) as usize];
    let mut paint = |from_s: f64, to_s: f64, cell: Cell| {
        if !scale.shows(from_s, to_s) {
            return;
        }
        let (from, to) = scale.span(from_s, to_s);
        cells[(from - scale.left) as usize..(to - scale.left) as usize].fill(cell);
    };
    paint(begin, scale.to_s, Cell::Unowned);
    for span in owned {
        if let Some(consumer) = consumer_of.get(&*span.consumer) {
            paint(span.from_s, span.to_s, Cell::Owned(*consumer));
        }
    }
    for pause in paused {
        let is_owned = |span: &&&OwnershipSpan| span.from_s < pause.to_s && pause.from_s < span.to_s;
        for span in owned.iter().filter(is_owned) {
            paint(pause.from_s.max(span.from_s), pause.to_s.min(span.to_s), Cell::StandingStill);
        }
    }
    let mut covered_until = begin;
    let mut doubles = Vec::new();
    for span in owned {
        if span.from_s > covered_until {
            paint(covered_until, span.from_s, Cell::Unowned);
        } else if span.from_s < covered_until && span.from_s > begin {
            doubles.push((span.from_s, span.to_s.min(covered_until)));
        }
        covered_until = covered_until.max(span.to_s);
    }
    for (from, to) in doubles {
        paint(from, to, Cell::Double);
    }
    cells
}

/// Runs of equal cells: first and last pixel (not included).
fn runs(cells: &[Cell]) -> BTreeMap<(i32, i32), Cell> {
    let mut runs = BTreeMap::new();
    let mut from = 0;
    for to in 1..=cells.len() {
        if to == cells.len() || cells[to] != cells[from] {
            runs.insert((from as i32, to as i32), cells[from]);
            from = to;
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::outcome::{PauseCause, SpanEnd};
    use crate::report::fixture;

    fn owned(consumer: &str, from_s: f64, to_s: f64) -> OwnershipSpan {
        let (partition, consumer) = ("orders-0".into(), consumer.into());
        OwnershipSpan { partition, consumer, generation: 1, from_s, to_s, ended: SpanEnd::Revoked }
    }

    /// Ten seconds on twenty pixels, in one letter per pixel: owners in small letters, `.` nobody yet, `U` unowned, `S`
    /// standing still, `D` double.
    fn pixels(owned: &[OwnershipSpan], paused: &[(f64, f64)], begin: f64) -> String {
        let scale = TimeScale { from_s: 0.0, to_s: 10.0, left: 100, right: 120 };
        let pause = |(from_s, to_s): &(f64, f64)| PauseSpan {
            partition: "orders-0".into(),
            cause: PauseCause::HostPause,
            from_s: *from_s,
            to_s: *to_s,
        };
        let paused: Vec<PauseSpan> = paused.iter().map(pause).collect();
        let consumers = BTreeMap::from([("a", 0), ("b", 1)]);
        let cells =
            row(&owned.iter().collect::<Vec<_>>(), &paused.iter().collect::<Vec<_>>(), &consumers, begin, &scale);
        let letter = |cell: &Cell| match cell {
            Cell::Nothing => '.',
            Cell::Unowned => 'U',
            Cell::Owned(0) => 'a',
            Cell::Owned(_) => 'b',
            Cell::StandingStill => 'S',
            Cell::Double => 'D',
        };
        cells.iter().map(letter).collect()
    }

    #[test]
    fn a_row_shows_owners_and_the_gap_between_them() {
        assert_eq!(pixels(&[owned("a", 2.0, 4.0), owned("b", 6.0, 10.0)], &[], 1.0), "..UUaaaaUUUUbbbbbbbb");
    }

    #[test]
    fn a_gap_much_shorter_than_a_pixel_is_seen() {
        assert_eq!(pixels(&[owned("a", 0.0, 5.0), owned("b", 5.001, 10.0)], &[], 0.0), "aaaaaaaaaaUbbbbbbbbb");
    }

    #[test]
    fn an_owner_that_stands_still_is_told_from_nobody() {
        assert_eq!(pixels(&[owned("a", 0.0, 6.0)], &[(4.0, 8.0)], 0.0), "aaaaaaaaSSSSUUUUUUUU");
    }

    #[test]
    fn two_owners_at_once_are_seen() {
        assert_eq!(pixels(&[owned("a", 0.0, 6.0), owned("b", 5.0, 10.0)], &[], 0.0), "aaaaaaaaaaDDbbbbbbbb");
    }

    #[test]
    fn a_closer_look_takes_in_the_fault_that_led_to_the_rebalance() {
        let outcome = fixture::gc_pause();
        let (from, to) = closer_look(&outcome.groups[0], &outcome.faults, 300.0).expect("a short part of the run");
        assert!(from < 60.0 && to > 74.0 && to < 90.0, "{from} to {to}");
        assert_eq!(closer_look(&outcome.groups[0], &outcome.faults, 12.0), None, "most of the run is no closer look");
    }
}
