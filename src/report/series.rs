//! A scenario under many seeds: the text for the terminal, `report.json`, `tables/seeds.csv`, and the distributions as
//! charts.

use std::fmt::Write as _;

use crate::analysis::Histogram;
use crate::analysis::outcome::Totals;
use crate::experiment::series::{Series, SeriesExpectation};

use super::chart::distribution;
use super::summary::Style;
use super::summary::page::{Page, Paint};
use super::units::{count, counted, quantity, span};
use super::{OutputFile, json, junit};

/// Seeds named after an expectation that they don't meet.
const SEEDS_NAMED: usize = 8;
/// More runs than this are not listed one by one; `tables/seeds.csv` has them all.
const RUNS_LISTED: usize = 20;

/// A series and how to see it again.
#[derive(Clone, Copy)]
pub struct SeriesReport<'a> {
    /// What came of the runs.
    pub series: &'a Series,
    /// The exact command that repeats the run with this seed.
    pub replay: &'a dyn Fn(u64) -> String,
}

/// All files of the report of a series.
pub fn files(report: &SeriesReport) -> Vec<OutputFile> {
    let series = report.series;
    let mut files = vec![
        OutputFile::new("summary.txt", text(report, Style::PLAIN)),
        OutputFile::new("report.json", json::text(series)),
        OutputFile::new("tables/seeds.csv", table(series)),
    ];
    if !series.expectations.is_empty() {
        files.push(OutputFile::new("junit.xml", junit_text(report)));
    }
    let (latencies, pauses) = (&series.distributions.rebalance_latency, &series.distributions.pause);
    files
        .extend(chart(series, "rebalance latency", latencies).map(|svg| OutputFile::new("rebalance-latency.svg", svg)));
    files.extend(chart(series, "pause of a partition", pauses).map(|svg| OutputFile::new("pause.svg", svg)));
    files
}

fn chart(series: &Series, what: &str, values: &Histogram) -> Option<String> {
    let title = format!("{}: {what}", series.scenario);
    let subtitle = format!("{} of {}", counted(values.count(), "value", "values"), runs(series));
    distribution::chart(&title, &subtitle, what, &[distribution::Series { name: &series.scenario, values }])
}

/// The expectations of every run as JUnit XML.
pub fn junit_text(report: &SeriesReport) -> String {
    let replays: Vec<String> = report.series.runs.iter().map(|run| (report.replay)(run.seed)).collect();
    let runs = report.series.runs.iter().zip(&replays);
    let suites: Vec<junit::Suite> = runs
        .map(|(run, replay)| junit::Suite { identity: run.identity(), expectations: &run.expectations, replay })
        .collect();
    junit::text(&suites)
}

/// The summary of a series.
pub fn text(report: &SeriesReport, style: Style) -> String {
    let series = report.series;
    let mut page = Page::new(style);
    page.line(&[(Paint::Bold, series.scenario.clone())]);
    page.wrapped(0, 0, &series.description);
    page.line(&[(Paint::Dim, format!("{} · {} simulated each", runs(series), span(series.duration_s)))]);
    spreads(&mut page, series);
    listing(&mut page, series);
    expectations(&mut page, series);
    if let Some(worst) = series.worst() {
        page.blank();
        let paused = quantity(worst.totals.paused_partition_seconds);
        page.fact("Worst run", &format!("seed {}", worst.seed), &format!("{paused} partition-seconds stood still"));
        page.fact("Replay", &(report.replay)(worst.seed), "");
    }
    if let Some(run) = series.runs.iter().find(|run| !run.invariants_violated.is_empty()) {
        page.fact("Invariant broken", &(report.replay)(run.seed), &run.invariants_violated.join(", "));
    }
    page.finish()
}

fn runs(series: &Series) -> String {
    let seeds = match (series.runs.first(), series.runs.last()) {
        (Some(first), Some(last)) if first.seed != last.seed => format!(", seeds {} to {}", first.seed, last.seed),
        (Some(only), _) => format!(", seed {}", only.seed),
        _ => String::new(),
    };
    format!("{}{seeds}", counted(series.runs.len() as u64, "run", "runs"))
}

/// A figure's name and how to read it off the totals.
type NamedFigure = (&'static str, fn(&Totals) -> f64);

/// Figures of single runs that the summary shows.
const FIGURES: [NamedFigure; 6] = [
    ("rebalances", |totals| totals.rebalances as f64),
    ("paused partition-seconds", |totals| totals.paused_partition_seconds),
    ("false expulsions", |totals| totals.false_expulsions as f64),
    ("records processed again", |totals| totals.duplicates as f64),
    ("failed commits", |totals| totals.commit_failures.values().sum::<u64>() as f64),
    ("lag peak, records", |totals| totals.lag_peak as f64),
];

/// Shares of runs (or values) that the columns stand for.
const SHARES: [(&str, f64); 4] = [("median", 0.5), ("90 %", 0.9), ("99 %", 0.99), ("most", 1.0)];

fn spreads(page: &mut Page, series: &Series) {
    page.heading("Per run");
    columns(page);
    for (name, figure) in FIGURES {
        let mut values: Vec<f64> = series.runs.iter().map(|run| figure(&run.totals)).collect();
        values.sort_by(f64::total_cmp);
        row(page, name, SHARES.map(|(_, share)| nearest_rank(share, &values).map(quantity)));
    }
    page.heading("Over all runs");
    columns(page);
    let values = &series.distributions;
    for (name, values) in [
        ("rebalance latency", &values.rebalance_latency),
        ("pause of a partition", &values.pause),
        ("detection of a crash", &values.detection),
    ] {
        let quantile = |share| values.quantile(share).map(|nanos| span(nanos as f64 / 1e9));
        row(page, name, SHARES.map(|(_, share)| quantile(share)));
    }
}

fn columns(page: &mut Page) {
    let names: String = SHARES.iter().map(|(name, _)| format!("{name:>14}")).collect();
    page.line(&[(Paint::Dim, format!("  {:<26}{names}", ""))]);
}

fn row(page: &mut Page, name: &str, cells: [Option<String>; SHARES.len()]) {
    let cells: String = cells.iter().map(|cell| format!("{:>14}", cell.as_deref().unwrap_or("-"))).collect();
    page.line(&[(Paint::Plain, format!("  {name:<26}{cells}"))]);
}

/// The least value that the share of all does not exceed.
fn nearest_rank(share: f64, sorted: &[f64]) -> Option<f64> {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.max(1) - 1).copied()
}

fn listing(page: &mut Page, series: &Series) {
    if series.runs.len() > RUNS_LISTED {
        return;
    }
    page.heading("Runs");
    let head = format!(
        "  {:>6}  {:>10}  {:>14}  {:>13}  {:>10}  {:>10}  {}",
        "seed", "rebalances", "paused part.-s", "longest pause", "expulsions", "duplicates", "expectations"
    );
    page.line(&[(Paint::Dim, head)]);
    for run in &series.runs {
        let totals = &run.totals;
        let unmet = run.expectations.iter().filter(|line| !line.holds).count() as u64;
        let (paint, verdict) = match (run.expectations.len(), unmet) {
            (0, _) => (Paint::Plain, String::new()),
            (_, 0) => (Paint::Green, "hold".to_string()),
            (_, unmet) => (Paint::Red, format!("{unmet} not met")),
        };
        let cells = format!(
            "  {:>6}  {:>10}  {:>14}  {:>13}  {:>10}  {:>10}  ",
            run.seed,
            count(totals.rebalances),
            quantity(totals.paused_partition_seconds),
            span(totals.pause.max.unwrap_or(0.0)),
            count(totals.false_expulsions),
            count(totals.duplicates)
        );
        page.line(&[(Paint::Plain, cells), (paint, verdict)]);
    }
}

fn expectations(page: &mut Page, series: &Series) {
    if series.expectations.is_empty() {
        return;
    }
    page.heading("Expectations");
    for line in &series.expectations {
        let mark = if line.unmet_seeds.is_empty() { (Paint::Green, "✓") } else { (Paint::Red, "✗") };
        page.marked(2, mark, &verdict(line));
        let unmet = series.runs.iter().find(|run| line.unmet_seeds.first() == Some(&run.seed));
        if let Some(run) = unmet
            && let Some(first) = run.expectations.iter().find(|of_run| of_run.figure == line.figure && !of_run.holds)
        {
            page.wrapped(4, 4, &format!("seed {}: {}", run.seed, first.text));
        }
    }
}

fn verdict(line: &SeriesExpectation) -> String {
    let unmet = line.unmet_seeds.len();
    let mut text = format!("{} {}", line.figure, line.check);
    if unmet == 0 {
        let _ = write!(text, ": holds in every run");
        return text;
    }
    let seeds: Vec<String> = line.unmet_seeds.iter().take(SEEDS_NAMED).map(u64::to_string).collect();
    let more = if unmet > SEEDS_NAMED { ", …" } else { "" };
    let _ = write!(
        text,
        ": holds in {} of {} runs, not under {}{more}",
        line.held,
        line.held + unmet as u64,
        seeds.join(", ")
    );
    text
}

/// One line per seed with the figures that tell runs apart.
fn table(series: &Series) -> String {
    let mut text = String::from(
        "seed,digest,rebalances,paused_partition_seconds,longest_pause_s,rebalance_latency_p50_s,rebalance_latency_max_s,\
         unavailable_partition_seconds,double_owned_partition_seconds,false_expulsions,poll_interval_exceeded,duplicates,\
         commit_failures,lag_peak,livelocks,invariants_violated,expectations_unmet\n",
    );
    let number = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
    for run in &series.runs {
        let totals = &run.totals;
        let cells = [
            run.seed.to_string(),
            run.digest.clone(),
            totals.rebalances.to_string(),
            totals.paused_partition_seconds.to_string(),
            number(totals.pause.max),
            number(totals.rebalance_latency.p50),
            number(totals.rebalance_latency.max),
            totals.unavailable_partition_seconds.to_string(),
            totals.double_owned_partition_seconds.to_string(),
            totals.false_expulsions.to_string(),
            totals.poll_interval_exceeded.to_string(),
            totals.duplicates.to_string(),
            totals.commit_failures.values().sum::<u64>().to_string(),
            totals.lag_peak.to_string(),
            run.livelocks.len().to_string(),
            run.invariants_violated.len().to_string(),
            run.expectations.iter().filter(|line| !line.holds).count().to_string(),
        ];
        let _ = writeln!(text, "{}", cells.join(","));
    }
    text
}
