//! The `rebalab` command: what it can do is listed in `cli/`, one file per verb.

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = rebalab::cli::arguments();
    match rebalab::cli::execute(&arguments) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            rebalab::cli::explain(&failure);
            rebalab::cli::Exit::Failure.into()
        }
    }
}
