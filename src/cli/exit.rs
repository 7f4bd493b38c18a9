//! Exit codes, a contract with scripts and CI.

use std::process::ExitCode;

/// How the command ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    /// 0: done, and everything that was expected holds.
    Success,
    /// 1: done, but an expectation does not hold (or a recording disagrees).
    Unmet,
    /// 2: not done: a bad file or argument, a full disk, a closed pipe.
    Failure,
}

impl Exit {
    /// The number that the process ends with.
    pub const fn code(self) -> u8 {
        match self {
            Exit::Success => 0,
            Exit::Unmet => 1,
            Exit::Failure => 2,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}
