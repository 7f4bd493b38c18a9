//! Comments that switch a rule off for one setting: `# rebalab: allow session-short` on a line of its own before the
//! setting, or behind it where the format has such comments.

use std::collections::BTreeMap;

use super::rule::Finding;
use crate::scenario::text::Text;

/// What begins such a comment.
const MARK: &str = "rebalab: allow ";

/// Rules that are allowed, by the line of what they are allowed for.
#[derive(Debug, Default)]
pub struct Allowed<'t> {
    by_line: BTreeMap<usize, Vec<&'t str>>,
}

/// Reads the comments of a text. One without a line after it is of no effect.
pub fn read(text: &str) -> Allowed<'_> {
    let mut allowed = Allowed::default();
    let mut pending: Vec<&str> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let comment = line.find(['#', '!']).map(|at| (line[..at].trim(), line[at + 1..].trim()));
        let named = comment.and_then(|(before, comment)| Some((before, comment.strip_prefix(MARK)?)));
        if let Some((before, ids)) = named {
            pending.extend(ids.split(',').map(str::trim));
            if before.is_empty() {
                continue;
            }
        } else if comment.is_some_and(|(before, _)| before.is_empty()) {
            continue; // another comment between the two
        }
        if !pending.is_empty() {
            allowed.by_line.insert(index + 1, std::mem::take(&mut pending));
        }
    }
    allowed
}

impl Allowed<'_> {
    /// True if a comment allows what was found in this text.
    pub fn allows(&self, finding: &Finding, text: &Text) -> bool {
        let line = finding.span.as_ref().map(|span| text.line_and_column(span.start).0);
        let ids = line.and_then(|line| self.by_line.get(&line));
        ids.is_some_and(|ids| ids.contains(&finding.rule.id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_allows_rules_for_the_next_setting() {
        let allowed = read("# rebalab: allow a, b\n# why\nx=1\ny=2 # rebalab: allow c\n\nz=3\n");
        let expected = BTreeMap::from([(3, vec!["a", "b"]), (4, vec!["c"])]);
        assert_eq!(allowed.by_line, expected);
    }
}
