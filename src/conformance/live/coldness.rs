//! How cold a machine is: what makes one process start up slowly makes the others of the same recording slow too.
//!
//! Where each consumer has a process of its own (`live`), start-up times of one recording go together: as normal scores,
//! those of two processes have a correlation of 0.47 (528 starts, 187 recordings).
//!
//! Where several share a virtual machine (`live-scale`), the first consumer that starts there makes it load its classes,
//! and all that start meanwhile send their first JoinGroup when it has, within some 100 ms of each other whatever time each
//! started at. That took 164 to 1,111 ms in 10 of 44 virtual machines and no time in the others, which had been used
//! before. Of the 14 recordings two had only cold ones, three one of three: as normal scores a correlation of 0.85. What
//! each consumer needs besides is its own affair.

use std::collections::{BTreeMap, VecDeque};

use super::build::{BuildError, build, set_traffic_late};
use super::noise::NoiseFloor;
use super::recording::{Act, Action, Member, Name, Recording};
use crate::cluster::{ConsumerInputs, Inputs};
use crate::engine::{Distribution, Millis, RandomStream, SimDuration, normal};
use crate::scenario::Scenario;

/// The correlation of the start-up times of two processes with a consumer each.
const OF_PROCESSES: f64 = 0.47;

/// The correlation of the warm-up times of two processes with several.
const OF_SHARED_PROCESSES: f64 = 0.85;

impl NoiseFloor {
    /// The scenario of a run of that recording under a seed, with these actions: [`build`], with the producer's lateness
    /// drawn.
    ///
    /// # Errors
    /// If no scenario can be built from the recording.
    pub fn drawn_scenario(&self, recording: &Recording, actions: &[Action], seed: u64) -> Result<Scenario, BuildError> {
        let mut scenario = build(recording, actions, self)?;
        let late = self.traffic_late.sample(&mut RandomStream::new(seed, "producer", "lateness"));
        set_traffic_late(&mut scenario, late);
        Ok(scenario)
    }

    /// Inputs of a run of that recording under a seed: [`NoiseFloor::inputs`], with start-up times drawn together.
    pub fn drawn_inputs(&self, recording: &Recording, seed: u64) -> Inputs {
        let mut coldness = Coldness::new(self, recording, seed);
        let members = recording.members.iter();
        let consumers = members.map(|(name, member)| ConsumerInputs {
            startups: coldness.startups(name, member),
            ..ConsumerInputs::default()
        });
        Inputs { consumers: consumers.collect(), ..self.inputs(recording) }
    }
}

/// How cold the machine and its processes are in one run.
struct Coldness<'a> {
    noise: &'a NoiseFloor,
    recording: &'a Recording,
    seed: u64,
    /// Of the machine, as a normal score.
    machine: f64,
    /// When each shared process is warm.
    warm: BTreeMap<&'a str, Millis>,
}

impl<'a> Coldness<'a> {
    fn new(noise: &'a NoiseFloor, recording: &'a Recording, seed: u64) -> Self {
        let machine = normal_score(&mut RandomStream::new(seed, "machine", "coldness"));
        Coldness { noise, recording, seed, machine, warm: BTreeMap::new() }
    }

    /// One start-up time for each start of a member.
    fn startups(&mut self, name: &'a Name, member: &'a Member) -> VecDeque<SimDuration> {
        let mut own = RandomStream::new(self.seed, name, "coldness");
        let mut startups = VecDeque::new();
        for action in self.recording.actions.iter().filter(|action| action.what == Act::Start(name.clone())) {
            startups.push_back(match &member.process {
                None => self.draw(&self.noise.startup, OF_PROCESSES, &mut own),
                Some(process) => {
                    let warm = self.warm_at(process, action.at);
                    let waits = SimDuration::from_millis((warm - action.at).max(0) as u64);
                    waits + self.noise.startup_in_shared.sample(&mut own)
                }
            });
        }
        startups
    }

    /// When a shared process is warm whose first consumer starts at that time, or started before.
    fn warm_at(&mut self, process: &'a str, start: Millis) -> Millis {
        if let Some(warm) = self.warm.get(process) {
            return *warm;
        }
        let mut own = RandomStream::new(self.seed, process, "coldness");
        let warm_up = self.draw(&self.noise.warm_up, OF_SHARED_PROCESSES, &mut own);
        let warm = start + warm_up.as_millis() as i64;
        self.warm.insert(process, warm);
        warm
    }

    /// A draw that has this correlation with those of other processes.
    fn draw(&self, spans: &Distribution, correlation: f64, own: &mut RandomStream) -> SimDuration {
        let cold = correlation.sqrt() * self.machine + (1.0 - correlation).sqrt() * normal_score(own);
        let spans = spans.sampler();
        spans.quantile(normal::probability_below(cold)).unwrap_or_else(|| spans.sample(own))
    }
}

/// A draw from the standard normal distribution.
fn normal_score(stream: &mut RandomStream) -> f64 {
    normal::quantile(stream.next_open_f64())
}
