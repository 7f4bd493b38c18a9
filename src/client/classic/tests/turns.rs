//! sarama's cooperative sessions share a connection between Fetches, which go on, and the requests of a rebalance
//! (statement 22).

use super::context::*;
use crate::client::{Callback, ConsumerSettings, Fetching, FirstHeartbeat, Input, Output};
use crate::protocol::ErrorCode;
use crate::protocol::message::{HeartbeatResponse, Request, Response};

/// From one Fetch that finds nothing to the next, ms.
const FETCH_MS: u64 = 501;

fn sharing() -> ConsumerSettings {
    let mut settings = cooperative();
    settings.behaviour.fetching = Fetching::Shared;
    settings.behaviour.first_heartbeat = FirstHeartbeat::WithSession;
    settings
}

/// A member whose heartbeat brings the notice of a rebalance just when its Fetch returned; all races then go one way.
fn noticing(owned: &[i32], race: f64) -> TestContext {
    let mut context = TestContext::stable(sharing(), owned);
    context.brokers.heartbeats = false;
    context.advance(3_000);
    let beat = context.take_heartbeat();
    context.advance_until(beat.unread_until);
    context.forget();
    context.random = [race; 16].into();
    let error = ErrorCode::RebalanceInProgress;
    context.answer(&beat, Response::Heartbeat(HeartbeatResponse { error }));
    context
}

/// How long the broker leaves the last such request unread, ms.
fn waits(context: &TestContext, which: impl Fn(&Request) -> bool) -> u64 {
    let sent = context.sent.iter().rev().find(|sent| which(&sent.request)).expect("it was sent");
    sent.unread_until.since(sent.at).as_millis()
}

fn is_join(request: &Request) -> bool {
    matches!(request, Request::JoinGroup(_))
}

fn is_sync(request: &Request) -> bool {
    matches!(request, Request::SyncGroup(_))
}

fn callback_times(context: &TestContext) -> Vec<(Callback, u64)> {
    let call = |(at, output): &(crate::engine::SimTime, Output)| match output {
        Output::Callback { callback, .. } => Some((*callback, at.0 / 1_000_000)),
        _ => None,
    };
    context.log.iter().filter_map(call).collect()
}

#[test]
fn s22_a_join_group_gets_in_before_the_next_fetch_or_waits_for_it() {
    assert_eq!(waits(&noticing(&[0, 1], 0.99), is_join), 0);
    assert_eq!(waits(&noticing(&[0, 1], 0.0), is_join), FETCH_MS);
}

#[test]
fn s22_the_fetch_waits_while_the_member_joins_and_goes_out_with_the_answer_to_sync_group() {
    let mut context = noticing(&[0, 1], 0.99);
    context.advance(2_000);
    context.answer_join(2);
    assert_eq!(waits(&context, is_sync), 0, "a follower's SyncGroup follows at once");
    context.advance(300);
    context.brokers.heartbeats = true;
    context.answer_sync(&[0, 1]);
    context.advance(3_000);
    let synced = context.now.0 / 1_000_000 - 3_000;
    let beat = context.sent.iter().rev().find(|sent| matches!(sent.request, Request::Heartbeat(_))).unwrap();
    let fetches = beat.unread_until.0 / 1_000_000 - synced;
    assert_eq!(fetches % FETCH_MS / 10, 0, "whole Fetches lie between the answer and {:?}", beat.unread_until);
}

#[test]
fn s22_partitions_are_given_up_when_the_fetch_returns_and_a_second_fetch_goes_before_the_join() {
    let mut context = noticing(&[0, 1, 2], 0.99);
    context.advance(100);
    context.answer_join(2);
    let synced = context.now.0 / 1_000_000;
    context.answer_sync(&[0, 1]);
    assert_eq!(callback_times(&context), []);
    context.advance(FETCH_MS + 2);
    let revoked = callback_times(&context);
    assert_eq!(revoked[0].0, Callback::Revoked);
    assert!((FETCH_MS..=FETCH_MS + 2).contains(&(revoked[0].1 - synced)), "{revoked:?} after {synced}");
    assert_eq!(context.joins().len(), 1);
    context.advance(FETCH_MS + 2);
    assert_eq!(context.joins().len(), 2);
}

#[test]
fn s22_claims_of_added_partitions_begin_behind_fetches() {
    let mut context = noticing(&[0], 0.99);
    context.random = [0.99; 16].into();
    context.answer_join(2);
    context.answer_sync(&[0, 3]);
    assert_eq!(callback_times(&context), []);
    context.advance(FETCH_MS + 2);
    assert_eq!(context.callbacks(), [(Callback::Assigned, vec![3])]);
}

#[test]
fn s22_a_member_without_partitions_waits_for_nothing() {
    let mut context = noticing(&[], 0.0);
    assert_eq!(waits(&context, is_join), 0);
    context.answer_join(2);
    context.answer_sync(&[4]);
    assert_eq!(context.callbacks(), [(Callback::Assigned, vec![4])]);
}

#[test]
fn s22_heartbeats_keep_the_ticks_of_the_session_over_its_generations() {
    let mut context = noticing(&[0], 0.99);
    context.advance(500);
    context.answer_join(2);
    context.brokers.heartbeats = true;
    context.answer_sync(&[0]);
    context.advance(6_000);
    let beats = context.heartbeats();
    assert_eq!(beats.iter().map(|at| at % 3_000).collect::<Vec<_>>(), [0, 0], "{beats:?}");
}

#[test]
fn s22_only_a_claim_that_is_given_up_has_to_end_its_batch_first() {
    use crate::client::ApplicationThread;
    let revoked_beside = |busy: i32| {
        let mut settings = sharing();
        settings.behaviour.application = ApplicationThread::BesideWithListener;
        let mut context = TestContext::stable(settings, &[0, 1]);
        context.records(busy, 1);
        context.brokers.heartbeat_error = ErrorCode::RebalanceInProgress;
        context.advance(4_000);
        context.answer_join(2);
        context.answer_sync(&[0]);
        context.advance(1_000);
        !context.callbacks().iter().any(|(callback, _)| *callback == Callback::Revoked)
    };
    assert!(!revoked_beside(0), "the handler of a partition that stays goes on");
    assert!(revoked_beside(1), "the handler of the partition that goes is waited for");
}

#[test]
fn s22_offsets_are_committed_when_partitions_were_given_up_not_before_the_join() {
    let mut settings = sharing();
    settings.config.enable_auto_commit = true;
    let mut context = TestContext::stable(settings, &[0, 1]);
    context.records(0, 3);
    context.input(Input::ProcessingDone);
    context.brokers.heartbeat_error = ErrorCode::RebalanceInProgress;
    context.advance(3_000);
    let is_commit = |request: &Request| matches!(request, Request::OffsetCommit(_));
    context.advance(600);
    assert_eq!((context.joins().len(), context.sent_at(is_commit).len()), (3, 0));
    context.answer_join(2);
    context.answer_sync(&[1]);
    context.advance(2 * FETCH_MS);
    assert_eq!(context.sent_at(is_commit).len(), 1);
}
