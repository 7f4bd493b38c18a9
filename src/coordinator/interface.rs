//! What goes into a coordinator shard and what comes out of it.

use std::sync::Arc;

use crate::engine::Millis;
use crate::protocol::message::{Request, Response};
use crate::protocol::{Bytes, ClientId, ErrorCode, Generation, GroupId, GroupInstanceId, MemberId, TopicPartition};

/// Names a request while its answer is open. Given by the caller, never reused within a shard's life.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RequestId(pub u64);

/// Who sent a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClientInfo {
    /// `client.id`
    pub client_id: ClientId,
    /// Host as the broker sees it, for example `/10.0.0.7`.
    pub client_host: Arc<str>,
}

/// A timer of the shard. At most one per key is armed; arming again moves it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum TimerKey {
    /// Session of a member, or validity of a member id that was handed out (`heartbeat-<group>-<member>`).
    Heartbeat { group: GroupId, member: MemberId },
    /// End of the join phase (`join-<group>`).
    Join { group: GroupId },
    /// End of the sync phase (`sync-<group>`).
    Sync { group: GroupId },
    /// `offsets.commit.timeout.ms` of a write whose records are not committed yet.
    WriteTimeout { request: RequestId },
    /// Periodic removal of expired offsets and empty groups.
    ExpireOffsets,
}

/// Where new member ids come from: drawn in a simulation, read from a recording in a replay.
pub trait MemberIds {
    /// A new id `<prefix>-<uuid>`; the prefix is the client id, or the instance id of a static member.
    fn new_member_id(&mut self, prefix: &str) -> MemberId;
}

/// What happens to a shard.
#[derive(Clone, Debug)]
pub enum Input {
    /// A request arrives.
    Request { id: RequestId, version: i16, client: ClientInfo, body: Request },
    /// A timer expires.
    Timer(TimerKey),
    /// Everything before this offset of the shard's log is committed (the high watermark).
    Committed { high_watermark: i64 },
    /// The local append of the batch starting at this offset failed.
    AppendFailed { base_offset: i64, error: ErrorCode },
    /// Topic deletion reaches the shard.
    PartitionsDeleted { partitions: Vec<TopicPartition> },
    /// A new leader has read the log: take these records as state and go active.
    Loaded { records: Vec<Record> },
    /// Leadership moves away: everything that waits is answered NOT_COORDINATOR.
    Resign,
}

/// What a shard wants done. The order of outputs is the order of decisions.
#[derive(Clone, Debug)]
pub enum Output {
    /// Answer a request.
    Respond { id: RequestId, body: Response },
    /// Append records to the shard's log, the first at `base_offset`. Its fate comes back as
    /// [`Input::Committed`] or [`Input::AppendFailed`].
    Append { base_offset: i64, records: Vec<Record> },
    /// Arm (or move) a timer.
    SetTimer { key: TimerKey, at: Millis },
    /// Withdraw a timer.
    CancelTimer(TimerKey),
    /// Something that Kafka's coordinator writes to its log, for people and for the trace.
    Event(CoordinatorEvent),
}

/// A record of `__consumer_offsets`, typed. Stands in for Kafka's key and value bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Placeholder until the coordinator's records are defined.
    pub value: Option<Bytes>,
}

/// What Kafka's coordinator logs at INFO. `Display` gives the line in its own wording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CoordinatorEvent {
    /// "Dynamic member with unknown member id joins group …" / "Static member …" : the join was taken.
    MemberJoined { group: GroupId, member: MemberId, instance: Option<GroupInstanceId>, client: ClientId },
    /// "Preparing to rebalance group … in state … with old generation … (reason: …)".
    PreparingRebalance { group: GroupId, from_state: &'static str, old_generation: Generation, reason: Arc<str> },
    /// A member's JoinGroup is parked (it has reached the barrier).
    JoinParked { group: GroupId, member: MemberId },
    /// "Stabilized group … generation … with … members": the join phase is complete.
    Stabilized { group: GroupId, generation: Generation, members: u32, leader: MemberId, protocol: Arc<str> },
    /// "Group … with generation … is now empty".
    Empty { group: GroupId, generation: Generation },
    /// "Assignment received from leader … for group … for generation …"; the group goes Stable once it is committed.
    AssignmentReceived { group: GroupId, generation: Generation, leader: MemberId },
    /// The group became Stable: its assignment is durable.
    Stable { group: GroupId, generation: Generation },
    /// "Member … in group … has failed, removing it from the group": session, sync or join timeout.
    MemberFailed { group: GroupId, member: MemberId, reason: Arc<str> },
    /// A member left by LeaveGroup.
    MemberLeft { group: GroupId, member: MemberId, reason: Arc<str> },
    /// A static member was replaced by a new process with the same instance id.
    StaticMemberReplaced { group: GroupId, instance: GroupInstanceId, old: MemberId, new: MemberId },
    /// Offsets were committed by a member (offsets are durable).
    OffsetsCommitted { group: GroupId, member: MemberId, partitions: Vec<(TopicPartition, i64)> },
    /// Offsets expired.
    OffsetsExpired { group: GroupId, partitions: Vec<TopicPartition> },
    /// Groups and offsets were read from the log.
    Loaded { groups: u32, records: u64 },
}
