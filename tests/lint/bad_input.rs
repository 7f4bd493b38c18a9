//! What can't be linted: exit code 2, the reason on standard error, nothing on standard output.

use std::fs;

use super::{code, lint, lint_in, stderr, stdout};

fn refused(files: &[(&str, &str)], arguments: &[&str]) -> String {
    let output = lint(files, arguments);
    assert_eq!((code(&output), stdout(&output).as_str()), (2, ""), "{}", stderr(&output));
    stderr(&output)
}

#[test]
fn a_file_that_is_not_there() {
    assert!(refused(&[], &["none.properties"]).contains("failed to read none.properties"));
}

#[test]
fn a_folder_in_place_of_a_file() {
    let output = lint_in(|folder| fs::create_dir(folder.join("d")).expect("made"), &["d"]);
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("it is a directory"));
}

#[test]
fn bytes_that_are_not_text() {
    let output =
        lint_in(|folder| fs::write(folder.join("c.properties"), [0xff, 0xfe]).expect("written"), &["c.properties"]);
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("not UTF-8"));
}

#[test]
fn no_file_at_all() {
    assert!(refused(&[], &[]).contains("FILES"));
}

#[test]
fn an_unknown_profile_is_told_the_nearest() {
    let files = [("c.properties", "group.id=g")];
    assert!(refused(&files, &["c.properties", "--client", "java-9"]).contains("no version"));
    assert!(refused(&files, &["c.properties", "--client", "librdkafa-2"]).contains("the nearest is `librdkafka-2`"));
}

#[test]
fn an_unknown_rule_is_told_the_nearest() {
    let files = [("c.properties", "group.id=g")];
    let said = refused(&files, &["c.properties", "--allow", "session-shrt"]);
    assert!(said.contains("did you mean `session-short`?"), "{said}");
}

#[test]
fn a_time_without_a_unit() {
    let files = [("c.properties", "group.id=g")];
    assert!(refused(&files, &["c.properties", "--record-time", "20"]).contains("has no unit"));
    assert!(refused(&files, &["c.properties", "--restart-time", "0s"]).contains("more than nothing"));
}

#[test]
fn broken_json_yaml_and_escapes_are_pointed_at() {
    assert!(refused(&[("c.json", "{\"a\": 1,}")], &["c.json"]).contains("c.json:1:"));
    assert!(refused(&[("c.json", "")], &["c.json"]).contains("empty"));
    assert!(refused(&[("c.yaml", "spring: [\n")], &["c.yaml"]).contains("not valid YAML"));
    assert!(refused(&[("c.properties", "a=\\u12")], &["c.properties"]).contains("c.properties:1:3"));
}

#[test]
fn yaml_of_something_else_and_text_of_no_kind() {
    assert!(refused(&[("c.yaml", "kind: Deployment\n")], &["c.yaml"]).contains("spring.kafka"));
    assert!(refused(&[("notes", "hello world\n")], &["notes"]).contains("`.properties`"));
}

#[test]
fn a_broken_brokers_file_is_named() {
    let files = [("c.properties", "group.id=g"), ("server.properties", "a=\\u12")];
    assert!(refused(&files, &["c.properties", "--server", "server.properties"]).contains("server.properties:1:3"));
}
