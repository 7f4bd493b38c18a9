//! What an assignor decided.

use crate::protocol::subscription::{ConsumerProtocolAssignment, HIGHEST_VERSION, TopicPartitions};
use crate::protocol::{Bytes, MemberId, TopicName, TopicPartition};

/// A partition in a [`GroupAssignment`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AssignedPartition {
    /// The topic, as an index into [`GroupAssignment::topics`].
    pub topic: u32,
    /// The partition's number.
    pub partition: i32,
}

/// The partitions of one member.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MemberAssignment {
    /// Member id.
    pub member_id: MemberId,
    /// In the order in which the assignor listed them.
    pub partitions: Vec<AssignedPartition>,
}

/// Who gets what. Every member has an entry, possibly an empty one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GroupAssignment {
    /// The topics that take part, ascending by name.
    pub topics: Vec<TopicName>,
    /// The members, in the order of the assignor's input.
    pub members: Vec<MemberAssignment>,
}

impl GroupAssignment {
    /// The partitions of a member of [`GroupAssignment::members`], one by one, in the assignor's order.
    pub fn partitions<'a>(&'a self, member: &'a MemberAssignment) -> impl Iterator<Item = TopicPartition> + 'a {
        member
            .partitions
            .iter()
            .map(|assigned| TopicPartition::new(self.topics[assigned.topic as usize], assigned.partition))
    }

    /// What goes to a member over the wire: topics in the order in which the list first names them.
    pub fn to_wire(&self, member: &MemberAssignment) -> ConsumerProtocolAssignment {
        const NONE: u32 = u32::MAX;
        let mut group_of = vec![NONE; self.topics.len()];
        let mut partitions: Vec<TopicPartitions> = Vec::new();
        for assigned in &member.partitions {
            let group = &mut group_of[assigned.topic as usize];
            if *group == NONE {
                *group = partitions.len() as u32;
                let topic = self.topics[assigned.topic as usize];
                let room = member.partitions.len() / self.topics.len();
                partitions.push(TopicPartitions { topic, partitions: Vec::with_capacity(room) });
            }
            partitions[*group as usize].partitions.push(assigned.partition);
        }
        ConsumerProtocolAssignment { partitions, user_data: None }
    }

    /// The leader's SyncGroup: `ConsumerProtocolAssignment` bytes per member.
    pub fn encode(&self) -> Vec<(MemberId, Bytes)> {
        self.members
            .iter()
            .map(|member| (member.member_id.clone(), self.to_wire(member).encode(HIGHEST_VERSION)))
            .collect()
    }
}
