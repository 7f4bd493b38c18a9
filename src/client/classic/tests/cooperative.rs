//! Cooperative rebalancing: what stays is kept, only what moves is given up, in two rounds.

use super::context::*;
use crate::client::{Callback, CommitStrategy, Input};
use crate::protocol::ErrorCode;
use crate::protocol::message::Request;
use crate::protocol::subscription::ConsumerProtocolSubscription;

/// A member of generation 1 that has just noticed a rebalance and sent its JoinGroup.
fn rejoining(owned: &[i32]) -> TestContext {
    let mut context = TestContext::stable(cooperative(), owned);
    for number in owned {
        context.records(*number, 5);
        context.input(Input::ProcessingDone);
    }
    context.brokers.heartbeat_error = ErrorCode::RebalanceInProgress;
    context.advance(3_000);
    context.brokers.heartbeat_error = ErrorCode::None;
    context.forget();
    context
}

#[test]
fn t30_a_partition_that_stays_keeps_its_position_and_needs_no_offset_fetch() {
    let mut context = rejoining(&[0, 1]);
    context.join(2, &[0, 1]);
    assert!(context.consumer.assigned().iter().all(|owned| owned.position == 5 && owned.fetchable));
    assert!(context.sent_at(|request| matches!(request, Request::OffsetFetch(_))).is_empty());
}

#[test]
fn t31_a_cooperative_rebalance_that_moves_nothing_needs_one_round() {
    let mut context = rejoining(&[0, 1]);
    context.join(2, &[0, 1]);
    assert_eq!(context.callbacks(), [(Callback::Assigned, vec![])]);
    assert!(context.joins().is_empty());
}

#[test]
fn t32_a_member_that_gives_partitions_up_asks_for_the_second_round_in_the_same_poll() {
    let mut context = rejoining(&[0, 1, 2]);
    context.join(2, &[0, 1]);
    assert_eq!(context.callbacks(), [(Callback::Revoked, vec![2]), (Callback::Assigned, vec![])]);
    let joins = context.joins();
    assert_eq!(joins.len(), 1);
    assert_eq!(joins[0].reason.as_deref(), Some("need to revoke partitions and re-join"));
    context.join(3, &[0, 1]);
    assert_eq!(context.owned(), [0, 1]);
}

#[test]
fn t33_what_a_moving_partition_delivers_during_the_join_is_not_committed() {
    let mut settings = cooperative();
    settings.config.enable_auto_commit = true;
    let mut context = TestContext::stable(settings, &[0, 1]);
    context.brokers.heartbeat_error = ErrorCode::RebalanceInProgress;
    context.advance(3_000);
    context.brokers.heartbeat_error = ErrorCode::None;
    context.records(1, 9);
    context.input(Input::ProcessingDone);
    context.forget();
    context.join(2, &[0]);
    // the only commit after those records comes when partition 1 is gone
    let commits: Vec<_> = context
        .sent
        .iter()
        .filter_map(|sent| match &sent.request {
            Request::OffsetCommit(commit) => Some(commit.partitions.iter().map(|at| at.partition.partition).collect()),
            _ => None,
        })
        .collect::<Vec<Vec<i32>>>();
    assert!(commits.iter().all(|partitions| partitions == &[0]), "{commits:?}");
    assert_eq!(context.owned(), [0]);
}

#[test]
fn a_cooperative_join_names_what_is_owned_and_in_which_generation() {
    let mut context = rejoining(&[0, 2]);
    let (_, join) = context.take_join();
    let subscription = ConsumerProtocolSubscription::decode(&join.protocols[0].metadata).unwrap();
    assert_eq!(subscription.owned_partitions[0].partitions, [0, 2]);
    assert_eq!(subscription.generation.0, 1);
}

#[test]
fn a_cooperative_member_returns_records_while_its_join_is_parked() {
    let mut context = rejoining(&[0]);
    assert!(context.has_pending(|request| matches!(request, Request::JoinGroup(_))));
    context.records(0, 1);
    assert_eq!(context.consumer.poll_thread(), crate::client::classic::PollThread::Processing);
}

#[test]
fn a_newly_assigned_partition_starts_at_its_committed_offset() {
    let mut context = rejoining(&[0]);
    context.brokers.committed = 3;
    context.join(2, &[0, 4]);
    let positions: Vec<i64> = context.consumer.assigned().iter().map(|owned| owned.position).collect();
    assert_eq!(positions, [5, 3]);
    assert_eq!(context.callbacks(), [(Callback::Assigned, vec![4])]);
}

#[test]
fn a_leader_whose_join_answer_is_read_by_a_commit_goes_on_after_its_assignment() {
    let mut settings = cooperative();
    settings.application.commit = CommitStrategy::SyncAfterBatch;
    let mut context = TestContext::stable(settings, &[0]);
    context.assignor_returns = false;
    context.brokers.heartbeat_error = ErrorCode::RebalanceInProgress;
    context.advance(3_000);
    context.brokers.heartbeat_error = ErrorCode::None;
    context.records(0, 5);
    let (sent, join) = context.take_join();
    context.answer(&sent, joined_as_leader(2, &join.member_id, "cooperative-sticky", &[]));
    context.input(Input::ProcessingDone);
    context.advance(10);
    context.input(Input::AssignmentComputed);
    assert_eq!(context.exceptions(), [("commitSync", "RebalanceInProgressException")]);
    context.answer_sync(&[0]);
    assert_eq!(context.callbacks().last(), Some(&(Callback::Assigned, vec![])));
    context.records(0, 1);
    assert_eq!(context.consumer.assigned()[0].position, 6);
}
