//! Texts that people write, read so that a message can point at the exact place.

pub mod de;
pub mod json;
pub mod problem;
pub mod properties;
pub mod yaml;

pub use json::{Node, Place};
pub use problem::{Problem, Problems, Text};
