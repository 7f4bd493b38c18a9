//! The broker's assignors.

use std::collections::BTreeMap;

use proptest::prelude::*;
use rebalab::assignor::server::{
    GroupSpec, ServerAssignor, ServerMember, SubscribedTopics, SubscriptionType, TopicIdPartitions,
};
use rebalab::protocol::TopicId;

use crate::group::{Draw, spread};

fn topic_id(index: u32) -> TopicId {
    // Far apart, some negative as Java sees them.
    TopicId(u128::from(index + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835))
}

fn topics(draw: &Draw) -> SubscribedTopics {
    (0..).map(topic_id).zip(draw.topics.iter().map(|(partitions, _)| *partitions)).collect()
}

/// Topics by bit; those that don't exist are left out, as the broker does.
fn subscription(draw: &Draw, bits: u32) -> Vec<u32> {
    (0..draw.topics.len() as u32).filter(|topic| bits >> topic & 1 == 1).collect()
}

fn group(draw: &Draw) -> GroupSpec {
    let bits = |member: usize| if draw.equal_subscriptions { draw.members[0].0 } else { draw.members[member].0 };
    let names: Vec<Vec<String>> = (0..draw.members.len())
        .map(|member| (0..5).filter(|topic| bits(member) >> topic & 1 == 1).map(|topic| format!("t{topic}")).collect())
        .collect();
    let member = |member: usize| ServerMember {
        member_id: format!("m{}", member * 7919 % 101).into(),
        subscribed_topic_ids: subscription(draw, bits(member)).into_iter().map(topic_id).collect(),
        subscribed_topic_names: names[member].len() as u32,
        ..Default::default()
    };
    GroupSpec {
        members: (0..draw.members.len()).map(member).collect(),
        subscription_type: SubscriptionType::of(names.iter().map(|names| names.iter().map(String::as_str))),
    }
}

/// The target becomes the previous target of the next computation.
fn rebalance(assignor: ServerAssignor, group: &mut GroupSpec, topics: &SubscribedTopics) {
    let target = assignor.assign(group, topics).unwrap();
    let target: Vec<Vec<TopicIdPartitions>> = target.members.into_iter().map(|topics| topics.into_owned()).collect();
    for (member, mut assigned) in group.members.iter_mut().zip(target) {
        assigned.iter_mut().for_each(|topic| topic.partitions.sort_unstable());
        member.assigned = assigned;
    }
}

fn size(member: &ServerMember) -> usize {
    member.assigned.iter().map(|topic| topic.partitions.len()).sum()
}

fn assert_each_partition_has_one_owner(group: &GroupSpec, topics: &SubscribedTopics) {
    let mut owners: BTreeMap<(TopicId, i32), u32> = BTreeMap::new();
    for member in &group.members {
        for topic in &member.assigned {
            assert!(member.subscribed_topic_ids.contains(&topic.topic_id), "not wanted");
            for partition in &topic.partitions {
                *owners.entry((topic.topic_id, *partition)).or_default() += 1;
            }
        }
    }
    assert!(owners.values().all(|count| *count == 1));
    let mut subscribed: Vec<TopicId> = group.members.iter().flat_map(|m| m.subscribed_topic_ids.clone()).collect();
    subscribed.sort();
    subscribed.dedup();
    let expected: usize = subscribed.iter().map(|topic| topics.num_partitions(*topic).unwrap() as usize).sum();
    assert_eq!(owners.len(), expected);
}

proptest! {
    #[test]
    fn every_partition_has_one_owner_through_joins_and_leaves(
        draw in Draw::any(Just(false)),
        newcomer in 1..32u32,
        leaver in any::<prop::sample::Index>(),
    ) {
        let topics = topics(&draw);
        for assignor in ServerAssignor::ALL {
            let mut group = group(&draw);
            rebalance(assignor, &mut group, &topics);
            assert_each_partition_has_one_owner(&group, &topics);

            let mut bigger = draw.clone();
            bigger.members.push((newcomer, 0));
            let mut joined = self::group(&bigger);
            for (member, before) in joined.members.iter_mut().zip(&group.members) {
                member.assigned.clone_from(&before.assigned);
            }
            rebalance(assignor, &mut joined, &topics);
            assert_each_partition_has_one_owner(&joined, &topics);

            joined.members.remove(leaver.index(joined.members.len()));
            let subscriptions = joined.members.iter().map(|member| &member.subscribed_topic_ids);
            if subscriptions.clone().all(|ids| *ids == joined.members[0].subscribed_topic_ids) {
                joined.subscription_type = SubscriptionType::Homogeneous;
            }
            rebalance(assignor, &mut joined, &topics);
            assert_each_partition_has_one_owner(&joined, &topics);
        }
    }

    #[test]
    fn uniform_differs_by_at_most_one_with_equal_subscriptions(mut draw in Draw::any(Just(false))) {
        draw.equal_subscriptions = true;
        let (topics, mut group) = (topics(&draw), group(&draw));
        prop_assert_eq!(group.subscription_type, SubscriptionType::Homogeneous);
        rebalance(ServerAssignor::Uniform, &mut group, &topics);
        prop_assert!(spread(group.members.iter().map(size)) <= 1);
    }

    #[test]
    fn uniform_moves_nothing_when_nothing_changes(draw in Draw::any(Just(false))) {
        let (topics, mut group) = (topics(&draw), group(&draw));
        rebalance(ServerAssignor::Uniform, &mut group, &topics);
        let before = group.clone();
        rebalance(ServerAssignor::Uniform, &mut group, &topics);
        if draw.equal_subscriptions {
            prop_assert_eq!(group, before);
        } else {
            // With overlapping subscriptions the first computation can stop before it is done, after sixteen sweeps.
            assert_each_partition_has_one_owner(&group, &topics);
        }
    }

    #[test]
    fn range_differs_by_at_most_one_in_every_topic_and_ignores_the_past(draw in Draw::any(Just(false))) {
        let (topics, mut group) = (topics(&draw), group(&draw));
        rebalance(ServerAssignor::Range, &mut group, &topics);
        for topic in subscription(&draw, u32::MAX).into_iter().map(topic_id) {
            let subscribers = group.members.iter().filter(|member| member.subscribed_topic_ids.contains(&topic));
            let owned = |member: &ServerMember| {
                member.assigned.iter().filter(|t| t.topic_id == topic).map(|t| t.partitions.len()).sum()
            };
            prop_assert!(spread(subscribers.map(owned)) <= 1);
        }
        let before = group.clone();
        let assigned: Vec<_> = group.members.iter().map(|member| member.assigned.clone()).rev().collect();
        group.members.iter_mut().zip(assigned).for_each(|(member, assigned)| member.assigned = assigned);
        rebalance(ServerAssignor::Range, &mut group, &topics);
        prop_assert_eq!(group, before);
    }
}

#[test]
fn a_topic_without_a_known_number_of_partitions_is_an_error() {
    let draw =
        Draw { topics: vec![(5, Vec::new())], members: vec![(1, 0), (1, 0)], equal_subscriptions: true, racks: false };
    for assignor in ServerAssignor::ALL {
        for subscription_type in [SubscriptionType::Homogeneous, SubscriptionType::Heterogeneous] {
            let group = GroupSpec { subscription_type, ..group(&draw) };
            let error = assignor.assign(&group, &SubscribedTopics::default()).unwrap_err();
            assert!(error.class().ends_with("PartitionAssignorException"));
        }
    }
}
