//! The consumer as a whole: its inputs, its outputs and what others may look at.

use std::num::NonZeroU64;
use std::rc::Rc;

use crate::assignor::ConsumerPartitionAssignor;
use crate::client::{
    ApplicationThread, ClientEvent, CloseOption, ConsumerSettings, Fetching, Input, RecordBatch, Thread, Wishes, World,
};
use crate::engine::{Millis, SimTime};
use crate::protocol::config::AssignorName;
use crate::protocol::subscription::ConsumerProtocolAssignment;
use crate::protocol::{Generation, MemberId, TopicName, TopicPartition};

use super::application::{Loop, Working};
use super::commit::Commits;
use super::coordinator::Lookup;
use super::heartbeat::{Heartbeat, HeartbeatThread};
use super::leader::{Election, assignors};
use super::membership::Membership;
use super::metadata::{Metadata, MetadataSnapshot};
use super::network::{Arrival, Network};
use super::pace::Pace;
use super::positions::CommittedRequest;
use super::subscriptions::{AssignedPartition, Subscriptions};
use super::thread::{Frame, Outcome, Whereabouts};

/// `ConsumerPartitionAssignor.RebalanceProtocol`: the highest that all configured assignors support (3.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RebalanceProtocol {
    /// Everything is given up before a join.
    Eager,
    /// Only what moves is given up, after the sync.
    Cooperative,
}

/// Where the poll thread is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PollThread {
    /// Inside `poll`.
    Polling,
    /// The application works ([`Output::Process`](crate::client::Output::Process)).
    Processing,
    /// A listener call runs inside `poll` or `close` ([`Output::Callback`](crate::client::Output::Callback)).
    Callback,
    /// Inside `commitSync`.
    Committing,
    /// Inside `close`.
    Closing,
    /// The consumer is not up yet, it is closed, or the application gave up.
    Down,
}

/// What every step gets: the time, and the world.
pub(super) struct Context<'a> {
    pub now: SimTime,
    pub ms: Millis,
    pub world: &'a mut dyn World,
}

impl Context<'_> {
    pub fn event(&mut self, event: ClientEvent) {
        self.world.tell(event);
    }
}

/// What was asked of the cluster last.
#[derive(Debug)]
pub(super) struct Asked {
    pub poll_wake: SimTime,
    pub heartbeat_wake: SimTime,
    /// The fetch version that [`Wishes::records`] stands for.
    pub records: Option<NonZeroU64>,
}

/// How likely the heartbeat thread runs before the poll thread after a pause ([`Consumer::handle`] with
/// [`Input::Resumed`]).
const HEARTBEAT_THREAD_FIRST: f64 = 0.5;

/// How likely it runs first or in the middle of the poll thread's pass, not after it.
const HEARTBEAT_THREAD_NOT_LAST: f64 = 0.93;

/// A consumer of the classic protocol: a poll thread and a heartbeat thread that share a membership.
#[derive(Debug)]
#[repr(C)] // in this order: what a quiet consumer touches stands together
pub struct Consumer {
    /// What the last input left it at.
    pub(super) pace: Pace,
    paused: bool,
    pub(super) processing_done: bool,
    /// The heartbeat thread ran handlers, which wakes the selector up.
    pub(super) selector_woken: bool,
    /// After a pause the heartbeat thread gets the processor in the middle of the poll thread's pass.
    pub(super) heartbeat_between_rows: bool,
    /// The member left because the application did not poll: it joins again when it does.
    pub(super) left_unpolled: bool,
    /// The next pass of `poll` asks leaders about epochs and follows at once.
    pub(super) validates_next: bool,
    pub(super) callback_done: bool,
    /// The pass that is under way will be a busy one; with `commitSync` after it if so.
    pub(super) stall: Option<bool>,
    pub(super) close: Option<CloseOption>,
    /// What the application works on beside this thread.
    pub(super) working: Option<Working>,
    /// A stall was asked for; the pass of the application's loop that is under way is not the one.
    pub(super) stall_asked: Option<bool>,
    pub(super) polled_at: Option<Millis>,
    /// Shared with its like.
    pub(super) settings: Rc<ConsumerSettings>,
    /// Inputs so far.
    pub(super) inputs: u64,
    pub(super) asked: Asked,
    pub(super) wishes: Wishes,
    pub(super) stack: Vec<Frame>,
    /// Connections to the leaders of fetchable partitions, as of the fetch and metadata versions below.
    pub(super) fetch_links: Vec<usize>,
    pub(super) fetch_links_of: (u64, u32),
    pub(super) subscriptions: Subscriptions,
    pub(super) heartbeat_thread: HeartbeatThread,
    pub(super) heartbeat: Heartbeat,
    pub(super) network: Network,
    pub(super) commits: Commits,
    pub(super) metadata: Metadata,
    pub(super) metadata_snapshot: MetadataSnapshot,
    pub(super) lookup: Lookup,
    pub(super) membership: Membership,
    pub(super) election: Option<Election>,
    pub(super) protocol: RebalanceProtocol,
    pub(super) committed_request: Option<CommittedRequest>,
    pub(super) assignors: Vec<ConsumerPartitionAssignor>,
    /// Topics of all members, on the leader only.
    pub(super) group_subscription: Vec<TopicName>,
    pub(super) is_leader: bool,
    pub(super) assignment_snapshot: Option<MetadataSnapshot>,
    pub(super) joined_subscription: Option<Vec<TopicName>>,
    /// The assignment of the last SyncGroup answer.
    pub(super) assignment: ConsumerProtocolAssignment,
    /// What the last call returned, while the leader's work holds its caller up.
    pub(super) returned: Option<Outcome>,
    pub(super) assignment_computed: bool,
    /// The claim whose handler has the records, where each has a handler of its own.
    pub(super) busy_claim: Option<TopicPartition>,
    /// When SyncGroup was last answered.
    pub(super) synced_at: Millis,
    /// Records that `poll` is about to return.
    pub(super) fetched: Option<Rc<[RecordBatch]>>,
    pub(super) exceptions: u32,
    /// Tests compare the short way of the poll thread with the long one.
    #[cfg(test)]
    pub(super) long_way: bool,
}

impl Consumer {
    /// A consumer that has not been started yet.
    pub fn new(settings: Rc<ConsumerSettings>) -> Self {
        let config = &settings.config;
        let strategy = &config.partition_assignment_strategy;
        let cooperative = strategy.iter().all(|assignor| *assignor == AssignorName::CooperativeSticky);
        Consumer {
            protocol: if cooperative { RebalanceProtocol::Cooperative } else { RebalanceProtocol::Eager },
            network: Network::new(config, &settings.behaviour, cooperative),
            metadata: Metadata::new(config),
            metadata_snapshot: MetadataSnapshot::default(),
            subscriptions: Subscriptions::new(&settings.subscription),
            membership: Membership::new(),
            heartbeat: Heartbeat::new(config, &settings.behaviour, cooperative),
            heartbeat_thread: HeartbeatThread::default(),
            lookup: Lookup::default(),
            commits: Commits::new(),
            committed_request: None,
            assignors: assignors(strategy, settings.behaviour.assignors),
            group_subscription: Vec::new(),
            is_leader: false,
            assignment_snapshot: None,
            joined_subscription: None,
            assignment: ConsumerProtocolAssignment::default(),
            election: None,
            returned: None,
            assignment_computed: false,
            stack: vec![Frame::Application(Loop::Down)],
            callback_done: false,
            processing_done: false,
            working: None,
            busy_claim: None,
            left_unpolled: false,
            validates_next: false,
            synced_at: Millis(0),
            fetched: None,
            fetch_links: Vec::new(),
            fetch_links_of: (0, 0),
            polled_at: None,
            exceptions: 0,
            stall_asked: None,
            stall: None,
            close: None,
            heartbeat_between_rows: false,
            selector_woken: false,
            inputs: 0,
            #[cfg(test)]
            long_way: false,
            pace: Pace::Uneven,
            paused: false,
            asked: Asked { poll_wake: SimTime::MAX, heartbeat_wake: SimTime::MAX, records: None },
            wishes: Wishes::default(),
            settings,
        }
    }

    /// Takes one input at its time. What the consumer wants done the world does meanwhile, in order; what it waits for
    /// from then on, [`Consumer::wishes`] tells.
    pub fn handle(&mut self, now: SimTime, input: Input, world: &mut dyn World) {
        let mut cx = Context { now, ms: now.millis(), world };
        self.inputs += 1;
        self.wishes = Wishes::default();
        let rests = match (std::mem::replace(&mut self.pace, Pace::Uneven), input) {
            (Pace::Rests, Input::Records(batches)) => self.return_from_rest(batches, &mut cx),
            (Pace::Works, Input::ProcessingDone) => self.rest_after_work(&mut cx),
            (Pace::Rests, Input::ProcessingDone) => self.rest_after_work_beside(&mut cx),
            (Pace::Rests, Input::Wake(Thread::Heartbeat)) => self.beat_at_rest(&mut cx),
            (Pace::Rests, Input::Wake(Thread::Poll)) => self.wake_at_rest(&mut cx),
            (Pace::Rests | Pace::Commits, Input::Response { connection, correlation_id, body }) => {
                self.answer_at_rest(connection, correlation_id, body, &mut cx)
            }
            (_, input) => {
                self.take(input, &mut cx);
                false
            }
        };
        if !rests && !self.paused {
            self.run_threads(&mut cx);
        }
    }

    /// What it waits for since its last input, as far as that has changed.
    pub fn wishes(&self) -> &Wishes {
        &self.wishes
    }

    /// Lets both threads run until they wait.
    #[inline(never)]
    fn run_threads(&mut self, cx: &mut Context<'_>) {
        // Who selects holds the network client's lock, so it reads first; else the heartbeat thread does.
        if self.heartbeat_thread.is_roused() && !self.poll_thread_selects() {
            self.run_heartbeat_thread(self.whereabouts(), cx);
        }
        loop {
            let shortly = self.run_poll_thread_shortly(cx);
            if !shortly {
                self.run_poll_thread(cx);
            }
            let at = self.whereabouts();
            if !self.run_heartbeat_thread(at, cx) {
                if shortly || self.application_works_beside() || self.fetches_in_a_loop() {
                    self.note_pace();
                }
                return self.ask(at, cx.ms);
            }
        }
    }

    #[inline(never)]
    fn take(&mut self, input: Input, cx: &mut Context<'_>) {
        self.heartbeat_thread.held_back = false;
        match input {
            Input::Start => {
                self.commits.next_auto = cx.ms + i64::from(self.settings.config.auto_commit_interval_ms);
                self.stack = vec![Frame::Application(Loop::Poll)];
            }
            Input::Wake(Thread::Heartbeat) => self.wake_heartbeat_thread(cx.now),
            Input::Wake(Thread::Poll) => self.asked.poll_wake = SimTime::MAX,
            Input::Paused => {
                if self.poll_thread_selects() {
                    self.note_fetches(cx.now);
                }
                self.paused = true;
            }
            Input::Resumed => self.resume(cx),
            Input::ClockJump { ms } if self.settings.behaviour.wall_clock => self.shift_deadlines(-ms),
            Input::ClockJump { .. } => {}
            Input::ClockStood(length) => self.shift_deadlines(length.as_millis() as i64),
            Input::Connected(connection) => self.network.inbox.push_back(Arrival::Connected(connection)),
            Input::Disconnected(connection) => self.network.inbox.push_back(Arrival::Disconnected(connection)),
            Input::Response { connection, correlation_id, body } => {
                self.network.inbox.push_back(Arrival::Response { connection, correlation_id, body });
            }
            Input::Records(batches) => {
                self.asked.records = None;
                if self.awaits_fetches() {
                    self.fetches_returned(batches, cx);
                } else {
                    self.take_records(batches, cx);
                }
            }
            Input::ProcessingDone => self.processing_done = true,
            Input::CallbackDone => self.callback_done = true,
            Input::AssignmentComputed => self.assignment_computed = true,
            Input::Stall { commit } => {
                self.note_plan(cx);
                if self.has_a_handler_per_claim() {
                    self.stall = Some(commit);
                } else {
                    self.stall_asked = Some(commit);
                }
            }
            Input::Close(option) => {
                self.note_plan(cx);
                self.close = Some(option);
            }
        }
    }

    /// Every deadline that is reckoned from now on comes so much later (earlier if negative).
    #[inline(never)]
    fn shift_deadlines(&mut self, ms: i64) {
        self.heartbeat.shift(ms);
        self.commits.next_auto = self.commits.next_auto + ms;
        self.membership.not_before = self.membership.not_before + ms;
        self.network.shift(ms);
    }

    /// Both threads go on after a pause, in an order that is a race in reality (consumer-client.md 1.7, live `e-pause`):
    /// the heartbeat thread first, in the middle of the poll thread's pass, or only after it.
    ///
    /// No rule of Kafka decides it. The operating system makes both threads runnable at once and favours neither, so
    /// each is first half of the time; a poll thread that is first gives the coordinator's monitor back between two
    /// rows of its pass, where the heartbeat thread, a wake-up of less than a millisecond behind, mostly finds it. In 28
    /// recorded pauses the three outcomes came up 13, 13 and 2 times.
    #[inline(never)]
    fn resume(&mut self, cx: &mut Context<'_>) {
        self.paused = false;
        self.asked.poll_wake = SimTime::ZERO;
        self.asked.heartbeat_wake = SimTime::ZERO;
        if self.shares_fetch_connection() {
            self.network.restart_fetches(cx.now);
        } else {
            self.network.forget_answered_fetches(cx.now);
        }
        let over = cx.ms >= self.heartbeat_thread.wakes;
        let selecting = self.poll_thread_selects();
        if let Some(Frame::Poll(call)) = self.stack.last_mut() {
            call.resume(cx.ms);
        }
        let race = cx.world.unit();
        match race {
            _ if !over => {}
            _ if !self.settings.behaviour.sleeps_in_slices => {
                self.heartbeat_thread.woken = true;
                self.run_heartbeat_thread(self.whereabouts(), cx);
            }
            _ if !selecting || race < HEARTBEAT_THREAD_FIRST => {
                self.heartbeat_thread.woken = true;
                self.run_heartbeat_thread(self.whereabouts(), cx);
            }
            _ if race < HEARTBEAT_THREAD_NOT_LAST => self.heartbeat_between_rows = true,
            _ => self.heartbeat_thread.held_back = true,
        }
    }

    /// What the threads wait for from now on, as far as it has changed.
    pub(super) fn ask(&mut self, at: Whereabouts, now: Millis) {
        let takes = (at.selects && self.working.is_none()) || self.awaits_fetches();
        let awaits = takes && self.subscriptions.any_fetchable();
        let records = self.fetch_version().filter(|_| awaits);
        let poll_wake = self.poll_wake(at, now);
        let heartbeat_wake = self.heartbeat_wake(at, now);
        self.wish(poll_wake, heartbeat_wake, records);
    }

    /// What has changed of the standing wishes.
    #[inline(always)]
    pub(super) fn wish(&mut self, poll_wake: SimTime, heartbeat_wake: SimTime, records: Option<NonZeroU64>) {
        let (asked, wishes) = (&mut self.asked, &mut self.wishes);
        wishes.records = (records != asked.records).then_some(records.is_some());
        wishes.poll_wake = (poll_wake != asked.poll_wake).then_some(poll_wake);
        wishes.heartbeat_wake = (heartbeat_wake != asked.heartbeat_wake).then_some(heartbeat_wake);
        asked.poll_wake = poll_wake;
        asked.heartbeat_wake = heartbeat_wake;
        asked.records = records;
    }

    /// The application works beside this thread, which goes on meanwhile.
    pub(super) fn application_works_beside(&self) -> bool {
        self.settings.behaviour.application != ApplicationThread::Polls
    }

    /// Each claim has a handler that waits for its own messages: nothing that `poll` returns has to come first (sarama).
    pub(super) fn has_a_handler_per_claim(&self) -> bool {
        self.settings.behaviour.fetching == Fetching::Shared
    }

    /// Group requests wait behind parked Fetches.
    pub(super) fn shares_fetch_connection(&self) -> bool {
        self.settings.behaviour.fetching == Fetching::Shared
    }

    /// The settings it was constructed with.
    pub fn settings(&self) -> &ConsumerSettings {
        &self.settings
    }

    /// Whether it rebalances eagerly or cooperatively.
    pub fn rebalance_protocol(&self) -> RebalanceProtocol {
        self.protocol
    }

    /// Where the poll thread is.
    pub fn poll_thread(&self) -> PollThread {
        match self.stack.last() {
            Some(Frame::Callback(_)) => return PollThread::Callback,
            Some(Frame::CommitSync(_)) => return PollThread::Committing,
            _ => {}
        }
        match self.stack.first() {
            Some(Frame::Application(Loop::Working { .. } | Loop::Resting(_))) => PollThread::Processing,
            Some(Frame::Application(Loop::Committed)) => PollThread::Committing,
            Some(Frame::Application(Loop::Closing)) => PollThread::Closing,
            Some(Frame::Application(Loop::Poll | Loop::Polled)) => PollThread::Polling,
            _ => PollThread::Down,
        }
    }

    /// The partitions that the consumer owns as far as it knows, ordered by topic and partition, with their positions.
    pub fn assigned(&self) -> &[AssignedPartition] {
        self.subscriptions.assigned()
    }

    /// Grows whenever [`Consumer::assigned`] gets other partitions, or one of them becomes fetchable or stops being so,
    /// or a position jumps (not when it moves on with records). `None` before there were any.
    pub fn fetch_version(&self) -> Option<NonZeroU64> {
        NonZeroU64::new(self.subscriptions.version)
    }

    /// Its generation; [`Generation::NONE`] when it has none.
    pub fn generation(&self) -> Generation {
        self.membership.generation.id
    }

    /// Its member id; empty when it has none.
    pub fn member_id(&self) -> &MemberId {
        &self.membership.generation.member_id
    }
}
