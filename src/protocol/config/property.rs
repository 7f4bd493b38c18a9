//! What is known of one configuration property: its type, default, bounds and role, and how a value of it is read.
//! Reading follows Kafka's `ConfigDef.parseType` and its validators.

use std::fmt;

/// A property of Kafka 4.1.1.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Property {
    /// Kafka's name.
    pub name: &'static str,
    /// Kafka's type.
    pub kind: Kind,
    /// Kafka's default as text; lists are joined by commas. `None` where Kafka has none.
    pub default: Option<&'static str>,
    /// What Kafka's validator lets pass.
    pub valid: Valid,
    /// What the simulation does with it.
    pub role: Role,
    /// What it is for, or why it has no effect here.
    pub about: &'static str,
}

/// `ConfigDef.Type`
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// 32-bit integer.
    Int,
    /// 64-bit integer.
    Long,
    /// 16-bit integer.
    Short,
    /// Floating point.
    Double,
    /// `true` or `false`, in any case.
    Boolean,
    /// Text.
    String,
    /// Texts between commas.
    List,
    /// Name of a Java class.
    Class,
    /// Text that Kafka hides in its logs.
    Password,
}

/// What Kafka's validator lets pass.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Valid {
    /// Everything of the type.
    Any,
    /// Integers within these bounds, inclusive.
    Whole(Option<i64>, Option<i64>),
    /// Numbers within these bounds, inclusive.
    Decimal(f64, f64),
    /// One of these texts (every item of a list).
    OneOf(&'static [&'static str]),
    /// One of these texts, in upper or lower case.
    AnyCase(&'static [&'static str]),
    /// Any text but the empty one.
    NonEmpty,
}

/// What the simulation does with a property.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// Reads it.
    Applied,
    /// Takes it only where it says what the scenario says anyway.
    Named,
    /// Accepts it without effect: it changes nothing that is predicted.
    Ignored,
    /// Accepts it without effect although, but for its default, it would change what is predicted.
    Unmodelled,
}

/// A value after reading, of the property's type.
#[derive(Clone, PartialEq, Debug)]
pub enum PropertyValue {
    /// Int, Long, Short.
    Whole(i64),
    /// Double.
    Decimal(f64),
    /// Boolean.
    Flag(bool),
    /// String, Class, Password.
    Text(String),
    /// List.
    List(Vec<String>),
}

/// Why a setting can't be taken, and what would be right.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub help: Option<String>,
    /// What a message points at.
    pub culprit: Culprit,
}

/// Which half of a setting is wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Culprit {
    /// The property's name.
    Name,
    /// Its value.
    Value,
}

impl Refusal {
    /// A refusal of a value, without advice.
    pub fn new(message: impl Into<String>) -> Self {
        Refusal { message: message.into(), help: None, culprit: Culprit::Value }
    }
    /// A refusal of a name, without advice.
    pub fn of_name(message: impl Into<String>) -> Self {
        Refusal { culprit: Culprit::Name, ..Refusal::new(message) }
    }
    /// With advice.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.help.iter().try_for_each(|help| write!(f, " ({help})"))
    }
}

impl Property {
    /// Reads a value as Kafka would and holds it against the bounds.
    pub fn parse(&self, text: &str) -> Result<PropertyValue, Refusal> {
        let text = text.trim();
        let value = match self.kind {
            Kind::Int => self.whole(text, i64::from(i32::MIN), i64::from(i32::MAX)).map(PropertyValue::Whole)?,
            Kind::Short => self.whole(text, i64::from(i16::MIN), i64::from(i16::MAX)).map(PropertyValue::Whole)?,
            Kind::Long => self.whole(text, i64::MIN, i64::MAX).map(PropertyValue::Whole)?,
            Kind::Double => match text.parse() {
                Ok(number) => PropertyValue::Decimal(number),
                Err(_) => return Err(Refusal::new(format!("`{}` takes a number, not `{text}`", self.name))),
            },
            Kind::Boolean if text.eq_ignore_ascii_case("true") => PropertyValue::Flag(true),
            Kind::Boolean if text.eq_ignore_ascii_case("false") => PropertyValue::Flag(false),
            Kind::Boolean => {
                return Err(Refusal::new(format!("`{}` is either true or false, not `{text}`", self.name)));
            }
            Kind::String | Kind::Class | Kind::Password => PropertyValue::Text(text.to_string()),
            Kind::List if text.is_empty() => PropertyValue::List(Vec::new()),
            Kind::List => PropertyValue::List(text.split(',').map(|item| item.trim().to_string()).collect()),
        };
        self.hold_against_bounds(&value)?;
        Ok(value)
    }

    /// True for a value that is the property's default, however it is written.
    pub fn is_default(&self, value: &PropertyValue) -> bool {
        let default = self.default.and_then(|default| self.parse(default).ok());
        match (default, value) {
            (Some(PropertyValue::Text(default)), PropertyValue::Text(text)) => default.eq_ignore_ascii_case(text),
            (Some(default), value) => default == *value,
            (None, PropertyValue::Text(text)) => text.is_empty(),
            (None, PropertyValue::List(items)) => items.is_empty(),
            (None, _) => false,
        }
    }

    fn whole(&self, text: &str, least: i64, most: i64) -> Result<i64, Refusal> {
        match text.parse::<i64>() {
            Ok(number) if (least..=most).contains(&number) => Ok(number),
            Ok(number) => Err(Refusal::new(format!("{number} is out of bounds for `{}`", self.name))
                .help(format!("it takes whole numbers up to {most}"))),
            Err(_) => {
                let refusal = Refusal::new(format!("`{}` takes a whole number, not `{text}`", self.name));
                Err(match milliseconds(text).filter(|_| self.name.ends_with(".ms")) {
                    Some(ms) => refusal.help(format!("it counts milliseconds: write {ms}")),
                    None => refusal,
                })
            }
        }
    }

    fn hold_against_bounds(&self, value: &PropertyValue) -> Result<(), Refusal> {
        let fits = match (self.valid, value) {
            (Valid::Whole(least, most), PropertyValue::Whole(number)) => {
                least.is_none_or(|least| *number >= least) && most.is_none_or(|most| *number <= most)
            }
            (Valid::Decimal(least, most), PropertyValue::Decimal(number)) => (least..=most).contains(number),
            (Valid::OneOf(known), PropertyValue::Text(text)) => known.iter().any(|name| one_of(name, text)),
            (Valid::OneOf(known), PropertyValue::List(items)) => {
                items.iter().all(|item| known.iter().any(|name| one_of(name, item)))
            }
            (Valid::AnyCase(known), PropertyValue::Text(text)) => known.iter().any(|n| n.eq_ignore_ascii_case(text)),
            (Valid::NonEmpty, PropertyValue::Text(text)) => !text.is_empty(),
            _ => true,
        };
        if fits {
            return Ok(());
        }
        Err(Refusal::new(format!("{value} is out of bounds for `{}`", self.name))
            .help(format!("it takes {}", self.valid)))
    }
}

/// `by_duration:PnDTnHnMn.nS` stands for everything that begins like it.
fn one_of(known: &str, text: &str) -> bool {
    match known.split_once(':') {
        Some((prefix, _)) => text.strip_prefix(prefix).is_some_and(|rest| rest.starts_with(':')),
        None => known == text,
    }
}

/// `"30s"` as milliseconds, for the advice to someone who wrote a unit where Kafka takes none.
fn milliseconds(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let number: u64 = text[..digits].parse().ok()?;
    let unit = match text[digits..].trim() {
        "ms" => 1,
        "s" => 1_000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    number.checked_mul(unit)
}

impl fmt::Display for PropertyValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PropertyValue::Whole(number) => write!(f, "{number}"),
            PropertyValue::Decimal(number) => write!(f, "{number}"),
            PropertyValue::Flag(flag) => write!(f, "{flag}"),
            PropertyValue::Text(text) => write!(f, "`{text}`"),
            PropertyValue::List(items) => write!(f, "`{}`", items.join(",")),
        }
    }
}

impl fmt::Display for Valid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Valid::Any => f.write_str("any value of its type"),
            Valid::Whole(Some(least), Some(most)) => write!(f, "{least} to {most}"),
            Valid::Whole(Some(least), None) => write!(f, "{least} or more"),
            Valid::Whole(None, Some(most)) => write!(f, "{most} or less"),
            Valid::Whole(None, None) => f.write_str("any whole number"),
            Valid::Decimal(least, most) => write!(f, "{least} to {most}"),
            Valid::OneOf(known) | Valid::AnyCase(known) => {
                let names: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
                f.write_str(&names.join(", "))
            }
            Valid::NonEmpty => f.write_str("any text but the empty one"),
        }
    }
}

/// Integers of at least `least`.
pub(super) const fn at_least(least: i64) -> Valid {
    Valid::Whole(Some(least), None)
}

/// Integers from `least` to `most`.
pub(super) const fn between(least: i64, most: i64) -> Valid {
    Valid::Whole(Some(least), Some(most))
}

/// Writes a table of properties, one line each: `"name": Type = default, bounds, role, "what it is for";`
macro_rules! properties {
    ($(#[$doc:meta])* $table:ident; $($name:literal: $kind:ident = $default:tt, $valid:expr, $role:ident, $about:literal;)*) => {
        $(#[$doc])*
        pub const $table: &[Property] = &[$(Property {
            name: $name,
            kind: Kind::$kind,
            default: properties!(@default $default),
            valid: $valid,
            role: Role::$role,
            about: $about,
        },)*];
    };
    (@default null) => { None };
    (@default $default:literal) => { Some($default) };
}
pub(super) use properties;

#[cfg(test)]
mod tests {
    use super::super::{broker_table, consumer_table};

    fn refused(name: &str, text: &str) -> String {
        consumer_table::find(name).unwrap().parse(text).unwrap_err().to_string()
    }

    #[test]
    fn values_are_read_as_kafka_reads_them() {
        let whole = |name: &str, text: &str| consumer_table::find(name).unwrap().parse(text).is_ok();
        assert!(whole("max.poll.interval.ms", " 10 "));
        assert!(whole("enable.auto.commit", " TRUE "));
        assert!(whole("auto.offset.reset", "by_duration:PT1H"));
        assert!(whole("group.protocol", "Classic"));
        assert!(whole("session.timeout.ms", "-1"));
    }

    #[test]
    fn what_kafka_refuses_is_refused_with_its_bounds() {
        assert!(refused("max.poll.records", "0").ends_with("(it takes 1 or more)"));
        assert!(refused("max.poll.records", "10.5").contains("whole number"));
        assert!(refused("max.poll.interval.ms", "3000000000").contains("out of bounds"));
        assert!(refused("enable.auto.commit", "yes").contains("true or false"));
        assert!(refused("auto.offset.reset", "EARLIEST").contains("`earliest`"));
        assert!(refused("group.instance.id", "").contains("any text but the empty one"));
        let size = broker_table::find("group.max.size").unwrap();
        assert!(size.parse("0").is_err());
    }

    #[test]
    fn a_unit_in_a_kafka_setting_is_told_in_milliseconds() {
        assert!(refused("session.timeout.ms", "45s").ends_with("(it counts milliseconds: write 45000)"));
    }
}
