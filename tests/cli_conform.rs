//! `rebalab conform`, as a user meets it.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::TempDir;

const HASH_CASES: &str = r#"{"case":"hash-1","groupId":"my-group","hashCode":-1906497762,"partition":{"50":12}}
{"case":"hash-2","groupId":"test","hashCode":3556498,"partition":{"50":48}}
"#;

/// A folder with one recording in it.
fn folder_with(name: &str, text: &str) -> (TempDir, PathBuf) {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join(name);
    fs::write(&path, text).expect("a file");
    (folder, path)
}

/// Runs the command; its exit code, standard output and standard error.
fn conform(arguments: &[&str], paths: &[&Path]) -> (i32, String, String) {
    let mut command = Command::cargo_bin("rebalab").expect("the binary is built");
    let output = command.arg("conform").args(arguments).args(paths).output().expect("it runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (output.status.code().expect("an exit code"), text(output.stdout), text(output.stderr))
}

/// The first cases of a shipped recording of the coordinator.
fn coordinator_cases(count: usize) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/coordinator/named.jsonl.gz");
    let mut text = String::new();
    let file = fs::File::open(path).expect("the recording is there");
    std::io::Read::read_to_string(&mut flate2::read::MultiGzDecoder::new(file), &mut text).expect("a gzip file");
    text.lines().take(count).map(|line| line.to_owned() + "\n").collect()
}

#[test]
fn one_line_per_file_says_how_many_cases_agree() {
    let (_folder, path) = folder_with("a.jsonl", HASH_CASES);
    let (code, stdout, _) = conform(&[], &[&path]);
    assert_eq!(code, 0);
    let line = stdout.lines().next().expect("a line");
    assert!(line.starts_with(&*path.to_string_lossy()), "{line}");
    assert!(line.ends_with("agrees in 2 of 2 cases (2 steps)"), "{line}");
}

#[test]
fn folders_are_searched_and_compressed_files_are_told_by_their_content() {
    let (folder, _) = folder_with("plain.jsonl", HASH_CASES);
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(HASH_CASES.as_bytes()).expect("memory");
    fs::create_dir(folder.path().join("deeper")).expect("a folder");
    // A name that says nothing: the bytes say it.
    fs::write(folder.path().join("deeper/packed.jsonl"), encoder.finish().expect("memory")).expect("a file");
    fs::write(folder.path().join("README.md"), "no recording").expect("a file");
    let (code, stdout, _) = conform(&[], &[folder.path()]);
    assert_eq!(code, 0);
    assert!(stdout.contains("2 files: agrees in 4 of 4 cases (4 steps)"), "{stdout}");
}

#[test]
fn a_case_that_differs_is_shown_field_by_field_and_ends_with_1() {
    let (_folder, path) = folder_with("a.jsonl", &HASH_CASES.replace("\"50\":48", "\"50\":47"));
    let (code, stdout, _) = conform(&[], &[&path]);
    assert_eq!(code, 1);
    assert!(stdout.contains("agrees in 1 of 2 cases"), "{stdout}");
    assert!(stdout.contains("hash-2 differs"), "{stdout}");
    assert!(stdout.contains("recorded  47"), "{stdout}");
    assert!(stdout.contains("computed  48"), "{stdout}");
}

#[test]
fn a_coordinator_case_names_the_step_that_differs_first() {
    // The end of the initial delay, one millisecond later than Kafka has it.
    let text = coordinator_cases(1)
        .replace("{\"key\":\"sync-g\",\"deadline\":63000}", "{\"key\":\"sync-g\",\"deadline\":63001}");
    let (_folder, path) = folder_with("a.jsonl", &text);
    let (code, stdout, _) = conform(&[], &[&path]);
    assert_eq!(code, 1);
    assert!(stdout.contains("first-join-two-steps differs step 3: at 3000 ms"), "{stdout}");
    assert!(stdout.contains("    timers.sync-g\n      recorded  63001\n      computed  63000\n"), "{stdout}");
}

#[test]
fn one_case_is_replayed_by_name_with_every_step() {
    let (_folder, path) = folder_with("a.jsonl", &coordinator_cases(3));
    let (code, stdout, _) = conform(&["--case", "first-join-two-steps"], &[&path]);
    assert_eq!(code, 0);
    assert!(stdout.contains("agrees in 1 of 1 cases (7 steps)"), "{stdout}");
    for step in 0..7 {
        assert!(stdout.contains(&format!("step {step}  at ")), "{stdout}");
    }
    assert!(stdout.contains("log: Stabilized group g generation 1 with 1 members."), "{stdout}");
}

#[test]
fn a_case_name_that_does_not_exist_is_an_error() {
    let (_folder, path) = folder_with("a.jsonl", HASH_CASES);
    let (code, stdout, stderr) = conform(&["--case", "hash-3"], &[&path]);
    assert_eq!((code, stdout.as_str()), (2, ""));
    assert!(stderr.contains("no case is named `hash-3`"), "{stderr}");
}

#[test]
fn json_is_for_programs() {
    let (_folder, path) = folder_with("a.jsonl", &HASH_CASES.replace("\"50\":48", "\"50\":47"));
    let (code, stdout, _) = conform(&["--format", "json"], &[&path]);
    assert_eq!(code, 1);
    let files: serde_json::Value = serde_json::from_str(&stdout).expect("JSON");
    let report = &files[0]["report"];
    assert_eq!((&report["cases"], &report["agreeing"]), (&serde_json::json!(2), &serde_json::json!(1)));
    assert_eq!(report["shown"][0]["divergence"]["differences"][0]["field"], "partition of 50");
}

#[test]
fn a_damaged_line_is_an_error_that_names_file_and_line() {
    let (_folder, path) = folder_with("a.jsonl", &(HASH_CASES.to_owned() + "{\"case\":\"hash-3\",\"groupId\""));
    let (code, stdout, stderr) = conform(&[], &[&path]);
    assert_eq!((code, stdout.as_str()), (2, ""));
    assert!(stderr.contains("a.jsonl") && stderr.contains("line 3 is damaged"), "{stderr}");
    assert!(stderr.contains("at column 26") && !stderr.contains("line 1"), "{stderr}");
}

#[test]
fn a_damaged_step_is_an_error_and_not_a_divergence() {
    let (_folder, path) =
        folder_with("a.jsonl", &coordinator_cases(1).replace("\"kind\":\"sync\"", "\"kind\":\"snyc\""));
    let (code, _, stderr) = conform(&[], &[&path]);
    assert_eq!(code, 2);
    assert!(stderr.contains("line 1 is damaged"), "{stderr}");
    assert!(stderr.contains("unknown kind of input `snyc`"), "{stderr}");
}

#[test]
fn an_unknown_format_is_an_error_that_names_file_and_line() {
    let (_folder, path) = folder_with("a.jsonl", &(HASH_CASES.to_owned() + "{\"case\":\"x\",\"weather\":\"fine\"}\n"));
    let (code, stdout, stderr) = conform(&[], &[&path]);
    assert_eq!((code, stdout.as_str()), (2, ""));
    assert!(stderr.contains("a.jsonl") && stderr.contains("line 3 holds no case of a known format"), "{stderr}");
}

#[test]
fn a_file_without_cases_is_an_error() {
    let (_folder, path) = folder_with("a.jsonl", "\n");
    let (code, _, stderr) = conform(&[], &[&path]);
    assert_eq!(code, 2);
    assert!(stderr.contains("there is no case in it"), "{stderr}");
}

#[test]
fn a_path_that_is_not_there_is_an_error() {
    let (code, _, stderr) = conform(&[], &[Path::new("no/such/recording.jsonl")]);
    assert_eq!(code, 2);
    assert!(stderr.contains("no/such/recording.jsonl"), "{stderr}");
}
