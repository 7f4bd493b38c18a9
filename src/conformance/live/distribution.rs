//! The second judgement: over many seeds, without the recording's inputs, the recorded values must be at home.

use indexmap::IndexMap;

use super::build::BuildError;
use super::compare::Tolerance;
use super::measures::{Measures, Slack};
use super::noise::NoiseFloor;
use super::recording::Recording;
use super::schedule::free_run;
use super::timeline::Timeline;
use crate::engine::RandomStream;

/// The least number of seeds.
pub const SEEDS_MIN: u64 = 200;

/// How far beyond what was simulated a recorded figure of records may lie, as a share of that.
const TRAFFIC_WIDENED: f64 = 0.25;

/// Medians of equally many simulated draws that are looked at.
const MEDIANS: usize = 4_000;

/// The central share of those medians in which the recorded one must lie.
const CENTRAL: f64 = 0.99;

/// How recorded values lie among simulated ones.
#[derive(Clone, Debug, Default)]
pub struct Distributed {
    /// Simulated runs.
    pub runs: usize,
    /// Every figure that was recorded.
    pub figures: Vec<Figure>,
    /// What lies outside.
    pub outside: Vec<Stray>,
}

/// A figure, recorded and simulated. Times in ms.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// For example `settled`.
    pub name: String,
    /// Of each repetition that has it.
    pub recorded: Vec<f64>,
    /// Smallest and largest of the simulated values, not widened; `None` if no run has it.
    pub range: Option<(f64, f64)>,
    /// Where the central share of the medians of equally many simulated values lies, not widened.
    pub medians: Option<(f64, f64)>,
}

/// A recorded value outside of what was simulated.
#[derive(Clone, Debug, PartialEq)]
pub struct Stray {
    /// Which figure, and which repetition or `median`.
    pub name: String,
    /// As recorded.
    pub recorded: f64,
    /// The range it should lie in, widened already; `None` if no simulated run has the figure.
    pub range: Option<(f64, f64)>,
}

impl std::fmt::Display for Stray {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.range {
            Some((from, to)) => {
                write!(f, "{}: recorded {}, simulated {from:.0} to {to:.0}", self.name, self.recorded)
            }
            None => write!(f, "{}: recorded {}, in no simulated run", self.name, self.recorded),
        }
    }
}

/// The figures of a recording.
pub fn recorded_measures(recording: &Recording) -> Measures {
    let reference = recording.reference();
    let timeline = recording.comparable(Timeline::of_recording(recording));
    let story = recording.comparable_story(&timeline, reference);
    Measures::of(&story, recording.partitions).with_traffic(recording.traffic.as_ref(), reference)
}

/// The figures of one run under a seed, with everything drawn. Of several repetitions, each seed takes one in turn
/// for what was done (they differ in who was hit).
///
/// # Errors
/// If no scenario can be built from the recording.
///
/// # Panics
/// If there are no repetitions.
pub fn draw(repetitions: &[Recording], seed: u64) -> Result<Measures, BuildError> {
    let recording = &repetitions[(seed % repetitions.len() as u64) as usize];
    let run = free_run(recording, &NoiseFloor::measured(), seed)?;
    let end = run.reference + (recording.end() - recording.reference());
    let recorded = recording.comparable(Timeline::of_recording(recording));
    let timeline = recording.comparable(run.timeline).seen_until(end, &recorded);
    let story = recording.comparable_story(&timeline, run.reference);
    Ok(Measures::of(&story, recording.partitions).with_traffic(run.traffic.as_ref(), run.reference))
}

/// Judges the repetitions of a scenario against simulated runs of it.
pub fn judge(repetitions: &[Recording], runs: &[Measures]) -> Distributed {
    let mut recorded: IndexMap<String, Vec<(u32, f64)>> = IndexMap::new();
    for recording in repetitions {
        for (name, value) in recorded_measures(recording).values {
            recorded.entry(name).or_default().push((recording.rep, value));
        }
    }
    let tolerance = match repetitions.iter().any(Recording::is_thinned) {
        true => Tolerance::AT_SCALE,
        false => Tolerance::QUIET,
    };
    let mut judged = Distributed { runs: runs.len(), ..Distributed::default() };
    for (name, values) in &recorded {
        let mut simulated: Vec<f64> = runs.iter().filter_map(|run| run.values.get(name).copied()).collect();
        simulated.sort_by(f64::total_cmp);
        judged.take(name, values, &simulated, tolerance);
    }
    judged
}

impl Distributed {
    fn take(&mut self, name: &str, recorded: &[(u32, f64)], simulated: &[f64], tolerance: Tolerance) {
        let slack = |value: f64| match Measures::slack(name) {
            Slack::Time => tolerance.of_ms(value as i64) as f64,
            Slack::Count => 0.0,
            Slack::Traffic => value.abs() * TRAFFIC_WIDENED,
        };
        let widened = |range: Option<(f64, f64)>| range.map(|(from, to)| (from - slack(from), to + slack(to)));
        let mut values: Vec<f64> = recorded.iter().map(|(_, value)| *value).collect();
        let range = simulated.first().copied().zip(simulated.last().copied());
        let medians = (!simulated.is_empty()).then(|| central_medians(name, simulated, values.len()));
        for (rep, value) in recorded {
            self.expect(|| format!("{name}, repetition {rep}"), *value, widened(range));
        }
        self.figures.push(Figure { name: name.to_owned(), recorded: values.clone(), range, medians });
        values.sort_by(f64::total_cmp);
        self.expect(|| format!("{name}, median"), median(&values), widened(medians));
    }

    fn expect(&mut self, name: impl Fn() -> String, recorded: f64, range: Option<(f64, f64)>) {
        if !range.is_some_and(|(from, to)| (from..=to).contains(&recorded)) {
            self.outside.push(Stray { name: name(), recorded, range });
        }
    }
}

/// The middle of sorted values; between the two middle ones of an even number.
fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { (sorted[middle - 1] + sorted[middle]) / 2.0 }
}

/// The range of the central medians of `count` draws from the simulated values.
fn central_medians(name: &str, simulated: &[f64], count: usize) -> (f64, f64) {
    let mut random = RandomStream::new(0, name, "medians");
    let mut medians: Vec<f64> = (0..MEDIANS)
        .map(|_| {
            let mut draw = |_: usize| simulated[(random.next_f64() * simulated.len() as f64) as usize];
            let mut drawn: Vec<f64> = (0..count).map(&mut draw).collect();
            drawn.sort_by(f64::total_cmp);
            median(&drawn)
        })
        .collect();
    medians.sort_by(f64::total_cmp);
    let cut = ((1.0 - CENTRAL) / 2.0 * MEDIANS as f64) as usize;
    (medians[cut], medians[MEDIANS - 1 - cut])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(value: f64) -> Measures {
        Measures { values: IndexMap::from([("settled".to_owned(), value)]) }
    }

    fn judged(recorded: &[(u32, f64)], simulated: impl IntoIterator<Item = f64>) -> Distributed {
        let runs: Vec<Measures> = simulated.into_iter().map(run).collect();
        let mut simulated: Vec<f64> = runs.iter().map(|run| run.values["settled"]).collect();
        simulated.sort_by(f64::total_cmp);
        let mut judged = Distributed::default();
        judged.take("settled", recorded, &simulated, Tolerance::QUIET);
        judged
    }

    #[test]
    fn a_value_may_lie_150_ms_beyond_the_simulated_range_and_no_more() {
        let simulated = || (0..200).map(|step| 1_000.0 + f64::from(step) * 10.0);
        assert!(judged(&[(0, 3_139.0), (1, 2_000.0), (2, 2_000.0)], simulated()).outside.is_empty());
        let beyond = judged(&[(0, 3_141.0), (1, 2_000.0), (2, 2_000.0)], simulated());
        assert_eq!(beyond.outside.len(), 1);
        assert_eq!(beyond.outside[0].range, Some((850.0, 3_140.0)));
    }

    #[test]
    fn values_inside_the_range_can_still_have_a_median_that_is_too_far_out() {
        let simulated = || (0..200).map(|step| 1_000.0 + f64::from(step) * 10.0);
        let late: Vec<(u32, f64)> = (0..9).map(|rep| (rep, 2_950.0)).collect();
        let outside = judged(&late, simulated()).outside;
        assert_eq!(outside.len(), 1);
        assert!(outside[0].name.ends_with("median"), "{}", outside[0]);
    }

    #[test]
    fn what_no_run_has_is_outside() {
        let outside = judged(&[(0, 5.0)], []).outside;
        assert_eq!(outside.len(), 2);
        assert!(outside[0].to_string().contains("in no simulated run"));
    }

    #[test]
    fn counts_are_not_widened() {
        let mut judged = Distributed::default();
        judged.take("rebalances", &[(0, 3.0)], &[2.0; 200], Tolerance::QUIET);
        assert_eq!(judged.outside.len(), 2);
    }
}
