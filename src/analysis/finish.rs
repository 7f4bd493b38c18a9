//! Sums up a run: from the topics to the [`Outcome`].

use crate::analysis::configuration::configuration;
use crate::analysis::fold::Analysis;
use crate::analysis::outcome::{
    ConsumerOutcome, FORMAT_VERSION, GroupOutcome, Measured, NotModelled, Outcome, RunIdentity, Spread, Totals,
};
use crate::analysis::{Histogram, expectations};
use crate::engine::SimTime;
use crate::scenario::checked::Note;
use crate::trace::Digest;

/// The version of Apache Kafka whose behaviour is modelled.
pub const KAFKA_VERSION: &str = "4.1.1";

/// Sets of values of one run or of several: what totals can only tell in quantiles.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Distributions {
    /// Coordinator's view: "Preparing to rebalance" to "Assignment received from leader".
    pub rebalance_latency: Histogram,
    /// "Preparing to rebalance" to "Stabilized".
    pub join_phase: Histogram,
    /// `rebalance-latency` of every member and rebalance.
    pub member_rebalance_latency: Histogram,
    /// Lengths of single pauses of single partitions.
    pub pause: Histogram,
    /// From the end of a crashed process to its removal.
    pub detection: Histogram,
}

impl Distributions {
    /// Adds the values of another run or group.
    pub fn merge(&mut self, other: &Distributions) {
        self.rebalance_latency.merge(&other.rebalance_latency);
        self.join_phase.merge(&other.join_phase);
        self.member_rebalance_latency.merge(&other.member_rebalance_latency);
        self.pause.merge(&other.pause);
        self.detection.merge(&other.detection);
    }
}

impl From<&Histogram> for Spread {
    /// Of spans in nanoseconds: seconds.
    fn from(values: &Histogram) -> Self {
        let seconds = |nanos: Option<u64>| nanos.map(|nanos| nanos as f64 / 1e9);
        Spread {
            count: values.count(),
            total: values.sum() as f64 / 1e9,
            min: seconds(values.min()),
            avg: values.mean().map(|nanos| nanos / 1e9),
            p50: seconds(values.quantile(0.5)),
            p90: seconds(values.quantile(0.9)),
            p99: seconds(values.quantile(0.99)),
            max: seconds(values.max()),
        }
    }
}

impl Analysis<'_> {
    /// The outcome of the run, and the distributions over all groups.
    pub fn outcome(mut self, seed: u64, digest: &Digest) -> (Outcome, Distributions) {
        let scenario = self.facts.scenario;
        self.facts.now = SimTime::ZERO + scenario.duration;
        let directory = std::mem::take(&mut self.directory);
        self.rebalances.finish(&self.facts, &self.partitions);
        self.partitions.finish(&self.facts, &directory);
        let busy = |group: usize| {
            let gaps =
                self.facts.groups[group].consumers.clone().map(|consumer| self.metrics.longest_poll_gap(consumer));
            gaps.max().unwrap_or_default()
        };
        self.invariants.unassigned(&self.facts, &directory, self.partitions.unassigned(), busy);
        let mut distributions = Distributions::default();
        let mut groups = Vec::new();
        let mut totals = Totals::default();
        for number in 0..self.facts.groups.len() {
            let of_group = self.distributions(number);
            let group = self.group(number);
            totals.add(&group.totals);
            distributions.merge(&of_group);
            groups.push(group);
        }
        totals.set_spreads(&distributions);
        let consumers = (0..self.facts.consumers.len()).map(|number| self.consumer(number)).collect();
        let measured = self.measured(&groups);
        let mut outcome = Outcome {
            format_version: FORMAT_VERSION,
            run: self.identity(seed, digest),
            configuration: configuration(scenario),
            not_modelled: scenario.not_modelled.iter().map(left_out).collect(),
            totals,
            groups,
            consumers,
            broker_metrics: self.metrics.of_brokers(&self.facts),
            faults: std::mem::take(&mut self.facts.faults.list),
            faults_total: self.facts.faults.total,
            exceptions: self.exceptions,
            invariants: self.invariants.outcomes(),
            livelocks: self.livelocks.finish(&self.facts),
            expectations: Vec::new(),
            measured,
        };
        outcome.expectations = expectations::judge(&scenario.expect, &outcome);
        (outcome, distributions)
    }

    fn identity(&self, seed: u64, digest: &Digest) -> RunIdentity {
        let scenario = self.facts.scenario;
        let of_groups = digest.group_values().into_iter();
        RunIdentity {
            scenario: scenario.name.clone(),
            description: scenario.description.clone(),
            sources: scenario.sources.clone(),
            seed,
            duration_s: scenario.duration.as_secs_f64(),
            digest: Digest::text(digest.value()),
            group_digests: of_groups.map(|(id, value)| (id.to_string(), Digest::text(value))).collect(),
            events: digest.events(),
            version: env!("CARGO_PKG_VERSION").to_string(),
            kafka: KAFKA_VERSION.to_string(),
        }
    }

    fn distributions(&self, number: usize) -> Distributions {
        let [latency, join_phase, members] = self.rebalances.histograms(number);
        Distributions {
            rebalance_latency: latency.clone(),
            join_phase: join_phase.clone(),
            member_rebalance_latency: members.clone(),
            pause: self.partitions.pauses(number).clone(),
            detection: self.removals.detection(number).clone(),
        }
    }

    fn group(&mut self, number: usize) -> GroupOutcome {
        let mut totals = Totals::default();
        self.rebalances.totals(&self.facts, number, &mut totals);
        self.partitions.totals(number, &mut totals);
        self.removals.totals(number, &mut totals);
        self.offsets.totals(number, &mut totals);
        let mut partitions = Vec::new();
        for (index, mut partition) in self.partitions.outcomes(number) {
            self.offsets.partition(number, index, &mut partition);
            partitions.push(partition);
        }
        let (ownership, ownership_total, pauses, pauses_total) = self.partitions.lists(number);
        GroupOutcome {
            id: self.facts.groups[number].id.to_string(),
            totals,
            rebalances: self.rebalances.list(number),
            partitions,
            ownership,
            ownership_total,
            pauses,
            pauses_total,
            removals: self.removals.take_list(number),
            lag: self.offsets.lags(number),
        }
    }

    fn consumer(&mut self, number: usize) -> ConsumerOutcome {
        let group = self.facts.consumers[number].group;
        ConsumerOutcome {
            name: self.facts.name(number),
            group: self.facts.groups[group].id.to_string(),
            processes: std::mem::take(&mut self.processes[number]),
            processed_records: self.offsets.processed_by(number),
            longest_poll_gap_s: self.metrics.longest_poll_gap(number).as_secs_f64(),
            longest_batch_s: self.longest_batch(number).as_secs_f64(),
            barriers_held: self.rebalances.barriers_held(group, number),
            metrics: self.metrics.of_consumer(&self.facts, number),
        }
    }

    fn measured(&self, groups: &[GroupOutcome]) -> Measured {
        let mut measured = Measured::default();
        self.partitions.measured(&mut measured);
        self.rebalances.measured(&self.facts, groups, &mut measured);
        self.removals.measured(&mut measured);
        measured
    }
}

impl Totals {
    /// Adds the totals of another group, but for what only [`Distributions`] can tell.
    fn add(&mut self, other: &Totals) {
        fn add_all<K: Ord + Clone, V: Copy + Default + std::ops::AddAssign>(
            into: &mut std::collections::BTreeMap<K, V>,
            from: &std::collections::BTreeMap<K, V>,
        ) {
            from.iter().for_each(|(key, value)| *into.entry(key.clone()).or_default() += *value);
        }
        self.rebalances += other.rebalances;
        add_all(&mut self.rebalances_by_reason, &other.rebalances_by_reason);
        add_all(&mut self.rebalances_by_trigger, &other.rebalances_by_trigger);
        self.rebalances_superseded += other.rebalances_superseded;
        self.generations += other.generations;
        add_all(&mut self.barrier_holders, &other.barrier_holders);
        self.paused_partition_seconds += other.paused_partition_seconds;
        add_all(&mut self.paused_partition_seconds_by_cause, &other.paused_partition_seconds_by_cause);
        self.unavailable_partition_seconds += other.unavailable_partition_seconds;
        self.unavailable_max_s = self.unavailable_max_s.max(other.unavailable_max_s);
        self.unowned_partition_seconds += other.unowned_partition_seconds;
        self.double_owned_partition_seconds += other.double_owned_partition_seconds;
        self.false_expulsions += other.false_expulsions;
        self.poll_interval_exceeded += other.poll_interval_exceeded;
        self.processed_records += other.processed_records;
        self.duplicates += other.duplicates;
        self.commits += other.commits;
        add_all(&mut self.commit_failures, &other.commit_failures);
        add_all(&mut self.exceptions, &other.exceptions);
        self.lag_peak = self.lag_peak.max(other.lag_peak);
        self.lag_at_end += other.lag_at_end;
        self.lag_drain_s = match (self.lag_drain_s, other.lag_drain_s) {
            (Some(a), Some(b)) => Some(a.max(b)),
            (a, b) => a.or(b),
        };
        self.committed_lag_peak = self.committed_lag_peak.max(other.committed_lag_peak);
    }

    fn set_spreads(&mut self, distributions: &Distributions) {
        self.rebalance_latency = (&distributions.rebalance_latency).into();
        self.join_phase = (&distributions.join_phase).into();
        self.member_rebalance_latency = (&distributions.member_rebalance_latency).into();
        self.pause = (&distributions.pause).into();
        self.detection = (&distributions.detection).into();
    }
}

fn left_out(note: &Note) -> NotModelled {
    NotModelled { place: note.place.clone(), text: note.text.clone() }
}
