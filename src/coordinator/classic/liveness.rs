//! Heartbeat, LeaveGroup and the expiry of sessions (classic-coordinator.md 4, 5).

use std::sync::Arc;

use super::group::{ClassicGroup, GroupState};
use super::rebalance::{complete_join, maybe_complete_join_phase, maybe_prepare_rebalance_or_complete_join};
use super::{Handled, Write};
use crate::coordinator::env::{Env, Unexpected};
use crate::coordinator::event::CoordinatorEvent;
use crate::protocol::message::{HeartbeatRequest, LeaveGroupRequest, LeaveGroupResponse, LeavingMember};
use crate::protocol::{ErrorCode, MemberId};

/// Heartbeat: `Err` is thrown, so that it waits for no write; `Ok` is a regular answer (classic-coordinator.md 4).
pub(in crate::coordinator) fn heartbeat(
    group: &mut ClassicGroup,
    request: &HeartbeatRequest,
    env: &mut Env,
) -> Result<ErrorCode, ErrorCode> {
    if group.state == GroupState::Dead {
        return Err(ErrorCode::CoordinatorNotAvailable);
    }
    let (state, generation) = (group.state, group.generation);
    let (member, group_id) = group.validated_member(&request.member_id, request.group_instance_id.as_ref())?;
    if request.generation_id != generation {
        return Err(ErrorCode::IllegalGeneration);
    }
    match state {
        GroupState::Empty | GroupState::Dead => Ok(ErrorCode::UnknownMemberId),
        GroupState::PreparingRebalance => {
            member.reschedule_heartbeat(group_id, env);
            Ok(ErrorCode::RebalanceInProgress)
        }
        GroupState::CompletingRebalance | GroupState::Stable => {
            member.reschedule_heartbeat(group_id, env);
            Ok(ErrorCode::None)
        }
    }
}

/// LeaveGroup (classic-coordinator.md 5.1).
pub(in crate::coordinator) fn leave(
    group: &mut ClassicGroup,
    request: LeaveGroupRequest,
    env: &mut Env,
) -> Result<(LeaveGroupResponse, Option<Write>), Unexpected> {
    if group.state == GroupState::Dead {
        return Ok((LeaveGroupResponse { error: ErrorCode::CoordinatorNotAvailable, members: Vec::new() }, None));
    }
    let mut members = Vec::with_capacity(request.members.len());
    for leaving in request.members {
        let error = leave_one(group, &leaving, env).err().unwrap_or(ErrorCode::None);
        members.push((leaving.member_id, leaving.group_instance_id, error));
    }
    let left = members.iter().filter(|(_, _, error)| *error == ErrorCode::None).map(|(id, _, _)| id.as_str());
    let left: Vec<&str> = left.collect();
    let write = if left.is_empty() {
        None
    } else {
        match group.state {
            GroupState::Stable | GroupState::CompletingRebalance => {
                let reason = || {
                    let left = left.join(", ");
                    Arc::from(format!("explicit `LeaveGroup` request for ({left}) members."))
                };
                maybe_prepare_rebalance_or_complete_join(group, reason, env)?
            }
            GroupState::PreparingRebalance => maybe_complete_join_phase(group, env)?,
            GroupState::Empty | GroupState::Dead => None,
        }
    };
    Ok((LeaveGroupResponse { error: ErrorCode::None, members }, write))
}

/// One entry of a LeaveGroup (classic-coordinator.md 5.1, the first table).
fn leave_one(group: &mut ClassicGroup, leaving: &LeavingMember, env: &mut Env) -> Result<(), ErrorCode> {
    let reason = || leaving.reason.clone().unwrap_or_else(|| Arc::from("not provided"));
    if leaving.member_id.is_unknown() {
        let mapped = leaving.group_instance_id.as_ref().and_then(|instance| group.static_members.get(instance));
        let member_id = mapped.cloned().ok_or(ErrorCode::UnknownMemberId)?;
        remove_leaving(group, &member_id, reason(), env);
        return Ok(());
    }
    if group.pending_join.contains(&leaving.member_id) {
        group.remove(&leaving.member_id, env);
        env.cancel_session(&group.group_id, &leaving.member_id);
        env.event(CoordinatorEvent::PendingMemberLeft {
            group: group.group_id,
            member: leaving.member_id.clone(),
            reason: reason(),
        });
        return Ok(());
    }
    group.validate_member(&leaving.member_id, leaving.group_instance_id.as_ref())?;
    remove_leaving(group, &leaving.member_id, reason(), env);
    Ok(())
}

/// classic-coordinator.md 5.2.
fn remove_leaving(group: &mut ClassicGroup, member_id: &MemberId, reason: Arc<str>, env: &mut Env) {
    env.cancel_session(&group.group_id, member_id);
    env.event(CoordinatorEvent::MemberLeft { group: group.group_id, member: member_id.clone(), reason });
    group.fail_join_of_removed(member_id, env);
    group.remove(member_id, env);
}

/// The session of a member, or the validity of an id that was handed out, is over (classic-coordinator.md 5.3).
pub(in crate::coordinator) fn expire_heartbeat(
    group: &mut ClassicGroup,
    member_id: &MemberId,
    env: &mut Env,
) -> Handled {
    if group.state == GroupState::Dead {
        return Ok(None);
    }
    if group.pending_join.contains(member_id) {
        env.event(CoordinatorEvent::PendingMemberExpired { group: group.group_id, member: member_id.clone() });
        group.remove(member_id, env);
        return complete_join_if_all_joined(group, env);
    }
    match group.members.get(member_id) {
        None => Ok(None),
        // The timer is gone until the phase ends and arms it again.
        Some(member) if member.has_satisfied_heartbeat() => Ok(None),
        Some(_) => expire_member(group, member_id, env),
    }
}

fn expire_member(group: &mut ClassicGroup, member_id: &MemberId, env: &mut Env) -> Handled {
    let reason: Arc<str> = Arc::from(format!("removing member {member_id} on heartbeat expiration."));
    env.event(CoordinatorEvent::MemberFailed {
        group: group.group_id,
        member: member_id.clone(),
        reason: reason.clone(),
    });
    group.fail_join_of_removed(member_id, env);
    group.remove(member_id, env);
    match group.state {
        GroupState::Stable | GroupState::CompletingRebalance => {
            maybe_prepare_rebalance_or_complete_join(group, || reason, env)
        }
        _ => complete_join_if_all_joined(group, env),
    }
}

/// Unlike a LeaveGroup, an expiry ends the initial join phase too (classic-coordinator.md 2.7.3, bypass).
fn complete_join_if_all_joined(group: &mut ClassicGroup, env: &mut Env) -> Handled {
    if group.state == GroupState::PreparingRebalance && group.has_all_members_joined() {
        return complete_join(group, env);
    }
    Ok(None)
}
