//! The checked scenario: everything a run needs, every default filled in, every reference resolved.

use std::sync::Arc;

pub use crate::client::{Behaviour, CommitStrategy, OnException, Subscription};
pub use crate::engine::Distribution;
use crate::engine::{SimDuration, SimTime};
use crate::protocol::config::{BrokerConfig, ConsumerConfig};
use crate::protocol::{BrokerId, ErrorCode, GroupId, TopicName};

/// A scenario that can be run.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Short name, also of output files.
    pub name: String,
    /// What the situation is, in a sentence or two.
    pub description: String,
    /// Where the situation is known from.
    pub sources: Vec<String>,
    /// Simulated time of the run.
    pub duration: SimDuration,
    /// Brokers, topics, logs.
    pub cluster: Cluster,
    /// Consumer groups.
    pub groups: Vec<Group>,
    /// Network between consumers and brokers.
    pub network: Network,
    /// Faults, in file order.
    pub faults: Vec<Fault>,
    /// What must hold at the end.
    pub expect: Vec<Expectation>,
    /// Settings that a real client or broker would clamp or ignore, with what is used instead.
    pub notes: Vec<Note>,
    /// What this scenario asks for and the model leaves out, so that a prediction can be wrong by it.
    pub not_modelled: Vec<Note>,
}

impl Scenario {
    /// Consumers over all groups, in order: the indices that faults and links use.
    pub fn consumers(&self) -> impl Iterator<Item = &Consumer> {
        self.groups.iter().flat_map(|group| &group.consumers)
    }
}

/// Something the reader of a report should know about the effective configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Where, for example `groups[0].consumers[0].properties.session.timeout.ms`.
    pub place: String,
    /// What, in a sentence.
    pub text: String,
}

/// The brokers and what they hold.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// Brokers, numbered from 0.
    pub brokers: u32,
    /// `broker.rack` of each broker; empty if none has one.
    pub racks: Vec<Option<Arc<str>>>,
    /// Coordinator settings, the same on every broker.
    pub config: BrokerConfig,
    /// Topics.
    pub topics: Vec<Topic>,
    /// How long an append to `__consumer_offsets` takes until it is committed (local write and replication).
    pub append_latency: Distribution,
    /// Time a broker takes to handle one request.
    pub request_time: Distribution,
    /// From the election of a coordinator's leader until it knows of it.
    pub leadership_time: Distribution,
    /// Time to read one record of `__consumer_offsets` when a coordinator loads.
    pub load_time_per_record: SimDuration,
    /// Records that each partition of `__consumer_offsets` holds when the run starts.
    pub offsets_log_records: u64,
}

/// A topic.
#[derive(Clone, Debug)]
pub struct Topic {
    /// Name.
    pub name: TopicName,
    /// Partitions at the start.
    pub partitions: u32,
    /// Brokers of the replicas of the first partitions, the preferred leader first; the others have the default.
    pub replicas: Vec<Vec<BrokerId>>,
    /// Records that arrive, over all partitions, spread evenly.
    pub arrivals: Arrivals,
    /// Records in each partition at the start.
    pub backlog_per_partition: u64,
    /// Bytes of one record, against `max.partition.fetch.bytes`.
    pub record_bytes: u32,
    /// When the topic comes into being (zero: exists before the start).
    pub created_at: SimTime,
    /// Partition counts later on, in time order.
    pub grows: Vec<(SimTime, u32)>,
}

/// How records arrive at a topic (rates are records per second over all partitions).
#[derive(Clone, Debug, PartialEq)]
pub enum Arrivals {
    /// No records.
    None,
    /// Evenly spaced in each partition; partitions out of step by a drawn phase.
    Constant { per_second: f64 },
    /// Poisson process per partition.
    Poisson { per_second: f64 },
    /// `per_second` in windows of `length` every `every`; `base_per_second` otherwise.
    Bursts { base_per_second: f64, per_second: f64, every: SimDuration, length: SimDuration },
    /// Rate from each instant on, in time order; evenly spaced.
    Table { steps: Vec<(SimTime, f64)> },
    /// One producer that sends what is due every `every`, one record to each partition in turn, beginning at the first
    /// one. All of it comes so much `late`.
    InTurn { per_second: f64, every: SimDuration, late: SimDuration },
}

/// A consumer group.
#[derive(Clone, Debug)]
pub struct Group {
    /// `group.id`
    pub id: GroupId,
    /// Consumer processes of the group, expanded: one entry each.
    pub consumers: Vec<Consumer>,
}

/// One consumer process on a host of its own.
#[derive(Clone, Debug)]
pub struct Consumer {
    /// `worker-2`; unique in the scenario; also the host's name.
    pub name: Arc<str>,
    /// Which client library it is, for example `java-4.1`.
    pub client: Arc<str>,
    /// What that client library and version does differently from others.
    pub behaviour: Behaviour,
    /// Effective settings.
    pub config: ConsumerConfig,
    /// Subscription.
    pub subscription: Subscription,
    /// When the process is started the first time.
    pub start_at: SimTime,
    /// From the start of the process to the consumer's first `poll` (JVM, class loading, construction).
    pub startup: Distribution,
    /// Work per record and per batch.
    pub processing: Processing,
    /// Length of listener calls.
    pub callbacks: Callbacks,
    /// When the application commits itself.
    pub commit: CommitStrategy,
    /// Timeout the application passes to `poll`.
    pub poll_timeout: SimDuration,
    /// Cost of the leader's assignment.
    pub assignor_cost: AssignorCost,
    /// What the application does with a fatal exception out of `poll`.
    pub on_exception: OnException,
}

/// How long the application works.
#[derive(Clone, Debug, PartialEq)]
pub struct Processing {
    /// Per record.
    pub per_record: Distribution,
    /// Per non-empty batch, on top.
    pub per_batch: Distribution,
    /// `per_record` from these instants on instead (processing that changes in the course of a run), in time order.
    pub per_record_changes: Vec<(SimTime, Distribution)>,
    /// Records that take longer, by a rule that every owner finds the same.
    pub slow: Option<SlowRecords>,
}

/// Which records are slow: those whose hash of (seed, partition, offset) modulo 1000 is below `permille`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlowRecords {
    /// Seed of the hash.
    pub seed: u64,
    /// How many of 1000.
    pub permille: u64,
    /// Extra cost, ms.
    pub ms: u64,
}

impl SlowRecords {
    /// Is the record at this offset slow? (splitmix64 over seed, partition and offset)
    pub fn is_slow(&self, partition: u32, offset: i64) -> bool {
        let mut z = self
            .seed
            .wrapping_mul(0x9E37_79B9_7F4A_7C15)
            .wrapping_add(u64::from(partition).wrapping_mul(0xBF58_476D_1CE4_E5B9))
            .wrapping_add((offset as u64).wrapping_mul(0x94D0_49BB_1331_11EB));
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % 1000 < self.permille
    }
}

/// Lengths of the listener's calls.
#[derive(Clone, Debug, PartialEq)]
pub struct Callbacks {
    /// `onPartitionsAssigned`
    pub assigned: Distribution,
    /// `onPartitionsRevoked`
    pub revoked: Distribution,
    /// `onPartitionsLost`
    pub lost: Distribution,
    /// `commitSync` inside `onPartitionsRevoked`.
    pub commit_on_revoke: bool,
}

/// Modelled time of the leader's `assign`.
#[derive(Clone, Debug, PartialEq)]
pub enum AssignorCost {
    /// Takes no time.
    Zero,
    /// Always this long.
    Constant(SimDuration),
    /// Fitted to Kafka's measured figures, by assignor, members and partitions.
    Kafka,
}

/// The network between consumers and brokers.
#[derive(Clone, Debug)]
pub struct Network {
    /// One-way latency of every link.
    pub latency: Distribution,
    /// Probability that a packet (one request or answer) is lost and sent again, per direction.
    pub loss: f64,
    /// First retransmission timeout; doubles with each further loss.
    pub rto: SimDuration,
}

/// A fault, its targets resolved.
#[derive(Clone, Debug)]
pub struct Fault {
    /// As the file tells it, for charts and the trace.
    pub label: Arc<str>,
    /// When it happens.
    pub when: When,
    /// What happens.
    pub what: FaultKind,
}

/// When a fault happens.
#[derive(Clone, Debug, PartialEq)]
pub enum When {
    /// Once.
    At(SimTime),
    /// Again and again, from the first instant to the end (inclusive).
    Every { from: SimTime, every: SimDuration, until: SimTime },
    /// At random: gaps drawn from the distribution (whose `min` is the least gap), independently for each target, within
    /// the window. A gap runs from one beginning to the next.
    Random { from: SimTime, until: SimTime, gap: Distribution },
}

/// One end of links: consumers (by index over all groups in order) or brokers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkSet {
    /// Consumers whose links are meant (indices over all groups, in order).
    pub consumers: Vec<u32>,
    /// Brokers at the other end.
    pub brokers: Vec<BrokerId>,
    /// Which way.
    pub direction: Direction,
    /// Only group traffic (the coordinator connections), not fetching.
    pub coordinator_only: bool,
}

/// Direction of traffic that a network fault hits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// Both.
    Both,
    /// From consumer to broker.
    ToBroker,
    /// From broker to consumer.
    FromBroker,
}

/// How a broker ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BrokerEnd {
    /// It hands its partitions over and closes its connections.
    InOrder,
    /// Its process is gone; the machine closes its connections.
    Crash,
    /// Its machine is gone: nobody closes its connections, and nothing answers.
    PowerLoss,
}

/// What a fault does. Consumers are indices over all groups, in order.
#[derive(Clone, Debug)]
pub enum FaultKind {
    /// Stop-the-world pause of the process: every thread stops.
    GcPause { consumers: Vec<u32>, length: Distribution },
    /// A garbage collection whose pauses get longer and come sooner as the heap fills up.
    Collection { consumers: Vec<u32>, length: Distribution, heap: Heap },
    /// The process is frozen (SIGSTOP, suspended machine); as a GC pause, told apart in reports.
    Freeze { consumers: Vec<u32>, length: Distribution },
    /// The virtual machine is frozen, and its clock with it; if given, the clock is set right so long after.
    VmFreeze { consumers: Vec<u32>, length: Distribution, corrected_after: Option<Distribution> },
    /// The machine's clock jumps by so many milliseconds.
    ClockJump { consumers: Vec<u32>, ms: i64 },
    /// The process may compute for `share` of every `period` (cgroup `cpu.max`), from here on.
    CpuQuota { consumers: Vec<u32>, share: SimDuration, period: SimDuration },
    /// The poll thread alone is busy for so long, from its next return to the application on; then it calls
    /// `commitSync` if `commit` says so (or the application's own strategy does).
    PollStall { consumers: Vec<u32>, length: Distribution, commit: bool },
    /// Threads run slower by this factor (2.0: half as fast) for a while.
    Slowdown { consumers: Vec<u32>, factor: f64, length: Distribution },
    /// SIGKILL; started again after a while if given.
    Crash { consumers: Vec<u32>, restart_after: Option<Distribution> },
    /// The process crashes again and again after a while, `times` in all; each restart waits twice as long as the last
    /// (`CrashLoopBackOff`: 10 s up to 300 s).
    CrashLoop { consumers: Vec<u32>, runs_for: Distribution, times: u32 },
    /// SIGTERM: `close()` within the grace period, else SIGKILL; started again if given.
    Stop { consumers: Vec<u32>, grace: SimDuration, close: CloseHow, restart_after: Option<Distribution> },
    /// Starts processes whose `start_at` is never (they wait for this).
    Start { consumers: Vec<u32> },
    /// Stops and restarts consumers one after the other, `concurrency` at a time.
    RollingRestart {
        consumers: Vec<u32>,
        grace: SimDuration,
        close: CloseHow,
        /// From the end of the process to its new start.
        down: Distribution,
        /// From one restart to the next stop (readiness delay).
        pause_between: Distribution,
        concurrency: u32,
    },
    /// A Deployment replaces its pods by pods of another revision.
    Rollout {
        /// The two pods of each replica: one revision's and the other's.
        pods: Vec<[u32; 2]>,
        /// `maxSurge`
        surge: u32,
        /// `maxUnavailable`
        unavailable: u32,
        /// `terminationGracePeriodSeconds`, the preStop hook included.
        grace: SimDuration,
        /// Length of the preStop hook, after which SIGTERM comes.
        pre_stop: SimDuration,
        close: CloseHow,
        /// From a pod's being up to its being available.
        ready: Distribution,
    },
    /// A deployment gets so many replicas.
    Scale {
        /// The two pods of each replica.
        pods: Vec<[u32; 2]>,
        to: u32,
        grace: SimDuration,
        pre_stop: SimDuration,
    },
    /// Every packet on these links may be lost: delays of retransmission.
    Loss { links: LinkSet, probability: f64, length: Distribution },
    /// Extra latency.
    Delay { links: LinkSet, extra: Distribution, length: Distribution },
    /// After each answer a connection rests for so long.
    Throttle { links: LinkSet, by: Distribution, length: Distribution },
    /// Nothing passes until it is over.
    BlackHole { links: LinkSet, length: Distribution },
    /// Connections break now, and are refused for a while (zero: only break).
    Reset { links: LinkSet, length: Distribution },
    /// Appends to the coordinator's log stand still.
    StorageStall { brokers: Vec<BrokerId>, length: Distribution },
    /// Appends to the coordinator's log take longer by so much.
    StorageSlow { brokers: Vec<BrokerId>, extra: Distribution, length: Distribution },
    /// Appends to the coordinator's log fail.
    AppendFailure { brokers: Vec<BrokerId>, error: ErrorCode, length: Distribution },
    /// A broker stops and comes back; its coordinator partitions move to the next broker, if there is one.
    BrokerRestart { broker: BrokerId, down: Distribution, end: BrokerEnd },
    /// A group's coordinator moves to another broker.
    CoordinatorMove { group: u32, to: BrokerId },
}

/// How full a heap is: from `used` at the start to `grows_to` after `over`, and so on from there (shares of the heap, 0 to 1).
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Heap {
    /// Share in use at the start.
    pub used: f64,
    /// Share in use after `over` and later.
    pub grows_to: f64,
    /// How long it takes to get there.
    pub over: SimDuration,
}

impl Heap {
    /// Share in use at a time.
    pub fn used_at(&self, at: SimTime) -> f64 {
        if at.0 >= self.over.0 {
            return self.grows_to;
        }
        self.used + (self.grows_to - self.used) * (at.0 as f64 / self.over.0 as f64)
    }

    /// A pause as long as what has to be looked at: in proportion to the share in use.
    pub fn pause(&self, length: SimDuration, at: SimTime) -> SimDuration {
        scaled(length, self.used_at(at) / self.used)
    }

    /// The next collection comes when the free share is used up: in proportion to it.
    pub fn gap(&self, gap: SimDuration, at: SimTime) -> SimDuration {
        scaled(gap, (1.0 - self.used_at(at)) / (1.0 - self.used))
    }
}

fn scaled(span: SimDuration, factor: f64) -> SimDuration {
    SimDuration((span.0 as f64 * factor) as u64)
}

/// How `close()` treats the membership in a graceful stop.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CloseHow {
    /// Client's default.
    Default,
    /// LeaveGroup always.
    Leave,
    /// LeaveGroup never.
    Remain,
}

/// One line of `expect`.
#[derive(Clone, Debug, PartialEq)]
pub struct Expectation {
    /// Which figure, by its path in the report, for example `rebalances` or `groups.billing.rebalances`.
    pub figure: String,
    /// What must hold of it.
    pub check: Check,
    /// As typed.
    pub text: String,
}

/// What must hold of a figure.
#[derive(Clone, Debug, PartialEq)]
pub enum Check {
    /// Comparison with a number (durations in seconds).
    Compare(Comparison, f64),
    /// Between, inclusive.
    Between(f64, f64),
    /// The word `hold`: all invariants hold.
    Hold,
    /// Equal to this text (for example a verdict or a barrier holder).
    Is(String),
}

/// A comparison sign.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Comparison {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
}
