//! The figures of one run that are compared over many: the values that the recorder measured.

use indexmap::IndexMap;

use super::recording::Traffic;
use super::story::{Rebalance, Story};
use crate::engine::Millis;

/// The figures of one repetition or one simulated run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measures {
    /// Value by name. What did not happen (no detection, fewer rebalances) has no entry.
    pub values: IndexMap<String, f64>,
}

/// How far beyond the simulated range a value may lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slack {
    /// A time: by the tolerance of times.
    Time,
    /// A count: not at all.
    Count,
    /// Of records under traffic: by a quarter.
    Traffic,
}

impl Measures {
    /// Takes the figures from a story of so many partitions.
    pub fn of(story: &Story, partitions: u32) -> Measures {
        let mut measures = Measures::default();
        let after = story.after_reference();
        measures.count("rebalances before the reference", story.rebalances.len() - after.len());
        measures.count("rebalances", after.len());
        let exceptions: usize = story.members.values().map(|member| member.exceptions.len()).sum();
        measures.count("exceptions", exceptions);
        measures.time("detected", story.since_reference(story.detected));
        measures.time("settled", story.since_reference(story.settled));
        measures.time("longest unavailable time", Some(story.ownership.unavailable_max_ms));
        let mean = |sum: i64| Some(sum / i64::from(partitions.max(1)));
        measures.time("unavailable time, mean of partitions", mean(story.ownership.unavailable_partition_ms()));
        measures.time("double owners, mean of partitions", mean(story.ownership.double_owner_partition_ms));
        for (place, rebalance) in after.iter().enumerate() {
            measures.rebalance(story.reference, &format!("rebalance {}", place + 1), rebalance);
        }
        measures
    }

    /// Adds what became of the records, measured from the reference on.
    pub fn with_traffic(mut self, traffic: Option<&Traffic>, reference: Millis) -> Measures {
        if let Some(traffic) = traffic {
            self.values.extend(traffic.figures(reference));
        }
        self
    }

    fn rebalance(&mut self, reference: Millis, about: &str, rebalance: &Rebalance) {
        let since_start = |at: Option<Millis>| at.map(|at| at - rebalance.start);
        self.time(&format!("{about} start"), Some(rebalance.start - reference));
        self.time(&format!("{about} join phase"), since_start(rebalance.joined.map(|joined| joined.at)));
        self.time(&format!("{about} latency"), since_start(rebalance.assigned));
        self.time(&format!("{about} first notice"), since_start(rebalance.notices.values().min().copied()));
        self.time(&format!("{about} last notice"), since_start(rebalance.notices.values().max().copied()));
    }

    fn count(&mut self, name: &str, count: usize) {
        self.values.insert(name.to_owned(), count as f64);
    }

    fn time(&mut self, name: &str, ms: Option<i64>) {
        if let Some(ms) = ms {
            self.values.insert(name.to_owned(), ms as f64);
        }
    }

    /// Whether a figure of that name is a time or a count.
    pub fn slack(name: &str) -> Slack {
        match name {
            "rebalances before the reference" | "rebalances" | "exceptions" => Slack::Count,
            _ if Traffic::is_figure(name) => Slack::Traffic,
            _ => Slack::Time,
        }
    }
}
