//! JoinGroup and SyncGroup: order, errors, retries.

use super::context::*;
use crate::client::{Callback, ClientEvent, Input};
use crate::protocol::ErrorCode;
use crate::protocol::message::Request;

fn failed(context: &TestContext) -> usize {
    context.count(|event| matches!(event, ClientEvent::RebalanceFailed { .. }))
}

#[test]
fn a_consumer_finds_its_coordinator_joins_and_takes_its_partitions() {
    let mut context = TestContext::started(settings());
    context.join(1, &[0, 1]);
    assert_eq!(context.owned(), [0, 1]);
    assert_eq!(context.callbacks(), [(Callback::Assigned, vec![0, 1])]);
    assert!(context.consumer.assigned().iter().all(|owned| owned.fetchable && owned.position == 0));
}

#[test]
fn t21_a_join_answer_that_comes_in_while_the_application_works_is_read_with_the_next_poll() {
    let mut context = TestContext::stable(cooperative(), &[0]);
    context.brokers.heartbeat_error = ErrorCode::RebalanceInProgress;
    context.advance(3_000);
    context.records(0, 1);
    context.forget();
    let (sent, join) = context.take_join();
    context.answer(&sent, joined(2, &join.member_id, "worker-0", "cooperative-sticky"));
    context.advance(60_000);
    assert!(context.heartbeats().is_empty(), "silent, although the poll interval is far");
    assert!(!context.has_pending(|request| matches!(request, Request::SyncGroup(_))));
    context.input(Input::ProcessingDone);
    let (sent, _) = context.take_sync();
    context.answer(&sent, sync_failed(ErrorCode::UnknownMemberId));
    assert_eq!(context.callbacks(), [(Callback::Lost, vec![0])]);
    assert!(context.take_join().1.member_id.is_unknown());
}

#[test]
fn t22_a_sync_group_that_is_not_answered_within_the_request_timeout_closes_the_connection_and_rejoins() {
    let mut context = TestContext::started(settings());
    context.answer_join(1);
    context.forget();
    context.brokers.heartbeats = false;
    context.advance(30_000);
    assert_eq!(context.joins().len(), 0);
    context.advance(500);
    let joins = context.joins();
    assert_eq!(joins.len(), 1);
    assert_eq!(joins[0].member_id.as_str(), "worker-1");
    assert_eq!(joins[0].reason.as_deref(), Some("rebalance failed due to DisconnectException"));
}

#[test]
fn t23_a_sync_group_answered_rebalance_in_progress_joins_again_at_once_without_another_revocation() {
    let mut context = TestContext::stable(settings(), &[0]);
    context.brokers.heartbeat_error = ErrorCode::RebalanceInProgress;
    context.advance(3_000);
    context.answer_join(2);
    context.forget();
    let (sent, _) = context.take_sync();
    context.answer(&sent, sync_failed(ErrorCode::RebalanceInProgress));
    let (_, join) = context.take_join();
    assert_eq!(join.member_id.as_str(), "worker-1");
    assert_eq!(join.reason.as_deref(), Some("rebalance failed due to RebalanceInProgressException"));
    assert!(context.callbacks().is_empty());
    assert_eq!(failed(&context), 1);
}

#[test]
fn t24_the_first_join_of_a_dynamic_member_counts_one_failed_and_one_completed_rebalance() {
    let context = TestContext::stable(settings(), &[0]);
    assert_eq!(failed(&context), 1);
    assert_eq!(context.count(|event| matches!(event, ClientEvent::Synced { .. })), 1);
}

#[test]
fn a_static_member_joins_without_the_extra_round() {
    let mut settings = settings();
    settings.config.group_instance_id = Some("i-1".into());
    let context = TestContext::stable(settings, &[0]);
    assert_eq!(context.joins().len(), 1);
    assert_eq!(failed(&context), 0);
}

#[test]
fn t25_a_join_answered_load_in_progress_is_tried_again_after_a_constant_100_ms() {
    let mut context = TestContext::started(settings());
    for attempt in 1..=5u64 {
        let (sent, _) = context.take_join();
        context.answer(&sent, join_failed(ErrorCode::CoordinatorLoadInProgress));
        assert!(context.pending.is_empty());
        context.advance(100);
        assert_eq!(context.now, ms(attempt * 100));
    }
    assert_eq!(context.joins().len(), 6);
}

#[test]
fn t34_an_eager_member_without_partitions_is_told_of_an_empty_revocation() {
    let mut context = TestContext::stable(settings(), &[]);
    context.forget();
    context.brokers.heartbeat_error = ErrorCode::RebalanceInProgress;
    context.advance(3_000);
    assert_eq!(context.callbacks(), [(Callback::Revoked, vec![])]);
}

#[test]
fn t35_a_first_join_calls_neither_revoked_nor_lost() {
    let mut context = TestContext::started(settings());
    context.join(1, &[0]);
    assert_eq!(context.callbacks(), [(Callback::Assigned, vec![0])]);
}

#[test]
fn t36_the_default_list_of_assignors_makes_an_eager_member() {
    let mut settings = settings();
    settings.config.partition_assignment_strategy =
        crate::protocol::config::ConsumerConfig::default().partition_assignment_strategy;
    let context = TestContext::started(settings);
    assert_eq!(context.consumer.rebalance_protocol(), crate::client::classic::RebalanceProtocol::Eager);
    let names: Vec<String> = context.joins()[0].protocols.iter().map(|entry| entry.name.to_string()).collect();
    assert_eq!(names, ["range", "cooperative-sticky"]);
}

#[test]
fn t55_a_slow_revocation_is_not_part_of_the_members_own_rebalance_latency() {
    let mut context = TestContext::stable(settings(), &[0]);
    context.callbacks_return = false;
    context.brokers.heartbeat_error = ErrorCode::RebalanceInProgress;
    context.advance(3_000);
    context.brokers.heartbeat_error = ErrorCode::None;
    context.advance(10_000);
    context.input(Input::CallbackDone);
    context.advance(250);
    context.join(2, &[0]);
    let latency = context.events().iter().rev().find_map(|event| match event {
        ClientEvent::Synced { rebalance_latency_ns, .. } => Some(*rebalance_latency_ns),
        _ => None,
    });
    assert_eq!(latency, Some(250_000_000));
}

#[test]
fn t59_a_leader_whose_assignor_runs_for_a_minute_sends_no_heartbeat_meanwhile() {
    let mut context = TestContext::started(settings());
    context.assignor_returns = false;
    let (sent, _) = context.take_join();
    context.answer(&sent, member_id_required("worker-1"));
    let (sent, join) = context.take_join();
    context.answer(&sent, joined_as_leader(1, &join.member_id, "range", &["worker-2"]));
    context.advance(60_000);
    assert!(context.heartbeats().is_empty());
    assert!(context.pending.is_empty());
    context.input(Input::AssignmentComputed);
    // SyncGroup goes out, then the session is over as the client sees it, and the connection is closed
    let assignments = context.sent.iter().find_map(|sent| match &sent.request {
        Request::SyncGroup(sync) => Some(sync.assignments.len()),
        _ => None,
    });
    assert_eq!(assignments, Some(2));
    let cause = "session timed out without receiving a heartbeat response".into();
    assert!(context.events().contains(&ClientEvent::CoordinatorUnknown { cause }));
}

#[test]
fn a_returning_static_leader_skips_the_assignment_but_watches_the_metadata() {
    let mut settings = settings();
    settings.config.group_instance_id = Some("i-1".into());
    let mut context = TestContext::started(settings);
    let (sent, _) = context.take_join();
    let answer = joined_as_leader(1, &"i-1-x".into(), "range", &["i-2-x"]);
    let crate::protocol::message::Response::JoinGroup(mut answer) = answer else { unreachable!() };
    answer.skip_assignment = true;
    context.answer(&sent, crate::protocol::message::Response::JoinGroup(answer));
    let (sent, sync) = context.take_sync();
    assert!(sync.assignments.is_empty());
    context.answer(&sent, synced(&[0]));
    context.brokers.topics = vec![("orders".into(), 7)];
    context.advance(301_000);
    assert!(context.joins().last().unwrap().reason.as_deref() == Some("cached metadata has changed"));
}

#[test]
fn fatal_join_errors_are_thrown_out_of_poll_and_tried_again_by_the_next_one() {
    let mut context = TestContext::started(settings());
    let (sent, _) = context.take_join();
    context.answer(&sent, join_failed(ErrorCode::GroupMaxSizeReached));
    assert_eq!(context.exceptions(), [("poll", "GroupMaxSizeReachedException")]);
    context.advance(200);
    assert_eq!(context.joins().len(), 2);
}

#[test]
fn an_unknown_member_id_of_a_join_drops_the_member_id_and_loses_what_a_cooperative_member_owns() {
    let mut context = TestContext::stable(cooperative(), &[0]);
    context.brokers.heartbeat_error = ErrorCode::RebalanceInProgress;
    context.advance(3_000);
    context.forget();
    let (sent, _) = context.take_join();
    context.answer(&sent, join_failed(ErrorCode::UnknownMemberId));
    assert_eq!(context.callbacks(), [(Callback::Lost, vec![0])]);
    assert!(context.take_join().1.member_id.is_unknown());
}

#[test]
fn a_join_whose_connection_breaks_is_sent_again_with_the_same_member_id() {
    let mut context = TestContext::stable(settings(), &[0]);
    context.brokers.heartbeat_error = ErrorCode::RebalanceInProgress;
    context.advance(3_000);
    context.forget();
    context.input(Input::Disconnected(COORDINATOR));
    context.pending.clear();
    context.advance(700);
    let (_, join) = context.take_join();
    assert_eq!(join.member_id.as_str(), "worker-1");
    assert_eq!(join.reason.as_deref(), Some("rebalance failed due to DisconnectException"));
}

#[test]
fn the_join_group_request_has_a_timeout_of_its_own() {
    let mut context = TestContext::started(settings());
    let (sent, _) = context.take_join();
    context.answer(&sent, member_id_required("worker-1"));
    context.advance(305_000);
    assert_eq!(context.joins().len(), 2);
    context.advance(500);
    assert_eq!(context.joins().len(), 3);
}
