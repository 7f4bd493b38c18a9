//! What the log cleaner leaves of a log's replicated part: of each key the newest record, unless that is a tombstone.
//!
//! Nothing is searched for: each key knows where its newest record is, and each batch how many of its records are the
//! newest of their keys. A batch without any is gone at once. Nearly all commits name the partitions that their consumer's
//! last one named, and take its place as a whole.

use rustc_hash::FxHashMap;

use crate::coordinator::{LoggedRecord, Record, Records};
use crate::engine::Slab;
use crate::protocol::message::CommittedPartition;
use crate::protocol::{GroupId, TopicName};

use super::log::Batch;

/// Where a record is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Place {
    /// Key of its batch.
    batch: u32,
    /// Place inside.
    record: u32,
}

/// A batch of which something is left.
struct Kept {
    batch: Batch,
    /// How many of its records stay.
    records: u32,
}

/// The batches of which something is left.
#[derive(Default)]
struct Batches {
    kept: Slab<Kept>,
    /// How many records stay.
    records: u64,
}

impl Batches {
    fn insert(&mut self, batch: Batch) -> u32 {
        let records = batch.records.len() as u32;
        self.records += u64::from(records);
        self.kept.insert(Kept { batch, records })
    }

    /// A record goes, and its batch with the last one.
    fn drop_record(&mut self, Place { batch, .. }: Place) {
        let kept = self.kept.get_mut(batch).expect("a batch stays as long as a record of it");
        kept.records -= 1;
        self.records -= 1;
        if kept.records == 0 {
            self.kept.remove(batch);
        }
    }

    /// The newest record of a key is here now: what was it goes, and so does a tombstone itself.
    fn renew(&mut self, newest: &mut Option<Place>, here: Place, is_tombstone: bool) {
        let former = std::mem::replace(newest, (!is_tombstone).then_some(here));
        if let Some(former) = former {
            self.drop_record(former);
        }
        if is_tombstone {
            self.drop_record(here);
        }
    }
}

/// Where the newest offset of each partition of one group's topic is.
struct TopicPlaces {
    group: GroupId,
    topic: TopicName,
    partitions: Vec<Option<Place>>,
}

/// Where the newest offset of each partition is.
#[derive(Default)]
struct OffsetPlaces {
    topics: Vec<TopicPlaces>,
    index: FxHashMap<(GroupId, TopicName), usize>,
    /// What was asked for last: it is asked for again more often than not, and texts are slow to hash.
    last: usize,
}

impl OffsetPlaces {
    fn of(&mut self, group: &GroupId, topic: &TopicName) -> &mut TopicPlaces {
        if self.topics.get(self.last).is_none_or(|last| last.topic != *topic || last.group != *group) {
            self.last = *self.index.entry((*group, *topic)).or_insert(self.topics.len());
            if self.last == self.topics.len() {
                self.topics.push(TopicPlaces { group: *group, topic: *topic, partitions: Vec::new() });
            }
        }
        &mut self.topics[self.last]
    }

    fn get(&self, group: &GroupId, topic: &TopicName, partition: i32) -> Option<Place> {
        let topic = *self.index.get(&(*group, *topic))?;
        *self.topics[topic].partitions.get(partition as usize)?
    }
}

impl TopicPlaces {
    fn partition(&mut self, number: i32) -> &mut Option<Place> {
        let place = number as usize;
        if place >= self.partitions.len() {
            self.partitions.resize(place + 1, None);
        }
        &mut self.partitions[place]
    }
}

/// The replicated part of a log, compacted. Records of transactions stay.
#[derive(Default)]
pub struct CleanedLog {
    batches: Batches,
    groups: FxHashMap<GroupId, Option<Place>>,
    offsets: OffsetPlaces,
}

impl CleanedLog {
    /// The next batch is replicated.
    pub fn push(&mut self, batch: Batch) {
        if let Some(former) = self.same_partitions(&batch) {
            *former = batch;
            return;
        }
        // Those of a commit are shared, and others are few.
        let records = batch.records.clone();
        let key = self.batches.insert(batch);
        match &records {
            Records::Commit(commit) if commit.producer.is_none() => {
                self.push_offsets(key, &commit.group, &commit.partitions);
            }
            Records::Commit(_) => {}
            Records::Each(records) => {
                for (record, place) in records.iter().zip(0..) {
                    self.push_record(Place { batch: key, record: place }, record);
                }
            }
        }
    }

    /// The commit, nothing of which is gone, whose records are replaced by this one's, all of them and place by place.
    fn same_partitions(&mut self, batch: &Batch) -> Option<&mut Batch> {
        let Records::Commit(commit) = &batch.records else { return None };
        let first = commit.partitions.first().filter(|_| commit.producer.is_none())?;
        let newest = *self.offsets.of(&commit.group, &first.partition.topic).partition(first.partition.partition);
        let kept = self.batches.kept.get_mut(newest?.batch)?;
        let Records::Commit(former) = &kept.batch.records else { return None };
        let mut both = former.partitions.iter().zip(commit.partitions.iter());
        let replaced = kept.records as usize == former.partitions.len()
            && former.partitions.len() == commit.partitions.len()
            && both.all(|(former, new)| former.partition == new.partition);
        replaced.then_some(&mut kept.batch)
    }

    fn push_offsets(&mut self, batch: u32, group: &GroupId, partitions: &[CommittedPartition]) {
        let mut record = 0;
        for run in partitions.chunk_by(|left, right| left.partition.topic == right.partition.topic) {
            let topic = self.offsets.of(group, &run[0].partition.topic);
            for committed in run {
                let newest = topic.partition(committed.partition.partition);
                self.batches.renew(newest, Place { batch, record }, false);
                record += 1;
            }
        }
    }

    fn push_record(&mut self, here: Place, record: &Record) {
        match record {
            Record::GroupMetadata { group, value } => {
                let newest = self.groups.entry(*group).or_default();
                self.batches.renew(newest, here, value.is_none());
            }
            Record::OffsetCommit { group, partition, producer: None, value } => {
                let newest = self.offsets.of(group, &partition.topic).partition(partition.partition);
                self.batches.renew(newest, here, value.is_none());
            }
            Record::OffsetCommit { .. } | Record::EndTxnMarker { .. } => {}
        }
    }

    /// How many records are left.
    pub fn record_count(&self) -> u64 {
        self.batches.records
    }

    /// What is left, in the order of the log.
    pub fn records(&self) -> Vec<LoggedRecord> {
        let mut left = Vec::new();
        for (batch, kept) in self.batches.kept.iter() {
            let placed = kept.batch.logged().into_iter().zip(0..);
            left.extend(
                placed.filter_map(|(logged, record)| {
                    self.stays(&logged.record, Place { batch, record }).then_some(logged)
                }),
            );
        }
        left.sort_unstable_by_key(|logged| logged.offset);
        left
    }

    fn stays(&self, record: &Record, here: Place) -> bool {
        match record {
            Record::GroupMetadata { group, .. } => self.groups.get(group) == Some(&Some(here)),
            Record::OffsetCommit { group, partition, producer: None, .. } => {
                self.offsets.get(group, &partition.topic, partition.partition) == Some(here)
            }
            Record::OffsetCommit { .. } | Record::EndTxnMarker { .. } => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;
    use crate::coordinator::CommitRecords;
    use crate::engine::Millis;
    use crate::protocol::{ProducerId, TopicId, TopicPartition};

    fn commit(base: i64, partitions: impl IntoIterator<Item = i32>, producer: Option<(ProducerId, i16)>) -> Batch {
        let committed = partitions.into_iter().map(|number| CommittedPartition {
            partition: TopicPartition::new("orders", number),
            topic_id: TopicId::ZERO,
            offset: base,
            leader_epoch: -1,
            metadata: None,
        });
        let partitions = committed.collect();
        let commit_timestamp = Millis(base);
        let group = GroupId::from("billing");
        let records = CommitRecords { group, partitions, producer, commit_timestamp, expire_timestamp: None };
        Batch { base, records: Records::Commit(Rc::new(records)) }
    }

    fn tombstone(base: i64, partition: i32) -> Batch {
        let partition = TopicPartition::new("orders", partition);
        let record = Record::OffsetCommit { group: GroupId::from("billing"), partition, producer: None, value: None };
        Batch { base, records: vec![record].into() }
    }

    fn offsets(log: &CleanedLog) -> Vec<i64> {
        let offsets: Vec<i64> = log.records().iter().map(|logged| logged.offset).collect();
        assert_eq!(offsets.len() as u64, log.record_count());
        offsets
    }

    #[test]
    fn of_a_commit_those_partitions_stay_that_no_later_record_is_about() {
        let mut log = CleanedLog::default();
        log.push(commit(0, 0..4, None));
        log.push(commit(4, [1, 3], None));
        assert_eq!(offsets(&log), [0, 2, 4, 5]);
        log.push(tombstone(6, 2));
        assert_eq!(offsets(&log), [0, 4, 5]);
        log.push(commit(7, 0..4, None));
        assert_eq!(offsets(&log), [7, 8, 9, 10]);
        assert_eq!(log.batches.kept.len(), 1, "batches without a record are gone");
    }

    #[test]
    fn records_of_transactions_stay() {
        let mut log = CleanedLog::default();
        log.push(commit(0, 0..2, Some((ProducerId(7), 0))));
        log.push(commit(2, 0..2, None));
        assert_eq!(offsets(&log), [0, 1, 2, 3]);
    }

    #[test]
    fn a_tombstone_of_what_was_never_written_goes_at_once() {
        let mut log = CleanedLog::default();
        log.push(tombstone(0, 5));
        assert!(offsets(&log).is_empty());
    }
}
