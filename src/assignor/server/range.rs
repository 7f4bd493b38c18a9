//! The broker's `range` (spec `assignors.md` 7): as the client's, by topic id, without racks and without memory.

use std::borrow::Cow;

use super::subscriptions::Subscriptions;
use super::{GroupSpec, ServerMember, SubscribedTopics, SubscriptionType, TargetAssignment, TopicIdPartitions};
use crate::assignor::error::AssignorError;
use crate::assignor::group::compare_members;

/// What is left of one topic.
struct Slices {
    members: u32,
    partitions: u32,
    /// How many members have had their slice.
    served: u32,
    /// First partition of the next slice.
    next: u32,
}

impl Slices {
    fn take(&mut self) -> std::ops::Range<u32> {
        let extra = u32::from(self.served < self.partitions % self.members);
        let end = (self.next + self.partitions / self.members + extra).min(self.partitions);
        self.served += 1;
        std::mem::replace(&mut self.next, end)..end
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

    let mut slices: Vec<Slices> = subscriptions
        .topics
        .iter()
        .map(|(_, partitions)| Slices { members: 0, partitions: *partitions, served: 0, next: 0 })
        .collect();
    for position in 0..order.len() {
        topics_of(position).iter().for_each(|topic| slices[*topic as usize].members += 1);
    }
    let mut members = vec![Cow::Borrowed([].as_slice()); order.len()];
    for (position, member) in order.iter().enumerate() {
        let slice_of = |topic: &u32| {
            let slice = slices[*topic as usize].take();
            let topic_id = subscriptions.topics[*topic as usize].0;
            let partitions: Vec<i32> = slice.map(|partition| partition as i32).collect();
            (!partitions.is_empty()).then_some(TopicIdPartitions { topic_id, partitions })
        };
        members[*member] = topics_of(position).iter().filter_map(slice_of).collect();
    }
    Ok(TargetAssignment { members })
}
