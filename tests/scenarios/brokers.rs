//! What becomes of groups when brokers stop, crash, lose power or hand their coordinators over.

use std::collections::BTreeSet;

use rebalab::analysis::figures::KnownFigures;
use rebalab::analysis::outcome::Outcome;
use rebalab::client::ClientEvent;
use rebalab::coordinator::CoordinatorEvent;
use rebalab::experiment;
use rebalab::protocol::BrokerId;
use rebalab::scenario::{ClientProfile, NoFiles, load};
use rebalab::trace::{Directory, Event, Observer, TraceEvent};

/// What the cluster and its clients did, with milliseconds.
#[derive(Default)]
struct Story {
    events: Vec<(i64, Event)>,
}

impl Observer for Story {
    fn event(&mut self, _: &Directory, event: &TraceEvent) {
        let kept = match &event.event {
            Event::BrokerDown { .. }
            | Event::BrokerUp { .. }
            | Event::BrokerFenced { .. }
            | Event::CoordinatorMoved { .. } => true,
            Event::Client { event, .. } => matches!(
                event,
                ClientEvent::CoordinatorUnknown { .. }
                    | ClientEvent::CoordinatorFound { .. }
                    | ClientEvent::Joined { .. }
                    | ClientEvent::CommitEnded { .. }
            ),
            Event::Coordinator { event, .. } => {
                matches!(event, CoordinatorEvent::Loaded { .. })
            }
            _ => false,
        };
        if kept {
            self.events.push((event.at.millis().0, event.event.clone()));
        }
    }
}

impl Story {
    /// Milliseconds of the first event from `from` on that is meant.
    fn first(&self, from: i64, meant: impl Fn(&Event) -> bool) -> Option<i64> {
        self.events.iter().find(|(at, event)| *at >= from && meant(event)).map(|(at, _)| *at)
    }

    fn fenced(&self) -> i64 {
        self.first(0, |event| matches!(event, Event::BrokerFenced { .. })).expect("it is fenced")
    }

    fn up(&self) -> i64 {
        self.first(0, |event| matches!(event, Event::BrokerUp { .. })).expect("it comes back")
    }

    fn moves(&self) -> Vec<(i64, BrokerId)> {
        let moved = |(at, event): &(i64, Event)| match event {
            Event::CoordinatorMoved { to, .. } => Some((*at, *to)),
            _ => None,
        };
        self.events.iter().filter_map(moved).collect()
    }

    /// When each client first lost its coordinator from `from` on, by consumer.
    fn losses(&self, from: i64) -> Vec<i64> {
        (0..MEMBERS)
            .map(|member| {
                let of_member = |event: &Event| {
                    matches!(event, Event::Client { consumer, event: ClientEvent::CoordinatorUnknown { .. } }
                        if consumer.0 == member)
                };
                self.first(from, of_member).expect("every client loses its coordinator")
            })
            .collect()
    }
}

const MEMBERS: u32 = 3;

/// Three consumers, whose group's coordinator is broker 0 of three.
fn run(seed: u64, cluster: &str, properties: &str, more: &str, faults: &str) -> (Outcome, Story) {
    let text = format!(
        r#"{{ "format_version": 1, "name": "t", "duration": "10m",
             "cluster": {{ {cluster} "topics": [{{ "name": "orders", "partitions": 6, "arrivals": {{ "per_second": 60 }} }}] }},
             "groups": [{{ "id": "billing", "consumers": [
                 {{ "name": "worker", "count": {MEMBERS}, "startup": "1s", "properties": {{ {properties} }},
                    "processing": {{ "per_record": "1ms" }} }} {more} ] }}],
             "faults": [{faults}] }}"#
    );
    let scenario = load("t.json", &text, &NoFiles, &KnownFigures).unwrap_or_else(|problems| panic!("{problems}"));
    let mut story = Story::default();
    let (outcome, _) = experiment::run(&scenario, seed, &mut [&mut story]);
    assert!(outcome.invariants_hold(), "seed {seed}");
    (outcome, story)
}

fn restart(how: &str) -> String {
    format!(r#"{{ "at": "60s", "broker_restart": {{ "broker": 0, {how} }} }}"#)
}

#[test]
fn an_orderly_shutdown_hands_the_coordinator_over_at_once() {
    let (outcome, story) = run(1, "", "", "", &restart(r#""down": "30s""#));
    assert_eq!((story.fenced(), story.up()), (60_000, 90_000));
    assert_eq!(story.moves()[0], (60_000, BrokerId(1)));
    assert_eq!((outcome.totals.rebalances, outcome.totals.false_expulsions), (1, 0));
}

#[test]
fn a_crashed_broker_is_missed_when_its_session_with_the_controller_is_over() {
    let mut seen = Vec::new();
    for seed in 1..=20 {
        let (outcome, story) = run(seed, "", "", "", &restart(r#""down": "30s", "unclean": true"#));
        let after = story.fenced() - 60_000;
        // 9 s from a heartbeat up to 2 s ago, then the next of the looks that come every 1.125 s.
        assert!((7_000..=10_125).contains(&after), "seed {seed}: {after}");
        assert_eq!(story.moves()[0], (story.fenced(), BrokerId(1)));
        let found = |event: &Event| matches!(event, Event::Client { event: ClientEvent::Joined { .. }, .. });
        assert_eq!(story.first(60_000, found), None, "seed {seed}: the reloaded group knows its members");
        assert_eq!(outcome.totals.rebalances, 1, "seed {seed}");
        // A third of the partitions had their leader there.
        assert!(outcome.totals.pause.max.expect("they stand still") * 1_000.0 >= after as f64, "seed {seed}");
        seen.push(after);
    }
    seen.sort_unstable();
    assert!(seen[19] - seen[0] > 1_000, "it is not always the same: {seen:?}");
}

#[test]
fn how_long_a_crash_goes_unnoticed_is_the_brokers_session_timeout() {
    let cluster = r#""properties": { "broker.session.timeout.ms": 18000 },"#;
    let (_, story) = run(1, cluster, "", "", &restart(r#""down": "30s", "unclean": true"#));
    assert!((16_000..=20_250).contains(&(story.fenced() - 60_000)), "{}", story.fenced());
}

#[test]
fn a_crashed_broker_that_is_back_sooner_is_not_let_in_before_its_old_session_is_over() {
    let (_, story) = run(1, "", "", "", &restart(r#""down": "1s", "unclean": true"#));
    assert!(story.fenced() >= 67_000);
    assert_eq!(story.up(), story.fenced());
    assert_eq!(story.moves()[0], (story.fenced(), BrokerId(1)));
}

#[test]
fn the_only_broker_of_a_cluster_leads_again_as_soon_as_it_is_back() {
    let faults = restart(r#""down": "2s", "unclean": true"#);
    let (_, story) = run(1, r#""brokers": 1,"#, "", "", &faults);
    assert_eq!(story.up(), 62_000);
    assert!(story.moves().is_empty());
    let loaded = |event: &Event| matches!(event, Event::Coordinator { event: CoordinatorEvent::Loaded { .. }, .. });
    assert!((62_000..62_100).contains(&story.first(60_000, loaded).expect("it reads its log")));
}

#[test]
fn a_coordinator_loads_when_its_new_leader_knows_that_it_leads() {
    let faults = restart(r#""down": "2s", "unclean": true"#);
    let (outcome, story) = run(1, r#""brokers": 1, "leadership_time": "4s","#, "", "", &faults);
    let loaded = |event: &Event| matches!(event, Event::Coordinator { event: CoordinatorEvent::Loaded { .. }, .. });
    assert!((66_000..66_100).contains(&story.first(60_000, loaded).expect("it reads its log")));
    let losses = story.losses(62_100);
    assert!(losses.iter().all(|at| *at < 66_100), "it answers NOT_COORDINATOR until then: {losses:?}");
    assert_eq!(outcome.totals.false_expulsions, 0);
}

#[test]
fn a_crash_is_seen_at_once_by_clients_and_a_lost_machine_by_their_request_timeout() {
    let (_, crashed) = run(1, "", "", "", &restart(r#""down": "60s", "unclean": true"#));
    assert!(crashed.losses(60_000).iter().all(|at| *at < 60_200), "{:?}", crashed.losses(60_000));
    // The first heartbeat that nobody answers is sent up to 3 s later and given up 30 s after that.
    let (outcome, lost) = run(1, "", "", "", &restart(r#""down": "60s", "power_loss": true"#));
    let losses = lost.losses(60_000);
    assert!(losses.iter().all(|at| (90_000..93_200).contains(at)), "{losses:?}");
    assert_eq!(outcome.totals.rebalances, 1, "the new coordinator waits 45 s from when it has read the group");
    // With a session shorter than the request timeout the client's own session timer comes first.
    let short = r#""session.timeout.ms": 10000"#;
    let (_, lost) = run(1, "", short, "", &restart(r#""down": "60s", "power_loss": true"#));
    let losses = lost.losses(60_000);
    assert!(losses.iter().all(|at| (67_000..70_200).contains(at)), "{losses:?}");
}

#[test]
fn a_half_open_connection_ends_when_the_machine_is_back_and_knows_nothing_of_it() {
    let (_, story) = run(1, "", "", "", &restart(r#""down": "15s", "power_loss": true"#));
    let losses = story.losses(60_000);
    // The next retransmission of the heartbeat, at doubling intervals, meets a machine that resets the connection.
    assert!(losses.iter().all(|at| (75_000..90_000).contains(at)), "{losses:?}");
}

#[test]
fn a_coordinator_goes_back_to_its_first_broker_with_the_controllers_next_look_for_imbalance() {
    let mut after = Vec::new();
    for seed in 1..=8 {
        let (outcome, story) = run(seed, "", "", "", &restart(r#""down": "20s""#));
        let moves = story.moves();
        assert_eq!(moves.iter().map(|(_, to)| *to).collect::<Vec<_>>(), [BrokerId(1), BrokerId(0)], "seed {seed}");
        assert!(moves[1].0 > 80_000 && moves[1].0 <= 80_000 + 300_000, "seed {seed}: {}", moves[1].0);
        assert_eq!(outcome.totals.rebalances, 1, "seed {seed}: nobody loses its membership");
        after.push(moves[1].0);
    }
    after.dedup();
    assert!(after.len() > 1, "the controller looks every 300 s, from another instant in each run");
    let off = r#""properties": { "auto.leader.rebalance.enable": false },"#;
    assert_eq!(run(1, off, "", "", &restart(r#""down": "20s""#)).1.moves().len(), 1);
}

#[test]
fn a_coordinator_that_moves_reads_its_log_for_as_long_as_that_is() {
    let time = |records: u64| {
        let cluster = format!(r#""offsets_log_records": {records}, "load_time_per_record": "1ms","#);
        let (outcome, story) =
            run(1, &cluster, "", "", r#"{ "at": "60s", "coordinator_move": { "group": "billing", "to": 2 } }"#);
        assert_eq!(outcome.totals.rebalances, 1);
        let loaded = |event: &Event| matches!(event, Event::Coordinator { event: CoordinatorEvent::Loaded { .. }, .. });
        story.first(60_000, loaded).expect("it reads its log") - 60_000
    };
    let own = time(0);
    assert!((20..400).contains(&own), "the run's own records are read: {own}");
    assert_eq!(time(5_000) - own, 5_000);
}

#[test]
fn a_stall_of_the_storage_stays_with_the_broker() {
    let stall = r#"{ "at": "50s", "storage_stall": { "brokers": [0], "for": "60s" } }, "#;
    let (_, story) = run(1, "", "", "", &format!("{stall}{}", restart(r#""down": "10s""#)));
    let committed =
        |event: &Event| matches!(event, Event::Client { event: ClientEvent::CommitEnded { result: Ok(()), .. }, .. });
    assert_eq!(story.first(51_000, committed).filter(|at| *at < 60_000), None, "nothing is committed on broker 0");
    assert!(story.first(60_000, committed).expect("broker 1 goes on") < 75_000);
}

#[test]
fn commits_that_were_not_replicated_are_lost_with_a_crash_and_their_records_come_again() {
    // For half a minute nothing that broker 0 writes is replicated. Then a consumer dies, and broker 0 goes: whoever gets
    // the dead member's two partitions (20 records a second) starts at what the next coordinator knows.
    let duplicates = |how: &str| {
        let faults = format!(
            r#"{{ "at": "60s", "storage_stall": {{ "brokers": [0], "for": "2m" }} }},
               {{ "at": "89s", "crash": {{ "host": "worker-2" }} }},
               {{ "at": "90s", "broker_restart": {{ "broker": 0, "down": "60s" {how} }} }}"#
        );
        run(1, "", "", "", &faults).0.totals.duplicates
    };
    let (handed_over, lost) = (duplicates(""), duplicates(r#", "unclean": true"#));
    assert!(lost >= 29 * 20, "everything since the stall began: {lost}");
    assert!(handed_over <= 15 * 20, "what was worked on since the last commit: {handed_over}");
}

#[test]
fn a_rebalance_that_was_not_replicated_is_made_again_after_a_crash() {
    // The member that joins at 60 s makes generation 2, whose assignment is never replicated.
    let faults = r#"{ "at": "59s", "storage_stall": { "brokers": [0], "for": "2m" } },
        { "at": "66s", "broker_restart": { "broker": 0, "down": "60s", "unclean": true } }"#;
    let manual = r#""enable.auto.commit": false"#;
    let late = r#", { "name": "late", "start": { "at": "60s" }, "properties": { "enable.auto.commit": false } }"#;
    let (outcome, story) = run(1, "", manual, late, faults);
    let joined = |from: i64| {
        let generations = story.events.iter().filter(|(at, _)| *at >= from).filter_map(|(_, event)| match event {
            Event::Client { event: ClientEvent::Joined { generation, .. }, .. } => Some(generation.0),
            _ => None,
        });
        generations.collect::<Vec<_>>()
    };
    assert_eq!(joined(60_000)[..4], [2; 4], "all four join generation 2");
    assert_eq!(joined(66_000), [2; 4], "and join it again, under the coordinator that never heard of it");
    assert!(outcome.exceptions.is_empty(), "{:?}", outcome.exceptions);
}

#[test]
fn a_throttled_client_waits_after_each_answer_and_keeps_its_membership() {
    let join = r#", { "name": "late", "start": { "at": "60s" } }"#;
    let second = |faults: &str, properties: &str| {
        let (outcome, _) = run(1, "", properties, join, faults);
        assert_eq!(outcome.totals.false_expulsions, 0);
        outcome.groups[0].rebalances[1].latency_s.expect("it ends")
    };
    let throttled = r#"{ "at": "50s", "throttle": { "by": "1s", "for": "1m" } }"#;
    let (usual, slow) = (second("", ""), second(throttled, ""));
    // A second from the heartbeat's answer to the JoinGroup, and one from that to the SyncGroup.
    assert!((usual + 1.9..usual + 3.1).contains(&slow), "{usual} {slow}");
    // Heartbeats wait, too, but far less than a session.
    second(throttled, r#""session.timeout.ms": 6000, "heartbeat.interval.ms": 2000"#);
}

#[test]
fn every_client_comes_back_from_restarts_of_a_broker() {
    for client in ClientProfile::names() {
        for how in [r#""down": "20s""#, r#""down": "20s", "unclean": true"#, r#""down": "60s", "power_loss": true"#] {
            let text = format!(
                r#"{{ "format_version": 1, "name": "t", "duration": "6m",
                     "cluster": {{ "brokers": 3, "leadership_time": "100ms",
                         "topics": [{{ "name": "orders", "partitions": 12, "arrivals": {{ "per_second": 20 }} }}] }},
                     "groups": [{{ "id": "billing", "consumers": [{{ "name": "worker", "count": 4, "client": "{client}" }}] }}],
                     "faults": [{{ "at": "60s", "broker_restart": {{ "broker": 0, {how} }} }}] }}"#
            );
            let scenario =
                load("t.json", &text, &NoFiles, &KnownFigures).unwrap_or_else(|problems| panic!("{problems}"));
            let mut story = Story::default();
            let (outcome, _) = experiment::run(&scenario, 1, &mut [&mut story]);
            assert!(outcome.invariants_hold(), "{client} {how}");
            let committed = story.events.iter().filter(|(at, _)| *at > 300_000).filter_map(|(_, event)| match event {
                Event::Client { consumer, event: ClientEvent::CommitEnded { result: Ok(()), .. } } => Some(*consumer),
                _ => None,
            });
            assert_eq!(committed.collect::<BTreeSet<_>>().len(), 4, "{client} {how}: who commits in the last minute");
        }
    }
}
