//! YAML documents as trees that remember where each value stands: the same tree as JSON's.

use std::ops::Range;

use saphyr::{LoadableYamlNode, MarkedYaml, Marker, Scalar, YamlData};
use serde_json::Number;

use super::json::{Member, Node, Value};

/// Reads all documents of a text. Tags are dropped, aliases stand for what they name.
///
/// # Errors
/// The place of the first mistake, and what it is.
pub fn parse(text: &str) -> Result<Vec<Node>, (Range<usize>, String)> {
    let bytes = Bytes::of(text);
    let documents = MarkedYaml::load_from_str(text).map_err(|error| {
        let at = bytes.at(error.marker());
        (at..(at + 1).min(text.len()).max(at), error.info().to_string())
    })?;
    Ok(documents.iter().map(|document| bytes.node(document)).collect())
}

/// From characters to bytes.
struct Bytes {
    /// Byte at which each character begins, and the end.
    starts: Vec<usize>,
}

impl Bytes {
    fn of(text: &str) -> Self {
        Bytes { starts: text.char_indices().map(|(byte, _)| byte).chain([text.len()]).collect() }
    }

    fn at(&self, marker: &Marker) -> usize {
        self.starts[marker.index().min(self.starts.len() - 1)]
    }

    fn node(&self, yaml: &MarkedYaml<'_>) -> Node {
        let (from, to) = (self.at(&yaml.span.start), self.at(&yaml.span.end));
        Node { span: from..to.max(from), value: self.value(&yaml.data) }
    }

    fn value<'y>(&self, data: &YamlData<'y, MarkedYaml<'y>>) -> Value {
        match data {
            YamlData::Value(Scalar::Null) => Value::Null,
            YamlData::Value(Scalar::Boolean(flag)) => Value::Bool(*flag),
            YamlData::Value(Scalar::Integer(number)) => Value::Number(Number::from(*number)),
            YamlData::Value(Scalar::FloatingPoint(number)) => {
                Number::from_f64(**number).map_or(Value::Null, Value::Number)
            }
            YamlData::Value(Scalar::String(text)) => Value::String(text.to_string()),
            YamlData::Representation(text, ..) => Value::String(text.to_string()),
            YamlData::Sequence(items) => Value::Array(items.iter().map(|item| self.node(item)).collect()),
            YamlData::Mapping(members) => {
                let member = |(key, value): (&MarkedYaml<'_>, &MarkedYaml<'_>)| {
                    let key = self.node(key);
                    Member { key: written(&key.value), key_span: key.span, value: self.node(value) }
                };
                Value::Object(members.iter().map(member).collect())
            }
            YamlData::Tagged(_, inner) => self.value(&inner.data),
            YamlData::Alias(_) | YamlData::BadValue => Value::Null,
        }
    }
}

/// A key as text.
fn written(key: &Value) -> String {
    match key {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::text::Place;

    #[test]
    fn values_stand_where_the_text_has_them() {
        let text = "# ü\nkind: Deployment\nspec:\n  replicas: 3\n  names: [a, \"b\"]\n---\nkind: Service\n";
        let documents = parse(text).unwrap();
        assert_eq!(documents.len(), 2);
        let root = Place::Root;
        let spec = root.key("spec");
        let replicas = documents[0].at(&spec.key("replicas")).clone();
        assert_eq!((&text[replicas.span.clone()], replicas.value), ("3", Value::Number(3.into())));
        let names = spec.key("names");
        assert_eq!(documents[0].at(&names.index(1)).value, Value::String("b".into()));
        assert_eq!(documents[1].at(&root.key("kind")).value, Value::String("Service".into()));
    }

    #[test]
    fn a_mistake_is_told_with_its_place() {
        let (span, what) = parse("a: 1\nb: [1, 2\n").unwrap_err();
        assert!(span.start >= 5, "{span:?}");
        assert!(!what.is_empty());
    }
}
