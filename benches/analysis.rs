//! What observing a run costs: digest and analysis over the events of one simulated hour of 50 consumers on 300
//! partitions, each polling once a second, heartbeats and commits as by default.
//!
//! `cargo bench --bench analysis` prints, per observer, the time for the hour and per event: the least over the rounds,
//! since a machine that does other things as well only ever adds to it.
#![allow(clippy::disallowed_types, reason = "a benchmark measures the real clock; no run sees it")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use rebalab::analysis::Analysis;
use rebalab::analysis::figures::KnownFigures;
use rebalab::client::interface::Api;
use rebalab::client::{ClientEvent, RecordBatch};
use rebalab::coordinator::CoordinatorEvent;
use rebalab::engine::SimTime;
use rebalab::protocol::message::CommittedOffsets;
use rebalab::protocol::{BrokerId, ErrorCode, Generation, MemberId, TopicPartition};
use rebalab::scenario::{NoFiles, Scenario, load};
use rebalab::trace::{ConsumerEntry, ConsumerIndex, Digest, Directory, Event, Observer, TraceEvent};

const CONSUMERS: u32 = 50;
const PARTITIONS: i32 = 300;
const SECONDS: u64 = 3_600;
const ROUNDS: usize = 15;

fn main() {
    let scenario = scenario();
    let directory = directory();
    let events = events(&directory);
    println!("{} events of one simulated hour, {CONSUMERS} consumers, {PARTITIONS} partitions", events.len());
    let digest = least(|| {
        let mut digest = Digest::new(&directory);
        let time = fold(&mut digest, &directory, &events);
        (time, digest.value())
    });
    tell("digest", digest, events.len());
    let analysis = least(|| {
        let mut analysis = Analysis::new(&scenario);
        let time = fold(&mut analysis, &directory, &events);
        let mut digest = Digest::new(&directory);
        events[..1].iter().for_each(|event| digest.event(&directory, event));
        (time, analysis.outcome(1, &digest).0.totals.processed_records)
    });
    tell("analysis", analysis, events.len());
    tell("together", digest + analysis, events.len());
}

fn fold(observer: &mut dyn Observer, directory: &Directory, events: &[TraceEvent]) -> Duration {
    let start = Instant::now();
    for event in events {
        observer.event(directory, event);
    }
    start.elapsed()
}

fn least<T>(mut round: impl FnMut() -> (Duration, T)) -> Duration {
    let rounds = (0..ROUNDS).map(|_| {
        let (time, result) = round();
        black_box(result);
        time
    });
    rounds.min().unwrap_or_default()
}

fn tell(what: &str, time: Duration, events: usize) {
    let per_event = time.as_nanos() as f64 / events as f64;
    println!("{what:>10}: {:>7.2} ms per simulated hour, {per_event:>5.1} ns per event", time.as_secs_f64() * 1e3);
}

fn scenario() -> Scenario {
    let text = format!(
        r#"{{ "format_version": 1, "name": "bench", "description": "One hour.", "duration": "1h",
        "cluster": {{ "brokers": 3, "topics": [{{ "name": "orders", "partitions": {PARTITIONS} }}] }},
        "groups": [{{ "id": "billing", "consumers": [{{ "name": "worker", "count": {CONSUMERS} }}] }}] }}"#
    );
    load("bench.json", &text, &NoFiles, &KnownFigures).unwrap_or_else(|problems| panic!("{problems:?}"))
}

fn directory() -> Directory {
    let consumer = |number: u32| {
        let name = format!("worker-{number}");
        ConsumerEntry { client_id: name.as_str().into(), name: name.into(), group: "billing".into() }
    };
    let partition = |partition: i32| TopicPartition::new("orders", partition);
    Directory {
        consumers: (0..CONSUMERS).map(consumer).collect(),
        partitions: (0..PARTITIONS).map(partition).collect(),
        faults: Vec::new(),
    }
}

/// The hour, in order of time.
fn events(directory: &Directory) -> Vec<TraceEvent> {
    let mut events = Vec::new();
    let mut tell = |nanos: u64, event: Event| events.push(TraceEvent { at: SimTime(nanos), event });
    let share = PARTITIONS / CONSUMERS as i32;
    let owned = |consumer: u32| {
        let first = consumer as i32 * share;
        (first..first + share).map(|number| directory.partitions[number as usize])
    };
    for number in 0..CONSUMERS {
        let consumer = ConsumerIndex(number);
        let mut client = |event| tell(u64::from(number), Event::Client { consumer, event });
        let member = MemberId::from(format!("worker-{number}-id"));
        let (generation, partitions) = (Generation(1), owned(number).collect());
        client(ClientEvent::JoinGroupSent { member: member.clone(), reason: "".into() });
        client(ClientEvent::Joined { generation, member: member.clone(), leader: number == 0 });
        client(ClientEvent::Synced { generation, member, rebalance_latency_ns: 1 });
        client(ClientEvent::AssignmentChanged { partitions });
        owned(number).for_each(|partition| client(ClientEvent::PositionSet { partition, offset: 0, reset: false }));
    }
    for second in 1..SECONDS {
        for number in 0..CONSUMERS {
            let base = second * 1_000_000_000 + u64::from(number) * 10_000_000;
            one_second(second, number, &owned, &mut |after, event| tell(base + after, event));
        }
    }
    events.sort_by_key(|event| event.at);
    events
}

/// What one consumer does in one second.
fn one_second<P: Iterator<Item = TopicPartition>>(
    second: u64,
    number: u32,
    owned: &impl Fn(u32) -> P,
    tell: &mut impl FnMut(u64, Event),
) {
    let consumer = ConsumerIndex(number);
    let client = |event| Event::Client { consumer, event };
    let batch = |partition| RecordBatch { partition, from: (second as i64 - 1) * 2, count: 2 };
    let batches: Vec<RecordBatch> = owned(number).map(batch).collect();
    tell(0, Event::ProcessingBegan { consumer, batches: batches.clone().into() });
    tell(400_000, Event::ProcessingEnded { consumer, batches: batches.into(), poll_called: true });
    if second.is_multiple_of(3) {
        let (api, error) = (Api::Heartbeat, ErrorCode::None);
        tell(500_000, client(ClientEvent::HeartbeatSent));
        tell(1_400_000, client(ClientEvent::ResponseHandled { api, error, latency_ns: 900_000 }));
    }
    if second.is_multiple_of(5) {
        let offsets: CommittedOffsets = owned(number).map(|partition| (partition, second as i64 * 2)).collect();
        let committed = CoordinatorEvent::OffsetsCommitted {
            group: "billing".into(),
            member: format!("worker-{number}-id").into(),
            partitions: offsets.clone(),
        };
        tell(400_000, client(ClientEvent::CommitSent { sync: false, partitions: 6 }));
        tell(800_000, Event::Coordinator { broker: BrokerId(0), event: committed });
        tell(1_300_000, client(ClientEvent::CommitEnded { offsets, result: Ok(()), latency_ns: 900_000 }));
    }
}
