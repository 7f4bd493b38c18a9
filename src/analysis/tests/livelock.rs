//! Groups that do not come to rest, and groups that do.

use super::story::{Story, group};
use crate::analysis::outcome::{Livelock, LivelockCause};
use crate::client::ClientEvent;
use crate::coordinator::CoordinatorEvent;
use crate::engine::{Distribution, SimDuration};
use crate::protocol::ErrorCode;
use crate::scenario::checked::FaultKind;
use crate::trace::ConsumerIndex;

/// worker-1 works on one batch of 420 s after the other, against a poll interval of 300 s, so many times.
fn slow_batches(story: &mut Story, times: u32) -> f64 {
    let mut start = 10.0;
    for _ in 0..times {
        story.at(start).takes(1, 1, 0, 1);
        story.at(start + 300.0).leaves(1, "consumer poll timeout has expired.");
        story.prepares("Stable", "explicit `LeaveGroup` request for (worker-1-1) members.");
        story.notices(0).gives_up(0, &[0]).sends_join(0).parks(0).completes_with(start + 301.0, &[0]);
        story.at(start + 420.0).processed(1, 1, 0, 1).polls(1).sends_join(1).is_added(1);
        let reason = story.joining(1);
        story.prepares("Stable", &reason).parks(1);
        story.notices(0).gives_up(0, &[0, 1]).sends_join(0).parks(0).completes_at(start + 420.5);
        start += 421.0;
    }
    start
}

fn only(livelocks: &[Livelock]) -> &Livelock {
    assert_eq!(livelocks.len(), 1, "{livelocks:?}");
    &livelocks[0]
}

#[test]
fn batches_that_exceed_the_poll_interval_again_and_again_are_a_livelock_with_its_cause() {
    let mut story = Story::new(2, 2);
    story.forms_at(1.0);
    let end = slow_batches(&mut story, 4);
    let outcome = story.ends_at(end);
    let livelock = only(&outcome.livelocks);
    assert_eq!(livelock.cause, LivelockCause::BatchExceedsPollInterval);
    assert_eq!(livelock.consumer.as_deref(), Some("worker-1"));
    assert_eq!((livelock.rebalances, livelock.period_s, livelock.until_end), (8, 421.0, true));
    assert_eq!((livelock.from_s, livelock.to_s), (310.0, 10.0 + 3.0 * 421.0 + 420.0));
    assert_eq!(
        livelock.text,
        "worker-1 leaves every 421.0 s because its batch needs 420.0 s and max.poll.interval.ms is 300000"
    );
}

#[test]
fn a_livelock_that_ends_is_told_as_over() {
    let mut story = Story::new(2, 2);
    story.forms_at(1.0);
    slow_batches(&mut story, 4);
    assert!(!only(&story.ends_at(20_000.0).livelocks).until_end);
}

#[test]
fn one_slow_batch_is_no_livelock() {
    let mut story = Story::new(2, 2);
    story.forms_at(1.0);
    let end = slow_batches(&mut story, 2);
    assert_eq!(story.ends_at(end).livelocks, []);
}

#[test]
fn slow_batches_that_a_fault_causes_are_no_livelock() {
    let length = Distribution::Constant(SimDuration::from_secs(420));
    let mut story =
        Story::new(2, 2).with_fault("stall", FaultKind::PollStall { consumers: vec![1], length, commit: false });
    story.forms_at(1.0);
    story.at(5.0).fault(0, "worker-1");
    let end = slow_batches(&mut story, 6);
    assert_eq!(story.ends_at(end).livelocks, []);
}

#[test]
fn members_that_live_and_are_removed_all_the_time_have_too_short_a_session() {
    let mut story = Story::new(2, 2).with(|consumer| consumer.config.session_timeout_ms = 6_000);
    story.forms_at(1.0);
    let mut start = 10.0;
    for _ in 0..5 {
        story.at(start).fails(1).prepares("Stable", "removing member worker-1-1 on heartbeat expiration.");
        story.notices(0).gives_up(0, &[0]).sends_join(0).parks(0).completes_with(start + 1.0, &[0]);
        story.at(start + 2.0).sends_join(1).is_added(1);
        let reason = story.joining(1);
        story.prepares("Stable", &reason).parks(1);
        story.notices(0).gives_up(0, &[0, 1]).sends_join(0).parks(0).completes_at(start + 3.0);
        start += 20.0;
    }
    let outcome = story.ends_at(start);
    let livelock = only(&outcome.livelocks);
    assert_eq!((livelock.cause, livelock.period_s), (LivelockCause::SessionTooShort, 20.0));
}

#[test]
fn attempts_that_time_out_all_the_time_have_too_short_a_request_timeout() {
    let mut story = Story::new(2, 2);
    story.forms_at(1.0);
    for round in 0..6 {
        let reason = "Updating metadata for member worker-1-1 during CompletingRebalance; client reason: rebalance failed due to DisconnectException";
        story.at(10.0 + 30.0 * f64::from(round)).sends_join(1).prepares("CompletingRebalance", reason);
        story.stabilizes(0, 2);
    }
    assert_eq!(only(&story.ends_at(200.0).livelocks).cause, LivelockCause::RequestTimeoutTooShort);
}

#[test]
fn attempts_that_time_out_within_one_rebalance_have_too_short_a_request_timeout() {
    let attempts = |lasting: f64, error: ErrorCode| {
        let mut story = Story::new(2, 2);
        story.forms_at(1.0);
        for round in 0..6 {
            let begun = 10.0 + 40.0 * f64::from(round);
            story.at(begun).sends_join(1);
            let failed = ClientEvent::RebalanceFailed { error };
            story.at(begun + lasting).client(1, failed);
        }
        story.ends_at(300.0).livelocks
    };
    let livelocks = attempts(30.0, ErrorCode::NetworkException);
    assert_eq!(only(&livelocks).cause, LivelockCause::RequestTimeoutTooShort);
    assert_eq!(only(&livelocks).period_s, 40.0);
    let early = attempts(29.0, ErrorCode::NetworkException);
    assert!(early.is_empty(), "ended by something else than the client's own timeout of 30 s");
    let answered = attempts(40.0, ErrorCode::RebalanceInProgress);
    assert!(answered.is_empty(), "the coordinator's answer after a long join phase is no timeout");
}

#[test]
fn a_leader_that_is_removed_while_it_assigns_takes_too_long_for_its_assignment() {
    let mut story = Story::new(2, 2);
    story.forms_at(1.0);
    for round in 0..5 {
        story.at(60.0 + 60.0 * f64::from(round)).fails(0);
        story.prepares("CompletingRebalance", "removing member worker-0-1 on heartbeat expiration.");
        story.sends_join(0).is_added(0).stabilizes(0, 2);
    }
    assert_eq!(only(&story.ends_at(400.0).livelocks).cause, LivelockCause::AssignmentTooSlow);
}

#[test]
fn follow_up_rebalances_without_end_show_an_assignor_that_oscillates() {
    let reason =
        "Leader worker-0-1 re-joining group during Stable; client reason: need to revoke partitions and re-join";
    let follow_ups = |story: &mut Story, rounds: u32, from: f64| {
        for round in 0..rounds {
            story.at(from + 3.0 * f64::from(round)).sends_join(0).prepares("Stable", reason);
            story.stabilizes(0, 2);
        }
    };
    let mut endless = Story::new(2, 2);
    endless.forms_at(1.0);
    follow_ups(&mut endless, 6, 10.0);
    assert_eq!(only(&endless.ends_at(40.0).livelocks).cause, LivelockCause::AssignorOscillates);

    let mut rollout = Story::new(2, 2);
    rollout.forms_at(1.0);
    for start in [10.0, 20.0, 30.0, 40.0] {
        rollout.at(start).starts(1).sends_join(1).is_added(1);
        let joining = rollout.joining(1);
        rollout.prepares("Stable", &joining).stabilizes(0, 2);
        follow_ups(&mut rollout, 2, start + 3.0);
    }
    assert_eq!(rollout.ends_at(60.0).livelocks, [], "each follow-up has a start of a process before it");
}

#[test]
fn two_processes_with_one_instance_id_fence_each_other() {
    let mut story = Story::new(2, 2).with(|consumer| consumer.config.group_instance_id = Some("i".into()));
    story.forms_at(1.0);
    for round in 0..6u32 {
        let newcomer = round % 2;
        let (old, new) = (story.id(1 - newcomer), format!("i-{round}").as_str().into());
        let old = if round == 0 { old } else { format!("i-{}", round - 1).as_str().into() };
        story.at(10.0 + 3.0 * f64::from(round));
        story.event(crate::trace::Event::Client {
            consumer: ConsumerIndex(newcomer),
            event: ClientEvent::JoinGroupSent { member: "".into(), reason: "".into() },
        });
        story.coordinator(CoordinatorEvent::StaticMemberReplaced {
            group: group(),
            instance: "i".into(),
            old,
            new,
            state: "Stable",
        });
        story.joins_as(newcomer, &format!("i-{round}"));
    }
    let outcome = story.ends_at(40.0);
    let livelock = only(&outcome.livelocks);
    assert_eq!((livelock.cause, livelock.rebalances, livelock.period_s), (LivelockCause::DuplicateInstanceId, 6, 6.0));
}
