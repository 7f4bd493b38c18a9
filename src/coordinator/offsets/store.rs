//! Offsets in memory: committed ones, those of open transactions, and which transactions are open where.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use crate::coordinator::record::{CommitRecords, OffsetCommitValue};
use crate::coordinator::timeline::TimelineMap;
use crate::protocol::message::CommittedPartition;
use crate::protocol::{GroupId, ProducerId, TopicName};

/// What a commit says of one topic: partitions that follow each other in it. Cheap to clone.
#[derive(Clone, Debug)]
pub(in crate::coordinator) struct CommitPart {
    pub(in crate::coordinator) records: Rc<CommitRecords>,
    /// Offset of the commit's first record.
    pub(in crate::coordinator) base_offset: i64,
    /// Place of the first one in the commit.
    pub(in crate::coordinator) first: usize,
    /// How many they are.
    pub(in crate::coordinator) len: usize,
}

impl CommitPart {
    pub(in crate::coordinator) fn partitions(&self) -> &[CommittedPartition] {
        &self.records.partitions[self.first..][..self.len]
    }

    pub(in crate::coordinator) fn topic(&self) -> &TopicName {
        &self.partitions()[0].partition.topic
    }

    /// Offset after the last record.
    pub(in crate::coordinator) fn end(&self) -> i64 {
        self.base_offset + (self.first + self.len) as i64
    }

    /// The offset of a partition, if it is among them.
    pub(in crate::coordinator) fn offset_of(&self, partition: i32) -> Option<StoredOffset> {
        let place = self.partitions().iter().position(|committed| committed.partition.partition == partition)?;
        Some(StoredOffset::of_record(self.value(place), self.record_offset(place)))
    }

    fn value(&self, place: usize) -> OffsetCommitValue {
        self.records.value(&self.partitions()[place])
    }

    fn record_offset(&self, place: usize) -> i64 {
        self.base_offset + (self.first + place) as i64
    }
}

/// A stored offset with the place of its record in the log, which decides between plain and transactional commits.
///
/// Members commit the same partitions again and again. Offsets that were committed together know their commit alone and
/// their place in it, so that the next one takes a single change instead of one for each partition.
#[derive(Clone, Debug)]
pub struct StoredOffset(Source);

#[derive(Clone, Debug)]
enum Source {
    /// With others of a commit.
    Part { part: Rc<RefCell<CommitPart>>, place: u32 },
    /// By itself, of a commit: at this place of its records.
    Commit { records: Rc<CommitRecords>, place: u32, record_offset: i64 },
    /// Of another record.
    Record(Rc<(OffsetCommitValue, i64)>),
}

impl StoredOffset {
    /// That of one record.
    pub(in crate::coordinator) fn of_record(value: OffsetCommitValue, record_offset: i64) -> Self {
        StoredOffset(Source::Record(Rc::new((value, record_offset))))
    }

    /// Those of the partitions of a commit's part, in their order.
    pub(in crate::coordinator) fn of_part(part: CommitPart) -> impl Iterator<Item = StoredOffset> {
        let places = 0..part.len as u32;
        let part = Rc::new(RefCell::new(part));
        places.map(move |place| StoredOffset(Source::Part { part: part.clone(), place }))
    }

    /// Puts a newer commit in the place of the one that this offset begins: what was there. `None` unless all partitions
    /// stand as they were committed then, and the newer one names the same.
    pub(in crate::coordinator) fn replace_part(&self, newer: &CommitPart) -> Option<CommitPart> {
        let Source::Part { part, place: 0 } = &self.0 else { return None };
        let number = |committed: &CommittedPartition| committed.partition.partition;
        let numbers = newer.partitions().iter().map(number);
        // Only offsets in memory hold on to it: see `settled`.
        let stands = Rc::strong_count(part) == newer.len && part.borrow().partitions().iter().map(number).eq(numbers);
        stands.then(|| part.replace(newer.clone()))
    }

    /// As it is now, whatever becomes of those that it was committed with: for one that is taken out of memory.
    fn settled(self) -> StoredOffset {
        match self.0 {
            Source::Part { part, place } => {
                let part = part.borrow();
                let record_offset = part.record_offset(place as usize);
                let place = part.first as u32 + place;
                StoredOffset(Source::Commit { records: part.records.clone(), place, record_offset })
            }
            Source::Commit { .. } | Source::Record(_) => self,
        }
    }

    /// What was committed.
    pub fn value(&self) -> OffsetCommitValue {
        match &self.0 {
            Source::Part { part, place } => part.borrow().value(*place as usize),
            Source::Commit { records, place, .. } => records.value(&records.partitions[*place as usize]),
            Source::Record(record) => record.0.clone(),
        }
    }

    /// Offset of its record.
    pub fn record_offset(&self) -> i64 {
        match &self.0 {
            Source::Part { part, place } => part.borrow().record_offset(*place as usize),
            Source::Commit { record_offset, .. } => *record_offset,
            Source::Record(record) => record.1,
        }
    }
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
        self.topic_mut(group, topic).insert(partition, offset).map(StoredOffset::settled)
    }

    /// Puts a part of a commit: in the place of the former commit, which comes back, if that was about the same partitions.
    pub(in crate::coordinator) fn replace_part(&mut self, newer: &CommitPart) -> Option<CommitPart> {
        let first = &newer.partitions().first()?.partition;
        let partitions = self.topic_mut(&newer.records.group, &first.topic);
        if partitions.is_full() { None } else { partitions.get(&first.partition)?.replace_part(newer) }
    }

    /// Puts a part of a commit, partition by partition: what was there goes to `replaced`, in their order.
    pub(in crate::coordinator) fn put_part(
        &mut self,
        newer: CommitPart,
        replaced: &mut VecDeque<(i32, Option<StoredOffset>)>,
    ) {
        let records = newer.records.clone();
        let of_topic = &records.partitions[newer.first..][..newer.len];
        let Some(first) = of_topic.first() else { return };
        let partitions = self.topic_mut(&records.group, &first.partition.topic);
        for (committed, offset) in of_topic.iter().zip(StoredOffset::of_part(newer)) {
            let number = committed.partition.partition;
            replaced.push_back((number, partitions.insert(number, offset).map(StoredOffset::settled)));
        }
    }

    fn topic_mut(&mut self, group: &GroupId, topic: &TopicName) -> &mut TimelineMap<i32, StoredOffset> {
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
        removed.map(StoredOffset::settled)
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
        let each = topics.iter().flat_map(|(topic, partitions)| partitions.keys().map(|p| (*topic, *p)));
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
