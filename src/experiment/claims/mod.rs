//! Settling claims by experiment: pieces of advice in circulation, each with the experiment that tests it.
//!
//! - [`mod@file`]: what a claim file says: the claim, its sources, the experiment, the rule that decides
//! - [`judge`]: runs folded condition by condition, and the verdict that follows from the rule
//! - [`turn`]: between which conditions a finding turns, and at which place about

pub mod file;
pub mod judge;
pub mod turn;

pub use file::{ClaimFile, Condition, Test};
pub use judge::{JudgedClaim, Judging, Verdict};
