//! What a consumer writes into JoinGroup and what a leader writes into SyncGroup: the bytes of
//! `ConsumerProtocolSubscription` and `ConsumerProtocolAssignment` (versions 0 to 3), and the user data of the sticky
//! assignors.
//!
//! To the coordinator these bytes are opaque but for the topics ([`subscribed_topics`]). Sources: Kafka's
//! `ConsumerProtocol`, `StickyAssignor`, `CooperativeStickyAssignor`; spec `assignors.md` 0.3 and 3.1.

use std::sync::Arc;

use super::java_hash::JavaHashMap;
use super::wire::{Reader, WireError, Writer};
use super::{Bytes, Generation, TopicName, TopicPartition};

/// The newest version of both formats: what a 4.1 client sends.
pub const HIGHEST_VERSION: i16 = 3;

/// Partitions of one topic, as they stand on the wire.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TopicPartitions {
    /// The topic.
    pub topic: TopicName,
    /// Partition numbers, in the order of the wire.
    pub partitions: Vec<i32>,
}

impl TopicPartitions {
    /// Groups partitions by topic, topics in the order of their first occurrence.
    pub fn group<'a>(partitions: impl IntoIterator<Item = &'a TopicPartition>) -> Vec<TopicPartitions> {
        let mut groups: indexmap::IndexMap<&TopicName, Vec<i32>, rustc_hash::FxBuildHasher> =
            indexmap::IndexMap::default();
        for partition in partitions {
            // As a rule the topic is that of the partition before.
            match groups.last_mut() {
                Some((topic, numbers)) if **topic == partition.topic => numbers.push(partition.partition),
                _ => groups.entry(&partition.topic).or_default().push(partition.partition),
            }
        }
        groups.into_iter().map(|(topic, partitions)| TopicPartitions { topic: *topic, partitions }).collect()
    }

    /// The partitions one by one.
    pub fn flatten(groups: &[TopicPartitions]) -> impl Iterator<Item = TopicPartition> + '_ {
        groups
            .iter()
            .flat_map(|group| group.partitions.iter().map(|partition| TopicPartition::new(group.topic, *partition)))
    }

    fn read(reader: &mut Reader<'_>) -> Result<TopicPartitions, WireError> {
        let topic = TopicName::from(&*reader.string()?);
        Ok(TopicPartitions { topic, partitions: reader.array(Reader::int32)? })
    }

    /// How many bytes [`TopicPartitions::write`] writes.
    fn size(groups: &[TopicPartitions]) -> usize {
        let each = groups.iter().map(|group| 2 + group.topic.as_str().len() + 4 + 4 * group.partitions.len());
        4 + each.sum::<usize>()
    }

    fn write(writer: &mut Writer, groups: &[TopicPartitions]) {
        writer.count(groups.len());
        for group in groups {
            writer.string(group.topic.as_str());
            writer.count(group.partitions.len());
            for partition in &group.partitions {
                writer.int32(*partition);
            }
        }
    }
}

/// Bytes that are no subscription or assignment.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DecodeError {
    /// A negative version, or bytes that end inside an integer. The coordinator takes this as «topics unknown».
    #[error("org.apache.kafka.common.protocol.types.SchemaException: {0}")]
    Schema(String),
    /// A length that cannot be. Not caught by Kafka's coordinator.
    #[error("java.lang.RuntimeException: {0}")]
    Runtime(String),
}

impl DecodeError {
    /// The Java exception's class.
    pub fn class(&self) -> &'static str {
        match self {
            DecodeError::Schema(_) => "org.apache.kafka.common.protocol.types.SchemaException",
            DecodeError::Runtime(_) => "java.lang.RuntimeException",
        }
    }

    fn of(error: WireError, part: &str) -> Self {
        match error {
            WireError::Underflow => {
                DecodeError::Schema(format!("Buffer underflow while parsing consumer protocol's {part}"))
            }
            WireError::Null => DecodeError::Runtime(format!("null in the consumer protocol's {part}")),
            WireError::TooLong => {
                DecodeError::Runtime(format!("a length beyond the end of the consumer protocol's {part}"))
            }
        }
    }
}

/// Reads the version in front of the bytes; newer versions than known are read as the newest known.
fn read_version(reader: &mut Reader<'_>, part: &str) -> Result<i16, DecodeError> {
    let version = reader.int16().map_err(|error| DecodeError::of(error, "header"))?;
    if version < 0 {
        return Err(DecodeError::Schema(format!("Unsupported {part} version: {version}")));
    }
    Ok(version.min(HIGHEST_VERSION))
}

/// A member's subscription (`ConsumerProtocolSubscription`).
///
/// ```
/// use rebalab::protocol::subscription::{ConsumerProtocolSubscription, HIGHEST_VERSION};
///
/// let subscription = ConsumerProtocolSubscription { topics: vec!["orders".into()], ..Default::default() };
/// let bytes = subscription.encode(HIGHEST_VERSION);
/// assert_eq!(ConsumerProtocolSubscription::decode(&bytes).unwrap(), subscription);
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConsumerProtocolSubscription {
    /// Subscribed topics (a pattern is resolved by the client before).
    pub topics: Vec<TopicName>,
    /// The assignor's own bytes; `None` for null.
    pub user_data: Option<Bytes>,
    /// What the member holds, since version 1. Empty for eager members: they revoke before they join.
    pub owned_partitions: Vec<TopicPartitions>,
    /// The generation in which the member got its assignment, since version 2; [`Generation::NONE`] for none.
    pub generation: Generation,
    /// `client.rack`, since version 3; `None` for none or empty.
    pub rack: Option<Arc<str>>,
}

impl Default for ConsumerProtocolSubscription {
    fn default() -> Self {
        ConsumerProtocolSubscription {
            topics: Vec::new(),
            user_data: None,
            owned_partitions: Vec::new(),
            generation: Generation::NONE,
            rack: None,
        }
    }
}

impl ConsumerProtocolSubscription {
    /// The bytes of a version, as `ConsumerProtocol.serializeSubscription` writes them: topics and owned partitions
    /// sorted. Fields that the version does not have are left out. A version above the highest is taken as the highest.
    ///
    /// # Panics
    /// If the version is negative.
    pub fn encode(&self, version: i16) -> Bytes {
        assert!(version >= 0, "Unsupported subscription version: {version}");
        let version = version.min(HIGHEST_VERSION);
        let mut writer = Writer::with_capacity(self.size());
        writer.int16(version);
        writer.count(self.topics.len());
        if self.topics.is_sorted() {
            self.topics.iter().for_each(|topic| writer.string(topic.as_str()));
        } else {
            let mut topics: Vec<&TopicName> = self.topics.iter().collect();
            topics.sort_unstable();
            topics.into_iter().for_each(|topic| writer.string(topic.as_str()));
        }
        writer.nullable_bytes(self.user_data.as_deref());
        if version >= 1 {
            let mut owned: Vec<TopicPartition> = TopicPartitions::flatten(&self.owned_partitions).collect();
            owned.sort_unstable();
            TopicPartitions::write(&mut writer, &TopicPartitions::group(&owned));
        }
        if version >= 2 {
            writer.int32(self.generation.0);
        }
        if version >= 3 {
            writer.nullable_string(self.rack.as_deref());
        }
        writer.into_bytes()
    }

    /// How many bytes the highest version has, at least where topics of owned partitions are not listed twice.
    fn size(&self) -> usize {
        let topics: usize = self.topics.iter().map(|topic| 2 + topic.as_str().len()).sum();
        let optional =
            self.user_data.as_ref().map_or(0, |data| data.len()) + self.rack.as_ref().map_or(0, |it| it.len());
        2 + 4 + topics + 4 + TopicPartitions::size(&self.owned_partitions) + 4 + 2 + optional
    }

    /// Reads the bytes of any version (`ConsumerProtocol.deserializeSubscription`).
    ///
    /// # Errors
    /// As Kafka's exceptions: see [`DecodeError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let version = read_version(&mut reader, "subscription")?;
        Self::read(&mut reader, version).map_err(|error| DecodeError::of(error, "subscription"))
    }

    fn read(reader: &mut Reader<'_>, version: i16) -> Result<Self, WireError> {
        let topics = reader.array(|reader| Ok(TopicName::from(&*reader.string()?)))?;
        let mut subscription =
            ConsumerProtocolSubscription { topics, user_data: reader.nullable_bytes()?, ..Default::default() };
        if version >= 1 {
            subscription.owned_partitions = reader.array(TopicPartitions::read)?;
        }
        if version >= 2 {
            subscription.generation = Generation(reader.int32()?.max(Generation::NONE.0));
        }
        if version >= 3 {
            subscription.rack = reader.nullable_string()?.filter(|rack| !rack.is_empty()).map(Arc::from);
        }
        Ok(subscription)
    }
}

/// The topics of a subscription, as the coordinator reads them: every version begins like version 0.
///
/// # Errors
/// [`DecodeError::Schema`] is what the coordinator catches (the group's topics are unknown then).
pub fn subscribed_topics(subscription: &[u8]) -> Result<Vec<TopicName>, DecodeError> {
    let mut reader = Reader::new(subscription);
    reader.int16().map_err(|error| DecodeError::of(error, "header"))?;
    ConsumerProtocolSubscription::read(&mut reader, 0)
        .map(|subscription| subscription.topics)
        .map_err(|error| DecodeError::of(error, "subscription"))
}

/// A member's assignment (`ConsumerProtocolAssignment`).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ConsumerProtocolAssignment {
    /// The partitions, topics in the order in which the assignor first named them.
    pub partitions: Vec<TopicPartitions>,
    /// The assignor's own bytes; the built-in ones send none.
    pub user_data: Option<Bytes>,
}

impl ConsumerProtocolAssignment {
    /// The bytes of a version, as `ConsumerProtocol.serializeAssignment` writes them. All versions are the same so far.
    ///
    /// # Panics
    /// If the version is negative.
    pub fn encode(&self, version: i16) -> Bytes {
        assert!(version >= 0, "Unsupported assignment version: {version}");
        let user_data = self.user_data.as_ref().map_or(0, |data| data.len());
        let mut writer = Writer::with_capacity(2 + TopicPartitions::size(&self.partitions) + 4 + user_data);
        writer.int16(version.min(HIGHEST_VERSION));
        TopicPartitions::write(&mut writer, &self.partitions);
        writer.nullable_bytes(self.user_data.as_deref());
        writer.into_bytes()
    }

    /// Reads the bytes of any version. A member that gets no bytes at all (SyncGroup of a group whose leader sent nothing
    /// for it) has to be told apart before.
    ///
    /// # Errors
    /// As Kafka's exceptions: see [`DecodeError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        read_version(&mut reader, "assignment")?;
        let mut read = || {
            let partitions = reader.array(TopicPartitions::read)?;
            Ok(ConsumerProtocolAssignment { partitions, user_data: reader.nullable_bytes()? })
        };
        read().map_err(|error| DecodeError::of(error, "assignment"))
    }
}

/// What the `sticky` assignor remembers of a member: its last assignment, sent as user data because an eager member has
/// given everything back when it joins.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct StickyUserData {
    /// The last assignment.
    pub previous_assignment: Vec<TopicPartitions>,
    /// Its generation; `None` from clients before 2.1, which send none.
    pub generation: Option<i32>,
}

impl StickyUserData {
    /// The bytes of version 1 (version 0, without a generation, if there is none). Topics come in the order of the
    /// `HashMap` that Kafka groups them in.
    pub fn encode(&self) -> Bytes {
        let mut by_topic: JavaHashMap<TopicName, TopicPartitions> = JavaHashMap::new();
        for group in &self.previous_assignment {
            match by_topic.get_mut(&group.topic) {
                Some(known) => known.partitions.extend_from_slice(&group.partitions),
                None => drop(by_topic.insert(group.topic, group.clone())),
            }
        }
        let groups: Vec<TopicPartitions> = by_topic.values().cloned().collect();
        let mut writer = Writer::with_capacity(TopicPartitions::size(&groups) + 4);
        TopicPartitions::write(&mut writer, &groups);
        if let Some(generation) = self.generation {
            writer.int32(generation);
        }
        writer.into_bytes()
    }

    /// Reads version 1, else version 0 (bytes behind what the version has are ignored); `None` if neither fits.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let previous_assignment = reader.array(TopicPartitions::read).ok()?;
        Some(StickyUserData { previous_assignment, generation: reader.int32().ok() })
    }
}

/// The user data of the `cooperative-sticky` assignor: the generation of the last assignment, -1 at first. Older clients
/// need it, whose subscription has no generation.
pub mod cooperative_user_data {
    use super::{Bytes, Reader, Writer};

    /// The four bytes of a generation.
    pub fn encode(generation: i32) -> Bytes {
        let mut writer = Writer::with_capacity(4);
        writer.int32(generation);
        writer.into_bytes()
    }

    /// The generation; `None` if the bytes are too few.
    pub fn decode(bytes: &[u8]) -> Option<i32> {
        Reader::new(bytes).int32().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subscription() -> ConsumerProtocolSubscription {
        ConsumerProtocolSubscription {
            topics: vec!["b".into(), "a".into()],
            user_data: Some(Arc::from([7u8].as_slice())),
            owned_partitions: vec![
                TopicPartitions { topic: "b".into(), partitions: vec![2, 0] },
                TopicPartitions { topic: "a".into(), partitions: vec![1] },
            ],
            generation: Generation(5),
            rack: Some("r".into()),
        }
    }

    #[test]
    fn a_subscription_is_written_sorted_and_version_by_version() {
        let version_0 = [0, 0, 0, 0, 0, 2, 0, 1, b'a', 0, 1, b'b', 0, 0, 0, 1, 7];
        assert_eq!(*subscription().encode(0), version_0);

        let owned = [0, 0, 0, 2, 0, 1, b'a', 0, 0, 0, 1, 0, 0, 0, 1, 0, 1, b'b', 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 2];
        let mut version_3 = version_0.to_vec();
        version_3[1] = 3;
        version_3.extend_from_slice(&owned);
        version_3.extend_from_slice(&[0, 0, 0, 5, 0, 1, b'r']);
        assert_eq!(*subscription().encode(3), *version_3);
        assert_eq!(*subscription().encode(9), *version_3);
    }

    #[test]
    fn old_versions_lose_what_they_cannot_carry() {
        let version_1 = ConsumerProtocolSubscription::decode(&subscription().encode(1)).unwrap();
        assert_eq!(version_1.generation, Generation::NONE);
        assert_eq!(version_1.rack, None);
        assert_eq!(version_1.owned_partitions.len(), 2);
        let version_0 = ConsumerProtocolSubscription::decode(&subscription().encode(0)).unwrap();
        assert!(version_0.owned_partitions.is_empty());
    }

    #[test]
    fn the_coordinator_reads_topics_of_every_version() {
        for version in 0..=HIGHEST_VERSION {
            let topics = subscribed_topics(&subscription().encode(version)).unwrap();
            assert_eq!(topics, ["a".into(), "b".into()]);
        }
    }

    #[test]
    fn damaged_bytes_are_told_apart_as_kafka_does() {
        let class = |bytes: &[u8]| ConsumerProtocolSubscription::decode(bytes).unwrap_err().class();
        let (schema, runtime) =
            ("org.apache.kafka.common.protocol.types.SchemaException", "java.lang.RuntimeException");
        assert_eq!(class(&[]), schema);
        assert_eq!(class(&[0xff, 0xff]), schema, "a negative version");
        assert_eq!(class(&[0, 3, 0, 0]), schema, "cut off inside an integer");
        assert_eq!(class(&[0, 3, 0xff, 0xff, 0xff, 0xff]), runtime, "null instead of an array");
        assert_eq!(class(&[0, 3, 0, 0, 0, 9]), runtime, "a count beyond the end");
    }

    #[test]
    fn an_assignment_survives_the_wire() {
        let assignment = ConsumerProtocolAssignment {
            partitions: vec![TopicPartitions { topic: "t".into(), partitions: vec![3, 1] }],
            user_data: None,
        };
        let bytes = assignment.encode(3);
        assert_eq!(*bytes, [0, 3, 0, 0, 0, 1, 0, 1, b't', 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff]);
        assert_eq!(ConsumerProtocolAssignment::decode(&bytes).unwrap(), assignment);
    }

    #[test]
    fn sticky_user_data_falls_back_to_the_version_without_generation() {
        let mut data = StickyUserData {
            previous_assignment: vec![TopicPartitions { topic: "t".into(), partitions: vec![1] }],
            generation: Some(4),
        };
        let bytes = data.encode();
        assert_eq!(StickyUserData::decode(&bytes), Some(data.clone()));
        data.generation = None;
        assert_eq!(StickyUserData::decode(&bytes[..bytes.len() - 1]), Some(data));
        assert_eq!(StickyUserData::decode(&bytes[..bytes.len() - 5]), None);
    }
}
