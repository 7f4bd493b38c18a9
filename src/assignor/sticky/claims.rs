//! What members say they own, weighed against each other (spec `assignors.md` 3.1 and 3.2).

use super::super::group::{Group, MemberIndex, PartitionIndex};
use super::NOBODY;
use super::partitions::Partitions;
use crate::protocol::Generation;
use crate::protocol::subscription::{
    ConsumerProtocolSubscription, StickyUserData, TopicPartitions, cooperative_user_data,
};
use std::borrow::Cow;

/// What an assignor reads out of a member's subscription (`MemberData`).
pub(in super::super) struct MemberData<'a> {
    claimed: Cow<'a, [TopicPartitions]>,
    /// `None`: absent.
    pub(super) generation: Option<i32>,
}

impl<'a> MemberData<'a> {
    /// Sticky: from the user data alone, because an eager member has revoked everything (spec `assignors.md` 3.1).
    pub(in super::super) fn sticky(subscription: &ConsumerProtocolSubscription) -> Self {
        let Some(user_data) = subscription.user_data.as_deref().filter(|bytes| !bytes.is_empty()) else {
            return MemberData { claimed: Cow::Borrowed(&[]), generation: None };
        };
        match StickyUserData::decode(user_data) {
            Some(data) => MemberData { claimed: Cow::Owned(data.previous_assignment), generation: data.generation },
            None => MemberData { claimed: Cow::Borrowed(&[]), generation: Some(Generation::NONE.0) },
        }
    }

    /// Cooperative: the owned partitions; the generation from the subscription, of old clients from the user data.
    pub(in super::super) fn cooperative(subscription: &'a ConsumerProtocolSubscription) -> Self {
        let in_user_data = |bytes| cooperative_user_data::decode(bytes).unwrap_or(Generation::NONE.0);
        let generation = generation_field(subscription).or_else(|| subscription.user_data.as_deref().map(in_user_data));
        MemberData { claimed: Cow::Borrowed(&subscription.owned_partitions), generation }
    }

    /// The claimed partitions of topics that take part, in order.
    pub(super) fn partitions(&self, partitions: &mut Partitions<'_>) -> Vec<PartitionIndex> {
        let mut indices = Vec::with_capacity(self.claimed.iter().map(|group| group.partitions.len()).sum());
        for group in &*self.claimed {
            if let Some(topic) = partitions.group().topic_index(group.topic.as_str()) {
                indices.extend(group.partitions.iter().map(|number| partitions.index(topic, *number)));
            }
        }
        indices
    }
}

/// The generation in the subscription itself; `None` if absent.
fn generation_field(subscription: &ConsumerProtocolSubscription) -> Option<i32> {
    Some(subscription.generation.0).filter(|generation| *generation >= 0)
}

/// The outcome of weighing.
pub(super) struct Claims {
    /// All members subscribe to the same topics.
    pub(super) equal_subscriptions: bool,
    /// Per member what it owns undisputed.
    pub(super) owned: Vec<Vec<PartitionIndex>>,
    /// Partitions that two members of the same generation claimed, by partition.
    pub(super) doubly_claimed: Vec<bool>,
}

impl Claims {
    /// Walks the members in their order. Raises `max_generation` to the highest generation seen.
    pub(super) fn weigh(
        group: &Group<'_>,
        partitions: &mut Partitions<'_>,
        data: &[MemberData<'_>],
        max_generation: &mut i32,
    ) -> Claims {
        let mut claims = Claims {
            equal_subscriptions: subscriptions_are_equal(group),
            owned: vec![Vec::new(); data.len()],
            doubly_claimed: vec![false; partitions.len()],
        };
        let mut owner = vec![NOBODY; partitions.len()];
        for (member, data) in (0..).zip(data) {
            let generation = data.generation.unwrap_or(Generation::NONE.0);
            *max_generation = generation.max(*max_generation);
            let claimed = data.partitions(partitions);
            owner.resize(partitions.len(), NOBODY);
            claims.doubly_claimed.resize(partitions.len(), false);
            claims.owned[member as usize].reserve(claimed.len());
            for partition in claimed {
                claims.claim(group, partition, member, generation, &mut owner[partition as usize]);
            }
        }
        claims
    }

    /// One claim against the owner so far. The owner's generation is that of its subscription's field, the claimant's
    /// that of its member data: for members that return with old user data they differ.
    fn claim(
        &mut self,
        group: &Group<'_>,
        partition: PartitionIndex,
        member: MemberIndex,
        generation: i32,
        owner: &mut MemberIndex,
    ) {
        let previous = std::mem::replace(owner, member);
        if previous == NOBODY {
            self.owned[member as usize].push(partition);
            return;
        }
        let subscription = &group.members[previous as usize].subscription;
        match generation.cmp(&generation_field(subscription).unwrap_or(Generation::NONE.0)) {
            std::cmp::Ordering::Equal => {
                self.doubly_claimed[partition as usize] = true;
                remove_first(&mut self.owned[previous as usize], partition);
            }
            std::cmp::Ordering::Greater => {
                self.owned[member as usize].push(partition);
                remove_first(&mut self.owned[previous as usize], partition);
            }
            std::cmp::Ordering::Less => *owner = previous,
        }
    }
}

/// Takes the first occurrence of a partition out of a list (`List.remove`).
pub(super) fn remove_first(list: &mut Vec<PartitionIndex>, partition: PartitionIndex) {
    if let Some(position) = list.iter().position(|other| *other == partition) {
        list.remove(position);
    }
}

/// Compares each member's list with the set of the first one that is not empty. Lists that come before it (empty ones)
/// are not compared with anything, and a topic listed twice breaks equality (spec `assignors.md` 3.2.1).
fn subscriptions_are_equal(group: &Group<'_>) -> bool {
    let members = 0..group.member_count();
    let Some(first) = members.clone().find(|member| !group.list(*member).names.is_empty()) else { return true };
    let mut names: Vec<&str> = group.list(first).names.iter().map(|name| name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let agrees: Vec<bool> = group
        .lists()
        .iter()
        .map(|list| {
            list.names.len() == names.len() && list.names.iter().all(|name| names.binary_search(&name.as_str()).is_ok())
        })
        .collect();
    members.skip(first as usize + 1).all(|member| agrees[group.list_index(member) as usize])
}
