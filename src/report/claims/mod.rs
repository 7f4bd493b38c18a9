//! Claims with their verdicts, in Markdown.
//!
//! - `sentence`: the verdict in a sentence
//! - `page`: the page of a claim: rule, chart, where it turns, numbers, experiment, sources
//! - here: the files of a claim, its chart, and the page that lists all of them

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::OutputFile;
use super::chart::claim::{self, ClaimChart, ClaimSeries, Place};
use super::chart::plot::Point;
use super::units::counted;
use crate::experiment::claims::judge::JudgedCondition;
use crate::experiment::claims::{ClaimFile, JudgedClaim, Verdict};
use crate::experiment::figures::Figure;

mod page;
mod sentence;

pub use sentence::sentence;

/// What the page that lists all claims says below its table.
const READING: &str = "
## Before relying on a verdict

- Pauses, crashes, restarts and batches of each experiment are stated on its page; other groups live under others. Put
  yours into the claim's file, or into a scenario of your own for `rebalab compare` and `rebalab sweep`.
- Most verdicts go by the time that partitions stand still. Records that are processed twice are told beside it, and have
  no price here; nor has state that has to be built up again, unless a page says so.
- After a rebalance all members beat in step, for they were answered together, and here they stay in step until something
  disturbs them. Real members drift apart in time: then they hear of a rebalance up to a heartbeat interval apart, and
  an eager rebalance of a group that was left alone for long costs more than here.

Made by `rebalab claims scenarios/claims --out reports/claims --force`; the bytes are the same each time.
";

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

/// The page of a claim and its chart.
pub fn files(claim: &ClaimFile, judged: &JudgedClaim) -> Vec<OutputFile> {
    let chart = chart(claim, judged);
    let page = page::page(claim, judged, chart.is_some());
    let mut files = vec![OutputFile::new(format!("{}.md", claim.name), page)];
    files.extend(chart.map(|svg| OutputFile::new(format!("charts/{}.svg", claim.name), svg)));
    files
}

fn title(figure: &str) -> String {
    Figure::named(figure).map_or_else(|| figure.to_string(), |figure| figure.title())
}

fn chart(claim: &ClaimFile, judged: &JudgedClaim) -> Option<String> {
    let series = judged.variants.iter().enumerate().map(|(index, name)| ClaimSeries {
        name,
        is_judged: judged.variants.len() > 1 && index == judged.judged,
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
        conditions: judged.conditions.iter().map(place).collect(),
        variants: series.collect(),
    })
}

fn place(condition: &JudgedCondition) -> Place<'_> {
    Place { name: &condition.name, series: condition.series.as_deref(), claimed: condition.claimed }
}

/// The page that lists all claims.
pub fn index(claims: &[(ClaimFile, JudgedClaim)]) -> String {
    // Claims with the same experiment share its runs.
    let experiments: BTreeMap<&str, u64> =
        claims.iter().map(|(_, judged)| (judged.experiment.as_str(), judged.runs)).collect();
    let runs: u64 = experiments.values().sum();
    let mut text = format!(
        "# Advice in circulation, settled by experiment\n\n{} tested with {}. Each verdict is computed: the claim's file \
         under `scenarios/claims/` states the experiment and the rule, the runs decide. \"Holds\" and \"wrong\" are said of \
         the conditions that were tested; each page has its numbers, its chart, its sources, and where it turns.\n\n\
         | claim | verdict | |\n| --- | --- | --- |\n",
        counted(claims.len() as u64, "claim", "claims"),
        counted(runs, "run", "runs")
    );
    for (claim, judged) in claims {
        let verdict = verdict_word(judged.verdict);
        let _ =
            writeln!(text, "| [{}]({}.md) | **{verdict}** | {} |", claim.claim, claim.name, sentence(claim, judged));
    }
    text += READING;
    text
}
