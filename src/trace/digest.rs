//! The digest of a run: xxh3 (64 bits) over the canonical bytes of every event; and one digest per group over the group's
//! own events, which adding an unrelated group does not change.
//!
//! Each event is hashed once, in the stream of its group (or in that of events of no group). The digest of the run is
//! xxh3 over the order in which the streams took turns and over what became of each: 16 bytes for each turn (xxh3 of the
//! group's name, and how many events followed each other in it), then 16 bytes for each stream that has events (the same
//! name, its digest), by the group's name; events of no group stand last, all ones instead of a name.
//!
//! Canonical bytes of an event (all numbers little-endian):
//!
//! | bytes | meaning |
//! |---|---|
//! | 8 | time, nanoseconds since the start of the run |
//! | 1 | number of the event ([`kind`](super::fields::kind)) |
//! | 7 | whom it is about: the lower bytes of xxh3 of the consumer's name; the broker's id; all ones for neither |
//! | … | its fields in order: number 8, flag 1, word 2 (its number), text 4 (length) + bytes, optional text 1 (0: missing, 1: present) + text, list 4 (length) + entries; a partition 8: xxh3 of its topic's name + its number × [`PARTITION_STEP`] |
//!
//! The batches of `ProcessingEnded` are not among them: they are those of the consumer's `ProcessingBegan`. Nor is any index
//! of a consumer, partition or fault: those would shift when something unrelated is added.

use std::collections::BTreeMap;

use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use crate::client::RecordBatch;
use crate::engine::SimTime;
use crate::protocol::message::CommittedOffsets;
use crate::protocol::{GroupId, TopicName, TopicPartition};
use crate::trace::event::{ConsumerIndex, Directory, Event, Observer, TraceEvent};
use crate::trace::fields::{self, Entity, FieldSink};

/// Bytes gathered before they are hashed: hashing in larger pieces costs less than event by event.
const CHUNK_BYTES: usize = 4 * 1024;
/// Room for the numbers of an event, and for an entry of a list.
const ROOM_BYTES: usize = 128;
/// How far apart the numbers of one topic's partitions stand: 2⁶⁴ divided by the golden ratio, so that partitions of
/// different topics do not meet.
pub const PARTITION_STEP: u64 = 0x9e37_79b9_7f4a_7c15;
/// Stands for neither a consumer nor a broker, and for events of no group.
const NOBODY: u64 = u64::MAX;

/// Folds events into digests.
pub struct Digest {
    /// By group: its name, in the order of first appearance in the directory.
    groups: Vec<GroupId>,
    /// The events of each group; at last those of no group.
    streams: Vec<Stream>,
    /// Group (index into `groups`) and whom its events are about, by consumer.
    consumers: Vec<(usize, u64)>,
    /// The turns that the streams have had.
    turns: CanonicalBytes,
    /// The stream whose turn it is.
    turn: usize,
    /// Number of events before this turn.
    turn_from: u64,
    events: u64,
}

/// Events of one group.
struct Stream {
    /// xxh3 of the group's name.
    name: u64,
    bytes: CanonicalBytes,
}

/// Writes fields as canonical bytes, which the hash takes when there are enough of them.
struct CanonicalBytes {
    /// Bytes that the hash has not taken yet, up to `length`.
    gathered: Box<[u8; CHUNK_BYTES]>,
    length: usize,
    hash: Box<Xxh3>,
    /// The topic of the last partition, and xxh3 of its name: the same one comes again and again.
    topic: TopicName,
    topic_hash: u64,
    /// There were any.
    used: bool,
}

impl Digest {
    /// A digest of nothing yet.
    pub fn new(directory: &Directory) -> Self {
        let mut groups: Vec<GroupId> = Vec::new();
        let mut consumers = Vec::with_capacity(directory.consumers.len());
        for consumer in &directory.consumers {
            let known = groups.iter().position(|id| *id == consumer.group);
            let group = known.unwrap_or_else(|| {
                groups.push(consumer.group);
                groups.len() - 1
            });
            consumers.push((group, xxh3_64(consumer.name.as_bytes()) << 8));
        }
        let names = groups.iter().map(|id| xxh3_64(id.as_str().as_bytes()));
        let streams: Vec<_> = names.chain([NOBODY]).map(|name| Stream { name, bytes: CanonicalBytes::new() }).collect();
        let turn = streams.len() - 1;
        Digest { groups, streams, consumers, turns: CanonicalBytes::new(), turn, turn_from: 0, events: 0 }
    }

    /// The digest over all events so far.
    pub fn value(&self) -> u64 {
        let mut hash = self.turns.hash();
        let mut add = |name: u64, value: u64| hash.update(&pair(name, value));
        add(self.streams[self.turn].name, self.events - self.turn_from);
        let mut by_name: Vec<_> = self.groups.iter().zip(&self.streams).collect();
        by_name.sort_by_key(|(group, _)| *group);
        let streams = by_name.into_iter().map(|(_, stream)| stream).chain(self.streams.last());
        for stream in streams.filter(|stream| !stream.bytes.is_empty()) {
            add(stream.name, stream.bytes.hash().digest());
        }
        hash.digest()
    }

    /// The digests over each group's own events so far.
    pub fn group_values(&self) -> BTreeMap<GroupId, u64> {
        let streams = self.groups.iter().zip(&self.streams);
        streams.map(|(id, stream)| (*id, stream.bytes.hash().digest())).collect()
    }

    /// Number of events so far.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// The digest as people see it: 16 hexadecimal digits.
    pub fn text(value: u64) -> String {
        format!("{value:016x}")
    }

    /// The stream that this event belongs to, and the number of whom it is about, with room for the event's own number.
    #[inline]
    fn about(&self, directory: &Directory, event: &Event) -> (usize, u64) {
        match fields::entity(event) {
            Entity::Consumer(consumer) => self.consumers[consumer.0 as usize],
            Entity::Broker(broker) => {
                let group = match event {
                    Event::Coordinator { event, .. } => fields::group_of(event),
                    _ => None,
                };
                let place = group.and_then(|group| self.groups.iter().position(|id| id == group));
                (place.unwrap_or(self.groups.len()), u64::from(broker.0) << 8)
            }
            Entity::World => (self.group_hit(directory, event).unwrap_or(self.groups.len()), NOBODY << 8),
        }
    }

    /// The group of the consumer that a fault hits.
    #[cold]
    #[inline(never)]
    fn group_hit(&self, directory: &Directory, event: &Event) -> Option<usize> {
        let (Event::FaultBegan { target, .. } | Event::FaultEnded { target, .. }) = event else { return None };
        let consumer = directory.consumers.iter().position(|c| c.name == *target)?;
        Some(self.consumers[consumer].0)
    }

    /// Begins an event of a consumer where there is nothing else to be done for it: it is the turn of the consumer's
    /// stream, and there is room. Functions for the commonest events call no others but at their end, so that they need
    /// not save registers.
    #[inline]
    fn begin_at_once(&mut self, at: SimTime, consumer: ConsumerIndex, kind: u8) -> Option<&mut CanonicalBytes> {
        let (stream, about) = self.consumers[consumer.0 as usize];
        let bytes = &mut self.streams[stream].bytes;
        if stream != self.turn || !bytes.has_room() {
            return None;
        }
        self.events += 1;
        bytes.put(pair(at.0, about | u64::from(kind)));
        Some(bytes)
    }

    /// Any event.
    #[inline(never)]
    fn any_event(&mut self, directory: &Directory, event: &TraceEvent) {
        let (stream, about) = self.about(directory, &event.event);
        if stream != self.turn {
            self.take_turns(stream);
        }
        self.events += 1;
        let bytes = &mut self.streams[stream].bytes;
        bytes.make_room();
        bytes.put(pair(event.at.0, about | u64::from(fields::kind(&event.event).0)));
        fields::fields(directory, &event.event, bytes);
    }

    /// The next event belongs to another stream than the last one.
    #[inline(never)]
    fn take_turns(&mut self, stream: usize) {
        if self.events > self.turn_from {
            self.turns.make_room();
            self.turns.put(pair(self.streams[self.turn].name, self.events - self.turn_from));
        }
        (self.turn, self.turn_from) = (stream, self.events);
    }
}

impl Observer for Digest {
    fn event(&mut self, directory: &Directory, event: &TraceEvent) {
        let at = event.at;
        match &event.event {
            Event::Client { consumer, event: what } => {
                if let Some(bytes) = self.begin_at_once(at, *consumer, fields::client_kind(what).0) {
                    return fields::client_fields(what, bytes);
                }
            }
            Event::ProcessingBegan { consumer, batches } => {
                if let Some(bytes) = self.begin_at_once(at, *consumer, fields::PROCESSING_BEGAN) {
                    return bytes.batches("batches", batches);
                }
            }
            Event::ProcessingEnded { consumer, batches, poll_called } => {
                if let Some(bytes) = self.begin_at_once(at, *consumer, fields::PROCESSING_ENDED) {
                    return fields::processing_ended_fields(batches, *poll_called, bytes);
                }
            }
            _ => {}
        }
        self.any_event(directory, event);
    }
}

/// Two numbers of 8 bytes.
#[inline]
fn pair(first: u64, second: u64) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&first.to_le_bytes());
    bytes[8..].copy_from_slice(&second.to_le_bytes());
    bytes
}

impl CanonicalBytes {
    fn new() -> Self {
        let (topic, hash) = (TopicName::default(), Box::new(Xxh3::new()));
        let gathered = Box::new([0; CHUNK_BYTES]);
        CanonicalBytes { gathered, length: 0, hash, topic_hash: topic_hash(&topic), topic, used: false }
    }

    /// The hash of all bytes so far.
    fn hash(&self) -> Xxh3 {
        let mut hash = (*self.hash).clone();
        hash.update(&self.gathered[..self.length]);
        hash
    }

    fn is_empty(&self) -> bool {
        self.length == 0 && !self.used
    }

    /// There is room for an event's numbers up to its first text or list.
    #[inline]
    fn has_room(&self) -> bool {
        self.length <= CHUNK_BYTES - ROOM_BYTES
    }

    #[inline]
    fn make_room(&mut self) {
        if !self.has_room() {
            self.hand_over();
        }
    }

    #[cold]
    #[inline(never)]
    fn hand_over(&mut self) {
        self.hash.update(&self.gathered[..self.length]);
        self.used = true;
        self.length = 0;
    }

    /// Writes a few bytes, for which there must be room.
    #[inline]
    fn put<const N: usize>(&mut self, bytes: [u8; N]) {
        let length = self.length;
        assert!(length <= CHUNK_BYTES - N, "more numbers in a row than there is room for");
        self.gathered[length..length + N].copy_from_slice(&bytes);
        self.length = length + N;
    }

    /// Writes any number of bytes, and leaves room.
    fn put_all(&mut self, bytes: &[u8]) {
        if let Some(place) = self.gathered[self.length..].get_mut(..bytes.len()) {
            place.copy_from_slice(bytes);
            self.length += bytes.len();
        } else {
            self.put_in_chunks(bytes);
        }
        self.make_room();
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

    /// Writes partitions, each with what else is told of it, and leaves room.
    #[inline]
    fn put_partitions<'a, const N: usize>(
        &mut self,
        mut entries: impl ExactSizeIterator<Item = (&'a TopicPartition, [u8; N])>,
    ) {
        self.put_length(entries.len());
        while let Some((partition, rest)) = entries.next() {
            if !self.has_room() || !self.is_topic(&partition.topic) {
                return self.put_other_partitions((partition, rest), entries);
            }
            self.put_partition(partition, rest);
        }
    }

    /// The same from an entry on before which there is no room, or whose topic is not the last one.
    #[cold]
    #[inline(never)]
    fn put_other_partitions<'a, const N: usize>(
        &mut self,
        first: (&'a TopicPartition, [u8; N]),
        entries: impl Iterator<Item = (&'a TopicPartition, [u8; N])>,
    ) {
        for (partition, rest) in [first].into_iter().chain(entries) {
            self.make_room();
            if !self.is_topic(&partition.topic) {
                self.topic = partition.topic;
                self.topic_hash = topic_hash(&partition.topic);
            }
            self.put_partition(partition, rest);
        }
        self.make_room();
    }

    #[inline]
    fn is_topic(&self, topic: &TopicName) -> bool {
        self.topic == *topic
    }

    /// Writes a partition of the last topic and what else is told of it.
    #[inline]
    fn put_partition<const N: usize>(&mut self, partition: &TopicPartition, rest: [u8; N]) {
        let number = u64::from(partition.partition as u32);
        self.put(self.topic_hash.wrapping_add(number.wrapping_mul(PARTITION_STEP)).to_le_bytes());
        self.put(rest);
    }
}

fn topic_hash(topic: &TopicName) -> u64 {
    xxh3_64(topic.as_str().as_bytes())
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

    #[inline]
    fn partitions(&mut self, _name: &'static str, value: &[TopicPartition]) {
        self.put_partitions(value.iter().map(|partition| (partition, [])));
    }

    #[inline]
    fn offsets(&mut self, _name: &'static str, value: &CommittedOffsets) {
        self.put_partitions(value.iter().map(|(partition, offset)| (partition, offset.to_le_bytes())));
    }

    #[inline(never)]
    fn batches(&mut self, _name: &'static str, value: &[RecordBatch]) {
        self.put_partitions(value.iter().map(|batch| {
            let mut rest = [0; 12];
            rest[..8].copy_from_slice(&batch.from.to_le_bytes());
            rest[8..].copy_from_slice(&batch.count.to_le_bytes());
            (&batch.partition, rest)
        }));
    }

    #[inline]
    fn batches_again(&mut self, _name: &'static str, _value: &[RecordBatch]) {}
}
