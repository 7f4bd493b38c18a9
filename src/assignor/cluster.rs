//! What a leader's metadata say about topics.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::protocol::TopicName;
use crate::protocol::message::Listing;

/// A topic in the leader's metadata.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TopicMetadata {
    /// How many partitions it has; their numbers run from 0.
    pub partitions: u32,
    /// Per partition the racks of its replicas, in replica order, `None` for a replica on a broker without a rack. Empty
    /// if no broker has one.
    pub racks: Vec<Vec<Option<Arc<str>>>>,
    /// In which order the Metadata response listed them.
    pub listing: Listing,
}

/// The topics that exist as far as the leader knows (`Cluster`).
///
/// ```
/// let cluster = rebalab::assignor::Cluster::from_iter([("orders".into(), 12), ("returns".into(), 3)]);
/// assert_eq!(cluster.topic("orders").unwrap().partitions, 12);
/// assert!(cluster.topic("refunds").is_none());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Cluster {
    topics: FxHashMap<TopicName, TopicMetadata>,
}

impl Cluster {
    /// Adds a topic, or replaces what was known of it.
    pub fn insert(&mut self, name: TopicName, metadata: TopicMetadata) {
        self.topics.insert(name, metadata);
    }

    /// A topic by its name.
    pub fn topic(&self, name: &str) -> Option<&TopicMetadata> {
        self.topics.get(name)
    }
}

/// Topics without racks, by name and number of partitions.
impl FromIterator<(TopicName, u32)> for Cluster {
    fn from_iter<I: IntoIterator<Item = (TopicName, u32)>>(topics: I) -> Self {
        let metadata = |partitions| TopicMetadata { partitions, ..TopicMetadata::default() };
        Cluster { topics: topics.into_iter().map(|(name, partitions)| (name, metadata(partitions))).collect() }
    }
}
