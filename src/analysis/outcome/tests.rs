//! The documentation of the limits.

use super::limits;

#[test]
fn the_limits_in_the_documentation_are_those_of_the_program() {
    let text = include_str!("../../../docs/report.md");
    for row in [
        "| `rebalances` | 2,000 per group, the first ones; with at most 100,000 `members` entries in all |",
        "| `ownership`, `pauses` | 50,000 each per group",
        "| `removals` | 2,000 per group",
        "| `lag.samples` | 1,024 per group",
        "| `faults` | 5,000,",
        "| `exceptions` | 1,000,",
        "| `processes` | 1,000 per consumer",
        "| `violations` | 20 per invariant",
    ] {
        assert!(text.contains(row), "docs/report.md lacks {row}");
    }
    assert_eq!((limits::REBALANCES_LISTED, limits::MEMBER_PHASES_LISTED), (2_000, 100_000));
    assert_eq!((limits::OWNERSHIP_SPANS_LISTED, limits::PAUSE_SPANS_LISTED), (50_000, 50_000));
    assert_eq!((limits::REMOVALS_LISTED, limits::LAG_SAMPLES_LISTED), (2_000, 1_024));
    assert_eq!((limits::FAULTS_LISTED, limits::EXCEPTIONS_LISTED), (5_000, 1_000));
    assert_eq!((limits::PROCESSES_LISTED, limits::VIOLATIONS_LISTED), (1_000, 20));
}
