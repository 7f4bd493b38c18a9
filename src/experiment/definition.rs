//! What an experiment consists of, whole: from this alone every run of it can be repeated, on any machine.

use std::cell::RefCell;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use xxhash_rust::xxh3::xxh3_64;

use super::seeds::Seeds;
use super::settings::Settings;
use super::space::Sampling;
use crate::analysis::figures::KnownFigures;
use crate::scenario::file::ScenarioFile;
use crate::scenario::text::{de, json};
use crate::scenario::{Figures, Files, Problems, Scenario, load};

/// An experiment. Stands in the first line of every file of runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// What is varied.
    pub varied: Varied,
    /// Seeds that every variant or point is run under.
    pub seeds: Seeds,
    /// Variants only: stop before the last seed when this is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Until>,
    /// The scenario.
    pub scenario: ScenarioText,
}

/// When enough is known of how variants differ.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Until {
    /// In which figure.
    pub figure: String,
    /// Half of the interval of each difference is at most this share of the first variant's value.
    pub share: f64,
}

/// What is varied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Varied {
    /// A few variants by name, seed by seed.
    Variants(Vec<Variant>),
    /// The points of a space, one after the other.
    Axes {
        /// The axes, as typed.
        axes: Vec<String>,
        /// How points are chosen.
        sampling: Sampling,
        /// The figure that the best point is best in.
        aim: String,
        /// Two figures that are traded against each other.
        trade: [String; 2],
    },
}

/// One of several ways to run the scenario.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variant {
    /// Its name.
    pub name: String,
    /// Settings put over those of the scenario.
    pub settings: Settings,
}

/// A scenario as text, with the files that it names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScenarioText {
    /// The scenario file.
    pub file: Value,
    /// Properties files that it names, by the path it names them with.
    pub properties_files: IndexMap<String, String>,
}

impl ScenarioText {
    /// Takes a scenario as it is read, with all files that it names.
    ///
    /// # Errors
    /// What is wrong with the scenario.
    pub fn read(
        name: &str,
        text: &str,
        files: &dyn Files,
        figures: &dyn Figures,
    ) -> Result<(ScenarioText, Scenario), Problems> {
        let kept = Keeping { files, read: RefCell::default() };
        let scenario = load(name, text, &kept, figures)?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let file = serde_json::from_str(text).expect("what is a scenario is JSON");
        Ok((ScenarioText { file, properties_files: kept.read.into_inner() }, scenario))
    }
}

impl ScenarioText {
    /// The scenario, made anew: it shares nothing with another one.
    ///
    /// # Panics
    /// If the file is no scenario.
    pub fn scenario(&self) -> Scenario {
        load("the scenario", &self.file.to_string(), self, &KnownFigures).expect("the scenario was checked")
    }

    /// The variants that the scenario file names.
    ///
    /// # Panics
    /// If the file is no scenario.
    pub fn variants(&self) -> IndexMap<String, Settings> {
        let text = self.file.to_string();
        let node = json::parse(&text).expect("the scenario was checked");
        let file: ScenarioFile = de::from_node(&node).expect("the scenario was checked");
        file.variants.into_iter().map(|(name, settings)| (name, settings.0)).collect()
    }
}

/// Files whose texts are kept as they are read.
struct Keeping<'f> {
    files: &'f dyn Files,
    read: RefCell<IndexMap<String, String>>,
}

impl Files for Keeping<'_> {
    fn read(&self, path: &str) -> Result<String, String> {
        let text = self.files.read(path)?;
        self.read.borrow_mut().insert(path.to_string(), text.clone());
        Ok(text)
    }
}

impl Files for ScenarioText {
    fn read(&self, path: &str) -> Result<String, String> {
        let known = self.properties_files.get(path).cloned();
        known.ok_or_else(|| "it was not there when the experiment began".to_string())
    }
}

impl Definition {
    /// The scenario's short name.
    pub fn scenario_name(&self) -> &str {
        self.scenario.file["name"].as_str().unwrap_or_default()
    }

    /// What tells experiments apart: xxh3 of all that stands here, hexadecimal.
    pub fn digest(&self) -> String {
        let text = serde_json::to_vec(self).expect("a definition is plain data");
        format!("{:016x}", xxh3_64(&text))
    }
}
