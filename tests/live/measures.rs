//! What is worked out from a recording's events is what its recorder measured: the same rules then hold for simulated
//! runs.

use super::vectors;
use rebalab::conformance::live::{Recording, Story, Timeline, replay};

fn story(recording: &Recording) -> Story {
    Story::of(&Timeline::of_recording(recording), recording.partitions, recording.reference())
}

fn name(recording: &Recording) -> String {
    format!("{} #{}", recording.scenario, recording.rep)
}

#[test]
fn rebalances_are_those_that_were_measured() {
    for recording in vectors::all() {
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
    for recording in vectors::all() {
        let story = story(&recording);
        let measured = &recording.measured;
        assert_eq!(story.since_reference(story.detected), measured.detect_ms, "{}", name(&recording));
        assert_eq!(story.since_reference(story.settled), measured.settled_ms, "{}", name(&recording));
    }
}

#[test]
fn ownership_is_what_was_measured() {
    let mut equal = 0;
    for recording in vectors::all() {
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
    assert_eq!((equal, vectors::all().len()), (138, 149));
}

/// Recordings of the libraries in which little hangs on chance: nine of ten times must lie within the tolerance.
/// `docs/clients.md` has the whole table.
const DETERMINISTIC: [(&str, &str); 14] = [
    ("librdkafka", "join/librdkafka"),
    ("librdkafka", "barrier-8000/librdkafka"),
    ("librdkafka", "pause-8000/librdkafka"),
    ("franz-go", "join/franz-go-range"),
    ("franz-go", "leave/franz-go"),
    ("franz-go", "pause-8000/franz-go"),
    ("sarama", "cold-3/sarama"),
    ("kafkajs", "join/kafkajs"),
    ("kafkajs", "leave/kafkajs"),
    ("kafka-go", "join/kafka-go"),
    ("kafka-go", "leave/kafka-go"),
    ("kafka-python", "join/kafka-python"),
    ("aiokafka", "join/aiokafka"),
    ("aiokafka", "pause-8000/aiokafka"),
];

#[test]
fn other_libraries_tell_the_recorded_story() {
    for (library, scenario) in DETERMINISTIC {
        let file = vectors::files("live-clients")
            .into_iter()
            .find(|file| file.file_name().is_some_and(|name| name.to_str() == Some(&format!("{library}.jsonl.gz"))));
        let all = vectors::recordings(&file.expect("the library's recordings"));
        let repetitions: Vec<_> = all.iter().filter(|recording| recording.scenario == scenario).collect();
        assert!(!repetitions.is_empty(), "{scenario}");
        for recording in repetitions {
            let replayed = replay(recording, 60).expect("a scenario can be built");
            assert!(replayed.differences.is_empty(), "{}: {}", name(recording), replayed.differences[0]);
            let outside = replayed.outside().count();
            assert!(outside * 10 <= replayed.quantities.len(), "{}: {outside} times outside", name(recording));
        }
    }
}
