//! A recording: one case per line.

use std::io::BufRead;

use serde::Serialize;
use serde_json::Value;
use thiserror::Error;

use super::case::CaseReport;
use super::format::{Format, case_name};
use crate::trace::read::of_one_line;

/// What the replay of a recording says.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct RecordingReport {
    /// Format of its cases.
    pub format: Option<Format>,
    /// How many cases were replayed.
    pub cases: usize,
    /// How many of them agree.
    pub agreeing: usize,
    /// How many steps were replayed.
    pub steps: usize,
    /// The cases that do not agree; with a case picked by name, that case.
    pub shown: Vec<CaseReport>,
}

/// Why a recording cannot be replayed. Never a reason to leave out a case: the whole recording is refused.
#[derive(Debug, Error)]
pub enum RecordingError {
    /// The text could not be read.
    #[error("failed to read line {line}")]
    Read {
        /// Line, from 1.
        line: usize,
        /// What went wrong.
        source: std::io::Error,
    },
    /// A case is JSON, but of no format that is known.
    #[error(
        "line {line} holds no case of a known format (a coordinator case has `steps`, `release` and `config`; an assignor \
         case `assignor` and `generations`; a hash case `groupId`, `keyHex` or `operations`)"
    )]
    UnknownFormat {
        /// Line, from 1.
        line: usize,
    },
    /// A recording of real processes over time: it is judged, not replayed step by step.
    #[error("line {line} is a live recording: it has no steps to replay")]
    Live {
        /// Line, from 1.
        line: usize,
    },
    /// There is nothing in it.
    #[error("there is no case in it")]
    Empty,
    /// A line that is no JSON, or a case of a known format that makes no sense.
    #[error("line {line} is damaged: {reason}")]
    Damaged {
        /// Line, from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
}

/// Replays a recording, or the one case of it that is picked by name (with every step shown).
///
/// # Errors
/// If a line cannot be read or understood.
pub fn replay_recording(text: impl BufRead, only: Option<&str>) -> Result<RecordingReport, RecordingError> {
    let mut report = RecordingReport { format: None, cases: 0, agreeing: 0, steps: 0, shown: Vec::new() };
    for (text, line) in text.lines().zip(1..) {
        let text = text.map_err(|source| RecordingError::Read { line, source })?;
        if text.trim().is_empty() {
            continue;
        }
        let case: Value = serde_json::from_str(&text)
            .map_err(|error| RecordingError::Damaged { line, reason: of_one_line(&error) })?;
        let format = match Format::recognise(&case) {
            Some(format) => format,
            None if is_live(&case) => return Err(RecordingError::Live { line }),
            None => return Err(RecordingError::UnknownFormat { line }),
        };
        report.format.get_or_insert(format);
        if only.is_some_and(|only| case_name(&case) != Some(only)) {
            continue;
        }
        let replayed = format.replay(&case, only.is_some());
        let replayed = replayed.map_err(|reason| RecordingError::Damaged { line, reason })?;
        report.cases += 1;
        report.steps += replayed.steps;
        report.agreeing += usize::from(replayed.agrees());
        if only.is_some() || !replayed.agrees() {
            report.shown.push(replayed);
        }
    }
    if report.format.is_none() {
        return Err(RecordingError::Empty);
    }
    Ok(report)
}

/// A line of a live recording (see [`live`](super::live)).
fn is_live(case: &Value) -> bool {
    ["scenario", "actions", "events"].iter().all(|field| case.get(field).is_some())
}
