//! When records are fetched: what the recordings at scale brought to light, in small.

use rebalab::analysis::figures::KnownFigures;
use rebalab::client::Callback;
use rebalab::experiment;
use rebalab::scenario::{NoFiles, load};
use rebalab::trace::{Directory, Event, Observer, TraceEvent};

/// One batch: when its work began, ms, and its records as (topic, partition, count).
type Batch = (i64, Vec<(String, i32, u32)>);

/// What the consumer of that name worked on, and when it was assigned something.
#[derive(Default)]
struct Batches {
    consumer: &'static str,
    batches: Vec<Batch>,
    assigned: Vec<i64>,
}

impl Observer for Batches {
    fn event(&mut self, directory: &Directory, event: &TraceEvent) {
        let at = event.at.millis().0;
        let is_meant = |consumer: u32| &*directory.consumers[consumer as usize].name == self.consumer;
        match &event.event {
            Event::ProcessingBegan { consumer, batches } if is_meant(consumer.0) => {
                let counts = batches
                    .iter()
                    .map(|batch| (batch.partition.topic.as_str().to_owned(), batch.partition.partition, batch.count));
                self.batches.push((at, counts.collect()));
            }
            Event::CallbackEnded { consumer, callback: Callback::Assigned } if is_meant(consumer.0) => {
                self.assigned.push(at);
            }
            _ => {}
        }
    }
}

fn batches(consumer: &'static str, topics: &str, consumers: &str, faults: &str) -> Batches {
    batches_of(1, consumer, topics, consumers, faults)
}

fn batches_of(brokers: u32, consumer: &'static str, topics: &str, consumers: &str, faults: &str) -> Batches {
    let text = format!(
        r#"{{ "format_version": 1, "name": "fetching", "duration": "3m",
        "cluster": {{ "brokers": {brokers}, "topics": [{topics}] }},
        "groups": [{{ "id": "billing", "consumers": [{consumers}] }}], "faults": [{faults}] }}"#
    );
    let scenario =
        load("fetching.json", &text, &NoFiles, &KnownFigures).unwrap_or_else(|problems| panic!("{problems}"));
    let mut seen = Batches { consumer, ..Batches::default() };
    experiment::run(&scenario, 1, &mut [&mut seen]);
    seen
}

fn count((_, records): &Batch) -> u32 {
    records.iter().map(|(_, _, count)| count).sum()
}

#[test]
fn after_a_slow_batch_there_is_first_what_had_come_when_it_began_and_then_the_backlog() {
    let seen = batches(
        "worker",
        r#"{ "name": "orders", "partitions": 1, "arrivals": { "per_second": 10 } }"#,
        r#"{ "name": "worker", "processing": { "per_batch": "5s" } }"#,
        "",
    );
    let counts: Vec<u32> = seen.batches.iter().map(count).collect();
    // The Fetch that goes out when the first batch begins is answered by the next record alone.
    assert_eq!(counts[1], 1);
    assert!(counts[2..].iter().all(|count| (49..=51).contains(count)), "{counts:?}");
}

#[test]
fn t51_one_partition_after_the_other_is_drained_before_anything_is_fetched_again() {
    let seen = batches(
        "worker",
        r#"{ "name": "orders", "partitions": 2, "backlog_per_partition": 3, "arrivals": { "per_second": 1 } }"#,
        r#"{ "name": "worker", "properties": { "max.poll.records": 1, "auto.offset.reset": "earliest" }, "processing": { "per_record": "5s" } }"#,
        "",
    );
    let order: Vec<i32> = seen.batches.iter().map(|(_, records)| records[0].1).collect();
    assert!(seen.batches.iter().all(|batch| count(batch) == 1));
    let first = order.iter().take_while(|number| **number == order[0]).count();
    let second = order[first..].iter().take_while(|number| **number != order[0]).count();
    assert!(first >= 3 && second >= 3, "in one Fetch came what was there of each: {order:?}");
}

#[test]
fn t52_a_newly_assigned_partition_waits_for_the_fetch_that_is_parked_on_its_broker_and_for_the_next() {
    let properties = r#""properties": { "fetch.max.wait.ms": 20000,
        "partition.assignment.strategy": "org.apache.kafka.clients.consumer.CooperativeStickyAssignor" }"#;
    let seen = batches(
        "waits",
        r#"{ "name": "quiet", "partitions": 1 },
           { "name": "busy", "partitions": 1, "arrivals": { "per_second": 10 } }"#,
        &format!(
            r#"{{ "name": "waits", "subscription": {{ "topics": ["busy", "quiet"] }}, {properties} }},
               {{ "name": "works", "subscription": {{ "topics": ["busy"] }}, {properties} }}"#
        ),
        r#"{ "at": "61s", "stop": { "host": "works" } }"#,
    );
    let (began, records) = seen.batches.iter().find(|(at, _)| *at > 61_000).expect("records come in the end");
    assert_eq!(records[0].0, "busy");
    let assigned = *seen.assigned.iter().rfind(|at| **at < *began).expect("it was assigned");
    let waited = began - assigned;
    // Its leader is asked about the committed offset's epoch behind that Fetch, and the answer comes just after the next one
    // has gone out for the quiet partition: a Kafka 4.1.1 consumer took 3.1 + 8.0 s so with `fetch.max.wait.ms` of 8 s.
    assert!((20_000..40_100).contains(&waited), "assigned at {assigned}, first records at {began}");
    assert!(count(&seen.batches[seen.batches.len() - 1]) <= 2, "from then on they come as they arrive");
}

#[test]
fn the_partitions_of_a_broker_that_is_down_are_fetched_from_their_next_leader() {
    // One of the two is the group's coordinator too: its restart makes the member join again.
    for broker in 0..2 {
        let seen = batches_of(
            2,
            "worker",
            r#"{ "name": "orders", "partitions": 2, "arrivals": { "per_second": 10 } }"#,
            r#"{ "name": "worker" }"#,
            &format!(r#"{{ "at": "61s", "broker_restart": {{ "broker": {broker}, "down": "60s" }} }}"#),
        );
        for number in 0..2 {
            let of = |from: i64, to: i64| {
                let within = seen.batches.iter().filter(|(at, _)| (from..to).contains(at));
                within.flat_map(|(_, records)| records).filter(|(_, partition, _)| *partition == number).count()
            };
            assert!(of(70_000, 120_000) > 200, "partition {number} while broker {broker} is down");
            assert!(of(130_000, 179_000) > 200, "partition {number} when it is back");
        }
    }
}
