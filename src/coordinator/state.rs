//! What a failed append undoes (classic-coordinator.md 0.4): the map of groups, offsets and open transactions, with a
//! journal of changes that are not committed yet.
//!
//! Kafka keeps snapshots; here each change notes how it is undone, so that a change costs the same whatever there is
//! to be kept, and undoing or reading the committed state costs what is uncommitted.

use std::collections::VecDeque;
use std::rc::Rc;

use crate::engine::Millis;
use crate::protocol::{GroupId, ProducerId, TopicName, TopicPartition};

use super::classic::{ClassicGroup, group_from_record};
use super::env::Unexpected;
use super::offsets::{CommitPart, OffsetStore, StoredOffset};
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
    /// Offsets were put in the place of those that the same partitions were committed with before.
    PartReplaced(CommitPart),
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
            let made = ClassicGroup::new(*group, self.groups_made, now);
            self.put_group(made, self.last_written + 1);
        }
        (is_new, self.groups.get_mut(group).expect("it was just put there"))
    }

    fn put_group(&mut self, group: ClassicGroup, end: i64) {
        let group_id = group.group_id;
        let previous = self.groups.insert(group_id, Box::new(group));
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

    /// A plain commit, topic by topic.
    fn replay_commits(&mut self, base_offset: i64, commit: &Rc<CommitRecords>, now: Millis) {
        let mut first = 0;
        for of_topic in commit.partitions.chunk_by(|left, right| left.partition.topic == right.partition.topic) {
            let len = of_topic.len();
            self.ensure_group(base_offset + first as i64 + 1, &commit.group, now);
            self.put_part(CommitPart { records: commit.clone(), base_offset, first, len });
            first += len;
        }
    }

    /// What a commit says of one topic: as a rule it replaces what the same partitions were committed with before.
    fn put_part(&mut self, part: CommitPart) {
        if let Some(former) = self.offsets.committed.replace_part(&part) {
            return self.note(part.end(), Change::PartReplaced(former));
        }
        let (group, topic, len, end) = (part.records.group, *part.topic(), part.len, part.end());
        self.offsets.committed.put_part(part, &mut self.replaced);
        self.note_put(end, &group, &topic, len);
    }

    /// An offset of a group that does not exist makes a simple one.
    fn ensure_group(&mut self, end: i64, group: &GroupId, now: Millis) {
        if !self.groups.contains_key(group) {
            self.groups_made += 1;
            let simple = ClassicGroup::new(*group, self.groups_made, now);
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
                let loaded = group_from_record(*group, self.groups_made, value, now)?;
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
        let stored = StoredOffset::of_record(value.clone(), offset);
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
            self.note(end, Change::OffsetRemoved { group: *group, partition: *partition, offset });
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
                let each = partitions
                    .iter()
                    .map(|(number, offset)| (*group, TopicPartition::new(*topic, *number), offset.clone()));
                ended.extend(each);
            }
        }
        for (group, partition, offset) in ended {
            self.remove_pending(end, producer, &group, &partition);
            self.close(end, producer, &group, &partition);
            let existing = self.offsets.committed.get(&group, &partition.topic, partition.partition);
            // The younger record wins.
            if commit && existing.is_none_or(|existing| offset.record_offset() > existing.record_offset()) {
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
        let (group, partition) = (*group, *partition);
        if self.offsets.open(&group, topic, number, producer) {
            let opened = Change::TransactionOpened { producer, group, partition };
            self.note(end, opened);
        }
        self.note(end, Change::PendingPut { producer, group, partition, previous });
    }

    fn remove_pending(&mut self, end: i64, producer: ProducerId, group: &GroupId, partition: &TopicPartition) {
        let Some(pending) = self.offsets.pending.get_mut(&producer) else { return };
        if let Some(offset) = pending.remove(group, &partition.topic, partition.partition) {
            let (group, partition) = (*group, *partition);
            self.note(end, Change::PendingRemoved { producer, group, partition, offset });
        }
    }

    fn close(&mut self, end: i64, producer: ProducerId, group: &GroupId, partition: &TopicPartition) {
        if self.offsets.close(group, &partition.topic, partition.partition, producer) {
            let (group, partition) = (*group, *partition);
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
            self.journal.push_back((end, Change::OffsetsPut { group: *group, topic: *topic, count }));
        } else {
            self.replaced.truncate(self.replaced.len() - count);
        }
    }

    /// The high watermark moved.
    pub(super) fn commit_to(&mut self, high_watermark: i64) {
        self.last_committed = self.last_committed.max(high_watermark);
        let settled = self.journal.iter().take_while(|(end, _)| *end <= self.last_committed).count();
        let puts = self.journal.drain(..settled).map(|(_, change)| match change {
            Change::OffsetsPut { count, .. } => count,
            _ => 0,
        });
        let replaced: usize = puts.sum();
        self.replaced.drain(..replaced);
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
            Change::GroupRemoved(removed) => _ = self.groups.insert(removed.group_id, removed),
            Change::OffsetsPut { group, topic, count } => {
                let first = self.replaced.len() - count;
                for (partition, previous) in self.replaced.drain(first..).rev() {
                    self.offsets.committed.remove(&group, &topic, partition);
                    if let Some(previous) = previous {
                        self.offsets.committed.put(&group, &topic, partition, previous);
                    }
                }
            }
            Change::PartReplaced(former) => self.put_back(former),
            Change::OffsetRemoved { group, partition, offset } => {
                self.offsets.committed.put(&group, &partition.topic, partition.partition, offset);
            }
            other => self.undo_transactional(other),
        }
    }

    /// The offsets that were there before the same partitions were committed anew.
    fn put_back(&mut self, former: CommitPart) {
        let (records, first, len) = (former.records.clone(), former.first, former.len);
        let offsets: Vec<StoredOffset> = StoredOffset::of_part(former).collect();
        for (committed, offset) in records.partitions[first..][..len].iter().zip(offsets).rev() {
            let TopicPartition { topic, partition } = &committed.partition;
            self.offsets.committed.remove(&records.group, topic, *partition);
            self.offsets.committed.put(&records.group, topic, *partition, offset);
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
    pub(super) fn committed_offset(&self, group: &GroupId, topic: &TopicName, number: i32) -> Option<StoredOffset> {
        let mut replaced = self.replaced.iter();
        let first = self.journal.iter().find_map(|(_, change)| match change {
            Change::OffsetsPut { group: of, topic: on, count } => {
                let same = of == group && on == topic;
                let mut theirs = replaced.by_ref().take(*count);
                let changed = theirs.find(|(partition, _)| same && *partition == number);
                changed.map(|(_, previous)| previous.clone())
            }
            Change::PartReplaced(former) if former.records.group == *group && former.topic() == topic => {
                former.offset_of(number).map(Some)
            }
            Change::OffsetRemoved { group: of, partition, offset }
                if of == group && partition.partition == number && partition.topic == *topic =>
            {
                Some(Some(offset.clone()))
            }
            _ => None,
        });
        first.unwrap_or_else(|| self.offsets.committed.get(group, topic, number).cloned())
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
                removed.push(*partition);
            }
        }
        removed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::TopicId;
    use crate::protocol::message::CommittedPartition;

    fn partition(number: i32) -> TopicPartition {
        TopicPartition::new("orders", number)
    }

    fn commit(state: &mut State, base_offset: i64, numbers: &[i32], offset: i64) {
        let committed = numbers.iter().map(|number| CommittedPartition {
            partition: partition(*number),
            topic_id: TopicId::ZERO,
            offset,
            leader_epoch: -1,
            metadata: None,
        });
        let partitions = committed.collect();
        let (group, commit_timestamp) = (GroupId::from("billing"), Millis(offset));
        let records = CommitRecords { group, partitions, producer: None, commit_timestamp, expire_timestamp: None };
        state.replay_all(base_offset, &Records::Commit(Rc::new(records)), Millis(0)).unwrap();
    }

    fn remove(state: &mut State, base_offset: i64, number: i32) {
        let (group, partition) = (GroupId::from("billing"), partition(number));
        let tombstone = Record::OffsetCommit { group, partition, producer: None, value: None };
        state.replay_all(base_offset, &vec![tombstone].into(), Millis(0)).unwrap();
    }

    /// The newest offsets of partitions 0 to 2, and those in the committed state.
    fn offsets(state: &State) -> ([Option<i64>; 3], [Option<i64>; 3]) {
        let (group, topic) = (GroupId::from("billing"), TopicName::from("orders"));
        let newest = |number| state.offsets.committed.get(&group, &topic, number).map(|stored| stored.value().offset);
        let committed = |number| state.committed_offset(&group, &topic, number).map(|stored| stored.value().offset);
        ([0, 1, 2].map(newest), [0, 1, 2].map(committed))
    }

    #[test]
    fn a_failed_commit_of_the_same_partitions_gives_the_former_offsets_back() {
        let mut state = State::default();
        commit(&mut state, 0, &[0, 1, 2], 10);
        state.commit_to(3);
        commit(&mut state, 3, &[0, 1, 2], 20);
        commit(&mut state, 6, &[0, 1, 2], 30);
        assert_eq!(offsets(&state), ([Some(30); 3], [Some(10); 3]));
        state.revert_to(6);
        assert_eq!(offsets(&state), ([Some(20); 3], [Some(10); 3]));
        state.revert_to(3);
        assert_eq!(offsets(&state), ([Some(10); 3], [Some(10); 3]));
        commit(&mut state, 3, &[0, 1, 2], 40);
        state.commit_to(6);
        assert_eq!(offsets(&state), ([Some(40); 3], [Some(40); 3]));
    }

    #[test]
    fn offsets_that_were_removed_or_committed_otherwise_since_are_given_back_as_they_were() {
        let mut state = State::default();
        commit(&mut state, 0, &[0, 1, 2], 10);
        state.commit_to(3);
        remove(&mut state, 3, 1);
        commit(&mut state, 4, &[0], 20);
        commit(&mut state, 5, &[0, 1, 2], 30);
        assert_eq!(offsets(&state), ([Some(30); 3], [Some(10); 3]));
        state.revert_to(5);
        assert_eq!(offsets(&state), ([Some(20), None, Some(10)], [Some(10); 3]));
        state.revert_to(4);
        assert_eq!(offsets(&state), ([Some(10), None, Some(10)], [Some(10); 3]));
        commit(&mut state, 4, &[0, 1, 2], 40);
        state.revert_to(3);
        assert_eq!(offsets(&state), ([Some(10); 3], [Some(10); 3]));
    }

    #[test]
    fn each_offset_knows_the_place_of_its_own_record() {
        let mut state = State::default();
        let places = |state: &State| {
            let (group, topic) = (GroupId::from("billing"), TopicName::from("orders"));
            [0, 1, 2].map(|number| state.offsets.committed.get(&group, &topic, number).unwrap().record_offset())
        };
        commit(&mut state, 0, &[2, 0, 1], 10);
        assert_eq!(places(&state), [1, 2, 0]);
        commit(&mut state, 3, &[2, 0, 1], 20);
        assert_eq!(places(&state), [4, 5, 3]);
        commit(&mut state, 6, &[0, 1, 2], 30);
        assert_eq!(places(&state), [6, 7, 8]);
    }
}
