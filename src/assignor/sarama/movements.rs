//! Which partitions have moved between which members, so that of two that could move, one goes back rather than another
//! there.

use std::collections::BTreeMap;

use super::super::group::{MemberIndex, PartitionIndex, TopicIndex};
use super::super::map_order::MapOrder;

type Pair = (MemberIndex, MemberIndex);

/// Movements of one computation (`partitionMovements`).
#[derive(Default)]
pub(super) struct Movements {
    of: BTreeMap<PartitionIndex, Pair>,
    between: BTreeMap<(TopicIndex, Pair), Vec<PartitionIndex>>,
}

impl Movements {
    /// The partition goes from one member to another; a way there and back is none.
    pub(super) fn moved(&mut self, topic: TopicIndex, partition: PartitionIndex, from: MemberIndex, to: MemberIndex) {
        let from = self.forget(topic, partition).map_or(from, |(first, _)| first);
        if from != to {
            self.of.insert(partition, (from, to));
            self.between.entry((topic, (from, to))).or_default().push(partition);
        }
    }

    fn forget(&mut self, topic: TopicIndex, partition: PartitionIndex) -> Option<Pair> {
        let pair = self.of.remove(&partition)?;
        if let Some(partitions) = self.between.get_mut(&(topic, pair)) {
            partitions.retain(|other| *other != partition);
        }
        Some(pair)
    }

    /// The one to move: another of the topic that came the opposite way, if there is one.
    pub(super) fn rather(
        &self,
        topic: TopicIndex,
        partition: PartitionIndex,
        from: MemberIndex,
        to: MemberIndex,
        maps: &mut MapOrder,
    ) -> PartitionIndex {
        let from = self.of.get(&partition).map_or(from, |(first, _)| *first);
        let opposite = self.between.get(&(topic, (to, from))).map_or(&[][..], Vec::as_slice);
        maps.last(opposite).unwrap_or(partition)
    }
}
