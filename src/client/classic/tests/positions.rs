//! From the committed offset to the first Fetch: which partitions may be fetched at once, and which only when their leader
//! has confirmed the leader epoch of the offset (KIP-320; each seen with a Kafka 4.1.1 consumer).

use std::rc::Rc;

use super::context::*;
use crate::client::{ConsumerSettings, Input};
use crate::protocol::message::{Request, Response};
use crate::protocol::{ErrorCode, TopicPartition};

/// A consumer that owns partitions 1 to 3, of which 2 alone has no committed offset.
fn assigned(settings: ConsumerSettings, epoch: i32, confirms: bool) -> TestContext {
    let mut context = TestContext::new(settings);
    (context.brokers.epoch, context.brokers.epochs) = (epoch, confirms);
    context.brokers.uncommitted = vec![2];
    context.input(Input::Start);
    context.join(1, &[1, 2, 3]);
    context
}

fn fetchable(context: &TestContext) -> Vec<i32> {
    let fetchable = context.consumer.assigned().iter().filter(|owned| owned.fetchable);
    fetchable.map(|owned| owned.partition.partition).collect()
}

fn asks_for_epochs(context: &TestContext) -> bool {
    context.has_pending(|request| matches!(request, Request::OffsetForLeaderEpoch { .. }))
}

fn take_epochs(context: &mut TestContext) -> (Sent, Rc<[TopicPartition]>) {
    let taken = context.take(|request| match request {
        Request::OffsetForLeaderEpoch { partitions } => Some(partitions.clone()),
        _ => None,
    });
    taken.expect("an OffsetForLeaderEpoch is waiting")
}

#[test]
fn partitions_without_a_committed_offset_are_fetched_before_the_leader_confirms_the_epochs_of_the_others() {
    let mut context = assigned(settings(), 0, false);
    assert_eq!(fetchable(&context), [2]);
    let (sent, partitions) = take_epochs(&mut context);
    assert_eq!(*partitions, [partition(1), partition(3)]);
    context.answer(&sent, Response::OffsetForLeaderEpoch { ends: vec![Ok(10), Ok(10)] });
    assert_eq!(fetchable(&context), [1, 2, 3]);
}

#[test]
fn the_epochs_are_asked_for_in_the_pass_after_the_committed_offsets_came_without_a_wait() {
    let context = assigned(settings(), 0, false);
    assert_eq!(context.now, crate::engine::SimTime::ZERO);
    assert!(asks_for_epochs(&context));
}

#[test]
fn a_rebalance_that_begins_before_the_epochs_are_asked_for_comes_first() {
    let mut context = TestContext::new(settings());
    (context.brokers.epoch, context.brokers.offset_fetch) = (0, false);
    context.input(Input::Start);
    context.join(1, &[1]);
    context.brokers.heartbeat_error = ErrorCode::RebalanceInProgress;
    context.advance(3_000);
    context.brokers.offset_fetch = true;
    context.advance(31_000);
    assert!(!asks_for_epochs(&context));
    assert!(context.has_pending(|request| matches!(request, Request::JoinGroup(_))));
}

#[test]
fn a_committed_offset_without_an_epoch_needs_no_confirmation() {
    let context = assigned(settings(), -1, false);
    assert_eq!(fetchable(&context), [1, 2, 3]);
    assert!(!asks_for_epochs(&context));
}

#[test]
fn clients_that_validate_nothing_fetch_at_once() {
    let mut settings = settings();
    settings.behaviour.validates_positions = false;
    assert_eq!(fetchable(&assigned(settings, 0, false)), [1, 2, 3]);
}

#[test]
fn an_epoch_that_the_leader_does_not_confirm_is_asked_for_again_after_the_back_off() {
    let mut context = assigned(settings(), 0, false);
    let (sent, _) = take_epochs(&mut context);
    let refused = vec![Err(ErrorCode::NotLeaderOrFollower), Ok(10)];
    context.answer(&sent, Response::OffsetForLeaderEpoch { ends: refused });
    assert_eq!(fetchable(&context), [2, 3]);
    assert!(!asks_for_epochs(&context));
    context.brokers.epochs = true;
    context.advance(100);
    let asked = |of: &&Sent| matches!(of.request, Request::OffsetForLeaderEpoch { .. });
    assert_eq!(context.sent.iter().filter(asked).count(), 2);
    // The Fetch of the others is parked on that connection.
    context.advance(500);
    assert_eq!(fetchable(&context), [1, 2, 3]);
}

#[test]
fn a_commit_names_the_epoch_of_what_was_consumed_and_none_for_what_the_reset_policy_gave() {
    let mut settings = settings();
    settings.application.commit = crate::client::CommitStrategy::SyncAfterBatch;
    let mut context = assigned(settings, 0, true);
    context.brokers.commits = false;
    context.records(1, 1);
    context.input(Input::ProcessingDone);
    let (_, commit) = context.take_commit();
    let epochs: Vec<i32> = commit.partitions.iter().map(|committed| committed.leader_epoch).collect();
    assert_eq!(epochs, [0, -1, 0], "of partition 2 nothing was consumed");
}

#[test]
fn no_position_counts_before_it_is_valid_so_a_commit_leaves_it_out() {
    let mut settings = settings();
    settings.application.commit = crate::client::CommitStrategy::SyncAfterBatch;
    let mut context = assigned(settings, 0, false);
    context.brokers.commits = false;
    context.records(2, 1);
    context.input(Input::ProcessingDone);
    let (_, commit) = context.take_commit();
    let partitions: Vec<_> = commit.partitions.iter().map(|committed| committed.partition).collect();
    assert_eq!(partitions, [partition(2)]);
}
