//! `rebalab conform --live`, as a user meets it.

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use tempfile::TempDir;

use super::vectors;

/// The lines of a recording that travels with the project.
fn lines(name: &str) -> String {
    let files = vectors::files("live");
    let file = files.iter().find(|file| file.ends_with(format!("{name}.jsonl.gz"))).expect("the recording is there");
    vectors::text(file)
}

fn folder_with(name: &str, text: &str) -> (TempDir, PathBuf) {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join(name);
    fs::write(&path, text).expect("a file");
    (folder, path)
}

/// Its exit code, standard output and standard error.
fn conform(arguments: &[&str], path: &Path) -> (i32, String, String) {
    let mut command = Command::cargo_bin("rebalab").expect("the binary is built");
    let output = command.args(["conform", "--live"]).args(arguments).arg(path).output().expect("it runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (output.status.code().expect("an exit code"), text(output.stdout), text(output.stderr))
}

#[test]
fn each_scenario_has_a_line_for_each_judgement() {
    let (_folder, path) = folder_with("a.jsonl", &lines("a-cold-1-range"));
    let (code, stdout, _) = conform(&[], &path);
    assert_eq!(code, 0, "{stdout}");
    assert!(stdout.contains("replay        pass  2 of 2 stories, 24 of 24 times inside (100.0 %)"), "{stdout}");
    assert!(stdout.contains("distribution  pass  30 of 30 values and medians inside those of 200 runs"), "{stdout}");
    assert!(stdout.contains("1 scenarios: replay passes in 1, distribution in 1"), "{stdout}");
}

#[test]
fn what_a_setting_that_is_not_the_recorded_one_changes_is_listed_and_ends_with_1() {
    // The broker's own setting, told wrongly: the initial delay was 3 s.
    let told = lines("a-cold-1-range")
        .replace(
            "\"config\": {\"broker\": {",
            "\"config\": {\"broker\": {\"group.initial.rebalance.delay.ms\": \"1500\", ",
        )
        .replace("\"config\":{\"broker\":{", "\"config\":{\"broker\":{\"group.initial.rebalance.delay.ms\":\"1500\",");
    let (_folder, path) = folder_with("a.jsonl", &told);
    let (code, stdout, _) = conform(&[], &path);
    assert_eq!(code, 1, "{stdout}");
    assert!(stdout.contains("replay        FAIL"), "{stdout}");
    assert!(stdout.contains("rebalance 1 join phase: recorded 30"), "{stdout}");
    assert!(stdout.contains("distribution  FAIL"), "{stdout}");
}

#[test]
fn a_story_stands_beside_the_recorded_one() {
    let (_folder, path) = folder_with("a.jsonl", lines("a-cold-1-range").lines().next().expect("a repetition"));
    let (code, stdout, _) = conform(&["--story"], &path);
    assert_eq!(code, 0);
    let line = stdout.lines().find(|line| line.contains("ms") && line.contains("recorded")).expect("a heading");
    let column = line.find("simulated").expect("two columns");
    let assigned: Vec<&str> =
        stdout.lines().filter(|line| line.contains("c1: Assigned [0, 1, 2, 3, 4, 5, 6, 7]")).collect();
    assert_eq!(assigned.len(), 2, "once on each side: {stdout}");
    assert!(assigned.iter().any(|line| line.find("c1:").is_some_and(|at| at >= column)), "{stdout}");
    assert!(assigned.iter().any(|line| line.find("c1:").is_some_and(|at| at < column)), "{stdout}");
}

#[test]
fn a_plot_is_an_svg_picture_of_every_scenario() {
    let (folder, path) = folder_with("a.jsonl", &lines("a-cold-1-range"));
    let plot = folder.path().join("plot.svg");
    let (code, _, _) = conform(&["--plot", plot.to_str().expect("text")], &path);
    assert_eq!(code, 0);
    let svg = fs::read_to_string(plot).expect("the plot");
    assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"), "{}", &svg[..80]);
    assert!(svg.contains("a-cold-1/range"));
}

#[test]
fn recordings_with_the_consumer_protocol_are_named_as_not_modelled_and_do_not_count() {
    let text = lines("a-cold-1-range");
    let consumer = text
        .replace("a-cold-1/range", "a-cold-1/consumer")
        .replace("\"group.protocol\":\"classic\"", "\"group.protocol\":\"consumer\"")
        .replace("\"group.protocol\": \"classic\"", "\"group.protocol\": \"consumer\"");
    let (_folder, path) = folder_with("a.jsonl", &(text + &consumer));
    let (code, stdout, _) = conform(&[], &path);
    assert_eq!(code, 0, "{stdout}");
    assert!(stdout.contains("a-cold-1/consumer"), "{stdout}");
    assert!(stdout.contains("group.protocol=consumer is not modelled yet"), "{stdout}");
    assert!(stdout.contains("1 scenarios: replay passes in 1"), "{stdout}");
}

#[test]
fn a_damaged_line_is_named_by_file_and_number() {
    let text = lines("a-cold-1-range");
    let (_folder, path) = folder_with("cut.jsonl", &text[..text.len() - 200]);
    let (code, stdout, stderr) = conform(&[], &path);
    assert_eq!((code, stdout.as_str()), (2, ""));
    assert!(stderr.contains("cut.jsonl") && stderr.contains("line 2"), "{stderr}");
}

#[test]
fn a_file_of_another_format_is_an_error() {
    let (_folder, path) = folder_with("foreign.jsonl", "{\"case\":\"hash-1\",\"groupId\":\"my-group\"}\n");
    let (code, stdout, stderr) = conform(&[], &path);
    assert_eq!((code, stdout.as_str()), (2, ""));
    assert!(stderr.contains("foreign.jsonl") && stderr.contains("line 1"), "{stderr}");
}

#[test]
fn fewer_seeds_than_a_judgement_needs_are_refused() {
    let (_folder, path) = folder_with("a.jsonl", &lines("a-cold-1-range"));
    let (code, _, stderr) = conform(&["--seeds", "20"], &path);
    assert_eq!(code, 2);
    assert!(stderr.contains("200"), "{stderr}");
}
