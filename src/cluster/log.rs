//! Virtual storage: the replicated log behind one partition of `__consumer_offsets`.
//!
//! Fault model: an append is written by the leader and is committed once the in-sync replicas have it; how long that
//! takes is drawn per flush. Commits come in log order. A stall holds everything back until it ends; a failing disk or
//! too few replicas refuses an append at once, and then its offsets are used again. What was appended but not committed
//! is lost when the leader dies unclean. The log is compacted as the real one is: of each key the newest record stays,
//! so that a run's memory does not grow with its length.
//!
//! The real cleaner leaves the segment that is being written alone (`offsets.topic.segment.bytes`). A coordinator that loads
//! reads that segment whole, and it can hold many records of one key: they are not kept here, but counted.

use std::collections::VecDeque;
use std::hash::{Hash, Hasher};

use rustc_hash::FxHashSet;

use crate::coordinator::{LoggedRecord, MemberMetadata, Record};
use crate::engine::SimTime;
use crate::protocol::{GroupId, TopicPartition};

/// A replicated log with its high watermark.
pub struct ReplicatedLog {
    /// Records that are still there, with their offsets, in order.
    records: Vec<LoggedRecord>,
    /// Appended but not flushed: waits for the linger timer.
    open_batch: Vec<LoggedRecord>,
    /// Offset after the last record, flushed or not.
    end: i64,
    /// Everything before it is replicated.
    high_watermark: i64,
    /// Flushes under way: end offset of each, oldest first.
    in_flight: VecDeque<i64>,
    last_commit: SimTime,
    compact_at: usize,
    segment: Segment,
}

/// The segment that is being written: never compacted.
struct Segment {
    records: u64,
    bytes: u64,
    /// It is closed, and compacted soon, when it has so many bytes.
    bytes_max: u64,
    /// There are older segments.
    rolled: bool,
}

impl Segment {
    fn write(&mut self, records: u64, bytes: u64) {
        if self.bytes + bytes > self.bytes_max {
            (self.records, self.bytes, self.rolled) = (0, 0, true);
        }
        self.records += records;
        self.bytes += bytes;
    }
}

/// Bytes of a record that was there before the run: an offset commit with short names.
const BYTES_OF_OLD_RECORD: u64 = 100;

impl ReplicatedLog {
    /// A log without anything that counts, but with so many older records to read.
    pub fn new(segment_bytes: u64, older_records: u64) -> Self {
        let mut segment = Segment { records: 0, bytes: 0, bytes_max: segment_bytes.max(1), rolled: false };
        segment.write(older_records, (older_records * BYTES_OF_OLD_RECORD).min(segment_bytes.max(1)));
        ReplicatedLog {
            records: Vec::new(),
            open_batch: Vec::new(),
            end: 0,
            high_watermark: 0,
            in_flight: VecDeque::new(),
            last_commit: SimTime::ZERO,
            compact_at: 4_096,
            segment,
        }
    }

    /// Takes records into the open batch. Returns true if that opened it (arm the linger timer).
    pub fn append(&mut self, base_offset: i64, records: Vec<Record>) -> bool {
        debug_assert_eq!(base_offset, self.end, "the shard predicts the offsets of its records");
        let opened = self.open_batch.is_empty();
        for record in records {
            self.open_batch.push(LoggedRecord { offset: self.end, record });
            self.end += 1;
        }
        opened
    }

    /// Base offset of the open batch, if there is one.
    pub fn open_base(&self) -> Option<i64> {
        self.open_batch.first().map(|first| first.offset)
    }

    /// Writes the open batch to the log; it is committed at the returned time, `latency_end` at the earliest and never
    /// before an earlier batch.
    pub fn flush(&mut self, latency_end: SimTime) -> SimTime {
        for logged in &self.open_batch {
            self.segment.write(1, bytes(&logged.record));
        }
        self.records.append(&mut self.open_batch);
        self.in_flight.push_back(self.end);
        self.last_commit = self.last_commit.max(latency_end);
        self.last_commit
    }

    /// The open batch could not be written: its offsets are used again.
    pub fn refuse(&mut self) -> Option<i64> {
        let base = self.open_base()?;
        self.open_batch.clear();
        self.end = base;
        Some(base)
    }

    /// The oldest flush is replicated. Returns the new high watermark.
    pub fn commit(&mut self) -> Option<i64> {
        self.high_watermark = self.in_flight.pop_front()?;
        if self.records.len() > self.compact_at {
            self.compact();
        }
        Some(self.high_watermark)
    }

    /// A new leader takes over. Unless the old one handed over in order, what was not committed is lost.
    pub fn change_leader(&mut self, unclean: bool) {
        self.records.append(&mut self.open_batch);
        if unclean {
            let kept = self.records.partition_point(|logged| logged.offset < self.high_watermark);
            self.records.truncate(kept);
            self.end = self.high_watermark;
        }
        self.high_watermark = self.end;
        self.in_flight.clear();
        self.last_commit = SimTime::ZERO;
        self.compact();
    }

    /// What a loading coordinator reads.
    pub fn records(&self) -> &[LoggedRecord] {
        &self.records
    }

    /// How many records that is in the real log: the segment that is being written, and what is left of older ones.
    pub fn records_to_read(&self) -> u64 {
        self.segment.records + if self.segment.rolled { self.records.len() as u64 } else { 0 }
    }

    /// Offset after the last record.
    pub fn end(&self) -> i64 {
        self.end
    }

    /// Everything before it is replicated.
    pub fn high_watermark(&self) -> i64 {
        self.high_watermark
    }

    /// Keeps the newest committed record of each key, and everything not committed. Tombstones go too.
    fn compact(&mut self) {
        let mut seen: FxHashSet<Key> = FxHashSet::default();
        let mut kept = vec![true; self.records.len()];
        // From the newest on: the first record of a key is the one that stays.
        for (logged, kept) in self.records.iter().zip(&mut kept).rev() {
            if let Some((key, tombstone)) = key(&logged.record) {
                let newest = seen.insert(key);
                *kept = logged.offset >= self.high_watermark || (newest && !tombstone);
            }
        }
        let mut kept = kept.into_iter();
        self.records.retain(|_| kept.next().unwrap_or(true));
        self.compact_at = self.records.len() * 2 + 4_096;
    }
}

/// About so many bytes of a segment: the fields of key and value and the share of a batch's header.
fn bytes(record: &Record) -> u64 {
    const FIXED: usize = 60;
    let length = match record {
        Record::GroupMetadata { group, value } => {
            let members = value.iter().flat_map(|value| &value.members);
            let of_member = |member: &MemberMetadata| {
                member.member_id.as_str().len() + member.subscription.len() + member.assignment.len() + FIXED
            };
            group.as_str().len() + members.map(of_member).sum::<usize>()
        }
        Record::OffsetCommit { group, partition, .. } => group.as_str().len() + partition.topic.as_str().len(),
        Record::EndTxnMarker { .. } => 0,
    };
    (FIXED + length) as u64
}

/// Key of a record as compaction sees it.
#[derive(PartialEq, Eq)]
struct Key<'a> {
    group: &'a GroupId,
    partition: Option<&'a TopicPartition>,
}

impl Hash for Key<'_> {
    /// By the partition's number: it tells most keys of a log apart, and texts are slow to hash.
    fn hash<H: Hasher>(&self, state: &mut H) {
        let texts = self.partition.map_or(0, |partition| partition.topic.as_str().len()) + self.group.as_str().len();
        (self.partition.map(|partition| partition.partition), texts).hash(state);
    }
}

/// The record's key and whether it is a tombstone; `None` for records of transactions, which stay.
fn key(record: &Record) -> Option<(Key<'_>, bool)> {
    match record {
        Record::GroupMetadata { group, value } => Some((Key { group, partition: None }, value.is_none())),
        Record::OffsetCommit { group, partition, producer: None, value } => {
            Some((Key { group, partition: Some(partition) }, value.is_none()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coordinator::GroupMetadataValue;
    use crate::protocol::Generation;

    /// Larger than what most tests write.
    const SEGMENT: u64 = 100_000_000;

    fn record(group: &str, generation: Option<i32>) -> Record {
        let value = generation.map(|generation| GroupMetadataValue {
            protocol_type: "consumer".into(),
            generation: Generation(generation),
            protocol: None,
            leader: None,
            current_state_timestamp: None,
            members: Vec::new(),
        });
        Record::GroupMetadata { group: GroupId::from(group), value: value.map(Into::into) }
    }

    fn offsets(log: &ReplicatedLog) -> Vec<i64> {
        log.records().iter().map(|logged| logged.offset).collect()
    }

    #[test]
    fn commits_come_in_log_order_even_if_a_later_write_was_quicker() {
        let mut log = ReplicatedLog::new(SEGMENT, 0);
        assert!(log.append(0, vec![record("a", Some(1))]), "the first append opens a batch");
        assert!(!log.append(1, vec![record("a", Some(2))]), "the second joins it");
        assert_eq!(log.flush(SimTime(500)), SimTime(500));
        assert!(log.append(2, vec![record("a", Some(3))]));
        assert_eq!(log.flush(SimTime(400)), SimTime(500));
        assert_eq!(log.commit(), Some(2));
        assert_eq!(log.commit(), Some(3));
        assert_eq!(log.commit(), None);
    }

    #[test]
    fn a_refused_batch_gives_its_offsets_back() {
        let mut log = ReplicatedLog::new(SEGMENT, 0);
        log.append(0, vec![record("a", Some(1))]);
        log.flush(SimTime(1));
        log.append(1, vec![record("a", Some(2)), record("b", Some(1))]);
        assert_eq!(log.refuse(), Some(1));
        assert_eq!(log.end(), 1);
        assert!(log.append(1, vec![record("a", Some(3))]));
    }

    #[test]
    fn an_unclean_leader_change_loses_what_was_not_replicated() {
        for (unclean, kept) in [(true, vec![0]), (false, vec![0, 1])] {
            let mut log = ReplicatedLog::new(SEGMENT, 0);
            log.append(0, vec![record("a", Some(1))]);
            log.flush(SimTime(1));
            log.commit();
            log.append(1, vec![record("b", Some(1))]);
            log.flush(SimTime(2));
            log.change_leader(unclean);
            assert_eq!(offsets(&log), kept);
            assert_eq!(log.high_watermark(), kept.len() as i64);
        }
    }

    #[test]
    fn a_new_leader_does_not_wait_for_the_storage_of_the_old_one() {
        let mut log = ReplicatedLog::new(SEGMENT, 0);
        log.append(0, vec![record("a", Some(1))]);
        assert_eq!(log.flush(SimTime(1_000)), SimTime(1_000), "the old leader's storage stalls until then");
        log.change_leader(false);
        log.append(1, vec![record("a", Some(2))]);
        assert_eq!(log.flush(SimTime(10)), SimTime(10));
    }

    #[test]
    fn compaction_keeps_the_newest_record_of_each_key_and_no_tombstones() {
        let mut log = ReplicatedLog::new(SEGMENT, 0);
        log.append(0, vec![record("a", Some(1)), record("b", Some(1)), record("a", Some(2)), record("b", None)]);
        log.flush(SimTime(1));
        log.change_leader(false);
        assert_eq!(offsets(&log), [2]);
    }

    #[test]
    fn a_loading_coordinator_reads_the_segment_that_is_written_whole_and_what_is_left_of_older_ones() {
        let each = bytes(&record("a", Some(1)));
        let mut log = ReplicatedLog::new(10 * each, 0);
        for offset in 0..10 {
            log.append(offset, vec![record("a", Some(offset as i32))]);
            log.flush(SimTime(offset as u64));
        }
        log.change_leader(false);
        assert_eq!((log.records().len(), log.records_to_read()), (1, 10), "all of one key, but in one segment");
        for offset in 10..13 {
            log.append(offset, vec![record("b", Some(offset as i32))]);
            log.flush(SimTime(offset as u64));
        }
        log.change_leader(false);
        assert_eq!((log.records().len(), log.records_to_read()), (2, 3 + 2), "three new ones, and one of each key");
        assert_eq!(ReplicatedLog::new(SEGMENT, 5_000).records_to_read(), 5_000);
    }

    #[test]
    fn the_log_does_not_grow_with_the_number_of_writes() {
        let mut log = ReplicatedLog::new(SEGMENT, 0);
        for offset in 0..100_000 {
            log.append(offset, vec![record("a", Some(offset as i32))]);
            log.flush(SimTime(offset as u64));
            log.commit();
        }
        assert!(log.records().len() < 10_000, "{} records are left", log.records().len());
    }
}
