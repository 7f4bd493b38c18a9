//! What is told of the partitions at the end of the run.

use std::collections::BTreeMap;

use super::Partitions;
use super::slot::{self, Slot};
use crate::analysis::Histogram;
use crate::analysis::facts::{Facts, GroupNumber};
use crate::analysis::figures::CAUSES;
use crate::analysis::outcome::{Measured, OwnershipSpan, PartitionOutcome, PauseCause, PauseSpan, SpanEnd, Totals};
use crate::engine::{SimDuration, SimTime};
use crate::trace::Directory;

impl Partitions {
    /// Closes what is open at the end of the run.
    pub fn finish(&mut self, facts: &Facts, directory: &Directory) {
        for number in 0..self.groups.len() {
            for place in 0..self.groups[number].slots.len() {
                self.finish_slot(facts, directory, number, place);
            }
        }
    }

    fn finish_slot(&mut self, facts: &Facts, directory: &Directory, number: GroupNumber, place: usize) {
        let now = facts.now;
        let settled = self.settled.unwrap_or(SimTime::ZERO);
        let group = &mut self.groups[number];
        let slot = &mut group.slots[place];
        for watch in [&mut slot.unavailable, &mut slot.unowned, &mut slot.double, &mut slot.measured_double] {
            watch.set(false, now);
        }
        if let Some(since) = slot.measured_unavailable.since().filter(|since| settled > *since) {
            slot.measured_unavailable.add(since, settled);
        }
        let standing = slot.cause().is_some();
        let (slice, pause) = slot.stand(None, now);
        let holders = std::mem::take(&mut slot.holders);
        if standing {
            group.count_standing(now, false);
        }
        if let Some(length) = pause {
            group.pauses.record_span(length);
        }
        for holder in holders {
            let name = &facts.consumers[holder.consumer].settings.name;
            group.list_ownership(place as u32, name, &holder, now, SpanEnd::RunEnd);
        }
        if let Some(slice) = slice {
            self.slice_over(facts, directory, number, place as u32, &slice);
        }
    }

    /// Adds the group's sums to its totals.
    pub fn totals(&self, number: GroupNumber, totals: &mut Totals) {
        let group = &self.groups[number];
        let mut by_cause = [SimDuration::ZERO; slot::CAUSES];
        for slot in &group.slots {
            by_cause.iter_mut().zip(slot.by_cause).for_each(|(sum, span)| *sum += span);
            totals.unavailable_partition_seconds += slot.unavailable.sum.as_secs_f64();
            totals.unavailable_max_s = totals.unavailable_max_s.max(slot.unavailable.longest.as_secs_f64());
            totals.unowned_partition_seconds += slot.unowned.sum.as_secs_f64();
            totals.double_owned_partition_seconds += slot.double.sum.as_secs_f64();
        }
        totals.paused_partition_seconds = SimDuration(by_cause.iter().map(|span| span.0).sum()).as_secs_f64();
        totals.paused_partition_seconds_by_cause = by_name(&by_cause);
        totals.pause = (&group.pauses).into();
    }

    /// Lengths of the group's single pauses.
    pub fn pauses(&self, group: GroupNumber) -> &Histogram {
        &self.groups[group].pauses
    }

    /// The group's partitions, by index in the directory with what is known here.
    pub fn outcomes(&self, group: GroupNumber) -> Vec<(u32, PartitionOutcome)> {
        let outcome = |slot: &Slot| PartitionOutcome {
            partition: slot.label.to_string(),
            paused_s: slot.paused().as_secs_f64(),
            paused_s_by_cause: by_name(&slot.by_cause),
            longest_pause_s: slot.longest_pause.as_secs_f64(),
            unavailable_s: slot.unavailable.sum.as_secs_f64(),
            unavailable_max_s: slot.unavailable.longest.as_secs_f64(),
            unowned_s: slot.unowned.sum.as_secs_f64(),
            double_owned_s: slot.double.sum.as_secs_f64(),
            owners: slot.owners,
            ..PartitionOutcome::default()
        };
        self.groups[group].slots.iter().map(|slot| (slot.partition, outcome(slot))).collect()
    }

    /// Hands over the group's lists: ownership with its total, pauses with theirs.
    pub fn lists(&mut self, group: GroupNumber) -> (Vec<OwnershipSpan>, u64, Vec<PauseSpan>, u64) {
        let group = &mut self.groups[group];
        let ownership = std::mem::take(&mut group.ownership);
        (ownership, group.ownership_total, std::mem::take(&mut group.pause_list), group.pauses_total)
    }

    /// Adds what is measured from the reference instant on.
    pub fn measured(&self, measured: &mut Measured) {
        let millis = |span: SimDuration| span.0 as f64 / 1e6;
        measured.reference_ms = self.reference.0 as f64 / 1e6;
        measured.settled_ms = self.settled.map(|at| millis(at.since(self.reference)));
        for slot in self.groups.iter().flat_map(|group| &group.slots) {
            let name = slot.label.to_string();
            *measured.unavailable_ms.entry(name).or_default() += millis(slot.measured_unavailable.sum);
            measured.unavailable_max_ms = measured.unavailable_max_ms.max(millis(slot.measured_unavailable.longest));
            measured.unavailable_partition_ms += millis(slot.measured_unavailable.sum);
            measured.double_owner_partition_ms += millis(slot.measured_double.sum);
        }
    }
}

/// Spans by cause, without those that did not occur.
fn by_name(spans: &[SimDuration; slot::CAUSES]) -> BTreeMap<PauseCause, f64> {
    let named = CAUSES.iter().zip(spans).filter(|(_, span)| span.0 > 0);
    named.map(|(cause, span)| (*cause, span.as_secs_f64())).collect()
}
