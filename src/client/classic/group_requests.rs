//! JoinGroup, SyncGroup and LeaveGroup: what is sent and what each answer does (consumer-client.md 2.2, 2.3, 2.5).

use std::rc::Rc;
use std::sync::Arc;

use crate::assignor::ConsumerPartitionAssignor;
use crate::client::{ClientEvent, CloseOption, JoinTimeout, Reasons, RebalanceTimeout, SubscriptionFormat};
use crate::protocol::message::{
    JoinGroupProtocol, JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest, LeavingMember, Request,
    SyncGroupRequest, SyncGroupResponse,
};
use crate::protocol::subscription::{ConsumerProtocolSubscription, TopicPartitions};
use crate::protocol::{Bytes, ErrorCode, GroupInstanceId, MemberId};

use super::consumer::{Consumer, Context};
use super::exception::Exception;
use super::membership::{GroupGeneration, JoinFuture, MemberState};
use super::tracked::Purpose;

/// `ConsumerProtocol.PROTOCOL_TYPE`
pub(super) const PROTOCOL_TYPE: &str = "consumer";

/// `JOIN_GROUP_TIMEOUT_LAPSE`
const JOIN_GROUP_TIMEOUT_LAPSE_MS: i64 = 5_000;

/// The bytes of a subscription as this client writes them.
fn encode(subscription: &ConsumerProtocolSubscription, format: SubscriptionFormat) -> Bytes {
    if !format.cut_short {
        return subscription.encode(format.version);
    }
    let plain = subscription.encode(0);
    let mut bytes = plain.to_vec();
    bytes[..2].copy_from_slice(&format.version.to_be_bytes());
    Bytes::from(bytes)
}

impl Consumer {
    /// `initiateJoinGroup` (1.4 step 3)
    pub(super) fn initiate_join(&mut self, cx: &mut Context<'_>) {
        if self.membership.join.is_some() {
            return;
        }
        self.membership.state = MemberState::PreparingRebalance;
        self.membership.rebalance_started.get_or_insert(cx.now);
        self.membership.join = Some(JoinFuture::Pending);
        if self.coordinator_unknown(cx) {
            return self.fail_join(Exception::of(ErrorCode::CoordinatorNotAvailable), cx);
        }
        let Some(connection) = self.coordinator_connection() else { return };
        let sent = self.membership.generation.clone();
        self.joined_subscription = Some(self.subscriptions.topics.clone());
        let reason = self.join_reason();
        let request = JoinGroupRequest {
            group_id: self.settings.group_id,
            session_timeout_ms: self.settings.config.session_timeout_ms,
            rebalance_timeout_ms: self.rebalance_timeout_ms(),
            member_id: sent.member_id.clone(),
            group_instance_id: self.settings.config.group_instance_id,
            protocol_type: Arc::from(PROTOCOL_TYPE),
            protocols: self.join_protocols(),
            reason: reason.clone(),
        };
        let reason = reason.unwrap_or_else(|| Arc::from(""));
        cx.event(ClientEvent::JoinGroupSent { member: sent.member_id.clone(), reason });
        let timeout = self.join_timeout_ms();
        self.join_competes(cx);
        self.network.enqueue(connection, Request::JoinGroup(request), Purpose::JoinGroup { sent }, timeout, cx.now);
    }

    /// The instance id where the version of a request has it.
    pub(super) fn instance_id_since(&self, version: i16, first: i16) -> Option<GroupInstanceId> {
        self.settings.config.group_instance_id.filter(|_| version >= first)
    }

    /// Why it joins, in this client's words.
    fn join_reason(&self) -> Option<Arc<str>> {
        let reason = &self.membership.rejoin_reason;
        match self.settings.behaviour.reasons {
            Reasons::None => None,
            Reasons::Java => Some(reason.clone()),
            Reasons::FranzGo if self.membership.lost => {
                Some(Arc::from("rejoining after we previously errored and backed off"))
            }
            Reasons::FranzGo if self.membership.first => Some(Arc::from("beginning to manage the group lifecycle")),
            Reasons::FranzGo if reason.starts_with("need to revoke") => {
                Some(Arc::from("after revoking what we lost from a rebalance"))
            }
            Reasons::FranzGo => Some(Arc::from("rejoining from normal rebalance")),
        }
    }

    /// What JoinGroup names as rebalance timeout.
    fn rebalance_timeout_ms(&self) -> i32 {
        match self.settings.behaviour.rebalance_timeout {
            RebalanceTimeout::PollInterval => self.settings.config.max_poll_interval_ms,
            RebalanceTimeout::Session => self.settings.config.session_timeout_ms,
            RebalanceTimeout::Own(ms) => ms,
        }
    }

    /// JoinGroup is parked for as long as the rebalance takes, so it has a timeout of its own (1.6).
    fn join_timeout_ms(&self) -> i64 {
        let request = i64::from(self.settings.config.request_timeout_ms);
        let lapsed = i64::from(self.rebalance_timeout_ms()) + JOIN_GROUP_TIMEOUT_LAPSE_MS;
        match self.settings.behaviour.join_timeout {
            JoinTimeout::RequestTimeout => request,
            JoinTimeout::PollIntervalPlus5s => lapsed,
            JoinTimeout::Longer => lapsed.max(request),
            JoinTimeout::OnTop => i64::from(self.rebalance_timeout_ms()) + request,
        }
    }

    fn sync_timeout_ms(&self) -> i64 {
        let request = i64::from(self.settings.config.request_timeout_ms);
        let on_top = self.settings.behaviour.join_timeout == JoinTimeout::OnTop;
        if on_top { i64::from(self.settings.config.session_timeout_ms) + request } else { request }
    }

    /// `metadata()`: one entry per configured assignor.
    fn join_protocols(&self) -> Vec<JoinGroupProtocol> {
        let rack = &self.settings.config.client_rack;
        let owned = self.subscriptions.assigned().iter().map(|owned| &owned.partition);
        let mut subscription = ConsumerProtocolSubscription {
            topics: self.subscriptions.topics.clone(),
            user_data: None,
            owned_partitions: TopicPartitions::group(owned),
            generation: self.membership.generation.id,
            rack: (!rack.is_empty()).then(|| Arc::from(rack.as_str())),
        };
        let entry = |assignor: &ConsumerPartitionAssignor| {
            subscription.user_data = assignor.subscription_user_data(&subscription);
            JoinGroupProtocol {
                name: Arc::from(assignor.assignor().name()),
                metadata: encode(&subscription, self.settings.behaviour.subscription),
            }
        };
        self.assignors.iter().map(entry).collect()
    }

    /// A JoinGroup or SyncGroup attempt failed: each counts in `failed-rebalance-total` (2.3).
    pub(super) fn fail_join(&mut self, exception: Exception, cx: &mut Context<'_>) {
        self.end_turn(cx);
        if self.membership.join.is_some() {
            let error = exception.code.unwrap_or(match exception.class {
                "DisconnectException" => ErrorCode::NetworkException,
                "TimeoutException" => ErrorCode::RequestTimedOut,
                _ => ErrorCode::UnknownServerError,
            });
            cx.event(ClientEvent::RebalanceFailed { error });
            self.membership.join = Some(JoinFuture::Failed(exception));
        }
    }

    /// `JoinGroupResponseHandler` (2.2)
    pub(super) fn on_join_group(
        &mut self,
        sent: &Rc<GroupGeneration>,
        answer: JoinGroupResponse,
        cx: &mut Context<'_>,
    ) {
        let error = answer.error;
        match error {
            ErrorCode::None => return self.joined(answer, cx),
            ErrorCode::UnknownMemberId if *sent == self.membership.generation => {
                self.reset_on_response_error("JOIN_GROUP", error, cx);
            }
            ErrorCode::CoordinatorNotAvailable | ErrorCode::NotCoordinator => {
                self.mark_coordinator_unknown(false, &format!("error response {error}"), cx);
            }
            ErrorCode::MemberIdRequired => {
                let member_id = answer.member_id;
                let reason = format!("need to re-join with the given member-id: {member_id}");
                self.membership.generation = Rc::new(GroupGeneration { member_id, ..GroupGeneration::none() });
                self.request_rejoin(&reason, cx);
            }
            _ => {}
        }
        let exception = match error {
            ErrorCode::GroupMaxSizeReached => {
                let group = &self.settings.group_id;
                let message = format!("Consumer group {group} already has the configured maximum number of members.");
                Exception { message: Some(message.into()), ..Exception::of(error) }
            }
            ErrorCode::GroupAuthorizationFailed => {
                let message = format!("Not authorized to access group: {}", self.settings.group_id);
                Exception { message: Some(message.into()), ..Exception::of(error) }
            }
            ErrorCode::CoordinatorLoadInProgress
            | ErrorCode::UnknownMemberId
            | ErrorCode::CoordinatorNotAvailable
            | ErrorCode::NotCoordinator
            | ErrorCode::FencedInstanceId
            | ErrorCode::InconsistentGroupProtocol
            | ErrorCode::InvalidSessionTimeout
            | ErrorCode::InvalidGroupId
            | ErrorCode::UnsupportedVersion
            | ErrorCode::MemberIdRequired
            | ErrorCode::RebalanceInProgress => Exception::of(error),
            other => Exception::unexpected("Unexpected error in join group response", other),
        };
        self.fail_join(exception, cx);
    }

    fn joined(&mut self, answer: JoinGroupResponse, cx: &mut Context<'_>) {
        if answer.protocol_type.as_deref().is_some_and(|protocol| protocol != PROTOCOL_TYPE) {
            return self.fail_join(Exception::of(ErrorCode::InconsistentGroupProtocol), cx);
        }
        if self.membership.state != MemberState::PreparingRebalance {
            return self.fail_join(Exception::unjoined(), cx);
        }
        self.membership.state = MemberState::CompletingRebalance;
        self.membership.generation = Rc::new(GroupGeneration {
            id: answer.generation_id,
            member_id: answer.member_id.clone(),
            protocol: answer.protocol_name.clone(),
        });
        if self.settings.behaviour.heartbeat_while_completing {
            self.enable_heartbeat_thread(cx.ms);
        }
        let leader = answer.leader == answer.member_id;
        cx.event(ClientEvent::Joined { generation: answer.generation_id, member: answer.member_id.clone(), leader });
        if leader {
            self.begin_election(answer, cx);
        } else {
            self.send_sync_group(Vec::new(), cx);
        }
    }

    /// SyncGroup, with the assignments if this is the leader.
    pub(super) fn send_sync_group(&mut self, assignments: Vec<(MemberId, Bytes)>, cx: &mut Context<'_>) {
        if self.coordinator_unknown(cx) {
            return self.fail_join(Exception::of(ErrorCode::CoordinatorNotAvailable), cx);
        }
        let Some(connection) = self.coordinator_connection() else { return };
        let sent = self.membership.generation.clone();
        let request = Request::SyncGroup(SyncGroupRequest {
            group_id: self.settings.group_id,
            generation_id: sent.id,
            member_id: sent.member_id.clone(),
            group_instance_id: self.instance_id_since(self.settings.behaviour.versions.sync_group, 3),
            protocol_type: Some(Arc::from(PROTOCOL_TYPE)),
            protocol_name: sent.protocol.clone(),
            assignments,
        });
        let timeout = self.sync_timeout_ms();
        let sync = self.network.enqueue(connection, request, Purpose::SyncGroup { sent }, timeout, cx.now);
        let fetches = self.fetches_before_sync(cx);
        self.network.let_fetches_ahead(sync, fetches);
    }

    /// `SyncGroupResponseHandler` (2.3)
    pub(super) fn on_sync_group(
        &mut self,
        sent: &Rc<GroupGeneration>,
        answer: SyncGroupResponse,
        cx: &mut Context<'_>,
    ) {
        let error = answer.error;
        match error {
            ErrorCode::None => return self.synced(answer, cx),
            ErrorCode::UnknownMemberId | ErrorCode::IllegalGeneration if *sent == self.membership.generation => {
                self.reset_on_response_error("SYNC_GROUP", error, cx);
            }
            ErrorCode::CoordinatorNotAvailable | ErrorCode::NotCoordinator => {
                self.mark_coordinator_unknown(false, &format!("error response {error}"), cx);
            }
            _ => {}
        }
        let exception = match error {
            ErrorCode::GroupAuthorizationFailed
            | ErrorCode::RebalanceInProgress
            | ErrorCode::FencedInstanceId
            | ErrorCode::UnknownMemberId
            | ErrorCode::IllegalGeneration
            | ErrorCode::CoordinatorNotAvailable
            | ErrorCode::NotCoordinator => Exception::of(error),
            other => Exception::unexpected("Unexpected error from SyncGroup", other),
        };
        self.fail_join(exception, cx);
    }

    fn synced(&mut self, answer: SyncGroupResponse, cx: &mut Context<'_>) {
        if answer.protocol_type.as_deref().is_some_and(|protocol| protocol != PROTOCOL_TYPE) {
            return self.fail_join(Exception::of(ErrorCode::InconsistentGroupProtocol), cx);
        }
        self.synced_at = cx.ms;
        let membership = &mut self.membership;
        if membership.generation.is_reset() || membership.state != MemberState::CompletingRebalance {
            return self.fail_join(Exception::of(ErrorCode::IllegalGeneration), cx);
        }
        if answer.protocol_name.is_some() && answer.protocol_name != membership.generation.protocol {
            return self.fail_join(Exception::of(ErrorCode::InconsistentGroupProtocol), cx);
        }
        membership.state = MemberState::Stable;
        membership.rejoin_reason = Arc::from("");
        membership.rejoin_needed = false;
        membership.first = false;
        membership.lost = false;
        membership.retrier.done();
        membership.pause_ms = 0;
        let started = membership.rebalance_started.take().unwrap_or(cx.now);
        let (generation, member) = (membership.generation.id, membership.generation.member_id.clone());
        membership.join = Some(JoinFuture::Succeeded(answer.assignment));
        let chance = self.settings.behaviour.joins_twice_permille;
        if chance > 0 && cx.world.unit() * 1_000.0 < f64::from(chance) {
            self.membership.join = Some(JoinFuture::Failed(Exception::of(ErrorCode::RebalanceInProgress)));
        }
        if !self.settings.behaviour.heartbeat_while_completing {
            self.enable_heartbeat_thread(cx.ms);
        }
        self.end_turn(cx);
        cx.event(ClientEvent::Synced { generation, member, rebalance_latency_ns: cx.now.since(started).0 });
    }

    /// `maybeLeaveGroup` (2.5): LeaveGroup if this member leaves by a request, and the generation is cleared in any case.
    /// `close` is how `close()` treats the membership; `None` when the poll interval is over.
    pub(super) fn leave_group(&mut self, close: Option<CloseOption>, reason: &str, cx: &mut Context<'_>) {
        let dynamic = self.settings.config.group_instance_id.is_none();
        let wanted = match close.unwrap_or(CloseOption::Default) {
            CloseOption::Default => dynamic,
            CloseOption::LeaveGroup => true,
            CloseOption::RemainInGroup => false,
        };
        let known = wanted && !self.coordinator_unknown(cx);
        let member_id = self.membership.generation.member_id.clone();
        let sends = known && self.membership.state != MemberState::Unjoined && !member_id.is_unknown();
        cx.event(ClientEvent::LeaveGroup { reason: Arc::from(reason), sent: sends });
        if let Some(connection) = self.coordinator_connection().filter(|_| sends) {
            let reason = (self.settings.behaviour.reasons == Reasons::Java).then(|| Arc::from(reason));
            let request = Request::LeaveGroup(LeaveGroupRequest {
                group_id: self.settings.group_id,
                members: vec![LeavingMember { member_id, group_instance_id: None, reason }],
            });
            self.send(connection, request, Purpose::LeaveGroup, cx);
            self.poll_network(cx);
        }
        self.reset_state_and_rejoin("consumer pro-actively leaving the group", true, cx);
    }
}
