//! The broker's assignors (KIP-848): `uniform` and `range` (spec `assignors.md` 6 and 7).
//!
//! They start from each member's previous *target*, not from what it owns at the moment, and know nothing of racks.

mod balancer;
mod heterogeneous;
mod homogeneous;
mod range;
mod subscriptions;

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use rustc_hash::FxHashMap;
use smallvec::{SmallVec, smallvec};

use super::error::AssignorError;
use crate::protocol::{GroupInstanceId, MemberId, TopicId};

/// The built-in assignors of the broker (`group.consumer.assignors`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ServerAssignor {
    /// `org.apache.kafka.coordinator.group.assignor.UniformAssignor`
    Uniform,
    /// `org.apache.kafka.coordinator.group.assignor.RangeAssignor`
    Range,
}

impl ServerAssignor {
    /// Both, in the order of the broker's default.
    pub const ALL: [ServerAssignor; 2] = [ServerAssignor::Uniform, ServerAssignor::Range];

    /// `uniform` or `range`.
    pub const fn name(self) -> &'static str {
        match self {
            ServerAssignor::Uniform => "uniform",
            ServerAssignor::Range => "range",
        }
    }

    /// Computes the target assignment of a group. A pure function.
    ///
    /// # Errors
    /// [`AssignorError::PartitionAssignor`] for a topic without a number of partitions; the heartbeat fails with
    /// UNKNOWN_SERVER_ERROR then.
    ///
    /// ```
    /// use rebalab::assignor::server::{GroupSpec, ServerAssignor, ServerMember, SubscribedTopics};
    /// use rebalab::protocol::TopicId;
    ///
    /// let orders: TopicId = "zqvYxNHIR4SzJc3LjhBbew".parse()?;
    /// let member = |id: &str| ServerMember {
    ///     member_id: id.into(),
    ///     subscribed_topic_ids: vec![orders],
    ///     subscribed_topic_names: 1,
    ///     ..Default::default()
    /// };
    /// let group = GroupSpec { members: vec![member("A"), member("B")], ..Default::default() };
    /// let target = ServerAssignor::Uniform.assign(&group, &SubscribedTopics::from_iter([(orders, 5)])).unwrap();
    /// assert_eq!(target.members[0][0].partitions[..], [0, 1]);
    /// assert_eq!(target.members[1][0].partitions[..], [2, 3, 4]);
    /// # Ok::<(), String>(())
    /// ```
    pub fn assign<'a>(
        self,
        group: &'a GroupSpec,
        topics: &SubscribedTopics,
    ) -> Result<TargetAssignment<'a>, AssignorError> {
        if group.members.is_empty() {
            return Ok(TargetAssignment { members: Vec::new() });
        }
        match (self, group.subscription_type) {
            (ServerAssignor::Uniform, SubscriptionType::Homogeneous) => homogeneous::assign(group, topics),
            (ServerAssignor::Uniform, SubscriptionType::Heterogeneous) => heterogeneous::assign(group, topics),
            (ServerAssignor::Range, _) => range::assign(group, topics),
        }
    }
}

impl fmt::Display for ServerAssignor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for ServerAssignor {
    type Err = String;
    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|assignor| assignor.name() == name)
            .ok_or_else(|| format!("unknown server assignor `{name}`"))
    }
}

/// Whether all members subscribe to the same topics.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum SubscriptionType {
    /// Every subscribed name has as many subscribers as the group has members; also if nothing is subscribed.
    #[default]
    Homogeneous,
    /// Everything else. Names of topics that don't exist count, so one member's typing error is enough.
    Heterogeneous,
}

impl SubscriptionType {
    /// The type of a group, from the subscribed names of each of its members (without repetition).
    pub fn of<'a, M, T>(members: M) -> Self
    where
        M: IntoIterator<Item = T>,
        T: IntoIterator<Item = &'a str>,
    {
        let mut member_count = 0;
        let mut subscribers: FxHashMap<&str, u32> = FxHashMap::default();
        for names in members {
            member_count += 1;
            for name in names {
                *subscribers.entry(name).or_default() += 1;
            }
        }
        if subscribers.values().all(|count| *count == member_count) {
            SubscriptionType::Homogeneous
        } else {
            SubscriptionType::Heterogeneous
        }
    }

    /// `homogeneous` or `heterogeneous`.
    pub const fn name(self) -> &'static str {
        match self {
            SubscriptionType::Homogeneous => "homogeneous",
            SubscriptionType::Heterogeneous => "heterogeneous",
        }
    }
}

/// Partitions of one topic.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TopicIdPartitions {
    /// The topic.
    pub topic_id: TopicId,
    /// Partition numbers. In place up to four: in a large group most members have few of each topic.
    pub partitions: SmallVec<[i32; 4]>,
}

/// A member of a group that uses the consumer protocol.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ServerMember {
    /// Member id.
    pub member_id: MemberId,
    /// Instance id of a static member.
    pub instance_id: Option<GroupInstanceId>,
    /// The subscribed topics that exist, in the iteration order of the `HashSet` of their names.
    pub subscribed_topic_ids: Vec<TopicId>,
    /// How many names the member subscribes to, those that don't exist included.
    pub subscribed_topic_names: u32,
    /// Its previous target, topics and partitions in the iteration order of Kafka's `HashMap` and `HashSet`s: it decides
    /// which partitions a member keeps.
    pub assigned: Vec<TopicIdPartitions>,
}

/// A group as the broker hands it to an assignor (`GroupSpec`).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct GroupSpec {
    /// The members, in the iteration order of the map that `TargetAssignmentBuilder` fills.
    pub members: Vec<ServerMember>,
    /// As the group counts it.
    pub subscription_type: SubscriptionType,
}

/// Partition counts of topics (`SubscribedTopicDescriber`).
#[derive(Clone, Debug, Default)]
pub struct SubscribedTopics {
    partitions: FxHashMap<TopicId, u32>,
}

impl SubscribedTopics {
    /// How many partitions a topic has; `None` if it is not known.
    pub fn num_partitions(&self, topic: TopicId) -> Option<u32> {
        self.partitions.get(&topic).copied()
    }

    fn known_partitions(&self, topic: TopicId) -> Result<u32, AssignorError> {
        self.num_partitions(topic).ok_or_else(|| {
            let message = format!("Members are subscribed to topic {topic} which doesn't exist in the topic metadata.");
            AssignorError::PartitionAssignor(message)
        })
    }
}

impl FromIterator<(TopicId, u32)> for SubscribedTopics {
    fn from_iter<I: IntoIterator<Item = (TopicId, u32)>>(topics: I) -> Self {
        SubscribedTopics { partitions: topics.into_iter().collect() }
    }
}

/// Who is to own what.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TargetAssignment<'a> {
    /// Per member of [`GroupSpec::members`]; borrowed where the previous target stays as it is. What is kept stands in
    /// its previous order, what comes new behind it.
    pub members: Vec<Cow<'a, [TopicIdPartitions]>>,
}

/// Adds a partition to a member's target.
fn add(target: &mut Vec<TopicIdPartitions>, topic_id: TopicId, partition: i32) {
    match target.iter_mut().rev().find(|topic| topic.topic_id == topic_id) {
        Some(topic) => topic.partitions.push(partition),
        None => target.push(TopicIdPartitions { topic_id, partitions: smallvec![partition] }),
    }
}
