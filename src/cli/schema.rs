//! `rebalab schema`: prints the JSON Schema of scenario files.

use super::Exit;
use super::terminal;

/// Print the JSON Schema of scenario files
#[derive(clap::Args, Debug)]
pub struct Schema {}

impl Schema {
    /// Prints the schema.
    ///
    /// # Errors
    /// When standard output is closed.
    pub fn execute(&self) -> miette::Result<Exit> {
        terminal::print(&crate::scenario::file::schema())?;
        Ok(Exit::Success)
    }
}
