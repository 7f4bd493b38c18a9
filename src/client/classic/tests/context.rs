//! One consumer between scripted brokers: the network takes no time, and what decides nothing (connections, metadata,
//! coordinator lookup, committed offsets) is answered by itself unless a test takes it into its own hands.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::client::{
    Application, Behaviour, Callback, ClientEvent, CloseOption, CommitStrategy, Connection, Consumer, ConsumerSettings,
    Input, Jitter, OnException, Output, RecordBatch, Subscription, Thread, World,
};
use crate::engine::{SimDuration, SimTime};
use crate::protocol::config::ConsumerConfig;
use crate::protocol::message::*;
use crate::protocol::subscription::{
    ConsumerProtocolAssignment, ConsumerProtocolSubscription, HIGHEST_VERSION, TopicPartitions,
};
use crate::protocol::{BrokerId, Bytes, ErrorCode, Generation, MemberId, TopicName, TopicPartition};

pub const COORDINATOR: Connection = Connection::Coordinator(BrokerId(0));

/// A request that was sent and not answered yet.
#[derive(Clone, Debug)]
pub struct Sent {
    pub at: SimTime,
    pub connection: Connection,
    pub correlation_id: u32,
    pub request: Request,
    pub unread_until: SimTime,
}

/// What brokers answer by themselves.
#[derive(Clone, Debug)]
pub struct Brokers {
    /// Connections are accepted.
    pub accept: bool,
    /// FindCoordinator, Metadata, ListOffsets, OffsetForLeaderEpoch.
    pub data: bool,
    /// OffsetFetch.
    pub offset_fetch: bool,
    /// OffsetCommit, with success.
    pub commits: bool,
    /// Heartbeat, with `heartbeat_error`.
    pub heartbeats: bool,
    pub heartbeat_error: ErrorCode,
    /// LeaveGroup.
    pub leave: bool,
    pub coordinator: BrokerId,
    pub ids: Vec<BrokerId>,
    pub topics: Vec<(TopicName, u32)>,
    pub committed: i64,
    /// Leader epoch of committed offsets, -1 if they have none.
    pub epoch: i32,
    /// Partitions without a committed offset, whatever the others have.
    pub uncommitted: Vec<i32>,
    /// OffsetForLeaderEpoch.
    pub epochs: bool,
}

pub struct TestContext {
    pub consumer: Consumer,
    pub now: SimTime,
    pub brokers: Brokers,
    /// Unanswered requests.
    pub pending: VecDeque<Sent>,
    /// Everything that was sent.
    pub sent: Vec<Sent>,
    /// Everything but requests, with its time.
    pub log: Vec<(SimTime, Output)>,
    /// Since when the poll thread took records, or took them no more.
    pub awaits: Vec<(SimTime, bool)>,
    /// Callbacks return at once.
    pub callbacks_return: bool,
    /// The leader's assignor returns at once.
    pub assignor_returns: bool,
    /// The random numbers that come next; 0.5 after them.
    pub random: VecDeque<f64>,
    /// Requests that will be answered when the broker has read them.
    delayed: VecDeque<Sent>,
    wakes: [SimTime; 2],
    paused: bool,
    /// Wake-ups at one instant, against endless loops.
    woken: (SimTime, u32),
}

/// What a consumer draws and wants done.
struct TestWorld<'a> {
    random: &'a mut VecDeque<f64>,
    outputs: Vec<Output>,
}

impl Jitter for TestWorld<'_> {
    fn unit(&mut self) -> f64 {
        self.random.pop_front().unwrap_or(0.5)
    }
}

impl World for TestWorld<'_> {
    fn carry_out(&mut self, output: Output) {
        self.outputs.push(output);
    }
}

pub fn ms(millis: u64) -> SimTime {
    SimTime(millis * 1_000_000)
}

pub fn partition(number: i32) -> TopicPartition {
    TopicPartition::new("orders", number)
}

pub fn partitions(numbers: &[i32]) -> Vec<TopicPartition> {
    numbers.iter().map(|number| partition(*number)).collect()
}

pub fn assignment(numbers: &[i32]) -> Bytes {
    let owned = partitions(numbers);
    ConsumerProtocolAssignment { partitions: TopicPartitions::group(&owned), user_data: None }.encode(HIGHEST_VERSION)
}

/// S = 45 s, H = 3 s, P = 300 s and the other defaults; `range` on its own; manual commits off, auto-commit off.
pub fn settings() -> ConsumerSettings {
    ConsumerSettings {
        group_id: "billing".into(),
        config: ConsumerConfig {
            client_id: "worker".into(),
            enable_auto_commit: false,
            partition_assignment_strategy: vec![crate::protocol::config::AssignorName::Range],
            ..ConsumerConfig::default()
        },
        subscription: Subscription::topics(&["orders"]),
        bootstrap: vec![BrokerId(0)],
        application: Application {
            poll_timeout: SimDuration::from_millis(100),
            commit: CommitStrategy::None,
            commit_on_revoke: false,
            on_exception: OnException::Continue,
        },
        behaviour: Behaviour::default(),
    }
}

impl TestContext {
    pub fn new(settings: ConsumerSettings) -> Self {
        TestContext {
            consumer: Consumer::new(settings.into()),
            now: SimTime::ZERO,
            brokers: Brokers {
                accept: true,
                data: true,
                offset_fetch: true,
                commits: true,
                heartbeats: true,
                heartbeat_error: ErrorCode::None,
                leave: true,
                coordinator: BrokerId(0),
                ids: vec![BrokerId(0)],
                topics: vec![("orders".into(), 6)],
                committed: 0,
                epoch: -1,
                uncommitted: Vec::new(),
                epochs: true,
            },
            pending: VecDeque::new(),
            sent: Vec::new(),
            log: Vec::new(),
            awaits: Vec::new(),
            callbacks_return: true,
            assignor_returns: true,
            random: VecDeque::new(),
            delayed: VecDeque::new(),
            wakes: [SimTime::MAX; 2],
            paused: false,
            woken: (SimTime::ZERO, 0),
        }
    }

    /// A consumer that was started.
    pub fn started(settings: ConsumerSettings) -> Self {
        let mut context = TestContext::new(settings);
        context.input(Input::Start);
        context
    }

    /// A consumer that is a follower of generation 1 and owns these partitions.
    pub fn stable(settings: ConsumerSettings, owned: &[i32]) -> Self {
        let mut context = TestContext::started(settings);
        context.join(1, owned);
        context
    }

    /// Feeds an input and whatever follows from it at the same instant.
    pub fn input(&mut self, input: Input) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let mut world = TestWorld { random: &mut self.random, outputs: Vec::new() };
            self.consumer.handle(self.now, input, &mut world);
            let wishes = *self.consumer.wishes();
            for output in world.outputs {
                self.carry_out(output, &mut inputs);
            }
            self.awaits.extend(wishes.records.map(|awaits| (self.now, awaits)));
            for (wake, wish) in self.wakes.iter_mut().zip([wishes.poll_wake, wishes.heartbeat_wake]) {
                *wake = wish.unwrap_or(*wake);
            }
        }
    }

    fn carry_out(&mut self, output: Output, inputs: &mut VecDeque<Input>) {
        match &output {
            Output::Send { connection, correlation_id, request, unread_until, .. } => {
                let sent = Sent {
                    at: self.now,
                    connection: *connection,
                    correlation_id: *correlation_id,
                    request: (**request).clone(),
                    unread_until: *unread_until,
                };
                self.sent.push(sent.clone());
                match self.brokers.answer(request) {
                    Some(_) if *unread_until > self.now => self.delayed.push_back(sent),
                    Some(body) => inputs.push_back(Input::Response {
                        connection: *connection,
                        correlation_id: *correlation_id,
                        body,
                    }),
                    None => self.pending.push_back(sent),
                }
                return;
            }
            Output::Connect(connection) if self.brokers.accept => inputs.push_back(Input::Connected(*connection)),
            Output::Disconnect(connection) => {
                self.pending.retain(|sent| sent.connection != *connection);
                self.delayed.retain(|sent| sent.connection != *connection);
            }
            Output::Callback { .. } if self.callbacks_return => inputs.push_back(Input::CallbackDone),
            Output::Assign { .. } if self.assignor_returns => inputs.push_back(Input::AssignmentComputed),
            _ => {}
        }
        self.log.push((self.now, output));
    }

    /// Lets time pass, waking threads up on the way.
    pub fn advance(&mut self, millis: u64) {
        let until = self.now + SimDuration::from_millis(millis);
        self.advance_until(until);
    }

    pub fn advance_until(&mut self, until: SimTime) {
        loop {
            let answer_at = self.delayed.front().map_or(SimTime::MAX, |sent| sent.unread_until);
            let wake = self.wakes[0].min(self.wakes[1]);
            if !self.paused && wake <= until && wake <= answer_at {
                let thread = if self.wakes[1] <= self.wakes[0] { Thread::Heartbeat } else { Thread::Poll };
                self.wakes[thread as usize] = SimTime::MAX;
                self.now = self.now.max(wake);
                self.woken = if self.woken.0 == self.now { (self.now, self.woken.1 + 1) } else { (self.now, 0) };
                assert!(self.woken.1 < 100, "woken again and again at {:?}: {:#?}", self.now, self.consumer);
                self.input(Input::Wake(thread));
            } else if answer_at <= until {
                self.now = answer_at;
                let sent = self.delayed.pop_front().unwrap();
                match self.brokers.answer(&sent.request) {
                    Some(body) => self.answer(&sent, body),
                    None => self.pending.push_back(sent),
                }
            } else {
                break;
            }
        }
        self.now = until;
    }

    /// The process stands still for so long.
    pub fn pause(&mut self, millis: u64) {
        self.input(Input::Paused);
        self.paused = true;
        self.advance(millis);
        self.paused = false;
        self.input(Input::Resumed);
    }

    pub fn answer(&mut self, sent: &Sent, body: Response) {
        let (connection, correlation_id) = (sent.connection, sent.correlation_id);
        self.input(Input::Response { connection, correlation_id, body });
    }

    /// Takes the oldest unanswered request that the function recognises.
    pub fn take<T>(&mut self, which: impl Fn(&Request) -> Option<T>) -> Option<(Sent, T)> {
        let place = self.pending.iter().position(|sent| which(&sent.request).is_some())?;
        let sent = self.pending.remove(place)?;
        let request = which(&sent.request)?;
        Some((sent, request))
    }

    pub fn take_join(&mut self) -> (Sent, JoinGroupRequest) {
        self.take(|request| match request {
            Request::JoinGroup(join) => Some(join.clone()),
            _ => None,
        })
        .unwrap_or_else(|| panic!("no JoinGroup is waiting at {:?}: {:?}", self.now, self.pending))
    }

    pub fn take_sync(&mut self) -> (Sent, SyncGroupRequest) {
        self.take(|request| match request {
            Request::SyncGroup(sync) => Some(sync.clone()),
            _ => None,
        })
        .unwrap_or_else(|| panic!("no SyncGroup is waiting at {:?}: {:?}", self.now, self.pending))
    }

    pub fn take_heartbeat(&mut self) -> Sent {
        self.take(|request| matches!(request, Request::Heartbeat(_)).then_some(())).expect("a heartbeat is waiting").0
    }

    pub fn take_commit(&mut self) -> (Sent, OffsetCommitRequest) {
        self.take(|request| match request {
            Request::OffsetCommit(commit) => Some(commit.clone()),
            _ => None,
        })
        .expect("an OffsetCommit is waiting")
    }

    pub fn has_pending(&self, which: impl Fn(&Request) -> bool) -> bool {
        self.pending.iter().any(|sent| which(&sent.request))
    }

    /// Goes through a join as a follower: with the MEMBER_ID_REQUIRED round if there is no member id yet.
    pub fn join(&mut self, generation: i32, owned: &[i32]) {
        self.answer_join(generation);
        self.answer_sync(owned);
    }

    pub fn answer_join(&mut self, generation: i32) {
        let (mut sent, mut join) = self.take_join();
        if join.member_id.is_unknown() && join.group_instance_id.is_none() {
            self.answer(&sent, member_id_required("worker-1"));
            (sent, join) = self.take_join();
        }
        let member = if join.member_id.is_unknown() { "worker-s".into() } else { join.member_id };
        let protocol = join.protocols[0].name.clone();
        self.answer(&sent, joined(generation, &member, "worker-0", &protocol));
    }

    pub fn answer_sync(&mut self, owned: &[i32]) {
        let (sent, _) = self.take_sync();
        self.answer(&sent, synced(owned));
    }

    /// The heartbeat that is waiting is answered with this error.
    pub fn answer_heartbeat(&mut self, error: ErrorCode) {
        let sent = self.take_heartbeat();
        self.answer(&sent, Response::Heartbeat(HeartbeatResponse { error }));
    }

    pub fn answer_commit(&mut self, sent: &Sent, commit: &OffsetCommitRequest, error: ErrorCode) {
        let (partitions, errors) = (commit.partitions.clone(), CommitErrors::All(error));
        self.answer(sent, Response::OffsetCommit(OffsetCommitResponse { partitions, errors }));
    }

    /// `poll` returns so many records of a partition.
    pub fn records(&mut self, number: i32, count: u32) {
        let owned = self.consumer.assigned().iter().find(|owned| owned.partition == partition(number));
        let from = owned.expect("the partition is owned").position;
        self.input(Input::Records([RecordBatch { partition: partition(number), from, count }].into()));
    }

    /// The application is busy with its next pass: the call of `poll` that is under way and the one after it return
    /// empty first.
    pub fn stall(&mut self, commit: bool) {
        self.input(Input::Stall { commit });
        let timeout = self.consumer.settings().application.poll_timeout;
        self.advance(2 * timeout.as_millis());
    }

    pub fn close(&mut self, option: CloseOption) {
        self.input(Input::Close(option));
        let timeout = self.consumer.settings().application.poll_timeout;
        self.advance(timeout.as_millis());
    }

    pub fn sent_at(&self, which: impl Fn(&Request) -> bool) -> Vec<u64> {
        self.sent.iter().filter(|sent| which(&sent.request)).map(|sent| sent.at.0 / 1_000_000).collect()
    }

    pub fn heartbeats(&self) -> Vec<u64> {
        self.sent_at(|request| matches!(request, Request::Heartbeat(_)))
    }

    pub fn joins(&self) -> Vec<JoinGroupRequest> {
        let join = |sent: &Sent| match &sent.request {
            Request::JoinGroup(join) => Some(join.clone()),
            _ => None,
        };
        self.sent.iter().filter_map(join).collect()
    }

    /// Listener calls with partition numbers.
    pub fn callbacks(&self) -> Vec<(Callback, Vec<i32>)> {
        let call = |(_, output): &(SimTime, Output)| match output {
            Output::Callback { callback, partitions } => {
                Some((*callback, partitions.iter().map(|partition| partition.partition).collect()))
            }
            _ => None,
        };
        self.log.iter().filter_map(call).collect()
    }

    pub fn events(&self) -> Vec<ClientEvent> {
        let event = |(_, output): &(SimTime, Output)| match output {
            Output::Event(event) => Some(event.clone()),
            _ => None,
        };
        self.log.iter().filter_map(event).collect()
    }

    /// Exceptions that the application saw: where and which.
    pub fn exceptions(&self) -> Vec<(&'static str, &'static str)> {
        let exception = |event: &ClientEvent| match event {
            ClientEvent::Exception { place, class, .. } => Some((*place, *class)),
            _ => None,
        };
        self.events().iter().filter_map(exception).collect()
    }

    pub fn count(&self, which: impl Fn(&ClientEvent) -> bool) -> usize {
        self.events().iter().filter(|event| which(event)).count()
    }

    pub fn owned(&self) -> Vec<i32> {
        self.consumer.assigned().iter().map(|owned| owned.partition.partition).collect()
    }

    /// Forgets what happened so far.
    pub fn forget(&mut self) {
        self.sent.clear();
        self.log.clear();
        self.awaits.clear();
    }
}

impl Brokers {
    fn answer(&self, request: &Request) -> Option<Response> {
        match request {
            Request::FindCoordinator { .. } if self.data => {
                Some(Response::FindCoordinator { error: ErrorCode::None, coordinator: Some(self.coordinator) })
            }
            Request::Metadata { .. } if self.data => Some(self.metadata()),
            Request::ListOffsets { partitions, .. } if self.data => {
                Some(Response::ListOffsets { offsets: vec![Ok(0); partitions.len()] })
            }
            Request::OffsetForLeaderEpoch { partitions } if self.epochs => {
                Some(Response::OffsetForLeaderEpoch { ends: vec![Ok(i64::MAX); partitions.len()] })
            }
            Request::OffsetFetch(fetch) if self.offset_fetch => Some(self.committed_offsets(fetch)),
            Request::OffsetCommit(commit) if self.commits => {
                let (partitions, errors) = (commit.partitions.clone(), CommitErrors::All(ErrorCode::None));
                Some(Response::OffsetCommit(OffsetCommitResponse { partitions, errors }))
            }
            Request::Heartbeat(_) if self.heartbeats => {
                Some(Response::Heartbeat(HeartbeatResponse { error: self.heartbeat_error }))
            }
            Request::LeaveGroup(_) if self.leave => {
                Some(Response::LeaveGroup(LeaveGroupResponse { error: ErrorCode::None, members: Vec::new() }))
            }
            _ => None,
        }
    }

    pub fn metadata(&self) -> Response {
        let topic = |(name, count): &(TopicName, u32)| TopicMetadata {
            name: *name,
            leaders: (0..*count).map(|number| Some(self.ids[number as usize % self.ids.len()])).collect(),
            racks: Vec::new(),
        };
        Response::Metadata {
            brokers: self.ids.clone(),
            topics: self.topics.iter().map(topic).collect(),
            listing: Listing::Fresh,
        }
    }

    pub fn committed_offsets(&self, fetch: &OffsetFetchRequest) -> Response {
        let fetched = |partition: &TopicPartition| FetchedOffset {
            partition: *partition,
            offset: if self.uncommitted.contains(&partition.partition) { -1 } else { self.committed },
            leader_epoch: self.epoch,
            metadata: None,
            error: ErrorCode::None,
        };
        let partitions = fetch.partitions.iter().flatten().map(fetched).collect();
        Response::OffsetFetch(OffsetFetchResponse { error: ErrorCode::None, partitions })
    }
}

pub fn member_id_required(member: &str) -> Response {
    let failed = join_failed(ErrorCode::MemberIdRequired);
    let Response::JoinGroup(failed) = failed else { unreachable!() };
    JoinGroupResponse { member_id: member.into(), ..*failed }.into()
}

pub fn join_failed(error: ErrorCode) -> Response {
    Response::from(JoinGroupResponse {
        error,
        generation_id: Generation::NONE,
        protocol_type: None,
        protocol_name: None,
        leader: MemberId::default(),
        skip_assignment: false,
        member_id: MemberId::default(),
        members: Vec::new(),
    })
}

/// JoinGroup succeeded; without members, as a follower has it.
pub fn joined(generation: i32, member: &MemberId, leader: &str, protocol: &str) -> Response {
    Response::from(JoinGroupResponse {
        error: ErrorCode::None,
        generation_id: Generation(generation),
        protocol_type: Some(Arc::from("consumer")),
        protocol_name: Some(Arc::from(protocol)),
        leader: leader.into(),
        skip_assignment: false,
        member_id: member.clone(),
        members: Vec::new(),
    })
}

/// JoinGroup succeeded for the leader `member`: all members with one subscription.
pub fn joined_as_leader(generation: i32, member: &MemberId, protocol: &str, others: &[&str]) -> Response {
    let subscription = ConsumerProtocolSubscription { topics: vec!["orders".into()], ..Default::default() };
    let metadata = subscription.encode(HIGHEST_VERSION);
    let entry =
        |id: MemberId| JoinGroupResponseMember { member_id: id, group_instance_id: None, metadata: metadata.clone() };
    let Response::JoinGroup(answer) = joined(generation, member, member.as_str(), protocol) else { unreachable!() };
    let ids = std::iter::once(member.clone()).chain(others.iter().map(|other| MemberId::from(*other)));
    JoinGroupResponse { members: ids.map(entry).collect(), ..*answer }.into()
}

pub fn synced(owned: &[i32]) -> Response {
    Response::from(SyncGroupResponse {
        error: ErrorCode::None,
        protocol_type: Some(Arc::from("consumer")),
        protocol_name: None,
        assignment: assignment(owned),
    })
}

pub fn sync_failed(error: ErrorCode) -> Response {
    Response::from(SyncGroupResponse {
        error,
        protocol_type: None,
        protocol_name: None,
        assignment: Arc::from([].as_slice()),
    })
}

/// The same with `cooperative-sticky` alone.
pub fn cooperative() -> ConsumerSettings {
    let mut settings = settings();
    settings.config.partition_assignment_strategy = vec![crate::protocol::config::AssignorName::CooperativeSticky];
    settings
}
