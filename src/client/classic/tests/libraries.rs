//! The switches by which other client libraries differ from the Java consumer, one by one. Numbers are statements of
//! `tests/vectors/live-clients/README.md`.

use std::rc::Rc;

use super::context::*;
use crate::client::{
    ApplicationThread, Behaviour, Callback, ClientEvent, CommitStrategy, ConsumerSettings, Fetching, FirstHeartbeat,
    HeartbeatFailure, Input, JoinRetry, LostCallback, PollInterval, RebalanceTimeout, SessionTimer, SubscriptionFormat,
};
use crate::protocol::message::Request;
use crate::protocol::{ErrorCode, Generation};

/// A consumer whose timers act at once, with what the function changes.
fn library(change: impl Fn(&mut Behaviour)) -> ConsumerSettings {
    let mut settings = settings();
    settings.behaviour =
        Behaviour { sleeps_in_slices: false, heartbeat_while_completing: false, ..Behaviour::default() };
    change(&mut settings.behaviour);
    settings
}

fn rebalancing(context: &mut TestContext) {
    context.brokers.heartbeat_error = ErrorCode::RebalanceInProgress;
    context.advance(3_000);
}

#[test]
fn s15_an_application_that_works_beside_delays_no_rejoin() {
    let mut context = TestContext::stable(library(|of| of.application = ApplicationThread::Beside), &[0]);
    context.records(0, 1);
    rebalancing(&mut context);
    assert_eq!(context.joins().len(), 3);
    assert_eq!(context.callbacks().last(), Some(&(Callback::Revoked, vec![0])));
}

#[test]
fn a_join_that_waits_for_the_application_waits_beyond_the_time_for_its_commit() {
    let mut settings = library(|of| of.application = ApplicationThread::BesideUntilPoll);
    settings.config.enable_auto_commit = true;
    let mut context = TestContext::stable(settings, &[0, 1]);
    context.brokers.commits = false;
    context.records(0, 1);
    context.input(Input::Stall { commit: false });
    rebalancing(&mut context);
    context.input(Input::ProcessingDone);
    assert!(context.has_pending(|request| matches!(request, Request::OffsetCommit(_))), "the join commits first");
    context.advance(1_000);
    context.brokers.heartbeat_error = ErrorCode::None;
    context.advance(310_000);
    assert_eq!(context.joins().len(), 2, "the application is busy again");
    context.input(Input::ProcessingDone);
    context.advance(1_000);
    assert_eq!(context.joins().len(), 3);
}

#[test]
fn s5_a_listener_call_waits_for_the_application_and_heartbeats_go_on() {
    let mut context = TestContext::stable(library(|of| of.application = ApplicationThread::BesideWithListener), &[0]);
    context.records(0, 1);
    rebalancing(&mut context);
    context.advance(6_000);
    assert_eq!(context.joins().len(), 2);
    assert_eq!(context.heartbeats(), [3_000, 6_000, 9_000]);
    context.input(Input::ProcessingDone);
    assert_eq!(context.joins().len(), 3);
    assert_eq!(context.callbacks().last(), Some(&(Callback::Revoked, vec![0])));
}

#[test]
fn a_handler_that_waits_for_its_own_claims_messages_is_held_up_at_once() {
    let works_after_a_stall = |fetching| {
        let mut context = TestContext::stable(
            library(|of| (of.fetching, of.application) = (fetching, ApplicationThread::BesideWithListener)),
            &[0],
        );
        context.advance(1_050);
        context.input(Input::Stall { commit: false });
        context.consumer.working.is_some()
    };
    assert!(works_after_a_stall(Fetching::Shared));
    assert!(!works_after_a_stall(Fetching::Apart), "its `poll` returns first");
}

#[test]
fn s15_block_rebalance_on_poll_holds_back_even_a_join_that_takes_nothing() {
    let mut settings = library(|of| of.application = ApplicationThread::BesideUntilPoll);
    settings.config.partition_assignment_strategy = cooperative().config.partition_assignment_strategy;
    let mut context = TestContext::stable(settings, &[0]);
    context.records(0, 1);
    rebalancing(&mut context);
    assert_eq!(context.joins().len(), 2);
    context.input(Input::ProcessingDone);
    assert_eq!(context.joins().len(), 3);
}

#[test]
fn the_first_heartbeat_of_a_generation_comes_when_the_library_sends_it() {
    let first = |first: FirstHeartbeat, cooperative: bool| {
        let mut settings = library(|of| of.first_heartbeat = first);
        if cooperative {
            settings.config.partition_assignment_strategy =
                super::context::cooperative().config.partition_assignment_strategy;
        }
        let mut context = TestContext::stable(settings, &[0]);
        context.advance(7_000);
        context.heartbeats()
    };
    assert_eq!(first(FirstHeartbeat::AfterInterval, false), [3_000, 6_000]);
    assert_eq!(first(FirstHeartbeat::AtOnce, false), [0, 3_000, 6_000]);
    assert_eq!(first(FirstHeartbeat::CooperativeAfterMs(500), true), [500, 3_500, 6_500]); // 14
    assert_eq!(first(FirstHeartbeat::CooperativeAfterMs(500), false), [3_000, 6_000]);
}

#[test]
fn s11_a_heartbeat_timer_that_is_kept_beats_at_once_after_a_long_join() {
    let mut context = TestContext::stable(library(|of| of.first_heartbeat = FirstHeartbeat::Kept), &[0]);
    assert_eq!(context.heartbeats(), [0]);
    rebalancing(&mut context);
    context.advance(4_000);
    context.brokers.heartbeat_error = ErrorCode::None;
    context.join(2, &[0]);
    context.advance(3_000);
    assert_eq!(context.heartbeats(), [0, 3_000, 7_000, 10_000]);
}

#[test]
fn s19_group_requests_on_the_fetching_connection_wait_behind_a_parked_fetch() {
    let mut context = TestContext::stable(library(|of| of.fetching = Fetching::Shared), &[0]);
    context.advance(3_000);
    let beat = context.sent.iter().find(|sent| matches!(sent.request, Request::Heartbeat(_))).unwrap();
    // six Fetches of 501.7 ms each make 3010.2 ms
    assert_eq!(beat.unread_until.0 / 1_000, 3_010_200);
}

#[test]
fn s31_a_rejoin_waits_for_the_parked_fetches_after_the_listener_was_told() {
    let mut settings = library(|of| of.fetching = Fetching::Awaited);
    settings.config.fetch_max_wait_ms = 10_000;
    let mut context = TestContext::stable(settings.clone(), &[0]);
    rebalancing(&mut context);
    assert_eq!(context.callbacks().last(), Some(&(Callback::Revoked, vec![0])));
    context.advance(6_900);
    assert_eq!((context.joins().len(), context.heartbeats()), (2, vec![3_000]));
    context.advance(200);
    assert_eq!(context.joins().len(), 3);

    let mut loaded = TestContext::stable(settings, &[0]);
    rebalancing(&mut loaded);
    loaded.advance(100);
    loaded.records(0, 1);
    assert_eq!(loaded.joins().len(), 3);
}

/// A member whose heartbeats go out between two Fetches, which a broker parks for 5 s.
fn beating_between_fetches() -> TestContext {
    let mut settings = library(|of| {
        of.fetching = Fetching::Loop;
        of.heartbeat_thread = false;
        of.first_heartbeat = FirstHeartbeat::AtOnce;
    });
    settings.config.fetch_max_wait_ms = 5_000;
    TestContext::stable(settings, &[0])
}

#[test]
fn s25_no_heartbeat_goes_out_before_the_first_fetch_has_returned() {
    assert!(beating_between_fetches().heartbeats().is_empty());
    let mut loaded = beating_between_fetches();
    loaded.advance(137);
    loaded.records(0, 1);
    loaded.input(Input::ProcessingDone);
    assert_eq!(loaded.heartbeats(), [137]);
}

#[test]
fn s25_a_fetch_that_returned_while_the_process_stood_still_lets_it_beat_at_once() {
    let mut context = beating_between_fetches();
    context.advance(3_000);
    context.pause(8_000);
    context.advance(10);
    assert_eq!(context.heartbeats(), [11_000]);
}

#[test]
fn a_heartbeat_that_is_due_goes_out_before_the_commit_of_the_same_batch() {
    let mut context = beating_between_fetches();
    Rc::make_mut(&mut context.consumer.settings).application.commit = CommitStrategy::SyncAfterBatch;
    context.records(0, 1);
    context.input(Input::ProcessingDone);
    let sent = |of: fn(&Request) -> bool| context.sent.iter().position(|sent| of(&sent.request)).expect("it was sent");
    let beat = sent(|request| matches!(request, Request::Heartbeat(_)));
    assert!(beat < sent(|request| matches!(request, Request::OffsetCommit(_))));
}

#[test]
fn s25_heartbeats_between_two_fetches_come_as_seldom_as_the_fetches_return() {
    let mut context = beating_between_fetches();
    context.advance(16_000);
    assert_eq!(context.heartbeats(), [5_001, 10_002, 15_003]);
}

#[test]
fn s25_the_interval_counts_from_the_answer_to_the_last_beat() {
    let mut context = beating_between_fetches();
    context.brokers.heartbeats = false;
    context.advance(5_001);
    context.advance(20);
    context.answer_heartbeat(ErrorCode::None);
    let fetch_returns = |context: &mut TestContext, ms| {
        context.advance(ms);
        context.records(0, 1);
        context.input(Input::ProcessingDone);
    };
    fetch_returns(&mut context, 2_990);
    assert_eq!(context.heartbeats(), [5_001], "3,010 ms after the beat, 2,990 ms after its answer");
    fetch_returns(&mut context, 20);
    assert_eq!(context.heartbeats(), [5_001, 8_031]);
}

#[test]
fn after_unknown_member_id_some_try_their_old_id_first() {
    let mut context = TestContext::stable(
        library(|of| {
            of.joins_with_the_old_id = true;
            of.rejoin.retry = JoinRetry::StartsOver { ms: 5_000 }; // 33
        }),
        &[0],
    );
    context.brokers.heartbeat_error = ErrorCode::UnknownMemberId;
    context.advance(3_000);
    let (sent, join) = context.take_join();
    assert_eq!(join.member_id.as_str(), "worker-1");
    context.answer(&sent, join_failed(ErrorCode::UnknownMemberId));
    context.advance(4_999);
    assert_eq!(context.joins().len(), 3);
    context.advance(1);
    let (_, join) = context.take_join();
    assert!(join.member_id.is_unknown());
}

#[test]
fn s10_a_session_timer_of_its_own_loses_the_partitions_without_asking() {
    let mut settings = library(|of| of.session_timer = SessionTimer::Loses);
    settings.config.session_timeout_ms = 6_000;
    let mut context = TestContext::stable(settings, &[0]);
    context.pause(8_000);
    assert_eq!(context.callbacks().last(), Some(&(Callback::Lost, vec![0])));
    assert!(context.take_join().1.member_id.is_unknown());
}

#[test]
fn the_end_of_the_poll_interval_is_seen_when_the_library_looks() {
    let left = |poll_interval| {
        let mut settings = library(|of| of.poll_interval = poll_interval);
        settings.config.max_poll_interval_ms = 10_100;
        let mut context = TestContext::stable(settings, &[0]);
        context.records(0, 1);
        context.advance(30_000);
        context.sent_at(|request| matches!(request, Request::LeaveGroup(_)))
    };
    assert_eq!(left(PollInterval::Leaves), [10_100]);
    assert_eq!(left(PollInterval::LeavesChecked { every_ms: 500 }), [10_500]);
    assert_eq!(left(PollInterval::LeavesAtHeartbeat), [12_000]); // 35
    assert!(left(PollInterval::Unlimited).is_empty());
}

#[test]
fn s37_who_gives_up_unpolled_does_so_at_once_and_joins_with_the_next_poll() {
    let mut settings = library(|of| {
        of.application = ApplicationThread::Beside;
        of.gives_up_unpolled = true;
        of.lost_callback = LostCallback::Revoked;
    });
    settings.config.max_poll_interval_ms = 10_000;
    let mut context = TestContext::stable(settings, &[0]);
    context.records(0, 1);
    context.advance(10_001);
    assert_eq!(context.callbacks().last(), Some(&(Callback::Revoked, vec![0])));
    context.advance(5_000);
    assert_eq!(context.joins().len(), 2);
    context.input(Input::ProcessingDone);
    assert_eq!(context.joins().len(), 3);
}

#[test]
fn a_thread_that_looks_only_so_often_joins_some_time_after_the_application_polls_again() {
    let mut settings = library(|of| {
        of.application = ApplicationThread::Beside;
        of.gives_up_unpolled = true;
        of.rejoin.unpolled_within_ms = 1_000;
    });
    settings.config.max_poll_interval_ms = 10_000;
    let mut context = TestContext::stable(settings, &[0]);
    context.records(0, 1);
    context.advance(15_000);
    context.input(Input::ProcessingDone);
    context.advance(490);
    assert_eq!(context.joins().len(), 2);
    context.advance(20);
    assert_eq!(context.joins().len(), 3);
}

#[test]
fn s17_a_beat_may_be_repeated_before_the_application_hears_of_the_loss() {
    let failure = HeartbeatFailure::EndsAfterMs(750);
    let mut context = TestContext::stable(library(|of| of.heartbeat_failure = failure), &[0]);
    fail_a_heartbeat(&mut context);
    context.advance(700);
    assert_eq!(context.callbacks().last(), Some(&(Callback::Assigned, vec![0])));
    context.advance(60);
    assert_eq!(context.callbacks().last(), Some(&(Callback::Lost, vec![0])), "though no coordinator is known");
}

/// The broker goes away while a heartbeat is under way.
fn fail_a_heartbeat(context: &mut TestContext) {
    context.brokers.heartbeats = false;
    context.advance(3_100);
    context.brokers.accept = false;
    context.brokers.data = false;
    let connection =
        context.sent.iter().rfind(|sent| matches!(sent.request, Request::Heartbeat(_))).unwrap().connection;
    context.input(Input::Disconnected(connection));
}

#[test]
fn s17_a_heartbeat_without_an_answer_can_end_the_membership() {
    let mut context = TestContext::stable(library(|of| of.heartbeat_failure = HeartbeatFailure::Ends), &[0]);
    fail_a_heartbeat(&mut context);
    context.advance(200);
    assert_eq!(context.consumer.generation(), Generation::NONE);
    assert_eq!(context.consumer.member_id().as_str(), "worker-1");
    assert_eq!(context.callbacks().last(), Some(&(Callback::Lost, vec![0])), "though no coordinator is known");
    assert!(context.consumer.assigned().is_empty());
}

#[test]
fn a_rebalance_timeout_of_its_own_goes_into_the_join() {
    let context = TestContext::stable(library(|of| of.rebalance_timeout = RebalanceTimeout::Own(60_000)), &[0]);
    assert_eq!(context.joins()[0].rebalance_timeout_ms, 60_000);
    let context = TestContext::stable(library(|of| of.rebalance_timeout = RebalanceTimeout::Session), &[0]);
    assert_eq!(context.joins()[0].rebalance_timeout_ms, 45_000);
}

#[test]
fn s34a_a_subscription_that_is_cut_short_claims_a_version_that_it_does_not_fill() {
    let format = SubscriptionFormat { version: 1, cut_short: true };
    let context = TestContext::stable(library(|of| of.subscription = format), &[0]);
    let bytes = &context.joins()[0].protocols[0].metadata;
    assert_eq!(bytes[..2], [0, 1]);
    assert!(crate::protocol::subscription::ConsumerProtocolSubscription::decode(bytes).is_err());
}

#[test]
fn heartbeats_stop_when_the_membership_is_lost() {
    let mut context = TestContext::stable(library(|of| of.rejoin.after_loss_ms = 250), &[0]);
    context.brokers.heartbeat_error = ErrorCode::UnknownMemberId;
    context.advance(3_249);
    assert_eq!(context.joins().len(), 2);
    assert_eq!(context.callbacks().last(), Some(&(Callback::Lost, vec![0])));
    context.advance(1);
    assert_eq!((context.joins().len(), context.heartbeats().len()), (3, 1));
    assert_eq!(context.count(|event| matches!(event, ClientEvent::GenerationReset { .. })), 1);
}

#[test]
fn the_pause_after_a_loss_begins_when_the_application_hears_of_it() {
    let mut settings = library(|of| of.application = ApplicationThread::BesideUntilPoll);
    settings.behaviour.rejoin.after_loss_ms = 250;
    let mut context = TestContext::stable(settings, &[0]);
    context.records(0, 1);
    context.brokers.heartbeat_error = ErrorCode::UnknownMemberId;
    context.advance(10_000);
    assert_eq!(context.joins().len(), 2);
    context.input(Input::ProcessingDone);
    assert_eq!(context.callbacks().last(), Some(&(Callback::Lost, vec![0])));
    context.advance(249);
    assert_eq!(context.joins().len(), 2);
    context.advance(1);
    assert_eq!(context.joins().len(), 3);
}

#[test]
fn a_join_beside_a_busy_application_does_not_count_as_a_poll() {
    let mut settings = library(|of| {
        of.application = ApplicationThread::Beside;
        of.gives_up_unpolled = true;
    });
    settings.config.max_poll_interval_ms = 10_000;
    let mut context = TestContext::stable(settings, &[0]);
    context.records(0, 1);
    rebalancing(&mut context);
    context.brokers.heartbeat_error = ErrorCode::None;
    context.join(2, &[0]);
    context.advance(6_990);
    assert_eq!(context.count(|event| matches!(event, ClientEvent::LeaveGroup { .. })), 0);
    context.advance(20);
    assert_eq!(context.count(|event| matches!(event, ClientEvent::LeaveGroup { .. })), 1);
}

#[test]
fn a_session_that_is_looked_at_after_a_beat_drops_the_coordinator_only_when_that_fails() {
    let settings = || library(|of| of.session_timer = SessionTimer::DropsCoordinatorAfterBeat);
    let lookups = |context: &TestContext| context.sent_at(|sent| matches!(sent, Request::FindCoordinator { .. })).len();
    for (error, looked_up) in [(ErrorCode::None, 1), (ErrorCode::UnknownMemberId, 2)] {
        let mut context = TestContext::stable(settings(), &[0]);
        context.brokers.heartbeat_error = error;
        context.pause(50_000);
        context.advance(2_000);
        assert_eq!(lookups(&context), looked_up, "{error}");
    }
}
