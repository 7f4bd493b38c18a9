//! Members ordered by how many partitions they have.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

use super::super::group::{Group, MemberIndex, PartitionIndex, TopicIndex};
use super::super::racks::Racks;
use crate::protocol::java_hash::string_compare;

/// Number of partitions, then rank by member id: the order of Kafka's `sortedCurrentSubscriptions`.
type Load = (u32, u32);

/// Finds the least loaded member that subscribes to a topic (and is in a rack of the partition).
///
/// Members with the same subscription and rack form a class with an order of its own, so that a look-up costs in
/// proportion to the classes that subscribe, which are few, instead of walking over all members that don't.
pub(super) struct LoadOrder {
    classes: Vec<BTreeSet<Load>>,
    class_of: Vec<u32>,
    /// Which classes subscribe to each topic, each with one of its members.
    subscribing: Vec<Vec<(u32, MemberIndex)>>,
    rank_of: Vec<u32>,
    by_rank: Vec<MemberIndex>,
}

impl LoadOrder {
    /// An order without members yet.
    pub(super) fn new(group: &Group<'_>, racks: Option<&Racks>) -> Self {
        let mut by_rank: Vec<MemberIndex> = (0..group.member_count()).collect();
        let id = |member: &MemberIndex| group.members[*member as usize].member_id.as_str();
        by_rank.sort_by(|left, right| string_compare(id(left), id(right)));
        let mut rank_of = vec![0; by_rank.len()];
        for (rank, member) in (0..).zip(&by_rank) {
            rank_of[*member as usize] = rank;
        }
        let mut numbers: FxHashMap<(u32, Option<u32>), u32> = FxHashMap::default();
        let mut subscribing = vec![Vec::new(); group.topics.len()];
        let mut class_of = Vec::with_capacity(by_rank.len());
        for member in 0..group.member_count() {
            let next = numbers.len() as u32;
            let rack = racks.and_then(|racks| racks.rack_of(member));
            let class = *numbers.entry((group.list_index(member), rack)).or_insert(next);
            class_of.push(class);
            if class == next {
                for topic in 0..group.topics.len() as TopicIndex {
                    if group.list(member).contains(topic) {
                        subscribing[topic as usize].push((class, member));
                    }
                }
            }
        }
        LoadOrder { classes: vec![BTreeSet::new(); numbers.len()], class_of, subscribing, rank_of, by_rank }
    }

    pub(super) fn insert(&mut self, member: MemberIndex, partitions: usize) {
        let class = self.class_of[member as usize] as usize;
        self.classes[class].insert((partitions as u32, self.rank_of[member as usize]));
    }

    pub(super) fn remove(&mut self, member: MemberIndex, partitions: usize) {
        let class = self.class_of[member as usize] as usize;
        self.classes[class].remove(&(partitions as u32, self.rank_of[member as usize]));
    }

    /// The least loaded member that subscribes to the topic.
    pub(super) fn least_loaded(&self, topic: TopicIndex) -> Option<MemberIndex> {
        self.least(topic, |_| true)
    }

    /// The least loaded member that subscribes to the topic and has no rack outside those of the partition.
    pub(super) fn least_loaded_in_racks(
        &self,
        topic: TopicIndex,
        partition: PartitionIndex,
        racks: &Racks,
    ) -> Option<MemberIndex> {
        self.least(topic, |member| !racks.mismatch(member, partition))
    }

    fn least(&self, topic: TopicIndex, suits: impl Fn(MemberIndex) -> bool) -> Option<MemberIndex> {
        let classes = self.subscribing[topic as usize].iter();
        let least = classes
            .filter(|(_, member)| suits(*member))
            .filter_map(|(class, _)| self.classes[*class as usize].first())
            .min()?;
        Some(self.by_rank[least.1 as usize])
    }

    /// Loads of the least and the most loaded member; `None` without members.
    pub(super) fn bounds(&self) -> Option<(u32, u32)> {
        let least = self.classes.iter().filter_map(BTreeSet::first).min()?;
        let most = self.classes.iter().filter_map(BTreeSet::last).max()?;
        Some((least.0, most.0))
    }

    /// All members, least loaded first.
    pub(super) fn ascending(&self) -> Vec<MemberIndex> {
        let mut loads: Vec<Load> = self.classes.iter().flatten().copied().collect();
        loads.sort_unstable();
        loads.into_iter().map(|(_, rank)| self.by_rank[rank as usize]).collect()
    }
}
