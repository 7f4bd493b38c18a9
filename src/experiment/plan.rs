//! Which runs an experiment consists of, in which order, and the scenario of each.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::axis::{Axis, AxisError};
use super::definition::{Definition, ScenarioText, Variant, Varied};
use super::settings::{self, SettingError, Settings};
use super::space::{Space, SpaceError};
use crate::analysis::figures::KnownFigures;
use crate::protocol::config::{BrokerConfig, ConsumerConfig, Refusal, broker_table, consumer_table};
use crate::scenario::checked::Note;
use crate::scenario::{Problems, Scenario, load};

/// The runs of an experiment.
#[derive(Clone, Debug)]
pub struct Plan {
    definition: Definition,
    points: Points,
    left_out: Vec<LeftOut>,
}

#[derive(Clone, Debug)]
enum Points {
    Variants(Vec<Variant>),
    /// A space and its points that make sense.
    Space(Space, Vec<u64>),
}

/// A combination that no consumer or broker would start with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct LeftOut {
    /// Its settings.
    #[schemars(with = "std::collections::BTreeMap<String, String>")]
    pub settings: Settings,
    /// What is wrong with it.
    pub reason: String,
}

/// One run of an experiment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunOf {
    /// Which variant or point, counted from 0.
    pub point: u64,
    /// Under which seed.
    pub seed: u64,
}

/// Why there is nothing to run.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The axes make no space.
    #[error(transparent)]
    Space(#[from] SpaceError),
    /// A setting has no place in the scenario.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// A value that the property can never have.
    #[error("{name}={value}: {refusal}")]
    Value {
        /// Which property.
        name: String,
        /// Which value.
        value: String,
        /// What is wrong with it.
        refusal: Refusal,
    },
    /// A variant that can't be run.
    #[error("variant `{variant}` can't be run:\n{problems}")]
    Variant {
        /// Which variant.
        variant: String,
        /// What is wrong with it.
        problems: Problems,
    },
    /// No combination makes sense.
    #[error("none of the {points} combinations can be run; the first: {reason}")]
    NothingLeft {
        /// How many there were.
        points: u64,
        /// What is wrong with the first one.
        reason: String,
    },
}

impl From<AxisError> for PlanError {
    fn from(error: AxisError) -> Self {
        PlanError::Space(error.into())
    }
}

impl Plan {
    /// Plans an experiment. `yes`: many points are meant.
    ///
    /// # Errors
    /// Why there is nothing to run.
    pub fn new(definition: Definition, yes: bool) -> Result<Plan, PlanError> {
        let mut plan = Plan { definition, points: Points::Variants(Vec::new()), left_out: Vec::new() };
        plan.points = match &plan.definition.varied {
            Varied::Variants(variants) => Points::Variants(plan.checked_variants(variants)?),
            Varied::Axes { axes, sampling, .. } => {
                let axes = axes.iter().map(|axis| Axis::parse(axis)).collect::<Result<_, _>>()?;
                let space = Space::new(axes, *sampling, yes)?;
                check_values(&space)?;
                let (kept, left_out) = plan.sifted(&space)?;
                plan.left_out = left_out;
                Points::Space(space, kept)
            }
        };
        Ok(plan)
    }

    fn checked_variants(&self, variants: &[Variant]) -> Result<Vec<Variant>, PlanError> {
        for variant in variants {
            check_each_value(&variant.settings)?;
            self.load(&variant.settings)?
                .map_err(|problems| PlanError::Variant { variant: variant.name.clone(), problems })?;
        }
        Ok(variants.to_vec())
    }

    /// The points of a space that can be run, and those that can't.
    fn sifted(&self, space: &Space) -> Result<(Vec<u64>, Vec<LeftOut>), PlanError> {
        let (mut kept, mut left_out) = (Vec::new(), Vec::new());
        for point in 0..space.count() {
            let settings = space.settings(point);
            match self.load(&settings)? {
                Ok(_) => kept.push(point),
                Err(problems) => left_out.push(LeftOut { settings, reason: first_reason(&problems) }),
            }
        }
        match (kept.first(), left_out.first()) {
            (None, Some(first)) => Err(PlanError::NothingLeft { points: space.count(), reason: first.reason.clone() }),
            _ => Ok((kept, left_out)),
        }
    }

    /// The experiment.
    pub fn definition(&self) -> &Definition {
        &self.definition
    }

    /// Combinations that were left out, each with the reason.
    pub fn left_out(&self) -> &[LeftOut] {
        &self.left_out
    }

    /// Number of variants or points that are run.
    pub fn points(&self) -> u64 {
        match &self.points {
            Points::Variants(variants) => variants.len() as u64,
            Points::Space(_, kept) => kept.len() as u64,
        }
    }

    /// Number of runs.
    pub fn runs(&self) -> u64 {
        self.points() * self.definition.seeds.count()
    }

    /// The run of that number. Variants are run seed by seed, so that a part of the runs compares already; points of a
    /// space one after the other.
    pub fn run(&self, run: u64) -> RunOf {
        let seeds = self.definition.seeds;
        match &self.points {
            Points::Variants(variants) => {
                let count = variants.len() as u64;
                RunOf { point: run % count, seed: seeds.nth(run / count) }
            }
            Points::Space(..) => RunOf { point: run / seeds.count(), seed: seeds.nth(run % seeds.count()) },
        }
    }

    /// The number of a run.
    pub fn run_number(&self, of: RunOf) -> u64 {
        let seed = of.seed - self.definition.seeds.from;
        match &self.points {
            Points::Variants(variants) => seed * variants.len() as u64 + of.point,
            Points::Space(..) => of.point * self.definition.seeds.count() + seed,
        }
    }

    /// The settings of a variant or point.
    pub fn settings(&self, point: u64) -> Settings {
        match &self.points {
            Points::Variants(variants) => variants[point as usize].settings.clone(),
            Points::Space(space, kept) => space.settings(kept[point as usize]),
        }
    }

    /// The value of each axis at a point, in the words of its axis. None for variants.
    pub fn levels(&self, point: u64) -> Vec<String> {
        match &self.points {
            Points::Variants(_) => Vec::new(),
            Points::Space(space, kept) => space.levels(kept[point as usize]).iter().map(ToString::to_string).collect(),
        }
    }

    /// Names of the axes; none for variants.
    pub fn axes(&self) -> Vec<String> {
        match &self.points {
            Points::Variants(_) => Vec::new(),
            Points::Space(space, _) => space.axes().iter().map(|axis| axis.name.clone()).collect(),
        }
    }

    /// Name of a variant, or the settings of a point in short.
    pub fn name(&self, point: u64) -> String {
        match &self.points {
            Points::Variants(variants) => variants[point as usize].name.clone(),
            Points::Space(..) => in_short(&self.settings(point)),
        }
    }

    /// The scenario file of a variant or point, to be run on its own.
    pub fn scenario_file(&self, point: u64) -> String {
        let mut file = self.definition.scenario.file.clone();
        settings::put(&mut file, &self.settings(point)).expect("the plan was checked");
        if let Some(file) = file.as_object_mut() {
            file.shift_remove("variants"); // They are not those of this variant.
        }
        let mut text = serde_json::to_string_pretty(&file).expect("a scenario is plain data");
        text.push('\n');
        text
    }

    /// The scenario of a variant or point.
    pub fn scenario(&self, point: u64) -> Scenario {
        let loaded = self.load(&self.settings(point)).expect("the plan was checked");
        loaded.unwrap_or_else(|problems| panic!("the plan was checked: {problems}"))
    }

    /// What a real client or broker would clamp or ignore at a variant or point, and what is used instead; what the
    /// model leaves out.
    pub fn notes(&self, point: u64) -> Vec<String> {
        let told = |note: Note| {
            let setting = note.place.split_once(".properties.").map_or(note.place.as_str(), |(_, name)| name);
            format!("{setting}: {}", note.text)
        };
        let scenario = self.scenario(point);
        let mut notes: Vec<String> = scenario.notes.into_iter().map(told).collect();
        notes.extend(scenario.not_modelled.into_iter().map(|note| format!("not modelled: {}", note.text)));
        notes.dedup();
        notes
    }

    fn load(&self, settings: &Settings) -> Result<Result<Scenario, Problems>, SettingError> {
        let ScenarioText { file, .. } = &self.definition.scenario;
        let mut file = file.clone();
        settings::put(&mut file, settings)?;
        let text = serde_json::to_string_pretty(&file).expect("a scenario is plain data");
        let name = format!("{} with {}", self.definition.scenario_name(), in_short(settings));
        Ok(load(&name, &text, &self.definition.scenario, &KnownFigures))
    }
}

/// `session.timeout.ms=6000, heartbeat.interval.ms=2000`
pub fn in_short(settings: &Settings) -> String {
    if settings.is_empty() {
        return "the settings of the scenario".to_string();
    }
    settings.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(", ")
}

/// What is wrong first, without the place: that is one of a text which nobody wrote.
fn first_reason(problems: &Problems) -> String {
    let first = &problems.problems[0];
    match &first.help {
        Some(help) => format!("{} ({help})", first.message),
        None => first.message.clone(),
    }
}

/// A value that a property can never have is a mistake, not a combination to be left out.
fn check_values(space: &Space) -> Result<(), PlanError> {
    for axis in space.axes() {
        let values = (0..axis.count().unwrap_or(0)).map(|index| axis.level(index));
        for level in values {
            if let super::axis::Level::Fixed(value) = level {
                check_value(&axis.name, &value)?;
            }
        }
    }
    Ok(())
}

fn check_each_value(settings: &Settings) -> Result<(), PlanError> {
    settings.iter().try_for_each(|(name, value)| check_value(name, value))
}

fn check_value(name: &str, value: &str) -> Result<(), PlanError> {
    // Placeholders ({name}) are filled in with the scenario.
    let refused = if value.contains('{') {
        None
    } else if consumer_table::find(name).is_some_and(|property| property.name != "group.id") {
        ConsumerConfig::default().set("", name, value).err()
    } else if broker_table::find(name).is_some() {
        BrokerConfig::default().set(name, value).err()
    } else {
        None
    };
    match refused {
        Some(refusal) => Err(PlanError::Value { name: name.to_string(), value: value.to_string(), refusal }),
        None => Ok(()),
    }
}

/// One of several equal parts of the runs of an experiment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shard {
    /// Which part, counted from 1.
    pub number: u64,
    /// Number of parts.
    pub of: u64,
}

impl Shard {
    /// All runs in one part.
    pub const WHOLE: Shard = Shard { number: 1, of: 1 };

    /// Reads `2/7`.
    ///
    /// ```
    /// use rebalab::experiment::Shard;
    /// assert_eq!(Shard::parse("2/7"), Ok(Shard { number: 2, of: 7 }));
    /// assert!(Shard::parse("0/7").unwrap_err().contains("counted from 1"));
    /// ```
    ///
    /// # Errors
    /// What would be right.
    pub fn parse(text: &str) -> Result<Self, String> {
        let parts = text.split_once('/').and_then(|(number, of)| Some((number.parse().ok()?, of.parse().ok()?)));
        match parts {
            Some((number, of)) if number >= 1 && number <= of => Ok(Shard { number, of }),
            Some((0, _)) => Err(format!("`{text}`: shards are counted from 1: the first of seven is 1/7")),
            Some((_, of)) => Err(format!("`{text}`: there are only {of} shards")),
            None => Err(format!("`{text}` is no shard: write the number of the part and of parts, 2/7")),
        }
    }

    /// Its share of so many runs.
    pub fn share(&self, runs: u64) -> Range<u64> {
        let before = |number: u64| (u128::from(runs) * u128::from(number) / u128::from(self.of)) as u64;
        before(self.number - 1)..before(self.number)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::experiment::{Sampling, Seeds};

    fn definition(varied: Varied) -> Definition {
        let file = json!({
            "format_version": 1, "name": "four", "duration": "1m",
            "cluster": { "topics": [{ "name": "orders", "partitions": 4 }] },
            "groups": [{ "id": "billing", "consumers": [{ "name": "worker", "count": 2 }] }],
        });
        let scenario = ScenarioText { file, properties_files: Default::default() };
        Definition { varied, seeds: Seeds { from: 5, to: 7 }, until: None, scenario }
    }

    fn axes(axes: &[&str]) -> Result<Plan, PlanError> {
        let axes = axes.iter().map(ToString::to_string).collect();
        Plan::new(
            definition(Varied::Axes {
                axes,
                sampling: Sampling::Grid,
                aim: "pause_s.p99".into(),
                trade: Default::default(),
            }),
            false,
        )
    }

    fn variants(variants: &[(&str, &str)]) -> Result<Plan, PlanError> {
        let variant = |(name, session): &(&str, &str)| Variant {
            name: name.to_string(),
            settings: Settings::from([("session.timeout.ms".to_string(), session.to_string())]),
        };
        Plan::new(definition(Varied::Variants(variants.iter().map(variant).collect())), false)
    }

    #[test]
    fn nonsense_combinations_are_left_out_and_listed_with_the_reason() {
        let plan = axes(&["session.timeout.ms=6000,10000", "heartbeat.interval.ms=2000,8000"]).unwrap();
        assert_eq!((plan.points(), plan.runs(), plan.left_out().len()), (3, 9, 1));
        let left_out = &plan.left_out()[0];
        assert_eq!(in_short(&left_out.settings), "session.timeout.ms=6000, heartbeat.interval.ms=8000");
        assert!(left_out.reason.contains("heartbeat.interval.ms"), "{}", left_out.reason);
        assert_eq!(plan.name(2), "session.timeout.ms=10000, heartbeat.interval.ms=8000");
    }

    #[test]
    fn points_are_run_one_after_the_other_and_variants_seed_by_seed() {
        let plan = axes(&["session.timeout.ms=6000,10000"]).unwrap();
        let runs: Vec<_> = (0..plan.runs()).map(|run| plan.run(run)).map(|run| (run.point, run.seed)).collect();
        assert_eq!(runs, [(0, 5), (0, 6), (0, 7), (1, 5), (1, 6), (1, 7)]);
        let plan = variants(&[("a", "6000"), ("b", "10000")]).unwrap();
        let runs: Vec<_> = (0..plan.runs()).map(|run| plan.run(run)).map(|run| (run.point, run.seed)).collect();
        assert_eq!(runs, [(0, 5), (1, 5), (0, 6), (1, 6), (0, 7), (1, 7)]);
    }

    #[test]
    fn the_scenario_of_a_point_has_its_settings() {
        let plan = axes(&["session.timeout.ms=6000,10000", "groups[0].consumers[0].count=3"]).unwrap();
        let scenario = plan.scenario(1);
        assert_eq!(scenario.consumers().count(), 3);
        assert!(scenario.consumers().all(|consumer| consumer.config.session_timeout_ms == 10_000));
        assert!(plan.scenario_file(1).contains("\"session.timeout.ms\": 10000"));
    }

    #[test]
    fn mistakes_are_errors_and_not_left_out() {
        let refused = |list: &[&str]| axes(list).unwrap_err().to_string();
        assert!(refused(&["sesion.timeout.ms=6000"]).contains("did you mean `session.timeout.ms`?"));
        assert!(refused(&["max.poll.records=0,500"]).contains("max.poll.records=0"));
        assert!(refused(&["enable.auto.commit=maybe"]).contains("enable.auto.commit=maybe"));
        let misspelt = refused(&["groups[0].consumers[0].cout=3"]);
        assert!(misspelt.contains("did you mean `count`?"), "{misspelt}");
        assert!(refused(&["session.timeout.ms=6000", "heartbeat.interval.ms=7000"]).contains("none of the 1 comb"));
        assert!(refused(&["session.timeout.ms="]).contains("empty value"));
        let broken = Plan::new(
            definition(Varied::Variants(vec![Variant {
                name: "odd".into(),
                settings: Settings::from([("heartbeat.interval.ms".into(), "45000".into())]),
            }])),
            false,
        );
        assert!(broken.unwrap_err().to_string().contains("variant `odd` can't be run"));
    }

    #[test]
    fn experiments_that_differ_in_anything_have_different_digests() {
        let digest = |plan: Plan| plan.definition().digest();
        let a = digest(axes(&["session.timeout.ms=6000,10000"]).unwrap());
        let mut other = axes(&["session.timeout.ms=6000,10000"]).unwrap();
        assert_eq!(a, digest(other.clone()));
        other.definition.seeds.to += 1;
        assert_ne!(a, digest(other));
        assert_ne!(a, digest(axes(&["session.timeout.ms=6000,10001"]).unwrap()));
    }

    proptest! {
        #[test]
        fn shards_cover_every_run_once(runs in 0u64..10_000, of in 1u64..50) {
            let mut next = 0;
            for number in 1..=of {
                let share = Shard { number, of }.share(runs);
                prop_assert_eq!(share.start, next);
                prop_assert!(share.end - share.start <= runs / of + 1);
                next = share.end;
            }
            prop_assert_eq!(next, runs);
        }
    }
}
