//! The table of rebalances: when, how long, why, and who held the barrier.

use crate::analysis::outcome::{Barrier, GroupOutcome, Rebalance, Totals};
use crate::report::units::{count, instant, quantity, span};
use crate::report::words::{barrier_phase, unusual_end};

use super::page::{Page, Paint, WIDTH, wrap};

/// Rebalances that fit the eye; of more, those are shown that cost the most.
const SHOWN: usize = 10;

const HEADS: [&str; 5] = ["#", "at", "generation", "latency", "paused"];

/// The table of one group, if it had rebalances.
pub(super) fn of_group(page: &mut Page, group: &GroupOutcome, name_it: bool) {
    if group.rebalances.is_empty() {
        return;
    }
    let name = if name_it { format!(" of {}", group.id) } else { String::new() };
    let shown = most_costly(&group.rebalances);
    let hidden = group.totals.rebalances.saturating_sub(shown.len() as u64);
    let selection = match hidden {
        0 => String::new(),
        _ => format!(": the {} of {} with the most paused time", shown.len(), count(group.totals.rebalances)),
    };
    page.heading(&format!("Rebalances{name}{selection} (paused: partition-seconds)"));
    let rows: Vec<[String; 5]> = shown.iter().map(|rebalance| figures(rebalance)).collect();
    let widths: [usize; 5] = std::array::from_fn(|column| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([HEADS[column].len()]).max().unwrap_or_default()
    });
    let head = format!("{}why, and who held the barrier", line(&HEADS.map(str::to_string), widths));
    page.line(&[(Paint::Dim, head)]);
    for (rebalance, figures) in shown.into_iter().zip(rows) {
        row(page, rebalance, &line(&figures, widths));
    }
    if hidden > 0 {
        holders(page, &group.totals);
        page.line(&[(Paint::Dim, "  all of them are in tables/rebalances.csv and report.json".into())]);
    }
}

/// The rebalances that made partitions stand still longest, in time order.
fn most_costly(rebalances: &[Rebalance]) -> Vec<&Rebalance> {
    let mut shown: Vec<&Rebalance> = rebalances.iter().collect();
    shown.sort_by(|a, b| {
        b.paused_partition_seconds.total_cmp(&a.paused_partition_seconds).then(a.number.cmp(&b.number))
    });
    shown.truncate(SHOWN);
    shown.sort_by_key(|rebalance| rebalance.number);
    shown
}

fn figures(rebalance: &Rebalance) -> [String; 5] {
    let generation = rebalance.generation.map_or("?".to_string(), |generation| generation.to_string());
    [
        rebalance.number.to_string(),
        instant(rebalance.preparing_s),
        format!("{}→{generation}", rebalance.old_generation),
        rebalance.latency_s.map_or("-".to_string(), span),
        quantity(rebalance.paused_partition_seconds),
    ]
}

/// The cells of a row, right-aligned, with a gap behind each.
fn line(cells: &[String; 5], widths: [usize; 5]) -> String {
    let mut line = String::new();
    for (cell, width) in cells.iter().zip(widths) {
        line.push_str(&format!("  {cell:>width$}"));
    }
    line.push_str("  ");
    line
}

fn row(page: &mut Page, rebalance: &Rebalance, figures: &str) {
    let indent = figures.chars().count();
    let room = WIDTH - indent;
    let mut lines: Vec<(Paint, String)> = Vec::new();
    let why = if rebalance.trigger.text.is_empty() { &rebalance.reason } else { &rebalance.trigger.text };
    lines.extend(wrap(why, room, room).into_iter().map(|line| (Paint::Plain, line)));
    if let Some(barrier) = &rebalance.barrier {
        lines.extend(wrap(&held_by(barrier), room, room).into_iter().map(|line| (Paint::Yellow, line)));
    }
    if let Some(end) = unusual_end(rebalance.end) {
        lines.push((Paint::Red, end.to_string()));
    }
    for (index, line) in lines.into_iter().enumerate() {
        let before = if index == 0 { figures.to_string() } else { format!("{:indent$}", "") };
        page.line(&[(Paint::Plain, before), line]);
    }
}

/// `▸ worker-3: finish batch 4.6 s (max.poll.interval.ms 300000), others waited 3.31 s`
fn held_by(barrier: &Barrier) -> String {
    let setting = match (&barrier.setting, barrier.setting_value) {
        (Some(setting), Some(value)) => format!(" ({setting} {value})"),
        (Some(setting), None) => format!(" ({setting})"),
        (None, _) => String::new(),
    };
    let phase = format!("{} {}{setting}", barrier_phase(barrier.phase), span(barrier.phase_s));
    let fault = barrier.fault.as_ref().map(|fault| format!(", under {fault}")).unwrap_or_default();
    match &barrier.holder {
        Some(holder) => format!("▸ {holder}: {phase}{fault}, others waited {}", span(barrier.waited_s)),
        None => format!("▸ {phase}{fault}"),
    }
}

/// Who held the barrier how often, the most frequent first: a table that shows only some rebalances does not tell.
fn holders(page: &mut Page, totals: &Totals) {
    const NAMED: usize = 6;
    if totals.barrier_holders.is_empty() {
        return;
    }
    let mut holders: Vec<_> = totals.barrier_holders.iter().collect();
    holders.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
    let mut named: Vec<String> = holders.iter().take(NAMED).map(|(name, times)| format!("{name} ×{times}")).collect();
    if holders.len() > NAMED {
        named.push(format!("{} others", holders.len() - NAMED));
    }
    page.wrapped(2, 4, &format!("barrier held most often by {}", named.join(", ")));
}
