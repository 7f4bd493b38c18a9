//! Members subscribe to different topics: partition by partition, as long as a move makes a difference of more than one
//! smaller (spec `assignors.md` 3.4).

use super::super::error::AssignorError;
use super::super::group::{Group, MemberIndex, PartitionIndex, TopicIndex};
use super::super::racks::Racks;
use super::claims::{Claims, MemberData};
use super::load::LoadOrder;
use super::partitions::Partitions;
use super::reassign::Reassignment;
use super::{Decision, NOBODY};
use crate::protocol::Generation;

pub(super) fn assign(
    group: &Group<'_>,
    partitions: &mut Partitions<'_>,
    racks: Option<&Racks>,
    claims: Claims,
    data: &[MemberData<'_>],
    max_generation: i32,
) -> Result<Decision, AssignorError> {
    let previous_owner = previous_owners(partitions, data, max_generation);
    let mut builder = Builder::new(group, partitions, racks, claims.owned);
    builder.drop_invalid();
    let unassigned = builder.unassigned();
    builder.balance(unassigned, &previous_owner)?;
    Ok(Decision { partitions: builder.current, transferring: None })
}

/// Who had each partition before, by claims of older generations than the highest seen: the newest of them, of equally
/// new ones the first (3.4.2).
fn previous_owners(partitions: &mut Partitions<'_>, data: &[MemberData<'_>], max_generation: i32) -> Vec<MemberIndex> {
    let mut previous_owner = vec![NOBODY; partitions.len()];
    let mut generation_of = vec![i32::MIN; partitions.len()];
    for (member, data) in (0..).zip(data) {
        let generation = data.generation.unwrap_or(Generation::NONE.0);
        if generation >= max_generation {
            continue;
        }
        for partition in data.partitions(partitions) {
            let partition = partition as usize;
            if previous_owner[partition] == NOBODY || generation > generation_of[partition] {
                previous_owner[partition] = member;
                generation_of[partition] = generation;
            }
        }
    }
    previous_owner
}

/// `GeneralAssignmentBuilder`.
struct Builder<'a> {
    group: &'a Group<'a>,
    partitions: &'a Partitions<'a>,
    racks: Option<&'a Racks>,
    /// What each member has now.
    current: Vec<Vec<PartitionIndex>>,
    /// Who has each partition now.
    owner: Vec<MemberIndex>,
    /// How many members subscribe to each topic (one that lists it twice counts twice).
    subscribers: Vec<u32>,
    /// All topics, those with the fewest subscribers first, then by name.
    topic_order: Vec<TopicIndex>,
    /// A member lost something because it no longer subscribes to it, or has it in no rack.
    revocation_required: bool,
}

impl<'a> Builder<'a> {
    fn new(
        group: &'a Group<'a>,
        partitions: &'a Partitions<'a>,
        racks: Option<&'a Racks>,
        current: Vec<Vec<PartitionIndex>>,
    ) -> Self {
        let mut subscribers = vec![0; group.topics.len()];
        for member in 0..group.member_count() {
            for topic in &group.list(member).topics {
                subscribers[*topic as usize] += 1;
            }
        }
        let mut topic_order: Vec<TopicIndex> = (0..group.topics.len() as TopicIndex).collect();
        topic_order.sort_by_key(|topic| subscribers[*topic as usize]);
        let mut owner = vec![NOBODY; partitions.len()];
        for (member, owned) in (0..).zip(&current) {
            for partition in owned {
                owner[*partition as usize] = member;
            }
        }
        Builder { group, partitions, racks, current, owner, subscribers, topic_order, revocation_required: false }
    }

    /// 3.4.3: partitions of topics that a member no longer subscribes to, and those outside its rack.
    fn drop_invalid(&mut self) {
        let (group, partitions, racks) = (self.group, self.partitions, self.racks);
        for (member, owned) in (0..).zip(&mut self.current) {
            let before = owned.len();
            owned.retain(|partition| {
                group.list(member).contains(partitions.topic(*partition))
                    && !racks.is_some_and(|racks| racks.mismatch(member, *partition))
            });
            self.revocation_required |= owned.len() < before;
        }
    }

    /// All existing partitions, in the order of their topics (3.4.1).
    fn all_partitions(&self) -> impl Iterator<Item = PartitionIndex> + '_ {
        self.topic_order.iter().flat_map(|topic| self.group.partitions_of(*topic))
    }

    /// 3.4.4: what nobody has. As in the constrained path a partition that does not exist stops the subtraction.
    fn unassigned(&self) -> Vec<PartitionIndex> {
        let mut taken = vec![false; self.partitions.len()];
        // How many partitions come before the first one that is missing where the merge of the sorted lists expects it.
        let mut position_of_topic = vec![0; self.group.topics.len()];
        let mut position = 0;
        for topic in &self.topic_order {
            position_of_topic[*topic as usize] = position;
            position += self.group.partitions_of(*topic).len();
        }
        let mut stop = position;
        for partition in self.current.iter().flatten().copied() {
            taken[partition as usize] = true;
            if !self.partitions.exists(partition) {
                let topic = self.partitions.topic(partition);
                let below = self.partitions.number(partition) < 0;
                let behind = if below { 0 } else { self.group.partitions_of(topic).len() };
                stop = stop.min(position_of_topic[topic as usize] + behind);
            }
        }
        self.all_partitions()
            .enumerate()
            .filter(|(position, partition)| *position >= stop || !taken[*partition as usize])
            .map(|(_, partition)| partition)
            .collect()
    }

    /// 3.4.5.
    fn balance(
        &mut self,
        mut unassigned: Vec<PartitionIndex>,
        previous_owner: &'a [MemberIndex],
    ) -> Result<(), AssignorError> {
        let mut loads = LoadOrder::new(self.group, self.racks);
        for (member, owned) in (0..).zip(&self.current) {
            loads.insert(member, owned.len());
        }
        let initializing = loads.bounds().is_none_or(|(_, most)| most == 0);

        self.assign_unassigned(&unassigned, &mut loads);
        let can_move = |partition: &PartitionIndex| self.subscribers[self.partitions.topic(*partition) as usize] >= 2;
        let movable: Vec<PartitionIndex> = self.all_partitions().filter(can_move).collect();
        unassigned.retain(can_move);
        let fixed: Vec<MemberIndex> =
            (0..self.group.member_count()).filter(|member| !self.can_participate(*member)).collect();
        for member in &fixed {
            loads.remove(*member, self.current[*member as usize].len());
        }

        let snapshot = self.current.clone();
        let mut reassignment = Reassignment::new(
            (self.group, self.partitions, self.racks),
            loads,
            &fixed,
            std::mem::take(&mut self.current),
            std::mem::take(&mut self.owner),
            previous_owner,
        );
        if !self.revocation_required {
            reassignment.run(&unassigned)?;
        }
        let changed = reassignment.run(&movable)?;
        self.current = reassignment.finish();
        if !initializing && changed && score(&self.current, &fixed) >= score(&snapshot, &fixed) {
            self.current = snapshot;
        }
        Ok(())
    }

    /// 3.4.5.2: each to the least loaded subscriber; with racks first to those in a rack of it.
    fn assign_unassigned(&mut self, unassigned: &[PartitionIndex], loads: &mut LoadOrder) {
        let mut left = Vec::new();
        if let Some(racks) = self.racks {
            for partition in unassigned {
                match loads.least_loaded_in_racks(self.partitions.topic(*partition), *partition, racks) {
                    Some(member) => self.give(*partition, member, loads),
                    None => left.push(*partition),
                }
            }
        } else {
            left.extend_from_slice(unassigned);
        }
        for partition in left {
            if let Some(member) = loads.least_loaded(self.partitions.topic(partition)) {
                self.give(partition, member, loads);
            }
        }
    }

    fn give(&mut self, partition: PartitionIndex, member: MemberIndex, loads: &mut LoadOrder) {
        let list = &mut self.current[member as usize];
        loads.remove(member, list.len());
        list.push(partition);
        loads.insert(member, list.len());
        self.owner[partition as usize] = member;
    }

    /// 3.4.5.4: false for members that have all they can have, none of it of a topic with other subscribers.
    fn can_participate(&self, member: MemberIndex) -> bool {
        let owned = &self.current[member as usize];
        owned.len() < potential_partitions(self.group, member)
            || owned.iter().any(|partition| self.subscribers[self.partitions.topic(*partition) as usize] >= 2)
    }
}

/// How many partitions the member could have at most (`getMaxAssignmentSize`).
pub(super) fn potential_partitions(group: &Group<'_>, member: MemberIndex) -> usize {
    let topics = &group.list(member).topics;
    if topics.len() == group.topics.len() {
        return group.partitions as usize;
    }
    topics.iter().map(|topic| group.partitions_of(*topic).len()).sum()
}

/// Sum of the differences of all pairs of members, the fixed ones left out. In Java an `int`, which can overflow.
fn score(current: &[Vec<PartitionIndex>], fixed: &[MemberIndex]) -> i32 {
    let mut sizes: Vec<i64> = (0..)
        .zip(current)
        .filter(|(member, _)| fixed.binary_search(member).is_err())
        .map(|(_, owned)| owned.len() as i64)
        .collect();
    sizes.sort_unstable();
    let mut score: i64 = 0;
    let mut smaller: i64 = 0;
    for (position, size) in (0..).zip(&sizes) {
        score = score.wrapping_add(position * size - smaller);
        smaller += size;
    }
    score as i32
}
