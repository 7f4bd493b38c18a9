//! `max.poll.interval.ms`.

use super::context::*;
use crate::client::{Callback, ClientEvent, CommitStrategy, ConsumerSettings, Input};
use crate::protocol::ErrorCode;
use crate::protocol::message::Request;

fn short_interval() -> ConsumerSettings {
    let mut settings = settings();
    settings.config.max_poll_interval_ms = 10_000;
    settings.application.commit = CommitStrategy::SyncAfterBatch;
    settings
}

fn leaves(context: &TestContext) -> Vec<u64> {
    context.sent_at(|request| matches!(request, Request::LeaveGroup(_)))
}

/// A member whose application has been busy since 1 s for longer than the interval.
fn stuck(settings: ConsumerSettings) -> TestContext {
    let mut context = TestContext::stable(settings, &[0]);
    context.advance(1_000);
    context.records(0, 1);
    context.forget();
    context.advance(20_000);
    context
}

#[test]
fn t10_a_stuck_dynamic_member_leaves_after_max_poll_interval() {
    let context = stuck(short_interval());
    let left = leaves(&context);
    assert_eq!(left.len(), 1);
    // the last poll was called at 0.9 s
    assert!((10_900..=11_100).contains(&left[0]), "{left:?}");
    let reason = "consumer poll timeout has expired.".into();
    assert!(context.events().contains(&ClientEvent::LeaveGroup { reason, sent: true }));
    assert!(context.heartbeats().iter().all(|at| *at < left[0]));
}

#[test]
fn t11_a_stuck_static_member_sends_no_leave_group_but_stops_beating() {
    let mut settings = short_interval();
    settings.config.group_instance_id = Some("i-1".into());
    let context = stuck(settings);
    assert!(leaves(&context).is_empty());
    assert_eq!(context.heartbeats().len(), 3);
    assert!(context.consumer.member_id().is_unknown());
}

#[test]
fn t12_a_commit_after_the_poll_interval_fails_without_a_request() {
    let mut context = stuck(short_interval());
    context.input(Input::ProcessingDone);
    assert_eq!(context.exceptions(), [("commitSync", "CommitFailedException")]);
    assert!(context.sent_at(|request| matches!(request, Request::OffsetCommit(_))).is_empty());
}

#[test]
fn t13_a_member_that_left_by_the_poll_interval_loses_its_partitions_and_joins_as_a_new_one() {
    let mut context = stuck(short_interval());
    context.input(Input::ProcessingDone);
    assert_eq!(context.callbacks(), [(Callback::Lost, vec![0])]);
    let (sent, join) = context.take_join();
    assert!(join.member_id.is_unknown());
    context.answer(&sent, member_id_required("worker-9"));
    let (_, join) = context.take_join();
    assert_eq!(join.member_id.as_str(), "worker-9");
}

#[test]
fn t14_a_stuck_member_does_not_leave_while_its_coordinator_is_unknown() {
    let mut context = TestContext::stable(short_interval(), &[0]);
    context.advance(1_000);
    context.records(0, 1);
    context.brokers.data = false;
    context.brokers.accept = false;
    context.input(Input::Disconnected(COORDINATOR));
    context.advance(20_000);
    assert!(leaves(&context).is_empty());
    assert_eq!(context.count(|event| matches!(event, ClientEvent::LeaveGroup { .. })), 0);
}

#[test]
fn a_long_listener_call_counts_as_a_pass_of_the_poll_interval() {
    let mut settings = short_interval();
    settings.config.session_timeout_ms = 45_000;
    let mut context = TestContext::stable(settings, &[0]);
    context.callbacks_return = false;
    context.brokers.heartbeat_error = ErrorCode::RebalanceInProgress;
    context.advance(3_000);
    assert_eq!(context.callbacks().last(), Some(&(Callback::Revoked, vec![0])));
    context.advance(10_200);
    assert_eq!(leaves(&context).len(), 1);
}
