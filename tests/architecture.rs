//! The house as ARCHITECTURE.md draws it, held by reading the sources: which folder may use which, a head comment in
//! every `mod.rs`, and files that fit a topic.

use std::fs;
use std::path::{Path, PathBuf};

/// The folders of `src/`, lowest first. A folder may use only those before it.
const FOLDERS: [&str; 14] = [
    "engine",
    "protocol",
    "assignor",
    "coordinator",
    "client",
    "scenario",
    "lint",
    "trace",
    "cluster",
    "analysis",
    "experiment",
    "conformance",
    "report",
    "cli",
];

const MAX_LINES: usize = 700;

#[test]
fn a_folder_uses_only_folders_below_it() {
    let mut wrong = Vec::new();
    for (rank, folder) in FOLDERS.iter().enumerate() {
        for file in rust_files(&source().join(folder)) {
            for (line, used) in used_folders(&read(&file)).into_iter().chain(climbed_to(&read(&file), depth(&file))) {
                let allowed = FOLDERS.iter().position(|name| *name == used).is_some_and(|other| other <= rank);
                if !allowed {
                    wrong.push(format!("{}:{line}: {folder} must not use {used}", shown(&file)));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "the order of the folders is {FOLDERS:?}\n{}", wrong.join("\n"));
}

#[test]
fn every_folder_stands_in_the_order() {
    let entries = fs::read_dir(source()).expect("src/ can be listed").map(|entry| entry.expect("an entry").path());
    let folders: Vec<String> = entries.filter(|path| path.is_dir()).map(|path| name_of(&path)).collect();
    for folder in &folders {
        assert!(FOLDERS.contains(&folder.as_str()), "src/{folder} has no place in the order of folders");
    }
    assert!(folders.len() > 5, "only {} folders found: was the right place read?", folders.len());
}

#[test]
fn every_folder_says_in_its_first_lines_what_it_is_for() {
    for file in rust_files(&source()).iter().filter(|file| name_of(file) == "mod.rs") {
        assert!(read(file).starts_with("//! "), "{} does not begin with a head comment", shown(file));
    }
}

#[test]
fn no_file_is_too_long_for_one_topic() {
    let mut too_long = Vec::new();
    for folder in ["src", "tests", "benches"] {
        for file in rust_files(&root().join(folder)) {
            let lines = read(&file).lines().count();
            if lines > MAX_LINES {
                too_long.push(format!("{}: {lines} lines", shown(&file)));
            }
        }
    }
    assert!(too_long.is_empty(), "split by topic, {MAX_LINES} lines at most:\n{}", too_long.join("\n"));
}

#[test]
fn the_reader_of_use_lines_sees_every_way_to_name_a_folder() {
    let text = "\
//! crate::cli in prose is no use
use crate::engine::SimTime;
pub use crate::{client, trace::{Event, Observer}, r#coordinator};
use crate::{
    cluster::Simulation, // crate::report
    analysis,
};
fn f() { crate::scenario::load() }
use rebalab::experiment::Sweep;
";
    let used: Vec<(usize, String)> = used_folders(text);
    let expected = [
        (2, "engine"),
        (3, "client"),
        (3, "trace"),
        (3, "coordinator"),
        (4, "cluster"),
        (4, "analysis"),
        (8, "scenario"),
        (9, "experiment"),
    ];
    assert_eq!(used, expected.map(|(line, name)| (line, name.to_string())));
    let climbing = "use super::super::cli::Verb;\nuse super::queue::Entry;\n";
    assert_eq!(climbed_to(climbing, 2), [(1, "cli".to_string())]);
}

/// The folders that a source names after `crate::` (or `rebalab::`), each with the line where the path begins.
fn used_folders(text: &str) -> Vec<(usize, String)> {
    let code: Vec<&str> = text.lines().map(without_comment).collect();
    let code = code.join("\n");
    let mut found = Vec::new();
    for root in ["crate::", "rebalab::"] {
        for (at, _) in code.match_indices(root) {
            let line = code[..at].matches('\n').count() + 1;
            let before = code[..at].chars().next_back();
            if before.is_some_and(|before| before.is_alphanumeric() || before == '_' || before == ':') {
                continue; // `$crate::` begins a path, `other_crate::` does not
            }
            found.extend(first_segments(&code[at + root.len()..]).into_iter().map(|name| (line, name)));
        }
    }
    found
}

/// Folders that a source at this depth below `src/` reaches by `super::super::…` instead of `crate::`.
fn climbed_to(text: &str, depth: usize) -> Vec<(usize, String)> {
    let climb = "super::".repeat(depth);
    let code = text.lines().map(without_comment).enumerate();
    let climbs = code.filter_map(|(index, line)| Some((index + 1, line.split_once(climb.as_str())?.1)));
    let named = climbs.flat_map(|(line, rest)| first_segments(rest).into_iter().map(move |name| (line, name)));
    named.filter(|(_, name)| FOLDERS.contains(&name.as_str())).collect()
}

/// How many modules a file lies below the crate's root: 1 for `engine/mod.rs`, 2 for `engine/queue.rs`.
fn depth(file: &Path) -> usize {
    let below = file.strip_prefix(source()).expect("a file below src/");
    below.components().count() - usize::from(name_of(file) == "mod.rs")
}

/// The first names of what follows `crate::`: one for a path, one per entry for a group in braces.
fn first_segments(rest: &str) -> Vec<String> {
    let Some(group) = rest.strip_prefix('{') else { return leading_name(rest).into_iter().collect() };
    let mut names = leading_name(group).into_iter().collect::<Vec<_>>();
    let mut depth = 1;
    for (at, sign) in group.char_indices() {
        match sign {
            '{' => depth += 1,
            '}' if depth == 1 => break,
            '}' => depth -= 1,
            ',' if depth == 1 => names.extend(leading_name(&group[at + 1..])),
            _ => {}
        }
    }
    names
}

fn leading_name(text: &str) -> Option<String> {
    let text = text.trim_start();
    let text = text.strip_prefix("r#").unwrap_or(text);
    let end = text.find(|sign: char| !sign.is_alphanumeric() && sign != '_').unwrap_or(text.len());
    // Names in capitals are items of the crate's root (macros, types), not folders.
    (end > 0 && text.starts_with(|sign: char| sign.is_lowercase())).then(|| text[..end].to_string())
}

fn without_comment(line: &str) -> &str {
    match line.find("//") {
        Some(at) => &line[..at],
        None => line,
    }
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for path in entries.map(|entry| entry.expect("an entry").path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn source() -> PathBuf {
    root().join("src")
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("failed to read {}: {error}", shown(file)))
}

fn shown(file: &Path) -> String {
    file.strip_prefix(root()).unwrap_or(file).display().to_string()
}

fn name_of(path: &Path) -> String {
    path.file_name().expect("a name").to_string_lossy().into_owned()
}

/// Pages that name tests.
const PAGES: [&str; 2] = ["client-statements.md", "brokers-and-network.md"];

#[test]
fn every_test_that_a_page_names_exists() {
    let root = source().join("..");
    let files = rust_files(&source()).into_iter().chain(rust_files(&root.join("tests")));
    let mut tests = Vec::new();
    for text in files.map(|file| read(&file)) {
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        let after = |line: &str| line.strip_prefix("fn ").and_then(|rest| Some(rest.split_once('(')?.0.to_string()));
        tests.extend(lines.windows(2).filter(|pair| pair[0] == "#[test]").filter_map(|pair| after(pair[1])));
        // The pack of scenarios names its tests in a table.
        tests.extend(
            lines.iter().filter_map(|line| Some(line.strip_suffix("\",")?.split_once(" => \"")?.0.to_string())),
        );
    }
    for page in PAGES {
        let text = read(&root.join("docs").join(page));
        let quoted = text.split('`').skip(1).step_by(2);
        let last = |name: &str| name.rsplit("::").next().unwrap_or(name).trim_start_matches('…').to_string();
        let named: Vec<String> = quoted
            .filter(|name| {
                name.contains("::") || name.starts_with('…') || name.starts_with("statement_") || is_numbered(name)
            })
            .filter(|name| !name.ends_with("::…") && !name.ends_with("::tests") && !name.ends_with("::"))
            .map(last)
            .collect();
        assert!(named.len() > 20, "{page} names {} tests", named.len());
        for name in named {
            let found = match name.strip_suffix('…') {
                Some(start) => tests.iter().any(|test| test.starts_with(start)),
                None => tests.contains(&name),
            };
            assert!(found, "docs/{page}: there is no test `{name}`");
        }
    }
}

/// Named after a statement of the specification: `t51_…`.
fn is_numbered(name: &str) -> bool {
    name.strip_prefix('t')
        .and_then(|rest| rest.split_once('_'))
        .is_some_and(|(number, _)| number.parse::<u32>().is_ok())
}
