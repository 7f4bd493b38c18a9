//! Assignors of other client libraries where they decide otherwise than Kafka's: kafkajs' `RoundRobinAssigner` and the
//! `range` and `roundrobin` of kafka-go (recordings: `tests/vectors/live-clients/README.md`, statements 29 and 30).
//!
//! All three deal partitions out in the order in which the broker's Metadata answer lists them, which is not that of their
//! numbers ([`METADATA_ORDER`]).

use super::assignment::{AssignedPartition, GroupAssignment};
use super::group::{Group, MemberIndex, TopicIndex};
use crate::protocol::java_hash::string_compare;
use crate::protocol::message::Listing;

/// The order in which a fresh KRaft broker of 4.1.1 lists the partitions of a topic with up to eight (statement 30; a
/// topic with fewer has the same order without those that it lacks). Beyond eight it wasn't observed: the others follow
/// by number here.
const METADATA_ORDER: [i32; 8] = [1, 3, 6, 2, 5, 7, 0, 4];

/// The same of a broker that was restarted since (the assignments of kafkajs and kafka-go in `broker-kill-5000` allow no
/// other).
const METADATA_ORDER_RESTARTED: [i32; 8] = [3, 6, 2, 7, 1, 5, 4, 0];

/// The partitions of a topic in the order of the Metadata answer.
fn listed(group: &Group<'_>, topic: TopicIndex) -> Vec<AssignedPartition> {
    let metadata = &group.topics[topic as usize].metadata;
    let partitions = metadata.partitions as i32;
    let order = match metadata.listing {
        Listing::Fresh => METADATA_ORDER,
        Listing::Restarted => METADATA_ORDER_RESTARTED,
    };
    let first = order.into_iter().filter(|partition| *partition < partitions);
    let others = order.len() as i32..partitions;
    first.chain(others).map(|partition| AssignedPartition { topic, partition }).collect()
}

/// Members by member id.
fn by_member_id(group: &Group<'_>) -> Vec<MemberIndex> {
    let id = |member: &MemberIndex| group.members[*member as usize].member_id.as_str();
    let mut order: Vec<MemberIndex> = (0..group.member_count()).collect();
    order.sort_by(|one, other| string_compare(id(one), id(other)));
    order
}

fn topics(group: &Group<'_>) -> std::ops::Range<TopicIndex> {
    0..group.topics.len() as TopicIndex
}

/// kafkajs' `RoundRobinAssigner`: all partitions of all topics in turn to all members, whatever each subscribes to.
pub(super) fn kafkajs_round_robin(group: &Group<'_>) -> GroupAssignment {
    let mut assignment = vec![Vec::new(); group.members.len()];
    let order = by_member_id(group);
    let partitions = topics(group).flat_map(|topic| listed(group, topic));
    for (partition, member) in partitions.zip(order.iter().cycle()) {
        assignment[*member as usize].push(partition);
    }
    group.assignment(assignment)
}

fn subscribers(group: &Group<'_>, topic: TopicIndex) -> Vec<MemberIndex> {
    by_member_id(group).into_iter().filter(|member| group.list(*member).contains(topic)).collect()
}

/// kafka-go's `RangeGroupBalancer`: the list of each topic is cut at `floor(i * partitions / members)`.
pub(super) fn kafka_go_range(group: &Group<'_>) -> GroupAssignment {
    let mut assignment = vec![Vec::new(); group.members.len()];
    for topic in topics(group) {
        let (members, partitions) = (subscribers(group, topic), listed(group, topic));
        let cut = |position: usize| position * partitions.len() / members.len();
        for (position, member) in members.iter().enumerate() {
            assignment[*member as usize].extend_from_slice(&partitions[cut(position)..cut(position + 1)]);
        }
    }
    group.assignment(assignment)
}

/// kafka-go's `RoundRobinGroupBalancer`: each topic is dealt out in turn, beginning at the first member.
pub(super) fn kafka_go_round_robin(group: &Group<'_>) -> GroupAssignment {
    let mut assignment = vec![Vec::new(); group.members.len()];
    for topic in topics(group) {
        let members = subscribers(group, topic);
        for (partition, member) in listed(group, topic).into_iter().zip(members.iter().cycle()) {
            assignment[*member as usize].push(partition);
        }
    }
    group.assignment(assignment)
}

#[cfg(test)]
mod tests {
    use crate::assignor::{ClientAssignor, Cluster, ConsumerPartitionAssignor, GroupMember};
    use crate::protocol::subscription::ConsumerProtocolSubscription;

    /// Partition numbers per member of topics `a` and `b`.
    fn assigned(assignor: ClientAssignor, a: u32, b: u32) -> Vec<Vec<i32>> {
        let cluster = Cluster::from_iter([("a".into(), a), ("b".into(), b)]);
        let subscription = ConsumerProtocolSubscription { topics: vec!["a".into(), "b".into()], ..Default::default() };
        let member = |id: &str| GroupMember {
            member_id: id.into(),
            group_instance_id: None,
            subscription: subscription.clone(),
        };
        let members = [member("c3"), member("c1"), member("c2")];
        let assignment = ConsumerPartitionAssignor::new(assignor).assign(&cluster, &members).unwrap();
        let of = |id: &str| assignment.members.iter().find(|member| member.member_id.as_str() == id).unwrap();
        let numbers = |id| of(id).partitions.iter().map(|assigned| assigned.partition).collect();
        ["c1", "c2", "c3"].map(numbers).into()
    }

    // The three figures below are recordings: `assign-5-4/…` and `join/kafka-go`.

    #[test]
    fn kafkajs_deals_on_through_all_topics() {
        let of = assigned(ClientAssignor::KafkaJsRoundRobin, 5, 4);
        assert_eq!(of, [vec![1, 0, 3], vec![3, 4, 2], vec![2, 1, 0]]);
    }

    #[test]
    fn kafka_go_cuts_the_metadata_order() {
        let of = assigned(ClientAssignor::KafkaGoRange, 5, 4);
        assert_eq!(of, [vec![1, 1], vec![3, 2, 3], vec![0, 4, 2, 0]]);
        let of = assigned(ClientAssignor::KafkaGoRange, 8, 0);
        assert_eq!(of, [vec![1, 3], vec![6, 2, 5], vec![7, 0, 4]]);
    }

    #[test]
    fn kafka_go_begins_each_topic_at_the_first_member() {
        let of = assigned(ClientAssignor::KafkaGoRoundRobin, 5, 4);
        assert_eq!(of, [vec![1, 0, 1, 0], vec![3, 4, 3], vec![2, 2]]);
    }
}
