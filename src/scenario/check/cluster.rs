//! Brokers, topics and the network.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{BROKERS_MAX, Checker, PARTITIONS_MAX};
use crate::engine::{SimDuration, SimTime};
use crate::protocol::config::BrokerConfig;
use crate::protocol::{BrokerId, TopicName};
use crate::scenario::checked::{Arrivals, Cluster, Network, Topic};
use crate::scenario::file::{ArrivalsEntry, ClusterEntry, GrowsEntry, NetworkEntry, Span, TopicEntry};
use crate::scenario::text::Place;

/// Most records per second of one topic.
const RATE_MAX: f64 = 1e7;
/// Most records in one partition at the start.
const BACKLOG_MAX: u64 = 1_000_000_000_000;

impl Checker<'_> {
    pub(super) fn cluster(&mut self, place: &Place<'_>, entry: &ClusterEntry) -> Cluster {
        if entry.brokers == 0 || entry.brokers > BROKERS_MAX {
            self.problem(
                &place.key("brokers"),
                format!("{} brokers", entry.brokers),
                format!("it takes 1 to {BROKERS_MAX}"),
            );
        }
        let config = self.broker_config(place, entry);
        Cluster {
            brokers: entry.brokers,
            racks: self.racks(&place.key("racks"), entry),
            config,
            topics: self.topics(&place.key("topics"), entry),
            append_latency: self.distribution(&place.key("append_latency"), &entry.append_latency),
            request_time: self.distribution(&place.key("request_time"), &entry.request_time),
            leadership_time: self.distribution(&place.key("leadership_time"), &entry.leadership_time),
            load_time_per_record: entry.load_time_per_record.0,
            offsets_log_records: entry.offsets_log_records,
        }
    }

    /// One rack per broker, or none at all.
    fn racks(&mut self, place: &Place<'_>, entry: &ClusterEntry) -> Vec<Option<Arc<str>>> {
        if !entry.racks.is_empty() && entry.racks.len() != entry.brokers as usize {
            let message = format!("{} racks for {} brokers", entry.racks.len(), entry.brokers);
            self.problem(place, message, "give one for each broker, `null` for a broker without a rack");
        }
        for (index, _) in entry.racks.iter().enumerate().filter(|(_, rack)| rack.as_deref() == Some("")) {
            self.problem(&place.index(index), "a rack without a name", "write `null` for a broker without a rack");
        }
        entry.racks.iter().map(|rack| rack.as_deref().map(Arc::from)).collect()
    }

    /// Brokers that exist, each once in a partition.
    fn replicas(&mut self, place: &Place<'_>, entry: &TopicEntry, brokers: u32) -> Vec<Vec<BrokerId>> {
        let partitions = entry.grows.last().map_or(entry.partitions, |grows| grows.partitions);
        if entry.replicas.len() > partitions as usize {
            let message = format!("replicas of {} partitions, the topic has {partitions}", entry.replicas.len());
            self.problem(place, message, "give one list for each partition, or fewer: the others have the default");
        }
        for (index, list) in entry.replicas.iter().enumerate() {
            let place = place.index(index);
            if list.is_empty() {
                self.problem(&place, "a partition without replicas", "name at least one broker");
            }
            if let Some(broker) = list.iter().find(|broker| **broker >= brokers) {
                let help = format!("brokers are numbered 0 to {}", brokers.saturating_sub(1));
                self.problem(&place, format!("there is no broker {broker}"), help);
            }
            if list.iter().collect::<BTreeSet<_>>().len() < list.len() {
                self.problem(&place, "a broker with two replicas of one partition", "name each broker once");
            }
        }
        entry.replicas.iter().map(|list| list.iter().map(|broker| BrokerId(*broker)).collect()).collect()
    }

    fn broker_config(&mut self, place: &Place<'_>, entry: &ClusterEntry) -> BrokerConfig {
        let mut layers = self.file_layer(&place.key("properties_file"), entry.properties_file.as_deref());
        layers.extend(self.inline_layer(&place.key("properties"), &entry.properties));
        let mut config = BrokerConfig::default();
        for setting in layers.settings() {
            let taken = config.set(&setting.name, &setting.value);
            self.take(setting, taken);
        }
        self.replication(place, entry.brokers, &mut config, layers.given("offsets.topic.replication.factor"));
        if config.group_min_session_timeout_ms > config.group_max_session_timeout_ms {
            let text = "group.min.session.timeout.ms is above group.max.session.timeout.ms: no consumer can join";
            self.note(place.key("properties"), text);
        }
        config
    }

    /// `__consumer_offsets` needs as many brokers as it has replicas.
    fn replication(
        &mut self,
        place: &Place<'_>,
        brokers: u32,
        config: &mut BrokerConfig,
        given: Option<&super::settings::Setting>,
    ) {
        let wanted = config.offsets_topic_replication_factor;
        if wanted <= brokers {
            return;
        }
        let name = "offsets.topic.replication.factor";
        match given {
            Some(setting) => {
                let message = format!(
                    "`{name}` asks for {wanted} replicas of __consumer_offsets, the cluster has {brokers} brokers"
                );
                let refusal =
                    crate::protocol::config::Refusal::new(message).help("a real broker would never create it");
                self.refuse(setting.text, setting.span.clone(), refusal);
            }
            None => {
                config.offsets_topic_replication_factor = brokers;
                let text = format!("{brokers} is used: Kafka's default of {wanted} needs as many brokers");
                self.note(place.key("properties").key(name), text);
            }
        }
    }

    fn topics(&mut self, place: &Place<'_>, cluster: &ClusterEntry) -> Vec<Topic> {
        let entries = &cluster.topics;
        if entries.is_empty() {
            self.problem(place, "a cluster needs a topic", "write { \"name\": \"orders\", \"partitions\": 12 }");
        }
        let mut names = BTreeSet::new();
        let mut partitions: u64 = 0;
        let mut topics = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            let place = place.index(index);
            self.plain_name(&place.key("name"), "topic name", &entry.name, 249);
            if !names.insert(entry.name.as_str()) {
                self.problem(
                    &place.key("name"),
                    format!("there are two topics `{}`", entry.name),
                    "give each its own name",
                );
            }
            partitions += u64::from(entry.grows.last().map_or(entry.partitions, |grows| grows.partitions));
            topics.push(self.topic(&place, entry, cluster.brokers));
        }
        if partitions > u64::from(PARTITIONS_MAX) {
            self.problem(
                place,
                format!("the topics have {partitions} partitions"),
                format!("a scenario takes {PARTITIONS_MAX}"),
            );
        }
        topics
    }

    fn topic(&mut self, place: &Place<'_>, entry: &TopicEntry, brokers: u32) -> Topic {
        if entry.partitions == 0 || entry.partitions > PARTITIONS_MAX {
            let help = format!("it takes 1 to {PARTITIONS_MAX}");
            self.problem(&place.key("partitions"), format!("a topic of {} partitions", entry.partitions), help);
        }
        if entry.backlog_per_partition > BACKLOG_MAX {
            let help = format!("it takes up to {BACKLOG_MAX}");
            self.problem(&place.key("backlog_per_partition"), format!("{} records", entry.backlog_per_partition), help);
        }
        if entry.record_bytes == 0 {
            self.problem(&place.key("record_bytes"), "records of 0 bytes", "it takes 1 or more");
        }
        let created_at = entry.created_at.unwrap_or_default();
        self.before_the_end(&place.key("created_at"), created_at);
        Topic {
            name: TopicName::from(entry.name.as_str()),
            partitions: entry.partitions,
            replicas: self.replicas(&place.key("replicas"), entry, brokers),
            arrivals: self.arrivals(&place.key("arrivals"), &entry.arrivals),
            backlog_per_partition: entry.backlog_per_partition,
            record_bytes: entry.record_bytes,
            created_at: SimTime(created_at.0.0),
            grows: self.grows(&place.key("grows"), entry, created_at),
        }
    }

    fn grows(&mut self, place: &Place<'_>, entry: &TopicEntry, created_at: Span) -> Vec<(SimTime, u32)> {
        let mut last = GrowsEntry { at: created_at, partitions: entry.partitions };
        let mut grows = Vec::new();
        for (index, step) in entry.grows.iter().enumerate() {
            let place = place.index(index);
            self.before_the_end(&place.key("at"), step.at);
            if step.at <= last.at && step.at != Span::default() {
                self.problem(
                    &place.key("at"),
                    format!("{} is not after {}", step.at, last.at),
                    "write them in time order",
                );
            }
            if step.partitions <= last.partitions {
                let message = format!("the topic has {} partitions already", last.partitions);
                self.problem(&place.key("partitions"), message, "the number of partitions only grows");
            }
            grows.push((SimTime(step.at.0.0), step.partitions));
            last = step.clone();
        }
        grows
    }

    fn arrivals(&mut self, place: &Place<'_>, entry: &ArrivalsEntry) -> Arrivals {
        match entry {
            ArrivalsEntry::None => Arrivals::None,
            ArrivalsEntry::PerSecond(per_second) => {
                self.within(&place.key("per_second"), *per_second, 0.0, RATE_MAX);
                Arrivals::Constant { per_second: *per_second }
            }
            ArrivalsEntry::Poisson { per_second } => {
                self.within(&place.key("poisson").key("per_second"), *per_second, 0.0, RATE_MAX);
                Arrivals::Poisson { per_second: *per_second }
            }
            ArrivalsEntry::Bursts { base_per_second, per_second, every, length } => {
                let place = place.key("bursts");
                self.within(&place.key("base_per_second"), *base_per_second, 0.0, RATE_MAX);
                self.within(&place.key("per_second"), *per_second, 0.0, RATE_MAX);
                if every.0 < SimDuration::from_millis(1) || length.0 == SimDuration::ZERO || length > every {
                    let message = format!("bursts of {length} every {every}");
                    self.problem(
                        &place.key("length"),
                        message,
                        "a burst is shorter than its period, which is 1ms or more",
                    );
                }
                Arrivals::Bursts {
                    base_per_second: *base_per_second,
                    per_second: *per_second,
                    every: every.0,
                    length: length.0,
                }
            }
            ArrivalsEntry::Table(rates) => {
                let place = place.key("table");
                let times: Vec<Span> = rates.iter().map(|rate| rate.at).collect();
                self.in_time_order(&place, &times);
                for (index, rate) in rates.iter().enumerate() {
                    self.within(&place.index(index).key("per_second"), rate.per_second, 0.0, RATE_MAX);
                }
                Arrivals::Table { steps: rates.iter().map(|rate| (SimTime(rate.at.0.0), rate.per_second)).collect() }
            }
        }
    }

    pub(super) fn network(&mut self, place: &Place<'_>, entry: &NetworkEntry) -> Network {
        self.within(&place.key("loss"), entry.loss, 0.0, 0.99);
        if entry.rto.0 < SimDuration::from_millis(1) {
            self.problem(
                &place.key("rto"),
                format!("a retransmission timeout of {}", entry.rto),
                "it takes 1ms or more",
            );
        }
        Network {
            latency: self.distribution(&place.key("latency"), &entry.latency),
            loss: entry.loss,
            rto: entry.rto.0,
        }
    }

    /// An instant that must lie before the end of the run.
    pub(super) fn before_the_end(&mut self, place: &Place<'_>, at: Span) {
        if at.0 >= self.duration && at != Span::default() {
            self.problem(place, format!("{at} is after the end"), format!("the run lasts {}", Span(self.duration)));
        }
    }

    /// The `at` of a list's items: rising, before the end.
    pub(super) fn in_time_order(&mut self, place: &Place<'_>, times: &[Span]) {
        for (index, at) in times.iter().enumerate() {
            let item = place.index(index);
            self.before_the_end(&item.key("at"), *at);
            if index > 0 && *at <= times[index - 1] {
                let message = format!("{at} is not after {}", times[index - 1]);
                self.problem(&item.key("at"), message, "write them in time order");
            }
        }
    }
}
