//! Groups of the classic protocol: JoinGroup, SyncGroup, Heartbeat, LeaveGroup and the timers behind them.
//!
//! Each handler gets one group and the environment, changes the group in place, and returns the one record it
//! wants written, with what is to be done once that record is committed or failed.

mod group;
mod join;
mod liveness;
mod load;
mod member;
mod rebalance;
mod static_member;
mod sync;

pub use group::{ClassicGroup, GroupState};
pub use member::Member;

use super::env::{Env, Unexpected};
use super::interface::RequestId;
use super::record::Record;
use crate::coordinator::event::CoordinatorEvent;
use crate::protocol::{ErrorCode, GroupId, MemberId};

pub(super) use join::join;
pub(super) use liveness::{expire_heartbeat, heartbeat, leave};
pub(super) use load::{group_from_record, load_group, unload_group};
pub(super) use rebalance::{complete_join, try_complete_initial_rebalance};
pub(super) use sync::{expire_pending_sync, sync};

/// A record that a handler wants written, and who waits for its fate.
pub(super) struct Write {
    /// The record. It is not replayed: the group has changed already.
    pub(super) record: Record,
    /// What follows.
    pub(super) callback: Callback,
}

/// What a handler of a group did: it may write one record.
pub(super) type Handled = Result<Option<Write>, Unexpected>;

/// What follows when a group's record is committed or fails.
pub(super) enum Callback {
    /// The empty record of a group that a JoinGroup made: its failure answers the request.
    NewGroup { request: RequestId, group: GroupId },
    /// The record of a group that became empty: nobody minds its failure.
    EmptyGroup { group: GroupId },
    /// The leader's assignment.
    Assignment(Box<sync::AssignmentWrite>),
    /// A static member was replaced without a rebalance.
    StaticReplace(Box<static_member::ReplaceWrite>),
}

impl Callback {
    /// The very group object that this is about; a callback may outlive it.
    pub(super) fn group(&self) -> Option<(&GroupId, u64)> {
        match self {
            Callback::NewGroup { .. } | Callback::EmptyGroup { .. } => None,
            Callback::Assignment(write) => Some((&write.group, write.incarnation)),
            Callback::StaticReplace(write) => Some((&write.group, write.incarnation)),
        }
    }

    /// The record's fate is known. `group` is the object of [`Callback::group`], if it is still there.
    pub(super) fn complete(self, group: Option<&mut ClassicGroup>, result: Result<(), ErrorCode>, env: &mut Env) {
        match (self, group, result) {
            (Callback::NewGroup { request, group }, _, Err(error)) => {
                join::new_group_failed(request, group, error, env)
            }
            (Callback::EmptyGroup { group }, _, Err(error)) => {
                env.event(CoordinatorEvent::EmptyGroupNotWritten { group, cause: error.name().into() });
            }
            (Callback::Assignment(write), Some(group), result) => sync::complete_assignment(group, *write, result, env),
            (Callback::StaticReplace(write), group, result) => static_member::complete(group, *write, result, env),
            _ => {}
        }
    }
}

/// Text of an optional member id list, for reasons.
fn java_set(members: &[MemberId]) -> String {
    let names: Vec<&str> = members.iter().map(MemberId::as_str).collect();
    format!("[{}]", names.join(", "))
}
