//! The typed events of a run, the digest over them, and the JSON Lines form.

pub mod digest;
pub mod directory;
pub mod event;
pub mod fields;
pub mod json;
pub mod read;
#[cfg(feature = "cli")]
pub mod write;

#[cfg(test)]
mod tests;

pub use digest::Digest;
pub use directory::PartitionLookup;
pub use event::{
    ConsumerEntry, ConsumerIndex, Directory, Event, HostPause, Observer, PartitionIndex, StopKind, TraceEvent,
};
pub use read::{TraceError, TraceReader, read_trace};
#[cfg(feature = "cli")]
pub use write::TraceWriter;
