//! What is worked out from a recording's events is what its recorder measured: the same rules then hold for simulated
//! runs.

mod live_common;

use rebalab::conformance::live::{Recording, Story, Timeline};

fn story(recording: &Recording) -> Story {
    Story::of(&Timeline::of_recording(recording), recording.partitions, recording.reference())
}

fn name(recording: &Recording) -> String {
    format!("{} #{}", recording.scenario, recording.rep)
}

#[test]
fn rebalances_are_those_that_were_measured() {
    for recording in live_common::all() {
        let story = story(&recording);
        let after = story.after_reference();
        let measured = &recording.measured;
        let before = story.rebalances.len() - after.len();
        assert_eq!(
            (before as u64, after.len() as u64),
            (measured.rebalances_before, measured.rebalances),
            "{}",
            name(&recording)
        );
        for (ours, theirs) in after.iter().zip(&measured.rebalance) {
            assert_eq!(ours.start, theirs.at, "{}", name(&recording));
            assert_eq!(ours.joined.map(|joined| joined.at - ours.start), theirs.join_ms, "{}", name(&recording));
            assert_eq!(ours.assigned.map(|assigned| assigned - ours.start), theirs.latency_ms, "{}", name(&recording));
        }
    }
}

#[test]
fn detection_and_settling_are_those_that_were_measured() {
    for recording in live_common::all() {
        let story = story(&recording);
        let measured = &recording.measured;
        assert_eq!(story.since_reference(story.detected), measured.detect_ms, "{}", name(&recording));
        assert_eq!(story.since_reference(story.settled), measured.settled_ms, "{}", name(&recording));
    }
}

#[test]
fn ownership_is_what_was_measured() {
    let mut equal = 0;
    for recording in live_common::all() {
        let ownership = story(&recording).ownership;
        let measured = &recording.measured;
        assert_eq!(
            ownership.unavailable_ms.into_iter().collect::<Vec<_>>(),
            measured.unavailable_ms.iter().map(|(number, ms)| (*number, *ms)).collect::<Vec<_>>(),
            "{}",
            name(&recording)
        );
        assert_eq!(ownership.unavailable_max_ms, measured.unavailable_max_ms, "{}", name(&recording));
        // The recorder left out overlaps with an ownership that lasts to the end of the recording.
        assert!(ownership.double_owner_partition_ms >= measured.double_owner_partition_ms, "{}", name(&recording));
        equal += usize::from(ownership.double_owner_partition_ms == measured.double_owner_partition_ms);
    }
    assert_eq!((equal, live_common::all().len()), (138, 149));
}
