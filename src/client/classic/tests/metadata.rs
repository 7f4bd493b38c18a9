//! What a change of the metadata makes of it: partitions added, topics created.

use super::context::*;
use crate::client::Subscription;
use crate::protocol::message::Request;

fn leader() -> TestContext {
    let mut context = TestContext::started(settings());
    let (sent, _) = context.take_join();
    context.answer(&sent, member_id_required("worker-1"));
    let (sent, join) = context.take_join();
    context.answer(&sent, joined_as_leader(1, &join.member_id, "range", &[]));
    context.answer_sync(&[0, 1, 2, 3, 4, 5]);
    context
}

#[test]
fn t37_added_partitions_are_noticed_by_the_leader_when_its_metadata_are_refreshed() {
    let mut context = leader();
    context.brokers.topics = vec![("orders".into(), 8)];
    context.forget();
    context.advance(299_000);
    assert!(context.joins().is_empty());
    context.advance(2_000);
    assert_eq!(context.joins()[0].reason.as_deref(), Some("cached metadata has changed"));
}

#[test]
fn t37_a_follower_does_not_react_to_added_partitions() {
    let mut context = TestContext::stable(settings(), &[0]);
    context.brokers.topics = vec![("orders".into(), 8)];
    context.forget();
    context.advance(700_000);
    assert_eq!(context.sent_at(|request| matches!(request, Request::Metadata { .. })).len(), 2);
    assert!(context.joins().is_empty());
}

#[test]
fn t38_a_created_topic_that_matches_the_pattern_is_noticed_by_any_member_and_joins_after_a_refresh() {
    let mut settings = settings();
    settings.subscription = Subscription::Prefix("ord".into());
    let mut context = TestContext::stable(settings, &[0]);
    context.brokers.topics = vec![("orders".into(), 6), ("orders-eu".into(), 2), ("other".into(), 1)];
    context.forget();
    context.advance(301_000);
    let joins = context.joins();
    assert_eq!(joins[0].reason.as_deref(), Some("subscription has changed"));
    let bytes = &joins[0].protocols[0].metadata;
    let topics = crate::protocol::subscription::subscribed_topics(bytes).unwrap();
    assert_eq!(topics.iter().map(|topic| topic.as_str()).collect::<Vec<_>>(), ["orders", "orders-eu"]);
}

#[test]
fn a_subscribed_topic_that_does_not_exist_is_looked_for_again_and_again_with_backoff() {
    let mut context = TestContext::new(settings());
    context.brokers.topics.clear();
    context.input(crate::client::Input::Start);
    context.join(1, &[]);
    context.advance(10_000);
    let asked = context.sent_at(|request| matches!(request, Request::Metadata { .. }));
    assert!((12..=16).contains(&asked.len()), "{asked:?}");
}

#[test]
fn a_leader_waits_for_the_metadata_of_topics_that_only_others_subscribe_to() {
    use crate::protocol::message::{JoinGroupResponseMember, Response};
    use crate::protocol::subscription::{ConsumerProtocolSubscription, HIGHEST_VERSION};
    let mut context = TestContext::started(settings());
    let (sent, _) = context.take_join();
    context.answer(&sent, member_id_required("worker-1"));
    let (sent, join) = context.take_join();
    let Response::JoinGroup(mut answer) = joined_as_leader(1, &join.member_id, "range", &[]) else { unreachable!() };
    let other = ConsumerProtocolSubscription { topics: vec!["refunds".into()], ..Default::default() };
    answer.members.push(JoinGroupResponseMember {
        member_id: "worker-2".into(),
        group_instance_id: None,
        metadata: other.encode(HIGHEST_VERSION),
    });
    context.brokers.topics.push(("refunds".into(), 3));
    context.advance(1_000);
    context.answer(&sent, Response::JoinGroup(answer));
    let (_, sync) = context.take_sync();
    let (_, bytes) = sync.assignments.iter().find(|(member, _)| member.as_str() == "worker-2").unwrap();
    let assigned = crate::protocol::subscription::ConsumerProtocolAssignment::decode(bytes).unwrap();
    assert_eq!(assigned.partitions[0].partitions, [0, 1, 2]);
}

#[test]
fn a_leader_that_found_a_topic_before_it_joined_does_not_join_again_for_it() {
    let mut settings = settings();
    settings.subscription = Subscription::Prefix("ord".into());
    let mut context = TestContext::started(settings);
    let (sent, _) = context.take_join();
    context.answer(&sent, member_id_required("worker-1"));
    let (sent, join) = context.take_join();
    context.answer(&sent, joined_as_leader(1, &join.member_id, "range", &[]));
    context.answer_sync(&[0, 1, 2, 3, 4, 5]);
    context.brokers.topics.push(("orders-eu".into(), 2));
    // Somebody else joins: a member with a pattern looks at the topics before it rejoins.
    context.brokers.heartbeat_error = crate::protocol::ErrorCode::RebalanceInProgress;
    context.advance(3_500);
    context.brokers.heartbeat_error = crate::protocol::ErrorCode::None;
    let (sent, join) = context.take_join();
    context.answer(&sent, joined_as_leader(2, &join.member_id, "range", &[]));
    context.answer_sync(&[0, 1, 2, 3, 4, 5]);
    context.forget();
    context.advance(700_000);
    assert!(context.joins().is_empty(), "{:?}", context.joins());
}
