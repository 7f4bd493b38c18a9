//! Many seeds: runs on several threads, results in the order of the seeds whatever the threads do.

use std::ops::ControlFlow;
use std::sync::atomic::AtomicBool;

use indicatif::{ProgressBar, ProgressStyle};
use miette::IntoDiagnostic;

use super::one::style;
use super::{Format, Run, SeedRange, refused, verdict};
use crate::cli::many_runs::threads_or_all;
use crate::cli::{Exit, terminal};
use crate::experiment::runner::{PerThread, RunPanicked, in_order};
use crate::experiment::{self, ScenarioText, Series};
use crate::report::series::{self, SeriesReport};
use crate::report::{json, write};
use crate::scenario::Scenario;

pub(super) fn execute(args: &Run, scenario: &ScenarioText, seeds: SeedRange) -> miette::Result<Exit> {
    let threads = threads_or_all(args.threads);
    let bar = progress(seeds.last - seeds.first + 1);
    let mut all = Series::new();
    let scenarios: PerThread<Option<Scenario>> = PerThread::new(threads);
    let run = |seed| experiment::run(scenarios.own().get_or_insert_with(|| scenario.scenario()), seed, &mut []);
    in_order(seeds.first..seeds.last + 1, threads, &AtomicBool::new(false), run, |_, (outcome, distributions)| {
        all.add(outcome, &distributions);
        bar.inc(1);
        ControlFlow::<RunPanicked>::Continue(())
    })
    .into_diagnostic()?;
    bar.finish_and_clear();
    let replay = |seed| args.replay(seed);
    let report = SeriesReport { series: &all, replay: &replay };
    if let Some(directory) = &args.out {
        write::directory(directory, &series::files(&report), args.force).map_err(refused)?;
    }
    args.write_junit(|| series::junit_text(&report))?;
    match args.format {
        Format::Json => terminal::print(&json::text(&all))?,
        Format::Text => terminal::print(&series::text(&report, style()))?,
    }
    Ok(verdict(all.expectations_hold()))
}

/// A bar on standard error; indicatif shows it on a terminal only.
pub(in crate::cli) fn progress(runs: u64) -> ProgressBar {
    let template = "{bar:40} {pos}/{len} runs, {per_sec}, {eta} left";
    let style = ProgressStyle::with_template(template).expect("the template is right");
    ProgressBar::new(runs).with_style(style)
}
