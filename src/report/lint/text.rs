//! Findings as a person reads them: with the line of the file and a caret, and a last line that counts them.

use std::fmt;
use std::fmt::Write;

use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, Severity as Level, SourceCode,
};

use super::{count, sentence};
use crate::lint::{Finding, Linted, Rule, Severity};

/// Columns, so that a log of today compares with one of tomorrow.
const WIDTH: usize = 100;

/// All findings.
pub fn text(linted: &Linted, in_colour: bool) -> String {
    let theme = if in_colour { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let handler = GraphicalReportHandler::new_themed(theme).with_links(false).with_width(WIDTH);
    let mut out = String::new();
    for finding in &linted.findings {
        let source = &linted.texts[finding.text];
        let shown = Shown { finding, source: NamedSource::new(&source.name, source.text.clone()) };
        if handler.render_report(&mut out, &shown).is_err() {
            let _ = writeln!(out, "{}: {}: {}", source.name, finding.rule.id, finding.message);
        }
        out.push('\n');
    }
    out.push_str(&summary(linted));
    out
}

/// `2 files: 1 error, 3 warnings, 1 note`
fn summary(linted: &Linted) -> String {
    let files = linted.texts.len();
    let mut parts = Vec::new();
    for (severity, word) in [(Severity::Error, "error"), (Severity::Warning, "warning"), (Severity::Note, "note")] {
        match count(linted, severity) {
            0 => {}
            1 => parts.push(format!("1 {word}")),
            number => parts.push(format!("{number} {word}s")),
        }
    }
    let found = if parts.is_empty() { "nothing found".to_string() } else { parts.join(", ") };
    format!("{files} {}: {found}\n", if files == 1 { "file" } else { "files" })
}

/// The rules as the table of `docs/lint.md`.
pub fn table<'r>(rules: impl Iterator<Item = &'r Rule>) -> String {
    let mut out = String::from("| rule | severity | what it finds | what follows | what would be right | shown by |\n");
    out.push_str("| --- | --- | --- | --- | --- | --- |\n");
    for rule in rules {
        let shown = rule.scenario.map_or(String::new(), |path| format!("[{}](../{path})", name(path)));
        let cells = [rule.finds, rule.consequence, rule.right].map(|cell| cell.replace('|', "\\|"));
        let _ = writeln!(out, "| `{}` | {} | {} | {shown} |", rule.id, rule.severity.as_str(), cells.join(" | "));
    }
    out
}

/// A scenario by its name.
fn name(path: &str) -> &str {
    path.trim_start_matches("scenarios/").trim_end_matches(".json")
}

/// A finding as miette draws it.
#[derive(Debug)]
struct Shown<'f> {
    finding: &'f Finding,
    source: NamedSource<String>,
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.finding.message, self.finding.consequence)
    }
}

impl std::error::Error for Shown<'_> {}

impl Diagnostic for Shown<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        let word = self.finding.severity.as_str();
        match self.finding.span {
            Some(_) => Some(Box::new(format!("{word}: {}", self.finding.rule.id))),
            // Without a place no source is drawn, so the file is named here.
            None => Some(Box::new(format!("{word}: {} in {}", self.finding.rule.id, self.source.name()))),
        }
    }
    fn severity(&self) -> Option<Level> {
        Some(match self.finding.severity {
            Severity::Error => Level::Error,
            Severity::Warning => Level::Warning,
            Severity::Note => Level::Advice,
        })
    }
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        let right = sentence(&self.finding.right);
        Some(match self.finding.rule.scenario {
            Some(path) => Box::new(format!("{right}\nseen in: rebalab run {path}")),
            None => Box::new(right),
        })
    }
    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.finding.span.as_ref().map(|_| &self.source as &dyn SourceCode)
    }
    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let span = self.finding.span.clone()?;
        Some(Box::new(std::iter::once(LabeledSpan::new(None, span.start, span.len()))))
    }
}
