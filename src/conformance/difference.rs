//! A field that came out differently than recorded.

use std::fmt::Debug;

/// One field of a case: recorded and computed side by side.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// Where in the case.
    pub field: String,
    /// As recorded.
    pub expected: String,
    /// As computed.
    pub actual: String,
}

/// Notes a difference if there is one.
pub(super) fn compare<T: PartialEq + Debug>(differences: &mut Vec<Difference>, field: &str, expected: &T, actual: &T) {
    if expected != actual {
        differences.push(Difference {
            field: field.to_owned(),
            expected: format!("{expected:?}"),
            actual: format!("{actual:?}"),
        });
    }
}
