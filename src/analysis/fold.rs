//! Folds the events of a run: hands each to the topics that it concerns, facts first.

use crate::analysis::facts::{ConsumerFacts, Facts, GroupNumber};
use crate::analysis::invariants::Invariants;
use crate::analysis::livelock::Livelocks;
use crate::analysis::metrics::Metrics;
use crate::analysis::offsets::Offsets;
use crate::analysis::outcome::{ExceptionOutcome, ProcessSpan, limits};
use crate::analysis::partitions::Partitions;
use crate::analysis::rebalances::Rebalances;
use crate::analysis::removals::Removals;
use crate::client::interface::Api;
use crate::client::{ClientEvent, RecordBatch};
use crate::coordinator::CoordinatorEvent;
use crate::engine::{SimDuration, SimTime};
use crate::protocol::message::CommittedOffsets;
use crate::protocol::{BrokerId, ErrorCode, GroupId};
use crate::scenario::Scenario;
use crate::trace::fields::{self, Entity};
use crate::trace::{Directory, Event, Observer, TraceEvent};

/// Observes a run and sums it up.
///
/// Give it to the simulation as an observer (beside a [`Digest`](crate::trace::Digest)), then ask for the
/// [`Outcome`](crate::analysis::Outcome) with [`Analysis::outcome`].
pub struct Analysis<'a> {
    pub(super) facts: Facts<'a>,
    pub(super) partitions: Partitions,
    pub(super) rebalances: Rebalances,
    pub(super) removals: Removals,
    pub(super) offsets: Offsets,
    pub(super) metrics: Metrics,
    pub(super) invariants: Invariants,
    pub(super) livelocks: Livelocks,
    pub(super) processes: Vec<Vec<ProcessSpan>>,
    pub(super) exceptions: Vec<ExceptionOutcome>,
    loops: Vec<PollLoop>,
    /// Partitions known of the directory.
    known: usize,
    /// The directory as last seen.
    pub(super) directory: Directory,
    /// The reference instant of the live measures, while it has not come yet; then [`SimTime::MAX`].
    reference: SimTime,
    /// The first fault is to be that instant.
    first_fault: bool,
}

/// What the commonest events of one consumer touch beside its metrics.
#[derive(Clone)]
struct PollLoop {
    group: GroupNumber,
    /// The poll thread is inside `poll`.
    in_poll: bool,
    /// Something else than polls, batches, heartbeats and commits has happened to the consumer since its last poll. Only
    /// then do the ends of polls and batches change more than figures of their own.
    disturbed: bool,
    /// Beginning of the present batch.
    batch_from: SimTime,
    longest_batch: SimDuration,
    /// `max.poll.interval.ms`
    poll_interval: SimDuration,
}

impl PollLoop {
    fn new(consumer: &ConsumerFacts) -> Self {
        let poll_interval = consumer.settings.config.max_poll_interval_ms.max(0) as u64;
        PollLoop {
            group: consumer.group,
            in_poll: false,
            disturbed: true,
            batch_from: SimTime::ZERO,
            longest_batch: SimDuration::ZERO,
            poll_interval: SimDuration::from_millis(poll_interval),
        }
    }
}

impl<'a> Analysis<'a> {
    /// An analysis of a run of this scenario. The live measures refer to the beginning of the first fault.
    pub fn new(scenario: &'a Scenario) -> Self {
        Self::with_reference(scenario, None)
    }

    /// The same with the live measures taken from a given instant on.
    pub fn with_reference(scenario: &'a Scenario, reference: Option<SimTime>) -> Self {
        let facts = Facts::new(scenario);
        Analysis {
            partitions: Partitions::new(&facts),
            rebalances: Rebalances::new(&facts),
            removals: Removals::new(&facts),
            offsets: Offsets::new(&facts),
            metrics: Metrics::new(&facts),
            invariants: Invariants::new(&facts),
            livelocks: Livelocks::new(&facts),
            processes: facts.consumers.iter().map(|_| Vec::new()).collect(),
            exceptions: Vec::new(),
            loops: facts.consumers.iter().map(PollLoop::new).collect(),
            known: usize::MAX,
            directory: Directory::default(),
            reference: reference.unwrap_or(SimTime::MAX),
            first_fault: reference.is_none(),
            facts,
        }
    }

    /// The longest batch of a consumer.
    pub(super) fn longest_batch(&self, consumer: usize) -> SimDuration {
        self.loops[consumer].longest_batch
    }

    fn discover(&mut self, directory: &Directory) {
        self.known = directory.partitions.len();
        self.directory = directory.clone();
        self.partitions.discover(&self.facts, directory);
        self.offsets.discover(&self.facts, directory);
    }

    /// The live measures begin.
    #[cold]
    fn reference_comes(&mut self, reference: SimTime) {
        (self.reference, self.first_fault) = (SimTime::MAX, false);
        self.partitions.set_reference(reference);
        self.rebalances.set_reference();
        self.removals.set_reference(reference);
    }

    /// Takes in an event before which there is something to be done: time goes back, the reference instant comes, there
    /// are new partitions.
    #[cold]
    #[inline(never)]
    fn take_after_change(&mut self, directory: &Directory, event: &TraceEvent) {
        let at = event.at;
        if at < self.facts.now {
            self.invariants.time_goes_back(self.facts.now, at);
        }
        if self.known != directory.partitions.len() {
            self.facts.now = at;
            self.discover(directory);
        }
        if at >= self.reference {
            self.reference_comes(self.reference);
        }
        self.facts.now = at;
        self.take(directory, &event.event);
    }

    #[inline]
    fn take(&mut self, directory: &Directory, event: &Event) {
        match event {
            Event::Client { consumer, event: what } => {
                let consumer = consumer.0 as usize;
                match what {
                    ClientEvent::PollCalled => self.poll_called(directory, consumer),
                    ClientEvent::HeartbeatSent => self.heartbeat_sent(consumer),
                    ClientEvent::ResponseHandled { api, error, latency_ns } => {
                        self.response(consumer, *api, *error, *latency_ns);
                    }
                    ClientEvent::CommitSent { sync, .. } => self.commit_sent(consumer, *sync),
                    ClientEvent::CommitEnded { result, latency_ns, .. } => {
                        self.commit_ended(consumer, result, *latency_ns);
                    }
                    _ => self.client_rarely(directory, consumer, what, event),
                }
            }
            Event::ProcessingBegan { consumer, batches } => self.batch_began(consumer.0 as usize, batches),
            Event::ProcessingEnded { consumer, batches, poll_called } => {
                self.batch_ended(directory, consumer.0 as usize, batches, *poll_called);
            }
            Event::Coordinator { broker, event: CoordinatorEvent::OffsetsCommitted { group, partitions, .. } } => {
                self.committed(*broker, group, partitions);
            }
            _ => self.rarely(directory, event),
        }
    }

    // What follows up to `committed` are the commonest events. Each has a function of its own that is not inlined, so that it
    // saves only those registers that it needs.

    #[inline(never)]
    fn heartbeat_sent(&mut self, consumer: usize) {
        self.metrics.consumers[consumer].heartbeat_sent(self.facts.now);
        self.invariants.heartbeat_sent(consumer);
    }

    #[inline(never)]
    fn response(&mut self, consumer: usize, api: Api, error: ErrorCode, latency_ns: u64) {
        self.metrics.consumers[consumer].response(self.facts.now, api, error, latency_ns);
        self.invariants.response(&self.facts, consumer, api, error, latency_ns);
    }

    #[inline(never)]
    fn commit_sent(&mut self, consumer: usize, sync: bool) {
        self.metrics.consumers[consumer].commit_sent(self.facts.now, sync);
        self.offsets.commit_sent(self.loops[consumer].group);
    }

    #[inline(never)]
    fn commit_ended(&mut self, consumer: usize, result: &Result<(), &'static str>, latency_ns: u64) {
        let answered = result.is_ok().then_some(latency_ns);
        self.metrics.consumers[consumer].commit_ended(self.facts.now, answered);
        if let Err(class) = result {
            self.offsets.commit_failed(self.loops[consumer].group, class);
        }
    }

    #[inline(never)]
    fn batch_began(&mut self, consumer: usize, batches: &[RecordBatch]) {
        let poll_loop = &mut self.loops[consumer];
        poll_loop.in_poll = false;
        poll_loop.batch_from = self.facts.now;
        let group = poll_loop.group;
        let records = batches.iter().map(|batch| batch.count).sum();
        self.metrics.consumers[consumer].poll_returned(self.facts.now, records);
        for batch in batches {
            let taken = self.partitions.records(group, consumer, batch);
            self.invariants.records(&self.facts, consumer, batch, taken);
        }
    }

    #[inline(never)]
    fn batch_ended(&mut self, directory: &Directory, consumer: usize, batches: &[RecordBatch], poll_called: bool) {
        let poll_loop = &mut self.loops[consumer];
        let length = self.facts.now.since(poll_loop.batch_from);
        poll_loop.longest_batch = poll_loop.longest_batch.max(length);
        self.offsets.processed(poll_loop.group, consumer, batches);
        if length > poll_loop.poll_interval {
            self.livelocks.long_batch(consumer, length);
        }
        if poll_loop.disturbed {
            self.facts.batch_over(consumer);
            self.partitions.stuck_changed(&self.facts, directory, consumer);
        }
        if poll_called {
            self.poll_called(directory, consumer);
        }
    }

    /// Offsets are durable at the coordinator.
    #[inline(never)]
    fn committed(&mut self, broker: BrokerId, group: &GroupId, offsets: &CommittedOffsets) {
        self.metrics.offsets_committed(self.facts.now, broker, offsets.len());
        let Some(group) = self.facts.group_number(group) else { return };
        self.facts.groups[group].answers_from(broker);
        let beyond = self.offsets.committed(group, offsets);
        self.invariants.committed(&self.facts, group, beyond);
    }

    /// `poll` was called.
    #[inline(always)]
    fn poll_called(&mut self, directory: &Directory, consumer: usize) {
        let poll_loop = &mut self.loops[consumer];
        poll_loop.in_poll = true;
        if poll_loop.disturbed {
            return self.polls_again(directory, consumer);
        }
        self.metrics.consumers[consumer].polls.called(self.facts.now);
    }

    /// `poll` is called for the first time after something else happened to the consumer.
    #[cold]
    #[inline(never)]
    fn polls_again(&mut self, directory: &Directory, consumer: usize) {
        self.loops[consumer].disturbed = false;
        self.metrics.consumers[consumer].polls.called(self.facts.now);
        self.facts.poll_called(consumer);
        self.rebalances.polled(self.facts.now, consumer);
        self.partitions.stuck_changed(&self.facts, directory, consumer);
    }

    #[inline(never)]
    fn client_rarely(&mut self, directory: &Directory, consumer: usize, event: &ClientEvent, whole: &Event) {
        let poll_loop = &mut self.loops[consumer];
        poll_loop.disturbed = true;
        let group = poll_loop.group;
        self.facts.consumers[consumer].in_poll = poll_loop.in_poll;
        self.facts.event(whole);
        self.metrics.consumers[consumer].event(self.facts.now, event);
        self.invariants.client(&self.facts, consumer, event);
        self.offsets.client(group, event);
        self.livelocks.joins(&self.facts, consumer, event);
        self.rebalances.event(&self.facts, &self.partitions, whole);
        let shared = self.partitions.event(&self.facts, directory, whole);
        match event {
            ClientEvent::AssignmentChanged { .. } => {
                self.invariants.assigned(&self.facts, directory, shared.as_ref());
            }
            ClientEvent::Exception { place, class, message } => self.exception(consumer, place, class, message),
            _ => {}
        }
    }

    fn exception(&mut self, consumer: usize, place: &str, class: &str, message: &str) {
        if self.exceptions.len() < limits::EXCEPTIONS_LISTED {
            self.exceptions.push(ExceptionOutcome {
                at_s: self.facts.now.as_secs_f64(),
                consumer: self.facts.name(consumer),
                place: place.to_string(),
                class: class.to_string(),
                message: message.to_string(),
            });
        }
    }

    /// Anything but a batch, a commit and what a client does.
    #[inline(never)]
    fn rarely(&mut self, directory: &Directory, event: &Event) {
        if self.first_fault && matches!(event, Event::FaultBegan { .. }) {
            self.reference_comes(self.facts.now);
        }
        if let Entity::Consumer(consumer) = fields::entity(event) {
            self.loops[consumer.0 as usize].disturbed = true;
        }
        self.facts.event(event);
        self.metrics.event(&self.facts, event);
        self.invariants.event(&self.facts, event);
        let started = self.rebalances.event(&self.facts, &self.partitions, event);
        self.partitions.event(&self.facts, directory, event);
        if let Event::Coordinator { event, .. } = event {
            self.removals.event(&self.facts, event);
            self.livelocks.coordinator(&self.facts, event);
        }
        if let Some(started) = started {
            self.livelocks.rebalance(&self.facts, &started);
        }
        self.process(event);
    }

    fn process(&mut self, event: &Event) {
        let now = self.facts.now.as_secs_f64();
        match event {
            Event::ProcessStarted { consumer } => {
                self.loops[consumer.0 as usize].in_poll = false;
                let spans = &mut self.processes[consumer.0 as usize];
                if spans.len() < limits::PROCESSES_LISTED {
                    spans.push(ProcessSpan { from_s: now, to_s: None, ended: None });
                }
            }
            Event::ProcessStopped { consumer, how } => {
                self.loops[consumer.0 as usize].in_poll = false;
                let last = self.processes[consumer.0 as usize].last_mut();
                if let Some(span) = last.filter(|span| span.to_s.is_none()) {
                    span.to_s = Some(now);
                    span.ended = Some(fields::stop_kind(*how).to_string());
                }
            }
            _ => {}
        }
    }
}

impl Observer for Analysis<'_> {
    fn event(&mut self, directory: &Directory, event: &TraceEvent) {
        let at = event.at;
        self.invariants.time_checked();
        if at < self.facts.now || at >= self.reference || self.known != directory.partitions.len() {
            return self.take_after_change(directory, event);
        }
        self.facts.now = at;
        self.take(directory, &event.event);
    }

    fn sample(&mut self, directory: &Directory, at: SimTime, log_ends: &[i64]) {
        if self.known != directory.partitions.len() {
            self.facts.now = at;
            self.discover(directory);
        }
        self.offsets.sample(at, log_ends);
    }
}
