//! `rebalab run --seeds`: the same scenario under many seeds, and what they have in common.

use std::fmt::Write;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::sync::atomic::AtomicBool;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use miette::IntoDiagnostic;
use serde::Serialize;

use super::run::{Format, Run, replay};
use super::{Exit, terminal};
use crate::analysis::outcome::{ExpectationOutcome, Totals};
use crate::analysis::{Distributions, Outcome};
use crate::experiment::{self, runner};
use crate::report::chart::distribution::{Series, chart};
use crate::report::{OutputFile, Report, json, junit, write};
use crate::scenario::Scenario;

/// Most seeds of one command.
const SEEDS_MAX: u64 = 10_000_000;

/// A range of seeds, both ends included.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Seeds {
    from: u64,
    to: u64,
}

/// Reads `A..B`.
///
/// # Errors
/// What is wrong with it.
pub fn parse(text: &str) -> Result<Seeds, String> {
    let example = "write it as 1..200 (both included)";
    let (from, to) = text.split_once("..").ok_or(example)?;
    let number = |text: &str| text.trim().parse::<u64>().map_err(|_| format!("`{text}` is no seed: {example}"));
    let (from, to) = (number(from)?, number(to.trim_start_matches('='))?);
    if from > to {
        return Err(format!("it runs backwards: {to}..{from} would be right"));
    }
    if to - from >= SEEDS_MAX {
        return Err(format!("more than {SEEDS_MAX} seeds at once"));
    }
    Ok(Seeds { from, to })
}

/// What is kept of one run.
#[derive(Clone, Debug, Serialize)]
struct SeedLine {
    seed: u64,
    digest: String,
    totals: Totals,
    expectations: Vec<ExpectationOutcome>,
    invariants_hold: bool,
}

impl SeedLine {
    fn holds(&self) -> bool {
        self.expectations.iter().all(|expectation| expectation.holds)
    }
}

/// The result of many runs: what `seeds.json` holds.
#[derive(Debug, Serialize)]
struct SeedsReport<'a> {
    /// Version of this format.
    format_version: u32,
    /// Name of the scenario.
    scenario: &'a str,
    /// Values over all runs.
    distributions: &'a Distributions,
    /// Each run, in the order of seeds.
    runs: &'a [SeedLine],
}

/// Runs every seed, prints and writes.
///
/// # Errors
/// As for one run.
pub fn execute(run: &Run, scenario: &Scenario, seeds: Seeds) -> miette::Result<Exit> {
    let mut lines: Vec<SeedLine> = Vec::new();
    let mut distributions = Distributions::default();
    let mut suites: Vec<Outcome> = Vec::new();
    let progress = progress(seeds.to - seeds.from + 1);
    let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let never = AtomicBool::new(false);
    let work = |seed| experiment::run(scenario, seed, &mut []);
    runner::in_order(seeds.from..seeds.to + 1, threads, &never, work, |seed, (outcome, values)| {
        distributions.merge(&values);
        lines.push(SeedLine {
            seed,
            digest: outcome.run.digest.clone(),
            totals: outcome.totals.clone(),
            expectations: outcome.expectations.clone(),
            invariants_hold: outcome.invariants.iter().all(|invariant| invariant.violations.is_empty()),
        });
        if run.junit.is_some() {
            suites.push(outcome);
        }
        progress.inc(1);
        ControlFlow::<runner::RunPanicked>::Continue(())
    })
    .into_diagnostic()?;
    progress.finish_and_clear();
    let result =
        SeedsReport { format_version: 1, scenario: &scenario.name, distributions: &distributions, runs: &lines };
    let text = text(run, scenario, seeds, &lines, &distributions);
    if let Some(out) = &run.out {
        let mut files = vec![
            OutputFile::new("summary.txt", text.clone()),
            OutputFile::new("seeds.json", json::text(&result)),
            OutputFile::new("seeds.csv", csv(&lines)),
        ];
        files.extend(charts(scenario, &lines, &distributions));
        write::directory(out, &files, run.force).into_diagnostic()?;
    }
    if let Some(path) = &run.junit {
        let replays: Vec<String> = suites.iter().map(|outcome| replay(&run.file, outcome.run.seed)).collect();
        let reports: Vec<Report> =
            suites.iter().zip(&replays).map(|(outcome, replay)| Report { outcome, replay }).collect();
        write::file(path, &junit::text(&reports)).into_diagnostic()?;
    }
    match run.format {
        Format::Json => terminal::print(&json::text(&result))?,
        Format::Text => terminal::print(&text)?,
    }
    Ok(if lines.iter().all(SeedLine::holds) { Exit::Success } else { Exit::Unmet })
}

/// A bar on standard error, if that is a terminal.
fn progress(runs: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(runs), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{bar:40} {pos} of {len} runs, {per_sec}, {eta} left");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn text(run: &Run, scenario: &Scenario, seeds: Seeds, lines: &[SeedLine], distributions: &Distributions) -> String {
    let mut text = String::new();
    let out = &mut text;
    let _ = writeln!(out, "{} under {} seeds ({}..{})\n", scenario.name, lines.len(), seeds.from, seeds.to);
    let _ = writeln!(out, "{:<34}{:>11}{:>11}{:>11}{:>11}", "per run", "median", "p90", "p99", "max");
    let figures: [(&str, fn(&Totals) -> f64); 6] = [
        ("rebalances", |totals| totals.rebalances as f64),
        ("paused partition-seconds", |totals| totals.paused_partition_s),
        ("false expulsions", |totals| totals.false_expulsions as f64),
        ("records processed twice", |totals| totals.duplicates as f64),
        ("failed commits", |totals| totals.commit_failures.values().sum::<u64>() as f64),
        ("lag peak, records", |totals| totals.lag_peak as f64),
    ];
    for (name, figure) in figures {
        let mut values: Vec<f64> = lines.iter().map(|line| figure(&line.totals)).collect();
        values.sort_by(f64::total_cmp);
        row(out, name, |share| Some(values[nearest_rank(share, values.len())]));
    }
    let _ = writeln!(out, "\n{:<34}{:>11}{:>11}{:>11}{:>11}", "over all runs, seconds", "median", "p90", "p99", "max");
    let spans = [
        ("rebalance latency", &distributions.rebalance_latency),
        ("pause of one partition", &distributions.pause),
        ("detection of a crash", &distributions.detection),
    ];
    for (name, values) in spans {
        row(out, name, |share| Some(values.quantile(share)? as f64 / 1e9));
    }
    expectations(out, run, lines);
    text
}

fn nearest_rank(share: f64, count: usize) -> usize {
    ((share * count as f64).ceil() as usize).clamp(1, count) - 1
}

fn row(out: &mut String, name: &str, quantile: impl Fn(f64) -> Option<f64>) {
    let _ = write!(out, "  {name:<32}");
    for share in [0.5, 0.9, 0.99, 1.0] {
        match quantile(share) {
            Some(value) if value.fract() == 0.0 => write!(out, "{value:>11}"),
            Some(value) => write!(out, "{value:>11.3}"),
            None => write!(out, "{:>11}", "-"),
        }
        .unwrap_or_default();
    }
    out.push('\n');
}

fn expectations(out: &mut String, run: &Run, lines: &[SeedLine]) {
    let Some(first) = lines.first() else { return };
    if !first.expectations.is_empty() {
        out.push_str("\nexpectations\n");
    }
    for (place, expectation) in first.expectations.iter().enumerate() {
        let failing: Vec<&SeedLine> = lines.iter().filter(|line| !line.expectations[place].holds).collect();
        let mark = if failing.is_empty() { "holds" } else { "FAILS" };
        let held = lines.len() - failing.len();
        let name = format!("{} {}", expectation.figure, expectation.check);
        let _ = writeln!(out, "  {mark}  {name:<50} in {held} of {} runs", lines.len());
        if let Some(line) = failing.first() {
            let _ = writeln!(out, "         seed {}: {}", line.seed, line.expectations[place].text);
        }
    }
    let worst = lines.iter().max_by(|a, b| a.totals.paused_partition_s.total_cmp(&b.totals.paused_partition_s));
    if let Some(worst) = worst {
        let _ = writeln!(out, "\nlongest paused  {}", replay(&run.file, worst.seed));
    }
    let violated = lines.iter().find(|line| !line.invariants_hold);
    if let Some(violated) = violated {
        let _ = writeln!(out, "invariant broken  {}", replay(&run.file, violated.seed));
    }
}

fn csv(lines: &[SeedLine]) -> String {
    let mut text = String::from(
        "seed,digest,holds,rebalances,paused_partition_s,false_expulsions,duplicates,commit_failures,lag_peak\n",
    );
    for line in lines {
        let totals = &line.totals;
        let _ = writeln!(
            text,
            "{},{},{},{},{},{},{},{},{}",
            line.seed,
            line.digest,
            line.holds(),
            totals.rebalances,
            totals.paused_partition_s,
            totals.false_expulsions,
            totals.duplicates,
            totals.commit_failures.values().sum::<u64>(),
            totals.lag_peak
        );
    }
    text
}

fn charts(scenario: &Scenario, lines: &[SeedLine], distributions: &Distributions) -> Vec<OutputFile> {
    let runs = format!("{}, {} runs", scenario.name, lines.len());
    let latency = [Series { name: "rebalance latency", values: &distributions.rebalance_latency }];
    let pause = [Series { name: "pause of one partition", values: &distributions.pause }];
    let charts = [
        ("rebalance-latency.svg", chart("How long rebalances took", &runs, "rebalance latency", &latency)),
        ("pause.svg", chart("How long partitions stood still", &runs, "pause of one partition", &pause)),
    ];
    charts.into_iter().filter_map(|(name, svg)| Some(OutputFile::new(name, svg?))).collect()
}
