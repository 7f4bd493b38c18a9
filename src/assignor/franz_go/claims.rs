//! What members say they have, and what changes hands.

use super::super::group::{Group, MemberIndex, PartitionIndex};
use super::{Plan, Rank};
use crate::protocol::subscription::StickyUserData;

/// Partitions that one member claims, and the generation that it has them from.
pub(super) struct Claim {
    pub(super) partitions: Vec<PartitionIndex>,
    generation: i32,
}

impl Claim {
    /// An eager member has revoked everything: its user data tells.
    pub(super) fn eager(group: &Group<'_>, member: MemberIndex) -> Claim {
        let subscription = &group.members[member as usize].subscription;
        let data = subscription.user_data.as_deref().and_then(StickyUserData::decode).unwrap_or_default();
        let generation = data.generation.unwrap_or(0).max(0);
        Claim { partitions: group.existing(&data.previous_assignment), generation }
    }

    /// A cooperative member's owned partitions; a member without a generation tells by its user data.
    pub(super) fn cooperative(group: &Group<'_>, member: MemberIndex) -> Claim {
        let claim = Claim::owned(group, member);
        if claim.generation >= 0 { claim } else { Claim::eager(group, member) }
    }

    /// The owned partitions, whatever the generation.
    pub(super) fn owned(group: &Group<'_>, member: MemberIndex) -> Claim {
        let subscription = &group.members[member as usize].subscription;
        Claim { partitions: group.existing(&subscription.owned_partitions), generation: subscription.generation.0 }
    }
}

/// Claims, weighed: of several for one partition the newest generation counts (the first member's if equal), and the
/// next older one is remembered.
pub(super) struct Claims {
    pub(super) newest: Vec<Option<Rank>>,
    pub(super) stale: Vec<(PartitionIndex, Rank)>,
}

impl Claims {
    pub(super) fn weigh(group: &Group<'_>, claims: &[Claim]) -> Claims {
        let partitions = group.partitions as usize;
        let mut newest: Vec<Option<(i32, Rank)>> = vec![None; partitions];
        let mut older: Vec<Option<(i32, Rank)>> = vec![None; partitions];
        for (rank, claim) in claims.iter().enumerate() {
            for partition in &claim.partitions {
                let (newest, older) = (&mut newest[*partition as usize], &mut older[*partition as usize]);
                if newest.is_none_or(|(generation, _)| claim.generation > generation) {
                    *older = newest.replace((claim.generation, rank));
                } else if older.is_none_or(|(generation, _)| claim.generation > generation) {
                    *older = Some((claim.generation, rank));
                }
            }
        }
        let stale = (0..).zip(&older).filter_map(|(partition, older)| older.map(|(_, rank)| (partition, rank)));
        Claims { stale: stale.collect(), newest: newest.into_iter().map(|claim| claim.map(|(_, rank)| rank)).collect() }
    }
}

/// Partitions that one member gets new and any other says it has, ascending. A claim that a newer generation beats does
/// not make its partition an old one of the claimant's.
pub(super) fn changing_hands(plan: &Plan<'_>, owned: &[Claim]) -> Vec<PartitionIndex> {
    let mut newest = vec![i32::MIN; plan.owner.len()];
    for claim in owned {
        for partition in &claim.partitions {
            let newest = &mut newest[*partition as usize];
            *newest = claim.generation.max(*newest);
        }
    }
    let mut kept = vec![false; plan.owner.len()];
    let mut given_up = vec![false; plan.owner.len()];
    for (rank, claim) in owned.iter().enumerate() {
        for partition in claim.partitions.iter().map(|partition| *partition as usize) {
            if plan.owner[partition] == Some(rank) {
                kept[partition] |= claim.generation >= newest[partition];
            } else {
                given_up[partition] = true;
            }
        }
    }
    (0..)
        .zip(kept.iter().zip(&given_up))
        .filter(|(_, (kept, given_up))| !**kept && **given_up)
        .map(|(p, _)| p)
        .collect()
}
