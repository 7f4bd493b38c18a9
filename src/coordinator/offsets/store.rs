//! Offsets in memory: committed ones, those of open transactions, and which transactions are open where.

use crate::coordinator::record::OffsetCommitValue;
use crate::coordinator::timeline::TimelineMap;
use crate::protocol::{GroupId, ProducerId, TopicName};

/// A stored offset with the place of its record in the log, which decides between plain and transactional commits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredOffset {
    /// What was committed.
    pub value: OffsetCommitValue,
    /// Offset of its record.
    pub record_offset: i64,
}

/// Offsets by topic and partition.
pub(in crate::coordinator) type TopicOffsets = TimelineMap<TopicName, TimelineMap<i32, StoredOffset>>;

/// Producers with an open transaction, by topic and partition.
type OpenByTopic = TimelineMap<TopicName, TimelineMap<i32, TimelineMap<ProducerId, ()>>>;

/// Offsets by group, topic and partition. Empty inner maps are dropped.
#[derive(Default)]
pub(in crate::coordinator) struct Offsets {
    pub(in crate::coordinator) by_group: TimelineMap<GroupId, TopicOffsets>,
}

impl Offsets {
    pub(in crate::coordinator) fn get(
        &self,
        group: &GroupId,
        topic: &TopicName,
        partition: i32,
    ) -> Option<&StoredOffset> {
        self.by_group.get(group)?.get(topic)?.get(&partition)
    }

    pub(in crate::coordinator) fn put(
        &mut self,
        group: &GroupId,
        topic: &TopicName,
        partition: i32,
        offset: StoredOffset,
    ) -> Option<StoredOffset> {
        self.topic_mut(group, topic).insert(partition, offset)
    }

    /// The partitions of a topic, to put offsets there.
    pub(in crate::coordinator) fn topic_mut(
        &mut self,
        group: &GroupId,
        topic: &TopicName,
    ) -> &mut TimelineMap<i32, StoredOffset> {
        self.by_group.entry_or_default(group).entry_or_default(topic)
    }

    pub(in crate::coordinator) fn remove(
        &mut self,
        group: &GroupId,
        topic: &TopicName,
        partition: i32,
    ) -> Option<StoredOffset> {
        let topics = self.by_group.get_mut(group)?;
        let partitions = topics.get_mut(topic)?;
        let removed = partitions.remove(&partition);
        if partitions.is_empty() {
            topics.remove(topic);
        }
        if topics.is_empty() {
            self.by_group.remove(group);
        }
        removed
    }
}

/// All offsets of a shard.
#[derive(Default)]
pub(in crate::coordinator) struct OffsetStore {
    pub(in crate::coordinator) committed: Offsets,
    /// Offsets of open transactions, by producer. A producer stays until its marker, even without offsets.
    pub(in crate::coordinator) pending: TimelineMap<ProducerId, Offsets>,
    open: TimelineMap<GroupId, OpenByTopic>,
}

impl OffsetStore {
    /// Is there an open transaction with an offset of this group?
    pub(in crate::coordinator) fn has_open_transactions(&self, group: &GroupId) -> bool {
        self.open.contains_key(group)
    }

    /// Is there one with an offset of this partition?
    pub(in crate::coordinator) fn has_pending(&self, group: &GroupId, topic: &TopicName, partition: i32) -> bool {
        self.open_at(group, topic, partition).is_some()
    }

    /// Producers with an open transaction at this partition, in Kafka's order.
    pub(in crate::coordinator) fn open_producers(
        &self,
        group: &GroupId,
        topic: &TopicName,
        partition: i32,
    ) -> Vec<ProducerId> {
        self.open_at(group, topic, partition).map(|producers| producers.keys().copied().collect()).unwrap_or_default()
    }

    /// Partitions of a group with open transactions, in Kafka's order.
    pub(in crate::coordinator) fn open_partitions(&self, group: &GroupId) -> Vec<(TopicName, i32)> {
        let Some(topics) = self.open.get(group) else { return Vec::new() };
        let each = topics.iter().flat_map(|(topic, partitions)| partitions.keys().map(|p| (topic.clone(), *p)));
        each.collect()
    }

    /// False if it was open there already.
    pub(in crate::coordinator) fn open(
        &mut self,
        group: &GroupId,
        topic: &TopicName,
        partition: i32,
        producer: ProducerId,
    ) -> bool {
        let partitions = self.open.entry_or_default(group).entry_or_default(topic);
        partitions.entry_or_default(&partition).insert(producer, ()).is_none()
    }

    /// False if it was not open there.
    pub(in crate::coordinator) fn close(
        &mut self,
        group: &GroupId,
        topic: &TopicName,
        partition: i32,
        producer: ProducerId,
    ) -> bool {
        let Some(topics) = self.open.get_mut(group) else { return false };
        let Some(partitions) = topics.get_mut(topic) else { return false };
        let Some(producers) = partitions.get_mut(&partition) else { return false };
        let closed = producers.remove(&producer).is_some();
        if producers.is_empty() {
            partitions.remove(&partition);
        }
        if partitions.is_empty() {
            topics.remove(topic);
        }
        if topics.is_empty() {
            self.open.remove(group);
        }
        closed
    }

    fn open_at(&self, group: &GroupId, topic: &TopicName, partition: i32) -> Option<&TimelineMap<ProducerId, ()>> {
        self.open.get(group)?.get(topic)?.get(&partition)
    }
}
