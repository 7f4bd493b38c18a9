//! What is the case for one group, as its coordinator sees it.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::engine::{SimDuration, SimTime};
use crate::protocol::java_hash::coordinator_partition;
use crate::protocol::{BrokerId, Generation, GroupId, MemberId, TopicName};
use crate::scenario::checked::{Cluster, Group, Subscription};

use super::ConsumerNumber;

/// Where the group stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::analysis) enum Phase {
    /// No members (or no group yet).
    Empty,
    /// Join phase; `initial` if the group was empty before, so that the initial rebalance delay applies.
    Preparing { initial: bool },
    /// Waiting for the leader's assignment and its commit.
    Completing,
    /// Stable.
    Stable,
}

/// What is the case for one group.
pub(in crate::analysis) struct GroupFacts {
    /// `group.id`
    pub id: GroupId,
    /// Its consumers.
    pub consumers: Range<ConsumerNumber>,
    /// Partition of `__consumer_offsets`.
    pub offsets_partition: u32,
    /// The coordinator's broker, as last seen.
    pub coordinator: BrokerId,
    /// A coordinator that has read its log answers.
    pub available: bool,
    /// The coordinator has heard of the group.
    pub exists: bool,
    /// Where the group stands.
    pub phase: Phase,
    /// Its generation.
    pub generation: Generation,
    /// Members that the coordinator counts, and whether each has applied the present generation.
    pub members: BTreeMap<MemberId, bool>,
    /// Members that have not applied the present generation.
    pub unapplied: u32,
    /// Those of them whose process runs and does not stand still.
    pub unapplied_live: u32,
    /// Those of them whose host stands still.
    pub unapplied_paused: u32,
    /// Processes that run.
    pub running: u32,
    /// When the first process was up.
    pub started: Option<SimTime>,
    /// After this long every member that polls has seen new partitions: the longest `metadata.max.age.ms`, and the Fetch
    /// (`fetch.max.wait.ms`) behind which a Metadata request waits on its connection.
    pub metadata_seen_after: SimDuration,
    topics: Vec<TopicName>,
    prefixes: Vec<String>,
}

impl GroupFacts {
    pub(super) fn new(group: &Group, consumers: Range<ConsumerNumber>, cluster: &Cluster) -> Self {
        let offsets_partition = coordinator_partition(group.id.as_str(), cluster.config.offsets_topic_num_partitions);
        let seen_after = group.consumers.iter().map(|consumer| {
            let (age, wait) = (consumer.config.metadata_max_age_ms, consumer.config.fetch_max_wait_ms);
            SimDuration::from_millis(age.max(0) as u64) + SimDuration::from_millis(wait.max(0) as u64)
        });
        let (mut topics, mut prefixes) = (Vec::new(), Vec::new());
        for consumer in &group.consumers {
            match &consumer.subscription {
                Subscription::Topics(names) => topics.extend(names.iter().cloned()),
                Subscription::Prefix(prefix) => prefixes.push(prefix.clone()),
            }
        }
        topics.sort();
        topics.dedup();
        prefixes.sort();
        prefixes.dedup();
        GroupFacts {
            id: group.id,
            consumers,
            offsets_partition,
            coordinator: BrokerId(offsets_partition % cluster.brokers.max(1)),
            available: true,
            exists: false,
            phase: Phase::Empty,
            generation: Generation::NONE,
            members: BTreeMap::new(),
            unapplied: 0,
            unapplied_live: 0,
            unapplied_paused: 0,
            running: 0,
            started: None,
            metadata_seen_after: seen_after.max().unwrap_or_default(),
            topics,
            prefixes,
        }
    }

    /// The coordinator on this broker does something for the group.
    pub fn answers_from(&mut self, broker: BrokerId) {
        self.coordinator = broker;
        self.exists = true;
    }

    /// True if some consumer of the group subscribes to the topic.
    pub fn subscribes(&self, topic: &TopicName) -> bool {
        self.topics.binary_search(topic).is_ok() || self.prefixes.iter().any(|p| topic.as_str().starts_with(p.as_str()))
    }
}
