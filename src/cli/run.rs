//! `rebalab run`: runs a scenario under a seed, or under many, and says what happened.

use std::fs::File;
use std::io::{BufWriter, IsTerminal};
use std::path::{Path, PathBuf};

use miette::{IntoDiagnostic, WrapErr};

use super::{Exit, run_seeds, scenario_file, terminal};
use crate::cluster;
use crate::experiment;
use crate::report::{Report, files, json, junit, summary, write};
use crate::scenario::Scenario;
use crate::trace::{Directory, Event, Observer, TraceEvent, TraceWriter};

/// Run a scenario and report what happened: rebalances, pauses, who held them up
#[derive(clap::Args, Debug)]
pub struct Run {
    /// The scenario file
    pub(super) file: PathBuf,
    /// Seed of all chance in the run
    #[arg(long, value_name = "N", default_value_t = 1, conflicts_with = "seeds")]
    seed: u64,
    /// Run under each of these seeds, for example 1..200 (both included)
    #[arg(long, value_name = "A..B", value_parser = run_seeds::parse)]
    seeds: Option<run_seeds::Seeds>,
    /// Write report.json, tables and charts into this directory
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    /// Write into a directory that holds other files too
    #[arg(long, requires = "out")]
    pub(super) force: bool,
    /// Write every event of the run to this file, as JSON Lines
    #[arg(long, value_name = "FILE", conflicts_with = "seeds")]
    trace: Option<PathBuf>,
    /// What to print
    #[arg(long, value_enum, default_value = "text")]
    pub(super) format: Format,
    /// Write the expectations and whether they hold to this file, as JUnit XML
    #[arg(long, value_name = "FILE")]
    pub(super) junit: Option<PathBuf>,
    /// Print the coordinators' log lines too, in Kafka's wording
    #[arg(short, long, conflicts_with = "seeds")]
    verbose: bool,
}

/// What is printed to standard output.
#[derive(clap::ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Format {
    /// A summary for people
    Text,
    /// The whole report, for programs
    Json,
}

impl Run {
    /// Runs, prints, writes.
    ///
    /// # Errors
    /// A bad scenario, a directory that must not be written to, a disk or pipe that fails.
    pub fn execute(&self) -> miette::Result<Exit> {
        let scenario = scenario_file::read(&self.file)?;
        if let Some(out) = &self.out {
            write::check_directory(out, self.force).into_diagnostic()?;
        }
        match self.seeds {
            Some(seeds) => run_seeds::execute(self, &scenario, seeds),
            None => self.one(&scenario),
        }
    }

    fn one(&self, scenario: &Scenario) -> miette::Result<Exit> {
        let mut log = CoordinatorLog::default();
        let mut others: Vec<&mut dyn Observer> = Vec::new();
        if self.verbose {
            others.push(&mut log);
        }
        let outcome = match &self.trace {
            None => experiment::run(scenario, self.seed, &mut others).0,
            Some(path) => {
                let failed = || format!("failed to write the trace {}", path.display());
                let mut file = BufWriter::new(File::create(path).into_diagnostic().wrap_err_with(failed)?);
                let mut writer = TraceWriter::new(&cluster::directory(scenario), &mut file);
                others.push(&mut writer);
                let (outcome, _) = experiment::run(scenario, self.seed, &mut others);
                writer.finish().into_diagnostic().wrap_err_with(failed)?;
                outcome
            }
        };
        let replay = replay(&self.file, self.seed);
        let report = Report { outcome: &outcome, replay: &replay };
        if let Some(out) = &self.out {
            write::directory(out, &files(&report), self.force).into_diagnostic()?;
        }
        if let Some(path) = &self.junit {
            write::file(path, &junit::text(&[report])).into_diagnostic()?;
        }
        let mut text = log.lines;
        match self.format {
            Format::Json => text = json::text(&outcome),
            Format::Text => text += &summary::text(&report, style()),
        }
        terminal::print(&text)?;
        let all_hold = outcome.expectations.iter().all(|expectation| expectation.holds);
        Ok(if all_hold { Exit::Success } else { Exit::Unmet })
    }
}

/// The command that gives the same run again.
pub(super) fn replay(file: &Path, seed: u64) -> String {
    let name = file.display().to_string();
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || "/._-+".contains(c));
    let name = if plain { name } else { format!("'{}'", name.replace('\'', r"'\''")) };
    format!("rebalab run {name} --seed {seed}")
}

/// Colour on a terminal, unless somebody asked for none.
pub(super) fn style() -> summary::Style {
    if std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none() {
        summary::Style::COLOR
    } else {
        summary::Style::PLAIN
    }
}

/// The coordinators' log as a broker would have written it, so that a run can be laid beside a real one.
#[derive(Default)]
struct CoordinatorLog {
    lines: String,
}

impl Observer for CoordinatorLog {
    fn event(&mut self, _directory: &Directory, event: &TraceEvent) {
        use std::fmt::Write;
        if let Event::Coordinator { broker, event: what } = &event.event {
            if what.is_logged() {
                let _ = writeln!(self.lines, "{:>12}  [GroupCoordinator id={}] {what}", event.at.to_string(), broker.0);
            }
        }
    }
}
