//! Values as people type them: time spans with a unit, distributions, one or several names, Kafka settings.

use std::borrow::Cow;
use std::fmt;

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::engine::SimDuration;
use crate::protocol::config::Property;

/// A time span, typed as a number with a unit: `"300us"`, `"8s"`, `"1.5s"`, `"1h30m"`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Span(pub SimDuration);

/// Units with their nanoseconds, longest first; a span names them in this order.
const UNITS: [(&str, u64); 7] = [
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

impl Span {
    /// A span of whole milliseconds.
    pub const fn millis(millis: u64) -> Self {
        Span(SimDuration::from_millis(millis))
    }
    /// A span of whole seconds.
    pub const fn secs(secs: u64) -> Self {
        Span(SimDuration::from_secs(secs))
    }

    /// Reads a span.
    ///
    /// # Errors
    /// What is wrong with the text, and what would be right.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut rest = text.trim();
        if rest.is_empty() {
            return Err(format!("an empty text is no time span: {WRITE}"));
        }
        let mut nanos: u64 = 0;
        let mut shorter_than = u64::MAX;
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
            let (number, tail) = rest.split_at(digits);
            let letters = tail.find(|c: char| !c.is_alphabetic()).unwrap_or(tail.len());
            let (unit, tail) = tail.split_at(letters);
            if unit.is_empty() && !tail.is_empty() {
                return Err(format!("`{text}` is no time span: {WRITE}"));
            }
            let unit_nanos = unit_nanos(text, number, unit)?;
            if unit_nanos >= shorter_than {
                return Err(format!("`{text}` names its units out of order: write the longest first, each once"));
            }
            let part = decimal(number, unit_nanos).ok_or_else(|| format!("`{text}` is no time span: {WRITE}"))?;
            nanos = part.and_then(|part| nanos.checked_add(part)).ok_or_else(|| format!("`{text}` is too long"))?;
            shorter_than = unit_nanos;
            rest = tail;
        }
        Ok(Span(SimDuration::from_nanos(nanos)))
    }
}

const WRITE: &str = "write a number with a unit, for example \"300us\", \"1.5s\", \"1h30m\" (ns, us, ms, s, m, h, d)";

fn unit_nanos(text: &str, number: &str, unit: &str) -> Result<u64, String> {
    if number.is_empty() {
        return Err(format!("`{text}` is no time span: {WRITE}"));
    }
    let unit = match unit {
        "" => return Err(format!("`{text}` has no unit: write \"{number}ms\" or \"{number}s\"")),
        "µs" | "μs" => "us",
        "min" => "m",
        unit => unit,
    };
    let known = UNITS.iter().find(|(name, _)| *name == unit);
    known.map(|(_, nanos)| *nanos).ok_or_else(|| format!("`{unit}` is no unit of time: ns, us, ms, s, m, h, d are"))
}

/// `number` times `unit`, exactly: `None` for no number, `Some(None)` for one too large. Digits below a nanosecond are cut.
fn decimal(number: &str, unit: u64) -> Option<Option<u64>> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') || fraction.len() > 18 {
        return None;
    }
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let digits: u128 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    let part = digits * u128::from(unit) / 10_u128.pow(fraction.len() as u32);
    Some(whole.checked_mul(unit).and_then(|nanos| nanos.checked_add(part as u64)))
}

/// The shortest way to write the span exactly: `1h30m`, `1.5s`, `300us`.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut nanos = self.0.0;
        if nanos == 0 {
            return f.write_str("0s");
        }
        for (unit, unit_nanos) in &UNITS[..3] {
            if nanos >= *unit_nanos {
                write!(f, "{}{unit}", nanos / unit_nanos)?;
                nanos %= unit_nanos;
            }
        }
        // What is left is below a minute: one number in the largest unit that fits, with a fraction if need be.
        let Some((unit, unit_nanos)) = UNITS[3..].iter().find(|(_, unit_nanos)| nanos >= *unit_nanos) else {
            return Ok(());
        };
        let fraction = format!("{:0width$}", nanos % unit_nanos, width = unit_nanos.ilog10() as usize);
        let fraction = fraction.trim_end_matches('0');
        let point = if fraction.is_empty() || *unit_nanos == 1 { "" } else { "." };
        write!(f, "{}{point}{}{unit}", nanos / unit_nanos, if point.is_empty() { "" } else { fraction })
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Span;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a time span as text with a unit, for example \"1.5s\"")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Span, E> {
                Span::parse(text).map_err(E::custom)
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Span, E> {
                Err(E::custom(format!("a time span needs a unit: write \"{number}ms\" or \"{number}s\"")))
            }
            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Span, E> {
                Err(E::custom(format!("a time span needs a unit: write \"{number}ms\" or \"{number}s\"")))
            }
            fn visit_i64<E: de::Error>(self, _: i64) -> Result<Span, E> {
                Err(E::custom("a time span is not negative and has a unit: write \"0s\" or more"))
            }
        }
        deserializer.deserialize_any(Text)
    }
}

impl JsonSchema for Span {
    fn schema_name() -> Cow<'static, str> {
        "Span".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A time span: numbers with units, longest first, for example \"300us\", \"1.5s\", \"1h30m\".",
            "type": "string",
            "pattern": r"^\s*([0-9]*\.?[0-9]+(d|h|min|m|s|ms|us|µs|ns)|[0-9]+\.(d|h|min|m|s|ms|us|µs|ns))+\s*$",
        })
    }
}

/// A distribution of time spans: a plain span, or one of the shapes.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(into = "Shape")]
pub struct Dist(pub Shape);

/// The shapes of a distribution.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Shape {
    /// Always the same.
    Constant(Span),
    /// Even between two bounds.
    Uniform {
        /// Shortest.
        from: Span,
        /// Longest.
        to: Span,
    },
    /// Exponential.
    Exponential {
        /// Mean before the bounds cut.
        mean: Span,
        /// Shorter draws count as this.
        #[serde(default)]
        min: Span,
        /// Longer draws count as this.
        max: Option<Span>,
    },
    /// Lognormal.
    Lognormal {
        /// Half of the draws are shorter.
        median: Span,
        /// 99 of 100 draws are shorter; above the median.
        p99: Span,
        /// Shorter draws count as this.
        #[serde(default)]
        min: Span,
        /// Longer draws count as this.
        max: Option<Span>,
    },
    /// One of several distributions, by weight.
    Mixture(Vec<Part>),
    /// A measured table of quantiles in rising order, from 0 to 1, linear between them.
    Table(Vec<Quantile>),
}

/// A part of a mixture.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// How often this part is drawn, against the sum of all weights.
    pub weight: f64,
    /// What is drawn then.
    pub of: Dist,
}

/// A line of a measured table.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Quantile {
    /// Share of values at or below `value`, 0 to 1.
    pub quantile: f64,
    /// The value at this quantile.
    pub value: Span,
}

impl Dist {
    /// Always `span`.
    pub const fn constant(span: Span) -> Self {
        Dist(Shape::Constant(span))
    }
}

impl Default for Dist {
    fn default() -> Self {
        Dist::constant(Span::default())
    }
}

impl From<Dist> for Shape {
    fn from(dist: Dist) -> Shape {
        dist.0
    }
}

impl<'de> Deserialize<'de> for Dist {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SpanOrShape;
        impl<'de> Visitor<'de> for SpanOrShape {
            type Value = Dist;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a time span (\"2ms\") or a distribution ({ \"uniform\": { \"from\": …, \"to\": … } })")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Dist, E> {
                Span::parse(text).map(Dist::constant).map_err(E::custom)
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Dist, E> {
                Err(E::custom(format!("a time span needs a unit: write \"{number}ms\" or \"{number}s\"")))
            }
            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Dist, E> {
                Err(E::custom(format!("a time span needs a unit: write \"{number}ms\" or \"{number}s\"")))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Dist, A::Error> {
                let shape = Shape::deserialize(OneKey(&mut map))?;
                map.next_key::<NoSecondKey>()?;
                Ok(Dist(shape))
            }
        }
        deserializer.deserialize_any(SpanOrShape)
    }
}

/// An object of one key as the enum variant that the key names.
struct OneKey<A>(A);

impl<'de, A: MapAccess<'de>> Deserializer<'de> for OneKey<A> {
    type Error = A::Error;
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, A::Error> {
        visitor.visit_enum(de::value::MapAccessDeserializer::new(self.0))
    }
    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// Stands where no key may be: reading it is an error at its place.
struct NoSecondKey;

impl<'de> Deserialize<'de> for NoSecondKey {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(de::Error::custom("a distribution has one shape only, this is a second"))
    }
}

impl JsonSchema for Dist {
    fn schema_name() -> Cow<'static, str> {
        "Distribution".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let (span, shape) = (generator.subschema_for::<Span>(), generator.subschema_for::<Shape>());
        json_schema!({
            "description": "A distribution of time spans: a plain span (always the same), or one of the shapes.",
            "anyOf": [span, shape],
        })
    }
}

/// One name or a list of names.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Names(pub Vec<String>);

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMore;
        impl<'de> Visitor<'de> for OneOrMore {
            type Value = Names;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name or a list of names")
            }
            fn visit_str<E: de::Error>(self, name: &str) -> Result<Names, E> {
                Ok(Names(vec![name.to_string()]))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Names, A::Error> {
                let mut names = Vec::new();
                while let Some(name) = list.next_element()? {
                    names.push(name);
                }
                Ok(Names(names))
            }
        }
        deserializer.deserialize_any(OneOrMore)
    }
}

impl JsonSchema for Names {
    fn schema_name() -> Cow<'static, str> {
        "Names".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Consumers: a consumer (`worker-2`), an entry with all its consumers (`worker`), a group id, `*` for all; or a list.",
            "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" }, "minItems": 1 }],
        })
    }
}

/// Kafka settings under Kafka's names and in Kafka's units, in the text's order.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct Settings(pub IndexMap<String, String>);

impl<'de> Deserialize<'de> for Settings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Map;
        impl<'de> Visitor<'de> for Map {
            type Value = Settings;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of Kafka settings, for example { \"session.timeout.ms\": 45000 }")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Settings, A::Error> {
                let mut settings = IndexMap::new();
                while let Some((name, Setting(value))) = map.next_entry()? {
                    settings.insert(name, value);
                }
                Ok(Settings(settings))
            }
        }
        deserializer.deserialize_any(Map)
    }
}

/// One value of a setting, as the text that a properties file would have.
struct Setting(String);

impl<'de> Deserialize<'de> for Setting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Scalar;
        impl<'de> Visitor<'de> for Scalar {
            type Value = Setting;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, true, false or text")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Setting, E> {
                Ok(Setting(text.to_string()))
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Setting, E> {
                Ok(Setting(number.to_string()))
            }
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Setting, E> {
                Ok(Setting(number.to_string()))
            }
            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Setting, E> {
                Ok(Setting(number.to_string()))
            }
            fn visit_bool<E: de::Error>(self, flag: bool) -> Result<Setting, E> {
                Ok(Setting(flag.to_string()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Setting, A::Error> {
                let mut items: Vec<String> = Vec::new();
                while let Some(item) = list.next_element()? {
                    items.push(item);
                }
                Ok(Setting(items.join(",")))
            }
        }
        deserializer.deserialize_any(Scalar)
    }
}

/// The schema of an object of settings: every known property with its type and default, the names of others, no more.
pub(super) fn settings_schema<'p>(
    about: &str,
    properties: impl Iterator<Item = &'p Property>,
    others: &[&str],
) -> Schema {
    let known: serde_json::Map<String, serde_json::Value> =
        properties.map(|property| (property.name.to_string(), property_schema(property))).collect();
    let others = format!("^({})$", others.join("|").replace('.', "\\."));
    json_schema!({
        "description": about,
        "type": "object",
        "properties": known,
        "patternProperties": { others: { "description": "Known, no effect here." } },
        "additionalProperties": false,
    })
}

fn property_schema(property: &Property) -> serde_json::Value {
    use crate::protocol::config::property::{Kind, Role, Valid};
    let types: &[&str] = match property.kind {
        Kind::Int | Kind::Long | Kind::Short => &["integer", "string"],
        Kind::Double => &["number", "string"],
        Kind::Boolean => &["boolean", "string"],
        Kind::List => &["string", "array"],
        Kind::String | Kind::Class | Kind::Password => &["string"],
    };
    let effect = match property.role {
        Role::Ignored => "No effect here. ",
        Role::Unmodelled => "Not modelled, which reports say unless it is the default. ",
        Role::Applied | Role::Named => "",
    };
    let mut schema = serde_json::json!({ "description": format!("{effect}{}", property.about), "type": types });
    if let Valid::Whole(least, most) = property.valid {
        least.iter().for_each(|least| schema["minimum"] = (*least).into());
        most.iter().for_each(|most| schema["maximum"] = (*most).into());
    }
    if let Some(default) = property.default {
        schema["default"] = match property.kind {
            Kind::Int | Kind::Long | Kind::Short | Kind::Double | Kind::Boolean => {
                serde_json::from_str(default).expect("a test reads every default")
            }
            _ => default.into(),
        };
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_exactly() {
        for (text, nanos) in [
            ("300us", 300_000),
            ("8s", 8_000_000_000),
            ("1.5s", 1_500_000_000),
            (".5ms", 500_000),
            ("1h30m", 5_400_000_000_000),
            ("1m2.25s", 62_250_000_000),
            ("0s", 0),
            ("5min", 300_000_000_000),
            ("2d", 172_800_000_000_000),
            ("3µs", 3_000),
            ("0.1s", 100_000_000),
        ] {
            assert_eq!(Span::parse(text), Ok(Span(SimDuration::from_nanos(nanos))), "{text}");
        }
    }

    #[test]
    fn what_is_no_span_says_what_would_be_right() {
        let wrong = |text: &str| Span::parse(text).unwrap_err();
        assert_eq!(wrong("5"), "`5` has no unit: write \"5ms\" or \"5s\"");
        assert_eq!(wrong("5 parsecs"), "`5 parsecs` is no time span: ".to_string() + WRITE);
        assert!(wrong("5 s").contains("no time span"));
        assert!(wrong("5sec").contains("`sec` is no unit of time"));
        assert!(wrong("30s1m").contains("out of order"));
        assert!(wrong("1s1s").contains("out of order"));
        assert!(wrong("1.2.3s").contains("no time span"));
        assert!(wrong("").contains("empty"));
        assert!(wrong("-5s").contains("no time span"));
        assert!(wrong("999999999999d").contains("too long"));
    }

    #[test]
    fn a_span_is_written_as_people_write_it_and_reads_back() {
        for text in ["300us", "8s", "1.5s", "1h30m", "1m2.25s", "0s", "45ms", "1d1ns", "5m", "250.5us", "1h0.5s"] {
            let span = Span::parse(text).unwrap();
            assert_eq!(Span::parse(&span.to_string()), Ok(span), "{text}");
            if text != "1h0.5s" {
                assert_eq!(span.to_string(), text);
            }
        }
        assert_eq!(Span::parse("1h0.5s").unwrap().to_string(), "1h500ms");
    }
}
