//! The broker's side: group coordinator shards as state machines without I/O.
//!
//! A [`Shard`] is one partition of `__consumer_offsets` with the groups and offsets in it. Time comes in with
//! each [`Input`]; everything that it wants done goes out as [`Output`]s, in order. The shard knows no queue, no
//! network and no randomness. The contract with its caller stands in [`interface`].

mod checks;
pub mod event;
pub mod interface;
pub mod record;
mod shard;

pub use checks::{check_api_request, check_request, error_response};
pub use event::CoordinatorEvent;
pub use interface::{ClientInfo, Input, MemberIds, OperationId, Output, ReleaseRule, RequestId, TimerId, TimerKey};
pub use record::{GroupMetadataValue, LoggedRecord, MemberMetadata, OffsetCommitValue, Record};
pub use shard::{Lifecycle, Shard};
