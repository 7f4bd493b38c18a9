//! Consumer processes: starts and stops them, feeds their state machines, does what these want done.

use std::mem::discriminant;
use std::rc::Rc;

use crate::assignor::{ClientAssignor, kafka_cost};
use crate::client::{
    Application, Callback, ClientEvent, CloseOption, Connection, Consumer as ConsumerClient, ConsumerSettings, Input,
    Jitter, Output, RecordBatch, Thread, Wishes, World,
};
use crate::engine::{RandomStream, SimDuration, SimTime};
use crate::protocol::config::ConsumerConfig;
use crate::protocol::message::Request;
use crate::protocol::{BrokerId, ClientId, TopicPartition};
use crate::scenario::checked::{AssignorCost, CloseHow, Distribution, SlowRecords};
use crate::trace::{Event, HostPause, StopKind, TraceEvent};

use super::host::{FirstUse, Process, Work, WorkKind};
use super::network::{Packet, Way};
use super::simulation::{ConsumerTimers, Simulation};

impl Simulation<'_> {
    /// Starts a process on the host, unless one runs.
    pub(super) fn start_process(&mut self, consumer: u32) {
        let host = &mut self.hosts[consumer as usize];
        if host.process.is_some() {
            return;
        }
        host.incarnation += 1;
        let entry = self.consumers[consumer as usize];
        let settings = self.shared_settings(ConsumerSettings {
            group_id: *self.group_id_of(consumer),
            config: ConsumerConfig { client_id: ClientId::default(), ..entry.config.clone() },
            subscription: entry.subscription.clone(),
            bootstrap: (0..self.scenario.cluster.brokers).map(BrokerId).collect(),
            application: Application {
                poll_timeout: entry.poll_timeout,
                commit: entry.commit,
                commit_on_revoke: entry.callbacks.commit_on_revoke,
                on_exception: entry.on_exception,
            },
            behaviour: entry.behaviour.clone(),
        });
        let host = &mut self.hosts[consumer as usize];
        let fixed = self.fixed[consumer as usize].startups.pop_front();
        let startup = fixed.unwrap_or_else(|| entry.startup.sample(&mut host.random.startup));
        host.process = Some(Process::new(ConsumerClient::new(settings), startup));
        self.begin_work(consumer, WorkKind::Startup, startup);
    }

    /// These settings, as the last consumer has them if they are the same: so consumers of a kind share theirs. Brokers alone
    /// look at a `client.id`, which is not among them.
    fn shared_settings(&mut self, settings: ConsumerSettings) -> Rc<ConsumerSettings> {
        let shared = self.settings.take().filter(|last| **last == settings).unwrap_or_else(|| settings.into());
        self.settings = Some(shared.clone());
        shared
    }

    /// SIGTERM: the consumer closes within the grace period.
    pub(super) fn stop_process(&mut self, consumer: u32, grace: SimDuration, close: CloseHow) {
        let Some(process) = self.hosts[consumer as usize].process.as_mut() else { return };
        if std::mem::replace(&mut process.closing, true) {
            return;
        }
        self.emit(Event::StopRequested { consumer: Self::name(consumer), grace });
        self.queue.set(self.timers[consumer as usize].grace, self.now + grace);
        let option = match close {
            CloseHow::Default => CloseOption::Default,
            CloseHow::Leave => CloseOption::LeaveGroup,
            CloseHow::Remain => CloseOption::RemainInGroup,
        };
        let still_starting = matches!(self.work_kind(consumer), Some(WorkKind::Startup));
        if still_starting {
            self.end_process(consumer, StopKind::Closed);
        } else {
            self.client_input(consumer, Input::Close(option));
        }
    }

    fn work_kind(&self, consumer: u32) -> Option<&WorkKind> {
        Some(&self.hosts[consumer as usize].process.as_ref()?.work.as_ref()?.kind)
    }

    pub(super) fn grace_over(&mut self, consumer: u32) {
        self.end_process(consumer, StopKind::KilledAfterGrace);
    }

    /// The process is gone, however it went; the operating system closes its sockets.
    pub(super) fn end_process(&mut self, consumer: u32, how: StopKind) {
        let host = &mut self.hosts[consumer as usize];
        let Some(process) = host.process.take() else { return };
        let paused = host.paused.take();
        let timers = self.timers[consumer as usize];
        for timer in [
            timers.poll,
            timers.heartbeat,
            timers.records,
            timers.work,
            timers.batch,
            timers.quota,
            timers.assign,
            timers.resume,
            timers.grace,
        ] {
            self.queue.cancel(timer);
        }
        if let Some((_, pause)) = paused {
            self.emit(Event::PauseEnded { consumer: Self::name(consumer), pause });
        }
        self.emit(Event::ProcessStopped { consumer: Self::name(consumer), how });
        for (_, id) in process.connections {
            if let Some(link) = self.network.link(id) {
                link.client_open = false;
            }
            self.send_packet(self.now, id, Way::ToBroker, Packet::Fin);
        }
        self.process_ended(consumer);
    }

    /// Feeds the consumer's state machine, does what it wants done, and sees to what it waits for.
    pub(super) fn client_input(&mut self, consumer: u32, input: Input) {
        self.feed(consumer, input, None);
    }

    /// The same where the application has done its work on these records, which is still to be told.
    fn feed(&mut self, consumer: u32, input: Input, done: Option<Rc<[RecordBatch]>>) {
        let Some(mut client) = self.process(consumer).and_then(|process| process.client.take()) else { return };
        let now = self.now;
        let mut world = ClientWorld { simulation: self, consumer, is_over: false, done };
        client.handle(now, input, &mut world);
        world.tell_of_work_done();
        if world.is_over {
            return;
        }
        let &Wishes { records, poll_wake, heartbeat_wake } = client.wishes();
        if let Some(process) = self.process(consumer) {
            process.client.put_back(client);
        }
        match records {
            Some(true) => self.await_records(consumer),
            Some(false) => self.stop_awaiting(consumer),
            None => {}
        }
        let ConsumerTimers { poll, heartbeat, .. } = self.timers[consumer as usize];
        for (timer, wish) in [(poll, poll_wake), (heartbeat, heartbeat_wake)] {
            match wish {
                Some(SimTime::MAX) => self.queue.cancel(timer),
                Some(at) => {
                    let at = self.late(consumer, at);
                    self.queue.set(timer, at);
                }
                None => {}
            }
        }
    }

    #[inline(never)]
    fn client_output(&mut self, consumer: u32, output: Output) {
        match output {
            Output::Connect(kind) => self.connect(consumer, kind),
            Output::Disconnect(kind) => self.disconnect(consumer, kind),
            Output::Send { connection, correlation_id, version, request, unread_until } => {
                let Some(process) = self.process(consumer) else { return };
                let Some(id) = process.connection(connection) else { return };
                let starts_up = matches!(
                    *request,
                    Request::FindCoordinator { .. } | Request::Metadata { .. } | Request::JoinGroup(_)
                );
                let first = if starts_up {
                    SimDuration::ZERO
                } else {
                    self.first_use(consumer, FirstUse::Request(discriminant(&request)))
                };
                let at = self.now + first;
                let not_before = self.fetch_returns(consumer, connection, unread_until);
                let packet = Packet::Request { correlation_id, version, request, not_before };
                self.send_packet(at, id, Way::ToBroker, packet);
            }
            Output::Callback { callback, partitions } => self.begin_callback(consumer, callback, partitions),
            Output::Assign { assignor, members, partitions } => {
                let cost = match &self.consumers[consumer as usize].assignor_cost {
                    AssignorCost::Zero => SimDuration::ZERO,
                    AssignorCost::Constant(cost) => *cost,
                    AssignorCost::Kafka => {
                        kafka_cost(ClientAssignor::from(assignor), members as usize, partitions as usize)
                    }
                };
                self.begin_assignment(consumer, cost);
            }
            Output::Closed => self.end_process(consumer, StopKind::Closed),
            Output::Failed => self.end_process(consumer, StopKind::Failed),
            Output::Event(_) | Output::Process { .. } => unreachable!("the client's world sees to them"),
        }
    }

    /// How much longer something of this kind takes because this process has not done it before.
    #[inline]
    pub(super) fn first_use(&mut self, consumer: u32, kind: FirstUse) -> SimDuration {
        if self.first_use.is_zero() { SimDuration::ZERO } else { self.first_use_cost(consumer, kind) }
    }

    fn first_use_cost(&mut self, consumer: u32, kind: FirstUse) -> SimDuration {
        let host = &mut self.hosts[consumer as usize];
        let counts = self.usual_startup.is_some() || matches!(kind, FirstUse::Request(_));
        let Some(process) = host.process.as_mut().filter(|_| counts) else { return SimDuration::ZERO };
        if !process.is_first(kind) {
            return SimDuration::ZERO;
        }
        let cost = self.first_use.sample(&mut host.random.first_use);
        let Some(usual) = self.usual_startup else { return cost };
        SimDuration((u128::from(cost.0) * u128::from(process.startup.0) / u128::from(usual.0.max(1))) as u64)
    }

    /// When a thread that wants to be woken at `at` really wakes. A wish for this instant is no sleep.
    #[inline]
    fn late(&mut self, consumer: u32, at: SimTime) -> SimTime {
        if at <= self.now {
            return self.now;
        }
        at + self.thread_lateness.sample(&mut self.hosts[consumer as usize].random.lateness)
    }

    pub(super) fn process(&mut self, consumer: u32) -> Option<&mut Process> {
        self.hosts[consumer as usize].process.as_mut()
    }

    #[inline(never)]
    fn connect(&mut self, consumer: u32, kind: Connection) {
        self.disconnect(consumer, kind);
        let id = self.network.open(consumer, self.hosts[consumer as usize].incarnation, kind);
        if let Some(process) = self.process(consumer) {
            process.connections.push((kind, id));
        }
        self.send_packet(self.now, id, Way::ToBroker, Packet::Syn { versions: false });
    }

    #[inline(never)]
    fn disconnect(&mut self, consumer: u32, kind: Connection) {
        let Some(process) = self.process(consumer) else { return };
        let Some(place) = process.connections.iter().position(|(open, _)| *open == kind) else { return };
        let (_, id) = process.connections.remove(place);
        if let Some(link) = self.network.link(id) {
            link.client_open = false;
        }
        self.send_packet(self.now, id, Way::ToBroker, Packet::Fin);
    }

    /// A thread's wake-up is due. While the host stands still it is dropped: the consumer asks anew at the resume.
    pub(super) fn wake(&mut self, consumer: u32, thread: Thread) {
        if self.hosts[consumer as usize].paused.is_none() {
            self.client_input(consumer, Input::Wake(thread));
        }
    }

    fn begin_batch(&mut self, consumer: u32, records: Rc<[RecordBatch]>, stall: bool) {
        let mut length = self.processing_time(consumer, &records);
        if stall {
            let held_up = std::mem::take(&mut self.hosts[consumer as usize].stall);
            length += held_up;
            self.emit(Event::PollStalled { consumer: Self::name(consumer), length: held_up });
        }
        let event = Event::ProcessingBegan { consumer: Self::name(consumer), batches: records };
        let told = TraceEvent { at: self.now, event };
        self.show(&told);
        if let Event::ProcessingBegan { batches, .. } = told.event {
            self.begin_work(consumer, WorkKind::Batch(batches), length);
        }
    }

    /// How long the application works on these records. Each record's time belongs to the record, not to who works on
    /// it: a record that was slow for one consumer is as slow for the next one, and under other settings.
    fn processing_time(&mut self, consumer: u32, records: &[RecordBatch]) -> SimDuration {
        let processing = &self.consumers[consumer as usize].processing;
        if records.is_empty() {
            return SimDuration::ZERO;
        }
        let changed = processing.per_record_changes.iter().rev().find(|(from, _)| *from <= self.now);
        let per_record = changed.map_or(&processing.per_record, |(_, distribution)| distribution);
        let per_batch = &self.batch_times[consumer as usize];
        let mut length = per_batch.sample(&mut self.hosts[consumer as usize].random.batch);
        length += slow_time(processing.slow.as_ref(), records);
        if let Distribution::Constant(each) = per_record {
            return length + *each * records.iter().map(|batch| u64::from(batch.count)).sum();
        }
        let per_record = per_record.sampler();
        for batch in records {
            let Some(index) = self.partition_index(&batch.partition) else { continue };
            for offset in batch.from..batch.from + i64::from(batch.count) {
                length += per_record.sample(&mut self.workload.record_stream(index, offset));
            }
        }
        length
    }

    #[inline(always)]
    fn begin_work(&mut self, consumer: u32, kind: WorkKind, normal: SimDuration) {
        let host = &mut self.hosts[consumer as usize];
        let length = host.stretched(normal);
        let ends = self.now + length;
        let paused = host.paused.is_some();
        let timers = &self.timers[consumer as usize];
        let timer = if matches!(kind, WorkKind::Batch(_)) { timers.batch } else { timers.work };
        if let Some(process) = host.process.as_mut() {
            process.begin(Work { kind, ends, left: length });
        }
        if !paused {
            self.queue.set(timer, ends);
        }
        self.count_quota(consumer);
    }

    #[inline(never)]
    fn begin_callback(&mut self, consumer: u32, callback: Callback, partitions: Vec<TopicPartition>) {
        let callbacks = &self.consumers[consumer as usize].callbacks;
        let length = match callback {
            Callback::Assigned => &callbacks.assigned,
            Callback::Revoked => &callbacks.revoked,
            Callback::Lost => &callbacks.lost,
        };
        let length = length.sample(&mut self.hosts[consumer as usize].random.callback)
            + self.first_use(consumer, FirstUse::Listener(callback));
        self.emit(Event::CallbackBegan { consumer: Self::name(consumer), callback, partitions });
        self.begin_work(consumer, WorkKind::Callback(callback), length);
    }

    #[inline(never)]
    fn begin_assignment(&mut self, consumer: u32, cost: SimDuration) {
        let cost = cost + self.first_use(consumer, FirstUse::Assignor);
        let host = &mut self.hosts[consumer as usize];
        let length = host.stretched(cost);
        let ends = self.now + length;
        if let Some(process) = host.process.as_mut() {
            process.assignment = Some((ends, length));
        }
        self.count_quota(consumer);
        self.queue.set(self.timers[consumer as usize].assign, ends);
    }

    /// The leader has its assignment.
    pub(super) fn assignment_done(&mut self, consumer: u32) {
        if let Some(process) = self.process(consumer)
            && process.assignment.take().is_some()
        {
            self.count_quota(consumer);
            self.client_input(consumer, Input::AssignmentComputed);
        }
    }

    /// The application has finished its batch.
    pub(super) fn batch_done(&mut self, consumer: u32) {
        if let Some(work) = self.process(consumer).and_then(|process| process.batch.take()) {
            self.finish(consumer, work);
        }
    }

    /// The start-up or a call of the listener is over.
    pub(super) fn work_done(&mut self, consumer: u32) {
        if let Some(work) = self.process(consumer).and_then(|process| process.work.take()) {
            self.finish(consumer, work);
        }
    }

    #[inline(always)]
    fn finish(&mut self, consumer: u32, work: Work) {
        self.count_quota(consumer);
        let name = Self::name(consumer);
        match work.kind {
            WorkKind::Startup => {
                self.emit(Event::ProcessStarted { consumer: name });
                self.client_input(consumer, Input::Start);
                self.process_up(consumer);
            }
            WorkKind::Batch(batches) => self.feed(consumer, Input::ProcessingDone, Some(batches)),
            WorkKind::Callback(callback) => {
                self.emit(Event::CallbackEnded { consumer: name, callback });
                self.client_input(consumer, Input::CallbackDone);
            }
        }
    }

    /// All threads of the host stand still for so long.
    pub(super) fn pause(&mut self, consumer: u32, pause: HostPause, length: SimDuration) {
        let until = self.now + length;
        self.note_waiting(consumer);
        let host = &mut self.hosts[consumer as usize];
        let Some(process) = host.process.as_mut() else { return };
        let timers = self.timers[consumer as usize];
        if let Some((earlier, _)) = host.paused {
            host.paused = Some((earlier.max(until), pause));
            self.queue.set(timers.resume, earlier.max(until));
            return;
        }
        host.paused = Some((until, pause));
        for work in process.work.iter_mut().chain(&mut process.batch) {
            work.left = SimDuration(work.ends.0.saturating_sub(self.now.0));
        }
        if let Some((ends, left)) = process.assignment.as_mut() {
            *left = SimDuration(ends.0.saturating_sub(self.now.0));
        }
        for timer in [timers.work, timers.batch, timers.assign] {
            self.queue.cancel(timer);
        }
        self.queue.set(timers.resume, until);
        self.emit(Event::PauseBegan { consumer: Self::name(consumer), pause });
        self.count_quota(consumer);
        self.client_input(consumer, Input::Paused);
    }

    /// The threads go on: work takes as much longer as the pause was.
    pub(super) fn resume(&mut self, consumer: u32) {
        let host = &mut self.hosts[consumer as usize];
        let Some((_, pause)) = host.paused.take() else { return };
        let timers = self.timers[consumer as usize];
        let Some(process) = host.process.as_mut() else { return };
        for (work, timer) in [(&mut process.work, timers.work), (&mut process.batch, timers.batch)] {
            if let Some(work) = work {
                work.ends = self.now + work.left;
                self.queue.set(timer, work.ends);
            }
        }
        if let Some((ends, left)) = process.assignment.as_mut() {
            *ends = self.now + *left;
            self.queue.set(timers.assign, *ends);
        }
        self.emit(Event::PauseEnded { consumer: Self::name(consumer), pause });
        self.count_quota(consumer);
        self.tell_of_standing_clock(consumer);
        self.client_input(consumer, Input::Resumed);
        self.fetch(consumer);
    }
}

/// What the slow ones among these records take on top.
fn slow_time(slow: Option<&SlowRecords>, records: &[RecordBatch]) -> SimDuration {
    let Some(slow) = slow else { return SimDuration::ZERO };
    let offsets = records.iter().flat_map(|batch| {
        let number = batch.partition.partition as u32;
        (batch.from..batch.from + i64::from(batch.count)).map(move |offset| (number, offset))
    });
    let count = offsets.filter(|(number, offset)| slow.is_slow(*number, *offset)).count();
    SimDuration::from_millis(slow.ms) * count as u64
}

/// The world as a client sees it. Orders of maps may be fixed beforehand.
struct ClientWorld<'s, 'a> {
    simulation: &'s mut Simulation<'a>,
    consumer: u32,
    /// The process is gone.
    is_over: bool,
    /// The application has done its work on these records, and that is still to be told.
    done: Option<Rc<[RecordBatch]>>,
}

impl ClientWorld<'_, '_> {
    fn random(&mut self) -> &mut RandomStream {
        &mut self.simulation.hosts[self.consumer as usize].random.client
    }

    /// The application has done its work: told before anything that the consumer does then.
    #[inline]
    fn tell_of_work_done(&mut self) {
        if let Some(batches) = self.done.take() {
            self.work_done(batches, false);
        }
    }

    #[inline(never)]
    fn work_done(&mut self, batches: Rc<[RecordBatch]>, poll_called: bool) {
        let consumer = Simulation::name(self.consumer);
        let event = Event::ProcessingEnded { consumer, batches, poll_called };
        let told = TraceEvent { at: self.simulation.now, event };
        self.simulation.show(&told);
        if let Event::ProcessingEnded { batches, .. } = told.event {
            self.simulation.taken.give_back(batches);
        }
    }
}

impl Jitter for ClientWorld<'_, '_> {
    fn unit(&mut self) -> f64 {
        self.random().next_f64()
    }

    fn map_order(&mut self) -> u64 {
        let drawn = self.random().next_u64();
        self.simulation.fixed[self.consumer as usize].map_orders.pop_front().unwrap_or(drawn)
    }
}

impl World for ClientWorld<'_, '_> {
    fn carry_out(&mut self, output: Output) {
        self.tell_of_work_done();
        match output {
            _ if self.is_over => {}
            Output::Event(event) => self.tell(event),
            Output::Process { records, stall } => self.simulation.begin_batch(self.consumer, records, stall),
            act => {
                self.is_over = matches!(act, Output::Closed | Output::Failed);
                self.simulation.client_output(self.consumer, act);
            }
        }
    }

    fn tell(&mut self, event: ClientEvent) {
        if self.is_over {
            return;
        }
        if let Some(batches) = self.done.take() {
            let poll_called = matches!(event, ClientEvent::PollCalled);
            self.work_done(batches, poll_called);
            if poll_called {
                return;
            }
        }
        let consumer = Simulation::name(self.consumer);
        // A copy of something that was written a moment ago, field by field, waits for it: the commonest are made anew.
        match event {
            ClientEvent::HeartbeatSent => {
                self.simulation.emit(Event::Client { consumer, event: ClientEvent::HeartbeatSent });
            }
            ClientEvent::ResponseHandled { api, error, latency_ns } => {
                let event = ClientEvent::ResponseHandled { api, error, latency_ns };
                self.simulation.emit(Event::Client { consumer, event });
            }
            event => self.simulation.emit(Event::Client { consumer, event }),
        }
    }
}
