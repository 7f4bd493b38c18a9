//! Which partitions stand still, since when, until when, and why.

use super::story::{GROUP, Story, group};
use crate::analysis::Outcome;
use crate::analysis::outcome::{GroupOutcome, PauseCause};
use crate::client::{Callback, ClientEvent};
use crate::coordinator::CoordinatorEvent;
use crate::engine::{Distribution, SimDuration};
use crate::protocol::{BrokerId, GroupInstanceId, TopicPartition};
use crate::scenario::checked::{Direction, FaultKind, LinkSet};
use crate::trace::{ConsumerIndex, Event, StopKind};

fn of_group(outcome: &Outcome) -> &GroupOutcome {
    outcome.group(GROUP).unwrap()
}

/// Partition-seconds of a cause.
fn paused(outcome: &Outcome, cause: PauseCause) -> f64 {
    of_group(outcome).totals.paused_partition_seconds_by_cause.get(&cause).copied().unwrap_or(0.0)
}

/// The causes that occurred after the group was formed, with their partition-seconds to the millisecond.
fn causes(outcome: &Outcome) -> Vec<(PauseCause, f64)> {
    let forming = [PauseCause::Startup, PauseCause::InitialDelay];
    let by_cause = &of_group(outcome).totals.paused_partition_seconds_by_cause;
    let later = by_cause.iter().filter(|(cause, _)| !forming.contains(cause));
    later.map(|(cause, seconds)| (*cause, (seconds * 1e3).round() / 1e3)).collect()
}

fn assert_causes_add_up(outcome: &Outcome) {
    let group = of_group(outcome);
    let sum: f64 = group.totals.paused_partition_seconds_by_cause.values().sum();
    assert!((sum - group.totals.paused_partition_seconds).abs() < 1e-6);
    let listed: f64 = group.pauses.iter().map(|pause| pause.to_s - pause.from_s).sum();
    assert!((listed - group.totals.paused_partition_seconds).abs() < 1e-6, "{listed}");
    let by_partition: f64 = group.partitions.iter().map(|partition| partition.paused_s).sum();
    assert!((by_partition - group.totals.paused_partition_seconds).abs() < 1e-6);
    assert!((group.totals.pause.total - group.totals.paused_partition_seconds).abs() < 1e-6);
}

#[test]
fn a_cold_start_stands_still_for_startup_and_the_initial_delay() {
    let mut story = Story::new(1, 4);
    story.at(2.0).starts(0);
    story.at(2.5).sends_join(0).is_added(0);
    let reason = story.joining(0);
    story.prepares("Empty", &reason).parks(0);
    story.at(5.5).stabilizes(0, 1).joins(0);
    story.at(5.6).assigns(0);
    story.at(5.7).gets(0, &[0, 1, 2, 3]);
    let outcome = story.ends_at(60.0);
    assert_eq!(paused(&outcome, PauseCause::Startup), 4.0 * 0.5);
    assert_eq!(paused(&outcome, PauseCause::InitialDelay), 4.0 * 3.0);
    assert_eq!(causes(&outcome), [(PauseCause::Assignment, 0.8)]);
    assert_causes_add_up(&outcome);
}

#[test]
fn ordinary_processing_is_no_pause_however_long_the_batch() {
    let mut story = Story::new(1, 2);
    story.forms_at(1.0);
    story.at(2.0).takes(0, 0, 0, 500);
    story.at(290.0).processed(0, 0, 0, 500).polls(0);
    assert_eq!(causes(&story.ends_at(400.0)), []);
}

#[test]
fn a_crash_stands_still_undetected_until_the_session_runs_out_then_for_the_barrier() {
    let mut story = Story::new(2, 6);
    story.forms_at(1.0);
    story.at(10.0).crashes(1);
    story.at(40.0).fails(1).prepares("Stable", "removing member worker-1-1 on heartbeat expiration.");
    story.at(42.0).notices(0).gives_up(0, &[0, 1, 2]).sends_join(0);
    story.at(42.5).parks(0);
    story.completes_with(42.6, &[0]);
    let outcome = story.ends_at(60.0);
    // worker-1's partitions from the expulsion on, worker-0's from their revocation on.
    assert_eq!(causes(&outcome), [(PauseCause::UndetectedFailure, 90.0), (PauseCause::Barrier, 7.8 + 1.8)]);
    assert_eq!(of_group(&outcome).totals.pause.max, Some(32.6));
    assert_causes_add_up(&outcome);
}

#[test]
fn a_paused_host_stops_its_own_partitions_only() {
    let mut story = Story::new(2, 6);
    story.forms_at(1.0);
    story.at(10.0).pauses(1).at(14.0).resumes(1);
    let outcome = story.ends_at(60.0);
    assert_eq!(causes(&outcome), [(PauseCause::HostPause, 12.0)]);
    assert_eq!(of_group(&outcome).totals.unavailable_partition_seconds - 6.0 * 0.01, 12.0);
}

#[test]
fn a_paused_host_that_is_expelled_is_blamed_until_then_and_the_barrier_after() {
    let mut story = Story::new(2, 2);
    story.forms_at(1.0);
    story.at(10.0).pauses(1);
    story.at(16.0).fails(1).prepares("Stable", "removing member worker-1-1 on heartbeat expiration.");
    story.at(17.0).notices(0).gives_up(0, &[0]).sends_join(0).parks(0).completes_with(17.0, &[0]);
    story.at(20.0).resumes(1);
    let outcome = story.ends_at(60.0);
    assert_eq!(causes(&outcome), [(PauseCause::Barrier, 1.0), (PauseCause::HostPause, 6.0)]);
    assert_eq!(
        of_group(&outcome).totals.double_owned_partition_seconds,
        40.0,
        "the zombie believes to own its partition"
    );
}

#[test]
fn a_stuck_poll_thread_is_a_slow_batch_from_when_the_poll_interval_is_exceeded() {
    let mut story = Story::new(2, 2);
    story.forms_at(1.0);
    story.at(2.0).takes(1, 1, 0, 10);
    story.at(301.0).leaves(1, "consumer poll timeout has expired.");
    story.prepares("Stable", "explicit `LeaveGroup` request for (worker-1-1) members.");
    story.at(303.0).notices(0).gives_up(0, &[0]).sends_join(0).parks(0).completes_with(303.0, &[0]);
    story.at(400.0).processed(1, 1, 0, 10).polls(1).callback(1, Callback::Lost, &[1]);
    story.callback_ends(1, Callback::Lost);
    let outcome = story.ends_at(450.0);
    // The coordinator no longer counts on it: what its partition waits for is the barrier.
    assert_eq!(causes(&outcome), [(PauseCause::Barrier, 2.0)]);
    assert_eq!(of_group(&outcome).totals.double_owned_partition_seconds, 97.0);
}

#[test]
fn a_static_member_beyond_its_poll_interval_keeps_its_place_and_its_partition_stands_still() {
    let mut story = Story::new(2, 2).with_static_members();
    story.forms_at(1.0);
    story.at(2.0).takes(1, 1, 0, 10);
    let reason = "consumer poll timeout has expired.";
    story.at(301.0).client(1, ClientEvent::LeaveGroup { reason: reason.into(), sent: false });
    story.at(331.0).processed(1, 1, 0, 10).polls(1);
    assert_eq!(causes(&story.ends_at(340.0)), [(PauseCause::SlowBatch, 30.0)]);
}

#[test]
fn a_poll_stall_is_a_slow_batch_from_its_beginning() {
    let mut story = Story::new(2, 6);
    story.forms_at(1.0);
    let length = SimDuration::from_secs(7);
    story.at(5.0).event(Event::PollStalled { consumer: ConsumerIndex(0), length }).takes(0, 0, 0, 1);
    story.at(12.0).processed(0, 0, 0, 1).polls(0);
    assert_eq!(causes(&story.ends_at(20.0)), [(PauseCause::SlowBatch, 21.0)]);
}

#[test]
fn listener_calls_stop_what_is_given_up_and_what_is_kept() {
    let mut story = Story::new(2, 4);
    story.forms_at(1.0);
    // Cooperative: worker-0 gives up partition 1 and keeps partition 0.
    story.at(10.0).callback(0, Callback::Revoked, &[1]);
    story.at(12.0).callback_ends(0, Callback::Revoked).is_assigned(0, &[0]);
    let outcome = story.ends_at(20.0);
    assert_eq!(paused(&outcome, PauseCause::Callback), 4.0);
    assert_eq!(paused(&outcome, PauseCause::Unassigned), 8.0);
    assert_eq!(of_group(&outcome).totals.unowned_partition_seconds, 4.0 * 0.01 + 10.0);
}

#[test]
fn a_partition_moves_on_only_when_its_position_is_known() {
    let mut story = Story::new(1, 1);
    story.at(1.0).starts(0).sends_join(0).is_added(0);
    let reason = story.joining(0);
    story.prepares("Empty", &reason).parks(0);
    story.at(4.0).stabilizes(0, 1).joins(0).assigns(0).gets_without_positions(0, &[0]);
    story.at(4.3).positions(0, 0, 17);
    assert_eq!(causes(&story.ends_at(10.0)), [(PauseCause::Position, 0.3)]);
}

#[test]
fn a_static_member_that_restarts_in_time_costs_the_time_it_is_down() {
    let mut story = Story::new(2, 6).with_static_members();
    story.forms_at(1.0);
    story.at(10.0).callback(1, Callback::Revoked, &[3, 4, 5]).callback_ends(1, Callback::Revoked);
    story.stops(1, StopKind::Closed);
    let old = story.id(1);
    story.at(15.0).starts(1).client(1, ClientEvent::JoinGroupSent { member: "".into(), reason: "".into() });
    let new = story.id(1);
    story.coordinator(CoordinatorEvent::StaticMemberReplaced {
        group: group(),
        instance: GroupInstanceId::from("i-1"),
        old,
        new,
        state: "Stable",
    });
    story.at(15.5).joins(1).gets(1, &[3, 4, 5]);
    let outcome = story.ends_at(60.0);
    assert_eq!(causes(&outcome), [(PauseCause::Assignment, 1.5), (PauseCause::ProcessDown, 15.0)]);
    assert_eq!(of_group(&outcome).totals.rebalances, 1);
    assert_causes_add_up(&outcome);
}

#[test]
fn a_group_without_any_process_is_down() {
    let mut story = Story::new(1, 2);
    story.forms_at(1.0);
    story.at(10.0).callback(0, Callback::Revoked, &[0, 1]).callback_ends(0, Callback::Revoked);
    story.leaves(0, "the consumer is being closed");
    story.prepares("Stable", "explicit `LeaveGroup` request for (worker-0-1) members.");
    story.coordinator(CoordinatorEvent::Empty { group: group(), generation: crate::protocol::Generation(2) });
    story.stops(0, StopKind::Closed);
    story.at(13.0).starts(0);
    let outcome = story.ends_at(14.0);
    assert_eq!(causes(&outcome), [(PauseCause::ProcessDown, 6.0)]);
    assert_eq!(paused(&outcome, PauseCause::Startup), 2.0);
}

#[test]
fn a_cut_link_stops_the_owner_behind_it_but_not_if_only_the_coordinator_is_cut_off() {
    for coordinator_only in [false, true] {
        let links =
            LinkSet { consumers: vec![1], brokers: vec![BrokerId(0)], direction: Direction::Both, coordinator_only };
        let length = Distribution::Constant(SimDuration::from_secs(5));
        let mut story = Story::new(2, 6).with_fault("hole", FaultKind::BlackHole { links, length });
        story.forms_at(1.0);
        story.at(10.0).fault(0, "cluster").at(15.0).fault_over(0, "cluster");
        let expected = if coordinator_only { vec![] } else { vec![(PauseCause::Network, 15.0)] };
        assert_eq!(causes(&story.ends_at(20.0)), expected);
    }
}

#[test]
fn without_a_coordinator_what_has_no_owner_waits_for_it() {
    let mut story = Story::new(2, 2);
    story.scenario.cluster.brokers = 2;
    story.forms_at(1.0);
    story.at(10.0).crashes(1);
    let partition = crate::protocol::java_hash::coordinator_partition(GROUP, 50);
    story.at(12.0).event(Event::CoordinatorMoved { partition, from: BrokerId(0), to: BrokerId(1) });
    story
        .at(13.0)
        .event(Event::Coordinator { broker: BrokerId(1), event: CoordinatorEvent::Loaded { groups: 1, records: 10 } });
    let outcome = story.ends_at(20.0);
    let expected = [(PauseCause::UndetectedFailure, 2.0 + 7.0), (PauseCause::CoordinatorUnavailable, 1.0)];
    assert_eq!(causes(&outcome), expected);
}

#[test]
fn new_partitions_stand_still_until_somebody_knows_of_them() {
    let mut story = Story::new(1, 2);
    story.forms_at(1.0);
    story.at(10.0).event(Event::PartitionsAdded { partitions: vec![TopicPartition::new("orders", 2)] });
    story.at(70.0).client(0, ClientEvent::RejoinRequested { reason: "cached metadata has changed".into() });
    story.gives_up(0, &[0, 1]).sends_join(0);
    story.prepares(
        "Stable",
        "Leader worker-0-1 re-joining group during Stable; client reason: cached metadata has changed",
    );
    story.parks(0).stabilizes(0, 1).joins(0).assigns(0).gets(0, &[0, 1, 2]);
    let outcome = story.ends_at(100.0);
    assert_eq!(causes(&outcome), [(PauseCause::Unassigned, 60.0)]);
    assert!(outcome.invariants_hold());
    assert_eq!(of_group(&outcome).partitions.len(), 3);
}

#[test]
fn a_member_that_died_with_its_join_parked_leaves_its_share_to_an_undetected_failure() {
    let mut story = Story::new(2, 2);
    story.forms_at(1.0);
    story.at(10.0).sends_join(0).notices(0).gives_up(0, &[0]).notices(1).gives_up(1, &[1]).sends_join(1);
    story.prepares("Stable", "Leader worker-0-1 re-joining group during Stable; client reason: x").parks(0).parks(1);
    story.at(12.0).crashes(1);
    story.at(13.0).stabilizes(0, 2).joins(0).assigns(0).gets(0, &[0]);
    let outcome = story.ends_at(20.0);
    assert_eq!(causes(&outcome), [(PauseCause::UndetectedFailure, 7.0), (PauseCause::Barrier, 6.0)]);
}

#[test]
fn ownership_is_told_by_spans_with_generation_and_end() {
    let mut story = Story::new(2, 2);
    story.forms_at(1.0);
    story.at(10.0).crashes(1);
    let outcome = story.ends_at(20.0);
    let spans = &of_group(&outcome).ownership;
    assert_eq!(spans.len(), 2);
    let told = |number: usize| {
        let span = &spans[number];
        (&*span.partition, &*span.consumer, span.generation, span.from_s, span.to_s)
    };
    assert_eq!(told(0), ("orders-1", "worker-1", 1, 1.01, 10.0));
    assert_eq!(told(1), ("orders-0", "worker-0", 1, 1.01, 20.0));
    assert_eq!(spans[0].ended, crate::analysis::outcome::SpanEnd::ProcessGone);
    assert_eq!(spans[1].ended, crate::analysis::outcome::SpanEnd::RunEnd);
}
