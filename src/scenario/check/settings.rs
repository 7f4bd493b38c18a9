//! Kafka settings from files and from the scenario itself, layer upon layer, each with the place where it was given.

use std::ops::Range;

use super::Checker;
use crate::protocol::config::{Culprit, Refusal, Taken};
use crate::scenario::file::Settings;
use crate::scenario::text::{Place, Problem, Text, properties};

/// One setting and where it was given.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    pub name: String,
    pub value: String,
    /// Which text.
    pub text: usize,
    /// Bytes of the value.
    pub span: Range<usize>,
    /// Bytes of the name.
    pub name_span: Range<usize>,
    /// For notes.
    pub place: String,
}

/// Settings in the order in which they apply: a later one wins.
#[derive(Clone, Debug, Default)]
pub(super) struct Layers(Vec<Setting>);

impl Layers {
    pub fn extend(&mut self, above: Layers) {
        self.0.extend(above.0);
    }

    /// One more on top.
    pub fn push(&mut self, setting: Setting) {
        self.0.push(setting);
    }

    /// All of them, those that a later one overrides included.
    pub fn into_settings(self) -> impl Iterator<Item = Setting> {
        self.0.into_iter()
    }

    /// What applies: of each name the last.
    pub fn settings(&self) -> impl Iterator<Item = &Setting> {
        self.0
            .iter()
            .enumerate()
            .filter(|(index, setting)| !self.0[index + 1..].iter().any(|later| later.name == setting.name))
            .map(|(_, setting)| setting)
    }

    /// The setting of that name that applies.
    pub fn given(&self, name: &str) -> Option<&Setting> {
        self.0.iter().rev().find(|setting| setting.name == name)
    }
}

impl Checker<'_> {
    /// The settings of a properties file, if one is named.
    pub(super) fn file_layer(&mut self, place: &Place<'_>, path: Option<&str>) -> Layers {
        let Some(path) = path else { return Layers::default() };
        let text = match self.files.read(path) {
            Ok(text) => text,
            Err(why) => {
                self.problem(
                    place,
                    format!("failed to read `{path}`: {why}"),
                    "paths are relative to the scenario file",
                );
                return Layers::default();
            }
        };
        let number = self.texts.len();
        let read = properties::parse(&text);
        self.texts.push(Text { name: path.to_string(), text });
        match read {
            Ok(entries) => Layers(
                entries
                    .into_iter()
                    .map(|entry| Setting {
                        place: format!("{path}: {}", entry.key),
                        name: entry.key,
                        value: entry.value,
                        text: number,
                        span: entry.span.clone(),
                        name_span: entry.span,
                    })
                    .collect(),
            ),
            Err((span, message)) => {
                self.problems.push(Problem { text: number, span: Some(span), message, help: None });
                Layers::default()
            }
        }
    }

    /// The settings written in the scenario itself.
    pub(super) fn inline_layer(&mut self, place: &Place<'_>, settings: &Settings) -> Layers {
        let setting = |(name, value): (&String, &String)| {
            let place = place.key(name);
            Setting {
                name: name.clone(),
                value: value.clone(),
                text: 0,
                span: self.root.at(&place).caret(),
                name_span: self.root.key_span(&place),
                place: place.to_string(),
            }
        };
        Layers(settings.0.iter().map(setting).collect())
    }

    /// Remembers what came of a setting.
    pub(super) fn take(&mut self, setting: &Setting, taken: Result<Taken, Refusal>) {
        match taken {
            Ok(Taken::Applied) => {}
            Ok(Taken::Unmodelled(what)) => {
                let told = format!("`{}` is {}. {what}", setting.name, setting.value);
                self.not_modelled(&setting.place, told);
            }
            Ok(Taken::Ignored(why)) => self.note(&setting.place, format!("no effect here: {why}")),
            Err(refusal) => {
                let span = match refusal.culprit {
                    Culprit::Name => &setting.name_span,
                    Culprit::Value => &setting.span,
                };
                self.refuse(setting.text, span.clone(), refusal);
            }
        }
    }
}
