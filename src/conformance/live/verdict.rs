//! What the two judgements say of a scenario, in lines for people.

use std::fmt;

use super::compare::Quantity;
use super::distribution::Distributed;
use super::replay::{INSIDE_PERCENT_MIN, Replayed};

/// A scenario with all its repetitions, judged.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// Profile of the clients.
    pub client: String,
    /// For example `b-join/coop`.
    pub scenario: String,
    /// The repetitions, replayed.
    pub replay: Vec<Replayed>,
    /// Their values among those of runs without the recording's inputs.
    pub distribution: Distributed,
}

impl Verdict {
    /// Both judgements hold.
    pub fn passes(&self) -> bool {
        self.replay_passes() && self.distribution_passes()
    }

    /// Every repetition's story is the same, and enough of the times lie inside.
    pub fn replay_passes(&self) -> bool {
        let (inside, quantities) = (self.inside() as u64, self.quantities() as u64);
        self.same_stories() == self.replay.len() && inside * 100 >= quantities * INSIDE_PERCENT_MIN
    }

    /// Every recorded value and median lies where simulated ones do.
    pub fn distribution_passes(&self) -> bool {
        self.distribution.outside.is_empty()
    }

    /// Repetitions whose story was told in the same way.
    pub fn same_stories(&self) -> usize {
        self.replay.iter().filter(|replayed| replayed.differences.is_empty()).count()
    }

    /// Repetitions whose story the run with median costs told, without a search among races.
    pub fn told_at_median(&self) -> usize {
        self.replay.iter().filter(|replayed| replayed.told_at_median).count()
    }

    /// In words: how many of the stories hang on a race, so that a run had to be searched for in which it goes that way.
    fn searched(&self) -> String {
        match self.same_stories() - self.told_at_median().min(self.same_stories()) {
            0 => String::new(),
            races => format!(" ({} at median costs, {races} by a race)", self.told_at_median()),
        }
    }

    /// Times that were compared.
    pub fn quantities(&self) -> usize {
        self.replay.iter().map(|replayed| replayed.quantities.len()).sum()
    }

    /// Times inside the tolerance.
    pub fn inside(&self) -> usize {
        self.quantities() - self.outside().count()
    }

    /// Times outside of it, with their repetition.
    pub fn outside(&self) -> impl Iterator<Item = (u32, &Quantity)> {
        self.replay.iter().flat_map(|replayed| replayed.outside().map(|quantity| (replayed.rep, quantity)))
    }
}

/// One line per judgement, then what lies outside.
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = |passes: bool| if passes { "pass" } else { "FAIL" };
        let scenario = &self.scenario;
        let share = 100.0 * self.inside() as f64 / self.quantities().max(1) as f64;
        writeln!(
            f,
            "{scenario:30}  replay        {}  {} of {} stories{}, {} of {} times inside ({share:.1} %)",
            word(self.replay_passes()),
            self.same_stories(),
            self.replay.len(),
            self.searched(),
            self.inside(),
            self.quantities(),
        )?;
        for replayed in &self.replay {
            for difference in &replayed.differences {
                writeln!(f, "    repetition {}: {difference}", replayed.rep)?;
            }
        }
        for (rep, quantity) in self.outside() {
            writeln!(f, "    repetition {rep}: {quantity}")?;
        }
        let Distributed { runs, figures, outside } = &self.distribution;
        let looked_at: usize = figures.iter().map(|figure| figure.recorded.len() + 1).sum();
        writeln!(
            f,
            "{scenario:30}  distribution  {}  {} of {} values and medians inside those of {runs} runs",
            word(self.distribution_passes()),
            looked_at - outside.len(),
            looked_at,
        )?;
        outside.iter().try_for_each(|stray| writeln!(f, "    {stray}"))
    }
}
