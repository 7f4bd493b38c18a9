//! What a scenario asks for and the model leaves out: combinations of clients, settings and faults of which it is known
//! that the prediction can be wrong. Single settings are told where they are read ([`super::settings`]); what only shows
//! in the course of a run, by the analysis.

use super::Checker;
use crate::protocol::config::AssignorName;
use crate::scenario::checked::{BrokerEnd, Cluster, Consumer, Fault, FaultKind, Group};
use crate::scenario::text::Place;

/// Up to so many partitions of a topic the Metadata answer lists them in ascending order (recorded).
const METADATA_IN_ORDER: u32 = 8;

impl Checker<'_> {
    /// Notes what the model leaves out of this scenario.
    pub(super) fn limits_of_the_model(
        &mut self,
        root: &Place<'_>,
        groups: &[Group],
        faults: &[Fault],
        cluster: &Cluster,
    ) {
        let list = root.key("groups");
        for (number, group) in groups.iter().enumerate() {
            let place = list.index(number);
            let mut told: Vec<&'static str> = Vec::new();
            for consumer in &group.consumers {
                told.extend(of_consumer(consumer, group, faults, cluster));
            }
            told.sort_unstable();
            told.dedup();
            told.into_iter().for_each(|text| self.not_modelled(place, text));
        }
        let list = root.key("faults");
        for (number, fault) in faults.iter().enumerate() {
            if let FaultKind::BrokerRestart { end: BrokerEnd::Crash | BrokerEnd::PowerLoss, .. } = fault.what {
                let text = "Records of topics survive the end of a broker: only what its coordinators had not replicated \
                            is lost, so no position lies beyond the end of a log.";
                self.not_modelled(list.index(number), text);
            }
            if let FaultKind::BrokerRestart { end: BrokerEnd::PowerLoss, .. } = fault.what {
                let text = "Partitions of topics are fetched from their new leader as soon as there is one; a real consumer \
                            that has a Fetch under way to the lost machine first waits until request.timeout.ms ends it.";
                self.not_modelled(list.index(number), text);
            }
        }
    }
}

/// What is known not to be as the client library does it, under these circumstances.
fn of_consumer(consumer: &Consumer, group: &Group, faults: &[Fault], cluster: &Cluster) -> Vec<&'static str> {
    let is = |library: &str| consumer.client.starts_with(library);
    let uses = |assignor| consumer.config.partition_assignment_strategy.contains(&assignor);
    let mut told = Vec::new();
    if is("librdkafka") && uses(AssignorName::CooperativeSticky) {
        told.push(
            "librdkafka's cooperative-sticky gives partitions up by rules of its own once a group has an assignment; \
             here it decides as Kafka's, so who gets what, and after how many rounds, can differ.",
        );
    }
    if is("franz-go") && !consumer.config.client_rack.is_empty() && cluster.racks.iter().any(Option::is_some) {
        told.push("franz-go's BalanceRacks: racks change nothing in what its assignors decide here.");
    }
    if is("franz-go") && group.consumers.iter().any(|other| other.subscription != consumer.subscription) {
        told.push(
            "With different subscriptions franz-go takes one of several equally good assignments; which one, is not known.",
        );
    }
    if (is("kafkajs") || is("kafka-go")) && cluster.topics.iter().any(|topic| topic.partitions > METADATA_IN_ORDER) {
        told.push(
            "kafkajs and kafka-go deal partitions out in the order of the Metadata answer, which is not known beyond eight \
             partitions: how many a member gets is right, which ones need not be.",
        );
    }
    if is("kafka-go") && faults.iter().any(|fault| leaves_requests_unanswered(&fault.what)) {
        told.push("How long kafka-go waits for an answer that does not come is not known; here it waits as Java does.");
    }
    if reads_cut_short_unknown(consumer) && group.consumers.iter().any(|other| other.behaviour.subscription.cut_short) {
        told.push(
            "How a leader other than Java, librdkafka and kafka-go reads kafka-go's subscription, which is cut short, is not \
             known; here it reads what is there.",
        );
    }
    told
}

/// The library was not seen to lead a group with a member of kafka-go in it (statement 34a of the recordings).
fn reads_cut_short_unknown(consumer: &Consumer) -> bool {
    let seen = ["java", "librdkafka", "kafka-go"];
    !seen.iter().any(|library| consumer.client.starts_with(library))
}

/// While it lasts, requests may stay without an answer.
fn leaves_requests_unanswered(what: &FaultKind) -> bool {
    matches!(what, FaultKind::BlackHole { .. } | FaultKind::StorageStall { .. })
}
