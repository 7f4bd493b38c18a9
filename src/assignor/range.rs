//! `RangeAssignor`: per topic, contiguous slices to the subscribed members in order (spec `assignors.md` 1).
//!
//! Member *i* of *n* gets `P / n` partitions of a topic with *P*, the first `P % n` members one more. Topics don't know of
//! each other: with many small topics the first members get more in all of them. Nothing is sticky, but partition *i* of
//! topics with equal partition counts goes to one member (co-partitioning).

use indexmap::IndexMap;

use super::assignment::{AssignedPartition, GroupAssignment};
use super::group::{Group, MemberIndex, TopicIndex};
use super::racks::Racks;

/// Computes the assignment.
pub(super) fn assign(group: &Group<'_>) -> GroupAssignment {
    let order = group.members_by_instance();
    let racks = Racks::of(group);
    let partitions = match racks {
        Some(racks) => assign_with_racks(group, &order, &racks),
        None => assign_slices(group, &order),
    };
    group.assignment(partitions)
}

/// The usual case: slices of closed form.
fn assign_slices(group: &Group<'_>, order: &[MemberIndex]) -> Vec<Vec<AssignedPartition>> {
    let mut assignment = vec![Vec::new(); order.len()];
    let mut subscribers = Vec::new();
    for topic in &group.hash_order {
        subscribers.clear();
        subscribers.extend(order.iter().copied().filter(|member| group.list(*member).contains(*topic)));
        let partitions = group.topics[*topic as usize].metadata.partitions;
        let members = subscribers.len() as u32;
        let mut next = 0;
        for (position, member) in (0..).zip(&subscribers) {
            let end = next + partitions / members + u32::from(position < partitions % members);
            assignment[*member as usize].extend(numbers(*topic, next..end));
            next = end;
        }
    }
    assignment
}

fn numbers(topic: TopicIndex, range: std::ops::Range<u32>) -> impl Iterator<Item = AssignedPartition> {
    range.map(move |partition| AssignedPartition { topic, partition: partition as i32 })
}

/// One topic while racks are matched (`TopicAssignmentState`).
struct TopicState {
    topic: TopicIndex,
    /// Subscribers in order, and how many partitions each has got.
    members: Vec<MemberIndex>,
    assigned: Vec<u32>,
    /// Partition numbers that nobody has yet, ascending.
    unassigned: Vec<u32>,
    /// `P / n`.
    quota: u32,
    /// How many members may still get one more than the quota.
    extras: u32,
    /// Whether racks can make a difference in this topic.
    racks_matter: bool,
    /// Number of partitions; 0 if no subscriber has a rack.
    partitions_with_racks: u32,
}

impl TopicState {
    fn new(group: &Group<'_>, order: &[MemberIndex], racks: &Racks, topic: TopicIndex) -> Self {
        let members: Vec<MemberIndex> =
            order.iter().copied().filter(|member| group.list(*member).contains(topic)).collect();
        let partitions = group.topics[topic as usize].metadata.partitions;
        let any_rack = members.iter().any(|member| racks.has_rack(*member));
        TopicState {
            topic,
            assigned: vec![0; members.len()],
            unassigned: (0..partitions).collect(),
            quota: partitions / members.len() as u32,
            extras: partitions % members.len() as u32,
            racks_matter: any_rack && racks.matter(members.iter().copied(), group.partitions_of(topic)),
            partitions_with_racks: if any_rack { partitions } else { 0 },
            members,
        }
    }

    /// How many partitions the subscriber at `position` can still get.
    fn room(&self, position: usize) -> u32 {
        (self.quota + u32::from(self.extras > 0)).saturating_sub(self.assigned[position])
    }

    /// Gives the subscriber at `position` the first unassigned partitions that `fits`, as many as it has room for.
    fn take(&mut self, position: usize, fits: impl Fn(u32) -> bool) -> Vec<u32> {
        let room = self.room(position) as usize;
        let mut taken = Vec::new();
        self.unassigned.retain(|partition| {
            let take = taken.len() < room && fits(*partition);
            if take {
                taken.push(*partition);
            }
            !take
        });
        self.assigned[position] += taken.len() as u32;
        if !taken.is_empty() && self.assigned[position] > self.quota {
            self.extras -= 1;
        }
        taken
    }
}

/// True unless the member has a rack in which the partition has no replica.
fn fits(group: &Group<'_>, racks: &Racks, member: MemberIndex, topic: TopicIndex, partition: u32) -> bool {
    !racks.mismatch(member, group.topics[topic as usize].first + partition)
}

/// First partitions in the member's own rack, then the usual slices of what is left (spec `assignors.md` 3.6).
fn assign_with_racks(group: &Group<'_>, order: &[MemberIndex], racks: &Racks) -> Vec<Vec<AssignedPartition>> {
    let mut assignment = vec![Vec::new(); order.len()];
    let mut states: Vec<TopicState> =
        group.hash_order.iter().map(|topic| TopicState::new(group, order, racks, *topic)).collect();
    let racks_matter = states.iter().any(|state| state.racks_matter);
    if racks_matter {
        match_racks(group, racks, &mut states, &mut assignment);
    }
    for state in &mut states {
        for position in 0..state.members.len() {
            let taken = state.take(position, |_| true);
            give(&mut assignment, state, position, &taken);
        }
    }
    if racks_matter {
        for partitions in &mut assignment {
            partitions.sort_unstable_by_key(|assigned: &AssignedPartition| (assigned.topic, assigned.partition));
        }
    }
    assignment
}

fn give(assignment: &mut [Vec<AssignedPartition>], state: &TopicState, position: usize, partitions: &[u32]) {
    let member = state.members[position] as usize;
    let assigned = |partition: &u32| AssignedPartition { topic: state.topic, partition: *partition as i32 };
    assignment[member].extend(partitions.iter().map(assigned));
}

/// The pass over racks. Topics with the same subscribers and the same number of partitions are matched jointly, whether
/// racks matter in them or not; a topic of its own only if they do.
fn match_racks(group: &Group<'_>, racks: &Racks, states: &mut [TopicState], assignment: &mut [Vec<AssignedPartition>]) {
    let mut alike: IndexMap<(Vec<MemberIndex>, u32), Vec<usize>> = IndexMap::new();
    for (index, state) in states.iter().enumerate() {
        alike.entry((state.members.clone(), state.partitions_with_racks)).or_default().push(index);
    }
    for ((members, partitions), together) in alike {
        if let [alone] = together[..] {
            let state = &mut states[alone];
            if !state.racks_matter {
                continue;
            }
            for (position, member) in members.iter().enumerate() {
                let topic = state.topic;
                let taken = state.take(position, |partition| fits(group, racks, *member, topic, partition));
                give(assignment, state, position, &taken);
            }
        } else {
            match_jointly(group, racks, &mut states_at(states, &together), partitions, assignment);
        }
    }
}

fn states_at<'s>(states: &'s mut [TopicState], indices: &[usize]) -> Vec<&'s mut TopicState> {
    states.iter_mut().enumerate().filter(|(index, _)| indices.contains(index)).map(|(_, state)| state).collect()
}

/// Partition *i* of all these topics goes to the first member that is in a rack of all of them and has room in all.
fn match_jointly(
    group: &Group<'_>,
    racks: &Racks,
    states: &mut [&mut TopicState],
    partitions: u32,
    assignment: &mut [Vec<AssignedPartition>],
) {
    let members = states[0].members.clone();
    let mut remaining: Vec<usize> = (0..members.len()).collect();
    for partition in 0..partitions {
        let matching = remaining.iter().copied().find(|position| {
            states.iter().all(|state| {
                fits(group, racks, members[*position], state.topic, partition) && state.room(*position) > 0
            })
        });
        let Some(position) = matching else { continue };
        for state in states.iter_mut() {
            let taken = state.take(position, |candidate| candidate == partition);
            give(assignment, state, position, &taken);
        }
        if states.iter().all(|state| state.room(position) == 0) {
            remaining.retain(|other| *other != position);
        }
    }
}
