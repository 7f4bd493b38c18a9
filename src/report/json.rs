//! `report.json`: the whole [`Outcome`], indented, fields in the order of the types.
//!
//! The types are the contract: what a field is called there is what it is called here, with its unit in the doc comment
//! and in `schema/report.schema.json`. `format_version` grows when a field is renamed, removed or changes its meaning.

use serde::Serialize;

use crate::analysis::Outcome;

use super::{Exporter, OutputFile, Report};

/// Writes `report.json`.
pub struct Json;

impl Exporter for Json {
    fn export(&self, report: &Report) -> Vec<OutputFile> {
        vec![OutputFile::new("report.json", text(report.outcome))]
    }
}

/// A result as indented JSON with a newline at the end, for files and for `--format json`.
pub fn text(result: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(result).expect("results have text keys and plain values");
    text.push('\n');
    text
}

/// The JSON Schema of `report.json`, as committed in `schema/report.schema.json`.
pub fn schema() -> String {
    text(&schemars::schema_for!(Outcome))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn what_is_written_can_be_read_back() {
        let outcome = fixture::gc_pause();
        let back: Outcome = serde_json::from_str(&text(&outcome)).expect("the own JSON");
        assert_eq!(back.run, outcome.run);
        assert_eq!(back.totals.rebalances_by_reason, outcome.totals.rebalances_by_reason);
        assert_eq!(back.groups[0].rebalances.len(), outcome.groups[0].rebalances.len());
    }

    #[test]
    fn two_reports_of_one_outcome_are_equal_bytes() {
        assert_eq!(text(&fixture::gc_pause()), text(&fixture::gc_pause()));
    }
}
