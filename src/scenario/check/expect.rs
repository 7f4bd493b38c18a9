//! `expect`: which figure, and what must hold of it.

use indexmap::IndexMap;

use super::Checker;
use crate::scenario::checked::{Check, Comparison, Expectation};
use crate::scenario::file::Span;
use crate::scenario::text::{Place, Problem};

/// What kind of value a figure has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FigureKind {
    /// A count, seconds, partition-seconds, ….
    Number,
    /// A name or a verdict.
    Text,
}

/// The figures that `expect` may name. Measuring stands above this folder, so the caller says what can be measured.
pub trait Figures {
    /// The kind of the figure at this path of the report, in a scenario with these groups.
    ///
    /// # Errors
    /// The nearest known path, if there is no such figure.
    fn find(&self, path: &str, groups: &[&str]) -> Result<FigureKind, String>;
}

impl Checker<'_> {
    pub(super) fn expect(
        &mut self,
        place: &Place<'_>,
        lines: &IndexMap<String, String>,
        figures: &dyn Figures,
        groups: &[&str],
    ) -> Vec<Expectation> {
        let mut expectations = Vec::new();
        for (figure, text) in lines {
            let place = place.key(figure);
            let kind = figures.find(figure, groups);
            if let Err(nearest) = &kind {
                let span = self.root.key_span(&place);
                let help = format!("did you mean `{nearest}`?");
                self.problems.push(Problem::new(span, format!("there is no figure `{figure}`")).help(help));
            }
            match parse_check(text) {
                Ok(check) => {
                    self.check_fits(&place, kind.ok(), &check);
                    expectations.push(Expectation { figure: figure.clone(), check, text: text.clone() });
                }
                Err(message) => self.problem(&place, message, CHECKS),
            }
        }
        expectations
    }

    /// A number is compared, a text is or holds: anything else would never be met.
    fn check_fits(&mut self, place: &Place<'_>, kind: Option<FigureKind>, check: &Check) {
        match (kind, check) {
            (Some(FigureKind::Text), Check::Compare(..) | Check::Between(..)) => {
                self.problem(place, "this figure is a text, not a number", "write \"is <text>\" or \"hold\"");
            }
            (Some(FigureKind::Number), Check::Hold | Check::Is(_)) => {
                self.problem(place, "this figure is a number, not a text", "write a comparison, for example \"== 3\"");
            }
            _ => {}
        }
    }
}

const CHECKS: &str = "a check is \"== 3\", \"!= 3\", \"< 40\", \"<= 40\", \"> 1.5\", \">= 3.5s\", \"between 2 and 4\", \"hold\" or \"is <text>\"";

/// Reads a check: a comparison sign and a number, `between … and …`, `hold`, or `is <text>`. A number may have a unit of
/// time (it counts seconds then) or `%`.
///
/// ```
/// use rebalab::scenario::checked::{Check, Comparison};
/// use rebalab::scenario::parse_check;
/// assert_eq!(parse_check("< 3.5s"), Ok(Check::Compare(Comparison::Less, 3.5)));
/// assert_eq!(parse_check("between 2 and 4"), Ok(Check::Between(2.0, 4.0)));
/// assert!(parse_check("about 3").is_err());
/// ```
///
/// # Errors
/// What is wrong with the text.
pub fn parse_check(text: &str) -> Result<Check, String> {
    let text = text.trim();
    if text == "hold" {
        return Ok(Check::Hold);
    }
    if let Some(wanted) = text.strip_prefix("is ") {
        return Ok(Check::Is(wanted.trim().to_string()));
    }
    if let Some(bounds) = text.strip_prefix("between ") {
        let (least, most) = bounds.split_once(" and ").ok_or_else(|| format!("`{text}` names no two bounds"))?;
        let (least, most) = (number(least)?, number(most)?);
        if least > most {
            return Err(format!("nothing lies between {least} and {most}"));
        }
        return Ok(Check::Between(least, most));
    }
    const SIGNS: [(&str, Comparison); 6] = [
        ("==", Comparison::Equal),
        ("!=", Comparison::NotEqual),
        ("<=", Comparison::AtMost),
        (">=", Comparison::AtLeast),
        ("<", Comparison::Less),
        (">", Comparison::Greater),
    ];
    let signed = SIGNS.iter().find_map(|(sign, comparison)| Some((text.strip_prefix(sign)?, *comparison)));
    let (rest, comparison) = signed.ok_or_else(|| format!("`{text}` is no check"))?;
    Ok(Check::Compare(comparison, number(rest)?))
}

fn number(text: &str) -> Result<f64, String> {
    let text = text.trim();
    let plain = |text: &str| text.parse::<f64>().ok().filter(|number| number.is_finite());
    if let Some(number) = plain(text) {
        return Ok(number);
    }
    if let Some(percent) = text.strip_suffix('%').and_then(plain) {
        return Ok(percent / 100.0);
    }
    Span::parse(text).map(|span| span.0.as_secs_f64()).map_err(|_| format!("`{text}` is no number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_are_read_with_units() {
        assert_eq!(parse_check("== 3"), Ok(Check::Compare(Comparison::Equal, 3.0)));
        assert_eq!(parse_check("!=3"), Ok(Check::Compare(Comparison::NotEqual, 3.0)));
        assert_eq!(parse_check(" <= 1m30s "), Ok(Check::Compare(Comparison::AtMost, 90.0)));
        assert_eq!(parse_check(">= 5%"), Ok(Check::Compare(Comparison::AtLeast, 0.05)));
        assert_eq!(parse_check("> -1"), Ok(Check::Compare(Comparison::Greater, -1.0)));
        assert_eq!(parse_check("between 300ms and 2"), Ok(Check::Between(0.3, 2.0)));
        assert_eq!(parse_check("hold"), Ok(Check::Hold));
        assert_eq!(parse_check("is worker-2"), Ok(Check::Is("worker-2".into())));
    }

    #[test]
    fn what_is_no_check_says_so() {
        for wrong in ["3", "", "= 3", "< three", "between 4 and 2", "between 4", "holds", "< inf", "== NaN"] {
            assert!(parse_check(wrong).is_err(), "{wrong}");
        }
    }
}
