//! Reading a scenario from disk, and showing what is wrong with it.

use std::fmt;
use std::path::{Path, PathBuf};

use miette::{Diagnostic, LabeledSpan, NamedSource, Report, SourceCode};

use crate::analysis::figures::KnownFigures;
use crate::experiment::{Definition, Plan, ScenarioText, Settings};
use crate::scenario::text::properties::parse as parse_properties;
use crate::scenario::text::{Problem, Problems, Text};
use crate::scenario::{Files, Scenario, load};

/// Most problems shown at once.
const SHOWN_MAX: usize = 20;
/// Largest file read, so that a mistaken path to something huge ends soon.
const BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Reads and checks the scenario at `path`.
///
/// # Errors
/// All that is wrong with it, each with file, line, column and what would be right.
pub fn read(path: &Path) -> miette::Result<Scenario> {
    let text = read_text(path).map_err(|why| miette::miette!("failed to read {}: {why}", path.display()))?;
    let beside = Beside { folder: path.parent().unwrap_or(Path::new("")).to_path_buf() };
    load(&path.display().to_string(), &text, &beside, &KnownFigures).map_err(explained)
}

/// Reads and checks the scenario at `path` and keeps its text with all files that it names, for an experiment.
///
/// # Errors
/// All that is wrong with it, each with file, line, column and what would be right.
pub fn read_whole(path: &Path) -> miette::Result<ScenarioText> {
    let text = read_text(path).map_err(|why| miette::miette!("failed to read {}: {why}", path.display()))?;
    let beside = Beside { folder: path.parent().unwrap_or(Path::new("")).to_path_buf() };
    let read = ScenarioText::read(&path.display().to_string(), &text, &beside, &KnownFigures);
    read.map(|(text, _)| text).map_err(explained)
}

/// Plans an experiment.
///
/// # Errors
/// Why there is nothing to run.
pub fn plan(definition: Definition, yes: bool) -> miette::Result<Plan> {
    Plan::new(definition, yes).map_err(|error| miette::miette!("{error}"))
}

/// Reads a properties file as settings to put over a scenario.
///
/// # Errors
/// That it can't be read, or the place of what is wrong with it.
pub fn properties(path: &Path) -> miette::Result<Settings> {
    let text = read_text(path).map_err(|why| miette::miette!("failed to read {}: {why}", path.display()))?;
    let name = path.display().to_string();
    let entries = parse_properties(&text).map_err(|(span, message)| {
        let problem = Problem::new(span, message);
        explained(Problems { texts: vec![Text { name, text: text.clone() }], problems: vec![problem] })
    })?;
    Ok(entries.into_iter().map(|entry| (entry.key, entry.value.trim_end().to_string())).collect())
}

/// Files that a scenario names stand relative to it.
struct Beside {
    folder: PathBuf,
}

impl Files for Beside {
    fn read(&self, path: &str) -> Result<String, String> {
        read_text(&self.folder.join(path))
    }
}

/// Reads a file as text.
///
/// # Errors
/// Why it can't be read.
pub fn read_text(path: &Path) -> Result<String, String> {
    let metadata = std::fs::metadata(path).map_err(|error| said(&error))?;
    if metadata.is_dir() {
        return Err("it is a directory".into());
    }
    if metadata.len() > BYTES_MAX {
        return Err(format!("it is larger than {} MiB", BYTES_MAX / 1024 / 1024));
    }
    let bytes = std::fs::read(path).map_err(|error| said(&error))?;
    String::from_utf8(bytes).map_err(|_| "it is not UTF-8 text".into())
}

/// What the system said, without its error number.
fn said(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.find(" (os error").map_or(text.as_str(), |end| &text[..end]).to_string()
}

/// One problem with the text around it.
#[derive(Debug)]
struct Shown {
    problem: Problem,
    source: NamedSource<String>,
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem.message)
    }
}

impl std::error::Error for Shown {}

impl Diagnostic for Shown {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.problem.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }
    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.source)
    }
    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let span = self.problem.span.clone()?;
        Some(Box::new(std::iter::once(LabeledSpan::new(Some("here".into()), span.start, span.len()))))
    }
}

/// Several problems of one scenario.
#[derive(Debug)]
struct ShownTogether {
    name: String,
    total: usize,
    problems: Vec<Shown>,
}

impl fmt::Display for ShownTogether {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} has {} problems", self.name, self.total)?;
        if self.total > self.problems.len() {
            write!(f, ", the first {} are", self.problems.len())?;
        }
        Ok(())
    }
}

impl std::error::Error for ShownTogether {}

impl Diagnostic for ShownTogether {
    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        Some(Box::new(self.problems.iter().map(|problem| problem as &dyn Diagnostic)))
    }
}

/// Problems as they are shown, with the text around them.
pub fn explained(problems: Problems) -> Report {
    let total = problems.problems.len();
    let name = problems.texts[0].name.clone();
    let shown = |problem: Problem| {
        let text = &problems.texts[problem.text];
        let source = NamedSource::new(&text.name, text.text.clone());
        Shown { problem, source }
    };
    let mut shown: Vec<Shown> = problems.problems.iter().take(SHOWN_MAX).cloned().map(shown).collect();
    match shown.pop() {
        Some(only) if total == 1 => Report::new(only),
        last => {
            shown.extend(last);
            Report::new(ShownTogether { name, total, problems: shown })
        }
    }
}
