//! The recordings of the classic group coordinator in `tests/vectors/coordinator`, replayed: one test per file.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use flate2::read::MultiGzDecoder;
use rebalab::conformance::replay_recording;

/// Replays a file; panics with the first case that disagrees. Returns how many cases and steps it has.
fn replay(file: &str) -> (usize, usize) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/coordinator").join(file);
    let text = BufReader::new(MultiGzDecoder::new(File::open(&path).expect("the recording is there")));
    let report = replay_recording(text, None).expect("an undamaged recording");
    if let Some(case) = report.shown.first() {
        panic!("agrees in {} of {} cases; {}: {:#?}", report.agreeing, report.cases, case.case, case.divergence);
    }
    (report.cases, report.steps)
}

#[test]
fn short_cases_of_the_coordinator_decide_as_recorded() {
    assert_eq!(replay("named.jsonl.gz"), (118, 1177));
}

#[test]
fn random_sequences_against_groups_decide_as_recorded_1() {
    assert_eq!(replay("classic-1.jsonl.gz"), (200, 6841));
}

#[test]
fn random_sequences_against_groups_decide_as_recorded_2() {
    assert_eq!(replay("classic-2.jsonl.gz"), (200, 7379));
}

#[test]
fn offsets_are_stored_read_and_removed_as_recorded() {
    assert_eq!(replay("offsets.jsonl.gz"), (200, 7306));
}

#[test]
fn answers_wait_for_the_log_as_recorded() {
    assert_eq!(replay("runtime.jsonl.gz"), (120, 4458));
}

#[test]
fn protocols_are_counted_as_recorded_when_static_replacements_fail_late() {
    assert_eq!(replay("replacements.jsonl.gz"), (60, 3189));
}
