//! Every invariant holds in a plain run, and each can fail.

use super::story::{Story, group};
use crate::analysis::Outcome;
use crate::client::interface::Api;
use crate::client::{ClientEvent, CommitStrategy};
use crate::coordinator::CoordinatorEvent;
use crate::protocol::{ErrorCode, Generation};
use crate::trace::StopKind;

/// Two members, four partitions, some work.
fn plain() -> Story {
    let mut story = Story::new(2, 4).with(|consumer| {
        consumer.config.enable_auto_commit = false;
        consumer.commit = CommitStrategy::SyncAfterBatch;
    });
    story.forms_at(1.0);
    story.at(5.0).takes(0, 0, 0, 10).at(6.0).processed(0, 0, 0, 10).commits(0, 0, 10).polls(0);
    story.heartbeat(0, ErrorCode::None).heartbeat(1, ErrorCode::None);
    story
}

/// The names of the invariants that do not hold.
fn violated(outcome: &Outcome) -> Vec<&str> {
    let violated = outcome.invariants.iter().filter(|invariant| invariant.violations_total > 0);
    violated.map(|invariant| invariant.name.as_str()).collect()
}

#[test]
fn a_plain_run_violates_nothing_and_checks_most() {
    let outcome = plain().ends_at(60.0);
    assert_eq!(violated(&outcome), [""; 0]);
    assert!(outcome.invariants_hold());
    let unchecked: Vec<_> = outcome.invariants.iter().filter(|i| i.checks == 0).map(|i| i.name.as_str()).collect();
    assert_eq!(unchecked, ["session_is_not_cut_short", "stable_group_owns_everything"]);
}

#[test]
fn time_that_goes_back_is_noticed() {
    let mut story = plain();
    story.at(20.0).polls(0).at(19.0).polls(0);
    assert_eq!(violated(&story.ends_at(60.0)), ["time_never_goes_back"]);
}

#[test]
fn two_owners_in_one_generation_are_noticed() {
    let mut story = plain();
    story.at(20.0).is_assigned(1, &[1, 2, 3]);
    let outcome = story.ends_at(60.0);
    assert_eq!(violated(&outcome), ["one_owner_per_generation"]);
    let text = &outcome.invariants[1].violations[0].text;
    assert_eq!(text, "orders-1 belongs to worker-0 and to worker-1 in generation 1");
}

#[test]
fn a_zombie_of_an_older_generation_is_not_a_second_owner() {
    let mut story = plain();
    story.at(60.0).fails(1).prepares("Stable", "removing member worker-1-1 on heartbeat expiration.");
    story.notices(0).gives_up(0, &[0, 1]).sends_join(0).parks(0).completes_with(61.0, &[0]);
    assert_eq!(violated(&story.ends_at(90.0)), [""; 0]);
}

#[test]
fn a_generation_that_goes_back_is_noticed() {
    let mut story = plain();
    story.at(20.0).coordinator(CoordinatorEvent::Stabilized {
        group: group(),
        generation: Generation(1),
        members: 2,
        leader: "worker-0-1".into(),
        protocol: "range".into(),
    });
    assert_eq!(violated(&story.ends_at(60.0)), ["generation_never_goes_back"]);
}

#[test]
fn an_answer_that_nobody_asked_for_is_noticed() {
    for api in [Api::Heartbeat, Api::JoinGroup] {
        let mut story = plain();
        let error = ErrorCode::None;
        story.at(20.0).client(0, ClientEvent::ResponseHandled { api, error, latency_ns: 1 });
        assert_eq!(violated(&story.ends_at(60.0)), ["no_response_without_request"]);
    }
    let mut story = plain();
    let (generation, member) = (Generation(2), story.id(0));
    story.at(20.0).client(0, ClientEvent::Synced { generation, member, rebalance_latency_ns: 1 });
    assert_eq!(violated(&story.ends_at(60.0)), ["no_response_without_request"]);
}

#[test]
fn a_stable_group_that_rebalances_out_of_the_blue_is_noticed() {
    let mut story = plain();
    story.at(20.0).prepares("Stable", "for fun");
    assert_eq!(violated(&story.ends_at(60.0)), ["stable_group_stays_stable"]);
    let mut story = plain();
    story.at(20.0).sends_join(0).prepares("Stable", "Leader worker-0-1 re-joining group during Stable");
    assert_eq!(violated(&story.ends_at(60.0)), [""; 0]);
}

#[test]
fn a_session_that_is_cut_short_is_noticed() {
    let mut story = plain();
    story.at(20.0).heartbeat(1, ErrorCode::None).at(64.9).fails(1);
    assert_eq!(violated(&story.ends_at(80.0)), ["session_is_not_cut_short"]);
    let mut story = plain();
    story.at(20.0).heartbeat(1, ErrorCode::None).at(65.0).fails(1);
    assert_eq!(violated(&story.ends_at(80.0)), [""; 0]);
}

#[test]
fn a_join_phase_beyond_the_rebalance_timeout_is_noticed() {
    for (end, expected) in [(320.0, vec![]), (322.0, vec!["join_phase_within_rebalance_timeout"])] {
        let mut story = plain();
        story.at(20.0).sends_join(0).prepares("Stable", "Leader worker-0-1 re-joining group during Stable");
        story.at(end).stabilizes(0, 2);
        assert_eq!(violated(&story.ends_at(400.0)), expected);
    }
}

#[test]
fn a_commit_beyond_what_was_processed_is_noticed_with_manual_commits_only() {
    let mut story = plain();
    story.at(20.0).commits(0, 0, 11);
    assert_eq!(violated(&story.ends_at(60.0)), ["commits_within_processed"]);
    let mut story = Story::new(2, 4);
    story.forms_at(1.0);
    story.at(20.0).commits(0, 0, 11);
    assert_eq!(violated(&story.ends_at(60.0)), [""; 0]);
}

#[test]
fn a_partition_that_a_stable_group_forgets_is_noticed_after_the_metadata_age() {
    for (second, expected) in [(310.0, vec![]), (330.0, vec!["stable_group_owns_everything"])] {
        let mut story = plain();
        story.at(20.0).is_assigned(0, &[0]);
        assert_eq!(violated(&story.ends_at(second)), expected);
    }
    let mut story = plain();
    story.at(20.0).is_assigned(0, &[0]).stops(0, StopKind::Closed).stops(1, StopKind::Closed);
    assert_eq!(violated(&story.ends_at(900.0)), [""; 0], "nobody is there to own it");
}

#[test]
fn records_of_a_partition_that_the_consumer_does_not_own_are_noticed() {
    let mut story = plain();
    story.at(20.0).takes(0, 3, 0, 1);
    assert_eq!(violated(&story.ends_at(60.0)), ["records_only_to_owners"]);
}

#[test]
fn records_that_are_left_out_or_given_twice_are_noticed() {
    for from in [9, 11] {
        let mut story = plain();
        story.at(20.0).takes(0, 0, from, 1);
        assert_eq!(violated(&story.ends_at(60.0)), ["no_record_skipped"]);
    }
    let mut story = plain();
    story.at(20.0).takes(0, 0, 10, 5).at(21.0).processed(0, 0, 10, 5).takes(0, 0, 15, 1);
    assert_eq!(violated(&story.ends_at(60.0)), [""; 0]);
}
