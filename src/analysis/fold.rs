//! Folds the events of a run: hands each to the topics that it concerns, facts first.

use crate::analysis::facts::Facts;
use crate::analysis::invariants::Invariants;
use crate::analysis::livelock::Livelocks;
use crate::analysis::metrics::Metrics;
use crate::analysis::offsets::Offsets;
use crate::analysis::outcome::{ExceptionOutcome, ProcessSpan, limits};
use crate::analysis::partitions::Partitions;
use crate::analysis::rebalances::Rebalances;
use crate::analysis::removals::Removals;
use crate::client::{ClientEvent, RecordBatch};
use crate::coordinator::CoordinatorEvent;
use crate::engine::{SimDuration, SimTime};
use crate::scenario::Scenario;
use crate::trace::{Directory, Event, Observer, TraceEvent, fields};

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
    /// Beginning of each consumer's present batch, and its longest batch.
    batches: Vec<(SimTime, SimDuration)>,
    /// Partitions known of the directory.
    known: usize,
    /// The directory as last seen.
    pub(super) directory: Directory,
    reference: Reference,
}

/// The reference instant of the live measures.
#[derive(Clone, Copy)]
enum Reference {
    /// The first fault, which has not come yet.
    FirstFault,
    /// This instant, which has not come yet.
    At(SimTime),
    /// It has come.
    Passed,
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
            batches: vec![(SimTime::ZERO, SimDuration::ZERO); facts.consumers.len()],
            known: usize::MAX,
            directory: Directory::default(),
            reference: reference.map_or(Reference::FirstFault, Reference::At),
            facts,
        }
    }

    /// The longest batch of a consumer.
    pub(super) fn longest_batch(&self, consumer: usize) -> SimDuration {
        self.batches[consumer].1
    }

    fn discover(&mut self, directory: &Directory) {
        self.known = directory.partitions.len();
        self.directory = directory.clone();
        self.partitions.discover(&self.facts, directory);
        self.offsets.discover(&self.facts, directory);
    }

    /// The reference instant of the live measures may have come.
    #[inline]
    fn check_reference(&mut self, at: SimTime, event: &Event) {
        let reference = match self.reference {
            Reference::FirstFault if matches!(event, Event::FaultBegan { .. }) => at,
            Reference::At(reference) if at >= reference => reference,
            Reference::FirstFault | Reference::At(_) | Reference::Passed => return,
        };
        self.reference_comes(reference);
    }

    fn reference_comes(&mut self, reference: SimTime) {
        self.reference = Reference::Passed;
        self.partitions.set_reference(reference);
        self.rebalances.set_reference();
        self.removals.set_reference(reference);
    }

    /// A client did something: the commonest events first, each handed only to those topics that want it.
    #[inline]
    fn client(&mut self, directory: &Directory, consumer: usize, event: &ClientEvent, whole: &Event) {
        let now = self.facts.now;
        match event {
            ClientEvent::PollCalled => {
                self.facts.poll_called(consumer);
                self.metrics.consumers[consumer].polls.called(now);
                self.rebalances.polled(now, consumer);
                self.partitions.stuck_changed(&self.facts, directory, consumer);
            }
            ClientEvent::PollReturned { records } => {
                self.facts.poll_over(consumer);
                self.metrics.consumers[consumer].poll_returned(now, *records);
            }
            ClientEvent::HeartbeatSent => {
                self.metrics.consumers[consumer].heartbeat_sent(now);
                self.invariants.heartbeat_sent(consumer);
            }
            ClientEvent::ResponseHandled { api, error, latency_ns } => {
                self.metrics.consumers[consumer].response(now, *api, *error, *latency_ns);
                self.invariants.response(&self.facts, consumer, *api, *error, *latency_ns);
            }
            ClientEvent::CommitSent { .. } | ClientEvent::CommitEnded { .. } => {
                self.metrics.consumers[consumer].event(now, event);
                self.offsets.client(self.facts.consumers[consumer].group, event);
            }
            _ => self.client_rarely(directory, consumer, event, whole),
        }
    }

    #[inline(never)]
    fn client_rarely(&mut self, directory: &Directory, consumer: usize, event: &ClientEvent, whole: &Event) {
        let group = self.facts.consumers[consumer].group;
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

    fn coordinator(&mut self, event: &CoordinatorEvent) {
        if let CoordinatorEvent::OffsetsCommitted { group, partitions, .. } = event {
            if let Some(group) = self.facts.group_number(group) {
                let beyond = self.offsets.committed(group, partitions);
                self.invariants.committed(&self.facts, group, beyond);
            }
            return;
        }
        self.removals.event(&self.facts, event);
        self.livelocks.coordinator(&self.facts, event);
    }

    fn batch_began(&mut self, consumer: usize, batches: &[RecordBatch]) {
        self.facts.poll_over(consumer);
        self.metrics.consumers[consumer].polls.returned(self.facts.now);
        self.batches[consumer].0 = self.facts.now;
        for batch in batches {
            let taken = self.partitions.records(&self.facts, consumer, batch);
            self.invariants.records(&self.facts, consumer, batch, taken);
        }
    }

    fn batch_ended(&mut self, directory: &Directory, consumer: usize, batches: &[RecordBatch]) {
        self.facts.batch_over(consumer);
        let length = self.facts.now.since(self.batches[consumer].0);
        self.batches[consumer].1 = self.batches[consumer].1.max(length);
        self.livelocks.batch(&self.facts, consumer, length);
        self.offsets.processed(self.facts.consumers[consumer].group, consumer, batches);
        self.partitions.stuck_changed(&self.facts, directory, consumer);
    }

    /// Anything but a batch and what a client does.
    #[inline(never)]
    fn rarely(&mut self, directory: &Directory, event: &Event) {
        self.facts.event(event);
        self.metrics.event(&self.facts, event);
        self.invariants.event(&self.facts, event);
        let started = self.rebalances.event(&self.facts, &self.partitions, event);
        self.partitions.event(&self.facts, directory, event);
        if let Event::Coordinator { event, .. } = event {
            self.coordinator(event);
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
                let spans = &mut self.processes[consumer.0 as usize];
                if spans.len() < limits::PROCESSES_LISTED {
                    spans.push(ProcessSpan { from_s: now, to_s: None, ended: None });
                }
            }
            Event::ProcessStopped { consumer, how } => {
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
        self.invariants.time(event.at);
        if self.known != directory.partitions.len() {
            self.facts.now = event.at;
            self.discover(directory);
        }
        self.check_reference(event.at, &event.event);
        self.facts.now = event.at;
        let event = &event.event;
        match event {
            Event::Client { consumer, event: what } => self.client(directory, consumer.0 as usize, what, event),
            Event::ProcessingBegan { consumer, batches } => self.batch_began(consumer.0 as usize, batches),
            Event::ProcessingEnded { consumer, batches } => self.batch_ended(directory, consumer.0 as usize, batches),
            _ => self.rarely(directory, event),
        }
    }

    fn sample(&mut self, directory: &Directory, at: SimTime, log_ends: &[i64]) {
        if self.known != directory.partitions.len() {
            self.facts.now = at;
            self.discover(directory);
        }
        self.offsets.sample(at, log_ends);
    }
}
