//! What leaders decided in a recording, and the orders of Go's maps that make the modelled assignors decide the same: the
//! recording knows the outcome of that chance, so a replay is given it.

use std::collections::VecDeque;

use super::recording::{Happened, Offer, Plan, Recording};
use crate::assignor::{ClientAssignor, Cluster, ConsumerPartitionAssignor};
use crate::protocol::config::AssignorName;
use crate::protocol::message::JoinGroupResponseMember;
use crate::protocol::subscription::{ConsumerProtocolAssignment, TopicPartitions};
use crate::protocol::{MemberId, TopicPartition};

/// So many orders are tried for one assignment.
const ORDERS_MAX: u64 = 100_000;

/// An assignment that a leader sent, and what it computed it from.
pub struct Election {
    /// Index of the leader in the recording's members.
    pub leader: u32,
    assignor: ClientAssignor,
    cluster: Cluster,
    joined: Vec<JoinGroupResponseMember>,
    /// Per member of `joined` its partitions, sorted.
    decided: Vec<Vec<TopicPartition>>,
}

impl Election {
    /// The first number whose orders lead to the recorded assignment.
    pub fn map_order(&self) -> Option<u64> {
        let mut assignor = ConsumerPartitionAssignor::new(self.assignor);
        (0..ORDERS_MAX).find(|order| {
            assignor.draw_map_order(*order);
            self.decides(&mut assignor)
        })
    }

    fn decides(&self, assignor: &mut ConsumerPartitionAssignor) -> bool {
        let Ok(assignments) = assignor.on_leader_elected(&self.cluster, &self.joined) else { return false };
        self.joined.iter().zip(&self.decided).all(|(member, decided)| {
            let bytes = assignments.iter().find(|(id, _)| *id == member.member_id).map(|(_, bytes)| bytes);
            let assignment = bytes.and_then(|bytes| ConsumerProtocolAssignment::decode(bytes).ok()).unwrap_or_default();
            let mut partitions: Vec<TopicPartition> = TopicPartitions::flatten(&assignment.partitions).collect();
            partitions.sort_unstable();
            partitions == *decided
        })
    }
}

/// Elections of leaders whose assignor hangs on the order of maps, in order.
pub fn elections(recording: &Recording) -> Vec<Election> {
    let mut offers: Vec<(&MemberId, &[Offer])> = Vec::new();
    let mut found = Vec::new();
    for event in &recording.events {
        let Happened::Send { member, offers: offered, plan, .. } = &event.what else { continue };
        if let Some(member) = member.as_ref().filter(|_| !offered.is_empty()) {
            offers.retain(|(known, _)| *known != member);
            offers.push((member, offered.as_slice()));
        }
        let leader = recording.members.get_index_of(&event.who);
        if let Some(leader) = leader.filter(|_| !plan.is_empty()) {
            found.extend(election(recording, leader as u32, plan, &offers));
        }
    }
    found
}

fn election(recording: &Recording, leader: u32, plan: &Plan, offers: &[(&MemberId, &[Offer])]) -> Option<Election> {
    let of_member = |id: &MemberId| offers.iter().find(|(known, _)| *known == id).map(|(_, offered)| *offered);
    let joined: Option<Vec<&[Offer]>> = plan.iter().map(|(id, _)| of_member(id)).collect();
    let joined = joined?;
    // The assignor that the coordinator chose: where members offer several, the first that all have.
    let common = |offer: &&Offer| joined.iter().all(|offers| offers.iter().any(|other| other.name == offer.name));
    let name = &joined.first()?.iter().find(common)?.name;
    let profile = recording.members[leader as usize].profile()?;
    let assignor = profile.behaviour.assignors.assignor(AssignorName::from_wire(name)?);
    if !assignor.walks_maps() {
        return None;
    }
    let member = |((id, _), offers): (&(MemberId, Vec<TopicPartition>), &&[Offer])| JoinGroupResponseMember {
        member_id: id.clone(),
        group_instance_id: None,
        metadata: offers.iter().find(|offer| offer.name == *name).expect("all have it").metadata.clone(),
    };
    Some(Election {
        leader,
        assignor,
        cluster: recording.topics().into_iter().collect(),
        joined: plan.iter().zip(&joined).map(member).collect(),
        decided: plan.iter().map(|(_, partitions)| partitions.clone()).collect(),
    })
}

/// Per member the orders of its elections.
pub fn map_orders(recording: &Recording) -> Vec<VecDeque<u64>> {
    let mut orders = vec![VecDeque::new(); recording.members.len()];
    for election in elections(recording) {
        // One that no order explains is drawn: the replay will tell another story.
        orders[election.leader as usize].push_back(election.map_order().unwrap_or_default());
    }
    orders
}
