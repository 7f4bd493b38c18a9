//! Records that were processed, records that were processed twice, commits; and lag against both.

use std::collections::BTreeMap;

use smallvec::SmallVec;

use crate::analysis::facts::{ConsumerNumber, Facts, GroupNumber};
use crate::analysis::outcome::{LagSample, Lags, PartitionOutcome, Totals, limits};
use crate::client::{ClientEvent, RecordBatch};
use crate::engine::SimTime;
use crate::protocol::TopicPartition;
use crate::protocol::config::AutoOffsetReset;
use crate::protocol::message::CommittedOffsets;
use crate::trace::{Directory, PartitionLookup};

/// More separate stretches of processed offsets than this are not kept apart for one partition; they come from skipped
/// records, and the oldest two are then taken for one.
const STRETCHES_MAX: usize = 256;

/// Offsets of all groups.
pub(super) struct Offsets {
    lookup: PartitionLookup,
    known: usize,
    groups: Vec<GroupOffsets>,
    processed_by: Vec<u64>,
}

/// Offsets of one group.
#[derive(Default)]
struct GroupOffsets {
    /// By the partition's index in the directory; `None` for topics that the group is not subscribed to.
    partitions: Vec<Option<PartitionOffsets>>,
    commits: u64,
    commit_failures: BTreeMap<&'static str, u64>,
    exceptions: BTreeMap<&'static str, u64>,
    lag: LagSeries,
    /// Consumers begin at the oldest record where nothing is committed.
    from_earliest: bool,
}

/// Offsets of one partition in one group.
#[derive(Clone, Debug, Default)]
struct PartitionOffsets {
    /// Stretches `[from, to)` of offsets whose processing was finished, in order, apart from each other.
    stretches: SmallVec<[(i64, i64); 1]>,
    /// The next offset to be processed: end of the last stretch, or the position that was set.
    next: Option<i64>,
    committed: Option<i64>,
    processed: u64,
    duplicates: u64,
    lag_peak: u64,
    lag: u64,
}

/// Lag over time in bounded memory.
#[derive(Default)]
struct LagSeries {
    samples: Vec<LagSample>,
    /// Each entry stands for so many samples.
    merged: usize,
    /// Samples that the last entry stands for so far.
    in_last: usize,
    peak: Option<LagSample>,
    committed_peak: u64,
    drained_s: Option<f64>,
    last: LagSample,
}

impl Offsets {
    pub fn new(facts: &Facts) -> Self {
        let group = |number: GroupNumber| {
            let mut consumers = facts.groups[number].consumers.clone();
            let earliest =
                |c: ConsumerNumber| facts.consumers[c].settings.config.auto_offset_reset == AutoOffsetReset::Earliest;
            GroupOffsets { from_earliest: consumers.any(earliest), ..GroupOffsets::default() }
        };
        Offsets {
            lookup: PartitionLookup::default(),
            known: 0,
            groups: (0..facts.groups.len()).map(group).collect(),
            processed_by: vec![0; facts.consumers.len()],
        }
    }

    /// Takes in partitions that are new in the directory.
    pub fn discover(&mut self, facts: &Facts, directory: &Directory) {
        if self.known == directory.partitions.len() {
            return;
        }
        self.lookup.extend(directory);
        for partition in directory.partitions.iter().skip(self.known) {
            for (number, group) in self.groups.iter_mut().enumerate() {
                let wanted = facts.groups[number].subscribes(&partition.topic);
                group.partitions.push(wanted.then(PartitionOffsets::default));
            }
        }
        self.known = directory.partitions.len();
    }

    fn find(&mut self, group: GroupNumber, partition: &TopicPartition) -> Option<&mut PartitionOffsets> {
        let index = self.lookup.find(partition)?;
        self.groups[group].partitions.get_mut(index.0 as usize)?.as_mut()
    }

    /// A batch is done.
    pub fn processed(&mut self, group: GroupNumber, consumer: ConsumerNumber, batches: &[RecordBatch]) {
        let mut records = 0;
        for batch in batches {
            records += u64::from(batch.count);
            if let Some(partition) = self.find(group, &batch.partition) {
                partition.process(batch.from, batch.from + i64::from(batch.count));
            }
        }
        self.processed_by[consumer] += records;
    }

    /// A consumer of the group tried to commit.
    #[inline]
    pub fn commit_sent(&mut self, group: GroupNumber) {
        self.groups[group].commits += 1;
    }

    /// A commit ended with this exception.
    pub fn commit_failed(&mut self, group: GroupNumber, class: &'static str) {
        *self.groups[group].commit_failures.entry(class).or_default() += 1;
    }

    /// A client did something else, none of the commonest.
    pub fn client(&mut self, group: GroupNumber, event: &ClientEvent) {
        match event {
            ClientEvent::Exception { class, .. } => *self.groups[group].exceptions.entry(class).or_default() += 1,
            ClientEvent::PositionSet { partition, offset, .. } => {
                if let Some(state) = self.find(group, partition) {
                    state.next = Some(state.next.map_or(*offset, |next| next.max(*offset)));
                }
            }
            _ => {}
        }
    }

    /// Offsets are durable at the coordinator. Returns the first that lies beyond what the group has processed (or was
    /// positioned at): for the invariant.
    pub fn committed(&mut self, group: GroupNumber, offsets: &CommittedOffsets) -> Option<(TopicPartition, i64, i64)> {
        let mut beyond = None;
        let partitions = &mut self.groups[group].partitions;
        for (place, (partition, offset)) in offsets.iter().enumerate() {
            let Some(index) = self.lookup.find(partition) else { continue };
            let Some(Some(state)) = partitions.get_mut(index.0 as usize) else { continue };
            state.committed = Some(offset);
            if offset > state.next.unwrap_or(0) {
                beyond = beyond.or(Some((place, state.next.unwrap_or(0))));
            }
        }
        let (place, processed) = beyond?;
        offsets.iter().nth(place).map(|(partition, offset)| (*partition, offset, processed))
    }

    /// The log ends at an instant.
    pub fn sample(&mut self, at: SimTime, log_ends: &[i64]) {
        for group in &mut self.groups {
            let (mut lag, mut committed_lag) = (0, 0);
            for (state, end) in group.partitions.iter_mut().zip(log_ends) {
                let Some(state) = state else { continue };
                let next = state.next.unwrap_or(if group.from_earliest { 0 } else { *end });
                state.lag = (*end - next).max(0) as u64;
                state.lag_peak = state.lag_peak.max(state.lag);
                lag += state.lag;
                committed_lag += (*end - state.committed.unwrap_or(next)).max(0) as u64;
            }
            group.lag.add(LagSample { at_s: at.as_secs_f64(), lag, committed_lag });
        }
    }

    /// Adds the group's sums to its totals.
    pub fn totals(&self, group: GroupNumber, totals: &mut Totals) {
        let sums = &self.groups[group];
        for partition in sums.partitions.iter().flatten() {
            totals.processed_records += partition.processed;
            totals.duplicates += partition.duplicates;
        }
        let named = |counts: &BTreeMap<&'static str, u64>| counts.iter().map(|(k, v)| (k.to_string(), *v)).collect();
        totals.commits = sums.commits;
        totals.commit_failures = named(&sums.commit_failures);
        totals.exceptions = named(&sums.exceptions);
        totals.lag_peak = sums.lag.peak.map_or(0, |peak| peak.lag);
        totals.lag_at_end = sums.lag.last.lag;
        totals.committed_lag_peak = sums.lag.committed_peak;
        totals.lag_drain_s = sums.lag.drained_s.zip(sums.lag.peak).map(|(drained, peak)| drained - peak.at_s);
    }

    /// Fills in what is known here of a partition.
    pub fn partition(&self, group: GroupNumber, index: u32, outcome: &mut PartitionOutcome) {
        if let Some(Some(state)) = self.groups[group].partitions.get(index as usize) {
            outcome.processed_records = state.processed;
            outcome.duplicates = state.duplicates;
            outcome.lag_peak = state.lag_peak;
            outcome.lag_at_end = state.lag;
        }
    }

    /// Records that the consumer processed, repetitions included.
    pub fn processed_by(&self, consumer: ConsumerNumber) -> u64 {
        self.processed_by[consumer]
    }

    /// Hands over the group's lag over time.
    pub fn lags(&mut self, group: GroupNumber) -> Lags {
        let samples = std::mem::take(&mut self.groups[group].lag.samples);
        let every_s = if samples.len() > 1 { samples[1].at_s - samples[0].at_s } else { 0.0 };
        Lags { samples, every_s }
    }
}

impl PartitionOffsets {
    /// Offsets `[from, to)` are processed.
    fn process(&mut self, from: i64, to: i64) {
        if to <= from {
            return;
        }
        self.processed += (to - from) as u64;
        self.next = Some(self.next.map_or(to, |next| next.max(to)));
        // As a rule the batch goes on where the last one ended.
        if let Some(last) = self.stretches.last_mut().filter(|last| last.1 == from) {
            last.1 = to;
            return;
        }
        self.process_apart(from, to);
    }

    #[cold]
    #[inline(never)]
    fn process_apart(&mut self, from: i64, to: i64) {
        let first = self.stretches.partition_point(|stretch| stretch.1 < from);
        let beyond = self.stretches.partition_point(|stretch| stretch.0 <= to);
        let touched = &self.stretches[first..beyond];
        let repeated: i64 = touched.iter().map(|stretch| (to.min(stretch.1) - from.max(stretch.0)).max(0)).sum();
        self.duplicates += repeated as u64;
        let whole = touched.iter().fold((from, to), |all, stretch| (all.0.min(stretch.0), all.1.max(stretch.1)));
        self.stretches.drain(first..beyond);
        self.stretches.insert(first, whole);
        if self.stretches.len() > STRETCHES_MAX {
            self.stretches[1].0 = self.stretches[0].0;
            self.stretches.remove(0);
        }
    }
}

impl LagSeries {
    fn add(&mut self, sample: LagSample) {
        self.last = sample;
        self.committed_peak = self.committed_peak.max(sample.committed_lag);
        if self.peak.is_none_or(|peak| sample.lag > peak.lag) {
            self.peak = Some(sample);
            self.drained_s = None;
        } else if self.drained_s.is_none() && self.peak.is_some_and(|peak| sample.lag * 10 <= peak.lag) {
            self.drained_s = Some(sample.at_s);
        }
        if self.in_last > 0 && self.in_last < self.merged {
            let last = self.samples.len() - 1;
            self.samples[last] = merged(self.samples[last], sample);
            self.in_last += 1;
            return;
        }
        if self.samples.len() == limits::LAG_SAMPLES_LISTED {
            self.samples =
                self.samples.chunks(2).map(|pair| pair.iter().copied().reduce(merged).unwrap_or_default()).collect();
            self.merged *= 2;
        }
        self.merged = self.merged.max(1);
        self.samples.push(sample);
        self.in_last = 1;
    }
}

/// The earlier instant with the larger lags.
fn merged(first: LagSample, second: LagSample) -> LagSample {
    LagSample {
        at_s: first.at_s,
        lag: first.lag.max(second.lag),
        committed_lag: first.committed_lag.max(second.committed_lag),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn processed(batches: &[(i64, i64)]) -> PartitionOffsets {
        let mut offsets = PartitionOffsets::default();
        batches.iter().for_each(|(from, to)| offsets.process(*from, *to));
        offsets
    }

    #[test]
    fn records_processed_in_order_are_no_duplicates() {
        let offsets = processed(&[(5, 10), (10, 20), (20, 21)]);
        assert_eq!((offsets.processed, offsets.duplicates, offsets.next), (16, 0, Some(21)));
    }

    #[test]
    fn records_that_the_next_owner_processes_again_are_duplicates_once_each_time() {
        let offsets = processed(&[(0, 100), (60, 100), (100, 120), (90, 130)]);
        assert_eq!((offsets.processed, offsets.duplicates), (100 + 40 + 20 + 40, 40 + 30));
        assert_eq!(offsets.stretches.as_slice(), [(0, 130)]);
    }

    #[test]
    fn records_that_were_skipped_and_come_later_are_no_duplicates() {
        let offsets = processed(&[(0, 10), (50, 60), (10, 50)]);
        assert_eq!((offsets.duplicates, offsets.stretches.as_slice()), (0, &[(0, 60)][..]));
        let offsets = processed(&[(50, 60), (0, 10), (5, 55)]);
        assert_eq!((offsets.duplicates, offsets.stretches.as_slice()), (10, &[(0, 60)][..]));
    }

    #[test]
    fn lag_samples_cover_the_whole_run_in_bounded_memory_and_keep_the_peak() {
        let mut series = LagSeries::default();
        for second in 0..10_000u32 {
            let lag = if second == 7_777 { 1_000 } else { 5 };
            series.add(LagSample { at_s: f64::from(second), lag, committed_lag: lag + 1 });
        }
        assert!(series.samples.len() <= limits::LAG_SAMPLES_LISTED && series.samples.len() > 500);
        assert_eq!(series.samples.iter().map(|sample| sample.lag).max(), Some(1_000));
        assert_eq!(series.samples[0].at_s, 0.0);
        let gaps: Vec<_> = series.samples.windows(2).map(|pair| pair[1].at_s - pair[0].at_s).collect();
        assert!(gaps.iter().all(|gap| *gap == gaps[0]), "{gaps:?}");
        assert_eq!(series.drained_s, Some(7_778.0));
    }
}
