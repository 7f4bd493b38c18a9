//! `uniform` when members subscribe to different topics (spec `assignors.md` 6.2).
//!
//! Members keep what they still subscribe to; partitions without an owner go to the least loaded subscribers, topic by
//! topic; then, at most sixteen times over all topics, the most loaded subscribers of a topic give to the least loaded.

use std::borrow::Cow;

use rustc_hash::FxHashMap;

use super::balancer::Balancer;
use super::subscriptions::Subscriptions;
use super::{GroupSpec, SubscribedTopics, TargetAssignment, TopicIdPartitions, add};
use crate::assignor::error::AssignorError;
use crate::protocol::TopicId;
use crate::protocol::java_hash::JavaKey;

/// Kafka's `MAX_ITERATION_COUNT`.
const MAX_SWEEPS: usize = 16;

/// "No member".
const NOBODY: u32 = u32::MAX;

pub(super) fn assign<'a>(
    group: &'a GroupSpec,
    topics: &SubscribedTopics,
) -> Result<TargetAssignment<'a>, AssignorError> {
    let mut builder = Builder::new(group, topics)?;
    if builder.topics.is_empty() {
        return Ok(TargetAssignment { members: vec![Cow::Borrowed(&[]); group.members.len()] });
    }
    builder.keep_subscribed();
    builder.assign_remaining();
    builder.balance();
    Ok(TargetAssignment { members: builder.target })
}

struct Topic {
    id: TopicId,
    /// Numbers of the members that subscribe to it, ascending.
    subscribers: Vec<u32>,
    /// Member that has each partition.
    owner: Vec<u32>,
}

struct Builder<'a> {
    group: &'a GroupSpec,
    topics: Vec<Topic>,
    subscriptions: Subscriptions,
    target: Vec<Cow<'a, [TopicIdPartitions]>>,
    /// How many partitions each member has.
    sizes: Vec<u32>,
}

impl<'a> Builder<'a> {
    fn new(group: &'a GroupSpec, known: &SubscribedTopics) -> Result<Self, AssignorError> {
        let subscriptions = Subscriptions::new(&group.members, known)?;
        let topic = |(id, partitions): &(TopicId, u32)| Topic {
            id: *id,
            subscribers: Vec::new(),
            owner: vec![NOBODY; *partitions as usize],
        };
        let mut topics: Vec<Topic> = subscriptions.topics.iter().map(topic).collect();
        for member in 0..group.members.len() {
            for topic in subscriptions.of(member) {
                topics[*topic as usize].subscribers.push(member as u32);
            }
        }
        let target = Vec::with_capacity(group.members.len());
        Ok(Builder { group, topics, subscriptions, target, sizes: vec![0; group.members.len()] })
    }

    /// 6.2.1.
    fn keep_subscribed(&mut self) {
        let (membership, list_of) = self.subscriptions.membership();
        for (number, member) in (0..).zip(&self.group.members) {
            let contains = &membership[list_of[number as usize] as usize];
            let subscribed = |topic: &TopicIdPartitions| {
                let index = self.subscriptions.index_of.get(&topic.topic_id);
                index.copied().filter(|index| contains[*index as usize])
            };
            for topic in &member.assigned {
                let Some(index) = subscribed(topic) else { continue };
                self.sizes[number as usize] += topic.partitions.len() as u32;
                let owner = &mut self.topics[index as usize].owner;
                for partition in &topic.partitions {
                    owner[*partition as usize] = number;
                }
            }
            self.target.push(if member.assigned.iter().all(|topic| subscribed(topic).is_some()) {
                Cow::Borrowed(&member.assigned)
            } else {
                member.assigned.iter().filter(|topic| subscribed(topic).is_some()).cloned().collect()
            });
        }
    }

    /// 6.2.2: partitions per subscriber descending, then subscribers ascending, then id ascending.
    fn sorted_topics(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.topics.len()).collect();
        let per_subscriber = |topic: &Topic| topic.owner.len() as f64 / topic.subscribers.len() as f64;
        order.sort_by(|left, right| {
            let (left, right) = (&self.topics[*left], &self.topics[*right]);
            per_subscriber(right)
                .total_cmp(&per_subscriber(left))
                .then(left.subscribers.len().cmp(&right.subscribers.len()))
                .then(left.id.compare_to(&right.id))
        });
        order
    }

    /// 6.2.3.
    fn assign_remaining(&mut self) {
        let mut balancer = Balancer::default();
        for topic in self.sorted_topics() {
            if !self.topics[topic].owner.contains(&NOBODY) {
                continue;
            }
            balancer.initialize(&self.topics[topic].subscribers, &self.sizes);
            for partition in 0..self.topics[topic].owner.len() {
                if self.topics[topic].owner[partition] == NOBODY {
                    let member = balancer.next_least_loaded(&self.sizes);
                    self.give(topic, partition, member);
                }
            }
        }
    }

    /// 6.2.4.
    fn balance(&mut self) {
        let mut order = self.sorted_topics();
        order.retain(|topic| self.topics[*topic].subscribers.len() >= 2);
        let mut balancer = Balancer::default();
        let mut last_changed = None;
        for _ in 0..MAX_SWEEPS {
            for topic in &order {
                if last_changed == Some(*topic) {
                    return;
                }
                let changed = self.balance_topic(*topic, &mut balancer);
                if changed || last_changed.is_none() {
                    last_changed = Some(*topic);
                }
            }
        }
    }

    /// Moves partitions of one topic from its most loaded subscribers to its least loaded ones; tells whether any moved.
    fn balance_topic(&mut self, topic: usize, balancer: &mut Balancer) -> bool {
        if balancer.initialize(&self.topics[topic].subscribers, &self.sizes) <= 1 {
            return false;
        }
        let mut donors = Donors::new(&self.topics[topic].owner);
        let mut changed = false;
        while !balancer.is_balanced() {
            let Some(partition) = next_donation(balancer, &self.sizes, &mut donors) else { break };
            let receiver = balancer.next_least_loaded(&self.sizes);
            if balancer.is_balanced() {
                break;
            }
            self.take(topic, partition);
            self.give(topic, partition, receiver);
            changed = true;
        }
        changed
    }

    fn give(&mut self, topic: usize, partition: usize, member: u32) {
        self.topics[topic].owner[partition] = member;
        self.sizes[member as usize] += 1;
        add(self.target[member as usize].to_mut(), self.topics[topic].id, partition as i32);
    }

    fn take(&mut self, topic: usize, partition: usize) {
        let member = self.topics[topic].owner[partition] as usize;
        self.sizes[member] -= 1;
        let target = self.target[member].to_mut();
        let id = self.topics[topic].id;
        if let Some(position) = target.iter().position(|assigned| assigned.topic_id == id) {
            target[position].partitions.retain(|other| *other != partition as i32);
            if target[position].partitions.is_empty() {
                target.remove(position);
            }
        }
    }
}

/// The partitions of one topic, grouped by the member that has them when balancing begins.
struct Donors {
    /// (member, partition), ascending.
    partitions: Vec<(u32, u32)>,
    /// Per member that had any: how many it can still give, and where they begin in `partitions`.
    left: FxHashMap<u32, (usize, usize)>,
}

impl Donors {
    fn new(owner: &[u32]) -> Self {
        let mut partitions: Vec<(u32, u32)> = owner.iter().copied().zip(0..).collect();
        partitions.sort_unstable();
        let mut left: FxHashMap<u32, (usize, usize)> = FxHashMap::default();
        for (position, (member, _)) in partitions.iter().enumerate() {
            left.entry(*member).or_insert((0, position)).0 += 1;
        }
        Donors { partitions, left }
    }

    /// The member's last partition that it has not given yet.
    fn take_last(&mut self, member: u32) -> Option<usize> {
        let (left, start) = self.left.get_mut(&member)?;
        *left = left.checked_sub(1)?;
        Some(self.partitions[*start + *left].1 as usize)
    }
}

/// The last partition of the most loaded member that has one of this topic; members without one are excluded.
fn next_donation(balancer: &mut Balancer, sizes: &[u32], donors: &mut Donors) -> Option<usize> {
    loop {
        let member = balancer.next_most_loaded(sizes)?;
        match donors.take_last(member) {
            Some(partition) => return Some(partition),
            None => balancer.exclude_most_loaded(),
        }
    }
}
