//! The client's side: the consumer as a state machine without I/O.
//!
//! One [consumer](interface) is an application (poll) thread and a heartbeat thread that share a membership. Time comes
//! in with each [`Input`]; what it wants done goes out as [`Output`]s. The cluster carries them over connections that
//! can be slow or broken, and through hosts that can stand still.

pub mod interface;

pub use interface::{Callback, ClientEvent, CloseOption, Connection, Input, Output, RecordBatch, Thread};
