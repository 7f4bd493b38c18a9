//! Who held the barrier, with which phase and which setting; and what members did meanwhile.

use super::story::{GROUP, Story, group};
use crate::analysis::outcome::{Barrier, BarrierPhase, ReasonClass, Rebalance, RebalanceEnd, TriggerKind};
use crate::analysis::{Outcome, outcome::MemberPhases};
use crate::client::Callback;
use crate::coordinator::CoordinatorEvent;
use crate::engine::{Distribution, SimDuration};
use crate::protocol::Generation;
use crate::scenario::checked::FaultKind;

/// The n-th rebalance, counted from 1.
fn rebalance(outcome: &Outcome, number: usize) -> &Rebalance {
    &outcome.group(GROUP).unwrap().rebalances[number - 1]
}

fn barrier(outcome: &Outcome, number: usize) -> &Barrier {
    rebalance(outcome, number).barrier.as_ref().unwrap()
}

fn member<'o>(outcome: &'o Outcome, number: usize, name: &str) -> &'o MemberPhases {
    rebalance(outcome, number).members.iter().find(|member| member.consumer == name).unwrap()
}

/// Three members own a partition each; worker-0 asks for a rebalance at second 10.
fn three_members() -> Story {
    let mut story = Story::new(3, 3);
    story.forms_at(1.0);
    story
}

fn leader_rejoins(story: &mut Story) {
    story.at(10.0).gives_up(0, &[0]).sends_join(0);
    story.prepares(
        "Stable",
        "Leader worker-0-1 re-joining group during Stable; client reason: cached metadata has changed",
    );
    story.parks(0);
}

fn arrives(story: &mut Story, consumer: u32) {
    story.gives_up(consumer, &[consumer]).sends_join(consumer).parks(consumer);
}

#[test]
fn the_initial_delay_holds_the_barrier_of_the_first_rebalance() {
    let outcome = three_members().ends_at(20.0);
    let first = barrier(&outcome, 1);
    assert_eq!((first.holder.as_deref(), first.phase), (None, BarrierPhase::InitialDelay));
    assert_eq!(first.setting.as_deref(), Some("group.initial.rebalance.delay.ms"));
    assert_eq!(first.setting_value, Some(3_000));
}

#[test]
fn without_an_initial_delay_the_last_to_arrive_held_it() {
    let mut story = three_members();
    story.scenario.cluster.config.group_initial_rebalance_delay_ms = 0;
    assert_eq!(barrier(&story.ends_at(20.0), 1).holder.as_deref(), Some("worker-2"));
}

#[test]
fn a_member_that_learns_last_is_bound_by_its_heartbeat_interval() {
    let mut story = three_members();
    leader_rejoins(&mut story);
    story.at(10.5).notices(1);
    arrives(&mut story, 1);
    story.at(12.9).notices(2);
    arrives(&mut story, 2);
    story.completes_at(12.9);
    let outcome = story.ends_at(20.0);
    let barrier = barrier(&outcome, 2);
    assert_eq!((barrier.holder.as_deref(), barrier.phase), (Some("worker-2"), BarrierPhase::Discover));
    assert_eq!((barrier.phase_s, barrier.waited_s), (2.9, 2.4));
    assert_eq!((barrier.setting.as_deref(), barrier.setting_value), (Some("heartbeat.interval.ms"), Some(3_000)));
    assert_eq!(rebalance(&outcome, 2).join_phase_s, Some(2.9));
    assert_eq!(outcome.totals.barrier_holders["worker-2"], 1);
}

#[test]
fn a_member_that_must_finish_its_batch_is_bound_by_the_poll_interval() {
    let mut story = three_members();
    story.at(9.0).takes(2, 2, 0, 100);
    leader_rejoins(&mut story);
    story.at(10.5).notices(1);
    arrives(&mut story, 1);
    story.at(12.0).notices(2);
    story.at(52.0).processed(2, 2, 0, 100).polls(2);
    arrives(&mut story, 2);
    story.completes_at(52.0);
    let outcome = story.ends_at(60.0);
    let barrier = barrier(&outcome, 2);
    assert_eq!((barrier.holder.as_deref(), barrier.phase), (Some("worker-2"), BarrierPhase::FinishBatch));
    assert_eq!((barrier.setting.as_deref(), barrier.setting_value), (Some("max.poll.interval.ms"), Some(300_000)));
    assert_eq!(
        barrier.text,
        "worker-2 held the barrier: it had to finish its batch first, after 40.0 s (max.poll.interval.ms 300000)"
    );
    let phases = member(&outcome, 2, "worker-2");
    assert!(phases.held_barrier);
    assert_eq!((phases.discover_s, phases.finish_batch_s), (Some(2.0), Some(40.0)));
    assert_eq!((phases.prepare_s, phases.rejoin_s, phases.wait_s), (Some(0.0), Some(0.0), Some(0.0)));
    assert_eq!(member(&outcome, 2, "worker-1").wait_s, Some(41.5));
}

#[test]
fn a_slow_listener_call_is_told_as_prepare() {
    let mut story = three_members();
    leader_rejoins(&mut story);
    story.at(10.5).notices(1);
    arrives(&mut story, 1);
    story.notices(2).callback(2, Callback::Revoked, &[2]);
    story.at(15.5).callback_ends(2, Callback::Revoked).is_assigned(2, &[]).sends_join(2).parks(2);
    story.completes_at(15.5);
    let outcome = story.ends_at(60.0);
    let barrier = barrier(&outcome, 2);
    assert_eq!(
        (barrier.holder.as_deref(), barrier.phase, barrier.phase_s),
        (Some("worker-2"), BarrierPhase::Prepare, 5.0)
    );
}

#[test]
fn the_fault_that_hit_the_holder_is_named() {
    let length = Distribution::Constant(SimDuration::from_secs(8));
    let kind = FaultKind::GcPause { consumers: vec![2], length };
    let mut story = Story::new(3, 3).with_fault("gc_pause worker-2 8s", kind);
    story.forms_at(1.0);
    leader_rejoins(&mut story);
    story.at(10.1).fault(0, "worker-2").pauses(2);
    story.at(10.5).notices(1);
    arrives(&mut story, 1);
    story.at(18.1).fault_over(0, "worker-2").resumes(2).notices(2);
    arrives(&mut story, 2);
    story.completes_at(18.1);
    assert_eq!(barrier(&story.ends_at(60.0), 2).fault.as_deref(), Some("gc_pause worker-2 8s"));
}

#[test]
fn a_member_that_never_comes_holds_it_until_its_session_or_the_rebalance_timeout_runs_out() {
    for (by_session, phase, setting) in [
        (true, BarrierPhase::SessionTimeout, ("session.timeout.ms", 45_000)),
        (false, BarrierPhase::RebalanceTimeout, ("max.poll.interval.ms", 300_000)),
    ] {
        let mut story = three_members();
        story.at(9.0).crashes(2);
        leader_rejoins(&mut story);
        story.at(10.5).notices(1);
        arrives(&mut story, 1);
        story.at(40.0);
        if by_session {
            story.fails(2);
        } else {
            let members = vec![story.id(2)];
            story.coordinator(CoordinatorEvent::DynamicMembersRemoved { group: group(), members });
        }
        story.completes_with(40.0, &[0, 1]);
        let outcome = story.ends_at(60.0);
        let barrier = barrier(&outcome, 2);
        assert_eq!((barrier.holder.as_deref(), barrier.phase), (Some("worker-2"), phase));
        assert_eq!((barrier.setting.as_deref(), barrier.setting_value), (Some(setting.0), Some(setting.1)));
        assert_eq!((barrier.phase_s, barrier.waited_s), (30.0, 29.5));
    }
}

#[test]
fn a_static_member_that_stays_away_at_the_rebalance_timeout_held_it_although_it_remains() {
    let mut story = Story::new(3, 3).with_static_members();
    story.forms_at(1.0);
    leader_rejoins(&mut story);
    story.at(10.5).notices(1);
    arrives(&mut story, 1);
    story.at(310.0).stabilizes(0, 3);
    let outcome = story.ends_at(320.0);
    let barrier = barrier(&outcome, 2);
    assert_eq!((barrier.holder.as_deref(), barrier.phase), (Some("worker-2"), BarrierPhase::RebalanceTimeout));
    assert_eq!(member(&outcome, 2, "worker-2").parked_s, None);
}

#[test]
fn a_rebalance_tells_reason_trigger_times_and_end() {
    let mut story = three_members();
    leader_rejoins(&mut story);
    story.at(11.0).notices(1).notices(2);
    arrives(&mut story, 1);
    arrives(&mut story, 2);
    story.at(11.5).stabilizes(0, 3).joins(0).joins(1).joins(2);
    story.at(12.0).assigns(0);
    story.at(12.25).gets(0, &[0]).gets(1, &[1]);
    story.at(13.0).gets(2, &[2]);
    let outcome = story.ends_at(60.0);
    let second = rebalance(&outcome, 2);
    assert_eq!((second.reason_class, second.trigger.kind), (ReasonClass::LeaderRejoined, TriggerKind::MetadataChanged));
    assert_eq!(second.trigger.consumer.as_deref(), Some("worker-0"));
    assert_eq!((second.from_state.as_str(), second.old_generation, second.generation), ("Stable", 1, Some(2)));
    assert_eq!(
        (second.preparing_s, second.stabilized_s, second.assignment_received_s, second.stable_s, second.applied_s),
        (10.0, Some(11.5), Some(12.0), Some(12.0), Some(13.0))
    );
    assert_eq!((second.join_phase_s, second.latency_s), (Some(1.5), Some(2.0)));
    assert_eq!((second.end, second.members_count), (RebalanceEnd::Completed, 3));
    assert_eq!((second.leader.as_deref(), second.protocol.as_deref()), (Some("worker-0"), Some("range")));
    assert_eq!(member(&outcome, 2, "worker-2").sync_s, Some(1.5));
    // worker-0's partition from 10 on, the others' from 11 on, each until it is owned again.
    assert_eq!(second.paused_partition_seconds, 2.25 + 1.25 + 2.0);
    assert_eq!(outcome.totals.rebalance_latency.max, Some(2.0));
}

#[test]
fn a_rebalance_that_is_overtaken_is_told_so() {
    let mut story = three_members();
    leader_rejoins(&mut story);
    story.at(11.0).notices(1).notices(2);
    arrives(&mut story, 1);
    arrives(&mut story, 2);
    story.at(11.5).stabilizes(0, 3).joins(0).joins(1).joins(2);
    story.crashes(2).at(56.5).fails(2);
    story.prepares("CompletingRebalance", "removing member worker-2-1 on heartbeat expiration.");
    story.sends_join(0).parks(0).sends_join(1).parks(1).completes_with(57.0, &[0, 1]);
    let outcome = story.ends_at(60.0);
    assert_eq!(rebalance(&outcome, 2).end, RebalanceEnd::Superseded);
    assert_eq!(rebalance(&outcome, 3).end, RebalanceEnd::Completed);
    assert_eq!(rebalance(&outcome, 3).trigger.kind, TriggerKind::CrashDetected);
    assert_eq!((outcome.totals.rebalances, outcome.totals.rebalances_superseded), (3, 1));
}

#[test]
fn the_last_member_leaves_an_empty_group_behind() {
    let mut story = Story::new(1, 1);
    story.forms_at(1.0);
    story.at(10.0).leaves(0, "the consumer is being closed");
    story.prepares("Stable", "explicit `LeaveGroup` request for (worker-0-1) members.");
    story.coordinator(CoordinatorEvent::Empty { group: group(), generation: Generation(2) });
    let outcome = story.ends_at(20.0);
    let second = rebalance(&outcome, 2);
    assert_eq!((second.end, second.generation, second.latency_s), (RebalanceEnd::GroupEmpty, Some(2), None));
    assert_eq!((second.trigger.kind, second.barrier.as_ref()), (TriggerKind::Closed, None));
}

#[test]
fn triggers_tell_a_start_from_a_return() {
    let mut story = three_members();
    story.at(301.0).leaves(2, "consumer poll timeout has expired.");
    story.prepares("Stable", "explicit `LeaveGroup` request for (worker-2-1) members.");
    story.notices(0).notices(1);
    arrives(&mut story, 0);
    arrives(&mut story, 1);
    story.completes_with(302.0, &[0, 1]);
    story.at(400.0).polls(2).sends_join(2).is_added(2);
    let reason = story.joining(2);
    story.prepares("Stable", &reason);
    let outcome = story.ends_at(410.0);
    let kinds: Vec<_> = (1..=3).map(|number| rebalance(&outcome, number).trigger.kind).collect();
    assert_eq!(kinds, [TriggerKind::ProcessStarted, TriggerKind::PollIntervalExceeded, TriggerKind::Returned]);
    assert_eq!(rebalance(&outcome, 3).end, RebalanceEnd::Unfinished);
}
