//! Putting a setting into a scenario: a Kafka property wherever it belongs, or a number by its path.
//!
//! Settings are put into the JSON text of the scenario, before it is checked: so everything that is said of scenario
//! files holds for every point of a sweep as well, and every point can be written out as a scenario of its own.

use indexmap::IndexMap;
use serde_json::{Map, Value};

use crate::protocol::config::{broker_table, consumer_table, nearest};

/// Settings under their names: Kafka properties, or paths in the scenario. Values as typed.
pub type Settings = IndexMap<String, String>;

/// Why a setting has no place in a scenario.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    /// Neither a property nor a path.
    #[error("`{name}` is neither a property of Kafka 4.1.1 nor a path in the scenario{}", advice(.near.as_deref()))]
    Unknown {
        /// What was asked for.
        name: String,
        /// What may have been meant.
        near: Option<String>,
    },
    /// A path that leads nowhere from some step on.
    #[error("`{path}` leads nowhere: `{}` {missing}{}", if .at.is_empty() { "the scenario" } else { at }, advice(.near.as_deref()))]
    NoSuchPlace {
        /// The whole path.
        path: String,
        /// How far it leads.
        at: String,
        /// What is missing there.
        missing: String,
        /// What may have been meant.
        near: Option<String>,
    },
    /// A path that ends at an object or a list.
    #[error("`{0}` is not a single value: name a number, a time span or a word in it")]
    NotSingle(String),
}

fn advice(near: Option<&str>) -> String {
    near.map_or_else(String::new, |near| format!(" (did you mean `{near}`?)"))
}

/// The value that takes an entry out of a list: `faults[deploy]=off`.
const OFF: &str = "off";
/// The value that leaves an entry in its list.
const ON: &str = "on";

/// Puts settings into a scenario, in their order. An entry of a list is switched with `off` and `on`.
///
/// ```
/// use rebalab::experiment::settings::{Settings, put};
/// let mut scenario = serde_json::json!({
///     "duration": "5m",
///     "cluster": { "topics": [] },
///     "groups": [{ "id": "billing", "consumers": [{ "name": "worker", "count": 4 }] }],
/// });
/// let settings = [("session.timeout.ms", "6000"), ("groups[billing].consumers[0].count", "8")];
/// let settings = settings.map(|(name, value)| (name.to_string(), value.to_string())).into();
/// put(&mut scenario, &settings).unwrap();
/// assert_eq!(scenario["groups"][0]["consumers"][0]["properties"]["session.timeout.ms"], 6000);
/// assert_eq!(scenario["groups"][0]["consumers"][0]["count"], 8);
/// ```
///
/// # Errors
/// The first setting that has no place.
pub fn put(scenario: &mut Value, settings: &Settings) -> Result<(), SettingError> {
    settings.iter().try_for_each(|(name, value)| put_one(scenario, name, value))?;
    sweep_out(scenario);
    Ok(())
}

fn put_one(scenario: &mut Value, name: &str, value: &str) -> Result<(), SettingError> {
    if consumer_table::find(name).is_some() {
        consumers(scenario).for_each(|consumer| put_property(consumer, name, value));
        return Ok(());
    }
    if broker_table::find(name).is_some() || broker_table::is_other_broker_property(name) {
        if let Some(cluster) = scenario.get_mut("cluster") {
            put_property(cluster, name, value);
        }
        return Ok(());
    }
    let steps = steps_of(name);
    let known = |key: &str| scenario.get(key).is_some() || TOP_LEVEL.contains(&key);
    match steps.first() {
        Some(Step::Key(first)) if known(first) => put_at(scenario, name, &steps, value),
        _ => Err(SettingError::Unknown { name: name.to_string(), near: nearest_name(name) }),
    }
}

/// Keys of a scenario that an axis may begin with although the file leaves them out.
const TOP_LEVEL: [&str; 6] = ["duration", "cluster", "groups", "network", "faults", "expect"];

fn nearest_name(name: &str) -> Option<String> {
    let properties = consumer_table::CONSUMER.iter().chain(broker_table::known());
    let known = properties.map(|property| property.name).chain(TOP_LEVEL);
    nearest::nearest(name, known).map(str::to_string)
}

fn consumers(scenario: &mut Value) -> impl Iterator<Item = &mut Value> {
    let groups = scenario.get_mut("groups").and_then(Value::as_array_mut).into_iter().flatten();
    groups.flat_map(|group| group.get_mut("consumers").and_then(Value::as_array_mut).into_iter().flatten())
}

/// Sets a property of a consumer entry or of the cluster.
fn put_property(owner: &mut Value, name: &str, value: &str) {
    let Some(owner) = owner.as_object_mut() else { return };
    let properties = owner.entry("properties").or_insert_with(|| Value::Object(Map::new()));
    if let Some(properties) = properties.as_object_mut() {
        properties.insert(name.to_string(), scalar(value, None));
    }
}

/// A step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Key(String),
    /// Of a list: by index, or by the entry's `id`, `name` or `label`.
    Entry(String),
}

/// `groups[0].consumers[worker].properties.session.timeout.ms`: what follows `properties.` is one key.
fn steps_of(path: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        if let Some((entry, after)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            steps.push(Step::Entry(entry.trim_matches('"').to_string()));
            rest = after.strip_prefix('.').unwrap_or(after);
            continue;
        }
        let in_properties = steps.last() == Some(&Step::Key("properties".into()));
        let end = if in_properties { rest.len() } else { rest.find(['.', '[']).unwrap_or(rest.len()) };
        steps.push(Step::Key(rest[..end].to_string()));
        rest = rest[end..].strip_prefix('.').unwrap_or(&rest[end..]);
        if end == 0 && !rest.starts_with('[') {
            break; // An empty name: the place lookup says where.
        }
    }
    steps
}

/// Takes the switched-off entries out of all lists: after all settings, so that indices stay what they are.
fn sweep_out(value: &mut Value) {
    match value {
        Value::Array(list) => {
            list.retain(|entry| entry.as_str() != Some(SWITCHED_OFF));
            list.iter_mut().for_each(sweep_out);
        }
        Value::Object(object) => object.values_mut().for_each(sweep_out),
        _ => {}
    }
}

/// Stands in a list for an entry that was switched off, until all settings are in their places.
const SWITCHED_OFF: &str = "\u{0}off";

fn put_at(scenario: &mut Value, path: &str, steps: &[Step], value: &str) -> Result<(), SettingError> {
    let mut place = scenario;
    let mut at = String::new();
    let (last, before) = steps.split_last().expect("a path has a first step");
    for step in before {
        place = enter(place, step, path, &at)?;
        at.push_str(&shown(step, at.is_empty()));
    }
    if let (Step::Key(key), Some(object)) = (last, place.as_object_mut())
        && !object.contains_key(key)
    {
        // A key that the file leaves to its default; whether there is such a key is checked with the scenario.
        object.insert(key.clone(), scalar(value, None));
        return Ok(());
    }
    let found = enter(place, last, path, &at)?;
    if matches!(last, Step::Entry(_)) && found.is_object() && (value == OFF || value == ON) {
        if value == OFF {
            *found = Value::String(SWITCHED_OFF.to_string());
        }
        return Ok(());
    }
    if found.is_object() || found.is_array() {
        return Err(SettingError::NotSingle(path.to_string()));
    }
    *found = scalar(value, Some(found));
    Ok(())
}

fn shown(step: &Step, first: bool) -> String {
    match step {
        Step::Key(key) if first => key.clone(),
        Step::Key(key) => format!(".{key}"),
        Step::Entry(entry) => format!("[{entry}]"),
    }
}

fn enter<'v>(place: &'v mut Value, step: &Step, path: &str, at: &str) -> Result<&'v mut Value, SettingError> {
    let nowhere = |missing: String, near: Option<String>| {
        Err(SettingError::NoSuchPlace { path: path.to_string(), at: at.to_string(), missing, near })
    };
    match (step, place) {
        (Step::Key(key), Value::Object(object)) => {
            let near = nearest::nearest(key, object.keys().map(String::as_str)).map(str::to_string);
            match object.get_mut(key) {
                Some(found) => Ok(found),
                None => nowhere(format!("has no `{key}`"), near),
            }
        }
        (Step::Entry(entry), Value::Array(list)) => {
            let count = list.len();
            let named = |value: &Value| ["id", "name", "label"].iter().any(|key| value[key] == entry.as_str());
            let index = list.iter().position(named).or_else(|| entry.parse().ok().filter(|index| *index < count));
            match index {
                Some(index) => Ok(&mut list[index]),
                None => nowhere(format!("has no entry `{entry}` (it has {count}, counted from 0)"), None),
            }
        }
        (Step::Key(key), Value::Array(_)) => nowhere(format!("is a list: write `[0]` before `.{key}`"), None),
        (Step::Entry(_), _) => nowhere("is not a list".to_string(), None),
        (Step::Key(_), _) => nowhere("is a single value".to_string(), None),
    }
}

/// A typed value as JSON. Text stays text where the scenario has text (a time span without a unit must not become a
/// number); else what reads as a number or a truth value is one.
fn scalar(value: &str, now: Option<&Value>) -> Value {
    let text = || Value::String(value.to_string());
    if now.is_some_and(Value::is_string) {
        return text();
    }
    let read: Result<Value, _> = serde_json::from_str(value);
    read.ok().filter(|read| read.is_number() || read.is_boolean()).unwrap_or_else(text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn scenario() -> Value {
        json!({
            "duration": "5m",
            "cluster": { "brokers": 3, "topics": [{ "name": "orders", "partitions": 12 }] },
            "groups": [
                { "id": "billing", "consumers": [{ "name": "a", "count": 2 }, { "name": "b", "properties": { "max.poll.records": 5 } }] },
                { "id": "audit", "consumers": [{ "name": "c" }] },
            ],
            "faults": [{ "at": "60s", "gc_pause": { "consumers": "a", "for": { "uniform": { "from": "1s", "to": "9s" } } } }],
        })
    }

    fn with(name: &str, value: &str) -> Result<Value, String> {
        let mut scenario = scenario();
        let settings = Settings::from([(name.to_string(), value.to_string())]);
        put(&mut scenario, &settings).map_err(|error| error.to_string()).map(|()| scenario)
    }

    #[test]
    fn a_consumer_property_goes_to_every_consumer_and_a_broker_property_to_the_cluster() {
        let scenario = with("max.poll.records", "200").unwrap();
        for (group, consumer) in [(0, 0), (0, 1), (1, 0)] {
            assert_eq!(scenario["groups"][group]["consumers"][consumer]["properties"]["max.poll.records"], 200);
        }
        let scenario = with("group.initial.rebalance.delay.ms", "0").unwrap();
        assert_eq!(scenario["cluster"]["properties"]["group.initial.rebalance.delay.ms"], 0);
        assert_eq!(scenario["groups"], super::tests::scenario()["groups"]);
    }

    #[test]
    fn a_path_names_one_value_by_index_or_by_name() {
        assert_eq!(with("groups[billing].consumers[a].count", "8"), with("groups[0].consumers[0].count", "8"));
        assert_eq!(with("duration", "1h").unwrap()["duration"], "1h");
        let from = "faults[0].gc_pause.for.uniform.from";
        assert_eq!(with(from, "2s").unwrap()["faults"][0]["gc_pause"]["for"]["uniform"]["from"], "2s");
        let one = with("groups[1].consumers[0].properties.session.timeout.ms", "6000").unwrap_err();
        assert!(one.contains("has no `properties`"), "{one}");
        let one = with("groups[0].consumers[b].properties.session.timeout.ms", "6000").unwrap();
        assert_eq!(one["groups"][0]["consumers"][1]["properties"]["session.timeout.ms"], 6000);
    }

    #[test]
    fn a_key_that_the_file_leaves_out_can_be_set() {
        assert_eq!(with("groups[audit].consumers[c].count", "3").unwrap()["groups"][1]["consumers"][0]["count"], 3);
        assert_eq!(with("cluster.append_latency", "5ms").unwrap()["cluster"]["append_latency"], "5ms");
    }

    #[test]
    fn an_entry_of_a_list_is_switched_off_and_others_keep_their_indices() {
        let mut scenario = scenario();
        let more = json!({ "label": "deploy", "at": "90s", "crash": { "host": "a" } });
        scenario["faults"].as_array_mut().unwrap().push(more);
        let with = |settings: &[(&str, &str)]| {
            let mut scenario = scenario.clone();
            let settings = settings.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
            put(&mut scenario, &settings).map(|()| scenario["faults"].clone())
        };
        assert_eq!(with(&[("faults[deploy]", "on")]).unwrap(), scenario["faults"]);
        let left = with(&[("faults[0]", "off"), ("faults[1].at", "95s")]).unwrap();
        assert_eq!((left.as_array().unwrap().len(), &left[0]["at"]), (1, &json!("95s")));
        assert!(with(&[("faults[deploy]", "away")]).is_err());
    }

    #[test]
    fn text_stays_text() {
        assert_eq!(with("duration", "300").unwrap()["duration"], "300");
        assert_eq!(
            with("enable.auto.commit", "false").unwrap()["groups"][0]["consumers"][0]["properties"]["enable.auto.commit"],
            false
        );
        assert_eq!(with("client.rack", "r1").unwrap()["groups"][0]["consumers"][0]["properties"]["client.rack"], "r1");
    }

    #[test]
    fn what_has_no_place_is_refused_with_what_may_be_meant() {
        let refused = |name: &str| with(name, "1").unwrap_err();
        assert!(refused("sesion.timeout.ms").contains("did you mean `session.timeout.ms`?"));
        assert!(refused("group.initial.rebalance.delay").contains("did you mean `group.initial.rebalance.delay.ms`?"));
        assert!(
            refused("groups[billing].consumer[a].count")
                .contains("`groups[billing]` has no `consumer` (did you mean `consumers`?)")
        );
        assert!(refused("groups[nobody].consumers[0].count").contains("no entry `nobody` (it has 2"));
        assert!(refused("faults[7].at").contains("no entry `7`"));
        assert!(refused("groups.billing").contains("is a list"));
        assert!(refused("duration.seconds.whole").contains("is a single value"));
        assert!(refused("faults[0].gc_pause.for").contains("not a single value"));
        assert!(refused("").contains("neither a property"));
        assert!(refused("groups..x").contains("leads nowhere"));
    }
}
