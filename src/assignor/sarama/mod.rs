//! sarama's `sticky` and `cooperative-sticky` (v1.61; learnt from its public source, `balance_strategy*.go`): an old
//! algorithm of Kafka's, without its fixed orders. Go's maps are walked in an order that differs from run to run, so the
//! same group gets different assignments; [`MapOrder`] draws those orders.
//!
//! Its `range` and `roundrobin` are Kafka's for dynamic members (it does not look at instance ids).

mod claims;
mod movements;
mod reassign;

use super::assignment::{AssignedPartition, GroupAssignment};
use super::group::{Group, MemberIndex, PartitionIndex, TopicIndex};
use super::map_order::MapOrder;
use crate::protocol::java_hash::string_compare;
use claims::Claims;

/// `sticky`: what members had is in their user data.
pub(super) fn sticky(group: &Group<'_>, mut maps: MapOrder) -> GroupAssignment {
    let claims = Claims::eager(group, &mut maps);
    let plan = Plan::computed(group, claims, maps);
    finish(group, &plan, &[])
}

/// One round of `cooperative-sticky`: what changes hands stays unassigned until its owner has revoked it.
pub(super) fn cooperative_sticky(group: &Group<'_>, mut maps: MapOrder) -> GroupAssignment {
    let claims = Claims::cooperative(group, &mut maps);
    let plan = Plan::computed(group, claims, maps);
    finish(group, &plan, &claims::changing_hands(group, &plan))
}

/// Who gets what, under construction.
struct Plan<'g> {
    group: &'g Group<'g>,
    topic_of: Vec<TopicIndex>,
    /// Per member its list; none for a member that takes no part in moves.
    lists: Vec<Option<Vec<PartitionIndex>>>,
    owner: Vec<Option<MemberIndex>>,
    /// Who had a partition before its owner, as far as members say.
    previous: Vec<Option<MemberIndex>>,
    /// Per topic who subscribes to it, in the order of a map.
    potential: Vec<Vec<MemberIndex>>,
    /// Per member how many partitions it could have.
    reach: Vec<usize>,
}

impl<'g> Plan<'g> {
    fn computed(group: &'g Group<'g>, claims: Claims, mut maps: MapOrder) -> Plan<'g> {
        let fresh = claims.none;
        let mut plan = Plan::empty(group, claims.previous, &mut maps);
        let unassigned = plan.keep(claims.lists, &mut maps);
        let order = plan.order_of_moves(fresh, &mut maps);
        for partition in unassigned {
            plan.assign(partition);
        }
        let order = order.into_iter().filter(|partition| plan.potential(*partition).len() >= 2).collect::<Vec<_>>();
        let fixed: Vec<_> = (0..group.member_count()).map(|member| plan.fix(member)).collect();
        reassign::until_balanced(&mut plan, &order, &mut maps);
        for (member, list) in fixed.into_iter().enumerate().filter(|(_, list)| list.is_some()) {
            plan.lists[member] = list;
        }
        plan
    }

    fn empty(group: &'g Group<'g>, previous: Vec<Option<MemberIndex>>, maps: &mut MapOrder) -> Plan<'g> {
        let members = maps.iterate(0..group.member_count());
        let topics = 0..group.topics.len() as TopicIndex;
        let subscribers =
            |topic| members.iter().copied().filter(|member| group.list(*member).contains(topic)).collect();
        let reach = |member| {
            let subscribed = topics.clone().filter(|topic| group.list(member).contains(*topic));
            subscribed.map(|topic| group.partitions_of(topic).len()).sum()
        };
        Plan {
            group,
            topic_of: topics.clone().flat_map(|topic| group.partitions_of(topic).map(move |_| topic)).collect(),
            lists: vec![Some(Vec::new()); group.members.len()],
            owner: vec![None; group.partitions as usize],
            previous,
            potential: topics.clone().map(subscribers).collect(),
            reach: (0..group.member_count()).map(reach).collect(),
        }
    }

    /// Who could have a partition.
    fn potential(&self, partition: PartitionIndex) -> &[MemberIndex] {
        &self.potential[self.topic_of[partition as usize] as usize]
    }

    fn can_have(&self, member: MemberIndex, partition: PartitionIndex) -> bool {
        self.group.list(member).contains(self.topic_of[partition as usize])
    }

    /// How many it has; none if it takes no part.
    fn load(&self, member: MemberIndex) -> usize {
        self.lists[member as usize].as_ref().map_or(0, Vec::len)
    }

    /// Members keep what they claim and still subscribe to; the rest has to be assigned.
    fn keep(&mut self, claimed: Vec<Vec<PartitionIndex>>, maps: &mut MapOrder) -> Vec<PartitionIndex> {
        let mut unassigned = Vec::new();
        let mut visited = vec![false; self.owner.len()];
        for (member, claimed) in maps.iterate((0..).zip(claimed)) {
            for partition in claimed {
                visited[partition as usize] = true;
                if self.can_have(member, partition) {
                    self.lists[member as usize].get_or_insert_default().push(partition);
                    self.owner[partition as usize] = Some(member);
                } else {
                    unassigned.push(partition);
                }
            }
        }
        let others = (0..self.group.partitions).filter(|partition| !visited[*partition as usize]);
        unassigned.extend(maps.iterate(others));
        unassigned
    }

    /// Members that take part, the least loaded first, then by member id.
    fn by_load(&self) -> Vec<MemberIndex> {
        let taking_part = |member: &MemberIndex| self.lists[*member as usize].is_some();
        let mut order: Vec<MemberIndex> = (0..self.group.member_count()).filter(taking_part).collect();
        order
            .sort_by(|one, other| self.load(*one).cmp(&self.load(*other)).then_with(|| self.compare_ids(*one, *other)));
        order
    }

    fn compare_ids(&self, one: MemberIndex, other: MemberIndex) -> std::cmp::Ordering {
        let id = |member: MemberIndex| self.group.members[member as usize].member_id.as_str();
        string_compare(id(one), id(other))
    }

    fn assign(&mut self, partition: PartitionIndex) {
        if let Some(member) = self.by_load().into_iter().find(|member| self.can_have(*member, partition)) {
            self.lists[member as usize].get_or_insert_default().push(partition);
            self.owner[partition as usize] = Some(member);
        }
    }

    /// Takes a member out that has all that it can have, if nobody else can have any of it.
    fn fix(&mut self, member: MemberIndex) -> Option<Vec<PartitionIndex>> {
        let list = self.lists[member as usize].as_ref()?;
        let movable = |partition: &PartitionIndex| self.potential(*partition).len() >= 2;
        if list.len() < self.reach[member as usize] || list.iter().any(movable) {
            return None;
        }
        self.lists[member as usize].take()
    }

    /// In which order partitions are looked at: of an assignment that exists, with equal subscriptions, one from whoever
    /// has most at the time; else those with the fewest subscribers first.
    fn order_of_moves(&self, fresh: bool, maps: &mut MapOrder) -> Vec<PartitionIndex> {
        let all = 0..self.group.partitions;
        let subscribers_are_equal = self.potential.iter().all(|members| members.len() == self.lists.len());
        if fresh || !subscribers_are_equal {
            let mut order: Vec<PartitionIndex> = all.collect();
            order.sort_by_key(|partition| self.potential(*partition).len()); // stable: then by topic and number
            return order;
        }
        let mut lists: Vec<Vec<PartitionIndex>> = self.lists.iter().flatten().cloned().collect();
        let mut order = Vec::with_capacity(self.owner.len());
        while let Some(fullest) = self.fullest(&lists) {
            let list = &mut lists[fullest];
            let had_another_owner = |partition: &PartitionIndex| self.previous[*partition as usize].is_some();
            order.push(list.remove(list.iter().position(had_another_owner).unwrap_or(0)));
        }
        order.extend(maps.iterate(all.filter(|partition| self.owner[*partition as usize].is_none())));
        order
    }

    /// The member with the longest list, of several the one with the highest id; none if all lists are empty.
    fn fullest(&self, lists: &[Vec<PartitionIndex>]) -> Option<usize> {
        let longest = (0..lists.len()).max_by(|one, other| {
            let ids = || self.compare_ids(*one as MemberIndex, *other as MemberIndex);
            lists[*one].len().cmp(&lists[*other].len()).then_with(ids)
        });
        longest.filter(|member| !lists[*member].is_empty())
    }
}

/// The assignment without what is withheld; the order within a list means nothing.
fn finish(group: &Group<'_>, plan: &Plan<'_>, withheld: &[PartitionIndex]) -> GroupAssignment {
    let number = |partition: &PartitionIndex| {
        let topic = plan.topic_of[*partition as usize];
        AssignedPartition { topic, partition: (partition - group.partitions_of(topic).start) as i32 }
    };
    let list = |list: &Option<Vec<PartitionIndex>>| {
        let list = list.iter().flatten().filter(|partition| withheld.binary_search(partition).is_err());
        list.map(number).collect()
    };
    group.assignment(plan.lists.iter().map(list).collect())
}
