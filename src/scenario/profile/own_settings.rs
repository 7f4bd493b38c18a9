//! Settings under the names that other client libraries have for them, in their own units.

use crate::protocol::config::{Refusal, nearest};

use super::libraries::Library;

/// What a rebalance timeout of its own is called here: Kafka's consumer has no such setting.
pub const REBALANCE_TIMEOUT: &str = "rebalance.timeout.ms";

/// A setting of a library.
#[derive(Clone, Copy, Debug)]
pub struct OwnSetting {
    /// The library's name.
    pub own: &'static str,
    /// Kafka's name of the same thing, or [`REBALANCE_TIMEOUT`].
    pub kafka: &'static str,
    /// How its value is written.
    pub unit: Unit,
}

/// How a value is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unit {
    /// As Kafka writes it.
    Kafkas,
    /// A duration as Go writes it: `1m30s`, `250ms`.
    GoDuration,
    /// Assignors by this library's names, between commas: its name and that on the wire.
    Assignors(&'static [(&'static str, &'static str)]),
}

/// A setting under Kafka's name and in Kafka's unit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Meant {
    /// Kafka's name, or [`REBALANCE_TIMEOUT`].
    pub name: String,
    /// The value.
    pub value: String,
}

impl Unit {
    /// A value that is well written.
    pub fn example(self) -> &'static str {
        match self {
            Unit::Kafkas => "1",
            Unit::GoDuration => "1s",
            Unit::Assignors(names) => names.first().map_or("", |(own, _)| *own),
        }
    }

    /// The value as Kafka writes it.
    fn to_kafkas(self, name: &str, text: &str) -> Result<String, Refusal> {
        let text = text.trim();
        match self {
            Unit::Kafkas => Ok(text.to_string()),
            Unit::GoDuration => go_duration_ms(text).map(|ms| ms.to_string()).ok_or_else(|| {
                Refusal::new(format!("`{name}` is `{text}`")).help("it takes a Go duration: `30s`, `1m30s`, `250ms`")
            }),
            Unit::Assignors(names) => {
                let wire = |own: &str| {
                    names.iter().find(|(name, wire)| *name == own || *wire == own).map(|(_, wire)| *wire).ok_or_else(
                        || {
                            let known: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
                            Refusal::new(format!("no assignor `{own}` is known")).help(nearest::advice(own, &known))
                        },
                    )
                };
                let list = text.split(',').map(|own| wire(own.trim())).collect::<Result<Vec<_>, _>>()?;
                Ok(list.join(","))
            }
        }
    }
}

impl Library {
    /// What a setting under this library's name means under Kafka's.
    pub fn meaning(&self, name: &str, text: &str) -> Result<Meant, Refusal> {
        if let Some(setting) = self.settings.iter().find(|setting| setting.own == name) {
            return Ok(Meant { name: setting.kafka.to_string(), value: setting.unit.to_kafkas(name, text)? });
        }
        let lacks = || Refusal::of_name(format!("{} has no `{name}`", self.name));
        if let Some(instead) = self.instead_of(name) {
            return Err(lacks().help(instead));
        }
        let known: Vec<&str> = self.settings.iter().map(|setting| setting.own).collect();
        Err(lacks().help(nearest::advice(name, &known)))
    }

    /// What this library has in place of Kafka's setting of that name, if it lacks that.
    pub fn instead_of(&self, kafka: &str) -> Option<String> {
        if self.settings.iter().any(|setting| setting.own == kafka) {
            return None;
        }
        let absent = self.absent.iter().find(|(name, _)| *name == kafka);
        let other = self.settings.iter().find(|setting| setting.kafka == kafka);
        absent
            .map(|(_, instead)| (*instead).to_string())
            .or_else(|| other.map(|setting| format!("it has `{}`", setting.own)))
    }
}

/// `1h2m3.5s` in milliseconds (Go's `time.ParseDuration`, units from hours to milliseconds).
fn go_duration_ms(text: &str) -> Option<i64> {
    let mut rest = text;
    let mut total = 0.0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let unit = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        total += number
            * match &rest[..unit] {
                "h" => 3_600_000.0,
                "m" => 60_000.0,
                "s" => 1_000.0,
                "ms" => 1.0,
                _ => return None,
            };
        rest = &rest[unit..];
    }
    Some(total as i64)
}

#[cfg(test)]
mod tests {
    use super::go_duration_ms;

    #[test]
    fn go_durations_are_read_as_go_reads_them() {
        assert_eq!(go_duration_ms("1m30s"), Some(90_000));
        assert_eq!(go_duration_ms("1.5s"), Some(1_500));
        assert_eq!(go_duration_ms("250ms"), Some(250));
        assert_eq!(go_duration_ms("2h"), Some(7_200_000));
        for wrong in ["", "5", "s", "3 s", "1d"] {
            assert_eq!(go_duration_ms(wrong), None, "{wrong}");
        }
    }
}
