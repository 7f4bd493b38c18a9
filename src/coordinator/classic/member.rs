//! A member of a classic group (classic-coordinator.md 1.2; `ClassicGroupMember`).

use std::sync::Arc;

use crate::protocol::message::JoinGroupProtocol;
use crate::protocol::{Bytes, ClientId, GroupId, GroupInstanceId, MemberId};

use crate::coordinator::env::{Env, Unexpected};
use crate::coordinator::interface::{RequestId, TimerId};

/// A member of a classic group.
#[derive(Debug)]
pub struct Member {
    /// Member id.
    pub member_id: MemberId,
    /// `group.instance.id` of a static member.
    pub group_instance_id: Option<GroupInstanceId>,
    /// `client.id`; stays that of the first process when a static member is replaced.
    pub client_id: ClientId,
    /// Host; stays like the client id.
    pub client_host: Arc<str>,
    /// Rebalance timeout in ms (`max.poll.interval.ms`).
    pub rebalance_timeout_ms: i32,
    /// Session timeout in ms.
    pub session_timeout_ms: i32,
    /// The member's assignors with its subscription for each, most wanted first.
    pub protocols: Arc<[JoinGroupProtocol]>,
    /// Assignment; empty bytes for none.
    pub assignment: Bytes,
    /// The JoinGroup request that waits for the end of the join phase.
    pub awaiting_join: Option<RequestId>,
    /// The SyncGroup request that waits for the assignment.
    pub awaiting_sync: Option<RequestId>,
    /// Added in this join phase.
    pub is_new: bool,
    /// Where its session timer was last time.
    pub(in crate::coordinator) session_timer: Option<TimerId>,
    /// Tells apart members that bear the same id one after the other.
    pub(in crate::coordinator) incarnation: u64,
}

impl Member {
    /// Members that wait in JoinGroup or SyncGroup need no heartbeat; new ones do not count as waiting
    /// (classic-coordinator.md 1.2 `hasSatisfiedHeartbeat`).
    pub fn has_satisfied_heartbeat(&self) -> bool {
        !self.is_new && (self.awaiting_join.is_some() || self.awaiting_sync.is_some())
    }

    /// Resets the session timer to the session timeout.
    pub(in crate::coordinator) fn reschedule_heartbeat(&mut self, group_id: &GroupId, env: &mut Env) {
        let timer = env.set_session_timer(self.session_timer, group_id, &self.member_id, self.session_timeout_ms);
        self.session_timer = Some(timer);
    }

    /// Same protocols in the same order with the same metadata.
    pub(super) fn matches(&self, protocols: &[JoinGroupProtocol]) -> bool {
        *self.protocols == *protocols
    }

    /// The subscription for a protocol.
    pub(super) fn metadata(&self, protocol: &str) -> Result<&Bytes, Unexpected> {
        let found = self.protocols.iter().find(|listed| &*listed.name == protocol);
        found
            .map(|listed| &listed.metadata)
            .ok_or_else(|| Unexpected(format!("Member does not support protocol {protocol}")))
    }
}
