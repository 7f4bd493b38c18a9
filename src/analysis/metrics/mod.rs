//! Kafka's own metrics under their real names and definitions: what JMX would show.

mod broker;
mod consumer;
mod polls;
mod sensor;
mod window;

use crate::analysis::facts::{ConsumerNumber, Facts};
use crate::analysis::outcome::Metric;
use crate::engine::{SimDuration, SimTime};
use crate::protocol::BrokerId;
use crate::trace::Event;

use broker::BrokerMetrics;
use consumer::ConsumerMetrics;

/// Metrics of all consumers and brokers.
pub(super) struct Metrics {
    pub consumers: Vec<ConsumerMetrics>,
    brokers: Vec<BrokerMetrics>,
}

impl Metrics {
    pub fn new(facts: &Facts) -> Self {
        Metrics {
            consumers: facts.consumers.iter().map(|c| ConsumerMetrics::new(c.settings.poll_timeout)).collect(),
            brokers: facts.brokers_up.iter().map(|_| BrokerMetrics::default()).collect(),
        }
    }

    /// Anything but a client's event, a batch or a commit.
    pub fn event(&mut self, facts: &Facts, event: &Event) {
        let now = facts.now;
        match event {
            Event::ProcessStarted { consumer } => {
                let consumer = consumer.0 as usize;
                self.consumers[consumer].restart(facts.consumers[consumer].settings.poll_timeout);
            }
            Event::CallbackBegan { consumer, callback, .. } => {
                self.consumers[consumer.0 as usize].callback_began(now, *callback);
            }
            Event::CallbackEnded { consumer, .. } => self.consumers[consumer.0 as usize].callback_ended(now),
            Event::PauseBegan { consumer, .. } | Event::ProcessStopped { consumer, .. } => {
                self.consumers[consumer.0 as usize].polls.catch_up(now);
            }
            Event::PauseEnded { consumer, .. } => self.consumers[consumer.0 as usize].polls.held_up(now),
            Event::Coordinator { broker, event } => {
                if let Some(metrics) = self.brokers.get_mut(broker.0 as usize) {
                    metrics.event(now, event);
                }
            }
            Event::BrokerUp { broker } => {
                if let Some(metrics) = self.brokers.get_mut(broker.0 as usize) {
                    *metrics = BrokerMetrics::default();
                }
            }
            _ => {}
        }
    }

    /// So many offsets are durable at the coordinator on this broker (one of the commonest events).
    pub fn offsets_committed(&mut self, now: SimTime, broker: BrokerId, partitions: usize) {
        if let Some(metrics) = self.brokers.get_mut(broker.0 as usize) {
            metrics.offsets_committed(now, partitions);
        }
    }

    /// Longest time from the start of one poll to the start of the next.
    pub fn longest_poll_gap(&self, consumer: ConsumerNumber) -> SimDuration {
        self.consumers[consumer].polls.longest
    }

    /// A consumer's metrics at the end of the run.
    pub fn of_consumer(&mut self, facts: &Facts, consumer: ConsumerNumber) -> Vec<Metric> {
        self.consumers[consumer].outcome(facts.now, facts.consumers[consumer].running)
    }

    /// The brokers' metrics at the end of the run, by broker.
    pub fn of_brokers(&mut self, facts: &Facts) -> Vec<Metric> {
        let brokers = self.brokers.iter_mut().enumerate();
        brokers.flat_map(|(number, metrics)| metrics.outcome(facts, number)).collect()
    }
}
