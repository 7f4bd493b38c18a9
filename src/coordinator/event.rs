//! What Kafka's group coordinator writes to its log at INFO, typed. `Display` gives the line in its own wording.

use std::fmt;
use std::sync::Arc;

use crate::protocol::message::CommittedOffsets;
use crate::protocol::{ClientId, Generation, GroupId, GroupInstanceId, MemberId, TopicPartition};

/// Something that the coordinator tells people. Sources: `GroupMetadataManager`, `OffsetMetadataManager`,
/// `GroupCoordinatorShard` of Kafka 4.1.1; where Kafka is silent the variant says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CoordinatorEvent {
    /// A dynamic member joined without an id and is told to come back with this one (MEMBER_ID_REQUIRED).
    MemberIdRequired { group: GroupId, member: MemberId, state: &'static str },
    /// A JoinGroup made a new member: a pending id came back, a new static member, or an old client's first join.
    MemberJoined {
        group: GroupId,
        member: MemberId,
        instance: Option<GroupInstanceId>,
        client: ClientId,
        /// State of the group before.
        state: &'static str,
        /// The id was handed out with MEMBER_ID_REQUIRED.
        was_pending: bool,
    },
    /// The group starts to rebalance. Kafka's line names the state it has *now* (`PreparingRebalance`).
    PreparingRebalance { group: GroupId, from_state: &'static str, old_generation: Generation, reason: Arc<str> },
    /// A member's JoinGroup is parked: it has reached the barrier. (Kafka logs nothing.)
    JoinParked { group: GroupId, member: MemberId },
    /// A member's SyncGroup is parked until the assignment is durable. (Kafka logs nothing.)
    SyncParked { group: GroupId, member: MemberId },
    /// Dynamic members that did not rejoin in time were removed at the end of the join phase.
    DynamicMembersRemoved { group: GroupId, members: Vec<MemberId> },
    /// The join phase could not end because nobody rejoined and static members remain.
    NoMembersRejoined { group: GroupId },
    /// The join phase is complete.
    Stabilized { group: GroupId, generation: Generation, members: u32, leader: MemberId, protocol: Arc<str> },
    /// The join phase ended without members.
    Empty { group: GroupId, generation: Generation },
    /// The leader's SyncGroup arrived; the group goes Stable once its assignment is committed.
    AssignmentReceived { group: GroupId, generation: Generation, leader: MemberId, members: u32, static_members: u32 },
    /// The leader's assignment has nothing for these members: they get empty bytes.
    EmptyAssignments { group: GroupId, generation: Generation, members: Vec<MemberId> },
    /// The group became Stable: its assignment is durable. (Kafka logs nothing.)
    Stable { group: GroupId, generation: Generation },
    /// Members that sent no SyncGroup within the rebalance timeout were removed.
    PendingSyncExpired { group: GroupId, members: Vec<MemberId> },
    /// A member's session expired (or a new member was parked for five minutes): it is removed.
    MemberFailed { group: GroupId, member: MemberId, reason: Arc<str> },
    /// A member id that was handed out was never used.
    PendingMemberExpired { group: GroupId, member: MemberId },
    /// A member left by LeaveGroup; `reason` is the client's.
    MemberLeft { group: GroupId, member: MemberId, reason: Arc<str> },
    /// A pending member id left by LeaveGroup.
    PendingMemberLeft { group: GroupId, member: MemberId, reason: Arc<str> },
    /// A static member was replaced by a new process with the same instance id.
    StaticMemberReplaced {
        group: GroupId,
        instance: GroupInstanceId,
        old: MemberId,
        new: MemberId,
        /// State of the group before.
        state: &'static str,
    },
    /// The replacement needs no rebalance: the selected protocol stays.
    StaticMemberKeepsAssignment { group: GroupId },
    /// The record of a replacement could not be written: the old member id is back.
    StaticMemberReverted { group: GroupId, instance: GroupInstanceId, old: MemberId, new: MemberId, cause: Arc<str> },
    /// The record of an empty group could not be written.
    EmptyGroupNotWritten { group: GroupId, cause: Arc<str> },
    /// A commit outside group management made a group.
    SimpleGroupCreated { group: GroupId },
    /// Offsets were committed by a member and are durable. (Kafka logs nothing.)
    OffsetsCommitted { group: GroupId, member: MemberId, partitions: CommittedOffsets },
    /// Offsets expired. (Kafka logs only the number of tombstones.)
    OffsetsExpired { group: GroupId, partitions: Vec<TopicPartition> },
    /// A group without members and offsets was removed by the periodic check. (Kafka logs nothing.)
    GroupExpired { group: GroupId },
    /// The periodic check wrote tombstones.
    TombstonesWritten { records: u32 },
    /// DeleteGroups removed groups.
    GroupsDeleted { groups: Vec<GroupId>, offsets: u32 },
    /// Groups and offsets were read from the log; the shard is active.
    Loaded { groups: u32, records: u64 },
    /// The shard is no longer the coordinator.
    Unloaded { groups: u32 },
    /// A request met a state that Kafka holds impossible (`IllegalStateException`): UNKNOWN_SERVER_ERROR.
    UnexpectedError { message: Arc<str> },
}

/// Member ids as Java prints a collection: `[a, b]`.
struct JavaList<'a>(&'a [MemberId]);

impl fmt::Display for JavaList<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        for (index, member) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            write!(f, "{member}")?;
        }
        f.write_str("]")
    }
}

impl fmt::Display for CoordinatorEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fmt_members(f).unwrap_or_else(|| self.fmt_group(f))
    }
}

impl CoordinatorEvent {
    /// Does Kafka write this to its log? The others are told here because analysis needs them.
    pub fn is_logged(&self) -> bool {
        !matches!(
            self,
            Self::JoinParked { .. }
                | Self::SyncParked { .. }
                | Self::Stable { .. }
                | Self::OffsetsCommitted { .. }
                | Self::OffsetsExpired { .. }
                | Self::GroupExpired { .. }
        )
    }

    /// Lines about single members; `None` for the rest.
    fn fmt_members(&self, f: &mut fmt::Formatter<'_>) -> Option<fmt::Result> {
        Some(match self {
            Self::MemberIdRequired { group, member, state } => write!(
                f,
                "Dynamic member with unknown member id joins group {group} in {state} state. \
                 Created a new member id {member} and requesting the member to rejoin with this id."
            ),
            Self::MemberJoined { group, member, instance: Some(instance), state, .. } => write!(
                f,
                "Static member with groupInstanceId={instance} and unknown member id joins group {group} in {state} state. \
                 Created a new member id {member} for this member and added to the group."
            ),
            Self::MemberJoined { group, member, state, was_pending: true, .. } => write!(
                f,
                "Pending dynamic member with id {member} joins group {group} in {state} state. Adding to the group now."
            ),
            Self::MemberJoined { group, member, state, .. } => write!(
                f,
                "Dynamic member with unknown member id joins group {group} in state {state}. \
                 Created a new member id {member} and added the member to the group."
            ),
            Self::JoinParked { group, member } => write!(f, "Member {member} of group {group} waits in JoinGroup."),
            Self::SyncParked { group, member } => write!(f, "Member {member} of group {group} waits in SyncGroup."),
            Self::MemberFailed { group, member, .. } => {
                write!(f, "Member {member} in group {group} has failed, removing it from the group.")
            }
            Self::PendingMemberExpired { group, member } => {
                write!(f, "Pending member {member} in group {group} has been removed after session timeout expiration.")
            }
            Self::MemberLeft { group, member, reason } => write!(
                f,
                "[Group {group}] Member {member} has left group through explicit `LeaveGroup` request; client reason: {reason}"
            ),
            Self::PendingMemberLeft { group, member, reason } => write!(
                f,
                "[Group {group}] Pending member {member} has left group through explicit `LeaveGroup` request; \
                 client reason: {reason}"
            ),
            Self::StaticMemberReplaced { group, instance, old, state, .. } => write!(
                f,
                "Static member with groupInstanceId={instance} and unknown member id joins group {group} in {state} state. \
                 Replacing previously mapped member {old} with this groupInstanceId."
            ),
            Self::StaticMemberKeepsAssignment { .. } => f.write_str(
                "Static member which joins during Stable stage and doesn't affect the selected protocol \
                 will not trigger a rebalance.",
            ),
            Self::StaticMemberReverted { group, instance, old, new, cause } => write!(
                f,
                "Failed to persist metadata for group {group} static member {new} with group instance id {instance} \
                 due to {cause}. Reverting to old member id {old}."
            ),
            _ => return None,
        })
    }

    /// Lines about groups, offsets and shards.
    fn fmt_group(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PreparingRebalance { group, old_generation, reason, .. } => write!(
                f,
                "Preparing to rebalance group {group} in state PreparingRebalance with old generation {} (reason: {reason}).",
                old_generation.0
            ),
            Self::DynamicMembersRemoved { group, members } => {
                write!(f, "Group {group} removed dynamic members who haven't joined: {}", JavaList(members))
            }
            Self::NoMembersRejoined { group } => {
                write!(f, "Group {group} could not complete rebalance because no members rejoined.")
            }
            Self::Stabilized { group, generation, members, .. } => {
                write!(f, "Stabilized group {group} generation {} with {members} members.", generation.0)
            }
            Self::Empty { group, generation } => {
                write!(f, "Group {group} with generation {} is now empty.", generation.0)
            }
            Self::AssignmentReceived { group, generation, leader, members, static_members } => write!(
                f,
                "Assignment received from leader {leader} for group {group} for generation {}. \
                 The group has {members} members, {static_members} of which are static.",
                generation.0
            ),
            Self::EmptyAssignments { group, generation, members } => write!(
                f,
                "Setting empty assignments for members {} of {group} for generation {}.",
                JavaList(members),
                generation.0
            ),
            Self::Stable { group, generation } => {
                write!(f, "Group {group} is stable in generation {}.", generation.0)
            }
            Self::PendingSyncExpired { group, members } => {
                write!(f, "Group {group} removed members who haven't sent their sync requests: {}", JavaList(members))
            }
            Self::EmptyGroupNotWritten { group, cause } => {
                write!(f, "Failed to write empty metadata for group {group}: {cause}")
            }
            Self::SimpleGroupCreated { group } => {
                write!(f, "[GroupId {group}] Creating a simple consumer group via manual offset commit.")
            }
            other => other.fmt_offsets(f),
        }
    }

    /// Lines about offsets and shards.
    fn fmt_offsets(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OffsetsCommitted { group, member, partitions } => {
                write!(f, "[GroupId {group}] Member `{member}` committed {} offsets.", partitions.len())
            }
            Self::OffsetsExpired { group, partitions } => {
                write!(f, "[GroupId {group}] Expired offsets of {partitions:?}.")
            }
            Self::GroupExpired { group } => write!(f, "[GroupId {group}] Removed the empty group without offsets."),
            Self::TombstonesWritten { records } => {
                write!(f, "Generated {records} tombstone records while cleaning up group metadata.")
            }
            Self::GroupsDeleted { groups, offsets } => {
                let names: Vec<&str> = groups.iter().map(GroupId::as_str).collect();
                write!(
                    f,
                    "The following groups were deleted: {}. A total of {offsets} offsets were removed.",
                    names.join(", ")
                )
            }
            Self::Loaded { groups, records } => {
                write!(f, "Finished loading of metadata: {groups} groups from {records} records.")
            }
            Self::Unloaded { groups } => write!(f, "Finished unloading metadata: {groups} groups."),
            Self::UnexpectedError { message } => f.write_str(message),
            _ => Ok(()),
        }
    }
}
