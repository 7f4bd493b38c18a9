//! Numbers for partitions, also for those that members claim though they don't exist.

use rustc_hash::FxHashMap;

use super::super::group::{Group, PartitionIndex, TopicIndex};
use crate::protocol::java_hash::{string_hash, topic_partition_hash};

/// The partitions of a group's topics. Behind those that exist come the ones that members claim of a topic that came back
/// with fewer partitions: Kafka never checks partition numbers.
pub(super) struct Partitions<'g> {
    group: &'g Group<'g>,
    topic_of: Vec<TopicIndex>,
    /// Number of each partition that does not exist, and where it is.
    missing: Vec<i32>,
    missing_index: FxHashMap<(TopicIndex, i32), PartitionIndex>,
}

impl<'g> Partitions<'g> {
    pub(super) fn new(group: &'g Group<'g>) -> Self {
        let mut topic_of = Vec::with_capacity(group.partitions as usize);
        for (index, topic) in (0..).zip(&group.topics) {
            topic_of.resize(topic_of.len() + topic.metadata.partitions as usize, index);
        }
        Partitions { group, topic_of, missing: Vec::new(), missing_index: FxHashMap::default() }
    }

    pub(super) fn group(&self) -> &'g Group<'g> {
        self.group
    }

    /// How many have a number, those that don't exist included.
    pub(super) fn len(&self) -> usize {
        self.topic_of.len()
    }

    /// The index of a partition, whether it exists or not.
    pub(super) fn index(&mut self, topic: TopicIndex, number: i32) -> PartitionIndex {
        let existing = &self.group.topics[topic as usize];
        if u32::try_from(number).is_ok_and(|number| number < existing.metadata.partitions) {
            return existing.first + number as u32;
        }
        *self.missing_index.entry((topic, number)).or_insert_with(|| {
            self.topic_of.push(topic);
            self.missing.push(number);
            self.topic_of.len() as PartitionIndex - 1
        })
    }

    pub(super) fn exists(&self, partition: PartitionIndex) -> bool {
        partition < self.group.partitions
    }

    pub(super) fn topic(&self, partition: PartitionIndex) -> TopicIndex {
        self.topic_of[partition as usize]
    }

    /// Its number in its topic.
    pub(super) fn number(&self, partition: PartitionIndex) -> i32 {
        if self.exists(partition) {
            (partition - self.group.topics[self.topic(partition) as usize].first) as i32
        } else {
            self.missing[(partition - self.group.partitions) as usize]
        }
    }

    /// `TopicPartition.hashCode`.
    pub(super) fn hash_code(&self, partition: PartitionIndex) -> i32 {
        let topic = &self.group.topics[self.topic(partition) as usize];
        topic_partition_hash(string_hash(topic.name.as_str()), self.number(partition))
    }
}
