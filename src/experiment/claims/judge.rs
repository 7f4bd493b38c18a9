//! Runs folded condition by condition, and the verdict that follows from the rule.

use serde::{Deserialize, Serialize};

use super::file::{ClaimFile, Test};
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
    /// Digest of the experiment.
    pub experiment: String,
    /// The figure that decides.
    pub figure: String,
    /// Names of the variants that ran under each condition.
    pub variants: Vec<String>,
    /// Number of seeds of each variant under each condition.
    pub seeds: u64,
    /// Number of runs.
    pub runs: u64,
    /// The verdict.
    pub verdict: Verdict,
    /// The conditions, in order.
    pub conditions: Vec<JudgedCondition>,
}

/// A condition with what was found under it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct JudgedCondition {
    /// Its name.
    pub name: String,
    /// What was found.
    pub finding: Finding,
    /// The figure that decides, of each variant.
    pub values: Vec<Estimate>,
    /// Second variant less first.
    pub difference: Option<Difference>,
    /// For a claimed value: its least and its largest.
    pub claimed: Option<[f64; 2]>,
    /// Other figures, of each variant.
    pub also: Vec<AlsoTold>,
}

/// A figure told beside the one that decides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct AlsoTold {
    /// The figure.
    pub figure: String,
    /// Its value for each variant.
    pub values: Vec<Estimate>,
}

/// The runs of a claim, folded.
#[derive(Debug)]
pub struct Judging<'c> {
    claim: &'c ClaimFile,
    variants: usize,
    folded: Vec<Accumulator>,
    /// Second variant against first, by condition.
    pairs: Vec<Pairs>,
    previous: Option<RunFigures>,
}

impl<'c> Judging<'c> {
    /// Nothing run yet.
    pub fn new(claim: &'c ClaimFile) -> Self {
        let variants = claim.test.variants().len();
        let points = claim.conditions.len() * variants;
        let folded = (0..points).map(|_| Accumulator::default()).collect();
        Judging { claim, variants, folded, pairs: vec![Pairs::default(); claim.conditions.len()], previous: None }
    }

    /// Takes in the next run; runs come seed by seed, condition by condition, variant by variant.
    pub fn take(&mut self, row: Row) {
        let (point, weights) = (row.point as usize, Weights::of_seed(row.seed));
        self.folded[point].add(&row.figures, &weights);
        let is_second = self.variants == 2 && point % 2 == 1;
        match self.previous.take().filter(|_| is_second) {
            Some(first) => self.pairs[point / 2].add(&first, &row.figures),
            None => self.previous = Some(row.figures),
        }
    }

    /// The verdict.
    pub fn verdict(&self, plan: &Plan) -> JudgedClaim {
        let conditions: Vec<JudgedCondition> =
            (0..self.claim.conditions.len()).map(|index| self.condition(index)).collect();
        let findings: Vec<Finding> = conditions.iter().map(|condition| condition.finding).collect();
        JudgedClaim {
            name: self.claim.name.clone(),
            claim: self.claim.claim.clone(),
            experiment: plan.definition().digest(),
            figure: self.claim.test.figure().to_string(),
            variants: self.claim.test.variants().iter().map(|named| named.name.clone()).collect(),
            seeds: self.claim.seeds,
            runs: self.folded.iter().map(Accumulator::runs).sum(),
            verdict: Verdict::of(&findings),
            conditions,
        }
    }

    fn condition(&self, index: usize) -> JudgedCondition {
        let condition = &self.claim.conditions[index];
        let folded = &self.folded[index * self.variants..(index + 1) * self.variants];
        let estimates = |figure: &Figure| folded.iter().map(|runs| runs.estimate(figure)).collect::<Vec<_>>();
        let figure = Figure::named(self.claim.test.figure()).expect("the claim was checked");
        let also = self.claim.also.iter().map(|name| {
            let figure = Figure::named(name).expect("the claim was checked");
            AlsoTold { figure: name.clone(), values: estimates(&figure) }
        });
        let values = estimates(&figure);
        let difference =
            (self.variants == 2).then(|| Difference::of(&figure, &folded[0], &folded[1], &self.pairs[index]));
        let finding = match (&self.claim.test, &difference, condition.claimed) {
            (Test::Better { margin, .. }, Some(difference), _) => better(difference, *margin),
            (Test::Value { .. }, _, Some(claimed)) => value(&values[0], claimed),
            _ => Finding::NotTold,
        };
        let (name, claimed) = (condition.name.clone(), condition.claimed);
        JudgedCondition { name, finding, values, difference, claimed, also: also.collect() }
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
