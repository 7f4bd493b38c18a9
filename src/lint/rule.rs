//! What a rule is, and what it finds.

use std::ops::Range;

use serde::Serialize;

/// How bad a finding is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing: right for some, surprising for most.
    Note,
    /// It works, but not as the settings suggest, or only as long as nothing happens.
    Warning,
    /// The client does not start, or the group can't work.
    Error,
}

impl Severity {
    /// The word for it, which is SARIF's level too.
    pub const fn as_str(self) -> &'static str {
        match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

/// A rule, as the documentation lists it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rule {
    /// Stable name, kebab case.
    pub id: &'static str,
    /// How bad it usually is; a finding may say otherwise.
    pub severity: Severity,
    /// What it finds, without a full stop.
    pub finds: &'static str,
    /// What follows from it, a sentence without a full stop.
    pub consequence: &'static str,
    /// What would be right, without a full stop.
    pub right: &'static str,
    /// The scenario that shows it, a path in the repository.
    pub scenario: Option<&'static str>,
}

/// A rule that applies to a setting.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// The rule.
    pub rule: &'static Rule,
    /// How bad it is here.
    pub severity: Severity,
    /// Which text.
    pub text: usize,
    /// The bytes that it is about; none if it is about what the text leaves out.
    pub span: Option<Range<usize>>,
    /// What is the case, with the values, without a full stop.
    pub message: String,
    /// What follows, a sentence without a full stop.
    pub consequence: String,
    /// What would be right, without a full stop.
    pub right: String,
}

/// Writes rules as data: a constant each, and the list of all in `RULES`.
macro_rules! rules {
    ($($name:ident: $severity:ident $id:literal, $finds:literal, $consequence:literal, $right:literal $(, $scenario:literal)?;)*) => {
        $(const $name: &$crate::lint::Rule = &$crate::lint::Rule {
            id: $id,
            severity: $crate::lint::Severity::$severity,
            finds: $finds,
            consequence: $consequence,
            right: $right,
            scenario: rules!(@scenario $($scenario)?),
        };)*
        /// The rules of this topic.
        pub const RULES: &[&$crate::lint::Rule] = &[$($name),*];
    };
    (@scenario) => { None };
    (@scenario $scenario:literal) => { Some(concat!("scenarios/", $scenario, ".json")) };
}
pub(super) use rules;
