//! `close()` with each option.

use super::context::*;
use crate::client::{Callback, ClientEvent, CloseOption, ConsumerSettings, Input, Output};
use crate::protocol::ErrorCode;
use crate::protocol::message::Request;

fn auto() -> ConsumerSettings {
    let mut settings = settings();
    settings.config.enable_auto_commit = true;
    settings
}

fn is_leave(request: &Request) -> bool {
    matches!(request, Request::LeaveGroup(_))
}

fn is_closed(context: &TestContext) -> bool {
    context.log.iter().any(|(_, output)| matches!(output, Output::Closed))
}

#[test]
fn t45_close_commits_then_revokes_then_leaves() {
    let mut context = TestContext::stable(auto(), &[0]);
    context.brokers.commits = false;
    context.callbacks_return = false;
    context.forget();
    context.close(CloseOption::Default);
    assert!(context.callbacks().is_empty());
    let (sent, commit) = context.take_commit();
    context.answer_commit(&sent, &commit, ErrorCode::None);
    assert_eq!(context.callbacks(), [(Callback::Revoked, vec![0])]);
    assert!(context.sent_at(is_leave).is_empty());
    context.input(Input::CallbackDone);
    assert_eq!(context.sent_at(is_leave).len(), 1);
    let reason = "the consumer is being closed".into();
    assert!(context.events().contains(&ClientEvent::LeaveGroup { reason, sent: true }));
    context.advance(500);
    assert!(is_closed(&context));
}

#[test]
fn t46_a_static_member_or_one_told_to_remain_sends_no_leave_group() {
    let mut fixed = auto();
    fixed.config.group_instance_id = Some("i-1".into());
    let mut streams = auto();
    streams.config.leave_group_on_close = false;
    for (settings, option, revoked) in [
        (fixed, CloseOption::Default, true),
        (streams, CloseOption::Default, false),
        (auto(), CloseOption::RemainInGroup, true),
    ] {
        let mut context = TestContext::stable(settings, &[0]);
        context.forget();
        context.close(option);
        context.advance(1_000);
        assert!(context.sent_at(is_leave).is_empty());
        assert_eq!(context.callbacks().len(), usize::from(revoked));
        assert_eq!(context.sent_at(|request| matches!(request, Request::OffsetCommit(_))).len(), 1);
        assert!(is_closed(&context));
    }
}

#[test]
fn a_static_member_that_is_told_to_leave_leaves() {
    let mut settings = auto();
    settings.config.group_instance_id = Some("i-1".into());
    let mut context = TestContext::stable(settings, &[0]);
    context.close(CloseOption::LeaveGroup);
    assert_eq!(context.sent_at(is_leave).len(), 1);
}

#[test]
fn close_comes_with_the_next_return_of_poll() {
    let mut context = TestContext::stable(settings(), &[0]);
    context.advance(30);
    context.forget();
    context.input(Input::Close(CloseOption::Default));
    assert!(context.sent_at(is_leave).is_empty());
    context.advance(70);
    assert_eq!(context.sent_at(is_leave), [100]);
}

#[test]
fn a_member_that_closes_while_its_join_is_parked_loses_its_partitions() {
    let mut context = TestContext::stable(cooperative(), &[0]);
    context.brokers.heartbeat_error = ErrorCode::RebalanceInProgress;
    context.advance(3_000);
    context.forget();
    context.close(CloseOption::Default);
    assert_eq!(context.callbacks(), [(Callback::Lost, vec![0])]);
    assert_eq!(context.sent_at(is_leave).len(), 1);
    // the broker reads LeaveGroup behind the parked JoinGroup: here it answers neither
    context.brokers.leave = false;
    context.advance(31_000);
    assert!(is_closed(&context));
}

#[test]
fn close_waits_for_the_answer_to_leave_group_and_for_the_parked_fetch() {
    let mut context = TestContext::stable(settings(), &[0]);
    context.brokers.leave = false;
    context.advance(150);
    context.close(CloseOption::Default);
    context.advance(1_000);
    assert!(!is_closed(&context));
    let sent = context.take(|request| is_leave(request).then_some(())).unwrap().0;
    let answer = crate::protocol::message::LeaveGroupResponse { error: ErrorCode::None, members: Vec::new() };
    context.answer(&sent, crate::protocol::message::Response::LeaveGroup(answer));
    context.advance(10);
    assert!(is_closed(&context));
}

#[test]
fn a_client_that_ends_no_fetch_sessions_closes_while_its_fetch_is_parked() {
    let mut settings = settings();
    settings.behaviour.closes_fetch_sessions = false;
    let mut context = TestContext::stable(settings, &[0]);
    context.advance(150);
    context.close(CloseOption::Default);
    assert!(is_closed(&context));
}
