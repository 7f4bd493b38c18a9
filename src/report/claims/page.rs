//! The page of a claim: verdict and rule, chart, where it turns, numbers, experiment, sources.

use std::fmt::Write as _;

use super::sentence::best_rival;
use super::{sentence, title, verdict_word};
use crate::experiment::claims::file::in_short;
use crate::experiment::claims::judge::{Finding, JudgedCondition};
use crate::experiment::claims::{ClaimFile, JudgedClaim, Test};
use crate::experiment::statistics::Estimate;
use crate::report::comparison::significant;
use crate::report::units::{count, counted, percent};

/// The page of a claim.
pub(super) fn page(claim: &ClaimFile, judged: &JudgedClaim, has_chart: bool) -> String {
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
    if matches!(claim.test, Test::Best { .. }) && !judged.turns.is_empty() {
        let _ = write!(
            text,
            "\n## Where it turns\n\nPlaces are interpolated between the conditions; {} is\n\n{}",
            judged.variants[judged.judged],
            turns_of_best(claim, judged)
        );
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
        let _ = writeln!(text, "- under \"{}\": {}", condition.full_name(), in_short(&condition.settings));
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

/// Where the judged variant turns from worse to better than each other one, a line for each.
fn turns_of_best(claim: &ClaimFile, judged: &JudgedClaim) -> String {
    let mut text = String::new();
    for turn in &judged.turns {
        let (Some(rival), Some(at)) = (&turn.rival, turn.at) else { continue };
        let _ = writeln!(
            text,
            "- {}{} than {rival} from about {} {} up (between {} and {})",
            turn.series.as_ref().map(|series| format!("{series}: ")).unwrap_or_default(),
            if turn.findings[1] == Finding::Holds { "better" } else { "worse" },
            significant(at),
            claim.along,
            turn.between[0],
            turn.between[1]
        );
    }
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
        Test::Best { claimed, figure, margin, .. } => format!(
            "{}, \"{claimed}\" against each of the others; differences below {} count as none",
            title(figure),
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
    let last = match judged.conditions.first() {
        Some(first) if first.claimed.is_some() => "claimed",
        Some(first) if first.rivals.len() > 1 => "against the best other",
        _ => "difference",
    };
    let mut text = format!(
        "{}, with 95 % intervals:\n\n| | {} | {last} | finding |\n",
        title(&judged.figure),
        judged.variants.join(" | ")
    );
    text += &format!("| --- |{} --- | --- |\n", " --- |".repeat(judged.variants.len()));
    for condition in &judged.conditions {
        let values = condition.values.iter().map(with_interval).collect::<Vec<_>>().join(" | ");
        let finding = finding_word(condition.finding);
        let _ = writeln!(text, "| {} | {values} | {} | {finding} |", name_of(condition), difference(judged, condition));
    }
    text
}

fn name_of(condition: &JudgedCondition) -> String {
    match &condition.series {
        Some(series) => format!("{series}, {}", condition.name),
        None => condition.name.clone(),
    }
}

/// The claimed value, or the difference to the other variant, of several to the best of them.
fn difference(judged: &JudgedClaim, condition: &JudgedCondition) -> String {
    if let Some([least, most]) = condition.claimed {
        return match least == most {
            true => significant(least),
            false => format!("{} … {}", significant(least), significant(most)),
        };
    }
    let Some(rival) = best_rival(judged, condition) else { return "-".to_string() };
    let difference = &rival.difference;
    let text = match (difference.share, difference.share_interval, difference.value) {
        (Some(share), Some(interval), _) => {
            format!("{} ({} … {})", signed(share), signed(interval.low), signed(interval.high))
        }
        (Some(share), None, _) => signed(share),
        (None, _, Some(value)) => significant(value),
        (None, _, None) => "-".to_string(),
    };
    if condition.rivals.len() > 1 { format!("{}: {text}", rival.name) } else { text }
}

fn signed(share: f64) -> String {
    let sign = match share {
        share if share > 0.0 => "+",
        share if share < 0.0 => "-",
        _ => "",
    };
    format!("{sign}{}", percent(share.abs()))
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
            let _ = writeln!(text, "| {} | {values} |", name_of(condition));
        }
    }
    text
}
