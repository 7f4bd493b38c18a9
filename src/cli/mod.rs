//! The command line: one file per verb. Reads arguments, calls the library, prints, sets the exit code.

/// Runs the command that the process arguments ask for.
pub fn main() -> std::process::ExitCode {
    std::process::ExitCode::from(2)
}
