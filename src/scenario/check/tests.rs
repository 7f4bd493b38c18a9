//! Every part of a checked scenario can be reached from a file, and means what it says.

use super::*;
use crate::client::{CommitStrategy, OnException, Subscription};
use crate::engine::{Distribution, SimTime};
use crate::protocol::config::AssignorName;
use crate::protocol::{BrokerId, ErrorCode};
use crate::scenario::checked::*;

const MS: SimDuration = SimDuration::from_millis(1);
const S: SimDuration = SimDuration::from_secs(1);
const M: SimDuration = SimDuration::from_secs(60);

/// Files by name.
struct Given(&'static [(&'static str, &'static str)]);

impl Files for Given {
    fn read(&self, path: &str) -> Result<String, String> {
        let found = self.0.iter().find(|(name, _)| *name == path);
        found.map(|(_, text)| text.to_string()).ok_or_else(|| "no such file".into())
    }
}

fn read(text: &str, files: &dyn Files) -> Result<Scenario, Problems> {
    load("test.json", text, files, &SomeFigures)
}

/// Three figures, for all groups together and for each.
struct SomeFigures;

impl Figures for SomeFigures {
    fn find(&self, path: &str, groups: &[&str]) -> Result<FigureKind, String> {
        let of_group = groups.iter().find_map(|id| path.strip_prefix("groups.")?.strip_prefix(id)?.strip_prefix('.'));
        match of_group.unwrap_or(path) {
            "rebalances" | "pause.max" => Ok(FigureKind::Number),
            "invariants" => Ok(FigureKind::Text),
            _ => Err("groups.billing.rebalances".into()),
        }
    }
}

fn at(span: SimDuration) -> SimTime {
    SimTime::ZERO + span
}

/// A scenario around the parts that a test is about.
fn scenario(topic: &str, consumers: &str, rest: &str) -> Scenario {
    let text = format!(
        r#"{{ "format_version": 1, "name": "t", "duration": "1h",
             "cluster": {{ "topics": [{{ "name": "orders", "partitions": 12 {topic} }}, {{ "name": "other", "partitions": 1 }}] }},
             "groups": [{{ "id": "billing", "consumers": [{consumers}] }}] {rest} }}"#
    );
    read(&text, &NoFiles).unwrap_or_else(|problems| panic!("{problems}\n{text}"))
}

fn consumer(fields: &str) -> Consumer {
    scenario("", &format!(r#"{{ "name": "worker" {fields} }}"#), "").groups[0].consumers[0].clone()
}

fn fault(fields: &str) -> Fault {
    let consumers =
        r#"{ "name": "worker", "count": 3 }, { "name": "auditor" }, { "name": "late", "start": { "held": true } }"#;
    scenario("", consumers, &format!(r#", "faults": [{{ {fields} }}]"#)).faults[0].clone()
}

fn what(kind: &str) -> FaultKind {
    fault(&format!(r#""at": "1m", {kind}"#)).what
}

fn refusals(topic: &str, consumers: &str, rest: &str) -> String {
    let text = format!(
        r#"{{ "format_version": 1, "name": "t", "duration": "1h",
             "cluster": {{ "topics": [{{ "name": "orders", "partitions": 12 {topic} }}] }},
             "groups": [{{ "id": "billing", "consumers": [{consumers}] }}] {rest} }}"#
    );
    read(&text, &NoFiles).expect_err("it must be refused").to_string()
}

#[test]
fn a_short_file_gets_sensible_defaults() {
    let scenario = scenario("", r#"{ "name": "worker" }"#, "");
    assert_eq!(scenario.cluster.brokers, 3);
    assert_eq!(scenario.cluster.config, Default::default());
    assert_eq!(scenario.cluster.topics[0].arrivals, Arrivals::None);
    let consumer = &scenario.groups[0].consumers[0];
    assert_eq!((&*consumer.name, &*consumer.client, consumer.start_at), ("worker", "java-4.1", SimTime::ZERO));
    assert_eq!(consumer.config.client_id.as_str(), "worker");
    assert_eq!(consumer.config.session_timeout_ms, 45_000);
    assert_eq!(consumer.subscription, Subscription::topics(&["orders", "other"]));
    assert_eq!((consumer.commit, consumer.on_exception), (CommitStrategy::None, OnException::Exit));
    assert_eq!((consumer.poll_timeout, &consumer.assignor_cost), (MS * 100, &AssignorCost::Kafka));
    assert_eq!(scenario.notes, []);
}

#[test]
fn topics_say_how_records_arrive_and_how_they_grow() {
    let topic = |fields: &str| scenario(fields, r#"{ "name": "worker" }"#, "").cluster.topics[0].clone();
    let rich = topic(
        r#", "backlog_per_partition": 7, "record_bytes": 99, "created_at": "1m",
        "grows": [{ "at": "2m", "partitions": 13 }, { "at": "3m", "partitions": 20 }]"#,
    );
    assert_eq!((rich.backlog_per_partition, rich.record_bytes, rich.created_at), (7, 99, at(M)));
    assert_eq!(rich.grows, [(at(M * 2), 13), (at(M * 3), 20)]);
    let arrivals = |text: &str| topic(&format!(r#", "arrivals": {text}"#)).arrivals;
    assert_eq!(arrivals(r#""none""#), Arrivals::None);
    assert_eq!(arrivals(r#"{ "per_second": 6 }"#), Arrivals::Constant { per_second: 6.0 });
    assert_eq!(arrivals(r#"{ "poisson": { "per_second": 0.5 } }"#), Arrivals::Poisson { per_second: 0.5 });
    let bursts = arrivals(r#"{ "bursts": { "per_second": 9, "every": "1m", "length": "1s" } }"#);
    assert_eq!(bursts, Arrivals::Bursts { base_per_second: 0.0, per_second: 9.0, every: M, length: S });
    let table = arrivals(r#"{ "table": [{ "at": "0s", "per_second": 1 }, { "at": "1m", "per_second": 2 }] }"#);
    assert_eq!(table, Arrivals::Table { steps: vec![(at(SimDuration::ZERO), 1.0), (at(M), 2.0)] });
}

#[test]
fn an_entry_with_a_count_makes_numbered_consumers_with_their_own_ids() {
    let group = scenario(
        "",
        r#"{ "name": "worker", "count": 3, "start": { "at": "1s", "every": "200ms" },
             "properties": { "group.instance.id": "{group}-{index}", "client.rack": "rack-{index}" } }"#,
        "",
    )
    .groups[0]
        .clone();
    let second = &group.consumers[1];
    assert_eq!(&*second.name, "worker-2");
    assert_eq!(second.config.client_id.as_str(), "worker-2");
    assert_eq!(second.config.group_instance_id.as_ref().unwrap().as_str(), "billing-2");
    assert_eq!(second.config.client_rack, "rack-2");
    assert_eq!(second.start_at, at(S + MS * 200));
}

#[test]
fn starts_can_count_from_other_consumers_and_be_held() {
    let group = &scenario(
        "",
        r#"{ "name": "third", "start": { "after": "second", "at": "10s" } },
           { "name": "second", "count": 2, "start": { "after": "first", "at": "5s", "every": "1s" } },
           { "name": "first", "start": { "at": "1m" } },
           { "name": "late", "start": { "held": true } }"#,
        r#", "faults": [{ "at": "2m", "start": { "host": "late" } }]"#,
    )
    .groups[0];
    let starts: Vec<SimTime> = group.consumers.iter().map(|consumer| consumer.start_at).collect();
    assert_eq!(starts, [at(M + S * 16), at(M + S * 5), at(M + S * 6), at(M), SimTime::MAX]);
}

#[test]
fn consumers_say_what_their_application_does() {
    let rich = consumer(
        r#", "client": "java-2.8", "startup": "3s", "subscription": { "topics": ["other"] },
           "processing": { "per_record": "2ms", "per_batch": { "exponential": { "mean": "1s" } },
                           "changes": [{ "at": "10m", "per_record": "1m" }] },
           "callbacks": { "assigned": "1ms", "revoked": "2ms", "lost": "3ms", "commit_on_revoke": true },
           "commit": "sync_after_batch", "poll_timeout": "1s", "assignor_cost": { "constant": "9ms" },
           "on_exception": "continue",
           "properties": { "enable.auto.commit": false, "partition.assignment.strategy": ["sticky", "range"] }"#,
    );
    assert_eq!(rich.config.session_timeout_ms, 10_000, "the default of Java 2.8");
    assert_eq!(rich.startup, Distribution::Constant(S * 3));
    assert_eq!(rich.subscription, Subscription::topics(&["other"]));
    assert_eq!(rich.processing.per_record, Distribution::Constant(MS * 2));
    assert!(matches!(rich.processing.per_batch, Distribution::Exponential { mean: S, max: None, .. }));
    assert_eq!(rich.processing.per_record_changes, [(at(M * 10), Distribution::Constant(M))]);
    assert_eq!(rich.callbacks.lost, Distribution::Constant(MS * 3));
    assert!(rich.callbacks.commit_on_revoke);
    assert_eq!((rich.commit, rich.poll_timeout), (CommitStrategy::SyncAfterBatch, S));
    assert_eq!((rich.assignor_cost, rich.on_exception), (AssignorCost::Constant(MS * 9), OnException::Continue));
    assert_eq!(rich.config.partition_assignment_strategy, [AssignorName::Sticky, AssignorName::Range]);
    assert!(!rich.config.enable_auto_commit);
    let prefix =
        consumer(r#", "subscription": { "prefix": "ord" }, "commit": "async_after_batch", "assignor_cost": "zero""#);
    assert_eq!(prefix.subscription, Subscription::Prefix("ord".into()));
    assert_eq!((prefix.commit, prefix.assignor_cost), (CommitStrategy::AsyncAfterBatch, AssignorCost::Zero));
}

#[test]
fn every_shape_of_a_distribution_can_be_written() {
    let startup = |text: &str| consumer(&format!(r#", "startup": {text}"#)).startup;
    assert_eq!(startup(r#"{ "constant": "1s" }"#), Distribution::Constant(S));
    assert_eq!(startup(r#"{ "uniform": { "from": "1ms", "to": "1s" } }"#), Distribution::Uniform { from: MS, to: S });
    let lognormal = startup(r#"{ "lognormal": { "median": "1s", "p99": "60s", "min": "1ms", "max": "60s" } }"#);
    assert_eq!(lognormal, Distribution::Lognormal { median: S, p99: M, min: MS, max: Some(M) });
    let mixture = startup(r#"{ "mixture": [{ "weight": 99, "of": "1ms" }, { "weight": 1, "of": "1s" }] }"#);
    assert_eq!(
        mixture,
        Distribution::Mixture(vec![(99.0, Distribution::Constant(MS)), (1.0, Distribution::Constant(S))])
    );
    let table = startup(r#"{ "table": [{ "quantile": 0, "value": "1ms" }, { "quantile": 1, "value": "1s" }] }"#);
    assert_eq!(table, Distribution::Table(vec![(0.0, MS), (1.0, S)]));
}

#[test]
fn every_kind_of_fault_can_be_written() {
    let length = Distribution::Constant(S);
    assert!(
        matches!(what(r#""gc_pause": { "host": "worker-2", "for": "1s" }"#), FaultKind::GcPause { consumers, length: l } if consumers == [1] && l == length)
    );
    assert!(
        matches!(what(r#""freeze": { "host": ["auditor", "worker-1"], "for": "1s" }"#), FaultKind::Freeze { consumers, .. } if consumers == [0, 3])
    );
    assert!(
        matches!(what(r#""poll_stall": { "host": "worker", "for": "1s" }"#), FaultKind::PollStall { consumers, .. } if consumers == [0, 1, 2])
    );
    assert!(
        matches!(what(r#""slowdown": { "host": "billing", "factor": 2.5, "for": "1s" }"#), FaultKind::Slowdown { consumers, factor: 2.5, .. } if consumers == [0, 1, 2, 3, 4])
    );
    assert!(
        matches!(what(r#""crash": { "host": "*", "restart_after": "1s" }"#), FaultKind::Crash { consumers, restart_after: Some(_) } if consumers.len() == 5)
    );
    let stop = what(r#""stop": { "host": "auditor", "grace": "5s", "close": "remain" }"#);
    assert!(
        matches!(stop, FaultKind::Stop { grace, close: CloseHow::Remain, restart_after: None, .. } if grace == S * 5)
    );
    assert!(matches!(what(r#""start": { "host": "late" }"#), FaultKind::Start { consumers } if consumers == [4]));
    let rolling = what(
        r#""rolling_restart": { "host": "worker", "down": "5s", "pause_between": "1s", "concurrency": 2, "close": "leave" }"#,
    );
    assert!(
        matches!(rolling, FaultKind::RollingRestart { concurrency: 2, grace, close: CloseHow::Leave, .. } if grace == S * 30)
    );
    let loss = what(
        r#""loss": { "links": { "host": "worker", "brokers": [2, 0], "direction": "to_broker", "coordinator_only": true }, "probability": 0.2, "for": "1s" }"#,
    );
    let FaultKind::Loss { links, probability, .. } = loss else { panic!("{loss:?}") };
    assert_eq!((links.consumers, links.brokers), (vec![0, 1, 2], vec![BrokerId(0), BrokerId(2)]));
    assert_eq!((links.direction, links.coordinator_only, probability), (Direction::ToBroker, true, 0.2));
    let hole = what(r#""black_hole": { "for": "1s" }"#);
    assert!(
        matches!(hole, FaultKind::BlackHole { links, .. } if links.consumers.len() == 5 && links.brokers.len() == 3 && links.direction == Direction::Both)
    );
    assert!(matches!(what(r#""throttle": { "by": "500ms", "for": "1m" }"#), FaultKind::Throttle { .. }));
    assert!(matches!(what(r#""delay": { "extra": "5ms", "for": "1s" }"#), FaultKind::Delay { .. }));
    assert!(matches!(
        what(r#""reset": {}"#),
        FaultKind::Reset { length: Distribution::Constant(SimDuration::ZERO), .. }
    ));
    assert!(
        matches!(what(r#""storage_stall": { "for": "1s" }"#), FaultKind::StorageStall { brokers, .. } if brokers.len() == 3)
    );
    assert!(
        matches!(what(r#""storage_slow": { "brokers": [1], "extra": "1s", "for": "1s" }"#), FaultKind::StorageSlow { brokers, .. } if brokers == [BrokerId(1)])
    );
    let failure = what(r#""append_failure": { "error": "KAFKA_STORAGE_ERROR", "for": "1s" }"#);
    assert!(matches!(failure, FaultKind::AppendFailure { error: ErrorCode::KafkaStorageError, .. }));
    assert!(matches!(
        what(r#""broker_restart": { "broker": 1, "down": "1s", "unclean": true }"#),
        FaultKind::BrokerRestart { broker: BrokerId(1), end: BrokerEnd::Crash, .. }
    ));
    assert!(matches!(
        what(r#""broker_restart": { "broker": 1, "down": "1s", "power_loss": true }"#),
        FaultKind::BrokerRestart { broker: BrokerId(1), end: BrokerEnd::PowerLoss, .. }
    ));
    assert!(matches!(
        what(r#""coordinator_move": { "group": "billing", "to": 2 }"#),
        FaultKind::CoordinatorMove { group: 0, to: BrokerId(2) }
    ));
}

#[test]
fn faults_happen_once_repeatedly_or_at_random() {
    let when = |text: &str| fault(&format!(r#"{text}, "crash": {{ "host": "auditor" }}"#)).when;
    let end = at(M * 60);
    assert_eq!(when(r#""at": "1m""#), When::At(at(M)));
    assert_eq!(when(r#""every": { "period": "1m" }"#), When::Every { from: at(M), every: M, until: end });
    let window = when(r#""every": { "period": "1m", "from": "5m", "until": "10m" }"#);
    assert_eq!(window, When::Every { from: at(M * 5), every: M, until: at(M * 10) });
    let gap = Distribution::Exponential { mean: M * 30, min: S, max: Some(M * 60) };
    assert_eq!(when(r#""random": { "per_hour": 2 }"#), When::Random { from: SimTime::ZERO, until: end, gap });
    let gap = Distribution::Exponential { mean: M * 30, min: M, max: Some(M * 2) };
    let bounded =
        when(r#""random": { "per_hour": 2, "min_gap": "1m", "max_gap": "2m", "from": "1m", "until": "30m" }"#);
    assert_eq!(bounded, When::Random { from: at(M), until: at(M * 30), gap });
    let uniform = when(r#""random": { "gap": { "uniform": { "from": "1s", "to": "1m" } } }"#);
    assert!(matches!(uniform, When::Random { gap: Distribution::Uniform { .. }, .. }));
}

#[test]
fn faults_are_called_by_kind_target_and_length_unless_labelled() {
    assert_eq!(&*fault(r#""at": "1m", "gc_pause": { "host": "worker-2", "for": "8s" }"#).label, "GC pause worker-2 8s");
    assert_eq!(&*fault(r#""at": "1m", "crash": { "host": "*" }, "label": "power cut""#).label, "power cut");
    let loss =
        fault(r#""at": "1m", "loss": { "probability": 0.2, "for": { "uniform": { "from": "1s", "to": "2s" } } }"#);
    assert_eq!(&*loss.label, "Loss 20% all 1s-2s");
    assert_eq!(
        &*fault(r#""at": "1m", "coordinator_move": { "group": "billing", "to": 2 }"#).label,
        "Coordinator of billing to broker 2"
    );
}

#[test]
fn settings_come_in_layers_and_the_nearest_wins() {
    let files = Given(&[
        (
            "group.properties",
            "session.timeout.ms=20000\nmax.poll.records=100\nheartbeat.interval.ms=1000\nssl.protocol=TLSv1.3\n",
        ),
        ("own.properties", "max.poll.records=200\nheartbeat.interval.ms=2000\n"),
        ("server.properties", "group.max.size=7\nlog.dirs=/data\n"),
    ]);
    let scenario = read(
        r#"{ "format_version": 1, "name": "t", "duration": "1h",
             "cluster": { "topics": [{ "name": "orders", "partitions": 1 }], "properties_file": "server.properties",
                          "properties": { "group.initial.rebalance.delay.ms": 0 } },
             "groups": [{ "id": "g", "properties_file": "group.properties", "properties": { "request.timeout.ms": 9000 },
               "consumers": [{ "name": "w", "properties_file": "own.properties", "properties": { "heartbeat.interval.ms": 3000 } }] }] }"#,
        &files,
    )
    .unwrap();
    let config = &scenario.groups[0].consumers[0].config;
    assert_eq!(
        (config.session_timeout_ms, config.max_poll_records, config.heartbeat_interval_ms),
        (20_000, 200, 3_000)
    );
    assert_eq!(config.request_timeout_ms, 9_000);
    assert_eq!(
        (scenario.cluster.config.group_max_size, scenario.cluster.config.group_initial_rebalance_delay_ms),
        (7, 0)
    );
    let notes: Vec<&str> = scenario.notes.iter().map(|note| note.place.as_str()).collect();
    assert_eq!(notes, ["server.properties: log.dirs", "group.properties: ssl.protocol"]);
}

#[test]
fn what_real_kafka_would_refuse_later_or_ignore_is_noted() {
    let notes = |consumers: &str| scenario("", consumers, "").notes;
    let notes_of_session = notes(r#"{ "name": "w", "properties": { "session.timeout.ms": 5000 } }"#);
    assert_eq!(notes_of_session[0].place, "groups[0].consumers[0].properties.session.timeout.ms");
    assert!(notes_of_session[0].text.contains("INVALID_SESSION_TIMEOUT"));
    let shared = notes(r#"{ "name": "w", "count": 2, "properties": { "group.instance.id": "same" } }"#);
    assert!(shared[0].text.contains("fence each other"));
    assert!(notes(r#"{ "name": "w", "start": { "held": true } }"#)[0].text.contains("never runs"));
    let one_broker = r#"{ "format_version": 1, "name": "t", "duration": "1h",
        "cluster": { "brokers": 1, "topics": [{ "name": "orders", "partitions": 1 }] },
        "groups": [{ "id": "g", "consumers": [{ "name": "w" }] }] }"#;
    let scenario = read(one_broker, &NoFiles).unwrap();
    assert_eq!(scenario.cluster.config.offsets_topic_replication_factor, 1);
    assert_eq!(scenario.notes[0].place, "cluster.properties.offsets.topic.replication.factor");
}

#[test]
fn what_a_scenario_asks_for_and_the_model_leaves_out_is_told() {
    let told = |consumers: &str, rest: &str| {
        let notes = scenario("", consumers, rest).not_modelled;
        notes.into_iter().map(|note| format!("{}: {}", note.place, note.text)).collect::<Vec<_>>()
    };
    let worker = |fields: &str| format!(r#"{{ "name": "w", "count": 2 {fields} }}"#);
    assert_eq!(told(&worker(""), ""), [""; 0]);
    let isolation = told(&worker(r#", "properties": { "isolation.level": "read_committed" }"#), "");
    assert_eq!(isolation.len(), 1, "once for all consumers of an entry: {isolation:?}");
    assert!(isolation[0].starts_with(
        "groups[0].consumers[0].properties.isolation.level: `isolation.level` is read_committed. There are no transactions"
    ));
    let cooperative =
        r#", "client": "librdkafka-2", "properties": { "partition.assignment.strategy": "cooperative-sticky" }"#;
    assert!(told(&worker(cooperative), "")[0].starts_with("groups[0]: librdkafka's cooperative-sticky"));
    assert!(told(&worker(r#", "client": "kafkajs-2""#), "")[0].contains("order of the Metadata answer"));
    let black_hole = r#", "faults": [{ "at": "1m", "black_hole": { "for": "1m" } }]"#;
    let of_kafka_go = told(&worker(r#", "client": "kafka-go-0.4""#), black_hole);
    assert!(of_kafka_go.iter().any(|text| text.contains("How long kafka-go waits")), "{of_kafka_go:?}");
    assert_eq!(told(&worker(""), black_hole), [""; 0]);
    let unclean = r#", "faults": [{ "at": "1m", "broker_restart": { "broker": 0, "down": "1m", "unclean": true } }]"#;
    assert!(told(&worker(""), unclean)[0].starts_with("faults[0]: Records of topics survive"));
}

#[test]
fn references_to_nothing_are_refused() {
    let worker = r#"{ "name": "worker" }"#;
    assert!(
        refusals("", r#"{ "name": "w", "subscription": { "topics": ["odrers"] } }"#, "")
            .contains("did you mean `orders`?")
    );
    assert!(
        refusals("", r#"{ "name": "w", "subscription": { "prefix": "x" } }"#, "")
            .contains("no topic's name starts with `x`")
    );
    assert!(refusals("", r#"{ "name": "w", "start": { "after": "v1" } }"#, "").contains("there is no consumer `v1`"));
    assert!(
        refusals("", worker, r#", "faults": [{ "at": "1m", "broker_restart": { "broker": 3, "down": "1s" } }]"#)
            .contains("brokers are numbered 0 to 2")
    );
    assert!(
        refusals("", worker, r#", "faults": [{ "at": "1m", "coordinator_move": { "group": "biling", "to": 1 } }]"#)
            .contains("did you mean `billing`?")
    );
    assert!(
        refusals(
            "",
            worker,
            r#", "faults": [{ "at": "1m", "append_failure": { "error": "NOT_ENOUGH_REPLICA", "for": "1s" } }]"#
        )
        .contains("did you mean `NOT_ENOUGH_REPLICAS`?")
    );
    assert!(
        refusals("", worker, r#", "faults": [{ "at": "1m", "start": { "host": "worker" } }]"#)
            .contains("starts by itself")
    );
    assert!(
        refusals("", worker, r#", "expect": { "groups.biling.rebalances": "== 1" }"#)
            .contains("did you mean `groups.billing.rebalances`?")
    );
    assert!(refusals("", worker, r#", "expect": { "invariants": "== 1" }"#).contains("a text, not a number"));
    assert!(refusals("", worker, r#", "expect": { "rebalances": "hold" }"#).contains("a number, not a text"));
    assert!(refusals("", r#"{ "name": "w", "client": "java-9" }"#, "").contains("java-4.1"));
}

#[test]
fn what_would_never_end_or_never_fit_is_refused() {
    let worker = r#"{ "name": "worker" }"#;
    let fault =
        |when: &str| refusals("", worker, &format!(r#", "faults": [{{ {when}, "crash": {{ "host": "worker" }} }}]"#));
    assert!(fault(r#""every": { "period": "1us" }"#).contains("may strike 100000 times"));
    assert!(fault(r#""every": { "period": "0s" }"#).contains("may strike 100000 times"));
    assert!(fault(r#""every": { "period": "1s", "until": "2h" }"#).contains("2h is after the end"));
    assert!(fault(r#""every": { "period": "1s", "from": "9m", "until": "8m" }"#).contains("ends before it begins"));
    assert!(fault(r#""random": { "gap": "0s" }"#).contains("at least \"1ms\""));
    assert!(fault(r#""random": { "per_hour": 1, "gap": "1s" }"#).contains("either \"per_hour\" or \"gap\""));
    assert!(fault(r#""random": {}"#).contains("either \"per_hour\" or \"gap\""));
    assert!(fault(r#""at": "1m", "random": { "per_hour": 1 }"#).contains("one time only"));
    assert!(refusals(r#", "arrivals": { "per_second": 1e300 }"#, worker, "").contains("out of bounds"));
    assert!(
        refusals(r#", "arrivals": { "bursts": { "per_second": 1, "every": "0s", "length": "0s" } }"#, worker, "")
            .contains("bursts of")
    );
    assert!(refusals(r#", "grows": [{ "at": "1m", "partitions": 3 }]"#, worker, "").contains("only grows"));
    assert!(refusals("", r#"{ "name": "w", "poll_timeout": "0s" }"#, "").contains("1ms or more"));
    assert!(
        refusals("", r#"{ "name": "w", "startup": { "uniform": { "from": "2s", "to": "1s" } } }"#, "")
            .contains("uniform")
    );
    assert!(
        refusals("", r#"{ "name": "w", "count": 6000 }, { "name": "v", "count": 6000 }"#, "")
            .contains("`count` is 6000")
    );
}

#[test]
fn names_that_would_not_survive_in_kafka_or_on_disk_are_refused() {
    assert!(refusals("", r#"{ "name": "a/b" }"#, "").contains("must not contain `/`"));
    assert!(refusals("", r#"{ "name": "" }"#, "").contains("not allowed"));
    let text = r#"{ "format_version": 1, "name": "../t", "duration": "0s",
        "cluster": { "brokers": 0, "topics": [] }, "groups": [{ "id": " ", "consumers": [] }] }"#;
    let problems = read(text, &NoFiles).unwrap_err();
    let lines = problems.to_string();
    for wrong in [
        "must not contain `/`",
        "the run lasts 0s",
        "0 brokers",
        "needs a topic",
        "must not be blank",
        "has no consumers",
    ] {
        assert!(lines.contains(wrong), "{wrong}: {lines}");
    }
}

#[test]
fn expectations_are_kept_as_typed_and_as_meant() {
    let scenario = scenario(
        "",
        r#"{ "name": "w" }"#,
        r#", "expect": { "rebalances": "== 3", "groups.billing.pause.max": "< 3.5s", "invariants": "hold" }"#,
    );
    let checks: Vec<&Check> = scenario.expect.iter().map(|line| &line.check).collect();
    assert_eq!(checks, [&Check::Compare(Comparison::Equal, 3.0), &Check::Compare(Comparison::Less, 3.5), &Check::Hold]);
    assert_eq!(scenario.expect[1].text, "< 3.5s");
}
