//! The assignor object of a consumer: what it remembers, and the leader's computation.

use std::fmt;
use std::str::FromStr;

use super::assignment::GroupAssignment;
use super::cluster::Cluster;
use super::error::AssignorError;
use super::group::{Group, GroupMember};
use super::map_order::MapOrder;
use super::{franz_go, others, range, round_robin, sarama, sticky};
use crate::protocol::config::AssignorName;
use crate::protocol::java_hash::JavaHashMap;
use crate::protocol::message::JoinGroupResponseMember;
use crate::protocol::subscription::{
    ConsumerProtocolAssignment, ConsumerProtocolSubscription, StickyUserData, cooperative_user_data,
};
use crate::protocol::{Bytes, Generation, MemberId};

/// The built-in assignors of the consumer (`partition.assignment.strategy`), and those of other client libraries that
/// decide otherwise.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ClientAssignor {
    /// `org.apache.kafka.clients.consumer.RangeAssignor`
    Range,
    /// `org.apache.kafka.clients.consumer.RoundRobinAssignor`
    RoundRobin,
    /// `org.apache.kafka.clients.consumer.StickyAssignor`
    Sticky,
    /// `org.apache.kafka.clients.consumer.CooperativeStickyAssignor`
    CooperativeSticky,
    /// `RoundRobinAssigner` of kafkajs
    KafkaJsRoundRobin,
    /// `range` of kafka-go
    KafkaGoRange,
    /// `roundrobin` of kafka-go
    KafkaGoRoundRobin,
    /// `sticky` of franz-go
    FranzGoSticky,
    /// `cooperative-sticky` of franz-go
    FranzGoCooperativeSticky,
    /// `sticky` of sarama
    SaramaSticky,
    /// `cooperative-sticky` of sarama
    SaramaCooperativeSticky,
}

impl From<AssignorName> for ClientAssignor {
    fn from(name: AssignorName) -> Self {
        match name {
            AssignorName::Range => ClientAssignor::Range,
            AssignorName::RoundRobin => ClientAssignor::RoundRobin,
            AssignorName::Sticky => ClientAssignor::Sticky,
            AssignorName::CooperativeSticky => ClientAssignor::CooperativeSticky,
        }
    }
}

impl ClientAssignor {
    /// All of Kafka's.
    pub const ALL: [ClientAssignor; 4] =
        [ClientAssignor::Range, ClientAssignor::RoundRobin, ClientAssignor::Sticky, ClientAssignor::CooperativeSticky];

    /// The protocol's name in JoinGroup: `range`, `roundrobin`, `sticky`, `cooperative-sticky`.
    pub const fn name(self) -> &'static str {
        match self {
            ClientAssignor::Range | ClientAssignor::KafkaGoRange => "range",
            ClientAssignor::RoundRobin | ClientAssignor::KafkaGoRoundRobin => "roundrobin",
            ClientAssignor::KafkaJsRoundRobin => "RoundRobinAssigner",
            ClientAssignor::Sticky | ClientAssignor::FranzGoSticky | ClientAssignor::SaramaSticky => "sticky",
            ClientAssignor::CooperativeSticky
            | ClientAssignor::FranzGoCooperativeSticky
            | ClientAssignor::SaramaCooperativeSticky => "cooperative-sticky",
        }
    }

    /// Whether the assignor supports the cooperative protocol. All support the eager one; a consumer uses the
    /// cooperative protocol only if all its assignors do.
    pub const fn supports_cooperative(self) -> bool {
        matches!(
            self,
            ClientAssignor::CooperativeSticky
                | ClientAssignor::FranzGoCooperativeSticky
                | ClientAssignor::SaramaCooperativeSticky
        )
    }

    /// What it decides hangs on the order of Go's maps too, which differs from run to run
    /// ([`ConsumerPartitionAssignor::draw_map_order`]).
    pub const fn walks_maps(self) -> bool {
        matches!(
            self,
            ClientAssignor::FranzGoSticky
                | ClientAssignor::FranzGoCooperativeSticky
                | ClientAssignor::SaramaSticky
                | ClientAssignor::SaramaCooperativeSticky
        )
    }
}

impl fmt::Display for ClientAssignor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// By the protocol's name, or by the class's simple or full name as in `partition.assignment.strategy`.
impl FromStr for ClientAssignor {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let simple = text.strip_prefix("org.apache.kafka.clients.consumer.").unwrap_or(text);
        match simple {
            "range" | "RangeAssignor" => Ok(ClientAssignor::Range),
            "roundrobin" | "RoundRobinAssignor" => Ok(ClientAssignor::RoundRobin),
            "sticky" | "StickyAssignor" => Ok(ClientAssignor::Sticky),
            "cooperative-sticky" | "CooperativeStickyAssignor" => Ok(ClientAssignor::CooperativeSticky),
            _ => Err(format!("unknown assignor `{text}`")),
        }
    }
}

/// A consumer's assignor object: one per consumer and configured assignor, for the consumer's whole life.
///
/// On the member's side it writes the user data of the next join and takes note of each assignment; on the leader's side
/// it computes assignments.
///
/// ```
/// use rebalab::assignor::{ClientAssignor, Cluster, ConsumerPartitionAssignor, GroupMember};
/// use rebalab::protocol::Generation;
/// use rebalab::protocol::message::JoinGroupResponseMember;
/// use rebalab::protocol::subscription::{ConsumerProtocolAssignment, ConsumerProtocolSubscription};
///
/// let mut assignor = ConsumerPartitionAssignor::new(ClientAssignor::CooperativeSticky);
///
/// // Before a join: the member's own subscription.
/// let subscription = ConsumerProtocolSubscription {
///     topics: vec!["orders".into()],
///     ..Default::default()
/// };
/// let subscription = ConsumerProtocolSubscription {
///     user_data: assignor.subscription_user_data(&subscription),
///     ..subscription
/// };
/// let metadata = subscription.encode(3);
///
/// // As the leader: from the JoinGroup response to the assignments of SyncGroup.
/// let cluster = Cluster::from_iter([("orders".into(), 3)]);
/// let member = |id: &str| JoinGroupResponseMember {
///     member_id: id.into(),
///     group_instance_id: None,
///     metadata: metadata.clone(),
/// };
/// let assignments = assignor.on_leader_elected(&cluster, &[member("a"), member("b")])?;
///
/// // After the sync: take note of what this member got.
/// let (_, bytes) = assignments.iter().find(|(id, _)| id.as_str() == "a").unwrap();
/// let assignment = ConsumerProtocolAssignment::decode(bytes)?;
/// assert_eq!(assignment.partitions[0].partitions, [0, 2]);
/// assignor.on_assignment(&assignment, Generation(1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct ConsumerPartitionAssignor {
    assignor: ClientAssignor,
    /// Highest generation that this object has seen as a leader; never falls (`maxGeneration`).
    max_generation: i32,
    /// Last assignment and its generation (`memberAssignment`, `generation`).
    memory: Option<StickyUserData>,
    /// Stands for the order of Go's maps in the next computation.
    map_order: u64,
}

impl ConsumerPartitionAssignor {
    /// A new object: nothing seen, nothing remembered.
    pub fn new(assignor: ClientAssignor) -> Self {
        ConsumerPartitionAssignor { assignor, max_generation: Generation::NONE.0, memory: None, map_order: 0 }
    }

    /// An object that has been leader before and saw this generation ([`ConsumerPartitionAssignor::max_generation`]).
    pub fn with_max_generation(assignor: ClientAssignor, max_generation: i32) -> Self {
        ConsumerPartitionAssignor { max_generation, ..Self::new(assignor) }
    }

    /// Which assignor it is.
    pub fn assignor(&self) -> ClientAssignor {
        self.assignor
    }

    /// The highest generation seen as a leader (`AbstractStickyAssignor.maxGeneration`); -1 at first.
    pub fn max_generation(&self) -> i32 {
        self.max_generation
    }

    /// What stands for the order of Go's maps in the next computation, for assignors that hang on it
    /// ([`ClientAssignor::walks_maps`]): one number always means the same orders.
    pub fn draw_map_order(&mut self, number: u64) {
        self.map_order = number;
    }

    /// The user data of the member's next JoinGroup (`subscriptionUserData`): sticky sends its last assignment and
    /// generation (nothing before the first), cooperative-sticky the generation, the others nothing. franz-go always
    /// sends an assignment, and a generation if it has one; under the cooperative protocol it is what the subscription
    /// says anyway.
    pub fn subscription_user_data(&self, subscription: &ConsumerProtocolSubscription) -> Option<Bytes> {
        match self.assignor {
            ClientAssignor::Sticky | ClientAssignor::SaramaSticky => self.memory.as_ref().map(StickyUserData::encode),
            ClientAssignor::CooperativeSticky | ClientAssignor::SaramaCooperativeSticky => {
                let generation = self.memory.as_ref().and_then(|memory| memory.generation);
                Some(cooperative_user_data::encode(generation.unwrap_or(Generation::NONE.0)))
            }
            ClientAssignor::FranzGoSticky => Some(self.memory.clone().unwrap_or_default().encode()),
            ClientAssignor::FranzGoCooperativeSticky => {
                let generation = Some(subscription.generation.0).filter(|generation| *generation >= 0);
                Some(StickyUserData { previous_assignment: subscription.owned_partitions.clone(), generation }.encode())
            }
            _ => None,
        }
    }

    /// The member got an assignment (`onAssignment`). Not to be called when the member refuses it because it names a
    /// topic that the member does not subscribe to.
    pub fn on_assignment(&mut self, assignment: &ConsumerProtocolAssignment, generation: Generation) {
        let previous_assignment = match self.assignor {
            ClientAssignor::Sticky | ClientAssignor::FranzGoSticky | ClientAssignor::SaramaSticky => {
                assignment.partitions.clone()
            }
            ClientAssignor::CooperativeSticky | ClientAssignor::SaramaCooperativeSticky => Vec::new(),
            _ => return,
        };
        self.memory = Some(StickyUserData { previous_assignment, generation: Some(generation.0) });
    }

    /// Computes an assignment. The order of `members` is that of the map that Kafka's leader iterates:
    /// see [`leader_order`].
    ///
    /// # Errors
    /// The exceptions of the real assignors; see [`AssignorError`].
    pub fn assign(&mut self, cluster: &Cluster, members: &[GroupMember]) -> Result<GroupAssignment, AssignorError> {
        let group = Group::new(cluster, members);
        let maps = MapOrder::new(self.map_order);
        match self.assignor {
            ClientAssignor::Range => Ok(range::assign(&group)),
            ClientAssignor::RoundRobin => Ok(round_robin::assign(&group)),
            ClientAssignor::Sticky => sticky::assign(&group, &mut self.max_generation),
            ClientAssignor::CooperativeSticky => sticky::assign_cooperatively(&group, &mut self.max_generation),
            ClientAssignor::KafkaJsRoundRobin => Ok(others::kafkajs_round_robin(&group)),
            ClientAssignor::KafkaGoRange => Ok(others::kafka_go_range(&group)),
            ClientAssignor::KafkaGoRoundRobin => Ok(others::kafka_go_round_robin(&group)),
            ClientAssignor::FranzGoSticky => Ok(franz_go::sticky(&group, maps)),
            ClientAssignor::FranzGoCooperativeSticky => Ok(franz_go::cooperative_sticky(&group, maps)),
            ClientAssignor::SaramaSticky => Ok(sarama::sticky(&group, maps)),
            ClientAssignor::SaramaCooperativeSticky => Ok(sarama::cooperative_sticky(&group, maps)),
        }
    }

    /// The leader's part of a rebalance (`onLeaderElected`): decodes the members of the JoinGroup response, computes, and
    /// encodes the assignments for SyncGroup.
    ///
    /// # Errors
    /// The exceptions of the real assignors, and of damaged subscriptions; see [`AssignorError`].
    pub fn on_leader_elected(
        &mut self,
        cluster: &Cluster,
        join_response: &[JoinGroupResponseMember],
    ) -> Result<Vec<(MemberId, Bytes)>, AssignorError> {
        let members = leader_order(join_response)?;
        Ok(self.assign(cluster, &members)?.encode())
    }
}

/// The members of a JoinGroup response, decoded, in the order of the `HashMap` that the leader puts them into.
///
/// # Errors
/// [`AssignorError::Subscription`] if a member's bytes are damaged.
pub fn leader_order(join_response: &[JoinGroupResponseMember]) -> Result<Vec<GroupMember>, AssignorError> {
    let mut members: Vec<Option<GroupMember>> = Vec::with_capacity(join_response.len());
    for (number, member) in join_response.iter().enumerate() {
        // As a rule all members write the same bytes.
        let same = number.checked_sub(1).filter(|before| join_response[*before].metadata == member.metadata);
        let subscription = match same.and_then(|before| members[before].as_ref()) {
            Some(before) => before.subscription.clone(),
            None => ConsumerProtocolSubscription::decode(&member.metadata)?,
        };
        let (member_id, group_instance_id) = (member.member_id.clone(), member.group_instance_id);
        members.push(Some(GroupMember { member_id, group_instance_id, subscription }));
    }
    let order: JavaHashMap<&MemberId, usize> = join_response.iter().map(|member| &member.member_id).zip(0..).collect();
    Ok(order.values().filter_map(|position| members[*position].take()).collect())
}
