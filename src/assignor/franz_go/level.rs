//! Equal subscriptions: the fullest members give to the emptiest until they differ by one at most.

use std::collections::BTreeMap;

use super::super::group::PartitionIndex;
use super::{Plan, Rank};

pub(super) fn balance(plan: &mut Plan<'_>) {
    let mut levels: BTreeMap<usize, Vec<Rank>> = BTreeMap::new();
    for (rank, load) in plan.loads.iter().enumerate() {
        levels.entry(*load).or_default().push(rank);
    }
    let mut lists = None;
    while let Some((lowest, highest)) = ends(&levels).filter(|(lowest, highest)| *highest > lowest + 1) {
        let lists = lists.get_or_insert_with(|| in_order_of_giving(plan));
        // Pairs of one that gives and one that takes; each goes to the end of the next level.
        let (takers, givers) = (&levels[&lowest], &levels[&highest]);
        let pairs: Vec<(Rank, Rank)> = takers.iter().copied().zip(givers.iter().copied()).collect();
        for (taker, giver) in &pairs {
            let partition = lists[*giver].pop().expect("a member of the highest level has a partition");
            plan.give(partition, *taker);
        }
        let (takers, givers): (Vec<Rank>, Vec<Rank>) = pairs.into_iter().unzip();
        shift(&mut levels, lowest, lowest + 1, &takers);
        shift(&mut levels, highest, highest - 1, &givers);
    }
}

fn ends(levels: &BTreeMap<usize, Vec<Rank>>) -> Option<(usize, usize)> {
    Some((*levels.first_key_value()?.0, *levels.last_key_value()?.0))
}

/// The first members of one level go to the end of another.
fn shift(levels: &mut BTreeMap<usize, Vec<Rank>>, from: usize, to: usize, members: &[Rank]) {
    levels.entry(to).or_default().extend(members);
    let left = levels.get_mut(&from).expect("the members come from there");
    left.drain(..members.len());
    if left.is_empty() {
        levels.remove(&from);
    }
}

/// Per member its partitions by number, then topic: it gives from the end.
fn in_order_of_giving(plan: &Plan<'_>) -> Vec<Vec<PartitionIndex>> {
    let mut lists = vec![Vec::new(); plan.loads.len()];
    for (partition, owner) in (0..).zip(&plan.owner) {
        if let Some(rank) = owner {
            lists[*rank].push(partition);
        }
    }
    let key = |partition: &PartitionIndex| {
        let topic = plan.topic_of[*partition as usize];
        (partition - plan.group.partitions_of(topic).start, topic)
    };
    lists.iter_mut().for_each(|list| list.sort_unstable_by_key(key));
    lists
}
