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

use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use crate::client::RecordBatch;
use crate::protocol::{GroupId, TopicPartition};
use crate::trace::event::{Directory, Event, Observer, TraceEvent};
use crate::trace::fields::{self, Entity, FieldSink};

/// Bytes gathered before they are hashed: hashing in larger pieces costs less than event by event.
const CHUNK_BYTES: usize = 8 * 1024;

/// Folds events into digests.
pub struct Digest {
    all: Stream,
    /// By group, in the order of first appearance in the directory.
    groups: Vec<(GroupId, Stream)>,
    /// Group (index into `groups`) and hash of the name, by consumer.
    consumers: Vec<(usize, u64)>,
    events: u64,
}

/// A digest under construction.
struct Stream {
    pending: Vec<u8>,
    hash: Box<Xxh3>,
}

impl Digest {
    /// A digest of nothing yet.
    pub fn new(directory: &Directory) -> Self {
        let mut groups: Vec<(GroupId, Stream)> = Vec::new();
        let mut consumers = Vec::with_capacity(directory.consumers.len());
        for consumer in &directory.consumers {
            let known = groups.iter().position(|(id, _)| *id == consumer.group);
            let group = known.unwrap_or_else(|| {
                groups.push((consumer.group.clone(), Stream::new()));
                groups.len() - 1
            });
            consumers.push((group, xxh3_64(consumer.name.as_bytes())));
        }
        Digest { all: Stream::new(), groups, consumers, events: 0 }
    }

    /// The digest over all events so far.
    pub fn value(&self) -> u64 {
        self.all.value()
    }

    /// The digests over each group's own events so far.
    pub fn group_values(&self) -> BTreeMap<GroupId, u64> {
        self.groups.iter().map(|(id, stream)| (id.clone(), stream.value())).collect()
    }

    /// Number of events so far.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// The digest as people see it: 16 hexadecimal digits.
    pub fn text(value: u64) -> String {
        format!("{value:016x}")
    }

    /// The group whose own event this is.
    fn group_of(&self, directory: &Directory, entity: Entity, event: &Event) -> Option<usize> {
        match entity {
            Entity::Consumer(consumer) => Some(self.consumers[consumer.0 as usize].0),
            Entity::Broker(_) => match event {
                Event::Coordinator { event, .. } => {
                    let group = fields::group_of(event)?;
                    self.groups.iter().position(|(id, _)| same_text(&id.0, &group.0))
                }
                _ => None,
            },
            Entity::World => match event {
                Event::FaultBegan { target, .. } | Event::FaultEnded { target, .. } => {
                    let consumer = directory.consumers.iter().position(|c| c.name == *target)?;
                    Some(self.consumers[consumer].0)
                }
                _ => None,
            },
        }
    }
}

impl Observer for Digest {
    fn event(&mut self, directory: &Directory, event: &TraceEvent) {
        self.events += 1;
        let entity = fields::entity(&event.event);
        let about = match entity {
            Entity::Consumer(consumer) => self.consumers[consumer.0 as usize].1,
            Entity::Broker(broker) => u64::from(broker.0),
            Entity::World => u64::MAX,
        };
        let from = self.all.pending.len();
        let mut bytes = CanonicalBytes(&mut self.all.pending);
        let mut head = [0; 17];
        head[..8].copy_from_slice(&event.at.0.to_le_bytes());
        head[8..16].copy_from_slice(&about.to_le_bytes());
        head[16] = fields::kind(&event.event).0;
        bytes.push(&head);
        fields::fields(directory, &event.event, &mut bytes);
        if let Some(group) = self.group_of(directory, entity, &event.event) {
            let stream = &mut self.groups[group].1;
            stream.pending.extend_from_slice(&self.all.pending[from..]);
            stream.flush_if_full();
        }
        self.all.flush_if_full();
    }
}

impl Stream {
    fn new() -> Self {
        Stream { pending: Vec::with_capacity(CHUNK_BYTES + 1024), hash: Box::new(Xxh3::new()) }
    }

    fn flush_if_full(&mut self) {
        if self.pending.len() >= CHUNK_BYTES {
            self.hash.update(&self.pending);
            self.pending.clear();
        }
    }

    fn value(&self) -> u64 {
        let mut hash = self.hash.clone();
        hash.update(&self.pending);
        hash.digest()
    }
}

/// Writes fields as canonical bytes.
struct CanonicalBytes<'a>(&'a mut Vec<u8>);

impl CanonicalBytes<'_> {
    fn push(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn length(&mut self, length: usize) {
        self.push(&(length as u32).to_le_bytes());
    }

    fn bare_text(&mut self, text: &str) {
        self.length(text.len());
        self.push(text.as_bytes());
    }

    fn partition(&mut self, partition: &TopicPartition) {
        self.bare_text(partition.topic.as_str());
        self.push(&partition.partition.to_le_bytes());
    }
}

impl FieldSink for CanonicalBytes<'_> {
    fn number(&mut self, _name: &'static str, value: i64) {
        self.push(&value.to_le_bytes());
    }

    fn flag(&mut self, _name: &'static str, value: bool) {
        self.push(&[u8::from(value)]);
    }

    fn word(&mut self, _name: &'static str, number: i16, _word: &'static str) {
        self.push(&number.to_le_bytes());
    }

    fn text(&mut self, _name: &'static str, value: &str) {
        self.bare_text(value);
    }

    fn optional_text(&mut self, _name: &'static str, value: Option<&str>) {
        self.push(&[u8::from(value.is_some())]);
        if let Some(text) = value {
            self.bare_text(text);
        }
    }

    fn texts<'a>(&mut self, _name: &'static str, values: impl ExactSizeIterator<Item = &'a str>) {
        self.length(values.len());
        values.for_each(|value| self.bare_text(value));
    }

    fn partitions(&mut self, _name: &'static str, value: &[TopicPartition]) {
        self.length(value.len());
        for partition in value {
            self.partition(partition);
        }
    }

    fn offsets(&mut self, _name: &'static str, value: &[(TopicPartition, i64)]) {
        self.length(value.len());
        for (partition, offset) in value {
            self.partition(partition);
            self.push(&offset.to_le_bytes());
        }
    }

    fn batches(&mut self, _name: &'static str, value: &[RecordBatch]) {
        self.length(value.len());
        for batch in value {
            self.partition(&batch.partition);
            self.push(&batch.from.to_le_bytes());
            self.push(&batch.count.to_le_bytes());
        }
    }
}

/// True for equal texts; texts shared by reference are seen to be equal without reading them.
fn same_text(a: &std::sync::Arc<str>, b: &std::sync::Arc<str>) -> bool {
    std::sync::Arc::ptr_eq(a, b) || a == b
}
