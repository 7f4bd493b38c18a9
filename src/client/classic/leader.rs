//! The leader's work (`onLeaderElected`, consumer-client.md 3.3): it runs on the poll thread inside the handler of the
//! JoinGroup answer and holds the coordinator's monitor, so that no heartbeat goes out meanwhile.

use crate::assignor::{Cluster, ConsumerPartitionAssignor, TopicMetadata};
use crate::client::{AssignorFamily, CutShort, Output};
use crate::protocol::config::AssignorName;
use crate::protocol::message::{JoinGroupResponse, JoinGroupResponseMember};
use crate::protocol::subscription::ConsumerProtocolSubscription;
use crate::protocol::{Bytes, MemberId, TopicName};

use super::consumer::{Consumer, Context};
use super::exception::Exception;

/// The work under way.
#[derive(Debug)]
pub(super) struct Election {
    members: Vec<JoinGroupResponseMember>,
    assignor: usize,
    skip_assignment: bool,
    step: Step,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    /// Waits until the metadata version passes this one, without a timeout.
    Metadata { version: u32 },
    /// The assignor runs.
    Assigning,
}

impl Election {
    /// It waits for metadata: sockets are read and handlers run.
    pub fn awaits_metadata(&self) -> bool {
        matches!(self.step, Step::Metadata { .. })
    }
}

impl Consumer {
    /// The leader's work reads sockets at the moment.
    pub(super) fn election_polls(&self) -> bool {
        self.election.as_ref().is_some_and(Election::awaits_metadata)
    }

    /// This member leads the new generation.
    pub(super) fn begin_election(&mut self, mut answer: JoinGroupResponse, cx: &mut Context<'_>) {
        self.mend_cut_short(&mut answer.members);
        let chosen = answer.protocol_name.as_deref().unwrap_or("");
        let Some(assignor) = self.assignors.iter().position(|assignor| assignor.assignor().name() == chosen) else {
            let message = format!("Coordinator selected invalid assignment protocol: {chosen}");
            return self.fail_join(Exception::new("IllegalStateException", &message), cx);
        };
        let mut topics: Vec<TopicName> = Vec::new();
        // As a rule all members write the same bytes.
        for same in answer.members.chunk_by(|left, right| left.metadata == right.metadata) {
            let member = &same[0];
            match ConsumerProtocolSubscription::decode(&member.metadata) {
                Ok(subscription) => topics.extend(subscription.topics),
                Err(error) => return self.fail_join(Exception::new("SchemaException", &error.to_string()), cx),
            }
        }
        topics.sort();
        topics.dedup();
        let known = topics.iter().all(|topic| self.subscribes_to(topic));
        self.group_subscription = topics;
        if !known {
            self.metadata.request_update_for_new_topics();
        }
        let version = self.metadata.version;
        self.election = Some(Election {
            members: answer.members,
            assignor,
            skip_assignment: answer.skip_assignment,
            step: Step::Metadata { version },
        });
        if !self.metadata.is_stale(cx.ms) {
            self.begin_assignment(cx);
        }
    }

    /// Subscriptions that end too early become what this client makes of them.
    fn mend_cut_short(&self, members: &mut [JoinGroupResponseMember]) {
        let cut_short =
            |member: &JoinGroupResponseMember| ConsumerProtocolSubscription::decode(&member.metadata).is_err();
        let alike = members.chunk_by_mut(|left, right| left.metadata == right.metadata);
        for member in alike.filter(|members| cut_short(&members[0])).flatten() {
            match self.settings.behaviour.cut_short {
                CutShort::Fails => {}
                CutShort::GetsNothing => member.metadata = ConsumerProtocolSubscription::default().encode(0),
                CutShort::Reads if member.metadata.len() >= 2 => {
                    let mut bytes = member.metadata.to_vec();
                    bytes[..2].fill(0); // as version 0, which has no more fields
                    member.metadata = Bytes::from(bytes);
                }
                CutShort::Reads => {}
            }
        }
    }

    /// Goes on with the leader's work; true when it is over.
    #[inline(never)]
    pub(super) fn continue_election(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(election) = self.election.as_ref() else { return true };
        match election.step {
            Step::Metadata { version } => {
                self.poll_network(cx);
                if self.metadata.version > version {
                    self.begin_assignment(cx);
                }
            }
            Step::Assigning if std::mem::take(&mut self.assignment_computed) => self.end_assignment(cx),
            Step::Assigning => {}
        }
        self.election.is_none()
    }

    fn begin_assignment(&mut self, cx: &mut Context<'_>) {
        self.update_subscription_metadata();
        self.is_leader = true;
        let Some(election) = self.election.as_mut() else { return };
        if election.skip_assignment {
            self.election = None;
            self.assignment_snapshot = Some(self.metadata_snapshot.clone());
            return self.send_sync_group(Vec::new(), cx);
        }
        election.step = Step::Assigning;
        let members = election.members.len() as u32;
        let assignor = self.settings.config.partition_assignment_strategy[election.assignor];
        let partitions = self.group_subscription.iter().map(|topic| self.metadata.partition_count(topic)).sum();
        self.assignment_computed = false;
        cx.world.carry_out(Output::Assign { assignor, members, partitions });
    }

    fn end_assignment(&mut self, cx: &mut Context<'_>) {
        let Some(election) = self.election.take() else { return };
        let cluster = self.cluster();
        let assignor = &mut self.assignors[election.assignor];
        if assignor.assignor().walks_maps() {
            assignor.draw_map_order(cx.world.map_order());
        }
        let assigned: Result<Vec<(MemberId, Bytes)>, _> = assignor.on_leader_elected(&cluster, &election.members);
        self.assignment_snapshot = Some(self.metadata_snapshot.clone());
        match assigned {
            Ok(assignments) => self.send_sync_group(assignments, cx),
            Err(error) => self.fail_join(Exception::new("KafkaException", &error.to_string()), cx),
        }
    }

    fn cluster(&self) -> Cluster {
        let mut cluster = Cluster::default();
        for topic in &self.group_subscription {
            let partitions = self.metadata.partition_count(topic);
            if partitions > 0 {
                let racks = self.metadata.racks(topic).to_vec();
                cluster.insert(*topic, TopicMetadata { partitions, racks, listing: self.metadata.listing });
            }
        }
        cluster
    }

    /// The topic is subscribed to.
    pub(super) fn subscribes_to(&self, topic: &TopicName) -> bool {
        self.subscriptions.topics.binary_search(topic).is_ok()
    }
}

/// One assignor object per configured strategy.
pub(super) fn assignors(strategy: &[AssignorName], family: AssignorFamily) -> Vec<ConsumerPartitionAssignor> {
    strategy.iter().map(|name| ConsumerPartitionAssignor::new(family.assignor(*name))).collect()
}
