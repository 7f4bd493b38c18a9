//! Runs folded condition by condition, and the verdict that follows from the rule.

use serde::{Deserialize, Serialize};

use super::file::{ClaimFile, Condition, Test};
use super::turn::{self, Turn};
use crate::experiment::figures::{Figure, RunFigures};
use crate::experiment::plan::Plan;
use crate::experiment::record::Row;
use crate::experiment::statistics::{Accumulator, Difference, Estimate, Pairs, Told, Weights};

/// What is true of a claim under one condition.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// It holds.
    Holds,
    /// It makes no difference that counts.
    NoEffect,
    /// The contrary holds.
    Contrary,
    /// The seeds don't tell.
    NotTold,
}

/// What is true of a claim.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It holds under every condition that was tested.
    Holds,
    /// It holds under some conditions.
    Depends,
    /// It makes no difference that counts under any condition.
    NoEffect,
    /// It holds under no condition, and the contrary does under some.
    Wrong,
    /// The seeds don't tell.
    NotTold,
}

impl Verdict {
    /// The verdict over all conditions.
    pub fn of(findings: &[Finding]) -> Verdict {
        let some = |wanted: Finding| findings.contains(&wanted);
        let all = |wanted: Finding| findings.iter().all(|finding| *finding == wanted);
        match () {
            () if all(Finding::Holds) => Verdict::Holds,
            () if some(Finding::Holds) => Verdict::Depends,
            () if some(Finding::Contrary) => Verdict::Wrong,
            () if all(Finding::NoEffect) => Verdict::NoEffect,
            () => Verdict::NotTold,
        }
    }
}

/// A claim with its verdict: the public JSON contract of `claims.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct JudgedClaim {
    /// Short name.
    pub name: String,
    /// What is claimed.
    pub claim: String,
    /// Digest of the experiment; claims with the same one share its runs.
    pub experiment: String,
    /// The figure that decides.
    pub figure: String,
    /// Names of the variants that ran under each condition.
    pub variants: Vec<String>,
    /// Which of them is judged, from 0; the others are its rivals.
    pub judged: usize,
    /// Number of seeds of each variant under each condition.
    pub seeds: u64,
    /// Number of runs.
    pub runs: u64,
    /// The verdict.
    pub verdict: Verdict,
    /// The conditions, in order.
    pub conditions: Vec<JudgedCondition>,
    /// Where findings turn.
    pub turns: Vec<Turn>,
}

/// A condition with what was found under it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct JudgedCondition {
    /// Its name.
    pub name: String,
    /// What it shares with others that differ from it in their place alone.
    pub series: Option<String>,
    /// Its place among them.
    pub at: Option<f64>,
    /// What was found.
    pub finding: Finding,
    /// The figure that decides, of each variant.
    pub values: Vec<Estimate>,
    /// The judged variant against each other one.
    pub rivals: Vec<Rival>,
    /// For a claimed value: its least and its largest.
    pub claimed: Option<[f64; 2]>,
    /// Other figures, of each variant.
    pub also: Vec<AlsoTold>,
}

/// The judged variant against another one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Rival {
    /// The other one.
    pub name: String,
    /// The judged variant less the other one.
    pub difference: Difference,
    /// Whether the judged one is better.
    pub finding: Finding,
}

/// A figure told beside the one that decides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct AlsoTold {
    /// The figure.
    pub figure: String,
    /// Its value for each variant.
    pub values: Vec<Estimate>,
}

/// The runs of an experiment, folded, for all claims that it tests.
#[derive(Debug)]
pub struct Judging<'c> {
    claims: Vec<&'c ClaimFile>,
    variants: usize,
    folded: Vec<Accumulator>,
    /// Every two variants, by condition: the later one with all before it.
    pairs: Vec<Pairs>,
    /// Runs of the condition under way, under the seed under way.
    under_way: Vec<RunFigures>,
}

impl<'c> Judging<'c> {
    /// Nothing run yet.
    ///
    /// # Panics
    /// Without a claim.
    pub fn new(claims: Vec<&'c ClaimFile>) -> Self {
        let first = claims.first().expect("there is a claim to judge");
        let (variants, conditions) = (first.test.variants().len(), first.conditions.len());
        Judging {
            variants,
            folded: (0..conditions * variants).map(|_| Accumulator::default()).collect(),
            pairs: vec![Pairs::default(); conditions * pair_index(variants, 0)],
            under_way: Vec::new(),
            claims,
        }
    }

    /// Takes in the next run; runs come seed by seed, condition by condition, variant by variant.
    pub fn take(&mut self, row: Row) {
        let (point, weights) = (row.point as usize, Weights::of_seed(row.seed));
        self.folded[point].add(&row.figures, &weights);
        let (condition, variant) = (point / self.variants, point % self.variants);
        let first_pair = condition * pair_index(self.variants, 0);
        for (other, figures) in self.under_way.iter().enumerate() {
            self.pairs[first_pair + pair_index(variant, other)].add(figures, &row.figures);
        }
        self.under_way.push(row.figures);
        if self.under_way.len() == self.variants {
            self.under_way.clear();
        }
    }

    /// The verdicts, in the order of the claims.
    pub fn verdicts(&self, plan: &Plan) -> Vec<JudgedClaim> {
        self.claims.iter().map(|claim| self.verdict(claim, plan)).collect()
    }

    fn verdict(&self, claim: &ClaimFile, plan: &Plan) -> JudgedClaim {
        let conditions: Vec<JudgedCondition> = claim
            .conditions
            .iter()
            .enumerate()
            .map(|(index, condition)| self.condition(claim, index, condition))
            .collect();
        let findings: Vec<Finding> = conditions.iter().map(|condition| condition.finding).collect();
        JudgedClaim {
            name: claim.name.clone(),
            claim: claim.claim.clone(),
            experiment: plan.definition().digest(),
            figure: claim.test.figure().to_string(),
            variants: claim.test.variants().iter().map(|named| named.name.clone()).collect(),
            judged: claim.test.judged(),
            seeds: claim.seeds,
            runs: self.folded.iter().map(Accumulator::runs).sum(),
            verdict: Verdict::of(&findings),
            turns: turn::turns(&conditions),
            conditions,
        }
    }

    fn condition(&self, claim: &ClaimFile, index: usize, condition: &Condition) -> JudgedCondition {
        let folded = &self.folded[index * self.variants..(index + 1) * self.variants];
        let estimates = |figure: &Figure| folded.iter().map(|runs| runs.estimate(figure)).collect::<Vec<_>>();
        let named = |name: &str| Figure::named(name).expect("the claim was checked");
        let figure = named(claim.test.figure());
        let values = estimates(&figure);
        let rivals = self.rivals(claim, index, &figure);
        let finding = match (&claim.test, condition.claimed) {
            (Test::Value { .. }, Some(claimed)) => value(&values[0], claimed),
            _ => against_all(&rivals),
        };
        JudgedCondition {
            name: condition.name.clone(),
            series: condition.series.clone(),
            at: condition.at,
            finding,
            values,
            rivals,
            claimed: condition.claimed,
            also: claim
                .also
                .iter()
                .map(|name| AlsoTold { figure: name.clone(), values: estimates(&named(name)) })
                .collect(),
        }
    }

    /// The judged variant against each other one, under a condition.
    fn rivals(&self, claim: &ClaimFile, condition: usize, figure: &Figure) -> Vec<Rival> {
        let (Test::Better { margin, .. } | Test::Best { margin, .. }) = &claim.test else { return Vec::new() };
        let (judged, first_pair) = (claim.test.judged(), condition * pair_index(self.variants, 0));
        let variants = claim.test.variants();
        let others = (0..self.variants).filter(|other| *other != judged);
        let rival = |other: usize| {
            let folded = |variant: usize| &self.folded[condition * self.variants + variant];
            let pairs = &self.pairs[first_pair + pair_index(judged.max(other), judged.min(other))];
            let difference = Difference::of(figure, folded(other), folded(judged), pairs);
            let finding = better(&difference, *margin);
            Rival { name: variants[other].name.clone(), difference, finding }
        };
        others.map(rival).collect()
    }
}

/// Place of a pair of variants among those of a condition; of `(n, 0)`, the number of pairs of n variants.
fn pair_index(later: usize, earlier: usize) -> usize {
    later * later.saturating_sub(1) / 2 + earlier
}

/// Against several: one that is better decides. Without one the judged variant is among the best if it is better than any
/// of them: that the seeds can't tell it from another one of the best takes nothing from that.
fn against_all(rivals: &[Rival]) -> Finding {
    let some = |wanted: Finding| rivals.iter().any(|rival| rival.finding == wanted);
    match () {
        () if some(Finding::Contrary) => Finding::Contrary,
        () if some(Finding::Holds) => Finding::Holds,
        () if some(Finding::NotTold) || rivals.is_empty() => Finding::NotTold,
        () => Finding::NoEffect,
    }
}

/// Whether the second variant is better than the first by at least the margin.
fn better(difference: &Difference, margin: f64) -> Finding {
    let counts = difference.share.is_none_or(|share| share.abs() >= margin);
    let is_small = difference.share_interval.is_some_and(|share| share.low > -margin && share.high < margin);
    match difference.told {
        Told::Better if counts => Finding::Holds,
        Told::Worse if counts => Finding::Contrary,
        Told::Equal | Told::Better | Told::Worse => Finding::NoEffect,
        Told::NotYet { .. } if is_small => Finding::NoEffect,
        Told::NotYet { .. } | Told::NoValue => Finding::NotTold,
    }
}

/// Whether a value is the claimed one: it lies between the bounds; or its whole interval lies outside.
fn value(estimate: &Estimate, [least, most]: [f64; 2]) -> Finding {
    let Some(value) = estimate.value else { return Finding::NotTold };
    let outside = estimate.interval.is_none_or(|interval| interval.high < least || interval.low > most);
    match (least..=most).contains(&value) {
        true => Finding::Holds,
        false if outside => Finding::Contrary,
        false => Finding::NotTold,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::statistics::Interval;

    fn difference(share: Option<f64>, within: Option<(f64, f64)>, told: Told) -> Difference {
        let share_interval = within.map(|(low, high)| Interval { low, high });
        Difference { value: share, interval: share_interval, share, share_interval, seeds: 30, differing: 30, told }
    }

    #[test]
    fn a_difference_below_the_margin_is_no_effect_however_sure_it_is() {
        let sure = |share: f64, told| better(&difference(Some(share), Some((share, share)), told), 0.05);
        assert_eq!(sure(-0.2, Told::Better), Finding::Holds);
        assert_eq!(sure(-0.01, Told::Better), Finding::NoEffect);
        assert_eq!(sure(0.2, Told::Worse), Finding::Contrary);
        assert_eq!(sure(0.01, Told::Worse), Finding::NoEffect);
    }

    #[test]
    fn what_the_seeds_leave_open_is_no_effect_only_if_it_is_small_for_sure() {
        let open =
            |low, high| better(&difference(Some(0.0), Some((low, high)), Told::NotYet { seeds_needed: None }), 0.05);
        assert_eq!(open(-0.02, 0.03), Finding::NoEffect);
        assert_eq!(open(-0.2, 0.03), Finding::NotTold);
    }

    #[test]
    fn a_value_is_judged_with_its_interval() {
        let estimate = |value, low, high| Estimate {
            value: Some(value),
            interval: Some(Interval { low, high }),
            runs: 30,
            values: None,
        };
        assert_eq!(value(&estimate(19.0, 18.0, 20.0), [18.0, 22.0]), Finding::Holds);
        assert_eq!(value(&estimate(11.0, 10.0, 12.0), [18.0, 22.0]), Finding::Contrary);
        assert_eq!(value(&estimate(17.0, 15.0, 19.0), [18.0, 22.0]), Finding::NotTold);
    }

    #[test]
    fn among_several_one_that_is_better_decides() {
        use Finding::{Contrary, Holds, NoEffect, NotTold};
        let against = |findings: &[Finding]| {
            let rival = |finding: &Finding| Rival {
                name: String::new(),
                difference: difference(None, None, Told::NoValue),
                finding: *finding,
            };
            against_all(&findings.iter().map(rival).collect::<Vec<_>>())
        };
        assert_eq!(against(&[Holds, Contrary, Holds]), Contrary);
        assert_eq!(against(&[Holds, NotTold, NoEffect]), Holds);
        assert_eq!(against(&[NotTold, NoEffect]), NotTold);
        assert_eq!(against(&[NoEffect, NoEffect]), NoEffect);
        assert_eq!(against(&[]), NotTold);
    }

    #[test]
    fn the_verdict_follows_from_the_findings() {
        use Finding::{Contrary, Holds, NoEffect, NotTold};
        assert_eq!(Verdict::of(&[Holds, Holds]), Verdict::Holds);
        assert_eq!(Verdict::of(&[Holds, NoEffect]), Verdict::Depends);
        assert_eq!(Verdict::of(&[Holds, Contrary]), Verdict::Depends);
        assert_eq!(Verdict::of(&[NoEffect, Contrary]), Verdict::Wrong);
        assert_eq!(Verdict::of(&[NoEffect, NoEffect]), Verdict::NoEffect);
        assert_eq!(Verdict::of(&[NoEffect, NotTold]), Verdict::NotTold);
    }
}
