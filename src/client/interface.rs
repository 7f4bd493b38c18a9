//! What goes into a consumer and what comes out of it.

use std::rc::Rc;
use std::sync::Arc;

use crate::engine::{SimDuration, SimTime};
use crate::protocol::config::AssignorName;
use crate::protocol::message::{CommittedOffsets, Request, Response};
use crate::protocol::{BrokerId, ErrorCode, Generation, MemberId, TopicPartition};

/// Where a consumer takes random numbers from: reconnect back-off, exponential retry back-off, the least loaded broker
/// among equals, and which thread runs first after a pause.
pub trait Jitter {
    /// A number in `[0, 1)`, evenly distributed.
    fn unit(&mut self) -> f64;

    /// A number that stands for the order of Go's maps in one computation of an assignment.
    fn map_order(&mut self) -> u64 {
        const STEPS: f64 = (1u64 << 53) as f64;
        (self.unit() * STEPS) as u64
    }
}

impl<F: FnMut() -> f64> Jitter for F {
    fn unit(&mut self) -> f64 {
        self()
    }
}

/// The world around a consumer while it handles an input: chance, and whoever does what it wants done.
pub trait World: Jitter {
    /// Does at once what the consumer wants done.
    fn carry_out(&mut self, output: Output);

    /// Something happened that people want to know: [`Output::Event`], by a shorter way.
    fn tell(&mut self, event: ClientEvent) {
        self.carry_out(Output::Event(event));
    }
}

/// The two threads of a consumer process.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Thread {
    /// The application's thread, which calls `poll`.
    Poll,
    /// `kafka-coordinator-heartbeat-thread`.
    Heartbeat,
}

/// A TCP connection of the consumer. The coordinator has one of its own, beside the data connection to the same broker.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Connection {
    /// To a bootstrap address, before the brokers of the cluster are known (or known no more): Metadata and
    /// FindCoordinator. Another TCP connection than [`Connection::Data`] to the same broker.
    Bootstrap(BrokerId),
    /// Metadata, FindCoordinator, Fetch, ListOffsets, OffsetForLeaderEpoch.
    Data(BrokerId),
    /// Group requests (node id `Integer.MAX_VALUE - broker`).
    Coordinator(BrokerId),
}

/// Records of one partition as a poll returns them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RecordBatch {
    /// Partition.
    pub partition: TopicPartition,
    /// First offset.
    pub from: i64,
    /// How many.
    pub count: u32,
}

/// A call of the `ConsumerRebalanceListener`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Callback {
    /// `onPartitionsRevoked`
    Revoked,
    /// `onPartitionsAssigned`
    Assigned,
    /// `onPartitionsLost`
    Lost,
}

/// How `close()` treats the membership (`CloseOptions`, KIP-1092).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CloseOption {
    /// Dynamic members leave, static members remain.
    Default,
    /// Always send LeaveGroup.
    LeaveGroup,
    /// Never send LeaveGroup.
    RemainInGroup,
}

/// What happens to a consumer.
///
/// A pause of the host is told with [`Input::Paused`] and [`Input::Resumed`]. In between the sockets go on receiving:
/// [`Input::Connected`], [`Input::Disconnected`] and [`Input::Response`] come at the instant at which they arrive and
/// wait unread. Wake-ups that fall into the pause may be dropped or delivered (they are ignored; the consumer asks anew
/// when it resumes). What the application does ([`Input::ProcessingDone`], [`Input::CallbackDone`],
/// [`Input::AssignmentComputed`]) takes longer by the pause, and [`Input::Records`] don't come in it.
#[derive(Clone, Debug)]
pub enum Input {
    /// The process is up: the consumer was constructed and subscribed and the application enters its poll loop.
    Start,
    /// The instant that a thread asked for with [`Wishes`] has come.
    Wake(Thread),
    /// Every thread of the process stands still from here on.
    Paused,
    /// They run again.
    Resumed,
    /// The machine's clock jumped by so much (forward if positive): deadlines that were worked out with it come so much
    /// earlier. Clients that reckon with a monotonic clock don't notice.
    ClockJump { ms: i64 },
    /// The machine stood still, its clocks too, for so long: every deadline comes so much later. Comes before
    /// [`Input::Resumed`].
    ClockStood(SimDuration),
    /// A connection is ready (TCP handshake and ApiVersions exchange are over).
    Connected(Connection),
    /// A connection was refused or broke, or set-up failed.
    Disconnected(Connection),
    /// The bytes of an answer are in the socket. The consumer handles it when one of its threads next reads.
    Response { connection: Connection, correlation_id: u32, body: Response },
    /// Records for the fetchable partitions, at most `max.poll.records`: the answer to [`Wishes::records`].
    Records(Rc<[RecordBatch]>),
    /// The application has processed its batch (and done what it does between polls) and goes on.
    ProcessingDone,
    /// The listener call returned.
    CallbackDone,
    /// The leader's `assign` has taken its time: the answer to [`Output::Assign`].
    AssignmentComputed,
    /// The pass of the application's loop after the one that is under way is a busy one, whether `poll` returned records
    /// or not (on an idle topic it returns none every `poll_timeout`): it comes out as [`Output::Process`] with
    /// `stall`, whose [`Input::ProcessingDone`] the cluster delays by the length of the stall. Then the application
    /// calls `commitSync` if `commit` (or its own strategy) says so.
    Stall { commit: bool },
    /// Asks for an orderly `close()` once the application gets control (it wakes the consumer up out of `poll`).
    Close(CloseOption),
}

/// What a consumer wants done.
#[derive(Clone, Debug)]
pub enum Output {
    /// Open a connection; [`Input::Connected`] or [`Input::Disconnected`] tells how it went. Until then the consumer
    /// may give up with [`Output::Disconnect`] (its own set-up timeout).
    Connect(Connection),
    /// Close a connection; answers still under way on it are dropped, no [`Input::Disconnected`] follows.
    Disconnect(Connection),
    /// Send a request on a connection that is ready. The broker does not read it before `unread_until`: a Fetch of
    /// this consumer, which is not among the requests, may be parked on the connection until then (the request's
    /// sending time if none; earlier if records come in on that broker before). `version` is the request's.
    Send { connection: Connection, correlation_id: u32, version: i16, request: Rc<Request>, unread_until: SimTime },
    /// `poll` returned and the application works on these records; [`Input::ProcessingDone`] ends it.
    /// With `stall` it is the busy pass that [`Input::Stall`] asked for (records may then be empty).
    Process { records: Rc<[RecordBatch]>, stall: bool },
    /// The listener is called; [`Input::CallbackDone`] ends it.
    Callback { callback: Callback, partitions: Vec<TopicPartition> },
    /// The leader runs its assignor over so many members and partitions, holding the coordinator's monitor;
    /// [`Input::AssignmentComputed`] ends it.
    Assign { assignor: AssignorName, members: u32, partitions: u32 },
    /// The consumer is closed; the process may end.
    Closed,
    /// The application gave up after an exception: the process ends without `close()`.
    Failed,
    /// Something worth telling: for the trace and the analysis.
    Event(ClientEvent),
}

/// What a consumer waits for from now on, where that has changed: for each the latest wish stands.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Wishes {
    /// True: the poll thread is blocked in `poll` and takes records of the fetchable partitions when there are some; if
    /// there are some at this instant, they come before any wake-up of the same instant. Said again whenever the
    /// fetchable set or a position changed; stands until records come. False: it no longer takes records.
    pub records: Option<bool>,
    /// Wake the poll thread at that time; [`SimTime::MAX`]: don't.
    pub poll_wake: Option<SimTime>,
    /// The same for the heartbeat thread.
    pub heartbeat_wake: Option<SimTime>,
}

/// What a consumer does that people want to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientEvent {
    /// The coordinator was found.
    CoordinatorFound { broker: BrokerId },
    /// "Group coordinator … is unavailable or invalid due to cause: …".
    CoordinatorUnknown { cause: Arc<str> },
    /// A heartbeat was sent.
    HeartbeatSent,
    /// An answer to a group request was handled; latency from the request's creation to its receipt, nanoseconds. That a
    /// commit succeeded [`CommitEnded`](ClientEvent::CommitEnded) says alone.
    ResponseHandled { api: Api, error: ErrorCode, latency_ns: u64 },
    /// A heartbeat answer (or commit answer) said that the group rebalances: the member has noticed.
    RebalanceNoticed,
    /// A rejoin was requested, with the client's reason ("group is already rebalancing", …).
    RejoinRequested { reason: Arc<str> },
    /// JoinGroup was sent.
    JoinGroupSent { member: MemberId, reason: Arc<str> },
    /// JoinGroup was answered with success.
    Joined { generation: Generation, member: MemberId, leader: bool },
    /// SyncGroup was answered with success: the rebalance is over for this member (latency as `rebalance-latency`).
    Synced { generation: Generation, member: MemberId, rebalance_latency_ns: u64 },
    /// A join or sync attempt failed (`failed-rebalance-total` counts these).
    RebalanceFailed { error: ErrorCode },
    /// Generation and member state were reset ("Resetting generation …").
    GenerationReset { reason: Arc<str> },
    /// The consumer's own assignment is now this, whole.
    AssignmentChanged { partitions: Vec<TopicPartition> },
    /// `poll` was entered.
    PollCalled,
    /// A commit was tried: `None` when it failed without a request.
    CommitSent { sync: bool, partitions: u32 },
    /// A commit ended; `Err` names Kafka's exception class.
    CommitEnded { offsets: CommittedOffsets, result: Result<(), &'static str>, latency_ns: u64 },
    /// LeaveGroup was sent, or the member would have left but is static.
    LeaveGroup { reason: Arc<str>, sent: bool },
    /// An exception reached the application.
    Exception { place: &'static str, class: &'static str, message: Arc<str> },
    /// A partition's position was set: from the committed offset, or by the reset policy.
    PositionSet { partition: TopicPartition, offset: i64, reset: bool },
}

/// Kinds of requests, for events.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Api {
    /// Which broker coordinates the group.
    FindCoordinator,
    /// A member joins, or joins again.
    JoinGroup,
    /// A member asks for its assignment; the leader brings all of them.
    SyncGroup,
    /// A member is alive.
    Heartbeat,
    /// A member goes.
    LeaveGroup,
    /// Offsets to be stored.
    OffsetCommit,
    /// Stored offsets.
    OffsetFetch,
    /// Topics, partitions and their leaders.
    Metadata,
    /// The first or last offset of partitions.
    ListOffsets,
    /// Where leader epochs of partitions end.
    OffsetForLeaderEpoch,
}
