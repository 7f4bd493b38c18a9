//! What is wrong with settings, told without running anything: inversions of timeouts, settings without effect, names
//! and values that the client does not take. Text goes in, findings come out; rules are data ([`Rule`]) plus a small
//! function each, by topic (`rules`).
//!
//! A file may hold several configurations (Spring's profiles); each is looked at as the client would see it.

mod allowed;
mod context;
mod known;
mod read;
mod rule;
mod rules;
mod settings;

use crate::engine::SimDuration;
use crate::scenario::ClientProfile;
use crate::scenario::text::{Problem, Problems, Text};

use context::{Context, Server};
pub use read::Format;
pub use rule::{Finding, Rule, Severity};

/// What is known beside the files.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Name of the client's profile; by the kind of file if absent.
    pub client: Option<String>,
    /// Work on one record.
    pub record_time: Option<SimDuration>,
    /// From the end of a process until its successor joins.
    pub restart_time: Option<RestartTime>,
    /// Rules that are not applied, by id.
    pub allowed: Vec<String>,
}

/// From the end of a process until its successor joins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RestartTime {
    /// What nearly all restarts take, their P95 for example.
    pub usual: SimDuration,
    /// What the longest take, their P99 for example; not below the usual time.
    pub longest: SimDuration,
}

/// What came of it.
#[derive(Clone, PartialEq, Debug)]
pub struct Linted {
    /// The texts that findings point into: the clients' in the order given, then the brokers'.
    pub texts: Vec<Text>,
    /// By file and place; the worse first at one place.
    pub findings: Vec<Finding>,
}

/// Every rule, in the order of the documentation.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    rules::ALL.iter().flat_map(|topic| topic.iter().copied())
}

/// Looks at the settings of consumers, and at those of brokers if there are any.
///
/// ```
/// use rebalab::lint::{Options, lint};
/// use rebalab::scenario::text::Text;
/// let text = Text { name: "consumer.properties".into(), text: "heartbeat.interval.ms=50000\n".into() };
/// let linted = lint(vec![text], None, &Options::default()).unwrap();
/// assert_eq!(linted.findings[0].rule.id, "heartbeat-not-below-session");
/// ```
///
/// # Errors
/// A text that can't be read, with the place.
pub fn lint(consumers: Vec<Text>, server: Option<Text>, options: &Options) -> Result<Linted, Problems> {
    let mut findings = Vec::new();
    let mut problems = Vec::new();
    let broker = server.as_ref().map(|text| Server::read(consumers.len(), text));
    let broker = match broker.transpose() {
        Ok(read) => read,
        Err(problem) => {
            problems.push(problem);
            None
        }
    };
    for (index, text) in consumers.iter().enumerate() {
        match lint_one(index, text, broker.as_ref(), options) {
            Ok(found) => findings.extend(found),
            Err(problem) => problems.push(Problem { text: index, ..problem }),
        }
    }
    if let Some(mut broker) = broker {
        rules::broker::check(&mut broker);
        findings.append(&mut broker.settings.findings);
    }
    let texts: Vec<Text> = consumers.into_iter().chain(server).collect();
    if !problems.is_empty() {
        return Err(Problems { texts, problems });
    }
    let directives: Vec<_> = texts.iter().map(|text| allowed::read(&text.text)).collect();
    findings.retain(|finding| {
        let is_allowed = options.allowed.iter().any(|id| id == finding.rule.id);
        !is_allowed && !directives[finding.text].allows(finding, &texts[finding.text])
    });
    let start = |finding: &Finding| finding.span.as_ref().map_or(0, |span| span.start);
    findings.sort_by_key(|finding| (finding.text, start(finding), std::cmp::Reverse(finding.severity)));
    let mut unique: Vec<Finding> = Vec::new();
    for finding in findings {
        // Configurations of one file share settings: what is wrong with those is told once.
        let told = |other: &Finding| {
            (other.rule.id, other.text, &other.span, &other.message)
                == (finding.rule.id, finding.text, &finding.span, &finding.message)
        };
        if !unique.iter().any(told) {
            unique.push(finding);
        }
    }
    Ok(Linted { texts, findings: unique })
}

fn lint_one(index: usize, text: &Text, server: Option<&Server>, options: &Options) -> Result<Vec<Finding>, Problem> {
    let read = read::read(text)?;
    let client = options.client.as_deref().unwrap_or(read.format.client());
    let profile = ClientProfile::find(client).map_err(|refusal| Problem {
        text: index,
        span: None,
        message: refusal.message,
        help: refusal.help,
    })?;
    if read.format == Format::Spring && profile.library().is_some() {
        let problem = Problem {
            text: index,
            span: None,
            message: format!("Spring runs the Java consumer, not {client}"),
            help: None,
        };
        return Err(problem.help("leave `--client` out, or name a version of the Java consumer"));
    }
    let mut findings = Vec::new();
    for configuration in read.configurations {
        let mut context = Context::new(index, read.format, client, profile.clone(), configuration, server, options);
        rules::check(&mut context);
        findings.append(&mut context.settings.findings);
    }
    Ok(findings)
}

#[cfg(test)]
mod tests;
