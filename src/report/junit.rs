//! `junit.xml`: the expectations of runs as test cases, in the XML that CI systems read.
//!
//! A run is a test suite, an expectation a test case. There is no `time` attribute: the time that a test takes would come
//! from the wall clock.

use std::fmt::Write as _;

use crate::analysis::outcome::{ExpectationOutcome, RunIdentity};

use super::{Exporter, OutputFile, Report};

/// Writes `junit.xml` if the scenario expects anything.
pub struct Junit;

impl Exporter for Junit {
    fn export(&self, report: &Report) -> Vec<OutputFile> {
        if report.outcome.expectations.is_empty() {
            return Vec::new();
        }
        vec![OutputFile::new("junit.xml", text(&[Suite::of(report)]))]
    }
}

/// What the XML tells of a run.
#[derive(Clone, Copy, Debug)]
pub struct Suite<'a> {
    /// What was run.
    pub identity: &'a RunIdentity,
    /// Its expectations, judged.
    pub expectations: &'a [ExpectationOutcome],
    /// The command that repeats it.
    pub replay: &'a str,
}

impl<'a> Suite<'a> {
    /// The suite of one report.
    pub fn of(report: &Report<'a>) -> Self {
        let outcome = report.outcome;
        Suite { identity: &outcome.run, expectations: &outcome.expectations, replay: report.replay }
    }
}

/// The XML for some runs, one test suite each.
pub fn text(runs: &[Suite]) -> String {
    let expectations = || runs.iter().flat_map(|run| run.expectations);
    let (tests, failures) = (expectations().count(), expectations().filter(|e| !e.holds).count());
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(xml, "<testsuites name=\"rebalab\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\">");
    for run in runs {
        suite(&mut xml, run);
    }
    xml.push_str("</testsuites>\n");
    xml
}

fn suite(xml: &mut String, run: &Suite) {
    let Suite { identity, expectations, .. } = run;
    let name = escape(&format!("{} (seed {})", identity.scenario, identity.seed));
    let (tests, failures) = (expectations.len(), expectations.iter().filter(|e| !e.holds).count());
    let _ = writeln!(
        xml,
        "  <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" skipped=\"0\">"
    );
    xml.push_str("    <properties>\n");
    let seed = identity.seed.to_string();
    for (name, value) in [("seed", seed.as_str()), ("digest", &identity.digest), ("replay", run.replay)] {
        let _ = writeln!(xml, "      <property name=\"{name}\" value=\"{}\"/>", escape(value));
    }
    xml.push_str("    </properties>\n");
    for expectation in *expectations {
        case(xml, &identity.scenario, expectation, run.replay);
    }
    xml.push_str("  </testsuite>\n");
}

fn case(xml: &mut String, scenario: &str, expectation: &ExpectationOutcome, replay: &str) {
    let name = escape(&format!("{} {}", expectation.figure, expectation.check));
    let scenario = escape(scenario);
    if expectation.holds {
        let _ = writeln!(xml, "    <testcase classname=\"{scenario}\" name=\"{name}\"/>");
        return;
    }
    let text = escape(&expectation.text);
    let _ = writeln!(xml, "    <testcase classname=\"{scenario}\" name=\"{name}\">");
    let _ = writeln!(xml, "      <failure message=\"{text}\">{text}\nreplay: {}</failure>", escape(replay));
    xml.push_str("    </testcase>\n");
}

/// Text for XML, in attributes and between tags; characters that XML 1.0 cannot hold become U+FFFD.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' => escaped.push_str("&#10;"),
            '\t' => escaped.push_str("&#9;"),
            sign if sign.is_control() || sign == '\u{fffe}' || sign == '\u{ffff}' => escaped.push('\u{fffd}'),
            sign => escaped.push(sign),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn expectations_become_test_cases() {
        let outcome = fixture::gc_pause();
        let report = Report { outcome: &outcome, replay: "rebalab run gc-pause.json --seed 1" };
        insta::assert_snapshot!(text(&[Suite::of(&report)]));
    }

    #[test]
    fn a_run_that_expects_nothing_writes_no_file() {
        let mut outcome = fixture::gc_pause();
        outcome.expectations.clear();
        assert!(Junit.export(&Report { outcome: &outcome, replay: "" }).is_empty());
    }

    #[test]
    fn text_from_a_scenario_cannot_break_the_xml() {
        assert_eq!(escape("a<b>&\"c\"\u{1}"), "a&lt;b&gt;&amp;&quot;c&quot;\u{fffd}");
    }
}
