//! What both threads do after all of the process stood still.

use super::context::*;
use crate::client::{Callback, ClientEvent, ConsumerSettings, Input, Output};
use crate::protocol::message::Request;
use crate::protocol::{ErrorCode, Generation};

fn short_session() -> ConsumerSettings {
    let mut settings = settings();
    settings.config.session_timeout_ms = 10_000;
    settings.config.heartbeat_interval_ms = 3_000;
    settings
}

fn millis_of(context: &TestContext, which: impl Fn(&ClientEvent) -> bool) -> Vec<u64> {
    let at = |(at, output): &(crate::engine::SimTime, Output)| match output {
        Output::Event(event) if which(event) => Some(at.0 / 1_000_000),
        _ => None,
    };
    context.log.iter().filter_map(at).collect()
}

#[test]
fn t18_after_a_pause_shorter_than_the_session_one_late_heartbeat_goes_out_at_once() {
    for race in [0.1, 0.5, 0.99] {
        let mut context = TestContext::stable(short_session(), &[0]);
        context.advance(4_000);
        context.forget();
        context.random.push_back(race);
        context.pause(5_000);
        context.advance(100);
        assert_eq!(context.heartbeats(), [9_000]);
        assert!(millis_of(&context, |event| matches!(event, ClientEvent::CoordinatorUnknown { .. })).is_empty());
        assert_eq!(context.consumer.generation(), Generation(1));
    }
}

/// A member that was expelled while it stood still for 12 s, from 4 s on; ends 1 s after the resume. All random numbers
/// are the one that decides which thread goes first.
fn expelled(race: f64) -> TestContext {
    let mut context = TestContext::stable(short_session(), &[0]);
    context.advance(4_000);
    context.forget();
    context.brokers.heartbeat_error = ErrorCode::UnknownMemberId;
    context.random.extend([race; 100]);
    context.pause(12_000);
    context.advance(1_000);
    context
}

#[test]
fn t19_after_a_pause_longer_than_the_session_the_coordinator_is_dropped_before_any_heartbeat() {
    for race in [0.1, 0.5] {
        let context = expelled(race);
        let dropped = millis_of(&context, |event| matches!(event, ClientEvent::CoordinatorUnknown { .. }));
        assert_eq!(dropped[0], 16_000);
        let lookups = context.sent_at(|request| matches!(request, Request::FindCoordinator { .. }));
        assert!(lookups.len() >= 2, "the first answer is dropped: {lookups:?}");
        assert!(context.heartbeats()[0] > 16_000);
        assert_eq!(context.callbacks(), [(Callback::Lost, vec![0])]);
        assert!(context.joins()[0].member_id.is_unknown());
    }
}

#[test]
fn t19_the_heartbeat_thread_first_finds_the_coordinator_after_one_backoff() {
    let context = expelled(0.1);
    let beat = context.heartbeats()[0] - 16_000;
    assert!((80..=200).contains(&beat), "{beat}");
}

#[test]
fn t19_a_fetch_sent_on_waking_holds_the_second_lookup_up() {
    let context = expelled(0.5);
    let beat = context.heartbeats()[0] - 16_000;
    assert!((500..=620).contains(&beat), "{beat}");
}

#[test]
fn t20_after_a_pause_beyond_both_limits_the_coordinator_is_found_again_before_the_member_leaves() {
    let mut settings = short_session();
    settings.config.max_poll_interval_ms = 11_000;
    let mut context = TestContext::stable(settings, &[0]);
    context.advance(1_000);
    context.records(0, 1);
    context.forget();
    context.pause(15_000);
    context.advance(1_000);
    let order: Vec<&str> = context
        .events()
        .iter()
        .filter_map(|event| match event {
            ClientEvent::CoordinatorUnknown { .. } => Some("dropped"),
            ClientEvent::CoordinatorFound { .. } => Some("found"),
            ClientEvent::LeaveGroup { sent: true, .. } => Some("left"),
            _ => None,
        })
        .collect();
    assert_eq!(order, ["dropped", "found", "left"]);
}

#[test]
fn answers_that_came_in_during_a_pause_are_read_before_the_session_is_looked_at() {
    let mut context = TestContext::stable(short_session(), &[0]);
    context.brokers.heartbeats = false;
    context.advance(3_000);
    let beat = context.take_heartbeat();
    context.input(Input::Paused);
    let answer = crate::protocol::message::HeartbeatResponse { error: ErrorCode::None };
    context.answer(&beat, crate::protocol::message::Response::Heartbeat(answer));
    context.now = ms(14_000);
    context.random.push_back(0.1);
    context.input(Input::Resumed);
    assert_eq!(context.count(|event| matches!(event, ClientEvent::CoordinatorUnknown { .. })), 0);
}
