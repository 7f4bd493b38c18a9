//! Consumer settings that matter to groups, with the defaults of Kafka 4.1.1 (`ConsumerConfig.java`).

use crate::protocol::{ClientId, GroupInstanceId};

/// A partition assignor of `partition.assignment.strategy`, by the name that crosses the wire.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AssignorName {
    /// `org.apache.kafka.clients.consumer.RangeAssignor`
    Range,
    /// `org.apache.kafka.clients.consumer.RoundRobinAssignor`
    #[serde(rename = "roundrobin")]
    RoundRobin,
    /// `org.apache.kafka.clients.consumer.StickyAssignor`
    Sticky,
    /// `org.apache.kafka.clients.consumer.CooperativeStickyAssignor`
    CooperativeSticky,
}

impl AssignorName {
    /// All of them.
    pub const ALL: [AssignorName; 4] =
        [AssignorName::Range, AssignorName::RoundRobin, AssignorName::Sticky, AssignorName::CooperativeSticky];

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            AssignorName::Range => "range",
            AssignorName::RoundRobin => "roundrobin",
            AssignorName::Sticky => "sticky",
            AssignorName::CooperativeSticky => "cooperative-sticky",
        }
    }
    /// The assignor of that wire name.
    pub fn from_wire(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|assignor| assignor.as_str() == name)
    }
    /// The Java class, as `partition.assignment.strategy` names it.
    pub const fn class(self) -> &'static str {
        match self {
            AssignorName::Range => "org.apache.kafka.clients.consumer.RangeAssignor",
            AssignorName::RoundRobin => "org.apache.kafka.clients.consumer.RoundRobinAssignor",
            AssignorName::Sticky => "org.apache.kafka.clients.consumer.StickyAssignor",
            AssignorName::CooperativeSticky => "org.apache.kafka.clients.consumer.CooperativeStickyAssignor",
        }
    }
    /// The assignor of that Java class.
    pub fn from_class(class: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|assignor| assignor.class() == class)
    }
}

/// `auto.offset.reset`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AutoOffsetReset {
    /// Start at the oldest record.
    Earliest,
    /// Start at the newest.
    Latest,
    /// Throw `NoOffsetForPartitionException`.
    None,
}

/// The settings of one consumer. Times in milliseconds, as Kafka has them.
#[derive(Clone, PartialEq, Debug, serde::Serialize)]
pub struct ConsumerConfig {
    /// `client.id`
    pub client_id: ClientId,
    /// `group.instance.id`: static membership.
    pub group_instance_id: Option<GroupInstanceId>,
    /// `session.timeout.ms`
    pub session_timeout_ms: i32,
    /// `heartbeat.interval.ms`
    pub heartbeat_interval_ms: i32,
    /// `max.poll.interval.ms`
    pub max_poll_interval_ms: i32,
    /// `max.poll.records`
    pub max_poll_records: u32,
    /// `enable.auto.commit`
    pub enable_auto_commit: bool,
    /// `auto.commit.interval.ms`
    pub auto_commit_interval_ms: i32,
    /// `auto.offset.reset`
    pub auto_offset_reset: AutoOffsetReset,
    /// `partition.assignment.strategy`, most wanted first.
    pub partition_assignment_strategy: Vec<AssignorName>,
    /// `client.rack`; empty for none.
    pub client_rack: String,
    /// `request.timeout.ms`
    pub request_timeout_ms: i32,
    /// `default.api.timeout.ms`
    pub default_api_timeout_ms: i32,
    /// `retry.backoff.ms`
    pub retry_backoff_ms: i32,
    /// `retry.backoff.max.ms`
    pub retry_backoff_max_ms: i32,
    /// `reconnect.backoff.ms`
    pub reconnect_backoff_ms: i32,
    /// `reconnect.backoff.max.ms`
    pub reconnect_backoff_max_ms: i32,
    /// `socket.connection.setup.timeout.ms`
    pub socket_connection_setup_timeout_ms: i32,
    /// `socket.connection.setup.timeout.max.ms`
    pub socket_connection_setup_timeout_max_ms: i32,
    /// `metadata.max.age.ms`
    pub metadata_max_age_ms: i32,
    /// `metadata.recovery.strategy` is `rebootstrap` (default since 4.0) rather than `none`.
    pub metadata_recovery_rebootstrap: bool,
    /// `fetch.max.wait.ms`
    pub fetch_max_wait_ms: i32,
    /// `fetch.max.bytes`
    pub fetch_max_bytes: u32,
    /// `fetch.min.bytes`
    pub fetch_min_bytes: u32,
    /// `max.partition.fetch.bytes`
    pub max_partition_fetch_bytes: u32,
    /// `internal.leave.group.on.close`
    pub leave_group_on_close: bool,
}

impl Default for ConsumerConfig {
    fn default() -> Self {
        ConsumerConfig {
            client_id: ClientId::default(),
            group_instance_id: None,
            session_timeout_ms: 45_000,
            heartbeat_interval_ms: 3_000,
            max_poll_interval_ms: 300_000,
            max_poll_records: 500,
            enable_auto_commit: true,
            auto_commit_interval_ms: 5_000,
            auto_offset_reset: AutoOffsetReset::Latest,
            partition_assignment_strategy: vec![AssignorName::Range, AssignorName::CooperativeSticky],
            client_rack: String::new(),
            request_timeout_ms: 30_000,
            default_api_timeout_ms: 60_000,
            retry_backoff_ms: 100,
            retry_backoff_max_ms: 1_000,
            reconnect_backoff_ms: 50,
            reconnect_backoff_max_ms: 1_000,
            socket_connection_setup_timeout_ms: 10_000,
            socket_connection_setup_timeout_max_ms: 30_000,
            metadata_max_age_ms: 300_000,
            metadata_recovery_rebootstrap: true,
            fetch_max_wait_ms: 500,
            fetch_max_bytes: 52_428_800,
            fetch_min_bytes: 1,
            max_partition_fetch_bytes: 1_048_576,
            leave_group_on_close: true,
        }
    }
}
