//! Members that the group lost: what the coordinator said, and what it really was.

use super::story::{GROUP, Story, group};
use crate::analysis::Outcome;
use crate::analysis::outcome::{Removal, RemovalKind};
use crate::coordinator::CoordinatorEvent;
use crate::engine::{Distribution, SimDuration};
use crate::scenario::checked::FaultKind;
use crate::trace::StopKind;

fn removals(outcome: &Outcome) -> &[Removal] {
    &outcome.group(GROUP).unwrap().removals
}

#[test]
fn a_crash_is_detected_after_a_time() {
    let mut story = Story::new(2, 2);
    story.forms_at(1.0);
    story.at(10.0).crashes(1).at(43.5).fails(1);
    let outcome = story.ends_at(60.0);
    assert_eq!(
        (removals(&outcome)[0].kind, removals(&outcome)[0].detection_s),
        (RemovalKind::CrashDetected, Some(33.5))
    );
    assert_eq!((outcome.totals.detection.count, outcome.totals.detection.max), (1, Some(33.5)));
    assert_eq!(outcome.totals.false_expulsions, 0);
}

#[test]
fn a_living_member_that_is_removed_is_a_false_expulsion_with_the_fault_that_caused_it() {
    let length = Distribution::Constant(SimDuration::from_secs(50));
    let mut story =
        Story::new(2, 2).with_fault("gc_pause worker-1 50s", FaultKind::GcPause { consumers: vec![1], length });
    story.forms_at(1.0);
    story.at(10.0).fault(0, "worker-1").pauses(1).at(52.0).fails(1);
    story.at(60.0).resumes(1).fault_over(0, "worker-1");
    let outcome = story.ends_at(70.0);
    let removal = &removals(&outcome)[0];
    assert_eq!((removal.kind, removal.host_paused), (RemovalKind::FalseExpulsion, true));
    assert_eq!(removal.fault.as_deref(), Some("gc_pause worker-1 50s"));
    assert_eq!((outcome.totals.false_expulsions, outcome.totals.detection.count), (1, 0));
}

#[test]
fn members_that_miss_the_rebalance_timeout_or_the_sync_timeout_are_expelled_too() {
    let mut story = Story::new(3, 3);
    story.forms_at(1.0);
    let (first, second) = (vec![story.id(1)], vec![story.id(2)]);
    story.at(310.0).coordinator(CoordinatorEvent::DynamicMembersRemoved { group: group(), members: first });
    story.at(610.0).coordinator(CoordinatorEvent::PendingSyncExpired { group: group(), members: second });
    assert_eq!(story.ends_at(700.0).totals.false_expulsions, 2);
}

#[test]
fn a_member_that_gives_up_by_itself_is_no_false_expulsion() {
    let mut story = Story::new(2, 2);
    story.forms_at(1.0);
    story.at(301.0).leaves(1, "consumer poll timeout has expired.");
    let outcome = story.ends_at(400.0);
    assert_eq!(removals(&outcome)[0].kind, RemovalKind::PollIntervalExceeded);
    assert_eq!((outcome.totals.false_expulsions, outcome.totals.poll_interval_exceeded), (0, 1));
}

#[test]
fn the_ghost_of_a_restarted_process_is_a_detected_crash() {
    let mut story = Story::new(2, 2);
    story.forms_at(1.0);
    let ghost = story.id(1);
    story.at(10.0).crashes(1).at(12.0).starts(1).sends_join(1).is_added(1);
    story.at(44.0).coordinator(CoordinatorEvent::MemberFailed { group: group(), member: ghost, reason: "".into() });
    let outcome = story.ends_at(60.0);
    assert_eq!(
        (removals(&outcome)[0].kind, removals(&outcome)[0].detection_s),
        (RemovalKind::CrashDetected, Some(34.0))
    );
}

#[test]
fn an_id_that_its_process_no_longer_uses_is_no_false_expulsion() {
    let mut story = Story::new(2, 2);
    story.forms_at(1.0);
    let old = story.id(1);
    story
        .at(10.0)
        .client(1, crate::client::ClientEvent::JoinGroupSent { member: "worker-1-new".into(), reason: "".into() });
    story.at(44.0).coordinator(CoordinatorEvent::MemberFailed { group: group(), member: old, reason: "".into() });
    let outcome = story.ends_at(60.0);
    assert_eq!(removals(&outcome)[0].kind, RemovalKind::OldMemberId);
    assert_eq!(outcome.totals.false_expulsions, 0);
}

#[test]
fn a_member_that_was_closed_without_leaving_is_neither_crashed_nor_expelled() {
    let mut story = Story::new(2, 2).with_static_members();
    story.forms_at(1.0);
    story.at(10.0).stops(1, StopKind::Closed).at(55.0).fails(1);
    let outcome = story.ends_at(60.0);
    assert_eq!(removals(&outcome)[0].kind, RemovalKind::StoppedWithoutLeaving);
    assert_eq!((outcome.totals.false_expulsions, outcome.totals.detection.count), (0, 0));
}
