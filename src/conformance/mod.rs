//! Replays recordings of real Kafka through the state machines that the simulation uses, and counts agreement.
//!
//! A recording has one case per line; which [`Format`] a case has is told by its content. Everything that was recorded is
//! compared; what is not, and why, stands in the documentation of each format's module.

pub mod assignor;
pub mod assignor_library;
pub mod assignor_server;
mod case;
pub mod coordinator;
pub mod difference;
mod format;
pub mod hash;
mod hex;
pub mod live;
mod recording;

pub use case::{CaseReport, Divergence, ShownStep};
pub use difference::Difference;
pub use format::Format;
pub use recording::{RecordingError, RecordingReport, replay_recording};
