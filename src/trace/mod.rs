//! The typed events of a run, the digest over them, and the JSON Lines form.

pub mod event;

pub use event::{
    ConsumerEntry, ConsumerIndex, Directory, Event, HostPause, Observer, PartitionIndex, StopKind, TraceEvent,
};
