//! The broker's `range` (spec `assignors.md` 7): as the client's, by topic id, without racks and without memory.

use std::borrow::Cow;
use std::ops::Range;

use super::subscriptions::Subscriptions;
use super::{GroupSpec, ServerMember, SubscribedTopics, SubscriptionType, TargetAssignment, TopicIdPartitions};
use crate::assignor::error::AssignorError;
use crate::assignor::group::compare_members;

/// What is left of one topic.
#[derive(Clone, Copy, Default)]
struct Slices {
    /// Size of a slice; the first `larger` ones have one more.
    size: u32,
    larger: u32,
    /// First partition of the next slice.
    next: u32,
    partitions: u32,
}

impl Slices {
    fn new(partitions: u32, members: u32) -> Self {
        // A topic without members is never asked for a slice.
        let members = members.max(1);
        Slices { size: partitions / members, larger: partitions % members, next: 0, partitions }
    }

    fn take(&mut self) -> Range<u32> {
        let extra = u32::from(self.larger > 0);
        self.larger -= extra;
        let end = self.next + self.size + extra;
        std::mem::replace(&mut self.next, end)..end
    }

    fn is_empty(&self) -> bool {
        self.next == self.partitions
    }
}

pub(super) fn assign<'a>(
    group: &'a GroupSpec,
    topics: &SubscribedTopics,
) -> Result<TargetAssignment<'a>, AssignorError> {
    let mut order: Vec<usize> = (0..group.members.len()).collect();
    let key = |position: &usize| -> &ServerMember { &group.members[*position] };
    order.sort_by(|left, right| {
        let (left, right) = (key(left), key(right));
        compare_members((left.instance_id.as_ref(), &left.member_id), (right.instance_id.as_ref(), &right.member_id))
    });
    // In a homogeneous group the first member's topics stand for all.
    let homogeneous = group.subscription_type == SubscriptionType::Homogeneous;
    let subscribing = if homogeneous { &order[..1] } else { &order[..] };
    let subscriptions = Subscriptions::new(subscribing.iter().map(key), topics)?;
    let topics_of = |position: usize| subscriptions.of(if homogeneous { 0 } else { position });

    let everyone = if homogeneous { order.len() as u32 } else { 0 };
    let mut subscribers = vec![everyone; subscriptions.topics.len()];
    if !homogeneous {
        for position in 0..order.len() {
            topics_of(position).iter().for_each(|topic| subscribers[*topic as usize] += 1);
        }
    }
    let mut slices: Vec<Slices> = subscriptions
        .topics
        .iter()
        .zip(&subscribers)
        .map(|((_, partitions), members)| Slices::new(*partitions, *members))
        .collect();
    let mut members = vec![Cow::Borrowed([].as_slice()); order.len()];
    // The last members get nothing of a topic with fewer partitions than members.
    let mut left: usize = slices.iter().filter(|slices| !slices.is_empty()).count();
    for (position, member) in order.iter().enumerate() {
        if left == 0 {
            break;
        }
        let topics = topics_of(position);
        let mut target = Vec::with_capacity(topics.len().min(left));
        for topic in topics {
            let slices = &mut slices[*topic as usize];
            if slices.is_empty() {
                continue;
            }
            let topic_id = subscriptions.topics[*topic as usize].0;
            target.push(TopicIdPartitions {
                topic_id,
                partitions: slices.take().map(|partition| partition as i32).collect(),
            });
            left -= usize::from(slices.is_empty());
        }
        members[*member] = Cow::Owned(target);
    }
    Ok(TargetAssignment { members })
}
