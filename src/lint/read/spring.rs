//! Spring's `spring.kafka.consumer.*` and `spring.kafka.properties.*`, in YAML or properties, with relaxed names
//! (`max-poll-records`, `maxPollRecords`, `max_poll_records`), durations and sizes; documents between `---` lay over the
//! first as profiles do. Names are those of Spring Boot's `KafkaProperties`.

use std::ops::Range;

use crate::lint::settings::{Fault, Level, Written};
use crate::protocol::config::{consumer_table, nearest};
use crate::scenario::text::json::{Member, Node, Value};
use crate::scenario::text::properties::Entry;
use crate::scenario::text::{Problem, yaml};

/// How Spring writes a value.
#[derive(Clone, Copy)]
enum Kind {
    /// As Kafka does.
    Plain,
    /// `10s`, `PT10S`, or a number of milliseconds.
    Duration,
    /// `1KB`, or a number of bytes.
    Size,
    /// `read-committed`
    Enum,
}

/// What `spring.kafka.consumer` binds: its name, Kafka's name, how its value is written.
const CONSUMER: [(&str, &str, Kind); 14] = [
    ("auto-commit-interval", "auto.commit.interval.ms", Kind::Duration),
    ("auto-offset-reset", "auto.offset.reset", Kind::Plain),
    ("bootstrap-servers", "bootstrap.servers", Kind::Plain),
    ("client-id", "client.id", Kind::Plain),
    ("enable-auto-commit", "enable.auto.commit", Kind::Plain),
    ("fetch-max-wait", "fetch.max.wait.ms", Kind::Duration),
    ("fetch-min-size", "fetch.min.bytes", Kind::Size),
    ("group-id", "group.id", Kind::Plain),
    ("heartbeat-interval", "heartbeat.interval.ms", Kind::Duration),
    ("isolation-level", "isolation.level", Kind::Enum),
    ("key-deserializer", "key.deserializer", Kind::Plain),
    ("max-poll-interval", "max.poll.interval.ms", Kind::Duration),
    ("max-poll-records", "max.poll.records", Kind::Plain),
    ("value-deserializer", "value.deserializer", Kind::Plain),
];

/// What `spring.kafka` binds besides `consumer` and `properties`; none of it concerns a group.
const ELSEWHERE: [&str; 11] = [
    "bootstrap-servers",
    "client-id",
    "admin",
    "producer",
    "streams",
    "listener",
    "template",
    "jaas",
    "retry",
    "ssl",
    "security",
];

/// Where a value of a document stands.
struct Leaf {
    /// Keys from the root, between dots.
    path: String,
    value: String,
    name_span: Range<usize>,
    value_span: Range<usize>,
}

/// Reads all documents of a YAML text.
///
/// # Errors
/// The place of what is wrong with it.
pub fn read_yaml(content: &str) -> Result<Vec<Vec<Written>>, Problem> {
    let documents =
        yaml::parse(content).map_err(|(span, message)| Problem::new(span, format!("not valid YAML: {message}")))?;
    let documents = documents.iter().map(|node| {
        let mut leaves = Vec::new();
        flatten(node, &mut String::new(), &(0..0), &mut leaves);
        leaves
    });
    configurations(documents.collect())
}

/// Reads Spring's properties; lines `#---` part documents.
///
/// # Errors
/// That there are none of Kafka's.
pub fn read_properties(content: &str, entries: Vec<Entry>) -> Result<Vec<Vec<Written>>, Problem> {
    let mut begins: Vec<usize> = Vec::new();
    let mut at = 0;
    for line in content.split_inclusive('\n') {
        if matches!(line.trim(), "#---" | "!---") {
            begins.push(at);
        }
        at += line.len();
    }
    let mut documents: Vec<Vec<Leaf>> = (0..=begins.len()).map(|_| Vec::new()).collect();
    for entry in entries {
        let document = begins.iter().filter(|begin| **begin <= entry.span.start).count();
        documents[document].push(Leaf {
            path: entry.key,
            value: entry.value,
            name_span: entry.key_span,
            value_span: if entry.value_span.is_empty() { entry.span } else { entry.value_span },
        });
    }
    configurations(documents)
}

/// The values below a node, with their paths.
fn flatten(node: &Node, path: &mut String, name_span: &Range<usize>, leaves: &mut Vec<Leaf>) {
    let text = match &node.value {
        Value::Object(members) if !members.is_empty() => {
            for Member { key, key_span, value } in members {
                let length = path.len();
                if length > 0 {
                    path.push('.');
                }
                path.push_str(key);
                flatten(value, path, key_span, leaves);
                path.truncate(length);
            }
            return;
        }
        Value::Array(items) => items.iter().map(scalar).collect::<Vec<_>>().join(","),
        _ => scalar(node),
    };
    leaves.push(Leaf { path: path.clone(), value: text, name_span: name_span.clone(), value_span: node.span.clone() });
}

fn scalar(node: &Node) -> String {
    match &node.value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => String::new(),
    }
}

/// What stands in all documents without a profile, and over it each document with one.
fn configurations(documents: Vec<Vec<Leaf>>) -> Result<Vec<Vec<Written>>, Problem> {
    let mut common: Vec<Written> = Vec::new();
    let mut profiled: Vec<Vec<Written>> = Vec::new();
    let mut found = false;
    for document in documents {
        let is_profile = document
            .iter()
            .any(|leaf| matches!(relaxed(&leaf.path).as_str(), "spring.config.activate.onprofile" | "spring.profiles"));
        found |= document.iter().any(|leaf| relaxed(&leaf.path).starts_with("spring.kafka"));
        let settings: Vec<Written> = document.into_iter().filter_map(setting).collect();
        match is_profile {
            true => profiled.push(settings),
            false => lay_over(&mut common, settings),
        }
    }
    if !found {
        let message = "there is no `spring.kafka` in it";
        return Err(Problem { text: 0, span: None, message: message.into(), help: None }
            .help("YAML is read as Spring Boot's: settings stand under `spring.kafka.consumer`"));
    }
    let over = |settings: Vec<Written>| {
        let mut whole = common.clone();
        lay_over(&mut whole, settings);
        whole
    };
    let profiles: Vec<Vec<Written>> = profiled.into_iter().filter(|own| !own.is_empty()).map(over).collect();
    Ok([common.clone()].into_iter().chain(profiles).collect())
}

/// Later documents replace what earlier ones say, without a word: that is what they are for.
fn lay_over(settings: &mut Vec<Written>, others: Vec<Written>) {
    let replaces =
        |new: &Written, old: &Written| (&new.name, new.level) == (&old.name, old.level) && new.fault.is_none();
    settings.retain(|old| !others.iter().any(|new| replaces(new, old)));
    settings.extend(others);
}

/// A name without what Spring doesn't mind.
fn relaxed(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '-' | '_')).flat_map(char::to_lowercase).collect()
}

/// A value as a setting of Kafka's consumer; none if it is none.
fn setting(leaf: Leaf) -> Option<Written> {
    let path = leaf.path.clone();
    let rest = rest_of(&path, &["spring", "kafka"])?;
    if let Some(name) = rest_of(rest, &["properties"]) {
        return Some(leaf.written(literal(name), Level::Shared));
    }
    if let Some(name) = rest_of(rest, &["consumer", "properties"]) {
        return Some(leaf.written(literal(name), Level::Map));
    }
    let Some(name) = rest_of(rest, &["consumer"]) else {
        let head = relaxed(rest.split('.').next().unwrap_or(rest));
        let is_known = ELSEWHERE.iter().any(|known| relaxed(known) == head) || head == "consumer";
        return (!is_known).then(|| leaf.not_bound(rest, "spring.kafka"));
    };
    let plain = relaxed(name);
    if ["ssl.", "security."].iter().any(|prefix| plain.starts_with(prefix)) {
        return None;
    }
    match CONSUMER.iter().find(|(own, ..)| relaxed(own) == plain) {
        Some((_, kafka, kind)) => Some(leaf.converted(kafka, *kind)),
        None => Some(leaf.not_bound(name, "spring.kafka.consumer")),
    }
}

/// What follows these keys in a path.
fn rest_of<'p>(path: &'p str, keys: &[&str]) -> Option<&'p str> {
    let mut rest = path;
    for key in keys {
        let (head, tail) =
            rest.split_once('.').or_else(|| rest.split_once('[').map(|(head, _)| (head, &rest[head.len()..])))?;
        if relaxed(head) != *key {
            return None;
        }
        rest = tail;
    }
    Some(rest)
}

/// A key of a map: `[session.timeout.ms]` stands for what is between the brackets.
fn literal(name: &str) -> String {
    name.replace(['[', ']'], "")
}

impl Leaf {
    fn written(self, name: String, level: Level) -> Written {
        Written {
            shown: name.clone(),
            name,
            value: self.value,
            name_span: self.name_span,
            value_span: self.value_span,
            level,
            fault: None,
        }
    }

    /// A value in Kafka's unit.
    fn converted(self, kafka: &str, kind: Kind) -> Written {
        let shown = self.path.rsplit('.').next().unwrap_or(&self.path).to_string();
        let text = self.value.trim().to_string();
        let value = match kind {
            _ if text.contains("${") => Ok(text.clone()),
            Kind::Plain => Ok(self.value.clone()),
            Kind::Enum => Ok(text.to_lowercase().replace('-', "_")),
            Kind::Duration => duration_ms(&text).map(|ms| ms.to_string()).ok_or("`10s`, `500ms`, `PT10S`"),
            Kind::Size => size(&text).map(|bytes| bytes.to_string()).ok_or("`512B`, `1KB`, `1MB`"),
        };
        let mut written = Written { shown: shown.clone(), ..self.written(kafka.to_string(), Level::Own) };
        match value {
            Ok(value) => written.value = value,
            Err(right) => {
                let message = format!("`{shown}` is `{text}`, which Spring can't convert");
                written.fault = Some(Fault::BadValue { message, right: format!("it takes {right}") });
            }
        }
        written
    }

    /// A key that Spring knows nothing of.
    fn not_bound(self, name: &str, under: &str) -> Written {
        let dotted = name.replace('-', ".").to_lowercase();
        let of_kafka = [dotted.clone(), format!("{dotted}.ms")];
        let of_kafka = of_kafka.iter().find(|name| consumer_table::find(name).is_some());
        let right = match (of_kafka, nearest::nearest(name, CONSUMER.iter().map(|(own, ..)| *own))) {
            (Some(kafka), _) => format!("write `{kafka}` under `spring.kafka.consumer.properties`"),
            (None, Some(near)) => format!("did you mean `spring.kafka.consumer.{near}`?"),
            (None, None) => "settings under Kafka's names stand under `spring.kafka.consumer.properties`".into(),
        };
        let shown = format!("{under}.{name}");
        Written { shown, fault: Some(Fault::NotBound { right }), ..self.written(name.to_string(), Level::Own) }
    }
}

/// A duration as Spring reads it, in milliseconds.
fn duration_ms(text: &str) -> Option<i64> {
    if let Some(iso) = text.to_ascii_uppercase().strip_prefix("P") {
        let (days, time) = iso.split_once('T').unwrap_or((iso, ""));
        return Some(
            iso_parts(days, &[('D', 86_400_000.0)])?
                + iso_parts(time, &[('H', 3_600_000.0), ('M', 60_000.0), ('S', 1_000.0)])?,
        );
    }
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: i64 = text[..digits].parse().ok()?;
    match text[digits..].to_ascii_lowercase().as_str() {
        "" | "ms" => Some(number),
        "ns" => Some(number / 1_000_000),
        "us" => Some(number / 1_000),
        "s" => number.checked_mul(1_000),
        "m" => number.checked_mul(60_000),
        "h" => number.checked_mul(3_600_000),
        "d" => number.checked_mul(86_400_000),
        _ => None,
    }
}

/// `1H30M` in milliseconds; nothing is nothing.
fn iso_parts(text: &str, units: &[(char, f64)]) -> Option<i64> {
    let mut rest = text;
    let mut total = 0.0;
    for (unit, ms) in units {
        if let Some((number, tail)) = rest.split_once(*unit) {
            total += number.parse::<f64>().ok().filter(|number| number.is_finite())? * ms;
            rest = tail;
        }
    }
    rest.is_empty().then_some(total as i64)
}

/// A size as Spring reads it, in bytes.
fn size(text: &str) -> Option<i64> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: i64 = text[..digits].parse().ok()?;
    let unit = match &text[digits..] {
        "" | "B" => 1,
        "KB" => 1 << 10,
        "MB" => 1 << 20,
        "GB" => 1 << 30,
        "TB" => 1 << 40,
        _ => return None,
    };
    number.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::text::properties;

    fn pairs(settings: &[Written]) -> Vec<(&str, &str)> {
        settings.iter().map(|written| (written.name.as_str(), written.value.as_str())).collect()
    }

    #[test]
    fn relaxed_names_durations_and_sizes_become_kafkas() {
        let text = "spring:\n  kafka:\n    consumer:\n      max-poll-records: 50\n      heartbeatInterval: 5s\n      \
                    fetch_min_size: 1KB\n      isolation-level: read-committed\n      bootstrap-servers: [a:1, b:2]\n";
        let configurations = read_yaml(text).unwrap();
        assert_eq!(
            pairs(&configurations[0]),
            [
                ("max.poll.records", "50"),
                ("heartbeat.interval.ms", "5000"),
                ("fetch.min.bytes", "1024"),
                ("isolation.level", "read_committed"),
                ("bootstrap.servers", "a:1,b:2"),
            ]
        );
        assert_eq!(&text[configurations[0][1].value_span.clone()], "5s");
        assert_eq!(configurations[0][1].shown, "heartbeatInterval");
    }

    #[test]
    fn the_map_takes_kafkas_names_nested_bracketed_or_plain() {
        let text = "spring.kafka:\n  properties:\n    session:\n      timeout.ms: 6000\n  consumer.properties:\n    \
                    \"[max.poll.interval.ms]\": 1\n    group.instance.id: a\n";
        let settings = read_yaml(text).unwrap().remove(0);
        let expected = [("session.timeout.ms", "6000"), ("max.poll.interval.ms", "1"), ("group.instance.id", "a")];
        assert_eq!(pairs(&settings), expected);
        assert!(settings[0].level == Level::Shared && settings[1].level == Level::Map);
    }

    #[test]
    fn a_document_with_a_profile_lies_over_the_others() {
        let text = "spring.kafka.consumer: {group-id: a, client-id: c}\n---\nspring:\n  config.activate.on-profile: prod\n  \
                    kafka.consumer.group-id: b\n";
        let configurations = read_yaml(text).unwrap();
        assert_eq!(pairs(&configurations[0]), [("group.id", "a"), ("client.id", "c")]);
        assert_eq!(pairs(&configurations[1]), [("client.id", "c"), ("group.id", "b")]);
    }

    #[test]
    fn properties_are_parted_by_comment_lines() {
        let text = "spring.kafka.consumer.group-id=a\n#---\nspring.config.activate.on-profile=prod\n\
                    spring.kafka.consumer.properties.session.timeout.ms=6000\n";
        let configurations = read_properties(text, properties::parse(text).unwrap()).unwrap();
        assert_eq!(pairs(&configurations[1]), [("group.id", "a"), ("session.timeout.ms", "6000")]);
    }

    #[test]
    fn keys_that_spring_does_not_bind_are_told_where_they_belong() {
        let right = |text: &str| match read_yaml(text).unwrap().remove(0).remove(0).fault {
            Some(Fault::NotBound { right }) => right,
            other => panic!("{other:?}"),
        };
        let consumer = |key: &str| right(&format!("spring.kafka.consumer.{key}: 1"));
        assert_eq!(consumer("session-timeout"), "write `session.timeout.ms` under `spring.kafka.consumer.properties`");
        assert_eq!(consumer("max-poll-record"), "did you mean `spring.kafka.consumer.max-poll-records`?");
        assert!(right("spring.kafka.colour: red").contains("Kafka's names"));
    }

    #[test]
    fn durations_and_sizes_are_read_as_spring_reads_them() {
        for (text, ms) in [("10", 10), ("10s", 10_000), ("2m", 120_000), ("PT1M30S", 90_000), ("P1DT0.5S", 86_400_500)]
        {
            assert_eq!(duration_ms(text), Some(ms), "{text}");
        }
        for wrong in ["", "s", "10 s", "10x", "PT1X"] {
            assert_eq!(duration_ms(wrong), None, "{wrong}");
        }
        assert_eq!((size("2MB"), size("7"), size("1kb")), (Some(2 << 20), Some(7), None));
    }

    #[test]
    fn yaml_without_kafka_is_refused() {
        assert!(read_yaml("a: 1\n").unwrap_err().message.contains("spring.kafka"));
        assert!(read_yaml("a: [1\n").unwrap_err().message.contains("not valid YAML"));
    }
}
