//! Lag of a group over time, against what is processed and against what is committed, with rebalances as bands and faults
//! above.

use plotters::style::{Color, RGBColor};

use crate::analysis::outcome::{GroupOutcome, LagSample};
use crate::report::{Exporter, OutputFile, Report, units};

use super::axis::{AXIS_HEIGHT, TimeScale, ValueScale};
use super::canvas::{Canvas, Label, draw};
use super::palette::{BLUE, GREEN, REBALANCE};
use super::sheet::{EDGE, Head, Key, PLOT_LEFT, PLOT_RIGHT, WIDTH, file};
use super::strips::{Faults, Generations, rebalance_end};

/// Writes `charts/lag.svg` for every group that had lag.
pub struct Lag;

impl Exporter for Lag {
    fn export(&self, report: &Report) -> Vec<OutputFile> {
        let has_lag =
            |group: &&GroupOutcome| group.lag.samples.iter().any(|sample| sample.lag + sample.committed_lag > 0);
        let groups = report.outcome.groups.iter().filter(has_lag);
        groups.map(|group| file(report, "lag", &group.id, chart(report, group))).collect()
    }
}

const PLOT_HEIGHT: i32 = 360;
const PROCESSED: RGBColor = BLUE;
const COMMITTED: RGBColor = GREEN;

fn chart(report: &Report, group: &GroupOutcome) -> String {
    let outcome = report.outcome;
    let samples = &group.lag.samples;
    let legend = vec![
        Key::new(PROCESSED, "lag: records not yet processed"),
        Key::new(COMMITTED, "committed lag: records beyond the committed offsets"),
        Key::new(REBALANCE, "rebalance"),
    ];
    let every = units::span(group.lag.every_s);
    let says = format!(
        "All {} together; sampled every {every}, the largest value counts. Peak {}, at the end {}.",
        units::counted(group.partitions.len() as u64, "partition", "partitions"),
        units::counted(group.totals.lag_peak, "record", "records"),
        units::count(group.totals.lag_at_end),
    );
    let head = Head::new(report, &format!("Lag of {}", group.id), &says, legend);
    let time = TimeScale { from_s: 0.0, to_s: outcome.run.duration_s, left: PLOT_LEFT, right: PLOT_RIGHT };
    let faults = Faults::new(&outcome.faults, &time);
    let generations = Generations::new(&group.rebalances);
    let strips_top = head.height();
    let top = strips_top + faults.height() + generations.height() + 6;
    let bottom = top + PLOT_HEIGHT;
    let largest = samples.iter().map(|sample| sample.lag.max(sample.committed_lag)).max().unwrap_or_default();
    let values = ValueScale::new(largest as f64 * 1.08, 6.0, bottom, top);
    draw(WIDTH, bottom + AXIS_HEIGHT + EDGE / 2, |canvas| {
        head.draw(canvas);
        bands(canvas, group, &time, (top, bottom));
        values.draw_left(canvas, PLOT_LEFT, PLOT_RIGHT, "lag (records)");
        time.draw(canvas, top, bottom, "simulated time");
        faults.draw(canvas, &time, strips_top, bottom, true);
        generations.draw(canvas, &time, strips_top + faults.height(), top);
        curve(canvas, samples, |sample| sample.committed_lag, &time, &values, COMMITTED);
        curve(canvas, samples, |sample| sample.lag, &time, &values, PROCESSED);
        peak(canvas, samples, &time, &values);
    })
}

fn bands(canvas: &Canvas, group: &GroupOutcome, time: &TimeScale, (top, bottom): (i32, i32)) {
    for (index, rebalance) in group.rebalances.iter().enumerate() {
        let next = group.rebalances.get(index + 1).map(|next| next.preparing_s);
        let (from, to) = time.span(rebalance.preparing_s, rebalance_end(rebalance, next, time.to_s));
        canvas.fill((from, top), (to, bottom), REBALANCE.mix(0.35));
    }
}

/// A line through the samples; of those that fall on one pixel the largest counts.
fn curve(
    canvas: &Canvas,
    samples: &[LagSample],
    value: impl Fn(&LagSample) -> u64,
    time: &TimeScale,
    values: &ValueScale,
    color: RGBColor,
) {
    let mut points: Vec<(i32, i32)> = Vec::new();
    for sample in samples {
        let (x, y) = (time.x(sample.at_s), values.at(value(sample) as f64));
        match points.last_mut() {
            Some(last) if last.0 == x => last.1 = last.1.min(y),
            _ => points.push((x, y)),
        }
    }
    canvas.line(&points, color.to_rgba(), 2);
}

/// Names the largest lag where it is.
fn peak(canvas: &Canvas, samples: &[LagSample], time: &TimeScale, values: &ValueScale) {
    let Some(peak) = samples.iter().rev().max_by_key(|sample| sample.lag) else { return };
    let (x, y) = (time.x(peak.at_s), values.at(peak.lag as f64));
    let label =
        Label::new(format!("{} at {}", units::count(peak.lag), units::instant(peak.at_s)), 11).bold().color(PROCESSED);
    // Above the peak there is nothing but the peak; at the upper edge the text slides into the plot.
    let half = label.width() / 2 + 4;
    let at = (x.clamp(PLOT_LEFT + half, PLOT_RIGHT - half), (y - 11).max(values.end + 10));
    canvas.text_on_ground(at, &label.centered());
}
