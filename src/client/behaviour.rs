//! What client libraries and their versions do differently (consumer-client.md 6.2): the switches that the state machine asks.
//! Statements with a bare number are those of the recordings in `tests/vectors/live-clients/README.md`.

use crate::assignor::ClientAssignor;
use crate::protocol::config::AssignorName;
use crate::protocol::message::Request;
use crate::protocol::subscription::HIGHEST_VERSION;

/// How a client behaves where versions differ. The default is the Java consumer of Kafka 4.1.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Behaviour {
    /// A heartbeat thread of its own (KIP-62, 0.10.1); without it heartbeats are sent from `poll` only, the session
    /// timeout is the rebalance timeout too, and there is no poll interval.
    pub heartbeat_thread: bool,
    /// Heartbeats between the JoinGroup and the SyncGroup answer (2.7).
    pub heartbeat_while_completing: bool,
    /// ILLEGAL_GENERATION keeps the member id (3.2).
    pub keeps_member_id_on_illegal_generation: bool,
    /// JoinGroup and LeaveGroup say why (KIP-800, 3.2), and in whose words.
    pub reasons: Reasons,
    /// How offsets are committed before partitions are given up.
    pub revocation_commit: RevocationCommit,
    /// Which call tells of partitions that were lost with the membership.
    pub lost_callback: LostCallback,
    /// `close` tells the listener of the partitions that it gives up.
    pub listener_on_close: bool,
    /// `close` ends its fetch sessions, behind a parked Fetch (5.1 step 8).
    pub closes_fetch_sessions: bool,
    /// `poll` goes on while a join is under way (2.6); before, it waits for the join inside.
    pub polls_during_join: bool,
    /// The client's own timeout of JoinGroup.
    pub join_timeout: JoinTimeout,
    /// Highest versions of the group requests that the client speaks.
    pub versions: RequestVersions,
    /// What JoinGroup names as rebalance timeout.
    pub rebalance_timeout: RebalanceTimeout,
    /// Whether and how the time between two polls is limited.
    pub poll_interval: PollInterval,
    /// What goes on while the application works on its records.
    pub application: ApplicationThread,
    /// A member that left because it was not polled gives its partitions up at once, not with the next poll.
    pub gives_up_unpolled: bool,
    /// A committed offset that names a leader epoch is fetched from only once the partition's leader has told where that epoch
    /// ends (OffsetForLeaderEpoch, KIP-320).
    pub validates_positions: bool,
    /// The heartbeat thread sleeps in slices of `retry.backoff.ms` and sees a deadline only at the end of one; others
    /// wake at the deadline itself.
    pub sleeps_in_slices: bool,
    /// Deadlines are reckoned with the wall clock (Java's `Time.SYSTEM.milliseconds()`), which can jump; else with a
    /// monotonic one.
    pub wall_clock: bool,
    /// When the first heartbeat of a generation is due.
    pub first_heartbeat: FirstHeartbeat,
    /// What the client does when no heartbeat was answered for as long as the session lasts.
    pub session_timer: SessionTimer,
    /// What a heartbeat that gets no answer leads to.
    pub heartbeat_failure: HeartbeatFailure,
    /// A connection that was open and broke is opened again at once; only attempts that fail are spaced out.
    pub reconnects_at_once: bool,
    /// How fetching stands in the way of group requests.
    pub fetching: Fetching,
    /// When the next Fetch goes out.
    pub prefetch: Prefetch,
    /// The first Fetch after an assignment goes out so much later, ms.
    pub fetch_begins_after_ms: u64,
    /// A broker parks a Fetch for so much less than `fetch.max.wait.ms`, ms.
    pub fetch_margin_ms: i32,
    /// After UNKNOWN_MEMBER_ID the first JoinGroup still carries the old member id; only its refusal brings one without.
    pub joins_with_the_old_id: bool,
    /// What follows a membership or a JoinGroup that failed.
    pub rejoin: Rejoin,
    /// Version of the subscription's bytes, and whether owned partitions are in them.
    pub subscription: SubscriptionFormat,
    /// So many of a thousand joins are followed by another JoinGroup at once.
    pub joins_twice_permille: u32,
    /// What it makes, as the leader, of subscriptions that end too early.
    pub cut_short: CutShort,
    /// A leader joins again when the partitions that it dealt out have changed.
    pub watches_partitions: bool,
    /// Which offsets automatic commits carry, and when.
    pub auto_commit: AutoCommit,
    /// From when on periodic commits are reckoned.
    pub auto_commit_clock: AutoCommitClock,
    /// Whose implementations of the assignors this client runs.
    pub assignors: AssignorFamily,
}

/// Why a member joins or leaves, as it tells the coordinator.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reasons {
    /// It doesn't tell.
    None,
    /// In the Java consumer's words.
    Java,
    /// In franz-go's words.
    FranzGo,
}

/// What JoinGroup names as rebalance timeout.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RebalanceTimeout {
    /// `max.poll.interval.ms` (KIP-62; librdkafka and kafka-python have it so too).
    PollInterval,
    /// The session timeout (before KIP-62).
    Session,
    /// A setting of its own, ms.
    Own(i32),
}

/// How the time between two polls is limited.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PollInterval {
    /// Not at all.
    Unlimited,
    /// The member leaves when `max.poll.interval.ms` is over.
    Leaves,
    /// The same, but looked at only every so many milliseconds, counted from the last SyncGroup answer (librdkafka: the
    /// recorded leaves lie 10 to 13 ms after a multiple of 500 ms from there).
    LeavesChecked {
        /// From one look to the next, ms.
        every_ms: i64,
    },
    /// The same, but looked at only when a heartbeat is due (kafka-python, statement 35).
    LeavesAtHeartbeat,
}

/// What goes on while the application works on its records.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ApplicationThread {
    /// It works on the thread that polls: nothing is joined, only the heartbeat thread runs on.
    Polls,
    /// It works beside: rebalances go on without it, listener calls included.
    Beside,
    /// It works beside, but its next poll (or the return of its handler) has to make the listener calls: a join waits.
    BesideWithListener,
    /// It works beside, but no rejoin begins before its next poll (franz-go's `BlockRebalanceOnPoll`, statement 15).
    BesideUntilPoll,
}

/// When the first heartbeat of a generation is due.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FirstHeartbeat {
    /// An interval after the join.
    AfterInterval,
    /// So many milliseconds after the join under the cooperative protocol; else an interval.
    CooperativeAfterMs(i64),
    /// At once.
    AtOnce,
    /// At once when a session begins, then at its ticks. A session lasts for a generation, under the cooperative protocol
    /// over any number of them (sarama's heartbeat loop).
    WithSession,
    /// An interval after the last one of the generation before; at once if there was none or that time is over.
    Kept,
}

/// What happens when no heartbeat was answered for as long as the session lasts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SessionTimer {
    /// The coordinator is looked up anew, membership is kept.
    DropsCoordinator,
    /// The same, but looked at only when a heartbeat has failed (aiokafka's `_heartbeat_routine`).
    DropsCoordinatorAfterBeat,
    /// The member takes itself for expelled: partitions are lost, and it joins without a member id.
    Loses,
    /// There is no such timer.
    None,
}

/// What a heartbeat that gets no answer leads to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HeartbeatFailure {
    /// The coordinator is looked up, membership is kept.
    Keeps,
    /// The membership is over; the member joins with its old id (statement 24). So it is when the coordinator refuses.
    Ends,
    /// The same, but the beat is repeated for so many milliseconds before the application hears of it (statement 17).
    EndsAfterMs(i64),
    /// As [`HeartbeatFailure::Ends`], and the connection is the generation's own: once it is lost the next beat fails,
    /// even if the broker is back by then (kafka-go, `Generation.heartbeatLoop`).
    EndsWithConnection,
    /// The beat is tried again after pauses that double; with the fifth retry, or when no broker is connected any more,
    /// the consumer crashes: it starts again without a member id (kafkajs, statement 28 and its `retry` and `onCrash`).
    Crashes,
}

/// How fetching stands in the way of group requests.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fetching {
    /// Not at all: the coordinator has a connection of its own.
    Apart,
    /// Group requests take the fetching connection and wait behind a parked Fetch; so does the end of a session
    /// (sarama, statements 19 and 20).
    Shared,
    /// A rejoin and `close` wait until the parked Fetches have returned (kafka-go, statement 31).
    Awaited,
    /// Heartbeats are sent by the fetch loop, between two Fetches; `close` waits for the parked one (kafkajs,
    /// statements 25 to 27).
    Loop,
}

/// When records are fetched that the application has not asked for yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Prefetch {
    /// Never: a Fetch begins when the application is done with the last one's records.
    None,
    /// Whenever `poll` returns, for partitions of which nothing is buffered (Java until 3.9).
    PerPartition,
    /// The same, but not from a broker that hosts a partition of which something is buffered (Java since 4.0,
    /// `AbstractFetch.prepareFetchRequests`).
    PerBroker,
    /// Always, beside the application, into a queue that is larger than what it takes at a time.
    Continuous,
}

/// What follows a membership or a JoinGroup that failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rejoin {
    /// Pause before the next JoinGroup after a heartbeat was refused, ms.
    pub after_loss_ms: i64,
    /// A member that left because it was not polled joins up to so much after the next poll, ms: the thread that joins
    /// looks only so often.
    pub unpolled_within_ms: i64,
    /// What an error that no retry helps against leads to.
    pub after_error: AfterError,
    /// FENCED_INSTANCE_ID is the end: the consumer stays idle.
    pub fenced_stops: bool,
    /// What an error leads to that a retry may help against, and a search that found no coordinator.
    pub retry: JoinRetry,
}

/// What follows a JoinGroup or SyncGroup that was refused though a retry may help, and a search that found no coordinator.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum JoinRetry {
    /// `retry.backoff.ms`, doubling.
    BacksOff,
    /// It rests for so long, then looks its coordinator up anew (sarama's `Consumer.Group.Rebalance.Retry.Backoff`). Not
    /// after UNKNOWN_MEMBER_ID and ILLEGAL_GENERATION: it joins without its id at once.
    Rests {
        /// ms
        ms: i64,
    },
    /// It forgets its member id and rests for so long, but after REBALANCE_IN_PROGRESS (kafka-go's `JoinGroupBackoff`).
    StartsOver {
        /// ms
        ms: i64,
    },
    /// After pauses that double, five of them. Then, or after any other error, it forgets its member id, rests for the
    /// last of them and begins anew (kafkajs' `retry` and `onCrash`).
    Restarts,
}

/// What an error that no retry helps against leads to (INCONSISTENT_GROUP_PROTOCOL, FENCED_INSTANCE_ID).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AfterError {
    /// It reaches the application out of `poll`.
    Throws,
    /// It is tried again, after a pause that doubles from the first to the second number of milliseconds.
    Retries(i32, i32),
    /// The consumer gives up without leaving the group.
    Stops,
}

/// What a leader makes of a subscription whose bytes end too early ([`SubscriptionFormat::cut_short`]).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CutShort {
    /// It fails (Kafka's `ConsumerProtocol`, statement 34a).
    Fails,
    /// The member gets nothing (librdkafka, statement 34a).
    GetsNothing,
    /// It reads what is there. Observed of kafka-go; not known of the others.
    Reads,
}

/// Version of the subscription's bytes, and whether owned partitions are in them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SubscriptionFormat {
    /// `ConsumerProtocolSubscription` version: owned partitions since 1, generation since 2, rack since 3.
    pub version: i16,
    /// The bytes end before the fields of their version (kafka-go, statement 34a).
    pub cut_short: bool,
}

/// Which offsets automatic commits carry, and when.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AutoCommit {
    /// All positions, every `auto.commit.interval.ms`.
    AllPositions,
    /// Positions that moved since the last commit, every `auto.commit.interval.ms`.
    MovedPositions,
    /// Positions that moved, after each batch.
    AfterBatch,
}

/// From when on periodic commits are reckoned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AutoCommitClock {
    /// The first of a generation comes `auto.commit.interval.ms` after its join (Java's `onJoinComplete`).
    RestartedByJoins,
    /// They come at fixed times from the start of the process on, whatever joins come between.
    Ticks,
    /// The next one is due `auto.commit.interval.ms` after the last, or `retry.backoff.ms` after one that failed, whatever
    /// joins come between.
    Deadline,
}

/// Whose implementations of the assignors a client runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AssignorFamily {
    /// Kafka's, or one that decides as Kafka's does.
    Kafka,
    /// kafkajs' `RoundRobinAssigner` (statement 29).
    KafkaJs,
    /// kafka-go's `range` and `roundrobin` (statement 30).
    KafkaGo,
    /// franz-go's `sticky` and `cooperative-sticky` (statement 16).
    FranzGo,
    /// sarama's `sticky` and `cooperative-sticky` (statement 22).
    Sarama,
}

impl AssignorFamily {
    /// What decides under that name.
    pub fn assignor(self, name: AssignorName) -> ClientAssignor {
        match (self, name) {
            (AssignorFamily::KafkaJs, AssignorName::RoundRobin) => ClientAssignor::KafkaJsRoundRobin,
            (AssignorFamily::KafkaGo, AssignorName::Range) => ClientAssignor::KafkaGoRange,
            (AssignorFamily::KafkaGo, AssignorName::RoundRobin) => ClientAssignor::KafkaGoRoundRobin,
            (AssignorFamily::FranzGo, AssignorName::Sticky) => ClientAssignor::FranzGoSticky,
            (AssignorFamily::FranzGo, AssignorName::CooperativeSticky) => ClientAssignor::FranzGoCooperativeSticky,
            (AssignorFamily::Sarama, AssignorName::Sticky) => ClientAssignor::SaramaSticky,
            (AssignorFamily::Sarama, AssignorName::CooperativeSticky) => ClientAssignor::SaramaCooperativeSticky,
            (_, name) => name.into(),
        }
    }
}

/// Which call tells of partitions that were lost with the membership.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LostCallback {
    /// `onPartitionsLost` (2.4).
    Lost,
    /// `onPartitionsRevoked`: there is no other.
    Revoked,
    /// None.
    None,
}

/// How `enable.auto.commit` commits before a rebalance takes partitions away.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RevocationCommit {
    /// Synchronously (before 3.2).
    Sync,
    /// Asynchronously, the poll loop waiting for it with the partitions frozen (3.3).
    AsyncAwaited,
}

/// The client's own timeout of JoinGroup.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum JoinTimeout {
    /// `request.timeout.ms` (before 2.0).
    RequestTimeout,
    /// `max.poll.interval.ms` + 5 s (2.0).
    PollIntervalPlus5s,
    /// The longer of the two (2.6).
    Longer,
    /// `request.timeout.ms` more than the coordinator may take: the rebalance timeout for JoinGroup, the session for
    /// SyncGroup (kafka-go's `timeoutCoordinator`).
    OnTop,
}

/// Versions of the group requests. Those that matter to decisions: JoinGroup 4 (MEMBER_ID_REQUIRED round trip), 5
/// (instance id), 8 (reason), 9 (skip assignment); LeaveGroup 3 (members), 5 (reason).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RequestVersions {
    /// JoinGroup
    pub join_group: i16,
    /// SyncGroup
    pub sync_group: i16,
    /// Heartbeat
    pub heartbeat: i16,
    /// LeaveGroup
    pub leave_group: i16,
    /// OffsetCommit
    pub offset_commit: i16,
    /// OffsetFetch
    pub offset_fetch: i16,
}

impl RequestVersions {
    /// The version in which the client sends this request; 0 for those whose version decides nothing.
    pub fn of(&self, request: &Request) -> i16 {
        match request {
            Request::JoinGroup(_) => self.join_group,
            Request::SyncGroup(_) => self.sync_group,
            Request::Heartbeat(_) => self.heartbeat,
            Request::LeaveGroup(_) => self.leave_group,
            Request::OffsetCommit(_) => self.offset_commit,
            Request::OffsetFetch(_) => self.offset_fetch,
            _ => 0,
        }
    }
}

impl Default for Behaviour {
    fn default() -> Self {
        Behaviour {
            heartbeat_thread: true,
            heartbeat_while_completing: true,
            keeps_member_id_on_illegal_generation: true,
            reasons: Reasons::Java,
            revocation_commit: RevocationCommit::AsyncAwaited,
            lost_callback: LostCallback::Lost,
            listener_on_close: true,
            closes_fetch_sessions: true,
            polls_during_join: true,
            join_timeout: JoinTimeout::Longer,
            versions: RequestVersions {
                join_group: 9,
                sync_group: 5,
                heartbeat: 4,
                leave_group: 5,
                offset_commit: 9,
                offset_fetch: 9,
            },
            rebalance_timeout: RebalanceTimeout::PollInterval,
            poll_interval: PollInterval::Leaves,
            application: ApplicationThread::Polls,
            gives_up_unpolled: false,
            validates_positions: true,
            sleeps_in_slices: true,
            wall_clock: true,
            first_heartbeat: FirstHeartbeat::AfterInterval,
            session_timer: SessionTimer::DropsCoordinator,
            heartbeat_failure: HeartbeatFailure::Keeps,
            reconnects_at_once: false,
            fetching: Fetching::Apart,
            prefetch: Prefetch::PerBroker,
            fetch_begins_after_ms: 0,
            fetch_margin_ms: 0,
            joins_with_the_old_id: false,
            rejoin: Rejoin {
                after_loss_ms: 0,
                unpolled_within_ms: 0,
                after_error: AfterError::Throws,
                fenced_stops: false,
                retry: JoinRetry::BacksOff,
            },
            subscription: SubscriptionFormat { version: HIGHEST_VERSION, cut_short: false },
            joins_twice_permille: 0,
            cut_short: CutShort::Fails,
            watches_partitions: true,
            auto_commit: AutoCommit::AllPositions,
            auto_commit_clock: AutoCommitClock::RestartedByJoins,
            assignors: AssignorFamily::Kafka,
        }
    }
}
