//! One line of a trace file and its typed fields.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{TraceError, of_one_line};
use crate::client::interface::Api;
use crate::client::{Callback, RecordBatch};
use crate::engine::SimDuration;
use crate::protocol::message::CommittedOffsets;
use crate::protocol::{BrokerId, ErrorCode, Generation, MemberId, TopicPartition};
use crate::trace::event::{HostPause, StopKind};
use crate::trace::fields;

/// One line with its number.
pub(super) struct Line {
    pub(super) object: Map<String, Value>,
    pub(super) number: usize,
}

impl Line {
    pub(super) fn parse(text: &str, line: usize) -> Result<Self, TraceError> {
        match serde_json::from_str(text) {
            Ok(object) => Ok(Line { object, number: line }),
            Err(error) => Err(TraceError::NotJson { line, message: of_one_line(&error) }),
        }
    }

    pub(super) fn bad(&self, field: &'static str, expected: &'static str) -> TraceError {
        TraceError::BadField { line: self.number, field, expected }
    }

    pub(super) fn text(&self, field: &'static str) -> Result<&str, TraceError> {
        self.object.get(field).and_then(Value::as_str).ok_or_else(|| self.bad(field, "a text"))
    }

    pub(super) fn shared_text(&self, field: &'static str) -> Result<Arc<str>, TraceError> {
        self.text(field).map(Arc::from)
    }

    pub(super) fn optional_text(&self, field: &'static str) -> Option<&str> {
        self.object.get(field).and_then(Value::as_str)
    }

    pub(super) fn integer(&self, field: &'static str) -> Result<i64, TraceError> {
        self.object.get(field).and_then(Value::as_i64).ok_or_else(|| self.bad(field, "a whole number"))
    }

    pub(super) fn flag(&self, field: &'static str) -> Result<bool, TraceError> {
        self.object.get(field).and_then(Value::as_bool).ok_or_else(|| self.bad(field, "true or false"))
    }

    pub(super) fn list(&self, field: &'static str) -> Result<&Vec<Value>, TraceError> {
        self.object.get(field).and_then(Value::as_array).ok_or_else(|| self.bad(field, "a list"))
    }

    pub(super) fn span(&self, field: &'static str) -> Result<SimDuration, TraceError> {
        self.integer(field).map(|nanos| SimDuration(nanos as u64))
    }

    pub(super) fn generation(&self, field: &'static str) -> Result<Generation, TraceError> {
        self.integer(field).map(|number| Generation(number as i32))
    }

    pub(super) fn broker(&self) -> Result<BrokerId, TraceError> {
        let number = self.text("entity")?.strip_prefix("broker-").and_then(|number| number.parse().ok());
        number.map(BrokerId).ok_or_else(|| self.bad("entity", "`broker-` and a number"))
    }

    pub(super) fn partitions(&self, field: &'static str) -> Result<Vec<TopicPartition>, TraceError> {
        let partition = |value: &Value| value.as_str().and_then(parse_partition);
        let partitions: Option<Vec<_>> = self.list(field)?.iter().map(partition).collect();
        partitions.ok_or_else(|| self.bad(field, "a list of `<topic>-<number>`"))
    }

    pub(super) fn offsets(&self, field: &'static str) -> Result<CommittedOffsets, TraceError> {
        let expected = "an object of offsets by `<topic>-<number>`";
        let object = self.object.get(field).and_then(Value::as_object).ok_or_else(|| self.bad(field, expected))?;
        let offset = |(name, value): (&String, &Value)| Some((parse_partition(name)?, value.as_i64()?));
        let offsets: Option<CommittedOffsets> = object.iter().map(offset).collect();
        offsets.ok_or_else(|| self.bad(field, expected))
    }

    pub(super) fn batches(&self) -> Result<Vec<RecordBatch>, TraceError> {
        let batch = |value: &Value| {
            Some(RecordBatch {
                partition: parse_partition(value.get("partition")?.as_str()?)?,
                from: value.get("from")?.as_i64()?,
                count: u32::try_from(value.get("count")?.as_u64()?).ok()?,
            })
        };
        let batches: Option<Vec<_>> = self.list("batches")?.iter().map(batch).collect();
        batches.ok_or_else(|| self.bad("batches", "a list of batches with partition, from and count"))
    }

    pub(super) fn error(&self) -> Result<ErrorCode, TraceError> {
        self.text("error")?.parse().map_err(|_| self.bad("error", "the name of a Kafka error"))
    }

    pub(super) fn api(&self) -> Result<Api, TraceError> {
        const APIS: [Api; 10] = [
            Api::FindCoordinator,
            Api::JoinGroup,
            Api::SyncGroup,
            Api::Heartbeat,
            Api::LeaveGroup,
            Api::OffsetCommit,
            Api::OffsetFetch,
            Api::Metadata,
            Api::ListOffsets,
            Api::OffsetForLeaderEpoch,
        ];
        self.named("api", &APIS, fields::api_name, "the name of a Kafka API")
    }

    pub(super) fn callback(&self) -> Result<Callback, TraceError> {
        let all = [Callback::Revoked, Callback::Assigned, Callback::Lost];
        self.named("callback", &all, fields::callback, "the name of a listener call")
    }

    pub(super) fn host_pause(&self) -> Result<HostPause, TraceError> {
        let all = [HostPause::Gc, HostPause::Frozen, HostPause::Throttled];
        self.named("pause", &all, fields::host_pause, "gc, frozen or throttled")
    }

    pub(super) fn stop_kind(&self) -> Result<StopKind, TraceError> {
        let all = [StopKind::Closed, StopKind::KilledAfterGrace, StopKind::Crashed, StopKind::Failed];
        self.named("how", &all, fields::stop_kind, "closed, killed_after_grace, crashed or failed")
    }

    pub(super) fn texts(&self, field: &'static str) -> Result<Vec<&str>, TraceError> {
        let texts: Option<Vec<_>> = self.list(field)?.iter().map(Value::as_str).collect();
        texts.ok_or_else(|| self.bad(field, "a list of texts"))
    }

    pub(super) fn members(&self) -> Result<Vec<MemberId>, TraceError> {
        Ok(self.texts("members")?.into_iter().map(MemberId::from).collect())
    }

    fn named<T: Copy>(
        &self,
        field: &'static str,
        all: &[T],
        name: impl Fn(T) -> &'static str,
        expected: &'static str,
    ) -> Result<T, TraceError> {
        let text = self.text(field)?;
        all.iter().copied().find(|value| name(*value) == text).ok_or_else(|| self.bad(field, expected))
    }
}

/// `<topic>-<number>`; the topic may itself hold hyphens.
fn parse_partition(text: &str) -> Option<TopicPartition> {
    let (topic, number) = text.rsplit_once('-')?;
    Some(TopicPartition::new(topic, number.parse().ok()?))
}

/// Words that events hold as `&'static str` (exception classes, places, states).
#[derive(Default)]
pub(super) struct Words(Vec<&'static str>);

impl Words {
    /// A trace has a few dozen of these; a file with more is not a trace.
    const MAX: usize = 1_000;

    /// The word as a static text. A new one is kept for the life of the program: events borrow these words because in a
    /// run they are constants, and there are few.
    pub(super) fn word(&mut self, text: &str, line: usize) -> Result<&'static str, TraceError> {
        if let Some(word) = self.0.iter().find(|word| **word == text) {
            return Ok(word);
        }
        if self.0.len() >= Self::MAX {
            return Err(TraceError::TooManyWords { line });
        }
        let word: &'static str = Box::leak(text.to_string().into_boxed_str());
        self.0.push(word);
        Ok(word)
    }
}
