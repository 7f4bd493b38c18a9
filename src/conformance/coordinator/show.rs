//! What the shard says, in the words of the recordings.

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};

use crate::coordinator::classic::{ClassicGroup, Member};
use crate::coordinator::{OffsetCommitValue, Record, RequestId, StoredOffset};
use crate::protocol::message::{JoinGroupResponse, OffsetCommitResponse, Request, Response, SyncGroupResponse};
use crate::protocol::{ErrorCode, GroupId, ProducerId, TopicId, TopicPartition};

fn base64(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(bytes)
}

fn topic_id(id: TopicId) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(id.0.to_be_bytes())
}

/// A record at its place in the log.
pub(super) fn record(offset: i64, record: &Record) -> Value {
    let mut shown = Map::new();
    shown.insert("offset".into(), json!(offset));
    match record {
        Record::GroupMetadata { group, value } => {
            shown.insert("type".into(), json!("GROUP_METADATA"));
            shown.insert("key".into(), json!({ "group": group.as_str() }));
            if value.is_some() {
                shown.insert("valueVersion".into(), json!(3));
            }
            let value = value.as_ref().map(|value| {
                let members = value.members.iter().map(|member| {
                    json!({
                        "memberId": member.member_id.as_str(),
                        "groupInstanceId": member.group_instance_id.as_ref().map(|id| id.as_str()),
                        "clientId": member.client_id.as_str(),
                        "clientHost": &*member.client_host,
                        "rebalanceTimeout": member.rebalance_timeout_ms,
                        "sessionTimeout": member.session_timeout_ms,
                        "subscription": base64(&member.subscription),
                        "assignment": base64(&member.assignment),
                    })
                });
                json!({
                    "protocolType": &*value.protocol_type,
                    "generation": value.generation.0,
                    "protocol": value.protocol.as_deref(),
                    "leader": value.leader.as_ref().map(|id| id.as_str()),
                    "currentStateTimestamp": value.current_state_timestamp.map_or(-1, |at| at.0),
                    "members": members.collect::<Vec<Value>>(),
                })
            });
            shown.insert("value".into(), json!(value));
        }
        Record::OffsetCommit { group, partition, producer, value } => {
            shown.insert("type".into(), json!("OFFSET_COMMIT"));
            if let Some((producer, _)) = producer {
                shown.insert("producerId".into(), json!(producer.0));
            }
            let TopicPartition { topic, partition } = partition;
            let key = json!({ "group": group.as_str(), "topic": topic.as_str(), "partition": partition });
            shown.insert("key".into(), key);
            if let Some(value) = value {
                shown.insert("valueVersion".into(), json!(value.version()));
            }
            shown.insert("value".into(), value.as_ref().map_or(Value::Null, offset_value));
        }
        Record::EndTxnMarker { producer_id, producer_epoch, commit } => {
            shown.insert("type".into(), json!("END_TXN_MARKER"));
            shown.insert("producerId".into(), json!(producer_id.0));
            shown.insert("producerEpoch".into(), json!(producer_epoch));
            shown.insert("result".into(), json!(if *commit { "COMMIT" } else { "ABORT" }));
        }
    }
    Value::Object(shown)
}

/// What the bytes of the written version hold.
fn offset_value(value: &OffsetCommitValue) -> Value {
    let mut shown = json!({
        "offset": value.offset,
        "metadata": value.metadata.as_deref().unwrap_or_default(),
        "commitTimestamp": value.commit_timestamp.0,
    });
    if let Some(expiry) = value.expire_timestamp {
        shown["expireTimestamp"] = json!(expiry.0);
        return shown;
    }
    shown["leaderEpoch"] = json!(value.leader_epoch);
    if value.topic_id != TopicId::ZERO {
        shown["topicId"] = json!(topic_id(value.topic_id));
    }
    shown
}

/// An answer. The request says how partitions are grouped by topic.
pub(super) fn response(to: RequestId, request: &Request, response: &Response) -> Value {
    let mut shown = Map::new();
    shown.insert("to".into(), json!(to.0));
    let mut error = |error: ErrorCode| {
        shown.insert("error".into(), json!(error.name()));
        shown.insert("errorCode".into(), json!(error.code()));
    };
    let fields = match response {
        Response::JoinGroup(response) => {
            error(response.error);
            join(response)
        }
        Response::SyncGroup(response) => {
            error(response.error);
            sync(response)
        }
        Response::Heartbeat(response) => {
            error(response.error);
            json!({})
        }
        Response::LeaveGroup(response) => {
            error(response.error);
            let members = response.members.iter().map(|(member, instance, error)| {
                json!({
                    "memberId": member.as_str(),
                    "groupInstanceId": instance.as_ref().map(|id| id.as_str()),
                    "errorCode": error.code(),
                })
            });
            json!({ "members": members.collect::<Vec<Value>>() })
        }
        Response::OffsetCommit(response) | Response::TxnOffsetCommit(response) => commit(request, response),
        Response::OffsetFetch(response) => {
            let partitions = response.partitions.iter().map(|fetched| {
                let shown = json!({
                    "partitionIndex": fetched.partition.partition,
                    "committedOffset": fetched.offset,
                    "committedLeaderEpoch": fetched.leader_epoch,
                    "metadata": fetched.metadata.as_deref(),
                    "errorCode": fetched.error.code(),
                });
                (fetched.partition.topic.as_str(), shown)
            });
            let Request::OffsetFetch(request) = request else { return Value::Null };
            json!({
                "groupId": request.group_id.as_str(),
                "errorCode": response.error.code(),
                "topics": by_topic(partitions),
            })
        }
        Response::OffsetDelete(response) => {
            error(response.error);
            let topics = response.topics.iter().map(|(topic, partitions)| {
                let partitions = partitions.iter();
                let partitions = partitions.map(|(partition, error)| partition_error(*partition, *error));
                json!({ "name": topic.as_str(), "partitions": partitions.collect::<Vec<Value>>() })
            });
            json!({ "topics": topics.collect::<Vec<Value>>() })
        }
        Response::DeleteGroups { results } => {
            let results = results.iter();
            let results = results.map(|(group, error)| json!({ "groupId": group.as_str(), "errorCode": error.code() }));
            json!({ "results": results.collect::<Vec<Value>>() })
        }
        Response::WriteTxnMarker { error: result } => {
            error(*result);
            json!({})
        }
        Response::FindCoordinator { .. }
        | Response::Metadata { .. }
        | Response::ListOffsets { .. }
        | Response::OffsetForLeaderEpoch { .. } => json!({}),
    };
    if let Value::Object(fields) = fields {
        shown.extend(fields);
    }
    Value::Object(shown)
}

fn join(response: &JoinGroupResponse) -> Value {
    let members = response.members.iter().map(|member| {
        json!({
            "memberId": member.member_id.as_str(),
            "groupInstanceId": member.group_instance_id.as_ref().map(|id| id.as_str()),
            "metadata": base64(&member.metadata),
        })
    });
    json!({
        "generationId": response.generation_id.0,
        "protocolType": response.protocol_type.as_deref(),
        "protocolName": response.protocol_name.as_deref(),
        "leader": response.leader.as_str(),
        "skipAssignment": response.skip_assignment,
        "memberId": response.member_id.as_str(),
        "members": members.collect::<Vec<Value>>(),
    })
}

fn sync(response: &SyncGroupResponse) -> Value {
    json!({
        "protocolType": response.protocol_type.as_deref(),
        "protocolName": response.protocol_name.as_deref(),
        "assignment": base64(&response.assignment),
    })
}

fn commit(request: &Request, response: &OffsetCommitResponse) -> Value {
    let partitions = response
        .iter()
        .map(|(partition, error)| (partition.topic.as_str(), partition_error(partition.partition, error)));
    debug_assert!(matches!(request, Request::OffsetCommit(_) | Request::TxnOffsetCommit(_)));
    json!({ "topics": by_topic(partitions) })
}

fn partition_error(partition: i32, error: ErrorCode) -> Value {
    json!({ "partitionIndex": partition, "errorCode": error.code() })
}

/// Neighbours of one topic together.
fn by_topic<'a>(partitions: impl Iterator<Item = (&'a str, Value)>) -> Value {
    let mut topics: Vec<(&str, Vec<Value>)> = Vec::new();
    for (topic, partition) in partitions {
        match topics.last_mut() {
            Some((last, partitions)) if *last == topic => partitions.push(partition),
            _ => topics.push((topic, vec![partition])),
        }
    }
    topics.into_iter().map(|(name, partitions)| json!({ "name": name, "partitions": partitions })).collect()
}

/// A group.
pub(super) fn group(group: &ClassicGroup) -> Value {
    let text = |ids: &mut dyn Iterator<Item = &str>| {
        let mut ids: Vec<String> = ids.map(str::to_owned).collect();
        ids.sort();
        ids
    };
    json!({
        "state": group.state().name(),
        "previousState": group.previous_state().name(),
        "stateTimestamp": group.state_timestamp().map_or(-1, |at| at.0),
        "generation": group.generation().0,
        "protocolType": group.protocol_type().map(|name| &**name),
        "protocolName": group.protocol_name().map(|name| &**name),
        "leader": group.leader().map(|id| id.as_str()),
        "newMemberAdded": group.new_member_added(),
        "subscribedTopics": group.subscribed_topics().map(|topics| text(&mut topics.iter().map(|topic| topic.as_str()))),
        "members": group.members().map(member).collect::<Vec<Value>>(),
        "pendingJoinMembers": text(&mut group.pending_join_members().iter().map(|id| id.as_str())),
        "pendingSyncMembers": text(&mut group.pending_sync_members().map(|id| id.as_str())),
        "numMembersAwaitingJoin": group.awaiting_join(),
        "supportedProtocols": group.supported_protocols(),
    })
}

fn member(member: &Member) -> Value {
    let mut shown = json!({ "memberId": member.member_id.as_str() });
    if let Some(instance) = &member.group_instance_id {
        shown["groupInstanceId"] = json!(instance.as_str());
    }
    shown["clientId"] = json!(member.client_id.as_str());
    shown["sessionTimeoutMs"] = json!(member.session_timeout_ms);
    shown["rebalanceTimeoutMs"] = json!(member.rebalance_timeout_ms);
    shown["protocols"] = member.protocols.iter().map(|protocol| json!(&*protocol.name)).collect();
    shown["assignment"] = json!(base64(&member.assignment));
    let flags = [
        ("awaitingJoin", member.awaiting_join.is_some()),
        ("awaitingSync", member.awaiting_sync.is_some()),
        ("isNew", member.is_new),
    ];
    for (name, _) in flags.into_iter().filter(|(_, is_set)| *is_set) {
        shown[name] = json!(true);
    }
    shown
}

/// A stored offset, of a producer's open transaction or committed.
pub(super) fn offset(
    producer: Option<ProducerId>,
    group: &GroupId,
    partition: &TopicPartition,
    stored: &StoredOffset,
) -> Value {
    let mut shown = Map::new();
    if let Some(producer) = producer {
        shown.insert("producerId".into(), json!(producer.0));
    }
    let value = stored.value();
    shown.insert("group".into(), json!(group.as_str()));
    shown.insert("topic".into(), json!(partition.topic.as_str()));
    shown.insert("partition".into(), json!(partition.partition));
    shown.insert("offset".into(), json!(value.offset));
    shown.insert("leaderEpoch".into(), json!(value.leader_epoch));
    shown.insert("metadata".into(), json!(value.metadata.as_deref().unwrap_or_default()));
    shown.insert("commitTimestamp".into(), json!(value.commit_timestamp.0));
    shown.insert("expireTimestamp".into(), json!(value.expire_timestamp.map_or(-1, |at| at.0)));
    shown.insert("recordOffset".into(), json!(stored.record_offset()));
    if value.topic_id != TopicId::ZERO {
        shown.insert("topicId".into(), json!(topic_id(value.topic_id)));
    }
    Value::Object(shown)
}

/// Sorts the topics of an answer and the partitions inside, and drops what stands there twice.
pub(super) fn sort_topics(response: &mut Value) {
    let Some(topics) = response.get_mut("topics").and_then(Value::as_array_mut) else { return };
    for topic in topics.iter_mut() {
        if let Some(partitions) = topic.get_mut("partitions").and_then(Value::as_array_mut) {
            partitions.sort_by_key(|partition| partition["partitionIndex"].as_i64());
            partitions.dedup();
        }
    }
    topics.sort_by_key(|topic| topic["name"].to_string());
    topics.dedup();
}

/// Sorts the tombstones of offsets among records; each keeps the log offset of the place that it moves to.
pub(super) fn sort_tombstones(records: Option<&mut Value>) {
    let Some(records) = records.and_then(Value::as_array_mut) else { return };
    let is_tombstone = |record: &Value| record["type"] == "OFFSET_COMMIT" && record["value"].is_null();
    let places: Vec<usize> = (0..records.len()).filter(|place| is_tombstone(&records[*place])).collect();
    let mut keys: Vec<Value> = places.iter().map(|place| records[*place]["key"].take()).collect();
    keys.sort_by_key(Value::to_string);
    for (place, key) in places.into_iter().zip(keys) {
        records[place]["key"] = key;
    }
}
