//! The recordings of hashes in `tests/vectors/hash`, replayed.

use std::io::Read;
use std::path::Path;

use rebalab::conformance::hash;

/// Replays a file; returns how many cases it has.
fn replay(file: &str) -> usize {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/hash").join(file);
    let bytes = std::fs::read(&path).expect("the recording is there");
    let mut text = String::new();
    if file.ends_with(".gz") {
        flate2::read::MultiGzDecoder::new(&bytes[..]).read_to_string(&mut text).expect("a gzip file");
    } else {
        text = String::from_utf8(bytes).expect("text");
    }
    for line in text.lines() {
        let case: serde_json::Value = serde_json::from_str(line).expect("a line of JSON");
        let differences = hash::replay(&case).expect("an undamaged case");
        assert!(differences.is_empty(), "{}: {differences:#?}", case["case"]);
    }
    text.lines().count()
}

#[test]
fn groups_live_in_the_partition_that_kafka_computes() {
    assert_eq!(replay("coordinator_partition.jsonl"), 300);
}

#[test]
fn keys_go_to_the_partition_that_kafka_computes() {
    assert_eq!(replay("murmur2.jsonl"), 300);
}

#[test]
fn maps_are_walked_in_java_order() {
    assert_eq!(replay("hashmap_order.jsonl.gz"), 200);
}

#[test]
fn maps_with_tree_buckets_are_walked_in_java_order() {
    assert_eq!(replay("hashmap_trees.jsonl.gz"), 100);
}
