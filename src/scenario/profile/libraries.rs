//! The client libraries other than Kafka's own. What was observed in recordings against a 4.1.1 broker carries the number
//! of its statement in `tests/vectors/live-clients/README.md` («table» is its table of profiles); what was not observed is
//! from the library's documentation and says so.

use super::ClientProfile;
use super::own_settings::{OwnSetting, REBALANCE_TIMEOUT, Unit};
use crate::client::{
    AfterError, ApplicationThread, AssignorFamily, AutoCommit, AutoCommitClock, Behaviour, CutShort, Fetching,
    FirstHeartbeat, HeartbeatFailure, JoinRetry, JoinTimeout, LostCallback, PollInterval, Prefetch, Reasons,
    RebalanceTimeout, Rejoin, RequestVersions, SessionTimer, SubscriptionFormat,
};
use crate::protocol::config::ConsumerConfig;

/// A client library in a line of versions that behave alike.
#[derive(Debug)]
pub struct Library {
    /// Its name.
    pub name: &'static str,
    /// Name of the profile: the library and the line of versions.
    pub profile: &'static str,
    /// Defaults that are not Kafka's, under Kafka's names.
    pub defaults: &'static [(&'static str, &'static str)],
    /// Its settings under its own names.
    pub settings: &'static [OwnSetting],
    /// Settings of Kafka that it does not have, and what it has instead.
    pub absent: &'static [(&'static str, &'static str)],
    /// What a reader should know.
    pub remarks: &'static [&'static str],
    behaviour: fn() -> Behaviour,
}

impl Library {
    /// The profile.
    pub fn profile(&'static self) -> ClientProfile {
        let mut config = ConsumerConfig::default();
        for (name, value) in self.defaults {
            config.set("", name, value).expect("a test sets every default");
        }
        ClientProfile { config, behaviour: (self.behaviour)(), library: Some(self), java: None }
    }
}

/// All of them.
pub static LIBRARIES: &[Library] = &[LIBRDKAFKA, FRANZ_GO, SARAMA, KAFKAJS, KAFKA_GO, KAFKA_PYTHON, AIOKAFKA];

const fn plain(own: &'static str, kafka: &'static str) -> OwnSetting {
    OwnSetting { own, kafka, unit: Unit::Kafkas }
}

const fn go(own: &'static str, kafka: &'static str) -> OwnSetting {
    OwnSetting { own, kafka, unit: Unit::GoDuration }
}

const fn versions(join_group: i16, sync_group: i16, heartbeat: i16, leave_group: i16) -> RequestVersions {
    RequestVersions { join_group, sync_group, heartbeat, leave_group, offset_commit: 7, offset_fetch: 5 }
}

/// What most libraries share against the Java consumer: timers without slices, heartbeats from the SyncGroup answer on,
/// no reasons, commits of what moved.
fn common(versions: RequestVersions) -> Behaviour {
    Behaviour {
        // Documentation: librdkafka's and franz-go's buffers, sarama's and kafka-go's channels are filled beside the
        // application.
        prefetch: Prefetch::Continuous,
        heartbeat_while_completing: false,
        // Of librdkafka and franz-go it is documented, but nothing recorded tells when they ask.
        validates_positions: false,
        reasons: Reasons::None,
        // `close` takes 1 to 46 ms where no Fetch is waited for (23 recorded)
        closes_fetch_sessions: false,
        sleeps_in_slices: false,
        wall_clock: false, // Go, Python's asyncio and librdkafka reckon with monotonic clocks (documentation)
        auto_commit: AutoCommit::MovedPositions,
        cut_short: CutShort::Reads,
        session_timer: SessionTimer::None,
        versions,
        ..Behaviour::default()
    }
}

const NO_POLL_INTERVAL: &str = "nothing limits the time between polls";

const LIBRDKAFKA: Library = Library {
    name: "librdkafka",
    profile: "librdkafka-2",
    defaults: &[
        ("partition.assignment.strategy", "range,roundrobin"), // table
        // A poll returns one message (documentation).
        ("max.poll.records", "1"),
        // Documentation (CONFIGURATION.md).
        ("reconnect.backoff.ms", "100"),
        ("reconnect.backoff.max.ms", "10000"),
        ("request.timeout.ms", "60000"),
    ],
    settings: &[
        plain("session.timeout.ms", "session.timeout.ms"),
        plain("heartbeat.interval.ms", "heartbeat.interval.ms"),
        plain("max.poll.interval.ms", "max.poll.interval.ms"),
        OwnSetting {
            own: "partition.assignment.strategy",
            kafka: "partition.assignment.strategy",
            unit: Unit::Assignors(&[
                ("range", "range"),
                ("roundrobin", "roundrobin"),
                ("cooperative-sticky", "cooperative-sticky"),
            ]),
        },
        plain("group.instance.id", "group.instance.id"),
        plain("client.id", "client.id"),
        plain("client.rack", "client.rack"),
        plain("group.id", "group.id"),
        plain("group.protocol", "group.protocol"),
        plain("enable.auto.commit", "enable.auto.commit"),
        plain("auto.commit.interval.ms", "auto.commit.interval.ms"),
        plain("auto.offset.reset", "auto.offset.reset"),
        plain("fetch.wait.max.ms", "fetch.max.wait.ms"),
        plain("fetch.min.bytes", "fetch.min.bytes"),
        plain("max.partition.fetch.bytes", "max.partition.fetch.bytes"),
        plain("reconnect.backoff.ms", "reconnect.backoff.ms"),
        plain("reconnect.backoff.max.ms", "reconnect.backoff.max.ms"),
        plain("retry.backoff.ms", "retry.backoff.ms"),
        plain("retry.backoff.max.ms", "retry.backoff.max.ms"),
        plain("socket.timeout.ms", "request.timeout.ms"),
        plain("topic.metadata.refresh.interval.ms", "metadata.max.age.ms"),
        plain("bootstrap.servers", "bootstrap.servers"),
    ],
    absent: &[
        ("max.poll.records", "a poll returns one message, a batch call as many as it asks for"),
        ("default.api.timeout.ms", "each call takes its own timeout"),
        ("internal.leave.group.on.close", "it leaves on close unless it has a `group.instance.id`"),
    ],
    remarks: &[
        "a busy application makes the whole group wait: the rebalance callback runs in its next poll (statement 5)",
        "the end of the poll interval is looked at every 0.5 s",
    ],
    behaviour: || Behaviour {
        application: ApplicationThread::BesideWithListener, // 5
        // recordings under load: first commits 10.00 to 10.03 s after the start, 3.9 s after the join
        auto_commit_clock: AutoCommitClock::Ticks,
        first_heartbeat: FirstHeartbeat::Kept,                        // 11
        session_timer: SessionTimer::Loses,                           // 10
        poll_interval: PollInterval::LeavesChecked { every_ms: 500 }, // 9: 10.23 to 10.50 s for 10 s
        rejoin: Rejoin {
            after_error: AfterError::Retries(2_000, 2_000),
            fenced_stops: true,
            ..Behaviour::default().rejoin
        },
        cut_short: CutShort::GetsNothing, // 34a // table
        ..common(versions(5, 3, 3, 1))    // 4
    },
};

const FRANZ_GO: Library = Library {
    name: "franz-go",
    profile: "franz-go-1",
    defaults: &[
        ("partition.assignment.strategy", "cooperative-sticky"), // table
        // Documentation (package kgo): FetchMaxWait 5 s, ConsumeResetOffset at the start, PollFetches returns all.
        ("fetch.max.wait.ms", "5000"),
        ("auto.offset.reset", "earliest"),
        ("max.poll.records", "100000"),
        ("retry.backoff.ms", "250"), // 17
        ("retry.backoff.max.ms", "5000"),
        ("reconnect.backoff.ms", "250"),
        ("reconnect.backoff.max.ms", "5000"),
    ],
    settings: &[
        go("SessionTimeout", "session.timeout.ms"),
        go("HeartbeatInterval", "heartbeat.interval.ms"),
        go("RebalanceTimeout", REBALANCE_TIMEOUT),
        OwnSetting {
            own: "Balancers",
            kafka: "partition.assignment.strategy",
            unit: Unit::Assignors(&[
                ("CooperativeStickyBalancer", "cooperative-sticky"),
                ("StickyBalancer", "sticky"),
                ("RangeBalancer", "range"),
                ("RoundRobinBalancer", "roundrobin"),
            ]),
        },
        plain("InstanceID", "group.instance.id"),
        plain("ClientID", "client.id"),
        plain("Rack", "client.rack"),
        go("AutoCommitInterval", "auto.commit.interval.ms"),
        plain("AutoCommit", "enable.auto.commit"),
        plain("ConsumeResetOffset", "auto.offset.reset"),
        go("FetchMaxWait", "fetch.max.wait.ms"),
        plain("FetchMinBytes", "fetch.min.bytes"),
        plain("FetchMaxPartitionBytes", "max.partition.fetch.bytes"),
        plain("PollRecords", "max.poll.records"),
        go("MetadataMaxAge", "metadata.max.age.ms"),
    ],
    absent: &[(
        "max.poll.interval.ms",
        "nothing limits the time between polls; how long a rebalance waits is `RebalanceTimeout`",
    )],
    remarks: &[
        "rebalances go on without the application, callbacks included (statement 15)",
        NO_POLL_INTERVAL,
        "its sticky balancers are not Kafka's (statement 16)",
    ],
    behaviour: || Behaviour {
        reasons: Reasons::FranzGo,
        assignors: AssignorFamily::FranzGo, // 16
        // 17; a beat is sent three times, 0.25 and 0.5 s apart (recorded: 0.81 to 0.85 s from its time to `lost`)
        heartbeat_failure: HeartbeatFailure::EndsAfterMs(750),
        application: ApplicationThread::Beside, // 15
        // recordings under load: first commits 10.01 to 10.05 s after the start, 4.0 s after the join
        auto_commit_clock: AutoCommitClock::Ticks,
        rebalance_timeout: RebalanceTimeout::Own(60_000), // table
        poll_interval: PollInterval::Unlimited,           // 15
        first_heartbeat: FirstHeartbeat::CooperativeAfterMs(500), // 14
        joins_with_the_old_id: true,                      // table
        rejoin: Rejoin {
            after_loss_ms: 250, // table: 0.2 to 0.3 s
            after_error: AfterError::Retries(250, 5_000),
            ..Behaviour::default().rejoin
        },
        ..common(versions(9, 5, 4, 5))
    },
};

const SARAMA: Library = Library {
    name: "sarama",
    profile: "sarama-1",
    defaults: &[
        ("session.timeout.ms", "10000"), // table
        ("partition.assignment.strategy", "range"),
        ("auto.commit.interval.ms", "1000"),
        // A handler takes one message after the other (documentation).
        ("max.poll.records", "1"),
        // Documentation: Metadata.Retry.Backoff, Metadata.RefreshFrequency.
        ("retry.backoff.ms", "250"),
        ("retry.backoff.max.ms", "250"),
        // Each of those retries connects anew.
        ("reconnect.backoff.ms", "250"),
        ("reconnect.backoff.max.ms", "250"),
        ("metadata.max.age.ms", "600000"),
    ],
    settings: &[
        go("Consumer.Group.Session.Timeout", "session.timeout.ms"),
        go("Consumer.Group.Heartbeat.Interval", "heartbeat.interval.ms"),
        go("Consumer.Group.Rebalance.Timeout", REBALANCE_TIMEOUT),
        OwnSetting {
            own: "Consumer.Group.Rebalance.GroupStrategies",
            kafka: "partition.assignment.strategy",
            unit: Unit::Assignors(&[
                ("range", "range"),
                ("roundrobin", "roundrobin"),
                ("sticky", "sticky"),
                ("cooperative-sticky", "cooperative-sticky"),
            ]),
        },
        plain("Consumer.Group.InstanceId", "group.instance.id"),
        plain("ClientID", "client.id"),
        plain("RackID", "client.rack"),
        plain("Consumer.Offsets.AutoCommit.Enable", "enable.auto.commit"),
        go("Consumer.Offsets.AutoCommit.Interval", "auto.commit.interval.ms"),
        plain("Consumer.Offsets.Initial", "auto.offset.reset"),
        go("Consumer.MaxWaitTime", "fetch.max.wait.ms"),
        plain("Consumer.Fetch.Min", "fetch.min.bytes"),
        plain("Consumer.Fetch.Default", "max.partition.fetch.bytes"),
        go("Net.ReadTimeout", "request.timeout.ms"),
        go("Metadata.RefreshFrequency", "metadata.max.age.ms"),
        go("Metadata.Retry.Backoff", "retry.backoff.ms"),
    ],
    absent: &[
        (
            "max.poll.interval.ms",
            "nothing limits a handler; how long a rebalance waits is `Consumer.Group.Rebalance.Timeout`",
        ),
        ("max.poll.records", "a handler takes one message after the other"),
    ],
    remarks: &[
        "group requests wait behind parked fetches (statement 19), so each rebalance takes up to 0.5 s more (20)",
        "a handler that goes on holds the whole group (statement 21); with cooperative-sticky only if its partition is given up",
        "a JoinGroup is given up after `Net.ReadTimeout` (30 s) and sent anew, though the rebalance timeout is 60 s",
        NO_POLL_INTERVAL,
        "its sticky strategies hang on the order of Go's maps: assignments differ from run to run (statement 22)",
    ],
    behaviour: || Behaviour {
        application: ApplicationThread::BesideWithListener, // 21
        rebalance_timeout: RebalanceTimeout::Own(60_000),   // table
        poll_interval: PollInterval::Unlimited,             // 21
        first_heartbeat: FirstHeartbeat::WithSession,       // table
        fetching: Fetching::Shared,                         // 19, 20
        reconnects_at_once: true,                           // `Broker.Open`
        // `partitionConsumersBatchTimeout`; beats after a join lie where Fetches begun 100 ms later let them through
        fetch_begins_after_ms: 100,
        lost_callback: LostCallback::Revoked,      // Cleanup is the only one
        heartbeat_failure: HeartbeatFailure::Ends, // 24
        assignors: AssignorFamily::Sarama,         // 22
        // `Net.ReadTimeout` holds for JoinGroup too: given up after 30.00 s, sent anew with the member id 3 ms later
        // (recording `barrier-75000`).
        join_timeout: JoinTimeout::RequestTimeout,
        joins_with_the_old_id: true, // table
        rejoin: Rejoin {
            after_error: AfterError::Retries(2, 2), // 23
            retry: JoinRetry::Rests { ms: 2_000 },  // 24; `Consumer.Group.Rebalance.Retry.Backoff`
            ..Behaviour::default().rejoin
        },
        subscription: SubscriptionFormat { version: 1, ..Behaviour::default().subscription }, // table
        ..common(versions(7, 5, 4, 4))
    },
};

const KAFKAJS: Library = Library {
    name: "kafkajs",
    profile: "kafkajs-2",
    defaults: &[
        ("session.timeout.ms", "30000"), // table
        ("partition.assignment.strategy", "roundrobin"),
        ("fetch.max.wait.ms", "5000"), // 25
        ("max.poll.records", "1"),     // eachMessage
        // Documentation: retry { initialRetryTime: 300, maxRetryTime: 30000 }.
        ("retry.backoff.ms", "300"),
        ("retry.backoff.max.ms", "30000"),
    ],
    settings: &[
        plain("sessionTimeout", "session.timeout.ms"),
        plain("heartbeatInterval", "heartbeat.interval.ms"),
        plain("rebalanceTimeout", REBALANCE_TIMEOUT),
        OwnSetting {
            own: "partitionAssigners",
            kafka: "partition.assignment.strategy",
            unit: Unit::Assignors(&[("roundRobin", "roundrobin")]),
        },
        plain("clientId", "client.id"),
        plain("rackId", "client.rack"),
        plain("autoCommit", "enable.auto.commit"),
        plain("maxWaitTimeInMs", "fetch.max.wait.ms"),
        plain("minBytes", "fetch.min.bytes"),
        plain("maxBytesPerPartition", "max.partition.fetch.bytes"),
        plain("requestTimeout", "request.timeout.ms"),
        plain("metadataMaxAge", "metadata.max.age.ms"),
    ],
    absent: &[
        (
            "max.poll.interval.ms",
            "a handler that keeps the loop from beating ends with `sessionTimeout`; a rebalance waits for `rebalanceTimeout`",
        ),
        ("group.instance.id", "it has no static membership"),
        ("auto.commit.interval.ms", "it commits after each batch; `autoCommitInterval` only adds to that"),
        ("max.poll.records", "eachMessage gets one message after the other"),
    ],
    remarks: &[
        "heartbeats are sent between two fetches: on an idle topic every `maxWaitTimeInMs`, whatever `heartbeatInterval` is (statement 25)",
        "no heartbeat goes out while a message is worked on (statement 26)",
    ],
    behaviour: || Behaviour {
        wall_clock: true,                                 // Date.now()
        heartbeat_thread: false,                          // 25, 26
        rebalance_timeout: RebalanceTimeout::Own(60_000), // table
        poll_interval: PollInterval::Unlimited,           // 26
        first_heartbeat: FirstHeartbeat::AtOnce,          // table: between the first two fetches
        fetching: Fetching::Loop,                         // 25, 27
        prefetch: Prefetch::None,                         // 25
        lost_callback: LostCallback::None,
        listener_on_close: false,
        heartbeat_failure: HeartbeatFailure::Crashes, // 28
        auto_commit: AutoCommit::AfterBatch,          // table
        rejoin: Rejoin {
            after_error: AfterError::Stops, // table
            retry: JoinRetry::Restarts,     // 28
            ..Behaviour::default().rejoin
        },
        subscription: SubscriptionFormat { version: 0, ..Behaviour::default().subscription },
        assignors: AssignorFamily::KafkaJs, // 29
        ..common(versions(5, 3, 3, 3))
    },
};

const KAFKA_GO: Library = Library {
    name: "kafka-go",
    profile: "kafka-go-0.4",
    defaults: &[
        ("session.timeout.ms", "30000"), // table
        ("partition.assignment.strategy", "range,roundrobin"),
        ("fetch.max.wait.ms", "10000"), // 31
        ("max.poll.records", "1"),      // ReadMessage
        // `ConsumerGroupConfig.Timeout`, which a Reader leaves at its default
        ("request.timeout.ms", "5000"),
        // Documentation (ReaderConfig): StartOffset FirstOffset.
        ("auto.offset.reset", "earliest"),
    ],
    settings: &[
        go("SessionTimeout", "session.timeout.ms"),
        go("HeartbeatInterval", "heartbeat.interval.ms"),
        go("RebalanceTimeout", REBALANCE_TIMEOUT),
        OwnSetting {
            own: "GroupBalancers",
            kafka: "partition.assignment.strategy",
            unit: Unit::Assignors(&[("RangeGroupBalancer", "range"), ("RoundRobinGroupBalancer", "roundrobin")]),
        },
        plain("ClientID", "client.id"),
        plain("StartOffset", "auto.offset.reset"),
        go("MaxWait", "fetch.max.wait.ms"),
        plain("MinBytes", "fetch.min.bytes"),
        plain("MaxBytes", "max.partition.fetch.bytes"),
    ],
    absent: &[
        ("max.poll.interval.ms", "nothing limits the time between reads; a rebalance waits for `RebalanceTimeout`"),
        ("group.instance.id", "it has no static membership"),
        ("client.rack", "its RackAffinityGroupBalancer is not modelled"),
        ("enable.auto.commit", "ReadMessage commits each message, FetchMessage none"),
        (
            "auto.commit.interval.ms",
            "ReadMessage commits each message at once unless `CommitInterval` is set, which is not modelled",
        ),
        ("max.poll.records", "ReadMessage returns one message after the other"),
    ],
    remarks: &[
        "on a rebalance it joins only when its parked fetches return: up to `MaxWait` (statement 31)",
        "an application that works makes no difference (statement 34)",
    ],
    behaviour: || Behaviour {
        application: ApplicationThread::Beside,           // 34
        rebalance_timeout: RebalanceTimeout::Own(30_000), // table
        poll_interval: PollInterval::Unlimited,
        fetching: Fetching::Awaited, // 31
        heartbeat_failure: HeartbeatFailure::EndsWithConnection,
        watches_partitions: false, // `WatchPartitionChanges` is off unless asked for
        join_timeout: JoinTimeout::OnTop,
        lost_callback: LostCallback::Revoked,
        fetch_margin_ms: 1_000,      // recorded waits: 9.01 to 9.05 s for MaxWait = 10 s
        joins_with_the_old_id: true, // table
        rejoin: Rejoin {
            after_error: AfterError::Retries(5_000, 5_000), // table
            retry: JoinRetry::StartsOver { ms: 5_000 },     // 33; `JoinGroupBackoff`
            ..Behaviour::default().rejoin
        },
        auto_commit: AutoCommit::AfterBatch,                              // table
        subscription: SubscriptionFormat { version: 1, cut_short: true }, // 34a
        assignors: AssignorFamily::KafkaGo,                               // 30
        ..common(versions(2, 0, 0, 0))
    },
};

const KAFKA_PYTHON: Library = Library {
    name: "kafka-python",
    profile: "kafka-python-3",
    defaults: &[("partition.assignment.strategy", "range,roundrobin")], // table
    settings: PYTHON,
    absent: &[("default.api.timeout.ms", "each call takes its own timeout")],
    remarks: &["the poll interval is looked at only when a heartbeat is due (statement 35)"],
    behaviour: || Behaviour {
        poll_interval: PollInterval::LeavesAtHeartbeat, // 35
        prefetch: Prefetch::PerPartition,               // documentation: as Java's fetcher
        auto_commit: AutoCommit::AllPositions,          // recordings of `pause-8000`, on an idle topic
        joins_twice_permille: 31,                       // 35: 11 of 353
        session_timer: SessionTimer::DropsCoordinator,
        rejoin: Rejoin { fenced_stops: true, ..Behaviour::default().rejoin }, // table
        subscription: SubscriptionFormat { version: 0, ..Behaviour::default().subscription },
        ..common(versions(7, 5, 4, 5))
    },
};

const AIOKAFKA: Library = Library {
    name: "aiokafka",
    profile: "aiokafka-0",
    defaults: &[
        ("session.timeout.ms", "10000"), // table
        ("partition.assignment.strategy", "roundrobin"),
        // `getmany` returns all that was fetched (documentation).
        ("max.poll.records", "100000"),
        ("request.timeout.ms", "40000"),
    ],
    settings: AIO,
    absent: &[("default.api.timeout.ms", "each call takes its own timeout")],
    remarks: &[
        "a member has only `session_timeout_ms` for a join, unless `rebalance_timeout_ms` is set (statement 37)",
        "an application that awaits delays nothing (statement 37)",
    ],
    behaviour: || Behaviour {
        prefetch: Prefetch::PerPartition,             // documentation: as Java's fetcher
        application: ApplicationThread::Beside,       // 37
        rebalance_timeout: RebalanceTimeout::Session, // 37
        poll_interval: PollInterval::Leaves,          // 37
        session_timer: SessionTimer::DropsCoordinatorAfterBeat,
        lost_callback: LostCallback::Revoked,
        auto_commit: AutoCommit::AllPositions, // recordings of `pause-8000`, on an idle topic
        // recordings of `pause-8000` and `static-duplicate`: 5.0 s apart over joins, 0.1 s after one that failed
        auto_commit_clock: AutoCommitClock::Deadline,
        listener_on_close: false, // recordings of `leave` and `static-close`
        gives_up_unpolled: true,  // 37
        // `reset_generation` of 0.14.0; the other libraries keep it (their public source)
        keeps_member_id_on_illegal_generation: false,
        subscription: SubscriptionFormat { version: 0, ..Behaviour::default().subscription },
        ..common(RequestVersions { offset_commit: 3, offset_fetch: 3, ..versions(5, 3, 1, 1) })
    },
};

const PYTHON: &[OwnSetting] = &[
    plain("session_timeout_ms", "session.timeout.ms"),
    plain("heartbeat_interval_ms", "heartbeat.interval.ms"),
    plain("max_poll_interval_ms", "max.poll.interval.ms"),
    plain("max_poll_records", "max.poll.records"),
    OwnSetting {
        own: "partition_assignment_strategy",
        kafka: "partition.assignment.strategy",
        unit: Unit::Assignors(PYTHON_ASSIGNORS),
    },
    plain("group_instance_id", "group.instance.id"),
    plain("client_id", "client.id"),
    plain("client_rack", "client.rack"),
    plain("enable_auto_commit", "enable.auto.commit"),
    plain("auto_commit_interval_ms", "auto.commit.interval.ms"),
    plain("auto_offset_reset", "auto.offset.reset"),
    plain("fetch_max_wait_ms", "fetch.max.wait.ms"),
    plain("fetch_min_bytes", "fetch.min.bytes"),
    plain("max_partition_fetch_bytes", "max.partition.fetch.bytes"),
    plain("request_timeout_ms", "request.timeout.ms"),
    plain("retry_backoff_ms", "retry.backoff.ms"),
    plain("reconnect_backoff_ms", "reconnect.backoff.ms"),
    plain("reconnect_backoff_max_ms", "reconnect.backoff.max.ms"),
    plain("metadata_max_age_ms", "metadata.max.age.ms"),
];

const PYTHON_ASSIGNORS: &[(&str, &str)] = &[
    ("RangePartitionAssignor", "range"),
    ("RoundRobinPartitionAssignor", "roundrobin"),
    ("StickyPartitionAssignor", "sticky"),
];

const AIO: &[OwnSetting] = &[
    plain("session_timeout_ms", "session.timeout.ms"),
    plain("heartbeat_interval_ms", "heartbeat.interval.ms"),
    plain("max_poll_interval_ms", "max.poll.interval.ms"),
    plain("rebalance_timeout_ms", REBALANCE_TIMEOUT),
    plain("max_poll_records", "max.poll.records"),
    OwnSetting {
        own: "partition_assignment_strategy",
        kafka: "partition.assignment.strategy",
        unit: Unit::Assignors(PYTHON_ASSIGNORS),
    },
    plain("group_instance_id", "group.instance.id"),
    plain("client_id", "client.id"),
    plain("enable_auto_commit", "enable.auto.commit"),
    plain("auto_commit_interval_ms", "auto.commit.interval.ms"),
    plain("auto_offset_reset", "auto.offset.reset"),
    plain("fetch_max_wait_ms", "fetch.max.wait.ms"),
    plain("fetch_min_bytes", "fetch.min.bytes"),
    plain("max_partition_fetch_bytes", "max.partition.fetch.bytes"),
    plain("request_timeout_ms", "request.timeout.ms"),
    plain("retry_backoff_ms", "retry.backoff.ms"),
    plain("metadata_max_age_ms", "metadata.max.age.ms"),
];
