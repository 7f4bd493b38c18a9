//! Broker settings of the group coordinator, and those that decide when leadership moves, with the defaults of Kafka 4.1.1
//! (`GroupCoordinatorConfig`, `KRaftConfigs`, `ReplicationConfigs`).

/// Settings of the brokers. Times in milliseconds unless the name says otherwise.
#[derive(Clone, PartialEq, Debug, serde::Serialize)]
pub struct BrokerConfig {
    /// `group.min.session.timeout.ms`
    pub group_min_session_timeout_ms: i32,
    /// `group.max.session.timeout.ms`
    pub group_max_session_timeout_ms: i32,
    /// `group.initial.rebalance.delay.ms`
    pub group_initial_rebalance_delay_ms: i32,
    /// `group.max.size`
    pub group_max_size: i32,
    /// `offsets.topic.num.partitions`
    pub offsets_topic_num_partitions: u32,
    /// `offsets.topic.replication.factor`
    pub offsets_topic_replication_factor: u32,
    /// `offsets.topic.segment.bytes`
    pub offsets_topic_segment_bytes: u32,
    /// `offsets.retention.minutes`
    pub offsets_retention_minutes: i64,
    /// `offsets.retention.check.interval.ms`
    pub offsets_retention_check_interval_ms: i64,
    /// `offsets.commit.timeout.ms`: the write timeout of all coordinator operations.
    pub offsets_commit_timeout_ms: i32,
    /// `offset.metadata.max.bytes`
    pub offset_metadata_max_bytes: i32,
    /// `group.coordinator.append.linger.ms`
    pub group_coordinator_append_linger_ms: i32,
    /// `broker.session.timeout.ms`
    pub broker_session_timeout_ms: i32,
    /// `broker.heartbeat.interval.ms`
    pub broker_heartbeat_interval_ms: i32,
    /// `auto.leader.rebalance.enable`
    pub auto_leader_rebalance_enable: bool,
    /// `leader.imbalance.check.interval.seconds`
    pub leader_imbalance_check_interval_seconds: i64,
}

impl Default for BrokerConfig {
    fn default() -> Self {
        BrokerConfig {
            group_min_session_timeout_ms: 6_000,
            group_max_session_timeout_ms: 1_800_000,
            group_initial_rebalance_delay_ms: 3_000,
            group_max_size: i32::MAX,
            offsets_topic_num_partitions: 50,
            offsets_topic_replication_factor: 3,
            offsets_topic_segment_bytes: 104_857_600,
            offsets_retention_minutes: 10_080,
            offsets_retention_check_interval_ms: 600_000,
            offsets_commit_timeout_ms: 5_000,
            offset_metadata_max_bytes: 4_096,
            group_coordinator_append_linger_ms: 5,
            broker_session_timeout_ms: 9_000,
            broker_heartbeat_interval_ms: 2_000,
            auto_leader_rebalance_enable: true,
            leader_imbalance_check_interval_seconds: 300,
        }
    }
}
