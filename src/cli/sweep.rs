//! `rebalab sweep`: a scenario over many settings, with maps, trade-offs and every run in tables.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use miette::IntoDiagnostic;

use super::compare::check_figure;
use super::many_runs::{ManyRuns, RUNS, check_directory, write_csv};
use super::run::{Format, replay, style};
use super::{Exit, scenario_file, terminal};
use crate::experiment::definition::{Definition, Varied};
use crate::experiment::plan::Plan;
use crate::experiment::space::Sampling;
use crate::experiment::store;
use crate::experiment::sweep::{AgainstBest, Curves, Sweep, Sweeping};
use crate::report::summary::Style;
use crate::report::sweep::{WORST_FILE, files, text};
use crate::report::{json, write};

/// Sweep settings: the scenario at every combination of values, with heat maps, trade-off curves and tables
///
/// Any Kafka property is an axis, and any number in the scenario by its path:
///
///   --session.timeout.ms=6000,10000,45000             a list
///   --heartbeat.interval.ms=1000..15000/2000          from, to, step
///   --session.timeout.ms=6000..96000*2                from, to, factor
///   --heartbeat.interval.ms=session.timeout.ms/3,3000 values that follow another axis
///   --groups[0].consumers[worker].count=4,8           a number in the scenario
///   --faults[0].gc_pause.for=5s..20s/5s               time spans
#[derive(clap::Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct SweepArguments {
    /// The scenario file
    scenario: PathBuf,
    /// An axis, NAME=VALUES; the same as --NAME=VALUES where the name has a dot or a bracket in it
    #[arg(long = "axis", value_name = "NAME=VALUES")]
    axes: Vec<String>,
    /// Draw so many points (a Latin hypercube) in place of every combination
    #[arg(long, value_name = "N")]
    samples: Option<u64>,
    /// The figure that the best point is best in
    #[arg(long, value_name = "FIGURE", default_value = "paused_partition_seconds_per_hour")]
    figure: String,
    /// Two figures that are traded against each other
    #[arg(long, value_name = "FIGURE,FIGURE", value_delimiter = ',', num_args = 2,
          default_values = ["false_expulsions_per_day", "detection_s.p95"])]
    trade: Vec<String>,
    /// Many points are meant
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    many: ManyRuns,
    /// What to print
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

impl SweepArguments {
    /// Runs, prints, writes.
    ///
    /// # Errors
    /// A bad scenario or axis, files in the way, a run that fails, a disk or pipe that fails.
    pub fn execute(&self) -> miette::Result<Exit> {
        let definition = self.definition()?;
        let Some(out) = &self.many.out else {
            return Err(miette::miette!("a sweep writes tables and charts: name a directory for them with --out DIR"));
        };
        let plan = scenario_file::plan(definition, self.yes)?;
        let shard = self.many.shard.is_some();
        let mut sweeping = Sweeping::new(&plan);
        let collected = self.many.collect(&plan, &mut |row| {
            if !shard {
                sweeping.take(&row);
            }
            ControlFlow::Continue(())
        })?;
        if !collected.whole {
            self.many.tell_stopped(collected, &plan);
        }
        if shard {
            return Ok(if collected.whole { Exit::Success } else { Exit::Failure });
        }
        let exit = finish(&plan, sweeping.result(), out, self.many.force, self.format)?;
        Ok(if collected.whole { exit } else { Exit::Failure })
    }

    fn definition(&self) -> miette::Result<Definition> {
        check_figure(&self.figure)?;
        let [first, second] = self.trade.as_slice() else {
            return Err(miette::miette!(
                "--trade takes two figures, for example false_expulsions_per_day,detection_s.p95"
            ));
        };
        check_figure(first)?;
        check_figure(second)?;
        let sampling = self.samples.map_or(Sampling::Grid, |samples| Sampling::LatinHypercube { samples });
        let trade = [first.clone(), second.clone()];
        let varied = Varied::Axes { axes: self.axes.clone(), sampling, aim: self.figure.clone(), trade };
        let scenario = scenario_file::read_whole(&self.scenario)?;
        Ok(Definition { varied, seeds: self.many.seeds, until: None, scenario })
    }
}

/// Compares every point with the best, prints the result and writes it.
///
/// # Errors
/// Runs that can't be read again, files in the way, a disk or pipe that fails.
pub(super) fn finish(plan: &Plan, mut sweep: Sweep, out: &Path, force: bool, format: Format) -> miette::Result<Exit> {
    check_directory(out, force)?;
    let mut curves = Curves::of(&sweep);
    if let Some(mut against) = AgainstBest::new(&sweep) {
        let runs = out.join(RUNS);
        store::read_so_far(&runs, &mut |row| {
            against.take_best(&row);
            curves.take(&row);
        })
        .into_diagnostic()?;
        store::read_so_far(&runs, &mut |row| against.take(&row)).into_diagnostic()?;
        against.put_into(&mut sweep);
    }
    write_csv(out, plan)?;
    // In the directory itself, commands are those that work from there.
    let here = text(&sweep, Style::PLAIN, &|seed| Some(replay(Path::new(WORST_FILE), seed)));
    write::directory(out, &files(plan, &sweep, &curves, &here), true).into_diagnostic()?;
    match format {
        Format::Text => terminal::print(&text(&sweep, style(), &|seed| Some(replay(&out.join(WORST_FILE), seed))))?,
        Format::Json => terminal::print(&json::text(&sweep))?,
    }
    let unmet = sweep.points.iter().any(|point| point.expectations_unmet_runs > 0);
    Ok(if unmet { Exit::Unmet } else { Exit::Success })
}
