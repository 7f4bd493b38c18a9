//! An axis of a sweep: what is varied, and over which values.
//!
//! ```text
//! session.timeout.ms=6000,10000,45000        a list
//! heartbeat.interval.ms=1000..15000/2000     from, to, step: 1000, 3000, … 15000
//! session.timeout.ms=6000..96000*2           from, to, factor: 6000, 12000, … 96000
//! faults[0].gc_pause.for=5s..20s/5s          time spans keep their unit
//! session.timeout.ms=6000..60000             everything between (for samples; `…..60000*` draws evenly by ratio)
//! heartbeat.interval.ms=session.timeout.ms/3 follows another axis; also one value of a list
//! ```

use std::fmt;

use crate::engine::SimDuration;
use crate::scenario::file::Span;

/// What is varied and over which values.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// A Kafka property, or the path of a number in the scenario.
    pub name: String,
    /// The values, as typed.
    pub text: String,
    values: Values,
}

#[derive(Clone, Debug, PartialEq)]
enum Values {
    List(Vec<Level>),
    Range(Range),
}

/// One value of a list.
#[derive(Clone, Debug, PartialEq)]
pub enum Level {
    /// As it is.
    Fixed(String),
    /// The value of another axis, times or divided by a number.
    Follows {
        /// Name of the other axis.
        axis: String,
        /// Its value times this.
        times: f64,
        /// As typed, for example `session.timeout.ms/3`.
        text: String,
    },
}

/// Numbers from one end to another.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Range {
    from: Number,
    to: Number,
    step: Step,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    /// Every so much.
    Add(i128),
    /// Times so much.
    Times(f64),
    /// Anything between, evenly.
    Even,
    /// Anything between, evenly by ratio.
    EvenByRatio,
}

/// A number or a time span, exact: billionths or nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Number {
    billionths: i128,
    unit: Unit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    None,
    Time,
}

/// Why an axis can't be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AxisError {
    /// No `=`.
    #[error("`{0}` gives no values: write `{0}=6000,10000` or `{0}=1000..15000/2000`")]
    NoValues(String),
    /// Nothing, or nothing between two commas.
    #[error("axis `{0}` has an empty value: write values between commas, for example `{0}=6000,10000`")]
    Empty(String),
    /// The same value twice.
    #[error("axis `{axis}` has the value {value} twice")]
    Twice {
        /// Which axis.
        axis: String,
        /// Which value.
        value: String,
    },
    /// An end or step of a range is no number.
    #[error("axis `{axis}`: {text} is no number and no time span (6000, 0.01, 5s)")]
    NoNumber {
        /// Which axis.
        axis: String,
        /// What stands there.
        text: String,
    },
    /// Ends or step of different kinds.
    #[error("axis `{0}` mixes plain numbers and time spans: give both ends and the step the same kind of unit")]
    MixedUnits(String),
    /// A range that goes nowhere.
    #[error("axis `{0}`: a range goes from its lower end to a higher one")]
    Backwards(String),
    /// A step that never arrives.
    #[error("axis `{0}`: a step must be above zero, and a factor above one (with a lower end above zero)")]
    Step(String),
    /// A range without step where values are counted.
    #[error("axis `{0}` has no step: write `{1}/STEP` or `{1}*FACTOR`, or draw from it with --samples")]
    NoStep(String, String),
}

impl Axis {
    /// Reads `NAME=VALUES`.
    ///
    /// ```
    /// use rebalab::experiment::Axis;
    /// let axis = Axis::parse("heartbeat.interval.ms=1000..7000/2000").unwrap();
    /// assert_eq!(axis.levels().unwrap().map(|level| level.to_string()).collect::<Vec<_>>(), ["1000", "3000", "5000", "7000"]);
    /// ```
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Axis, AxisError> {
        let (name, values) = text.split_once('=').ok_or_else(|| AxisError::NoValues(text.trim().to_string()))?;
        let (name, text) = (name.trim().to_string(), values.trim().to_string());
        let values = match text.split_once("..") {
            Some((from, rest)) if !text.contains(',') => Values::Range(Range::parse(&name, from, rest)?),
            _ => Values::List(list(&name, &text)?),
        };
        Ok(Axis { name, text, values })
    }

    /// Number of its values; `None` for a range without step.
    pub fn count(&self) -> Option<u64> {
        match &self.values {
            Values::List(levels) => Some(levels.len() as u64),
            Values::Range(range) => range.count(),
        }
    }

    /// Its values in order.
    ///
    /// # Errors
    /// If it is a range without step.
    pub fn levels(&self) -> Result<impl Iterator<Item = Level>, AxisError> {
        let count = self
            .count()
            .ok_or_else(|| AxisError::NoStep(self.name.clone(), self.text.trim_end_matches('*').to_string()))?;
        Ok((0..count).map(|index| self.level(index)))
    }

    /// The value of that index.
    ///
    /// # Panics
    /// If there is none.
    pub fn level(&self, index: u64) -> Level {
        match &self.values {
            Values::List(levels) => levels[index as usize].clone(),
            Values::Range(range) => Level::Fixed(range.nth(index).to_string()),
        }
    }

    /// The value at a share (0 up to 1) of the way along the axis: for samples.
    pub fn at(&self, share: f64) -> Level {
        match (self.count(), &self.values) {
            (Some(count), _) => self.level(((share * count as f64) as u64).min(count - 1)),
            (None, Values::Range(range)) => Level::Fixed(range.at(share).to_string()),
            (None, Values::List(_)) => unreachable!("lists are counted"),
        }
    }

    /// Names of axes that some of its values follow.
    pub fn follows(&self) -> impl Iterator<Item = &str> {
        let levels: &[Level] = match &self.values {
            Values::List(levels) => levels,
            Values::Range(_) => &[],
        };
        levels.iter().filter_map(|level| match level {
            Level::Fixed(_) => None,
            Level::Follows { axis, .. } => Some(axis.as_str()),
        })
    }
}

impl Level {
    /// The value itself, where `other` gives the values of other axes at the same point. `None`: the axis that it follows
    /// is not there, or has no number.
    pub fn resolve<'v>(&self, other: impl Fn(&str) -> Option<&'v str>) -> Option<String> {
        match self {
            Level::Fixed(value) => Some(value.clone()),
            Level::Follows { axis, times, .. } => {
                let number = Number::parse(other(axis)?)?;
                Some(number.times(*times, number.is_whole()).to_string())
            }
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Level::Fixed(value) => value,
            Level::Follows { text, .. } => text,
        })
    }
}

/// What a value is as a number, for charts and orders: plain numbers as they are, time spans in seconds.
pub fn number_of(value: &str) -> Option<f64> {
    Number::parse(value).map(|number| number.billionths as f64 / ONE as f64)
}

fn list(axis: &str, text: &str) -> Result<Vec<Level>, AxisError> {
    let mut levels = Vec::new();
    for value in text.split(',').map(str::trim) {
        if value.is_empty() {
            return Err(AxisError::Empty(axis.to_string()));
        }
        let level = follows(value).unwrap_or_else(|| Level::Fixed(value.to_string()));
        if levels.contains(&level) {
            return Err(AxisError::Twice { axis: axis.to_string(), value: value.to_string() });
        }
        levels.push(level);
    }
    Ok(levels)
}

/// `session.timeout.ms/3`: a dotted name, a sign, a number.
fn follows(value: &str) -> Option<Level> {
    let sign = value.rfind(['/', '*'])?;
    let (axis, factor) = (value[..sign].trim(), value[sign + 1..].trim());
    let is_name = axis.contains('.') && axis.starts_with(|c: char| c.is_ascii_alphabetic());
    let factor: f64 = factor.parse().ok()?;
    let times = if value[sign..].starts_with('/') { 1.0 / factor } else { factor };
    let usable = is_name && times.is_finite() && times > 0.0;
    usable.then(|| Level::Follows { axis: axis.to_string(), times, text: value.to_string() })
}

impl Range {
    fn parse(axis: &str, from: &str, rest: &str) -> Result<Range, AxisError> {
        let number = |text: &str| {
            let no_number = || AxisError::NoNumber { axis: axis.to_string(), text: format!("`{}`", text.trim()) };
            Number::parse(text).ok_or_else(no_number)
        };
        let sign = rest.find(['/', '*']).unwrap_or(rest.len());
        let (from, to, by) = (number(from)?, number(&rest[..sign])?, rest[sign..].get(1..).map(str::trim));
        if from.unit != to.unit {
            return Err(AxisError::MixedUnits(axis.to_string()));
        }
        if from.billionths >= to.billionths {
            return Err(AxisError::Backwards(axis.to_string()));
        }
        let step = match (rest[sign..].chars().next(), by) {
            (Some('/'), Some(by)) => {
                let by = number(by)?;
                if by.unit != from.unit {
                    return Err(AxisError::MixedUnits(axis.to_string()));
                }
                Step::Add(by.billionths)
            }
            (Some(_), Some("")) => Step::EvenByRatio,
            (Some(_), Some(by)) => {
                let factor = by.parse().ok().filter(|factor: &f64| factor.is_finite());
                let no_number = || AxisError::NoNumber { axis: axis.to_string(), text: format!("`{by}`") };
                Step::Times(factor.ok_or_else(no_number)?)
            }
            _ => Step::Even,
        };
        let arrives = match step {
            Step::Add(by) => by > 0,
            Step::Times(factor) => factor > 1.0 && from.billionths > 0,
            Step::EvenByRatio => from.billionths > 0,
            Step::Even => true,
        };
        if arrives { Ok(Range { from, to, step }) } else { Err(AxisError::Step(axis.to_string())) }
    }

    fn count(&self) -> Option<u64> {
        match self.step {
            Step::Add(by) => {
                Some(u64::try_from((self.to.billionths - self.from.billionths) / by + 1).unwrap_or(u64::MAX))
            }
            Step::Times(factor) => {
                let steps = libm::log(self.to.billionths as f64 / self.from.billionths as f64) / libm::log(factor);
                // 6000 · 2⁴ is 96000, whatever the last bit of a logarithm says.
                Some((steps + 1e-9) as u64 + 1)
            }
            Step::Even | Step::EvenByRatio => None,
        }
    }

    fn nth(&self, index: u64) -> Number {
        match self.step {
            Step::Add(by) => Number { billionths: self.from.billionths + by * i128::from(index), ..self.from },
            Step::Times(factor) => self.from.times(libm::pow(factor, index as f64), self.is_whole()),
            Step::Even | Step::EvenByRatio => unreachable!("only counted ranges have an nth value"),
        }
    }

    fn at(&self, share: f64) -> Number {
        let (from, to) = (self.from.billionths as f64, self.to.billionths as f64);
        let times = match self.step {
            Step::EvenByRatio => libm::pow(to / from, share),
            _ if from == 0.0 => return self.to.times(share, self.is_whole()),
            _ => 1.0 + (to / from - 1.0) * share,
        };
        self.from.times(times, self.is_whole())
    }

    fn is_whole(&self) -> bool {
        self.from.is_whole() && self.to.is_whole()
    }
}

/// One, in billionths.
const ONE: i128 = 1_000_000_000;
/// One millisecond, in nanoseconds.
const MILLI: i128 = 1_000_000;

impl Number {
    /// A plain number with up to nine digits after the point, or a time span.
    fn parse(text: &str) -> Option<Number> {
        let text = text.trim();
        if text.ends_with(|c: char| c.is_alphabetic()) {
            let Span(span) = Span::parse(text).ok()?;
            return Some(Number { billionths: i128::from(span.0), unit: Unit::Time });
        }
        let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number(whole) || !is_number(fraction) || whole.len() > 18 || fraction.len() > 9 {
            return None;
        }
        let billionths = whole.parse::<i128>().ok()? * ONE + format!("{fraction:0<9}").parse::<i128>().ok()?;
        Some(Number { billionths: sign * billionths, unit: Unit::None })
    }

    /// A whole number, or a time span of whole milliseconds: then so should be what is worked out from it.
    fn is_whole(self) -> bool {
        self.billionths % self.grain() == 0
    }

    fn grain(self) -> i128 {
        if self.unit == Unit::Time { MILLI } else { ONE }
    }

    /// The number times a factor; rounded to whole numbers (or milliseconds) or else to four digits that count.
    fn times(self, factor: f64, whole: bool) -> Number {
        let product = self.billionths as f64 * factor;
        let grain = if whole { self.grain() } else { four_digits(product) };
        Number { billionths: (product / grain as f64).round() as i128 * grain, ..self }
    }
}

/// The place of the fourth digit of a number.
fn four_digits(number: f64) -> i128 {
    10i128.pow((number.abs().max(1.0) as u128).ilog10().saturating_sub(3))
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.unit == Unit::Time {
            return Span(SimDuration::from_nanos(self.billionths.max(0) as u64)).fmt(f);
        }
        let sign = if self.billionths < 0 { "-" } else { "" };
        let size = self.billionths.abs();
        let fraction = format!("{:09}", size % ONE);
        let fraction = fraction.trim_end_matches('0');
        write!(f, "{sign}{}{}{fraction}", size / ONE, if fraction.is_empty() { "" } else { "." })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Vec<String> {
        Axis::parse(text).unwrap().levels().unwrap().map(|level| level.to_string()).collect()
    }

    fn refused(text: &str) -> String {
        Axis::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn lists_keep_their_order_and_their_words() {
        assert_eq!(values("session.timeout.ms = 45000, 6000"), ["45000", "6000"]);
        assert_eq!(values("partition.assignment.strategy=range,cooperative-sticky"), ["range", "cooperative-sticky"]);
        assert_eq!(values("a.b=30s,1m"), ["30s", "1m"]);
    }

    #[test]
    fn ranges_with_a_step_include_their_upper_end_when_they_hit_it() {
        assert_eq!(values("a.b=1000..15000/2000").len(), 8);
        assert_eq!(values("a.b=1..10/4"), ["1", "5", "9"]);
        assert_eq!(values("a.b=0.1..0.3/0.1"), ["0.1", "0.2", "0.3"]);
        assert_eq!(values("a.b=-1..1/1"), ["-1", "0", "1"]);
        assert_eq!(values("a.b=500ms..2s/500ms"), ["500ms", "1s", "1.5s", "2s"]);
    }

    #[test]
    fn ranges_by_a_factor_do_not_lose_their_end_to_rounding() {
        assert_eq!(values("a.b=6000..96000*2"), ["6000", "12000", "24000", "48000", "96000"]);
        assert_eq!(values("a.b=1..1000*10"), ["1", "10", "100", "1000"]);
        assert_eq!(values("a.b=1s..1m*4"), ["1s", "4s", "16s"]);
        assert_eq!(values("a.b=0.001..0.1*10"), ["0.001", "0.01", "0.1"]);
        assert_eq!(values("a.b=1000..3000*1.5"), ["1000", "1500", "2250"]);
    }

    #[test]
    fn a_million_points_are_counted_without_making_them() {
        assert_eq!(Axis::parse("a.b=1..1000000000000/1").unwrap().count(), Some(1_000_000_000_000));
    }

    #[test]
    fn samples_fall_anywhere_in_a_range_and_on_the_values_of_a_list() {
        let at = |text: &str, share: f64| Axis::parse(text).unwrap().at(share).to_string();
        assert_eq!(at("a.b=1000..2000", 0.5), "1500");
        assert_eq!(at("a.b=0..1000", 0.25), "250");
        assert_eq!(at("a.b=1000..100000*", 0.5), "10000");
        assert_eq!(at("a.b=0.1..0.2", 0.123456), "0.1123");
        assert_eq!(at("a.b=1s..2s", 0.12345678), "1.123s");
        assert_eq!([0.0, 0.4, 0.999_999].map(|share| at("a.b=x,y", share)), ["x", "x", "y"]);
        assert_eq!(at("a.b=10..30/10", 0.34), "20");
        let unstepped = Axis::parse("a.b=6000..60000").unwrap();
        assert!(unstepped.levels().err().unwrap().to_string().contains("`6000..60000/STEP`"));
    }

    #[test]
    fn a_value_can_follow_another_axis() {
        let axis = Axis::parse("heartbeat.interval.ms=session.timeout.ms/3,3000").unwrap();
        assert_eq!(axis.follows().collect::<Vec<_>>(), ["session.timeout.ms"]);
        let session = |name: &str| (name == "session.timeout.ms").then_some("10000");
        let resolved: Vec<_> = axis.levels().unwrap().map(|level| level.resolve(session)).collect();
        assert_eq!(resolved, [Some("3333".to_string()), Some("3000".to_string())]);
        assert_eq!(axis.level(0).resolve(|_| None), None);
        let spans = Axis::parse("a.b=c.d*2").unwrap();
        assert_eq!(spans.level(0).resolve(|_| Some("1.5s")), Some("3s".to_string()));
    }

    #[test]
    fn what_is_wrong_with_an_axis_is_said() {
        assert!(refused("session.timeout.ms").contains("gives no values"));
        assert!(refused("session.timeout.ms=").contains("empty value"));
        assert!(refused("session.timeout.ms=6000,,7000").contains("empty value"));
        assert!(refused("session.timeout.ms=6000,6000").contains("6000 twice"));
        assert!(refused("a.b=1..x/2").contains("`x` is no number"));
        assert!(refused("a.b=1..5/2s").contains("mixes"));
        assert!(refused("a.b=1s..5/1").contains("mixes"));
        assert!(refused("a.b=5..1/1").contains("lower end"));
        assert!(refused("a.b=5..5/1").contains("lower end"));
        for text in ["a.b=1..5/0", "a.b=1..5/-1", "a.b=1..5*1", "a.b=0..5*2", "a.b=0..5*"] {
            assert!(refused(text).contains("above zero"), "{text}");
        }
        assert!(refused("a.b=1..5*nan").contains("is no number"));
    }
}
