//! `rebalab run`: runs a scenario under one seed or many, tells what came of it, and writes the report.

mod log;
mod many;
mod one;
mod trace_file;

pub(super) use many::progress;
pub(super) use one::style;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use miette::{IntoDiagnostic, Report, WrapErr};

use super::{Exit, scenario_file};
use crate::report::write::{self, WriteError};

/// Run a scenario and report what happened
#[derive(clap::Args, Debug)]
pub struct Run {
    /// The scenario file
    file: PathBuf,
    /// Seed of all random draws
    #[arg(long, value_name = "N", default_value_t = 1, conflicts_with = "seeds")]
    seed: u64,
    /// Run once for each of these seeds, both ends included
    #[arg(long, value_name = "A..B", value_parser = seed_range)]
    seeds: Option<SeedRange>,
    /// Write the whole report into this directory: JSON, tables, charts
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Write into a directory that holds files of others, too
    #[arg(long, requires = "out")]
    force: bool,
    /// Write every event of the run, as JSON Lines (see docs/trace.md)
    #[arg(long, value_name = "FILE", conflicts_with = "seeds")]
    trace: Option<PathBuf>,
    /// What is printed: text for people, or the whole report as JSON
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "text")]
    format: Format,
    /// Write the expectations as JUnit XML, for CI
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Print what the group coordinator would write to its log
    #[arg(short, long, conflicts_with_all = ["seeds", "format"])]
    verbose: bool,
    /// Threads for many seeds [default: all cores]
    #[arg(long, value_name = "N", requires = "seeds")]
    threads: Option<NonZeroUsize>,
}

/// What is printed.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
pub(super) enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// Seeds from the first to the last, both included.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct SeedRange {
    first: u64,
    last: u64,
}

/// Most seeds of one call.
const SEEDS_MAX: u64 = 10_000_000;

fn seed_range(text: &str) -> Result<SeedRange, String> {
    let (first, last) = text.split_once("..").ok_or("write the first and the last seed, for example 1..20")?;
    let number = |text: &str| text.trim().parse::<u64>().map_err(|_| format!("`{text}` is no seed: a whole number is"));
    let range = SeedRange { first: number(first)?, last: number(last.trim_start_matches('='))? };
    if range.first > range.last {
        return Err(format!("no seed lies between {} and {}", range.first, range.last));
    }
    if range.last == u64::MAX || range.last - range.first >= SEEDS_MAX {
        return Err(format!("that is more than {SEEDS_MAX} seeds"));
    }
    Ok(range)
}

impl Run {
    /// Runs, writes and prints. Everything that can be refused is refused before the first run.
    ///
    /// # Errors
    /// What is wrong with the file, the arguments or the disk.
    pub fn execute(&self) -> miette::Result<Exit> {
        let scenario = scenario_file::read_whole(&self.file)?;
        if let Some(directory) = &self.out {
            write::check_directory(directory, self.force).map_err(refused)?;
        }
        match self.seeds {
            None => one::execute(self, &scenario.scenario()),
            Some(seeds) => many::execute(self, &scenario, seeds),
        }
    }

    /// The command that repeats the run under this seed.
    fn replay(&self, seed: u64) -> String {
        replay(&self.file, seed)
    }

    fn write_junit(&self, text: impl FnOnce() -> String) -> miette::Result<()> {
        match &self.junit {
            Some(path) => write::file(path, &text()).map_err(refused),
            None => Ok(()),
        }
    }
}

/// The command that runs this file under this seed.
pub(super) fn replay(file: &Path, seed: u64) -> String {
    let file = file.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '/' | '\\' | '.' | '-' | '_' | ':');
    match file.chars().all(plain) {
        true => format!("rebalab run {file} --seed {seed}"),
        false => format!("rebalab run '{}' --seed {seed}", file.replace('\'', "'\\''")),
    }
}

/// 0 if everything that was expected holds.
fn verdict(holds: bool) -> Exit {
    if holds { Exit::Success } else { Exit::Unmet }
}

/// A refusal of the file system, with advice.
fn refused(error: WriteError) -> Report {
    let help = match error {
        WriteError::Foreign { .. } => {
            Some("choose another directory, or add --force to leave those files and write beside them")
        }
        WriteError::NotADirectory(_) => Some("choose another directory"),
        WriteError::Io { .. } => None,
    };
    match help {
        Some(help) => miette::miette!(help = help, "{error}"),
        None => Err::<(), _>(error).into_diagnostic().expect_err("it is an error"),
    }
}

/// A file that can't be created, named.
fn with_path<T>(result: std::io::Result<T>, doing: &str, path: &Path) -> miette::Result<T> {
    result.into_diagnostic().wrap_err_with(|| format!("failed to {doing} {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_read_with_both_ends() {
        assert_eq!(seed_range("1..20"), Ok(SeedRange { first: 1, last: 20 }));
        assert_eq!(seed_range("7..=7"), Ok(SeedRange { first: 7, last: 7 }));
        for wrong in ["5", "5..", "..5", "9..1", "a..b", "0..18446744073709551615", "1..99999999999"] {
            assert!(seed_range(wrong).is_err(), "{wrong}");
        }
    }
}
