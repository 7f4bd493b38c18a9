//! Where a finding turns, among conditions that have a place: restarts of 20, 40 and 70 s, 10 and 100 pauses for each
//! crash.

use serde::{Deserialize, Serialize};

use super::judge::{Finding, JudgedCondition};

/// Between two conditions of a series the finding is another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Turn {
    /// The series.
    pub series: Option<String>,
    /// Against which variant, if there are several.
    pub rival: Option<String>,
    /// The conditions before and after.
    pub between: [String; 2],
    /// What was found before and after.
    pub findings: [Finding; 2],
    /// The place at which both variants are as good, by interpolation; `null` where none can be told.
    pub at: Option<f64>,
}

/// A condition that has a place, as one rival sees it.
struct Place<'c> {
    condition: &'c JudgedCondition,
    at: f64,
    finding: Finding,
    /// Difference as a share of the rival's value.
    share: Option<f64>,
}

/// All turns, series by series and rival by rival.
pub fn turns(conditions: &[JudgedCondition]) -> Vec<Turn> {
    let mut turns = Vec::new();
    let rivals = conditions.first().map_or(0, |condition| condition.rivals.len());
    for series in conditions.chunk_by(|a, b| a.series == b.series) {
        for rival in 0..rivals.max(1) {
            let name = (rivals > 1).then(|| series[0].rivals[rival].name.clone());
            let places: Vec<Place> = series.iter().filter_map(|condition| place(condition, rival)).collect();
            for (before, after) in changes(&places, rivals > 1) {
                let opposite = [before, after].iter().all(|index| places[*index].finding != Finding::NoEffect);
                turns.push(Turn {
                    series: series[0].series.clone(),
                    rival: name.clone(),
                    between: [&places[before], &places[after]].map(|place| place.condition.name.clone()),
                    findings: [places[before].finding, places[after].finding],
                    at: opposite.then(|| crossing(&places[before..=after])).flatten(),
                });
            }
        }
    }
    turns
}

fn place(condition: &JudgedCondition, rival: usize) -> Option<Place<'_>> {
    let (at, rival) = (condition.at?, condition.rivals.get(rival));
    let finding = rival.map_or(condition.finding, |rival| rival.finding);
    let share = rival.and_then(|rival| rival.difference.share);
    (finding != Finding::NotTold).then_some(Place { condition, at, finding, share })
}

/// Between which places the finding changes. Among several rivals only what turns from better to worse counts, or back:
/// that one is no longer better than each of them is no news.
fn changes(places: &[Place], is_among_several: bool) -> Vec<(usize, usize)> {
    let counts = |place: &Place| !is_among_several || place.finding != Finding::NoEffect;
    let counted: Vec<usize> = (0..places.len()).filter(|index| counts(&places[*index])).collect();
    let pairs = counted.windows(2).map(|pair| (pair[0], pair[1]));
    pairs.filter(|(before, after)| places[*before].finding != places[*after].finding).collect()
}

/// Where the difference is zero between places: on the logarithm of the place, as rates and spans differ by factors, or
/// on the place itself where one is zero.
fn crossing(places: &[Place]) -> Option<f64> {
    places.windows(2).find_map(|pair| {
        let [a, b] = pair else { return None };
        let (from, to) = (a.share?, b.share?);
        if from * to > 0.0 || from == to {
            return None;
        }
        let part = from / (from - to);
        let between = |x: f64, y: f64| x + (y - x) * part;
        match a.at > 0.0 && b.at > 0.0 {
            true => Some(libm::exp(between(libm::log(a.at), libm::log(b.at)))),
            false => Some(between(a.at, b.at)),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::claims::judge::Rival;
    use crate::experiment::statistics::{Difference, Told};

    /// A condition at a place, with the share by which the judged variant is above each rival.
    fn condition(at: f64, shares: &[f64]) -> JudgedCondition {
        let rival = |share: &f64| {
            let finding = match share {
                share if *share < -0.05 => Finding::Holds,
                share if *share > 0.05 => Finding::Contrary,
                _ => Finding::NoEffect,
            };
            let (value, interval, told) = (Some(*share), None, Told::Equal);
            let difference =
                Difference { value, interval, share: value, share_interval: None, seeds: 20, differing: 20, told };
            Rival { name: "another".to_string(), difference, finding }
        };
        JudgedCondition {
            name: format!("at {at}"),
            series: None,
            at: Some(at),
            finding: Finding::NotTold,
            values: Vec::new(),
            rivals: shares.iter().map(rival).collect(),
            claimed: None,
            also: Vec::new(),
        }
    }

    #[test]
    fn it_turns_where_the_difference_is_zero() {
        let turns = turns(&[condition(1.0, &[0.2]), condition(10.0, &[0.1]), condition(1_000.0, &[-0.1])]);
        let [turn] = turns.as_slice() else { panic!("{turns:?}") };
        assert_eq!(turn.between, ["at 10", "at 1000"]);
        assert!((turn.at.unwrap() - 100.0).abs() < 1e-6, "half the way between 10 and 1000, in factors: {turn:?}");
    }

    #[test]
    fn what_merely_ceases_to_matter_turns_between_conditions() {
        let turns = turns(&[condition(20.0, &[-0.9]), condition(70.0, &[0.0])]);
        let [turn] = turns.as_slice() else { panic!("{turns:?}") };
        assert_eq!((turn.findings, turn.at), ([Finding::Holds, Finding::NoEffect], None));
    }

    #[test]
    fn among_several_only_better_and_worse_count() {
        let shares: [&[f64]; 3] = [&[-0.2, 0.0], &[0.0, -0.2], &[0.2, -0.3]];
        let conditions: Vec<JudgedCondition> =
            [1.0, 10.0, 100.0].into_iter().zip(shares).map(|(at, shares)| condition(at, shares)).collect();
        let turns = turns(&conditions);
        assert_eq!(turns.len(), 1, "{turns:?}");
        assert_eq!(turns[0].between, ["at 1", "at 100"]);
        assert!(turns[0].at.is_some_and(|at| (10.0..100.0).contains(&at)), "{turns:?}");
    }
}
