//! franz-go's `sticky` and `cooperative-sticky` (v1.22; learnt from its public source, `pkg/kgo/internal/sticky`), which
//! share their names with Kafka's but are an algorithm of their own.
//!
//! What members claim is weighed by generation. What nobody keeps goes to whoever has least, by a binary heap whose ties
//! show. If all subscribe to the same, the fullest then give to the emptiest until they differ by one ([`level`]);
//! else partitions move along chains of members, and as many as possible go back to where they were ([`unequal`]).
//! Racks play no part unless its option `BalanceRacks` is set, which is not modelled.
//!
//! The order of topics is that of a Go map: [`MapOrder`] draws it. It decides which topic's partitions are dealt out
//! first, nothing else.

mod claims;
mod level;
mod unequal;

use super::assignment::{AssignedPartition, GroupAssignment};
use super::group::{Group, PartitionIndex, TopicIndex};
use super::map_order::MapOrder;
use claims::{Claim, Claims};

/// A member's place in the order that franz-go computes in: instance id, then member id.
type Rank = usize;

/// `sticky`
pub(super) fn sticky(group: &Group<'_>, maps: MapOrder) -> GroupAssignment {
    let claims: Vec<Claim> =
        group.members_by_instance().into_iter().map(|member| Claim::eager(group, member)).collect();
    let plan = Plan::computed(group, &claims, maps);
    finish(group, &plan, &[])
}

/// One round of `cooperative-sticky`: what changes hands stays unassigned until its owner has revoked it.
pub(super) fn cooperative_sticky(group: &Group<'_>, maps: MapOrder) -> GroupAssignment {
    let order = group.members_by_instance();
    let claims: Vec<Claim> = order.iter().map(|member| Claim::cooperative(group, *member)).collect();
    let plan = Plan::computed(group, &claims, maps);
    let owned: Vec<Claim> = order.into_iter().map(|member| Claim::owned(group, member)).collect();
    finish(group, &plan, &claims::changing_hands(&plan, &owned))
}

/// Who gets what, under construction.
struct Plan<'g> {
    group: &'g Group<'g>,
    /// Topics in the order of the map.
    topics: Vec<TopicIndex>,
    /// Per topic who subscribes to it, ascending.
    subscribers: Vec<Vec<Rank>>,
    topic_of: Vec<TopicIndex>,
    owner: Vec<Option<Rank>>,
    /// Who came with it, weighed claims only.
    came_with: Vec<Option<Rank>>,
    /// How many partitions each has.
    loads: Vec<usize>,
}

impl<'g> Plan<'g> {
    fn computed(group: &'g Group<'g>, claims: &[Claim], mut maps: MapOrder) -> Plan<'g> {
        let mut plan = Plan::empty(group, &mut maps);
        let claims = Claims::weigh(group, claims);
        plan.keep(&claims, &mut maps);
        plan.came_with = plan.owner.clone();
        if plan.subscriptions_are_equal() {
            plan.deal_to_all();
            level::balance(&mut plan);
        } else {
            plan.deal_by_topic();
            unequal::balance(&mut plan);
        }
        plan
    }

    fn empty(group: &'g Group<'g>, maps: &mut MapOrder) -> Plan<'g> {
        let order = group.members_by_instance();
        let of_topic = |topic: &TopicIndex| {
            (0..order.len()).filter(|rank| group.list(order[*rank]).contains(*topic)).collect::<Vec<Rank>>()
        };
        let names = 0..group.topics.len() as TopicIndex;
        let partitions = group.partitions as usize;
        Plan {
            group,
            subscribers: names.clone().map(|topic| of_topic(&topic)).collect(),
            topic_of: names.clone().flat_map(|topic| group.partitions_of(topic).map(move |_| topic)).collect(),
            topics: maps.iterate(names),
            owner: vec![None; partitions],
            came_with: vec![None; partitions],
            loads: vec![0; order.len()],
        }
    }

    fn subscribes(&self, rank: Rank, partition: PartitionIndex) -> bool {
        self.subscribers[self.topic_of[partition as usize] as usize].binary_search(&rank).is_ok()
    }

    fn subscriptions_are_equal(&self) -> bool {
        self.subscribers.iter().all(|subscribers| subscribers.len() == self.loads.len())
    }

    fn give(&mut self, partition: PartitionIndex, to: Rank) {
        if let Some(from) = self.owner[partition as usize].replace(to) {
            self.loads[from] -= 1;
        }
        self.loads[to] += 1;
    }

    /// Members keep what they claim with the highest generation and still subscribe to. What somebody claims with an
    /// older generation goes back to him if nobody has it or its owner has at least two more.
    fn keep(&mut self, claims: &Claims, maps: &mut MapOrder) {
        let wanted = |plan: &Self, partition: PartitionIndex, rank: &Rank| plan.subscribes(*rank, partition);
        for (partition, claim) in (0..).zip(&claims.newest) {
            if let Some(rank) = claim.filter(|rank| wanted(self, partition, rank)) {
                self.give(partition, rank);
            }
        }
        for (partition, rank) in maps.iterate(claims.stale.iter().copied()) {
            let worth = self.owner[partition as usize].is_none_or(|owner| self.loads[rank] + 1 < self.loads[owner]);
            if worth && wanted(self, partition, &rank) {
                self.give(partition, rank);
            }
        }
    }

    fn unassigned(&self, topic: TopicIndex) -> Vec<PartitionIndex> {
        self.group.partitions_of(topic).filter(|partition| self.owner[*partition as usize].is_none()).collect()
    }

    /// All partitions to one heap of all members.
    fn deal_to_all(&mut self) {
        let mut heap = LeastLoaded::new((0..self.loads.len()).collect(), &self.loads);
        for topic in self.topics.clone() {
            for partition in self.unassigned(topic) {
                heap.deal(partition, self);
            }
        }
    }

    /// Each topic's partitions to a heap of its subscribers.
    fn deal_by_topic(&mut self) {
        for topic in self.topics.clone() {
            let mut heap = LeastLoaded::new(self.subscribers[topic as usize].clone(), &self.loads);
            for partition in self.unassigned(topic) {
                heap.deal(partition, self);
            }
        }
    }
}

/// A binary heap of members, the least loaded on top. Which of several comes first follows from how a heap sinks.
struct LeastLoaded(Vec<Rank>);

impl LeastLoaded {
    fn new(members: Vec<Rank>, loads: &[usize]) -> Self {
        let mut heap = LeastLoaded(members);
        for node in (0..heap.0.len() / 2).rev() {
            heap.sink(node, loads);
        }
        heap
    }

    fn sink(&mut self, mut node: usize, loads: &[usize]) {
        let load = |heap: &Self, node: usize| loads[heap.0[node]];
        loop {
            let mut child = 2 * node + 1;
            if child >= self.0.len() {
                return;
            }
            if child + 1 < self.0.len() && load(self, child + 1) < load(self, child) {
                child += 1;
            }
            if load(self, node) <= load(self, child) {
                return;
            }
            self.0.swap(node, child);
            node = child;
        }
    }

    fn deal(&mut self, partition: PartitionIndex, plan: &mut Plan<'_>) {
        if let Some(rank) = self.0.first().copied() {
            plan.give(partition, rank);
            self.sink(0, &plan.loads);
        }
    }
}

/// The assignment without what is withheld: partitions ascending, as franz-go writes them.
fn finish(group: &Group<'_>, plan: &Plan<'_>, withheld: &[PartitionIndex]) -> GroupAssignment {
    let order = group.members_by_instance();
    let mut lists = vec![Vec::new(); order.len()];
    for (partition, owner) in (0..).zip(&plan.owner) {
        let Some(rank) = owner else { continue };
        if withheld.binary_search(&partition).is_err() {
            let topic = plan.topic_of[partition as usize];
            let number = (partition - group.partitions_of(topic).start) as i32;
            lists[order[*rank] as usize].push(AssignedPartition { topic, partition: number });
        }
    }
    group.assignment(lists)
}
