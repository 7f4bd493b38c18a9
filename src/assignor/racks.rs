//! Racks of members and partitions (spec `assignors.md` 3.6).

use rustc_hash::FxHashMap;

use super::group::{Group, MemberIndex, PartitionIndex};

/// Number of a rack.
pub(super) type Rack = u32;

/// Racks of a group of which at least one member has one.
pub(super) struct Racks {
    /// Per member; `None` without a rack.
    members: Vec<Option<Rack>>,
    /// Per partition, ascending and without repetition; without the replicas on brokers without a rack.
    partitions: Vec<Vec<Rack>>,
}

impl Racks {
    /// `None` if no member has a rack.
    pub(super) fn of(group: &Group<'_>) -> Option<Racks> {
        if group.members.iter().all(|member| member.subscription.rack.is_none()) {
            return None;
        }
        let mut numbers: FxHashMap<&str, Rack> = FxHashMap::default();
        let mut members = Vec::with_capacity(group.members.len());
        for member in group.members {
            let next = numbers.len() as Rack;
            let rack = member.subscription.rack.as_deref();
            members.push(rack.map(|rack| *numbers.entry(rack).or_insert(next)));
        }
        let mut partitions = vec![Vec::new(); group.partitions as usize];
        for topic in &group.topics {
            for (replicas, partition) in topic.metadata.racks.iter().zip(&mut partitions[topic.first as usize..]) {
                for rack in replicas.iter().flatten() {
                    let next = numbers.len() as Rack;
                    partition.push(*numbers.entry(&**rack).or_insert(next));
                }
                partition.sort_unstable();
                partition.dedup();
            }
        }
        Some(Racks { members, partitions })
    }

    pub(super) fn rack_of(&self, member: MemberIndex) -> Option<Rack> {
        self.members[member as usize]
    }

    pub(super) fn has_rack(&self, member: MemberIndex) -> bool {
        self.members[member as usize].is_some()
    }

    /// True if a replica of the partition is in the member's rack. False for a partition that does not exist.
    fn shares_rack(&self, rack: Rack, partition: PartitionIndex) -> bool {
        self.partitions.get(partition as usize).is_some_and(|racks| racks.contains(&rack))
    }

    /// True if the member has a rack and the partition a replica in it.
    pub(super) fn in_same_rack(&self, member: MemberIndex, partition: PartitionIndex) -> bool {
        self.members[member as usize].is_some_and(|rack| self.shares_rack(rack, partition))
    }

    /// True if the member has a rack and the partition no replica in it.
    pub(super) fn mismatch(&self, member: MemberIndex, partition: PartitionIndex) -> bool {
        self.members[member as usize].is_some_and(|rack| !self.shares_rack(rack, partition))
    }

    /// Per partition how many members are in racks of its replicas.
    pub(super) fn members_in_reach(&self) -> Vec<u32> {
        let mut members_in: FxHashMap<Rack, u32> = FxHashMap::default();
        for rack in self.members.iter().flatten() {
            *members_in.entry(*rack).or_default() += 1;
        }
        let reach = |racks: &Vec<Rack>| racks.iter().filter_map(|rack| members_in.get(rack)).sum();
        self.partitions.iter().map(reach).collect()
    }

    /// Whether racks can make a difference among these members and partitions (`useRackAwareAssignment`): a member's rack
    /// has replicas, and some partition lacks replicas in a rack where another has one.
    pub(super) fn matter(
        &self,
        members: impl IntoIterator<Item = MemberIndex>,
        partitions: impl Iterator<Item = PartitionIndex> + Clone,
    ) -> bool {
        let mut everywhere: Vec<Rack> =
            partitions.clone().flat_map(|partition| self.partitions[partition as usize].iter().copied()).collect();
        everywhere.sort_unstable();
        everywhere.dedup();
        let shared = members
            .into_iter()
            .filter_map(|member| self.members[member as usize])
            .any(|rack| everywhere.contains(&rack));
        let mut partitions = partitions;
        shared && partitions.any(|partition| self.partitions[partition as usize] != everywhere)
    }
}
