//! What the handlers of a shard work with besides its state: the instant, the settings, timers, open requests, outputs.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::engine::Millis;
use crate::protocol::config::broker::BrokerConfig;
use crate::protocol::message::{JoinGroupResponse, SyncGroupResponse};
use crate::protocol::{GroupId, MemberId};

use super::event::CoordinatorEvent;
use super::interface::{MemberIds, Output, Outputs, RequestId, TimerId, TimerKey};
use super::timers::{JoinTimer, Timers};

/// An unexpected exception inside Kafka's coordinator: what was done before it stays done, and the request is answered
/// UNKNOWN_SERVER_ERROR.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Unexpected(pub(super) String);

/// JoinGroup and SyncGroup requests that have no answer yet. Their answer may come from the group's logic or from the
/// failure of the operation behind them, whichever is first (classic-coordinator.md 0.5).
#[derive(Default)]
pub(super) struct OpenRequests {
    /// How many hold on to the request: the member that is parked with it, the operation behind it.
    holders: FxHashMap<RequestId, u8>,
}

impl OpenRequests {
    /// Somebody else may answer this request.
    pub(super) fn hold(&mut self, id: RequestId) {
        *self.holders.entry(id).or_insert(0) += 1;
    }

    /// A holder lets go without an answer. Without holders left the request is never answered.
    pub(super) fn abandon(&mut self, id: RequestId) {
        if let Some(holders) = self.holders.get_mut(&id) {
            *holders -= 1;
            if *holders == 0 {
                self.holders.remove(&id);
            }
        }
    }

    /// Takes the right to answer; false if it was answered before.
    pub(super) fn close(&mut self, id: RequestId) -> bool {
        self.holders.remove(&id).is_some()
    }
}

/// See the module.
pub(super) struct Env<'a> {
    pub(super) now: Millis,
    pub(super) config: &'a BrokerConfig,
    /// The empty text, shared.
    pub(super) empty: &'a Arc<str>,
    pub(super) timers: &'a mut Timers,
    pub(super) open: &'a mut OpenRequests,
    pub(super) ids: &'a mut dyn MemberIds,
    pub(super) out: &'a mut dyn Outputs,
}

impl Env<'_> {
    /// Answers a JoinGroup, unless that was done before.
    pub(super) fn answer_join(&mut self, id: RequestId, response: JoinGroupResponse) {
        if self.open.close(id) {
            self.out.push(Output::Respond { id, body: response.into() });
        }
    }

    /// Answers a SyncGroup, unless that was done before.
    pub(super) fn answer_sync(&mut self, id: RequestId, response: SyncGroupResponse) {
        if self.open.close(id) {
            self.out.push(Output::Respond { id, body: response.into() });
        }
    }

    /// Tells people and the trace.
    pub(super) fn event(&mut self, event: CoordinatorEvent) {
        self.out.push(Output::Event(event));
    }

    /// Arms a group's join timer.
    pub(super) fn set_join_timer(&mut self, group: &GroupId, delay_ms: i32, what: JoinTimer) {
        let key = TimerKey::Join { group: *group };
        self.timers.set_join(key, self.now + i64::from(delay_ms), what, self.out);
    }

    /// Arms a group's sync timer.
    pub(super) fn set_sync_timer(&mut self, group: &GroupId, delay_ms: i32) {
        self.timers.set(TimerKey::Sync { group: *group }, self.now + i64::from(delay_ms), self.out);
    }

    /// Arms the session timer of a member or of an id that was handed out.
    pub(super) fn set_session_timer(
        &mut self,
        hint: Option<TimerId>,
        group: &GroupId,
        member: &MemberId,
        timeout_ms: i32,
    ) -> TimerId {
        self.timers.set_session(hint, group, member, self.now + i64::from(timeout_ms), self.out)
    }

    /// Withdraws a timer.
    pub(super) fn cancel(&mut self, key: TimerKey) {
        self.timers.cancel(&key, self.out);
    }

    /// Withdraws the session timer of a member.
    pub(super) fn cancel_session(&mut self, group: &GroupId, member: &MemberId) {
        self.cancel(TimerKey::Heartbeat { group: *group, member: member.clone() });
    }
}

/// A client's reason, or what Kafka writes in its place.
pub(super) fn reason_or_default(reason: Option<&Arc<str>>) -> Arc<str> {
    match reason {
        Some(reason) if !reason.is_empty() => reason.clone(),
        _ => Arc::from("not provided"),
    }
}
