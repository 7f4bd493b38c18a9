//! Values: what Kafka's parser and validators refuse, and what they take although it can't be meant.

use std::ops::Range;

use crate::lint::context::Context;
use crate::lint::known::LIBRDKAFKA_BOUNDS;
use crate::lint::read::Format;
use crate::lint::rule::rules;
use crate::lint::rules::names;
use crate::lint::settings::{Given, Settings, Written};
use crate::protocol::config::property::{Kind, Property, PropertyValue};
use crate::protocol::config::{AssignorName, ConsumerConfig, broker_table, consumer_table, nearest};
use crate::scenario::profile::REBALANCE_TIMEOUT;
use crate::scenario::profile::assignor_since;

rules! {
    INVALID: Error "invalid-value",
        "a value that the client refuses: of another type, or out of its bounds",
        "the client does not start",
        "a value that it takes";
    WHITE_SPACE: Error "white-space-in-value",
        "a text that ends in white space, which Kafka keeps",
        "it is another text: with a blank at its end `group.id` names another group, with offsets of its own",
        "remove the white space at the end of the line";
    COMMENT: Error "comment-in-value",
        "a comment behind a value",
        "properties files have comments on lines of their own alone, so this one belongs to the value",
        "put the comment on a line of its own";
    NOT_KNOWN: Note "value-filled-in-elsewhere",
        "a value that stands elsewhere, such as `${SESSION_TIMEOUT}`",
        "nothing that depends on it can be checked",
        "check the file as it is after filling in";
    NOT_A_CLASS: Error "assignor-not-a-class",
        "an assignor by its name on the wire where the Java consumer takes classes",
        "the consumer does not start: it looks for a class of that name",
        "the class in full";
    CUSTOM_ASSIGNOR: Note "custom-assignor",
        "an assignor that is not Kafka's",
        "nothing is known of what it moves and how long it takes",
        "nothing, if it is meant";
    CLIENT_SETTING_AT_BROKER: Warning "client-setting-at-broker",
        "a setting of consumers in the brokers' file",
        "brokers ignore it; each client brings its own value",
        "set it at the consumers";
}

/// True for a value that something else fills in before the client sees it.
pub fn is_filled_in_elsewhere(value: &str) -> bool {
    let value = value.trim();
    ["${", "$(", "{{", "<%="].iter().any(|sign| value.contains(sign))
        || (value.len() > 2 && value.starts_with('@') && value.ends_with('@'))
}

/// `${NAME:6000}`: the value if nothing else is said.
fn stated_default(value: &str) -> Option<&str> {
    let inner = value.trim().strip_prefix("${")?.strip_suffix('}')?;
    let (_, default) = inner.split_once(':')?;
    (!default.contains(['$', '{', '}'])).then_some(default.strip_prefix('-').unwrap_or(default))
}

/// A value that is refused; nothing more is said about the setting.
pub fn refuse(context: &mut Context<'_>, kafka: &str, place: Range<usize>, message: String, right: String) {
    let added = context.settings.add(INVALID, Some(place), message);
    if !right.is_empty() {
        added.right(right);
    }
    context.settings.unknown.insert(kafka.to_string());
}

/// Reads a value under Kafka's name; what is wrong with it is told.
pub fn read(context: &mut Context<'_>, kafka: &str, value: String, written: &Written) -> Option<PropertyValue> {
    let place = Some(written.value_span.clone());
    let mut value = value;
    if is_filled_in_elsewhere(&value) {
        match stated_default(&value) {
            Some(default) => value = default.to_string(),
            None if is_template(kafka) => return None,
            None => {
                context.settings.add(NOT_KNOWN, place, format!("`{}` is filled in elsewhere", written.shown));
                return None;
            }
        }
    }
    if context.format == Format::Properties && has_comment(&value) {
        context.settings.add(COMMENT, place, format!("`{}` is `{}`", written.shown, value.trim_end()));
        return None;
    }
    let Some(property) = property_of(context, kafka) else {
        return Some(PropertyValue::Text(value));
    };
    let is_text = matches!(property.kind, Kind::String | Kind::Password);
    if context.java.is_some() && is_text && value.ends_with([' ', '\t', '\x0c']) && !value.trim().is_empty() {
        context.settings.add(WHITE_SPACE, place.clone(), format!("`{}` ends in white space", written.shown));
    }
    let parsed = parse(context, &property, &value);
    match parsed {
        Err((message, right)) => {
            let added = context.settings.add(INVALID, place, message);
            if !right.is_empty() {
                added.right(right);
            }
            None
        }
        Ok(value) => {
            if let (PropertyValue::List(items), "partition.assignment.strategy") = (&value, kafka) {
                return assignors(context, items, written).then_some(value);
            }
            Some(value)
        }
    }
}

/// Settings that differ from process to process, so that something must fill them in.
fn is_template(kafka: &str) -> bool {
    matches!(kafka, "group.instance.id" | "client.id" | "client.rack")
}

/// ` # …` behind a value.
fn has_comment(value: &str) -> bool {
    value.contains(" #") || value.contains("\t#") || value.contains(" //")
}

/// What is known of a setting: Kafka's table for Java, types alone for other libraries.
fn property_of(context: &Context<'_>, kafka: &str) -> Option<Property> {
    let of_timeout = kafka == REBALANCE_TIMEOUT;
    let name = if of_timeout { "max.poll.interval.ms" } else { kafka };
    let property = *consumer_table::find(name)?;
    if context.java.is_some() {
        return Some(property);
    }
    // Other libraries have their own words for texts, and flags in several spellings.
    let own_words = matches!(property.kind, Kind::String | Kind::Class | Kind::Password | Kind::Boolean);
    let keeps = matches!(kafka, "enable.auto.commit" | "group.protocol" | "group.instance.id");
    (!own_words || keeps).then_some(property)
}

type Refused = (String, String);

fn parse(context: &Context<'_>, property: &Property, value: &str) -> Result<PropertyValue, Refused> {
    let is_flag = property.kind == Kind::Boolean && context.java.is_none();
    let text = match value.trim() {
        "1" | "t" | "True" if is_flag => "true",
        "0" | "f" | "False" if is_flag => "false",
        text => text,
    };
    let parsed = property.parse(text).map_err(|refusal| (refusal.message, refusal.help.unwrap_or_default()))?;
    if let (true, PropertyValue::Whole(number)) = (context.is_librdkafka(), &parsed) {
        let own = context.profile.own_name(property.name);
        if let Some((_, least, most)) = LIBRDKAFKA_BOUNDS.iter().find(|(name, ..)| *name == own)
            && !(*least..=*most).contains(number)
        {
            return Err((
                format!("{number} is out of bounds for `{own}`"),
                format!("librdkafka takes {least} to {most}"),
            ));
        }
    }
    let refused = |message: String, help: &str| Err((message, help.to_string()));
    match (property.name, &parsed) {
        ("group.instance.id", PropertyValue::Text(_)) if !value.contains('{') => {
            let mut config = ConsumerConfig::default();
            if let Err(refusal) = config.set("", property.name, value) {
                return Err((refusal.message, refusal.help.unwrap_or_default()));
            }
        }
        // ClassicKafkaConsumer: "The configured group.id should not be an empty string or whitespace."
        ("group.id", PropertyValue::Text(text)) if text.is_empty() => {
            return refused("`group.id` is blank".into(), "a name for the group");
        }
        // KIP-1106
        ("auto.offset.reset", PropertyValue::Text(text))
            if text.starts_with("by_duration") && context.is_java_before((4, 0, 0)) =>
        {
            return refused(
                format!("`{text}` came with Kafka 4.0; this is {}", context.client),
                "`latest`, `earliest` or `none`",
            );
        }
        // Heartbeat's timer: "Invalid negative timeout"
        ("heartbeat.interval.ms", PropertyValue::Whole(ms)) if *ms < 0 => {
            return refused(format!("`heartbeat.interval.ms` is negative: {ms}"), "3000, Kafka's default");
        }
        _ => {}
    }
    Ok(parsed)
}

/// Assignors by class (Java) or by name; false if one of them can't be.
fn assignors(context: &mut Context<'_>, items: &[String], written: &Written) -> bool {
    let place = Some(written.value_span.clone());
    let is_java = context.java.is_some();
    if items.is_empty() {
        let message = format!("`{}` is empty", written.shown);
        context.settings.add(INVALID, place, message).right("one or more assignors");
        return false;
    }
    let mut fine = true;
    for (index, item) in items.iter().enumerate() {
        let known = AssignorName::ALL.iter().map(|assignor| assignor.class());
        match (AssignorName::from_class(item), AssignorName::from_wire(item)) {
            (Some(_), _) if items[..index].contains(item) => {
                context.settings.add(INVALID, place.clone(), format!("`{item}` is listed twice")).right("keep one");
                fine = false;
            }
            (Some(assignor), _) if context.is_java_before(assignor_since(assignor)) => {
                let message = format!("`{item}` is not in {}", context.client);
                let (major, minor, _) = assignor_since(assignor);
                context
                    .settings
                    .add(INVALID, place.clone(), message)
                    .right(format!("a client of Kafka {major}.{minor} or later"));
                fine = false;
            }
            (Some(_), _) => {}
            (None, Some(_)) if !is_java => {}
            (None, Some(assignor)) => {
                let message = format!("`{item}` is no class");
                context.settings.add(NOT_A_CLASS, place.clone(), message).right(format!("`{}`", assignor.class()));
                fine = false;
            }
            (None, None) => match nearest::nearest(item, known).filter(|_| is_java && item.starts_with("org.apache")) {
                Some(near) => {
                    let added = context.settings.add(INVALID, place.clone(), format!("there is no class `{item}`"));
                    added.right(format!("did you mean `{near}`?"));
                    fine = false;
                }
                None => {
                    context.settings.add(
                        CUSTOM_ASSIGNOR,
                        place.clone(),
                        format!("`{item}` is not one of Kafka's assignors"),
                    );
                }
            },
        }
    }
    fine
}

/// Takes a setting of the brokers.
pub fn take_brokers(settings: &mut Settings, written: Written) {
    let name = written.name.clone();
    let place = Some(written.value_span.clone());
    let Some(property) = broker_table::find(&name) else {
        if broker_table::is_other_broker_property(&name) {
            return;
        }
        if consumer_table::find(&name).is_some() {
            let message = format!("`{name}` is a setting of consumers");
            settings.add(CLIENT_SETTING_AT_BROKER, Some(written.name_span), message);
            return;
        }
        let known = broker_table::known().map(|property| property.name);
        let near = nearest::nearest(&name, known.chain(broker_table::OTHERS.iter().copied()));
        names::unknown(settings, &written, "brokers", near);
        return;
    };
    if settings.given.shift_remove(&name).is_some() {
        names::given_twice(settings, &written);
    }
    if is_filled_in_elsewhere(&written.value) {
        settings.add(NOT_KNOWN, place, format!("`{name}` is filled in elsewhere"));
        settings.given.insert(name, Given { written, value: None });
        return;
    }
    let value = match property.parse(&written.value) {
        Ok(value) => Some(value),
        Err(refusal) => {
            let added = settings.add(INVALID, place, refusal.message).consequence("the broker does not start");
            if let Some(help) = refusal.help {
                added.right(help);
            }
            None
        }
    };
    settings.given.insert(name, Given { written, value });
}
