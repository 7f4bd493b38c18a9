//! The join phase: how a rebalance starts and how it ends (classic-coordinator.md 2.7, 2.8).

use std::sync::Arc;

use super::group::{ClassicGroup, GroupState};
use super::{Callback, Handled, Write};
use crate::coordinator::env::Env;
use crate::coordinator::event::CoordinatorEvent;
use crate::coordinator::interface::TimerKey;
use crate::coordinator::timers::JoinTimer;
use crate::protocol::message::SyncGroupResponse;
use crate::protocol::{Bytes, ErrorCode, MemberId};

/// A reason with the client's part behind it.
pub(super) fn prepared_reason(reason: String, client_reason: String) -> Arc<str> {
    Arc::from(reason + &client_reason)
}

/// Starts a rebalance if the group's state allows it; else the join phase may be complete now.
pub(super) fn maybe_prepare_rebalance_or_complete_join(
    group: &mut ClassicGroup,
    reason: impl FnOnce() -> Arc<str>,
    env: &mut Env,
) -> Handled {
    if group.state.can_rebalance() {
        prepare_rebalance(group, reason(), env)
    } else {
        maybe_complete_join_phase(group, env)
    }
}

/// Ends the join phase if everybody has joined, but never the initial one (classic-coordinator.md 2.7.2).
pub(super) fn maybe_complete_join_phase(group: &mut ClassicGroup, env: &mut Env) -> Handled {
    if group.state != GroupState::PreparingRebalance
        || group.previous_state == GroupState::Empty
        || !group.has_all_members_joined()
    {
        return Ok(None);
    }
    complete_join(group, env)
}

/// Starts a rebalance (classic-coordinator.md 2.7).
pub(super) fn prepare_rebalance(group: &mut ClassicGroup, reason: Arc<str>, env: &mut Env) -> Handled {
    let from_state = group.state;
    if from_state == GroupState::CompletingRebalance {
        reset_and_propagate_assignment(group, ErrorCode::RebalanceInProgress, env);
    }
    group.pending_sync.clear();
    env.cancel(TimerKey::Sync { group: group.group_id });
    let is_initial = from_state == GroupState::Empty;
    if is_initial {
        let delay_ms = env.config.group_initial_rebalance_delay_ms;
        let remaining_ms = (group.rebalance_timeout_ms() - delay_ms).max(0);
        env.set_join_timer(&group.group_id, delay_ms, JoinTimer::Initial { delay_ms, remaining_ms });
    }
    group.transition_to(GroupState::PreparingRebalance, env.now)?;
    env.event(CoordinatorEvent::PreparingRebalance {
        group: group.group_id,
        from_state: from_state.name(),
        old_generation: group.generation,
        reason,
    });
    if is_initial {
        return Ok(None);
    }
    if group.has_all_members_joined() {
        return complete_join(group, env);
    }
    env.set_join_timer(&group.group_id, group.rebalance_timeout_ms(), JoinTimer::Plain);
    Ok(None)
}

/// The initial delay is over: extend it for members that joined meanwhile, or end the join phase
/// (classic-coordinator.md 2.7.3).
pub(in crate::coordinator) fn try_complete_initial_rebalance(
    group: &mut ClassicGroup,
    delay_ms: i32,
    remaining_ms: i32,
    env: &mut Env,
) -> Handled {
    if group.new_member_added && remaining_ms != 0 {
        group.new_member_added = false;
        let next_delay_ms = env.config.group_initial_rebalance_delay_ms.min(remaining_ms);
        let next = JoinTimer::Initial { delay_ms: next_delay_ms, remaining_ms: (remaining_ms - delay_ms).max(0) };
        env.set_join_timer(&group.group_id, next_delay_ms, next);
        return Ok(None);
    }
    complete_join(group, env)
}

/// Ends the join phase (classic-coordinator.md 2.8).
pub(in crate::coordinator) fn complete_join(group: &mut ClassicGroup, env: &mut Env) -> Handled {
    env.cancel(TimerKey::Join { group: group.group_id });
    remove_absent_dynamic_members(group, env);
    if group.state == GroupState::Dead {
        return Ok(None);
    }
    if !group.maybe_elect_new_joined_leader() && !group.members.is_empty() {
        // Only absent static members are left: wait until one returns or expires.
        env.event(CoordinatorEvent::NoMembersRejoined { group: group.group_id });
        env.set_join_timer(&group.group_id, group.rebalance_timeout_ms(), JoinTimer::Plain);
        return Ok(None);
    }
    group.init_next_generation(env.now)?;
    if group.state == GroupState::Empty {
        env.event(CoordinatorEvent::Empty { group: group.group_id, generation: group.generation });
        let record = group.metadata_record(|_| Bytes::from([]))?;
        return Ok(Some(Write { record, callback: Callback::EmptyGroup { group: group.group_id } }));
    }
    env.event(CoordinatorEvent::Stabilized {
        group: group.group_id,
        generation: group.generation,
        members: group.members.len() as u32,
        leader: group.leader.clone().unwrap_or_default(),
        protocol: group.protocol_name.clone().unwrap_or_else(|| Arc::from("")),
    });
    answer_all_joins(group, env)?;
    env.set_sync_timer(&group.group_id, group.rebalance_timeout_ms());
    Ok(None)
}

/// Dynamic members that did not rejoin go; static ones stay (classic-coordinator.md 2.8 step 2).
fn remove_absent_dynamic_members(group: &mut ClassicGroup, env: &mut Env) {
    let absent = |member: &&super::Member| member.awaiting_join.is_none() && member.group_instance_id.is_none();
    let absent: Vec<MemberId> = group.members.values().filter(absent).map(|member| member.member_id.clone()).collect();
    if absent.is_empty() {
        return;
    }
    for member_id in &absent {
        group.remove(member_id, env);
        env.cancel_session(&group.group_id, member_id);
    }
    env.event(CoordinatorEvent::DynamicMembersRemoved { group: group.group_id, members: absent });
}

/// Every member, absent static ones too, starts the new generation (classic-coordinator.md 2.8 step 6).
fn answer_all_joins(group: &mut ClassicGroup, env: &mut Env) -> Result<(), super::Unexpected> {
    let order: Vec<MemberId> = group.members.keys().cloned().collect();
    for member_id in order {
        let members = if group.is_leader(&member_id) { group.current_members()? } else { Vec::new() };
        let response = group.join_response(&member_id, group.leader.clone(), members);
        group.complete_join_future(&member_id, response, env);
        group.reschedule_heartbeat(&member_id, env);
        if let Some(member) = group.members.get_mut(&member_id) {
            member.is_new = false;
        }
        group.pending_sync.insert(member_id, ());
    }
    Ok(())
}

/// Empties all assignments and answers every parked SyncGroup with an error (classic-coordinator.md 2.7 step 1).
pub(super) fn reset_and_propagate_assignment(group: &mut ClassicGroup, error: ErrorCode, env: &mut Env) {
    let empty = Bytes::from([]);
    for member in group.members.values_mut() {
        member.assignment = empty.clone();
    }
    propagate_assignment(group, error, env);
}

/// Answers every parked SyncGroup; the session of each member that is answered starts anew, for an expiry meanwhile was
/// ignored.
pub(super) fn propagate_assignment(group: &mut ClassicGroup, error: ErrorCode, env: &mut Env) {
    let parked = group.members.values().filter(|member| member.awaiting_sync.is_some());
    let parked: Vec<MemberId> = parked.map(|member| member.member_id.clone()).collect();
    for member_id in parked {
        let answered = if error == ErrorCode::None {
            let assignment = group.members.get(&member_id).map(|member| member.assignment.clone());
            let response = SyncGroupResponse {
                error,
                protocol_type: group.protocol_type.clone(),
                protocol_name: group.protocol_name.clone(),
                assignment: assignment.unwrap_or_else(|| Bytes::from([])),
            };
            group.complete_sync_future(&member_id, response, env)
        } else {
            group.fail_sync(&member_id, error, env)
        };
        if answered {
            group.reschedule_heartbeat(&member_id, env);
        }
    }
}
