//! `expect`: which figure, and what must hold of it.

use indexmap::IndexMap;

use super::Checker;
use crate::protocol::config::nearest;
use crate::scenario::checked::{Check, Comparison, Expectation};
use crate::scenario::file::Span;
use crate::scenario::text::{Place, Problem};

/// Figures that `expect` may name, by their paths in the report. A path that ends in `.*` stands for every path that
/// begins so. All of them may also follow `groups.<group id>.`.
#[derive(Clone, Copy, Debug)]
pub struct FigureNames<'f>(pub &'f [&'f str]);

impl FigureNames<'_> {
    /// What would have been right, if `path` is no figure.
    fn refuse(&self, path: &str, groups: &[String]) -> Option<String> {
        let figure = match path.strip_prefix("groups.") {
            None => path,
            Some(rest) => match groups.iter().find_map(|id| rest.strip_prefix(id.as_str())?.strip_prefix('.')) {
                Some(figure) => figure,
                None => {
                    let known: Vec<&str> = groups.iter().map(String::as_str).collect();
                    let wrong = rest.split('.').next().unwrap_or(rest);
                    return Some(format!("no group `{wrong}`: {}", nearest::advice(wrong, &known)));
                }
            },
        };
        let knows = |name: &&str| match name.strip_suffix('*') {
            Some(start) => figure.len() > start.len() && figure.starts_with(start),
            None => *name == figure,
        };
        if self.0.iter().any(knows) { None } else { Some(nearest::advice(figure, self.0)) }
    }
}

impl Checker<'_> {
    pub(super) fn expect(
        &mut self,
        place: &Place<'_>,
        lines: &IndexMap<String, String>,
        figures: &FigureNames<'_>,
        groups: &[String],
    ) -> Vec<Expectation> {
        let mut expectations = Vec::new();
        for (figure, text) in lines {
            let place = place.key(figure);
            if let Some(help) = figures.refuse(figure, groups) {
                let span = self.root.key_span(&place);
                self.problems.push(Problem::new(span, format!("there is no figure `{figure}`")).help(help));
            }
            match parse_check(text) {
                Ok(check) => expectations.push(Expectation { figure: figure.clone(), check, text: text.clone() }),
                Err(message) => self.problem(&place, message, CHECKS),
            }
        }
        expectations
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

    #[test]
    fn figures_are_known_by_path_by_group_and_by_beginning() {
        let figures = FigureNames(&["rebalances", "pause.max", "barrier_holders.*"]);
        let groups = ["billing".to_string(), "a.b".to_string()];
        for known in ["rebalances", "groups.billing.pause.max", "groups.a.b.rebalances", "barrier_holders.worker-1"] {
            assert_eq!(figures.refuse(known, &groups), None, "{known}");
        }
        assert_eq!(figures.refuse("rebalance", &groups).as_deref(), Some("did you mean `rebalances`?"));
        assert!(figures.refuse("groups.biling.rebalances", &groups).unwrap().contains("`billing`"));
        assert!(figures.refuse("barrier_holders.", &groups).is_some());
    }
}
