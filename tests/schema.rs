//! The published schema is what the program means, and the shipped scenarios follow it.

use std::path::Path;

#[test]
fn the_committed_schema_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/scenario.schema.json");
    let committed = std::fs::read_to_string(path).expect("the schema is committed");
    assert!(
        committed == rebalab::scenario::file::schema(),
        "schema/scenario.schema.json is out of date; write it anew: cargo run -- schema > schema/scenario.schema.json"
    );
}

#[test]
fn the_schema_verb_prints_the_committed_schema() {
    let output = assert_cmd::Command::cargo_bin("rebalab").unwrap().arg("schema").output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8(output.stdout).unwrap() == rebalab::scenario::file::schema());
}

#[test]
fn the_committed_schema_of_the_report_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/report.schema.json");
    let fresh = rebalab::report::json::schema();
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(&path, &fresh).expect("the schema can be written");
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(committed == fresh, "schema/report.schema.json is out of date: UPDATE_SCHEMA=1 cargo test --test schema");
}
