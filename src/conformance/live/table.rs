//! What the two judgements say of many scenarios, as a table in Markdown: one per client.

use std::fmt::Write;

use indexmap::IndexMap;

use super::verdict::Verdict;

/// One table per client (the part of the scenario's name after the slash, up to the first variant), in the order of
/// the verdicts.
pub fn table(verdicts: &[Verdict]) -> String {
    let mut clients: IndexMap<&str, Vec<&Verdict>> = IndexMap::new();
    for verdict in verdicts {
        clients.entry(&verdict.client).or_default().push(verdict);
    }
    let mut text = String::new();
    for (client, verdicts) in clients {
        let (inside, all) = (sum(&verdicts, Verdict::inside), sum(&verdicts, Verdict::quantities));
        let (same, stories) = (sum(&verdicts, Verdict::same_stories), sum(&verdicts, |verdict| verdict.replay.len()));
        let _ = writeln!(
            text,
            "### {client}\n\n{same} of {stories} stories told alike, {inside} of {all} times within the tolerance ({:.1} %).\n",
            100.0 * inside as f64 / all.max(1) as f64
        );
        text.push_str("| scenario | stories | times inside | values inside |\n| --- | --- | --- | --- |\n");
        for verdict in verdicts {
            let values: usize = verdict.distribution.figures.iter().map(|figure| figure.recorded.len() + 1).sum();
            let _ = writeln!(
                text,
                "| {} | {} of {} | {} of {} | {} of {values} |",
                verdict.scenario,
                verdict.same_stories(),
                verdict.replay.len(),
                verdict.inside(),
                verdict.quantities(),
                values - verdict.distribution.outside.len(),
            );
        }
        text.push('\n');
    }
    text
}

fn sum(verdicts: &[&Verdict], of: impl Fn(&Verdict) -> usize) -> usize {
    verdicts.iter().map(|verdict| of(verdict)).sum()
}

#[cfg(test)]
mod tests {
    use super::super::distribution::Distributed;
    use super::*;

    #[test]
    fn each_client_has_a_table_of_its_own() {
        let verdict = |client: &str, scenario: &str| Verdict {
            client: client.into(),
            scenario: scenario.into(),
            replay: Vec::new(),
            distribution: Distributed::default(),
        };
        let text = table(&[
            verdict("sarama-1", "join/sarama"),
            verdict("java-4.1", "b-join/range"),
            verdict("sarama-1", "leave/sarama"),
        ]);
        let headings: Vec<&str> = text.lines().filter(|line| line.starts_with('#')).collect();
        assert_eq!(headings, ["### sarama-1", "### java-4.1"]);
        assert!(text.contains("| leave/sarama | 0 of 0 | 0 of 0 | 0 of 0 |"));
    }
}
