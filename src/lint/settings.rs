//! The settings of one configuration under Kafka's names, with their places, and the findings about them.

use std::collections::BTreeSet;
use std::ops::Range;

use indexmap::IndexMap;

use super::rule::{Finding, Rule, Severity};
use crate::protocol::config::property::PropertyValue;

/// A setting as it stands in a file.
#[derive(Clone, PartialEq, Debug)]
pub struct Written {
    /// The client's name of it (Kafka's, for Java and Spring).
    pub name: String,
    /// The name as it is written.
    pub shown: String,
    /// The value, in the client's unit.
    pub value: String,
    /// Bytes of the name.
    pub name_span: Range<usize>,
    /// Bytes of the value.
    pub value_span: Range<usize>,
    /// What it stands in; a higher level wins over a lower one wherever in the file it stands.
    pub level: Level,
    /// What the reader found wrong with it.
    pub fault: Option<Fault>,
}

/// Where a setting stands, the weakest first (`KafkaProperties.buildConsumerProperties` puts one over the other).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Level {
    /// Spring's `spring.kafka.properties`, which goes to consumers, producers and admin clients alike.
    Shared,
    /// The file itself, or a key of `spring.kafka.consumer`.
    Own,
    /// Spring's `spring.kafka.consumer.properties`.
    Map,
}

/// What a reader found wrong with a setting.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fault {
    /// Spring binds no such key.
    NotBound {
        /// What would be right.
        right: String,
    },
    /// The value can't be converted to what the client takes.
    BadValue {
        /// What is wrong.
        message: String,
        /// What would be right.
        right: String,
    },
}

/// A setting whose meaning is known.
#[derive(Clone, PartialEq, Debug)]
pub struct Given {
    /// As it is written.
    pub written: Written,
    /// Its value under Kafka's name and in Kafka's unit; none if it is filled in elsewhere or wrong.
    pub value: Option<PropertyValue>,
}

/// Settings with their findings.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Which text they stand in.
    pub text: usize,
    /// By Kafka's name; the last one where a name is given twice.
    pub given: IndexMap<String, Given>,
    /// What was found so far.
    pub findings: Vec<Finding>,
    /// Names whose value is not known, so that nothing is said about them.
    pub unknown: BTreeSet<String>,
}

impl Settings {
    /// None yet.
    pub fn new(text: usize) -> Self {
        Settings { text, given: IndexMap::new(), findings: Vec::new(), unknown: BTreeSet::new() }
    }

    /// The setting of that name, if it stands in the file.
    pub fn given(&self, name: &str) -> Option<&Given> {
        self.given.get(name)
    }

    /// A finding at this place, in the rule's words; [`Added`] changes them.
    pub fn add(&mut self, rule: &'static Rule, span: Option<Range<usize>>, message: impl Into<String>) -> Added<'_> {
        self.findings.push(Finding {
            rule,
            severity: rule.severity,
            text: self.text,
            span,
            message: message.into(),
            consequence: rule.consequence.to_string(),
            right: rule.right.to_string(),
        });
        Added(self.findings.last_mut().expect("just pushed"))
    }

    /// Where the first of these settings that is given has its value.
    pub fn place(&self, names: &[&str]) -> Option<Range<usize>> {
        names.iter().find_map(|name| self.given.get(*name)).map(|given| given.written.value_span.clone())
    }
}

/// The finding just added, to be told in other words than the rule's.
pub struct Added<'f>(&'f mut Finding);

impl Added<'_> {
    /// What would be right here.
    pub fn right(self, right: impl Into<String>) -> Self {
        self.0.right = right.into();
        self
    }
    /// What follows here.
    pub fn consequence(self, consequence: impl Into<String>) -> Self {
        self.0.consequence = consequence.into();
        self
    }
    /// How bad it is here.
    pub fn severity(self, severity: Severity) -> Self {
        self.0.severity = severity;
        self
    }
}
