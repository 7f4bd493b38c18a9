//! The consumer's assignors.

use proptest::prelude::*;
use rebalab::assignor::{ClientAssignor, TopicMetadata};

use crate::group::{Draw, Group, spread};

/// The sticky assignors of franz-go and sarama, whatever the order of their maps.
const OF_GO_LIBRARIES: [ClientAssignor; 4] = [
    ClientAssignor::FranzGoSticky,
    ClientAssignor::FranzGoCooperativeSticky,
    ClientAssignor::SaramaSticky,
    ClientAssignor::SaramaCooperativeSticky,
];

proptest! {
    #[test]
    fn go_libraries_give_every_partition_one_owner_and_keep_it_there(draw in Draw::any(Just(false)), order: u64) {
        for assignor in OF_GO_LIBRARIES {
            let mut group = Group::new(assignor, &draw);
            group.map_order = order;
            group.rebalance().unwrap();
            group.assert_each_partition_has_one_owner();
            prop_assert!(!draw.equal_subscriptions || group.imbalance() <= 1, "{assignor}");
            let before = group.owned();
            group.map_order = order.wrapping_mul(31);
            group.rebalance().unwrap();
            prop_assert_eq!(group.owned(), before, "{:?}", assignor);
        }
    }

    #[test]
    fn go_libraries_move_no_more_than_a_newcomer_takes(mut draw in Draw::any(Just(false)), order: u64) {
        draw.equal_subscriptions = true;
        for assignor in OF_GO_LIBRARIES {
            let mut group = Group::new(assignor, &draw);
            group.map_order = order;
            group.rebalance().unwrap();
            let before: Vec<_> = group.members.iter().map(|member| member.owned.clone()).collect();
            group.join(group.members[0].topics.clone(), None);
            group.map_order = order.wrapping_mul(31);
            let rounds = group.settle(3).expect("an end");
            prop_assert!(rounds <= 2, "{assignor}: {rounds}");
            group.assert_each_partition_has_one_owner();
            prop_assert!(group.imbalance() <= 1, "{assignor}");
            let kept = |(member, before): (&crate::group::Member, &Vec<_>)| {
                member.owned.iter().all(|partition| before.contains(partition))
            };
            prop_assert!(group.members.iter().zip(&before).all(kept), "{assignor}");
        }
    }

    #[test]
    fn every_partition_has_one_owner_who_subscribes_to_it(draw in Draw::any(any::<bool>())) {
        for assignor in ClientAssignor::ALL {
            let mut group = Group::new(assignor, &draw);
            group.rebalance().unwrap();
            group.assert_each_partition_has_one_owner();
        }
    }

    #[test]
    fn range_differs_by_at_most_one_in_every_topic(draw in Draw::any(any::<bool>())) {
        let mut group = Group::new(ClientAssignor::Range, &draw);
        group.rebalance().unwrap();
        for topic in group.topics.keys() {
            let subscribers = group.members.iter().filter(|member| member.topics.contains(topic));
            prop_assert!(spread(subscribers.map(|member| member.owned_of(topic))) <= 1);
        }
    }

    #[test]
    fn range_gives_contiguous_slices_in_member_order(draw in Draw::any(Just(false))) {
        let mut group = Group::new(ClientAssignor::Range, &draw);
        group.rebalance().unwrap();
        group.members.sort_by(|left, right| left.id.cmp(&right.id));
        for topic in group.topics.keys() {
            let dealt = group.members.iter().flat_map(|member| &member.owned);
            let dealt: Vec<i32> = dealt.filter(|p| p.topic.as_str() == topic).map(|p| p.partition).collect();
            prop_assert_eq!(&dealt, &(0..dealt.len() as i32).collect::<Vec<_>>());
        }
    }

    #[test]
    fn with_equal_subscriptions_all_but_range_differ_by_at_most_one(mut draw in Draw::any(any::<bool>())) {
        draw.equal_subscriptions = true;
        for assignor in [ClientAssignor::RoundRobin, ClientAssignor::Sticky, ClientAssignor::CooperativeSticky] {
            let mut group = Group::new(assignor, &draw);
            group.rebalance().unwrap();
            prop_assert!(group.imbalance() <= 1, "{assignor}");
        }
    }

    #[test]
    fn a_fresh_sticky_assignment_of_equal_subscriptions_is_round_robin(mut draw in Draw::any(Just(false))) {
        draw.equal_subscriptions = true;
        let mut sticky = Group::new(ClientAssignor::Sticky, &draw);
        let mut round_robin = Group::new(ClientAssignor::RoundRobin, &draw);
        sticky.rebalance().unwrap();
        round_robin.rebalance().unwrap();
        for (left, right) in sticky.members.iter().zip(&round_robin.members) {
            prop_assert_eq!(&left.owned, &right.owned);
        }
    }

    #[test]
    fn a_fresh_sticky_assignment_cannot_be_improved_by_a_single_move(draw in Draw::any(Just(false))) {
        let mut group = Group::new(ClientAssignor::Sticky, &draw);
        group.rebalance().unwrap();
        for giver in &group.members {
            for partition in &giver.owned {
                let takers = group.members.iter();
                let takers = takers.filter(|taker| taker.topics.iter().any(|topic| topic == partition.topic.as_str()));
                prop_assert!(takers.clone().all(|taker| giver.owned.len() <= taker.owned.len() + 1));
            }
        }
    }

    #[test]
    fn sticky_moves_nothing_when_nothing_changes(draw in Draw::any(Just(false))) {
        for assignor in [ClientAssignor::Sticky, ClientAssignor::CooperativeSticky] {
            let mut group = Group::new(assignor, &draw);
            group.rebalance().unwrap();
            let before = group.owned();
            group.rebalance().unwrap();
            prop_assert_eq!(group.owned(), before);
        }
    }

    #[test]
    fn sticky_moves_no_more_than_a_newcomer_takes(mut draw in Draw::any(Just(false))) {
        draw.equal_subscriptions = true;
        let mut group = Group::new(ClientAssignor::Sticky, &draw);
        group.rebalance().unwrap();
        let before: Vec<_> = group.members.iter().map(|member| member.owned.clone()).collect();
        let topics = group.members[0].topics.clone();
        group.join(topics, None);
        group.rebalance().unwrap();
        let kept = |(member, before): (&crate::group::Member, &Vec<_>)| {
            member.owned.iter().all(|partition| before.contains(partition))
        };
        prop_assert!(group.members.iter().zip(&before).all(kept));
        group.assert_each_partition_has_one_owner();
    }

    #[test]
    fn cooperative_rounds_end_with_everything_assigned(
        draw in Draw::any(Just(false)),
        newcomer in 1..32u32,
        leaver in any::<prop::sample::Index>(),
        more_partitions in 1..4u32,
    ) {
        let mut group = Group::new(ClientAssignor::CooperativeSticky, &draw);
        prop_assert_eq!(group.settle(1), Some(1), "nobody has anything to give up in the first generation");

        let topics = (0..5).filter(|bit| newcomer >> bit & 1 == 1).map(|bit| format!("t{bit}"));
        let topics = if draw.equal_subscriptions { group.members[0].topics.clone() } else { topics.collect() };
        group.join(topics, None);
        let rounds = group.settle(12).expect("an end");
        prop_assert!(!draw.equal_subscriptions || rounds <= 2, "equal subscriptions: {} rounds", rounds);
        group.assert_each_partition_has_one_owner();

        if group.members.len() > 1 {
            group.members.remove(leaver.index(group.members.len()));
        }
        let partitions = draw.topics[0].0 + more_partitions;
        group.add_topic("t0", TopicMetadata { partitions, ..TopicMetadata::default() });
        prop_assert!(group.settle(12).is_some());
        group.assert_each_partition_has_one_owner();
        prop_assert!(!draw.equal_subscriptions || group.imbalance() <= 1);
    }
}

/// The recorded case `assign-cooperative-sticky-000034`: racks, different subscriptions. Member b's partition is in a
/// rack that it may not keep it in, and what it gets instead it may not keep either, so the group alternates for ever.
#[test]
fn a_cooperative_group_with_racks_and_unequal_subscriptions_rebalances_for_ever() {
    let draw = Draw { topics: Vec::new(), members: Vec::new(), equal_subscriptions: false, racks: false };
    let mut group = Group::new(ClientAssignor::CooperativeSticky, &draw);
    let topic = |partitions: &[&[Option<&str>]]| TopicMetadata {
        partitions: partitions.len() as u32,
        racks: partitions.iter().map(|racks| racks.iter().map(|rack| rack.map(Into::into)).collect()).collect(),
        ..TopicMetadata::default()
    };
    let [a, b, c] = [Some("a"), Some("b"), Some("c")];
    group.add_topic("t0", topic(&[&[None, b, c], &[None, a, b], &[None, None, c], &[None, None, a]]));
    group.add_topic("t1", topic(&[&[a, c, None], &[a, None, None]]));
    group.join(vec!["t1".to_owned()], Some("b".to_owned()));
    group.join(vec!["t0".to_owned(), "t1".to_owned()], Some("a".to_owned()));
    assert_eq!(group.settle(1), Some(1));
    group.members[0].lose_generation();
    group.join(vec!["t0".to_owned(), "t1".to_owned()], Some("c".to_owned()));

    assert_eq!(group.settle(200), None, "200 rounds are not enough");
    let owned = |group: &Group| group.members.iter().map(|member| member.owned.clone()).collect::<Vec<_>>();
    let state = owned(&group);
    group.rebalance().unwrap();
    assert_ne!(owned(&group), state);
    group.rebalance().unwrap();
    assert_eq!(owned(&group), state, "the group alternates between two states");
}
