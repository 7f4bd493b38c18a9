//! Claims with their verdicts: a page for each, and one for all of them, in Markdown.

use std::fmt::Write as _;

use super::OutputFile;
use super::chart::claim::{self, ClaimChart, ClaimSeries};
use super::chart::tradeoff::Point;
use super::comparison::significant;
use super::units::{count, counted, percent};
use crate::experiment::claims::file::in_short;
use crate::experiment::claims::judge::{Finding, JudgedCondition};
use crate::experiment::claims::{ClaimFile, JudgedClaim, Test, Verdict};
use crate::experiment::figures::Figure;
use crate::experiment::statistics::Estimate;

/// What a verdict is called.
pub fn verdict_word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Holds => "holds",
        Verdict::Depends => "depends",
        Verdict::NoEffect => "no effect",
        Verdict::Wrong => "wrong",
        Verdict::NotTold => "not told",
    }
}

/// The verdict in a sentence, made of what was found under the conditions.
pub fn sentence(claim: &ClaimFile, judged: &JudgedClaim) -> String {
    let under = |wanted: Finding| {
        let names = judged.conditions.iter().filter(|condition| condition.finding == wanted).map(|c| c.name.as_str());
        names.collect::<Vec<_>>().join("; ")
    };
    let mut parts = Vec::new();
    let is_value = matches!(claim.test, Test::Value { .. });
    for (finding, words) in [
        (Finding::Holds, "It holds with"),
        (Finding::NoEffect, "It makes no difference that counts with"),
        (Finding::Contrary, if is_value { "The value is another with" } else { "The contrary holds with" }),
        (Finding::NotTold, "The seeds don't tell with"),
    ] {
        match under(finding) {
            names if names.is_empty() => {}
            _ if judged.conditions.iter().all(|condition| condition.finding == finding) => {
                let all = words.replace(" with", " under every condition that was tested");
                parts.push(format!("{all}."));
            }
            names => parts.push(format!("{words}: {names}.")),
        }
    }
    parts.extend(turns(judged));
    parts.join(" ")
}

/// Between which neighbouring conditions the finding changes.
fn turns(judged: &JudgedClaim) -> Option<String> {
    let told = judged.conditions.iter().filter(|condition| condition.finding != Finding::NotTold).collect::<Vec<_>>();
    let turns = told.windows(2).filter_map(|pair| match pair {
        [a, b] if a.finding != b.finding => Some(format!("between {} and {}", a.name, b.name)),
        _ => None,
    });
    let turns: Vec<String> = turns.collect();
    (!turns.is_empty()).then(|| format!("It turns {}.", turns.join(", and ")))
}

/// The page of a claim and its chart.
pub fn files(claim: &ClaimFile, judged: &JudgedClaim) -> Vec<OutputFile> {
    let chart = chart(claim, judged);
    let page = page(claim, judged, chart.is_some());
    let mut files = vec![OutputFile::new(format!("{}.md", claim.name), page)];
    files.extend(chart.map(|svg| OutputFile::new(format!("charts/{}.svg", claim.name), svg)));
    files
}

fn title(figure: &str) -> String {
    Figure::named(figure).map_or_else(|| figure.to_string(), |figure| figure.title())
}

fn page(claim: &ClaimFile, judged: &JudgedClaim, has_chart: bool) -> String {
    let mut text =
        format!("# {}\n\n**Verdict: {}.** {}\n", claim.claim, verdict_word(judged.verdict), sentence(claim, judged));
    if let Some(words) = claim.words.get(&judged.verdict) {
        let _ = write!(text, "\n{words}\n");
    }
    let _ = write!(
        text,
        "\nJudged by: {}. {} in all, {} of each variant under each condition, under the same seeds.\n",
        rule(claim),
        counted(judged.runs, "run", "runs"),
        count(judged.seeds)
    );
    if has_chart {
        let _ = write!(text, "\n![{}](charts/{}.svg)\n", title(&judged.figure), claim.name);
    }
    text += "\n## Numbers\n\n";
    text += &table(judged);
    text += &also(judged);
    text += "\n## Experiment\n\n";
    let _ = writeln!(text, "{}\n", claim.experiment);
    for named in claim.test.variants() {
        let _ = writeln!(text, "- {}: {}", named.name, in_short(&named.settings));
    }
    for condition in &claim.conditions {
        let _ = writeln!(text, "- under \"{}\": {}", condition.name, in_short(&condition.settings));
    }
    text += "\n## Sources\n\n";
    claim.sources.iter().for_each(|source| text += &format!("- {source}\n"));
    claim.against.iter().for_each(|source| text += &format!("- against it: {source}\n"));
    let _ = write!(
        text,
        "\nRun it again: `rebalab claims scenarios/claims/{}.json --out DIR` (experiment {}).\n",
        claim.name, judged.experiment
    );
    text
}

fn rule(claim: &ClaimFile) -> String {
    match &claim.test {
        Test::Better { without, with, figure, margin } => format!(
            "{}, \"{}\" against \"{}\"; differences below {} count as none",
            title(figure),
            with.name,
            without.name,
            percent(*margin)
        ),
        Test::Value { figure, .. } => format!("{}, which is to lie within the claimed bounds", title(figure)),
    }
}

fn with_interval(estimate: &Estimate) -> String {
    match (estimate.value, estimate.interval) {
        (None, _) => format!("no value ({} runs)", count(estimate.runs)),
        (Some(value), None) => format!("{} ({} runs)", significant(value), count(estimate.runs)),
        (Some(value), Some(interval)) => format!(
            "{} ({} … {}; {} runs)",
            significant(value),
            significant(interval.low),
            significant(interval.high),
            count(estimate.runs)
        ),
    }
}

fn finding_word(finding: Finding) -> &'static str {
    match finding {
        Finding::Holds => "holds",
        Finding::NoEffect => "no difference that counts",
        Finding::Contrary => "contrary",
        Finding::NotTold => "not told",
    }
}

fn table(judged: &JudgedClaim) -> String {
    let is_value = judged.conditions.iter().any(|condition| condition.claimed.is_some());
    let last = if is_value { "claimed" } else { "difference" };
    let mut text = format!(
        "{}, with 95 % intervals:\n\n| | {} | {last} | finding |\n",
        title(&judged.figure),
        judged.variants.join(" | ")
    );
    text += &format!("| --- |{} --- | --- |\n", " --- |".repeat(judged.variants.len()));
    for condition in &judged.conditions {
        let values = condition.values.iter().map(with_interval).collect::<Vec<_>>().join(" | ");
        let finding = finding_word(condition.finding);
        let _ = writeln!(text, "| {} | {values} | {} | {finding} |", condition.name, difference(condition));
    }
    text
}

fn difference(condition: &JudgedCondition) -> String {
    if let Some([least, most]) = condition.claimed {
        return if least == most {
            significant(least)
        } else {
            format!("{} … {}", significant(least), significant(most))
        };
    }
    let signed = |share: f64| {
        format!(
            "{}{}",
            if share > 0.0 {
                "+"
            } else if share < 0.0 {
                "-"
            } else {
                ""
            },
            percent(share.abs())
        )
    };
    let Some(difference) = &condition.difference else { return "-".to_string() };
    match (difference.share, difference.share_interval, difference.value) {
        (Some(share), Some(interval), _) => {
            format!("{} ({} … {})", signed(share), signed(interval.low), signed(interval.high))
        }
        (Some(share), None, _) => signed(share),
        (None, _, Some(value)) => significant(value),
        (None, _, None) => "-".to_string(),
    }
}

/// The other figures, a table for each.
fn also(judged: &JudgedClaim) -> String {
    let mut text = String::new();
    let Some(first) = judged.conditions.first() else { return text };
    for (index, told) in first.also.iter().enumerate() {
        let _ = write!(
            text,
            "\n{}:\n\n| | {} |\n| --- |{}\n",
            title(&told.figure),
            judged.variants.join(" | "),
            " --- |".repeat(judged.variants.len())
        );
        for condition in &judged.conditions {
            let values = condition.also[index].values.iter().map(with_interval).collect::<Vec<_>>().join(" | ");
            let _ = writeln!(text, "| {} | {values} |", condition.name);
        }
    }
    text
}

fn chart(claim: &ClaimFile, judged: &JudgedClaim) -> Option<String> {
    let series = judged.variants.iter().enumerate().map(|(index, name)| ClaimSeries {
        name,
        points: judged
            .conditions
            .iter()
            .map(|condition| {
                let estimate = &condition.values[index];
                let interval = estimate.interval.map(|interval| (interval.low, interval.high));
                Some(Point { value: estimate.value?, interval })
            })
            .collect(),
    });
    let subtitle = format!(
        "Verdict: {}. {} of each variant under each condition, under the same seeds; bars are 95 % intervals.",
        verdict_word(judged.verdict),
        counted(judged.seeds, "run", "runs")
    );
    claim::chart(&ClaimChart {
        title: &claim.claim,
        subtitle: &subtitle,
        figure: &title(&judged.figure),
        along: &claim.along,
        conditions: judged.conditions.iter().map(|condition| condition.name.as_str()).collect(),
        variants: series.collect(),
        claimed: judged.conditions.iter().map(|condition| condition.claimed).collect(),
    })
}

/// The page that lists all claims.
pub fn index(claims: &[(ClaimFile, JudgedClaim)]) -> String {
    let runs: u64 = claims.iter().map(|(_, judged)| judged.runs).sum();
    let mut text = format!(
        "# Advice in circulation, settled by experiment\n\n{} tested with {}. Each verdict is computed: the claim's file \
         under `scenarios/claims/` states the experiment and the rule, the runs decide. \"Holds\" and \"wrong\" are said of \
         the conditions that were tested; each page has its numbers, its chart, and where it turns.\n\n\
         | claim | verdict | |\n| --- | --- | --- |\n",
        counted(claims.len() as u64, "claim", "claims"),
        counted(runs, "run", "runs")
    );
    for (claim, judged) in claims {
        let verdict = verdict_word(judged.verdict);
        let _ =
            writeln!(text, "| [{}]({}.md) | **{verdict}** | {} |", claim.claim, claim.name, sentence(claim, judged));
    }
    text += "\nMade by `rebalab claims scenarios/claims --out reports/claims`.\n";
    text
}
