//! Names: misspelt, unknown, another client's, another part's, too new.

use crate::lint::Severity;
use crate::lint::context::Context;
use crate::lint::known::{LIBRDKAFKA, LIBRDKAFKA_PRODUCER, PRODUCER};
use crate::lint::read::Format;
use crate::lint::rule::rules;
use crate::lint::rules::values;
use crate::lint::settings::{Fault, Given, Level, Settings, Written};
use crate::protocol::config::{Culprit, broker_table, consumer_table, nearest};
use crate::scenario::profile::{REBALANCE_TIMEOUT, own_settings};
use crate::scenario::profile::{Version, java_since};

rules! {
    MISSPELT: Error "misspelt-property",
        "a name that no setting has, but one nearly has",
        "the client does not take it: the Java consumer logs a warning and goes on with the default, librdkafka refuses to start",
        "the setting's name as the client has it";
    UNKNOWN: Note "unknown-property",
        "a name that is not known",
        "unless a deserializer or interceptor reads it, the client ignores it",
        "leave it out, or allow this rule if something else reads it";
    OF_ANOTHER_CLIENT: Error "setting-of-another-client",
        "a setting that other clients have and this one lacks",
        "it has no effect here",
        "the setting that this client has instead";
    OF_THE_BROKER: Warning "broker-setting-at-client",
        "a setting of brokers in a consumer's file",
        "a consumer ignores it; the brokers' own value stands",
        "set it in the brokers' `server.properties`";
    OF_THE_PRODUCER: Warning "producer-setting-at-consumer",
        "a setting of producers in a consumer's file",
        "a consumer has no use for it",
        "set it at the producer";
    TOO_NEW: Error "setting-newer-than-client",
        "a setting that came with a later version of the Java consumer",
        "this version ignores it with a warning in its log",
        "a newer client, or what this version has instead";
    NOT_BOUND: Error "spring-key-not-bound",
        "a key under `spring.kafka` that Spring Boot binds to nothing",
        "Spring ignores it without a word, and the client goes on with the default",
        "put settings that Spring has no key for under `spring.kafka.consumer.properties`, with Kafka's names";
    GIVEN_TWICE: Warning "given-twice",
        "a setting that is given twice",
        "the last one wins without a word",
        "keep one of the two";
    NO_SETTINGS: Note "no-settings",
        "a file without a setting",
        "every setting has the client's default",
        "nothing, if that is meant";
}

/// Prefixes under which Kafka Streams and Kafka Connect pass settings on to their consumers.
const PREFIXES: [&str; 5] =
    ["consumer.override.", "main.consumer.", "restore.consumer.", "global.consumer.", "consumer."];

/// A file without settings, which may be a mistake.
pub fn no_settings(context: &mut Context<'_>, written: &[Written]) {
    if written.is_empty() {
        context.settings.add(NO_SETTINGS, None, "there is no setting of a consumer in it");
    }
}

/// Settings of the Scala consumer, which Kafka 2.0 removed, and what the Java consumer has instead.
const OF_SCALA: [(&str, &str); 6] = [
    ("zookeeper.connect", "bootstrap.servers"),
    ("auto.commit.enable", "enable.auto.commit"),
    ("fetch.message.max.bytes", "max.partition.fetch.bytes"),
    ("fetch.wait.max.ms", "fetch.max.wait.ms"),
    ("socket.timeout.ms", "request.timeout.ms"),
    ("consumer.timeout.ms", "the timeout that `poll` takes"),
];

/// Settings of librdkafka that only its share consumers read.
const OF_SHARE_CONSUMERS: [&str; 2] = ["max.poll.records", "share.acknowledgement.mode"];

/// Takes a setting under Kafka's name, or says why it can't be taken.
pub fn take(context: &mut Context<'_>, written: Written) {
    match written.fault.clone() {
        Some(Fault::NotBound { right }) => {
            let message = format!("Spring Boot binds `{}` to nothing", written.shown);
            context.settings.add(NOT_BOUND, Some(written.name_span), message).right(right);
            return;
        }
        Some(Fault::BadValue { message, right }) => {
            values::refuse(context, &written.name, written.value_span, message, right);
            return;
        }
        None => {}
    }
    let kafka = match context.profile.library() {
        None => name_of_java(context, &written),
        Some(library) => name_of_library(context, library, &written),
    };
    let Some((kafka, value)) = kafka else { return };
    if let Some(first) = context.settings.given(&kafka) {
        let (before, now) = (first.written.level, written.level);
        let (loser, is_overruled) = if before > now { (written.clone(), true) } else { (first.written.clone(), false) };
        match (before == now, loser.level) {
            (true, _) => given_twice(&mut context.settings, &written),
            // What all clients share is there to be overruled.
            (false, Level::Shared) => {}
            (false, _) => {
                let message = format!("`{}` is given here and under `spring.kafka.consumer.properties`", loser.shown);
                let added = context.settings.add(GIVEN_TWICE, Some(loser.name_span), message);
                added.consequence("the one under `properties` wins without a word");
            }
        }
        if is_overruled {
            return;
        }
    }
    context.settings.given.shift_remove(&kafka);
    context.settings.unknown.remove(&kafka);
    let value = values::read(context, &kafka, value, &written);
    if value.is_none() {
        context.settings.unknown.insert(kafka.clone());
    }
    context.settings.given.insert(kafka, Given { written, value });
}

/// A setting that is given for the second time.
pub fn given_twice(settings: &mut Settings, written: &Written) {
    let message = format!("`{}` is given for the second time", written.shown);
    settings.add(GIVEN_TWICE, Some(written.name_span.clone()), message);
}

/// Kafka's name and the value, for the Java consumer.
fn name_of_java(context: &mut Context<'_>, written: &Written) -> Option<(String, String)> {
    let name = written.name.as_str();
    if consumer_table::find(name).is_some() {
        too_new(context, written);
        return Some((name.to_string(), written.value.clone()));
    }
    let is_fine = consumer_table::OF_OTHERS.contains(&name) || (written.level == Level::Shared && is_of_producer(name));
    // Spring's map for all clients also holds what producers and admin clients read.
    if is_fine {
        return None;
    }
    let settings = &mut context.settings;
    let place = Some(written.name_span.clone());
    if is_of_producer(name) {
        settings.add(OF_THE_PRODUCER, place, format!("`{name}` is a setting of producers"));
        return None;
    }
    if is_of_broker(name) {
        settings.add(OF_THE_BROKER, place, format!("`{name}` is a setting of brokers"));
        return None;
    }
    let prefixed = PREFIXES.iter().find_map(|prefix| name.strip_prefix(prefix));
    if let Some(kafka) = prefixed.filter(|kafka| consumer_table::find(kafka).is_some()) {
        settings
            .add(UNKNOWN, place, format!("`{name}` is no consumer property"))
            .severity(Severity::Warning)
            .consequence("a consumer that is given this file ignores it; Kafka Streams and Connect strip such a prefix")
            .right(format!("`{kafka}`, unless Streams or Connect read this file"));
        return None;
    }
    if let Some((_, instead)) = OF_SCALA.iter().find(|(old, _)| *old == name) {
        let message = format!("`{name}` is a setting of librdkafka or of the Scala consumer, which Kafka 2.0 removed");
        let instead = if instead.contains(' ') { (*instead).to_string() } else { format!("`{instead}`") };
        settings.add(OF_ANOTHER_CLIENT, place, message).right(format!("the Java consumer has {instead}"));
        return None;
    }
    if let Some((_, about)) = own_settings().find(|(own, _)| *own == name) {
        let (library, kafka) = about.split_once(": ").unwrap_or((about.as_str(), ""));
        let right = if kafka == REBALANCE_TIMEOUT { "max.poll.interval.ms" } else { kafka };
        settings
            .add(OF_ANOTHER_CLIENT, place, format!("`{name}` is a setting of {library}, not of the Java consumer"))
            .right(format!("the Java consumer has `{right}`"));
        return None;
    }
    let known = consumer_table::CONSUMER.iter().map(|property| property.name);
    unknown(settings, written, "the Java consumer", nearest::nearest(name, known));
    None
}

/// Kafka's name and the value in Kafka's unit, for another library.
fn name_of_library(context: &mut Context<'_>, library: &str, written: &Written) -> Option<(String, String)> {
    let name = written.name.as_str();
    if values::is_filled_in_elsewhere(&written.value) {
        // Its unit can't be read, its name can.
        let meant = ["1", "1s", "range", "RangeBalancer", "roundRobin", "RangeGroupBalancer", "RangePartitionAssignor"]
            .iter()
            .find_map(|example| context.profile.meaning(name, example).ok());
        if let Some(meant) = meant {
            return Some((meant.name, written.value.clone()));
        }
    }
    match context.profile.meaning(name, &written.value) {
        Ok(meant) => return Some((meant.name, meant.value)),
        Err(refusal) if refusal.culprit == Culprit::Value => {
            let right = refusal.help.unwrap_or_default();
            values::refuse(context, name, written.value_span.clone(), refusal.message, right);
            return None;
        }
        Err(_) => {}
    }
    let place = Some(written.name_span.clone());
    let is_librdkafka = context.is_librdkafka();
    let instead = context.profile.instead_of(name);
    if is_librdkafka && LIBRDKAFKA.contains(&name) && !OF_SHARE_CONSUMERS.contains(&name) {
        // One that is not modelled, unless the model takes Kafka's name for another of its settings.
        return instead.is_none().then(|| (name.to_string(), written.value.clone()));
    }
    let consequence = match name {
        _ if !is_librdkafka => "it has no effect here",
        "request.timeout.ms" => "librdkafka takes it for a producer's and ignores it with a warning in its log",
        _ if OF_SHARE_CONSUMERS.contains(&name) => {
            "librdkafka refuses to start with it, or ignores it where it knows share consumers"
        }
        _ => "librdkafka refuses to start with it",
    };
    let settings = &mut context.settings;
    if let Some(instead) = instead {
        settings
            .add(OF_ANOTHER_CLIENT, place, format!("{library} has no `{name}`"))
            .consequence(consequence)
            .right(instead);
    } else if is_librdkafka && LIBRDKAFKA_PRODUCER.contains(&name) || !is_librdkafka && is_of_producer(name) {
        settings.add(OF_THE_PRODUCER, place, format!("`{name}` is a setting of producers"));
    } else if is_of_broker(name) {
        settings.add(OF_THE_BROKER, place, format!("`{name}` is a setting of brokers"));
    } else if consumer_table::find(name).is_some() {
        settings
            .add(OF_ANOTHER_CLIENT, place, format!("`{name}` is a setting of the Java consumer, not of {library}"))
            .consequence(consequence)
            .right(format!("leave it out: {library} has nothing like it"));
    } else if is_librdkafka {
        let near = nearest::nearest(name, LIBRDKAFKA.iter().copied());
        unknown(settings, written, library, near);
    } else {
        let owners = own_settings().filter(|(_, about)| about.starts_with(&format!("{library}: ")));
        let near = nearest::almost(name, owners.map(|(own, _)| own));
        unknown(settings, written, library, near);
    }
    None
}

/// A name that nobody knows.
pub fn unknown(settings: &mut Settings, written: &Written, whose: &str, near: Option<&str>) {
    let place = Some(written.name_span.clone());
    let message = format!("`{}` is not a setting of {whose}", written.shown);
    match near {
        Some(near) => {
            let added = settings.add(MISSPELT, place, message).right(format!("did you mean `{near}`?"));
            match whose {
                "the Java consumer" => {
                    added.consequence(format!("the consumer logs a warning and goes on with its default of `{near}`"))
                }
                "librdkafka" => added.consequence("librdkafka refuses to start with it"),
                _ => added.consequence("it has no effect, and the default stands"),
            };
        }
        None if whose == "librdkafka" => {
            let added = settings.add(UNKNOWN, place, message).severity(Severity::Error);
            added.consequence("librdkafka refuses to start with it").right("leave it out");
        }
        None if matches!(whose, "the Java consumer" | "brokers") => {
            settings.add(UNKNOWN, place, message);
        }
        None => {
            let message = format!("`{}` is none of the settings of {whose} that are known here", written.shown);
            let added = settings.add(UNKNOWN, place, message);
            added
                .consequence("known are those that concern rebalances, so nothing is said about it")
                .right("nothing, if the library has it");
        }
    }
}

fn too_new(context: &mut Context<'_>, written: &Written) {
    let name = &written.name;
    let Some(since) = java_since(name).filter(|since| context.is_java_before(*since)) else { return };
    let message = format!("`{name}` came with Kafka {}; this is {}", version(since), context.client);
    let right = match (name.as_str(), context.format) {
        ("max.poll.interval.ms", _) => {
            "before that the session timeout limits the work between polls: raise `session.timeout.ms`".to_string()
        }
        (_, Format::Spring) => format!("kafka-clients {} or later", version(since)),
        _ => format!("a client of Kafka {} or later", version(since)),
    };
    context.settings.add(TOO_NEW, Some(written.name_span.clone()), message).right(right);
}

fn version((major, minor, patch): Version) -> String {
    if patch == 0 { format!("{major}.{minor}") } else { format!("{major}.{minor}.{patch}") }
}

fn is_of_producer(name: &str) -> bool {
    PRODUCER.contains(&name)
}

fn is_of_broker(name: &str) -> bool {
    broker_table::find(name).is_some() || (broker_table::is_other_broker_property(name) && name != "request.timeout.ms")
}
