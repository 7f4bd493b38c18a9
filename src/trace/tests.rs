//! Digest and file of a trace: what they tell apart, what they leave out, that nothing is lost on the way.

use std::sync::Arc;

use super::event::ConsumerEntry;
use super::*;
use crate::client::interface::Api;
use crate::client::{Callback, ClientEvent as C, RecordBatch};
use crate::coordinator::CoordinatorEvent as B;
use crate::engine::{SimDuration, SimTime};
use crate::protocol::message::CommittedOffsets;
use crate::protocol::{BrokerId, ErrorCode, Generation, GroupId, TopicPartition};

fn directory(consumers: &[(&str, &str)]) -> Directory {
    let entry = |(name, group): &(&str, &str)| ConsumerEntry {
        name: Arc::from(*name),
        group: GroupId::from(*group),
        client_id: (*name).into(),
    };
    Directory {
        consumers: consumers.iter().map(entry).collect(),
        partitions: (0..4).map(|n| TopicPartition::new("big-orders", n)).collect(),
        faults: vec![Arc::from("gc \"long\" pause"), Arc::from("crash")],
    }
}

fn offsets<const N: usize>(offsets: [(TopicPartition, i64); N]) -> CommittedOffsets {
    offsets.into_iter().collect()
}

fn partition(number: i32) -> TopicPartition {
    TopicPartition::new("big-orders", number)
}

/// At least one event of every kind.
fn one_of_each() -> Vec<Event> {
    let consumer = ConsumerIndex(1);
    let batches = vec![RecordBatch { partition: partition(2), from: 10, count: 5 }];
    let mut events = vec![
        Event::ProcessStarted { consumer },
        Event::StopRequested { consumer, grace: SimDuration::from_secs(30) },
        Event::ProcessStopped { consumer, how: StopKind::KilledAfterGrace },
        Event::PauseBegan { consumer, pause: HostPause::Frozen },
        Event::PauseEnded { consumer, pause: HostPause::Gc },
        Event::ProcessingBegan { consumer, batches: batches.clone().into() },
        Event::ProcessingEnded { consumer, batches: batches.into(), poll_called: true },
        Event::PollStalled { consumer, length: SimDuration(7) },
        Event::CallbackBegan { consumer, callback: Callback::Lost, partitions: vec![partition(0), partition(3)] },
        Event::CallbackEnded { consumer, callback: Callback::Assigned },
        Event::BrokerUp { broker: BrokerId(2) },
        Event::BrokerDown { broker: BrokerId(2) },
        Event::BrokerFenced { broker: BrokerId(2) },
        Event::CoordinatorMoved { partition: 7, from: BrokerId(0), to: BrokerId(1) },
        Event::FaultBegan { fault: 0, target: Arc::from("worker-1") },
        Event::FaultEnded { fault: 1, target: Arc::from("link") },
        Event::PartitionsAdded { partitions: vec![partition(4)] },
    ];
    events.extend(client_events().into_iter().map(|event| Event::Client { consumer, event }));
    events.extend(coordinator_events().into_iter().map(|event| Event::Coordinator { broker: BrokerId(1), event }));
    events
}

fn client_events() -> Vec<C> {
    let reason: Arc<str> = Arc::from("group is already rebalancing \\ \u{7}");
    vec![
        C::CoordinatorFound { broker: BrokerId(2) },
        C::CoordinatorUnknown { cause: reason.clone() },
        C::HeartbeatSent,
        C::ResponseHandled { api: Api::SyncGroup, error: ErrorCode::RebalanceInProgress, latency_ns: 12_345 },
        C::RebalanceNoticed,
        C::RejoinRequested { reason: reason.clone() },
        C::JoinGroupSent { member: "worker-1-abc".into(), reason: reason.clone() },
        C::Joined { generation: Generation(3), member: "worker-1-abc".into(), leader: true },
        C::Synced { generation: Generation(3), member: "worker-1-abc".into(), rebalance_latency_ns: 1 },
        C::RebalanceFailed { error: ErrorCode::MemberIdRequired },
        C::GenerationReset { reason: reason.clone() },
        C::AssignmentChanged { partitions: vec![] },
        C::PollCalled,
        C::CommitSent { sync: true, partitions: 4 },
        C::CommitEnded { offsets: offsets([(partition(1), 17)]), result: Ok(()), latency_ns: 5 },
        C::CommitEnded { offsets: offsets([]), result: Err("CommitFailedException"), latency_ns: 0 },
        C::LeaveGroup { reason: reason.clone(), sent: false },
        C::Exception { place: "poll", class: "FencedInstanceIdException", message: reason },
        C::PositionSet { partition: partition(3), offset: 99, reset: true },
    ]
}

fn coordinator_events() -> Vec<B> {
    let group = || GroupId::from("billing");
    let member = || "m".into();
    let generation = Generation(3);
    let reason = || Arc::from("removing member x on heartbeat expiration.");
    let ids = || vec!["a".into(), "b".into()];
    let joined = |instance: Option<&str>, was_pending| B::MemberJoined {
        group: group(),
        member: member(),
        instance: instance.map(Into::into),
        client: "c".into(),
        state: "Stable",
        was_pending,
    };
    let replaced = ("i".into(), "a".into(), "b".into());
    let (instance, old, new) = replaced.clone();
    let reverted = B::StaticMemberReverted { group: group(), instance, old, new, cause: reason() };
    let (instance, old, new) = replaced;
    vec![
        B::MemberIdRequired { group: group(), member: member(), state: "Empty" },
        joined(None, true),
        joined(Some("i"), false),
        B::PreparingRebalance { group: group(), from_state: "Stable", old_generation: generation, reason: reason() },
        B::JoinParked { group: group(), member: member() },
        B::SyncParked { group: group(), member: member() },
        B::DynamicMembersRemoved { group: group(), members: ids() },
        B::NoMembersRejoined { group: group() },
        B::Stabilized { group: group(), generation, members: 2, leader: member(), protocol: Arc::from("range") },
        B::Empty { group: group(), generation },
        B::AssignmentReceived { group: group(), generation, leader: member(), members: 2, static_members: 1 },
        B::EmptyAssignments { group: group(), generation, members: ids() },
        B::Stable { group: group(), generation },
        B::PendingSyncExpired { group: group(), members: ids() },
        B::MemberFailed { group: group(), member: member(), reason: reason() },
        B::PendingMemberExpired { group: group(), member: member() },
        B::MemberLeft { group: group(), member: member(), reason: reason() },
        B::PendingMemberLeft { group: group(), member: member(), reason: reason() },
        B::StaticMemberReplaced { group: group(), instance, old, new, state: "Stable" },
        B::StaticMemberKeepsAssignment { group: group() },
        reverted,
        B::EmptyGroupNotWritten { group: group(), cause: reason() },
        B::SimpleGroupCreated { group: group() },
        B::OffsetsCommitted { group: group(), member: member(), partitions: offsets([(partition(0), 5)]) },
        B::OffsetsExpired { group: group(), partitions: vec![partition(0)] },
        B::GroupExpired { group: group() },
        B::TombstonesWritten { records: 9 },
        B::GroupsDeleted { groups: vec![group()], offsets: 2 },
        B::Loaded { groups: 3, records: 1_000 },
        B::Unloaded { groups: 3 },
        B::UnexpectedError { message: reason() },
    ]
}

fn digest(directory: &Directory, events: &[TraceEvent]) -> Digest {
    let mut digest = Digest::new(directory);
    for event in events {
        digest.event(directory, event);
    }
    digest
}

fn timed(events: Vec<Event>) -> Vec<TraceEvent> {
    events.into_iter().enumerate().map(|(i, event)| TraceEvent { at: SimTime(i as u64 * 1_000_001), event }).collect()
}

fn lines(directory: &Directory, events: &[TraceEvent]) -> String {
    let mut text = json::head_line(directory);
    for event in events {
        json::event_line(directory, event, &mut text);
    }
    text
}

#[test]
fn every_event_survives_the_file() {
    let directory = directory(&[("worker-0", "billing"), ("worker-1", "billing")]);
    let events = timed(one_of_each());
    let text = lines(&directory, &events);
    let (read_directory, read_events) = read_trace(&text).unwrap();
    assert_eq!(format!("{events:?}"), format!("{read_events:?}"));
    assert_eq!(read_directory.partitions.len(), directory.partitions.len() + 1);
    assert_eq!(digest(&directory, &events).value(), digest(&directory, &read_events).value());
    assert_eq!(lines(&directory, &read_events), text);
}

#[test]
fn every_kind_of_event_has_a_number_and_a_name_of_its_own() {
    let mut kinds: Vec<_> = one_of_each().iter().map(fields::kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let mut numbers: Vec<_> = kinds.iter().map(|kind| kind.0).collect();
    let mut names: Vec<_> = kinds.iter().map(|kind| kind.1).collect();
    numbers.dedup();
    names.sort_unstable();
    names.dedup();
    assert_eq!((numbers.len(), names.len()), (kinds.len(), kinds.len()));
}

#[test]
fn every_event_changes_the_digest_and_so_does_its_time_and_order() {
    let directory = directory(&[("worker-0", "billing"), ("worker-1", "billing")]);
    let events = timed(one_of_each());
    let whole = digest(&directory, &events).value();
    for left_out in 0..events.len() {
        let mut fewer = events.clone();
        fewer.remove(left_out);
        assert_ne!(digest(&directory, &fewer).value(), whole, "without {:?}", events[left_out]);
    }
    let mut later = events.clone();
    later[3].at.0 += 1;
    assert_ne!(digest(&directory, &later).value(), whole);
    let mut swapped = events.clone();
    swapped.swap(0, 1);
    assert_ne!(digest(&directory, &swapped).value(), whole);
}

#[test]
fn an_unrelated_group_leaves_the_digest_of_a_group_unchanged() {
    let alone = directory(&[("worker-0", "billing"), ("worker-1", "billing")]);
    let beside = directory(&[("other-0", "audit"), ("worker-0", "billing"), ("worker-1", "billing")]);
    let event = |consumer: u32, event: C| Event::Client { consumer: ConsumerIndex(consumer), event };
    let stable = |group: &str| Event::Coordinator {
        broker: BrokerId(0),
        event: B::Stable { group: group.into(), generation: Generation(1) },
    };
    let pause = |fault, target: &str| Event::FaultBegan { fault, target: target.into() };
    let at = |second: u64, event| TraceEvent { at: SimTime(second), event };
    let first = [at(1, event(0, C::PollCalled)), at(2, stable("billing")), at(2, pause(1, "worker-1"))];
    let both = [
        at(1, event(0, C::HeartbeatSent)),
        at(1, event(1, C::PollCalled)),
        at(1, stable("audit")),
        at(2, pause(0, "other-0")),
        at(2, stable("billing")),
        at(2, pause(1, "worker-1")),
    ];
    let billing = GroupId::from("billing");
    let before = digest(&alone, &first);
    let after = digest(&beside, &both);
    assert_eq!(before.group_values()[&billing], after.group_values()[&billing]);
    assert_ne!(before.value(), after.value());
    let less = digest(&alone, &first[..2]);
    assert_ne!(before.group_values()[&billing], less.group_values()[&billing]);
}

#[test]
fn the_order_of_two_groups_at_one_instant_changes_the_digest_of_the_run_and_of_neither_group() {
    let directory = directory(&[("other-0", "audit"), ("worker-0", "billing")]);
    let polls = |consumer: u32| TraceEvent {
        at: SimTime(1),
        event: Event::Client { consumer: ConsumerIndex(consumer), event: C::PollCalled },
    };
    let digests = [[0, 1, 1, 0], [0, 1, 0, 1], [1, 0, 1, 0], [1, 0, 0, 1], [0, 0, 1, 1], [1, 1, 0, 0]]
        .map(|order| digest(&directory, &order.map(polls)));
    for (place, one) in digests.iter().enumerate() {
        for other in &digests[place + 1..] {
            assert_ne!(one.value(), other.value());
            assert_eq!(one.group_values(), other.group_values());
        }
    }
}

#[test]
fn partitions_topics_and_offsets_of_batches_are_told_apart() {
    let directory = directory(&[("worker-0", "billing")]);
    let batch = |topic: &str, number: i32, from: i64, count: u32| {
        let batches = vec![RecordBatch { partition: TopicPartition::new(topic, number), from, count }];
        let event = Event::ProcessingBegan { consumer: ConsumerIndex(0), batches: batches.into() };
        digest(&directory, &[TraceEvent { at: SimTime(1), event }]).value()
    };
    let mut values = vec![batch("a", 0, 10, 5), batch("b", 0, 10, 5), batch("a", 1, 10, 5), batch("a", 0, 11, 5)];
    values.extend([batch("a", 0, 10, 6), batch("a", -1, 10, 5), batch("b", 1, 10, 5)]);
    values.sort_unstable();
    values.dedup();
    assert_eq!(values.len(), 7);
}

#[test]
fn the_digest_does_not_depend_on_where_chunks_end() {
    let directory = directory(&[("worker-0", "billing"), ("worker-1", "billing")]);
    let events: Vec<_> = (0..200).flat_map(|_| timed(one_of_each())).collect();
    let mut looked_at_on_the_way = Digest::new(&directory);
    for event in &events {
        looked_at_on_the_way.event(&directory, event);
        let _ = looked_at_on_the_way.value();
    }
    assert_eq!(looked_at_on_the_way.value(), digest(&directory, &events).value());
}

#[test]
fn a_line_tells_time_entity_event_and_fields_by_name() {
    let directory = directory(&[("worker-0", "billing"), ("worker-1", "billing")]);
    let event = Event::CallbackBegan {
        consumer: ConsumerIndex(1),
        callback: Callback::Revoked,
        partitions: vec![partition(0), partition(1)],
    };
    let mut line = String::new();
    json::event_line(&directory, &TraceEvent { at: SimTime(61_234_567_891), event }, &mut line);
    assert_eq!(
        line,
        concat!(
            r#"{"at_s":61.234567891,"entity":"worker-1","event":"CallbackBegan","callback":"onPartitionsRevoked","#,
            r#""partitions":["big-orders-0","big-orders-1"]}"#,
            "\n"
        )
    );
}

#[test]
fn a_file_that_is_no_trace_is_told_with_line_and_field() {
    let head = json::head_line(&directory(&[("worker-0", "billing")]));
    let error = |text: &str| read_trace(text).unwrap_err().to_string();
    assert!(error("").starts_with("line 1: not a JSON object"));
    assert!(error("{}").starts_with("line 1: not the head of a rebalab trace"));
    assert!(error("{\"rebalab_trace\":2}").starts_with("line 1: trace format version 2"));
    assert!(error(&format!("{head}[]")).starts_with("line 2: not a JSON object"));
    let line = |line: &str| error(&format!("{head}{line}"));
    assert_eq!(line(r#"{"at_s":1,"entity":"worker-0","event":"Nap"}"#), "line 2: unknown event `Nap`");
    assert_eq!(line(r#"{"entity":"worker-0","event":"PollCalled"}"#), "line 2: field `at_s` should be seconds");
    assert_eq!(
        line(r#"{"at_s":1,"entity":"worker-9","event":"PollCalled"}"#),
        "line 2: field `entity` should be a consumer of the head line"
    );
    assert_eq!(
        line(r#"{"at_s":1,"entity":"worker-0","event":"CommitSent","sync":true,"partitions":"many"}"#),
        "line 2: field `partitions` should be a whole number"
    );
}
