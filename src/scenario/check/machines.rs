//! The machines of consumers: garbage collection, quotas and neighbours become faults that strike by themselves.

use std::sync::Arc;

use super::Checker;
use super::consumers::Entries;
use crate::engine::{Distribution, SimTime};
use crate::scenario::checked::{Fault, FaultKind, Heap, When};
use crate::scenario::file::machine::{CpuQuotaEntry, GcEntry, HeapEntry, PausesEntry};
use crate::scenario::file::{ConsumerEntry, Dist, ScenarioFile};
use crate::scenario::text::Place;

impl Checker<'_> {
    /// What the machines of all entries do.
    pub(super) fn machines(&mut self, groups: &Place<'_>, file: &ScenarioFile, entries: &Entries) -> Vec<Fault> {
        let mut faults = Vec::new();
        let mut entry_number = 0;
        for (group, of) in file.groups.iter().enumerate() {
            for (index, entry) in of.consumers.iter().enumerate() {
                let list = groups.index(group);
                let list = list.key("consumers");
                let consumers = entries.of_entry(entry_number);
                faults.extend(self.machine(&list.index(index), entry, &consumers));
                entry_number += 1;
            }
        }
        faults
    }

    /// What the machine of an entry does to its consumers.
    fn machine(&mut self, place: &Place<'_>, entry: &ConsumerEntry, consumers: &[u32]) -> Vec<Fault> {
        let place = place.key("machine");
        let consumers = consumers.to_vec();
        let mut faults = Vec::new();
        if let Some(gc) = &entry.machine.gc {
            self.gc(&place.key("gc"), gc, &entry.name, &consumers, &mut faults);
        }
        if let Some(quota) = &entry.machine.cpu_quota {
            faults.extend(self.cpu_quota(&place.key("cpu_quota"), quota, &entry.name, &consumers));
        }
        if let Some(of) = &entry.machine.neighbours {
            let place = place.key("neighbours");
            self.within(&place.key("steal"), of.steal, 0.0, 0.95);
            let length = self.bounded_distribution(&place.key("for"), &of.length);
            let factor = 1.0 / (1.0 - of.steal.clamp(0.0, 0.95));
            let when = self.recurring(&place.key("every"), &of.every);
            let what = FaultKind::Slowdown { consumers, factor, length };
            faults.push(named(format!("Neighbours of {}", entry.name), when, what));
        }
        faults
    }

    fn gc(&mut self, place: &Place<'_>, gc: &GcEntry, name: &str, consumers: &[u32], faults: &mut Vec<Fault>) {
        let consumers = || consumers.to_vec();
        match gc {
            GcEntry::Occasional { every, pause } => {
                let place = place.key("occasional");
                let when = self.recurring(&place.key("every"), every);
                let length = self.bounded_distribution(&place.key("pause"), pause);
                faults.push(named(format!("GC {name}"), when, FaultKind::GcPause { consumers: consumers(), length }));
            }
            GcEntry::Generational { young, old, heap } => {
                let place = place.key("generational");
                let (when, length) = self.pauses(&place.key("young"), young);
                let what = FaultKind::GcPause { consumers: consumers(), length };
                faults.push(named(format!("Young GC {name}"), when, what));
                let (when, length) = self.pauses(&place.key("old"), old);
                let what = match heap {
                    None => FaultKind::GcPause { consumers: consumers(), length },
                    Some(heap) => {
                        let heap = self.heap(&place.key("heap"), heap);
                        FaultKind::Collection { consumers: consumers(), length, heap }
                    }
                };
                faults.push(named(format!("Old GC {name}"), when, what));
            }
            GcEntry::Concurrent { every, pause, cycle, cpu } => {
                let place = place.key("concurrent");
                let when = self.recurring(&place.key("every"), every);
                let length = self.bounded_distribution(&place.key("pause"), pause);
                let what = FaultKind::GcPause { consumers: consumers(), length };
                faults.push(named(format!("GC {name}"), when.clone(), what));
                self.within(&place.key("cpu"), *cpu, 0.0, 0.9);
                let length = self.bounded_distribution(&place.key("cycle"), cycle);
                let factor = 1.0 / (1.0 - cpu.clamp(0.0, 0.9));
                let what = FaultKind::Slowdown { consumers: consumers(), factor, length };
                faults.push(named(format!("Concurrent GC {name}"), when, what));
            }
        }
    }

    fn pauses(&mut self, place: &Place<'_>, of: &PausesEntry) -> (When, Distribution) {
        let when = self.recurring(&place.key("every"), &of.every);
        (when, self.bounded_distribution(&place.key("pause"), &of.pause))
    }

    /// Again and again from the start on, at gaps of this distribution.
    fn recurring(&mut self, place: &Place<'_>, every: &Dist) -> When {
        let gap = self.gap_distribution(place, every);
        When::Random { from: SimTime::ZERO, until: SimTime::ZERO + self.duration, gap }
    }

    fn heap(&mut self, place: &Place<'_>, of: &HeapEntry) -> Heap {
        self.within(&place.key("used"), of.used, 0.05, 0.99);
        self.within(&place.key("grows_to"), of.grows_to, 0.05, 0.99);
        Heap { used: of.used.clamp(0.05, 0.99), grows_to: of.grows_to.clamp(0.05, 0.99), over: of.over.0 }
    }

    fn cpu_quota(&mut self, place: &Place<'_>, of: &CpuQuotaEntry, name: &str, consumers: &[u32]) -> Option<Fault> {
        self.within(&place.key("cores"), of.cores, 0.01, 1.0);
        let (least, most) = (1, 1_000); // cgroup `cpu.max`
        if !(least..=most).contains(&of.period.0.as_millis()) {
            self.problem(&place.key("period"), format!("a period of {}", of.period), "it takes 1ms to 1s");
            return None;
        }
        if of.cores >= 1.0 {
            return None;
        }
        let share = crate::engine::SimDuration((of.period.0.0 as f64 * of.cores.max(0.01)) as u64);
        let what = FaultKind::CpuQuota { consumers: consumers.to_vec(), share, period: of.period.0 };
        Some(named(format!("CPU quota {} of {name}", of.cores), When::At(SimTime::ZERO), what))
    }
}

fn named(label: String, when: When, what: FaultKind) -> Fault {
    Fault { label: Arc::from(label), when, what }
}
