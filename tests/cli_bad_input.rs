//! Bad input, as a user meets it: each mistake gets file, line, column and what would be right; the exit code is 2 and
//! nothing is written.

use std::fs;
use std::path::Path;

use assert_cmd::Command;

/// A scenario without a mistake. Each test makes one.
const GOOD: &str = r#"{
  "format_version": 1,
  "name": "good",
  "duration": "5m",
  "cluster": {
    "topics": [{ "name": "orders", "partitions": 12 }]
  },
  "groups": [{
    "id": "billing",
    "consumers": [
      { "name": "worker", "count": 3, "start": { "every": "200ms" }, "properties": { "max.poll.records": 500 } },
      { "name": "auditor" }
    ]
  }],
  "faults": [{ "at": "60s", "gc_pause": { "host": "worker-2", "for": "8s" } }],
  "expect": { "rebalances": ">= 1" }
}
"#;

/// What the command says about this scenario file, after having refused it as it must.
fn refusal_of(text: impl AsRef<[u8]>) -> String {
    refusal_in(|folder| fs::write(folder.join("s.json"), text).expect("a file can be written"))
}

/// What the command says about `s.json` in a folder that `prepare` has filled.
fn refusal_in(prepare: impl FnOnce(&Path)) -> String {
    let folder = tempfile::tempdir().expect("an empty folder");
    prepare(folder.path());
    let before = listing(folder.path());
    let mut command = Command::cargo_bin("rebalab").expect("the binary is built");
    let output = command.current_dir(&folder).args(["check", "s.json"]).output().expect("it runs");
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "", "nothing but the message is printed");
    assert_eq!(listing(folder.path()), before, "nothing is written");
    String::from_utf8(output.stderr).expect("messages are UTF-8")
}

fn listing(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("the folder can be listed").map(|entry| entry.expect("an entry"));
    let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// The good scenario with one piece of text replaced.
fn with(old: &str, new: &str) -> String {
    assert_eq!(GOOD.matches(old).count(), 1, "`{old}` stands once in the good scenario");
    GOOD.replace(old, new)
}

#[test]
fn the_good_scenario_is_accepted() {
    let folder = tempfile::tempdir().expect("an empty folder");
    fs::write(folder.path().join("s.json"), GOOD).expect("a file can be written");
    Command::cargo_bin("rebalab").unwrap().current_dir(&folder).args(["check", "s.json"]).assert().success();
}

#[test]
fn a_file_that_is_not_there() {
    insta::assert_snapshot!(refusal_in(|_| ()));
}

#[test]
fn a_folder_in_place_of_a_file() {
    insta::assert_snapshot!(refusal_in(|folder| fs::create_dir(folder.join("s.json")).unwrap()));
}

#[test]
fn bytes_that_are_not_text() {
    insta::assert_snapshot!(refusal_of([0xff, 0xfe, 0x00]));
}

#[test]
fn text_that_is_not_json() {
    insta::assert_snapshot!(refusal_of("duration: 5m\n"));
}

#[test]
fn an_empty_file() {
    insta::assert_snapshot!(refusal_of(""));
}

#[test]
fn json_that_is_cut_off() {
    insta::assert_snapshot!(refusal_of(&GOOD[..200]));
}

#[test]
fn a_comma_too_many() {
    insta::assert_snapshot!(refusal_of(with("\"name\": \"auditor\" }", "\"name\": \"auditor\", }")));
}

#[test]
fn a_comment() {
    insta::assert_snapshot!(refusal_of(with("\"name\": \"good\",", "// the good one\n  \"name\": \"good\",")));
}

#[test]
fn a_misspelt_key() {
    insta::assert_snapshot!(refusal_of(with("\"consumers\"", "\"consumer\"")));
}

#[test]
fn a_key_that_is_like_no_other() {
    insta::assert_snapshot!(refusal_of(with("\"id\": \"billing\",", "\"id\": \"billing\", \"colour\": \"red\",")));
}

#[test]
fn a_key_given_twice() {
    insta::assert_snapshot!(refusal_of(with("\"id\": \"billing\",", "\"id\": \"billing\", \"id\": \"audit\",")));
}

#[test]
fn a_missing_key() {
    insta::assert_snapshot!(refusal_of(with("\"id\": \"billing\",", "")));
}

#[test]
fn a_wrong_type() {
    insta::assert_snapshot!(refusal_of(with("\"partitions\": 12", "\"partitions\": \"twelve\"")));
}

#[test]
fn a_negative_count() {
    insta::assert_snapshot!(refusal_of(with("\"count\": 3", "\"count\": -3")));
}

#[test]
fn a_number_out_of_kafkas_bounds() {
    insta::assert_snapshot!(refusal_of(with("\"max.poll.records\": 500", "\"max.poll.records\": 0")));
}

#[test]
fn a_property_that_kafka_does_not_have() {
    insta::assert_snapshot!(refusal_of(with("\"max.poll.records\"", "\"max.pol.records\"")));
}

#[test]
fn a_heartbeat_that_is_not_below_the_session() {
    insta::assert_snapshot!(refusal_of(with(
        "\"max.poll.records\": 500",
        "\"session.timeout.ms\": 6000, \"heartbeat.interval.ms\": 6000"
    )));
}

#[test]
fn the_consumer_protocol() {
    insta::assert_snapshot!(refusal_of(with("\"max.poll.records\": 500", "\"group.protocol\": \"consumer\"")));
}

#[test]
fn a_bare_number_for_a_duration() {
    insta::assert_snapshot!(refusal_of(with("\"for\": \"8s\"", "\"for\": 8")));
}

#[test]
fn a_duration_without_a_unit() {
    insta::assert_snapshot!(refusal_of(with("\"duration\": \"5m\"", "\"duration\": \"5\"")));
}

#[test]
fn a_unit_that_does_not_exist() {
    insta::assert_snapshot!(refusal_of(with("\"at\": \"60s\"", "\"at\": \"1 minute\"")));
}

#[test]
fn an_unknown_fault() {
    insta::assert_snapshot!(refusal_of(with("\"gc_pause\"", "\"gc_paus\"")));
}

#[test]
fn an_unknown_fault_target() {
    insta::assert_snapshot!(refusal_of(with("\"host\": \"worker-2\"", "\"host\": \"worker-4\"")));
}

#[test]
fn a_fault_after_the_end() {
    insta::assert_snapshot!(refusal_of(with("\"at\": \"60s\"", "\"at\": \"6m\"")));
}

#[test]
fn a_fault_without_a_time() {
    insta::assert_snapshot!(refusal_of(with("\"at\": \"60s\", ", "")));
}

#[test]
fn a_fault_of_two_kinds() {
    insta::assert_snapshot!(refusal_of(with(
        "\"for\": \"8s\" }",
        "\"for\": \"8s\" }, \"crash\": { \"host\": \"auditor\" }"
    )));
}

#[test]
fn a_random_fault_without_a_stated_maximum() {
    insta::assert_snapshot!(refusal_of(with("\"for\": \"8s\"", "\"for\": { \"exponential\": { \"mean\": \"8s\" } }")));
}

#[test]
fn zero_consumers() {
    insta::assert_snapshot!(refusal_of(with("\"count\": 3", "\"count\": 0")));
}

#[test]
fn a_group_without_consumers() {
    let list = &GOOD[GOOD.find("[\n      {").unwrap()..GOOD.find("\n    ]").unwrap() + 6];
    insta::assert_snapshot!(refusal_of(with(list, "[]")));
}

#[test]
fn zero_partitions() {
    insta::assert_snapshot!(refusal_of(with("\"partitions\": 12", "\"partitions\": 0")));
}

#[test]
fn two_consumers_of_one_name() {
    insta::assert_snapshot!(refusal_of(with("\"name\": \"auditor\"", "\"name\": \"worker-2\"")));
}

#[test]
fn two_topics_of_one_name() {
    insta::assert_snapshot!(refusal_of(with(
        "\"partitions\": 12 }",
        "\"partitions\": 12 }, { \"name\": \"orders\", \"partitions\": 1 }"
    )));
}

#[test]
fn a_start_schedule_in_a_circle() {
    let circle = with("\"every\": \"200ms\"", "\"every\": \"200ms\", \"after\": \"auditor\"");
    let circle =
        circle.replace("\"name\": \"auditor\"", "\"name\": \"auditor\", \"start\": { \"after\": \"worker-1\" }");
    insta::assert_snapshot!(refusal_of(circle));
}

#[test]
fn a_huge_start_schedule() {
    insta::assert_snapshot!(refusal_of(with("\"every\": \"200ms\"", "\"every\": \"100d\"")));
}

#[test]
fn a_huge_number_of_consumers() {
    insta::assert_snapshot!(refusal_of(with("\"count\": 3", "\"count\": 4000000000")));
}

#[test]
fn a_format_version_from_the_future() {
    insta::assert_snapshot!(refusal_of(with("\"format_version\": 1", "\"format_version\": 2, \"novelty\": true")));
}

#[test]
fn an_unknown_figure() {
    insta::assert_snapshot!(refusal_of(with("\"rebalances\"", "\"rebalanecs\"")));
}

#[test]
fn a_check_that_is_none() {
    insta::assert_snapshot!(refusal_of(with("\">= 1\"", "\"about 3\"")));
}

#[test]
fn a_client_that_is_not_known() {
    insta::assert_snapshot!(refusal_of(with(
        "{ \"name\": \"auditor\" }",
        "{ \"name\": \"auditor\", \"client\": \"kafkjs-2\" }"
    )));
}

#[test]
fn a_version_of_a_client_that_is_not_known() {
    insta::assert_snapshot!(refusal_of(with(
        "{ \"name\": \"auditor\" }",
        "{ \"name\": \"auditor\", \"client\": \"java-5.0\" }"
    )));
}

#[test]
fn a_setting_that_the_client_does_not_have() {
    insta::assert_snapshot!(refusal_of(with(
        "{ \"name\": \"auditor\" }",
        r#"{ "name": "auditor", "client": "sarama-1",
        "properties": { "session.timeout.ms": 20000, "max.poll.interval.ms": 60000 } }"#
    )));
}

#[test]
fn a_manifest_without_what_is_needed() {
    let message = refusal_in(|folder| {
        fs::write(folder.join("w.yaml"), "kind: Deployment\nspec:\n  replicas: 3\n").unwrap();
        let text =
            with("{ \"name\": \"auditor\" }", r#"{ "name": "auditor", "deployment": { "manifest": "w.yaml" } }"#);
        fs::write(folder.join("s.json"), text).unwrap();
    });
    insta::assert_snapshot!(message);
}

#[test]
fn a_manifest_that_is_not_there() {
    insta::assert_snapshot!(refusal_of(with(
        "{ \"name\": \"auditor\" }",
        r#"{ "name": "auditor", "deployment": { "manifest": "w.yaml" } }"#
    )));
}

#[test]
fn racks_and_replicas_of_brokers_that_do_not_exist() {
    insta::assert_snapshot!(refusal_of(with(
        "\"topics\": [{ \"name\": \"orders\", \"partitions\": 12 }]",
        r#""brokers": 3, "racks": ["a", ""],
    "topics": [{ "name": "orders", "partitions": 2, "replicas": [[0, 3], [], [1, 1]] }]"#
    )));
}

#[test]
fn a_properties_file_that_is_not_there() {
    insta::assert_snapshot!(refusal_of(with(
        "\"id\": \"billing\",",
        "\"id\": \"billing\", \"properties_file\": \"c.properties\","
    )));
}

#[test]
fn a_mistake_in_a_properties_file_is_shown_in_that_file() {
    let message = refusal_in(|folder| {
        fs::write(folder.join("c.properties"), "# ours\nsession.timeout.ms=45s\nmax.poll.recods=5\n").unwrap();
        let text = with("\"id\": \"billing\",", "\"id\": \"billing\", \"properties_file\": \"c.properties\",");
        fs::write(folder.join("s.json"), text).unwrap();
    });
    insta::assert_snapshot!(message);
}

#[test]
fn many_mistakes_are_shown_together() {
    let text = with("\"partitions\": 12", "\"partitions\": 0");
    let text = text.replace("\"host\": \"worker-2\"", "\"host\": \"worker-9\"");
    let text = text.replace("\"at\": \"60s\"", "\"at\": \"10m\"");
    insta::assert_snapshot!(refusal_of(text));
}

/// A folder with the good scenario, and what the command says in it; the exit code must be 2.
fn failure_of(arguments: &[&str], prepare: impl FnOnce(&Path)) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().expect("an empty folder");
    fs::write(folder.path().join("s.json"), GOOD).expect("a file can be written");
    prepare(folder.path());
    let mut command = Command::cargo_bin("rebalab").expect("the binary is built");
    let output = command.current_dir(&folder).args(arguments).output().expect("it runs");
    let message = String::from_utf8(output.stderr).expect("messages are UTF-8");
    assert_eq!(output.status.code(), Some(2), "{message}");
    (folder, message)
}

#[test]
fn an_out_folder_with_files_of_others_is_left_alone() {
    let (folder, message) = failure_of(&["run", "s.json", "--out", "mine"], |folder| {
        fs::create_dir(folder.join("mine")).unwrap();
        fs::write(folder.join("mine/thesis.tex"), "years of work").unwrap();
    });
    assert!(message.contains("thesis.tex") && message.contains("--force"), "{message}");
    assert_eq!(listing(&folder.path().join("mine")), ["thesis.tex"]);
}

/// A pipe whose reader has gone away.
#[test]
fn a_closed_pipe_ends_with_an_error_and_not_with_a_panic() {
    let folder = tempfile::tempdir().expect("an empty folder");
    fs::write(folder.path().join("s.json"), GOOD).expect("a file can be written");
    let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin("rebalab"));
    command.current_dir(&folder).args(["run", "s.json", "--format", "json"]);
    let mut child =
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().expect("it runs");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(message.contains("closed standard output") && !message.contains("panicked"), "{message}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_under_standard_output_or_the_trace() {
    let (_, message) = failure_of(&["run", "s.json", "--trace", "/dev/full"], |_| {});
    assert!(message.contains("/dev/full") && message.contains("No space left on device"), "{message}");
    let full = fs::OpenOptions::new().write(true).open("/dev/full").expect("Linux has it");
    let folder = tempfile::tempdir().expect("an empty folder");
    fs::write(folder.path().join("s.json"), GOOD).expect("a file can be written");
    let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin("rebalab"));
    let output = command.current_dir(&folder).args(["run", "s.json"]).stdout(full).output().expect("it runs");
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(message.contains("standard output") && message.contains("No space left on device"), "{message}");
}

/// The limit on the size of files stands for a disk that fills up while the report is written.
#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_fills_up_leaves_no_half_report() {
    let folder = tempfile::tempdir().expect("an empty folder");
    fs::write(folder.path().join("s.json"), GOOD).expect("a file can be written");
    let binary = assert_cmd::cargo::cargo_bin("rebalab");
    let script = format!("trap '' XFSZ; ulimit -f 8; exec '{}' run s.json --out report", binary.display());
    let output = Command::new("sh").current_dir(&folder).args(["-c", &script]).output().expect("it runs");
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(message.contains("failed to write"), "{message}");
    assert_eq!(listing(folder.path()), ["s.json"], "neither the report nor a part of it");
}
