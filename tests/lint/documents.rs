//! Documents that list rules are what the rules say; scenarios that rules name are there; the repository's own settings
//! are without fault.

use std::fs;
use std::path::{Path, PathBuf};

use super::{BILLING, code, lint, stdout};
use rebalab::lint::rules;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn the_table_in_the_documentation_is_the_commands() {
    let table = stdout(&lint(&[], &["--rules"]));
    assert!(table.lines().count() > 40, "{table}");
    assert!(read("docs/lint.md").contains(&table), "write the output of `rebalab lint --rules` into docs/lint.md");
}

#[test]
fn every_scenario_that_a_rule_names_is_there() {
    let mut named = 0;
    for rule in rules() {
        let Some(path) = rule.scenario else { continue };
        assert!(root().join(path).is_file(), "{}: {path}", rule.id);
        named += 1;
    }
    assert!(named >= 20, "only {named} rules name a scenario");
}

#[test]
fn the_readmes_example_is_what_the_command_prints() {
    let output = lint(&[("billing.properties", BILLING)], &["billing.properties", "--record-time", "80ms"]);
    let readme = read("README.md");
    assert!(readme.contains(BILLING.trim_end()), "the settings stand in the README");
    assert!(readme.contains(stdout(&output).trim_end()), "write this into the README:\n{}", stdout(&output));
    assert_eq!(code(&output), 1);
}

#[test]
fn the_settings_that_this_repository_recommends_have_no_error() {
    let mut files = vec![root().to_path_buf()];
    let mut linted = 0;
    while let Some(path) = files.pop() {
        if path.is_dir() {
            let skipped = ["target", ".git", "vectors"].iter().any(|name| path.ends_with(name)) || path == lint_tests();
            if !skipped {
                files.extend(fs::read_dir(&path).expect("listed").map(|entry| entry.expect("an entry").path()));
            }
        } else if path.extension().is_some_and(|ending| ending == "properties") {
            let text = fs::read_to_string(&path).expect("text");
            let output = lint(&[("c.properties", &text)], &["c.properties", "--deny", "error"]);
            assert_eq!(code(&output), 0, "{}\n{}", path.display(), stdout(&output));
            linted += 1;
        }
    }
    assert!(linted > 0, "there is a properties file in reports/");
}

/// Settings with faults on purpose.
fn lint_tests() -> PathBuf {
    root().join("tests/lint")
}
