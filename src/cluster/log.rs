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

use crate::coordinator::{LoggedRecord, MemberMetadata, Record, Records};
use crate::engine::SimTime;
use crate::protocol::{GroupId, TopicPartition};

use super::cleaner::CleanedLog;

/// What one operation appended.
pub struct Batch {
    /// Offset of its first record.
    pub base: i64,
    /// Its records.
    pub records: Records,
}

impl Batch {
    fn end(&self) -> i64 {
        self.base + self.records.len() as i64
    }

    /// Its records with their offsets.
    pub fn logged(&self) -> Vec<LoggedRecord> {
        let placed = self.records.iter().zip(self.base..);
        placed.map(|(record, offset)| LoggedRecord { offset, record }).collect()
    }
}

/// A replicated log with its high watermark.
pub struct ReplicatedLog {
    /// What is left of the replicated part.
    replicated: CleanedLog,
    /// Written but not replicated, in order.
    written: VecDeque<Batch>,
    /// Appended but not written: waits for the linger timer.
    open: Vec<Batch>,
    /// Offset after the last record, flushed or not.
    end: i64,
    /// Everything before it is replicated.
    high_watermark: i64,
    /// Flushes under way: end offset of each, oldest first.
    in_flight: VecDeque<i64>,
    last_commit: SimTime,
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

    fn write_all(&mut self, records: &Records) {
        match records {
            Records::Commit(commit) => {
                for committed in commit.partitions.iter() {
                    self.write(1, bytes_of_offset(&commit.group, &committed.partition) as u64);
                }
            }
            Records::Each(records) => records.iter().for_each(|record| self.write(1, bytes(record) as u64)),
        }
    }
}

/// What a record has beside its texts: the fields of key and value and the share of a batch's header.
const FIXED_BYTES: usize = 60;

/// About so many bytes of a segment.
fn bytes(record: &Record) -> usize {
    match record {
        Record::GroupMetadata { group, value } => {
            let members = value.iter().flat_map(|value| &value.members);
            let of_member = |member: &MemberMetadata| {
                member.member_id.as_str().len() + member.subscription.len() + member.assignment.len() + FIXED_BYTES
            };
            FIXED_BYTES + group.as_str().len() + members.map(of_member).sum::<usize>()
        }
        Record::OffsetCommit { group, partition, .. } => bytes_of_offset(group, partition),
        Record::EndTxnMarker { .. } => FIXED_BYTES,
    }
}

fn bytes_of_offset(group: &GroupId, partition: &TopicPartition) -> usize {
    FIXED_BYTES + group.as_str().len() + partition.topic.as_str().len()
}

/// Bytes of a record that was there before the run: an offset commit with short names.
const BYTES_OF_OLD_RECORD: u64 = 100;

impl ReplicatedLog {
    /// A log without anything that counts, but with so many older records to read.
    pub fn new(segment_bytes: u64, older_records: u64) -> Self {
        let mut segment = Segment { records: 0, bytes: 0, bytes_max: segment_bytes.max(1), rolled: false };
        segment.write(older_records, (older_records * BYTES_OF_OLD_RECORD).min(segment_bytes.max(1)));
        ReplicatedLog {
            replicated: CleanedLog::default(),
            written: VecDeque::new(),
            open: Vec::new(),
            end: 0,
            high_watermark: 0,
            in_flight: VecDeque::new(),
            last_commit: SimTime::ZERO,
            segment,
        }
    }

    /// Takes records into the open batch. Returns true if that opened it (arm the linger timer).
    pub fn append(&mut self, base_offset: i64, records: Records) -> bool {
        debug_assert_eq!(base_offset, self.end, "the shard predicts the offsets of its records");
        let opened = self.open.is_empty();
        let batch = Batch { base: self.end, records };
        self.end = batch.end();
        self.open.push(batch);
        opened
    }

    /// Base offset of the open batch, if there is one.
    pub fn open_base(&self) -> Option<i64> {
        self.open.first().map(|first| first.base)
    }

    /// Writes the open batch to the log; it is committed at the returned time, `latency_end` at the earliest and never
    /// before an earlier batch.
    pub fn flush(&mut self, latency_end: SimTime) -> SimTime {
        for batch in &self.open {
            self.segment.write_all(&batch.records);
        }
        self.written.extend(self.open.drain(..));
        self.in_flight.push_back(self.end);
        self.last_commit = self.last_commit.max(latency_end);
        self.last_commit
    }

    /// The open batch could not be written: its offsets are used again.
    pub fn refuse(&mut self) -> Option<i64> {
        let base = self.open_base()?;
        self.open.clear();
        self.end = base;
        Some(base)
    }

    /// The oldest flush is replicated. Returns the new high watermark.
    pub fn commit(&mut self) -> Option<i64> {
        self.high_watermark = self.in_flight.pop_front()?;
        self.clean();
        Some(self.high_watermark)
    }

    fn clean(&mut self) {
        while let Some(batch) = self.written.pop_front_if(|batch| batch.end() <= self.high_watermark) {
            self.replicated.push(batch);
        }
    }

    /// A new leader takes over. Unless the old one handed over in order, what was not committed is lost.
    pub fn change_leader(&mut self, unclean: bool) {
        if unclean {
            self.written.clear();
            self.open.clear();
            self.end = self.high_watermark;
        }
        self.written.extend(self.open.drain(..));
        self.high_watermark = self.end;
        self.in_flight.clear();
        self.last_commit = SimTime::ZERO;
        self.clean();
    }

    /// What a loading coordinator reads.
    pub fn records(&self) -> Vec<LoggedRecord> {
        let mut records = self.replicated.records();
        records.extend(self.written.iter().flat_map(Batch::logged));
        records
    }

    /// How many records that is in the real log: the segment that is being written, and what is left of older ones.
    pub fn records_to_read(&self) -> u64 {
        let written = self.written.iter().map(|batch| batch.records.len() as u64);
        let left = self.replicated.record_count() + written.sum::<u64>();
        self.segment.records + if self.segment.rolled { left } else { 0 }
    }

    /// Offset after the last record.
    pub fn end(&self) -> i64 {
        self.end
    }

    /// Everything before it is replicated.
    pub fn high_watermark(&self) -> i64 {
        self.high_watermark
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
        assert!(log.append(0, vec![record("a", Some(1))].into()), "the first append opens a batch");
        assert!(!log.append(1, vec![record("a", Some(2))].into()), "the second joins it");
        assert_eq!(log.flush(SimTime(500)), SimTime(500));
        assert!(log.append(2, vec![record("a", Some(3))].into()));
        assert_eq!(log.flush(SimTime(400)), SimTime(500));
        assert_eq!(log.commit(), Some(2));
        assert_eq!(log.commit(), Some(3));
        assert_eq!(log.commit(), None);
    }

    #[test]
    fn a_refused_batch_gives_its_offsets_back() {
        let mut log = ReplicatedLog::new(SEGMENT, 0);
        log.append(0, vec![record("a", Some(1))].into());
        log.flush(SimTime(1));
        log.append(1, vec![record("a", Some(2)), record("b", Some(1))].into());
        assert_eq!(log.refuse(), Some(1));
        assert_eq!(log.end(), 1);
        assert!(log.append(1, vec![record("a", Some(3))].into()));
    }

    #[test]
    fn an_unclean_leader_change_loses_what_was_not_replicated() {
        for (unclean, kept) in [(true, vec![0]), (false, vec![0, 1])] {
            let mut log = ReplicatedLog::new(SEGMENT, 0);
            log.append(0, vec![record("a", Some(1))].into());
            log.flush(SimTime(1));
            log.commit();
            log.append(1, vec![record("b", Some(1))].into());
            log.flush(SimTime(2));
            log.change_leader(unclean);
            assert_eq!(offsets(&log), kept);
            assert_eq!(log.high_watermark(), kept.len() as i64);
        }
    }

    #[test]
    fn a_new_leader_does_not_wait_for_the_storage_of_the_old_one() {
        let mut log = ReplicatedLog::new(SEGMENT, 0);
        log.append(0, vec![record("a", Some(1))].into());
        assert_eq!(log.flush(SimTime(1_000)), SimTime(1_000), "the old leader's storage stalls until then");
        log.change_leader(false);
        log.append(1, vec![record("a", Some(2))].into());
        assert_eq!(log.flush(SimTime(10)), SimTime(10));
    }

    #[test]
    fn compaction_keeps_the_newest_record_of_each_key_and_no_tombstones() {
        let mut log = ReplicatedLog::new(SEGMENT, 0);
        log.append(0, vec![record("a", Some(1)), record("b", Some(1)), record("a", Some(2)), record("b", None)].into());
        log.flush(SimTime(1));
        log.change_leader(false);
        assert_eq!(offsets(&log), [2]);
    }

    #[test]
    fn a_loading_coordinator_reads_the_segment_that_is_written_whole_and_what_is_left_of_older_ones() {
        let each = bytes(&record("a", Some(1))) as u64;
        let mut log = ReplicatedLog::new(10 * each, 0);
        for offset in 0..10 {
            log.append(offset, vec![record("a", Some(offset as i32))].into());
            log.flush(SimTime(offset as u64));
        }
        log.change_leader(false);
        assert_eq!((log.records().len(), log.records_to_read()), (1, 10), "all of one key, but in one segment");
        for offset in 10..13 {
            log.append(offset, vec![record("b", Some(offset as i32))].into());
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
            log.append(offset, vec![record("a", Some(offset as i32))].into());
            log.flush(SimTime(offset as u64));
            log.commit();
        }
        assert!(log.records().len() < 10_000, "{} records are left", log.records().len());
    }
}
