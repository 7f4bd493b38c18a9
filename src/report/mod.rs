//! What a run looks like on paper: one file per output format, one per chart. Nothing is computed here: figures come
//! finished from `analysis`, and nothing comes from the wall clock or the machine, so two runs give equal bytes.
//!
//! - [`summary`]: the text a person reads in the terminal
//! - [`json`]: the whole outcome, `report.json`
//! - [`csv`]: one table per file
//! - [`junit`]: expectations for CI
//! - [`lint`]: what the linter found, as text, JSON and SARIF
//! - [`chart`]: SVG pictures
//! - [`series`]: a scenario under many seeds, in all of these
//! - [`mod@write`]: puts files on disk, whole or not at all

pub mod chart;
pub mod claims;
pub mod comparison;
pub mod csv;
pub mod json;
pub mod junit;
pub mod lint;
pub mod runs_csv;
pub mod series;
pub mod summary;
pub mod sweep;
pub mod tune;
mod units;
mod words;
pub mod write;

#[cfg(test)]
mod fixture;

use crate::analysis::Outcome;

/// One run and what is said about it beside its figures.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// The figures.
    pub outcome: &'a Outcome,
    /// The exact command that repeats the run, for example `rebalab run scenarios/gc-pause.json --seed 7`.
    pub replay: &'a str,
}

/// A file of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputFile {
    /// Path below the report's directory, with `/` between its parts.
    pub name: String,
    /// What stands in it.
    pub content: String,
}

impl OutputFile {
    /// A file of that name and content.
    pub fn new(name: impl Into<String>, content: impl Into<String>) -> Self {
        OutputFile { name: name.into(), content: content.into() }
    }
}

/// One output format.
pub trait Exporter {
    /// The files that this format makes of a run; none if the run has nothing to show in it.
    fn export(&self, report: &Report) -> Vec<OutputFile>;
}

/// Every format that goes into a report's directory, in the order in which its files are listed.
pub const EXPORTERS: [&dyn Exporter; 8] = [
    &summary::Summary,
    &json::Json,
    &csv::Csv,
    &junit::Junit,
    &chart::Ownership,
    &chart::Waterfall,
    &chart::Pauses,
    &chart::Lag,
];

/// All files of a report, for [`write::directory`].
pub fn files(report: &Report) -> Vec<OutputFile> {
    EXPORTERS.iter().flat_map(|exporter| exporter.export(report)).collect()
}
