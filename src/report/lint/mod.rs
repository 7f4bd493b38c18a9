//! What the linter found, for people ([`text`]), for programs ([`json`]) and for code hosts ([`sarif`]).

mod sarif;
mod text;

pub use sarif::sarif;
pub use text::{table, text};

use serde::Serialize;

use crate::lint::{Finding, Linted, Severity};

/// Grows when a field is renamed, removed or changes its meaning.
const FORMAT_VERSION: u32 = 1;

/// The whole result, as `--format json` writes it.
#[derive(Serialize)]
struct Whole<'l> {
    format_version: u32,
    findings: Vec<Told<'l>>,
    /// How many of each.
    errors: usize,
    warnings: usize,
    notes: usize,
}

/// A finding with its place.
#[derive(Serialize)]
struct Told<'l> {
    rule: &'static str,
    severity: Severity,
    file: &'l str,
    /// From 1, in characters; absent if the finding is about what the file leaves out.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<usize>,
    message: &'l str,
    consequence: &'l str,
    right: &'l str,
    #[serde(skip_serializing_if = "Option::is_none")]
    scenario: Option<&'static str>,
}

/// The findings as JSON.
pub fn json(linted: &Linted) -> String {
    let count = |severity| count(linted, severity);
    super::json::text(&Whole {
        format_version: FORMAT_VERSION,
        findings: linted.findings.iter().map(|finding| told(linted, finding)).collect(),
        errors: count(Severity::Error),
        warnings: count(Severity::Warning),
        notes: count(Severity::Note),
    })
}

fn told<'l>(linted: &'l Linted, finding: &'l Finding) -> Told<'l> {
    let text = &linted.texts[finding.text];
    let place = finding.span.as_ref().map(|span| text.line_and_column(span.start));
    Told {
        rule: finding.rule.id,
        severity: finding.severity,
        file: &text.name,
        line: place.map(|(line, _)| line),
        column: place.map(|(_, column)| column),
        message: &finding.message,
        consequence: &finding.consequence,
        right: &finding.right,
        scenario: finding.rule.scenario,
    }
}

fn count(linted: &Linted, severity: Severity) -> usize {
    linted.findings.iter().filter(|finding| finding.severity == severity).count()
}

/// A sentence: its first letter large, a full stop at the end.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let stop = if text.ends_with(['.', '?', '!']) { "" } else { "." };
    match letters.next() {
        Some(first) => format!("{}{}{stop}", first.to_uppercase(), letters.as_str()),
        None => String::new(),
    }
}
