//! The measures of live recordings.

use super::story::Story;
use crate::analysis::Analysis;
use crate::client::Callback;
use crate::engine::SimTime;
use crate::scenario::checked::FaultKind;

fn crash() -> Story {
    let kind = FaultKind::Crash { consumers: vec![1], restart_after: None };
    let mut story = Story::new(2, 2).with_fault("crash worker-1", kind);
    story.forms_at(1.0);
    story.at(10.0).fault(0, "worker-1").crashes(1).fault_over(0, "worker-1");
    story.at(15.0).fails(1).prepares("Stable", "removing member worker-1-1 on heartbeat expiration.");
    story.at(17.0).notices(0).gives_up(0, &[0]).sends_join(0).parks(0).completes_with(17.5, &[0]);
    story
}

#[test]
fn measures_are_taken_from_the_first_fault_on() {
    let measured = crash().ends_at(60.0).measured;
    assert_eq!((measured.reference_ms, measured.rebalances_before), (10_000.0, 1));
    assert_eq!((measured.detect_ms, measured.detect_by.as_deref()), (Some(5_000.0), Some("MemberFailed")));
    assert_eq!(measured.notice_ms["worker-0"], 2_000.0);
    assert_eq!(measured.settled_ms, Some(7_500.0));
    assert_eq!((measured.unavailable_ms["orders-0"], measured.unavailable_ms["orders-1"]), (500.0, 7_500.0));
    assert_eq!((measured.unavailable_max_ms, measured.unavailable_partition_ms), (7_500.0, 8_000.0));
    let [rebalance] = &measured.rebalances[..] else { panic!("{:?}", measured.rebalances) };
    assert_eq!((rebalance.at_ms, rebalance.join_ms, rebalance.latency_ms), (15_000.0, Some(2_500.0), Some(2_500.0)));
}

#[test]
fn a_cold_start_is_measured_from_the_start_of_the_run() {
    let mut story = Story::new(1, 2);
    story.forms_at(3.0);
    let measured = story.ends_at(60.0).measured;
    assert_eq!((measured.reference_ms, measured.settled_ms), (0.0, Some(3_010.0)));
    assert_eq!(measured.unavailable_partition_ms, 2.0 * 3_010.0);
    assert_eq!((measured.detect_ms, measured.rebalances.len()), (None, 1));
}

#[test]
fn the_reference_can_be_given() {
    let mut story = crash();
    story.ends_at(60.0);
    let reference = SimTime(12_000_000_000);
    let measured = story.outcome_of(Analysis::with_reference(&story.scenario, Some(reference))).measured;
    assert_eq!((measured.reference_ms, measured.detect_ms), (12_000.0, Some(3_000.0)));
    assert_eq!(measured.unavailable_ms["orders-1"], 5_500.0);
    assert_eq!(measured.rebalances_before, 1);
}

#[test]
fn what_is_unavailable_after_everything_settled_does_not_count_unless_a_pause_ends_it() {
    let mut story = crash();
    story.at(30.0).pauses(0).at(31.0).resumes(0);
    story.at(40.0).crashes(0);
    let measured = story.ends_at(60.0).measured;
    assert_eq!(measured.unavailable_ms["orders-0"], 500.0 + 1_000.0);
}

#[test]
fn two_processes_that_believe_to_own_a_partition_are_counted_while_both_run() {
    let mut story = Story::new(2, 2);
    story.forms_at(0.0);
    story.at(10.0).is_assigned(0, &[0, 1]).at(12.0).pauses(1).at(13.0).resumes(1);
    story.at(14.0).callback(1, Callback::Lost, &[1]).callback_ends(1, Callback::Lost);
    assert_eq!(story.ends_at(60.0).measured.double_owner_partition_ms, 3_000.0);
}
