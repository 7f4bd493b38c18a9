//! The first judgement: one simulated run, given what the recording fixes, must tell the same story at the same times.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use indexmap::IndexMap;

use super::build::{BuildError, build, set_traffic_late};
use super::compare::{Quantity, StoryDifference, Tolerance, differences, quantities};
use super::inputs::fit;
use super::noise::NoiseFloor;
use super::parting::{Parting, partings};
use super::producer::traffic_late;
use super::races::{Races, named, with};
use super::recording::{BURST_EVERY_MS, Name, Recording};
use super::story::Story;
use super::timeline::{Timeline, TimelineRecorder};
use crate::cluster::{Inputs, Reseed, run_with};
use crate::engine::{Millis, RandomStream, SimTime};
use crate::scenario::Scenario;
use crate::trace::Observer;

/// At least this share of the quantities of a scenario must lie inside the tolerance, in percent.
pub const INSIDE_PERCENT_MIN: u64 = 95;

/// 99th percentile of the oversleep above which a repetition counts as disturbed, ms.
const NOISY_OVERSLEEP_P99_MS: f64 = 20.0;

/// A decision that falls within the noise floor may fall either way. First comes the run in which everything costs its
/// median; if it tells another story, at most so many runs with drawn costs follow. Nothing else differs between them.
pub const RUNS_MAX: u64 = 800;

/// Long recordings of many members are given fewer runs: they may cover so much time, summed over members, s.
const MEMBER_SECONDS_MAX: u64 = 2_000_000;

/// The races of a recording at scale are searched one by one ([`Races`]), in so many times as many runs.
const RUNS_ONE_BY_ONE: u64 = 3;

/// A batch that ends so much earlier or later has probably taken other records: it is nearer to the next burst, ms.
const BATCH_MS: i64 = BURST_EVERY_MS * 3 / 4;

/// How many of those begin with drawn costs; the others continue the best one so far from a point before it went another way.
pub(super) const RUNS_FROM_THE_START: u64 = 24;

/// The share of runs that continue the best one in which one member's costs are drawn anew, not everybody's.
const ONE_MEMBER: f64 = 0.5;

/// How one repetition was replayed.
#[derive(Clone, Debug)]
pub struct Replayed {
    /// Repetition.
    pub rep: u32,
    /// What the closest run tells differently.
    pub differences: Vec<StoryDifference>,
    /// Times that were compared.
    pub quantities: Vec<Quantity>,
    /// Tolerance of times.
    pub tolerance: Tolerance,
    /// Costs were drawn under these seeds from these instants on; none were in the run with median costs.
    pub costs: Vec<Reseed>,
    /// The run in which everything costs its median told the same story already.
    pub told_at_median: bool,
    /// Runs with drawn costs until this one; none if it is the run with median costs.
    pub runs: u64,
    /// Timelines of the recording and of that run.
    pub timelines: Box<(Timeline, Timeline)>,
}

impl Replayed {
    /// Times outside the tolerance, and those that only one side knows.
    pub fn outside(&self) -> impl Iterator<Item = &Quantity> {
        self.quantities.iter().filter(|quantity| !quantity.is_within(self.tolerance))
    }

    /// The same story, and every time inside.
    pub fn is_whole(&self) -> bool {
        self.differences.is_empty() && self.outside().next().is_none()
    }

    /// The same story, and enough of the times inside: what a judgement asks for.
    pub fn is_told(&self) -> bool {
        let inside = (self.quantities.len() - self.outside().count()) as u64;
        self.differences.is_empty() && inside * 100 >= self.quantities.len() as u64 * INSIDE_PERCENT_MIN
    }

    /// When the run first went another way than the recording.
    fn parted(&self) -> Millis {
        let told = self.differences.iter().map(|difference| difference.at);
        told.chain(self.outside().map(|quantity| quantity.at)).min().unwrap_or(Millis(i64::MAX))
    }

    /// The members that are named where the run first went another way.
    fn named(&self, recording: &Recording) -> BTreeSet<u32> {
        let parted = self.parted();
        let told = self.differences.iter().filter(|told| told.at == parted);
        let told = told.flat_map(|told| [&told.about, &told.recorded, &told.simulated]);
        let outside = self.outside().filter(|quantity| quantity.at == parted).map(|quantity| &quantity.name);
        named(recording, &told.chain(outside).map(String::as_str).collect::<Vec<_>>())
    }

    /// Better is greater: the same story, then long together, then few times outside.
    fn closeness(&self) -> impl Ord {
        (self.differences.is_empty(), self.parted(), Reverse(self.differences.len() + self.outside().count()))
    }

    /// What members do otherwise than in the recording.
    pub(super) fn partings(&self) -> IndexMap<&Name, Vec<Parting>> {
        let (recorded, simulated) = &*self.timelines;
        partings(recorded, simulated, self.tolerance, BATCH_MS)
    }
}

/// The tolerance of times of a repetition.
pub fn tolerance(recording: &Recording) -> Tolerance {
    match recording.noise.oversleep_p99_ms > NOISY_OVERSLEEP_P99_MS {
        _ if recording.is_thinned() => Tolerance::AT_SCALE,
        true => Tolerance::NOISY,
        false => Tolerance::QUIET,
    }
}

/// At most so many of the runs that were asked for.
fn affordable(recording: &Recording, runs_max: u64) -> u64 {
    let seconds = (recording.end().0 / 1_000).max(1) as u64;
    runs_max.min(MEMBER_SECONDS_MAX / (seconds * recording.members.len().max(1) as u64))
}

/// What the runs of a replay have in common.
struct Stage<'a> {
    recording: &'a Recording,
    timeline: Timeline,
    story: Story,
    /// Everything costs its median there, with the start-up times that fit.
    quiet: (Scenario, Inputs),
    /// Costs are drawn there.
    noisy: (Scenario, Inputs),
}

impl<'a> Stage<'a> {
    fn of(recording: &'a Recording) -> Result<Self, BuildError> {
        let timeline = recording.comparable(Timeline::of_recording(recording));
        let story = recording.comparable_story(&timeline, recording.reference());
        let median = NoiseFloor::median();
        let mut quiet = build(recording, &recording.actions, &median)?;
        let quiet_inputs = fit(recording, &quiet, median.inputs(recording));
        let late = traffic_late(recording, &mut quiet, &quiet_inputs);
        let measured = NoiseFloor::measured();
        let mut noisy = build(recording, &recording.actions, &measured)?;
        set_traffic_late(&mut noisy, late);
        let consumers = quiet_inputs.consumers.clone();
        let noisy_inputs = Inputs { consumers, ..measured.inputs(recording) };
        Ok(Stage { recording, timeline, story, quiet: (quiet, quiet_inputs), noisy: (noisy, noisy_inputs) })
    }

    /// A run with these costs, for an observer.
    fn run(&self, costs: &[Reseed], observer: &mut dyn Observer) {
        let (scenario, inputs) = if costs.is_empty() { &self.quiet } else { &self.noisy };
        let inputs = Inputs { reseeds: costs.to_vec(), ..inputs.clone() };
        run_with(scenario, 0, inputs, &mut [observer]);
    }

    fn attempt(&self, costs: Vec<Reseed>) -> Replayed {
        let mut recorder = TimelineRecorder::default();
        self.run(&costs, &mut recorder);
        let timeline = self.recording.comparable(recorder.finish()).seen_until(self.recording.end(), &self.timeline);
        let simulated = self.recording.comparable_story(&timeline, self.recording.reference());
        judge(self.recording, &self.story, &simulated, costs, (&self.timeline, timeline))
    }
}

/// Shows an observer the run that a replay ended with ([`Replayed::costs`]).
///
/// # Errors
/// If no scenario can be built from the recording.
pub fn run_again(recording: &Recording, costs: &[Reseed], observer: &mut dyn Observer) -> Result<(), BuildError> {
    Stage::of(recording)?.run(costs, observer);
    Ok(())
}

/// Replays a recording with at most so many runs with drawn costs ([`RUNS_MAX`] for a judgement).
///
/// # Errors
/// If no scenario can be built from it.
pub fn replay(recording: &Recording, runs_max: u64) -> Result<Replayed, BuildError> {
    let stage = Stage::of(recording)?;
    let mut best = stage.attempt(Vec::new());
    let told_at_median = best.differences.is_empty();
    if recording.is_thinned() && !best.is_told() && runs_max > 0 {
        best = Races::new(recording).solve(|costs| stage.attempt(costs), runs_max * RUNS_ONE_BY_ONE);
    }
    if best.is_told() || !recording.is_thinned() {
        best = in_one_go(&stage, best, affordable(recording, runs_max));
    }
    best.told_at_median = told_at_median;
    Ok(best)
}

/// The closest of so many runs: some begin with drawn costs, the others continue the best one of them so far, even while the
/// run in which everything costs its median comes closer: a single race that falls another way there is found only from a run
/// in which the other costs can stay as they are.
fn in_one_go(stage: &Stage<'_>, mut best: Replayed, runs: u64) -> Replayed {
    let mut choices = RandomStream::new(0, &stage.recording.scenario, "races");
    let mut drawn: Option<Replayed> = Some(&best).filter(|best| !best.costs.is_empty()).cloned();
    for run in best.runs + 1..=runs {
        if best.is_whole() {
            break;
        }
        let costs = match &drawn {
            Some(drawn) if run > RUNS_FROM_THE_START => continued(drawn, stage.recording, run, &mut choices),
            _ => vec![Reseed { at: SimTime::ZERO, consumer: None, seed: run }],
        };
        let tried = Replayed { runs: run, ..stage.attempt(costs) };
        if drawn.as_ref().is_none_or(|drawn| tried.closeness() > drawn.closeness()) {
            if tried.closeness() > best.closeness() {
                best = tried.clone();
            }
            drawn = Some(tried);
        }
    }
    best
}

/// The best run with drawn costs so far, but with costs drawn anew from some time before it went another way: a little before,
/// or before what led there (heartbeats drift apart from one join on). Everybody's, or one member's where the others go as
/// recorded: mostly one that is named there.
fn continued(best: &Replayed, recording: &Recording, seed: u64, choices: &mut RandomStream) -> Vec<Reseed> {
    let parted = best.parted().0.clamp(0, i64::MAX / 2_000_000);
    let share = choices.next_f64();
    let back = (share * share * share * parted as f64) as i64;
    let at = Millis((parted - 20 - back).max(0)).sim_time();
    let consumer = (choices.next_f64() < ONE_MEMBER).then(|| {
        let named: Vec<u32> = best.named(recording).into_iter().filter(|_| choices.next_f64() < 0.5).collect();
        let any = choices.below(recording.members.len() as u64) as u32;
        if named.is_empty() { any } else { named[choices.below(named.len() as u64) as usize] }
    });
    with(&best.costs, &[Reseed { at, consumer, seed }])
}

fn judge(
    recording: &Recording,
    recorded: &Story,
    simulated: &Story,
    costs: Vec<Reseed>,
    (recorded_timeline, timeline): (&Timeline, Timeline),
) -> Replayed {
    Replayed {
        rep: recording.rep,
        differences: differences(recorded, simulated),
        quantities: quantities(recorded, simulated),
        tolerance: tolerance(recording),
        costs,
        told_at_median: false,
        runs: 0,
        timelines: Box::new((recorded_timeline.clone(), timeline)),
    }
}
