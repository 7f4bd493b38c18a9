//! `rebalab conform`: replays recordings of real Kafka and counts agreement.

use std::fmt::Write;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;
use miette::{IntoDiagnostic, WrapErr};
use rayon::prelude::*;
use serde::Serialize;

use super::conform_live::{self, LiveOptions};
use super::{Exit, terminal};
use crate::conformance::{CaseReport, Difference, RecordingError, RecordingReport, replay_recording};

/// Most disagreeing cases shown in full per file.
const CASES_SHOWN_MAX: usize = 20;
/// Most characters shown of a value that came out differently.
const VALUE_SHOWN_MAX: usize = 240;

/// Replay recordings of real Kafka through the coordinator and the assignors, and count agreement
///
/// Exits with 0 if every case agrees, with 1 if one does not, with 2 if a recording cannot be read.
#[derive(clap::Args, Debug)]
pub struct Conform {
    /// Recordings (.jsonl, plain or .gz) or folders of them [default: tests/vectors, with --live tests/vectors/live]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Replay only the case of this name, and show every step
    #[arg(long, value_name = "NAME", conflicts_with = "live")]
    case: Option<String>,
    #[command(flatten)]
    live: LiveOptions,
    /// What to print
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// What is printed to standard output.
#[derive(clap::ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
enum Format {
    /// One line per file, and what differs
    Text,
    /// Everything, for programs
    Json,
}

/// A file and what its replay says.
#[derive(Serialize)]
struct FileReport {
    file: String,
    report: RecordingReport,
}

/// A recording to replay.
pub(super) struct Recording {
    /// Where it is.
    pub(super) path: PathBuf,
    /// It was found in a folder, not named.
    is_found: bool,
}

impl Conform {
    /// Replays and prints.
    ///
    /// # Errors
    /// A path that is not there, a recording of an unknown format, a damaged line, a case that does not exist.
    pub fn execute(&self) -> miette::Result<Exit> {
        let default = [PathBuf::from(if self.live.live { "tests/vectors/live" } else { "tests/vectors" })];
        let paths = if self.paths.is_empty() { &default[..] } else { &self.paths };
        let mut recordings = Vec::new();
        for path in paths {
            collect(path, false, &mut recordings)?;
        }
        if self.live.live {
            return conform_live::execute(&self.live, &recordings);
        }
        let replayed: Vec<Option<FileReport>> =
            recordings.par_iter().map(|recording| self.replay(recording)).collect::<miette::Result<_>>()?;
        let left_out = replayed.iter().filter(|file| file.is_none()).count();
        let mut files: Vec<FileReport> = replayed.into_iter().flatten().collect();
        if let Some(case) = &self.case {
            files.retain(|file| file.report.cases > 0);
            miette::ensure!(!files.is_empty(), "no case is named `{case}` in {} recordings", recordings.len());
        } else {
            miette::ensure!(!files.is_empty(), "no recordings (.jsonl or .jsonl.gz) to replay");
        }
        let text = match self.format {
            Format::Text => self.text(&files, left_out),
            Format::Json => serde_json::to_string_pretty(&files).into_diagnostic()? + "\n",
        };
        terminal::print(&text)?;
        let all_agree = files.iter().all(|file| file.report.agreeing == file.report.cases);
        Ok(if all_agree { Exit::Success } else { Exit::Unmet })
    }

    /// Replays a file; `None` for a live recording that was found in a folder.
    fn replay(&self, recording: &Recording) -> miette::Result<Option<FileReport>> {
        let file = recording.path.display().to_string();
        match replay_recording(open(&recording.path)?, self.case.as_deref()) {
            Ok(report) => Ok(Some(FileReport { file, report })),
            Err(RecordingError::Live { .. }) if recording.is_found => Ok(None),
            Err(error) => Err(miette::Report::from_err(error)).wrap_err_with(|| format!("failed to replay {file}")),
        }
    }

    fn text(&self, files: &[FileReport], left_out: usize) -> String {
        let mut text = String::new();
        let width = files.iter().map(|file| file.file.len()).max().unwrap_or(0);
        for FileReport { file, report } in files {
            let format = report.format.map(|format| format.to_string()).unwrap_or_default();
            let RecordingReport { agreeing, cases, steps, shown, .. } = report;
            let _ = writeln!(text, "{file:width$}  {format:19}  agrees in {agreeing} of {cases} cases ({steps} steps)");
            for case in shown.iter().take(CASES_SHOWN_MAX) {
                show_case(case, &mut text);
            }
            if shown.len() > CASES_SHOWN_MAX {
                let _ = writeln!(text, "  … and {} more cases that differ", shown.len() - CASES_SHOWN_MAX);
            }
        }
        let sum = |of: fn(&RecordingReport) -> usize| files.iter().map(|file| of(&file.report)).sum::<usize>();
        if files.len() > 1 {
            let (agreeing, cases, steps) = (sum(|r| r.agreeing), sum(|r| r.cases), sum(|r| r.steps));
            let _ = writeln!(text, "{} files: agrees in {agreeing} of {cases} cases ({steps} steps)", files.len());
        }
        if left_out > 0 {
            let _ = writeln!(text, "{left_out} live recordings are not replayed step by step and were left out");
        }
        text
    }
}

/// Files below a path, in order of their names. A folder is searched for `.jsonl` and `.jsonl.gz`.
fn collect(path: &Path, is_found: bool, recordings: &mut Vec<Recording>) -> miette::Result<()> {
    let failed = || format!("failed to read {}", path.display());
    let metadata = std::fs::metadata(path).into_diagnostic().wrap_err_with(failed)?;
    if !metadata.is_dir() {
        let name = path.to_string_lossy();
        if !is_found || name.ends_with(".jsonl") || name.ends_with(".jsonl.gz") {
            recordings.push(Recording { path: path.to_path_buf(), is_found });
        }
        return Ok(());
    }
    let entries = std::fs::read_dir(path).into_diagnostic().wrap_err_with(failed)?;
    let entries = entries.map(|entry| entry.map(|entry| entry.path()));
    let mut entries: Vec<PathBuf> = entries.collect::<Result<_, _>>().into_diagnostic().wrap_err_with(failed)?;
    entries.sort();
    entries.iter().try_for_each(|entry| collect(entry, true, recordings))
}

/// Opens a recording; compressed ones are told by their first bytes.
pub(super) fn open(path: &Path) -> miette::Result<Box<dyn BufRead>> {
    let failed = || format!("failed to read {}", path.display());
    let mut file = BufReader::new(File::open(path).into_diagnostic().wrap_err_with(failed)?);
    let is_compressed = file.fill_buf().into_diagnostic().wrap_err_with(failed)?.starts_with(&[0x1f, 0x8b]);
    Ok(if is_compressed { Box::new(BufReader::new(MultiGzDecoder::new(file))) } else { Box::new(file) })
}

/// A case: its steps, if they were asked for, and where it differs.
fn show_case(case: &CaseReport, text: &mut String) {
    for step in &case.transcript {
        let _ = writeln!(text, "\n  step {}  {}", step.step, step.input);
        for line in &step.output {
            let _ = writeln!(text, "    {line}");
        }
    }
    let Some(divergence) = &case.divergence else {
        let _ = writeln!(text, "\n  {} agrees", case.case);
        return;
    };
    let place = divergence.step.map_or_else(String::new, |step| format!(" step {step}"));
    let _ = writeln!(text, "\n  {} differs{place}: {}", case.case, cut(&divergence.input, 0));
    for Difference { field, expected, actual } in &divergence.differences {
        let common = expected.chars().zip(actual.chars()).take_while(|(left, right)| left == right).count();
        let _ = writeln!(text, "    {field}");
        let _ = writeln!(text, "      recorded  {}", cut(expected, common));
        let _ = writeln!(text, "      computed  {}", cut(actual, common));
    }
    text.push('\n');
}

/// A long value, cut around the first character that differs.
fn cut(value: &str, differs_at: usize) -> String {
    let length = value.chars().count();
    if length <= VALUE_SHOWN_MAX {
        return value.to_owned();
    }
    let from = differs_at.saturating_sub(VALUE_SHOWN_MAX / 4).min(length - VALUE_SHOWN_MAX);
    let middle: String = value.chars().skip(from).take(VALUE_SHOWN_MAX).collect();
    let (before, after) = (if from > 0 { "…" } else { "" }, if from + VALUE_SHOWN_MAX < length { "…" } else { "" });
    format!("{before}{middle}{after}")
}
