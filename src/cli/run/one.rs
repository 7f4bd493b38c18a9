//! One run: its trace, its report, its summary.

use std::io::IsTerminal;

use super::log::CoordinatorLog;
use super::trace_file::TraceFile;
use super::{Format, Run, refused, verdict};
use crate::cli::{Exit, terminal};
use crate::cluster;
use crate::experiment;
use crate::report::summary::{self, Style};
use crate::report::{self, Report, json, junit, write};
use crate::scenario::Scenario;
use crate::trace::{Observer, TraceWriter};

pub(super) fn execute(args: &Run, scenario: &Scenario) -> miette::Result<Exit> {
    let mut log = CoordinatorLog::default();
    let mut trace_file = args.trace.as_deref().map(TraceFile::create).transpose()?;
    let directory = cluster::directory(scenario);
    let mut trace = trace_file.as_mut().map(|file| TraceWriter::new(&directory, file.writer()));
    let mut observers: Vec<&mut dyn Observer> = Vec::new();
    if args.verbose {
        observers.push(&mut log);
    }
    if let Some(trace) = &mut trace {
        observers.push(trace);
    }
    let (outcome, _) = experiment::run(scenario, args.seed, &mut observers);
    let written = trace.map(TraceWriter::finish);
    if let (Some(written), Some(file)) = (written, trace_file) {
        file.finish(written)?;
    }
    let replay = args.replay(args.seed);
    let report = Report { outcome: &outcome, replay: &replay };
    if let Some(directory) = &args.out {
        write::directory(directory, &report::files(&report), args.force).map_err(refused)?;
    }
    args.write_junit(|| junit::text(&[junit::Suite::of(&report)]))?;
    match args.format {
        Format::Json => terminal::print(&json::text(&outcome))?,
        Format::Text => terminal::print(&format!("{}{}", log.text(), summary::text(&report, style())))?,
    }
    Ok(verdict(outcome.expectations_hold()))
}

/// Colour for a terminal whose user wants it.
pub(in crate::cli) fn style() -> Style {
    let wanted = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    if wanted { Style::COLOR } else { Style::PLAIN }
}
