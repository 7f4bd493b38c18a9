//! The group as the assignors compute with it: members, topics and partitions as numbers.

use std::cmp::Ordering;

use rustc_hash::FxHashMap;

use super::assignment::{AssignedPartition, GroupAssignment, MemberAssignment};
use super::cluster::{Cluster, TopicMetadata};
use super::distinct::distinct;
use crate::protocol::java_hash::{JavaHashMap, string_compare};
use crate::protocol::subscription::{ConsumerProtocolSubscription, TopicPartitions};
use crate::protocol::{GroupInstanceId, MemberId, TopicName};

/// A member as the leader knows it when it computes an assignment.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct GroupMember {
    /// Member id.
    pub member_id: MemberId,
    /// Instance id of a static member. Not part of the subscription's bytes: the coordinator adds it.
    pub group_instance_id: Option<GroupInstanceId>,
    /// Its subscription for the chosen assignor.
    pub subscription: ConsumerProtocolSubscription,
}

/// Number of a topic: topics that exist and that somebody subscribes to, ascending by name.
pub(super) type TopicIndex = u32;

/// Number of a member, in the order of the map that the assignor was given.
pub(super) type MemberIndex = u32;

/// Number of a partition: those of topic 0 first, then those of topic 1, and so on.
pub(super) type PartitionIndex = u32;

pub(super) struct Topic<'a> {
    pub(super) name: &'a TopicName,
    pub(super) metadata: &'a TopicMetadata,
    /// Number of its partition 0.
    pub(super) first: PartitionIndex,
}

/// A list of topics that one or more members subscribe to.
pub(super) struct TopicList<'a> {
    pub(super) names: &'a [TopicName],
    /// Those that exist, in the order of the list (a topic listed twice stands here twice).
    pub(super) topics: Vec<TopicIndex>,
    contains: Vec<bool>,
}

impl TopicList<'_> {
    pub(super) fn contains(&self, topic: TopicIndex) -> bool {
        self.contains[topic as usize]
    }
}

/// Input of a client-side assignor, prepared (spec `assignors.md` 0.3).
pub(super) struct Group<'a> {
    /// In the iteration order of the map that the leader was given.
    pub(super) members: &'a [GroupMember],
    /// Ascending by name. Topics that don't exist, or have no partition, are left out silently.
    pub(super) topics: Vec<Topic<'a>>,
    /// All topics in the iteration order of the `HashMap` that Kafka keeps them in.
    pub(super) hash_order: Vec<TopicIndex>,
    /// Different subscriptions, and which of them each member has.
    lists: Vec<TopicList<'a>>,
    list_of: Vec<u32>,
    index_of: FxHashMap<&'a str, TopicIndex>,
    /// Number of partitions of all topics.
    pub(super) partitions: u32,
}

impl<'a> Group<'a> {
    pub(super) fn new(cluster: &'a Cluster, members: &'a [GroupMember]) -> Self {
        let (names, list_of) = distinct(members.iter().map(|member| member.subscription.topics.as_slice()));
        let existing = existing_topics(cluster, &names);

        let mut by_name: Vec<u32> = (0..existing.len() as u32).collect();
        by_name.sort_unstable_by(|l, r| compare_topics(existing[*l as usize].0, existing[*r as usize].0));
        let mut topics = Vec::with_capacity(existing.len());
        let mut hash_order = vec![0; existing.len()];
        let mut first = 0;
        for (index, position) in by_name.iter().enumerate() {
            let (name, metadata) = existing[*position as usize];
            hash_order[*position as usize] = index as TopicIndex;
            topics.push(Topic { name, metadata, first });
            first += metadata.partitions;
        }

        let index_of: FxHashMap<&'a str, TopicIndex> =
            topics.iter().zip(0..).map(|(topic, index)| (topic.name.as_str(), index)).collect();
        let lists = names
            .into_iter()
            .map(|names| {
                let subscribed: Vec<TopicIndex> =
                    names.iter().filter_map(|name| index_of.get(name.as_str()).copied()).collect();
                let mut contains = vec![false; topics.len()];
                for topic in &subscribed {
                    contains[*topic as usize] = true;
                }
                TopicList { names, topics: subscribed, contains }
            })
            .collect();
        Group { members, topics, hash_order, lists, list_of, index_of, partitions: first }
    }

    pub(super) fn list(&self, member: MemberIndex) -> &TopicList<'a> {
        &self.lists[self.list_of[member as usize] as usize]
    }

    /// Number of the list that the member subscribes to: members with equal lists have equal numbers.
    pub(super) fn list_index(&self, member: MemberIndex) -> u32 {
        self.list_of[member as usize]
    }

    pub(super) fn lists(&self) -> &[TopicList<'a>] {
        &self.lists
    }

    pub(super) fn member_count(&self) -> u32 {
        self.members.len() as u32
    }

    /// The topic of that name, if it exists and somebody subscribes to it.
    pub(super) fn topic_index(&self, name: &str) -> Option<TopicIndex> {
        self.index_of.get(name).copied()
    }

    /// Claimed partitions of topics that take part and have them.
    pub(super) fn existing(&self, claimed: &[TopicPartitions]) -> Vec<PartitionIndex> {
        let of_topic = |claimed: &TopicPartitions| {
            let range = self.topic_index(claimed.topic.as_str()).map_or(0..0, |topic| self.partitions_of(topic));
            let number =
                move |number: &i32| Some(range.start + u32::try_from(*number).ok()?).filter(|p| *p < range.end);
            claimed.partitions.iter().filter_map(number).collect::<Vec<_>>()
        };
        claimed.iter().flat_map(of_topic).collect()
    }

    /// The numbers of a topic's partitions.
    pub(super) fn partitions_of(&self, topic: TopicIndex) -> std::ops::Range<PartitionIndex> {
        let topic = &self.topics[topic as usize];
        topic.first..topic.first + topic.metadata.partitions
    }

    /// Members in the order of range and roundrobin: static members by instance id, then dynamic ones by member id
    /// (spec `assignors.md` 0.4).
    pub(super) fn members_by_instance(&self) -> Vec<MemberIndex> {
        let mut order: Vec<MemberIndex> = (0..self.member_count()).collect();
        order.sort_by(|l, r| {
            let (left, right) = (&self.members[*l as usize], &self.members[*r as usize]);
            compare_members(
                (left.group_instance_id.as_ref(), &left.member_id),
                (right.group_instance_id.as_ref(), &right.member_id),
            )
        });
        order
    }

    /// Wraps up what an assignor decided: per member (topic, partition number), in the order of its list.
    pub(super) fn assignment(&self, partitions: Vec<Vec<AssignedPartition>>) -> GroupAssignment {
        debug_assert_eq!(partitions.len(), self.members.len());
        let member = |(member, partitions): (&GroupMember, _)| MemberAssignment {
            member_id: member.member_id.clone(),
            partitions,
        };
        GroupAssignment {
            topics: self.topics.iter().map(|topic| *topic.name).collect(),
            members: self.members.iter().zip(partitions).map(member).collect(),
        }
    }
}

fn compare_topics(left: &TopicName, right: &TopicName) -> Ordering {
    string_compare(left.as_str(), right.as_str())
}

/// `MemberInfo.compareTo` (spec `assignors.md` 0.4), of instance id and member id.
pub(super) fn compare_members(
    left: (Option<&GroupInstanceId>, &MemberId),
    right: (Option<&GroupInstanceId>, &MemberId),
) -> Ordering {
    match (left.0, right.0) {
        (Some(left), Some(right)) => string_compare(left.as_str(), right.as_str()),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => string_compare(left.1.as_str(), right.1.as_str()),
    }
}

/// The subscribed topics that exist, in the order of Kafka's `partitionsPerTopic`: a `HashMap` filled in the order of a
/// `HashSet` of all subscribed names.
fn existing_topics<'a>(cluster: &'a Cluster, lists: &[&'a [TopicName]]) -> Vec<(&'a TopicName, &'a TopicMetadata)> {
    let subscribed: JavaHashMap<&TopicName, ()> =
        lists.iter().flat_map(|names| names.iter()).map(|name| (name, ())).collect();
    let existing: JavaHashMap<&TopicName, &TopicMetadata> = subscribed
        .keys()
        .filter_map(|name| Some((*name, cluster.topic(name.as_str()).filter(|topic| topic.partitions > 0)?)))
        .collect();
    existing.iter().map(|(name, metadata)| (*name, *metadata)).collect()
}
