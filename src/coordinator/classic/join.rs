//! JoinGroup (classic-coordinator.md 2.1 to 2.6).

use std::sync::Arc;

use super::group::{ClassicGroup, GroupState};
use super::member::Member;
use super::rebalance::{maybe_prepare_rebalance_or_complete_join, prepared_reason};
use super::{Callback, Handled, Write, static_member};
use crate::coordinator::checks::{join_error, operation_error};
use crate::coordinator::env::{Env, Unexpected, reason_or_default};
use crate::coordinator::event::CoordinatorEvent;
use crate::coordinator::interface::{ClientInfo, RequestId};
use crate::protocol::message::{JoinGroupProtocol, JoinGroupRequest, JoinGroupResponse};
use crate::protocol::{Bytes, ErrorCode, GroupId, MemberId};

/// How long a new member may wait for the end of the join phase (`classicGroupNewMemberJoinTimeoutMs`, a constant).
const NEW_MEMBER_JOIN_TIMEOUT_MS: i32 = 300_000;

/// A JoinGroup on its way through the handlers.
pub(super) struct Join<'a> {
    pub(super) id: RequestId,
    pub(super) version: i16,
    pub(super) client: &'a ClientInfo,
    pub(super) request: JoinGroupRequest,
    pub(super) protocols: Arc<[JoinGroupProtocol]>,
}

impl Join<'_> {
    /// The client's reason, as the coordinator's reasons end.
    pub(super) fn client_reason(&self) -> String {
        format!("; client reason: {}", reason_or_default(self.request.reason.as_ref()))
    }

    pub(super) fn timeouts(&self) -> (i32, i32) {
        (self.request.rebalance_timeout_ms, self.request.session_timeout_ms)
    }

    fn answer(&self, error: ErrorCode, member_id: MemberId, env: &mut Env) {
        env.answer_join(self.id, join_error(error, member_id));
    }
}

/// JoinGroup to a group that exists (or that this request just made: `is_new_group`).
pub(in crate::coordinator) fn join(
    group: &mut ClassicGroup,
    is_new_group: bool,
    id: RequestId,
    version: i16,
    client: &ClientInfo,
    mut request: JoinGroupRequest,
    env: &mut Env,
) -> Handled {
    let protocols: Arc<[JoinGroupProtocol]> = std::mem::take(&mut request.protocols).into();
    if version == 0 {
        // Version 0 has no rebalance timeout (classic-coordinator.md 0.7).
        request.rebalance_timeout_ms = request.session_timeout_ms;
    }
    let join = Join { id, version, client, request, protocols };
    let write = if !accepts_joining_member(group, &join.request.member_id, env.config.group_max_size) {
        // classic-coordinator.md 2.1 row 7: the timer stays, the join phase is not looked at.
        group.remove(&join.request.member_id, env);
        join.answer(ErrorCode::GroupMaxSizeReached, MemberId::default(), env);
        None
    } else if join.request.member_id.is_unknown() {
        join_new_member(group, &join, env)?
    } else {
        join_existing_member(group, &join, env)?
    };
    if write.is_none() && is_new_group {
        // classic-coordinator.md 2.1 row 10, whatever the answer was.
        let callback = Callback::NewGroup { request: id, group: group.group_id };
        return Ok(Some(Write { record: group.empty_record(env.now), callback }));
    }
    Ok(write)
}

/// The empty record of a new group failed: the group is gone, the request is answered if it still waits.
pub(super) fn new_group_failed(request: RequestId, group: GroupId, error: ErrorCode, env: &mut Env) {
    env.event(CoordinatorEvent::EmptyGroupNotWritten { group, cause: error.name().into() });
    env.answer_join(request, join_error(operation_error(error), MemberId::default()));
}

/// classic-coordinator.md 2.2.
fn accepts_joining_member(group: &ClassicGroup, member_id: &MemberId, group_max_size: i32) -> bool {
    let max = usize::try_from(group_max_size).unwrap_or(0);
    match group.state {
        GroupState::Empty | GroupState::Dead => true,
        GroupState::PreparingRebalance => {
            group.members.get(member_id).is_some_and(|member| member.awaiting_join.is_some())
                || group.awaiting_join < max
        }
        GroupState::CompletingRebalance | GroupState::Stable => {
            group.members.contains_key(member_id) || group.members.len() < max
        }
    }
}

/// classic-coordinator.md 2.3.
fn join_new_member(group: &mut ClassicGroup, join: &Join<'_>, env: &mut Env) -> Handled {
    if group.state == GroupState::Dead {
        join.answer(ErrorCode::CoordinatorNotAvailable, MemberId::default(), env);
        return Ok(None);
    }
    if !group.supports_protocols(&join.request.protocol_type, &join.protocols) {
        join.answer(ErrorCode::InconsistentGroupProtocol, MemberId::default(), env);
        return Ok(None);
    }
    let instance = join.request.group_instance_id.as_ref();
    let prefix = instance.map_or(join.client.client_id.as_str(), |instance| instance.as_str());
    let new_id = env.ids.new_member_id(prefix);
    match instance.map(|instance| group.static_members.get(instance).cloned()) {
        Some(Some(old_id)) => static_member::replace(group, join, old_id, new_id, env),
        // No MEMBER_ID_REQUIRED round trip for static members.
        Some(None) => add_member(group, join, new_id, false, env),
        None if join.version >= 4 => {
            require_member_id(group, join, new_id, env);
            Ok(None)
        }
        None => add_member(group, join, new_id, false, env),
    }
}

/// Hands out a member id (classic-coordinator.md 2.3 row 5; KIP-394).
fn require_member_id(group: &mut ClassicGroup, join: &Join<'_>, new_id: MemberId, env: &mut Env) {
    env.event(CoordinatorEvent::MemberIdRequired {
        group: group.group_id,
        member: new_id.clone(),
        state: group.state.name(),
    });
    group.pending_join.insert(new_id.clone());
    env.set_session_timer(None, &group.group_id, &new_id, join.request.session_timeout_ms);
    join.answer(ErrorCode::MemberIdRequired, new_id, env);
}

/// classic-coordinator.md 2.5.
fn join_existing_member(group: &mut ClassicGroup, join: &Join<'_>, env: &mut Env) -> Handled {
    let member_id = &join.request.member_id;
    if group.state == GroupState::Dead {
        join.answer(ErrorCode::CoordinatorNotAvailable, member_id.clone(), env);
        return Ok(None);
    }
    if !group.supports_protocols(&join.request.protocol_type, &join.protocols) {
        join.answer(ErrorCode::InconsistentGroupProtocol, member_id.clone(), env);
        return Ok(None);
    }
    if group.pending_join.contains(member_id) {
        if let Some(instance) = &join.request.group_instance_id {
            return Err(Unexpected(format!(
                "Received unexpected JoinGroup with groupInstanceId={instance} for pending member with memberId={member_id}"
            )));
        }
        return add_member(group, join, member_id.clone(), true, env);
    }
    if let Err(error) = group.validate_member(member_id, join.request.group_instance_id.as_ref()) {
        let response = JoinGroupResponse { protocol_name: None, ..join_error(error, member_id.clone()) };
        env.answer_join(join.id, response);
        return Ok(None);
    }
    rejoin(group, join, env)
}

/// A member joins again (classic-coordinator.md 2.5, the table by state).
fn rejoin(group: &mut ClassicGroup, join: &Join<'_>, env: &mut Env) -> Handled {
    let member_id = &join.request.member_id;
    let matches = group.members.get(member_id).is_some_and(|member| member.matches(&join.protocols));
    let leads = group.is_leader(member_id);
    match group.state {
        GroupState::PreparingRebalance => {
            let reason = || format!("Member {member_id} is joining group during PreparingRebalance");
            update_member(group, join, reason, env)
        }
        // It may have missed the answer: the same again. A follower of a stable group gets no list.
        GroupState::CompletingRebalance | GroupState::Stable
            if matches && !(leads && group.state == GroupState::Stable) =>
        {
            let members = if leads { group.current_members()? } else { Vec::new() };
            env.answer_join(join.id, group.join_response(member_id, group.leader.clone(), members));
            Ok(None)
        }
        // The leader may force a rebalance for changes that its metadata doesn't show.
        GroupState::Stable if leads => {
            let reason = || format!("Leader {member_id} re-joining group during Stable");
            update_member(group, join, reason, env)
        }
        GroupState::CompletingRebalance | GroupState::Stable => {
            let state = group.state;
            let reason = || format!("Updating metadata for member {member_id} during {state}");
            update_member(group, join, reason, env)
        }
        GroupState::Empty | GroupState::Dead => {
            join.answer(ErrorCode::UnknownMemberId, member_id.clone(), env);
            Ok(None)
        }
    }
}

/// Takes a member's new metadata and parks it. Neither its session timer nor `is_new` changes.
fn update_member(group: &mut ClassicGroup, join: &Join<'_>, reason: impl FnOnce() -> String, env: &mut Env) -> Handled {
    let member_id = &join.request.member_id;
    group.update_member(member_id, join.protocols.clone(), join.timeouts(), Some(join.id), env);
    env.event(CoordinatorEvent::JoinParked { group: group.group_id, member: member_id.clone() });
    maybe_prepare_rebalance_or_complete_join(group, || prepared_reason(reason(), join.client_reason()), env)
}

/// Adds a member and parks it (classic-coordinator.md 2.6).
fn add_member(
    group: &mut ClassicGroup,
    join: &Join<'_>,
    member_id: MemberId,
    was_pending: bool,
    env: &mut Env,
) -> Handled {
    let request = &join.request;
    env.event(CoordinatorEvent::MemberJoined {
        group: group.group_id,
        member: member_id.clone(),
        instance: request.group_instance_id,
        client: join.client.client_id,
        state: group.state.name(),
        was_pending,
    });
    if group.state == GroupState::PreparingRebalance && group.previous_state == GroupState::Empty {
        group.new_member_added = true;
    }
    let member = Member {
        member_id: member_id.clone(),
        group_instance_id: request.group_instance_id,
        client_id: join.client.client_id,
        client_host: join.client.client_host.clone(),
        rebalance_timeout_ms: request.rebalance_timeout_ms,
        session_timeout_ms: request.session_timeout_ms,
        protocols: join.protocols.clone(),
        assignment: Bytes::from([]),
        awaiting_join: Some(join.id),
        awaiting_sync: None,
        is_new: true,
        session_timer: None,
        incarnation: group.next_incarnation(),
    };
    group.add(member, &request.protocol_type)?;
    env.open.hold(join.id);
    let timer = env.set_session_timer(None, &group.group_id, &member_id, NEW_MEMBER_JOIN_TIMEOUT_MS);
    if let Some(member) = group.members.get_mut(&member_id) {
        member.session_timer = Some(timer);
    }
    env.event(CoordinatorEvent::JoinParked { group: group.group_id, member: member_id.clone() });
    let instance = request.group_instance_id.as_ref().map_or("null", |instance| instance.as_str());
    let reason = || {
        let adding = format!("Adding new member {member_id} with group instance id {instance}");
        prepared_reason(adding, join.client_reason())
    };
    maybe_prepare_rebalance_or_complete_join(group, reason, env)
}
