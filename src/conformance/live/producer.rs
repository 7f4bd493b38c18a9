//! When a recording's producer began: its bursts come at even times of its own clock, and how long those lie after the
//! recording's is not told but shows in what the members do. Who is idle commits right after each burst, so the last commits
//! before the reference, which recordings at scale tell, fix it for a replay as the first JoinGroups fix start-up times.

use super::build::{nap, set_traffic_late};
use super::recording::{BURST_EVERY_MS, Happened, Recording};
use crate::cluster::{Inputs, run_with};
use crate::engine::{Millis, SimDuration, SimTime};
use crate::scenario::Scenario;
use crate::trace::{Directory, Event, Observer, TraceEvent};

/// What is assumed where no commits tell it, and where the search begins: the median of the recordings that do.
const USUAL_LATE_MS: i64 = 14;

/// Each run shifts the bursts by what the last one showed.
const FITTING_RUNS: usize = 3;

/// Members are idle together if their commits are equally far off, this exactly, ms. The others were busy.
const TOGETHER_MS: i64 = 6;

/// Batches of more records may have begun later than with a burst.
const SMALL_BATCH: u64 = 4;

/// The beginnings of most small batches lie so close to each other, ms.
const EXACTLY_MS: i64 = 3;

/// Fewer tell nothing.
const FAILED_COMMITS_MIN: usize = 20;

/// Fewer tell nothing.
const IDLE_MEMBERS_MIN: usize = 3;

/// How late the bursts of the recording's producer come; the scenario's are set so.
pub(super) fn traffic_late(recording: &Recording, scenario: &mut Scenario, inputs: &Inputs) -> SimDuration {
    let told = after_failed_commits(recording);
    let mut late_ms = told.unwrap_or(USUAL_LATE_MS);
    for _ in 0..if told.is_some() { 0 } else { FITTING_RUNS } {
        set_traffic_late(scenario, SimDuration::from_millis(late_ms as u64));
        let Some(shift) = shift(recording, scenario, inputs) else { break };
        late_ms = (late_ms + shift).rem_euclid(BURST_EVERY_MS);
    }
    let late = SimDuration::from_millis(late_ms as u64);
    set_traffic_late(scenario, late);
    late
}

/// The same from commits that failed at once, within a rebalance: they tell the size of the batch that had just ended, and
/// small ones began with a burst.
fn after_failed_commits(recording: &Recording) -> Option<i64> {
    let began = recording.events.iter().filter_map(|event| match &event.what {
        Happened::Exception { class, records: Some(records), .. }
            if *records <= SMALL_BATCH && class.ends_with("RebalanceInProgressException") =>
        {
            let nap = nap(recording, recording.members.get(&event.who)?.app.process_ms);
            Some((event.at.0 - (nap * *records).as_millis() as i64).rem_euclid(BURST_EVERY_MS))
        }
        _ => None,
    });
    let began: Vec<i64> = began.collect();
    let with = |first: i64| {
        began.iter().filter(move |at| (0..=EXACTLY_MS).contains(&(**at - first).rem_euclid(BURST_EVERY_MS)))
    };
    let first = (0..BURST_EVERY_MS).max_by_key(|first| (with(*first).count(), -first))?;
    (with(first).count() >= FAILED_COMMITS_MIN).then_some(first)
}

/// How much later the recording's members committed than those of a run, within one burst and the next.
fn shift(recording: &Recording, scenario: &Scenario, inputs: &Inputs) -> Option<i64> {
    let reference = recording.reference();
    let mut until_then = scenario.clone();
    until_then.duration = reference.sim_time().since(SimTime::ZERO);
    let mut batches = LastBatches(vec![None; recording.members.len()]);
    run_with(&until_then, 0, inputs.clone(), &mut [&mut batches]);
    let commits = recording.members.iter().zip(&batches.0).filter_map(|((name, member), simulated)| {
        let recorded = recording.last_commits.get(name).filter(|_| member.app.commit_sync)?;
        let half = BURST_EVERY_MS / 2;
        Some((*recorded - (*simulated)? + half).rem_euclid(BURST_EVERY_MS) - half)
    });
    let shifts: Vec<i64> = commits.collect();
    let together = |centre: i64| shifts.iter().copied().filter(move |shift| (shift - centre).abs() <= TOGETHER_MS);
    let centre = shifts.iter().copied().max_by_key(|centre| together(*centre).count())?;
    let mut idle: Vec<i64> = together(centre).collect();
    idle.sort_unstable();
    (idle.len() >= IDLE_MEMBERS_MIN).then(|| idle[idle.len() / 2])
}

/// When each consumer was last done with a batch, which it commits at once.
struct LastBatches(Vec<Option<Millis>>);

impl Observer for LastBatches {
    fn event(&mut self, _directory: &Directory, event: &TraceEvent) {
        if let Event::ProcessingEnded { consumer, .. } = &event.event {
            self.0[consumer.0 as usize] = Some(event.at.millis());
        }
    }
}
