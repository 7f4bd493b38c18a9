//! What became of the records of a simulated run, measured as the recorder measured it.

use std::collections::BTreeMap;
use std::rc::Rc;

use indexmap::IndexMap;

use super::recording::{App, Recording, Traffic};
use crate::client::{ClientEvent, RecordBatch};
use crate::coordinator::CoordinatorEvent;
use crate::engine::Millis;
use crate::protocol::message::CommittedOffsets;
use crate::trace::{Directory, Event, Observer, TraceEvent};

/// The recorder looked at the lag this often, ms.
const LAG_EVERY_MS: i64 = 1_000;

/// A lag this small a part of its peak counts as drained.
const DRAINED: f64 = 0.1;

/// Counts records, repetitions, gaps, commit failures and lag of a simulated run, for [`Traffic`].
pub struct TrafficMeter<'a> {
    recording: &'a Recording,
    reference: Millis,
    traffic: Traffic,
    /// By consumer: the batch under way and when it began. A batch whose process dies is not counted.
    under_way: BTreeMap<u32, (Millis, Rc<[RecordBatch]>)>,
    partitions: Vec<PartitionMeter>,
    committed: i64,
    next_lag: Millis,
}

/// One partition's records.
#[derive(Clone, Default)]
struct PartitionMeter {
    /// Which offsets were processed.
    seen: Vec<bool>,
    /// The last record that was processed, before the reference or later.
    last: Option<Millis>,
    /// The longest time between two, of which the later one lies after the reference.
    gap_ms: i64,
    committed: i64,
}

impl<'a> TrafficMeter<'a> {
    /// A meter for a run of the recording's scenario whose measured values count from `reference`.
    pub fn new(recording: &'a Recording, reference: Millis) -> Self {
        TrafficMeter {
            recording,
            reference,
            traffic: Traffic::default(),
            under_way: BTreeMap::new(),
            partitions: vec![PartitionMeter::default(); recording.partitions as usize],
            committed: 0,
            next_lag: Millis(0),
        }
    }

    /// What became of the records until `end`.
    pub fn finish(mut self, end: Millis) -> Traffic {
        self.look_at_lag(end);
        for (number, partition) in self.partitions.iter_mut().enumerate() {
            if let Some(last) = partition.last {
                partition.gap_ms = partition.gap_ms.max(end - last.max(self.reference));
            }
            self.traffic.gap_ms.insert(number as u32, partition.gap_ms);
        }
        self.traffic
    }

    fn look_at_lag(&mut self, now: Millis) {
        while self.next_lag <= now {
            // Bursts and looks follow one clock; at a full second the look came first in nearly all recordings.
            let produced = self.recording.produced_until(self.next_lag + -1);
            self.traffic.lag.push((self.next_lag.0 as f64 / 1_000.0, produced - self.committed));
            self.next_lag = self.next_lag + LAG_EVERY_MS;
        }
    }

    fn processed(&mut self, began: Millis, batches: &[RecordBatch], app: &App) {
        let mut at = began;
        for batch in batches {
            let number = batch.partition.partition as u32;
            let Some(partition) = self.partitions.get_mut(number as usize) else { continue };
            for offset in batch.from..batch.from + i64::from(batch.count) {
                at = at + app.cost_ms(number, offset);
                self.traffic.processed += 1;
                self.traffic.duplicates += u64::from(partition.see(offset));
                partition.take(at, self.reference);
            }
        }
    }

    fn commit(&mut self, offsets: &CommittedOffsets) {
        for (partition, offset) in offsets.iter() {
            if let Some(meter) = self.partitions.get_mut(partition.partition as usize) {
                self.committed += offset - std::mem::replace(&mut meter.committed, offset);
            }
        }
    }
}

impl PartitionMeter {
    /// Whether the record was processed before.
    fn see(&mut self, offset: i64) -> bool {
        let place = offset as usize;
        if self.seen.len() <= place {
            self.seen.resize(place + 1, false);
        }
        std::mem::replace(&mut self.seen[place], true)
    }

    fn take(&mut self, at: Millis, reference: Millis) {
        if let Some(last) = self.last
            && at >= reference
        {
            self.gap_ms = self.gap_ms.max(at - last);
        }
        self.last = self.last.max(Some(at));
    }
}

impl Observer for TrafficMeter<'_> {
    fn event(&mut self, _directory: &Directory, event: &TraceEvent) {
        let now = event.at.millis();
        self.look_at_lag(now + -1);
        match &event.event {
            Event::ProcessingBegan { consumer, batches } => {
                self.under_way.insert(consumer.0, (now, batches.clone()));
            }
            Event::ProcessingEnded { consumer, .. } => {
                if let Some((began, batches)) = self.under_way.remove(&consumer.0) {
                    let recording = self.recording;
                    self.processed(began, &batches, &recording.members[consumer.0 as usize].app);
                }
            }
            Event::ProcessStopped { consumer, .. } => {
                self.under_way.remove(&consumer.0);
            }
            Event::Coordinator { event: CoordinatorEvent::OffsetsCommitted { partitions, .. }, .. } => {
                self.commit(partitions);
            }
            Event::Client { event: ClientEvent::Exception { place: "commitSync", class, .. }, .. } => {
                *self.traffic.commit_failures.entry((*class).to_owned()).or_default() += 1;
            }
            _ => {}
        }
    }
}

const TWICE: &str = "records processed twice";
const GAP: &str = "longest gap of a partition";
const FAILED: &str = "commits failed with ";
const PEAK: &str = "lag peak";
const DRAIN: &str = "time to drain";

impl Traffic {
    /// The figures that are judged, by name. Times in ms.
    pub fn figures(&self, reference: Millis) -> IndexMap<String, f64> {
        let mut all = IndexMap::new();
        all.insert(TWICE.to_owned(), self.duplicates as f64);
        all.insert(GAP.to_owned(), self.gap_ms.values().max().copied().unwrap_or(0) as f64);
        for class in ["CommitFailedException", "RebalanceInProgressException"] {
            all.insert(format!("{FAILED}{class}"), 0.0);
        }
        for (class, count) in &self.commit_failures {
            let class = class.rsplit('.').next().unwrap_or(class);
            all.insert(format!("{FAILED}{class}"), *count as f64);
        }
        let after = || self.lag.iter().filter(|(second, _)| second * 1_000.0 >= reference.0 as f64);
        if let Some((peaked, peak)) = after().copied().max_by_key(|(_, lag)| *lag) {
            all.insert(PEAK.to_owned(), peak as f64);
            let drained = after().find(|(second, lag)| *second > peaked && *lag as f64 <= DRAINED * peak as f64);
            if let Some((second, _)) = drained {
                all.insert(DRAIN.to_owned(), (second - peaked) * 1_000.0);
            }
        }
        all
    }

    /// Whether a figure of that name is one of these.
    pub fn is_figure(name: &str) -> bool {
        matches!(name, TWICE | GAP | PEAK | DRAIN) || name.starts_with(FAILED)
    }
}
