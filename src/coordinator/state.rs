//! What a failed append undoes (classic-coordinator.md 0.4): the map of groups, offsets and open transactions, with a
//! journal of changes that are not committed yet.
//!
//! Kafka keeps snapshots; here each change notes how it is undone, so that a change costs the same whatever there is
//! to be kept, and undoing or reading the committed state costs what is uncommitted.

use std::collections::VecDeque;

use crate::engine::Millis;
use crate::protocol::{GroupId, ProducerId, TopicName, TopicPartition};

use super::classic::{ClassicGroup, group_from_record};
use super::env::Unexpected;
use super::offsets::{OffsetStore, StoredOffset};
use super::record::{CommitRecords, LoggedRecord, OffsetCommitValue, Record, Records};

/// How a change is undone.
enum Change {
    /// A group came into the map where none was, or another.
    GroupPut {
        group: GroupId,
        previous: Option<Box<ClassicGroup>>,
    },
    GroupRemoved(Box<ClassicGroup>),
    /// Offsets of so many partitions of one topic: what was there before stands in [`State::replaced`].
    OffsetsPut {
        group: GroupId,
        topic: TopicName,
        count: usize,
    },
    OffsetRemoved {
        group: GroupId,
        partition: TopicPartition,
        offset: StoredOffset,
    },
    PendingPut {
        producer: ProducerId,
        group: GroupId,
        partition: TopicPartition,
        previous: Option<StoredOffset>,
    },
    PendingRemoved {
        producer: ProducerId,
        group: GroupId,
        partition: TopicPartition,
        offset: StoredOffset,
    },
    ProducerAdded(ProducerId),
    ProducerRemoved(ProducerId),
    TransactionOpened {
        producer: ProducerId,
        group: GroupId,
        partition: TopicPartition,
    },
    TransactionClosed {
        producer: ProducerId,
        group: GroupId,
        partition: TopicPartition,
    },
}

/// The state of a shard that follows its log.
#[derive(Default)]
pub(super) struct State {
    groups: super::timeline::TimelineMap<GroupId, Box<ClassicGroup>>,
    pub(super) offsets: OffsetStore,
    /// Uncommitted changes in order, each with the end offset of the records that it belongs to.
    journal: VecDeque<(i64, Change)>,
    /// What stood where the journal's [`Change::OffsetsPut`] put offsets, in their order, by partition.
    replaced: VecDeque<(i32, Option<StoredOffset>)>,
    /// Offset after the last record appended.
    pub(super) last_written: i64,
    /// The high watermark.
    pub(super) last_committed: i64,
    groups_made: u64,
}

/// Groups.
impl State {
    /// The state of a log that is to be loaded.
    pub(super) fn of_log(log_end: i64, high_watermark: i64) -> Self {
        State { last_written: log_end, last_committed: high_watermark, ..State::default() }
    }

    pub(super) fn group(&self, group: &GroupId) -> Option<&ClassicGroup> {
        self.groups.get(group).map(Box::as_ref)
    }

    pub(super) fn group_mut(&mut self, group: &GroupId) -> Option<&mut ClassicGroup> {
        self.groups.get_mut(group).map(Box::as_mut)
    }

    /// Groups in Kafka's order.
    pub(super) fn groups(&self) -> impl Iterator<Item = &ClassicGroup> {
        self.groups.iter().map(|(_, group)| group.as_ref())
    }

    pub(super) fn group_ids(&self) -> Vec<GroupId> {
        self.groups.keys().cloned().collect()
    }

    pub(super) fn group_count(&self) -> usize {
        self.groups.len()
    }

    /// The group, made Empty if there is none. Says whether it was made.
    pub(super) fn get_or_create_group(&mut self, group: &GroupId, now: Millis) -> (bool, &mut ClassicGroup) {
        let is_new = !self.groups.contains_key(group);
        if is_new {
            self.groups_made += 1;
            let made = ClassicGroup::new(group.clone(), self.groups_made, now);
            self.put_group(made, self.last_written + 1);
        }
        (is_new, self.groups.get_mut(group).expect("it was just put there"))
    }

    fn put_group(&mut self, group: ClassicGroup, end: i64) {
        let group_id = group.group_id.clone();
        let previous = self.groups.insert(group_id.clone(), Box::new(group));
        self.note(end, Change::GroupPut { group: group_id, previous });
    }

    /// Was the group there in the committed state?
    pub(super) fn was_group_committed(&self, group: &GroupId) -> bool {
        let first = self.journal.iter().find_map(|(_, change)| match change {
            Change::GroupPut { group: changed, previous } if changed == group => Some(previous.is_some()),
            Change::GroupRemoved(removed) if removed.group_id == *group => Some(true),
            _ => None,
        });
        first.unwrap_or_else(|| self.groups.contains_key(group))
    }
}

/// Applying records.
impl State {
    /// Applies records that were appended at `base_offset`, where Kafka replays them.
    pub(super) fn replay_all(&mut self, base_offset: i64, records: &Records, now: Millis) -> Result<(), Unexpected> {
        match records {
            Records::Commit(commit) if commit.producer.is_none() => self.replay_commits(base_offset, commit, now),
            others => {
                for (record, offset) in others.iter().zip(base_offset..) {
                    self.replay(offset, &record, now)?;
                }
            }
        }
        Ok(())
    }

    /// A plain commit: looks each topic up once.
    fn replay_commits(&mut self, base_offset: i64, commit: &CommitRecords, now: Millis) {
        let group = &commit.group;
        let mut record_offset = base_offset;
        for run in commit.partitions.chunk_by(|left, right| left.partition.topic == right.partition.topic) {
            self.ensure_group(record_offset + 1, group, now);
            let topic = &run[0].partition.topic;
            let partitions = self.offsets.committed.topic_mut(group, topic);
            for committed in run {
                let stored = StoredOffset { value: commit.value(committed), record_offset };
                let number = committed.partition.partition;
                self.replaced.push_back((number, partitions.insert(number, stored)));
                record_offset += 1;
            }
            self.note_put(record_offset, group, topic, run.len());
        }
    }

    /// An offset of a group that does not exist makes a simple one.
    fn ensure_group(&mut self, end: i64, group: &GroupId, now: Millis) {
        if !self.groups.contains_key(group) {
            self.groups_made += 1;
            let simple = ClassicGroup::new(group.clone(), self.groups_made, now);
            self.put_group(simple, end);
        }
    }

    fn replay(&mut self, offset: i64, record: &Record, now: Millis) -> Result<(), Unexpected> {
        match record {
            Record::GroupMetadata { group, value: None } => {
                if let Some(removed) = self.groups.remove(group) {
                    self.note(offset + 1, Change::GroupRemoved(removed));
                }
            }
            Record::GroupMetadata { group, value: Some(value) } => {
                self.groups_made += 1;
                let loaded = group_from_record(group.clone(), self.groups_made, value, now)?;
                self.put_group(loaded, offset + 1);
            }
            Record::OffsetCommit { group, partition, producer, value: Some(value) } => {
                self.replay_commit(offset, group, partition, producer.map(|(id, _)| id), value, now);
            }
            Record::OffsetCommit { group, partition, value: None, .. } => {
                self.replay_offset_tombstone(offset, group, partition);
            }
            Record::EndTxnMarker { producer_id, commit, .. } => self.replay_marker(offset, *producer_id, *commit),
        }
        Ok(())
    }

    /// Reads the log of a new leader (classic-coordinator.md 7.4).
    pub(super) fn load(&mut self, records: &[LoggedRecord], now: Millis) -> Result<(), Unexpected> {
        for LoggedRecord { offset, record } in records {
            match record {
                Record::OffsetCommit { group, partition, producer, value: Some(value) } => {
                    let read = value.as_read();
                    self.replay_commit(*offset, group, partition, producer.map(|(id, _)| id), &read, now);
                }
                other => self.replay(*offset, other, now)?,
            }
        }
        Ok(())
    }

    fn replay_commit(
        &mut self,
        offset: i64,
        group: &GroupId,
        partition: &TopicPartition,
        producer: Option<ProducerId>,
        value: &OffsetCommitValue,
        now: Millis,
    ) {
        self.ensure_group(offset + 1, group, now);
        let stored = StoredOffset { value: value.clone(), record_offset: offset };
        match producer {
            None => self.put_offset(offset + 1, group, partition, stored),
            Some(producer) => self.put_pending(offset + 1, producer, group, partition, stored),
        }
    }

    /// A tombstone removes the committed value and those of open transactions (classic-coordinator.md 6.4).
    fn replay_offset_tombstone(&mut self, offset: i64, group: &GroupId, partition: &TopicPartition) {
        let TopicPartition { topic, partition: number } = partition;
        let end = offset + 1;
        if let Some(offset) = self.offsets.committed.remove(group, topic, *number) {
            self.note(end, Change::OffsetRemoved { group: group.clone(), partition: partition.clone(), offset });
        }
        for producer in self.offsets.open_producers(group, topic, *number) {
            self.remove_pending(end, producer, group, partition);
            self.close(end, producer, group, partition);
        }
    }

    /// A transaction ends (classic-coordinator.md 6.4).
    fn replay_marker(&mut self, offset: i64, producer: ProducerId, commit: bool) {
        let end = offset + 1;
        let Some(pending) = self.offsets.pending.get(&producer) else { return };
        let mut ended: Vec<(GroupId, TopicPartition, StoredOffset)> = Vec::new();
        for (group, topics) in pending.by_group.iter() {
            for (topic, partitions) in topics.iter() {
                let each = partitions.iter().map(|(number, offset)| {
                    (group.clone(), TopicPartition::new(topic.clone(), *number), offset.clone())
                });
                ended.extend(each);
            }
        }
        for (group, partition, offset) in ended {
            self.remove_pending(end, producer, &group, &partition);
            self.close(end, producer, &group, &partition);
            let existing = self.offsets.committed.get(&group, &partition.topic, partition.partition);
            // The younger record wins.
            if commit && existing.is_none_or(|existing| offset.record_offset > existing.record_offset) {
                self.put_offset(end, &group, &partition, offset);
            }
        }
        self.offsets.pending.remove(&producer);
        self.note(end, Change::ProducerRemoved(producer));
    }

    fn put_offset(&mut self, end: i64, group: &GroupId, partition: &TopicPartition, stored: StoredOffset) {
        let TopicPartition { topic, partition } = partition;
        self.replaced.push_back((*partition, self.offsets.committed.put(group, topic, *partition, stored)));
        self.note_put(end, group, topic, 1);
    }

    fn put_pending(
        &mut self,
        end: i64,
        producer: ProducerId,
        group: &GroupId,
        partition: &TopicPartition,
        stored: StoredOffset,
    ) {
        let (topic, number) = (&partition.topic, partition.partition);
        if !self.offsets.pending.contains_key(&producer) {
            self.offsets.pending.insert(producer, Default::default());
            self.note(end, Change::ProducerAdded(producer));
        }
        let pending = self.offsets.pending.get_mut(&producer).expect("it was just put there");
        let previous = pending.put(group, topic, number, stored);
        let (group, partition) = (group.clone(), partition.clone());
        if self.offsets.open(&group, topic, number, producer) {
            let opened = Change::TransactionOpened { producer, group: group.clone(), partition: partition.clone() };
            self.note(end, opened);
        }
        self.note(end, Change::PendingPut { producer, group, partition, previous });
    }

    fn remove_pending(&mut self, end: i64, producer: ProducerId, group: &GroupId, partition: &TopicPartition) {
        let Some(pending) = self.offsets.pending.get_mut(&producer) else { return };
        if let Some(offset) = pending.remove(group, &partition.topic, partition.partition) {
            let (group, partition) = (group.clone(), partition.clone());
            self.note(end, Change::PendingRemoved { producer, group, partition, offset });
        }
    }

    fn close(&mut self, end: i64, producer: ProducerId, group: &GroupId, partition: &TopicPartition) {
        if self.offsets.close(group, &partition.topic, partition.partition, producer) {
            let (group, partition) = (group.clone(), partition.clone());
            self.note(end, Change::TransactionClosed { producer, group, partition });
        }
    }
}

/// The journal.
impl State {
    fn note(&mut self, end: i64, change: Change) {
        // While a log is loaded, its committed part needs no undoing.
        if end > self.last_committed {
            self.journal.push_back((end, change));
        }
    }

    /// The last `count` of [`State::replaced`] are of one topic.
    fn note_put(&mut self, end: i64, group: &GroupId, topic: &TopicName, count: usize) {
        if end > self.last_committed {
            self.journal.push_back((end, Change::OffsetsPut { group: group.clone(), topic: topic.clone(), count }));
        } else {
            self.replaced.truncate(self.replaced.len() - count);
        }
    }

    /// The high watermark moved.
    pub(super) fn commit_to(&mut self, high_watermark: i64) {
        self.last_committed = self.last_committed.max(high_watermark);
        while let Some((_, change)) = self.journal.pop_front_if(|(end, _)| *end <= self.last_committed) {
            if let Change::OffsetsPut { count, .. } = change {
                self.replaced.drain(..count);
            }
        }
    }

    /// The append at `base_offset` failed: takes back everything since. Returns the groups that are gone by that; who
    /// waits for their records still needs the objects.
    pub(super) fn revert_to(&mut self, base_offset: i64) -> Vec<ClassicGroup> {
        let mut gone = Vec::new();
        while self.journal.back().is_some_and(|(end, _)| *end > base_offset) {
            if let Some((_, change)) = self.journal.pop_back() {
                self.undo(change, &mut gone);
            }
        }
        self.last_written = base_offset;
        gone
    }

    fn undo(&mut self, change: Change, gone: &mut Vec<ClassicGroup>) {
        match change {
            Change::GroupPut { group, previous } => {
                gone.extend(self.groups.remove(&group).map(|group| *group));
                if let Some(previous) = previous {
                    self.groups.insert(group, previous);
                }
            }
            Change::GroupRemoved(removed) => _ = self.groups.insert(removed.group_id.clone(), removed),
            Change::OffsetsPut { group, topic, count } => {
                let first = self.replaced.len() - count;
                for (partition, previous) in self.replaced.drain(first..).rev() {
                    self.offsets.committed.remove(&group, &topic, partition);
                    if let Some(previous) = previous {
                        self.offsets.committed.put(&group, &topic, partition, previous);
                    }
                }
            }
            Change::OffsetRemoved { group, partition, offset } => {
                self.offsets.committed.put(&group, &partition.topic, partition.partition, offset);
            }
            other => self.undo_transactional(other),
        }
    }

    fn undo_transactional(&mut self, change: Change) {
        match change {
            Change::PendingPut { producer, group, partition, previous } => {
                let Some(pending) = self.offsets.pending.get_mut(&producer) else { return };
                pending.remove(&group, &partition.topic, partition.partition);
                if let Some(previous) = previous {
                    pending.put(&group, &partition.topic, partition.partition, previous);
                }
            }
            Change::PendingRemoved { producer, group, partition, offset } => {
                let Some(pending) = self.offsets.pending.get_mut(&producer) else { return };
                pending.put(&group, &partition.topic, partition.partition, offset);
            }
            Change::ProducerAdded(producer) => _ = self.offsets.pending.remove(&producer),
            Change::ProducerRemoved(producer) => _ = self.offsets.pending.insert(producer, Default::default()),
            Change::TransactionOpened { producer, group, partition } => {
                self.offsets.close(&group, &partition.topic, partition.partition, producer);
            }
            Change::TransactionClosed { producer, group, partition } => {
                self.offsets.open(&group, &partition.topic, partition.partition, producer);
            }
            _ => {}
        }
    }

    /// The committed state of a partition's offset.
    pub(super) fn committed_offset(&self, group: &GroupId, topic: &TopicName, number: i32) -> Option<&StoredOffset> {
        let mut replaced = self.replaced.iter();
        let first = self.journal.iter().find_map(|(_, change)| match change {
            Change::OffsetsPut { group: of, topic: on, count } => {
                let same = of == group && on == topic;
                let mut theirs = replaced.by_ref().take(*count);
                let changed = theirs.find(|(partition, _)| same && *partition == number);
                changed.map(|(_, previous)| previous.as_ref())
            }
            Change::OffsetRemoved { group: of, partition, offset }
                if of == group && partition.partition == number && partition.topic == *topic =>
            {
                Some(Some(offset))
            }
            _ => None,
        });
        first.unwrap_or_else(|| self.offsets.committed.get(group, topic, number))
    }

    /// Partitions of a group that have no offset now but may have one in the committed state.
    pub(super) fn removed_since_commit(&self, group: &GroupId) -> Vec<TopicPartition> {
        let mut removed: Vec<TopicPartition> = Vec::new();
        for (_, change) in &self.journal {
            if let Change::OffsetRemoved { group: changed, partition, .. } = change
                && changed == group
                && !removed.contains(partition)
                && self.offsets.committed.get(group, &partition.topic, partition.partition).is_none()
            {
                removed.push(partition.clone());
            }
        }
        removed
    }
}
