//! Moves partitions one by one until no move helps.

use super::super::group::{MemberIndex, PartitionIndex};
use super::super::map_order::MapOrder;
use super::Plan;
use super::movements::Movements;

/// Looks at the partitions again and again, in order, until a round moves none.
pub(super) fn until_balanced(plan: &mut Plan<'_>, order: &[PartitionIndex], maps: &mut MapOrder) {
    let mut movements = Movements::default();
    let mut moved = true;
    while moved {
        moved = false;
        for partition in order {
            if is_balanced(plan) {
                return;
            }
            if let Some(taker) = better_owner(plan, *partition) {
                reassign(plan, &mut movements, *partition, taker, maps);
                moved = true;
            }
        }
    }
}

/// The member that had it before, else the least loaded one, if that has at least two fewer than the owner.
fn better_owner(plan: &Plan<'_>, partition: PartitionIndex) -> Option<MemberIndex> {
    let owner = plan.owner[partition as usize]?;
    let much_fewer = |member: MemberIndex| plan.load(owner) > plan.load(member) + 1;
    if let Some(previous) = plan.previous[partition as usize].filter(|previous| much_fewer(*previous)) {
        return Some(previous);
    }
    plan.potential(partition).iter().any(|member| much_fewer(*member)).then(|| {
        let fits = |member: &MemberIndex| plan.can_have(*member, partition);
        plan.by_load().into_iter().find(fits)
    })?
}

fn reassign(
    plan: &mut Plan<'_>,
    movements: &mut Movements,
    partition: PartitionIndex,
    taker: MemberIndex,
    maps: &mut MapOrder,
) {
    let topic = plan.topic_of[partition as usize];
    let Some(owner) = plan.owner[partition as usize] else { return };
    let partition = movements.rather(topic, partition, owner, taker, maps);
    let Some(owner) = plan.owner[partition as usize].replace(taker) else { return };
    movements.moved(topic, partition, owner, taker);
    if let Some(list) = &mut plan.lists[owner as usize] {
        list.retain(|other| *other != partition);
    }
    plan.lists[taker as usize].get_or_insert_default().push(partition);
}

/// Loads differ by one at most, or nobody could have a partition of somebody who has more.
fn is_balanced(plan: &Plan<'_>) -> bool {
    let order = plan.by_load();
    let (Some(least), Some(most)) = (order.first(), order.last()) else { return true };
    if plan.load(*least) + 1 >= plan.load(*most) {
        return true;
    }
    let improves = |member: MemberIndex| {
        let load = plan.load(member);
        load < plan.reach[member as usize]
            && (0..plan.group.partitions).any(|partition| {
                let owner = plan.owner[partition as usize].filter(|owner| *owner != member);
                plan.can_have(member, partition) && owner.is_some_and(|owner| load < plan.load(owner))
            })
    };
    !order.into_iter().any(improves)
}
