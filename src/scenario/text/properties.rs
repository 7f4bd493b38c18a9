//! Java properties files (`java.util.Properties`), with the place of every setting.

use std::ops::Range;

/// One setting of a properties file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The key, escapes resolved.
    pub key: String,
    /// The value, escapes resolved; white space at its end belongs to it, as in Java.
    pub value: String,
    /// Bytes of key and value in the text, without the comments and blank lines around.
    pub span: Range<usize>,
    /// Bytes of the key.
    pub key_span: Range<usize>,
    /// Bytes of the value.
    pub value_span: Range<usize>,
}

/// Reads a properties file: `key=value`, `key: value` or `key value`, comments with `#` or `!`, lines that go on after a
/// backslash, `\uXXXX`. A key given twice counts as Java counts it: all are returned, the last one wins.
///
/// # Errors
/// The bytes and what is wrong with them.
pub fn parse(text: &str) -> Result<Vec<Entry>, (Range<usize>, String)> {
    let mut entries = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let line_start = at + text[at..].len() - text[at..].trim_start_matches([' ', '\t', '\x0c', '\r', '\n']).len();
        if line_start == text.len() {
            break;
        }
        if text[line_start..].starts_with(['#', '!']) {
            at = text[line_start..].find('\n').map_or(text.len(), |newline| line_start + newline + 1);
            continue;
        }
        let end = logical_line_end(text, line_start);
        entries.push(entry(text, line_start..end)?);
        at = end + 1;
    }
    Ok(entries)
}

/// End of the line that begins at `start`, continuation lines included, without its line break.
fn logical_line_end(text: &str, start: usize) -> usize {
    let mut from = start;
    loop {
        let Some(newline) = text[from..].find('\n').map(|newline| from + newline) else { return text.len() };
        let line = text[from..newline].trim_end_matches('\r');
        let backslashes = line.len() - line.trim_end_matches('\\').len();
        if backslashes.is_multiple_of(2) {
            return from + line.len();
        }
        from = newline + 1;
    }
}

fn entry(text: &str, line: Range<usize>) -> Result<Entry, (Range<usize>, String)> {
    let is_separator = |c: char| matches!(c, '=' | ':' | ' ' | '\t' | '\x0c');
    let raw = &text[line.clone()];
    let mut escaped = false;
    let key_end = raw
        .find(|c: char| {
            let ends = !escaped && is_separator(c);
            escaped = !escaped && c == '\\';
            ends
        })
        .unwrap_or(raw.len());
    let blank = [' ', '\t', '\x0c'];
    let mut rest = raw[key_end..].trim_start_matches(blank);
    rest = rest.strip_prefix(['=', ':']).unwrap_or(rest).trim_start_matches(blank);
    let value_start = line.start + raw.len() - rest.len();
    Ok(Entry {
        key: unescape(text, line.start..line.start + key_end)?,
        value: unescape(text, value_start..line.end)?,
        key_span: line.start..line.start + key_end,
        value_span: value_start..line.end,
        span: line,
    })
}

fn unescape(text: &str, span: Range<usize>) -> Result<String, (Range<usize>, String)> {
    let mut plain = String::new();
    let mut rest = text[span.clone()].char_indices().peekable();
    while let Some((at, c)) = rest.next() {
        if c != '\\' {
            plain.push(c);
            continue;
        }
        match rest.next() {
            None => {}
            Some((_, 't')) => plain.push('\t'),
            Some((_, 'n')) => plain.push('\n'),
            Some((_, 'r')) => plain.push('\r'),
            Some((_, 'f')) => plain.push('\x0c'),
            Some((_, 'u')) => {
                let digits: String = rest.by_ref().take(4).map(|(_, digit)| digit).collect();
                let code = u32::from_str_radix(&digits, 16).ok().filter(|_| digits.len() == 4);
                let start = span.start + at;
                let wrong = (start..start + 2, format!("`\\u{digits}` is no character: write four hexadecimal digits"));
                plain.push(code.and_then(char::from_u32).ok_or(wrong)?);
            }
            Some((_, '\r' | '\n')) => {
                while rest.next_if(|(_, c)| matches!(c, ' ' | '\t' | '\x0c' | '\r' | '\n')).is_some() {}
            }
            Some((_, other)) => plain.push(other),
        }
    }
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        parse(text).unwrap().into_iter().map(|entry| (entry.key, entry.value)).collect()
    }

    #[test]
    fn settings_are_read_as_java_reads_them() {
        let text = "# comment\n! another = 1\n\na=1\r\n b : two words \nc\td\n\\:e\\==\\u00fc\\tx\nlist = one,\\\n    two\nempty\n";
        let expected =
            [("a", "1"), ("b", "two words "), ("c", "d"), (":e=", "ü\tx"), ("list", "one,two"), ("empty", "")];
        assert_eq!(pairs(text), expected.map(|(key, value)| (key.to_string(), value.to_string())));
    }

    #[test]
    fn a_setting_knows_its_place() {
        let text = "#\nsession.timeout.ms=5s\n";
        assert_eq!(&text[parse(text).unwrap()[0].span.clone()], "session.timeout.ms=5s");
    }

    #[test]
    fn a_doubled_backslash_does_not_continue_the_line() {
        assert_eq!(pairs("a=b\\\\\nc=d"), [("a".into(), "b\\".into()), ("c".into(), "d".into())]);
        assert_eq!(pairs("a=b\\"), [("a".into(), "b".into())]);
    }

    #[test]
    fn a_broken_escape_is_pointed_at() {
        let (span, message) = parse("a=\\u12").unwrap_err();
        assert_eq!(span, 2..4);
        assert!(message.contains("four hexadecimal digits"));
    }
}
