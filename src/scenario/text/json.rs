//! A JSON text as a tree that remembers where each value stands, so that a message about a value can point at it.
//!
//! `serde_json` decides what is valid JSON; the scan below runs on text that it has accepted.

use std::fmt;
use std::ops::Range;

use serde_json::Number;

use super::problem::Problem;

/// A value and the bytes it was read from.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Bytes of the value in the text.
    pub span: Range<usize>,
    /// The value.
    pub value: Value,
}

/// A JSON value whose parts remember their places.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number.
    Number(Number),
    /// A string, unescaped.
    String(String),
    /// An array.
    Array(Vec<Node>),
    /// An object, in the text's order.
    Object(Vec<Member>),
}

/// One key of an object with its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// The key, unescaped.
    pub key: String,
    /// Bytes of the key with its quotes.
    pub key_span: Range<usize>,
    /// The value.
    pub value: Node,
}

/// Where a value stands in a document: a chain of keys and positions, built while walking down.
#[derive(Clone, Copy, Debug)]
pub enum Place<'a> {
    /// The whole document.
    Root,
    /// The value under a key.
    Key(&'a Place<'a>, &'a str),
    /// The value at a position (from 0) of an array.
    Index(&'a Place<'a>, usize),
}

impl<'a> Place<'a> {
    /// The value under `key` of this object.
    pub fn key(&'a self, key: &'a str) -> Place<'a> {
        Place::Key(self, key)
    }
    /// The value at position `index` of this array.
    pub fn index(&'a self, index: usize) -> Place<'a> {
        Place::Index(self, index)
    }
}

/// `groups[0].consumers[1].properties.session.timeout.ms`
impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Root => Ok(()),
            Place::Key(Place::Root, key) => f.write_str(key),
            Place::Key(parent, key) => write!(f, "{parent}.{key}"),
            Place::Index(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}

impl Node {
    /// The value at `place`, or the nearest enclosing one that the text has.
    pub fn at(&self, place: &Place<'_>) -> &Node {
        match place {
            Place::Root => self,
            Place::Key(parent, key) => {
                let object = self.at(parent);
                object.member(key).map_or(object, |member| &member.value)
            }
            Place::Index(parent, index) => {
                let list = self.at(parent);
                match &list.value {
                    Value::Array(items) => items.get(*index).unwrap_or(list),
                    _ => list,
                }
            }
        }
    }

    /// The key that `place` ends with (its quotes included), or what [`Node::at`] gives where there is none.
    pub fn key_span(&self, place: &Place<'_>) -> Range<usize> {
        match place {
            Place::Key(parent, key) => match self.at(parent).member(key) {
                Some(member) => member.key_span.clone(),
                None => self.at(parent).caret(),
            },
            _ => self.at(place).caret(),
        }
    }

    /// What a message about this value points at: the value itself, of an object or array only its opening bracket.
    pub fn caret(&self) -> Range<usize> {
        match self.value {
            Value::Object(_) | Value::Array(_) => self.span.start..self.span.start + 1,
            _ => self.span.clone(),
        }
    }

    fn member(&self, key: &str) -> Option<&Member> {
        match &self.value {
            Value::Object(members) => members.iter().find(|member| member.key == key),
            _ => None,
        }
    }
}

/// Reads a document. A key that is given twice is an error too: one of the two would silently be lost.
pub fn parse(text: &str) -> Result<Node, Problem> {
    if let Err(error) = serde_json::from_str::<serde_json::Value>(text) {
        return Err(syntax_problem(text, &error));
    }
    let mut scan = Scan { text, at: 0, twice: None };
    let node = scan.value();
    match scan.twice {
        Some((key, span)) => Err(Problem::new(span, format!("`{key}` is given twice")).help("keep one of the two")),
        None => Ok(node),
    }
}

fn syntax_problem(text: &str, error: &serde_json::Error) -> Problem {
    let before: usize = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    let mut at = (before + error.column().saturating_sub(1)).min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    let width = text[at..].chars().next().filter(|c| *c != '\n').map_or(0, char::len_utf8);
    let whole = error.to_string();
    let what = whole.rfind(" at line ").map_or(whole.as_str(), |end| &whole[..end]);
    let told = what.replace("EOF while parsing", "the text ends within");
    let problem = Problem::new(at..at + width, format!("not valid JSON: {told}"));
    match (&text[at..], what) {
        (_, "trailing comma") => problem.help("leave out the comma before the closing bracket"),
        (rest, _) if rest.starts_with('/') || rest.starts_with('#') => {
            problem.help("JSON has no comments; a scenario's `description` takes free text")
        }
        (rest, _) if rest.starts_with('\'') => problem.help("strings and keys stand in double quotes"),
        _ => problem,
    }
}

/// Walks over text that is known to be valid JSON.
struct Scan<'t> {
    text: &'t str,
    at: usize,
    /// The first key found for the second time in its object.
    twice: Option<(String, Range<usize>)>,
}

impl Scan<'_> {
    fn value(&mut self) -> Node {
        self.skip_white_space();
        let start = self.at;
        let value = match self.peek() {
            b'{' => self.object(),
            b'[' => self.array(),
            b'"' => Value::String(self.string()),
            _ => self.scalar(),
        };
        Node { span: start..self.at, value }
    }

    fn object(&mut self) -> Value {
        self.at += 1;
        let mut members: Vec<Member> = Vec::new();
        while self.next_item(b'}') {
            let start = self.at;
            let key = self.string();
            let key_span = start..self.at;
            self.skip_white_space();
            self.at += 1; // the colon
            if self.twice.is_none() && members.iter().any(|member| member.key == key) {
                self.twice = Some((key.clone(), key_span.clone()));
            }
            members.push(Member { key, key_span, value: self.value() });
        }
        Value::Object(members)
    }

    fn array(&mut self) -> Value {
        self.at += 1;
        let mut items = Vec::new();
        while self.next_item(b']') {
            items.push(self.value());
        }
        Value::Array(items)
    }

    /// Goes to the next item of an object or array, or past its closing bracket.
    fn next_item(&mut self, close: u8) -> bool {
        self.skip_white_space();
        if self.peek() == b',' {
            self.at += 1;
            self.skip_white_space();
        }
        if self.peek() == close {
            self.at += 1;
            return false;
        }
        true
    }

    fn string(&mut self) -> String {
        let start = self.at;
        self.at += 1;
        while self.peek() != b'"' {
            self.at += if self.peek() == b'\\' { 2 } else { 1 };
        }
        self.at += 1;
        serde_json::from_str(&self.text[start..self.at]).expect("serde_json has accepted the whole text")
    }

    fn scalar(&mut self) -> Value {
        let rest = &self.text[self.at..];
        let length = rest.find([',', ']', '}', ' ', '\t', '\n', '\r']).unwrap_or(rest.len());
        self.at += length;
        match &rest[..length] {
            "null" => Value::Null,
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            number => Value::Number(serde_json::from_str(number).expect("serde_json has accepted the whole text")),
        }
    }

    fn skip_white_space(&mut self) {
        while matches!(self.peek(), b' ' | b'\t' | b'\n' | b'\r') {
            self.at += 1;
        }
    }

    fn peek(&self) -> u8 {
        self.text.as_bytes().get(self.at).copied().unwrap_or(b'\0')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{ "a": [1, {"b\"c": "ü"}, -2.5e1], "d": null, "e": {} }"#;

    #[test]
    fn every_value_knows_the_bytes_it_was_read_from() {
        let root = parse(TEXT).unwrap();
        let a = Place::Root.key("a");
        assert_eq!(&TEXT[root.at(&a.index(0)).span.clone()], "1");
        assert_eq!(&TEXT[root.at(&a.index(1).key("b\"c")).span.clone()], "\"ü\"");
        assert_eq!(&TEXT[root.at(&a.index(2)).span.clone()], "-2.5e1");
        assert_eq!(&TEXT[root.key_span(&Place::Root.key("d"))], "\"d\"");
        assert_eq!(&TEXT[root.at(&Place::Root.key("e")).span.clone()], "{}");
        assert_eq!(root.at(&a.index(1).key("b\"c")).value, Value::String("ü".into()));
    }

    #[test]
    fn a_place_that_the_text_lacks_points_at_the_enclosing_value() {
        let root = parse(TEXT).unwrap();
        let missing = Place::Root.key("e");
        let missing = missing.key("nothing");
        assert_eq!(&TEXT[root.at(&missing).span.clone()], "{}");
        assert_eq!(missing.to_string(), "e.nothing");
    }

    #[test]
    fn a_key_given_twice_is_an_error_at_the_second() {
        let problem = parse(r#"{"a": 1, "a": 2}"#).unwrap_err();
        assert_eq!(problem.span, Some(9..12));
        assert_eq!(problem.message, "`a` is given twice");
    }

    #[test]
    fn invalid_json_is_pointed_at_with_advice() {
        let problem = parse("{\n  \"a\": 1,\n}").unwrap_err();
        assert_eq!(problem.span, Some(12..13));
        assert!(problem.help.unwrap().contains("comma"));
        let problem = parse("{ // no\n}").unwrap_err();
        assert!(problem.help.unwrap().contains("no comments"));
        assert!(parse("").is_err());
        assert!(parse(&"[".repeat(100_000)).is_err());
    }
}
