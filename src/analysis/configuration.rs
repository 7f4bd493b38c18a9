//! The settings that took effect, under Kafka's names.

use serde_json::{Map, Value};

use crate::analysis::outcome::{Configuration, ConsumerSettings, EffectiveNote, Setting, SettingSource};
use crate::protocol::config::{BrokerConfig, ConsumerConfig};
use crate::scenario::Scenario;

/// Settings that differ between consumers of one declaration.
const OWN_SETTINGS: [&str; 2] = ["client.id", "group.instance.id"];

/// The effective configuration of a scenario.
pub fn configuration(scenario: &Scenario) -> Configuration {
    let mut consumers: Vec<ConsumerSettings> = Vec::new();
    let defaults = values(&ConsumerConfig::default());
    for group in &scenario.groups {
        for consumer in &group.consumers {
            let mut settings = settings(values(&consumer.config), &defaults);
            settings.retain(|setting| !OWN_SETTINGS.contains(&setting.name.as_str()));
            let name = consumer.name.to_string();
            let alike = consumers.iter_mut().find(|other| {
                other.group == group.id.as_str() && *other.client == *consumer.client && other.settings == settings
            });
            match alike {
                Some(other) => other.consumers.push(name),
                None => consumers.push(ConsumerSettings {
                    group: group.id.to_string(),
                    consumers: vec![name],
                    client: consumer.client.to_string(),
                    settings,
                }),
            }
        }
    }
    let topics = scenario.cluster.topics.iter().map(|topic| (topic.name.to_string(), topic.partitions));
    let note =
        |note: &crate::scenario::checked::Note| EffectiveNote { place: note.place.clone(), text: note.text.clone() };
    Configuration {
        brokers: scenario.cluster.brokers,
        broker_settings: settings(values(&scenario.cluster.config), &values(&BrokerConfig::default())),
        topics: topics.collect(),
        consumers,
        notes: scenario.notes.iter().map(note).collect(),
    }
}

/// The fields of a configuration by Kafka's names, in the order of their declaration.
fn values(config: &impl serde::Serialize) -> Map<String, Value> {
    let value = serde_json::to_value(config).unwrap_or_default();
    let Value::Object(fields) = value else { return Map::new() };
    fields.into_iter().map(|(field, value)| setting(&field, value)).collect()
}

/// The property behind a field: its name with dots, but for the two fields that stand for something else.
fn setting(field: &str, value: Value) -> (String, Value) {
    match field {
        "metadata_recovery_rebootstrap" => {
            let strategy = if value == Value::Bool(true) { "rebootstrap" } else { "none" };
            ("metadata.recovery.strategy".to_string(), Value::from(strategy))
        }
        "leave_group_on_close" => ("internal.leave.group.on.close".to_string(), value),
        _ => (field.replace('_', "."), value),
    }
}

fn settings(values: Map<String, Value>, defaults: &Map<String, Value>) -> Vec<Setting> {
    let source = |name: &str, value: &Value| {
        if defaults.get(name) == Some(value) { SettingSource::Default } else { SettingSource::Scenario }
    };
    let setting = |(name, value): (String, Value)| Setting { source: source(&name, &value), name, value };
    values.into_iter().map(setting).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_have_kafkas_names_and_tell_what_is_not_the_default() {
        let config = ConsumerConfig { session_timeout_ms: 6_000, ..ConsumerConfig::default() };
        let settings = settings(values(&config), &values(&ConsumerConfig::default()));
        let named = |name: &str| settings.iter().find(|setting| setting.name == name).unwrap();
        assert_eq!(named("session.timeout.ms").source, SettingSource::Scenario);
        assert_eq!(named("session.timeout.ms").value, Value::from(6_000));
        assert_eq!(named("max.poll.interval.ms").source, SettingSource::Default);
        assert_eq!(named("metadata.recovery.strategy").value, Value::from("rebootstrap"));
        assert_eq!(named("partition.assignment.strategy").value, serde_json::json!(["range", "cooperative-sticky"]));
        assert_eq!(named("internal.leave.group.on.close").value, Value::Bool(true));
    }
}
