//! Reads a trace that was written as JSON Lines: line by line, or whole.

mod coordinator;
mod line;

use serde_json::Value;

use crate::client::ClientEvent;
use crate::engine::SimTime;
use crate::protocol::BrokerId;
use crate::trace::event::{ConsumerEntry, ConsumerIndex, Directory, Event, TraceEvent};
use crate::trace::json::TRACE_VERSION;
use line::{Line, Words};

/// What the JSON parser says of a text that is one line of a file: with the column, without its `line 1`.
pub fn of_one_line(error: &serde_json::Error) -> String {
    let (text, column) = (error.to_string(), error.column());
    match text.strip_suffix(&format!(" at line {} column {column}", error.line())) {
        Some(what) => format!("{what} at column {column}"),
        None => text,
    }
}

/// Why a trace cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TraceError {
    /// The text is not a JSON object.
    #[error("line {line}: not a JSON object: {message}")]
    NotJson {
        /// Line, from 1.
        line: usize,
        /// What the JSON parser says.
        message: String,
    },
    /// The first line is not the head of a trace.
    #[error("line 1: not the head of a rebalab trace (it has \"rebalab_trace\": {TRACE_VERSION})")]
    NotATrace,
    /// The trace was written by a later version.
    #[error("line 1: trace format version {0}; this program reads {TRACE_VERSION}")]
    FromTheFuture(u64),
    /// The name of an event is unknown.
    #[error("line {line}: unknown event `{name}`")]
    UnknownEvent {
        /// Line, from 1.
        line: usize,
        /// The name.
        name: String,
    },
    /// A field is missing or has the wrong type or an unknown value.
    #[error("line {line}: field `{field}` should be {expected}")]
    BadField {
        /// Line, from 1.
        line: usize,
        /// Name of the field.
        field: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// The file holds more different words for places and exception classes than any trace has.
    #[error("line {line}: too many different words for places and exception classes")]
    TooManyWords {
        /// Line, from 1.
        line: usize,
    },
}

/// Reads the lines of a trace one after the other.
#[derive(Default)]
pub struct TraceReader {
    directory: Directory,
    line: usize,
    words: Words,
}

impl TraceReader {
    /// Reads the head line.
    ///
    /// # Errors
    /// If the line is not the head of a trace, or of a trace from a later version.
    pub fn new(head: &str) -> Result<Self, TraceError> {
        let object = Line::parse(head, 1)?;
        let version = object.object.get("rebalab_trace").and_then(Value::as_u64).ok_or(TraceError::NotATrace)?;
        if version > TRACE_VERSION {
            return Err(TraceError::FromTheFuture(version));
        }
        let mut directory = Directory::default();
        for entry in object.list("consumers")? {
            let Value::Object(entry) = entry else { return Err(object.bad("consumers", "a list of objects")) };
            let entry = Line { object: entry.clone(), number: 1 };
            directory.consumers.push(ConsumerEntry {
                name: entry.text("name")?.into(),
                group: entry.text("group")?.into(),
                client_id: entry.text("client_id")?.into(),
            });
        }
        directory.partitions = object.partitions("partitions")?;
        for label in object.list("faults")? {
            let label = label.as_str().ok_or_else(|| object.bad("faults", "a list of texts"))?;
            directory.faults.push(label.into());
        }
        Ok(TraceReader { directory, line: 1, words: Words::default() })
    }

    /// Who and what takes part, as far as read: partitions that were added appear with their event.
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// Reads the next line.
    ///
    /// # Errors
    /// If the line is not a known event with its fields.
    pub fn event(&mut self, line: &str) -> Result<TraceEvent, TraceError> {
        self.line += 1;
        let line = Line::parse(line, self.line)?;
        let seconds = line.object.get("at_s").and_then(Value::as_f64).ok_or_else(|| line.bad("at_s", "seconds"))?;
        let at = SimTime((seconds * 1e9).round() as u64);
        let name = line.text("event")?;
        let event = if let Some(event) = self.client_event(name, &line)? {
            Event::Client { consumer: self.consumer(&line)?, event }
        } else if let Some(event) = coordinator::event(name, &line, &mut self.words)? {
            Event::Coordinator { broker: line.broker()?, event }
        } else {
            self.world_event(name, &line)?
        };
        if let Event::PartitionsAdded { partitions } = &event {
            self.directory.partitions.extend(partitions.iter().cloned());
        }
        Ok(TraceEvent { at, event })
    }

    fn consumer(&self, line: &Line) -> Result<ConsumerIndex, TraceError> {
        let name = line.text("entity")?;
        let index = self.directory.consumers.iter().position(|consumer| *consumer.name == *name);
        index.map(|i| ConsumerIndex(i as u32)).ok_or_else(|| line.bad("entity", "a consumer of the head line"))
    }

    fn world_event(&self, name: &str, line: &Line) -> Result<Event, TraceError> {
        let consumer = || self.consumer(line);
        let fault = || Ok((line.integer("fault_index")? as u32, line.shared_text("target")?));
        Ok(match name {
            "ProcessStarted" => Event::ProcessStarted { consumer: consumer()? },
            "StopRequested" => Event::StopRequested { consumer: consumer()?, grace: line.span("grace_ns")? },
            "ProcessStopped" => Event::ProcessStopped { consumer: consumer()?, how: line.stop_kind()? },
            "PauseBegan" => Event::PauseBegan { consumer: consumer()?, pause: line.host_pause()? },
            "PauseEnded" => Event::PauseEnded { consumer: consumer()?, pause: line.host_pause()? },
            "ProcessingBegan" => Event::ProcessingBegan { consumer: consumer()?, batches: line.batches()?.into() },
            "ProcessingEnded" => Event::ProcessingEnded {
                consumer: consumer()?,
                batches: line.batches()?.into(),
                poll_called: line.flag("poll_called")?,
            },
            "PollStalled" => Event::PollStalled { consumer: consumer()?, length: line.span("length_ns")? },
            "CallbackBegan" => Event::CallbackBegan {
                consumer: consumer()?,
                callback: line.callback()?,
                partitions: line.partitions("partitions")?,
            },
            "CallbackEnded" => Event::CallbackEnded { consumer: consumer()?, callback: line.callback()? },
            "BrokerUp" => Event::BrokerUp { broker: line.broker()? },
            "BrokerDown" => Event::BrokerDown { broker: line.broker()? },
            "BrokerFenced" => Event::BrokerFenced { broker: line.broker()? },
            "CoordinatorMoved" => Event::CoordinatorMoved {
                partition: line.integer("partition")? as u32,
                from: BrokerId(line.integer("from")? as u32),
                to: BrokerId(line.integer("to")? as u32),
            },
            "FaultBegan" => fault().map(|(fault, target)| Event::FaultBegan { fault, target })?,
            "FaultEnded" => fault().map(|(fault, target)| Event::FaultEnded { fault, target })?,
            "PartitionsAdded" => Event::PartitionsAdded { partitions: line.partitions("partitions")? },
            _ => return Err(TraceError::UnknownEvent { line: line.number, name: name.to_string() }),
        })
    }

    fn client_event(&mut self, name: &str, line: &Line) -> Result<Option<ClientEvent>, TraceError> {
        use ClientEvent as C;
        Ok(Some(match name {
            "CoordinatorFound" => C::CoordinatorFound { broker: BrokerId(line.integer("coordinator")? as u32) },
            "CoordinatorUnknown" => C::CoordinatorUnknown { cause: line.shared_text("cause")? },
            "HeartbeatSent" => C::HeartbeatSent,
            "ResponseHandled" => C::ResponseHandled {
                api: line.api()?,
                error: line.error()?,
                latency_ns: line.integer("latency_ns")? as u64,
            },
            "RebalanceNoticed" => C::RebalanceNoticed,
            "RejoinRequested" => C::RejoinRequested { reason: line.shared_text("reason")? },
            "JoinGroupSent" => {
                C::JoinGroupSent { member: line.text("member")?.into(), reason: line.shared_text("reason")? }
            }
            "Joined" => C::Joined {
                generation: line.generation("generation")?,
                member: line.text("member")?.into(),
                leader: line.flag("leader")?,
            },
            "Synced" => C::Synced {
                generation: line.generation("generation")?,
                member: line.text("member")?.into(),
                rebalance_latency_ns: line.integer("rebalance_latency_ns")? as u64,
            },
            "RebalanceFailed" => C::RebalanceFailed { error: line.error()? },
            "GenerationReset" => C::GenerationReset { reason: line.shared_text("reason")? },
            "AssignmentChanged" => C::AssignmentChanged { partitions: line.partitions("partitions")? },
            "PollCalled" => C::PollCalled,
            "CommitSent" => C::CommitSent { sync: line.flag("sync")?, partitions: line.integer("partitions")? as u32 },
            "CommitEnded" => C::CommitEnded {
                offsets: line.offsets("offsets")?,
                result: match line.object.get("exception") {
                    None => Ok(()),
                    Some(_) => Err(self.words.word(line.text("exception")?, line.number)?),
                },
                latency_ns: line.integer("latency_ns")? as u64,
            },
            "LeaveGroup" => C::LeaveGroup { reason: line.shared_text("reason")?, sent: line.flag("sent")? },
            "Exception" => C::Exception {
                place: self.words.word(line.text("place")?, line.number)?,
                class: self.words.word(line.text("class")?, line.number)?,
                message: line.shared_text("message")?,
            },
            "PositionSet" => C::PositionSet {
                partition: line
                    .partitions("partition")?
                    .pop()
                    .ok_or_else(|| line.bad("partition", "a list of one partition"))?,
                offset: line.integer("offset")?,
                reset: line.flag("reset")?,
            },
            _ => return Ok(None),
        }))
    }
}

/// Reads a whole trace.
///
/// # Errors
/// The first line that cannot be read.
pub fn read_trace(text: &str) -> Result<(Directory, Vec<TraceEvent>), TraceError> {
    let mut lines = text.lines();
    let mut reader = TraceReader::new(lines.next().unwrap_or_default())?;
    let events = lines.map(|line| reader.event(line)).collect::<Result<Vec<_>, _>>()?;
    Ok((reader.directory, events))
}
