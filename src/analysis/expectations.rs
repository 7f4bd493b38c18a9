//! Judges the `expect` lines of a scenario.

use crate::analysis::Outcome;
use crate::analysis::outcome::{ExpectationOutcome, FigureValue};
use crate::scenario::checked::{Check, Comparison, Expectation};

/// Judges every expectation against the outcome. A figure that has no value in this run (the latency of rebalances when
/// there was none) fulfils nothing.
pub fn judge(expectations: &[Expectation], outcome: &Outcome) -> Vec<ExpectationOutcome> {
    expectations.iter().map(|expectation| judge_one(expectation, outcome)).collect()
}

fn judge_one(expectation: &Expectation, outcome: &Outcome) -> ExpectationOutcome {
    let figure = &expectation.figure;
    let (value, holds, seen) = match outcome.figure(figure) {
        Err(unknown) => (None, false, unknown.to_string()),
        Ok(None) => (None, false, format!("{figure} has no value in this run")),
        Ok(Some(value)) => {
            let holds = holds(&expectation.check, &value);
            let seen = format!("{figure} is {}", shown(&value));
            (Some(value), holds, seen)
        }
    };
    let text = match holds {
        true => format!("{seen}, as expected ({})", expectation.text),
        false => format!("{seen}, expected {}", expectation.text),
    };
    ExpectationOutcome { figure: figure.clone(), check: expectation.text.clone(), value, holds, text }
}

fn holds(check: &Check, value: &FigureValue) -> bool {
    match (check, value) {
        (Check::Compare(comparison, wanted), FigureValue::Number(value)) => compare(*comparison, *value, *wanted),
        (Check::Between(from, to), FigureValue::Number(value)) => from <= value && value <= to,
        (Check::Hold, FigureValue::Text(text)) => text == "hold",
        (Check::Is(wanted), FigureValue::Text(text)) => text == wanted,
        (Check::Compare(..) | Check::Between(..), FigureValue::Text(_))
        | (Check::Hold | Check::Is(_), FigureValue::Number(_)) => false,
    }
}

fn compare(comparison: Comparison, value: f64, wanted: f64) -> bool {
    match comparison {
        Comparison::Equal => value == wanted,
        Comparison::NotEqual => value != wanted,
        Comparison::Less => value < wanted,
        Comparison::AtMost => value <= wanted,
        Comparison::Greater => value > wanted,
        Comparison::AtLeast => value >= wanted,
    }
}

fn shown(value: &FigureValue) -> String {
    match value {
        FigureValue::Number(number) if number.fract() == 0.0 => format!("{number}"),
        FigureValue::Number(number) => format!("{number:.3}"),
        FigureValue::Text(text) => text.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_compared_as_the_sign_says() {
        let two = FigureValue::Number(2.0);
        let compared = |comparison, wanted| holds(&Check::Compare(comparison, wanted), &two);
        assert!(compared(Comparison::Equal, 2.0) && !compared(Comparison::Equal, 2.1));
        assert!(compared(Comparison::NotEqual, 3.0) && !compared(Comparison::NotEqual, 2.0));
        assert!(compared(Comparison::Less, 2.1) && !compared(Comparison::Less, 2.0));
        assert!(compared(Comparison::AtMost, 2.0) && !compared(Comparison::AtMost, 1.9));
        assert!(compared(Comparison::Greater, 1.9) && !compared(Comparison::Greater, 2.0));
        assert!(compared(Comparison::AtLeast, 2.0) && !compared(Comparison::AtLeast, 2.1));
        assert!(holds(&Check::Between(2.0, 3.0), &two) && holds(&Check::Between(1.0, 2.0), &two));
        assert!(!holds(&Check::Between(2.1, 3.0), &two));
    }

    #[test]
    fn a_number_is_never_a_text_and_a_text_never_a_number() {
        let text = FigureValue::Text("hold".to_string());
        assert!(holds(&Check::Hold, &text) && holds(&Check::Is("hold".to_string()), &text));
        assert!(!holds(&Check::Compare(Comparison::NotEqual, 0.0), &text));
        assert!(!holds(&Check::Between(0.0, 1.0), &text));
        assert!(!holds(&Check::Hold, &FigureValue::Number(0.0)));
        assert!(!holds(&Check::Is("0".to_string()), &FigureValue::Number(0.0)));
    }
}
