//! The one loop that turns queue entries into state-machine inputs and their outputs into queue entries.

use std::rc::Rc;

use crate::client::{ConsumerSettings, Thread};
use crate::coordinator::ClientInfo;
use crate::engine::{EventQueue, Sampler, SimDuration, SimTime, Slab, TimerSlot};
use crate::protocol::{BrokerId, GroupId, TopicName, TopicPartition};
use crate::scenario::Scenario;
use crate::trace::{ConsumerEntry, ConsumerIndex, Directory, Event, Observer, PartitionIndex, TraceEvent};
use rustc_hash::FxHashMap;

use super::brokers::Brokers;
use super::faults::{self, Occurrence, Rollout};
use super::host::{Host, HostStreams};
use super::inputs::{ConsumerInputs, FirstUses, Inputs, Reseed};
use super::network::{ConnectionId, Network, Way};
use super::rollout::RevisionChange;
use super::taken::TakenRecords;
use super::workload::Workload;

/// How often a run looks at the log end offsets, for charts of lag.
const SAMPLES: u64 = 400;

/// More events than this at one instant mean that the model runs in circles.
const EVENTS_AT_ONE_INSTANT_MAX: u64 = 20_000_000;

/// What a queue entry is about. Small: bodies sit in slabs.
#[derive(Clone, Copy, Debug)]
pub(super) enum Target {
    /// A thread of a consumer asked to be woken.
    Wake(u32, Thread),
    /// Records have reached a waiting consumer.
    Records(u32),
    /// The application's work is done.
    Work(u32),
    /// The quota of the processor is used up for this period.
    QuotaUsedUp(u32),
    /// Something sets a machine's clock right.
    ClockCorrected(u32),
    /// The preStop hook of a pod is over.
    HookOver(u32),
    /// A pod that a rollout waits for is available.
    PodAvailable(u32),
    /// The batch that an application works on is done.
    Batch(u32),
    /// A leader has computed its assignment.
    Assigned(u32),
    /// A host's pause is over.
    Resume(u32),
    /// A process that should have closed is killed.
    GraceOver(u32),
    /// A process is started on a host.
    StartProcess(u32),
    /// A restarted consumer counts as ready: the rollout goes on.
    Ready(u32),
    /// A packet arrives.
    Packet(u32),
    /// A lost packet is sent again.
    Retransmit(ConnectionId, Way),
    /// A coordinator's timer.
    ShardTimer { shard: u16, timer: u32 },
    /// A broker reads the next request of a connection.
    ReadNext(ConnectionId),
    /// The open batch of a shard's log is written.
    Flush { shard: u16, epoch: u32 },
    /// The oldest write of a shard's log is replicated.
    Commit { shard: u16, epoch: u32 },
    /// A shard's new leader knows that it is.
    Leads { shard: u16, epoch: u32 },
    /// A new leader has read a shard's log.
    Loaded { shard: u16, epoch: u32 },
    /// A fault strikes.
    Fault(u32),
    /// A fault's effect is over.
    FaultOver(u32),
    /// A broker comes back.
    BrokerUp(u32),
    /// The controller takes a broker for gone.
    BrokerFenced(u32),
    /// The controller looks for partitions that their preferred replica does not lead.
    PreferredLeaders,
    /// Partitions are added to a topic.
    TopicGrows(u32),
    /// Look at the log end offsets.
    Sample,
    /// What is drawn is drawn under another seed from here on.
    Reseed(u32),
}

/// Timer slots of one consumer.
#[derive(Clone, Copy)]
pub(super) struct ConsumerTimers {
    pub poll: TimerSlot,
    pub heartbeat: TimerSlot,
    pub records: TimerSlot,
    pub work: TimerSlot,
    pub quota: TimerSlot,
    pub batch: TimerSlot,
    pub assign: TimerSlot,
    pub resume: TimerSlot,
    pub grace: TimerSlot,
}

/// An effect that ends by itself.
pub(super) struct ActiveEffect {
    pub fault: u32,
    pub consumer: Option<u32>,
}

/// Totals of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct RunTotals {
    /// Queue entries that were handled.
    pub queue_events: u64,
    /// Events of the trace.
    pub trace_events: u64,
}

/// A run in progress.
pub(super) struct Simulation<'a> {
    pub scenario: &'a Scenario,
    pub seed: u64,
    pub now: SimTime,
    pub queue: EventQueue<Target>,
    pub directory: Directory,
    pub hosts: Vec<Host>,
    pub timers: Vec<ConsumerTimers>,
    pub network: Network,
    pub brokers: Brokers,
    pub workload: Workload,
    pub topics: Vec<TopicState>,
    /// Bytes of a record, by partition.
    pub partition_bytes: Vec<u32>,
    pub topic_index: FxHashMap<TopicName, u32>,
    pub occurrences: Slab<Occurrence>,
    pub effects: Slab<ActiveEffect>,
    pub rollouts: Vec<Rollout>,
    /// Rollouts of Deployments.
    pub changes: Vec<RevisionChange>,
    /// Consumers of the scenario over all groups, in order.
    pub consumers: Vec<&'a crate::scenario::checked::Consumer>,
    pub group_of: Vec<u32>,
    /// How brokers see each consumer.
    pub client_info: Vec<Rc<ClientInfo>>,
    /// Those of the consumer that was started last.
    pub settings: Option<Rc<ConsumerSettings>>,
    /// What the call of `poll` that is under way takes.
    pub taken: TakenRecords,
    log_ends: Vec<i64>,
    /// One way over the network, for fetches.
    pub latency: Sampler,
    /// Time a broker takes for one request.
    pub request_time: Sampler,
    /// How late threads of consumers wake.
    pub thread_lateness: Sampler,
    /// How late coordinators' timers act.
    pub timer_lateness: Sampler,
    /// How much longer things take the first time.
    pub first_use: Sampler,
    /// Time per batch, by consumer.
    pub batch_times: Vec<Sampler>,
    /// The start-up time to which that applies; `None` where it counts for requests alone.
    pub usual_startup: Option<SimDuration>,
    /// What is fixed of each consumer.
    pub fixed: Vec<ConsumerInputs>,
    /// When the seed of what is drawn changes.
    reseeds: Vec<Reseed>,
    observers: &'a mut [&'a mut dyn Observer],
    totals: RunTotals,
}

/// A topic as it is now.
pub(super) struct TopicState {
    /// Partition numbers to run-wide indices.
    pub partitions: Vec<PartitionIndex>,
    /// It exists.
    pub exists: bool,
}

/// Who and what takes part in a run of the scenario, before its first event.
pub fn directory(scenario: &Scenario) -> Directory {
    let consumers = scenario.groups.iter().flat_map(|group| {
        group.consumers.iter().map(|consumer| ConsumerEntry {
            name: consumer.name.clone(),
            group: group.id,
            client_id: consumer.config.client_id,
        })
    });
    let there = scenario.cluster.topics.iter().filter(|topic| topic.created_at == SimTime::ZERO);
    let partitions = there.flat_map(|topic| {
        (0..topic.partitions).map(|number| TopicPartition { topic: topic.name, partition: number as i32 })
    });
    Directory {
        consumers: consumers.collect(),
        partitions: partitions.collect(),
        faults: scenario.faults.iter().map(|fault| fault.label.clone()).collect(),
    }
}

/// Runs a scenario under a seed and shows every event to the observers.
///
/// The same scenario and seed give the same events in the same order on every machine.
pub fn run<'a>(scenario: &'a Scenario, seed: u64, observers: &'a mut [&'a mut dyn Observer]) -> RunTotals {
    run_with(scenario, seed, Inputs::default(), observers)
}

/// As [`run`], with values fixed that are otherwise drawn.
pub fn run_with<'a>(
    scenario: &'a Scenario,
    seed: u64,
    inputs: Inputs,
    observers: &'a mut [&'a mut dyn Observer],
) -> RunTotals {
    let mut simulation = Simulation::new(scenario, seed, inputs, observers);
    simulation.prepare();
    simulation.run_until(SimTime::ZERO + scenario.duration);
    simulation.totals
}

impl<'a> Simulation<'a> {
    fn new(scenario: &'a Scenario, seed: u64, mut inputs: Inputs, observers: &'a mut [&'a mut dyn Observer]) -> Self {
        inputs.consumers.resize_with(scenario.consumers().count(), ConsumerInputs::default);
        let mut queue = EventQueue::new();
        let directory = directory(scenario);
        let mut hosts = Vec::new();
        let mut timers = Vec::new();
        let mut group_of = Vec::new();
        for (group_index, group) in scenario.groups.iter().enumerate() {
            for consumer in &group.consumers {
                let index = hosts.len() as u32;
                hosts.push(Host::new(seed, &consumer.name));
                group_of.push(group_index as u32);
                timers.push(ConsumerTimers {
                    heartbeat: queue.add_timer(Target::Wake(index, Thread::Heartbeat)),
                    poll: queue.add_timer(Target::Wake(index, Thread::Poll)),
                    records: queue.add_timer(Target::Records(index)),
                    work: queue.add_timer(Target::Work(index)),
                    quota: queue.add_timer(Target::QuotaUsedUp(index)),
                    batch: queue.add_timer(Target::Batch(index)),
                    assign: queue.add_timer(Target::Assigned(index)),
                    resume: queue.add_timer(Target::Resume(index)),
                    grace: queue.add_timer(Target::GraceOver(index)),
                });
            }
        }
        let (first_use, usual_startup) = match &inputs.first_uses {
            FirstUses::Requests(cost) => (cost, None),
            FirstUses::ByStartup { cost, usual_startup } => (cost, Some(*usual_startup)),
        };
        let client_info = scenario.consumers().enumerate().map(|(index, consumer)| {
            let client_host = format!("/10.0.{}.{}", index / 250, index % 250 + 1).into();
            Rc::new(ClientInfo { client_id: consumer.config.client_id, client_host })
        });
        let client_info = client_info.collect();
        let names = scenario.consumers().map(|consumer| consumer.name.clone());
        let network = Network::new(scenario.network.clone(), seed, names);
        Simulation {
            scenario,
            seed,
            now: SimTime::ZERO,
            queue,
            directory,
            hosts,
            timers,
            network,
            brokers: Brokers::new(scenario.cluster.brokers, scenario.cluster.racks.clone()),
            workload: Workload::new(),
            topics: Vec::new(),
            partition_bytes: Vec::new(),
            topic_index: FxHashMap::default(),
            occurrences: Slab::new(),
            effects: Slab::new(),
            rollouts: Vec::new(),
            changes: Vec::new(),
            consumers: scenario.consumers().collect(),
            group_of,
            client_info,
            latency: scenario.network.latency.sampler(),
            request_time: scenario.cluster.request_time.sampler(),
            thread_lateness: inputs.thread_lateness.sampler(),
            timer_lateness: inputs.timer_lateness.sampler(),
            first_use: first_use.sampler(),
            batch_times: scenario.consumers().map(|consumer| consumer.processing.per_batch.sampler()).collect(),
            usual_startup,
            fixed: inputs.consumers,
            reseeds: inputs.reseeds,
            taken: TakenRecords::default(),
            settings: None,
            log_ends: Vec::new(),
            observers,
            totals: RunTotals::default(),
        }
    }

    /// Everything that is known before the first event.
    fn prepare(&mut self) {
        for (index, topic) in self.scenario.cluster.topics.iter().enumerate() {
            self.topic_index.insert(topic.name, index as u32);
            self.topics.push(TopicState { partitions: Vec::new(), exists: false });
            if topic.created_at == SimTime::ZERO {
                self.set_partitions(index as u32, topic.partitions);
            } else {
                self.queue.schedule(topic.created_at, Target::TopicGrows(index as u32));
            }
            for (at, _) in &topic.grows {
                self.queue.schedule(*at, Target::TopicGrows(index as u32));
            }
        }
        for group in &self.scenario.groups {
            self.place_group(&group.id);
        }
        for (index, consumer) in self.scenario.consumers().enumerate() {
            if consumer.start_at < SimTime::MAX {
                self.queue.schedule(consumer.start_at, Target::StartProcess(index as u32));
            }
        }
        for occurrence in faults::first_occurrences(self.scenario, self.seed) {
            let at = occurrence.at;
            let slot = self.occurrences.insert(occurrence);
            self.queue.schedule(at, Target::Fault(slot));
        }
        self.queue.schedule(SimTime::ZERO, Target::Sample);
        for (index, reseed) in self.reseeds.iter().enumerate() {
            self.queue.schedule(reseed.at, Target::Reseed(index as u32));
        }
    }

    fn run_until(&mut self, end: SimTime) {
        let mut at_this_instant = 0u64;
        while let Some((at, target)) = self.queue.pop_until(end) {
            debug_assert!(at >= self.now, "time never goes back");
            at_this_instant = if at == self.now { at_this_instant + 1 } else { 0 };
            assert!(
                at_this_instant < EVENTS_AT_ONE_INSTANT_MAX,
                "the model runs in circles at {at}; replay: rebalab run <scenario `{}`> --seed {}",
                self.scenario.name,
                self.seed
            );
            self.now = at;
            self.totals.queue_events += 1;
            self.dispatch(target);
        }
        self.now = end;
        self.sample();
    }

    #[inline(always)]
    fn dispatch(&mut self, target: Target) {
        match target {
            Target::Wake(consumer, thread) => self.wake(consumer, thread),
            Target::Records(consumer) => self.records_arrived(consumer),
            Target::Work(consumer) => self.work_done(consumer),
            Target::QuotaUsedUp(consumer) => self.quota_used_up(consumer),
            Target::ClockCorrected(consumer) => self.clock_corrected(consumer),
            Target::HookOver(pod) => self.hook_over(pod),
            Target::PodAvailable(pod) => self.pod_available(pod),
            Target::Batch(consumer) => self.batch_done(consumer),
            Target::Resume(consumer) => self.resume(consumer),
            Target::GraceOver(consumer) => self.grace_over(consumer),
            Target::StartProcess(consumer) => self.start_process(consumer),
            Target::Ready(consumer) => self.rollout_ready(consumer),
            Target::Packet(slot) => self.packet_arrives(slot),
            Target::Retransmit(connection, way) => self.retransmit(connection, way),
            Target::ShardTimer { shard, timer } => self.shard_timer(shard.into(), timer),
            Target::ReadNext(connection) => self.read_next(connection),
            Target::Assigned(consumer) => self.assignment_done(consumer),
            Target::Flush { shard, epoch } => self.flush(shard.into(), epoch),
            Target::Commit { shard, epoch } => self.commit(shard.into(), epoch),
            Target::Leads { shard, epoch } => self.begin_to_lead(shard.into(), epoch),
            Target::Loaded { shard, epoch } => self.shard_loaded(shard.into(), epoch),
            Target::Fault(slot) => self.fault_strikes(slot),
            Target::FaultOver(slot) => self.fault_over(slot),
            Target::BrokerUp(broker) => self.broker_up(BrokerId(broker)),
            Target::BrokerFenced(broker) => self.fence(BrokerId(broker)),
            Target::PreferredLeaders => self.elect_preferred(),
            Target::TopicGrows(topic) => self.topic_grows(topic),
            Target::Sample => {
                self.sample();
                let step = SimDuration((self.scenario.duration.0 / SAMPLES).max(1));
                self.queue.schedule(self.now + step, Target::Sample);
            }
            Target::Reseed(index) => self.reseed(self.reseeds[index as usize]),
        }
    }

    /// Opens streams of delays and costs anew: those of one consumer, or every one.
    fn reseed(&mut self, Reseed { consumer, seed, .. }: Reseed) {
        let all = 0..self.hosts.len() as u32;
        for index in all.filter(|index| consumer.is_none_or(|consumer| consumer == *index)) {
            let name = &self.consumers[index as usize].name;
            self.hosts[index as usize].random = HostStreams::new(seed, name);
            self.network.reseed(index, seed, name);
        }
        if consumer.is_none() {
            for shard in &mut self.brokers.shards {
                shard.reseed(seed);
            }
        }
    }

    /// Shows an event to every observer. Small, so that the event comes into being where it is shown from.
    #[inline]
    pub(super) fn emit(&mut self, event: Event) {
        let event = TraceEvent { at: self.now, event };
        self.show(&event);
    }

    /// The same for an event that is needed afterwards.
    pub(super) fn show(&mut self, event: &TraceEvent) {
        self.totals.trace_events += 1;
        for observer in self.observers.iter_mut() {
            observer.event(&self.directory, event);
        }
    }

    fn sample(&mut self) {
        self.workload.log_ends(self.now, &mut self.log_ends);
        for observer in self.observers.iter_mut() {
            observer.sample(&self.directory, self.now, &self.log_ends);
        }
    }

    /// A topic comes into being, or gets the partitions that it is due.
    fn topic_grows(&mut self, index: u32) {
        let topic = &self.scenario.cluster.topics[index as usize];
        let grown = topic.grows.iter().rev().find(|(at, _)| *at <= self.now);
        let count = grown.map_or(topic.partitions, |(_, count)| *count);
        if topic.created_at <= self.now {
            self.set_partitions(index, count);
        }
    }

    fn set_partitions(&mut self, index: u32, count: u32) {
        let topic = &self.scenario.cluster.topics[index as usize];
        let state = &mut self.topics[index as usize];
        state.exists = true;
        let have = state.partitions.len() as u32;
        if have >= count {
            return;
        }
        self.workload.add(self.seed, topic, have..count, self.now, SimTime::ZERO + self.scenario.duration);
        let mut added = Vec::new();
        for number in have..count {
            let partition = TopicPartition { topic: topic.name, partition: number as i32 };
            let place = PartitionIndex(self.partition_bytes.len() as u32);
            if let Some(replicas) = topic.replicas.get(number as usize) {
                self.brokers.assign_replicas(place, replicas.clone());
            }
            state.partitions.push(place);
            self.partition_bytes.push(topic.record_bytes);
            if self.directory.partitions.len() < self.partition_bytes.len() {
                self.directory.partitions.push(partition);
            }
            added.push(partition);
        }
        if self.now > SimTime::ZERO {
            self.emit(Event::PartitionsAdded { partitions: added });
        }
    }

    /// The consumer's group id.
    pub(super) fn group_id_of(&self, consumer: u32) -> &'a GroupId {
        let scenario: &'a Scenario = self.scenario;
        &scenario.groups[self.group_of[consumer as usize] as usize].id
    }

    /// Names a consumer in events.
    pub(super) fn name(consumer: u32) -> ConsumerIndex {
        ConsumerIndex(consumer)
    }
}
