//! SARIF 2.1.0, the format in which code hosts take findings of linters.

use serde_json::{Value, json};

use super::sentence;
use crate::lint::{Finding, Linted, Rule, rules};

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// The findings as a SARIF log with one run; every rule is described, whether it found something or not.
pub fn sarif(linted: &Linted) -> String {
    let described: Vec<&Rule> = rules().collect();
    let results: Vec<Value> = linted.findings.iter().map(|finding| result(linted, finding, &described)).collect();
    let log = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {
                "driver": {
                    "name": "rebalab",
                    "semanticVersion": env!("CARGO_PKG_VERSION"),
                    "rules": described.iter().copied().map(rule).collect::<Vec<_>>(),
                }
            },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    crate::report::json::text(&log)
}

fn rule(rule: &Rule) -> Value {
    let help = format!("{} Right: {}.{}", sentence(rule.consequence), rule.right, shown(rule));
    json!({
        "id": rule.id,
        "shortDescription": { "text": sentence(rule.finds) },
        "fullDescription": { "text": sentence(rule.consequence) },
        "help": { "text": help },
        "defaultConfiguration": { "level": rule.severity.as_str() },
    })
}

fn shown(rule: &Rule) -> String {
    rule.scenario.map_or(String::new(), |path| format!(" Shown by: rebalab run {path}."))
}

fn result(linted: &Linted, finding: &Finding, rules: &[&Rule]) -> Value {
    let text = &linted.texts[finding.text];
    let mut place = json!({ "artifactLocation": { "uri": uri(&text.name) } });
    // A finding about what the file leaves out stands at its beginning, so that code hosts show it.
    let (start, end) = finding
        .span
        .as_ref()
        .map_or(((1, 1), (1, 1)), |span| (text.line_and_column(span.start), text.line_and_column(span.end)));
    place["region"] = json!({ "startLine": start.0, "startColumn": start.1, "endLine": end.0, "endColumn": end.1 });
    let index = rules.iter().position(|rule| rule.id == finding.rule.id).expect("every rule is listed");
    let told =
        format!("{}: {}. {}{}", finding.message, finding.consequence, sentence(&finding.right), shown(finding.rule));
    json!({
        "ruleId": finding.rule.id,
        "ruleIndex": index,
        "level": finding.severity.as_str(),
        "message": { "text": told },
        "locations": [{ "physicalLocation": place }],
    })
}

/// A path as the URI reference that SARIF wants.
fn uri(path: &str) -> String {
    let plain = path.replace('\\', "/");
    let mut uri = String::new();
    for byte in plain.trim_start_matches("./").bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' => uri.push(char::from(byte)),
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    if uri.starts_with('/') { format!("file://{uri}") } else { uri }
}

#[cfg(test)]
mod tests {
    use super::uri;

    #[test]
    fn paths_become_uri_references() {
        assert_eq!(uri("./a b/ü.properties"), "a%20b/%C3%BC.properties");
        assert_eq!(uri("/etc/c.properties"), "file:///etc/c.properties");
    }
}
