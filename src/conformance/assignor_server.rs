//! Replays recorded target assignments of the broker's assignors (KIP-848), computation by computation.
//!
//! Compared are the type of the group, the assignment (partitions sorted, as recorded), the members whose target changes,
//! and the exception.

use indexmap::IndexMap;
use rustc_hash::{FxHashMap, FxHashSet};
use serde::Deserialize;
use serde_json::Value;

use super::difference::{Difference, compare};
use crate::assignor::server::{
    GroupSpec, ServerAssignor, ServerMember, SubscribedTopics, SubscriptionType, TargetAssignment, TopicIdPartitions,
};
use crate::protocol::java_hash::JavaHashMap;
use crate::protocol::{MemberId, TopicId};

/// Topic to partitions, both in the order of the file.
type Partitions = IndexMap<String, Vec<i32>>;

#[derive(Deserialize)]
struct Case {
    assignor: String,
    generations: Vec<Computation>,
}

#[derive(Deserialize)]
struct Computation {
    topics: Option<Vec<Topic>>,
    r#type: String,
    members: Vec<Member>,
    assignment: Option<IndexMap<String, Partitions>>,
    records: Option<Vec<usize>>,
    error: Option<String>,
}

#[derive(Deserialize)]
struct Topic {
    name: String,
    id: String,
    partitions: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Member {
    member_id: String,
    instance_id: Option<String>,
    subscription: Vec<String>,
    #[serde(default)]
    assigned: Partitions,
}

/// True for the cases that [`replay`] understands.
pub fn is_server_assignor_case(case: &Value) -> bool {
    server_assignor(case).is_some() && case.get("generations").is_some()
}

fn server_assignor(case: &Value) -> Option<ServerAssignor> {
    case.get("assignor")?.as_str()?.strip_prefix("server-")?.parse().ok()
}

/// Computes what a case recorded; returns the fields that came out differently, with the number of the computation (from
/// 0) in front, and how many computations there are.
///
/// # Errors
/// A sentence about what is wrong with the case itself, if it is damaged.
pub fn replay(case: &Value) -> Result<(Vec<Difference>, usize), String> {
    let assignor = server_assignor(case).ok_or("not a case of a server assignor")?;
    let case = Case::deserialize(case).map_err(|error| format!("not an assignor case: {error}"))?;
    debug_assert!(case.assignor.ends_with(assignor.name()));
    let mut differences = Vec::new();
    let mut topics = Topics::default();
    let mut had_target = FxHashSet::default();
    for (number, computation) in case.generations.iter().enumerate() {
        if let Some(changed) = &computation.topics {
            topics = Topics::new(changed)?;
        }
        let mut found = Vec::new();
        replay_computation(assignor, &topics, computation, &mut had_target, &mut found)?;
        differences.extend(found.into_iter().map(|difference| Difference {
            field: format!("generations[{number}].{}", difference.field),
            ..difference
        }));
    }
    Ok((differences, case.generations.len()))
}

#[derive(Default)]
struct Topics {
    id_of: FxHashMap<String, TopicId>,
    name_of: FxHashMap<TopicId, String>,
    counts: SubscribedTopics,
}

impl Topics {
    fn new(topics: &[Topic]) -> Result<Self, String> {
        let mut counts = Vec::new();
        let mut known = Topics::default();
        for topic in topics {
            let id: TopicId = topic.id.parse()?;
            known.id_of.insert(topic.name.clone(), id);
            known.name_of.insert(id, topic.name.clone());
            counts.push((id, topic.partitions));
        }
        known.counts = counts.into_iter().collect();
        Ok(known)
    }

    /// A topic that exists stands under its name, one that is gone under its id.
    fn id(&self, name: &str) -> Result<TopicId, String> {
        self.id_of.get(name).map_or_else(|| name.parse(), |id| Ok(*id))
    }

    fn name(&self, id: TopicId) -> String {
        self.name_of.get(&id).cloned().unwrap_or_else(|| id.to_string())
    }
}

fn replay_computation(
    assignor: ServerAssignor,
    topics: &Topics,
    recorded: &Computation,
    had_target: &mut FxHashSet<MemberId>,
    differences: &mut Vec<Difference>,
) -> Result<(), String> {
    let members = recorded.members.iter().map(|member| member.read(topics)).collect::<Result<_, String>>()?;
    let names = recorded.members.iter().map(|member| member.subscription.iter().map(String::as_str));
    let group = GroupSpec { members, subscription_type: SubscriptionType::of(names) };
    compare(differences, "type", &recorded.r#type.as_str(), &group.subscription_type.name());
    let outcome = assignor.assign(&group, &topics.counts);
    let error = outcome.as_ref().err().map(|error| error.class().to_owned());
    compare(differences, "error", &recorded.error, &error);
    if let Ok(target) = outcome {
        compare_target(topics, recorded, &group, &target, had_target, differences);
    }
    had_target.extend(group.members.iter().map(|member| member.member_id.clone()));
    Ok(())
}

impl Member {
    fn read(&self, topics: &Topics) -> Result<ServerMember, String> {
        let mut names: JavaHashMap<&str, ()> = JavaHashMap::for_set_of(self.subscription.len());
        names.extend(self.subscription.iter().map(|name| (name.as_str(), ())));
        let mut assigned = Vec::new();
        for (topic, partitions) in &self.assigned {
            assigned.push(TopicIdPartitions { topic_id: topics.id(topic)?, partitions: partitions.as_slice().into() });
        }
        Ok(ServerMember {
            member_id: self.member_id.as_str().into(),
            instance_id: self.instance_id.as_deref().map(Into::into),
            subscribed_topic_ids: names.keys().filter_map(|name| topics.id_of.get(*name).copied()).collect(),
            subscribed_topic_names: names.len() as u32,
            assigned,
        })
    }
}

/// Topics by name with their partitions, both sorted.
type Sorted = Vec<(String, Vec<i32>)>;

fn sorted<'a>(partitions: impl Iterator<Item = (String, &'a [i32])>) -> Sorted {
    let mut sorted: Sorted = partitions.map(|(topic, partitions)| (topic, partitions.to_vec())).collect();
    sorted.sort();
    sorted.iter_mut().for_each(|(_, partitions)| partitions.sort_unstable());
    sorted
}

fn compare_target(
    topics: &Topics,
    recorded: &Computation,
    group: &GroupSpec,
    target: &TargetAssignment<'_>,
    had_target: &FxHashSet<MemberId>,
    differences: &mut Vec<Difference>,
) {
    let by_name = |assigned: &[TopicIdPartitions]| {
        sorted(assigned.iter().map(|topic| (topics.name(topic.topic_id), topic.partitions.as_slice())))
    };
    let actual: Vec<(String, Sorted)> = group
        .members
        .iter()
        .zip(&target.members)
        .map(|(member, assigned)| (member.member_id.as_str().to_owned(), by_name(assigned)))
        .collect();
    let expected: Option<Vec<(String, Sorted)>> = recorded.assignment.as_ref().map(|assignment| {
        let member = |(member, topics): (&String, &Partitions)| {
            (member.clone(), sorted(topics.iter().map(|(topic, partitions)| (topic.clone(), partitions.as_slice()))))
        };
        assignment.iter().map(member).collect()
    });
    compare(differences, "assignment", &expected, &Some(actual));

    // A target is written if it changed, and for members that never had one.
    let is_written = |index: &usize| {
        let (member, target) = (&group.members[*index], &target.members[*index]);
        let is_new = !had_target.contains(&member.member_id) && member.assigned.is_empty();
        is_new || by_name(&member.assigned) != by_name(target)
    };
    let actual: Vec<usize> = (0..group.members.len()).filter(is_written).collect();
    compare(differences, "records", &recorded.records, &Some(actual));
}
