//! What the replay of one case says.

use serde::Serialize;

use super::difference::Difference;

/// The replay of one case.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct CaseReport {
    /// Its name.
    pub case: String,
    /// How many steps (requests, timers, computations) were replayed: all of them, or those up to the first that differs.
    pub steps: usize,
    /// The first step that came out differently; `None` if the case agrees.
    pub divergence: Option<Divergence>,
    /// Every step, if that was asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub transcript: Vec<ShownStep>,
}

/// A step that came out differently.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Divergence {
    /// Which step, from 0; `None` for what is said of the case as a whole.
    pub step: Option<usize>,
    /// What went in.
    pub input: String,
    /// What came out differently, field by field.
    pub differences: Vec<Difference>,
}

/// A step as it is shown to people.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct ShownStep {
    /// Which step, from 0.
    pub step: usize,
    /// What went in.
    pub input: String,
    /// What came out, line by line.
    pub output: Vec<String>,
}

impl CaseReport {
    /// Everything came out as recorded.
    pub fn agrees(&self) -> bool {
        self.divergence.is_none()
    }
}

/// Collects the steps of a case, if they are asked for.
pub(super) struct Transcript {
    wanted: bool,
    steps: Vec<ShownStep>,
}

impl Transcript {
    pub(super) fn new(wanted: bool) -> Self {
        Transcript { wanted, steps: Vec::new() }
    }

    pub(super) fn push(&mut self, step: usize, input: impl FnOnce() -> String, output: impl FnOnce() -> Vec<String>) {
        if self.wanted {
            self.steps.push(ShownStep { step, input: input(), output: output() });
        }
    }

    pub(super) fn into_steps(self) -> Vec<ShownStep> {
        self.steps
    }
}
