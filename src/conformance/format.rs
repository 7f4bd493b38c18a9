//! Which format a recorded case has, told by its content, and the replay that belongs to it.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use super::case::{CaseReport, Divergence, Transcript};
use super::difference::Difference;
use super::{assignor, assignor_library, assignor_server, coordinator, hash};

/// The formats that recordings come in. A new one needs a variant here, a test for its cases, and a replay.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// Requests, timers and appends to the classic group coordinator and its offsets.
    Coordinator,
    /// Computations of an assignor of the consumer.
    ClientAssignor,
    /// Computations of an assignor of another client library.
    LibraryAssignor,
    /// Computations of an assignor of the broker (KIP-848).
    ServerAssignor,
    /// Hash functions and the orders they make.
    Hash,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Format::Coordinator => "classic coordinator",
            Format::ClientAssignor => "client assignor",
            Format::LibraryAssignor => "library assignor",
            Format::ServerAssignor => "server assignor",
            Format::Hash => "hash",
        })
    }
}

impl Format {
    /// The format of a case; `None` if it is none of those known.
    pub fn recognise(case: &Value) -> Option<Format> {
        if coordinator::is_coordinator_case(case) {
            Some(Format::Coordinator)
        } else if assignor_library::is_library_assignor_case(case) {
            Some(Format::LibraryAssignor)
        } else if assignor::is_client_assignor_case(case) {
            Some(Format::ClientAssignor)
        } else if assignor_server::is_server_assignor_case(case) {
            Some(Format::ServerAssignor)
        } else if hash::is_hash_case(case) {
            Some(Format::Hash)
        } else {
            None
        }
    }

    /// Replays a case of this format; with `show`, every step comes back too.
    ///
    /// # Errors
    /// A sentence about what is wrong with the case itself, if it is damaged.
    pub fn replay(self, case: &Value, show: bool) -> Result<CaseReport, String> {
        let name = case_name(case).ok_or("the case has no name (field `case`)")?.to_owned();
        match self {
            Format::Coordinator => coordinator::replay(name, case, show),
            Format::ClientAssignor => {
                let (differences, computations) = assignor::replay(case)?;
                Ok(whole_case(name, computations, differences, case, show))
            }
            Format::LibraryAssignor => {
                let (differences, computations) = assignor_library::replay(case)?;
                Ok(whole_case(name, computations, differences, case, show))
            }
            Format::ServerAssignor => {
                let (differences, computations) = assignor_server::replay(case)?;
                Ok(whole_case(name, computations, differences, case, show))
            }
            Format::Hash => {
                let differences = hash::replay(case)?;
                Ok(whole_case(name, 1, differences, case, show))
            }
        }
    }
}

/// The name of a case of any format.
pub fn case_name(case: &Value) -> Option<&str> {
    case.get("case").and_then(Value::as_str)
}

/// The report of a format that compares a case in one go. The fields' paths say where in the case they are.
fn whole_case(name: String, steps: usize, differences: Vec<Difference>, case: &Value, show: bool) -> CaseReport {
    let mut transcript = Transcript::new(show);
    transcript.push(
        0,
        || case.to_string(),
        || {
            let lines = differences.iter();
            lines
                .map(|found| format!("{}: recorded {}, computed {}", found.field, found.expected, found.actual))
                .collect()
        },
    );
    let divergence =
        (!differences.is_empty()).then(|| Divergence { step: None, input: "the whole case".to_owned(), differences });
    CaseReport { case: name, steps, divergence, transcript: transcript.into_steps() }
}
