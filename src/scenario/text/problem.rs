//! What is wrong with a file, where, and what would be right.

use std::fmt;
use std::ops::Range;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Which text: index into [`Problems::texts`].
    pub text: usize,
    /// The bytes that are wrong; none if the text as a whole is.
    pub span: Option<Range<usize>>,
    /// What is wrong, in a sentence without a full stop.
    pub message: String,
    /// What would be right.
    pub help: Option<String>,
}

impl Problem {
    /// A problem at `span` of the first text.
    pub fn new(span: Range<usize>, message: impl Into<String>) -> Self {
        Problem { text: 0, span: Some(span), message: message.into(), help: None }
    }

    /// The problem with advice.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The problem with advice, if there is any.
    pub fn maybe_help(mut self, help: Option<String>) -> Self {
        self.help = help.or(self.help);
        self
    }
}

/// A text that was read: the scenario itself, or a properties file that it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// Name as the reader knows it.
    pub name: String,
    /// The text.
    pub text: String,
}

impl Text {
    /// Line and column (both from 1, columns in characters) of a byte.
    pub fn line_and_column(&self, byte: usize) -> (usize, usize) {
        let before = &self.text[..byte.min(self.text.len())];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }
}

/// Why a scenario can't be run. `Display` gives one line per problem, `file:line:column: what (what would be right)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems {
    /// The texts that problems point into; the scenario itself is the first.
    pub texts: Vec<Text>,
    /// What is wrong, at least one thing, in the order found.
    pub problems: Vec<Problem>,
}

impl std::error::Error for Problems {}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, problem) in self.problems.iter().enumerate() {
            if number > 0 {
                f.write_str("\n")?;
            }
            let text = &self.texts[problem.text];
            f.write_str(&text.name)?;
            if let Some(span) = &problem.span {
                let (line, column) = text.line_and_column(span.start);
                write!(f, ":{line}:{column}")?;
            }
            write!(f, ": {}", problem.message)?;
            if let Some(help) = &problem.help {
                write!(f, " ({help})")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_reads_as_file_line_column_and_advice() {
        let text = Text { name: "a.json".into(), text: "{\n \"ü\": 1x\n}".into() };
        let at = text.text.find('x').unwrap();
        let problems = Problems { texts: vec![text], problems: vec![Problem::new(at..at + 1, "odd").help("even")] };
        assert_eq!(problems.to_string(), "a.json:2:8: odd (even)");
    }
}
