//! Replays recorded computations of the consumer's assignors, generation by generation.
//!
//! Each generation is complete in itself but for the topics, which stand until they change. What goes in goes over the
//! wire: subscriptions are encoded and decoded in the member's protocol version, and put into the leader's map in the
//! order of the recorded JoinGroup response. Compared are the order of that map, what the assignor reads out of user data,
//! the assignment with its order on the wire, the exception, the partitions to be revoked and the members that refuse.

use std::sync::Arc;

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::Value;

use super::difference::{Difference, compare};
use super::hex;
use crate::assignor::{
    AssignorError, ClientAssignor, Cluster, ConsumerPartitionAssignor, GroupAssignment, GroupMember, TopicMetadata,
    leader_order,
};
use crate::protocol::message::JoinGroupResponseMember;
use crate::protocol::subscription::{ConsumerProtocolSubscription, HIGHEST_VERSION, StickyUserData, TopicPartitions};
use crate::protocol::{Generation, MemberId};

/// Topic to partitions, both in the order of the file.
type Partitions = IndexMap<String, Vec<i32>>;

#[derive(Deserialize)]
struct Case {
    assignor: String,
    generations: Vec<RecordedGeneration>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RecordedGeneration {
    /// Sentences for readers; also tells which members miss the SyncGroup, and so never see their assignment.
    #[serde(default)]
    events: Vec<String>,
    topics: Option<Vec<Topic>>,
    leader_max_generation: Option<i32>,
    join_response: Vec<usize>,
    members: Vec<Member>,
    assignment: Option<IndexMap<String, Partitions>>,
    revoked: Option<IndexMap<String, Partitions>>,
    #[serde(default)]
    refused: Vec<String>,
    error: Option<String>,
}

#[derive(Deserialize)]
struct Topic {
    name: String,
    partitions: u32,
    #[serde(default)]
    racks: Vec<Vec<Option<Arc<str>>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Member {
    member_id: String,
    group_instance_id: Option<String>,
    rack: Option<Arc<str>>,
    subscription: Vec<String>,
    #[serde(default)]
    owned_partitions: Partitions,
    generation: Option<i32>,
    protocol_version: Option<i16>,
    user_data_hex: Option<String>,
    claims: Option<Claims>,
}

#[derive(Deserialize, PartialEq, Debug)]
struct Claims {
    partitions: Partitions,
    generation: Option<i32>,
}

/// True for the cases that [`replay`] understands.
pub fn is_client_assignor_case(case: &Value) -> bool {
    case.get("assignor").and_then(Value::as_str).is_some_and(|name| name.parse::<ClientAssignor>().is_ok())
        && case.get("generations").is_some()
}

/// Computes what a case recorded; returns the fields that came out differently, with the number of the computation (from
/// 0) in front, and how many computations there are.
///
/// # Errors
/// A sentence about what is wrong with the case itself, if it is damaged.
pub fn replay(case: &Value) -> Result<(Vec<Difference>, usize), String> {
    let case = Case::deserialize(case).map_err(|error| format!("not an assignor case: {error}"))?;
    let assignor: ClientAssignor = case.assignor.parse()?;
    let mut differences = Vec::new();
    let mut cluster = Cluster::default();
    for (number, generation) in case.generations.iter().enumerate() {
        if let Some(topics) = &generation.topics {
            cluster = cluster_of(topics);
        }
        let mut found = Vec::new();
        replay_generation(assignor, &cluster, generation, &mut found)?;
        differences.extend(found.into_iter().map(|difference| Difference {
            field: format!("generations[{number}].{}", difference.field),
            ..difference
        }));
    }
    Ok((differences, case.generations.len()))
}

fn cluster_of(topics: &[Topic]) -> Cluster {
    let mut cluster = Cluster::default();
    for topic in topics {
        let metadata =
            TopicMetadata { partitions: topic.partitions, racks: topic.racks.clone(), ..TopicMetadata::default() };
        cluster.insert(topic.name.as_str().into(), metadata);
    }
    cluster
}

fn replay_generation(
    assignor: ClientAssignor,
    cluster: &Cluster,
    recorded: &RecordedGeneration,
    differences: &mut Vec<Difference>,
) -> Result<(), String> {
    let mut join_response = Vec::new();
    for index in &recorded.join_response {
        let member = recorded.members.get(*index).ok_or("joinResponse names a member that is not there")?;
        join_response.push(member.joined()?);
    }
    let members = leader_order(&join_response).map_err(|error| error.to_string())?;
    let ids = |members: &mut dyn Iterator<Item = &str>| members.map(str::to_owned).collect::<Vec<_>>();
    compare(
        differences,
        "members",
        &ids(&mut recorded.members.iter().map(|member| member.member_id.as_str())),
        &ids(&mut members.iter().map(|member| member.member_id.as_str())),
    );
    if assignor == ClientAssignor::Sticky {
        for member in &recorded.members {
            member.compare_claims(differences)?;
        }
    }
    let max_generation = recorded.leader_max_generation.unwrap_or(Generation::NONE.0);
    let mut leader = ConsumerPartitionAssignor::with_max_generation(assignor, max_generation);
    let outcome = leader.assign(cluster, &members);
    let error = outcome.as_ref().err().map(|error: &AssignorError| error.class().to_owned());
    compare(differences, "error", &recorded.error, &error);
    if let Ok(assignment) = outcome {
        compare_assignment(recorded, &members, &assignment, differences);
    }
    Ok(())
}

impl RecordedGeneration {
    fn misses_sync(&self, member: &MemberId) -> bool {
        self.events.iter().any(|event| event.strip_prefix("misses-sync ") == Some(member.as_str()))
    }
}

impl Member {
    fn joined(&self) -> Result<JoinGroupResponseMember, String> {
        let subscription = ConsumerProtocolSubscription {
            topics: self.subscription.iter().map(|topic| topic.as_str().into()).collect(),
            user_data: self.user_data_hex.as_deref().map(hex::decode).transpose()?.map(Arc::from),
            owned_partitions: self.owned_partitions.iter().map(topic_partitions).collect(),
            generation: self.generation.map_or(Generation::NONE, Generation),
            rack: self.rack.clone(),
        };
        Ok(JoinGroupResponseMember {
            member_id: self.member_id.as_str().into(),
            group_instance_id: self.group_instance_id.as_deref().map(Into::into),
            metadata: subscription.encode(self.protocol_version.unwrap_or(HIGHEST_VERSION)),
        })
    }

    /// What the sticky assignor reads out of the user data, and that it would write the same bytes again.
    fn compare_claims(&self, differences: &mut Vec<Difference>) -> Result<(), String> {
        let (Some(claims), Some(user_data)) = (&self.claims, &self.user_data_hex) else { return Ok(()) };
        let bytes = hex::decode(user_data)?;
        let read = StickyUserData::decode(&bytes);
        let partitions = read.iter().flat_map(|data| &data.previous_assignment);
        let actual = Claims {
            partitions: partitions.map(|group| (group.topic.as_str().to_owned(), group.partitions.clone())).collect(),
            generation: read.as_ref().map_or(Some(Generation::NONE.0), |data| data.generation),
        };
        compare(differences, &format!("claims of {}", self.member_id), claims, &actual);
        if let Some(read) = read {
            compare(differences, &format!("user data of {}", self.member_id), &bytes, &read.encode().to_vec());
        }
        Ok(())
    }
}

fn topic_partitions((topic, partitions): (&String, &Vec<i32>)) -> TopicPartitions {
    TopicPartitions { topic: topic.as_str().into(), partitions: partitions.clone() }
}

fn compare_assignment(
    recorded: &RecordedGeneration,
    members: &[GroupMember],
    assignment: &GroupAssignment,
    differences: &mut Vec<Difference>,
) {
    let mut actual: Vec<(&MemberId, Vec<TopicPartitions>)> = Vec::new();
    let mut revoked: Vec<(&MemberId, Vec<TopicPartitions>)> = Vec::new();
    let mut refused: Vec<String> = Vec::new();
    for (member, assigned) in members.iter().zip(&assignment.members) {
        let wire = assignment.to_wire(assigned);
        if recorded.misses_sync(&member.member_id) {
            actual.push((&assigned.member_id, wire.partitions));
            continue;
        }
        let lost = without(&member.subscription.owned_partitions, &wire.partitions);
        if !lost.is_empty() {
            revoked.push((&member.member_id, lost));
        }
        if wire.partitions.iter().any(|group| !member.subscription.topics.contains(&group.topic)) {
            refused.push(member.member_id.as_str().to_owned());
        }
        actual.push((&assigned.member_id, wire.partitions));
    }
    let expected = recorded.assignment.as_ref().map(ordered);
    compare(differences, "assignment", &expected, &Some(readable(&actual)));
    if let Some(expected) = &recorded.revoked {
        // The order of what a member owns is the client's own; on the wire, which is all that is seen here, it is sorted.
        compare(differences, "revoked", &sorted(ordered(expected)), &sorted(readable(&revoked)));
    }
    compare(differences, "refused", &recorded.refused, &refused);
}

/// Member, then topic, then partitions, all in order.
type Ordered = Vec<(String, Vec<(String, Vec<i32>)>)>;

fn ordered(assignment: &IndexMap<String, Partitions>) -> Ordered {
    assignment
        .iter()
        .map(|(member, topics)| (member.clone(), topics.iter().map(|(topic, p)| (topic.clone(), p.clone())).collect()))
        .collect()
}

fn readable(assignment: &[(&MemberId, Vec<TopicPartitions>)]) -> Ordered {
    let topic = |group: &TopicPartitions| (group.topic.as_str().to_owned(), group.partitions.clone());
    assignment.iter().map(|(member, groups)| (member.as_str().to_owned(), groups.iter().map(topic).collect())).collect()
}

fn sorted(mut assignment: Ordered) -> Ordered {
    for (_, topics) in &mut assignment {
        topics.sort();
        topics.iter_mut().for_each(|(_, partitions)| partitions.sort_unstable());
    }
    assignment
}

/// The owned partitions that are not among the assigned ones.
fn without(owned: &[TopicPartitions], assigned: &[TopicPartitions]) -> Vec<TopicPartitions> {
    let is_assigned = |topic: &crate::protocol::TopicName, partition: &i32| {
        assigned.iter().any(|group| group.topic == *topic && group.partitions.contains(partition))
    };
    let lost = |group: &TopicPartitions| TopicPartitions {
        topic: group.topic,
        partitions: group.partitions.iter().copied().filter(|p| !is_assigned(&group.topic, p)).collect(),
    };
    owned.iter().map(lost).filter(|group| !group.partitions.is_empty()).collect()
}
