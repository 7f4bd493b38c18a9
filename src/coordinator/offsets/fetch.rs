//! OffsetFetch (classic-coordinator.md 6.5).

use crate::coordinator::env::Env;
use crate::coordinator::record::OffsetCommitValue;
use crate::coordinator::state::State;
use crate::protocol::message::{FetchedOffset, OffsetFetchRequest, OffsetFetchResponse};
use crate::protocol::{ErrorCode, GroupId, TopicId, TopicPartition};

use super::store::StoredOffset;

/// What the group has committed: the newest state if stable offsets are required, else the committed state.
pub(in crate::coordinator) fn fetch(state: &State, request: OffsetFetchRequest, env: &Env) -> OffsetFetchResponse {
    let group = &request.group_id;
    let stable = request.require_stable;
    let exists = if stable { state.group(group).is_some() } else { state.was_group_committed(group) };
    let partitions = match request.partitions {
        Some(partitions) => {
            let ids = request.topic_ids.into_iter().map(Some).chain(std::iter::repeat(None));
            let each = partitions.into_iter().zip(ids);
            each.map(|(partition, topic_id)| {
                let topic_id = topic_id.unwrap_or(TopicId::ZERO);
                fetch_one(state, group, partition, topic_id, exists, stable, env)
            })
            .collect()
        }
        None if exists => {
            let all = all_partitions(state, group, stable).into_iter();
            all.map(|partition| fetch_one(state, group, partition, TopicId::ZERO, true, stable, env)).collect()
        }
        None => Vec::new(),
    };
    OffsetFetchResponse { error: ErrorCode::None, partitions }
}

fn fetch_one(
    state: &State,
    group: &GroupId,
    partition: TopicPartition,
    topic_id: TopicId,
    exists: bool,
    stable: bool,
    env: &Env,
) -> FetchedOffset {
    let (topic, number) = (&partition.topic, partition.partition);
    let none = |partition, error| FetchedOffset {
        partition,
        offset: -1,
        leader_epoch: -1,
        metadata: Some(env.empty.clone()),
        error,
    };
    if stable && state.offsets.has_pending(group, topic, number) {
        return none(partition, ErrorCode::UnstableOffsetCommit);
    }
    let stored = match (exists, stable) {
        (false, _) => None,
        (true, true) => state.offsets.committed.get(group, topic, number).cloned(),
        (true, false) => state.committed_offset(group, topic, number),
    };
    match stored.as_ref().map(StoredOffset::value) {
        Some(value) if names_that_topic(&value, topic_id) => FetchedOffset {
            offset: value.offset,
            leader_epoch: value.leader_epoch,
            metadata: Some(value.metadata.unwrap_or_else(|| env.empty.clone())),
            error: ErrorCode::None,
            partition,
        },
        _ => none(partition, ErrorCode::None),
    }
}

/// A stored offset of a topic that was deleted and made again is not that topic's.
fn names_that_topic(stored: &OffsetCommitValue, topic_id: TopicId) -> bool {
    stored.topic_id == TopicId::ZERO || topic_id == TopicId::ZERO || stored.topic_id == topic_id
}

/// All partitions with a committed offset, in Kafka's order. In the committed state, those whose
/// offset was removed meanwhile come behind the others of their topic.
fn all_partitions(state: &State, group: &GroupId, stable: bool) -> Vec<TopicPartition> {
    let mut all = Vec::new();
    if let Some(topics) = state.offsets.committed.by_group.get(group) {
        for (topic, partitions) in topics.iter() {
            all.extend(partitions.keys().map(|number| TopicPartition::new(*topic, *number)));
        }
    }
    if !stable {
        for removed in state.removed_since_commit(group) {
            let beside = all.iter().rposition(|other: &TopicPartition| other.topic == removed.topic);
            all.insert(beside.map_or(all.len(), |last| last + 1), removed);
        }
        all.retain(|partition| state.committed_offset(group, &partition.topic, partition.partition).is_some());
    }
    all
}
