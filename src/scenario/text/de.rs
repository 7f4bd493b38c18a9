//! Serde over a [`Node`] tree: an error carries the place it stands for, and the names that would have been right.

use std::fmt::Display;
use std::ops::Range;

use serde::de::{
    self, Deserialize, DeserializeSeed, EnumAccess, Expected, IntoDeserializer, MapAccess, SeqAccess, Unexpected,
    VariantAccess, Visitor,
};

use super::json::{Member, Node, Value};
use super::problem::Problem;
use crate::protocol::config::nearest;

/// Reads a typed value from a tree.
pub fn from_node<'n, T: Deserialize<'n>>(node: &'n Node) -> Result<T, Problem> {
    T::deserialize(node).map_err(|error| Problem {
        text: 0,
        span: Some(error.span.unwrap_or_else(|| node.caret())),
        message: error.message,
        help: error.help,
    })
}

/// Why a tree is not the wanted type.
#[derive(Debug)]
pub struct Error {
    span: Option<Range<usize>>,
    message: String,
    help: Option<String>,
}

impl Error {
    fn new(message: String) -> Self {
        Error { span: None, message, help: None }
    }

    /// Sets the place unless a deeper one is known already.
    fn or_at(mut self, span: Range<usize>) -> Self {
        self.span.get_or_insert(span);
        self
    }
}

impl Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl de::Error for Error {
    fn custom<T: Display>(message: T) -> Self {
        Error::new(message.to_string())
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Error::new(format!("expected {}, found {}", wanted(expected), seen(found)))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Error::new(format!("{} is out of bounds: expected {}", seen(found), wanted(expected)))
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Error { span: None, message: format!("unknown key `{field}`"), help: Some(nearest::advice(field, expected)) }
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Error {
            span: None,
            message: format!("unknown kind `{variant}`"),
            help: Some(nearest::advice(variant, expected)),
        }
    }

    fn missing_field(field: &'static str) -> Self {
        Error::new(format!("`{field}` is missing here"))
    }
}

/// What serde wanted, for people.
fn wanted(expected: &dyn Expected) -> String {
    let text = expected.to_string();
    match text.as_str() {
        "u32" => format!("a whole number from 0 to {}", u32::MAX),
        "u64" => "a whole number, not negative".into(),
        "f64" => "a number".into(),
        "a boolean" => "true or false".into(),
        "a sequence" => "a list `[…]`".into(),
        "a map" => "an object `{…}`".into(),
        _ if text.starts_with("struct ") => "an object `{…}`".into(),
        _ => text,
    }
}

fn seen(found: Unexpected<'_>) -> String {
    match found {
        Unexpected::Bool(value) => format!("{value}"),
        Unexpected::Unsigned(value) => format!("the number {value}"),
        Unexpected::Signed(value) => format!("the number {value}"),
        Unexpected::Float(value) => format!("the number {value}"),
        Unexpected::Str(value) => format!("the text \"{value}\""),
        Unexpected::Unit | Unexpected::Option => "null".into(),
        Unexpected::Seq => "a list".into(),
        Unexpected::Map => "an object".into(),
        other => other.to_string(),
    }
}

impl<'de> de::Deserializer<'de> for &'de Node {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let result = match &self.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
                (Some(value), _, _) => visitor.visit_u64(value),
                (_, Some(value), _) => visitor.visit_i64(value),
                (_, _, value) => visitor.visit_f64(value.unwrap_or(f64::INFINITY)),
            },
            Value::String(text) => visitor.visit_borrowed_str(text),
            Value::Array(items) => visitor.visit_seq(Items { rest: items.iter() }),
            Value::Object(members) => visitor.visit_map(Members { rest: members.iter(), value: None }),
        };
        result.map_err(|error| error.or_at(self.caret()))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self).map_err(|error| error.or_at(self.caret()))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let variant = match &self.value {
            Value::String(name) => Variant { name, span: self.caret(), content: None },
            Value::Object(members) => match members.as_slice() {
                [only] => only.as_variant(),
                [] => return Err(Error::new(format!("expected one of {}", listed(variants))).or_at(self.caret())),
                [_, second, ..] => {
                    let message = format!("expected only one of {}, found two keys", listed(variants));
                    return Err(Error::new(message).or_at(second.key_span.clone()));
                }
            },
            _ => {
                let message = format!("expected one of {}", listed(variants));
                return Err(Error::new(message).or_at(self.caret()));
            }
        };
        visitor.visit_enum(variant).map_err(|error| error.or_at(self.caret()))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

impl Member {
    fn as_variant(&self) -> Variant<'_> {
        Variant { name: &self.key, span: self.key_span.clone(), content: Some(&self.value) }
    }
}

struct Items<'n> {
    rest: std::slice::Iter<'n, Node>,
}

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        self.rest.next().map(|item| seed.deserialize(item)).transpose()
    }
}

struct Members<'n> {
    rest: std::slice::Iter<'n, Member>,
    /// The value of the key that was given out last.
    value: Option<&'n Node>,
}

impl<'de> MapAccess<'de> for Members<'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let Some(member) = self.rest.next() else { return Ok(None) };
        self.value = Some(&member.value);
        let key = seed.deserialize(member.key.as_str().into_deserializer());
        key.map(Some).map_err(|error: Error| error.or_at(member.key_span.clone()))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        seed.deserialize(self.value.take().expect("serde asks for a key first"))
    }
}

struct Variant<'n> {
    name: &'n str,
    span: Range<usize>,
    /// The value beside the name; none for a variant written as a plain string.
    content: Option<&'n Node>,
}

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Error> {
        let name = seed.deserialize(self.name.into_deserializer());
        Ok((name.map_err(|error: Error| error.or_at(self.span.clone()))?, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'de> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        match self.content {
            None => Ok(()),
            Some(_) => Err(Error::new(format!("`{0}` takes no value: write \"{0}\"", self.name)).or_at(self.span)),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        seed.deserialize(self.content()?)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        de::Deserializer::deserialize_any(self.content()?, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, Error> {
        de::Deserializer::deserialize_any(self.content()?, visitor)
    }
}

impl<'de> Variant<'de> {
    fn content(&self) -> Result<&'de Node, Error> {
        self.content.ok_or_else(|| {
            Error::new(format!("`{0}` needs a value: {{ \"{0}\": … }}", self.name)).or_at(self.span.clone())
        })
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::super::json::parse;
    use super::*;

    #[derive(Deserialize, Debug, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Thing {
        count: u32,
        #[serde(default)]
        kind: Option<Kind>,
    }

    #[derive(Deserialize, Debug, PartialEq)]
    #[serde(rename_all = "snake_case", deny_unknown_fields)]
    enum Kind {
        Plain,
        Sized { size: f64 },
        Many(Vec<bool>),
    }

    fn read(text: &str) -> Result<Thing, (String, String)> {
        let node = parse(text).unwrap();
        from_node(&node).map_err(|problem| {
            let what = [Some(problem.message), problem.help].into_iter().flatten().collect::<Vec<_>>().join("; ");
            (text[problem.span.unwrap()].to_string(), what)
        })
    }

    fn mistake(text: &str) -> (String, String) {
        read(text).unwrap_err()
    }

    #[test]
    fn types_are_read_as_serde_derives_them() {
        let plain = Thing { count: 1, kind: Some(Kind::Plain) };
        assert_eq!(read(r#"{"count": 1, "kind": "plain"}"#), Ok(plain));
        let sized = Thing { count: 1, kind: Some(Kind::Sized { size: 2.0 }) };
        assert_eq!(read(r#"{"kind": {"sized": {"size": 2}}, "count": 1}"#), Ok(sized));
        let many = Thing { count: 1, kind: Some(Kind::Many(vec![true])) };
        assert_eq!(read(r#"{"kind": {"many": [true]}, "count": 1}"#), Ok(many));
        assert_eq!(read(r#"{"kind": null, "count": 1}"#), Ok(Thing { count: 1, kind: None }));
    }

    #[test]
    fn a_misspelt_key_is_pointed_at_and_the_nearest_named() {
        let (place, what) = mistake(r#"{"coutn": 1}"#);
        assert_eq!(place, "\"coutn\"");
        assert_eq!(what, "unknown key `coutn`; did you mean `count`?");
        let (place, what) = mistake(r#"{"count": 1, "kind": {"sised": {"size": 2}}}"#);
        assert_eq!((place.as_str(), what.as_str()), ("\"sised\"", "unknown kind `sised`; did you mean `sized`?"));
        let (place, what) = mistake(r#"{"count": 1, "kind": {"sized": {"zise": 2}}}"#);
        assert_eq!((place.as_str(), what.as_str()), ("\"zise\"", "unknown key `zise`; did you mean `size`?"));
    }

    #[test]
    fn a_wrong_value_is_pointed_at() {
        let (place, what) = mistake(r#"{"count": "one"}"#);
        assert_eq!(place, "\"one\"");
        assert_eq!(what, "expected a whole number from 0 to 4294967295, found the text \"one\"");
        let (place, what) = mistake(r#"{"count": -1}"#);
        assert_eq!((place.as_str(), &what[..29]), ("-1", "the number -1 is out of bound"));
        let (place, what) = mistake(r#"{"count": 1, "kind": {"many": [true, 0]}}"#);
        assert_eq!((place.as_str(), what.as_str()), ("0", "expected true or false, found the number 0"));
    }

    #[test]
    fn a_missing_key_points_at_the_object_that_lacks_it() {
        let (place, what) = mistake(r#"{"kind": "plain"}"#);
        assert_eq!((place.as_str(), what.as_str()), ("{", "`count` is missing here"));
    }

    #[test]
    fn an_enum_wants_exactly_one_of_its_names() {
        let (place, _) = mistake(r#"{"count": 1, "kind": {"sized": {"size": 1}, "many": []}}"#);
        assert_eq!(place, "\"many\"");
        assert!(mistake(r#"{"count": 1, "kind": {}}"#).1.contains("expected one of `plain`, `sized`, `many`"));
        assert!(mistake(r#"{"count": 1, "kind": 3}"#).1.contains("expected one of `plain`"));
        assert!(mistake(r#"{"count": 1, "kind": "many"}"#).1.contains("needs a value"));
        assert!(mistake(r#"{"count": 1, "kind": {"plain": 1}}"#).1.contains("takes no value"));
    }
}
