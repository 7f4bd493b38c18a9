//! SyncGroup and the leader's assignment (classic-coordinator.md 3).

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::group::{ClassicGroup, GroupState};
use super::rebalance::{
    maybe_prepare_rebalance_or_complete_join, prepare_rebalance, propagate_assignment, reset_and_propagate_assignment,
};
use super::{Callback, Handled, Write, java_set};
use crate::coordinator::checks::{operation_error, sync_error};
use crate::coordinator::env::Env;
use crate::coordinator::event::CoordinatorEvent;
use crate::coordinator::interface::{RequestId, TimerKey};
use crate::protocol::java_hash::JavaHashMap;
use crate::protocol::message::{SyncGroupRequest, SyncGroupResponse};
use crate::protocol::{Bytes, ErrorCode, Generation, GroupId, MemberId};

/// The leader's assignment on its way to the log.
pub(in crate::coordinator) struct AssignmentWrite {
    pub(super) group: GroupId,
    pub(super) incarnation: u64,
    generation: Generation,
    leader: MemberId,
    assignment: FxHashMap<MemberId, Bytes>,
}

/// SyncGroup to a group that is not Empty.
pub(in crate::coordinator) fn sync(
    group: &mut ClassicGroup,
    id: RequestId,
    request: SyncGroupRequest,
    env: &mut Env,
) -> Handled {
    if let Err(error) = validate(group, &request) {
        env.answer_sync(id, sync_error(error));
        return Ok(None);
    }
    // classic-coordinator.md 3.2
    match group.state {
        GroupState::PreparingRebalance => {
            env.answer_sync(id, sync_error(ErrorCode::RebalanceInProgress));
            Ok(None)
        }
        GroupState::CompletingRebalance => {
            park(group, id, &request.member_id, env);
            remove_pending_sync_member(group, &request.member_id, env);
            if group.is_leader(&request.member_id) { store_assignment(group, request, env).map(Some) } else { Ok(None) }
        }
        _ => {
            remove_pending_sync_member(group, &request.member_id, env);
            let assignment = group.members.get(&request.member_id).map(|member| member.assignment.clone());
            let response = SyncGroupResponse {
                error: ErrorCode::None,
                protocol_type: group.protocol_type.clone(),
                protocol_name: group.protocol_name.clone(),
                assignment: assignment.unwrap_or_else(|| Bytes::from([])),
            };
            env.answer_sync(id, response);
            Ok(None)
        }
    }
}

/// classic-coordinator.md 3.1, rows 4 to 9.
fn validate(group: &ClassicGroup, request: &SyncGroupRequest) -> Result<(), ErrorCode> {
    if group.state == GroupState::Dead {
        return Err(ErrorCode::CoordinatorNotAvailable);
    }
    group.validate_member(&request.member_id, request.group_instance_id.as_ref())?;
    if request.generation_id != group.generation {
        return Err(ErrorCode::IllegalGeneration);
    }
    if is_inconsistent(&request.protocol_type, &group.protocol_type)
        || is_inconsistent(&request.protocol_name, &group.protocol_name)
    {
        return Err(ErrorCode::InconsistentGroupProtocol);
    }
    Ok(())
}

/// Missing on either side passes.
fn is_inconsistent(given: &Option<Arc<str>>, groups: &Option<Arc<str>>) -> bool {
    matches!((given, groups), (Some(given), Some(groups)) if given != groups)
}

/// Parks a SyncGroup; one that waited before is never answered.
fn park(group: &mut ClassicGroup, id: RequestId, member_id: &MemberId, env: &mut Env) {
    let Some(member) = group.members.get_mut(member_id) else { return };
    env.open.hold(id);
    if let Some(former) = member.awaiting_sync.replace(id) {
        env.open.abandon(former);
    }
    env.event(CoordinatorEvent::SyncParked { group: group.group_id, member: member_id.clone() });
}

/// A member has sent its SyncGroup; the last one ends the sync timer.
fn remove_pending_sync_member(group: &mut ClassicGroup, member_id: &MemberId, env: &mut Env) {
    group.pending_sync.remove(member_id);
    if group.pending_sync.is_empty() {
        env.cancel(TimerKey::Sync { group: group.group_id });
    }
}

/// Writes the leader's assignment; members that it left out get empty bytes (classic-coordinator.md 3.3).
fn store_assignment(
    group: &mut ClassicGroup,
    request: SyncGroupRequest,
    env: &mut Env,
) -> Result<Write, super::Unexpected> {
    env.event(CoordinatorEvent::AssignmentReceived {
        group: group.group_id,
        generation: group.generation,
        leader: request.member_id.clone(),
        members: group.members.len() as u32,
        static_members: group.static_members.len() as u32,
    });
    let assignment: FxHashMap<MemberId, Bytes> = request.assignments.into_iter().collect();
    let left_out: Vec<MemberId> = group.members.keys().filter(|id| !assignment.contains_key(*id)).cloned().collect();
    if !left_out.is_empty() {
        env.event(CoordinatorEvent::EmptyAssignments {
            group: group.group_id,
            generation: group.generation,
            members: left_out,
        });
    }
    let empty = Bytes::from([]);
    let record =
        group.metadata_record(|member| assignment.get(&member.member_id).cloned().unwrap_or_else(|| empty.clone()))?;
    let write = AssignmentWrite {
        group: group.group_id,
        incarnation: group.incarnation,
        generation: request.generation_id,
        leader: request.member_id,
        assignment,
    };
    Ok(Write { record, callback: Callback::Assignment(Box::new(write)) })
}

/// The assignment is durable, or failed. The group may have moved on meanwhile: then nothing happens
/// (classic-coordinator.md 3.3 step 4).
pub(super) fn complete_assignment(
    group: &mut ClassicGroup,
    write: AssignmentWrite,
    result: Result<(), ErrorCode>,
    env: &mut Env,
) {
    if group.state != GroupState::CompletingRebalance || group.generation != write.generation {
        return;
    }
    match result {
        Ok(()) => {
            let empty = Bytes::from([]);
            for member in group.members.values_mut() {
                member.assignment = write.assignment.get(&member.member_id).unwrap_or(&empty).clone();
            }
            propagate_assignment(group, ErrorCode::None, env);
            if group.transition_to(GroupState::Stable, env.now).is_ok() {
                env.event(CoordinatorEvent::Stable { group: group.group_id, generation: group.generation });
            }
        }
        Err(error) => {
            let error = operation_error(error);
            reset_and_propagate_assignment(group, error, env);
            let leader = &write.leader;
            let reason = || {
                // The missing space is Kafka's.
                Arc::from(format!("Error {error} when storing group assignmentduring SyncGroup (member: {leader})."))
            };
            // What this would write is dropped, as in Kafka.
            let _ = maybe_prepare_rebalance_or_complete_join(group, reason, env);
        }
    }
}

/// The sync timer: members that sent no SyncGroup are removed, static ones too (classic-coordinator.md 3.4).
pub(in crate::coordinator) fn expire_pending_sync(group: &mut ClassicGroup, env: &mut Env) -> Handled {
    if !matches!(group.state, GroupState::CompletingRebalance | GroupState::Stable) || group.pending_sync.is_empty() {
        return Ok(None);
    }
    // Kafka walks a copy of the set.
    let mut copy: JavaHashMap<MemberId, ()> = JavaHashMap::for_set_of(group.pending_sync.len());
    copy.extend(group.pending_sync.keys().map(|member_id| (member_id.clone(), ())));
    let expired: Vec<MemberId> = copy.keys().cloned().collect();
    for member_id in &expired {
        group.remove(member_id, env);
        env.cancel_session(&group.group_id, member_id);
    }
    let reason = format!("Removing {} on pending sync request expiration", java_set(&expired));
    env.event(CoordinatorEvent::PendingSyncExpired { group: group.group_id, members: expired });
    prepare_rebalance(group, Arc::from(reason), env)
}
