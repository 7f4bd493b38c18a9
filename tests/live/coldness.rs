//! What a run without a recording's inputs draws once for all: how cold the machine is, when the producer began.

use std::collections::BTreeMap;

use rebalab::conformance::live::{Act, Name, NoiseFloor, Recording, replay, run_again};
use rebalab::trace::{Directory, Event, Observer, TraceEvent};

use super::vectors;

const SEEDS: u64 = 400;

fn recording(folder: &str, name: &str) -> Recording {
    let files = vectors::files(folder);
    let file = files.iter().find(|file| file.ends_with(format!("{name}.jsonl.gz"))).expect("the recording is there");
    vectors::recordings(file).swap_remove(0)
}

/// From the recording's beginning to when each member is ready to join, ms.
fn ready(recording: &Recording, seed: u64) -> Vec<f64> {
    let inputs = NoiseFloor::measured().drawn_inputs(recording, seed);
    let starts = |name: &Name| recording.actions.iter().find(|action| action.what == Act::Start(name.clone()));
    let started = |name| starts(name).expect("it starts").at;
    let startups = inputs.consumers.iter().map(|consumer| consumer.startups[0].0 as f64 / 1e6);
    recording.members.keys().zip(startups).map(|(name, startup)| started(name).0 as f64 + startup).collect()
}

#[test]
fn consumers_of_a_cold_process_are_ready_together_whenever_they_started() {
    let recording = recording("live-scale", "s7-tail-evict-coop");
    let (mut cold, mut alone) = (0, 0);
    for seed in 0..SEEDS {
        let mut processes: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        for (member, ready) in recording.members.values().zip(ready(&recording, seed)) {
            processes.entry(member.process.as_deref().expect("they share processes")).or_default().push(ready);
        }
        assert_eq!(processes.len(), 3);
        // Starts in a process lie 30 ms apart: 214 ms in all. A cold one needs longer for all of them.
        let first = |ready: &[f64]| ready.iter().copied().fold(f64::MAX, f64::min);
        let last = |ready: &[f64]| ready.iter().copied().fold(0.0, f64::max);
        let began = [("j1", 0.0), ("j2", 244.0), ("j3", 488.0)];
        let is_cold = began.map(|(process, start)| first(&processes[process]) - start > 250.0);
        for ((process, _), _) in began.iter().zip(is_cold).filter(|(_, cold)| *cold) {
            let ready = &processes[*process];
            assert!(last(ready) - first(ready) <= 180.0, "seed {seed}: {ready:?}");
        }
        let count = is_cold.iter().filter(|cold| **cold).count();
        cold += count;
        alone += usize::from(count == 1);
    }
    // 9 of 43 processes in the recordings took longer than that, mostly all of a recording together.
    let share = cold as f64 / (3 * SEEDS) as f64;
    assert!((0.12..0.28).contains(&share), "{share}");
    assert!(alone < cold / 3, "{alone} of {cold} were the only ones");
}

#[test]
fn start_up_times_of_processes_with_a_consumer_each_go_together() {
    let recording = recording("live", "b-join-coop");
    let logs = |seed| {
        let inputs = NoiseFloor::measured().drawn_inputs(&recording, seed);
        let log = |consumer: usize| libm::log(inputs.consumers[consumer].startups[0].0 as f64);
        (log(0), log(1))
    };
    let pairs: Vec<(f64, f64)> = (0..SEEDS).map(logs).collect();
    let mean = |of: fn(&(f64, f64)) -> f64| pairs.iter().map(of).sum::<f64>() / pairs.len() as f64;
    let (left, right) = (mean(|pair| pair.0), mean(|pair| pair.1));
    let sum = |of: &dyn Fn(f64, f64) -> f64| pairs.iter().map(|pair| of(pair.0 - left, pair.1 - right)).sum::<f64>();
    let correlation =
        sum(&|one, other| one * other) / (sum(&|one, _| one * one) * sum(&|_, other| other * other)).sqrt();
    assert!((0.3..0.6).contains(&correlation), "{correlation}");
}

/// When each consumer was last done with a batch before an instant.
struct LastBatches {
    until_ms: i64,
    ended: BTreeMap<u32, i64>,
}

impl Observer for LastBatches {
    fn event(&mut self, _directory: &Directory, event: &TraceEvent) {
        if let Event::ProcessingEnded { consumer, .. } = &event.event
            && event.at.millis().0 <= self.until_ms
        {
            self.ended.insert(consumer.0, event.at.millis().0);
        }
    }
}

#[test]
fn a_replays_producer_sends_when_the_recordings_did() {
    for (name, idle) in [("s7-tail-evict-range", 9), ("s7-tail-range", 16), ("s2-join-coop", 18)] {
        let recording = recording("live-scale", name);
        let mut batches = LastBatches { until_ms: recording.reference().0, ended: BTreeMap::new() };
        let costs = replay(&recording, 0).expect("it is modelled").costs;
        run_again(&recording, &costs, &mut batches).expect("it is modelled");
        let close = recording.members.keys().enumerate().filter(|(index, name)| {
            let (ended, commit) = (batches.ended.get(&(*index as u32)), recording.last_commits.get(*name));
            ended.zip(commit).is_some_and(|(ended, commit)| (commit.0 - ended).abs() <= 12)
        });
        let close = close.count();
        assert!(close >= idle, "{name}: {close} members commit when they did");
    }
}
