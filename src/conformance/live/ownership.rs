//! Who owned which partition when, by callbacks; and for how long nobody or more than one did.
//!
//! An owner is a consumer whose process runs and whose listener was told so: from `onPartitionsAssigned` to
//! `onPartitionsRevoked`, `onPartitionsLost`, the end of `close()` or of the process, without the time in which the
//! process is frozen.

use std::collections::{BTreeMap, BTreeSet};

use super::recording::Name;
use super::timeline::{Deed, Timeline};
use crate::client::Callback;
use crate::engine::Millis;

/// How long partitions were without an owner, or had two, within a window of time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ownership {
    /// Milliseconds without an owner, by partition; those with none are left out.
    pub unavailable_ms: BTreeMap<u32, i64>,
    /// The longest single gap of a partition, ms.
    pub unavailable_max_ms: i64,
    /// Time with more than one owner, summed over partitions, ms.
    pub double_owner_partition_ms: i64,
}

impl Ownership {
    /// Sum over partitions, ms.
    pub fn unavailable_partition_ms(&self) -> i64 {
        self.unavailable_ms.values().sum()
    }

    /// Works it out for partitions `0..partitions` from `from` to `until`.
    pub fn of(timeline: &Timeline, partitions: u32, from: Millis, until: Millis) -> Ownership {
        let mut ledger = Ledger { from, until, logs: vec![PartitionLog::default(); partitions as usize] };
        let mut consumers: BTreeMap<&Name, Consumer> = BTreeMap::new();
        for (at, name, deed) in timeline.deeds() {
            let consumer = consumers.entry(name).or_default();
            match deed {
                Deed::Callback(Callback::Assigned, numbers) => {
                    let taken: Vec<u32> = numbers.iter().copied().filter(|new| consumer.owned.insert(*new)).collect();
                    if !consumer.frozen {
                        ledger.change(at, &taken, 1);
                    }
                }
                Deed::Callback(Callback::Revoked | Callback::Lost, numbers) => {
                    let given: Vec<u32> = numbers.iter().copied().filter(|old| consumer.owned.remove(old)).collect();
                    if !consumer.frozen {
                        ledger.change(at, &given, -1);
                    }
                }
                Deed::Closed | Deed::Killed => {
                    let given: Vec<u32> = std::mem::take(&mut consumer.owned).into_iter().collect();
                    if !consumer.frozen {
                        ledger.change(at, &given, -1);
                    }
                    consumer.frozen = false;
                }
                Deed::Frozen if !consumer.frozen => {
                    consumer.frozen = true;
                    ledger.change(at, &consumer.owned.iter().copied().collect::<Vec<_>>(), -1);
                }
                Deed::Thawed if consumer.frozen => {
                    consumer.frozen = false;
                    ledger.change(at, &consumer.owned.iter().copied().collect::<Vec<_>>(), 1);
                }
                _ => {}
            }
        }
        ledger.close()
    }
}

#[derive(Default)]
struct Consumer {
    owned: BTreeSet<u32>,
    frozen: bool,
}

/// One partition's owners over time.
#[derive(Clone, Default)]
struct PartitionLog {
    owners: i32,
    since: Millis,
    /// Without an owner since then.
    gap_ms: i64,
    longest_gap_ms: i64,
    unavailable_ms: i64,
    double_ms: i64,
}

struct Ledger {
    from: Millis,
    until: Millis,
    logs: Vec<PartitionLog>,
}

impl Ledger {
    fn change(&mut self, at: Millis, numbers: &[u32], by: i32) {
        for number in numbers {
            if let Some(log) = self.logs.get_mut(*number as usize) {
                log.pass(at, self.from, self.until);
                log.owners += by;
            }
        }
    }

    fn close(mut self) -> Ownership {
        let mut all = Ownership::default();
        for (number, log) in self.logs.iter_mut().enumerate() {
            log.pass(self.until, self.from, self.until);
            log.end_gap();
            if log.unavailable_ms > 0 {
                all.unavailable_ms.insert(number as u32, log.unavailable_ms);
            }
            all.unavailable_max_ms = all.unavailable_max_ms.max(log.longest_gap_ms);
            all.double_owner_partition_ms += log.double_ms;
        }
        all
    }
}

impl PartitionLog {
    /// Time goes on to `at`; what lies within the window counts.
    fn pass(&mut self, at: Millis, from: Millis, until: Millis) {
        let span = (at.min(until) - self.since.max(from)).max(0);
        self.since = self.since.max(at);
        match self.owners {
            ..=0 => {
                self.gap_ms += span;
                self.unavailable_ms += span;
            }
            1 => {
                if span > 0 {
                    self.end_gap();
                }
            }
            2.. => {
                self.end_gap();
                self.double_ms += span;
            }
        }
    }

    fn end_gap(&mut self) {
        self.longest_gap_ms = self.longest_gap_ms.max(std::mem::take(&mut self.gap_ms));
    }
}

#[cfg(test)]
mod tests {
    use super::super::timeline::{Entry, Moment};
    use super::*;

    fn timeline(deeds: &[(i64, &str, Deed)]) -> Timeline {
        let entry = |(at, name, deed): &(i64, &str, Deed)| Entry {
            at: Millis(*at),
            what: Moment::Consumer(Name::from(*name), deed.clone()),
        };
        Timeline { entries: deeds.iter().map(entry).collect() }
    }

    fn assigned(numbers: &[u32]) -> Deed {
        Deed::Callback(Callback::Assigned, numbers.to_vec())
    }

    #[test]
    fn a_gap_lasts_from_the_revocation_to_the_next_owner() {
        let revoked = Deed::Callback(Callback::Revoked, vec![0]);
        let deeds = [(0, "c1", assigned(&[0, 1])), (100, "c1", revoked), (130, "c2", assigned(&[0]))];
        let ownership = Ownership::of(&timeline(&deeds), 2, Millis(50), Millis(200));
        assert_eq!(ownership.unavailable_ms, BTreeMap::from([(0, 30)]));
        assert_eq!((ownership.unavailable_max_ms, ownership.double_owner_partition_ms), (30, 0));
    }

    #[test]
    fn only_time_within_the_window_counts() {
        let deeds = [(80, "c1", assigned(&[0])), (100, "c1", Deed::Killed)];
        let ownership = Ownership::of(&timeline(&deeds), 1, Millis(50), Millis(160));
        assert_eq!(ownership.unavailable_ms, BTreeMap::from([(0, 90)]));
        assert_eq!(ownership.unavailable_max_ms, 60);
    }

    #[test]
    fn a_frozen_owner_is_none_and_a_second_running_one_counts() {
        let deeds = [
            (0, "c1", assigned(&[0])),
            (100, "c1", Deed::Frozen),
            (300, "c2", assigned(&[0])),
            (400, "c1", Deed::Thawed),
            (450, "c1", Deed::Callback(Callback::Lost, vec![0])),
        ];
        let ownership = Ownership::of(&timeline(&deeds), 1, Millis(0), Millis(500));
        assert_eq!(ownership.unavailable_ms, BTreeMap::from([(0, 200)]));
        assert_eq!(ownership.double_owner_partition_ms, 50);
    }
}
