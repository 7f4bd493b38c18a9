//! The recordings of assignors in `tests/vectors/assignors`, replayed.

use std::io::Read;
use std::path::Path;

use rebalab::conformance::{assignor, assignor_library, assignor_server};

/// Replays a file; returns how many cases and computations it has.
fn replay(file: &str) -> (usize, usize) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/assignors").join(file);
    let bytes = std::fs::read(&path).expect("the recording is there");
    let mut text = String::new();
    if file.ends_with(".gz") {
        flate2::read::MultiGzDecoder::new(&bytes[..]).read_to_string(&mut text).expect("a gzip file");
    } else {
        text = String::from_utf8(bytes).expect("text");
    }
    let mut computations = 0;
    for line in text.lines() {
        let case: serde_json::Value = serde_json::from_str(line).expect("a line of JSON");
        let replay = match &case {
            case if assignor_library::is_library_assignor_case(case) => assignor_library::replay,
            case if assignor_server::is_server_assignor_case(case) => assignor_server::replay,
            _ => assignor::replay,
        };
        let (differences, count) = replay(&case).expect("an undamaged case");
        assert!(differences.is_empty(), "{}: {differences:#?}", case["case"]);
        computations += count;
    }
    (text.lines().count(), computations)
}

#[test]
fn range_assigns_as_recorded() {
    assert_eq!(replay("range.jsonl"), (150, 394));
}

#[test]
fn roundrobin_assigns_as_recorded() {
    assert_eq!(replay("roundrobin.jsonl"), (150, 394));
}

#[test]
fn sticky_assigns_as_recorded() {
    assert_eq!(replay("sticky.jsonl"), (150, 394));
}

#[test]
fn cooperative_sticky_assigns_as_recorded() {
    assert_eq!(replay("cooperative-sticky.jsonl.gz"), (150, 564));
}

#[test]
fn server_uniform_assigns_as_recorded() {
    assert_eq!(replay("server-uniform.jsonl"), (150, 492));
}

#[test]
fn server_range_assigns_as_recorded() {
    assert_eq!(replay("server-range.jsonl"), (150, 492));
}

#[test]
fn client_assignors_decide_like_kafka_in_drawn_groups_with_made_up_claims() {
    assert_eq!(replay("drawn-client.jsonl.gz"), (424, 1420));
}

#[test]
fn server_assignors_decide_like_kafka_in_drawn_groups() {
    assert_eq!(replay("drawn-server.jsonl.gz"), (616, 2464));
}

#[test]
fn franz_go_and_sarama_assign_as_recorded() {
    assert_eq!(replay("go-libraries.jsonl.gz"), (360, 1_139));
}
