//! Which partitions moved between which members during one computation (spec `assignors.md` 3.4, «move»).

use std::cmp::Ordering;

use rustc_hash::FxHashMap;

use super::super::group::{MemberIndex, PartitionIndex, TopicIndex};
use super::partitions::Partitions;
use crate::protocol::java_hash::{JavaHashMap, JavaKey};

/// A partition as an element of a `HashSet<TopicPartition>`.
#[derive(Clone, Copy, PartialEq, Eq)]
struct HashedPartition {
    partition: PartitionIndex,
    hash_code: i32,
}

impl JavaKey for HashedPartition {
    fn hash_code(&self) -> i32 {
        self.hash_code
    }
    fn compare_to(&self, other: &Self) -> Ordering {
        self.partition.cmp(&other.partition)
    }
}

/// From whom to whom.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct ConsumerPair {
    source: MemberIndex,
    destination: MemberIndex,
}

/// Net movements so far, per topic and pair of members (`PartitionMovements`).
///
/// Before a partition moves from *a* to *b* although another of the topic moved from *b* to *a*, that one is moved back
/// instead.
#[derive(Default)]
pub(super) struct Movements {
    by_pair: FxHashMap<(TopicIndex, ConsumerPair), JavaHashMap<HashedPartition, ()>>,
    by_partition: FxHashMap<PartitionIndex, ConsumerPair>,
}

impl Movements {
    /// The partition to be moved instead of `partition`, from its present owner to `destination`.
    pub(super) fn actual_partition(
        &self,
        partitions: &Partitions<'_>,
        partition: PartitionIndex,
        owner: MemberIndex,
        destination: MemberIndex,
    ) -> PartitionIndex {
        let source = self.by_partition.get(&partition).map_or(owner, |moved| moved.source);
        let reverse = ConsumerPair { source: destination, destination: source };
        let moved_there = self.by_pair.get(&(partitions.topic(partition), reverse));
        moved_there.and_then(|moved| moved.keys().next()).map_or(partition, |first| first.partition)
    }

    /// Notes a movement. What moved before counts from its first owner; what returns there is forgotten.
    pub(super) fn record(
        &mut self,
        partitions: &Partitions<'_>,
        partition: PartitionIndex,
        owner: MemberIndex,
        destination: MemberIndex,
    ) {
        let topic = partitions.topic(partition);
        let hashed = HashedPartition { partition, hash_code: partitions.hash_code(partition) };
        let mut source = owner;
        if let Some(earlier) = self.by_partition.remove(&partition) {
            if let Some(moved) = self.by_pair.get_mut(&(topic, earlier)) {
                moved.remove(&hashed);
                if moved.is_empty() {
                    self.by_pair.remove(&(topic, earlier));
                }
            }
            source = earlier.source;
            if source == destination {
                return;
            }
        }
        let pair = ConsumerPair { source, destination };
        self.by_partition.insert(partition, pair);
        self.by_pair.entry((topic, pair)).or_default().insert(hashed, ());
    }
}
