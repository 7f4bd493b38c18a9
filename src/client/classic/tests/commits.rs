//! Offset commits in every state of the membership.

use super::context::*;
use crate::client::{AutoCommitClock, ClientEvent, CommitStrategy, Connection, ConsumerSettings, Input};
use crate::protocol::message::Request;
use crate::protocol::{BrokerId, ErrorCode, Generation};

fn is_commit(request: &Request) -> bool {
    matches!(request, Request::OffsetCommit(_))
}

fn manual(strategy: CommitStrategy) -> ConsumerSettings {
    let mut settings = settings();
    settings.application.commit = strategy;
    settings
}

fn auto() -> ConsumerSettings {
    let mut settings = settings();
    settings.config.enable_auto_commit = true;
    settings
}

fn results(context: &TestContext) -> Vec<Result<(), &'static str>> {
    let result = |event: &ClientEvent| match event {
        ClientEvent::CommitEnded { result, .. } => Some(*result),
        _ => None,
    };
    context.events().iter().filter_map(result).collect()
}

#[test]
fn commit_sync_commits_the_positions_after_the_batch_and_then_polls() {
    let mut context = TestContext::stable(manual(CommitStrategy::SyncAfterBatch), &[0]);
    context.brokers.commits = false;
    context.records(0, 7);
    context.input(Input::ProcessingDone);
    let (sent, commit) = context.take_commit();
    assert_eq!(commit.partitions[0].offset, 7);
    assert_eq!(commit.generation_id, Generation(1));
    context.answer_commit(&sent, &commit, ErrorCode::None);
    assert_eq!(results(&context), [Ok(())]);
    assert_eq!(context.consumer.poll_thread(), crate::client::classic::PollThread::Polling);
}

#[test]
fn t26_a_commit_in_flight_when_the_coordinator_moves_is_sent_again_to_the_new_one() {
    let mut context = TestContext::stable(manual(CommitStrategy::SyncAfterBatch), &[0]);
    context.brokers.commits = false;
    context.brokers.heartbeats = false;
    context.brokers.coordinator = BrokerId(1);
    context.advance(2_950);
    context.records(0, 7);
    context.input(Input::ProcessingDone);
    context.advance(150);
    context.answer_heartbeat(ErrorCode::NotCoordinator);
    context.advance(1_000);
    let (sent, commit) = context.take_commit();
    assert_eq!(sent.connection, Connection::Coordinator(BrokerId(1)));
    context.answer_commit(&sent, &commit, ErrorCode::None);
    assert_eq!(results(&context), [Err("DisconnectException"), Ok(())]);
    assert!(context.exceptions().is_empty());
}

#[test]
fn t39_a_commit_while_a_join_is_under_way_fails_without_a_request() {
    let mut settings = cooperative();
    settings.application.commit = CommitStrategy::SyncAfterBatch;
    let mut context = TestContext::stable(settings, &[0]);
    context.brokers.heartbeat_error = ErrorCode::RebalanceInProgress;
    context.advance(3_000);
    context.records(0, 1);
    context.input(Input::ProcessingDone);
    assert_eq!(context.exceptions(), [("commitSync", "RebalanceInProgressException")]);
    assert!(context.sent_at(is_commit).is_empty());
}

#[test]
fn t40_a_member_that_has_noticed_but_not_polled_yet_commits_as_ever() {
    let mut context = TestContext::stable(manual(CommitStrategy::SyncAfterBatch), &[0]);
    context.advance(2_000);
    context.records(0, 1);
    context.brokers.heartbeat_error = ErrorCode::RebalanceInProgress;
    context.advance(2_000);
    assert_eq!(context.count(|event| matches!(event, ClientEvent::RebalanceNoticed)), 1);
    context.input(Input::ProcessingDone);
    assert_eq!(results(&context), [Ok(())]);
    assert!(context.joins().len() > 2, "and then it joins");
}

#[test]
fn t41_a_late_answer_to_a_commit_of_the_old_generation_resets_the_new_one() {
    let mut settings = cooperative();
    settings.application.commit = CommitStrategy::AsyncAfterBatch;
    let mut context = TestContext::stable(settings, &[0]);
    context.brokers.commits = false;
    context.brokers.heartbeats = false;
    context.records(0, 1);
    context.input(Input::ProcessingDone);
    let (sent, commit) = context.take_commit();
    context.advance(3_000);
    context.answer_heartbeat(ErrorCode::RebalanceInProgress);
    context.join(2, &[0]);
    context.forget();
    context.answer_commit(&sent, &commit, ErrorCode::IllegalGeneration);
    assert_eq!(results(&context), [Err("CommitFailedException")]);
    let joins = context.joins();
    assert_eq!(joins.len(), 1);
    assert_eq!(joins[0].reason.as_deref(), Some("encountered ILLEGAL_GENERATION from OFFSET_COMMIT response"));
}

#[test]
fn t42_an_asynchronous_commit_is_never_tried_again() {
    let mut context = TestContext::stable(manual(CommitStrategy::AsyncAfterBatch), &[0]);
    context.brokers.commits = false;
    context.records(0, 1);
    context.input(Input::ProcessingDone);
    let (sent, commit) = context.take_commit();
    context.answer_commit(&sent, &commit, ErrorCode::NotCoordinator);
    context.advance(2_000);
    assert_eq!(results(&context), [Err("RetriableCommitFailedException")]);
    assert_eq!(context.sent_at(is_commit).len(), 1);
}

#[test]
fn t43_a_periodic_commit_that_failed_retriably_is_tried_again_after_100_ms() {
    let mut context = TestContext::stable(auto(), &[0]);
    context.brokers.commits = false;
    context.advance(5_000);
    let (sent, commit) = context.take_commit();
    context.answer_commit(&sent, &commit, ErrorCode::CoordinatorLoadInProgress);
    context.brokers.commits = true;
    context.advance(11_000);
    assert_eq!(context.sent_at(is_commit), [5_000, 5_100, 10_100, 15_100]);
}

/// Periodic commits of a library whose clock runs so.
fn reckoned(clock: AutoCommitClock) -> ConsumerSettings {
    let mut settings = auto();
    settings.behaviour.auto_commit_clock = clock;
    settings
}

/// When a member commits that joins after 1 s, and again at some 3.1 s.
fn commits_over_a_rejoin(clock: AutoCommitClock) -> Vec<u64> {
    let mut context = TestContext::started(reckoned(clock));
    context.advance(1_000);
    context.join(1, &[0]);
    context.advance(2_000);
    context.brokers.heartbeat_error = ErrorCode::RebalanceInProgress;
    context.advance(1_100);
    context.brokers.heartbeat_error = ErrorCode::None;
    context.forget();
    context.join(2, &[0]);
    context.advance(12_000);
    context.sent_at(is_commit)
}

#[test]
fn a_join_restarts_the_clock_of_periodic_commits_or_does_not() {
    assert_eq!(commits_over_a_rejoin(AutoCommitClock::RestartedByJoins), [9_100, 14_100]);
    assert_eq!(commits_over_a_rejoin(AutoCommitClock::Ticks), [5_000, 10_000, 15_000]);
    // The rejoin commits, too, but that is not a periodic commit.
    assert_eq!(commits_over_a_rejoin(AutoCommitClock::Deadline), [5_000, 10_000, 15_000]);
}

#[test]
fn a_tick_that_falls_into_a_join_is_left_out_and_a_deadline_is_made_up_for() {
    let committed = |clock| {
        let mut context = TestContext::started(reckoned(clock));
        context.advance(6_000);
        context.join(1, &[0]);
        context.advance(6_000);
        context.sent_at(is_commit)
    };
    assert_eq!(committed(AutoCommitClock::Ticks), [10_000]);
    assert_eq!(committed(AutoCommitClock::Deadline), [11_000], "just after the join there was nothing to commit");
}

#[test]
fn with_a_deadline_any_periodic_commit_that_failed_is_tried_again_after_100_ms() {
    for error in [ErrorCode::CoordinatorLoadInProgress, ErrorCode::TopicAuthorizationFailed] {
        let mut context = TestContext::stable(reckoned(AutoCommitClock::Deadline), &[0]);
        context.brokers.commits = false;
        context.advance(5_000);
        let (sent, commit) = context.take_commit();
        context.answer_commit(&sent, &commit, error);
        context.brokers.commits = true;
        context.advance(6_000);
        assert_eq!(context.sent_at(is_commit), [5_000, 5_100, 10_100], "{error}");
    }
}

#[test]
fn t44_no_periodic_commit_is_sent_while_a_cooperative_rebalance_is_pending() {
    let mut settings = cooperative();
    settings.config.enable_auto_commit = true;
    let mut context = TestContext::stable(settings, &[0]);
    context.brokers.heartbeat_error = ErrorCode::RebalanceInProgress;
    context.advance(3_000);
    context.forget();
    context.advance(20_000);
    assert!(context.has_pending(|request| matches!(request, Request::JoinGroup(_))));
    assert!(context.sent_at(is_commit).is_empty());
}

#[test]
fn auto_commit_commits_every_interval_from_the_completed_join_on() {
    let mut context = TestContext::started(auto());
    context.advance(1_000);
    context.join(1, &[0]);
    context.advance(16_000);
    assert_eq!(context.sent_at(is_commit), [6_000, 11_000, 16_000]);
}

#[test]
fn a_fenced_asynchronous_commit_makes_every_later_poll_throw() {
    let mut settings = manual(CommitStrategy::AsyncAfterBatch);
    settings.config.group_instance_id = Some("i-1".into());
    let mut context = TestContext::stable(settings, &[0]);
    context.brokers.commits = false;
    context.records(0, 1);
    context.input(Input::ProcessingDone);
    let (sent, commit) = context.take_commit();
    context.answer_commit(&sent, &commit, ErrorCode::FencedInstanceId);
    context.advance(250);
    assert_eq!(context.exceptions(), [("poll", "FencedInstanceIdException"); 3]);
}

#[test]
fn a_commit_answered_unknown_member_id_ends_the_membership() {
    let mut context = TestContext::stable(manual(CommitStrategy::SyncAfterBatch), &[0]);
    context.brokers.commits = false;
    context.records(0, 1);
    context.input(Input::ProcessingDone);
    let (sent, commit) = context.take_commit();
    context.answer_commit(&sent, &commit, ErrorCode::UnknownMemberId);
    assert_eq!(context.exceptions(), [("commitSync", "CommitFailedException")]);
    let joins = context.joins();
    let join = joins.last().unwrap();
    assert!(join.member_id.is_unknown());
    assert_eq!(join.reason.as_deref(), Some("encountered UNKNOWN_MEMBER_ID from OFFSET_COMMIT response"));
}

#[test]
fn a_stalled_application_that_was_asked_to_commits_its_positions_even_without_records() {
    let mut context = TestContext::stable(settings(), &[0]);
    context.stall(true);
    assert_eq!(context.consumer.poll_thread(), crate::client::classic::PollThread::Processing);
    context.advance(2_000);
    context.input(Input::ProcessingDone);
    assert_eq!(results(&context), [Ok(())]);
}
