//! A field that came out differently than recorded.

use std::fmt::Debug;

use serde::Serialize;
use serde_json::{Map, Value};

/// One field of a case: recorded and computed side by side.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Difference {
    /// Where in the case.
    pub field: String,
    /// As recorded.
    pub expected: String,
    /// As computed.
    pub actual: String,
}

/// Notes a difference if there is one.
pub(super) fn compare<T: PartialEq + Debug>(differences: &mut Vec<Difference>, field: &str, expected: &T, actual: &T) {
    if expected != actual {
        differences.push(Difference {
            field: field.to_owned(),
            expected: format!("{expected:?}"),
            actual: format!("{actual:?}"),
        });
    }
}

/// Notes the differences of two JSON values, down to the fields: objects by key, arrays by position.
pub(super) fn compare_json(differences: &mut Vec<Difference>, field: &str, expected: &Value, actual: &Value) {
    match (expected, actual) {
        (Value::Object(expected), Value::Object(actual)) => compare_objects(differences, field, expected, actual),
        (Value::Array(expected), Value::Array(actual)) if expected.len() == actual.len() => {
            for (index, (expected, actual)) in expected.iter().zip(actual).enumerate() {
                compare_json(differences, &format!("{field}[{index}]"), expected, actual);
            }
        }
        _ if expected == actual => {}
        _ => differences.push(Difference {
            field: field.to_owned(),
            expected: expected.to_string(),
            actual: actual.to_string(),
        }),
    }
}

fn compare_objects(
    differences: &mut Vec<Difference>,
    field: &str,
    expected: &Map<String, Value>,
    actual: &Map<String, Value>,
) {
    let path = |key: &str| if field.is_empty() { key.to_owned() } else { format!("{field}.{key}") };
    let text = |value: Option<&Value>| value.map_or_else(|| "nothing".to_owned(), Value::to_string);
    for (key, expected) in expected {
        match actual.get(key) {
            Some(actual) => compare_json(differences, &path(key), expected, actual),
            None => {
                differences.push(Difference { field: path(key), expected: text(Some(expected)), actual: text(None) })
            }
        }
    }
    for (key, actual) in actual.iter().filter(|(key, _)| !expected.contains_key(*key)) {
        differences.push(Difference { field: path(key), expected: text(None), actual: text(Some(actual)) });
    }
}
