//! `StickyAssignor` and `CooperativeStickyAssignor`: balanced, and as much as possible stays where it is (spec
//! `assignors.md` 3 to 5).
//!
//! First the members' claims are weighed against each other ([`claims`]). If all members subscribe to the same topics the
//! [`constrained`] path fills quotas; otherwise the [`general`] path moves partitions one by one until no move helps. The
//! cooperative assignor then withholds, for this round, what would change hands: its old owner has to revoke it first.

mod claims;
mod constrained;
mod general;
mod load;
mod movements;
mod partitions;
mod reassign;

use super::assignment::{AssignedPartition, GroupAssignment};
use super::error::AssignorError;
use super::group::{Group, MemberIndex, PartitionIndex};
use super::racks::Racks;
use claims::Claims;
use partitions::Partitions;

pub(super) use claims::MemberData;

/// "No member": for partitions without an owner.
const NOBODY: MemberIndex = MemberIndex::MAX;

/// What both paths decide.
struct Decision {
    /// Per member its partitions, in the order of its list.
    partitions: Vec<Vec<PartitionIndex>>,
    /// Partitions that change hands, with the new owner. `None`: the general path leaves it to be computed.
    transferring: Option<Vec<(PartitionIndex, MemberIndex)>>,
}

/// Computes the assignment of the eager sticky assignor. `max_generation` is the highest generation that this leader has
/// seen; it may grow.
pub(super) fn assign(group: &Group<'_>, max_generation: &mut i32) -> Result<GroupAssignment, AssignorError> {
    let data: Vec<MemberData<'_>> =
        group.members.iter().map(|member| MemberData::sticky(&member.subscription)).collect();
    let mut partitions = Partitions::new(group);
    let decision = decide(group, &mut partitions, &data, max_generation)?;
    Ok(group.assignment(numbered(&partitions, decision.partitions)))
}

/// Computes one round of the cooperative sticky assignor (spec `assignors.md` 5).
pub(super) fn assign_cooperatively(
    group: &Group<'_>,
    max_generation: &mut i32,
) -> Result<GroupAssignment, AssignorError> {
    let data: Vec<MemberData<'_>> =
        group.members.iter().map(|member| MemberData::cooperative(&member.subscription)).collect();
    let mut partitions = Partitions::new(group);
    let Decision { partitions: mut assigned, transferring } = decide(group, &mut partitions, &data, max_generation)?;
    let transferring = match transferring {
        Some(transferring) => transferring,
        None => partitions_that_change_hands(&mut partitions, &data, &assigned),
    };
    withhold(&partitions, &transferring, &mut assigned);
    Ok(group.assignment(numbered(&partitions, assigned)))
}

fn decide(
    group: &Group<'_>,
    partitions: &mut Partitions<'_>,
    data: &[MemberData<'_>],
    max_generation: &mut i32,
) -> Result<Decision, AssignorError> {
    if group.members.is_empty() {
        return Err(AssignorError::Arithmetic);
    }
    let claims = Claims::weigh(group, partitions, data, max_generation);
    let racks = Racks::of(group).filter(|racks| racks.matter(0..group.member_count(), 0..group.partitions));
    if claims.equal_subscriptions {
        constrained::assign(group, partitions, racks.as_ref(), claims)
    } else {
        general::assign(group, partitions, racks.as_ref(), claims, data, *max_generation)
    }
}

fn numbered(partitions: &Partitions<'_>, assigned: Vec<Vec<PartitionIndex>>) -> Vec<Vec<AssignedPartition>> {
    let number = |partition: PartitionIndex| AssignedPartition {
        topic: partitions.topic(partition),
        partition: partitions.number(partition),
    };
    assigned.into_iter().map(|list| list.into_iter().map(number).collect()).collect()
}

/// What one member gets new and another member gives up, as the subscriptions say: claims of old generations count too
/// (spec `assignors.md` 5.2).
fn partitions_that_change_hands(
    partitions: &mut Partitions<'_>,
    data: &[MemberData<'_>],
    assigned: &[Vec<PartitionIndex>],
) -> Vec<(PartitionIndex, MemberIndex)> {
    let owned: Vec<Vec<PartitionIndex>> = data.iter().map(|data| data.partitions(partitions)).collect();
    let mut new_owner = vec![NOBODY; partitions.len()];
    let mut given_up = vec![false; partitions.len()];
    // Who was last seen to own the partition, and to be assigned it: fits one member at a time.
    let mut owned_by = vec![NOBODY; partitions.len()];
    let mut assigned_to = vec![NOBODY; partitions.len()];
    for (member, (owned, assigned)) in (0..).zip(owned.iter().zip(assigned)) {
        for partition in owned {
            owned_by[*partition as usize] = member;
        }
        for partition in assigned {
            assigned_to[*partition as usize] = member;
            if owned_by[*partition as usize] != member {
                new_owner[*partition as usize] = member;
            }
        }
        for partition in owned {
            given_up[*partition as usize] |= assigned_to[*partition as usize] != member;
        }
    }
    (0..)
        .zip(new_owner.iter().zip(&given_up))
        .filter(|(_, (owner, given_up))| **owner != NOBODY && **given_up)
        .map(|(partition, (owner, _))| (partition, *owner))
        .collect()
}

/// Takes what changes hands out of the new owner's list: nobody has it in this round.
fn withhold(
    partitions: &Partitions<'_>,
    transferring: &[(PartitionIndex, MemberIndex)],
    assigned: &mut [Vec<PartitionIndex>],
) {
    let mut withheld_from = vec![NOBODY; partitions.len()];
    let mut affected = vec![false; assigned.len()];
    for (partition, member) in transferring {
        withheld_from[*partition as usize] = *member;
        affected[*member as usize] = true;
    }
    for (member, list) in (0..).zip(assigned) {
        if affected[member as usize] {
            // Once: in a list that names a partition twice (a topic that came back smaller) the second stays.
            list.retain(|partition| {
                let withheld = withheld_from[*partition as usize] == member;
                if withheld {
                    withheld_from[*partition as usize] = NOBODY;
                }
                !withheld
            });
        }
    }
}
