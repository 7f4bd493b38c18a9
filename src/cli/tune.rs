//! `rebalab tune`: good settings with few runs.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use miette::IntoDiagnostic;

use super::compare::check_figure;
use super::many_runs::{check_directory, stop_flag, threads_or_all};
use super::run::{Format, progress, replay, style};
use super::{Exit, scenario_file, terminal};
use crate::experiment::comparison::{Comparing, Comparison};
use crate::experiment::definition::{Definition, Variant, Varied};
use crate::experiment::figures::RunFigures;
use crate::experiment::plan::{Plan, RunOf};
use crate::experiment::session::{self, SessionEnd, SessionError, Simulation};
use crate::experiment::settings::Settings;
use crate::experiment::store::Earlier;
use crate::experiment::tune::log::{SearchHeader, SearchLog, SearchLogError};
use crate::experiment::tune::{Constraint, Found, Grid, Objective, Search, SearchEnd, Tuned};
use crate::experiment::{Sampling, Seeds};
use crate::report::summary::Style;
use crate::report::tune::{BEST_FILE, files, text};
use crate::report::{json, write};

const RUNS: &str = "runs.jsonl";

/// What is varied where nothing else is said.
const AXES: [&str; 2] = [
    "session.timeout.ms=6000,10000,15000,20000,30000,45000,60000",
    "heartbeat.interval.ms=1000,2000,3000,5000,10000,15000",
];

/// Find good settings with few runs: many points under few seeds, the better ones under more, then their neighbours
///
/// Axes are written as for `rebalab sweep`: --session.timeout.ms=6000..60000*1.25 or --within NAME=VALUES. Without any,
/// session.timeout.ms and heartbeat.interval.ms are varied.
#[derive(clap::Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct Tune {
    /// The scenario file
    scenario: PathBuf,
    /// What to vary and over which values; the same as --NAME=VALUES where the name has a dot or a bracket in it
    #[arg(long = "within", alias = "axis", value_name = "NAME=VALUES")]
    axes: Vec<String>,
    /// The figure that is to be small
    #[arg(long, value_name = "FIGURE", default_value = "paused_partition_seconds_per_day")]
    objective: String,
    /// What must hold, for example detection_s.p95<=45 (which is what Kafka's own session timeout gives); none: --subject-to=
    #[arg(long, value_name = "FIGURE<=NUMBER", value_delimiter = ',', default_value = "detection_s.p95<=45")]
    subject_to: Vec<String>,
    /// The figure that the front trades the objective against
    #[arg(long, value_name = "FIGURE", default_value = "detection_s.p95")]
    against: String,
    /// Seeds of the chosen point: how many, or the first and the last one. As many after them check it
    #[arg(long, value_name = "SEEDS", default_value = "30", value_parser = Seeds::parse)]
    seeds: Seeds,
    /// Most runs of the search [default: a tenth of all points under all seeds]
    #[arg(long, value_name = "RUNS")]
    budget: Option<u64>,
    /// Many points are meant
    #[arg(long)]
    yes: bool,
    /// Threads; as many as there are cores unless said otherwise. The results don't depend on it
    #[arg(long, value_name = "N")]
    threads: Option<std::num::NonZeroUsize>,
    /// Write runs, result, properties and charts into this directory
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Go on with the runs of an earlier call that was stopped
    #[arg(long, conflicts_with = "force")]
    resume: bool,
    /// Replace the runs of an earlier call, and write into a directory that holds other files too
    #[arg(long)]
    force: bool,
    /// What to print
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

impl Tune {
    /// Searches, checks, prints, writes.
    ///
    /// # Errors
    /// A bad scenario, axis or constraint, files in the way, a run that fails, a disk or pipe that fails.
    pub fn execute(&self) -> miette::Result<Exit> {
        let (plan, objective) = (self.plan()?, self.objective()?);
        let against = check_figure(&self.against)?;
        check_directory(&self.out, self.force)?;
        let grid = Grid::of(&plan);
        let seeds = self.seeds.count();
        let mut search = Search {
            grid: &grid,
            objective: &objective,
            first_seed: self.seeds.from,
            seeds,
            budget: self.budget.unwrap_or(0),
        };
        let least = search.least_budget();
        match self.budget {
            Some(budget) if budget < least => {
                return Err(miette::miette!(
                    "--budget {budget} is too small: {least} runs are the least with {seeds} seeds"
                ));
            }
            Some(_) => {}
            None => search.budget = (grid.points() * seeds / 10).max(least),
        }
        let found = self.search(&plan, &search)?;
        let Some(mut tuned) = Tuned::of(&plan, &search, &found, &against) else {
            return Err(miette::miette!("stopped before any point was run"));
        };
        if found.end != SearchEnd::Stopped
            && let Some(check) = self.check(&plan, found.best)?
        {
            tuned.checked(check);
        }
        self.finish(&plan, &tuned)
    }

    fn plan(&self) -> miette::Result<Plan> {
        let scenario = scenario_file::read_whole(&self.scenario)?;
        let axes = if self.axes.is_empty() { AXES.map(String::from).to_vec() } else { self.axes.clone() };
        let trade = [self.objective.clone(), self.against.clone()];
        let varied = Varied::Axes { axes, sampling: Sampling::Grid, aim: self.objective.clone(), trade };
        scenario_file::plan(Definition { varied, seeds: self.seeds, until: None, scenario }, self.yes)
    }

    fn objective(&self) -> miette::Result<Objective> {
        let figure = check_figure(&self.objective)?;
        let constraints = self.subject_to.iter().filter(|text| !text.trim().is_empty());
        let constraints: Result<_, String> = constraints.map(|text| Constraint::parse(text)).collect();
        Ok(Objective { figure, constraints: constraints.map_err(|error| miette::miette!("{error}"))? })
    }

    fn search(&self, plan: &Plan, search: &Search<'_>) -> miette::Result<Found> {
        let constraints = search.objective.constraints.iter().map(ToString::to_string).collect();
        let header = SearchHeader::new(plan.definition(), constraints, search.budget);
        let earlier = match (self.resume, self.force) {
            (true, _) => Earlier::Resume,
            (false, true) => Earlier::Replace,
            (false, false) => Earlier::Keep,
        };
        std::fs::create_dir_all(&self.out).into_diagnostic()?;
        let mut log = SearchLog::open(&self.out.join(RUNS), &header, earlier).into_diagnostic()?;
        let bar = progress(search.budget);
        let mut failed = None;
        let found = search.run(&mut |wanted| {
            let made = self.make(plan, &mut log, wanted);
            bar.inc(wanted.len() as u64);
            match made {
                Ok(Some(made)) => ControlFlow::Continue(made),
                Ok(None) => ControlFlow::Break(()),
                Err(error) => {
                    failed = Some(error);
                    ControlFlow::Break(())
                }
            }
        });
        bar.finish_and_clear();
        if let Some(error) = failed {
            return Err(error);
        }
        if found.end != SearchEnd::Stopped {
            log.finish().into_diagnostic()?;
        }
        Ok(found)
    }

    /// Makes the runs that are wanted, those of an earlier call taken from its file. `None`: somebody asked to stop.
    fn make(&self, plan: &Plan, log: &mut SearchLog, wanted: &[(u64, u64)]) -> miette::Result<Option<Vec<RunFigures>>> {
        let seed = |nth: u64| self.seeds.nth(nth);
        let mut made = Vec::with_capacity(wanted.len());
        for (point, nth) in wanted {
            match log.earlier(*point, seed(*nth)).into_diagnostic()? {
                Some(row) => made.push(row.figures),
                None => break,
            }
        }
        let missing: Vec<RunOf> =
            wanted[made.len()..].iter().map(|(point, nth)| RunOf { point: *point, seed: seed(*nth) }).collect();
        let mut broken: Option<SearchLogError> = None;
        let threads = threads_or_all(self.threads);
        let ended = session::run_listed(plan, &missing, threads, stop_flag(), &Simulation, &mut |row| {
            if let Err(error) = log.row(&row) {
                broken = Some(error);
                return ControlFlow::Break(());
            }
            made.push(row.figures);
            ControlFlow::Continue(())
        });
        if let Some(error) = broken {
            return Err(error).into_diagnostic();
        }
        match ended.map_err(|error: SessionError| miette::miette!("{error}"))? {
            SessionEnd::Complete => Ok(Some(made)),
            SessionEnd::Enough | SessionEnd::Stopped => Ok(None),
        }
    }

    /// The scenario as it is against the chosen settings, under as many seeds that the search did not see. The best of
    /// many is a little flattered by luck; this is not.
    fn check(&self, plan: &Plan, best: u64) -> miette::Result<Option<Comparison>> {
        let variants = vec![
            Variant { name: "scenario".into(), settings: Settings::new() },
            Variant { name: "chosen".into(), settings: plan.settings(best) },
        ];
        let seeds = Seeds { from: self.seeds.to + 1, to: self.seeds.to + self.seeds.count() };
        let scenario = plan.definition().scenario.clone();
        let definition = Definition { varied: Varied::Variants(variants), seeds, until: None, scenario };
        let plan = scenario_file::plan(definition, true)?;
        let mut comparing = Comparing::new(plan.points());
        let mut take = |row| {
            comparing.take(row);
            ControlFlow::Continue(())
        };
        let threads = threads_or_all(self.threads);
        let ended = session::run(&plan, 0..plan.runs(), threads, stop_flag(), &Simulation, None, &mut take);
        match ended.map_err(|error| miette::miette!("{error}"))? {
            SessionEnd::Complete => Ok(Some(comparing.result(&plan))),
            SessionEnd::Enough | SessionEnd::Stopped => Ok(None),
        }
    }

    fn finish(&self, plan: &Plan, tuned: &Tuned) -> miette::Result<Exit> {
        let here = text(tuned, Style::PLAIN, &|seed| Some(replay(Path::new(BEST_FILE), seed)));
        write::directory(&self.out, &files(plan, tuned, &here), true).into_diagnostic()?;
        match self.format {
            Format::Text => {
                terminal::print(&text(tuned, style(), &|seed| Some(replay(&self.out.join(BEST_FILE), seed))))?;
            }
            Format::Json => terminal::print(&json::text(tuned))?,
        }
        Ok(match (tuned.end, &tuned.best.breaks) {
            (SearchEnd::Stopped, _) => Exit::Failure,
            (_, Some(_)) => Exit::Unmet,
            (_, None) => Exit::Success,
        })
    }
}
