//! `rebalab lint` as users type it: files of every kind, what is printed in which format, exit codes, and the documents
//! that list its rules.

mod bad_input;
mod documents;
mod formats;

use std::fs;
use std::path::Path;
use std::process::Output;

use assert_cmd::Command;

/// The settings of the README's example.
const BILLING: &str = include_str!("billing.properties");

/// Runs `rebalab lint` in a folder with these files.
fn lint(files: &[(&str, &str)], arguments: &[&str]) -> Output {
    lint_in(
        |folder| files.iter().for_each(|(name, text)| fs::write(folder.join(name), text).expect("written")),
        arguments,
    )
}

/// Runs `rebalab lint` in a folder that `prepare` has filled.
fn lint_in(prepare: impl FnOnce(&Path), arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().expect("an empty folder");
    prepare(folder.path());
    let mut command = Command::cargo_bin("rebalab").expect("the binary is built");
    command.current_dir(&folder).arg("lint").args(arguments).output().expect("it runs")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("text is UTF-8")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("messages are UTF-8")
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("it ended by itself")
}

#[test]
fn settings_without_a_fault_pass() {
    let output = lint(&[("c.properties", "group.id=billing\nmax.poll.records=100\n")], &["c.properties"]);
    assert_eq!((code(&output), stdout(&output).as_str()), (0, "1 file: nothing found\n"));
    assert_eq!(stderr(&output), "");
}

#[test]
fn an_error_or_a_warning_fails_and_a_note_does_not() {
    let files = [
        ("error.properties", "heartbeat.interval.ms=45000\n"),
        ("warning.properties", "max.poll.interval.ms=30000\n"),
        ("note.properties", "heartbeat.interval.ms=6000\n"),
    ];
    let code_of = |file: &str, deny: &[&str]| code(&lint(&files, &[&[file], deny].concat()));
    assert_eq!([1, 1, 0], ["error.properties", "warning.properties", "note.properties"].map(|file| code_of(file, &[])));
    assert_eq!(code_of("warning.properties", &["--deny", "error"]), 0);
    assert_eq!(code_of("note.properties", &["--deny", "note"]), 1);
    assert_eq!(code_of("error.properties", &["--deny", "never"]), 0);
}

#[test]
fn every_kind_of_file_is_read_and_each_finding_names_its_file() {
    let files = [
        ("a.properties", "sesion.timeout.ms=1\r\nheartbeat.interval.ms=50000\r\n"),
        ("b.json", "{\"sesion.timeout.ms\": 1}"),
        ("c.yaml", "spring:\n  kafka:\n    consumer:\n      properties:\n        sesion.timeout.ms: 1\n"),
        ("d.properties", "spring.kafka.consumer.properties.sesion.timeout.ms=1\n"),
    ];
    let output = lint(&files, &["a.properties", "b.json", "c.yaml", "d.properties"]);
    let text = stdout(&output);
    for place in ["a.properties:1:1", "a.properties:2:23", "b.json:1:2", "c.yaml:5:9", "d.properties:1:1"] {
        assert!(text.contains(place), "{place} in\n{text}");
    }
    assert!(text.ends_with("4 files: 5 errors, 1 note\n"), "{text}");
}

#[test]
fn other_clients_have_their_own_names() {
    let files = [("s.properties", "Consumer.Group.Heartbeat.Interval=10s\nmax.poll.interval.ms=1\n")];
    let text = stdout(&lint(&files, &["s.properties", "--client", "sarama-1"]));
    assert!(text.contains("`Consumer.Group.Heartbeat.Interval` (10000 ms) is not below"), "{text}");
    assert!(text.contains("Consumer.Group.Rebalance.Timeout"), "{text}");
}

#[test]
fn the_brokers_bounds_count_if_they_are_given() {
    let files = [
        ("c.properties", "session.timeout.ms=60000\n"),
        ("server.properties", "group.max.session.timeout.ms=50000\nbroker.id=1\ngroup.initial.rebalance.delay.ms=0\n"),
    ];
    assert_eq!(code(&lint(&files, &["c.properties"])), 0);
    let output = lint(&files, &["c.properties", "--server", "server.properties"]);
    let text = stdout(&output);
    assert_eq!(code(&output), 1);
    assert!(text.contains("session-outside-broker-range") && text.contains("c.properties:1:20"), "{text}");
    assert!(text.contains("initial-rebalance-delay-off") && text.contains("server.properties:3:34"), "{text}");
}

#[test]
fn a_rule_can_be_allowed() {
    let files = [("c.properties", "max.poll.interval.ms=30000\n")];
    assert_eq!(code(&lint(&files, &["c.properties", "--allow", "rebalance-timeout-below-session"])), 0);
}

#[test]
fn times_of_records_and_restarts_are_taken_with_their_units() {
    let files = [("c.properties", "group.instance.id=${POD}\nsession.timeout.ms=45000\n")];
    let found = |arguments: &[&str]| stdout(&lint(&files, &[&["c.properties"], arguments].concat()));
    assert!(found(&["--restart-time", "60s"]).contains("static-session-below-restart"));
    assert!(!found(&["--restart-time", "20s"]).contains("static-session-below-restart"));
    assert!(found(&["--restart-time", "20s..60s"]).contains("static-session-below-longest-restart"));
    assert!(!found(&["--restart-time", "20s..40s"]).contains("static-session"));
    let output = lint(&files, &["c.properties", "--restart-time", "60s..20s"]);
    assert_eq!(code(&output), 2);
    assert!(found(&["--record-time", "1s"]).contains("batch-beyond-poll-interval"));
    assert!(!found(&["--record-time", "300us"]).contains("batch"));
}
