//! A group of consumers that rebalances over the wire's bytes, without time and network.

use std::collections::BTreeMap;

use proptest::prelude::*;
use rebalab::assignor::{AssignorError, ClientAssignor, Cluster, ConsumerPartitionAssignor, TopicMetadata};
use rebalab::protocol::message::JoinGroupResponseMember;
use rebalab::protocol::subscription::{
    ConsumerProtocolAssignment, ConsumerProtocolSubscription, HIGHEST_VERSION, TopicPartitions,
};
use rebalab::protocol::{Generation, TopicPartition};

/// What a group is drawn from.
#[derive(Clone, Debug)]
pub struct Draw {
    /// Partitions of `t0`, `t1`, …, and per partition the rack of its only replica.
    pub topics: Vec<(u32, Vec<u8>)>,
    /// Per member which topics it subscribes to (by bit) and its rack.
    pub members: Vec<(u32, u8)>,
    /// All members subscribe to what the first one does.
    pub equal_subscriptions: bool,
    /// Members and partitions have racks.
    pub racks: bool,
}

impl Draw {
    pub fn any(racks: impl Strategy<Value = bool>) -> impl Strategy<Value = Draw> {
        let topic = (1..9u32, prop::collection::vec(0..3u8, 9));
        let topics = prop::collection::vec(topic, 1..5);
        // One bit more than there are topics: the last stands for a topic that does not exist.
        let members = prop::collection::vec((1..32u32, 0..3u8), 1..9);
        (topics, members, any::<bool>(), racks).prop_map(|(topics, members, equal_subscriptions, racks)| Draw {
            topics,
            members,
            equal_subscriptions,
            racks,
        })
    }
}

pub struct Member {
    pub id: String,
    pub topics: Vec<String>,
    rack: Option<String>,
    pub assignor: ConsumerPartitionAssignor,
    pub owned: Vec<TopicPartition>,
    generation: Generation,
}

pub struct Group {
    assignor: ClientAssignor,
    pub cluster: Cluster,
    /// Partition counts by topic.
    pub topics: BTreeMap<String, u32>,
    pub members: Vec<Member>,
    generation: i32,
    next_id: u32,
    /// Stands for the order of Go's maps, for assignors that hang on it.
    pub map_order: u64,
}

fn rack_name(rack: u8) -> String {
    format!("rack-{rack}")
}

impl Group {
    /// What each member owns, in order.
    pub fn owned(&self) -> Vec<Vec<TopicPartition>> {
        let sorted = |member: &Member| {
            let mut owned = member.owned.clone();
            owned.sort();
            owned
        };
        self.members.iter().map(sorted).collect()
    }

    pub fn new(assignor: ClientAssignor, draw: &Draw) -> Self {
        let mut group = Group {
            assignor,
            cluster: Cluster::default(),
            topics: BTreeMap::new(),
            members: Vec::new(),
            generation: 0,
            next_id: 0,
            map_order: 0,
        };
        for (index, (partitions, racks)) in draw.topics.iter().enumerate() {
            let replicas = |rack: &u8| vec![Some(rack_name(*rack).into())];
            let racks =
                if draw.racks { racks[..*partitions as usize].iter().map(replicas).collect() } else { Vec::new() };
            let metadata = TopicMetadata { partitions: *partitions, racks, ..TopicMetadata::default() };
            group.add_topic(&format!("t{index}"), metadata);
        }
        for (topics, rack) in &draw.members {
            let bits = if draw.equal_subscriptions { draw.members[0].0 } else { *topics };
            let topics = (0..5).filter(|bit| bits >> bit & 1 == 1).map(|bit| format!("t{bit}")).collect();
            group.join(topics, draw.racks.then(|| rack_name(*rack)));
        }
        group
    }

    pub fn add_topic(&mut self, name: &str, metadata: TopicMetadata) {
        self.topics.insert(name.to_owned(), metadata.partitions);
        self.cluster.insert(name.into(), metadata);
    }

    pub fn join(&mut self, topics: Vec<String>, rack: Option<String>) {
        // Ids that are sorted differently than they join.
        let id = format!("consumer-{}-{}", self.next_id * 7919 % 101, self.next_id);
        self.next_id += 1;
        self.members.push(Member {
            id,
            topics,
            rack,
            assignor: ConsumerPartitionAssignor::new(self.assignor),
            owned: Vec::new(),
            generation: Generation::NONE,
        });
    }

    /// One JoinGroup and SyncGroup of all members, led by the first. Returns what members had to give up.
    pub fn rebalance(&mut self) -> Result<Vec<TopicPartition>, AssignorError> {
        self.generation += 1;
        let generation = Generation(self.generation);
        let cooperative = self.assignor.supports_cooperative();
        let join: Vec<JoinGroupResponseMember> = self.members.iter().map(|member| member.join(cooperative)).collect();
        self.members[0].assignor.draw_map_order(self.map_order);
        let assignments = self.members[0].assignor.on_leader_elected(&self.cluster, &join)?;
        assert_eq!(assignments.len(), self.members.len(), "every member has an assignment");
        let mut revoked = Vec::new();
        for member in &mut self.members {
            let (_, bytes) = assignments.iter().find(|(id, _)| id.as_str() == member.id).expect("an assignment");
            let assignment = ConsumerProtocolAssignment::decode(bytes)?;
            let assigned: Vec<TopicPartition> = TopicPartitions::flatten(&assignment.partitions).collect();
            if cooperative {
                revoked.extend(member.owned.iter().filter(|partition| !assigned.contains(partition)).cloned());
            }
            member.owned = assigned;
            member.generation = generation;
            member.assignor.on_assignment(&assignment, generation);
        }
        Ok(revoked)
    }

    /// Rebalances until nobody has to give anything up. Returns how many rounds it took, `None` if more than `limit`.
    pub fn settle(&mut self, limit: usize) -> Option<usize> {
        (1..=limit).find(|_| self.rebalance().expect("an assignment").is_empty())
    }

    /// Asserts that every partition of a topic with subscribers has one owner, who subscribes to it.
    pub fn assert_each_partition_has_one_owner(&self) {
        let mut owners: BTreeMap<(&str, i32), Vec<&str>> = BTreeMap::new();
        for member in &self.members {
            for partition in &member.owned {
                assert!(member.topics.iter().any(|topic| topic == partition.topic.as_str()), "{partition} not wanted");
                owners.entry((partition.topic.as_str(), partition.partition)).or_default().push(&member.id);
            }
        }
        assert!(owners.values().all(|owners| owners.len() == 1), "one owner each: {owners:?}");
        let expected: Vec<(&str, i32)> = self
            .topics
            .iter()
            .filter(|(topic, _)| self.members.iter().any(|member| member.topics.contains(topic)))
            .flat_map(|(topic, partitions)| (0..*partitions as i32).map(|partition| (topic.as_str(), partition)))
            .collect();
        assert_eq!(owners.into_keys().collect::<Vec<_>>(), expected);
    }

    /// Difference between the largest and the smallest number of partitions.
    pub fn imbalance(&self) -> usize {
        spread(self.members.iter().map(|member| member.owned.len()))
    }
}

impl Member {
    fn join(&self, cooperative: bool) -> JoinGroupResponseMember {
        let owned = if cooperative { TopicPartitions::group(&self.owned) } else { Vec::new() };
        let mut subscription = ConsumerProtocolSubscription {
            topics: self.topics.iter().map(|topic| topic.as_str().into()).collect(),
            user_data: None,
            owned_partitions: owned,
            generation: self.generation,
            rack: self.rack.as_deref().map(Into::into),
        };
        subscription.user_data = self.assignor.subscription_user_data(&subscription);
        JoinGroupResponseMember {
            member_id: self.id.as_str().into(),
            group_instance_id: None,
            metadata: subscription.encode(HIGHEST_VERSION),
        }
    }

    /// ILLEGAL_GENERATION or the like: all partitions are lost.
    pub fn lose_generation(&mut self) {
        self.owned.clear();
        self.generation = Generation::NONE;
    }

    /// How many partitions of a topic the member has.
    pub fn owned_of(&self, topic: &str) -> usize {
        self.owned.iter().filter(|partition| partition.topic.as_str() == topic).count()
    }
}

/// Largest minus smallest.
pub fn spread(sizes: impl Iterator<Item = usize> + Clone) -> usize {
    sizes.clone().max().unwrap_or(0) - sizes.min().unwrap_or(0)
}
