//! How long each partition stood still, and why: the causes of the group as a whole, then a stacked bar per partition.

use plotters::style::Color;

use crate::analysis::outcome::{GroupOutcome, PauseCause};
use crate::report::words::{pause_cause, pause_cause_meaning};
use crate::report::{Exporter, OutputFile, Report, units};

use super::axis::{AXIS_HEIGHT, ValueScale};
use super::canvas::{Canvas, Label, draw};
use super::palette::{self, FADED, GRID};
use super::rows::Rows;
use super::sheet::{EDGE, Head, Key, PLOT_LEFT, PLOT_RIGHT, WIDTH, file};

/// Writes `charts/pauses.svg` for every group whose partitions stood still at all.
pub struct Pauses;

impl Exporter for Pauses {
    fn export(&self, report: &Report) -> Vec<OutputFile> {
        let groups = report.outcome.groups.iter().filter(|group| group.totals.paused_partition_seconds > 0.0);
        groups.map(|group| file(report, "pauses", &group.id, chart(report, group))).collect()
    }
}

const TEXT_SIZE: i32 = 11;
const CAUSE_HEIGHT: i32 = 22;
/// Room right of a bar for its value.
const VALUE_ROOM: i32 = 70;

fn chart(report: &Report, group: &GroupOutcome) -> String {
    let causes = causes(group);
    let rows = Rows::new(group.partitions.len());
    let legend = causes.iter().map(|(cause, _)| Key::new(palette::pause_cause(*cause), pause_cause(*cause))).collect();
    let worst = group.partitions.iter().max_by(|a, b| a.paused_s.total_cmp(&b.paused_s));
    let worst = worst.map(|p| format!("; the longest in all: {} with {}", p.partition, units::span(p.paused_s)));
    let says = format!(
        "{} partition-seconds over {}{}.{}",
        units::quantity(group.totals.paused_partition_seconds),
        units::counted(group.partitions.len() as u64, "partition", "partitions"),
        worst.unwrap_or_default(),
        rows.remark("partition"),
    );
    let head = Head::new(report, &format!("Why partitions of {} stood still", group.id), &says, legend);
    let causes_top = head.height() + 24;
    let rows_top = causes_top + causes.len() as i32 * CAUSE_HEIGHT + 52;
    let bottom = rows_top + rows.total();
    draw(WIDTH, bottom + AXIS_HEIGHT + EDGE / 2, |canvas| {
        head.draw(canvas);
        whole_group(canvas, &causes, causes_top);
        per_partition(canvas, group, &causes, &rows, rows_top);
    })
}

/// Causes with their partition-seconds, the largest first.
fn causes(group: &GroupOutcome) -> Vec<(PauseCause, f64)> {
    let by_cause = &group.totals.paused_partition_seconds_by_cause;
    let mut causes: Vec<(PauseCause, f64)> =
        by_cause.iter().filter(|(_, seconds)| **seconds > 0.0).map(|(cause, seconds)| (*cause, *seconds)).collect();
    causes.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    causes
}

/// One bar per cause, with its value, share and meaning.
fn whole_group(canvas: &Canvas, causes: &[(PauseCause, f64)], top: i32) {
    canvas.text((EDGE, top - 14), &Label::new("All partitions together, by cause", TEXT_SIZE + 2).bold());
    let total: f64 = causes.iter().map(|(_, seconds)| seconds).sum();
    let largest = causes.first().map_or(1.0, |(_, seconds)| *seconds);
    // Text stands right of the bars: half of the width is left for it.
    let room = f64::from((PLOT_RIGHT - PLOT_LEFT) / 2);
    for (index, (cause, seconds)) in causes.iter().enumerate() {
        let y = top + index as i32 * CAUSE_HEIGHT;
        let middle = y + CAUSE_HEIGHT / 2;
        let end = PLOT_LEFT + (seconds / largest * room).round().max(1.0) as i32;
        canvas.text((PLOT_LEFT - 10, middle), &Label::new(pause_cause(*cause), TEXT_SIZE).right());
        canvas.fill((PLOT_LEFT, y + 3), (end, y + CAUSE_HEIGHT - 3), palette::pause_cause(*cause).to_rgba());
        let value = format!("{} partition-seconds ({})", units::quantity(*seconds), units::percent(seconds / total));
        let value = Label::new(value, TEXT_SIZE);
        canvas.text((end + 8, middle), &value);
        let meaning = Label::new(pause_cause_meaning(*cause), TEXT_SIZE).color(FADED);
        canvas.text((end + 8 + value.width() + 12, middle), &meaning);
    }
}

/// One stacked bar per partition, causes in the order of the legend.
fn per_partition(canvas: &Canvas, group: &GroupOutcome, causes: &[(PauseCause, f64)], rows: &Rows, top: i32) {
    canvas.text((EDGE, top - 16), &Label::new("Each partition", TEXT_SIZE + 2).bold());
    let longest = group.partitions.iter().map(|partition| partition.paused_s).fold(0.0, f64::max);
    let scale = ValueScale::new(longest, 8.0, PLOT_LEFT, PLOT_RIGHT - VALUE_ROOM);
    let bottom = top + rows.total();
    for (x, label) in scale.ticks() {
        canvas.line(&[(x, top), (x, bottom)], GRID.to_rgba(), 1);
        canvas.text((x, bottom + 13), &Label::new(label, TEXT_SIZE).centered());
    }
    canvas.line(&[(PLOT_LEFT, bottom), (scale.end, bottom)], FADED.to_rgba(), 1);
    let title = Label::new("stood still in the whole run (s)", TEXT_SIZE + 1).centered();
    canvas.text(((PLOT_LEFT + scale.end) / 2, bottom + 31), &title);
    for (row, partition) in group.partitions.iter().step_by(rows.every).enumerate() {
        let y = top + rows.top(row);
        let gap = i32::from(rows.has_gaps()) * rows.height / 8;
        let mut until = 0.0;
        for (cause, _) in causes {
            let from = scale.at(until);
            until += partition.paused_s_by_cause.get(cause).copied().unwrap_or_default();
            let color = palette::pause_cause(*cause).to_rgba();
            canvas.fill((from, y + gap), (scale.at(until), y + rows.height - gap), color);
        }
        if rows.height >= TEXT_SIZE + 2 {
            let value = Label::new(units::span(partition.paused_s), TEXT_SIZE).color(FADED);
            canvas.text((scale.at(until) + 6, y + rows.height / 2), &value);
        }
    }
    rows.names(canvas, top, PLOT_LEFT, |entry| group.partitions[entry].partition.as_str());
}
