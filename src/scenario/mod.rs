//! Scenario files: what a person typed (`file`), and the checked result with all defaults filled in (`checked`).

pub mod checked;

pub use checked::Scenario;
