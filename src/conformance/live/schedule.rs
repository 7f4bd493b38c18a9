//! When things are done in a run of its own: what a recorder decides by looking at the group, not at the clock.
//!
//! A recorder starts processes at fixed offsets; waits for the group to settle and then for a random part of a
//! heartbeat interval before it does what it is about (the reference); follows up at fixed offsets; and waits for the
//! group to settle again between two restarts. So in a run with other start-up times the same actions come at other
//! times. The run is made in steps: what is known so far is simulated to see when the next action is due, and since a
//! run under one seed begins in the same way however it goes on, the last step is the whole run.

use super::build::BuildError;
use super::noise::NoiseFloor;
use super::recording::{Act, Action, Name, Recording, Traffic};
use super::timeline::{Deed, Timeline, TimelineRecorder};
use super::traffic::TrafficMeter;
use crate::cluster::run_with;
use crate::engine::{Millis, RandomStream, SimDuration};

/// The least time between the end of the group's formation and the reference, ms: the recorder waited until no callback
/// had come for a second (1.19 to 4.11 s in 128 recordings of `live`, at an even phase of H = 3 s) …
const REFERENCE_AFTER_FORMATION_MS: i64 = 1_100;

/// … and at scale for two (2.29 to 4.97 s in 15 recordings with H = 3 s, up to 6.19 s in six with H = 5 s), ms.
const REFERENCE_AFTER_FORMATION_AT_SCALE_MS: i64 = 2_100;

/// Two actions so close to a stated interval count as that interval apart, ms.
const SAME_INTERVAL_MS: i64 = 100;

/// How long a step goes on after its last action to see the group settle, ms.
const SETTLE_MS_MAX: i64 = 60_000;

/// A group counts as settled when no callback came for so long, ms: longer than any step of forming a group takes.
const QUIET_MS: i64 = 12_000;

/// When an action is due.
#[derive(Clone, Debug, PartialEq)]
enum DueAfter {
    /// So long after the action before it, ms.
    Previous(i64),
    /// So long after the last callback, at an even phase within so much more, ms.
    Settling { ms: i64, phase_ms: i64 },
    /// So long after that consumer's next JoinGroup, ms.
    Join { who: Name, ms: i64 },
}

/// A run of the recording's scenario with costs and phases drawn under `seed`.
///
/// # Errors
/// If no scenario can be built from the recording.
pub fn free_run(recording: &Recording, noise: &NoiseFloor, seed: u64) -> Result<FreeRun, BuildError> {
    let mut phases = RandomStream::new(seed, "recorder", "phase of the reference");
    let mut actions: Vec<Action> = Vec::new();
    let mut names = Renaming(None);
    let mut reference = Millis(0);
    for (place, due) in dues(recording).into_iter().enumerate() {
        let previous = actions.last().map_or(Millis(0), |action| action.at);
        let mut action = recording.actions[place].clone();
        action.at = match &due {
            DueAfter::Previous(ms) => previous + *ms,
            DueAfter::Settling { ms, phase_ms } => {
                let timeline = simulate(recording, &actions, noise, seed)?;
                if *phase_ms > 0 {
                    names = Renaming::by_leader(recording, recording.actions[place].at, &timeline);
                }
                let phase = (phases.next_f64() * *phase_ms as f64) as i64;
                settled(&timeline, previous) + *ms + phase
            }
            DueAfter::Join { who, ms } => {
                let timeline = simulate(recording, &actions, noise, seed)?;
                let who = names.of(who);
                let joined = joins(&timeline, &who).find(|at| *at > previous);
                joined.unwrap_or(previous) + *ms
            }
        };
        if action.mark {
            reference = action.at;
        }
        names.apply(&mut action.what);
        actions.push(action);
    }
    let scenario = noise.drawn_scenario(recording, &actions, seed)?;
    let mut recorder = TimelineRecorder::default();
    let mut meter = TrafficMeter::new(recording, reference);
    run_with(&scenario, seed, noise.drawn_inputs(recording, seed), &mut [&mut recorder, &mut meter]);
    let end = actions.last().map_or(Millis(0), |action| action.at);
    let traffic = recording.is_thinned().then(|| meter.finish(end));
    Ok(FreeRun { actions, reference, timeline: recorder.finish(), traffic })
}

/// A run without a recording's inputs.
#[derive(Clone, Debug)]
pub struct FreeRun {
    /// What was done, when.
    pub actions: Vec<Action>,
    /// Measured values count from here.
    pub reference: Millis,
    /// What happened.
    pub timeline: Timeline,
    /// What became of the records, if the recording tells that too.
    pub traffic: Option<Traffic>,
}

/// A step: what is known so far, and some time more to see the group settle.
fn simulate(recording: &Recording, actions: &[Action], noise: &NoiseFloor, seed: u64) -> Result<Timeline, BuildError> {
    let mut actions = actions.to_vec();
    let last = actions.last().map_or(Millis(0), |action| action.at);
    actions.push(Action { at: last + SETTLE_MS_MAX, what: Act::End, mark: false });
    let mut scenario = noise.drawn_scenario(recording, &actions, seed)?;
    scenario.duration = SimDuration::from_millis((last.0 + SETTLE_MS_MAX).max(0) as u64);
    let mut recorder = TimelineRecorder::default();
    run_with(&scenario, seed, noise.drawn_inputs(recording, seed), &mut [&mut recorder]);
    Ok(recorder.finish())
}

/// The last callback before the group was quiet for a while, if there was one since the last action.
fn settled(timeline: &Timeline, previous: Millis) -> Millis {
    let mut last = previous;
    for (at, _, deed) in timeline.deeds() {
        if matches!(deed, Deed::Callback(..)) && at > last {
            if at - last > QUIET_MS && last > previous {
                break;
            }
            last = at;
        }
    }
    last
}

/// The rule behind each recorded action's time.
fn dues(recording: &Recording) -> Vec<DueAfter> {
    let timeline = Timeline::of_recording(recording);
    let heartbeat = |member: &super::recording::Member| member.client.get("heartbeat.interval.ms")?.parse().ok();
    let heartbeat_ms: i64 = recording.members.values().find_map(heartbeat).unwrap_or(3_000);
    let after_formation_ms = match recording.is_thinned() {
        true => REFERENCE_AFTER_FORMATION_AT_SCALE_MS,
        false => REFERENCE_AFTER_FORMATION_MS,
    };
    let mut previous = Millis(0);
    let mut busy: Option<Name> = None;
    let mut dues = Vec::new();
    for (place, action) in recording.actions.iter().enumerate() {
        let apart = action.at - previous;
        let settled_for = action.at - last_callback(&timeline, action.at);
        let leads = first_of_reference(recording, place);
        let due = match &action.what {
            _ if leads => DueAfter::Settling { ms: after_formation_ms, phase_ms: heartbeat_ms },
            Act::Slow { who, .. } if busy.as_ref() == Some(who) => {
                let joined = joins(&timeline, who).filter(|at| *at <= action.at).last().unwrap_or(previous);
                DueAfter::Join { who: who.clone(), ms: action.at - joined }
            }
            Act::Close(..) => match recording.params.between_ms {
                Some(between_ms)
                    if settled_for < apart && (apart - between_ms).abs() > SAME_INTERVAL_MS && apart > 0 =>
                {
                    DueAfter::Settling { ms: settled_for, phase_ms: 0 }
                }
                _ => DueAfter::Previous(apart),
            },
            _ => DueAfter::Previous(apart),
        };
        if let Act::Mark { busy: Some(name) } = &action.what {
            busy = Some(name.clone());
        }
        dues.push(due);
        previous = action.at;
    }
    dues
}

/// The action that follows the formation: the reference itself, or what prepares it without the group's noticing.
fn first_of_reference(recording: &Recording, place: usize) -> bool {
    let Some(mark) = recording.actions.iter().position(|action| action.mark) else { return false };
    let prepares = |action: &Action| matches!(action.what, Act::Slow { .. } | Act::Freeze(_));
    let first = recording.actions[..=mark].iter().position(|action| action.mark || prepares(action));
    first == Some(place)
}

/// The last callback before that instant. Those of the same millisecond may already be what an action led to.
fn last_callback(timeline: &Timeline, before: Millis) -> Millis {
    let callbacks = timeline.deeds().filter(|(at, _, deed)| *at < before && matches!(deed, Deed::Callback(..)));
    callbacks.map(|(at, _, _)| at).last().unwrap_or_default()
}

/// When a consumer sent its JoinGroups.
fn joins(timeline: &Timeline, who: &Name) -> impl Iterator<Item = Millis> {
    timeline.deeds().filter(move |(_, name, deed)| *name == who && **deed == Deed::JoinSent).map(|(at, _, _)| at)
}

/// Which member of a run stands for which of the recording: the recorder chose some of its victims by who led.
struct Renaming(Option<(Name, Name)>);

impl Renaming {
    /// Those who led until then change places, if they are alike otherwise.
    fn by_leader(recording: &Recording, until: Millis, simulated: &Timeline) -> Self {
        let leader = |timeline: &Timeline, until: Millis| {
            let led = timeline
                .deeds()
                .filter(|(at, _, deed)| *at <= until && matches!(deed, Deed::Joined { leads: true, .. }));
            led.last().map(|(_, name, _)| name.clone())
        };
        let recorded = leader(&Timeline::of_recording(recording), until);
        let (Some(recorded), Some(simulated)) = (recorded, leader(simulated, Millis(i64::MAX))) else {
            return Renaming(None);
        };
        let is_static = |name: &Name| recording.members[name].client.contains_key("group.instance.id");
        let alike = !is_static(&recorded) && !is_static(&simulated);
        Renaming((alike && recorded != simulated).then_some((recorded, simulated)))
    }

    fn of(&self, name: &Name) -> Name {
        match &self.0 {
            Some((one, other)) if name == one => other.clone(),
            Some((one, other)) if name == other => one.clone(),
            _ => name.clone(),
        }
    }

    fn apply(&self, what: &mut Act) {
        match what {
            Act::Close(name, _)
            | Act::Kill(name)
            | Act::Freeze(name)
            | Act::Thaw(name)
            | Act::Slow { who: name, .. } => {
                *name = self.of(name);
            }
            Act::Start(_)
            | Act::Mark { .. }
            | Act::Note
            | Act::End
            | Act::BrokerKill
            | Act::BrokerStart
            | Act::BrokerUp => {}
        }
    }
}
