//! The broker's side: group coordinator shards as state machines without I/O.
//!
//! A [shard](interface) is one partition of `__consumer_offsets` with the groups and offsets in it. Time comes in with
//! each [`Input`]; everything that it wants done goes out as [`Output`]s, in order. The shard knows no queue, no
//! network and no randomness.

pub mod interface;

pub use interface::{ClientInfo, CoordinatorEvent, Input, MemberIds, Output, Record, RequestId, TimerKey};
