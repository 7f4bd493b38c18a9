//! The whole result of one run as plain data. These types *are* the public JSON contract (`report.json`): what a field
//! is called here is what it is called there.
//!
//! - Instants and spans are seconds as numbers; their names end in `_s`. Instants count from the start of the run.
//! - Partition-seconds add the seconds of all partitions concerned; their names end in `_partition_seconds`.
//! - A partition is named `<topic>-<number>`, a consumer as in the scenario (`worker-2`), a setting by Kafka's name.
//! - `null` means that it did not happen (or not before the end of the run). Kafka's NaN metrics are `null`, too.
//! - Lists that could grow with simulated time are cut at the `*_LISTED` limits in [`limits`]; `*_total` counts beside
//!   them and all figures stay exact.

mod group;
mod rebalance;
mod run;
mod verdict;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use group::{
    GroupOutcome, LagSample, Lags, OwnershipSpan, PartitionOutcome, PauseCause, PauseSpan, SpanEnd, Spread, Totals,
};
pub use rebalance::{
    Barrier, BarrierPhase, MemberPhases, ReasonClass, Rebalance, RebalanceEnd, Removal, RemovalKind, Trigger,
    TriggerKind,
};
pub use run::{
    Configuration, ConsumerOutcome, ConsumerSettings, EffectiveNote, ExceptionOutcome, FaultOutcome, Metric,
    MetricValues, NotModelled, ProcessSpan, RunIdentity, Setting, SettingSource,
};
pub use verdict::{
    ExpectationOutcome, FigureValue, InvariantOutcome, Livelock, LivelockCause, Measured, MeasuredRebalance, Violation,
};

/// Version of the contract. Grows when a field is renamed, removed or changes its meaning; new fields don't change it.
pub const FORMAT_VERSION: u32 = 1;

/// How many entries the lists of an [`Outcome`] hold at most, so that memory does not grow with simulated time.
pub mod limits {
    /// Rebalances per group with all their details; the first ones are kept.
    pub const REBALANCES_LISTED: usize = 2_000;
    /// Entries of [`super::Rebalance::members`] over all rebalances of a group; later rebalances list none.
    pub const MEMBER_PHASES_LISTED: usize = 100_000;
    /// Ownership spans per group; the first ones are kept.
    pub const OWNERSHIP_SPANS_LISTED: usize = 50_000;
    /// Pauses per group; the first ones are kept.
    pub const PAUSE_SPANS_LISTED: usize = 50_000;
    /// Removals of members per group; the first ones are kept.
    pub const REMOVALS_LISTED: usize = 2_000;
    /// Exceptions per run; the first ones are kept.
    pub const EXCEPTIONS_LISTED: usize = 1_000;
    /// Occurrences of faults per run; the first ones are kept.
    pub const FAULTS_LISTED: usize = 5_000;
    /// Process life spans per consumer; the first ones are kept.
    pub const PROCESSES_LISTED: usize = 1_000;
    /// Lag samples per group; when full, neighbours are merged (each keeps the larger lag), so the whole run is covered.
    pub const LAG_SAMPLES_LISTED: usize = 1_024;
    /// Violations told per invariant; the first ones are kept.
    pub const VIOLATIONS_LISTED: usize = 20;
}

/// Everything that one run showed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Outcome {
    /// [`FORMAT_VERSION`] of the writer.
    pub format_version: u32,
    /// What was run.
    pub run: RunIdentity,
    /// The settings that took effect.
    pub configuration: Configuration,
    /// What the scenario asks for that is not modelled, so that the figures can be wrong by it; empty if nothing is known
    /// of that kind.
    pub not_modelled: Vec<NotModelled>,
    /// Totals over all groups.
    pub totals: Totals,
    /// The groups, in scenario order.
    pub groups: Vec<GroupOutcome>,
    /// The consumers, in scenario order over all groups.
    pub consumers: Vec<ConsumerOutcome>,
    /// The brokers' group metrics under Kafka's names, as JMX shows them at the end of the run.
    pub broker_metrics: Vec<Metric>,
    /// Faults that happened, in order of their beginning.
    pub faults: Vec<FaultOutcome>,
    /// Number of fault occurrences, listed or not.
    pub faults_total: u64,
    /// Exceptions that reached applications, in time order.
    pub exceptions: Vec<ExceptionOutcome>,
    /// The invariants that were watched, each with what was found.
    pub invariants: Vec<InvariantOutcome>,
    /// Livelocks found; empty when every group comes to rest.
    pub livelocks: Vec<Livelock>,
    /// The `expect` lines of the scenario, each judged.
    pub expectations: Vec<ExpectationOutcome>,
    /// The measures of live recordings, taken from one reference instant.
    pub measured: Measured,
}

impl Outcome {
    /// True if every expectation of the scenario holds.
    pub fn expectations_hold(&self) -> bool {
        self.expectations.iter().all(|e| e.holds)
    }

    /// True if no invariant was violated.
    pub fn invariants_hold(&self) -> bool {
        self.invariants.iter().all(|i| i.violations_total == 0)
    }

    /// The group of that id.
    pub fn group(&self, id: &str) -> Option<&GroupOutcome> {
        self.groups.iter().find(|g| g.id == id)
    }
}
