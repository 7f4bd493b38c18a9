//! Different subscriptions: as balanced as the subscriptions allow, then as much as possible where it was.
//!
//! Both ends are franz-go's, and both are optima, so what is reached is the same: the sorted loads, and how many
//! partitions stay. Which of several such assignments it is may differ from franz-go, whose search goes another way.

use super::super::group::PartitionIndex;
use super::{Plan, Rank};

pub(super) fn balance(plan: &mut Plan<'_>) {
    while let Some(chain) = improving_chain(plan) {
        hand_along(plan, &chain);
    }
    while let Some(rotation) = rotation_that_brings_home(plan) {
        hand_along(plan, &rotation);
    }
}

/// A partition and who takes it.
type Step = (PartitionIndex, Rank);

fn hand_along(plan: &mut Plan<'_>, steps: &[Step]) {
    for (partition, taker) in steps {
        plan.give(*partition, *taker);
    }
}

/// A chain of steps from a member with at least two partitions more to one with fewer: the emptiest that can gain, from
/// the fullest that it reaches.
fn improving_chain(plan: &Plan<'_>) -> Option<Vec<Step>> {
    let mut takers: Vec<Rank> = (0..plan.loads.len()).collect();
    takers.sort_by_key(|rank| plan.loads[*rank]);
    takers.into_iter().find_map(|taker| chain_to(plan, taker))
}

fn chain_to(plan: &Plan<'_>, taker: Rank) -> Option<Vec<Step>> {
    // By member: what is taken from it, and for whom.
    let mut taken: Vec<Option<Step>> = vec![None; plan.loads.len()];
    let mut reached = vec![taker];
    let mut next = 0;
    while let Some(member) = reached.get(next).copied() {
        next += 1;
        for (partition, owner) in (0..).zip(&plan.owner) {
            let Some(owner) = owner.filter(|owner| *owner != taker && taken[*owner].is_none()) else { continue };
            if plan.subscribes(member, partition) {
                taken[owner] = Some((partition, member));
                reached.push(owner);
            }
        }
    }
    let giver = reached.into_iter().max_by_key(|rank| (plan.loads[*rank], std::cmp::Reverse(*rank)))?;
    if plan.loads[giver] < plan.loads[taker] + 2 {
        return None;
    }
    let mut chain = Vec::new();
    let mut at = giver;
    while let Some(step) = taken[at].filter(|_| at != taker) {
        chain.push(step);
        at = step.1;
    }
    Some(chain)
}

/// A way from one member to another.
#[derive(Clone, Copy)]
struct Way {
    from: Rank,
    to: Rank,
    /// The partition that `to` takes from `from`; none if they only swap their loads.
    partition: Option<PartitionIndex>,
    /// 1 for a partition that leaves its home, -1 for one that comes back.
    moves: i32,
}

/// Members that hand partitions round, or swap loads that differ by one, so that more of them are where they were: a
/// negative cycle (Bellman–Ford from everywhere at once).
fn rotation_that_brings_home(plan: &Plan<'_>) -> Option<Vec<Step>> {
    let ways = ways(plan);
    let members = plan.loads.len();
    let mut cost = vec![0; members];
    let mut came_by: Vec<Option<Way>> = vec![None; members];
    let mut changed = None;
    for _ in 0..=members {
        changed = None;
        for way in &ways {
            if cost[way.from] + way.moves < cost[way.to] {
                cost[way.to] = cost[way.from] + way.moves;
                came_by[way.to] = Some(*way);
                changed = Some(way.to);
            }
        }
        changed?;
    }
    // After as many steps back as there are members, one stands on the cycle.
    let mut at = changed?;
    for _ in 0..members {
        at = came_by[at]?.from;
    }
    let mut steps = Vec::new();
    let start = at;
    loop {
        let way = came_by[at]?;
        steps.extend(way.partition.map(|partition| (partition, way.to)));
        at = way.from;
        if at == start {
            return Some(steps);
        }
    }
}

/// The cheapest way between any two members.
fn ways(plan: &Plan<'_>) -> Vec<Way> {
    let members = plan.loads.len();
    let mut cheapest: Vec<Option<Way>> = vec![None; members * members];
    let mut offer = |way: Way| {
        let known = &mut cheapest[way.from * members + way.to];
        if known.is_none_or(|known| way.moves < known.moves) {
            *known = Some(way);
        }
    };
    for (partition, owner) in (0..).zip(&plan.owner) {
        let (Some(from), home) = (*owner, plan.came_with[partition as usize]) else { continue };
        for to in plan.subscribers[plan.topic_of[partition as usize] as usize].iter().copied().filter(|to| *to != from)
        {
            let moves = i32::from(home == Some(from)) - i32::from(home == Some(to));
            offer(Way { from, to, partition: Some(partition), moves });
        }
    }
    for from in 0..members {
        for to in (0..members).filter(|to| plan.loads[*to] == plan.loads[from] + 1) {
            // `to` has given one more than it took, `from` has taken one more: their loads are swapped.
            offer(Way { from, to, partition: None, moves: 0 });
        }
    }
    cheapest.into_iter().flatten().collect()
}
