//! `RoundRobinAssignor`: all partitions of all topics dealt out in turn (spec `assignors.md` 2).
//!
//! Members stand in a circle (static ones first, by instance id); partitions come in the order of topic name and number.
//! Each goes to the next member in the circle that subscribes to its topic; the place in the circle is never reset. With
//! equal subscriptions members differ by at most one; with different ones there is no bound.

use super::assignment::{AssignedPartition, GroupAssignment};
use super::group::Group;

/// Computes the assignment.
pub(super) fn assign(group: &Group<'_>) -> GroupAssignment {
    let order = group.members_by_instance();
    let mut assignment = vec![Vec::new(); order.len()];
    let mut circle = order.iter().copied().cycle();
    for (index, topic) in (0..).zip(&group.topics) {
        for partition in 0..topic.metadata.partitions as i32 {
            let next = circle.find(|member| group.list(*member).contains(index));
            let member = next.expect("somebody subscribes to every topic that takes part");
            assignment[member as usize].push(AssignedPartition { topic: index, partition });
        }
    }
    group.assignment(assignment)
}
