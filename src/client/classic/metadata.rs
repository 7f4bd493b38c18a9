//! Cluster metadata as the consumer caches it (`ConsumerMetadata`, `DefaultMetadataUpdater`): refreshes with back-off,
//! rebootstrap, and the snapshot of partition counts that tells a leader to rejoin (consumer-client.md 3.7).

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::client::{Jitter, Subscription};
use crate::engine::Millis;
use crate::protocol::config::ConsumerConfig;
use crate::protocol::message::{Listing, Request, Response, TopicMetadata};
use crate::protocol::{BrokerId, TopicName, TopicPartition};

use super::backoff::exponential_ms;
use super::consumer::{Consumer, Context};
use super::exception::Exception;
use super::nodes::LeastLoaded;
use super::tracked::Purpose;

/// What is known of the cluster, and when it is asked again.
#[derive(Debug)]
pub(super) struct Metadata {
    /// `updateVersion`: grows with each answer and each rebootstrap.
    pub version: u32,
    /// Brokers of the last answer; empty while only the bootstrap addresses are known.
    pub brokers: Vec<BrokerId>,
    topics: Vec<TopicMetadata>,
    /// In which order the last answer listed partitions.
    pub listing: Listing,
    requested: bool,
    in_progress: bool,
    /// Grows when topics are added to those that are asked for.
    wanted: u32,
    last_success: Option<Millis>,
    /// Not asked again before.
    allowed_at: Millis,
    /// When the next update is due, worked out from the above whenever something of it changes.
    due: Millis,
    /// No broker could be asked: next try then.
    node_retry_at: Millis,
    failures: u32,
    /// Answers in a row that brought nothing new.
    equivalent: u32,
    max_age_ms: i64,
    backoff_ms: i32,
    backoff_max_ms: i32,
}

impl Metadata {
    pub fn new(config: &ConsumerConfig) -> Self {
        Metadata {
            version: 0,
            brokers: Vec::new(),
            topics: Vec::new(),
            listing: Listing::Fresh,
            requested: true,
            in_progress: false,
            wanted: 0,
            last_success: None,
            allowed_at: Millis(0),
            due: Millis(0),
            node_retry_at: Millis(0),
            failures: 0,
            equivalent: 0,
            max_age_ms: i64::from(config.metadata_max_age_ms),
            backoff_ms: config.retry_backoff_ms,
            backoff_max_ms: config.retry_backoff_max_ms,
        }
    }

    /// Partitions of a topic; none if the topic is unknown.
    pub fn partition_count(&self, topic: &TopicName) -> u32 {
        self.topic(topic).map_or(0, |topic| topic.leaders.len() as u32)
    }

    /// Per partition the racks of its replicas; empty if no broker has one.
    pub fn racks(&self, topic: &TopicName) -> &[Vec<Option<Arc<str>>>] {
        self.topic(topic).map_or(&[], |topic| &topic.racks)
    }

    fn topic(&self, name: &TopicName) -> Option<&TopicMetadata> {
        let place = self.topics.binary_search_by(|topic| topic.name.cmp(name)).ok()?;
        Some(&self.topics[place])
    }

    /// Who leads a partition.
    pub fn leader(&self, partition: &TopicPartition) -> Option<BrokerId> {
        *self.topic(&partition.topic)?.leaders.get(usize::try_from(partition.partition).ok()?)?
    }

    /// Names of all known topics, sorted.
    pub fn topic_names(&self) -> impl Iterator<Item = &TopicName> {
        self.topics.iter().map(|topic| &topic.name)
    }

    /// `requestUpdate`: the version that has to be passed for the update to have come.
    pub fn request_update(&mut self) -> u32 {
        self.requested = true;
        self.plan();
        self.version
    }

    /// `requestUpdateForNewTopics`
    pub fn request_update_for_new_topics(&mut self) {
        self.wanted += 1;
        self.requested = true;
        self.plan();
    }

    /// An update is asked for or due by age (`ensureFreshMetadata`).
    pub fn is_stale(&self, now: Millis) -> bool {
        self.requested || self.due <= now
    }

    /// `timeToAllowUpdate` is zero.
    pub fn may_be_updated(&self, now: Millis) -> bool {
        now >= self.allowed_at
    }

    /// Works out anew when the next update is due.
    fn plan(&mut self) {
        let due = match self.last_success {
            Some(last) if !self.requested => last + self.max_age_ms,
            _ => Millis(0),
        };
        self.due = due.max(self.allowed_at);
    }

    /// A network pass tries to send a Metadata request.
    pub fn is_update_due(&self, now: Millis) -> bool {
        !self.in_progress && self.due <= now
    }

    /// When a network pass would send a Metadata request.
    pub fn next_attempt(&self) -> Millis {
        if self.in_progress { Millis(i64::MAX) } else { self.due.max(self.node_retry_at) }
    }

    /// `handleServerDisconnect`: the metadata may be stale.
    pub fn connection_lost(&mut self, now: Millis, random: &mut dyn Jitter) {
        if self.is_update_due(now) {
            self.failed(now, random);
        }
        self.requested = true;
        self.plan();
        self.node_retry_at = now;
    }

    /// No update before this time.
    pub fn hold_until(&mut self, until: Millis) {
        self.allowed_at = self.allowed_at.max(until);
        self.plan();
    }

    fn failed(&mut self, now: Millis, random: &mut dyn Jitter) {
        self.in_progress = false;
        self.failures += 1;
        self.back_off(now, random);
    }

    fn back_off(&mut self, now: Millis, random: &mut dyn Jitter) {
        let attempts = self.failures.saturating_sub(1).max(self.equivalent.saturating_sub(1));
        self.allowed_at = now + exponential_ms(self.backoff_ms, self.backoff_max_ms, attempts, random);
        self.plan();
    }

    fn updated(&mut self, answer: Answer, wanted: u32, missing: bool, now: Millis, random: &mut dyn Jitter) {
        self.in_progress = false;
        if answer.brokers.is_empty() {
            return self.failed(now, random);
        }
        self.version += 1;
        self.failures = 0;
        let same = self.topics == answer.topics;
        self.equivalent = if same { self.equivalent + 1 } else { 0 };
        self.brokers = answer.brokers;
        self.topics = answer.topics;
        // A topic that is unknown or has no leader asks for the next update by itself.
        let leaderless = self.topics.iter().any(|topic| topic.leaders.contains(&None));
        self.requested = wanted < self.wanted || missing || leaderless;
        self.last_success = Some(now);
        self.back_off(now, random);
    }

    /// `rebootstrap`: nothing is known but the bootstrap addresses.
    fn rebootstrap(&mut self) {
        if !self.brokers.is_empty() {
            self.brokers.clear();
            self.topics.clear();
            self.requested = true;
            self.plan();
            self.version += 1;
        }
    }
}

/// What a Metadata response brought, topics sorted by name.
struct Answer {
    brokers: Vec<BrokerId>,
    topics: Vec<TopicMetadata>,
}

/// Partitions of the topics that matter, as of a metadata version (`MetadataSnapshot`).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct MetadataSnapshot {
    pub version: u32,
    counts: Vec<(TopicName, u32)>,
    /// Per partition, topic by topic, in which racks its replicas are; only for a consumer with `client.rack`
    /// (`PartitionRackInfo`, KIP-881).
    racks: Vec<BTreeSet<Option<Arc<str>>>>,
}

impl MetadataSnapshot {
    /// Same partition counts, and replicas in the same racks.
    pub fn matches(&self, other: &MetadataSnapshot) -> bool {
        self.version == other.version || (self.counts == other.counts && self.racks == other.racks)
    }
}

fn racks(replicas: &[Option<Arc<str>>]) -> BTreeSet<Option<Arc<str>>> {
    replicas.iter().cloned().collect()
}

impl Consumer {
    /// `DefaultMetadataUpdater.maybeUpdate`
    #[inline]
    pub(super) fn update_metadata_if_due(&mut self, cx: &mut Context<'_>) {
        if self.metadata.is_update_due(cx.ms) {
            self.update_metadata(cx);
        }
    }

    #[inline(never)]
    fn update_metadata(&mut self, cx: &mut Context<'_>) {
        let mut node = self.least_loaded_node(cx);
        if node == LeastLoaded::None && self.settings.config.metadata_recovery_rebootstrap {
            self.metadata.rebootstrap();
            node = self.least_loaded_node(cx);
        }
        let retry = cx.ms + i64::from(self.settings.config.reconnect_backoff_ms.max(1));
        match node {
            LeastLoaded::Ready(connection) => {
                let topics = self.metadata_topics();
                let purpose = Purpose::Metadata { wanted: self.metadata.wanted };
                self.metadata.in_progress = true;
                self.send(connection, Request::Metadata { topics }, purpose, cx);
            }
            LeastLoaded::Connecting(_) => self.metadata.node_retry_at = retry,
            LeastLoaded::Connectable(connection) => {
                self.metadata.node_retry_at = retry;
                if !self.network.is_any_connecting() {
                    self.network.try_connect(connection, cx);
                }
            }
            LeastLoaded::None => self.metadata.node_retry_at = retry,
        }
    }

    /// What a Metadata request asks for: all topics for a pattern, else the group's (as leader) or the own ones.
    fn metadata_topics(&self) -> Option<Vec<TopicName>> {
        match &self.settings.subscription {
            Subscription::Prefix(_) => None,
            Subscription::Topics(_) => Some(self.watched_topics()),
        }
    }

    /// Topics whose partitions matter, in order: the own subscription, and for a leader what the rest of the group subscribes
    /// to. A pattern may have found topics since the group's subscription was put together
    /// (`SubscriptionState.metadataTopics`).
    fn watched_topics(&self) -> Vec<TopicName> {
        let topics: BTreeSet<&TopicName> = self.subscriptions.topics.iter().chain(&self.group_subscription).collect();
        topics.into_iter().cloned().collect()
    }

    pub(super) fn on_metadata(&mut self, wanted: u32, result: Result<Response, Exception>, cx: &mut Context<'_>) {
        let Ok(Response::Metadata { brokers, mut topics, listing }) = result else {
            return self.metadata.failed(cx.ms, cx.world);
        };
        topics.sort_by_key(|one| one.name);
        let known = |name: &TopicName| topics.binary_search_by(|topic| topic.name.cmp(name)).is_ok();
        let missing = match &self.settings.subscription {
            Subscription::Prefix(_) => false,
            Subscription::Topics(_) => !self.watched_topics().iter().all(known),
        };
        self.metadata.listing = listing;
        self.metadata.updated(Answer { brokers, topics }, wanted, missing, cx.ms, cx.world);
    }

    /// `maybeUpdateSubscriptionMetadata` (1.2 row 1)
    pub(super) fn update_subscription_metadata(&mut self) {
        if self.metadata.version <= self.metadata_snapshot.version {
            return;
        }
        if let Subscription::Prefix(prefix) = &self.settings.subscription {
            let names = self.metadata.topic_names().filter(|name| name.as_str().starts_with(prefix.as_str()));
            self.subscriptions.topics = names.cloned().collect();
        }
        let watched = self.watched_topics();
        let counts = watched.iter().map(|topic| (*topic, self.metadata.partition_count(topic))).collect();
        let racks = match self.settings.config.client_rack.is_empty() {
            true => Vec::new(),
            false => {
                watched.iter().flat_map(|topic| self.metadata.racks(topic)).map(|replicas| racks(replicas)).collect()
            }
        };
        self.metadata_snapshot = MetadataSnapshot { version: self.metadata.version, counts, racks };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_update_is_due_when_it_is_asked_for_but_not_while_it_is_held() {
        let mut metadata = Metadata::new(&ConsumerConfig::default());
        assert!(metadata.is_update_due(Millis(0)), "nothing is known yet");
        metadata.hold_until(Millis(500));
        assert!(!metadata.is_update_due(Millis(499)));
        assert_eq!(metadata.next_attempt(), Millis(500));
        metadata.request_update();
        assert_eq!(metadata.next_attempt(), Millis(500), "asking does not end the hold");
    }
}
