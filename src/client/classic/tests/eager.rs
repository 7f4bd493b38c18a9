//! Eager rebalancing: everything is given up before the join.

use super::context::*;
use crate::client::{Callback, ClientEvent, ConsumerSettings, Input};
use crate::protocol::ErrorCode;
use crate::protocol::message::Request;

fn auto() -> ConsumerSettings {
    let mut settings = settings();
    settings.config.enable_auto_commit = true;
    settings
}

#[test]
fn t27_before_an_eager_join_partitions_are_frozen_then_committed_then_revoked() {
    let mut context = TestContext::stable(auto(), &[0, 1]);
    context.records(0, 4);
    context.brokers.commits = false;
    context.brokers.heartbeat_error = ErrorCode::RebalanceInProgress;
    context.advance(4_000);
    context.forget();
    context.input(Input::ProcessingDone);
    assert!(context.consumer.assigned().iter().all(|owned| !owned.fetchable));
    assert!(context.callbacks().is_empty());
    assert!(context.joins().is_empty());
    let (sent, commit) = context.take_commit();
    assert_eq!(commit.partitions[0].offset, 4);
    context.advance(50);
    context.answer_commit(&sent, &commit, ErrorCode::None);
    assert_eq!(context.callbacks(), [(Callback::Revoked, vec![0, 1])]);
    assert!(context.owned().is_empty());
    assert_eq!(context.joins().len(), 1);
}

#[test]
fn t28_a_commit_before_the_join_that_keeps_failing_is_given_up_after_max_poll_interval() {
    let mut settings = auto();
    settings.config.max_poll_interval_ms = 10_000;
    let mut context = TestContext::stable(settings, &[0]);
    context.brokers.commits = false;
    context.brokers.heartbeat_error = ErrorCode::RebalanceInProgress;
    context.advance(3_000);
    context.forget();
    let mut tries = 0;
    while context.callbacks().is_empty() {
        if context.has_pending(|request| matches!(request, Request::OffsetCommit(_))) {
            let (sent, commit) = context.take_commit();
            tries += 1;
            context.answer_commit(&sent, &commit, ErrorCode::CoordinatorLoadInProgress);
        }
        context.advance(50);
    }
    assert!((13_000..=13_100).contains(&(context.now.0 / 1_000_000)), "{:?}", context.now);
    assert!(tries > 50, "{tries}");
    assert_eq!(context.callbacks(), [(Callback::Revoked, vec![0])]);
    assert_eq!(context.joins().len(), 1);
}

#[test]
fn t29_a_partition_that_comes_back_to_an_eager_member_starts_at_its_committed_offset() {
    let mut context = TestContext::stable(settings(), &[0]);
    context.brokers.committed = 2;
    context.records(0, 7);
    context.input(Input::ProcessingDone);
    assert_eq!(context.consumer.assigned()[0].position, 7);
    context.brokers.heartbeat_error = ErrorCode::RebalanceInProgress;
    context.advance(3_000);
    context.join(2, &[0]);
    assert_eq!(context.consumer.assigned()[0].position, 2);
}

#[test]
fn an_application_that_commits_in_the_revocation_does_so_before_the_join() {
    let mut settings = settings();
    settings.application.commit_on_revoke = true;
    let mut context = TestContext::stable(settings, &[0]);
    context.records(0, 7);
    context.input(Input::ProcessingDone);
    context.brokers.commits = false;
    context.brokers.heartbeat_error = ErrorCode::RebalanceInProgress;
    context.advance(3_000);
    context.forget();
    let (sent, commit) = context.take_commit();
    assert!(context.joins().is_empty());
    context.answer_commit(&sent, &commit, ErrorCode::None);
    assert_eq!(context.joins().len(), 1);
}

#[test]
fn a_commit_before_the_join_that_is_answered_unknown_member_id_still_revokes_in_this_pass() {
    let mut context = TestContext::stable(auto(), &[0]);
    context.brokers.commits = false;
    context.brokers.heartbeat_error = ErrorCode::RebalanceInProgress;
    context.advance(3_000);
    context.forget();
    let (sent, commit) = context.take_commit();
    context.answer_commit(&sent, &commit, ErrorCode::UnknownMemberId);
    // the answer was read by an earlier pass than the one that revokes: the generation is gone by then
    assert_eq!(context.callbacks(), [(Callback::Lost, vec![0])]);
}

#[test]
fn records_are_not_taken_any_more_once_the_partitions_are_frozen() {
    let mut context = TestContext::stable(auto(), &[0]);
    context.brokers.commits = false;
    context.brokers.heartbeat_error = ErrorCode::RebalanceInProgress;
    context.advance(3_000);
    assert_eq!(context.awaits.last().map(|(_, awaits)| *awaits), Some(false));
}

#[test]
fn a_partition_without_a_committed_offset_starts_where_the_reset_policy_says() {
    let mut context = TestContext::new(settings());
    context.brokers.committed = -1;
    context.input(Input::Start);
    context.join(1, &[3]);
    assert_eq!(context.consumer.assigned()[0].position, 0);
    let set = ClientEvent::PositionSet { partition: partition(3), offset: 0, reset: true };
    assert!(context.events().contains(&set));
}

#[test]
fn t53_without_a_reset_policy_poll_throws_no_offset_for_partition() {
    let mut settings = settings();
    settings.config.auto_offset_reset = crate::protocol::config::AutoOffsetReset::None;
    let mut context = TestContext::new(settings);
    context.brokers.committed = -1;
    context.input(Input::Start);
    context.join(1, &[3]);
    assert_eq!(context.exceptions(), [("poll", "NoOffsetForPartitionException")]);
}

#[test]
fn an_unstable_committed_offset_is_asked_for_again() {
    let mut context = TestContext::new(settings());
    context.brokers.offset_fetch = false;
    context.input(Input::Start);
    context.join(1, &[0]);
    let is_fetch = |request: &Request| match request {
        Request::OffsetFetch(fetch) => Some(fetch.clone()),
        _ => None,
    };
    let (sent, fetch) = context.take(is_fetch).unwrap();
    let crate::protocol::message::Response::OffsetFetch(mut answer) = context.brokers.committed_offsets(&fetch) else {
        unreachable!()
    };
    answer.partitions[0].error = ErrorCode::UnstableOffsetCommit;
    context.answer(&sent, crate::protocol::message::Response::OffsetFetch(answer));
    assert!(!context.consumer.assigned()[0].fetchable);
    context.brokers.offset_fetch = true;
    context.advance(200);
    assert!(context.consumer.assigned()[0].fetchable);
}
