//! What every event is called and which fields it has, once, for the digest and for the JSON Lines alike.
//!
//! The matches below are exhaustive on purpose: a new variant does not compile until it is named here (and
//! `every_event_survives_the_file` does not pass until the reader knows it, too).

mod coordinator;

use crate::client::interface::Api;
use crate::client::{Callback, ClientEvent, RecordBatch};
use crate::engine::SimDuration;
use crate::protocol::message::CommittedOffsets;
use crate::protocol::{BrokerId, TopicPartition};
use crate::trace::event::{ConsumerIndex, Directory, Event, HostPause, StopKind};

pub use coordinator::group_of;

/// Takes the fields of an event, in their order.
pub trait FieldSink {
    /// A whole number.
    fn number(&mut self, name: &'static str, value: i64);
    /// A truth value.
    fn flag(&mut self, name: &'static str, value: bool);
    /// One of a fixed set of words, which has a number of its own.
    fn word(&mut self, name: &'static str, number: i16, word: &'static str);
    /// A text.
    fn text(&mut self, name: &'static str, value: &str);
    /// A text that may be missing.
    fn optional_text(&mut self, name: &'static str, value: Option<&str>);
    /// A list of texts.
    fn texts<'a>(&mut self, name: &'static str, values: impl ExactSizeIterator<Item = &'a str>);
    /// A list of partitions.
    fn partitions(&mut self, name: &'static str, value: &[TopicPartition]);
    /// A list of partitions, each with an offset.
    fn offsets(&mut self, name: &'static str, value: &CommittedOffsets);
    /// A list of record batches.
    fn batches(&mut self, name: &'static str, value: &[RecordBatch]);
    /// A list of record batches that an earlier event of the same consumer has told already.
    fn batches_again(&mut self, name: &'static str, value: &[RecordBatch]) {
        self.batches(name, value);
    }
}

/// Whom an event is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Entity {
    /// A consumer.
    Consumer(ConsumerIndex),
    /// A broker.
    Broker(BrokerId),
    /// Neither: faults, topics.
    World,
}

/// Whom `event` is about.
#[inline]
pub fn entity(event: &Event) -> Entity {
    match event {
        Event::ProcessStarted { consumer }
        | Event::StopRequested { consumer, .. }
        | Event::ProcessStopped { consumer, .. }
        | Event::PauseBegan { consumer, .. }
        | Event::PauseEnded { consumer, .. }
        | Event::ProcessingBegan { consumer, .. }
        | Event::ProcessingEnded { consumer, .. }
        | Event::PollStalled { consumer, .. }
        | Event::CallbackBegan { consumer, .. }
        | Event::CallbackEnded { consumer, .. }
        | Event::Client { consumer, .. } => Entity::Consumer(*consumer),
        Event::Coordinator { broker, .. }
        | Event::BrokerUp { broker }
        | Event::BrokerDown { broker }
        | Event::BrokerFenced { broker } => Entity::Broker(*broker),
        Event::CoordinatorMoved { to, .. } => Entity::Broker(*to),
        Event::FaultBegan { .. } | Event::FaultEnded { .. } | Event::PartitionsAdded { .. } => Entity::World,
    }
}

/// Number of [`Event::ProcessingBegan`].
pub(super) const PROCESSING_BEGAN: u8 = 6;
/// Number of [`Event::ProcessingEnded`].
pub(super) const PROCESSING_ENDED: u8 = 7;

/// Name and number of an event. Names stand in the file, numbers in the canonical bytes. Numbers are given once and
/// never change, so that a digest stays comparable from version to version.
#[inline]
pub fn kind(event: &Event) -> (u8, &'static str) {
    match event {
        Event::ProcessStarted { .. } => (1, "ProcessStarted"),
        Event::StopRequested { .. } => (2, "StopRequested"),
        Event::ProcessStopped { .. } => (3, "ProcessStopped"),
        Event::PauseBegan { .. } => (4, "PauseBegan"),
        Event::PauseEnded { .. } => (5, "PauseEnded"),
        Event::ProcessingBegan { .. } => (PROCESSING_BEGAN, "ProcessingBegan"),
        Event::ProcessingEnded { .. } => (PROCESSING_ENDED, "ProcessingEnded"),
        Event::PollStalled { .. } => (8, "PollStalled"),
        Event::CallbackBegan { .. } => (9, "CallbackBegan"),
        Event::CallbackEnded { .. } => (10, "CallbackEnded"),
        Event::BrokerUp { .. } => (11, "BrokerUp"),
        Event::BrokerDown { .. } => (12, "BrokerDown"),
        Event::CoordinatorMoved { .. } => (13, "CoordinatorMoved"),
        Event::FaultBegan { .. } => (14, "FaultBegan"),
        Event::FaultEnded { .. } => (15, "FaultEnded"),
        Event::PartitionsAdded { .. } => (16, "PartitionsAdded"),
        Event::BrokerFenced { .. } => (17, "BrokerFenced"),
        Event::Client { event, .. } => client_kind(event),
        Event::Coordinator { event, .. } => coordinator::kind(event),
    }
}

/// Name and number of what a client tells.
#[inline]
pub(super) fn client_kind(event: &ClientEvent) -> (u8, &'static str) {
    use ClientEvent as C;
    match event {
        C::CoordinatorFound { .. } => (40, "CoordinatorFound"),
        C::CoordinatorUnknown { .. } => (41, "CoordinatorUnknown"),
        C::HeartbeatSent => (42, "HeartbeatSent"),
        C::ResponseHandled { .. } => (43, "ResponseHandled"),
        C::RebalanceNoticed => (44, "RebalanceNoticed"),
        C::RejoinRequested { .. } => (45, "RejoinRequested"),
        C::JoinGroupSent { .. } => (46, "JoinGroupSent"),
        C::Joined { .. } => (47, "Joined"),
        C::Synced { .. } => (48, "Synced"),
        C::RebalanceFailed { .. } => (49, "RebalanceFailed"),
        C::GenerationReset { .. } => (50, "GenerationReset"),
        C::AssignmentChanged { .. } => (51, "AssignmentChanged"),
        C::PollCalled => (52, "PollCalled"),
        C::CommitSent { .. } => (54, "CommitSent"),
        C::CommitEnded { .. } => (55, "CommitEnded"),
        C::LeaveGroup { .. } => (56, "LeaveGroup"),
        C::Exception { .. } => (57, "Exception"),
        C::PositionSet { .. } => (58, "PositionSet"),
    }
}

/// Hands the fields of `event` to `sink`, in their order.
#[inline]
pub fn fields(directory: &Directory, event: &Event, sink: &mut impl FieldSink) {
    match event {
        Event::ProcessStarted { .. }
        | Event::BrokerUp { .. }
        | Event::BrokerDown { .. }
        | Event::BrokerFenced { .. } => {}
        Event::StopRequested { grace, .. } => span(sink, "grace_ns", *grace),
        Event::ProcessStopped { how, .. } => sink.word("how", *how as i16, stop_kind(*how)),
        Event::PauseBegan { pause, .. } | Event::PauseEnded { pause, .. } => {
            sink.word("pause", *pause as i16, host_pause(*pause));
        }
        Event::ProcessingBegan { batches, .. } => sink.batches("batches", batches),
        Event::ProcessingEnded { batches, poll_called, .. } => processing_ended_fields(batches, *poll_called, sink),
        Event::PollStalled { length, .. } => span(sink, "length_ns", *length),
        Event::CallbackBegan { callback: which, partitions, .. } => {
            sink.word("callback", *which as i16, callback(*which));
            sink.partitions("partitions", partitions);
        }
        Event::CallbackEnded { callback: which, .. } => sink.word("callback", *which as i16, callback(*which)),
        Event::CoordinatorMoved { partition, from, to } => {
            sink.number("partition", i64::from(*partition));
            sink.number("from", i64::from(from.0));
            sink.number("to", i64::from(to.0));
        }
        Event::FaultBegan { fault, target } | Event::FaultEnded { fault, target } => {
            sink.text("fault", directory.faults.get(*fault as usize).map_or("", |label| label));
            sink.text("target", target);
        }
        Event::PartitionsAdded { partitions } => sink.partitions("partitions", partitions),
        Event::Client { event, .. } => client_fields(event, sink),
        Event::Coordinator { event, .. } => coordinator::fields(event, sink),
    }
}

/// Hands the fields of [`Event::ProcessingEnded`] to `sink`.
#[inline]
pub(super) fn processing_ended_fields(batches: &[RecordBatch], poll_called: bool, sink: &mut impl FieldSink) {
    sink.flag("poll_called", poll_called);
    sink.batches_again("batches", batches);
}

/// Hands the fields of what a client tells to `sink`: here those of the commonest events, which are but numbers.
#[inline]
pub(super) fn client_fields(event: &ClientEvent, sink: &mut impl FieldSink) {
    use ClientEvent as C;
    match event {
        C::HeartbeatSent | C::RebalanceNoticed | C::PollCalled => {}
        C::ResponseHandled { api, error, latency_ns } => {
            sink.word("api", *api as i16, api_name(*api));
            sink.word("error", error.code(), error.name());
            sink.number("latency_ns", *latency_ns as i64);
        }
        C::CommitSent { sync, partitions } => {
            sink.flag("sync", *sync);
            sink.number("partitions", i64::from(*partitions));
        }
        C::CommitEnded { .. }
        | C::CoordinatorFound { .. }
        | C::CoordinatorUnknown { .. }
        | C::RejoinRequested { .. }
        | C::JoinGroupSent { .. }
        | C::Joined { .. }
        | C::Synced { .. }
        | C::RebalanceFailed { .. }
        | C::GenerationReset { .. }
        | C::AssignmentChanged { .. }
        | C::LeaveGroup { .. }
        | C::Exception { .. }
        | C::PositionSet { .. } => rarer_client_fields(event, sink),
    }
}

/// Events with texts or lists, and rarer ones.
#[inline(never)]
fn rarer_client_fields(event: &ClientEvent, sink: &mut impl FieldSink) {
    use ClientEvent as C;
    match event {
        C::CommitEnded { offsets, result, latency_ns } => {
            sink.offsets("offsets", offsets);
            sink.optional_text("exception", result.err());
            sink.number("latency_ns", *latency_ns as i64);
        }
        C::CoordinatorFound { broker } => sink.number("coordinator", i64::from(broker.0)),
        C::CoordinatorUnknown { cause } => sink.text("cause", cause),
        C::RejoinRequested { reason } | C::GenerationReset { reason } => sink.text("reason", reason),
        C::JoinGroupSent { member, reason } => {
            sink.text("member", member.as_str());
            sink.text("reason", reason);
        }
        C::Joined { generation, member, leader } => {
            sink.number("generation", i64::from(generation.0));
            sink.text("member", member.as_str());
            sink.flag("leader", *leader);
        }
        C::Synced { generation, member, rebalance_latency_ns } => {
            sink.number("generation", i64::from(generation.0));
            sink.text("member", member.as_str());
            sink.number("rebalance_latency_ns", *rebalance_latency_ns as i64);
        }
        C::RebalanceFailed { error } => sink.word("error", error.code(), error.name()),
        C::AssignmentChanged { partitions } => sink.partitions("partitions", partitions),
        C::LeaveGroup { reason, sent } => {
            sink.text("reason", reason);
            sink.flag("sent", *sent);
        }
        C::Exception { place, class, message } => {
            sink.text("place", place);
            sink.text("class", class);
            sink.text("message", message);
        }
        C::PositionSet { partition, offset, reset } => {
            sink.partitions("partition", std::slice::from_ref(partition));
            sink.number("offset", *offset);
            sink.flag("reset", *reset);
        }
        _ => {}
    }
}

fn span(sink: &mut impl FieldSink, name: &'static str, span: SimDuration) {
    sink.number(name, span.0 as i64);
}

/// Kafka's name of a listener call.
pub const fn callback(callback: Callback) -> &'static str {
    match callback {
        Callback::Revoked => "onPartitionsRevoked",
        Callback::Assigned => "onPartitionsAssigned",
        Callback::Lost => "onPartitionsLost",
    }
}

/// The word for a host's standstill.
pub const fn host_pause(pause: HostPause) -> &'static str {
    match pause {
        HostPause::Gc => "gc",
        HostPause::Frozen => "frozen",
        HostPause::Throttled => "throttled",
    }
}

/// The word for the end of a process.
pub const fn stop_kind(how: StopKind) -> &'static str {
    match how {
        StopKind::Closed => "closed",
        StopKind::KilledAfterGrace => "killed_after_grace",
        StopKind::Crashed => "crashed",
        StopKind::Failed => "failed",
    }
}

/// Kafka's name of an API (`ApiKeys`).
pub const fn api_name(api: Api) -> &'static str {
    match api {
        Api::FindCoordinator => "FIND_COORDINATOR",
        Api::JoinGroup => "JOIN_GROUP",
        Api::SyncGroup => "SYNC_GROUP",
        Api::Heartbeat => "HEARTBEAT",
        Api::LeaveGroup => "LEAVE_GROUP",
        Api::OffsetCommit => "OFFSET_COMMIT",
        Api::OffsetFetch => "OFFSET_FETCH",
        Api::Metadata => "METADATA",
        Api::ListOffsets => "LIST_OFFSETS",
        Api::OffsetForLeaderEpoch => "OFFSET_FOR_LEADER_EPOCH",
    }
}
