//! Groups from the log, and back out of memory (classic-coordinator.md 7.4, 7.5).

use std::sync::Arc;

use super::group::{ClassicGroup, GroupState};
use super::member::Member;
use super::rebalance::prepare_rebalance;
use crate::coordinator::checks::join_error;
use crate::coordinator::env::{Env, Unexpected};
use crate::coordinator::record::GroupMetadataValue;
use crate::engine::Millis;
use crate::protocol::message::JoinGroupProtocol;
use crate::protocol::{ErrorCode, GroupId, MemberId};

/// A group as its last record tells it: Stable if it has members, else Empty.
pub(in crate::coordinator) fn group_from_record(
    group_id: GroupId,
    incarnation: u64,
    value: &GroupMetadataValue,
    now: Millis,
) -> Result<ClassicGroup, Unexpected> {
    let mut group = ClassicGroup::new(group_id, incarnation, now);
    group.state = if value.members.is_empty() { GroupState::Empty } else { GroupState::Stable };
    group.generation = value.generation;
    group.protocol_type = Some(value.protocol_type.clone()).filter(|text| !text.is_empty());
    group.protocol_name = value.protocol.clone();
    group.leader = value.leader.clone();
    group.state_timestamp = value.current_state_timestamp;
    let protocol: Arc<str> = value.protocol.clone().unwrap_or_else(|| Arc::from(""));
    for written in &value.members {
        // Version 0 of the record has no rebalance timeout.
        let rebalance_timeout_ms =
            if written.rebalance_timeout_ms == -1 { written.session_timeout_ms } else { written.rebalance_timeout_ms };
        // Only the selected protocol was written.
        let selected = JoinGroupProtocol { name: protocol.clone(), metadata: written.subscription.clone() };
        let member = Member {
            member_id: written.member_id.clone(),
            group_instance_id: written.group_instance_id,
            client_id: written.client_id,
            client_host: written.client_host.clone(),
            rebalance_timeout_ms,
            session_timeout_ms: written.session_timeout_ms,
            protocols: Arc::from([selected]),
            assignment: written.assignment.clone(),
            awaiting_join: None,
            awaiting_sync: None,
            is_new: false,
            session_timer: None,
            incarnation: group.next_incarnation(),
        };
        group.add(member, &value.protocol_type)?;
    }
    group.subscribed_topics = group.compute_subscribed_topics()?;
    Ok(group)
}

/// The log is read: every member gets a full session, and a group that is too large now rebalances.
pub(in crate::coordinator) fn load_group(group: &mut ClassicGroup, env: &mut Env) {
    for member_id in member_ids(group) {
        group.reschedule_heartbeat(&member_id, env);
    }
    let (size, max) = (group.members.len(), env.config.group_max_size);
    if i64::try_from(size).is_ok_and(|size| size > i64::from(max)) {
        let reason = format!(
            "Freshly-loaded group {} (size {size}) is over capacity {max}. \
             Rebalancing in order to give a chance for consumers to commit offsets",
            group.group_id
        );
        // It has members, so nothing is written.
        let _ = prepare_rebalance(group, Arc::from(reason), env);
    }
}

/// The shard is unloaded: what is parked is answered NOT_COORDINATOR.
pub(in crate::coordinator) fn unload_group(group: &mut ClassicGroup, env: &mut Env) {
    if group.transition_to(GroupState::Dead, env.now).is_err() {
        return;
    }
    for member_id in member_ids(group) {
        match group.previous_state {
            GroupState::Empty | GroupState::Dead => {}
            GroupState::PreparingRebalance => {
                let response = join_error(ErrorCode::NotCoordinator, member_id.clone());
                group.complete_join_future(&member_id, response, env);
            }
            GroupState::CompletingRebalance | GroupState::Stable => {
                group.fail_sync(&member_id, ErrorCode::NotCoordinator, env);
            }
        }
    }
}

fn member_ids(group: &ClassicGroup) -> Vec<MemberId> {
    group.members.keys().cloned().collect()
}
