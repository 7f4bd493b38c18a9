//! The group metrics of one broker (`GroupCoordinatorMetrics`).

use crate::analysis::facts::{Facts, Phase};
use crate::analysis::outcome::{Metric, MetricValues};
use crate::coordinator::CoordinatorEvent;
use crate::engine::SimTime;

use super::sensor::Sensor;

/// Group metrics of one broker.
#[derive(Clone, Debug, Default)]
pub(super) struct BrokerMetrics {
    completed_rebalances: Sensor,
    offset_commits: Sensor,
    offset_expirations: Sensor,
}

impl BrokerMetrics {
    /// So many offsets are durable.
    pub fn offsets_committed(&mut self, now: SimTime, partitions: usize) {
        self.offset_commits.record(now.millis(), partitions as f64);
    }

    /// The coordinator on this broker did something else.
    pub fn event(&mut self, now: SimTime, event: &CoordinatorEvent) {
        match event {
            // Recorded when the assignment is stored and the group goes to Stable.
            CoordinatorEvent::Stable { .. } => self.completed_rebalances.record(now.millis(), 1.0),
            CoordinatorEvent::OffsetsExpired { partitions, .. } => {
                self.offset_expirations.record(now.millis(), partitions.len() as f64);
            }
            _ => {}
        }
    }

    /// The metrics at the end of the run; none of a broker that is down.
    pub fn outcome(&mut self, facts: &Facts, broker: usize) -> Vec<Metric> {
        if !facts.brokers_up[broker] {
            return Vec::new();
        }
        let now = facts.now.millis();
        let named = |name: &str, values| Metric {
            group: format!("broker-{broker} group-coordinator-metrics"),
            name: name.to_string(),
            values,
        };
        let count = |wanted: fn(Phase) -> bool| {
            let here = facts.groups.iter().filter(|group| {
                group.exists && group.available && group.coordinator.0 as usize == broker && wanted(group.phase)
            });
            MetricValues { at_end: Some(here.count() as f64), highest: None }
        };
        vec![
            named("group-count{protocol=classic}", count(|_| true)),
            named("classic-group-count{state=PreparingRebalance}", count(|p| matches!(p, Phase::Preparing { .. }))),
            named("classic-group-count{state=CompletingRebalance}", count(|p| p == Phase::Completing)),
            named("classic-group-count{state=Stable}", count(|p| p == Phase::Stable)),
            named("classic-group-count{state=Empty}", count(|p| p == Phase::Empty)),
            named("group-completed-rebalance-rate", self.completed_rebalances.rate(now)),
            named("group-completed-rebalance-count", self.completed_rebalances.total()),
            named("offset-commit-rate", self.offset_commits.sum_rate(now)),
            named("offset-commit-count", self.offset_commits.sum()),
            named("offset-expiration-rate", self.offset_expirations.sum_rate(now)),
            named("offset-expiration-count", self.offset_expirations.sum()),
        ]
    }
}
