//! Scenario files: what a person typed (`file`), the checked result with all defaults filled in (`checked`), and the way
//! from one to the other (`check`), whose messages point at the exact place (`text`).

pub mod check;
pub mod checked;
pub mod file;
pub mod profile;
pub mod text;

pub use check::{FigureKind, Figures, Files, NoFiles, load, parse_check};
pub use checked::Scenario;
pub use profile::ClientProfile;
pub use text::Problems;
