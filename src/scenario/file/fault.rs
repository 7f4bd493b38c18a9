//! Faults as people type them: when, and exactly one of the kinds.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::value::{Dist, Names, Span};

/// A fault: a time (`at`, or `every`, or `random`) and exactly one of the kinds.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FaultEntry {
    /// Name in charts and reports; absent: made from kind and target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Once, at this instant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Span>,
    /// Again and again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<EveryEntry>,
    /// At random instants, for each target by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub random: Option<RandomEntry>,
    /// Stop-the-world garbage collection: every thread of the process stops, heartbeats too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gc_pause: Option<HostFor>,
    /// The process is frozen (SIGSTOP, suspended machine); works as a GC pause, told apart in reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub freeze: Option<HostFor>,
    /// The virtual machine is frozen (suspended, migrated), and its clock with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vm_freeze: Option<VmFreeze>,
    /// The machine's clock jumps. Clients that reckon with a monotonic clock don't notice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_jump: Option<ClockJump>,
    /// The application's thread alone is busy, from its next return out of `poll` on (at once with sarama, where each claim's
    /// handler waits for its own messages).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub poll_stall: Option<PollStall>,
    /// All threads run slower for a while.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slowdown: Option<Slowdown>,
    /// SIGKILL: the process ends without a word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crash: Option<Crash>,
    /// The process crashes again and again; each restart waits longer (`CrashLoopBackOff`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crash_loop: Option<CrashLoop>,
    /// SIGTERM: `close()` within the grace period, else SIGKILL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop: Option<Stop>,
    /// Starts consumers whose start is held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<Host>,
    /// Stops and starts consumers one after the other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rolling_restart: Option<RollingRestart>,
    /// A deployment gets a new revision: its pods are replaced as its strategy says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<Host>,
    /// A deployment gets more or fewer replicas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale: Option<Scale>,
    /// The pods of one node are evicted and come back on others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_drain: Option<NodeDrain>,
    /// Packets may be lost: they arrive after a retransmission.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss: Option<Loss>,
    /// Extra latency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay: Option<Delay>,
    /// Brokers throttle clients that exceed their request quota.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throttle: Option<Throttle>,
    /// Nothing passes until it is over (a network partition).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub black_hole: Option<BlackHole>,
    /// Connections break at once, and are refused for a while.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reset: Option<Reset>,
    /// Appends to the coordinator's log stand still.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_stall: Option<StorageStall>,
    /// Appends to the coordinator's log take longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_slow: Option<StorageSlow>,
    /// Appends to the coordinator's log fail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub append_failure: Option<AppendFailure>,
    /// A broker stops and comes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broker_restart: Option<BrokerRestart>,
    /// All brokers are restarted one after the other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broker_rolling_restart: Option<BrokerRollingRestart>,
    /// A group's coordinator moves to another broker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coordinator_move: Option<CoordinatorMove>,
}

/// Again and again.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EveryEntry {
    /// From one beginning to the next.
    pub period: Span,
    /// The first; absent: one period after the start of the run.
    pub from: Option<Span>,
    /// None begins later than this; absent: the end of the run.
    pub until: Option<Span>,
}

/// At random instants: `per_hour` (a Poisson process), or `gap` (any distribution from one beginning to the next).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RandomEntry {
    /// Mean number per hour and target.
    #[schemars(range(min = 0.0))]
    pub per_hour: Option<f64>,
    /// From one beginning to the next.
    pub gap: Option<Dist>,
    /// With `per_hour`: the least time from one beginning to the next; absent: 1 s.
    pub min_gap: Option<Span>,
    /// With `per_hour`: the longest time from one beginning to the next; absent: the length of the window.
    pub max_gap: Option<Span>,
    /// Beginning of the window; absent: the start of the run.
    pub from: Option<Span>,
    /// End of the window; absent: the end of the run.
    pub until: Option<Span>,
}

/// Consumers.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Host {
    /// Which consumers.
    pub host: Names,
}

/// Consumers, and how long.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HostFor {
    /// Which consumers.
    pub host: Names,
    /// How long.
    #[serde(rename = "for")]
    pub length: Dist,
}

/// A frozen virtual machine.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VmFreeze {
    /// Which consumers.
    pub host: Names,
    /// How long.
    #[serde(rename = "for")]
    pub length: Dist,
    /// So long after it goes on, something sets its clock right, which is a jump by the length of the freeze; absent: never.
    pub corrected_after: Option<Dist>,
}

/// A clock that jumps, one way or the other.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClockJump {
    /// Which consumers.
    pub host: Names,
    /// How far into the future.
    pub forward: Option<Span>,
    /// How far into the past.
    pub back: Option<Span>,
}

/// A process that crashes again and again.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CrashLoop {
    /// Which consumers.
    pub host: Names,
    /// From a start to the next crash.
    pub runs_for: Dist,
    /// How many crashes in all.
    #[schemars(range(min = 1, max = 1000))]
    pub times: u32,
}

/// A deployment gets another number of replicas.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scale {
    /// Which entry (with a `deployment`).
    pub host: Names,
    /// To how many replicas.
    #[schemars(range(max = 10_000))]
    pub to: u32,
}

/// A node is drained.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NodeDrain {
    /// Which entry (with a `deployment` that names its `nodes`).
    pub host: Names,
    /// Which of its nodes, from 0.
    #[serde(default)]
    pub node: u32,
    /// `maxUnavailable` of a PodDisruptionBudget: so many pods are evicted at a time; absent: all at once.
    pub disruption_budget: Option<u32>,
}

/// All brokers are restarted, one after the other.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BrokerRollingRestart {
    /// How long each is away.
    pub down: Span,
    /// From one broker's return to the next one's stop.
    #[serde(default)]
    pub pause_between: Span,
}

/// A busy application thread.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PollStall {
    /// Which consumers.
    pub host: Names,
    /// How long.
    #[serde(rename = "for")]
    pub length: Dist,
    /// `commitSync` at the end of it, as an application commits after a batch.
    #[serde(default)]
    pub commit: bool,
}

/// Slow threads.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Slowdown {
    /// Which consumers.
    pub host: Names,
    /// How many times slower, above 1.
    #[schemars(range(min = 1.0, max = 1000.0))]
    pub factor: f64,
    /// How long.
    #[serde(rename = "for")]
    pub length: Dist,
}

/// SIGKILL.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Crash {
    /// Which consumers.
    pub host: Names,
    /// From the end of the process to its new start; absent: it stays away.
    pub restart_after: Option<Dist>,
}

/// How `close()` treats the membership (`CloseOptions`, KIP-1092).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CloseEntry {
    /// Dynamic members leave, static members remain.
    #[default]
    Default,
    /// Always LeaveGroup.
    Leave,
    /// Never LeaveGroup.
    Remain,
}

/// SIGTERM.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stop {
    /// Which consumers.
    pub host: Names,
    /// From SIGTERM to SIGKILL (`terminationGracePeriodSeconds`).
    #[serde(default = "grace")]
    pub grace: Span,
    /// How `close()` treats the membership.
    #[serde(default)]
    pub close: CloseEntry,
    /// From the end of the process to its new start; absent: it stays away.
    pub restart_after: Option<Dist>,
}

/// Stops and starts consumers one after the other.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RollingRestart {
    /// Which consumers, in the scenario's order.
    pub host: Names,
    /// From SIGTERM to SIGKILL (`terminationGracePeriodSeconds`).
    #[serde(default = "grace")]
    pub grace: Span,
    /// How `close()` treats the membership.
    #[serde(default)]
    pub close: CloseEntry,
    /// From the end of a process to its new start.
    pub down: Dist,
    /// From one restart to the next stop (readiness).
    #[serde(default)]
    pub pause_between: Dist,
    /// How many at a time.
    #[serde(default = "one")]
    #[schemars(range(min = 1))]
    pub concurrency: u32,
}

/// Which way traffic goes that a network fault hits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DirectionEntry {
    /// Both ways.
    #[default]
    Both,
    /// From consumer to broker.
    ToBroker,
    /// From broker to consumer.
    FromBroker,
}

/// Which links a network fault hits.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LinksEntry {
    /// Consumers at one end; absent: all.
    #[serde(default = "everybody")]
    pub host: Names,
    /// Brokers at the other end; absent: all.
    pub brokers: Option<Vec<u32>>,
    /// Which way.
    #[serde(default)]
    pub direction: DirectionEntry,
    /// Only group traffic (the connection to the coordinator), not fetching.
    #[serde(default)]
    pub coordinator_only: bool,
}

/// Lost packets.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Loss {
    /// Which links.
    #[serde(default)]
    pub links: LinksEntry,
    /// Probability that a packet (one request or answer) is lost, 0 to 1.
    #[schemars(range(min = 0.0, max = 0.99))]
    pub probability: f64,
    /// How long.
    #[serde(rename = "for")]
    pub length: Dist,
}

/// Extra latency.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Delay {
    /// Which links.
    #[serde(default)]
    pub links: LinksEntry,
    /// Extra latency of each packet, one way.
    pub extra: Dist,
    /// How long.
    #[serde(rename = "for")]
    pub length: Dist,
}

/// Throttled clients (KIP-124, KIP-219): after each answer the client sends nothing on that connection, and the broker reads
/// nothing from it, for a while. Fetches go on.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Throttle {
    /// Which links.
    #[serde(default)]
    pub links: LinksEntry,
    /// `throttle_time_ms` of each answer: at most 1 s for request quotas (`quota.window.size.seconds`).
    pub by: Dist,
    /// How long.
    #[serde(rename = "for")]
    pub length: Dist,
}

/// Nothing passes.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BlackHole {
    /// Which links.
    #[serde(default)]
    pub links: LinksEntry,
    /// How long.
    #[serde(rename = "for")]
    pub length: Dist,
}

/// Connections break.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reset {
    /// Which links.
    #[serde(default)]
    pub links: LinksEntry,
    /// How long new connections are refused; absent: not at all.
    #[serde(rename = "for", default)]
    pub length: Dist,
}

/// Appends stand still.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StorageStall {
    /// Which brokers; absent: all.
    pub brokers: Option<Vec<u32>>,
    /// How long.
    #[serde(rename = "for")]
    pub length: Dist,
}

/// Appends take longer.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StorageSlow {
    /// Which brokers; absent: all.
    pub brokers: Option<Vec<u32>>,
    /// How much longer each append takes.
    pub extra: Dist,
    /// How long.
    #[serde(rename = "for")]
    pub length: Dist,
}

/// Appends fail.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AppendFailure {
    /// Which brokers; absent: all.
    pub brokers: Option<Vec<u32>>,
    /// Kafka's name of the error, for example `NOT_ENOUGH_REPLICAS`.
    #[serde(default = "not_enough_replicas")]
    pub error: String,
    /// How long.
    #[serde(rename = "for")]
    pub length: Dist,
}

/// A broker stops and comes back.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BrokerRestart {
    /// Which broker.
    pub broker: u32,
    /// How long it is away.
    pub down: Dist,
    /// True: it crashes instead of shutting down in order. With other brokers there, they lead its partitions only when the
    /// controller has missed its heartbeats for `broker.session.timeout.ms` (before that it can't come back either), and
    /// what its coordinators had not replicated is lost.
    #[serde(default)]
    pub unclean: bool,
    /// True: it crashes with its whole machine. Nobody closes its connections: clients notice by timeouts of their own.
    #[serde(default)]
    pub power_loss: bool,
}

/// A group's coordinator moves.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CoordinatorMove {
    /// Whose coordinator: a group id.
    pub group: String,
    /// To which broker.
    pub to: u32,
}

impl Default for LinksEntry {
    fn default() -> Self {
        LinksEntry { host: everybody(), brokers: None, direction: DirectionEntry::default(), coordinator_only: false }
    }
}

/// Kubernetes' default.
fn grace() -> Span {
    Span::secs(30)
}
fn one() -> u32 {
    1
}
fn everybody() -> Names {
    Names(vec!["*".to_string()])
}
fn not_enough_replicas() -> String {
    "NOT_ENOUGH_REPLICAS".to_string()
}
