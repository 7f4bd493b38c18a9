//! Every rule twice: settings on which it fires, and the nearest ones on which it is silent.

use super::*;

/// What is linted: a file's name (its ending says the format) with its text, and what is known beside it.
#[derive(Default)]
struct Case {
    client: Option<&'static str>,
    server: Option<&'static str>,
    record: Option<u64>,
    /// Usual and longest time.
    restart: Option<[u64; 2]>,
}

fn found(file: &str, text: &str, case: &Case) -> Vec<Finding> {
    let options = Options {
        client: case.client.map(str::to_string),
        record_time: case.record.map(SimDuration::from_millis),
        restart_time: case.restart.map(|times| {
            let [usual, longest] = times.map(SimDuration::from_millis);
            RestartTime { usual, longest }
        }),
        allowed: Vec::new(),
    };
    let server = case.server.map(|text| Text { name: "server.properties".into(), text: text.into() });
    let linted = lint(vec![Text { name: file.into(), text: text.into() }], server, &options);
    linted.unwrap_or_else(|problems| panic!("{problems}")).findings
}

fn finds(rule: &str, file: &str, text: &str, case: &Case) -> Option<Finding> {
    found(file, text, case).into_iter().find(|finding| finding.rule.id == rule)
}

fn file_of(text: &str) -> &'static str {
    match text.trim_start() {
        start if start.starts_with('{') => "client.json",
        start if start.starts_with("spring:") => "application.yaml",
        _ => "consumer.properties",
    }
}

macro_rules! rules_tested {
    ($($name:ident: $rule:literal fires on $bad:expr, silent on $good:expr $(, $field:ident: $value:expr)*;)*) => {
        $(mod $name {
            use super::*;

            #[test]
            fn fires() {
                let case = Case { $($field: Some($value),)* ..Case::default() };
                let finding = finds($rule, file_of($bad), $bad, &case).expect("the rule fires");
                assert!(!finding.message.is_empty() && !finding.right.is_empty());
            }

            #[test]
            fn is_silent() {
                let case = Case { $($field: Some($value),)* ..Case::default() };
                let finding = finds($rule, file_of($good), $good, &case);
                assert!(finding.is_none(), "{finding:?}");
            }
        })*

        #[test]
        fn every_rule_of_a_client_is_tested() {
            let tested = [$($rule),*];
            let of_brokers: Vec<&str> = rules::broker::RULES.iter().map(|rule| rule.id).collect();
            for rule in rules().filter(|rule| !of_brokers.contains(&rule.id)) {
                assert!(tested.contains(&rule.id) || rule.id == "client-setting-at-broker", "{} has no test", rule.id);
            }
        }
    };
}

const RANGE: &str = "org.apache.kafka.clients.consumer.RangeAssignor";
const COOPERATIVE: &str = "org.apache.kafka.clients.consumer.CooperativeStickyAssignor";

fn strategy(assignors: &[&str]) -> String {
    format!("partition.assignment.strategy={}\n", assignors.join(","))
}

rules_tested! {
    misspelt: "misspelt-property" fires on "sesion.timeout.ms=6000", silent on "session.timeout.ms=6000";
    unknown: "unknown-property" fires on "colour=red", silent on "schema.registry.url=http://registry";
    of_another_client: "setting-of-another-client" fires on "fetch.wait.max.ms=100", silent on "fetch.max.wait.ms=100";
    of_the_broker: "broker-setting-at-client" fires on "group.max.size=5", silent on "request.timeout.ms=20000";
    of_the_producer: "producer-setting-at-consumer" fires on "linger.ms=5", silent on "max.poll.records=5";
    too_new: "setting-newer-than-client" fires on "group.instance.id=${POD}", silent on "max.poll.records=5",
        client: "java-2.2";
    not_bound: "spring-key-not-bound" fires on "spring:\n  kafka:\n    consumer:\n      session-timeout: 6s\n",
        silent on "spring:\n  kafka:\n    consumer:\n      heartbeat-interval: 2s\n";
    given_twice: "given-twice" fires on "group.id=a\ngroup.id=b", silent on "group.id=a\nclient.id=b";
    no_settings: "no-settings" fires on "# nothing\n", silent on "group.id=a";
    invalid: "invalid-value" fires on "max.poll.records=0", silent on "max.poll.records=1";
    white_space: "white-space-in-value" fires on "group.id=billing \n", silent on "group.id = billing\nmax.poll.records=5 \n";
    comment: "comment-in-value" fires on "session.timeout.ms=10000 # ten seconds", silent on "# ten seconds\nsession.timeout.ms=10000";
    filled_in: "value-filled-in-elsewhere" fires on "session.timeout.ms=${SESSION}", silent on "session.timeout.ms=${SESSION:45000}";
    not_a_class: "assignor-not-a-class" fires on "partition.assignment.strategy=range", silent on &strategy(&[RANGE]);
    custom_assignor: "custom-assignor" fires on "partition.assignment.strategy=com.example.Own", silent on &strategy(&[COOPERATIVE]);
    heartbeat_not_below: "heartbeat-not-below-session" fires on "session.timeout.ms=6000\nheartbeat.interval.ms=6000",
        silent on "session.timeout.ms=6000\nheartbeat.interval.ms=5999";
    above_a_third: "heartbeat-above-a-third-of-session" fires on "session.timeout.ms=10000\nheartbeat.interval.ms=3334",
        silent on "session.timeout.ms=10000\nheartbeat.interval.ms=3333";
    slows_rebalances: "heartbeat-slows-rebalances" fires on "heartbeat.interval.ms=15000", silent on "heartbeat.interval.ms=5000";
    too_often: "heartbeat-very-frequent" fires on "heartbeat.interval.ms=100", silent on "heartbeat.interval.ms=500";
    retry_backoff: "retry-backoff-delays-heartbeats" fires on "retry.backoff.ms=3000", silent on "retry.backoff.ms=1000";
    outside_range: "session-outside-broker-range" fires on "session.timeout.ms=90000", silent on "session.timeout.ms=60000",
        server: "group.max.session.timeout.ms=60000";
    session_short: "session-short" fires on "session.timeout.ms=6000", silent on "session.timeout.ms=10000";
    session_long: "session-long" fires on "session.timeout.ms=300000", silent on "session.timeout.ms=60000";
    idle: "connection-idle-before-heartbeat" fires on "connections.max.idle.ms=3000", silent on "connections.max.idle.ms=180000";
    fetch_holds: "fetch-wait-holds-heartbeats" fires on "SessionTimeout=10s", silent on "SessionTimeout=30s\nMaxWait=1s",
        client: "kafka-go-0.4";
    batch_beyond: "batch-beyond-poll-interval" fires on "max.poll.interval.ms=10000", silent on "max.poll.interval.ms=30000",
        record: 20;
    batch_near: "batch-near-poll-interval" fires on "max.poll.interval.ms=15000", silent on "max.poll.interval.ms=20000",
        record: 20;
    batch_beyond_session: "batch-beyond-session" fires on "max.poll.records=1500", silent on "max.poll.records=100",
        client: "java-0.10.0", record: 20;
    batch_beyond_rebalance: "batch-beyond-rebalance-timeout" fires on "Consumer.Group.Rebalance.Timeout=30s",
        silent on "Consumer.Group.Rebalance.Timeout=90s", client: "sarama-1", record: 60_000;
    below_session: "rebalance-timeout-below-session" fires on "max.poll.interval.ms=30000", silent on "max.poll.interval.ms=45000";
    interval_long: "poll-interval-long" fires on "max.poll.interval.ms=86400000", silent on "max.poll.interval.ms=900000";
    interval_short: "poll-interval-short" fires on "max.poll.interval.ms=5000", silent on "max.poll.interval.ms=60000";
    below_restart: "static-session-below-restart" fires on "group.instance.id=${POD}\nsession.timeout.ms=60000",
        silent on "group.instance.id=${POD}\nsession.timeout.ms=90000", restart: [60_000, 60_000];
    below_longest: "static-session-below-longest-restart" fires on "group.instance.id=${POD}\nsession.timeout.ms=60000",
        silent on "group.instance.id=${POD}\nsession.timeout.ms=90000", restart: [35_000, 70_000];
    session_unstated: "static-session-unstated" fires on "group.instance.id=${POD}",
        silent on "group.instance.id=${POD}\nsession.timeout.ms=60000";
    leave_on_close: "static-leave-on-close" fires on "group.instance.id=${POD}\ninternal.leave.group.on.close=true",
        silent on "group.instance.id=${POD}";
    fixed_id: "fixed-instance-id" fires on "group.instance.id=worker-1", silent on "group.instance.id={name}";
    stays: "leave-on-close-off" fires on "internal.leave.group.on.close=false", silent on "internal.leave.group.on.close=true";
    classic_setting: "classic-setting-under-consumer-protocol" fires on "group.protocol=consumer\nsession.timeout.ms=45000",
        silent on "group.protocol=consumer\nmax.poll.interval.ms=300000";
    consumer_setting: "consumer-protocol-setting-under-classic" fires on "group.remote.assignor=uniform",
        silent on "group.protocol=CONSUMER\ngroup.remote.assignor=uniform";
    remote_assignor: "unknown-remote-assignor" fires on "group.protocol=consumer\ngroup.remote.assignor=sticky",
        silent on "group.protocol=consumer\ngroup.remote.assignor=range";
    off_at_broker: "consumer-protocol-off-at-brokers" fires on "group.protocol=consumer", silent on "group.protocol=classic",
        server: "group.coordinator.rebalance.protocols=classic,streams";
    mixed: "mixed-assignor-protocols" fires on &strategy(&[RANGE, COOPERATIVE]), silent on &strategy(&[COOPERATIVE]);
    join: "join-times-out-before-rebalance" fires on "request.timeout.ms=40000", silent on "request.timeout.ms=305000",
        client: "java-1.1";
    old_order: "request-timeout-not-above-session" fires on "session.timeout.ms=30000\nrequest.timeout.ms=30000",
        silent on "session.timeout.ms=30000", client: "java-1.1";
    at_session: "request-timeout-not-below-session" fires on "request.timeout.ms=60000", silent on "request.timeout.ms=40000";
    fetch: "fetch-wait-not-below-request-timeout" fires on "fetch.max.wait.ms=30000", silent on "fetch.max.wait.ms=5000";
    api: "api-timeout-below-request-timeout" fires on "default.api.timeout.ms=10000", silent on "default.api.timeout.ms=30000";
    commit: "request-timeout-below-broker-write" fires on "request.timeout.ms=5000", silent on "request.timeout.ms=6000";
    no_longer: "request-timeout-raised-for-joins" fires on "request.timeout.ms=305000", silent on "request.timeout.ms=40000";
    backoff: "backoff-above-its-maximum" fires on "reconnect.backoff.ms=2000", silent on "reconnect.backoff.ms=2000\nreconnect.backoff.max.ms=9000";
    interval_unused: "auto-commit-interval-without-auto-commit" fires on "enable.auto.commit=false\nauto.commit.interval.ms=1000",
        silent on "group.id=g\nauto.commit.interval.ms=1000";
    without_group: "auto-commit-without-group" fires on "enable.auto.commit=true", silent on "group.id=g\nenable.auto.commit=true";
    commit_long: "auto-commit-interval-long" fires on "auto.commit.interval.ms=600000", silent on "auto.commit.interval.ms=60000";
    metadata_long: "metadata-age-long" fires on "metadata.max.age.ms=3600000", silent on "metadata.max.age.ms=60000";
    metadata_short: "metadata-age-short" fires on "metadata.max.age.ms=5000", silent on "metadata.max.age.ms=10000";
}

/// Rules about the brokers' file.
mod brokers {
    use super::*;

    fn of_server(rule: &str, server: &'static str) -> Option<Finding> {
        finds(rule, "c.properties", "group.id=g", &Case { server: Some(server), ..Case::default() })
    }

    #[test]
    fn every_rule_fires_and_is_silent() {
        let cases = [
            (
                "broker-session-range-empty",
                "group.max.session.timeout.ms=5000",
                "group.min.session.timeout.ms=5000\ngroup.max.session.timeout.ms=5000",
            ),
            (
                "broker-group-settings-refused",
                "group.consumer.session.timeout.ms=90000",
                "group.consumer.session.timeout.ms=60000",
            ),
            (
                "initial-rebalance-delay-off",
                "group.initial.rebalance.delay.ms=0",
                "group.initial.rebalance.delay.ms=3000",
            ),
            (
                "initial-rebalance-delay-long",
                "group.initial.rebalance.delay.ms=60000",
                "group.initial.rebalance.delay.ms=10000",
            ),
            ("group-max-size-limited", "group.max.size=10", "group.min.session.timeout.ms=6000"),
            ("offsets-topic-unreplicated", "offsets.topic.replication.factor=1", "offsets.topic.replication.factor=3"),
            ("offsets-retention-short", "offsets.retention.minutes=60", "offsets.retention.minutes=10080"),
            ("client-setting-at-broker", "session.timeout.ms=10000", "log.dirs=/data"),
            ("misspelt-property", "group.max.sise=10", "group.max.size=10"),
            ("invalid-value", "group.max.size=0", "group.max.size=1"),
            ("given-twice", "group.max.size=1\ngroup.max.size=2", "group.max.size=1"),
            ("value-filled-in-elsewhere", "group.max.size=${SIZE}", "group.max.size=7"),
        ];
        for (rule, bad, good) in cases {
            let finding = of_server(rule, bad).unwrap_or_else(|| panic!("{rule} fires on {bad}"));
            assert_eq!(finding.text, 1, "it points into server.properties");
            assert_eq!(of_server(rule, good), None, "{rule} is silent on {good}");
        }
        let covered = |rule: &Rule| cases.iter().any(|(id, ..)| *id == rule.id);
        assert!(rules::broker::RULES.iter().all(|rule| covered(rule)));
    }
}

fn ids(file: &str, text: &str, case: &Case) -> Vec<&'static str> {
    found(file, text, case).iter().map(|finding| finding.rule.id).collect()
}

#[test]
fn ids_are_kebab_case_and_unique() {
    let mut seen: Vec<&str> = rules().map(|rule| rule.id).collect();
    assert!(seen.iter().all(|id| id.chars().all(|c| c.is_ascii_lowercase() || c == '-')));
    let count = seen.len();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), count);
}

#[test]
fn texts_of_rules_are_clauses_that_a_sentence_is_made_of() {
    for rule in rules() {
        for text in [rule.finds, rule.consequence, rule.right] {
            assert!(!text.is_empty() && !text.ends_with('.') && !text.contains('\n'), "{}: {text}", rule.id);
        }
    }
}

#[test]
fn the_defaults_of_every_client_are_left_alone() {
    for client in ClientProfile::names() {
        let case = Case { client: Some(client), ..Case::default() };
        assert_eq!(ids("c.properties", "# defaults\n", &case), ["no-settings"], "{client}");
    }
    for client in ["java-0.9", "java-0.10.1", "java-1.1", "java-2.3", "java-3.0", "java-3.9"] {
        let case = Case { client: Some(client), ..Case::default() };
        assert_eq!(ids("c.properties", "group.id=g\n", &case), [""; 0], "{client}");
    }
}

#[test]
fn librdkafka_refuses_what_java_takes() {
    let severity = |rule: &str, text: &str| finds(rule, "c.json", text, &Case::default()).expect("it fires").severity;
    assert_eq!(severity("unknown-property", r#"{"colour": 1}"#), Severity::Error);
    assert_eq!(
        severity("mixed-assignor-protocols", r#"{"partition.assignment.strategy": "range,cooperative-sticky"}"#),
        Severity::Error
    );
    assert_eq!(severity("rebalance-timeout-below-session", r#"{"max.poll.interval.ms": 30000}"#), Severity::Error);
    assert_eq!(severity("invalid-value", r#"{"session.timeout.ms": 4000000}"#), Severity::Error);
    let refused = finds("setting-of-another-client", "c.json", r#"{"max.poll.records": 5}"#, &Case::default()).unwrap();
    assert!(refused.right.contains("one message") && refused.consequence.contains("refuses"));
    let ignored =
        finds("setting-of-another-client", "c.json", r#"{"request.timeout.ms": 5}"#, &Case::default()).unwrap();
    assert!(ignored.right.contains("socket.timeout.ms") && ignored.consequence.contains("ignores"));
    assert_eq!(ids("c.json", r#"{"metadata.max.age.ms": 900000}"#, &Case::default()), [""; 0]);
    assert_eq!(ids("c.json", r#"{"queued.min.messages": 5, "sasl.mechanisms": "PLAIN"}"#, &Case::default()), [""; 0]);
}

#[test]
fn a_setting_under_kafkas_name_is_told_the_clients_own() {
    let case = Case { client: Some("sarama-1"), ..Case::default() };
    let finding = finds("setting-of-another-client", "c.properties", "session.timeout.ms=1000", &case).unwrap();
    assert_eq!(finding.right, "it has `Consumer.Group.Session.Timeout`");
    let finding = finds("setting-of-another-client", "c.properties", "sessionTimeout=1000", &Case::default()).unwrap();
    assert_eq!(finding.right, "the Java consumer has `session.timeout.ms`");
}

#[test]
fn messages_name_settings_as_the_file_does() {
    let text = "spring:\n  kafka:\n    consumer:\n      heartbeat-interval: 20s\n";
    let finding = finds("heartbeat-above-a-third-of-session", "a.yaml", text, &Case::default()).unwrap();
    assert!(finding.message.starts_with("`heartbeat-interval` (20000 ms)"), "{}", finding.message);
    assert_eq!(&text[finding.span.unwrap()], "20s");
}

#[test]
fn what_several_profiles_share_is_told_once() {
    let text = "spring.kafka.consumer.heartbeat-interval: 20s\n---\nspring.config.activate.on-profile: a\n\
                spring.kafka.consumer.group-id: a\n---\nspring.config.activate.on-profile: b\n\
                spring.kafka.consumer.group-id: b\n";
    let found = ids("a.yaml", text, &Case::default());
    assert_eq!(found, ["heartbeat-above-a-third-of-session", "heartbeat-slows-rebalances"]);
}

#[test]
fn a_value_that_is_not_known_silences_what_depends_on_it() {
    let text = "session.timeout.ms=${SESSION}\nheartbeat.interval.ms=50000\n";
    assert_eq!(
        ids("c.properties", text, &Case::default()),
        ["value-filled-in-elsewhere", "heartbeat-slows-rebalances"]
    );
}

#[test]
fn a_spring_map_for_all_clients_may_hold_settings_of_producers() {
    let shared = "spring.kafka.properties.linger.ms: 5\n";
    assert_eq!(ids("a.yaml", shared, &Case::default()), ["no-settings"; 0]);
    let own = "spring.kafka.consumer.properties.linger.ms: 5\n";
    assert_eq!(ids("a.yaml", own, &Case::default()), ["producer-setting-at-consumer"]);
}

#[test]
fn springs_listeners_commit_themselves() {
    let text = "spring.kafka.consumer.auto-commit-interval: 1s\n";
    assert_eq!(ids("a.yaml", text, &Case::default()), ["auto-commit-interval-without-auto-commit"]);
}

#[test]
fn springs_own_map_wins_over_the_one_for_all_clients_wherever_it_stands() {
    let text = "spring.kafka.consumer.properties:\n  session.timeout.ms: 60000\n---\n\
                spring.kafka.properties:\n  session.timeout.ms: 1\n";
    assert_eq!(ids("a.yaml", text, &Case::default()), [""; 0]);
    let text = "spring.kafka.consumer:\n  max-poll-records: 5\n  properties:\n    max.poll.records: 6\n";
    let finding = finds("given-twice", "a.yaml", text, &Case::default()).unwrap();
    assert_eq!(&text[finding.span.unwrap()], "max-poll-records");
}

#[test]
fn a_comment_switches_a_rule_off_for_the_setting_after_it() {
    let text = "# rebalab: allow session-short, request-timeout-not-below-session\nsession.timeout.ms=9000\n";
    assert_eq!(ids("c.properties", text, &Case::default()), [""; 0]);
    let text = "spring.kafka.consumer:\n  heartbeat-interval: 6s # rebalab: allow heartbeat-slows-rebalances\n";
    assert_eq!(ids("c.yaml", text, &Case::default()), [""; 0]);
}

#[test]
fn values_are_held_against_the_version() {
    let case = |client| Case { client: Some(client), ..Case::default() };
    let reset = "auto.offset.reset=by_duration:PT1H";
    assert_eq!(ids("c.properties", reset, &case("java-3.9")), ["invalid-value"]);
    assert_eq!(ids("c.properties", reset, &case("java-4.0")), [""; 0]);
    assert_eq!(ids("c.properties", &strategy(&[COOPERATIVE]), &case("java-2.3")), ["invalid-value"]);
}

#[test]
fn the_scala_consumers_settings_are_told_the_java_consumers() {
    let finding =
        finds("setting-of-another-client", "c.properties", "auto.commit.enable=true", &Case::default()).unwrap();
    assert_eq!(finding.right, "the Java consumer has `enable.auto.commit`");
}

#[test]
fn what_a_library_may_well_have_is_a_note_only() {
    let case = Case { client: Some("kafkajs-2"), ..Case::default() };
    let finding = finds("unknown-property", "c.json", r#"{"retry": {"retries": 3}}"#, &case).unwrap();
    assert_eq!((finding.severity, finding.message.contains("known here")), (Severity::Note, true));
}

#[test]
fn an_allowed_rule_is_not_applied() {
    let text = Text { name: "c.properties".into(), text: "session.timeout.ms=8000".into() };
    let options = Options { allowed: vec!["session-short".into()], ..Options::default() };
    let found = lint(vec![text], None, &options).unwrap().findings;
    assert!(found.iter().all(|finding| finding.rule.id != "session-short"), "{found:?}");
}

#[test]
fn what_cannot_be_read_is_told_with_its_place() {
    let text = |name: &str, text: &str| Text { name: name.into(), text: text.into() };
    let problems = lint(vec![text("a.properties", ""), text("b.json", "{")], None, &Options::default()).unwrap_err();
    assert!(problems.to_string().starts_with("b.json:1:"), "{problems}");
    let options = Options { client: Some("sarama-1".into()), ..Options::default() };
    let problems = lint(vec![text("a.yaml", "spring.kafka.client-id: a")], None, &options).unwrap_err();
    assert!(problems.to_string().contains("Java consumer"));
}

#[test]
fn the_session_of_a_static_member_is_the_brokers_under_the_consumer_protocol() {
    let text = "group.protocol=consumer\ngroup.instance.id=${POD}\n";
    let case = Case { restart: Some([50_000, 50_000]), ..Case::default() };
    let finding = finds("static-session-below-restart", "c.properties", text, &case).unwrap();
    assert!(finding.message.contains("group.consumer.session.timeout.ms"));
    let case = Case { server: Some("group.consumer.session.timeout.ms=60000"), ..case };
    assert_eq!(finds("static-session-below-restart", "c.properties", text, &case), None);
}
