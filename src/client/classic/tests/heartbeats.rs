//! When heartbeats are sent, and what their answers do.

use super::context::*;
use crate::client::{Behaviour, ClientEvent, Connection, RevocationCommit};
use crate::engine::SimDuration;
use crate::protocol::{BrokerId, ErrorCode, Generation};

#[test]
fn t1_a_member_learns_of_a_rebalance_by_its_next_heartbeat() {
    let mut context = TestContext::stable(settings(), &[0]);
    context.brokers.heartbeats = false;
    context.advance(2_999);
    assert!(context.pending.is_empty());
    context.advance(1);
    context.answer_heartbeat(ErrorCode::RebalanceInProgress);
    let (_, join) = context.take_join();
    assert_eq!(join.reason.as_deref(), Some("group is already rebalancing"));
}

#[test]
fn t2_a_member_that_works_joins_with_its_next_poll_and_beats_on_meanwhile() {
    let mut context = TestContext::stable(settings(), &[0]);
    context.advance(1_000);
    context.records(0, 1);
    context.forget();
    context.brokers.heartbeat_error = ErrorCode::RebalanceInProgress;
    context.advance(10_000);
    assert_eq!(context.heartbeats().len(), 3);
    assert!(context.joins().is_empty());
    context.input(crate::client::Input::ProcessingDone);
    assert_eq!(context.joins().len(), 1);
    // the answers kept the session alive as the client sees it
    assert_eq!(context.count(|event| matches!(event, ClientEvent::CoordinatorUnknown { .. })), 0);
}

#[test]
fn t3_no_heartbeat_is_sent_while_a_join_group_is_under_way() {
    let mut context = TestContext::started(settings());
    context.advance(20_000);
    assert!(context.heartbeats().is_empty());
}

#[test]
fn t4_the_first_heartbeat_of_a_generation_is_sent_an_interval_after_the_join_group_answer() {
    let mut context = TestContext::started(settings());
    context.advance(1_234);
    context.answer_join(1);
    context.advance(500);
    context.answer_sync(&[0]);
    context.advance(10_000);
    assert_eq!(context.heartbeats(), [4_234, 7_234, 10_234]);
}

#[test]
fn t5_clients_before_2_7_send_no_heartbeat_between_join_and_sync_later_ones_do() {
    let mut old = settings();
    old.behaviour.heartbeat_while_completing = false;
    for (settings, beats) in [(old, 0), (settings(), 3)] {
        let mut context = TestContext::started(settings);
        context.answer_join(1);
        context.advance(10_000);
        assert_eq!(context.heartbeats().len(), beats);
        context.answer_sync(&[0]);
        context.advance(3_000);
        assert_eq!(context.heartbeats().len(), beats + 1);
    }
}

#[test]
fn t6_a_rebalance_told_by_a_heartbeat_before_the_sync_answer_is_ignored() {
    let mut context = TestContext::started(settings());
    context.brokers.heartbeat_error = ErrorCode::RebalanceInProgress;
    context.answer_join(1);
    context.forget();
    context.advance(3_500);
    assert_eq!(context.heartbeats().len(), 1);
    assert_eq!(context.count(|event| matches!(event, ClientEvent::RejoinRequested { .. })), 0);
    context.answer_sync(&[0]);
    assert!(context.joins().is_empty());
    assert_eq!(context.owned(), [0]);
}

#[test]
fn t7_the_next_heartbeat_goes_out_even_if_the_last_one_is_unanswered() {
    let mut context = TestContext::stable(settings(), &[0]);
    context.brokers.heartbeats = false;
    context.advance(10_000);
    assert_eq!(context.heartbeats(), [3_000, 6_000, 9_000]);
}

#[test]
fn t8_while_the_application_works_a_heartbeat_is_up_to_100_ms_late() {
    let mut context = TestContext::stable(settings(), &[0]);
    context.advance(1_030);
    context.records(0, 1);
    context.advance(6_000);
    // the slices of the heartbeat thread go on from when `poll` returned
    assert_eq!(context.heartbeats(), [3_030, 6_030]);
}

#[test]
fn t9_in_a_poll_without_end_the_poll_interval_never_passes() {
    let mut settings = settings();
    settings.config.max_poll_interval_ms = 10_000;
    settings.application.poll_timeout = SimDuration::from_secs(1_000_000);
    let mut context = TestContext::stable(settings, &[0]);
    context.advance(100_000);
    assert_eq!(context.count(|event| matches!(event, ClientEvent::LeaveGroup { .. })), 0);
    assert_eq!(context.heartbeats().len(), 33);
}

#[test]
fn t15_without_an_answer_for_the_session_timeout_the_coordinator_is_dropped_and_the_generation_kept() {
    let mut settings = settings();
    settings.config.session_timeout_ms = 10_000;
    let mut context = TestContext::stable(settings, &[0]);
    context.brokers.heartbeats = false;
    context.brokers.data = false;
    context.advance(9_999);
    assert_eq!(context.count(|event| matches!(event, ClientEvent::CoordinatorUnknown { .. })), 0);
    context.advance(101);
    let cause = "session timed out without receiving a heartbeat response";
    assert!(context.events().contains(&ClientEvent::CoordinatorUnknown { cause: cause.into() }));
    assert!(context.pending.iter().all(|sent| sent.connection != COORDINATOR));
    assert_eq!(context.consumer.generation(), Generation(1));
    assert_eq!(context.owned(), [0]);
}

#[test]
fn t16_finding_the_coordinator_restarts_the_session_as_the_client_sees_it() {
    let mut settings = settings();
    settings.config.session_timeout_ms = 10_000;
    let mut context = TestContext::stable(settings, &[0]);
    context.brokers.heartbeats = false;
    context.advance(40_000);
    let lost = context.log.iter().filter(|(_, output)| {
        matches!(output, crate::client::Output::Event(ClientEvent::CoordinatorUnknown { cause })
            if cause.starts_with("session timed out"))
    });
    let times: Vec<u64> = lost.map(|(at, _)| at.0 / 1_000_000).collect();
    assert_eq!(times.len(), 3, "{times:?}");
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= 10_000), "{times:?}");
}

#[test]
fn t17_a_coordinator_that_moved_is_found_and_gets_heartbeats_of_the_same_generation() {
    let mut context = TestContext::stable(settings(), &[0]);
    context.brokers.coordinator = BrokerId(1);
    context.brokers.heartbeats = false;
    context.advance(3_000);
    context.answer_heartbeat(ErrorCode::NotCoordinator);
    context.advance(1_000);
    let sent = context.take_heartbeat();
    assert_eq!(sent.connection, Connection::Coordinator(BrokerId(1)));
    assert_eq!(context.consumer.generation(), Generation(1));
    assert_eq!(context.joins().len(), 2, "no join but the first");
}

#[test]
fn t56_a_fenced_static_member_throws_out_of_poll_and_joins_again_if_it_polls_again() {
    let mut settings = settings();
    settings.config.group_instance_id = Some("i-1".into());
    let mut context = TestContext::stable(settings, &[0]);
    context.brokers.heartbeats = false;
    context.advance(3_000);
    context.forget();
    context.answer_heartbeat(ErrorCode::FencedInstanceId);
    assert_eq!(context.exceptions(), [("poll", "FencedInstanceIdException")]);
    context.advance(1_000);
    let join = &context.joins()[0];
    assert!(join.member_id.is_unknown());
    assert_eq!(join.reason.as_deref(), Some("encountered FENCED_INSTANCE_ID from HEARTBEAT response"));
}

#[test]
fn an_illegal_generation_keeps_the_member_id_since_3_2() {
    let mut old = settings();
    old.behaviour.keeps_member_id_on_illegal_generation = false;
    for (settings, kept) in [(settings(), true), (old, false)] {
        let mut context = TestContext::stable(settings, &[0]);
        context.brokers.heartbeats = false;
        context.advance(3_000);
        context.answer_heartbeat(ErrorCode::IllegalGeneration);
        let (_, join) = context.take_join();
        assert_eq!(!join.member_id.is_unknown(), kept);
    }
}

#[test]
fn before_kip_62_a_member_that_works_sends_no_heartbeat() {
    let mut old = settings();
    old.behaviour = Behaviour {
        heartbeat_thread: false,
        heartbeat_while_completing: false,
        polls_during_join: false,
        revocation_commit: RevocationCommit::Sync,
        ..Behaviour::default()
    };
    let mut context = TestContext::stable(old, &[0]);
    context.advance(10_000);
    assert_eq!(context.heartbeats(), [3_000, 6_000, 9_000]);
    context.records(0, 1);
    context.advance(20_000);
    assert_eq!(context.heartbeats().len(), 3);
    context.input(crate::client::Input::ProcessingDone);
    assert_eq!(context.heartbeats(), [3_000, 6_000, 9_000, 30_000]);
}
