//! Brokers and the coordinator shards that they lead.
//!
//! Each partition of `__consumer_offsets` with a group of the scenario in it is a [`ShardHost`]: the coordinator's state
//! machine, its replicated log, its timers, and the requests that wait for an answer. Partitions are led by the brokers
//! in turn; when a broker goes, its partitions move to the next one, which reads the log before it answers.
//!
//! When they move, the controller decides (KRaft, Kafka 4.1.1). A broker that shuts down in order hands over at once. One
//! that crashes is fenced when its heartbeats have been missed for `broker.session.timeout.ms`; until then it counts as the
//! leader of its partitions and nobody serves them, and a new process of it is refused
//! (`DuplicateBrokerRegistrationException`). Every `leader.imbalance.check.interval.seconds` a look at all partitions gives
//! coordinator partitions back to the broker that led them first; for partitions of topics, which no coordinator has to
//! load, that happens as soon as it is back.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::coordinator::Shard;
use crate::engine::{Distribution, RandomStream, SimDuration, SimTime, TimerSlot};
use crate::protocol::{BrokerId, ErrorCode};
use crate::trace::PartitionIndex;

use super::log::ReplicatedLog;

/// One broker process.
pub struct Broker {
    /// It runs.
    pub up: bool,
    /// The controller takes it for gone; it leads nothing.
    pub fenced: bool,
    /// This is not its first process.
    pub restarted: bool,
    /// Its storage, as faults have it.
    pub storage: Storage,
}

/// A broker's storage under faults: it concerns whatever the broker leads.
#[derive(Clone, Default)]
pub struct Storage {
    /// Appends stand still until then (storage stall).
    pub stalled_until: SimTime,
    /// Appends take longer by draws from these distributions, by fault.
    pub slow: Vec<(u32, Distribution)>,
    /// Appends fail with this error, by fault.
    pub failing: Vec<(u32, ErrorCode)>,
}

/// A coordinator shard with everything around it.
pub struct ShardHost {
    /// Partition of `__consumer_offsets`.
    pub partition: u32,
    /// Its leader, while there is one.
    pub leader: Option<BrokerId>,
    /// The coordinator, while it does not handle an input.
    pub shard: Option<Box<Shard>>,
    /// Its log.
    pub log: ReplicatedLog,
    /// The queue's slot of each of the coordinator's timers, by `TimerId`; made when a timer is first armed.
    pub timers: Vec<Option<TimerSlot>>,
    /// Draws of the log's latency.
    pub latency: RandomStream,
    /// Draws of how late timers act.
    pub lateness: RandomStream,
    /// How long a new leader needs to know that it leads.
    pub leadership: RandomStream,
    /// Leader epoch: what was scheduled under an earlier one is ignored.
    pub epoch: u32,
}

/// All brokers and shards.
pub struct Brokers {
    /// Brokers by id.
    pub brokers: Vec<Broker>,
    /// Shards that have groups in them.
    pub shards: Vec<ShardHost>,
    /// The shard of each group.
    of_group: Vec<u32>,
    /// Replicas of partitions to which the scenario assigns them.
    assigned: FxHashMap<PartitionIndex, Vec<BrokerId>>,
    /// `broker.rack` by broker; empty if none has one.
    racks: Vec<Option<Arc<str>>>,
}

/// Replicas of a partition to which the scenario assigns none.
const REPLICAS: u32 = 3;

impl Brokers {
    /// Brokers that are all up; shards are added as groups are.
    pub fn new(brokers: u32, racks: Vec<Option<Arc<str>>>) -> Self {
        let broker = |_| Broker { up: true, fenced: false, restarted: false, storage: Storage::default() };
        Brokers {
            racks,
            assigned: FxHashMap::default(),
            brokers: (0..brokers).map(broker).collect(),
            shards: Vec::new(),
            of_group: Vec::new(),
        }
    }

    /// Puts the next group into the shard of its partition; `new_shard` makes the shard if it is the first group there.
    pub fn place(&mut self, partition: u32, new_shard: impl FnOnce(BrokerId) -> ShardHost) -> u32 {
        let known = self.shards.iter().position(|shard| shard.partition == partition);
        let index = known.unwrap_or_else(|| {
            let leader = self.preferred(partition);
            self.shards.push(new_shard(leader));
            self.shards.len() - 1
        }) as u32;
        self.of_group.push(index);
        index
    }

    /// The shard of a group, by the group's index in the scenario.
    pub fn shard_of(&self, group: u32) -> u32 {
        self.of_group[group as usize]
    }

    /// The first broker that is not fenced, from this one on, in turn.
    pub fn next_to_lead(&self, from: BrokerId) -> Option<BrokerId> {
        if self.may_lead(from) {
            return Some(from);
        }
        let count = self.brokers.len() as u32;
        (0..count).map(|step| BrokerId((from.0 + step) % count)).find(|broker| self.may_lead(*broker))
    }

    /// Only these brokers have replicas of the partition.
    pub fn assign_replicas(&mut self, partition: PartitionIndex, replicas: Vec<BrokerId>) {
        self.assigned.insert(partition, replicas);
    }

    /// The broker that leads a partition of a topic as metadata tell it: the first replica's that is not fenced, without an
    /// assignment of replicas the next broker's. It may have crashed just now.
    pub fn leader_of(&self, partition: PartitionIndex) -> Option<BrokerId> {
        match self.assigned.get(&partition) {
            Some(replicas) => replicas.iter().copied().find(|broker| self.may_lead(*broker)),
            None => self.next_to_lead(BrokerId(partition.0 % self.brokers.len() as u32)),
        }
    }

    /// The broker that serves a partition of a topic: its leader, if that runs.
    pub fn serves(&self, partition: PartitionIndex) -> Option<BrokerId> {
        self.leader_of(partition).filter(|broker| self.is_up(*broker))
    }

    /// The racks of a partition's replicas as a Metadata answer shows them: it lists only brokers that are not fenced.
    pub fn racks_of(&self, partition: PartitionIndex) -> Vec<Option<Arc<str>>> {
        let rack = |broker: BrokerId| self.racks[broker.0 as usize].clone().filter(|_| self.may_lead(broker));
        let count = self.brokers.len() as u32;
        match self.assigned.get(&partition) {
            Some(replicas) => replicas.iter().copied().map(rack).collect(),
            None => (0..count.min(REPLICAS)).map(|step| rack(BrokerId((partition.0 + step) % count))).collect(),
        }
    }

    /// Some broker has a rack.
    pub fn have_racks(&self) -> bool {
        !self.racks.is_empty()
    }

    /// The controller takes it for alive.
    pub fn may_lead(&self, broker: BrokerId) -> bool {
        self.brokers.get(broker.0 as usize).is_some_and(|broker| !broker.fenced)
    }

    /// The broker that leads a partition of `__consumer_offsets` first, and again after each look for imbalance.
    pub fn preferred(&self, partition: u32) -> BrokerId {
        BrokerId(partition % self.brokers.len() as u32)
    }

    /// A shard with the storage of the broker that leads it.
    pub fn shard_and_storage(&mut self, index: u32) -> (&mut ShardHost, &Storage) {
        let host = &mut self.shards[index as usize];
        let leader = host.leader.map_or(0, |leader| leader.0 as usize);
        (host, &self.brokers[leader].storage)
    }

    /// Does it run?
    pub fn is_up(&self, broker: BrokerId) -> bool {
        self.brokers.get(broker.0 as usize).is_some_and(|broker| broker.up)
    }
}

/// What a coordinator partition draws the latency of its log from.
pub fn append_stream(seed: u64, partition: u32) -> RandomStream {
    RandomStream::new(seed, &format!("__consumer_offsets-{partition}"), "append latency")
}

/// What it draws from how long a new leader needs to know that it leads.
pub fn leadership_stream(seed: u64, partition: u32) -> RandomStream {
    RandomStream::new(seed, &format!("__consumer_offsets-{partition}"), "leadership")
}

/// What it draws the lateness of its timers from.
pub fn timer_stream(seed: u64, partition: u32) -> RandomStream {
    RandomStream::new(seed, &format!("__consumer_offsets-{partition}"), "lateness")
}

impl ShardHost {
    /// Delays are drawn under another seed from here on.
    pub fn reseed(&mut self, seed: u64) {
        self.latency = append_stream(seed, self.partition);
        self.lateness = timer_stream(seed, self.partition);
        self.leadership = leadership_stream(seed, self.partition);
    }

    /// Draws how long the append that starts now takes until it is replicated, on this storage.
    pub fn append_latency(&mut self, model: &Distribution, storage: &Storage) -> SimDuration {
        let mut latency = model.sample(&mut self.latency);
        for (_, extra) in &storage.slow {
            latency += extra.sample(&mut self.latency);
        }
        latency
    }
}
