//! A new process takes over a static member (classic-coordinator.md 2.9; KIP-345, KIP-814).

use std::sync::Arc;

use super::group::{ClassicGroup, GroupState};
use super::join::Join;
use super::member::Member;
use super::rebalance::{
    maybe_complete_join_phase, maybe_prepare_rebalance_or_complete_join, prepare_rebalance, prepared_reason,
};
use super::{Callback, Handled, Write};
use crate::coordinator::checks::{join_error, operation_error};
use crate::coordinator::env::{Env, Unexpected};
use crate::coordinator::event::CoordinatorEvent;
use crate::coordinator::interface::RequestId;
use crate::protocol::message::{JoinGroupProtocol, JoinGroupResponse};
use crate::protocol::{ErrorCode, GroupId, GroupInstanceId, MemberId};

/// A replacement on its way to the log.
pub(in crate::coordinator) struct ReplaceWrite {
    pub(super) group: GroupId,
    pub(super) incarnation: u64,
    request: RequestId,
    version: i16,
    instance: GroupInstanceId,
    old_id: MemberId,
    new_id: MemberId,
    /// The member object that the request waits with.
    member: u64,
    leader_before: Option<MemberId>,
    protocols_before: Arc<[JoinGroupProtocol]>,
    timeouts_before: (i32, i32),
}

/// JoinGroup with an unknown member id and an instance id that a member bears.
pub(super) fn replace(
    group: &mut ClassicGroup,
    join: &Join<'_>,
    old_id: MemberId,
    new_id: MemberId,
    env: &mut Env,
) -> Handled {
    let Some(instance) = join.request.group_instance_id else { return Ok(None) };
    env.event(CoordinatorEvent::StaticMemberReplaced {
        group: group.group_id,
        instance,
        old: old_id.clone(),
        new: new_id.clone(),
        state: group.state.name(),
    });
    let leader_before = group.leader.clone();
    let member = replace_static_member(group, &instance, &old_id, &new_id, env)?;
    group.reschedule_heartbeat(&new_id, env);
    let (protocols_before, timeouts_before) = match group.members.get(&new_id) {
        Some(member) => (member.protocols.clone(), (member.rebalance_timeout_ms, member.session_timeout_ms)),
        None => return Ok(None),
    };
    group.update_member(&new_id, join.protocols.clone(), join.timeouts(), Some(join.id), env);
    env.event(CoordinatorEvent::JoinParked { group: group.group_id, member: new_id.clone() });
    match group.state {
        GroupState::Stable => {
            let write = ReplaceWrite {
                group: group.group_id,
                incarnation: group.incarnation,
                request: join.id,
                version: join.version,
                instance,
                old_id,
                new_id,
                member,
                leader_before,
                protocols_before,
                timeouts_before,
            };
            replace_in_stable(group, join, write, env)
        }
        GroupState::CompletingRebalance => {
            // The leader may have the old id in its assignment already: always rebalance.
            let reason = format!("Updating metadata for static member {new_id} with instance id {instance}");
            prepare_rebalance(group, prepared_reason(reason, join.client_reason()), env)
        }
        GroupState::PreparingRebalance => maybe_complete_join_phase(group, env),
        GroupState::Empty | GroupState::Dead => Err(Unexpected(format!(
            "Group {} was not supposed to be in the state {} when the unknown static member {instance} rejoins.",
            group.group_id, group.state
        ))),
    }
}

/// No rebalance unless the selected protocol would change: the new id is written, and the answer waits for that.
fn replace_in_stable(group: &mut ClassicGroup, join: &Join<'_>, write: ReplaceWrite, env: &mut Env) -> Handled {
    let selected = group.select_protocol()?;
    if group.protocol_name.as_deref().unwrap_or_default() == &*selected {
        env.event(CoordinatorEvent::StaticMemberKeepsAssignment { group: group.group_id });
        let record = group.metadata_record(|member| member.assignment.clone())?;
        group.begin_replacement(write.member, join.protocols.clone());
        return Ok(Some(Write { record, callback: Callback::StaticReplace(Box::new(write)) }));
    }
    let reason = || {
        let (new_id, instance) = (&write.new_id, &write.instance);
        let reason = format!(
            "Group's selectedProtocol will change because static member {new_id} with instance id {instance} \
             joined with change of protocol"
        );
        prepared_reason(reason, join.client_reason())
    };
    maybe_prepare_rebalance_or_complete_join(group, reason, env)
}

/// Takes the member's place under a new id; whoever waits under the old one is fenced (`ClassicGroup.replaceStaticMember`).
/// Returns the number of the new member object.
fn replace_static_member(
    group: &mut ClassicGroup,
    instance: &GroupInstanceId,
    old_id: &MemberId,
    new_id: &MemberId,
    env: &mut Env,
) -> Result<u64, Unexpected> {
    if !group.members.contains_key(old_id) {
        return Err(Unexpected(format!("Cannot replace non-existing member id {old_id}")));
    }
    let fenced = join_error(ErrorCode::FencedInstanceId, old_id.clone());
    group.complete_join_future(old_id, JoinGroupResponse { protocol_name: None, ..fenced }, env);
    group.fail_sync(old_id, ErrorCode::FencedInstanceId, env);
    let incarnation = group.next_incarnation();
    let Some(old) = group.members.remove(old_id) else { return Ok(incarnation) };
    let member = Member {
        member_id: new_id.clone(),
        awaiting_join: None,
        awaiting_sync: None,
        is_new: false,
        session_timer: None,
        incarnation,
        ..old
    };
    group.members.insert(new_id.clone(), member);
    if group.is_leader(old_id) {
        group.leader = Some(new_id.clone());
    }
    group.static_members.insert(*instance, new_id.clone());
    Ok(incarnation)
}

/// The record of a replacement is committed or failed. The group object may be gone by then.
pub(super) fn complete(
    group: Option<&mut ClassicGroup>,
    write: ReplaceWrite,
    result: Result<(), ErrorCode>,
    env: &mut Env,
) {
    let Some(group) = group else { return };
    let listed = group.end_replacement(write.member);
    match result {
        Ok(()) => confirm(group, write, env),
        Err(error) => revert(group, write, listed.unwrap_or_default(), error, env),
    }
}

fn confirm(group: &mut ClassicGroup, write: ReplaceWrite, env: &mut Env) {
    let new_id = &write.new_id;
    let skips_assignment = write.version >= 9;
    let leads = skips_assignment && group.is_leader(new_id);
    if leads && matches!(group.state, GroupState::PreparingRebalance | GroupState::Dead) {
        // Kafka fails to list the members of a rebalancing group and swallows that: the member stays parked.
        return;
    }
    if group.members.get(new_id).is_none_or(|member| member.incarnation != write.member) {
        return;
    }
    let members = if leads { group.current_members().unwrap_or_default() } else { Vec::new() };
    // Older clients must not believe that they lead: they would compute an assignment.
    let leader = if skips_assignment { group.leader.clone() } else { write.leader_before };
    let response = JoinGroupResponse { skip_assignment: leads, ..group.join_response(new_id, leader, members) };
    group.complete_join_future(new_id, response, env);
}

/// `listed` is what the member object lists, or listed when it left the group.
fn revert(
    group: &mut ClassicGroup,
    write: ReplaceWrite,
    listed: Arc<[JoinGroupProtocol]>,
    error: ErrorCode,
    env: &mut Env,
) {
    let ReplaceWrite { instance, old_id, new_id, .. } = &write;
    env.event(CoordinatorEvent::StaticMemberReverted {
        group: group.group_id,
        instance: *instance,
        old: old_id.clone(),
        new: new_id.clone(),
        cause: error.name().into(),
    });
    let is_same_member = group.members.get(new_id).is_some_and(|member| member.incarnation == write.member);
    if is_same_member {
        group.update_member(new_id, write.protocols_before.clone(), write.timeouts_before, None, env);
    } else {
        // The member object left the group, and its protocols left the counts with it; Kafka takes them away again and
        // adds the former ones all the same (`ClassicGroup.updateMember`).
        group.uncount_protocols(&listed);
        group.count_protocols(&write.protocols_before);
    }
    if replace_static_member(group, instance, new_id, old_id, env).is_err() {
        return;
    }
    group.reschedule_heartbeat(old_id, env);
    let response = JoinGroupResponse {
        error: operation_error(error),
        leader: write.leader_before.clone().unwrap_or_default(),
        ..group.join_response(&MemberId::default(), None, Vec::new())
    };
    env.answer_join(write.request, response);
}
