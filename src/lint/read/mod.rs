//! From a text to the configurations in it: Java properties, JSON (librdkafka's names and others), Spring's YAML and
//! properties. Which of them it is follows from the name's ending, else from the content.

mod json;
mod spring;

use super::settings::{Level, Written};
use crate::scenario::profile::DEFAULT;
use crate::scenario::text::properties::{self, Entry};
use crate::scenario::text::{Problem, Text};

/// What kind of file settings stand in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// `key=value`
    Properties,
    /// An object with settings.
    Json,
    /// `spring.kafka.*`, as YAML or properties.
    Spring,
}

impl Format {
    /// The client that most likely reads such a file.
    pub const fn client(self) -> &'static str {
        match self {
            Format::Properties | Format::Spring => DEFAULT,
            Format::Json => "librdkafka-2",
        }
    }
}

/// A text's configurations.
#[derive(Clone, PartialEq, Debug)]
pub struct Read {
    /// What kind of file it is.
    pub format: Format,
    /// Each as one client would see it: one, or one for each of Spring's profiles.
    pub configurations: Vec<Vec<Written>>,
}

/// Reads a text.
///
/// # Errors
/// The place of what is wrong with it.
pub fn read(text: &Text) -> Result<Read, Problem> {
    let content = text.text.strip_prefix('\u{feff}').unwrap_or(&text.text);
    let byte_order_mark = text.text.len() - content.len();
    let read = match kind(&text.name, content)? {
        Kind::Json => json::read(content).map(|settings| Read { format: Format::Json, configurations: vec![settings] }),
        Kind::Yaml => spring::read_yaml(content).map(|configurations| Read { format: Format::Spring, configurations }),
        Kind::Properties => read_properties(content),
    };
    read.map(|read| shifted(read, byte_order_mark)).map_err(|mut problem| {
        problem.span = problem.span.map(|span| span.start + byte_order_mark..span.end + byte_order_mark);
        problem
    })
}

/// Settings of a properties file that is known to be a broker's.
///
/// # Errors
/// The place of what is wrong with it.
pub fn read_server(text: &Text) -> Result<Vec<Written>, Problem> {
    let entries = entries(&text.text)?;
    Ok(entries.into_iter().map(plain).collect())
}

enum Kind {
    Json,
    Yaml,
    Properties,
}

fn kind(name: &str, content: &str) -> Result<Kind, Problem> {
    let ending = name.rsplit(['/', '\\']).next().and_then(|file| file.rsplit_once('.')).map(|(_, ending)| ending);
    let starts = content.trim_start();
    match ending.map(str::to_ascii_lowercase).as_deref() {
        Some("json") => return Ok(Kind::Json),
        Some("yaml" | "yml") => return Ok(Kind::Yaml),
        Some("properties" | "conf" | "cfg" | "config") if !starts.starts_with('{') => return Ok(Kind::Properties),
        _ if starts.starts_with('{') => return Ok(Kind::Json),
        _ => {}
    }
    let lines = || content.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with(['#', '!']));
    if lines().any(|line| line == "spring:" || line.starts_with("spring.kafka:")) {
        return Ok(Kind::Yaml);
    }
    if lines().any(|line| line.contains('=')) {
        return Ok(Kind::Properties);
    }
    let message = "it is not clear what kind of settings these are";
    Err(Problem { text: 0, span: None, message: message.into(), help: None }
        .help("end the file's name in `.properties` (Java), `.json` (librdkafka) or `.yaml` (Spring)"))
}

fn entries(content: &str) -> Result<Vec<Entry>, Problem> {
    properties::parse(content).map_err(|(span, message)| Problem::new(span, message))
}

fn read_properties(content: &str) -> Result<Read, Problem> {
    let entries = entries(content)?;
    if entries.iter().any(|entry| entry.key.starts_with("spring.")) {
        let configurations = spring::read_properties(content, entries)?;
        return Ok(Read { format: Format::Spring, configurations });
    }
    Ok(Read { format: Format::Properties, configurations: vec![entries.into_iter().map(plain).collect()] })
}

/// A setting of a plain properties file. White space at a value's end belongs to it.
fn plain(entry: Entry) -> Written {
    Written {
        shown: entry.key.clone(),
        name: entry.key,
        value: entry.value,
        name_span: entry.key_span,
        value_span: if entry.value_span.is_empty() { entry.span } else { entry.value_span },
        level: Level::Own,
        fault: None,
    }
}

fn shifted(mut read: Read, by: usize) -> Read {
    for written in read.configurations.iter_mut().flatten() {
        for span in [&mut written.name_span, &mut written.value_span] {
            *span = span.start + by..span.end + by;
        }
    }
    read
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_as(name: &str, content: &str) -> Result<Read, String> {
        let text = Text { name: name.into(), text: content.into() };
        read(&text).map_err(|problem| [problem.message, problem.help.unwrap_or_default()].join("; "))
    }

    fn format(name: &str, content: &str) -> Format {
        read_as(name, content).unwrap().format
    }

    #[test]
    fn the_ending_says_what_a_file_is() {
        assert_eq!(format("a.properties", "x"), Format::Properties);
        assert_eq!(format("a.json", "{}"), Format::Json);
        assert_eq!(format("a.yml", "spring: {kafka: {}}"), Format::Spring);
    }

    #[test]
    fn the_content_says_what_a_file_without_a_known_ending_is() {
        assert_eq!(format("settings", "{\"group.id\": \"g\"}"), Format::Json);
        assert_eq!(format("settings", "# c\nspring:\n  kafka:\n    client-id: a\n"), Format::Spring);
        assert_eq!(format("settings", "group.id=g"), Format::Properties);
        assert_eq!(format("application.properties", "spring.kafka.consumer.group-id=g"), Format::Spring);
        assert!(read_as("settings.txt", "hello").unwrap_err().contains("`.properties`"));
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_first_name() {
        let content = "\u{feff}group.id=g\r\nclient.id=c\r\n";
        let read = read_as("a.properties", content).unwrap();
        let settings = &read.configurations[0];
        assert_eq!((settings[0].name.as_str(), settings[1].value.as_str()), ("group.id", "c"));
        assert_eq!(&content[settings[0].name_span.clone()], "group.id");
    }
}
