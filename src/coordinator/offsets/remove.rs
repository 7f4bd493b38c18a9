//! What removes offsets and groups: expiry, OffsetDelete, DeleteGroups, deleted topics
//! (classic-coordinator.md 6.6 to 6.9).

use crate::coordinator::classic::{ClassicGroup, GroupState};
use crate::coordinator::env::Env;
use crate::coordinator::event::CoordinatorEvent;
use crate::coordinator::record::{OffsetCommitValue, Record};
use crate::coordinator::state::State;
use crate::engine::Millis;
use crate::protocol::java_hash::JavaHashMap;
use crate::protocol::message::{OffsetDeleteRequest, OffsetDeleteResponse};
use crate::protocol::{ErrorCode, GroupId, TopicName, TopicPartition};

fn offset_tombstone(group: &GroupId, topic: &TopicName, partition: i32) -> Record {
    let partition = TopicPartition::new(*topic, partition);
    Record::OffsetCommit { group: *group, partition, producer: None, value: None }
}

fn group_tombstone(group: &GroupId) -> Record {
    Record::GroupMetadata { group: *group, value: None }
}

/// The periodic check: tombstones for expired offsets, and for Empty groups without any (classic-coordinator.md 6.6).
pub(in crate::coordinator) fn expire(state: &State, env: &mut Env) -> Vec<Record> {
    let mut records = Vec::new();
    for group in state.groups() {
        let before = records.len();
        let nothing_left = expire_group(state, group, &mut records, env);
        if records.len() > before {
            let expired = records[before..].iter().filter_map(|record| match record {
                Record::OffsetCommit { partition, .. } => Some(*partition),
                _ => None,
            });
            let partitions = expired.collect();
            env.event(CoordinatorEvent::OffsetsExpired { group: *group.group_id(), partitions });
        }
        if nothing_left && group.state() == GroupState::Empty {
            records.push(group_tombstone(group.group_id()));
            env.event(CoordinatorEvent::GroupExpired { group: *group.group_id() });
        }
    }
    if !records.is_empty() {
        env.event(CoordinatorEvent::TombstonesWritten { records: records.len() as u32 });
    }
    records
}

/// True if no offset is left and no transaction is open.
fn expire_group(state: &State, group: &ClassicGroup, records: &mut Vec<Record>, env: &Env) -> bool {
    let group_id = group.group_id();
    let Some(topics) = state.offsets.committed.by_group.get(group_id) else {
        return !state.offsets.has_open_transactions(group_id);
    };
    let Some(base) = expiry_base(group) else { return false };
    let mut all_expired = true;
    for (topic, partitions) in topics.iter() {
        for (partition, offset) in partitions.iter() {
            let value = offset.value();
            let expired = !group.is_subscribed_to(topic)
                && is_expired(&value, base(&value), env)
                && !state.offsets.has_pending(group_id, topic, *partition);
            if expired {
                records.push(offset_tombstone(group_id, topic, *partition));
            }
            all_expired &= expired;
        }
    }
    all_expired && !state.offsets.has_open_transactions(group_id)
}

/// From when on an offset's retention counts; `None` if nothing expires (classic-coordinator.md 6.6, the table).
fn expiry_base(group: &ClassicGroup) -> Option<impl Fn(&OffsetCommitValue) -> Millis> {
    let empty_since = match group.protocol_type() {
        // Simple group: each offset from its commit.
        None => None,
        Some(_) if group.state() == GroupState::Empty => group.state_timestamp(),
        Some(_)
            if group.uses_consumer_protocol()
                && group.subscribed_topics().is_some()
                && group.state() == GroupState::Stable =>
        {
            None
        }
        Some(_) => return None,
    };
    Some(move |offset: &OffsetCommitValue| empty_since.unwrap_or(offset.commit_timestamp))
}

fn is_expired(offset: &OffsetCommitValue, base: Millis, env: &Env) -> bool {
    match offset.expire_timestamp {
        Some(expiry) => env.now >= expiry,
        None => env.now - base >= env.config.offsets_retention_minutes.saturating_mul(60_000),
    }
}

/// OffsetDelete. `Err` refuses the whole request, at once (classic-coordinator.md 6.8).
pub(in crate::coordinator) fn delete_offsets(
    state: &State,
    request: OffsetDeleteRequest,
) -> Result<(OffsetDeleteResponse, Vec<Record>), ErrorCode> {
    let group_id = &request.group_id;
    let group = state.group(group_id).ok_or(ErrorCode::GroupIdNotFound)?;
    match group.state() {
        GroupState::Dead => return Err(ErrorCode::GroupIdNotFound),
        GroupState::Empty => {}
        _ if group.uses_consumer_protocol() => {}
        _ => return Err(ErrorCode::NonEmptyGroup),
    }
    let mut records = Vec::new();
    let mut answers = Vec::with_capacity(request.topics.len());
    for (topic, partitions) in request.topics {
        let subscribed = group.is_subscribed_to(&topic);
        let error = if subscribed { ErrorCode::GroupSubscribedToTopic } else { ErrorCode::None };
        for partition in &partitions {
            let is_stored = state.offsets.committed.get(group_id, &topic, *partition).is_some()
                || state.offsets.has_pending(group_id, &topic, *partition);
            if !subscribed && is_stored {
                records.push(offset_tombstone(group_id, &topic, *partition));
            }
        }
        answers.push((topic, partitions.into_iter().map(|partition| (partition, error)).collect()));
    }
    Ok((OffsetDeleteResponse { error: ErrorCode::None, topics: answers }, records))
}

/// DeleteGroups: an answer per group, and the tombstones (classic-coordinator.md 6.7). Groups are taken in the order of
/// the `HashSet` that Kafka makes of them.
pub(in crate::coordinator) fn delete_groups(
    state: &State,
    groups: &[GroupId],
    env: &mut Env,
) -> (Vec<(GroupId, ErrorCode)>, Vec<Record>) {
    let mut set: JavaHashMap<GroupId, ()> = JavaHashMap::for_set_of(groups.len());
    set.extend(groups.iter().map(|group| (*group, ())));
    let (mut results, mut records, mut deleted, mut offsets) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for group_id in set.keys() {
        let error = match state.group(group_id).map(ClassicGroup::state) {
            None | Some(GroupState::Dead) => ErrorCode::GroupIdNotFound,
            Some(GroupState::Empty) => ErrorCode::None,
            Some(_) => ErrorCode::NonEmptyGroup,
        };
        if error == ErrorCode::None {
            offsets += delete_all_offsets(state, group_id, &mut records);
            records.push(group_tombstone(group_id));
            deleted.push(*group_id);
        }
        results.push((*group_id, error));
    }
    env.event(CoordinatorEvent::GroupsDeleted { groups: deleted, offsets });
    (results, records)
}

/// Tombstones for all offsets of a group, one per partition. Returns how many.
fn delete_all_offsets(state: &State, group: &GroupId, records: &mut Vec<Record>) -> u32 {
    let before = records.len();
    if let Some(topics) = state.offsets.committed.by_group.get(group) {
        for (topic, partitions) in topics.iter() {
            records.extend(partitions.keys().map(|partition| offset_tombstone(group, topic, *partition)));
        }
    }
    for (topic, partition) in state.offsets.open_partitions(group) {
        if state.offsets.committed.get(group, &topic, partition).is_none() {
            records.push(offset_tombstone(group, &topic, partition));
        }
    }
    (records.len() - before) as u32
}

/// Topics were deleted: tombstones for their offsets, committed ones first, then those of each open transaction
/// (classic-coordinator.md 6.9).
pub(in crate::coordinator) fn partitions_deleted(state: &State, deleted: &[TopicPartition]) -> Vec<Record> {
    let mut records = Vec::new();
    let stores = std::iter::once(&state.offsets.committed).chain(state.offsets.pending.iter().map(|(_, store)| store));
    for store in stores {
        for (group, topics) in store.by_group.iter() {
            for (topic, partitions) in topics.iter() {
                let gone =
                    deleted.iter().filter(|gone| gone.topic == *topic && partitions.contains_key(&gone.partition));
                records.extend(gone.map(|gone| offset_tombstone(group, topic, gone.partition)));
            }
        }
    }
    records
}
