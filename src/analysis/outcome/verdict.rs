//! Judgements: invariants, livelocks, expectations; and the measures of live recordings.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One invariant and what was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct InvariantOutcome {
    /// Its name, for example `one_owner_per_generation`.
    pub name: String,
    /// What must hold, in a sentence.
    pub statement: String,
    /// How often it was checked.
    pub checks: u64,
    /// How often it did not hold.
    pub violations_total: u64,
    /// The first violations.
    pub violations: Vec<Violation>,
}

/// One violation of an invariant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Violation {
    /// When, seconds.
    pub at_s: f64,
    /// What was seen, in a sentence.
    pub text: String,
}

/// A group that rebalances again and again by itself: at least [`Livelock::REBALANCES_MIN`] rebalances in a row that no
/// fault and no start or stop of a process explains, with the same cause, each gap shorter than twice the longest of
/// poll interval, session and rebalance timeout.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Livelock {
    /// The group's id.
    pub group: String,
    /// Start of the first such rebalance, seconds.
    pub from_s: f64,
    /// Start of the last one, seconds.
    pub to_s: f64,
    /// It was still going on at the end of the run.
    pub until_end: bool,
    /// How many rebalances; attempts to join, where the cause is a request timeout.
    pub rebalances: u64,
    /// Median time from one to the next with the same trigger, seconds.
    pub period_s: f64,
    /// The cause.
    pub cause: LivelockCause,
    /// The consumer that causes it, if it is one.
    pub consumer: Option<String>,
    /// In a sentence, for example "worker-3 leaves every 420 s because its batches take 420 s and max.poll.interval.ms is 300000".
    pub text: String,
}

impl Livelock {
    /// Fewer rebalances in a row are not called a livelock.
    pub const REBALANCES_MIN: u64 = 5;
}

/// Why a group does not come to rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LivelockCause {
    /// Batches take longer than `max.poll.interval.ms`.
    BatchExceedsPollInterval,
    /// Members are silent for longer than `session.timeout.ms` although they live.
    SessionTooShort,
    /// JoinGroup or SyncGroup requests time out (`request.timeout.ms`) before the barrier opens.
    RequestTimeoutTooShort,
    /// The leader's assignment takes longer than members are waited for.
    AssignmentTooSlow,
    /// Two processes use one `group.instance.id` and fence each other.
    DuplicateInstanceId,
    /// The assignor moves partitions back and forth (cooperative follow-up rebalances without end).
    AssignorOscillates,
    /// Members see changing topic metadata.
    MetadataFlaps,
    /// None of these.
    Unknown,
}

/// One `expect` line and its verdict.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ExpectationOutcome {
    /// The figure's path.
    pub figure: String,
    /// The check as typed.
    pub check: String,
    /// The figure's value; `null` if it has none in this run.
    pub value: Option<FigureValue>,
    /// True if it holds.
    pub holds: bool,
    /// In a sentence, for people.
    pub text: String,
}

/// Value of a figure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FigureValue {
    /// A number: a count, seconds or partition-seconds.
    Number(f64),
    /// A text: a name or a verdict.
    Text(String),
}

/// The measures of live recordings, all in milliseconds, taken over [reference, end of the run].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default)]
pub struct Measured {
    /// The reference instant, milliseconds: the beginning of the first fault, or 0 if there is none.
    pub reference_ms: f64,
    /// Rebalances that began before it.
    pub rebalances_before: u64,
    /// Rebalances that began at or after it, at most [`super::limits::REBALANCES_LISTED`].
    pub rebalances: Vec<MeasuredRebalance>,
    /// Reference to the coordinator's first line that says so: a member failed, left, was replaced or dropped.
    pub detect_ms: Option<f64>,
    /// Which event that was.
    pub detect_by: Option<String>,
    /// Per consumer: from the start of the first rebalance to its notice (heartbeat answer REBALANCE_IN_PROGRESS).
    pub notice_ms: BTreeMap<String, f64>,
    /// Reference to the last callback with partitions.
    pub settled_ms: Option<f64>,
    /// Per partition: time within [reference, settled] (extended to the end of a host pause) without an owner that runs and
    /// is connected.
    pub unavailable_ms: BTreeMap<String, f64>,
    /// Longest single gap.
    pub unavailable_max_ms: f64,
    /// Sum over partitions.
    pub unavailable_partition_ms: f64,
    /// Time in which two processes believed to own the same partition, summed over partitions.
    pub double_owner_partition_ms: f64,
}

/// One rebalance as live recordings measure it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct MeasuredRebalance {
    /// The group's id.
    pub group: String,
    /// "Preparing to rebalance", milliseconds of the run.
    pub at_ms: f64,
    /// The coordinator's reason.
    pub reason: String,
    /// To the end of the join phase, milliseconds.
    pub join_ms: Option<f64>,
    /// To "Assignment received from leader", milliseconds.
    pub latency_ms: Option<f64>,
}
