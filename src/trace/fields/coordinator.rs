//! Names, numbers and fields of what a coordinator tells.

use crate::coordinator::CoordinatorEvent;
use crate::protocol::{Generation, GroupId, MemberId};
use crate::trace::fields::FieldSink;

use CoordinatorEvent as C;

/// The group that a coordinator's event concerns; `None` for the whole shard.
#[inline]
pub fn group_of(event: &CoordinatorEvent) -> Option<&GroupId> {
    match event {
        C::MemberIdRequired { group, .. }
        | C::MemberJoined { group, .. }
        | C::PreparingRebalance { group, .. }
        | C::JoinParked { group, .. }
        | C::SyncParked { group, .. }
        | C::DynamicMembersRemoved { group, .. }
        | C::NoMembersRejoined { group }
        | C::Stabilized { group, .. }
        | C::Empty { group, .. }
        | C::AssignmentReceived { group, .. }
        | C::EmptyAssignments { group, .. }
        | C::Stable { group, .. }
        | C::PendingSyncExpired { group, .. }
        | C::MemberFailed { group, .. }
        | C::PendingMemberExpired { group, .. }
        | C::MemberLeft { group, .. }
        | C::PendingMemberLeft { group, .. }
        | C::StaticMemberReplaced { group, .. }
        | C::StaticMemberKeepsAssignment { group }
        | C::StaticMemberReverted { group, .. }
        | C::EmptyGroupNotWritten { group, .. }
        | C::SimpleGroupCreated { group }
        | C::OffsetsCommitted { group, .. }
        | C::OffsetsExpired { group, .. }
        | C::GroupExpired { group } => Some(group),
        C::TombstonesWritten { .. }
        | C::GroupsDeleted { .. }
        | C::Loaded { .. }
        | C::Unloaded { .. }
        | C::UnexpectedError { .. } => None,
    }
}

/// Number and name.
#[inline]
pub(super) fn kind(event: &CoordinatorEvent) -> (u8, &'static str) {
    match event {
        C::MemberJoined { .. } => (100, "MemberJoined"),
        C::PreparingRebalance { .. } => (101, "PreparingRebalance"),
        C::JoinParked { .. } => (102, "JoinParked"),
        C::Stabilized { .. } => (103, "Stabilized"),
        C::Empty { .. } => (104, "Empty"),
        C::AssignmentReceived { .. } => (105, "AssignmentReceived"),
        C::Stable { .. } => (106, "Stable"),
        C::MemberFailed { .. } => (107, "MemberFailed"),
        C::MemberLeft { .. } => (108, "MemberLeft"),
        C::StaticMemberReplaced { .. } => (109, "StaticMemberReplaced"),
        C::OffsetsCommitted { .. } => (110, "OffsetsCommitted"),
        C::OffsetsExpired { .. } => (111, "OffsetsExpired"),
        C::Loaded { .. } => (112, "Loaded"),
        C::MemberIdRequired { .. } => (113, "MemberIdRequired"),
        C::SyncParked { .. } => (114, "SyncParked"),
        C::DynamicMembersRemoved { .. } => (115, "DynamicMembersRemoved"),
        C::NoMembersRejoined { .. } => (116, "NoMembersRejoined"),
        C::EmptyAssignments { .. } => (117, "EmptyAssignments"),
        C::PendingSyncExpired { .. } => (118, "PendingSyncExpired"),
        C::PendingMemberExpired { .. } => (119, "PendingMemberExpired"),
        C::PendingMemberLeft { .. } => (120, "PendingMemberLeft"),
        C::StaticMemberKeepsAssignment { .. } => (121, "StaticMemberKeepsAssignment"),
        C::StaticMemberReverted { .. } => (122, "StaticMemberReverted"),
        C::EmptyGroupNotWritten { .. } => (123, "EmptyGroupNotWritten"),
        C::SimpleGroupCreated { .. } => (124, "SimpleGroupCreated"),
        C::GroupExpired { .. } => (125, "GroupExpired"),
        C::TombstonesWritten { .. } => (126, "TombstonesWritten"),
        C::GroupsDeleted { .. } => (127, "GroupsDeleted"),
        C::Unloaded { .. } => (128, "Unloaded"),
        C::UnexpectedError { .. } => (129, "UnexpectedError"),
    }
}

/// Hands the fields to `sink`, the group first.
pub(super) fn fields(event: &CoordinatorEvent, sink: &mut impl FieldSink) {
    if let Some(group) = group_of(event) {
        sink.text("group", group.as_str());
    }
    match event {
        C::PreparingRebalance { from_state, old_generation, reason, .. } => {
            sink.text("from_state", from_state);
            number(sink, "old_generation", *old_generation);
            sink.text("reason", reason);
        }
        C::Stabilized { generation, members, leader, protocol, .. } => {
            number(sink, "generation", *generation);
            sink.number("members", i64::from(*members));
            sink.text("leader", leader.as_str());
            sink.text("protocol", protocol);
        }
        C::Empty { generation, .. } | C::Stable { generation, .. } => number(sink, "generation", *generation),
        C::AssignmentReceived { generation, leader, members: count, static_members, .. } => {
            number(sink, "generation", *generation);
            sink.text("leader", leader.as_str());
            sink.number("members", i64::from(*count));
            sink.number("static_members", i64::from(*static_members));
        }
        C::EmptyAssignments { generation, members: ids, .. } => {
            number(sink, "generation", *generation);
            members(sink, ids);
        }
        C::OffsetsCommitted { member, partitions, .. } => {
            sink.text("member", member.as_str());
            sink.offsets("offsets", partitions);
        }
        C::OffsetsExpired { partitions, .. } => sink.partitions("partitions", partitions),
        C::EmptyGroupNotWritten { cause, .. } => sink.text("cause", cause),
        C::NoMembersRejoined { .. }
        | C::StaticMemberKeepsAssignment { .. }
        | C::SimpleGroupCreated { .. }
        | C::GroupExpired { .. } => {}
        C::TombstonesWritten { records } => sink.number("records", i64::from(*records)),
        C::GroupsDeleted { groups, offsets } => {
            sink.texts("groups", groups.iter().map(GroupId::as_str));
            sink.number("offsets", i64::from(*offsets));
        }
        C::Loaded { groups, records } => {
            sink.number("groups", i64::from(*groups));
            sink.number("records", *records as i64);
        }
        C::Unloaded { groups } => sink.number("groups", i64::from(*groups)),
        C::UnexpectedError { message } => sink.text("message", message),
        C::MemberIdRequired { .. }
        | C::MemberJoined { .. }
        | C::JoinParked { .. }
        | C::SyncParked { .. }
        | C::DynamicMembersRemoved { .. }
        | C::PendingSyncExpired { .. }
        | C::MemberFailed { .. }
        | C::PendingMemberExpired { .. }
        | C::MemberLeft { .. }
        | C::PendingMemberLeft { .. }
        | C::StaticMemberReplaced { .. }
        | C::StaticMemberReverted { .. } => member_fields(event, sink),
    }
}

/// Events about single members.
fn member_fields(event: &CoordinatorEvent, sink: &mut impl FieldSink) {
    match event {
        C::MemberIdRequired { member, state, .. } => {
            sink.text("member", member.as_str());
            sink.text("state", state);
        }
        C::MemberJoined { member, instance, client, state, was_pending, .. } => {
            sink.text("member", member.as_str());
            sink.optional_text("instance", instance.as_ref().map(|id| id.as_str()));
            sink.text("client", client.as_str());
            sink.text("state", state);
            sink.flag("was_pending", *was_pending);
        }
        C::JoinParked { member, .. } | C::SyncParked { member, .. } | C::PendingMemberExpired { member, .. } => {
            sink.text("member", member.as_str());
        }
        C::DynamicMembersRemoved { members: ids, .. } | C::PendingSyncExpired { members: ids, .. } => {
            members(sink, ids);
        }
        C::MemberFailed { member, reason, .. }
        | C::MemberLeft { member, reason, .. }
        | C::PendingMemberLeft { member, reason, .. } => {
            sink.text("member", member.as_str());
            sink.text("reason", reason);
        }
        C::StaticMemberReplaced { instance, old, new, state, .. } => {
            sink.text("instance", instance.as_str());
            sink.text("old", old.as_str());
            sink.text("new", new.as_str());
            sink.text("state", state);
        }
        C::StaticMemberReverted { instance, old, new, cause, .. } => {
            sink.text("instance", instance.as_str());
            sink.text("old", old.as_str());
            sink.text("new", new.as_str());
            sink.text("cause", cause);
        }
        _ => {}
    }
}

fn number(sink: &mut impl FieldSink, name: &'static str, generation: Generation) {
    sink.number(name, i64::from(generation.0));
}

fn members(sink: &mut impl FieldSink, ids: &[MemberId]) {
    sink.texts("members", ids.iter().map(MemberId::as_str));
}
