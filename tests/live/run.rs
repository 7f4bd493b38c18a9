//! Runs of recorded scenarios with everything drawn, and what their events tell.

use std::ops::Range;

use rebalab::client::{Api, ClientEvent};
use rebalab::cluster::run_with;
use rebalab::conformance::live::{
    Act, Action, Name, NoiseFloor, Rebalance, Recording, Story, TimelineRecorder, free_run,
};
use rebalab::coordinator::CoordinatorEvent;
use rebalab::engine::Millis;
use rebalab::protocol::ErrorCode;
use rebalab::scenario::Scenario;
use rebalab::trace::{ConsumerIndex, Directory, Event, Observer, TraceEvent};

use super::vectors;

/// A simulated run of a recorded scenario.
pub struct Run {
    pub seed: u64,
    pub actions: Vec<Action>,
    pub reference: Millis,
    pub story: Story,
    /// Everything that happened; names by consumer index.
    pub events: Vec<(Millis, Event)>,
    pub names: Vec<Name>,
}

#[derive(Default)]
struct Log {
    events: Vec<(Millis, Event)>,
    names: Vec<Name>,
}

impl Observer for Log {
    fn event(&mut self, directory: &Directory, event: &TraceEvent) {
        if self.names.is_empty() {
            self.names = directory.consumers.iter().map(|consumer| consumer.name.clone()).collect();
        }
        self.events.push((event.at.millis(), event.event.clone()));
    }
}

/// The first repetition of a recorded scenario.
pub fn recording(name: &str) -> Recording {
    let files = [vectors::files("live"), vectors::files("live-scale")].concat();
    let file = files.iter().find(|file| file.file_name().is_some_and(|found| found == &*format!("{name}.jsonl.gz")));
    vectors::recordings(file.unwrap_or_else(|| panic!("no recording {name}"))).swap_remove(0)
}

/// Runs of a recorded scenario, each with its own start-up times, costs and phase of what is done.
pub fn runs(name: &str, seeds: Range<u64>) -> Vec<Run> {
    let recording = recording(name);
    seeds
        .map(|seed| {
            let free = free_run(&recording, &NoiseFloor::measured(), seed).expect("it is modelled");
            run_of(&recording, free.actions, free.reference, seed, |_| {})
        })
        .collect()
}

/// One run of a recording's configuration with these actions and whatever else is changed.
pub fn run_of(
    recording: &Recording,
    actions: Vec<Action>,
    reference: Millis,
    seed: u64,
    change: impl Fn(&mut Scenario),
) -> Run {
    let noise = NoiseFloor::measured();
    let mut scenario = noise.drawn_scenario(recording, &actions, seed).expect("it is modelled");
    change(&mut scenario);
    let mut log = Log::default();
    let mut timeline = TimelineRecorder::default();
    run_with(&scenario, seed, noise.drawn_inputs(recording, seed), &mut [&mut log, &mut timeline]);
    let story = Story::of(&timeline.finish(), recording.partitions, reference);
    Run { seed, actions, reference, story, events: log.events, names: log.names }
}

impl Run {
    pub fn rebalances(&self) -> &[Rebalance] {
        self.story.after_reference()
    }

    pub fn name(&self, consumer: ConsumerIndex) -> &Name {
        &self.names[consumer.0 as usize]
    }

    /// What consumers did after the reference.
    pub fn client_events(&self) -> impl Iterator<Item = (Millis, &Name, &ClientEvent)> {
        self.events.iter().filter(|(at, _)| *at >= self.reference).filter_map(|(at, event)| match event {
            Event::Client { consumer, event } => Some((*at, self.name(*consumer), event)),
            _ => None,
        })
    }

    /// What the coordinator told after the reference.
    pub fn coordinator_events(&self) -> impl Iterator<Item = (Millis, &CoordinatorEvent)> {
        self.events.iter().filter(|(at, _)| *at >= self.reference).filter_map(|(at, event)| match event {
            Event::Coordinator { event, .. } => Some((*at, event)),
            _ => None,
        })
    }

    /// When each member sent its last heartbeat before the reference.
    pub fn last_heartbeats(&self) -> Vec<Millis> {
        let mut last: Vec<Option<Millis>> = vec![None; self.names.len()];
        for (at, event) in self.events.iter().filter(|(at, _)| *at < self.reference) {
            if let Event::Client { consumer, event: ClientEvent::HeartbeatSent } = event {
                last[consumer.0 as usize] = Some(*at);
            }
        }
        last.into_iter().flatten().collect()
    }

    /// When that was done last.
    pub fn done(&self, what: impl Fn(&Act) -> bool) -> Millis {
        self.actions.iter().rev().find(|action| what(&action.what)).map(|action| action.at).expect("it was done")
    }

    /// When a consumer's answer of that kind with that error was handled, after the reference.
    pub fn first_answer(&self, who: &Name, wanted: Api, with: ErrorCode) -> Option<Millis> {
        self.client_events().find_map(|(at, name, event)| match event {
            ClientEvent::ResponseHandled { api, error, .. } if name == who && *api == wanted && *error == with => {
                Some(at)
            }
            _ => None,
        })
    }

    /// The exceptions of all members, in order: when, whose, class.
    pub fn exceptions(&self) -> Vec<(Millis, Name, String)> {
        let of = |(name, member): (&Name, &rebalab::conformance::live::MemberStory)| {
            let name = name.clone();
            member.exceptions.clone().into_iter().map(move |(at, _, class)| (at, name.clone(), class))
        };
        let mut all: Vec<_> = self.story.members.iter().flat_map(of).collect();
        all.sort();
        all
    }
}

/// Fails with the seed in the message.
#[track_caller]
pub fn within(run: &Run, what: &str, ms: i64, range: std::ops::RangeInclusive<i64>) {
    assert!(range.contains(&ms), "seed {}: {what} is {ms} ms, not within {range:?}", run.seed);
}

/// The value below which that share of the values lies.
pub fn quantile(values: &[i64], share: f64) -> i64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    sorted[((sorted.len() as f64 * share) as usize).min(sorted.len() - 1)]
}
