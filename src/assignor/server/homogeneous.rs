//! `uniform` when all members subscribe to the same topics (spec `assignors.md` 6.1).
//!
//! Members keep what they have up to their quota; the rest is given out in blocks, topic by topic. With *P* partitions and
//! *N* members the quota is `P / N`, and one more for `P % N` members: those whose previous target fills it, else the last.

use std::borrow::Cow;

use rustc_hash::FxHashMap;

use super::{GroupSpec, ServerMember, SubscribedTopics, TargetAssignment, TopicIdPartitions, add};
use crate::assignor::error::AssignorError;
use crate::protocol::TopicId;
use crate::protocol::java_hash::JavaHashMap;

/// A partition without an owner.
type TopicIdPartition = (TopicId, i32);

pub(super) fn assign<'a>(
    group: &'a GroupSpec,
    topics: &SubscribedTopics,
) -> Result<TargetAssignment<'a>, AssignorError> {
    let subscribed = subscribed_topics(&group.members[0], topics)?;
    if subscribed.order.is_empty() {
        return Ok(TargetAssignment { members: vec![Cow::Borrowed(&[]); group.members.len()] });
    }
    let mut unassigned = subscribed.without_target(group);
    let mut quotas = Quotas::new(subscribed.partitions, group.members.len());
    let mut unfilled = Vec::new();
    let mut members: Vec<Cow<'a, [TopicIdPartitions]>> = Vec::with_capacity(group.members.len());
    for (index, member) in group.members.iter().enumerate() {
        let mut quota = quotas.next();
        members.push(keep(member, &subscribed, &mut quota.left, &mut unassigned));
        quotas.settle(&mut quota, group.members.len() - index);
        if quota.left > 0 {
            unfilled.push((index, quota.left));
        }
    }
    let mut remaining = unassigned.into_iter();
    for (index, room) in unfilled {
        let target = members[index].to_mut();
        for (topic, partition) in remaining.by_ref().take(room) {
            add(target, topic, partition);
        }
    }
    if remaining.next().is_some() {
        return Err(AssignorError::PartitionAssignor("Partitions were left unassigned".to_owned()));
    }
    Ok(TargetAssignment { members })
}

struct Subscribed {
    /// Topics with their partition counts, in the iteration order of Kafka's `HashSet`.
    order: Vec<(TopicId, u32)>,
    /// Where a topic's partitions begin when all are numbered through.
    first_of: FxHashMap<TopicId, usize>,
    partitions: usize,
}

/// The topics of the first member stand for all: they are copied into a `HashSet`, whose size counts unknown names, too.
fn subscribed_topics(member: &ServerMember, topics: &SubscribedTopics) -> Result<Subscribed, AssignorError> {
    let mut set = JavaHashMap::for_set_of(member.subscribed_topic_names as usize);
    set.extend(member.subscribed_topic_ids.iter().map(|topic| (*topic, ())));
    let mut subscribed =
        Subscribed { order: Vec::with_capacity(set.len()), first_of: FxHashMap::default(), partitions: 0 };
    for topic in set.keys() {
        let partitions = topics.known_partitions(*topic)?;
        subscribed.order.push((*topic, partitions));
        subscribed.first_of.insert(*topic, subscribed.partitions);
        subscribed.partitions += partitions as usize;
    }
    Ok(subscribed)
}

impl Subscribed {
    /// Partitions that are in nobody's previous target.
    fn without_target(&self, group: &GroupSpec) -> Vec<TopicIdPartition> {
        let mut has_target = vec![false; self.partitions];
        for assigned in group.members.iter().flat_map(|member| &member.assigned) {
            if let Some(first) = self.first_of.get(&assigned.topic_id) {
                for partition in &assigned.partitions {
                    if let Some(has_target) = has_target.get_mut(first + *partition as usize) {
                        *has_target = true;
                    }
                }
            }
        }
        let mut has_target = has_target.into_iter();
        let mut unassigned = Vec::new();
        for (topic, partitions) in &self.order {
            let of_topic = (0..*partitions as i32).zip(has_target.by_ref());
            unassigned.extend(of_topic.filter(|(_, has)| !has).map(|(partition, _)| (*topic, partition)));
        }
        unassigned
    }
}

/// How much the members may have.
struct Quotas {
    minimum: usize,
    /// How many members are still to get one more.
    extras: usize,
}

/// One member's share.
struct Quota {
    left: usize,
    has_extra: bool,
}

impl Quotas {
    fn new(partitions: usize, members: usize) -> Self {
        Quotas { minimum: partitions / members, extras: partitions % members }
    }

    fn next(&self) -> Quota {
        let has_extra = self.extras > 0;
        Quota { left: self.minimum + usize::from(has_extra), has_extra }
    }

    /// A member that does not fill its share gives up the extra one, unless it is among the last that must take one.
    fn settle(&mut self, quota: &mut Quota, members_left: usize) {
        if quota.left > 0 && quota.has_extra && members_left > self.extras {
            quota.left -= 1;
            quota.has_extra = false;
        }
        if quota.has_extra {
            self.extras -= 1;
        }
    }
}

/// What a member keeps of its previous target. What exceeds the quota goes to `unassigned`; topics that are no longer
/// subscribed are dropped.
fn keep<'a>(
    member: &'a ServerMember,
    subscribed: &Subscribed,
    quota: &mut usize,
    unassigned: &mut Vec<TopicIdPartition>,
) -> Cow<'a, [TopicIdPartitions]> {
    let mut target = Cow::Borrowed(member.assigned.as_slice());
    for (position, topic) in member.assigned.iter().enumerate() {
        let is_subscribed = subscribed.first_of.contains_key(&topic.topic_id);
        let kept = if is_subscribed { topic.partitions.len().min(*quota) } else { 0 };
        *quota -= kept;
        if is_subscribed {
            unassigned.extend(topic.partitions[kept..].iter().map(|partition| (topic.topic_id, *partition)));
        }
        if kept < topic.partitions.len() {
            target.to_mut()[position].partitions.truncate(kept);
        }
    }
    if let Cow::Owned(changed) = &mut target {
        changed.retain(|topic| !topic.partitions.is_empty());
    }
    target
}
