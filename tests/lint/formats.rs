//! What programs read: JSON and SARIF.

use serde_json::Value;

use super::{BILLING, code, lint, stdout};

fn parsed(files: &[(&str, &str)], arguments: &[&str]) -> Value {
    serde_json::from_str(&stdout(&lint(files, arguments))).expect("it is JSON")
}

#[test]
fn json_holds_every_finding_with_its_place() {
    let files = [("billing.properties", BILLING)];
    let whole = parsed(&files, &["billing.properties", "--format", "json"]);
    assert_eq!(whole["format_version"], 1);
    let findings = whole["findings"].as_array().expect("a list");
    let ratio = findings.iter().find(|finding| finding["rule"] == "heartbeat-above-a-third-of-session");
    let ratio = ratio.expect("4 s of 10 s are too much");
    assert_eq!(
        (&ratio["file"], &ratio["line"], &ratio["column"]),
        (&"billing.properties".into(), &3.into(), &23.into())
    );
    assert_eq!(ratio["severity"], "warning");
    assert_eq!(ratio["scenario"], "scenarios/heartbeat-two-thirds-of-the-session.json");
    for text in ["message", "consequence", "right"] {
        assert!(ratio[text].as_str().is_some_and(|text| !text.is_empty()), "{text}");
    }
    let counted = ["errors", "warnings", "notes"].map(|key| whole[key].as_u64().expect("a number"));
    assert_eq!(counted.iter().sum::<u64>(), findings.len() as u64);
}

#[test]
fn nothing_found_is_an_empty_list() {
    let files = [("c.properties", "group.id=g")];
    assert_eq!(parsed(&files, &["c.properties", "--format", "json"])["findings"], Value::Array(Vec::new()));
    let log = parsed(&files, &["c.properties", "--format", "sarif"]);
    assert_eq!(log["runs"][0]["results"], Value::Array(Vec::new()));
}

/// What the schema of SARIF 2.1.0 requires of the objects that are written, and what its enumerations allow.
#[test]
fn sarif_has_what_its_schema_requires() {
    let files =
        [("billing.properties", BILLING), ("empty.properties", ""), ("server.properties", "group.max.size=3\n")];
    let log = parsed(
        &files,
        &["billing.properties", "empty.properties", "--server", "server.properties", "--format", "sarif"],
    );
    assert_eq!(log["version"], "2.1.0");
    let runs = log["runs"].as_array().expect("runs");
    assert_eq!(runs.len(), 1);
    assert!(["utf16CodeUnits", "unicodeCodePoints"].contains(&runs[0]["columnKind"].as_str().expect("a kind")));
    let driver = &runs[0]["tool"]["driver"];
    assert_eq!(driver["name"], "rebalab");
    let rules = driver["rules"].as_array().expect("rules");
    for rule in rules {
        assert!(rule["id"].is_string());
        for text in ["shortDescription", "fullDescription", "help"] {
            assert!(rule[text]["text"].as_str().is_some_and(|text| !text.is_empty()), "{text} of {rule}");
        }
        is_level(&rule["defaultConfiguration"]["level"]);
    }
    let results = runs[0]["results"].as_array().expect("results");
    assert!(results.len() >= 4, "{results:?}");
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().expect("an index")).expect("small");
        assert_eq!(rules[index]["id"], result["ruleId"]);
        is_level(&result["level"]);
        assert!(result["message"]["text"].as_str().is_some_and(|text| text.ends_with('.')));
        let place = &result["locations"][0]["physicalLocation"];
        let uri = place["artifactLocation"]["uri"].as_str().expect("a uri");
        let text = files.iter().find(|(name, _)| *name == uri).map(|(_, text)| *text).expect("one of the files");
        is_region_of(&place["region"], text);
    }
}

fn is_level(level: &Value) {
    assert!(["none", "note", "warning", "error"].contains(&level.as_str().expect("a level")), "{level}");
}

/// Lines and columns from 1, the end after the start, within the file.
fn is_region_of(region: &Value, text: &str) {
    let number = |key: &str| region[key].as_u64().expect("a number");
    let (start, end) = ((number("startLine"), number("startColumn")), (number("endLine"), number("endColumn")));
    assert!(start >= (1, 1) && start <= end, "{region}");
    assert!(end.0 <= text.lines().count().max(1) as u64, "{region}");
}

#[test]
fn formats_don_t_change_the_exit_code() {
    let files = [("billing.properties", BILLING)];
    for format in ["text", "json", "sarif"] {
        assert_eq!(code(&lint(&files, &["billing.properties", "--format", format])), 1, "{format}");
    }
}
