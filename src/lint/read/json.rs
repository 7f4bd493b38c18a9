//! JSON: one object whose members are settings, as librdkafka's bindings take them.

use crate::lint::settings::Written;
use crate::scenario::text::Problem;
use crate::scenario::text::json::{Member, Value, parse};

/// Reads the settings of an object.
///
/// # Errors
/// The place of what is wrong with it.
pub fn read(content: &str) -> Result<Vec<Written>, Problem> {
    if content.trim().is_empty() {
        return Err(Problem { text: 0, span: None, message: "the file is empty".into(), help: None }
            .help("an object with no settings is `{}`"));
    }
    let node = parse(content)?;
    match node.value {
        Value::Object(members) => members.into_iter().map(setting).collect(),
        _ => Err(Problem::new(node.caret(), "settings stand in an object").help("write { \"group.id\": … }")),
    }
}

fn setting(member: Member) -> Result<Written, Problem> {
    let value = match &member.value.value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => {
            let message = format!("`{}` takes a text, a number, true or false", member.key);
            return Err(Problem::new(member.value.caret(), message));
        }
    };
    Ok(Written {
        shown: member.key.clone(),
        name: member.key,
        value,
        name_span: member.key_span,
        value_span: member.value.span,
        shared: false,
        fault: None,
    })
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
    fn what_is_no_setting_is_pointed_at() {
        assert_eq!(read(r#"{"a": {"b": 1}}"#).unwrap_err().span, Some(6..7));
        assert!(read("[]").unwrap_err().message.contains("object"));
        assert!(read(" ").unwrap_err().message.contains("empty"));
    }
}
