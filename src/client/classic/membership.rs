//! The consumer's membership in its group (`AbstractCoordinator`): state, generation, and what the next rejoin is for.

use std::rc::Rc;
use std::sync::Arc;

use crate::client::{ClientEvent, JoinRetry};
use crate::engine::Millis;
use crate::protocol::{Bytes, ErrorCode, Generation, MemberId};

use super::consumer::{Consumer, Context};
use super::exception::Exception;
use super::retry::Retrier;

/// `AbstractCoordinator.MemberState`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum MemberState {
    /// No member, as far as it knows.
    Unjoined,
    /// JoinGroup is under way: no heartbeats.
    PreparingRebalance,
    /// SyncGroup is under way.
    CompletingRebalance,
    /// A member of a generation.
    Stable,
}

impl MemberState {
    /// Heartbeats make no sense yet.
    pub fn has_not_joined_group(self) -> bool {
        matches!(self, MemberState::Unjoined | MemberState::PreparingRebalance)
    }
}

/// `AbstractCoordinator.Generation`: all three are compared to tell whether the generation is unchanged.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct GroupGeneration {
    /// Number, -1 for none.
    pub id: Generation,
    /// Member id, empty for none.
    pub member_id: MemberId,
    /// The chosen assignor.
    pub protocol: Option<Arc<str>>,
}

impl GroupGeneration {
    /// `Generation.NO_GENERATION`.
    pub fn none() -> Self {
        GroupGeneration { id: Generation::NONE, member_id: MemberId::default(), protocol: None }
    }

    /// It was reset (the member id may have been kept).
    pub fn is_reset(&self) -> bool {
        self.id == Generation::NONE && self.protocol.is_none()
    }
}

/// `joinFuture`: JoinGroup and SyncGroup, chained.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum JoinFuture {
    /// One of the two is under way.
    Pending,
    /// SyncGroup brought this assignment.
    Succeeded(Bytes),
    /// One of them failed.
    Failed(Exception),
}

/// The membership.
#[derive(Debug)]
pub(super) struct Membership {
    pub state: MemberState,
    pub generation: Rc<GroupGeneration>,
    pub rejoin_needed: bool,
    pub rejoin_reason: Arc<str>,
    /// `onJoinPrepare` is still to run before the next JoinGroup.
    pub needs_join_prepare: bool,
    pub join: Option<JoinFuture>,
    /// `lastRebalanceStartMs`: a measurement of the rebalance latency is open.
    pub rebalance_started: Option<crate::engine::SimTime>,
    /// No generation was synced yet.
    pub first: bool,
    /// The last membership was lost.
    pub lost: bool,
    /// While the coordinator is away, the application hears of that loss then.
    pub lost_told_at: Millis,
    /// No JoinGroup before this time.
    pub not_before: Millis,
    /// The same, counted from when the listener has heard of the loss, ms.
    pub pause_ms: i64,
    /// JoinGroups in a row that failed for good.
    pub failures: u32,
    /// Of joins and heartbeats.
    pub retrier: Retrier,
    /// Until when the commit before the revocation may take.
    pub join_prepare_deadline: Option<Millis>,
}

impl Membership {
    pub fn new() -> Self {
        Membership {
            state: MemberState::Unjoined,
            generation: Rc::new(GroupGeneration::none()),
            rejoin_needed: true,
            rejoin_reason: Arc::from(""),
            needs_join_prepare: true,
            join: None,
            rebalance_started: None,
            first: true,
            lost: false,
            lost_told_at: Millis(0),
            not_before: Millis(0),
            pause_ms: 0,
            failures: 0,
            retrier: Retrier::default(),
            join_prepare_deadline: None,
        }
    }

    /// `rebalanceInProgress()`.
    pub fn rebalance_in_progress(&self) -> bool {
        matches!(self.state, MemberState::PreparingRebalance | MemberState::CompletingRebalance)
    }
}

impl Consumer {
    /// `requestRejoin` (2.0).
    pub(super) fn request_rejoin(&mut self, reason: &str, cx: &mut Context<'_>) {
        let reason: Arc<str> = Arc::from(reason);
        self.membership.rejoin_reason = reason.clone();
        self.membership.rejoin_needed = true;
        cx.event(ClientEvent::RejoinRequested { reason });
    }

    /// `requestRejoinIfNecessary` (2.0).
    pub(super) fn request_rejoin_if_necessary(&mut self, reason: &str, cx: &mut Context<'_>) {
        if !self.membership.rejoin_needed {
            self.request_rejoin(reason, cx);
        }
    }

    /// `resetStateAndRejoin` (2.0).
    pub(super) fn reset_state_and_rejoin(&mut self, reason: &str, reset_member_id: bool, cx: &mut Context<'_>) {
        cx.event(ClientEvent::GenerationReset { reason: Arc::from(reason) });
        let membership = &mut self.membership;
        membership.state = MemberState::Unjoined;
        let member_id = if reset_member_id { MemberId::default() } else { membership.generation.member_id.clone() };
        membership.generation = Rc::new(GroupGeneration { member_id, ..GroupGeneration::none() });
        self.request_rejoin(reason, cx);
        self.membership.needs_join_prepare = true;
    }

    fn keeps_member_id(&self, api: &str, error: ErrorCode) -> bool {
        let behaviour = &self.settings.behaviour;
        let forgets_in_joins = matches!(behaviour.rejoin.retry, JoinRetry::Rests { .. } | JoinRetry::StartsOver { .. });
        if forgets_in_joins && matches!(api, "JOIN_GROUP" | "SYNC_GROUP") {
            return false;
        }
        (error == ErrorCode::IllegalGeneration && behaviour.keeps_member_id_on_illegal_generation)
            || (behaviour.joins_with_the_old_id && api != "JOIN_GROUP")
    }

    /// `resetStateOnResponseError` (2.0): ILLEGAL_GENERATION keeps the member id since 3.2.
    pub(super) fn reset_on_response_error(&mut self, api: &str, error: ErrorCode, cx: &mut Context<'_>) {
        let keeps = self.keeps_member_id(api, error);
        let joins = matches!(api, "JOIN_GROUP" | "SYNC_GROUP");
        let pause = if joins { 0 } else { self.settings.behaviour.rejoin.after_loss_ms };
        self.membership.not_before = cx.ms + pause;
        self.membership.pause_ms = pause;
        self.membership.lost |= !self.membership.first;
        self.reset_state_and_rejoin(&format!("encountered {error} from {api} response"), !keeps, cx);
    }
}
