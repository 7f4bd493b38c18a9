//! The verdict of a claim in a sentence, made of what was found under the conditions.

use crate::experiment::claims::judge::{Finding, JudgedCondition, Rival};
use crate::experiment::claims::turn::Turn;
use crate::experiment::claims::{ClaimFile, JudgedClaim, Test};
use crate::experiment::figures::{Figure, Wanted};
use crate::report::comparison::significant;

/// The verdict in a sentence, made of what was found under the conditions.
pub fn sentence(claim: &ClaimFile, judged: &JudgedClaim) -> String {
    let mut parts = Vec::new();
    for (finding, words) in words_of(&claim.test) {
        let found: Vec<&JudgedCondition> =
            judged.conditions.iter().filter(|condition| condition.finding == finding).collect();
        match found.len() {
            0 => {}
            all if all == judged.conditions.len() && !names_rival(claim, finding) => {
                parts.push(format!("{words} under every condition that was tested."));
            }
            _ => parts.push(format!("{words} with {}.", listed(claim, judged, &found))),
        }
    }
    if !matches!(claim.test, Test::Best { .. }) {
        parts.extend(judged.turns.iter().map(|turn| turn_sentence(claim, turn)));
    }
    parts.join(" ")
}

/// What a finding is called in a sentence, for each kind of test.
fn words_of(test: &Test) -> [(Finding, &'static str); 4] {
    let [holds, no_effect, contrary] = match test {
        Test::Better { .. } => ["It holds", "It makes no difference that counts", "The contrary holds"],
        Test::Best { .. } => ["It is among the best", "It is as good as any", "Another is better"],
        Test::Value { .. } => ["It holds", "It makes no difference that counts", "The value is another"],
    };
    [
        (Finding::Holds, holds),
        (Finding::NoEffect, no_effect),
        (Finding::Contrary, contrary),
        (Finding::NotTold, "The seeds don't tell"),
    ]
}

/// Whether conditions of this finding are listed with the variant that is better.
fn names_rival(claim: &ClaimFile, finding: Finding) -> bool {
    matches!(claim.test, Test::Best { .. }) && finding == Finding::Contrary
}

/// Names of conditions, series by series: `50 members: 10 (30 s), 30 (45 s); 6 members: 10 (6 s)`.
fn listed(claim: &ClaimFile, judged: &JudgedClaim, found: &[&JudgedCondition]) -> String {
    let name = |condition: &&JudgedCondition| match names_rival(claim, condition.finding) {
        true => {
            let best = best_rival(judged, condition).map_or("-", |rival| rival.name.as_str());
            format!("{} ({best})", condition.name)
        }
        false => condition.name.clone(),
    };
    let series = found.chunk_by(|a, b| a.series == b.series).map(|series| match &series[0].series {
        Some(shared) => format!("{shared}: {}", series.iter().map(name).collect::<Vec<_>>().join(", ")),
        None => series.iter().map(name).collect::<Vec<_>>().join("; "),
    });
    series.collect::<Vec<_>>().join("; ")
}

/// The other variant with the best value under a condition.
pub(super) fn best_rival<'j>(judged: &JudgedClaim, condition: &'j JudgedCondition) -> Option<&'j Rival> {
    let sign = match Figure::named(&judged.figure)?.wanted() {
        Wanted::Low => 1.0,
        Wanted::High => -1.0,
    };
    let others = condition.values.iter().enumerate().filter(|(index, _)| *index != judged.judged);
    let known =
        others.zip(&condition.rivals).filter_map(|((_, estimate), rival)| Some((estimate.value? * sign, rival)));
    known.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, rival)| rival)
}

/// Between which neighbouring conditions the finding changes, and at which place about.
fn turn_sentence(claim: &ClaimFile, turn: &Turn) -> String {
    let series = turn.series.as_ref().map(|series| format!("With {series} it")).unwrap_or("It".to_string());
    let about = turn.at.map(|at| format!(", at about {} ({})", significant(at), claim.along)).unwrap_or_default();
    format!("{series} turns between {} and {}{about}.", turn.between[0], turn.between[1])
}
