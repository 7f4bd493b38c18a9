//! What client libraries and their versions do differently (consumer-client.md 6.2): the switches that the state machine asks.

use crate::protocol::message::Request;

/// How a client behaves where versions differ. The default is the Java consumer of Kafka 4.1.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Behaviour {
    /// A heartbeat thread of its own (KIP-62, 0.10.1); without it heartbeats are sent from `poll` only, the session
    /// timeout is the rebalance timeout too, and there is no poll interval.
    pub heartbeat_thread: bool,
    /// Heartbeats between the JoinGroup and the SyncGroup answer (2.7).
    pub heartbeat_while_completing: bool,
    /// ILLEGAL_GENERATION keeps the member id (3.2).
    pub keeps_member_id_on_illegal_generation: bool,
    /// JoinGroup and LeaveGroup say why (KIP-800, 3.2).
    pub sends_reasons: bool,
    /// How offsets are committed before partitions are given up.
    pub revocation_commit: RevocationCommit,
    /// `onPartitionsLost` exists (2.4); before, `onPartitionsRevoked` is called in its place.
    pub lost_callback: bool,
    /// `poll` goes on while a join is under way (2.6); before, it waits for the join inside.
    pub polls_during_join: bool,
    /// The client's own timeout of JoinGroup.
    pub join_timeout: JoinTimeout,
    /// Highest versions of the group requests that the client speaks.
    pub versions: RequestVersions,
}

/// How `enable.auto.commit` commits before a rebalance takes partitions away.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RevocationCommit {
    /// Synchronously (before 3.2).
    Sync,
    /// Asynchronously, the poll loop waiting for it with the partitions frozen (3.3).
    AsyncAwaited,
}

/// The client's own timeout of JoinGroup.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum JoinTimeout {
    /// `request.timeout.ms` (before 2.0).
    RequestTimeout,
    /// `max.poll.interval.ms` + 5 s (2.0).
    PollIntervalPlus5s,
    /// The longer of the two (2.6).
    Longer,
}

/// Versions of the group requests. Those that matter to decisions: JoinGroup 4 (MEMBER_ID_REQUIRED round trip), 5
/// (instance id), 8 (reason), 9 (skip assignment); LeaveGroup 3 (members), 5 (reason).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RequestVersions {
    /// JoinGroup
    pub join_group: i16,
    /// SyncGroup
    pub sync_group: i16,
    /// Heartbeat
    pub heartbeat: i16,
    /// LeaveGroup
    pub leave_group: i16,
    /// OffsetCommit
    pub offset_commit: i16,
    /// OffsetFetch
    pub offset_fetch: i16,
}

impl RequestVersions {
    /// The version in which the client sends this request; 0 for those whose version decides nothing.
    pub fn of(&self, request: &Request) -> i16 {
        match request {
            Request::JoinGroup(_) => self.join_group,
            Request::SyncGroup(_) => self.sync_group,
            Request::Heartbeat(_) => self.heartbeat,
            Request::LeaveGroup(_) => self.leave_group,
            Request::OffsetCommit(_) => self.offset_commit,
            Request::OffsetFetch(_) => self.offset_fetch,
            _ => 0,
        }
    }
}

impl Default for Behaviour {
    fn default() -> Self {
        Behaviour {
            heartbeat_thread: true,
            heartbeat_while_completing: true,
            keeps_member_id_on_illegal_generation: true,
            sends_reasons: true,
            revocation_commit: RevocationCommit::AsyncAwaited,
            lost_callback: true,
            polls_during_join: true,
            join_timeout: JoinTimeout::Longer,
            versions: RequestVersions {
                join_group: 9,
                sync_group: 5,
                heartbeat: 4,
                leave_group: 5,
                offset_commit: 9,
                offset_fetch: 9,
            },
        }
    }
}
