//! One group over the whole run: totals, partitions, ownership, pauses, lag.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::rebalance::{ReasonClass, Rebalance, Removal, TriggerKind};

/// One consumer group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct GroupOutcome {
    /// `group.id`.
    pub id: String,
    /// Its totals.
    pub totals: Totals,
    /// Rebalances, in time order, at most [`super::limits::REBALANCES_LISTED`].
    pub rebalances: Vec<Rebalance>,
    /// The group's partitions, by topic in scenario order, then number.
    pub partitions: Vec<PartitionOutcome>,
    /// Who owned what when, by end of the span, at most [`super::limits::OWNERSHIP_SPANS_LISTED`].
    pub ownership: Vec<OwnershipSpan>,
    /// Number of ownership spans, listed or not.
    pub ownership_total: u64,
    /// When which partition stood still and why, by end of the pause, at most [`super::limits::PAUSE_SPANS_LISTED`].
    pub pauses: Vec<PauseSpan>,
    /// Number of pause spans, listed or not.
    pub pauses_total: u64,
    /// Members that the group lost, at most [`super::limits::REMOVALS_LISTED`].
    pub removals: Vec<Removal>,
    /// Lag over time.
    pub lag: Lags,
}

/// Figures of a group, or of all groups together (counts and times added, maxima the largest).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default)]
pub struct Totals {
    /// Rebalances: "Preparing to rebalance" lines of the coordinator.
    pub rebalances: u64,
    /// The same by kind of reason.
    pub rebalances_by_reason: BTreeMap<ReasonClass, u64>,
    /// The same by what set them off.
    pub rebalances_by_trigger: BTreeMap<TriggerKind, u64>,
    /// Rebalances that a further one overtook before the group was `Stable`.
    pub rebalances_superseded: u64,
    /// Generations: "Stabilized" lines with at least one member.
    pub generations: u64,
    /// Coordinator's view: "Preparing to rebalance" to "Assignment received from leader", seconds.
    pub rebalance_latency: Spread,
    /// Join phase: "Preparing to rebalance" to "Stabilized", seconds.
    pub join_phase: Spread,
    /// Client's view: `rebalance-latency` of every member and rebalance, seconds.
    pub member_rebalance_latency: Spread,
    /// How often each consumer held the barrier.
    pub barrier_holders: BTreeMap<String, u64>,

    /// Time that partitions stood still, partition-seconds (definition: [`PauseCause`]).
    pub paused_partition_seconds: f64,
    /// The same by cause; adds up to `paused_partition_seconds`.
    pub paused_partition_seconds_by_cause: BTreeMap<PauseCause, f64>,
    /// Lengths of single pauses (a partition stops until it goes on), seconds.
    pub pause: Spread,
    /// Time without an owner that runs and is connected, partition-seconds. Owner by callbacks: from
    /// `onPartitionsAssigned` to `onPartitionsRevoked`, `onPartitionsLost` or the end of the process, less the time that
    /// its host stands still or is cut off. Counted from the start of the group's first process.
    pub unavailable_partition_seconds: f64,
    /// Longest single gap of that kind, seconds.
    pub unavailable_max_s: f64,
    /// Time without any owner, whether it runs or not, partition-seconds.
    pub unowned_partition_seconds: f64,
    /// Time in which two or more processes believed to own the same partition, partition-seconds.
    pub double_owned_partition_seconds: f64,

    /// Members that the coordinator removed although their process lived.
    pub false_expulsions: u64,
    /// Members that left by themselves because their poll interval was exceeded.
    pub poll_interval_exceeded: u64,
    /// From the end of a crashed process to its removal from the group, seconds.
    pub detection: Spread,

    /// Records whose processing was finished, repetitions included.
    pub processed_records: u64,
    /// Records whose processing was finished although it had been finished before, by whomever in the group.
    pub duplicates: u64,
    /// Commits tried.
    pub commits: u64,
    /// Failed commits by Kafka's exception class.
    pub commit_failures: BTreeMap<String, u64>,
    /// Exceptions that reached applications, by Kafka's class.
    pub exceptions: BTreeMap<String, u64>,

    /// Largest lag of the group at a sample: records in the log beyond the last processed one, over all partitions.
    pub lag_peak: u64,
    /// Lag at the last sample.
    pub lag_at_end: u64,
    /// From the largest lag to the first later sample with at most a tenth of it, seconds; `null` if there is none.
    pub lag_drain_s: Option<f64>,
    /// Largest lag against committed offsets.
    pub committed_lag_peak: u64,
}

/// What is known of a set of values: exact count, total, least and largest; quantiles within 1 %.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default)]
pub struct Spread {
    /// How many values.
    pub count: u64,
    /// Their sum.
    pub total: f64,
    /// The least; `null` if there are no values.
    pub min: Option<f64>,
    /// Mean.
    pub avg: Option<f64>,
    /// Median.
    pub p50: Option<f64>,
    /// 90th percentile.
    pub p90: Option<f64>,
    /// 99th percentile.
    pub p99: Option<f64>,
    /// The largest.
    pub max: Option<f64>,
}

/// One partition as one group sees it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PartitionOutcome {
    /// `<topic>-<number>`.
    pub partition: String,
    /// Time that it stood still, seconds.
    pub paused_s: f64,
    /// The same by cause; adds up to `paused_s`.
    pub paused_s_by_cause: BTreeMap<PauseCause, f64>,
    /// Longest single pause, seconds.
    pub longest_pause_s: f64,
    /// Time without an owner that runs and is connected, seconds.
    pub unavailable_s: f64,
    /// Longest single gap of that kind, seconds.
    pub unavailable_max_s: f64,
    /// Time without any owner, seconds.
    pub unowned_s: f64,
    /// Time with two or more owners, seconds.
    pub double_owned_s: f64,
    /// Owners that it had, one after the other.
    pub owners: u64,
    /// Records whose processing was finished, repetitions included.
    pub processed_records: u64,
    /// Records processed more than once.
    pub duplicates: u64,
    /// Largest lag at a sample.
    pub lag_peak: u64,
    /// Lag at the last sample.
    pub lag_at_end: u64,
}

/// Why a partition stands still.
///
/// A partition that a group is subscribed to stands still while no live owner can take records from it: from when its
/// owner stops being able to (revocation, host pause, end of the process, poll thread stuck, position unknown) until a
/// live owner can fetch again. Processing of an ordinary batch is not a pause, however long it takes, until the poll
/// interval is exceeded. Counting begins with the group's first process. While two processes believe to own a partition,
/// it stands still only if neither can take records.
///
/// Each instant of a pause has exactly one cause, so causes add up to the total. The first that applies is taken. With an
/// owner that the coordinator still counts as a member: [`HostPause`](PauseCause::HostPause),
/// [`Network`](PauseCause::Network), [`Callback`](PauseCause::Callback), [`SlowBatch`](PauseCause::SlowBatch),
/// [`CoordinatorUnavailable`](PauseCause::CoordinatorUnavailable), [`Position`](PauseCause::Position). Without one:
/// [`Callback`](PauseCause::Callback) (of the owner giving it up), [`CoordinatorUnavailable`](PauseCause::CoordinatorUnavailable),
/// [`UndetectedFailure`](PauseCause::UndetectedFailure), [`ProcessDown`](PauseCause::ProcessDown),
/// [`Startup`](PauseCause::Startup), [`InitialDelay`](PauseCause::InitialDelay), [`Barrier`](PauseCause::Barrier),
/// [`Assignment`](PauseCause::Assignment), [`Unassigned`](PauseCause::Unassigned).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PauseCause {
    /// The owner's process is gone without a word and the coordinator still counts on it.
    UndetectedFailure,
    /// A rebalance is in its join phase: waiting for all members to rejoin.
    Barrier,
    /// The join phase is over; the leader's assignment has not yet reached all members.
    Assignment,
    /// A listener call (`onPartitionsRevoked`, `onPartitionsAssigned`, `onPartitionsLost`) is under way.
    Callback,
    /// The owner's host stands still (garbage collection, frozen, throttled).
    HostPause,
    /// The owner's poll thread is stuck: poll interval exceeded, or held by a poll stall.
    SlowBatch,
    /// The owner is cut off from the brokers.
    Network,
    /// The group has no coordinator that answers (broker down, coordinator moving or loading).
    CoordinatorUnavailable,
    /// The owner does not know its position yet (OffsetFetch, ListOffsets).
    Position,
    /// `group.initial.rebalance.delay.ms` of an empty group.
    InitialDelay,
    /// No member has joined yet, or all processes are only just up.
    Startup,
    /// The owner was stopped on purpose and keeps its place (static membership, `REMAIN_IN_GROUP`), or no process of the
    /// group runs.
    ProcessDown,
    /// Nobody owns it and no rebalance is under way: new partitions that nobody knows of yet, gaps between two rebalances.
    Unassigned,
}

/// A time in which one consumer owned one partition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct OwnershipSpan {
    /// The partition.
    pub partition: Arc<str>,
    /// The owner.
    pub consumer: Arc<str>,
    /// Generation in which it got the partition.
    pub generation: i32,
    /// `onPartitionsAssigned`, seconds.
    pub from_s: f64,
    /// `onPartitionsRevoked`, `onPartitionsLost` or end of the process, seconds; end of the run if it still owns it.
    pub to_s: f64,
    /// What ended it.
    pub ended: SpanEnd,
}

/// What ended an ownership.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SpanEnd {
    /// `onPartitionsRevoked`.
    Revoked,
    /// `onPartitionsLost`.
    Lost,
    /// The process is gone.
    ProcessGone,
    /// The run ended.
    RunEnd,
}

/// A time in which one partition stood still for one cause. Neighbouring spans with different causes are one pause.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PauseSpan {
    /// The partition.
    pub partition: Arc<str>,
    /// The cause.
    pub cause: PauseCause,
    /// Beginning, seconds.
    pub from_s: f64,
    /// End, seconds.
    pub to_s: f64,
}

/// Lag of a group over time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Lags {
    /// Samples over the whole run, in time order.
    pub samples: Vec<LagSample>,
    /// Seconds between samples (after merging).
    pub every_s: f64,
}

/// Lag at one instant, over all partitions of the group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct LagSample {
    /// When, seconds.
    pub at_s: f64,
    /// Records in the log beyond the last processed one (the largest of merged samples).
    pub lag: u64,
    /// Records in the log beyond the committed offset (the largest of merged samples).
    pub committed_lag: u64,
}
