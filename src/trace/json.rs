//! A trace as JSON Lines: a head line with who and what takes part, then one line per event (`docs/trace.md`).

use std::fmt::Write;

use serde_json::{Map, Value, json};

use crate::client::RecordBatch;
use crate::engine::SimTime;
use crate::protocol::TopicPartition;
use crate::protocol::message::CommittedOffsets;
use crate::trace::event::{Directory, Event, TraceEvent};
use crate::trace::fields::{self, Entity, FieldSink};

/// Version of the file format: the value of `rebalab_trace` in the head line.
pub const TRACE_VERSION: u64 = 1;

/// The head line, with its line end.
pub fn head_line(directory: &Directory) -> String {
    let consumers = directory.consumers.iter().map(|consumer| {
        json!({ "name": &*consumer.name, "group": consumer.group.as_str(), "client_id": consumer.client_id.as_str() })
    });
    let head = json!({
        "rebalab_trace": TRACE_VERSION,
        "consumers": consumers.collect::<Vec<_>>(),
        "partitions": directory.partitions.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "faults": directory.faults.iter().map(|label| label.to_string()).collect::<Vec<_>>(),
    });
    format!("{head}\n")
}

/// Appends the line of `event`, with its line end.
pub fn event_line(directory: &Directory, event: &TraceEvent, out: &mut String) {
    out.push_str("{\"at_s\":");
    push_time(event.at, out);
    out.push_str(",\"entity\":");
    match fields::entity(&event.event) {
        Entity::Consumer(consumer) => push_text(&directory.consumers[consumer.0 as usize].name, out),
        // `fmt::Write` into a String cannot fail, here and below.
        Entity::Broker(broker) => drop(write!(out, "\"broker-{}\"", broker.0)),
        Entity::World => out.push_str("\"world\""),
    }
    let _ = write!(out, ",\"event\":\"{}\"", fields::kind(&event.event).1);
    let mut sink = JsonFields(out);
    fields::fields(directory, &event.event, &mut sink);
    if let Event::FaultBegan { fault, .. } | Event::FaultEnded { fault, .. } = &event.event {
        sink.number("fault_index", i64::from(*fault));
    }
    out.push_str("}\n");
}

/// The fields of `event` as a JSON object, without time, entity and name: for messages and tables.
pub fn fields_object(directory: &Directory, event: &Event) -> Map<String, Value> {
    let mut text = String::from("{\"_\":0");
    fields::fields(directory, event, &mut JsonFields(&mut text));
    text.push('}');
    let mut object: Map<String, Value> = serde_json::from_str(&text).unwrap_or_default();
    object.shift_remove("_");
    object
}

/// Seconds with nine decimals: exact to the nanosecond.
fn push_time(at: SimTime, out: &mut String) {
    let _ = write!(out, "{}.{:09}", at.0 / 1_000_000_000, at.0 % 1_000_000_000);
}

/// A JSON string.
fn push_text(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            control if (control as u32) < 0x20 => drop(write!(out, "\\u{:04x}", control as u32)),
            other => out.push(other),
        }
    }
    out.push('"');
}

/// Writes fields as members of a JSON object that is open already and not empty.
struct JsonFields<'a>(&'a mut String);

impl JsonFields<'_> {
    fn name(&mut self, name: &'static str) {
        let _ = write!(self.0, ",\"{name}\":");
    }

    fn partition(&mut self, partition: &TopicPartition) {
        push_text(partition.topic.as_str(), self.0);
        self.0.pop();
        let _ = write!(self.0, "-{}\"", partition.partition);
    }

    fn list<T>(
        &mut self,
        name: &'static str,
        brackets: [char; 2],
        items: impl IntoIterator<Item = T>,
        mut item: impl FnMut(&mut Self, T),
    ) {
        self.name(name);
        self.0.push(brackets[0]);
        for (i, entry) in items.into_iter().enumerate() {
            if i > 0 {
                self.0.push(',');
            }
            item(self, entry);
        }
        self.0.push(brackets[1]);
    }
}

impl FieldSink for JsonFields<'_> {
    fn number(&mut self, name: &'static str, value: i64) {
        self.name(name);
        let _ = write!(self.0, "{value}");
    }

    fn flag(&mut self, name: &'static str, value: bool) {
        self.name(name);
        let _ = write!(self.0, "{value}");
    }

    fn word(&mut self, name: &'static str, _number: i16, word: &'static str) {
        self.text(name, word);
    }

    fn text(&mut self, name: &'static str, value: &str) {
        self.name(name);
        push_text(value, self.0);
    }

    fn optional_text(&mut self, name: &'static str, value: Option<&str>) {
        if let Some(text) = value {
            self.text(name, text);
        }
    }

    fn texts<'a>(&mut self, name: &'static str, values: impl ExactSizeIterator<Item = &'a str>) {
        self.list(name, ['[', ']'], values, |sink, value| push_text(value, sink.0));
    }

    fn partitions(&mut self, name: &'static str, value: &[TopicPartition]) {
        self.list(name, ['[', ']'], value, |sink, partition| sink.partition(partition));
    }

    fn offsets(&mut self, name: &'static str, value: &CommittedOffsets) {
        self.list(name, ['{', '}'], value.iter(), |sink, (partition, offset)| {
            sink.partition(partition);
            let _ = write!(sink.0, ":{offset}");
        });
    }

    fn batches(&mut self, name: &'static str, value: &[RecordBatch]) {
        self.list(name, ['[', ']'], value, |sink, batch| {
            sink.0.push_str("{\"partition\":");
            sink.partition(&batch.partition);
            let _ = write!(sink.0, ",\"from\":{},\"count\":{}}}", batch.from, batch.count);
        });
    }
}
