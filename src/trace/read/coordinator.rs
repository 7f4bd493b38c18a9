//! Reads what a coordinator told.

use super::TraceError;
use super::line::{Line, Words};
use crate::coordinator::CoordinatorEvent;
use crate::protocol::{GroupId, MemberId};

use CoordinatorEvent as C;

/// The event of that name; `None` if a coordinator has none of that name.
pub(super) fn event(name: &str, line: &Line, words: &mut Words) -> Result<Option<CoordinatorEvent>, TraceError> {
    if let Some(event) = member_event(name, line, words)? {
        return Ok(Some(event));
    }
    let group = || line.text("group").map(GroupId::from);
    Ok(Some(match name {
        "PreparingRebalance" => C::PreparingRebalance {
            group: group()?,
            from_state: words.word(line.text("from_state")?, line.number)?,
            old_generation: line.generation("old_generation")?,
            reason: line.shared_text("reason")?,
        },
        "DynamicMembersRemoved" => C::DynamicMembersRemoved { group: group()?, members: line.members()? },
        "NoMembersRejoined" => C::NoMembersRejoined { group: group()? },
        "Stabilized" => C::Stabilized {
            group: group()?,
            generation: line.generation("generation")?,
            members: line.integer("members")? as u32,
            leader: line.text("leader")?.into(),
            protocol: line.shared_text("protocol")?,
        },
        "Empty" => C::Empty { group: group()?, generation: line.generation("generation")? },
        "AssignmentReceived" => C::AssignmentReceived {
            group: group()?,
            generation: line.generation("generation")?,
            leader: line.text("leader")?.into(),
            members: line.integer("members")? as u32,
            static_members: line.integer("static_members")? as u32,
        },
        "EmptyAssignments" => C::EmptyAssignments {
            group: group()?,
            generation: line.generation("generation")?,
            members: line.members()?,
        },
        "Stable" => C::Stable { group: group()?, generation: line.generation("generation")? },
        "PendingSyncExpired" => C::PendingSyncExpired { group: group()?, members: line.members()? },
        "StaticMemberKeepsAssignment" => C::StaticMemberKeepsAssignment { group: group()? },
        "EmptyGroupNotWritten" => C::EmptyGroupNotWritten { group: group()?, cause: line.shared_text("cause")? },
        "SimpleGroupCreated" => C::SimpleGroupCreated { group: group()? },
        "OffsetsCommitted" => C::OffsetsCommitted {
            group: group()?,
            member: line.text("member")?.into(),
            partitions: line.offsets("offsets")?,
        },
        "OffsetsExpired" => C::OffsetsExpired { group: group()?, partitions: line.partitions("partitions")? },
        "GroupExpired" => C::GroupExpired { group: group()? },
        _ => return shard_event(name, line),
    }))
}

/// Events about the whole shard.
fn shard_event(name: &str, line: &Line) -> Result<Option<CoordinatorEvent>, TraceError> {
    Ok(Some(match name {
        "TombstonesWritten" => C::TombstonesWritten { records: line.integer("records")? as u32 },
        "GroupsDeleted" => C::GroupsDeleted {
            groups: line.texts("groups")?.into_iter().map(GroupId::from).collect(),
            offsets: line.integer("offsets")? as u32,
        },
        "Loaded" => C::Loaded { groups: line.integer("groups")? as u32, records: line.integer("records")? as u64 },
        "Unloaded" => C::Unloaded { groups: line.integer("groups")? as u32 },
        "UnexpectedError" => C::UnexpectedError { message: line.shared_text("message")? },
        _ => return Ok(None),
    }))
}

/// Events about single members.
fn member_event(name: &str, line: &Line, words: &mut Words) -> Result<Option<CoordinatorEvent>, TraceError> {
    let group = || line.text("group").map(GroupId::from);
    let member = || line.text("member").map(MemberId::from);
    Ok(Some(match name {
        "MemberIdRequired" => C::MemberIdRequired {
            group: group()?,
            member: member()?,
            state: words.word(line.text("state")?, line.number)?,
        },
        "MemberJoined" => C::MemberJoined {
            group: group()?,
            member: member()?,
            instance: line.optional_text("instance").map(Into::into),
            client: line.text("client")?.into(),
            state: words.word(line.text("state")?, line.number)?,
            was_pending: line.flag("was_pending")?,
        },
        "JoinParked" => C::JoinParked { group: group()?, member: member()? },
        "SyncParked" => C::SyncParked { group: group()?, member: member()? },
        "MemberFailed" => C::MemberFailed { group: group()?, member: member()?, reason: line.shared_text("reason")? },
        "PendingMemberExpired" => C::PendingMemberExpired { group: group()?, member: member()? },
        "MemberLeft" => C::MemberLeft { group: group()?, member: member()?, reason: line.shared_text("reason")? },
        "PendingMemberLeft" => {
            C::PendingMemberLeft { group: group()?, member: member()?, reason: line.shared_text("reason")? }
        }
        "StaticMemberReplaced" => C::StaticMemberReplaced {
            group: group()?,
            instance: line.text("instance")?.into(),
            old: line.text("old")?.into(),
            new: line.text("new")?.into(),
            state: words.word(line.text("state")?, line.number)?,
        },
        "StaticMemberReverted" => C::StaticMemberReverted {
            group: group()?,
            instance: line.text("instance")?.into(),
            old: line.text("old")?.into(),
            new: line.text("new")?.into(),
            cause: line.shared_text("cause")?,
        },
        _ => return Ok(None),
    }))
}
