//! The broker's side: group coordinator shards as state machines without I/O.
//!
//! A [`Shard`] is one partition of `__consumer_offsets` with the groups and offsets in it. Time comes in with
//! each [`Input`]; everything that it wants done goes out as [`Output`]s, in order. The shard knows no queue, no
//! network and no randomness. The contract with its caller stands in [`interface`].
//!
//! Inside: [`classic`] holds the groups, `offsets` what they commit; `state` follows the log and takes back what fails to
//! be appended; `operations` keeps answers back until the log allows them.

mod checks;
pub mod classic;
mod env;
pub mod event;
pub mod interface;
mod offsets;
mod operations;
pub mod record;
mod requests;
mod routing;
mod shard;
mod state;
mod timeline;
mod timers;

pub use checks::{check_api_request, check_request, error_response};
pub use event::CoordinatorEvent;
pub use interface::{
    ClientInfo, Input, MemberIds, OperationId, Output, Outputs, ReleaseRule, RequestId, TimerId, TimerKey,
};
pub use offsets::StoredOffset;
pub use record::{CommitRecords, GroupMetadataValue, LoggedRecord, MemberMetadata, OffsetCommitValue, Record, Records};
pub use routing::delete_groups_by_partition;
pub use shard::{Lifecycle, Shard};
