//! The digest of a run: xxh3 (64 bits) over the canonical bytes of every event, in order; and one digest per group over
//! the group's own events, which adding an unrelated group does not change.
//!
//! Canonical bytes of an event (all numbers little-endian):
//!
//! | bytes | meaning |
//! |---|---|
//! | 8 | time, nanoseconds since the start of the run |
//! | 8 | whom it is about: xxh3 of the consumer's name; the broker's id; all ones for neither |
//! | 1 | number of the event ([`kind`](super::fields::kind)) |
//! | … | its fields in order: number 8, flag 1, word 2 (its number), text 4 (length) + bytes, optional text 1 (0: missing, 1: present) + text, list 4 (length) + entries; a partition is its topic's text and 4 bytes of number |
//!
//! No index of a consumer, partition or fault is among them: those would shift when something unrelated is added.

use std::collections::BTreeMap;
use std::sync::Arc;

use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use crate::client::RecordBatch;
use crate::protocol::message::CommittedOffsets;
use crate::protocol::{GroupId, TopicName, TopicPartition};
use crate::trace::event::{Directory, Event, Observer, TraceEvent};
use crate::trace::fields::{self, Entity, FieldSink};

/// Bytes gathered before they are hashed: hashing in larger pieces costs less than event by event.
const CHUNK_BYTES: usize = 8 * 1024;
/// Topics whose canonical bytes fit into this are written without looking at their length.
const SHORT_BYTES: usize = 32;

/// Folds events into digests.
pub struct Digest {
    bytes: CanonicalBytes,
    /// By group: its place in [`CanonicalBytes::groups`], in the order of first appearance in the directory.
    groups: Vec<GroupId>,
    /// Group (index into `groups`) and hash of the name, by consumer.
    consumers: Vec<(usize, u64)>,
    events: u64,
}

/// Writes fields as canonical bytes, which the hashes take when there are enough of them.
///
/// The bytes of an event are written once, though two hashes take them: events of one group that follow each other are
/// a stretch of the gathered bytes, which that group's hash takes in one piece.
struct CanonicalBytes {
    /// Bytes that no hash has taken yet, up to `length`.
    gathered: Box<[u8; CHUNK_BYTES]>,
    length: usize,
    /// Whose own events the last bytes are, index into `groups`.
    stretch: Option<usize>,
    /// Where those bytes begin.
    stretch_from: usize,
    all: Box<Xxh3>,
    groups: Vec<Xxh3>,
    topic: TopicBytes,
}

/// The canonical bytes of the topic of the last partition: the same one comes again and again.
struct TopicBytes {
    name: TopicName,
    bytes: [u8; SHORT_BYTES],
    /// How many of them; `None` if there is no room for them.
    length: Option<usize>,
}

impl Digest {
    /// A digest of nothing yet.
    pub fn new(directory: &Directory) -> Self {
        let mut groups: Vec<GroupId> = Vec::new();
        let mut consumers = Vec::with_capacity(directory.consumers.len());
        for consumer in &directory.consumers {
            let known = groups.iter().position(|id| *id == consumer.group);
            let group = known.unwrap_or_else(|| {
                groups.push(consumer.group.clone());
                groups.len() - 1
            });
            consumers.push((group, xxh3_64(consumer.name.as_bytes())));
        }
        Digest { bytes: CanonicalBytes::new(groups.len()), groups, consumers, events: 0 }
    }

    /// The digest over all events so far.
    pub fn value(&self) -> u64 {
        self.bytes.value()
    }

    /// The digests over each group's own events so far.
    pub fn group_values(&self) -> BTreeMap<GroupId, u64> {
        self.groups.iter().enumerate().map(|(group, id)| (id.clone(), self.bytes.group_value(group))).collect()
    }

    /// Number of events so far.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// The digest as people see it: 16 hexadecimal digits.
    pub fn text(value: u64) -> String {
        format!("{value:016x}")
    }

    /// The group whose own event this is, and the number of whom it is about.
    fn about(&self, directory: &Directory, event: &Event) -> (Option<usize>, u64) {
        match fields::entity(event) {
            Entity::Consumer(consumer) => {
                let (group, name) = self.consumers[consumer.0 as usize];
                (Some(group), name)
            }
            Entity::Broker(broker) => {
                let group = match event {
                    Event::Coordinator { event, .. } => fields::group_of(event),
                    _ => None,
                };
                let place = group.and_then(|group| self.groups.iter().position(|id| same_text(&id.0, &group.0)));
                (place, u64::from(broker.0))
            }
            Entity::World => (self.group_hit(directory, event), u64::MAX),
        }
    }

    /// The group of the consumer that a fault hits.
    #[inline(never)]
    fn group_hit(&self, directory: &Directory, event: &Event) -> Option<usize> {
        let (Event::FaultBegan { target, .. } | Event::FaultEnded { target, .. }) = event else { return None };
        let consumer = directory.consumers.iter().position(|c| c.name == *target)?;
        Some(self.consumers[consumer].0)
    }
}

impl Observer for Digest {
    fn event(&mut self, directory: &Directory, event: &TraceEvent) {
        self.events += 1;
        let (group, about) = self.about(directory, &event.event);
        self.bytes.begin(group);
        let mut head = [0; 17];
        head[..8].copy_from_slice(&event.at.0.to_le_bytes());
        head[8..16].copy_from_slice(&about.to_le_bytes());
        head[16] = fields::kind(&event.event).0;
        self.bytes.put(head);
        fields::fields(directory, &event.event, &mut self.bytes);
    }
}

/// What `hash` comes to with these bytes at its end.
fn digest_with(hash: &Xxh3, pending: &[u8]) -> u64 {
    let mut hash = hash.clone();
    hash.update(pending);
    hash.digest()
}

impl CanonicalBytes {
    fn new(groups: usize) -> Self {
        CanonicalBytes {
            gathered: Box::new([0; CHUNK_BYTES]),
            length: 0,
            stretch: None,
            stretch_from: 0,
            all: Box::new(Xxh3::new()),
            groups: vec![Xxh3::new(); groups],
            topic: TopicBytes::of(&TopicName::default()),
        }
    }

    fn value(&self) -> u64 {
        digest_with(&self.all, &self.gathered[..self.length])
    }

    fn group_value(&self, group: usize) -> u64 {
        let from = if self.stretch == Some(group) { self.stretch_from } else { self.length };
        digest_with(&self.groups[group], &self.gathered[from..self.length])
    }

    /// What follows is an event of this group.
    #[inline]
    fn begin(&mut self, group: Option<usize>) {
        if group != self.stretch {
            self.end_stretch();
            self.stretch = group;
        }
    }

    fn end_stretch(&mut self) {
        if let Some(group) = self.stretch {
            self.groups[group].update(&self.gathered[self.stretch_from..self.length]);
        }
        self.stretch_from = self.length;
    }

    #[cold]
    #[inline(never)]
    fn hand_over(&mut self) {
        self.end_stretch();
        self.all.update(&self.gathered[..self.length]);
        (self.length, self.stretch_from) = (0, 0);
    }

    /// Writes a few bytes.
    #[inline]
    fn put<const N: usize>(&mut self, bytes: [u8; N]) {
        self.make_room(N);
        self.gathered[self.length..self.length + N].copy_from_slice(&bytes);
        self.length += N;
    }

    #[inline]
    fn make_room(&mut self, length: usize) {
        if self.length > CHUNK_BYTES - length {
            self.hand_over();
        }
    }

    fn put_all(&mut self, bytes: &[u8]) {
        match self.gathered[self.length..].get_mut(..bytes.len()) {
            Some(place) => {
                place.copy_from_slice(bytes);
                self.length += bytes.len();
            }
            None => self.put_in_chunks(bytes),
        }
    }

    #[cold]
    #[inline(never)]
    fn put_in_chunks(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(CHUNK_BYTES) {
            self.hand_over();
            self.gathered[..chunk.len()].copy_from_slice(chunk);
            self.length = chunk.len();
        }
    }

    #[inline]
    fn put_length(&mut self, length: usize) {
        self.put((length as u32).to_le_bytes());
    }

    fn put_text(&mut self, text: &str) {
        self.put_length(text.len());
        self.put_all(text.as_bytes());
    }

    /// Writes a topic and the bytes that follow it: number of the partition and what else is told of it.
    #[inline]
    fn put_partition<const N: usize>(&mut self, topic: &TopicName, rest: [u8; N]) {
        if !Arc::ptr_eq(&self.topic.name.0, &topic.0) {
            self.topic_changes(topic);
        }
        match self.topic.length {
            // What follows overwrites what of these bytes is beyond the topic.
            Some(length) => {
                self.make_room(SHORT_BYTES + N);
                let place = &mut self.gathered[self.length..self.length + SHORT_BYTES + N];
                place[..SHORT_BYTES].copy_from_slice(&self.topic.bytes);
                place[length..length + N].copy_from_slice(&rest);
                self.length += length + N;
            }
            None => {
                self.put_text(topic.as_str());
                self.put(rest);
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn topic_changes(&mut self, topic: &TopicName) {
        self.topic = TopicBytes::of(topic);
    }
}

impl TopicBytes {
    fn of(topic: &TopicName) -> Self {
        let text = topic.as_str().as_bytes();
        let mut bytes = [0; SHORT_BYTES];
        bytes[..4].copy_from_slice(&(text.len() as u32).to_le_bytes());
        let place = bytes[4..].get_mut(..text.len());
        let length = place.map(|place| {
            place.copy_from_slice(text);
            4 + text.len()
        });
        TopicBytes { name: topic.clone(), bytes, length }
    }
}

impl FieldSink for CanonicalBytes {
    #[inline]
    fn number(&mut self, _name: &'static str, value: i64) {
        self.put(value.to_le_bytes());
    }

    #[inline]
    fn flag(&mut self, _name: &'static str, value: bool) {
        self.put([u8::from(value)]);
    }

    #[inline]
    fn word(&mut self, _name: &'static str, number: i16, _word: &'static str) {
        self.put(number.to_le_bytes());
    }

    fn text(&mut self, _name: &'static str, value: &str) {
        self.put_text(value);
    }

    fn optional_text(&mut self, _name: &'static str, value: Option<&str>) {
        self.put([u8::from(value.is_some())]);
        if let Some(text) = value {
            self.put_text(text);
        }
    }

    fn texts<'a>(&mut self, _name: &'static str, values: impl ExactSizeIterator<Item = &'a str>) {
        self.put_length(values.len());
        values.for_each(|value| self.put_text(value));
    }

    fn partitions(&mut self, _name: &'static str, value: &[TopicPartition]) {
        self.put_length(value.len());
        for partition in value {
            self.put_partition(&partition.topic, partition.partition.to_le_bytes());
        }
    }

    fn offsets(&mut self, _name: &'static str, value: &CommittedOffsets) {
        self.put_length(value.len());
        for (partition, offset) in value.iter() {
            let mut rest = [0; 12];
            rest[..4].copy_from_slice(&partition.partition.to_le_bytes());
            rest[4..].copy_from_slice(&offset.to_le_bytes());
            self.put_partition(&partition.topic, rest);
        }
    }

    fn batches(&mut self, _name: &'static str, value: &[RecordBatch]) {
        self.put_length(value.len());
        for batch in value {
            let mut rest = [0; 16];
            rest[..4].copy_from_slice(&batch.partition.partition.to_le_bytes());
            rest[4..12].copy_from_slice(&batch.from.to_le_bytes());
            rest[12..].copy_from_slice(&batch.count.to_le_bytes());
            self.put_partition(&batch.partition.topic, rest);
        }
    }
}

/// True for equal texts; texts shared by reference are seen to be equal without reading them.
fn same_text(a: &Arc<str>, b: &Arc<str>) -> bool {
    Arc::ptr_eq(a, b) || a == b
}
