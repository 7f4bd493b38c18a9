//! From what a person typed to a scenario that can be run: every default filled in, every reference resolved, every bound
//! held. All that is wrong is collected, so that one reading of the messages is enough.

mod cluster;
mod consumers;
#[cfg(test)]
mod deployment_tests;
mod deployments;
mod distribution;
mod expect;
mod fault_label;
mod faults;
mod kubernetes;
mod limits;
mod machines;
mod settings;
mod start;
#[cfg(test)]
mod tests;

use std::ops::Range;

use super::checked::{Note, Scenario};
use super::file::{FORMAT_VERSION, ScenarioFile, Span};
use super::text::json::{self, Node, Place};
use super::text::{Problem, Problems, Text, de};
use crate::engine::SimDuration;
use crate::protocol::config::{Refusal, nearest};

pub use expect::{FigureKind, Figures, parse_check};

/// Longest run: 20 days, below the 24.8 days that Kafka's 32-bit milliseconds can count.
pub const DURATION_MAX: SimDuration = SimDuration::from_secs(20 * 86_400);
/// Most consumers of a scenario.
pub const CONSUMERS_MAX: u32 = 10_000;
/// Most partitions of a scenario.
pub const PARTITIONS_MAX: u32 = 200_000;
/// Most brokers.
pub const BROKERS_MAX: u32 = 100;

/// Reads the files that a scenario names. The library itself has no files: the caller decides what a path means.
pub trait Files {
    /// The text of the file at `path`, as the scenario writes it (relative to the scenario).
    ///
    /// # Errors
    /// Why it can't be read, for people.
    fn read(&self, path: &str) -> Result<String, String>;
}

/// For scenarios that must not name files.
pub struct NoFiles;

impl Files for NoFiles {
    fn read(&self, _: &str) -> Result<String, String> {
        Err("files can't be read here".into())
    }
}

/// Reads and checks a scenario. `name` is what messages call the text; `figures` are the figures that `expect` may name.
///
/// ```
/// use rebalab::analysis::figures::KnownFigures;
/// use rebalab::scenario::{NoFiles, load};
/// let text = r#"{
///     "format_version": 1, "name": "two", "duration": "1m",
///     "cluster": { "topics": [{ "name": "orders", "partitions": 4 }] },
///     "groups": [{ "id": "billing", "consumers": [{ "name": "worker", "count": 2 }] }],
///     "expect": { "rebalances": "== 1" }
/// }"#;
/// let scenario = load("two.json", text, &NoFiles, &KnownFigures).unwrap();
/// assert_eq!(scenario.consumers().count(), 2);
///
/// let misspelt = text.replace("partitions", "partitons");
/// let problems = load("two.json", &misspelt, &NoFiles, &KnownFigures).unwrap_err();
/// assert_eq!(problems.to_string(), "two.json:3:49: unknown key `partitons` (did you mean `partitions`?)");
/// ```
///
/// # Errors
/// All that is wrong with it, each thing with its place.
pub fn load(name: &str, text: &str, files: &dyn Files, figures: &dyn Figures) -> Result<Scenario, Problems> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let only = |problem| {
        let texts = vec![Text { name: name.to_string(), text: text.to_string() }];
        Problems { texts, problems: vec![problem] }
    };
    let root = json::parse(text).map_err(only)?;
    check_version(&root).map_err(only)?;
    let file: ScenarioFile = de::from_node(&root).map_err(only)?;
    let texts = vec![Text { name: name.to_string(), text: text.to_string() }];
    let duration = file.duration.0;
    let mut checker = Checker {
        root: &root,
        files,
        duration,
        texts,
        problems: Vec::new(),
        notes: Vec::new(),
        not_modelled: Vec::new(),
        names_missing: false,
    };
    let scenario = checker.scenario(&file, figures);
    if checker.problems.is_empty() { Ok(scenario) } else { Err(checker.into_problems()) }
}

/// The version comes first: a file of a later format must not be called misspelt.
fn check_version(root: &Node) -> Result<(), Problem> {
    let json::Value::Object(members) = &root.value else {
        return Err(Problem::new(root.caret(), "a scenario is a JSON object `{…}`"));
    };
    let Some(version) = members.iter().find(|member| member.key == "format_version") else {
        return Err(Problem::new(root.caret(), "`format_version` is missing here")
            .help(format!("write \"format_version\": {FORMAT_VERSION}")));
    };
    let wrong = |message: String| {
        Err(Problem::new(version.value.caret(), message)
            .help(format!("this program reads format_version {FORMAT_VERSION}")))
    };
    match &version.value.value {
        json::Value::Number(number) if number.as_u64() == Some(u64::from(FORMAT_VERSION)) => Ok(()),
        json::Value::Number(number) if number.as_u64().is_some_and(|number| number > u64::from(FORMAT_VERSION)) => {
            wrong(format!("format_version {number} is from the future"))
        }
        json::Value::Number(number) => wrong(format!("there is no format_version {number}")),
        _ => wrong("`format_version` is a whole number".into()),
    }
}

/// What is known while a scenario is being checked.
struct Checker<'c> {
    root: &'c Node,
    files: &'c dyn Files,
    /// Simulated time of the run.
    duration: SimDuration,
    texts: Vec<Text>,
    problems: Vec<Problem>,
    notes: Vec<Note>,
    not_modelled: Vec<Note>,
    /// Some consumers could not be named, so a name that is not found need not be wrong.
    names_missing: bool,
}

impl<'c> Checker<'c> {
    fn into_problems(mut self) -> Problems {
        self.problems.sort_by_key(|problem| (problem.text, problem.span.as_ref().map(|span| span.start)));
        self.problems.dedup();
        Problems { texts: self.texts, problems: self.problems }
    }

    fn scenario(&mut self, file: &ScenarioFile, figures: &dyn Figures) -> Scenario {
        let root = Place::Root;
        self.file_name(&root.key("name"), &file.name);
        if self.duration == SimDuration::ZERO || self.duration > DURATION_MAX {
            let help = format!("it takes more than 0s, at most {}", Span(DURATION_MAX));
            self.problem(&root.key("duration"), format!("the run lasts {}", file.duration), help);
        }
        let cluster = self.cluster(&root.key("cluster"), &file.cluster);
        let (file, deployed) = self.deployments(file);
        let file = &file;
        let mut entries = self.groups(&root.key("groups"), file, &cluster);
        entries.hold_spare_pods(&deployed);
        let network = self.network(&root.key("network"), &file.network);
        let mut faults = self.faults(&root.key("faults"), &file.faults, &entries, &cluster, &deployed);
        faults.extend(self.machines(&root.key("groups"), file, &entries));
        self.note_consumers_that_never_start(&entries, &faults);
        let groups: Vec<&str> = file.groups.iter().map(|group| group.id.as_str()).collect();
        let expect = self.expect(&root.key("expect"), &file.expect, figures, &groups);
        self.limits_of_the_model(&root, &entries.groups, &faults, &cluster);
        Scenario {
            name: file.name.clone(),
            description: file.description.clone(),
            sources: file.sources.clone(),
            duration: self.duration,
            cluster,
            groups: entries.groups,
            network,
            faults,
            expect,
            notes: std::mem::take(&mut self.notes),
            not_modelled: std::mem::take(&mut self.not_modelled),
        }
    }

    /// A problem with the value at `place`.
    fn problem(&mut self, place: &Place<'_>, message: impl Into<String>, help: impl Into<String>) {
        let span = self.root.at(place).caret();
        self.problems.push(Problem::new(span, message).help(help));
    }

    /// A refusal of what stands at these bytes of a text.
    fn refuse(&mut self, text: usize, span: Range<usize>, refusal: Refusal) {
        self.problems.push(Problem { text, span: Some(span), message: refusal.message, help: refusal.help });
    }

    fn note(&mut self, place: impl ToString, text: impl Into<String>) {
        self.notes.push(Note { place: place.to_string(), text: text.into() });
    }

    fn not_modelled(&mut self, place: impl ToString, text: impl Into<String>) {
        let told = Note { place: place.to_string(), text: text.into() };
        if !self.not_modelled.contains(&told) {
            self.not_modelled.push(told);
        }
    }

    /// A name that is unknown where `known` are known.
    fn unknown(&mut self, place: &Place<'_>, what: &str, wrong: &str, known: &[&str]) {
        self.problem(place, format!("there is no {what} `{wrong}`"), nearest::advice(wrong, known));
    }

    /// A name that goes into file names.
    fn file_name(&mut self, place: &Place<'_>, name: &str) {
        self.plain_name(place, "name", name, 100);
    }

    /// A name of ASCII letters, digits, `.`, `_` and `-`, as Kafka has them for topics.
    fn plain_name(&mut self, place: &Place<'_>, what: &str, name: &str, length_max: usize) {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let help = format!("it takes 1 to {length_max} ASCII letters, digits, `.`, `_` and `-`");
        if let Some(wrong) = name.chars().find(|c| !allowed(*c)) {
            self.problem(place, format!("a {what} must not contain `{}`", wrong.escape_default()), help);
        } else if name.is_empty() || name == "." || name == ".." || name.len() > length_max {
            self.problem(place, format!("`{name}` is not allowed as a {what}"), help);
        }
    }

    /// A number that must lie within bounds.
    fn within(&mut self, place: &Place<'_>, number: f64, least: f64, most: f64) {
        if !(least..=most).contains(&number) {
            self.problem(place, format!("{number} is out of bounds"), format!("it takes {least} to {most}"));
        }
    }
}
