//! What a claim file says. It states the experiment, the rule that decides, and what to say for each verdict; never the
//! verdict.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::judge::Verdict;
use crate::analysis::figures::KnownFigures;
use crate::experiment::definition::{Definition, ScenarioText, Variant, Varied};
use crate::experiment::figures::Figure;
use crate::experiment::plan::Plan;
use crate::experiment::seeds::Seeds;
use crate::experiment::settings::Settings;
use crate::scenario::NoFiles;

/// Version of [`ClaimFile`].
pub const FORMAT_VERSION: u32 = 1;

/// A claim and the experiment that tests it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimFile {
    /// [`FORMAT_VERSION`].
    pub format_version: u32,
    /// Short name, that of the file.
    pub name: String,
    /// What is claimed, in a sentence.
    pub claim: String,
    /// Who says so.
    pub sources: Vec<String>,
    /// Who says otherwise.
    #[serde(default)]
    pub against: Vec<String>,
    /// What is done to test it, in prose.
    pub experiment: String,
    /// Number of seeds of each variant under each condition.
    pub seeds: u64,
    /// What conditions differ in; they stand in its order.
    pub along: String,
    /// Circumstances under which the claim is tested.
    pub conditions: Vec<Condition>,
    /// The rule that decides.
    pub test: Test,
    /// Figures told beside the one that decides.
    #[serde(default)]
    pub also: Vec<String>,
    /// What a verdict means here, for verdicts that need words of their own.
    #[serde(default)]
    pub words: IndexMap<Verdict, String>,
    /// The scenario.
    pub scenario: Value,
}

/// A circumstance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// Its name.
    pub name: String,
    /// Settings put over the scenario.
    #[serde(default)]
    pub settings: IndexMap<String, Value>,
    /// What it shares with others that differ from it in their place alone: `50 members`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series: Option<String>,
    /// Its place among them, as a number: what [`ClaimFile::along`] names. Where a finding turns is told for conditions
    /// with a place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<f64>,
    /// For a claimed value: its least and its largest here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed: Option<[f64; 2]>,
}

impl Condition {
    /// Its name with that of its series.
    pub fn full_name(&self) -> String {
        match &self.series {
            Some(series) => format!("{series}, {}", self.name),
            None => self.name.clone(),
        }
    }
}

/// Settings under a name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Named {
    /// The name.
    pub name: String,
    /// The settings.
    pub settings: IndexMap<String, Value>,
}

/// The rule that decides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Test {
    /// The advice makes a figure better, by at least a margin.
    Better {
        /// What is done otherwise.
        without: Named,
        /// What the advice says.
        with: Named,
        /// The figure that the advice is to improve.
        figure: String,
        /// Differences below this share of the figure count as none.
        margin: f64,
    },
    /// Of several settings in circulation, one is the best.
    Best {
        /// Name of the one that is claimed to be.
        claimed: String,
        /// All of them.
        among: Vec<Named>,
        /// The figure that decides.
        figure: String,
        /// Differences below this share of the figure count as none.
        margin: f64,
    },
    /// A figure has the claimed value.
    Value {
        /// The variant.
        of: Named,
        /// The figure.
        figure: String,
    },
}

impl Test {
    /// The figure that decides.
    pub fn figure(&self) -> &str {
        match self {
            Test::Better { figure, .. } | Test::Best { figure, .. } | Test::Value { figure, .. } => figure,
        }
    }

    /// The variants that are run under each condition.
    pub fn variants(&self) -> Vec<&Named> {
        match self {
            Test::Better { without, with, .. } => vec![without, with],
            Test::Best { among, .. } => among.iter().collect(),
            Test::Value { of, .. } => vec![of],
        }
    }

    /// Which of the variants is judged; the others are its rivals.
    pub fn judged(&self) -> usize {
        match self {
            Test::Better { .. } => 1,
            Test::Best { claimed, among, .. } => among.iter().position(|named| named.name == *claimed).unwrap_or(0),
            Test::Value { .. } => 0,
        }
    }
}

/// Why a claim can't be tested.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// It is no claim file.
    #[error("failed to read the claim: {0}")]
    Format(#[from] serde_json::Error),
    /// Something in it does not fit.
    #[error("{0}")]
    Content(String),
}

impl ClaimFile {
    /// Reads a claim.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(text: &str) -> Result<ClaimFile, ClaimError> {
        let claim: ClaimFile = serde_json::from_str(text)?;
        claim.check().map_err(ClaimError::Content)?;
        Ok(claim)
    }

    fn check(&self) -> Result<(), String> {
        if self.format_version != FORMAT_VERSION {
            return Err(format!(
                "format_version {} is not known (this program reads {FORMAT_VERSION})",
                self.format_version
            ));
        }
        if self.sources.is_empty() || self.conditions.is_empty() {
            return Err("a claim needs a source and a condition to be tested under".to_string());
        }
        if self.seeds == 0 {
            return Err("a claim needs at least one seed".to_string());
        }
        for figure in self.also.iter().map(String::as_str).chain([self.test.figure()]) {
            Figure::named(figure).ok_or_else(|| format!("there is no figure `{figure}`"))?;
        }
        if let Test::Best { claimed, among, .. } = &self.test
            && (among.len() < 2 || among.iter().filter(|named| named.name == *claimed).count() != 1)
        {
            return Err(format!("`{claimed}` must be exactly one of two or more settings to be the best among them"));
        }
        for series in self.conditions.chunk_by(|a, b| a.series == b.series) {
            let places: Vec<f64> = series.iter().filter_map(|condition| condition.at).collect();
            if !places.is_sorted_by(|a, b| a < b) {
                return Err("conditions of a series stand in the order of their places (`at`)".to_string());
            }
        }
        let is_value = matches!(self.test, Test::Value { .. });
        match self.conditions.iter().find(|condition| condition.claimed.is_some() != is_value) {
            Some(condition) if is_value => Err(format!("condition `{}` does not say what is claimed", condition.name)),
            Some(condition) => Err(format!("condition `{}` claims a value, but the test compares", condition.name)),
            None => Ok(()),
        }
    }

    /// The runs that test it: every variant under every condition, under the same seeds.
    ///
    /// # Errors
    /// What is wrong with the scenario or a setting.
    pub fn plan(&self) -> Result<Plan, ClaimError> {
        let content = |error: String| ClaimError::Content(error);
        let text = serde_json::to_string_pretty(&self.scenario)?;
        let read = ScenarioText::read(&format!("the scenario of {}", self.name), &text, &NoFiles, &KnownFigures);
        let (scenario, _) = read.map_err(|problems| content(problems.to_string()))?;
        let variants = self.conditions.iter().flat_map(|condition| {
            self.test.variants().into_iter().map(|named| Variant {
                name: format!("{}: {}", condition.full_name(), named.name),
                settings: as_typed(&condition.settings).chain(as_typed(&named.settings)).collect(),
            })
        });
        let varied = Varied::Variants(variants.collect());
        let definition = Definition { varied, seeds: Seeds::first(self.seeds), until: None, scenario };
        Plan::new(definition, true).map_err(|error| content(error.to_string()))
    }
}

/// Settings as if they were typed.
fn as_typed(settings: &IndexMap<String, Value>) -> impl Iterator<Item = (String, String)> {
    let typed = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_string);
    settings.iter().map(move |(name, value)| (name.clone(), typed(value)))
}

/// Settings in one line.
pub fn in_short(settings: &IndexMap<String, Value>) -> String {
    let settings: Settings = as_typed(settings).collect();
    crate::experiment::plan::in_short(&settings)
}
