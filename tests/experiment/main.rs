//! Experiments as users type them: many runs of a scenario, folded, written, stopped, gone on with and merged.

mod bench;
mod claims;
mod compare;
mod shards;
mod stopped;
mod sweep;
mod tune;
