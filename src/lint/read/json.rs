//! JSON: one object whose members are settings, as librdkafka's bindings take them.

use crate::lint::settings::{Level, Written};
use crate::scenario::text::Problem;
use crate::scenario::text::json::{Member, Value, parse};

/// Reads the settings of an object. Objects within it give names with dots (`retry.retries`), lists of values one text
/// between commas; null is no setting.
///
/// # Errors
/// The place of what is wrong with it.
pub fn read(content: &str) -> Result<Vec<Written>, Problem> {
    if content.trim().is_empty() {
        return Err(Problem { text: 0, span: None, message: "the file is empty".into(), help: None }
            .help("an object with no settings is `{}`"));
    }
    let node = parse(content)?;
    let Value::Object(members) = node.value else {
        return Err(Problem::new(node.caret(), "settings stand in an object").help("write { \"group.id\": … }"));
    };
    let mut settings = Vec::new();
    for member in members {
        flatten(String::new(), member, &mut settings)?;
    }
    Ok(settings)
}

fn flatten(prefix: String, member: Member, settings: &mut Vec<Written>) -> Result<(), Problem> {
    let name = format!("{prefix}{}", member.key);
    let value = match member.value.value {
        Value::Null => return Ok(()),
        Value::Object(members) => {
            let prefix = format!("{name}.");
            return members.into_iter().try_for_each(|member| flatten(prefix.clone(), member, settings));
        }
        Value::Array(items) => {
            let texts: Option<Vec<String>> = items.iter().map(|item| scalar(&item.value)).collect();
            let message = format!("`{name}` takes a text, a number, true or false, or a list of those");
            texts.ok_or_else(|| Problem::new(member.value.span.start..member.value.span.start + 1, message))?.join(",")
        }
        value => scalar(&value).expect("neither null, nor object, nor list"),
    };
    settings.push(Written {
        shown: name.clone(),
        name,
        value,
        name_span: member.key_span,
        value_span: member.value.span,
        level: Level::Own,
        fault: None,
    });
    Ok(())
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_numbers_and_flags_are_settings() {
        let settings = read(r#"{"group.id": "g", "session.timeout.ms": 6000, "enable.auto.commit": false}"#).unwrap();
        let values: Vec<&str> = settings.iter().map(|setting| setting.value.as_str()).collect();
        assert_eq!(values, ["g", "6000", "false"]);
    }

    #[test]
    fn objects_and_lists_become_names_with_dots_and_texts_with_commas() {
        let settings = read(r#"{"retry": {"retries": 3}, "brokers": ["a", "b"], "rackId": null}"#).unwrap();
        let pairs: Vec<(&str, &str)> = settings.iter().map(|own| (own.name.as_str(), own.value.as_str())).collect();
        assert_eq!(pairs, [("retry.retries", "3"), ("brokers", "a,b")]);
    }

    #[test]
    fn what_is_no_setting_is_pointed_at() {
        assert_eq!(read(r#"{"a": [{"b": 1}]}"#).unwrap_err().span, Some(6..7));
        assert!(read("[]").unwrap_err().message.contains("object"));
        assert!(read(" ").unwrap_err().message.contains("empty"));
    }
}
