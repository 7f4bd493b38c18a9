//! Rebalances: what started them, how long they took, who held the barrier; and members that were removed.

use serde::{Deserialize, Serialize};

/// One rebalance of a group, from "Preparing to rebalance" on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Rebalance {
    /// Counted from 1 within the group.
    pub number: u64,
    /// The coordinator's broker.
    pub broker: u32,
    /// Why, in Kafka's own words (member ids included).
    pub reason: String,
    /// The kind of reason.
    pub reason_class: ReasonClass,
    /// What happened before that, told by consumer.
    pub trigger: Trigger,
    /// Group state before: `Empty`, `Stable`, `CompletingRebalance`.
    pub from_state: String,
    /// Generation before.
    pub old_generation: i32,
    /// Generation that the join phase ended with; `null` if it did not end.
    pub generation: Option<i32>,
    /// "Preparing to rebalance", seconds.
    pub preparing_s: f64,
    /// "Stabilized": the join phase is complete, seconds.
    pub stabilized_s: Option<f64>,
    /// "Assignment received from leader", seconds.
    pub assignment_received_s: Option<f64>,
    /// The assignment is durable and the group `Stable`, seconds.
    pub stable_s: Option<f64>,
    /// The last member of the generation has applied its assignment, seconds.
    pub applied_s: Option<f64>,
    /// How it ended.
    pub end: RebalanceEnd,
    /// Length of the join phase ("Preparing to rebalance" to "Stabilized"), seconds.
    pub join_phase_s: Option<f64>,
    /// Coordinator's view of the whole: "Preparing to rebalance" to "Assignment received from leader", seconds.
    pub latency_s: Option<f64>,
    /// Largest `rebalance-latency` that a member measured for itself, seconds.
    pub member_latency_max_s: Option<f64>,
    /// Members of the new generation.
    pub members_count: u32,
    /// The leader: its consumer, or its member id if that belongs to none.
    pub leader: Option<String>,
    /// The chosen assignor.
    pub protocol: Option<String>,
    /// Who or what the end of the join phase waited for; `null` if the join phase did not end.
    pub barrier: Option<Barrier>,
    /// Time that partitions of the group stood still from "Preparing to rebalance" until the last member had applied its
    /// assignment (or the next rebalance began), partition-seconds.
    pub paused_partition_seconds: f64,
    /// What each member did meanwhile, in the order of arrival at the barrier.
    pub members: Vec<MemberPhases>,
}

/// How a rebalance ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RebalanceEnd {
    /// The group became `Stable`.
    Completed,
    /// The next rebalance began before the group was `Stable`.
    Superseded,
    /// The join phase ended without members.
    GroupEmpty,
    /// The coordinator moved or its broker stopped.
    CoordinatorLost,
    /// The run ended first.
    Unfinished,
}

/// The kind of reason that the coordinator logs with "Preparing to rebalance".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReasonClass {
    /// "Adding new member …".
    MemberJoined,
    /// "explicit `LeaveGroup` request for …".
    MemberLeft,
    /// "removing member … on heartbeat expiration.".
    SessionExpired,
    /// "Removing … on pending sync request expiration".
    SyncTimeout,
    /// "Leader … re-joining group during Stable".
    LeaderRejoined,
    /// "Updating metadata for member … during …".
    MemberRejoined,
    /// A static member came back with another subscription or protocol ("Group's selectedProtocol will change …").
    StaticMemberChanged,
    /// The assignment could not be written ("Error … when storing group assignment…").
    AssignmentNotStored,
    /// Anything else.
    Other,
}

/// What set a rebalance off, as far as the events before it show.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Trigger {
    /// The kind of trigger.
    pub kind: TriggerKind,
    /// The consumer concerned.
    pub consumer: Option<String>,
    /// In a sentence, for example "worker-2 left: its batch took longer than max.poll.interval.ms (300000)".
    pub text: String,
}

/// What set a rebalance off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TriggerKind {
    /// A process that was started joins.
    ProcessStarted,
    /// A consumer was closed.
    Closed,
    /// A process is gone and its session ran out.
    CrashDetected,
    /// A member that lives was silent for its session timeout.
    SessionExpiredAlive,
    /// A member left because its poll interval was exceeded.
    PollIntervalExceeded,
    /// A member did not send SyncGroup in time.
    SyncTimeout,
    /// A member that had lost its membership joins again.
    Returned,
    /// A member gave partitions up under the cooperative protocol and joins again so that they can be given away.
    CooperativeRevocation,
    /// A member joins again because the topics' partitions or the subscription changed.
    MetadataChanged,
    /// A member joins again because a join or sync attempt of its own failed.
    AttemptFailed,
    /// A static member came back changed.
    StaticMemberChanged,
    /// The coordinator could not store the assignment.
    AssignmentNotStored,
    /// None of these.
    Unknown,
}

/// Who or what held the barrier of a rebalance: what the end of the join phase waited for last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Barrier {
    /// The consumer that arrived last or had to be waited out; `null` if the initial rebalance delay decided.
    pub holder: Option<String>,
    /// The holder's member id.
    pub member_id: Option<String>,
    /// What took the holder longest.
    pub phase: BarrierPhase,
    /// How long that phase lasted, seconds.
    pub phase_s: f64,
    /// How long the others waited for it: from the arrival of the last but one to the end of the join phase, seconds.
    pub waited_s: f64,
    /// The setting that bounds this phase, under Kafka's name.
    pub setting: Option<String>,
    /// Its value, in Kafka's unit.
    pub setting_value: Option<i64>,
    /// The fault that hit the holder meanwhile, as the scenario tells it.
    pub fault: Option<String>,
    /// In a sentence.
    pub text: String,
}

/// What a member does between the start of a rebalance and its arrival at the barrier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BarrierPhase {
    /// Until it learns of the rebalance: its next heartbeat answer (`heartbeat.interval.ms`).
    Discover,
    /// Until its poll thread comes back: the rest of its batch (`max.poll.interval.ms`).
    FinishBatch,
    /// From that poll to its JoinGroup: commit and `onPartitionsRevoked`.
    Prepare,
    /// The JoinGroup's way to the coordinator.
    Rejoin,
    /// The coordinator waited for the group's first members (`group.initial.rebalance.delay.ms`).
    InitialDelay,
    /// It never came; the coordinator waited until its session ran out (`session.timeout.ms`).
    SessionTimeout,
    /// It never came; the coordinator waited for the rebalance timeout (`max.poll.interval.ms`).
    RebalanceTimeout,
    /// It left instead.
    Left,
}

/// One member in one rebalance. Instants in seconds of the run; `null` if it did not come to that.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct MemberPhases {
    /// The consumer.
    pub consumer: String,
    /// Its member id at the end of the join phase.
    pub member_id: String,
    /// True for the member that the barrier waited for last.
    pub held_barrier: bool,
    /// It learned of the rebalance (heartbeat answer), or asked for it.
    pub noticed_s: Option<f64>,
    /// Its poll thread came back after that.
    pub polled_s: Option<f64>,
    /// It sent the JoinGroup that the coordinator took for this rebalance.
    pub join_sent_s: Option<f64>,
    /// The coordinator parked that JoinGroup: the member has reached the barrier.
    pub parked_s: Option<f64>,
    /// It read the JoinGroup answer.
    pub joined_s: Option<f64>,
    /// It read the SyncGroup answer.
    pub synced_s: Option<f64>,
    /// It applied its assignment.
    pub applied_s: Option<f64>,
    /// Discover: from "Preparing to rebalance" to `noticed_s`, seconds.
    pub discover_s: Option<f64>,
    /// Finish batch: from `noticed_s` to `polled_s`, seconds.
    pub finish_batch_s: Option<f64>,
    /// Prepare (commit, `onPartitionsRevoked`): from `polled_s` to `join_sent_s`, seconds.
    pub prepare_s: Option<f64>,
    /// Rejoin: from `join_sent_s` to `parked_s`, seconds.
    pub rejoin_s: Option<f64>,
    /// Wait at the barrier: from `parked_s` to the end of the join phase, seconds.
    pub wait_s: Option<f64>,
    /// Sync: from the end of the join phase to `synced_s`, seconds.
    pub sync_s: Option<f64>,
    /// `rebalance-latency` as the member measured it: from its first JoinGroup to its SyncGroup answer, seconds.
    pub rebalance_latency_s: Option<f64>,
}

/// A member that the group lost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Removal {
    /// When the coordinator removed it, seconds.
    pub at_s: f64,
    /// The consumer, if the id was some consumer's.
    pub consumer: Option<String>,
    /// The member id that was removed.
    pub member_id: String,
    /// The coordinator's reason.
    pub reason: String,
    /// What it really was.
    pub kind: RemovalKind,
    /// For [`RemovalKind::CrashDetected`]: from the end of the process to the removal, seconds.
    pub detection_s: Option<f64>,
    /// For [`RemovalKind::FalseExpulsion`]: its host stood still at that moment.
    pub host_paused: bool,
    /// A fault that was active on that consumer, as the scenario tells it.
    pub fault: Option<String>,
}

/// What the removal of a member really was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RemovalKind {
    /// The coordinator removed a member whose process lives and still uses that id.
    FalseExpulsion,
    /// The member left by itself because its poll interval was exceeded.
    PollIntervalExceeded,
    /// Its process had crashed.
    CrashDetected,
    /// Its process had been stopped on purpose without leaving (static members, `REMAIN_IN_GROUP`).
    StoppedWithoutLeaving,
    /// The process lives, but uses another member id by now.
    OldMemberId,
    /// It left on purpose (`close`, `unsubscribe`).
    Left,
}
