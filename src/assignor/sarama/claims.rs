//! What members say they have, and what changes hands.

use super::super::group::{Group, MemberIndex, PartitionIndex};
use super::super::map_order::MapOrder;
use super::Plan;
use crate::protocol::subscription::{StickyUserData, TopicPartitions, cooperative_user_data};

/// What stands for a claim without a generation.
const DEFAULT_GENERATION: i32 = -1;

/// Claims, weighed: of several for one partition the highest generation counts, and the next one is remembered.
pub(super) struct Claims {
    /// Per member what it keeps, in the order of a map.
    pub(super) lists: Vec<Vec<PartitionIndex>>,
    /// Per partition who had it before.
    pub(super) previous: Vec<Option<MemberIndex>>,
    /// Nobody claims anything.
    pub(super) none: bool,
}

impl Claims {
    /// By user data: the last assignment and its generation.
    pub(super) fn eager(group: &Group<'_>, maps: &mut MapOrder) -> Claims {
        let data = |member: MemberIndex| {
            let bytes = group.members[member as usize].subscription.user_data.as_deref().unwrap_or(&[]);
            let data = StickyUserData::decode(bytes).unwrap_or_default();
            (data.previous_assignment, data.generation)
        };
        Self::weigh(group, data, maps)
    }

    /// By owned partitions; the generation from the subscription, of old versions from the user data.
    pub(super) fn cooperative(group: &Group<'_>, maps: &mut MapOrder) -> Claims {
        let data = |member: MemberIndex| {
            let subscription = &group.members[member as usize].subscription;
            let in_user_data = || subscription.user_data.as_deref().and_then(cooperative_user_data::decode);
            let own = Some(subscription.generation.0).filter(|generation| *generation > DEFAULT_GENERATION);
            let generation = own.or_else(in_user_data).unwrap_or(DEFAULT_GENERATION);
            (subscription.owned_partitions.clone(), Some(generation))
        };
        Self::weigh(group, data, maps)
    }

    fn weigh(
        group: &Group<'_>,
        data: impl Fn(MemberIndex) -> (Vec<TopicPartitions>, Option<i32>),
        maps: &mut MapOrder,
    ) -> Claims {
        let mut claims: Vec<Vec<(i32, MemberIndex)>> = vec![Vec::new(); group.partitions as usize];
        let mut none = true;
        for member in maps.iterate(0..group.member_count()) {
            let (claimed, generation) = data(member);
            none &= claimed.iter().all(|topic| topic.partitions.is_empty());
            for partition in group.existing(&claimed) {
                let claims = &mut claims[partition as usize];
                let of_generation =
                    claims.iter_mut().find(|(known, _)| *known == generation.unwrap_or(DEFAULT_GENERATION));
                match (of_generation, generation) {
                    (None, _) => claims.push((generation.unwrap_or(DEFAULT_GENERATION), member)),
                    // Two of one generation: the one that came first counts, without a generation the last.
                    (Some(_), Some(_)) => {}
                    (Some(claim), None) => claim.1 = member,
                }
            }
        }
        claims
            .iter_mut()
            .for_each(|claims| claims.sort_unstable_by_key(|(generation, _)| std::cmp::Reverse(*generation)));
        let mut lists = vec![Vec::new(); group.members.len()];
        for partition in maps.iterate((0..group.partitions).filter(|partition| !claims[*partition as usize].is_empty()))
        {
            lists[claims[partition as usize][0].1 as usize].push(partition);
        }
        let previous = claims.iter().map(|claims| claims.get(1).map(|(_, member)| *member)).collect();
        Claims { lists, previous, none }
    }
}

/// Partitions that one member gets new and another says it has, ascending.
pub(super) fn changing_hands(group: &Group<'_>, plan: &Plan<'_>) -> Vec<PartitionIndex> {
    let mut assigned_to = vec![None; plan.owner.len()];
    for (member, list) in plan.lists.iter().enumerate() {
        for partition in list.iter().flatten() {
            assigned_to[*partition as usize] = Some(member);
        }
    }
    let mut kept = vec![false; plan.owner.len()];
    let mut given_up = vec![false; plan.owner.len()];
    for (index, member) in group.members.iter().enumerate() {
        for partition in group.existing(&member.subscription.owned_partitions) {
            let kept_by_him = assigned_to[partition as usize] == Some(index);
            kept[partition as usize] |= kept_by_him;
            given_up[partition as usize] |= !kept_by_him;
        }
    }
    (0..)
        .zip(kept.iter().zip(&given_up))
        .filter(|(_, (kept, given_up))| !**kept && **given_up)
        .map(|(p, _)| p)
        .collect()
}
