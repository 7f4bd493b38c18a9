//! Which seeds an experiment runs under.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Seeds from the first to the last, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seeds {
    /// First seed.
    pub from: u64,
    /// Last seed.
    pub to: u64,
}

impl Seeds {
    /// Seeds 1 to `count`.
    pub fn first(count: u64) -> Self {
        Seeds { from: 1, to: count.max(1) }
    }

    /// Reads `1..30`, or `30` for the first thirty.
    ///
    /// ```
    /// use rebalab::experiment::Seeds;
    /// assert_eq!(Seeds::parse("30"), Seeds::parse("1..30"));
    /// assert!(Seeds::parse("30..1").is_err());
    /// ```
    ///
    /// # Errors
    /// What would be right.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` names no seeds: write a number (30), or the first and the last one (1..30)");
        let number = |text: &str| text.trim().parse::<u64>().map_err(|_| wrong());
        let (from, to) = match text.split_once("..") {
            Some((from, to)) => (number(from)?, number(to.trim_start_matches('='))?),
            None => (1, number(text)?),
        };
        if from > to || to == u64::MAX {
            return Err(wrong());
        }
        Ok(Seeds { from, to })
    }

    /// How many.
    pub fn count(&self) -> u64 {
        self.to - self.from + 1
    }

    /// The seed of that index.
    pub fn nth(&self, index: u64) -> u64 {
        self.from + index
    }
}

impl fmt::Display for Seeds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.from, self.to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_are_included() {
        let seeds = Seeds::parse("3..7").unwrap();
        assert_eq!((seeds.count(), seeds.nth(0), seeds.nth(4)), (5, 3, 7));
        assert_eq!(seeds.to_string(), "3..7");
    }

    #[test]
    fn what_names_no_seeds_is_refused() {
        for text in ["", "x", "0", "-1", "5..2", "1..", "..3", "1..18446744073709551615"] {
            assert!(Seeds::parse(text).is_err_and(|error| error.contains("1..30")), "{text}");
        }
    }
}
