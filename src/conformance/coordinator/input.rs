//! The recorded case and its inputs.

use std::rc::Rc;

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use indexmap::IndexMap;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::protocol::config::broker::BrokerConfig;
use crate::protocol::message::{
    CommittedPartition, HeartbeatRequest, JoinGroupProtocol, JoinGroupRequest, LeaveGroupRequest, LeavingMember,
    OffsetCommitRequest, OffsetDeleteRequest, OffsetFetchRequest, Request, SyncGroupRequest, TxnMarkerRequest,
    TxnOffsetCommitRequest,
};
use crate::protocol::{Bytes, Generation, GroupId, ProducerId, TopicId, TopicPartition};

/// A recorded case.
#[derive(Deserialize)]
pub(super) struct Case {
    pub(super) release: String,
    pub(super) config: IndexMap<String, i64>,
    pub(super) generated_member_ids: Vec<String>,
    pub(super) unanswered: Vec<u64>,
    pub(super) initial_timers: Vec<RecordedTimer>,
    pub(super) steps: Vec<Value>,
}

/// A timer and when it is due.
#[derive(Deserialize)]
pub(super) struct RecordedTimer {
    pub(super) key: String,
    pub(super) deadline: i64,
}

/// A recorded step: what went in and what came out.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Step {
    pub(super) at: i64,
    pub(super) input: Value,
    pub(super) completes_at: Option<i64>,
    #[serde(default)]
    pub(super) generated_member_ids: Vec<String>,
    pub(super) records: Value,
    pub(super) responses: Value,
    #[serde(default)]
    pub(super) groups: IndexMap<String, Value>,
    #[serde(default)]
    pub(super) timers: TimerChanges,
    pub(super) offsets: Option<Value>,
    pub(super) exception: Option<String>,
}

/// How the armed timers changed.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct TimerChanges {
    #[serde(default)]
    pub(super) set: Vec<RecordedTimer>,
    #[serde(default)]
    pub(super) gone: Vec<String>,
}

/// What every input says of itself.
#[derive(Deserialize)]
pub(super) struct InputHead {
    pub(super) kind: String,
    pub(super) id: Option<u64>,
    #[serde(default)]
    pub(super) version: i16,
    #[serde(rename = "clientId", default)]
    pub(super) client_id: String,
    pub(super) require_known_member_id: Option<bool>,
    pub(super) skip_assignment: Option<bool>,
}

/// The fate of an operation.
#[derive(Deserialize)]
pub(super) struct AppendInput {
    pub(super) of: u64,
    pub(super) error: Option<String>,
    #[serde(default)]
    pub(super) revert: bool,
}

/// An expiring timer.
#[derive(Deserialize)]
pub(super) struct TimerInput {
    pub(super) keys: Vec<String>,
}

/// A new coordinator.
#[derive(Deserialize)]
pub(super) struct FailoverInput {
    pub(super) mode: String,
    pub(super) log_end: i64,
}

/// Deleted partitions.
#[derive(Deserialize)]
pub(super) struct PartitionsDeletedInput {
    pub(super) partitions: Vec<NamedPartition>,
}

#[derive(Deserialize)]
pub(super) struct NamedPartition {
    topic: String,
    partition: i32,
}

impl From<NamedPartition> for TopicPartition {
    fn from(named: NamedPartition) -> Self {
        TopicPartition::new(named.topic, named.partition)
    }
}

/// The broker's settings under their real names.
pub(super) fn broker_config(recorded: &IndexMap<String, i64>) -> Result<BrokerConfig, String> {
    let mut config = BrokerConfig::default();
    for (name, value) in recorded {
        let int = || i32::try_from(*value).map_err(|_| format!("{name} is out of bounds"));
        match name.as_str() {
            "group.initial.rebalance.delay.ms" => config.group_initial_rebalance_delay_ms = int()?,
            "group.min.session.timeout.ms" => config.group_min_session_timeout_ms = int()?,
            "group.max.session.timeout.ms" => config.group_max_session_timeout_ms = int()?,
            "group.max.size" => config.group_max_size = int()?,
            "offset.metadata.max.bytes" => config.offset_metadata_max_bytes = int()?,
            "offsets.commit.timeout.ms" => config.offsets_commit_timeout_ms = int()?,
            "offsets.retention.check.interval.ms" => config.offsets_retention_check_interval_ms = *value,
            "offsets.retention.minutes" => config.offsets_retention_minutes = *value,
            _ => return Err(format!("unknown setting `{name}`")),
        }
    }
    Ok(config)
}

/// Bytes of a recording.
pub(super) fn bytes(text: &str) -> Result<Bytes, String> {
    BASE64_STANDARD.decode(text).map(Bytes::from).map_err(|error| format!("`{text}` is not base64: {error}"))
}

fn de_bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
    bytes(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
}

/// A topic id as Kafka writes it: the bytes in base64 for addresses, without padding.
fn de_topic_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<TopicId, D::Error> {
    let text = String::deserialize(deserializer)?;
    let decoded = BASE64_URL_SAFE_NO_PAD.decode(&text).ok().and_then(|bytes| <[u8; 16]>::try_from(bytes).ok());
    let bytes = decoded.ok_or_else(|| serde::de::Error::custom(format!("`{text}` is not a topic id")))?;
    Ok(TopicId(u128::from_be_bytes(bytes)))
}

#[derive(Deserialize)]
struct WithRequest<T> {
    request: T,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Join {
    group_id: String,
    session_timeout_ms: i32,
    rebalance_timeout_ms: i32,
    member_id: String,
    group_instance_id: Option<String>,
    protocol_type: String,
    protocols: Vec<Protocol>,
    reason: Option<String>,
}

#[derive(Deserialize)]
struct Protocol {
    name: String,
    #[serde(deserialize_with = "de_bytes")]
    metadata: Bytes,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Sync {
    group_id: String,
    generation_id: i32,
    member_id: String,
    group_instance_id: Option<String>,
    protocol_type: Option<String>,
    protocol_name: Option<String>,
    assignments: Vec<Assignment>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Assignment {
    member_id: String,
    #[serde(deserialize_with = "de_bytes")]
    assignment: Bytes,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Heartbeat {
    group_id: String,
    generation_id: i32,
    member_id: String,
    group_instance_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Leave {
    group_id: String,
    members: Vec<Leaving>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Leaving {
    member_id: String,
    group_instance_id: Option<String>,
    reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct OffsetCommit {
    group_id: String,
    generation_id_or_member_epoch: i32,
    member_id: String,
    group_instance_id: Option<String>,
    retention_time_ms: i64,
    topics: Vec<CommitTopic>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct TxnOffsetCommit {
    #[serde(rename = "transactionalId")]
    _transactional_id: String,
    group_id: String,
    producer_id: i64,
    producer_epoch: i16,
    generation_id: i32,
    member_id: String,
    group_instance_id: Option<String>,
    topics: Vec<CommitTopic>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CommitTopic {
    name: String,
    #[serde(default, deserialize_with = "de_topic_id")]
    topic_id: TopicId,
    partitions: Vec<CommitPartition>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CommitPartition {
    partition_index: i32,
    committed_offset: i64,
    committed_leader_epoch: i32,
    committed_metadata: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct OffsetFetch {
    group_id: String,
    #[serde(rename = "memberId")]
    _member_id: Option<String>,
    #[serde(rename = "memberEpoch")]
    _member_epoch: i32,
    require_stable: bool,
    topics: Option<Vec<FetchTopic>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct FetchTopic {
    name: String,
    #[serde(default, deserialize_with = "de_topic_id")]
    topic_id: TopicId,
    partition_indexes: Vec<i32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct OffsetDelete {
    group_id: String,
    topics: Vec<DeleteTopic>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DeleteTopic {
    name: String,
    partitions: Vec<DeletePartition>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DeletePartition {
    partition_index: i32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DeleteGroups {
    groups_names: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TxnMarker {
    producer_id: i64,
    producer_epoch: i16,
    result: String,
}

/// The request of an input; `None` if the input is none.
pub(super) fn request(kind: &str, input: &Value) -> Result<Option<Request>, String> {
    Ok(Some(match kind {
        "join" => Request::JoinGroup(join(read(input)?)),
        "sync" => Request::SyncGroup(sync(read(input)?)),
        "heartbeat" => Request::Heartbeat(heartbeat(read(input)?)),
        "leave" => Request::LeaveGroup(leave(read(input)?)),
        "offset_commit" => Request::OffsetCommit(offset_commit(read(input)?)),
        "txn_offset_commit" => Request::TxnOffsetCommit(txn_offset_commit(read(input)?)),
        "offset_fetch" => Request::OffsetFetch(offset_fetch(read(input)?)),
        "offset_delete" => Request::OffsetDelete(offset_delete(read(input)?)),
        "delete_groups" => {
            let WithRequest { request: DeleteGroups { groups_names } } = read(input)?;
            Request::DeleteGroups { groups: groups_names.into_iter().map(GroupId::from).collect() }
        }
        "txn_marker" => Request::WriteTxnMarker(txn_marker(read(input)?)?),
        _ => return Ok(None),
    }))
}

/// Reads an input of a known kind.
pub(super) fn read<T: for<'de> Deserialize<'de>>(input: &Value) -> Result<T, String> {
    T::deserialize(input).map_err(|error| format!("a damaged input: {error}"))
}

fn join(WithRequest { request }: WithRequest<Join>) -> JoinGroupRequest {
    let protocols = request.protocols.into_iter();
    JoinGroupRequest {
        group_id: request.group_id.into(),
        session_timeout_ms: request.session_timeout_ms,
        rebalance_timeout_ms: request.rebalance_timeout_ms,
        member_id: request.member_id.into(),
        group_instance_id: request.group_instance_id.map(Into::into),
        protocol_type: request.protocol_type.into(),
        protocols: protocols
            .map(|protocol| JoinGroupProtocol { name: protocol.name.into(), metadata: protocol.metadata })
            .collect(),
        reason: request.reason.map(Into::into),
    }
}

fn sync(WithRequest { request }: WithRequest<Sync>) -> SyncGroupRequest {
    let assignments = request.assignments.into_iter();
    SyncGroupRequest {
        group_id: request.group_id.into(),
        generation_id: Generation(request.generation_id),
        member_id: request.member_id.into(),
        group_instance_id: request.group_instance_id.map(Into::into),
        protocol_type: request.protocol_type.map(Into::into),
        protocol_name: request.protocol_name.map(Into::into),
        assignments: assignments.map(|one| (one.member_id.into(), one.assignment)).collect(),
    }
}

fn heartbeat(WithRequest { request }: WithRequest<Heartbeat>) -> HeartbeatRequest {
    HeartbeatRequest {
        group_id: request.group_id.into(),
        generation_id: Generation(request.generation_id),
        member_id: request.member_id.into(),
        group_instance_id: request.group_instance_id.map(Into::into),
    }
}

fn leave(WithRequest { request }: WithRequest<Leave>) -> LeaveGroupRequest {
    let leaving = request.members.into_iter().map(|member| LeavingMember {
        member_id: member.member_id.into(),
        group_instance_id: member.group_instance_id.map(Into::into),
        reason: member.reason.map(Into::into),
    });
    LeaveGroupRequest { group_id: request.group_id.into(), members: leaving.collect() }
}

fn committed(topics: Vec<CommitTopic>) -> Rc<[CommittedPartition]> {
    let each = topics.into_iter().flat_map(|topic| {
        topic.partitions.into_iter().map(move |partition| CommittedPartition {
            partition: TopicPartition::new(topic.name.as_str(), partition.partition_index),
            topic_id: topic.topic_id,
            offset: partition.committed_offset,
            leader_epoch: partition.committed_leader_epoch,
            metadata: partition.committed_metadata.map(Into::into),
        })
    });
    each.collect()
}

fn offset_commit(WithRequest { request }: WithRequest<OffsetCommit>) -> OffsetCommitRequest {
    OffsetCommitRequest {
        group_id: request.group_id.into(),
        generation_id: Generation(request.generation_id_or_member_epoch),
        member_id: request.member_id.into(),
        group_instance_id: request.group_instance_id.map(Into::into),
        retention_time_ms: request.retention_time_ms,
        partitions: committed(request.topics),
    }
}

fn txn_offset_commit(WithRequest { request }: WithRequest<TxnOffsetCommit>) -> TxnOffsetCommitRequest {
    TxnOffsetCommitRequest {
        group_id: request.group_id.into(),
        producer_id: ProducerId(request.producer_id),
        producer_epoch: request.producer_epoch,
        generation_id: Generation(request.generation_id),
        member_id: request.member_id.into(),
        group_instance_id: request.group_instance_id.map(Into::into),
        partitions: committed(request.topics),
    }
}

fn offset_fetch(WithRequest { request }: WithRequest<OffsetFetch>) -> OffsetFetchRequest {
    let named = request.topics.map(|topics| {
        let each = topics.into_iter().flat_map(|topic| {
            let indexes = topic.partition_indexes.into_iter();
            indexes.map(move |partition| (TopicPartition::new(topic.name.as_str(), partition), topic.topic_id))
        });
        each.unzip::<_, _, Vec<_>, Vec<_>>()
    });
    let (partitions, topic_ids) = named.map_or((None, Vec::new()), |(partitions, ids)| (Some(partitions), ids));
    OffsetFetchRequest {
        group_id: request.group_id.into(),
        partitions,
        topic_ids,
        require_stable: request.require_stable,
    }
}

fn offset_delete(WithRequest { request }: WithRequest<OffsetDelete>) -> OffsetDeleteRequest {
    let topics = request.topics.into_iter().map(|topic| {
        (topic.name.into(), topic.partitions.into_iter().map(|partition| partition.partition_index).collect())
    });
    OffsetDeleteRequest { group_id: request.group_id.into(), topics: topics.collect() }
}

fn txn_marker(marker: TxnMarker) -> Result<TxnMarkerRequest, String> {
    let commit = match marker.result.as_str() {
        "COMMIT" => true,
        "ABORT" => false,
        other => return Err(format!("`{other}` is neither COMMIT nor ABORT")),
    };
    Ok(TxnMarkerRequest { producer_id: ProducerId(marker.producer_id), producer_epoch: marker.producer_epoch, commit })
}
