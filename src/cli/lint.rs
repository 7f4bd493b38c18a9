//! `rebalab lint`: what is wrong with settings, without running anything.

use std::path::{Path, PathBuf};

use clap::ValueEnum;

use super::{Exit, scenario_file, terminal};
use crate::engine::SimDuration;
use crate::lint::{Options, RestartTime, Severity, lint, rules};
use crate::protocol::config::nearest;
use crate::report::lint::{json, sarif, table, text};
use crate::scenario::ClientProfile;
use crate::scenario::file::Span;
use crate::scenario::text::Text;

/// Check consumers' settings without running anything: inverted timeouts, settings without effect, wrong names and values
///
/// Reads Java properties, JSON with librdkafka's names, and Spring's YAML or properties (spring.kafka.consumer.*).
#[derive(clap::Args, Debug)]
pub struct Lint {
    /// The files, each with the settings of one kind of consumer
    #[arg(required_unless_present = "rules")]
    files: Vec<PathBuf>,
    /// The client that reads them, for example java-3.4 or sarama-1; unless said: librdkafka-2 for JSON, else java-4.1
    #[arg(long, value_name = "PROFILE", value_parser = profile)]
    client: Option<String>,
    /// The brokers' server.properties, for their bounds and what is wrong with them
    #[arg(long, value_name = "FILE")]
    server: Option<PathBuf>,
    /// Work on one record, for example 20ms: checks how long a full batch takes
    #[arg(long, value_name = "TIME", value_parser = time)]
    record_time: Option<SimDuration>,
    /// From the end of a process until its successor joins, for example 35s, or 35s..70s for the usual and the longest
    /// time: checks static members' sessions
    #[arg(long, value_name = "TIME", value_parser = restart_time)]
    restart_time: Option<RestartTime>,
    /// Fail (exit code 1) from this severity on
    #[arg(long, value_enum, default_value = "warning", value_name = "LEVEL")]
    deny: Deny,
    /// Rules not to apply, by name
    #[arg(long, value_name = "RULES", value_delimiter = ',', value_parser = rule)]
    allow: Vec<String>,
    /// What to print
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Print the rules as a Markdown table, and check nothing
    #[arg(long, conflicts_with = "files")]
    rules: bool,
}

/// From which severity on a finding is a failure.
#[derive(ValueEnum, Clone, Copy, Debug)]
enum Deny {
    /// The client does not start, or the group can't work
    Error,
    /// It works, but not as the settings suggest
    Warning,
    /// Anything worth knowing
    Note,
    /// Nothing found is a failure
    Never,
}

/// What is printed.
#[derive(ValueEnum, Clone, Copy, Debug)]
enum Format {
    /// With the lines of the files
    Text,
    /// One object with all findings
    Json,
    /// SARIF 2.1.0, for code hosts
    Sarif,
}

impl Lint {
    /// Checks and prints.
    ///
    /// # Errors
    /// Files that can't be read, a closed pipe.
    pub fn execute(&self) -> miette::Result<Exit> {
        if self.rules {
            terminal::print(&table(rules()))?;
            return Ok(Exit::Success);
        }
        let files = self.files.iter().map(|path| read(path)).collect::<miette::Result<Vec<_>>>()?;
        let server = self.server.as_deref().map(read).transpose()?;
        let options = Options {
            client: self.client.clone(),
            record_time: self.record_time,
            restart_time: self.restart_time,
            allowed: self.allow.clone(),
        };
        let linted = lint(files, server, &options).map_err(scenario_file::explained)?;
        terminal::print(&match self.format {
            Format::Text => text(&linted, terminal::in_colour()),
            Format::Json => json(&linted),
            Format::Sarif => sarif(&linted),
        })?;
        let denied = match self.deny {
            Deny::Error => Some(Severity::Error),
            Deny::Warning => Some(Severity::Warning),
            Deny::Note => Some(Severity::Note),
            Deny::Never => None,
        };
        let fails = denied.is_some_and(|least| linted.findings.iter().any(|finding| finding.severity >= least));
        Ok(if fails { Exit::Unmet } else { Exit::Success })
    }
}

fn read(path: &Path) -> miette::Result<Text> {
    let text =
        scenario_file::read_text(path).map_err(|why| miette::miette!("failed to read {}: {why}", path.display()))?;
    Ok(Text { name: path.display().to_string(), text })
}

fn profile(name: &str) -> Result<String, String> {
    ClientProfile::find(name).map(|_| name.to_string()).map_err(|refusal| refusal.to_string())
}

fn time(text: &str) -> Result<SimDuration, String> {
    Span::parse(text).map(|span| span.0).and_then(|span| match span.0 {
        0 => Err("it takes more than nothing".into()),
        _ => Ok(span),
    })
}

fn restart_time(text: &str) -> Result<RestartTime, String> {
    let (usual, longest) = text.split_once("..").unwrap_or((text, text));
    match (time(usual)?, time(longest)?) {
        (usual, longest) if usual <= longest => Ok(RestartTime { usual, longest }),
        _ => Err("the usual time comes before the longest: 35s..70s".into()),
    }
}

fn rule(id: &str) -> Result<String, String> {
    if rules().any(|rule| rule.id == id) {
        return Ok(id.to_string());
    }
    Err(match nearest::nearest(id, rules().map(|rule| rule.id)) {
        Some(near) => format!("no rule has that name: did you mean `{near}`?"),
        None => "no rule has that name: `rebalab lint --rules` lists them".into(),
    })
}
