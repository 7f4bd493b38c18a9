//! Committed offsets: what is stored, and the requests and timers that read, write and remove it
//! (classic-coordinator.md 6; `OffsetMetadataManager`).

mod commit;
mod fetch;
mod remove;
mod store;

pub use store::StoredOffset;

pub(super) use commit::{CommitOutcome, commit, commit_transactional};
pub(super) use fetch::fetch;
pub(super) use remove::{delete_groups, delete_offsets, expire, partitions_deleted};
pub(super) use store::{CommitPart, OffsetStore, Offsets};
